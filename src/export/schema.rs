//! A JSON Schema of the exported objects, made from the declarations of the events.

use std::collections::BTreeMap;

use mailtally_parsers::{FieldInfo, FieldType, Kind};
use serde_json::{Map, Value, json};

use super::{
    ENVELOPE, POSITION, REPEATED, SCHEMA, UNCLASSIFIED, UNCLASSIFIED_FIELDS, fields_of, kinds,
};

/// Returns a JSON Schema (draft 2020-12) with one definition for each kind.
///
/// An object of a kind has the envelope's fields, the kind's own, and no others.
pub fn schema() -> Value {
    let mut definitions = BTreeMap::from([("envelope".to_owned(), envelope())]);
    for kind in Kind::all() {
        let definition = definition(kind.name(), kind.about(), &fields_of(kind));
        definitions.insert(kind.name().to_owned(), definition);
    }
    let about = " A line of a mail program whose shape is not known.";
    let unclassified = definition(UNCLASSIFIED, about, &UNCLASSIFIED_FIELDS);
    definitions.insert(UNCLASSIFIED.to_owned(), unclassified);
    let choices: Vec<Value> = kinds()
        .map(|name| json!({ "$ref": format!("#/$defs/{name}") }))
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of a mail log",
        "description": "One object as `mailtally events` writes it: the fields of the line's \
            envelope, `kind`, and the fields of that kind.",
        "oneOf": choices,
        "$defs": definitions,
    })
}

fn envelope() -> Value {
    let (mut properties, mut names) = (Map::new(), Vec::new());
    for field in ENVELOPE {
        let mut property = property(&field);
        if field.name == "schema" {
            property.insert("const".to_owned(), json!(SCHEMA));
        }
        if let Some(name) = property.get_mut("type").filter(|_| !field.is_always_there) {
            *name = json!([name, "null"]);
        }
        properties.insert(field.name.to_owned(), property.into());
        names.push(field.name);
    }
    for field in [REPEATED, POSITION] {
        properties.insert(field.name.to_owned(), property(&field).into());
    }
    json!({ "type": "object", "properties": properties, "required": names })
}

fn definition(kind: &str, about: &str, fields: &[FieldInfo]) -> Value {
    let mut properties = Map::new();
    properties.insert("kind".to_owned(), json!({ "const": kind }));
    let mut required = vec!["kind"];
    for field in fields {
        properties.insert(field.name.to_owned(), property(field).into());
        if field.is_always_there {
            required.push(field.name);
        }
    }
    json!({
        "description": words(about),
        "$ref": "#/$defs/envelope",
        "properties": properties,
        "required": required,
        "unevaluatedProperties": false,
    })
}

fn property(field: &FieldInfo) -> Map<String, Value> {
    let keywords: &[(&str, Value)] = match field.field_type {
        FieldType::Text => &[("type", json!("string"))],
        FieldType::Number => &[("type", json!("integer")), ("minimum", json!(0))],
        FieldType::Decimal => &[("type", json!("number"))],
        FieldType::Seconds => &[("type", json!("number")), ("minimum", json!(0))],
        FieldType::SecondsList => &[
            ("type", json!("array")),
            ("items", json!({ "type": "number", "minimum": 0 })),
        ],
        FieldType::Flag => &[("type", json!("boolean"))],
        // A type that this version does not know has no promise about its values.
        _ => &[],
    };
    let description = ("description", json!(words(field.about)));
    let keywords = keywords.iter().cloned().chain([description]);
    keywords
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Joins the lines of a doc comment; an empty line between paragraphs stays.
fn words(about: &str) -> String {
    let paragraphs = about.split("\n\n").map(|paragraph| {
        let words: Vec<&str> = paragraph.split_whitespace().collect();
        words.join(" ")
    });
    let paragraphs: Vec<String> = paragraphs.filter(|text| !text.is_empty()).collect();
    paragraphs.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_become_paragraphs() {
        let about = " A session\n begins.\n\n Shape: `x\n  y`.\n";
        assert_eq!(words(about), "A session begins.\n\nShape: `x y`.");
    }

    #[test]
    fn a_definition_says_what_a_kind_has() {
        let schema = schema();
        let connect = &schema["$defs"]["smtpd_connect"];
        assert_eq!(connect["properties"]["kind"]["const"], "smtpd_connect");
        assert_eq!(connect["required"], json!(["kind", "client_address"]));
        let port = &connect["properties"]["client_port"];
        assert_eq!(port["type"], "string");
        let delay = &schema["$defs"]["delivery"]["properties"]["delay"];
        assert_eq!(delay["type"], "number");
        let choices = schema["oneOf"].as_array().unwrap();
        assert_eq!(choices.len(), Kind::COUNT + 1);
    }
}

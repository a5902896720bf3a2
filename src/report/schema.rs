//! The JSON Schema of the figures, made from their declarations and comments.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value};

use super::{CoverageFigures, Figures};

/// Returns a JSON Schema (draft 2020-12) of `report --format json`.
///
/// An object has the keys that are named, and no others.
pub fn schema() -> Value {
    schema_of::<Figures<'_>>(
        "A report of a mail log, as `mailtally report --format json` writes it.",
    )
}

/// Returns a JSON Schema of `coverage --format json`.
pub fn coverage_schema() -> Value {
    schema_of::<CoverageFigures<'_>>(
        "How far a log was understood, as `mailtally coverage --format json` writes it.",
    )
}

/// Returns the schema of some figures.
pub(crate) fn schema_of<F: JsonSchema>(description: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<F>()
        .to_value();
    if let Value::Object(root) = &mut schema {
        root.insert("title".to_owned(), "mailtally".into());
        root.insert("description".to_owned(), description.into());
    }
    tidy(&mut schema);
    schema
}

/// Closes each object against other keys, and takes out what only Rust has a use for.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            close(object);
            object.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn close(object: &mut Map<String, Value>) {
    // `uint64`, which no schema knows; a property that is called so is an object.
    if object.get("format").is_some_and(Value::is_string) {
        object.remove("format");
    }
    if let Some(Value::String(description)) = object.get_mut("description") {
        *description = description.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    let is_object = object.get("type").is_some_and(|name| name == "object");
    if is_object && object.contains_key("properties") {
        object.insert("additionalProperties".to_owned(), false.into());
    }
}

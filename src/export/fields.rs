//! Which fields an exported object has: the envelope's, and those of each kind under the names that
//! they have beside the envelope's.

use mailtally_parsers::{FieldInfo, FieldType, Kind};

use super::line::{UNCLASSIFIED, message_name};

/// The envelope's fields, which each object has, in the order in which they stand.
///
/// Those that are not always there are `null` where the line does not state them.
pub const ENVELOPE: [FieldInfo; 9] = [
    envelope(
        "schema",
        FieldType::Number,
        true,
        "The version of the objects' layout.",
    ),
    envelope(
        "time",
        FieldType::Text,
        false,
        "When the line was logged, in the spelling of RFC 3339; without an offset where the stamp \
         has none.",
    ),
    envelope(
        "host",
        FieldType::Text,
        false,
        "The host that logged the line.",
    ),
    envelope(
        "program",
        FieldType::Text,
        true,
        "The syslog tag as logged, without the process id.",
    ),
    envelope(
        "instance",
        FieldType::Text,
        false,
        "The first element of the tag.",
    ),
    envelope(
        "service",
        FieldType::Text,
        false,
        "What stands between instance and daemon in the tag.",
    ),
    envelope(
        "daemon",
        FieldType::Text,
        false,
        "The program's own name, such as `smtpd`.",
    ),
    envelope(
        "pid",
        FieldType::Number,
        false,
        "The process id in the tag.",
    ),
    envelope("kind", FieldType::Text, true, "What the line says."),
];

const fn envelope(
    name: &'static str,
    field_type: FieldType,
    is_always_there: bool,
    about: &'static str,
) -> FieldInfo {
    FieldInfo {
        name,
        field_type,
        is_always_there,
        about,
    }
}

/// Where a line begins; on each object of a log that is followed.
pub const POSITION: FieldInfo = envelope(
    "position",
    FieldType::Text,
    false,
    "Where the line begins, with --follow: a hash of the file's first line and the bytes before the \
     line. A line that is written again after a restart has the same one.",
);

/// The field that an object has beside those of its kind where one line stands for many.
pub const REPEATED: FieldInfo = envelope(
    "repeated",
    FieldType::Number,
    false,
    "How often the line was logged, where a logger wrote one line for many; else it is not there.",
);

/// The fields of a line of ours of unknown shape.
pub const UNCLASSIFIED_FIELDS: [FieldInfo; 2] = [
    envelope(
        "reason",
        FieldType::Text,
        true,
        "The place in the grammar that gave up.",
    ),
    envelope("text", FieldType::Text, true, "The message as logged."),
];

/// Lists the fields of a kind beside the envelope's, each once, in the order of an object.
pub fn fields_of(kind: Kind) -> Vec<FieldInfo> {
    let mut fields: Vec<FieldInfo> = Vec::new();
    kind.describe_fields(&mut |field| {
        let field = FieldInfo {
            name: message_name(field.name),
            ..field
        };
        match fields.iter_mut().find(|known| known.name == field.name) {
            Some(known) => known.is_always_there |= field.is_always_there,
            None => fields.push(field),
        }
    });
    fields
}

/// Lists the names of all fields by which a line can be chosen: the envelope's but `schema`, which
/// says nothing about a line, and those of all kinds.
pub fn names() -> Vec<&'static str> {
    let own = Kind::all().flat_map(fields_of);
    let fields = ENVELOPE.into_iter().skip(1).chain(UNCLASSIFIED_FIELDS);
    let fields = fields.chain([REPEATED]);
    let mut names: Vec<&str> = fields.chain(own).map(|field| field.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Lists the names of all kinds, that of the lines of unknown shape last.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    Kind::all().map(Kind::name).chain([UNCLASSIFIED])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_name_has_one_type_within_a_kind() {
        for kind in Kind::all() {
            let mut types = BTreeMap::new();
            kind.describe_fields(&mut |field| {
                let known = *types.entry(field.name).or_insert(field.field_type);
                assert_eq!(known, field.field_type, "{} of {}", field.name, kind.name());
            });
        }
    }

    #[test]
    fn each_field_and_kind_is_explained() {
        for kind in Kind::all() {
            assert!(!kind.about().trim().is_empty(), "{}", kind.name());
            for field in fields_of(kind) {
                let name = field.name;
                assert!(!field.about.trim().is_empty(), "{name} of {}", kind.name());
            }
        }
    }

    #[test]
    fn no_kind_has_a_field_of_the_envelope() {
        for kind in Kind::all() {
            for field in fields_of(kind) {
                let mut envelope = ENVELOPE.iter();
                assert!(
                    envelope.all(|known| known.name != field.name),
                    "{}",
                    field.name
                );
            }
        }
    }
}

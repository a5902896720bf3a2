//! The columns of the table `events`: those of every line, then one for each field that any kind of
//! event has.

use std::borrow::Cow;
use std::collections::BTreeMap;

use mailtally_parsers::{FieldType, Kind};

use super::super::{UNCLASSIFIED_FIELDS, fields_of};
use super::schemas::{Column, ColumnKind, Table, column, table};

table! {
    /// One row a line of a mail program: the columns of every line, then one for each field that any kind of event has. Lines of other programs are left out.
    events {
        time: Time always "When the line was logged.",
        offset_s: Int maybe "The logged offset from UTC in seconds; without one `time` is the wall clock as if it were UTC.",
        host: Text always "The host that logged; empty where lines state none.",
        program: Text always "The syslog tag as logged, without the process id.",
        instance: Text maybe "The first element of the tag.",
        service: Text maybe "What stands between instance and daemon in the tag.",
        daemon: Text maybe "The program's own name, such as `smtpd`.",
        pid: Int maybe "The process id in the tag.",
        kind: Text always "What the line says; `unclassified` where that is not known.",
        coverage: Text always "How the line is accounted for: `parsed`, `generic`, `unparsed`.",
        problem: Text maybe "What went wrong, if anything did: `panic`, `fatal`, `error`, `warning`, `reject`, `failure`, `unclassified`.",
        repeated: Int always "How often the line was logged: more than once where a logger wrote one line for many.",
        rule: Text maybe "The rule of a refusal: the site's own id, else the class.",
        log: Text always "The log file, by the hash of its first line: the same when it was renamed or packed.",
        log_line: Int always "The number of the line among those read of the log.",
        warning_severity: Text maybe "What the report's warnings count it as: `panic`, `fatal`, `error`, `warning`; `master` for what a master says without such a word.",
        warning_about: Text maybe "What a line with a severity is about: its kind, or the class of a warning without a kind of its own; `other`.",
    }
}

/// Returns the table with a column for each field.
pub(super) fn table() -> Table {
    let mut table = events::table();
    table.columns.extend(own_columns());
    table
}

/// Tells whether a field has a column. Fields that a delivery's `reason` or `relay` has in it have none: they would
/// be a tenth of all that a file of events holds. `deliveries` has the relay's parts.
pub(super) fn has_column(field: &str) -> bool {
    const PARTS: [&str; 6] = [
        "relay_address",
        "relay_host",
        "relay_port",
        "reply_code",
        "reply_dsn",
        "reply_text",
    ];
    !PARTS.contains(&field)
}

/// Returns the name of the column that a field of this type has: durations are in microseconds.
///
/// A field that is named like one of the partitions (a mail's own `date`) is `message_date`: an engine
/// that reads the directory makes columns of them.
pub(super) fn column_name(field: &'static str, field_type: FieldType) -> Cow<'static, str> {
    match (field, field_type) {
        (_, FieldType::Seconds) => format!("{field}_us").into(),
        ("date", _) => "message_date".into(),
        _ => field.into(),
    }
}

/// The columns of all kinds' fields, by name; a field that has several types is text.
fn own_columns() -> Vec<Column> {
    let mut columns: BTreeMap<Cow<'static, str>, (ColumnKind, Cow<'static, str>)> = BTreeMap::new();
    let fields = Kind::all().flat_map(fields_of).chain(UNCLASSIFIED_FIELDS);
    for field in fields.filter(|field| has_column(field.name)) {
        let kind = kind_of(field.field_type);
        let name = column_name(field.name, field.field_type);
        let known = columns
            .entry(name)
            .or_insert_with(|| (kind, words(field.about)));
        known.0 = common(known.0, kind);
    }
    let columns = columns.into_iter();
    columns
        .map(|(name, (kind, doc))| column(name, kind, true, doc))
        .collect()
}

fn kind_of(field_type: FieldType) -> ColumnKind {
    match field_type {
        FieldType::Number | FieldType::Seconds => ColumnKind::Int,
        FieldType::Decimal => ColumnKind::Real,
        FieldType::Flag => ColumnKind::Bool,
        _ => ColumnKind::Text,
    }
}

/// The kind in which values of both can be written.
fn common(one: ColumnKind, other: ColumnKind) -> ColumnKind {
    use ColumnKind::{Int, Real, Text};
    match (one, other) {
        (one, other) if one == other => one,
        (Int, Real) | (Real, Int) => Real,
        _ => Text,
    }
}

/// The words of a doc comment, on one line.
fn words(about: &str) -> Cow<'static, str> {
    let words: Vec<&str> = about.split_whitespace().collect();
    words.join(" ").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_types() {
        let table = table();
        let kind = |name: &str| Some(table.columns.get(table.place_of(name)?)?.kind);
        assert_eq!(kind("recipient"), Some(ColumnKind::Text));
        assert_eq!(kind("size_bytes"), Some(ColumnKind::Int));
        assert_eq!(kind("delay_us"), Some(ColumnKind::Int));
        assert_eq!(kind("delay"), None, "durations have their unit in the name");
        assert_eq!(kind("delays"), Some(ColumnKind::Text));
        assert_eq!(kind("final"), Some(ColumnKind::Bool));
        assert_eq!(kind("message_host"), Some(ColumnKind::Text));
        assert_eq!(kind("message_date"), Some(ColumnKind::Text));
        assert_eq!(kind("reason"), Some(ColumnKind::Text));
        assert_eq!(kind("reply_text"), None, "the reason has it");
        assert_eq!(kind("relay_host"), None, "the relay has it");
        assert_eq!(kind("relay"), Some(ColumnKind::Text));
    }

    #[test]
    fn each_name_is_one_column() {
        let table = table();
        let mut names: Vec<&str> = table.columns.iter().map(|column| &*column.name).collect();
        // The partitions, of which `host` is a column of the files too.
        names.push("date");
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "{names:?}");
    }

    #[test]
    fn what_has_several_types_is_text() {
        use ColumnKind::{Bool, Int, Real, Text};
        assert_eq!(common(Int, Int), Int);
        assert_eq!(common(Real, Int), Real);
        assert_eq!(common(Int, Text), Text);
        assert_eq!(common(Bool, Int), Text);
    }
}

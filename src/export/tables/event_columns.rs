//! The columns of the table `events`: those of every line, then one for each field that any kind of
//! event has.

use std::borrow::Cow;
use std::collections::BTreeMap;

use mailtally_parsers::companion::Event as Companion;
use mailtally_parsers::postfix::Event as Postfix;
use mailtally_parsers::{Event, FieldType, Kind};

use super::super::{UNCLASSIFIED_FIELDS, fields_of};
use super::schemas::{Column, ColumnKind, Table, column, table};

table! {
    /// One row a line of a mail program: the columns of every line, then one for each field that any kind of event has. Lines of other programs are left out. What a delivery's `reason` and `relay` have in them, its delays and the id under which it was queued stand in `deliveries`; of an SPF header only the values stand here.
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

/// Tells whether a field has a column. Fields that a delivery's `reason` or `relay` has in it have none, nor has the
/// list of its delays: they would be a tenth of all that a file of events holds. `deliveries` has the relay's parts
/// and each delay. `orig_client` has its address in it.
pub(super) fn has_column(field: &str) -> bool {
    const PARTS: [&str; 8] = [
        "delays",
        "orig_client_address",
        "relay_address",
        "relay_host",
        "relay_port",
        "reply_code",
        "reply_dsn",
        "reply_text",
    ];
    !PARTS.contains(&field)
}

/// Returns the field of an event that its row does not have, because others of the row say the same: the column is
/// for other kinds.
pub(super) fn said_by_others(event: &Event<'_>) -> Option<&'static str> {
    match event {
        // `reason` has it in its words, and `deliveries` in a column.
        Event::Postfix(Postfix::Delivery(_)) => Some("queued_as"),
        // A header is made of its values; a refusal explains itself.
        Event::Companion(Companion::PolicydSpfResult(result))
            if result.answer.0.starts_with(b"Received-SPF: ") =>
        {
            Some("text")
        }
        _ => None,
    }
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
    use mailtally_parsers::Tag;

    use super::*;

    #[test]
    fn fields_keep_their_types() {
        let table = table();
        let kind = |name: &str| Some(table.columns.get(table.place_of(name)?)?.kind);
        assert_eq!(kind("recipient"), Some(ColumnKind::Text));
        assert_eq!(kind("size_bytes"), Some(ColumnKind::Int));
        assert_eq!(kind("delay_us"), Some(ColumnKind::Int));
        assert_eq!(kind("delay"), None, "durations have their unit in the name");
        assert_eq!(kind("delays"), None, "`deliveries` has them");
        assert_eq!(kind("orig_client_address"), None, "the client has it");
        assert_eq!(kind("final"), Some(ColumnKind::Bool));
        assert_eq!(kind("message_host"), Some(ColumnKind::Text));
        assert_eq!(kind("message_date"), Some(ColumnKind::Text));
        assert_eq!(kind("reason"), Some(ColumnKind::Text));
        assert_eq!(kind("reply_text"), None, "the reason has it");
        assert_eq!(kind("relay_host"), None, "the relay has it");
        assert_eq!(kind("relay"), Some(ColumnKind::Text));
    }

    #[test]
    fn what_the_row_says_elsewhere_has_no_cell() {
        let said = |tag: &str, message: &str| {
            let event = Event::parse(&Tag::parse(tag.as_bytes()), message.as_bytes());
            said_by_others(&event.unwrap())
        };
        let delivery = "4F1A2B3C4D: to=<a@b.example>, relay=mx.b.example[192.0.2.1]:25, delay=1, delays=0/0/0/1, \
             dsn=2.0.0, status=sent (250 Ok: queued as 4F1A2B3C4E)";
        assert_eq!(said("postfix/smtp", delivery), Some("queued_as"));
        assert_eq!(said("postfix/qmgr", "4F1A2B3C4D: removed"), None);
        let header = "prepend Received-SPF: Pass (mailfrom) identity=mailfrom; client-ip=192.0.2.1; \
             helo=mx.b.example; envelope-from=a@b.example; receiver=c.example";
        assert_eq!(said("policyd-spf", header), Some("text"));
        let refusal = "550 5.7.23 Message rejected due to: SPF fail - not authorized.";
        assert_eq!(said("policyd-spf", refusal), None, "it explains itself");
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

//! Single mails that a postmaster asks about: deferred, bounced and expired ones, the biggest and
//! the slowest.
//!
//! Which lines one of them has is not said here: that is for whoever looks for its queue id.

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::number::{self, counted};
use super::{Block, Cell, Column, Options, Rest, Section, Table, clock};
use crate::tally::totals::{MailList, MailLists, MailRow};

/// Rows of each list in text.
const ROWS: usize = 10;

/// What a list is ranked by: the heading of its first column, and the cell.
type Measure = (&'static str, fn(&MailRow) -> Cell);

/// Shows each list that has mails; nothing if none has.
pub(crate) fn message_detail(lists: &MailLists, options: Options) -> Option<Section> {
    let failed = [
        ("Deferred", "deferrals", &lists.deferred),
        ("Bounced", "recipients", &lists.bounced),
        ("Expired", "recipients", &lists.expired),
    ];
    let mut blocks = Vec::new();
    for (title, heading, list) in failed {
        let failed: Measure = (heading, |row| Cell::Count(row.failed));
        blocks.extend(table(title, list, failed, options));
        blocks.extend(words(title, list, options));
    }
    let bytes: Measure = ("size", |row| {
        row.size_bytes.map_or(Cell::NotLogged, Cell::Bytes)
    });
    let delay: Measure = ("delay", |row| match row.delay_us {
        Some(us) => Cell::text(number::duration(us)),
        None => Cell::NotLogged,
    });
    blocks.extend(table("The biggest", &lists.biggest, bytes, options));
    blocks.extend(table("The slowest", &lists.slowest, delay, options));
    (!blocks.is_empty()).then(|| Section {
        id: "message_detail",
        title: "Single mails".into(),
        blocks,
    })
}

fn table(title: &str, list: &MailList, measure: Measure, options: Options) -> Option<Block> {
    if list.count == 0 {
        return None;
    }
    let (heading, measure) = measure;
    let mut table = Table::titled(
        format!("{title} ({})", counted(list.count, "mail", "mails")),
        vec![
            Column::number(heading),
            Column::text("now"),
            Column::whole("queue id"),
            Column::text("sender"),
            Column::text("recipient"),
            Column::number("more"),
        ],
    );
    for row in list.mails.iter().take(options.rows(ROWS)) {
        table.rows.push(vec![
            measure(row),
            Cell::text(row.state),
            Cell::text(&row.queue_id),
            sender(row),
            Cell::logged(row.recipients.first().map(String::as_str)),
            Cell::Count(number::len(row.recipients.len()).saturating_sub(1)),
        ]);
    }
    let left_out = list.count.saturating_sub(number::len(table.rows.len()));
    table.rest = (left_out > 0).then_some(Rest {
        rows: left_out,
        count: left_out,
    });
    Some(Block::Table(table.without_idle_columns()))
}

fn sender(row: &MailRow) -> Cell {
    match row.sender.as_deref() {
        Some("") => Cell::text("<>"),
        sender => Cell::logged(sender),
    }
}

/// The servers' words, for the mails of the table above.
fn words(title: &str, list: &MailList, options: Options) -> Option<Block> {
    let mut table = Table::titled(
        format!("{title}: why"),
        vec![
            Column::whole("queue id"),
            Column::text("reason"),
            Column::text("in the server's words"),
        ],
    );
    for row in list.mails.iter().take(options.rows(ROWS)) {
        if let (Some(reason), Some(text)) = (&row.reason, &row.text) {
            table.rows.push(vec![
                Cell::text(&row.queue_id),
                Cell::text(reason),
                Cell::text(text),
            ]);
        }
    }
    (!table.rows.is_empty()).then_some(Block::Table(table))
}

/// Single mails for programs.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct MessageDetailFigures<'a> {
    /// Mails that were deferred, those of most deferrals first.
    pub deferred: MailListFigure<'a>,
    /// Mails that bounced, those with most bounced recipients first.
    pub bounced: MailListFigure<'a>,
    /// Mails that were given up, those with most recipients first.
    pub expired: MailListFigure<'a>,
    /// The biggest mails; one that a filter handed back is there once.
    pub biggest: MailListFigure<'a>,
    /// Mails that took longest to a recipient.
    pub slowest: MailListFigure<'a>,
}

/// The mails that rank first, and how many there are.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct MailListFigure<'a> {
    /// How many mails there are.
    pub count: u64,
    /// The first 1,000 of them at most; equal ones in the order of the log.
    pub mails: Vec<MailFigure<'a>>,
}

/// One mail in one queue.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct MailFigure<'a> {
    /// The host that logged it.
    pub host: &'a str,
    /// Its queue id.
    pub queue_id: &'a str,
    /// What had become of it when the log ended: `queued`, `delivered`, `bounced`, `expired`,
    /// `removed`; `unknown` where its end was not logged.
    pub state: &'static str,
    /// The envelope sender; null if the log does not have it.
    pub sender: Option<&'a str>,
    /// The first recipients that the list is about, five at most.
    pub recipients: &'a [String],
    /// How many recipients qmgr had before it when it last said so; 0 if it did not.
    pub nrcpt: u64,
    /// The size; null if the log does not have it.
    pub size_bytes: Option<u64>,
    /// Delivery attempts, for all recipients.
    pub attempts: u64,
    /// How often it failed as the list says: deferrals, recipients bounced or given up; else 0.
    pub failed: u64,
    /// The delay of the recipient, where the list is about delays.
    pub delay_us: Option<u64>,
    /// The canonical class of the last failure, where the list is about failures.
    pub reason: Option<&'a str>,
    /// Its enhanced status code.
    pub dsn: Option<&'a str>,
    /// Its text, 200 bytes at most.
    pub text: Option<&'a str>,
    /// The stamp of the mail's first line, as `2026-11-21T00:44:25`.
    #[serde(serialize_with = "written_out")]
    #[schemars(with = "String")]
    pub first: i64,
    /// The stamp of its last line.
    #[serde(serialize_with = "written_out")]
    #[schemars(with = "String")]
    pub last: i64,
}

impl<'a> MessageDetailFigures<'a> {
    pub(super) fn new(lists: &'a MailLists, options: Options) -> Self {
        let list = |list: &'a MailList| MailListFigure {
            count: list.count,
            mails: options.cut(&list.mails).iter().map(figure).collect(),
        };
        MessageDetailFigures {
            deferred: list(&lists.deferred),
            bounced: list(&lists.bounced),
            expired: list(&lists.expired),
            biggest: list(&lists.biggest),
            slowest: list(&lists.slowest),
        }
    }
}

/// Writes a stamp out when it is asked for: a report in print has thousands of them unread.
fn written_out<S: Serializer>(micros: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&clock::iso(*micros))
}

fn figure(row: &MailRow) -> MailFigure<'_> {
    MailFigure {
        host: &row.host,
        queue_id: &row.queue_id,
        state: row.state,
        sender: row.sender.as_deref(),
        recipients: &row.recipients,
        nrcpt: row.nrcpt,
        size_bytes: row.size_bytes,
        attempts: row.attempts,
        failed: row.failed,
        delay_us: row.delay_us,
        reason: row.reason.as_deref(),
        dsn: row.dsn.as_deref(),
        text: row.text.as_deref(),
        first: row.first_us,
        last: row.last_us,
    }
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;

    fn row(queue_id: &str, recipients: &[&str]) -> MailRow {
        MailRow {
            host: "mx1".into(),
            queue_id: queue_id.into(),
            sender: Some(String::new()),
            recipients: recipients.iter().map(|name| (*name).into()).collect(),
            nrcpt: 3,
            size_bytes: Some(2_048),
            attempts: 4,
            failed: 3,
            delay_us: Some(90_000_000),
            reason: Some("over-quota".into()),
            dsn: None,
            text: Some("no room".into()),
            first_us: 0,
            last_us: 1,
            state: "queued",
        }
    }

    #[test]
    fn each_list_has_what_it_is_ranked_by_and_why() {
        let lists = MailLists {
            deferred: MailList {
                count: 3,
                mails: vec![row("A1", &["a@b.example", "c@d.example"]), row("A2", &[])],
            },
            slowest: MailList {
                count: 1,
                mails: vec![row("A3", &["e@f.example"])],
            },
            ..MailLists::default()
        };
        let expected = "\
Single mails
[Deferred (3 mails)]
deferrals | now | queue id | sender | recipient | more
3 | queued | A1 | <> | a@b.example | 1
+ 2 rows, 2 in sum
[Deferred: why]
queue id | reason | in the server's words
A1 | over-quota | no room
[The slowest (1 mail)]
delay | now | queue id | sender | recipient
1 m 30 s | queued | A3 | <> | e@f.example
";
        let section = message_detail(&lists, Options::with_top(1)).unwrap();
        assert_eq!(plain(&section), expected);
        assert!(message_detail(&MailLists::default(), Options::default()).is_none());
    }
}

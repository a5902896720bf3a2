//! The mail queue at the time of the report.

use mailtally_parsers::postfix::reason::meaning;

use super::number::{counted, duration};
use super::{Block, Cell, Column, Options, Rest, Section, Table};
use crate::tally::totals::{QueueReasonRow, QueueRow, QueueTotals};

/// Rows of each list in text.
const ROWS: usize = 10;

/// Shows what is in the queue, how old it is, where it is to go, and why it waits.
pub(crate) fn queue(queue: &QueueTotals, options: Options) -> Section {
    let mails: u64 = queue.queues.iter().map(|row| row.mails).sum();
    if mails == 0 {
        return Section::line("queue", "Mail queue: empty");
    }
    let blocks = [
        rows("queue", &queue.queues, options),
        ages(&queue.queues),
        rows("destination", &queue.domains, options),
        rows("sender", &queue.senders, options),
        reasons(&queue.reasons, options),
    ];
    Section {
        id: "queue",
        title: format!("Mail queue ({})", counted(mails, "mail", "mails")),
        blocks: blocks.into_iter().flatten().collect(),
    }
}

fn rows(what: &'static str, rows: &[QueueRow], options: Options) -> Option<Block> {
    let mut table = Table::new(vec![
        Column::number("mails"),
        Column::number("recipients"),
        Column::number("bytes"),
        Column::number("oldest"),
        Column::text(what),
    ]);
    let shown = options.rows(ROWS);
    for row in rows.iter().take(shown) {
        table.rows.push(vec![
            Cell::Count(row.mails),
            Cell::Count(row.recipients),
            Cell::Bytes(row.size_bytes),
            Cell::text(duration(row.oldest_secs.saturating_mul(1_000_000))),
            Cell::text(&row.name),
        ]);
    }
    table.rest = Rest::of(rows.iter().skip(shown).map(|row| row.mails));
    (!rows.is_empty()).then_some(Block::Table(table))
}

/// The headings of ages, in minutes as qshape(1) has them.
const AGES: [&str; 10] = [
    "5", "10", "20", "40", "80", "160", "320", "640", "1280", "more",
];

fn ages(rows: &[QueueRow]) -> Option<Block> {
    let mut columns = vec![Column::text("queue")];
    columns.extend(AGES.map(Column::number));
    let mut table = Table::titled("Mails by age in minutes, up to", columns);
    for row in rows {
        let ages = AGES.iter().enumerate();
        let ages = ages.map(|(at, _)| Cell::Count(row.by_age.get(at).copied().unwrap_or(0)));
        let name = Cell::text(&row.name);
        table.rows.push([name].into_iter().chain(ages).collect());
    }
    Some(Block::Table(table.without_idle_columns()))
}

fn reasons(rows: &[QueueReasonRow], options: Options) -> Option<Block> {
    let mut table = Table::titled(
        "Why they wait",
        vec![
            Column::number("recipients"),
            Column::text("reason"),
            Column::text("meaning"),
        ],
    );
    let shown = options.rows(ROWS);
    for row in rows.iter().take(shown) {
        let class = row.reason.split(':').next().unwrap_or(&row.reason);
        table.rows.push(vec![
            Cell::Count(row.count),
            Cell::text(&row.reason),
            meaning(class).map_or(Cell::Empty, Cell::text),
        ]);
    }
    table.rest = Rest::of(rows.iter().skip(shown).map(|row| row.count));
    (!rows.is_empty()).then_some(Block::Table(table))
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;
    use crate::tally::totals::Buckets;

    #[test]
    fn shows_queues_ages_destinations_and_reasons() {
        let row = |name: &str, mails| QueueRow {
            name: name.into(),
            mails,
            recipients: 2 * mails,
            size_bytes: 100,
            oldest_secs: 3_600,
            by_age: vec![0, 0, 0, 0, mails, 0, 0, 0, 0, 0],
            sizes: Buckets::default(),
            ages: Buckets::default(),
        };
        let totals = QueueTotals {
            queues: vec![row("deferred", 4)],
            domains: vec![row("example.org", 4)],
            senders: vec![row("from=<>", 4)],
            reasons: vec![QueueReasonRow {
                reason: "connection-refused".into(),
                count: 8,
                sample: "connect to mx: Connection refused".into(),
            }],
        };
        let expected = "\
Mail queue (4 mails)
mails | recipients | bytes | oldest | queue
4 | 8 | 100B | 1 h 0 m | deferred
[Mails by age in minutes, up to]
queue | 80
deferred | 4
mails | recipients | bytes | oldest | destination
4 | 8 | 100B | 1 h 0 m | example.org
mails | recipients | bytes | oldest | sender
4 | 8 | 100B | 1 h 0 m | from=<>
[Why they wait]
recipients | reason | meaning
8 | connection-refused | nothing listens at the server's port
";
        assert_eq!(plain(&queue(&totals, Options::default())), expected);
        let none = queue(&QueueTotals::default(), Options::default());
        assert_eq!(plain(&none), "Mail queue: empty\n");
    }
}

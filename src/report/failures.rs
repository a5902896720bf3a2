//! Deferrals, bounces and expired mail: why and to where; servers that could not be reached.

use std::collections::BTreeMap;

use mailtally_parsers::postfix::reason::{meaning, status_meaning};

use super::number::{count, counted};
use super::{Block, Cell, Column, Options, Rest, Section, Table, ranked};
use crate::tally::totals::{
    DestinationRow, ExpiredRow, FailureRow, FailureTotals, ServerFailureRow,
};

/// Rows of each list in text.
const ROWS: usize = 10;

/// Shows a section for each way of failing that there was.
pub(crate) fn failures(failures: &FailureTotals, options: Options) -> Vec<Section> {
    let sections = [
        outcome("deferrals", "Deferrals", "deferred", failures, options),
        outcome("bounces", "Bounces", "bounced", failures, options),
        expired(&failures.expired, options),
        servers(&failures.servers, options),
    ];
    sections.into_iter().flatten().collect()
}

fn outcome(
    id: &'static str,
    title: &str,
    outcome: &str,
    failures: &FailureTotals,
    options: Options,
) -> Option<Section> {
    let reasons = failures.by_reason.iter();
    let reasons: Vec<&FailureRow> = reasons.filter(|row| row.outcome == outcome).collect();
    if reasons.is_empty() {
        return None;
    }
    let destinations = failures.by_destination.iter();
    let destinations: Vec<&DestinationRow> =
        destinations.filter(|row| row.outcome == outcome).collect();
    let sum: u64 = reasons.iter().map(|row| row.count).sum();
    Some(Section {
        id,
        title: format!("{title} ({} in sum)", count(sum)),
        blocks: vec![
            Block::Table(by_reason(&reasons, options)),
            Block::Table(by_status(&reasons, options)),
            Block::Table(examples(&reasons, options)),
            Block::Table(by_destination(&destinations, options)),
        ],
    })
}

/// Adds rows up that differ in the enhanced status code alone.
fn by_reason(rows: &[&FailureRow], options: Options) -> Table {
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for row in rows {
        *reasons.entry(&row.reason).or_insert(0) += row.count;
    }
    let reasons = ranked(reasons);
    let mut table = Table::titled(
        "By reason",
        vec![
            Column::number("attempts"),
            Column::text("reason"),
            Column::text("meaning"),
        ],
    );
    let shown = options.rows(ROWS);
    for (reason, attempts) in reasons.iter().take(shown) {
        let class = reason.split_once(':').map_or(*reason, |(class, _)| class);
        table.rows.push(vec![
            Cell::Count(*attempts),
            Cell::text(*reason),
            meaning(class).map_or(Cell::Empty, Cell::text),
        ]);
    }
    table.rest = Rest::after(shown, &reasons);
    table
}

/// Adds rows up by enhanced status code.
fn by_status(rows: &[&FailureRow], options: Options) -> Table {
    let mut codes: BTreeMap<Option<&str>, u64> = BTreeMap::new();
    for row in rows {
        *codes.entry(row.dsn.as_deref()).or_insert(0) += row.count;
    }
    let codes = ranked(codes);
    let mut table = Table::titled(
        "By status code",
        vec![
            Column::number("attempts"),
            Column::text("DSN"),
            Column::text("what RFC 3463 says"),
        ],
    );
    let shown = options.rows(ROWS);
    for (code, attempts) in codes.iter().take(shown) {
        let meaning = code.and_then(status_meaning);
        table.rows.push(vec![
            Cell::Count(*attempts),
            Cell::logged(*code),
            meaning.map_or(Cell::Empty, Cell::text),
        ]);
    }
    table.rest = Rest::after(shown, &codes);
    table
}

fn examples(rows: &[&FailureRow], options: Options) -> Table {
    let mut table = Table::titled(
        "In the servers' words, an example each",
        vec![
            Column::number("attempts"),
            Column::text("DSN"),
            Column::text("example"),
        ],
    );
    let shown = options.rows(ROWS);
    let cells = |row: &&FailureRow| {
        vec![
            Cell::Count(row.count),
            Cell::logged(row.dsn.as_deref()),
            Cell::text(&row.sample),
        ]
    };
    table.rows = rows.iter().take(shown).map(cells).collect();
    table.rest = Rest::of(rows.iter().skip(shown).map(|row| row.count));
    table
}

fn by_destination(rows: &[&DestinationRow], options: Options) -> Table {
    let mut table = Table::titled(
        "By destination",
        vec![
            Column::number("attempts"),
            Column::text("domain"),
            Column::text("DSN"),
            Column::text("reason"),
        ],
    );
    let shown = options.rows(ROWS);
    let cells = |row: &&DestinationRow| {
        vec![
            Cell::Count(row.count),
            Cell::text(&row.domain),
            Cell::logged(row.dsn.as_deref()),
            Cell::text(&row.reason),
        ]
    };
    table.rows = rows.iter().take(shown).map(cells).collect();
    table.rest = Rest::of(rows.iter().skip(shown).map(|row| row.count));
    table
}

fn expired(rows: &[ExpiredRow], options: Options) -> Option<Section> {
    if rows.is_empty() {
        return None;
    }
    let mut table = Table::new(vec![
        Column::number("mails"),
        Column::text("destination"),
        Column::text("last deferral"),
    ]);
    let shown = options.rows(ROWS);
    let cells = |row: &ExpiredRow| {
        vec![
            Cell::Count(row.count),
            Cell::logged(row.domain.as_deref()),
            Cell::logged(row.reason.as_deref()),
        ]
    };
    table.rows = rows.iter().take(shown).map(cells).collect();
    table.rest = Rest::of(rows.iter().skip(shown).map(|row| row.count));
    let sum: u64 = rows.iter().map(|row| row.count).sum();
    Some(Section {
        id: "expired",
        title: format!("Expired ({})", counted(sum, "mail", "mails")),
        blocks: vec![Block::Table(table)],
    })
}

fn servers(rows: &[ServerFailureRow], options: Options) -> Option<Section> {
    if rows.is_empty() {
        return None;
    }
    let mut table = Table::new(vec![
        Column::number("times"),
        Column::text("server"),
        Column::text("family"),
        Column::text("reason"),
        Column::text("got as far as"),
    ]);
    let shown = options.rows(ROWS);
    let cells = |row: &ServerFailureRow| {
        let far = if row.connected {
            "a connection"
        } else {
            "no connection"
        };
        vec![
            Cell::Count(row.count),
            Cell::logged(Some(row.host.as_str()).filter(|host| !host.is_empty())),
            Cell::text(row.family),
            Cell::text(&row.reason),
            Cell::text(far),
        ]
    };
    table.rows = rows.iter().take(shown).map(cells).collect();
    table.rest = Rest::of(rows.iter().skip(shown).map(|row| row.count));
    table.note = Some("Another server may have taken the mail.".into());
    let sum: u64 = rows.iter().map(|row| row.count).sum();
    Some(Section {
        id: "server_failures",
        title: format!("Servers that could not be used ({} in sum)", count(sum)),
        blocks: vec![Block::Table(table)],
    })
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;

    fn row(outcome: &'static str, reason: &str, dsn: &str, count: u64) -> FailureRow {
        FailureRow {
            outcome,
            reason: reason.into(),
            dsn: Some(dsn.into()),
            count,
            sample: format!("example of {dsn}"),
        }
    }

    fn totals() -> FailureTotals {
        FailureTotals {
            by_reason: vec![
                row("deferred", "greylist", "4.2.0", 7),
                row("bounced", "unknown-recipient", "5.1.1", 5),
                row("deferred", "greylist", "4.7.1", 2),
            ],
            by_destination: vec![DestinationRow {
                outcome: "deferred",
                domain: "example.org".into(),
                reason: "greylist".into(),
                dsn: None,
                count: 9,
            }],
            expired: vec![ExpiredRow {
                domain: None,
                reason: None,
                count: 1,
            }],
            servers: vec![ServerFailureRow {
                host: "mx.example.org".into(),
                family: "ipv6",
                connected: false,
                reason: "connection-timeout".into(),
                count: 3,
            }],
        }
    }

    #[test]
    fn shows_each_way_of_failing_that_there_was() {
        let sections = failures(&totals(), Options::default());
        let text: String = sections.iter().map(plain).collect();
        let expected = "\
Deferrals (9 in sum)
[By reason]
attempts | reason | meaning
9 | greylist | come again later: greylisting
[By status code]
attempts | DSN | what RFC 3463 says
7 | 4.2.0 | other mailbox status
2 | 4.7.1 | delivery is not authorised: refused
[In the servers' words, an example each]
attempts | DSN | example
7 | 4.2.0 | example of 4.2.0
2 | 4.7.1 | example of 4.7.1
[By destination]
attempts | domain | DSN | reason
9 | example.org | ? | greylist
Bounces (5 in sum)
[By reason]
attempts | reason | meaning
5 | unknown-recipient | there is no such mailbox
[By status code]
attempts | DSN | what RFC 3463 says
5 | 5.1.1 | no such mailbox
[In the servers' words, an example each]
attempts | DSN | example
5 | 5.1.1 | example of 5.1.1
[By destination]
attempts | domain | DSN | reason
Expired (1 mail)
mails | destination | last deferral
1 | ? | ?
Servers that could not be used (3 in sum)
times | server | family | reason | got as far as
3 | mx.example.org | ipv6 | connection-timeout | no connection
(Another server may have taken the mail.)
";
        assert_eq!(text, expected);
    }

    #[test]
    fn cut_lists_keep_their_sums() {
        let sections = failures(&totals(), Options::with_top(1));
        let text = plain(&sections[0]);
        assert!(
            text.contains("7 | 4.2.0 | example of 4.2.0\n+ 1 rows, 2 in sum\n"),
            "{text}"
        );
    }

    #[test]
    fn nothing_that_failed_is_no_section() {
        assert!(failures(&FailureTotals::default(), Options::default()).is_empty());
    }
}

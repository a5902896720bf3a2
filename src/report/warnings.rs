//! Panics, fatal errors, errors and warnings by what they are about; what master says.

use super::clock::stamp;
use super::number::count;
use super::{Block, Cell, Column, Options, Rest, Section, Table};
use crate::tally::totals::WarningRow;

/// Rows of each list in text.
const ROWS: usize = 15;

/// The severities, gravest first, with their captions.
const SEVERITIES: [(&str, &str); 5] = [
    ("panic", "Panics"),
    ("fatal", "Fatal errors"),
    ("error", "Errors"),
    ("warning", "Warnings"),
    ("master", "Starts, stops and reloads"),
];

/// Shows what asks for attention, gravest first.
pub(crate) fn warnings(rows: &[WarningRow], options: Options) -> Option<Section> {
    let blocks: Vec<Block> = SEVERITIES
        .into_iter()
        .filter_map(|(severity, caption)| table(rows, severity, caption, options))
        .flatten()
        .collect();
    let sum: u64 = rows
        .iter()
        .filter(|row| row.severity != "master")
        .map(|row| row.count)
        .sum();
    (!blocks.is_empty()).then(|| Section {
        id: "warnings",
        title: format!("Warnings and errors ({} in sum)", count(sum)),
        blocks,
    })
}

/// The counts, and below them an example each.
fn table(
    rows: &[WarningRow],
    severity: &str,
    caption: &str,
    options: Options,
) -> Option<[Block; 2]> {
    let rows: Vec<&WarningRow> = rows.iter().filter(|row| row.severity == severity).collect();
    if rows.is_empty() {
        return None;
    }
    let shown = options.rows(ROWS);
    let mut counts = Table::titled(
        caption,
        vec![
            Column::number("count"),
            Column::text("program"),
            Column::text("about"),
            Column::whole("first"),
            Column::whole("last"),
        ],
    );
    let mut examples = Table::new(vec![
        Column::text("about"),
        Column::text("the first of them"),
    ]);
    for row in rows.iter().take(shown) {
        counts.rows.push(vec![
            Cell::Count(row.count),
            Cell::text(row.program),
            Cell::text(row.about),
            Cell::text(minute(row.first_us)),
            Cell::text(minute(row.last_us)),
        ]);
        let word = format!("{}: ", row.severity);
        let sample = row.sample.strip_prefix(&word).unwrap_or(&row.sample);
        examples
            .rows
            .push(vec![Cell::text(row.about), Cell::text(sample)]);
    }
    counts.rest = Rest::of(rows.iter().skip(shown).map(|row| row.count));
    Some([Block::Table(counts), Block::Table(examples)])
}

/// A stamp without its seconds.
fn minute(us: i64) -> String {
    let mut text = stamp(us);
    if let Some((minute, _)) = text.rsplit_once(':') {
        text.truncate(minute.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;

    fn row(severity: &'static str, about: &'static str, count: u64) -> WarningRow {
        WarningRow {
            severity,
            program: "smtpd",
            about,
            count,
            first_us: 1_795_221_865_000_000,
            last_us: 1_795_225_465_000_000,
            sample: format!("{severity}: example of {about}"),
        }
    }

    #[test]
    fn the_gravest_come_first() {
        let rows = [
            row("warning", "rdns_mismatch", 12),
            row("fatal", "config", 1),
            row("master", "master_start", 1),
        ];
        let expected = "\
Warnings and errors (13 in sum)
[Fatal errors]
count | program | about | first | last
1 | smtpd | config | 2026-11-21 00:44 | 2026-11-21 01:44
about | the first of them
config | example of config
[Warnings]
count | program | about | first | last
12 | smtpd | rdns_mismatch | 2026-11-21 00:44 | 2026-11-21 01:44
about | the first of them
rdns_mismatch | example of rdns_mismatch
[Starts, stops and reloads]
count | program | about | first | last
1 | smtpd | master_start | 2026-11-21 00:44 | 2026-11-21 01:44
about | the first of them
master_start | example of master_start
";
        assert_eq!(
            plain(&warnings(&rows, Options::default()).unwrap()),
            expected
        );
    }

    #[test]
    fn no_complaint_is_no_section() {
        assert!(warnings(&[], Options::default()).is_none());
    }
}

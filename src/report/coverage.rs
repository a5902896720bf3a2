//! Coverage: what became of every line, and what the log itself is missing.

use super::number::{counted, duration};
use super::{Block, Cell, Column, Options, Pairs, Rest, Section, Table, clock};
use crate::tally::totals::{Coverage, GapRow, KindRow, LineCounts, ShapeRow};

/// Rows of each list in text.
const ROWS: usize = 5;
/// Kinds in text: practically all.
const KINDS: usize = 400;

/// Shows the classes of lines, the lines not understood, and where the log has holes.
pub(crate) fn coverage(coverage: &Coverage, options: Options) -> Section {
    let mut blocks = vec![Block::Pairs(vec![classes(coverage.lines)])];
    blocks.extend(notes(coverage).into_iter().map(Block::Note));
    blocks.extend(shapes(coverage, options));
    blocks.extend(gaps(&coverage.gaps, options));
    Section {
        id: "coverage",
        title: "Coverage".into(),
        blocks,
    }
}

/// The classes of lines; unparsed is there even if zero, for that is the good news.
fn classes(lines: LineCounts) -> Pairs {
    let mut pairs = Pairs::default();
    pairs.count(lines.read, "lines read");
    pairs.count(lines.parsed, "parsed");
    pairs.count_if_any(
        lines.generic,
        "generic: a known program, a text of no known kind",
    );
    pairs.count(lines.unparsed, "unparsed: a known program, not understood");
    pairs.count_if_any(lines.foreign, "foreign: other programs, or no log line");
    pairs.count_if_any(lines.filtered, "filtered out");
    pairs.count_if_any(
        lines.expanded,
        "more events, counted for lines that say they were repeated",
    );
    pairs
}

/// The unparsed lines by shape: place that gave up, shape and first sample under each other.
fn shapes(coverage: &Coverage, options: Options) -> Option<Block> {
    let rows = &coverage.unparsed_shapes;
    if rows.is_empty() {
        return None;
    }
    let mut table = Table::titled(
        "Unparsed lines by shape",
        vec![
            Column::number("lines"),
            Column::text("program"),
            Column::text(""),
            Column::text(""),
        ],
    );
    let shown = options.rows(ROWS);
    table.rows = rows.iter().take(shown).flat_map(shape_cells).collect();
    table.rest = Rest::of(rows.iter().skip(shown).map(|row| row.count));
    table.note = Some(shapes_note(coverage.unparsed_shapes_dropped));
    Some(Block::Table(table))
}

/// Tells where the lines stand uncut: 80 columns are too few to write a parser from.
fn shapes_note(dropped: u64) -> String {
    let whole = "All shapes, with a whole line of each: mailtally coverage --format json";
    if dropped == 0 {
        return whole.to_owned();
    }
    let lines = counted(dropped, "line", "lines");
    format!("Beside these, {lines} of shapes too many to keep. {whole}")
}

fn shape_cells(row: &ShapeRow) -> [Vec<Cell>; 3] {
    let first = vec![
        Cell::Count(row.count),
        Cell::text(&row.program),
        Cell::text("reason"),
        Cell::text(&row.reason),
    ];
    let more =
        |name, text: &str| vec![Cell::Empty, Cell::Empty, Cell::text(name), Cell::text(text)];
    [
        first,
        more("shape", &row.shape),
        more("sample", &row.sample),
    ]
}

fn notes(coverage: &Coverage) -> Vec<String> {
    let mut notes = Vec::new();
    if coverage.no_envelope > 0 {
        let lines = counted(coverage.no_envelope, "line has", "lines have");
        notes.push(format!("{lines} no known form of stamp, host and program."));
    }
    for row in &coverage.foreign_servers {
        let lines = counted(row.count, "line looks", "lines look");
        notes.push(format!(
            "{lines} like {}'s: mailtally reads Postfix and Dovecot.",
            row.server
        ));
    }
    if coverage.lost > 0 {
        let lines = counted(coverage.lost, "line", "lines");
        notes.push(format!(
            "{lines} lost, as the loggers report: totals are lower bounds."
        ));
    }
    if coverage.disordered > 0 {
        let lines = counted(coverage.disordered, "line is", "lines are");
        let by = duration(coverage.disorder_us);
        notes.push(format!(
            "{lines} stamped earlier than the line before, by {by} at most."
        ));
    }
    notes
}

fn gaps(rows: &[GapRow], options: Options) -> Option<Block> {
    if rows.is_empty() {
        return None;
    }
    let mut table = Table::titled(
        "Silent for more than an hour",
        vec![
            Column::number("for"),
            Column::text("from"),
            Column::text("to"),
            Column::text("host"),
        ],
    );
    let shown = options.rows(ROWS);
    table.rows = rows.iter().take(shown).map(gap_cells).collect();
    // The sum of a rest of gaps would be a time; only how many there are is said.
    table.rest = Rest::of(rows.iter().skip(shown).map(|_| 0));
    Some(Block::Table(table))
}

fn gap_cells(gap: &GapRow) -> Vec<Cell> {
    let length = gap.to_us.saturating_sub(gap.from_us).max(0).unsigned_abs();
    vec![
        Cell::Text(duration(length)),
        Cell::Text(clock::stamp(gap.from_us)),
        Cell::Text(clock::stamp(gap.to_us)),
        Cell::text(&gap.host),
    ]
}

/// Shows the lines of each program and kind.
pub(crate) fn kinds(rows: &[KindRow], options: Options) -> Section {
    let mut table = Table::new(vec![
        Column::number("lines"),
        Column::text("class"),
        Column::text("program"),
        Column::text("kind"),
    ]);
    let shown = options.rows(KINDS);
    table.rows = rows.iter().take(shown).map(kind_cells).collect();
    table.rest = Rest::of(rows.iter().skip(shown).map(|row| row.count));
    Section {
        id: "kinds",
        title: "Lines by program and kind".into(),
        blocks: vec![Block::Table(table)],
    }
}

fn kind_cells(row: &KindRow) -> Vec<Cell> {
    vec![
        Cell::Count(row.count),
        Cell::text(row.class),
        Cell::text(&row.program),
        row.kind.as_deref().map_or(Cell::Empty, Cell::text),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;
    use crate::tally::totals::ServerRow;

    fn shape(program: &str, count: u64) -> ShapeRow {
        ShapeRow {
            program: program.into(),
            shape: "frobbed N times".into(),
            reason: "no known kind".into(),
            count,
            sample: "frobbed 17 times".into(),
        }
    }

    fn full() -> Coverage {
        Coverage {
            lines: LineCounts {
                read: 100,
                parsed: 50,
                generic: 5,
                unparsed: 7,
                foreign: 30,
                filtered: 8,
                expanded: 6,
            },
            lost: 12,
            kinds: Vec::new(),
            unparsed_shapes: vec![shape("smtpd", 4), shape("qmgr", 1)],
            unparsed_shapes_dropped: 2,
            gaps: vec![GapRow {
                host: "mx1".into(),
                from_us: 1_795_221_865_000_000,
                to_us: 1_795_229_065_000_000,
            }],
            disordered: 3,
            disorder_us: 2_100_000,
            no_envelope: 1,
            foreign_servers: vec![ServerRow {
                server: "Exim",
                count: 21,
            }],
        }
    }

    #[test]
    fn says_what_became_of_every_line() {
        let expected = "\
Coverage
100 lines read
50 parsed
5 generic: a known program, a text of no known kind
7 unparsed: a known program, not understood
30 foreign: other programs, or no log line
8 filtered out
6 more events, counted for lines that say they were repeated
> 1 line has no known form of stamp, host and program.
> 21 lines look like Exim's: mailtally reads Postfix and Dovecot.
> 12 lines lost, as the loggers report: totals are lower bounds.
> 3 lines are stamped earlier than the line before, by 2.1 s at most.
[Unparsed lines by shape]
lines | program |  | 
4 | smtpd | reason | no known kind
 |  | shape | frobbed N times
 |  | sample | frobbed 17 times
+ 1 rows, 1 in sum
(Beside these, 2 lines of shapes too many to keep. All shapes, with a whole line of each: mailtally coverage --format json)
[Silent for more than an hour]
for | from | to | host
2 h 0 m | 2026-11-21 00:44:25 | 2026-11-21 02:44:25 | mx1
";
        assert_eq!(plain(&coverage(&full(), Options::with_top(1))), expected);
    }

    #[test]
    fn a_clean_log_is_three_numbers() {
        let clean = Coverage {
            lines: LineCounts {
                read: 9,
                parsed: 9,
                ..LineCounts::default()
            },
            ..Coverage::default()
        };
        let expected = "\
Coverage
9 lines read
9 parsed
0 unparsed: a known program, not understood
";
        assert_eq!(plain(&coverage(&clean, Options::default())), expected);
    }

    #[test]
    fn classes_add_up_to_the_lines_read() {
        let pairs = classes(full().lines);
        let counts: Vec<u64> = pairs
            .rows
            .iter()
            .map(|(cell, _)| match cell {
                Cell::Count(count) => *count,
                _ => 0,
            })
            .collect();
        // Repeats are no lines.
        let [read, classes @ .., expanded] = &counts[..] else {
            panic!("{counts:?}")
        };
        assert_eq!(*read, classes.iter().sum::<u64>());
        assert_eq!(*expanded, 6);
    }

    #[test]
    fn kinds_stand_with_their_class() {
        let row = |program: &str, kind: Option<&str>, class, count| KindRow {
            program: program.into(),
            kind: kind.map(Into::into),
            class,
            count,
        };
        let rows = [
            row("smtpd", Some("smtpd_connect"), "parsed", 40),
            row("CRON", None, "foreign", 2),
        ];
        let expected = "\
Lines by program and kind
lines | class | program | kind
40 | parsed | smtpd | smtpd_connect
2 | foreign | CRON | 
";
        assert_eq!(plain(&kinds(&rows, Options::default())), expected);
    }
}

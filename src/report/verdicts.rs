//! What milters, policy services and content filters decided.

use super::{Block, Cell, Column, Options, Rest, Section, Table};
use crate::tally::totals::VerdictRow;

/// Rows of the list in text.
const ROWS: usize = 20;

/// Shows verdicts, those of one program together.
pub(crate) fn verdicts(rows: &[VerdictRow], options: Options) -> Option<Section> {
    if rows.is_empty() {
        return None;
    }
    let mut table = Table::new(vec![
        Column::number("count"),
        Column::text("program"),
        Column::text("verdict"),
        Column::text("of"),
    ]);
    let shown = options.rows(ROWS);
    let mut first: Vec<&VerdictRow> = rows.iter().take(shown).collect();
    // Stable: the rows of a program stay in order of count.
    first.sort_by_key(|row| row.program);
    for row in first {
        table.rows.push(vec![
            Cell::Count(row.count),
            Cell::text(row.program),
            Cell::text(&row.verdict),
            row.detail.as_deref().map_or(Cell::Empty, Cell::text),
        ]);
    }
    table.rest = Rest::of(rows.iter().skip(shown).map(|row| row.count));
    Some(Section {
        id: "verdicts",
        title: "Verdicts of milters, policy services and filters".into(),
        blocks: vec![Block::Table(table)],
    })
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;

    #[test]
    fn a_programs_verdicts_stand_together() {
        let row = |program, verdict: &str, detail: Option<&str>, count| VerdictRow {
            program,
            verdict: verdict.into(),
            detail: detail.map(Into::into),
            count,
        };
        let rows = [
            row("rspamd", "no action", None, 90),
            row("amavis", "Passed", Some("CLEAN"), 70),
            row("rspamd", "reject", None, 5),
            row("amavis", "Blocked", Some("SPAM"), 2),
        ];
        let expected = "\
Verdicts of milters, policy services and filters
count | program | verdict | of
70 | amavis | Passed | CLEAN
90 | rspamd | no action | 
5 | rspamd | reject | 
+ 1 rows, 2 in sum
";
        assert_eq!(
            plain(&verdicts(&rows, Options::with_top(3)).unwrap()),
            expected
        );
        assert!(verdicts(&[], Options::default()).is_none());
    }
}

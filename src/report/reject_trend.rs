//! Refusals by class, for now and for good, and by rule over time.

use std::collections::BTreeMap;

use super::trend::Axis;
use super::{Block, Cell, Column, Options, Rest, Section, Table};
use crate::tally::totals::RefusedRow;

/// Rows of each list in text.
const ROWS: usize = 15;

/// What happened to the mails of one class.
#[derive(Clone, Copy, Default)]
struct Counts {
    for_now: u64,
    for_good: u64,
    unsaid: u64,
    warned: u64,
    held: u64,
    discarded: u64,
}

impl Counts {
    fn add(&mut self, row: &RefusedRow) {
        let count = match (row.action, row.code_class) {
            ("reject", Some(4)) => &mut self.for_now,
            ("reject", Some(5)) => &mut self.for_good,
            ("reject", _) => &mut self.unsaid,
            ("reject_warning" | "warning", _) => &mut self.warned,
            ("hold", _) => &mut self.held,
            ("discard", _) => &mut self.discarded,
            _ => return,
        };
        *count += row.count;
    }

    fn sum(&self) -> u64 {
        let Counts {
            for_now,
            for_good,
            unsaid,
            warned,
            held,
            discarded,
        } = *self;
        for_now + for_good + unsaid + warned + held + discarded
    }
}

/// Shows classes with what became of the mail, then rules over time.
pub(crate) fn reject_trend(rows: &[RefusedRow], options: Options) -> Option<Section> {
    let blocks: Vec<Block> = [by_class(rows, options), over_time(rows, options)]
        .into_iter()
        .flatten()
        .collect();
    (!blocks.is_empty()).then(|| Section {
        id: "reject_trend",
        title: "Rejects by class and over time".into(),
        blocks,
    })
}

fn by_class(rows: &[RefusedRow], options: Options) -> Option<Block> {
    let mut classes: BTreeMap<&str, Counts> = BTreeMap::new();
    for row in rows {
        classes.entry(&row.class).or_default().add(row);
    }
    let mut classes: Vec<_> = classes
        .into_iter()
        .filter(|(_, counts)| counts.sum() > 0)
        .collect();
    // Stable: classes of one count stay in order of name.
    classes.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.sum()));
    if classes.is_empty() {
        return None;
    }
    let mut table = Table::titled(
        "By class",
        vec![
            Column::number("4xx"),
            Column::number("5xx"),
            Column::number("no code"),
            Column::number("warned"),
            Column::number("held"),
            Column::number("discarded"),
            Column::text("class"),
        ],
    );
    let shown = options.rows(ROWS);
    for (class, counts) in classes.iter().take(shown) {
        table.rows.push(vec![
            Cell::Count(counts.for_now),
            Cell::Count(counts.for_good),
            Cell::Count(counts.unsaid),
            Cell::Count(counts.warned),
            Cell::Count(counts.held),
            Cell::Count(counts.discarded),
            Cell::text(*class),
        ]);
    }
    table.rest = Rest::of(classes.iter().skip(shown).map(|(_, counts)| counts.sum()));
    table.note = Some("4xx: come again later; 5xx: refused for good.".into());
    Some(Block::Table(table.without_idle_columns()))
}

/// Rule, action, and the hits by hour.
type Hours<'a> = BTreeMap<(&'a str, &'static str), BTreeMap<i64, u64>>;

fn over_time(rows: &[RefusedRow], options: Options) -> Option<Block> {
    let hours = rows
        .iter()
        .flat_map(|row| row.per_hour.iter().map(|(hour, _)| *hour));
    let axis = Axis::of(hours)?;
    let mut rules: Hours<'_> = BTreeMap::new();
    for row in rows {
        let hours = rules.entry((&row.rule, row.action)).or_default();
        for (hour, count) in &row.per_hour {
            *hours.entry(*hour).or_insert(0) += count;
        }
    }
    let mut rules: Vec<_> = rules
        .into_iter()
        .map(|(key, hours)| (key, hours.values().sum::<u64>(), hours))
        .collect();
    rules.sort_by_key(|(_, count, _)| std::cmp::Reverse(*count));
    let mut table = Table::titled(
        "By rule, over time",
        vec![
            Column::number("count"),
            Column::whole("over time"),
            Column::text("action"),
            Column::text("rule"),
        ],
    );
    let shown = options.rows(ROWS);
    for ((rule, action), count, hours) in rules.iter().take(shown) {
        let hits: Vec<(i64, u64)> = hours.iter().map(|(&hour, &hits)| (hour, hits)).collect();
        table.rows.push(vec![
            Cell::Count(*count),
            Cell::text(axis.line(&hits)),
            Cell::text(*action),
            Cell::text(*rule),
        ]);
    }
    table.rest = Rest::of(rules.iter().skip(shown).map(|(_, count, _)| *count));
    table.note = Some(axis.note());
    Some(Block::Table(table))
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;

    fn row(
        rule: &str,
        action: &'static str,
        code_class: Option<u8>,
        per_hour: &[(i64, u64)],
    ) -> RefusedRow {
        RefusedRow {
            rule: rule.into(),
            class: rule.split(':').next().unwrap_or(rule).into(),
            action,
            stage: "rcpt",
            code_class,
            count: per_hour.iter().map(|(_, count)| count).sum(),
            per_hour: per_hour.to_vec(),
        }
    }

    #[test]
    fn splits_classes_by_code_and_shows_rules_over_time() {
        let rows = [
            row("dnsbl:a.example", "reject", Some(5), &[(0, 8), (2, 4)]),
            row("dnsbl:b.example", "reject", Some(4), &[(1, 3)]),
            row("greylist", "reject", Some(4), &[(0, 2)]),
            row("header-check", "prepend", None, &[(0, 1)]),
        ];
        let text = plain(&reject_trend(&rows, Options::with_top(3)).unwrap());
        let expected = "\
Rejects by class and over time
[By class]
4xx | 5xx | class
3 | 12 | dnsbl
2 | 0 | greylist
(4xx: come again later; 5xx: refused for good.)
[By rule, over time]
count | over time | action | rule
12 | █·▄ | reject | dnsbl:a.example
3 | ·█· | reject | dnsbl:b.example
2 | █·· | reject | greylist
+ 1 rows, 1 in sum
(Over time: each bar is an hour, the first from 1970-01-01 00:00 on; each line has its own scale.)
";
        assert_eq!(text, expected);
    }

    #[test]
    fn no_refusal_is_no_section() {
        assert!(reject_trend(&[], Options::default()).is_none());
    }
}

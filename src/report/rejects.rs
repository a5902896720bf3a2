//! Rejects by rule: the site's own rule id where the text has one, else the class.

use super::number::count;
use super::{Block, Cell, Column, Options, Rest, Section, Table};
use crate::tally::totals::{RejectTotals, RuleRow};

/// Rows in text: rules are what a site tunes, so more than elsewhere.
const ROWS: usize = 20;

/// Shows what each rule refused, warned of, held or discarded.
pub(crate) fn rejects(rejects: &RejectTotals, options: Options) -> Section {
    let rules: Vec<&RuleRow> = rejects
        .by_rule
        .iter()
        .filter(|row| is_verdict(row))
        .collect();
    if rules.is_empty() {
        return Section::line("rejects", "Rejects: none");
    }
    let mut table = Table::new(vec![
        Column::number("count"),
        Column::text("action"),
        Column::text("rule"),
        Column::text("class"),
    ]);
    let shown = options.rows(ROWS);
    table.rows = rules.iter().take(shown).map(|row| cells(row)).collect();
    table.rest = Rest::of(rules.iter().skip(shown).map(|row| row.count));
    let sum = rules
        .iter()
        .fold(0, |sum: u64, row| sum.saturating_add(row.count));
    Section {
        id: "rejects",
        title: format!("Rejects by rule ({} in sum)", count(sum)),
        blocks: vec![Block::Table(table)],
    }
}

/// Tells a rule that decided about a mail from one that only remarked on or changed it (`info`,
/// `prepend`, ...): those are for programs.
pub(super) fn is_verdict(row: &RuleRow) -> bool {
    matches!(
        row.action.as_str(),
        "reject" | "reject_warning" | "warning" | "hold" | "discard"
    )
}

fn cells(row: &RuleRow) -> Vec<Cell> {
    let class = if row.class == row.rule {
        Cell::Empty
    } else {
        Cell::text(&row.class)
    };
    vec![
        Cell::Count(row.count),
        Cell::text(&row.action),
        Cell::text(&row.rule),
        class,
    ]
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;

    fn row(rule: &str, class: &str, action: &str, count: u64) -> RuleRow {
        RuleRow {
            rule: rule.into(),
            class: class.into(),
            action: action.into(),
            count,
        }
    }

    fn totals() -> RejectTotals {
        RejectTotals {
            by_rule: vec![
                row("dnsbl:zen.example", "dnsbl:zen.example", "reject", 1_200),
                row("HDR-0113", "header-check", "discard", 30),
                row("greylist", "greylist", "reject", 4),
                row("header-check", "header-check", "prepend", 9),
            ],
            by_client: Vec::new(),
        }
    }

    #[test]
    fn a_rule_of_the_site_has_its_class_beside_it() {
        let expected = "\
Rejects by rule (1,234 in sum)
count | action | rule | class
1200 | reject | dnsbl:zen.example | 
30 | discard | HDR-0113 | header-check
4 | reject | greylist | 
";
        assert_eq!(plain(&rejects(&totals(), Options::default())), expected);
    }

    #[test]
    fn a_cut_list_says_how_much_is_missing() {
        let text = plain(&rejects(&totals(), Options::with_top(1)));
        assert!(
            text.starts_with("Rejects by rule (1,234 in sum)\n"),
            "{text}"
        );
        assert!(text.ends_with("+ 2 rows, 34 in sum\n"), "{text}");
    }

    #[test]
    fn no_reject_is_one_line() {
        let section = rejects(&RejectTotals::default(), Options::default());
        assert_eq!(plain(&section), "Rejects: none\n");
    }
}

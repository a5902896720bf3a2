//! Who stands behind each rule's refusals: clients, senders, recipients, HELO names.

use hashbrown::HashMap;

use super::number::{count, counted};
use super::rejects::is_verdict;
use super::{Block, Cell, Column, Options, Section, Table};
use crate::tally::totals::{BehindRow, BehindTotals, RuleRow};

/// Rules in text.
const RULES: usize = 10;
/// Names of each party of a rule in text.
const NAMES: usize = 3;

/// The parties of a refusal, in the order of a session, with their words for the report.
const PARTIES: [(&str, &str, &str); 4] = [
    ("client", "client", "clients"),
    ("helo", "HELO", "HELO names"),
    ("sender", "sender", "senders"),
    ("recipient", "recipient", "recipients"),
];

/// Refusals by rule, class and action, and then by party.
pub(super) type ByRule<'a> = HashMap<(&'a str, &'a str, &'a str), Vec<&'a BehindRow>>;

/// Puts the rows of a rule together; they stay in order.
pub(super) fn by_rule(behind: &BehindTotals) -> ByRule<'_> {
    let mut rules: ByRule<'_> = HashMap::new();
    for row in &behind.by_party {
        let rule = rules.entry((&row.rule, &row.class, row.action));
        rule.or_default().push(row);
    }
    rules
}

/// The rows of one party of a rule.
pub(super) fn of<'a>(party: &str, rows: &[&'a BehindRow]) -> Vec<&'a BehindRow> {
    let rows = rows.iter().filter(|row| row.party == party);
    rows.copied().collect()
}

/// Shows a table for each of the rules that refused most; nothing if none did.
pub(crate) fn reject_detail(
    rules: &[RuleRow],
    behind: &BehindTotals,
    options: Options,
) -> Option<Section> {
    let verdicts: Vec<&RuleRow> = rules.iter().filter(|row| is_verdict(row)).collect();
    if verdicts.is_empty() {
        return None;
    }
    let rows = by_rule(behind);
    let (shown, names) = (options.rows(RULES), options.rows(NAMES));
    let table = |rule: &&RuleRow| {
        let key = (&rule.rule[..], &rule.class[..], &rule.action[..]);
        let rows = rows.get(&key).map_or(&[][..], Vec::as_slice);
        Block::Table(table(rule, rows, names))
    };
    let mut blocks: Vec<Block> = verdicts.iter().take(shown).map(table).collect();
    blocks.extend(left_out(verdicts.get(shown..).unwrap_or_default()));
    blocks.extend(sampled(behind));
    Some(Section {
        id: "reject_detail",
        title: "Who was refused".into(),
        blocks,
    })
}

fn table(rule: &RuleRow, rows: &[&BehindRow], names: usize) -> Table {
    let mut table = Table::titled(
        caption(rule),
        vec![
            Column::text("who"),
            Column::number("count"),
            Column::text("name"),
        ],
    );
    for (party, word, _) in PARTIES {
        let rows = of(party, rows);
        for (at, row) in rows.iter().take(names).enumerate() {
            let word = if at == 0 {
                Cell::text(word)
            } else {
                Cell::Empty
            };
            let name = Cell::text(&row.name);
            table.rows.push(vec![word, Cell::Count(row.count), name]);
        }
        let others = rows.get(names..).unwrap_or_default();
        if !others.is_empty() {
            let sum = others.iter().map(|row| row.count).sum();
            let others = format!("({})", counted(others.len() as u64, "other", "others"));
            let word = if names == 0 {
                Cell::text(word)
            } else {
                Cell::Empty
            };
            table
                .rows
                .push(vec![word, Cell::Count(sum), Cell::text(others)]);
        }
    }
    table
}

/// `HDR-0113 (header-check): discard, 30 in sum`.
fn caption(rule: &RuleRow) -> String {
    let class = if rule.class == rule.rule {
        String::new()
    } else {
        format!(" ({})", rule.class)
    };
    let action = rule.action.replace('_', " ");
    format!(
        "{}{class}: {action}, {} in sum",
        rule.rule,
        count(rule.count)
    )
}

fn left_out(rules: &[&RuleRow]) -> Option<Block> {
    let sum = rules.iter().map(|rule| rule.count).sum();
    let text = format!(
        "{} more ({} in sum).",
        counted(rules.len() as u64, "rule", "rules"),
        count(sum)
    );
    (!rules.is_empty()).then_some(Block::Note(text))
}

/// Says which lists are no more than samples.
fn sampled(behind: &BehindTotals) -> Vec<Block> {
    let note = |(party, _, words): (&str, &str, &str)| {
        let one_in = behind.one_in.get(party).copied().unwrap_or(1);
        let text = format!(
            "Of {words} there were too many to keep: listed is a sample, one in {}.",
            count(one_in)
        );
        (one_in > 1).then_some(Block::Note(text))
    };
    PARTIES.into_iter().filter_map(note).collect()
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;

    fn rule(rule: &str, class: &str, action: &str, count: u64) -> RuleRow {
        RuleRow {
            rule: rule.into(),
            class: class.into(),
            action: action.into(),
            count,
        }
    }

    fn row(
        rule: &str,
        action: &'static str,
        party: &'static str,
        name: &str,
        count: u64,
    ) -> BehindRow {
        BehindRow {
            rule: rule.into(),
            class: "header-check".into(),
            action,
            party,
            name: name.into(),
            count,
        }
    }

    fn behind() -> BehindTotals {
        BehindTotals {
            by_party: vec![
                row("7", "reject", "client", "a.example[192.0.2.1]", 4),
                row("7", "hold", "client", "b.example[192.0.2.2]", 2),
                row("7", "reject", "client", "c.example[192.0.2.3]", 2),
                row("7", "reject", "sender", "<>", 2),
                row("7", "reject", "helo", "x", 1),
            ],
            one_in: [("client", 1), ("sender", 4)].into(),
        }
    }

    #[test]
    fn each_rule_has_those_it_refused() {
        let rules = [
            rule("7", "header-check", "reject", 6),
            rule("7", "header-check", "prepend", 5),
            rule("7", "header-check", "hold", 2),
            rule("spf", "spf", "reject_warning", 1),
        ];
        let text = |options| plain(&reject_detail(&rules, &behind(), options).unwrap());
        let expected = "\
Who was refused
[7 (header-check): reject, 6 in sum]
who | count | name
client | 4 | a.example[192.0.2.1]
 | 2 | c.example[192.0.2.3]
HELO | 1 | x
sender | 2 | <>
[7 (header-check): hold, 2 in sum]
who | count | name
client | 2 | b.example[192.0.2.2]
[spf: reject warning, 1 in sum]
who | count | name
> Of senders there were too many to keep: listed is a sample, one in 4.
";
        assert_eq!(text(Options::default()), expected);
        let expected = "\
Who was refused
[7 (header-check): reject, 6 in sum]
who | count | name
client | 4 | a.example[192.0.2.1]
 | 2 | (1 other)
HELO | 1 | x
sender | 2 | <>
> 2 rules more (3 in sum).
> Of senders there were too many to keep: listed is a sample, one in 4.
";
        assert_eq!(text(Options::with_top(1)), expected);
    }

    #[test]
    fn without_refusals_there_is_no_section() {
        let none = BehindTotals::default();
        assert!(reject_detail(&[], &none, Options::default()).is_none());
    }
}

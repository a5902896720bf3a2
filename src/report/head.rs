//! The head: whose log, of what time, from which files, and what spoils it.

use super::number::{count, counted, len, share};
use super::{Block, Cell, Column, Meta, Section, Table, clock};
use crate::tally::totals::{Coverage, LineCounts, Totals};

/// Names shown of a list of hosts or files.
const NAMES: usize = 3;

/// Says what was read, and first of all what makes the totals doubtful.
pub(crate) fn head(totals: &Totals, meta: &Meta) -> Section {
    let mut blocks = Vec::new();
    let facts = facts(totals, meta);
    if !facts.rows.is_empty() {
        blocks.push(Block::Table(facts));
    }
    let doubts = doubts(totals).into_iter().chain(meta.notes.iter().cloned());
    blocks.extend(doubts.map(Block::Note));
    Section {
        id: "head",
        title: "Mail log report".into(),
        blocks,
    }
}

fn facts(totals: &Totals, meta: &Meta) -> Table {
    let mut table = Table::new(vec![Column::text(""), Column::text("")]);
    let mut fact = |name: &str, text: String| {
        if !text.is_empty() {
            table.rows.push(vec![Cell::text(name), Cell::Text(text)]);
        }
    };
    fact("hosts", names(&totals.hosts));
    let span = totals.span.map(|(first, last)| clock::span(first, last));
    fact("time", span.unwrap_or_default());
    let asked = meta.range.as_ref().map(ToString::to_string);
    fact("asked for", asked.unwrap_or_default());
    fact("only", meta.conditions.join(" and "));
    fact("zone", meta.timezone.clone());
    fact("files", names(&meta.files));
    fact("lines", lines(totals.coverage.lines));
    table
}

/// Returns the first names of a list, and before them how many there are if that is more.
fn names(names: &[String]) -> String {
    let shown = names.get(..NAMES).unwrap_or(names).join(", ");
    if names.len() > NAMES {
        return format!("{}: {shown}, …", count(len(names.len())));
    }
    shown
}

/// Returns the classes of lines, the empty ones left out.
fn lines(lines: LineCounts) -> String {
    if lines.read == 0 {
        return String::new();
    }
    let mut text = format!("{} read", count(lines.read));
    for (number, class) in [
        (lines.generic, "generic"),
        (lines.unparsed, "unparsed"),
        (lines.foreign, "of other programs"),
        (lines.filtered, "filtered out"),
    ] {
        if number > 0 {
            text += &format!(", {} {class}", count(number));
        }
    }
    text
}

/// Returns what a reader must know before believing the totals.
fn doubts(totals: &Totals) -> Vec<String> {
    let Coverage { lines, lost, .. } = &totals.coverage;
    if lines.read == 0 {
        return vec!["No lines.".into()];
    }
    let mut doubts = Vec::new();
    if lines.foreign.saturating_mul(2) > lines.read {
        let part = share(lines.foreign, lines.read);
        doubts.push(format!(
            "{part} of the lines are not of a mail system. Is this a mail log?"
        ));
    }
    if *lost > 0 {
        let lines = counted(*lost, "lost line", "lost lines");
        doubts.push(format!(
            "The loggers themselves report {lines}: all totals are lower bounds."
        ));
    }
    if lines.unparsed > 0 {
        let lines = counted(lines.unparsed, "line was", "lines were");
        doubts.push(format!(
            "{lines} not understood: totals may be too low (see Coverage)."
        ));
    }
    doubts.extend(superseded(totals.messages.superseded));
    doubts
}

fn superseded(mails: u64) -> Option<String> {
    let ids = counted(mails, "queue id was", "queue ids were");
    (mails > 0).then(|| {
        format!("{ids} given again before the end of the first mail was seen: totals are bounds.")
    })
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;

    fn totals() -> Totals {
        let mut totals = Totals {
            hosts: vec!["mx1.example.com".into()],
            span: Some((1_795_221_865_000_000, 1_795_229_065_000_000)),
            ..Totals::default()
        };
        totals.coverage.lines = LineCounts {
            read: 12_000,
            parsed: 11_990,
            generic: 10,
            ..LineCounts::default()
        };
        totals
    }

    fn meta(files: &[&str]) -> Meta {
        Meta {
            files: files.iter().map(|&file| file.into()).collect(),
            timezone: "Europe/Berlin".into(),
            ..Meta::default()
        }
    }

    #[test]
    fn names_host_time_files_and_lines() {
        let expected = "\
Mail log report
 | 
hosts | mx1.example.com
time | 2026-11-21 00:44:25 to 02:44:25 (2 h 0 m)
zone | Europe/Berlin
files | mail.log
lines | 12,000 read, 10 generic
";
        assert_eq!(plain(&head(&totals(), &meta(&["mail.log"]))), expected);
    }

    #[test]
    fn names_the_range_that_was_asked_for() {
        let day_us = 86_400_000_000;
        let from_us = 20_777 * day_us;
        let mut meta = meta(&["mail.log"]);
        for (from_us, to_us, row) in [
            (
                Some(from_us),
                Some(from_us + day_us),
                "asked for | from 2026-11-20 00:00:00 to before 2026-11-21 00:00:00 (these)\n",
            ),
            (
                Some(from_us),
                None,
                "asked for | from 2026-11-20 00:00:00 on (these)\n",
            ),
            (
                None,
                Some(from_us),
                "asked for | before 2026-11-20 00:00:00 (these)\n",
            ),
        ] {
            meta.range = Some(super::super::RangeAsked {
                words: "these".into(),
                from_us,
                to_us,
            });
            let text = plain(&head(&totals(), &meta));
            assert!(text.contains(row), "{text}");
        }
    }

    #[test]
    fn names_the_conditions() {
        let mut meta = meta(&["mail.log"]);
        meta.conditions = vec!["sender=a@example.com".into(), "status!=sent".into()];
        let text = plain(&head(&totals(), &meta));
        let row = "only | sender=a@example.com and status!=sent\nzone | ";
        assert!(text.contains(row), "{text}");
    }

    #[test]
    fn long_lists_are_counted_and_cut() {
        let text = plain(&head(&totals(), &meta(&["a", "b", "c", "d", "e"])));
        assert!(text.contains("files | 5: a, b, c, …\n"), "{text}");
        let text = plain(&head(&totals(), &meta(&["a", "b", "c"])));
        assert!(text.contains("files | a, b, c\n"), "{text}");
    }

    #[test]
    fn says_first_what_spoils_the_totals() {
        let mut totals = totals();
        totals.coverage.lost = 5;
        totals.coverage.lines = LineCounts {
            read: 100,
            parsed: 39,
            unparsed: 1,
            foreign: 60,
            ..LineCounts::default()
        };
        totals.messages.superseded = 2;
        let mut meta = meta(&["mail.log"]);
        meta.notes.push("old.gz: corrupt after 4.0 MiB".into());
        let text = plain(&head(&totals, &meta));
        let expected = "\
lines | 100 read, 1 unparsed, 60 of other programs
> 60% of the lines are not of a mail system. Is this a mail log?
> The loggers themselves report 5 lost lines: all totals are lower bounds.
> 1 line was not understood: totals may be too low (see Coverage).
> 2 queue ids were given again before the end of the first mail was seen: totals are bounds.
> old.gz: corrupt after 4.0 MiB
";
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn half_of_the_lines_may_be_foreign() {
        let mut totals = totals();
        totals.coverage.lines.foreign = 6_000;
        assert!(doubts(&totals).is_empty());
        totals.coverage.lines.foreign = 6_001;
        assert_eq!(doubts(&totals).len(), 1);
    }
}

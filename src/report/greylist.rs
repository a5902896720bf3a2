//! Greylisting: how many networks came back, and after how long.

use super::number::{counted, duration, share};
use super::{Block, Cell, Column, Options, Rest, Section, Table};
use crate::tally::totals::{GreylistRow, GreylistTotals};

/// Rows of the list in text.
const ROWS: usize = 10;

/// Shows who came back, and those who were refused most.
pub(crate) fn greylist(greylist: &GreylistTotals, options: Options) -> Option<Section> {
    if greylist.networks == 0 {
        return None;
    }
    let mut table = Table::new(vec![
        Column::number("refusals"),
        Column::number("came back after"),
        Column::whole("network"),
    ]);
    let shown = options.rows(ROWS);
    let cells = |row: &GreylistRow| {
        vec![
            Cell::Count(row.refusals),
            row.wait_us
                .map_or(Cell::text("never"), |us| Cell::text(duration(us))),
            Cell::text(&row.network),
        ]
    };
    let rows = &greylist.by_network;
    table.rows = rows.iter().take(shown).map(cells).collect();
    table.rest = Rest::of(rows.iter().skip(shown).map(|row| row.refusals));
    Some(Section {
        id: "greylist",
        title: format!(
            "Greylisting ({})",
            counted(greylist.refusals, "refusal", "refusals")
        ),
        blocks: vec![Block::Note(summary(greylist)), Block::Table(table)],
    })
}

fn summary(greylist: &GreylistTotals) -> String {
    let mut text = format!(
        "Of {} (/24, /64) told to come later, {} ({}) had a mail accepted afterwards.",
        counted(greylist.networks, "network", "networks"),
        greylist.came_back,
        share(greylist.came_back, greylist.networks),
    );
    if let (Some(median), Some(p90)) = (greylist.median_wait_us, greylist.p90_wait_us) {
        text += &format!(
            " From the first refusal to that mail it took {} in the median; nine of ten took no \
             longer than {}.",
            duration(median),
            duration(p90)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::plain::plain;
    use super::*;

    #[test]
    fn says_who_came_back_and_when() {
        let row = |network: &str, refusals, wait_us| GreylistRow {
            network: network.into(),
            refusals,
            wait_us,
        };
        let totals = GreylistTotals {
            refusals: 7,
            networks: 2,
            came_back: 1,
            median_wait_us: Some(310_000_000),
            p90_wait_us: Some(310_000_000),
            by_network: vec![
                row("192.0.2.0/24", 5, None),
                row("198.51.100.0/24", 2, Some(310_000_000)),
            ],
        };
        let expected = "\
Greylisting (7 refusals)
> Of 2 networks (/24, /64) told to come later, 1 (50%) had a mail accepted afterwards. From the \
first refusal to that mail it took 5 m 10 s in the median; nine of ten took no longer than 5 m 10 s.
refusals | came back after | network
5 | never | 192.0.2.0/24
2 | 5 m 10 s | 198.51.100.0/24
";
        assert_eq!(
            plain(&greylist(&totals, Options::default()).unwrap()),
            expected
        );
        assert!(greylist(&GreylistTotals::default(), Options::default()).is_none());
    }
}

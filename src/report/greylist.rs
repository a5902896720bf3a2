//! Greylisting: how many networks came back, and after how long.

use super::number::{count, counted, duration, share};
use super::{Block, Cell, Column, Options, Rest, Section, Table};
use crate::tally::totals::{GreylistRow, GreylistTotals, TripletRow, TripletTotals};

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
            after(row.wait_us),
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
        blocks: vec![
            Block::Note(summary(greylist)),
            Block::Table(table),
            Block::Note(triplets_summary(&greylist.by_triplet)),
            Block::Table(triplets(&greylist.by_triplet.by_triplet, options)),
        ],
    })
}

fn triplets(rows: &[TripletRow], options: Options) -> Table {
    let mut table = Table::new(vec![
        Column::number("refusals"),
        Column::number("came back after"),
        Column::whole("network"),
        Column::text("sender"),
        Column::text("recipient"),
    ]);
    let shown = options.rows(ROWS);
    for row in rows.iter().take(shown) {
        let sender = match row.sender.as_str() {
            "" => "<>",
            sender => sender,
        };
        table.rows.push(vec![
            Cell::Count(row.refusals),
            after(row.wait_us),
            Cell::text(&row.network),
            Cell::text(sender),
            Cell::text(&row.recipient),
        ]);
    }
    table.rest = Rest::of(rows.iter().skip(shown).map(|row| row.refusals));
    table
}

fn after(wait_us: Option<u64>) -> Cell {
    wait_us.map_or(Cell::text("never"), |us| Cell::text(duration(us)))
}

fn summary(greylist: &GreylistTotals) -> String {
    let mut text = format!(
        "Of {} (/24, /64) told to come later, {} ({}) had a mail accepted afterwards.",
        counted(greylist.networks, "network", "networks"),
        greylist.came_back,
        share(greylist.came_back, greylist.networks),
    );
    text += &waits(greylist.median_wait_us, greylist.p90_wait_us);
    text
}

/// The same mail again is what greylisting waits for: a network may send others meanwhile.
fn triplets_summary(triplets: &TripletTotals) -> String {
    let mut text = format!(
        "Of {} of network, sender and recipient that were refused, {} ({}) had their mail accepted \
         afterwards.",
        counted(triplets.triplets, "combination", "combinations"),
        count(triplets.came_back),
        share(triplets.came_back, triplets.triplets),
    );
    text += &waits(triplets.median_wait_us, triplets.p90_wait_us);
    if triplets.one_in > 1 {
        text += &format!(
            " There were too many to keep: this is a sample, one in {}.",
            count(triplets.one_in)
        );
    }
    text
}

fn waits(median_us: Option<u64>, p90_us: Option<u64>) -> String {
    let (Some(median), Some(p90)) = (median_us, p90_us) else {
        return String::new();
    };
    format!(
        " From the first refusal to that mail it took {} in the median; nine of ten took no longer \
         than {}.",
        duration(median),
        duration(p90)
    )
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
            by_triplet: TripletTotals {
                triplets: 9,
                refusals: 7,
                one_in: 4,
                by_triplet: vec![TripletRow {
                    network: "192.0.2.0/24".into(),
                    sender: String::new(),
                    recipient: "a@b.example".into(),
                    refusals: 5,
                    wait_us: None,
                }],
                ..TripletTotals::default()
            },
        };
        let expected = "\
Greylisting (7 refusals)
> Of 2 networks (/24, /64) told to come later, 1 (50%) had a mail accepted afterwards. From the \
first refusal to that mail it took 5 m 10 s in the median; nine of ten took no longer than 5 m 10 s.
refusals | came back after | network
5 | never | 192.0.2.0/24
2 | 5 m 10 s | 198.51.100.0/24
> Of 9 combinations of network, sender and recipient that were refused, 0 (0%) had their mail \
accepted afterwards. There were too many to keep: this is a sample, one in 4.
refusals | came back after | network | sender | recipient
5 | never | 192.0.2.0/24 | <> | a@b.example
";
        assert_eq!(
            plain(&greylist(&totals, Options::default()).unwrap()),
            expected
        );
        assert!(greylist(&GreylistTotals::default(), Options::default()).is_none());
    }
}

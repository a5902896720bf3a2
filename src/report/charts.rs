//! What a report that can draw shows beside its tables: the chief figures, and charts.
//!
//! Nothing is counted or worked out here that no table has: each chart is made of the cells of the
//! table behind it, found by the section's name and the columns' titles. A section that is missing,
//! or has nothing to draw, is left as it is.

use super::number::{count, share};
use super::{Block, Cell, Chart, Form, Highlight, Section, Table, Tone};
use crate::tally::totals::Totals;

/// Bars of a chart of names: those with the most.
const NAMES: usize = 10;

/// Puts the chief figures into the head, and charts before the tables that they draw.
pub(crate) fn add(sections: &mut [Section], totals: &Totals) {
    let ids: Vec<&str> = sections.iter().map(|section| section.id).collect();
    for section in sections {
        match section.id {
            "head" => {
                // A part that was not asked for was not counted either.
                let mut shown = highlights(totals);
                shown.retain(|highlight| ids.contains(&highlight.section));
                section.blocks.push(Block::Highlights(shown));
            }
            "totals" => put_before_first(section, outcomes(totals)),
            "per_day" => put(section, days),
            "per_hour" => put(section, |table| traffic("Mail per hour of the day", table)),
            "weekdays" => put(section, weekdays),
            "tls" => put(section, tls_states),
            "families" => put(section, families),
            "spam_sources" => put(section, spam_sources),
            _ => {}
        }
    }
}

/// Puts a chart before the first table, if that has something to draw.
fn put(section: &mut Section, draw: impl Fn(&Table) -> Option<Chart>) {
    let mut blocks = section.blocks.iter().enumerate();
    let first = blocks.find_map(|(place, block)| match block {
        Block::Table(table) => Some((place, draw(table)?)),
        _ => None,
    });
    if let Some((place, chart)) = first {
        section.blocks.insert(place, Block::Chart(chart));
    }
}

fn put_before_first(section: &mut Section, chart: Option<Chart>) {
    if let Some(chart) = chart {
        section.blocks.insert(0, Block::Chart(chart));
    }
}

fn highlights(totals: &Totals) -> Vec<Highlight> {
    let mail = &totals.totals;
    let ends = mail.delivered.saturating_add(mail.rejected);
    let figure = |figure, label, note: String, section, tone| Highlight {
        figure,
        label,
        note,
        section,
        tone,
    };
    let bad = |number: u64| if number > 0 { Tone::Bad } else { Tone::Good };
    let number =
        |number, label, note, tone| figure(Cell::Count(number), label, note, "totals", tone);
    let mut shown = vec![
        number(
            mail.received,
            "received",
            size(mail.bytes_received),
            Tone::Good,
        ),
        number(
            mail.delivered,
            "delivered",
            size(mail.bytes_delivered),
            Tone::Good,
        ),
        number(
            mail.deferred,
            "deferred",
            format!("{} deferrals", count(mail.deferrals)),
            bad(mail.deferred),
        ),
        number(
            mail.bounced,
            "bounced",
            format!("{} expired", count(mail.expired)),
            bad(mail.bounced),
        ),
        number(
            mail.rejected,
            "rejected",
            share(mail.rejected, ends),
            Tone::Unknown,
        ),
    ];
    let states = totals.tls.states.inbound;
    let encrypted = states.logged.saturating_add(states.seen);
    let known = encrypted.saturating_add(states.plaintext);
    if known > 0 {
        let whole = Cell::Share {
            part: encrypted,
            whole: known,
        };
        let note = "of inbound sessions".to_owned();
        shown.push(figure(whole, "encrypted", note, "tls", Tone::Good));
    }
    let failed = totals.logins.iter().filter(|row| row.outcome == "failure");
    let failed = failed.fold(0, |sum: u64, row| sum.saturating_add(row.count));
    if !totals.logins.is_empty() {
        let all = totals
            .logins
            .iter()
            .fold(0, |sum: u64, row| sum.saturating_add(row.count));
        let note = format!("of {}", count(all));
        shown.push(figure(
            Cell::Count(failed),
            "failed logins",
            note,
            "logins",
            bad(failed),
        ));
    }
    shown
}

fn size(bytes: u64) -> String {
    super::number::bytes(bytes)
}

/// What became of mail, by pflogsumm's counts.
fn outcomes(totals: &Totals) -> Option<Chart> {
    let mail = &totals.totals;
    let bars: Vec<(String, Vec<u64>)> = [
        ("delivered", mail.delivered, Tone::Good),
        ("forwarded", mail.forwarded, Tone::Good),
        ("deferred", mail.deferred, Tone::Other),
        ("bounced", mail.bounced, Tone::Bad),
        ("expired", mail.expired, Tone::Bad),
        ("rejected", mail.rejected, Tone::Unknown),
        ("held", mail.held, Tone::Other),
        ("discarded", mail.discarded, Tone::Unknown),
    ]
    .into_iter()
    .filter(|(_, number, _)| *number > 0)
    .map(|(name, number, tone)| (name.to_owned(), by_tone(number, tone)))
    .collect();
    let parts = TONES.map(|tone| (String::new(), tone)).into();
    chart("What became of mail", Form::Bars, parts, bars)
}

const TONES: [Tone; 4] = [Tone::Good, Tone::Other, Tone::Bad, Tone::Unknown];

/// A bar of one colour.
fn by_tone(number: u64, tone: Tone) -> Vec<u64> {
    let part = |own| if own == tone { number } else { 0 };
    TONES.into_iter().map(part).collect()
}

fn traffic(title: &'static str, table: &Table) -> Option<Chart> {
    let parts = [("received", Tone::Good), ("rejected", Tone::Bad)];
    drawn(title, Form::Columns, table, 0, &parts)
}

/// The year would leave no room for the day.
fn days(table: &Table) -> Option<Chart> {
    let mut chart = traffic("Mail per day", table)?;
    for (name, _) in &mut chart.bars {
        if let Some((_, day)) = name.split_once('-') {
            *name = day.to_owned();
        }
    }
    Some(chart)
}

fn tls_states(table: &Table) -> Option<Chart> {
    let parts = [
        ("TLS line", Tone::Good),
        ("TLS seen", Tone::Other),
        ("plaintext", Tone::Bad),
        ("not logged", Tone::Unknown),
    ];
    drawn(
        "Encryption, as the log proves it",
        Form::Shares,
        table,
        0,
        &parts,
    )
}

fn families(table: &Table) -> Option<Chart> {
    let parts = [("IPv4", Tone::Other), ("IPv6", Tone::Good)];
    let mut chart = drawn("IPv4 and IPv6", Form::Shares, table, 1, &parts)?;
    // The direction stands in the first of the rows that have it.
    let mut direction = "";
    for ((name, _), row) in chart.bars.iter_mut().zip(&table.rows) {
        if let Some(Cell::Text(text)) = row.first() {
            direction = text;
        }
        *name = format!("{direction}: {name}");
    }
    chart
        .bars
        .retain(|(_, parts)| parts.iter().any(|part| *part > 0));
    chart_of(chart)
}

fn spam_sources(table: &Table) -> Option<Chart> {
    let address = place(table, "address")?;
    let mut chart = drawn(
        "Score of the first ten",
        Form::Bars,
        table,
        address,
        &[("score", Tone::Bad)],
    )?;
    chart.bars.truncate(NAMES);
    chart_of(chart)
}

/// Hours lie, days stand: 24 columns are fit to be drawn, but not to be printed.
fn weekdays(table: &Table) -> Option<Chart> {
    let hours: Vec<(String, Tone)> = table
        .rows
        .iter()
        .map(|row| (text(row.first()), Tone::Good))
        .collect();
    let days = table.columns.iter().enumerate().skip(1);
    let bars = days.map(|(place, day)| {
        let numbers = table.rows.iter().map(|row| number(row.get(place)));
        (day.title.to_owned(), numbers.collect())
    });
    chart("Busy and quiet hours", Form::Grid, hours, bars.collect())
}

/// Draws the columns of a table that have these titles, a bar for each row.
fn drawn(
    title: &'static str,
    form: Form,
    table: &Table,
    name: usize,
    parts: &[(&str, Tone)],
) -> Option<Chart> {
    let found = parts
        .iter()
        .filter_map(|part| Some((*part, place(table, part.0)?)));
    let (parts, places): (Vec<_>, Vec<_>) = found.unzip();
    let bar = |row: &Vec<Cell>| {
        let numbers = places.iter().map(|place| number(row.get(*place)));
        (text(row.get(name)), numbers.collect())
    };
    let bars = table.rows.iter().map(bar).collect();
    let parts = parts
        .into_iter()
        .map(|(name, tone)| (name.to_owned(), tone));
    chart(title, form, parts.collect(), bars)
}

fn chart(
    title: &'static str,
    form: Form,
    parts: Vec<(String, Tone)>,
    bars: Vec<(String, Vec<u64>)>,
) -> Option<Chart> {
    chart_of(Chart {
        title,
        form,
        parts,
        bars,
    })
}

/// Returns a chart that has something to draw.
fn chart_of(chart: Chart) -> Option<Chart> {
    let mut parts = chart.bars.iter().flat_map(|(_, parts)| parts);
    parts.any(|part| *part > 0).then_some(chart)
}

fn place(table: &Table, title: &str) -> Option<usize> {
    table
        .columns
        .iter()
        .position(|column| column.title == title)
}

fn number(cell: Option<&Cell>) -> u64 {
    match cell {
        Some(Cell::Count(number) | Cell::Bytes(number)) => *number,
        _ => 0,
    }
}

fn text(cell: Option<&Cell>) -> String {
    match cell {
        Some(Cell::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Column;
    use super::*;

    fn section(id: &'static str, table: Table) -> Section {
        Section {
            id,
            title: String::new(),
            blocks: vec![Block::Note("Mind this.".into()), Block::Table(table)],
        }
    }

    fn totals() -> Totals {
        let mut totals = Totals::default();
        totals.totals.delivered = 30;
        totals.totals.rejected = 10;
        totals.tls.states.inbound.logged = 2;
        totals.tls.states.inbound.plaintext = 1;
        totals.tls.states.inbound.not_logged = 5;
        totals
    }

    fn chart_in(section: &Section) -> &Chart {
        let found = section.blocks.iter().find_map(|block| match block {
            Block::Chart(chart) => Some(chart),
            _ => None,
        });
        found.unwrap()
    }

    #[test]
    fn only_sections_that_are_there_have_chief_figures() {
        let of = |ids: &[&'static str]| {
            let mut sections: Vec<Section> = ids.iter().map(|id| Section::line(id, "")).collect();
            add(&mut sections, &totals());
            let Some(Block::Highlights(shown)) = sections[0].blocks.first() else {
                panic!("no highlights")
            };
            shown.clone()
        };
        assert_eq!(of(&["head"]), []);
        let tls = of(&["head", "tls"]);
        assert_eq!(tls.len(), 1);
        // What is not logged is neither encrypted nor not.
        assert_eq!(tls[0].figure, Cell::Share { part: 2, whole: 3 });
        let mail = of(&["head", "totals"]);
        assert_eq!(mail.len(), 5);
        assert_eq!((mail[4].label, mail[4].note.as_str()), ("rejected", "25%"));
    }

    #[test]
    fn a_chart_has_the_cells_of_its_table_and_stands_before_it() {
        let mut table = Table::new(vec![
            Column::text("direction"),
            Column::text("traffic"),
            Column::number("IPv4"),
            Column::number("IPv6"),
        ]);
        let row = |direction, name, ipv4, ipv6| {
            vec![
                direction,
                Cell::text(name),
                Cell::Count(ipv4),
                Cell::Count(ipv6),
            ]
        };
        table.rows = vec![
            row(Cell::text("inbound"), "connections", 7, 3),
            row(Cell::Empty, "logins", 0, 2),
            row(Cell::text("local"), "sent", 0, 0),
        ];
        let mut sections = vec![section("families", table)];
        add(&mut sections, &Totals::default());
        assert!(matches!(
            sections[0].blocks[..],
            [Block::Note(_), Block::Chart(_), Block::Table(_)]
        ));
        let expected = [
            ("inbound: connections".to_owned(), vec![7, 3]),
            ("inbound: logins".to_owned(), vec![0, 2]),
        ];
        assert_eq!(chart_in(&sections[0]).bars, expected);
    }

    #[test]
    fn nothing_to_draw_is_not_drawn() {
        let mut table = Table::new(vec![Column::text("hour"), Column::number("received")]);
        table.rows = vec![vec![Cell::text("00:00"), Cell::Count(0)]];
        let mut sections = vec![section("per_hour", table), Section::line("tls", "TLS")];
        add(&mut sections, &Totals::default());
        assert_eq!(sections[0].blocks.len(), 2);
        assert!(sections[1].blocks.is_empty());
    }
}

//! `--direction out`: our own offenders.

use std::cmp::Reverse;

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::report::{Block, Cell, Column, Report, Rest, Section, Table, iso, schema_of, stamp};
use crate::score::{By, Sent};

/// By what our own are ranked.
#[derive(Clone, Copy, PartialEq, Eq, Default, ValueEnum, Debug)]
pub(super) enum Sort {
    /// Recipients, each as often as a mail went to it
    #[default]
    Recipients,
    /// Mails
    Mails,
    /// Different recipients
    FanOut,
    /// The share of recipients that bounced
    Bounces,
    /// Who was seen first last
    FirstSeen,
}

/// The number of the JSON's form.
const SCHEMA: u32 = 1;

/// Our own, and what they send.
#[derive(JsonSchema, Serialize)]
pub(super) struct Figures<'a> {
    /// The version of this layout.
    schema: u32,
    /// `out`: it is our own who are looked at.
    direction: &'static str,
    /// What they are told apart by.
    by: &'static str,
    /// How many there are; `offenders` may have fewer.
    offenders_total: usize,
    /// Those with the highest figure first (`--sort`).
    offenders: Vec<OffenderFigures<'a>>,
}

/// One of ours.
#[derive(JsonSchema, Serialize)]
struct OffenderFigures<'a> {
    /// The login name, `uid N`, address, sender or domain.
    key: &'a str,
    /// Mails.
    mails: u64,
    /// Recipients, each as often as a mail went to it.
    recipients: u64,
    /// How many different recipients there are.
    distinct_recipients: u64,
    /// The most recipients of one mail.
    most_recipients: u64,
    /// Recipients that have the mail.
    delivered: u64,
    /// Recipients whose mail came back.
    bounced: u64,
    /// Attempts that were put off.
    deferrals: u64,
    /// Bounced, of those that came to an end; null where none did.
    bounced_share: Option<f64>,
    /// When the first mail was logged.
    first: Option<String>,
    /// When the last one was.
    last: Option<String>,
}

/// Returns a JSON Schema of the figures.
pub(super) fn schema() -> Value {
    schema_of::<Figures<'_>>(
        "Who of ours sends mail, as `mailtally top --direction out --format json` writes it.",
    )
}

/// Sorts in place: equal ones in order of their names.
pub(super) fn sort(rows: &mut [(String, Sent)], by: Sort) {
    rows.sort_by(|(a_key, a), (b_key, b)| {
        let order = match by {
            Sort::Recipients => Reverse(a.recipients).cmp(&Reverse(b.recipients)),
            Sort::Mails => Reverse(a.mails).cmp(&Reverse(b.mails)),
            Sort::FanOut => Reverse(a.distinct_recipients()).cmp(&Reverse(b.distinct_recipients())),
            Sort::Bounces => bounced_before(a, b),
            Sort::FirstSeen => Reverse(a.span).cmp(&Reverse(b.span)),
        };
        order.then_with(|| a_key.cmp(b_key))
    });
}

/// Compares shares without dividing; of equal ones the larger number comes first.
fn bounced_before(a: &Sent, b: &Sent) -> std::cmp::Ordering {
    let of = |sent: &Sent| u128::from((sent.delivered + sent.bounced).max(1));
    let left = u128::from(a.bounced) * of(b);
    let right = u128::from(b.bounced) * of(a);
    right.cmp(&left).then(b.bounced.cmp(&a.bounced))
}

/// Shows the first rows.
pub(super) fn report(rows: &[(String, Sent)], by: By, shown: usize) -> Report<Figures<'_>> {
    let first = rows.get(..shown).unwrap_or(rows);
    Report {
        sections: vec![section(rows, first, by)],
        figures: Figures {
            schema: SCHEMA,
            direction: "out",
            by: by.name(),
            offenders_total: rows.len(),
            offenders: first.iter().map(figures).collect(),
        },
    }
}

fn figures((key, sent): &(String, Sent)) -> OffenderFigures<'_> {
    let ended = sent.delivered + sent.bounced;
    OffenderFigures {
        key,
        mails: sent.mails,
        recipients: sent.recipients,
        distinct_recipients: sent.distinct_recipients(),
        most_recipients: sent.most_recipients,
        delivered: sent.delivered,
        bounced: sent.bounced,
        deferrals: sent.deferrals,
        bounced_share: (ended > 0).then(|| sent.bounced as f64 / ended as f64),
        first: sent.span.map(|(first, _)| iso(first)),
        last: sent.span.map(|(_, last)| iso(last)),
    }
}

fn section(rows: &[(String, Sent)], first: &[(String, Sent)], by: By) -> Section {
    let title = format!("Who of ours sends mail, by {}", by.name());
    if rows.is_empty() {
        return Section::line("offenders", format!("{title}: nobody"));
    }
    let mut table = Table::new(vec![
        Column::number("recipients"),
        Column::number("mails"),
        Column::number("different"),
        Column::number("most"),
        Column::number("bounced"),
        Column::number("share"),
        Column::number("deferrals"),
        Column::whole(by.name()),
        Column::whole("since"),
    ]);
    table.rows = first.iter().map(cells).collect();
    table.rest = Rest::of(
        rows.iter()
            .skip(first.len())
            .map(|(_, sent)| sent.recipients),
    );
    table.note = Some(
        "Mail of logged-in users, local users (uid) and clients of private networks. Different: how many \
         recipients there are; most: of one mail; share: bounced of those that came to an end."
            .to_owned(),
    );
    Section {
        id: "offenders",
        title,
        blocks: vec![Block::Table(table)],
    }
}

fn cells((key, sent): &(String, Sent)) -> Vec<Cell> {
    let since = sent.span.map(|(first, _)| stamp(first));
    vec![
        Cell::Count(sent.recipients),
        Cell::Count(sent.mails),
        Cell::Count(sent.distinct_recipients()),
        Cell::Count(sent.most_recipients),
        Cell::Count(sent.bounced),
        Cell::Share {
            part: sent.bounced,
            whole: sent.delivered + sent.bounced,
        },
        Cell::Count(sent.deferrals),
        Cell::text(key),
        since.map_or(Cell::Empty, Cell::Text),
    ]
}

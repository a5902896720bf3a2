//! A ranking as a report: tables for people and spreadsheets, figures for programs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::report::number::{count, counted};
use crate::report::{Block, Cell, Column, Report, Rest, Section, Table, iso, schema_of, stamp};
use crate::score::{By, Forgotten, Ranking, Source, Weights};
use crate::tally::evidence::Evidence;

/// The number of the JSON's form.
const SCHEMA: u32 = 1;

/// Sources of unwanted mail.
#[derive(JsonSchema, Serialize)]
pub(super) struct Figures<'a> {
    /// The version of this layout.
    schema: u32,
    /// What sources are told apart by.
    by: &'static str,
    /// The points of one piece of evidence, by its name; `accepted` is taken off for each mail accepted.
    weights: BTreeMap<&'static str, u64>,
    /// How many sources there are; `sources` may have fewer.
    sources_total: usize,
    /// With `--memory`: what there was no room for.
    #[serde(skip_serializing_if = "Option::is_none")]
    forgotten: Option<ForgottenFigures>,
    /// The sources with the highest score first.
    sources: Vec<SourceFigures<'a>>,
}

/// What bounded memory had no room for.
#[derive(JsonSchema, Serialize)]
struct ForgottenFigures {
    /// How often a source was forgotten; one that came back and went again counts twice.
    sources_at_most: u64,
    /// No source that is not here has more points against it, beside failed logins.
    points_at_most: u64,
}

/// A source with its score.
#[derive(JsonSchema, Serialize)]
struct SourceFigures<'a> {
    /// The address, network, name or rule.
    key: &'a str,
    /// The sum of the evidence less accepted mail, never below 0.
    score: u64,
    /// With `--memory`: what the score can be at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    score_at_most: Option<u64>,
    /// What it did, and what that counts for.
    evidence: Vec<PieceFigures>,
    /// Mails of it that were accepted.
    accepted: u64,
    /// Refusals by class.
    reject_classes: &'a BTreeMap<&'static str, u64>,
    /// When the first evidence was logged.
    first: Option<String>,
    /// When the last one was.
    last: Option<String>,
    /// A verified name of the address.
    hostname: Option<&'a str>,
    /// The addresses that were put together; none where it is one.
    addresses: Vec<String>,
    /// Of `alias`: who sent to it first.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_sender: Option<&'a str>,
    /// Up to three lines of the log.
    samples: Vec<&'a str>,
}

/// Evidence of one kind.
#[derive(JsonSchema, Serialize)]
struct PieceFigures {
    /// Its name, or the class of refusals that has a weight of its own.
    name: &'static str,
    /// How many there are.
    count: u64,
    /// The points of each.
    weight: u64,
    /// What they add to the score.
    points: u64,
}

/// Returns a JSON Schema of the figures.
pub(super) fn schema() -> Value {
    schema_of::<Figures<'_>>(
        "Sources of unwanted mail, as `mailtally top --format json` writes them.",
    )
}

/// Shows the first rows of a ranking as one table, with the sum and a line of each source.
pub(super) fn table<'a>(
    ranking: &'a Ranking,
    weights: &Weights,
    rows: usize,
) -> Report<Figures<'a>> {
    let mut report = report(ranking, weights, rows);
    report.sections.truncate(1);
    let shown = ranking.sources.iter().take(rows);
    for block in report
        .sections
        .iter_mut()
        .flat_map(|section| &mut section.blocks)
    {
        let Block::Table(table) = block else { continue };
        table.columns.push(Column::text("sum"));
        table.columns.push(Column::text("sample"));
        for (cells, source) in table.rows.iter_mut().zip(shown.clone()) {
            let sample = source.row.samples().next();
            cells.push(Cell::Text(sum(source)));
            cells.push(sample.map_or(Cell::Empty, Cell::text));
        }
    }
    report
}

/// Shows the first rows of a ranking.
pub(super) fn report<'a>(
    ranking: &'a Ranking,
    weights: &Weights,
    rows: usize,
) -> Report<Figures<'a>> {
    let shown = ranking.sources.get(..rows).unwrap_or(&ranking.sources);
    Report {
        sections: sections(ranking, shown),
        figures: Figures {
            schema: SCHEMA,
            by: ranking.by.name(),
            weights: weights.all().collect(),
            sources_total: ranking.sources.len(),
            forgotten: ranking.forgotten.map(|forgotten| ForgottenFigures {
                sources_at_most: forgotten.sources,
                points_at_most: forgotten.ceiling,
            }),
            sources: shown
                .iter()
                .map(|source| figures(source, ranking.forgotten.is_some()))
                .collect(),
        },
    }
}

fn figures(source: &Source, is_bounded: bool) -> SourceFigures<'_> {
    let pieces = source.pieces.iter().map(|piece| PieceFigures {
        name: piece.name(),
        count: piece.count,
        weight: piece.weight,
        points: piece.points(),
    });
    SourceFigures {
        key: &source.key,
        score: source.score,
        score_at_most: is_bounded.then_some(source.score_at_most),
        evidence: pieces.collect(),
        accepted: source.row.accepted(),
        reject_classes: source.row.classes(),
        first: source.row.span().map(|(first, _)| iso(first)),
        last: source.row.span().map(|(_, last)| iso(last)),
        hostname: source.hostname.as_deref(),
        addresses: source.addresses.iter().map(ToString::to_string).collect(),
        first_sender: source.row.first_sender(),
        samples: source.row.samples().collect(),
    }
}

fn sections(ranking: &Ranking, shown: &[Source]) -> Vec<Section> {
    let about = if is_about(ranking) { ", about" } else { "" };
    let title = format!("Sources of unwanted mail by {}{about}", ranking.by.name());
    if shown.is_empty() {
        return vec![Section::line("top", format!("{title}: none"))];
    }
    let mut table = sources_table(ranking, shown);
    let rest = ranking.sources.iter().skip(shown.len());
    // The sum of scores means nothing; only how many there are is said.
    table.rest = Rest::of(rest.map(|_| 0));
    vec![
        Section {
            id: "top",
            title,
            blocks: vec![Block::Table(table)],
        },
        Section {
            id: "evidence",
            title: "Evidence".into(),
            blocks: vec![Block::Table(evidence_table(shown))],
        },
    ]
}

/// The columns of evidence, narrow enough for a line of 80.
fn heading(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Reject => "rejects",
        Evidence::Later => "later",
        Evidence::UnknownRecipient => "unknown",
        Evidence::Dnsbl => "DNSBL",
        Evidence::AuthFailure => "auth",
        Evidence::Postscreen => "screen",
        Evidence::Protocol => "SMTP",
        Evidence::Spam => "spam",
        _ => "virus",
    }
}

fn sources_table(ranking: &Ranking, shown: &[Source]) -> Table {
    let mut columns = vec![Column::number("score")];
    if ranking.forgotten.is_some() {
        columns.push(Column::number("at most"));
    }
    columns.push(Column::whole(ranking.by.name()));
    columns.extend(Evidence::ALL.map(|one| Column::number(heading(one))));
    columns.push(Column::number("good"));
    columns.push(Column::whole("since"));
    columns.push(Column::text(match ranking.by {
        By::Alias => "first sender",
        By::Network | By::HostnameDomain | By::Asn | By::Country => "addresses",
        _ => "host",
    }));
    let mut table = Table::new(columns);
    table.rows = shown.iter().map(|source| cells(source, ranking)).collect();
    let mut note =
        "Score: each piece of evidence times its weight, less accepted mails (good) times \
                    theirs; the sums stand below. It is a list to look at."
            .to_owned();
    note += &ranking.forgotten.map_or_else(String::new, said_of);
    table.note = Some(note);
    table.without_idle_columns()
}

/// Tells whether anything was forgotten.
fn is_about(ranking: &Ranking) -> bool {
    ranking
        .forgotten
        .is_some_and(|forgotten| forgotten.sources > 0)
}

/// Says what bounded memory did to the figures.
fn said_of(forgotten: Forgotten) -> String {
    if forgotten.sources == 0 {
        return " Memory had room for all sources: the scores are exact.".to_owned();
    }
    format!(
        " About: memory had no room for all sources. A score is no less than it says, and no more than \
         `at most`; {} (one that came back and went again counts twice), none of them with more than {} \
         against it beside failed logins.",
        counted(
            forgotten.sources,
            "source was forgotten",
            "sources were forgotten"
        ),
        counted(forgotten.ceiling, "point", "points")
    )
}

fn cells(source: &Source, ranking: &Ranking) -> Vec<Cell> {
    let by = ranking.by;
    let mut cells = vec![Cell::Count(source.score)];
    if ranking.forgotten.is_some() {
        cells.push(Cell::Count(source.score_at_most));
    }
    cells.push(Cell::text(&source.key));
    cells.extend(Evidence::ALL.map(|one| Cell::Count(source.row.count(one))));
    cells.push(Cell::Count(source.row.accepted()));
    let since = source.row.span().map(|(first, _)| stamp(first));
    cells.push(since.map_or(Cell::Empty, Cell::Text));
    let more = match by {
        By::Alias => source.row.first_sender().map(str::to_owned),
        By::Network | By::HostnameDomain | By::Asn | By::Country => addresses(source),
        _ => source.hostname.clone(),
    };
    cells.push(more.map_or(Cell::Empty, Cell::Text));
    cells
}

fn addresses(source: &Source) -> Option<String> {
    let number = source.addresses.len();
    (number > 0).then(|| {
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        counted(number, "address", "addresses")
    })
}

/// How each score is made, and lines that show it.
fn evidence_table(shown: &[Source]) -> Table {
    let mut table = Table::new(vec![
        Column::whole("source"),
        Column::text("sum, and lines"),
    ]);
    for source in shown {
        table
            .rows
            .push(vec![Cell::text(&source.key), Cell::Text(sum(source))]);
        for sample in source.row.samples() {
            table.rows.push(vec![Cell::Empty, Cell::text(said(sample))]);
        }
    }
    table
}

/// What a line says, behind its stamp, host and process: a line of paper is short.
fn said(line: &str) -> &str {
    let tag = line.split_once("]: ").or_else(|| line.split_once(": "));
    tag.map_or(line, |(_, message)| message)
}

/// Writes the sum out: `2 reject x 1 + 1 dnsbl x 3 - 1 accepted x 3 = 2`.
fn sum(source: &Source) -> String {
    let terms = source.pieces.iter().map(|piece| {
        let (number, name) = (count(piece.count), piece.name());
        format!("{number} {name} x {}", piece.weight)
    });
    let mut text = terms.collect::<Vec<_>>().join(" + ");
    let accepted = source.row.accepted();
    if accepted > 0 {
        let accepted = count(accepted);
        text += &format!(" - {accepted} accepted x {}", source.accepted_weight);
    }
    text += &format!(" = {}", count(source.score));
    if source.score_at_most > source.score {
        text += &format!(", at most {}", count(source.score_at_most));
    }
    text
}

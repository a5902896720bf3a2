//! The figures for programs: `mailtally rules --format json`.

use schemars::JsonSchema;
use serde::Serialize;

use super::findings::{Findings, Fired, Listed, MapSummary, Place};
use super::hits::Sample;
use crate::report::{HourFigure, MetaFigures, hour, iso, schema_of};
use crate::tally::totals::LineCounts;

/// The version of these figures' layout.
pub const SCHEMA: u64 = 1;

/// What rules did, and what the maps have.
#[derive(Clone, PartialEq, Debug, JsonSchema, Serialize)]
pub struct RuleFigures<'a> {
    /// The version of this layout.
    pub schema: u64,
    /// Where the figures come from.
    pub meta: MetaFigures<'a>,
    /// The classes of lines; `read` is the sum of the other five.
    pub lines: LineCounts,
    /// The hits of all rules.
    pub hits: u64,
    /// Rules that did something, the most frequent first.
    pub rules: Vec<RuleFigure<'a>>,
    /// Of rules that only warn: what would happen if they refused.
    pub if_enforced: Vec<EnforcedFigure<'a>>,
    /// The site's maps that were given.
    pub maps: Vec<MapFigure<'a>>,
    /// Entries of them that did nothing in this log.
    pub never_fired: Vec<EntryFigure<'a>>,
    /// Entries that can do nothing: one above takes all that they would.
    pub shadowed: Vec<EntryFigure<'a>>,
    /// Ids that several entries have.
    pub ids_used_twice: Vec<IdFigure<'a>>,
    /// Rules of the site that did something and stand in none of the maps that are asked about such
    /// things.
    pub in_no_map: Vec<MissingFigure<'a>>,
}

/// What one rule did.
#[derive(Clone, PartialEq, Debug, JsonSchema, Serialize)]
pub struct RuleFigure<'a> {
    /// The site's own rule id, else the class.
    pub rule: &'a str,
    /// The canonical class.
    pub class: &'a str,
    /// `reject`, `reject_warning`, `hold`, `discard`, …
    pub action: &'static str,
    /// Where it stands in the maps; several places where nothing tells them apart.
    pub places: Vec<PlaceFigure<'a>>,
    /// What it looks for, where it stands in one place.
    pub pattern: Option<&'a str>,
    /// How often.
    pub hits: u64,
    /// The part of all hits, from 0 to 1.
    pub share: f64,
    /// The first hit, as `2026-11-21T00:44:25`: the log's wall clock in whole seconds.
    pub first: String,
    /// The last hit.
    pub last: String,
    /// Distinct addresses of clients.
    pub clients: u64,
    /// Distinct envelope senders; that of bounces is one.
    pub senders: u64,
    /// Hits by hour; hours without a hit are left out.
    pub per_hour: Vec<HourFigure>,
    /// The first lines, of different clients.
    pub samples: Vec<SampleFigure>,
}

/// A line of the log.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct SampleFigure {
    /// When it was logged.
    pub time: String,
    /// The host that logged it.
    pub host: String,
    /// The tag, `postfix/smtpd`.
    pub program: String,
    /// The message, its first 1,000 bytes.
    pub message: String,
}

/// An entry's place.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct PlaceFigure<'a> {
    /// The map, as it was given.
    pub map: &'a str,
    /// The line in which the entry begins.
    pub line: u32,
}

/// A rule that warns, if it refused.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct EnforcedFigure<'a> {
    /// The site's own rule id, else the class.
    pub rule: &'a str,
    /// The canonical class.
    pub class: &'a str,
    /// `reject_warning` of an access rule, `warning` of a header or body check.
    pub action: &'static str,
    /// Refusals that there would have been.
    pub rejects: u64,
    /// Distinct envelope senders that they would have hit.
    pub senders: u64,
    /// Of these, the senders that had mail delivered in this log.
    pub senders_delivered: u64,
}

/// A map of the site.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct MapFigure<'a> {
    /// The map, as it was given.
    pub map: &'a str,
    /// `regexp`, `pcre`, `cidr` or `indexed`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its entries.
    pub entries: u64,
    /// Those that did something.
    pub fired: u64,
    /// Those that did not.
    pub never_fired: u64,
    /// Those that leave no line in a log: `OK`, `DUNNO`, `IGNORE`.
    pub silent: u64,
    /// What Postfix would warn about, or pass over.
    pub problems: Vec<ProblemFigure>,
}

/// Something wrong in a map.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct ProblemFigure {
    /// The line.
    pub line: u32,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// An entry of a map.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct EntryFigure<'a> {
    /// The map, as it was given.
    pub map: &'a str,
    /// The line in which the entry begins.
    pub line: u32,
    /// The rule id in its text.
    pub id: Option<&'a str>,
    /// Its left side.
    pub pattern: &'a str,
    /// The action, in capitals.
    pub action: &'a str,
    /// Its text, codes taken off.
    pub text: &'a str,
    /// The line of the entry above that takes all that this one would.
    pub shadowed_by: Option<u32>,
}

/// An id of several entries.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct IdFigure<'a> {
    /// The id.
    pub id: &'a str,
    /// The entries.
    pub places: Vec<PlaceFigure<'a>>,
}

/// A rule that no map has.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct MissingFigure<'a> {
    /// The site's own rule id, else the class.
    pub rule: &'a str,
    /// The canonical class.
    pub class: &'a str,
    /// What it did.
    pub action: &'static str,
    /// How often.
    pub hits: u64,
    /// The last hit.
    pub last: String,
}

impl<'a> RuleFigures<'a> {
    /// Makes the figures; `top` cuts the list of rules.
    pub fn new(
        findings: &'a Findings,
        meta: MetaFigures<'a>,
        lines: LineCounts,
        top: Option<usize>,
    ) -> Self {
        let hits = findings.count();
        let fired = findings.fired.iter().take(top.unwrap_or(usize::MAX));
        RuleFigures {
            schema: SCHEMA,
            meta,
            lines,
            hits,
            rules: fired.map(|rule| rule_figure(rule, hits)).collect(),
            if_enforced: findings.fired.iter().filter_map(enforced).collect(),
            maps: findings.maps.iter().map(map).collect(),
            never_fired: findings.never_fired.iter().map(entry).collect(),
            shadowed: findings.shadowed.iter().map(entry).collect(),
            ids_used_twice: findings.same_ids.iter().map(same_id).collect(),
            in_no_map: findings.fired.iter().filter_map(missing).collect(),
        }
    }
}

/// Returns a JSON Schema of the figures.
pub fn schema() -> serde_json::Value {
    schema_of::<RuleFigures<'_>>(
        "What reject rules did, as `mailtally rules --format json` writes it.",
    )
}

fn rule_figure(rule: &Fired, all: u64) -> RuleFigure<'_> {
    let hours = rule.per_hour.iter().map(|(at, count)| HourFigure {
        hour: hour(*at),
        count: *count,
    });
    RuleFigure {
        rule: &rule.rule,
        class: &rule.class,
        action: rule.action,
        places: places(&rule.places),
        pattern: rule.pattern.as_deref(),
        hits: rule.count,
        share: share(rule.count, all),
        first: iso(rule.first_us),
        last: iso(rule.last_us),
        clients: rule.clients,
        senders: rule.senders,
        per_hour: hours.collect(),
        samples: rule.samples.iter().map(sample).collect(),
    }
}

/// A part of a whole with four digits behind the point, from integers: the same on every machine.
fn share(part: u64, whole: u64) -> f64 {
    let parts = u128::from(part) * 10_000 + u128::from(whole) / 2;
    let parts = parts.checked_div(u128::from(whole)).unwrap_or(0);
    u32::try_from(parts).map_or(1.0, f64::from) / 10_000.0
}

fn sample(sample: &Sample) -> SampleFigure {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    SampleFigure {
        time: iso(sample.at_us),
        host: text(&sample.host),
        program: text(&sample.tag),
        message: text(&sample.message),
    }
}

fn places(places: &[Place]) -> Vec<PlaceFigure<'_>> {
    places
        .iter()
        .map(|place| PlaceFigure {
            map: &place.map,
            line: place.line,
        })
        .collect()
}

fn enforced(rule: &Fired) -> Option<EnforcedFigure<'_>> {
    Some(EnforcedFigure {
        rule: &rule.rule,
        class: &rule.class,
        action: rule.action,
        rejects: rule.count,
        senders: rule.senders,
        senders_delivered: rule.senders_delivered?,
    })
}

fn map(map: &MapSummary) -> MapFigure<'_> {
    let problem = |found: &super::table::TableProblem| ProblemFigure {
        line: found.line,
        problem: found.what,
    };
    MapFigure {
        map: &map.map,
        kind: map.kind,
        entries: map.entries,
        fired: map.fired,
        never_fired: map.never_fired,
        silent: map.silent,
        problems: map.problems.iter().map(problem).collect(),
    }
}

fn entry(entry: &Listed) -> EntryFigure<'_> {
    EntryFigure {
        map: &entry.place.map,
        line: entry.place.line,
        id: entry.id.as_deref(),
        pattern: &entry.pattern,
        action: &entry.action,
        text: &entry.text,
        shadowed_by: entry.shadowed_by,
    }
}

fn same_id((id, entries): &(String, Vec<Place>)) -> IdFigure<'_> {
    IdFigure {
        id,
        places: places(entries),
    }
}

fn missing(rule: &Fired) -> Option<MissingFigure<'_>> {
    rule.is_missing.then(|| MissingFigure {
        rule: &rule.rule,
        class: &rule.class,
        action: rule.action,
        hits: rule.count,
        last: iso(rule.last_us),
    })
}

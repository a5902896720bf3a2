//! The figures as metrics, for Prometheus and whatever reads its format.
//!
//! Names and labels are an interface: `mailtally_` in front, the unit behind, `_total` for what only
//! grows. Who logs may not decide how many series there are: of labels whose values come from the
//! log, such as rules and relays, the largest rows have series of their own, and all others together
//! one whose value is `other`. No address, user or mail is ever a label. How metrics are written is
//! **not** decided here (that is `render`).

mod access;
mod mail;

use std::collections::BTreeMap;

use super::{Options, Part};
use crate::tally::totals::Totals;

/// How many rows of a table have series of their own, unless `--top` says otherwise.
const SERIES: usize = 20;

/// The value of labels that stand for all rows without a series of their own.
const OTHER: &str = "other";

/// One metric with all its series.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Metric {
    /// The whole name, `mailtally_received_total`.
    pub name: &'static str,
    /// What it counts, in one sentence.
    pub help: &'static str,
    /// Whether it only grows.
    pub kind: MetricKind,
    /// Its series.
    pub series: Vec<Series>,
}

/// What sort of number a metric is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MetricKind {
    /// Grows as long as a log is read.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts durations by how long they are.
    Histogram,
}

/// One combination of labels.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Series {
    /// Names and values.
    pub labels: Vec<Label>,
    /// What was counted.
    pub value: Value,
}

/// The name of a label, and its value.
pub type Label = (&'static str, String);

/// The value of a series.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// A number of things or bytes.
    Count(u64),
    /// A duration in microseconds, to be written in seconds.
    Micros(u64),
    /// Durations by how long they are.
    Durations {
        /// Limits in microseconds, and how many durations do not exceed each; ascending.
        at_most: Vec<(u64, u64)>,
        /// All of them in sum, in microseconds.
        sum_us: u64,
        /// How many there are.
        count: u64,
    },
}

/// Makes metrics of all parts that were asked for.
pub fn metrics(totals: &Totals, options: &Options) -> Vec<Metric> {
    let mut metrics = lines(totals);
    metrics.extend(mail::metrics(totals, *options));
    metrics.extend(access::metrics(totals, *options));
    metrics.retain(|metric| !metric.series.is_empty());
    metrics
}

/// How every line was accounted for: part of whatever is asked for.
fn lines(totals: &Totals) -> Vec<Metric> {
    let coverage = &totals.coverage;
    let lines = &coverage.lines;
    let outcomes = [
        ("parsed", lines.parsed),
        ("generic", lines.generic),
        ("unparsed", lines.unparsed),
        ("foreign", lines.foreign),
        ("filtered", lines.filtered),
    ];
    vec![
        Metric::counter(
            "mailtally_lines_total",
            "Lines read, by how they were accounted for",
            outcomes.map(|(outcome, count)| series(&[("outcome", outcome)], count)),
        ),
        Metric::counter(
            "mailtally_lost_lines_total",
            "Lines that the loggers themselves reported as lost",
            [series(&[], coverage.lost)],
        ),
        Metric::counter(
            "mailtally_disordered_lines_total",
            "Lines stamped earlier than the line before them on the same host",
            [series(&[], coverage.disordered)],
        ),
        Metric::counter(
            "mailtally_log_gaps_total",
            "Silences of more than an hour between two lines of one host",
            [series(&[], super::number::len(coverage.gaps.len()))],
        ),
    ]
}

impl Metric {
    fn counter(
        name: &'static str,
        help: &'static str,
        series: impl IntoIterator<Item = Series>,
    ) -> Metric {
        Metric {
            name,
            help,
            kind: MetricKind::Counter,
            series: series.into_iter().collect(),
        }
    }

    fn gauge(
        name: &'static str,
        help: &'static str,
        series: impl IntoIterator<Item = Series>,
    ) -> Metric {
        Metric {
            kind: MetricKind::Gauge,
            ..Metric::counter(name, help, series)
        }
    }
}

fn labels(labels: &[(&'static str, &str)]) -> Vec<Label> {
    let owned = |(name, value): &(&'static str, &str)| (*name, (*value).to_owned());
    labels.iter().map(owned).collect()
}

fn series(names: &[(&'static str, &str)], count: u64) -> Series {
    Series {
        labels: labels(names),
        value: Value::Count(count),
    }
}

/// How many rows of a part's tables have series of their own.
fn own_series(options: Options, part: Part) -> usize {
    options.at(part).rows(SERIES)
}

/// Sums rows that agree in their labels, in order of these.
fn summed(rows: impl Iterator<Item = (Vec<Label>, u64)>) -> Vec<Series> {
    let mut sums: BTreeMap<Vec<Label>, u64> = BTreeMap::new();
    for (labels, count) in rows {
        let sum = sums.entry(labels).or_insert(0);
        *sum = sum.saturating_add(count);
    }
    let series = |(labels, count)| Series {
        labels,
        value: Value::Count(count),
    };
    sums.into_iter().map(series).collect()
}

/// Sums rows as [`summed`] does, but keeps the values that come from a log only for the largest
/// sums; those of the others become `other`, and are summed by the labels that are ours.
fn bounded(
    rows: impl Iterator<Item = (Vec<Label>, Vec<Label>, u64)>,
    own_series: usize,
) -> Vec<Series> {
    let mut sums: BTreeMap<(Vec<Label>, Vec<Label>), u64> = BTreeMap::new();
    for (ours, logged, count) in rows {
        let sum = sums.entry((ours, logged)).or_insert(0);
        *sum = sum.saturating_add(count);
    }
    let mut rows: Vec<_> = sums.into_iter().collect();
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let numbered = rows.into_iter().enumerate();
    summed(numbered.map(|(at, ((ours, mut logged), count))| {
        if at >= own_series {
            logged
                .iter_mut()
                .for_each(|(_, value)| OTHER.clone_into(value));
        }
        ([ours, logged].concat(), count)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(action: &str, rule: &str, count: u64) -> (Vec<Label>, Vec<Label>, u64) {
        (
            labels(&[("action", action)]),
            labels(&[("rule", rule)]),
            count,
        )
    }

    #[test]
    fn only_the_largest_rows_have_series_of_their_own() {
        let rows = [
            row("reject", "a", 5),
            row("reject", "b", 2),
            row("reject", "c", 2),
            row("hold", "d", 1),
            row("reject", "b", 1),
        ];
        let expected = [
            series(&[("action", "hold"), ("rule", "other")], 1),
            series(&[("action", "reject"), ("rule", "a")], 5),
            series(&[("action", "reject"), ("rule", "b")], 3),
            series(&[("action", "reject"), ("rule", "other")], 2),
        ];
        assert_eq!(bounded(rows.into_iter(), 2), expected);
    }

    #[test]
    fn ties_go_to_the_first_by_name() {
        let rows = ["c", "b", "a"].map(|rule| row("reject", rule, 1));
        let bounded = bounded(rows.into_iter(), 1);
        let rules: Vec<&str> = bounded.iter().map(|row| row.labels[1].1.as_str()).collect();
        assert_eq!(rules, ["a", "other"]);
    }
}

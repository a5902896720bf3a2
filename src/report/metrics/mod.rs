//! The figures as metrics, for Prometheus and whatever reads its format.
//!
//! Names and labels are an interface: `mailtally_` in front, the unit behind, `_total` for what only
//! grows. Who logs may not decide how many series there are: of labels whose values come from the
//! log, such as rules and relays, the largest rows have series of their own, and all others together
//! one whose value is `other`. No address, user or mail is ever a label. How metrics are written is
//! **not** decided here (that is `render`).

mod access;
mod exporter;
mod mail;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Options, Part};
use crate::tally::totals::Totals;

/// How many rows of a table have series of their own, unless `--top` says otherwise.
const SERIES: usize = 20;

/// The value of labels that stand for all rows without a series of their own.
const OTHER: &str = "other";

/// One metric with all its series.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Metric {
    /// The whole name, `mailtally_received_total`.
    pub name: Cow<'static, str>,
    /// What it counts, in one sentence.
    pub help: Cow<'static, str>,
    /// Whether it only grows.
    pub kind: MetricKind,
    /// Its series.
    pub series: Vec<Series>,
    /// The labels whose values come from the log, and how many rows have series of their own.
    #[serde(skip)]
    pub bound: Option<Bound>,
}

/// How many series whoever logs can make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bound {
    /// The labels whose values come from the log.
    pub logged: &'static [&'static str],
    /// How many rows have series of their own; the others share those in which these labels are
    /// `other`.
    pub own: usize,
}

/// What sort of number a metric is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum MetricKind {
    /// Grows as long as a log is read.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts durations by how long they are.
    Histogram,
}

/// One combination of labels.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Series {
    /// Names and values.
    pub labels: Vec<Label>,
    /// What was counted.
    pub value: Value,
}

/// The name of a label, and its value.
pub type Label = (Cow<'static, str>, String);

/// The value of a series.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Value {
    /// A number of things or bytes.
    Count(u64),
    /// A duration in microseconds, to be written in seconds.
    Micros(u64),
    /// Durations in microseconds, by how long they are; to be written in seconds.
    Durations(Distribution),
    /// Numbers of things or bytes, by how many they are.
    Amounts(Distribution),
}

/// Values by how large they are.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Distribution {
    /// Limits, and how many values do not exceed each; ascending.
    pub at_most: Vec<(u64, u64)>,
    /// All of them in sum.
    pub sum: u64,
    /// How many there are.
    pub count: u64,
}

/// Makes metrics of all parts that were asked for.
pub fn metrics(totals: &Totals, options: &Options) -> Vec<Metric> {
    let mut metrics = whole_metrics(totals, options);
    metrics.iter_mut().for_each(Metric::cut);
    metrics
}

/// Makes metrics whose bounds still have to be kept: every row has a series of its own.
pub fn whole_metrics(totals: &Totals, options: &Options) -> Vec<Metric> {
    let mut metrics = lines(totals);
    metrics.extend(mail::metrics(totals, *options));
    metrics.extend(access::metrics(totals, *options));
    if options.compat_metrics {
        metrics.extend(exporter::metrics(totals));
    }
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
    /// What only grows.
    pub fn counter(
        name: &'static str,
        help: &'static str,
        series: impl IntoIterator<Item = Series>,
    ) -> Metric {
        Metric {
            name: name.into(),
            help: help.into(),
            kind: MetricKind::Counter,
            series: series.into_iter().collect(),
            bound: None,
        }
    }

    /// What only grows, with labels whose values come from the log.
    fn bounded(
        name: &'static str,
        help: &'static str,
        rows: impl Iterator<Item = (Vec<Label>, u64)>,
        logged: &'static [&'static str],
        own: usize,
    ) -> Metric {
        Metric {
            bound: Some(Bound { logged, own }),
            ..Metric::counter(name, help, summed(rows))
        }
    }

    /// Keeps the bound: the largest rows have series of their own, the others are summed.
    fn cut(&mut self) {
        let Some(bound) = self.bound else {
            return;
        };
        let mut rows = std::mem::take(&mut self.series);
        rows.sort_by(|a, b| {
            let order = b.value.count().cmp(&a.value.count());
            order.then_with(|| a.labels.cmp(&b.labels))
        });
        let mut sums: BTreeMap<Vec<Label>, Value> = BTreeMap::new();
        for (at, row) in rows.into_iter().enumerate() {
            let labels = match at < bound.own {
                true => row.labels,
                false => bound.shared(row.labels),
            };
            match sums.get_mut(&labels) {
                Some(sum) => sum.add(&row.value),
                None => drop(sums.insert(labels, row.value)),
            }
        }
        let series = |(labels, value)| Series { labels, value };
        self.series = sums.into_iter().map(series).collect();
    }

    /// What goes up and down.
    pub fn gauge(
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
    let owned = |&(name, value): &(&'static str, &str)| (name.into(), value.to_owned());
    labels.iter().map(owned).collect()
}

/// A series that counts things.
pub fn series(names: &[(&'static str, &str)], count: u64) -> Series {
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

impl Bound {
    /// The labels of the series that a row shares with others.
    pub fn shared(self, mut labels: Vec<Label>) -> Vec<Label> {
        for (name, value) in &mut labels {
            if self.logged.contains(&name.as_ref()) {
                OTHER.clone_into(value);
            }
        }
        labels
    }
}

impl Value {
    /// How much it is, to be compared with others of its metric.
    pub fn count(&self) -> u64 {
        match self {
            Value::Count(count) | Value::Micros(count) => *count,
            Value::Durations(values) | Value::Amounts(values) => values.count,
        }
    }

    /// Adds another value of its kind.
    pub fn add(&mut self, more: &Value) {
        match (self, more) {
            (Value::Count(ours), Value::Count(theirs))
            | (Value::Micros(ours), Value::Micros(theirs)) => *ours = ours.saturating_add(*theirs),
            (Value::Durations(ours), Value::Durations(theirs))
            | (Value::Amounts(ours), Value::Amounts(theirs)) => ours.add(theirs),
            _ => debug_assert!(false, "a series has one kind of value"),
        }
    }

    /// Becomes another value of its kind where that is higher; returns by how much.
    pub fn raise(&mut self, to: &Value) -> Value {
        match (self, to) {
            (Value::Count(ours), Value::Count(to)) => Value::Count(raise(ours, *to)),
            (Value::Micros(ours), Value::Micros(to)) => Value::Micros(raise(ours, *to)),
            (Value::Durations(ours), Value::Durations(to)) => Value::Durations(ours.raise(to)),
            (Value::Amounts(ours), Value::Amounts(to)) => Value::Amounts(ours.raise(to)),
            (_, other) => other.clone(),
        }
    }
}

impl Distribution {
    fn add(&mut self, more: &Distribution) {
        // Limits are the same for all of one metric.
        for ((_, ours), (_, theirs)) in self.at_most.iter_mut().zip(&more.at_most) {
            *ours = ours.saturating_add(*theirs);
        }
        self.sum = self.sum.saturating_add(more.sum);
        self.count = self.count.saturating_add(more.count);
    }

    fn raise(&mut self, to: &Distribution) -> Distribution {
        let both = self.at_most.iter_mut().zip(&to.at_most);
        Distribution {
            at_most: both
                .map(|((limit, ours), (_, to))| (*limit, raise(ours, *to)))
                .collect(),
            sum: raise(&mut self.sum, to.sum),
            count: raise(&mut self.count, to.count),
        }
    }
}

/// Raises a number to another one if that is higher; returns by how much.
fn raise(ours: &mut u64, to: u64) -> u64 {
    let more = to.saturating_sub(*ours);
    *ours = ours.saturating_add(more);
    more
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(action: &str, rule: &str, count: u64) -> (Vec<Label>, u64) {
        (labels(&[("action", action), ("rule", rule)]), count)
    }

    fn cut<const N: usize>(rows: [(Vec<Label>, u64); N], own: usize) -> Vec<Series> {
        let mut metric = Metric::bounded("rows_total", "", rows.into_iter(), &["rule"], own);
        metric.cut();
        metric.series
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
        assert_eq!(cut(rows, 2), expected);
    }

    #[test]
    fn ties_go_to_the_first_by_name() {
        let rows = ["c", "b", "a"].map(|rule| row("reject", rule, 1));
        let bounded = cut(rows, 1);
        let rules: Vec<&str> = bounded.iter().map(|row| row.labels[1].1.as_str()).collect();
        assert_eq!(rules, ["a", "other"]);
    }
}

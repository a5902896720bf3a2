//! Counts followed lines for metrics: the figures of a report's metrics, without end.
//!
//! A tally of all that was read would grow with every stranger who connects. So the tally is told
//! from time to time to forget what it counted, and what it counted is kept here by series, whose
//! number is bounded: rows of labels whose values come from the log have series of their own as long
//! as there is room, and share `other` beyond that. Counters never go down, and what a family of
//! series adds up to is always what was counted; a row that grows larger than twice the smallest one
//! with a series of its own takes its place, and the smaller one's count moves to `other`.
//!
//! How the program itself fares is added by whoever knows it; this reads no clock and no socket.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use mailtally_parsers::{Event, Reason};
use serde::{Deserialize, Serialize};

use super::alert::{Alert, Change};
use crate::pipeline;
use crate::report::{self, Bound, Label, Metric, MetricKind, Options, Series, Value};
use crate::source::Line;
use crate::tally::{Tally, Wanted, Windows};

/// The name of the counter of alerts.
const ALERTS: &str = "mailtally_alerts_raised_total";

/// So many names make some 8 MB of counters, and making them small again takes a tenth of a second.
const NAMES: usize = 25_000;

/// A tenth of the mails that a report holds open: those that are given up count as `lost_end`.
const WINDOWS: Windows = Windows {
    late: 256,
    hop: 10_000,
    max_open: 100_000,
};

/// Metrics of lines as they come.
pub struct Meter {
    tally: Tally,
    /// With so many names it is made small again, and with fewer never.
    most_names: usize,
    least_names: usize,
    options: Options,
    /// What was taken over of each row of the tally at hand.
    seen: HashMap<Cow<'static, str>, HashMap<Vec<Label>, Value>>,
    families: BTreeMap<Cow<'static, str>, Family>,
}

/// The series of one metric.
struct Family {
    help: Cow<'static, str>,
    kind: MetricKind,
    series: BTreeMap<Vec<Label>, Value>,
}

/// All that a meter has counted, to go on another time.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
pub struct MeterSnapshot(Vec<Metric>);

impl Meter {
    /// Begins to count for metrics as these options have them.
    pub fn new(options: Options) -> Self {
        Meter::with(options, WINDOWS, NAMES)
    }

    fn with(options: Options, windows: Windows, names: usize) -> Self {
        let wanted = Wanted {
            lists: false,
            exporter: options.compat_metrics,
            ..options.sections.wanted()
        };
        Meter {
            tally: Tally::anchored(windows).counting(wanted),
            most_names: names,
            least_names: names,
            options,
            seen: HashMap::new(),
            families: BTreeMap::new(),
        }
    }

    /// Goes on where another meter was.
    #[must_use]
    pub fn restore(mut self, snapshot: MeterSnapshot) -> Self {
        for metric in snapshot.0 {
            self.add(metric);
        }
        // Nothing of it is the tally's.
        self.seen.clear();
        self
    }

    /// Returns all that it counted.
    pub fn snapshot(&mut self) -> MeterSnapshot {
        let mut metrics = self.metrics();
        metrics.retain(|metric| metric.kind != MetricKind::Gauge);
        MeterSnapshot(metrics)
    }

    /// Counts a line that follows those before; `event` is what its message was parsed to, where it
    /// has an envelope.
    pub fn count_line(&mut self, line: &Line<'_>, event: Option<&Result<Event<'_>, Reason>>) {
        pipeline::count_line(&mut self.tally, line, event);
    }

    /// Sees to it that what was counted stays small: to be called from time to time, as behind each
    /// chunk.
    pub fn keep_small(&mut self) {
        if self.tally.names() >= self.most_names {
            self.shed();
        }
    }

    /// Makes the tally small again.
    fn shed(&mut self) {
        self.update();
        self.tally.shed();
        // Mails under way were taken over already; they are counted once more with what comes.
        self.seen.clear();
        let totals = self.tally.clone().finish();
        for metric in report::whole_metrics(&totals, &self.options) {
            let rows = metric.series.into_iter();
            let rows = rows.map(|row| (row.labels, row.value)).collect();
            self.seen.insert(metric.name, rows);
        }
        // What is left is needed: it must not be shed again before it has doubled.
        let left = self.tally.names();
        self.most_names = self.least_names.max(left.saturating_mul(2));
    }

    /// Counts an alert, if it is a new one.
    pub fn count_alert(&mut self, alert: &Alert) {
        if alert.change != Change::Raised {
            return;
        }
        let names = [("rule", alert.rule.as_str()), ("class", alert.class.name())];
        let one = report::metric_series(&names, 1);
        let metric = Metric::counter(ALERTS, "Alerts that were raised, by rule", []);
        let family = self.families.entry(metric.name.clone());
        let family = family.or_insert_with(|| Family::new(&metric));
        family.put(one.labels, &one.value);
    }

    /// Returns the metrics of all lines so far, in order of their names.
    pub fn metrics(&mut self) -> Vec<Metric> {
        self.update();
        let metric = |(name, family): (&Cow<'static, str>, &Family)| Metric {
            name: name.clone(),
            help: family.help.clone(),
            kind: family.kind,
            series: family.series.iter().map(one_series).collect(),
            bound: None,
        };
        self.families.iter().map(metric).collect()
    }

    /// Takes over what the tally counted since the last time, with mails that are under way.
    fn update(&mut self) {
        let totals = self.tally.clone().finish();
        for metric in report::whole_metrics(&totals, &self.options) {
            self.add(metric);
        }
    }

    fn add(&mut self, metric: Metric) {
        let family = self.families.entry(metric.name.clone());
        let family = family.or_insert_with(|| Family::new(&metric));
        if metric.kind == MetricKind::Gauge {
            let rows = metric.series.into_iter();
            family.series = rows.map(|row| (row.labels, row.value)).collect();
            return;
        }
        let seen = self.seen.entry(metric.name).or_default();
        let mut rows = Vec::new();
        for row in metric.series {
            let total = row.value.count();
            let more = match seen.get_mut(&row.labels) {
                None => {
                    seen.insert(row.labels.clone(), row.value.clone());
                    row.value
                }
                Some(before) => before.raise(&row.value),
            };
            rows.push(Row {
                labels: row.labels,
                more,
                total,
            });
        }
        family.grow(rows, metric.bound);
    }
}

fn one_series((labels, value): (&Vec<Label>, &Value)) -> Series {
    Series {
        labels: labels.clone(),
        value: value.clone(),
    }
}

/// A row of the tally: what it grew by, and what it is.
struct Row {
    labels: Vec<Label>,
    more: Value,
    total: u64,
}

impl Family {
    fn new(metric: &Metric) -> Self {
        Family {
            help: metric.help.clone(),
            kind: metric.kind,
            series: BTreeMap::new(),
        }
    }

    /// Adds what rows grew by.
    fn grow(&mut self, mut rows: Vec<Row>, bound: Option<Bound>) {
        let Some(bound) = bound else {
            rows.into_iter()
                .for_each(|row| self.put(row.labels, &row.more));
            return;
        };
        // The largest first: of the others none takes a place that one of them did not get.
        rows.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.labels.cmp(&b.labels)));
        let is_own = |labels: &Vec<Label>| bound.shared(labels.clone()) != *labels;
        let mut own = self.series.keys().filter(|labels| is_own(labels)).count();
        for row in rows {
            if self.series.contains_key(&row.labels) {
                self.put(row.labels, &row.more);
            } else if row.more.count() == 0 && (row.total > 0 || own >= bound.own) {
                // What it counted before is in `other` and stays there.
            } else if own < bound.own {
                own += 1;
                self.put(row.labels, &row.more);
            } else if self.make_room(row.total, bound) {
                self.put(row.labels, &row.more);
            } else {
                self.put(bound.shared(row.labels), &row.more);
            }
        }
    }

    /// Moves the smallest row into `other`, if it is less than half of this.
    fn make_room(&mut self, total: u64, bound: Bound) -> bool {
        let own = self.series.iter();
        let own = own.filter(|(labels, _)| bound.shared((*labels).clone()) != **labels);
        let smallest = own.min_by_key(|(_, value)| value.count());
        let smallest = smallest.filter(|(_, value)| value.count().saturating_mul(2) < total);
        let Some(labels) = smallest.map(|(labels, _)| labels.clone()) else {
            return false;
        };
        if let Some(value) = self.series.remove(&labels) {
            self.put(bound.shared(labels), &value);
        }
        true
    }

    fn put(&mut self, labels: Vec<Label>, more: &Value) {
        match self.series.get_mut(&labels) {
            Some(value) => value.add(more),
            None => {
                self.series.insert(labels, more.clone());
            }
        }
    }
}

#[cfg(test)]
#[path = "meter_tests.rs"]
mod tests;

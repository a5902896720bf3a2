//! How watching itself fares, as metrics: what an administrator asks when a graph is empty.
//!
//! The numbers are handed in by whoever knows them; this reads no clock.

use crate::report::{Metric, Series, Value, metric_series as series};

/// How watching fares at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Health {
    /// This moment, in microseconds since 1970.
    pub now_us: i64,
    /// When watching began.
    pub started_us: i64,
    /// The stamp of the last line, where one was read.
    pub last_line_us: Option<i64>,
    /// Bytes of followed files that were not read yet.
    pub unread_bytes: u64,
    /// How many logs are followed.
    pub logs: u64,
    /// How often lines may have been lost while they were followed.
    pub gaps: u64,
    /// Alerts that are open, by the name of the rule and its class.
    pub firing: Vec<(String, &'static str, u64)>,
    /// Keys of rules that were given up.
    pub evicted: u64,
    /// When the last checkpoint was written, where they are.
    pub checkpoint_us: Option<i64>,
}

impl Health {
    /// Returns all of it as metrics.
    pub fn metrics(&self) -> Vec<Metric> {
        let mut metrics = vec![
            Metric::gauge(
                "mailtally_build_info",
                "The version that runs",
                [series(&[("version", env!("CARGO_PKG_VERSION"))], 1)],
            ),
            Metric::gauge(
                "mailtally_start_time_seconds",
                "When watching began, since 1970",
                [moment(self.started_us)],
            ),
            Metric::gauge(
                "mailtally_metrics_time_seconds",
                "When these numbers were made, since 1970",
                [moment(self.now_us)],
            ),
            Metric::gauge(
                "mailtally_logs_followed",
                "Logs that are followed",
                [series(&[], self.logs)],
            ),
            Metric::gauge(
                "mailtally_unread_bytes",
                "Bytes of followed files that were not read yet",
                [series(&[], self.unread_bytes)],
            ),
            Metric::counter(
                "mailtally_read_gaps_total",
                "How often a file was emptied or gone before all of it was read",
                [series(&[], self.gaps)],
            ),
            Metric::counter(
                "mailtally_rule_keys_evicted_total",
                "Keys of alert rules that were given up because there were too many",
                [series(&[], self.evicted)],
            ),
        ];
        metrics.extend(self.times());
        if !self.firing.is_empty() {
            let firing = self.firing.iter();
            metrics.push(Metric::gauge(
                "mailtally_alerts_firing",
                "Alerts that are raised and not resolved, by rule",
                firing.map(|(rule, class, count)| {
                    series(&[("rule", rule.as_str()), ("class", class)], *count)
                }),
            ));
        }
        metrics
    }

    /// What there is only after a line, or a checkpoint.
    fn times(&self) -> Vec<Metric> {
        let mut metrics = Vec::new();
        if let Some(line_us) = self.last_line_us {
            let behind = if self.unread_bytes > 0 {
                self.since(line_us)
            } else {
                micros(0)
            };
            metrics.push(Metric::gauge(
                "mailtally_lag_seconds",
                "How far reading is behind the clock; 0 when all was read",
                [behind],
            ));
            metrics.push(Metric::gauge(
                "mailtally_last_line_time_seconds",
                "The stamp of the last line, since 1970",
                [moment(line_us)],
            ));
        }
        if let Some(checkpoint_us) = self.checkpoint_us {
            metrics.push(Metric::gauge(
                "mailtally_checkpoint_age_seconds",
                "How old the last checkpoint is",
                [self.since(checkpoint_us)],
            ));
        }
        metrics
    }

    fn since(&self, us: i64) -> Series {
        micros(self.now_us.saturating_sub(us).max(0).unsigned_abs())
    }
}

fn moment(us: i64) -> Series {
    micros(us.max(0).unsigned_abs())
}

fn micros(us: u64) -> Series {
    Series {
        labels: Vec::new(),
        value: Value::Micros(us),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(health: &Health, name: &str) -> Option<Value> {
        let mut metrics = health.metrics();
        metrics.retain(|metric| metric.name == name);
        Some(metrics.pop()?.series.pop()?.value)
    }

    #[test]
    fn lag_is_the_age_of_the_last_line_while_more_is_there() {
        let mut health = Health {
            now_us: 100_000_000,
            ..Health::default()
        };
        assert_eq!(value(&health, "mailtally_lag_seconds"), None);
        health.last_line_us = Some(60_000_000);
        assert_eq!(
            value(&health, "mailtally_lag_seconds"),
            Some(Value::Micros(0)),
            "a quiet night is no lag"
        );
        health.unread_bytes = 1;
        assert_eq!(
            value(&health, "mailtally_lag_seconds"),
            Some(Value::Micros(40_000_000))
        );
    }

    #[test]
    fn a_checkpoint_from_the_future_has_no_age() {
        let health = Health {
            now_us: 5,
            checkpoint_us: Some(9),
            ..Health::default()
        };
        let age = value(&health, "mailtally_checkpoint_age_seconds");
        assert_eq!(age, Some(Value::Micros(0)));
    }
}

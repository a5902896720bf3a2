//! Metrics in the format that Prometheus scrapes and node_exporter's textfile collector reads.
//!
//! Text format 0.0.4, see <https://prometheus.io/docs/instrumenting/exposition_formats/>, or
//! OpenMetrics 1.0, which differs in the name of a counter's family and in its end. Values are
//! integers, or seconds written out of microseconds without rounding.

use std::io::{self, BufWriter, Write};

use super::sanitize::escaped;
use crate::report::{Distribution, Label, Metric, MetricKind, Series, Value};

/// The format that metrics are written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Exposition {
    /// Prometheus' text format 0.0.4.
    #[default]
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

/// Writes metrics.
pub fn prometheus(
    metrics: &[Metric],
    exposition: Exposition,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    for metric in metrics {
        head(metric, exposition, &mut out)?;
        for series in &metric.series {
            write_series(&metric.name, series, &mut out)?;
        }
    }
    if exposition == Exposition::OpenMetrics {
        writeln!(out, "# EOF")?;
    }
    out.flush()
}

fn head(metric: &Metric, exposition: Exposition, out: &mut impl Write) -> io::Result<()> {
    let family = match exposition {
        Exposition::Text => &metric.name,
        Exposition::OpenMetrics => metric.name.strip_suffix("_total").unwrap_or(&metric.name),
    };
    let kind = match metric.kind {
        // There is no other name for it in OpenMetrics.
        MetricKind::Counter if exposition == Exposition::OpenMetrics && family == metric.name => {
            "unknown"
        }
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
        MetricKind::Histogram => "histogram",
    };
    writeln!(out, "# HELP {family} {}", metric.help)?;
    writeln!(out, "# TYPE {family} {kind}")
}

fn write_series(name: &str, series: &Series, out: &mut impl Write) -> io::Result<()> {
    let labels = labels(&series.labels);
    match &series.value {
        Value::Count(count) => line(name, "", &labels, count, out),
        Value::Micros(us) => line(name, "", &labels, &seconds(*us), out),
        Value::Durations(values) => distribution(name, &labels, values, seconds, out),
        Value::Amounts(values) => distribution(name, &labels, values, float, out),
    }
}

fn distribution(
    name: &str,
    labels: &[String],
    values: &Distribution,
    write: fn(u64) -> String,
    out: &mut impl Write,
) -> io::Result<()> {
    let limits = values
        .at_most
        .iter()
        .map(|(limit, count)| (write(*limit), count));
    for (limit, count) in limits.chain([("+Inf".to_owned(), &values.count)]) {
        let mut labels = labels.to_vec();
        labels.push(format!("le=\"{limit}\""));
        line(name, "_bucket", &labels, count, out)?;
    }
    line(name, "_sum", labels, &write(values.sum), out)?;
    line(name, "_count", labels, &values.count, out)
}

fn line(
    name: &str,
    suffix: &str,
    labels: &[String],
    value: &impl std::fmt::Display,
    out: &mut impl Write,
) -> io::Result<()> {
    write!(out, "{name}{suffix}")?;
    if !labels.is_empty() {
        write!(out, "{{{}}}", labels.join(","))?;
    }
    writeln!(out, " {value}")
}

/// Quotes the values of labels; what a terminal must not see is written as an escape.
fn labels(labels: &[Label]) -> Vec<String> {
    let quoted = |(name, value): &Label| {
        let value = escaped(value).replace('\\', r"\\").replace('"', "\\\"");
        format!("{name}=\"{value}\"")
    };
    labels.iter().map(quoted).collect()
}

/// A whole number as a float: `8.0`.
fn float(value: u64) -> String {
    format!("{value}.0")
}

/// Microseconds as seconds, with a fraction as a float has: `1.0`, `0.001`.
fn seconds(us: u64) -> String {
    let (whole, fraction) = (us / 1_000_000, us % 1_000_000);
    let fraction = format!("{fraction:06}");
    match fraction.trim_end_matches('0') {
        "" => format!("{whole}.0"),
        fraction => format!("{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(metric: Metric, exposition: Exposition) -> String {
        let mut out = Vec::new();
        prometheus(&[metric], exposition, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_of_labels_cannot_leave_their_quotes() {
        let metric = Metric {
            name: "mailtally_rule_hits_total".into(),
            help: "Refusals by rule".into(),
            kind: MetricKind::Counter,
            series: vec![Series {
                labels: vec![
                    ("rule".into(), "a\"} 9\nb\\\u{1b}[2J".into()),
                    ("class".into(), String::new()),
                ],
                value: Value::Count(3),
            }],
            bound: None,
        };
        let expected = "# HELP mailtally_rule_hits_total Refusals by rule\n\
            # TYPE mailtally_rule_hits_total counter\n\
            mailtally_rule_hits_total{rule=\"a\\\"} 9\\\\x0ab\\\\\\\\x1b[2J\",class=\"\"} 3\n";
        assert_eq!(text(metric, Exposition::Text), expected);
    }

    #[test]
    fn histograms_end_with_all() {
        let metric = Metric {
            name: "mailtally_delivery_delay_seconds".into(),
            help: "Delays".into(),
            kind: MetricKind::Histogram,
            series: vec![Series {
                labels: vec![("stage".into(), "total".into())],
                value: Value::Durations(Distribution {
                    at_most: vec![(1_000, 2), (60_000_000, 3)],
                    sum: 61_000_500,
                    count: 4,
                }),
            }],
            bound: None,
        };
        let expected = "# HELP mailtally_delivery_delay_seconds Delays\n\
            # TYPE mailtally_delivery_delay_seconds histogram\n\
            mailtally_delivery_delay_seconds_bucket{stage=\"total\",le=\"0.001\"} 2\n\
            mailtally_delivery_delay_seconds_bucket{stage=\"total\",le=\"60.0\"} 3\n\
            mailtally_delivery_delay_seconds_bucket{stage=\"total\",le=\"+Inf\"} 4\n\
            mailtally_delivery_delay_seconds_sum{stage=\"total\"} 61.0005\n\
            mailtally_delivery_delay_seconds_count{stage=\"total\"} 4\n";
        assert_eq!(text(metric, Exposition::Text), expected);
    }

    #[test]
    fn openmetrics_names_families_without_total_and_has_an_end() {
        let metric = Metric {
            name: "mailtally_received_total".into(),
            help: "Mails".into(),
            kind: MetricKind::Counter,
            series: vec![Series {
                labels: Vec::new(),
                value: Value::Count(1),
            }],
            bound: None,
        };
        let expected = "# HELP mailtally_received Mails\n# TYPE mailtally_received counter\n\
            mailtally_received_total 1\n# EOF\n";
        assert_eq!(text(metric, Exposition::OpenMetrics), expected);
    }
}

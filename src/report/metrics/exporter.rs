//! The metrics of postfix_exporter, under its names, for who asks for them.

use super::{Bound, Distribution, Label, Metric, MetricKind, SERIES, Series, Value};
use crate::tally::totals::{Buckets, ExporterTotals, QueueRow, QueueTotals, Totals};

/// One metric: name without namespace, labels, and which of these a stranger can make up.
struct Known {
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    logged: &'static [&'static str],
}

const fn counter(name: &'static str, help: &'static str) -> Known {
    labelled(name, help, &[], &[])
}

const fn labelled(
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    logged: &'static [&'static str],
) -> Known {
    Known {
        name,
        help,
        labels,
        logged,
    }
}

const TLS: &[&str] = &[
    "trust",
    "protocol",
    "cipher",
    "secret_bits",
    "algorithm_bits",
];

const COUNTERS: &[Known] = &[
    counter(
        "cleanup_messages_processed_total",
        "Mails processed by cleanup",
    ),
    counter(
        "cleanup_messages_rejected_total",
        "Mails rejected by cleanup",
    ),
    counter(
        "cleanup_messages_not_accepted_total",
        "Never counted, as in postfix_exporter",
    ),
    counter(
        "qmgr_messages_removed_total",
        "Mails removed from the queue",
    ),
    counter("qmgr_messages_expired_total", "Mails that were given up"),
    labelled(
        "smtp_tls_connections_total",
        "Outgoing TLS connections",
        TLS,
        &["protocol", "cipher"],
    ),
    labelled(
        "smtpd_tls_connections_total",
        "Incoming TLS connections",
        TLS,
        &["protocol", "cipher"],
    ),
    counter(
        "smtp_deferred_messages_total",
        "Never counted, as in postfix_exporter",
    ),
    counter(
        "smtp_status_deferred",
        "Deliveries by smtp that were deferred",
    ),
    labelled(
        "smtp_messages_processed_total",
        "Deliveries by smtp",
        &["status"],
        &["status"],
    ),
    labelled(
        "smtp_deferred_messages_by_dsn_total",
        "Deferred deliveries by smtp",
        &["dsn"],
        &["dsn"],
    ),
    labelled(
        "smtp_bounced_messages_by_dsn_total",
        "Bounced deliveries by smtp",
        &["dsn"],
        &["dsn"],
    ),
    counter(
        "smtp_connection_timed_out_total",
        "Connections of smtp that timed out",
    ),
    counter("smtpd_connects_total", "Incoming connections"),
    counter("smtpd_disconnects_total", "Incoming connections that ended"),
    counter(
        "smtpd_forward_confirmed_reverse_dns_errors_total",
        "Clients whose name does not lead back to their address",
    ),
    labelled(
        "smtpd_connections_lost_total",
        "Connections lost",
        &["after_stage"],
        &["after_stage"],
    ),
    labelled(
        "smtpd_messages_processed_total",
        "Mails taken in",
        &["sasl_method"],
        &["sasl_method"],
    ),
    labelled(
        "smtpd_messages_rejected_total",
        "Recipients refused",
        &["code"],
        &["code"],
    ),
    counter(
        "smtpd_sasl_authentication_failures_total",
        "Failed logins with smtpd",
    ),
    labelled(
        "unsupported_log_entries_total",
        "Lines of no known kind",
        &["service", "level"],
        &[],
    ),
    counter("bounce_non_delivery_notification_total", "Bounces sent"),
    counter(
        "virtual_delivered_total",
        "Mails delivered by virtual to a maildir",
    ),
    counter("postscreen_connects_total", "Connections to postscreen"),
    labelled(
        "postscreen_connects_rejected_total",
        "Connections refused",
        &["reason"],
        &["reason"],
    ),
    labelled(
        "postscreen_passes_total",
        "Clients that passed",
        &["type"],
        &[],
    ),
    labelled(
        "postscreen_messages_rejected_total",
        "Recipients refused",
        &["code"],
        &["code"],
    ),
    labelled(
        "postscreen_tests_failed_total",
        "Tests failed",
        &["test"],
        &[],
    ),
    counter("postscreen_hangups_total", "Clients that hung up"),
    labelled(
        "postscreen_access_list_matches_total",
        "Clients on lists",
        &["action"],
        &[],
    ),
];

/// Which unit the values of a histogram have.
#[derive(Clone, Copy)]
enum Unit {
    Micros,
    One,
}

const HISTOGRAMS: &[(Known, Unit)] = &[
    (
        labelled(
            "lmtp_delivery_delay_seconds",
            "Delays of lmtp",
            &["stage"],
            &[],
        ),
        Unit::Micros,
    ),
    (
        labelled(
            "pipe_delivery_delay_seconds",
            "Delays of pipe",
            &["relay", "stage"],
            &["relay"],
        ),
        Unit::Micros,
    ),
    (
        labelled(
            "smtp_delivery_delay_seconds",
            "Delays of smtp",
            &["stage"],
            &[],
        ),
        Unit::Micros,
    ),
    (
        counter("qmgr_messages_inserted_receipients", "Recipients of mails"),
        Unit::One,
    ),
    (
        counter("qmgr_messages_inserted_recipients", "Recipients of mails"),
        Unit::One,
    ),
    (
        counter("qmgr_messages_inserted_size_bytes", "Sizes of mails"),
        Unit::One,
    ),
    (
        counter("postscreen_dnsbl_rank", "Ranks of clients on blocklists"),
        Unit::One,
    ),
];

pub(super) fn metrics(totals: &Totals) -> Vec<Metric> {
    let counted = &totals.details.exporter;
    let mut metrics: Vec<Metric> = COUNTERS
        .iter()
        .map(|known| counts(known, counted))
        .collect();
    metrics.extend(
        HISTOGRAMS
            .iter()
            .map(|(known, unit)| delays(known, *unit, counted)),
    );
    // It is a namespace of its own there.
    let signatures = labelled(
        "signatures_added_total",
        "Mails signed",
        &["subject", "domain"],
        &["subject", "domain"],
    );
    metrics.push(Metric {
        name: "opendkim_signatures_added_total".into(),
        ..counts(&signatures, counted)
    });
    let up = super::series(&[("path", "")], 1);
    metrics.push(Metric::gauge("postfix_up", "Whether the log is read", [up]));
    if let Some(queue) = &totals.details.queue {
        metrics.extend(showq(queue));
    }
    metrics
}

impl Known {
    fn metric(&self, kind: MetricKind, series: Vec<Series>) -> Metric {
        let bound = (!self.logged.is_empty()).then_some(Bound {
            logged: self.logged,
            own: SERIES,
        });
        Metric {
            name: format!("postfix_{}", self.name).into(),
            help: self.help.into(),
            kind,
            series,
            bound,
        }
    }

    fn labels(&self, values: &[String]) -> Vec<Label> {
        let pairs = self.labels.iter().zip(values);
        pairs
            .map(|(name, value)| ((*name).into(), value.clone()))
            .collect()
    }
}

fn counts(known: &Known, counted: &ExporterTotals) -> Metric {
    let rows = counted
        .counts
        .iter()
        .filter(|((name, _), _)| *name == known.name);
    let mut series: Vec<Series> = rows
        .map(|((_, values), count)| Series {
            labels: known.labels(values),
            value: Value::Count(*count),
        })
        .collect();
    if known.labels.is_empty() && series.is_empty() {
        series.push(super::series(&[], 0));
    }
    known.metric(MetricKind::Counter, series)
}

fn delays(known: &Known, unit: Unit, counted: &ExporterTotals) -> Metric {
    let rows = counted
        .histograms
        .iter()
        .filter(|((name, _), _)| *name == known.name);
    let series = rows.map(|((_, values), buckets)| Series {
        labels: known.labels(values),
        value: value(buckets, unit),
    });
    known.metric(MetricKind::Histogram, series.collect())
}

fn value(buckets: &Buckets, unit: Unit) -> Value {
    let values = Distribution {
        at_most: buckets.at_most(),
        sum: buckets.sum(),
        count: buckets.count(),
    };
    match unit {
        Unit::Micros => Value::Durations(values),
        Unit::One => Value::Amounts(values),
    }
}

/// The queue as postqueue listed it.
fn showq(queue: &QueueTotals) -> Vec<Metric> {
    let named = |name, help| labelled(name, help, &["queue"], &[]);
    let of = |name, help, buckets: fn(&QueueRow) -> &Buckets| {
        let series = queue.queues.iter().map(|row| Series {
            labels: vec![("queue".into(), row.name.clone())],
            value: value(buckets(row), Unit::One),
        });
        named(name, help).metric(MetricKind::Histogram, series.collect())
    };
    let depth = queue.queues.iter();
    let depth = depth.map(|row| super::series(&[("queue", &*row.name)], row.mails));
    vec![
        of(
            "showq_message_size_bytes",
            "Sizes of mails in the queue",
            |row| &row.sizes,
        ),
        of(
            "showq_message_age_seconds",
            "Ages of mails in the queue",
            |row| &row.ages,
        ),
        named("showq_queue_depth", "Mails in the queue").metric(MetricKind::Gauge, depth.collect()),
    ]
}

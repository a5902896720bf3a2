//! Metrics of mails: what came in, what became of it, how long that took.

use super::super::{Options, Part};
use super::{Distribution, Metric, MetricKind, Series, Value, labels, own_series, series, summed};
use crate::tally::totals::{DelayRow, InstanceTotals, MailTotals, QueueRow, Totals};

/// One of pflogsumm's counts.
struct Count {
    name: &'static str,
    help: &'static str,
    of: fn(&MailTotals) -> u64,
}

macro_rules! counts {
    ($($field:ident: $help:literal,)+) => {
        &[$(Count {
            name: concat!("mailtally_", stringify!($field), "_total"),
            help: $help,
            of: |totals| totals.$field,
        }),+]
    };
}

/// The counts that only grow; those of distinct names are sums of no other.
const COUNTS: &[Count] = counts! {
    received: "Mails that came in: client= lines of smtpd and postscreen, and pickups",
    delivered: "Recipients delivered, forwards left out",
    forwarded: "Recipients forwarded to another address",
    deferred: "Mails deferred at least once",
    deferrals: "Delivery attempts that were deferred",
    bounced: "Recipients bounced",
    expired: "Mails returned because they were too old, or expired by hand",
    rejected: "Refusals",
    reject_warnings: "Refusals that warn_if_reject made warnings of, and warnings of header checks",
    held: "Mails that a rule put on hold",
    discarded: "Mails that a rule discarded",
    canceled: "Transactions given up during DATA",
    bytes_received: "Bytes of the mails received",
    bytes_delivered: "Bytes delivered, once for each recipient",
};

pub(super) fn metrics(totals: &Totals, options: Options) -> Vec<Metric> {
    let has = |part| options.sections.has(part);
    let mut metrics = Vec::new();
    if has(Part::Totals) {
        metrics.extend(COUNTS.iter().map(|count| of_instances(totals, count)));
        metrics.extend(messages(totals));
    }
    if has(Part::Families) {
        metrics.push(deliveries(totals));
        metrics.push(relays(totals, options));
    }
    if has(Part::Failures) {
        metrics.extend(failures(totals, options));
    }
    if has(Part::Delays) {
        metrics.push(delays(totals));
    }
    metrics.extend(queue(totals));
    metrics
}

fn of_instances(totals: &Totals, count: &Count) -> Metric {
    let one = |row: &InstanceTotals| {
        let names = [("host", &*row.host), ("instance", &*row.instance)];
        series(&names, (count.of)(&row.totals))
    };
    let rows = totals.totals_by_instance.iter().map(one);
    Metric::counter(count.name, count.help, rows)
}

/// Mails, each counted once.
fn messages(totals: &Totals) -> Vec<Metric> {
    let messages = &totals.messages;
    let counter = |name, help, count| Metric::counter(name, help, [series(&[], count)]);
    vec![
        counter(
            "mailtally_messages_accepted_total",
            "Mails accepted, each counted once however often a filter re-injects it",
            messages.accepted,
        ),
        counter(
            "mailtally_messages_reinjected_total",
            "Mails that came back from a content filter",
            messages.reinjected,
        ),
        counter(
            "mailtally_messages_lost_end_total",
            "Mails without a line for 8 days and without an end",
            messages.lost_end,
        ),
        counter(
            "mailtally_messages_superseded_total",
            "Mails whose queue id was used again before their end was seen",
            messages.superseded,
        ),
        Metric::counter(
            "mailtally_recipient_outcomes_total",
            "Recipients, each counted once, by what became of them",
            [
                ("delivered", messages.delivered_recipients),
                ("bounced", messages.bounced_recipients),
                ("expired", messages.expired_recipients),
                ("rejected", messages.rejected_recipients),
            ]
            .map(|(outcome, count)| series(&[("outcome", outcome)], count)),
        ),
        Metric::gauge(
            "mailtally_messages_open",
            "Mails still in the queue at the end of the log",
            [series(&[], messages.open_at_end)],
        ),
    ]
}

fn deliveries(totals: &Totals) -> Metric {
    let rows = totals.deliveries.by_family.iter().map(|row| {
        let names = [
            ("direction", row.direction),
            ("family", row.family),
            ("status", &*row.status),
        ];
        (labels(&names), row.count)
    });
    Metric::counter(
        "mailtally_delivery_attempts_total",
        "Delivery attempts",
        summed(rows),
    )
}

fn relays(totals: &Totals, options: Options) -> Metric {
    let rows = totals.deliveries.by_relay.iter().map(|row| {
        let relay = row.relay.split('[').next().unwrap_or(&row.relay);
        let names = [("status", &*row.status), ("relay", relay)];
        (labels(&names), row.count)
    });
    Metric::bounded(
        "mailtally_relay_attempts_total",
        "Delivery attempts by the relay's name",
        rows,
        &["relay"],
        own_series(options, Part::Families),
    )
}

fn failures(totals: &Totals, options: Options) -> Vec<Metric> {
    let failures = &totals.details.failures;
    let own = own_series(options, Part::Failures);
    let reasons = failures.by_reason.iter().map(|row| {
        let names = [
            ("outcome", row.outcome),
            ("reason", &*row.reason),
            ("dsn", row.dsn.as_deref().unwrap_or("")),
        ];
        (labels(&names), row.count)
    });
    let domains = failures.by_destination.iter().map(|row| {
        let names = [("outcome", row.outcome), ("domain", &*row.domain)];
        (labels(&names), row.count)
    });
    let servers = failures.servers.iter().map(|row| {
        let connected = if row.connected { "true" } else { "false" };
        let names = [
            ("family", row.family),
            ("connected", connected),
            ("server", &*row.host),
        ];
        (labels(&names), row.count)
    });
    vec![
        Metric::bounded(
            "mailtally_failed_deliveries_total",
            "Deferrals and bounces by reason and enhanced status code",
            reasons,
            &["dsn"],
            own,
        ),
        Metric::bounded(
            "mailtally_failed_domain_deliveries_total",
            "Deferrals and bounces by recipient domain",
            domains,
            &["domain"],
            own,
        ),
        Metric::bounded(
            "mailtally_server_failures_total",
            "Servers that could not be reached or hung up",
            servers,
            &["server"],
            own,
        ),
    ]
}

fn delays(totals: &Totals) -> Metric {
    let one = |row: &DelayRow| Series {
        labels: labels(&[("direction", row.direction), ("stage", row.stage)]),
        value: Value::Durations(Distribution {
            at_most: row.at_most.clone(),
            sum: row.sum_us,
            count: row.count,
        }),
    };
    Metric {
        name: "mailtally_delivery_delay_seconds".into(),
        help: "Delays of delivered recipients by stage; limits are kept within 1.6 percent".into(),
        kind: MetricKind::Histogram,
        series: totals.details.delays.iter().map(one).collect(),
        bound: None,
    }
}

/// The queue, where it was asked for.
fn queue(totals: &Totals) -> Option<Metric> {
    let queue = totals.details.queue.as_ref()?;
    let one = |row: &QueueRow| series(&[("queue", &*row.name)], row.mails);
    Some(Metric::gauge(
        "mailtally_queue_messages",
        "Mails in the queue as postqueue lists them",
        queue.queues.iter().map(one),
    ))
}

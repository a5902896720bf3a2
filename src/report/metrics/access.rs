//! Metrics of clients: connections, TLS, logins, refusals, mailboxes, and what asks for attention.

use super::super::{Options, Part};
use super::{Metric, Series, Value, labels, own_series, series, summed};
use crate::tally::totals::{
    DnsblRow, FamilyCounts, GreylistTotals, MailSessionRow, MailboxTotals, ScreeningRow,
    ServiceRow, StateCounts, StayTotals, Totals, UserRow, VerdictRow, WarningRow,
};

pub(super) fn metrics(totals: &Totals, options: Options) -> Vec<Metric> {
    let has = |part| options.sections.has(part);
    let own = |part| own_series(options, part);
    let details = &totals.details;
    let mut metrics = Vec::new();
    if has(Part::Families) {
        metrics.extend(connections(totals));
    }
    if has(Part::Rejects) {
        metrics.extend(rejects(totals, own(Part::Rejects)));
    }
    if has(Part::Logins) {
        metrics.push(logins(totals));
    }
    if has(Part::Tls) {
        metrics.extend(tls(totals, own(Part::Tls)));
    }
    if has(Part::Postscreen) {
        metrics.push(postscreen(&details.screening.actions));
        metrics.push(blocklists(&details.screening.lists, own(Part::Postscreen)));
    }
    if has(Part::Greylist) {
        metrics.extend(greylist(&details.greylist));
    }
    if has(Part::Smtpd) {
        metrics.extend(stays(&details.stays));
    }
    if has(Part::Mailboxes) {
        metrics.extend(mailboxes(&details.mailboxes));
    }
    if has(Part::Verdicts) {
        metrics.push(verdicts(&details.verdicts, own(Part::Verdicts)));
    }
    if has(Part::Warnings) {
        metrics.push(warnings(&details.warnings));
    }
    metrics
}

fn of_families(counts: FamilyCounts) -> impl Iterator<Item = Series> {
    [
        ("ipv4", counts.ipv4),
        ("ipv6", counts.ipv6),
        ("local", counts.local),
        ("unknown", counts.unknown),
    ]
    .into_iter()
    .map(|(family, count)| series(&[("family", family)], count))
}

fn connections(totals: &Totals) -> Vec<Metric> {
    let service = |row: &ServiceRow| {
        let service = row.service.as_deref().unwrap_or("");
        let names = [
            ("instance", &*row.instance),
            ("service", service),
            ("daemon", row.daemon),
        ];
        series(&names, row.count)
    };
    let accepted = totals.accepted_by_client.iter();
    let accepted = accepted.map(|row| (labels(&[("family", row.family)]), row.count));
    vec![
        Metric::counter(
            "mailtally_connections_total",
            "Connections of clients by address family; one that postscreen passes on counts once",
            of_families(totals.connections.by_family),
        ),
        Metric::counter(
            "mailtally_service_connections_total",
            "Connections of clients by service",
            totals.connections.by_service.iter().map(service),
        ),
        Metric::counter(
            "mailtally_accepted_total",
            "Accepted mails by the client's address family",
            summed(accepted),
        ),
    ]
}

fn rejects(totals: &Totals, own: usize) -> Vec<Metric> {
    let rules = totals.rejects.by_rule.iter().map(|row| {
        let names = [
            ("action", &*row.action),
            ("class", &row.class),
            ("rule", &row.rule),
        ];
        (labels(&names), row.count)
    });
    let stages = totals.rejects.by_client.iter().map(|row| {
        let code = row.code_class.map(|class| format!("{class}xx"));
        let names = [
            ("action", row.action),
            ("stage", row.stage),
            ("code", code.as_deref().unwrap_or("")),
            ("family", row.family),
        ];
        (labels(&names), row.count)
    });
    vec![
        // The name of a blocklist is part of its class.
        Metric::bounded(
            "mailtally_rule_hits_total",
            "Refusals, warnings, holds and discards by rule",
            rules,
            &["class", "rule"],
            own,
        ),
        Metric::counter(
            "mailtally_refusals_total",
            "Refusals, warnings, holds and discards by stage and class of the reply",
            summed(stages),
        ),
    ]
}

fn logins(totals: &Totals) -> Metric {
    let rows = totals.logins.iter().map(|row| {
        let tls = match row.tls {
            Some(true) => "true",
            Some(false) => "false",
            None => "",
        };
        let ours = [
            ("service", &*row.service),
            ("outcome", row.outcome),
            ("method", row.method.as_deref().unwrap_or("")),
            ("family", row.family),
            ("tls", tls),
        ];
        (labels(&ours), row.count)
    });
    // Services and mechanisms are few, unless a stranger makes names up.
    Metric::bounded(
        "mailtally_logins_total",
        "Attempts to log in, with Postfix or Dovecot",
        rows,
        &["service", "outcome", "method", "family", "tls"],
        LOGIN_SERIES,
    )
}

/// How many series logins have of their own: all that a server has in earnest.
const LOGIN_SERIES: usize = 200;

fn tls(totals: &Totals, own: usize) -> Vec<Metric> {
    let sessions = |ours: [&str; 3], logged: [&str; 2], sessions: u64| {
        let [direction, family, trust] = ours;
        let [protocol, cipher] = logged;
        let names = [
            ("direction", direction),
            ("family", family),
            ("trust", trust),
            ("protocol", protocol),
            ("cipher", cipher),
        ];
        (labels(&names), sessions)
    };
    let inbound = totals.tls.inbound.iter().map(|row| {
        let ours = ["inbound", row.family, row.trust];
        sessions(ours, [&row.protocol, &row.cipher], row.sessions)
    });
    let outbound = totals.tls.outbound.iter().map(|row| {
        let ours = ["outbound", row.family, row.trust];
        sessions(ours, [&row.protocol, &row.cipher], row.sessions)
    });
    let failures = totals.tls.failures.iter().map(|row| {
        let names = [("direction", row.direction), ("reason", &*row.reason)];
        (labels(&names), row.sessions)
    });
    let states = totals.tls.states;
    let states = [("inbound", states.inbound), ("outbound", states.outbound)];
    vec![
        Metric::bounded(
            "mailtally_tls_sessions_total",
            "TLS sessions that the log tells of",
            inbound.chain(outbound),
            &["protocol", "cipher"],
            own.saturating_mul(2),
        ),
        Metric::counter(
            "mailtally_tls_states_total",
            "Sessions of clients and deliveries to servers, by what the log proves of encryption",
            states
                .into_iter()
                .flat_map(|(direction, counts)| of_states(direction, counts)),
        ),
        Metric::bounded(
            "mailtally_tls_failures_total",
            "Failed handshakes",
            failures,
            &["reason"],
            own,
        ),
    ]
}

fn of_states(direction: &'static str, counts: StateCounts) -> impl Iterator<Item = Series> {
    [
        ("logged", counts.logged),
        ("seen", counts.seen),
        ("plaintext", counts.plaintext),
        ("not_logged", counts.not_logged),
    ]
    .into_iter()
    .map(move |(state, count)| series(&[("direction", direction), ("state", state)], count))
}

fn postscreen(actions: &[ScreeningRow]) -> Metric {
    let one = |row: &ScreeningRow| series(&[("action", row.action)], row.count);
    Metric::counter(
        "mailtally_postscreen_actions_total",
        "What postscreen did, by kind of line",
        actions.iter().map(one),
    )
}

fn blocklists(lists: &[DnsblRow], own: usize) -> Metric {
    let one = |row: &DnsblRow| (labels(&[("list", &row.list)]), row.hits);
    Metric::bounded(
        "mailtally_dnsbl_hits_total",
        "Clients found on a blocklist",
        lists.iter().map(one),
        &["list"],
        own,
    )
}

fn greylist(greylist: &GreylistTotals) -> Vec<Metric> {
    vec![
        Metric::counter(
            "mailtally_greylist_refusals_total",
            "Refusals for now by greylisting",
            [series(&[], greylist.refusals)],
        ),
        Metric::counter(
            "mailtally_greylist_came_back_total",
            "Those greylisted that came back and were let in",
            [series(&[], greylist.came_back)],
        ),
    ]
}

fn stays(stays: &StayTotals) -> Vec<Metric> {
    let hours = stays.per_hour.iter();
    let (connections, total_us) = hours.fold((0_u64, 0_u64), |(count, sum), hour| {
        (
            count.saturating_add(hour.connections),
            sum.saturating_add(hour.total_us),
        )
    });
    vec![
        Metric::counter(
            "mailtally_smtpd_connections_ended_total",
            "Connections to smtpd of which the log has both ends",
            [series(&[], connections)],
        ),
        Metric::counter(
            "mailtally_smtpd_connection_seconds_total",
            "How long these were open",
            [Series {
                labels: Vec::new(),
                value: Value::Micros(total_us),
            }],
        ),
    ]
}

fn mailboxes(mailboxes: &MailboxTotals) -> Vec<Metric> {
    let sessions = mailboxes.sessions.iter();
    let protocol = |row: &MailSessionRow| labels(&[("protocol", &row.protocol)]);
    let bytes = |direction: &'static str, row: &MailSessionRow, bytes: u64| {
        let ours = labels(&[("protocol", &row.protocol), ("direction", direction)]);
        (ours, bytes)
    };
    let received = sessions.clone().map(|row| bytes("in", row, row.in_bytes));
    let sent = sessions.clone().map(|row| bytes("out", row, row.out_bytes));
    let sieve = mailboxes.sieve.iter();
    let sum = |rows: &[UserRow]| rows.iter().map(|row| row.count).sum();
    vec![
        Metric::counter(
            "mailtally_mailbox_sessions_total",
            "Sessions of Dovecot's users",
            summed(sessions.clone().map(|row| (protocol(row), row.sessions))),
        ),
        Metric::counter(
            "mailtally_mailbox_bytes_total",
            "Bytes that Dovecot's users sent (in) and fetched (out)",
            summed(received.chain(sent)),
        ),
        Metric::counter(
            "mailtally_mailbox_expunged_total",
            "Mails that Dovecot's users expunged",
            summed(sessions.map(|row| (protocol(row), row.expunged))),
        ),
        Metric::counter(
            "mailtally_mailbox_saved_total",
            "Mails that Dovecot put into mailboxes",
            [series(
                &[],
                mailboxes.saved.iter().map(|row| row.count).sum(),
            )],
        ),
        Metric::counter(
            "mailtally_mailbox_save_failures_total",
            "Mails that Dovecot could not put into a mailbox",
            [series(&[], sum(&mailboxes.failed))],
        ),
        Metric::counter(
            "mailtally_mailbox_over_quota_total",
            "Mails that a quota kept out",
            [series(&[], sum(&mailboxes.over_quota))],
        ),
        Metric::counter(
            "mailtally_sieve_actions_total",
            "What Sieve scripts did",
            summed(sieve.map(|row| (labels(&[("action", row.action)]), row.count))),
        ),
    ]
}

fn verdicts(verdicts: &[VerdictRow], own: usize) -> Metric {
    let one = |row: &VerdictRow| {
        let names = [("program", row.program), ("verdict", &*row.verdict)];
        (labels(&names), row.count)
    };
    Metric::bounded(
        "mailtally_verdicts_total",
        "What milters, policy services and filters decided",
        verdicts.iter().map(one),
        &["verdict"],
        own,
    )
}

fn warnings(warnings: &[WarningRow]) -> Metric {
    let one = |row: &WarningRow| {
        let ours = [
            ("severity", row.severity),
            ("program", row.program),
            ("about", row.about),
        ];
        (labels(&ours), row.count)
    };
    Metric::counter(
        "mailtally_warnings_total",
        "Warnings, errors, fatal errors and panics, and what master says",
        summed(warnings.iter().map(one)),
    )
}

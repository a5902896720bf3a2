//! The whole way from totals to text and JSON, on totals made by hand.
#![cfg(test)]

use mailtally::render;
use mailtally::report::{self, Meta, Options};
use mailtally::tally::totals::*;
use serde_json::Value;

/// Microseconds of 2026-11-21 00:44:25, by `date -u +%s`.
const FIRST_US: i64 = 1_795_221_865_000_000;
const HOUR_US: i64 = 3_600_000_000;

fn meta() -> Meta {
    Meta {
        files: vec!["/var/log/mail.log.1".into(), "/var/log/mail.log".into()],
        timezone: "Europe/Berlin".into(),
        conditions: Vec::new(),
        range: None,
        notes: vec!["/var/log/mail.log.2.gz: corrupt after 4.0 MiB, read up to there".into()],
    }
}

/// Two days of a small site with an attack going on.
fn totals() -> Totals {
    Totals {
        hosts: vec!["mx1.example.com".into(), "mx2.example.com".into()],
        span: Some((FIRST_US, FIRST_US + 30 * HOUR_US)),
        coverage: coverage(),
        totals: mail_totals(),
        totals_by_instance: ["postfix", "postfix-out"].map(instance).into(),
        messages: messages(),
        accepted_by_client: vec![
            accepted("192.0.2.10", "ipv4", "outside", 812),
            accepted("2001:db8::10", "ipv6", "outside", 391),
            accepted("local", "local", "own", 12),
        ],
        per_hour: (0..24).map(hour).collect(),
        per_day: vec![day("2026-11-21", 0), day("2026-11-22", 1)],
        per_weekday_hour: Vec::new(),
        tls: tls(),
        logins: logins(),
        rejects: rejects(),
        connections: ConnectionTotals {
            by_family: FamilyCounts {
                ipv4: 4_311,
                ipv6: 702,
                ..FamilyCounts::default()
            },
            ..ConnectionTotals::default()
        },
        deliveries: deliveries(),
        evidence: evidence(),
        ..Totals::default()
    }
}

fn coverage() -> Coverage {
    Coverage {
        lines: LineCounts {
            read: 24_149,
            parsed: 23_990,
            generic: 12,
            unparsed: 3,
            foreign: 144,
            filtered: 0,
            expanded: 0,
        },
        lost: 17,
        unparsed_shapes: vec![ShapeRow {
            program: "smtpd".into(),
            shape: "frobbed client N.N.N.N for N seconds".into(),
            reason: "no known kind".into(),
            count: 3,
            sample: "frobbed client 192.0.2.7 for 12 seconds \x1b]0;owned\x07\u{202e}".into(),
        }],
        gaps: vec![GapRow {
            host: "mx2.example.com".into(),
            from_us: FIRST_US + 3 * HOUR_US,
            to_us: FIRST_US + 8 * HOUR_US,
        }],
        disordered: 4,
        disorder_us: 2_100_000,
        ..Coverage::default()
    }
}

fn mail_totals() -> MailTotals {
    MailTotals {
        received: 1_526,
        delivered: 1_988,
        forwarded: 7,
        deferred: 61,
        deferrals: 92,
        bounced: 39,
        expired: 1,
        rejected: 3_512,
        reject_warnings: 12,
        held: 3,
        discarded: 2,
        canceled: 0,
        bytes_received: 128_450_560,
        bytes_delivered: 1_610_612_736,
        senders: 321,
        sending_domains: 204,
        recipients: 88,
        recipient_domains: 41,
    }
}

fn instance(name: &str) -> InstanceTotals {
    let mut totals = mail_totals();
    if name == "postfix-out" {
        totals = MailTotals {
            received: 214,
            delivered: 420,
            ..MailTotals::default()
        };
    }
    InstanceTotals {
        host: "mx1.example.com".into(),
        instance: name.into(),
        totals,
    }
}

fn messages() -> Messages {
    Messages {
        accepted: 1_215,
        reinjected: 214,
        delivered_recipients: 1_568,
        bounced_recipients: 39,
        expired_recipients: 1,
        rejected_recipients: 2_911,
        rejected_4xx: 604,
        rejected_5xx: 2_908,
        open_at_start: 2,
        open_at_end: 8,
        ..Messages::default()
    }
}

fn accepted(
    address: &str,
    family: &'static str,
    client_scope: &'static str,
    count: u64,
) -> AcceptedRow {
    AcceptedRow {
        address: address.into(),
        family,
        client_scope,
        count,
    }
}

fn hour(hour: u8) -> HourRow {
    let busy = u64::from(hour.saturating_sub(5).min(23 - hour));
    HourRow {
        hour,
        traffic: Traffic {
            received: busy * 17,
            delivered: busy * 22,
            deferrals: busy / 4,
            bounced: busy / 6,
            rejected: busy * 39,
        },
    }
}

fn day(date: &str, less: u64) -> DayRow {
    DayRow {
        date: date.into(),
        traffic: Traffic {
            received: 1_000 - 474 * less,
            delivered: 1_300 - 612 * less,
            deferrals: 60 - 28 * less,
            bounced: 39 * (1 - less),
            rejected: 2_000 - 488 * less,
        },
    }
}

fn tls() -> TlsTotals {
    let inbound =
        |client_scope, family, trust, protocol: &str, cipher: &str, sessions| TlsInboundRow {
            instance: "postfix".into(),
            client_scope,
            family,
            trust,
            protocol: protocol.into(),
            cipher: cipher.into(),
            sessions,
        };
    TlsTotals {
        inbound: vec![
            inbound(
                "outside",
                "ipv4",
                "anonymous",
                "TLSv1.3",
                "TLS_AES_256_GCM_SHA384",
                1_021,
            ),
            inbound(
                "outside",
                "ipv6",
                "anonymous",
                "TLSv1.3",
                "TLS_AES_256_GCM_SHA384",
                401,
            ),
            inbound(
                "outside",
                "ipv4",
                "untrusted",
                "TLSv1.2",
                "ECDHE-RSA-AES256-GCM-SHA384",
                88,
            ),
            inbound(
                "own",
                "ipv4",
                "trusted",
                "TLSv1.3",
                "TLS_AES_256_GCM_SHA384",
                14,
            ),
        ],
        outbound: vec![TlsOutboundRow {
            instance: "postfix".into(),
            domain: Some("example.net".into()),
            host: "mx.example.net[198.51.100.5]:25".into(),
            family: "ipv4",
            trust: "verified",
            protocol: "TLSv1.3".into(),
            cipher: "TLS_AES_128_GCM_SHA256".into(),
            sessions: 77,
        }],
        states: TlsStates {
            inbound: StateCounts {
                logged: 1_524,
                seen: 31,
                plaintext: 120,
                not_logged: 42,
            },
            outbound: StateCounts {
                logged: 77,
                not_logged: 343,
                ..StateCounts::default()
            },
        },
        failures: vec![TlsFailureRow {
            direction: "inbound",
            reason: "error:0A000102:SSL routines::unsupported protocol".into(),
            sessions: 9,
        }],
    }
}

fn logins() -> Vec<LoginRow> {
    let row =
        |service: &str, outcome, user: Option<&str>, method: &str, address: &str, count| LoginRow {
            service: service.into(),
            outcome,
            user: user.map(Into::into),
            method: Some(method.into()),
            address: Some(address.into()),
            family: if address.contains(':') {
                "ipv6"
            } else {
                "ipv4"
            },
            tls: (service != "smtp").then_some(true),
            count,
        };
    vec![
        row(
            "imap",
            "success",
            Some("ann@example.com"),
            "PLAIN",
            "192.0.2.10",
            412,
        ),
        row(
            "imap",
            "success",
            Some("ann@example.com"),
            "PLAIN",
            "2001:db8::10",
            33,
        ),
        row(
            "smtp",
            "success",
            Some("ann@example.com"),
            "PLAIN",
            "192.0.2.10",
            51,
        ),
        row(
            "pop3",
            "success",
            Some("j\u{fc}rgen"),
            "CRAM-MD5",
            "192.0.2.11",
            12,
        ),
        row("smtp", "failure", None, "LOGIN", "203.0.113.66", 1_204),
        row(
            "imap",
            "failure",
            Some("admin\u{1b}[2J\u{202e}moc"),
            "PLAIN",
            "203.0.113.66",
            18,
        ),
    ]
}

fn rejects() -> RejectTotals {
    let rule = |rule: &str, class: &str, action: &str, count| RuleRow {
        rule: rule.into(),
        class: class.into(),
        action: action.into(),
        count,
    };
    let client = |address: &str, family, count| RejectClientRow {
        address: Some(address.into()),
        family,
        client_scope: "outside",
        stage: "rcpt",
        code_class: Some(5),
        action: "reject",
        count,
    };
    RejectTotals {
        by_rule: vec![
            rule("dnsbl:zen.example", "dnsbl:zen.example", "reject", 2_400),
            rule("greylist", "greylist", "reject", 604),
            rule("unknown-recipient", "unknown-recipient", "reject", 501),
            rule("HDR-0113", "header-check", "reject", 7),
            rule("7", "header-check", "hold", 3),
        ],
        by_client: vec![
            client("203.0.113.66", "ipv4", 3_000),
            client("2001:db8:bad::1", "ipv6", 512),
        ],
    }
}

fn deliveries() -> DeliveryTotals {
    let row = |direction, family, status: &str, count| DeliveryFamilyRow {
        direction,
        family,
        status: status.into(),
        count,
    };
    DeliveryTotals {
        by_status: [("sent".to_owned(), 1_988), ("bounced".to_owned(), 39)].into(),
        by_family: vec![
            row("local", "local", "sent", 1_575),
            row("outbound", "ipv4", "sent", 301),
            row("outbound", "ipv6", "sent", 119),
            row("outbound", "ipv4", "deferred", 92),
            row("outbound", "unknown", "bounced", 39),
        ],
        by_relay: vec![RelayRow {
            relay: "mx.example.net[198.51.100.5]:25".into(),
            domain: "example.net".into(),
            family: "ipv4",
            status: "sent".into(),
            reply_class: Some(2),
            stage: None,
            probe: false,
            count: 301,
        }],
        by_recipient: vec![RecipientRow {
            relay: "virtual".into(),
            recipient: "ann@example.com".into(),
            sent: 44,
        }],
    }
}

fn evidence() -> Vec<EvidenceRow> {
    let row = |address: &str, family, hostname: Option<&str>, rejects, accepted| EvidenceRow {
        address: address.into(),
        family,
        client_scope: if address == "127.0.0.1" {
            "own"
        } else {
            "outside"
        },
        hostname: hostname.map(Into::into),
        rejects,
        dnsbl: rejects / 2,
        auth_failures: 0,
        unknown_recipients: rejects / 8,
        protocol_errors: 1,
        accepted,
    };
    vec![
        row("127.0.0.1", "ipv4", Some("localhost"), 4_000, 0),
        row("192.0.2.10", "ipv4", Some("mail.example.org"), 9, 812),
        row(
            "2001:db8:bad::1",
            "ipv6",
            Some("bulk-sender-17.mailing.example.net"),
            512,
            3,
        ),
        row("203.0.113.66", "ipv4", None, 3_000, 0),
    ]
}

fn text(totals: &Totals, options: Options) -> String {
    let meta = meta();
    let mut out = Vec::new();
    let report = report::report(totals, &meta, &options);
    render::text(&report, render::Paper::default(), &mut out).expect("a Vec takes all");
    String::from_utf8(out).expect("text is UTF-8")
}

fn json(totals: &Totals, options: Options) -> Value {
    let meta = meta();
    let mut out = Vec::new();
    render::json(&report::report(totals, &meta, &options), &mut out).expect("a Vec takes all");
    serde_json::from_slice(&out).expect("the report is JSON")
}

#[test]
fn a_whole_report_as_text() {
    insta::assert_snapshot!(text(&totals(), Options::default()));
}

#[test]
fn the_same_cut_to_one_row_a_list() {
    insta::assert_snapshot!(text(&totals(), Options::with_top(1)));
}

#[test]
fn a_log_of_nothing_ours_says_little() {
    let mut totals = Totals::default();
    totals.coverage.lines.read = 50;
    totals.coverage.lines.foreign = 50;
    insta::assert_snapshot!(text(&totals, Options::default()));
}

#[test]
fn coverage_by_itself() {
    let mut totals = totals();
    totals.coverage.kinds = vec![
        KindRow {
            program: "smtpd".into(),
            kind: Some("smtpd_connect".into()),
            class: "parsed",
            count: 4_102,
        },
        KindRow {
            program: "CRON".into(),
            kind: None,
            class: "foreign",
            count: 144,
        },
    ];
    let meta = meta();
    let mut out = Vec::new();
    let report = report::coverage(&totals, &meta, &Options::default());
    render::text(&report, render::Paper::default(), &mut out).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

#[test]
fn no_line_is_wider_than_80_columns() {
    let text = text(&totals(), Options::default());
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
        assert_eq!(line, line.trim_end());
    }
}

#[test]
fn nothing_hidden_reaches_a_terminal() {
    let hidden = |text: &str| {
        let found = text.chars().find(|&c| c != '\n' && render::is_hidden(c));
        assert_eq!(found, None, "{text}");
    };
    hidden(&text(&totals(), Options::default()));
    let meta = meta();
    let mut out = Vec::new();
    render::json(
        &report::report(&totals(), &meta, &Options::default()),
        &mut out,
    )
    .unwrap();
    hidden(&String::from_utf8(out).unwrap());
}

#[test]
fn every_row_reaches_json_as_it_is() {
    let totals = totals();
    let mut json = json(&totals, Options::default());
    let own = serde_json::to_value(&totals).unwrap();
    // Counted in details of their own, of which this log has none.
    for rows in ["plaintext", "weak"] {
        let tls = json["tls"].as_object_mut().unwrap();
        assert_eq!(tls.remove(rows), Some(Value::Array(Vec::new())), "{rows}");
    }
    for key in [
        "totals",
        "totals_by_instance",
        "messages",
        "accepted_by_client",
        "per_hour",
        "per_day",
        "logins",
        "rejects",
        "connections",
        "deliveries",
    ] {
        assert_eq!(json[key], own[key], "{key}");
    }
    // Beside its own rows stand those on weak TLS.
    for (key, rows) in own["tls"].as_object().unwrap() {
        assert_eq!(json["tls"][key], *rows, "tls.{key}");
    }
    assert_eq!(json["coverage"]["lines"], own["coverage"]["lines"]);
    assert_eq!(json["spam_sources"][0]["address"], "203.0.113.66");
    // 3000 + 375 + 3 * 1500 + 2 * 1
    assert_eq!(json["spam_sources"][0]["score"], 7_877);
    // The own host has more refusals, and the good server more mail: neither is listed.
    assert_eq!(json["spam_sources"].as_array().unwrap().len(), 2);
}

#[test]
fn the_same_totals_give_the_same_bytes() {
    assert_eq!(
        text(&totals(), Options::default()),
        text(&totals(), Options::default())
    );
}

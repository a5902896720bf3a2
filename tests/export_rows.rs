//! What a few lines become in the tables, cell by cell, worked out by hand: sums do not tell whether a value stands in its own
//! column, and in the part of its own day.
#![cfg(test)]

mod files_below;

use std::process::Command;

use files_below::files_below;
use serde_json::{Value, json};

/// A mail that goes over midnight, with delays of which no two are alike; a session that is used again; a refusal late in a
/// session, and two more of another client that one line stands for; a login for which two names were tried; a mail that a
/// content filter hands back.
const LOG: &str = "\
2026-11-20T23:59:58.000000+01:00 mx1 postfix/smtpd[100]: 4A1B2C3D4E: client=mx.b.example[192.0.2.7]
2026-11-20T23:59:58.100000+01:00 mx1 postfix/cleanup[101]: 4A1B2C3D4E: message-id=<one@b.example>
2026-11-20T23:59:58.200000+01:00 mx1 postfix/qmgr[102]: 4A1B2C3D4E: from=<a@B.example>, size=900, nrcpt=1 (queue active)
2026-11-20T23:59:59.000000+01:00 mx1 postfix/smtp[103]: Trusted TLS connection reused to mx.c.example[203.0.113.25]:25: TLSv1.2 with cipher AES256-SHA (256/256 bits)
2026-11-21T00:00:08.000000+01:00 mx1 postfix/smtp[103]: 4A1B2C3D4E: to=<x@C.example>, relay=mx.c.example[203.0.113.25]:25, delay=10, delays=1/2/3/4, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 5A1B2C3D4E)
2026-11-21T00:00:08.500000+01:00 mx1 postfix/qmgr[102]: 4A1B2C3D4E: removed
2026-11-21T00:00:09.000000+01:00 mx1 postfix/smtpd[104]: NOQUEUE: reject: DATA from bot.d.example[198.51.100.3]: 550 5.7.1 <DATA>: Data command rejected: no; from=<s@d.example> to=<y@Example.org> proto=ESMTP helo=<bot.d.example>
2026-11-21T00:00:10.000000+01:00 mx1 dovecot: auth: passwd-file(bob@example.org,192.0.2.9,<S1S1S1S1>): Password mismatch
2026-11-21T00:00:11.000000+01:00 mx1 dovecot: imap-login: Login: user=<anna@example.org>, method=PLAIN, rip=192.0.2.9, lip=192.0.2.10, mpid=7, TLS, session=<S1S1S1S1>
2026-11-21T00:00:12.000000+01:00 mx1 postfix/smtpd[105]: NOQUEUE: reject: RCPT from bot.e.example[198.51.100.4]: 554 5.7.1 Service unavailable; from=<s@e.example> to=<z@example.org> proto=ESMTP helo=<e>
2026-11-21T00:00:13.000000+01:00 mx1 postfix/smtpd[105]: message repeated 2 times: [ NOQUEUE: reject: RCPT from bot.e.example[198.51.100.4]: 554 5.7.1 Service unavailable; from=<s@e.example> to=<z@example.org> proto=ESMTP helo=<e>]
2026-11-21T00:00:14.000000+01:00 mx1 postfix/smtpd[106]: 6A1B2C3D4E: client=localhost[127.0.0.1], orig_queue_id=4A1B2C3D4E, orig_client=mx.b.example[192.0.2.7]
2026-11-21T00:00:14.500000+01:00 mx1 postfix/qmgr[102]: 6A1B2C3D4E: from=<a@B.example>, size=950, nrcpt=1 (queue active)
2026-11-21T00:00:15.000000+01:00 mx1 postfix/qmgr[102]: 6A1B2C3D4E: removed
";

/// Exports the log; returns the rows of a table's parts of a day.
fn rows(table: &str, day: &str) -> Vec<Value> {
    rows_of(LOG, table, day)
}

fn rows_of(text: &str, table: &str, day: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let (log, out) = (folder.path().join("mail.log"), folder.path().join("tables"));
    std::fs::write(&log, text).unwrap();
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("mailtally"));
    command.args(["export", "--format", "jsonl", "--table", table, "--out"]);
    let output = command.args([&out, &log]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let of_day = format!("{table}/date={day}/host=mx1/");
    let mut rows = Vec::new();
    for (path, bytes) in files_below(&out) {
        assert!(path.starts_with(table), "{}", path.display());
        if path.starts_with(&of_day) {
            let text = String::from_utf8(bytes).unwrap();
            rows.extend(text.lines().map(|row| serde_json::from_str(row).unwrap()));
        }
    }
    rows
}

/// Compares some cells of a row with what they should be.
fn compare(row: &Value, expected: &Value) {
    for (column, cell) in expected.as_object().unwrap() {
        assert_eq!(&row[column], cell, "{column} of {row}");
    }
}

#[test]
fn a_mail_stands_under_the_day_of_its_first_line() {
    let mails = rows("messages", "2026-11-20");
    assert_eq!(mails.len(), 1, "{mails:?}");
    let expected = json!({
        "time": "2026-11-20T22:59:58.000000Z", "ended": "2026-11-20T23:00:08.500000Z", "offset_s": 3600,
        "queue_id": "4A1B2C3D4E", "client_name": "mx.b.example", "client_address": "192.0.2.7",
        "peer_address": null, "sender": "a@B.example", "sender_domain": "b.example", "size_bytes": 900,
        "nrcpt": 1, "message_id": "<one@b.example>", "attempts": 1, "delivered": 1, "outcome": "delivered",
        "queue_us": 10_500_000,
    });
    compare(&mails[0], &expected);
}

#[test]
fn a_mail_from_a_content_filter_has_its_first_client_and_its_last() {
    let mails = rows("messages", "2026-11-21");
    assert_eq!(mails.len(), 1, "{mails:?}");
    let expected = json!({
        "queue_id": "6A1B2C3D4E", "client_name": "localhost", "client_address": "192.0.2.7",
        "peer_address": "127.0.0.1", "is_reinjected": true,
    });
    compare(&mails[0], &expected);
}

#[test]
fn each_delay_has_its_column() {
    let deliveries = rows("deliveries", "2026-11-21");
    assert_eq!(deliveries.len(), 1, "{deliveries:?}");
    let expected = json!({
        "recipient": "x@C.example", "recipient_domain": "c.example", "relay_name": "mx.c.example",
        "relay_address": "203.0.113.25", "relay_port": "25", "delay_us": 10_000_000,
        "before_qmgr_us": 1_000_000, "in_qmgr_us": 2_000_000, "connect_us": 3_000_000,
        "transmit_us": 4_000_000, "queued_as": "5A1B2C3D4E", "reply": null,
    });
    compare(&deliveries[0], &expected);
}

#[test]
fn a_session_used_again_is_a_row() {
    let sessions = rows("tls_sessions", "2026-11-20");
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    let expected = json!({
        "direction": "outbound", "is_reused": true, "peer_name": "mx.c.example",
        "peer_address": "203.0.113.25", "trust": "trusted", "protocol": "TLSv1.2", "bits": 256,
    });
    compare(&sessions[0], &expected);
}

#[test]
fn a_refusal_has_its_client_stage_and_words() {
    let rejects = rows("rejects", "2026-11-21");
    let of_client = |client: &str| {
        let rows = rejects.iter();
        rows.filter(|row| row["client_address"] == client).count()
    };
    let counts = [of_client("198.51.100.3"), of_client("198.51.100.4")];
    assert_eq!(counts, [1, 3], "{rejects:?}");
    let expected = json!({
        "stage": "data", "client_name": "bot.d.example", "client_address": "198.51.100.3",
        "sender": "s@d.example", "recipient": "y@Example.org", "recipient_domain": "example.org",
        "code": "550", "dsn": "5.7.1", "rule": "command-rejected", "text": "no",
    });
    compare(&rejects[0], &expected);
}

#[test]
fn a_failed_attempt_names_who_failed() {
    let logins = rows("logins", "2026-11-21");
    let said = |login: &Value| json!([login["user"], login["result"], login["attempts"]]);
    let said: Vec<Value> = logins.iter().map(said).collect();
    let expected = [
        json!(["anna@example.org", "success", 1]),
        json!(["bob@example.org", "failure", 1]),
    ];
    assert_eq!(said, expected);
}

#[test]
fn lines_are_numbered_from_the_logs_beginning() {
    // More than is read at once.
    let line = "2026-11-20T23:59:58.000000+01:00 mx1 postfix/qmgr[102]: 4A1B2C3D4E: removed\n";
    let count = 1_500_000 / line.len();
    let rows = rows_of(&line.repeat(count), "events", "2026-11-20");
    let numbers = rows.iter().map(|row| row["log_line"].as_u64().unwrap());
    assert!(numbers.eq(1..=count as u64));
}

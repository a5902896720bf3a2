//! The known defects of other tools (pflogsumm, postfix-logwatch, …): each has a small log in
//! `fixtures/defects/`, and the right answer stands here, counted by hand.
//!
//! The binary reads each log; what it says is compared number by number. `lists_every_log` keeps
//! the table and the folder together.
#![cfg(test)]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

/// A defect, its log's name, and what a right answer is.
struct Defect {
    log: &'static str,
    check: fn(&Answer),
}

const fn defect(log: &'static str, check: fn(&Answer)) -> Defect {
    Defect { log, check }
}

/// In the order of the list in the field study; the first word of a log's name is its number.
const DEFECTS: &[Defect] = &[
    // pflogsumm up to 1.1.13 and postfix-logwatch lose deliveries with a field between.
    defect("01-tls-field", tls_field),
    // Both pflogsumms know the services `smtps` and `submission` alone.
    defect("02-submissions", submissions),
    // pflogsumm 1.3.0 subtracts mails that were received before the log begins.
    defect("03-window-edge", window_edge),
    // pflogsumm counts what milters refuse in cleanup only.
    defect("04-milter-reject", milter_reject),
    // pflogsumm takes the tail of the line for the reason.
    defect("05-ehlo-vrfy", ehlo_vrfy),
    // pflogsumm takes the whole line for the reason, so that no two are alike.
    defect("06-server-configuration-error", server_configuration_error),
    // pflogsumm 1.1.5 ignores the second mail of a queue id.
    defect("07-queue-id-reuse", queue_id_reuse),
    // pflogsumm 1.1.5 takes `2/3` for a part of the address.
    defect("08-ipv6-disconnect", ipv6_disconnect),
    // pflogsumm 1.1.5 shows the log of 2024 as this year's.
    defect("09-stated-year", stated_year),
    // pflogsumm begins a new day at each change of the day.
    defect("10-interleaved-midnight", interleaved_midnight),
    // pflogsumm's order among equals is another one in each run.
    defect("11-ties", ties),
    // postfix-logwatch counts it as local.
    defect("12-relay-service", relay_service),
    // Old parsers know queue ids of hexadecimal digits alone.
    defect("13-long-queue-ids", long_queue_ids),
    // Postfix 3.10 puts `NOQUEUE:` before what stood alone until then.
    defect("14-noqueue-lost-connection", noqueue_lost_connection),
    // Addresses are quoted since Postfix 3.5, and may hold `>` and `, `.
    defect("15-quoted-local-part", quoted_local_part),
    // No tool counts a line as often as the logger says that it was logged.
    defect("16-message-repeated", message_repeated),
    // fail2ban and others miss the line without a reason, and the login of Postfix 3.9.
    defect("17-sasl-failed", sasl_failed),
    // pflogsumm 1.3.0 does not know it.
    defect("18-force-expired", force_expired),
    // pflogsumm counts a mail as received that its client gave up.
    defect("19-canceled-discarded", canceled_discarded),
    // Unknown to postfix-logwatch.
    defect("20-passing-to-transport", passing_to_transport),
    // postfix-logwatch knows the words up to Postfix 3.5.
    defect("21-postscreen-words", postscreen_words),
    // crowdsec knows no line of Dovecot 2.4's auth; logwatch prints passwords.
    defect("22-dovecot-auth", dovecot_auth),
    // Counted as delivered, a forwarded mail counts twice.
    defect("23-forwarded-as", forwarded_as),
    // pflogsumm without Debian's patches does not count it.
    defect("24-milter-discard", milter_discard),
    // pflogsumm's guard against counting a mail again does not hold at size 0.
    defect("25-zero-size", zero_size),
];

fn tls_field(answer: &Answer) {
    answer.totals("delivered", 1);
    answer.totals("deferred", 1);
    answer.totals("deferrals", 1);
    answer.totals("bytes_delivered", 1000);
    answer.events("delivery", "tls", &["dane:encrypt", "may:none"]);
    // A delivery that was deferred says nothing of a session that carried mail.
    answer.is("/tls/states/outbound/seen", 1);
    answer.is("/tls/states/outbound/plaintext", 0);
}

fn submissions(answer: &Answer) {
    answer.totals("received", 2);
    answer.totals("bytes_received", 1500);
    answer.totals("senders", 2);
    answer.events("smtpd_client", "service", &["submissions", "10025"]);
    answer.events("smtpd_client", "daemon", &["smtpd", "smtpd"]);
}

fn window_edge(answer: &Answer) {
    answer.totals("received", 1);
    answer.totals("delivered", 4);
    // The sizes of the other three stand before the log's beginning.
    answer.totals("bytes_delivered", 1000);
    answer.is("/messages/accepted", 1);
    answer.is("/messages/open_at_start", 3);
    answer.is("/messages/open_at_end", 0);
}

fn milter_reject(answer: &Answer) {
    answer.totals("rejected", 2);
    answer.is("/messages/rejected_4xx", 1);
    answer.is("/messages/rejected_5xx", 1);
    answer.is("/per_day/0/rejected", 2);
    answer.events(
        "milter_action",
        "recipient",
        &["bob@example.com", "nobody@example.com"],
    );
    answer.column(
        "/rejects/by_client",
        "address",
        &["192.0.2.66", "192.0.2.66"],
    );
}

fn ehlo_vrfy(answer: &Answer) {
    answer.totals("rejected", 3);
    answer.events("smtpd_reject", "where", &["EHLO", "VRFY", "ETRN"]);
    let reasons = [
        "<win10>: Helo command rejected: need fully-qualified hostname",
        "<bob@example.com>: Recipient address rejected: User unknown in local recipient table",
        "<example.com>: Etrn command rejected: Access denied",
    ];
    answer.events("smtpd_reject", "reason", &reasons);
    answer.events(
        "smtpd_reject",
        "helo",
        &["win10", "mail.example.net", "mail.example.net"],
    );
    let rules = ["access-denied", "helo-not-fqdn", "unknown-recipient"];
    answer.column("/rejects/by_rule", "rule", &rules);
}

fn server_configuration_error(answer: &Answer) {
    answer.totals("rejected", 3);
    answer.column("/rejects/by_rule", "rule", &["server-error"]);
    answer.is("/rejects/by_rule/0/count", 3);
    let clients = ["192.0.2.66", "192.0.2.67", "192.0.2.68"];
    answer.column("/rejects/by_client", "address", &clients);
}

fn queue_id_reuse(answer: &Answer) {
    answer.totals("received", 2);
    answer.totals("senders", 2);
    answer.totals("bytes_received", 3000);
    answer.totals("bytes_delivered", 3000);
    answer.totals("deferred", 2);
    answer.is("/messages/superseded", 0);
}

fn ipv6_disconnect(answer: &Answer) {
    answer.is("/connections/by_family/ipv6", 1);
    answer.column("/connections/by_address", "address", &["2001:db8::9"]);
    answer.events("smtpd_disconnect", "client_address", &["2001:db8::9"]);
    let commands = "ehlo=1 auth=0/1 mail=1 rcpt=2/3 quit=1";
    answer.events("smtpd_disconnect", "commands", &[commands]);
    answer.events("smtpd_disconnect", "commands_ok", &["5"]);
    answer.events("smtpd_disconnect", "commands_total", &["7"]);
}

fn stated_year(answer: &Answer) {
    answer.column("/per_day", "date", &["2024-02-29"]);
    answer.is("/meta/first", "2024-02-29T10:00:00");
    // The wall clock of the logging machine, not UTC.
    answer.is("/per_hour/10/received", 1);
    answer.totals("received", 1);
}

fn interleaved_midnight(answer: &Answer) {
    answer.column("/per_day", "date", &["2026-11-20", "2026-11-21"]);
    answer.column("/per_day", "received", &["4", "3"]);
    answer.is("/per_hour/0/received", 3);
    answer.is("/per_hour/23/received", 4);
}

fn ties(answer: &Answer) {
    let clients = [
        "192.0.2.66",
        "192.0.2.67",
        "192.0.2.68",
        "192.0.2.69",
        "192.0.2.70",
    ];
    answer.column("/rejects/by_client", "address", &clients);
    answer.column("/rejects/by_client", "count", &["2"; 5]);
    answer.column("/spam_sources", "address", &clients);
    for _ in 0..3 {
        assert_eq!(
            report(&answer.path),
            answer.report,
            "each run says the same"
        );
    }
}

fn relay_service(answer: &Answer) {
    answer.totals("delivered", 1);
    answer.column("/deliveries/by_family", "direction", &["outbound"]);
    answer.column("/deliveries/by_family", "family", &["ipv4"]);
    answer.events("delivery", "service", &["relay"]);
    answer.events("delivery", "daemon", &["smtp"]);
}

fn long_queue_ids(answer: &Answer) {
    for total in ["received", "delivered", "senders", "recipients"] {
        answer.totals(total, 1);
    }
    answer.totals("bytes_delivered", 1000);
    answer.is("/messages/accepted", 1);
    answer.is("/messages/open_at_end", 0);
}

fn noqueue_lost_connection(answer: &Answer) {
    answer.events("smtpd_lost_connection", "where", &["CONNECT", "CONNECT"]);
    answer.events("smtpd_timeout", "where", &["EHLO"]);
    answer.events("smtpd_too_many_errors", "where", &["AUTH"]);
    answer.events("smtpd_too_many_errors", "client_address", &["192.0.2.66"]);
    let no_queue_id = answer
        .events
        .iter()
        .all(|event| event.get("queue_id").is_none());
    assert!(no_queue_id, "NOQUEUE is no queue id: {:?}", answer.events);
    answer.is("/messages/open_at_start", 0);
}

fn quoted_local_part(answer: &Answer) {
    answer.totals("senders", 1);
    answer.totals("sending_domains", 1);
    answer.totals("recipients", 1);
    answer.totals("recipient_domains", 1);
    answer.events("qmgr_active", "sender", &["\"a b\"@example.net"]);
    answer.events("delivery", "recipient", &["\"x> y, z\"@example.org"]);
    answer.events("delivery", "orig_to", &["\"sales team\"@example.com"]);
    answer.column("/deliveries/by_relay", "domain", &["example.org"]);
}

fn message_repeated(answer: &Answer) {
    answer.totals("rejected", 1 + 3);
    answer.column("/rejects/by_client", "count", &["4"]);
    answer.column("/logins", "count", &["3"]);
    answer.is("/coverage/lines/read", 5);
    answer.is("/coverage/lines/expanded", 2 + 1);
    answer.events("smtpd_reject", "repeated", &["null", "3"]);
    answer.events("sasl_auth_failed", "repeated", &["null", "2"]);
}

fn sasl_failed(answer: &Answer) {
    let events = answer.of_kind("sasl_auth_failed");
    assert_eq!(events.len(), 4, "{events:?}");
    let rows = answer.at("/logins").as_array().expect("logins");
    let failures = |address: &str, user: Value| -> u64 {
        let is_wanted = |row: &&Value| {
            row["address"] == address && row["user"] == user && row["outcome"] == "failure"
        };
        rows.iter()
            .filter(is_wanted)
            .filter_map(|row| row["count"].as_u64())
            .sum()
    };
    assert_eq!(
        failures("192.0.2.66", Value::Null),
        2,
        "two without a reason"
    );
    assert_eq!(failures("192.0.2.66", json!("alice@example.com")), 1);
    assert_eq!(
        failures("192.0.2.67", Value::Null),
        1,
        "(unavailable) is no user"
    );
}

fn force_expired(answer: &Answer) {
    answer.totals("expired", 2);
    answer.is("/messages/expired_recipients", 2);
    answer.is("/deliveries/by_status/expired", 2);
    answer.events("qmgr_expired", "status", &["force-expired", "expired"]);
}

fn canceled_discarded(answer: &Answer) {
    answer.totals("canceled", 1);
    answer.totals("discarded", 1);
    // The client of the discarded mail was told 250; that of the canceled one was not.
    answer.is("/messages/accepted", 2);
    answer.is("/messages/open_at_end", 0);
    answer.totals("delivered", 1);
    answer.events("cleanup_removed", "why", &["canceled", "discarded"]);
}

fn passing_to_transport(answer: &Answer) {
    answer.totals("delivered", 1);
    answer.totals("forwarded", 0);
    answer.is("/messages/delivered_recipients", 1);
    answer.events("delivery_passed", "recipient", &["bob@example.com"]);
    answer.events("delivery_passed", "transport", &["lmtp"]);
}

fn postscreen_words(answer: &Answer) {
    let (good, bad) = ("198.51.100.7", "192.0.2.66");
    answer.events("psc_allowlisted", "client_address", &[good, good]);
    answer.events("psc_denylisted", "client_address", &[bad, bad]);
    answer.events("psc_allowlist_veto", "client_address", &[bad, bad]);
    answer.events("psc_pass_old", "client_address", &[good]);
    answer.events("psc_pass_new", "client_address", &[good]);
}

fn dovecot_auth(answer: &Answer) {
    let expected = [
        ("alice@example.com", "192.0.2.66", 1),
        ("bob@example.com", "192.0.2.67", 1),
        ("carol@example.com", "192.0.2.68", 1),
        ("dave@example.com", "192.0.2.69", 1),
        ("erin@example.com", "192.0.2.70", 3),
        ("frank@example.com", "192.0.2.71", 2),
    ];
    let rows = answer.at("/logins").as_array().expect("logins");
    assert_eq!(rows.len(), expected.len(), "{rows:?}");
    for (user, address, count) in expected {
        let row = rows.iter().find(|row| row["user"] == user).expect(user);
        assert_eq!(
            (&row["address"], &row["count"]),
            (&json!(address), &json!(count)),
            "{user}"
        );
        assert_eq!(row["outcome"], "failure", "{user}");
    }
    for arguments in [
        "report",
        "report --format json",
        "events",
        "coverage",
        "coverage --format json",
    ] {
        let said = run(arguments, &answer.path);
        assert!(
            !said.contains("hunter"),
            "{arguments} shows a password:\n{said}"
        );
    }
}

fn forwarded_as(answer: &Answer) {
    answer.totals("forwarded", 1);
    answer.totals("delivered", 1);
    answer.totals("received", 1);
    answer.is("/messages/delivered_recipients", 1);
    answer.totals("recipients", 1);
    let children = [json!("5A2B33D1EAF"), Value::Null];
    let found: Vec<&Value> = answer
        .of_kind("delivery")
        .iter()
        .map(|event| &event["forwarded_as"])
        .collect();
    assert_eq!(found, children.iter().collect::<Vec<_>>());
}

fn milter_discard(answer: &Answer) {
    answer.totals("discarded", 1);
    answer.totals("rejected", 0);
    answer.totals("delivered", 0);
    answer.events("milter_action", "action", &["milter-discard"]);
}

fn zero_size(answer: &Answer) {
    answer.totals("received", 2);
    answer.totals("senders", 2);
    answer.totals("bytes_received", 1000);
    answer.totals("bytes_delivered", 1000);
    answer.totals("deferred", 2);
    answer.totals("deferrals", 3);
    answer.is("/messages/accepted", 2);
}

/// What mailtally says of a log.
struct Answer {
    path: PathBuf,
    report: Value,
    events: Vec<Value>,
}

impl Answer {
    fn of(log: &str) -> Self {
        let path = folder().join(log).with_extension("log");
        Answer {
            report: report(&path),
            events: run("events", &path)
                .lines()
                .map(|line| serde_json::from_str(line).expect("an event is an object"))
                .collect(),
            path,
        }
    }

    /// The value at a place of the report.
    fn at(&self, place: &str) -> &Value {
        let found = self.report.pointer(place);
        found.unwrap_or_else(|| panic!("no {place} in {}", self.report))
    }

    fn is(&self, place: &str, expected: impl Into<Value>) {
        assert_eq!(self.at(place), &expected.into(), "{place}");
    }

    fn totals(&self, name: &str, expected: u64) {
        self.is(&format!("/totals/{name}"), expected);
    }

    /// Compares one column of a table of the report, as text.
    fn column(&self, place: &str, name: &str, expected: &[&str]) {
        let rows = self.at(place).as_array().expect("rows");
        let found: Vec<String> = rows.iter().map(|row| plain(&row[name])).collect();
        assert_eq!(found, expected, "{name} of {place}");
    }

    fn of_kind(&self, kind: &str) -> Vec<&Value> {
        self.events
            .iter()
            .filter(|event| event["kind"] == kind)
            .collect()
    }

    /// Compares one field of the events of a kind, as text.
    fn events(&self, kind: &str, field: &str, expected: &[&str]) {
        let found: Vec<String> = self
            .of_kind(kind)
            .iter()
            .map(|event| plain(&event[field]))
            .collect();
        assert_eq!(found, expected, "{field} of {kind}");
    }
}

/// A value as text, a string without its quotes.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/defects")
}

fn report(path: &Path) -> Value {
    serde_json::from_str(&run("report --format json", path)).expect("a report is an object")
}

/// Runs the built binary on a log of 2026, in an environment that no user's settings reach.
fn run(arguments: &str, path: &Path) -> String {
    let output = Command::new(assert_cmd::cargo::cargo_bin!("mailtally"))
        .args(arguments.split_whitespace())
        .args(["--year", "2026"])
        .arg(path)
        .env("TZ", "UTC")
        .env("LC_ALL", "C")
        .output()
        .expect("mailtally runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{arguments} {}: {complaint}",
        path.display()
    );
    String::from_utf8(output.stdout).expect("reports are UTF-8")
}

#[test]
fn has_none_of_the_known_defects() {
    let mut wrong = Vec::new();
    for defect in DEFECTS {
        let outcome = std::panic::catch_unwind(|| {
            let answer = Answer::of(defect.log);
            let lines = answer.at("/coverage/lines");
            assert_eq!(lines["parsed"], lines["read"], "every line is parsed");
            (defect.check)(&answer);
        });
        if outcome.is_err() {
            wrong.push(defect.log);
        }
    }
    assert!(wrong.is_empty(), "see above: {wrong:?}");
}

#[test]
fn lists_every_log() {
    let entries = std::fs::read_dir(folder()).expect("fixtures/defects");
    let mut logs: Vec<String> = entries
        .map(|entry| entry.expect("entry").path())
        .map(|path| {
            path.file_stem()
                .expect("name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    logs.sort();
    let listed: Vec<&str> = DEFECTS.iter().map(|defect| defect.log).collect();
    assert_eq!(logs, listed);
}

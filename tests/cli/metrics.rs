//! `--format prometheus`: the same numbers as in JSON, in a form that Prometheus' own tool takes.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::skipped::skip;
use crate::support::{mailtally, mailtally_reading};

const LOG: &str = "fixtures/logs/lab-a/mail.log.gz";

/// The series of a text in format 0.0.4: names with labels as written, and values.
fn series(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let split = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.to_owned())
    };
    lines.map(split).collect()
}

/// Sums the series of a metric by the value of one label.
fn sums(series: &[(String, String)], metric: &str, label: &str) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for (name, value) in series {
        let Some(labels) = name
            .strip_prefix(metric)
            .and_then(|rest| rest.strip_prefix('{'))
        else {
            continue;
        };
        let start = format!("{label}=\"");
        let (_, value_of) = labels.split_once(&start).unwrap();
        let (key, _) = value_of.split_once('"').unwrap();
        *sums.entry(key.to_owned()).or_insert(0) += value.parse::<u64>().unwrap();
    }
    sums
}

/// Sums the rows of a list in JSON by the text of one field.
fn rows(json: &Value, pointer: &str, field: &str, count: &str) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for row in json.pointer(pointer).unwrap().as_array().unwrap() {
        let key = row[field].as_str().unwrap().to_owned();
        *sums.entry(key).or_insert(0) += row[count].as_u64().unwrap();
    }
    sums
}

#[test]
fn metrics_are_the_numbers_of_json() {
    let run = |format: &str| {
        let arguments = format!("report --year 2026 --sections all --format {format}");
        mailtally(&arguments, &[Path::new(LOG)]).expect_status(0)
    };
    let json = run("json").json();
    let series = series(&run("prometheus").stdout);

    let totals = json["totals"].as_object().unwrap();
    let mut compared = 0;
    for (name, total) in totals {
        let metric = format!("mailtally_{name}_total");
        let by_host = sums(&series, &metric, "host");
        // Distinct names are no sums.
        if !by_host.is_empty() {
            assert_eq!(
                by_host.values().sum::<u64>(),
                total.as_u64().unwrap(),
                "{name}"
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 14);
    for (metric, label, pointer, field, count) in [
        (
            "mailtally_rule_hits_total",
            "action",
            "/rejects/by_rule",
            "action",
            "count",
        ),
        (
            "mailtally_refusals_total",
            "stage",
            "/rejects/by_client",
            "stage",
            "count",
        ),
        (
            "mailtally_logins_total",
            "outcome",
            "/logins",
            "outcome",
            "count",
        ),
        (
            "mailtally_logins_total",
            "service",
            "/logins",
            "service",
            "count",
        ),
        (
            "mailtally_accepted_total",
            "family",
            "/accepted_by_client",
            "family",
            "count",
        ),
        (
            "mailtally_delivery_attempts_total",
            "status",
            "/deliveries/by_relay",
            "status",
            "count",
        ),
        (
            "mailtally_relay_attempts_total",
            "status",
            "/deliveries/by_relay",
            "status",
            "count",
        ),
        (
            "mailtally_verdicts_total",
            "program",
            "/verdicts",
            "program",
            "count",
        ),
        (
            "mailtally_warnings_total",
            "about",
            "/warnings",
            "about",
            "count",
        ),
        (
            "mailtally_failed_deliveries_total",
            "reason",
            "/failures/by_reason",
            "reason",
            "count",
        ),
        (
            "mailtally_mailbox_sessions_total",
            "protocol",
            "/mailboxes/sessions",
            "protocol",
            "sessions",
        ),
    ] {
        let expected = rows(&json, pointer, field, count);
        assert_ne!(expected.len(), 0, "{pointer}");
        assert_eq!(
            sums(&series, metric, label),
            expected,
            "{metric} by {label}"
        );
    }
    let sessions = sums(&series, "mailtally_tls_sessions_total", "direction");
    for direction in ["inbound", "outbound"] {
        let expected = rows(&json, &format!("/tls/{direction}"), "trust", "sessions");
        assert_eq!(sessions[direction], expected.values().sum::<u64>());
    }
    let counts = sums(&series, "mailtally_delivery_delay_seconds_count", "stage");
    assert_eq!(counts, rows(&json, "/delays", "stage", "count"));
}

#[test]
fn strangers_do_not_decide_how_many_series_there_are() {
    let log: String = (0..500)
        .map(|at| {
            format!(
                "Nov 21 10:00:00 mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[192.0.2.1]: 554 5.7.1 \
                 <a@b{at}.example>: Sender address rejected: id={at}; from=<a@b{at}.example> to=<c@example.com> \
                 proto=ESMTP helo=<x>\n\
                 Nov 21 10:00:01 mx1 postfix/smtpd[1]: warning: x[192.0.2.1]: SASL M{at} authentication failed: x\n"
            )
        })
        .collect();
    let run = mailtally_reading("report --year 2026 --format prometheus -", log.as_bytes());
    let series = series(&run.expect_status(0).stdout);
    let of = |metric: &str| {
        series
            .iter()
            .filter(|(name, _)| name.starts_with(metric))
            .count()
    };
    assert_eq!(of("mailtally_rule_hits_total{"), 21);
    assert_eq!(of("mailtally_logins_total{"), 201);
    assert!(series.len() < 500, "{}", series.len());
}

#[test]
fn prometheus_takes_them() {
    let Ok(mut promtool) = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    else {
        return skip("no promtool (Debian: apt-get install prometheus)");
    };
    let run = mailtally("report --year 2026 --format prometheus", &[Path::new(LOG)]);
    let mut stdin = promtool.stdin.take().unwrap();
    stdin
        .write_all(run.expect_status(0).stdout.as_bytes())
        .unwrap();
    drop(stdin);
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn another_user_can_read_the_file() {
    let folder = tempfile::tempdir().unwrap();
    for (format, mode) in [("prometheus", 0o644), ("json", 0o600)] {
        let file = folder.path().join(format);
        let arguments = format!(
            "report --year 2026 --format {format} --out {}",
            file.display()
        );
        mailtally(&arguments, &[Path::new(LOG)]).expect_status(0);
        let permissions = std::fs::metadata(&file).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, mode, "{format}");
    }
}

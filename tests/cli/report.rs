//! The report of a real log, and what must not change it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Folder, first_difference, fixture, lab_lines, lab_log, mailtally};

/// The report on files as JSON, which must be read without complaint, less their names.
fn report(files: &[&Path]) -> Value {
    let run = mailtally("report --format json --year 2026 --tz UTC", files).expect_status(0);
    let mut report = run.json();
    report["meta"]
        .as_object_mut()
        .unwrap()
        .remove("files")
        .unwrap();
    report
}

fn report_of(lines: impl IntoIterator<Item = String>) -> Value {
    let folder = Folder::new();
    let log: String = lines.into_iter().collect();
    report(&[&folder.file("mail.log", log)])
}

fn expect_same(left: &Value, right: &Value, what: &str) {
    if let Some(difference) = first_difference(left, right) {
        panic!("{what}: {difference}");
    }
}

/// Sums a member over the rows of a list that have these values; a plain number is its own sum.
fn sum(value: &Value, wanted: &str, member: &str) -> u64 {
    let Some(rows) = value.as_array() else {
        return value.as_u64().unwrap();
    };
    let plain = |value: &Value| value.to_string().trim_matches('"').to_owned();
    let conditions = wanted
        .split(',')
        .filter_map(|condition| condition.split_once('='));
    let fits = |row: &&Value| {
        conditions
            .clone()
            .all(|(key, value)| plain(&row[key]) == value)
    };
    rows.iter()
        .filter(fits)
        .map(|row| row[member].as_u64().unwrap())
        .sum()
}

#[test]
fn agrees_with_what_grep_counts() {
    let report = report(&[&lab_log()]);
    let expected = fs::read_to_string(fixture("logs/lab-small/expected.tsv")).unwrap();
    let mut wrong = Vec::new();
    for line in expected.lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let [pointer, wanted, member, count] = columns[..] else {
            panic!("{line}")
        };
        let list = report
            .pointer(pointer)
            .unwrap_or_else(|| panic!("no {pointer} in the report"));
        let ours = sum(list, wanted, member);
        if ours.to_string() != count {
            wrong.push(format!(
                "{pointer} {wanted} {member}: {ours}, by grep {count}"
            ));
        }
    }
    assert!(expected.lines().count() > 20);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Rewrites RFC 3164 stamps as RFC 3339 with a fraction that keeps the order within a second.
fn with_fractions(lines: Vec<String>) -> Vec<String> {
    let mut last = String::new();
    let mut fraction = 0;
    let rewrite = |line: String| {
        let (stamp, rest) = line.split_at("Nov 21 00:46:26".len());
        fraction = if stamp == last { fraction + 1 } else { 0 };
        last = stamp.to_owned();
        let (day, time) = stamp
            .strip_prefix("Nov ")
            .and_then(|s| s.split_once(' '))
            .unwrap();
        format!("2026-11-{day}T{time}.{fraction:06}+00:00{rest}")
    };
    lines.into_iter().map(rewrite).collect()
}

/// Which of five files a syslog configuration might send a line to.
fn file_of(line: &str) -> &'static str {
    let tag = line.split(' ').find(|word| word.ends_with(':')).unwrap();
    let program = tag
        .rsplit('/')
        .next()
        .unwrap()
        .split(['[', ':'])
        .next()
        .unwrap();
    match program {
        "smtpd" | "postscreen" | "dnsblog" | "tlsproxy" => "smtpd.log",
        "qmgr" | "cleanup" | "pickup" | "bounce" => "queue.log",
        "smtp" | "lmtp" | "local" | "virtual" | "pipe" | "error" | "discard" => "delivery.log",
        "dovecot" => "dovecot.log",
        _ => "others.log",
    }
}

fn expect_cut_by_daemon_to_change_nothing(lines: &[String]) {
    let folder = Folder::new();
    let mut parts: BTreeMap<&str, String> = BTreeMap::new();
    for line in lines {
        parts.entry(file_of(line)).or_default().push_str(line);
    }
    assert_eq!(parts.len(), 5, "{:?}", parts.keys());
    assert!(parts.values().all(|part| part.lines().count() > 50));
    let files: Vec<_> = parts
        .iter()
        .map(|(name, part)| folder.file(name, part))
        .collect();
    let files: Vec<&Path> = files.iter().map(AsRef::as_ref).collect();
    let whole = report_of(lines.iter().cloned());
    expect_same(&report(&files), &whole, "cut by daemon");
}

#[test]
fn a_log_cut_by_daemon_into_five_files_gives_the_report_of_the_whole() {
    expect_cut_by_daemon_to_change_nothing(&with_fractions(lab_lines()));
}

#[test]
fn a_log_cut_by_daemon_with_stamps_of_whole_seconds_gives_it_too() {
    expect_cut_by_daemon_to_change_nothing(&lab_lines());
}

#[test]
fn a_log_cut_in_time_gives_the_report_of_the_whole_in_any_order_of_files() {
    let lines = with_fractions(lab_lines());
    let folder = Folder::new();
    let part = |name: &str, lines: &[String]| folder.file(name, lines.concat());
    let (first, second) = lines.split_at(1_234);
    let (first, second) = (part("mail.log.1", first), part("mail.log", second));
    let whole = report_of(lines.clone());
    expect_same(&report(&[&first, &second]), &whole, "in order");
    expect_same(&report(&[&second, &first]), &whole, "in reverse");
}

#[test]
fn both_stamp_formats_give_one_report() {
    let fractions = report_of(with_fractions(lab_lines()));
    expect_same(
        &fractions,
        &report(&[&lab_log()]),
        "RFC 3339 instead of RFC 3164",
    );
}

/// Takes the name of the service out of the rows that have one for each service.
fn without_service_names(mut report: Value) -> Value {
    for list in ["by_service", "by_address"] {
        for row in report["connections"][list].as_array_mut().unwrap() {
            row.as_object_mut().unwrap().remove("service").unwrap();
        }
    }
    report
}

#[test]
fn a_submission_service_that_logs_under_a_name_of_its_own_changes_no_count() {
    let lines = lab_lines();
    let renamed = |line: &String| line.replace(" postfix/submission/smtpd[", " subm/smtpd[");
    let changed = lines.iter().filter(|line| **line != renamed(line)).count();
    assert!(changed > 300, "{changed}");
    let renamed = without_service_names(report_of(lines.iter().map(renamed)));
    let whole = without_service_names(report(&[&lab_log()]));
    expect_same(&renamed, &whole, "a service's own name");
}

#[test]
fn a_log_without_tls_lines_claims_no_plaintext() {
    let is_tls = |line: &String| line.contains(" TLS connection ");
    let without: Vec<String> = lab_lines()
        .into_iter()
        .filter(|line| !is_tls(line))
        .collect();
    assert_eq!(without.len(), 3_000 - 191);
    let report = report_of(without);
    for direction in ["inbound", "outbound"] {
        let states = &report["tls"]["states"][direction];
        assert_eq!(states["plaintext"], 0, "{direction}: {states}");
        assert_eq!(states["logged"], 0, "{direction}: {states}");
        assert!(
            states["not_logged"].as_u64().unwrap() > 0,
            "{direction}: {states}"
        );
    }
}

#[test]
fn a_copy_of_a_part_is_counted_once() {
    let folder = Folder::new();
    let warnings = lab_lines()
        .into_iter()
        .filter(|line| line.contains(": warning: "));
    let copy = folder.file("mail.warn", warnings.collect::<String>());
    let run = mailtally(
        "report --format json --year 2026 --tz UTC",
        &[&lab_log(), &copy],
    );
    let run = run.expect_status(0);
    assert!(run.stderr.contains("mail.warn"), "{run}");
    assert_eq!(run.json()["coverage"]["lines"]["read"], 3_000);
}

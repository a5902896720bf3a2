//! The named queries against the report: the same numbers from another engine.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::files_below::files_below;
use crate::same::{FIGURES, SAME};
use crate::support::{LAB, corpus, export, lines, log, mailtally, named, stdout_of};

/// Counts by what they are of.
type Counts = BTreeMap<Vec<String>, i64>;

/// Adds up a column of rows by others; `null` and an empty text are the same.
fn counts<'r>(rows: impl IntoIterator<Item = &'r Value>, keys: &[&str], count: &str) -> Counts {
    let mut counts = Counts::new();
    for row in rows {
        let key = keys.iter().map(|key| match &row[*key] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        let number = row[count].as_i64();
        let number = number.unwrap_or_else(|| panic!("{count} in {row}"));
        *counts.entry(key.collect()).or_default() += number;
    }
    counts.retain(|_, count| *count != 0);
    counts
}

/// Compares all of a directory with the report on its logs; returns what differs.
fn differences(directory: &str, logs: &[&str]) -> Vec<String> {
    let report = mailtally(
        "report --sections all --format json --year 2026 --tz UTC",
        logs,
    );
    let report: Value = serde_json::from_str(&stdout_of(report)).unwrap();
    let mut wrong = Vec::new();
    let totals = counts(&named("totals", &[directory]), &["figure"], "value");
    for (figure, place) in FIGURES {
        let ours = totals
            .get(&vec![(*figure).to_owned()])
            .copied()
            .unwrap_or(0);
        let theirs = report.pointer(place).unwrap().as_i64().unwrap();
        if ours != theirs {
            wrong.push(format!("{figure}: {ours} in SQL, {theirs} in the report"));
        }
    }
    for same in SAME {
        let ours = counts(&named(same.query, &[directory]), same.keys, same.count);
        let lists = same.lists.iter().map(|list| report.pointer(list).unwrap());
        let rows = lists.flat_map(|list| match list {
            Value::Array(rows) => rows.as_slice(),
            row => std::slice::from_ref(row),
        });
        let rows = rows.filter(|row| (same.only)(row));
        let theirs = counts(rows, same.report_keys, same.report_count);
        let query = same.query;
        for (key, count) in &ours {
            let other = theirs.get(key).copied().unwrap_or(0);
            if *count != other {
                wrong.push(format!(
                    "{query} {key:?}: {count} in SQL, {other} in the report"
                ));
            }
        }
        for (key, count) in theirs.iter().filter(|(key, _)| !ours.contains_key(*key)) {
            wrong.push(format!(
                "{query} {key:?}: none in SQL, {count} in the report"
            ));
        }
        let has_none = ours.is_empty() && query != "weak_tls";
        if has_none && directory.ends_with("lab") {
            wrong.push(format!("{query}: nothing to compare"));
        }
    }
    wrong.extend(rank_differences(
        "biggest_mails",
        "size_bytes",
        directory,
        &report["message_detail"]["biggest"],
    ));
    wrong.extend(rank_differences(
        "slowest_mails",
        "slowest_us",
        directory,
        &report["message_detail"]["slowest"],
    ));
    wrong.extend(delay_differences(directory, &report["delays"]));
    wrong
}

/// Compares the mails that rank first. Of equal ones the report lists those first that came first, the query by their ids.
fn rank_differences(query: &str, measure: &str, directory: &str, list: &Value) -> Vec<String> {
    let (their_measure, mails) = match measure {
        "size_bytes" => ("size_bytes", list["mails"].as_array().unwrap()),
        _ => ("delay_us", list["mails"].as_array().unwrap()),
    };
    let ours = named(query, &[directory]);
    let values = |rows: &[Value], measure: &str| -> Vec<i64> {
        rows.iter()
            .take(ours.len())
            .map(|row| row[measure].as_i64().unwrap())
            .collect()
    };
    let (our_values, their_values) = (values(&ours, measure), values(mails, their_measure));
    let mut wrong = Vec::new();
    if our_values != their_values {
        wrong.push(format!(
            "{query}: {our_values:?} in SQL, {their_values:?} in the report"
        ));
    }
    let last = our_values.last().copied().unwrap_or(0);
    let ids = |rows: &[Value], id: &str, measure: &str| -> BTreeSet<String> {
        let above = rows.iter().filter(|row| row[measure].as_i64() > Some(last));
        above
            .map(|row| row[id].as_str().unwrap().to_owned())
            .collect()
    };
    let our_id = if query == "biggest_mails" {
        "queue_id"
    } else {
        "mail_id"
    };
    let (ours, theirs) = (
        ids(&ours, our_id, measure),
        ids(mails, "queue_id", their_measure),
    );
    if ours != theirs {
        wrong.push(format!(
            "{query}: {ours:?} in SQL, {theirs:?} in the report"
        ));
    }
    wrong
}

/// Compares delays: counts and the longest are exact, the report's percentiles within 2 %.
fn delay_differences(directory: &str, report: &Value) -> Vec<String> {
    let ours = named("delays", &[directory]);
    let theirs = report.as_array().unwrap();
    let mut wrong = Vec::new();
    if ours.len() != theirs.len() {
        wrong.push(format!(
            "delays: {} rows in SQL, {} in the report",
            ours.len(),
            theirs.len()
        ));
    }
    for row in &ours {
        let is_same = |other: &&Value| {
            row["direction"] == other["direction"] && row["stage"] == other["stage"]
        };
        let Some(other) = theirs.iter().find(is_same) else {
            wrong.push(format!("delays: the report has no {row}"));
            continue;
        };
        for (column, member) in [("deliveries", "count"), ("max_us", "max_us")] {
            if row[column] != other[member] {
                wrong.push(format!("delays: {row} in SQL, {other} in the report"));
            }
        }
        for percentile in ["p50_us", "p90_us", "p95_us", "p99_us"] {
            let (exact, about) = (
                row[percentile].as_i64().unwrap(),
                other[percentile].as_i64().unwrap(),
            );
            if exact.abs_diff(about) * 50 > exact.unsigned_abs() {
                wrong.push(format!(
                    "delays: {percentile} of {row} in SQL, {other} in the report"
                ));
            }
        }
    }
    wrong
}

#[test]
fn a_laboratorys_tables_say_what_its_report_says() {
    let folder = TempDir::new().unwrap();
    let directory = folder.path().join("lab");
    export(&directory, &[LAB]);
    let wrong = differences(directory.to_str().unwrap(), &[LAB]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_generated_logs_tables_say_what_its_report_says() {
    let folder = TempDir::new().unwrap();
    let log = log(folder.path(), "mail.log", lines(8, 40_000));
    let directory = folder.path().join("tables");
    export(&directory, &[&log]);
    let wrong = differences(directory.to_str().unwrap(), &[&log]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_corpus_tables_say_what_its_report_says() {
    let Some(logs) = corpus() else { return };
    let logs: Vec<&str> = logs.iter().map(String::as_str).collect();
    let folder = TempDir::new().unwrap();
    let directory = folder.path().join("tables");
    export(&directory, &logs);
    let wrong = differences(directory.to_str().unwrap(), &logs);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A log of the lines that the parsers are tested with: all kinds there are, one each second.
fn all_kinds() -> String {
    let mut log = String::new();
    let mut second = 0;
    for bytes in files_below(Path::new("fixtures/lines")).into_values() {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((tag, message)) = line.split_once(": ") else {
                continue;
            };
            let (hour, minute) = (second / 3600, second / 60 % 60);
            let pid = 100 + second % 7;
            writeln!(
                log,
                "Nov 21 {hour:02}:{minute:02}:{:02} mx1 {tag}[{pid}]: {message}",
                second % 60
            )
            .unwrap();
            second += 1;
        }
    }
    assert!(second > 2_000, "{second} lines");
    log
}

#[test]
fn the_tables_of_all_kinds_of_lines_say_what_their_report_says() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("mail.log");
    fs::write(&log, all_kinds()).unwrap();
    let directory = folder.path().join("tables");
    let log = log.to_str().unwrap();
    export(&directory, &[log]);
    let directory = directory.to_str().unwrap();
    let wrong = differences(directory, &[log]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(named("weak_tls", &[directory]).len(), 2);
}

//! The report of loggen's log says what the session model intended.
//!
//! loggen counts before a line has words and depends on no parser; each key of its truth that the
//! report's contract has must be the same, row by row. What loggen says beyond the contract
//! (`model`, stamps in microseconds) is named in [`ONLY_LOGGEN`].
#![cfg(test)]

use loggen::{Format, Generator};
use mailtally::pipeline;
use mailtally::render;
use mailtally::report::{Meta, Options, report};
use mailtally::source::{Input, read_all};
use serde_json::Value;

/// What the truth says beyond the report.
const ONLY_LOGGEN: &[&str] = &["/model", "/meta/first_us", "/meta/last_us"];

/// Writes a log, and returns its bytes and its truth.
fn write(options: loggen::Options) -> (Vec<u8>, Value) {
    let mut log = Vec::new();
    let truth = Generator::new(options).write_to(&mut log).unwrap();
    (log, serde_json::to_value(truth).unwrap())
}

/// The report of a log, by the way that the command line takes.
fn report_of(log: &[u8]) -> Value {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), log).unwrap();
    let options = mailtally::source::Options {
        year: Some(2026),
        tz: Some(chrono_tz::UTC),
        // Small chunks: what is counted must not depend on where a chunk ends.
        chunk_bytes: 100_000,
        ..mailtally::source::Options::default()
    };
    let chunks = read_all(vec![Input::File(file.path().to_owned())], &options);
    let (tally, _) = pipeline::tally(chunks, &pipeline::Options::default()).unwrap();
    let totals = tally.finish();
    let mut json = Vec::new();
    let meta = Meta::default();
    render::json(&report(&totals, &meta, &Options::default()), &mut json).unwrap();
    serde_json::from_slice(&json).unwrap()
}

/// Collects the places where the report does not say what the truth says.
fn differences(truth: &Value, ours: &Value, place: &str, found: &mut Vec<String>) {
    if ONLY_LOGGEN.contains(&place) {
        return;
    }
    match (truth, ours) {
        (Value::Object(truth), Value::Object(ours)) => {
            for (key, value) in truth {
                let nothing = Value::Null;
                let our_value = ours.get(key).unwrap_or(&nothing);
                differences(value, our_value, &format!("{place}/{key}"), found);
            }
        }
        (Value::Array(truth), Value::Array(ours)) if truth != ours => {
            let missing = truth.iter().filter(|row| !ours.contains(row)).take(3);
            let extra = ours.iter().filter(|row| !truth.contains(row)).take(3);
            found.extend(missing.map(|row| format!("{place} lacks {row}")));
            found.extend(extra.map(|row| format!("{place} has {row}")));
            found.push(format!(
                "{place}: {} rows, {} expected",
                ours.len(),
                truth.len()
            ));
        }
        _ if truth == ours => {}
        _ => found.push(format!("{place}: {ours}, {truth} expected")),
    }
}

fn agrees(what: &str, options: loggen::Options) {
    let (log, truth) = write(options);
    let mut found = Vec::new();
    differences(&truth, &report_of(&log), "", &mut found);
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

#[test]
fn a_report_says_what_was_intended() {
    for seed in 1..=3 {
        agrees(&format!("seed {seed}"), loggen::Options::small(seed, 3_000));
    }
}

#[test]
fn every_format_tells_the_same() {
    for format in [Format::Rfc3339, Format::Rfc5424, Format::Journal] {
        let options = loggen::Options {
            format,
            ..loggen::Options::small(4, 1_000)
        };
        agrees(&format!("{format:?}"), options);
    }
}

#[test]
fn a_log_cut_in_the_middle_of_things_keeps_its_truth() {
    let options = loggen::Options {
        drain: false,
        ..loggen::Options::small(5, 2_000)
    };
    agrees("not drained", options);
}

#[test]
fn a_difference_is_found() {
    let (log, truth) = write(loggen::Options::small(6, 100));
    let mut ours = report_of(&log);
    ours["totals"]["delivered"] = Value::from(1);
    let mut found = Vec::new();
    differences(&truth, &ours, "", &mut found);
    assert_eq!(found.len(), 1, "{found:?}");
}

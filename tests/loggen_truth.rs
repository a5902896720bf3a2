//! The report of loggen's log says what the session model intended, whatever the envelope, the
//! versions and the kinds of lines.
//!
//! loggen counts before a line has words and depends on no parser; each key of its truth that the
//! report's contract has must be the same, row by row. What loggen says beyond the contract
//! (`model`, stamps in microseconds) is named in [`ONLY_LOGGEN`]. The lines of each kind are
//! counted from what `mailtally events` writes.
#![cfg(test)]

use std::collections::BTreeMap;
use std::process::Command;

use loggen::{Container, Encoding, Format, Generator, Kinds, Offset, Zone};
use mailtally::pipeline;
use mailtally::render;
use mailtally::report::{Meta, Options, report};
use mailtally::source::{Input, read_all};
use serde_json::Value;

/// What the truth says beyond the report; kinds are held against the events.
const ONLY_LOGGEN: &[&str] = &[
    "/model",
    "/meta/first_us",
    "/meta/last_us",
    "/kinds",
    "/folded",
    "/cut_tail",
];

/// Kinds whose lines may be generic: a severity word and a text of no class, or what a daemon says
/// when it is asked to be verbose.
const GENERIC: &[&str] = &[
    "debug",
    "dovecot_debug",
    "dovecot_generic_error",
    "generic_error",
    "generic_fatal",
    "generic_panic",
    "generic_warning",
    "tls_debug",
];

/// Loggers' lines for many, which loggen counts under the catalogue's name for them: what stands in
/// the line, and the kind of what was logged again. An event is of that kind.
const FOR_MANY: [(&str, &str, &str); 2] = [
    (
        "logger_repeat_inline",
        r"message repeated (\d+) times: \[ warning: unknown macro name ",
        "smtpd_misc",
    ),
    (
        "logger_repeat",
        r"last message repeated (\d+) times",
        "smtpd_ehlo_discard",
    ),
];

/// A log, and how it is to be read.
struct Case {
    options: loggen::Options,
    year: i32,
    zone: chrono_tz::Tz,
}

impl Case {
    fn new(options: loggen::Options) -> Self {
        let zone = match options.zone {
            Zone::Utc => chrono_tz::UTC,
            Zone::Berlin => chrono_tz::Europe::Berlin,
        };
        Self {
            options: loggen::Options {
                count_kinds: true,
                ..options
            },
            year: 2026,
            zone,
        }
    }

    /// Writes the log, and returns its bytes and its truth.
    fn write(&self) -> (Vec<u8>, Value) {
        let mut log = Vec::new();
        let truth = Generator::new(self.options.clone())
            .write_to(&mut log)
            .unwrap();
        (log, serde_json::to_value(truth).unwrap())
    }

    /// The report of a log, by the way that the command line takes.
    fn report(&self, log: &[u8]) -> Value {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), log).unwrap();
        let options = mailtally::source::Options {
            year: Some(self.year),
            tz: Some(self.zone),
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

    /// Lines of each kind, from the events. A line that folds others counts for each of them.
    fn kinds(&self, log: &[u8]) -> BTreeMap<String, u64> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), log).unwrap();
        let year = self.year.to_string();
        let output = Command::new(env!("CARGO_BIN_EXE_mailtally"))
            .args(["events", "--year", &year, "--tz", self.zone.name()])
            .arg(file.path())
            .output()
            .unwrap();
        let mut kinds = BTreeMap::new();
        for line in output.stdout.split(|byte| *byte == b'\n') {
            if line.is_empty() {
                continue;
            }
            let event: Value = serde_json::from_slice(line).unwrap();
            let kind = event["kind"].as_str().unwrap().to_owned();
            *kinds.entry(kind).or_default() += event["repeated"].as_u64().unwrap_or(1);
        }
        kinds
    }

    /// Where report, events and truth differ.
    fn differences(&self) -> Vec<String> {
        let (log, mut truth) = self.write();
        stand_for_many(&mut truth, &log);
        let (ours, kinds) = (self.report(&log), self.kinds(&log));
        let mut found = Vec::new();
        differences(&truth, &ours, "", &mut found);
        // The half of a text may be of a kind, of another kind, or of none.
        let cut = u64::from(truth["cut_tail"] == "text");
        let lines = &ours["coverage"]["lines"];
        let (unparsed, generic) = (count(&lines["unparsed"]), count(&lines["generic"]));
        let intended: u64 = GENERIC
            .iter()
            .map(|kind| count(&truth["kinds"][kind]))
            .sum();
        if unparsed > cut {
            found.push(format!("{unparsed} lines unparsed"));
        }
        if generic > intended + cut {
            found.push(format!(
                "{generic} lines generic, {intended} at most expected"
            ));
        }
        found.extend(kind_differences(&truth["kinds"], &kinds, cut));
        found
    }
}

/// Counts loggers' lines for many as what they stand for, by the words of the log.
fn stand_for_many(truth: &mut Value, log: &[u8]) {
    let Some(kinds) = truth["kinds"].as_object_mut() else {
        return;
    };
    for (name, pattern, kind) in FOR_MANY {
        let Some(lines) = kinds.remove(name) else {
            continue;
        };
        let pattern = regex::bytes::Regex::new(pattern).unwrap();
        let times: Vec<u64> = pattern
            .captures_iter(log)
            .map(|found| std::str::from_utf8(&found[1]).unwrap().parse().unwrap())
            .collect();
        assert_eq!(times.len() as u64, count(&lines), "{name}");
        let known = kinds.get(kind).map_or(0, count);
        kinds.insert(
            kind.to_owned(),
            Value::from(known + times.iter().sum::<u64>()),
        );
    }
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

/// Kinds whose numbers differ, when so many lines more may be of any kind.
fn kind_differences(truth: &Value, ours: &BTreeMap<String, u64>, spare: u64) -> Vec<String> {
    let nothing = serde_json::Map::new();
    let truth = truth.as_object().unwrap_or(&nothing);
    let kinds = truth.keys().chain(ours.keys());
    let names: std::collections::BTreeSet<&String> = kinds.collect();
    let mut found = Vec::new();
    for kind in names {
        let expected = truth.get(kind).map_or(0, count);
        let counted = ours.get(kind).copied().unwrap_or(0);
        if counted < expected || counted > expected + spare {
            found.push(format!(
                "{counted} lines of kind {kind}, {expected} expected"
            ));
        }
    }
    found
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
        // The report names only the statuses that occur.
        (Value::Number(number), Value::Null) if place.starts_with("/deliveries/by_status/") => {
            let none = number.as_u64() == Some(0);
            found.extend((!none).then(|| format!("{place}: none, {truth} expected")));
        }
        _ => found.push(format!("{place}: {ours}, {truth} expected")),
    }
}

/// Holds all cases, and names each that differs.
fn agree(cases: impl IntoIterator<Item = (String, Case)>) {
    let mut found = Vec::new();
    let mut held = 0;
    for (what, case) in cases {
        let differences = case.differences();
        if !differences.is_empty() {
            found.push(format!("{what}:\n  {}", differences.join("\n  ")));
        }
        held += 1;
    }
    assert!(held > 0 && found.is_empty(), "{}", found.join("\n"));
}

/// What is asked for beyond a small log.
type Change = fn(&mut loggen::Options);

fn with(options: loggen::Options, change: impl FnOnce(&mut loggen::Options)) -> Case {
    let mut options = options;
    change(&mut options);
    Case::new(options)
}

#[test]
fn a_report_says_what_was_intended() {
    agree((1..=3).map(|seed| {
        let options = loggen::Options::small(seed, 3_000);
        (format!("seed {seed}"), Case::new(options))
    }));
}

#[test]
fn every_format_tells_the_same() {
    // A tag that is cut at its slash does not tell services apart.
    let formats = Format::ALL.into_iter();
    let formats = formats.filter(|format| *format != Format::Rfc5424Cut);
    let cases = formats.zip(4..).flat_map(|(format, seed)| {
        [seed, seed + 105].map(|seed| {
            let options = loggen::Options::small(seed, 120);
            let case = with(options, |options| options.format = format);
            (format!("{format:?}, seed {seed}"), case)
        })
    });
    agree(cases);
}

#[test]
fn stamps_may_have_any_fraction_and_offset() {
    let offsets = [Offset::Colon, Offset::Basic, Offset::Z];
    let cases = (0..=9u8).flat_map(|digits| {
        [Format::Rfc3339, Format::Rfc5424, Format::Rfc5424Data].map(|format| {
            let offset = offsets[usize::from(digits) % 3];
            let options = loggen::Options::small(u64::from(digits) + 20, 60);
            let case = with(options, |options| {
                options.format = format;
                options.fraction = Some(digits);
                options.offset = offset;
            });
            (format!("{format:?}, {digits} digits, {offset:?}"), case)
        })
    });
    agree(cases);
}

#[test]
fn odd_bytes_change_nothing() {
    let cases: [(&str, Change); 8] = [
        ("CR LF", |options| options.crlf = true),
        ("NUL", |options| options.nul_runs = true),
        ("NUL and CR LF", |options| {
            options.format = Format::Rfc3339;
            options.crlf = true;
            options.nul_runs = true;
        }),
        ("Latin-1", |options| options.encoding = Encoding::Latin1),
        ("escaped bytes", |options| {
            options.encoding = Encoding::Octal;
        }),
        ("Latin-1 in the journal", |options| {
            options.encoding = Encoding::Latin1;
            options.format = Format::Journal;
        }),
        ("cut in the stamp", |options| {
            options.seed = 31;
            options.cut_tail = true;
        }),
        ("cut in the text", |options| {
            options.seed = 32;
            options.cut_tail = true;
        }),
    ];
    agree(cases.map(|(what, change)| {
        let case = with(loggen::Options::small(30, 200), change);
        (what.to_owned(), case)
    }));
}

#[test]
fn folded_lines_count_as_often_as_they_say() {
    let formats = [
        Format::Rfc3164,
        Format::Rfc3339,
        Format::Rfc5424,
        Format::Solaris,
        Format::Journal,
    ];
    let cases = formats.iter().zip(10..).map(|(&format, seed)| {
        let case = with(loggen::Options::small(seed, 2_000), |options| {
            options.format = format;
            options.fold_repeats = true;
        });
        let (log, truth) = case.write();
        let folded = &truth["folded"];
        assert!(count(&folded["lines"]) > 0, "{format:?} folds no lines");
        // What stands for others is one line, and their number is said.
        let lines = &case.report(&log)["coverage"]["lines"];
        let beside = count(&folded["messages"]) - count(&folded["lines"]);
        assert_eq!(count(&lines["expanded"]), beside, "{format:?}");
        (format!("{format:?}"), case)
    });
    agree(cases.collect::<Vec<_>>());
}

#[test]
fn containers_change_nothing() {
    let formats = [
        Format::Rfc3164,
        Format::Rfc3339,
        Format::Rfc5424Data,
        Format::Solaris,
        Format::ShortFull,
        Format::ShortUnix,
    ];
    let cases = formats.iter().zip(20..).flat_map(|(&format, seed)| {
        [Container::Docker, Container::Cri].map(|container| {
            let case = with(loggen::Options::small(seed, 300), |options| {
                options.format = format;
                options.container = Some(container);
                options.fold_repeats = seed % 2 == 0;
            });
            (format!("{format:?} in {container:?}"), case)
        })
    });
    agree(cases);
}

/// Times at which stamps are hard to read: start (UTC), year of the first line.
const TIMES: [(&str, u64, i32); 4] = [
    // 24 October 2026, 20:00: the hour from two to three comes twice.
    ("clocks go back", 1_792_872_000, 2026),
    // 28 March 2026, 20:00: there is no hour from two to three.
    ("clocks go forward", 1_774_728_000, 2026),
    // 28 February 2028, 12:00.
    ("29 February", 1_835_352_000, 2028),
    // 31 December 2026, 12:00.
    ("New Year", 1_798_718_400, 2026),
];

#[test]
fn hard_times_are_read_right() {
    let formats = [
        Format::Rfc3164,
        Format::Rfc3339,
        Format::Journal,
        Format::ShortIso,
        Format::ShortFull,
        Format::ShortUnix,
    ];
    let cases = TIMES.iter().flat_map(|&(what, start, year)| {
        formats.map(|format| {
            let mut case = with(loggen::Options::small(40, 120), |options| {
                options.start = start;
                options.days = Some(1);
                options.zone = Zone::Berlin;
                options.format = format;
            });
            case.year = year;
            (format!("{what}, {format:?}"), case)
        })
    });
    agree(cases);
}

#[test]
fn a_log_cut_in_the_middle_of_things_keeps_its_truth() {
    let case = with(loggen::Options::small(5, 2_000), |options| {
        options.drain = false;
    });
    agree([("not drained".to_owned(), case)]);
}

const POSTFIX: [&str; 17] = [
    "2.3", "2.4", "2.5", "2.6", "2.7", "2.8", "2.9", "2.10", "2.11", "3.0", "3.2", "3.4", "3.6",
    "3.8", "3.10", "3.11", "3.12",
];
const DOVECOT: [&str; 11] = [
    "1.2", "2.0", "2.1", "2.2", "2.2.20", "2.2.36", "2.3", "2.3.10", "2.3.14", "2.3.21", "2.4",
];

fn all_kinds(options: &mut loggen::Options) {
    options.kinds = Kinds::All;
    // A catalogue in a small log is mostly catalogue.
    options.lines = options.lines.max(Some(9_000));
}

#[test]
fn every_postfix_tells_the_same() {
    let cases = POSTFIX.iter().zip(50..).map(|(version, seed)| {
        let case = with(loggen::Options::small(seed, 250), |options| {
            options.postfix_version = version.parse().ok();
        });
        (format!("Postfix {version}"), case)
    });
    agree(cases);
}

#[test]
fn every_dovecot_tells_the_same() {
    let cases = DOVECOT.iter().zip(70..).map(|(version, seed)| {
        let case = with(loggen::Options::small(seed, 300), |options| {
            options.dovecot_version = version.parse().ok();
            // So many that some have Sieve scripts.
            options.users = 60;
        });
        (format!("Dovecot {version}"), case)
    });
    agree(cases);
}

#[test]
fn every_kind_is_known_and_counts_as_intended() {
    let cases = (1..=2).map(|seed| {
        let case = with(loggen::Options::small(seed, 1_000), all_kinds);
        (format!("seed {seed}"), case)
    });
    agree(cases);
}

#[test]
fn every_kind_of_some_versions_counts_as_intended() {
    let pairs = [
        ("2.3", "1.2"),
        ("2.10", "2.1"),
        ("3.4", "2.3.5"),
        ("3.12", "2.4"),
    ];
    agree(pairs.map(|(postfix, dovecot)| {
        let case = with(loggen::Options::small(90, 600), |options| {
            all_kinds(options);
            options.postfix_version = postfix.parse().ok();
            options.dovecot_version = dovecot.parse().ok();
        });
        (format!("Postfix {postfix}, Dovecot {dovecot}"), case)
    }));
}

#[test]
fn a_difference_is_found() {
    let case = Case::new(loggen::Options::small(6, 100));
    let (log, truth) = case.write();
    let mut ours = case.report(&log);
    ours["totals"]["delivered"] = Value::from(1);
    let mut found = Vec::new();
    differences(&truth, &ours, "", &mut found);
    assert_eq!(found.len(), 1, "{found:?}");
    let mut kinds = case.kinds(&log);
    assert!(kind_differences(&truth["kinds"], &kinds, 0).is_empty());
    kinds.remove("qmgr_active");
    kinds.insert("unclassified".to_owned(), 1);
    assert_eq!(kind_differences(&truth["kinds"], &kinds, 0).len(), 2);
}

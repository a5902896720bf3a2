//! A packed log gives the report of the plain one, and several that of several, also where something was
//! guessed wrong and they are read again; what there is to say is said once.
#![cfg(test)]

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use assert_cmd::Command;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Lines of these days, a thousand bytes each, so that the first day fills what is looked at first.
fn log(days: &[(&str, usize)]) -> Vec<u8> {
    let filler = "x".repeat(900);
    let mut log = Vec::new();
    for (day, lines) in days {
        for line in 0..*lines {
            let (minute, second) = (line / 60, line % 60);
            let text = format!("{line:X}ABCDEF: client=mx.example.net[192.0.2.1], {filler}");
            let _ = writeln!(
                log,
                "{day} 00:{minute:02}:{second:02} mx1 postfix/smtpd[7]: {text}"
            );
        }
    }
    log
}

/// What a run prints of a log of this name in a folder: status, stdout and stderr.
fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::cargo_bin("mailtally")
        .unwrap()
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Prints the same of a plain log and of a packed one, which have the same name; returns that.
fn agrees(log: &[u8], arguments: &[&str]) -> (Option<i32>, String, String) {
    all_agree(&[("mail.log-20270110", log)], arguments)
}

/// The same for several logs with their names.
fn all_agree(logs: &[(&str, &[u8])], arguments: &[&str]) -> (Option<i32>, String, String) {
    let (plain, packed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut arguments = arguments.to_vec();
    for (name, log) in logs {
        fs::write(plain.path().join(name), log).unwrap();
        let file = File::create(packed.path().join(name)).unwrap();
        let mut encoder = GzEncoder::new(file, Compression::none());
        encoder.write_all(log).unwrap();
        encoder.finish().unwrap();
        arguments.push(name);
    }
    let (status, report, said) = run(plain.path(), &arguments);
    // Only in a plain log is a range looked for by jumping about.
    let is_of_both = |line: &&str| !line.contains("read whole");
    let said: String = said.split_inclusive('\n').filter(is_of_both).collect();
    let expected = (status, report, said);
    assert_eq!(run(packed.path(), &arguments), expected, "{arguments:?}");
    expected
}

const LOGS: [&[(&str, usize)]; 4] = [
    // As most are.
    &[("Nov  1", 300), ("Nov 30", 3)],
    &[("Dec 20", 300), ("Jan  1", 3)],
    // Longer than a year, once and twice.
    &[("Jan  5", 300), ("Nov  1", 3), ("Jan  7", 3)],
    &[
        ("Jan  5", 300),
        ("Nov  1", 3),
        ("Jan  7", 3),
        ("Nov  1", 3),
        ("Jan  8", 3),
    ],
];

#[test]
fn a_packed_log_gives_the_report_of_the_plain_one() {
    for (days, first) in LOGS
        .iter()
        .zip(["2026-11-01", "2026-12-20", "2026-01-05", "2025-01-05"])
    {
        let log = log(days);
        let (status, report, said) = agrees(&log, &["report", "--sections", "totals"]);
        assert_eq!((status, &said[..]), (Some(0), ""));
        assert!(report.contains(first), "{first}: {report}");
        agrees(&log, &["report", "--date", "2026-01-05"]);
    }
}

#[test]
fn a_log_that_is_read_again_gives_the_same_in_every_way() {
    let log = log(LOGS[2]);
    agrees(&log, &["report", "--format", "json", "--threads", "1"]);
    agrees(&log, &["report", "--format", "json", "--threads", "2"]);
    agrees(&log, &["report", "--year", "2031"]);
    agrees(&log, &["report", "--where", "kind=smtpd_client"]);
    agrees(&log, &["events"]);
}

#[test]
fn what_is_odd_is_said_once_also_where_a_log_is_read_again() {
    let mut log = log(&[("Jan  5", 0)]);
    for day in ["Jan  5", "Nov  1", "Jan  7"] {
        let filler = "x".repeat(900);
        for line in 0..300 {
            let _ = writeln!(log, "{day} 00:00:00 mx1 cron[{line}]: {filler}");
        }
    }
    let (status, report, said) = agrees(&log, &["report", "--sections", "coverage"]);
    assert_eq!(status, Some(2));
    assert_eq!(said.matches("is this a mail log?").count(), 1, "{said}");
    assert!(report.contains("900"), "{report}");
}

#[test]
fn several_packed_logs_give_the_report_of_plain_ones() {
    let weeks: [&[(&str, usize)]; 4] = [
        &[("Dec 20", 300), ("Dec 27", 20)],
        &[("Dec 28", 300), ("Jan  3", 20)],
        &[("Jan  4", 300), ("Jan  9", 20)],
        // Begins before the one above ends.
        &[("Jan  8", 300), ("Jan 10", 20)],
    ];
    let logs = weeks.map(log);
    let names = ["20261228", "20270104", "20270110", "20270111"];
    let names = names.map(|day| format!("mail.log-{day}"));
    for count in [2, 3, 4] {
        let named: Vec<(&str, &[u8])> = names
            .iter()
            .zip(&logs)
            .take(count)
            .map(|(name, log)| (name.as_str(), log.as_slice()))
            .collect();
        for threads in ["1", "2"] {
            let report = ["report", "--format", "json", "--threads", threads];
            let (status, ..) = all_agree(&named, &report);
            assert_eq!(status, Some(0));
        }
        all_agree(&named, &["report", "--year", "2031"]);
        all_agree(&named, &["report", "--date", "2026-12-28"]);
        all_agree(&named, &["events"]);
    }
}

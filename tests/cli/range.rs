//! `--date`, `--since`, `--until`: which lines count, and what is said about a range.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::support::{
    Folder, GOOD, command, finish, first_difference, lab_lines, lab_log, mailtally,
    mailtally_reading,
};

/// A mail that comes in before midnight and is gone behind it, and a line that goes on below.
const MIDNIGHT: &str = "\
Nov 20 23:59:58 mx1 postfix/smtpd[101]: 4F1A22C0D9E: client=mail.example.net[198.51.100.7]
Nov 20 23:59:58 mx1 postfix/cleanup[102]: 4F1A22C0D9E: message-id=<1@example.net>
Nov 20 23:59:59 mx1 postfix/qmgr[103]: 4F1A22C0D9E: from=<a@example.net>, size=1234, nrcpt=1 (queue active)
Nov 21 00:00:00 mx1 postfix/smtp[104]: 4F1A22C0D9E: to=<b@example.com>, relay=mx.example.com[192.0.2.1]:25, delay=2, delays=1/0/0/1, dsn=2.0.0, status=sent (250 ok)
\tgoes on in a line without a stamp
Nov 21 00:00:01 mx1 postfix/qmgr[103]: 4F1A22C0D9E: removed
";

fn report(arguments: &str, log: &std::path::Path) -> Value {
    let arguments = format!("report --format json --year 2026 {arguments}");
    mailtally(&arguments, &[log]).expect_status(0).json()
}

#[test]
fn a_date_takes_exactly_the_lines_stamped_within_it() {
    let folder = Folder::new();
    let log = folder.file("mail.log", MIDNIGHT);
    for (arguments, read, foreign, received, delivered, at_start, at_end) in [
        ("--date 2026-11-20", 3, 0, 1, 0, 0, 1),
        ("--date 2026-11-21", 3, 1, 0, 1, 1, 0),
        ("--date 2026-11", 6, 1, 1, 1, 0, 0),
        ("--date ..2026-11-20", 3, 0, 1, 0, 0, 1),
        ("--date 2026-11-21..", 3, 1, 0, 1, 1, 0),
        ("--date 2026-11-20..2026-11-21", 6, 1, 1, 1, 0, 0),
        ("--date yesterday --now 2026-11-21T09:00", 3, 0, 1, 0, 0, 1),
        ("--date today --now 2026-11-21T09:00", 3, 1, 0, 1, 1, 0),
        ("--date this-week --now 2026-11-21T09:00", 6, 1, 1, 1, 0, 0),
        ("--since 2026-11-21", 3, 1, 0, 1, 1, 0),
        ("--until 2026-11-21", 3, 0, 1, 0, 0, 1),
        (
            "--since 2026-11-20T23:59:59 --until 2026-11-21T00:00:01",
            3,
            1,
            0,
            1,
            1,
            1,
        ),
        ("--since 1h --now 2026-11-21T01:00:00", 3, 1, 0, 1, 1, 0),
    ] {
        let report = report(arguments, &log);
        let lines = &report["coverage"]["lines"];
        assert_eq!(lines["read"], read, "{arguments}");
        assert_eq!(lines["foreign"], foreign, "{arguments}");
        assert_eq!(lines["filtered"], 0, "{arguments}");
        assert_eq!(report["totals"]["received"], received, "{arguments}");
        assert_eq!(report["totals"]["delivered"], delivered, "{arguments}");
        let messages = &report["messages"];
        assert_eq!(messages["open_at_start"], at_start, "{arguments}");
        assert_eq!(messages["open_at_end"], at_end, "{arguments}");
    }
}

#[test]
fn the_head_names_the_range_asked_for() {
    let folder = Folder::new();
    let log = folder.file("mail.log", MIDNIGHT);
    let run = mailtally(
        "--year 2026 --date yesterday --now 2026-11-21T09:00",
        &[&log],
    );
    let row = "asked for  from 2026-11-20 00:00:00 to before 2026-11-21 00:00:00 (yesterday)";
    assert!(run.stdout.contains(row), "{run}");
    let report = report("--since 2026-11-21", &log);
    let expected = json!({
        "asked": "since 2026-11-21", "since": "2026-11-21T00:00:00", "until": null
    });
    assert_eq!(report["meta"]["range"], expected);
    let whole = report_of_all(&log);
    assert_eq!(whole["meta"]["range"], Value::Null);
}

fn report_of_all(log: &std::path::Path) -> Value {
    report("", log)
}

/// The time of day of a line of the laboratory's log.
fn time_of_day(line: &str) -> &str {
    line.get(7..15).unwrap()
}

/// What a report says about the lines, its head left out.
fn figures(mut report: Value) -> Value {
    report.as_object_mut().unwrap().remove("meta");
    report
}

#[test]
fn a_part_of_a_log_reports_what_a_log_of_that_part_does() {
    let lines = lab_lines();
    let bytes: usize = lines.iter().map(String::len).sum();
    assert!(bytes > 256 << 10, "the range is found by bisecting");
    let folder = Folder::new();
    let (first, last) = (time_of_day(&lines[900]), time_of_day(&lines[2100]));
    let is_within = |line: &&String| (first..last).contains(&time_of_day(line));
    let within: String = lines.iter().filter(is_within).map(String::as_str).collect();
    assert!(within.lines().count() > 500);
    let part = folder.file("part.log", &within);
    let arguments = format!("--since 2026-11-21T{first} --until 2026-11-21T{last}");
    let expected = figures(report_of_all(&part));
    let found = figures(report(&arguments, &lab_log()));
    if let Some(difference) = first_difference(&found, &expected) {
        panic!("{difference}");
    }
    let packed = folder.path().join("mail.log.gz");
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(lines.concat().as_bytes()).unwrap();
    fs::write(&packed, packer.finish().unwrap()).unwrap();
    assert_eq!(figures(report(&arguments, &packed)), expected, "packed");
    let arguments = format!("report --format json --year 2026 {arguments} -");
    let fed = mailtally_reading(&arguments, lines.concat().as_bytes()).expect_status(0);
    assert_eq!(figures(fed.json()), expected, "from standard input");
}

#[test]
fn events_and_coverage_take_ranges_too() {
    let folder = Folder::new();
    let log = folder.file("mail.log", MIDNIGHT);
    let run = mailtally("events --year 2026 --date 2026-11-21", &[&log]).expect_status(0);
    let kinds: Vec<Value> = run
        .json_lines()
        .iter()
        .map(|event| event["kind"].clone())
        .collect();
    assert_eq!(kinds, ["delivery", "qmgr_removed"]);
    let run = mailtally(
        "coverage --format json --year 2026 --date 2026-11-20",
        &[&log],
    );
    assert_eq!(run.expect_status(0).json()["lines"]["read"], 3);
    let run = mailtally("events --follow --since 2h", &[&log]).expect_status(2);
    assert_eq!(run.stdout, "");
    assert_eq!(run.stderr.lines().count(), 1, "{run}");
    assert!(run.stderr.contains("--follow has no end"), "{run}");
}

#[test]
fn the_zone_decides_what_day_it_is() {
    let folder = Folder::new();
    let log = folder.file(
        "mail.log",
        "2026-11-20T23:30:00Z mx1 postfix/qmgr[103]: 4F1A22C0D9E: removed\n\
         2026-11-21T23:30:00Z mx1 postfix/qmgr[103]: 4F1A22C0D9F: removed\n",
    );
    for (tz, id) in [("Europe/Berlin", "4F1A22C0D9E"), ("UTC", "4F1A22C0D9F")] {
        let arguments = format!("events --tz {tz} --date 2026-11-21");
        let run = mailtally(&arguments, &[&log]).expect_status(0);
        let events = run.json_lines();
        assert_eq!(events.len(), 1, "{tz}");
        assert_eq!(events[0]["queue_id"], id, "{tz}");
    }
    // What was two hours ago is the same moment everywhere.
    for tz in ["Europe/Berlin", "UTC", "Asia/Kolkata"] {
        let arguments = format!("events --tz {tz} --since 2h --now 2026-11-22T00:00Z");
        let run = mailtally(&arguments, &[&log]).expect_status(0);
        assert_eq!(run.json_lines()[0]["queue_id"], "4F1A22C0D9F", "{tz}");
    }
}

#[test]
fn a_mistake_is_one_line_with_the_nearest_spelling() {
    let folder = Folder::new();
    let log = folder.file("mail.log", GOOD);
    for (flag, value, part) in [
        ("--date", "yesteday", "did you mean yesterday?"),
        ("--date", "last weak", "did you mean 'last week'?"),
        ("--date", "2026/11/20", "did you mean 2026-11-20?"),
        ("--date", "2026-02-30", "did you mean 2026-02-28?"),
        ("--since", "2 fortnights", "2h"),
        ("--until", "2026-13-01", "did you mean 2026-12?"),
        ("--now", "soon", "is no date"),
    ] {
        for subcommand in ["report", "events", "coverage"] {
            let run =
                finish(command().args([subcommand, flag, value]).arg(&log), b"").expect_status(2);
            assert_eq!(run.stdout, "");
            assert_eq!(run.stderr.lines().count(), 1, "{run}");
            assert!(
                run.stderr.contains(flag) && run.stderr.contains(part),
                "{run}"
            );
        }
    }
}

#[test]
fn silence_is_said_and_is_a_failure_where_the_logs_do_not_reach() {
    let folder = Folder::new();
    let log = folder.file("mail.log", GOOD);
    for (arguments, status) in [
        // Rotated away, or logging stopped.
        ("--date 2026-11-20", 2),
        ("--date yesterday --now 2026-11-23T09:00", 2),
        // A quiet time.
        ("--since 2026-11-21T09:00 --until 2026-11-21T10:00:00", 2),
        ("--since 10m --now 2026-11-21T12:00", 0),
        ("--date today --now 2026-11-22T00:00:30", 0),
    ] {
        for subcommand in ["report", "events", "coverage"] {
            let arguments = format!("{subcommand} --year 2026 {arguments}");
            let run = mailtally(&arguments, &[&log]).expect_status(status);
            assert_eq!(run.stderr.lines().count(), 1, "{run}");
            let said = "the logs go from 2026-11-21 10:00:00 to 2026-11-21 10:00:02";
            assert!(run.stderr.contains(said), "{run}");
            assert_eq!(
                run.stdout.contains("nothing was logged"),
                subcommand != "events",
                "{run}"
            );
        }
    }
}

#[test]
fn the_journal_is_read_from_and_to_the_limits() {
    let folder = Folder::new();
    let program = folder.file(
        "journalctl",
        "#!/bin/sh\necho \"$*\" > \"$ARGUMENTS\"\n\
         echo '{\"__REALTIME_TIMESTAMP\":\"1795176000000000\",\"_HOSTNAME\":\"mx1\",\
         \"SYSLOG_IDENTIFIER\":\"postfix/qmgr\",\"MESSAGE\":\"4F1A22C0D9E: removed\"}'\n",
    );
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let arguments = folder.path().join("arguments");
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let run = finish(
        command()
            .args(["events", "--journal", "--date", "2026-11-20"])
            .env("PATH", path)
            .env("ARGUMENTS", &arguments),
        b"",
    )
    .expect_status(0);
    assert_eq!(run.json_lines().len(), 1, "{run}");
    let given = fs::read_to_string(arguments).unwrap();
    // 65 minutes more on both sides, for clocks that step.
    assert!(
        given.contains("--since=@1795128900 --until=@1795223100"),
        "{given}"
    );
}

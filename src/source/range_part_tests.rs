//! What bisecting must get right besides the order of lines: years, disorder, odd files.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::range::TimeRange;
use super::*;

/// Writes a log, last written to on this day.
fn write(folder: &Path, bytes: impl AsRef<[u8]>, modified: &str) -> PathBuf {
    let path = folder.join("mail.log");
    fs::write(&path, bytes).unwrap();
    let since_1970 = u64::try_from(noon(modified).and_utc().timestamp()).unwrap();
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(since_1970);
    let file = File::options().write(true).open(&path).unwrap();
    file.set_modified(modified).unwrap();
    path
}

fn noon(day: &str) -> NaiveDateTime {
    let day: NaiveDate = day.parse().unwrap();
    day.and_hms_opt(12, 0, 0).unwrap()
}

/// Lines of so many days from this one on, so many a day, with stamps without a year.
fn lines(from: &str, days: i64, per_day: i64) -> String {
    let midnight = noon(from) - TimeDelta::hours(12);
    let line = |number: i64| {
        let (day, of_day) = (number / per_day, number % per_day);
        let time = midnight + TimeDelta::days(day) + TimeDelta::seconds(of_day * 86_400 / per_day);
        let stamp = time.format("%b %e %H:%M:%S");
        format!(
            "{stamp} mx1 postfix/qmgr[1]: {from} {number} {}\n",
            "x".repeat(60)
        )
    };
    (0..days * per_day).map(line).collect()
}

/// Asks for the days from one to another, to be found by bisecting.
fn options(first: &str, last: &str) -> Options {
    let us = |day: &str| {
        (noon(day) - TimeDelta::hours(12))
            .and_utc()
            .timestamp_micros()
    };
    let end_us = us(last) + 86_400_000_000;
    Options {
        tz: Some(chrono_tz::UTC),
        range: Some(TimeRange::of_wall(Some(us(first)), Some(end_us))),
        bisect_bytes: 0,
        ..Options::default()
    }
}

fn count_lines(chunk: &Chunk) -> usize {
    let mut lines = chunk.records();
    let mut count = 0;
    while lines.next().is_some() {
        count += 1;
    }
    count
}

fn read(input: Input, first: &str, last: &str) -> (Vec<String>, Vec<Notice>) {
    let mut chunks = read_all(vec![input], &options(first, last));
    let mut found = Vec::new();
    for chunk in &mut chunks {
        let mut lines = chunk.records();
        while let Some(line) = lines.next() {
            let time = line.time.map(|time| time.to_rfc3339()).unwrap_or_default();
            found.push(format!("{time} {}", String::from_utf8_lossy(line.raw)));
        }
    }
    assert!(chunks.problems().is_empty(), "{:?}", chunks.problems());
    (found, chunks.notices().to_vec())
}

fn count(path: &Path, first: &str, last: &str) -> usize {
    let (found, notices) = read(Input::File(path.into()), first, last);
    assert!(notices.is_empty(), "{notices:?}");
    found.len()
}

#[test]
fn weeks_in_the_wrong_order_are_read_whole_and_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let weeks = ["2026-11-15", "2026-11-01", "2026-11-08"];
    let text: String = weeks.iter().map(|week| lines(week, 7, 100)).collect();
    let path = write(folder.path(), &text, "2026-11-22");
    for (first, last, expected) in [
        ("2026-11-02", "2026-11-02", 100),
        ("2026-11-14", "2026-11-15", 200),
        ("2026-11-21", "2026-11-21", 100),
    ] {
        let (found, notices) = read(Input::File(path.clone()), first, last);
        assert_eq!(found.len(), expected, "{first}");
        let [Notice::ReadWhole { path: named, at }] = &notices[..] else {
            panic!("{notices:?}")
        };
        assert_eq!(*named, path);
        assert!(usize::try_from(*at).unwrap() >= text.len() / 3, "{at}");
    }
}

/// Four days of 100 lines an hour; on the second one, at half past one, the clock is put back.
fn put_back(hours: usize) -> String {
    let days = lines("2026-11-15", 4, 2400);
    let line = |number: usize| days.match_indices('\n').nth(number - 1).unwrap().0 + 1;
    let half_past_one = 2400 + 150;
    let (before, behind) = (line(half_past_one), line(half_past_one - hours * 100));
    format!("{}{}", &days[..before], &days[behind..])
}

#[test]
fn a_clock_that_is_put_back_costs_no_lines() {
    let folder = tempfile::tempdir().unwrap();
    let mut are_whole = 0;
    for hours in 1..=12 {
        let path = write(folder.path(), put_back(hours), "2026-11-22");
        // Of the second day up to half past one, all lines or the last ones stand there twice.
        let again = (hours * 100).min(150);
        for (day, expected) in [
            ("2026-11-15", 2400 + hours * 100 - again),
            ("2026-11-16", 2400 + again),
            ("2026-11-17", 2400),
        ] {
            let (found, notices) = read(Input::File(path.clone()), day, day);
            assert_eq!(found.len(), expected, "{day}, {hours} hours");
            assert!(hours > 1 || notices.is_empty(), "{notices:?}");
            are_whole += notices.len();
        }
    }
    assert!(
        are_whole > 0,
        "clocks that are put back further are seen now and then"
    );
}

#[test]
fn counts_the_years_of_a_log_that_is_never_rotated() {
    let folder = tempfile::tempdir().unwrap();
    let text = lines("2023-06-01", 1270, 20);
    let path = write(folder.path(), &text, "2026-11-22");
    for (first, last, expected) in [
        ("2023-06-01", "2023-06-01", 20),
        ("2023-12-31", "2024-01-01", 40),
        ("2024-02-28", "2024-03-01", 60),
        ("2025-06-01", "2025-06-30", 600),
        ("2026-11-20", "2026-11-30", 40),
        ("2022-01-01", "2023-05-31", 0),
        ("2026-11-22", "2027-12-31", 0),
    ] {
        assert_eq!(count(&path, first, last), expected, "{first} {last}");
    }
}

#[test]
fn a_leap_day_between_two_places_tells_the_year() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        lines("2028-02-28", 1, 4000) + &lines("2028-02-29", 1, 3) + &lines("2028-03-01", 1, 4000);
    let path = write(folder.path(), &text, "2031-06-01");
    assert_eq!(count(&path, "2028-02-29", "2028-02-29"), 3);
    assert_eq!(count(&path, "2028-03-01", "2028-03-01"), 4000);
    let text =
        lines("2027-12-28", 63, 30) + &lines("2028-02-29", 1, 3) + &lines("2028-03-01", 1, 4000);
    let path = write(folder.path(), &text, "2031-06-01");
    assert_eq!(count(&path, "2027-12-31", "2027-12-31"), 30);
    assert_eq!(count(&path, "2028-02-29", "2028-02-29"), 3);
}

#[test]
fn lines_longer_than_what_is_looked_at_are_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    let long = |day: u8| {
        format!(
            "Nov {day} 12:00:00 mx1 postfix/qmgr[1]: {}\n",
            "x".repeat(300_000)
        )
    };
    let text: String = (10..20).map(long).collect();
    let path = write(folder.path(), &text, "2026-11-22");
    assert_eq!(count(&path, "2026-11-10", "2026-11-10"), 1);
    assert_eq!(count(&path, "2026-11-13", "2026-11-15"), 3);
    assert_eq!(count(&path, "2026-11-19", "2026-11-22"), 1);
}

#[test]
fn files_without_stamps_or_without_bytes_give_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["", "\n", "no stamp\n", &"no stamp here\n".repeat(20_000)] {
        let path = write(folder.path(), text, "2026-11-22");
        let (found, _) = read(Input::File(path), "2026-11-10", "2026-11-20");
        assert_eq!(found, Vec::<String>::new(), "{} bytes", text.len());
    }
}

#[test]
fn a_packed_file_outside_of_the_range_is_not_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    let plain = lines("2026-11-01", 20, 1500);
    let stated = plain
        .replace("Nov ", "2026-11-")
        .replace("2026-11- ", "2026-11-0");
    let stated = stated.replace(" mx1", "Z mx1");
    let stated: String = stated
        .lines()
        .map(|line| format!("{}T{}\n", &line[..10], &line[11..]))
        .collect();
    for (text, first, last, is_read) in [
        (&plain, "2026-11-25", "2026-11-26", false),
        (&plain, "2026-11-01", "2026-11-02", true),
        (&stated, "2026-11-25", "2026-11-26", false),
        (&stated, "2026-10-01", "2026-10-30", false),
        (&stated, "2026-10-01", "2026-11-01", true),
    ] {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(text.as_bytes()).unwrap();
        let mut packed = packer.finish().unwrap();
        assert!(text.len() > 2 << 20, "more than the first look unpacks");
        packed.truncate(packed.len() - 100);
        // Who unpacks all of it finds that the end is missing.
        let path = write(folder.path(), &packed, "2026-11-22");
        let mut chunks = read_all(vec![Input::File(path)], &options(first, last));
        let lines: usize = chunks.by_ref().map(|chunk| count_lines(&chunk)).sum();
        assert_eq!(!chunks.problems().is_empty(), is_read, "{first}");
        assert!(is_read || lines == 0);
    }
}

#[test]
fn the_journal_is_asked_for_the_range_and_a_little_around_it() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("journalctl");
    // 2026-11-20T12:00:00Z, and a second after the range.
    let entry = |seconds: u64| {
        format!(
            r#"{{"__REALTIME_TIMESTAMP":"{seconds}000000","MESSAGE":"'"$*"'","_HOSTNAME":"mx1"}}"#
        )
    };
    let script = format!(
        "#!/bin/sh\necho '{}'\necho '{}'\n",
        entry(1_795_176_000),
        entry(1_795_219_200)
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let journal = Input::Journal {
        program: program.into(),
        since: None,
        until: None,
    };
    let (found, _) = read(journal, "2026-11-20", "2026-11-20");
    let [line] = &found[..] else {
        panic!("{found:?}")
    };
    // 65 minutes before midnight, and 65 minutes behind the next one.
    let (since, until) = (1_795_132_800 - 3900, 1_795_219_200 + 3900);
    assert!(
        line.contains(&format!("--since=@{since} --until=@{until} ")),
        "{line}"
    );
}

/// Reads `mail.log` of a folder, and returns how many lines of which day there were.
fn read_with_siblings(folder: &Path, first: &str, last: &str) -> (usize, Vec<Notice>) {
    let (found, notices) = read(Input::File(folder.join("mail.log")), first, last);
    (found.len(), notices)
}

#[test]
fn rotated_siblings_are_read_as_far_as_the_range_reaches() {
    let folder = tempfile::tempdir().unwrap();
    let name = |name: &str| folder.path().join(name);
    for (sibling, from, modified) in [
        ("mail.log.3", "2026-10-25", "2026-11-01"),
        ("mail.log.2", "2026-11-01", "2026-11-08"),
        ("mail.log.1", "2026-11-08", "2026-11-15"),
        ("mail.log", "2026-11-15", "2026-11-22"),
    ] {
        let path = write(folder.path(), lines(from, 7, 100), modified);
        fs::rename(path, name(sibling)).unwrap();
    }
    // Another log that begins alike.
    fs::write(name("mail.log.err"), lines("2026-11-08", 7, 100)).unwrap();
    for (first, last, count, added) in [
        ("2026-11-15", "2026-11-15", 100, &[][..]),
        ("2026-11-14", "2026-11-15", 200, &["mail.log.1"]),
        (
            "2026-11-02",
            "2026-11-02",
            100,
            &["mail.log.1", "mail.log.2"],
        ),
        (
            "2026-11-07",
            "2026-11-21",
            1500,
            &["mail.log.1", "mail.log.2"],
        ),
        (
            "2026-10-01",
            "2026-11-21",
            2800,
            &["mail.log.1", "mail.log.2", "mail.log.3"],
        ),
    ] {
        let (lines, notices) = read_with_siblings(folder.path(), first, last);
        assert_eq!(lines, count, "{first} {last}");
        let added: Vec<PathBuf> = added.iter().map(|sibling| name(sibling)).collect();
        let path = name("mail.log");
        let expected = (!added.is_empty()).then_some(Notice::Siblings { path, added });
        assert_eq!(notices, Vec::from_iter(expected), "{first} {last}");
    }
    // Just after its rotation a log is empty.
    fs::write(name("mail.log"), "").unwrap();
    let (lines, _) = read_with_siblings(folder.path(), "2026-11-14", "2026-11-15");
    assert_eq!(lines, 100);
    // A sibling that is named is not read twice.
    let inputs = vec![
        Input::File(name("mail.log.1")),
        Input::File(name("mail.log.2")),
    ];
    let mut chunks = read_all(inputs, &options("2026-11-02", "2026-11-09"));
    let lines: usize = chunks.by_ref().map(|chunk| count_lines(&chunk)).sum();
    assert_eq!(lines, 800);
    assert!(chunks.notices().is_empty(), "{:?}", chunks.notices());
}

//! What a range costs: of a month of log, one day's bytes and a little more are read.
//!
//! The kernel counts what this process reads, so there is one test in this file, and no other
//! thread that reads.
#![cfg(test)]

mod bytes_read;
mod skipped;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use bytes_read::bytes_read;
use mailtally::source::{Input, Options, TimeRange, read_all};
use skipped::skip;

const DAY_US: i64 = 86_400_000_000;
/// 2026-11-01T00:00 on the wall clock.
const NOVEMBER_US: i64 = 20_758 * DAY_US;
/// How many lines are logged in each hour of a day: few by night, as on any mail server.
const LINES_PER_HOUR: [usize; 24] = [
    200, 150, 150, 150, 200, 300, 500, 900, 1500, 1800, 1700, 1600, 1500, 1600, 1700, 1600, 1500,
    1200, 900, 700, 600, 500, 400, 300,
];

/// Writes November; returns how many bytes each day has.
fn write_month(path: &Path) -> u64 {
    let mut day = String::new();
    for (hour, lines) in LINES_PER_HOUR.iter().enumerate() {
        for line in 0..*lines {
            let second = line * 3600 / lines;
            let (minute, second) = (second / 60, second % 60);
            let filler = "x".repeat(line % 140);
            day += &format!(
                "Nov DD {hour:02}:{minute:02}:{second:02} mx1 postfix/qmgr[77]: 4F1{line:05X}: {filler}\n"
            );
        }
    }
    let mut file = BufWriter::new(File::create(path).unwrap());
    for number in 1..=30 {
        let text = day.replace("Nov DD", &format!("Nov {number:2}"));
        file.write_all(text.as_bytes()).unwrap();
    }
    file.flush().unwrap();
    u64::try_from(day.len()).unwrap()
}

/// Reads a file, and returns how many lines there were in the range, and how many bytes it cost.
fn read(path: &Path, bisect_bytes: u64) -> Option<(usize, u64)> {
    let day_us = NOVEMBER_US + 19 * DAY_US;
    let options = Options {
        tz: Some(chrono_tz::UTC),
        range: Some(TimeRange::of_wall(Some(day_us), Some(day_us + DAY_US))),
        bisect_bytes,
        year: Some(2026),
        ..Options::default()
    };
    let before = bytes_read()?;
    let mut lines = 0;
    for chunk in read_all(vec![Input::File(path.into())], &options) {
        let mut records = chunk.records();
        while records.next().is_some() {
            lines += 1;
        }
    }
    Some((lines, bytes_read()? - before))
}

#[test]
fn a_day_of_a_month_costs_that_days_bytes_and_a_tenth() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    let day_bytes = write_month(&path);
    let Some((lines, cost)) = read(&path, Options::default().bisect_bytes) else {
        return skip("the kernel does not count what is read: /proc/self/io is missing");
    };
    assert_eq!(lines, LINES_PER_HOUR.iter().sum::<usize>());
    assert!(
        cost >= day_bytes,
        "{cost} bytes cannot hold a day of {day_bytes}"
    );
    assert!(
        cost <= day_bytes + day_bytes / 10,
        "{cost} bytes read for a day of {day_bytes}"
    );
    println!("{cost} bytes read for a day of {day_bytes}");
    let (lines, whole) = read(&path, u64::MAX).unwrap();
    assert_eq!(lines, LINES_PER_HOUR.iter().sum::<usize>());
    assert!(whole >= 30 * day_bytes, "the counter counts");
}

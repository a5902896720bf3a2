//! What rotated logs cost: each is read once, though the next one begins in the second in which it ends.
//!
//! The kernel counts what this process reads, so there is one test in this file, and no other
//! thread that reads.
#![cfg(test)]

mod bytes_read;
mod skipped;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use bytes_read::bytes_read;
use mailtally::source::{Input, Options, read_all};
use skipped::skip;

/// How many seconds of a day have a line, from midnight on.
const LINES: usize = 60_000;

/// Writes three logs of a day each, which end in the first second of the next one; tells how many
/// bytes they have.
fn write_logs(folder: &Path) -> (Vec<Input>, u64) {
    let mut bytes = 0;
    let inputs = (0..3).map(|log| {
        let mut text = String::new();
        for line in 0..=LINES {
            let (day, second) = (20 + log + line / LINES, line % LINES);
            let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
            let _ = writeln!(
                text,
                "Nov {day} {hour:02}:{minute:02}:{second:02} mx1 postfix/qmgr[77]: 4F1{log}{line:05X}: removed"
            );
        }
        bytes += text.len() as u64;
        let path = folder.join(format!("mail.log.{log}"));
        fs::write(&path, text).unwrap();
        Input::File(path)
    });
    (inputs.collect(), bytes)
}

#[test]
fn logs_that_meet_in_one_second_are_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let (inputs, bytes) = write_logs(folder.path());
    let options = Options {
        year: Some(2026),
        ..Options::default()
    };
    let Some(before) = bytes_read() else {
        return skip("the kernel does not count what is read: /proc/self/io is missing");
    };
    let mut lines = 0;
    for chunk in read_all(inputs, &options) {
        let mut records = chunk.records();
        while records.next().is_some() {
            lines += 1;
        }
    }
    let cost = bytes_read().unwrap() - before;
    assert_eq!(lines, 3 * (LINES + 1));
    // Of each both ends are looked at first, and what is left between two places.
    let looks = 3 * (768 << 10);
    assert!(
        cost <= bytes + looks + bytes / 10,
        "{cost} bytes read of {bytes}"
    );
    println!("{cost} bytes read of {bytes}");
}

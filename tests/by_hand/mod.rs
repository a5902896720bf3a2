//! Logs written by hand, and what is counted of them.

use mailtally::tally::totals::Totals;
use mailtally::tally::{Tally, Windows};
use mailtally_parsers::Record;

/// Reads a stamp's time of day; all logs here are of one day, the 21st.
pub(crate) fn wall_us(record: &Record<'_>) -> i64 {
    let stamp = &record.timestamp;
    let secs = (i64::from(stamp.day) * 24 + i64::from(stamp.hour)) * 3_600
        + i64::from(stamp.minute) * 60
        + i64::from(stamp.second);
    secs * 1_000_000
}

pub(crate) fn absorb(tally: &mut Tally, lines: &[&str]) {
    for line in lines {
        let line = format!("Nov 21 {line}");
        match Record::parse(line.as_bytes()) {
            Some(record) => tally.line(&record, wall_us(&record)),
            None => panic!("no envelope: {line}"),
        }
    }
}

/// Counts a log, whole and cut at every place. A line is `HH:MM:SS host tag: message`.
pub(crate) fn totals(log: &str) -> Totals {
    let lines: Vec<&str> = log.lines().filter(|line| !line.is_empty()).collect();
    let mut whole = Tally::anchored(Windows::default());
    absorb(&mut whole, &lines);
    let whole = whole.finish();
    assert_eq!(
        whole.coverage.lines.unparsed, 0,
        "{:?}",
        whole.coverage.unparsed_shapes
    );
    for cut in 0..=lines.len() {
        let mut left = Tally::anchored(Windows::default());
        absorb(&mut left, &lines[..cut]);
        let mut right = Tally::part(Windows::default());
        absorb(&mut right, &lines[cut..]);
        left.merge(right);
        assert!(
            left.finish() == whole,
            "a cut before line {cut} changes the totals"
        );
    }
    whole
}

/// A value as one line of JSON, without the quotes: easy to write, easy to compare.
pub(crate) fn brief<T: serde::Serialize>(row: &T) -> String {
    serde_json::to_string(row).unwrap().replace('"', "")
}

pub(crate) fn briefs<T: serde::Serialize>(rows: &[T]) -> Vec<String> {
    rows.iter().map(brief).collect()
}

//! Any bytes as a file: whatever the size of the chunks, the totals are the same, and every line is
//! in one class.
//!
//! The law of merging holds for logs in which no queue id is born again while its earlier life is
//! open; other logs count such lives as `superseded`. Nor does it hold where a process or a mail
//! speaks again after the silence that made it lost. There only the accounts must be the same.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use libfuzzer_sys::fuzz_target;
use mailtally::source::{Input, Options, read_all};
use mailtally::tally::totals::Totals;
use mailtally::tally::{Tally, Windows};
use mailtally_parsers::Event;

/// Small, so that a few lines reach beyond them.
const WINDOWS: Windows = Windows {
    late: 6,
    hop: 20,
    max_open: 1_000_000,
};

/// A session that is silent for so long is lost.
const LOST_US: i64 = 36 * 3_600 * 1_000_000;

static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("mailtally-fuzz-{}", std::process::id())));

fuzz_target!(|input: (u8, &[u8])| {
    let (chunk_bytes, log) = input;
    std::fs::write(&*FILE, log).expect("the file for temporary files can be written");
    let whole = totals(1 << 14);
    let parts = totals(usize::from(chunk_bytes));
    let lines = whole.coverage.lines;
    assert_eq!(
        lines.read,
        lines.parsed + lines.generic + lines.unparsed + lines.foreign + lines.filtered
    );
    assert_eq!(whole.coverage, parts.coverage, "chunks of {chunk_bytes}");
    if is_in_domain(&whole) && is_in_domain(&parts) {
        assert_same(&whole, &parts, chunk_bytes);
    }
});

/// Tells whether the law holds for a log: see above.
fn is_in_domain(totals: &Totals) -> bool {
    let is_short = totals
        .span
        .is_none_or(|(first, last)| last - first < LOST_US);
    is_short && totals.messages.superseded == 0
}

/// Compares two totals and names only what differs: both are long.
fn assert_same(whole: &Totals, parts: &Totals, chunk_bytes: u8) {
    if whole == parts {
        return;
    }
    let value = |totals| serde_json::to_value(totals).expect("totals are plain rows");
    let (whole, parts) = (value(whole), value(parts));
    for (key, value) in whole.as_object().expect("totals are an object") {
        assert_eq!(value, &parts[key], "{key}, chunks of {chunk_bytes}");
    }
}

fn totals(chunk_bytes: usize) -> Totals {
    let options = Options {
        year: Some(2026),
        now: DateTime::<Utc>::UNIX_EPOCH,
        chunk_bytes,
        line_bytes: 1 << 20,
        ..Options::default()
    };
    let mut tally = Tally::anchored(WINDOWS);
    for (position, chunk) in read_all(vec![Input::File(FILE.clone())], &options).enumerate() {
        let mut part = if position == 0 {
            Tally::anchored(WINDOWS)
        } else {
            Tally::part(WINDOWS)
        };
        let mut lines = chunk.records();
        while let Some(line) = lines.next() {
            match (line.record(), line.time) {
                (Some(record), Some(time)) => {
                    let event = Event::parse(&record.tag, record.message);
                    part.absorb(record, time.wall_us, &event);
                }
                _ => part.absorb_foreign(),
            }
        }
        if position == 0 {
            tally = part;
        } else {
            tally.merge(part);
        }
    }
    tally.finish()
}

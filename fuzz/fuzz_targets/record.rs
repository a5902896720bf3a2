//! Any bytes as a line: its envelope is read without a panic and borrows from the line; the faster
//! ways to read it agree with the plain one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mailtally_fuzz::assert_inside;
use mailtally_parsers::syslog::Envelopes;
use mailtally_parsers::{Record, Tag, Timestamp};

fuzz_target!(|bytes: &[u8]| {
    let mut envelopes = Envelopes::default();
    // Several lines: what is remembered of one must not change the next.
    for line in bytes.split(|byte| *byte == b'\n') {
        let record = Record::parse(line);
        assert_eq!(
            envelopes.parse(line),
            record.as_ref(),
            "the fast path agrees"
        );
        if let Some(record) = &record {
            check(line, record);
        }
    }
});

fn check(line: &[u8], record: &Record<'_>) {
    assert_inside("host", record.host, line);
    assert_inside("message", record.message, line);
    // Where a line states none, we say whose it is: Dovecot's own log file, "last message repeated".
    if ![&b"dovecot"[..], b"syslogd"].contains(&record.tag.text) {
        assert_inside("tag", record.tag.text, line);
    }
    assert_inside("instance", record.tag.instance(), record.tag.text);
    assert_inside("name", record.tag.name(), record.tag.text);
    assert_inside(
        "service",
        record.tag.service().unwrap_or(b""),
        record.tag.text,
    );
    assert_eq!(record.tag, Tag::parse(record.tag.text));
    assert!(!record.message.contains(&b'\n'));
    assert_eq!(
        Timestamp::of_line(line),
        Some(record.timestamp),
        "the stamp alone is the same"
    );
    let stamp = &record.timestamp;
    assert!((1..=12).contains(&stamp.month) && (1..=31).contains(&stamp.day));
    assert!(stamp.hour <= 23 && stamp.minute <= 59 && stamp.second <= 60);
    assert!(stamp.micros < 1_000_000);
}

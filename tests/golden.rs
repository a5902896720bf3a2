//! Every line shape in `fixtures/lines/` parses to the kind that its file is named after, and to the
//! fields in its snapshot. A new shape is one line in such a file.
#![cfg(test)]

use mailtally::export;
use mailtally_parsers::{Event, Kind, Record, Tag, Timestamp, Zone};

/// A line of a fixture: `tag: message`; `#` begins a comment.
fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            line.split_once(": ")
                .unwrap_or_else(|| panic!("no tag: {line}"))
        })
}

/// Writes a line as `mailtally events` would, under a fixed stamp.
fn object(tag: &str, message: &str) -> String {
    let record = Record {
        timestamp: Timestamp {
            year: Some(2026),
            month: 5,
            day: 1,
            hour: 12,
            minute: 34,
            second: 56,
            micros: 0,
            zone: Zone::Unstated,
        },
        host: b"mx1",
        tag: Tag::parse(tag.as_bytes()),
        pid: None,
        message: message.as_bytes(),
        repeated: 1,
    };
    let event = Event::parse(&record.tag, record.message);
    let line = export::Line {
        time: Some(b"2026-05-01T12:34:56"),
        record: &record,
        event,
    };
    let mut out = Vec::new();
    export::write_line(&mut out, &line);
    String::from_utf8(out).unwrap()
}

#[test]
fn parses_every_line_shape_to_its_kind() {
    let mut files = 0;
    insta::glob!("../fixtures/lines", "*/*.log", |path| {
        files += 1;
        let kind = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            Kind::from_name(kind).is_some(),
            "{} is named after no kind",
            path.display()
        );
        let text = std::fs::read_to_string(path).unwrap();
        let mut objects = String::new();
        for (tag, message) in lines(&text) {
            let event = Event::parse(&Tag::parse(tag.as_bytes()), message.as_bytes())
                .unwrap_or_else(|reason| panic!("{kind}: unparsed ({}): {message}", reason.0));
            assert_eq!(event.kind().name(), kind, "{message}");
            objects.push_str(&object(tag, message));
        }
        assert!(!objects.is_empty(), "{} has no line", path.display());
        insta::assert_snapshot!(objects.trim_end());
    });
    assert!(files > 100, "only {files} kinds have lines");
}

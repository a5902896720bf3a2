//! No value is lost: each address, IP, queue id, message-id, number of three or more digits and
//! quoted text of a line stands in some field of its event other than a catch-all text.
//!
//! What a value is, is said here by regular expressions over the message, which know nothing of
//! the parser's grammar.
#![cfg(test)]

use std::io::Read;
use std::sync::LazyLock;

use flate2::read::GzDecoder;
use mailtally_parsers::{Class, Event, Fields, Record, Seconds, Visitor};
use regex::Regex;

/// What counts as a value, each with the part of the match that must be found again.
static VALUES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r"(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})",
        r"(2001:db8:[0-9a-fA-F:]*[0-9a-fA-F])",
        r"([A-Za-z0-9.!#$%&*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+[A-Za-z0-9])",
        r"(?:^|[ :=])([0-9A-F]{10,15})(?:[ :,)]|$)",
        r"(?:^|[ :=])([0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,}z[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]+)(?:[ :,)]|$)",
        r"message-id=(<[^>]*>)",
        r"(\d{3,})",
        r#""([^"]+)""#,
    ]
    .iter()
    .map(|pattern| Regex::new(pattern).unwrap())
    .collect()
});

/// Gathers the values of an event's fields as text.
#[derive(Default)]
struct Values {
    skips_text: bool,
    found: Vec<String>,
}

impl Visitor for Values {
    fn text(&mut self, name: &'static str, value: &[u8]) {
        if !(self.skips_text && name == "text") {
            self.found.push(String::from_utf8_lossy(value).into_owned());
        }
    }
    fn number(&mut self, _: &'static str, value: u64) {
        self.found.push(value.to_string());
    }
    fn decimal(&mut self, _: &'static str, value: &[u8]) {
        self.found.push(String::from_utf8_lossy(value).into_owned());
    }
    fn seconds(&mut self, _: &'static str, value: Seconds) {
        self.found.push(value.to_string());
    }
    fn seconds_list(&mut self, _: &'static str, values: &[Seconds]) {
        self.found.extend(values.iter().map(ToString::to_string));
    }
    fn flag(&mut self, _: &'static str, _: bool) {}
}

/// Tells whether a kind's `text` takes whatever the line says.
fn is_catch_all(event: &Event<'_>) -> bool {
    event.kind().name().ends_with("_misc") || event.class() == Class::Generic
}

/// Lists the values of a message that no field holds.
fn lost(event: &Event<'_>, message: &str) -> Vec<String> {
    let mut values = Values {
        skips_text: is_catch_all(event),
        found: Vec::new(),
    };
    event.visit(&mut values);
    VALUES
        .iter()
        .flat_map(|pattern| pattern.captures_iter(message))
        .filter_map(|found| found.get(1))
        .map(|value| value.as_str())
        // An address may hold a `=`, but a key before it is no part of it.
        .filter(|value| {
            let plain = value.split_once('=').map_or(*value, |(_, plain)| plain);
            !values
                .found
                .iter()
                .any(|field| field.contains(value) || field.contains(plain))
        })
        .map(str::to_owned)
        .collect()
}

fn read_gz(path: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).unwrap();
    GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn every_line_of_the_corpus_has_a_kind_and_keeps_its_values() {
    let mut complaints = Vec::new();
    let mut checked = 0;
    for path in [
        "fixtures/logs/lab-a/mail.log.gz",
        "fixtures/logs/lab-a/dovecot-own.log.gz",
    ] {
        for line in read_gz(path)
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            let record = Record::parse(line).unwrap();
            if !record.tag.program.is_ours() {
                continue;
            }
            let message = String::from_utf8_lossy(record.message);
            let event = Event::parse(&record.tag, record.message)
                .unwrap_or_else(|reason| panic!("unparsed ({}): {message}", reason.0));
            checked += 1;
            if event.class() == Class::Generic && !is_generic_expected(&message) {
                complaints.push(format!("{} has no kind: {message}", event.kind().name()));
            }
            let lost = lost(&event, &message);
            if !lost.is_empty() && !is_generic_expected(&message) {
                complaints.push(format!("{} loses {lost:?}: {message}", event.kind().name()));
            }
        }
    }
    assert!(checked > 25_000, "the corpus has more lines than {checked}");
    assert!(
        complaints.is_empty(),
        "{} lines:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

/// Lines that have no kind, each named in `generic_expected.txt` with the reason.
fn is_generic_expected(message: &str) -> bool {
    include_str!("generic_expected.txt")
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .any(|(text, _)| !line_is_comment(text) && message.contains(text))
}

fn line_is_comment(text: &str) -> bool {
    text.starts_with('#')
}

#[test]
fn finds_a_lost_value() {
    let line = b"May  1 12:34:56 mx1 postfix/smtpd[1]: connect from mail.example.net[198.51.100.7]";
    let record = Record::parse(line).unwrap();
    let event = Event::parse(&record.tag, record.message).unwrap();
    let lost = lost(
        &event,
        "4F1A22C0D9E: connect from 198.51.100.7 and 198.51.100.8, \"quoted\", <a@example.net>, 12345",
    );
    for value in [
        "4F1A22C0D9E",
        "198.51.100.8",
        "quoted",
        "a@example.net",
        "12345",
    ] {
        assert!(
            lost.contains(&value.to_owned()),
            "{value} is not missed in {lost:?}"
        );
    }
    assert!(!lost.contains(&"198.51.100.7".to_owned()));
}

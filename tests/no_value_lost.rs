//! No value is lost: each address, IP, queue id, message-id, number of three or more digits and
//! quoted text of a line stands in some field of its event other than a catch-all text.
//!
//! What a value is, is said here by regular expressions over the message, which know nothing of
//! the parser's grammar.
#![cfg(test)]

mod examples;

use std::io::Read;
use std::sync::LazyLock;

use examples::Example;
use flate2::read::GzDecoder;
use mailtally_parsers::{Class, Event, Fields, Kind, Record, Seconds, Visitor};
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
        r"(\d*\.\d{3,}|\d{3,})",
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

/// Kinds whose `text` is what somebody else said or asked about, whole and alone: a client's bytes, a
/// header line, the site's own words, the rest of a line that was cut.
const TEXT_IS_THE_VALUE: [&str; 12] = [
    "smtpd_pipelining",
    "smtpd_warn",
    "smtpd_info",
    "non_smtp_command",
    "illegal_address",
    "cleanup_check",
    "psc_pregreet",
    "psc_pipelining",
    "policy_spf_debug",
    "policyd_spf_debug",
    "amavis_continued",
    "milter_header_check",
];

/// Tells whether a kind's `text` takes whatever the line says.
fn is_catch_all(event: &Event<'_>) -> bool {
    !TEXT_IS_THE_VALUE.contains(&event.kind().name())
}

/// Texts that look like values and are none.
fn is_no_value(value: &str, message: &str) -> bool {
    let follows = |lead: &str| message.contains(&format!("{lead}{value}"));
    // The names of standards, and what rsyslog makes of the escapes that colour a terminal.
    follows("RFC ") || follows("RFC") || (value == "033" && follows("#"))
        // Dovecot logs the hash of a wrong password on request; events hold no credentials.
        || message.contains("SHA1 of given password: ") && value == "638"
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
        .filter(|value| !is_no_value(value, message))
        .filter(|value| !is_held(value, &values.found))
        .map(str::to_owned)
        .collect()
}

fn is_held(value: &str, found: &[String]) -> bool {
    let holds = |value: &str| found.iter().any(|field| field.contains(value));
    // An address may hold a `=`, but a key before it is no part of it.
    let plain = value.split_once('=').map_or(value, |(_, plain)| plain);
    // A quoted setting is kept as its name and its value.
    let has_halves = || {
        value
            .split_once(" = ")
            .is_some_and(|(name, setting)| holds(name) && holds(setting))
    };
    // Numbers are held without the zeros at their end.
    let number = || value.parse::<f64>().ok();
    let is_number = || found.iter().any(|field| field.parse().ok() == number());
    holds(value)
        || holds(plain)
        || has_halves()
        || (value.contains('.') && number().is_some() && is_number())
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

/// Kinds that a line has by its envelope: the reader of lines tells them, not the parser of messages.
const OF_ENVELOPE: [&str; 3] = ["logger_repeat", "logger_repeat_inline", "logger_marker"];

/// Lists the examples of kinds that messages have, and checks that no others were left out.
fn messages(rows: Vec<Example>) -> impl Iterator<Item = Example> {
    rows.into_iter()
        .filter(|row| !OF_ENVELOPE.contains(&row.kind))
}

/// Puts an example behind an envelope; syslogd's own lines have no tag.
fn line_of(tag: &str, message: &str) -> String {
    format!("May  1 12:34:56 mx1 {tag}[4711]: {message}")
}

#[test]
fn every_example_has_its_kind_and_keeps_its_values() {
    let catalogue = examples::catalogue();
    assert_eq!(catalogue.len(), 2_160);
    let own = examples::own();
    let mut complaints = Vec::new();
    let mut checked = 0;
    for row in messages(catalogue).chain(messages(own)) {
        checked += 1;
        let line = line_of(row.program, row.message);
        let record = Record::parse(line.as_bytes()).unwrap();
        assert_eq!(record.message, row.message.as_bytes());
        match Event::parse(&record.tag, record.message) {
            Ok(event) if event.kind().name() == row.kind => {
                let lost = lost(&event, row.message);
                if !lost.is_empty() {
                    complaints.push(format!("{} loses {lost:?}: {}", row.kind, row.message));
                }
            }
            Ok(event) => complaints.push(format!(
                "{}, not {}: {}",
                event.kind().name(),
                row.kind,
                row.message
            )),
            Err(reason) => complaints.push(format!(
                "unparsed ({}), not {}: {}",
                reason.0, row.kind, row.message
            )),
        }
    }
    assert!(checked >= 2_150, "only {checked} examples");
    let count = complaints.len();
    assert!(complaints.is_empty(), "{count}:\n{}", complaints.join("\n"));
}

#[test]
fn every_kind_has_an_example() {
    let rows: Vec<Example> = examples::catalogue()
        .into_iter()
        .chain(examples::own())
        .collect();
    let without: Vec<&str> = Kind::all()
        .map(|kind| kind.name())
        .filter(|kind| !rows.iter().any(|row| row.kind == *kind))
        .collect();
    assert!(without.is_empty(), "no example of {without:?}");
}

/// The field that holds the finer class of a kind.
fn field_of_subkind(kind: &str) -> &'static str {
    match kind {
        "delivery" => "reason_kind",
        "generic_warning" => "class",
        "dovecot_login_aborted" => "reason",
        "dovecot_login_conn_limit" | "dovecot_login_internal_failure" => "code",
        "dovecot_session_end" => "protocol",
        _ => panic!("{kind} has no finer classes"),
    }
}

#[test]
fn every_example_of_a_finer_class_has_it() {
    let rows = examples::subkinds();
    assert_eq!(rows.len(), 367);
    let mut complaints = Vec::new();
    for row in rows {
        let line = line_of(row.program, row.message);
        let record = Record::parse(line.as_bytes()).unwrap();
        let event = Event::parse(&record.tag, record.message)
            .unwrap_or_else(|reason| panic!("unparsed ({}): {}", reason.0, row.message));
        assert_eq!(event.kind().name(), row.kind, "{}", row.message);
        let mut found = OneField::new(field_of_subkind(row.kind));
        event.visit(&mut found);
        if found.value.as_deref() != Some(row.subkind) {
            let (subkind, message) = (row.subkind, row.message);
            complaints.push(format!("{:?}, not {subkind}: {message}", found.value));
        }
        let lost = lost(&event, row.message);
        if !lost.is_empty() {
            complaints.push(format!("{} loses {lost:?}: {}", row.kind, row.message));
        }
    }
    let count = complaints.len();
    assert!(complaints.is_empty(), "{count}:\n{}", complaints.join("\n"));
}

/// Takes one field of text out of an event.
struct OneField {
    name: &'static str,
    value: Option<String>,
}

impl OneField {
    fn new(name: &'static str) -> Self {
        OneField { name, value: None }
    }
}

impl Visitor for OneField {
    fn text(&mut self, name: &'static str, value: &[u8]) {
        if name == self.name {
            self.value = Some(String::from_utf8_lossy(value).into_owned());
        }
    }
    fn number(&mut self, _: &'static str, _: u64) {}
    fn decimal(&mut self, _: &'static str, _: &[u8]) {}
    fn seconds(&mut self, _: &'static str, _: Seconds) {}
    fn seconds_list(&mut self, _: &'static str, _: &[Seconds]) {}
    fn flag(&mut self, _: &'static str, _: bool) {}
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

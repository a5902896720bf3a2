//! No input makes the parser panic, and what it returns lies inside the line.
//!
//! Three sources of lines: arbitrary bytes; bytes folded into the alphabet of log lines, which reach
//! far deeper; and the fixtures' lines, cut, spliced and garbled.
#![cfg(test)]

pub mod inside;

use std::path::Path;
use std::sync::LazyLock;

use inside::{Inside, assert_inside};
use mailtally_parsers::{Companion, Daemon, Event, Fields, Record, Tag};
use proptest::prelude::*;

/// Parses a message by every grammar.
fn parse_by_all(message: &[u8]) {
    let postfix = Daemon::ALL
        .iter()
        .map(|daemon| format!("postfix/{}", daemon.name()));
    let companions = Companion::ALL
        .iter()
        .map(|companion| companion.name().to_owned());
    for tag in postfix
        .chain(companions)
        .chain(["postfix", "dovecot", "rsyslogd"].map(String::from))
    {
        let tag = Tag::parse(tag.as_bytes());
        if let Ok(event) = Event::parse(&tag, message) {
            event.visit(&mut Inside(message));
        }
    }
}

fn parse_line(line: &[u8]) {
    if let Some(record) = Record::parse(line) {
        assert_inside("host", record.host, line);
        assert_inside("message", record.message, line);
        if let Ok(event) = Event::parse(&record.tag, record.message) {
            event.visit(&mut Inside(record.message));
        }
    }
}

/// Letters and words that log lines are made of.
const ALPHABET: &[&str] = &[
    "<",
    ">",
    "[",
    "]",
    "(",
    ")",
    ": ",
    ", ",
    "; ",
    "=",
    " ",
    "\"",
    "\\",
    "/",
    ":",
    ".",
    "@",
    "from",
    "to=<",
    "client=",
    "status=sent (",
    "relay=",
    "delay=",
    "dsn=",
    "reject: ",
    "NOQUEUE: ",
    "warning: ",
    "4F1A22C0D9E",
    "mx1.example.org",
    "[192.0.2.1]",
    "2001:db8::1",
    "said: ",
    "550 5.1.1 ",
    "(in reply to ",
    "header ",
    "user=<",
    "rip=",
    "session=<",
    "imap-login: ",
    "TLS",
    "sasl_username=",
    "proto=ESMTP",
    "helo=<x>",
    "9999999999999999999999",
    "1",
    "\u{fc}",
    "\0",
    "postfix/smtpd[1]: ",
    "May  1 12:34:56 mx1 ",
    "2024-05-01T12:34:56Z ",
    "<22>1 ",
    "- ",
];

/// All messages of the fixtures.
static FIXTURES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut messages = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/lines");
    for program in std::fs::read_dir(root).expect("fixtures/lines") {
        for file in std::fs::read_dir(program.expect("entry").path()).expect("program") {
            let text = std::fs::read_to_string(file.expect("entry").path()).expect("text");
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            messages.extend(
                lines.filter_map(|line| Some(line.split_once(": ")?.1.as_bytes().to_vec())),
            );
        }
    }
    messages
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        parse_line(&bytes);
        parse_by_all(&bytes);
    }

    #[test]
    fn words_of_log_lines(words in prop::collection::vec(prop::sample::select(ALPHABET), 0..40)) {
        let text = words.concat();
        parse_line(text.as_bytes());
        parse_by_all(text.as_bytes());
    }

    #[test]
    fn garbled_fixtures(
        first in any::<prop::sample::Index>(),
        second in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let (first, second) = (first.get(&FIXTURES), second.get(&FIXTURES));
        let mut spliced = first[..cut.index(first.len() + 1)].to_vec();
        parse_by_all(&spliced);
        spliced.push(byte);
        spliced.extend_from_slice(&second[from.index(second.len() + 1)..]);
        parse_by_all(&spliced);
    }
}

#[test]
fn the_fixtures_are_there() {
    assert!(FIXTURES.len() > 500, "only {} lines", FIXTURES.len());
}

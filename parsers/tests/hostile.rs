//! No input makes the parser panic, and what it returns lies inside the line.
//!
//! Three sources of lines: arbitrary bytes; bytes folded into the alphabet of log lines, which reach
//! far deeper; and the fixtures' lines, cut, spliced and garbled.
#![cfg(test)]

use std::path::Path;
use std::sync::LazyLock;

use mailtally_parsers::{Companion, Daemon, Event, Fields, Record, Seconds, Tag, Visitor};
use proptest::prelude::*;

/// Checks that each text is a part of the message, or one of the crate's own words; the lines of a
/// reply are joined without their codes, so that their words are parts of it.
struct Inside<'a>(&'a [u8]);

impl Visitor for Inside<'_> {
    fn text(&mut self, name: &'static str, value: &[u8]) {
        let line = self.0.as_ptr_range();
        let part = value.as_ptr_range();
        let is_inside = line.start <= part.start && part.end <= line.end;
        let is_own_word = value
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_- ".contains(byte));
        let is_joined = name == "reply_text"
            && value
                .split(|byte| *byte == b' ')
                .all(|word| memchr::memmem::find(self.0, word).is_some());
        assert!(
            is_inside || is_own_word || is_joined,
            "{name} is not in the line: {}",
            value.escape_ascii()
        );
    }
    fn number(&mut self, _: &'static str, _: u64) {}
    fn decimal(&mut self, name: &'static str, value: &[u8]) {
        self.text(name, value);
    }
    fn seconds(&mut self, _: &'static str, _: Seconds) {}
    fn seconds_list(&mut self, _: &'static str, _: &[Seconds]) {}
    fn flag(&mut self, _: &'static str, _: bool) {}
}

const DAEMONS: &[Daemon] = &[
    Daemon::Smtpd,
    Daemon::Qmgr,
    Daemon::Cleanup,
    Daemon::Smtp,
    Daemon::Lmtp,
    Daemon::Local,
    Daemon::Virtual,
    Daemon::Pipe,
    Daemon::Error,
    Daemon::Bounce,
    Daemon::Pickup,
    Daemon::Postscreen,
    Daemon::Dnsblog,
    Daemon::Tlsproxy,
    Daemon::Anvil,
    Daemon::Scache,
    Daemon::Verify,
    Daemon::Master,
    Daemon::PostfixScript,
    Daemon::Postsuper,
    Daemon::Postqueue,
    Daemon::Sendmail,
    Daemon::Postdrop,
    Daemon::Qmqpd,
];

const COMPANIONS: &[Companion] = &[
    Companion::Opendkim,
    Companion::Opendmarc,
    Companion::PolicydSpf,
    Companion::PolicySpf,
    Companion::Postgrey,
    Companion::Amavis,
    Companion::Rspamd,
    Companion::Spamd,
    Companion::ClamavMilter,
    Companion::Saslauthd,
    Companion::Postsrsd,
    Companion::MtaSts,
    Companion::Tlspol,
];

/// Parses a message by every grammar.
fn parse_by_all(message: &[u8]) {
    let postfix = DAEMONS
        .iter()
        .map(|daemon| format!("postfix/{}", daemon.name()));
    let companions = COMPANIONS
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
        let inside = line.as_ptr_range();
        for part in [record.host, record.message] {
            assert!(part.is_empty() || inside.contains(&part.as_ptr()));
        }
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

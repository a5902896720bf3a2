//! What the fuzz targets share: checks on what the parser returns, and the writer of lines for the
//! round trip.
//!
//! [`written`] makes lines out of fields by the grammar that Postfix's and Dovecot's sources state.
//! It does **not** use the parser: what it expects of a line is what it wrote.

pub mod grammar;
pub mod written;

use mailtally_parsers::{Companion, Daemon, Seconds, Visitor};

/// Checks that a part of a text lies inside it; an empty part may lie anywhere.
///
/// # Panics
/// When it does not: the parser made it up, or took it from somewhere else.
pub fn assert_inside(name: &str, part: &[u8], text: &[u8]) {
    let (inner, outer) = (part.as_ptr_range(), text.as_ptr_range());
    assert!(
        part.is_empty() || (outer.start <= inner.start && inner.end <= outer.end),
        "{name} is not in the line: {}",
        part.escape_ascii()
    );
}

/// Checks that each field is a part of the message, or one of the parser's own words (`reason_kind`
/// says `user_unknown` of many texts). The lines of a reply are joined without their codes: of
/// `reply_text` the words are parts.
pub struct Inside<'a>(pub &'a [u8]);

impl Visitor for Inside<'_> {
    fn text(&mut self, name: &'static str, value: &[u8]) {
        let is_own_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_- ".contains(byte);
        assert!(!name.is_empty());
        if value.iter().all(is_own_word) {
            return;
        }
        if name == "reply_text" && !self.0.as_ptr_range().contains(&value.as_ptr()) {
            for word in value.split(|byte| *byte == b' ') {
                let is_there = self.0.windows(word.len().max(1)).any(|part| part == word);
                assert!(word.is_empty() || is_there, "{}", word.escape_ascii());
            }
            return;
        }
        assert_inside(name, value, self.0);
    }
    fn number(&mut self, name: &'static str, _: u64) {
        assert!(!name.is_empty());
    }
    fn decimal(&mut self, name: &'static str, value: &[u8]) {
        assert_inside(name, value, self.0);
    }
    fn seconds(&mut self, name: &'static str, value: Seconds) {
        assert!(!name.is_empty() && !value.to_string().is_empty());
    }
    fn seconds_list(&mut self, name: &'static str, values: &[Seconds]) {
        assert!(!name.is_empty() && !values.is_empty());
    }
    fn flag(&mut self, name: &'static str, _: bool) {
        assert!(!name.is_empty());
    }
}

/// Picks a program by the message, and gives a tag under which it logs.
pub fn other_tag(message: &[u8]) -> Vec<u8> {
    let sum = message.iter().fold(message.len(), |sum, byte| {
        sum.wrapping_add(usize::from(*byte))
    });
    let others = ["postfix", "dovecot", "rsyslogd"];
    let place = sum % (Daemon::ALL.len() + Companion::ALL.len() + others.len());
    let name = match (Daemon::ALL.get(place), place.checked_sub(Daemon::ALL.len())) {
        (Some(daemon), _) => format!("postfix/{}", daemon.name()),
        (None, Some(place)) => match Companion::ALL.get(place) {
            Some(companion) => companion.name().to_owned(),
            None => others[place - Companion::ALL.len()].to_owned(),
        },
        (None, None) => unreachable!("a place behind the daemons is not before them"),
    };
    name.into_bytes()
}

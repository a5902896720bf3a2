//! Free texts, and the values that stand in them.
//!
//! A warning without a grammar of its own still names addresses, queue ids and numbers. They are
//! found when the fields are visited, not when the line is parsed, so they cost nothing to a count.

use crate::fields::{Field, Visitor};
use crate::scan::is_queue_id;

/// A text in somebody's own words; visited together with the values that stand in it.
///
/// The values are visited as `value_1` to `value_9`, in the order of the text: what stands in
/// quotes, addresses of mail and of hosts, queue ids, numbers of three or more digits, paths and
/// names of tables. They are what the text holds, not what it means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Text<'a>(
    /// The text, as logged.
    pub &'a [u8],
);

impl Text<'_> {
    /// The names under which the values are visited.
    pub const VALUES: [&'static str; 9] = NAMES;
}

impl Field for Text<'_> {
    fn visit_as(&self, name: &'static str, visitor: &mut dyn Visitor) {
        visitor.text(name, self.0);
        let mut rest = self.0;
        for name in NAMES {
            let Some((value, behind)) = next_value(rest) else {
                return;
            };
            visitor.text(name, value);
            rest = behind;
        }
    }
}

const NAMES: [&str; 9] = [
    "value_1", "value_2", "value_3", "value_4", "value_5", "value_6", "value_7", "value_8",
    "value_9",
];

/// Returns the first path in a text.
pub(super) fn first_path(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    while let Some((value, behind)) = next_value(rest) {
        if memchr::memchr(b'/', value).is_some() {
            return Some(value);
        }
        rest = behind;
    }
    None
}

/// Finds the next value: the value, and what follows it.
fn next_value(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = input;
    while let Some(first) = rest.first() {
        if let Some((value, behind)) = quoted(rest, *first) {
            return Some((value, behind));
        }
        let (word, behind) = split_word(rest);
        if is_value(word) {
            return Some((word, behind));
        }
        rest = if word.is_empty() {
            rest.get(1..)?
        } else {
            behind
        };
    }
    None
}

/// Reads `"text"`, `'text'` or `<text>`.
fn quoted(input: &[u8], first: u8) -> Option<(&[u8], &[u8])> {
    let last = match first {
        b'"' | b'\'' => first,
        b'`' => b'\'',
        b'<' => b'>',
        _ => return None,
    };
    let inside = input.get(1..)?;
    let end = memchr::memchr(last, inside)?;
    let value = inside.get(..end).filter(|value| !value.is_empty())?;
    Some((value, inside.get(end + 1..)?))
}

/// Splits a word off, without the brackets and punctuation around it.
fn split_word(input: &[u8]) -> (&[u8], &[u8]) {
    let is_break = |byte: &u8| {
        matches!(
            byte,
            b' ' | b'(' | b')' | b'[' | b']' | b'<' | b'>' | b'"' | b'`' | b'=' | b',' | b';'
        )
    };
    let end = input.iter().position(is_break).unwrap_or(input.len());
    let (word, rest) = input.split_at_checked(end).unwrap_or((input, b""));
    let word = word.strip_prefix(b":").unwrap_or(word);
    let kept = word
        .iter()
        .rposition(|byte| !matches!(byte, b'.' | b':' | b'\'' | b'!' | b'?'));
    (
        kept.and_then(|last| word.get(..=last)).unwrap_or(word),
        rest,
    )
}

fn is_value(word: &[u8]) -> bool {
    let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
    let is_address = memchr::memchr(b'@', word).is_some_and(|at| at > 0);
    let is_path = memchr::memchr(b'/', word).is_some() && word.len() > 1;
    digits >= 3 || is_address || is_path || is_queue_id(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut rest = text.as_bytes();
        while let Some((value, behind)) = next_value(rest) {
            found.push(String::from_utf8_lossy(value).into_owned());
            rest = behind;
        }
        found
    }

    #[test]
    fn finds_each_value_once() {
        assert_eq!(
            values("4F1A22C0D9E: ignoring out-of-order extracted recipient <bob@example.com>"),
            ["4F1A22C0D9E", "bob@example.com"]
        );
        assert_eq!(
            values(
                "table \"hash:/etc/postfix/virtual\": empty lookup result for: \"bob\" -- ignored"
            ),
            ["hash:/etc/postfix/virtual", "bob"]
        );
        assert_eq!(
            values("mx1.example.org[2001:db8::25]:587: reply length 5000 > buffer length 4096"),
            ["2001:db8::25", "587", "5000", "4096"]
        );
        assert!(values("some text of a third-party patch").is_empty());
    }

    #[test]
    fn ends_on_any_text() {
        for text in ["", "\"", "<<<", "'''", "((((", "<>", "\"\"", "a\"b"] {
            values(text);
        }
    }
}

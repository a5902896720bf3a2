//! The check that what the parser returns lies inside the line; the fuzz targets use it too.

use mailtally_parsers::{Seconds, Visitor};

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
                let is_there = memchr::memmem::find(self.0, word).is_some();
                assert!(is_there, "{}", word.escape_ascii());
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

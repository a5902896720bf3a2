//! The words of a remote reply, its codes taken off.
//!
//! Postfix joins the lines of a reply with blanks: `550-5.1.1 no such user 550 5.1.1 here`.

use crate::fields::Visitor;
use crate::scan::{enhanced_code, find_iter};

/// The lines of a reply, without their codes.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    rest: Option<&'a [u8]>,
    /// The digits that each line of this reply begins with; empty for a text without code.
    code: &'a [u8],
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a [u8]) -> Self {
        let code = text.get(..3).unwrap_or_default();
        let is_code = code.iter().all(u8::is_ascii_digit);
        Lines {
            rest: Some(text),
            code: if is_code { code } else { b"" },
        }
    }

    /// Finds where the next line begins: behind a blank, with the same code and `-` or a blank.
    ///
    /// Only a line whose code a `-` follows has another one behind it.
    fn next_start(&self, text: &[u8]) -> Option<usize> {
        if self.code.is_empty() || text.get(3) != Some(&b'-') {
            return None;
        }
        let is_start = |at: &usize| {
            let before = at.checked_sub(1).and_then(|before| text.get(before));
            before == Some(&b' ') && matches!(text.get(at + 3), Some(b' ' | b'-') | None)
        };
        find_iter(text, self.code).find(is_start)
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.rest.take()?;
        let (line, rest) = match self
            .next_start(text)
            .and_then(|at| text.split_at_checked(at))
        {
            Some((line, rest)) => (line, Some(rest)),
            None => (text, None),
        };
        self.rest = rest;
        Some(without_codes(line).trim_ascii_end())
    }
}

/// Takes the codes off the beginning of a line: `550-5.1.1 `, `250 `.
pub(in crate::postfix) fn without_codes(line: &[u8]) -> &[u8] {
    let Some((code, rest)) = line.split_at_checked(3) else {
        return line;
    };
    let separator = matches!(rest.first(), None | Some(b' ' | b'-'));
    if !separator || !code.iter().all(u8::is_ascii_digit) {
        return line;
    }
    let rest = rest.get(1..).unwrap_or_default();
    let rest = enhanced_code(rest).map_or(rest, |(rest, _)| rest);
    rest.trim_ascii_start()
}

/// The longest reply whose lines are joined; Postfix cuts what it logs at 2,000 bytes or so.
const LONGEST: usize = 4_096;

/// Visits the words of a reply, its lines joined by blanks.
pub(super) fn visit(text: &[u8], name: &'static str, visitor: &mut dyn Visitor) {
    let mut lines = Lines::of(text);
    let first = lines.next().unwrap_or_default();
    if lines.rest.is_none() {
        return visitor.text(name, first);
    }
    let mut joined = [0; LONGEST];
    let mut length = append(&mut joined, 0, first);
    for line in lines {
        let behind = length.and_then(|length| append(&mut joined, length, b" "));
        length = behind.and_then(|length| append(&mut joined, length, line));
    }
    let whole = length.and_then(|length| joined.get(..length));
    visitor.text(name, whole.unwrap_or(without_codes(text)));
}

/// Appends to what stands in a buffer; returns how much stands there then.
fn append(buffer: &mut [u8], length: usize, text: &[u8]) -> Option<usize> {
    let end = length + text.len();
    buffer.get_mut(length..end)?.copy_from_slice(text);
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps the text that it visits.
    #[derive(Default)]
    struct Kept(Vec<u8>);

    impl Visitor for Kept {
        fn text(&mut self, _: &'static str, value: &[u8]) {
            self.0 = value.to_vec();
        }
        fn number(&mut self, _: &'static str, _: u64) {}
        fn decimal(&mut self, _: &'static str, _: &[u8]) {}
        fn seconds(&mut self, _: &'static str, _: crate::Seconds) {}
        fn seconds_list(&mut self, _: &'static str, _: &[crate::Seconds]) {}
        fn flag(&mut self, _: &'static str, _: bool) {}
    }

    fn visited(text: &str) -> String {
        let mut kept = Kept::default();
        visit(text.as_bytes(), "reply_text", &mut kept);
        String::from_utf8(kept.0).unwrap()
    }

    #[test]
    fn joins_the_lines_without_their_codes() {
        for (text, expected) in [
            ("250-2.0.0 a 250 2.0.0 b", "a b"),
            ("250 2.0.0 Ok", "Ok"),
            ("250 Ok", "Ok"),
            ("250", ""),
            (
                "550-5.1.1 no 550-5.1.1  such 550 5.1.1 user",
                "no such user",
            ),
            ("550-no 550-such 550 user", "no such user"),
            ("550-no 550", "no "),
            // The last line is the one whose code no `-` follows.
            ("550 5.1.1 error 550 5.1.1 here", "error 550 5.1.1 here"),
            (
                "550-5.1.1 user 15550 in 550 5.1.1 room 550",
                "user 15550 in room 550",
            ),
            ("no code at all", "no code at all"),
            ("5500 is no code", "5500 is no code"),
            ("", ""),
        ] {
            assert_eq!(visited(text), expected, "{text}");
        }
    }

    #[test]
    fn a_reply_too_long_to_join_is_kept_as_it_is() {
        let long = "x".repeat(LONGEST);
        let text = format!("550-5.1.1 {long} 550 5.1.1 end");
        assert_eq!(visited(&text), format!("{long} 550 5.1.1 end"));
    }
}

//! The left side of regexp and pcre tables: `!/pattern/flags`, `if /pattern/`, `endif`.
//!
//! A pattern is tried on what the log has of a header only to tell rules apart whose texts are alike.
//! The expressions of Postfix are those of POSIX or PCRE; where the crate `regex` does not know one,
//! or the log does not have all that Postfix saw, the answer is "unknown", never a guess.

use regex::bytes::{Regex, RegexBuilder};

/// A pattern with its flags.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// As it stands in the table, with delimiters and flags.
    pub(super) written: Vec<u8>,
    /// What stands between the delimiters.
    body: Vec<u8>,
    is_negated: bool,
    ignores_case: bool,
    /// The flags but `i`, in order.
    other_flags: Vec<u8>,
    regex: Option<Regex>,
}

impl Pattern {
    /// Reads `[!]/pattern/flags` and returns it with what stands behind.
    pub(super) fn parse(text: &[u8]) -> Option<(Pattern, &[u8])> {
        let (is_negated, rest) = match text.strip_prefix(b"!") {
            Some(rest) => (true, rest.trim_ascii_start()),
            None => (false, text),
        };
        let (&delimiter, rest) = rest.split_first()?;
        if delimiter.is_ascii_alphanumeric() || delimiter.is_ascii_whitespace() {
            return None;
        }
        let end = end_of_pattern(rest, delimiter)?;
        let (body, rest) = (rest.get(..end)?, rest.get(end + 1..)?);
        let flags_end = rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphabetic())
            .count();
        let (flags, behind) = rest.split_at_checked(flags_end)?;
        let written = text.get(..text.len().checked_sub(behind.len())?)?;
        Some((
            Pattern::new(written, body, flags, is_negated),
            behind.trim_ascii(),
        ))
    }

    fn new(written: &[u8], body: &[u8], flags: &[u8], is_negated: bool) -> Pattern {
        // Postfix ignores case; each `i` toggles that, as each flag does its own.
        let has = |flag: u8| flags.iter().filter(|&&found| found == flag).count() % 2 == 1;
        let ignores_case = !has(b'i');
        let mut other_flags: Vec<u8> = flags.iter().copied().filter(|&flag| flag != b'i').collect();
        other_flags.sort_unstable();
        let regex = std::str::from_utf8(body).ok().and_then(|body| {
            let mut builder = RegexBuilder::new(body);
            builder
                .unicode(false)
                .case_insensitive(ignores_case)
                .multi_line(has(b'm'))
                .dot_matches_new_line(!has(b's'))
                .swap_greed(has(b'U'))
                // Patterns are a site's own, but a table is no reason to use up memory.
                .size_limit(1 << 20);
            builder.build().ok()
        });
        Pattern {
            written: written.to_vec(),
            body: body.to_vec(),
            is_negated,
            ignores_case,
            regex: regex.filter(|_| !other_flags.contains(&b'x') && !other_flags.contains(&b'A')),
            other_flags,
        }
    }

    /// What stands between the delimiters.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Tells whether Postfix takes the pattern for met by a text; `None` where nobody can tell.
    pub(super) fn is_met_by(&self, text: &[u8]) -> Option<bool> {
        let regex = self.regex.as_ref()?;
        Some(regex.is_match(text) != self.is_negated)
    }

    /// Tells whether this one is met wherever another one of the same words is.
    pub(super) fn covers(&self, other: &Pattern) -> bool {
        self.body == other.body
            && self.is_negated == other.is_negated
            && self.other_flags == other.other_flags
            && (self.ignores_case == other.ignores_case
                || (self.ignores_case && !self.is_negated)
                || (other.ignores_case && self.is_negated))
    }

    /// Tells whether the pattern looks for the beginning of a header: `^Subject:`, `^(From|To):`.
    pub(super) fn is_of_header(&self) -> bool {
        let Some(rest) = self.body.strip_prefix(b"^") else {
            return false;
        };
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_()|?:.[]*+\\ ".contains(byte);
        let name = rest.iter().take_while(|byte| is_part(byte)).count();
        rest.get(..name).is_some_and(|name| name.contains(&b':'))
    }
}

/// Finds the delimiter that ends a pattern; one behind a backslash does not.
fn end_of_pattern(text: &[u8], delimiter: u8) -> Option<usize> {
    let mut is_escaped = false;
    for (at, &byte) in text.iter().enumerate() {
        if is_escaped {
            is_escaped = false;
        } else if byte == b'\\' {
            is_escaped = true;
        } else if byte == delimiter {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text.as_bytes()).unwrap().0
    }

    #[test]
    fn reads_delimiters_flags_and_negation() {
        for (text, written, behind) in [
            ("/^Subject: a/ REJECT x", "/^Subject: a/", "REJECT x"),
            ("!/^Date:/i   WARN", "!/^Date:/i", "WARN"),
            ("~^From: a/b~ REJECT", "~^From: a/b~", "REJECT"),
            (r"/a\/b/ DUNNO", r"/a\/b/", "DUNNO"),
            ("/a/", "/a/", ""),
        ] {
            let (pattern, rest) = Pattern::parse(text.as_bytes()).unwrap();
            assert_eq!(pattern.written, written.as_bytes());
            assert_eq!(rest, behind.as_bytes());
        }
        for text in [
            "",
            "/a REJECT",
            "user@example.com REJECT",
            "!",
            "192.0.2.1 OK",
        ] {
            assert!(Pattern::parse(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn case_counts_only_with_the_flag() {
        assert_eq!(
            pattern("/viagra/").is_met_by(b"Subject: VIAGRA"),
            Some(true)
        );
        assert_eq!(
            pattern("/viagra/i").is_met_by(b"Subject: VIAGRA"),
            Some(false)
        );
        assert_eq!(
            pattern("!/viagra/").is_met_by(b"Subject: VIAGRA"),
            Some(false)
        );
        assert_eq!(
            pattern("/viagra/ii").is_met_by(b"Subject: VIAGRA"),
            Some(true)
        );
    }

    #[test]
    fn what_nobody_can_tell_is_unknown() {
        for text in [r"/(a)\1/", "/a(?=b)/", "/a b/x", "/(/"] {
            assert_eq!(pattern(text).is_met_by(b"aa"), None, "{text}");
        }
    }

    #[test]
    fn covers_what_is_met_wherever_it_is() {
        for (earlier, later, expected) in [
            ("/a/", "/a/", true),
            ("/a/", "/a/i", true),
            ("/a/i", "/a/", false),
            ("!/a/i", "!/a/", true),
            ("!/a/", "!/a/i", false),
            ("/a/", "!/a/", false),
            ("/a/", "/A/", false),
            ("/a/m", "/a/", false),
            ("~a~", "/a/", true),
        ] {
            assert_eq!(
                pattern(earlier).covers(&pattern(later)),
                expected,
                "{earlier} {later}"
            );
        }
    }

    #[test]
    fn knows_patterns_of_headers() {
        for (text, expected) in [
            ("/^Subject:.*x/", true),
            ("/^(Resent-)?From: a/", true),
            ("/name=.*exe/", false),
            ("/^[0-9]+/", false),
        ] {
            assert_eq!(pattern(text).is_of_header(), expected, "{text}");
        }
    }
}

//! The right side of a table: what Postfix does, and the words that it logs when it does it.

use mailtally_parsers::postfix::rule::rule_id;

use super::logical::split_blank;

/// What stands behind the pattern or key of an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Answer {
    /// The first word, upper-cased: `REJECT`, `554`, `WARN`.
    pub(super) action: Vec<u8>,
    /// The words of lines by which it shows in the log; empty for `OK`, `DUNNO` and the like.
    pub(super) logged_as: &'static [&'static str],
    /// The site's own words, codes taken off.
    pub(super) words: Vec<u8>,
    /// The rule id in them.
    pub(super) id: Option<Vec<u8>>,
}

const REFUSES: &[&str] = &["reject", "reject_warning"];

impl Answer {
    /// Reads the right side of an entry; `is_content` tells header and body checks from access
    /// tables, which do not log that they prepend.
    pub(super) fn parse(text: &[u8], is_content: bool) -> Answer {
        let (word, rest) = split_blank(text);
        let action = word.to_ascii_uppercase();
        let logged_as = logged_as(&action, is_content);
        let words = if logged_as == REFUSES {
            without_code(rest)
        } else {
            rest
        };
        Answer {
            logged_as,
            id: rule_id(words).map(<[u8]>::to_vec),
            words: words.to_vec(),
            action,
        }
    }

    /// Returns the words that the log has for it: the site's own, else Postfix's.
    pub(super) fn logged_words(&self) -> Vec<&[u8]> {
        if !self.words.is_empty() {
            return vec![&self.words];
        }
        match self.logged_as.first() {
            // The first two are of header checks and of access tables; the last is of DEFER.
            Some(&"reject") => vec![
                b"message content rejected",
                b"Access denied",
                b"Service unavailable",
            ],
            Some(&"hold") => vec![b"", b"triggers HOLD action"],
            Some(&"discard") => vec![b"", b"triggers DISCARD action"],
            _ => vec![b""],
        }
    }

    /// Tells whether the words are Postfix's own, which other refusals have too.
    pub(super) fn is_stock(&self) -> bool {
        self.words.is_empty()
    }
}

/// Returns the action words of log lines for the action of a table.
fn logged_as(action: &[u8], is_content: bool) -> &'static [&'static str] {
    match action {
        b"REJECT" | b"DEFER" | b"DEFER_IF_REJECT" | b"DEFER_IF_PERMIT" => REFUSES,
        [b'4' | b'5', rest @ ..] if rest.len() == 2 && rest.iter().all(u8::is_ascii_digit) => {
            REFUSES
        }
        // cleanup says `warning`, smtpd `warn`.
        b"WARN" => &["warning", "warn"],
        b"HOLD" => &["hold"],
        b"DISCARD" => &["discard"],
        b"FILTER" => &["filter"],
        b"REDIRECT" => &["redirect"],
        b"BCC" => &["bcc"],
        b"INFO" => &["info"],
        b"HANGUP" => &["hangup"],
        b"DELAY" => &["delay"],
        b"PREPEND" if is_content => &["prepend"],
        b"REPLACE" => &["replace"],
        b"STRIP" => &["strip"],
        b"PASS" => &["pass"],
        _ => &[],
    }
}

/// Takes an enhanced status code off a text: `5.7.1 no`.
fn without_code(text: &[u8]) -> &[u8] {
    let (first, rest) = split_blank(text);
    let mut parts = first.split(|&byte| byte == b'.');
    let digits = |part: Option<&[u8]>| {
        part.is_some_and(|part| {
            (1..=3).contains(&part.len()) && part.iter().all(u8::is_ascii_digit)
        })
    };
    let class = parts.next();
    let is_class = matches!(class, Some(b"2" | b"4" | b"5"));
    let is_code =
        is_class && digits(parts.next()) && digits(parts.next()) && parts.next().is_none();
    if is_code { rest } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_codes_off_and_finds_the_id() {
        for (text, action, words, id) in [
            (
                "REJECT \"Plz stop sending SPAM id= 7 \"",
                "REJECT",
                "\"Plz stop sending SPAM id= 7 \"",
                Some("7"),
            ),
            (
                "reject 5.7.1 Rule #70: no",
                "REJECT",
                "Rule #70: no",
                Some("70"),
            ),
            (
                "550 5.7.1 listed, rule=acc-100",
                "550",
                "listed, rule=acc-100",
                Some("acc-100"),
            ),
            ("421 4.7.0 go away", "421", "go away", None),
            ("REJECT 5.7 is no code", "REJECT", "5.7 is no code", None),
            ("REJECT", "REJECT", "", None),
            ("WARN 5.7.1 stays", "WARN", "5.7.1 stays", None),
        ] {
            let answer = Answer::parse(text.as_bytes(), true);
            assert_eq!(answer.action, action.as_bytes(), "{text}");
            assert_eq!(answer.words, words.as_bytes(), "{text}");
            assert_eq!(answer.id.as_deref(), id.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn knows_what_leaves_a_line() {
        for (text, is_content, expected) in [
            ("450 later", false, &["reject", "reject_warning"][..]),
            ("DEFER_IF_PERMIT x", false, &["reject", "reject_warning"]),
            ("WARN x", true, &["warning", "warn"]),
            ("PREPEND X-A: b", true, &["prepend"]),
            ("PREPEND X-A: b", false, &[]),
            ("OK", false, &[]),
            ("1234", false, &[]),
            ("55", false, &[]),
            ("DUNNO", true, &[]),
            ("permit_mynetworks, reject", false, &[]),
        ] {
            assert_eq!(
                Answer::parse(text.as_bytes(), is_content).logged_as,
                expected,
                "{text}"
            );
        }
    }
}

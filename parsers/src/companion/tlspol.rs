//! Lines of postfix-tlspol: DANE and MTA-STS policies for outgoing mail.

use super::{Event, Parsed};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{split_once, trailing_group};

event_struct! {
    /// The TLS policy of a domain.
    ///
    /// Shape: `{INFO |WARN |ERROR} {Evaluated policy|No policy found|Evaluating policy} for
    /// "{domain}"[: {policy}| failed temporarily] ({cache})`. The level may have colour codes.
    pub struct Policy<'a> {
        /// The level.
        pub level: &'a [u8],
        /// The domain.
        pub domain: &'a [u8],
        /// The policy, as Postfix gets it.
        pub policy: Option<&'a [u8]>,
        /// Whether and for how long it is cached, or why it could not be had.
        pub cache: Option<&'a [u8]>,
        /// The text.
        pub text: &'a [u8],
    }
}

/// Parses a message of postfix-tlspol.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    policy(message)
        .map(Event::TlspolPolicy)
        .ok_or(Reason("postfix-tlspol"))
}

fn policy(message: &[u8]) -> Option<Policy<'_>> {
    let (level, rest) = split_once(without_colour(message), b" ")?;
    if !matches!(level, b"INFO" | b"WARN" | b"ERROR" | b"DEBUG") {
        return None;
    }
    let text = without_colour(rest.trim_ascii_start());
    let (_, rest) = split_once(text, b" for \"")?;
    let (domain, rest) = split_once(rest, b"\"")?;
    let (head, cache) = match trailing_group(rest) {
        Some((head, cache)) => (head, Some(cache)),
        None => (rest, None),
    };
    Some(Policy {
        level,
        domain,
        policy: head.strip_prefix(b": "),
        cache,
        text,
    })
}

/// Takes `#033[92m`, an escape as rsyslog writes it, or the escape itself off the front.
fn without_colour(text: &[u8]) -> &[u8] {
    let escape = text
        .strip_prefix(b"#033[")
        .or_else(|| text.strip_prefix(b"\x1b["));
    escape
        .and_then(|rest| split_once(rest, b"m"))
        .map_or(text, |(_, rest)| rest.trim_ascii_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_codes_are_taken_off() {
        let line = b"#033[92mINFO #033[0m Evaluated policy for \"example.org\": secure match=mx1.example.org (from cache, 59m2s remaining)";
        let Ok(Event::TlspolPolicy(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(
            (found.level, found.domain),
            (&b"INFO"[..], &b"example.org"[..])
        );
        assert_eq!(found.policy, Some(&b"secure match=mx1.example.org"[..]));
        assert_eq!(found.cache, Some(&b"from cache, 59m2s remaining"[..]));
    }
}

//! Lines of postfix-mta-sts-resolver: MTA-STS policies for outgoing mail.

use super::{Event, Parsed};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::split_once;

event_struct! {
    /// What is known about a domain's policy.
    ///
    /// Shape: `{date} {time} {LEVEL}  {COMPONENT}: {text}`, with `... for domain '{domain}' ...` or
    /// `Domain {domain} ...` in the text. The line has a stamp of its own.
    pub struct Policy<'a> {
        /// The line's own stamp, as logged.
        pub time: &'a [u8],
        /// The level.
        pub level: &'a [u8],
        /// The part of the program.
        pub component: &'a [u8],
        /// The domain.
        pub domain: Option<&'a [u8]>,
        /// The text.
        pub text: &'a [u8],
    }
}

/// Parses a message of mta-sts-daemon.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    policy(message)
        .map(Event::MtaStsPolicy)
        .ok_or(Reason("mta-sts-daemon"))
}

fn policy(message: &[u8]) -> Option<Policy<'_>> {
    let (time, rest) = message.split_at_checked(b"2026-11-21 01:24:04".len())?;
    let is_stamp = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b' ' | b':');
    if !time.iter().all(is_stamp) {
        return None;
    }
    let (level, rest) = split_once(rest.strip_prefix(b" ")?, b" ")?;
    let (component, text) = split_once(rest.trim_ascii_start(), b": ")?;
    let quoted = split_once(text, b"domain '").and_then(|(_, rest)| split_once(rest, b"'"));
    let plain = || split_once(text.strip_prefix(b"Domain ")?, b" ");
    Some(Policy {
        time,
        level,
        component,
        domain: quoted.or_else(plain).map(|(domain, _)| domain),
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_domain_in_both_forms() {
        for line in [
            "2026-11-21 01:24:04 WARNING  STS: STS policy fetch for domain 'example.org' failed with error: timeout",
            "2026-11-21 01:24:04 INFO     STS: Domain example.org does not have a valid policy.",
        ] {
            let Ok(Event::MtaStsPolicy(found)) = parse(line.as_bytes()) else {
                panic!("{line}")
            };
            assert_eq!(found.domain, Some(&b"example.org"[..]), "{line}");
        }
    }
}

//! What loggers say about lines: how many were lost, which were repeated.

use crate::fields::{event_struct, events};
use crate::scan::{Scan, before, number};
use crate::{Reason, syslog};
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::sequence::{delimited, preceded, terminated};

event_struct! {
    /// A logger dropped lines: totals after this line are lower bounds.
    ///
    /// Shapes: `imuxsock lost {count} messages from pid {pid} due to rate-limiting` (rsyslog 5 to 7),
    /// `imuxsock[pid {pid}]: {count} messages lost due to rate-limiting (…)` (rsyslog 8, `imjournal`
    /// too), `Suppressed {count} messages from {unit}` (journald).
    pub struct RateLimit<'a> {
        /// How many lines were lost.
        pub count: u64,
        /// The process whose lines were lost (rsyslog).
        pub pid: Option<u64>,
        /// The unit whose lines were lost (journald).
        pub unit: Option<&'a [u8]>,
    }
}

event_struct! {
    /// The line above was logged again; only where it is not at hand, or of another host. Else this
    /// is an event of that line's kind.
    ///
    /// Shape: `last message repeated {count} times` (syslogd), also in dashes (macOS).
    pub struct Repeat<'a> {
        /// How often it was logged again.
        pub count: u64,
        /// The notice.
        pub text: &'a [u8],
    }
}

event_struct! {
    /// What `journalctl` and syslogd write between the lines of others.
    ///
    /// Shapes: `-- Boot {boot_id} --`, `-- Logs begin at Wed 2024-05-01 12:34:56 CEST, end at … --`,
    /// `-- Journal begins at … --`, `-- No entries --`, `-- MARK --`.
    pub struct Marker<'a> {
        /// The marker without its dashes.
        pub what: &'a [u8],
        /// The boot whose lines follow.
        pub boot_id: Option<&'a [u8]>,
    }
}

events! {
    /// An event logged by a logger.
    pub enum Event<'a> {
        Repeat(Repeat<'a>) = "logger_repeat",
        Marker(Marker<'a>) = "logger_marker",
        RateLimit(RateLimit<'a>) = "logger_rate_limit",
    }
}

/// Parses a logger's own line; what tells nothing about other lines is foreign.
pub(crate) fn parse(message: &[u8]) -> Result<Event<'_>, Reason> {
    if let Ok((_, lost)) = alt((rsyslog, journald)).parse(message) {
        return Ok(Event::RateLimit(lost));
    }
    if let Some(times) = syslog::notice(message) {
        let count = u64::from(times);
        return Ok(Event::Repeat(Repeat {
            count,
            text: message,
        }));
    }
    marker(message).map(Event::Marker).ok_or(Reason("logger"))
}

/// Tells whether a line is a marker of `journalctl`, which has no envelope.
pub(crate) fn is_marker(line: &[u8]) -> bool {
    let starts: [&[u8]; 4] = [
        b"Boot ",
        b"Logs begin at ",
        b"Journal begins at ",
        b"No entries",
    ];
    inside_dashes(line).is_some_and(|what| starts.iter().any(|start| what.starts_with(start)))
}

fn marker(message: &[u8]) -> Option<Marker<'_>> {
    let what = inside_dashes(message)?;
    let boot_id = what.strip_prefix(b"Boot ");
    Some(Marker { what, boot_id })
}

fn inside_dashes(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b"-- ")?.strip_suffix(b" --")
}

fn rsyslog(input: &[u8]) -> Scan<'_, RateLimit<'_>> {
    let (rest, _) = alt((tag("imuxsock"), tag("imjournal"))).parse(input)?;
    let lost = |count, pid| RateLimit {
        count,
        pid,
        unit: None,
    };
    if let Ok((rest, count)) = preceded(tag::<_, _, ()>(" lost "), number_of_messages).parse(rest) {
        let pid = preceded(tag::<_, _, ()>(" from pid "), number).parse(rest);
        return Ok((b"", lost(count, pid.ok().map(|(_, pid)| pid))));
    }
    let pid = delimited(tag::<_, _, ()>("[pid "), number, tag("]")).parse(rest);
    let (rest, _) = before(": ").parse(rest)?;
    let (_, count) =
        terminated(number_of_messages, tag(" lost due to rate-limiting")).parse(rest)?;
    Ok((b"", lost(count, pid.ok().map(|(_, pid)| pid))))
}

fn number_of_messages(input: &[u8]) -> Scan<'_, u64> {
    terminated(number, tag(" messages")).parse(input)
}

fn journald(input: &[u8]) -> Scan<'_, RateLimit<'_>> {
    let (unit, count) = preceded(
        tag("Suppressed "),
        terminated(number, before("messages from ")),
    )
    .parse(input)?;
    Ok((
        b"",
        RateLimit {
            count,
            pid: None,
            unit: Some(unit),
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_loggers_loss_notices() {
        let Ok(Event::RateLimit(lost)) =
            parse(b"imuxsock lost 42 messages from pid 1234 due to rate-limiting")
        else {
            panic!()
        };
        assert_eq!((lost.count, lost.pid), (42, Some(1234)));
        let Ok(Event::RateLimit(lost)) = parse(b"Suppressed 715 messages from postfix@-.service")
        else {
            panic!()
        };
        assert_eq!(
            (lost.count, lost.unit),
            (715, Some(&b"postfix@-.service"[..]))
        );
        for (text, expected) in [
            (
                "imuxsock[pid 12]: 42 messages lost due to rate-limiting (500 allowed within 5 seconds)",
                (42, Some(12)),
            ),
            (
                "imuxsock from <mx1:smtpd>: 7 messages lost due to rate-limiting",
                (7, None),
            ),
            (
                "imjournal: 1382 messages lost due to rate-limiting",
                (1382, None),
            ),
        ] {
            let Ok(Event::RateLimit(lost)) = parse(text.as_bytes()) else {
                panic!("{text}")
            };
            assert_eq!((lost.count, lost.pid), expected, "{text}");
        }
        assert!(parse(b"imuxsock[pid 12]: begin to drop messages due to rate-limiting").is_err());
        assert!(parse(b"[origin software=\"rsyslogd\"] start").is_err());
    }
    #[test]
    fn reads_repeats_and_markers() {
        let Ok(Event::Repeat(repeat)) = parse(b"--- last message repeated 37 times ---") else {
            panic!()
        };
        assert_eq!(repeat.count, 37);
        for (text, what, boot_id) in [
            ("-- Boot 0123abcd --", "Boot 0123abcd", Some("0123abcd")),
            ("-- No entries --", "No entries", None),
            ("-- MARK --", "MARK", None),
        ] {
            let Ok(Event::Marker(marker)) = parse(text.as_bytes()) else {
                panic!("{text}")
            };
            assert_eq!(marker.what, what.as_bytes());
            assert_eq!(marker.boot_id, boot_id.map(str::as_bytes));
        }
        assert!(is_marker(b"-- Boot 0123abcd --") && !is_marker(b"-- a b --"));
    }
}

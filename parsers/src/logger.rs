//! What loggers say about lines: how many were lost, which were repeated.

use crate::Reason;
use crate::fields::{event_struct, events};
use crate::scan::{Scan, before, number};
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::sequence::{preceded, terminated};

event_struct! {
    /// A logger dropped lines: totals after this line are lower bounds.
    ///
    /// Shapes: `imuxsock lost {count} messages from pid {pid} due to rate-limiting` (rsyslog),
    /// `Suppressed {count} messages from {unit}` (journald).
    pub struct RateLimit<'a> {
        /// How many lines were lost.
        pub count: u64,
        /// The process whose lines were lost (rsyslog).
        pub pid: Option<u64>,
        /// The unit whose lines were lost (journald).
        pub unit: Option<&'a [u8]>,
    }
}

events! {
    /// An event logged by a logger.
    pub enum Event<'a> {
        RateLimit(RateLimit<'a>) = "logger_rate_limit",
    }
}

/// Parses a logger's own line; what tells nothing about lost lines is foreign.
pub(crate) fn parse(message: &[u8]) -> Result<Event<'_>, Reason> {
    alt((imuxsock, journald))
        .parse(message)
        .map(|(_, event)| Event::RateLimit(event))
        .map_err(|_| Reason("logger"))
}

fn imuxsock(input: &[u8]) -> Scan<'_, RateLimit<'_>> {
    let lead = alt((
        tag("imuxsock lost "),
        tag("imuxsock[pid 1]: lost "),
        tag("imjournal: "),
    ));
    let (rest, count) = preceded(lead, terminated(number, tag(" messages"))).parse(input)?;
    let pid = preceded(tag::<_, _, ()>(" from pid "), number)
        .parse(rest)
        .ok()
        .map(|(_, pid)| pid);
    Ok((
        b"",
        RateLimit {
            count,
            pid,
            unit: None,
        },
    ))
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
        let Event::RateLimit(lost) =
            parse(b"imuxsock lost 42 messages from pid 1234 due to rate-limiting").unwrap();
        assert_eq!((lost.count, lost.pid), (42, Some(1234)));
        let Event::RateLimit(lost) =
            parse(b"Suppressed 715 messages from postfix@-.service").unwrap();
        assert_eq!(
            (lost.count, lost.unit),
            (715, Some(&b"postfix@-.service"[..]))
        );
        assert!(parse(b"[origin software=\"rsyslogd\"] start").is_err());
    }
}

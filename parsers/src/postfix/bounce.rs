//! Lines of bounce(8), which serves the services bounce, defer and trace.

use super::{Event, Parsed};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{queue_id, split_once};

event_struct! {
    /// A notice about a mail was queued as a mail of its own; five kinds.
    ///
    /// Shape: `{queue_id}: {sender|postmaster} {non-delivery|delay|delivery status} notification:
    /// {new_queue_id}`. Up to 3.10 it follows the lines of the new mail; since 3.11 it precedes
    /// them, even when the notice is cancelled later. Source: Postfix
    /// `src/bounce/bounce_notify_service.c` and others; since 2.3.
    pub struct Notification<'a> {
        /// The queue id of the mail that the notice is about.
        pub queue_id: &'a [u8],
        /// The queue id of the notice.
        pub new_queue_id: &'a [u8],
    }
}

event_struct! {
    /// A success notice was not sent, for the mail is itself a notice.
    ///
    /// Shape: `{queue_id}: not sending trace/success notification for {what} message`. Source:
    /// Postfix `src/bounce/bounce_trace_service.c`; since 2.9.
    pub struct TraceSkipped<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
        /// `double-bounce` or `single-bounce`.
        pub what: &'a [u8],
    }
}

event_struct! {
    /// A notice could not be sent.
    ///
    /// Shapes: `warning: {queue_id}: undeliverable postmaster notification discarded`, `warning:
    /// {queue_id}: {sender|postmaster} notification failed[ to {address}][: {cause}]` (3.11),
    /// `warning: {queue_id}: postmaster notice failed while {bouncing to|warning} {address}`. Source:
    /// Postfix `src/bounce/`; since 2.3.
    pub struct Warning<'a> {
        /// The queue id of the mail that the notice is about.
        pub queue_id: &'a [u8],
        /// Whom the notice was for.
        pub address: Option<&'a [u8]>,
        /// What happened, without the address.
        pub reason: &'a [u8],
        /// cleanup's error, since 3.11.
        pub cause: Option<&'a [u8]>,
    }
}

/// Parses a message of bounce.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    if let Some(text) = message.strip_prefix(b"warning: ") {
        return warning(text)
            .map(Event::BounceWarning)
            .ok_or(Reason("bounce warning"));
    }
    match queue_id(message) {
        Ok((rest, queue_id)) => notice(queue_id, rest).ok_or(Reason("bounce notice")),
        Err(_) => Err(Reason("bounce")),
    }
}

fn notice<'a>(queue_id: &'a [u8], rest: &'a [u8]) -> Option<Event<'a>> {
    if let Some(rest) = rest.strip_prefix(b"not sending trace/success notification for ") {
        let what = rest.strip_suffix(b" message").unwrap_or(rest);
        return Some(Event::BounceTraceSkipped(TraceSkipped { queue_id, what }));
    }
    let (what, new_queue_id) = split_once(rest, b" notification: ")?;
    let notification = Notification {
        queue_id,
        new_queue_id,
    };
    Some(match what {
        b"sender non-delivery" => Event::BounceSenderNdn(notification),
        b"postmaster non-delivery" => Event::BouncePostmasterNdn(notification),
        b"sender delay" => Event::BounceSenderDelay(notification),
        b"postmaster delay" => Event::BouncePostmasterDelay(notification),
        b"sender delivery status" => Event::BounceSenderDsn(notification),
        _ => return None,
    })
}

fn warning(text: &[u8]) -> Option<Warning<'_>> {
    let (rest, queue_id) = queue_id(text).ok()?;
    let found = |reason, address, cause| {
        Some(Warning {
            queue_id,
            address,
            reason,
            cause,
        })
    };
    if rest == b"undeliverable postmaster notification discarded" {
        return found(rest, None, None);
    }
    for reason in [
        &b"postmaster notice failed while bouncing to"[..],
        b"postmaster notice failed while warning",
    ] {
        if let Some(address) = rest.strip_prefix(reason) {
            return found(said(rest, reason), address.strip_prefix(b" "), None);
        }
    }
    for reason in [
        &b"sender notification failed"[..],
        b"postmaster notification failed",
    ] {
        if let Some(behind) = rest.strip_prefix(reason) {
            let (address, cause) = match split_once(behind, b": ") {
                Some((address, cause)) => (address, Some(cause)),
                None => (behind, None),
            };
            return found(said(rest, reason), address.strip_prefix(b" to "), cause);
        }
    }
    None
}

/// Returns the words with which a line begins as a part of the line.
fn said<'a>(line: &'a [u8], words: &[u8]) -> &'a [u8] {
    line.get(..words.len()).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_notices_have_one_shape() {
        for (words, kind) in [
            ("sender non-delivery", "bounce_sender_ndn"),
            ("postmaster non-delivery", "bounce_postmaster_ndn"),
            ("sender delay", "bounce_sender_delay"),
            ("postmaster delay", "bounce_postmaster_delay"),
            ("sender delivery status", "bounce_sender_dsn"),
        ] {
            let line = format!("4Vd3Qh2sBwz1XkP9: {words} notification: 5A2B33D1EAF");
            let event = parse(line.as_bytes()).unwrap();
            assert_eq!(Event::KINDS.get(event.index()), Some(&kind));
            let (Event::BounceSenderNdn(found)
            | Event::BouncePostmasterNdn(found)
            | Event::BounceSenderDelay(found)
            | Event::BouncePostmasterDelay(found)
            | Event::BounceSenderDsn(found)) = event
            else {
                panic!()
            };
            assert_eq!(found.queue_id, b"4Vd3Qh2sBwz1XkP9");
            assert_eq!(found.new_queue_id, b"5A2B33D1EAF");
        }
    }

    #[test]
    fn a_failed_notice_names_address_and_cause() {
        let line = b"warning: 4F1A22C0D9E: sender notification failed to a@example.net: queue file write error";
        let Event::BounceWarning(found) = parse(line).unwrap() else {
            panic!()
        };
        assert_eq!(found.address, Some(&b"a@example.net"[..]));
        assert_eq!(found.reason, b"sender notification failed");
        assert_eq!(found.cause, Some(&b"queue file write error"[..]));
        let line =
            b"warning: 4F1A22C0D9E: postmaster notice failed while bouncing to a@example.net";
        let Event::BounceWarning(found) = parse(line).unwrap() else {
            panic!()
        };
        assert_eq!(found.address, Some(&b"a@example.net"[..]));
        assert!(parse(b"warning: for instructions see the bounce(5) manual").is_err());
    }
}

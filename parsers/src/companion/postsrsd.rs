//! Lines of postsrsd, which rewrites envelope senders.

use super::{Event, Parsed};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{is_queue_id, split_once};

event_struct! {
    /// An address was rewritten.
    ///
    /// Shape: `srs_{forward|reverse}: <{address}> rewritten as <{new}>` (1.x), `<{address}>
    /// {forwarded as|reversed to} <{new}>` (2.0-2.2.0), with `{{queue_id}|NOQUEUE|socketmap}: `
    /// before it since 2.2.1.
    pub struct Rewritten<'a> {
        /// The queue id.
        pub queue_id: Option<&'a [u8]>,
        /// `forward` or `reverse`.
        pub direction: Option<&'static str>,
        /// The address.
        pub address: &'a [u8],
        /// What it became.
        pub new_address: &'a [u8],
    }
}

event_struct! {
    /// An address was not rewritten, or postsrsd has a trouble.
    ///
    /// Shape: `[{warn|error}: ][srs_{forward|reverse}: |{id}: ]<{address}> not
    /// {rewritten|reversed|...}: {reason}`, `{warn|error}: {reason}`.
    pub struct NotRewritten<'a> {
        /// The queue id.
        pub queue_id: Option<&'a [u8]>,
        /// `forward` or `reverse`, where the line tells.
        pub direction: Option<&'static str>,
        /// The address.
        pub address: Option<&'a [u8]>,
        /// Why.
        pub reason: &'a [u8],
        /// `warn`, `error` or `debug`, where the line tells.
        pub severity: Option<&'static str>,
    }
}

/// What stands before an address.
#[derive(Clone, Copy, Default)]
struct Lead<'a> {
    queue_id: Option<&'a [u8]>,
    direction: Option<&'static str>,
    severity: Option<&'static str>,
}

/// Parses a message of postsrsd.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    let (lead, text) = lead(message);
    if let Some(rest) = text.strip_prefix(b"<") {
        return address(&lead, rest).ok_or(Reason("postsrsd address"));
    }
    if lead.severity.is_none() {
        return Err(Reason("postsrsd"));
    }
    Ok(Event::PostsrsdNotRewritten(NotRewritten {
        queue_id: lead.queue_id,
        direction: lead.direction,
        address: None,
        reason: text,
        severity: lead.severity,
    }))
}

/// Takes `postsrsd: `, severities, functions and ids off the front.
fn lead(message: &[u8]) -> (Lead<'_>, &[u8]) {
    let mut lead = Lead::default();
    let mut text = message;
    while let Some((word, rest)) = split_once(text, b": ") {
        match word {
            b"postsrsd" | b"NOQUEUE" | b"socketmap" => {}
            b"srs_forward" => lead.direction = Some("forward"),
            b"srs_reverse" => lead.direction = Some("reverse"),
            b"warn" => lead.severity = Some("warn"),
            b"error" => lead.severity = Some("error"),
            b"debug" => lead.severity = Some("debug"),
            _ if is_queue_id(word) => lead.queue_id = Some(word),
            _ => break,
        }
        text = rest;
    }
    (lead, text)
}

fn address<'a>(lead: &Lead<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let results: [(&[u8], Option<&'static str>); 3] = [
        (b"> rewritten as <", lead.direction),
        (b"> forwarded as <", Some("forward")),
        (b"> reversed to <", Some("reverse")),
    ];
    for (mark, direction) in results {
        if let Some((address, new)) = split_once(rest, mark) {
            return Some(Event::PostsrsdRewritten(Rewritten {
                queue_id: lead.queue_id,
                direction,
                address,
                new_address: new.strip_suffix(b">").unwrap_or(new),
            }));
        }
    }
    let (address, rest) = split_once(rest, b"> not ")?;
    let (what, reason) = split_once(rest, b": ").unwrap_or((rest, b""));
    let direction = match what {
        b"reversed" | b"reverse-rewritten" => Some("reverse"),
        b"forwarded" | b"forward-rewritten" => Some("forward"),
        _ => lead.direction,
    };
    Some(Event::PostsrsdNotRewritten(NotRewritten {
        queue_id: lead.queue_id,
        direction,
        address: Some(address),
        reason,
        severity: lead.severity,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ids_and_directions_of_every_version() {
        for (line, id, direction) in [
            ("srs_reverse: <a@b> rewritten as <c@d>", None, "reverse"),
            ("<a@b> forwarded as <c@d>", None, "forward"),
            (
                "4F1A22C0D9E: <a@b> reversed to <c@d>",
                Some(&b"4F1A22C0D9E"[..]),
                "reverse",
            ),
            (
                "postsrsd: socketmap: <a@b> forwarded as <c@d>",
                None,
                "forward",
            ),
        ] {
            let Ok(Event::PostsrsdRewritten(found)) = parse(line.as_bytes()) else {
                panic!("{line}")
            };
            assert_eq!(
                (found.queue_id, found.direction),
                (id, Some(direction)),
                "{line}"
            );
            assert_eq!(
                (found.address, found.new_address),
                (&b"a@b"[..], &b"c@d"[..]),
                "{line}"
            );
        }
    }
}

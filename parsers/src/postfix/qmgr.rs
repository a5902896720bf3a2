//! Lines of qmgr(8) and oqmgr(8): mails entering the active queue, leaving it, expiring.

use super::mention::Text;
use super::{Event, Parsed, cleanup, delivery, smtpd};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{
    angle, before_last, behind, find_from, near_number, queue_id, split_number, split_once,
    to_number,
};

event_struct! {
    /// A mail entered the active queue; logged at each attempt.
    ///
    /// Shape: `{queue_id}: from=<{sender}>, size={size_bytes}, nrcpt={nrcpt} (queue {queue_name})`;
    /// `sender` is empty for bounces. Unknown further fields are ignored. Source: Postfix
    /// `src/global/opened.c`; since 2.3. Units: `size_bytes` counts the message content.
    pub struct Active<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
        /// The envelope sender, without brackets; empty for the null sender.
        pub sender: &'a [u8],
        /// The size of the content.
        pub size_bytes: u64,
        /// How many recipients the mail has.
        pub nrcpt: u64,
        /// The queue, `active`.
        pub queue_name: &'a [u8],
    }
}

event_struct! {
    /// A mail left the queue for good.
    ///
    /// Shape: `{queue_id}: removed`. Source: Postfix `src/qmgr/qmgr_active.c`; since 2.3.
    pub struct Removed<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
    }
}

event_struct! {
    /// A mail was in the queue for too long.
    ///
    /// Shape: `{queue_id}: from=<{sender}>, status={expired|force-expired}, returned to sender`,
    /// also for the null sender. Source: Postfix `src/qmgr/qmgr_active.c`; since 2.3,
    /// `force-expired` since 3.5.
    pub struct Expired<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
        /// The envelope sender, without brackets.
        pub sender: &'a [u8],
        /// `expired` or `force-expired`.
        pub status: &'a [u8],
    }
}

event_struct! {
    /// A queue scan met a mail that is still being delivered.
    ///
    /// Shape: `{queue_id}: skipped, still being delivered`. Source: Postfix
    /// `src/qmgr/qmgr_active.c`; since 2.3.
    pub struct Skipped<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
    }
}

event_struct! {
    /// Verbose logging only: a mail is sent with a variable envelope return path.
    ///
    /// Shape: `{queue_id}: enabling VERP for sender "{sender}"`, up to 100 bytes of it. Source:
    /// Postfix `src/qmgr/qmgr_message.c`; since 2.8.
    pub struct Verp<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
        /// The envelope sender.
        pub sender: &'a [u8],
    }
}

event_struct! {
    /// `destination_concurrency_feedback_debug`: how the concurrency to a destination moves.
    ///
    /// Shapes: `{function}: queue {queue}: limit {limit} window {window} success {success} failure
    /// {failure} fail_cohorts {fail_cohorts}`, `{function}: feedback {text}`, `{parameter}: … feedback
    /// type … value at …`. Source: Postfix `src/qmgr/qmgr_queue.c`, `qmgr_feedback.c`; since 2.5.
    pub struct Feedback<'a> {
        /// The destination.
        pub queue: Option<&'a [u8]>,
        /// The concurrency limit.
        pub limit: Option<u64>,
        /// The concurrency window.
        pub window: Option<u64>,
        /// The positive feedback, a decimal.
        pub success: Option<&'a [u8]>,
        /// The negative feedback, a decimal.
        pub failure: Option<&'a [u8]>,
        /// How many pseudo-cohorts failed, a decimal.
        pub fail_cohorts: Option<&'a [u8]>,
        /// The line, where it is of another shape.
        pub text: Option<&'a [u8]>,
    }
}

event_struct! {
    /// The active queue is full of mail to one destination; a burst of several lines.
    ///
    /// Shape: `warning: mail for {nexthop} is using up {count} of {limit} active queue entries`, then
    /// lines of advice. Source: Postfix `src/qmgr/qmgr_entry.c`, `src/oqmgr/qmgr_message.c`;
    /// since 2.3.
    pub struct ClogWarning<'a> {
        /// The destination.
        pub nexthop: Option<&'a [u8]>,
        /// How many entries it uses.
        pub count: Option<u64>,
        /// How many there are.
        pub limit: Option<u64>,
        /// A line of advice.
        pub text: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A delivery agent could not be reached or broke off.
    ///
    /// Shapes: `warning: connect to transport private/{transport}: {reason}`, `warning:
    /// private/{transport} socket: {reason}`, `warning: transport {transport} failure -- …` (up to
    /// 3.8), `fatal: timeout connecting to transport: {transport}`, `fatal: {queue_id}: timeout
    /// receiving delivery status from transport: {transport}`. Source: Postfix
    /// `src/qmgr/qmgr_transport.c`, `qmgr_deliver.c`; since 2.3.
    pub struct TransportProblem<'a> {
        /// The queue id, where the line has one.
        pub queue_id: Option<&'a [u8]>,
        /// The transport's name in master.cf.
        pub transport: &'a [u8],
        /// What went wrong.
        pub reason: &'a [u8],
    }
}

event_struct! {
    /// A queue file is damaged.
    ///
    /// Shapes: `warning: saving corrupt file "{queue_id}" from queue "{…}" to queue "corrupt"`,
    /// `warning: {queue_id}: message rejected: …`, `warning: {queue_id}: ignoring …`, `fatal:
    /// {queue_id}: envelope records out of order`. Source: Postfix `src/qmgr/qmgr_message.c`,
    /// `src/global/mark_corrupt.c`; since 2.3.
    pub struct Corrupt<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
        /// What is wrong.
        pub text: Text<'a>,
    }
}

event_struct! {
    /// Two parameters do not go together.
    ///
    /// Shapes: `warning: {parameter} is {larger|smaller} than {parameter} - adjusting …`, `warning:
    /// please update the {directory}/master.cf file; the new queue manager`. Source: Postfix
    /// `src/qmgr/qmgr.c`; since 2.3.
    pub struct Param<'a> {
        /// The warning.
        pub text: &'a [u8],
    }
}

/// Parses a message of qmgr.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    if let Ok((rest, queue_id)) = queue_id(message) {
        if rest == b"removed" {
            return Ok(Event::QmgrRemoved(Removed { queue_id }));
        }
        if let Some(active) = usual_active(queue_id, rest) {
            return Ok(Event::QmgrActive(active));
        }
    }
    parse_rarer(message)
}

/// Parses a line that a mail does not have as a rule, or that is not of the usual form.
#[inline(never)]
fn parse_rarer(message: &[u8]) -> Parsed<'_> {
    if let Ok((rest, queue_id)) = queue_id(message) {
        if rest.starts_with(b"to=") {
            return delivery::parse_rest(queue_id, rest);
        }
        return with_queue_id(queue_id, rest).ok_or(Reason("qmgr queue id"));
    }
    if let Some(text) = message.strip_prefix(b"warning: ") {
        return warning(text).ok_or(Reason("qmgr warning"));
    }
    if let Some(text) = message.strip_prefix(b"fatal: ") {
        return fatal(text).ok_or(Reason("qmgr fatal"));
    }
    feedback(message).ok_or(Reason("qmgr"))
}

fn with_queue_id<'a>(queue_id: &'a [u8], rest: &'a [u8]) -> Option<Event<'a>> {
    if let Some(fields) = rest.strip_prefix(b"from=") {
        return active(queue_id, fields).or_else(|| expired(queue_id, fields));
    }
    if rest.starts_with(b"skipped, still being delivered") {
        return Some(Event::QmgrSkipped(Skipped { queue_id }));
    }
    let sender = rest.strip_prefix(b"enabling VERP for sender \"")?;
    let sender = sender.strip_suffix(b"\"").unwrap_or(sender);
    Some(Event::QmgrVerp(Verp { queue_id, sender }))
}

/// Reads a line from the left in which nothing follows but what Postfix writes: what the sender holds
/// ends before it, and the line cannot be read in another way.
#[inline(always)]
fn usual_active<'a>(queue_id: &'a [u8], rest: &'a [u8]) -> Option<Active<'a>> {
    let inside = rest.strip_prefix(b"from=<")?;
    let (sender, rest) = inside.split_at_checked(find_from::<b'>'>(inside, 0)?)?;
    let (rest, size_bytes) = near_number(rest.strip_prefix(b">, size=")?)?;
    let (rest, nrcpt) = near_number(rest.strip_prefix(b", nrcpt=")?)?;
    let queue_name = rest.strip_prefix(b" (queue ")?.strip_suffix(b")")?;
    (queue_name == b"active").then_some(Active {
        queue_id,
        sender,
        size_bytes,
        nrcpt,
        queue_name,
    })
}

/// Reads `<{sender}>, size={size}, nrcpt={nrcpt} (queue {name})`.
///
/// A sender may hold a look-alike of all that follows it, so the line is read from behind.
fn active<'a>(queue_id: &'a [u8], fields: &'a [u8]) -> Option<Event<'a>> {
    let (left, rest) = before_last(fields, b", size=")?;
    let (size_bytes, rest) = split_number(rest)?;
    let rest = behind(rest, b", nrcpt=")?;
    let (nrcpt, rest) = split_number(rest)?;
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let queue_name = behind(rest, b"(queue ")?;
    Some(Event::QmgrActive(Active {
        queue_id,
        sender: sender(left)?,
        size_bytes,
        nrcpt,
        queue_name: queue_name.strip_suffix(b")").unwrap_or(queue_name),
    }))
}

/// Reads `<{sender}>, status={status}, returned to sender`.
fn expired<'a>(queue_id: &'a [u8], fields: &'a [u8]) -> Option<Event<'a>> {
    let (left, rest) = before_last(fields, b", status=")?;
    let (status, _) = split_once(rest, b", ").unwrap_or((rest, b""));
    if !matches!(status, b"expired" | b"force-expired") {
        return None;
    }
    Some(Event::QmgrExpired(Expired {
        queue_id,
        sender: sender(left)?,
        status,
    }))
}

/// Takes the brackets off a sender; a field that we do not know may stand behind it.
///
/// A pasted line may have lost the brackets, and the address with them.
fn sender(text: &[u8]) -> Option<&[u8]> {
    let Some(inside) = text.strip_prefix(b"<") else {
        return Some(split_once(text, b", ").map_or(text, |(sender, _)| sender));
    };
    match inside.strip_suffix(b">") {
        Some(sender) => Some(sender),
        None => angle(text, &[b", "]).ok().map(|(_, sender)| sender),
    }
}

/// Parses a warning of qmgr, its severity word taken off.
fn warning(text: &[u8]) -> Option<Event<'_>> {
    if let Ok((rest, queue_id)) = queue_id(text) {
        // The hop count is cleanup's business, and its line must not be claimed under a cut tag.
        let is_corrupt = (rest.starts_with(b"message rejected: ")
            && !rest.ends_with(b"hopcount exceeded"))
            || rest.starts_with(b"ignoring ");
        return is_corrupt.then_some(Event::QmgrCorrupt(Corrupt {
            queue_id,
            text: Text(rest),
        }));
    }
    clog(text)
        .or_else(|| transport_problem(text))
        .or_else(|| saved_corrupt(text))
        .or_else(|| param(text))
        .or_else(|| cleanup::clock_skew(text))
        .or_else(|| smtpd::parse_shared_warning(text))
}

/// How qmgr's lines of advice begin.
const ADVICE: [&[u8]; 10] = [
    b"this may slow down other mail deliveries",
    b"you may need to increase the main.cf ",
    b"you may need a separate master.cf transport for ",
    b"you may need to reduce ",
    b"so that Postfix quickly skips unavailable hosts",
    b"so that Postfix wastes less time on undeliverable mail",
    b"you may need to increase the master.cf ",
    b"please avoid flushing the whole queue when you have",
    b"lots of deferred mail, that is bad for performance",
    b"to turn off these warnings specify: qmgr_clog_warn_time = 0",
];

fn clog(text: &[u8]) -> Option<Event<'_>> {
    if ADVICE.iter().any(|lead| text.starts_with(lead)) {
        return Some(Event::QmgrClogWarning(ClogWarning {
            nexthop: None,
            count: None,
            limit: None,
            text: Some(text),
        }));
    }
    let (nexthop, rest) = split_once(text.strip_prefix(b"mail for ")?, b" is using up ")?;
    let (count, rest) = split_number(rest)?;
    let limit = rest.strip_prefix(b" of ").and_then(split_number);
    Some(Event::QmgrClogWarning(ClogWarning {
        nexthop: Some(nexthop),
        count: Some(count),
        limit: limit.map(|(limit, _)| limit),
        text: None,
    }))
}

fn transport_problem(text: &[u8]) -> Option<Event<'_>> {
    let problem = |transport, reason| {
        Some(Event::QmgrTransportProblem(TransportProblem {
            queue_id: None,
            transport,
            reason,
        }))
    };
    if let Some(rest) = text.strip_prefix(b"connect to transport ") {
        let (transport, reason) = split_once(rest, b": ")?;
        return problem(without_class(transport), reason);
    }
    if let Some((socket, reason)) = split_once(text, b" socket: ")
        && matches!(reason, b"malformed response" | b"premature disconnect")
    {
        return problem(without_class(socket), reason);
    }
    let (transport, reason) = split_once(text.strip_prefix(b"transport ")?, b" ")?;
    if reason.starts_with(b"failure -- ") {
        return problem(transport, reason);
    }
    None
}

/// Takes the socket's directory off a transport: `private/smtp`.
fn without_class(socket: &[u8]) -> &[u8] {
    socket.strip_prefix(b"private/").unwrap_or(socket)
}

fn saved_corrupt(text: &[u8]) -> Option<Event<'_>> {
    let (queue_id, rest) = split_once(text.strip_prefix(b"saving corrupt file \"")?, b"\"")?;
    Some(Event::QmgrCorrupt(Corrupt {
        queue_id,
        text: Text(rest.strip_prefix(b" ").unwrap_or(rest)),
    }))
}

fn param(text: &[u8]) -> Option<Event<'_>> {
    let compared = [&b" is larger than "[..], b" is smaller than "]
        .iter()
        .find_map(|mark| split_once(text, mark));
    let is_param = compared.is_some_and(|(_, rest)| split_once(rest, b" - adjusting ").is_some())
        || (text.starts_with(b"please update the ") && text.ends_with(b"; the new queue manager"));
    is_param.then_some(Event::QmgrParam(Param { text }))
}

/// Parses a fatal error of qmgr, its severity word taken off.
fn fatal(text: &[u8]) -> Option<Event<'_>> {
    let (rest, queue_id) = match queue_id(text) {
        Ok((rest, queue_id)) => (rest, Some(queue_id)),
        Err(_) => (text, None),
    };
    if let Some(queue_id) = queue_id
        && rest == b"envelope records out of order"
    {
        return Some(Event::QmgrCorrupt(Corrupt {
            queue_id,
            text: Text(rest),
        }));
    }
    let (reason, transport) =
        split_once(rest, b" to transport: ").or_else(|| split_once(rest, b" from transport: "))?;
    matches!(
        reason,
        b"timeout connecting" | b"timeout receiving delivery status"
    )
    .then_some(Event::QmgrTransportProblem(TransportProblem {
        queue_id,
        transport,
        reason,
    }))
}

fn feedback(message: &[u8]) -> Option<Event<'_>> {
    let none = Feedback {
        queue: None,
        limit: None,
        window: None,
        success: None,
        failure: None,
        fail_cohorts: None,
        text: None,
    };
    let (_, rest) = split_once(message, b": ")?;
    if let Some((queue, counts)) = rest
        .strip_prefix(b"queue ")
        .and_then(|rest| split_once(rest, b": limit "))
    {
        let number = |name| named(counts, name).and_then(to_number);
        return Some(Event::QmgrFeedback(Feedback {
            queue: Some(queue),
            limit: split_number(counts).map(|(limit, _)| limit),
            window: number(&b" window "[..]),
            success: named(counts, b" success "),
            failure: named(counts, b" failure "),
            fail_cohorts: named(counts, b" fail_cohorts "),
            text: None,
        }));
    }
    let is_feedback = rest.starts_with(b"feedback ")
        || split_once(rest, b" feedback type ").is_some_and(|(left, _)| !left.contains(&b' '));
    is_feedback.then_some(Event::QmgrFeedback(Feedback {
        text: Some(message),
        ..none
    }))
}

/// Returns the word after a mark.
fn named<'a>(input: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    let (_, value) = split_once(input, mark)?;
    value.get(..memchr::memchr(b' ', value).unwrap_or(value.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entered(line: &str) -> Active<'_> {
        match parse(line.as_bytes()).unwrap() {
            Event::QmgrActive(active) => active,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reads_a_mail_entering_the_active_queue() {
        for (line, sender, size_bytes, nrcpt) in [
            (
                "4F1A22C0D9E: from=<a@example.net>, size=4321, nrcpt=2 (queue active)",
                "a@example.net",
                4321,
                2,
            ),
            (
                "4F1A22C0D9E: from=<>, size=2915, nrcpt=1 (queue active)",
                "",
                2915,
                1,
            ),
            (
                "4F1A22C0D9E: from=, size=518, nrcpt=1 (queue active)",
                "",
                518,
                1,
            ),
            (
                "4F1A22C0D9E: from=<a@example.net>, new=x, size=518, other=y, nrcpt=1 (queue active)",
                "a@example.net",
                518,
                1,
            ),
            (
                "4F1A22C0D9E: from=<\"x>, size=9\"@example.net>, size=518, nrcpt=1 (queue active)",
                "\"x>, size=9\"@example.net",
                518,
                1,
            ),
            (
                "4F1A22C0D9E: from=<x>, size=99, nrcpt=9 (queue active)>, size=518, nrcpt=1 (queue active)",
                "x>, size=99, nrcpt=9 (queue active)",
                518,
                1,
            ),
        ] {
            let found = entered(line);
            assert_eq!(found.sender, sender.as_bytes(), "{line}");
            assert_eq!(
                (found.size_bytes, found.nrcpt),
                (size_bytes, nrcpt),
                "{line}"
            );
            assert_eq!(found.queue_name, b"active");
        }
    }

    #[test]
    fn a_number_that_does_not_fit_is_no_number() {
        let line = b"4F1A22C0D9E: from=<>, size=99999999999999999999, nrcpt=1 (queue active)";
        assert!(parse(line).is_err());
    }

    #[test]
    fn expiry_keeps_its_status() {
        for (line, sender, status) in [
            (
                "4F1A22C0D9E: from=<a@example.net>, status=expired, returned to sender",
                "a@example.net",
                "expired",
            ),
            (
                "4F1A22C0D9E: from=<>, status=force-expired, returned to sender",
                "",
                "force-expired",
            ),
            (
                "4F1A22C0D9E: from=<\"x>, status=sent, y\"@example.net>, status=expired, returned to sender",
                "\"x>, status=sent, y\"@example.net",
                "expired",
            ),
        ] {
            let Event::QmgrExpired(found) = parse(line.as_bytes()).unwrap() else {
                panic!()
            };
            assert_eq!(found.sender, sender.as_bytes(), "{line}");
            assert_eq!(found.status, status.as_bytes(), "{line}");
        }
    }

    #[test]
    fn removed_stands_alone() {
        assert!(matches!(
            parse(b"4Vd3Qh2sBwz1XkP9: removed"),
            Ok(Event::QmgrRemoved(_))
        ));
        assert!(parse(b"4Vd3Qh2sBwz1XkP9: removed (canceled)").is_err());
        assert!(parse(b"removed").is_err());
    }

    #[test]
    fn transports_lose_their_directory() {
        for line in [
            "warning: connect to transport private/smtp: Connection refused",
            "warning: private/smtp socket: malformed response",
            "warning: transport smtp failure -- see a previous warning/fatal/panic logfile record for the problem description",
            "fatal: timeout connecting to transport: smtp",
            "fatal: 4F1A22C0D9E: timeout receiving delivery status from transport: smtp",
        ] {
            let Event::QmgrTransportProblem(found) = parse(line.as_bytes()).unwrap() else {
                panic!("{line}")
            };
            assert_eq!(found.transport, b"smtp", "{line}");
        }
    }

    #[test]
    fn a_clogged_queue_is_counted() {
        let line = b"warning: mail for example.org is using up 4003 of 6000 active queue entries";
        let Event::QmgrClogWarning(found) = parse(line).unwrap() else {
            panic!()
        };
        assert_eq!(found.nexthop, Some(&b"example.org"[..]));
        assert_eq!((found.count, found.limit), (Some(4003), Some(6000)));
    }

    #[test]
    fn feedback_is_taken_apart() {
        let line = b"qmgr_queue_feedback: queue example.org: limit 20 window 5 success 0.25 failure 0 fail_cohorts 0.5";
        let Event::QmgrFeedback(found) = parse(line).unwrap() else {
            panic!()
        };
        assert_eq!((found.limit, found.window), (Some(20), Some(5)));
        assert_eq!(
            (found.success, found.fail_cohorts),
            (Some(&b"0.25"[..]), Some(&b"0.5"[..]))
        );
    }

    proptest! {
        /// Lines that are read from the left, beside their twins, which are read from behind.
        #[test]
        fn usual_lines_are_read_as_all_others_are(
            words in proptest::collection::vec(
                proptest::sample::select(vec![
                    "a@b.example", ">", "<", "\"", ", ", " ", ">, size=", ", size=", "2947",
                    "12345678", ", nrcpt=", "1", " (queue ", "(queue ", "active", "de ferred", ")",
                    "x>, size=1, nrcpt=2 (queue active)", ", status=expired, returned to sender",
                ]),
                0..9,
            ),
            end in proptest::sample::select(vec!["", ">, size=1, nrcpt=2 (queue active)"]),
        ) {
            let line = format!("from=<{}{end}", words.concat());
            if let Some(found) = usual_active(b"4F1A22C0D9E", line.as_bytes()) {
                let twin = active(b"4F1A22C0D9E", &line.as_bytes()[b"from=".len()..]);
                prop_assert_eq!(Some(Event::QmgrActive(found)), twin);
            }
        }
    }

    #[test]
    fn a_line_as_postfix_writes_it_is_usual() {
        let found = usual_active(b"4F1A22C0D9E", b"from=<>, size=1, nrcpt=2 (queue active)");
        assert_eq!(
            found.map(|found| (found.size_bytes, found.nrcpt)),
            Some((1, 2))
        );
    }
}

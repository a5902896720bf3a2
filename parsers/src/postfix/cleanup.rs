//! Lines of cleanup(8): message ids, header and body checks, mails given up.

use super::access::{FORMS, Form, Tail, dsn, tail};
use super::{Client, Event, Parsed, delivery, milter, smtpd};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{before_last, client, queue_id, rfind_iter, split_number, split_once};

event_struct! {
    /// A mail's Message-ID: kinds `cleanup_message_id` and `cleanup_resent_message_id`.
    ///
    /// Shape: `{queue_id}: [resent-]message-id={message_id}`. The value is the header's raw text,
    /// normally `<id@host>`; it may be empty, lack brackets, hold blanks and several ids. Source:
    /// Postfix `src/cleanup/cleanup_message.c`; since 2.3, `<>` for a missing header since 2.6.
    pub struct MessageId<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
        /// The header's value, as logged.
        pub message_id: &'a [u8],
    }
}

event_struct! {
    /// A header, a body line or a character met a content rule.
    ///
    /// Shape: `{queue_id}: {action}: {header|body|content} {text} from {client|local|unknown};{tail}
    /// [: {optional_text}]`. The text is the first 200 bytes of what the rule matched; a stranger
    /// wrote it. For `reject` the optional text begins with an enhanced status code. Source:
    /// Postfix `src/cleanup/cleanup_message.c`; since 2.3, info 2.8, bcc 3.0, strip and pass 3.2.
    pub struct Check<'a> {
        /// The queue id; absent for `NOQUEUE`.
        pub queue_id: Option<&'a [u8]>,
        /// The rule's action, e.g. `reject`, `warning`, `prepend`.
        pub action: &'a [u8],
        /// `header`, `body` or `content` (`message_reject_characters`).
        pub part: &'a [u8],
        /// What the rule matched.
        pub text: &'a [u8],
        /// Where the mail came from: `client`, `local` or `unknown`.
        pub origin: &'static str,
        /// The client of the session.
        pub client: Option<Client<'a>>,
        /// The envelope sender.
        pub sender: Option<&'a [u8]>,
        /// The envelope recipient that cleanup saw last.
        pub recipient: Option<&'a [u8]>,
        /// `SMTP`, `ESMTP` or `QMQP`; absent for local mail.
        pub proto: Option<&'a [u8]>,
        /// The HELO name; absent for local mail.
        pub helo: Option<&'a [u8]>,
        /// The enhanced status code of a reject.
        pub dsn: Option<&'a [u8]>,
        /// The rule's text or argument.
        pub optional_text: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A mail's MIME structure is not acceptable.
    ///
    /// Shape: `{queue_id}: reject: mime-error {error}: {text} from {client|local|unknown};
    /// from=<{sender}> to=<{recipient}>`, with up to 100 bytes of the mail. Source: Postfix
    /// `src/cleanup/cleanup_message.c`; since 2.3.
    pub struct MimeError<'a> {
        /// The queue id; absent for `NOQUEUE`.
        pub queue_id: Option<&'a [u8]>,
        /// What is wrong, e.g. `improper use of 8-bit data in message header`.
        pub error: &'a [u8],
        /// Where in the mail.
        pub text: &'a [u8],
        /// Where the mail came from: `client`, `local` or `unknown`.
        pub origin: &'static str,
        /// The client of the session.
        pub client: Option<Client<'a>>,
        /// The envelope sender.
        pub sender: Option<&'a [u8]>,
        /// The envelope recipient; the word `unknown` where there is none.
        pub recipient: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A mail was given up before it was queued.
    ///
    /// Shape: `{queue_id}: removed ({canceled|discarded})`. Source: Postfix
    /// `src/cleanup/cleanup_api.c`; since 3.10.
    pub struct Removed<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
        /// `canceled` or `discarded`.
        pub why: &'a [u8],
    }
}

event_struct! {
    /// A mail was not accepted because a table gave no usable answer.
    ///
    /// Shape: `warning: {queue_id}: [unreasonable ]{map} map {problem}[ for {address}] -- message
    /// not accepted, try again later`, `{queue_id}: multi-valued {map} entry for {address}`; up to
    /// 2.10 `{queue_id}: {map} lookup error -- deferring delivery`. Without the severity word for
    /// `masquerade_exceptions`. Source: Postfix `src/cleanup/cleanup_map1n.c` and others; since 2.3.
    pub struct MapProblem<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
        /// The parameter that names the table.
        pub map: &'a [u8],
        /// The address that was looked up.
        pub address: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A mail was refused for its hop count or a malformed record.
    ///
    /// Shape: `warning: {queue_id}: message rejected: {reason}`. Source: Postfix
    /// `src/cleanup/cleanup_message.c`, `cleanup_envelope.c`; since 2.3.
    pub struct TooManyHops<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
        /// Why, e.g. `hopcount exceeded`.
        pub reason: &'a [u8],
    }
}

event_struct! {
    /// A rare warning of cleanup: a queue file, a service, a rule without an argument.
    ///
    /// Shapes: `warning: {queue_id}: write queue file: …`, `warning: remove {path}: …`, `warning:
    /// unknown command in {map} map: …`, and the like. Source: Postfix `src/cleanup/`; since 2.3.
    pub struct Misc<'a> {
        /// The queue id, where the line has one.
        pub queue_id: Option<&'a [u8]>,
        /// The warning.
        pub text: &'a [u8],
    }
}

event_struct! {
    /// The clocks of the file system and of the machine differ.
    ///
    /// Shapes: `warning: file system clock is {seconds} seconds {ahead of|behind} local clock`,
    /// `warning: resetting file time stamps - this hurts performance`. Source: Postfix
    /// `src/global/mail_stream.c`; since 2.3.
    pub struct ClockSkew<'a> {
        /// By how much.
        pub seconds: Option<u64>,
        /// `ahead` or `behind`.
        pub direction: Option<&'static str>,
        /// The warning, where it says nothing else.
        pub text: Option<&'a [u8]>,
    }
}

/// Parses a message of cleanup.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    if let Ok((rest, queue_id)) = queue_id(message)
        && let Some(message_id) = rest.strip_prefix(b"message-id=")
    {
        return Ok(Event::CleanupMessageId(MessageId {
            queue_id,
            message_id,
        }));
    }
    parse_rarer(message)
}

/// Parses a line that a mail does not have as a rule.
#[inline(never)]
fn parse_rarer(message: &[u8]) -> Parsed<'_> {
    if let Ok((rest, queue_id)) = queue_id(message) {
        if rest.starts_with(b"to=") {
            return delivery::parse(message);
        }
        return with_queue_id(queue_id, rest).ok_or(Reason("cleanup queue id"));
    }
    if let Some(text) = message.strip_prefix(b"warning: ") {
        return warning(text).ok_or(Reason("cleanup warning"));
    }
    match message.strip_prefix(b"NOQUEUE: ") {
        Some(rest) => check(None, rest).ok_or(Reason("cleanup NOQUEUE")),
        None => Err(Reason("cleanup")),
    }
}

fn with_queue_id<'a>(queue_id: &'a [u8], rest: &'a [u8]) -> Option<Event<'a>> {
    if let Some(message_id) = rest.strip_prefix(b"resent-message-id=") {
        return Some(Event::CleanupResentMessageId(MessageId {
            queue_id,
            message_id,
        }));
    }
    if let Some(why) = rest.strip_prefix(b"removed (") {
        let why = why.strip_suffix(b")").unwrap_or(why);
        return Some(Event::CleanupRemoved(Removed { queue_id, why }));
    }
    check(Some(queue_id), rest)
        .or_else(|| milter::parse_action(Some(queue_id), rest))
        .or_else(|| map_problem(queue_id, rest))
}

/// Parses `{action}: {part} …`, if it is a content rule's line.
fn check<'a>(queue_id: Option<&'a [u8]>, rest: &'a [u8]) -> Option<Event<'a>> {
    let (action, rest) = split_once(rest, b": ")?;
    if let Some(rest) = rest.strip_prefix(b"mime-error ") {
        return mime_error(queue_id, rest);
    }
    let (part, rest) = split_once(rest, b" ")?;
    if !matches!(part, b"header" | b"body" | b"content")
        || !action.iter().all(u8::is_ascii_lowercase)
    {
        return None;
    }
    let found = content(rest)?;
    let (optional_text, dsn) = match found.optional_text {
        Some(text) if action == b"reject" => {
            let (text, dsn) = dsn(text);
            (Some(text), dsn)
        }
        other => (other, None),
    };
    Some(Event::CleanupCheck(Check {
        queue_id,
        action,
        part,
        text: found.text,
        origin: found.origin,
        client: found.client,
        sender: found.tail.sender,
        recipient: found.tail.recipient,
        proto: found.tail.proto,
        helo: found.tail.helo,
        dsn,
        optional_text: optional_text.filter(|text| !text.is_empty()),
    }))
}

fn mime_error<'a>(queue_id: Option<&'a [u8]>, rest: &'a [u8]) -> Option<Event<'a>> {
    let (error, rest) = split_once(rest, b": ")?;
    let found = content(rest)?;
    Some(Event::CleanupMimeError(MimeError {
        queue_id,
        error,
        text: found.text,
        origin: found.origin,
        client: found.client,
        sender: found.tail.sender,
        recipient: found.tail.recipient,
    }))
}

/// A content rule's line, taken apart: `{text} from {origin};{tail}[: {optional_text}]`.
pub(super) struct Content<'a> {
    /// What the rule matched.
    pub(super) text: &'a [u8],
    /// `client`, `local` or `unknown`.
    pub(super) origin: &'static str,
    /// The client of the session.
    pub(super) client: Option<Client<'a>>,
    /// The transaction.
    pub(super) tail: Tail<'a>,
    /// The rule's text or argument.
    pub(super) optional_text: Option<&'a [u8]>,
}

/// How many bytes of the matched text Postfix logs at most.
const TEXT_LIMIT: usize = 200;

/// Splits a content rule's line from behind.
///
/// The matched text may hold ` from host[192.0.2.1]; from=<x>` of its own. It is at most 200 bytes
/// long, so the true ` from {origin};` begins within them: the last one there whose tail parses.
/// Strict addresses come first, for a loose one could hold a forged origin.
pub(super) fn content(input: &[u8]) -> Option<Content<'_>> {
    let window = input.get(..TEXT_LIMIT + 6).unwrap_or(input);
    for (window, form) in FORMS
        .iter()
        .map(|form| (window, *form))
        .chain([(input, Form::External), (input, Form::Internal)])
    {
        for at in rfind_iter(window, b" from ") {
            if let Some(content) = content_at(input, at, form) {
                return Some(content);
            }
        }
    }
    None
}

fn content_at(input: &[u8], at: usize, form: Form) -> Option<Content<'_>> {
    let (text, rest) = input.split_at_checked(at)?;
    let (rest, origin, client) = origin(rest.strip_prefix(b" from ")?)?;
    let (rest, tail) = tail(rest.strip_prefix(b";")?, form).ok()?;
    let optional_text = match rest {
        b"" => None,
        _ => Some(rest.strip_prefix(b":")?),
    };
    Some(Content {
        text,
        origin,
        client,
        tail,
        optional_text: optional_text.map(|text| text.strip_prefix(b" ").unwrap_or(text)),
    })
}

fn origin(input: &[u8]) -> Option<(&[u8], &'static str, Option<Client<'_>>)> {
    for word in ["local", "unknown"] {
        if let Some(rest) = input.strip_prefix(word.as_bytes())
            && rest.starts_with(b";")
        {
            return Some((rest, word, None));
        }
    }
    let (rest, client) = client(input).ok()?;
    Some((rest, "client", Some(client)))
}

/// Parses a warning of cleanup, its severity word taken off.
fn warning(text: &[u8]) -> Option<Event<'_>> {
    if let Ok((rest, queue_id)) = queue_id(text) {
        return warning_of(queue_id, rest).or_else(|| smtpd::parse_shared_warning(text));
    }
    clock_skew(text)
        .or_else(|| milter::parse_warning(text))
        .or_else(|| smtpd::parse_shared_warning(text))
        .or_else(|| {
            is_misc(text).then_some(Event::CleanupMisc(Misc {
                queue_id: None,
                text,
            }))
        })
}

fn warning_of<'a>(queue_id: &'a [u8], rest: &'a [u8]) -> Option<Event<'a>> {
    if let Some(reason) = rest.strip_prefix(b"message rejected: ") {
        return Some(Event::CleanupTooManyHops(TooManyHops { queue_id, reason }));
    }
    let misc = rest == b"bounce message failure"
        || rest == b"trace logfile update error"
        || rest == b"verify service update error"
        || rest.starts_with(b"write queue file: ")
        || rest.starts_with(b"read timeout on ");
    if misc {
        return Some(Event::CleanupMisc(Misc {
            queue_id: Some(queue_id),
            text: rest,
        }));
    }
    map_problem(queue_id, rest)
}

fn is_misc(text: &[u8]) -> bool {
    [
        &b"remove "[..],
        b"bad FILTER command ",
        b"missing FILTER command argument in ",
        b"PREPEND action without text in ",
        b"unknown command in ",
        b"bad DSN action in ",
        b"ignoring malformed header: ",
    ]
    .iter()
    .any(|lead| text.starts_with(lead))
}

/// Reads `{map} map lookup problem[ for {address}] -- …` and its relatives.
fn map_problem<'a>(queue_id: &'a [u8], rest: &'a [u8]) -> Option<Event<'a>> {
    let (map, address) = match rest.strip_prefix(b"multi-valued ") {
        Some(rest) => {
            let (map, address) = split_once(rest, b" entry for ")?;
            (map, Some(address))
        }
        None => {
            let (problem, _) = before_last(rest, b" -- message not accepted, try again later")
                .or_else(|| before_last(rest, b" -- deferring delivery"))?;
            let (problem, address) = match split_once(problem, b" for ") {
                Some((problem, address)) => (problem, Some(address)),
                None => (problem, None),
            };
            (
                problem.strip_prefix(b"unreasonable ").unwrap_or(problem),
                address,
            )
        }
    };
    let (map, _) = split_once(map, b" ").unwrap_or((map, b""));
    Some(Event::CleanupMapProblem(MapProblem {
        queue_id,
        map,
        address,
    }))
}

/// Parses a warning about clocks, its severity word taken off.
pub(super) fn clock_skew(text: &[u8]) -> Option<Event<'_>> {
    if text.starts_with(b"resetting file time stamps") {
        return Some(Event::ClockSkew(ClockSkew {
            seconds: None,
            direction: None,
            text: Some(text),
        }));
    }
    let (seconds, rest) = split_number(text.strip_prefix(b"file system clock is ")?)?;
    let rest = rest.strip_prefix(b" seconds ")?;
    Some(Event::ClockSkew(ClockSkew {
        seconds: Some(seconds),
        direction: Some(if rest.starts_with(b"ahead") {
            "ahead"
        } else {
            "behind"
        }),
        text: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(field: Option<&[u8]>) -> Option<&str> {
        field.map(|field| core::str::from_utf8(field).unwrap())
    }

    fn checked(line: &str) -> Check<'_> {
        match parse(line.as_bytes()).unwrap() {
            Event::CleanupCheck(check) => check,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reads_all_fields_of_a_header_check() {
        let found = checked(
            "4F1A22C0D9E: reject: header Subject: cheap pills from mail.example.net[198.51.100.7]:51234; from=<a@example.net> to=<bob@example.com> proto=ESMTP helo=<mail.example.net>: 5.7.1 Plz stop sending SPAM id= 7 ",
        );
        assert_eq!((found.action, found.part), (&b"reject"[..], &b"header"[..]));
        assert_eq!(found.text, b"Subject: cheap pills");
        let client = found.client.unwrap();
        assert_eq!(
            (found.origin, client.address),
            ("client", &b"198.51.100.7"[..])
        );
        assert_eq!(text(client.port), Some("51234"));
        assert_eq!(text(found.sender), Some("a@example.net"));
        assert_eq!(text(found.recipient), Some("bob@example.com"));
        assert_eq!(
            (text(found.proto), text(found.helo)),
            (Some("ESMTP"), Some("mail.example.net"))
        );
        assert_eq!(
            (text(found.dsn), text(found.optional_text)),
            (Some("5.7.1"), Some("Plz stop sending SPAM id= 7 "))
        );
    }

    #[test]
    fn a_header_does_not_forge_its_origin() {
        let found = checked(
            r#"4F1A22C0D9E: reject: header Subject: Re: <x> "quoted"; from=x to=<y> from a.example[192.0.2.9]; from=<c@example.net> to=<d@example.com> proto=ESMTP helo=<z>: 5.7.1 not me from mail.example.net[198.51.100.7]; from=<a@example.net> to=<bob@example.com> proto=ESMTP helo=<mail.example.net>: 5.7.1 no"#,
        );
        assert_eq!(found.client.unwrap().address, b"198.51.100.7");
        assert_eq!(
            (text(found.sender), text(found.optional_text)),
            (Some("a@example.net"), Some("no"))
        );
        assert!(found.text.ends_with(b"5.7.1 not me"));
    }

    #[test]
    fn a_senders_local_part_does_not_forge_the_origin() {
        let found = checked(
            r#"4F1A22C0D9E: warning: header Subject: x from mail.example.net[198.51.100.7]; from=<"y from local; from=<z>"@example.net> to=<bob@example.com> proto=ESMTP helo=<x>: check"#,
        );
        assert_eq!((found.origin, found.text), ("client", &b"Subject: x"[..]));
        assert_eq!(
            text(found.sender),
            Some(r#""y from local; from=<z>"@example.net"#)
        );
        assert_eq!(
            (found.dsn, text(found.optional_text)),
            (None, Some("check"))
        );
    }

    #[test]
    fn the_rules_own_text_is_not_searched_for_an_origin() {
        let header = "x".repeat(190);
        let line = format!(
            "4F1A22C0D9E: replace: header X: {header} from local; from=<a@example.com> to=<b@example.com>: Y: z from unknown; from=<c@example.com>"
        );
        let found = checked(&line);
        assert_eq!(
            (found.origin, text(found.sender)),
            ("local", Some("a@example.com"))
        );
        assert_eq!(
            text(found.optional_text),
            Some("Y: z from unknown; from=<c@example.com>")
        );
    }

    #[test]
    fn local_mail_has_no_client() {
        let found = checked(
            "4F1A22C0D9E: info: header Content-Disposition: attachment;? filename=\"a.pdf\" from local; from=<a@example.com> to=<b@example.org>",
        );
        assert_eq!((found.origin, found.client), ("local", None));
        assert_eq!(
            found.text,
            b"Content-Disposition: attachment;? filename=\"a.pdf\""
        );
        let found = checked(
            "4F1A22C0D9E: warning: body see https://example.net/ from unknown; from=<a@example.net>",
        );
        assert_eq!((found.origin, found.recipient), ("unknown", None));
    }

    #[test]
    fn pasted_lines_may_lack_the_angle_brackets() {
        let found = checked(
            "4F1A22C0D9E: reject: header Subject: x from unknown[192.0.2.66]; from= to= proto=ESMTP helo=: 5.7.1 id= 7",
        );
        assert_eq!((found.sender, found.helo), (None, None));
        assert_eq!(
            (text(found.dsn), text(found.optional_text)),
            (Some("5.7.1"), Some("id= 7"))
        );
    }

    #[test]
    fn a_mime_error_names_error_and_place() {
        let line = b"4F1A22C0D9E: reject: mime-error improper use of 8-bit data in message header: Subject: gr\xfcn from mail.example.net[2001:db8::7]; from=<a@example.net> to=<unknown>";
        let Event::CleanupMimeError(found) = parse(line).unwrap() else {
            panic!()
        };
        assert_eq!(found.error, b"improper use of 8-bit data in message header");
        assert_eq!(found.text, b"Subject: gr\xfcn");
        assert_eq!(found.client.unwrap().address, b"2001:db8::7");
    }

    #[test]
    fn a_message_id_stays_raw() {
        for value in [
            "<a@example.net>",
            "",
            "<>",
            "<a@x> <b@y>",
            "no-brackets",
            "x, from=<y>: removed",
        ] {
            let line = format!("4Vd3Qh2sBwz1XkP9: message-id={value}");
            let Event::CleanupMessageId(found) = parse(line.as_bytes()).unwrap() else {
                panic!()
            };
            assert_eq!(found.message_id, value.as_bytes());
            assert_eq!(found.queue_id, b"4Vd3Qh2sBwz1XkP9");
        }
    }

    #[test]
    fn a_given_up_mail_is_not_a_removed_one() {
        let Event::CleanupRemoved(found) = parse(b"4F1A22C0D9E: removed (canceled)").unwrap()
        else {
            panic!()
        };
        assert_eq!(found.why, b"canceled");
        assert!(parse(b"4F1A22C0D9E: removed").is_err());
    }

    #[test]
    fn map_problems_name_map_and_address() {
        for (line, map, address) in [
            (
                "warning: 4F1A22C0D9E: virtual_alias_maps map lookup problem for bob@example.com -- message not accepted, try again later",
                "virtual_alias_maps",
                Some("bob@example.com"),
            ),
            (
                "warning: 4F1A22C0D9E: unreasonable virtual_alias_maps map nesting for bob@example.com -- message not accepted, try again later",
                "virtual_alias_maps",
                Some("bob@example.com"),
            ),
            (
                "warning: 4F1A22C0D9E: multi-valued canonical_maps entry for bob@example.com",
                "canonical_maps",
                Some("bob@example.com"),
            ),
            (
                "warning: 4F1A22C0D9E: virtual_alias_maps lookup error -- deferring delivery",
                "virtual_alias_maps",
                None,
            ),
            (
                "4F1A22C0D9E: masquerade_exceptions map lookup problem -- message not accepted, try again later",
                "masquerade_exceptions",
                None,
            ),
        ] {
            let Event::CleanupMapProblem(found) = parse(line.as_bytes()).unwrap() else {
                panic!()
            };
            assert_eq!(found.map, map.as_bytes(), "{line}");
            assert_eq!(text(found.address), address, "{line}");
        }
    }
}

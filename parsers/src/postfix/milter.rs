//! What milters made smtpd and cleanup do, and what went wrong with them.
//!
//! The log lines of the milters themselves are not here: see [`crate::companion`].

use super::access::{codes, head, split_tail};
use super::cleanup::{Content, content};
use super::{Client, Event};
use crate::fields::event_struct;
use crate::scan::{split_once, without_angles};

event_struct! {
    /// A milter refused, discarded or held a mail or a session.
    ///
    /// Shape: `{queue_id|NOQUEUE}: {milter-reject|milter-discard|milter-hold}: {where} from
    /// {client}: [{code} [{dsn}]] {text};{tail}[ sasl_username=<{sasl_username}>]`. smtpd logs the
    /// whole reply; cleanup logs it without the three digits, and no port. Source: Postfix
    /// `src/smtpd/smtpd.c`, `src/cleanup/cleanup_milter.c`; since 2.3, the user name since 3.2.
    pub struct Action<'a> {
        /// The queue id; absent for `NOQUEUE`.
        pub queue_id: Option<&'a [u8]>,
        /// The action as logged, e.g. `milter-reject`.
        pub action: &'a [u8],
        /// The SMTP command or protocol stage.
        pub r#where: &'a [u8],
        /// The client of the session; `localhost` for local mail.
        pub client: Client<'a>,
        /// The three-digit reply code; smtpd only.
        pub code: Option<u32>,
        /// The enhanced status code.
        pub dsn: Option<&'a [u8]>,
        /// The milter's text, or `milter triggers DISCARD action`.
        pub text: &'a [u8],
        /// The envelope sender.
        pub sender: Option<&'a [u8]>,
        /// The envelope recipient; the last one.
        pub recipient: Option<&'a [u8]>,
        /// `SMTP` or `ESMTP`.
        pub proto: Option<&'a [u8]>,
        /// The HELO name.
        pub helo: Option<&'a [u8]>,
        /// The SASL login, since 3.2.
        pub sasl_username: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A header that a milter added met `milter_header_checks`.
    ///
    /// Shape: `{queue_id}: milter-header-{action}: header {text} from {client};{tail}
    /// [: {optional_text}]`. Source: Postfix `src/cleanup/cleanup_milter.c`; since 2.7. The text is
    /// the header's first 60 bytes, 200 since 3.8.
    pub struct HeaderCheck<'a> {
        /// The queue id.
        pub queue_id: Option<&'a [u8]>,
        /// The rule's action, e.g. `reject`, `redirect`, `info`.
        pub action: &'a [u8],
        /// The header.
        pub text: &'a [u8],
        /// The client of the session, without a port.
        pub client: Option<Client<'a>>,
        /// The envelope sender.
        pub sender: Option<&'a [u8]>,
        /// The envelope recipient; the last one.
        pub recipient: Option<&'a [u8]>,
        /// `SMTP` or `ESMTP`.
        pub proto: Option<&'a [u8]>,
        /// The HELO name.
        pub helo: Option<&'a [u8]>,
        /// The rule's text or argument.
        pub optional_text: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A milter could not be reached or broke the protocol.
    ///
    /// Shapes: `warning: connect to Milter service {milter}: {reason}`, `milter {milter}:
    /// {reason}`, `cannot send milters to service {milter}`. Source: Postfix
    /// `src/milter/milter8.c`; since 2.3.
    pub struct Warning<'a> {
        /// The milter, as configured.
        pub milter: &'a [u8],
        /// What went wrong.
        pub reason: Option<&'a [u8]>,
    }
}

/// Parses what follows the queue id, if a milter made Postfix log it.
pub(super) fn parse_action<'a>(queue_id: Option<&'a [u8]>, rest: &'a [u8]) -> Option<Event<'a>> {
    let (action, rest) = split_once(rest, b": ")?;
    if let Some(action) = action.strip_prefix(b"milter-header-") {
        return header_check(queue_id, action, rest).map(Event::MilterHeaderCheck);
    }
    if !action.starts_with(b"milter-") {
        return None;
    }
    let (text, head) = head(rest).ok()?;
    let (text, tail) = split_tail(text, head.stage);
    let (code, dsn, text) = codes(text);
    Some(Event::MilterAction(Action {
        queue_id,
        action,
        r#where: head.stage,
        client: head.client,
        code,
        dsn,
        text,
        sender: tail.sender,
        recipient: tail.recipient,
        proto: tail.proto,
        helo: tail.helo,
        sasl_username: tail.sasl_username.map(without_angles),
    }))
}

fn header_check<'a>(
    queue_id: Option<&'a [u8]>,
    action: &'a [u8],
    rest: &'a [u8],
) -> Option<HeaderCheck<'a>> {
    let Content {
        text,
        client,
        tail,
        optional_text,
        ..
    } = content(rest.strip_prefix(b"header ")?)?;
    Some(HeaderCheck {
        queue_id,
        action,
        text,
        client,
        sender: tail.sender,
        recipient: tail.recipient,
        proto: tail.proto,
        helo: tail.helo,
        optional_text,
    })
}

/// Parses a warning about a milter, its severity word taken off.
pub(super) fn parse_warning(text: &[u8]) -> Option<Event<'_>> {
    if let Some(milter) = text.strip_prefix(b"cannot send milters to service ") {
        let reason = None;
        return Some(Event::MilterWarning(Warning { milter, reason }));
    }
    let rest = text
        .strip_prefix(b"connect to Milter service ")
        .or_else(|| text.strip_prefix(b"milter "))?;
    // Of `inet:127.0.0.1:8891: Connection refused` only the last colon has a blank behind it.
    let (milter, reason) = split_once(rest, b": ")?;
    if NO_KIND.iter().any(|lead| reason.starts_with(lead)) {
        return None;
    }
    let reason = Some(reason);
    Some(Event::MilterWarning(Warning { milter, reason }))
}

/// What the catalogue puts into the class `milter_edit` of generic warnings.
const NO_KIND: [&[u8]; 4] = [
    b"EOF while reading ",
    b"bad packet length",
    b"DISCARD action is not allowed for connect or helo",
    b"unrecognized default action",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postfix::{cleanup, smtpd};

    fn text(field: Option<&[u8]>) -> Option<&str> {
        field.map(|field| core::str::from_utf8(field).unwrap())
    }

    #[test]
    fn smtpd_logs_the_whole_reply_and_cleanup_no_code() {
        let line = b"NOQUEUE: milter-reject: RCPT from laptop.example.com[192.0.2.80]: 451 4.7.1 Greylisting in action; from=<a@example.net> to=<bob@example.com> proto=ESMTP helo=<x> sasl_username=<alice a>";
        let Event::MilterAction(found) = smtpd::parse(line).unwrap() else {
            panic!()
        };
        assert_eq!(
            (found.queue_id, found.action),
            (None, &b"milter-reject"[..])
        );
        assert_eq!((found.code, text(found.dsn)), (Some(451), Some("4.7.1")));
        assert_eq!(found.text, b"Greylisting in action");
        assert_eq!(text(found.sasl_username), Some("alice a"));
        let line = b"4F1A22C0D9E: milter-reject: END-OF-MESSAGE from mail.example.net[2001:db8::7]: 5.7.1 Spam message rejected; from=<a@example.net> to=<bob@example.com> proto=ESMTP helo=<x>";
        let Event::MilterAction(found) = cleanup::parse(line).unwrap() else {
            panic!()
        };
        assert_eq!((found.code, text(found.dsn)), (None, Some("5.7.1")));
        assert_eq!(found.client.address, b"2001:db8::7");
    }

    #[test]
    fn a_raw_helo_name_stays_whole() {
        let line = b"NOQUEUE: milter-reject: EHLO from unknown[192.0.2.66]: 550 5.7.1 Command rejected; proto=SMTP helo=<x> from=<ceo@example.com>; proto=ESMTP>";
        let Event::MilterAction(found) = smtpd::parse(line).unwrap() else {
            panic!()
        };
        assert_eq!(
            text(found.helo),
            Some("x> from=<ceo@example.com>; proto=ESMTP")
        );
        assert_eq!((found.sender, found.text), (None, &b"Command rejected"[..]));
    }

    #[test]
    fn a_milters_header_can_meet_a_rule() {
        let line = b"4F1A22C0D9E: milter-header-redirect: header X-Spam-Status: Yes, score=39 from mail.example.net[198.51.100.7]; from=<a@example.net> to=<bob@example.com> proto=ESMTP helo=<x>: quarantine@example.com";
        let Event::MilterHeaderCheck(found) = cleanup::parse(line).unwrap() else {
            panic!()
        };
        assert_eq!(found.action, b"redirect");
        assert_eq!(found.text, b"X-Spam-Status: Yes, score=39");
        assert_eq!(text(found.optional_text), Some("quarantine@example.com"));
    }

    #[test]
    fn a_milters_endpoint_may_hold_colons() {
        let Some(Event::MilterWarning(found)) =
            parse_warning(b"connect to Milter service inet:127.0.0.1:8891: Connection refused")
        else {
            panic!()
        };
        assert_eq!(found.milter, b"inet:127.0.0.1:8891");
        assert_eq!(text(found.reason), Some("Connection refused"));
        assert_eq!(
            parse_warning(b"milter inet:127.0.0.1:8891: bad packet length"),
            None
        );
    }
}

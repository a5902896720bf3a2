//! Access-policy lines of smtpd, and the head and tail that they share with the lines of cleanup
//! and of milters. How the tail is found among a stranger's words is the work of `tail`.

mod tail;

use nom::Parser;
use nom::bytes::complete::{tag, take_while1};
use nom::sequence::delimited;

use super::{Client, Event};
use crate::fields::event_struct;
use crate::scan::{
    Scan, before_last, client, contains, enhanced_code, find, mismatch, small_number, split_once,
};

use tail::quoted_len;
pub(super) use tail::{FORMS, Form, Tail, split_tail, tail};

event_struct! {
    /// A refusal by an access rule; also one that `warn_if_reject` turned into a warning.
    ///
    /// Shape: `{queue_id|NOQUEUE}: {reject|reject_warning}: {where} from {client}: [{code} [{dsn}]]
    /// {reason};[ from=<{sender}>][ to=<{recipient}>][ proto={proto}][ helo=<{helo}>]`, and since
    /// 3.10 `[ sasl_method=…][ sasl_username=…][ sasl_sender=…]`. `bare <LF> received` has no code.
    /// Source: Postfix `log_whatsup` in `src/smtpd/smtpd_check.c`; since 2.3.
    pub struct Reject<'a> {
        /// The queue id; absent for `NOQUEUE`.
        pub queue_id: Option<&'a [u8]>,
        /// The SMTP command or protocol stage, e.g. `RCPT`, `DATA content`.
        pub r#where: &'a [u8],
        /// Who was refused.
        pub client: Client<'a>,
        /// The three-digit reply code.
        pub code: Option<u32>,
        /// The enhanced status code.
        pub dsn: Option<&'a [u8]>,
        /// The reply's text after the codes; it may hold remote and third-party text.
        pub reason: &'a [u8],
        /// The envelope sender; absent before MAIL.
        pub sender: Option<&'a [u8]>,
        /// The envelope recipient.
        pub recipient: Option<&'a [u8]>,
        /// `SMTP` or `ESMTP`.
        pub proto: Option<&'a [u8]>,
        /// The HELO name as the client gave it; absent before HELO.
        pub helo: Option<&'a [u8]>,
        /// The SASL mechanism, since 3.10.
        pub sasl_method: Option<&'a [u8]>,
        /// The SASL login, since 3.10.
        pub sasl_username: Option<&'a [u8]>,
        /// The `AUTH=` of MAIL, since 3.10.
        pub sasl_sender: Option<&'a [u8]>,
    }
}

event_struct! {
    /// An access rule that does something else than to refuse: hold, discard, filter, redirect, bcc.
    ///
    /// Shape: `{queue_id|NOQUEUE}: {action}: {where} from {client}: <{name}>: {class} {text};{tail}`
    /// where the text of filter, redirect and bcc is `triggers {ACTION} {destination}`.
    /// Source: Postfix `src/smtpd/smtpd_check.c`; since 2.3, bcc since 2.5.
    pub struct Trigger<'a> {
        /// The queue id; absent for `NOQUEUE`.
        pub queue_id: Option<&'a [u8]>,
        /// The SMTP command or protocol stage.
        pub r#where: &'a [u8],
        /// The client of the session.
        pub client: Client<'a>,
        /// What the rule matched: an address, a host, a HELO name.
        pub name: Option<&'a [u8]>,
        /// What kind of name that is, e.g. `Sender address`.
        pub class: Option<&'a [u8]>,
        /// The transport and next hop (filter) or address (redirect, bcc).
        pub destination: Option<&'a [u8]>,
        /// The text of the rule, or `triggers HOLD action`.
        pub text: Option<&'a [u8]>,
        /// The envelope sender.
        pub sender: Option<&'a [u8]>,
        /// The envelope recipient.
        pub recipient: Option<&'a [u8]>,
        /// `SMTP` or `ESMTP`.
        pub proto: Option<&'a [u8]>,
        /// The HELO name.
        pub helo: Option<&'a [u8]>,
        /// The SASL mechanism, since 3.10.
        pub sasl_method: Option<&'a [u8]>,
        /// The SASL login, since 3.10.
        pub sasl_username: Option<&'a [u8]>,
        /// The `AUTH=` of MAIL, since 3.10.
        pub sasl_sender: Option<&'a [u8]>,
    }
}

event_struct! {
    /// An access rule's remark: warn, info, hangup.
    ///
    /// Shape: `{queue_id|NOQUEUE}: {warn|info|hangup}: {where} from {client}: {text};{tail}`; the
    /// text may be empty. Source: Postfix `src/smtpd/smtpd_check.c`; warn since 2.3, the others 3.0.
    pub struct Note<'a> {
        /// The queue id; absent for `NOQUEUE`.
        pub queue_id: Option<&'a [u8]>,
        /// The SMTP command or protocol stage.
        pub r#where: &'a [u8],
        /// The client of the session.
        pub client: Client<'a>,
        /// The text of the rule; absent when it has none.
        pub text: Option<&'a [u8]>,
        /// The envelope sender.
        pub sender: Option<&'a [u8]>,
        /// The envelope recipient.
        pub recipient: Option<&'a [u8]>,
        /// `SMTP` or `ESMTP`.
        pub proto: Option<&'a [u8]>,
        /// The HELO name.
        pub helo: Option<&'a [u8]>,
        /// The SASL mechanism, since 3.10.
        pub sasl_method: Option<&'a [u8]>,
        /// The SASL login, since 3.10.
        pub sasl_username: Option<&'a [u8]>,
        /// The `AUTH=` of MAIL, since 3.10.
        pub sasl_sender: Option<&'a [u8]>,
    }
}

event_struct! {
    /// An access rule that let the client pass (`smtpd_log_access_permit_actions`).
    ///
    /// Shape: `{queue_id|NOQUEUE}: permit: {where} from {client}: action={action} for
    /// {class}={value}[ {text}];{tail}`. Source: Postfix `src/smtpd/smtpd_check.c`; since 2.10.
    pub struct Permit<'a> {
        /// The queue id; absent for `NOQUEUE`.
        pub queue_id: Option<&'a [u8]>,
        /// The SMTP command or protocol stage.
        pub r#where: &'a [u8],
        /// The client of the session.
        pub client: Client<'a>,
        /// The restriction that permitted, e.g. `permit_mynetworks`.
        pub action: &'a [u8],
        /// What kind of value was looked at, e.g. `Client host`.
        pub class: Option<&'a [u8]>,
        /// The value that was looked at.
        pub value: Option<&'a [u8]>,
        /// What follows the value, e.g. the table's right side.
        pub text: Option<&'a [u8]>,
        /// The envelope sender.
        pub sender: Option<&'a [u8]>,
        /// The envelope recipient.
        pub recipient: Option<&'a [u8]>,
        /// `SMTP` or `ESMTP`.
        pub proto: Option<&'a [u8]>,
        /// The HELO name.
        pub helo: Option<&'a [u8]>,
        /// The SASL mechanism, since 3.10.
        pub sasl_method: Option<&'a [u8]>,
        /// The SASL login, since 3.10.
        pub sasl_username: Option<&'a [u8]>,
        /// The `AUTH=` of MAIL, since 3.10.
        pub sasl_sender: Option<&'a [u8]>,
    }
}

event_struct! {
    /// smtpd had trouble of its own and sent the client away.
    ///
    /// Shape: `{queue_id|NOQUEUE}: reject: {where} from {client}: {code} {dsn} {host} Server local
    /// data error`, without a tail. Source: Postfix `src/smtpd/smtpd.c`; since 2.9.
    pub struct LocalDataError<'a> {
        /// The queue id; absent for `NOQUEUE`.
        pub queue_id: Option<&'a [u8]>,
        /// The SMTP command or protocol stage.
        pub r#where: &'a [u8],
        /// The client of the session.
        pub client: Client<'a>,
        /// The three-digit reply code.
        pub code: Option<u32>,
        /// The enhanced status code.
        pub dsn: Option<&'a [u8]>,
        /// Our own host name, as in the reply.
        pub host: &'a [u8],
    }
}

/// What stands between the action and the text of an access-policy or milter line.
#[derive(Clone, Copy)]
pub(super) struct Head<'a> {
    /// The SMTP command or protocol stage.
    pub(super) stage: &'a [u8],
    /// The client of the session.
    pub(super) client: Client<'a>,
}

/// Parses the commonest refusal: of a recipient.
#[inline(always)]
pub(super) fn usual_reject<'a>(queue_id: Option<&'a [u8]>, rest: &'a [u8]) -> Option<Reject<'a>> {
    let stage = rest.get(..b"RCPT".len())?;
    let (rest, client) = client(rest.strip_prefix(b"RCPT from ")?).ok()?;
    if client.name.is_empty() {
        return None;
    }
    let (text, tail) = split_tail(rest.strip_prefix(b": ")?, stage);
    Some(refusal(queue_id, Head { stage, client }, text, tail))
}

/// Tells whether a refusal may be trouble of our own, which has a kind of its own.
#[inline]
pub(super) fn is_local_trouble(refusal: &Reject<'_>) -> bool {
    refusal.reason.ends_with(LOCAL_DATA_ERROR)
}

/// How the reason of a refusal ends that is trouble of our own.
const LOCAL_DATA_ERROR: &[u8] = b" Server local data error";

/// Parses what follows the queue id, if it is an access-policy line.
pub(super) fn parse_action<'a>(queue_id: Option<&'a [u8]>, rest: &'a [u8]) -> Option<Event<'a>> {
    let (action, rest) = split_once(rest, b": ")?;
    match action {
        b"reject" | b"reject_warning" | b"hold" | b"discard" | b"filter" | b"redirect" | b"bcc"
        | b"warn" | b"info" | b"hangup" | b"permit" | b"delay" => {}
        _ => return None,
    }
    let (text, head) = head(rest).ok()?;
    let (text, tail) = split_tail(text, head.stage);
    Some(match action {
        b"reject" => reject(queue_id, head, text, tail),
        b"reject_warning" => Event::SmtpdRejectWarning(refusal(queue_id, head, text, tail)),
        b"hold" => Event::SmtpdHold(trigger(queue_id, head, text, tail)),
        b"discard" => Event::SmtpdDiscard(trigger(queue_id, head, text, tail)),
        b"filter" => Event::SmtpdFilter(trigger(queue_id, head, text, tail)),
        b"redirect" => Event::SmtpdRedirect(trigger(queue_id, head, text, tail)),
        b"bcc" => Event::SmtpdBcc(trigger(queue_id, head, text, tail)),
        b"warn" => Event::SmtpdWarn(note(queue_id, head, text, tail)),
        b"info" => Event::SmtpdInfo(note(queue_id, head, text, tail)),
        b"hangup" => Event::SmtpdHangup(note(queue_id, head, text, tail)),
        b"permit" => Event::SmtpdPermit(permit(queue_id, head, text, tail)?),
        _ => Event::SmtpdDelay(trigger(queue_id, head, text, tail)),
    })
}

/// Reads `{where} from {client}: ` before the text.
pub(super) fn head(input: &[u8]) -> Scan<'_, Head<'_>> {
    let (rest, stage) = stage(input)?;
    let (rest, client) = delimited(tag(" from "), client, tag(":")).parse(rest)?;
    // A client without a name is postscreen's, whose lines have a tail of their own.
    if client.name.is_empty() {
        return mismatch();
    }
    Ok((
        rest.strip_prefix(b" ").unwrap_or(rest),
        Head { stage, client },
    ))
}

/// Reads the stage of the session: a command in capitals, or `DATA content`, `BDAT content`.
pub(super) fn stage(input: &[u8]) -> Scan<'_, &[u8]> {
    let (rest, command) =
        take_while1(|byte: u8| byte.is_ascii_uppercase() || byte == b'-').parse(input)?;
    match rest.strip_prefix(b" content") {
        Some(rest) => Ok((
            rest,
            input.get(..input.len() - rest.len()).unwrap_or(command),
        )),
        None => Ok((rest, command)),
    }
}

/// Takes the reply code and the enhanced status code off a reply's text, where they stand.
pub(super) fn codes(text: &[u8]) -> (Option<u32>, Option<&[u8]>, &[u8]) {
    let (rest, code) = match reply_code(text) {
        Ok((rest, code)) => (rest, Some(code)),
        Err(_) => (text, None),
    };
    let (rest, dsn) = dsn(rest);
    (code, dsn, rest)
}

/// Takes an enhanced status code and the blank after it off a text, where it stands.
pub(super) fn dsn(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match enhanced_code(text) {
        Ok((b"", dsn)) => (b"", Some(dsn)),
        Ok((rest, dsn)) => match rest.strip_prefix(b" ") {
            Some(rest) => (rest, Some(dsn)),
            None => (text, None),
        },
        Err(_) => (text, None),
    }
}

/// Reads three digits and the blank or, in a reply of several lines, the dash behind them.
fn reply_code(text: &[u8]) -> Scan<'_, u32> {
    let (rest, code) = small_number(text)?;
    match rest.split_first() {
        _ if text.len() - rest.len() != 3 => mismatch(),
        Some((b' ' | b'-', rest)) => Ok((rest, code)),
        None => Ok((rest, code)),
        Some(_) => mismatch(),
    }
}

fn reject<'a>(
    queue_id: Option<&'a [u8]>,
    head: Head<'a>,
    text: &'a [u8],
    tail: Tail<'a>,
) -> Event<'a> {
    let refusal = refusal(queue_id, head, text, tail);
    match refusal.reason.strip_suffix(LOCAL_DATA_ERROR) {
        Some(host) if refusal.proto.is_none() && !host.contains(&b' ') => {
            Event::SmtpdLocalDataError(LocalDataError {
                queue_id,
                r#where: refusal.r#where,
                client: refusal.client,
                code: refusal.code,
                dsn: refusal.dsn,
                host,
            })
        }
        _ => Event::SmtpdReject(refusal),
    }
}

fn refusal<'a>(
    queue_id: Option<&'a [u8]>,
    head: Head<'a>,
    text: &'a [u8],
    tail: Tail<'a>,
) -> Reject<'a> {
    let (code, dsn, reason) = codes(text);
    Reject {
        queue_id,
        r#where: head.stage,
        client: head.client,
        code,
        dsn,
        reason,
        sender: tail.sender,
        recipient: tail.recipient,
        proto: tail.proto,
        helo: tail.helo,
        sasl_method: tail.sasl_method,
        sasl_username: tail.sasl_username,
        sasl_sender: tail.sasl_sender,
    }
}

fn trigger<'a>(
    queue_id: Option<&'a [u8]>,
    head: Head<'a>,
    text: &'a [u8],
    tail: Tail<'a>,
) -> Trigger<'a> {
    let subject = subject(text);
    let text = subject.map_or(text, |subject| subject.text);
    let destination = [
        &b"triggers FILTER "[..],
        b"triggers REDIRECT ",
        b"triggers BCC ",
    ]
    .iter()
    .find_map(|lead| text.strip_prefix(*lead));
    Trigger {
        queue_id,
        r#where: head.stage,
        client: head.client,
        name: subject.map(|subject| subject.name),
        class: subject.map(|subject| subject.class),
        destination,
        text: Some(text).filter(|text| destination.is_none() && !text.is_empty()),
        sender: tail.sender,
        recipient: tail.recipient,
        proto: tail.proto,
        helo: tail.helo,
        sasl_method: tail.sasl_method,
        sasl_username: tail.sasl_username,
        sasl_sender: tail.sasl_sender,
    }
}

fn note<'a>(
    queue_id: Option<&'a [u8]>,
    head: Head<'a>,
    text: &'a [u8],
    tail: Tail<'a>,
) -> Note<'a> {
    Note {
        queue_id,
        r#where: head.stage,
        client: head.client,
        text: Some(text).filter(|text| !text.is_empty()),
        sender: tail.sender,
        recipient: tail.recipient,
        proto: tail.proto,
        helo: tail.helo,
        sasl_method: tail.sasl_method,
        sasl_username: tail.sasl_username,
        sasl_sender: tail.sasl_sender,
    }
}

fn permit<'a>(
    queue_id: Option<&'a [u8]>,
    head: Head<'a>,
    text: &'a [u8],
    tail: Tail<'a>,
) -> Option<Permit<'a>> {
    let text = text.strip_prefix(b"action=")?;
    let (action, object) = match split_once(text, b" for ") {
        Some((action, object)) => (action, Some(object)),
        None => (text, None),
    };
    let (class, value) = match object.and_then(|object| split_once(object, b"=")) {
        Some((class, value)) => (Some(class), Some(value)),
        None => (object, None),
    };
    let (value, text) = match value.map(split_value) {
        Some((value, text)) => (Some(value), Some(text).filter(|text| !text.is_empty())),
        None => (None, None),
    };
    Some(Permit {
        queue_id,
        r#where: head.stage,
        client: head.client,
        action,
        class,
        value,
        text,
        sender: tail.sender,
        recipient: tail.recipient,
        proto: tail.proto,
        helo: tail.helo,
        sasl_method: tail.sasl_method,
        sasl_username: tail.sasl_username,
        sasl_sender: tail.sasl_sender,
    })
}

/// Splits a permitted value from the text after it; a quoted local part may hold blanks.
fn split_value(input: &[u8]) -> (&[u8], &[u8]) {
    let quoted = quoted_len(input);
    let found = input
        .get(quoted..)
        .and_then(|tail| memchr::memchr(b' ', tail));
    match found.and_then(|blank| input.split_at_checked(quoted + blank)) {
        Some((value, text)) => (value, text.strip_prefix(b" ").unwrap_or(text)),
        None => (input, b""),
    }
}

/// What an access rule looked at: `<{name}>: {class} {text}`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Subject<'a> {
    /// The address, host or HELO name; a stranger's text.
    pub(super) name: &'a [u8],
    /// One of [`CLASSES`].
    pub(super) class: &'a [u8],
    /// What the rule says.
    pub(super) text: &'a [u8],
}

/// The kinds of name that an access rule can look at, as Postfix words them.
const CLASSES: [&[u8]; 11] = [
    b"Sender address",
    b"Recipient address",
    b"Client host",
    b"Helo command",
    b"Unverified Client host",
    b"Client certificate",
    b"SASL login name",
    b"Etrn command",
    b"Data command",
    b"End-of-data command",
    b"End-of-data",
];

/// Takes `<{name}>: {class} ` off a text.
///
/// A raw HELO name may hold `>: ` and a class of its own. It is the only name that can, apart from
/// quoted local parts, and it appears only where the class is `Helo command`: the last `>: Helo
/// command ` counts if there is one, else the first `>: {class} ` outside a quoted local part.
pub(super) fn subject(text: &[u8]) -> Option<Subject<'_>> {
    let Some(inside) = text.strip_prefix(b"<") else {
        // A pasted line may have lost the brackets, and the name with them.
        let (class, text) = class_of(text.strip_prefix(b": ")?)?;
        let name = b"";
        return Some(Subject { name, class, text });
    };
    if let Some((name, text)) = before_last(inside, b">: Helo command ") {
        let class = b"Helo command";
        // A remote reply in the text of an address probe may quote such a refusal.
        if !contains(name, b" said: ") {
            return Some(Subject { name, class, text });
        }
    }
    let mut from = quoted_len(inside);
    while let Some(found) = inside.get(from..).and_then(|tail| find(tail, b">: ")) {
        let at = from + found;
        let (Some(name), Some(rest)) = (inside.get(..at), inside.get(at + 3..)) else {
            break;
        };
        if let Some((class, text)) = class_of(rest) {
            return Some(Subject { name, class, text });
        }
        from = at + 1;
    }
    None
}

fn class_of(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    CLASSES.iter().find_map(|class| {
        let tail = rest.strip_prefix(*class)?;
        let text = match tail.split_first() {
            Some((b' ', text)) => text,
            Some(_) => return None,
            None => tail,
        };
        Some((rest.get(..class.len())?, text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postfix::smtpd;

    fn reject(line: &str) -> Reject<'_> {
        match smtpd::parse(line.as_bytes()).unwrap() {
            Event::SmtpdReject(reject) => reject,
            other => panic!("{other:?}"),
        }
    }

    fn text(field: Option<&[u8]>) -> Option<&str> {
        field.map(|field| core::str::from_utf8(field).unwrap())
    }

    /// The lines of a mail without a queue id that are told by their action.
    #[test]
    fn a_warning_is_no_refusal() {
        let words = "RCPT from a.example[192.0.2.7]: 450 4.7.1 <a>: Helo command rejected: x; \
                    from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<a>";
        let line = format!("NOQUEUE: reject_warning: {words}");
        let Ok(Event::SmtpdRejectWarning(warning)) = smtpd::parse(line.as_bytes()) else {
            panic!()
        };
        assert_eq!(warning, reject(&format!("NOQUEUE: reject: {words}")));
        assert_eq!((warning.code, text(warning.helo)), (Some(450), Some("a")));
        let line = b"NOQUEUE: client=a.example[192.0.2.7], sasl_username=alice";
        let Ok(Event::SmtpdClient(client)) = smtpd::parse(line) else {
            panic!()
        };
        assert_eq!(
            (client.queue_id, text(client.sasl_username)),
            (None, Some("alice"))
        );
    }

    #[test]
    fn reads_all_fields_of_a_refusal() {
        let found = reject(
            "4F1A22C0D9E: reject: RCPT from unknown[2001:db8::66]:51234: 554 5.7.1 <bob@example.org>: Relay access denied; from=<a@example.net> to=<bob@example.org> proto=ESMTP helo=<win10>",
        );
        assert_eq!(text(found.queue_id), Some("4F1A22C0D9E"));
        assert_eq!(found.r#where, b"RCPT");
        assert_eq!(
            (found.client.name, found.client.address),
            (&b"unknown"[..], &b"2001:db8::66"[..])
        );
        assert_eq!(text(found.client.port), Some("51234"));
        assert_eq!((found.code, text(found.dsn)), (Some(554), Some("5.7.1")));
        assert_eq!(found.reason, b"<bob@example.org>: Relay access denied");
        assert_eq!(text(found.sender), Some("a@example.net"));
        assert_eq!(text(found.recipient), Some("bob@example.org"));
        assert_eq!(
            (text(found.proto), text(found.helo)),
            (Some("ESMTP"), Some("win10"))
        );
        assert_eq!(
            (found.sasl_method, found.sasl_username, found.sasl_sender),
            (None, None, None)
        );
    }

    #[test]
    fn a_blocklists_text_does_not_forge_the_tail() {
        let found = reject(
            "NOQUEUE: reject: RCPT from unknown[192.0.2.66]: 554 5.7.1 Service unavailable; Helo command [x.example.net] blocked using dbl.example.org; from=<z> to=<z>; from=<a@example.net> to=<bob@example.com> proto=ESMTP helo=<mail.example.net>",
        );
        assert_eq!(found.queue_id, None);
        assert!(found.reason.ends_with(b"dbl.example.org; from=<z> to=<z>"));
        assert_eq!(text(found.sender), Some("a@example.net"));
        assert_eq!(text(found.recipient), Some("bob@example.com"));
    }

    #[test]
    fn a_forged_login_does_not_swallow_the_tail() {
        let found = reject(
            "NOQUEUE: reject: RCPT from unknown[192.0.2.66]: 554 5.7.1 <a@example.net>: Sender address rejected: see x; proto=SMTP sasl_username=root; from=<a@example.net> to=<bob@example.com> proto=ESMTP helo=<x> sasl_username=alice",
        );
        assert!(found.reason.ends_with(b"; proto=SMTP sasl_username=root"));
        assert_eq!(text(found.sender), Some("a@example.net"));
        assert_eq!(text(found.sasl_username), Some("alice"));
    }

    #[test]
    fn a_quoted_local_part_does_not_end_the_address() {
        let found = reject(
            r#"NOQUEUE: reject: RCPT from unknown[192.0.2.66]: 550 5.1.1 <"odd, name"@example.com>: Recipient address rejected: User unknown; from=<"semi; from=<z>\" to=<y"@example.net> to=<"odd, name"@example.com> proto=ESMTP helo=<[IPv6:2001:db8::66]>"#,
        );
        assert_eq!(
            text(found.sender),
            Some(r#""semi; from=<z>\" to=<y"@example.net"#)
        );
        assert_eq!(text(found.recipient), Some("\"odd, name\"@example.com"));
        assert_eq!(text(found.helo), Some("[IPv6:2001:db8::66]"));
    }

    #[test]
    fn addresses_without_quotes_are_read_too() {
        let found = reject(
            "NOQUEUE: reject: RCPT from unknown[192.0.2.66]: 550 5.1.1 <bob@example.com>: Recipient address rejected: User unknown; from=<a \"b> c@example.net> to=<bob@example.com> proto=ESMTP helo=<x>",
        );
        assert_eq!(text(found.sender), Some("a \"b> c@example.net"));
        assert_eq!(text(found.recipient), Some("bob@example.com"));
    }

    #[test]
    fn a_raw_helo_name_does_not_forge_the_transaction() {
        for (line, helo) in [
            (
                "NOQUEUE: reject: EHLO from unknown[192.0.2.66]: 504 5.5.2 <x> from=<ceo@example.com> proto=ESMTP: Helo command rejected: need fully-qualified hostname; proto=SMTP helo=<x> from=<ceo@example.com> proto=ESMTP>",
                "x> from=<ceo@example.com> proto=ESMTP",
            ),
            (
                "NOQUEUE: reject: HELO from unknown[192.0.2.66]: 504 5.5.2 <x>; from=<ceo@example.com> to=<v@example.org> proto=ESMTP helo=<y>: Helo command rejected: need fully-qualified hostname; proto=SMTP helo=<x>; from=<ceo@example.com> to=<v@example.org> proto=ESMTP helo=<y>",
                "x>; from=<ceo@example.com> to=<v@example.org> proto=ESMTP helo=<y",
            ),
            (
                "NOQUEUE: reject: HELO from unknown[192.0.2.66]: 501 5.5.2 <a; proto=SMTP helo=<b>: Helo command rejected: Invalid name; proto=SMTP helo=<a; proto=SMTP helo=<b>",
                "a; proto=SMTP helo=<b",
            ),
            (
                "NOQUEUE: reject: EHLO from unknown[192.0.2.66]: 504 5.5.2 <x y>: Helo command rejected: no; proto=ESMTP helo=<x y> sasl_method=PLAIN sasl_username=alice",
                "x y",
            ),
        ] {
            let found = reject(line);
            assert_eq!(text(found.helo), Some(helo), "{line}");
            assert_eq!((found.sender, found.recipient), (None, None), "{line}");
        }
    }

    #[test]
    fn a_bare_line_feed_and_our_own_trouble_have_no_usual_reply() {
        let found = reject(
            "NOQUEUE: reject: DATA content from unknown[192.0.2.66]: bare <LF> received; from=<a@example.net> to=<bob@example.com> proto=ESMTP helo=<x>",
        );
        assert_eq!(found.r#where, b"DATA content");
        assert_eq!(
            (found.code, found.dsn, found.reason),
            (None, None, &b"bare <LF> received"[..])
        );
        let found = reject(
            "NOQUEUE: reject: EHLO from unknown[192.0.2.66]: bare <LF> received; proto=SMTP",
        );
        assert_eq!((text(found.proto), found.helo), (Some("SMTP"), None));
        let line = b"NOQUEUE: reject: RCPT from unknown[192.0.2.66]: 421 4.3.0 mx1.example.com Server local data error";
        let Event::SmtpdLocalDataError(error) = smtpd::parse(line).unwrap() else {
            panic!()
        };
        assert_eq!(
            (error.host, error.code),
            (&b"mx1.example.com"[..], Some(421))
        );
    }

    #[test]
    fn a_cut_line_keeps_what_is_there() {
        let whole = "NOQUEUE: reject: RCPT from unknown[192.0.2.66]: 554 5.7.1 <b@example.org>: Relay access denied; from=<a@example.net> to=<b@example.org> proto=ESMTP helo=<win10>";
        let start = whole.find(" 554").unwrap();
        for end in start..whole.len() {
            let found = reject(&whole[..end]);
            assert_eq!(found.client.address, b"192.0.2.66", "{end}");
            for (part, expected) in [
                (found.sender, "a@example.net"),
                (found.recipient, "b@example.org"),
                (found.helo, "win10"),
            ] {
                assert!(
                    part.is_none_or(|part| expected.as_bytes().starts_with(part)),
                    "{end}"
                );
            }
        }
        let found = reject(&whole[..whole.len() - 12]);
        assert_eq!(text(found.recipient), Some("b@example.org"));
        assert_eq!(found.reason, b"<b@example.org>: Relay access denied");
    }

    #[test]
    fn stripped_angle_brackets_leave_values_absent() {
        let found = reject(
            "NOQUEUE: reject: RCPT from unknown[192.0.2.66]: 554 5.7.1 : Relay access denied; from= to= proto=ESMTP helo=",
        );
        assert_eq!(
            (found.sender, found.recipient, found.helo),
            (None, None, None)
        );
        assert_eq!(text(found.proto), Some("ESMTP"));
        assert_eq!(found.reason, b": Relay access denied");
    }

    #[test]
    fn logins_may_hold_blanks_and_unknown_fields_are_stepped_over() {
        let found = reject(
            "NOQUEUE: reject: RCPT from laptop.example.com[192.0.2.80]: 553 5.7.1 <c@example.com>: Sender address rejected: not owned by user alice; from=<c@example.com> to=<b@example.org> proto=ESMTP helo=<laptop> new_field=x sasl_method=LOGIN sasl_username=alice a=b; c sasl_sender=d",
        );
        assert_eq!(text(found.sasl_method), Some("LOGIN"));
        assert_eq!(text(found.sasl_username), Some("alice a=b; c"));
        assert_eq!(text(found.sasl_sender), Some("d"));
    }

    #[test]
    fn bytes_that_are_no_text_do_not_stop_the_parser() {
        let line = b"NOQUEUE: reject: RCPT from unknown[192.0.2.66]: 550 5.1.1 <\xfc@example.com>: User unknown; from=<\xe9\xff@example.net> to=<\xfc@example.com> proto=ESMTP helo=<x>";
        let Event::SmtpdReject(found) = smtpd::parse(line).unwrap() else {
            panic!()
        };
        assert_eq!(found.sender, Some(&b"\xe9\xff@example.net"[..]));
        assert_eq!(found.recipient, Some(&b"\xfc@example.com"[..]));
    }

    #[test]
    fn triggers_are_split_into_name_class_and_destination() {
        let line = b"NOQUEUE: filter: RCPT from mail.example.net[198.51.100.7]: <a@example.net>: Sender address triggers FILTER scan:[2001:db8::5]:10024; from=<a@example.net> to=<bob@example.com> proto=ESMTP helo=<mail.example.net>";
        let Event::SmtpdFilter(found) = smtpd::parse(line).unwrap() else {
            panic!()
        };
        assert_eq!(text(found.name), Some("a@example.net"));
        assert_eq!(text(found.class), Some("Sender address"));
        assert_eq!(text(found.destination), Some("scan:[2001:db8::5]:10024"));
        assert_eq!(found.text, None);
        let line = b"4F1A22C0D9E: hold: RCPT from mail.example.net[2001:db8::7]: <mail.example.net[2001:db8::7]>: Client host waits for review; from=<a@example.net> to=<bob@example.com> proto=ESMTP helo=<mail.example.net>";
        let Event::SmtpdHold(found) = smtpd::parse(line).unwrap() else {
            panic!()
        };
        assert_eq!(text(found.name), Some("mail.example.net[2001:db8::7]"));
        assert_eq!(
            (text(found.text), found.destination),
            (Some("waits for review"), None)
        );
    }

    #[test]
    fn remarks_may_be_empty_and_permits_name_their_rule() {
        let line = b"NOQUEUE: warn: RCPT from unknown[192.0.2.66]: ; from=<a@example.net> to=<bob@example.com> proto=SMTP helo=<x>";
        let Event::SmtpdWarn(found) = smtpd::parse(line).unwrap() else {
            panic!()
        };
        assert_eq!(
            (found.text, text(found.sender)),
            (None, Some("a@example.net"))
        );
        let line = b"NOQUEUE: permit: RCPT from mail.example.net[198.51.100.7]: action=check_client_access for Client host=mail.example.net OK; from=<a@example.net> to=<bob@example.com> proto=ESMTP helo=<mail.example.net>";
        let Event::SmtpdPermit(found) = smtpd::parse(line).unwrap() else {
            panic!()
        };
        assert_eq!(found.action, b"check_client_access");
        assert_eq!(
            (text(found.class), text(found.value)),
            (Some("Client host"), Some("mail.example.net"))
        );
        assert_eq!(text(found.text), Some("OK"));
    }

    #[test]
    fn lines_of_other_daemons_are_not_claimed() {
        for line in [
            "NOQUEUE: reject: RCPT from [192.0.2.66]:51234: 550 5.7.1 Service unavailable; from=<a@example.net>, to=<b@example.com>, proto=ESMTP, helo=<x>",
            "4F1A22C0D9E: reject: header Subject: x from a.example[192.0.2.7]: y; from=<a@example.net> to=<b@example.com>",
            "4F1A22C0D9E: to=<b@example.com>, relay=local, delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (x)",
            "4F1A22C0D9E: message-id=<reject: RCPT from a.example[192.0.2.7]: x>",
        ] {
            assert!(smtpd::parse(line.as_bytes()).is_err(), "{line}");
        }
    }
}

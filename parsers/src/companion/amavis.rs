//! Lines of amavisd-new: the verdict on each mail.
//!
//! `Queue-ID` is Postfix's id before the filter, `queued_as` the one after it. The steps before the
//! verdict are in `amavis_task`, the notices of the daemon itself in `amavis_misc`.

use super::{Decimal, Event, Parsed, amavis_misc, amavis_task};
use crate::Reason;
use crate::fields::{Field, Visitor, event_struct};
use crate::scan::{
    before_last, contains, find, rfind_iter, split_number, split_once, to_number, without_angles,
};

event_struct! {
    /// The verdict on a mail.
    ///
    /// Shape: `({am_id}) {Passed|Blocked} {category}[ ({detail})][ {{actions}}], [{policy bank}
    /// ][LOCAL ][[{client}]:{port} ][[{trace}] ]<{sender}> -> <{recipient}>[,<..>][, quarantine:
    /// ..][, Queue-ID: ..][, Message-ID: <..>][, Resent-Message-ID: <..>][, mail_id: ..], Hits:
    /// {score|-}, size: {bytes}[, pt: ..][, queued_as: ..][, dkim_sd=..][, dkim_new=..], {n} ms`;
    /// up to 2.6 without actions and port. A mail with mixed outcomes has a line for each. Lines
    /// over 980 bytes end in `...` and go on in another (see [`Continued`]). Units: `duration_ms`
    /// as logged.
    pub struct Verdict<'a> {
        /// The id of the task.
        pub am_id: &'a [u8],
        /// `Passed` or `Blocked`.
        pub result: &'a [u8],
        /// `CLEAN`, `SPAM`, `SPAMMY`, `INFECTED`, `BANNED`, `BAD-HEADER-7`, ...
        pub category: &'a [u8],
        /// The viruses or banned parts.
        pub detail: Option<&'a [u8]>,
        /// What was done: `RelayedInbound`, `DiscardedInbound,Quarantined`, ...
        pub actions: Option<&'a [u8]>,
        /// Where the mail came from.
        pub client: ClientText<'a>,
        /// The envelope sender; empty for bounces.
        pub sender: Option<&'a [u8]>,
        /// The recipients, as logged: `<a@example.com>,<b@example.com>`.
        pub recipients: Option<&'a [u8]>,
        /// What else the line says.
        pub facts: FactsText<'a>,
    }
}

event_struct! {
    /// The verdict for one recipient: the by-recipient template, beside the line on the mail.
    ///
    /// Shape: `({am_id}) {Passed|Blocked} {category}[ ({detail})], <{sender}> -> [<{recipient}>],
    /// Hits: {score|-}, tag={n}, tag2={n}, kill={n}[, queued_as: ..], {flags}`.
    pub struct RecipientVerdict<'a> {
        /// The id of the task.
        pub am_id: &'a [u8],
        /// `Passed` or `Blocked`.
        pub result: &'a [u8],
        /// The category.
        pub category: &'a [u8],
        /// The viruses or banned parts.
        pub detail: Option<&'a [u8]>,
        /// The envelope sender.
        pub sender: Option<&'a [u8]>,
        /// The recipient; none where the mail goes to nobody.
        pub recipient: Option<&'a [u8]>,
        /// The scores and what else the line says.
        pub scores: ScoresText<'a>,
    }
}

/// What stands between the category and the sender, as logged; read when somebody wants to know.
///
/// Visited as `policy_bank`, `local`, `client_address`, `client_port` and `trace_address`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClientText<'a>(&'a [u8]);

impl Field for ClientText<'_> {
    fn visit_as(&self, _name: &'static str, visitor: &mut dyn Visitor) {
        let client = Client::parse(self.0);
        client.policy_bank.visit_as("policy_bank", visitor);
        client.local.visit_as("local", visitor);
        client.address.visit_as("client_address", visitor);
        client.port.visit_as("client_port", visitor);
        client.trace.visit_as("trace_address", visitor);
    }
}

/// The fields behind the recipients of a verdict, as logged; read when somebody wants to know.
///
/// Visited as `quarantine`, `queue_id`, `message_id`, `resent_message_id`, `mail_id`, `hits`,
/// `size_bytes`, `pt`, `queued_as`, `dkim_sd`, `dkim_new` and `duration_ms`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FactsText<'a>(&'a [u8]);

impl Field for FactsText<'_> {
    fn visit_as(&self, _name: &'static str, visitor: &mut dyn Visitor) {
        let text_of = |key: &[u8]| value(self.0, key);
        let number_of = |key: &[u8]| value(self.0, key).and_then(to_number);
        let hits = text_of(b"Hits: ").and_then(Decimal::parse);
        let duration = before_last(self.0, b", ").map_or(self.0, |(_, last)| last);
        let duration_ms = duration.strip_suffix(b" ms").and_then(to_number);
        text_of(b"quarantine: ").visit_as("quarantine", visitor);
        id_value(self.0, b"Queue-ID: ").visit_as("queue_id", visitor);
        id_value(self.0, b"Message-ID: ").visit_as("message_id", visitor);
        id_value(self.0, b"Resent-Message-ID: ").visit_as("resent_message_id", visitor);
        text_of(b"mail_id: ").visit_as("mail_id", visitor);
        hits.visit_as("hits", visitor);
        number_of(b"size: ").visit_as("size_bytes", visitor);
        number_of(b"pt: ").visit_as("pt", visitor);
        text_of(b"queued_as: ").visit_as("queued_as", visitor);
        text_of(b"dkim_sd=").visit_as("dkim_sd", visitor);
        text_of(b"dkim_new=").visit_as("dkim_new", visitor);
        duration_ms.visit_as("duration_ms", visitor);
    }
}

/// The fields behind the recipient, as logged; read when somebody wants to know.
///
/// Visited as `hits`, `tag`, `tag2`, `kill`, `queued_as` and `flags`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScoresText<'a>(&'a [u8]);

impl Field for ScoresText<'_> {
    fn visit_as(&self, _name: &'static str, visitor: &mut dyn Visitor) {
        let score_of = |key: &[u8]| value(self.0, key).and_then(Decimal::parse);
        let flags = before_last(self.0, b", ").map(|(_, flags)| flags);
        score_of(b"Hits: ").visit_as("hits", visitor);
        score_of(b"tag=").visit_as("tag", visitor);
        score_of(b"tag2=").visit_as("tag2", visitor);
        score_of(b"kill=").visit_as("kill", visitor);
        value(self.0, b"queued_as: ").visit_as("queued_as", visitor);
        flags.visit_as("flags", visitor);
    }
}

event_struct! {
    /// The second part of a split line.
    ///
    /// Shape: `({am_id}) ...{text}`.
    pub struct Continued<'a> {
        /// The id of the task.
        pub am_id: &'a [u8],
        /// The text behind the dots.
        pub text: &'a [u8],
    }
}

event_struct! {
    /// A trouble.
    ///
    /// Shape: `[({am_id}) ]({!|!!}){text}`; Perl ends its errors with ` at {file} line {line}.`.
    pub struct Warning<'a> {
        /// The id of the task.
        pub am_id: Option<&'a [u8]>,
        /// `!` or `!!`.
        pub level: &'a [u8],
        /// How many bytes could not be written.
        pub bytes: Option<u64>,
        /// The source file.
        pub file: Option<&'a [u8]>,
        /// The line in it.
        pub line: Option<u64>,
        /// The text.
        pub text: &'a [u8],
    }
}

/// Parses a message of amavisd.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    let message = message.trim_ascii_end();
    let (am_id, rest) = match am_id(message) {
        Some((am_id, rest)) => (Some(am_id), rest),
        None => (None, message),
    };
    let (level, text) = match level(rest) {
        Some((level, text)) => (Some(level), text),
        None => (None, rest),
    };
    if let Some(event) = am_id.and_then(|am_id| of_mail(am_id, level, text)) {
        return Ok(event);
    }
    if let Some(level) = level {
        return Ok(Event::AmavisWarning(warning(am_id, level, text)));
    }
    amavis_misc::parse(am_id, text)
        .map(Event::AmavisMisc)
        .ok_or(Reason("amavis"))
}

/// Reads `(00740-06-2) `.
fn am_id(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let (id, rest) = split_once(message.strip_prefix(b"(")?, b") ")?;
    let is_id = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    let is_whole = id.first()?.is_ascii_alphanumeric() && id.iter().all(is_id);
    is_whole.then_some((id, rest))
}

/// Reads `(!)` or `(!!)`.
fn level(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (level, rest) = split_once(text.strip_prefix(b"(")?, b")")?;
    let is_level = !level.is_empty() && level.iter().all(|byte| *byte == b'!');
    is_level.then_some((level, rest))
}

fn of_mail<'a>(am_id: &'a [u8], level: Option<&'a [u8]>, text: &'a [u8]) -> Option<Event<'a>> {
    if let Some(text) = text.strip_prefix(b"...") {
        return Some(Event::AmavisContinued(Continued { am_id, text }));
    }
    if text.starts_with(b"Passed ") || text.starts_with(b"Blocked ") {
        return verdict(am_id, text);
    }
    if let Some(rest) = text.strip_prefix(b"Checking: ") {
        return amavis_task::checking(am_id, rest).map(Event::AmavisChecking);
    }
    if let Some(rest) = text.strip_prefix(b"local delivery: <") {
        return amavis_task::quarantined(am_id, rest).map(Event::AmavisQuarantined);
    }
    if let Some(rest) = text.strip_prefix(b"p.path BANNED:") {
        return amavis_task::banned(am_id, rest).map(Event::AmavisBanned);
    }
    amavis_task::received(am_id, text)
        .map(Event::AmavisReceived)
        .or_else(|| amavis_task::forwarded(am_id, level, text).map(Event::AmavisForwarded))
}

/// The words in front of a verdict's addresses.
struct Head<'a> {
    result: &'a [u8],
    category: &'a [u8],
    detail: Option<&'a [u8]>,
    actions: Option<&'a [u8]>,
}

/// Reads `{result} {category}[ ({detail})][ {{actions}}], `.
///
/// A banned part's name is the sender's text and may hold parentheses and commas: the detail ends
/// at the last place where actions follow it.
fn head(text: &[u8]) -> Option<(Head<'_>, &[u8])> {
    let (result, rest) = split_once(text, b" ")?;
    let length = rest.iter().position(|byte| matches!(byte, b' ' | b','))?;
    let (category, rest) = rest.split_at_checked(length)?;
    let (detail, actions, rest) = match rest.strip_prefix(b" (") {
        Some(inside) => {
            let (detail, actions, rest) = detail_and_actions(inside)?;
            (Some(detail), actions, rest)
        }
        None => {
            let (actions, rest) = actions(rest);
            (None, actions, rest)
        }
    };
    let head = Head {
        result,
        category,
        detail,
        actions,
    };
    Some((head, rest.strip_prefix(b", ").unwrap_or(rest)))
}

/// A detail, the actions behind it, and the rest of the line.
type Detail<'a> = (&'a [u8], Option<&'a [u8]>, &'a [u8]);

fn detail_and_actions(inside: &[u8]) -> Option<Detail<'_>> {
    for at in rfind_iter(inside, b") {") {
        let (found, rest) = actions(inside.get(at + 1..)?);
        if found.is_some() {
            return Some((inside.get(..at)?, found, rest));
        }
    }
    let marks: [&[u8]; 3] = [b"), [", b"), <", b"), "];
    let at = marks.iter().find_map(|mark| find(inside, mark))?;
    Some((inside.get(..at)?, None, inside.get(at + 1..)?))
}

/// Takes ` {RelayedInbound,Quarantined}` off.
fn actions(text: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let split = || {
        let (actions, rest) = split_once(text.strip_prefix(b" {")?, b"}")?;
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b',';
        actions.iter().all(is_word).then_some((Some(actions), rest))
    };
    split().unwrap_or((None, text))
}

/// Splits `<{sender}> -> <{recipient}>,<..>, {fields}`.
pub(super) fn addresses(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (sender, rest) = split_once(text.strip_prefix(b"<")?, b"> -> ")?;
    if let Some(fields) = rest.strip_prefix(b", ") {
        return Some((sender, b"", fields));
    }
    let (recipients, fields) = match split_once(rest, b">, ") {
        Some((recipients, fields)) => (rest.get(..=recipients.len())?, fields),
        None => (rest, &b""[..]),
    };
    Some((sender, recipients, fields))
}

/// Reads the value behind a key, up to the next comma; the last one, for the message id before it
/// is the sender's text.
fn value<'a>(fields: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let value = match before_last(fields, key) {
        Some((left, value)) if left.is_empty() || left.ends_with(b", ") => value,
        _ => return None,
    };
    let value = split_once(value, b", ").map_or(value, |(value, _)| value);
    Some(value.strip_suffix(b"...").unwrap_or(value))
}

/// Reads a message id behind a key: up to the comma behind its bracket, else up to the next comma.
fn id_value<'a>(fields: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let starts_piece = |left: &[u8]| left.is_empty() || left.ends_with(b", ");
    let (_, value) = split_once(fields, key).filter(|(left, _)| starts_piece(left))?;
    if value.starts_with(b"<")
        && let Some((id, _)) = split_once(value, b">, ")
    {
        return value.get(..=id.len());
    }
    Some(split_once(value, b", ").map_or(value, |(id, _)| id))
}

fn verdict<'a>(am_id: &'a [u8], text: &'a [u8]) -> Option<Event<'a>> {
    let (head, rest) = head(text)?;
    // The envelope begins at the first bracket: hosts and policy banks hold none.
    let (client, envelope) = rest.split_at_checked(memchr::memchr(b'<', rest)?)?;
    let (sender, recipients, fields) = addresses(envelope)?;
    if contains(fields, b", tag=") {
        let verdict = recipient_verdict(am_id, &head, sender, recipients, fields);
        return Some(Event::AmavisRecipient(verdict));
    }
    Some(Event::AmavisResult(Verdict {
        am_id,
        result: head.result,
        category: head.category,
        detail: head.detail,
        actions: head.actions,
        client: ClientText(client),
        sender: Some(sender),
        recipients: Some(recipients.strip_suffix(b"...").unwrap_or(recipients)),
        facts: FactsText(fields),
    }))
}

fn recipient_verdict<'a>(
    am_id: &'a [u8],
    head: &Head<'a>,
    sender: &'a [u8],
    recipients: &'a [u8],
    fields: &'a [u8],
) -> RecipientVerdict<'a> {
    RecipientVerdict {
        am_id,
        result: head.result,
        category: head.category,
        detail: head.detail,
        sender: Some(sender),
        recipient: Some(without_angles(recipients)).filter(|text| !text.is_empty()),
        scores: ScoresText(fields),
    }
}

/// What stands between the category and the sender.
#[derive(Clone, Copy, Default)]
pub(super) struct Client<'a> {
    pub(super) policy_bank: Option<&'a [u8]>,
    local: bool,
    pub(super) address: Option<&'a [u8]>,
    port: Option<u64>,
    trace: Option<&'a [u8]>,
}

impl<'a> Client<'a> {
    /// Reads `[{policy bank} ][LOCAL ][[{address}]:{port} ][[{trace}] ]`.
    pub(super) fn parse(text: &'a [u8]) -> Self {
        let mut client = Client::default();
        let brackets = memchr::memchr(b'[', text).unwrap_or(text.len());
        let (banks, hosts) = text.split_at_checked(brackets).unwrap_or((text, b""));
        let banks = banks.trim_ascii();
        client.local = banks == b"LOCAL" || banks.ends_with(b" LOCAL");
        let banks = banks.strip_suffix(b"LOCAL").unwrap_or(banks).trim_ascii();
        client.policy_bank = Some(banks).filter(|banks| !banks.is_empty());
        let Some((address, rest)) = hosts.strip_prefix(b"[").and_then(|h| split_once(h, b"]"))
        else {
            return client;
        };
        client.address = Some(address);
        let rest = match rest.strip_prefix(b":").and_then(split_number) {
            Some((port, rest)) => {
                client.port = Some(port);
                rest
            }
            None => rest,
        };
        client.trace = rest
            .strip_prefix(b" [")
            .and_then(|trace| split_once(trace, b"]"))
            .map(|(trace, _)| trace);
        client
    }
}

fn warning<'a>(am_id: Option<&'a [u8]>, level: &'a [u8], text: &'a [u8]) -> Warning<'a> {
    let place = before_last(text, b" line ").and_then(|(left, line)| {
        let (_, file) = before_last(left, b" at ")?;
        Some((file, split_number(line)?.0))
    });
    let bytes = split_once(text, b"Error writing ")
        .and_then(|(_, rest)| split_number(rest))
        .filter(|(_, rest)| rest.starts_with(b" bytes"));
    Warning {
        am_id,
        level,
        bytes: bytes.map(|(bytes, _)| bytes),
        file: place.map(|(file, _)| file),
        line: place.map(|(_, line)| line),
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fields;
    use crate::fields::Texts;

    /// Asserts what fields of a line say; an empty text stands for none.
    fn assert_fields(line: &str, expected: &[(&str, &str)]) {
        let mut texts = Texts::default();
        parse(line.as_bytes()).unwrap().visit(&mut texts);
        for (name, value) in expected {
            let found = texts.0.iter().find(|(other, _)| other == name);
            let found = found.map_or("", |(_, value)| value);
            assert_eq!(found, *value, "{name} of {line}");
        }
    }

    fn verdict_of(line: &str) -> Verdict<'_> {
        match parse(line.as_bytes()) {
            Ok(Event::AmavisResult(verdict)) => verdict,
            other => panic!("{other:?}"),
        }
    }

    /// Hard case 23: parentheses and commas inside the detail.
    #[test]
    fn detail_may_hold_parentheses_and_commas() {
        let line = "(00740-06-2) Blocked INFECTED (Eicar-Test-Signature, Other.Virus (x)) {DiscardedInbound}, [192.0.2.66]:50100 <> -> <alice@example.com>, mail_id: AbCdEf0123_c, Hits: 15.2, size: 5120, 640 ms";
        let found = verdict_of(line);
        assert_eq!(
            found.detail,
            Some(&b"Eicar-Test-Signature, Other.Virus (x)"[..])
        );
        assert_eq!(found.actions, Some(&b"DiscardedInbound"[..]));
        assert_eq!(found.sender, Some(&b""[..]));
        assert_fields(
            line,
            &[
                ("client_port", "50100"),
                ("size_bytes", "5120"),
                ("duration_ms", "640"),
            ],
        );
        assert_fields(
            "(1-1) Blocked BANNED (x) {RelayedInbound}, [203.0.113.9]:1 <y,.exe) {DiscardedInbound,Quarantined}, [192.0.2.66]:50100 <> -> <alice@example.com>, mail_id: A, Hits: -, size: 5, 1 ms",
            &[("client_address", "192.0.2.66"), ("hits", "")],
        );
    }

    /// Hard case 23: several recipients and two queue ids.
    #[test]
    fn reads_all_fields_of_a_long_line() {
        assert_fields(
            "(00740-05) Passed SPAMMY {RelayedTaggedInbound}, ORIGINATING/MYNETS LOCAL [2001:db8::7]:41234 [2001:db8::8] <bob@example.org> -> <alice@example.com>,<carol@example.com>, Queue-ID: 4ZxYw12345z1, Message-ID: <m1@example.org>, Resent-Message-ID: <r1@example.org>, mail_id: AbCdEf0123_b, Hits: 5.6, size: 2345, pt: 3, queued_as: 4ZxYw67890z2/5A2B33D1EAF, dkim_sd=mail:example.org,s1:example.net, 812 ms",
            &[
                ("policy_bank", "ORIGINATING/MYNETS"),
                ("local", "true"),
                ("client_address", "2001:db8::7"),
                ("client_port", "41234"),
                ("trace_address", "2001:db8::8"),
                ("recipients", "<alice@example.com>,<carol@example.com>"),
                ("quarantine", ""),
                ("queue_id", "4ZxYw12345z1"),
                ("message_id", "<m1@example.org>"),
                ("resent_message_id", "<r1@example.org>"),
                ("mail_id", "AbCdEf0123_b"),
                ("hits", "5.6"),
                ("size_bytes", "2345"),
                ("pt", "3"),
                ("queued_as", "4ZxYw67890z2/5A2B33D1EAF"),
                ("dkim_sd", "mail:example.org,s1:example.net"),
                ("dkim_new", ""),
                ("duration_ms", "812"),
            ],
        );
    }

    /// Hard case 23: split lines.
    #[test]
    fn split_lines_are_read_as_far_as_they_go() {
        let line = "(00740-08) Passed CLEAN {RelayedInbound}, [192.0.2.7]:41234 [192.0.2.7] <bob@example.org> -> <alice@example.com>...";
        assert_eq!(
            verdict_of(line).recipients,
            Some(&b"<alice@example.com>"[..])
        );
        assert_fields(line, &[("queued_as", ""), ("duration_ms", "")]);
        let line = b"(00740-08) ...,<carol@example.com>, Queue-ID: 4ZxYw12345z1";
        assert!(matches!(parse(line), Ok(Event::AmavisContinued(_))));
    }

    #[test]
    fn a_recipients_line_is_no_second_mail() {
        let line = "(17906-01) Passed CLEAN, <a@example.org> -> <b@example.com>, Hits: -1.9, tag=0, tag2=4.5, kill=6, queued_as: 4ZxYw67890z2, L/0/0/0";
        let Ok(Event::AmavisRecipient(found)) = parse(line.as_bytes()) else {
            panic!()
        };
        assert_eq!(found.recipient, Some(&b"b@example.com"[..]));
        assert_fields(
            line,
            &[
                ("hits", "-1.9"),
                ("tag", "0"),
                ("tag2", "4.5"),
                ("kill", "6"),
                ("queued_as", "4ZxYw67890z2"),
                ("flags", "L/0/0/0"),
            ],
        );
    }

    #[test]
    fn forwarding_names_the_new_queue_id() {
        let line = b"(17906-01) XjM_LoGqxmW6(K4rz1kAqd3zl) SEND from <> -> <q@example.com>, ENVID=AM.XjM BODY=7BIT 250 2.0.0 from MTA(smtp:[127.0.0.1]:10026): 250 2.0.0 Ok: queued as 4jWbLk6HdSz1SRss";
        let Ok(Event::AmavisForwarded(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(found.parent_mail_id, Some(&b"K4rz1kAqd3zl"[..]));
        assert_eq!((found.code, found.body), (Some(250), Some(&b"7BIT"[..])));
        assert_eq!(found.queued_as, Some(&b"4jWbLk6HdSz1SRss"[..]));
    }
}

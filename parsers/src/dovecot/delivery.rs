//! Deliveries by LMTP and LDA, and LMTP's own sessions.
//!
//! The text before `: saved mail to` follows `deliver_log_format`, which sites change, and holds
//! header text that the sender of the mail chose.

use super::Event;
use super::prefix::{Line, MailProcess, leading_session};
use crate::Seconds;
use crate::fields::{Field, Visitor, event_struct};
use crate::scan::{
    before_last, rfind_here, rfind_iter, split_number, split_once, to_number, trailing_group,
    without_angles,
};

event_struct! {
    /// A client connected to LMTP.
    ///
    /// Shape: `lmtp({pid}): Connect from {local|address}`.
    pub struct LmtpConnect<'a> {
        /// The process id of the LMTP process.
        pub pid: Option<u64>,
        /// The client: `local` for a unix socket, else its address.
        pub peer: &'a [u8],
    }
}

event_struct! {
    /// A client of LMTP is gone.
    ///
    /// Shape: `lmtp({pid}): Disconnect from {local|address}: {reason}[ ({in {state}|state =
    /// {state}| state={state}})]`.
    pub struct LmtpDisconnect<'a> {
        /// The process id of the LMTP process.
        pub pid: Option<u64>,
        /// Who is gone, and why.
        pub end: LmtpEnd<'a>,
    }
}

/// What stands behind `Disconnect from `: read when somebody wants to know.
///
/// Visited as `peer`, `reason` and `state`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LmtpEnd<'a>(&'a [u8]);

impl<'a> LmtpEnd<'a> {
    /// Returns the client: `local` for a unix socket, else its address.
    pub fn peer(self) -> &'a [u8] {
        self.split().0
    }

    /// Returns why the session ended, and its state, as logged.
    pub fn reason(self) -> (&'a [u8], Option<&'a [u8]>) {
        disconnect_state(self.split().1)
    }

    fn split(self) -> (&'a [u8], &'a [u8]) {
        split_once(self.0, b": ").unwrap_or((self.0, b""))
    }
}

impl Field for LmtpEnd<'_> {
    fn visit_as(&self, _name: &'static str, visitor: &mut dyn Visitor) {
        let (reason, state) = self.reason();
        visitor.text("peer", self.peer());
        visitor.text("reason", reason);
        state.visit_as("state", visitor);
    }
}

event_struct! {
    /// A mail was saved into a mailbox.
    ///
    /// Shape: `{prefix}: [{session}: ]{deliver_log_format}saved mail to {mailbox}`; the format's
    /// default is `msgid=%m: %$`. Source: Dovecot `src/lib-lda/mail-deliver.c`. The message id is a
    /// header's raw text, with its angle brackets, cut at 200 bytes.
    pub struct Saved<'a> {
        /// Who delivered, and for whom.
        pub mail: MailProcess<'a>,
        /// The message id; `unspecified` where the mail has none.
        pub message_id: FormattedId<'a>,
        /// The mailbox.
        pub mailbox: &'a [u8],
        /// What else the site's format has.
        pub format: Formatted<'a>,
    }
}

event_struct! {
    /// A mail could not be saved.
    ///
    /// Shape: `{prefix}: msgid={id}: save failed to [open mailbox ]{mailbox}: {reason}`, `lda(..):
    /// msgid={id}: rejected: {reason}`, `lmtp({pid}): Error: lmtp-server: conn {peer} [{n}]: rcpt
    /// {recipient}: Failed to lookup user {user}: {reason}`. Logged as information, not as an
    /// error; the mail may still be saved into INBOX.
    pub struct Failed<'a> {
        /// Who delivered, and for whom.
        pub mail: MailProcess<'a>,
        /// The message id.
        pub message_id: FormattedId<'a>,
        /// The mailbox.
        pub mailbox: Option<&'a [u8]>,
        /// Why.
        pub reason: &'a [u8],
        /// The recipient whose user could not be looked up.
        pub recipient: Option<&'a [u8]>,
        /// The LMTP client, where no user was known yet.
        pub peer: Option<&'a [u8]>,
    }
}

event_struct! {
    /// LMTP handed a mail on to another server.
    ///
    /// Shape: `lmtp({pid}): [lmtp-server: conn {peer} [{n}]: rcpt {rcpt}: ]<{session}>:
    /// {Sent|Failed to send} message to <{recipient}> at {host}:{port}: {reply} ({i}/{n} at {ms}
    /// ms)`; since 2.2.14.
    pub struct LmtpProxied<'a> {
        /// The process id of the LMTP process.
        pub pid: Option<u64>,
        /// The LMTP client.
        pub peer: Option<&'a [u8]>,
        /// The session id.
        pub session: Option<&'a [u8]>,
        /// `sent` or `failed`.
        pub result: &'static str,
        /// The recipient.
        pub recipient: &'a [u8],
        /// The server behind.
        pub dest_address: Option<&'a [u8]>,
        /// Its port.
        pub dest_port: Option<u64>,
        /// Its reply.
        pub reply: &'a [u8],
        /// Which recipient of the transaction this is.
        pub index: Option<u64>,
        /// Of how many recipients.
        pub count: Option<u64>,
        /// How long it took.
        pub delay: Option<Seconds>,
    }
}

/// Parses a line of LMTP's own session; `None` when it is something else.
pub(super) fn lmtp<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    if let Some(event) = connect(line.mail.pid, line.text) {
        return Some(Event::LmtpConnect(event));
    }
    if let Some(event) = disconnect(line.mail.pid, line.text) {
        return Some(Event::LmtpDisconnect(event));
    }
    proxied(line).or_else(|| lookup_failed(line))
}

/// Parses the beginning of a session.
#[inline(always)]
pub(super) fn connect(pid: Option<u64>, text: &[u8]) -> Option<LmtpConnect<'_>> {
    let peer = text.strip_prefix(b"Connect from ")?;
    Some(LmtpConnect { pid, peer })
}

/// Parses the end of a session.
#[inline(always)]
pub(super) fn disconnect(pid: Option<u64>, text: &[u8]) -> Option<LmtpDisconnect<'_>> {
    let end = LmtpEnd(text.strip_prefix(b"Disconnect from ")?);
    Some(LmtpDisconnect { pid, end })
}

/// Takes ` (in DATA)`, ` (state = READY)` or ` (state=READY)` off the end.
fn disconnect_state(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let marks: [&[u8]; 3] = [b"state=", b"state = ", b"in "];
    if let Some((reason, group)) = trailing_group(text)
        && let Some(state) = marks.iter().find_map(|mark| group.strip_prefix(*mark))
    {
        return (reason, Some(state));
    }
    (text, None)
}

/// Splits `lmtp-server: conn {peer} [{n}]: rcpt {recipient}: {text}`.
fn server_prefix(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let rest = text.strip_prefix(b"lmtp-server: conn ")?;
    let (conn, rest) = split_once(rest, b": rcpt ")?;
    let (recipient, text) = split_once(rest, b": ")?;
    let peer = before_last(conn, b" [").map_or(conn, |(peer, _)| peer);
    Some((peer, recipient, text))
}

fn proxied<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let (peer, text) = match server_prefix(line.text) {
        Some((peer, _, text)) => (Some(peer), text),
        None => (None, line.text),
    };
    let (session, text) = split_once(text.strip_prefix(b"<")?, b">: ")?;
    let (result, rest) = match text.strip_prefix(b"Sent message to <") {
        Some(rest) => ("sent", rest),
        None => ("failed", text.strip_prefix(b"Failed to send message to <")?),
    };
    let (recipient, rest) = split_once(rest, b"> at ")?;
    let (server, reply) = split_once(rest, b": ")?;
    let (host, port) = before_last(server, b":").unwrap_or((server, b""));
    let (reply, times) = trailing_group(reply).unwrap_or((reply, b""));
    let (index, times) = split_number(times).map_or((None, times), |(i, rest)| (Some(i), rest));
    let count = times.strip_prefix(b"/").and_then(split_number);
    let delay = count
        .and_then(|(_, rest)| split_number(rest.strip_prefix(b" at ")?))
        .map(|(ms, _)| Seconds {
            micros: ms.saturating_mul(1000),
        });
    Some(Event::LmtpProxied(LmtpProxied {
        pid: line.mail.pid,
        peer,
        session: Some(session).filter(|session| !session.is_empty()),
        result,
        recipient,
        dest_address: Some(host),
        dest_port: to_number(port),
        reply,
        index,
        count: count.map(|(count, _)| count),
        delay,
    }))
}

fn lookup_failed<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let (peer, recipient, reason) = server_prefix(line.text)?;
    if !reason.starts_with(b"Failed to lookup user") {
        return None;
    }
    Some(Event::DeliveryFailed(Failed {
        mail: line.mail,
        message_id: FormattedId(b""),
        mailbox: None,
        reason,
        recipient: Some(recipient),
        peer: Some(peer),
    }))
}

/// Parses a delivery; `None` when the line is about something else.
pub(super) fn parse<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let (session, text) = leading_session(line.text);
    let mut mail = line.mail;
    mail.session = mail.session.or(session);
    let (head, mark, rest) = split_result(text)?;
    if mark == SAVED {
        return Some(Event::DeliverySaved(saved(mail, head, rest)));
    }
    let (mailbox, reason) = match mark {
        REJECTED => (None, rest),
        _ => {
            let rest = rest.strip_prefix(b"open mailbox ").unwrap_or(rest);
            let (mailbox, reason) = split_once(rest, b": ").unwrap_or((rest, b""));
            (Some(mailbox), reason)
        }
    };
    Some(Event::DeliveryFailed(Failed {
        mail,
        message_id: FormattedId(head),
        mailbox,
        reason,
        recipient: None,
        peer: None,
    }))
}

#[inline(always)]
fn saved<'a>(mail: MailProcess<'a>, head: &'a [u8], mailbox: &'a [u8]) -> Saved<'a> {
    Saved {
        mail,
        message_id: FormattedId(head),
        mailbox,
        format: Formatted(head),
    }
}

/// Parses the commonest delivery: a mail that was saved, in the default format.
#[inline(always)]
pub(super) fn usual<'a>(mail: MailProcess<'a>, text: &'a [u8]) -> Option<Saved<'a>> {
    // No session id begins like this: it has no `=`.
    if !text.starts_with(b"msgid=") {
        return None;
    }
    let (head, rest) = text.split_at_checked(rfind_here(text, b": ")? + 2)?;
    Some(saved(mail, head, rest.strip_prefix(SAVED)?))
}

const SAVED: &[u8] = b"saved mail to ";
const SAVE_FAILED: &[u8] = b"save failed to ";
const REJECTED: &[u8] = b"rejected: ";

/// Splits at the last of the marks: the header text before it may imitate one.
fn split_result(text: &[u8]) -> Option<(&[u8], &'static [u8], &[u8])> {
    let result = |at: usize| {
        let (head, rest) = text.split_at_checked(at)?;
        let mark = [SAVED, SAVE_FAILED, REJECTED]
            .into_iter()
            .find(|mark| rest.starts_with(mark))?;
        Some((head, mark, rest.get(mark.len()..)?))
    };
    rfind_iter(text, b": ")
        .find_map(|at| result(at + 2))
        .or_else(|| result(0))
}

/// The message id in the part that `deliver_log_format` writes; read when somebody wants to know.
///
/// Visited as `message_id`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FormattedId<'a>(&'a [u8]);

impl<'a> FormattedId<'a> {
    /// Returns the message id, as logged.
    pub fn get(self) -> Option<&'a [u8]> {
        DeliverFormat::parse(self.0).message_id
    }
}

impl Field for FormattedId<'_> {
    fn visit_as(&self, name: &'static str, visitor: &mut dyn Visitor) {
        self.get().visit_as(name, visitor);
    }
}

/// The part that `deliver_log_format` writes; read when somebody wants to know.
///
/// Visited as `sender`, `size_bytes` and `subject`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Formatted<'a>(&'a [u8]);

impl<'a> Formatted<'a> {
    /// Returns the sender, where the site's format has it.
    pub fn sender(self) -> Option<&'a [u8]> {
        DeliverFormat::parse(self.0).sender
    }

    /// Returns the size, where the site's format has it.
    pub fn size_bytes(self) -> Option<u64> {
        DeliverFormat::parse(self.0).size_bytes
    }
}

impl Field for Formatted<'_> {
    fn visit_as(&self, _name: &'static str, visitor: &mut dyn Visitor) {
        let format = DeliverFormat::parse(self.0);
        format.sender.visit_as("sender", visitor);
        format.size_bytes.visit_as("size_bytes", visitor);
        format.subject.visit_as("subject", visitor);
    }
}

/// What stands in the part that `deliver_log_format` writes.
#[derive(Clone, Copy, Default)]
pub(super) struct DeliverFormat<'a> {
    pub(super) message_id: Option<&'a [u8]>,
    sender: Option<&'a [u8]>,
    size_bytes: Option<u64>,
    subject: Option<&'a [u8]>,
}

impl<'a> DeliverFormat<'a> {
    /// Reads `msgid=<..>: `, or a site's own `from=.., size=.., subject=.., msgid=..: `.
    pub(super) fn parse(head: &'a [u8]) -> Self {
        let head = head.strip_suffix(b" ").unwrap_or(head);
        let head = head.strip_suffix(b":").unwrap_or(head);
        let mut format = DeliverFormat::default();
        let mut rest = head;
        if let Some(id) = head.strip_prefix(b"msgid=") {
            let (id, others) = split_message_id(id);
            format.message_id = Some(id.trim_ascii());
            rest = others;
        }
        // From the right: a subject may hold commas and imitate what follows it.
        while let Some((at, key)) = last_key(rest) {
            let value = rest.get(at + key.len()..).unwrap_or_default();
            match key {
                b"msgid=" => format.message_id = format.message_id.or(Some(value.trim_ascii())),
                b"subject=" => format.subject = Some(value),
                b"size=" => format.size_bytes = to_number(value),
                _ => format.sender = Some(without_angles(value)),
            }
            rest = rest.get(..at).unwrap_or_default();
            rest = rest.strip_suffix(b", ").unwrap_or(rest);
        }
        format
    }
}

/// Splits `<id>, others`; an id without brackets takes all.
fn split_message_id(text: &[u8]) -> (&[u8], &[u8]) {
    match split_once(text, b">, ") {
        Some((id, others)) => (text.get(..=id.len()).unwrap_or(id), others),
        None => (text, b""),
    }
}

/// Finds the last key that stands at the front or behind `, `.
fn last_key(text: &[u8]) -> Option<(usize, &'static [u8])> {
    let keys: [&'static [u8]; 4] = [b"msgid=", b"subject=", b"size=", b"from="];
    let starts_piece =
        |at: &usize| *at == 0 || text.get(..*at).is_some_and(|head| head.ends_with(b", "));
    keys.into_iter()
        .filter_map(|key| {
            let at = rfind_iter(text, key).find(starts_piece)?;
            Some((at, key))
        })
        .max_by_key(|(at, _)| *at)
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn saved(line: &str) -> Saved<'_> {
        match parse(line.as_bytes()) {
            Ok(Event::DeliverySaved(saved)) => saved,
            other => panic!("{line}: {other:?}"),
        }
    }

    /// Hard case 13: raw headers, no header, odd mailboxes.
    #[test]
    fn message_ids_and_mailboxes_may_be_odd() {
        for (rest, id, mailbox) in [
            (
                "msgid=<m1@example.org>: saved mail to INBOX",
                "<m1@example.org>",
                "INBOX",
            ),
            (
                "msgid= <m1@example.org>: saved mail to INBOX",
                "<m1@example.org>",
                "INBOX",
            ),
            (
                "msgid=unspecified: saved mail to Junk E-mail",
                "unspecified",
                "Junk E-mail",
            ),
            ("msgid=: saved mail to INBOX", "", "INBOX"),
            (
                "msgid=<m1@example.org> <m2@example.org>: saved mail to INBOX",
                "<m1@example.org> <m2@example.org>",
                "INBOX",
            ),
            (
                "msgid=<m1@example.org...: saved mail to Lists/rust: news",
                "<m1@example.org...",
                "Lists/rust: news",
            ),
            (
                "msgid=<x: saved mail to Y>: saved mail to INBOX",
                "<x: saved mail to Y>",
                "INBOX",
            ),
            (
                "msgid=<x: save failed to Y: z>: saved mail to INBOX",
                "<x: save failed to Y: z>",
                "INBOX",
            ),
        ] {
            let line = format!("lmtp(alice)<5001><EBES>: {rest}");
            let found = saved(&line);
            assert_eq!(found.message_id.get(), Some(id.as_bytes()), "{line}");
            assert_eq!(found.mailbox, mailbox.as_bytes(), "{line}");
        }
    }

    /// Hard cases 8 and 14: session ids and their suffixes, wherever they stand.
    #[test]
    fn sessions_are_found_in_every_version() {
        for (prefix, pid, session) in [
            (
                "lmtp(alice)<5001><EBESExQVFhcYGRobHB0eHw:T2:R3>: ",
                Some(5001),
                Some("EBESExQVFhcYGRobHB0eHw:T2:R3"),
            ),
            (
                "lmtp(5001, alice): EBESExQVFhcYGRobHB0eHw: ",
                Some(5001),
                Some("EBESExQVFhcYGRobHB0eHw"),
            ),
            (
                "lmtp(alice): EBESExQVFhcYGRobHB0eHw: ",
                None,
                Some("EBESExQVFhcYGRobHB0eHw"),
            ),
            ("lmtp(alice): ", None, None),
            ("deliver(alice): ", None, None),
        ] {
            let line = format!("{prefix}msgid=<m1@example.org>: saved mail to INBOX");
            let found = saved(&line);
            assert_eq!(found.mail.user, Some(&b"alice"[..]), "{line}");
            assert_eq!(found.mail.pid, pid, "{line}");
            assert_eq!(found.mail.session, session.map(str::as_bytes), "{line}");
        }
    }

    #[test]
    fn a_subject_cannot_bring_fields_of_its_own() {
        let found = saved(
            "lmtp(a)<1><s>: from=bob@example.org, size=2345, subject=x, size=1, msgid=<fake>, y: saved mail to Z, msgid=<m1@example.org>: saved mail to INBOX",
        );
        assert_eq!(found.message_id.get(), Some(&b"<m1@example.org>"[..]));
        assert_eq!(
            (found.format.size_bytes(), found.mailbox),
            (Some(2345), &b"INBOX"[..])
        );
        assert_eq!(found.format.sender(), Some(&b"bob@example.org"[..]));
    }

    #[test]
    fn failures_name_mailbox_and_reason() {
        for (line, mailbox, reason) in [
            (
                "lmtp(b)<1><s>: msgid=<m1@example.org>: save failed to INBOX: Quota exceeded (mailbox for user is full)",
                Some("INBOX"),
                "Quota exceeded (mailbox for user is full)",
            ),
            (
                "lmtp(b)<1><s>: msgid=<m1@example.org>: save failed to open mailbox Old: Mailbox doesn't exist: Old",
                Some("Old"),
                "Mailbox doesn't exist: Old",
            ),
            (
                "lda(b)<1><s>: msgid=<saved mail to x>: rejected: Quota exceeded",
                None,
                "Quota exceeded",
            ),
            (
                "lmtp(b)<1><s>: msgid=<a: saved mail to b>: save failed to INBOX: x",
                Some("INBOX"),
                "x",
            ),
        ] {
            let Ok(Event::DeliveryFailed(found)) = parse(line.as_bytes()) else {
                panic!("{line}")
            };
            assert_eq!(found.mailbox, mailbox.map(str::as_bytes), "{line}");
            assert_eq!(found.reason, reason.as_bytes(), "{line}");
        }
    }

    #[test]
    fn states_of_all_versions_are_read() {
        for (text, reason, state) in [
            ("Successful quit", "Successful quit", None),
            ("Client quit (in reset)", "Client quit", Some("reset")),
            ("Client quit (state = READY)", "Client quit", Some("READY")),
            (
                "Connection closed (unfinished DATA command) (state=DATA)",
                "Connection closed (unfinished DATA command)",
                Some("DATA"),
            ),
        ] {
            let line = format!("lmtp(5001): Disconnect from 2001:db8::7: {text}");
            let Ok(Event::LmtpDisconnect(found)) = parse(line.as_bytes()) else {
                panic!("{line}")
            };
            assert_eq!(
                (found.end.peer(), found.pid),
                (&b"2001:db8::7"[..], Some(5001)),
                "{line}"
            );
            assert_eq!(found.end.reason().0, reason.as_bytes(), "{line}");
            assert_eq!(found.end.reason().1, state.map(str::as_bytes), "{line}");
        }
    }

    #[test]
    fn proxied_mails_name_server_and_place() {
        let line = b"lmtp(5001): lmtp-server: conn 192.0.2.7:40000 [1]: rcpt bob@example.com: <EBESExQVFhcYGRobHB0eHw>: Sent message to <bob@example.com> at 198.51.100.20:24: 250 2.0.0 <bob@example.com> kJ3wLmP0aGZzAQAAx7Yb2g Saved (1/2 at 35 ms)";
        let Ok(Event::LmtpProxied(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(
            (found.result, found.index, found.count),
            ("sent", Some(1), Some(2))
        );
        assert_eq!(
            (found.dest_address, found.dest_port),
            (Some(&b"198.51.100.20"[..]), Some(24))
        );
        assert_eq!(found.delay, Some(Seconds { micros: 35_000 }));
        assert_eq!(found.peer, Some(&b"192.0.2.7:40000"[..]));
        assert_eq!(
            found.reply,
            b"250 2.0.0 <bob@example.com> kJ3wLmP0aGZzAQAAx7Yb2g Saved"
        );
    }
}

//! The ends of IMAP, POP3, ManageSieve and submission sessions, and what submission relayed.

use super::prefix::Line;
use super::{Event, Parsed};
use crate::Reason;
use crate::fields::{Field, Visitor, event_struct};
use crate::scan::{before_last, rfind, split_number, split_once, to_number, trailing_group};

event_struct! {
    /// A mail session ended.
    ///
    /// Shape: `{prefix}: [Disconnected: ]{reason}[ ({command})] {counters}`. The counters are
    /// `in={n} out={n} deleted={n} ...` (imap, submission), `bytes={in}/{out}` (imap up to 2.0,
    /// managesieve), `top={n}/{bytes}, retr={n}/{bytes}, del={n}/{n}, size={bytes}` (pop3).
    /// `Disconnected: ` is always there since 2.3.15, never for imap in 2.2.20-2.3.14. Source:
    /// Dovecot `src/imap/imap-client.c`, `src/pop3/pop3-client.c`. Units: bytes as logged; the
    /// second number of `del` is messages in the mailbox up to 2.3, deleted bytes in 2.4.
    pub struct SessionEnd<'a> {
        /// The service: `imap`, `pop3`, `managesieve`, `submission`, `imap-hibernate`.
        pub protocol: &'a [u8],
        /// The user.
        pub user: Option<&'a [u8]>,
        /// The process id of the mail process.
        pub pid: Option<u64>,
        /// The session id.
        pub session: Option<&'a [u8]>,
        /// Why it ended, without the leading `Disconnected: `.
        pub reason: &'a [u8],
        /// What the last or running command was doing, from the parentheses.
        pub command: Option<&'a [u8]>,
        /// The counters of the session.
        pub counters: SessionCounters<'a>,
    }
}

/// The counters at the end of a session, as logged; read when somebody wants to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionCounters<'a>(&'a [u8]);

/// What the counters of a session say.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct SessionCounts<'a> {
    /// Bytes from the client.
    pub in_bytes: Option<u64>,
    /// Bytes to the client.
    pub out_bytes: Option<u64>,
    /// Messages marked as deleted.
    pub deleted: Option<u64>,
    /// Messages expunged.
    pub expunged: Option<u64>,
    /// Messages copied to the trash.
    pub trashed: Option<u64>,
    /// Messages whose headers were read.
    pub hdr_count: Option<u64>,
    /// Bytes of headers read.
    pub hdr_bytes: Option<u64>,
    /// Messages whose bodies were read.
    pub body_count: Option<u64>,
    /// Bytes of bodies read.
    pub body_bytes: Option<u64>,
    /// Messages expunged by age.
    pub autoexpunged: Option<u64>,
    /// Messages appended.
    pub appended: Option<u64>,
    /// POP3 TOP: commands and bytes, as logged.
    pub top: Option<&'a [u8]>,
    /// POP3 RETR: commands and bytes, as logged.
    pub retr: Option<&'a [u8]>,
    /// POP3 DELE, as logged.
    pub del: Option<&'a [u8]>,
    /// The size of the POP3 mailbox.
    pub size_bytes: Option<u64>,
}

impl<'a> SessionCounters<'a> {
    /// Reads the counters.
    pub fn read(self) -> SessionCounts<'a> {
        let mut counts = SessionCounts::default();
        for pair in self.0.split(|&byte| byte == b' ') {
            if let Some((key, value)) = split_once(pair, b"=") {
                counts.read(key, value.strip_suffix(b",").unwrap_or(value));
            }
        }
        counts
    }
}

impl Field for SessionCounters<'_> {
    fn visit_as(&self, _name: &'static str, visitor: &mut dyn Visitor) {
        let counts = self.read();
        counts.in_bytes.visit_as("in_bytes", visitor);
        counts.out_bytes.visit_as("out_bytes", visitor);
        counts.deleted.visit_as("deleted", visitor);
        counts.expunged.visit_as("expunged", visitor);
        counts.trashed.visit_as("trashed", visitor);
        counts.hdr_count.visit_as("hdr_count", visitor);
        counts.hdr_bytes.visit_as("hdr_bytes", visitor);
        counts.body_count.visit_as("body_count", visitor);
        counts.body_bytes.visit_as("body_bytes", visitor);
        counts.autoexpunged.visit_as("autoexpunged", visitor);
        counts.appended.visit_as("appended", visitor);
        counts.top.visit_as("top", visitor);
        counts.retr.visit_as("retr", visitor);
        counts.del.visit_as("del", visitor);
        counts.size_bytes.visit_as("size_bytes", visitor);
    }
}

event_struct! {
    /// Dovecot's submission service handed a message to its relay, or could not.
    ///
    /// Shape: `{prefix}: [relay: ]{Successfully relayed|Failed to relay} message: from=<{sender}>,
    /// [to=<{recipient}>, ]size={bytes}, [id={transaction_id}, ]{nrcpt={n}|rcpt={i}/{n}},
    /// reply=`{reply}'`; since 2.3. The reply usually quotes the relay's queue id.
    pub struct SubmissionRelay<'a> {
        /// The user.
        pub user: Option<&'a [u8]>,
        /// The process id of the mail process.
        pub pid: Option<u64>,
        /// The session id.
        pub session: Option<&'a [u8]>,
        /// `relayed` or `failed`.
        pub result: &'static str,
        /// The envelope sender.
        pub sender: Option<&'a [u8]>,
        /// The recipient, where there is a line per recipient.
        pub recipient: Option<&'a [u8]>,
        /// The size of the message.
        pub size_bytes: Option<u64>,
        /// The transaction's id: the session id, with a suffix from the second mail on.
        pub transaction_id: Option<&'a [u8]>,
        /// The number of recipients.
        pub nrcpt: Option<u64>,
        /// Which recipient this is, of `rcpt_count`.
        pub rcpt_index: Option<u64>,
        /// Of how many recipients.
        pub rcpt_count: Option<u64>,
        /// The relay's reply.
        pub reply: Option<&'a [u8]>,
        /// The queue id that the reply names.
        pub queue_id: Option<&'a [u8]>,
    }
}

/// Parses the end of a session; the counters are found from the right, for reasons are free text.
pub(super) fn end<'a>(line: &Line<'a>) -> Parsed<'a> {
    let text = line.text;
    let head = counters_at(text).and_then(|at| text.get(..at));
    if head.is_none() && !is_reason(text) {
        return Err(Reason("dovecot session"));
    }
    let head = head.unwrap_or(text);
    let counters = text.get(head.len()..).unwrap_or_default();
    let reason = head.strip_prefix(b"Disconnected: ").unwrap_or(head);
    let (reason, command) = match trailing_group(reason) {
        Some((reason, command)) => (reason, Some(command)),
        None => (reason, None),
    };
    Ok(Event::SessionEnd(SessionEnd {
        protocol: protocol(line.mail.process),
        user: line.mail.user,
        pid: line.mail.pid,
        session: line.mail.session,
        reason,
        command,
        counters: SessionCounters(counters),
    }))
}

/// Dovecot 1.x writes the names in upper case.
fn protocol(process: &[u8]) -> &[u8] {
    match process {
        b"IMAP" => b"imap",
        b"POP3" => b"pop3",
        b"MANAGESIEVE" => b"managesieve",
        _ => process,
    }
}

/// Finds the blank before the counters.
fn counters_at(text: &[u8]) -> Option<usize> {
    let starts: [&[u8]; 3] = [b" in=", b" bytes=", b" top="];
    starts.iter().find_map(|start| {
        let at = rfind(text, start)?;
        let value = text.get(at + start.len()..)?;
        value.first().filter(|byte| byte.is_ascii_digit())?;
        Some(at)
    })
}

/// Tells the reasons of a line whose counters a site's own format has changed.
fn is_reason(text: &[u8]) -> bool {
    let reasons: [&[u8]; 5] = [
        b"Disconnected",
        b"Logged out",
        b"Connection closed",
        b"Server shutting down",
        b"Inactivity",
    ];
    reasons.iter().any(|reason| text.starts_with(reason))
}

impl<'a> SessionCounts<'a> {
    fn read(&mut self, key: &[u8], value: &'a [u8]) {
        let number = to_number(value);
        match key {
            b"in" => self.in_bytes = number,
            b"out" => self.out_bytes = number,
            b"deleted" => self.deleted = number,
            b"expunged" => self.expunged = number,
            b"trashed" => self.trashed = number,
            b"hdr_count" => self.hdr_count = number,
            b"hdr_bytes" => self.hdr_bytes = number,
            b"body_count" => self.body_count = number,
            b"body_bytes" => self.body_bytes = number,
            b"autoexpunged" => self.autoexpunged = number,
            b"appended" => self.appended = number,
            b"top" => self.top = Some(value),
            b"retr" => self.retr = Some(value),
            b"del" => self.del = Some(value),
            b"size" => self.size_bytes = number,
            b"bytes" => {
                let (input, output) = split_once(value, b"/").unwrap_or((value, b""));
                self.in_bytes = to_number(input);
                self.out_bytes = to_number(output);
            }
            _ => {}
        }
    }
}

/// Parses what submission relayed; `None` when the line is about something else.
pub(super) fn relay<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let text = line.text.strip_prefix(b"relay: ").unwrap_or(line.text);
    let (result, rest) = match text.strip_prefix(b"Successfully relayed message: ") {
        Some(rest) => ("relayed", rest),
        None => ("failed", text.strip_prefix(b"Failed to relay message: ")?),
    };
    // The reply is the relay's own text: take it off before the fields are looked for.
    let (fields, reply) = match split_once(rest, b", reply=`") {
        Some((fields, reply)) => (fields, Some(reply.strip_suffix(b"'").unwrap_or(reply))),
        None => (rest, None),
    };
    let text_of = |key: &[u8]| {
        let (_, value) = before_last(fields, key)?;
        split_once(value, b", ").map_or(Some(value), |(value, _)| Some(value))
    };
    let number_of = |key: &[u8]| text_of(key).and_then(to_number);
    let rcpt = text_of(b", rcpt=").and_then(|value| split_once(value, b"/"));
    Some(Event::SubmissionRelay(SubmissionRelay {
        user: line.mail.user,
        pid: line.mail.pid,
        session: line.mail.session,
        result,
        sender: address(fields, b"from=<"),
        recipient: address(fields, b", to=<"),
        size_bytes: number_of(b", size="),
        transaction_id: text_of(b", id="),
        nrcpt: number_of(b", nrcpt="),
        rcpt_index: rcpt.and_then(|(index, _)| to_number(index)),
        rcpt_count: rcpt.and_then(|(_, count)| to_number(count)),
        reply,
        queue_id: reply.and_then(queued_as),
    }))
}

/// Reads the address behind a key, up to the bracket that another field follows.
fn address<'a>(fields: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let (_, rest) = split_once(fields, key)?;
    split_once(rest, b">, ")
        .map(|(address, _)| address)
        .or_else(|| rest.strip_suffix(b">"))
}

/// Reads the queue id of `... queued as 4F1A22C0D9E`.
pub(super) fn queued_as(reply: &[u8]) -> Option<&[u8]> {
    let (_, rest) = split_once(reply, b"queued as ")?;
    let length = rest
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    rest.get(..length).filter(|id| crate::scan::is_queue_id(id))
}

/// Reads the first number of a text behind a mark.
pub(super) fn number_after(text: &[u8], mark: &[u8]) -> Option<u64> {
    let (_, rest) = split_once(text, mark)?;
    split_number(rest).map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn ended(line: &str) -> SessionEnd<'_> {
        match parse(line.as_bytes()) {
            Ok(Event::SessionEnd(end)) => end,
            other => panic!("{line}: {other:?}"),
        }
    }

    /// Hard case 9: parentheses and ` in ` inside the reason.
    #[test]
    fn counters_are_found_behind_any_reason() {
        let end = ended(
            "imap(alice@example.com)<4711><QCK1i+ZSI8TAAAIK>: Connection closed (UID FETCH,NOOP running for 0.010 + waiting input/output for 2.500 secs, 0.100 in locks, 30 B in + 10+100 B out, state=wait-output) in=512 out=20480 deleted=1 expunged=2 trashed=3 hdr_count=10 hdr_bytes=4096 body_count=2 body_bytes=16384 appended=7",
        );
        let counts = end.counters.read();
        assert_eq!(end.reason, b"Connection closed");
        assert!(end.command.unwrap().starts_with(b"UID FETCH,NOOP running"));
        assert_eq!(
            (counts.in_bytes, counts.out_bytes),
            (Some(512), Some(20480))
        );
        assert_eq!(
            (counts.deleted, counts.expunged, counts.trashed),
            (Some(1), Some(2), Some(3))
        );
        assert_eq!(
            (counts.hdr_bytes, counts.body_bytes),
            (Some(4096), Some(16384))
        );
        assert_eq!((end.pid, counts.appended), (Some(4711), Some(7)));
        let end = ended("imap(a): Disconnected: Inactivity - no input for 1800 secs in=1 out=2");
        assert_eq!(end.reason, b"Inactivity - no input for 1800 secs");
    }

    #[test]
    fn disconnected_is_no_part_of_the_reason() {
        for line in [
            "imap(alice): Disconnected: Logged out bytes=123/4567",
            "IMAP(alice): Logged out bytes=123/4567",
            "imap(alice): Info: Logged out in=123 out=4567",
        ] {
            let end = ended(line);
            let counts = end.counters.read();
            assert_eq!(
                (end.protocol, end.reason),
                (&b"imap"[..], &b"Logged out"[..]),
                "{line}"
            );
            assert_eq!(
                (counts.in_bytes, counts.out_bytes),
                (Some(123), Some(4567)),
                "{line}"
            );
        }
    }

    #[test]
    fn pop3_has_counters_of_its_own() {
        let end = ended(
            "pop3(bob@example.com)<4712><s>: Disconnected: Logged out top=0/0, retr=2/8192, del=2/8100, size=8100",
        );
        let counts = end.counters.read();
        assert_eq!(
            (counts.retr, counts.del),
            (Some(&b"2/8192"[..]), Some(&b"2/8100"[..]))
        );
        assert_eq!(
            (counts.top, counts.size_bytes),
            (Some(&b"0/0"[..]), Some(8100))
        );
    }

    #[test]
    fn relay_replies_name_the_queue_id_and_bring_no_fields() {
        let line = b"submission(a)<4720><s>: relay: Successfully relayed message: from=<a@example.com>, to=<b@example.org>, size=2048, id=QCK1, rcpt=1/2, reply=`250 2.0.0 Ok: queued as 4F1A22C0D9E, size=1'";
        let Ok(Event::SubmissionRelay(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(found.queue_id, Some(&b"4F1A22C0D9E"[..]));
        assert_eq!((found.size_bytes, found.rcpt_count), (Some(2048), Some(2)));
        assert_eq!(found.recipient, Some(&b"b@example.org"[..]));
        assert_eq!(found.transaction_id, Some(&b"QCK1"[..]));
    }
}

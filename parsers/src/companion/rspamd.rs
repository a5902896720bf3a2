//! Lines of rspamd: `<{uid}>; {module}; {function}: {text}`.
//!
//! Message id, symbols' options, subjects and recipients are the sender's text. The head of the
//! task line is read field by field from the left, its tail from the last `]), len: `.

use super::{Decimal, Event, Parsed};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{before_last, split_number, split_once, to_number, without_angles};

event_struct! {
    /// The verdict on a mail.
    ///
    /// Shape: `<{uid}>; {proxy|task}; rspamd_task_write_log: id: <{message id}>,[ qid: <{queue
    /// id}>,][ ip: {ip},][ user: {user},][ from: <{sender}>,] (default: {F|T|S} ({action}):
    /// [{score}/{required}] [{symbols}]), len: {bytes}, time: {n}ms[ real, {n}ms virtual], dns req:
    /// {n}, digest: <{digest}>[, rcpts: <..>][, mime_rcpts: <..>][, file: ..][, forced: ..][,
    /// settings_id: ..]`. Logged as a notice, which rspamd's syslog writer maps to debug.
    pub struct Verdict<'a> {
        /// The session id that all lines of a mail share.
        pub uid: &'a [u8],
        /// The module.
        pub module: &'a [u8],
        /// The message id, with its angle brackets; `undef` where there is none.
        pub message_id: Option<&'a [u8]>,
        /// Postfix's queue id; absent without a milter.
        pub queue_id: Option<&'a [u8]>,
        /// The client's address.
        pub ip: Option<&'a [u8]>,
        /// The authenticated user.
        pub user: Option<&'a [u8]>,
        /// The envelope sender; empty for bounces.
        pub sender: Option<&'a [u8]>,
        /// `F` for ham, `T` for spam, `S` for skipped.
        pub flag: Option<&'a [u8]>,
        /// `no action`, `greylist`, `add header`, `soft reject`, `reject`, ...
        pub action: Option<&'a [u8]>,
        /// The score.
        pub score: Option<Decimal<'a>>,
        /// The score from which mails are rejected.
        pub required_score: Option<Decimal<'a>>,
        /// The symbols, as logged: `NAME(score){option;},...`.
        pub symbols: Option<&'a [u8]>,
        /// The size.
        pub size_bytes: Option<u64>,
        /// How long it took, in milliseconds.
        pub time_ms: Option<Decimal<'a>>,
        /// How much of it the processor was busy, in milliseconds.
        pub time_virtual_ms: Option<Decimal<'a>>,
        /// How many questions were put to the DNS.
        pub dns_requests: Option<u64>,
        /// The digest of the mail.
        pub digest: Option<&'a [u8]>,
        /// The envelope recipients, joined by commas.
        pub recipients: Option<&'a [u8]>,
        /// The recipients of the headers, joined by commas.
        pub mime_recipients: Option<&'a [u8]>,
        /// The file that was scanned.
        pub file: Option<&'a [u8]>,
        /// What forced the action, as logged.
        pub forced: Option<&'a [u8]>,
        /// The settings in force.
        pub settings_id: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A milter connection, or the SMTP client behind it.
    ///
    /// Shape: `accepted milter connection from {ip} port {port}`, `got connection from
    /// {ip}:{port}`, `finished milter connection`.
    pub struct MilterConn<'a> {
        /// The session id.
        pub uid: &'a [u8],
        /// The module.
        pub module: &'a [u8],
        /// `accepted`, `client` or `finished`.
        pub state: &'static str,
        /// The address.
        pub ip: Option<&'a [u8]>,
        /// The port.
        pub port: Option<u64>,
    }
}

event_struct! {
    /// A mail was read.
    ///
    /// Shape: `rspamd_message_parse: loaded message; id: <..>; [queue-id: <..>; ]size: {bytes};
    /// checksum: <..>`.
    pub struct MessageLoaded<'a> {
        /// The session id.
        pub uid: &'a [u8],
        /// The module.
        pub module: &'a [u8],
        /// The message id, with its angle brackets.
        pub message_id: Option<&'a [u8]>,
        /// Postfix's queue id.
        pub queue_id: Option<&'a [u8]>,
        /// The size.
        pub size_bytes: Option<u64>,
        /// The checksum.
        pub checksum: Option<&'a [u8]>,
    }
}

/// Parses a message of rspamd.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    let Some((uid, module, text)) = envelope(message) else {
        return Err(Reason("rspamd envelope"));
    };
    if let Some(text) = text.strip_prefix(b"rspamd_task_write_log: ") {
        return verdict(uid, module, text)
            .map(Event::RspamdResult)
            .ok_or(Reason("rspamd task"));
    }
    let Some((function, text)) = split_once(text, b": ") else {
        return Err(Reason("rspamd function"));
    };
    if function == b"rspamd_message_parse"
        && let Some(rest) = text.strip_prefix(b"loaded message; id: ")
    {
        return Ok(Event::RspamdMsgLoaded(loaded(uid, module, rest)));
    }
    connection(uid, module, text)
        .map(Event::RspamdMilterConn)
        .ok_or(Reason("rspamd text"))
}

/// Splits `<{uid}>; {module}; {text}`; rspamd's own file format has time and pid before it.
fn envelope(message: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let inside = message.strip_prefix(b"<")?;
    let (uid, rest) = split_once(inside, b">; ")?;
    let (module, text) = split_once(rest, b"; ")?;
    Some((uid, module, text))
}

/// Reads `<text>{mark}`, or a word without brackets, where the text stands.
fn bracketed<'a>(text: &'a [u8], mark: &'static [u8]) -> Option<(&'a [u8], &'a [u8])> {
    match text.strip_prefix(b"<") {
        Some(inside) => {
            let at = memchr::memchr_iter(b'>', inside).find(|at| {
                inside
                    .get(at + 1..)
                    .is_some_and(|rest| rest.starts_with(mark))
            })?;
            Some((inside.get(..at)?, inside.get(at + 1 + mark.len()..)?))
        }
        None => split_once(text, mark),
    }
}

fn verdict<'a>(uid: &'a [u8], module: &'a [u8], text: &'a [u8]) -> Option<Verdict<'a>> {
    let text = text.strip_prefix(b"id: ")?;
    let (_, mut rest) = bracketed(text, b",")?;
    let id = text.get(..text.len() - rest.len() - b",".len())?;
    let mut found = Verdict::of(uid, module, id);
    if let Some((queue_id, tail)) = rest
        .strip_prefix(b" qid: ")
        .and_then(|t| bracketed(t, b","))
    {
        found.queue_id = Some(queue_id);
        rest = tail;
    }
    if let Some((ip, tail)) = rest
        .strip_prefix(b" ip: ")
        .and_then(|t| split_once(t, b","))
    {
        found.ip = Some(ip);
        rest = tail;
    }
    if let Some((user, tail)) = rest
        .strip_prefix(b" user: ")
        .and_then(|t| split_once(t, b","))
    {
        found.user = Some(user);
        rest = tail;
    }
    if let Some((sender, tail)) = rest
        .strip_prefix(b" from: ")
        .and_then(|t| bracketed(t, b","))
    {
        found.sender = Some(sender);
        rest = tail;
    }
    let (verdict, tail) = before_last(rest, b"]), len: ")?;
    found.read_verdict(verdict)?;
    found.read_tail(tail);
    Some(found)
}

impl<'a> Verdict<'a> {
    fn of(uid: &'a [u8], module: &'a [u8], id: &'a [u8]) -> Self {
        Verdict {
            uid,
            module,
            message_id: Some(id).filter(|id| !id.is_empty()),
            queue_id: None,
            ip: None,
            user: None,
            sender: None,
            flag: None,
            action: None,
            score: None,
            required_score: None,
            symbols: None,
            size_bytes: None,
            time_ms: None,
            time_virtual_ms: None,
            dns_requests: None,
            digest: None,
            recipients: None,
            mime_recipients: None,
            file: None,
            forced: None,
            settings_id: None,
        }
    }

    /// Reads ` (default: F (no action): [-0.60/15.00] [{symbols}`.
    fn read_verdict(&mut self, text: &'a [u8]) -> Option<()> {
        let (_, rest) = split_once(text.strip_prefix(b" (")?, b": ")?;
        let (flag, rest) = split_once(rest, b" (")?;
        let (action, rest) = split_once(rest, b"): [")?;
        let (scores, symbols) = split_once(rest, b"] [")?;
        let (score, required) = split_once(scores, b"/")?;
        self.flag = Some(flag);
        self.action = Some(action);
        self.score = Decimal::parse(score);
        self.required_score = Decimal::parse(required);
        self.symbols = Some(symbols);
        Some(())
    }

    /// Reads what follows the symbols, in its fixed order.
    fn read_tail(&mut self, text: &'a [u8]) {
        let (size, rest) = split_once(text, b", time: ").unwrap_or((text, b""));
        let (time, rest) = split_once(rest, b", dns req: ").unwrap_or((rest, b""));
        let (requests, rest) = split_once(rest, b", digest: <").unwrap_or((rest, b""));
        let (digest, rest) = split_once(rest, b">").unwrap_or((rest, b""));
        self.size_bytes = to_number(size);
        let (real, virtual_time) = split_once(time, b"ms").unwrap_or((b"", b""));
        self.time_ms = Decimal::parse(real);
        self.time_virtual_ms = virtual_time
            .strip_prefix(b" real, ")
            .and_then(|time| Decimal::parse(time.strip_suffix(b"ms virtual")?));
        self.dns_requests = to_number(requests);
        self.digest = Some(digest).filter(|digest| !digest.is_empty());
        let (rest, settings_id) = last_key(rest, b", settings_id: ");
        let (rest, forced) = last_key(rest, b", forced: ");
        let (rest, file) = last_key(rest, b", file: ");
        let (rest, mime) = last_key(rest, b", mime_rcpts: ");
        let (_, recipients) = last_key(rest, b", rcpts: ");
        self.settings_id = settings_id;
        self.forced = forced;
        self.file = file;
        self.mime_recipients = mime.map(without_angles);
        self.recipients = recipients.map(without_angles);
    }
}

fn last_key<'a>(text: &'a [u8], key: &[u8]) -> (&'a [u8], Option<&'a [u8]>) {
    before_last(text, key).map_or((text, None), |(left, value)| (left, Some(value)))
}

fn loaded<'a>(uid: &'a [u8], module: &'a [u8], rest: &'a [u8]) -> MessageLoaded<'a> {
    let (rest, checksum) = last_key(rest, b"; checksum: ");
    let (rest, size) = last_key(rest, b"; size: ");
    let (id, queue_id) = last_key(rest, b"; queue-id: ");
    MessageLoaded {
        uid,
        module,
        message_id: Some(id),
        queue_id: queue_id.map(without_angles),
        size_bytes: size.and_then(to_number),
        checksum: checksum.map(without_angles),
    }
}

fn connection<'a>(uid: &'a [u8], module: &'a [u8], text: &'a [u8]) -> Option<MilterConn<'a>> {
    let mut found = MilterConn {
        uid,
        module,
        state: "finished",
        ip: None,
        port: None,
    };
    if let Some(rest) = text.strip_prefix(b"accepted milter connection from ") {
        let (ip, port) = split_once(rest, b" port ")?;
        found.state = "accepted";
        found.ip = Some(ip);
        found.port = split_number(port).map(|(port, _)| port);
    } else if let Some(rest) = text.strip_prefix(b"got connection from ") {
        let (ip, port) = before_last(rest, b":")?;
        found.state = "client";
        found.ip = Some(ip);
        found.port = to_number(port);
    } else if !text.starts_with(b"finished milter connection") {
        return None;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict_of(line: &str) -> Verdict<'_> {
        match parse(line.as_bytes()) {
            Ok(Event::RspamdResult(verdict)) => verdict,
            other => panic!("{other:?}"),
        }
    }

    /// Hard case 24: braces, brackets and parentheses inside options, empty options, no qid.
    #[test]
    fn options_may_hold_brackets_and_imitate_the_tail() {
        let found = verdict_of(
            "<a1b2c3>; task; rspamd_task_write_log: id: <s1@example.net>, ip: 2001:db8::66, from: <>, (default: T (soft reject): [22.40/15.00] [X(8.00){a]), len: 1, time: 2ms;},EMPTY(0.00){}]), len: 5120, time: 80.001ms, dns req: 9, digest: <0123456789abcdef>, rcpts: <alice@example.com,carol@example.com>, mime_rcpts: <...>, forced: reject \"virus found\"; score=nan (set by antivirus), settings_id: x",
        );
        assert_eq!((found.queue_id, found.sender), (None, Some(&b""[..])));
        assert_eq!(found.action, Some(&b"soft reject"[..]));
        assert_eq!(found.size_bytes, Some(5120));
        assert!(found.symbols.unwrap().ends_with(b"EMPTY(0.00){}"));
        assert_eq!(
            found.recipients,
            Some(&b"alice@example.com,carol@example.com"[..])
        );
        assert_eq!(
            found.forced,
            Some(&b"reject \"virus found\"; score=nan (set by antivirus)"[..])
        );
        assert_eq!(found.settings_id, Some(&b"x"[..]));
    }

    #[test]
    fn an_id_cannot_bring_another_address() {
        let found = verdict_of(
            "<a>; proxy; rspamd_task_write_log: id: <x, ip: 203.0.113.9, y@example.net>, qid: <4F1A22C0D9E>, ip: 192.0.2.7, user: alice@example.com, from: <bob@example.org>, (default: F (no action): [-0.60/15.00] []), len: 310, time: 112.407ms real, 4.201ms virtual, dns req: 0, digest: <01>",
        );
        assert_eq!(found.ip, Some(&b"192.0.2.7"[..]));
        assert_eq!(found.user, Some(&b"alice@example.com"[..]));
        assert_eq!(found.score.map(|score| score.text), Some(&b"-0.60"[..]));
        assert_eq!(found.time_ms.map(|time| time.text), Some(&b"112.407"[..]));
    }
}

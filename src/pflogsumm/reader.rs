//! pflogsumm's way of reading lines: which of them it takes, and what it takes them for.

use memchr::memmem;

use super::connection::second;
use super::delivery::{self, Delivery};
use super::detail::Detail;
use super::find::{is_word, one_of, splits, until};
use super::line::{Line, Tags};
use super::missed::{is_hidden_by_service, is_postfix};
use super::options::Options;
use super::part::{Counting, Part, Step};
use super::reject::VERBS;
use super::stamp::{Stamp, Stamps};
use crate::tally::Verdict;

/// What milters do in smtpd, which pflogsumm does not know.
const MILTER_VERBS: &[&[u8]] = &[b"milter-reject: ", b"milter-hold: ", b"milter-discard: "];

/// Reads the lines of a part.
pub(super) struct PartReader<'o> {
    options: &'o Options,
    tags: &'o Tags,
    stamps: Stamps,
    /// Whether the line above is one of Postfix.
    was_taken: bool,
    counting: Counting<'o>,
}

impl<'o> PartReader<'o> {
    pub(super) fn new(options: &'o Options, tags: &'o Tags) -> Self {
        PartReader {
            options,
            tags,
            stamps: Stamps::default(),
            was_taken: false,
            counting: Counting::new(options),
        }
    }

    /// Reads all lines of a chunk.
    pub(super) fn read(mut self, chunk: &[u8]) -> Part {
        // Solaris' `[ID …]` is in all lines of a log or in none.
        let has_ids = memmem::find(chunk, b": [ID ").is_some();
        let mut buffer = Vec::new();
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', chunk).chain([chunk.len()]) {
            let line = chunk.get(start..end).unwrap_or(b"");
            start = end + 1;
            self.counting.part.lines += u64::from(!line.is_empty());
            if has_ids && without_id(line, &mut buffer) {
                self.line(&buffer);
            } else {
                self.line(line);
            }
        }
        self.counting.part
    }

    fn line(&mut self, line: &[u8]) {
        if let Some(day) = &self.options.day
            && !day.has(line)
        {
            return;
        }
        let was_taken = std::mem::take(&mut self.was_taken);
        let missed = &mut self.counting.part.missed;
        let Some((stamp, text)) = self.stamps.take(line) else {
            missed.stamps += u64::from(memmem::find(line, b"postfix/").is_some());
            return;
        };
        let Some(line) = self.tags.line(text) else {
            missed.names += u64::from(is_postfix(text));
            let is_repeat = was_taken && text.starts_with(b"last message repeated ");
            missed.repeats += u64::from(is_repeat);
            self.was_taken = is_repeat;
            return;
        };
        self.was_taken = true;
        missed.repeats += u64::from(is_repeat(&line));
        self.counting.part.missed.services += u64::from(is_hidden_by_service(line.command));
        self.counting
            .admit(stamp.year, stamp.month, stamp.day, stamp.hour);
        self.dispatch(&stamp, &line);
    }

    /// Finds out what a line says: the first that fits.
    fn dispatch(&mut self, stamp: &Stamp, line: &Line<'_>) {
        if line.command == b"cleanup" && self.header_check(line) {
            return;
        }
        match line.queue_id {
            b"warning" => return self.counting.said(Detail::Warning, line, b"warning: "),
            b"fatal" => return self.counting.said(Detail::Fatal, line, b"fatal: "),
            b"panic" => return self.counting.said(Detail::Panic, line, b"panic: "),
            b"reject" | b"reject_warning" | b"hold" | b"discard" => {
                return self.refused(line.queue_id, line);
            }
            _ => {}
        }
        match line.command {
            b"master" => self.counting.master(line),
            b"smtpd" | b"postscreen" => self.server(stamp, line),
            _ => self.queue(line),
        }
    }

    /// Counts what a header or body check or a milter did, if a line of cleanup says so.
    fn header_check(&mut self, line: &Line<'_>) -> bool {
        let Some(check) = behind_pid(line.text, b"/cleanup[").and_then(|(_, text)| check(text))
        else {
            return false;
        };
        let detail = self.counting.count_verdict(verdict(check.verb));
        self.counting
            .checked(detail, line.command, check.part, check.text);
        true
    }

    /// Counts a refusal at an SMTP stage.
    fn refused(&mut self, verb: &[u8], line: &Line<'_>) {
        let detail = self.counting.count_verdict(verdict(verb));
        self.counting.refused(detail, line);
    }

    /// smtpd and postscreen: a client's mail, a refusal, a connection.
    fn server(&mut self, stamp: &Stamp, line: &Line<'_>) {
        let mut verb = None;
        for message in line.messages() {
            let Some(text) = behind_queue_id(message) else {
                continue;
            };
            if let Some(client) = text.strip_prefix(b"client=").and_then(client) {
                return self.received(line.queue_id, client);
            }
            verb = verb.or(one_of(text, VERBS).map(|(verb, _)| verb));
        }
        if let Some(verb) = verb {
            return self.refused(verb.strip_suffix(b": ").unwrap_or(verb), line);
        }
        let mut texts = line.messages().filter_map(behind_queue_id);
        let is_milters = texts.any(|text| one_of(text, MILTER_VERBS).is_some());
        self.counting.part.missed.milters += u64::from(is_milters);
        if self.options.smtpd_stats {
            self.connection(stamp, line.text);
        }
    }

    fn received(&mut self, queue_id: &[u8], client: &[u8]) {
        self.counting.received();
        let part = &mut self.counting.part;
        let step = Step::Client {
            mail: part.mails.id(queue_id),
            client: part.clients.id(client),
        };
        part.steps.push(step);
    }

    /// Counts a connection when it ends. One whose process or client cannot be told (all of
    /// postscreen's) belongs to the process without a number and the client without a name.
    fn connection(&mut self, stamp: &Stamp, text: &[u8]) {
        let at = || second(stamp, &self.options.today);
        if memmem::find(text, b": connect from ").is_some() {
            let process = behind_pid(text, b"/smtpd[").map_or(&b""[..], |(pid, _)| pid);
            if let Some(at) = at() {
                self.counting.connected(process, at);
            }
        } else if memmem::find(text, b": disconnect from ").is_some() {
            let ended = behind_pid(text, b"/smtpd[").and_then(|(pid, text)| {
                let client = text.strip_prefix(b"disconnect from ")?;
                (!client.is_empty()).then_some((pid, client))
            });
            let (process, client) = ended.unwrap_or_default();
            self.counting.part.missed.clients += u64::from(is_ipv6_with_counters(client));
            if let Some(at) = at() {
                self.counting.disconnected(at, process, client);
            }
        }
    }

    /// All other daemons: the queue manager, the delivery agents, pickup.
    fn queue(&mut self, line: &Line<'_>) {
        if let Some(active) = delivery::active(line.text) {
            let step = Step::Active {
                mail: self.counting.part.mails.id(line.queue_id),
                sender: self.counting.part.senders.id(active.sender),
                size_bytes: active.size_bytes,
            };
            self.counting.part.steps.push(step);
        } else if let Some(delivery) = delivery::delivery(line.text) {
            self.delivery(line, &delivery);
        } else if line.command == b"pickup" {
            self.pickup(line);
        } else {
            let has = |field: &[u8]| memmem::find(line.text, field).is_some();
            if has(b": to=<") && has(b", status=") {
                let missed = &mut self.counting.part.missed;
                let is_tls = has(b", tls=");
                missed.tls += u64::from(is_tls);
                missed.deliveries += u64::from(!is_tls);
            }
            if line.command == b"smtp" && !self.options.smtp_detail.is_none() {
                self.failed_connection(line);
            }
        }
    }

    fn delivery(&mut self, line: &Line<'_>, delivery: &Delivery<'_>) {
        let is_misread = is_misread(line.text, delivery.recipient);
        self.counting.part.missed.deliveries += u64::from(is_misread);
        match delivery.status {
            b"sent" if memmem::find(delivery.rest, b"forwarded as ").is_some() => {
                self.counting.part.totals.forwarded += 1;
            }
            b"sent" => {
                let mail = self.counting.part.mails.id(line.queue_id);
                self.counting
                    .sent(mail, delivery.recipient, delivery.delay_us);
            }
            b"deferred" => {
                if let Some(is_deferred) = self.counting.part.mails.value(line.queue_id) {
                    *is_deferred = true;
                }
                self.counting
                    .deferred(line, delivery.recipient, delivery.delay_us);
            }
            b"bounced" => self.counting.bounced(line.text, delivery.relay),
            _ => {}
        }
    }

    fn pickup(&mut self, line: &Line<'_>) {
        let marks: [&[u8]; 2] = [b": sender=", b": uid="];
        if marks
            .iter()
            .any(|mark| memmem::find(line.text, mark).is_some())
        {
            self.counting.received();
            let part = &mut self.counting.part;
            let mail = part.mails.id(line.queue_id);
            part.steps.push(Step::Pickup { mail });
        }
    }

    fn failed_connection(&mut self, line: &Line<'_>) {
        if let Some((host, reason)) = delivery::failed_connection(line.text) {
            self.counting.unreached(host, reason);
        } else if line.messages().any(|text| text.starts_with(b"connect to ")) {
            self.counting.part.missed.connections += 1;
        }
    }
}

/// Reads one of the verbs that a line says it with; what is none of the others is a warning.
fn verdict(verb: &[u8]) -> Verdict {
    match verb {
        b"reject" => Verdict::Reject,
        b"hold" => Verdict::Hold,
        b"discard" => Verdict::Discard,
        _ => Verdict::RejectWarning,
    }
}

/// Takes Solaris' `[ID 197553 mail.info] ` out of a line; tells whether there is one.
fn without_id(line: &[u8], buffer: &mut Vec<u8>) -> bool {
    let mut places = splits(line, b": [ID ");
    let found = places.find_map(|(before, rest)| {
        let (digits, rest) = until(rest, |byte| !byte.is_ascii_digit());
        let facility = rest.strip_prefix(b" ").filter(|_| !digits.is_empty())?;
        let (facility, rest) = until(facility, |byte| byte == b']');
        let rest = rest.strip_prefix(b"] ")?;
        (!facility.is_empty()).then_some((before, rest))
    });
    let Some((before, rest)) = found else {
        return false;
    };
    buffer.clear();
    for part in [before, b": ", rest] {
        buffer.extend_from_slice(part);
    }
    true
}

/// Tells whether rsyslog wrote one line for many.
fn is_repeat(line: &Line<'_>) -> bool {
    line.queue_id == b"message"
        && line
            .messages()
            .any(|text| text.starts_with(b"message repeated "))
}

/// Tells whether a client has an IPv6 address and counters behind it: pflogsumm then takes it for
/// `name/address`, or for nobody.
fn is_ipv6_with_counters(client: &[u8]) -> bool {
    let (_, behind) = until(client, |byte| byte == b'[');
    let (address, counters) = until(behind, |byte| byte == b']');
    address.contains(&b':') && counters.len() > 1
}

/// Tells whether the recipient of a delivery is not the one that stands there: a quoted local part
/// may hold what ends an address elsewhere.
fn is_misread(text: &[u8], recipient: &[u8]) -> bool {
    let Some((_, quoted)) = splits(text, b": to=<")
        .next()
        .filter(|(_, to)| to.starts_with(b"\""))
    else {
        return false;
    };
    let ats = recipient.iter().filter(|byte| **byte == b'@').count();
    ats > 1 || !quoted.starts_with(recipient)
}

/// Takes the queue id and its colon off; the line's may be another word, and counts.
fn behind_queue_id(message: &[u8]) -> Option<&[u8]> {
    let (word, rest) = until(message, |byte| !is_word(byte));
    rest.strip_prefix(b": ").filter(|_| !word.is_empty())
}

/// Finds a process id and what stands behind it.
fn behind_pid<'a>(text: &'a [u8], tag: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mut places = splits(text, tag);
    places.find_map(|(_, rest)| {
        let (digits, rest) = until(rest, |byte| !byte.is_ascii_digit());
        let rest = rest.strip_prefix(b"]: ")?;
        (!digits.is_empty()).then_some((digits, rest))
    })
}

/// Takes a client up to the comma; the first byte may be one.
fn client(text: &[u8]) -> Option<&[u8]> {
    let end = memchr::memchr(b',', text.get(1..)?).map_or(text.len(), |end| end + 1);
    text.get(..end)
}

/// What a header or body check or a milter did.
pub(super) struct Check<'a> {
    pub(super) verb: &'static [u8],
    pub(super) part: &'static [u8],
    pub(super) text: &'a [u8],
}

/// Finds `{verb}: {part} {text}`.
pub(super) fn check(message: &[u8]) -> Option<Check<'_>> {
    const VERBS: [&[u8]; 4] = [b"reject", b"warning", b"hold", b"discard"];
    const PARTS: [&[u8]; 3] = [b"header ", b"body ", b"END-OF-MESSAGE "];
    memchr::memchr_iter(b':', message).find_map(|colon| {
        let (before, text) = message.split_at_checked(colon)?;
        let (part, text) = one_of(text.strip_prefix(b": ")?, &PARTS)?;
        let part = part.strip_suffix(b" ").unwrap_or(part);
        let verb = VERBS.into_iter().find(|verb| {
            let head = before.strip_suffix(*verb);
            head.is_some_and(|head| !head.last().is_some_and(|byte| is_word(*byte)))
        })?;
        Some(Check { verb, part, text })
    })
}

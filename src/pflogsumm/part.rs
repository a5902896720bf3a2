//! A part of the log: what its lines say by themselves, and the steps that need what was before.
//!
//! A part knows nothing of the lines before it. What a mail's lines mean depends on them (its size,
//! whether its sender was counted), so those lines become [`Step`]s, which [`Counts`] goes through
//! in log order. All else is counted here, where parts can be read side by side.
//!
//! [`Counts`]: super::counts::Counts

use memchr::memmem;

use super::connection::{Connections, Processes, State, second};
use super::delivery::{self, Delivery};
use super::detail::{Detail, Details};
use super::find::{is_word, one_of, split_last};
use super::line::{Line, Tags};
use super::missed::{Missed, is_hidden_by_service, is_postfix};
use super::options::Options;
use super::reject::{VERBS, refusal};
use super::shorten;
use super::stamp::{Stamp, Stamps};
use super::table::{Id, Table};

/// What milters do in smtpd, which pflogsumm does not know.
const MILTER_VERBS: &[&[u8]] = &[b"milter-reject: ", b"milter-hold: ", b"milter-discard: "];

/// The columns of the tables by day and by hour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Column {
    Received,
    Delivered,
    Deferred,
    Bounced,
    Rejected,
}

/// How many columns there are.
pub(super) const COLUMNS: usize = 5;

/// What is counted in the grand totals and needs no other line.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Totals {
    pub(super) received: u64,
    pub(super) delivered: u64,
    pub(super) forwarded: u64,
    pub(super) deferrals: u64,
    pub(super) bounced: u64,
    pub(super) rejected: u64,
    pub(super) reject_warnings: u64,
    pub(super) held: u64,
    pub(super) discarded: u64,
}

/// Lines one after another whose stamps have the same day of the month.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) month: i8,
    pub(super) day: u8,
    pub(super) counts: [u64; COLUMNS],
    /// How many columns were touched, counted up to the last one.
    pub(super) columns: usize,
    pub(super) connections: Connections,
}

/// What was tried for a recipient.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Tried {
    pub(super) sent: u64,
    pub(super) deferred: u64,
    pub(super) longest_us: Option<i64>,
}

/// What happened to a mail; the numbers are those of this part's tables.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// It came from a client.
    Client { mail: Id, client: Id },
    /// It was picked up.
    Pickup { mail: Id },
    /// The queue manager told its sender and size.
    Active {
        mail: Id,
        sender: Id,
        size_bytes: u64,
    },
    /// It was delivered, after so long.
    Sent {
        mail: Id,
        recipient: Id,
        delay_us: i64,
    },
}

/// A connection that ended in this part and began before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Disconnect {
    pub(super) process: Id,
    pub(super) at: i64,
    pub(super) client: Id,
    pub(super) hour: u8,
    pub(super) run: usize,
}

/// What a part of the log says.
#[derive(Default)]
pub struct Part {
    pub(super) totals: Totals,
    pub(super) hours: [[u64; COLUMNS]; 24],
    pub(super) runs: Vec<Run>,
    pub(super) details: Details,
    /// The mails by queue id, and whether each was deferred.
    pub(super) mails: Table<bool>,
    pub(super) clients: Table<Connections>,
    pub(super) senders: Table<()>,
    pub(super) recipients: Table<Tried>,
    pub(super) steps: Vec<Step>,
    pub(super) processes: Processes,
    pub(super) hour_connections: [Connections; 24],
    pub(super) disconnects: Vec<Disconnect>,
    pub(super) missed: Missed,
}

/// Reads the lines of a part.
pub(super) struct PartReader<'o> {
    options: &'o Options,
    tags: &'o Tags,
    stamps: Stamps,
    part: Part,
    /// The hour of the line being read.
    hour: u8,
}

impl<'o> PartReader<'o> {
    pub(super) fn new(options: &'o Options, tags: &'o Tags) -> Self {
        PartReader {
            options,
            tags,
            stamps: Stamps::default(),
            part: Part::default(),
            hour: 0,
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
            if has_ids && without_id(line, &mut buffer) {
                self.line(&buffer);
            } else {
                self.line(line);
            }
        }
        self.part
    }

    fn line(&mut self, line: &[u8]) {
        if let Some(day) = &self.options.day
            && !day.has(line)
        {
            return;
        }
        let Some((stamp, text)) = self.stamps.take(line) else {
            return;
        };
        let Some(line) = self.tags.line(text) else {
            self.part.missed.names += u64::from(is_postfix(text));
            return;
        };
        self.part.missed.services += u64::from(is_hidden_by_service(line.command));
        self.admit(&stamp);
        self.dispatch(&stamp, &line);
    }

    /// Notes the day of a line.
    fn admit(&mut self, stamp: &Stamp) {
        self.hour = stamp.hour;
        if self.part.runs.last().is_none_or(|run| run.day != stamp.day) {
            self.part.runs.push(Run {
                month: stamp.month,
                day: stamp.day,
                counts: [0; COLUMNS],
                columns: 0,
                connections: Connections::default(),
            });
        }
    }

    /// Finds out what a line says: the first that fits.
    fn dispatch(&mut self, stamp: &Stamp, line: &Line<'_>) {
        if line.command == b"cleanup" && self.header_check(line) {
            return;
        }
        match line.queue_id {
            b"warning" => return self.said(Detail::Warning, line, b"warning: "),
            b"fatal" => return self.said(Detail::Fatal, line, b"fatal: "),
            b"panic" => return self.said(Detail::Panic, line, b"panic: "),
            b"reject" | b"reject_warning" | b"hold" | b"discard" => {
                return self.refused(line.queue_id, line);
            }
            _ => {}
        }
        match line.command {
            b"master" => self.master(line),
            b"smtpd" | b"postscreen" => self.server(stamp, line),
            _ => self.queue(line),
        }
    }

    fn tick(&mut self, column: Column) {
        let at = column as usize;
        if let Some(count) = self
            .part
            .hours
            .get_mut(usize::from(self.hour))
            .and_then(|hour| hour.get_mut(at))
        {
            *count += 1;
        }
        if let Some(run) = self.part.runs.last_mut() {
            if let Some(count) = run.counts.get_mut(at) {
                *count += 1;
            }
            run.columns = run.columns.max(at + 1);
        }
    }

    /// A warning, fatal error or panic.
    fn said(&mut self, detail: Detail, line: &Line<'_>, word: &[u8]) {
        let text = split_last(line.text, word).map_or(line.text, |(_, text)| text);
        let text = if self.options.verbose_msg_detail {
            text.to_vec()
        } else {
            shorten::cut(text, 66)
        };
        self.part.details.add(detail, [line.command, b"", &text]);
    }

    fn master(&mut self, line: &Line<'_>) {
        let text = split_last(line.text, b": ").map_or(line.text, |(_, text)| text);
        self.part.details.add(Detail::Master, [b"", b"", text]);
    }

    /// Counts what a rule or a milter did to a mail, by the verb that a line says it with.
    fn count_verb(&mut self, verb: &[u8]) -> Detail {
        let totals = &mut self.part.totals;
        let (count, detail) = match verb {
            b"reject" => (&mut totals.rejected, Detail::Reject),
            b"hold" => (&mut totals.held, Detail::Hold),
            b"discard" => (&mut totals.discarded, Detail::Discard),
            _ => (&mut totals.reject_warnings, Detail::RejectWarning),
        };
        *count += 1;
        self.tick(Column::Rejected);
        detail
    }

    /// Counts what a header or body check or a milter did, if a line of cleanup says so.
    fn header_check(&mut self, line: &Line<'_>) -> bool {
        let Some(check) = behind_pid(line.text, b"/cleanup[").and_then(|(_, text)| check(text))
        else {
            return false;
        };
        let detail = self.count_verb(check.verb);
        if !self.options.reject_detail.is_none() {
            let text = if self.options.verbose_msg_detail {
                check.text.to_vec()
            } else {
                shorten::cut(without_origin(check.text), 64)
            };
            self.part
                .details
                .add(detail, [line.command, check.part, &text]);
        }
        true
    }

    /// Counts a refusal at an SMTP stage.
    fn refused(&mut self, verb: &[u8], line: &Line<'_>) {
        let detail = self.count_verb(verb);
        if self.options.reject_detail.is_none() {
            return;
        }
        let refusal = refusal(line.text, self.options);
        let path = [&refusal.stage[..], &refusal.reason, &refusal.who];
        self.part.details.add(detail, path);
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
        self.part.missed.milters += u64::from(is_milters);
        if self.options.smtpd_stats {
            self.connection(stamp, line.text);
        }
    }

    fn received(&mut self, queue_id: &[u8], client: &[u8]) {
        self.part.totals.received += 1;
        self.tick(Column::Received);
        let step = Step::Client {
            mail: self.part.mails.id(queue_id),
            client: self.part.clients.id(client),
        };
        self.part.steps.push(step);
    }

    /// Counts a connection when it ends. One whose process or client cannot be told (all of
    /// postscreen's) belongs to the process without a number and the client without a name.
    fn connection(&mut self, stamp: &Stamp, text: &[u8]) {
        let at = || second(stamp, &self.options.today);
        if memmem::find(text, b": connect from ").is_some() {
            let process = behind_pid(text, b"/smtpd[").map_or(&b""[..], |(pid, _)| pid);
            if let Some(at) = at() {
                self.part.processes.open(process, at);
            }
        } else if memmem::find(text, b": disconnect from ").is_some() {
            let ended = behind_pid(text, b"/smtpd[").and_then(|(pid, text)| {
                let client = text.strip_prefix(b"disconnect from ")?;
                (!client.is_empty()).then_some((pid, client))
            });
            let (process, client) = ended.unwrap_or_default();
            if let Some(at) = at() {
                self.disconnected(stamp.hour, at, process, client);
            }
        }
    }

    fn disconnected(&mut self, hour: u8, at: i64, process: &[u8], client: &[u8]) {
        let part = &mut self.part;
        let client = part.clients.id(client);
        let (process, state) = part.processes.close(process);
        match state {
            State::Closed => {}
            State::Unseen => part.disconnects.push(Disconnect {
                process,
                at,
                client,
                hour,
                run: part.runs.len().saturating_sub(1),
            }),
            State::Open(since) => {
                let seconds = at - since;
                let by_hour = part.hour_connections.get_mut(usize::from(hour));
                let by_day = part.runs.last_mut().map(|run| &mut run.connections);
                let by_client = part.clients.get_mut(client);
                for connections in [by_hour, by_day, by_client].into_iter().flatten() {
                    connections.add(seconds);
                }
            }
        }
    }

    /// All other daemons: the queue manager, the delivery agents, pickup.
    fn queue(&mut self, line: &Line<'_>) {
        if let Some(active) = delivery::active(line.text) {
            let step = Step::Active {
                mail: self.part.mails.id(line.queue_id),
                sender: self.part.senders.id(active.sender),
                size_bytes: active.size_bytes,
            };
            self.part.steps.push(step);
        } else if let Some(delivery) = delivery::delivery(line.text) {
            self.delivery(line, &delivery);
        } else if line.command == b"pickup" {
            self.pickup(line);
        } else {
            let has = |field: &[u8]| memmem::find(line.text, field).is_some();
            self.part.missed.tls += u64::from(has(b", tls=") && has(b", status="));
            if line.command == b"smtp" && !self.options.smtp_detail.is_none() {
                self.failed_connection(line);
            }
        }
    }

    fn delivery(&mut self, line: &Line<'_>, delivery: &Delivery<'_>) {
        match delivery.status {
            b"sent" if memmem::find(delivery.rest, b"forwarded as ").is_some() => {
                self.part.totals.forwarded += 1;
            }
            b"sent" => self.sent(line, delivery),
            b"deferred" => self.deferred(line, delivery),
            b"bounced" => self.bounced(line, delivery),
            _ => {}
        }
    }

    fn sent(&mut self, line: &Line<'_>, delivery: &Delivery<'_>) {
        self.part.totals.delivered += 1;
        self.tick(Column::Delivered);
        let recipient = self.part.recipients.id(delivery.recipient);
        if let Some(tried) = self.part.recipients.get_mut(recipient) {
            tried.sent += 1;
            tried.longest_us = tried.longest_us.max(Some(delivery.delay_us));
        }
        let mail = self.part.mails.id(line.queue_id);
        self.part.steps.push(Step::Sent {
            mail,
            recipient,
            delay_us: delivery.delay_us,
        });
    }

    fn deferred(&mut self, line: &Line<'_>, delivery: &Delivery<'_>) {
        self.part.totals.deferrals += 1;
        self.tick(Column::Deferred);
        if let Some(tried) = self.part.recipients.value(delivery.recipient) {
            tried.deferred += 1;
            tried.longest_us = tried.longest_us.max(Some(delivery.delay_us));
        }
        if let Some(is_deferred) = self.part.mails.value(line.queue_id) {
            *is_deferred = true;
        }
        if !self.options.deferral_detail.is_none() {
            let reason = delivery::deferral_reason(line.text);
            let reason = if self.options.verbose_msg_detail {
                reason.to_vec()
            } else {
                shorten::deferral(reason)
            };
            let path = [line.command, b"", &reason];
            self.part.details.add(Detail::Deferral, path);
        }
    }

    fn bounced(&mut self, line: &Line<'_>, delivery: &Delivery<'_>) {
        self.part.totals.bounced += 1;
        self.tick(Column::Bounced);
        if self.options.bounce_detail.is_none() {
            return;
        }
        let reason = delivery::bounce_reason(line.text);
        let reason = if self.options.verbose_msg_detail {
            reason.to_vec()
        } else {
            shorten::bounce(reason)
        };
        let relay = if self.options.ignore_case {
            delivery.relay.to_ascii_lowercase()
        } else {
            delivery.relay.to_vec()
        };
        self.part
            .details
            .add(Detail::Bounce, [&relay, b"", &reason]);
    }

    fn pickup(&mut self, line: &Line<'_>) {
        let marks: [&[u8]; 2] = [b": sender=", b": uid="];
        if marks
            .iter()
            .any(|mark| memmem::find(line.text, mark).is_some())
        {
            self.part.totals.received += 1;
            self.tick(Column::Received);
            let mail = self.part.mails.id(line.queue_id);
            self.part.steps.push(Step::Pickup { mail });
        }
    }

    fn failed_connection(&mut self, line: &Line<'_>) {
        if let Some((host, reason)) = delivery::failed_connection(line.text) {
            let reason = reason.to_ascii_lowercase();
            self.part.details.add(Detail::Smtp, [&reason, b"", host]);
        }
    }
}

/// Takes Solaris' `[ID 197553 mail.info] ` out of a line; tells whether there is one.
fn without_id(line: &[u8], buffer: &mut Vec<u8>) -> bool {
    let mut places = super::find::splits(line, b": [ID ");
    let found = places.find_map(|(before, rest)| {
        let (digits, rest) = super::find::until(rest, |byte| !byte.is_ascii_digit());
        let facility = rest.strip_prefix(b" ").filter(|_| !digits.is_empty())?;
        let (facility, rest) = super::find::until(facility, |byte| byte == b']');
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

/// Takes the queue id and its colon off; the line's may be another word, and counts.
fn behind_queue_id(message: &[u8]) -> Option<&[u8]> {
    let (word, rest) = super::find::until(message, |byte| !is_word(byte));
    rest.strip_prefix(b": ").filter(|_| !word.is_empty())
}

/// Finds a process id and what stands behind it.
fn behind_pid<'a>(text: &'a [u8], tag: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mut places = super::find::splits(text, tag);
    places.find_map(|(_, rest)| {
        let (digits, rest) = super::find::until(rest, |byte| !byte.is_ascii_digit());
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
struct Check<'a> {
    verb: &'static [u8],
    part: &'static [u8],
    text: &'a [u8],
}

/// Finds `{verb}: {part} {text}`.
fn check(message: &[u8]) -> Option<Check<'_>> {
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

/// Drops ` from {client}; from=<…` at the end of a check's text.
fn without_origin(text: &[u8]) -> &[u8] {
    let Some((head, _)) = super::find::split(text, b"; from=<") else {
        return text;
    };
    let client = head
        .iter()
        .rev()
        .take_while(|byte| !super::stamp::is_space(**byte));
    let client = client.count();
    let before = head.get(..head.len() - client).unwrap_or(head);
    match before.strip_suffix(b" from ") {
        Some(before) if client > 0 => before,
        _ => head,
    }
}

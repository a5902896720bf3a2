//! The right numbers: lines are read by the parsers, and count as they do in `mailtally report`.
//!
//! What a line counts as is told by its event, whatever its stamp, host, syslog name, service or
//! further fields. The texts of the detail reports are cut as pflogsumm cuts them: the line is
//! written for that as the original knows it, `postfix/{daemon}[{pid}]: {message}`.

use mailtally_parsers::postfix::{Client, Event as Postfix, delivery::Delivery, smtpd};
use mailtally_parsers::{Event, Program, Record};

use super::detail::Detail;
use super::line::{Line, Tags};
use super::options::Options;
use super::part::{Counting, Part, Step};
use super::reader::check;
use super::table::Id;
use crate::source::{Chunk, Date, WallTime};
use crate::tally::{At, Verdict, apart, write_client_domain};

/// Microseconds in a second.
const SECOND_US: i64 = 1_000_000;

/// Reads the lines of a part.
pub(super) struct MendedReader<'o> {
    options: &'o Options,
    tags: Tags,
    counting: Counting<'o>,
    /// The line as pflogsumm knows it, written when somebody asks for it.
    written: Vec<u8>,
    key: Vec<u8>,
}

impl<'o> MendedReader<'o> {
    pub(super) fn new(options: &'o Options) -> Self {
        MendedReader {
            options,
            tags: Tags::default(),
            counting: Counting::new(options),
            written: Vec::new(),
            key: Vec::new(),
        }
    }

    /// Reads all lines of a chunk.
    pub(super) fn read(mut self, chunk: &Chunk) -> Part {
        let mut lines = chunk.records();
        while let Some(line) = &lines.next() {
            self.counting.part.lines += 1;
            if let (Some(record), Some(time)) = (line.record(), line.time) {
                self.record(record, time);
            }
        }
        self.counting.part
    }

    fn record(&mut self, record: &Record<'_>, time: WallTime) {
        let event = match Event::parse(&record.tag, record.message) {
            Ok(Event::Postfix(event)) => Some(event),
            _ if is_postfix(record.tag.program) => None,
            _ => return,
        };
        let Date { year, month, day } = time.date();
        let month = i8::try_from(month).unwrap_or(1) - 1;
        let second = time.wall_us.div_euclid(SECOND_US);
        let hour = second.div_euclid(3_600).rem_euclid(24);
        let hour = u8::try_from(hour).unwrap_or(0);
        self.counting.admit(Some(year), month, day, hour);
        for _ in 0..record.repeated.max(1) {
            self.line(record, time, event.as_ref());
        }
    }

    /// Counts one event; a line whose shape is not known can still be a warning.
    fn line(&mut self, record: &Record<'_>, time: WallTime, event: Option<&Postfix<'_>>) {
        let Some(event) = event else {
            return self.said(record, None);
        };
        let at = At {
            line: self.counting.part.lines,
            us: time.wall_us,
        };
        if let Some((queue_id, line)) = apart::in_life(event) {
            let mail = mail(&mut self.counting.part, &mut self.key, record, queue_id);
            self.counting.part.steps.push(Step::Line { mail, line, at });
        }
        if let Some(verdict) = Verdict::of(event) {
            return self.verdict(verdict, record, event);
        }
        match event {
            Postfix::SmtpdClient(event) => self.received(record, event),
            Postfix::Pickup(event) => {
                self.counting.received();
                let mail = self.mail(record, event.queue_id);
                self.step(Step::Pickup { mail });
            }
            Postfix::QmgrActive(event) => {
                let mail = self.mail(record, event.queue_id);
                let sender = self.counting.part.senders.id(event.sender);
                let size_bytes = event.size_bytes;
                self.step(Step::Active {
                    mail,
                    sender,
                    size_bytes,
                });
            }
            Postfix::Delivery(delivery) => self.delivery(record, event, delivery),
            Postfix::SmtpdConnect(_) if self.options.smtpd_stats => {
                let process = process(&mut self.key, record);
                let second = time.wall_us.div_euclid(SECOND_US);
                self.counting.connected(process, second);
            }
            Postfix::SmtpdDisconnect(event) if self.options.smtpd_stats => {
                let domain = domain(&event.client);
                let process = process(&mut self.key, record);
                let second = time.wall_us.div_euclid(SECOND_US);
                self.counting.disconnected(second, process, &domain);
            }
            Postfix::SmtpConnectFailed(event) if !self.options.smtp_detail.is_none() => {
                self.counting.unreached(event.peer.host, event.reason);
            }
            _ => self.said(record, Some(event)),
        }
    }

    fn step(&mut self, step: Step) {
        self.counting.part.steps.push(step);
    }

    /// Names the mails of a host's queue id.
    fn mail(&mut self, record: &Record<'_>, queue_id: &[u8]) -> Id {
        mail(&mut self.counting.part, &mut self.key, record, queue_id)
    }

    fn received(&mut self, record: &Record<'_>, event: &smtpd::ClientLine<'_>) {
        self.counting.received();
        let Some(queue_id) = event.queue_id else {
            return;
        };
        let mail = self.mail(record, queue_id);
        let client = self.counting.part.clients.id(&domain(&event.client));
        self.step(Step::Client { mail, client });
    }

    fn delivery(&mut self, record: &Record<'_>, event: &Postfix<'_>, delivery: &Delivery<'_>) {
        let delay_us = i64::try_from(delivery.delay().micros).unwrap_or(i64::MAX);
        match delivery.status {
            b"sent" if delivery.reply().forwarded_as.is_some() => {
                self.counting.part.totals.forwarded += 1;
            }
            b"sent" => {
                let mail = self.mail(record, delivery.queue_id);
                self.counting.sent(mail, delivery.recipient, delay_us);
            }
            b"deferred" => {
                let mail = self.mail(record, delivery.queue_id);
                self.step(Step::Deferred { mail });
                if let Some(line) = write(&mut self.written, &self.tags, record, Some(event)) {
                    self.counting.deferred(&line, delivery.recipient, delay_us);
                }
            }
            b"bounced" => {
                if let Some(line) = write(&mut self.written, &self.tags, record, Some(event)) {
                    self.counting.bounced(line.text, delivery.relay.text);
                }
            }
            _ => {}
        }
    }

    /// Counts what a rule or a milter did, and lists it at its stage.
    fn verdict(&mut self, verdict: Verdict, record: &Record<'_>, event: &Postfix<'_>) {
        let detail = self.counting.count_verdict(verdict);
        let Some(line) = write(&mut self.written, &self.tags, record, Some(event)) else {
            return;
        };
        match (event, check(record.message)) {
            (_, Some(check)) => {
                self.counting
                    .checked(detail, b"cleanup", check.part, check.text);
            }
            (Postfix::MilterHeaderCheck(event), None) => {
                self.counting
                    .checked(detail, b"cleanup", b"header", event.text);
            }
            _ => self.counting.refused(detail, &line),
        }
    }

    /// Lists a warning, a fatal error, a panic, or what master says.
    fn said(&mut self, record: &Record<'_>, event: Option<&Postfix<'_>>) {
        let is_of_master = record.tag.name() == b"master";
        let words: [&[u8]; 3] = [b"warning", b"fatal", b"panic"];
        if !is_of_master && !words.iter().any(|word| record.message.starts_with(word)) {
            return;
        }
        let Some(line) = write(&mut self.written, &self.tags, record, event) else {
            return;
        };
        match line.queue_id {
            b"warning" => self.counting.said(Detail::Warning, &line, b"warning: "),
            b"fatal" => self.counting.said(Detail::Fatal, &line, b"fatal: "),
            b"panic" => self.counting.said(Detail::Panic, &line, b"panic: "),
            _ if is_of_master => self.counting.master(&line),
            _ => {}
        }
    }
}

fn is_postfix(program: Program) -> bool {
    matches!(
        program,
        Program::Postfix(_) | Program::PostfixCut | Program::PostfixUnknown
    )
}

/// Names a mail by host and queue id; a blank is in neither.
fn mail(part: &mut Part, key: &mut Vec<u8>, record: &Record<'_>, queue_id: &[u8]) -> Id {
    key.clear();
    key.extend_from_slice(record.host);
    key.push(b' ');
    key.extend_from_slice(queue_id);
    part.mails.id(key)
}

/// Names a process by host, tag and number.
fn process<'k>(key: &'k mut Vec<u8>, record: &Record<'_>) -> &'k [u8] {
    key.clear();
    key.extend_from_slice(record.host);
    key.push(b' ');
    key.extend_from_slice(record.tag.text);
    key.push(b' ');
    key.extend_from_slice(&record.pid.unwrap_or(0).to_be_bytes());
    key
}

/// Returns the domain that a client counts under.
fn domain(client: &Client<'_>) -> Vec<u8> {
    let mut domain = Vec::new();
    write_client_domain(client.name, client.address, &mut domain);
    domain
}

/// Writes a line as pflogsumm knows it, stamp and host taken off: of any instance as of `postfix`.
fn write<'w>(
    written: &'w mut Vec<u8>,
    tags: &Tags,
    record: &Record<'_>,
    event: Option<&Postfix<'_>>,
) -> Option<Line<'w>> {
    written.clear();
    let tag = record.tag.text;
    let below = tag.get(record.tag.instance().len()..).unwrap_or(b"");
    match event.and_then(Postfix::daemon) {
        Some(daemon) if record.tag.program == Program::PostfixCut => {
            written.extend_from_slice(b"postfix/");
            written.extend_from_slice(daemon.name().as_bytes());
        }
        _ if below.starts_with(b"/") => {
            written.extend_from_slice(b"postfix");
            written.extend_from_slice(below);
        }
        _ if matches!(tag, b"postfix" | b"postfix-script") => written.extend_from_slice(tag),
        _ => {
            written.extend_from_slice(b"postfix/");
            written.extend_from_slice(tag);
        }
    }
    let pid = format!("[{}]: ", record.pid.unwrap_or(0));
    written.extend_from_slice(pid.as_bytes());
    let message = match event {
        Some(Postfix::MilterAction(_)) => without_milter(written, record.message),
        _ => record.message,
    };
    written.extend_from_slice(message);
    tags.line(written)
}

/// Takes the word off by which milters' refusals differ from those of a rule; what stands before it
/// is written.
fn without_milter<'m>(written: &mut Vec<u8>, message: &'m [u8]) -> &'m [u8] {
    let mark = b": milter-";
    let Some(at) = memchr::memmem::find(message, mark) else {
        return message;
    };
    written.extend_from_slice(message.get(..at + 2).unwrap_or(b""));
    message.get(at + mark.len()..).unwrap_or(b"")
}

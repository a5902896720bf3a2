//! The sorter: it goes over the lines in the order of the log and decides which count, and where.

use hashbrown::HashMap;
use mailtally_parsers::postfix::Event as Postfix;
use mailtally_parsers::{Event, Fields, Reason, Record, Seconds, Visitor};
use std::sync::Arc;

use super::Selection;
use super::fields::domain_of;
use super::held::{Held, Place};
use super::mails::{Key, Mails, Needs, Recipient, Said, Sender};
use super::marks::Marks;
use super::names::{By, OTHER, Values};
use super::selection::Answer;
use crate::export::Line as Exported;
use crate::source::{Chunk, Line};
use crate::tally::course::{self, At};
use crate::tally::{QueueId, Windows};

/// A split: by the values of which field, and how many of them get a part of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Split {
    /// The field.
    pub by: By,
    /// The largest number of values; the others are in one part together.
    pub most: u32,
}

/// Of what size chunks should be: what waits for one mail is as much.
pub const CHUNK_BYTES: usize = 1 << 20;

/// Decides lines: chunks come out of it when all of their lines are decided, in any order.
///
/// The chunks that go in must come in the order of the log. What is decided of a chunk is in
/// [`Sorter::marks`] before the chunk is handed out.
pub struct Sorter<C> {
    chunks: C,
    sorting: Sorting,
    is_over: bool,
}

/// What is decided by, and what waits.
struct Sorting {
    selection: Selection,
    by: Option<By>,
    values: Values,
    hosts: HashMap<Box<[u8]>, u32>,
    mails: Mails,
    held: Held,
    /// Lines that went by.
    lines: u64,
    now_us: i64,
    domain: Vec<u8>,
}

impl<C: Iterator<Item = Chunk>> Sorter<C> {
    /// Sorts the lines of chunks by conditions, and into the parts of a split if there is one.
    pub fn new(chunks: C, selection: Selection, split: Option<Split>, windows: Windows) -> Self {
        let by = split.map(|split| split.by);
        let needs = Needs {
            sender: selection.has_sender_conditions(),
            recipient: selection.has_recipient_conditions(),
            parts: by == Some(By::RecipientDomain),
        };
        Sorter {
            chunks,
            sorting: Sorting {
                selection,
                by,
                values: Values::new(split.map_or(0, |split| split.most)),
                hosts: HashMap::new(),
                mails: Mails::new(needs, windows),
                held: Held::default(),
                lines: 0,
                now_us: i64::MIN,
                domain: Vec::new(),
            },
            is_over: false,
        }
    }

    /// Returns the place where the marks of chunks are to be found.
    pub fn marks(&self) -> Arc<Marks> {
        Arc::clone(&self.sorting.held.marks)
    }

    /// Returns the values of the split with the numbers of their parts, and whether there were more.
    /// All other lines that count are in part 0.
    pub fn into_values(self) -> (Vec<(Vec<u8>, u32)>, bool) {
        let values = self.sorting.values;
        let is_beyond = values.is_beyond;
        (values.into_rows(), is_beyond)
    }
}

impl<C: Iterator<Item = Chunk>> Iterator for Sorter<C> {
    type Item = Chunk;

    fn next(&mut self) -> Option<Chunk> {
        loop {
            if let Some(chunk) = self.sorting.held.take() {
                return Some(chunk);
            }
            if self.is_over {
                return None;
            }
            match self.chunks.next() {
                Some(chunk) => self.sorting.chunk(chunk),
                None => {
                    self.is_over = true;
                    self.sorting.mails.finish(&mut self.sorting.held);
                }
            }
        }
    }
}

impl Sorting {
    fn chunk(&mut self, chunk: Chunk) {
        let number = self.held.begin();
        let mut place = Place {
            chunk: number,
            line: 0,
        };
        let mut lines = chunk.records();
        while let Some(line) = &lines.next() {
            self.line(place, line);
            place.line += 1;
        }
        drop(lines);
        self.held.end(number, chunk);
    }

    fn line(&mut self, place: Place, line: &Line<'_>) {
        self.lines += 1;
        let Some(record) = line.record() else {
            return self.without_envelope(place);
        };
        if let Some(time) = &line.time {
            self.now_us = self.now_us.max(time.wall_us);
        }
        if self.decides_mails() {
            let us = line.time.map_or(self.now_us, |time| time.wall_us);
            let at = At {
                line: self.lines,
                us,
            };
            self.line_of_mail(place, record, at);
            let now = At {
                us: self.now_us,
                ..at
            };
            return self.mails.sweep(now, &mut self.held);
        }
        let counts = self.selection.is_empty() || {
            let event = Event::parse(&record.tag, record.message);
            self.selection.passes(record, &event)
        };
        if counts {
            let part = self.part_of_line(record);
            self.held.mark(place, part);
        }
    }

    fn decides_mails(&self) -> bool {
        self.selection.has_mail_conditions() || self.by == Some(By::RecipientDomain)
    }

    /// A line without an envelope is of no mail and has no value of any field.
    fn without_envelope(&mut self, place: Place) {
        if !self.decides_mails() && self.selection.passes_without_envelope() {
            self.held.mark(place, OTHER);
        }
    }

    /// Returns the part of a line whose envelope says it.
    fn part_of_line(&mut self, record: &Record<'_>) -> u32 {
        let line = Exported {
            time: None,
            record,
            event: Err(Reason("")),
        };
        let value = match self.by {
            Some(By::Host) => line.host(),
            Some(By::Instance) => line.instance(),
            Some(By::RecipientDomain) | None => None,
        };
        value.map_or(OTHER, |value| self.values.part(value))
    }

    fn line_of_mail(&mut self, place: Place, record: &Record<'_>, at: At) {
        let event = Event::parse(&record.tag, record.message);
        let Ok(known) = &event else { return };
        let mut named = Named {
            queue_id: None,
            has_recipient: false,
            domain: &mut self.domain,
        };
        known.visit(&mut named);
        let Named {
            queue_id,
            has_recipient,
            ..
        } = named;
        let answer = self.selection.ask(record, &event);
        let part = self.part_of_line(record);
        let recipient = self.recipient(known, answer, has_recipient, part);
        let said = Said {
            place,
            part,
            counts: answer.lets_line_through,
            sender: sender(known, answer),
            recipient,
        };
        let Some(id) = queue_id else {
            return self.line_by_itself(&said, answer);
        };
        let key = Key {
            host: self.host(record.host),
            id,
        };
        let line = match known {
            Event::Postfix(event) => course::Line::of(event),
            _ => course::Line::Verdict,
        };
        self.mails.line(key, line, at, said, &mut self.held);
    }

    /// A line without queue id counts if it says all that is asked for itself.
    fn line_by_itself(&mut self, said: &Said, answer: Answer) {
        if !(said.counts && answer.sender.is_met) {
            return;
        }
        match said.recipient {
            Recipient::Asked { part, .. } => self.held.mark(said.place, part),
            Recipient::Unsaid if !self.needs_recipient() => {
                self.held.mark(said.place, said.part);
            }
            Recipient::Unsaid | Recipient::Other => {}
        }
    }

    fn needs_recipient(&self) -> bool {
        self.selection.has_recipient_conditions() || self.by == Some(By::RecipientDomain)
    }

    /// Says what the line tells of recipients; the domain of its own is at hand.
    fn recipient(
        &mut self,
        event: &Event<'_>,
        answer: Answer,
        has_recipient: bool,
        part_of_line: u32,
    ) -> Recipient {
        let is_split = self.by == Some(By::RecipientDomain);
        let is_stated = answer.recipient.is_stated || (is_split && has_recipient);
        let is_expiry = matches!(event, Event::Postfix(Postfix::QmgrExpired(_)));
        if !is_stated || !self.needs_recipient() {
            return Recipient::Unsaid;
        }
        let is_met = answer.recipient.is_met && (has_recipient || !is_split);
        if !is_met {
            // The queue manager's word is of all recipients that are left, whoever they are.
            return if is_expiry {
                Recipient::Unsaid
            } else {
                Recipient::Other
            };
        }
        let part = if is_split {
            self.values.part(&self.domain)
        } else {
            part_of_line
        };
        let is_of_mail = !matches!(event, Event::Postfix(Postfix::SmtpdReject(_)));
        Recipient::Asked { part, is_of_mail }
    }

    fn host(&mut self, host: &[u8]) -> u32 {
        let next = u32::try_from(self.hosts.len()).unwrap_or(u32::MAX);
        if let Some(&known) = self.hosts.get(host) {
            return known;
        }
        self.hosts.insert(host.into(), next);
        next
    }
}

/// Says what a line tells of the sender of its mail.
fn sender(event: &Event<'_>, answer: Answer) -> Sender {
    if !answer.sender.is_stated {
        return Sender::Unsaid;
    }
    match event {
        Event::Postfix(Postfix::QmgrActive(_) | Postfix::QmgrExpired(_)) => {
            Sender::Queued(answer.sender.is_met)
        }
        _ => Sender::Given(answer.sender.is_met),
    }
}

/// What a line names: a mail, and a recipient.
struct Named<'d> {
    queue_id: Option<QueueId>,
    has_recipient: bool,
    /// The recipient's domain.
    domain: &'d mut Vec<u8>,
}

impl Visitor for Named<'_> {
    fn text(&mut self, name: &'static str, value: &[u8]) {
        match name {
            "queue_id" => self.queue_id = Some(QueueId::new(value)),
            "recipient" => {
                self.has_recipient = true;
                domain_of(value, self.domain);
            }
            _ => {}
        }
    }

    fn number(&mut self, _: &'static str, _: u64) {}
    fn decimal(&mut self, _: &'static str, _: &[u8]) {}
    fn seconds(&mut self, _: &'static str, _: Seconds) {}
    fn seconds_list(&mut self, _: &'static str, _: &[Seconds]) {}
    fn flag(&mut self, _: &'static str, _: bool) {}
}

#[cfg(test)]
#[path = "sorter_tests.rs"]
mod tests;

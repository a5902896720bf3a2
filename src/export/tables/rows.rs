//! Rows of the tables in which one line is one row or none: events, deliveries, rejects, TLS
//! sessions.
//!
//! A worker fills them for the lines of its chunk. What takes several lines, a mail or a login, is
//! **not** found out here: see [`Joined`](super::Joined).

use std::sync::{Mutex, PoisonError};

use hashbrown::HashMap;
use mailtally_parsers::postfix::ruling::Ruling;
use mailtally_parsers::postfix::{Event as Postfix, delivery, tls};
use mailtally_parsers::{
    Class, Daemon, Event, Family, Fields, Problem, Program, Seconds, Visitor, family,
};
use rustc_hash::FxBuildHasher;

use super::batch::Batch;
use super::cells::{Cells, Targets};
use super::event_columns::events::AT as EVENT;
use super::event_columns::said_by_others;
use super::kept::KeptLines;
use super::schemas::deliveries::AT as DELIVERY;
use super::schemas::rejects::AT as REJECT;
use super::schemas::tls_sessions::AT as TLS;
use super::schemas::{TableId, TableSet};
use crate::export::Line;
use crate::tally::{Action, Verdict, complaint, recipient_domain, relay_family};

/// All of these tables begin with the same columns.
const _: () = {
    assert!(EVENT.time == DELIVERY.time && EVENT.time == REJECT.time && EVENT.time == TLS.time);
    assert!(EVENT.offset_s == DELIVERY.offset_s && EVENT.offset_s == REJECT.offset_s);
    assert!(EVENT.offset_s == TLS.offset_s && EVENT.host == DELIVERY.host);
    assert!(EVENT.host == REJECT.host && EVENT.host == TLS.host);
};

const DAY_US: i64 = 86_400 * 1_000_000;
const SECOND_US: i64 = 1_000_000;

/// When a line was logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// Microseconds since 1970 on the log's wall clock.
    pub wall_us: i64,
    /// The wall clock's offset from UTC in seconds, where it is known.
    pub offset_secs: Option<i32>,
}

impl Stamp {
    /// Returns the column `time`: the instant; where no offset is known, the wall clock as if it were
    /// UTC.
    pub(super) fn time_us(self) -> i64 {
        let offset_us = i64::from(self.offset_secs.unwrap_or(0)) * SECOND_US;
        self.wall_us.saturating_sub(offset_us)
    }

    /// Returns the day on the log's wall clock, since 1970.
    pub(super) fn day(self) -> i64 {
        self.wall_us.div_euclid(DAY_US)
    }
}

/// The rows of one day and host.
#[derive(Clone, Debug)]
pub struct DayRows {
    /// The day on the log's wall clock, since 1970.
    pub day: i64,
    /// The host that logged.
    pub host: Vec<u8>,
    batches: [Option<Batch>; TableId::COUNT],
}

impl DayRows {
    fn new(day: i64, host: &[u8]) -> DayRows {
        DayRows {
            day,
            host: host.to_vec(),
            batches: [const { None }; TableId::COUNT],
        }
    }

    /// Takes out the rows of each table that has some.
    pub fn into_batches(self) -> impl Iterator<Item = (TableId, Batch)> {
        let batches = TableId::ALL.into_iter().zip(self.batches);
        batches.filter_map(|(table, batch)| Some((table, batch?)))
    }

    fn batch(&mut self, table: TableId, spare: &Spare) -> Option<&mut Batch> {
        let place = self.batches.get_mut(table.place())?;
        Some(place.get_or_insert_with(|| spare.take(table)))
    }
}

/// Batches whose rows are elsewhere by now: the next stretch has much the same columns, and needs no room of its own.
#[derive(Debug)]
pub struct Spare {
    most: usize,
    batches: [Mutex<Vec<Batch>>; TableId::COUNT],
}

impl Spare {
    /// Keeps at most so many of a table.
    pub fn new(most: usize) -> Spare {
        Spare {
            most,
            batches: Default::default(),
        }
    }

    /// Takes back a batch whose rows are no longer needed.
    pub fn give_back(&self, table: TableId, mut batch: Batch) {
        let Some(batches) = self.batches.get(table.place()) else {
            return;
        };
        batch.clear();
        let mut batches = batches.lock().unwrap_or_else(PoisonError::into_inner);
        if batches.len() < self.most {
            batches.push(batch);
        }
    }

    pub(super) fn take(&self, table: TableId) -> Batch {
        let batches = self.batches.get(table.place());
        let batches = batches.map(|batches| batches.lock().unwrap_or_else(PoisonError::into_inner));
        let spare = batches.and_then(|mut batches| batches.pop());
        spare.unwrap_or_else(|| Batch::new(table.table()))
    }
}

/// The rows of a stretch of lines, apart by day and host.
#[derive(Debug)]
pub struct Rows<'s> {
    wanted: TableSet,
    spare: &'s Spare,
    days: Vec<DayRows>,
    places: HashMap<(i64, Vec<u8>), usize, FxBuildHasher>,
    last: usize,
    lines: i64,
    kept: KeptLines,
    scratch: Vec<u8>,
    targets: Targets,
}

impl<'s> Rows<'s> {
    /// Begins without rows; only the tables asked for get some.
    pub fn new(wanted: TableSet, spare: &'s Spare) -> Rows<'s> {
        Rows {
            wanted,
            spare,
            days: Vec::new(),
            places: HashMap::default(),
            last: 0,
            lines: 0,
            kept: KeptLines::default(),
            scratch: Vec::new(),
            targets: Targets::default(),
        }
    }

    /// Returns the rows, and the lines of which mails and logins are made; the numbers in `log_line`
    /// count from the stretch's first line.
    pub fn finish(self) -> (Vec<DayRows>, KeptLines) {
        (self.days, self.kept)
    }

    /// Adds `lines` to the numbers of lines of some rows: those of what stands before them.
    pub fn number_from(batch: &mut Batch, lines: i64) {
        if batch.table().name == TableId::Events.table().name {
            batch.add_to_all(EVENT.log_line, lines);
        }
    }

    /// Counts a line that no table has.
    pub fn skip(&mut self) {
        self.lines = self.lines.saturating_add(1);
    }

    /// Adds the rows that a line is; `log` names the log that it is of.
    pub fn add(&mut self, line: &Line<'_>, stamp: Stamp, log: &[u8]) {
        self.skip();
        let number = self.lines;
        let ruling = match &line.event {
            Ok(Event::Postfix(event)) => Ruling::of(event),
            _ => None,
        };
        if let Ok(event) = &line.event {
            let line_number = u64::try_from(number).unwrap_or(0);
            self.kept
                .keep(self.wanted, line.record, event, stamp, line_number);
        }
        let (wanted, spare) = (self.wanted, self.spare);
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut targets = std::mem::take(&mut self.targets);
        let day = self.day(stamp.day(), line.record.host);
        if let Some(day) = day {
            let mut filler = Filler {
                day,
                spare,
                line,
                stamp,
                scratch: &mut scratch,
                targets: &mut targets,
            };
            if wanted.has(TableId::Events) {
                filler.event(log, number, ruling.as_ref());
            }
            if let Ok(Event::Postfix(event)) = &line.event {
                for _ in 0..line.record.repeated {
                    filler.postfix(wanted, event, ruling.as_ref());
                }
            }
        }
        (self.scratch, self.targets) = (scratch, targets);
    }

    /// Finds the rows of a day and host: mostly those of the line before.
    fn day(&mut self, day: i64, host: &[u8]) -> Option<&mut DayRows> {
        let is_last = |rows: &DayRows| rows.day == day && rows.host == host;
        if !self.days.get(self.last).is_some_and(is_last) {
            let next = self.days.len();
            self.last = *self.places.entry((day, host.to_vec())).or_insert(next);
            if self.last == next {
                self.days.push(DayRows::new(day, host));
            }
        }
        self.days.get_mut(self.last)
    }
}

/// Fills the rows of one line.
struct Filler<'a> {
    day: &'a mut DayRows,
    spare: &'a Spare,
    line: &'a Line<'a>,
    stamp: Stamp,
    scratch: &'a mut Vec<u8>,
    targets: &'a mut Targets,
}

impl Filler<'_> {
    /// Begins a row with the columns that all of these tables begin with.
    fn begin(&mut self, table: TableId) -> Option<&mut Batch> {
        let (stamp, host) = (self.stamp, self.line.record.host);
        let batch = self.day.batch(table, self.spare)?;
        batch.int(EVENT.time, stamp.time_us());
        batch.maybe_int(EVENT.offset_s, stamp.offset_secs.map(i64::from));
        batch.text(EVENT.host, host);
        Some(batch)
    }

    fn event(&mut self, log: &[u8], number: i64, ruling: Option<&Ruling<'_>>) {
        let (line, record) = (self.line, self.line.record);
        let mut scratch = std::mem::take(self.scratch);
        let targets = std::mem::take(self.targets);
        let Some(batch) = self.begin(TableId::Events) else {
            return;
        };
        batch.text(EVENT.program, record.tag.text);
        batch.maybe_text(EVENT.instance, line.instance());
        batch.maybe_text(EVENT.service, record.tag.service());
        batch.maybe_text(EVENT.daemon, line.daemon());
        batch.maybe_int(EVENT.pid, record.pid.map(i64::from));
        batch.text(EVENT.kind, line.kind_name().as_bytes());
        batch.text(EVENT.coverage, coverage(line));
        let problem = Problem::of(&line.event, record.message);
        batch.maybe_text(
            EVENT.problem,
            problem.map(|problem| problem.name().as_bytes()),
        );
        batch.int(EVENT.repeated, i64::from(record.repeated));
        if let Some(ruling) = ruling {
            batch.text(EVENT.rule, rule_name(ruling, &mut scratch));
        }
        batch.text(EVENT.log, log);
        batch.int(EVENT.log_line, number);
        if let Ok(event) = &line.event
            && let Some((severity, about)) = complaint(record, event)
        {
            batch.text(EVENT.warning_severity, severity.as_bytes());
            batch.text(EVENT.warning_about, about.as_bytes());
        }
        let without = line.event.as_ref().ok().and_then(said_by_others);
        let mut cells = Cells {
            batch,
            scratch: &mut scratch,
            targets,
            without,
        };
        line.visit_message(&mut cells);
        let targets = cells.targets;
        batch.end_row();
        (*self.scratch, *self.targets) = (scratch, targets);
    }

    fn postfix(&mut self, wanted: TableSet, event: &Postfix<'_>, ruling: Option<&Ruling<'_>>) {
        match event {
            Postfix::Delivery(delivery) if wanted.has(TableId::Deliveries) => {
                self.delivery(delivery);
            }
            Postfix::TlsConnection(session) if wanted.has(TableId::TlsSessions) => {
                self.tls_session(session, event);
            }
            _ => {}
        }
        if let Some(ruling) = ruling
            && wanted.has(TableId::Rejects)
        {
            self.reject(event, ruling);
        }
    }

    fn delivery(&mut self, event: &delivery::Delivery<'_>) -> Option<()> {
        let line = self.line;
        let domain = lower(
            recipient_domain(event.recipient),
            std::mem::take(self.scratch),
        );
        let reply = event.reply();
        let is_forwarded = event.status == b"sent" && reply.forwarded_as.is_some();
        let batch = self.begin(TableId::Deliveries)?;
        batch.maybe_text(DELIVERY.instance, line.instance());
        batch.maybe_text(DELIVERY.daemon, line.daemon());
        batch.text(DELIVERY.queue_id, event.queue_id);
        batch.text(DELIVERY.recipient, event.recipient);
        batch.text(DELIVERY.recipient_domain, &domain);
        batch.maybe_text(DELIVERY.orig_to, event.orig_to);
        let has_server = event.relay.address.is_some();
        batch.text(DELIVERY.relay, event.relay.text);
        batch.maybe_text(
            DELIVERY.relay_name,
            Some(event.relay.host).filter(|_| has_server),
        );
        batch.maybe_text(DELIVERY.relay_address, event.relay.address);
        batch.maybe_text(DELIVERY.relay_port, event.relay.port);
        batch.text(DELIVERY.family, relay_family(event).name().as_bytes());
        batch.int(DELIVERY.delay_us, micros(event.delay()));
        if let Some(parts) = event.delays() {
            let columns = [
                DELIVERY.before_qmgr_us,
                DELIVERY.in_qmgr_us,
                DELIVERY.connect_us,
                DELIVERY.transmit_us,
            ];
            for (column, part) in columns.into_iter().zip(parts) {
                batch.int(column, micros(part));
            }
        }
        batch.maybe_text(DELIVERY.dsn, event.dsn());
        batch.text(DELIVERY.status, event.status);
        batch.flag(DELIVERY.is_forwarded, is_forwarded);
        if let Some(class) = event.reason_class(&reply) {
            batch.text(DELIVERY.reason_class, class.name.as_bytes());
            batch.maybe_text(DELIVERY.reason_detail, class.detail);
        }
        if event.status != b"sent" {
            batch.text(DELIVERY.reply, event.reason);
        }
        batch.maybe_text(DELIVERY.queued_as, reply.queued_as);
        batch.maybe_text(DELIVERY.tls, event.tls());
        batch.end_row();
        *self.scratch = domain;
        Some(())
    }

    fn reject(&mut self, event: &Postfix<'_>, ruling: &Ruling<'_>) -> Option<()> {
        let line = self.line;
        let mut scratch = std::mem::take(self.scratch);
        let batch = self.begin(TableId::Rejects)?;
        batch.maybe_text(REJECT.instance, line.instance());
        batch.maybe_text(REJECT.daemon, line.daemon());
        let action = Action::from_word(ruling.rule.action);
        batch.text(REJECT.action, action.name().as_bytes());
        batch.maybe_text(REJECT.verdict, Verdict::of(event).map(verdict_name));
        batch.text(REJECT.stage, ruling.stage.as_bytes());
        let client = ruling.client;
        batch.maybe_text(REJECT.client_name, client.map(|client| client.name));
        batch.maybe_text(REJECT.client_address, client.map(|client| client.address));
        let family = client.map_or(Family::Unknown, |client| family(client.address));
        batch.text(REJECT.family, family.name().as_bytes());
        batch.maybe_text(REJECT.sender, ruling.sender);
        batch.maybe_int(REJECT.reply_class, ruling.reply_class.map(i64::from));
        batch.text(REJECT.rule, rule_name(ruling, &mut scratch));
        batch.maybe_text(REJECT.rule_id, ruling.rule.id);
        batch.text(REJECT.class, ruling.rule.class.name.as_bytes());
        batch.maybe_text(REJECT.class_detail, ruling.rule.class.detail);
        batch.maybe_text(REJECT.text, ruling.text);
        event.visit(&mut RejectCells {
            batch,
            scratch: &mut scratch,
        });
        batch.end_row();
        *self.scratch = scratch;
        Some(())
    }

    fn tls_session(&mut self, session: &tls::Connection<'_>, event: &Postfix<'_>) -> Option<()> {
        let (line, tag) = (self.line, &self.line.record.tag);
        let daemon = match tag.program {
            Program::Postfix(daemon) => Some(daemon),
            _ => event.daemon(),
        };
        let is_outbound = session.direction == tls::Direction::Outbound;
        // With connection reuse tlsproxy logs smtp's handshake a second time.
        if is_outbound && daemon == Some(Daemon::Tlsproxy) {
            return None;
        }
        let batch = self.begin(TableId::TlsSessions)?;
        batch.maybe_text(TLS.instance, line.instance());
        batch.maybe_text(TLS.daemon, line.daemon());
        batch.maybe_int(TLS.pid, line.record.pid.map(i64::from));
        let direction = if is_outbound { "outbound" } else { "inbound" };
        batch.text(TLS.direction, direction.as_bytes());
        batch.flag(TLS.is_reused, session.action == tls::Action::Reused);
        let stated = |text: &'_ [u8]| !text.is_empty();
        let (name, address) = (session.peer.host, session.peer.address);
        batch.maybe_text(TLS.peer_name, Some(name).filter(|name| stated(name)));
        batch.maybe_text(
            TLS.peer_address,
            Some(address).filter(|address| stated(address)),
        );
        batch.text(TLS.family, family(session.peer.address).name().as_bytes());
        let trust = session.trust.map_or("unstated", tls::Trust::name);
        batch.text(TLS.trust, trust.as_bytes());
        batch.text(TLS.protocol, session.protocol);
        batch.text(TLS.cipher, session.cipher);
        let bits = session.details.bits().map(|(used, _)| i64::from(used));
        batch.maybe_int(TLS.bits, bits);
        batch.end_row();
        Some(())
    }
}

fn coverage(line: &Line<'_>) -> &'static [u8] {
    match line.event.as_ref().map(Event::class) {
        Ok(Class::Parsed) => b"parsed",
        Ok(_) => b"generic",
        Err(_) => b"unparsed",
    }
}

/// The name under which the report counts a ruling: the site's own id, else the class.
fn rule_name<'a>(ruling: &Ruling<'a>, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    let class = &ruling.rule.class;
    match (ruling.rule.id, class.detail) {
        (Some(id), _) => id,
        (None, None) => class.name.as_bytes(),
        (None, Some(detail)) => {
            scratch.clear();
            scratch.extend_from_slice(class.name.as_bytes());
            scratch.push(b':');
            scratch.extend_from_slice(detail);
            scratch
        }
    }
}

fn verdict_name(verdict: Verdict) -> &'static [u8] {
    match verdict {
        Verdict::Reject => b"rejected",
        Verdict::RejectWarning => b"reject_warnings",
        Verdict::Hold => b"held",
        Verdict::Discard => b"discarded",
    }
}

/// Copies a text in lower case into a buffer.
pub(super) fn lower(text: &[u8], mut into: Vec<u8>) -> Vec<u8> {
    into.clear();
    into.extend(text.iter().map(u8::to_ascii_lowercase));
    into
}

fn micros(seconds: Seconds) -> i64 {
    i64::try_from(seconds.micros).unwrap_or(i64::MAX)
}

/// Fills what lines of refusals say beside their ruling, by the names of their fields.
struct RejectCells<'b> {
    batch: &'b mut Batch,
    scratch: &'b mut Vec<u8>,
}

impl Visitor for RejectCells<'_> {
    fn text(&mut self, name: &'static str, value: &[u8]) {
        let column = match name {
            "queue_id" => REJECT.queue_id,
            "helo" => REJECT.helo,
            "proto" => REJECT.protocol,
            "sasl_username" => REJECT.sasl_user,
            "recipient" => {
                let domain = lower(recipient_domain(value), std::mem::take(self.scratch));
                self.batch.text(REJECT.recipient_domain, &domain);
                *self.scratch = domain;
                REJECT.recipient
            }
            "code" => REJECT.code,
            "dsn" => REJECT.dsn,
            _ => return,
        };
        self.batch.text(column, value);
    }

    fn number(&mut self, name: &'static str, value: u64) {
        if name == "code" {
            let mut digits = itoa::Buffer::new();
            self.batch
                .text(REJECT.code, digits.format(value).as_bytes());
        }
    }

    fn decimal(&mut self, _: &'static str, _: &[u8]) {}

    fn seconds(&mut self, _: &'static str, _: Seconds) {}

    fn seconds_list(&mut self, _: &'static str, _: &[Seconds]) {}

    fn flag(&mut self, _: &'static str, _: bool) {}
}

//! Mails, one row each: the tally's lives, with the words that their lines say.

use hashbrown::HashMap;
use mailtally_parsers::postfix::ruling::Ruling;
use mailtally_parsers::postfix::{Event as Postfix, delivery, smtpd, tls};
use mailtally_parsers::{Family, family, is_loopback};
use rustc_hash::FxBuildHasher;

use super::batch::Batch;
use super::gatherer::Gatherer;
use super::joined::Where;
use super::kept::Again;
use super::rows::{Stamp, lower};
use super::schemas::TableId;
use super::schemas::messages::AT as MESSAGE;
use crate::tally::symbols::{Renumbering, Symbol, Symbols};
use crate::tally::{
    Access, Action, At, ClientFacts, Facts, Fate, LifeKey, Line, Lives, Outcome, QueueId, Settled,
    Status, Tale, Windows, hash, listed_sender, normalize, recipient_domain, write_client_domain,
};

/// A process that says nothing for 36 hours has ended without a word.
const LOST_US: i64 = 36 * 3_600 * 1_000_000;

/// What the lines of one mail said, in their words.
#[derive(Debug)]
struct Words {
    first: Stamp,
    last: Stamp,
    log: u64,
    client_name: Option<Box<[u8]>>,
    client_address: Option<Box<[u8]>>,
    /// Who connected, where that is not the first client.
    peer_address: Option<Box<[u8]>>,
    tls: Option<Box<Terms>>,
    sasl_method: Option<Box<[u8]>>,
    sasl_user: Option<Box<[u8]>>,
    uid: Option<u64>,
    sender: Option<Box<[u8]>>,
    message_id: Option<Box<[u8]>>,
    attempts: i64,
    forwarded: i64,
    is_rejected: bool,
}

/// Nothing is merged here: lines come in order.
impl Tale for Words {
    fn merge(&mut self, _: Self) {}

    fn renumber(&mut self, _: &Renumbering) {}
}

impl Words {
    fn new(stamp: Stamp, log: u64) -> Words {
        Words {
            first: stamp,
            last: stamp,
            log,
            client_name: None,
            client_address: None,
            peer_address: None,
            tls: None,
            sasl_method: None,
            sasl_user: None,
            uid: None,
            sender: None,
            message_id: None,
            attempts: 0,
            forwarded: 0,
            is_rejected: false,
        }
    }
}

/// What a TLS line says of its session.
#[derive(Clone, Debug)]
struct Terms {
    trust: &'static str,
    protocol: Box<[u8]>,
    cipher: Box<[u8]>,
}

/// What one smtpd process said of the client that it serves.
#[derive(Debug, Default)]
struct Session {
    tls: Option<Box<Terms>>,
    /// A discard or hold before there was a queue id, and its line: it is the next mail's.
    access: Option<(u64, Access)>,
    last_us: i64,
}

/// A process: host, whole tag, process id.
type Process = (Symbol, Symbol, u32);

/// The mails under way.
#[derive(Default)]
pub(super) struct Mails {
    windows: Windows,
    /// Hosts and tags, of which a log has few; no words of strangers.
    symbols: Symbols,
    lives: Lives<Words>,
    sessions: HashMap<Process, Session, FxBuildHasher>,
}

/// A line of a mail, and where it stands.
#[derive(Clone, Copy)]
struct Context {
    host: Symbol,
    prefix: Symbol,
    process: Process,
    at: At,
    stamp: Stamp,
    log: u64,
}

impl Mails {
    /// Takes what a line says of a mail or of the session before it.
    pub(super) fn line(&mut self, again: &Again<'_>, event: &Postfix<'_>, at: At, log: u64) {
        let host = self.symbols.intern(again.host);
        let tag = self.symbols.intern(again.tag.text);
        let context = &Context {
            host,
            prefix: self.symbols.intern(again.tag.instance()),
            process: (host, tag, again.pid.unwrap_or(0)),
            at,
            stamp: again.stamp,
            log,
        };
        match event {
            Postfix::SmtpdConnect(_) => {
                let session = self.session(context);
                *session = Session {
                    last_us: at.us,
                    ..Session::default()
                };
            }
            Postfix::SmtpdDisconnect(_) => {
                self.sessions.remove(&context.process);
            }
            Postfix::TlsConnection(event) => self.tls(context, event),
            Postfix::SmtpdClient(event) => self.client(context, event),
            _ => self.of_queue(context, event),
        }
    }

    fn of_queue(&mut self, context: &Context, event: &Postfix<'_>) {
        match event {
            Postfix::Pickup(event) => {
                let life = self.life(context, event.queue_id, Line::Origin);
                life.0.note_pickup(event);
                life.1.uid = Some(event.uid);
            }
            Postfix::CleanupMessageId(event) => {
                self.message_id(context, event.queue_id, event.message_id);
            }
            Postfix::QmgrActive(event) => {
                let nothing = self.symbols.intern(b"");
                let (facts, words) = self.life(context, event.queue_id, Line::Other);
                facts.note_active(event, nothing);
                words.sender.get_or_insert_with(|| event.sender.into());
            }
            Postfix::QmgrExpired(event) => {
                self.life(context, event.queue_id, Line::Other).0.expired = true;
            }
            Postfix::Delivery(event) => self.delivery(context, event),
            Postfix::QmgrRemoved(event) => {
                self.life(context, event.queue_id, Line::End);
            }
            Postfix::CleanupRemoved(event) => {
                self.life(context, event.queue_id, Line::End);
            }
            Postfix::Postsuper(postsuper) => {
                if let Some(queue_id) = postsuper.queue_id {
                    let line = Line::of(event);
                    self.life(context, queue_id, line)
                        .0
                        .note_postsuper(postsuper);
                }
            }
            _ => self.ruled(context, event),
        }
    }

    fn session(&mut self, context: &Context) -> &mut Session {
        let session = self.sessions.entry(context.process).or_default();
        session.last_us = context.at.us;
        session
    }

    fn tls(&mut self, context: &Context, event: &tls::Connection<'_>) {
        self.session(context).tls = Some(Box::new(Terms {
            trust: event.trust.map_or("unstated", tls::Trust::name),
            protocol: event.protocol.into(),
            cipher: event.cipher.into(),
        }));
    }

    /// The facts and words of the mail that a line belongs to.
    fn life(&mut self, context: &Context, queue_id: &[u8], line: Line) -> (&mut Facts, &mut Words) {
        let key = LifeKey {
            host: context.host,
            id: QueueId::new(queue_id),
        };
        let by_smtpd = matches!(line, Line::Origin | Line::Verdict);
        let life = self.lives.touch(key, line, context.at, self.windows);
        life.facts.note_instance(context.prefix, by_smtpd);
        let words = life
            .story
            .get_or_insert_with(|| Box::new(Words::new(context.stamp, context.log)));
        words.last = context.stamp;
        (&mut life.facts, words)
    }

    fn client(&mut self, context: &Context, event: &smtpd::ClientLine<'_>) {
        let late = self.windows.late;
        let session = self.session(context);
        let access = session.access.take();
        let access = access.filter(|(line, _)| context.at.line.saturating_sub(*line) <= late);
        let terms = session.tls.clone();
        let Some(queue_id) = event.queue_id else {
            return;
        };
        let nothing = self.symbols.intern(b"");
        let client = event.client;
        let before = event.orig_client.map(|client| client.address);
        let (facts, words) = self.life(context, queue_id, Line::Origin);
        let client_facts = ClientFacts {
            name: nothing,
            peer: nothing,
            address: nothing,
            is_loopback: is_loopback(client.address),
        };
        facts.note_client(client_facts, event);
        if let Some((_, access)) = access {
            facts.note_access(access);
        }
        if words.client_name.is_none() && before.is_some() {
            words.peer_address = Some(client.address.into());
        }
        words.client_name.get_or_insert_with(|| client.name.into());
        words
            .client_address
            .get_or_insert_with(|| before.unwrap_or(client.address).into());
        words.tls = words.tls.take().or(terms);
        words.sasl_method = words
            .sasl_method
            .take()
            .or(event.sasl_method.map(Box::from));
        words.sasl_user = words
            .sasl_user
            .take()
            .or(event.sasl_username.map(Box::from));
    }

    fn message_id(&mut self, context: &Context, queue_id: &[u8], id: &[u8]) {
        let (_, words) = self.life(context, queue_id, Line::MessageId);
        words.message_id.get_or_insert_with(|| id.into());
        if !id.is_empty() && id != b"<>" {
            let key = LifeKey {
                host: context.host,
                id: QueueId::new(queue_id),
            };
            if let Some(life) = self.lives.current(key) {
                life.set_message_id(hash(id), context.at.line);
            }
        }
    }

    fn delivery(&mut self, context: &Context, event: &delivery::Delivery<'_>) {
        let reply = event.reply();
        let status = Status::of(event.status);
        let is_forwarded = status == Status::Sent && reply.forwarded_as.is_some();
        if status == Status::Sent
            && !is_forwarded
            && let Some(next) = reply.queued_as
            && next != event.queue_id
        {
            let key = LifeKey {
                host: context.host,
                id: QueueId::new(next),
            };
            self.lives.name(key, context.at.line, true, self.windows);
        }
        let (facts, words) = self.life(context, event.queue_id, Line::Other);
        facts.note_delivery(status, is_forwarded);
        words.attempts = words.attempts.saturating_add(1);
        words.forwarded = words.forwarded.saturating_add(i64::from(is_forwarded));
    }

    /// Notes a hold or discard; before there is a queue id it is the next mail's of the session.
    fn access(&mut self, context: &Context, queue_id: Option<&[u8]>, action: Action) {
        let access = match action {
            Action::Hold => Access::Hold,
            Action::Discard => Access::Discard,
            _ => return,
        };
        match queue_id {
            Some(id) => self.life(context, id, Line::Verdict).0.note_access(access),
            None => self.session(context).access = Some((context.at.line, access)),
        }
    }

    /// Takes what a rule or a milter does with a mail that is still coming in.
    fn ruled(&mut self, context: &Context, event: &Postfix<'_>) {
        let queue_id = match event {
            Postfix::SmtpdHold(event) | Postfix::SmtpdDiscard(event) => event.queue_id,
            Postfix::MilterHeaderCheck(event) => event.queue_id,
            Postfix::CleanupCheck(event) => event.queue_id,
            Postfix::MilterAction(event) => event.queue_id,
            _ => return,
        };
        let Some(ruling) = Ruling::of(event) else {
            return;
        };
        let action = Action::from_word(ruling.rule.action);
        self.access(context, queue_id, action);
        let is_end = action == Action::Reject && Line::of(event) == Line::End;
        if let Some(id) = queue_id.filter(|_| is_end) {
            // After a refusal of the whole message nothing more of it is logged.
            self.life(context, id, Line::End).1.is_rejected = true;
        }
    }

    /// Makes rows of the mails that no later line can concern.
    pub(super) fn sweep(&mut self, now: At, into: &mut Gatherer) {
        let symbols = &self.symbols;
        let swept = self.lives.sweep(now, true, self.windows, &mut |settled| {
            settle(&settled, symbols, into);
        });
        if swept {
            let is_live = |session: &Session| now.us.saturating_sub(session.last_us) <= LOST_US;
            self.sessions.retain(|_, session| is_live(session));
        }
    }

    /// Makes rows of all mails.
    pub(super) fn finish(&mut self, last_us: i64, into: &mut Gatherer) {
        let symbols = &self.symbols;
        self.lives.finish(last_us, self.windows, &mut |settled| {
            settle(&settled, symbols, into);
        });
    }
}

/// Makes the row of a mail.
fn settle(settled: &Settled<'_, Words>, symbols: &Symbols, into: &mut Gatherer) {
    let Some(words) = settled.story else {
        return;
    };
    let (id, fate) = (settled.id, settled.fate);
    let is_later_hop = settled.is_later_hop;
    let host = symbols.get(settled.host);
    let outcome = &Outcome::of(settled);
    let place = Where {
        table: TableId::Messages,
        day: words.first.day(),
        host,
        log: words.log,
    };
    into.with(place.key(), |batch| {
        words.put_times(batch);
        batch.text(MESSAGE.host, host);
        let instance = outcome
            .instance
            .map(|instance| symbols.get(instance.prefix));
        batch.maybe_text(MESSAGE.instance, instance);
        batch.text(MESSAGE.queue_id, id.text().as_bytes());
        put_outcome(batch, outcome, fate);
        batch.flag(MESSAGE.is_later_hop, is_later_hop);
        words.put_origin(batch);
        words.put_mail(batch, outcome);
        let word = words.outcome(outcome, fate);
        batch.text(MESSAGE.outcome, word.as_bytes());
        batch.end_row();
    });
}

fn put_outcome(batch: &mut Batch, outcome: &Outcome, fate: Fate) {
    let facts = outcome.facts;
    let origin = match (facts.client.is_some(), facts.pickup) {
        (true, _) => "smtp",
        (_, true) => "local",
        _ if outcome.birth_seen => "internal",
        _ => "unknown",
    };
    batch.text(MESSAGE.origin, origin.as_bytes());
    batch.flag(MESSAGE.is_begun, outcome.birth_seen);
    batch.flag(MESSAGE.is_ended, fate == Fate::Removed);
    let end = match fate {
        Fate::Removed => "removed",
        Fate::Open => "open",
        Fate::Lost => "lost",
        Fate::Superseded => "superseded",
    };
    batch.text(MESSAGE.end, end.as_bytes());
    batch.flag(MESSAGE.is_accepted, outcome.accepted);
    batch.flag(MESSAGE.is_reinjected, outcome.reinjected);
    batch.flag(MESSAGE.is_in_queue, outcome.was_in_queue());
    batch.flag(MESSAGE.is_held, facts.held);
    batch.flag(MESSAGE.is_discarded, facts.discarded);
}

impl Words {
    fn put_times(&self, batch: &mut Batch) {
        batch.int(MESSAGE.time, self.first.time_us());
        batch.maybe_int(MESSAGE.offset_s, self.first.offset_secs.map(i64::from));
        batch.int(MESSAGE.ended, self.last.time_us());
        let queue_us = self.last.time_us().saturating_sub(self.first.time_us());
        batch.int(MESSAGE.queue_us, queue_us);
    }

    fn put_origin(&self, batch: &mut Batch) {
        batch.maybe_text(MESSAGE.client_name, self.client_name.as_deref());
        batch.maybe_text(MESSAGE.client_address, self.client_address.as_deref());
        batch.maybe_text(MESSAGE.peer_address, self.peer_address.as_deref());
        let family = self
            .client_address
            .as_deref()
            .map_or(Family::Unknown, family);
        batch.text(MESSAGE.family, family.name().as_bytes());
        if let Some(terms) = &self.tls {
            batch.text(MESSAGE.tls_trust, terms.trust.as_bytes());
            batch.text(MESSAGE.tls_protocol, &terms.protocol);
            batch.text(MESSAGE.tls_cipher, &terms.cipher);
        }
        batch.maybe_text(MESSAGE.sasl_method, self.sasl_method.as_deref());
        batch.maybe_text(MESSAGE.sasl_user, self.sasl_user.as_deref());
        batch.maybe_int(MESSAGE.uid, self.uid.map(whole));
    }

    fn put_mail(&self, batch: &mut Batch, outcome: &Outcome) {
        let facts = &outcome.facts;
        let is_queued = facts.size_bytes.is_some();
        batch.maybe_text(MESSAGE.sender, self.sender.as_deref());
        if let Some(sender) = self.sender.as_deref() {
            let domain = lower(recipient_domain(sender), Vec::new());
            batch.text(MESSAGE.sender_domain, &domain);
        }
        if is_queued && (facts.client.is_some() || facts.pickup) {
            let mut scratch = Vec::new();
            batch.text(MESSAGE.sending_domain, self.sending_domain(&mut scratch));
        }
        batch.maybe_int(MESSAGE.size_bytes, facts.size_bytes.map(whole));
        batch.maybe_int(
            MESSAGE.nrcpt,
            Some(whole(facts.nrcpt)).filter(|_| is_queued),
        );
        batch.maybe_text(MESSAGE.message_id, self.message_id.as_deref());
        batch.int(MESSAGE.attempts, self.attempts);
        batch.int(MESSAGE.delivered, whole(facts.sent));
        batch.int(MESSAGE.forwarded, self.forwarded);
        batch.int(MESSAGE.deferrals, whole(facts.deferrals));
        batch.int(MESSAGE.bounced, whole(facts.bounced));
        batch.int(MESSAGE.expired, whole(outcome.expired_recipients));
        batch.int(MESSAGE.handed_over, whole(outcome.handed_over));
        batch.flag(MESSAGE.is_rejected, self.is_rejected);
    }

    /// The domain that the report files a received mail under.
    fn sending_domain<'a>(&'a self, scratch: &'a mut Vec<u8>) -> &'a [u8] {
        let sender = self.sender.as_deref().unwrap_or_default();
        let domain_at = normalize(listed_sender(sender), scratch);
        let peer = self
            .peer_address
            .as_deref()
            .or(self.client_address.as_deref());
        match (domain_at, self.client_name.as_deref().zip(peer)) {
            (0, Some((name, address))) => {
                write_client_domain(name, address, scratch);
                scratch
            }
            (domain_at, _) => scratch.get(domain_at..).unwrap_or_default(),
        }
    }

    /// What became of the mail, in one word.
    fn outcome(&self, outcome: &Outcome, fate: Fate) -> &'static str {
        let facts = &outcome.facts;
        let is_ended = fate == Fate::Removed;
        match () {
            () if facts.expired => "expired",
            () if self.is_rejected => "rejected",
            () if facts.discarded => "discarded",
            () if facts.bounced > 0 => "bounced",
            () if !is_ended && facts.held => "held",
            () if !is_ended && facts.deferrals > 0 => "deferred",
            () if !is_ended => "unfinished",
            () if facts.sent > 0 => "delivered",
            () if self.forwarded > 0 => "forwarded",
            () => "removed",
        }
    }
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

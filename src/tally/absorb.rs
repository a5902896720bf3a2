//! Which counters each kind of event moves.
//!
//! The rules for the totals are pflogsumm's (version 1.1.5, its defects mended); what is counted
//! beside them is defined in [`totals`](super::totals). A kind that moves nothing but the account
//! of lines is not named here.

use mailtally_parsers::postfix::Postsuper;
use mailtally_parsers::postfix::reply::Stage;
use mailtally_parsers::postfix::ruling::reply_class;
use mailtally_parsers::postfix::{Event as Postfix, cleanup, delivery, pickup, qmgr, smtpd, tls};
use mailtally_parsers::syslog::Author;
use mailtally_parsers::{Daemon, Program, Record, family, is_loopback};

use super::deliveries::{RelayFacts, RelayKey, Status};
use super::details::Attempt;
use super::known::Origin;
use super::lives::{At, Life, LifeKey, Line, QueueId};
use super::mail::ClientFacts;
use super::origin::{InstanceKey, ServiceKey};
use super::own::{self, Way};
use super::processes::{Process, ProcessKey};
use super::sessions::{Closing, Handover, Handshake};
use super::symbols::{Symbol, Word};
use super::tls::{Day, Direction, Encryption, InboundKey, OutboundKey, Terms};
use super::{Occurrence, Tally, Wanted};

/// Microseconds in a day.
const DAY_US: i64 = 86_400 * 1_000_000;

/// Where a line came from, and when.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) record: &'a Record<'a>,
    author: Option<Author>,
    pub(super) host: Symbol,
    pub(super) tag: Symbol,
    pub(super) instance: InstanceKey,
    pub(super) service: Option<Symbol>,
    pub(super) at: At,
}

impl<'a> Context<'a> {
    #[inline]
    fn new(record: &'a Record<'a>, author: Option<Author>, origin: Origin, at: At) -> Self {
        let Origin { host, tag, .. } = origin;
        Context {
            record,
            author,
            host,
            tag: tag.whole,
            instance: InstanceKey {
                host,
                prefix: tag.prefix,
            },
            service: tag.service,
            at,
        }
    }

    /// Names the life of a queue id of this host.
    pub(super) fn life(&self, queue_id: &[u8]) -> LifeKey {
        LifeKey {
            host: self.host,
            id: QueueId::new(queue_id),
        }
    }

    pub(super) fn process(&self) -> Process {
        Process {
            key: ProcessKey {
                host: self.host,
                tag: self.tag,
                pid: self.record.pid.unwrap_or(0),
            },
            author: self.author,
        }
    }

    fn service(&self) -> ServiceKey {
        ServiceKey {
            instance: self.instance,
            service: self.service,
        }
    }

    fn day(&self) -> Day {
        self.at.us.div_euclid(DAY_US)
    }
}

impl Tally {
    /// Counts what an event says.
    #[inline(never)]
    pub(super) fn postfix(
        &mut self,
        record: &Record<'_>,
        author: Option<Author>,
        wall_us: i64,
        event: &Postfix<'_>,
        occurrence: Occurrence,
    ) {
        let origin = self.known.origin(author, record, &mut self.symbols);
        if occurrence == Occurrence::First {
            self.account(record, origin, wall_us, event.kind(), event.class());
        }
        let at = At {
            line: self.lines,
            us: wall_us,
        };
        let context = &Context::new(record, author, origin, at);
        if let Some(Daemon::Qmgr | Daemon::Master) = daemon(record, event) {
            self.instances.note(context.instance);
        }
        if self.wants_details {
            self.details(context, event);
        }
        match event {
            Postfix::Delivery(event) => self.delivery(context, event),
            Postfix::QmgrActive(_)
            | Postfix::QmgrRemoved(_)
            | Postfix::QmgrExpired(_)
            | Postfix::CleanupMessageId(_)
            | Postfix::CleanupRemoved(_)
            | Postfix::Pickup(_)
            | Postfix::Postsuper(_)
                if !self.wanted.mail => {}
            Postfix::QmgrActive(event) => self.qmgr_active(context, event),
            Postfix::QmgrRemoved(event) => self.removed(context, event.queue_id),
            Postfix::QmgrExpired(event) => self.expired(context, event.queue_id),
            Postfix::CleanupMessageId(event) => self.message_id(context, event),
            Postfix::CleanupRemoved(event) => {
                self.mail.instance(context.instance).canceled +=
                    u64::from(event.why == b"canceled");
                self.removed(context, event.queue_id);
            }
            Postfix::Pickup(event) => self.pickup(context, event),
            Postfix::SmtpdConnect(event) => self.connect(context, "smtpd", event.client.address),
            Postfix::SmtpdDisconnect(event) => self.disconnect(context, event),
            Postfix::SmtpdClient(event) => self.client(context, event),
            Postfix::SmtpConnectFailed(_) | Postfix::SmtpHostSkip(_) => {
                self.server_trouble(context, event);
            }
            Postfix::TlsConnection(event) => self.tls_connection(context, event),
            Postfix::TlsHandshakeError(event) if self.wanted.tls => self.handshake_error(event),
            Postfix::Postsuper(event) => self.postsuper(context, event),
            _ => self.refusals(context, event),
        }
    }
}

/// The daemon that logged, where the tag or the kind tells.
fn daemon(record: &Record<'_>, event: &Postfix<'_>) -> Option<Daemon> {
    match record.tag.program {
        Program::Postfix(daemon) => Some(daemon),
        _ => event.daemon(),
    }
}

/// The flow of mails.
impl Tally {
    /// The life that a line of this queue id belongs to.
    pub(super) fn life(&mut self, context: &Context<'_>, queue_id: &[u8], line: Line) -> &mut Life {
        let key = context.life(queue_id);
        let by_smtpd = matches!(line, Line::Origin | Line::Verdict);
        let life = self.lives.touch(key, line, context.at, self.windows);
        life.facts.note_instance(context.instance.prefix, by_smtpd);
        life
    }

    fn received(&mut self, context: &Context<'_>) {
        self.mail.instance(context.instance).received += 1;
        self.mail.traffic(context.at.us).received += 1;
    }

    fn client(&mut self, context: &Context<'_>, event: &smtpd::ClientLine<'_>) {
        if self.wanted.logins {
            self.smtp_login(event);
        }
        let Wanted { mail, tls, .. } = self.wanted;
        let scopes = self.wanted.scopes();
        if !(mail || scopes) {
            return;
        }
        let peer = self.symbols.intern(event.client.address);
        if scopes {
            self.handed_in(event, peer);
        }
        if !(mail || tls) {
            return;
        }
        self.received(context);
        let life_key = event.queue_id.map(|id| context.life(id));
        let process = context.process();
        let access = self.servers.mail(
            process,
            life_key,
            context.at.line,
            context.at.us,
            self.windows,
        );
        let Some(queue_id) = event.queue_id else {
            return;
        };
        let client = event.client;
        let before = event.orig_client.map(|client| client.address);
        let facts = ClientFacts {
            name: self.symbols.intern(client.name),
            peer,
            address: before.map_or(peer, |address| self.symbols.intern(address)),
            is_loopback: is_loopback(event.client.address),
        };
        let life = self.life(context, queue_id, Line::Origin);
        life.facts.note_client(facts, event);
        if let Some(access) = access {
            life.facts.note_access(access);
        }
    }

    /// Notes the client's end of a hop that may be between two of our own.
    fn handed_in(&mut self, event: &smtpd::ClientLine<'_>, address: Symbol) {
        let Some(queue_id) = event.queue_id else {
            return;
        };
        if !is_loopback(event.client.address) {
            self.hops.handed_in(address, queue_id, Way::Network);
            if event.orig_client.is_some() {
                self.hops.handed_in(address, queue_id, Way::Loopback);
            }
        }
    }

    fn pickup(&mut self, context: &Context<'_>, event: &pickup::Pickup<'_>) {
        self.received(context);
        let life = self.life(context, event.queue_id, Line::Origin);
        life.facts.note_pickup(event);
    }

    fn message_id(&mut self, context: &Context<'_>, event: &cleanup::MessageId<'_>) {
        let line = context.at.line;
        let life = self.life(context, event.queue_id, Line::MessageId);
        if !event.message_id.is_empty() && event.message_id != b"<>" {
            life.set_message_id(own::hash(event.message_id), line);
        }
    }

    fn qmgr_active(&mut self, context: &Context<'_>, event: &qmgr::Active<'_>) {
        let sender = self.symbols.intern(event.sender);
        let life = self.life(context, event.queue_id, Line::Other);
        life.facts.note_active(event, sender);
    }

    fn removed(&mut self, context: &Context<'_>, queue_id: &[u8]) {
        self.life(context, queue_id, Line::End);
    }

    fn expired(&mut self, context: &Context<'_>, queue_id: &[u8]) {
        self.mail.instance(context.instance).expired += 1;
        self.deliveries.expired += 1;
        self.life(context, queue_id, Line::Other).facts.expired = true;
    }

    fn postsuper(&mut self, context: &Context<'_>, event: &Postsuper<'_>) {
        let Some(queue_id) = event.queue_id else {
            return;
        };
        let line = Line::of_postsuper(event.action);
        let life = self.life(context, queue_id, line);
        life.facts.note_postsuper(event);
    }

    fn delivery(&mut self, context: &Context<'_>, event: &delivery::Delivery<'_>) {
        let Wanted {
            mail,
            deliveries,
            tls,
            ..
        } = self.wanted;
        let details = self.wanted.delivery_details();
        if !(mail || deliveries || tls || details || self.wanted.scopes()) {
            return;
        }
        let reply = event.reply();
        let status = Status::of(event.status);
        let relay = self.symbols.intern(event.relay.text);
        let recipient = self.symbols.intern(event.recipient);
        let domain = self.domain(recipient, event.recipient);
        let symbols = &mut self.symbols;
        let facts = self.relays.of(relay, || RelayFacts::of(event, symbols));
        self.deliveries.attempt(RelayKey {
            relay,
            domain,
            family: facts.family,
            status: self.known.status(status, event.status, symbols),
            reply_class: reply_class(reply.code, None),
            // Mail that was taken was refused at no stage.
            stage: reply
                .stage
                .filter(|_| reply.class() != Some(2))
                .and_then(Stage::contract_name)
                .map(Word),
            probe: status == Status::Other && is_probe(event.status),
        });
        let is_sent = status == Status::Sent;
        if facts.is_outbound() && tls {
            self.outbound_delivery(context, event, is_sent, (relay, domain));
        }
        let forwarded = is_sent && reply.forwarded_as.is_some();
        if is_sent && !forwarded {
            self.deliveries
                .delivered(context.instance, relay, recipient);
            if let Some(next) = reply.queued_as {
                self.queued_as(context, event.queue_id, next, facts);
            }
        }
        if mail {
            self.count_delivery(context, event.queue_id, status, forwarded);
        }
        if details {
            let attempt = Attempt {
                event,
                reply: &reply,
                recipient,
                domain,
                is_outbound: facts.is_outbound(),
                is_delivered: is_sent && !forwarded,
                delay_us: match self.wanted.delivery_times() {
                    true => event.delay().micros,
                    false => 0,
                },
            };
            self.delivery_details(context, &attempt);
        }
    }

    fn count_delivery(
        &mut self,
        context: &Context<'_>,
        queue_id: &[u8],
        status: Status,
        forwarded: bool,
    ) {
        let key = context.life(queue_id);
        let life = self.lives.touch(key, Line::Other, context.at, self.windows);
        let facts = &mut life.facts;
        facts.note_instance(context.instance.prefix, false);
        facts.note_delivery(status, forwarded);
        let totals = self.mail.instance(context.instance);
        match status {
            Status::Sent if forwarded => totals.forwarded += 1,
            Status::Sent => {
                totals.delivered += 1;
                self.mail.traffic(context.at.us).delivered += 1;
            }
            Status::Deferred => {
                totals.deferrals += 1;
                self.mail.traffic(context.at.us).deferrals += 1;
            }
            Status::Bounced => {
                totals.bounced += 1;
                self.mail.traffic(context.at.us).bounced += 1;
            }
            Status::Other => {}
        }
    }

    /// A recipient was handed over to the next hop under this id.
    fn queued_as(&mut self, context: &Context<'_>, own_id: &[u8], next: &[u8], relay: RelayFacts) {
        if next != own_id && self.wanted.mail {
            let key = context.life(next);
            self.lives
                .name(key, context.at.line, self.anchored, self.windows);
        }
        if let Some((address, way)) = relay.server
            && self.wanted.scopes()
        {
            self.hops.handed_to(address, next, way);
        }
    }
}

impl Tally {
    /// The domain of a recipient, as a symbol.
    fn domain(&mut self, recipient: Symbol, address: &[u8]) -> Symbol {
        let symbols = &mut self.symbols;
        self.domains
            .of(recipient, || symbols.intern(recipient_domain(address)))
    }
}

/// The domain of a recipient; a bare word is its own.
pub(crate) fn recipient_domain(recipient: &[u8]) -> &[u8] {
    match memchr::memrchr(b'@', recipient) {
        Some(at) => recipient.get(at + 1..).unwrap_or(recipient),
        None => recipient,
    }
}

fn is_probe(status: &[u8]) -> bool {
    status.ends_with(b"deliverable") || status == b"undeliverable-but-not-cached"
}

/// Sessions and TLS.
impl Tally {
    pub(super) fn connect(&mut self, context: &Context<'_>, daemon: &'static str, address: &[u8]) {
        if self.wanted.clients {
            let address = self.symbols.intern(address);
            self.clients.connect(context.service(), daemon, address);
        }
        if daemon == "smtpd" && (self.wanted.tls || self.wanted.mail) {
            let process = context.process();
            self.servers.connect(process, context.at.us);
        }
    }

    fn disconnect(&mut self, context: &Context<'_>, event: &smtpd::Disconnect<'_>) {
        if !(self.wanted.tls || self.wanted.mail) {
            return;
        }
        let (starttls, sent_mail) = event.counters.starttls_and_mail();
        let closing = Closing {
            instance: context.instance,
            day: context.day(),
            seen_encrypted: starttls || is_wrapper(context.record.tag.service()),
            sent_mail,
        };
        let process = context.process();
        self.servers
            .disconnect(process, closing, self.anchored, &mut self.tls);
    }

    fn tls_connection(&mut self, context: &Context<'_>, event: &tls::Connection<'_>) {
        if !self.wanted.tls {
            return;
        }
        let terms = Terms {
            trust: Word(event.trust.map_or("unstated", tls::Trust::name)),
            protocol: self.symbols.intern(event.protocol),
            cipher: self.symbols.intern(event.cipher),
        };
        let (instance, day) = (context.instance, context.day());
        let process = context.process();
        match (
            event.direction,
            daemon(context.record, &Postfix::TlsConnection(*event)),
        ) {
            (tls::Direction::Inbound, by) => {
                let address = self.symbols.intern(event.peer.address);
                self.tls.inbound(
                    InboundKey {
                        instance,
                        address,
                        terms,
                    },
                    day,
                );
                if by != Some(Daemon::Tlsproxy) {
                    self.servers.tls(process, context.at.us);
                }
            }
            // With connection reuse tlsproxy logs smtp's handshake a second time.
            (tls::Direction::Outbound, Some(Daemon::Tlsproxy)) => {}
            (tls::Direction::Outbound, _) => {
                let peer = self.symbols.intern(event.peer.text);
                let key = OutboundKey {
                    instance,
                    peer,
                    family: Word(family(event.peer.address).name()),
                    terms,
                };
                self.tls.logs_tls(Direction::Outbound, instance, day);
                let kind = match (event.action, context.record.tag.program) {
                    (tls::Action::Reused, _) => Handshake::Reused,
                    (_, Program::PostfixCut) => Handshake::NewIfServed,
                    _ => Handshake::New,
                };
                self.connections
                    .tls(process, key, kind, context.at.us, &mut self.tls);
            }
        }
    }

    fn outbound_delivery(
        &mut self,
        context: &Context<'_>,
        event: &delivery::Delivery<'_>,
        is_sent: bool,
        (relay, domain): (Symbol, Symbol),
    ) {
        let level = event.tls();
        if let Some(level) = level {
            let level = self.symbols.intern(level);
            self.tls.level(level, domain, is_sent);
        }
        let stated = match level {
            Some(level) if level == b"none" || level.ends_with(b":none") => Encryption::Plain,
            // A question mark: the connection was lost before TLS was decided.
            Some(level) if level.ends_with(b"?") => Encryption::Unknown,
            Some(_) => Encryption::Seen,
            // A connection taken over from another process: its TLS line names that one.
            None if event.conn_use().is_some() => Encryption::Unknown,
            None => Encryption::NoLine,
        };
        let handover = Handover {
            instance: context.instance,
            day: context.day(),
            relay: Some(relay),
            domain: Some(domain),
            stated,
            // Whether mail that was not taken would have been encrypted is nobody's question.
            counts: is_sent,
        };
        let process = context.process();
        self.connections
            .delivery(process, handover, self.anchored, &mut self.tls);
    }
}

/// Failed handshakes.
impl Tally {
    fn handshake_error(&mut self, event: &tls::HandshakeError<'_>) {
        let direction = match event.direction {
            tls::Direction::Inbound => Direction::Inbound,
            tls::Direction::Outbound => Direction::Outbound,
        };
        // Up to 2.8 the library's code is all that is logged.
        let reason = event.reason.unwrap_or(b"unstated");
        let reason = self.symbols.intern(reason);
        self.tls.failure(direction, reason);
    }
}

/// A server that was tried and did not take the mail; another one may follow.
impl Tally {
    #[cold]
    fn server_trouble(&mut self, context: &Context<'_>, event: &Postfix<'_>) {
        match event {
            Postfix::SmtpConnectFailed(event) if self.wanted.servers => self.connect_failed(event),
            Postfix::SmtpHostSkip(event) => {
                if self.wanted.servers && !self.wanted.unreached_alone {
                    self.host_skipped(event);
                }
                if self.wanted.tls {
                    self.host_skip(context);
                }
            }
            _ => {}
        }
    }

    fn host_skip(&mut self, context: &Context<'_>) {
        let handover = Handover {
            instance: context.instance,
            day: context.day(),
            relay: None,
            domain: None,
            stated: Encryption::Unknown,
            counts: false,
        };
        let process = context.process();
        self.connections
            .delivery(process, handover, self.anchored, &mut self.tls);
    }
}

/// Tells whether a service speaks TLS from the first byte.
fn is_wrapper(service: Option<&[u8]>) -> bool {
    matches!(service, Some(b"smtps" | b"submissions" | b"465"))
}

//! What the sections beyond the totals count: one file for each topic.
//!
//! Each topic is counted only where [`Wanted`](super::Wanted) asks for it. A topic that needs the
//! lines of one mail together lives on the mail's [`Facts`](super::mail::Facts); all others are
//! plain adding.

pub(crate) mod behind;
pub(crate) mod broken;
pub(crate) mod delays;
pub(crate) mod exporter;
pub(crate) mod failures;
pub(crate) mod greylist;
pub(crate) mod mailboxes;
pub(crate) mod mails;
pub(crate) mod refused;
pub(crate) mod sampled;
pub(crate) mod screening;
pub(crate) mod stays;
pub(crate) mod story;
pub(crate) mod triplets;
pub(crate) mod verdicts;
pub(crate) mod volume;
pub(crate) mod warnings;

use std::collections::BTreeMap;

use mailtally_parsers::Record;
use mailtally_parsers::dovecot::Event as Dovecot;
use mailtally_parsers::postfix::reply::Reply;
use mailtally_parsers::postfix::rule::Class;
use mailtally_parsers::postfix::{Client, Event as Postfix, delivery};
use schemars::JsonSchema;
use serde::Serialize;

use self::behind::{Behind, BehindTotals, Parties};
use self::broken::{Broken, BrokenTotals};
use self::delays::{DelayRow, Delays};
use self::exporter::{Exporter, ExporterTotals};
use self::failures::{FailureTotals, Failures, Outcome};
use self::greylist::{Greylist, GreylistTotals};
use self::mailboxes::{MailboxTotals, Mailboxes};
use self::mails::{MailLists, Mails};
use self::refused::{Refusal, Refused, RefusedRow};
use self::screening::{Screening, ScreeningTotals};
use self::stays::{StayTotals, Stays};
use self::story::{Story, Trouble};
use self::verdicts::{VerdictRow, Verdicts};
use self::volume::{Volume, VolumeTotals};
use self::warnings::{WarningRow, Warnings};
use super::absorb::Context;
use super::counts::Counts;
use super::lives::Settled;
use super::mail::{is_named, normalize, write_client_domain};
use super::origin::Resolver;
use super::queue::QueueTotals;
use super::symbols::{Derived, Renumbering, Symbol, Symbols};
use super::tls::{LevelRow, PlaintextRow, WeakRow};
use super::{HOUR_US, Tally, Wanted};

/// The topics' counters.
#[derive(Clone, Default)]
pub(crate) struct Details {
    pub(crate) failures: Failures,
    pub(crate) volume: Volume,
    pub(crate) mails: Mails,
    pub(crate) delays: Delays,
    pub(crate) refused: Refused,
    pub(crate) behind: Behind,
    pub(crate) warnings: Warnings,
    pub(crate) stays: Stays,
    pub(crate) broken: Broken,
    pub(crate) screening: Screening,
    pub(crate) greylist: Greylist,
    pub(crate) mailboxes: Mailboxes,
    pub(crate) verdicts: Verdicts,
    pub(crate) exporter: Exporter,
    /// Mails with a recipient delivered, by sender as logged.
    delivered_senders: Counts<Symbol>,
    /// The networks of addresses.
    networks: Derived<Symbol>,
    /// The stamp of the line that is being counted, in whole seconds.
    at_us: i64,
    /// Both ends of the transaction that the refusal at hand is about, where somebody asks.
    parties: Parties,
    /// What pflogsumm files clients under, by their names.
    filed: Derived<Symbol>,
    scratch: Vec<u8>,
}

/// What the topics found; empty where a topic was not asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct DetailTotals {
    /// Deliveries that failed.
    pub failures: FailureTotals,
    /// Mails and bytes by address and domain.
    pub volume: VolumeTotals,
    /// Single mails.
    pub mails: MailLists,
    /// Delays, stage by stage.
    pub delays: Vec<DelayRow>,
    /// Refusals by rule and stage, hour by hour.
    pub refused: Vec<RefusedRow>,
    /// Who stands behind refusals.
    pub behind: BehindTotals,
    /// What asks for attention.
    pub warnings: Vec<WarningRow>,
    /// How long clients stayed with smtpd.
    pub stays: StayTotals,
    /// Sessions with smtpd that broke off, and failed handshakes.
    pub broken: BrokenTotals,
    /// What postscreen did, and blocklists said.
    pub screening: ScreeningTotals,
    /// How greylisting went.
    pub greylist: GreylistTotals,
    /// What Dovecot's mail processes did.
    pub mailboxes: MailboxTotals,
    /// What milters, policy services and filters decided.
    pub verdicts: Vec<VerdictRow>,
    /// Mails with a recipient delivered, by sender; `mailtally rules` asks for them.
    pub delivered_senders: BTreeMap<String, u64>,
    /// TLS sessions with an old protocol or a weak cipher.
    pub weak_tls: Vec<WeakRow>,
    /// Deliveries that the log proves to be plaintext.
    pub plaintext: Vec<PlaintextRow>,
    /// Deliveries by the TLS level that their lines state.
    pub tls_levels: Vec<LevelRow>,
    /// What postfix_exporter counts, by its names.
    #[serde(skip)]
    pub exporter: ExporterTotals,
    /// The mail queue, where it was given beside the logs.
    pub queue: Option<QueueTotals>,
}

impl Details {
    /// Adds a later part, whose lines follow the `lines` lines of this one.
    pub(crate) fn merge(
        &mut self,
        later: Details,
        lines: u64,
        numbers: &Renumbering,
        anchored: bool,
    ) {
        self.failures.merge(later.failures, numbers);
        self.volume.merge(later.volume, numbers);
        self.mails.merge(later.mails, lines, numbers);
        self.delays.merge(&later.delays);
        self.refused.merge(later.refused, numbers);
        self.behind.merge(later.behind, numbers);
        self.warnings.merge(later.warnings, numbers);
        self.stays.merge(later.stays, numbers, anchored);
        self.broken.merge(later.broken, numbers);
        self.screening.merge(later.screening, numbers);
        self.greylist
            .merge(later.greylist, lines, numbers, anchored);
        self.mailboxes.merge(later.mailboxes, numbers);
        self.verdicts.merge(later.verdicts, numbers);
        self.exporter.merge(later.exporter, numbers);
        self.delivered_senders
            .merge(later.delivered_senders, numbers);
    }

    /// Adds a mail of which no further line can change anything.
    pub(crate) fn settle(
        &mut self,
        settled: &Settled<'_>,
        wanted: Wanted,
        symbols: &mut Symbols,
        anchored: bool,
    ) {
        let facts = settled.facts;
        self.volume
            .settle(settled.unsized_recipients, facts.size_bytes);
        if wanted.mails {
            self.mails.settle(settled);
        }
        if wanted.greylist {
            self.accepted(settled, symbols, anchored);
        }
        if facts.expired && wanted.failures {
            self.failures.expired(facts.last_deferral);
        }
        if let Some(sender) = facts.sender
            && facts.sent > 0
            && wanted.delivered_senders
        {
            self.delivered_senders.add(sender, 1);
        }
    }

    /// Joins a mail that was accepted with the refusals that came before it.
    fn accepted(&mut self, settled: &Settled<'_>, symbols: &mut Symbols, anchored: bool) {
        let facts = settled.facts;
        let is_first_hop = settled.birth_seen && !settled.is_later_hop;
        let (Some(client), Some(sender), Some(story)) = (facts.client, facts.sender, settled.story)
        else {
            return;
        };
        if !is_first_hop {
            return;
        }
        let network = self.network(client.address, symbols);
        // Nothing precedes it, so that a refusal before this mail would be known.
        if anchored && !self.greylist.was_refused(network) {
            return;
        }
        let (network, sender) = (symbols.get(network), symbols.get(sender));
        let at = (settled.first.line, whole_second(settled.first.us));
        let mut recipients = story.asked_for.clone();
        recipients.sort_unstable();
        recipients.dedup();
        for recipient in recipients {
            let recipient = symbols.get(recipient);
            self.greylist
                .triplets
                .mail(network, sender, recipient, at, anchored);
        }
    }

    /// The network of an address.
    fn network(&mut self, address: Symbol, symbols: &mut Symbols) -> Symbol {
        let Details {
            networks, scratch, ..
        } = self;
        networks.of(address, || {
            scratch.clear();
            greylist::write_network(symbols.get(address), scratch);
            symbols.intern(scratch)
        })
    }

    /// What a client is filed under: a domain, or its address.
    fn filed(&mut self, client: &Client<'_>, symbols: &mut Symbols) -> Symbol {
        if !is_named(client.name) {
            return symbols.intern(client.address);
        }
        let name = symbols.intern(client.name);
        let scratch = &mut self.scratch;
        self.filed.of(name, || {
            write_client_domain(client.name, client.address, scratch);
            symbols.intern(scratch)
        })
    }
}

/// A stamp without its fraction: spans of time must be the same for all formats of one log, and
/// RFC 3164 has no more.
fn whole_second(us: i64) -> i64 {
    us - us.rem_euclid(1_000_000)
}

/// A delivery line, with what was already read of it.
#[derive(Clone, Copy)]
pub(crate) struct Attempt<'a> {
    pub(crate) event: &'a delivery::Delivery<'a>,
    pub(crate) reply: &'a Reply<'a>,
    pub(crate) recipient: Symbol,
    pub(crate) domain: Symbol,
    pub(crate) is_outbound: bool,
    /// Delivered, and not only forwarded.
    pub(crate) is_delivered: bool,
    /// The whole delay, where [`Wanted`] says that somebody asks for it; else 0.
    pub(crate) delay_us: u64,
}

impl Tally {
    /// Counts what the topics want of a delivery line.
    pub(super) fn delivery_details(&mut self, context: &Context<'_>, attempt: &Attempt<'_>) {
        let Wanted {
            failures,
            volume,
            mails,
            delays,
            greylist,
            ..
        } = self.wanted;
        if delays && attempt.is_delivered {
            self.details.delays.add(attempt);
        }
        if volume {
            self.delivery_volume(context, attempt);
        }
        if failures || mails {
            self.failed_delivery(context, attempt);
        }
        if mails || greylist {
            self.named_delivery(context, attempt);
        }
    }

    /// Counts what the topics want of any other line of Postfix.
    pub(super) fn details(&mut self, context: &Context<'_>, event: &Postfix<'_>) {
        let wanted = self.wanted;
        self.details.at_us = whole_second(context.at.us);
        if wanted.warnings {
            self.details
                .warnings
                .postfix(context.record, context.at.us, event);
        }
        if wanted.stays {
            self.stay(context, event);
            self.details.broken.line(event, &mut self.symbols);
        }
        if wanted.screening {
            self.details.screening.line(event, &mut self.symbols);
        }
        if wanted.greylist {
            self.came_back(event);
        }
        if wanted.exporter {
            let exporter = &mut self.details.exporter;
            exporter.postfix(context.record, event, &mut self.symbols);
        }
    }

    /// Counts what the topics want of a line of Dovecot.
    pub(super) fn dovecot_details(
        &mut self,
        record: &Record<'_>,
        wall_us: i64,
        event: &Dovecot<'_>,
    ) {
        if self.wanted.warnings {
            self.details.warnings.dovecot(record, wall_us, event);
        }
        if self.wanted.mailboxes {
            self.details.mailboxes.line(event, &mut self.symbols);
        }
    }

    /// Counts what the topics want of a refusal, whichever line it stands in.
    pub(super) fn refusal_details(
        &mut self,
        refusal: Refusal,
        client: Option<Client<'_>>,
        class: Class<'_>,
    ) {
        let at_us = self.details.at_us;
        if self.wanted.refused {
            let hour = at_us.div_euclid(HOUR_US);
            self.details.refused.add(refusal, hour);
        }
        if self.wanted.behind {
            let Details {
                behind, parties, ..
            } = &mut self.details;
            behind.add(&refusal, parties);
        }
        if self.wanted.greylist
            && class.name == "greylist"
            && refusal.action == "reject"
            && let Some(client) = client
        {
            let network = self.network(client.address);
            self.details.greylist.refused(network, at_us);
            self.refused_triplet(network);
        }
        if self.wanted.screening
            && class.name == "dnsbl"
            && refusal.action == "reject"
            && let Some(client) = client
        {
            let screening = &mut self.details.screening;
            screening.blocked(client, class.detail, &mut self.symbols);
        }
    }

    fn refused_triplet(&mut self, network: Symbol) {
        let at = (self.lines, self.details.at_us);
        let (network, details) = (self.symbols.get(network), &mut self.details);
        if let Some((sender, recipient)) = details.parties.envelope() {
            let triplets = &mut details.greylist.triplets;
            triplets.refused(network, sender, recipient, at);
        }
    }

    fn network(&mut self, address: &[u8]) -> Symbol {
        let address = self.symbols.intern(address);
        self.details.network(address, &mut self.symbols)
    }

    fn came_back(&mut self, event: &Postfix<'_>) {
        let Postfix::SmtpdClient(event) = event else {
            return;
        };
        if event.queue_id.is_none() {
            return;
        }
        let orig = event.orig_client.as_ref().map(|client| client.address);
        let network = self.network(orig.unwrap_or(event.client.address));
        let at_us = self.details.at_us;
        self.details.greylist.mail(network, at_us, self.anchored);
    }

    fn stay(&mut self, context: &Context<'_>, event: &Postfix<'_>) {
        let (process, us) = (context.process(), self.details.at_us);
        match event {
            Postfix::SmtpdConnect(_) => self.details.stays.connect(process, us),
            Postfix::SmtpdDisconnect(event) => {
                let client = self.details.filed(&event.client, &mut self.symbols);
                self.details
                    .stays
                    .disconnect(process, us, client, self.anchored);
            }
            _ => {}
        }
    }

    fn delivery_volume(&mut self, context: &Context<'_>, attempt: &Attempt<'_>) {
        self.details.volume.attempt(attempt);
        if !attempt.is_delivered {
            return;
        }
        let key = context.life(attempt.event.queue_id);
        let Some(life) = self.lives.current(key) else {
            return;
        };
        match life.facts.size_bytes {
            Some(size) => self.details.volume.delivered(attempt.recipient, size),
            // The line that states it may stand in an earlier part.
            None => life.unsized_recipients.push(attempt.recipient),
        }
    }

    fn failed_delivery(&mut self, context: &Context<'_>, attempt: &Attempt<'_>) {
        let outcome = match attempt.event.status {
            b"deferred" => Outcome::Deferred,
            b"bounced" => Outcome::Bounced,
            _ => return,
        };
        let Some(class) = attempt.event.reason_class(attempt.reply) else {
            return;
        };
        let reason = self.class_symbol(class.name, class.detail);
        let dsn = self.symbols.intern(attempt.event.dsn().unwrap_or(b""));
        if self.wanted.failures {
            self.failed_for(context, attempt, outcome, reason, dsn);
        }
        if self.wanted.mails {
            let trouble = Trouble::new(attempt.recipient, reason, dsn, attempt.event.reason);
            match (self.story(context, attempt), outcome) {
                (Some(story), Outcome::Deferred) => story.deferred(trouble),
                (Some(story), Outcome::Bounced) => story.bounced(trouble),
                (None, _) => {}
            }
        }
    }

    fn failed_for(
        &mut self,
        context: &Context<'_>,
        attempt: &Attempt<'_>,
        outcome: Outcome,
        reason: Symbol,
        dsn: Symbol,
    ) {
        let key = failures::Reason {
            outcome,
            reason,
            dsn,
        };
        let (domain, text) = (attempt.domain, attempt.event.reason);
        self.details
            .failures
            .attempt(key, domain, context.at.us, text);
        if outcome == Outcome::Deferred
            && let Some(life) = self.lives.current(context.life(attempt.event.queue_id))
        {
            life.facts.last_deferral = Some((reason, domain));
        }
    }

    fn named_delivery(&mut self, context: &Context<'_>, attempt: &Attempt<'_>) {
        let Wanted {
            mails, greylist, ..
        } = self.wanted;
        let asked_for = match attempt.event.orig_to {
            Some(orig_to) if greylist => self.symbols.intern(orig_to),
            _ => attempt.recipient,
        };
        let Some(story) = self.story(context, attempt) else {
            return;
        };
        if greylist {
            story.ask_for(asked_for);
        }
        if !mails {
            return;
        }
        story.names.add(attempt.recipient);
        if attempt.is_delivered {
            story.delivered(attempt.delay_us, attempt.recipient);
        }
    }

    /// What was told of the mail that a delivery line is about.
    fn story(&mut self, context: &Context<'_>, attempt: &Attempt<'_>) -> Option<&mut Story> {
        let life = self.lives.current(context.life(attempt.event.queue_id))?;
        Some(life.story.get_or_insert_default())
    }

    /// The symbol of a class with its detail: `dnsbl:zen.example`.
    pub(super) fn class_symbol(&mut self, name: &str, detail: Option<&[u8]>) -> Symbol {
        match detail {
            None => self.symbols.intern(name.as_bytes()),
            Some(detail) => self
                .symbols
                .intern(&[name.as_bytes(), b":", detail].concat()),
        }
    }

    /// Reads who a refusal is about; [`Tally::refusal_details`] follows.
    pub(super) fn read_parties(&mut self, event: &Postfix<'_>) {
        if self.wanted.parties() {
            self.details.parties.read(event);
        }
    }

    fn behind_totals(&self) -> BehindTotals {
        if !self.wanted.behind {
            return BehindTotals::default();
        }
        self.details.behind.finish(&self.symbols)
    }

    /// Who sent and received how much: from what the totals count anyway, so it is asked here whether
    /// somebody wants to know.
    fn volume_totals(&self) -> VolumeTotals {
        if !self.wanted.volume {
            return VolumeTotals::default();
        }
        self.details.volume.finish(
            &self.symbols,
            &self.mail.senders.volume(),
            &self.deliveries.recipient_counts(),
        )
    }

    /// Mails with a recipient delivered, by sender; capitals in a domain make no other one.
    fn delivered_senders(&self) -> BTreeMap<String, u64> {
        let mut senders = BTreeMap::new();
        let mut normal = Vec::new();
        for (&sender, count) in self.details.delivered_senders.iter() {
            normalize(self.symbols.get(sender), &mut normal);
            let name = String::from_utf8_lossy(&normal).into_owned();
            *senders.entry(name).or_insert(0) += count;
        }
        senders
    }

    /// What the topics found.
    pub(super) fn detail_totals(&self, instances: &Resolver<'_>) -> DetailTotals {
        let symbols: &Symbols = &self.symbols;
        let details = &self.details;
        DetailTotals {
            failures: details.failures.finish(symbols),
            volume: self.volume_totals(),
            mails: details.mails.finish(symbols),
            delays: details.delays.finish(),
            refused: details.refused.finish(symbols),
            behind: self.behind_totals(),
            warnings: details.warnings.finish(),
            stays: details.stays.finish(symbols),
            broken: details.broken.finish(symbols),
            screening: details.screening.finish(symbols, &self.clients.accepted),
            greylist: details.greylist.finish(symbols),
            mailboxes: details.mailboxes.finish(symbols),
            verdicts: details.verdicts.finish(symbols),
            exporter: details.exporter.finish(symbols),
            delivered_senders: self.delivered_senders(),
            weak_tls: self.tls.weak_rows(symbols),
            plaintext: self.tls.plaintext_rows(symbols, instances),
            tls_levels: self.tls.level_rows(symbols),
            queue: None,
        }
    }
}

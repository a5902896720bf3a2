//! What the sections beyond the totals count: one file for each topic.
//!
//! Each topic is counted only where [`Wanted`](super::Wanted) asks for it. A topic that needs the
//! lines of one mail together lives on the mail's [`Facts`](super::mail::Facts); all others are
//! plain adding.

pub(crate) mod delays;
pub(crate) mod failures;
pub(crate) mod volume;

use mailtally_parsers::postfix::reply::Reply;
use mailtally_parsers::postfix::{Event as Postfix, delivery};
use serde::Serialize;

use self::delays::{DelayRow, Delays};
use self::failures::{FailureTotals, Failures, Outcome};
use self::volume::{Volume, VolumeTotals};
use super::absorb::Context;
use super::lives::Settled;
use super::symbols::{Renumbering, Symbol, Symbols};
use super::{Tally, Wanted};

/// The topics' counters.
#[derive(Clone, Default)]
pub(crate) struct Details {
    pub(crate) failures: Failures,
    pub(crate) volume: Volume,
    pub(crate) delays: Delays,
}

/// What the topics found; empty where a topic was not asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct DetailTotals {
    /// Deliveries that failed.
    pub failures: FailureTotals,
    /// Mails and bytes by address and domain.
    pub volume: VolumeTotals,
    /// Delays, stage by stage.
    pub delays: Vec<DelayRow>,
}

impl Details {
    pub(crate) fn merge(&mut self, later: Details, numbers: &Renumbering) {
        self.failures.merge(later.failures, numbers);
        self.volume.merge(later.volume, numbers);
        self.delays.merge(&later.delays);
    }

    /// Adds a mail of which no further line can change anything.
    pub(crate) fn settle(&mut self, settled: &Settled) {
        let facts = &settled.facts;
        self.volume
            .settle(&settled.unsized_recipients, facts.size_bytes);
        if facts.expired {
            self.failures.expired(facts.last_deferral);
        }
    }
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
}

impl Tally {
    /// Counts what the topics want of a delivery line.
    pub(super) fn delivery_details(&mut self, context: &Context<'_>, attempt: &Attempt<'_>) {
        let Wanted {
            failures,
            volume,
            delays,
            ..
        } = self.wanted;
        if delays && attempt.is_delivered {
            self.details.delays.add(attempt);
        }
        if volume {
            self.delivery_volume(context, attempt);
        }
        if failures {
            self.failed_delivery(context, attempt);
        }
    }

    /// Counts what the topics want of any other line of Postfix.
    pub(super) fn details(&mut self, context: &Context<'_>, event: &Postfix<'_>) {
        if self.wanted.failures {
            match event {
                Postfix::SmtpConnectFailed(event) => self.connect_failed(event),
                Postfix::SmtpHostSkip(event) => self.host_skipped(event),
                _ => {}
            }
        }
        let _ = context;
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
        let dsn = self.symbols.intern(attempt.event.dsn.unwrap_or(b""));
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

    /// The symbol of a class with its detail: `dnsbl:zen.example`.
    pub(super) fn class_symbol(&mut self, name: &str, detail: Option<&[u8]>) -> Symbol {
        match detail {
            None => self.symbols.intern(name.as_bytes()),
            Some(detail) => self
                .symbols
                .intern(&[name.as_bytes(), b":", detail].concat()),
        }
    }

    /// What the topics found.
    pub(super) fn detail_totals(&self) -> DetailTotals {
        let symbols: &Symbols = &self.symbols;
        let details = &self.details;
        DetailTotals {
            failures: details.failures.finish(symbols),
            volume: details.volume.finish(
                symbols,
                &self.mail.sender_volume(),
                &self.deliveries.recipient_counts(),
            ),
            delays: details.delays.finish(),
        }
    }
}

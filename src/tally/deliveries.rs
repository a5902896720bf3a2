//! Delivery attempts: by relay and by recipient.

use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};
use mailtally_parsers::postfix::delivery::Delivery;
use mailtally_parsers::{Family, family, is_loopback};
use rustc_hash::FxBuildHasher;

use super::counts::Counts;
use super::distinct::{Distinct, Normal};
use super::finish;
use super::origin::{InstanceKey, Resolver};
use super::own::Way;
use super::symbols::{Renumber, Renumbering, Symbol, Symbols, Word, key, plain};
use super::totals::{DeliveryFamilyRow, DeliveryTotals, RecipientRow, RelayRow};

plain!(Family);

/// What the text of a relay tells.
#[derive(Clone, Copy)]
pub(crate) struct RelayFacts {
    pub(crate) family: Family,
    /// The server's address, which may be one of our own, and which way mail goes there.
    pub(crate) server: Option<(Symbol, Way)>,
}

impl RelayFacts {
    pub(crate) fn of(event: &Delivery<'_>, symbols: &mut Symbols) -> Self {
        let server = |address: &[u8]| {
            let way = match is_loopback(address) {
                true => Way::Loopback,
                false => Way::Network,
            };
            (symbols.intern(address), way)
        };
        let address = event.relay.address.filter(|address| !address.is_empty());
        RelayFacts {
            family: relay_family(event),
            server: address.map(server),
        }
    }

    /// Tells whether mail leaves over the network.
    pub(crate) fn is_outbound(&self) -> bool {
        is_outbound(self.family)
    }
}

fn is_outbound(family: Family) -> bool {
    matches!(family, Family::Ipv4 | Family::Ipv6)
}

/// The family of the peer that a delivery went to; services of our own are local.
pub(crate) fn relay_family(event: &Delivery<'_>) -> Family {
    match event.relay.address {
        Some(address) => family(address),
        None if event.relay.text == b"none" => Family::Unknown,
        None => Family::Local,
    }
}

/// What became of a delivery attempt, as far as totals go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    Sent,
    Deferred,
    Bounced,
    /// A probe's answer, or a word of a later Postfix.
    Other,
}

impl Status {
    /// Those with a place of their own.
    pub(crate) const NAMED: usize = 3;

    pub(crate) fn of(text: &[u8]) -> Status {
        match text {
            b"sent" => Status::Sent,
            b"deferred" => Status::Deferred,
            b"bounced" => Status::Bounced,
            _ => Status::Other,
        }
    }
}

key! {
    /// A delivery attempt, in the columns of the relay table.
    pub(crate) struct RelayKey found_by(relay, domain) {
        relay: Symbol,
        domain: Symbol,
        family: Family,
        status: Symbol,
        reply_class: Option<u8>,
        stage: Option<Word>,
        probe: bool,
    }
}

key! {
    struct RecipientKey found_by(recipient) { instance: InstanceKey, relay: Symbol, recipient: Symbol }
}

/// The relays of which rows are made.
pub(crate) enum Shown<'a> {
    All,
    /// Those of the domains that one of these servers took mail for.
    Behind(HashSet<&'a [u8]>),
}

/// The host of a relay, as logged.
fn host(relay: &[u8]) -> &[u8] {
    let end = memchr::memchr(b'[', relay).unwrap_or(relay.len());
    relay.get(..end).unwrap_or(relay)
}

/// Counts delivery attempts.
#[derive(Clone, Default)]
pub(crate) struct Deliveries {
    relays: Counts<RelayKey>,
    recipients: Counts<RecipientKey>,
    /// Mails that qmgr returned because they were too old: a status without an attempt.
    pub(crate) expired: u64,
}

impl Deliveries {
    pub(crate) fn attempt(&mut self, key: RelayKey) {
        self.relays.add(key, 1);
    }

    pub(crate) fn delivered(&mut self, instance: InstanceKey, relay: Symbol, recipient: Symbol) {
        self.recipients.add(
            RecipientKey {
                instance,
                relay,
                recipient,
            },
            1,
        );
    }

    pub(crate) fn merge(&mut self, later: Deliveries, numbers: &Renumbering) {
        self.relays.merge(later.relays, numbers);
        self.recipients.merge(later.recipients, numbers);
        self.expired += later.expired;
    }

    /// Distinct recipients and their domains by instance: pflogsumm's way of telling them apart.
    pub(crate) fn distinct(&self, symbols: &Symbols, instances: &Resolver<'_>) -> Distinct {
        let mut distinct = Distinct::default();
        let mut names = Normal::new(symbols);
        for (key, _) in self.recipients.iter() {
            let instance = (key.instance.host, instances.instance(key.instance));
            let (address, domain) = names.of(key.recipient);
            distinct.add(instance, address, domain);
        }
        distinct
    }

    /// Deliveries by recipient as logged.
    pub(crate) fn recipient_counts(&self) -> HashMap<Symbol, u64> {
        let mut counts = HashMap::new();
        for (key, count) in self.recipients.iter() {
            *counts.entry(key.recipient).or_insert(0) += count;
        }
        counts
    }

    /// Makes rows; those by recipient only where `lists` are wanted.
    pub(crate) fn finish(
        &self,
        symbols: &Symbols,
        lists: bool,
        relays: &Shown<'_>,
    ) -> DeliveryTotals {
        let mut by_status: BTreeMap<String, u64> = BTreeMap::new();
        let mut families: HashMap<(Family, Symbol), u64, FxBuildHasher> = HashMap::default();
        for (key, count) in self.relays.iter() {
            *families.entry((key.family, key.status)).or_insert(0) += count;
        }
        for ((_, status), count) in &families {
            *by_status.entry(symbols.text(*status)).or_insert(0) += count;
        }
        if self.expired > 0 {
            by_status.insert("expired".to_owned(), self.expired);
        }
        let family_row = |((family, status), count): ((Family, Symbol), u64)| DeliveryFamilyRow {
            direction: match is_outbound(family) {
                true => "outbound",
                false => "local",
            },
            family: family.name(),
            status: symbols.text(status),
            count,
        };
        DeliveryTotals {
            by_status,
            by_family: finish::sorted(families.into_iter().map(family_row), |row| row.count),
            by_relay: self.relay_rows(symbols, relays),
            by_recipient: match lists {
                true => self.recipient_rows(symbols),
                false => Vec::new(),
            },
        }
    }

    fn relay_rows(&self, symbols: &Symbols, shown: &Shown<'_>) -> Vec<RelayRow> {
        let domains: HashSet<Symbol> = match shown {
            Shown::All => HashSet::new(),
            Shown::Behind(hosts) if hosts.is_empty() => return Vec::new(),
            Shown::Behind(hosts) => {
                let is_behind = |key: &RelayKey| hosts.contains(host(symbols.get(key.relay)));
                let rows = self.relays.iter().filter(|(key, _)| is_behind(key));
                rows.map(|(key, _)| key.domain).collect()
            }
        };
        let is_shown = |(key, _): &(&RelayKey, u64)| match shown {
            Shown::All => true,
            Shown::Behind(_) => domains.contains(&key.domain),
        };
        let row = |(key, count): (&RelayKey, u64)| RelayRow {
            relay: symbols.text(key.relay),
            domain: symbols.text(key.domain),
            family: key.family.name(),
            status: symbols.text(key.status),
            reply_class: key.reply_class,
            stage: key.stage.map(|stage| stage.0),
            probe: key.probe,
            count,
        };
        let rows = self.relays.iter().filter(is_shown);
        finish::sorted(rows.map(row), |row| row.count)
    }

    fn recipient_rows(&self, symbols: &Symbols) -> Vec<RecipientRow> {
        let mut sums: HashMap<(Symbol, Symbol), u64> = HashMap::new();
        for (key, count) in self.recipients.iter() {
            *sums.entry((key.relay, key.recipient)).or_insert(0) += count;
        }
        let row = |((relay, recipient), sent): ((Symbol, Symbol), u64)| RecipientRow {
            relay: symbols.text(relay),
            recipient: symbols.text(recipient),
            sent,
        };
        finish::sorted(sums.into_iter().map(row), |row| row.sent)
    }
}

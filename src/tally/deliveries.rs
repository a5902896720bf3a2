//! Delivery attempts: by relay and by recipient.

use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;

use super::counts::Counts;
use super::finish;
use super::mail::normalize;
use super::origin::{InstanceKey, Resolver};
use super::symbols::{Renumbering, Symbol, Symbols, Word, key};
use super::totals::{DeliveryFamilyRow, DeliveryTotals, RecipientRow, RelayRow};

key! {
    /// A delivery attempt, in the columns of the relay table.
    pub(crate) struct RelayKey {
        relay: Symbol,
        domain: Symbol,
        family: Word,
        outbound: bool,
        status: Symbol,
        reply_class: Option<u8>,
        stage: Option<Word>,
        probe: bool,
    }
}

key! {
    struct RecipientKey { instance: InstanceKey, relay: Symbol, recipient: Symbol }
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
        let mut address = Vec::new();
        for (key, _) in self.recipients.iter() {
            let instance = (key.instance.host, instances.instance(key.instance));
            let domain_at = normalize(symbols.get(key.recipient), &mut address);
            distinct.add(instance, &address, address.get(domain_at..).unwrap_or(&[]));
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
    pub(crate) fn finish(&self, symbols: &Symbols, lists: bool) -> DeliveryTotals {
        let mut by_status: BTreeMap<String, u64> = BTreeMap::new();
        let mut families: HashMap<(bool, Word, Symbol), u64> = HashMap::new();
        for (key, count) in self.relays.iter() {
            *by_status.entry(symbols.text(key.status)).or_insert(0) += count;
            *families
                .entry((key.outbound, key.family, key.status))
                .or_insert(0) += count;
        }
        if self.expired > 0 {
            by_status.insert("expired".to_owned(), self.expired);
        }
        let family_row =
            |((outbound, family, status), count): ((bool, Word, Symbol), u64)| DeliveryFamilyRow {
                direction: if outbound { "outbound" } else { "local" },
                family: family.0,
                status: symbols.text(status),
                count,
            };
        DeliveryTotals {
            by_status,
            by_family: finish::sorted(families.into_iter().map(family_row), |row| row.count),
            by_relay: self.relay_rows(symbols),
            by_recipient: match lists {
                true => self.recipient_rows(symbols),
                false => Vec::new(),
            },
        }
    }

    fn relay_rows(&self, symbols: &Symbols) -> Vec<RelayRow> {
        let row = |(key, count): (&RelayKey, u64)| RelayRow {
            relay: symbols.text(key.relay),
            domain: symbols.text(key.domain),
            family: key.family.0,
            status: symbols.text(key.status),
            reply_class: key.reply_class,
            stage: key.stage.map(|stage| stage.0),
            probe: key.probe,
            count,
        };
        finish::sorted(self.relays.iter().map(row), |row| row.count)
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

type Instance = (Symbol, Symbol);

/// Distinct texts, over all and by (host, instance).
#[derive(Default)]
struct Names {
    texts: Symbols,
    seen: HashSet<(Instance, Symbol), FxBuildHasher>,
    by_instance: HashMap<Instance, u64>,
}

impl Names {
    fn add(&mut self, instance: Instance, text: &[u8]) {
        let text = self.texts.intern(text);
        if self.seen.insert((instance, text)) {
            *self.by_instance.entry(instance).or_insert(0) += 1;
        }
    }

    fn of(&self, instance: Instance) -> u64 {
        self.by_instance.get(&instance).copied().unwrap_or(0)
    }
}

/// Distinct addresses and domains, over all and by (host, instance).
#[derive(Default)]
pub(crate) struct Distinct {
    addresses: Names,
    domains: Names,
}

impl Distinct {
    pub(crate) fn add(&mut self, instance: Instance, address: &[u8], domain: &[u8]) {
        self.addresses.add(instance, address);
        self.domains.add(instance, domain);
    }

    /// How many addresses and domains over all.
    pub(crate) fn all(&self) -> (u64, u64) {
        (
            self.addresses.texts.len() as u64,
            self.domains.texts.len() as u64,
        )
    }

    /// How many addresses and domains of one (host, instance).
    pub(crate) fn of(&self, instance: Instance) -> (u64, u64) {
        (self.addresses.of(instance), self.domains.of(instance))
    }
}

//! Delivery attempts: by relay and by recipient.

use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};

use super::counts::Counts;
use super::finish;
use super::mail::normalize;
use super::origin::{InstanceKey, Resolver};
use super::symbols::{Renumbering, Symbol, Symbols, key};
use super::totals::{DeliveryFamilyRow, DeliveryTotals, RecipientRow, RelayRow};

key! {
    /// A delivery attempt, in the columns of the relay table.
    pub(crate) struct RelayKey {
        relay: Symbol,
        domain: Symbol,
        family: &'static str,
        outbound: bool,
        status: Symbol,
        reply_class: Option<u8>,
        stage: Option<&'static str>,
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
        let mut families: HashMap<(bool, &'static str, Symbol), u64> = HashMap::new();
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
            |((outbound, family, status), count): ((bool, _, Symbol), u64)| DeliveryFamilyRow {
                direction: if outbound { "outbound" } else { "local" },
                family,
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
            family: key.family,
            status: symbols.text(key.status),
            reply_class: key.reply_class,
            stage: key.stage,
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

/// Distinct addresses and domains.
#[derive(Clone, Default)]
struct Names {
    addresses: HashSet<Vec<u8>>,
    domains: HashSet<Vec<u8>>,
}

impl Names {
    fn add(&mut self, address: &[u8], domain: &[u8]) {
        self.addresses.get_or_insert_with(address, <[u8]>::to_vec);
        self.domains.get_or_insert_with(domain, <[u8]>::to_vec);
    }

    /// How many addresses and domains.
    fn count(&self) -> (u64, u64) {
        (self.addresses.len() as u64, self.domains.len() as u64)
    }
}

/// Distinct addresses and domains, over all and by (host, instance).
#[derive(Default)]
pub(crate) struct Distinct(HashMap<Instance, Names>);

impl Distinct {
    pub(crate) fn add(&mut self, instance: Instance, address: &[u8], domain: &[u8]) {
        self.0.entry(instance).or_default().add(address, domain);
    }

    /// How many addresses and domains over all.
    pub(crate) fn all(&self) -> (u64, u64) {
        let mut instances = self.0.values();
        let Some(first) = instances.next() else {
            return (0, 0);
        };
        let Some(second) = instances.next() else {
            return first.count();
        };
        let mut all = first.clone();
        for names in std::iter::once(second).chain(instances) {
            for address in &names.addresses {
                all.addresses.get_or_insert_with(address, Vec::clone);
            }
            for domain in &names.domains {
                all.domains.get_or_insert_with(domain, Vec::clone);
            }
        }
        all.count()
    }

    /// How many addresses and domains of one (host, instance).
    pub(crate) fn of(&self, instance: Instance) -> (u64, u64) {
        self.0.get(&instance).map_or((0, 0), Names::count)
    }
}

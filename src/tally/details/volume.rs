//! Who sent and received how much: addresses and domains, mails and bytes.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use schemars::JsonSchema;
use serde::Serialize;

use super::super::counts::Counts;
use super::super::finish;
use super::super::mail::normalize;
use super::super::symbols::{Renumber, Renumbering, Symbol, Symbols};
use super::Attempt;

/// What became of the recipients of a domain.
#[derive(Clone, Copy, Default)]
struct Sums {
    delivered: u64,
    deferrals: u64,
    bounced: u64,
    /// Over delivered recipients.
    delay_us: u64,
    /// Over delivered and deferred ones, as pflogsumm has it.
    delay_max_us: u64,
}

impl Sums {
    fn add(&mut self, later: Sums) {
        self.delivered += later.delivered;
        self.deferrals += later.deferrals;
        self.bounced += later.bounced;
        self.delay_us = self.delay_us.saturating_add(later.delay_us);
        self.delay_max_us = self.delay_max_us.max(later.delay_max_us);
    }
}

/// Mails and bytes of one sender, with the domain that it is filed under.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Sent {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

/// Counts volumes.
#[derive(Clone, Default)]
pub(crate) struct Volume {
    domains: HashMap<Symbol, Sums, FxBuildHasher>,
    /// Bytes delivered, by recipient.
    recipient_bytes: Counts<Symbol>,
    /// Recipients delivered of mails whose size the log does not have.
    unsized_recipients: Counts<Symbol>,
    /// Mails of which it does not.
    unsized_mails: u64,
}

impl Volume {
    pub(crate) fn attempt(&mut self, attempt: &Attempt<'_>) {
        let sums = self.domains.entry(attempt.domain).or_default();
        let delay_us = attempt.delay_us;
        match attempt.event.status {
            _ if attempt.is_delivered => {
                sums.delivered += 1;
                sums.delay_us = sums.delay_us.saturating_add(delay_us);
            }
            b"deferred" => sums.deferrals += 1,
            b"bounced" => {
                sums.bounced += 1;
                return;
            }
            _ => return,
        }
        sums.delay_max_us = sums.delay_max_us.max(delay_us);
    }

    pub(crate) fn delivered(&mut self, recipient: Symbol, size_bytes: u64) {
        self.recipient_bytes.add(recipient, size_bytes);
    }

    /// Counts the deliveries of a settled mail that came before its size was known.
    pub(crate) fn settle(&mut self, recipients: &[Symbol], size_bytes: Option<u64>) {
        self.unsized_mails += u64::from(size_bytes.is_none() && !recipients.is_empty());
        for &recipient in recipients {
            match size_bytes {
                Some(size) => self.delivered(recipient, size),
                None => self.unsized_recipients.add(recipient, 1),
            }
        }
    }

    pub(crate) fn merge(&mut self, later: Volume, numbers: &Renumbering) {
        for (domain, sums) in later.domains {
            let ours = self.domains.entry(domain.renumber(numbers)).or_default();
            ours.add(sums);
        }
        self.recipient_bytes.merge(later.recipient_bytes, numbers);
        self.unsized_recipients
            .merge(later.unsized_recipients, numbers);
        self.unsized_mails += later.unsized_mails;
    }

    /// Puts rows together from what is counted here and what the totals count anyway: senders with
    /// their domains, and delivered recipients.
    pub(crate) fn finish(
        &self,
        symbols: &Symbols,
        senders: &HashMap<(Symbol, Symbol), Sent>,
        recipients: &HashMap<Symbol, u64>,
    ) -> VolumeTotals {
        let mut normal = Vec::new();
        let mut by_recipient: HashMap<Vec<u8>, Sent> = HashMap::new();
        let mut domain_bytes: HashMap<Vec<u8>, u64> = HashMap::new();
        for (&recipient, &count) in recipients {
            let domain_at = normalize(symbols.get(recipient), &mut normal);
            let bytes = self.recipient_bytes.get(&recipient);
            let domain = normal.get(domain_at..).unwrap_or(&normal);
            let of_domain = domain_bytes.entry(domain.to_ascii_lowercase()).or_insert(0);
            *of_domain = of_domain.saturating_add(bytes);
            let sent = by_recipient.entry(normal.clone()).or_default();
            sent.count += count;
            sent.bytes = sent.bytes.saturating_add(bytes);
        }
        let mut by_sender: HashMap<Vec<u8>, Sent> = HashMap::new();
        let mut by_domain: HashMap<Vec<u8>, Sent> = HashMap::new();
        for ((sender, domain), sent) in senders {
            for (all, key) in [(&mut by_sender, sender), (&mut by_domain, domain)] {
                let sum = all.entry(symbols.get(*key).to_vec()).or_default();
                sum.count += sent.count;
                sum.bytes = sum.bytes.saturating_add(sent.bytes);
            }
        }
        VolumeTotals {
            senders: volume_rows(by_sender),
            recipients: volume_rows(by_recipient),
            sending_domains: volume_rows(by_domain),
            recipient_domains: self.domain_rows(symbols, &domain_bytes),
            without_size: self.without_size(symbols),
        }
    }

    fn domain_rows(
        &self,
        symbols: &Symbols,
        domain_bytes: &HashMap<Vec<u8>, u64>,
    ) -> Vec<RecipientDomainRow> {
        let mut domains: HashMap<Vec<u8>, Sums> = HashMap::new();
        for (&domain, &sums) in &self.domains {
            let name = symbols.get(domain).to_ascii_lowercase();
            domains.entry(name).or_default().add(sums);
        }
        let row = |(domain, sums): (Vec<u8>, Sums)| RecipientDomainRow {
            bytes: domain_bytes.get(&domain).copied().unwrap_or(0),
            domain: String::from_utf8_lossy(&domain).into_owned(),
            delivered: sums.delivered,
            deferrals: sums.deferrals,
            bounced: sums.bounced,
            delay_avg_us: sums.delay_us.checked_div(sums.delivered).unwrap_or(0),
            delay_max_us: sums.delay_max_us,
        };
        let rows = domains
            .into_iter()
            .filter(|(_, sums)| sums.delivered + sums.deferrals + sums.bounced > 0);
        finish::sorted(rows.map(row), |row| row.delivered)
    }

    fn without_size(&self, symbols: &Symbols) -> WithoutSize {
        let mut recipients: BTreeMap<String, u64> = BTreeMap::new();
        for (&recipient, count) in self.unsized_recipients.iter() {
            *recipients.entry(symbols.text(recipient)).or_insert(0) += count;
        }
        let row = |(recipient, delivered)| WithoutSizeRow {
            recipient,
            delivered,
        };
        WithoutSize {
            mails: self.unsized_mails,
            recipients: finish::sorted(recipients.into_iter().map(row), |row| row.delivered),
        }
    }
}

fn volume_rows(sums: HashMap<Vec<u8>, Sent>) -> Vec<VolumeRow> {
    let row = |(name, sent): (Vec<u8>, Sent)| VolumeRow {
        name: String::from_utf8_lossy(&name).into_owned(),
        count: sent.count,
        bytes: sent.bytes,
    };
    finish::sorted(sums.into_iter().map(row), |row| row.count)
}

/// Who sent and received how much.
#[derive(Clone, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct VolumeTotals {
    /// Received mails by envelope sender; `from=<>` for bounces.
    pub senders: Vec<VolumeRow>,
    /// Delivered recipients.
    pub recipients: Vec<VolumeRow>,
    /// Received mails by the sender's domain, or the client's where the sender has none.
    pub sending_domains: Vec<VolumeRow>,
    /// Deliveries by recipient domain.
    pub recipient_domains: Vec<RecipientDomainRow>,
    /// Deliveries of mails whose size the log does not have.
    pub without_size: WithoutSize,
}

/// Mails and bytes of one address or domain.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct VolumeRow {
    /// The address or domain.
    pub name: String,
    /// How many mails.
    pub count: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// Deliveries to one recipient domain.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct RecipientDomainRow {
    /// The domain, lower-cased.
    pub domain: String,
    /// Recipients delivered.
    pub delivered: u64,
    /// Bytes delivered, once for each recipient.
    pub bytes: u64,
    /// Deferred attempts.
    pub deferrals: u64,
    /// Recipients bounced.
    pub bounced: u64,
    /// The average delay of delivered recipients, in microseconds.
    pub delay_avg_us: u64,
    /// The longest delay of delivered and deferred ones.
    pub delay_max_us: u64,
}

/// Deliveries of mails whose size the log does not have: they came in before it begins.
#[derive(Clone, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct WithoutSize {
    /// How many mails.
    pub mails: u64,
    /// Their recipients.
    pub recipients: Vec<WithoutSizeRow>,
}

/// Deliveries of such mails to one recipient.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct WithoutSizeRow {
    /// The recipient.
    pub recipient: String,
    /// How many deliveries.
    pub delivered: u64,
}

//! The mails in the queue at one moment: how many, how old, where to, and why they wait.

use std::collections::BTreeMap;

use mailtally_parsers::postfix::smtp;
use schemars::JsonSchema;
use serde::Serialize;

use super::buckets::Buckets;
use super::details::exporter::SIZES;
use super::finish;
use super::mail::normalize;

/// The ages that divide the queue, in minutes: those of qshape(1).
const AGES: [u64; 9] = [5, 10, 20, 40, 80, 160, 320, 640, 1_280];

/// Limits of ages in metrics, in seconds: those of postfix_exporter.
const AGES_SECS: [u64; 8] = [
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
];

/// A mail in the queue, as far as it is counted.
#[derive(Clone, Copy, Debug)]
pub struct Queued<'a> {
    /// `active`, `deferred`, `hold`, …
    pub queue: &'a str,
    /// Seconds since it came in.
    pub age_secs: u64,
    /// Its size.
    pub size_bytes: u64,
    /// The envelope sender; empty for bounces.
    pub sender: &'a str,
}

/// Mails, and the oldest of them.
#[derive(Clone, Debug, Default)]
struct Sums {
    mails: u64,
    recipients: u64,
    size_bytes: u64,
    oldest_secs: u64,
    by_age: [u64; AGES.len() + 1],
    sizes: Option<Buckets>,
    ages: Option<Buckets>,
}

impl Sums {
    fn add(&mut self, mail: &Queued<'_>, recipients: u64) {
        self.mails += 1;
        self.recipients += recipients;
        self.size_bytes = self.size_bytes.saturating_add(mail.size_bytes);
        self.oldest_secs = self.oldest_secs.max(mail.age_secs);
        let sizes = self.sizes.get_or_insert_with(|| Buckets::new(&SIZES));
        sizes.add(mail.size_bytes);
        let ages = self.ages.get_or_insert_with(|| Buckets::new(&AGES_SECS));
        ages.add(mail.age_secs);
        let age = AGES.iter().position(|&limit| mail.age_secs <= limit * 60);
        if let Some(count) = self.by_age.get_mut(age.unwrap_or(AGES.len())) {
            *count += 1;
        }
    }

    fn row(&self, name: String) -> QueueRow {
        QueueRow {
            name,
            mails: self.mails,
            recipients: self.recipients,
            size_bytes: self.size_bytes,
            oldest_secs: self.oldest_secs,
            by_age: self.by_age.to_vec(),
            sizes: self.sizes.clone().unwrap_or_default(),
            ages: self.ages.clone().unwrap_or_default(),
        }
    }
}

/// Counts the mails of a queue.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    queues: BTreeMap<String, Sums>,
    domains: BTreeMap<String, Sums>,
    senders: BTreeMap<String, Sums>,
    reasons: BTreeMap<String, (u64, String)>,
}

impl Queue {
    /// Counts a mail with its recipients: address, and why it was not delivered yet.
    pub fn add<'a>(
        &mut self,
        mail: &Queued<'_>,
        recipients: impl Iterator<Item = (&'a str, Option<&'a str>)>,
    ) {
        let mut by_domain: BTreeMap<String, u64> = BTreeMap::new();
        let mut count = 0;
        for (address, reason) in recipients {
            count += 1;
            *by_domain.entry(domain(address)).or_insert(0) += 1;
            if let Some(reason) = reason {
                let why = self
                    .reasons
                    .entry(class(reason))
                    .or_insert_with(|| (0, reason.to_owned()));
                why.0 += 1;
            }
        }
        for (domain, recipients) in by_domain {
            let sums = self.domains.entry(domain).or_default();
            sums.add(mail, recipients);
        }
        let queue = self.queues.entry(mail.queue.to_owned()).or_default();
        queue.add(mail, count);
        let sender = if mail.sender.is_empty() {
            "from=<>"
        } else {
            mail.sender
        };
        let sender = self.senders.entry(sender.to_owned()).or_default();
        sender.add(mail, count);
    }

    /// Says what was counted.
    pub fn finish(self) -> QueueTotals {
        let rows = |sums: BTreeMap<String, Sums>| {
            let rows = sums.into_iter().map(|(name, sums)| sums.row(name));
            finish::sorted(rows, |row| row.mails)
        };
        let reason = |(reason, (count, sample))| QueueReasonRow {
            reason,
            count,
            sample,
        };
        QueueTotals {
            queues: rows(self.queues),
            domains: rows(self.domains),
            senders: rows(self.senders),
            reasons: finish::sorted(self.reasons.into_iter().map(reason), |row| row.count),
        }
    }
}

/// The domain of an address, lower-cased; a bare word is its own.
fn domain(address: &str) -> String {
    let mut normal = Vec::new();
    let at = normalize(address.as_bytes(), &mut normal);
    let domain = normal.get(at..).unwrap_or(&normal);
    String::from_utf8_lossy(domain).to_lowercase()
}

/// The canonical class of a reason; the texts are those of deferred deliveries.
fn class(reason: &str) -> String {
    let text = smtp::HostSkip {
        queue_id: b"",
        reason: reason.as_bytes(),
    };
    let reply = text.reply();
    text.reason_class(&reply).to_string()
}

/// The queue at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct QueueTotals {
    /// By queue.
    pub queues: Vec<QueueRow>,
    /// By recipient domain; a mail counts once for each of its domains.
    pub domains: Vec<QueueRow>,
    /// By envelope sender.
    pub senders: Vec<QueueRow>,
    /// Recipients by why they wait.
    pub reasons: Vec<QueueReasonRow>,
}

/// Mails of one queue, domain or sender.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct QueueRow {
    /// The queue, domain or sender.
    pub name: String,
    /// How many mails.
    pub mails: u64,
    /// Their recipients; of a domain, those there.
    pub recipients: u64,
    /// Their sizes in sum.
    pub size_bytes: u64,
    /// The age of the oldest.
    pub oldest_secs: u64,
    /// Mails by age: up to 5, 10, 20, 40, 80, 160, 320, 640 and 1,280 minutes, and older.
    pub by_age: Vec<u64>,
    /// Mails by size in bytes; for metrics, as the next one is.
    #[serde(skip)]
    pub sizes: Buckets,
    /// Mails by age in seconds.
    #[serde(skip)]
    pub ages: Buckets,
}

/// Recipients that wait for one reason.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct QueueReasonRow {
    /// The canonical class of the reason.
    pub reason: String,
    /// How many recipients.
    pub count: u64,
    /// The first such text in the listing.
    pub sample: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(queue: &str, age_secs: u64) -> Queued<'_> {
        Queued {
            queue,
            age_secs,
            size_bytes: 100,
            sender: "",
        }
    }

    #[test]
    fn counts_mails_once_for_each_domain() {
        let refused = "connect to mx.example.org[203.0.113.9]:25: Connection refused";
        let mut queue = Queue::default();
        let recipients = [
            ("a@Example.org", Some(refused)),
            ("b@example.org", Some(refused)),
            ("c@example.com", None),
        ];
        queue.add(&mail("deferred", 301), recipients.into_iter());
        queue.add(&mail("active", 300), [("d@example.org", None)].into_iter());
        queue.add(&mail("deferred", 999_999), [].into_iter());
        let totals = queue.finish();
        let rows = |rows: &[QueueRow]| -> Vec<(String, u64, u64, u64)> {
            let row =
                |row: &QueueRow| (row.name.clone(), row.mails, row.recipients, row.oldest_secs);
            rows.iter().map(row).collect()
        };
        let queues = [
            ("deferred".into(), 2, 3, 999_999),
            ("active".into(), 1, 1, 300),
        ];
        assert_eq!(rows(&totals.queues), queues);
        let domains = [
            ("example.org".into(), 2, 3, 301),
            ("example.com".into(), 1, 1, 301),
        ];
        assert_eq!(rows(&totals.domains), domains);
        assert_eq!(rows(&totals.senders), [("from=<>".into(), 3, 4, 999_999)]);
        assert_eq!(totals.queues[0].by_age, [0, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(totals.queues[1].by_age, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let reason = &totals.reasons[0];
        assert_eq!(
            (reason.reason.as_str(), reason.count),
            ("connection-refused", 2)
        );
        assert_eq!(reason.sample, refused);
    }
}

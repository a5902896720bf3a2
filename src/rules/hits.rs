//! Counts what rules do, part by part of a log.
//!
//! ```text
//! hits(A·B) == hits(A).merge(hits(B))
//! ```
//!
//! Nothing here needs another line: sums, first and last stamps, sets and the first samples merge by
//! themselves. Which senders deliver mail is counted by the tally, beside this.

use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};
use mailtally_parsers::Record;
use mailtally_parsers::postfix::Client;
use mailtally_parsers::postfix::ruling::Ruling;
use rustc_hash::FxBuildHasher;

use super::maps::{EntryNumber, Maps};
use crate::tally::symbols::{Renumber, Renumbering, Symbol, Symbols, key};
use crate::tally::{Action, HOUR_US, normalize};

/// Samples kept of each rule, of different clients as far as there are any.
const SAMPLES: usize = 3;

/// The longest text of a sample, in bytes.
const SAMPLE_BYTES: usize = 1_000;

key! {
    /// What hits are counted under.
    pub(super) struct HitKey {
        rule: Symbol,
        class: Symbol,
        action: &'static str,
        entries: Symbol,
    }
}

/// A line that shows what a rule does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Sample {
    pub(super) at_us: i64,
    pub(super) host: Vec<u8>,
    pub(super) tag: Vec<u8>,
    pub(super) message: Vec<u8>,
    client: Option<Symbol>,
}

/// What one rule did.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    pub(super) count: u64,
    pub(super) first_us: i64,
    pub(super) last_us: i64,
    pub(super) clients: HashSet<Symbol, FxBuildHasher>,
    pub(super) senders: HashSet<Symbol, FxBuildHasher>,
    pub(super) per_hour: BTreeMap<i64, u64>,
    pub(super) samples: Vec<Sample>,
}

impl Default for Hit {
    fn default() -> Self {
        Hit {
            count: 0,
            first_us: i64::MAX,
            last_us: i64::MIN,
            clients: HashSet::default(),
            senders: HashSet::default(),
            per_hour: BTreeMap::new(),
            samples: Vec::new(),
        }
    }
}

/// What the rules of a part of a log did.
#[derive(Clone, Default)]
pub struct Hits {
    pub(super) symbols: Symbols,
    pub(super) rules: HashMap<HitKey, Hit, FxBuildHasher>,
    scratch: Vec<u8>,
}

impl Hits {
    /// Counts a line that says what a rule did; `wall_us` is its stamp on the log's wall clock.
    pub fn absorb(&mut self, record: &Record<'_>, wall_us: i64, ruling: &Ruling<'_>, maps: &Maps) {
        let key = self.key(ruling, maps);
        self.count(key, record, wall_us, ruling);
    }

    /// Counts a client that postscreen's access list refuses, if a map has its network: the line says
    /// neither the rule's words nor its id.
    pub fn absorb_denylisted(
        &mut self,
        record: &Record<'_>,
        wall_us: i64,
        client: Client<'_>,
        maps: &Maps,
    ) {
        let Some(entry) = maps.find_client(client.address) else {
            return;
        };
        let ruling = Ruling::denylisted(client);
        let class = self.class(&ruling);
        let key = HitKey {
            rule: class,
            class,
            action: "reject",
            entries: self.numbers(&[entry]),
        };
        self.count(key, record, wall_us, &ruling);
    }

    fn count(&mut self, key: HitKey, record: &Record<'_>, wall_us: i64, ruling: &Ruling<'_>) {
        let client = ruling
            .client
            .map(|client| self.symbols.intern(client.address));
        let sender = ruling.sender.map(|sender| {
            normalize(sender, &mut self.scratch);
            self.symbols.intern(&self.scratch)
        });
        let times = u64::from(record.repeated.max(1));
        let hit = self.rules.entry(key).or_default();
        hit.count += times;
        hit.first_us = hit.first_us.min(wall_us);
        hit.last_us = hit.last_us.max(wall_us);
        hit.clients.extend(client);
        hit.senders.extend(sender);
        *hit.per_hour.entry(wall_us.div_euclid(HOUR_US)).or_insert(0) += times;
        if hit.wants_sample_of(client) {
            hit.samples.push(sample(record, wall_us, client));
        }
    }

    fn key(&mut self, ruling: &Ruling<'_>, maps: &Maps) -> HitKey {
        let action = Action::from_word(ruling.rule.action).name();
        let class = self.class(ruling);
        let entries = maps.find(ruling, action);
        HitKey {
            rule: ruling.rule.id.map_or(class, |id| self.symbols.intern(id)),
            class,
            action,
            entries: self.numbers(&entries),
        }
    }

    fn class(&mut self, ruling: &Ruling<'_>) -> Symbol {
        let class = ruling.rule.class;
        self.scratch.clear();
        self.scratch.extend_from_slice(class.name.as_bytes());
        if let Some(detail) = class.detail {
            self.scratch.push(b':');
            self.scratch.extend_from_slice(detail);
        }
        self.symbols.intern(&self.scratch)
    }

    /// The entries of the maps as one symbol, so that a key stays small.
    fn numbers(&mut self, entries: &[EntryNumber]) -> Symbol {
        self.scratch.clear();
        for number in entries {
            self.scratch.extend_from_slice(&number.to_be_bytes());
        }
        self.symbols.intern(&self.scratch)
    }

    /// Returns the entries that a key names.
    pub(super) fn entries_of(&self, key: &HitKey) -> Vec<EntryNumber> {
        let (numbers, _) = self.symbols.get(key.entries).as_chunks();
        numbers
            .iter()
            .map(|bytes| EntryNumber::from_be_bytes(*bytes))
            .collect()
    }

    /// Adds a later part of the log.
    pub fn merge(&mut self, later: Hits) {
        let numbers = self.symbols.merge(&later.symbols);
        for (key, hit) in later.rules {
            let ours = self.rules.entry(key.renumber(&numbers)).or_default();
            ours.merge(hit, &numbers);
        }
    }
}

fn sample(record: &Record<'_>, at_us: i64, client: Option<Symbol>) -> Sample {
    let message = record.message;
    Sample {
        at_us,
        host: record.host.to_vec(),
        tag: record.tag.text.to_vec(),
        message: message.get(..SAMPLE_BYTES).unwrap_or(message).to_vec(),
        client,
    }
}

impl Hit {
    /// Whether there is room for a sample, and none of this client.
    fn wants_sample_of(&self, client: Option<Symbol>) -> bool {
        self.samples.len() < SAMPLES && self.samples.iter().all(|known| known.client != client)
    }

    fn merge(&mut self, later: Hit, numbers: &Renumbering) {
        self.count += later.count;
        self.first_us = self.first_us.min(later.first_us);
        self.last_us = self.last_us.max(later.last_us);
        let renumber = |symbol: Symbol| symbol.renumber(numbers);
        self.clients.extend(later.clients.into_iter().map(renumber));
        self.senders.extend(later.senders.into_iter().map(renumber));
        for (hour, count) in later.per_hour {
            *self.per_hour.entry(hour).or_insert(0) += count;
        }
        for mut sample in later.samples {
            sample.client = sample.client.renumber(numbers);
            if self.wants_sample_of(sample.client) {
                self.samples.push(sample);
            }
        }
    }
}

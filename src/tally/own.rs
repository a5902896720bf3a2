//! Which addresses are our own: both ends of each hop between Postfixes of these logs.
//!
//! A hop shows in two lines, perhaps of two hosts and hours of log apart: a delivery to `relay=…`
//! that was `queued as ID`, and the `client=` line of that id. Both ends keep the ids they saw,
//! as hashes, up to [`BUDGET`] of them in all; a longer log keeps the smallest hashes of each
//! address. Both ends of a hop sample by the same hash, so that their samples meet; then only a
//! relay that took few of the mails of a busy client can be missed.

use std::hash::BuildHasher;

use hashbrown::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;

use super::queue_id::QueueId;
use super::symbols::{Renumber, Renumbering, Symbol, Symbols};

/// How many ids are kept in all: 4 MB, or a log of some half a million mails.
const BUDGET: usize = 1 << 19;

/// Which way a mail was handed over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// To an address of the network: the client is whoever connected.
    Network,
    /// Over loopback: a filter may show the first client as its own (XCLIENT), so that only a
    /// client that names the first one beside itself (`orig_client=`) is an end of the hop.
    Loopback,
}

impl Way {
    /// Keeps ids handed over in different ways apart.
    fn mark(self, hash: u64) -> u64 {
        match self {
            Way::Network => hash,
            Way::Loopback => !hash,
        }
    }
}

/// The evidence for hops between Postfixes of these logs.
#[derive(Clone)]
pub(crate) struct Hops {
    relays: HashMap<Symbol, Vec<u64>, FxBuildHasher>,
    clients: HashMap<Symbol, Vec<u64>, FxBuildHasher>,
    /// How many ids of one address are kept: a power of two that only shrinks.
    keep: usize,
    /// Ids held, some of them twice.
    held: usize,
}

impl Default for Hops {
    fn default() -> Self {
        Hops {
            relays: HashMap::default(),
            clients: HashMap::default(),
            keep: BUDGET,
            held: 0,
        }
    }
}

impl Hops {
    /// Notes that a relay's address queued a mail as this id.
    pub(crate) fn handed_to(&mut self, relay: Symbol, id: &[u8], way: Way) {
        let ids = self.relays.entry(relay).or_default();
        self.held += push(ids, way.mark(hash_id(id)));
        self.shrink();
    }

    /// Notes that a client's address handed in the mail of this id.
    pub(crate) fn handed_in(&mut self, client: Symbol, id: &[u8], way: Way) {
        let ids = self.clients.entry(client).or_default();
        self.held += push(ids, way.mark(hash_id(id)));
        self.shrink();
    }

    pub(crate) fn merge(&mut self, later: Hops, numbers: &Renumbering) {
        self.keep = self.keep.min(later.keep);
        for (ours, theirs) in [
            (&mut self.relays, later.relays),
            (&mut self.clients, later.clients),
        ] {
            for (address, ids) in theirs {
                self.held += ids.len();
                ours.entry(address.renumber(numbers))
                    .or_default()
                    .extend(ids);
            }
        }
        self.shrink();
    }

    #[inline]
    fn shrink(&mut self) {
        if self.held > 2 * BUDGET {
            self.compact();
        }
    }

    /// Drops what was seen twice, then halves what each address keeps until all fits. A part keeps
    /// at least as many as the whole log does in the end, so that the order of merging is of no
    /// account.
    fn compact(&mut self) {
        loop {
            self.held = 0;
            for ids in self.relays.values_mut().chain(self.clients.values_mut()) {
                ids.sort_unstable();
                ids.dedup();
                ids.truncate(self.keep);
                self.held += ids.len();
            }
            if self.held <= BUDGET || self.keep == 1 {
                return;
            }
            self.keep /= 2;
        }
    }

    /// Returns the addresses that a Postfix of these logs uses to reach another.
    pub(crate) fn own_addresses(&self, symbols: &Symbols) -> HashSet<Symbol> {
        // Few ids are seen at both ends: the others need no sorting, nor looking up.
        let handed_in = Marks::of(self.clients.values().flatten());
        let ids_of = |(&relay, ids): (&Symbol, &Vec<u64>)| {
            let met: Vec<u64> = ids
                .iter()
                .copied()
                .filter(|id| handed_in.has(*id))
                .collect();
            met.into_iter().map(move |id| (id, relay))
        };
        let mut queued: Vec<(u64, Symbol)> = self.relays.iter().flat_map(ids_of).collect();
        queued.sort_unstable();
        let handed_to = Marks::of(queued.iter().map(|(id, _)| id));
        let mut own = HashSet::new();
        for (&client, ids) in &self.clients {
            for &id in ids.iter().filter(|id| handed_to.has(**id)) {
                let from = queued.partition_point(|(queued, _)| *queued < id);
                let same = queued
                    .iter()
                    .skip(from)
                    .take_while(|(queued, _)| *queued == id);
                for &(_, relay) in same {
                    own.insert(relay);
                    own.insert(client);
                }
            }
        }
        own.retain(|&address| !symbols.get(address).is_empty());
        own
    }
}

/// Tells of most hashes that they are not among those marked.
pub(crate) struct Marks(Vec<u64>);

impl Marks {
    /// How many bits of an id tell its mark.
    const BITS: u32 = 20;

    pub(crate) fn of<'a>(ids: impl Iterator<Item = &'a u64>) -> Marks {
        let mut words = vec![0; 1 << (Marks::BITS - u64::BITS.trailing_zeros())];
        for id in ids {
            let (word, bit) = Marks::place(*id);
            if let Some(word) = words.get_mut(word) {
                *word |= bit;
            }
        }
        Marks(words)
    }

    /// Whether this id was marked, or one with the same mark.
    pub(crate) fn has(&self, id: u64) -> bool {
        let (word, bit) = Marks::place(id);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    fn place(id: u64) -> (usize, u64) {
        let mark = id >> (u64::BITS - Marks::BITS);
        let word = usize::try_from(mark / u64::from(u64::BITS)).unwrap_or(0);
        (word, 1 << (mark % u64::from(u64::BITS)))
    }
}

/// Adds an id; the recipients of one mail name the same one in a row. Returns how many were added.
fn push(ids: &mut Vec<u64>, hash: u64) -> usize {
    if ids.last() == Some(&hash) {
        return 0;
    }
    ids.push(hash);
    1
}

/// The same of a queue id.
fn hash_id(id: &[u8]) -> u64 {
    FxBuildHasher.hash_one(QueueId::new(id))
}

/// A hash that is the same in all parts and all runs.
pub(crate) fn hash(id: &[u8]) -> u64 {
    FxBuildHasher.hash_one(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_hop_are_own() {
        let mut symbols = Symbols::default();
        let [relay, client, stranger] =
            [&b"203.0.113.9"[..], b"192.0.2.1", b"192.0.2.2"].map(|text| symbols.intern(text));
        let mut hops = Hops::default();
        for id in 0..100u32 {
            hops.handed_in(client, &id.to_be_bytes(), Way::Network);
            hops.handed_in(stranger, &(id + 1000).to_be_bytes(), Way::Network);
        }
        hops.handed_to(relay, &7u32.to_be_bytes(), Way::Network);
        assert_eq!(
            hops.own_addresses(&symbols),
            HashSet::from_iter([relay, client])
        );
    }

    #[test]
    fn a_log_beyond_the_budget_keeps_the_smallest_hashes_whatever_the_order() {
        let mut symbols = Symbols::default();
        let client = symbols.intern(b"192.0.2.1");
        let part = |range: std::ops::Range<u32>| {
            let mut hops = Hops::default();
            range.for_each(|id| hops.handed_in(client, &id.to_be_bytes(), Way::Network));
            hops
        };
        let same = Symbols::default().merge(&symbols);
        let limit = u32::try_from(2 * BUDGET + BUDGET / 2).unwrap();
        let mut whole = part(0..limit);
        let mut cut = part(0..1_000);
        cut.merge(part(1_000..limit), &same);
        whole.compact();
        cut.compact();
        assert_eq!((whole.keep, whole.held), (BUDGET, BUDGET));
        assert_eq!(whole.clients, cut.clients);
    }
}

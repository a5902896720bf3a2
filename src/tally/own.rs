//! Which addresses are our own: both ends of each hop between Postfixes of these logs.
//!
//! A hop shows in two lines, perhaps of two hosts and hours of log apart: a delivery to `relay=…`
//! that was `queued as ID`, and the `client=` line of that id. Both ends keep the ids they saw,
//! as hashes, up to [`BUDGET`] of them in all; a longer log keeps the smallest hashes of each
//! address. Both ends of a hop sample by the same hash, so that their samples meet; then only a
//! relay that took few of the mails of a busy client can be missed.

use std::hash::BuildHasher;

use hashbrown::HashSet;
use rustc_hash::FxBuildHasher;

use super::queue_id::QueueId;
use super::symbols::{Renumber, Renumbering, Symbol, Symbols};

/// How many ids are kept in all: 6 MB, or a log of some half a million mails.
const BUDGET: usize = 1 << 19;

/// There is room for so many at first: what is not taken costs no memory, what outgrows its room is
/// moved.
const FIRST_ENDS: usize = 1 << 14;

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

/// One end of a hop: an address, and a mail that it took or handed in.
///
/// They come by the million, so that these 12 bytes are written down as they come and sorted when
/// they are asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct End {
    address: Symbol,
    /// The hash of the queue id, the highest byte first: in numbers' order without their alignment.
    id: [u8; 8],
}

impl End {
    fn new(address: Symbol, id: &[u8], way: Way) -> End {
        let id = way.mark(hash_id(id)).to_be_bytes();
        End { address, id }
    }

    fn id(&self) -> u64 {
        u64::from_be_bytes(self.id)
    }
}

/// The evidence for hops between Postfixes of these logs.
#[derive(Clone)]
pub(crate) struct Hops {
    relays: Vec<End>,
    clients: Vec<End>,
    /// How many ids of one address are kept: a power of two that only shrinks.
    keep: usize,
}

impl Default for Hops {
    fn default() -> Self {
        Hops {
            relays: Vec::new(),
            clients: Vec::new(),
            keep: BUDGET,
        }
    }
}

impl Hops {
    /// Notes that a relay's address queued a mail as this id.
    pub(crate) fn handed_to(&mut self, relay: Symbol, id: &[u8], way: Way) {
        push(&mut self.relays, End::new(relay, id, way));
        self.shrink();
    }

    /// Notes that a client's address handed in the mail of this id.
    pub(crate) fn handed_in(&mut self, client: Symbol, id: &[u8], way: Way) {
        push(&mut self.clients, End::new(client, id, way));
        self.shrink();
    }

    pub(crate) fn merge(&mut self, later: Hops, numbers: &Renumbering) {
        self.keep = self.keep.min(later.keep);
        for (ours, theirs) in [
            (&mut self.relays, later.relays),
            (&mut self.clients, later.clients),
        ] {
            ours.extend(theirs.into_iter().map(|end| End {
                address: end.address.renumber(numbers),
                ..end
            }));
        }
        self.shrink();
    }

    /// Ids held, some of them twice.
    fn held(&self) -> usize {
        self.relays.len() + self.clients.len()
    }

    #[inline]
    fn shrink(&mut self) {
        if self.held() > 2 * BUDGET {
            self.compact();
        }
    }

    /// Drops what was seen twice, then halves what each address keeps until all fits. A part keeps
    /// at least as many as the whole log does in the end, so that the order of merging is of no
    /// account.
    #[cold]
    fn compact(&mut self) {
        loop {
            for ends in [&mut self.relays, &mut self.clients] {
                ends.sort_unstable();
                ends.dedup();
                keep_smallest(ends, self.keep);
            }
            if self.held() <= BUDGET || self.keep == 1 {
                return;
            }
            self.keep /= 2;
        }
    }

    /// Returns the addresses that a Postfix of these logs uses to reach another.
    pub(crate) fn own_addresses(&self, symbols: &Symbols) -> HashSet<Symbol> {
        // Few ids are seen at both ends: the others need no sorting, nor looking up.
        let handed_in = Marks::of(self.clients.iter().map(End::id), self.clients.len());
        let met = self.relays.iter().filter(|end| handed_in.has(end.id()));
        let mut queued: Vec<(u64, Symbol)> = met.map(|end| (end.id(), end.address)).collect();
        queued.sort_unstable();
        let handed_to = Marks::of(queued.iter().map(|(id, _)| *id), queued.len());
        let mut own = HashSet::new();
        for end in self.clients.iter().filter(|end| handed_to.has(end.id())) {
            let id = end.id();
            let from = queued.partition_point(|(queued, _)| *queued < id);
            let same = queued
                .iter()
                .skip(from)
                .take_while(|(queued, _)| *queued == id);
            for &(_, relay) in same {
                own.insert(relay);
                own.insert(end.address);
            }
        }
        own.retain(|&address| !symbols.get(address).is_empty());
        own
    }
}

/// Keeps so many of the smallest hashes of each address, of ends in order.
fn keep_smallest(ends: &mut Vec<End>, keep: usize) {
    let (mut address, mut kept) = (None, 0);
    ends.retain(|end| {
        if address != Some(end.address) {
            (address, kept) = (Some(end.address), 0);
        }
        kept += 1;
        kept <= keep
    });
}

/// Tells of most hashes that they are not among those marked.
pub(crate) struct Marks {
    words: Vec<u64>,
    /// How many bits of an id do not tell its mark.
    shift: u32,
}

impl Marks {
    /// How many bits of an id tell its mark, at least and at most.
    const BITS: std::ops::RangeInclusive<u32> = 10..=20;

    /// Marks ids, of which there are about so many: some thirty times as many marks are made room
    /// for, as far as that goes.
    pub(crate) fn of(ids: impl Iterator<Item = u64>, count: usize) -> Marks {
        let bits = (count.max(1).ilog2() + 5).clamp(*Marks::BITS.start(), *Marks::BITS.end());
        let mut marks = Marks {
            words: vec![0; 1 << (bits - u64::BITS.trailing_zeros())],
            shift: u64::BITS - bits,
        };
        for id in ids {
            let (word, bit) = marks.place(id);
            if let Some(word) = marks.words.get_mut(word) {
                *word |= bit;
            }
        }
        marks
    }

    /// Whether this id was marked, or one with the same mark.
    #[inline]
    pub(crate) fn has(&self, id: u64) -> bool {
        let (word, bit) = self.place(id);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    #[inline]
    fn place(&self, id: u64) -> (usize, u64) {
        let mark = id >> self.shift;
        let word = usize::try_from(mark / u64::from(u64::BITS)).unwrap_or(0);
        (word, 1 << (mark % u64::from(u64::BITS)))
    }
}

/// Adds an end; the recipients of one mail name the same one in a row.
#[inline]
fn push(ends: &mut Vec<End>, end: End) {
    if ends.last() != Some(&end) {
        if ends.capacity() == 0 {
            ends.reserve(FIRST_ENDS);
        }
        ends.push(end);
    }
}

/// A hash of a queue id that is the same in all parts and all runs.
#[inline]
fn hash_id(id: &[u8]) -> u64 {
    FxBuildHasher.hash_one(QueueId::new(id))
}

/// The same of any text.
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
    fn of_each_address_the_smallest_hashes_are_kept() {
        let mut symbols = Symbols::default();
        let [a, b] = [&b"192.0.2.1"[..], b"192.0.2.2"].map(|text| symbols.intern(text));
        let end = |address, id: u64| End {
            address,
            id: id.to_be_bytes(),
        };
        let mut ends = vec![
            end(b, 300),
            end(a, 2),
            end(b, 5),
            end(a, 256),
            end(a, 1),
            end(b, 4),
        ];
        ends.sort_unstable();
        keep_smallest(&mut ends, 2);
        assert_eq!(ends, [end(a, 1), end(a, 2), end(b, 4), end(b, 5)]);
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
        assert_eq!((whole.keep, whole.held()), (BUDGET, BUDGET));
        assert_eq!(whole.clients, cut.clients);
    }
}

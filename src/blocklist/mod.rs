//! Lists of addresses for programs that block: Postfix, nftables, ipset, fail2ban, CrowdSec.
//!
//! ```text
//! Ranking + Protected ──list──> List { entries } ──write──> bytes
//! ```
//!
//! An entry is numbers and words of ours: nothing that a stranger wrote into a log gets into a list,
//! so that no HELO name or sender can break out of one. Nobody is blocked here; whoever loads a list
//! decides that. Reading files is **not** done here either.

mod network;
mod protected;
mod write;

pub use network::{Network, NetworkError};
pub use protected::{Protected, parse_list};
pub use write::{Form, write};

use std::collections::BTreeMap;

use crate::score::{Prefixes, Ranking, Source, is_listable, parse_address};

/// What decides who is listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// The least score; without it, two kinds of evidence or five events of one.
    pub min_score: Option<u64>,
    /// Put several entries of one network together.
    pub networks: Option<Prefixes>,
}

/// Events of one kind of evidence that suffice.
const EVENTS: u64 = 5;
/// Kinds of evidence that suffice.
const KINDS: usize = 2;

/// An address or network to be blocked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// What is blocked.
    pub network: Network,
    /// The sum of its scores.
    pub score: u64,
    /// Why, in words and numbers of ours.
    pub evidence: String,
}

/// Entries in order of their addresses, and how many sources were left out.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct List {
    /// What is blocked.
    pub entries: Vec<Entry>,
    /// Sources with too little evidence.
    pub weak: usize,
    /// Sources that are protected or can be nobody's of the Internet.
    pub protected: usize,
}

/// Chooses from a ranking by address who is listed.
pub fn list(ranking: &Ranking, protected: &Protected, terms: Terms) -> List {
    let mut list = List::default();
    let mut chosen: BTreeMap<Network, &Source> = BTreeMap::new();
    for source in &ranking.sources {
        let Some(address) = parse_address(source.key.as_bytes()) else {
            continue;
        };
        let one = Network::of(address);
        if !is_listable(address) || protected.touches(one) {
            list.protected += 1;
        } else if !suffices(source, terms) {
            list.weak += 1;
        } else {
            chosen.insert(one, source);
        }
    }
    let mut groups: BTreeMap<Network, Vec<(Network, &Source)>> = BTreeMap::new();
    for (one, source) in chosen {
        let network = terms.networks.map_or(one, |prefixes| one.within(prefixes));
        // A network that holds somebody good, or anything of ours, is listed piece by piece.
        let is_whole = network.is_listable() && !protected.touches(network);
        let group = if is_whole { network } else { one };
        groups.entry(group).or_default().push((one, source));
    }
    for (network, members) in groups {
        match members.as_slice() {
            [(one, source)] => list.entries.push(entry(*one, &[source])),
            many => {
                let sources: Vec<&Source> = many.iter().map(|(_, source)| *source).collect();
                list.entries.push(entry(network, &sources));
            }
        }
    }
    list.entries.sort_by_key(|entry| entry.network);
    list
}

fn suffices(source: &Source, terms: Terms) -> bool {
    let (kinds, events) = source.proofs();
    match terms.min_score {
        Some(least) => kinds > 0 && source.score >= least,
        None => kinds >= KINDS || events >= EVENTS,
    }
}

fn entry(network: Network, sources: &[&Source]) -> Entry {
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    for piece in sources.iter().flat_map(|source| &source.pieces) {
        *counts.entry(piece.name()).or_default() += piece.count;
    }
    let pieces: Vec<String> = counts
        .iter()
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    let score = sources.iter().map(|source| source.score);
    let score = score.fold(0, u64::saturating_add);
    let from = match sources.len() {
        1 => String::new(),
        many => format!(" from {many} addresses"),
    };
    Entry {
        network,
        score,
        evidence: format!("score {score}{from}: {}", pieces.join(", ")),
    }
}

#[cfg(test)]
mod tests;

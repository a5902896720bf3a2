//! Rows with their scores, highest first.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use super::key::{By, Prefixes, organization, parse_address};
use super::row::Row;
use super::sketch::{Forgotten, Rows};
use super::weights::Weights;
use super::{Key, Scores};
use crate::tally::evidence::Evidence;
use crate::tally::totals::Totals;

/// Evidence of one kind, and what it adds to a score.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    /// What it is.
    pub evidence: Evidence,
    /// The class of refusals, where it has a weight of its own.
    pub class: Option<&'static str>,
    /// How many.
    pub count: u64,
    /// The points of each.
    pub weight: u64,
}

impl Piece {
    /// Returns the name of the class if that has its own weight, else the evidence's.
    pub fn name(&self) -> &'static str {
        self.class.unwrap_or(self.evidence.name())
    }

    /// Returns what it adds.
    pub fn points(&self) -> u64 {
        self.count.saturating_mul(self.weight)
    }
}

/// A source with its score.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// What it is called: an address, a network, a domain.
    pub key: String,
    /// The sum of its pieces, less accepted mail.
    pub score: u64,
    /// What its score can be at most; more than the score only where sources were forgotten.
    pub score_at_most: u64,
    /// What it did.
    pub pieces: Vec<Piece>,
    /// What was counted.
    pub row: Row,
    /// The points taken off for each accepted mail.
    pub accepted_weight: u64,
    /// The addresses that were put together, in order; none where it is one.
    pub addresses: Vec<IpAddr>,
    /// A verified name of its address.
    pub hostname: Option<String>,
}

impl Source {
    /// Returns how many kinds of evidence say something against it, and the most events of one.
    ///
    /// A refusal that another kind explains is not a second one: one unknown recipient is one event.
    pub fn proofs(&self) -> (usize, u64) {
        let explained = self.row.classes().iter();
        let explained = explained.filter(|(class, _)| Evidence::of_refusal(class).1.is_some());
        let explained: u64 = explained.map(|(_, count)| *count).sum();
        let number = |one: Evidence| match one {
            Evidence::Reject => self.row.count(one).saturating_sub(explained),
            _ => self.row.count(one),
        };
        let proofs = Evidence::ALL.into_iter().filter(|one| one.is_proof());
        let counts = proofs.map(number).filter(|&count| count > 0);
        counts.fold((0, 0), |(kinds, most), count| (kinds + 1, most.max(count)))
    }
}

/// Sources in order, and what is known of addresses beside them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ranking {
    /// What sources were told apart by.
    pub by: By,
    /// The highest score first; equal scores in order of their keys.
    pub sources: Vec<Source>,
    /// What is not known, where memory was bounded.
    pub forgotten: Option<Forgotten>,
}

/// How sources are put together and weighed.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// What each piece counts for.
    pub weights: &'a Weights,
    /// How long networks are.
    pub prefixes: Prefixes,
    /// What sources are told apart by, if not by what they were counted by; addresses alone are put
    /// together otherwise.
    pub by: Option<By>,
    /// The system or country of an address.
    pub lookup: Option<&'a dyn Fn(IpAddr) -> Option<String>>,
}

/// Puts counted rows together and scores them; `totals` are of the same lines.
pub fn rank(scores: Scores, totals: &Totals, terms: Terms<'_>) -> Ranking {
    let by = terms.by.unwrap_or(scores.by);
    let names = scores.names;
    let mut rows = scores.rows;
    if by.is_of_address() {
        // The totals have each mail once, however often a filter handed it back.
        rows.set_accepted(Some(accepted(totals)));
        add_failed_logins(&mut rows, totals, |login| {
            super::key::address(login.address.as_deref()?.as_bytes())
        });
        let own = own_addresses(totals);
        rows.retain(|key| parse_address(key).is_some_and(|address| !own.contains(&address)));
    } else if by == By::User {
        add_failed_logins(&mut rows, totals, |login| {
            Some(login.user.as_deref()?.as_bytes().into())
        });
    }
    if !by.is_of_address() {
        rows.set_accepted(None);
    }
    let forgotten = rows.forgotten();
    let rows: HashMap<Key, Row> = rows.into_map().into_iter().collect();
    let mut sources: Vec<Source> = if by == By::Address || !by.is_of_address() {
        let one = |(key, row): (Key, Row)| source(text(&key), row, Vec::new(), terms.weights);
        rows.into_iter().map(one).collect()
    } else {
        together(rows, by, &names, terms)
    };
    sources.retain(|source| source.score > 0);
    for source in &mut sources {
        let name = names.get(source.key.as_bytes());
        source.hostname = name.map(|name| text(name));
    }
    sources.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.key.cmp(&b.key)));
    Ranking {
        by,
        sources,
        forgotten,
    }
}

fn text(key: &[u8]) -> String {
    String::from_utf8_lossy(key).into_owned()
}

/// Accepted mails by address.
fn accepted(totals: &Totals) -> hashbrown::HashMap<Key, u64> {
    let mut counts = hashbrown::HashMap::new();
    for accepted in &totals.accepted_by_client {
        if let Some(key) = super::key::address(accepted.address.as_bytes()) {
            *counts.entry(key).or_default() += accepted.count;
        }
    }
    counts
}

fn add_failed_logins(
    rows: &mut Rows,
    totals: &Totals,
    key: impl Fn(&crate::tally::totals::LoginRow) -> Option<Key>,
) {
    for login in &totals.logins {
        if login.outcome == "failure"
            && let Some(key) = key(login)
        {
            rows.of(key).add(Evidence::AuthFailure, login.count);
        }
    }
}

/// Loopback and both ends of every hop between servers of these logs.
fn own_addresses(totals: &Totals) -> HashSet<IpAddr> {
    let accepted = totals.accepted_by_client.iter();
    let accepted = accepted.map(|row| (&row.address, row.client_scope));
    let evidence = totals.evidence.iter();
    let evidence = evidence.map(|row| (&row.address, row.client_scope));
    accepted
        .chain(evidence)
        .filter(|(_, scope)| *scope == "own")
        .filter_map(|(address, _)| parse_address(address.as_bytes()))
        .collect()
}

/// Puts the rows of addresses together that belong together.
fn together(
    rows: HashMap<Key, Row>,
    by: By,
    names: &hashbrown::HashMap<Key, Key>,
    terms: Terms<'_>,
) -> Vec<Source> {
    let mut groups: BTreeMap<String, BTreeMap<IpAddr, Row>> = BTreeMap::new();
    for (key, row) in rows {
        let Some(address) = parse_address(&key) else {
            continue;
        };
        let group = match by {
            By::Network => {
                let (first, bits) = terms.prefixes.network(address);
                format!("{first}/{bits}")
            }
            By::HostnameDomain => names.get(&key).map_or_else(
                || "unknown".to_owned(),
                |name| organization(&text(name)).to_owned(),
            ),
            _ => {
                let found = terms.lookup.and_then(|lookup| lookup(address));
                found.unwrap_or_else(|| "unknown".to_owned())
            }
        };
        groups.entry(group).or_default().insert(address, row);
    }
    let mut sources = Vec::new();
    for (group, members) in groups {
        let misbehave = members
            .values()
            .filter(|row| has_score(row, terms.weights))
            .count();
        let alone = |members: BTreeMap<IpAddr, Row>| {
            members
                .into_iter()
                .map(|(address, row)| source(address.to_string(), row, Vec::new(), terms.weights))
        };
        if by != By::Network {
            sources.push(joined(group, members, terms.weights));
        } else if misbehave < 2 {
            sources.extend(alone(members));
        } else {
            let network = joined(group, members.clone(), terms.weights);
            // Where neighbours are good the network is not what misbehaves.
            if network.score > 0 {
                sources.push(network);
            } else {
                sources.extend(alone(members));
            }
        }
    }
    sources
}

/// One source of several addresses; whose lines come first decides which samples are kept.
fn joined(group: String, members: BTreeMap<IpAddr, Row>, weights: &Weights) -> Source {
    let misbehaving: BTreeSet<IpAddr> = members
        .iter()
        .filter(|(_, row)| has_score(row, weights))
        .map(|(address, _)| *address)
        .collect();
    let mut members: Vec<(IpAddr, Row)> = members.into_iter().collect();
    members.sort_by_key(|(address, row)| (row.span().is_none(), row.span(), *address));
    let mut all = Row::default();
    for (_, row) in members {
        all.merge(row);
    }
    source(group, all, misbehaving.into_iter().collect(), weights)
}

fn has_score(row: &Row, weights: &Weights) -> bool {
    less_accepted(points(row, weights), row, weights) > 0
}

fn source(key: String, row: Row, addresses: Vec<IpAddr>, weights: &Weights) -> Source {
    let pieces = pieces(&row, weights);
    let against = sum(&pieces);
    Source {
        key,
        score: less_accepted(against, &row, weights),
        score_at_most: less_accepted(against.saturating_add(row.missed), &row, weights),
        pieces,
        accepted_weight: weights.accepted(),
        row,
        addresses,
        hostname: None,
    }
}

/// Returns what a row has against its key.
pub(super) fn points(row: &Row, weights: &Weights) -> u64 {
    sum(&pieces(row, weights))
}

fn sum(pieces: &[Piece]) -> u64 {
    let points = pieces.iter().map(Piece::points);
    points.fold(0, u64::saturating_add)
}

fn less_accepted(against: u64, row: &Row, weights: &Weights) -> u64 {
    against.saturating_sub(row.accepted().saturating_mul(weights.accepted()))
}

/// Takes a row apart: each kind of evidence, and classes of refusals with weights of their own.
fn pieces(row: &Row, weights: &Weights) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for evidence in Evidence::ALL {
        let mut count = row.count(evidence);
        for (&class, &of_class) in row.classes() {
            let is_of_it = Evidence::of_refusal(class).0 == evidence;
            if let Some(weight) = weights.of_class(class).filter(|_| is_of_it) {
                count = count.saturating_sub(of_class);
                pieces.push(Piece {
                    evidence,
                    class: Some(class),
                    count: of_class,
                    weight,
                });
            }
        }
        if count > 0 {
            pieces.push(Piece {
                evidence,
                class: None,
                count,
                weight: weights.of(evidence),
            });
        }
    }
    pieces
}

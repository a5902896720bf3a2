//! Puts a mail together: which lines are a hop, and which hop follows from which.

use std::collections::{BTreeMap, BTreeSet};

use super::connections;
use super::entry::Entry;
use super::groups::{Group, Groups};
use super::mail::{Hop, Join, Mail};
use super::recipients;

/// Puts a mail together of the groups that are joined.
pub(super) fn assemble(
    groups: &Groups,
    members: &BTreeSet<usize>,
    entries: &BTreeMap<u64, Entry>,
    connections: &BTreeMap<u64, Entry>,
) -> Mail {
    let mut order: Vec<usize> = members
        .iter()
        .copied()
        .filter(|at| is_hop(groups, members, *at))
        .collect();
    order.sort_by_key(|at| groups.list.get(*at).map(|group| group.first));
    let number: BTreeMap<usize, usize> = order
        .iter()
        .enumerate()
        .map(|(hop, at)| (*at, hop))
        .collect();
    let mut hops: Vec<Hop> = order
        .iter()
        .filter_map(|at| groups.list.get(*at))
        .map(|group| hop_of(group, entries))
        .collect();
    for at in members.iter().filter(|at| !number.contains_key(at)) {
        let owner = owner_of(groups, *at, &number).unwrap_or(0);
        if let (Some(hop), Some(group)) = (hops.get_mut(owner), groups.list.get(*at)) {
            hop.entries.extend(lines_of(group, entries));
        }
    }
    for (from, to, how) in strongest_first(groups) {
        let (Some(from), Some(to)) = (number.get(&from), number.get(&to)) else {
            continue;
        };
        // Never in a circle: a hop follows from one that began before it, or that names it.
        if from != to
            && !follows(&hops, *from, *to)
            && let Some(hop) = hops.get_mut(*to)
            && hop.from.is_none()
        {
            hop.from = Some((*from, how));
        }
    }
    for hop in &mut hops {
        connections::add(hop, connections);
        hop.entries.sort_by_key(|entry| entry.place);
        hop.entries.dedup_by_key(|entry| entry.place);
    }
    let mut mail = Mail {
        hops,
        recipients: Vec::new(),
    };
    mail.recipients = recipients::of(&mail);
    mail
}

/// Tells whether `hop` follows from `ancestor`.
fn follows(hops: &[Hop], hop: usize, ancestor: usize) -> bool {
    let mut at = hop;
    for _ in 0..=hops.len() {
        if at == ancestor {
            return true;
        }
        match hops.get(at).and_then(|hop| hop.from) {
            Some((from, _)) => at = from,
            None => return false,
        }
    }
    true
}

/// A life is a hop; other lines are one only where there is no life.
fn is_hop(groups: &Groups, members: &BTreeSet<usize>, at: usize) -> bool {
    let is_life = |at: usize| groups.list.get(at).is_some_and(|group| group.is_life);
    is_life(at) || !members.iter().any(|other| is_life(*other))
}

fn strongest_first(groups: &Groups) -> Vec<(usize, usize, Join)> {
    let mut joins = groups.joins.clone();
    joins.sort_by_key(|(from, to, how)| (*how, *from, *to));
    joins
}

fn owner_of(groups: &Groups, at: usize, number: &BTreeMap<usize, usize>) -> Option<usize> {
    strongest_first(groups)
        .into_iter()
        .find_map(|(from, to, _)| match at {
            _ if to == at => number.get(&from).copied(),
            _ if from == at => number.get(&to).copied(),
            _ => None,
        })
}

fn lines_of(group: &Group, entries: &BTreeMap<u64, Entry>) -> Vec<Entry> {
    group
        .places
        .iter()
        .filter_map(|place| entries.get(place).cloned())
        .collect()
}

fn hop_of(group: &Group, entries: &BTreeMap<u64, Entry>) -> Hop {
    Hop {
        host: group.host.clone(),
        queue_id: group.queue_id.clone(),
        from: None,
        is_removed: group.removed,
        entries: lines_of(group, entries),
    }
}

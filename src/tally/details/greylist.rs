//! Greylisting: which networks were told to come later, and which came.
//!
//! A `client=` line has no recipient, and a sender that comes back often does so from another address
//! of its farm. So refusals and returns are joined by the client's network; `triplets` joins whole
//! mails.

use core::net::Ipv6Addr;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use rustc_hash::FxBuildHasher;
use schemars::JsonSchema;
use serde::Serialize;

use super::super::finish;
use super::super::symbols::{Renumber, Renumbering, Symbol, Symbols};
use super::triplets::{TripletTotals, Triplets};

/// Who did not come back within two days will not.
const GIVEN_UP_US: i64 = 2 * 24 * 3_600 * 1_000_000;

/// What became of one network.
#[derive(Clone, Copy, Debug, Default)]
struct Wait {
    refusals: u64,
    /// The first refusal.
    refused_us: Option<i64>,
    /// The first mail accepted after it.
    back_us: Option<i64>,
    /// The first mail accepted in this part: an earlier part may have refused before.
    first_mail_us: Option<i64>,
}

/// Counts refusals and returns.
#[derive(Clone, Default)]
pub(crate) struct Greylist {
    networks: HashMap<Symbol, Wait, FxBuildHasher>,
    pub(crate) triplets: Triplets,
}

impl Greylist {
    pub(crate) fn refused(&mut self, network: Symbol, us: i64) {
        let wait = self.networks.entry(network).or_default();
        wait.refusals += 1;
        wait.refused_us = wait.refused_us.or(Some(us));
    }

    /// Tells whether a network was refused, as far as this part knows.
    pub(crate) fn was_refused(&self, network: Symbol) -> bool {
        self.networks.contains_key(&network)
    }

    /// Notes that a mail of this network is being accepted.
    pub(crate) fn mail(&mut self, network: Symbol, us: i64, anchored: bool) {
        let wait = match self.networks.entry(network) {
            Entry::Occupied(occupied) => occupied.into_mut(),
            Entry::Vacant(_) if anchored => return,
            Entry::Vacant(vacant) => vacant.insert(Wait::default()),
        };
        wait.first_mail_us = wait.first_mail_us.or(Some(us));
        if wait.refused_us.is_some() {
            wait.back_us = wait.back_us.or(Some(us));
        }
    }

    /// No refusal, but the networks that may come back: servers try for days.
    pub(crate) fn going_on(self, now_us: i64, numbers: &Renumbering) -> Greylist {
        let waits = |wait: &Wait| {
            let since_us = wait.refused_us.filter(|_| wait.back_us.is_none());
            since_us.is_some_and(|us| now_us.saturating_sub(us) <= GIVEN_UP_US)
        };
        let waiting = self.networks.into_iter().filter(|(_, wait)| waits(wait));
        let networks = waiting.map(|(network, wait)| {
            let wait = Wait {
                refusals: 0,
                ..wait
            };
            (network.renumber(numbers), wait)
        });
        Greylist {
            networks: networks.collect(),
            ..Greylist::default()
        }
    }

    /// Takes over a later part, whose lines follow the `lines` lines of this one.
    pub(crate) fn merge(
        &mut self,
        later: Greylist,
        lines: u64,
        numbers: &Renumbering,
        anchored: bool,
    ) {
        self.triplets
            .merge(later.triplets, lines, numbers, anchored);
        for (network, theirs) in later.networks {
            let ours = self.networks.entry(network.renumber(numbers)).or_default();
            if ours.refused_us.is_some() {
                ours.back_us = ours.back_us.or(theirs.first_mail_us);
            } else {
                ours.refused_us = theirs.refused_us;
                ours.back_us = theirs.back_us;
            }
            ours.refusals += theirs.refusals;
            ours.first_mail_us = ours.first_mail_us.or(theirs.first_mail_us);
        }
        if anchored {
            self.networks.retain(|_, wait| wait.refusals > 0);
        }
    }

    pub(crate) fn finish(&self, symbols: &Symbols) -> GreylistTotals {
        let row = |(&network, wait): (&Symbol, &Wait)| {
            let refused_us = wait.refused_us?;
            let waited = wait.back_us.map(|back| back.saturating_sub(refused_us));
            Some(GreylistRow {
                network: written_out(&symbols.text(network)),
                refusals: wait.refusals,
                wait_us: waited.map(|waited| waited.max(0).unsigned_abs()),
            })
        };
        let rows = finish::sorted(self.networks.iter().filter_map(row), |row| row.refusals);
        let waits = Waits::of(rows.iter().filter_map(|row| row.wait_us));
        GreylistTotals {
            refusals: rows.iter().map(|row| row.refusals).sum(),
            networks: rows.len() as u64,
            came_back: waits.count(),
            median_wait_us: waits.at(50),
            p90_wait_us: waits.at(90),
            by_network: rows,
            by_triplet: self.triplets.finish(),
        }
    }
}

/// Times from a refusal to a return.
pub(super) struct Waits(Vec<u64>);

impl Waits {
    pub(super) fn of(waits: impl Iterator<Item = u64>) -> Self {
        let mut waits: Vec<u64> = waits.collect();
        waits.sort_unstable();
        Waits(waits)
    }

    pub(super) fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// The time that so many percent did not exceed.
    pub(super) fn at(&self, percent: usize) -> Option<u64> {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied()
    }
}

/// Writes the key of an address' network: `192.0.2` for a /24, `2001:db8:1:2::/64`; other words stay
/// as they are.
pub(super) fn write_network(address: &[u8], to: &mut Vec<u8>) {
    use std::io::Write;
    let address = match memchr::memrchr(b':', address) {
        Some(at) if address.contains(&b'.') => address.get(at + 1..).unwrap_or(address),
        _ => address,
    };
    if let Some(dot) = memchr::memrchr(b'.', address) {
        return to.extend_from_slice(address.get(..dot).unwrap_or(address));
    }
    let text = std::str::from_utf8(address).ok();
    let Some(Ok(parsed)) = text.map(str::parse::<Ipv6Addr>) else {
        return to.extend_from_slice(address);
    };
    let [a, b, c, d, ..] = parsed.segments();
    let written = write!(to, "{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0));
    // Writing into memory does not fail.
    debug_assert!(written.is_ok());
}

/// Names the network of an address for people: a /24 of IPv4, a /64 of IPv6.
pub(crate) fn network_of(address: &str) -> String {
    let mut key = Vec::new();
    write_network(address.as_bytes(), &mut key);
    written_out(&String::from_utf8_lossy(&key))
}

/// Writes a network's key out: `192.0.2.0/24`.
pub(super) fn written_out(key: &str) -> String {
    let is_ipv4 = !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_ipv4 {
        format!("{key}.0/24")
    } else {
        key.to_owned()
    }
}

/// How greylisting went.
#[derive(Clone, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct GreylistTotals {
    /// Refusals that ask to come later.
    pub refusals: u64,
    /// The networks that were refused so.
    pub networks: u64,
    /// Those of them from which a mail was accepted later.
    pub came_back: u64,
    /// The median time from the first refusal to the first mail after it, in microseconds.
    pub median_wait_us: Option<u64>,
    /// The time that nine of ten did not exceed.
    pub p90_wait_us: Option<u64>,
    /// By network.
    pub by_network: Vec<GreylistRow>,
    /// By network, sender and recipient: what a greylisting server waits for.
    pub by_triplet: TripletTotals,
}

/// Greylisting of one network.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct GreylistRow {
    /// The client's /24 or /64.
    pub network: String,
    /// Refusals.
    pub refusals: u64,
    /// The time from the first refusal to the first mail after it; null if none came.
    pub wait_us: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_those_of_the_family() {
        for (address, expected) in [
            ("192.0.2.77", "192.0.2.0/24"),
            ("::ffff:192.0.2.77", "192.0.2.0/24"),
            ("2001:db8:1:2:3::9", "2001:db8:1:2::/64"),
            ("local", "local"),
            ("", ""),
        ] {
            assert_eq!(network_of(address), expected);
        }
    }
}

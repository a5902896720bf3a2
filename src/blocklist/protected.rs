//! Who is never listed.

use std::collections::BTreeSet;

use super::network::{Network, NetworkError};
use crate::score::parse_address;
use crate::tally::totals::Totals;

/// Networks that no entry may touch.
#[derive(Clone, Default, Debug)]
pub struct Protected {
    /// Single addresses, in order: a network is looked up by the first one in it.
    addresses: BTreeSet<Network>,
    networks: Vec<Network>,
}

impl Protected {
    /// Protects a network.
    pub fn add(&mut self, network: Network) {
        if network.is_single() {
            self.addresses.insert(network);
        } else {
            self.networks.push(network);
        }
    }

    /// Protects each address with a login or an accepted mail, and the site's own.
    pub fn add_good(&mut self, totals: &Totals) {
        let accepted = totals.accepted_by_client.iter();
        let accepted = accepted.map(|row| row.address.as_str());
        let own = totals
            .evidence
            .iter()
            .filter(|row| row.client_scope == "own");
        let own = own.map(|row| row.address.as_str());
        let logins = totals.logins.iter().filter(|row| row.outcome == "success");
        let logins = logins.filter_map(|row| row.address.as_deref());
        for address in accepted.chain(own).chain(logins) {
            if let Some(address) = parse_address(address.as_bytes()) {
                self.add(Network::of(address));
            }
        }
    }

    /// Tells whether a network holds anything that is protected, or is within it.
    pub fn touches(&self, network: Network) -> bool {
        let mut from = self.addresses.range(network.first_address()..);
        let is_in = from.next().is_some_and(|&one| network.touches(one));
        is_in || self.networks.iter().any(|&one| network.touches(one))
    }
}

/// Reads a list of addresses and networks, one a line; `#` begins a comment.
///
/// # Errors
/// Returns the number of the first line that is none, and what is wrong with it.
pub fn parse_list(text: &str) -> Result<Vec<Network>, (usize, NetworkError)> {
    let mut networks = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let plain = line.split('#').next().unwrap_or("").trim();
        if !plain.is_empty() {
            networks.push(Network::parse(plain).map_err(|error| (at + 1, error))?);
        }
    }
    Ok(networks)
}

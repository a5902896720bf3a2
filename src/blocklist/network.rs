//! Networks: an address and how many of its bits count.

use std::fmt;
use std::net::IpAddr;

use crate::score::{Prefixes, is_listable, parse_address};

/// What is no network.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no address and no network such as 192.0.2.0/24")]
pub struct NetworkError(String);

/// A network, or a single address; ordered by family and number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Network {
    first: IpAddr,
    bits: u8,
}

impl Network {
    /// A single address.
    pub fn of(address: IpAddr) -> Self {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        Network {
            first: address,
            bits,
        }
    }

    /// Reads `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32` or, as Postfix writes it, `[::1]/128`.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(text: &str) -> Result<Self, NetworkError> {
        let wrong = || NetworkError(text.to_owned());
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let plain = address
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let address = plain.unwrap_or(address);
        let one = Network::of(parse_address(address.as_bytes()).ok_or_else(wrong)?);
        let bits = match bits {
            // Debian's main.cf has `[::ffff:127.0.0.0]/104`: the bits in front are of IPv6.
            Some(bits) if one.is_ipv4() && address.contains(':') => {
                bits.checked_sub(96).ok_or_else(wrong)?
            }
            Some(bits) => bits,
            None => one.bits,
        };
        if bits > one.bits {
            return Err(wrong());
        }
        Ok(one.within(Prefixes { v4: bits, v6: bits }))
    }

    /// Returns the network of these bits that an address is in.
    #[must_use]
    pub fn within(self, prefixes: Prefixes) -> Self {
        let (first, bits) = prefixes.network(self.first);
        Network { first, bits }
    }

    /// Tells whether two networks have an address in common: then one is within the other.
    pub fn touches(self, other: Network) -> bool {
        let bits = self.bits.min(other.bits);
        let prefixes = Prefixes { v4: bits, v6: bits };
        self.first.is_ipv4() == other.first.is_ipv4()
            && self.within(prefixes).first == other.within(prefixes).first
    }

    /// Tells whether it is one address.
    pub fn is_single(self) -> bool {
        self == Network::of(self.first)
    }

    /// The first single address of it.
    pub(super) fn first_address(self) -> Self {
        // Of one address, what has fewer bits comes first in order.
        Network {
            first: self.first,
            bits: 0,
        }
    }

    /// Tells whether it is of IPv4.
    pub fn is_ipv4(self) -> bool {
        self.first.is_ipv4()
    }

    /// Tells whether it is of the Internet, and not wider than any network that a client is in.
    pub fn is_listable(self) -> bool {
        let least = if self.is_ipv4() { 8 } else { 16 };
        self.bits >= least && is_listable(self.first)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        if self.is_single() {
            return Ok(());
        }
        write!(f, "/{}", self.bits)
    }
}

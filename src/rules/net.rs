//! Networks of cidr tables.

use core::net::IpAddr;

/// A network: its first address, as bits from the left, and how many of them count.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Net {
    is_v6: bool,
    bits: u128,
    prefix: u32,
}

impl Net {
    /// Reads `192.0.2.0/24`, `2001:db8::/32` or a single address; brackets around an IPv6 address
    /// count for nothing.
    pub(super) fn parse(text: &[u8]) -> Option<Net> {
        let text = std::str::from_utf8(text).ok()?;
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse().ok()?)),
            None => (text, None),
        };
        let address = address.strip_prefix('[').unwrap_or(address);
        let address = address.strip_suffix(']').unwrap_or(address);
        let (is_v6, bits, width) = match address.parse().ok()? {
            IpAddr::V4(address) => (false, u128::from(address.to_bits()) << 96, 32),
            IpAddr::V6(address) => (true, address.to_bits(), 128),
        };
        let prefix = prefix.unwrap_or(width);
        (prefix <= width).then_some(Net {
            is_v6,
            bits,
            prefix,
        })
    }

    /// How many bits count.
    pub(super) fn prefix(&self) -> u32 {
        self.prefix
    }

    /// Returns the network of so many bits around this one, no bit set behind them.
    pub(super) fn cut_to(&self, prefix: u32) -> Net {
        let mask = match u128::BITS.checked_sub(prefix) {
            Some(u128::BITS) | None => 0,
            Some(behind) => u128::MAX << behind,
        };
        Net {
            bits: self.bits & mask,
            prefix,
            ..*self
        }
    }

    /// Tells whether all addresses of another network are in this one.
    pub(super) fn contains(&self, other: &Net) -> bool {
        let differ = self.bits ^ other.bits;
        self.is_v6 == other.is_v6
            && self.prefix <= other.prefix
            && (self.prefix == 0 || differ.leading_zeros() >= self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_lies_in_a_network() {
        for (outer, inner, expected) in [
            ("192.0.2.0/24", "192.0.2.77", true),
            ("192.0.2.0/24", "192.0.3.77", false),
            ("192.0.2.0/24", "192.0.2.0/24", true),
            ("192.0.2.0/25", "192.0.2.0/24", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "[2001:db8:1::]/48", true),
            ("2001:db8::/32", "2001:db9::1", false),
        ] {
            let net = |text: &str| Net::parse(text.as_bytes()).unwrap();
            assert_eq!(
                net(outer).contains(&net(inner)),
                expected,
                "{outer} {inner}"
            );
        }
        for text in ["", "example.com", "192.0.2", "192.0.2.0/33", "192.0.2.0/x"] {
            assert_eq!(Net::parse(text.as_bytes()), None, "{text}");
        }
    }
}

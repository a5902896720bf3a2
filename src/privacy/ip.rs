//! Addresses in place of addresses: a keyed permutation that keeps networks together.
//!
//! As Crypto-PAn does it, each bit is turned or not by a keyed function of the bits before it: two
//! addresses that share a network of /8 or longer have tokens that share one of the same length, and
//! no two addresses have one token. What an address is stays too: loopback, private (10/8, 172.16/12,
//! 192.168/16, 100.64/10, 169.254/16, fc00::/7, fe80::/10) and multicast ones are permuted among
//! themselves, or stay where they name no machine of a network. Else a mail from outside could come
//! from `127.0.0.1`, and would be counted as the host's own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::prf::Prf;

/// First octets of which a part is special; they stay, and the second one is permuted within the
/// special part and within the rest.
const MIXED: [(u8, u8, u8); 4] = [
    (100, 64, 127),
    (169, 254, 254),
    (172, 16, 31),
    (192, 168, 168),
];

/// The permutation.
#[derive(Clone, Debug)]
pub(super) struct Permutation {
    prf: Prf,
    /// What becomes of first octets.
    first: Vec<u8>,
    /// What becomes of second octets behind each of [`MIXED`].
    second: Vec<(u8, Vec<u8>)>,
}

impl Permutation {
    pub(super) fn new(prf: &Prf) -> Self {
        let is_public = |octet: u8| {
            let is_mixed = MIXED.iter().any(|(first, ..)| *first == octet);
            !is_mixed && !matches!(octet, 0 | 10 | 127 | 224..)
        };
        let first = shuffled(prf, "ipv4 first", is_public);
        let second = MIXED.map(|(first, from, to)| {
            let usage = format!("ipv4 behind {first}");
            let outside = shuffled(prf, &usage, |octet| !(from..=to).contains(&octet));
            let inside = shuffled(prf, &usage, |octet| (from..=to).contains(&octet));
            let both = outside.iter().zip(inside).enumerate();
            let both = both.map(|(octet, (outside, inside))| {
                let is_inside = (usize::from(from)..=usize::from(to)).contains(&octet);
                if is_inside { inside } else { *outside }
            });
            (first, both.collect())
        });
        Permutation {
            prf: prf.clone(),
            first,
            second: second.into(),
        }
    }

    pub(super) fn ip(&self, ip: IpAddr) -> IpAddr {
        match ip {
            IpAddr::V4(ip) => self.v4(ip).into(),
            IpAddr::V6(ip) => self.v6(ip).into(),
        }
    }

    pub(super) fn v4(&self, ip: Ipv4Addr) -> Ipv4Addr {
        let octets @ [a, b, c, d] = ip.octets();
        if matches!(a, 0 | 127 | 224..) {
            return ip;
        }
        let first = self.first.get(usize::from(a)).copied().unwrap_or(a);
        let of_mixed = self.second.iter().find(|(first, _)| *first == a);
        let second = match of_mixed.and_then(|(_, second)| second.get(usize::from(b))) {
            Some(second) => *second,
            None => self.turned("ipv4", &octets, 1, b),
        };
        let third = self.turned("ipv4", &octets, 2, c);
        let fourth = self.turned("ipv4", &octets, 3, d);
        Ipv4Addr::new(first, second, third, fourth)
    }

    pub(super) fn v6(&self, ip: Ipv6Addr) -> Ipv6Addr {
        if let Some(mapped) = ip.to_ipv4_mapped() {
            return self.v4(mapped).to_ipv6_mapped();
        }
        let octets = ip.octets();
        let [first, second, ..] = octets;
        if ip.is_unspecified() || ip.is_loopback() || first == 0xff {
            return ip;
        }
        // Link-local networks are all the same one; others of 0xfe are none at all.
        let kept = if first == 0xfe { 2 } else { 1 };
        let mut masked = octets;
        for (at, octet) in masked.iter_mut().enumerate().skip(kept) {
            *octet = self.turned("ipv6", &octets, at, *octet);
        }
        masked[0] = self.first_of_v6(first);
        masked[1] = if kept == 2 { second } else { masked[1] };
        masked.into()
    }

    /// 2000::/3 is the world, and stays it.
    fn first_of_v6(&self, first: u8) -> u8 {
        match first {
            0x20..=0x3f => 0x20 | (self.turned("ipv6", &[], 0, first) & 0x1f),
            _ => first,
        }
    }

    /// Turns the bits of the octet at a place, each by what is before it.
    ///
    /// The bits before an octet choose 256 random ones; a tree of its own bits has 255 places, and
    /// each says whether the next bit is turned.
    fn turned(&self, usage: &str, octets: &[u8], at: usize, octet: u8) -> u8 {
        let before = octets.get(..at).unwrap_or_default();
        let random = self.prf.of(usage, &[before]);
        let (mut place, mut turned) = (1u8, 0u8);
        for shift in (0..8).rev() {
            let bit = octet >> shift & 1;
            let word = random.get(usize::from(place >> 3)).copied().unwrap_or(0);
            let turn = word >> (place & 7) & 1;
            turned = turned << 1 | (bit ^ turn);
            place = place.wrapping_shl(1) | bit;
        }
        turned
    }
}

/// Shuffles some octets among themselves; the others stay.
fn shuffled(prf: &Prf, usage: &str, is_one: impl Fn(u8) -> bool) -> Vec<u8> {
    let ones: Vec<u8> = (0..=255).filter(|octet| is_one(*octet)).collect();
    let mut order = ones.clone();
    order.sort_by_cached_key(|octet| prf.of(usage, &[&[*octet]]));
    let mut table: Vec<u8> = (0..=255).collect();
    for (from, to) in ones.iter().zip(order) {
        if let Some(place) = table.get_mut(usize::from(*from)) {
            *place = to;
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::super::prf::Key;
    use super::*;

    fn permutation(byte: u8) -> Permutation {
        Permutation::new(&Prf::new(&Key::known([byte; 32])))
    }

    fn what(ip: Ipv4Addr) -> &'static str {
        match ip.octets() {
            _ if ip.is_loopback() => "loopback",
            _ if ip.is_private() => "private",
            _ if ip.is_link_local() => "link-local",
            [0, ..] => "this",
            [100, 64..=127, ..] => "shared",
            [224..=255, ..] => "multicast",
            _ => "public",
        }
    }

    #[test]
    fn no_two_addresses_of_a_network_have_one_token() {
        let permutation = permutation(1);
        for network in [[198, 51, 100], [10, 0, 0], [172, 16, 3], [192, 168, 1]] {
            let [a, b, c] = network;
            let tokens: HashSet<Ipv4Addr> = (0..=255)
                .map(|d| permutation.v4(Ipv4Addr::new(a, b, c, d)))
                .collect();
            assert_eq!(tokens.len(), 256);
            let networks: HashSet<[u8; 3]> = tokens
                .iter()
                .map(|ip| [ip.octets()[0], ip.octets()[1], ip.octets()[2]])
                .collect();
            assert_eq!(networks.len(), 1);
        }
    }

    /// Bits that all turn alike would tell the distance of two addresses.
    #[test]
    fn each_place_of_the_tree_turns_by_itself() {
        let permutation = permutation(1);
        let turned: HashSet<u32> = (0..=255)
            .map(|d| Ipv4Addr::new(198, 51, 100, d))
            .map(|ip| ip.to_bits() ^ permutation.v4(ip).to_bits())
            .collect();
        // Trees of random bits have 23 to 54 of 50 tried.
        assert!(turned.len() > 20, "{}", turned.len());
    }

    /// All first and second octets: then no two networks can meet either.
    #[test]
    fn networks_are_permuted_and_stay_what_they_are() {
        for key in 0..4 {
            let permutation = permutation(key);
            let mut seen = HashSet::new();
            for pair in 0..=u16::MAX {
                let [a, b] = pair.to_be_bytes();
                let ip = Ipv4Addr::new(a, b, 2, 3);
                let token = permutation.v4(ip);
                assert_eq!(what(ip), what(token), "{ip} {token}");
                assert!(seen.insert([token.octets()[0], token.octets()[1]]), "{ip}");
            }
        }
    }

    #[test]
    fn what_names_no_machine_of_a_network_stays() {
        let permutation = permutation(1);
        for ip in [
            "127.0.0.1",
            "0.0.0.0",
            "::1",
            "::",
            "ff02::1",
            "::ffff:127.0.0.1",
        ] {
            let ip: IpAddr = ip.parse().unwrap();
            assert_eq!(permutation.ip(ip), ip);
        }
    }

    #[test]
    fn another_key_makes_other_tokens() {
        let ip = Ipv4Addr::new(198, 51, 100, 7);
        let tokens: HashSet<_> = (0..50).map(|key| permutation(key).v4(ip)).collect();
        assert!(tokens.len() > 48, "{tokens:?}");
        assert_ne!(permutation(1).v4(ip), ip);
    }

    proptest! {
        #[test]
        fn prefixes_are_as_long_as_they_were(a: u32, b: u32, key: u8) {
            let permutation = permutation(key);
            let shared = |a: u32, b: u32| (a ^ b).leading_zeros();
            let before = shared(a, b);
            let token = |ip: u32| permutation.v4(ip.into()).to_bits();
            let after = shared(token(a), token(b));
            // Within a /8 exactly; of different ones only that they stay different.
            prop_assert!(before == after || (before < 16 && after < 16));
        }

        #[test]
        fn ipv6_keeps_its_networks(a: u128, b: u128, network in 0u32..128) {
            let permutation = permutation(9);
            let bits = if network == 0 { 0 } else { u128::MAX << (128 - network) };
            let b = (a & bits) | (b & !bits);
            let token = |ip: u128| permutation.v6(ip.into()).to_bits();
            let shared = |a: u128, b: u128| (a ^ b).leading_zeros();
            let (before, after) = (shared(a, b), shared(token(a), token(b)));
            prop_assert!(before == after || (before < 16 && after < 16), "{before} {after}");
            let first = |ip: u128| ip >> 125;
            prop_assert_eq!(first(a), first(token(a)));
        }
    }
}

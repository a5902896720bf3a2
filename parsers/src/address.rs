//! Address families, told from the text of an address.

use crate::fields::{Field, Visitor};
use crate::near::places_of_both;

/// The address family of a peer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Family {
    /// IPv4, and IPv6 addresses that map one (`::ffff:192.0.2.1`).
    Ipv4,
    /// IPv6.
    Ipv6,
    /// No network: unix sockets, pipes, local delivery.
    Local,
    /// The log does not tell.
    Unknown,
}

impl Family {
    /// Returns the name used in reports: `ipv4`, `ipv6`, `local` or `unknown`.
    pub fn name(self) -> &'static str {
        match self {
            Family::Ipv4 => "ipv4",
            Family::Ipv6 => "ipv6",
            Family::Local => "local",
            Family::Unknown => "unknown",
        }
    }
}

impl Field for Family {
    fn visit_as(&self, name: &'static str, visitor: &mut dyn Visitor) {
        visitor.text(name, self.name().as_bytes());
    }
}

/// The prefix of an IPv6 address that maps an IPv4 address.
const MAPPED: &[u8] = b"::ffff:";

/// Tells the family of an address as logged, without a port or brackets.
///
/// Masked addresses (`2a00:1838:20:1::XXXX:XXXX`) still have a family: anything with two colons is
/// IPv6. A path is `local`; the words `unknown` and `none`, and nothing at all, are `unknown`.
pub fn family(address: &[u8]) -> Family {
    match usual_family(address) {
        Some(family) => family,
        None => any_family(address),
    }
}

/// Tells the family of most addresses: of those with three dots or two colons among up to 32 bytes.
#[inline(always)]
fn usual_family(address: &[u8]) -> Option<Family> {
    let (dots, colons) = places_of_both(address, b'.', b':')?;
    let without_first = |places: u32| places & places.wrapping_sub(1);
    match address.first()? {
        // Only what begins with a colon may map an IPv4 address.
        b':' => None,
        _ if without_first(colons) != 0 => Some(Family::Ipv6),
        b'0'..=b'9' => {
            let third = without_first(without_first(dots));
            (third != 0 && without_first(third) == 0).then_some(Family::Ipv4)
        }
        _ => None,
    }
}

/// The same of any address.
#[inline(never)]
fn any_family(address: &[u8]) -> Family {
    if is_mapped(address) {
        return Family::Ipv4;
    }
    let colons = address.iter().filter(|&&byte| byte == b':').count();
    if colons >= 2 {
        return Family::Ipv6;
    }
    let dots = address.iter().filter(|&&byte| byte == b'.').count();
    match address.first() {
        Some(first) if first.is_ascii_digit() && dots == 3 => Family::Ipv4,
        Some(b'/') => Family::Local,
        Some(_) if address.contains(&b'/') => Family::Local,
        _ => Family::Unknown,
    }
}

fn is_mapped(address: &[u8]) -> bool {
    address
        .split_at_checked(MAPPED.len())
        .is_some_and(|(prefix, rest)| prefix.eq_ignore_ascii_case(MAPPED) && rest.contains(&b'.'))
}

/// Tells whether an address is loopback: `127.0.0.0/8`, its mapped form, or `::1`.
pub fn is_loopback(address: &[u8]) -> bool {
    let plain = if is_mapped(address) {
        address.get(MAPPED.len()..).unwrap_or(b"")
    } else {
        address
    };
    plain == b"::1" || plain.starts_with(b"127.")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tells_the_family_of_every_shape() {
        for (address, expected) in [
            ("192.0.2.1", Family::Ipv4),
            ("::ffff:192.0.2.1", Family::Ipv4),
            ("::FFFF:192.0.2.1", Family::Ipv4),
            ("2001:db8::1", Family::Ipv6),
            ("::1", Family::Ipv6),
            ("2a00:1838:20:1::XXXX:XXXX", Family::Ipv6),
            ("private/dovecot-lmtp", Family::Local),
            ("/run/lmtp.sock", Family::Local),
            ("unknown", Family::Unknown),
            ("", Family::Unknown),
        ] {
            assert_eq!(family(address.as_bytes()), expected, "{address}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]
        /// The addresses that are told at once, beside their twin.
        #[test]
        fn usual_families_are_told_as_all_others_are(
            words in proptest::collection::vec(
                proptest::sample::select(vec![
                    "192", "0", ".", "..", ":", "::", "2001", "db8", "::ffff:", "::FFFF:", "/", "x",
                    "a00", "198.51.100.7", "2001:db8:a00:115::4504", "private", "unknown", "\u{ff}",
                ]),
                0..9,
            ),
        ) {
            let address = words.concat();
            let address = address.as_bytes();
            prop_assert_eq!(family(address), any_family(address));
        }
    }

    #[test]
    fn most_addresses_are_told_at_once() {
        for (address, expected) in [
            ("192.0.2.1", Some(Family::Ipv4)),
            ("198.51.100.255", Some(Family::Ipv4)),
            ("2001:db8:a00:115::4504", Some(Family::Ipv6)),
            ("2001:db8::1", Some(Family::Ipv6)),
            ("fe80:0:0:1::1", Some(Family::Ipv6)),
            ("private/dovecot-lmtp", None),
            ("192.0.2.1.1", None),
        ] {
            assert_eq!(usual_family(address.as_bytes()), expected, "{address}");
        }
    }

    #[test]
    fn knows_loopback() {
        assert!(
            is_loopback(b"127.0.0.1") && is_loopback(b"::1") && is_loopback(b"::ffff:127.0.0.1")
        );
        assert!(
            !is_loopback(b"192.0.2.1") && !is_loopback(b"::1:2") && !is_loopback(b"::ffff:1.2.3.4")
        );
    }
}

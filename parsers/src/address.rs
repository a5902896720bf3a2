//! Address families, told from the text of an address.

use crate::fields::{Field, Visitor};

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

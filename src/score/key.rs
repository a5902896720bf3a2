//! What sources are told apart by, and how a line's text becomes such a key.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use mailtally_parsers::postfix::rule::Rule;

use super::Key;

/// What sources are told apart by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
#[non_exhaustive]
pub enum By {
    /// The client's address.
    #[default]
    Address,
    /// The client's network; an address alone where no other of it misbehaves.
    Network,
    /// The domain of the client's verified name.
    HostnameDomain,
    /// The name in HELO or EHLO.
    Helo,
    /// The envelope sender.
    Sender,
    /// Its domain.
    SenderDomain,
    /// The domain of the address or URL in a header or body line that a check refused.
    HeaderDomain,
    /// The rule that refused.
    Rule,
    /// The DNS blocklist.
    Dnsbl,
    /// The login name.
    User,
    /// The envelope recipient.
    Recipient,
    /// The recipient as the sender wrote it, and who wrote to it first.
    Alias,
    /// The autonomous system of the client's address.
    Asn,
    /// The country of the client's address.
    Country,
}

impl By {
    /// All there are.
    pub const ALL: [By; 14] = [
        By::Address,
        By::Network,
        By::HostnameDomain,
        By::Helo,
        By::Sender,
        By::SenderDomain,
        By::HeaderDomain,
        By::Rule,
        By::Dnsbl,
        By::User,
        By::Recipient,
        By::Alias,
        By::Asn,
        By::Country,
    ];

    /// Returns the name on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            By::Address => "address",
            By::Network => "network",
            By::HostnameDomain => "hostname-domain",
            By::Helo => "helo",
            By::Sender => "sender",
            By::SenderDomain => "sender-domain",
            By::HeaderDomain => "header-domain",
            By::Rule => "rule",
            By::Dnsbl => "dnsbl",
            By::User => "user",
            By::Recipient => "recipient",
            By::Alias => "alias",
            By::Asn => "asn",
            By::Country => "country",
        }
    }

    /// Returns what it means, for help.
    pub fn about(self) -> &'static str {
        match self {
            By::Address => "The client's address",
            By::Network => "The client's network, where several of its addresses misbehave",
            By::HostnameDomain => "The domain of the client's verified name",
            By::Helo => "The name in HELO or EHLO",
            By::Sender => "The envelope sender",
            By::SenderDomain => "The envelope sender's domain",
            By::HeaderDomain => "The domain in a header or body line that a check refused",
            By::Rule => "The rule that refused: the site's id, else its class",
            By::Dnsbl => "The DNS blocklist",
            By::User => "The login name",
            By::Recipient => "The envelope recipient",
            By::Alias => "The recipient as the sender wrote it: which of my addresses leaked",
            By::Asn => "The autonomous system of the client's address (--mmdb)",
            By::Country => "The country of the client's address (--mmdb)",
        }
    }

    /// Tells whether evidence is counted by address, and put together at the end.
    pub fn is_of_address(self) -> bool {
        matches!(
            self,
            By::Address | By::Network | By::HostnameDomain | By::Asn | By::Country
        )
    }
}

/// The lengths of networks, in bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prefixes {
    /// Of IPv4.
    pub v4: u8,
    /// Of IPv6.
    pub v6: u8,
}

impl Default for Prefixes {
    fn default() -> Self {
        Prefixes { v4: 24, v6: 64 }
    }
}

impl Prefixes {
    /// Returns the network of an address: its first address and its length.
    pub fn network(self, address: IpAddr) -> (IpAddr, u8) {
        match address {
            IpAddr::V4(address) => {
                let bits = self.v4.min(32);
                let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
                (Ipv4Addr::from_bits(address.to_bits() & mask).into(), bits)
            }
            IpAddr::V6(address) => {
                let bits = self.v6.min(128);
                let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
                (Ipv6Addr::from_bits(address.to_bits() & mask).into(), bits)
            }
        }
    }
}

/// Reads an address as it stands in logs; one that maps an IPv4 address is that.
pub fn parse_address(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?;
    let address: IpAddr = text.parse().ok()?;
    Some(address.to_canonical())
}

/// Tells whether an address is one of the Internet's that somebody may be blocked by.
///
/// Never loopback, private, link-local, shared, multicast or no address at all. The networks of
/// documentation are as good as others: logs that were made unreadable use them.
pub fn is_listable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            !(first == 0
                || first >= 224
                || is_shared
                || v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local())
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local())
                && v6.to_ipv4_mapped().is_none()
        }
    }
}

/// The key of an address; without one for clients that are none.
pub(super) fn address(text: &[u8]) -> Option<Key> {
    let address = parse_address(text)?;
    Some(address.to_string().into_bytes().into_boxed_slice())
}

/// The key of an envelope sender; of bounces it is `<>`.
pub(super) fn sender(text: &[u8]) -> Key {
    mailbox(text).unwrap_or_else(|| Box::from(&b"<>"[..]))
}

/// The key of a sender's domain; of bounces it is `<>`.
pub(super) fn sender_domain(text: &[u8]) -> Key {
    let sender = sender(text);
    match memchr::memrchr(b'@', &sender) {
        Some(at) => sender.get(at + 1..).unwrap_or(&sender).into(),
        None => sender,
    }
}

/// The key of a mail address, without brackets; capitals are no other address.
pub(super) fn mailbox(text: &[u8]) -> Option<Key> {
    let text = text.trim_ascii();
    let text = text.strip_prefix(b"<").unwrap_or(text);
    let text = text.strip_suffix(b">").unwrap_or(text);
    (!text.is_empty()).then(|| text.to_ascii_lowercase().into_boxed_slice())
}

/// The key of a rule: the site's id, else the class.
pub(super) fn rule(rule: &Rule<'_>) -> Key {
    match rule.id {
        Some(id) => id.into(),
        None => rule.class.to_string().into_bytes().into_boxed_slice(),
    }
}

/// The key of the first address or URL in a line of a header or body.
pub(super) fn header_domain(text: &[u8]) -> Option<Key> {
    let url = memchr::memmem::find(text, b"://").map(|at| at + 3);
    let address = memchr::memchr(b'@', text).map(|at| at + 1);
    let starts = [url, address].into_iter().flatten();
    let start = starts.min()?;
    let rest = text.get(start..)?;
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let end = rest.iter().position(|byte| !is_of_name(byte));
    let name = rest.get(..end.unwrap_or(rest.len()))?;
    let name = name.strip_suffix(b".").unwrap_or(name);
    (name.contains(&b'.')).then(|| name.to_ascii_lowercase().into_boxed_slice())
}

/// Second levels below which names are given out, of domains of countries.
const SECOND_LEVELS: [&str; 10] = [
    "ac", "co", "com", "edu", "gov", "ne", "net", "or", "org", "go",
];

/// Returns the part of a host's name that somebody registered: its last two labels, or three below
/// `co.uk` and its like. Registries' finer rules are not known here.
pub fn organization(name: &str) -> &str {
    let mut dots = name.rmatch_indices('.').map(|(at, _)| at);
    let (Some(top), Some(second)) = (dots.next(), dots.next()) else {
        return name;
    };
    let after = |at: usize| name.get(at + 1..).unwrap_or(name);
    let is_of_country = after(top).len() == 2;
    let below = name.get(second + 1..top).unwrap_or("");
    if !(is_of_country && SECOND_LEVELS.contains(&below)) {
        return after(second);
    }
    dots.next().map_or(name, after)
}

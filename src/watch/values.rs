//! The fields of a line that rules ask for, read once for all of them.

use std::fmt::Write as _;
use std::net::IpAddr;

use mailtally_parsers::{Fields, Seconds, Visitor};
use rustc_hash::FxHashMap;

use super::observed::Observed;

/// Where a field's value is kept.
pub(super) type Slot = usize;

/// The fields that are asked for.
#[derive(Clone, Debug, Default)]
pub(in crate::watch) struct Names(FxHashMap<String, Slot>);

impl Names {
    /// Returns the place of a field, which is asked for from now on.
    pub(super) fn slot(&mut self, name: &str) -> Slot {
        let next = self.0.len();
        *self.0.entry(name.to_owned()).or_insert(next)
    }
}

/// What a rule calls a field: one that a line has, or one that is made of some.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    Field(Slot),
    All,
    Address,
    Network,
    WideNetwork,
    User,
    Peer,
    RelayDomain,
    RecipientDomain,
}

/// Names of fields that are made of others, and what they are.
pub(super) const MADE_FIELDS: [(&str, &str); 12] = [
    ("all", "one key for everything"),
    (
        "address",
        "the other end's address; never this machine's own",
    ),
    ("network", "its network: 24 bits, of IPv6 64"),
    ("wide_network", "its network: 16 bits, of IPv6 32"),
    ("user", "the name of a login, in small letters"),
    ("peer", "the server that a mail or a TLS session went to"),
    ("relay_domain", "the last two labels of that server's name"),
    ("recipient_domain", "the domain of the recipient"),
    (MAIL_USER, "who had logged in to send the mail of this line"),
    (
        MAIL_CLIENT,
        "the address from which the mail of this line came",
    ),
    (
        MAIL_SENDER,
        "`null` if that mail is a notification and came from outside",
    ),
    (
        MAIL_RECIPIENTS,
        "how many recipients it has, on the first line that says so",
    ),
];

/// Fields that are known from earlier lines of the same mail.
pub(super) const MAIL_USER: &str = "mail_user";
pub(super) const MAIL_CLIENT: &str = "mail_client";
pub(super) const MAIL_SENDER: &str = "mail_sender";
pub(super) const MAIL_RECIPIENTS: &str = "mail_recipients";

/// Fields that made ones are made of.
const BASES: [&str; 8] = [
    "client_address",
    "rip",
    "ip",
    "rhost",
    "sasl_username",
    "user",
    "relay_host",
    "message_host",
];

/// The places of those fields.
struct Bases {
    addresses: [Slot; 4],
    users: [Slot; 2],
    peers: [Slot; 2],
    recipient: Slot,
}

/// The values of a line.
pub(super) struct Values {
    texts: Vec<Option<Vec<u8>>>,
    spare: Vec<Vec<u8>>,
    bases: Bases,
}

impl Values {
    /// Makes room for the values of fields; the names of all that are needed must be known.
    pub(super) fn new(names: &mut Names) -> Self {
        let [a, b, c, d, e, f, g, h] = BASES.map(|name| names.slot(name));
        let bases = Bases {
            addresses: [a, b, c, d],
            users: [e, f],
            peers: [g, h],
            recipient: names.slot("recipient"),
        };
        Values {
            texts: Vec::new(),
            spare: Vec::new(),
            bases,
        }
    }

    /// Reads a line.
    pub(super) fn read(&mut self, observed: &Observed<'_>, names: &Names) {
        for text in &mut self.texts {
            self.spare.extend(text.take());
        }
        self.texts.resize(names.0.len(), None);
        let mut reader = Reader {
            names,
            values: self,
        };
        observed.line.visit(&mut reader);
    }

    /// Returns the value of a field; `None` where the line lacks it.
    pub(super) fn field(&self, slot: Slot) -> Option<&[u8]> {
        self.texts.get(slot)?.as_deref()
    }

    /// Says a value, if none is known.
    pub(super) fn set(&mut self, slot: Slot, value: &[u8]) {
        let Some(text) = self.texts.get_mut(slot) else {
            return;
        };
        if text.as_ref().is_none_or(Vec::is_empty) {
            let mut buffer = self.spare.pop().unwrap_or_default();
            buffer.clear();
            buffer.extend_from_slice(value);
            *text = Some(buffer);
        }
    }

    fn stated(&self, slot: Slot) -> Option<&[u8]> {
        self.field(slot).filter(|value| !value.is_empty())
    }

    fn first(&self, slots: &[Slot]) -> Option<&[u8]> {
        slots.iter().find_map(|slot| self.stated(*slot))
    }

    /// Writes the value of what a rule asks for; `None` where the line does not say, or where what it
    /// says is no value of that sort.
    pub(super) fn write(&self, source: Source, to: &mut String) -> Option<()> {
        let bases = &self.bases;
        match source {
            Source::All => to.push_str("all"),
            Source::Address => write!(to, "{}", self.address()?).ok()?,
            Source::Network => write_network(self.address()?, 24, 64, to)?,
            Source::WideNetwork => write_network(self.address()?, 16, 32, to)?,
            Source::User => push_lower(login_name(self.first(&bases.users)?)?, to),
            Source::Peer => push_lower(host_name(self.first(&bases.peers)?)?, to),
            Source::RelayDomain => {
                let host = host_name(self.first(&bases.peers)?)?;
                push_lower(last_labels(host), to);
            }
            Source::RecipientDomain => {
                let recipient = self.stated(bases.recipient)?;
                let at = recipient.iter().rposition(|byte| *byte == b'@')?;
                push_lower(host_name(recipient.get(at + 1..)?)?, to);
            }
            Source::Field(slot) => {
                let text = String::from_utf8_lossy(self.stated(slot)?);
                to.push_str(&text);
            }
        }
        Some(())
    }

    /// Returns how many events the line stands for by the field that says so; 0 without it.
    pub(super) fn number(&self, slot: Slot) -> u64 {
        let text = self
            .field(slot)
            .and_then(|value| std::str::from_utf8(value).ok());
        text.and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// The other end's address. What comes from this machine itself says nothing about who it was.
    pub(super) fn address(&self) -> Option<IpAddr> {
        let text = self.first(&self.bases.addresses)?;
        let address: IpAddr = std::str::from_utf8(text).ok()?.parse().ok()?;
        let address = address.to_canonical();
        (!address.is_loopback()).then_some(address)
    }
}

/// Writes the network of an address: so many bits of IPv4, and of IPv6.
fn write_network(address: IpAddr, v4_bits: u32, v6_bits: u32, to: &mut String) -> Option<()> {
    match address {
        IpAddr::V4(address) => {
            let kept = address.to_bits() & u32::MAX.checked_shl(32 - v4_bits)?;
            write!(to, "{}/{v4_bits}", std::net::Ipv4Addr::from_bits(kept)).ok()
        }
        IpAddr::V6(address) => {
            let kept = address.to_bits() & u128::MAX.checked_shl(128 - v6_bits)?;
            write!(to, "{}/{v6_bits}", std::net::Ipv6Addr::from_bits(kept)).ok()
        }
    }
}

/// What strangers write where a login's name belongs is no name if it has blanks, control characters,
/// or what stands around fields: no key is made of it.
fn login_name(text: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(text).ok()?;
    let is_odd = |letter: char| {
        letter.is_control() || letter.is_whitespace() || "<>()[]{},;:?\"".contains(letter)
    };
    (text.len() <= 254 && !text.contains(is_odd)).then_some(text)
}

/// A host's or domain's name; an address literal or worse is none.
fn host_name(text: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(text).ok()?;
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_name = (1..=253).contains(&text.len()) && text.bytes().all(is_fit);
    is_name.then_some(text)
}

/// The last two labels of a name, or three where the second is as short as in `co.uk`, and below the
/// domains that RFC 2606 reserves for examples: there each name is another's.
fn last_labels(host: &str) -> &str {
    let mut dots = host.rmatch_indices('.').map(|(at, _)| at);
    let (Some(last), Some(second)) = (dots.next(), dots.next()) else {
        return host;
    };
    let is_short = last - second <= 4 && host.len() - last <= 3
        || host
            .get(second + 1..last)
            .is_some_and(|label| label.eq_ignore_ascii_case("example"));
    let cut = if is_short { dots.next() } else { Some(second) };
    cut.and_then(|cut| host.get(cut + 1..)).unwrap_or(host)
}

fn push_lower(text: &str, to: &mut String) {
    to.extend(text.chars().flat_map(char::to_lowercase));
}

struct Reader<'v> {
    names: &'v Names,
    values: &'v mut Values,
}

impl Visitor for Reader<'_> {
    fn text(&mut self, name: &'static str, value: &[u8]) {
        if let Some(slot) = self.names.0.get(name) {
            self.values.set(*slot, value);
        }
    }

    fn number(&mut self, name: &'static str, value: u64) {
        if self.names.0.contains_key(name) {
            self.text(name, value.to_string().as_bytes());
        }
    }

    fn decimal(&mut self, name: &'static str, value: &[u8]) {
        self.text(name, value);
    }

    fn seconds(&mut self, name: &'static str, value: Seconds) {
        if self.names.0.contains_key(name) {
            self.text(name, value.to_string().as_bytes());
        }
    }

    fn seconds_list(&mut self, _: &'static str, _: &[Seconds]) {}

    fn flag(&mut self, name: &'static str, value: bool) {
        self.text(name, if value { b"true" } else { b"false" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_of_a_field_stays_unless_it_is_empty() {
        let mut names = Names::default();
        let mut values = Values::new(&mut names);
        let slot = names.slot("helo");
        values.texts.resize(names.0.len(), None);
        for (said, is) in [("", ""), ("one", "one"), ("two", "one"), ("", "one")] {
            values.set(slot, said.as_bytes());
            assert_eq!(values.field(slot), Some(is.as_bytes()), "{said:?}");
        }
    }

    #[test]
    fn networks_are_cut_by_bits() {
        for (address, near, wide) in [
            ("203.0.113.9", "203.0.113.0/24", "203.0.0.0/16"),
            ("2001:db8:1:2:3::4", "2001:db8:1:2::/64", "2001:db8::/32"),
        ] {
            let address: IpAddr = address.parse().unwrap();
            let mut text = String::new();
            write_network(address, 24, 64, &mut text).unwrap();
            assert_eq!(text, near);
            text.clear();
            write_network(address, 16, 32, &mut text).unwrap();
            assert_eq!(text, wide);
        }
    }

    #[test]
    fn names_of_strangers_are_keys_only_if_they_can_be_names() {
        for name in [
            "bob",
            "bob@example.com",
            r"OFFICE\bob",
            "o'neil+x@example.com",
        ] {
            assert_eq!(login_name(name.as_bytes()), Some(name));
        }
        for name in [
            "bob\n",
            "bob x",
            "bob?",
            "bob, rip=192.0.2.1",
            "<bob>",
            "a:b",
            "b\u{202e}\u{1b}",
        ] {
            assert_eq!(login_name(name.as_bytes()), None, "{name:?}");
        }
        assert_eq!(login_name(b"b\xff"), None);
        assert_eq!(host_name(b"[192.0.2.1]"), None);
        assert_eq!(host_name(b"a b"), None);
    }

    #[test]
    fn a_provider_is_known_by_the_end_of_its_names() {
        for (host, domain) in [
            ("mx1.mail.provider.test", "provider.test"),
            ("mx1.bank.example.com", "bank.example.com"),
            ("example.com", "example.com"),
            ("mx.example.co.uk", "example.co.uk"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(last_labels(host), domain);
        }
    }
}

//! An event as rules see it: the line, its time, and where it stands.

use std::net::IpAddr;

use mailtally_parsers::{Fields, Problem, Seconds, Visitor};

use crate::export::Line;
use crate::source::{Place, WallTime};

/// Bytes of a line that an alert shows.
const SAMPLE_BYTES: usize = 300;

/// A line with its event.
pub struct Observed<'a> {
    /// The line.
    pub line: Line<'a>,
    /// The line as it was read.
    pub raw: &'a [u8],
    /// When it was logged.
    pub time: WallTime,
    /// Where it begins, if it is of a followed file.
    pub place: Option<Place>,
}

impl Observed<'_> {
    pub(super) fn problem(&self) -> Option<&'static str> {
        let problem = Problem::of(&self.line.event, self.line.record.message);
        problem.map(Problem::name)
    }

    /// Returns the line, cut if it is long.
    pub(super) fn sample(&self) -> Box<str> {
        let raw = self.raw.get(..SAMPLE_BYTES).unwrap_or(self.raw);
        String::from_utf8_lossy(raw).trim_end().into()
    }

    pub(super) fn fields(&self) -> Values {
        let mut values = Values::default();
        self.line.visit(&mut values);
        values
    }
}

/// The fields of a line by name.
#[derive(Default)]
pub(super) struct Values(Vec<(&'static str, Vec<u8>)>);

impl Values {
    fn field(&self, name: &str) -> Option<&[u8]> {
        let found = self.0.iter().find(|(found, _)| *found == name);
        found
            .map(|(_, value)| value.as_slice())
            .filter(|value| !value.is_empty())
    }

    fn first(&self, names: &[&str]) -> Option<&[u8]> {
        names.iter().find_map(|name| self.field(name))
    }

    /// Returns the value of a rule's field; `None` where the line does not say.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        match name {
            "all" => Some("all".to_owned()),
            "address" => self.address().map(|address| address.to_string()),
            "network" => self.address().map(network),
            "user" => self
                .first(&["sasl_username", "user"])
                .map(|user| text(user).to_lowercase()),
            name => self.field(name).map(text),
        }
    }

    /// Returns how many events the line stands for by the field that says so; 0 without it.
    pub(super) fn weight(&self, name: &str) -> u64 {
        let number = self
            .field(name)
            .and_then(|value| std::str::from_utf8(value).ok());
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    /// The other end's address. What comes from this machine itself says nothing about who it was.
    fn address(&self) -> Option<IpAddr> {
        let text = self.first(&["client_address", "rip", "ip", "rhost"])?;
        let address: IpAddr = std::str::from_utf8(text).ok()?.parse().ok()?;
        let address = address.to_canonical();
        (!address.is_loopback()).then_some(address)
    }
}

/// The network that one customer has: 24 bits, and 64 of IPv6.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            let network = std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0);
            format!("{network}/64")
        }
    }
}

impl Visitor for Values {
    fn text(&mut self, name: &'static str, value: &[u8]) {
        self.0.push((name, value.to_owned()));
    }

    fn number(&mut self, name: &'static str, value: u64) {
        self.0.push((name, value.to_string().into_bytes()));
    }

    fn decimal(&mut self, name: &'static str, value: &[u8]) {
        self.text(name, value);
    }

    fn seconds(&mut self, _: &'static str, _: Seconds) {}

    fn seconds_list(&mut self, _: &'static str, _: &[Seconds]) {}

    fn flag(&mut self, name: &'static str, value: bool) {
        self.text(name, if value { b"true" } else { b"false" });
    }
}

//! Deliveries that failed: why, and to where; servers that could not be reached.

use hashbrown::{HashMap, HashSet};
use mailtally_parsers::postfix::smtp;
use mailtally_parsers::{Family, family};
use schemars::JsonSchema;
use serde::Serialize;

use super::super::Tally;
use super::super::counts::Counts;
use super::super::finish;
use super::super::noted::{Note, Noted};
use super::super::symbols::{Renumber, Renumbering, Symbol, Symbols, key, plain};

/// What became of a recipient that was not delivered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Outcome {
    Deferred,
    Bounced,
}

plain!(Outcome);

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Outcome::Deferred => "deferred",
            Outcome::Bounced => "bounced",
        }
    }
}

key! {
    /// Why: the canonical class, and the enhanced status code (empty where there is none).
    pub(crate) struct Reason { outcome: Outcome, reason: Symbol, dsn: Symbol }
}

key! {
    struct Destination { why: Reason, domain: Symbol }
}

key! {
    struct Expired { reason: Option<Symbol>, domain: Option<Symbol> }
}

key! {
    struct Server { host: Symbol, family: &'static str, reason: Symbol, connected: bool }
}

/// Counts failed deliveries.
#[derive(Clone, Default)]
pub(crate) struct Failures {
    reasons: Noted<Reason>,
    destinations: Counts<Destination>,
    expired: Counts<Expired>,
    servers: Counts<Server>,
}

impl Failures {
    pub(crate) fn attempt(&mut self, why: Reason, domain: Symbol, us: i64, text: &[u8]) {
        self.reasons.add(why, us, || text);
        self.destinations.add(Destination { why, domain }, 1);
    }

    /// Counts a mail that was given up, with its last deferral.
    pub(crate) fn expired(&mut self, last_deferral: Option<(Symbol, Symbol)>) {
        let (reason, domain) = last_deferral.unzip();
        self.expired.add(Expired { reason, domain }, 1);
    }

    pub(crate) fn merge(&mut self, later: Failures, numbers: &Renumbering) {
        self.reasons.merge(later.reasons, numbers);
        self.destinations.merge(later.destinations, numbers);
        self.expired.merge(later.expired, numbers);
        self.servers.merge(later.servers, numbers);
    }

    /// The names of servers that could not be reached by IPv6.
    pub(crate) fn unreached<'a>(&self, symbols: &'a Symbols) -> HashSet<&'a [u8]> {
        let servers = self.servers.iter().map(|(server, _)| server);
        let unreached = servers.filter(|server| server.family == "ipv6" && !server.connected);
        unreached.map(|server| symbols.get(server.host)).collect()
    }

    pub(crate) fn finish(&self, symbols: &Symbols) -> FailureTotals {
        let optional = |symbol: Symbol| {
            let text = symbols.text(symbol);
            (!text.is_empty()).then_some(text)
        };
        let reason = |(key, note): (&Reason, &Note)| FailureRow {
            outcome: key.outcome.name(),
            reason: symbols.text(key.reason),
            dsn: optional(key.dsn),
            count: note.count,
            sample: note.sample(),
        };
        // A domain has one name, however it is written.
        let domain = |symbol: Symbol| symbols.text(symbol).to_lowercase();
        let mut destinations: HashMap<(Reason, String), u64> = HashMap::new();
        for (key, count) in self.destinations.iter() {
            *destinations
                .entry((key.why, domain(key.domain)))
                .or_insert(0) += count;
        }
        let destination = |((why, domain), count): ((Reason, String), u64)| DestinationRow {
            outcome: why.outcome.name(),
            domain,
            reason: symbols.text(why.reason),
            dsn: optional(why.dsn),
            count,
        };
        let mut expired: HashMap<(Option<Symbol>, Option<String>), u64> = HashMap::new();
        for (key, count) in self.expired.iter() {
            let place = (key.reason, key.domain.map(domain));
            *expired.entry(place).or_insert(0) += count;
        }
        let expired_row = |((reason, domain), count): ((Option<Symbol>, _), u64)| ExpiredRow {
            domain,
            reason: reason.map(|reason| symbols.text(reason)),
            count,
        };
        let server = |(key, count): (&Server, u64)| ServerFailureRow {
            host: symbols.text(key.host),
            family: key.family,
            connected: key.connected,
            reason: symbols.text(key.reason),
            count,
        };
        FailureTotals {
            by_reason: finish::sorted(self.reasons.iter().map(reason), |row| row.count),
            by_destination: finish::sorted(destinations.into_iter().map(destination), |row| {
                row.count
            }),
            expired: finish::sorted(expired.into_iter().map(expired_row), |row| row.count),
            servers: finish::sorted(self.servers.iter().map(server), |row| row.count),
        }
    }
}

impl Tally {
    pub(in crate::tally) fn connect_failed(&mut self, event: &smtp::ConnectFailed<'_>) {
        let family = family(event.peer.address);
        if self.wanted.unreached_alone && family != Family::Ipv6 {
            return;
        }
        let class = event.reason_class();
        let key = Server {
            host: self.symbols.intern(event.peer.host),
            family: family.name(),
            reason: self.class_symbol(class.name, class.detail),
            connected: false,
        };
        self.details.failures.servers.add(key, 1);
    }

    pub(in crate::tally) fn host_skipped(&mut self, event: &smtp::HostSkip<'_>) {
        let reply = event.reply();
        let class = event.reason_class(&reply);
        let key = Server {
            host: self.symbols.intern(reply.host.unwrap_or(b"")),
            family: reply
                .address
                .map_or("unknown", |address| family(address).name()),
            reason: self.class_symbol(class.name, class.detail),
            connected: true,
        };
        self.details.failures.servers.add(key, 1);
    }
}

/// Deliveries that failed.
#[derive(Clone, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct FailureTotals {
    /// By canonical reason.
    pub by_reason: Vec<FailureRow>,
    /// By recipient domain.
    pub by_destination: Vec<DestinationRow>,
    /// Mails given up because they had waited too long, by their last deferral.
    pub expired: Vec<ExpiredRow>,
    /// Servers that could not be reached, or did not take a mail before another one did.
    pub servers: Vec<ServerFailureRow>,
}

/// Failed attempts of one reason.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct FailureRow {
    /// `deferred` or `bounced`.
    pub outcome: &'static str,
    /// The canonical class of the reason.
    pub reason: String,
    /// The enhanced status code.
    pub dsn: Option<String>,
    /// How many attempts.
    pub count: u64,
    /// The first such text in the log.
    pub sample: String,
}

/// Failed attempts to one recipient domain.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct DestinationRow {
    /// `deferred` or `bounced`.
    pub outcome: &'static str,
    /// The recipient domain, lower-cased.
    pub domain: String,
    /// The canonical class of the reason.
    pub reason: String,
    /// The enhanced status code.
    pub dsn: Option<String>,
    /// How many attempts.
    pub count: u64,
}

/// Mails that were given up.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct ExpiredRow {
    /// The recipient domain of the last deferral; null if it is not in the log.
    pub domain: Option<String>,
    /// The canonical class of its reason.
    pub reason: Option<String>,
    /// How many mails.
    pub count: u64,
}

/// Failures of one server.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct ServerFailureRow {
    /// The server's name; may be empty.
    pub host: String,
    /// Its address family.
    pub family: &'static str,
    /// Whether there was a connection.
    pub connected: bool,
    /// The canonical class of the reason.
    pub reason: String,
    /// How often.
    pub count: u64,
}

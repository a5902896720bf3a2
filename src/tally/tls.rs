//! TLS sessions, and what the log proves about encryption.
//!
//! No TLS line does not mean plaintext: TLS logging is off by default. Plaintext needs proof, and
//! the proof by absence holds only on an instance, direction and day that does log TLS lines.

use hashbrown::{HashMap, HashSet};

use super::counts::Counts;
use super::origin::{InstanceKey, Resolver};
use super::symbols::{Renumber, Renumbering, Symbol, Symbols, key, plain};
use super::totals::{
    StateCounts, TlsFailureRow, TlsInboundRow, TlsOutboundRow, TlsStates, TlsTotals,
};
use super::{Scopes, finish};

/// A day of the log's wall clock, counted from 1970.
pub(crate) type Day = i64;

/// What a line, or the absence of one, says about a session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Encryption {
    /// Encrypted, by its TLS line.
    Logged,
    /// Encrypted, by a counter, a wrapper service or `tls=`.
    Seen,
    /// Plaintext, by `tls=none` or `:none`.
    Plain,
    /// No TLS line where one would stand if TLS lines were logged.
    NoLine,
    /// Nothing can be said (a connection taken over from another process).
    Unknown,
}

/// Which end opened the connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Direction {
    Inbound,
    Outbound,
}

plain!(Encryption, Direction);

key! {
    /// The terms of a TLS session.
    pub(crate) struct Terms { trust: &'static str, protocol: Symbol, cipher: Symbol }
}

key! {
    pub(crate) struct InboundKey { instance: InstanceKey, address: Symbol, terms: Terms }
}

key! {
    /// A session that we opened; `peer` is `host[address]:port` as logged.
    pub(crate) struct OutboundKey { instance: InstanceKey, peer: Symbol, family: &'static str, terms: Terms }
}

key! {
    struct StateKey { direction: Direction, state: Encryption, instance: InstanceKey, day: Day }
}

key! {
    struct FailureKey { direction: Direction, reason: Symbol }
}

key! {
    struct OutboundRow { key: OutboundKey, domain: Option<Symbol> }
}

key! {
    struct LoggedKey { direction: Direction, instance: InstanceKey, day: Day }
}

/// Counts TLS sessions and states.
#[derive(Clone, Default)]
pub(crate) struct TlsCounts {
    inbound: Counts<InboundKey>,
    outbound: Counts<OutboundRow>,
    states: Counts<StateKey>,
    failures: Counts<FailureKey>,
    /// Instances, directions and days that log TLS lines.
    logged: Counts<LoggedKey>,
}

impl TlsCounts {
    pub(crate) fn inbound(&mut self, key: InboundKey, day: Day) {
        self.logs_tls(Direction::Inbound, key.instance, day);
        self.inbound.add(key, 1);
    }

    pub(crate) fn logs_tls(&mut self, direction: Direction, instance: InstanceKey, day: Day) {
        self.logged.add(
            LoggedKey {
                direction,
                instance,
                day,
            },
            1,
        );
    }

    /// Counts a session that we opened, once it is known which domain it served.
    pub(crate) fn outbound(&mut self, key: OutboundKey, domain: Option<Symbol>) {
        self.outbound.add(OutboundRow { key, domain }, 1);
    }

    pub(crate) fn inbound_state(&mut self, state: Encryption, instance: InstanceKey, day: Day) {
        self.states.add(
            StateKey {
                direction: Direction::Inbound,
                state,
                instance,
                day,
            },
            1,
        );
    }

    pub(crate) fn outbound_state(&mut self, state: Encryption, instance: InstanceKey, day: Day) {
        self.states.add(
            StateKey {
                direction: Direction::Outbound,
                state,
                instance,
                day,
            },
            1,
        );
    }

    pub(crate) fn failure(&mut self, direction: Direction, reason: Symbol) {
        self.failures.add(FailureKey { direction, reason }, 1);
    }

    pub(crate) fn merge(&mut self, later: TlsCounts, numbers: &Renumbering) {
        self.inbound.merge(later.inbound, numbers);
        self.outbound.merge(later.outbound, numbers);
        self.states.merge(later.states, numbers);
        self.failures.merge(later.failures, numbers);
        self.logged.merge(later.logged, numbers);
    }

    pub(crate) fn finish(
        &self,
        symbols: &Symbols,
        instances: &Resolver<'_>,
        scopes: &Scopes,
    ) -> TlsTotals {
        TlsTotals {
            inbound: self.inbound_rows(symbols, instances, scopes),
            outbound: self.outbound_rows(symbols, instances),
            states: self.state_counts(instances),
            failures: self.failure_rows(symbols),
        }
    }

    fn inbound_rows(
        &self,
        symbols: &Symbols,
        instances: &Resolver<'_>,
        scopes: &Scopes,
    ) -> Vec<TlsInboundRow> {
        let mut sums: HashMap<_, u64> = HashMap::new();
        for (key, count) in self.inbound.iter() {
            let family = scopes.family(key.address);
            let scope = scopes.scope(key.address);
            *sums
                .entry((instances.instance(key.instance), scope, family, key.terms))
                .or_insert(0) += count;
        }
        let row =
            |((instance, client_scope, family, terms), sessions): ((Symbol, _, _, Terms), u64)| {
                TlsInboundRow {
                    instance: symbols.text(instance),
                    client_scope,
                    family,
                    trust: terms.trust,
                    protocol: symbols.text(terms.protocol),
                    cipher: symbols.text(terms.cipher),
                    sessions,
                }
            };
        finish::sorted(sums.into_iter().map(row), |row| row.sessions)
    }

    fn outbound_rows(&self, symbols: &Symbols, instances: &Resolver<'_>) -> Vec<TlsOutboundRow> {
        let row = |(row, sessions): (&OutboundRow, u64)| TlsOutboundRow {
            instance: symbols.text(instances.instance(row.key.instance)),
            domain: row.domain.map(|domain| symbols.text(domain)),
            host: symbols.text(row.key.peer),
            family: row.key.family,
            trust: row.key.terms.trust,
            protocol: symbols.text(row.key.terms.protocol),
            cipher: symbols.text(row.key.terms.cipher),
            sessions,
        };
        finish::sorted(self.outbound.iter().map(row), |row| row.sessions)
    }

    fn state_counts(&self, instances: &Resolver<'_>) -> TlsStates {
        let logged: HashSet<_> = self
            .logged
            .iter()
            .map(|(key, _)| {
                (
                    key.direction,
                    key.instance.host,
                    instances.instance(key.instance),
                    key.day,
                )
            })
            .collect();
        let mut states = TlsStates::default();
        for (key, count) in self.states.iter() {
            let counts = match key.direction {
                Direction::Inbound => &mut states.inbound,
                Direction::Outbound => &mut states.outbound,
            };
            let instance = instances.instance(key.instance);
            let is_logged_there =
                logged.contains(&(key.direction, key.instance.host, instance, key.day));
            *state(counts, key.state, is_logged_there) += count;
        }
        states
    }

    fn failure_rows(&self, symbols: &Symbols) -> Vec<TlsFailureRow> {
        let row = |(key, sessions): (&FailureKey, u64)| TlsFailureRow {
            direction: match key.direction {
                Direction::Inbound => "inbound",
                Direction::Outbound => "outbound",
            },
            reason: symbols.text(key.reason),
            sessions,
        };
        finish::sorted(self.failures.iter().map(row), |row| row.sessions)
    }
}

/// The column that a state counts in.
fn state(counts: &mut StateCounts, state: Encryption, is_logged_there: bool) -> &mut u64 {
    match state {
        Encryption::Logged => &mut counts.logged,
        Encryption::Seen => &mut counts.seen,
        Encryption::Plain => &mut counts.plaintext,
        Encryption::NoLine if is_logged_there => &mut counts.plaintext,
        Encryption::NoLine | Encryption::Unknown => &mut counts.not_logged,
    }
}

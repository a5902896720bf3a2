//! TLS sessions, and what the log proves about encryption.
//!
//! No TLS line does not mean plaintext: TLS logging is off by default. Plaintext needs proof, and
//! the proof by absence holds only on an instance, direction and day that does log TLS lines.

use hashbrown::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;
use schemars::JsonSchema;
use serde::Serialize;

use super::counts::Counts;
use super::origin::{InstanceKey, Resolver};
use super::recent::Recent;
use super::symbols::{Renumber, Renumbering, Symbol, Symbols, Word, key, plain};
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

impl Encryption {
    /// All there are, in their order.
    const ALL: [Encryption; Encryption::COUNT] = [
        Encryption::Logged,
        Encryption::Seen,
        Encryption::Plain,
        Encryption::NoLine,
        Encryption::Unknown,
    ];
    const COUNT: usize = 5;
}

/// Which end opened the connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Direction {
    Inbound,
    Outbound,
}

plain!(Direction);

key! {
    /// The terms of a TLS session.
    pub(crate) struct Terms { trust: Word, protocol: Symbol, cipher: Symbol }
}

key! {
    pub(crate) struct InboundKey found_by(address) { instance: InstanceKey, address: Symbol, terms: Terms }
}

key! {
    /// A session that we opened; `peer` is `host[address]:port` as logged.
    pub(crate) struct OutboundKey found_by(peer) { instance: InstanceKey, peer: Symbol, family: Word, terms: Terms }
}

key! {
    /// An instance, on one day.
    struct DayKey { instance: InstanceKey, day: Day }
}

/// What a row of outgoing sessions is made of: instance, domain and server where they are listed, family
/// and terms.
type Outbound = (InstanceKey, Option<Symbol>, Option<Symbol>, Word, Terms);

/// What one instance logged on one day.
#[derive(Clone, Copy, Debug, Default)]
struct Daily {
    inbound: OneWay,
    outbound: OneWay,
}

/// The same of one direction.
#[derive(Clone, Copy, Debug, Default)]
struct OneWay {
    /// Whether TLS lines are logged.
    logs_tls: bool,
    /// Sessions or deliveries by state.
    states: [u64; Encryption::COUNT],
}

impl OneWay {
    fn count(&mut self, state: Encryption) {
        if let Some(count) = self.states.get_mut(state as usize) {
            *count += 1;
        }
    }

    fn merge(&mut self, later: &OneWay) {
        self.logs_tls |= later.logs_tls;
        for (ours, theirs) in self.states.iter_mut().zip(later.states) {
            *ours += theirs;
        }
    }
}

impl Daily {
    fn way(&mut self, direction: Direction) -> &mut OneWay {
        match direction {
            Direction::Inbound => &mut self.inbound,
            Direction::Outbound => &mut self.outbound,
        }
    }
}

key! {
    struct FailureKey { direction: Direction, reason: Symbol }
}

key! {
    struct OutboundRow { key: OutboundKey, domain: Option<Symbol> }
}

key! {
    /// A delivery without encryption: by the line itself, or because no TLS line stands for it.
    struct PlainKey { instance: InstanceKey, day: Day, domain: Option<Symbol>, is_stated: bool }
}

key! {
    /// The `tls=` of a delivery line, since Postfix 3.11.
    struct LevelKey { level: Symbol, domain: Symbol, is_sent: bool }
}

/// Counts TLS sessions and states.
#[derive(Clone, Default)]
pub(crate) struct TlsCounts {
    inbound: Counts<InboundKey>,
    outbound: Counts<OutboundRow>,
    days: Recent<DayKey, Daily>,
    failures: Counts<FailureKey>,
    plain: Counts<PlainKey>,
    levels: Counts<LevelKey>,
}

impl TlsCounts {
    pub(crate) fn inbound(&mut self, key: InboundKey, day: Day) {
        self.logs_tls(Direction::Inbound, key.instance, day);
        self.inbound.add(key, 1);
    }

    pub(crate) fn logs_tls(&mut self, direction: Direction, instance: InstanceKey, day: Day) {
        self.days
            .of(DayKey { instance, day })
            .way(direction)
            .logs_tls = true;
    }

    /// Counts a session that we opened, once it is known which domain it served.
    pub(crate) fn outbound(&mut self, key: OutboundKey, domain: Option<Symbol>) {
        self.outbound.add(OutboundRow { key, domain }, 1);
    }

    pub(crate) fn inbound_state(&mut self, state: Encryption, instance: InstanceKey, day: Day) {
        self.days.of(DayKey { instance, day }).inbound.count(state);
    }

    pub(crate) fn outbound_state(&mut self, state: Encryption, instance: InstanceKey, day: Day) {
        self.days.of(DayKey { instance, day }).outbound.count(state);
    }

    /// Counts a delivery that was not encrypted, if this instance logs TLS lines that day.
    pub(crate) fn plain_delivery(
        &mut self,
        instance: InstanceKey,
        day: Day,
        domain: Option<Symbol>,
        is_stated: bool,
    ) {
        let key = PlainKey {
            instance,
            day,
            domain,
            is_stated,
        };
        self.plain.add(key, 1);
    }

    pub(crate) fn failure(&mut self, direction: Direction, reason: Symbol) {
        self.failures.add(FailureKey { direction, reason }, 1);
    }

    /// Counts without a session, that know who logged TLS lines on the last days.
    pub(crate) fn going_on(before: &TlsCounts, numbers: &Renumbering) -> TlsCounts {
        let mut counts = TlsCounts::default();
        let logs_tls = |daily: &Daily| daily.inbound.logs_tls || daily.outbound.logs_tls;
        let logged = || before.days.iter().filter(|(_, daily)| logs_tls(daily));
        let last = logged().map(|(key, _)| key.day).max();
        for (key, daily) in logged().filter(|(key, _)| Some(key.day + 1) >= last) {
            let ours = counts.days.of(key.renumber(numbers));
            ours.inbound.logs_tls = daily.inbound.logs_tls;
            ours.outbound.logs_tls = daily.outbound.logs_tls;
        }
        counts
    }

    pub(crate) fn merge(&mut self, later: TlsCounts, numbers: &Renumbering) {
        self.inbound.merge(later.inbound, numbers);
        self.outbound.merge(later.outbound, numbers);
        for (key, theirs) in later.days.iter() {
            let ours = self.days.of(key.renumber(numbers));
            ours.inbound.merge(&theirs.inbound);
            ours.outbound.merge(&theirs.outbound);
        }
        self.failures.merge(later.failures, numbers);
        self.plain.merge(later.plain, numbers);
        self.levels.merge(later.levels, numbers);
    }

    pub(crate) fn finish(
        &self,
        symbols: &Symbols,
        instances: &Resolver<'_>,
        scopes: &Scopes,
        lists: bool,
    ) -> TlsTotals {
        TlsTotals {
            inbound: self.inbound_rows(symbols, instances, scopes),
            outbound: self.outbound_rows(symbols, instances, lists),
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
        let mut sums: HashMap<_, u64, FxBuildHasher> = HashMap::default();
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
                    trust: terms.trust.0,
                    protocol: symbols.text(terms.protocol),
                    cipher: symbols.text(terms.cipher),
                    sessions,
                }
            };
        finish::sorted(sums.into_iter().map(row), |row| row.sessions)
    }

    /// Sessions with servers; without `lists` one row stands for all servers and domains that a row
    /// has no other column for.
    fn outbound_rows(
        &self,
        symbols: &Symbols,
        instances: &Resolver<'_>,
        lists: bool,
    ) -> Vec<TlsOutboundRow> {
        let mut sums: HashMap<Outbound, u64, FxBuildHasher> = HashMap::default();
        for (row, sessions) in self.outbound.iter() {
            let (domain, peer) = match lists {
                true => (row.domain, Some(row.key.peer)),
                false => (None, None),
            };
            let (instance, family, terms) = (row.key.instance, row.key.family, row.key.terms);
            *sums
                .entry((instance, domain, peer, family, terms))
                .or_insert(0) += sessions;
        }
        let text = |symbol: Symbol| symbols.text(symbol);
        let row =
            |((instance, domain, peer, family, terms), sessions): (Outbound, u64)| TlsOutboundRow {
                instance: text(instances.instance(instance)),
                domain: domain.map(text),
                host: peer.map_or_else(String::new, text),
                family: family.0,
                trust: terms.trust.0,
                protocol: text(terms.protocol),
                cipher: text(terms.cipher),
                sessions,
            };
        finish::sorted(sums.into_iter().map(row), |row| row.sessions)
    }

    fn state_counts(&self, instances: &Resolver<'_>) -> TlsStates {
        let logged = self.logged(instances);
        let mut states = TlsStates::default();
        for (key, daily) in self.days.iter() {
            let instance = instances.instance(key.instance);
            for (direction, way, counts) in [
                (Direction::Inbound, &daily.inbound, &mut states.inbound),
                (Direction::Outbound, &daily.outbound, &mut states.outbound),
            ] {
                let place = (direction, key.instance.host, instance, key.day);
                let is_logged_there = logged.contains(&place);
                for (name, count) in Encryption::ALL.into_iter().zip(way.states) {
                    *state(counts, name, is_logged_there) += count;
                }
            }
        }
        states
    }

    /// The directions of instances of hosts that log TLS lines on a day.
    fn logged(&self, instances: &Resolver<'_>) -> HashSet<(Direction, Symbol, Symbol, Day)> {
        let mut logged = HashSet::new();
        for (key, daily) in self.days.iter() {
            let instance = instances.instance(key.instance);
            for (direction, way) in [
                (Direction::Inbound, &daily.inbound),
                (Direction::Outbound, &daily.outbound),
            ] {
                if way.logs_tls {
                    logged.insert((direction, key.instance.host, instance, key.day));
                }
            }
        }
        logged
    }

    /// Counts the TLS level that a delivery line states.
    pub(crate) fn level(&mut self, level: Symbol, domain: Symbol, is_sent: bool) {
        let key = LevelKey {
            level,
            domain,
            is_sent,
        };
        self.levels.add(key, 1);
    }

    /// Deliveries by TLS level and recipient domain.
    pub(crate) fn level_rows(&self, symbols: &Symbols) -> Vec<LevelRow> {
        let mut rows: HashMap<(Symbol, Symbol), (u64, u64)> = HashMap::new();
        for (key, count) in self.levels.iter() {
            let (delivered, failed) = rows.entry((key.level, key.domain)).or_default();
            *(if key.is_sent { delivered } else { failed }) += count;
        }
        let row = |((level, domain), (delivered, failed)): ((Symbol, Symbol), _)| LevelRow {
            level: symbols.text(level),
            domain: symbols.text(domain),
            delivered,
            failed,
        };
        finish::sorted(rows.into_iter().map(row), |row| row.delivered)
    }

    /// Deliveries that the log proves to be plaintext, by recipient domain.
    pub(crate) fn plaintext_rows(
        &self,
        symbols: &Symbols,
        instances: &Resolver<'_>,
    ) -> Vec<PlaintextRow> {
        let logged = self.logged(instances);
        let mut domains: HashMap<Option<Symbol>, u64> = HashMap::new();
        for (key, count) in self.plain.iter() {
            let instance = instances.instance(key.instance);
            let place = (Direction::Outbound, key.instance.host, instance, key.day);
            if key.is_stated || logged.contains(&place) {
                *domains.entry(key.domain).or_insert(0) += count;
            }
        }
        let row = |(domain, deliveries): (Option<Symbol>, u64)| PlaintextRow {
            domain: domain.map(|domain| symbols.text(domain)),
            deliveries,
        };
        finish::sorted(domains.into_iter().map(row), |row| row.deliveries)
    }

    /// Sessions with an old protocol or a weak cipher, by the peer that would lose them.
    pub(crate) fn weak_rows(&self, symbols: &Symbols) -> Vec<WeakRow> {
        let mut peers: HashMap<(&'static str, Symbol), Peer> = HashMap::new();
        let sessions = self.inbound.iter().map(|(key, count)| {
            let peer = ("inbound", key.address);
            (peer, key.terms, count)
        });
        let outbound = self.outbound.iter().map(|(row, count)| {
            let peer = ("outbound", row.domain.unwrap_or(row.key.peer));
            (peer, row.key.terms, count)
        });
        // Peers are many, and terms are few.
        let mut known: HashMap<(Symbol, Symbol), Option<&'static str>> = HashMap::new();
        for (peer, terms, count) in sessions.chain(outbound) {
            let peer = peers.entry(peer).or_default();
            let why = known
                .entry((terms.protocol, terms.cipher))
                .or_insert_with(|| {
                    weakness(symbols.get(terms.protocol), symbols.get(terms.cipher))
                });
            match why {
                Some(_) => *peer.weak.entry((terms.protocol, terms.cipher)).or_insert(0) += count,
                None => peer.strong += count,
            }
        }
        let rows = peers.into_iter().flat_map(|((direction, name), peer)| {
            let strong = peer.strong;
            let row = move |((protocol, cipher), sessions)| WeakRow {
                direction,
                peer: symbols.text(name),
                why: weakness(symbols.get(protocol), symbols.get(cipher)).unwrap_or(""),
                protocol: symbols.text(protocol),
                cipher: symbols.text(cipher),
                sessions,
                strong_sessions: strong,
            };
            peer.weak.into_iter().map(row)
        });
        finish::sorted(rows, |row| row.sessions)
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

/// The sessions of one peer.
#[derive(Default)]
struct Peer {
    /// By protocol and cipher.
    weak: HashMap<(Symbol, Symbol), u64>,
    strong: u64,
}

/// Tells why a session is weak; `None` if it is not.
///
/// Protocols before TLS 1.2 are deprecated by RFC 8996; ciphers are told by the parts of their names.
/// Those without authentication (`ADH`, `AECDH`) are usual between mail servers, and not meant.
fn weakness(protocol: &[u8], cipher: &[u8]) -> Option<&'static str> {
    if matches!(
        protocol,
        b"SSLv2" | b"SSLv3" | b"TLSv1" | b"TLSv1.0" | b"TLSv1.1"
    ) {
        return Some("protocol");
    }
    const PARTS: [&[u8]; 9] = [
        b"RC4", b"RC2", b"DES", b"3DES", b"NULL", b"EXP", b"MD5", b"IDEA", b"SEED",
    ];
    let mut parts = cipher.split(|byte| matches!(byte, b'-' | b'_'));
    let is_weak = parts.any(|part| PARTS.contains(&part));
    is_weak.then_some("cipher")
}

/// Deliveries to one domain that the log proves to be plaintext.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct PlaintextRow {
    /// The recipient domain.
    pub domain: Option<String>,
    /// How many deliveries.
    pub deliveries: u64,
}

/// Deliveries of one TLS level to one domain.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct LevelRow {
    /// The level as logged: `may`, `may:none`, `encrypt`, `dane`, …
    pub level: String,
    /// The recipient domain.
    pub domain: String,
    /// Recipients delivered.
    pub delivered: u64,
    /// Attempts that were deferred or bounced.
    pub failed: u64,
}

/// Sessions of one peer that are weak in one way.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct WeakRow {
    /// `inbound` or `outbound`.
    pub direction: &'static str,
    /// The client's address; for `outbound` the recipient domain, or the server.
    pub peer: String,
    /// `protocol` or `cipher`: what is weak.
    pub why: &'static str,
    /// E.g. `TLSv1`.
    pub protocol: String,
    /// E.g. `DES-CBC3-SHA`.
    pub cipher: String,
    /// How many sessions.
    pub sessions: u64,
    /// The peer's sessions that are not weak: with none it would be cut off.
    pub strong_sessions: u64,
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

//! Clients: connections, accepted mail, evidence of unwanted mail.

use hashbrown::HashMap;
use mailtally_parsers::Family;
use rustc_hash::FxBuildHasher;

use super::by_symbol::SymbolCounts;
use super::counts::Counts;
use super::evidence::Evidence;
use super::finish::{self, Scopes};
use super::origin::{Resolver, ServiceKey};
use super::recent::Recent;
use super::symbols::{Renumber, Renumbering, Symbol, Symbols, Word, key, plain};
use super::totals::{AcceptedRow, ConnectionRow, EvidenceRow, FamilyCounts, ServiceRow};

plain!(Evidence);

key! {
    struct ConnectionKey found_by(address) { service: ServiceKey, daemon: Word, address: Symbol }
}

key! {
    struct SignKey { address: Symbol, sign: Evidence }
}

/// Counts what clients do.
#[derive(Clone, Default)]
pub(crate) struct Clients {
    connections: Counts<ConnectionKey>,
    /// Clients that postscreen passed on: smtpd counts them once more.
    passed: Counts<Symbol>,
    signs: Counts<SignKey>,
    names: HashMap<Symbol, Symbol, FxBuildHasher>,
    pub(crate) accepted: SymbolCounts,
}

impl Clients {
    pub(crate) fn connect(&mut self, service: ServiceKey, daemon: &'static str, address: Symbol) {
        self.connections.add(
            ConnectionKey {
                service,
                daemon: Word(daemon),
                address,
            },
            1,
        );
    }

    pub(crate) fn passed(&mut self, address: Symbol) {
        self.passed.add(address, 1);
    }

    pub(crate) fn sign(&mut self, address: Symbol, sign: Evidence) {
        self.signs.add(SignKey { address, sign }, 1);
    }

    /// Notes a verified name of an address. Of several the first by name stays, whatever came first.
    pub(crate) fn name(&mut self, address: Symbol, name: Symbol, symbols: &Symbols) {
        let known = self.names.entry(address).or_insert(name);
        if symbols.get(name) < symbols.get(*known) {
            *known = name;
        }
    }

    pub(crate) fn merge(&mut self, later: Clients, numbers: &Renumbering, symbols: &Symbols) {
        self.connections.merge(later.connections, numbers);
        self.passed.merge(later.passed, numbers);
        self.signs.merge(later.signs, numbers);
        self.accepted.merge(&later.accepted, numbers);
        for (address, name) in later.names {
            self.name(address.renumber(numbers), name.renumber(numbers), symbols);
        }
    }

    /// Accepted mails by client; without `lists` one row stands for all clients of a family and
    /// scope.
    pub(crate) fn accepted_rows(
        &self,
        symbols: &Symbols,
        scopes: &Scopes<'_>,
        lists: bool,
    ) -> Vec<AcceptedRow> {
        let mut sums: HashMap<_, u64, FxBuildHasher> = HashMap::default();
        for (address, count) in self.accepted.iter() {
            let listed = lists.then_some(address);
            let (family, scope) = scopes.of(address);
            let key = (listed, family, Word(scope));
            *sums.entry(key).or_insert(0) += count;
        }
        let row =
            |((address, family, client_scope), count): ((Option<Symbol>, Family, Word), u64)| {
                AcceptedRow {
                    address: address.map_or_else(String::new, |address| symbols.text(address)),
                    family: family.name(),
                    client_scope: client_scope.0,
                    count,
                }
            };
        finish::sorted(sums.into_iter().map(row), |row| row.count)
    }

    /// Connections by family; a client that postscreen passed counts once.
    pub(crate) fn families(&self, scopes: &Scopes<'_>) -> FamilyCounts {
        let mut families = FamilyCounts::default();
        for (key, count) in self.connections.iter() {
            *column(&mut families, scopes.of(key.address).0) += count;
        }
        for (&address, count) in self.passed.iter() {
            let column = column(&mut families, scopes.of(address).0);
            *column = column.saturating_sub(count);
        }
        families
    }

    /// Connections by service.
    pub(crate) fn services(&self, symbols: &Symbols, instances: &Resolver<'_>) -> Vec<ServiceRow> {
        // Many addresses share few services, whose names are looked up once each.
        let mut counts: Recent<(ServiceKey, Word), u64> = Recent::default();
        for (key, count) in self.connections.iter() {
            *counts.of((key.service, key.daemon)) += count;
        }
        let mut named: HashMap<(Symbol, Option<String>, &'static str), u64> = HashMap::new();
        for ((service, daemon), count) in counts.iter() {
            let instance = instances.instance(service.instance);
            *named
                .entry((instance, instances.service(service), daemon.0))
                .or_insert(0) += count;
        }
        let row = |((instance, service, daemon), count): ((Symbol, _, _), u64)| ServiceRow {
            instance: symbols.text(instance),
            service,
            daemon,
            count,
        };
        finish::sorted(named.into_iter().map(row), |row| row.count)
    }

    /// Connections by service and address.
    pub(crate) fn addresses(
        &self,
        symbols: &Symbols,
        instances: &Resolver<'_>,
        scopes: &Scopes<'_>,
    ) -> Vec<ConnectionRow> {
        let mut named: HashMap<(Symbol, Option<String>, &'static str, Symbol), u64> =
            HashMap::new();
        for (key, count) in self.connections.iter() {
            let instance = instances.instance(key.service.instance);
            let service = instances.service(key.service);
            *named
                .entry((instance, service, key.daemon.0, key.address))
                .or_insert(0) += count;
        }
        let row = |((instance, service, daemon, address), count): ((Symbol, _, _, Symbol), u64)| {
            ConnectionRow {
                instance: symbols.text(instance),
                service,
                daemon,
                address: symbols.text(address),
                family: scopes.family(address),
                client_scope: scopes.scope(address),
                count,
            }
        };
        finish::sorted(named.into_iter().map(row), |row| row.count)
    }

    /// Gathers the evidence by address; for `lists` in order of address.
    pub(crate) fn evidence(
        &self,
        failures: impl Iterator<Item = (Symbol, u64)>,
        symbols: &Symbols,
        scopes: &Scopes<'_>,
        lists: bool,
    ) -> Vec<EvidenceRow> {
        let mut rows: HashMap<Symbol, EvidenceRow, FxBuildHasher> = HashMap::default();
        let mut row = |address: Symbol, add: &dyn Fn(&mut EvidenceRow)| {
            add(rows
                .entry(address)
                .or_insert_with(|| self.blank_row(address, symbols, scopes)));
        };
        for (key, count) in self.signs.iter() {
            row(key.address, &|row| match key.sign {
                Evidence::Reject | Evidence::Later => row.rejects += count,
                Evidence::Dnsbl => row.dnsbl += count,
                Evidence::UnknownRecipient => row.unknown_recipients += count,
                Evidence::Postscreen | Evidence::Protocol => row.protocol_errors += count,
                // Logins come with `failures`; verdicts are `top`'s alone.
                Evidence::AuthFailure | Evidence::Spam | Evidence::Virus => {}
            });
        }
        for (address, count) in failures {
            row(address, &|row| row.auth_failures += count);
        }
        let mut rows: Vec<EvidenceRow> = rows.into_values().collect();
        if lists {
            rows.sort();
        }
        rows
    }

    fn blank_row(&self, address: Symbol, symbols: &Symbols, scopes: &Scopes<'_>) -> EvidenceRow {
        EvidenceRow {
            address: symbols.text(address),
            family: scopes.family(address),
            client_scope: scopes.scope(address),
            hostname: self.names.get(&address).map(|&name| symbols.text(name)),
            rejects: 0,
            dnsbl: 0,
            auth_failures: 0,
            unknown_recipients: 0,
            protocol_errors: 0,
            accepted: self.accepted.get(address),
        }
    }
}

fn column(counts: &mut FamilyCounts, family: Family) -> &mut u64 {
    match family {
        Family::Ipv4 => &mut counts.ipv4,
        Family::Ipv6 => &mut counts.ipv6,
        Family::Local => &mut counts.local,
        Family::Unknown => &mut counts.unknown,
    }
}

//! What all rows of a finished tally have in common: order, scope and family of addresses.

use std::cell::RefCell;

use hashbrown::HashSet;
use mailtally_parsers::{Family, family, is_loopback};

use super::symbols::{Derived, Symbol, Symbols};

/// Collects rows, sorted by count descending, then by all their columns.
pub(crate) fn sorted<R: Ord>(rows: impl Iterator<Item = R>, count: impl Fn(&R) -> u64) -> Vec<R> {
    let mut rows: Vec<R> = rows.collect();
    // Rows that compare equal are equal: their order is of no account.
    rows.sort_unstable_by(|a, b| count(b).cmp(&count(a)).then_with(|| a.cmp(b)));
    rows
}

/// Collects rows: sorted where they are `listed`, in no order where they are only added up.
pub(crate) fn listed<R: Ord>(
    rows: impl Iterator<Item = R>,
    listed: bool,
    count: impl Fn(&R) -> u64,
) -> Vec<R> {
    match listed {
        true => sorted(rows, count),
        false => rows.collect(),
    }
}

/// Tells scope and family of addresses, once all hops are known.
pub(crate) struct Scopes<'a> {
    symbols: &'a Symbols,
    own: HashSet<Symbol>,
    /// Many rows name the same address.
    known: RefCell<Derived<(Family, &'static str)>>,
}

impl<'a> Scopes<'a> {
    pub(crate) fn new(symbols: &'a Symbols, own: HashSet<Symbol>) -> Self {
        Scopes {
            symbols,
            own,
            known: RefCell::default(),
        }
    }

    /// `own` for loopback and for both ends of a hop between Postfixes of these logs.
    pub(crate) fn scope(&self, address: Symbol) -> &'static str {
        self.of(address).1
    }

    pub(crate) fn family(&self, address: Symbol) -> &'static str {
        self.of(address).0.name()
    }

    /// The family and the scope of an address.
    pub(crate) fn of(&self, address: Symbol) -> (Family, &'static str) {
        self.known.borrow_mut().of(address, || {
            let text = self.symbols.get(address);
            let is_own = self.own.contains(&address) || is_loopback(text);
            let scope = if is_own { "own" } else { "outside" };
            (family(text), scope)
        })
    }
}

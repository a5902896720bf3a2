//! Counters by string, which merge by adding.
//!
//! For strings that are most of a log's anyway, or nearly so: a count takes no hash, and every string
//! has room for one.

use super::symbols::{Renumber, Renumbering, Symbol};

/// How often each string was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct SymbolCounts(Vec<u64>);

impl SymbolCounts {
    /// Adds to a string's count.
    #[inline]
    pub(crate) fn add(&mut self, symbol: Symbol, count: u64) {
        match self.0.get_mut(symbol.number() as usize) {
            Some(sum) => *sum = sum.saturating_add(count),
            None => self.begin(symbol, count),
        }
    }

    #[cold]
    #[inline(never)]
    fn begin(&mut self, symbol: Symbol, count: u64) {
        let at = symbol.number() as usize;
        self.0.resize(at, 0);
        self.0.push(count);
    }

    /// Adds a later part's counts.
    pub(crate) fn merge(&mut self, later: &SymbolCounts, numbers: &Renumbering) {
        for (symbol, count) in later.iter() {
            self.add(symbol.renumber(numbers), count);
        }
    }

    /// Lists the counts of the strings that were seen.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Symbol, u64)> {
        let all = (0..).zip(&self.0).filter(|(_, count)| **count > 0);
        all.map(|(number, &count)| (Symbol::numbered(number), count))
    }

    /// Returns a string's count.
    pub(crate) fn get(&self, symbol: Symbol) -> u64 {
        self.0.get(symbol.number() as usize).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::symbols::Symbols;
    use super::*;

    #[test]
    fn counts_merge_by_string_and_none_is_listed_that_was_not_seen() {
        let (mut early, mut later) = (Symbols::default(), Symbols::default());
        let [a, b] = [b"a", b"b"].map(|text| early.intern(text));
        let [c, a_later] = [b"c", b"a"].map(|text| later.intern(text));
        let (mut counts, mut others) = (SymbolCounts::default(), SymbolCounts::default());
        counts.add(b, 2);
        counts.add(b, 3);
        others.add(a_later, 7);
        others.add(c, u64::MAX);
        others.add(c, 1);
        counts.merge(&others, &early.merge(&later));
        let c = early.find(b"c").unwrap();
        assert_eq!(
            counts.iter().collect::<Vec<_>>(),
            [(a, 7), (b, 5), (c, u64::MAX)]
        );
        assert_eq!((counts.get(b), counts.get(early.intern(b"d"))), (5, 0));
    }
}

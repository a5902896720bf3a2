//! Counters by key, which merge by adding.

use std::hash::Hash;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::symbols::{Renumber, Renumbering};

/// Tables of few keys grow fourfold, and to room for so many at once: doubling moved each key once
/// more than was needed.
const FEW: usize = 28;
/// Tables of so many keys or more double: room that is not taken counts there.
const MANY: usize = 1 << 14;

/// How often each key was seen.
///
/// Keys are small numbers of ours, not strings of a stranger's: a hash without a secret will do.
#[derive(Clone, Debug)]
pub(crate) struct Counts<K>(HashMap<K, u64, FxBuildHasher>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Counts(HashMap::default())
    }
}

impl<K: Copy + Eq + Hash + Renumber> Counts<K> {
    /// Adds to a key's count.
    #[inline]
    pub(crate) fn add(&mut self, key: K, count: u64) {
        match self.0.get_mut(&key) {
            // Sizes are what a log says they are.
            Some(sum) => *sum = sum.saturating_add(count),
            None => self.begin(key, count),
        }
    }

    /// Counts a key for the first time: few lines bring a new one.
    #[cold]
    #[inline(never)]
    fn begin(&mut self, key: K, count: u64) {
        let keys = self.0.len();
        if keys == self.0.capacity() && keys < MANY {
            self.0.reserve((3 * keys).max(FEW));
        }
        self.0.insert(key, count);
    }

    /// Adds a later part's counts.
    pub(crate) fn merge(&mut self, later: Counts<K>, numbers: &Renumbering) {
        if self.0.is_empty() {
            self.0.reserve(later.0.len());
        }
        for (key, count) in later.0 {
            self.add(key.renumber(numbers), count);
        }
    }

    /// Lists the counts in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, u64)> {
        self.0.iter().map(|(key, &count)| (key, count))
    }

    /// Returns a key's count.
    pub(crate) fn get(&self, key: &K) -> u64 {
        self.0.get(key).copied().unwrap_or(0)
    }
}

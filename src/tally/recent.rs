//! Values by key, of which a line mostly asks for the one that the line before asked for.

use std::hash::Hash;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// So many keys are compared one by one: most logs have no more.
const FEW: usize = 4;

/// Values by key: the one asked for last is found without a hash.
#[derive(Clone, Debug)]
pub(crate) struct Recent<K, V> {
    all: Vec<(K, V)>,
    places: HashMap<K, usize, FxBuildHasher>,
    last: usize,
    /// Stands for a value that is not there: there is none such.
    spare: V,
}

impl<K, V: Default> Default for Recent<K, V> {
    fn default() -> Self {
        Recent {
            all: Vec::new(),
            places: HashMap::default(),
            last: 0,
            spare: V::default(),
        }
    }
}

impl<K: Copy + Eq + Hash, V: Default> Recent<K, V> {
    /// Returns the value of a key; it begins with the default.
    #[inline]
    pub(crate) fn of(&mut self, key: K) -> &mut V {
        if self.last_key() != Some(key) {
            self.turn_to(key);
        }
        match self.all.get_mut(self.last) {
            Some((_, value)) => value,
            None => &mut self.spare,
        }
    }

    /// Returns the key that was asked for last.
    #[inline]
    pub(crate) fn last_key(&self) -> Option<K> {
        self.all.get(self.last).map(|(key, _)| *key)
    }

    #[inline(never)]
    fn turn_to(&mut self, key: K) {
        let few = self.all.iter().take(FEW);
        match few.into_iter().position(|(known, _)| *known == key) {
            Some(place) => self.last = place,
            None => self.look_up(key),
        }
    }

    fn look_up(&mut self, key: K) {
        let next = self.all.len();
        self.last = *self.places.entry(key).or_insert(next);
        if self.last == next {
            self.all.push((key, V::default()));
        }
    }

    /// Lists keys and values in the order in which they were first asked for.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.all.iter().map(|(key, value)| (*key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_a_value_of_its_own_whatever_was_asked_before() {
        let mut counts: Recent<u32, u64> = Recent::default();
        assert_eq!(counts.last_key(), None);
        for key in [7, 7, 3, 7, 3, 3, 9, 7, 1, 2, 4, 2, 4, 7, 4, 2, 9] {
            *counts.of(key) += 1;
            assert_eq!(counts.last_key(), Some(key));
        }
        let all: Vec<_> = counts.iter().map(|(key, count)| (key, *count)).collect();
        assert_eq!(all, [(7, 5), (3, 3), (9, 2), (1, 1), (2, 3), (4, 3)]);
    }
}

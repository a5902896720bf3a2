//! Texts of strangers with a value each, in bounded memory.
//!
//! Beyond [`CAP`] texts a sample of them is kept: those whose hash begins with enough zeros. What
//! is kept is counted exactly, and which texts those are depends on nothing but all texts that
//! were seen: not on their order, nor on where the log was cut. So parts merge to the same sample,
//! which a list of the commonest so far would not do.

use std::hash::Hash;

use hashbrown::{Equivalent, HashMap};

use super::super::own;
use super::super::symbols::{Renumber, Renumbering, plain};

/// How many texts are kept, at most.
pub(crate) const CAP: usize = 200_000;

plain!(());

/// A value that knows whether it counts towards the cap.
pub(crate) trait Kept: Default {
    /// Whether the text is one of those that are sampled; others are only remembered for a while.
    fn is_counted(&self) -> bool;
}

impl Kept for u64 {
    fn is_counted(&self) -> bool {
        true
    }
}

/// A text, and what it is counted under.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Named<G> {
    pub(crate) group: G,
    pub(crate) text: Box<[u8]>,
}

/// The same, borrowed.
#[derive(Hash)]
struct Asked<'a, G> {
    group: G,
    text: &'a [u8],
}

impl<G: Eq> Equivalent<Named<G>> for Asked<'_, G> {
    fn equivalent(&self, key: &Named<G>) -> bool {
        self.group == key.group && *self.text == *key.text
    }
}

/// Values by text. Texts are strangers' choice, so the table's own hash has a secret.
#[derive(Clone)]
pub(crate) struct Sampled<G, V> {
    map: HashMap<Named<G>, V>,
    /// How many zeros a hash has to begin with.
    level: u32,
    /// How many values count towards the cap.
    counted: usize,
    cap: usize,
}

impl<G, V> Default for Sampled<G, V> {
    fn default() -> Self {
        Sampled {
            map: HashMap::new(),
            level: 0,
            counted: 0,
            cap: CAP,
        }
    }
}

impl<G: Copy + Eq + Hash + Renumber, V: Kept> Sampled<G, V> {
    /// Changes the value of a text; its first one is the default.
    pub(crate) fn update(&mut self, group: G, text: &[u8], change: impl FnOnce(&mut V)) {
        if !is_in_sample(text, self.level) {
            return;
        }
        let asked = Asked { group, text };
        if let Some(value) = self.map.get_mut(&asked) {
            change_counting(value, &mut self.counted, change);
        } else {
            let text = text.into();
            let value = self.map.entry(Named { group, text }).or_default();
            self.counted += usize::from(value.is_counted());
            change_counting(value, &mut self.counted, change);
        }
        self.shrink();
    }

    /// Changes the value of a text that is known.
    pub(crate) fn update_known(&mut self, group: G, text: &[u8], change: impl FnOnce(&mut V)) {
        if let Some(value) = self.map.get_mut(&Asked { group, text }) {
            change_counting(value, &mut self.counted, change);
            self.shrink();
        }
    }

    /// Adds a later part's values; `join` is given ours and theirs.
    pub(crate) fn merge(
        &mut self,
        later: Sampled<G, V>,
        numbers: &Renumbering,
        mut join: impl FnMut(&mut V, V),
    ) {
        while self.level < later.level {
            self.raise_level();
        }
        for (key, theirs) in later.map {
            self.update(key.group.renumber(numbers), &key.text, |ours| {
                join(ours, theirs);
            });
        }
    }

    /// Forgets what does not count.
    pub(crate) fn keep_counted(&mut self) {
        self.map.retain(|_, value| value.is_counted());
    }

    /// One text of how many is in the sample; 1 when all are.
    pub(crate) fn one_in(&self) -> u64 {
        1_u64.checked_shl(self.level).unwrap_or(u64::MAX)
    }

    /// Lists texts and values, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Named<G>, &V)> {
        self.map.iter()
    }

    fn shrink(&mut self) {
        while self.counted > self.cap && self.level < u64::BITS {
            self.raise_level();
        }
    }

    fn raise_level(&mut self) {
        self.level += 1;
        let level = self.level;
        self.map.retain(|key, _| is_in_sample(&key.text, level));
        let values = self.map.values();
        self.counted = values.filter(|value| value.is_counted()).count();
    }
}

fn change_counting<V: Kept>(value: &mut V, counted: &mut usize, change: impl FnOnce(&mut V)) {
    let before = value.is_counted();
    change(value);
    *counted += usize::from(!before && value.is_counted());
}

/// Whether the hash of a text begins with so many zeros.
fn is_in_sample(text: &[u8], level: u32) -> bool {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    level == 0 || own::hash(text).wrapping_mul(MIX).leading_zeros() >= level
}

#[cfg(test)]
mod tests {
    use super::super::super::symbols::Symbols;
    use super::*;

    const SMALL: usize = 50;

    fn counted<'a>(texts: impl Iterator<Item = &'a String>) -> Sampled<(), u64> {
        let mut sampled = Sampled {
            cap: SMALL,
            ..Sampled::default()
        };
        for text in texts {
            sampled.update((), text.as_bytes(), |count| *count += 1);
        }
        sampled
    }

    fn rows(sampled: &Sampled<(), u64>) -> Vec<(Vec<u8>, u64)> {
        let mut rows: Vec<_> = sampled
            .iter()
            .map(|(key, count)| (key.text.to_vec(), *count))
            .collect();
        rows.sort();
        rows
    }

    #[test]
    fn a_sample_depends_on_all_texts_and_not_on_their_order() {
        let texts: Vec<String> = (0..1_000).map(|at| format!("text {}", at % 400)).collect();
        let whole = counted(texts.iter());
        assert!(whole.counted <= SMALL && whole.counted > SMALL / 5);
        assert_eq!(whole.map.len(), whole.counted);
        assert!(whole.one_in() >= 8);
        assert_eq!(rows(&counted(texts.iter().rev())), rows(&whole));
        for cut in [0, 1, 30, 500, 999, 1_000] {
            let (mut left, right) = (counted(texts[..cut].iter()), counted(texts[cut..].iter()));
            let none = Symbols::default().merge(&Symbols::default());
            left.merge(right, &none, |ours, theirs| *ours += theirs);
            assert_eq!((rows(&left), left.level), (rows(&whole), whole.level));
        }
        // What is kept is counted exactly.
        assert!(
            rows(&whole)
                .iter()
                .all(|(_, count)| (2..=3).contains(count))
        );
    }

    #[test]
    fn few_texts_are_all_kept() {
        let texts: Vec<String> = (0..SMALL).map(|at| at.to_string()).collect();
        let all = counted(texts.iter());
        assert_eq!((rows(&all).len(), all.one_in()), (SMALL, 1));
    }
}

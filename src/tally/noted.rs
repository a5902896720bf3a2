//! Things that are told by one example: how often, when first and last, and the first text.

use std::hash::Hash;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::symbols::{Renumber, Renumbering};

/// How long the kept part of an example is, in bytes.
const SAMPLE_BYTES: usize = 300;

/// What is known of one key.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub(crate) count: u64,
    /// The earliest stamp, on the log's wall clock.
    pub(crate) first_us: i64,
    pub(crate) last_us: i64,
    /// The text of the line that came first in the log.
    sample: Box<[u8]>,
}

impl Note {
    /// Returns the example for writing out: lossily UTF-8.
    pub(crate) fn sample(&self) -> String {
        String::from_utf8_lossy(&self.sample).into_owned()
    }
}

/// Counts with an example each. Keys must be few: names of ours, not texts of strangers.
#[derive(Clone)]
pub(crate) struct Noted<K>(HashMap<K, Note, FxBuildHasher>);

impl<K> Default for Noted<K> {
    fn default() -> Self {
        Noted(HashMap::default())
    }
}

impl<K: Copy + Eq + Hash + Renumber> Noted<K> {
    /// Counts one line; its text is asked for only when it is the first.
    pub(crate) fn add<'a>(&mut self, key: K, us: i64, text: impl FnOnce() -> &'a [u8]) {
        let note = self.0.entry(key).or_insert_with(|| {
            let text = text();
            Note {
                count: 0,
                first_us: us,
                last_us: us,
                sample: text.get(..SAMPLE_BYTES).unwrap_or(text).into(),
            }
        });
        note.count += 1;
        note.first_us = note.first_us.min(us);
        note.last_us = note.last_us.max(us);
    }

    /// Adds a later part's counts: where both have an example, the earlier part's stays.
    pub(crate) fn merge(&mut self, later: Noted<K>, numbers: &Renumbering) {
        for (key, theirs) in later.0 {
            match self.0.entry(key.renumber(numbers)) {
                hashbrown::hash_map::Entry::Vacant(vacant) => {
                    vacant.insert(theirs);
                }
                hashbrown::hash_map::Entry::Occupied(mut occupied) => {
                    let ours = occupied.get_mut();
                    ours.count += theirs.count;
                    ours.first_us = ours.first_us.min(theirs.first_us);
                    ours.last_us = ours.last_us.max(theirs.last_us);
                }
            }
        }
    }

    /// Lists what was noted, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &Note)> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::super::symbols::Symbols;
    use super::*;

    #[test]
    fn the_first_text_stays_and_stamps_span_all() {
        let (mut early, mut later) = (Noted::default(), Noted::default());
        early.add(7_u64, 50, || b"first");
        early.add(7, 40, || b"second");
        later.add(7, 90, || b"third");
        later.add(8, 10, || &[b'x'; 999]);
        early.merge(later, &Symbols::default().merge(&Symbols::default()));
        let note = &early.0[&7];
        assert_eq!((note.count, note.first_us, note.last_us), (3, 40, 90));
        assert_eq!(note.sample(), "first");
        assert_eq!(early.0[&8].sample().len(), SAMPLE_BYTES);
    }
}

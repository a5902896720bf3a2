//! Which values of a field a key never had before.

use serde::{Deserialize, Serialize};

use super::distinct::hash;

/// So many values are remembered of a key; those not seen for longest go first.
const MOST: usize = 64;

/// Values that were seen, by their hashes.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Novel {
    seen: Vec<Seen>,
    /// Since when the key is known.
    since_us: Option<i64>,
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct Seen {
    hash: u64,
    first_us: i64,
    last_us: i64,
}

impl Novel {
    /// Takes a value in.
    pub(super) fn add(&mut self, value: &[u8], now_us: i64) {
        self.since_us.get_or_insert(now_us);
        let hash = hash(value);
        if let Some(seen) = self.seen.iter_mut().find(|seen| seen.hash == hash) {
            seen.last_us = seen.last_us.max(now_us);
            return;
        }
        if self.seen.len() >= MOST {
            let oldest = self
                .seen
                .iter()
                .enumerate()
                .min_by_key(|(_, seen)| seen.last_us);
            if let Some((at, _)) = oldest {
                self.seen.swap_remove(at);
            }
        }
        self.seen.push(Seen {
            hash,
            first_us: now_us,
            last_us: now_us,
        });
    }

    /// Forgets what was last seen before a time.
    pub(super) fn expire(&mut self, before_us: i64) {
        self.seen.retain(|seen| seen.last_us >= before_us);
    }

    /// Returns how many values came first after a time; none for a key that is not known since
    /// another.
    pub(super) fn count(&self, after_us: i64, known_by_us: i64) -> u64 {
        if self.since_us.is_none_or(|since_us| since_us > known_by_us) {
            return 0;
        }
        let new = self.seen.iter().filter(|seen| seen.first_us >= after_us);
        u64::try_from(new.count()).unwrap_or(u64::MAX)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_is_what_was_not_there_before() {
        let mut novel = Novel::default();
        novel.add(b"a", 0);
        novel.add(b"a", 50);
        novel.add(b"b", 100);
        assert_eq!(novel.count(90, 90), 1);
        assert_eq!(novel.count(0, 90), 2);
        assert_eq!(novel.count(90, -1), 0, "the key is too young");
        novel.expire(60);
        novel.add(b"a", 110);
        assert_eq!(novel.count(90, 90), 2, "forgotten is new again");
        (0..1_000_u32).for_each(|value| novel.add(&value.to_be_bytes(), 200));
        assert_eq!(novel.seen.len(), MOST);
    }
    #[test]
    fn of_too_many_the_one_goes_that_was_not_seen_for_longest() {
        let mut novel = Novel::default();
        let value = |number: u8| [number];
        (0..64).for_each(|number| novel.add(&value(number), i64::from(number)));
        novel.add(&value(0), 70);
        novel.add(b"new", 80);
        novel.add(&value(0), 90);
        assert_eq!(novel.count(75, 75), 1, "the first was seen again");
        novel.add(&value(1), 95);
        assert_eq!(novel.count(75, 75), 2, "the second was forgotten");
    }
}

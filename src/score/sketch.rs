//! Rows by key: all there are, or the heaviest that a budget of memory has room for.
//!
//! With a budget it is the space-saving sketch of heavy hitters. Whenever there are too many rows,
//! the lightest are forgotten, and the heaviest of those forgotten sets the *ceiling*: whoever has no
//! row has no more points than that. A key that comes (back) may have lost as much, which its row
//! says. So a row's points are exact from below, and from above by what it may have lost; the
//! ceiling is at most all points there are divided by the rows that are kept.
//!
//! Only points are forgotten. Accepted mail of senders, recipients and users is counted exactly
//! beside the rows, that of addresses by the totals; both cost memory of their own.
//!
//! The whole forgets when a part has been merged, never a part or a single line: so what is
//! forgotten depends on the chunks alone, not on how many threads read them.

use hashbrown::HashMap;

use super::row::Row;
use super::weights::Weights;
use super::{Key, rank};

/// What a row takes: its place twice (a hash table may be half empty), its key, its tree of classes and
/// up to three lines of 400 bytes.
const ROW_BYTES: u64 = 2048;
/// What reading and counting take beside the rows: measured 22 MB with two threads, and room for one
/// or two more. Of a budget that leaves little beside it the rows have a quarter.
const READING_BYTES: u64 = 26 << 20;
/// Fewer rows are no ranking.
const FEWEST: u64 = 64;

/// How much memory rows may take, and what decides which ones are worth it.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Bytes for the whole program, as long as few have mail accepted or log in.
    pub bytes: u64,
    /// What each piece of evidence counts for.
    pub weights: Weights,
}

impl Budget {
    /// The smallest budget that works.
    pub const LEAST_BYTES: u64 = ROW_BYTES * FEWEST;

    /// Returns how many rows it has room for, beside what reading takes.
    pub fn rows(&self) -> usize {
        let bytes = self.bytes.saturating_sub(READING_BYTES);
        let rows = (bytes.max(self.bytes / 4) / ROW_BYTES).max(FEWEST);
        usize::try_from(rows).unwrap_or(usize::MAX)
    }
}

/// What a ranking in bounded memory does not know.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Forgotten {
    /// How often a source was forgotten; one that comes back may be so again.
    pub sources: u64,
    /// No source without a row has more points against it from what rows count.
    pub ceiling: u64,
}

#[derive(Clone, Debug)]
struct Sketch {
    most: usize,
    weights: Weights,
    forgotten: Forgotten,
    /// Accepted mails by key, which would otherwise need a row each.
    accepted: HashMap<Key, u64>,
}

/// Rows by key.
#[derive(Clone, Default, Debug)]
pub(super) struct Rows {
    rows: HashMap<Key, Row>,
    sketch: Option<Sketch>,
}

impl Rows {
    pub(super) fn bounded(budget: Budget) -> Self {
        Rows {
            rows: HashMap::new(),
            sketch: Some(Sketch {
                most: budget.rows(),
                weights: budget.weights,
                forgotten: Forgotten::default(),
                accepted: HashMap::new(),
            }),
        }
    }

    /// Returns what was forgotten, if anything ever is.
    pub(super) fn forgotten(&self) -> Option<Forgotten> {
        self.sketch.as_ref().map(|sketch| sketch.forgotten)
    }

    fn ceiling(&self) -> u64 {
        self.forgotten().map_or(0, |forgotten| forgotten.ceiling)
    }

    /// Returns the row of a key; a new one may have lost what the ceiling says.
    pub(super) fn of(&mut self, key: Key) -> &mut Row {
        let missed = self.ceiling();
        self.rows.entry(key).or_insert_with(|| Row::after(missed))
    }

    /// Counts an accepted mail.
    pub(super) fn accept(&mut self, key: Key) {
        match &mut self.sketch {
            Some(sketch) => *sketch.accepted.entry(key).or_default() += 1,
            None => self.rows.entry(key).or_default().accepted += 1,
        }
    }

    /// Adds the rows of a part that follows and forgot nothing.
    pub(super) fn merge(&mut self, later: Rows, lines: u64) {
        for (key, mut row) in later.rows {
            row.shift(lines);
            self.of(key).merge(row);
        }
    }

    /// Forgets the lightest rows if there are too many, a quarter at once; tells whether it did.
    pub(super) fn fit(&mut self) -> bool {
        let Some(sketch) = &mut self.sketch else {
            return false;
        };
        if self.rows.len() <= sketch.most {
            return false;
        }
        let kept = sketch.most - sketch.most / 4;
        let weigh = |row: &Row| rank::points(row, &sketch.weights).saturating_add(row.missed);
        let rows = self.rows.drain();
        let mut rows: Vec<(u64, Key, Row)> =
            rows.map(|(key, row)| (weigh(&row), key, row)).collect();
        // Of equal ones those stay whose keys come last: which ones is of no account, that it is the
        // same ones each time is.
        let at = rows.len() - kept;
        rows.select_nth_unstable_by(at, |a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        for (weight, ..) in rows.drain(..at) {
            sketch.forgotten.sources += 1;
            sketch.forgotten.ceiling = sketch.forgotten.ceiling.max(weight);
        }
        self.rows
            .extend(rows.into_iter().map(|(_, key, row)| (key, row)));
        true
    }

    /// Tells whether there is room for as many of something else as there is for rows.
    pub(super) fn has_room_for(&self, number: usize) -> bool {
        self.sketch
            .as_ref()
            .is_none_or(|sketch| number <= sketch.most)
    }

    pub(super) fn contains(&self, key: &[u8]) -> bool {
        self.rows.contains_key(key)
    }

    /// Sets the accepted mails of those rows that have any, from elsewhere if that counts better.
    ///
    /// Without a budget a key gets a row for them.
    pub(super) fn set_accepted(&mut self, elsewhere: Option<HashMap<Key, u64>>) {
        let counted = match (elsewhere, &mut self.sketch) {
            (Some(elsewhere), _) => {
                self.rows.values_mut().for_each(|row| row.accepted = 0);
                elsewhere
            }
            (None, Some(sketch)) => std::mem::take(&mut sketch.accepted),
            (None, None) => return,
        };
        for (key, count) in counted {
            if let Some(row) = self.rows.get_mut(&key) {
                row.accepted = count;
            } else if self.sketch.is_none() {
                self.of(key).accepted = count;
            }
        }
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&Key) -> bool) {
        self.rows.retain(|key, _| keep(key));
    }

    pub(super) fn into_map(self) -> HashMap<Key, Row> {
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::evidence::Evidence;

    /// Lines of the light ones, each of another address; few come again.
    const LIGHT: u64 = 1_000_000;
    /// How many heavy ones there are, and what the heaviest does; the others do less by rank.
    const HEAVY: u64 = 200;
    const HEAVIEST: u64 = 20_000;

    fn name(source: u64) -> Key {
        source.to_string().into_bytes().into()
    }

    /// All lines as numbers of sources, shuffled by a fixed seed; sources below HEAVY are heavy.
    fn lines() -> Vec<u64> {
        let heavy = (0..HEAVY).flat_map(|source| {
            let times = usize::try_from(HEAVIEST / (source + 1)).unwrap();
            std::iter::repeat_n(source, times)
        });
        let mut lines: Vec<u64> = heavy.chain(HEAVY..HEAVY + LIGHT).collect();
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        for at in (1..lines.len()).rev() {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let other = state % u64::try_from(at + 1).unwrap();
            lines.swap(at, usize::try_from(other).unwrap());
        }
        lines
    }

    #[test]
    fn a_million_sources_in_64_megabytes_keep_the_heavy_ones_and_every_bound() {
        let weights = Weights::default();
        let budget = Budget {
            bytes: 64 << 20,
            weights: weights.clone(),
        };
        let most = budget.rows();
        let mut rows = Rows::bounded(budget);
        let lines = lines();
        let mut truth: HashMap<Key, u64> = HashMap::new();
        for chunk in lines.chunks(2_000) {
            let mut part = Rows::default();
            for &source in chunk {
                part.of(name(source)).add(Evidence::Reject, 1);
                *truth.entry(name(source)).or_default() += 1;
            }
            rows.merge(part, 0);
            rows.fit();
            assert!(rows.rows.len() <= most);
        }
        let forgotten = rows.forgotten().unwrap();
        assert!(forgotten.sources >= LIGHT - u64::try_from(most).unwrap());
        let kept = u64::try_from(most - most / 4).unwrap();
        let all = u64::try_from(lines.len()).unwrap();
        assert!(forgotten.ceiling > 0 && forgotten.ceiling <= all / kept);
        for (key, &count) in &truth {
            let Some(row) = rows.rows.get(key) else {
                assert!(count <= forgotten.ceiling, "{count}");
                continue;
            };
            let least = rank::points(row, &weights);
            assert!(
                (least..=least + row.missed).contains(&count),
                "{count}: {row:?}"
            );
        }
        let mut order: Vec<(u64, &Key)> = rows
            .rows
            .iter()
            .map(|(key, row)| (rank::points(row, &weights), key))
            .collect();
        order.sort_by(|a, b| b.cmp(a));
        let first: Vec<Key> = order
            .iter()
            .take(50)
            .map(|(_, key)| (*key).clone())
            .collect();
        assert_eq!(first, (0..50).map(name).collect::<Vec<Key>>());
    }

    #[test]
    fn who_comes_back_may_have_lost_what_the_ceiling_says() {
        let mut rows = Rows::bounded(Budget {
            bytes: Budget::LEAST_BYTES,
            weights: Weights::default(),
        });
        let most = u64::try_from(rows.sketch.as_ref().unwrap().most).unwrap();
        for source in 0..=most {
            rows.of(name(source)).add(Evidence::Spam, source + 1);
            rows.accept(name(source));
        }
        assert!(rows.fit());
        // 65 rows, of which 48 stay: 17 with 5 points for each of 1 to 17 verdicts went.
        let forgotten = Forgotten {
            sources: 17,
            ceiling: 17 * 5,
        };
        assert_eq!(rows.forgotten(), Some(forgotten));
        assert!(!rows.contains(&name(16)) && rows.contains(&name(17)));
        assert_eq!(rows.of(name(17)).missed, 0);
        assert_eq!(rows.of(name(3)).missed, 17 * 5);
        rows.set_accepted(None);
        assert_eq!(rows.of(name(3)).accepted, 1);
        assert!(!rows.contains(&name(4)));
    }
}

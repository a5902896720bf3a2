//! Rows of many stretches gathered into parts: one file's rows of one table, day, host and log.
//!
//! Rows come in the order of the log, and what is a part depends on them alone, never on threads:
//! the same log makes the same parts. Memory does not grow with the log: a part is given out when it
//! is large, and when all together are, those that have waited longest for rows.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::batch::Batch;
use super::rows::Spare;
use super::schemas::TableId;

/// What a part holds rows of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PartKey {
    /// The table.
    pub table: TableId,
    /// The day on the log's wall clock, since 1970.
    pub day: i64,
    /// The host that logged.
    pub host: Vec<u8>,
    /// The log, by its fingerprint.
    pub log: u64,
}

/// Rows that become one file.
#[derive(Debug)]
pub struct Part {
    /// What it holds rows of.
    pub key: PartKey,
    /// Its number among the parts of its key, from 0.
    pub number: u32,
    /// The rows, in the order of the log.
    pub batch: Batch,
}

/// How large parts get.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A part of so many bytes is given out.
    pub part_bytes: usize,
    /// So many bytes are kept of all parts together.
    pub all_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            part_bytes: 48 << 20,
            all_bytes: 96 << 20,
        }
    }
}

/// Gathers rows.
#[derive(Debug)]
pub struct Gatherer {
    limits: Limits,
    open: BTreeMap<PartKey, Open>,
    bytes: usize,
    /// How often parts were taken out.
    round: u64,
    /// The parts that are to be written.
    ready: Vec<Part>,
    /// Where who has written a part leaves the room that its rows took: making that anew for each part is a tenth of an
    /// export's time.
    written: Arc<Spare>,
}

#[derive(Debug)]
struct Open {
    /// The number of the part being gathered.
    number: u32,
    /// Nothing as long as it has no rows.
    batch: Option<Batch>,
    bytes: usize,
    /// How many rows it had when `bytes` was worked out.
    rows: usize,
    /// The round in which it got its last rows.
    touched: u64,
}

impl Gatherer {
    /// Begins without rows.
    pub fn new(limits: Limits) -> Gatherer {
        Gatherer {
            limits,
            open: BTreeMap::new(),
            bytes: 0,
            round: 0,
            ready: Vec::new(),
            // Of one table mostly one part is written at a time.
            written: Arc::new(Spare::new(1)),
        }
    }

    /// Returns where batches go whose rows are written.
    pub fn written(&self) -> Arc<Spare> {
        Arc::clone(&self.written)
    }

    /// Adds rows.
    pub fn add(&mut self, key: PartKey, batch: &Batch) {
        self.with(key, |rows| rows.append(batch));
    }

    /// Lets somebody add rows.
    pub fn with(&mut self, key: PartKey, add: impl FnOnce(&mut Batch)) {
        let table = key.table;
        let open = self.open.entry(key).or_insert_with(|| Open {
            number: 0,
            batch: None,
            bytes: 0,
            rows: 0,
            touched: 0,
        });
        add(open.batch.get_or_insert_with(|| self.written.take(table)));
    }

    /// Takes out the parts that are large enough to be written.
    pub fn take_ready(&mut self) -> Vec<Part> {
        let mut large = Vec::new();
        self.round = self.round.saturating_add(1);
        for (key, open) in &mut self.open {
            let Some(batch) = open
                .batch
                .as_ref()
                .filter(|batch| batch.rows() != open.rows)
            else {
                continue;
            };
            let before = open.bytes;
            open.bytes = batch.size_bytes();
            open.rows = batch.rows();
            open.touched = self.round;
            self.bytes = (self.bytes + open.bytes).saturating_sub(before);
            if open.bytes >= self.limits.part_bytes {
                large.push(key.clone());
            }
        }
        large.iter().for_each(|key| self.close(key));
        while self.bytes > self.limits.all_bytes {
            let Some(key) = self.quietest() else { break };
            self.close(&key);
        }
        std::mem::take(&mut self.ready)
    }

    /// Returns the part that has waited longest for rows, of several the largest: days that are over go first, and
    /// the day being read keeps growing.
    fn quietest(&self) -> Option<PartKey> {
        let filled = self.open.iter().filter(|(_, open)| open.bytes > 0);
        let quietest = filled.max_by_key(|(_, open)| (Reverse(open.touched), open.bytes));
        quietest.map(|(key, _)| key.clone())
    }

    /// Returns all that is left, in the order of the keys.
    pub fn finish(mut self) -> Vec<Part> {
        let keys: Vec<PartKey> = self.open.keys().cloned().collect();
        keys.iter().for_each(|key| self.close(key));
        self.ready
    }

    /// Gives out the part of a key; the next one has the number behind it.
    fn close(&mut self, key: &PartKey) {
        let Some(open) = self.open.get_mut(key) else {
            return;
        };
        self.bytes = self.bytes.saturating_sub(open.bytes);
        (open.bytes, open.rows) = (0, 0);
        let Some(batch) = open.batch.take().filter(|batch| !batch.is_empty()) else {
            return;
        };
        let number = open.number;
        open.number = number.saturating_add(1);
        let key = key.clone();
        self.ready.push(Part { key, number, batch });
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::{Data, Values};
    use super::*;

    fn key(day: i64) -> PartKey {
        PartKey {
            table: TableId::Logins,
            day,
            host: b"mx1".to_vec(),
            log: 7,
        }
    }

    fn rows(count: i64) -> Batch {
        let mut batch = Batch::new(TableId::Logins.table());
        for time in 0..count {
            batch.int(0, time);
            batch.end_row();
        }
        batch
    }

    fn told(parts: &[Part]) -> Vec<(i64, u32, usize)> {
        let tell = |part: &Part| (part.key.day, part.number, part.batch.rows());
        parts.iter().map(tell).collect()
    }

    #[test]
    fn large_parts_are_given_out_and_numbered() {
        let mut gatherer = Gatherer::new(Limits {
            part_bytes: 1_200,
            all_bytes: 100_000,
        });
        gatherer.add(key(1), &rows(60));
        assert!(gatherer.take_ready().is_empty());
        gatherer.add(key(1), &rows(60));
        assert_eq!(told(&gatherer.take_ready()), [(1, 0, 120)]);
        gatherer.add(key(2), &rows(5));
        gatherer.add(key(1), &rows(7));
        assert!(gatherer.take_ready().is_empty());
        assert_eq!(told(&gatherer.finish()), [(1, 1, 7), (2, 0, 5)]);
    }

    #[test]
    fn the_largest_goes_when_all_together_are_too_large() {
        let mut gatherer = Gatherer::new(Limits {
            part_bytes: 100_000,
            all_bytes: 1_200,
        });
        gatherer.add(key(1), &rows(30));
        gatherer.add(key(2), &rows(50));
        gatherer.add(key(3), &rows(40));
        assert_eq!(told(&gatherer.take_ready()), [(2, 0, 50)]);
        assert_eq!(told(&gatherer.finish()), [(1, 0, 30), (3, 0, 40)]);
    }

    #[test]
    fn days_that_are_over_go_before_the_day_being_read() {
        let mut gatherer = Gatherer::new(Limits {
            part_bytes: 100_000,
            all_bytes: 1_200,
        });
        gatherer.add(key(1), &rows(20));
        assert!(gatherer.take_ready().is_empty());
        gatherer.add(key(2), &rows(30));
        assert!(gatherer.take_ready().is_empty());
        gatherer.add(key(3), &rows(60));
        assert_eq!(told(&gatherer.take_ready()), [(1, 0, 20)]);
        gatherer.add(key(3), &rows(20));
        assert_eq!(told(&gatherer.take_ready()), [(2, 0, 30)]);
        assert_eq!(told(&gatherer.finish()), [(3, 0, 80)]);
    }

    #[test]
    fn the_room_of_a_written_part_is_taken_again() {
        let mut gatherer = Gatherer::new(Limits {
            part_bytes: 1_200,
            all_bytes: 100_000,
        });
        gatherer.add(key(1), &rows(120));
        let written = gatherer.take_ready().remove(0);
        gatherer.written().give_back(TableId::Logins, written.batch);
        gatherer.add(key(2), &rows(3));
        assert!(gatherer.written().take(TableId::Logins).is_empty());
        let parts = gatherer.finish();
        assert_eq!(told(&parts), [(2, 0, 3)]);
        let Some(Data::Int(times)) = parts[0].batch.columns().first().map(Values::data) else {
            panic!("times are numbers")
        };
        assert_eq!(times[..], [0, 1, 2], "none of the rows before");
        assert!(times.capacity() >= 120, "and their room");
    }

    #[test]
    fn parts_without_rows_are_none() {
        let mut gatherer = Gatherer::new(Limits::default());
        gatherer.add(key(1), &rows(0));
        assert!(gatherer.finish().is_empty());
    }
}

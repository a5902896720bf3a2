//! Lines of a log that were read and wait for earlier ones of other logs.

use super::place::Place;
use super::tail::Batch;
use crate::source::chunk::Chunk;
use crate::source::life::{self, Rank};

/// What lines of several logs are ordered by: the time, of equal ones what a line is in the life of
/// a mail, and of equal ones the log, in the order in which they were named.
pub(super) type Turn = (i64, Rank, usize);

/// The lines of one look that were not handed over yet.
pub(super) struct Ahead {
    start: Place,
    lines: Vec<u8>,
    /// How many bytes of them were handed over.
    taken: usize,
    /// Where runs of lines end that come one after the other whatever other logs have, the last one
    /// first.
    runs: Vec<Run>,
}

struct Run {
    end: usize,
    time_us: i64,
    rank: Rank,
}

impl Ahead {
    /// Notes when the lines of a batch were logged, by the same lines as they are dated.
    pub(super) fn new(batch: Batch, dated: &Chunk) -> Self {
        let Batch { start, lines } = batch;
        let mut runs: Vec<Run> = Vec::new();
        let mut records = dated.records();
        let (mut time_us, mut rank) = (i64::MIN, life::Place::CONTINUED.rank);
        while let Some(line) = records.next() {
            if let Some((time, record)) = line.time.zip(line.record()) {
                // A log keeps its own order.
                time_us = time_us.max(time.instant_us().unwrap_or(time.wall_us));
                rank = life::Place::of(record).rank;
            }
            let end = usize::try_from(records.offset()).unwrap_or(usize::MAX);
            match runs.last_mut() {
                Some(run) if (run.time_us, run.rank) == (time_us, rank) => run.end = end,
                _ => runs.push(Run { end, time_us, rank }),
            }
        }
        // Whatever is behind the last line belongs to it.
        match runs.last_mut() {
            Some(run) => run.end = lines.len(),
            None => runs.push(Run {
                end: lines.len(),
                time_us,
                rank,
            }),
        }
        runs.reverse();
        Ahead {
            start,
            lines,
            taken: 0,
            runs,
        }
    }

    /// Returns when it is the turn of the next line, if this is the log of that number.
    pub(super) fn turn(&self, log: usize) -> Option<Turn> {
        self.runs.last().map(|run| (run.time_us, run.rank, log))
    }

    /// Takes the lines off whose turn is before that of another log's next one; the first one's is.
    pub(super) fn take(&mut self, log: usize, other: Option<Turn>) -> Batch {
        let start = self.place();
        let mut end = self.taken;
        let mut is_first = true;
        while let Some(run) = self.runs.pop_if(|run| {
            is_first || other.is_none_or(|other| (run.time_us, run.rank, log) < other)
        }) {
            is_first = false;
            end = run.end;
        }
        let lines = self.lines.get(self.taken..end).unwrap_or_default().to_vec();
        self.taken = end;
        Batch { start, lines }
    }

    /// Returns where the next line begins.
    pub(super) fn place(&self) -> Place {
        let taken = u64::try_from(self.taken).unwrap_or(u64::MAX);
        Place {
            offset: self.start.offset.saturating_add(taken),
            ..self.start
        }
    }

    /// Returns how many bytes wait.
    pub(super) fn bytes(&self) -> usize {
        self.lines.len().saturating_sub(self.taken)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }
}

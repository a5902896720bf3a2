//! Several files of one host, merged line by line on their stamps.
//!
//! Each file's own order is kept. Of lines with equal stamps those that a mail begins with come
//! first ([`Rank`]), and a line waits for those of other files that stand before it in the life of
//! the same mail, or of a mail that it names (`queued as`): a log that was split by daemon comes out such that no mail is delivered before it
//! came in. Files are opened when their first line is due, and closed behind their last one.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::ahead::Maker;
use super::block::Passage;
use super::calendar::{DAY_US, civil_from_days};
use super::chunk::{Chunk, Pool, SourceId};
use super::dating::Dating;
use super::input::Options;
use super::life::{Place, Rank};
use super::packed::Packer;
use super::plan::{Clock, Source};
use super::problem::SourceError;
use super::progress::Progress;
use super::stamped::{StampedLine, StampedLines};

/// So many lines of a source are put in order at a time: more than one second has.
const MOST_DUE: usize = 20_000;

/// Merges the sources of one group.
pub(super) struct Merge {
    waiting: VecDeque<Source>,
    strands: Vec<Strand>,
    clock: Clock,
    options: Options,
    pool: Arc<Pool>,
    progress: Progress,
    /// Dates the merged lines.
    dating: Dating,
    id: SourceId,
    has_begun: bool,
    /// The sources that came to their end, or could not be opened.
    ended: Vec<Ended>,
}

/// A source that came to its end.
pub(super) struct Ended {
    pub(super) name: PathBuf,
    pub(super) packer: Option<Packer>,
    /// Whether nothing about it was guessed wrong.
    pub(super) guess_held: bool,
    pub(super) passage: Result<Passage, SourceError>,
}

impl Ended {
    pub(super) fn unopened(name: PathBuf, error: SourceError) -> Self {
        Ended {
            name,
            packer: None,
            guess_held: true,
            passage: Err(error),
        }
    }
}

/// One source that is being merged.
struct Strand {
    name: PathBuf,
    packer: Option<Packer>,
    lines: StampedLines,
    /// The lines that are due, all of one time.
    due: VecDeque<StampedLine>,
    /// The first line that is not.
    next: Option<StampedLine>,
}

/// How many lines that are due belong to a mail, by their rank.
type Pending = FxHashMap<u64, [u32; Rank::COUNT]>;

impl Merge {
    /// Begins before the first line of sources that are in the order of their first lines.
    pub(super) fn new(
        sources: Vec<Source>,
        clock: Clock,
        options: &Options,
        pool: &Arc<Pool>,
        progress: &Progress,
    ) -> Self {
        let first = sources.first();
        let dating = first.map_or(Dating::from_year(1970, options.tz), |source| source.dating);
        let id = first.map_or(SourceId(0), |source| source.id);
        Merge {
            waiting: sources.into(),
            strands: Vec::new(),
            clock,
            options: options.clone(),
            pool: Arc::clone(pool),
            progress: progress.clone(),
            dating,
            id,
            has_begun: false,
            ended: Vec::new(),
        }
    }

    /// Returns the next chunk; it is said to come from the first source of the group.
    fn next_chunk(&mut self) -> Option<Chunk> {
        let mut bytes = self.pool.take();
        bytes.reserve(self.options.chunk_bytes);
        while bytes.len() < self.options.chunk_bytes && self.collect_due() {
            self.write_due(&mut bytes);
        }
        if bytes.is_empty() {
            self.pool.give(bytes);
            return None;
        }
        let dating = self.dating;
        self.dating.skip(&bytes);
        Some(Chunk::pooled(bytes, dating, self.id, &self.pool))
    }

    /// Finds the earliest time, and collects all its lines; `false` when there are no more.
    fn collect_due(&mut self) -> bool {
        let earliest = |strands: &[Strand]| strands.iter().filter_map(Strand::key_us).min();
        while let Some(first_us) = self
            .waiting
            .front()
            .map(|source| source.span.map(|span| span.first_us))
        {
            if first_us > earliest(&self.strands) && !self.strands.is_empty() {
                break;
            }
            self.open_next();
        }
        let Some(key_us) = earliest(&self.strands) else {
            return false;
        };
        self.begin_at(key_us);
        for strand in &mut self.strands {
            strand.collect_due(key_us);
        }
        true
    }

    /// Where a range leaves the first lines out, the first one of the others tells the year.
    fn begin_at(&mut self, key_us: i64) {
        let begins_later = self
            .options
            .range
            .is_some_and(|range| range.from_us().is_some());
        if begins_later && !self.has_begun {
            let year = civil_from_days(key_us.div_euclid(DAY_US)).year;
            self.dating = Dating::from_year(year, self.options.tz);
        }
        self.has_begun = true;
    }

    fn open_next(&mut self) {
        let Some(mut source) = self.waiting.pop_front() else {
            return;
        };
        let packer = source.origin.packer();
        let lines = StampedLines::open(
            &mut source,
            self.clock,
            &self.options,
            &self.pool,
            &self.progress,
        );
        let name = source.name;
        match lines {
            Ok(mut lines) => {
                let next = lines.next(0);
                let strand = Strand {
                    name,
                    packer,
                    lines,
                    due: VecDeque::new(),
                    next,
                };
                self.strands.push(strand);
                self.close_ended();
            }
            Err(error) => self.ended.push(Ended {
                name,
                packer,
                guess_held: true,
                passage: Err(error),
            }),
        }
    }

    /// Writes the lines that are due in the order that the lives of mails demand.
    fn write_due(&mut self, bytes: &mut Vec<u8>) {
        let busy = self
            .strands
            .iter()
            .filter(|strand| !strand.due.is_empty())
            .count();
        let mut pending = Pending::default();
        if busy > 1 {
            for line in self.strands.iter().flat_map(|strand| &strand.due) {
                count(&mut pending, line.place, |count| *count += 1);
            }
        }
        while let Some(strand) = next_strand(&mut self.strands, &pending) {
            let Some(line) = strand.due.pop_front() else {
                break;
            };
            bytes.extend_from_slice(strand.lines.bytes(&line));
            bytes.push(b'\n');
            count(&mut pending, line.place, |count| {
                // A mail may be queued anew in the same second; its deliveries wait only for the
                // first time.
                let is_enough = line.place.rank == Rank::Queued;
                *count = if is_enough {
                    0
                } else {
                    count.saturating_sub(1)
                };
            });
        }
        self.close_ended();
    }

    fn close_ended(&mut self) {
        for strand in self
            .strands
            .extract_if(.., |strand| strand.next.is_none() && strand.due.is_empty())
        {
            let passage = Ok(strand.lines.into_blocks().into_passage());
            self.ended.push(Ended {
                name: strand.name,
                packer: strand.packer,
                guess_held: true,
                passage,
            });
        }
    }
}

impl Maker for Merge {
    fn make(&mut self) -> Option<Chunk> {
        self.next_chunk()
    }

    fn into_ended(self: Box<Self>) -> Vec<Ended> {
        self.ended
    }
}

fn count(pending: &mut Pending, place: Place, change: impl FnOnce(&mut u32)) {
    if place.queue_id == 0 {
        return;
    }
    let ranks = pending.entry(place.queue_id).or_default();
    if let Some(rank) = ranks.get_mut(place.rank.index()) {
        change(rank);
    }
}

/// Chooses whose line is next: one that waits for no other, of those the one of the lowest rank, of
/// those the one of the earliest source. If each waits for another, waiting is given up.
fn next_strand<'s>(strands: &'s mut [Strand], pending: &Pending) -> Option<&'s mut Strand> {
    strands
        .iter_mut()
        .filter(|strand| !strand.due.is_empty())
        .min_by_key(|strand| {
            strand
                .due
                .front()
                .map(|line| (waits(line.place, pending), line.place.rank))
        })
}

/// Tells whether a line was not written yet that comes first: one of the same mail with a lower
/// rank, or one with which a mail that is named here came in.
fn waits(place: Place, pending: &Pending) -> bool {
    let has_below = |id: u64, rank: Rank| {
        let ranks = pending.get(&id).filter(|_| id != 0);
        ranks.is_some_and(|ranks| ranks.iter().take(rank.index()).any(|count| *count > 0))
    };
    has_below(place.queue_id, place.rank) || has_below(place.named_id, Rank::Filter)
}

impl Strand {
    fn key_us(&self) -> Option<i64> {
        self.next.as_ref().map(|line| line.key_us)
    }

    /// Takes the lines up to a time, and looks at the first one behind them.
    ///
    /// Behind a line whose clock was ahead, all lines up to that time are due: they are taken in
    /// portions.
    fn collect_due(&mut self, key_us: i64) {
        while self.due.len() < MOST_DUE
            && let Some(line) = self.next.take_if(|line| line.key_us <= key_us)
        {
            self.due.push_back(line);
            let keep_from = self.due.front().map_or(0, |line| line.range.start);
            self.next = self.lines.next(keep_from);
        }
    }
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;

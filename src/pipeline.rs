//! Chunks of lines, counted by rayon's workers in parts that are merged with their neighbours.
//!
//! The calling thread cuts or reads chunks; each worker counts a part of them that follow each other,
//! and merges it with the parts beside it. Merging is associative, so the result does not depend on
//! the number of threads. At most a few chunks are in memory: it does not grow with the log.
//! What a line means is **not** decided here (that is `parsers` and `tally`).

mod counting;
mod in_order;
mod parts;
mod queue;

pub use counting::{PartTallies, count_line};
pub use in_order::in_order;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use crate::privacy::Masking;
use crate::select::{Marks, Selection};
use crate::source::{Chunk, Position};
use crate::tally::{Tally, Wanted, Windows};

use counting::{Counting, InParts, Where, Whole};
use parts::{Part, Parts};
use queue::{Queue, Worker};

/// How a log is counted.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How many workers parse; by default one per core.
    pub threads: Option<usize>,
    /// How far lines reach.
    pub windows: Windows,
    /// What is counted.
    pub wanted: Wanted,
    /// What becomes of names, before lines are counted.
    pub masking: Option<Masking>,
}

/// Where the time of a run went, outside parsing and counting.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timings {
    /// Cutting or reading chunks, on the calling thread.
    pub read: Duration,
    /// Waiting for room for them, on the calling thread.
    pub wait: Duration,
    /// Merging parts, summed over the workers.
    pub merge: Duration,
}

/// Counts all chunks, which come in any order.
///
/// # Errors
/// When the worker threads cannot be started.
///
/// # Panics
/// When a worker panicked, which is a bug: a part of the log would be missing otherwise.
pub fn tally(
    chunks: impl Iterator<Item = Chunk>,
    options: &Options,
) -> Result<(Tally, Timings), ThreadPoolBuildError> {
    count(chunks, options, &Whole(options))
}

/// Counts the lines that meet conditions on lines, as [`tally`] does; the others are `filtered`.
///
/// Conditions on mails are **not** asked: see [`parts`].
///
/// # Errors
/// As those of [`tally`].
pub fn tally_where(
    chunks: impl Iterator<Item = Chunk>,
    options: &Options,
    selection: &Selection,
) -> Result<(Tally, Timings), ThreadPoolBuildError> {
    count(chunks, options, &Where { options, selection })
}

/// Counts the lines that are marked, those of each part by themselves, as [`tally`] does.
///
/// # Errors
/// As those of [`tally`].
pub fn parts(
    chunks: impl Iterator<Item = Chunk>,
    options: &Options,
    marks: &Marks,
) -> Result<(PartTallies, Timings), ThreadPoolBuildError> {
    count(chunks, options, &InParts { options, marks })
}

/// Counts all chunks in one way.
fn count<C: Counting>(
    chunks: impl Iterator<Item = Chunk>,
    options: &Options,
    counting: &C,
) -> Result<(C::Counted, Timings), ThreadPoolBuildError> {
    let pool = workers(options.threads)?;
    let queue = Queue::new(pool.current_num_threads());
    let parts = Parts::new(counting);
    let mut timings = Timings::default();
    let mut ends = Ends::default();
    pool.in_place_scope(|scope| {
        for worker in queue.workers() {
            let (queue, parts) = (&queue, &parts);
            scope.spawn(move |_| work(worker, queue, parts, counting));
        }
        let _close = CloseWhenDone(&queue);
        let mut chunks = chunks;
        loop {
            let started = Instant::now();
            let next = chunks.next();
            timings.read += started.elapsed();
            let Some(chunk) = next else { break };
            ends.see(&chunk.span);
            let started = Instant::now();
            let goes_on = queue.push(chunk);
            timings.wait += started.elapsed();
            if !goes_on {
                break;
            }
        }
    });
    timings.merge = parts.merging();
    Ok((parts.into_whole(ends.stretches()), timings))
}

/// Where the chunks that came begin or end without another one beside them.
#[derive(Default)]
struct Ends(BTreeSet<Position>);

impl Ends {
    fn see(&mut self, span: &Range<Position>) {
        for place in [span.start, span.end] {
            if !self.0.remove(&place) {
                self.0.insert(place);
            }
        }
    }

    /// How many stretches of chunks that follow each other there are.
    fn stretches(&self) -> usize {
        self.0.len() / 2
    }
}

/// Closes the queue when the last chunk is in it, and when whoever reads or counts panics: nobody
/// is to wait for what never comes.
struct CloseWhenDone<'q>(&'q Queue);

impl Drop for CloseWhenDone<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Counts chunks until there are no more.
fn work<C: Counting>(worker: Worker, queue: &Queue, parts: &Parts<'_, C>, counting: &C) {
    let _close = CloseWhenDone(queue);
    let mut part: Option<Part<C::Counted>> = None;
    while let Some(taken) = queue.take(worker) {
        let chunk = &taken.chunk;
        let Range { start, end } = chunk.span.clone();
        // What stands behind the last chunk needs no merging.
        if part.as_ref().is_none_or(|part| part.end != start)
            && let Some(finished) = part.replace(Part::new(start, counting))
        {
            parts.add(finished);
        }
        let part = part.get_or_insert_with(|| Part::new(start, counting));
        counting.chunk(&mut part.counted, chunk);
        part.end = end;
    }
    if let Some(finished) = part {
        parts.add(finished);
    }
}

/// Builds the pool that parses.
///
/// # Errors
/// When the threads cannot be started.
pub fn workers(threads: Option<usize>) -> Result<ThreadPool, ThreadPoolBuildError> {
    ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .build()
}

/// Locks; a panic elsewhere is rethrown when the scope ends, and leaves nothing half done here.
fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

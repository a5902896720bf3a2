//! Chunks of lines, counted by rayon's workers and merged with their neighbours.
//!
//! The calling thread reads chunks; the workers parse, count, and merge parts that follow each
//! other in the log. Chunk limits depend on the bytes alone and merging is associative, so the
//! result does not depend on the number of threads. At most a few chunks are in flight: memory
//! does not grow with the log.
//! What a line means is **not** decided here (that is `parsers` and `tally`).

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use crate::source::{Chunk, Position};
use crate::tally::{Tally, Wanted, Windows};

/// How a log is counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// How many workers parse; by default one per core.
    pub threads: Option<usize>,
    /// How far lines reach.
    pub windows: Windows,
    /// What is counted.
    pub wanted: Wanted,
}

/// Where the time of a run went, outside parsing and counting.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timings {
    /// Reading and cutting chunks, on the calling thread.
    pub read: Duration,
    /// Waiting for workers, on the calling thread.
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
    let pool = workers(options.threads)?;
    let limit = pool.current_num_threads() + 1;
    let options = *options;
    let parts = Parts::default();
    let mut timings = Timings::default();
    pool.in_place_scope(|scope| {
        let mut chunks = chunks;
        loop {
            let started = Instant::now();
            let next = chunks.next();
            timings.read += started.elapsed();
            let Some(chunk) = next else { break };
            let started = Instant::now();
            let running = parts.begin(limit);
            timings.wait += started.elapsed();
            let parts = &parts;
            scope.spawn(move |_| {
                let Range { start, end } = chunk.span.clone();
                let tally = count(&chunk, options, start == Position::FIRST);
                drop(chunk);
                drop(running);
                parts.add(Part { start, end, tally });
            });
        }
    });
    timings.merge = lock(&parts.state).merging;
    Ok((parts.into_whole(options), timings))
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

/// The chunks from `start` to before `end`, counted.
struct Part {
    start: Position,
    end: Position,
    tally: Tally,
}

/// Counted parts that wait for a neighbour. Whoever finishes a part merges it with the neighbours
/// that are there, so that no two parts here touch each other and few of them ever wait; in which
/// order neighbours merge is of no account, by the law of merging.
#[derive(Default)]
struct Parts {
    state: Mutex<State>,
    finished: Condvar,
}

#[derive(Default)]
struct State {
    waiting: BTreeMap<Position, Part>,
    running: usize,
    merging: Duration,
}

/// A chunk that is being counted; its place is free again when this is dropped, by a panic too.
struct Running<'p>(&'p Parts);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).running -= 1;
        self.0.finished.notify_one();
    }
}

impl Parts {
    /// Waits until fewer chunks than the limit are being counted, and begins another one.
    fn begin(&self, limit: usize) -> Running<'_> {
        let mut state = lock(&self.state);
        while state.running >= limit {
            state = self
                .finished
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.running += 1;
        Running(self)
    }

    /// Merges a part with its neighbours as long as there are any, then leaves it here.
    fn add(&self, mut part: Part) {
        loop {
            let mut state = lock(&self.state);
            let left = state.waiting.range(..part.start).next_back();
            let left = left
                .filter(|(_, left)| left.end == part.start)
                .map(|(&start, _)| start);
            let neighbour = left.unwrap_or(part.end);
            let Some(neighbour) = state.waiting.remove(&neighbour) else {
                state.waiting.insert(part.start, part);
                return;
            };
            drop(state);
            let started = Instant::now();
            part = neighbour.join(part);
            lock(&self.state).merging += started.elapsed();
        }
    }

    /// The whole log: the one part that is left when all chunks were counted.
    fn into_whole(self, options: Options) -> Tally {
        let mut state = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let whole = state.waiting.pop_first().map(|(_, part)| part.tally);
        debug_assert!(state.waiting.is_empty(), "neighbours always merge");
        whole.unwrap_or_else(|| Tally::anchored(options.windows))
    }
}

impl Part {
    /// Merges two neighbours, given in any order.
    fn join(self, other: Part) -> Part {
        let (mut early, later) = if self.start < other.start {
            (self, other)
        } else {
            (other, self)
        };
        early.tally.merge(later.tally);
        early.end = later.end;
        early
    }
}

/// Locks; a panic elsewhere is rethrown when the scope ends, and leaves nothing half done here.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts the lines of one chunk; nothing precedes the first one.
fn count(chunk: &Chunk, options: Options, is_first: bool) -> Tally {
    let tally = if is_first {
        Tally::anchored(options.windows)
    } else {
        Tally::part(options.windows)
    };
    let mut tally = tally.counting(options.wanted);
    let mut lines = chunk.records();
    while let Some(line) = &lines.next() {
        match (&line.record, &line.time) {
            (Some(record), Some(time)) => tally.line(record, time.wall_us),
            _ => tally.absorb_foreign(),
        }
    }
    tally
}

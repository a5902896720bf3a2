//! Chunks of lines, counted by rayon's workers and merged in log order.
//!
//! The calling thread reads chunks and merges finished ones; the workers parse and count. Chunk
//! limits depend on the bytes alone and parts merge in log order, so the result does not depend on
//! the number of threads. At most a few chunks are in flight: memory does not grow with the log.
//! What a line means is **not** decided here (that is `parsers` and `tally`).

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use mailtally_parsers::Event;
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use crate::source::Chunk;
use crate::tally::{Tally, Windows};

/// How a log is counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// How many workers parse; by default one per core.
    pub threads: Option<usize>,
    /// How far lines reach.
    pub windows: Windows,
}

/// Where the time of a run went, outside the workers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timings {
    /// Reading and cutting chunks.
    pub read: Duration,
    /// Merging parts in log order.
    pub merge: Duration,
    /// Waiting for workers.
    pub wait: Duration,
}

/// Counts all chunks, which come in log order.
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
    let limit = pool.current_num_threads() + 2;
    let windows = options.windows;
    Ok(pool.in_place_scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        let mut merger = Merger::new(windows);
        let mut timings = Timings::default();
        let mut chunks = chunks.enumerate();
        loop {
            let started = Instant::now();
            let next = chunks.next();
            timings.read += started.elapsed();
            let Some((position, chunk)) = next else { break };
            let sender = sender.clone();
            scope.spawn(move |_| {
                let counted = catch_unwind(AssertUnwindSafe(|| count(&chunk, windows)));
                // The receiver outlives the scope, unless another worker panicked.
                let _ = sender.send((position, counted));
            });
            merger.in_flight += 1;
            while merger.in_flight >= limit {
                merger.receive(&receiver, &mut timings);
            }
        }
        while merger.in_flight > 0 {
            merger.receive(&receiver, &mut timings);
        }
        (merger.total, timings)
    }))
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

type Counted = (usize, std::thread::Result<Tally>);

/// Merges parts in log order, in whatever order they come.
struct Merger {
    total: Tally,
    next: usize,
    early: BTreeMap<usize, Tally>,
    in_flight: usize,
}

impl Merger {
    fn new(windows: Windows) -> Self {
        Merger {
            total: Tally::anchored(windows),
            next: 0,
            early: BTreeMap::new(),
            in_flight: 0,
        }
    }

    fn receive(&mut self, receiver: &mpsc::Receiver<Counted>, timings: &mut Timings) {
        let started = Instant::now();
        let Ok((position, counted)) = receiver.recv() else {
            return;
        };
        timings.wait += started.elapsed();
        match counted {
            Ok(part) => self.early.insert(position, part),
            Err(panic) => resume_unwind(panic),
        };
        let started = Instant::now();
        while let Some(part) = self.early.remove(&self.next) {
            self.total.merge(part);
            self.next += 1;
            self.in_flight -= 1;
        }
        timings.merge += started.elapsed();
    }
}

/// Counts the lines of one chunk.
fn count(chunk: &Chunk, windows: Windows) -> Tally {
    let mut tally = Tally::part(windows);
    let mut lines = chunk.records();
    while let Some(line) = lines.next() {
        match (&line.record, line.time) {
            (Some(record), Some(time)) => {
                let parsed = Event::parse(&record.tag, record.message);
                tally.absorb(record, time.wall_us, &parsed);
            }
            _ => tally.absorb_foreign(),
        }
    }
    tally
}

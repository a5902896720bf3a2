//! Chunks that wait for a worker, and which of them a worker takes.
//!
//! A worker takes a run of chunks that follow each other: what it counts of a run needs no merging.
//! Runs are long while much of the log is left and short at its end, so that no worker is idle while
//! another has far to go. They are taken from the front, so that what was counted is merged soon and
//! memory is that of one whole and some runs. A chunk that is read already comes first: it takes up
//! memory.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};

use super::lock;
use crate::source::{Chunk, Position};

/// So many chunks wait before the first worker begins, so that there are runs to take.
const HEAD_START: usize = 16;
/// No run is longer: what is counted of it waits for its neighbours.
const LONGEST_RUN: usize = 8;
/// At most so many chunks wait that are not read yet: each is a place in a file.
const LONGEST: usize = 4_096;

/// Chunks that wait to be counted.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    workers: usize,
}

#[derive(Default)]
struct State {
    waiting: BTreeMap<Position, Chunk>,
    /// A worker took a chunk.
    has_begun: bool,
    /// How many chunks wait that are read.
    read_waiting: usize,
    /// How many chunks are read and not counted yet.
    read: usize,
    /// No chunk will follow.
    is_closed: bool,
}

/// Chunks that follow each other, in the hands of a worker. When it is one that was read before, its
/// place is free again when this is dropped, by a panic too.
pub(super) struct Run<'q> {
    pub(super) chunks: Vec<Chunk>,
    place: Option<&'q Queue>,
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if let Some(queue) = self.place {
            lock(&queue.state).read -= 1;
            queue.changed.notify_all();
        }
    }
}

impl Queue {
    /// Makes a queue for so many workers.
    pub(super) fn new(workers: usize) -> Self {
        Queue {
            state: Mutex::default(),
            changed: Condvar::new(),
            workers,
        }
    }

    /// Adds a chunk, as soon as there is room for it; tells whether more may follow.
    pub(super) fn push(&self, chunk: Chunk) -> bool {
        let is_read = chunk.is_read();
        let mut state = lock(&self.state);
        // One that is read waits while each worker has another one.
        while !state.is_closed && state.is_full(is_read, self.workers + 1) {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_closed {
            return false;
        }
        state.read += usize::from(is_read);
        state.read_waiting += usize::from(is_read);
        state.waiting.insert(chunk.span.start, chunk);
        drop(state);
        self.changed.notify_all();
        true
    }

    /// Says that no chunk will follow, or that one will never be counted.
    pub(super) fn close(&self) {
        lock(&self.state).is_closed = true;
        self.changed.notify_all();
    }

    /// Takes a run of chunks. Waits for one; `None` when there are no more.
    pub(super) fn take(&self) -> Option<Run<'_>> {
        let mut state = lock(&self.state);
        loop {
            if let Some(chunk) = state.take_read() {
                let (chunks, place) = (vec![chunk], Some(self));
                return Some(Run { chunks, place });
            }
            let chunks = state.take_run(self.workers);
            if !chunks.is_empty() {
                // Whoever waits for room to add chunks may go on.
                self.changed.notify_all();
                return Some(Run {
                    chunks,
                    place: None,
                });
            }
            if state.is_closed {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl State {
    fn is_full(&self, is_read: bool, most_read: usize) -> bool {
        if is_read {
            self.read >= most_read
        } else {
            self.waiting.len() >= LONGEST
        }
    }

    /// Takes the first chunk that is read.
    fn take_read(&mut self) -> Option<Chunk> {
        if self.read_waiting == 0 {
            return None;
        }
        let mut waiting = self.waiting.iter();
        let (&start, _) = waiting.find(|(_, chunk)| chunk.is_read())?;
        self.read_waiting -= 1;
        self.waiting.remove(&start)
    }

    /// Takes the first chunks that follow each other: a share of what waits.
    fn take_run(&mut self, workers: usize) -> Vec<Chunk> {
        let mut run: Vec<Chunk> = Vec::new();
        if !(self.has_begun || self.is_closed || self.waiting.len() >= HEAD_START) {
            return run;
        }
        // Three quarters of a worker's part: each run that begins elsewhere has to be merged.
        let share = 3 * self.waiting.len() / (4 * workers.max(1));
        let share = share.clamp(1, LONGEST_RUN);
        while run.len() < share
            && let Some(first) = self.waiting.first_entry()
            && run.last().is_none_or(|last| last.span.end == *first.key())
        {
            run.push(first.remove());
        }
        self.has_begun |= !run.is_empty();
        run
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::source::{self, Dating, Input, Options, SourceId};

    /// The chunks of a file of one line each, and where they begin and end.
    fn unread(lines: usize) -> (tempfile::TempDir, Vec<Chunk>, Vec<Position>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mail.log");
        let line = "2026-11-21T00:44:25+00:00 mx postfix/qmgr[1]: 4F1A22C0D9E: removed\n";
        std::fs::write(&path, line.repeat(lines)).unwrap();
        let options = Options {
            chunk_bytes: line.len(),
            ..Options::default()
        };
        let chunks: Vec<Chunk> = source::read_all(vec![Input::File(path)], &options).collect();
        assert_eq!(chunks.len(), lines);
        assert!(!chunks.iter().any(Chunk::is_read));
        let mut places: Vec<Position> = chunks.iter().map(|chunk| chunk.span.start).collect();
        places.extend(chunks.last().map(|chunk| chunk.span.end));
        (folder, chunks, places)
    }

    fn queue(chunks: Vec<Chunk>, workers: usize) -> Queue {
        let queue = Queue::new(workers);
        assert!(chunks.into_iter().all(|chunk| queue.push(chunk)));
        queue
    }

    /// Takes a run; tells from where to where it goes, and that it has no holes.
    fn take(queue: &Queue) -> Option<Range<Position>> {
        let run = queue.take()?;
        for pair in run.chunks.windows(2) {
            assert_eq!(pair[0].span.end, pair[1].span.start);
        }
        Some(run.chunks.first()?.span.start..run.chunks.last()?.span.end)
    }

    #[test]
    fn runs_are_all_of_the_log_in_order_and_get_shorter() {
        let (_folder, chunks, places) = unread(60);
        let queue = queue(chunks, 2);
        queue.close();
        let (mut at, mut lengths) = (0, Vec::new());
        while let Some(run) = take(&queue) {
            assert_eq!(run.start, places[at]);
            let end = places.iter().position(|place| *place == run.end).unwrap();
            lengths.push(end - at);
            at = end;
        }
        assert_eq!(at, 60);
        assert_eq!(lengths.first(), Some(&LONGEST_RUN));
        assert_eq!(lengths.last(), Some(&1));
        assert!(lengths.is_sorted_by(|a, b| a >= b), "{lengths:?}");
    }

    #[test]
    fn a_run_ends_where_the_next_chunk_is_not_here() {
        let (_folder, mut chunks, places) = unread(40);
        chunks.remove(3);
        let queue = queue(chunks, 1);
        let runs = [take(&queue).unwrap(), take(&queue).unwrap()];
        assert_eq!(runs[0], places[0]..places[3]);
        assert_eq!(runs[1].start, places[4]);
    }

    #[test]
    fn what_is_in_memory_comes_first_by_itself_and_is_limited() {
        let (_folder, chunks, places) = unread(20);
        let queue = queue(chunks, 2);
        let dating = Dating::from_year(2026, None);
        let read = Chunk::new(b"line\n".to_vec(), dating, SourceId(0));
        let far = places[20]..places[20];
        assert!(queue.push(read.at(far.clone())));
        let run = queue.take().unwrap();
        assert_eq!(run.chunks.len(), 1);
        assert_eq!(run.chunks[0].span, far);
        let read = || lock(&queue.state).read;
        assert_eq!(read(), 1, "it is in memory as long as it is counted");
        drop(run);
        assert_eq!(read(), 0);
        assert_eq!(take(&queue).unwrap().start, places[0]);
    }

    #[test]
    fn nobody_waits_for_a_worker_that_gave_up() {
        let (_folder, chunks, _) = unread(2);
        let queue = Queue::new(1);
        queue.close();
        assert!(chunks.into_iter().all(|chunk| !queue.push(chunk)));
        assert!(take(&queue).is_none());
    }
}

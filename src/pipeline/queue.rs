//! Chunks that wait for a worker, and which of them a worker takes.
//!
//! A worker takes a run of chunks that follow each other: what it counts of a run needs no merging.
//! Runs are long while much of the log is left and short at its end, so that no worker is idle while
//! another has far to go. They are taken from the front, so that what was counted is merged soon and
//! memory is that of one whole and some runs.
//!
//! A chunk that is read already comes first: it takes up memory. It is left to the worker that counts
//! what stands before it, though another one may be idle: of a log that one thread unpacks, one worker
//! counts all as long as it keeps up, and nothing has to be merged.

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

/// One of those that take chunks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Worker(usize);

#[derive(Default)]
struct State {
    /// Chunks that wait, each to be read by the worker that takes it.
    unread: BTreeMap<Position, Chunk>,
    /// Chunks that wait in memory.
    read: BTreeMap<Position, Chunk>,
    /// How many chunks are in memory: those that are being counted are not let go of yet.
    in_memory: usize,
    /// Where each worker will stand when it has counted what it took.
    ends: Vec<Option<Position>>,
    /// A worker took a chunk.
    has_begun: bool,
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
            lock(&queue.state).in_memory -= 1;
            queue.changed.notify_all();
        }
    }
}

impl Queue {
    /// Makes a queue for so many workers.
    pub(super) fn new(workers: usize) -> Self {
        let state = State {
            ends: vec![None; workers],
            ..State::default()
        };
        Queue {
            state: Mutex::new(state),
            changed: Condvar::new(),
            workers,
        }
    }

    /// Lists those that take chunks.
    pub(super) fn workers(&self) -> impl Iterator<Item = Worker> + use<> {
        (0..self.workers).map(Worker)
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
        state.in_memory += usize::from(is_read);
        let waiting = match is_read {
            true => &mut state.read,
            false => &mut state.unread,
        };
        waiting.insert(chunk.span.start, chunk);
        drop(state);
        self.changed.notify_all();
        true
    }

    /// Says that no chunk will follow, or that one will never be counted.
    pub(super) fn close(&self) {
        lock(&self.state).is_closed = true;
        self.changed.notify_all();
    }

    /// Takes a run of chunks. Waits for one; `None` when there are no more for this worker.
    pub(super) fn take(&self, worker: Worker) -> Option<Run<'_>> {
        let mut state = lock(&self.state);
        loop {
            let (chunks, place) = match state.take_read(worker) {
                Some(chunk) => (vec![chunk], Some(self)),
                None => (state.take_run(self.workers), None),
            };
            if let Some(last) = chunks.last() {
                state.stands_at(worker, last.span.end);
                // Whoever waits for room to add chunks may go on.
                self.changed.notify_all();
                return Some(Run { chunks, place });
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
            self.in_memory >= most_read
        } else {
            self.unread.len() >= LONGEST
        }
    }

    /// Takes the chunk that is read and stands behind what this worker counted, else the first one
    /// that stands behind nobody.
    fn take_read(&mut self, Worker(worker): Worker) -> Option<Chunk> {
        let mine = self.ends.get(worker).copied().flatten();
        if let Some(chunk) = mine.and_then(|end| self.read.remove(&end)) {
            return Some(chunk);
        }
        let mut starts = self.read.keys();
        let start = *starts.find(|start| !self.ends.contains(&Some(**start)))?;
        self.read.remove(&start)
    }

    fn stands_at(&mut self, Worker(worker): Worker, end: Position) {
        if let Some(stands) = self.ends.get_mut(worker) {
            *stands = Some(end);
        }
    }

    /// Takes the first chunks that follow each other: a share of what waits.
    fn take_run(&mut self, workers: usize) -> Vec<Chunk> {
        let mut run: Vec<Chunk> = Vec::new();
        if !(self.has_begun || self.is_closed || self.unread.len() >= HEAD_START) {
            return run;
        }
        // Three quarters of a worker's part: each run that begins elsewhere has to be merged.
        let share = 3 * self.unread.len() / (4 * workers.max(1));
        let share = share.clamp(1, LONGEST_RUN);
        while run.len() < share
            && let Some(first) = self.unread.first_entry()
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
    use std::time::Duration;

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

    /// The only worker, or the first of some.
    const FIRST: Worker = Worker(0);

    /// Takes a run; tells from where to where it goes, and that it has no holes.
    fn take(queue: &Queue) -> Option<Range<Position>> {
        let run = queue.take(FIRST)?;
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
        let far = places[20]..places[20];
        assert!(queue.push(read(far.clone())));
        let run = queue.take(FIRST).unwrap();
        assert_eq!(run.chunks.len(), 1);
        assert_eq!(run.chunks[0].span, far);
        let in_memory = || lock(&queue.state).in_memory;
        assert_eq!(in_memory(), 1, "as long as it is counted");
        drop(run);
        assert_eq!(in_memory(), 0);
        assert_eq!(take(&queue).unwrap().start, places[0]);
    }

    /// A chunk that is read already.
    fn read(span: Range<Position>) -> Chunk {
        let dating = Dating::from_year(2026, None);
        Chunk::new(b"line\n".to_vec(), dating, SourceId(0)).at(span)
    }

    /// The spans of 20 chunks that follow each other.
    fn spans() -> Vec<Range<Position>> {
        let (_folder, chunks, _) = unread(20);
        chunks.iter().map(|chunk| chunk.span.clone()).collect()
    }

    /// The chunk that is read which a worker would take now.
    fn take_read(queue: &Queue, worker: Worker) -> Option<Range<Position>> {
        let mut state = lock(&queue.state);
        let taken = state.take_read(worker)?.span.clone();
        state.stands_at(worker, taken.end);
        Some(taken)
    }

    #[test]
    fn what_is_read_is_left_to_the_worker_before_it_as_long_as_he_keeps_up() {
        let spans = spans();
        let span = |at: usize| spans[at].clone();
        let queue = Queue::new(2);
        let workers: Vec<Worker> = queue.workers().collect();
        let [first, second] = workers[..] else {
            panic!("{workers:?}")
        };
        for chunk in 0..3 {
            assert!(queue.push(read(span(chunk))));
            assert_eq!(take_read(&queue, first), Some(span(chunk)));
            assert_eq!(take_read(&queue, second), None);
            lock(&queue.state).in_memory = 0;
        }
        assert!(queue.push(read(span(3))));
        assert_eq!(take_read(&queue, second), None);
        // Another log, and what piles up, are for everybody; then he goes on behind it.
        assert!(queue.push(read(span(10))));
        assert_eq!(take_read(&queue, second), Some(span(10)));
        assert!(queue.push(read(span(4))));
        assert_eq!(take_read(&queue, second), Some(span(4)));
        assert_eq!(take_read(&queue, first), Some(span(3)));
        lock(&queue.state).in_memory = 0;
        assert!(queue.push(read(span(5))));
        assert_eq!(take_read(&queue, first), None);
        assert!(queue.push(read(span(11))));
        assert_eq!(take_read(&queue, first), Some(span(11)));
        assert_eq!(take_read(&queue, second), Some(span(5)));
    }

    #[test]
    fn of_two_that_are_read_a_worker_takes_the_one_behind_what_it_counted() {
        let spans = spans();
        let span = |at: usize| spans[at].clone();
        let queue = Queue::new(1);
        for place in [span(10), span(7), span(11)] {
            assert!(queue.push(read(place)));
            lock(&queue.state).in_memory = 0;
        }
        lock(&queue.state).stands_at(FIRST, span(10).start);
        let taken: Vec<_> = (0..3)
            .filter_map(|_| take_read(&queue, FIRST))
            .map(|taken| taken.start)
            .collect();
        let expected = [span(10), span(11), span(7)];
        assert_eq!(taken, expected.map(|span| span.start));
    }

    #[test]
    fn what_is_left_to_a_worker_at_the_end_is_taken_by_nobody_else() {
        let spans = spans();
        let span = |at: usize| spans[at].clone();
        let queue = Queue::new(2);
        let other = Worker(1);
        assert!(queue.push(read(span(0))));
        let run = queue.take(FIRST).unwrap();
        assert!(queue.push(read(span(1))));
        queue.close();
        assert!(queue.take(other).is_none(), "and nobody waits");
        drop(run);
        assert_eq!(take(&queue), Some(span(1)));
        assert_eq!(take(&queue), None);
    }

    #[test]
    fn so_many_chunks_are_in_memory_as_there_are_workers_and_one_more() {
        let spans = spans();
        let queue = Queue::new(2);
        let in_memory = || lock(&queue.state).in_memory;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for span in &spans {
                    assert!(queue.push(read(span.clone())));
                }
                queue.close();
            });
            let mut counted = 0;
            while counted < spans.len() {
                // Whoever reads goes on as soon as there is room, and no further.
                let most = (spans.len() - counted).min(3);
                while in_memory() < most {
                    std::thread::yield_now();
                }
                std::thread::sleep(Duration::from_millis(2));
                assert_eq!(in_memory(), most);
                let run = queue.take(FIRST).unwrap();
                counted += run.chunks.len();
            }
        });
        assert_eq!(in_memory(), 0);
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

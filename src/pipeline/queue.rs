//! Chunks that wait for a worker, and which of them a worker takes.
//!
//! A worker goes on behind what it counted as long as it can: what it counts of chunks that follow each
//! other needs no merging. Where it cannot, it begins far from the others. What is left of a log of
//! usual length is halved, so that there are few parts and all workers are done at about the same time;
//! of a longer one the front comes first, so that what was counted is merged on the way, and memory is
//! that of one whole and some parts.
//!
//! A chunk that is read already comes first: it takes up memory. It is left to the worker that counts
//! what stands before it, though another one may be idle: of a log that one thread unpacks, one worker
//! counts all as long as it keeps up, and nothing has to be merged.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};

use super::lock;
use crate::source::{Chunk, Position};

/// A stretch of fewer chunks than this is halved: a log of 256 MB.
const HALVED: usize = 256;
/// Of a longer one so many are left to the worker before it.
const LEFT: usize = 32;
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
    /// No chunk will follow.
    is_closed: bool,
}

/// A chunk in the hands of a worker. When it is one that was read before, its place is free again when
/// this is dropped, by a panic too.
pub(super) struct Taken<'q> {
    pub(super) chunk: Chunk,
    place: Option<&'q Queue>,
}

impl Drop for Taken<'_> {
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

    /// Takes a chunk. Waits for one; `None` when there are no more for this worker.
    pub(super) fn take(&self, worker: Worker) -> Option<Taken<'_>> {
        let mut state = lock(&self.state);
        loop {
            let (chunk, place) = match state.take_read(worker) {
                Some(chunk) => (Some(chunk), Some(self)),
                None => (state.take_unread(worker), None),
            };
            if let Some(chunk) = chunk {
                state.stands_at(worker, chunk.span.end);
                // Whoever waits for room to add chunks may go on.
                self.changed.notify_all();
                return Some(Taken { chunk, place });
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

    /// Where a worker stands.
    fn end_of(&self, Worker(worker): Worker) -> Option<Position> {
        self.ends.get(worker).copied().flatten()
    }

    fn stands_at(&mut self, Worker(worker): Worker, end: Position) {
        if let Some(stands) = self.ends.get_mut(worker) {
            *stands = Some(end);
        }
    }

    /// Tells whether a worker will go on here.
    fn is_left_to_one(&self, start: Position) -> bool {
        self.ends.contains(&Some(start))
    }

    /// Takes the chunk that is read and stands behind what this worker counted, else the first one
    /// that stands behind nobody.
    fn take_read(&mut self, worker: Worker) -> Option<Chunk> {
        let behind = self.end_of(worker);
        if let Some(chunk) = behind.and_then(|end| self.read.remove(&end)) {
            return Some(chunk);
        }
        let mut starts = self.read.keys();
        let start = *starts.find(|start| !self.is_left_to_one(**start))?;
        self.read.remove(&start)
    }

    /// Takes the chunk that is not read and stands behind what this worker counted, else one that is far
    /// from the other workers.
    fn take_unread(&mut self, worker: Worker) -> Option<Chunk> {
        let behind = self.end_of(worker);
        if let Some(chunk) = behind.and_then(|end| self.unread.remove(&end)) {
            return Some(chunk);
        }
        let start = self.far_from_others()?;
        self.unread.remove(&start)
    }

    /// Where a worker begins that cannot go on: at the place that has most chunks behind it, of those
    /// where nobody stands, or where what is left is shared with the worker that stands there.
    fn far_from_others(&self) -> Option<Position> {
        let waiting: Vec<&Chunk> = self.unread.values().collect();
        let mut best: Option<(usize, Position)> = None;
        for stretch in waiting.chunk_by(|chunk, next| chunk.span.end == next.span.start) {
            let (length, start) = (stretch.len(), stretch.first()?.span.start);
            let left = match self.is_left_to_one(start) {
                false => 0,
                // The more there are to share, the fewer parts there will be.
                true if length < HALVED && !self.is_closed => continue,
                true if length < HALVED => length / 2,
                true => LEFT,
            };
            if best.is_none_or(|(most, _)| length - left > most) {
                best = Some((length - left, stretch.get(left)?.span.start));
            }
        }
        best.map(|(_, start)| start)
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
    const SECOND: Worker = Worker(1);

    /// Takes a chunk; tells from where to where it goes.
    fn take(queue: &Queue, worker: Worker) -> Option<Range<Position>> {
        Some(queue.take(worker)?.chunk.span.clone())
    }

    /// The chunk that a worker would take now of those that are not read.
    fn take_unread(queue: &Queue, worker: Worker) -> Option<Position> {
        let mut state = lock(&queue.state);
        let span = state.take_unread(worker)?.span.clone();
        state.stands_at(worker, span.end);
        Some(span.start)
    }

    #[test]
    fn one_worker_takes_all_of_the_log_in_order() {
        let (_folder, chunks, places) = unread(60);
        let queue = queue(chunks, 1);
        queue.close();
        for place in places.windows(2) {
            assert_eq!(take(&queue, FIRST), Some(place[0]..place[1]));
        }
        assert_eq!(take(&queue, FIRST), None);
    }

    #[test]
    fn workers_meet_seldom_and_are_done_together() {
        for (lines, workers, most_parts) in [(60, 2, 2), (1200, 2, 22), (60, 4, 4), (7, 3, 4)] {
            let (_folder, chunks, places) = unread(lines);
            let queue = queue(chunks, workers);
            queue.close();
            let (mut starts, mut ends) = (Vec::new(), vec![None; workers]);
            let (mut parts, mut rounds, mut taken) = (0, 0, 1);
            while taken > 0 {
                taken = 0;
                // Each takes one in the same time.
                for (worker, end) in queue.workers().zip(&mut ends) {
                    if let Some(span) = take(&queue, worker) {
                        parts += usize::from(*end != Some(span.start));
                        *end = Some(span.end);
                        starts.push(span.start);
                        taken += 1;
                    }
                }
                rounds += usize::from(taken > 0);
            }
            starts.sort();
            assert_eq!(starts, places[..lines], "each once");
            assert!(parts <= most_parts, "{parts} parts by {workers} of {lines}");
            assert_eq!(rounds, lines.div_ceil(workers));
        }
    }

    #[test]
    fn of_a_long_log_the_front_comes_first() {
        let (_folder, chunks, places) = unread(HALVED + 1);
        let queue = queue(chunks, 2);
        assert_eq!(take_unread(&queue, FIRST), Some(places[0]));
        assert_eq!(take_unread(&queue, SECOND), Some(places[1 + LEFT]));
        assert_eq!(take_unread(&queue, FIRST), Some(places[1]));
        assert_eq!(take_unread(&queue, SECOND), Some(places[2 + LEFT]));
    }

    #[test]
    fn nobody_begins_behind_another_one_before_it_is_known_how_much_there_is() {
        let (_folder, chunks, places) = unread(HALVED);
        let queue = queue(chunks, 2);
        assert_eq!(take_unread(&queue, FIRST), Some(places[0]));
        assert_eq!(take_unread(&queue, SECOND), None);
        queue.close();
        assert_eq!(take_unread(&queue, SECOND), Some(places[HALVED / 2]));
    }

    #[test]
    fn the_end_of_a_log_is_shared_to_the_last_chunk() {
        let (_folder, chunks, places) = unread(4);
        let queue = queue(chunks, 2);
        assert_eq!(take(&queue, FIRST), Some(places[0]..places[1]));
        queue.close();
        assert_eq!(take(&queue, SECOND), Some(places[2]..places[3]));
        assert_eq!(take(&queue, SECOND), Some(places[3]..places[4]));
        assert_eq!(take(&queue, SECOND), Some(places[1]..places[2]));
        assert_eq!(take(&queue, FIRST), None);
    }

    #[test]
    fn of_two_stretches_the_longer_one_comes_first() {
        let (_folder, mut chunks, places) = unread(20);
        chunks.remove(5);
        let queue = queue(chunks, 1);
        assert_eq!(take_unread(&queue, FIRST), Some(places[6]));
        queue.close();
        for place in (7..20).chain(0..5) {
            assert_eq!(take(&queue, FIRST), Some(places[place]..places[place + 1]));
        }
    }

    #[test]
    fn what_is_in_memory_comes_first_by_itself_and_is_limited() {
        let (_folder, chunks, places) = unread(20);
        let queue = queue(chunks, 2);
        let far = places[20]..places[20];
        assert!(queue.push(read(far.clone())));
        let taken = queue.take(FIRST).unwrap();
        assert_eq!(taken.chunk.span, far);
        let in_memory = || lock(&queue.state).in_memory;
        assert_eq!(in_memory(), 1, "as long as it is counted");
        drop(taken);
        assert_eq!(in_memory(), 0);
        assert_eq!(take(&queue, FIRST).unwrap().start, places[0]);
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
        assert!(queue.push(read(span(0))));
        let taken = queue.take(FIRST).unwrap();
        assert!(queue.push(read(span(1))));
        queue.close();
        assert!(queue.take(SECOND).is_none(), "and nobody waits");
        drop(taken);
        assert_eq!(take(&queue, FIRST), Some(span(1)));
        assert_eq!(take(&queue, FIRST), None);
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
                assert!(queue.take(FIRST).is_some());
                counted += 1;
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
        assert!(take(&queue, FIRST).is_none());
    }
}

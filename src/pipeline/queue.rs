//! Chunks that wait for a worker, and which of them a worker takes.
//!
//! A worker that goes on where it stopped has nothing to merge. So each works on a stretch of the
//! log as long as there is one, and one that has come to an end of its own takes half of what lies
//! before another. A chunk that is read already comes first: it takes up memory.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};

use super::lock;
use crate::source::{Chunk, Position};

/// So many chunks wait before the first worker begins, so that there are halves to take.
const HEAD_START: usize = 16;
/// At most so many chunks wait that are not read yet: each is a place in a file.
const LONGEST: usize = 4_096;

/// Chunks that wait to be counted.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    /// At most so many chunks that are read wait or are being counted.
    most_read: usize,
}

#[derive(Default)]
struct State {
    waiting: BTreeMap<Position, Chunk>,
    /// Where the stretches end that workers are on.
    ends: Vec<Position>,
    /// How many chunks wait that are read.
    read_waiting: usize,
    /// How many chunks are read and not counted yet.
    read: usize,
    /// No chunk will follow.
    is_closed: bool,
}

/// A chunk in the hands of a worker. When it was read before, its place is free again when this is
/// dropped, by a panic too.
pub(super) struct Taken<'q> {
    pub(super) chunk: Chunk,
    place: Option<&'q Queue>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(queue) = self.place {
            lock(&queue.state).read -= 1;
            queue.changed.notify_all();
        }
    }
}

impl Queue {
    pub(super) fn new(most_read: usize) -> Self {
        Queue {
            state: Mutex::default(),
            changed: Condvar::new(),
            most_read,
        }
    }

    /// Adds a chunk, as soon as there is room for it; tells whether more may follow.
    pub(super) fn push(&self, chunk: Chunk) -> bool {
        let is_read = chunk.is_read();
        let mut state = lock(&self.state);
        while !state.is_closed && state.is_full(is_read, self.most_read) {
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

    /// Takes a chunk for a worker whose stretch ends at `end`: the one that follows if it can be.
    /// Waits for one; `None` when there are no more.
    pub(super) fn take(&self, end: Option<Position>) -> Option<Taken<'_>> {
        let mut state = lock(&self.state);
        loop {
            if let Some(start) = state.choose(end) {
                let chunk = state.waiting.remove(&start)?;
                let is_read = chunk.is_read();
                state.read_waiting -= usize::from(is_read);
                if let Some(end) = end {
                    state.leave(end);
                }
                state.ends.push(chunk.span.end);
                let place = is_read.then_some(self);
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
            self.read >= most_read
        } else {
            self.waiting.len() >= LONGEST
        }
    }

    fn leave(&mut self, end: Position) {
        if let Some(at) = self.ends.iter().position(|other| *other == end) {
            self.ends.swap_remove(at);
        }
    }

    /// Chooses the chunk to take, by where it begins.
    fn choose(&self, end: Option<Position>) -> Option<Position> {
        let next = end.filter(|end| self.waiting.contains_key(end));
        if self.read_waiting > 0 {
            let is_read = |start: &Position| self.waiting.get(start).is_some_and(Chunk::is_read);
            let first = || self.waiting.keys().copied().find(is_read);
            return next.filter(is_read).or_else(first);
        }
        if next.is_some() {
            return next;
        }
        let has_head_start = self.is_closed || self.waiting.len() >= HEAD_START;
        if !has_head_start && self.ends.is_empty() {
            return None;
        }
        self.largest_share(end)
    }

    /// Finds the longest stretch that nobody would come to, or half of one that somebody will.
    fn largest_share(&self, own_end: Option<Position>) -> Option<Position> {
        let mut best: Option<(usize, Position, usize)> = None;
        let mut chunks = self.waiting.values().peekable();
        while let Some(first) = chunks.next() {
            let (mut length, mut end) = (1, first.span.end);
            while let Some(next) = chunks.next_if(|next| next.span.start == end) {
                (length, end) = (length + 1, next.span.end);
            }
            let start = first.span.start;
            let is_ahead = self.ends.contains(&start) && Some(start) != own_end;
            let skipped = if is_ahead { length / 2 } else { 0 };
            let share = length - skipped;
            if best.is_none_or(|(most, ..)| share > most) {
                best = Some((share, start, skipped));
            }
        }
        let (_, start, skipped) = best?;
        self.waiting.range(start..).nth(skipped).map(|(at, _)| *at)
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

    fn queue(chunks: Vec<Chunk>) -> Queue {
        let queue = Queue::new(2);
        assert!(chunks.into_iter().all(|chunk| queue.push(chunk)));
        queue
    }

    /// Takes a chunk; tells from where to where it goes.
    fn take(queue: &Queue, end: Option<Position>) -> Option<Range<Position>> {
        queue.take(end).map(|taken| taken.chunk.span.clone())
    }

    #[test]
    fn one_worker_goes_from_the_first_chunk_to_the_last() {
        let (_folder, chunks, places) = unread(40);
        let queue = queue(chunks);
        queue.close();
        let mut end = None;
        for place in places.windows(2) {
            let taken = take(&queue, end).unwrap();
            assert_eq!([taken.start, taken.end], place);
            end = Some(taken.end);
        }
        assert!(take(&queue, end).is_none());
    }

    #[test]
    fn a_second_one_takes_half_of_what_lies_before_the_first() {
        let (_folder, chunks, places) = unread(41);
        let queue = queue(chunks);
        queue.close();
        let first = take(&queue, None).unwrap();
        let second = take(&queue, None).unwrap();
        assert_eq!([first.start, second.start], [places[0], places[21]]);
        // Each goes on with its own stretch.
        let mut end = second.end;
        while let Some(place) = places.iter().position(|place| *place == end)
            && place < 41
        {
            let taken = take(&queue, Some(end)).unwrap();
            assert_eq!(taken.start, end);
            end = taken.end;
        }
        // At the end of the log it takes half of the first one's.
        let taken = take(&queue, Some(end)).unwrap();
        assert_eq!(taken.start, places[11]);
    }

    #[test]
    fn what_nobody_would_come_to_is_taken_from_its_beginning() {
        let (_folder, mut chunks, places) = unread(40);
        let rest = chunks.split_off(20);
        let queue = queue(chunks);
        let first = take(&queue, None).unwrap();
        assert!(rest.into_iter().skip(1).all(|chunk| queue.push(chunk)));
        let second = take(&queue, None).unwrap();
        assert_eq!([first.start, second.start], [places[0], places[21]]);
    }

    #[test]
    fn what_is_in_memory_comes_first_and_is_limited() {
        let (_folder, chunks, places) = unread(20);
        let queue = queue(chunks);
        let first = take(&queue, None).unwrap();
        let dating = Dating::from_year(2026, None);
        let read = Chunk::new(b"line\n".to_vec(), dating, SourceId(0));
        let far = places[20]..places[20];
        assert!(queue.push(read.at(far.clone())));
        let taken = queue.take(Some(first.end)).unwrap();
        assert_eq!(taken.chunk.span, far);
        assert_eq!(
            lock(&queue.state).read,
            1,
            "it is in memory as long as it is counted"
        );
        drop(taken);
        assert_eq!(lock(&queue.state).read, 0);
        assert_eq!(take(&queue, Some(first.end)).unwrap().start, first.end);
    }

    #[test]
    fn nobody_waits_for_a_worker_that_gave_up() {
        let (_folder, chunks, _) = unread(2);
        let queue = Queue::new(0);
        queue.close();
        assert!(chunks.into_iter().all(|chunk| !queue.push(chunk)));
        assert!(take(&queue, None).is_none());
    }
}

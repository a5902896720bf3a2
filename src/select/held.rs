//! Chunks that wait until all their lines are decided.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::marks::{Mark, Marks};
use crate::source::{Chunk, Spool};

/// So many chunks wait in memory; of older ones the text is read again.
const IN_MEMORY: usize = 8;

/// A line of a chunk that is here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// The number of the chunk, in the order in which they came.
    pub(super) chunk: u32,
    /// How many lines stand before it in the chunk.
    pub(super) line: u32,
}

/// A chunk with what is decided of its lines.
#[derive(Debug, Default)]
struct Waiting {
    /// Not here as long as its lines are looked at.
    chunk: Option<Chunk>,
    marks: Vec<Mark>,
    /// How many lines are undecided.
    undecided: u32,
}

/// The chunks that came and did not go yet.
#[derive(Debug, Default)]
pub(super) struct Held {
    waiting: HashMap<u32, Waiting>,
    /// Those of them that are in memory, oldest first.
    in_memory: VecDeque<u32>,
    next: u32,
    spool: Spool,
    ready: VecDeque<Chunk>,
    pub(super) marks: Arc<Marks>,
}

impl Held {
    /// Makes room for the marks of a chunk that comes now; returns its number.
    pub(super) fn begin(&mut self) -> u32 {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.waiting.insert(number, Waiting::default());
        number
    }

    /// Keeps a chunk whose lines were all looked at.
    pub(super) fn end(&mut self, number: u32, chunk: Chunk) {
        if let Some(waiting) = self.waiting.get_mut(&number) {
            waiting.chunk = Some(chunk);
        }
        self.in_memory.push_back(number);
        self.let_go(number);
        while self.in_memory.len() > IN_MEMORY {
            let oldest = self.in_memory.pop_front();
            let oldest = oldest.and_then(|number| self.waiting.get_mut(&number));
            if let Some(chunk) = oldest.and_then(|waiting| waiting.chunk.as_mut()) {
                self.spool.put_by(chunk);
            }
        }
    }

    /// Counts a line in a part.
    pub(super) fn mark(&mut self, place: Place, part: u32) {
        if let Some(waiting) = self.waiting.get_mut(&place.chunk) {
            let line = place.line;
            waiting.marks.push(Mark { line, part });
        }
    }

    /// Keeps the chunk of a line until that is decided.
    pub(super) fn keep(&mut self, place: Place) {
        if let Some(waiting) = self.waiting.get_mut(&place.chunk) {
            waiting.undecided += 1;
        }
    }

    /// Says that a line that was kept is decided.
    pub(super) fn release(&mut self, place: Place) {
        if let Some(waiting) = self.waiting.get_mut(&place.chunk) {
            waiting.undecided = waiting.undecided.saturating_sub(1);
        }
        self.let_go(place.chunk);
    }

    /// Lets a chunk go if all its lines are decided.
    fn let_go(&mut self, number: u32) {
        let is_decided = |waiting: &Waiting| waiting.chunk.is_some() && waiting.undecided == 0;
        if !self.waiting.get(&number).is_some_and(is_decided) {
            return;
        }
        if let Some(Waiting {
            chunk: Some(chunk),
            marks,
            ..
        }) = self.waiting.remove(&number)
        {
            self.marks.put(&chunk, marks);
            self.ready.push_back(chunk);
        }
    }

    /// Takes a chunk whose lines are all decided.
    pub(super) fn take(&mut self) -> Option<Chunk> {
        self.ready.pop_front()
    }
}

//! Which lines of a chunk count, and in which part.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::source::{Chunk, Position};

/// A line that counts: its place among the lines of its chunk, and the part that it counts in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Mark {
    /// How many lines of the chunk stand before it.
    pub line: u32,
    /// The number of the part.
    pub part: u32,
}

/// The marks of chunks that are on their way from the sorter to whoever counts.
#[derive(Debug, Default)]
pub struct Marks(Mutex<HashMap<Position, Vec<Mark>>>);

impl Marks {
    /// Takes the marks of a chunk, in the order of its lines; none where no line of it counts.
    pub fn take(&self, chunk: &Chunk) -> Vec<Mark> {
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        marks.remove(&chunk.span.start).unwrap_or_default()
    }

    pub(super) fn put(&self, chunk: &Chunk, mut marks: Vec<Mark>) {
        marks.sort_unstable();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(chunk.span.start, marks);
    }
}

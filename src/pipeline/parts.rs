//! Counted parts of the log, merged with their neighbours.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::counting::Counting;
use super::lock;
use crate::source::Position;

/// The chunks from `start` to before `end`, counted.
pub(super) struct Part<T> {
    pub(super) start: Position,
    pub(super) end: Position,
    pub(super) counted: T,
}

/// Counted parts that wait for a neighbour. Whoever finishes a part merges it with the neighbours
/// that are there, so that no two parts here touch each other and few of them ever wait; in which
/// order neighbours merge is of no account, by the law of merging.
pub(super) struct Parts<'c, C: Counting> {
    counting: &'c C,
    state: Mutex<State<C::Counted>>,
}

struct State<T> {
    waiting: BTreeMap<Position, Part<T>>,
    merging: Duration,
}

impl<'c, C: Counting> Parts<'c, C> {
    pub(super) fn new(counting: &'c C) -> Self {
        let state = State {
            waiting: BTreeMap::new(),
            merging: Duration::ZERO,
        };
        Parts {
            counting,
            state: Mutex::new(state),
        }
    }

    /// Merges a part with its neighbours as long as there are any, then leaves it here.
    pub(super) fn add(&self, mut part: Part<C::Counted>) {
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
            part = neighbour.join(part, self.counting);
            lock(&self.state).merging += started.elapsed();
        }
    }

    /// Returns how long merging took, summed over the workers.
    pub(super) fn merging(&self) -> Duration {
        lock(&self.state).merging
    }

    /// The whole log: the one part that is left when all chunks of it were counted. Where reading was
    /// given up to begin anew some never came, and there are as many parts as `stretches` of those that
    /// did; then this is the first one, and nobody's answer.
    pub(super) fn into_whole(self, stretches: usize) -> C::Counted {
        let mut state = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        debug_assert_eq!(state.waiting.len(), stretches, "neighbours always merge");
        let whole = state.waiting.pop_first().map(|(_, part)| part.counted);
        whole.unwrap_or_else(|| self.counting.begin(true))
    }
}

impl<T> Part<T> {
    /// Begins a stretch of the log without lines.
    pub(super) fn new<C: Counting<Counted = T>>(start: Position, counting: &C) -> Self {
        Part {
            start,
            end: start,
            counted: counting.begin(start == Position::FIRST),
        }
    }

    /// Merges two neighbours, given in any order.
    fn join<C: Counting<Counted = T>>(self, other: Self, counting: &C) -> Self {
        let (mut early, later) = if self.start < other.start {
            (self, other)
        } else {
            (other, self)
        };
        counting.merge(&mut early.counted, later.counted);
        early.end = later.end;
        early
    }
}

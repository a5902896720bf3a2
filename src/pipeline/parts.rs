//! Counted parts of the log, merged with their neighbours.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Options, lock};
use crate::source::Position;
use crate::tally::{Tally, Windows};

/// The chunks from `start` to before `end`, counted.
pub(super) struct Part {
    pub(super) start: Position,
    pub(super) end: Position,
    pub(super) tally: Tally,
}

/// Counted parts that wait for a neighbour. Whoever finishes a part merges it with the neighbours
/// that are there, so that no two parts here touch each other and few of them ever wait; in which
/// order neighbours merge is of no account, by the law of merging.
#[derive(Default)]
pub(super) struct Parts {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: BTreeMap<Position, Part>,
    merging: Duration,
}

impl Parts {
    /// Merges a part with its neighbours as long as there are any, then leaves it here.
    pub(super) fn add(&self, mut part: Part) {
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

    /// Returns how long merging took, summed over the workers.
    pub(super) fn merging(&self) -> Duration {
        lock(&self.state).merging
    }

    /// The whole log: the one part that is left when all chunks were counted.
    pub(super) fn into_whole(self, windows: Windows) -> Tally {
        let mut state = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let whole = state.waiting.pop_first().map(|(_, part)| part.tally);
        debug_assert!(state.waiting.is_empty(), "neighbours always merge");
        whole.unwrap_or_else(|| Tally::anchored(windows))
    }
}

impl Part {
    /// Begins a stretch of the log without lines.
    pub(super) fn new(start: Position, options: Options) -> Part {
        let tally = if start == Position::FIRST {
            Tally::anchored(options.windows)
        } else {
            Tally::part(options.windows)
        };
        Part {
            start,
            end: start,
            tally: tally.counting(options.wanted),
        }
    }

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

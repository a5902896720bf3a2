//! Threads that read ahead: each makes the chunks of one group of sources.
//!
//! Packed files are unpacked, streams read and overlapping logs merged while others parse, several
//! at a time. Of each group one chunk waits to be taken while the next one is being made, so that
//! memory does not grow with the number of files.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::chunk::Chunk;
use super::merge::Ended;

/// So many chunks of a group wait to be taken.
const WAITING: usize = 1;

/// Makes the chunks of a group, one after the other.
pub(super) trait Maker: Send {
    /// Returns the next chunk.
    fn make(&mut self) -> Option<Chunk>;
    /// Tells how reading the sources went, when there are no more chunks.
    fn into_ended(self: Box<Self>) -> Vec<Ended>;
}

/// What a thread has to give.
pub(super) enum Given {
    Chunk(Chunk),
    /// There are no more chunks.
    End(Vec<Ended>),
}

/// The threads that are at work; dropping it ends them.
#[derive(Default)]
pub(super) struct Ahead {
    shared: Arc<Shared>,
    threads: BTreeMap<usize, JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What waits to be taken, by group.
    given: BTreeMap<usize, VecDeque<Given>>,
    /// A thread that panicked gives no more: it is a bug, and must not be waited for.
    panicked: Option<usize>,
    is_over: bool,
}

impl Ahead {
    /// Lets a thread make the chunks of a group.
    pub(super) fn begin(&mut self, group: usize, maker: Box<dyn Maker>) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new().spawn(move || shared.work(group, maker))?;
        self.threads.insert(group, thread);
        Ok(())
    }

    /// How many threads are at work.
    pub(super) fn len(&self) -> usize {
        self.threads.len()
    }

    /// Waits for the next of a group.
    pub(super) fn take(&mut self, group: usize) -> Given {
        self.wait_for(|state| state.take(group).map(|given| (group, given)))
            .1
    }

    /// Waits for the next of any group.
    pub(super) fn take_any(&mut self) -> (usize, Given) {
        self.wait_for(State::take_any)
    }

    /// Takes the next of any group, if one waits.
    pub(super) fn try_take_any(&mut self) -> Option<(usize, Given)> {
        let taken = self.shared.lock().take_any()?;
        self.shared.changed.notify_all();
        self.join_ended(&taken);
        Some(taken)
    }

    fn wait_for(&mut self, take: impl Fn(&mut State) -> Option<(usize, Given)>) -> (usize, Given) {
        let mut state = self.shared.lock();
        let taken = loop {
            if let Some(taken) = take(&mut state) {
                break taken;
            }
            if let Some(group) = state.panicked {
                drop(state);
                self.join(group);
                state = self.shared.lock();
            }
            let waited = self.shared.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        };
        drop(state);
        self.shared.changed.notify_all();
        self.join_ended(&taken);
        taken
    }

    fn join_ended(&mut self, (group, given): &(usize, Given)) {
        if matches!(given, Given::End(_)) {
            self.join(*group);
        }
    }

    /// Waits for the end of a thread, and goes on with its panic if there was one.
    fn join(&mut self, group: usize) {
        if let Some(Err(panic)) = self.threads.remove(&group).map(JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.changed.notify_all();
    }
}

impl State {
    fn take(&mut self, group: usize) -> Option<Given> {
        let given = self.given.get_mut(&group)?.pop_front()?;
        if matches!(given, Given::End(_)) {
            self.given.remove(&group);
        }
        Some(given)
    }

    /// Takes from the group that comes first.
    fn take_any(&mut self) -> Option<(usize, Given)> {
        let waiting = self.given.iter().find(|(_, given)| !given.is_empty());
        let group = waiting.map(|(group, _)| *group)?;
        Some((group, self.take(group)?))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn work(&self, group: usize, mut maker: Box<dyn Maker>) {
        let watch = Watch {
            shared: self,
            group,
        };
        while let Some(chunk) = maker.make() {
            if !self.give(group, Given::Chunk(chunk)) {
                return;
            }
        }
        self.give(group, Given::End(maker.into_ended()));
        drop(watch);
    }

    /// Waits until there is room; `false` when nobody wants more.
    fn give(&self, group: usize, given: Given) -> bool {
        let mut state = self.lock();
        while !state.is_over
            && state
                .given
                .get(&group)
                .is_some_and(|given| given.len() >= WAITING)
        {
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        let is_wanted = !state.is_over;
        if is_wanted {
            state.given.entry(group).or_default().push_back(given);
        }
        drop(state);
        self.changed.notify_all();
        is_wanted
    }
}

/// Tells of a panic on its thread.
struct Watch<'s> {
    shared: &'s Shared,
    group: usize,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.shared.lock().panicked = Some(self.group);
            self.shared.changed.notify_all();
        }
    }
}

/// Locks; a panic elsewhere leaves nothing half done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "ahead_tests.rs"]
mod tests;

//! What a sink was handed and did not deliver yet: what it works on waits too.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All items of a sink that wait.
pub(super) struct Waiting<T>(Mutex<State<T>>);

struct State<T> {
    /// By the number under which each was taken in.
    items: BTreeMap<u64, Arc<T>>,
    taken: u64,
    delivered: u64,
}

/// An item on its way through a sink. Dropped without having been delivered, it goes on waiting.
pub(super) struct Held<T> {
    number: u64,
    item: Arc<T>,
    waiting: Arc<Waiting<T>>,
}

impl<T> Waiting<T> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            items: BTreeMap::new(),
            taken: 0,
            delivered: 0,
        })))
    }

    /// Takes an item in, if fewer than `room` wait.
    pub(super) fn hold(self: &Arc<Self>, item: T, room: usize) -> Result<Held<T>, T> {
        let mut state = self.lock();
        if state.items.len() >= room {
            return Err(item);
        }
        let number = state.taken;
        let item = Arc::new(item);
        state.taken += 1;
        state.items.insert(number, Arc::clone(&item));
        Ok(Held {
            number,
            item,
            waiting: Arc::clone(self),
        })
    }

    /// Returns how many items were delivered.
    pub(super) fn delivered(&self) -> u64 {
        self.lock().delivered
    }

    /// Returns how many items wait.
    pub(super) fn len(&self) -> usize {
        self.lock().items.len()
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing here is ever half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Waiting<T> {
    /// Returns the items that wait, in the order in which they came.
    pub(super) fn items(&self) -> Vec<T> {
        let state = self.lock();
        state.items.values().map(|item| T::clone(item)).collect()
    }
}

impl<T> Held<T> {
    /// Notes that the sink has done with it what it could: it waits no more.
    pub(super) fn delivered(self) {
        let mut state = self.waiting.lock();
        state.items.remove(&self.number);
        state.delivered += 1;
    }
}

impl<T> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.item
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_worked_on_or_dropped_waits_and_what_is_delivered_does_not() {
        let waiting = Waiting::new();
        let hold = |item| waiting.hold(item, 3).ok().unwrap();
        let (first, second, _third) = (hold('a'), hold('b'), hold('c'));
        assert_eq!(waiting.hold('d', 3).err(), Some('d'));
        second.delivered();
        drop(first);
        assert_eq!(waiting.items(), ['a', 'c']);
        assert_eq!((waiting.len(), waiting.delivered()), (2, 1));
        assert_eq!(*hold('e'), 'e');
        assert_eq!(waiting.items(), ['a', 'c', 'e']);
    }
}

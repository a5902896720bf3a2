//! Work on chunks by many workers, taken over in the order of the chunks.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rayon::ThreadPool;

use super::lock;

/// Works on each item with the pool's threads and hands the results to `take` in order.
///
/// Whoever finishes the result that is next hands it over, and those that wait behind it: nobody
/// waits for anybody but the reader of the items, who goes no more than a few ahead.
///
/// # Errors
/// That of `take`; nothing more is worked on then.
pub fn in_order<I: Send, R: Send>(
    items: impl Iterator<Item = I>,
    pool: &ThreadPool,
    work: impl Fn(I) -> R + Sync,
    take: impl FnMut(R) -> io::Result<()> + Send,
) -> io::Result<()> {
    let limit = pool.current_num_threads() + 2;
    let queue = Queue {
        state: Mutex::new(State {
            next: 0,
            ahead: 0,
            finished: BTreeMap::new(),
            take: Some(take),
            error: None,
        }),
        moved: Condvar::new(),
    };
    pool.in_place_scope(|scope| {
        for (at, item) in items.enumerate() {
            let Some(place) = queue.place(limit) else {
                break;
            };
            let (queue, work) = (&queue, &work);
            scope.spawn(move |_| {
                queue.finish(at, work(item));
                drop(place);
            });
        }
    });
    let state = queue.state.into_inner();
    match state.unwrap_or_else(PoisonError::into_inner).error {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

struct Queue<R, T> {
    state: Mutex<State<R, T>>,
    moved: Condvar,
}

struct State<R, T> {
    /// The number of the result to be handed over next.
    next: usize,
    /// How many items were begun whose result was not handed over.
    ahead: usize,
    finished: BTreeMap<usize, R>,
    /// `None` while somebody hands over.
    take: Option<T>,
    error: Option<io::Error>,
}

/// The right to begin an item. A result is counted out when it is handed over; when the work panics
/// there is none, and the reader must not wait for it.
struct Place<'q, R, T>(&'q Queue<R, T>);

impl<R, T> Drop for Place<'_, R, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Only ends the reading: the pool's scope panics in its turn.
            self.0.lock().error = Some(io::Error::other("the work panicked"));
            self.0.moved.notify_all();
        }
    }
}

impl<R, T> Queue<R, T> {
    /// Waits until few enough results are outstanding; `None` when there is no use in going on.
    fn place(&self, limit: usize) -> Option<Place<'_, R, T>> {
        let mut state = self.lock();
        while state.ahead >= limit && state.error.is_none() {
            state = self
                .moved
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.error.is_some() {
            return None;
        }
        state.ahead += 1;
        Some(Place(self))
    }

    fn lock(&self) -> MutexGuard<'_, State<R, T>> {
        lock(&self.state)
    }
}

impl<R, T: FnMut(R) -> io::Result<()>> Queue<R, T> {
    /// Puts a result down, and hands over all that are next unless somebody does so already.
    fn finish(&self, at: usize, result: R) {
        let mut state = self.lock();
        state.finished.insert(at, result);
        let Some(mut take) = state.take.take() else {
            return;
        };
        while let Some(result) = state.next_result() {
            drop(state);
            let taken = take(result);
            state = self.lock();
            state.next += 1;
            state.ahead = state.ahead.saturating_sub(1);
            if let Err(error) = taken {
                state.error = Some(error);
            }
            self.moved.notify_all();
        }
        state.take = Some(take);
    }
}

impl<R, T> State<R, T> {
    /// Takes out the result that is next, if it is there and still wanted.
    fn next_result(&mut self) -> Option<R> {
        if self.error.is_some() {
            return None;
        }
        self.finished.remove(&self.next)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::workers;
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        for threads in [1, 2, 5] {
            let pool = workers(Some(threads)).unwrap();
            let mut taken = Vec::new();
            // Odd ones take longer, so that even ones overtake them.
            let work = |item: usize| {
                let rounds = if item % 2 == 1 { 20_000 } else { 1 };
                (0..rounds).fold(item, |sum, _| std::hint::black_box(sum));
                item * 10
            };
            in_order(0..500, &pool, work, |result| {
                taken.push(result);
                Ok(())
            })
            .unwrap();
            let expected: Vec<usize> = (0..500).map(|item| item * 10).collect();
            assert_eq!(taken, expected);
        }
    }

    #[test]
    fn an_error_ends_the_work() {
        let pool = workers(Some(2)).unwrap();
        let begun = AtomicUsize::new(0);
        let items = (0..10_000).inspect(|_| {
            begun.fetch_add(1, Ordering::Relaxed);
        });
        let result = in_order(
            items,
            &pool,
            |item| item,
            |item| match item {
                7 => Err(io::Error::other("full")),
                _ => Ok(()),
            },
        );
        assert_eq!(result.unwrap_err().to_string(), "full");
        assert!(begun.load(Ordering::Relaxed) < 20, "{begun:?} were begun");
    }

    #[test]
    #[should_panic(expected = "a bug")]
    fn a_panic_in_the_work_is_one_here() {
        let pool = workers(Some(2)).unwrap();
        let work = |item: usize| assert!(item != 3, "a bug");
        let _ = in_order(0..100, &pool, work, |()| Ok(()));
    }
}

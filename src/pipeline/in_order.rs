//! Work on chunks side by side whose results are wanted in log order.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Sender};

use rayon::ThreadPoolBuildError;

use super::workers;
use crate::source::Chunk;

/// Works on chunks, which come in log order, and hands what comes of them over in that order.
///
/// The calling thread reads and takes over, the workers work; few chunks more than there are
/// workers are under way at a time.
///
/// # Errors
/// When the worker threads cannot be started.
///
/// # Panics
/// When a worker panicked, which is a bug: a part of the log would be missing otherwise.
pub fn in_order<T: Send>(
    mut chunks: impl Iterator<Item = Chunk>,
    threads: Option<usize>,
    work: impl Fn(&Chunk) -> T + Sync,
    mut take: impl FnMut(T),
) -> Result<(), ThreadPoolBuildError> {
    let pool = workers(threads)?;
    let limit = pool.current_num_threads() + 1;
    let (sender, receiver) = mpsc::channel();
    let work = &work;
    pool.in_place_scope(|scope| {
        let mut ready = BTreeMap::new();
        let (mut begun, mut taken) = (0, 0);
        loop {
            let next = chunks.next();
            let is_over = next.is_none();
            if let Some(chunk) = next {
                let place = Place::new(begun, &sender);
                begun += 1;
                scope.spawn(move |_| {
                    let mut place = place;
                    place.result = Some(work(&chunk));
                });
            }
            while begun - taken >= if is_over { 1 } else { limit } {
                let Ok((number, result)) = receiver.recv() else {
                    return;
                };
                ready.insert(number, result);
                while let Some(result) = ready.remove(&taken) {
                    result.into_iter().for_each(&mut take);
                    taken += 1;
                }
            }
            if is_over {
                return;
            }
        }
    });
    Ok(())
}

/// Where the result of a chunk goes: it is sent when this is dropped, by a panic too, or the calling
/// thread would wait for ever.
struct Place<T> {
    number: usize,
    sender: Sender<(usize, Option<T>)>,
    result: Option<T>,
}

impl<T> Place<T> {
    fn new(number: usize, sender: &Sender<(usize, Option<T>)>) -> Self {
        Place {
            number,
            sender: sender.clone(),
            result: None,
        }
    }
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        // Nobody waits any more if this fails.
        let _ = self.sender.send((self.number, self.result.take()));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::source::{Dating, SourceId};

    fn chunks(count: u8) -> impl Iterator<Item = Chunk> {
        (0..count)
            .map(|number| Chunk::new(vec![number], Dating::from_year(2026, None), SourceId(0)))
    }

    #[test]
    fn hands_results_over_in_the_order_of_chunks() {
        for threads in [1, 2, 5] {
            let mut taken = Vec::new();
            let work = |chunk: &Chunk| {
                let number = chunk.bytes()[0];
                // Earlier chunks take longer than those behind them.
                std::thread::sleep(Duration::from_micros(u64::from(number % 3) * 300));
                number
            };
            in_order(chunks(40), Some(threads), work, |number| taken.push(number)).unwrap();
            assert_eq!(taken, (0..40).collect::<Vec<u8>>(), "{threads} threads");
        }
    }

    #[test]
    fn a_panic_of_a_worker_ends_it() {
        let run = || {
            in_order(
                chunks(9),
                Some(2),
                |chunk| assert_ne!(chunk.bytes()[0], 3),
                |()| {},
            )
        };
        assert!(std::panic::catch_unwind(run).is_err());
    }
}

//! A bounded queue and the thread that empties it.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Say;
use super::waiting::{Held, Waiting};

/// Alerts that may wait for a sink, those included that it works on.
pub(super) const ROOM: usize = 1_024;

/// How often to look whether a sink has finished, or has room.
const LOOK: Duration = Duration::from_millis(10);

/// What comes out of a lane.
pub(super) type Queue<T> = Receiver<Held<T>>;

/// A sink's queue and thread.
pub(super) struct Lane<T> {
    name: &'static str,
    room: usize,
    /// `None` once the sink is to finish. Its bound is that of what waits.
    queue: Option<Sender<Held<T>>>,
    waiting: Arc<Waiting<T>>,
    thread: Option<JoinHandle<()>>,
    dropped: u64,
    /// Of those so many were spoken of.
    said: u64,
    say: Say,
}

impl<T: Clone + Send + Sync + 'static> Lane<T> {
    /// Starts a sink's thread.
    pub(super) fn open(
        name: &'static str,
        room: usize,
        say: Say,
        run: impl FnOnce(Queue<T>) + Send + 'static,
    ) -> Self {
        let (queue, taken) = mpsc::channel();
        let started = thread::Builder::new()
            .name(name.trim_start_matches('-').to_owned())
            .spawn(move || run(taken));
        if let Err(error) = &started {
            say(&format!("{name}: cannot start: {error}"));
        }
        Self {
            name,
            room,
            queue: Some(queue),
            waiting: Waiting::new(),
            thread: started.ok(),
            dropped: 0,
            said: 0,
            say,
        }
    }

    /// Returns the name of the flag that asks for the sink, without its dashes.
    pub(super) fn name(&self) -> &'static str {
        self.name.trim_start_matches('-')
    }

    /// Returns what was queued and is not delivered, in the order in which it came.
    pub(super) fn waiting(&self) -> Vec<T> {
        self.waiting.items()
    }

    /// Returns how many items were delivered.
    pub(super) fn delivered(&self) -> u64 {
        self.waiting.delivered()
    }

    /// Queues an item if there is room.
    pub(super) fn offer(&mut self, item: T) {
        if self.queue(item).is_err() {
            self.drop_one();
        }
    }

    /// Queues an item when there is room.
    pub(super) fn give(&mut self, mut item: T) {
        while let Err(back) = self.queue(item) {
            if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
                return self.drop_one();
            }
            item = back;
            thread::sleep(LOOK);
        }
    }

    /// Queues an item, or gives it back where there is no room.
    fn queue(&self, item: T) -> Result<(), T> {
        let Some(queue) = &self.queue else {
            return Err(item);
        };
        let held = self.waiting.hold(item, self.room)?;
        // A sink that broke down takes nothing: it waits here, and is counted when room runs out.
        let _ = queue.send(held);
        Ok(())
    }

    /// Counts what is dropped, and says so at the first, the tenth, the hundredth, ...
    fn drop_one(&mut self) {
        self.dropped = self.dropped.saturating_add(1);
        if self.dropped >= self.said.saturating_mul(10).max(1) {
            self.said = self.dropped;
            let (name, dropped) = (self.name, self.dropped);
            (self.say)(&format!(
                "{name} is too slow: {dropped} alerts were dropped so far"
            ));
        }
    }

    /// Lets the sink finish what is queued, within a time if one is given. Where what waits is kept,
    /// nothing is lost by that.
    pub(super) fn close(&mut self, patience: Option<Duration>, is_kept: bool) {
        // Without its sender the queue ends.
        self.queue = None;
        let Some(thread) = self.thread.take() else {
            return;
        };
        let name = self.name;
        if self.dropped > self.said {
            (self.say)(&format!("{name}: {} alerts were dropped", self.dropped));
        }
        let deadline = patience.and_then(|patience| Instant::now().checked_add(patience));
        while !thread.is_finished() {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                let left = match is_kept {
                    true => format!("{} alerts wait for the next start", self.waiting.len()),
                    false => "what it still had is lost".to_owned(),
                };
                return (self.say)(&format!("{name} did not finish in time; {left}"));
            }
            thread::sleep(LOOK);
        }
        if thread.join().is_err() {
            (self.say)(&format!("{name} broke down"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn listener() -> (Say, Arc<Mutex<Vec<String>>>) {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = heard.clone();
        let say: Say = Arc::new(move |text: &str| ear.lock().unwrap().push(text.to_owned()));
        (say, heard)
    }

    #[test]
    fn a_dead_sink_takes_no_time_and_what_it_misses_is_counted() {
        let (say, heard) = listener();
        let (wake, asleep) = mpsc::channel::<()>();
        let mut lane = Lane::open("--exec", 4, say, move |queue: Queue<u32>| {
            let _ = asleep.recv();
            drop(queue);
        });
        for item in 0..200 {
            lane.offer(item);
        }
        assert_eq!(lane.dropped, 196);
        lane.close(Some(Duration::ZERO), false);
        drop(wake);
        let heard = heard.lock().unwrap().join("\n");
        assert_eq!(
            heard,
            "--exec is too slow: 1 alerts were dropped so far\n\
             --exec is too slow: 10 alerts were dropped so far\n\
             --exec is too slow: 100 alerts were dropped so far\n\
             --exec: 196 alerts were dropped\n\
             --exec did not finish in time; what it still had is lost"
        );
    }

    #[test]
    fn what_is_queued_is_finished_at_the_end() {
        let (say, heard) = listener();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let sink = taken.clone();
        let mut lane = Lane::open("--exec", 2, say, move |queue: Queue<u32>| {
            for item in queue.iter() {
                sink.lock().unwrap().push(*item);
                item.delivered();
            }
        });
        (0..50).for_each(|item| lane.give(item));
        lane.close(None, false);
        assert_eq!(*taken.lock().unwrap(), (0..50).collect::<Vec<u32>>());
        assert!(heard.lock().unwrap().is_empty());
    }

    /// One that broke down with an item in its hands delivers nothing more, and nobody waits for it.
    #[test]
    fn what_a_broken_sink_had_waits_and_is_not_waited_for() {
        let (say, heard) = listener();
        let mut lane = Lane::open("--exec", 3, say, |queue: Queue<u32>| {
            queue.recv().unwrap().delivered();
            let _held = queue.recv().unwrap();
            panic!("a bug");
        });
        (0..6).for_each(|item| lane.give(item));
        assert_eq!(lane.waiting(), [1, 2, 3]);
        assert_eq!((lane.delivered(), lane.dropped), (1, 2));
        lane.close(Some(Duration::from_secs(60)), true);
        lane.offer(7);
        assert_eq!(lane.waiting(), [1, 2, 3]);
        let heard = heard.lock().unwrap();
        assert!(
            heard.iter().any(|said| said == "--exec broke down"),
            "{heard:?}"
        );
    }

    #[test]
    fn what_is_kept_is_not_called_lost() {
        let (say, heard) = listener();
        let (wake, asleep) = mpsc::channel::<()>();
        let mut lane = Lane::open("--exec", 4, say, move |queue: Queue<u32>| {
            let _ = asleep.recv();
            drop(queue);
        });
        lane.offer(1);
        lane.offer(2);
        lane.close(Some(Duration::ZERO), true);
        assert_eq!(lane.waiting(), [1, 2]);
        drop(wake);
        let heard = heard.lock().unwrap().join("\n");
        assert_eq!(
            heard,
            "--exec did not finish in time; 2 alerts wait for the next start"
        );
    }
}

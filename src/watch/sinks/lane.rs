//! A bounded queue and the thread that empties it.

use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Say;

/// Alerts that may wait for a sink.
pub(super) const ROOM: usize = 1_024;

/// How often to look whether a sink has finished.
const LOOK: Duration = Duration::from_millis(10);

/// What comes out of a lane.
pub(super) type Queue<T> = Receiver<T>;

/// A sink's queue and thread.
pub(super) struct Lane<T> {
    name: &'static str,
    queue: SyncSender<T>,
    thread: Option<JoinHandle<()>>,
    dropped: u64,
    /// Of those so many were spoken of.
    said: u64,
    say: Say,
}

impl<T: Send + 'static> Lane<T> {
    /// Starts a sink's thread.
    pub(super) fn open(
        name: &'static str,
        room: usize,
        say: Say,
        run: impl FnOnce(Queue<T>) + Send + 'static,
    ) -> Self {
        let (queue, taken) = mpsc::sync_channel(room);
        let started = thread::Builder::new()
            .name(name.trim_start_matches('-').to_owned())
            .spawn(move || run(taken));
        if let Err(error) = &started {
            say(&format!("{name}: cannot start: {error}"));
        }
        Self {
            name,
            queue,
            thread: started.ok(),
            dropped: 0,
            said: 0,
            say,
        }
    }

    /// Queues an item if there is room.
    pub(super) fn offer(&mut self, item: T) {
        match self.queue.try_send(item) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.drop_one(),
        }
    }

    /// Queues an item when there is room.
    pub(super) fn give(&mut self, item: T) {
        if self.queue.send(item).is_err() {
            self.drop_one();
        }
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

    /// Lets the sink finish what is queued, within a time if one is given.
    pub(super) fn close(mut self, patience: Option<Duration>) {
        let name = self.name;
        if self.dropped > self.said {
            (self.say)(&format!("{name}: {} alerts were dropped", self.dropped));
        }
        let thread = self.thread.take();
        let say = self.say.clone();
        // Without its sender the queue ends.
        drop(self);
        let deadline = patience.and_then(|patience| Instant::now().checked_add(patience));
        let Some(thread) = thread else {
            return;
        };
        while !thread.is_finished() {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                say(&format!(
                    "{name} did not finish in time; what it still had is lost"
                ));
                return;
            }
            thread::sleep(LOOK);
        }
        if thread.join().is_err() {
            say(&format!("{name} broke down"));
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
        lane.close(Some(Duration::ZERO));
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
            queue
                .iter()
                .for_each(|item| sink.lock().unwrap().push(item));
        });
        (0..50).for_each(|item| lane.give(item));
        lane.close(None);
        assert_eq!(*taken.lock().unwrap(), (0..50).collect::<Vec<u32>>());
        assert!(heard.lock().unwrap().is_empty());
    }
}

//! Keeps checkpoints while reading goes on: a thread of its own writes them.

use std::sync::mpsc::{self, Receiver, SyncSender, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;

use super::checkpoint::{Checkpoint, StateError, StateFile};

/// So often a checkpoint is written while lines come,
const INTERVAL: Duration = Duration::from_secs(1);

/// and after so many lines,
const LINES: u64 = 10_000;

/// but making them takes at most one part in so many of the time,
const SHARE: u32 = 20;

/// and writing them one in so many.
const WRITING_SHARE: u32 = 5;

/// Writes checkpoints beside the reading.
pub struct Keeper<C> {
    to_write: Option<SyncSender<Checkpoint<C>>>,
    written: Receiver<Written>,
    writer: Option<JoinHandle<()>>,
    is_writing: bool,
    /// Lines since the last checkpoint.
    lines: u64,
    last: Instant,
    /// Not before then: making the last one took its time.
    rest_until: Instant,
    is_failing: bool,
    /// When the last one was on disk.
    written_at: Option<SystemTime>,
}

/// How writing one went, and how long it took.
struct Written {
    result: Result<(), StateError>,
    took: Duration,
}

/// What became of checkpoints.
#[derive(Debug)]
pub enum KeeperNews {
    /// They cannot be written; said once.
    Failed(StateError),
    /// They are written again.
    Recovered,
}

impl<C: Serialize + Send + 'static> Keeper<C> {
    /// Starts with the state as it is: what cannot be kept at all is said before anything is read.
    ///
    /// # Errors
    /// When the file cannot be written and waiting does not help, or without a thread.
    pub fn start(file: StateFile, first: &Checkpoint<C>) -> Result<Self, StateError> {
        let failure = match file.write(first) {
            Ok(()) => None,
            Err(error) if error.may_pass() => Some(error),
            Err(error) => return Err(error),
        };
        let path = file.path().to_owned();
        let (to_write, checkpoints) = mpsc::sync_channel::<Checkpoint<C>>(1);
        let (results, written) = mpsc::sync_channel(2);
        let is_writing = failure.is_some();
        let written_at = failure.is_none().then(SystemTime::now);
        if let Some(failure) = failure {
            let took = Duration::ZERO;
            let result = Err(failure);
            let _ = results.try_send(Written { result, took });
        }
        let writer = thread::Builder::new()
            .name("checkpoints".to_owned())
            .spawn(move || {
                for checkpoint in checkpoints {
                    let began = Instant::now();
                    let result = file.write(&checkpoint);
                    let took = began.elapsed();
                    if results.send(Written { result, took }).is_err() {
                        return;
                    }
                }
            })
            .map_err(|cause| StateError::Write { path, cause })?;
        let now = Instant::now();
        Ok(Keeper {
            to_write: Some(to_write),
            written,
            writer: Some(writer),
            is_writing,
            lines: 0,
            last: now,
            rest_until: now,
            is_failing: false,
            written_at,
        })
    }

    /// Notes that so many lines came since, or that something else changed with `lines` 0.
    pub fn count(&mut self, lines: u64) {
        self.lines = self.lines.saturating_add(lines.max(1));
    }

    /// Tells whether it is time for a checkpoint.
    pub fn is_due(&self) -> bool {
        let now = Instant::now();
        let wants = self.lines >= LINES || now.duration_since(self.last) >= INTERVAL;
        self.lines > 0 && wants && !self.is_writing && now >= self.rest_until
    }

    /// Hands a checkpoint over that was begun at `began`; the time that making it took is taken into
    /// account.
    pub fn keep(&mut self, checkpoint: Checkpoint<C>, began: Instant) {
        let now = Instant::now();
        self.rest_until = now + now.duration_since(began) * SHARE;
        self.last = now;
        self.lines = 0;
        if let Some(to_write) = &self.to_write {
            // The thread waits for it: what was handed over before is written.
            self.is_writing = to_write.send(checkpoint).is_ok();
        }
    }

    /// Returns when the last checkpoint was on disk.
    pub fn written_at(&self) -> Option<SystemTime> {
        self.written_at
    }

    /// Returns what there is to say about checkpoints, each thing once.
    pub fn news(&mut self) -> Option<KeeperNews> {
        let Written { result, took } = match self.written.try_recv() {
            Ok(written) => written,
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => return None,
        };
        self.is_writing = false;
        let rested = Instant::now() + took * (WRITING_SHARE - 1);
        self.rest_until = self.rest_until.max(rested);
        self.take(result)
    }

    fn take(&mut self, result: Result<(), StateError>) -> Option<KeeperNews> {
        let was_failing = self.is_failing;
        self.is_failing = result.is_err();
        match result {
            Ok(()) => {
                self.written_at = Some(SystemTime::now());
                was_failing.then_some(KeeperNews::Recovered)
            }
            Err(error) => {
                // What was in it has to be written yet.
                self.lines = self.lines.max(1);
                (!was_failing).then_some(KeeperNews::Failed(error))
            }
        }
    }

    /// Writes the last checkpoint, and waits until it is on disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self, last: Checkpoint<C>) -> Result<(), StateError> {
        if let Some(to_write) = self.to_write.take() {
            // Without its writer the last result says why.
            let _ = to_write.send(last);
        }
        let mut result = Ok(());
        while let Ok(written) = self.written.recv() {
            result = written.result;
        }
        if let Some(writer) = self.writer.take() {
            // It has nothing to do any more; a panic of it is no news now.
            let _ = writer.join();
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::source::FollowState;

    fn checkpoint(carried: u64) -> Checkpoint<u64> {
        Checkpoint {
            sources: FollowState::default(),
            carried,
        }
    }

    fn keeper(path: &Path) -> (StateFile, Keeper<u64>) {
        let file = StateFile::claim(path, "watch").unwrap();
        let keeper = Keeper::start(file.clone(), &checkpoint(0)).unwrap();
        (file, keeper)
    }

    #[test]
    fn one_is_due_after_many_lines_and_none_without_any() {
        let folder = tempfile::tempdir().unwrap();
        let (_, mut keeper) = keeper(&folder.path().join("state"));
        keeper.last -= INTERVAL;
        assert!(!keeper.is_due());
        keeper.last = Instant::now();
        keeper.count(LINES - 1);
        assert!(!keeper.is_due());
        keeper.count(1);
        assert!(keeper.is_due());
        keeper.keep(checkpoint(1), Instant::now());
        assert!(!keeper.is_due());
    }

    #[test]
    fn a_costly_one_is_not_made_again_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (_, mut keeper) = keeper(&folder.path().join("state"));
        keeper.keep(checkpoint(1), Instant::now() - Duration::from_secs(60));
        while keeper.is_writing {
            assert!(keeper.news().is_none());
        }
        keeper.count(LINES);
        assert!(!keeper.is_due());
    }

    #[test]
    fn one_that_took_long_to_write_is_not_followed_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (_, mut keeper) = keeper(&folder.path().join("state"));
        let (results, written) = mpsc::sync_channel(1);
        keeper.written = written;
        let took = Duration::from_secs(60);
        let result = Ok(());
        results.send(Written { result, took }).unwrap();
        keeper.is_writing = true;
        assert!(keeper.news().is_none());
        keeper.count(LINES);
        assert!(!keeper.is_due());
        keeper.rest_until -= took * (WRITING_SHARE - 1);
        assert!(keeper.is_due());
    }

    #[test]
    fn what_fails_is_said_once_and_so_is_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let (file, mut keeper) = keeper(&path);
        let in_the_way = folder.path().join("state.new");
        fs::create_dir_all(in_the_way.join("x")).unwrap();
        let mut news = Vec::new();
        let mut keep = |keeper: &mut Keeper<u64>, carried| {
            keeper.keep(checkpoint(carried), Instant::now());
            while keeper.is_writing {
                news.extend(keeper.news());
            }
            news.len()
        };
        assert_eq!(keep(&mut keeper, 1), 1);
        assert_eq!(keep(&mut keeper, 2), 1);
        fs::remove_dir_all(in_the_way).unwrap();
        let began = SystemTime::now();
        assert_eq!(keep(&mut keeper, 3), 2);
        assert!(keeper.written_at() >= Some(began));
        assert!(matches!(
            news[..],
            [KeeperNews::Failed(_), KeeperNews::Recovered]
        ));
        keeper.finish(checkpoint(4)).unwrap();
        assert_eq!(file.read().unwrap(), Some(checkpoint(4)));
    }
}

//! Follows one growing log file: through rotation by renaming, copying and packing, truncation and
//! late creation, and from where an earlier run left it.
//!
//! What decides is a look at the file, [`Tail::poll`]; the watch on its folder only says when to
//! look, and a look every [`POLL`] makes up for whatever it misses. Lines come whole: a last line
//! without its end is held until the end comes, or until nothing more can come.

mod files;
mod tail;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use notify::{RecursiveMode, Watcher};

use self::files::RealFiles;
pub use self::tail::Place;
use self::tail::Tail;
pub(super) use self::tail::{HEAD_BYTES, fingerprint};
use super::chunk::{Chunk, SourceId};
use super::dating::{Dating, YearWalk};
use super::input::Options;
use super::open::Origin;
use super::plan;
use super::problem::{Problem, SourceError};
use super::survey::{Need, Survey};
use super::tied;

/// How long it takes at most to see a change that no notification came for.
const POLL: Duration = Duration::from_millis(250);

/// Where following begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// With the lines that are there.
    Beginning,
    /// With what is appended from now on.
    End,
    /// Behind a place where an earlier follower was, in whatever file that is by now; without one
    /// that follower had seen no file.
    At(Option<Place>),
}

/// Yields the lines of a growing log file as they are appended.
pub struct Follower {
    tail: Tail<RealFiles>,
    dating: Option<Dating>,
    /// The last line, for one that says that it was logged again.
    above: Vec<u8>,
    options: Options,
    started: Instant,
    /// Where the last chunk began.
    start: Option<Place>,
    // Dropping it ends the notifications.
    _watcher: Option<notify::RecommendedWatcher>,
    changes: Receiver<()>,
}

impl Follower {
    /// Begins to follow a file, which need not exist yet.
    ///
    /// # Errors
    /// When there is something else than a file, or a file that may not be read.
    pub fn open(path: &Path, start: Start, options: &Options) -> Result<Self, Problem> {
        let problem = |error| Problem {
            path: path.to_owned(),
            error,
        };
        let dating = match (start, existing_dating(path, options)) {
            (Start::Beginning, Ok(dating)) => dating,
            (Start::End | Start::At(_), Ok(_)) => None,
            (_, Err(error)) => return Err(problem(error)),
        };
        let sizes = (options.chunk_bytes, options.line_bytes);
        let tail = Tail::open(RealFiles, path, start, sizes);
        let tail = tail.map_err(|error| problem(error.into()))?;
        let (sender, changes) = mpsc::channel();
        let watcher = watch(path, sender);
        let (options, started) = (options.clone(), Instant::now());
        Ok(Follower {
            tail,
            dating,
            above: Vec::new(),
            options,
            started,
            start: None,
            _watcher: watcher,
            changes,
        })
    }

    /// Waits for lines, at most so long; `None` when none came.
    ///
    /// # Errors
    /// When the file can no longer be read. It is sound to go on: a later call looks anew.
    pub fn next_chunk(&mut self, timeout: Duration) -> Result<Option<Chunk>, Problem> {
        let deadline = Instant::now() + timeout;
        loop {
            let batch = self.tail.poll().map_err(|error| self.problem(error))?;
            if let Some(batch) = batch {
                self.start = Some(batch.start);
                return Ok(Some(self.chunk(batch.lines)));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.wait(left.min(POLL));
        }
    }

    /// Returns where the first line of the last chunk begins; the others follow it byte for byte.
    pub fn start(&self) -> Option<Place> {
        self.start
    }

    /// Returns where the next line begins, to go on from there another time.
    pub fn place(&self) -> Option<Place> {
        self.tail.place()
    }

    /// Returns how many bytes are there that were not read yet, as far as that is known.
    pub fn unread_bytes(&self) -> u64 {
        self.tail.unread_bytes()
    }

    /// Returns how often lines may have been lost: a file was emptied or is gone, without a copy.
    pub fn gaps(&self) -> u64 {
        self.tail.gaps()
    }

    fn problem(&self, error: io::Error) -> Problem {
        Problem {
            path: self.tail.path.clone(),
            error: error.into(),
        }
    }

    fn wait(&self, timeout: Duration) {
        match self.changes.recv_timeout(timeout) {
            // One look is enough for all changes so far.
            Ok(()) => while self.changes.try_recv().is_ok() {},
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(timeout),
        }
    }

    fn chunk(&mut self, lines: Vec<u8>) -> Chunk {
        let dating = self.dating.unwrap_or_else(|| self.dating_of(&lines));
        let mut years: YearWalk = dating.years;
        years.skip(&lines);
        self.dating = Some(Dating { years, ..dating });
        let above = self.above.clone();
        if let Some(last) = tied::last_with_parts(&lines) {
            self.above.clear();
            self.above.extend_from_slice(last);
        }
        Chunk::new(lines, dating, SourceId(0)).below(above)
    }

    /// Dates the first lines: they were logged just now at the latest.
    fn dating_of(&self, lines: &[u8]) -> Dating {
        let waited_us = i64::try_from(self.started.elapsed().as_micros()).unwrap_or(0);
        let now_us = self.options.now_us().saturating_add(waited_us);
        let now_us = plan::wall_us(now_us, self.options.tz);
        let stated = self.options.first_year();
        let year = stated.unwrap_or_else(|| Survey::of_lines(lines).turns.first_year(now_us));
        Dating::from_year(year, self.options.tz)
    }
}

/// Finds the year of the first line of a file that is there.
fn existing_dating(path: &Path, options: &Options) -> Result<Option<Dating>, SourceError> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        return Err(SourceError::Io(io::Error::other(
            "only regular files can be followed",
        )));
    }
    let mut origin = match Origin::find(&super::Input::File(path.to_owned())) {
        Ok(origin) => origin,
        Err(SourceError::Missing) => return Ok(None),
        Err(error) => return Err(error),
    };
    if let Some(packer) = origin.packer() {
        let packer = packer.name();
        return Err(SourceError::Packed { packer });
    }
    let need = Need {
        end: false,
        year: options.year.is_none(),
        range_from_bytes: None,
    };
    let survey = Survey::of(&mut origin, need, 0)?;
    if survey.is_binary() {
        return Err(SourceError::Binary);
    }
    if !survey.has_stamps() {
        return Ok(None);
    }
    let anchor_us = plan::anchor_us(&origin, options);
    let year = options
        .first_year()
        .unwrap_or_else(|| survey.turns.first_year(anchor_us));
    Ok(Some(Dating::from_year(year, options.tz)))
}

/// Watches the folder of a file: the file itself is another one after each rotation.
fn watch(path: &Path, sender: mpsc::Sender<()>) -> Option<notify::RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |_| {
        // Nobody listens any more when the follower is gone.
        let _ = sender.send(());
    })
    .ok()?;
    let folder_of = |path: &Path| path.parent().map(Path::to_owned);
    let folder = folder_of(path).filter(|folder| !folder.as_os_str().is_empty());
    watcher
        .watch(
            &folder.unwrap_or_else(|| ".".into()),
            RecursiveMode::NonRecursive,
        )
        .ok()?;
    if let Some(real) = fs::canonicalize(path)
        .ok()
        .and_then(|real| folder_of(&real))
    {
        // Where the path is a link, the file changes in another folder.
        let _ = watcher.watch(&real, RecursiveMode::NonRecursive);
    }
    Some(watcher)
}

#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tests;

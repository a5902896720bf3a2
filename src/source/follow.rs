//! Follows one growing log file: through rotation by renaming, truncation and late creation.
//!
//! What decides is a look at the file, [`Tail::poll`]; the watch on its folder only says when to
//! look, and a look every [`POLL`] makes up for whatever it misses. Lines come whole: a last line
//! without its end is held until the end comes, or until nothing more can come.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use notify::{RecursiveMode, Watcher};

use super::chunk::{Chunk, SourceId};
use super::dating::{Dating, YearWalk, last_line};
use super::input::Options;
use super::open::{Identity, Origin};
use super::plan;
use super::problem::{Problem, SourceError};
use super::survey::{Need, Survey};
use super::tied;

/// How long it takes at most to see a change that no notification came for.
const POLL: Duration = Duration::from_millis(250);

/// The beginning of a file, by which a truncated and refilled one is told from a grown one.
const HEAD_BYTES: usize = 128;

/// Where following begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// With the lines that are there.
    Beginning,
    /// With what is appended from now on.
    End,
}

/// Yields the lines of a growing log file as they are appended.
pub struct Follower {
    tail: Tail,
    dating: Option<Dating>,
    /// The last line, for one that says that it was logged again.
    above: Vec<u8>,
    options: Options,
    started: Instant,
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
            (Start::End, Ok(_)) => None,
            (_, Err(error)) => return Err(problem(error)),
        };
        let tail = Tail::open(path, start, options.chunk_bytes, options.line_bytes);
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
            let lines = self.tail.poll().map_err(|error| self.problem(error))?;
            if !lines.is_empty() {
                return Ok(Some(self.chunk(lines)));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.wait(left.min(POLL));
        }
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

/// The file as it was left at the last look.
struct Tail {
    path: PathBuf,
    open: Option<OpenFile>,
    /// The files that took its place, one after the other; not begun as long as all are empty.
    successors: VecDeque<OpenFile>,
    /// The beginning of a line whose end did not come yet.
    partial: Vec<u8>,
    block_bytes: usize,
    line_bytes: usize,
}

struct OpenFile {
    file: File,
    identity: Identity,
    offset: u64,
    head: Vec<u8>,
}

impl Tail {
    fn open(path: &Path, start: Start, block_bytes: usize, line_bytes: usize) -> io::Result<Self> {
        let mut open = OpenFile::open(path)?;
        if let Some(open) = open.as_mut().filter(|_| start == Start::End) {
            open.offset = open.file.metadata()?.len();
            open.remember_head()?;
        }
        let path = path.to_owned();
        Ok(Tail {
            path,
            open,
            successors: VecDeque::new(),
            partial: Vec::new(),
            block_bytes,
            line_bytes,
        })
    }

    /// Looks at the file once; returns the lines that came, none if none did.
    ///
    /// After a rotation the old file is read to its end before the new one is begun, and as long as
    /// the new one is empty the daemon may still write into the old one.
    fn poll(&mut self) -> io::Result<Vec<u8>> {
        // Looked at before the old file is read: what comes into that later is not lost.
        let found = self.find_successor();
        let mut lines = Vec::new();
        while self.read(&mut lines)? && lines.is_empty() && self.is_replaced() {
            flush_partial(&mut self.partial, &mut lines);
            self.open = self.successors.pop_front();
        }
        // What is wrong with the new file is said when the old one is read.
        if lines.is_empty() {
            found?;
        }
        Ok(lines)
    }

    /// Opens the file that has the name now, if it is another one than before.
    fn find_successor(&mut self) -> io::Result<()> {
        let Some(found) = OpenFile::open(&self.path)? else {
            return Ok(());
        };
        match self.successors.back().or(self.open.as_ref()) {
            None => self.open = Some(found),
            Some(newest) if newest.identity != found.identity => self.successors.push_back(found),
            Some(_) => {}
        }
        Ok(())
    }

    fn is_replaced(&self) -> bool {
        let has_begun = |file: &OpenFile| file.file.metadata().is_ok_and(|found| found.len() > 0);
        self.successors.iter().any(has_begun)
    }

    /// Reads on until there is a whole line; tells whether the end of the file was reached.
    fn read(&mut self, lines: &mut Vec<u8>) -> io::Result<bool> {
        let Some(open) = &mut self.open else {
            return Ok(true);
        };
        if open.was_truncated()? {
            flush_partial(&mut self.partial, lines);
            open.restart();
        }
        let mut is_at_end = false;
        while lines.is_empty() && !is_at_end {
            is_at_end = open.read_block(&mut self.partial, self.block_bytes)?;
            take_lines(&mut self.partial, lines);
            if self.partial.len() > self.line_bytes {
                flush_partial(&mut self.partial, lines);
            }
        }
        Ok(is_at_end)
    }
}

/// Moves whole lines.
fn take_lines(partial: &mut Vec<u8>, lines: &mut Vec<u8>) {
    let mut end = partial.len();
    while let Some(line_end) = partial
        .get(..end)
        .and_then(|lines| memchr::memrchr(b'\n', lines))
    {
        let line = last_line(partial.get(..line_end).unwrap_or(b""));
        if !tied::are_tied(line, b"") {
            lines.extend(partial.drain(..=line_end));
            return;
        }
        // Of a line in a container only a part came so far.
        end = line_end - line.len();
    }
}

/// Gives up waiting for the end of a line.
fn flush_partial(partial: &mut Vec<u8>, lines: &mut Vec<u8>) {
    if !partial.is_empty() {
        lines.append(partial);
        lines.push(b'\n');
    }
}

impl OpenFile {
    /// Opens a file at its beginning; `None` when there is none.
    fn open(path: &Path) -> io::Result<Option<Self>> {
        match File::open(path) {
            Ok(file) => {
                let identity = Identity::of(&file.metadata()?);
                Ok(Some(OpenFile {
                    file,
                    identity,
                    offset: 0,
                    head: Vec::new(),
                }))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads on, at most a block; tells whether the end was reached.
    fn read_block(&mut self, into: &mut Vec<u8>, block_bytes: usize) -> io::Result<bool> {
        self.file.seek(SeekFrom::Start(self.offset))?;
        let limit = u64::try_from(block_bytes).unwrap_or(u64::MAX);
        let got = (&mut self.file).take(limit).read_to_end(into)?;
        self.offset += u64::try_from(got).unwrap_or(0);
        self.remember_head()?;
        Ok(got < block_bytes)
    }

    /// Tells whether the file is shorter than what was read of it, or begins otherwise.
    ///
    /// A file that was truncated and outgrew its old length between two looks shows only by its
    /// beginning: the stamps there are newer.
    fn was_truncated(&mut self) -> io::Result<bool> {
        let length = self.file.metadata()?.len();
        Ok(length < self.offset || self.read_head(self.head.len())? != self.head)
    }

    fn restart(&mut self) {
        self.offset = 0;
        self.head.clear();
    }

    fn remember_head(&mut self) -> io::Result<()> {
        let known = usize::try_from(self.offset)
            .unwrap_or(usize::MAX)
            .min(HEAD_BYTES);
        if self.head.len() < known {
            self.head = self.read_head(known)?;
        }
        Ok(())
    }

    fn read_head(&mut self, bytes: usize) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        (&mut self.file)
            .take(u64::try_from(bytes).unwrap_or(0))
            .read_to_end(&mut head)?;
        Ok(head)
    }
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;

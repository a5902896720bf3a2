//! One growing log file: its lines, dated.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Start;
use super::ahead::{Ahead, Turn};
use super::dated::Dated;
use super::files::RealFiles;
use super::place::Place;
use super::state::LogState;
use super::tail::{Batch, Tail};
use crate::source::chunk::Chunk;
use crate::source::dating::Dating;
use crate::source::input::{Input, Options};
use crate::source::open::Origin;
use crate::source::plan;
use crate::source::problem::{Problem, SourceError};
use crate::source::survey::{Need, Survey};

/// A log that has nothing new is left alone for so long while others have: each look takes some
/// calls of the system, and lines of others may have to be handed over one by one.
const IDLE: Duration = Duration::from_millis(5);

/// Yields the lines of a growing log file as they are appended.
pub struct Follower {
    tail: Tail<RealFiles>,
    dated: Dated,
    /// Lines that wait for those of other logs.
    ahead: Option<Ahead>,
    /// When it was last looked in vain.
    idle_since: Option<Instant>,
    /// Gaps and copies of earlier runs.
    before: (u64, u64),
    /// Where the last chunk began.
    start: Option<Place>,
}

impl Follower {
    /// Begins to follow a file, which need not exist yet.
    ///
    /// # Errors
    /// When there is something else than a file, or a file that may not be read.
    pub fn open(path: &Path, start: Start, options: &Options) -> Result<Self, Problem> {
        let dating = existing_dating(path, start == Start::Beginning, options);
        let dating = dating.map_err(|error| problem(path, error))?;
        let dated = Dated::new(dating, options);
        let sizes = (options.chunk_bytes, options.line_bytes);
        let tail = Tail::open(RealFiles, path, start, sizes);
        let tail = tail.map_err(|error| problem(path, error.into()))?;
        Ok(Self::new(tail, dated))
    }

    /// Goes on where an earlier follower was.
    ///
    /// # Errors
    /// As [`Follower::open`].
    pub fn resume(path: &Path, state: &LogState, options: &Options) -> Result<Self, Problem> {
        match existing_dating(path, false, options) {
            // It was a log once, and may be one again.
            Ok(_) | Err(SourceError::Binary) => {}
            Err(error) => return Err(problem(path, error)),
        }
        let dated = Dated::resume(state, options);
        let where_it_was = (state.place, state.past.clone());
        let sizes = (options.chunk_bytes, options.line_bytes);
        let tail = Tail::resume_after(RealFiles, path, where_it_was, sizes);
        let tail = tail.map_err(|error| problem(path, error.into()))?;
        let mut follower = Self::new(tail, dated);
        follower.before = (state.gaps, state.copies);
        if state.is_emptied {
            follower.tail.forgive_gap();
        }
        Ok(follower)
    }

    fn new(tail: Tail<RealFiles>, dated: Dated) -> Self {
        Follower {
            tail,
            dated,
            ahead: None,
            idle_since: None,
            before: (0, 0),
            start: None,
        }
    }

    /// Looks whether lines came.
    ///
    /// # Errors
    /// When the file can no longer be read. It is sound to go on: a later look begins anew.
    pub fn poll(&mut self) -> Result<Option<Chunk>, Problem> {
        if self.ahead.is_some() {
            return Ok(self.take(0, None));
        }
        let batch = self.batch()?;
        Ok(batch.map(|batch| self.chunk(batch)))
    }

    fn batch(&mut self) -> Result<Option<Batch>, Problem> {
        let batch = self.tail.poll();
        batch.map_err(|error| problem(&self.tail.path, error.into()))
    }

    fn chunk(&mut self, batch: Batch) -> Chunk {
        self.start = Some(batch.start);
        self.dated.chunk(batch.lines)
    }

    /// Looks whether lines came, and says when it is the turn of the first of them among those of
    /// other logs; this is the log of that number. While others have lines a log without any is
    /// not looked at again at once.
    ///
    /// # Errors
    /// As those of [`Follower::poll`].
    pub(super) fn look_ahead(
        &mut self,
        log: usize,
        others_have: bool,
    ) -> Result<Option<Turn>, Problem> {
        let is_idle = |since: Instant| since.elapsed() < IDLE;
        if self.ahead.is_none() {
            if others_have && self.idle_since.is_some_and(is_idle) {
                return Ok(None);
            }
            let batch = self.batch()?;
            self.idle_since = batch.is_none().then(Instant::now);
            let dated = &mut self.dated;
            self.ahead = batch.map(|batch| {
                let chunk = dated.look_ahead(&batch.lines);
                Ahead::new(batch, &chunk)
            });
        }
        Ok(self.ahead.as_ref().and_then(|ahead| ahead.turn(log)))
    }

    /// Tells whether there are lines that wait for those of other logs.
    pub(super) fn has_ahead(&self) -> bool {
        self.ahead.is_some()
    }

    /// Takes the lines that come before the next one of all other logs.
    pub(super) fn take(&mut self, log: usize, other: Option<Turn>) -> Option<Chunk> {
        let ahead = self.ahead.as_mut()?;
        let batch = ahead.take(log, other);
        if ahead.is_empty() {
            self.ahead = None;
        }
        Some(self.chunk(batch))
    }

    /// Returns where the first line of the last chunk begins; the others follow it byte for byte.
    pub fn start(&self) -> Option<Place> {
        self.start
    }

    /// Returns how many bytes are there that were not read yet, as far as that is known.
    pub fn unread_bytes(&self) -> u64 {
        let ahead = self.ahead.as_ref().map_or(0, Ahead::bytes);
        let ahead = u64::try_from(ahead).unwrap_or(u64::MAX);
        self.tail.unread_bytes().saturating_add(ahead)
    }

    /// Returns how often lines may have been lost: a file was emptied or is gone, without a copy.
    pub fn gaps(&self) -> u64 {
        self.before.0.saturating_add(self.tail.gaps())
    }

    /// Returns how often the log was copied and emptied: what was written between the two is lost to
    /// everybody, and nobody knows whether there was any.
    pub fn copies(&self) -> u64 {
        self.before.1.saturating_add(self.tail.copies())
    }

    /// Returns the gaps and copies that this follower found itself.
    pub(super) fn gaps_and_copies_now(&self) -> (u64, u64) {
        (self.tail.gaps(), self.tail.copies())
    }

    /// Returns where the next line begins, and what is needed to go on there another time.
    pub fn state(&self) -> LogState {
        let ahead = self.ahead.as_ref().map(Ahead::place);
        let mut state = LogState {
            place: ahead.or_else(|| self.tail.place()),
            past: self.tail.past().to_vec(),
            gaps: self.gaps(),
            copies: self.copies(),
            is_emptied: self.tail.is_emptied(),
            ..LogState::default()
        };
        self.dated.note(&mut state);
        state
    }
}

fn problem(path: &Path, error: SourceError) -> Problem {
    Problem {
        path: path.to_owned(),
        error,
    }
}

/// Looks at a file that is there: whether it can be followed, and if wanted which year its first line
/// is of.
fn existing_dating(
    path: &Path,
    wants_year: bool,
    options: &Options,
) -> Result<Option<Dating>, SourceError> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        return Err(SourceError::Io(io::Error::other(
            "only regular files can be followed",
        )));
    }
    let mut origin = match Origin::find(&Input::File(path.to_owned())) {
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
        year: wants_year && options.year.is_none(),
        may_guess: false,
        range_from_bytes: None,
    };
    let survey = Survey::of(&mut origin, need, 0)?;
    if survey.is_binary() {
        return Err(SourceError::Binary);
    }
    if !survey.has_stamps() || !wants_year {
        return Ok(None);
    }
    let anchor_us = plan::anchor_us(&origin, options);
    let year = options
        .first_year()
        .unwrap_or_else(|| survey.turns.first_year(anchor_us));
    Ok(Some(Dating::from_year(year, options.tz)))
}

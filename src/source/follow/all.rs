//! All logs that are followed together, one chunk after the other.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Start;
use super::ahead::Turn;
use super::changes::Changes;
use super::dated::Dated;
use super::journal::{Journal, cursor_of};
use super::log::Follower;
use super::notice::FollowNotice;
use super::pattern::{Pattern, without_siblings};
use super::place::{Place, fingerprint};
use super::state::{FollowState, LogState, path_of, text_of_path};
use super::stream::Stream;
use crate::source::chunk::Chunk;
use crate::source::input::{Input, Options};
use crate::source::problem::{Problem, SourceError};

/// How often it is looked for new files, and for files that could not be read.
const SCAN: Duration = Duration::from_secs(1);

/// A file of a pattern that is gone for so long is forgotten: a rotation is over by then.
const GONE: Duration = Duration::from_secs(3_600);

/// Where following begins.
#[derive(Clone, Debug)]
pub struct Begin {
    /// Where logs begin of which nothing is known.
    pub start: Start,
    /// Where an earlier run was.
    pub state: Option<FollowState>,
}

/// What following brings.
pub enum Came {
    /// Lines of one log.
    Lines(Lines),
    /// Something that the user should hear of, once.
    Said(FollowNotice),
    /// Nothing: all that was written is read.
    Nothing,
    /// Nothing more can come.
    End,
}

/// Lines of one log, and where each of them begins.
pub struct Lines {
    /// The lines.
    pub chunk: Chunk,
    /// Where they begin.
    pub places: LinePlaces,
}

/// Where the lines of a chunk begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinePlaces {
    /// The first one at a place, and the others follow it byte for byte.
    From(Place),
    /// Each by the cursor of its entry in the journal.
    Cursors,
}

impl LinePlaces {
    /// Returns where a line begins that begins so many bytes into the chunk. An entry of the journal
    /// has a hash of its cursor there.
    pub fn of(self, offset: u64, line: &[u8]) -> Place {
        match self {
            LinePlaces::From(start) => Place {
                offset: start.offset.saturating_add(offset),
                ..start
            },
            LinePlaces::Cursors => Place {
                fingerprint: fingerprint(cursor_of(line).map_or(line, str::as_bytes)),
                offset: 0,
            },
        }
    }
}

/// Follows logs together.
pub struct Followers {
    options: Options,
    asked: Vec<String>,
    patterns: Vec<Pattern>,
    sources: Vec<Source>,
    /// Whose turn it is.
    turn: usize,
    changes: Changes,
    scanned: Instant,
    told: VecDeque<FollowNotice>,
}

/// One log.
struct Source {
    name: PathBuf,
    is_of_pattern: bool,
    reader: Reader,
    /// The last problem, until lines come again.
    problem: Option<String>,
    /// The gaps and copies that were told.
    told: (u64, u64),
    gone_since: Option<Instant>,
}

enum Reader {
    Open(Box<Follower>),
    /// It may not be read yet.
    Closed(LogBegin),
    Journal(Box<Journal>),
    Stream(Box<Stream>, Box<Dated>, Option<u64>),
}

#[derive(Clone)]
enum LogBegin {
    Start(Start),
    State(LogState),
}

impl LogBegin {
    fn open(&self, path: &Path, options: &Options) -> Result<Follower, Problem> {
        match self {
            LogBegin::Start(start) => Follower::open(path, *start, options),
            LogBegin::State(state) => Follower::resume(path, state, options),
        }
    }
}

impl Followers {
    /// Begins to follow files, folders and patterns; files need not exist yet, and those that may not
    /// be read are tried again.
    ///
    /// # Errors
    /// When something is named that cannot be followed.
    pub fn open(inputs: &[Input], begin: Begin, options: &Options) -> Result<Self, Problem> {
        let mut followers = Followers {
            options: options.clone(),
            asked: Vec::new(),
            patterns: Vec::new(),
            sources: Vec::new(),
            turn: 0,
            changes: Changes::new(),
            scanned: Instant::now(),
            told: VecDeque::new(),
        };
        let mut state = begin.state.unwrap_or_default();
        let mut logs = std::mem::take(&mut state.logs);
        for input in inputs {
            let path = input.name();
            if !matches!(input, Input::File(_)) {
                followers.begin_stream(input, begin.start, state.journal.take())?;
                continue;
            }
            let was_asked = state.asked.contains(&text_of_path(&path));
            followers.asked.push(text_of_path(&path));
            match Pattern::of(&path) {
                Some(pattern) => {
                    followers.begin_pattern(pattern, begin.start, was_asked, &mut logs);
                }
                None => followers.begin_file(path, begin.start, &mut logs)?,
            }
        }
        let dropped = logs.into_keys().map(FollowNotice::Dropped);
        followers.told.extend(dropped);
        Ok(followers)
    }

    fn begin_stream(
        &mut self,
        input: &Input,
        start: Start,
        cursor: Option<String>,
    ) -> Result<(), Problem> {
        let (options, bell) = (&self.options, self.changes.bell());
        let reader = if let Input::Journal { program, .. } = input {
            let journal = Journal::open(program.clone(), cursor, start, bell, options)?;
            Reader::Journal(Box::new(journal))
        } else {
            let sizes = (options.chunk_bytes, options.line_bytes);
            let stream = Stream::start(io::stdin(), bell, sizes);
            let stream = stream.map_err(|error| Problem {
                path: input.name(),
                error: error.into(),
            })?;
            let dated = Dated::new(None, options);
            Reader::Stream(Box::new(stream), Box::new(dated), None)
        };
        self.sources.push(Source {
            name: input.name(),
            is_of_pattern: false,
            reader,
            problem: None,
            told: (0, 0),
            gone_since: None,
        });
        Ok(())
    }

    fn begin_file(
        &mut self,
        path: PathBuf,
        start: Start,
        logs: &mut BTreeMap<String, LogState>,
    ) -> Result<(), Problem> {
        if self.sources.iter().any(|source| source.name == path) {
            return Ok(());
        }
        if !path.exists() {
            self.told.push_back(FollowNotice::Waiting(path.clone()));
        }
        let begin = match logs.remove(&text_of_path(&path)) {
            Some(state) => LogBegin::State(state),
            None => LogBegin::Start(start),
        };
        self.add(path, begin, false)
    }

    fn begin_pattern(
        &mut self,
        pattern: Pattern,
        start: Start,
        was_asked: bool,
        logs: &mut BTreeMap<String, LogState>,
    ) {
        for (name, state) in std::mem::take(logs) {
            match path_of(&name).filter(|path| pattern.matches(path)) {
                // One that cannot be followed any more is found again once it can.
                Some(path) => drop(self.add(path, LogBegin::State(state), true)),
                None => drop(logs.insert(name, state)),
            }
        }
        self.patterns.push(pattern);
        // What came with a pattern while nobody followed is new.
        self.find_new(if was_asked { Start::Beginning } else { start });
        if !self.sources.iter().any(|source| source.is_of_pattern)
            && let Some(pattern) = self.patterns.last()
        {
            let name = pattern.name.clone();
            self.told.push_back(FollowNotice::Waiting(name));
        }
    }

    /// Adds a log; one that may not be read yet is told, and tried again.
    fn add(&mut self, path: PathBuf, begin: LogBegin, is_of_pattern: bool) -> Result<(), Problem> {
        let mut problem = None;
        let reader = match begin.open(&path, &self.options) {
            Ok(follower) => Reader::Open(Box::new(follower)),
            Err(denied) if matches!(denied.error, SourceError::Denied) => {
                problem = Some(denied.to_string());
                self.told.push_back(FollowNotice::Problem(denied));
                Reader::Closed(begin)
            }
            Err(error) => return Err(error),
        };
        self.changes.watch_around(&path);
        let mut source = Source {
            name: path,
            is_of_pattern,
            reader,
            problem,
            told: (0, 0),
            gone_since: None,
        };
        if let Reader::Open(follower) = &source.reader {
            // What an earlier run told is not told again.
            let new = follower.gaps_and_copies_now();
            let all = (follower.gaps(), follower.copies());
            source.told = (all.0 - new.0, all.1 - new.1);
        }
        self.sources.push(source);
        Ok(())
    }

    /// Waits for lines, at most so long.
    pub fn next(&mut self, patience: Duration) -> Came {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(notice) = self.told.pop_front() {
                return Came::Said(notice);
            }
            self.scan();
            if let Some(lines) = self.poll() {
                return Came::Lines(lines);
            }
            if self.is_over() && self.told.is_empty() {
                return Came::End;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if self.told.is_empty() {
                if left.is_zero() {
                    return Came::Nothing;
                }
                self.changes.wait(left);
            }
        }
    }

    /// Tells whether nothing more can come.
    fn is_over(&self) -> bool {
        let is_over = |source: &Source| match &source.reader {
            Reader::Stream(stream, ..) => stream.is_over(),
            _ => false,
        };
        self.patterns.is_empty() && self.sources.iter().all(is_over)
    }

    /// Looks at each log once, beginning with the one whose turn it is. The files take turns with
    /// the others together: what they have comes in order of time.
    fn poll(&mut self) -> Option<Lines> {
        let files = self.sources.iter().filter(|source| source.is_file());
        let is_merged = files.count() > 1;
        let mut has_looked = false;
        for _ in 0..self.sources.len() {
            self.turn = (self.turn + 1) % self.sources.len().max(1);
            let source = self.sources.get_mut(self.turn)?;
            let lines = if is_merged && source.is_file() {
                if std::mem::replace(&mut has_looked, true) {
                    continue;
                }
                self.poll_files()
            } else {
                source.poll(&mut self.told)
            };
            if lines.is_some() {
                return lines;
            }
        }
        None
    }

    /// Takes the earliest lines that files have, as far as no other file has an earlier one.
    fn poll_files(&mut self) -> Option<Lines> {
        let have = self.sources.iter().any(Source::has_ahead);
        let mut turns = Vec::new();
        for (at, source) in self.sources.iter_mut().enumerate() {
            turns.extend(source.look_ahead(at, have, &mut self.told));
        }
        turns.sort_unstable();
        let mut turns = turns.into_iter();
        let (_, _, first) = turns.next()?;
        let source = self.sources.get_mut(first)?;
        source.take(first, turns.next())
    }

    /// Looks now and then for new files, for files that can be read by now, and for those that are
    /// gone.
    fn scan(&mut self) {
        if self.scanned.elapsed() < SCAN {
            return;
        }
        self.scanned = Instant::now();
        for source in &mut self.sources {
            source.open_again(&self.options, &mut self.told);
        }
        self.find_new(Start::Beginning);
        let now = Instant::now();
        self.sources.retain_mut(|source| !source.is_over(now));
    }

    fn find_new(&mut self, start: Start) {
        if self.patterns.is_empty() {
            return;
        }
        let mut found: Vec<(usize, PathBuf)> = Vec::new();
        for at in 0..self.patterns.len() {
            let Some(pattern) = self.patterns.get(at) else {
                continue;
            };
            self.changes.watch(pattern.folder());
            found.extend(pattern.files().into_iter().map(|path| (at, path)));
        }
        let known: Vec<PathBuf> = self.sources.iter().map(|log| log.name.clone()).collect();
        let paths = found.iter().map(|(_, path)| path.clone()).collect();
        let logs = without_siblings(paths, &known);
        for (at, path) in found {
            let is_known = self.sources.iter().any(|source| source.name == path);
            if is_known || !logs.contains(&path) {
                continue;
            }
            // What cannot be followed is no log: packed files and databases lie beside logs.
            if self
                .add(path.clone(), LogBegin::Start(start), true)
                .is_err()
                && let Some(pattern) = self.patterns.get_mut(at)
            {
                pattern.refuse(&path);
            }
        }
        let names: Vec<PathBuf> = self.sources.iter().map(|log| log.name.clone()).collect();
        let logs = without_siblings(names, &[]);
        // A log whose rotated file was found before itself.
        self.sources
            .retain(|source| !source.is_of_pattern || logs.contains(&source.name));
    }

    /// Returns where following is, as of the last line that was returned.
    pub fn state(&self) -> FollowState {
        let state = |source: &Source| match &source.reader {
            Reader::Open(follower) => Some(follower.state()),
            Reader::Closed(LogBegin::State(state)) => Some(state.clone()),
            _ => None,
        };
        let cursor = |source: &Source| match &source.reader {
            Reader::Journal(journal) => journal.cursor(),
            _ => None,
        };
        let logs = self.sources.iter();
        FollowState {
            asked: self.asked.clone(),
            logs: logs
                .filter_map(|source| Some((text_of_path(&source.name), state(source)?)))
                .collect(),
            journal: self.sources.iter().find_map(cursor),
        }
    }

    /// Returns how many logs are followed.
    pub fn logs(&self) -> usize {
        self.sources.len()
    }

    /// Returns how many bytes are there that were not read yet, as far as that is known.
    pub fn unread_bytes(&self) -> u64 {
        let unread = |source: &Source| match &source.reader {
            Reader::Open(follower) => follower.unread_bytes(),
            _ => 0,
        };
        self.sources.iter().map(unread).sum()
    }

    /// Returns how often lines may have been lost, and how often logs were copied and emptied.
    pub fn gaps_and_copies(&self) -> (u64, u64) {
        let told = self.sources.iter().map(|source| source.told);
        told.fold((0, 0), |sum, told| (sum.0 + told.0, sum.1 + told.1))
    }
}

impl Source {
    fn is_file(&self) -> bool {
        matches!(self.reader, Reader::Open(_) | Reader::Closed(_))
    }

    fn poll(&mut self, told: &mut VecDeque<FollowNotice>) -> Option<Lines> {
        let found = self.lines();
        self.heed(found, told)
    }

    fn has_ahead(&self) -> bool {
        matches!(&self.reader, Reader::Open(follower) if follower.has_ahead())
    }

    /// Looks at a file for lines that can wait for those of others.
    fn look_ahead(
        &mut self,
        log: usize,
        others_have: bool,
        told: &mut VecDeque<FollowNotice>,
    ) -> Option<Turn> {
        let Reader::Open(follower) = &mut self.reader else {
            return None;
        };
        let found = follower.look_ahead(log, others_have);
        self.heed(found, told)
    }

    fn take(&mut self, log: usize, other: Option<Turn>) -> Option<Lines> {
        let Reader::Open(follower) = &mut self.reader else {
            return None;
        };
        let chunk = follower.take(log, other)?;
        let places = LinePlaces::From(follower.start()?);
        Some(Lines { chunk, places })
    }

    /// Tells what is to be told of a look at the log.
    fn heed<T>(
        &mut self,
        found: Result<Option<T>, Problem>,
        told: &mut VecDeque<FollowNotice>,
    ) -> Option<T> {
        self.tell_gaps(told);
        match found {
            Ok(found) => {
                let has_recovered = found.is_some() || matches!(self.reader, Reader::Open(_));
                if has_recovered && self.problem.take().is_some() {
                    told.push_back(FollowNotice::Recovered(self.name.clone()));
                }
                found
            }
            Err(problem) => {
                let text = problem.to_string();
                if self.problem.as_ref() != Some(&text) {
                    self.problem = Some(text);
                    told.push_back(FollowNotice::Problem(problem));
                }
                None
            }
        }
    }

    fn lines(&mut self) -> Result<Option<Lines>, Problem> {
        let (chunk, places) = match &mut self.reader {
            Reader::Closed(_) => return Ok(None),
            Reader::Open(follower) => {
                let chunk = follower.poll()?;
                (chunk, follower.start().map(LinePlaces::From))
            }
            Reader::Journal(journal) => (journal.poll()?, Some(LinePlaces::Cursors)),
            Reader::Stream(stream, dated, first) => {
                let found = stream.poll().map_err(|error| Problem {
                    path: self.name.clone(),
                    error: error.into(),
                })?;
                let Some(found) = found else {
                    return Ok(None);
                };
                let fingerprint = *first.get_or_insert_with(|| fingerprint(&found.lines));
                let start = Place {
                    fingerprint,
                    offset: found.offset,
                };
                (
                    Some(dated.chunk(found.lines)),
                    Some(LinePlaces::From(start)),
                )
            }
        };
        let lines = chunk.zip(places);
        Ok(lines.map(|(chunk, places)| Lines { chunk, places }))
    }

    fn tell_gaps(&mut self, told: &mut VecDeque<FollowNotice>) {
        let Reader::Open(follower) = &self.reader else {
            return;
        };
        let (gaps, copies) = (follower.gaps(), follower.copies());
        if gaps > self.told.0 {
            told.push_back(FollowNotice::Lost(self.name.clone(), gaps));
        }
        if copies > self.told.1 {
            told.push_back(FollowNotice::Copied(self.name.clone(), copies));
        }
        self.told = (gaps, copies);
    }

    fn open_again(&mut self, options: &Options, told: &mut VecDeque<FollowNotice>) {
        let Reader::Closed(begin) = &self.reader else {
            return;
        };
        if let Ok(follower) = begin.open(&self.name, options) {
            self.reader = Reader::Open(Box::new(follower));
            self.problem = None;
            told.push_back(FollowNotice::Recovered(self.name.clone()));
        }
    }

    /// Tells whether a file of a pattern is gone for good.
    fn is_over(&mut self, now: Instant) -> bool {
        if !self.is_of_pattern || self.name.exists() {
            self.gone_since = None;
            return false;
        }
        let since = *self.gone_since.get_or_insert(now);
        now.duration_since(since) > GONE
    }
}

#[cfg(test)]
#[path = "all_tests.rs"]
mod tests;

//! The chunks of all inputs, in log order or as they are ready.
//!
//! Sources that overlap are a group, and groups follow each other in the log. Of a plain file that
//! is a group of its own parts are cut here, to be read by whoever works on them; threads make the
//! chunks of all other groups ([`Ahead`]).

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use super::ahead::{Ahead, Given};
use super::chunk::{Chunk, Pool, Position, SourceId};
use super::dating::Dating;
use super::group::{Group, PlainSource};
use super::input::{Input, Options, Order};
use super::merge::Ended;
use super::plain::PlainLog;
use super::plan::{Clock, Plan, Source};
use super::problem::{Notice, Problem, SourceError};
use super::progress::Progress;
use super::range_plan::LogSpan;

/// Looks at all inputs, plans the order of their lines, and returns their chunks.
///
/// Files of one host whose spans overlap are merged line by line; all others follow each other in
/// the order of their first stamps. A file that only repeats others is left out.
pub fn read_all(inputs: Vec<Input>, options: &Options) -> Chunks {
    let plan = Plan::make(inputs, options);
    let sources = || plan.groups.iter().flatten();
    Chunks {
        options: options.clone(),
        clock: plan.clock,
        names: sources().map(|source| source.name.clone()).collect(),
        fingerprints: plan
            .groups
            .iter()
            .map(|group| fingerprints_of(group))
            .collect(),
        ids: sources().map(|source| source.id).collect(),
        size_bytes: sources().map(|source| source.origin.size_bytes()).sum(),
        groups: plan.groups.len(),
        waiting: plan.groups.into_iter().enumerate().collect(),
        running: VecDeque::new(),
        ahead: Ahead::default(),
        pool: Arc::new(Pool::default()),
        progress: Progress::default(),
        span: plan.span,
        plain_logs: Vec::new(),
        ended: BTreeMap::new(),
        settled: 0,
        guesses_held: true,
        problems: plan.problems,
        notices: plan.notices,
    }
}

fn fingerprints_of(group: &[Source]) -> Vec<u64> {
    group.iter().map(|source| source.fingerprint).collect()
}

/// Yields the chunks of all inputs.
///
/// An input that cannot be read, or only in part, does not end it: when there are no more chunks,
/// and all were read, call [`settle`](Self::settle) and ask for [`problems`](Self::problems) and
/// [`notices`](Self::notices).
pub struct Chunks {
    options: Options,
    clock: Clock,
    names: Vec<PathBuf>,
    /// Those of the logs of each group.
    fingerprints: Vec<Vec<u64>>,
    /// Whose names these are.
    ids: Vec<SourceId>,
    /// How many bytes the files have, if there are only files.
    size_bytes: Option<u64>,
    /// How many groups there are.
    groups: usize,
    waiting: VecDeque<(usize, Vec<Source>)>,
    /// The groups that were begun, in log order.
    running: VecDeque<Running>,
    ahead: Ahead,
    pool: Arc<Pool>,
    progress: Progress,
    span: Option<LogSpan>,
    /// The plain files that were begun: there may be errors when their parts are read.
    plain_logs: Vec<Arc<PlainLog>>,
    /// What there is to say about groups that came to their end before an earlier one.
    ended: BTreeMap<usize, Vec<Ended>>,
    /// So many groups came to their end, and everything was said.
    settled: usize,
    /// Whether nothing was guessed wrong so far.
    guesses_held: bool,
    problems: Vec<Problem>,
    notices: Vec<Notice>,
}

/// A group that is being read.
struct Running {
    group: usize,
    /// How many chunks there were so far.
    chunks: usize,
    work: Work,
}

/// Who makes the chunks of a group.
enum Work {
    /// They are cut here.
    Cut(Box<PlainSource>),
    /// A thread.
    Thread,
    /// It could not be opened.
    Over(Ended),
}

impl Chunks {
    /// Names the inputs that are read, in log order.
    pub fn names(&self) -> &[PathBuf] {
        &self.names
    }

    /// Names one of them; siblings that a range reaches into are not on the command line.
    pub fn name_of(&self, id: SourceId) -> Option<&PathBuf> {
        let position = self.ids.iter().position(|known| *known == id)?;
        self.names.get(position)
    }

    /// Returns a hash of the first line of each log that is read: it stays the same when the log is
    /// renamed or packed.
    pub fn fingerprints(&self) -> impl Iterator<Item = u64> {
        self.fingerprints.iter().flatten().copied()
    }

    /// Returns that of the log that a chunk is of; logs that are merged line by line are taken for the
    /// one that begins first.
    pub fn fingerprint_of(&self, chunk: &Chunk) -> u64 {
        let group = self.fingerprints.get(chunk.span.start.group);
        group.and_then(|group| group.first()).copied().unwrap_or(0)
    }

    /// Tells from when to when all inputs go, those outside of the range asked for included.
    pub fn span(&self) -> Option<LogSpan> {
        self.span
    }

    /// Returns how many bytes all inputs have as they stand in their files; `None` where one is no
    /// file.
    pub fn size_bytes(&self) -> Option<u64> {
        self.size_bytes
    }

    /// Returns what counts the bytes that are read.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Returns what could not be read so far.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Returns what the user should know so far.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// Tells whether what was guessed was right, when there are no more chunks: else lines are dated
    /// wrong, or come in the wrong order, and not all of them came. See [`Options::may_guess`].
    pub fn guesses_held(&self) -> bool {
        self.guesses_held
    }

    /// Collects the problems that there were when chunks were read, after they were handed out.
    pub fn settle(&mut self) {
        for log in &self.plain_logs {
            if let Some((read_bytes, cause)) = log.take_failure() {
                self.problems.push(Problem {
                    path: log.name.clone(),
                    error: SourceError::Interrupted { read_bytes, cause },
                });
            }
        }
    }

    /// Begins groups in log order, as long as there may be more threads, or nothing is to be cut.
    fn begin_groups(&mut self) {
        while self.may_begin()
            && let Some((group, sources)) = self.waiting.pop_front()
        {
            self.begin(group, sources);
        }
    }

    fn may_begin(&self) -> bool {
        let is_cut = |running: &Running| matches!(running.work, Work::Cut(_));
        match self.waiting.front() {
            Some((_, sources)) if Group::is_plain(sources) => !self.running.iter().any(is_cut),
            Some(_) => self.ahead.len() < self.options.threads.max(1),
            None => false,
        }
    }

    fn begin(&mut self, group: usize, sources: Vec<Source>) {
        let opened = Group::open(
            sources,
            self.clock,
            &self.options,
            &self.pool,
            &self.progress,
        );
        let work = match opened {
            Ok(Group::Plain(plain)) => {
                self.plain_logs.push(Arc::clone(plain.log()));
                Work::Cut(plain)
            }
            Ok(Group::Made(name, maker)) => match self.ahead.begin(group, maker) {
                Ok(()) => Work::Thread,
                Err(error) => Work::Over(Ended::unopened(name, error.into())),
            },
            Err(unopened) => Work::Over(unopened),
        };
        self.running.push_back(Running {
            group,
            chunks: 0,
            work,
        });
    }

    /// Takes what comes next in the order asked for; `None` when all groups came to their end.
    fn next_given(&mut self) -> Option<(usize, Given)> {
        if self.options.order == Order::Ready {
            // Whoever unpacks is never to wait: all others are as good later.
            if let Some(given) = self.ahead.try_take_any() {
                return Some(given);
            }
            let is_here = |running: &&mut Running| !matches!(running.work, Work::Thread);
            if let Some(here) = self.running.iter_mut().find(is_here) {
                return Some((here.group, here.give()?));
            }
            return (!self.running.is_empty()).then(|| self.ahead.take_any());
        }
        let first = self.running.front_mut()?;
        let group = first.group;
        let given = first.give().unwrap_or_else(|| self.ahead.take(group));
        Some((group, given))
    }

    /// Keeps what there is to say about a group that came to its end, and says it when all groups
    /// before it did: in which order they are ready is of no account.
    fn end(&mut self, group: usize, ended: Vec<Ended>) {
        self.guesses_held &= ended.iter().all(|ended| ended.guess_held);
        self.ended.insert(group, ended);
        while let Some(ended) = self.ended.remove(&self.settled) {
            self.settled += 1;
            ended.into_iter().for_each(|ended| self.say(ended));
        }
    }

    fn say(&mut self, ended: Ended) {
        let Ended {
            name,
            packer,
            passage,
            ..
        } = ended;
        let passage = match passage {
            Ok(passage) => passage,
            Err(error) => return self.problems.push(Problem { path: name, error }),
        };
        if passage.cut.lines > 0 {
            self.notices.push(Notice::LinesCut {
                path: name.clone(),
                lines: passage.cut.lines,
                bytes: passage.cut.bytes,
                limit: passage.line_bytes,
            });
        }
        match passage.error {
            Some(cause) => {
                let error = SourceError::while_reading(cause, packer, passage.read_bytes);
                self.problems.push(Problem { path: name, error });
            }
            None if passage.read_bytes == 0 => self.notices.push(Notice::Empty(name)),
            None => {}
        }
    }

    /// Makes a chunk without lines that reaches to the next group: whoever puts chunks together
    /// knows by it that no more of this group will come.
    fn last_of(&self, running: &Running) -> Option<Chunk> {
        let next = Position {
            group: running.group + 1,
            chunk: 0,
        };
        let nothing = Chunk::new(
            Vec::new(),
            Dating::from_year(1970, None),
            SourceId(usize::MAX),
        );
        (next.group < self.groups).then(|| nothing.at(running.position()..next))
    }
}

impl Running {
    fn position(&self) -> Position {
        Position {
            group: self.group,
            chunk: self.chunks,
        }
    }

    /// Gives the next chunk, or the end; `None` if a thread does that.
    fn give(&mut self) -> Option<Given> {
        if let Work::Cut(plain) = &mut self.work
            && let Some(chunk) = plain.next_chunk()
        {
            return Some(Given::Chunk(chunk));
        }
        match std::mem::replace(&mut self.work, Work::Thread) {
            Work::Cut(plain) => Some(Given::End(vec![plain.into_ended()])),
            Work::Over(ended) => Some(Given::End(vec![ended])),
            Work::Thread => None,
        }
    }
}

impl Iterator for Chunks {
    type Item = Chunk;

    fn next(&mut self) -> Option<Chunk> {
        loop {
            if !self.guesses_held {
                // All will be read again.
                return None;
            }
            self.begin_groups();
            let Some((group, given)) = self.next_given() else {
                self.settle();
                return None;
            };
            let place = self
                .running
                .iter()
                .position(|running| running.group == group)?;
            match given {
                Given::Chunk(chunk) => {
                    let running = self.running.get_mut(place)?;
                    let start = running.position();
                    running.chunks += 1;
                    return Some(chunk.at(start..running.position()));
                }
                Given::End(ended) => {
                    let running = self.running.remove(place)?;
                    self.end(group, ended);
                    if let Some(chunk) = self.last_of(&running) {
                        return Some(chunk);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "chunks_tests.rs"]
mod tests;

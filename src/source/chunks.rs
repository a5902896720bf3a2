//! The chunks of all inputs in log order.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use super::block::BlockReader;
use super::chunk::{Chunk, Pool, SourceId};
use super::dating::{Dating, YearWalk};
use super::input::{Input, Options};
use super::merge::{Ended, Merge};
use super::plan::{Clock, Plan, Source};
use super::problem::{Notice, Problem, SourceError};

/// Looks at all inputs, plans the order of their lines, and returns their chunks.
///
/// Files of one host whose spans overlap are merged line by line; all others follow each other in
/// the order of their first stamps. A file that only repeats others is left out.
pub fn read_all(inputs: Vec<Input>, options: &Options) -> Chunks {
    let plan = Plan::make(inputs, options);
    let names = plan
        .groups
        .iter()
        .flatten()
        .map(|source| source.name.clone())
        .collect();
    Chunks {
        options: options.clone(),
        clock: plan.clock,
        waiting: plan.groups.into(),
        current: None,
        pool: Arc::new(Pool::default()),
        names,
        problems: plan.problems,
        notices: plan.notices,
    }
}

/// Yields the chunks of all inputs in log order.
///
/// An input that cannot be read, or only in part, does not end it: ask
/// [`problems`](Self::problems) and [`notices`](Self::notices) when there are no more chunks.
pub struct Chunks {
    options: Options,
    clock: Clock,
    waiting: VecDeque<Vec<Source>>,
    current: Option<Reading>,
    pool: Arc<Pool>,
    names: Vec<PathBuf>,
    problems: Vec<Problem>,
    notices: Vec<Notice>,
}

/// What is being read.
enum Reading {
    One(Box<OneSource>),
    Merged(Box<Merge>),
}

/// One source whose lines are in log order as they are.
struct OneSource {
    name: PathBuf,
    is_gzip: bool,
    id: SourceId,
    blocks: BlockReader,
    dating: Dating,
}

impl Chunks {
    /// Names the inputs that are read, in log order.
    pub fn names(&self) -> &[PathBuf] {
        &self.names
    }

    /// Returns what could not be read so far.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Returns what the user should know so far.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    fn open(&mut self, mut group: Vec<Source>) -> Option<Reading> {
        if group.len() > 1 {
            let merge = Merge::new(group, self.clock, &self.options, &self.pool);
            return Some(Reading::Merged(Box::new(merge)));
        }
        let mut source = group.pop()?;
        match source.origin.open() {
            Ok(reader) => {
                let Options {
                    chunk_bytes,
                    line_bytes,
                    ..
                } = self.options;
                Some(Reading::One(Box::new(OneSource {
                    is_gzip: source.is_gzip(),
                    name: source.name,
                    id: source.id,
                    blocks: BlockReader::new(reader, &self.pool, chunk_bytes, line_bytes),
                    dating: source.dating,
                })))
            }
            Err(error) => {
                self.problems.push(Problem {
                    path: source.name,
                    error,
                });
                None
            }
        }
    }

    /// Keeps what there is to say about a source that came to its end.
    fn end(&mut self, ended: Ended) {
        let Ended {
            name,
            is_gzip,
            blocks,
        } = ended;
        let blocks = match blocks {
            Ok(blocks) => blocks,
            Err(error) => return self.problems.push(Problem { path: name, error }),
        };
        if blocks.cut.lines > 0 {
            self.notices.push(Notice::LinesCut {
                path: name.clone(),
                lines: blocks.cut.lines,
                bytes: blocks.cut.bytes,
                limit: blocks.line_bytes,
            });
        }
        match blocks.error {
            Some(cause) => {
                let error = SourceError::while_reading(cause, is_gzip, blocks.read_bytes);
                self.problems.push(Problem { path: name, error });
            }
            None if blocks.read_bytes == 0 => self.notices.push(Notice::Empty(name)),
            None => {}
        }
    }
}

impl Iterator for Chunks {
    type Item = Chunk;

    fn next(&mut self) -> Option<Chunk> {
        loop {
            match &mut self.current {
                None => {
                    let group = self.waiting.pop_front()?;
                    self.current = self.open(group);
                    continue;
                }
                Some(Reading::One(one)) => {
                    if let Some((bytes, dating)) = one.next_chunk() {
                        return Some(Chunk::pooled(bytes, dating, one.id, &self.pool));
                    }
                }
                Some(Reading::Merged(merge)) => {
                    if let Some((bytes, dating, id)) = merge.next_chunk() {
                        return Some(Chunk::pooled(bytes, dating, id, &self.pool));
                    }
                }
            }
            match self.current.take() {
                Some(Reading::One(one)) => self.end(one.into_ended()),
                Some(Reading::Merged(merge)) => {
                    merge.ended.into_iter().for_each(|ended| self.end(ended));
                }
                None => {}
            }
        }
    }
}

impl OneSource {
    fn next_chunk(&mut self) -> Option<(Vec<u8>, Dating)> {
        let bytes = self.blocks.next_block()?;
        let dating = self.dating;
        let mut years: YearWalk = dating.years;
        years.skip(&bytes);
        self.dating.years = years;
        Some((bytes, dating))
    }

    fn into_ended(self) -> Ended {
        Ended {
            name: self.name,
            is_gzip: self.is_gzip,
            blocks: Ok(self.blocks),
        }
    }
}

#[cfg(test)]
#[path = "chunks_tests.rs"]
mod tests;

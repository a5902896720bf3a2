//! A group of sources, opened: what makes its chunks.

use std::path::PathBuf;
use std::sync::Arc;

use super::ahead::Maker;
use super::block::BlockReader;
use super::chunk::{Chunk, Pool, SourceId};
use super::dating::Dating;
use super::guess::Guess;
use super::input::Options;
use super::merge::{Ended, Merge};
use super::open::{LogFile, Origin};
use super::packed::Packer;
use super::plain::{Cutter, PlainLog};
use super::plan::{Clock, Source};
use super::problem::SourceError;
use super::progress::Progress;

/// What makes the chunks of a group.
pub(super) enum Group {
    /// A plain file, whose parts are only cut.
    Plain(Box<PlainSource>),
    /// All others, for a thread of their own; with the name of the first source.
    Made(PathBuf, Box<dyn Maker>),
}

impl Group {
    /// Tells whether sources are one plain file.
    pub(super) fn is_plain(sources: &[Source]) -> bool {
        plain_file(sources).is_some()
    }

    /// Opens the sources of a group, which has one at least.
    ///
    /// A source that cannot be opened is said at the end of the group.
    pub(super) fn open(
        mut sources: Vec<Source>,
        clock: Clock,
        options: &Options,
        pool: &Arc<Pool>,
        progress: &Progress,
    ) -> Result<Self, Ended> {
        let name = sources.first().map(|source| source.name.clone());
        let name = name.unwrap_or_default();
        let opened = if let Some((source, file)) = plain_file(&sources) {
            PlainSource::open(source, file, options, pool, progress)
                .map(|plain| Group::Plain(Box::new(plain)))
        } else if sources.len() == 1 {
            BlockSource::open(sources.swap_remove(0), clock, options, pool, progress)
                .map(|source| Group::Made(name.clone(), Box::new(source)))
        } else {
            let merge = Merge::new(sources, clock, options, pool, progress);
            Ok(Group::Made(name.clone(), Box::new(merge)))
        };
        opened.map_err(|error| Ended::unopened(name, error))
    }
}

/// Takes sources for the one plain file that they may be.
fn plain_file(sources: &[Source]) -> Option<(&Source, &LogFile)> {
    let [source] = sources else { return None };
    match &source.origin {
        Origin::File(file) if file.packer.is_none() => Some((source, file)),
        _ => None,
    }
}

/// One source whose lines are in log order as they are.
struct BlockSource {
    name: PathBuf,
    packer: Option<Packer>,
    id: SourceId,
    blocks: BlockReader,
    dating: Dating,
    guess: Option<Guess>,
    pool: Arc<Pool>,
}

impl BlockSource {
    fn open(
        mut source: Source,
        clock: Clock,
        options: &Options,
        pool: &Arc<Pool>,
        progress: &Progress,
    ) -> Result<Self, SourceError> {
        let reader = source.origin.open(progress)?;
        let guess = Guess::of(&source, clock, options);
        let Options {
            chunk_bytes,
            line_bytes,
            ..
        } = *options;
        Ok(BlockSource {
            packer: source.origin.packer(),
            name: source.name,
            id: source.id,
            blocks: BlockReader::new(reader, pool, chunk_bytes, line_bytes),
            dating: source.dating.within(options.range),
            guess,
            pool: Arc::clone(pool),
        })
    }
}

impl Maker for BlockSource {
    fn make(&mut self) -> Option<Chunk> {
        if self
            .guess
            .as_ref()
            .is_some_and(|guess| !guess.is_in_place())
        {
            return None;
        }
        let bytes = self.blocks.next_block()?;
        let dating = self.dating;
        self.dating.skip(&bytes);
        if let Some(guess) = &mut self.guess {
            guess.see(&bytes);
        }
        Some(Chunk::pooled(bytes, dating, self.id, &self.pool))
    }

    fn into_ended(self: Box<Self>) -> Vec<Ended> {
        vec![Ended {
            name: self.name,
            packer: self.packer,
            guess_held: self.guess.is_none_or(|guess| guess.held()),
            passage: Ok(self.blocks.into_passage()),
        }]
    }
}

/// A plain file whose parts are cut.
pub(super) struct PlainSource {
    id: SourceId,
    cutter: Cutter,
    pool: Arc<Pool>,
}

impl PlainSource {
    fn open(
        source: &Source,
        file: &LogFile,
        options: &Options,
        pool: &Arc<Pool>,
        progress: &Progress,
    ) -> Result<Self, SourceError> {
        let log = PlainLog::new(source.name.clone(), file.open_as_it_is()?, progress.clone());
        let cutter = Cutter::new(
            Arc::new(log),
            file.part.clone().unwrap_or(0..u64::MAX),
            source.dating.within(options.range),
            options.chunk_bytes,
            options.line_bytes,
        );
        Ok(PlainSource {
            id: source.id,
            cutter,
            pool: Arc::clone(pool),
        })
    }

    pub(super) fn log(&self) -> &Arc<PlainLog> {
        self.cutter.log()
    }

    /// Cuts the next part off.
    pub(super) fn next_chunk(&mut self) -> Option<Chunk> {
        let (part, dating) = self.cutter.next_part()?;
        let log = self.cutter.log();
        Some(Chunk::unread(log, part, dating, self.id, &self.pool))
    }

    pub(super) fn into_ended(self) -> Ended {
        Ended {
            name: self.log().name.clone(),
            packer: None,
            guess_held: true,
            passage: Ok(self.cutter.into_passage()),
        }
    }
}

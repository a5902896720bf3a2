//! The lines of one source with the times that they are ordered by.

use std::hash::Hasher;
use std::ops::Range;
use std::sync::Arc;

use mailtally_parsers::{Daemon, Program, Record};

use super::block::BlockReader;
use super::chunk::Pool;
use super::dating::Dater;
use super::input::Options;
use super::journal::Unwrapped;
use super::plan::{Clock, Source};
use super::problem::SourceError;
use super::wall_time::WallTime;

/// Many sources may be merged at a time: each holds a block, smaller than a chunk.
const BLOCK_BYTES: usize = 256 << 10;

/// Goes through the lines of one source.
pub(super) struct StampedLines {
    blocks: BlockReader,
    /// What is at hand of the source.
    block: Vec<u8>,
    /// Where in the source the block begins.
    block_offset: usize,
    /// Where in the source the next line begins.
    at: usize,
    dater: Dater,
    clock: Clock,
    unwrapped: Unwrapped,
    key_us: i64,
}

/// One line of a source.
#[derive(Clone, Debug)]
pub(super) struct StampedLine {
    /// Where it stands in the source, without its line end.
    pub(super) range: Range<usize>,
    /// Its time; never less than that of the line above it, for a file keeps its own order.
    pub(super) key_us: i64,
    /// What it is in the life of a mail.
    pub(super) rank: Rank,
    /// A hash of the queue id at the beginning of the message, 0 if there is none.
    pub(super) queue_id: u64,
}

/// What comes first of lines with the same stamp.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Rank {
    /// It goes with the line above it: it has no stamp.
    Continued,
    /// What others ask before they go on.
    Lookup,
    /// `client=`, `uid=`: a mail comes in.
    Birth,
    /// `message-id=`.
    Cleanup,
    /// What milters say.
    Filter,
    /// What a milter decided, and `from=`: the mail is in the active queue.
    Queued,
    /// Deliveries, and what no mail is known of.
    Delivery,
    /// The mail has waited too long.
    Expired,
    /// A bounce was sent.
    Returned,
    /// The mail is gone.
    Removed,
}

impl Rank {
    pub(super) const COUNT: usize = 10;

    pub(super) fn index(self) -> usize {
        match self {
            Rank::Continued => 0,
            Rank::Lookup => 1,
            Rank::Birth => 2,
            Rank::Cleanup => 3,
            Rank::Filter => 4,
            Rank::Queued => 5,
            Rank::Delivery => 6,
            Rank::Expired => 7,
            Rank::Returned => 8,
            Rank::Removed => 9,
        }
    }

    /// Ranks a line by its program and by what follows the queue id, the whole message if it has
    /// none.
    fn of(record: &Record<'_>, text: &[u8]) -> Self {
        match record.tag.program {
            Program::Postfix(daemon) => Rank::of_postfix(daemon, text),
            Program::Dovecot if text.starts_with(b"auth") => Rank::Lookup,
            Program::Companion(_) => Rank::Filter,
            _ => Rank::Delivery,
        }
    }

    fn of_postfix(daemon: Daemon, text: &[u8]) -> Self {
        match daemon {
            _ if text.starts_with(b": removed") => Rank::Removed,
            Daemon::Dnsblog => Rank::Lookup,
            Daemon::Smtpd | Daemon::Postscreen | Daemon::Pickup | Daemon::Qmqpd => Rank::Birth,
            Daemon::Cleanup if text.starts_with(b": milter-") => Rank::Queued,
            Daemon::Cleanup => Rank::Cleanup,
            Daemon::Qmgr if memchr::memmem::find(text, b", status=").is_some() => Rank::Expired,
            Daemon::Qmgr => Rank::Queued,
            Daemon::Bounce => Rank::Returned,
            _ => Rank::Delivery,
        }
    }
}

impl StampedLines {
    /// Begins before the first line.
    pub(super) fn open(
        source: &mut Source,
        clock: Clock,
        options: &Options,
        pool: &Arc<Pool>,
    ) -> Result<Self, SourceError> {
        let reader = source.origin.open()?;
        let block_bytes = BLOCK_BYTES.min(options.chunk_bytes);
        Ok(StampedLines {
            blocks: BlockReader::new(reader, pool, block_bytes, options.line_bytes),
            block: Vec::new(),
            block_offset: 0,
            at: 0,
            dater: Dater::new(&source.dating),
            clock,
            unwrapped: Unwrapped::default(),
            key_us: i64::MIN,
        })
    }

    /// Returns the next line; lines before the offset `keep_from` may be forgotten.
    pub(super) fn next(&mut self, keep_from: usize) -> Option<StampedLine> {
        if self.at >= self.block_offset + self.block.len() {
            self.load(keep_from)?;
        }
        let rest = self.block.get(self.at - self.block_offset..)?;
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest.get(..length)?;
        let stamped = read_stamped(line, &mut self.unwrapped, &mut self.dater);
        let (rank, queue_id) = match stamped {
            Some((time, rank, queue_id)) => {
                self.key_us = self.key_us.max(self.clock.key_us(time));
                (rank, queue_id)
            }
            None => (Rank::Continued, 0),
        };
        let range = self.at..self.at + length;
        self.at = range.end + 1;
        Some(StampedLine {
            range,
            key_us: self.key_us,
            rank,
            queue_id,
        })
    }

    /// Appends the next block behind what has to be kept.
    fn load(&mut self, keep_from: usize) -> Option<()> {
        let next = self.blocks.next_block()?;
        let keep_from = keep_from.clamp(self.block_offset, self.block_offset + self.block.len());
        self.block.drain(..keep_from - self.block_offset);
        self.block_offset = keep_from;
        self.at = keep_from + self.block.len();
        self.block.extend_from_slice(&next);
        self.blocks.recycle(next);
        Some(())
    }

    /// Returns the bytes of a line that was not forgotten, without its line end.
    pub(super) fn bytes(&self, line: &StampedLine) -> &[u8] {
        let start = line.range.start.saturating_sub(self.block_offset);
        self.block
            .get(start..start + line.range.len())
            .unwrap_or(b"")
    }

    /// Ends reading.
    pub(super) fn into_blocks(self) -> BlockReader {
        self.blocks
    }
}

/// Reads a line's time, its rank, and a hash of the queue id that its message begins with.
fn read_stamped(
    line: &[u8],
    unwrapped: &mut Unwrapped,
    dater: &mut Dater,
) -> Option<(WallTime, Rank, u64)> {
    if line.first() == Some(&b'{')
        && let Some((instant_us, record)) = unwrapped.read(line)
    {
        let (rank, queue_id) = place_in_life(&record);
        return Some((dater.shown(instant_us), rank, queue_id));
    }
    let record = Record::parse(line)?;
    let (rank, queue_id) = place_in_life(&record);
    Some((dater.wall_time(&record.timestamp), rank, queue_id))
}

/// Ranks a line, and hashes the queue id that its message begins with; 0 if it has none.
fn place_in_life(record: &Record<'_>) -> (Rank, u64) {
    let Some((id, text)) = split_queue_id(record.message) else {
        return (Rank::of(record, record.message), 0);
    };
    let mut hasher = rustc_hash::FxHasher::default();
    hasher.write(id);
    (Rank::of(record, text), hasher.finish().max(1))
}

/// Splits a message behind the word before its first colon, if that may be a queue id.
fn split_queue_id(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = message
        .iter()
        .take(32)
        .position(|byte| !byte.is_ascii_alphanumeric())?;
    let (id, text) = message.split_at_checked(end)?;
    // `warning: ` and its like are words of small letters only, which no queue id is.
    let is_word = id == b"NOQUEUE" || id.iter().all(u8::is_ascii_lowercase);
    (id.len() >= 6 && text.first() == Some(&b':') && !is_word).then_some((id, text))
}

//! The lines of one source with the times that they are ordered by.

use std::ops::Range;
use std::sync::Arc;

use mailtally_parsers::Record;

use super::block::BlockReader;
use super::chunk::{Pool, first_line};
use super::container::Unwrapped;
use super::dating::{Dater, time_of_line};
use super::input::Options;
use super::life::Place;
use super::plan::{Clock, Source};
use super::problem::SourceError;
use super::progress::Progress;
use super::range::Gate;
use super::tied;
use super::wall_time::WallTime;

/// The time and the place of a line in its log, if it has a stamp.
type Stamped = Option<(WallTime, Place)>;

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
    gate: Option<Gate>,
    key_us: i64,
}

/// One line of a source, with those tied to it.
#[derive(Clone, Debug)]
pub(super) struct StampedLine {
    /// Where it stands in the source, without its line end.
    pub(super) range: Range<usize>,
    /// Its time; never less than that of the line above it, for a file keeps its own order.
    pub(super) key_us: i64,
    /// What it is in the life of a mail.
    pub(super) place: Place,
}

impl StampedLines {
    /// Begins before the first line.
    pub(super) fn open(
        source: &mut Source,
        clock: Clock,
        options: &Options,
        pool: &Arc<Pool>,
        progress: &Progress,
    ) -> Result<Self, SourceError> {
        let reader = source.origin.open(progress)?;
        let block_bytes = BLOCK_BYTES.min(options.chunk_bytes);
        Ok(StampedLines {
            blocks: BlockReader::new(reader, pool, block_bytes, options.line_bytes),
            block: Vec::new(),
            block_offset: 0,
            at: 0,
            dater: Dater::new(&source.dating),
            clock,
            unwrapped: Unwrapped::default(),
            gate: options.range.map(Gate::new),
            key_us: i64::MIN,
        })
    }

    /// Returns the next line within the range asked for; lines before the offset `keep_from` may
    /// be forgotten.
    pub(super) fn next(&mut self, keep_from: usize) -> Option<StampedLine> {
        loop {
            let (range, stamped) = self.read(keep_from)?;
            self.at = range.end + 1;
            if let Some((time, _)) = stamped {
                // Lines that are not wanted too: the order must not depend on the range.
                self.key_us = self.key_us.max(self.clock.key_us(time));
            }
            if self.lets_through(&range, stamped) {
                return Some(StampedLine {
                    range,
                    key_us: self.key_us,
                    place: stamped.map_or(Place::CONTINUED, |(_, place)| place),
                });
            }
        }
    }

    /// Reads the line that begins here.
    fn read(&mut self, keep_from: usize) -> Option<(Range<usize>, Stamped)> {
        if self.at >= self.block_offset + self.block.len() {
            self.load(keep_from)?;
        }
        let rest = self.block.get(self.at - self.block_offset..)?;
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest.get(..length)?;
        let length = with_tied_lines(rest, line.len());
        let lines = rest.get(..length)?;
        let stamped = read_stamped(line, lines, &mut self.unwrapped, &mut self.dater);
        Some((self.at..self.at + length, stamped))
    }

    fn lets_through(&mut self, line: &Range<usize>, stamped: Stamped) -> bool {
        let Some(gate) = &mut self.gate else {
            return true;
        };
        let start = line.start - self.block_offset;
        let bytes = self.block.get(start..start + line.len()).unwrap_or(b"");
        // A line may have a stamp and yet no envelope.
        let time = stamped
            .map(|(time, _)| time)
            .or_else(|| time_of_line(bytes, &mut self.unwrapped, &mut self.dater));
        gate.lets_through(time)
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

/// Returns where the lines end that are tied to the first one; a block ends where they do.
fn with_tied_lines(lines: &[u8], first: usize) -> usize {
    let (mut last, mut end) = (lines.get(..first).unwrap_or(b""), first);
    while let Some(below) = lines.get(end + 1..).map(first_line)
        && end + 1 < lines.len()
        && tied::are_tied(last, below)
    {
        (last, end) = (below, end + 1 + below.len());
    }
    end
}

/// Reads a line's time, and its place in the life of a mail; `lines` has those that are tied to it.
fn read_stamped(
    line: &[u8],
    lines: &[u8],
    unwrapped: &mut Unwrapped,
    dater: &mut Dater,
) -> Option<(WallTime, Place)> {
    if let Some(stamp) = unwrapped.load_first(lines) {
        let place = unwrapped.record().map(|record| Place::of(&record));
        return Some((dater.in_container(&stamp), place?));
    }
    let record = Record::parse(line)?;
    Some((dater.wall_time(&record.timestamp), Place::of(&record)))
}

//! Unpacks a member of gzip or a stream of bzip2 so that nothing before a damage is lost.
//!
//! The readers of their crates drop what they unpacked in the same call in which they meet damage:
//! how much is left of a damaged file then depends on how much is read at a time. Here the unpackers
//! are driven by hand; they tell how much they wrote before the error.

use std::io::{self, BufRead, Read};

use super::packed::Member;

/// Unpacks bytes at hand to a buffer.
pub(super) trait Unpacker {
    fn begin() -> Self;
    /// Goes on as far as input and buffer allow; tells whether the end was met.
    fn step(&mut self, packed: &[u8], buffer: &mut [u8]) -> io::Result<bool>;
    fn total_in(&self) -> u64;
    fn total_out(&self) -> u64;
}

/// A member being unpacked, with its input.
pub(super) struct Stream<R, U> {
    packed: R,
    unpacker: U,
    is_over: bool,
    /// The damage behind what was given last.
    failure: Option<io::Error>,
}

impl<R: BufRead, U: Unpacker> Member<R> for Stream<R, U> {
    fn begin(packed: R) -> Self {
        Stream {
            packed,
            unpacker: U::begin(),
            is_over: false,
            failure: None,
        }
    }

    fn into_input(self) -> R {
        self.packed
    }
}

impl<R: BufRead, U: Unpacker> Read for Stream<R, U> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.is_over && !buffer.is_empty() {
            let written = self.advance(buffer)?;
            if written > 0 {
                return Ok(written);
            }
        }
        self.failure.take().map_or(Ok(0), Err)
    }
}

impl<R: BufRead, U: Unpacker> Stream<R, U> {
    fn advance(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let packed = self.packed.fill_buf()?;
        let (had_in, had_out) = (self.unpacker.total_in(), self.unpacker.total_out());
        let outcome = self.unpacker.step(packed, buffer);
        let consumed = self.unpacker.total_in().saturating_sub(had_in);
        let written = self.unpacker.total_out().saturating_sub(had_out);
        let (consumed, written) = (bytes(consumed), bytes(written));
        let is_stuck = consumed == 0 && written == 0;
        let failure = match outcome {
            Err(error) => Some(error),
            Ok(false) if is_stuck && packed.is_empty() => Some(io::ErrorKind::UnexpectedEof.into()),
            Ok(false) if is_stuck => Some(damaged("no progress")),
            Ok(is_over) => {
                self.is_over = is_over;
                None
            }
        };
        self.packed.consume(consumed);
        if failure.is_some() {
            (self.is_over, self.failure) = (true, failure);
        }
        Ok(written)
    }
}

fn bytes(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn damaged(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, cause)
}

/// A member of gzip with its header and its checksum.
pub(super) struct Gzip(flate2::Decompress);

/// The largest window of deflate, in powers of two.
const WINDOW_BITS: u8 = 15;

impl Unpacker for Gzip {
    fn begin() -> Self {
        Gzip(flate2::Decompress::new_gzip(WINDOW_BITS))
    }

    fn step(&mut self, packed: &[u8], buffer: &mut [u8]) -> io::Result<bool> {
        let status = self
            .0
            .decompress(packed, buffer, flate2::FlushDecompress::None);
        match status {
            Ok(status) => Ok(status == flate2::Status::StreamEnd),
            Err(error) => Err(damaged(
                error.message().unwrap_or("no gzip data").to_owned(),
            )),
        }
    }

    fn total_in(&self) -> u64 {
        self.0.total_in()
    }

    fn total_out(&self) -> u64 {
        self.0.total_out()
    }
}

/// A stream of bzip2.
///
/// Its unpacker drops what it wrote in a call in which it finds a block that cannot be: so it always
/// writes up to the same places, whatever the reads are, and at most [`STEP_BYTES`] of that block are
/// lost. All of such a block is damaged.
pub(super) struct Bzip2 {
    raw: bzip2::Decompress,
    unpacked: Vec<u8>,
    filled: usize,
    given: usize,
    total_out: u64,
    /// How the stream ends, behind what was not given yet.
    end: Option<io::Result<bool>>,
}

/// So much of a stream is unpacked at a time.
const STEP_BYTES: usize = 4096;

impl Bzip2 {
    /// Gives what is there.
    fn give(&mut self, buffer: &mut [u8]) -> usize {
        let rest = self.unpacked.get(self.given..self.filled).unwrap_or(&[]);
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.given += count;
        self.total_out += u64::try_from(count).unwrap_or(u64::MAX);
        count
    }

    /// Unpacks up to the next place.
    fn fill(&mut self, packed: &[u8]) {
        if self.filled == self.unpacked.len() {
            (self.filled, self.given) = (0, 0);
        }
        let had = self.raw.total_out();
        let to = self.unpacked.get_mut(self.filled..).unwrap_or(&mut []);
        let status = self.raw.decompress(packed, to);
        self.filled += bytes(self.raw.total_out().saturating_sub(had));
        self.end = match status {
            Ok(bzip2::Status::MemNeeded) => Some(Err(io::ErrorKind::OutOfMemory.into())),
            Ok(bzip2::Status::StreamEnd) => Some(Ok(true)),
            Ok(_) => None,
            Err(error) => Some(Err(damaged(error))),
        };
    }
}

impl Unpacker for Bzip2 {
    fn begin() -> Self {
        Bzip2 {
            raw: bzip2::Decompress::new(false),
            unpacked: vec![0; STEP_BYTES],
            filled: 0,
            given: 0,
            total_out: 0,
            end: None,
        }
    }

    fn step(&mut self, packed: &[u8], buffer: &mut [u8]) -> io::Result<bool> {
        if self.give(buffer) > 0 {
            return Ok(false);
        }
        if self.end.is_none() {
            self.fill(packed);
            if self.give(buffer) > 0 {
                return Ok(false);
            }
        }
        self.end.take().unwrap_or(Ok(false))
    }

    fn total_in(&self) -> u64 {
        self.raw.total_in()
    }

    fn total_out(&self) -> u64 {
        self.total_out
    }
}

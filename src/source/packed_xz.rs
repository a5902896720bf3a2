//! Unpacks xz streams.

use std::io::{self, BufRead, Read};

use lzma_rust2::{Action, Status, XzStream};

use super::packed::WINDOW_MIB;

/// What the unpacker needs beside its window.
const OVERHEAD_KIB: u32 = 1024;

/// So much is handed to the unpacker at a time, and so much taken from it.
///
/// It drops what it unpacked in the call in which it finds damage. With the same calls whatever the
/// reads are, what is left of a damaged file is the same too, and little is lost.
const STEP_BYTES: usize = 512;

/// Unpacks streams that follow each other, with or without padding between them.
pub(super) struct XzDecoder<R> {
    packed: R,
    stream: XzStream,
    /// The packed bytes at hand, and how many of them were used.
    input: Vec<u8>,
    used: usize,
    /// What was unpacked, up to where that is, and how much of it was given.
    output: Vec<u8>,
    filled: usize,
    given: usize,
    /// Why there is no more, when what was unpacked before was given.
    failure: Option<io::Error>,
    is_over: bool,
}

impl<R: BufRead> XzDecoder<R> {
    pub(super) fn new(packed: R) -> Self {
        XzDecoder {
            packed,
            stream: XzStream::new_mem_limit(true, WINDOW_MIB * 1024 + OVERHEAD_KIB),
            input: Vec::with_capacity(STEP_BYTES),
            used: 0,
            output: vec![0; STEP_BYTES],
            filled: 0,
            given: 0,
            failure: None,
            is_over: false,
        }
    }

    /// Unpacks a step further.
    fn advance(&mut self) -> io::Result<()> {
        if self.used == self.input.len() {
            self.fetch()?;
        }
        if self.filled == self.output.len() {
            (self.filled, self.given) = (0, 0);
        }
        let packed = self.input.get(self.used..).unwrap_or(&[]);
        let action = if packed.is_empty() {
            Action::Finish
        } else {
            Action::Run
        };
        let before = self.stream.total_out();
        let to = self.output.get_mut(self.filled..).unwrap_or(&mut []);
        match self.stream.process(packed, to, action) {
            Ok(result) => {
                self.used += result.bytes_consumed;
                self.is_over = result.status == Status::StreamEnd;
            }
            // An error takes the place of the result, which may have bytes in it.
            Err(error) => {
                self.is_over = true;
                self.failure = Some(error);
            }
        }
        let produced = self.stream.total_out().saturating_sub(before);
        self.filled += usize::try_from(produced).unwrap_or(0);
        Ok(())
    }

    /// Fetches as many packed bytes as a step takes; fewer are there at the end alone.
    fn fetch(&mut self) -> io::Result<()> {
        self.used = 0;
        self.input.clear();
        let most = u64::try_from(STEP_BYTES).unwrap_or(u64::MAX);
        self.packed
            .by_ref()
            .take(most)
            .read_to_end(&mut self.input)?;
        Ok(())
    }
}

impl<R: BufRead> Read for XzDecoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while self.given == self.filled && !self.is_over {
            self.advance()?;
        }
        let mut rest = self.output.get(self.given..self.filled).unwrap_or(&[]);
        let count = rest.read(buffer)?;
        self.given += count;
        match self.failure.take_if(|_| count == 0) {
            Some(error) => Err(error),
            None => Ok(count),
        }
    }
}

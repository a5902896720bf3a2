//! Unpacks xz streams.

use std::io::{self, BufRead, Read};

use lzma_rust2::{Action, Status, XzStream};

use super::packed::WINDOW_MIB;

/// What the unpacker needs beside its window.
const OVERHEAD_KIB: u32 = 1024;

/// Unpacks streams that follow each other, with or without padding between them.
pub(super) struct XzDecoder<R> {
    packed: R,
    stream: XzStream,
    /// Why there is no more, when what was unpacked before was given.
    failure: Option<io::Error>,
    is_over: bool,
}

impl<R: BufRead> XzDecoder<R> {
    pub(super) fn new(packed: R) -> Self {
        XzDecoder {
            packed,
            stream: XzStream::new_mem_limit(true, WINDOW_MIB * 1024 + OVERHEAD_KIB),
            failure: None,
            is_over: false,
        }
    }

    fn advance(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let packed = self.packed.fill_buf()?;
        let action = if packed.is_empty() {
            Action::Finish
        } else {
            Action::Run
        };
        let before = self.stream.total_out();
        match self.stream.process(packed, buffer, action) {
            Ok(result) => {
                self.packed.consume(result.bytes_consumed);
                self.is_over = result.status == Status::StreamEnd;
                Ok(result.bytes_produced)
            }
            // An error takes the place of the result, which may have bytes in it.
            Err(error) => {
                self.is_over = true;
                self.failure = Some(error);
                Ok(usize::try_from(self.stream.total_out() - before).unwrap_or(0))
            }
        }
    }
}

impl<R: BufRead> Read for XzDecoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while !self.is_over {
            let count = self.advance(buffer)?;
            if count > 0 {
                return Ok(count);
            }
        }
        match self.failure.take() {
            Some(error) => Err(error),
            None => Ok(0),
        }
    }
}

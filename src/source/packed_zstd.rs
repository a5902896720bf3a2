//! Unpacks a zstd frame.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::packed::{Member, WINDOW_MIB};

/// An empty last block and a checksum: ends a frame that was cut off, so that the decoder gives
/// what it keeps for later blocks to refer to.
const END_OF_FRAME: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

/// Unpacks one frame; one that is to be skipped unpacks to nothing.
pub(super) struct ZstdDecoder<R> {
    packed: R,
    frame: FrameDecoder,
    state: State,
}

enum State {
    /// Before the header.
    Fresh,
    /// Between two blocks.
    Open,
    /// All blocks were unpacked, and perhaps not all was given.
    Closed,
    /// No more could be unpacked.
    Failed(io::Error),
    /// All was given.
    Over,
}

impl<R: BufRead> Member<R> for ZstdDecoder<R> {
    fn begin(packed: R) -> Self {
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(u64::from(WINDOW_MIB) << 20);
        ZstdDecoder {
            packed,
            frame,
            state: State::Fresh,
        }
    }

    fn into_input(self) -> R {
        self.packed
    }
}

impl<R: BufRead> ZstdDecoder<R> {
    fn begin_frame(&mut self) -> State {
        match self.frame.init(&mut self.packed) {
            Ok(()) => State::Open,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => match skip(&mut self.packed, u64::from(length)) {
                Ok(()) => State::Over,
                Err(error) => State::Failed(error),
            },
            Err(error) => State::Failed(self.failure(error)),
        }
    }

    /// Tells by the kind of the error when too much memory would be needed.
    fn failure(&mut self, error: FrameDecoderError) -> io::Error {
        match error {
            FrameDecoderError::WindowSizeTooBig { .. } => io::ErrorKind::OutOfMemory.into(),
            _ if self.is_at_end() => io::ErrorKind::UnexpectedEof.into(),
            error => invalid(error),
        }
    }

    fn is_at_end(&mut self) -> bool {
        self.packed.fill_buf().is_ok_and(<[u8]>::is_empty)
    }

    fn unpack_block(&mut self) -> State {
        let one = BlockDecodingStrategy::UptoBlocks(1);
        match self.frame.decode_blocks(&mut self.packed, one) {
            Ok(false) => State::Open,
            Ok(true) => State::Closed,
            Err(error) => {
                let all = BlockDecodingStrategy::All;
                let _ = self.frame.decode_blocks(&END_OF_FRAME[..], all);
                State::Failed(self.failure(error))
            }
        }
    }

    /// All was given: it can be compared with the checksum, if there is one.
    fn check(&self) -> State {
        match self.frame.get_checksum_from_data() {
            Some(stated) if Some(stated) != self.frame.get_calculated_checksum() => {
                State::Failed(invalid("the checksum is wrong"))
            }
            _ => State::Over,
        }
    }
}

impl<R: BufRead> Read for ZstdDecoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.frame.can_collect() > 0 {
                return self.frame.read(buffer);
            }
            self.state = match std::mem::replace(&mut self.state, State::Over) {
                State::Fresh => self.begin_frame(),
                State::Open => self.unpack_block(),
                State::Closed => self.check(),
                State::Failed(error) => return Err(error),
                State::Over => return Ok(0),
            };
        }
    }
}

fn skip(packed: &mut impl Read, bytes: u64) -> io::Result<()> {
    let skipped = io::copy(&mut packed.take(bytes), &mut io::sink())?;
    if skipped == bytes {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn invalid(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, cause)
}

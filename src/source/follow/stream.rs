//! Lines of a stream, as they come: a thread waits for them, so that nobody else has to.

use std::io::{self, Read};
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;

use super::changes::Bell;
use super::tail::{flush_partial, take_lines};

/// So much is read at once.
const BLOCK_BYTES: usize = 256 << 10;

/// So many blocks may wait to be taken: the writer is held up, not the memory used up.
const BLOCKS: usize = 4;

/// What the thread says.
enum Piece {
    Bytes(Vec<u8>),
    /// The end, or why nothing can be read any more.
    End(io::Result<()>),
}

/// Whole lines of a stream.
pub(super) struct StreamLines {
    pub(super) lines: Vec<u8>,
    /// How many bytes came before them.
    pub(super) offset: u64,
}

/// A stream that is read as it comes.
pub(super) struct Stream {
    pieces: Receiver<Piece>,
    partial: Vec<u8>,
    offset: u64,
    is_over: bool,
    chunk_bytes: usize,
    line_bytes: usize,
}

impl Stream {
    /// Begins to read; the bell is rung when something came.
    pub(super) fn start(
        reader: impl Read + Send + 'static,
        bell: Bell,
        (chunk_bytes, line_bytes): (usize, usize),
    ) -> io::Result<Self> {
        let (sender, pieces) = mpsc::sync_channel(BLOCKS);
        thread::Builder::new()
            .name("stream".to_owned())
            .spawn(move || {
                read(reader, |piece| {
                    let is_wanted = sender.send(piece).is_ok();
                    bell.ring();
                    is_wanted
                });
            })?;
        Ok(Stream {
            pieces,
            partial: Vec::new(),
            offset: 0,
            is_over: false,
            chunk_bytes,
            line_bytes: line_bytes.max(1),
        })
    }

    /// Tells whether nothing more can come.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Returns the whole lines that came; at the end also a last one without its end.
    pub(super) fn poll(&mut self) -> io::Result<Option<StreamLines>> {
        let mut lines = Vec::new();
        let mut result = Ok(());
        while !self.is_over && self.partial.len() < self.chunk_bytes {
            match self.pieces.try_recv() {
                Ok(Piece::Bytes(bytes)) => self.partial.extend_from_slice(&bytes),
                Ok(Piece::End(end)) => {
                    self.is_over = true;
                    result = end;
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => self.is_over = true,
            }
        }
        let before = self.partial.len();
        take_lines(&mut self.partial, &mut lines);
        if lines.is_empty() && self.partial.len() > self.line_bytes {
            lines.extend(self.partial.drain(..self.line_bytes));
            lines.push(b'\n');
        }
        if self.is_over {
            flush_partial(&mut self.partial, &mut lines);
        }
        let offset = self.offset;
        let taken = before.saturating_sub(self.partial.len());
        self.offset += u64::try_from(taken).unwrap_or(0);
        result?;
        Ok((!lines.is_empty()).then_some(StreamLines { lines, offset }))
    }
}

/// Reads until the end, or until nobody wants more.
fn read(mut reader: impl Read, mut give: impl FnMut(Piece) -> bool) {
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        let piece = match reader.read(&mut block) {
            Ok(0) => Piece::End(Ok(())),
            Ok(got) => Piece::Bytes(block.get(..got).unwrap_or_default().to_vec()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Piece::End(Err(error)),
        };
        let is_end = matches!(piece, Piece::End(_));
        if !give(piece) || is_end {
            return;
        }
    }
}

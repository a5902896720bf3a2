//! Blocks of whole lines out of any stream of bytes.

use std::io::{self, Read};
use std::sync::Arc;

use super::chunk::Pool;
use super::tied;

/// Reads a stream in blocks that end where a line ends.
///
/// Where they end depends on the bytes alone: a block is filled up to its size before it is cut,
/// however little a pipe gives at a time.
pub(super) struct BlockReader {
    reader: Box<dyn Read + Send>,
    pool: Arc<Pool>,
    block_bytes: usize,
    /// How much of a line is kept.
    pub(super) line_bytes: usize,
    /// The beginning of the next block: what was read behind the last line end.
    carry: Vec<u8>,
    is_at_end: bool,
    /// How much was read so far.
    pub(super) read_bytes: u64,
    /// What was cut from lines that were too long.
    pub(super) cut: CutLines,
    /// Why reading ended early.
    pub(super) error: Option<io::Error>,
}

/// How reading a source went.
#[derive(Debug)]
pub(super) struct Passage {
    /// How much was read.
    pub(super) read_bytes: u64,
    /// What was cut from lines that were too long.
    pub(super) cut: CutLines,
    /// How much of a line is kept.
    pub(super) line_bytes: usize,
    /// Why reading ended early.
    pub(super) error: Option<io::Error>,
}

/// Lines that were longer than the limit.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct CutLines {
    pub(super) lines: u64,
    pub(super) bytes: u64,
}

impl BlockReader {
    /// Reads blocks of `block_bytes`, and at most `line_bytes` of a line.
    pub(super) fn new(
        reader: Box<dyn Read + Send>,
        pool: &Arc<Pool>,
        block_bytes: usize,
        line_bytes: usize,
    ) -> Self {
        BlockReader {
            reader,
            pool: Arc::clone(pool),
            block_bytes: block_bytes.max(1),
            line_bytes: line_bytes.max(block_bytes),
            carry: Vec::new(),
            is_at_end: false,
            read_bytes: 0,
            cut: CutLines::default(),
            error: None,
        }
    }

    /// Returns the next block: one line at least, and none without the lines tied to it.
    ///
    /// Only the very last line may lack its line end. After an error the last, incomplete line is
    /// left out: half a line is none.
    pub(super) fn next_block(&mut self) -> Option<Vec<u8>> {
        let mut block = std::mem::take(&mut self.carry);
        if block.capacity() == 0 {
            block = self.pool.take();
        }
        while !self.is_at_end {
            let is_fresh = block.is_empty();
            self.fill(&mut block);
            if is_fresh {
                drop_nuls(&mut block);
            }
            if self.is_at_end {
                break;
            }
            if let Some(end) = self.find_cut(&block) {
                self.carry_over(&mut block, end);
                break;
            }
            if block.len() >= self.line_bytes {
                self.cut_line(&mut block);
                break;
            }
        }
        if self.error.is_some() {
            block.truncate(memchr::memrchr(b'\n', &block).map_or(0, |end| end + 1));
        }
        (!block.is_empty()).then_some(block)
    }

    /// Finds where a block ends; `None` if more has to be read to know.
    fn find_cut(&self, block: &[u8]) -> Option<usize> {
        let cut = tied::last_cut(block, block.len(), true, false);
        match cut {
            None if block.len() >= self.line_bytes => tied::last_line_end(block),
            cut => cut,
        }
    }

    /// Tells how reading went.
    pub(super) fn into_passage(self) -> Passage {
        Passage {
            read_bytes: self.read_bytes,
            cut: self.cut,
            line_bytes: self.line_bytes,
            error: self.error,
        }
    }

    /// Takes a block back that was worked off.
    pub(super) fn recycle(&self, block: Vec<u8>) {
        self.pool.give(block);
    }

    /// Fills a block up to its size, or a size further if it holds no line end yet.
    fn fill(&mut self, block: &mut Vec<u8>) {
        let missing = self.block_bytes.saturating_sub(block.len());
        let wanted = if missing == 0 {
            self.block_bytes
        } else {
            missing
        };
        block.reserve(wanted);
        let before = block.len();
        let limit = u64::try_from(wanted).unwrap_or(u64::MAX);
        let outcome = (&mut self.reader).take(limit).read_to_end(block);
        let got = block.len() - before;
        self.read_bytes += u64::try_from(got).unwrap_or(0);
        self.is_at_end = outcome.is_err() || got < wanted;
        self.error = outcome.err();
    }

    fn carry_over(&mut self, block: &mut Vec<u8>, end: usize) {
        let tail = block.get(end..).unwrap_or(b"");
        self.carry = self.pool.take();
        self.carry.reserve(self.block_bytes.max(tail.len()));
        self.carry.extend_from_slice(tail);
        block.truncate(end);
    }

    /// Keeps the beginning of a line that is too long, and reads on to its end.
    fn cut_line(&mut self, block: &mut Vec<u8>) {
        let mut dropped = block.len() - self.line_bytes;
        block.truncate(self.line_bytes);
        block.push(b'\n');
        let mut rest = self.pool.take();
        while !self.is_at_end {
            rest.clear();
            self.fill(&mut rest);
            if let Some(end) = memchr::memchr(b'\n', &rest) {
                dropped += end;
                self.carry_over(&mut rest, end + 1);
                break;
            }
            dropped += rest.len();
        }
        self.pool.give(rest);
        self.cut.lines += 1;
        self.cut.bytes += u64::try_from(dropped).unwrap_or(0);
    }
}

/// Drops the NULs at the beginning of a block.
///
/// A file that was truncated under a daemon that goes on writing at its old offset begins with as
/// many of them as the file had bytes.
fn drop_nuls(block: &mut Vec<u8>) {
    if block.first() == Some(&0) {
        let nuls = block.iter().take_while(|byte| **byte == 0).count();
        block.drain(..nuls);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives its bytes a few at a time, and ends with an error if it is told to.
    struct Trickle {
        bytes: Vec<u8>,
        at: usize,
        step: usize,
        fails: bool,
    }

    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let rest = &self.bytes[self.at..];
            let count = rest.len().min(self.step).min(buffer.len());
            if count == 0 && self.fails {
                return Err(io::Error::other("the disk is gone"));
            }
            buffer[..count].copy_from_slice(&rest[..count]);
            self.at += count;
            Ok(count)
        }
    }

    fn reader(bytes: &[u8], step: usize, block: usize, line: usize, fails: bool) -> BlockReader {
        let trickle = Trickle {
            bytes: bytes.to_vec(),
            at: 0,
            step,
            fails,
        };
        BlockReader::new(Box::new(trickle), &Arc::new(Pool::default()), block, line)
    }

    fn blocks(mut reader: BlockReader) -> (Vec<Vec<u8>>, BlockReader) {
        let mut blocks = Vec::new();
        while let Some(block) = reader.next_block() {
            blocks.push(block);
        }
        (blocks, reader)
    }

    proptest! {
        #[test]
        fn blocks_are_whole_lines_and_all_of_them(
            text in "(a{0,9}\n){0,9}a{0,3}", step in 1usize..9, block in 1usize..16,
        ) {
            let (found, _) = blocks(reader(text.as_bytes(), step, block, 64, false));
            let (same, _) = blocks(reader(text.as_bytes(), 1000, block, 64, false));
            prop_assert_eq!(&found, &same, "cuts depend on the bytes alone");
            prop_assert_eq!(found.concat(), text.as_bytes());
            let last = found.len().saturating_sub(1);
            prop_assert!(found.iter().take(last).all(|block| block.ends_with(b"\n")));
        }
    }

    #[test]
    fn cuts_lines_that_are_too_long_and_counts_what_it_drops() {
        let text = [&b"short\n"[..], &[b'x'; 100], b"\nnext\n", &[b'y'; 50]].concat();
        let (found, reader) = blocks(reader(&text, 7, 8, 20, false));
        let lines: Vec<Vec<u8>> = found
            .concat()
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect();
        let [short, cut, next, last, _] = &lines[..] else {
            panic!("{lines:?}")
        };
        assert_eq!((&short[..], &next[..]), (&b"short"[..], &b"next"[..]));
        assert_eq!((cut.len(), last.len()), (20, 20));
        assert_eq!(
            reader.cut,
            CutLines {
                lines: 2,
                bytes: 110
            }
        );
    }

    #[test]
    fn keeps_whole_lines_before_an_error() {
        let (found, reader) = blocks(reader(b"one\ntwo\nthr", 4, 1024, 2048, true));
        assert_eq!(found.concat(), b"one\ntwo\n");
        assert!(reader.error.is_some());
        assert_eq!(reader.read_bytes, 11);
    }

    #[test]
    fn drops_nuls_that_truncation_left_at_the_beginning() {
        let text = [&[0; 100][..], b"one\ntwo\n"].concat();
        for block in [1, 10, 100, 1000] {
            let (found, reader) = blocks(reader(&text, 1000, block, 1000, false));
            assert_eq!(found.concat(), b"one\ntwo\n", "{block}");
            assert_eq!(reader.cut, CutLines::default());
        }
    }
}

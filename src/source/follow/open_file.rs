//! An open file of a log: how far it was read, and by what it is known.

use std::io;
use std::path::Path;

use super::files::{Files, LogFile};
use super::place::{END, HEAD_BYTES, Place, fingerprint};

/// Fewer bytes are no proof that one file is the copy of another.
const PROOF_BYTES: usize = 16;

pub(super) struct OpenFile<L> {
    pub(super) file: L,
    pub(super) offset: u64,
    pub(super) head: Vec<u8>,
}

/// What came of reading a block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Bytes, and there may be more.
    Some,
    /// The end of the file was reached.
    End,
    /// The file was emptied: nothing was read.
    Emptied,
}

impl<L: LogFile> OpenFile<L> {
    /// Opens a file, and looks at its beginning; `None` when there is none.
    pub(super) fn open(files: &impl Files<File = L>, path: &Path) -> io::Result<Option<Self>> {
        let Some(file) = files.open(path)? else {
            return Ok(None);
        };
        let mut open = OpenFile {
            file,
            offset: 0,
            head: Vec::new(),
        };
        open.remember_head()?;
        Ok(Some(open))
    }

    /// Returns a place in this file, once it has a first line.
    pub(super) fn place_at(&self, offset: u64) -> Option<Place> {
        let is_known = self.head.len() == HEAD_BYTES || memchr::memchr(b'\n', &self.head).is_some();
        is_known.then(|| Place {
            fingerprint: fingerprint(&self.head),
            offset,
        })
    }

    /// Returns the end of a file to which nothing is added any more, be its only line a half one.
    pub(super) fn end(&self) -> Option<Place> {
        (!self.head.is_empty()).then(|| Place {
            fingerprint: fingerprint(&self.head),
            offset: END,
        })
    }

    /// Tells whether something of it was seen.
    pub(super) fn is_begun(&self) -> bool {
        self.offset > 0 || !self.head.is_empty()
    }

    /// Tells whether this file begins with all that is known of the other one's beginning.
    pub(super) fn begins_like(&self, other: &OpenFile<L>) -> bool {
        other.head.len() >= PROOF_BYTES && self.head.starts_with(&other.head)
    }

    /// Tells whether this file is a copy of the other one, be it not whole yet, or of more than was
    /// there when the other one was looked at.
    pub(super) fn is_copy_of(&self, other: &OpenFile<L>) -> bool {
        other.begins_like(self) || self.begins_like(other)
    }

    pub(super) fn seek(&mut self, offset: u64) -> io::Result<()> {
        // Of a packed file nobody knows the length.
        let length = self.file.length()?;
        self.offset = offset.min(length);
        Ok(())
    }

    /// Reads on, at most a block.
    pub(super) fn read_block(
        &mut self,
        into: &mut Vec<u8>,
        block_bytes: usize,
    ) -> io::Result<Reading> {
        // What is not known by its beginning could be emptied, and nobody would see it. That is looked
        // for when its siblings are: one of them may be a copy of what stood here.
        if self.head.is_empty() {
            return Ok(Reading::End);
        }
        let held = into.len();
        let got = self.file.read_at(self.offset, block_bytes, into)?;
        let end = self.offset.saturating_add(u64::try_from(got).unwrap_or(0));
        // Asked only now: of a file that is emptied while it is read the bytes may be of another line.
        if self.was_emptied(end)? {
            into.truncate(held);
            return Ok(Reading::Emptied);
        }
        self.offset = end;
        Ok(match got < block_bytes {
            true => Reading::End,
            false => Reading::Some,
        })
    }

    /// Tells whether the file is shorter than what was read of it, or begins otherwise; if not,
    /// remembers more of its beginning.
    ///
    /// A file that was truncated and outgrew its old length between two looks shows only by its
    /// beginning: the stamps there are newer.
    fn was_emptied(&mut self, read: u64) -> io::Result<bool> {
        let length = self.file.length()?;
        if length == END {
            self.remember_head()?;
            return Ok(false);
        }
        let head = self.read_head(HEAD_BYTES)?;
        if length < read || !head.starts_with(&self.head) {
            return Ok(true);
        }
        self.head = head;
        Ok(false)
    }

    pub(super) fn remember_head(&mut self) -> io::Result<()> {
        if self.head.len() < HEAD_BYTES {
            self.head = self.read_head(HEAD_BYTES)?;
        }
        Ok(())
    }

    fn read_head(&mut self, bytes: usize) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        self.file.read_at(0, bytes, &mut head)?;
        Ok(head)
    }
}

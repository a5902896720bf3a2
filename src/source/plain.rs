//! Plain files, cut into parts that whoever works on them reads.
//!
//! To find out where a part ends, and how the next one is dated, only a little of it is read: one
//! thread cuts while all others read and parse. A file may be truncated or grow meanwhile, so it is
//! never mapped into memory: what is gone when a part is read is missing there, and what came until
//! the last part is cut belongs to it.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::block::{CutLines, Passage};
use super::dating::{Dating, last_line};
use super::progress::Progress;
use super::read_part::read_part;
use super::tied;

/// A part is no longer: there are parts for all threads of short logs too.
const PART_BYTES: usize = 1 << 20;
/// How much is looked at to find a line end, at first.
const LOOK_BYTES: u64 = 4 << 10;
/// A line of a container that is cut into parts: 16 KiB of it, each byte escaped.
const LONGEST_PART_BYTES: u64 = 128 << 10;
/// How much longer the next look is where there is none.
const GROWTH: u64 = 8;

/// A plain file that is being read.
#[derive(Debug)]
pub(super) struct PlainLog {
    pub(super) name: PathBuf,
    file: File,
    progress: Progress,
    /// The first error, and where it was.
    failure: Mutex<Option<(u64, io::Error)>>,
}

impl PlainLog {
    pub(super) fn new(name: PathBuf, file: File, progress: Progress) -> Self {
        PlainLog {
            name,
            file,
            progress,
            failure: Mutex::new(None),
        }
    }

    /// Reads a part into a buffer, in the place of what that holds: less than was asked for where
    /// the file ends, whole lines up to where it cannot be read.
    pub(super) fn load(&self, part: &Range<u64>, buffer: &mut Vec<u8>) {
        self.load_again(part, buffer);
        self.progress.add(buffer.len());
    }

    /// Reads a part that was read before: it counts once as progress.
    pub(super) fn load_again(&self, part: &Range<u64>, buffer: &mut Vec<u8>) {
        let outcome = self.read(part.clone(), buffer);
        if let Err(error) = outcome {
            buffer.truncate(memchr::memrchr(b'\n', buffer).map_or(0, |end| end + 1));
            self.fail(part.start.saturating_add(length(buffer.len())), error);
        }
    }

    /// Reads a part into a buffer; after an error that has what was read before it.
    pub(super) fn read(&self, part: Range<u64>, buffer: &mut Vec<u8>) -> io::Result<()> {
        read_part(&self.file, part, buffer)
    }

    /// Keeps the first error of the file.
    fn fail(&self, at: u64, error: io::Error) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if failure.as_ref().is_none_or(|(first, _)| at < *first) {
            *failure = Some((at, error));
        }
    }

    /// Takes the first error; there may be one as long as a part was not read.
    pub(super) fn take_failure(&self) -> Option<(u64, io::Error)> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take()
    }
}

/// Cuts a plain file, or a part of it, into parts of whole lines.
pub(super) struct Cutter {
    log: Arc<PlainLog>,
    /// Where the next part begins.
    at: u64,
    /// Where the last one ends; beyond the end of the file if it may still grow.
    end: u64,
    part_bytes: u64,
    /// How much of a line is kept.
    line_bytes: u64,
    dating: Dating,
    is_over: bool,
    read_bytes: u64,
    cut: CutLines,
    /// What is looked at.
    look: Vec<u8>,
}

impl Cutter {
    /// Cuts parts of some `part_bytes`, or fewer, with at most `line_bytes` of a line.
    pub(super) fn new(
        log: Arc<PlainLog>,
        within: Range<u64>,
        dating: Dating,
        part_bytes: usize,
        line_bytes: usize,
    ) -> Self {
        let bytes = |count: usize| u64::try_from(count.max(1)).unwrap_or(u64::MAX);
        Cutter {
            log,
            at: within.start,
            end: within.end,
            part_bytes: bytes(part_bytes.min(PART_BYTES)),
            line_bytes: bytes(line_bytes.max(part_bytes)),
            dating,
            is_over: false,
            read_bytes: 0,
            cut: CutLines::default(),
            look: Vec::new(),
        }
    }

    pub(super) fn log(&self) -> &Arc<PlainLog> {
        &self.log
    }

    /// Returns the next part: one line at least. Only the last one of the file, and one that is too
    /// long, may lack its line end.
    pub(super) fn next_part(&mut self) -> Option<(Range<u64>, Dating)> {
        if self.is_over {
            return None;
        }
        match self.find_part() {
            Ok(part) => part,
            Err(error) => {
                self.is_over = true;
                self.log.fail(self.at, error);
                None
            }
        }
    }

    fn find_part(&mut self) -> io::Result<Option<(Range<u64>, Dating)>> {
        let end = self.end.min(self.log.file.metadata()?.len());
        if self.at == 0 {
            self.skip_nuls(end)?;
        }
        if self.at >= end {
            self.is_over = true;
            return Ok(None);
        }
        let cut = self.find_cut(end)?;
        let part = self.at..self.shorten(cut, end)?;
        let dating = self.dating;
        if !self.is_over {
            self.dating.skip_part(&self.log, &part)?;
        }
        self.read_bytes = self.read_bytes.saturating_add(cut.saturating_sub(self.at));
        self.at = cut;
        Ok(Some((part, dating)))
    }

    /// Skips the NULs that a file begins with which was truncated under a daemon that goes on
    /// writing at its old offset.
    fn skip_nuls(&mut self, end: u64) -> io::Result<()> {
        let mut look_bytes = 1;
        while self.at < end {
            let to = end.min(self.at.saturating_add(look_bytes));
            self.log.read(self.at..to, &mut self.look)?;
            let nuls = self.look.iter().take_while(|byte| **byte == 0).count();
            self.at = self.at.saturating_add(u64::try_from(nuls).unwrap_or(0));
            if nuls < self.look.len() || self.look.is_empty() {
                return Ok(());
            }
            look_bytes = self.part_bytes;
        }
        Ok(())
    }

    /// Finds the end of the part: that of its last whole line, or of a line longer than a part; no
    /// line is parted from those tied to it.
    fn find_cut(&mut self, end: u64) -> io::Result<u64> {
        let mut target = self.at;
        loop {
            target = target.saturating_add(self.part_bytes);
            if target >= end {
                self.is_over = true;
                return Ok(end);
            }
            if let Some(cut) = self.find_cut_before(target, end)? {
                return Ok(cut);
            }
            let Some(last) = tied::last_line_end(&self.look) else {
                return self.find_end_of_long_line(target, end);
            };
            if target.saturating_sub(self.at) >= self.line_bytes {
                return Ok(self.at.saturating_add(length(last)).min(end));
            }
        }
    }

    /// Finds the last place up to `target` where the part may end; where there is none, all of it
    /// was looked at.
    fn find_cut_before(&mut self, target: u64, end: u64) -> io::Result<Option<u64>> {
        let to = end.min(target.saturating_add(length(tied::LOOK_AHEAD_BYTES)));
        let mut look_bytes = LOOK_BYTES;
        loop {
            let from = self.at.max(target.saturating_sub(look_bytes));
            self.log.read(from..to, &mut self.look)?;
            let limit = usize::try_from(target.saturating_sub(from)).unwrap_or(usize::MAX);
            let cut = tied::last_cut(
                &self.look,
                limit.min(self.look.len()),
                from == self.at,
                to == end,
            );
            if let Some(cut) = cut {
                return Ok(Some(from.saturating_add(length(cut))));
            }
            if from == self.at {
                self.look.truncate(limit);
                return Ok(None);
            }
            look_bytes = look_bytes.saturating_mul(GROWTH);
        }
    }

    fn find_end_of_long_line(&mut self, mut from: u64, end: u64) -> io::Result<u64> {
        while from < end {
            let to = end.min(from.saturating_add(self.part_bytes));
            self.log.read(from..to, &mut self.look)?;
            let Some(first) = memchr::memchr(b'\n', &self.look) else {
                from = to;
                continue;
            };
            from = from.saturating_add(length(first)).saturating_add(1);
            let is_part = self.ends_with_part(from)?;
            let ahead = end.min(from.saturating_add(length(tied::LOOK_AHEAD_BYTES)));
            self.log.read(from..ahead, &mut self.look)?;
            if !is_part && !tied::is_tied(&self.look, ahead == end) {
                return Ok(from);
            }
        }
        self.is_over = true;
        Ok(end)
    }

    /// Tells whether the line that ends before a place goes on below; only the end of a part that
    /// is longer than all lines of containers is looked at.
    fn ends_with_part(&mut self, end: u64) -> io::Result<bool> {
        let from = self.at.max(end.saturating_sub(LONGEST_PART_BYTES));
        self.log.read(from..end.saturating_sub(1), &mut self.look)?;
        Ok(tied::are_tied(last_line(&self.look), b""))
    }

    /// Of a line that is too long the beginning is kept: returns where that ends.
    fn shorten(&mut self, cut: u64, end: u64) -> io::Result<u64> {
        let kept = self.at.saturating_add(self.line_bytes);
        if cut <= kept {
            return Ok(cut);
        }
        self.log.read(cut.saturating_sub(1)..cut, &mut self.look)?;
        let line_end = cut.min(end) - u64::from(self.look == b"\n");
        if line_end <= kept {
            return Ok(cut);
        }
        self.cut.lines += 1;
        self.cut.bytes = self.cut.bytes.saturating_add(line_end - kept);
        Ok(kept)
    }

    /// Tells how reading went; what a part that is not read yet will meet is not known.
    pub(super) fn into_passage(self) -> Passage {
        Passage {
            read_bytes: self.read_bytes,
            cut: self.cut,
            line_bytes: usize::try_from(self.line_bytes).unwrap_or(usize::MAX),
            error: None,
        }
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "plain_tests.rs"]
mod tests;

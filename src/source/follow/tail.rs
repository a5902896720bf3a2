//! One log as it was left at the last look: its file, those that took its place, and a half line.
//!
//! The siblings of a log and the log itself are a chain in order of time: what follows a place is
//! the rest of its file and then all that stand behind it in the chain.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use super::Start;
use super::files::{Files, LogFile};
use super::open_file::{OpenFile, Reading};
use super::place::{END, Place, fingerprint};
use crate::source::dating::last_line;
use crate::source::tied;

/// So many files that are done with are remembered: more than any log has siblings.
const MOST_PAST: usize = 400;

/// Whole lines that came with one look, all of one file.
#[derive(Debug)]
pub(super) struct Batch {
    /// Where the first of them begins.
    pub(super) start: Place,
    pub(super) lines: Vec<u8>,
}

/// Follows one log.
pub(super) struct Tail<F: Files> {
    files: F,
    pub(super) path: PathBuf,
    open: Option<OpenFile<F::File>>,
    /// The files that took its place, one after the other; not begun as long as all are empty.
    successors: VecDeque<OpenFile<F::File>>,
    /// The beginning of a line whose end did not come yet.
    partial: Vec<u8>,
    /// The end of the file before the open one: the place as long as that has no line.
    before: Option<Place>,
    /// How often lines may have been lost: a file was emptied, and there is no copy of it.
    gaps: u64,
    /// The fingerprints of files that are done with, the latest last: siblings that were there at the
    /// beginning, and files that were read to their end.
    past: Vec<u64>,
    /// Whether these are all of them.
    knows_past: bool,
    /// Whether that file was emptied: nobody will find it again.
    is_emptied: bool,
    /// How often the log was emptied after a copy was made of it.
    copies: u64,
    block_bytes: usize,
    line_bytes: usize,
}

impl<F: Files> Tail<F> {
    /// Begins with the file that is there, or with none.
    pub(super) fn open(
        files: F,
        path: &Path,
        start: Start,
        (block_bytes, line_bytes): (usize, usize),
    ) -> io::Result<Self> {
        let mut tail = Tail {
            files,
            path: path.to_owned(),
            open: None,
            successors: VecDeque::new(),
            partial: Vec::new(),
            before: None,
            gaps: 0,
            past: Vec::new(),
            knows_past: false,
            is_emptied: false,
            copies: 0,
            block_bytes,
            line_bytes: line_bytes.max(1),
        };
        match start {
            Start::At(place) => tail.resume(place, None)?,
            Start::Beginning | Start::End => tail.begin(start)?,
        }
        Ok(tail)
    }

    /// Goes on behind a place where an earlier one was, knowing which files that one was done with.
    pub(super) fn resume_after(
        files: F,
        path: &Path,
        (place, past): (Option<Place>, Vec<u64>),
        sizes: (usize, usize),
    ) -> io::Result<Self> {
        // Looks at no file yet.
        let mut tail = Tail::open(files, Path::new(""), Start::Beginning, sizes)?;
        tail.path = path.to_owned();
        tail.resume(place, Some(past))?;
        Ok(tail)
    }

    fn begin(&mut self, start: Start) -> io::Result<()> {
        let chain = self.chain(false);
        self.before = chain.iter().rev().find_map(OpenFile::end);
        let ends = chain.iter().filter_map(OpenFile::end);
        self.past = ends.map(|end| end.fingerprint).collect();
        self.knows_past = true;
        self.open = OpenFile::open(&self.files, &self.path)?;
        if let Some(open) = self.open.as_mut().filter(|_| start == Start::End) {
            open.offset = open.file.length()?;
        }
        Ok(())
    }

    /// Goes on behind a place, wherever the file is by now. Without a place no file was there.
    fn resume(&mut self, place: Option<Place>, past: Option<Vec<u64>>) -> io::Result<()> {
        let mut chain = self.chain(true);
        self.knows_past = past.is_some();
        self.past = past.clone().unwrap_or_default();
        let found = match place {
            None => Some(0),
            Some(place) => position(&chain, |file| {
                file.end().map(|found| found.fingerprint) == Some(place.fingerprint)
            }),
        };
        let Some(found) = found else {
            // What was behind the place is gone, and who knows how much that was.
            self.gaps += 1;
            self.before = place;
            self.successors = match past {
                Some(past) => behind_past(chain, &past),
                None => chain.pop().into_iter().collect(),
            };
            self.open = self.successors.pop_front();
            return Ok(());
        };
        let head = chain.get(found).map(|file| file.head.clone());
        self.successors = chain.into_iter().skip(found).collect();
        let head = head.unwrap_or_default();
        self.open = self.successors.pop_front();
        // A copy of it, still being made.
        self.successors
            .retain(|file| head.is_empty() || file.head != head);
        self.before = place.map(|place| Place {
            offset: END,
            ..place
        });
        if let (Some(open), Some(place)) = (&mut self.open, place) {
            open.seek(place.offset)?;
        }
        Ok(())
    }

    /// Returns where the next line begins; `None` as long as there was none.
    pub(super) fn place(&self) -> Option<Place> {
        let place = self.open.as_ref().and_then(|open| {
            let held = u64::try_from(self.partial.len()).unwrap_or(0);
            open.place_at(open.offset.saturating_sub(held))
        });
        place.or(self.before)
    }

    /// Returns how many bytes of the files that are open were not read yet; of a packed one nobody
    /// knows.
    pub(super) fn unread_bytes(&self) -> u64 {
        let unread = |open: &OpenFile<F::File>| {
            let length = open.file.length().ok().filter(|length| *length != END);
            length.map_or(0, |length| length.saturating_sub(open.offset))
        };
        self.open.iter().chain(&self.successors).map(unread).sum()
    }

    /// Tells whether the place is the end of a file that was emptied and has no line yet.
    pub(super) fn is_emptied(&self) -> bool {
        self.is_emptied && self.place() == self.before
    }

    /// Takes a gap back: the file that is gone was known to be, and counted then.
    pub(super) fn forgive_gap(&mut self) {
        self.gaps = self.gaps.saturating_sub(1);
        self.is_emptied = true;
    }

    /// Returns how often lines may have been lost unseen.
    pub(super) fn gaps(&self) -> u64 {
        self.gaps
    }

    /// Returns how often the log was emptied after a copy was made of it: what was written between
    /// the two is in neither, and nobody can know whether there was any.
    pub(super) fn copies(&self) -> u64 {
        self.copies
    }

    /// Looks at the log once; returns the lines that came.
    ///
    /// After a rotation the old file is read to its end before the new one is begun, and as long as
    /// the new one is empty the daemon may still write into the old one.
    pub(super) fn poll(&mut self) -> io::Result<Option<Batch>> {
        // Looked at before the old file is read: what comes into that later is not lost.
        let found = self.find_successors();
        loop {
            // Before the old file is read: once the new one is begun nothing comes into the old one.
            let is_replaced = self.is_replaced();
            let mut lines = Vec::new();
            let at = self.line_offset();
            match self.read(&mut lines)? {
                Reading::Emptied => {
                    let ended = self.turn_to_copy()?;
                    if ended.is_some() {
                        return Ok(ended);
                    }
                    continue;
                }
                _ if !lines.is_empty() => return Ok(self.batch(at, lines)),
                Reading::Some => continue,
                Reading::End => {}
            }
            if !is_replaced {
                // What is wrong with the new file is said when the old one is read.
                found?;
                return Ok(None);
            }
            flush_partial(&mut self.partial, &mut lines);
            let batch = self.batch(at, lines);
            self.advance();
            if batch.is_some() {
                return Ok(batch);
            }
        }
    }

    fn line_offset(&self) -> u64 {
        let held = u64::try_from(self.partial.len()).unwrap_or(0);
        self.open
            .as_ref()
            .map_or(0, |open| open.offset.saturating_sub(held))
    }

    fn batch(&self, offset: u64, lines: Vec<u8>) -> Option<Batch> {
        let open = self.open.as_ref().filter(|_| !lines.is_empty())?;
        let fingerprint = fingerprint(&open.head);
        let start = Place {
            fingerprint,
            offset,
        };
        Some(Batch { start, lines })
    }

    fn advance(&mut self) {
        let left = self.open.take().and_then(|open| open.end());
        self.is_emptied &= left.is_none();
        self.note_past(left);
        self.before = left.or(self.before);
        self.open = self.successors.pop_front();
    }

    fn note_past(&mut self, left: Option<Place>) {
        self.past.extend(left.map(|left| left.fingerprint));
        let over = self.past.len().saturating_sub(MOST_PAST);
        self.past.drain(..over);
    }

    /// Returns which files are done with.
    pub(super) fn past(&self) -> &[u64] {
        &self.past
    }

    /// Opens the siblings, and if wanted the log itself, the earliest first. What cannot be read is
    /// no part of the chain: only an error of the log itself is said.
    fn chain(&self, with_log: bool) -> Vec<OpenFile<F::File>> {
        let mut paths = self.files.siblings(&self.path);
        if with_log {
            paths.push(self.path.clone());
        }
        let mut chain: Vec<OpenFile<F::File>> = Vec::new();
        for path in paths {
            let Ok(Some(file)) = OpenFile::open(&self.files, &path) else {
                continue;
            };
            // A file and its packed copy are there at one time; the first is the plain one.
            let is_copy = chain
                .last()
                .is_some_and(|last| !last.head.is_empty() && last.head == file.head);
            if path == self.path || !is_copy {
                chain.push(file);
            }
        }
        chain
    }

    /// Opens the files that took the log's place since the last look.
    fn find_successors(&mut self) -> io::Result<()> {
        let found = OpenFile::open(&self.files, &self.path)?;
        let newest = self.successors.back().or(self.open.as_ref());
        let identity = |file: &OpenFile<F::File>| file.file.identity();
        let is_known = found.is_some() && newest.map(identity) == found.as_ref().map(identity);
        // One that was empty at the last look may have been filled, copied and emptied since.
        if (is_known || found.is_none()) && newest.is_none_or(OpenFile::is_begun) {
            return Ok(());
        }
        if is_known && self.successors.pop_back().is_none() {
            // Nothing of it was seen, but for what the new handle may have seen now.
            self.open = None;
        }
        self.add_missed(found.as_ref());
        // Renamed just now, it is among its siblings already.
        let is_among = |log: &OpenFile<F::File>| {
            self.successors
                .iter()
                .any(|file| identity(file) == identity(log))
        };
        let log = found.filter(|log| !is_among(log));
        self.successors.extend(log);
        if self.open.is_none() {
            self.open = self.successors.pop_front();
        }
        Ok(())
    }

    /// Puts the siblings into their places that came since the last look: the log was rotated more
    /// than once. A copy of the log itself is none: it is looked for when the log is emptied.
    fn add_missed(&mut self, log: Option<&OpenFile<F::File>>) {
        let mut chain = self.chain(false);
        chain.retain(|file| !log.is_some_and(|log| file.is_copy_of(log)));
        let known = position(&chain, |found| self.is_begun(found));
        let has_begun = self.open.as_ref().is_some_and(OpenFile::is_begun);
        let new = match known {
            Some(at) => at + 1,
            // All that was done with is known, and none of it is left.
            None if self.knows_past || (!has_begun && self.before.is_none()) => 0,
            None => return,
        };
        let mut waiting: Vec<OpenFile<F::File>> = self.successors.drain(..).collect();
        if !has_begun {
            waiting.splice(0..0, self.open.take());
        }
        for file in waiting.iter_mut().filter(|file| !file.is_begun()) {
            // Packed, it is another file; what cannot be read is told by its number alone.
            let _ = file.remember_head();
        }
        let (mut first, mut last) = (Vec::new(), Vec::new());
        for found in chain.into_iter().skip(new) {
            let identity = found.file.identity();
            match waiting
                .iter()
                .position(|file| file.file.identity() == identity || found.begins_like(file))
            {
                Some(at) => last.push(waiting.remove(at)),
                None if !found.head.is_empty() => last.push(found),
                None => {}
            }
        }
        first.append(&mut waiting);
        self.successors = first.into_iter().chain(last).collect();
    }

    /// Tells whether a sibling is one of the files that are known and not empty, or before them.
    fn is_begun(&self, found: &OpenFile<F::File>) -> bool {
        let before = self.before.map(|place| place.fingerprint);
        if let Some(place) = found.end()
            && (Some(place.fingerprint) == before || self.past.contains(&place.fingerprint))
        {
            return true;
        }
        let known = self.open.iter().chain(&self.successors);
        let mut begun = known.filter(|file| file.is_begun());
        begun.any(|file| file.file.identity() == found.file.identity() || found.begins_like(file))
    }

    fn is_replaced(&self) -> bool {
        // One that was emptied since was begun, too.
        let has_begun = |file: &OpenFile<F::File>| {
            file.is_begun() || file.file.length().is_ok_and(|length| length > 0)
        };
        let is_waiting = self.open.is_none() && !self.successors.is_empty();
        is_waiting || self.successors.iter().any(has_begun)
    }

    /// Goes on with the copy that was made of a file before it was emptied, and then with that file
    /// from its beginning. Without a copy a half line ends where it is, and is returned.
    fn turn_to_copy(&mut self) -> io::Result<Option<Batch>> {
        let at = self.line_offset();
        let mut chain = self.chain(false);
        let mut ended = None;
        let copy = match &self.open {
            Some(open) => position(&chain, |file| file.begins_like(open)),
            None => return Ok(None),
        };
        if copy.is_none() {
            let mut lines = Vec::new();
            flush_partial(&mut self.partial, &mut lines);
            ended = self.batch(at, lines);
        }
        let Some(mut emptied) = self.open.take() else {
            return Ok(None);
        };
        let left = emptied.place_at(END);
        let offset = emptied.offset;
        emptied.offset = 0;
        emptied.head.clear();
        emptied.remember_head()?;
        self.successors.push_front(emptied);
        match copy {
            Some(at) => {
                self.copies += 1;
                let mut behind = chain.split_off(at + 1);
                // The emptied file itself may have been renamed since.
                let known: Vec<_> = self
                    .successors
                    .iter()
                    .map(|file| file.file.identity())
                    .collect();
                behind.retain(|file| !known.contains(&file.file.identity()));
                for file in behind.into_iter().rev() {
                    self.successors.push_front(file);
                }
                self.open = chain.pop();
                if let Some(open) = &mut self.open {
                    open.seek(offset)?;
                }
            }
            None => {
                self.gaps += 1;
                self.note_past(left);
                self.before = left.or(self.before);
                self.is_emptied = true;
            }
        }
        Ok(ended)
    }

    /// Reads a block, and takes whole lines out of it.
    fn read(&mut self, lines: &mut Vec<u8>) -> io::Result<Reading> {
        let Some(open) = &mut self.open else {
            return Ok(Reading::End);
        };
        let reading = open.read_block(&mut self.partial, self.block_bytes)?;
        take_lines(&mut self.partial, lines);
        if lines.is_empty() && self.partial.len() > self.line_bytes {
            // Cut where it always is cut, whatever the blocks were.
            lines.extend(self.partial.drain(..self.line_bytes));
            lines.push(b'\n');
        }
        Ok(reading)
    }
}

/// Leaves out of a chain what was done with before, and what is older than that.
fn behind_past<L: LogFile>(chain: Vec<OpenFile<L>>, past: &[u64]) -> VecDeque<OpenFile<L>> {
    let is_past = |file: &OpenFile<L>| {
        file.end()
            .is_some_and(|end| past.contains(&end.fingerprint))
    };
    let new = position(&chain, is_past).map_or(0, |at| at + 1);
    let log = chain.len().saturating_sub(1);
    let chain = chain.into_iter().enumerate().skip(new);
    // An empty sibling is no file of the chain: nobody writes to it.
    chain
        .filter(|(at, file)| *at == log || file.is_begun())
        .map(|(_, file)| file)
        .collect()
}

/// Finds the last file for which something holds.
fn position<L>(chain: &[OpenFile<L>], is_it: impl FnMut(&OpenFile<L>) -> bool) -> Option<usize> {
    chain.iter().rposition(is_it)
}

/// Moves whole lines.
pub(super) fn take_lines(partial: &mut Vec<u8>, lines: &mut Vec<u8>) {
    let mut end = partial.len();
    while let Some(line_end) = partial
        .get(..end)
        .and_then(|lines| memchr::memrchr(b'\n', lines))
    {
        let line = last_line(partial.get(..line_end).unwrap_or(b""));
        if !tied::are_tied(line, b"") {
            lines.extend(partial.drain(..=line_end));
            return;
        }
        // Of a line in a container only a part came so far.
        end = line_end - line.len();
    }
}

/// Gives up waiting for the end of a line.
pub(super) fn flush_partial(partial: &mut Vec<u8>, lines: &mut Vec<u8>) {
    if !partial.is_empty() {
        lines.append(partial);
        lines.push(b'\n');
    }
}

//! One pass over the logs: chunks are searched as bytes by all workers, and lines that have a
//! needle are parsed.

use std::ops::Range;

use anyhow::Result;
use rayon::ThreadPool;

use super::finder::Finder;
use crate::pipeline;
use crate::source::Chunk;
use crate::trace::{Entry, Search};

/// The bytes of a chunk: so few that the second look at them, which counts lines, finds them in a
/// processor's own cache.
pub(super) const CHUNK_BYTES: usize = 512 << 10;

/// The log as the first pass saw it: later ones read only those parts that can matter.
#[derive(Debug, Default)]
pub(super) struct Log {
    parts: Vec<Part>,
    lines: u64,
    first: Option<String>,
    last: Option<String>,
}

/// What one chunk was.
#[derive(Debug)]
struct Part {
    lines: Range<u64>,
    /// When its first and last line were logged, in microseconds on the wall clock.
    span: Option<(i64, i64)>,
    /// It, if it can be read again by itself.
    chunk: Option<Chunk>,
}

/// What was found in a chunk.
#[derive(Default)]
struct Found {
    entries: Vec<Entry>,
    lines: u64,
    first: Option<Stamp>,
    last: Option<Stamp>,
    chunk: Option<Chunk>,
}

/// A time on the wall clock, and its text.
type Stamp = (i64, String);

impl Log {
    /// Searches the log for the first time.
    pub(super) fn read(
        chunks: impl Iterator<Item = Chunk>,
        pool: &ThreadPool,
        search: &mut Search,
    ) -> Result<Self> {
        let finder = Finder::new(&search.needles(), search.ignores_case())?;
        let (mut log, mut latest) = (Log::default(), Latest::new(search));
        let wanted = &*search;
        pipeline::in_order(
            chunks,
            pool,
            |chunk| scan(&chunk, &finder, wanted),
            |mut found| {
                log.add(&mut found);
                latest.add(found.entries);
                Ok(())
            },
        )?;
        latest.hand_over(search);
        Ok(log)
    }

    /// Searches it once more; `reopen` is for logs whose parts cannot be read by themselves.
    pub(super) fn read_again<C: Iterator<Item = Chunk>>(
        &self,
        reopen: impl FnOnce() -> C,
        pool: &ThreadPool,
        search: &mut Search,
    ) -> Result<()> {
        let finder = Finder::new(&search.needles(), search.ignores_case())?;
        let mut latest = Latest::new(search);
        let wanted = &*search;
        let reaches = |part: &&Part| wanted.reaches(&part.lines, part.span);
        let again: Option<Vec<Chunk>> = self
            .parts
            .iter()
            .map(|part| part.chunk.as_ref()?.again())
            .collect();
        let chunks: Box<dyn Iterator<Item = Chunk>> = match again {
            Some(chunks) => Box::new(chunks.into_iter()),
            // What was logged since the first pass has no part, and is left out.
            None => Box::new(reopen()),
        };
        let items = self.parts.iter().zip(chunks);
        pipeline::in_order(
            items.filter(|(part, _)| reaches(part)),
            pool,
            |(part, chunk)| look(&chunk, &finder, wanted, part.lines.start),
            |found| {
                latest.add(found);
                Ok(())
            },
        )?;
        latest.hand_over(search);
        Ok(())
    }

    /// Returns how many lines there are.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// Returns the stamps of the first and the last line.
    pub(super) fn span(&self) -> Option<(String, String)> {
        Some((self.first.clone()?, self.last.clone()?))
    }

    /// Adds a chunk that follows, and puts its lines in their places.
    fn add(&mut self, found: &mut Found) {
        let start = self.lines;
        self.lines += found.lines;
        let entries = found.entries.iter_mut();
        entries.for_each(|entry| entry.place += start);
        let span = found.first.as_ref().zip(found.last.as_ref());
        self.parts.push(Part {
            lines: start..self.lines,
            span: span.map(|((first, _), (last, _))| (*first.min(last), *first.max(last))),
            chunk: found.chunk.take(),
        });
        let text = |stamp: Stamp| stamp.1;
        self.first = self.first.take().or(found.first.take().map(text));
        self.last = found.last.take().map(text).or(self.last.take());
    }
}

/// The latest lines of a pass: no more than a search keeps.
struct Latest {
    entries: Vec<Entry>,
    most: usize,
    forgotten: u64,
}

impl Latest {
    fn new(search: &Search) -> Self {
        Latest {
            entries: Vec::new(),
            most: search.most_lines(),
            forgotten: 0,
        }
    }

    fn add(&mut self, mut found: Vec<Entry>) {
        self.entries.append(&mut found);
        if self.entries.len() > 2 * self.most {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let surplus = self.entries.len().saturating_sub(self.most);
        self.entries.drain(..surplus);
        self.forgotten += u64::try_from(surplus).unwrap_or(u64::MAX);
    }

    fn hand_over(mut self, search: &mut Search) {
        self.cut();
        search.forget(self.forgotten);
        self.entries
            .into_iter()
            .for_each(|entry| search.take(entry));
    }
}

/// Looks for what is searched in a chunk of the first pass, and counts its lines.
fn scan(chunk: &Chunk, finder: &Finder, search: &Search) -> Found {
    let bytes = chunk.bytes();
    let hits = Hits::of(bytes, finder);
    let (first, last) = ends(chunk, bytes);
    Found {
        lines: hits.lines + count_lines(bytes.get(hits.end..).unwrap_or_default()),
        entries: entries(chunk, &hits, search, 0),
        first,
        last,
        chunk: chunk.again(),
    }
}

/// Looks for what is searched in a chunk whose first line is of a known number.
fn look(chunk: &Chunk, finder: &Finder, search: &Search, start: u64) -> Vec<Entry> {
    let hits = Hits::of(chunk.bytes(), finder);
    entries(chunk, &hits, search, start)
}

/// Parses the lines that were hit, and returns those that the search wants.
fn entries(chunk: &Chunk, hits: &Hits, search: &Search, base: u64) -> Vec<Entry> {
    let mut entries = Vec::new();
    if hits.marks.is_empty() {
        return entries;
    }
    let part = Chunk::new(hits.text.clone(), chunk.dates, chunk.source);
    let begin = part.bytes().as_ptr().addr();
    let mut records = part.records();
    while let Some(line) = records.next() {
        let (Some(record), Some(offset)) =
            (line.record(), line.raw.as_ptr().addr().checked_sub(begin))
        else {
            continue;
        };
        if !record.tag.program.is_ours() {
            continue;
        }
        let Some(number) = hits.number_at(offset) else {
            continue;
        };
        let time = line.time.map(|time| (time.wall_us, time.to_rfc3339()));
        let mut entry = Entry::new(record, line.raw, time);
        entry.place = base + number;
        if search.wants(&entry) {
            entries.push(entry);
        }
    }
    entries
}

fn count_lines(bytes: &[u8]) -> u64 {
    let is_open = bytes.last().is_some_and(|last| *last != b'\n');
    count_ends(bytes) + u64::from(is_open)
}

fn count_ends(bytes: &[u8]) -> u64 {
    u64::try_from(memchr::memchr_iter(b'\n', bytes).count()).unwrap_or(u64::MAX)
}

/// The lines of a chunk that have a needle.
#[derive(Default)]
struct Hits {
    /// These lines, one after the other.
    text: Vec<u8>,
    /// Where each begins in the text, and its number in the chunk.
    marks: Vec<(usize, u64)>,
    /// Where the last of them ends in the chunk, and how many lines there are up to there.
    end: usize,
    lines: u64,
}

impl Hits {
    fn of(bytes: &[u8], finder: &Finder) -> Self {
        let mut hits = Hits::default();
        while let Some(hit) = finder.find(bytes, hits.end) {
            let skipped = bytes.get(hits.end..hit).unwrap_or_default();
            let begin = memchr::memrchr(b'\n', skipped).map_or(hits.end, |at| hits.end + at + 1);
            let rest = bytes.get(hit..).unwrap_or_default();
            let end = memchr::memchr(b'\n', rest).map_or(bytes.len(), |end| hit + end + 1);
            hits.lines += count_ends(skipped);
            hits.marks.push((hits.text.len(), hits.lines));
            hits.text
                .extend_from_slice(bytes.get(begin..end).unwrap_or_default());
            if !hits.text.ends_with(b"\n") {
                hits.text.push(b'\n');
            }
            hits.lines += 1;
            hits.end = end;
        }
        hits
    }

    /// Returns the number of the line that holds a place of the text.
    fn number_at(&self, offset: usize) -> Option<u64> {
        let after = self.marks.partition_point(|(mark, _)| *mark <= offset);
        let (_, number) = self.marks.get(after.checked_sub(1)?)?;
        Some(*number)
    }
}

/// Returns the stamps of the first and the last line of a chunk.
fn ends(chunk: &Chunk, bytes: &[u8]) -> (Option<Stamp>, Option<Stamp>) {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let first = body.get(..memchr::memchr(b'\n', body).unwrap_or(body.len()));
    let last = body.get(memchr::memrchr(b'\n', body).map_or(0, |end| end + 1)..);
    let stamp = |line: Option<&[u8]>| {
        let part = Chunk::new(line?.to_vec(), chunk.dates, chunk.source);
        let mut records = part.records();
        let time = records.next()?.time?;
        Some((time.wall_us, time.to_rfc3339()))
    };
    (stamp(first), stamp(last))
}

//! One pass over the logs: chunks are searched as bytes by all workers, and lines that have a
//! needle are parsed.

use std::io;

use aho_corasick::{AhoCorasick, Input, MatchKind};
use anyhow::{Context, Result};
use rayon::ThreadPool;
use regex::bytes::{Regex, RegexBuilder};

use crate::pipeline;
use crate::source::Chunk;
use crate::trace::{Entry, Search, Wish};

/// The numbers of the lines at which chunks begin; they are counted in the first pass.
#[derive(Debug, Default)]
pub(super) struct Places {
    starts: Vec<u64>,
    lines: u64,
    first: Option<String>,
    last: Option<String>,
}

impl Places {
    /// Returns how many lines there are.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// Returns the stamps of the first and the last line.
    pub(super) fn span(&self) -> Option<(String, String)> {
        Some((self.first.clone()?, self.last.clone()?))
    }
}

/// What was found in a chunk; the places of its lines count from its own beginning.
struct Found {
    at: usize,
    lines: u64,
    entries: Vec<Entry>,
    first: Option<String>,
    last: Option<String>,
}

/// Finds the first of some needles.
enum Finder {
    /// As they are written.
    Exact(AhoCorasick),
    /// Whatever their capitals: a regular expression looks for all spellings of their beginnings at
    /// once, five times as fast as an automaton that takes byte by byte.
    AnyCase(Regex),
}

impl Finder {
    fn new(needles: &[Vec<u8>], any_case: bool) -> Result<Self> {
        const TOO_MANY: &str = "cannot search for so many keys at once";
        if !any_case {
            let finder = AhoCorasick::builder()
                // Only the leftmost match can be looked for by many bytes at a time.
                .match_kind(MatchKind::LeftmostFirst)
                .build(needles);
            return Ok(Finder::Exact(finder.context(TOO_MANY)?));
        }
        let bytes = |needle: &Vec<u8>| -> String {
            needle.iter().map(|byte| format!("\\x{byte:02x}")).collect()
        };
        let pattern: Vec<String> = needles.iter().map(bytes).collect();
        let finder = RegexBuilder::new(&pattern.join("|"))
            .unicode(false)
            .case_insensitive(true)
            .build();
        Ok(Finder::AnyCase(finder.context(TOO_MANY)?))
    }

    /// Returns where the next needle begins, from a place on.
    fn find(&self, bytes: &[u8], at: usize) -> Option<usize> {
        match self {
            Finder::Exact(finder) => finder
                .find(Input::new(bytes).range(at..))
                .map(|hit| hit.start()),
            Finder::AnyCase(finder) => finder.find_at(bytes, at).map(|hit| hit.start()),
        }
    }
}

/// Reads all chunks and hands lines that the search wants over to it.
pub(super) fn pass(
    chunks: impl Iterator<Item = Chunk>,
    pool: &ThreadPool,
    search: &mut Search,
    places: &mut Places,
) -> Result<()> {
    let is_first = search.wish() == Wish::Terms;
    let finder = Finder::new(&search.needles(), is_first)?;
    let starts = std::mem::take(&mut places.starts);
    let (known, wanted) = (&starts, &*search);
    let most = search.most_lines();
    let (mut all, mut forgotten) = (Vec::new(), 0);
    let mut next = 0;
    let mut begun = Vec::new();
    let found = pipeline::in_order(
        chunks.enumerate(),
        pool,
        |(at, chunk)| scan(at, &chunk, &finder, wanted, known.get(at).copied()),
        |mut found: Found| {
            let start = known.get(found.at).copied().unwrap_or(next);
            begun.push(start);
            next = start + found.lines;
            if is_first {
                places.first = places.first.take().or(found.first.take());
                places.last = found.last.take().or(places.last.take());
                found
                    .entries
                    .iter_mut()
                    .for_each(|entry| entry.place += start);
            }
            all.append(&mut found.entries);
            // More lines than a search keeps need not wait for the end of the pass.
            if all.len() > 2 * most {
                forgotten += keep_latest(&mut all, most);
            }
            Ok::<(), io::Error>(())
        },
    );
    found?;
    if is_first {
        places.lines = next;
    }
    places.starts = begun;
    forgotten += keep_latest(&mut all, most);
    search.forget(forgotten);
    all.into_iter().for_each(|entry| search.take(entry));
    Ok(())
}

/// Keeps the latest `most` lines; tells how many are dropped.
fn keep_latest(found: &mut Vec<Entry>, most: usize) -> u64 {
    let surplus = found.len().saturating_sub(most);
    found.drain(..surplus);
    u64::try_from(surplus).unwrap_or(u64::MAX)
}

fn scan(at: usize, chunk: &Chunk, finder: &Finder, search: &Search, start: Option<u64>) -> Found {
    let bytes = chunk.bytes();
    let lines = count_lines(bytes);
    let mut found = Found {
        at,
        lines,
        entries: Vec::new(),
        first: None,
        last: None,
    };
    let base = start.unwrap_or(0);
    if start.is_some_and(|start| !search.reaches(start, start + lines)) {
        return found;
    }
    if search.wish() == Wish::Terms {
        (found.first, found.last) = ends(chunk, bytes);
    }
    let (subset, marks) = lines_with(bytes, finder);
    if marks.is_empty() {
        return found;
    }
    let part = Chunk::new(subset, chunk.dates, chunk.source);
    let begin = part.bytes().as_ptr().addr();
    let mut records = part.records();
    while let Some(line) = records.next() {
        let (Some(record), Some(offset)) =
            (&line.record, line.raw.as_ptr().addr().checked_sub(begin))
        else {
            continue;
        };
        if !record.tag.program.is_ours() {
            continue;
        }
        let mark = marks
            .partition_point(|(mark, _)| *mark <= offset)
            .checked_sub(1);
        let Some((_, number)) = mark.and_then(|mark| marks.get(mark)) else {
            continue;
        };
        let time = line.time.map(|time| (time.wall_us, time.to_rfc3339()));
        let mut entry = Entry::new(record, line.raw, time);
        entry.place = base + number;
        if search.wants(&entry) {
            found.entries.push(entry);
        }
    }
    found
}

fn count_lines(bytes: &[u8]) -> u64 {
    let ends = memchr::memchr_iter(b'\n', bytes).count();
    let is_open = bytes.last().is_some_and(|last| *last != b'\n');
    u64::try_from(ends).unwrap_or(u64::MAX) + u64::from(is_open)
}

/// Copies the lines that have a needle; tells where each begins in the copy, and its number.
fn lines_with(bytes: &[u8], finder: &Finder) -> (Vec<u8>, Vec<(usize, u64)>) {
    let (mut subset, mut marks) = (Vec::new(), Vec::new());
    let (mut at, mut number) = (0, 0);
    while let Some(hit) = finder.find(bytes, at) {
        let skipped = bytes.get(at..hit).unwrap_or_default();
        number += u64::try_from(memchr::memchr_iter(b'\n', skipped).count()).unwrap_or(0);
        let begin = memchr::memrchr(b'\n', skipped).map_or(at, |end| at + end + 1);
        let rest = bytes.get(hit..).unwrap_or_default();
        let end = memchr::memchr(b'\n', rest).map_or(bytes.len(), |end| hit + end + 1);
        marks.push((subset.len(), number));
        subset.extend_from_slice(bytes.get(begin..end).unwrap_or_default());
        if !subset.ends_with(b"\n") {
            subset.push(b'\n');
        }
        number += 1;
        at = end;
        if at >= bytes.len() {
            break;
        }
    }
    (subset, marks)
}

/// Returns the stamps of the first and the last line of a chunk.
fn ends(chunk: &Chunk, bytes: &[u8]) -> (Option<String>, Option<String>) {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let first = body.get(..memchr::memchr(b'\n', body).unwrap_or(body.len()));
    let last = body.get(memchr::memrchr(b'\n', body).map_or(0, |end| end + 1)..);
    let stamp = |line: Option<&[u8]>| {
        let part = Chunk::new(line?.to_vec(), chunk.dates, chunk.source);
        let mut records = part.records();
        let line = records.next()?;
        Some(line.time?.to_rfc3339())
    };
    (stamp(first), stamp(last))
}

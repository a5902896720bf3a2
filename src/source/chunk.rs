//! A chunk: whole lines with all that is needed to date them, and the cursor over its lines.

use std::sync::{Arc, Mutex};

use mailtally_parsers::syslog::Envelopes;
use mailtally_parsers::{Record, Timestamp};

use super::dating::{Dater, Dating};
use super::journal::Unwrapped;
use super::wall_time::WallTime;

/// Which of the inputs lines come from: its place on the command line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SourceId(pub usize);

/// A block of whole lines in log order.
///
/// Where chunks end depends on the bytes only, never on the number of threads or on how fast the
/// bytes come. A chunk may hold lines of several files of one host, merged on their stamps.
#[derive(Debug)]
pub struct Chunk {
    /// The lines; only the very last one of a source may lack its line end.
    pub bytes: Vec<u8>,
    /// How the lines are dated.
    pub dates: Dating,
    /// Where the first line comes from.
    pub source: SourceId,
    pool: Option<Arc<Pool>>,
}

impl Chunk {
    /// Makes a chunk of lines at hand.
    pub fn new(bytes: Vec<u8>, dates: Dating, source: SourceId) -> Self {
        Chunk {
            bytes,
            dates,
            source,
            pool: None,
        }
    }

    /// Makes a chunk whose buffer goes back to a pool.
    pub(super) fn pooled(
        bytes: Vec<u8>,
        dates: Dating,
        source: SourceId,
        pool: &Arc<Pool>,
    ) -> Self {
        Chunk {
            bytes,
            dates,
            source,
            pool: Some(Arc::clone(pool)),
        }
    }

    /// Returns a cursor over the lines.
    pub fn records(&self) -> Lines<'_> {
        Lines {
            rest: &self.bytes,
            dater: Dater::new(&self.dates),
            tz: self.dates,
            envelopes: Envelopes::default(),
            unwrapped: Unwrapped::default(),
        }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if let Some(pool) = &self.pool {
            pool.give(std::mem::take(&mut self.bytes));
        }
    }
}

/// One line, its envelope and its time.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The line as it was read, without its line end.
    pub raw: &'a [u8],
    /// The envelope and the message; `None` when the line has no envelope that we know.
    pub record: Option<Record<'a>>,
    /// When it was logged; as long as there is a record, there is a time.
    pub time: Option<WallTime>,
}

/// A cursor over the lines of a chunk; a line lives until the next one is asked for.
#[derive(Debug)]
pub struct Lines<'c> {
    rest: &'c [u8],
    dater: Dater,
    tz: Dating,
    envelopes: Envelopes<'c>,
    unwrapped: Unwrapped,
}

impl Lines<'_> {
    /// Returns the next line.
    #[expect(
        clippy::should_implement_trait,
        reason = "a line of a journal borrows from the cursor's own buffer"
    )]
    pub fn next(&mut self) -> Option<Line<'_>> {
        let (raw, rest) = split_line(self.rest)?;
        self.rest = rest;
        if raw.first() == Some(&b'{')
            && let Some((instant_us, record)) = self.unwrapped.read(raw)
        {
            let time = self.dater.shown(instant_us);
            return Some(Line {
                raw,
                record: Some(record),
                time: Some(time),
            });
        }
        let record = self.envelopes.parse(raw);
        let stamp = record
            .map(|record| record.timestamp)
            .or_else(|| Timestamp::of_line(raw));
        let time = stamp.map(|stamp| self.dater.wall_time(&stamp));
        Some(Line {
            raw,
            record,
            time: time.filter(|_| record.is_some()),
        })
    }

    /// Returns what dates the lines that follow those read so far.
    pub fn dating(&self) -> Dating {
        Dating {
            years: self.dater.years,
            ..self.tz
        }
    }
}

/// Takes the first line off: the line without its line end, and the rest.
pub(super) fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if bytes.is_empty() {
        return None;
    }
    match memchr::memchr(b'\n', bytes) {
        Some(end) => Some((bytes.get(..end)?, bytes.get(end + 1..)?)),
        None => Some((bytes, b"")),
    }
}

/// Goes through the lines of a block.
pub(super) fn split_lines(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (line, rest) = split_line(bytes)?;
        bytes = rest;
        Some(line)
    })
}

/// Buffers of chunks that were worked off, to be filled again: fresh pages cost more than copying.
#[derive(Debug, Default)]
pub(super) struct Pool {
    buffers: Mutex<Vec<Vec<u8>>>,
}

impl Pool {
    /// More buffers than chunks are in flight on any machine are not kept.
    const MOST: usize = 16;
    /// A buffer that one enormous line blew up is not kept.
    const LARGEST: usize = 16 << 20;

    /// Returns an empty buffer.
    pub(super) fn take(&self) -> Vec<u8> {
        self.lock().pop().unwrap_or_default()
    }

    /// Takes a buffer back.
    pub(super) fn give(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut buffers = self.lock();
        if buffers.len() < Self::MOST && buffer.capacity() <= Self::LARGEST {
            buffers.push(buffer);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        // A panic while the lock is held leaves nothing half done.
        self.buffers
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

//! A chunk: whole lines with all that is needed to date them.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock};

use mailtally_parsers::near::find_far;

use super::dating::Dating;
use super::lines::Lines;
use super::plain::PlainLog;
use super::survey::whole_lines;

/// Which of the inputs lines come from: its place on the command line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SourceId(pub usize);

/// Where a chunk begins or ends among all chunks, which may come in any order.
///
/// The end of a chunk is the beginning of the one that follows it in the log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Position {
    /// Sources that are read one after the other are of different groups.
    pub(super) group: usize,
    /// The chunks of the group before it.
    pub(super) chunk: usize,
}

impl Position {
    /// Where the first line of all begins.
    pub const FIRST: Position = Position { group: 0, chunk: 0 };
}

/// A block of whole lines in log order, read already or to be read by whoever works on it.
///
/// Where chunks end depends on the bytes only, never on the number of threads or on how fast the
/// bytes come. A chunk may hold lines of several files of one host, merged on their stamps.
#[derive(Debug)]
pub struct Chunk {
    /// The lines, once they were read; only the very last one of a source, and one that was too
    /// long, may lack its line end.
    bytes: OnceLock<Vec<u8>>,
    /// Where they are read, if they are not here from the beginning.
    part: Option<(Arc<PlainLog>, Range<u64>)>,
    /// How the lines are dated.
    pub dates: Dating,
    /// Where the first line comes from.
    pub source: SourceId,
    /// From where to where it goes among all chunks.
    pub span: Range<Position>,
    pool: Option<Arc<Pool>>,
    /// The line above the first one, where a chunk could not wait for the lines tied to it.
    above: Vec<u8>,
    /// Whether the lines were read before, and forgotten.
    was_read: bool,
}

/// How much of a chunk is its beginning.
const BEGINNING_BYTES: usize = 256 << 10;

impl Chunk {
    /// Makes a chunk of lines at hand.
    pub fn new(bytes: Vec<u8>, dates: Dating, source: SourceId) -> Self {
        let next = Position { group: 0, chunk: 1 };
        Chunk {
            bytes: OnceLock::from(bytes),
            part: None,
            dates,
            source,
            span: Position::FIRST..next,
            pool: None,
            above: Vec::new(),
            was_read: false,
        }
    }

    /// Tells which line stands above the first one.
    pub(super) fn below(mut self, above: Vec<u8>) -> Self {
        self.above = above;
        self
    }

    /// Makes a chunk whose buffer goes back to a pool.
    pub(super) fn pooled(
        bytes: Vec<u8>,
        dates: Dating,
        source: SourceId,
        pool: &Arc<Pool>,
    ) -> Self {
        let mut chunk = Chunk::new(bytes, dates, source);
        chunk.pool = Some(Arc::clone(pool));
        chunk
    }

    /// Makes a chunk of a part of a plain file, which is not read yet.
    pub(super) fn unread(
        log: &Arc<PlainLog>,
        part: Range<u64>,
        dates: Dating,
        source: SourceId,
        pool: &Arc<Pool>,
    ) -> Self {
        let mut chunk = Chunk::pooled(Vec::new(), dates, source, pool);
        chunk.bytes = OnceLock::new();
        chunk.part = Some((Arc::clone(log), part));
        chunk
    }

    /// Returns the chunk once more, unread, if it is of a plain file: to look at it again without
    /// opening, surveying and cutting its log anew.
    pub fn again(&self) -> Option<Chunk> {
        let ((log, part), pool) = (self.part.as_ref()?, self.pool.as_ref()?);
        let mut again = Chunk::unread(log, part.clone(), self.dates, self.source, pool)
            .at(self.span.clone())
            .below(self.above.clone());
        again.was_read = true;
        Some(again)
    }

    /// Gives the chunk its place among all chunks.
    pub(crate) fn at(mut self, span: Range<Position>) -> Self {
        self.span = span;
        self
    }

    /// Returns the lines; they are read now, if nobody asked for them before.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get_or_init(|| {
            let mut buffer = self
                .pool
                .as_ref()
                .map_or(Vec::new(), |pool| pool.take_as_left());
            match &self.part {
                Some((log, part)) if self.was_read => log.load_again(part, &mut buffer),
                Some((log, part)) => log.load(part, &mut buffer),
                None => buffer.clear(),
            }
            buffer
        })
    }

    /// Tells whether the lines can be read from a file.
    pub(super) fn is_on_disk(&self) -> bool {
        self.part.is_some()
    }

    /// Says where the lines can be read again.
    pub(super) fn put_on_disk(&mut self, log: &Arc<PlainLog>, part: Range<u64>) {
        self.part = Some((Arc::clone(log), part));
    }

    /// Forgets the lines until somebody asks for them again, if they can be read from a file.
    pub(super) fn forget(&mut self) {
        if self.part.is_none() {
            return;
        }
        if let Some(bytes) = self.bytes.take() {
            self.was_read = true;
            if let Some(pool) = &self.pool {
                pool.give(bytes);
            }
        }
    }

    /// Tells whether the lines are in memory.
    pub fn is_read(&self) -> bool {
        self.bytes.get().is_some()
    }

    /// Returns about how many bytes the lines have.
    pub fn size_bytes(&self) -> usize {
        match &self.part {
            Some((_, part)) => usize::try_from(part.end.saturating_sub(part.start)).unwrap_or(0),
            None => self.bytes().len(),
        }
    }

    /// Returns its first lines as a chunk of their own, and leaves the others unread.
    pub fn beginning(&self) -> Chunk {
        let mut bytes = Vec::new();
        match &self.part {
            Some((log, part)) => {
                let length = u64::try_from(BEGINNING_BYTES).unwrap_or(u64::MAX);
                let end = part.end.min(part.start.saturating_add(length));
                // An error here comes again when the chunk is read.
                let _ = log.read(part.start..end, &mut bytes);
            }
            None => bytes.extend(self.bytes().iter().take(BEGINNING_BYTES)),
        }
        if bytes.len() < self.size_bytes() {
            bytes.truncate(whole_lines(&bytes).len());
        }
        Chunk::new(bytes, self.dates, self.source)
    }

    /// Returns a cursor over all lines, whether within the range asked for or not.
    pub fn all_records(&self) -> Lines<'_> {
        let all = Dating {
            gate: None,
            ..self.dates
        };
        Lines::new(self, all)
    }

    /// Returns a cursor over the lines within the range asked for, over all if there is none.
    pub fn records(&self) -> Lines<'_> {
        Lines::new(self, self.dates)
    }

    /// Returns the bytes of all lines within the range asked for, of containers too.
    pub fn lines_within(&self) -> Cow<'_, [u8]> {
        if self.dates.gate.is_none() {
            return self.bytes().into();
        }
        let mut within = Vec::new();
        let mut lines = self.records();
        while let Some(line) = lines.next() {
            within.extend_from_slice(line.raw);
            within.push(b'\n');
        }
        within.into()
    }

    /// Returns the line above the first one; none where that is not known to be needed.
    pub(super) fn above(&self) -> &[u8] {
        &self.above
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if let (Some(pool), Some(bytes)) = (&self.pool, self.bytes.take()) {
            pool.give(bytes);
        }
    }
}

/// Takes the first line off: the line without its line end, and the rest.
pub(super) fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if bytes.is_empty() {
        return None;
    }
    match find_far(bytes, b'\n') {
        Some(end) => Some((bytes.get(..end)?, bytes.get(end + 1..)?)),
        None => Some((bytes, b"")),
    }
}

/// The first line, without its line end.
pub(super) fn first_line(lines: &[u8]) -> &[u8] {
    split_line(lines).map_or(b"", |(line, _)| line)
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
        let mut buffer = self.take_as_left();
        buffer.clear();
        buffer
    }

    /// Returns a buffer with what was left in it, to be written over.
    pub(super) fn take_as_left(&self) -> Vec<u8> {
        self.lock().pop().unwrap_or_default()
    }

    /// Takes a buffer back.
    pub(super) fn give(&self, buffer: Vec<u8>) {
        let mut buffers = self.lock();
        if buffers.len() < Self::MOST && (1..=Self::LARGEST).contains(&buffer.capacity()) {
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

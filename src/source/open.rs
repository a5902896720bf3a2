//! Opens inputs: files, packed or not, standard input, the journal.

use std::fs::{self, File, Metadata};
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::input::Input;
use super::journalctl::JournalOutput;
use super::packed::{MAGIC_BYTES, Packer};
use super::problem::SourceError;
use super::progress::Progress;

/// As long as a chunk of packed data should be for the unpacker to be kept busy.
const PACKED_BUFFER_BYTES: usize = 128 << 10;

/// Where the bytes of an input come from.
pub(super) enum Origin {
    /// A file that can be read again from its beginning.
    File(LogFile),
    /// A pipe, a terminal, the output of a program: read once.
    Stream {
        /// What was read ahead.
        head: Vec<u8>,
        /// What follows; `None` when it was handed out.
        rest: Option<Box<dyn Read + Send>>,
        /// How it was packed.
        packer: Option<Packer>,
    },
}

/// A regular file, packed or not.
#[derive(Clone, Debug)]
pub(super) struct LogFile {
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
    pub(super) packer: Option<Packer>,
    /// How many bytes it has, packed or not.
    pub(super) bytes: u64,
    /// When its last line was logged at the latest, in microseconds since the epoch.
    pub(super) modified_us: i64,
    /// The bytes that are read, if not all; only of plain files.
    pub(super) part: Option<Range<u64>>,
}

/// Tells files apart, whatever their names: device and inode.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Identity(u64, u64);

impl Identity {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Identity(metadata.dev(), metadata.ino())
    }

    /// Names a file of a simulated file system.
    #[cfg(test)]
    pub(super) fn simulated(number: u64) -> Self {
        Identity(0, number)
    }
}

impl Origin {
    /// Finds out what an input is; a stream is opened, a file looked at.
    pub(super) fn find(input: &Input) -> Result<Self, SourceError> {
        match input {
            Input::File(path) => find_file(path),
            Input::Stdin => stream(Box::new(io::stdin())),
            Input::Journal {
                program,
                since,
                until,
            } => {
                let (since, until) = (since.as_deref(), until.as_deref());
                stream(Box::new(JournalOutput::spawn(program, since, until)?))
            }
        }
    }

    /// Opens the input at its beginning; what is read of a file is counted.
    pub(super) fn open(
        &mut self,
        progress: &Progress,
    ) -> Result<Box<dyn Read + Send>, SourceError> {
        match self {
            Origin::File(file) => file.open(progress),
            Origin::Stream { head, rest, .. } => {
                let head = Cursor::new(std::mem::take(head));
                Ok(match rest.take() {
                    Some(rest) => Box::new(head.chain(rest)),
                    None => Box::new(head),
                })
            }
        }
    }

    /// Reads ahead in a stream, up to so many bytes; tells whether it ends before that.
    ///
    /// An error ends it too. It is kept for whoever reads the stream: what unpacks says it once.
    pub(super) fn read_ahead(&mut self, bytes: usize) -> bool {
        let Origin::Stream {
            head,
            rest: Some(rest),
            ..
        } = self
        else {
            return false;
        };
        let missing = bytes.saturating_sub(head.len());
        let limit = u64::try_from(missing).unwrap_or(u64::MAX);
        match rest.take(limit).read_to_end(head) {
            Ok(got) => got < missing,
            Err(error) => {
                *rest = Box::new(Failed(Some(error)));
                true
            }
        }
    }
}

/// What is left of a stream that failed: its error, then nothing.
struct Failed(Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

impl Origin {
    /// Returns the beginning of the log, unpacked, at most so many bytes; empty where it cannot be
    /// read.
    pub(super) fn beginning(&mut self, bytes: usize) -> Vec<u8> {
        let limit = u64::try_from(bytes).unwrap_or(u64::MAX);
        let mut beginning = Vec::new();
        match self {
            Origin::File(file) => {
                if let Ok(reader) = file.open(&Progress::default()) {
                    // An error here comes again when the file is read.
                    let _ = reader.take(limit).read_to_end(&mut beginning);
                }
            }
            Origin::Stream { .. } => {
                self.read_ahead(bytes);
                if let Origin::Stream { head, .. } = self {
                    beginning.extend(head.iter().take(bytes));
                }
            }
        }
        beginning
    }
}

impl Origin {
    /// Returns how many bytes will be read of a file, packed as they may be.
    pub(super) fn size_bytes(&self) -> Option<u64> {
        match self {
            Origin::File(LogFile {
                bytes,
                part: Some(part),
                ..
            }) => Some(part.end.min(*bytes).saturating_sub(part.start)),
            Origin::File(file) => Some(file.bytes),
            Origin::Stream { .. } => None,
        }
    }

    /// Tells how the input is packed, if it is.
    pub(super) fn packer(&self) -> Option<Packer> {
        match self {
            Origin::File(file) => file.packer,
            Origin::Stream { packer, .. } => *packer,
        }
    }
}

impl LogFile {
    /// Opens the file, unpacks it if need be, and makes sure that it is still the one looked at.
    pub(super) fn open(&self, progress: &Progress) -> Result<Box<dyn Read + Send>, SourceError> {
        let file = progress.count(self.open_as_it_is()?);
        if let Some(packer) = self.packer {
            return Ok(packer.unpack(BufReader::with_capacity(PACKED_BUFFER_BYTES, file)));
        }
        Ok(match &self.part {
            Some(part) => Box::new(file.take(part.end.saturating_sub(part.start))),
            None => Box::new(file),
        })
    }

    /// Opens the file where its part begins, packed as it may be.
    pub(super) fn open_as_it_is(&self) -> Result<File, SourceError> {
        let mut file = File::open(&self.path)?;
        if Identity::of(&file.metadata()?) != self.identity {
            return Err(SourceError::Replaced);
        }
        if let Some(part) = &self.part {
            file.seek(SeekFrom::Start(part.start))?;
        }
        Ok(file)
    }
}

fn find_file(path: &Path) -> Result<Origin, SourceError> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(SourceError::Directory(path.display().to_string()));
    }
    let mut file = File::open(path)?;
    if !metadata.is_file() {
        return stream(Box::new(file));
    }
    let mut magic = Vec::new();
    (&mut file)
        .take(MAGIC_BYTES as u64)
        .read_to_end(&mut magic)
        .map_err(SourceError::Io)?;
    let packer = packer_of(&magic)?;
    let modified_us = modified_us(&metadata);
    let packed_us = packer.and_then(|packer| packed_time_us(packer, &magic));
    Ok(Origin::File(LogFile {
        path: path.to_owned(),
        identity: Identity::of(&metadata),
        packer,
        bytes: metadata.len(),
        // The header keeps the log's own time when the packed file is copied.
        modified_us: packed_us.map_or(modified_us, |packed| packed.min(modified_us)),
        part: None,
    }))
}

fn stream(mut reader: Box<dyn Read + Send>) -> Result<Origin, SourceError> {
    let mut head = Vec::new();
    (&mut reader)
        .take(MAGIC_BYTES as u64)
        .read_to_end(&mut head)?;
    let Some(packer) = packer_of(&head)? else {
        return Ok(Origin::Stream {
            head,
            rest: Some(reader),
            packer: None,
        });
    };
    let packed = BufReader::with_capacity(PACKED_BUFFER_BYTES, Cursor::new(head).chain(reader));
    Ok(Origin::Stream {
        head: Vec::new(),
        rest: Some(packer.unpack(packed)),
        packer: Some(packer),
    })
}

fn packer_of(magic: &[u8]) -> Result<Option<Packer>, SourceError> {
    match Packer::other(magic) {
        Some(packer) => Err(SourceError::Packed { packer }),
        None => Ok(Packer::of(magic)),
    }
}

fn modified_us(metadata: &Metadata) -> i64 {
    metadata.mtime().saturating_mul(super::calendar::SECOND_US)
}

/// Reads the time in a gzip header: when the packed file was last written; 0 is none.
fn packed_time_us(packer: Packer, header: &[u8]) -> Option<i64> {
    if packer != Packer::Gzip {
        return None;
    }
    let &[_, _, _, _, a, b, c, d] = header.first_chunk::<8>()?;
    let seconds = u32::from_le_bytes([a, b, c, d]);
    (seconds != 0).then(|| i64::from(seconds) * super::calendar::SECOND_US)
}

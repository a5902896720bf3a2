//! Opens inputs: files, packed or not, standard input, the journal.

use std::fs::{self, File, Metadata};
use std::io::{self, BufReader, Cursor, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::input::Input;
use super::journalctl::JournalOutput;
use super::problem::SourceError;

/// As long as a chunk of packed data should be for the unpacker to be kept busy.
const PACKED_BUFFER_BYTES: usize = 128 << 10;

/// Bytes at the beginning of a file that tell how it is packed.
const MAGICS: [(&[u8], &str); 4] = [
    (b"\xFD7zXZ\0", "xz"),
    (b"\x28\xB5\x2F\xFD", "zstd"),
    (b"BZh", "bzip2"),
    (b"\x04\x22\x4D\x18", "lz4"),
];
const GZIP_MAGIC: &[u8] = b"\x1F\x8B";

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
    },
}

/// A regular file, packed or not.
#[derive(Clone, Debug)]
pub(super) struct LogFile {
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
    pub(super) is_gzip: bool,
    /// How many bytes it has, packed or not.
    pub(super) bytes: u64,
    /// When its last line was logged at the latest, in microseconds since the epoch.
    pub(super) modified_us: i64,
}

/// Tells files apart, whatever their names: device and inode.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Identity(u64, u64);

impl Identity {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Identity(metadata.dev(), metadata.ino())
    }
}

impl Origin {
    /// Finds out what an input is; a stream is opened, a file looked at.
    pub(super) fn find(input: &Input) -> Result<Self, SourceError> {
        match input {
            Input::File(path) => find_file(path),
            Input::Stdin => stream(Box::new(io::stdin())),
            Input::Journal { program, since } => {
                stream(Box::new(JournalOutput::spawn(program, since.as_deref())?))
            }
        }
    }

    /// Opens the input at its beginning.
    pub(super) fn open(&mut self) -> Result<Box<dyn Read + Send>, SourceError> {
        match self {
            Origin::File(file) => file.open(),
            Origin::Stream { head, rest } => {
                let head = Cursor::new(std::mem::take(head));
                Ok(match rest.take() {
                    Some(rest) => Box::new(head.chain(rest)),
                    None => Box::new(head),
                })
            }
        }
    }

    /// Reads ahead in a stream, up to so many bytes; tells whether it ends before that.
    pub(super) fn read_ahead(&mut self, bytes: usize) -> io::Result<bool> {
        let Origin::Stream {
            head,
            rest: Some(rest),
        } = self
        else {
            return Ok(false);
        };
        let missing = bytes.saturating_sub(head.len());
        let limit = u64::try_from(missing).unwrap_or(u64::MAX);
        let got = rest.take(limit).read_to_end(head)?;
        Ok(got < missing)
    }
}

impl LogFile {
    /// Opens the file, unpacks it if need be, and makes sure that it is still the one looked at.
    pub(super) fn open(&self) -> Result<Box<dyn Read + Send>, SourceError> {
        let file = File::open(&self.path)?;
        if Identity::of(&file.metadata()?) != self.identity {
            return Err(SourceError::Replaced);
        }
        if self.is_gzip {
            return Ok(unpacked(BufReader::with_capacity(
                PACKED_BUFFER_BYTES,
                file,
            )));
        }
        Ok(Box::new(file))
    }
}

fn unpacked(packed: impl io::BufRead + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(MultiGzDecoder::new(packed))
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
        .take(8)
        .read_to_end(&mut magic)
        .map_err(SourceError::Io)?;
    refuse_other_packers(&magic)?;
    let is_gzip = magic.starts_with(GZIP_MAGIC);
    let modified_us = modified_us(&metadata);
    let packed_us = if is_gzip { gzip_time_us(&magic) } else { None };
    Ok(Origin::File(LogFile {
        path: path.to_owned(),
        identity: Identity::of(&metadata),
        is_gzip,
        bytes: metadata.len(),
        // The header keeps the log's own time when the packed file is copied.
        modified_us: packed_us.map_or(modified_us, |packed| packed.min(modified_us)),
    }))
}

fn stream(mut reader: Box<dyn Read + Send>) -> Result<Origin, SourceError> {
    let mut head = Vec::new();
    (&mut reader).take(8).read_to_end(&mut head)?;
    refuse_other_packers(&head)?;
    if !head.starts_with(GZIP_MAGIC) {
        return Ok(Origin::Stream {
            head,
            rest: Some(reader),
        });
    }
    let packed = BufReader::with_capacity(PACKED_BUFFER_BYTES, Cursor::new(head).chain(reader));
    Ok(Origin::Stream {
        head: Vec::new(),
        rest: Some(unpacked(packed)),
    })
}

fn refuse_other_packers(magic: &[u8]) -> Result<(), SourceError> {
    match MAGICS.iter().find(|(bytes, _)| magic.starts_with(bytes)) {
        Some((_, packer)) => Err(SourceError::Packed { packer }),
        None => Ok(()),
    }
}

fn modified_us(metadata: &Metadata) -> i64 {
    metadata.mtime().saturating_mul(super::calendar::SECOND_US)
}

/// Reads the time in a gzip header: when the packed file was last written; 0 is none.
fn gzip_time_us(header: &[u8]) -> Option<i64> {
    let &[_, _, _, _, a, b, c, d] = header.first_chunk::<8>()?;
    let seconds = u32::from_le_bytes([a, b, c, d]);
    (seconds != 0).then(|| i64::from(seconds) * super::calendar::SECOND_US)
}

//! The little that following asks of a file system, so that tests can run against a simulated one.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::source::open::Identity;
use crate::source::packed::{MAGIC_BYTES, Packer};
use crate::source::rotated;

/// A file system with logs in it.
pub(super) trait Files {
    /// A file that was opened; it stays the same one whatever becomes of its name.
    type File: LogFile;

    /// Opens a file; `None` when there is none.
    fn open(&self, path: &Path) -> io::Result<Option<Self::File>>;

    /// Lists the rotated siblings of a log, the earliest first.
    fn siblings(&self, path: &Path) -> Vec<PathBuf>;
}

/// An open file.
pub(super) trait LogFile {
    /// Tells files apart, whatever their names.
    fn identity(&self) -> Identity;

    /// Returns how long the file is now; of a packed one no length is known, and it is the largest.
    fn length(&self) -> io::Result<u64>;

    /// Appends up to so many bytes from an offset on; fewer only at the end of the file.
    fn read_at(&mut self, offset: u64, limit: usize, into: &mut Vec<u8>) -> io::Result<usize>;
}

/// Returns by what a change of a file shows.
pub(super) fn length_and_identity(path: &Path) -> Option<(u64, Identity)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.len(), Identity::of(&metadata)))
}

/// The file systems of this machine.
pub(super) struct RealFiles;

impl Files for RealFiles {
    type File = RealFile;

    fn open(&self, path: &Path) -> io::Result<Option<RealFile>> {
        match File::open(path) {
            Ok(file) => RealFile::new(file).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn siblings(&self, path: &Path) -> Vec<PathBuf> {
        rotated::siblings(path)
    }
}

/// A file of this machine, packed or not: a rotated sibling may be packed already.
pub(super) struct RealFile {
    file: File,
    identity: Identity,
    packed: Option<Unpacking>,
}

/// What is unpacked of a packed file, and how far.
struct Unpacking {
    packer: Packer,
    reader: Option<Box<dyn Read + Send>>,
    at: u64,
}

impl RealFile {
    fn new(mut file: File) -> io::Result<Self> {
        let identity = Identity::of(&file.metadata()?);
        let mut magic = Vec::new();
        (&mut file)
            .take(MAGIC_BYTES as u64)
            .read_to_end(&mut magic)?;
        let packed = Packer::of(&magic).map(|packer| Unpacking {
            packer,
            reader: None,
            at: 0,
        });
        Ok(RealFile {
            file,
            identity,
            packed,
        })
    }
}

impl LogFile for RealFile {
    fn identity(&self) -> Identity {
        self.identity
    }

    fn length(&self) -> io::Result<u64> {
        match self.packed {
            Some(_) => Ok(u64::MAX),
            None => Ok(self.file.metadata()?.len()),
        }
    }

    fn read_at(&mut self, offset: u64, limit: usize, into: &mut Vec<u8>) -> io::Result<usize> {
        let bytes = u64::try_from(limit).unwrap_or(u64::MAX);
        match &mut self.packed {
            Some(unpacking) => unpacking.read_at(&self.file, offset, bytes, into),
            None => {
                self.file.seek(SeekFrom::Start(offset))?;
                (&mut self.file).take(bytes).read_to_end(into)
            }
        }
    }
}

impl Unpacking {
    /// Reads on where it is; begins anew for what lies before.
    fn read_at(
        &mut self,
        file: &File,
        offset: u64,
        bytes: u64,
        into: &mut Vec<u8>,
    ) -> io::Result<usize> {
        let at = self.at;
        let mut reader = match self.reader.take().filter(|_| at <= offset) {
            Some(reader) => reader,
            None => {
                let mut file = file.try_clone()?;
                file.seek(SeekFrom::Start(0))?;
                self.at = 0;
                self.packer.unpack(BufReader::new(file))
            }
        };
        let skipped = io::copy(
            &mut (&mut reader).take(offset.saturating_sub(self.at)),
            &mut io::sink(),
        )?;
        let got = (&mut reader).take(bytes).read_to_end(into)?;
        self.at += skipped + u64::try_from(got).unwrap_or(0);
        // After an error the next look begins anew.
        self.reader = Some(reader);
        Ok(got)
    }
}

//! What went wrong with an input, and what the reader of a report should know about one.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::packed::{Packer, WINDOW_MIB};

/// An input that could not be read, or only in part; the others were read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", path.display())]
pub struct Problem {
    /// The file as the user named it; `-` for standard input.
    pub path: PathBuf,
    /// What happened.
    #[source]
    pub error: SourceError,
}

/// Why an input could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// The user may not read it.
    #[error("permission denied; read it as root or as a member of its group (adm on Debian)")]
    Denied,
    /// It is a directory.
    #[error("is a directory; name the log files in it, or use a pattern such as {0}/mail.log*")]
    Directory(String),
    /// It is packed by a program that we do not know how to undo.
    #[error("is packed with {packer}; unpack it on the way in: {packer} -dc FILE | mailtally -")]
    Packed {
        /// The program that unpacks it.
        packer: &'static str,
    },
    /// It holds bytes that no log has, and no line with a time stamp.
    #[error("is a binary file without a single log line")]
    Binary,
    /// It is packed, and damaged.
    #[error(
        "the {packer} data are damaged or cut off after {unpacked_bytes} unpacked bytes ({cause}); the lines before that were read"
    )]
    Damaged {
        /// The program that packed it.
        packer: &'static str,
        /// How much could be unpacked.
        unpacked_bytes: u64,
        /// What the unpacker says.
        cause: io::Error,
    },
    /// It is packed so that much memory is needed to unpack it.
    #[error(
        "the {packer} data need a window of more than {limit_mib} MiB after {unpacked_bytes} unpacked bytes; unpack them on the way in: {command} FILE | mailtally -"
    )]
    Window {
        /// The program that packed it.
        packer: &'static str,
        /// How much could be unpacked.
        unpacked_bytes: u64,
        /// How much memory a window may have.
        limit_mib: u32,
        /// What unpacks it.
        command: &'static str,
    },
    /// Reading failed on the way.
    #[error("reading failed after {read_bytes} bytes ({cause}); lines behind that may be missing")]
    Interrupted {
        /// How much could be read.
        read_bytes: u64,
        /// What the system says.
        cause: io::Error,
    },
    /// Another file took its place after its first look.
    #[error("was rotated away while it was being read; run again")]
    Replaced,
    /// The journal's own program could not be run, or failed.
    #[error("{program} failed: {cause}")]
    Journal {
        /// The program.
        program: String,
        /// What it or the system says.
        cause: String,
    },
    /// Anything else that the system says.
    #[error("cannot be read: {0}")]
    Io(io::Error),
}

impl SourceError {
    /// Makes the error of a source that was read in part.
    pub(super) fn while_reading(cause: io::Error, packer: Option<Packer>, bytes: u64) -> Self {
        let Some(packer) = packer else {
            return SourceError::Interrupted {
                read_bytes: bytes,
                cause,
            };
        };
        if cause.kind() == io::ErrorKind::OutOfMemory {
            return SourceError::Window {
                packer: packer.name(),
                unpacked_bytes: bytes,
                limit_mib: WINDOW_MIB,
                command: packer.command_for_windows(),
            };
        }
        SourceError::Damaged {
            packer: packer.name(),
            unpacked_bytes: bytes,
            cause,
        }
    }
}

impl From<io::Error> for SourceError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => SourceError::Missing,
            io::ErrorKind::PermissionDenied => SourceError::Denied,
            _ => SourceError::Io(error),
        }
    }
}

/// Something about an input that is no error, for standard error.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Notice {
    /// Without files on the command line, this is read.
    Chosen(PathBuf),
    /// The file has no lines.
    Empty(PathBuf),
    /// The same file was named twice.
    SameFile {
        /// The second name.
        path: PathBuf,
        /// The first name.
        first: PathBuf,
    },
    /// Every line of the file stands in other files too: it is left out.
    Copy {
        /// The file that is left out.
        path: PathBuf,
        /// Where its lines stand, in order of time.
        of: Vec<PathBuf>,
    },
    /// A file begins within the range asked for: rotated siblings of it are read too.
    Siblings {
        /// The file.
        path: PathBuf,
        /// Its siblings.
        added: Vec<PathBuf>,
    },
    /// Stamps run backwards, so that a range cannot be found by them.
    ReadWhole {
        /// The file.
        path: PathBuf,
        /// Before how many bytes they do.
        at: u64,
    },
    /// Lines were longer than the limit.
    LinesCut {
        /// The file.
        path: PathBuf,
        /// How many lines were cut.
        lines: u64,
        /// How many bytes of them were dropped.
        bytes: u64,
        /// How many bytes of a line are kept.
        limit: usize,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Chosen(path) => write!(f, "reading {}", path.display()),
            Notice::Empty(path) => write!(f, "{}: no lines", path.display()),
            Notice::SameFile { path, first } => {
                write!(
                    f,
                    "{}: the same file as {}; read once",
                    path.display(),
                    first.display()
                )
            }
            Notice::Copy { path, of } => {
                let of: Vec<String> = of.iter().map(|path| path.display().to_string()).collect();
                let of = of.join(" and ");
                write!(
                    f,
                    "{}: left out, every line of it also stands in {of}",
                    path.display()
                )
            }
            Notice::Siblings { path, added } => {
                let added: Vec<String> = added
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect();
                let (path, added) = (path.display(), added.join(" and "));
                write!(f, "{path}: begins within the range; reading {added} too")
            }
            Notice::ReadWhole { path, at } => write!(
                f,
                "{}: read whole, for its stamps run backwards at byte {at}",
                path.display()
            ),
            Notice::LinesCut {
                path,
                lines,
                bytes,
                limit,
            } => write!(
                f,
                "{}: {lines} lines were longer than {limit} bytes; {bytes} bytes of them were left out",
                path.display()
            ),
        }
    }
}

//! One checkpoint, and its file.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::lock::StateLock;
use crate::source::FollowState;

/// The version of the file's layout.
const FORMAT: u32 = 1;

const BEGIN: &str = "mailtally state ";

/// Where following is and what is carried, both as of the same line.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Checkpoint<C> {
    /// Where the next lines are.
    pub sources: FollowState,
    /// What is known from all lines before them.
    pub carried: C,
}

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The file cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write {}: {cause}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// It is some other file.
    #[error("{}: is no state of mailtally; name another file", path.display())]
    Other {
        /// The file.
        path: PathBuf,
    },
    /// Another command keeps its state there.
    #[error("{}: is the state of `mailtally {owner}`; each needs a file of its own", path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// The command.
        owner: String,
    },
    /// Another version of mailtally wrote it.
    #[error(
        "{}: has format {found}, and this mailtally reads {FORMAT}; use the version that wrote it, or remove the file to begin anew",
        path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: String,
    },
    /// Another process keeps its state there.
    #[error("{}: {holder} keeps its state there; end that, or name another file", path.display())]
    Held {
        /// The file.
        path: PathBuf,
        /// Who that is.
        holder: String,
    },
    /// What is in it is not what was written.
    #[error("{}: is damaged ({cause}); remove it to begin anew", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
}

impl StateError {
    /// Tells whether it may pass by itself, as a full disk does.
    pub fn may_pass(&self) -> bool {
        use io::ErrorKind::{
            IsADirectory, NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem,
        };
        let lasts = [
            NotFound,
            PermissionDenied,
            NotADirectory,
            IsADirectory,
            ReadOnlyFilesystem,
        ];
        matches!(self, StateError::Write { cause, .. } if !lasts.contains(&cause.kind()))
    }
}

/// The file that a command keeps its checkpoints in; no other process does as long as it lives.
#[derive(Clone, Debug)]
pub struct StateFile {
    path: PathBuf,
    owner: &'static str,
    lock: Arc<StateLock>,
}

impl StateFile {
    /// Claims the file for this process; what is in it is not looked at yet.
    ///
    /// # Errors
    /// When another process has it, or nothing can be written beside it.
    pub fn claim(path: &Path, owner: &'static str) -> Result<Self, StateError> {
        Ok(StateFile {
            path: path.to_owned(),
            owner,
            lock: Arc::new(StateLock::take(path)?),
        })
    }

    /// Returns the file's name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the last checkpoint; `None` when there is no file yet.
    ///
    /// # Errors
    /// When there is a file that is no checkpoint of this command and this version.
    pub fn read<C: DeserializeOwned>(&self) -> Result<Option<Checkpoint<C>>, StateError> {
        let path = self.path.clone();
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(StateError::Read { path, cause }),
        };
        let body = self.body(&bytes).inspect_err(|error| {
            if matches!(error, StateError::Other { .. }) {
                self.lock.undo();
            }
        })?;
        match serde_json::from_slice(body) {
            Ok(checkpoint) => Ok(Some(checkpoint)),
            Err(cause) => Err(self.damaged(cause.to_string())),
        }
    }

    /// Looks at the first line, and returns what stands behind it.
    fn body<'b>(&self, bytes: &'b [u8]) -> Result<&'b [u8], StateError> {
        let path = self.path.clone();
        let end = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
        let (head, body) = bytes.split_at_checked(end).unwrap_or((bytes, b""));
        let head = std::str::from_utf8(head).unwrap_or("");
        let Some(words) = head.strip_prefix(BEGIN) else {
            return Err(StateError::Other { path });
        };
        let words: Vec<&str> = words.split(' ').collect();
        let found = words.first().map_or("", |found| *found).to_owned();
        if found != FORMAT.to_string() {
            return Err(StateError::Format { path, found });
        }
        let &[_, owner, sum] = words.as_slice() else {
            return Err(self.damaged("its first line is cut off".to_owned()));
        };
        if owner != self.owner {
            let owner = owner.to_owned();
            return Err(StateError::Owner { path, owner });
        }
        let body = body.strip_prefix(b"\n").unwrap_or(body);
        if sum_of(body) != sum {
            return Err(self.damaged("its checksum is another one".to_owned()));
        }
        Ok(body)
    }

    fn damaged(&self, cause: String) -> StateError {
        StateError::Damaged {
            path: self.path.clone(),
            cause,
        }
    }

    /// Writes a checkpoint in the place of the one before: whatever happens, the file is one of the
    /// two.
    ///
    /// # Errors
    /// When it cannot be written; the one before is still there.
    pub fn write<C: Serialize>(&self, checkpoint: &Checkpoint<C>) -> Result<(), StateError> {
        let mut temporary = self.path.clone().into_os_string();
        temporary.push(".new");
        let temporary = PathBuf::from(temporary);
        let result = self.write_by(&temporary, checkpoint);
        if result.is_err() {
            // On a full disk half a file would only be in the way.
            let _ = fs::remove_file(&temporary);
        }
        result.map_err(|cause| StateError::Write {
            path: self.path.clone(),
            cause,
        })
    }

    fn write_by<C: Serialize>(
        &self,
        temporary: &Path,
        checkpoint: &Checkpoint<C>,
    ) -> io::Result<()> {
        let body = serde_json::to_vec(checkpoint)?;
        let head = format!("{BEGIN}{FORMAT} {} {}\n", self.owner, sum_of(&body));
        // One that a crash left may have other permissions. Lines have addresses in them.
        let _ = fs::remove_file(temporary);
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(temporary)?;
        file.write_all(head.as_bytes())?;
        file.write_all(&body)?;
        file.sync_all()?;
        fs::rename(temporary, &self.path)?;
        let folder = self.path.parent().filter(|path| *path != Path::new(""));
        // Some file systems do not know how to sync a folder; the file itself is safe.
        let _ = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
        Ok(())
    }
}

fn sum_of(body: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(body) {
        // Writing into a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn checkpoint(carried: &str) -> Checkpoint<String> {
        Checkpoint {
            sources: FollowState::default(),
            carried: carried.to_owned(),
        }
    }

    #[test]
    fn the_last_one_is_read_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::claim(&folder.path().join("state"), "watch").unwrap();
        assert_eq!(file.read::<String>().unwrap(), None);
        for text in ["one", "two"] {
            file.write(&checkpoint(text)).unwrap();
            assert_eq!(file.read().unwrap(), Some(checkpoint(text)));
        }
        let mode = fs::metadata(file.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // It and its lock.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    /// Any one byte changed, and any end cut off.
    #[test]
    fn damage_is_said_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::claim(&folder.path().join("state"), "watch").unwrap();
        file.write(&checkpoint("some text")).unwrap();
        let good = fs::read(file.path()).unwrap();
        for at in 0..good.len() {
            let mut changed = good.clone();
            changed[at] ^= 1;
            for bad in [&changed[..], &good[..at]] {
                fs::write(file.path(), bad).unwrap();
                let error = file.read::<String>().unwrap_err().to_string();
                assert_eq!(error.lines().count(), 1, "{error}");
                assert!(error.contains("state"), "{error}");
            }
        }
    }

    #[test]
    fn says_whose_it_is_and_which_format_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        StateFile::claim(&path, "events")
            .unwrap()
            .write(&checkpoint("x"))
            .unwrap();
        let file = StateFile::claim(&path, "watch").unwrap();
        let said = || file.read::<String>().unwrap_err().to_string();
        assert!(said().contains("`mailtally events`"), "{}", said());
        fs::write(&path, "mailtally state 2 watch 00\n{}").unwrap();
        assert!(said().contains("has format 2"), "{}", said());
        fs::write(&path, "Nov 21 00:44:25 mx1 postfix/qmgr[7]: x\n").unwrap();
        assert!(said().contains("no state of mailtally"), "{}", said());
    }

    #[test]
    fn what_cannot_be_written_leaves_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::claim(&folder.path().join("state"), "watch").unwrap();
        file.write(&checkpoint("one")).unwrap();
        fs::create_dir_all(folder.path().join("state.new/in")).unwrap();
        let error = file.write(&checkpoint("two")).unwrap_err();
        assert!(error.to_string().contains("cannot write"), "{error}");
        assert_eq!(file.read().unwrap(), Some(checkpoint("one")));
        let nowhere = StateFile::claim(&folder.path().join("no/state"), "watch");
        assert!(!nowhere.unwrap_err().may_pass());
    }
}

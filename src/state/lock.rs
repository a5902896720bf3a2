//! One process at a time keeps its state in a file.
//!
//! The state itself is replaced with each checkpoint, so what is locked is a file beside it. It
//! stays when its holder is gone: only a lock on it counts, and that ends with the process, however
//! it ends.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::checkpoint::StateError;

/// The lock on a state's file, as long as it lives.
#[derive(Debug)]
pub(super) struct StateLock {
    _file: File,
    path: PathBuf,
    is_new: bool,
}

impl StateLock {
    /// Locks, without waiting.
    pub(super) fn take(state: &Path) -> Result<Self, StateError> {
        let path = beside(state);
        let failed = |cause| StateError::Write {
            path: path.clone(),
            cause,
        };
        let is_new = !path.exists();
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut file = options.mode(0o600).open(&path).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let path = state.to_owned();
                let holder = holder(&mut file);
                return Err(StateError::Held { path, holder });
            }
            Err(error) => return Err(failed(error.into())),
        }
        // For whoever comes next; on a full disk nothing depends on it.
        let _ = note_holder(&mut file);
        Ok(StateLock {
            _file: file,
            path,
            is_new,
        })
    }

    /// Removes the file where the lock was taken by mistake, beside what is no state.
    pub(super) fn undo(&self) {
        if self.is_new {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn beside(state: &Path) -> PathBuf {
    let mut path: OsString = state.as_os_str().to_owned();
    path.push(".lock");
    PathBuf::from(path)
}

fn note_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.write_all(format!("{}\n", std::process::id()).as_bytes())
}

/// Says who holds the lock.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    // More than any number of a process has.
    let read = file.take(20).read_to_string(&mut text);
    let number = read.ok().and_then(|_| text.trim().parse::<u32>().ok());
    match number {
        Some(number) => format!("process {number}"),
        None => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_is_told_who_is_there_until_the_first_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let first = StateLock::take(&state).unwrap();
        let said = StateLock::take(&state).unwrap_err().to_string();
        let own = std::process::id();
        assert!(said.contains(&format!("process {own}")), "{said}");
        assert!(
            !said.contains('\n') && said.contains(state.to_str().unwrap()),
            "{said}"
        );
        drop(first);
        // The file is still there, and nobody holds it.
        assert!(beside(&state).exists());
        let second = StateLock::take(&state).unwrap();
        second.undo();
        assert!(beside(&state).exists(), "it was not there by mistake");
    }

    #[test]
    fn a_file_beside_of_whatever_text_does_not_hinder() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        fs::write(beside(&state), vec![0xff; 1_000]).unwrap();
        let _first = StateLock::take(&state).unwrap();
        assert_eq!(
            fs::read_to_string(beside(&state)).unwrap(),
            format!("{}\n", std::process::id())
        );
    }
}

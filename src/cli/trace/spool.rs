//! Keeps what can be read only once in a temporary file, so that it can be read again.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::source::Input;

/// A file without a name; it goes when this does, even if the program is killed.
#[derive(Debug)]
pub(super) struct Spool(File);

impl Spool {
    /// Copies all pipes among the inputs, and returns inputs that can be read several times.
    pub(super) fn of_all(inputs: Vec<Input>) -> Result<(Vec<Input>, Vec<Spool>)> {
        let mut spools = Vec::new();
        let mut readable = Vec::new();
        for input in inputs {
            let copied = match &input {
                Input::Stdin => Some(Spool::copy(&mut io::stdin().lock())),
                Input::File(path) if is_pipe(path) => {
                    let opened = File::open(path)
                        .with_context(|| format!("cannot read {}", path.display()))?;
                    Some(Spool::copy(&mut { opened }))
                }
                _ => None,
            };
            let Some(copied) = copied else {
                readable.push(input);
                continue;
            };
            let spool = copied.context(
                "cannot keep the log in a temporary file; TMPDIR names the folder for it",
            )?;
            readable.push(Input::File(spool.path()));
            spools.push(spool);
        }
        Ok((readable, spools))
    }

    fn copy(from: &mut impl io::Read) -> io::Result<Spool> {
        let path = std::env::temp_dir().join(format!("mailtally-trace.{}", std::process::id()));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        fs::remove_file(&path)?;
        io::copy(from, &mut file)?;
        Ok(Spool(file))
    }

    /// Names the file for this process: it has no other name.
    fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }
}

fn is_pipe(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// Names an input for people: what was kept came through a pipe.
pub(super) fn name(path: &Path) -> String {
    match path.starts_with("/proc/self/fd") {
        true => "-".to_owned(),
        false => path.display().to_string(),
    }
}

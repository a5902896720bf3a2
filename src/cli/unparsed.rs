//! `--unparsed`: the lines of unknown shape, as they were read, to be sent with a report of a bug.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use mailtally_parsers::{Event, Reason, Record};

use super::messages::say;
use crate::privacy::Masking;
use crate::source::Chunk;

#[derive(Args, Default, Debug)]
pub(super) struct UnparsedArguments {
    /// Write each line of unknown shape to this new file, byte for byte; `-` writes them to
    /// standard output, and nothing else
    #[arg(long, value_name = "FILE")]
    unparsed: Option<PathBuf>,
}

impl UnparsedArguments {
    /// Makes the file, if one is asked for.
    pub(super) fn open(&self) -> Result<Option<UnparsedLines>> {
        let Some(path) = &self.unparsed else {
            return Ok(None);
        };
        let out: Box<dyn Write + Send> = if self.is_standard_output() {
            Box::new(io::stdout())
        } else {
            Box::new(private_file(path)?)
        };
        Ok(Some(UnparsedLines {
            path: path.clone(),
            out: BufWriter::new(out),
            count: 0,
            result: Ok(()),
        }))
    }

    pub(super) fn is_asked_for(&self) -> bool {
        self.unparsed.is_some()
    }

    /// Tells whether the lines take the place of all else on standard output.
    pub(super) fn is_standard_output(&self) -> bool {
        self.unparsed.as_deref() == Some(Path::new("-"))
    }
}

/// Opens a file that only its owner can read: log lines have addresses in them.
///
/// A file with anything in it is left alone: it may well be a log that was meant to be read.
fn private_file(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    let file = match options.create_new(true).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            options.create_new(false).open(path)
        }
        opened => opened,
    };
    let file = file.with_context(|| format!("cannot write {}", path.display()))?;
    let metadata = file
        .metadata()
        .with_context(|| path.display().to_string())?;
    if metadata.is_file() {
        if metadata.len() > 0 {
            bail!(
                "--unparsed: {} is there already; name a new file",
                path.display()
            );
        }
        file.set_permissions(Permissions::from_mode(0o600))
            .with_context(|| format!("cannot protect {}", path.display()))?;
    }
    Ok(file)
}

/// The lines of unknown shape of all logs, on their way out.
pub(super) struct UnparsedLines {
    path: PathBuf,
    out: BufWriter<Box<dyn Write + Send>>,
    count: u64,
    /// The first error; nothing is written after it.
    result: io::Result<()>,
}

impl UnparsedLines {
    /// Looks through a chunk for lines of unknown shape.
    pub(super) fn take_from(&mut self, chunk: &mut Chunk, masking: Option<&Masking>) {
        let mut found = Vec::new();
        let mut lines = chunk.records();
        while let Some(line) = lines.next() {
            if let Some(record) = line.record() {
                let event = Event::parse(&record.tag, record.message);
                push_if_unparsed(&mut found, masking, line.raw, record, &event);
            }
        }
        self.take(&found);
    }

    /// Takes lines over, each with its line end.
    pub(super) fn take(&mut self, lines: &[u8]) {
        if self.result.is_ok() {
            let ends = memchr::memchr_iter(b'\n', lines).count();
            self.count += u64::try_from(ends).unwrap_or(u64::MAX);
            self.result = self.out.write_all(lines);
        }
    }

    /// Writes what was taken so far.
    pub(super) fn flush(&mut self) {
        if self.result.is_ok() {
            self.result = self.out.flush();
        }
    }

    /// Writes the rest, and says how many lines there were.
    ///
    /// # Errors
    /// When something could not be written.
    pub(super) fn finish(mut self) -> Result<()> {
        self.flush();
        let path = self.path.display();
        self.result
            .with_context(|| format!("cannot write {path}"))?;
        match (self.path == Path::new("-"), self.count) {
            (true, _) => {}
            (false, 0) => say(&format!("{path} is empty: no line was of unknown shape")),
            (false, 1) => say(&format!("{path} has 1 line of unknown shape")),
            (false, count) => say(&format!("{path} has {count} lines of unknown shape")),
        }
        Ok(())
    }
}

/// Appends a line as it was read, masked if that is asked for, if it is one of ours and its shape is not known.
pub(super) fn push_if_unparsed(
    found: &mut Vec<u8>,
    masking: Option<&Masking>,
    raw: &[u8],
    record: &Record<'_>,
    event: &Result<Event<'_>, Reason>,
) {
    if event.is_err() && record.tag.program.is_ours() {
        match masking {
            Some(masking) => masking.raw(found, raw),
            None => found.extend_from_slice(raw),
        }
        found.push(b'\n');
    }
}

//! The journal as it grows, through `journalctl --follow`.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use super::Start;
use super::changes::Bell;
use super::dated::Dated;
use super::stream::Stream;
use crate::source::chunk::Chunk;
use crate::source::dating::last_line;
use crate::source::input::Options;
use crate::source::journalctl::JournalOutput;
use crate::source::problem::{Problem, SourceError};

/// How long to wait before a program that ended is started again.
const RETRY: Duration = Duration::from_secs(1);

/// Follows the journal; where `journalctl` ends, it is started again behind the last entry.
pub(super) struct Journal {
    program: OsString,
    /// The last entry that was returned.
    cursor: Option<String>,
    stream: Option<Stream>,
    dated: Dated,
    bell: Bell,
    options: Options,
    retry_at: Instant,
}

impl Journal {
    /// Begins behind the entry of a cursor; without one, with the first entry or behind the last.
    pub(super) fn open(
        program: OsString,
        cursor: Option<String>,
        start: Start,
        bell: Bell,
        options: &Options,
    ) -> Result<Self, Problem> {
        let cursor = match cursor {
            // The entry is looked for now: those that come before the first look are not missed.
            None if start == Start::End => last_cursor(&program).map_err(problem)?,
            cursor => cursor,
        };
        let mut journal = Journal {
            program,
            cursor,
            stream: None,
            dated: Dated::new(None, options),
            bell,
            options: options.clone(),
            retry_at: Instant::now(),
        };
        journal.start()?;
        Ok(journal)
    }

    fn start(&mut self) -> Result<(), Problem> {
        self.retry_at = Instant::now() + RETRY;
        let output = JournalOutput::follow(&self.program, self.cursor.as_deref());
        let sizes = (self.options.chunk_bytes, self.options.line_bytes);
        let bell = self.bell.clone();
        let stream = output.and_then(|output| Ok(Stream::start(output, bell, sizes)?));
        self.stream = Some(stream.map_err(problem)?);
        Ok(())
    }

    /// Looks whether entries came.
    pub(super) fn poll(&mut self) -> Result<Option<Chunk>, Problem> {
        let Some(stream) = &mut self.stream else {
            if Instant::now() >= self.retry_at {
                self.start()?;
            }
            return Ok(None);
        };
        let found = stream.poll();
        let is_over = stream.is_over();
        if is_over {
            self.stream = None;
            self.retry_at = Instant::now() + RETRY;
        }
        let ended = |cause: String| {
            problem(SourceError::Journal {
                program: self.program.to_string_lossy().into_owned(),
                cause,
            })
        };
        match found {
            Ok(Some(found)) => {
                // One that is cut off has no cursor, and comes again.
                let cursor = cursor_of(last_line(&found.lines)).map(str::to_owned);
                self.cursor = cursor.or(self.cursor.take());
                Ok(Some(self.dated.chunk(found.lines)))
            }
            Ok(None) if is_over => Err(ended("it ended; starting it again".to_owned())),
            Ok(None) => Ok(None),
            Err(error) => Err(ended(error.to_string())),
        }
    }

    /// Returns the cursor of the last entry that was returned.
    pub(super) fn cursor(&self) -> Option<String> {
        self.cursor.clone()
    }
}

fn problem(error: SourceError) -> Problem {
    Problem {
        path: "journal".into(),
        error,
    }
}

fn last_cursor(program: &OsString) -> Result<Option<String>, SourceError> {
    let last = JournalOutput::last_line(program)?;
    Ok(cursor_of(last_line(&last)).map(str::to_owned))
}

/// Reads the cursor of an entry as `journalctl -o json` writes it. A quote inside of a value has a
/// backslash, so that no value can look like it.
pub(super) fn cursor_of(line: &[u8]) -> Option<&str> {
    const NAME: &[u8] = b"\"__CURSOR\"";
    let at = memchr::memmem::find(line, NAME)?;
    let behind = line.get(at + NAME.len()..)?.trim_ascii_start();
    let value = behind.strip_prefix(b":")?.trim_ascii_start();
    let value = value.strip_prefix(b"\"")?;
    let end = memchr::memchr(b'"', value)?;
    std::str::from_utf8(value.get(..end)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_a_member_of_its_own() {
        for (line, cursor) in [
            (r#"{"__CURSOR":"s=a;i=1","MESSAGE":"x"}"#, Some("s=a;i=1")),
            (r#"{"MESSAGE":"x","__CURSOR" : "s=b"}"#, Some("s=b")),
            (
                r#"{"MESSAGE":"\"__CURSOR\":\"s=forged\"","__CURSOR":"s=c"}"#,
                Some("s=c"),
            ),
            (r#"{"__CURSOR":"s=a"#, None),
            (r#"{"MESSAGE":"x"}"#, None),
        ] {
            assert_eq!(cursor_of(line.as_bytes()), cursor, "{line}");
        }
    }
}

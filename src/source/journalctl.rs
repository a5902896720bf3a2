//! The journal, through its own program: `journalctl -o json`.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use super::problem::SourceError;

/// What of the journal is read: what was logged as mail, and what journald says about lost lines.
const MATCHES: [&str; 3] = [
    "SYSLOG_FACILITY=2",
    "+",
    "SYSLOG_IDENTIFIER=systemd-journald",
];

/// The output of a running `journalctl`; its failure is an error at the end of the output.
pub(super) struct JournalOutput {
    program: String,
    child: Child,
    stdout: ChildStdout,
    stderr: Option<ChildStderr>,
    /// Why it failed, once it ended.
    failure: Option<String>,
}

impl JournalOutput {
    /// Starts `journalctl`.
    pub(super) fn spawn(
        program: &OsStr,
        since: Option<&str>,
        until: Option<&str>,
    ) -> Result<Self, SourceError> {
        let mut command = command(program);
        command.args(since.map(|since| format!("--since={since}")));
        command.args(until.map(|until| format!("--until={until}")));
        Self::start(program, command.args(MATCHES))
    }

    /// Tells whether the journal has any line of mail that this user may see.
    pub(super) fn has_lines(program: &OsStr) -> Result<bool, SourceError> {
        Ok(Self::last_line(program)?.starts_with(b"{"))
    }

    /// Starts `journalctl --follow` behind the entry of a cursor, or with the first entry.
    pub(super) fn follow(program: &OsStr, cursor: Option<&str>) -> Result<Self, SourceError> {
        let mut command = command(program);
        // Without these, only the last ten entries come, and none from before the last boot.
        command.args(["--follow", "--no-tail", "--merge"]);
        command.args(cursor.map(|cursor| format!("--after-cursor={cursor}")));
        Self::start(program, command.args(MATCHES))
    }

    /// Returns the last line of mail that this user may see; nothing if there is none.
    pub(super) fn last_line(program: &OsStr) -> Result<Vec<u8>, SourceError> {
        let mut output = Self::start(program, command(program).arg("--lines=1").args(MATCHES))?;
        let mut last = Vec::new();
        output
            .read_to_end(&mut last)
            .map_err(|error| failure(&output.program, &error))?;
        Ok(last)
    }

    fn start(program: &OsStr, command: &mut Command) -> Result<Self, SourceError> {
        let program = program.to_string_lossy().into_owned();
        let mut child = command.spawn().map_err(|error| failure(&program, &error))?;
        let stderr = child.stderr.take();
        let stdout = child.stdout.take();
        let stdout = stdout.ok_or_else(|| failure(&program, &"it has no output"))?;
        Ok(JournalOutput {
            program,
            child,
            stdout,
            stderr,
            failure: None,
        })
    }

    /// Turns a failure of the program into an error, each time the end is read.
    fn finish(&mut self) -> io::Result<()> {
        if let Some(stderr) = self.stderr.take() {
            let mut said = String::new();
            stderr.take(4096).read_to_string(&mut said)?;
            let status = self.child.wait()?;
            let said = said
                .lines()
                .next()
                .map_or_else(|| status.to_string(), str::to_owned);
            self.failure = (!status.success()).then_some(said);
        }
        match &self.failure {
            Some(cause) => Err(io::Error::other(cause.clone())),
            None => Ok(()),
        }
    }
}

fn command(program: &OsStr) -> Command {
    let mut command = Command::new(program);
    command.args(["--output=json", "--no-pager", "--quiet"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn failure(program: &str, cause: &dyn std::fmt::Display) -> SourceError {
    SourceError::Journal {
        program: program.to_owned(),
        cause: cause.to_string(),
    }
}

impl Read for JournalOutput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stdout.read(buffer)?;
        if count == 0 && !buffer.is_empty() {
            self.finish()?;
        }
        Ok(count)
    }
}

impl Drop for JournalOutput {
    fn drop(&mut self) {
        // It may still be writing when nobody wants to read more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! What the command-line tests share: running the built binary, the fixtures, comparing JSON.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// A well-formed log of three lines, to stand beside bad ones.
pub(crate) const GOOD: &str = "\
Nov 21 10:00:00 mx1 postfix/smtpd[101]: connect from mail.example.net[198.51.100.7]
Nov 21 10:00:01 mx1 postfix/smtpd[101]: 4F1A22C0D9E: client=mail.example.net[198.51.100.7]
Nov 21 10:00:02 mx1 postfix/smtpd[101]: disconnect from mail.example.net[198.51.100.7] ehlo=1 quit=1 commands=2
";

/// What one run did.
pub(crate) struct Run {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs mailtally on arguments (words between blanks) and files, without input.
pub(crate) fn mailtally(arguments: &str, files: &[&Path]) -> Run {
    finish(
        command().args(arguments.split_whitespace()).args(files),
        b"",
    )
}

/// Runs mailtally on arguments and standard input.
pub(crate) fn mailtally_reading(arguments: &str, stdin: &[u8]) -> Run {
    finish(command().args(arguments.split_whitespace()), stdin)
}

/// The built binary, in an environment that no user's settings reach.
pub(crate) fn command() -> Command {
    let mut command = Command::new(binary());
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("RUST_BACKTRACE");
    command.env("TZ", "UTC").env("LC_ALL", "C");
    command
}

pub(crate) fn binary() -> PathBuf {
    assert_cmd::cargo::cargo_bin!("mailtally").to_path_buf()
}

/// Runs a command to its end; standard output and error must be UTF-8.
pub(crate) fn finish(command: &mut Command, stdin: &[u8]) -> Run {
    let command = std::mem::replace(command, Command::new(""));
    let mut command = assert_cmd::Command::from_std(command);
    let output = command.write_stdin(stdin).output().unwrap();
    Run {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Run {
    pub(crate) fn expect_status(self, status: i32) -> Run {
        assert_eq!(self.status, Some(status), "{self}");
        self
    }

    /// The standard output as one JSON value.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{self}"))
    }

    /// The standard output as JSON Lines.
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Run {
            status,
            stdout,
            stderr,
        } = self;
        write!(
            f,
            "status {status:?}\n-- stdout\n{stdout}\n-- stderr\n{stderr}"
        )
    }
}

/// A folder with files of the test's own, which goes away with it.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

pub(crate) fn fixture(path: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(path);
    assert!(path.exists(), "{} is missing", path.display());
    path
}

/// The larger log that the tests use, some thousand lines of real servers.
pub(crate) fn lab_log() -> PathBuf {
    fixture("logs/lab-small/mail.log")
}

/// The lines of [`lab_log`], each with its line end.
pub(crate) fn lab_lines() -> Vec<String> {
    let log = fs::read_to_string(lab_log()).unwrap();
    let lines: Vec<String> = log.split_inclusive('\n').map(str::to_owned).collect();
    assert_eq!(lines.len(), 3_000);
    lines
}

/// Returns the section and the first line in which two reports differ, for a person to read.
pub(crate) fn first_difference(left: &Value, right: &Value) -> Option<String> {
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap();
    let (left, right) = (pretty(left), pretty(right));
    let mut section = "";
    for (ours, theirs) in left.lines().zip(right.lines()) {
        if ours.starts_with("  \"") {
            section = ours;
        }
        if ours != theirs {
            return Some(format!("in {section}\n{ours}\n{theirs}"));
        }
    }
    (left != right).then(|| "one is longer".to_owned())
}

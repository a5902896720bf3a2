//! Runs pflogsumm and mailtally.

use crate::skipped::skip;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The version that is reproduced, as `pflogsumm --version` says it.
const VERSION: &str = "1.1.5";

/// Tells whether there is a pflogsumm of the right version; says so if there is none.
pub(crate) fn is_there() -> bool {
    static FOUND: OnceLock<Option<String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let output = Command::new("pflogsumm").arg("--version").output().ok()?;
        let text = [output.stdout, output.stderr].concat();
        Some(String::from_utf8_lossy(&text).trim().to_owned())
    });
    let why = match found {
        Some(version) if version.split_whitespace().last() == Some(VERSION) => return true,
        Some(version) => format!("pflogsumm is another version than {VERSION}: {version}"),
        None => "pflogsumm is not installed".to_owned(),
    };
    skip(why);
    false
}

/// What pflogsumm prints. It complains about uninitialized values by the thousand.
pub(crate) fn theirs(options: &[&str], log: &Path) -> Vec<u8> {
    let mut command = Command::new("pflogsumm");
    command.args(options).arg(log);
    printed(&mut command)
}

/// What we print.
pub(crate) fn ours(options: &[&str], log: &Path) -> Vec<u8> {
    let mut command = mailtally();
    command
        .args(["report", "--format", "pflogsumm"])
        .args(options)
        .arg(log);
    printed(&mut command)
}

/// The built binary.
pub(crate) fn mailtally() -> Command {
    Command::new(binary())
}

pub(crate) fn binary() -> PathBuf {
    assert_cmd::cargo::cargo_bin!("mailtally").to_path_buf()
}

/// Runs a program that must end well, and returns what it prints.
pub(crate) fn printed(command: &mut Command) -> Vec<u8> {
    let output = clean(command)
        .stderr(Stdio::null())
        .output()
        .expect("it runs");
    assert!(
        output.status.success(),
        "{command:?} ends with {}",
        output.status
    );
    output.stdout
}

/// In UTC and without a locale: the original sorts names by the locale's rules if there is one.
pub(crate) fn clean(command: &mut Command) -> &mut Command {
    command.env("TZ", "UTC").env("LC_ALL", "C")
}

/// Runs a program that reads its standard input.
pub(crate) fn printed_of_input(command: &mut Command, log: &Path) -> Vec<u8> {
    let log = File::open(log).expect("the log opens");
    printed(command.stdin(log))
}

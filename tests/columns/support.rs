//! What the tests of columns share: running the built binary, logs, answers.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use loggen::{Generator, Options};
use mailtally::export::NamedQuery;
use serde_json::Value;

/// A log of real servers.
pub(crate) const LAB: &str = "fixtures/logs/lab-small/mail.log";

pub(crate) fn command() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("mailtally"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env("TZ", "UTC").env_remove("RUST_BACKTRACE");
    command
}

/// Runs mailtally on arguments (words between blanks) and then these words and files.
pub(crate) fn mailtally(arguments: &str, more: &[&str]) -> Output {
    let words = arguments.split_whitespace();
    command().args(words).args(more).output().unwrap()
}

pub(crate) fn stdout_of(output: Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Exports logs to a directory of Parquet files.
pub(crate) fn export(directory: &Path, logs: &[&str]) {
    stdout_of(exporter(directory, logs).output().unwrap());
}

pub(crate) fn exporter(directory: &Path, logs: &[&str]) -> Command {
    let mut command = command();
    command.args(["export", "--format", "parquet", "--year", "2026", "--out"]);
    command.arg(directory).args(logs);
    command
}

/// The rows that answer a named query, of a directory or of logs.
pub(crate) fn named(name: &str, of: &[&str]) -> Vec<Value> {
    let arguments = format!("sql --year 2026 --format json --name {name}");
    serde_json::from_str(&stdout_of(mailtally(&arguments, of))).unwrap()
}

/// The rows that answer a query.
pub(crate) fn ask(query: &str, of: &str) -> Vec<Value> {
    let output = mailtally("sql --year 2026 --format json", &[query, of]);
    serde_json::from_str(&stdout_of(output)).unwrap()
}

pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    NamedQuery::all().iter().map(|query| query.name)
}

/// Writes a log of loggen's.
pub(crate) fn log(folder: &Path, name: &str, options: Options) -> String {
    let path = folder.join(name);
    let mut out = BufWriter::new(File::create(&path).unwrap());
    Generator::new(options).write_to(&mut out).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A usual host's log of about so many lines.
pub(crate) fn lines(seed: u64, lines: u64) -> Options {
    Options {
        seed,
        lines: Some(lines),
        ..Options::default()
    }
}

/// All files of a directory with what is in them, by their paths within it.
pub(crate) fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap().to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

/// Says why a test does not run; where all has to run, that is a failure.
pub(crate) fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
    assert!(std::env::var_os("MAILTALLY_REQUIRE").is_none(), "{reason}");
}

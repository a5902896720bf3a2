//! What the tests of columns share: running the built binary, logs, answers.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::process::{Command, Output};

use loggen::{Generator, Options};
use mailtally::export::NamedQuery;
use serde_json::Value;

use crate::skipped::skip;

/// A log of real servers.
pub(crate) const LAB: &str = "fixtures/logs/lab-small/mail.log";

/// The logs of a day of real servers, if they are beside this checkout; their own files say the same events once more.
pub(crate) fn corpus() -> Option<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/lab-a");
    let names = [
        "traditional.log",
        "dovecot-own.log",
        "postlogd.log",
        "postlogd-out.log",
        "postlogd-remote.log",
    ];
    let logs = names.map(|name| folder.join(name));
    let path = |log: &std::path::PathBuf| log.to_str().unwrap().to_owned();
    if logs.iter().all(|log| log.exists()) {
        return Some(logs.iter().map(path).collect());
    }
    skip("there is no ../shared/corpus/lab-a beside this checkout");
    None
}

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

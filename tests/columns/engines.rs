//! The named queries in other engines: DuckDB and chDB, from a Python that has both.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::skipped::skip;
use crate::support::{LAB, corpus, export, exporter, lines, log, mailtally, names, stdout_of};

/// The Python that has duckdb and chdb; `.ci/run` installs one.
const PYTHON: &str = "MAILTALLY_ENGINES";

/// Has both engines answer all named queries over a directory.
fn compare(directory: &Path, folder: &Path) {
    let answers = folder.join("answers");
    fs::create_dir(&answers).unwrap();
    for name in names() {
        let arguments = format!("sql --format json --name {name}");
        let answer = stdout_of(mailtally(&arguments, &[directory.to_str().unwrap()]));
        fs::write(answers.join(format!("{name}.json")), answer).unwrap();
    }
    let script = Path::new("tests/columns/engines.py");
    run(&[script, directory, Path::new("dashboards/sql"), &answers]);
}

/// Runs a script and its arguments with the Python that has the engines.
fn run(script: &[&Path]) {
    let Some(python) = std::env::var_os(PYTHON) else {
        return skip("MAILTALLY_ENGINES names no Python that has duckdb and chdb");
    };
    let mut engines = Command::new(python);
    engines.current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = engines.args(script).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{said}");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}\n{complaint}");
}

#[test]
fn engines_answer_alike_about_a_laboratory() {
    let folder = TempDir::new().unwrap();
    let directory = folder.path().join("tables");
    export(&directory, &[LAB]);
    compare(&directory, folder.path());
}

#[test]
fn what_files_say_of_their_values_is_so() {
    let folder = TempDir::new().unwrap();
    let directory = folder.path().join("tables");
    export(&directory, &[LAB]);
    run(&[Path::new("tests/columns/statistics.py"), &directory]);
}

#[test]
fn engines_answer_alike_about_the_corpus() {
    let Some(logs) = corpus() else { return };
    let folder = TempDir::new().unwrap();
    let directory = folder.path().join("tables");
    export(
        &directory,
        &logs.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    compare(&directory, folder.path());
}

/// `MAILTALLY_LINES` makes it larger: 5000000 by hand.
#[test]
fn engines_answer_alike_about_what_two_exporters_wrote() {
    let count = std::env::var("MAILTALLY_LINES").map_or(60_000, |count| count.parse().unwrap());
    let folder = TempDir::new().unwrap();
    let directory = folder.path().join("tables");
    let logs = [(21, "one.log"), (22, "two.log")]
        .map(|(seed, name)| log(folder.path(), name, lines(seed, count / 2)));
    let mut both = logs
        .each_ref()
        .map(|log| exporter(&directory, &[log]).spawn().unwrap());
    for exporter in &mut both {
        assert_eq!(exporter.wait().unwrap().code(), Some(0));
    }
    compare(&directory, folder.path());
}

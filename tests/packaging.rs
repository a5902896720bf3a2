//! Do the files in packaging/ fit the program? Their commands are run as far as they go without a
//! server, and systemd reads its units.
//!
//! Skips what needs systemd-analyze or CrowdSec where there is none; `MAILTALLY_REQUIRE=1` makes that a failure.
#![cfg(test)]

#[path = "packaging/crowdsec.rs"]
mod crowdsec;
mod skipped;

use skipped::skip;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const PROGRAM: &str = "/usr/local/bin/mailtally";

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder}");
    files
}

/// The commands in a file: what follows the program's name, on each line that has it.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for line in text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
    {
        if let Some((_, rest)) = line.split_once(PROGRAM) {
            found.push(rest.split_whitespace().map(str::to_owned).collect());
        }
    }
    found
}

/// Each flag is one that the program has: with `--help` at the end nothing else is done.
#[test]
fn units_and_cron_name_flags_that_exist() {
    let mut seen = 0;
    for path in files("packaging/systemd")
        .into_iter()
        .chain(files("packaging/cron"))
    {
        for words in commands(&fs::read_to_string(&path).unwrap()) {
            let help = Command::new(env!("CARGO_BIN_EXE_mailtally"))
                .args([words[0].as_str(), "--help"])
                .output()
                .unwrap();
            let help = String::from_utf8(help.stdout).unwrap();
            for flag in words.iter().filter(|word| word.starts_with("--")) {
                assert!(
                    help.contains(&format!("{flag} ")) || help.contains(&format!("{flag}\n")),
                    "{}: {flag}",
                    path.display()
                );
                seen += 1;
            }
        }
    }
    assert!(seen >= 8, "{seen}");
}

/// The unit's command is one that the program takes, but for its folders.
#[test]
fn the_units_watch_as_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().to_str().unwrap();
    let mut units = 0;
    for path in files("packaging/systemd") {
        let text = fs::read_to_string(&path).unwrap();
        for words in commands(&text)
            .into_iter()
            .filter(|words| words[0] == "watch")
        {
            let words = words
                .iter()
                .map(|word| word.replace("/var/log/mailtally", here));
            let output = Command::new(env!("CARGO_BIN_EXE_mailtally"))
                .args(words)
                .arg("--check-rules")
                .output()
                .unwrap();
            assert!(output.status.success(), "{}: {output:?}", path.display());
            units += 1;
        }
    }
    assert_eq!(units, 2);
}

#[test]
fn systemd_takes_the_units() {
    if Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_err()
    {
        return skip("systemd-analyze is not installed");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut units = Vec::new();
    for path in files("packaging/systemd") {
        let text = fs::read_to_string(&path).unwrap();
        let unit = folder.path().join(path.file_name().unwrap());
        // It looks whether the program is there.
        fs::write(
            &unit,
            text.replace(PROGRAM, env!("CARGO_BIN_EXE_mailtally")),
        )
        .unwrap();
        units.push(unit);
    }
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .args(&units)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // What it says of other units of the machine is not ours.
    let ours: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("mailtally"))
        .collect();
    assert!(ours.is_empty(), "{ours:#?}");
}

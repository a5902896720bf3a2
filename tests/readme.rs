//! Does a stranger get there? The README's commands are run, and what it shows is what they print.
#![cfg(test)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Stands in for the log of the reader's own machine.
const FIXTURE: &str = "fixtures/logs/lab-small/mail.log";

/// A fenced block: the word behind the fence, and the lines.
struct Block {
    language: String,
    lines: Vec<String>,
}

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in readme().lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => {
                open = Some(Block {
                    language: language.to_owned(),
                    lines: Vec::new(),
                });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => block.lines.push(line.to_owned()),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is left open");
    blocks
}

/// The commands of the README, as the reader would type them.
fn commands() -> Vec<String> {
    let shell = blocks().into_iter().filter(|block| block.language == "sh");
    let lines = shell.flat_map(|block| block.lines);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

/// Says why a command is not run here; `None` means that it is.
fn not_run_because(command: &str) -> Option<&'static str> {
    match command {
        "cargo test --workspace" => Some("it is what runs this test"),
        "cargo install --path ." => Some("it changes the machine"),
        "mailtally --date yesterday /var/log/mail.log" => {
            Some("the log that is there has no line of yesterday")
        }
        _ => None,
    }
}

/// A folder that commands may write to, with the fixtures beside it.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    std::os::unix::fs::symlink(fixtures, folder.path().join("fixtures")).unwrap();
    folder
}

/// The command with the binary of this build, and with a log that is there.
fn runnable(command: &str, folder: &Path) -> Command {
    let text = command.replace("cargo run --release --", "mailtally");
    let text = text
        .replace("/var/log/mail.log.1", FIXTURE)
        .replace("/var/log/mail.log", FIXTURE)
        .replace(
            "/etc/postfix/header_checks",
            "fixtures/logs/header-checks/header_checks",
        )
        .replace("postqueue -j", "cat fixtures/queue/postqueue.json");
    let binary = assert_cmd::cargo::cargo_bin!("mailtally")
        .parent()
        .unwrap()
        .to_path_buf();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = vec![binary];
    folders.extend(std::env::split_paths(&path));
    let mut shell = Command::new("sh");
    shell.arg("-euc").arg(text).current_dir(folder);
    shell
        .env("PATH", std::env::join_paths(folders).unwrap())
        .env("TZ", "UTC");
    shell
}

fn output_of(command: &str) -> String {
    let folder = folder();
    let output = runnable(command, folder.path()).output().unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "`{command}` fails: {stderr}");
    let out = command
        .split(' ')
        .skip_while(|word| *word != "--out")
        .nth(1);
    match out {
        Some(out) => assert!(
            folder.path().join(out).exists(),
            "`{command}` writes nothing"
        ),
        None => assert!(!stdout.is_empty(), "`{command}` prints nothing"),
    }
    stdout.into_owned()
}

#[test]
fn names_the_two_commands_for_a_fresh_machine() {
    let commands = commands();
    assert!(
        commands
            .iter()
            .any(|command| command == "cargo test --workspace"),
        "{commands:?}"
    );
    let report = format!("cargo run --release -- {FIXTURE}");
    assert!(commands.contains(&report), "{commands:?}");
}

#[test]
fn its_commands_run() {
    let mut run = 0;
    for command in commands() {
        if let Some(reason) = not_run_because(&command) {
            println!("not run: `{command}`, for {reason}");
            continue;
        }
        if command.contains("--follow") {
            expect_first_line(&command);
        } else {
            output_of(&command);
        }
        run += 1;
    }
    assert!(run >= 5, "only {run} commands were run");
}

/// A command that goes on for ever must at least begin.
fn expect_first_line(command: &str) {
    // `exec` lets the signal reach the program instead of a shell around it.
    let folder = folder();
    let mut child = runnable(&format!("exec {command}"), folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let line = BufReader::new(child.stdout.take().unwrap()).lines().next();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        line.is_some_and(|line| !line.unwrap().is_empty()),
        "`{command}` prints nothing"
    );
}

/// The sample is cut out of real output: `[…]` stands for lines left out.
#[test]
fn its_sample_report_is_what_the_command_prints() {
    let sample = blocks()
        .into_iter()
        .find(|block| block.language == "text")
        .unwrap();
    let printed = output_of(&format!("cargo run --release -- {FIXTURE}"));
    let printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
    let shown: Vec<&str> = sample.lines.iter().map(|line| line.trim_end()).collect();
    assert!(shown.len() >= 15, "the sample has {} lines", shown.len());
    let mut from = 0;
    for line in shown
        .into_iter()
        .filter(|line| !line.is_empty() && *line != "[…]")
    {
        let found = printed
            .iter()
            .skip(from)
            .position(|printed| *printed == line);
        from += 1 + found.unwrap_or_else(|| panic!("the report has no line `{line}` there"));
    }
}

#[test]
fn the_files_that_it_names_are_there() {
    let text = readme();
    let words = text.split(|c: char| c.is_whitespace() || "()`,|[]".contains(c));
    let is_ours = |word: &&str| {
        let first = word.split('/').next().unwrap_or("");
        let folder = ["fixtures", "tests", "dashboards", "src", "parsers"].contains(&first);
        (folder && word.contains('/')) || word.ends_with(".md") || word.starts_with("LICENSE-")
    };
    let mut count = 0;
    for word in words.filter(is_ours).filter(|word| !word.contains("://")) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(word.trim_end_matches(['.', ':']));
        assert!(path.exists(), "README.md names {word}, which is not there");
        count += 1;
    }
    assert!(count >= 4);
}

//! The journal as it grows: `--journal` of `events --follow` and `watch`, with its cursor in the state.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::Process;
use crate::skipped::skip;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Lines as `journalctl -o json` writes them: the process id is the number of the entry.
fn entry(number: u64) -> Value {
    json!({
        "__CURSOR": format!("s=1;i={number}"),
        "__REALTIME_TIMESTAMP": (1_795_221_865_000_000 + number * 1_000_000).to_string(),
        "_HOSTNAME": "mx1",
        "SYSLOG_IDENTIFIER": "postfix/smtpd",
        "SYSLOG_PID": number.to_string(),
        "MESSAGE": "warning: unknown[203.0.113.9]: SASL LOGIN authentication failed: UGFzc3dvcmQ6",
    })
}

/// A `journalctl` that follows a file of entries, and understands no more than it has to. It ends
/// when its file says so, as one that is killed.
const JOURNALCTL: &str = r##"#!/usr/bin/env python3
import json, os, sys, time
folder = os.path.dirname(os.path.abspath(sys.argv[0]))
after = [a.split("=", 1)[1] for a in sys.argv if a.startswith("--after-cursor=")]
if "--lines=1" in sys.argv:
    sys.stdout.write(open(folder + "/entries").read().splitlines(True)[-1])
    sys.exit(0)
assert "--follow" in sys.argv and "--no-tail" in sys.argv, sys.argv
seen, started = not after, time.time()
with open(folder + "/entries") as entries:
    while time.time() - started < 60 and os.getppid() != 1:
        line = entries.readline()
        if not line:
            if os.path.exists(folder + "/end"):
                os.remove(folder + "/end")
                sys.exit("killed")
            time.sleep(0.02)
        elif seen:
            sys.stdout.write(line)
            sys.stdout.flush()
        else:
            seen = json.loads(line)["__CURSOR"] == after[0]
"##;

/// A folder with a `journalctl` of its own, and its entries.
struct World {
    folder: TempDir,
}

impl World {
    fn new(journalctl: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("journalctl");
        fs::write(&program, journalctl).unwrap();
        fs::set_permissions(program, Permissions::from_mode(0o755)).unwrap();
        World { folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.at(name).to_str().unwrap().to_owned()
    }

    fn write(&self, numbers: std::ops::RangeInclusive<u64>) {
        let path = self.at("entries");
        let mut text = fs::read_to_string(&path).unwrap_or_default();
        numbers.for_each(|number| text += &format!("{}\n", entry(number)));
        fs::write(path, text).unwrap();
    }

    fn events(&self) -> Process {
        let arguments = [
            "events",
            "--follow",
            "--journal",
            "--state",
            &self.text("state"),
        ];
        Process::start_with_path(&arguments, &self.text("out"), self.folder.path())
    }
}

fn pids(process: &Process) -> Vec<u64> {
    let lines = process.lines();
    lines
        .iter()
        .map(|line| line["pid"].as_u64().unwrap())
        .collect()
}

#[test]
fn goes_on_behind_the_cursor_and_starts_a_program_again_that_ended() {
    let world = World::new(JOURNALCTL);
    world.write(1..=3);
    let mut events = world.events();
    events.wait_for("3");
    fs::write(world.at("end"), "").unwrap();
    while world.at("end").exists() {
        crate::process::sleep(5);
    }
    world.write(4..=5);
    events.wait_for("5");
    events.stop();
    world.write(6..=7);
    events.start_again();
    events.wait_for("7");
    events.kill();
    assert_eq!(pids(&events), [1, 2, 3, 4, 5, 6, 7]);
    let lines = events.lines();
    assert_ne!(lines[0]["position"], lines[1]["position"]);
}

/// After a crash an entry may come again, with the position that it had.
#[test]
fn an_entry_has_the_same_position_each_time() {
    let world = World::new(JOURNALCTL);
    world.write(1..=3);
    let mut events = world.events();
    events.wait_for("3");
    events.kill();
    fs::remove_file(world.at("state")).unwrap();
    events.start_again();
    for _ in 0..200 {
        if events.lines().len() == 6 {
            break;
        }
        crate::process::sleep(20);
    }
    let lines = events.lines();
    assert_eq!(lines[..3], lines[3..]);
}

/// Without `--from-start` a watch begins behind the last entry, and remembers which that was.
#[test]
fn a_watch_begins_with_what_comes() {
    let world = World::new(JOURNALCTL);
    world.write(1..=9);
    let state = world.text("state");
    let arguments = ["watch", "--journal", "--format", "jsonl", "--state", &state];
    let mut watch = Process::start_with_path(&arguments, &world.text("out"), world.folder.path());
    while !Path::new(&state).exists() {
        crate::process::sleep(5);
    }
    watch.stop();
    world.write(10..=20);
    watch.start_again();
    watch.wait_for_text("login-brute-force");
    let first = &watch.lines()[0];
    assert!(
        first["first_line"].as_str().unwrap().contains("\"10\""),
        "{first}"
    );
}

#[test]
fn a_missing_journalctl_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["watch", "--journal"][..],
        &["events", "--follow", "--journal"],
    ] {
        let output = assert_cmd::Command::cargo_bin("mailtally")
            .unwrap()
            .args(arguments)
            .env("PATH", folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.contains("journalctl") && said.contains("No such file"),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

/// The journal's export format: a field a line, an empty line between entries.
fn export_of(entry: &Value) -> Vec<u8> {
    let mut text = Vec::new();
    for (name, value) in entry.as_object().unwrap() {
        if name == "__CURSOR" || !value.is_string() {
            continue;
        }
        text.extend_from_slice(format!("{name}={}\n", value.as_str().unwrap()).as_bytes());
    }
    text.push(b'\n');
    text
}

/// Says what is missing for a real journal.
fn no_journal_because() -> Option<&'static str> {
    let remote = Path::new("/lib/systemd/systemd-journal-remote");
    let has_journalctl = Command::new("journalctl").arg("--version").output().is_ok();
    match (remote.exists(), has_journalctl) {
        (true, true) => None,
        (false, _) => Some("systemd-journal-remote is not installed"),
        (_, false) => Some("journalctl is not installed"),
    }
}

fn add_to_journal(folder: &Path, entries: &[Value]) {
    let export = folder.join("export");
    fs::write(
        &export,
        entries.iter().flat_map(export_of).collect::<Vec<u8>>(),
    )
    .unwrap();
    let name = fs::read_dir(folder).unwrap().count();
    let output = Command::new("/lib/systemd/systemd-journal-remote")
        .arg(format!(
            "--output={}",
            folder.join(format!("{name}.journal")).display()
        ))
        .arg(&export)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    fs::remove_file(export).unwrap();
}

/// Journal files as systemd writes them, read by systemd's own program.
#[test]
fn follows_real_journal_files() {
    if let Some(reason) = no_journal_because() {
        return skip(reason);
    }
    let journal = tempfile::tempdir().unwrap();
    let folder = journal.path().display();
    let world = World::new(&format!(
        "#!/bin/sh\nexec /usr/bin/journalctl -D {folder} \"$@\"\n"
    ));
    let entries = |numbers: std::ops::RangeInclusive<u64>| {
        let of_mail = |number| {
            let mut entry = entry(number);
            entry["SYSLOG_FACILITY"] = json!("2");
            entry
        };
        numbers.map(of_mail).collect::<Vec<Value>>()
    };
    add_to_journal(journal.path(), &entries(1..=40));
    let mut events = world.events();
    events.wait_for("40");
    add_to_journal(journal.path(), &entries(41..=50));
    events.wait_for("50");
    events.stop();
    add_to_journal(journal.path(), &entries(51..=60));
    events.start_again();
    events.wait_for("60");
    assert_eq!(pids(&events), (1..=60).collect::<Vec<u64>>());
}

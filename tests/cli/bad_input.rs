//! Files that are missing, closed, broken or something else: named, and the others go on.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::support::{Folder, GOOD, Run, binary, finish, fixture, mailtally, mailtally_reading};

/// The user nobody, who has no rights on anyone's files.
const NOBODY: u32 = 65_534;

/// Reports on a bad file and a good one: the bad one is named in one line, the good one counted.
fn beside_a_good_file(bad: &Path) -> Run {
    let folder = Folder::new();
    let good = folder.file("good.log", GOOD);
    let run = mailtally("report --format json --year 2026", &[bad, &good]).expect_status(2);
    expect_named_once(&run, bad);
    assert_eq!(run.json()["totals"]["received"], 1, "{run}");
    run
}

fn expect_named_once(run: &Run, file: &Path) {
    let name = file.display().to_string();
    let naming = run
        .stderr
        .lines()
        .filter(|line| line.contains(&name))
        .count();
    assert_eq!(naming, 1, "one line must name {name}\n{run}");
}

#[test]
fn a_missing_file_is_named_and_the_others_are_reported() {
    let run = beside_a_good_file(Path::new("/nonexistent/mail.log"));
    assert!(run.stderr.contains("no such file"), "{run}");
    assert_eq!(run.json()["coverage"]["lines"]["read"], 3);
}

#[test]
fn a_folder_is_named_and_the_others_are_reported() {
    let folder = Folder::new();
    let run = beside_a_good_file(folder.path());
    assert!(run.stderr.contains("directory"), "{run}");
}

#[test]
fn a_binary_file_is_named_and_the_others_are_reported() {
    beside_a_good_file(&fixture("malformed/binary.log"));
}

#[test]
fn a_file_that_is_no_mail_log_is_named_and_the_others_are_reported() {
    let run = beside_a_good_file(&fixture("malformed/not-a-mail-log.log"));
    assert!(run.stderr.contains("mail log"), "{run}");
    let lines = &run.json()["coverage"]["lines"];
    assert_eq!(lines["read"], 43);
    assert_eq!(lines["foreign"], 40);
}

#[test]
fn a_corrupt_gzip_is_named_and_the_others_are_reported() {
    let run = mailtally(
        "report --year 2026",
        &[&fixture("malformed/corrupt.log.gz")],
    );
    expect_named_once(&run.expect_status(2), &fixture("malformed/corrupt.log.gz"));
}

#[test]
fn a_cut_off_gzip_is_named_and_what_came_before_the_cut_is_reported() {
    let folder = Folder::new();
    let (bad, good) = (
        fixture("malformed/truncated.log.gz"),
        folder.file("good.log", GOOD),
    );
    let run = mailtally("report --format json --year 2026", &[&bad, &good]).expect_status(2);
    expect_named_once(&run, &bad);
    let read = run.json()["coverage"]["lines"]["read"].as_u64().unwrap();
    assert!(
        read > 103,
        "at least a hundred lines stand before the cut\n{run}"
    );
}

#[test]
fn an_unreadable_file_is_named_and_the_others_are_reported() {
    let folder = Folder::new();
    let (bad, good) = (folder.file("bad.log", GOOD), folder.file("good.log", GOOD));
    // Nobody must reach the binary, which may stand in a private target folder.
    let copy = folder.path().join("mailtally");
    fs::copy(binary(), &copy).unwrap();
    for (path, mode) in [(folder.path(), 0o755), (&bad, 0o000)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut command = Command::new(&copy);
    command
        .args(["report", "--format", "json"])
        .args([&bad, &good])
        .current_dir("/");
    if fs::read(&bad).is_ok() {
        // The superuser reads everything: the test goes on as somebody else.
        command.uid(NOBODY).gid(NOBODY);
    }
    let run = finish(&mut command, b"").expect_status(2);
    expect_named_once(&run, &bad);
    assert!(run.stderr.contains("permission denied"), "{run}");
    assert_eq!(run.json()["totals"]["received"], 1, "{run}");
}

#[test]
fn an_empty_file_is_no_error() {
    let empty = fixture("malformed/empty.log");
    for subcommand in ["report", "coverage"] {
        let run = mailtally(subcommand, &[&empty]).expect_status(0);
        assert!(run.stdout.to_lowercase().contains("no lines"), "{run}");
    }
    assert_eq!(mailtally("events", &[&empty]).expect_status(0).stdout, "");
}

#[test]
fn a_line_of_a_mebibyte_is_one_line() {
    let folder = Folder::new();
    let long = "x".repeat(1 << 20);
    let log = format!(
        "{GOOD}\
         Nov 21 10:00:03 mx1 postfix/cleanup[102]: 4F1A22C0D9E: message-id=<{long}@example.com>\n\
         {GOOD}"
    );
    let file = folder.file("long.log", log);
    let run = mailtally("report --format json --year 2026", &[&file]);
    let report = run.json();
    assert_eq!(report["coverage"]["lines"]["read"], 7, "{}", run.stderr);
    assert_eq!(report["totals"]["received"], 2);
}

#[test]
fn lines_without_an_end_and_with_crlf_are_whole_lines() {
    let crlf = GOOD.trim_end().replace('\n', "\r\n");
    for log in [GOOD.trim_end(), &crlf] {
        let run = mailtally_reading("events --year 2026 -", log.as_bytes());
        let events = run.expect_status(0).json_lines();
        assert_eq!(events.len(), 3);
        assert_eq!(events[2]["commands_total"], 2, "{log:?}");
    }
}

#[test]
fn nothing_but_noise_is_asked_whether_it_is_a_mail_log() {
    let file = fixture("malformed/not-a-mail-log.log");
    for subcommand in ["report", "coverage"] {
        let run = mailtally(subcommand, &[&file]).expect_status(2);
        expect_named_once(&run, &file);
        assert!(run.stderr.contains("mail log"), "{run}");
        assert!(
            run.stdout.contains("40"),
            "the report is still printed\n{run}"
        );
    }
}

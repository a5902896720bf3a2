//! `--rotated`: the rotated siblings of a log are read with it.

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::{Folder, mailtally};

fn lines(day: u32) -> String {
    format!(
        "Nov {day:2} 10:00:00 mx1 postfix/smtpd[1]: connect from mail.example.net[198.51.100.{day}]\n"
    )
}

/// The days of the lines, in the order in which they were read.
fn days(run: &crate::support::Run) -> Vec<String> {
    let day = |event: &serde_json::Value| event["time"].as_str().unwrap()[8..10].to_owned();
    run.json_lines().iter().map(day).collect()
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder.file("mail.log", lines(21));
    folder.file("mail.log.1", lines(14));
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(lines(7).as_bytes()).unwrap();
    folder.file("mail.log.2.gz", packed.finish().unwrap());
    folder.file("mail.log-20261101", lines(1));
    folder.file("mail.log.err", lines(20));
    folder.file("mail.log.bak", lines(19));
    folder.file("mail.err.1", lines(18));
    fs::create_dir(folder.path().join("mail.log.3")).unwrap();
    folder
}

#[test]
fn adds_the_rotated_siblings_in_the_order_of_the_log_and_says_which() {
    let folder = folder();
    let log = folder.path().join("mail.log");
    let run = mailtally("events --year 2026 --rotated", &[&log]).expect_status(0);
    assert_eq!(days(&run), ["01", "07", "14", "21"]);
    let path = |name: &str| folder.path().join(name).display().to_string();
    assert_eq!(
        run.stderr,
        format!(
            "mailtally: reading rotated files too: {}, {}, {}\n",
            path("mail.log-20261101"),
            path("mail.log.2.gz"),
            path("mail.log.1")
        )
    );
    let run = mailtally("report --rotated --format json", &[&log]).expect_status(0);
    let files = run.json()["meta"]["files"].as_array().unwrap().len();
    assert_eq!(files, 4, "{run}");
    let run = mailtally("coverage --rotated --format json", &[&log]).expect_status(0);
    assert_eq!(run.json()["lines"]["read"], 4, "{run}");
    let run = mailtally("events --year 2026", &[&log]).expect_status(0);
    assert_eq!(days(&run), ["21"]);
}

#[test]
fn siblings_that_are_named_too_are_read_once() {
    let folder = folder();
    let named = ["mail.log", "mail.log.1"].map(|name| folder.path().join(name));
    let run = mailtally("events --year 2026 --rotated", &[&named[1], &named[0]]).expect_status(0);
    assert_eq!(days(&run), ["01", "07", "14", "21"]);
    assert!(!run.stderr.contains("the same file"), "{run}");
}

#[test]
fn a_sibling_that_is_there_plain_and_packed_is_read_once() {
    let folder = folder();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(lines(14).as_bytes()).unwrap();
    folder.file("mail.log.1.gz", packed.finish().unwrap());
    let log = folder.path().join("mail.log");
    let run = mailtally("events --year 2026 --rotated", &[&log]).expect_status(0);
    assert_eq!(days(&run), ["01", "07", "14", "21"]);
    assert!(
        run.stderr
            .contains("left out, every line of it also stands in"),
        "{run}"
    );
}

#[test]
fn many_are_said_in_one_line_and_none_too() {
    let folder = Folder::new();
    for day in 1..=20 {
        folder.file(&format!("maillog.{}", 20 - day), lines(day));
    }
    let log = folder.file("maillog", lines(21));
    let run = mailtally("events --year 2026 --rotated", &[&log]).expect_status(0);
    assert_eq!(days(&run).len(), 21);
    assert_eq!(run.stderr.lines().count(), 1);
    assert!(
        run.stderr.contains("reading 20 rotated files too, "),
        "{run}"
    );
    let alone = folder.file("other.log", lines(21));
    let run = mailtally("events --year 2026 --rotated", &[&alone]).expect_status(0);
    assert_eq!(
        run.stderr,
        "mailtally: --rotated: no rotated files were found\n"
    );
}

#[test]
fn follow_and_journal_have_no_siblings() {
    let folder = folder();
    let log = folder.path().join("mail.log");
    let run = mailtally("events --follow --rotated", &[&log]).expect_status(2);
    assert!(
        run.stderr.contains("--follow goes on through rotations"),
        "{run}"
    );
    mailtally("report --journal --rotated", &[]).expect_status(2);
}

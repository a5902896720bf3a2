//! Packed logs: gzip, bzip2, xz and zstd say what the plain log does, and damage is said.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::support::{Folder, fixture, lab_lines, mailtally, mailtally_reading};

const SUFFIXES: [&str; 4] = ["gz", "bz2", "xz", "zst"];

/// A report without the names of the files.
fn report(files: &[&Path]) -> Value {
    let mut report = mailtally("report --year 2026 --format json", files)
        .expect_status(0)
        .json();
    report["meta"].as_object_mut().unwrap().remove("files");
    report
}

fn read(run: &crate::support::Run) -> u64 {
    run.json()["coverage"]["lines"]["read"].as_u64().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn packed_logs_say_what_the_plain_one_does() {
    let plain = fixture("packed/mail.log");
    let expected = report(&[&plain]);
    assert_eq!(expected["coverage"]["lines"]["read"], 16);
    for suffix in SUFFIXES {
        for name in ["one", "two"] {
            let packed = fixture(&format!("packed/{name}.{suffix}"));
            assert_eq!(report(&[&packed]), expected, "{name}.{suffix}");
            let bytes = fs::read(&packed).unwrap();
            let run = mailtally_reading("events --year 2026 -", &bytes).expect_status(0);
            assert_eq!(run.json_lines().len(), 16, "{run}");
            assert_eq!(run.stderr, "");
        }
    }
}

#[test]
fn a_packed_name_says_nothing() {
    let folder = Folder::new();
    let xz = fs::read(fixture("packed/one.xz")).unwrap();
    let plain = fs::read(fixture("packed/mail.log")).unwrap();
    for (name, bytes) in [
        ("mail.log.gz", &xz),
        ("mail.log", &xz),
        ("mail.log.zst", &plain),
    ] {
        let run = mailtally("report --format json", &[&folder.file(name, bytes)]).expect_status(0);
        assert_eq!(read(&run), 16, "{name}");
    }
}

#[test]
fn what_a_cut_log_holds_is_counted_and_the_damage_is_said() {
    let folder = Folder::new();
    for (suffix, program) in SUFFIXES.into_iter().zip(["gzip", "bzip2", "xz", "zstd"]) {
        let whole = fs::read(fixture(&format!("packed/two.{suffix}"))).unwrap();
        let cut = folder.file(&format!("cut.{suffix}"), &whole[..whole.len() - 80]);
        let run = mailtally("report --format json", &[&cut]).expect_status(2);
        // The first of the two has 7 lines; bzip2 and zstd unpack no part of a block.
        assert!((7..16).contains(&read(&run)), "{run}");
        assert!(
            run.stderr
                .contains(&format!("the {program} data are damaged or cut off")),
            "{run}"
        );
        assert!(
            run.json()["meta"]["notes"][0]
                .as_str()
                .unwrap()
                .contains(program)
        );
        let from_stdin = mailtally_reading("report --format json -", &fs::read(&cut).unwrap());
        assert_eq!(read(&from_stdin.expect_status(2)), read(&run));
    }
}

#[test]
fn a_window_of_gigabytes_is_a_problem_and_no_allocation() {
    for (name, advice) in [
        ("window.xz", "xz -dc FILE | mailtally -"),
        ("window.zst", "zstd -dc --long=31 FILE | mailtally -"),
    ] {
        let files = [
            fixture(&format!("packed/{name}")),
            fixture("packed/mail.log"),
        ];
        let files: Vec<&Path> = files.iter().map(|path| path.as_path()).collect();
        let run = mailtally("report --format json", &files).expect_status(2);
        assert_eq!(read(&run), 16);
        assert!(run.stderr.contains("more than 128 MiB"), "{run}");
        assert!(run.stderr.contains(advice), "{run}");
    }
}

#[test]
fn a_log_given_plain_and_packed_is_read_once() {
    let plain = fixture("packed/mail.log");
    for suffix in SUFFIXES {
        let packed = fixture(&format!("packed/one.{suffix}"));
        for files in [[&*plain, &*packed], [&*packed, &*plain]] {
            let run = mailtally("report --year 2026 --format json", &files).expect_status(0);
            assert_eq!(read(&run), 16, "{run}");
            assert!(
                run.stderr
                    .contains("left out, every line of it also stands in"),
                "{run}"
            );
        }
    }
}

#[test]
fn any_number_of_threads_and_packed_files_print_the_same_bytes() {
    let folder = Folder::new();
    let lines = lab_lines();
    let files: Vec<_> = lines
        .chunks(250)
        .enumerate()
        .map(|(at, part)| {
            let bytes = part.concat().into_bytes();
            // Every third one is plain.
            match at % 3 {
                0 => folder.file(&format!("mail.log.{at}"), bytes),
                _ => folder.file(&format!("mail.log.{at}.gz"), gzip(&bytes)),
            }
        })
        .collect();
    let files: Vec<&Path> = files.iter().rev().map(|path| path.as_path()).collect();
    let whole = folder.file("whole.log", lines.concat());
    for subcommand in ["report", "coverage", "events"] {
        let format = if subcommand == "events" {
            ""
        } else {
            "--format json"
        };
        let run = |threads: usize, files: &[&Path]| {
            let arguments = format!("{subcommand} --year 2026 {format} --threads {threads}");
            mailtally(&arguments, files).expect_status(0).stdout
        };
        let one = run(1, &files);
        for threads in [2, 3, 16] {
            assert!(
                run(threads, &files) == one,
                "{subcommand} with {threads} threads"
            );
        }
        if subcommand == "events" {
            assert!(run(2, &[&whole]) == one, "events of the whole log");
        } else {
            let without_names = |text: &str| {
                let mut json: Value = serde_json::from_str(text).unwrap();
                if let Some(meta) = json["meta"].as_object_mut() {
                    meta.remove("files");
                }
                json
            };
            assert_eq!(
                without_names(&run(2, &[&whole])),
                without_names(&one),
                "{subcommand}"
            );
        }
    }
}

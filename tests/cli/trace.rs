//! `mailtally trace`: what it prints, says and returns.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{mailtally, mailtally_reading};

const LOG: &str = "fixtures/logs/lab-small/mail.log";

/// A queue id of the log with a `removed` line, told without mailtally.
fn removed_id(log: &str) -> &str {
    let line = log
        .lines()
        .find(|line| line.contains("postfix/qmgr[") && line.ends_with(": removed"));
    line.unwrap().rsplit(": ").nth(1).unwrap()
}

#[test]
fn shows_each_line_of_a_queue_id() {
    let log = fs::read_to_string(LOG).unwrap();
    let id = removed_id(&log);
    let run = mailtally(&format!("trace --raw --queue-id {id}"), &[Path::new(LOG)]);
    assert_eq!(run.status, Some(0), "{}", run.stderr);
    let own: Vec<&str> = log
        .lines()
        .filter(|line| line.contains(&format!(" {id}: ")))
        .collect();
    assert!(!own.is_empty());
    for line in own {
        assert!(run.stdout.lines().any(|found| found == line), "{line}");
    }
}

#[test]
fn standard_input_gives_the_same_as_the_file() {
    let log = fs::read(LOG).unwrap();
    let text = String::from_utf8(log.clone()).unwrap();
    let arguments = format!("trace --year 2026 --queue-id {}", removed_id(&text));
    let of_file = mailtally(&arguments, &[Path::new(LOG)]);
    let of_pipe = mailtally_reading(&format!("{arguments} -"), &log);
    assert_eq!(of_pipe.status, Some(0), "{}", of_pipe.stderr);
    assert_eq!(of_pipe.stdout, of_file.stdout);
    assert!(
        of_file.stdout.starts_with("Mail 1 of 1\n"),
        "{}",
        of_file.stdout
    );
}

#[test]
fn a_search_without_a_mail_says_what_was_searched() {
    let run = mailtally("trace nobody@nowhere.example", &[Path::new(LOG)]);
    assert_eq!(run.status, Some(1), "{}", run.stderr);
    assert_eq!(run.stdout, "");
    let expected = format!("no mail with address nobody@nowhere.example in {LOG}: 3000 lines, ");
    assert!(run.stderr.contains(&expected), "{}", run.stderr);
}

#[test]
fn json_has_the_recipients_and_hops() {
    let log = fs::read_to_string(LOG).unwrap();
    let id = removed_id(&log);
    let run = mailtally(
        &format!("trace --format json --queue-id {id}"),
        &[Path::new(LOG)],
    );
    let object: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(object["schema"], 1);
    let hops = object["mails"][0]["hops"].as_array().unwrap();
    assert!(
        hops.iter().any(|hop| hop["queue_id"] == id),
        "{}",
        run.stdout
    );
    assert!(
        !object["mails"][0]["recipients"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn the_limit_keeps_the_latest_and_says_how_many_are_left_out() {
    let run = mailtally("trace --client 127.0.0.1 --limit 1", &[Path::new(LOG)]);
    assert_eq!(run.status, Some(0), "{}", run.stderr);
    assert!(run.stdout.starts_with("Mail 1 of 1\n"), "{}", run.stdout);
    assert!(
        run.stderr.contains("earlier matches are not shown"),
        "{}",
        run.stderr
    );
}

#[test]
fn escape_sequences_do_not_reach_the_terminal() {
    let log = "Nov 21 10:00:00 mx1 postfix/qmgr[13]: 4F1A22C0D9E: from=<a\x1b[2J@a.example>, size=500, nrcpt=1 (queue active)\n";
    for format in ["text", "json"] {
        let arguments = format!("trace --queue-id 4F1A22C0D9E --format {format} -");
        let run = mailtally_reading(&arguments, log.as_bytes());
        assert_eq!(run.status, Some(0), "{}", run.stderr);
        assert!(!run.stdout.contains('\x1b'), "{:?}", run.stdout);
    }
}

#[test]
fn a_term_is_needed() {
    let run = mailtally_reading("trace", b"");
    assert_eq!(run.status, Some(2));
    assert!(run.stderr.contains("say which mail"), "{}", run.stderr);
}

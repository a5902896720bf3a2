//! `mailtally watch` as its user runs it: over logs that are there, and over one that grows.
#![cfg(test)]

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command as Process, Stdio};

use assert_cmd::Command;

fn watch(arguments: &[&str]) -> (String, String, Option<i32>) {
    let mut command = Command::cargo_bin("mailtally").unwrap();
    let output = command.arg("watch").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        text(output.stdout),
        text(output.stderr),
        output.status.code(),
    )
}

/// A failed login, `second` seconds after a minute.
fn failed(second: u32) -> String {
    format!(
        "2026-11-21T10:00:{second:02}+01:00 mx1 postfix/smtpd[7]: warning: unknown[203.0.113.9]: \
         SASL LOGIN authentication failed: authentication failure, sasl_username=bob\n"
    )
}

/// How the rule stands in an alert.
const BRUTE_FORCE: &str = "\"login-brute-force\"";

fn attack() -> String {
    (0..6).map(failed).collect()
}

#[test]
fn a_replay_raises_what_following_raises() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    fs::write(&path, attack()).unwrap();
    let path_text = path.to_str().unwrap();
    let (replayed, _, status) = watch(&["--replay", "--format", "jsonl", path_text]);
    assert_eq!(status, Some(0));
    let of_rule = replayed.lines().find(|line| line.contains(BRUTE_FORCE));
    let replayed: serde_json::Value = serde_json::from_str(of_rule.unwrap()).unwrap();
    assert_eq!(replayed["time"], "2026-11-21T10:00:05+01:00");
    assert_eq!(replayed["count"], 6);

    let mut followed = follow_one(&path);
    assert_ne!(followed["source"], serde_json::Value::Null);
    followed["source"] = serde_json::Value::Null;
    assert_eq!(followed, replayed);
}

/// Follows an empty log, writes the attack to it in parts over a rotation, and returns the
/// first alert of the rule.
fn follow_one(path: &Path) -> serde_json::Value {
    fs::write(path, "").unwrap();
    let mut child = Process::new(env!("CARGO_BIN_EXE_mailtally"))
        .args(["watch", "--from-start", "--format", "jsonl"])
        .arg(path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let attack = attack();
    let (first, second) = attack.split_at(attack.len() / 2);
    let append = |text: &str| {
        let log = OpenOptions::new().append(true).create(true).open(path);
        log.unwrap().write_all(text.as_bytes()).unwrap();
    };
    append(first);
    append(&second[..10]);
    append(&second[10..]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.find_map(|line| line.ok().filter(|line| line.contains(BRUTE_FORCE)));
    let line = line.unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    serde_json::from_str(&line).unwrap()
}

#[test]
fn rules_of_a_site_are_checked_and_used() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(at("log"), attack()).unwrap();
    fs::write(
        at("more"),
        "[[rule]]\nname = 'login-brute-force'\ncount = 7\n\
         [[rule]]\nname = 'login-hourly-brute-force'\nenabled = false\n",
    )
    .unwrap();
    let (alerts, _, status) = watch(&["--replay", "--rules", &at("more"), &at("log")]);
    assert_eq!(status, Some(0));
    assert!(!alerts.contains(" login-brute-force "), "{alerts}");
    fs::write(
        at("bad"),
        "[[rule]]\nname = 'login-brute-force'\nkey = ['adress']\n",
    )
    .unwrap();
    let (_, said, status) = watch(&["--check-rules", "--rules", &at("bad")]);
    assert_eq!(status, Some(2));
    assert!(
        said.contains("bad") && said.contains("nearest is `address`"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

/// Standard input is followed to its end.
#[test]
fn standard_input_is_watched_and_its_lines_have_places() {
    let mut command = Command::cargo_bin("mailtally").unwrap();
    let output = command
        .args(["watch", "--format", "jsonl", "-"])
        .write_stdin(attack())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stdout).unwrap();
    let of_rule = said.lines().find(|line| line.contains(BRUTE_FORCE));
    let alert: serde_json::Value = serde_json::from_str(of_rule.unwrap()).unwrap();
    let offset = failed(0).len() * 5;
    let source = alert["source"].as_str().unwrap();
    assert!(source.ends_with(&format!(":{offset}")), "{source}");
}

#[test]
fn what_cannot_be_followed_is_said() {
    let (_, said, status) = watch(&["--rotated", "x"]);
    assert_eq!(status, Some(2));
    assert!(
        said.contains("--rotated is for logs as they are now"),
        "{said}"
    );
    let (_, said, status) = watch(&["--replay", "--state", "x", "y"]);
    assert_eq!(status, Some(2));
    assert!(said.contains("--state is for following"), "{said}");
}

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
    let replayed: serde_json::Value = serde_json::from_str(replayed.trim_end()).unwrap();
    assert_eq!(replayed["rule"], "login-brute-force");
    assert_eq!(replayed["time"], "2026-11-21T10:00:05+01:00");
    assert_eq!(replayed["count"], 6);

    let mut followed = follow_one(&path);
    assert_ne!(followed["source"], serde_json::Value::Null);
    followed["source"] = serde_json::Value::Null;
    assert_eq!(followed, replayed);
}

/// Follows an empty log, writes the attack to it in parts over a rotation, and returns the first
/// alert.
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
    let mut line = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut line).unwrap();
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
        "[[rule]]\nname = 'login-brute-force'\ncount = 7\n",
    )
    .unwrap();
    let (alerts, _, status) = watch(&["--replay", "--rules", &at("more"), &at("log")]);
    assert_eq!((alerts.as_str(), status), ("", Some(0)));
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

#[test]
fn what_cannot_be_followed_is_said() {
    let (_, said, status) = watch(&["-"]);
    assert_eq!(status, Some(2));
    assert!(said.contains("--replay -"), "{said}");
    let (_, said, status) = watch(&["--journal"]);
    assert_eq!(status, Some(2));
    assert!(said.contains("watch needs the files"), "{said}");
}

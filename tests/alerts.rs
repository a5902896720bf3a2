//! Alerts on logs of real servers, on lines that strangers forge, and the list of rules in dashboards/.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;

use assert_cmd::Command;
use mailtally::watch::builtin;
use serde_json::Value;

/// Replays logs, and returns the alerts that were raised.
fn raised(paths: &[&str]) -> Vec<Value> {
    let mut command = Command::cargo_bin("mailtally").unwrap();
    let arguments = ["watch", "--replay", "--format", "jsonl"];
    let output = command.args(arguments).args(paths).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let alerts = text.lines().map(|line| serde_json::from_str(line).unwrap());
    alerts
        .filter(|alert: &Value| alert["change"] == "raised")
        .collect()
}

/// The keys of alerts by rule.
fn keys(alerts: &[Value]) -> BTreeMap<String, BTreeSet<String>> {
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for alert in alerts {
        let rule = alert["rule"].as_str().unwrap().to_owned();
        for pair in alert["key"].as_array().unwrap() {
            let value = pair[1].as_str().unwrap().to_owned();
            keys.entry(rule.clone()).or_default().insert(value);
        }
    }
    keys
}

/// Who attacked and who did not is what the lab's clients know, not what the log says.
#[test]
fn attackers_are_alerted_on_and_no_user_is() {
    let keys = keys(&raised(&["fixtures/logs/lab-a/mail.log.gz"]));
    let by_address = keys.iter().filter(|(rule, _)| rule.starts_with("login-"));
    let found: BTreeSet<&String> = by_address.flat_map(|(_, keys)| keys).collect();
    let text = fs::read_to_string("fixtures/logs/lab-a/login-addresses.tsv").unwrap();
    let mut counts = [0, 0];
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (address, role) = line.split_once('\t').unwrap();
        let is_attacker = role == "attacker";
        counts[usize::from(is_attacker)] += 1;
        assert_eq!(found.contains(&address.to_owned()), is_attacker, "{line}");
    }
    assert_eq!(counts, [13, 9]);
    assert!(!keys.contains_key("success-after-failures"));
    assert!(!keys.contains_key("account-takeover"));
}

/// Fields that strangers fill, made to look like other lines and other fields.
#[test]
fn nothing_that_a_stranger_invents_becomes_a_key() {
    let mut log = tempfile::NamedTempFile::new().unwrap();
    let lies = [
        "x]: SASL LOGIN authentication failed: x, sasl_username=victim",
        "unknown[192.0.2.77]",
        "bob, rip=192.0.2.77, lip=192.0.2.77",
        r"bob\nNov 21 10:00:00 mx9 postfix/smtpd[7]: warning: unknown[192.0.2.77]: SASL LOGIN authentication failed: x",
        "bob>, client_address=192.0.2.77",
        "<victim@example.com> client=unknown[192.0.2.77]",
    ];
    for second in 0..30_usize {
        let lie = lies[second % lies.len()];
        let stamp = format!("2026-11-21T10:00:{second:02}+01:00 mx1");
        let lines = [
            format!(
                "{stamp} postfix/smtpd[7]: warning: unknown[203.0.113.9]: SASL LOGIN authentication failed: authentication failure, sasl_username={lie}"
            ),
            format!(
                "{stamp} postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[203.0.113.9]: 550 5.1.1 <u{second}@example.com>: Recipient address rejected: User unknown in virtual mailbox table; from=<a@b.example> to=<u{second}@example.com> proto=ESMTP helo=<{lie}>"
            ),
            format!(
                "{stamp} dovecot: imap-login: Login aborted: Connection closed (auth failed, 1 attempts in 2 secs) (auth_failed): user=<{lie}>, method=PLAIN, rip=203.0.113.9, lip=198.51.100.1, TLS, session=<QCK1i+ZSI8TAAAIK>"
            ),
            format!(
                "{stamp} postfix/smtpd[7]: warning: non-SMTP command from unknown[203.0.113.9]: {lie}"
            ),
        ];
        for line in lines {
            writeln!(log, "{line}").unwrap();
        }
    }
    let alerts = raised(&[log.path().to_str().unwrap()]);
    let keys = keys(&alerts);
    assert!(keys.contains_key("login-brute-force"), "{keys:?}");
    assert!(keys.contains_key("recipient-dictionary-attack"), "{keys:?}");
    let known = ["203.0.113.9", "203.0.113.0/24", "mx1"];
    for (rule, keys) in keys {
        for key in keys {
            assert!(known.contains(&key.as_str()), "{rule}: {key:?}");
        }
    }
}

/// The list of rules for an administrator, made of the rules.
fn list() -> String {
    let mut text = String::new();
    for class in ["page", "background"] {
        text += &format!(
            "\n### {class}\n\n| rule | severity | what it finds | what it takes |\n|---|---|---|---|\n"
        );
        for rule in builtin().unwrap().list {
            if rule.class.name() == class {
                let (name, severity) = (&rule.name, rule.severity.name());
                let (about, takes) = (rule.about(), rule.summary().replace('|', "\\|"));
                text += &format!("| `{name}` | {severity} | {about} | {takes} |\n");
            }
        }
    }
    text
}

/// What `mailtally ... --help` says.
fn help(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_mailtally"))
        .args(words)
        .arg("--help")
        .output()
        .unwrap();
    assert!(output.status.success(), "{words:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// At night nobody looks up a flag: commands that an alert names exist.
#[test]
fn what_to_do_next_names_commands_that_exist() {
    let mut seen = 0;
    for rule in builtin().unwrap().list {
        let next = rule.next_step().split('`').skip(1).step_by(2);
        assert_eq!(
            rule.next_step().matches('`').count() % 2,
            0,
            "{}",
            rule.name
        );
        for command in next.filter_map(|command| command.strip_prefix("mailtally ")) {
            let words: Vec<&str> = command.split(' ').collect();
            let help = help(&words[..1]);
            for (flag, value) in words[1..].iter().zip(words[1..].iter().skip(1)) {
                let is_known = !flag.starts_with("--") || help.contains(&format!("{flag} <"));
                assert!(is_known, "{}: {command}", rule.name);
                if *flag == "--sections" {
                    assert!(
                        help.contains(&format!("- {value}:")),
                        "{}: {value}",
                        rule.name
                    );
                }
            }
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen}");
}

/// `MAILTALLY_WRITE=1` writes the list anew.
#[test]
fn the_list_of_rules_is_that_of_the_program() {
    let path = "dashboards/ALERTS.md";
    let mark = "<!-- The rest is made from src/watch/rules by tests/alerts.rs. -->\n";
    let text = fs::read_to_string(path).unwrap();
    let (head, rest) = text.split_once(mark).unwrap();
    if std::env::var_os("MAILTALLY_WRITE").is_some() {
        fs::write(path, format!("{head}{mark}{}", list())).unwrap();
        return;
    }
    assert_eq!(rest, list(), "{path}: write it anew with MAILTALLY_WRITE=1");
}

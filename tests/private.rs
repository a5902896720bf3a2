//! Privacy: `mailtally anonymize`, `--pseudonymize` and `--anonymize-ip`.
//!
//! A masked log says the same as the log, but for the names: each figure of its report is the same, each
//! line has the same kind and fields, and none of the log's names is in it. The names are collected by
//! regular expressions here, not by the parser that the masking trusts.
#![cfg(test)]

mod examples;
#[path = "private/logs.rs"]
mod logs;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use regex::bytes::Regex;
use serde_json::Value;
use tempfile::TempDir;

use logs::Log;

/// Runs mailtally on arguments, words between blanks, in a folder.
fn run(folder: &Path, arguments: &str) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_mailtally"))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .env("TZ", "UTC")
        .output();
    output.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs mailtally, which must do all that it was asked for.
fn done(folder: &Path, arguments: &str) -> Vec<u8> {
    let output = run(folder, arguments);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{arguments}: {said}");
    output.stdout
}

/// A folder with a log in it.
fn folder_with(log: &Log) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mail.log"), &log.bytes).unwrap();
    folder
}

/// The same with the log's masked twin beside it.
fn folder_with_both(log: &Log) -> TempDir {
    let folder = folder_with(log);
    let made = run(
        folder.path(),
        "anonymize mail.log --key-file key --out masked.log",
    );
    assert!(
        made.status.success(),
        "{}: {}",
        log.name,
        text(&made.stderr)
    );
    folder
}

fn report(folder: &Path, log: &str) -> Value {
    let arguments = "report --format json --sections all --top 1000000 --year 2026 --tz UTC";
    let output = run(folder, &format!("{arguments} {log}"));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The events of a log, without those in which other programs' words are all that there is.
fn events(folder: &Path, arguments: &str) -> Vec<Value> {
    let output = run(folder, &format!("events --year 2026 --tz UTC {arguments}"));
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

/// What is left of a report when names are taken out: each string is one like any other, and rows are
/// sorted by what is left of them.
fn without_names(value: &Value) -> String {
    match value {
        Value::String(_) => "text".to_owned(),
        Value::Array(rows) => {
            let mut rows: Vec<String> = rows.iter().map(without_names).collect();
            rows.sort();
            format!("[{}]", rows.join(","))
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| {
                // Shapes of unknown lines have names in them: their lines are counted together.
                let is_shapes = name == "unparsed_shapes";
                let left = if is_shapes {
                    sum(value)
                } else {
                    without_names(value)
                };
                format!("{name}:{left}")
            });
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

fn sum(rows: &Value) -> String {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row["count"].as_u64().unwrap())
        .sum::<u64>()
        .to_string()
}

#[test]
fn the_report_of_a_masked_log_is_the_same_but_for_names() {
    for log in logs::all() {
        let folder = folder_with_both(&log);
        let [plain, masked] = ["mail.log", "masked.log"].map(|log| report(folder.path(), log));
        for (section, plain) in plain.as_object().unwrap() {
            let masked = without_names(&masked[section]);
            assert_eq!(without_names(plain), masked, "{section} of {}", log.name);
        }
    }
}

/// What must not change of an event: its kind and fields, and the words that the project gives.
fn shape(event: &Value) -> String {
    let fields = event.as_object().unwrap().iter();
    let fields = fields.map(|(name, value)| match name.as_str() {
        "kind" | "reason_class" | "rule_id" | "status" | "time" | "queue_id" => {
            let is_list = value
                .as_str()
                .is_some_and(|value| value.starts_with("dnsbl"));
            format!("{name}={}", if is_list { &Value::Null } else { value })
        }
        _ if value.is_string() => name.clone(),
        _ => format!("{name}={value}"),
    });
    fields.collect::<Vec<_>>().join(" ")
}

#[test]
fn each_line_has_its_kind_and_fields() {
    for log in logs::all() {
        let folder = folder_with_both(&log);
        let plain = events(folder.path(), "mail.log");
        let masked = events(folder.path(), "masked.log");
        assert_eq!(plain.len(), masked.len(), "{}", log.name);
        for (plain, masked) in plain.iter().zip(&masked) {
            assert_eq!(
                shape(plain),
                shape(masked),
                "{}: {plain} {masked}",
                log.name
            );
        }
    }
}

/// Names in a log, as their surroundings tell.
fn names_in(log: &[u8]) -> BTreeSet<String> {
    let patterns = [
        r"[A-Za-z0-9._%+=-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+",
        r"\b(?:\d{1,3}\.){3}\d{1,3}\b",
        r"\b(?:[0-9a-f]{1,4}:){2,7}:?[0-9a-f:]*[0-9a-f]\b",
        r"([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+)\[",
        r"helo=<([a-z0-9.-]+\.[a-z]{2,})>",
        r"(?:user=<?|sasl_username=)([A-Za-z][A-Za-z0-9._-]{3,})",
        r"(?:from|to|orig_to)=<([^@>]{4,})@",
    ];
    let mut names = BTreeSet::new();
    for pattern in patterns {
        for found in Regex::new(pattern).unwrap().captures_iter(log) {
            let name = found.get(1).or(found.get(0)).unwrap();
            let name = text(name.as_bytes());
            let is_v6 = name.contains("::") || name.matches(':').count() == 7;
            if !name.contains(':') || is_v6 {
                names.insert(name);
            }
        }
    }
    names.retain(|name| !stays(name));
    names
}

/// Tells whether a name is meant to stay, or is a word of the log too.
fn stays(name: &str) -> bool {
    const WORDS: [&str; 26] = [
        "postmaster",
        "www-data",
        "test",
        "bdat",
        "defer",
        "hostmaster",
        "nobody",
        "abuse",
        "webmaster",
        "root",
        "double-bounce",
        "mailer-daemon",
        "localhost.localdomain",
        "scanner",
        "info",
        "filter",
        "script",
        "warn",
        "prepend",
        "hold",
        "redirect",
        "delay",
        "discard",
        "trap",
        "alias",
        "ticket",
    ];
    let address: Option<std::net::IpAddr> = name.parse().ok();
    let is_none = name
        .chars()
        .all(|sign| sign.is_ascii_digit() || sign == '.');
    WORDS.contains(&name.to_lowercase().as_str())
        || name.ends_with(".invalid")
        || name.ends_with(".localhost")
        || name.starts_with("127.")
        || name.starts_with("0.")
        || (is_none && address.is_none())
}

fn words_of(log: &[u8]) -> BTreeSet<String> {
    let words = Regex::new(r"[A-Za-z0-9_.%+=:@-]+").unwrap();
    let mut found = BTreeSet::new();
    for word in words.find_iter(log) {
        let word = text(word.as_bytes());
        found.insert(word.trim_matches(['.', ':', '=', '-']).to_owned());
        found.extend(word.split(['=', '@', ':']).map(str::to_owned));
        found.insert(word);
    }
    found
}

#[test]
fn no_name_of_a_log_is_in_its_masked_twin() {
    let (mut names_seen, mut logs_seen) = (0, 0);
    let mut all_left = Vec::new();
    // Words cut and put together at random have no looks of names.
    let is_random = |log: &Log| log.name.ends_with("mutated.log");
    for log in logs::all().into_iter().filter(|log| !is_random(log)) {
        let folder = folder_with_both(&log);
        let masked = fs::read(folder.path().join("masked.log")).unwrap();
        let words = words_of(&masked);
        let names = names_in(&log.bytes);
        let left: Vec<&String> = names.iter().filter(|name| words.contains(*name)).collect();
        if !left.is_empty() {
            all_left.push(format!("{}: {left:?}", log.name));
        }
        names_seen += names.len();
        logs_seen += 1;
    }
    assert!(all_left.is_empty(), "{all_left:#?}");
    assert!(
        names_seen > 5_000 && logs_seen > 10,
        "{names_seen} names of {logs_seen} logs"
    );
}

#[test]
fn lines_and_stamps_stay_in_their_places() {
    for log in logs::all() {
        let folder = folder_with_both(&log);
        let masked = fs::read(folder.path().join("masked.log")).unwrap();
        let split = |bytes: &[u8]| -> Vec<Vec<u8>> {
            bytes
                .split_inclusive(|byte| *byte == b'\n')
                .map(<[u8]>::to_vec)
                .collect()
        };
        let (plain, masked) = (split(&log.bytes), split(&masked));
        assert_eq!(plain.len(), masked.len(), "{}", log.name);
        for (plain, masked) in plain.iter().zip(&masked) {
            let start = |line: &[u8]| text(line.get(..12).unwrap_or_default());
            if !plain.starts_with(b"{") && plain.first().is_some_and(u8::is_ascii_alphanumeric) {
                assert_eq!(start(plain), start(masked), "{}", log.name);
            }
            assert_eq!(plain.ends_with(b"\r\n"), masked.ends_with(b"\r\n"));
        }
    }
}

#[test]
fn events_have_the_tokens_of_the_masked_log() {
    let log = logs::lab_small();
    let folder = folder_with_both(&log);
    let of_log = events(folder.path(), "--pseudonymize=key mail.log");
    let of_masked = events(folder.path(), "masked.log");
    assert_eq!(of_log.len(), of_masked.len());
    for (mut event, mut masked) in of_log.into_iter().zip(of_masked) {
        // The host that logs stays in events.
        assert_ne!(event["host"], masked["host"]);
        event["host"] = Value::Null;
        masked["host"] = Value::Null;
        assert_eq!(event, masked);
    }
}

#[test]
fn a_report_has_tokens_in_rows_and_samples() {
    let log = logs::lab_small();
    let folder = folder_with(&log);
    for format in ["text", "json", "html", "markdown"] {
        let arguments =
            format!("report --sections all --year 2026 --pseudonymize --format {format} mail.log");
        let written = done(folder.path(), &arguments);
        let words = words_of(&written);
        let hosts = ["mail.example.org", "mx1.example.net"];
        let names = names_in(&log.bytes);
        let left: Vec<&String> = names
            .iter()
            .filter(|name| words.contains(*name) && !hosts.contains(&name.as_str()))
            .collect();
        assert!(left.is_empty(), "{format}: {left:?}");
    }
}

#[test]
fn tokens_are_of_the_key_or_of_the_run() {
    let folder = folder_with(&logs::lab_small());
    let with_key = || {
        done(
            folder.path(),
            "events --pseudonymize=key --year 2026 mail.log",
        )
    };
    assert_eq!(with_key(), with_key());
    let of_run = || done(folder.path(), "events --pseudonymize --year 2026 mail.log");
    assert_ne!(of_run(), of_run());
    let threads = |count| {
        done(
            folder.path(),
            &format!("anonymize --key-file key --threads {count} mail.log"),
        )
    };
    assert_eq!(threads(1), threads(4));
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let folder = folder_with(&logs::lab_small());
    let key = folder.path().join("key");
    done(
        folder.path(),
        "report --pseudonymize=key --year 2026 mail.log",
    );
    assert_eq!(
        fs::metadata(&key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    for arguments in [
        "report --pseudonymize=key mail.log",
        "anonymize --key-file key mail.log",
    ] {
        let refused = run(folder.path(), arguments);
        assert_eq!(refused.status.code(), Some(2));
        assert_eq!(text(&refused.stdout), "");
        assert!(
            text(&refused.stderr).contains("chmod 600 key"),
            "{}",
            text(&refused.stderr)
        );
    }
}

#[test]
fn addresses_in_a_report_end_in_0() {
    let log = logs::lab_small();
    let folder = folder_with(&log);
    let arguments = "report --sections all --top 100000 --year 2026 --anonymize-ip mail.log";
    let written = text(&done(folder.path(), arguments));
    let address = regex::Regex::new(r"\b(?:\d{1,3}\.){3}(\d{1,3})\b").unwrap();
    let addresses: Vec<&str> = address
        .captures_iter(&written)
        .filter(|found| !found[0].starts_with("127."))
        .map(|found| found.get(1).unwrap().as_str())
        .collect();
    assert!(addresses.len() > 20, "{written}");
    assert!(addresses.iter().all(|last| *last == "0"), "{addresses:?}");
    assert!(written.contains("mail.example.org"));
}

#[test]
fn the_queue_beside_a_report_is_masked_too() {
    let folder = folder_with(&logs::lab_small());
    let queue = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/queue/postqueue.json");
    let arguments = format!(
        "report --sections all --year 2026 --pseudonymize --queue {queue} --format json mail.log"
    );
    let written = done(folder.path(), &arguments);
    let words = words_of(&written);
    let names = names_in(&fs::read(queue).unwrap());
    assert!(!names.is_empty());
    let left: Vec<&String> = names.iter().filter(|name| words.contains(*name)).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_is_written_is_its_owners_and_as_old_as_the_log() {
    let log = logs::lab_small();
    let folder = folder_with(&log);
    let packed = logs::packed(&log.bytes);
    fs::write(folder.path().join("old.log.gz"), packed).unwrap();
    let path = |name: &str| folder.path().join(name);
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    let file = fs::File::options()
        .write(true)
        .open(path("mail.log"))
        .unwrap();
    file.set_modified(long_ago).unwrap();
    done(
        folder.path(),
        "anonymize --key-file key --out masked mail.log old.log.gz",
    );
    let [mail, old] =
        ["masked/mail.log", "masked/old.log"].map(|name| fs::read(path(name)).unwrap());
    assert_eq!(mail, old, "the text of a packed log is written");
    let metadata = fs::metadata(path("masked/mail.log")).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert_eq!(metadata.modified().unwrap(), long_ago);
    let refused = run(folder.path(), "anonymize --out mail.log mail.log");
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(fs::read(path("mail.log")).unwrap(), log.bytes);
    let missing = run(folder.path(), "anonymize --out masked mail.log none.log");
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn lines_of_unknown_shape_are_said() {
    let log = Log {
        name: "unknown".to_owned(),
        bytes: b"Nov 21 10:00:00 mx1 sshd[7]: Failed password for invalid user anna from 198.51.100.7 port 1\n\
            Nov 21 10:00:01 mx1 postfix/smtpd[7]: no known words of user=bert at relay.shop.example\n"
            .to_vec(),
    };
    let folder = folder_with(&log);
    let run = run(folder.path(), "anonymize mail.log");
    let said = text(&run.stderr);
    assert!(
        said.contains("1 of 2 lines are of unknown shape and 1 are of other programs"),
        "{said}"
    );
    let written = text(&run.stdout);
    for name in ["anna", "bert", "198.51.100.7", "mx1", "shop"] {
        assert!(!written.contains(name), "{name}: {written}");
    }
    assert!(written.contains("Failed password for invalid user"));
}

/// Docker and Kubernetes cut long lines: a name across a cut is masked as a whole.
#[test]
fn a_name_across_the_parts_of_a_line_is_masked() {
    let message =
        "Nov 21 10:00:00 mx1 postfix/smtpd[7]: connect from mail.shop.example[198.51.100.7]";
    let mut masked = Vec::new();
    for cut in [58, 62, 66, 72, 78] {
        let (first, second) = message.split_at(cut);
        let log = format!(
            "2026-11-21T10:00:00.1Z stdout P {first}\n2026-11-21T10:00:00.2Z stderr F other text\n\
             2026-11-21T10:00:00.3Z stdout F {second}\n"
        );
        let log = Log {
            name: "parts".to_owned(),
            bytes: log.into_bytes(),
        };
        let folder = folder_with_both(&log);
        let plain = events(folder.path(), "mail.log");
        let of_masked = events(folder.path(), "masked.log");
        assert_eq!(plain[0]["client_name"], "mail.shop.example");
        assert_eq!(of_masked[0]["kind"], "smtpd_connect");
        let text = fs::read_to_string(folder.path().join("masked.log")).unwrap();
        assert_eq!(text.lines().count(), 3);
        for part in ["shop", "mail.", "198.51"] {
            assert!(!text.contains(part), "{part}: {text}");
        }
        masked.push(of_masked[0]["client_name"].as_str().unwrap().len());
    }
    assert_eq!(masked, [35; 5]);
}

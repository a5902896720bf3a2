//! `mailtally events`: one JSON object for each line of ours.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Folder, command, fixture, lab_log, mailtally, mailtally_reading};

pub(crate) const LOG: &str = "\
Nov 21 10:00:00 mx1 postfix/submission/smtpd[101]: connect from mail.example.net[198.51.100.7]
Nov 21 10:00:01 mx1 postfix/submission/smtpd[101]: 4F1A22C0D9E: client=mail.example.net[198.51.100.7], sasl_method=PLAIN, sasl_username=alice@example.com
Nov 21 10:00:01 mx1 postfix/cleanup[102]: 4F1A22C0D9E: message-id=<1@example.com>
Nov 21 10:00:02 mx1 postfix/qmgr[103]: 4F1A22C0D9E: from=<alice@example.com>, size=518, nrcpt=1 (queue active)
2026-11-21T10:00:03.250000+01:00 mx1 postfix-out/smtp[104]: 4F1A22C0D9E: to=<bob@example.org>, relay=mx1.example.org[2001:db8::25]:25, delay=2.1, delays=0.1/0/1/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: \"quoted\")
2026-11-21T10:00:04.000000+01:00 mx1 postfix/smtpd[101]: no such shape
2026-11-21T10:00:05.000000+01:00 mx1 cron[7]: (root) CMD (true)
2026-11-21T10:00:06.000000+01:00 mx1 dovecot: imap-login: Login: user=<alice@example.com>, method=PLAIN, rip=192.0.2.10, lip=198.51.100.1, mpid=4711, TLS, session=<QCK1i+ZSI8TAAAIK>
2026-11-21T10:00:07.000000+01:00 mx1 dovecot: imap(alice@example.com)<4711><QCK1i+ZSI8TAAAIK>: Disconnected: Logged out in=33 out=555 deleted=0 expunged=0 trashed=0 hdr_count=0 hdr_bytes=0 body_count=0 body_bytes=0
";

/// The objects that LOG must give, written by hand; the foreign line has none.
fn expected() -> Vec<Value> {
    let envelope = |time: &str, program: &str, pid: Value, kind: &str, fields: Value| {
        let path: Vec<&str> = program.split('/').collect();
        let service = (path.len() == 3).then(|| path[1]);
        let mut object = json!({
            "schema": 1, "time": time, "host": "mx1", "program": program, "instance": path[0],
            "service": service, "daemon": path[path.len() - 1], "pid": pid, "kind": kind,
        });
        object
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        object
    };
    let client = json!({"client_name": "mail.example.net", "client_address": "198.51.100.7"});
    let with_client = |mut fields: Value| {
        fields
            .as_object_mut()
            .unwrap()
            .extend(client.as_object().unwrap().clone());
        fields
    };
    vec![
        envelope(
            "2026-11-21T10:00:00",
            "postfix/submission/smtpd",
            json!(101),
            "smtpd_connect",
            client.clone(),
        ),
        envelope(
            "2026-11-21T10:00:01",
            "postfix/submission/smtpd",
            json!(101),
            "smtpd_client",
            with_client(json!({
                "queue_id": "4F1A22C0D9E", "sasl_method": "PLAIN",
                "sasl_username": "alice@example.com",
            })),
        ),
        envelope(
            "2026-11-21T10:00:01",
            "postfix/cleanup",
            json!(102),
            "cleanup_message_id",
            json!({"queue_id": "4F1A22C0D9E", "message_id": "<1@example.com>"}),
        ),
        envelope(
            "2026-11-21T10:00:02",
            "postfix/qmgr",
            json!(103),
            "qmgr_active",
            json!({
                "queue_id": "4F1A22C0D9E", "sender": "alice@example.com", "size_bytes": 518,
                "nrcpt": 1, "queue_name": "active",
            }),
        ),
        envelope(
            "2026-11-21T10:00:03.250000+01:00",
            "postfix-out/smtp",
            json!(104),
            "delivery",
            json!({
                "queue_id": "4F1A22C0D9E", "recipient": "bob@example.org",
                "relay": "mx1.example.org[2001:db8::25]:25", "relay_host": "mx1.example.org",
                "relay_address": "2001:db8::25", "relay_port": "25", "delay": 2.1,
                "delays": [0.1, 0, 1, 1], "dsn": "2.0.0", "status": "sent",
                "reason": "250 2.0.0 Ok: \"quoted\"",
            }),
        ),
        envelope(
            "2026-11-21T10:00:04+01:00",
            "postfix/smtpd",
            json!(101),
            "unclassified",
            json!({"text": "no such shape"}),
        ),
        envelope(
            "2026-11-21T10:00:06+01:00",
            "dovecot",
            Value::Null,
            "dovecot_login_success",
            json!({
                "protocol": "imap", "user": "alice@example.com", "method": "PLAIN",
                "rip": "192.0.2.10", "lip": "198.51.100.1", "mpid": 4711, "secured": "TLS",
                "session": "QCK1i+ZSI8TAAAIK",
            }),
        ),
        envelope(
            "2026-11-21T10:00:07+01:00",
            "dovecot",
            Value::Null,
            "dovecot_session_end",
            json!({
                "protocol": "imap", "user": "alice@example.com", "message_pid": 4711,
                "session": "QCK1i+ZSI8TAAAIK", "reason": "Logged out", "in_bytes": 33,
                "out_bytes": 555,
            }),
        ),
    ]
}

#[test]
fn a_hand_written_log_gives_the_hand_written_objects() {
    let run = mailtally_reading("events --year 2026 -", LOG.as_bytes()).expect_status(0);
    let events = run.json_lines();
    let expected = expected();
    assert_eq!(events.len(), expected.len(), "{run}");
    for (event, expected) in events.iter().zip(&expected) {
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&event[name], value, "{name} of {event}");
        }
    }
    let names = "{\"schema\":1,\"time\":\"2026-11-21T10:00:00\",\"host\":\"mx1\",\
        \"program\":\"postfix/submission/smtpd\",\"instance\":\"postfix\",\
        \"service\":\"submission\",\"daemon\":\"smtpd\",\"pid\":101,\"kind\":\"smtpd_connect\",";
    assert!(
        run.stdout.starts_with(names),
        "the envelope's order is fixed\n{run}"
    );
}

#[test]
fn kinds_and_conditions_choose_lines() {
    let kinds = |arguments: &str| -> Vec<String> {
        let run = mailtally_reading(&format!("events --year 2026 {arguments} -"), LOG.as_bytes());
        let events = run.expect_status(0).json_lines();
        events
            .iter()
            .map(|event| event["kind"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(kinds("--kind delivery"), ["delivery"]);
    assert_eq!(
        kinds("--kind delivery,smtpd_connect"),
        ["smtpd_connect", "delivery"]
    );
    assert_eq!(
        kinds("--kind delivery --kind unclassified"),
        ["delivery", "unclassified"]
    );
    assert_eq!(kinds("--where queue_id=4F1A22C0D9E").len(), 4);
    assert_eq!(
        kinds("--where queue_id=4F1A22C0D9E --where status=sent"),
        ["delivery"]
    );
    assert_eq!(
        kinds("--where delays=0.1/0/1/1 --where delay=2.10"),
        ["delivery"]
    );
    assert_eq!(kinds("--where service=submission").len(), 2);
    assert_eq!(kinds("--where pid=101 --where daemon=smtpd").len(), 3);
    assert_eq!(kinds("--where message_pid=4711"), ["dovecot_session_end"]);
    assert_eq!(
        kinds("--where user=alice@example.com --kind delivery"),
        Vec::<String>::new()
    );
}

#[test]
fn a_real_log_gives_one_object_for_each_line_of_ours_in_its_order() {
    let run = mailtally("events --year 2026", &[&lab_log()]).expect_status(0);
    let mut last = String::new();
    let mut count = 0;
    for line in run.stdout.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let time = event["time"].as_str().unwrap();
        assert!(last.as_str() <= time, "{time} after {last}");
        last = time.to_owned();
        expect_each_name_once(line);
        count += 1;
    }
    let coverage = mailtally("coverage --format json", &[&lab_log()]).json();
    let foreign = coverage["lines"]["foreign"].as_u64().unwrap();
    assert_eq!(count, 3_000 - foreign);
}

#[test]
fn every_shape_of_the_catalogue_gives_an_object() {
    let mut log = String::new();
    for program in fs::read_dir(fixture("lines")).unwrap() {
        for file in fs::read_dir(program.unwrap().path()).unwrap() {
            let lines = fs::read_to_string(file.unwrap().path()).unwrap();
            for line in lines.lines().filter(|line| !line.starts_with('#')) {
                log.push_str(&format!("Nov 21 10:00:00 mx1 {line}\n"));
            }
        }
    }
    let run = mailtally_reading("events --year 2026 -", log.as_bytes()).expect_status(0);
    run.stdout.lines().for_each(expect_each_name_once);
    let events = run.json_lines();
    assert_eq!(events.len(), log.lines().count());
    let kinds: BTreeSet<&str> = events
        .iter()
        .map(|event| event["kind"].as_str().unwrap())
        .collect();
    assert!(kinds.len() > 300, "{}", kinds.len());
}

/// serde_json keeps the last of several members of one name, and so hides a second one.
fn expect_each_name_once(line: &str) {
    let mut names = BTreeSet::new();
    let members = line.match_indices(",\"").map(|(at, _)| &line[at + 2..]);
    for name in members
        .filter_map(|rest| rest.split_once("\":"))
        .map(|(name, _)| name)
    {
        let is_name = name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        assert!(
            !is_name || names.insert(name),
            "two members `{name}` in {line}"
        );
    }
}

#[test]
fn follows_a_file_through_a_rotation() {
    let folder = Folder::new();
    let line = |second: u32| {
        format!("Nov 21 10:00:{second:02} mx1 postfix/smtpd[{second}]: connect from a[192.0.2.1]\n")
    };
    let path = folder.file("mail.log", line(1));
    let mut child = command()
        .args(["events", "--follow", "--year", "2026"])
        .arg(&path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next_pid = || {
        let event: Value = serde_json::from_str(&output.next().unwrap().unwrap()).unwrap();
        event["pid"].as_u64().unwrap()
    };
    assert_eq!(next_pid(), 1, "what the file has is read first");
    let mut log = OpenOptions::new().append(true).open(&path).unwrap();
    let third = line(3);
    let (head, tail) = third.split_at(30);
    log.write_all(format!("{}{head}", line(2)).as_bytes())
        .unwrap();
    assert_eq!(next_pid(), 2);
    log.write_all(tail.as_bytes()).unwrap();
    assert_eq!(next_pid(), 3, "a line that came in two pieces is one line");
    fs::rename(&path, folder.path().join("mail.log.1")).unwrap();
    log.write_all(line(4).as_bytes()).unwrap();
    let mut fresh = File::create(&path).unwrap();
    fresh.write_all(line(5).as_bytes()).unwrap();
    assert_eq!(
        (next_pid(), next_pid()),
        (4, 5),
        "the old file is read to its end, then the new one"
    );
    let id = child.id().to_string();
    let killed = Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(killed.success());
    assert!(output.next().is_none(), "nothing but whole lines");
    assert_eq!(
        child.wait().unwrap().code(),
        Some(0),
        "an end that was asked for"
    );
}

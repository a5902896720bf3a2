//! `--unparsed`: the lines of unknown shape, byte for byte.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::support::{Folder, command, finish, lab_log};

/// Lines of ours of unknown shape in several envelopes, and lines that are none.
const UNKNOWN: [&[u8]; 4] = [
    b"Nov 21 10:00:01 mx1 postfix/smtpd[101]: no such shape \xff\x1b[2J",
    b"2026-11-21T10:00:04.000000+01:00 mx1 postfix/nosuch[101]: what is this\r",
    b"{\"__REALTIME_TIMESTAMP\":\"1795255204000000\",\"_HOSTNAME\":\"mx1\",\"SYSLOG_IDENTIFIER\":\"postfix/smtpd\",\"MESSAGE\":\"no such shape\"}",
    b"2026-11-21T10:00:05.000000+01:00 mx1 postfix/smtpd[101]: cut",
];

const KNOWN: [&[u8]; 3] = [
    b"Nov 21 10:00:00 mx1 postfix/smtpd[101]: connect from mail.example.net[198.51.100.7]",
    b"2026-11-21T10:00:02.000000+01:00 mx1 cron[7]: (root) CMD (true)",
    b"no envelope at all",
];

fn log() -> Vec<u8> {
    let mut log = Vec::new();
    for (unknown, known) in UNKNOWN.iter().zip(KNOWN.iter().chain([&KNOWN[0]])) {
        log.extend_from_slice(known);
        log.push(b'\n');
        log.extend_from_slice(unknown);
        log.push(b'\n');
    }
    // The last line is cut off, as on a full disk.
    log.pop();
    log
}

fn unknown() -> Vec<u8> {
    UNKNOWN
        .iter()
        .flat_map(|line| [line, &b"\n"[..]].concat())
        .collect()
}

#[test]
fn each_command_writes_them_byte_for_byte() {
    let folder = Folder::new();
    let log = folder.file("mail.log", log());
    for name in ["events", "report", "coverage"] {
        let path = folder.path().join(name);
        let mut plain = command();
        let expected = finish(plain.args([name, "--year", "2026"]).arg(&log), b"");
        let mut command = command();
        command
            .args([name, "--year", "2026", "--unparsed"])
            .arg(&path)
            .arg(&log);
        let run = finish(&mut command, b"");
        assert_eq!(run.status, expected.status, "{run}");
        assert_eq!(run.stdout, expected.stdout, "the rest is as without it");
        assert!(run.stderr.contains("has 4 lines of unknown shape"), "{run}");
        assert_eq!(fs::read(&path).unwrap(), unknown(), "{name}");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "only its owner can read it");
    }
}

#[test]
fn filters_leave_none_out() {
    let folder = Folder::new();
    let (log, path) = (folder.file("mail.log", log()), folder.path().join("x"));
    let mut command = command();
    command
        .args(["events", "--kind", "delivery", "--unparsed"])
        .arg(&path)
        .arg(&log);
    assert_eq!(finish(&mut command, b"").stdout, "");
    assert_eq!(fs::read(&path).unwrap(), unknown());
}

#[test]
fn a_dash_writes_them_and_nothing_else_to_standard_output() {
    let folder = Folder::new();
    let log = folder.file("mail.log", log());
    for name in ["events", "report", "coverage"] {
        let mut command = command();
        command.args([name, "--unparsed", "-"]).arg(&log);
        let output = command.output().unwrap();
        assert_eq!(output.stdout, unknown(), "{name}");
    }
}

/// `mailtally events --unparsed /var/log/mail.log` forgets the name of the new file.
#[test]
fn a_file_with_anything_in_it_is_left_alone() {
    let folder = Folder::new();
    let log = folder.file("mail.log", log());
    for name in ["events", "report", "coverage"] {
        let mut command = command();
        command.args([name, "--unparsed"]).arg(&log).arg(lab_log());
        let run = finish(&mut command, b"").expect_status(2);
        assert!(
            run.stderr.contains("is there already; name a new file"),
            "{run}"
        );
        assert_eq!(run.stdout, "");
    }
    assert_eq!(fs::read(&log).unwrap(), self::log());
}

#[test]
fn an_empty_file_is_taken_and_protected() {
    let folder = Folder::new();
    let path = folder.file("empty", "");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let mut command = command();
    command
        .args(["coverage", "--unparsed"])
        .arg(&path)
        .arg(lab_log());
    let run = finish(&mut command, b"").expect_status(0);
    assert!(
        run.stderr
            .contains("is empty: no line was of unknown shape"),
        "{run}"
    );
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!((metadata.mode() & 0o777, metadata.len()), (0o600, 0));
}

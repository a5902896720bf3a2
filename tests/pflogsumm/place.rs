//! Does the binary take pflogsumm's place: its name, its standard input, its options and mailq?

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use super::run::{binary, clean, is_there, mailtally, ours, printed, printed_of_input, theirs};
use super::ties::Report;

/// A folder where our binary has pflogsumm's name.
fn named_pflogsumm() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let link = folder.path().join("pflogsumm");
    symlink(binary(), &link).expect("a link");
    (folder, link)
}

/// A log in which each part of the report has something.
fn log() -> PathBuf {
    static LOG: OnceLock<PathBuf> = OnceLock::new();
    let log = LOG.get_or_init(|| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pflogsumm.log");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logs/pflogsumm-edge");
        let parts = ["mutated.log", "addresses.log"].map(|name| fs::read(folder.join(name)));
        let parts = parts.map(|part| part.expect("a log"));
        fs::write(&path, parts.concat()).expect("written");
        path
    });
    log.clone()
}

#[test]
fn under_its_name_the_binary_reads_files_and_standard_input() {
    let (_folder, link) = named_pflogsumm();
    let log = log();
    let expected = ours(&["-e"], &log);
    let of_file = printed(Command::new(&link).arg("-e").arg(&log));
    let of_input = printed_of_input(Command::new(&link).arg("-e"), &log);
    assert!(expected.len() > 5_000);
    assert!(of_file == expected && of_input == expected);
    if is_there() {
        let theirs = printed_of_input(Command::new("pflogsumm").arg("-e"), &log);
        assert_eq!(Report::of(&theirs).difference(&Report::of(&of_input)), None);
    }
}

#[test]
fn without_input_it_reads_nothing_and_not_the_log_of_the_machine() {
    let (_folder, link) = named_pflogsumm();
    let printed = printed_of_input(&mut Command::new(&link), Path::new("/dev/null"));
    assert_eq!(printed, ours(&[], Path::new("/dev/null")));
}

#[test]
fn files_are_read_in_the_order_in_which_they_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = |day: u8, what: &str| format!("Nov {day:2} 10:00:00 mx postfix/{what}\n");
    let (early, late) = (folder.path().join("early"), folder.path().join("late"));
    fs::write(
        &early,
        line(
            1,
            "qmgr[1]: A1: from=<s@x>, size=700, nrcpt=1 (queue active)",
        ),
    )
    .expect("written");
    fs::write(
        &late,
        line(
            2,
            "smtp[1]: A1: to=<r@y>, relay=x, delay=1, status=sent (ok)",
        ),
    )
    .expect("written");
    let bytes = |files: [&Path; 2], command: &mut Command| {
        let report = printed(command.args(files));
        let report = String::from_utf8(report).expect("text");
        let line = report
            .lines()
            .find(|line| line.ends_with("bytes delivered"));
        line.expect("a total").trim().to_owned()
    };
    let ours = || {
        let mut command = mailtally();
        command.args(["--format=pflogsumm"]);
        command
    };
    for (files, expected) in [
        ([&*early, &*late], "700   bytes delivered"),
        ([&*late, &*early], "0   bytes delivered"),
    ] {
        assert_eq!(bytes(files, &mut ours()), expected);
        if is_there() {
            assert_eq!(bytes(files, &mut Command::new("pflogsumm")), expected);
        }
    }
}

/// Options in the spellings that pflogsumm takes, and what they mean.
#[test]
fn takes_options_as_pflogsumm_spells_them() {
    let log = log();
    for (spelt, meant) in [
        (&["-iso"][..], &["--iso-date-time"][..]),
        (&["--Problems_First"], &["--problems-first"]),
        (&["-E", "-I"], &["-e", "-i"]),
        (&["-h=3"], &["-h", "3"]),
        (&["+zero"], &["--zero-fill"]),
        (&["--verp-mung", "2"], &["--verp-mung=2"]),
        (&["--no_smtpd_warnings"], &["--smtpd-warning-detail", "0"]),
        (&["-q", "-h", "9", "-h", "2"], &["-q", "-h", "2"]),
        (&["--detail", "+3"], &["--detail", "3"]),
    ] {
        let ours_spelt = ours(spelt, &log);
        assert!(ours_spelt == ours(meant, &log), "{spelt:?}");
        assert!(ours_spelt != ours(&[], &log), "{spelt:?} means nothing");
        if is_there() {
            let theirs = Report::of(&theirs(spelt, &log));
            assert_eq!(
                theirs.difference(&Report::of(&ours_spelt)),
                None,
                "{spelt:?}"
            );
        }
    }
}

#[test]
fn options_may_follow_files() {
    let log = log();
    let log = log.to_str().expect("a path");
    let behind = printed(mailtally().args(["report", "--format", "pflogsumm", log, "-q"]));
    assert!(behind == ours(&["-q"], Path::new(log)));
    if is_there() {
        let theirs = printed(Command::new("pflogsumm").args([log, "-q"]));
        assert_eq!(Report::of(&theirs).difference(&Report::of(&behind)), None);
    }
}

#[test]
fn a_mistake_in_the_options_is_one_line_and_status_2() {
    for (options, said) in [
        (&["--nonsense"][..], "nonsense"),
        (&["-h"], "requires a value"),
        (&["-h", "many"], "many"),
        (&["-d", "tomorrow"], "tomorrow"),
        (&["--problems-firstly"], "problems-firstly"),
        (&["--rej"], "may be any of"),
        (&["--syslog-name", "("], "regular expression"),
    ] {
        let output = clean(mailtally().args(["--format", "pflogsumm"]).args(options)).output();
        let output = output.expect("it runs");
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{options:?}: {complaint}");
        assert!(complaint.contains(said), "{options:?}: {complaint}");
        assert!(output.stdout.is_empty(), "{options:?}");
    }
}

/// Both run the program `mailq` that the path finds, and let it write below a title.
#[test]
fn the_queue_is_what_mailq_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let mailq = folder.path().join("mailq");
    fs::write(&mailq, "#!/bin/sh\necho 'Mail queue is empty'\n").expect("written");
    fs::set_permissions(&mailq, fs::Permissions::from_mode(0o755)).expect("executable");
    let path = std::env::var("PATH").expect("a path");
    let path = format!("{}:{path}", folder.path().display());
    let log = log();
    let mut command = mailtally();
    let ours = printed(
        command
            .args(["--format=pflogsumm", "--mailq"])
            .arg(&log)
            .env("PATH", &path),
    );
    let end = "\nCurrent Mail Queue\n------------------\nMail queue is empty\n";
    assert!(
        ours.ends_with(end.as_bytes()),
        "{}",
        String::from_utf8_lossy(&ours)
    );
    if is_there() {
        let mut command = Command::new("pflogsumm");
        let theirs = printed(command.arg("--mailq").arg(&log).env("PATH", &path));
        assert_eq!(Report::of(&theirs).difference(&Report::of(&ours)), None);
    }
}

#[test]
fn a_day_that_is_in_no_calendar_ends_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let line = |time: &str, what: &str| {
        format!("{time} mx postfix/smtpd[1]: {what} from a.example.com[192.0.2.1]\n")
    };
    let lines = [
        line("Feb 28 10:00:00", "connect"),
        line("Feb 30 10:00:00", "disconnect"),
    ];
    fs::write(&log, lines.concat()).expect("written");
    let report = String::from_utf8(ours(&["--smtpd-stats"], &log)).expect("text");
    assert!(report.contains("      0   connections\n"), "{report}");
    if is_there() {
        let mut command = Command::new("pflogsumm");
        let theirs = clean(command.arg("--smtpd-stats").arg(&log))
            .output()
            .expect("it runs");
        assert!(!theirs.status.success() && !theirs.stdout.starts_with(b"\nGrand"));
    }
}

#[test]
fn packed_files_are_unpacked() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/packed");
    let plain = ours(&[], &folder.join("mail.log"));
    assert!(ours(&[], &folder.join("one.gz")) == plain);
}

#[test]
fn a_file_that_is_not_there_is_said_and_the_rest_is_read() {
    let log = log();
    let mut command = mailtally();
    command
        .args(["--format", "pflogsumm", "/nonexistent/mail.log"])
        .arg(&log);
    let output = clean(&mut command).output().expect("it runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(complaint.contains("/nonexistent/mail.log"), "{complaint}");
    assert!(output.stdout == ours(&[], &log));
}

/// Each line is one that pflogsumm does not count; how many of which sort was counted by hand.
#[test]
fn says_what_is_not_in_the_numbers() {
    let lines = [
        "postfix-out/smtp[1]: A1: to=<r@x>, relay=x, delay=1, status=sent (ok)",
        "mx1/smtpd[1]: connect from a[192.0.2.1]",
        "dovecot: imap-login: Login: user=<a>, rip=192.0.2.1",
        "postfix/submissions/smtpd[1]: A2: client=a[192.0.2.1]",
        "postfix/relay/smtp[1]: A2: to=<r@x>, relay=x, delay=1, status=sent (ok)",
        "postfix/smtp[1]: A2: to=<r@x>, relay=x, delay=1, delays=1/0/0/0, tls=none, dsn=2.0.0, status=sent (ok)",
        "postfix/smtpd[1]: NOQUEUE: milter-reject: RCPT from a[192.0.2.1]: 451 4.7.1 Later; from=<s@x> to=<r@x>",
        "postfix/smtpd[1]: A3: client=a[192.0.2.1]",
        "postfix/qmgr[1]: A3: from=<s@x>, size=7, nrcpt=1 (queue active)",
        "postfix/smtpd[1]: A3: client=a[192.0.2.1]",
    ];
    let said = |lines: &[&str]| {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log");
        let lines = lines
            .iter()
            .map(|line| format!("Nov  1 10:00:00 mx {line}\n"));
        fs::write(&log, lines.collect::<String>()).expect("written");
        let mut command = mailtally();
        command.args(["report", "--format", "pflogsumm"]).arg(&log);
        let output = clean(&mut command).output().expect("it runs");
        String::from_utf8(output.stderr).expect("text")
    };
    let all = said(&lines);
    let expected = "pflogsumm is known to miscount: 2 lines of other syslog names, \
                    1 line of a service with a name of its own, 1 delivery with tls=, \
                    1 verdict of a milter in smtpd, 1 mail whose queue id was used before; \
                    --mend prints the right numbers\n";
    assert!(all.contains(expected), "{all}");
    assert_eq!(said(&["postfix/smtpd[1]: A3: client=a[192.0.2.1]"]), "");
}

//! What goes wrong around whoever follows: it goes on, says so once, and recovers.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::process::{Process, sleep};
use crate::skipped::skip;
use crate::small_disk::SmallDisk;

/// A failed login; the process id is its number.
fn failed(number: u64, second: u64) -> String {
    format!(
        "2026-11-21T10:00:{second:02}+01:00 mx1 postfix/smtpd[{number}]: warning: \
         unknown[203.0.113.9]: SASL LOGIN authentication failed: UGFzc3dvcmQ6\n"
    )
}

fn append(path: &Path, text: &[u8]) {
    let mut options = OpenOptions::new();
    let log = options.append(true).create(true).open(path);
    log.unwrap().write_all(text).unwrap();
}

/// A line of a mebibyte, bytes that are no text, and a clock that is set back: the lines around them
/// come, and the attack is seen.
#[test]
fn strange_lines_and_a_clock_set_back_disturb_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let log = folder.path().join("mail.log");
    append(&log, b"");
    let mut events = Process::start(&["events", "--follow", &at("mail.log")], &at("events"));
    let watch = [
        "watch",
        "--from-start",
        "--format",
        "jsonl",
        &at("mail.log"),
    ];
    let mut watch = Process::start(&watch, &at("watch"));
    append(&log, failed(1, 50).as_bytes());
    let long = format!(
        "2026-11-21T10:00:51+01:00 mx1 postfix/smtpd[2]: {}\n",
        "x".repeat(1 << 20)
    );
    append(&log, long.as_bytes());
    let rubbish: Vec<u8> = (0..100_000_u32)
        .map(|at| (at.wrapping_mul(at) % 251) as u8)
        .collect();
    append(&log, &rubbish);
    append(&log, b"\n");
    for number in 3..10 {
        append(&log, failed(number, number).as_bytes());
    }
    events.wait_for("9");
    watch.wait_for_text("\"login-brute-force\"");
    events.stop();
    watch.stop();
    let lines = events.lines();
    let pids: Vec<u64> = lines
        .iter()
        .filter_map(|line| line["pid"].as_u64())
        .collect();
    let of_ours = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    assert_eq!(pids, of_ours);
}

/// A log that the program may not read is said once, and read from where it was when it can be.
#[test]
fn a_log_that_may_not_be_read_is_said_once_and_followed_when_it_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("mail.log");
    append(&log, b"");
    let mode = |mode| fs::set_permissions(&log, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o200);
    let arguments = ["events", "--follow", log.to_str().unwrap()];
    let mut events = Process::start_unprivileged(&arguments, folder.path());
    let said = folder.path().join("said");
    let said = || fs::read_to_string(&said).unwrap();
    wait_until("it is said", || said().contains("mail.log"));
    for number in 1..4 {
        append(&log, failed(number, number).as_bytes());
        sleep(100);
    }
    assert!(events.lines().is_empty());
    mode(0o644);
    events.wait_for("3");
    wait_until("its end is said", || said().contains("can be read again"));
    events.stop();
    assert_eq!(events.lines().len(), 3);
    let about = |text: &str| said().lines().filter(|line| line.contains(text)).count();
    assert_eq!(about("ermission denied"), 1, "{}", said());
    assert_eq!(about("can be read again"), 1, "{}", said());
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..600 {
        if is_so() {
            return;
        }
        sleep(100);
    }
    panic!("in vain: until {what}");
}

#[test]
fn a_full_disk_under_the_state_is_said_once_and_so_is_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(256) else {
        return skip("this user may not mount a small disk");
    };
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let log = folder.path().join("mail.log");
    append(&log, b"");
    let state = disk.path().join("state");
    let state_text = state.to_str().unwrap();
    let arguments = ["events", "--follow", "--state", state_text, &at("mail.log")];
    let mut events = Process::start_saying(&arguments, &at("events"), &at("said"));
    append(&log, failed(1, 1).as_bytes());
    events.wait_for("1");
    let filling = disk.path().join("filling");
    append(&filling, &[b'x'; 100_000]);
    // Until there is no room for a single byte more.
    let mut options = OpenOptions::new();
    let mut file = options.append(true).open(&filling).unwrap();
    while file.write_all(&[b'x'; 4096]).is_ok() {}
    drop(file);
    let said = |words: &str| {
        let text = fs::read_to_string(at("said")).unwrap();
        text.lines().filter(|line| line.contains(words)).count()
    };
    let mut number = 1;
    let mut write_until = |words: &str| {
        for _ in 0..600 {
            if said(words) > 0 {
                return;
            }
            number += 1;
            append(&log, failed(number, 1).as_bytes());
            sleep(100);
        }
        panic!("`{words}` is not said");
    };
    write_until("cannot write");
    fs::remove_file(&filling).unwrap();
    write_until("is written again");
    events.wait_for(&number.to_string());
    events.stop();
    assert_eq!(said("cannot write"), 1);
    assert_eq!(events.lines().len() as u64, number);
    // All of it is in the state: nothing comes again.
    events.start_again();
    append(&log, failed(number + 1, 2).as_bytes());
    events.wait_for(&(number + 1).to_string());
    events.stop();
    assert_eq!(events.lines().len() as u64, number + 1);
}

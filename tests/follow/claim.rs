//! Two programs that were to keep their state in one file: the second one does not begin.

use std::fs;
use std::time::Duration;

use crate::log::{Log, MARKER_RULE};
use crate::process::{Process, watch};

#[test]
fn a_second_one_does_not_begin_and_a_killed_one_hinders_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let mut log = Log::new(folder.path());
    fs::write(at("rules"), MARKER_RULE).unwrap();
    let (rules, state, path) = (at("rules"), at("state"), at("mail.log"));
    let watch = watch(&rules, &["--state", &state, &path]);
    let events = ["events", "--follow", "--state", &state, &path];
    // One that nobody holds is of no account.
    fs::write(at("state.lock"), "1\n").unwrap();
    let mut first = Process::start(&watch, &at("out"));
    log.write_marker();
    first.wait_for(&log.marker());
    first.wait_until("the state", || {
        fs::read_to_string(&state).is_ok_and(|text| text.contains("marker"))
    });
    for second in [&watch[..], &events[..]] {
        let before = fs::read(&state).unwrap();
        let output = assert_cmd::Command::cargo_bin("mailtally")
            .unwrap()
            .args(second)
            .timeout(Duration::from_secs(20))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        let holder = format!("mailtally: --state: {state}: process {} keeps", first.id());
        assert!(said.starts_with(&holder), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(output.stdout.is_empty());
        assert_eq!(fs::read(&state).unwrap(), before);
    }
    first.kill();
    first.start_again();
    log.write_marker();
    first.wait_for(&log.marker());
    first.stop();
    let mut second = Process::start(&watch, &at("second"));
    log.write_marker();
    second.wait_for(&log.marker());
    second.stop();
}

/// A log that is named in place of a state is left as it is, with nothing beside it.
#[test]
fn what_is_no_state_gets_no_lock_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("mail.log");
    fs::write(&log, "Nov 21 10:00:00 mx1 postfix/qmgr[7]: x\n").unwrap();
    let output = assert_cmd::Command::cargo_bin("mailtally")
        .unwrap()
        .args(["watch", "--state"])
        .args([&log, &log])
        .timeout(Duration::from_secs(20))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

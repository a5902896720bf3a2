//! Alerts that wait for a sink when `watch` ends or is killed: they come after the next start.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::log::{Log, MARKER_RULE};
use crate::process::{Process, watch};

/// A log, a rule that gives an alert for each marker, and a program that is told of alerts.
struct Place {
    folder: TempDir,
    log: Log,
}

impl Place {
    fn new(program: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::new(folder.path());
        let place = Place { folder, log };
        fs::write(place.at("rules"), MARKER_RULE).unwrap();
        let program = format!("#!/bin/sh\ncd {}\n{program}\n", place.at(".").display());
        fs::write(place.at("program"), program).unwrap();
        fs::set_permissions(place.at("program"), fs::Permissions::from_mode(0o755)).unwrap();
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn watch(&self, arguments: &[&str]) -> Process {
        let at = |name: &str| self.at(name).to_str().unwrap().to_owned();
        let (rules, state, log) = (at("rules"), at("state"), at("mail.log"));
        let more = [&["--state", &state], arguments, &[&log]].concat();
        let arguments = watch(&rules, &more);
        Process::start_saying(&arguments, &at("out"), &at("said"))
    }

    /// How often the program noted each marker.
    fn told(&self) -> BTreeMap<u64, usize> {
        let text = fs::read_to_string(self.at("told")).unwrap_or_default();
        let mut told = BTreeMap::new();
        for line in text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
        {
            *told.entry(line.trim().parse().unwrap()).or_default() += 1;
        }
        told
    }

    /// How many alerts wait for a sink, by the state as it is on disk.
    fn waiting(&self, sink: &str) -> usize {
        let state = fs::read_to_string(self.at("state")).unwrap_or_default();
        let body = state.split_once('\n').map_or("null", |(_, body)| body);
        let state: Value = serde_json::from_str(body).unwrap();
        state["carried"]["waiting"][sink]
            .as_array()
            .map_or(0, Vec::len)
    }

    /// Writes markers, and waits until they are told of or wait, by the state.
    fn mark(&mut self, watch: &mut Process, markers: u64, waiting: usize) {
        for _ in 0..markers {
            self.log.write_marker();
        }
        watch.wait_for(&self.log.marker());
        watch.wait_until("the state", || self.waiting("exec") == waiting);
    }
}

/// Notes the marker of an alert, but not before `hold` is gone.
const SLOW: &str = "while [ -e hold ]; do sleep 0.05; done; echo $MAILTALLY_KEY_PID >> told";

#[test]
fn what_waits_for_a_program_at_a_kill_is_told_after_the_next_start() {
    let mut place = Place::new(SLOW);
    let program = place.at("program");
    let mut watch = place.watch(&["--exec", program.to_str().unwrap()]);
    place.mark(&mut watch, 3, 0);
    watch.wait_until("three", || place.told().len() == 3);
    watch.wait_until("the state", || place.waiting("exec") == 0);
    fs::write(place.at("hold"), "").unwrap();
    // More than are worked on at one time.
    place.mark(&mut watch, 10, 10);
    watch.kill();
    watch.start_again();
    // Killed again before anything was delivered: nothing is different.
    watch.wait_until("the state", || place.waiting("exec") == 10);
    watch.kill();
    watch.start_again();
    fs::remove_file(place.at("hold")).unwrap();
    watch.wait_until("all", || place.told().len() == 13);
    watch.wait_until("the state", || place.waiting("exec") == 0);
    watch.kill();
    let before = place.told();
    watch.start_again();
    place.mark(&mut watch, 1, 0);
    watch.wait_until("the last", || place.told().len() == 14);
    watch.stop();
    let told = place.told();
    for marker in 1..=3 {
        assert_eq!(told[&marker], 1, "{marker} was noted as delivered");
    }
    for marker in 4..=13 {
        // A program that was begun may finish after the kill.
        assert!((1..=3).contains(&told[&marker]), "{marker}: {told:?}");
        assert_eq!(told[&marker], before[&marker], "{marker} came again");
    }
    assert_eq!(told[&14], 1);
}

#[test]
fn a_stop_lets_programs_finish_and_nothing_comes_twice() {
    let mut place = Place::new("sleep 0.3; echo $MAILTALLY_KEY_PID >> told");
    let program = place.at("program");
    let jail = place.at("jail");
    let sinks = [
        "--exec",
        program.to_str().unwrap(),
        "--jail-log",
        jail.to_str().unwrap(),
    ];
    let mut watch = place.watch(&sinks);
    for _ in 0..6 {
        place.log.write_marker();
    }
    watch.wait_for(&place.log.marker());
    watch.stop();
    assert_eq!((place.waiting("exec"), place.waiting("jail-log")), (0, 0));
    assert_eq!(place.told().len(), 6);
    watch.start_again();
    place.mark(&mut watch, 1, 0);
    watch.stop();
    assert!(
        place.told().values().all(|times| *times == 1),
        "{:?}",
        place.told()
    );
    assert_eq!(
        fs::read_to_string(place.at("said"))
            .unwrap()
            .matches("in time")
            .count(),
        0
    );
}

/// The first mail waits some seconds for alerts that come with it.
#[test]
fn a_mail_that_was_not_sent_at_a_kill_is_sent_after_the_next_start() {
    let mut place = Place::new("cat >> mail");
    let program = place.at("program");
    let mail = [
        "--mail-to",
        "postmaster",
        "--mail-class",
        "all",
        "--sendmail",
    ];
    let mut watch = place.watch(&[&mail[..], &[program.to_str().unwrap()]].concat());
    place.log.write_marker();
    watch.wait_until("the state", || place.waiting("mail-to") == 1);
    watch.kill();
    assert!(!place.at("mail").exists());
    watch.start_again();
    let sent = || fs::read_to_string(place.at("mail")).unwrap_or_default();
    watch.wait_until("mail", || sent().contains("pid=3D1"));
    watch.wait_until("the state", || place.waiting("mail-to") == 0);
    watch.stop();
    assert_eq!(sent().matches("Subject: ").count(), 1);
}

/// Whoever takes a sink away is told what becomes of its alerts.
#[test]
fn what_waits_for_a_sink_that_is_gone_is_given_up_aloud() {
    let mut place = Place::new(SLOW);
    fs::write(place.at("hold"), "").unwrap();
    let program = place.at("program");
    let mut watch = place.watch(&["--exec", program.to_str().unwrap()]);
    place.mark(&mut watch, 2, 2);
    watch.kill();
    fs::remove_file(place.at("hold")).unwrap();
    let mut watch = place.watch(&[]);
    place.mark(&mut watch, 1, 0);
    watch.stop();
    let said = fs::read_to_string(place.at("said")).unwrap();
    assert!(
        said.contains("2 alerts waited for --exec, which is not asked for any more"),
        "{said}"
    );
}

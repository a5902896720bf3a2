//! Several logs with a backlog: what they say comes in order of time, as in a replay of them.

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use crate::log::MARKER_RULE;
use crate::process::{Process, dedup_alerts, replayed, sleep, watch};

/// Logs of two hosts, each with its half of an attack: neither has enough of it by itself, and the
/// rules look at ten minutes of some hours.
fn logs() -> [String; 2] {
    let mut logs = [String::new(), String::new()];
    for step in 0..3_000_u32 {
        let host = usize::from(step % 3 > 0);
        let (hour, minute, second) = (8 + step / 360, step / 6 % 60, step % 6 * 10);
        let stamp = format!("2026-11-21T{hour:02}:{minute:02}:{second:02}.{step:06}+01:00");
        let (address, user) = (step / 400 + 1, step / 300);
        let text = match step % 400 {
            0..20 => format!(
                "warning: unknown[203.0.113.{address}]: SASL LOGIN authentication failed: \
                 authentication failure, sasl_username=user{user}"
            ),
            _ => format!("connect from unknown[198.51.100.{}]", step % 200),
        };
        let log = &mut logs[host];
        writeln!(log, "{stamp} mx{host} postfix/smtpd[{step}]: {text}").unwrap();
    }
    let end = "2026-11-21T20:00:00+01:00 mx0 postfix/smtpd[9999]: lost connection after AUTH from x[192.0.2.1]\n";
    logs[0].push_str(end);
    logs
}

/// What of an alert does not depend on where its lines were read.
fn alerts(lines: &[Value]) -> Vec<Value> {
    let alerts = dedup_alerts(lines);
    assert!(alerts.len() > 10, "{}", alerts.len());
    alerts
}

#[test]
fn a_backlog_of_several_logs_raises_what_their_replay_does() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let paths = [at("mx0.log"), at("mx1.log")];
    for (path, text) in paths.iter().zip(logs()) {
        fs::write(path, text).unwrap();
    }
    fs::write(at("rules"), MARKER_RULE).unwrap();
    let [first, second] = [paths[0].as_str(), paths[1].as_str()];
    let expected = alerts(&replayed(&at("rules"), &[first, second]));
    assert_eq!(
        alerts(&replayed(&at("rules"), &[second, first])),
        expected,
        "whichever is named first"
    );
    for paths in [[first, second], [second, first]] {
        let (rules, state) = (at("rules"), at("state"));
        let watch = watch(&rules, &["--state", &state, paths[0], paths[1]]);
        let mut process = Process::start(&watch, &at("out"));
        // Somewhere among the lines, and each time elsewhere.
        for milliseconds in [0, 40, 80] {
            sleep(milliseconds);
            process.kill();
            process.start_again();
        }
        process.wait_for("9999");
        process.stop();
        assert_eq!(alerts(&process.lines()), expected);
        fs::remove_file(at("state")).unwrap();
    }
}

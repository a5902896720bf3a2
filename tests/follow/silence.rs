//! A log that goes silent: while it is followed the wall clock says when that is due, in a replay the
//! next line; it is the same alert.

use std::fs::{self, OpenOptions};
use std::io::Write;

use serde_json::Value;

use crate::process::{Process, dedup_alerts, replayed, watch};

/// Too long is what is longer than the longest usual pause, and than three seconds.
const RULE: &str = "\
[[rule]]
name = 'no-connection'
about = 'nobody connects'
next = 'go on'
class = 'page'
severity = 'critical'
key = ['host']
within = '1m'
silence = { times = 1, at-least = '3s', at-most = '3s' }
on = [{ kinds = ['smtpd_connect'] }]
";

/// When the last line but one is stamped, in seconds of its day: on a Friday.
const LAST: u32 = 10 * 3_600 + 1_800;

fn line(day: u32, second: u32) -> String {
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!(
        "2026-11-{day:02}T{hour:02}:{minute:02}:{second:02}+01:00 mx1 postfix/smtpd[7]: \
         connect from unknown[192.0.2.1]\n"
    )
}

/// Two weeks with a line a day at least, for before that nothing is usual; from the second Friday on
/// two hours of workdays, and less of the last one, in which somebody connects every two seconds.
fn log() -> String {
    let mut log = String::new();
    for day in 6..=20 {
        let end = if day == 20 { LAST } else { 12 * 3_600 };
        if day >= 13 && !matches!(day, 14 | 15) {
            let seconds = (10 * 3_600..=end).step_by(2);
            log.extend(seconds.map(|second| line(day, second)));
        } else {
            let stamp = format!("2026-11-{day:02}T10:00:00+01:00");
            log += &format!("{stamp} mx1 postfix/qmgr[8]: 4A1B2C3D4E: removed\n");
        }
    }
    log
}

/// The changes of the rule's alerts on the last day.
fn silences(lines: &[Value]) -> Vec<Value> {
    let mut alerts = dedup_alerts(lines);
    alerts.retain(|alert| alert["rule"] == "no-connection");
    alerts
}

#[test]
fn a_silence_is_raised_by_the_clock_and_in_a_replay_alike() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (rules, path) = (at("rules"), at("mail.log"));
    fs::write(&rules, RULE).unwrap();
    fs::write(&path, log()).unwrap();
    assert_eq!(
        silences(&replayed(&rules, &[&path])),
        [] as [Value; 0],
        "in a replay no time passes"
    );
    let watch = watch(&rules, &[&path]);
    let mut process = Process::start(&watch, &at("out"));
    process.wait_for_text("\"no-connection\"");
    let raised = silences(&process.lines());
    assert_eq!(raised.len(), 1);
    assert_eq!(raised[0]["change"], "raised");
    assert_eq!(
        raised[0]["time"], "2026-11-20T10:30:03+01:00",
        "by the time of the log"
    );
    // Half a minute later, by its stamp, somebody connects.
    let mut log = OpenOptions::new().append(true).open(&path).unwrap();
    log.write_all(line(20, LAST + 30).as_bytes()).unwrap();
    process.wait_for_text(
        "\"resolved\",\"time\":\"2026-11-20T10:30:30+01:00\",\"rule\":\"no-connection\"",
    );
    process.stop();
    let followed = silences(&process.lines());
    let again = silences(&replayed(&rules, &[&path]));
    // Due time and id are among what is the same.
    assert_eq!(again[0], raised[0]);
    let resolved = |alerts: &[Value]| {
        alerts
            .iter()
            .filter(|alert| alert["change"] == "resolved")
            .count()
    };
    assert_eq!((resolved(&followed), resolved(&again)), (1, 1));
    assert_eq!(followed, again);
}

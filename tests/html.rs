//! The HTML report in a real browser: on a phone and on a desk, in light and in dark.
//!
//! Skips where there is no Chromium or Python; `MAILTALLY_REQUIRE=1` makes that a failure.
#![cfg(test)]

mod skipped;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use skipped::skip;

const VIEWS: [&str; 4] = ["phone light", "phone dark", "desk light", "desk dark"];

/// Finds a program by its names.
fn program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let places = names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.into_iter().find(|place| place.is_file())
}

/// Opens the report of a log in the browser; `None` where there is none.
fn seen(log: &Path, arguments: &[&str]) -> Option<Value> {
    let chromium = program(&["chromium", "chromium-browser", "google-chrome"]);
    let (Some(chromium), Some(python)) = (chromium, program(&["python3"])) else {
        skip("no chromium or python3 (apt-get install chromium)");
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    let written = Command::new(assert_cmd::cargo::cargo_bin!("mailtally"))
        .args(["report", "--format", "html", "--year", "2026", "--out"])
        .arg(&page)
        .args(arguments)
        .arg(log)
        .output()
        .unwrap();
    assert!(page.exists(), "{written:?}");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/html/browser.py");
    let mut browser = Command::new(python);
    browser.arg(script).arg(chromium).arg(&page);
    // A folder for pictures, for whoever wants to look.
    browser.args(std::env::var_os("MAILTALLY_PICTURES"));
    let output = browser.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn list<'v>(value: &'v Value, name: &str) -> &'v Vec<Value> {
    value[name]
        .as_array()
        .unwrap_or_else(|| panic!("no list {name} in {value}"))
}

/// What must hold of every page in every view.
fn expect_sound(seen: &Value, view: &str) {
    let page = &seen[view];
    for complaint in ["console", "requests", "faint"] {
        assert!(
            list(page, complaint).is_empty(),
            "{view}, {complaint}: {}",
            page[complaint]
        );
    }
    assert!(
        page["width"].as_u64() <= page["room"].as_u64(),
        "{view}: wider than the screen"
    );
    assert_eq!(list(page, "landmarks").len(), 5, "{view}");
    for mistake in ["unnamed", "unscoped", "dead_links"] {
        assert_eq!(page[mistake], 0, "{view}: {mistake}");
    }
}

fn expect_charts(page: &Value, expected: &[&str]) {
    let charts = list(page, "charts");
    let titles: Vec<&str> = charts
        .iter()
        .map(|chart| chart["title"].as_str().unwrap())
        .collect();
    assert_eq!(titles, expected);
    for chart in charts {
        assert!(chart["width"].as_f64().unwrap() > 200.0, "{chart}");
        assert!(chart["height"].as_f64().unwrap() > 50.0, "{chart}");
        assert!(chart["shapes"].as_u64().unwrap() > 0, "{chart}");
        assert_eq!(chart["has_table"], true, "{chart}");
    }
}

fn expect_sorting(page: &Value) {
    let numbers = |value: &Value| -> Vec<u64> {
        list(value, "values")
            .iter()
            .map(|number| number.as_u64().unwrap())
            .collect()
    };
    let sort = &page["sort"];
    let (first, second) = (numbers(&sort["first"]), numbers(&sort["second"]));
    assert_eq!(
        (&sort["first"]["order"], &sort["second"]["order"]),
        (&"descending".into(), &"ascending".into())
    );
    assert!(
        first.len() > 5 && first.is_sorted_by(|a, b| a >= b),
        "{first:?}"
    );
    assert!(second.is_sorted() && second != first, "{second:?}");
}

#[test]
fn a_day_is_sound_in_every_view() {
    let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logs/lab-small/mail.log");
    let Some(seen) = seen(&log, &[]) else { return };
    let charts = [
        "What became of mail",
        "Mail per hour of the day",
        "Encryption, as the log proves it",
        "IPv4 and IPv6",
        "Score of the first ten",
    ];
    for view in VIEWS {
        expect_sound(&seen, view);
        expect_charts(&seen[view], &charts);
        expect_sorting(&seen[view]);
    }
    // All but sorting is there without the script.
    expect_sound(&seen, "without scripts");
    expect_charts(&seen["without scripts"], &charts);
    assert_eq!(seen["without scripts"]["buttons"], 0);
    assert!(seen["desk light"]["buttons"].as_u64().unwrap() > 30);
}

#[test]
fn a_fortnight_has_days_and_weekdays() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("mail.log");
    let mut lines = String::new();
    for day in 1..=14 {
        for hour in [3, 9, 15] {
            let id = format!("{:X}", 0xA0_0000 + day * 100 + hour);
            lines += &format!(
                "Nov {day:2} {hour:02}:00:00 mx1 postfix/smtpd[1]: {id}: client=a.example[192.0.2.1]\n"
            );
        }
    }
    std::fs::write(&log, lines).unwrap();
    let Some(seen) = seen(&log, &["--sections", "traffic"]) else {
        return;
    };
    for view in VIEWS {
        expect_sound(&seen, view);
        expect_charts(
            &seen[view],
            &[
                "Mail per day",
                "Mail per hour of the day",
                "Busy and quiet hours",
            ],
        );
    }
}

#[test]
fn a_hostile_log_runs_nothing() {
    let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/malformed/markup.log");
    let Some(seen) = seen(&log, &[]) else { return };
    for view in VIEWS {
        expect_sound(&seen, view);
        assert_ne!(seen[view]["title"], "owned");
    }
}

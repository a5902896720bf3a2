//! What a directory of Parquet files is: small, the same each time, and read only where it has to be.

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use crate::files_below::files_below;
use crate::support::{LAB, ask, export, exporter, lines, log, mailtally, named, names};

#[test]
fn a_directory_answers_as_its_logs_do() {
    let folder = TempDir::new().unwrap();
    let directory = folder.path().join("tables");
    export(&directory, &[LAB]);
    for name in names() {
        let rows = named(name, &[directory.to_str().unwrap()]);
        assert_eq!(named(name, &[LAB]), rows, "{name}");
    }
}

#[test]
fn the_same_log_makes_the_same_files() {
    let folder = TempDir::new().unwrap();
    let log = log(folder.path(), "mail.log", lines(5, 20_000));
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    export(&one, &[&log]);
    let mut command = exporter(&other, &[&log]);
    assert!(command.args(["--threads", "1"]).status().unwrap().success());
    let written = files_below(&one);
    assert!(written.len() > 5, "{:?}", written.keys());
    assert_eq!(written, files_below(&other));
    // And over itself nothing is doubled.
    export(&one, &[&log]);
    assert_eq!(written, files_below(&one));
}

#[test]
fn parquet_is_a_small_part_of_the_log() {
    let folder = TempDir::new().unwrap();
    let log = log(folder.path(), "mail.log", lines(6, 150_000));
    let directory = folder.path().join("tables");
    export(&directory, &[&log]);
    let parquet: u64 = files_below(&directory)
        .values()
        .map(|bytes| bytes.len() as u64)
        .sum();
    let text = fs::metadata(&log).unwrap().len();
    let share = parquet * 1_000 / text;
    println!("{parquet} bytes of Parquet for {text} bytes of log: {share} in a thousand");
    // A generated log is mostly random names and ids, which no format packs: zstd alone, at the same level, leaves a
    // tenth of its text, and here queue ids, message-ids and addresses stand in up to three tables.
    assert!(share < 126, "{share} in a thousand");
}

#[test]
fn parts_of_other_days_and_hosts_are_not_opened() {
    let folder = TempDir::new().unwrap();
    let directory = folder.path().join("tables");
    export(&directory, &[LAB]);
    let name = directory.to_str().unwrap();
    let before = ask(
        "SELECT COUNT(*) AS n FROM events WHERE date = '2026-11-21'",
        name,
    );
    assert!(before[0]["n"].as_i64().unwrap() > 2_000, "{before:?}");
    for other in [
        "date=2026-11-20/host=mail.example.org",
        "date=2026-11-21/host=other",
    ] {
        let place = directory.join("events").join(other);
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("part-0.parquet"), "no Parquet").unwrap();
    }
    let all = mailtally("sql", &["SELECT COUNT(*) FROM events", name]);
    assert_eq!(all.status.code(), Some(2), "a broken part is no rows");
    let hosts = "host IN ('mail.example.org', 'mx1.example.net')";
    let query = format!("SELECT COUNT(*) AS n FROM events WHERE date = '2026-11-21' AND {hosts}");
    assert_eq!(ask(&query, name), before);
    let query = format!(
        "SELECT COUNT(*) AS n FROM events WHERE date >= '2026-11-21' AND {hosts} AND kind = 'pickup'"
    );
    assert_eq!(ask(&query, name), [json!({ "n": 4 })]);
}

#[test]
fn a_part_without_a_column_has_no_values_there() {
    let folder = TempDir::new().unwrap();
    let directory = folder.path().join("tables");
    export(&directory, &[LAB]);
    let name = directory.to_str().unwrap();
    // A file that an older version wrote, or somebody else: one column.
    let place = directory.join("logins/date=2026-11-19/host=old");
    fs::create_dir_all(&place).unwrap();
    let part = place.join("part-1.parquet");
    let query = "SELECT 'anna' AS \"user\" FROM logins LIMIT 1";
    let made = mailtally(
        "sql --format parquet",
        &["--out", part.to_str().unwrap(), query, LAB],
    );
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    let query = "SELECT date, \"user\", method FROM logins WHERE date < '2026-11-20'";
    let row = json!({ "date": "2026-11-19", "user": "anna", "method": null });
    assert_eq!(ask(query, name), [row]);
}

#[test]
fn a_day_is_that_of_the_loggers_clock_and_a_host_may_have_any_name() {
    let folder = TempDir::new().unwrap();
    let (log, directory) = (folder.path().join("mail.log"), folder.path().join("tables"));
    // Half an hour into a day that has not begun in UTC, and a host whose name cannot stand in a path as it is.
    let lines = "\
        2026-11-21T00:30:00.000000+01:00 2001:db8::1 postfix/qmgr[102]: 4A1B2C3D4E: removed\n\
        2026-11-21T00:30:01.000000+01:00 mx1 postfix/qmgr[102]: 4A1B2C3D4F: removed\n";
    fs::write(&log, lines).unwrap();
    export(&directory, &[log.to_str().unwrap()]);
    let query =
        "SELECT COUNT(*) AS n FROM events WHERE date = '2026-11-21' AND host = '2001:db8::1'";
    for of in [&log, &directory] {
        assert_eq!(
            ask(query, of.to_str().unwrap())[0]["n"],
            json!(1),
            "{}",
            of.display()
        );
    }
}

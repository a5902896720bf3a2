//! The tables of a log: sums over them are the report's and loggen's numbers, and whatever happens to
//! an exporter, a folder has whole parts of whole logs.
#![cfg(test)]

mod files_below;
mod killed;
mod skipped;
mod small_disk;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use files_below::files_below;
use flate2::Compression;
use flate2::write::GzEncoder;
use killed::kill_exporters;
use loggen::Generator;
use mailtally::export::tables::Table;
use serde_json::Value;
use skipped::skip;
use small_disk::SmallDisk;

const SMALL: &str = "fixtures/logs/lab-small/mail.log";
const LAB: &str = "fixtures/logs/lab-a/mail.log.gz";

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("mailtally"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// Exports as JSON Lines, with further arguments.
fn export(out: &Path, arguments: &[&str]) -> Output {
    let out = out.to_str().unwrap();
    let mut all = vec!["export", "--format", "jsonl", "--out", out];
    all.extend(arguments);
    run(&all)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The rows of all tables.
struct Tables(BTreeMap<&'static str, Vec<Value>>);

impl Tables {
    fn read(root: &Path) -> Tables {
        let mut tables: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for (path, bytes) in files_below(root) {
            let name = path.iter().next().unwrap().to_str().unwrap();
            let table = Table::named(name).unwrap().name;
            let rows = bytes.split(|byte| *byte == b'\n');
            let rows = rows.filter(|row| !row.is_empty());
            let rows: Vec<Value> = rows
                .map(|row| serde_json::from_slice(row).unwrap())
                .collect();
            let times: Vec<&str> = rows
                .iter()
                .map(|row| row["time"].as_str().unwrap())
                .collect();
            assert!(times.is_sorted(), "{}", path.display());
            tables.entry(table).or_default().extend(rows);
        }
        Tables(tables)
    }

    fn rows(&self, table: &str) -> &[Value] {
        self.0.get(table).map_or(&[], Vec::as_slice)
    }

    fn count(&self, table: &str, is_counted: impl Fn(&Value) -> bool) -> u64 {
        let rows = self.rows(table).iter();
        u64::try_from(rows.filter(|row| is_counted(row)).count()).unwrap()
    }

    fn sum(&self, table: &str, column: &str) -> u64 {
        let rows = self.rows(table).iter();
        rows.map(|row| row[column].as_u64().unwrap_or(0)).sum()
    }

    /// What the report and loggen's truth count, from the tables.
    fn numbers(&self) -> BTreeMap<String, u64> {
        let mut numbers = BTreeMap::new();
        let mut put = |key: &str, number| numbers.insert(key.to_owned(), number);
        let mails = |column: &str| self.count("messages", |mail| mail[column] == true);
        put("messages.accepted", mails("is_accepted"));
        put("messages.reinjected", mails("is_reinjected"));
        let delivered = self.sum("messages", "delivered");
        let handed_over = self.sum("messages", "handed_over");
        put("messages.delivered_recipients", delivered - handed_over);
        put(
            "messages.bounced_recipients",
            self.sum("messages", "bounced"),
        );
        put(
            "messages.expired_recipients",
            self.sum("messages", "expired"),
        );
        let unbegun = self.count("messages", |mail| mail["is_begun"] == false);
        put("messages.open_at_start", unbegun);
        for (end, key) in [
            ("open", "open_at_end"),
            ("lost", "lost_end"),
            ("superseded", "superseded"),
        ] {
            let is_so = |mail: &Value| mail["end"] == end && mail["is_in_queue"] == true;
            put(&format!("messages.{key}"), self.count("messages", is_so));
        }
        let deferred = |mail: &Value| mail["deferrals"].as_u64() > Some(0);
        put("totals.deferred", self.count("messages", deferred));
        let is_received = |mail: &&Value| mail["origin"] == "smtp" || mail["origin"] == "local";
        let received = self.rows("messages").iter().filter(is_received);
        let bytes = received.map(|mail| mail["size_bytes"].as_u64().unwrap_or(0));
        put("totals.bytes_received", bytes.sum());
        for (status, key) in [("deferred", "deferrals"), ("bounced", "bounced")] {
            let is_so = |row: &Value| row["status"] == status;
            put(&format!("totals.{key}"), self.count("deliveries", is_so));
        }
        for (is_forwarded, key) in [(false, "delivered"), (true, "forwarded")] {
            let is_so =
                |row: &Value| row["status"] == "sent" && row["is_forwarded"] == is_forwarded;
            put(&format!("totals.{key}"), self.count("deliveries", is_so));
        }
        for verdict in ["rejected", "reject_warnings", "held", "discarded"] {
            let is_so = |row: &Value| row["verdict"] == verdict;
            put(&format!("totals.{verdict}"), self.count("rejects", is_so));
        }
        let refused = |row: &Value| row["action"] == "reject";
        let at_rcpt = |row: &Value| refused(row) && row["stage"] == "rcpt";
        put(
            "messages.rejected_recipients",
            self.count("rejects", at_rcpt),
        );
        for class in [4, 5] {
            let is_so = |row: &Value| refused(row) && row["reply_class"] == class;
            let key = format!("messages.rejected_{class}xx");
            put(&key, self.count("rejects", is_so));
        }
        for coverage in ["parsed", "generic", "unparsed"] {
            let is_so = |row: &Value| row["coverage"] == coverage;
            put(
                &format!("coverage.lines.{coverage}"),
                self.count("events", is_so),
            );
        }
        numbers
    }

    /// Refusals by rule, class and action; logins by service, outcome, user and address.
    fn rejects_by_rule(&self) -> BTreeMap<[String; 3], u64> {
        let mut counts = BTreeMap::new();
        for row in self.rows("rejects") {
            let class = match row["class_detail"].as_str() {
                Some(detail) => format!("{}:{detail}", text(&row["class"])),
                None => text(&row["class"]),
            };
            let key = [text(&row["rule"]), class, text(&row["action"])];
            *counts.entry(key).or_default() += 1;
        }
        counts
    }

    fn logins(&self) -> BTreeMap<[String; 5], u64> {
        let mut counts = BTreeMap::new();
        for row in self.rows("logins") {
            let attempts = row["attempts"].as_u64().unwrap();
            let columns = ["service", "result", "user", "method", "client_address"];
            if attempts > 0 {
                let key = columns.map(|column| text(&row[column]));
                *counts.entry(key).or_default() += attempts;
            }
        }
        counts
    }

    fn inbound_tls(&self) -> BTreeMap<[String; 3], u64> {
        let mut counts = BTreeMap::new();
        let inbound = |row: &&Value| row["direction"] == "inbound";
        for row in self.rows("tls_sessions").iter().filter(inbound) {
            let key = ["trust", "protocol", "cipher"].map(|column| text(&row[column]));
            *counts.entry(key).or_default() += 1;
        }
        counts
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("").to_owned()
}

/// Sums the rows of a section of the report.
fn rows_of<const N: usize>(
    rows: &Value,
    columns: [&str; N],
    count: &str,
) -> BTreeMap<[String; N], u64> {
    let mut counts = BTreeMap::new();
    for row in rows.as_array().unwrap() {
        let key = columns.map(|column| text(&row[column]));
        *counts.entry(key).or_default() += row[count].as_u64().unwrap();
    }
    counts
}

fn number(of: &Value, key: &str) -> Option<u64> {
    let pointer = format!("/{}", key.replace('.', "/"));
    of.pointer(&pointer).and_then(Value::as_u64)
}

/// Holds the tables of a log against a report or loggen's truth.
fn compare(tables: &Tables, expected: &Value, what: &str) {
    let mut compared = 0;
    for (key, ours) in tables.numbers() {
        if let Some(theirs) = number(expected, &key) {
            assert_eq!(ours, theirs, "{key} of {what}");
            compared += 1;
        }
    }
    assert!(compared >= 20, "{what} has only {compared} of the numbers");
    let by_rule = &expected["rejects"]["by_rule"];
    let by_rule = rows_of(by_rule, ["rule", "class", "action"], "count");
    assert_eq!(tables.rejects_by_rule(), by_rule, "rejects of {what}");
    let columns = ["service", "outcome", "user", "method", "address"];
    let logins = rows_of(&expected["logins"], columns, "count");
    assert_eq!(tables.logins(), logins, "logins of {what}");
    let inbound = &expected["tls"]["inbound"];
    let inbound = rows_of(inbound, ["trust", "protocol", "cipher"], "sessions");
    assert_eq!(tables.inbound_tls(), inbound, "TLS of {what}");
}

fn report(arguments: &[&str]) -> Value {
    let mut all = vec!["report", "--format", "json"];
    all.extend(arguments);
    serde_json::from_slice(&run(&all).stdout).unwrap()
}

#[test]
fn sums_are_the_reports_numbers() {
    for log in [SMALL, LAB] {
        let out = tempfile::tempdir().unwrap();
        let output = export(out.path(), &[log]);
        assert!(output.status.success(), "{}", said(&output));
        compare(&Tables::read(out.path()), &report(&[log]), log);
    }
}

#[test]
fn sums_are_what_loggen_intended() {
    for seed in [1, 2] {
        let mut log = tempfile::NamedTempFile::new().unwrap();
        let options = loggen::Options::small(seed, 300);
        let truth = Generator::new(options).write_to(log.as_file_mut()).unwrap();
        let log = log.path().to_str().unwrap();
        let arguments = ["--year", "2026", "--tz", "UTC", log];
        let out = tempfile::tempdir().unwrap();
        let output = export(out.path(), &arguments);
        assert!(output.status.success(), "{}", said(&output));
        let tables = Tables::read(out.path());
        let truth = serde_json::to_value(truth).unwrap();
        compare(&tables, &truth, &format!("loggen's log {seed}"));
        compare(&tables, &report(&arguments), &format!("the report {seed}"));
    }
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    export(one.path(), &["--threads", "1", LAB]);
    export(other.path(), &["--threads", "5", LAB]);
    assert!(files_below(one.path()) == files_below(other.path()));
    assert!(files_below(one.path()).len() >= 6);
}

/// Writes a copy of the small log, packed.
fn packed_copy(folder: &Path) -> PathBuf {
    let path = folder.join("mail.log.1.gz");
    let mut packed = GzEncoder::new(File::create(&path).unwrap(), Compression::fast());
    packed.write_all(&fs::read(SMALL).unwrap()).unwrap();
    packed.finish().unwrap();
    path
}

#[test]
fn a_log_that_was_renamed_and_packed_replaces_its_parts() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("tables");
    export(&out, &[SMALL]);
    let before = files_below(&out);
    let packed = packed_copy(folder.path());
    export(&out, &[packed.to_str().unwrap()]);
    assert!(files_below(&out) == before, "nothing is there twice");
    // With a condition there are fewer rows, and some parts have none.
    export(&out, &["--where", "daemon=qmgr", packed.to_str().unwrap()]);
    let tables = Tables::read(&out);
    assert!(tables.rows("rejects").is_empty() && tables.rows("deliveries").is_empty());
    assert!(
        tables
            .rows("events")
            .iter()
            .all(|event| event["daemon"] == "qmgr")
    );
}

#[test]
fn other_tables_logs_and_formats_stay() {
    let out = tempfile::tempdir().unwrap();
    export(out.path(), &[SMALL]);
    let before = files_below(out.path());
    export(
        out.path(),
        &["--table", "logins", "--where", "kind=none_such", SMALL],
    );
    let after = files_below(out.path());
    assert!(after.len() < before.len(), "the logins are gone");
    let others = before
        .iter()
        .filter(|(path, _)| !path.starts_with("logins"));
    assert!(others.eq(after.iter()), "and nothing else");
    run(&["export", "--out", out.path().to_str().unwrap(), SMALL]);
    let both = files_below(out.path());
    assert!(
        after
            .iter()
            .all(|(path, bytes)| both.get(path) == Some(bytes))
    );
    assert!(
        both.keys()
            .any(|path| path.extension().is_some_and(|end| end == "csv"))
    );
}

#[test]
fn a_range_replaces_its_days_alone() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("mail.log");
    let line = |day: u8, pid: u8| {
        format!(
            "2026-11-{day}T10:00:00+00:00 mx1 postfix/smtpd[{pid}]: connect from a.example[192.0.2.{pid}]\n"
        )
    };
    fs::write(&log, [line(19, 1), line(20, 2), line(21, 3)].concat()).unwrap();
    let out = folder.path().join("tables");
    let log = log.to_str().unwrap();
    export(&out, &[log]);
    let before = files_below(&out);
    assert_eq!(before.len(), 3);
    export(&out, &["--date", "2026-11-20", "--where", "pid=9", log]);
    let after = files_below(&out);
    let days: Vec<&str> = after.keys().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(days.len(), 2);
    assert!(days[0].starts_with("events/date=2026-11-19/host=mx1/part-"));
    assert!(days[1].starts_with("events/date=2026-11-21/host=mx1/part-"));
}

#[test]
fn names_are_tokens_where_that_is_asked_for() {
    let out = tempfile::tempdir().unwrap();
    export(out.path(), &["--pseudonymize", SMALL]);
    let plain = fs::read_to_string(SMALL).unwrap();
    assert!(plain.contains("@example.org") && plain.contains("198.51.100.59"));
    for (path, bytes) in files_below(out.path()) {
        let text = String::from_utf8(bytes).unwrap();
        for name in ["@example.org", "198.51.100.59"] {
            assert!(!text.contains(name), "{name} in {}", path.display());
        }
    }
    let tables = Tables::read(out.path());
    let by_name = report(&[SMALL]);
    let accepted = tables.count("messages", |mail| mail["is_accepted"] == true);
    assert_eq!(Some(accepted), number(&by_name, "messages.accepted"));
}

#[test]
fn hostile_hosts_stay_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("mail.log");
    let hosts = ["../../../evil", "a/b", ".hidden", "..", "host=x", "%2F"];
    let lines =
        hosts.map(|host| format!("2026-11-20T10:00:00Z {host} postfix/qmgr[1]: 4cZ: removed\n"));
    fs::write(&log, lines.concat()).unwrap();
    let out = folder.path().join("out/tables");
    export(&out, &[log.to_str().unwrap()]);
    let all: Vec<PathBuf> = files_below(folder.path()).into_keys().collect();
    for path in &all {
        let depth = path.iter().count();
        assert!(
            path == Path::new("mail.log") || depth == 6,
            "{}",
            path.display()
        );
    }
    let tables = Tables::read(&out);
    let mut seen: Vec<String> = tables
        .rows("events")
        .iter()
        .map(|row| text(&row["host"]))
        .collect();
    seen.sort();
    let mut hosts = hosts.map(str::to_owned);
    hosts.sort();
    assert_eq!(seen, hosts);
}

/// A log of some size: what is killed has to be caught at it.
fn larger_log(folder: &Path, seed: u64) -> String {
    let path = folder.join(format!("mail-{seed}.log"));
    let mut file = File::create(&path).unwrap();
    let options = loggen::Options::small(seed, 500);
    Generator::new(options).write_to(&mut file).unwrap();
    path.to_str().unwrap().to_owned()
}

fn exporter(out: &Path, format: &str, log: &str) -> Command {
    let out = out.to_str().unwrap();
    command(&[
        "export", "--format", format, "--out", out, "--year", "2026", log,
    ])
}

fn start(out: &Path, format: &str, log: &str) -> Child {
    let mut exporter = exporter(out, format, log);
    exporter.stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn after_kills_at_many_points_a_run_makes_what_an_undisturbed_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let log = larger_log(folder.path(), 3);
    let [undisturbed, disturbed] =
        ["undisturbed", "disturbed"].map(|name| folder.path().join(name));
    let begun = Instant::now();
    for format in ["csv", "jsonl"] {
        assert!(start(&undisturbed, format, &log).wait().unwrap().success());
    }
    let whole_run = begun.elapsed() / 2;
    let format = |killed| if killed % 2 == 0 { "csv" } else { "jsonl" };
    let killed = |out: &Path, number| exporter(out, format(number), &log);
    kill_exporters(killed, whole_run, &undisturbed, &disturbed);
    for format in ["csv", "jsonl"] {
        assert!(start(&disturbed, format, &log).wait().unwrap().success());
    }
    assert!(files_below(&disturbed) == files_below(&undisturbed));
}

#[test]
fn two_exporters_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let logs = [4, 5].map(|seed| larger_log(folder.path(), seed));
    let [together, apart] = ["together", "apart"].map(|name| folder.path().join(name));
    for log in &logs {
        assert!(start(&apart, "csv", log).wait().unwrap().success());
    }
    for _ in 0..3 {
        let mut both = logs.each_ref().map(|log| start(&together, "csv", log));
        assert!(both.iter_mut().all(|one| one.wait().unwrap().success()));
        assert!(files_below(&together) == files_below(&apart));
    }
}

#[test]
fn a_full_disk_leaves_no_broken_part() {
    let Some(disk) = SmallDisk::mount(600) else {
        return skip("this user may not mount a small disk");
    };
    let undisturbed = tempfile::tempdir().unwrap();
    export(undisturbed.path(), &[SMALL]);
    let out = disk.path().join("tables");
    let output = export(&out, &[SMALL]);
    assert_eq!(output.status.code(), Some(2));
    let said = said(&output);
    assert!(said.contains("cannot write the tables to"), "{said}");
    assert!(said.contains("No space left"), "{said}");
    let whole = files_below(undisturbed.path());
    let written = files_below(&out);
    assert!(written.len() < whole.len());
    for (path, bytes) in written {
        assert!(whole.get(&path) == Some(&bytes), "{}", path.display());
    }
}

#[test]
fn what_is_wrong_is_told_in_one_line() {
    let lines = |arguments: &[&str]| {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        said(&output)
    };
    let said = lines(&["export", "--out", "x", "--table", "reject", SMALL]);
    assert!(
        said.contains("there is no table `reject`; close ones: rejects"),
        "{said}"
    );
    let said = lines(&["export", "--out", "Cargo.toml", SMALL]);
    assert!(
        said.starts_with("mailtally: cannot write the tables to Cargo.toml: "),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    if cfg!(not(feature = "polars")) {
        let said = lines(&["export", "--out", "x", "--format", "parquet", SMALL]);
        assert!(said.contains("--features polars"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    assert!(!Path::new("x").exists());
}

//! `mailtally watch --metrics` and `--textfile`: the numbers of a report, live, from the binary itself.
#![cfg(test)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const LOG: &str = "fixtures/logs/lab-a/mail.log.gz";

fn mailtally(arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("mailtally"));
    command.args(arguments).env("TZ", "UTC");
    command
}

fn log() -> Vec<u8> {
    let mut log = Vec::new();
    let file = File::open(LOG).unwrap();
    let mut file = flate2::read::GzDecoder::new(file);
    file.read_to_end(&mut log).unwrap();
    log
}

/// The series of a text in format 0.0.4.
fn series(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let split = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.to_owned())
    };
    lines.map(split).collect()
}

/// What `report` writes of a log.
fn report(path: &Path) -> BTreeMap<String, String> {
    let mut command = mailtally(&["report", "--year", "2026", "--format", "prometheus"]);
    let output = command.arg(path).output().unwrap();
    assert!(output.status.success());
    series(&String::from_utf8(output.stdout).unwrap())
}

/// Whether who else is in a row decides about a series: a row that came late finds no place.
fn is_cut(name: &str) -> bool {
    let cut = [
        "rule_hits_total",
        "tls_sessions_total",
        "relay_attempts_total",
        "failed_deliveries_total",
        "failed_domain_deliveries_total",
        "server_failures_total",
        "verdicts_total",
    ];
    cut.iter()
        .any(|cut| name.starts_with(&format!("mailtally_{cut}{{")))
}

/// Asserts that metrics hold the numbers of a report; of those that are cut the sum.
fn assert_same(live: &BTreeMap<String, String>, expected: &BTreeMap<String, String>) {
    let mut compared = 0;
    let mut sums: BTreeMap<&str, [f64; 2]> = BTreeMap::new();
    for (at, rows) in [live, expected].into_iter().enumerate() {
        for (name, value) in rows.iter().filter(|(name, _)| is_cut(name)) {
            let metric = name.split('{').next().unwrap();
            sums.entry(metric).or_default()[at] += value.parse::<f64>().unwrap();
        }
    }
    for (metric, [live, expected]) in &sums {
        assert_eq!(live, expected, "{metric}");
    }
    for (name, value) in expected.iter().filter(|(name, _)| !is_cut(name)) {
        assert_eq!(live.get(name), Some(value), "{name}");
        compared += 1;
    }
    assert!(
        compared > 150 && sums.len() == 7,
        "{compared} {}",
        sums.len()
    );
}

/// A `mailtally watch`; ends with this.
struct Watch {
    process: Child,
    address: String,
    said: BufReader<std::process::ChildStderr>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Watch {
    fn begin(arguments: &[&str], path: &Path) -> Watch {
        let mut command = mailtally(&["watch", "--metrics"]);
        command.args(arguments).arg(path);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut said = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let address = line
            .split("http://")
            .nth(1)
            .and_then(|rest| rest.split('/').next());
        let address = address.unwrap_or_else(|| panic!("{line}")).to_owned();
        Watch {
            process,
            address,
            said,
        }
    }

    fn scrape(&self) -> BTreeMap<String, String> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET /metrics HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        series(body)
    }

    /// Scrapes until so many lines were counted.
    fn scrape_lines(&self, lines: u64) -> BTreeMap<String, String> {
        let started = Instant::now();
        loop {
            let found = self.scrape();
            let counted = found
                .iter()
                .filter(|(name, _)| name.starts_with("mailtally_lines_total{"));
            let counted: u64 = counted
                .map(|(_, count)| count.parse::<u64>().unwrap())
                .sum();
            if counted == lines {
                return found;
            }
            assert!(counted < lines, "{counted}");
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "{counted} of {lines}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends it as systemd does; returns what it said.
    fn end(mut self) -> String {
        let id = self.process.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        assert!(self.process.wait().unwrap().success());
        let mut said = String::new();
        self.said.read_to_string(&mut said).unwrap();
        said
    }
}

#[test]
fn a_followed_log_has_the_numbers_of_its_report() {
    let log = log();
    let folder = tempfile::tempdir().unwrap();
    let [path, textfile] = ["mail.log", "mailtally.prom"].map(|name| folder.path().join(name));
    fs::write(&path, "").unwrap();
    let textfile_text = textfile.display().to_string();
    let arguments = [
        "127.0.0.1:0",
        "--year",
        "2026",
        "--textfile",
        &textfile_text,
    ];
    let watch = Watch::begin(&arguments, &path);
    let mut before: BTreeMap<String, String> = BTreeMap::new();
    let ends: Vec<usize> = (1..=4).map(|part| log.len() * part / 4).collect();
    let mut file = File::options().append(true).open(&path).unwrap();
    let mut begin = 0;
    for end in ends {
        let end = log[..end].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
        file.write_all(&log[begin..end]).unwrap();
        begin = end;
        let lines = log[..end].iter().filter(|byte| **byte == b'\n').count();
        let found = watch.scrape_lines(lines as u64);
        for (name, value) in before.iter().filter(|(name, _)| name.contains("_total")) {
            let Some(is) = found.get(name) else {
                // One that is cut may give its place to a larger one, and begins anew then.
                assert!(is_cut(name), "{name}");
                continue;
            };
            let [was, is] = [value, is].map(|value| value.parse::<f64>().unwrap());
            assert!(is >= was, "{name}: {was}, then {is}");
        }
        before = found;
    }
    assert_same(&before, &report(&path));
    let raised = before
        .iter()
        .filter(|(name, _)| name.starts_with("mailtally_alerts_raised_total{"));
    assert!(raised.count() > 1);
    assert_eq!(before["mailtally_unread_bytes"], "0");
    assert_eq!(before["mailtally_lag_seconds"], "0.0");
    assert_eq!(before["mailtally_logs_followed"], "1");
    assert!(
        before.contains_key(
            "mailtally_alerts_firing{rule=\"login-brute-force\",class=\"background\"}"
        )
    );

    let said = watch.end();
    assert_eq!(said, "");
    let written = series(&fs::read_to_string(&textfile).unwrap());
    assert_same(&written, &report(&path));
    let folder = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(folder, 2, "nothing half written is left");
}

#[test]
fn a_replayed_log_leaves_its_numbers_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let textfile = folder.path().join("mailtally.prom");
    let mut command = mailtally(&["watch", "--replay", "--year", "2026", LOG, "--textfile"]);
    let output = command.arg(&textfile).output().unwrap();
    assert!(output.status.success());
    let written = series(&fs::read_to_string(&textfile).unwrap());
    assert_same(&written, &report(Path::new(LOG)));
}

#[test]
fn what_cannot_be_served_or_written_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder
        .path()
        .join("none/mailtally.prom")
        .display()
        .to_string();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (arguments, words) in [
        (["--metrics", "9154"], "127.0.0.1:9154"),
        (["--metrics", &taken], "cannot listen on"),
        (
            ["--metrics", "192.0.2.1:9154"],
            "cannot listen on 192.0.2.1:9154",
        ),
        (["--textfile", &nowhere], "--textfile: cannot write"),
    ] {
        let mut command = mailtally(&["watch", "--replay", "--year", "2026", LOG]);
        let output = command.args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn an_address_that_others_can_reach_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    fs::write(&path, "").unwrap();
    let mut watch = Watch::begin(&["0.0.0.0:0"], &path);
    let mut line = String::new();
    watch.said.read_line(&mut line).unwrap();
    assert!(line.contains("there is no password"), "{line}");
    assert_eq!(watch.end(), "");
}

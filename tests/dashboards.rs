//! Do the boards and alerts in dashboards/ show anything? Their metrics are looked for in what the
//! program writes, and their queries are asked of a real Prometheus that scrapes it.
//!
//! Skips what needs Prometheus where there is none; `MAILTALLY_REQUIRE=1` makes that a failure.
#![cfg(test)]

mod http;
mod skipped;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use http::get;
use regex::Regex;
use serde_json::Value;
use skipped::skip;

/// What a server logged that had nearly everything happen to it.
const LOG: &str = "fixtures/logs/lab-a/mail.log.gz";

fn boards() -> Vec<(String, Value)> {
    let mut files: Vec<_> = fs::read_dir("dashboards/grafana")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    files.sort();
    let read = |path: &PathBuf| {
        let name = path.display().to_string();
        let board = serde_json::from_str(&fs::read_to_string(path).unwrap());
        (name, board.unwrap())
    };
    let boards: Vec<_> = files.iter().map(read).collect();
    assert_eq!(boards.len(), 8);
    boards
}

/// The queries of a board, as Grafana would ask them of a window of a few seconds.
fn queries(board: &Value) -> Vec<String> {
    let panels = board["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap());
    targets
        .map(|target| {
            target["expr"]
                .as_str()
                .unwrap()
                .replace("$__rate_interval", "10s")
        })
        .collect()
}

fn metrics_in(text: &str) -> BTreeSet<String> {
    let name = Regex::new("mailtally_[a-z0-9_]+").unwrap();
    let plain = |name: regex::Match<'_>| {
        let name = name.as_str();
        ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .unwrap_or(name)
            .to_owned()
    };
    name.find_iter(text).map(plain).collect()
}

/// The metrics of a log up to some line, as watching has them: a report's, and those of alerts.
fn served(log: &[u8], lines: usize) -> String {
    let end = log
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .nth(lines)
        .map_or(log.len(), |(at, _)| at);
    let folder = tempfile::tempdir().unwrap();
    let textfile = folder.path().join("mailtally.prom");
    let binary = assert_cmd::cargo::cargo_bin!("mailtally");
    assert_cmd::Command::from_std(Command::new(binary))
        .args(["watch", "--replay", "--year", "2026", "-", "--textfile"])
        .arg(&textfile)
        .write_stdin(&log[..end])
        .assert()
        .success();
    fs::read_to_string(&textfile).unwrap()
}

fn log() -> Vec<u8> {
    let mut log = Vec::new();
    let file = fs::File::open(LOG).unwrap();
    flate2::read::GzDecoder::new(file)
        .read_to_end(&mut log)
        .unwrap();
    log
}

#[test]
fn every_metric_of_the_boards_is_one_that_is_written() {
    let text = served(&log(), usize::MAX);
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let written: BTreeSet<String> = types
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    assert!(written.len() > 40, "{}", written.len());
    let mut named = BTreeSet::new();
    for (_, board) in boards() {
        named.extend(queries(&board).iter().flat_map(|query| metrics_in(query)));
    }
    let rules = fs::read_to_string("dashboards/prometheus/mailtally.rules.yml").unwrap();
    named.extend(metrics_in(&rules));
    let unknown: Vec<_> = named.difference(&written).collect();
    assert!(unknown.is_empty(), "not written: {unknown:?}");
}

#[test]
fn boards_are_told_apart_and_their_panels_too() {
    let mut uids = BTreeSet::new();
    for (name, board) in boards() {
        assert!(
            uids.insert(board["uid"].as_str().unwrap().to_owned()),
            "{name}"
        );
        let mut ids = BTreeSet::new();
        let mut places = BTreeSet::new();
        for panel in board["panels"].as_array().unwrap() {
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{name}");
            let place = &panel["gridPos"];
            let [x, y, w] = ["x", "y", "w"].map(|key| place[key].as_u64().unwrap());
            assert!(x + w <= 24, "{name}: {place}");
            assert!(places.insert((x, y)), "{name}: {place}");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{name}");
        }
    }
}

#[test]
fn alerts_fire_where_they_should() {
    for arguments in [
        ["check", "rules", "mailtally.rules.yml"],
        ["test", "rules", "mailtally.tests.yml"],
    ] {
        let run = Command::new("promtool")
            .args(arguments)
            .current_dir("dashboards/prometheus")
            .output();
        let Ok(output) = run else {
            without("promtool");
            return;
        };
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}{complained}");
    }
    let rules = fs::read_to_string("dashboards/prometheus/mailtally.rules.yml").unwrap();
    let tests = fs::read_to_string("dashboards/prometheus/mailtally.tests.yml").unwrap();
    let alerts: Vec<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    assert!(alerts.len() > 5);
    for alert in alerts {
        assert!(
            tests.contains(&format!("alertname: {alert}")),
            "{alert} is not tested"
        );
    }
}

fn without(tool: &str) {
    skip(format!("no {tool} (Debian: apt-get install prometheus)"));
}

/// A Prometheus that scrapes us each second; ends with this.
struct Prometheus {
    process: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Prometheus {
    fn scraping(target: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("prometheus.yml");
        let text = format!(
            "global: {{ scrape_interval: 1s }}\n\
             scrape_configs: [{{ job_name: mail, static_configs: [{{ targets: ['{target}'] }}] }}]\n"
        );
        fs::write(&config, text).unwrap();
        let address = free_address();
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        Some(Prometheus {
            process,
            address,
            _folder: folder,
        })
    }

    /// Asks a query; the number of series in the answer, or what is wrong with it.
    fn ask(&self, query: &str) -> Result<usize, String> {
        let escaped: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let answer = get(&self.address, &format!("/api/v1/query?query={escaped}"))?;
        let answer: Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
        match answer["data"]["result"].as_array() {
            Some(series) => Ok(series.len()),
            None => Err(answer["error"].to_string()),
        }
    }

    /// Waits until a query is answered with anything.
    fn wait_for(&self, query: &str) {
        let started = Instant::now();
        while !self.ask(query).is_ok_and(|series| series > 0) {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "Prometheus has no answer: {query}"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Serves each of some pages in turn, the last one for ever.
fn serve(pages: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for (at, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { continue };
            let Ok(copy) = stream.try_clone() else {
                continue;
            };
            let lines = BufReader::new(copy).lines();
            let head = lines
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty());
            let _ = head.count();
            let page = &pages[at.min(pages.len() - 1)];
            let _ = write!(
                stream,
                "HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\r\n{page}",
                page.len()
            );
        }
    });
    address
}

#[test]
fn every_query_of_the_boards_is_answered_by_a_real_prometheus() {
    let log = log();
    let lines = log.iter().filter(|byte| **byte == b'\n').count();
    // A day passes in four scrapes.
    let pages: Vec<String> = (1..=4).map(|part| served(&log, lines * part / 4)).collect();
    let target = serve(pages);
    let Some(prometheus) = Prometheus::scraping(&target) else {
        without("prometheus");
        return;
    };
    prometheus.wait_for("count_over_time(mailtally_received_total[1m]) >= 4");
    let mut asked = 0;
    for (name, board) in boards() {
        for query in queries(&board) {
            let series = prometheus
                .ask(&query)
                .unwrap_or_else(|error| panic!("{name}: {query}: {error}"));
            assert_ne!(series, 0, "{name}: no data for {query}");
            asked += 1;
        }
    }
    assert!(asked > 60, "{asked}");
}

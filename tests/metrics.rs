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
        let watch = Watch {
            process,
            address,
            said,
        };
        // Numbers come when it follows, and heeds signals.
        let started = Instant::now();
        while watch.get().is_none() {
            assert!(started.elapsed() < Duration::from_secs(60), "no numbers");
        }
        watch
    }

    /// The metrics, if there are any yet.
    fn get(&self) -> Option<BTreeMap<String, String>> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET /metrics HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        head.starts_with("HTTP/1.1 200").then(|| series(body))
    }

    fn scrape(&self) -> BTreeMap<String, String> {
        self.get().unwrap()
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

    /// Ends it as systemd does; returns what it said, but that rules are warming up.
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
        let lines = said.split_inclusive('\n');
        lines
            .filter(|line| !line.starts_with("mailtally: warming up: "))
            .collect()
    }
}

/// Lines that are no events: markers, repeats, other programs, no envelope, unknown shapes.
#[test]
fn odd_lines_count_as_in_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let [path, textfile] = ["mail.log", "mailtally.prom"].map(|name| folder.path().join(name));
    let refused = "Nov 21 10:00:01 mx1 postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[203.0.113.9]: \
                   554 5.7.1 <a@b.example>: Relay access denied; from=<x@y.example> to=<a@b.example> \
                   proto=ESMTP helo=<x>";
    let log = format!(
        "-- Boot 0123456789abcdef0123456789abcdef --\n{refused}\n\
         Nov 21 10:00:02 mx1 last message repeated 3 times\n\
         Nov 21 10:00:03 mx1 postfix/smtpd[7]: words that nobody knows: x=1\n\
         Nov 21 10:00:04 mx1 cron[9]: (root) CMD (true)\n\
         no envelope at all\n\
         Nov 21 10:00:05 mx1 rspamd[5]: <5a1b2c>; proxy; odd\n\
         Nov 21 10:00:06 mx1 postfix/qmgr[8]: 4A1B2C3D4E: removed\n"
    );
    fs::write(&path, log).unwrap();
    let textfile_text = textfile.to_str().unwrap();
    let arguments = [
        "watch",
        "--replay",
        "--year",
        "2026",
        "--textfile",
        textfile_text,
    ];
    let output = mailtally(&arguments).arg(&path).output().unwrap();
    assert!(output.status.success());
    let live = series(&fs::read_to_string(&textfile).unwrap());
    let expected = report(&path);
    for (name, value) in &expected {
        assert_eq!(live.get(name), Some(value), "{name}");
    }
    let lines = |outcome: &str| {
        expected[&format!("mailtally_lines_total{{outcome=\"{outcome}\"}}")].clone()
    };
    assert_eq!(
        ["parsed", "unparsed", "foreign"].map(lines),
        ["4", "2", "2"]
    );
    let refused = "mailtally_rejected_total{host=\"mx1\",instance=\"postfix\"}";
    assert_eq!(expected[refused], "4", "once, and three times more");
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

/// All names of postfix_exporter, and what it would say of `fixtures/logs/exporter`, counted by hand.
const EXPORTER: &str = r#"
postfix_bounce_non_delivery_notification_total 1
postfix_cleanup_messages_not_accepted_total 0
postfix_cleanup_messages_processed_total 2
postfix_cleanup_messages_rejected_total 1
postfix_lmtp_delivery_delay_seconds_bucket{stage="connection_setup",le="0.001"} 1
postfix_lmtp_delivery_delay_seconds_bucket{stage="queue_manager",le="0.001"} 0
postfix_lmtp_delivery_delay_seconds_bucket{stage="queue_manager",le="0.01"} 1
postfix_lmtp_delivery_delay_seconds_sum{stage="before_queue_manager"} 0.1
postfix_lmtp_delivery_delay_seconds_count{stage="transmission"} 1
postfix_pipe_delivery_delay_seconds_bucket{relay="mailman",stage="transmission",le="60.0"} 0
postfix_pipe_delivery_delay_seconds_bucket{relay="mailman",stage="transmission",le="3600.0"} 1
postfix_pipe_delivery_delay_seconds_bucket{relay="mailman",stage="transmission",le="172800.0"} 1
postfix_pipe_delivery_delay_seconds_sum{relay="mailman",stage="transmission"} 89.5
postfix_smtp_delivery_delay_seconds_bucket{stage="connection_setup",le="1.0"} 0
postfix_smtp_delivery_delay_seconds_bucket{stage="connection_setup",le="10.0"} 3
postfix_smtp_delivery_delay_seconds_sum{stage="connection_setup"} 6.0
postfix_smtp_delivery_delay_seconds_count{stage="queue_manager"} 3
postfix_qmgr_messages_inserted_receipients_bucket{le="2.0"} 0
postfix_qmgr_messages_inserted_receipients_bucket{le="4.0"} 1
postfix_qmgr_messages_inserted_receipients_bucket{le="128.0"} 1
postfix_qmgr_messages_inserted_receipients_bucket{le="+Inf"} 2
postfix_qmgr_messages_inserted_receipients_sum 203.0
postfix_qmgr_messages_inserted_recipients_count 2
postfix_qmgr_messages_inserted_size_bytes_bucket{le="1000.0"} 0
postfix_qmgr_messages_inserted_size_bytes_bucket{le="10000.0"} 1
postfix_qmgr_messages_inserted_size_bytes_bucket{le="10000000.0"} 2
postfix_qmgr_messages_inserted_size_bytes_sum 2001500.0
postfix_qmgr_messages_removed_total 1
postfix_qmgr_messages_expired_total 1
postfix_smtp_tls_connections_total{trust="Trusted",protocol="TLSv1.2",cipher="ECDHE-RSA-AES256-GCM-SHA384",secret_bits="256",algorithm_bits="256"} 1
postfix_smtpd_tls_connections_total{trust="Anonymous",protocol="TLSv1.3",cipher="TLS_AES_256_GCM_SHA384",secret_bits="256",algorithm_bits="256"} 1
postfix_smtp_deferred_messages_total 0
postfix_smtp_status_deferred 1
postfix_smtp_messages_processed_total{status="sent"} 1
postfix_smtp_messages_processed_total{status="deferred"} 1
postfix_smtp_messages_processed_total{status="bounced"} 1
postfix_smtp_deferred_messages_by_dsn_total{dsn="4.2.1"} 1
postfix_smtp_bounced_messages_by_dsn_total{dsn="5.1.1"} 1
postfix_smtp_connection_timed_out_total 1
postfix_smtpd_connects_total 3
postfix_smtpd_disconnects_total 2
postfix_smtpd_forward_confirmed_reverse_dns_errors_total 1
postfix_smtpd_connections_lost_total{after_stage="AUTH"} 1
postfix_smtpd_messages_processed_total{sasl_method=""} 1
postfix_smtpd_messages_processed_total{sasl_method="PLAIN"} 1
postfix_smtpd_messages_rejected_total{code="554"} 1
postfix_smtpd_messages_rejected_total{code="450"} 1
postfix_smtpd_sasl_authentication_failures_total 1
postfix_unsupported_log_entries_total{service="smtpd",level="warning"} 1
postfix_unsupported_log_entries_total{service="smtpd",level=""} 1
postfix_virtual_delivered_total 1
postfix_postscreen_connects_total 4
postfix_postscreen_connects_rejected_total{reason="too many connections"} 1
postfix_postscreen_passes_total{type="NEW"} 1
postfix_postscreen_passes_total{type="OLD"} 1
postfix_postscreen_dnsbl_rank_bucket{le="3.0"} 0
postfix_postscreen_dnsbl_rank_bucket{le="4.0"} 1
postfix_postscreen_messages_rejected_total{code="550"} 1
postfix_postscreen_tests_failed_total{test="pregreet"} 1
postfix_postscreen_hangups_total 1
postfix_postscreen_access_list_matches_total{action="allowlisted"} 1
postfix_up{path=""} 1
opendkim_signatures_added_total{subject="mail",domain="example.com"} 1
"#;

/// The series of postfix_exporter among those of a text.
fn compatible(text: &str) -> BTreeMap<String, String> {
    let mut series = series(text);
    series.retain(|name, _| name.starts_with("postfix_") || name.starts_with("opendkim_"));
    series
}

#[test]
fn dashboards_of_postfix_exporter_go_on_working() {
    const LOG: &str = "fixtures/logs/exporter/mail.log";
    let folder = tempfile::tempdir().unwrap();
    let textfile = folder.path().join("mailtally.prom");
    let mut report = mailtally(&["report", "--format", "prometheus", "--compat-metrics", LOG]);
    let report = report.output().unwrap();
    assert!(report.status.success());
    let report = compatible(&String::from_utf8(report.stdout).unwrap());
    let mut watch = mailtally(&["watch", "--replay", "--compat-metrics", LOG, "--textfile"]);
    assert!(watch.arg(&textfile).output().unwrap().status.success());
    let watch = compatible(&fs::read_to_string(&textfile).unwrap());
    assert_eq!(watch, report);

    let expected = series(EXPORTER.trim());
    for (name, value) in &expected {
        assert_eq!(report.get(name), Some(value), "{name}");
    }
    // What is not listed is only another bucket, stage or sum of what is.
    for name in report
        .keys()
        .filter(|name| name.ends_with("_total") || name.contains("_total{"))
    {
        assert!(expected.contains_key(name), "{name}");
    }
    let plain = mailtally(&["report", "--format", "prometheus", LOG])
        .output()
        .unwrap();
    assert_eq!(
        compatible(&String::from_utf8(plain.stdout).unwrap()),
        BTreeMap::new()
    );
}

/// When the listing was made: its mails are 6,865 s, 91,865 s and 65 s old.
const NOW: &str = "2026-11-21T00:44:25Z";

const QUEUE: [(&str, &str); 9] = [
    ("postfix_showq_queue_depth{queue=\"active\"}", "1"),
    ("postfix_showq_queue_depth{queue=\"deferred\"}", "2"),
    (
        "postfix_showq_message_size_bytes_bucket{queue=\"deferred\",le=\"1000.0\"}",
        "1",
    ),
    (
        "postfix_showq_message_size_bytes_bucket{queue=\"deferred\",le=\"10000.0\"}",
        "2",
    ),
    (
        "postfix_showq_message_size_bytes_sum{queue=\"deferred\"}",
        "3862.0",
    ),
    (
        "postfix_showq_message_age_seconds_bucket{queue=\"active\",le=\"100.0\"}",
        "1",
    ),
    (
        "postfix_showq_message_age_seconds_bucket{queue=\"deferred\",le=\"1000.0\"}",
        "0",
    ),
    (
        "postfix_showq_message_age_seconds_bucket{queue=\"deferred\",le=\"10000.0\"}",
        "1",
    ),
    (
        "postfix_showq_message_age_seconds_sum{queue=\"deferred\"}",
        "98730.0",
    ),
];

#[test]
fn the_queue_has_the_names_of_postfix_exporter_too() {
    let mut report = mailtally(&["report", "--format", "prometheus", "--compat-metrics"]);
    report.args(["--queue", "fixtures/queue/postqueue.json", "--now", NOW]);
    report.arg("fixtures/logs/exporter/mail.log");
    let output = report.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let found = compatible(&String::from_utf8(output.stdout).unwrap());
    for (name, value) in QUEUE {
        assert_eq!(found.get(name).map(String::as_str), Some(value), "{name}");
    }
}

#[test]
fn compat_metrics_need_metrics() {
    for arguments in [
        ["report", "--compat-metrics"],
        ["watch", "--compat-metrics"],
    ] {
        let output = mailtally(&arguments).arg(LOG).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("--compat-metrics"), "{said}");
    }
}

//! Real servers: Postfix and Dovecot log, mailtally watches, Prometheus scrapes; all in namespaces of
//! their own, from which nothing leaves and in which everything ends with the test.
//!
//! Needs root and Debian's postfix, dovecot-imapd, dovecot-lmtpd, dovecot-sieve, opendkim, prometheus
//! and swaks; skips without, unless `MAILTALLY_REQUIRE=1`.
#![cfg(test)]

#[path = "../http/mod.rs"]
mod http;
mod neighbours;
mod prometheus;
mod servers;
#[path = "../skipped/mod.rs"]
mod skipped;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use serde_json::Value;

use self::http::get;
use self::prometheus::Prometheus;
use self::servers::{CUSTOMER, GUARDED, SERVER, STRANGER, Servers};
use self::skipped::skip;

/// What is seen of a line has to be seen so soon.
const SOON: Duration = Duration::from_secs(2);

#[test]
fn real_servers_are_watched() {
    if let Some(why) = cannot() {
        return skip(why);
    }
    // The first process of the namespace is this binary once more; when it ends, all end.
    let status = Command::new("unshare")
        .args([
            "--net",
            "--mount",
            "--pid",
            "--ipc",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "inside", "--ignored", "--nocapture"])
        .status()
        .unwrap();
    assert!(status.success());
}

fn cannot() -> Option<String> {
    let tools = [
        "postfix",
        "dovecot",
        "/usr/lib/dovecot/lmtp",
        "sievec",
        "opendkim",
        "prometheus",
        "promtool",
        "swaks",
        "openssl",
        "ip",
        "unshare",
    ];
    for tool in tools {
        let found = Command::new("sh")
            .args(["-c", &format!("command -v {tool}")])
            .output()
            .unwrap();
        if !found.status.success() {
            return Some(format!(
                "no {tool} (Debian: apt-get install postfix dovecot-imapd dovecot-lmtpd dovecot-sieve \
                 opendkim prometheus swaks openssl iproute2)"
            ));
        }
    }
    for (module, package) in [
        ("Net::SSLeay", "libnet-ssleay-perl"),
        ("IO::Socket::INET6", "libio-socket-inet6-perl"),
    ] {
        let found = Command::new("perl")
            .args([&format!("-M{module}"), "-e", "1"])
            .output();
        if !found.is_ok_and(|output| output.status.success()) {
            return Some(format!(
                "swaks lacks {module} (Debian: apt-get install {package})"
            ));
        }
    }
    let tried = Command::new("unshare")
        .args(["--net", "--mount", "--pid", "--fork", "true"])
        .output();
    (!tried.is_ok_and(|output| output.status.success())).then(|| "namespaces need root".to_owned())
}

/// A program whose output comes line by line.
struct Lines {
    process: Child,
    lines: Receiver<String>,
    said: Option<BufReader<ChildStderr>>,
}

impl Lines {
    fn of(arguments: &[&str], files: &[&Path]) -> Lines {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("mailtally"));
        command.args(arguments).args(files);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let said = process.stderr.take().map(BufReader::new);
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Lines {
            process,
            lines,
            said,
        }
    }

    /// Waits for a line that has some words.
    fn wait_for(&self, words: &[&str]) -> String {
        let started = Instant::now();
        while let Some(left) = SOON.checked_sub(started.elapsed()) {
            if let Ok(line) = self.lines.recv_timeout(left)
                && words.iter().all(|word| line.contains(word))
            {
                return line;
            }
        }
        panic!("no line with {words:?} within {SOON:?}");
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The sum of a metric's series that have some words.
fn value(metrics: &str, name: &str, words: &str) -> f64 {
    let lines = metrics.lines().filter(|line| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with([' ', '{']))
            && line.contains(words)
    });
    lines
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum()
}

/// Asserts that a metric gets to a value soon.
fn reaches(address: &str, name: &str, words: &str, least: f64) {
    let started = Instant::now();
    loop {
        let found = value(&get(address, "/metrics").unwrap(), name, words);
        if found >= least {
            return;
        }
        assert!(
            started.elapsed() < SOON,
            "{name} {words}: {found}, not {least}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// An IMAP session: a user, a password.
fn imap(password: &str) -> String {
    let mut stream = TcpStream::connect((SERVER, 1143)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    write!(stream, "a login bob {password}\r\nb logout\r\n").unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

/// Mail that comes and goes, and what strangers do.
fn traffic(servers: &Servers) {
    let from = |address: &str| format!("--local-interface {address} --from a@{address}.example");
    let customer = from(CUSTOMER);
    assert!(servers.swaks(&format!("{customer} --to bob@example.org")));
    assert!(servers.swaks(&format!(
        "{customer} --to bob@example.org,ann@example.org -tls"
    )));
    let login = "--auth PLAIN --auth-user bob --auth-password secret";
    for domain in ["remote.example", "tls.example", "dead.example"] {
        assert!(
            servers.swaks(&format!("{customer} {login} -tls --to c@{domain}")),
            "{domain}"
        );
    }
    let stranger = from(STRANGER);
    assert!(
        !servers.swaks(&format!("{stranger} --to x@elsewhere.example")),
        "no open relay"
    );
    assert!(!servers.swaks(&format!("{stranger} --to nobody@example.org")));
    let sixth = "--server ::1 --from six@six.example --to bob@example.org";
    assert!(servers.swaks(&sixth.replace("::1", "2001:db8::7")));
    assert!(imap("secret").contains("Logged in"));
    assert!(imap("wrong").contains("AUTHENTICATIONFAILED"));
}

/// Talks to the guarded port before it is greeted.
fn talk_early() {
    let mut stream = TcpStream::connect((SERVER, GUARDED)).unwrap();
    let patience = Some(Duration::from_secs(5));
    stream.set_read_timeout(patience).unwrap();
    stream.write_all(b"EHLO early.example\r\nQUIT\r\n").unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
}

/// Asks for a TLS so old that it is refused.
fn shake_hands_in_vain() {
    let place = format!("{SERVER}:25");
    let arguments = "s_client -starttls smtp -tls1_1 -cipher ALL:@SECLEVEL=0 -connect";
    let arguments: Vec<&str> = arguments.split(' ').chain([&*place]).collect();
    assert!(!servers::run("openssl", &arguments).status.success());
}

/// What happens less often: once is enough to be shown.
fn rare_traffic(servers: &Servers) {
    let from = |address: &str, sender: &str| format!("--local-interface {address} --from {sender}");
    // The guard lets in who waits and is on no list.
    let guarded = format!("--port {GUARDED} --to bob@example.org");
    let customer = from(CUSTOMER, "first@example.net");
    let stranger = from(STRANGER, "first@example.com");
    assert!(servers.swaks(&format!("{customer} {guarded}")));
    assert!(!servers.swaks(&format!("{stranger} {guarded}")), "listed");
    talk_early();
    shake_hands_in_vain();
    for user in ["list", "away", "junk", "other"] {
        assert!(servers.swaks(&format!("{customer} --to {user}@sieve.example")));
    }
    let login = "--auth PLAIN --auth-user bob --auth-password secret";
    let signed = from(CUSTOMER, "bob@example.org");
    assert!(servers.swaks(&format!("{signed} {login} --to c@remote.example")));
}

#[test]
#[ignore = "started by real_servers_are_watched, in namespaces of its own"]
fn inside() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    let servers = Servers::start(folder);
    let logs = [
        &servers.mail_log,
        &servers.dovecot_log,
        &servers.companion_log,
    ];
    let logs = logs.map(|log| log.as_path());
    let events = Lines::of(&["events", "--follow"], &logs[..1]);
    let arguments = [
        "watch",
        "--from-start",
        "--format",
        "jsonl",
        "--metrics",
        "127.0.0.1:0",
        "--compat-metrics",
    ];
    let mut watch = Lines::of(&arguments, &logs);
    let mut line = String::new();
    watch.said.as_mut().unwrap().read_line(&mut line).unwrap();
    let address = line
        .split("http://")
        .nth(1)
        .and_then(|rest| rest.split('/').next());
    let address = address.unwrap_or_else(|| panic!("{line}")).to_owned();
    let prometheus = Prometheus::scraping(&address, folder);

    // A mail is seen as it comes.
    assert!(servers.swaks(&format!(
        "--local-interface {CUSTOMER} --from first@example.net --to bob@example.org"
    )));
    reaches(&address, "mailtally_delivered_total", "", 1.0);
    events.wait_for(&["\"kind\":\"delivery\"", "bob@example.org"]);

    // So is an attack.
    let attack = format!(
        "--local-interface {STRANGER} --auth LOGIN --auth-user bob --auth-password guess --quit-after AUTH"
    );
    for _ in 0..6 {
        assert!(!servers.swaks(&attack));
    }
    let alert = watch.wait_for(&["login-brute-force"]);
    let alert: Value = serde_json::from_str(&alert).unwrap();
    assert_eq!(
        (&alert["change"], &alert["key"][0][1]),
        (&"raised".into(), &STRANGER.into())
    );
    reaches(
        &address,
        "mailtally_alerts_firing",
        "login-brute-force",
        1.0,
    );
    reaches(
        &address,
        "mailtally_alerts_raised_total",
        "login-brute-force",
        1.0,
    );
    reaches(
        &address,
        "mailtally_logins_total",
        "outcome=\"failure\"",
        6.0,
    );
    reaches(
        &address,
        "postfix_smtpd_sasl_authentication_failures_total",
        "",
        6.0,
    );

    rare_traffic(&servers);
    watch.wait_for(&["\"pregreet\""]);
    for _ in 0..3 {
        traffic(&servers);
        // Rates need a scrape between.
        std::thread::sleep(Duration::from_secs(1));
    }
    reaches(&address, "mailtally_mailbox_sessions_total", "imap", 3.0);
    reaches(
        &address,
        "mailtally_tls_sessions_total",
        "direction=\"outbound\"",
        3.0,
    );
    check_metrics(&address);
    prometheus.wait_for("count_over_time(mailtally_received_total[1m]) >= 4");
    ask_boards(&prometheus);
    let metrics = get(&address, "/metrics").unwrap();
    for outcome in ["unparsed", "generic"] {
        let lines = value(
            &metrics,
            "mailtally_lines_total",
            &format!("outcome=\"{outcome}\""),
        );
        assert_eq!(lines, 0.0, "{outcome}: {metrics}");
    }
    // Else a part of the servers is not what this test thinks.
    let given_up = value(&metrics, "mailtally_warnings_total", "severity=\"fatal\"");
    assert_eq!(given_up, 0.0, "{metrics}");
}

fn check_metrics(address: &str) {
    let metrics = get(address, "/metrics").unwrap();
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The names of another program are not ours to mend.
    let ours: Vec<&str> = metrics
        .lines()
        .filter(|line| !line.contains("postfix_"))
        .collect();
    let mut stdin = promtool.stdin.take().unwrap();
    writeln!(stdin, "{}", ours.join("\n")).unwrap();
    drop(stdin);
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
    servers::must(
        "promtool",
        &[
            "check",
            "rules",
            "dashboards/prometheus/mailtally.rules.yml",
        ],
    );
}

fn ask_boards(prometheus: &Prometheus) {
    let queries = prometheus::queries("dashboards/grafana");
    let without: Vec<&str> = queries
        .iter()
        .map(String::as_str)
        .filter(|query| {
            let series = prometheus.ask(query);
            series.unwrap_or_else(|error| panic!("{query}: {error}")) == 0
        })
        .collect();
    assert!(without.is_empty(), "no data: {}", without.join("\n"));
    assert!(queries.len() > 60, "{}", queries.len());
}

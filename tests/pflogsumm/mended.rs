//! `--mend`: the right numbers in pflogsumm's layout.
//!
//! They must be those of `--format json`, whose own truth is held by other tests; nothing may differ
//! from pflogsumm's where that is not known to miscount; and `tests/DIFFERENCES.md` says what differs,
//! with a small log for each row.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mailtally::pflogsumm::{Options, Reader, Summary};
use mailtally::source::{Chunk, Dating, SourceId};
use serde_json::Value;

use super::logs;
use super::run::{clean, mailtally, ours, printed};
use super::{SETS, few};

/// Units as the original writes them: half a thousand of one is still in the one below.
fn scaled(count: u64) -> String {
    match count {
        0..=524_288 => format!("{count}"),
        524_289..=536_870_912 => format!("{}k", count / 1_024),
        _ => format!("{}m", count / 1_048_576),
    }
}

fn number(value: &Value, path: &str) -> u64 {
    let found = value.pointer(path).and_then(Value::as_u64);
    found.unwrap_or_else(|| panic!("no number at {path}"))
}

fn rows<'v>(value: &'v Value, path: &str) -> &'v [Value] {
    let found = value.pointer(path).and_then(Value::as_array);
    found.unwrap_or_else(|| panic!("no list at {path}"))
}

fn text<'v>(row: &'v Value, name: &str) -> &'v str {
    row[name].as_str().unwrap_or_else(|| panic!("no {name}"))
}

fn report(log: &Path) -> Value {
    let mut command = mailtally();
    command.args(["report", "--format", "json", "--sections", "all"]);
    let output = clean(command.arg(log)).output().expect("it runs");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn mended(options: &[&str], log: &Path) -> Vec<u8> {
    ours(&[&["--mend"], options].concat(), log)
}

/// The mended report's lines.
struct Mended(Vec<String>);

impl Mended {
    fn of(log: &Path) -> Mended {
        let options = ["--smtpd-stats", "--iso-date-time", "--zero-fill"];
        let report = mended(&options, log);
        let text = String::from_utf8_lossy(&report).into_owned();
        Mended(text.split('\n').map(str::to_owned).collect())
    }

    /// The number before this word among the totals.
    fn total(&self, name: &str) -> String {
        let line = self.0.iter().find_map(|line| {
            let (count, rest) = line.trim_start().split_once(' ')?;
            let rest = rest.trim_start();
            let behind = rest.strip_prefix(name)?.trim_start();
            let is_it = behind.is_empty() || behind.starts_with('(');
            is_it.then(|| count.to_owned())
        });
        line.unwrap_or_else(|| panic!("no line for {name}"))
    }

    /// The lines below a title, up to the next one.
    fn list(&self, title: &str) -> Vec<&str> {
        let below = self.0.iter().position(|line| line.trim_end() == title);
        let below = below.map_or(&[][..], |at| &self.0[at + 2..]);
        let lines = below.iter().take_while(|line| !line.is_empty());
        let is_head = |line: &&str| line.contains("----") || line.ends_with("host/domain");
        lines
            .map(String::as_str)
            .filter(|line| !is_head(line))
            .collect()
    }

    /// The same, with so many numbers before the name, of which these are wanted.
    fn table(&self, title: &str, numbers: usize, wanted: &[usize]) -> BTreeSet<String> {
        let row = |line: &&str| {
            let mut rest = *line;
            let mut cells = Vec::new();
            for _ in 0..numbers {
                let (cell, behind) = rest.trim_start().split_once(' ').expect("a cell");
                cells.push(cell);
                rest = behind;
            }
            let wanted: Vec<&str> = wanted.iter().map(|at| cells[*at]).collect();
            format!("{} {}", wanted.join(" "), rest.trim_start())
        };
        self.list(title).iter().map(row).collect()
    }
}

fn clock(us: u64) -> String {
    let seconds = us / 1_000_000;
    format!(
        "{}:{:02}:{:02}",
        seconds / 3_600,
        seconds % 3_600 / 60,
        seconds % 60
    )
}

fn compare_totals(report: &Value, mended: &Mended) {
    for (name, key) in [
        ("received", "received"),
        ("delivered", "delivered"),
        ("forwarded", "forwarded"),
        ("deferred", "deferred"),
        ("bounced", "bounced"),
        ("rejected", "rejected"),
        ("reject warnings", "reject_warnings"),
        ("held", "held"),
        ("discarded", "discarded"),
        ("bytes received", "bytes_received"),
        ("bytes delivered", "bytes_delivered"),
        ("senders", "senders"),
        ("sending hosts/domains", "sending_domains"),
        ("recipients", "recipients"),
        ("recipient hosts/domains", "recipient_domains"),
    ] {
        let expected = scaled(number(report, &format!("/totals/{key}")));
        assert_eq!(mended.total(name), expected, "{name}");
    }
    let deferrals = number(report, "/totals/deferrals");
    let said = format!("({}", scaled(deferrals));
    let line = mended.0.iter().find(|line| line.contains("  deferred"));
    let line = line.expect("a line for deferred");
    assert!(deferrals == 0 || line.contains(&said), "{line}");
}

const COLUMNS: [&str; 5] = ["received", "delivered", "deferrals", "bounced", "rejected"];

fn columns(row: &Value) -> Vec<String> {
    let count = |name: &&str| scaled(row[*name].as_u64().expect("a count"));
    COLUMNS.iter().map(count).collect()
}

fn compare_times(report: &Value, mended: &Mended) {
    let cells =
        |line: &&str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
    let hours = mended.list("Per-Hour Traffic Summary");
    for (line, row) in hours.iter().skip(1).zip(rows(report, "/per_hour")) {
        assert_eq!(cells(line)[1..], columns(row));
    }
    let days = mended.list("Per-Day Traffic Summary");
    let shown: BTreeSet<String> = days
        .iter()
        .skip(1)
        .map(|line| cells(line).join(" "))
        .filter(|line| !line.ends_with(" 0 0 0 0 0"))
        .collect();
    let day = |row: &Value| format!("{} {}", text(row, "date"), columns(row).join(" "));
    let expected: BTreeSet<String> = rows(report, "/per_day").iter().map(day).collect();
    assert!(
        !hours.is_empty() || shown == expected,
        "{shown:?} {expected:?}"
    );
}

fn compare_lists(report: &Value, mended: &Mended) {
    let volume = |path: &str, key: &str| -> BTreeSet<String> {
        let row = |row: &Value| {
            format!(
                "{} {}",
                scaled(row[key].as_u64().expect(key)),
                text(row, "name")
            )
        };
        rows(report, path).iter().map(row).collect()
    };
    for (title, path, key) in [
        ("Senders by message count", "/senders", "count"),
        ("Senders by message size", "/senders", "bytes"),
        ("Recipients by message count", "/recipients", "count"),
        ("Recipients by message size", "/recipients", "bytes"),
    ] {
        assert_eq!(mended.table(title, 1, &[0]), volume(path, key), "{title}");
    }
    let sending = rows(report, "/domains/sending").iter().map(|row| {
        let (count, bytes) = (number(row, "/count"), number(row, "/bytes"));
        format!("{} {} {}", scaled(count), scaled(bytes), text(row, "name"))
    });
    let shown = mended.table("Host/Domain Summary: Messages Received", 2, &[0, 1]);
    assert_eq!(shown, sending.collect(), "received");
    compare_deliveries(report, mended);
}

fn compare_deliveries(report: &Value, mended: &Mended) {
    let longest = |us: u64| {
        let seconds = us as f64 / 1e6;
        match seconds {
            _ if seconds > 3_600.0 => format!("{:.1} h", seconds / 3_600.0),
            _ if seconds > 60.0 => format!("{:.1} m", seconds / 60.0),
            _ => format!("{seconds:.1} s"),
        }
    };
    let rows = rows(report, "/domains/recipient").iter().filter_map(|row| {
        let [sent, bytes, deferrals] =
            ["/delivered", "/bytes", "/deferrals"].map(|key| number(row, key));
        let us = number(row, "/delay_max_us");
        let (sent_text, bytes, deferrals_text) = (scaled(sent), scaled(bytes), scaled(deferrals));
        let domain = text(row, "domain");
        (sent + deferrals > 0).then(|| {
            format!(
                "{sent_text} {bytes} {deferrals_text} {} {domain}",
                longest(us)
            )
        })
    });
    let shown = mended.table("Host/Domain Summary: Message Delivery", 7, &[0, 1, 2, 5, 6]);
    // A bare word keeps its case there, and is a domain in lower case here.
    let shown: BTreeSet<String> = shown.iter().map(|row| row.to_lowercase()).collect();
    let expected: BTreeSet<String> = rows.map(|row| row.to_lowercase()).collect();
    assert_eq!(shown, expected, "delivered");
    let unsized_mails = mended.list("Messages with no size data").len() as u64;
    assert_eq!(
        unsized_mails,
        number(report, "/without_size/mails"),
        "without size"
    );
}

fn compare_connections(report: &Value, mended: &Mended) {
    let hours = rows(report, "/smtpd/per_hour");
    let sum = |key: &str| hours.iter().map(|row| number(row, key)).sum::<u64>();
    assert_eq!(mended.total("connections"), scaled(sum("/connections")));
    assert_eq!(mended.total("total connect time"), clock(sum("/total_us")));
    let clients = rows(report, "/smtpd/by_client").iter().map(|row| {
        let [count, total, longest] =
            ["/connections", "/total_us", "/longest_us"].map(|key| number(row, key));
        let longest = longest / 1_000_000;
        format!(
            "{} {} {longest}s {}",
            scaled(count),
            clock(total),
            text(row, "client")
        )
    });
    let shown = mended.table("Host/Domain Summary: SMTPD Connections", 4, &[0, 1, 3]);
    assert_eq!(shown, clients.collect(), "connections");
}

/// Compares all numbers that both have; what was compared last is printed.
fn compare(log: &Path) {
    let (report, mended) = (report(log), Mended::of(log));
    println!("{}", log.display());
    compare_totals(&report, &mended);
    compare_times(&report, &mended);
    compare_lists(&report, &mended);
    compare_connections(&report, &mended);
}

#[test]
fn numbers_are_those_of_the_report_on_small_logs() {
    let logs = [logs::edges(), logs::defects(), of_differences()].concat();
    for log in &logs {
        compare(log);
    }
}

#[test]
fn numbers_are_those_of_the_report_on_whole_servers() {
    for log in logs::unpacked().logs().iter().chain(&logs::corpus()) {
        compare(log);
    }
}

#[test]
fn numbers_are_those_of_the_report_on_fresh_logs() {
    for log in logs::fresh() {
        compare(log.path());
    }
}

fn said(options: &[&str], log: &Path) -> String {
    let mut command = mailtally();
    command.args(["report", "--format=pflogsumm"]).args(options);
    let output = clean(command.arg(log)).output().expect("it runs");
    String::from_utf8(output.stderr).expect("text")
}

/// The lines of a log that pflogsumm reads right: of daemons below `postfix/`, of one host.
fn plain_lines(log: &Path) -> Vec<u8> {
    let bytes = fs::read(log).expect("the log");
    let log = String::from_utf8_lossy(&bytes);
    let is_plain = |line: &&str| {
        let Some((head, message)) = line.split_once("]: ") else {
            return false;
        };
        let Some((_, tag)) = head.split_once(" postfix/") else {
            return false;
        };
        let odd = [
            "tls=",
            "milter-",
            "connect to ",
            "message repeated",
            "VRFY",
            "EHLO",
            "HELO",
            "ETRN",
        ];
        let is_service = tag.contains('/');
        let is_ipv6 = message.starts_with("disconnect from")
            && (message.contains("[2001:") || message.contains("[::"));
        let is_other_refusal = message.contains("451 4.3.");
        !is_service && !is_ipv6 && !is_other_refusal && !odd.iter().any(|odd| message.contains(odd))
    };
    let host = |line: &str| {
        line.split(" postfix")
            .next()
            .and_then(|head| head.rsplit(' ').next().map(str::to_owned))
    };
    let lines: Vec<&str> = log.lines().filter(is_plain).collect();
    let first = lines.first().and_then(|line| host(line));
    let lines = lines.into_iter().filter(|line| host(line) == first);
    lines
        .flat_map(|line| format!("{line}\n").into_bytes())
        .collect()
}

/// Lists the lines that only one of two reports has.
fn differing(theirs: &[u8], mended: &[u8]) -> String {
    let [theirs, mended] =
        [theirs, mended].map(|report| String::from_utf8_lossy(report).into_owned());
    let only = |mark: &str, one: &str, other: &str| {
        let lines = one
            .lines()
            .filter(|line| !other.lines().any(|other| other == *line));
        lines
            .map(|line| format!("{mark} {line}\n"))
            .collect::<String>()
    };
    only("-", &theirs, &mended) + &only("+", &mended, &theirs)
}

#[test]
fn where_nothing_is_miscounted_nothing_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut logs: Vec<(PathBuf, &[&[&str]])> = Vec::new();
    for log in logs::defects().into_iter().chain(of_differences()) {
        logs.push((log, few()));
    }
    let unpacked = logs::unpacked();
    let fresh = logs::fresh();
    let whole = unpacked.logs().iter().map(PathBuf::as_path);
    for (at, log) in whole.chain(fresh.iter().map(|log| log.path())).enumerate() {
        let path = folder.path().join(format!("{at}.log"));
        fs::write(&path, plain_lines(log)).expect("written");
        logs.push((path, if at < 3 { SETS } else { few() }));
    }
    let mut equal = 0;
    for (log, sets) in logs {
        // Its row says that this is not looked for.
        if log.ends_with("one-process-number.log") || !said(&["--smtpd-stats"], &log).is_empty() {
            continue;
        }
        equal += 1;
        for set in sets.iter().filter(|set| !set.concat().contains("syslog")) {
            let (theirs, mended) = (ours(set, &log), mended(set, &log));
            let name = log.display();
            assert!(
                theirs == mended,
                "{name} {set:?}\n{}",
                differing(&theirs, &mended)
            );
        }
    }
    assert!(equal >= 20, "only {equal} logs were compared");
}

/// A row of `tests/DIFFERENCES.md`.
struct Difference {
    is_said: bool,
    log: PathBuf,
    options: Vec<String>,
    original: String,
    mended: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Reads the rows `| what | log | options | `theirs` | `mended` |` below the title on `--mend`.
fn differences() -> Vec<Difference> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/DIFFERENCES.md");
    let text = fs::read_to_string(path).expect("tests/DIFFERENCES.md");
    let (_, below) = text
        .split_once("# What `--mend` changes")
        .expect("the title");
    let code = |cell: &str| cell.trim().trim_matches('`').to_owned();
    let rows = below.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').collect();
        let [_, what, log, options, original, mended, _] = cells[..] else {
            return None;
        };
        let log = code(log);
        log.ends_with(".log").then(|| Difference {
            is_said: !what.contains("(not said)"),
            log: folder().join(log),
            options: code(options)
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
            original: code(original),
            mended: code(mended),
        })
    });
    rows.collect()
}

/// The small logs of the rows.
fn of_differences() -> Vec<PathBuf> {
    let logs: BTreeSet<PathBuf> = differences().into_iter().map(|row| row.log).collect();
    logs.into_iter().collect()
}

/// Tells whether a report has a line of these words.
fn has(report: &[u8], words: &str) -> bool {
    let text = String::from_utf8_lossy(report).into_owned();
    let words: Vec<&str> = words.split_whitespace().collect();
    text.lines()
        .any(|line| line.split_whitespace().collect::<Vec<_>>() == words)
}

/// Both lines of a row are there, each in one of the reports only; and it is said on standard error.
#[test]
fn each_difference_is_as_it_is_listed() {
    let differences = differences();
    assert!(differences.len() >= 16, "{} rows", differences.len());
    for row in differences {
        let options: Vec<&str> = row.options.iter().map(String::as_str).collect();
        let (theirs, ours) = (ours(&options, &row.log), mended(&options, &row.log));
        let name = row.log.display();
        for (words, there, gone) in [
            (&row.original, &theirs, &ours),
            (&row.mended, &ours, &theirs),
        ] {
            assert!(
                words.is_empty() || has(there, words),
                "{name}: not there: {words}"
            );
            assert!(
                words.is_empty() || !has(gone, words),
                "{name}: in both: {words}"
            );
        }
        let said_of_both = (
            said(&options, &row.log),
            said(&[&["--mend"], &options[..]].concat(), &row.log),
        );
        assert_eq!(
            said_of_both.0.contains("--mend"),
            row.is_said,
            "{name}: {}",
            said_of_both.0
        );
        assert_eq!(said_of_both.1, "", "{name}");
    }
}

/// The logs in the folder are all there for a row.
#[test]
fn each_log_has_a_row() {
    let listed: BTreeSet<PathBuf> = differences().into_iter().map(|row| row.log).collect();
    let there = fs::read_dir(folder().join("pflogsumm")).expect("fixtures/pflogsumm");
    for entry in there {
        let path = entry.expect("an entry").path();
        let is_log = path.extension().is_some_and(|end| end == "log");
        assert!(
            !is_log || listed.contains(&path),
            "{} has no row",
            path.display()
        );
    }
}

/// Exact ranges, mended or not, and the day of the original's own option.
#[test]
fn takes_exact_ranges() {
    let log = folder().join("pflogsumm/day-as-others.log");
    let bytes = |options: &[&str]| {
        let report = printed(
            mailtally()
                .args([
                    "--format=pflogsumm",
                    "--year=2026",
                    "--now=2026-11-15T00:00",
                ])
                .args(options)
                .arg(&log),
        );
        String::from_utf8(report).expect("text")
    };
    let received = |options: &[&str]| {
        let report = bytes(options);
        let line = report.lines().find(|line| line.ends_with(" received"));
        line.and_then(|line| line.split_whitespace().next().map(str::to_owned))
            .expect("a total")
    };
    for mend in [&[][..], &["--mend"]] {
        for (range, expected) in [
            (&[][..], "3"),
            (&["--date", "2026-10-10"], "1"),
            (
                &[
                    "--since",
                    "2026-10-10T10:00:01",
                    "--until",
                    "2026-11-10T10:00:01",
                ],
                "2",
            ),
            (&["--date", "2026-11"], "1"),
        ] {
            assert_eq!(
                received(&[mend, range].concat()),
                expected,
                "{mend:?} {range:?}"
            );
        }
        let output = clean(
            mailtally()
                .args(["--format=pflogsumm", "--date=2026-01-01", "--year=2026"])
                .args(mend)
                .arg(&log),
        )
        .output()
        .expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("nothing was logged"), "{said}");
        assert_eq!(output.status.code(), Some(2), "{said}");
    }
}

/// The report of a log that is read in parts of so many lines.
fn in_parts(log: &[u8], lines: usize, is_mended: bool) -> Vec<u8> {
    let options = Options {
        mend: is_mended,
        smtpd_stats: true,
        extended: true,
        ..Options::default()
    };
    let reader = Reader::new(options.clone()).expect("a reader");
    let mut summary = Summary::new(options);
    let all: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
    for part in all.chunks(lines) {
        let dates = Dating::from_year(2026, None);
        let chunk = Chunk::new(part.concat(), dates, SourceId(0));
        summary.absorb(&reader.read(&chunk));
    }
    let mut report = Vec::new();
    summary.render(&mut report).expect("rendered");
    report
}

/// Mails, connections and days go on from one part of a log to the next.
#[test]
fn the_cut_of_a_log_changes_nothing() {
    let mut logs = logs::defects();
    // Which line was repeated is told by what hands out the parts.
    logs.retain(|log| !log.ends_with("16-message-repeated.log"));
    logs.extend(
        of_differences()
            .into_iter()
            .filter(|log| !log.starts_with(folder().join("defects"))),
    );
    let unpacked = logs::unpacked();
    logs.extend(
        unpacked
            .logs()
            .iter()
            .filter(|log| log.ends_with("lab-small/mail.log"))
            .cloned(),
    );
    assert!(logs.len() > 30);
    for log in logs {
        let bytes = fs::read(&log).expect("the log");
        for is_mended in [true, false] {
            let whole = in_parts(&bytes, usize::MAX, is_mended);
            for lines in [1, 2, 3, 100] {
                let parts = in_parts(&bytes, lines, is_mended);
                let name = log.display();
                assert!(
                    parts == whole,
                    "{name} {is_mended} by {lines}: {}",
                    differing(&whole, &parts)
                );
            }
        }
    }
}

//! Lines that stand for many are counted as many, wherever a log is cut.
//!
//! What is expected is counted by hand from the lines below, none of it by the code under test.
#![cfg(test)]

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use mailtally::pipeline;
use mailtally::source::{Input, Options, read_all};
use mailtally::tally::totals::Totals;

/// 3 + 1 connections, then 5 deferrals of one mail, 2 deliveries; a notice of another host, and one
/// that repeats what cron said. 13 lines.
const LOG: &str = "\
Nov 21 00:44:20 mx1 last message repeated 9 times
Nov 21 00:44:25 mx1 postfix/smtpd[7]: connect from unknown[192.0.2.66]
Nov 21 00:44:26 mx1 postfix/smtpd[7]: message repeated 3 times: [ connect from unknown[192.0.2.66]]
Nov 21 00:44:27 mx1 postfix/smtpd[7]: 4F1A22C0D9E: client=unknown[192.0.2.66]
Nov 21 00:44:28 mx1 postfix/smtp[8]: 4F1A22C0D9E: to=<bob@example.net>, relay=none, delay=1, delays=0/0/1/0, dsn=4.4.1, status=deferred (connect to mx.example.net[203.0.113.25]:25: Connection timed out)
Nov 21 00:44:29 mx1 last message repeated 2 times
Nov 21 00:45:29 mx1 --- last message repeated 1 time ---
Nov 21 00:46:29 last message repeated 1 times
Nov 21 00:46:30 mx1 postfix/smtp[8]: 4F1A22C0D9E: to=<bob@example.net>, relay=mx.example.net[203.0.113.25]:25, delay=2, delays=0/0/1/1, dsn=2.0.0, status=sent (250 2.0.0 Ok)
Nov 21 00:46:31 mx2 last message repeated 8 times
Nov 21 00:46:32 mx1 last message repeated 1 time
Nov 21 00:46:33 mx1 CRON[9]: (root) CMD (true)
Nov 21 00:46:34 mx1 last message repeated 4 times
";

fn read(path: &Path, chunk_bytes: usize) -> Totals {
    let options = Options {
        year: Some(2026),
        chunk_bytes,
        ..Options::default()
    };
    let chunks = read_all(vec![Input::File(path.to_owned())], &options);
    let (tally, _) = pipeline::tally(chunks, &pipeline::Options::default()).unwrap();
    tally.finish()
}

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn kinds(totals: &Totals) -> Vec<(&str, &str, u64)> {
    let rows = totals.coverage.kinds.iter();
    let mut kinds: Vec<_> = rows
        .map(|row| (row.class, row.kind.as_deref().unwrap_or(""), row.count))
        .collect();
    kinds.sort_unstable();
    kinds
}

#[test]
fn lines_count_once_and_what_they_stand_for_as_often_as_they_say() {
    let totals = read(file(LOG.as_bytes()).path(), 1 << 20);
    let connections = &totals.connections;
    let smtpd: u64 = connections.by_service.iter().map(|row| row.count).sum();
    assert_eq!(smtpd, 4);
    assert_eq!((totals.totals.deferrals, totals.totals.deferred), (5, 1));
    assert_eq!(totals.totals.delivered, 2);
    let lines = totals.coverage.lines;
    assert_eq!((lines.read, lines.parsed, lines.foreign), (13, 11, 2));
    assert_eq!(lines.unparsed + lines.generic, 0);
    // 2 of the connections; 1 of the deferrals' first notice.
    assert_eq!(lines.expanded, 2 + 1);
    assert_eq!(
        kinds(&totals),
        [
            ("foreign", "", 2),
            ("parsed", "delivery", 6),
            ("parsed", "logger_repeat", 2),
            ("parsed", "smtpd_client", 1),
            ("parsed", "smtpd_connect", 2),
        ]
    );
}

#[test]
fn where_a_log_is_cut_is_of_no_account() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(LOG.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let (plain, packed) = (file(LOG.as_bytes()), file(&packed));
    let whole = read(plain.path(), 1 << 20);
    for chunk_bytes in 1..=LOG.len() + 1 {
        for path in [plain.path(), packed.path()] {
            assert_eq!(read(path, chunk_bytes), whole, "chunks of {chunk_bytes}");
        }
    }
}

/// Of two files of one host whose lines are merged, a notice stays with the line above it.
#[test]
fn merged_logs_keep_a_notice_with_its_line() {
    let lines = LOG.lines().filter(|line| !line.contains("mx2"));
    let log: String = lines.map(|line| format!("{line}\n")).collect();
    let log = file(log.as_bytes());
    let between = file(
        "Nov 21 00:44:21 mx1 postfix/qmgr[1]: warning: x\n\
         Nov 21 00:45:00 mx1 dovecot: imap-login: Login: user=<a>, method=PLAIN\n\
         Nov 21 00:46:31 mx1 dovecot: imap-login: Login: user=<b>, method=PLAIN\n\
         Nov 21 00:50:00 mx1 postfix/qmgr[1]: warning: y\n"
            .as_bytes(),
    );
    let options = Options {
        year: Some(2026),
        chunk_bytes: 100,
        ..Options::default()
    };
    let inputs = [&log, &between].map(|file| Input::File(file.path().to_owned()));
    let chunks = read_all(inputs.to_vec(), &options);
    let (tally, _) = pipeline::tally(chunks, &pipeline::Options::default()).unwrap();
    let totals = tally.finish();
    assert_eq!((totals.totals.deferrals, totals.totals.delivered), (5, 2));
}

/// The log in Docker's and in Kubernetes' form, each line in two parts but for the notices.
fn in_containers() -> [String; 2] {
    let parts = |line: &str| match line.contains("last message") {
        true => vec![line.to_owned()],
        false => {
            let (first, last) = line.split_at(line.len() / 3);
            vec![first.to_owned(), last.to_owned()]
        }
    };
    let stamp = "2026-11-21T00:47:00.5Z";
    let (mut docker, mut cri) = (String::new(), String::new());
    for line in LOG.lines() {
        let parts = parts(line);
        for (at, part) in parts.iter().enumerate() {
            let (end, tag) = match at + 1 == parts.len() {
                true => ("\\n", "F"),
                false => ("", "P"),
            };
            docker += &format!(
                "{{\"log\":\"{part}{end}\",\"stream\":\"stdout\",\"time\":\"{stamp}\"}}\n"
            );
            cri += &format!("{stamp} stdout {tag} {part}\n");
        }
    }
    [docker, cri]
}

#[test]
fn containers_and_their_parts_change_nothing() {
    let whole = read(file(LOG.as_bytes()).path(), 1 << 20);
    for log in in_containers() {
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(log.as_bytes()).unwrap();
        let packed = file(&packed.finish().unwrap());
        let plain = file(log.as_bytes());
        for chunk_bytes in (1..log.len() + 1).step_by(7) {
            for path in [plain.path(), packed.path()] {
                let totals = read(path, chunk_bytes);
                assert_eq!(totals, whole, "chunks of {chunk_bytes}");
            }
        }
    }
}

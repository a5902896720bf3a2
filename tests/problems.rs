//! Which lines are problems: a table by kind over all fixtures, and the set held against that of
//! `egrep 'reject|warning|error|fatal|panic'` on a log of real servers.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use mailtally_parsers::{Event, Problem, Record, Tag};
use regex::bytes::Regex;

/// What administrators have typed for thirty years.
const EGREP: &str = "reject|warning|error|fatal|panic";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The problems of the fixtures' lines by kind, with `-` for a line that is none.
fn found() -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut found: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for program in fs::read_dir(path("fixtures/lines")).unwrap() {
        for file in fs::read_dir(program.unwrap().path()).unwrap() {
            let lines = fs::read_to_string(file.unwrap().path()).unwrap();
            for line in lines.lines().filter(|line| !line.starts_with('#')) {
                let (tag, message) = line.split_once(": ").unwrap();
                let event = Event::parse(&Tag::parse(tag.as_bytes()), message.as_bytes());
                let problem = Problem::of(&event, message.as_bytes());
                let kind = event.unwrap().kind().name().to_owned();
                let name = problem.map_or("-", Problem::name);
                found.entry(kind).or_default().insert(name);
            }
        }
    }
    assert!(found.len() > 300, "{}", found.len());
    found
}

/// The table is written by hand: a kind that moves is a change that users see.
#[test]
fn which_kinds_are_problems() {
    let table = fs::read_to_string(path("tests/problems.tsv")).unwrap();
    let mut wrong = Vec::new();
    let mut found = found();
    for row in table.lines().filter(|row| !row.starts_with('#')) {
        let (kind, expected) = row.split_once('\t').unwrap();
        let expected: BTreeSet<&str> = expected.split(' ').collect();
        let found = found.remove(kind).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{kind}: {found:?}, the table has {expected:?}"));
        }
    }
    for (kind, found) in found {
        wrong.push(format!("{kind}: {found:?}, the table has no row"));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Lines of the corpus by kind that only one of the two finds.
#[derive(Default)]
struct Differences {
    both: usize,
    only_egrep: BTreeMap<&'static str, usize>,
    only_ours: BTreeMap<&'static str, usize>,
}

fn differences(log: &str) -> Differences {
    let mut text = Vec::new();
    let file = File::open(path(log)).unwrap();
    GzDecoder::new(file).read_to_end(&mut text).unwrap();
    let egrep = Regex::new(EGREP).unwrap();
    let mut differences = Differences::default();
    for line in text.split(|byte| *byte == b'\n') {
        let Some(record) = Record::parse(line) else {
            continue;
        };
        if !record.tag.program.is_ours() {
            continue;
        }
        let event = Event::parse(&record.tag, record.message);
        let kind = event.map_or("unclassified", |event| event.kind().name());
        let is_ours = Problem::of(&event, record.message).is_some();
        match (egrep.is_match(line), is_ours) {
            (true, true) => differences.both += 1,
            (true, false) => *differences.only_egrep.entry(kind).or_default() += 1,
            (false, true) => *differences.only_ours.entry(kind).or_default() += 1,
            (false, false) => {}
        }
    }
    differences
}

/// Kinds of which only egrep finds lines, how many, and why they are none.
const NO_PROBLEMS: &[(&str, usize, &str)] = &[
    (
        "opendkim_sig_result",
        10,
        "result=\"no signature error\": a good signature",
    ),
    (
        "policyd_spf_result",
        2,
        "Temperror, Permerror: a verdict on a mail that is let in",
    ),
];

/// Kinds of which only we find lines, how many, and why they are problems.
///
/// The counts are those of `grep -v` of the words and `grep -c` of a kind's own words.
const UNSEEN_BY_EGREP: &[(&str, usize, &str)] = &[
    ("delivery", 601, "status=deferred, status=bounced"),
    ("dovecot_auth_error", 1, "the word is written Error"),
    (
        "dovecot_auth_failure",
        185,
        "unknown user, Password mismatch",
    ),
    ("dovecot_delivery_failed", 47, "save failed to INBOX"),
    (
        "dovecot_login_aborted",
        54,
        "auth failed, TLS handshaking: SSL_accept() failed",
    ),
    (
        "dovecot_login_conn_limit",
        2,
        "Maximum number of connections",
    ),
    (
        "dovecot_login_policy_refused",
        6,
        "Plaintext authentication disabled",
    ),
    ("dovecot_master_reload", 1, "the word is written Warning"),
    ("dovecot_master_signal", 3, "the word is written Warning"),
    ("dovecot_master_stop", 3, "the word is written Warning"),
    ("dovecot_sieve_script_error", 67, "the script stopped"),
    ("opendkim_ssl", 13, "a key that cannot be read"),
    ("qmgr_expired", 124, "status=expired, returned to sender"),
    ("smtp_connect_failed", 366, "Connection refused, timed out"),
    ("smtp_host_skip", 3, "Cannot start TLS: handshake failure"),
    (
        "smtpd_tls_required_abort",
        6,
        "No client certificate presented",
    ),
    (
        "tls_cert_verify_failed",
        24,
        "certificate verification failed",
    ),
];

fn rows(table: &[(&'static str, usize, &str)]) -> BTreeMap<&'static str, usize> {
    table
        .iter()
        .map(|(kind, lines, _)| (*kind, *lines))
        .collect()
}

#[test]
fn differs_from_egrep_only_where_a_table_says_why() {
    let found = differences("fixtures/logs/lab-a/mail.log.gz");
    assert_eq!(
        (found.only_egrep, found.only_ours),
        (rows(NO_PROBLEMS), rows(UNSEEN_BY_EGREP))
    );
}

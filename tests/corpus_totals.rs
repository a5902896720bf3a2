//! The corpus's totals against pflogsumm 1.1.5's, run on the same lines.
//!
//! `fixtures/logs/lab-a/pflogsumm-1.1.5.txt` is the original's output for the same log with its tags
//! made plain (`postfix-out/relay/smtp` became `postfix/smtp`), since 1.1.5 sees one syslog name
//! only. Where our numbers differ, DIFFERENCES.md has a row with the reason, and this test holds the
//! difference to exactly what the row says: a row that stops differing fails too.
#![cfg(test)]

use std::collections::BTreeMap;
use std::io::Read;

use mailtally::tally::totals::{MailTotals, Totals};
use mailtally::tally::{Tally, Windows};
use mailtally_parsers::{Event, Record};

const ROOM: &str = "fixtures/logs/lab-a";

fn totals() -> Totals {
    let file = std::fs::File::open(format!("{ROOM}/mail.log.gz")).unwrap();
    let mut log = Vec::new();
    flate2::read::GzDecoder::new(file)
        .read_to_end(&mut log)
        .unwrap();
    let mut tally = Tally::anchored(Windows::default());
    for line in log
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let record = Record::parse(line).unwrap();
        let stamp = record.timestamp;
        let seconds =
            i64::from(stamp.hour) * 3_600 + i64::from(stamp.minute) * 60 + i64::from(stamp.second);
        tally.absorb(
            &record,
            seconds * 1_000_000,
            &Event::parse(&record.tag, record.message),
        );
    }
    tally.finish()
}

/// Reads pflogsumm's grand totals: `{count}[k|m] {name}`, and the deferrals in parentheses.
fn pflogsumm() -> BTreeMap<String, (u64, u64)> {
    let text = std::fs::read_to_string(format!("{ROOM}/pflogsumm-1.1.5.txt")).unwrap();
    let mut found = BTreeMap::new();
    for line in text.lines() {
        let Some((count, rest)) = line.trim().split_once("  ") else {
            continue;
        };
        let digits = count.trim_end_matches(['k', 'm']);
        let Ok(value) = digits.parse::<u64>() else {
            continue;
        };
        let unit = match count.strip_prefix(digits) {
            Some("k") => 1_024,
            Some("m") => 1_048_576,
            _ => 1,
        };
        let (name, more) = rest.trim().split_once('(').unwrap_or((rest.trim(), ""));
        found.insert(name.trim().to_owned(), (value, unit));
        if let Some(deferrals) = more.strip_suffix("deferrals)") {
            found.insert(
                "deferrals".to_owned(),
                (deferrals.trim().parse().unwrap(), 1),
            );
        }
    }
    found
}

/// Our figure for one of pflogsumm's lines.
fn ours(totals: &MailTotals, name: &str) -> u64 {
    match name {
        "received" => totals.received,
        "delivered" => totals.delivered,
        "forwarded" => totals.forwarded,
        "deferred" => totals.deferred,
        "deferrals" => totals.deferrals,
        "bounced" => totals.bounced,
        "rejected" => totals.rejected,
        "reject warnings" => totals.reject_warnings,
        "held" => totals.held,
        "discarded" => totals.discarded,
        "bytes received" => totals.bytes_received,
        "bytes delivered" => totals.bytes_delivered,
        "senders" => totals.senders,
        "sending hosts/domains" => totals.sending_domains,
        "recipients" => totals.recipients,
        "recipient hosts/domains" => totals.recipient_domains,
        _ => panic!("pflogsumm prints a total that this test does not know: {name}"),
    }
}

/// Reads the rows of DIFFERENCES.md: `| lab-a | {total} | {ours - theirs} | {reason} |`.
fn differences() -> BTreeMap<String, i64> {
    let text = std::fs::read_to_string("tests/DIFFERENCES.md").unwrap();
    let cells = |line: &str| {
        line.split('|')
            .map(str::trim)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    text.lines()
        .map(cells)
        .filter(|cells| cells.len() > 4 && cells[1] == "lab-a")
        .map(|cells| (cells[2].clone(), cells[3].parse().unwrap()))
        .collect()
}

#[test]
fn totals_are_pflogsumms_but_for_its_defects() {
    let totals = totals();
    let theirs = pflogsumm();
    assert_eq!(theirs.len(), 16, "{theirs:?}");
    let mut differing = BTreeMap::new();
    for (name, (count, unit)) in &theirs {
        let difference = (ours(&totals.totals, name) / unit).cast_signed() - count.cast_signed();
        if difference != 0 {
            differing.insert(name.clone(), difference);
        }
    }
    assert_eq!(differing, differences());
}

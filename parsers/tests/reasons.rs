//! Every wording of `fixtures/reasons.tsv` has its canonical class, whatever a stranger puts beside it.
#![cfg(test)]

use std::collections::BTreeSet;

use mailtally_parsers::postfix::rule::Class;
use mailtally_parsers::postfix::{Event as Postfix, reason};
use mailtally_parsers::{Event, Tag};

/// A row of the table.
struct Row {
    class: &'static str,
    detail: &'static str,
    relay: &'static str,
    dsn: &'static str,
    status: &'static str,
    reason: &'static str,
}

fn rows() -> Vec<Row> {
    let text = include_str!("../../fixtures/reasons.tsv");
    let rows = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    rows.map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let [class, detail, relay, dsn, status, reason] = cells[..] else {
            panic!("not six columns: {line}");
        };
        Row {
            class,
            detail,
            relay,
            dsn,
            status,
            reason,
        }
    })
    .collect()
}

/// Parses a delivery line and returns the class and the detail of its reason.
fn classified(row: &Row, reason: &str) -> Option<(String, String)> {
    let Row {
        relay, dsn, status, ..
    } = row;
    let line = format!(
        "4F1A22C0D9E: to=<bob@example.org>, relay={relay}, delay=2.1, delays=0.1/0/1/1, dsn={dsn}, status={status} ({reason})"
    );
    let Ok(Event::Postfix(Postfix::Delivery(delivery))) =
        Event::parse(&Tag::parse(b"postfix/smtp"), line.as_bytes())
    else {
        panic!("no delivery: {line}");
    };
    let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or(b"")).into_owned();
    let named = |class: Class<'_>| (class.name.to_owned(), text(class.detail));
    delivery.reason_class(&delivery.reply()).map(named)
}

#[test]
fn every_wording_has_its_class() {
    let rows = rows();
    assert!(rows.len() > 200, "only {} rows", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        let found = classified(row, row.reason).unwrap_or_default();
        if found != (row.class.to_owned(), row.detail.to_owned()) {
            wrong.push(format!("{found:?}, not {}: {}", row.class, row.reason));
        }
    }
    let count = wrong.len();
    assert!(wrong.is_empty(), "{count} wrong:\n{}", wrong.join("\n"));
}

#[test]
fn capitals_change_nothing() {
    for row in rows() {
        // Postfix's own frames are told by their case, and so are names in capitals.
        let Some((frame, words)) = row.reason.split_once(" said: ") else {
            continue;
        };
        let (words, stage) = words.rsplit_once(" (in reply to ").unwrap_or((words, ""));
        let is_stock = words.contains(">: ") || row.class == "dnsbl";
        if stage.is_empty() || is_stock {
            continue;
        }
        let lower = words.to_ascii_lowercase();
        let reason = format!("{frame} said: {lower} (in reply to {stage}");
        let found = classified(&row, &reason).unwrap_or_default();
        assert_eq!(found.0, row.class, "{reason}");
    }
}

#[test]
fn every_class_of_the_table_is_in_the_vocabulary_and_sorted() {
    let names: Vec<&str> = reason::CLASSES.iter().map(|(name, _)| *name).collect();
    assert!(names.is_sorted(), "the vocabulary is not sorted");
    for row in rows().iter().filter(|row| !row.class.is_empty()) {
        assert!(reason::meaning(row.class).is_some(), "{}", row.class);
    }
    assert_eq!(reason::meaning("a-name-of-the-site"), None);
}

/// The classes that a delivery's reason can have all have a wording.
#[test]
fn the_table_of_wordings_leaves_out_no_common_class() {
    let rows = rows();
    let with_wording: BTreeSet<&str> = rows.iter().map(|row| row.class).collect();
    let of_refusals_only = [
        "access-rule",
        "bare-lf",
        "body-check",
        "command-rejected",
        "content-check",
        "header-check",
        "helo-not-found",
        "helo-rejected",
        "login-rejected",
        "milter-discard",
        "milter-header-check",
        "milter-hold",
        "milter-reject",
        "mime-error",
        "mime-header-check",
        "multi-recipient-bounce",
        "not-owned",
        "pipelining",
        "proxy-reject",
        "recipient-domain-not-found",
        "recipient-not-fqdn",
        "sender-not-fqdn",
    ];
    let without: Vec<&str> = reason::CLASSES
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !with_wording.contains(name) && !of_refusals_only.contains(name))
        .collect();
    assert!(without.is_empty(), "no wording for {without:?}");
}

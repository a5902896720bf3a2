//! Parts of a report by themselves say what the whole report says.

use serde_json::{Map, Value};

use crate::support::{fixture, mailtally};

const SECTIONS: &str = "totals traffic domains addresses failures message-detail delays tls logins login-sources rejects \
                        reject-trend reject-detail greylist postscreen verdicts smtpd families spam-sources \
                        mailboxes warnings coverage";

/// The keys of JSON that each section brings; `schema`, `meta` and `coverage` are always there.
fn keys(section: &str) -> &str {
    match section {
        "totals" => "messages totals totals_by_instance",
        "traffic" => "per_day per_hour per_weekday_hour",
        "domains" => "domains",
        "addresses" => "recipients senders without_size",
        "postscreen" => "dnsbl postscreen",
        "reject-trend" => "reject_trend",
        "message-detail" => "message_detail",
        "reject-detail" => "reject_detail",
        "coverage" | "login-sources" => "",
        "families" => "accepted_by_client connections deliveries",
        "spam-sources" => "spam_sources",
        same => same,
    }
}

fn json(arguments: &str) -> Map<String, Value> {
    let log = fixture("logs/lab-a/mail.log.gz");
    let run = mailtally(
        &format!("report --year 2026 --format json {arguments}"),
        &[&log],
    );
    let Value::Object(report) = run.expect_status(0).json() else {
        panic!("no object")
    };
    report
}

#[test]
fn each_section_by_itself_is_that_of_the_whole_report() {
    let whole = json("--sections all");
    for section in SECTIONS.split_whitespace() {
        let part = json(&format!("--sections {section}"));
        let mut expected: Vec<&str> = keys(section).split_whitespace().collect();
        expected.extend(["coverage", "meta", "schema"]);
        expected.sort_unstable();
        assert_eq!(part.keys().collect::<Vec<_>>(), expected, "{section}");
        for key in expected {
            assert!(part[key] == whole[key], "{section}: {key} differs");
        }
    }
}

#[test]
fn what_costs_much_is_there_only_when_asked_for() {
    let (usual, default) = (json(""), json("--sections default"));
    assert!(usual == default);
    assert!(usual.contains_key("failures") && !usual.contains_key("senders"));
    let more = json("--sections default,addresses");
    assert!(more["failures"] == usual["failures"] && more.contains_key("senders"));
}

#[test]
fn text_has_the_sections_asked_for_in_the_order_of_the_report() {
    let log = fixture("logs/lab-small/mail.log");
    let text = |arguments: &str| mailtally(arguments, &[&log]).expect_status(0).stdout;
    let whole = text("report --sections all");
    for section in SECTIONS.split_whitespace() {
        let part = text(&format!("report --sections {section}"));
        let (_, body) = part.split_once("\n\n").unwrap();
        assert!(whole.contains(body.trim_end()), "{section}: {body}");
    }
    let two = text("report --sections coverage,totals");
    let (totals, coverage) = (two.find("Grand totals"), two.find("Coverage"));
    assert!(totals.is_some() && totals < coverage, "{two}");
}

#[test]
fn a_misspelt_section_is_named_with_its_nearest_spelling() {
    let run = mailtally("report --sections totls", &[]).expect_status(2);
    let expected = "error: --sections: no section is called `totls`; close ones: totals, tls\n";
    assert_eq!(run.stderr, expected);
}

/// 2026-11-21 was a Saturday, and all of the log is of its first hour.
#[test]
fn weekdays_are_those_of_the_calendar() {
    let log = fixture("logs/lab-small/mail.log");
    let run = mailtally(
        "report --format json --year 2026 --sections traffic",
        &[&log],
    );
    let report = run.expect_status(0).json();
    let rows = report["per_weekday_hour"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (&rows[0]["weekday"], &rows[0]["hour"]),
        (&6.into(), &0.into())
    );
    assert_eq!(rows[0]["received"], report["per_day"][0]["received"]);
}

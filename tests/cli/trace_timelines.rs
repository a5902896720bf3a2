//! `mailtally trace` on whole mails of `fixtures/logs/trace`: what belongs to a mail, and how it is shown.
//!
//! The logs are written by hand after lines of real servers. Lines that do not belong to the mail
//! traced say `other`, or are of another mail of the log.

use std::fs;

use serde_json::Value;

use crate::report_schema::Validator;
use crate::support::{fixture, mailtally};

/// A log, what is searched, and what the lines of other mails in that log have.
struct Case {
    log: &'static str,
    term: &'static str,
    not_its: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        log: "relayed",
        term: "--queue-id 4bZ1xB2cXyz1k9",
        not_its: &["other"],
    },
    Case {
        log: "filtered",
        term: "--recipient info@example.org --sender news@example.com",
        not_its: &["other", "00601-04"],
    },
    Case {
        log: "bounced",
        term: "--queue-id 1F0E1D2C3B4",
        not_its: &["other"],
    },
    Case {
        log: "forwarded",
        term: "--message-id <forward-1@example.com>",
        not_its: &["other"],
    },
    Case {
        log: "expired",
        term: "--user greta",
        not_its: &["other"],
    },
    Case {
        log: "operator",
        term: "--client 203.0.113.5",
        not_its: &[],
    },
    Case {
        log: "refused",
        term: "--recipient karl@example.org",
        not_its: &["203.0.113.88", "203.0.113.99", "d4e5f6"],
    },
    Case {
        log: "refused",
        term: "--recipient anna@example.org",
        not_its: &["203.0.113.66", "203.0.113.99", "scan1", "F3F3F3F3F30"],
    },
    Case {
        log: "refused",
        term: "--sender bot@example.com",
        not_its: &["203.0.113.66", "203.0.113.88", "scan1", "F3F3F3F3F30"],
    },
];

fn trace(case: &Case, more: &str) -> String {
    let log = fixture(&format!("logs/trace/{}.log", case.log));
    let run = mailtally(&format!("trace --year 2026 {} {more}", case.term), &[&log]);
    run.expect_status(0).stdout
}

#[test]
fn exactly_the_lines_of_a_mail_belong_to_it() {
    for case in CASES {
        let log = fs::read_to_string(fixture(&format!("logs/trace/{}.log", case.log))).unwrap();
        let is_its = |line: &&str| case.not_its.iter().all(|other| !line.contains(other));
        let own: Vec<&str> = log.lines().filter(is_its).collect();
        assert!(!own.is_empty());
        let found = trace(case, "--raw");
        assert_eq!(
            found.lines().collect::<Vec<_>>(),
            own,
            "{} {}",
            case.log,
            case.term
        );
    }
}

#[test]
fn timelines_for_people() {
    for (at, case) in CASES.iter().enumerate() {
        let name = format!("timeline_{}_{at}", case.log);
        insta::assert_snapshot!(name, trace(case, ""), case.term);
    }
}

#[test]
fn timelines_for_programs() {
    let validator = Validator::new("trace");
    for (at, case) in CASES.iter().enumerate() {
        let mut object: Value = serde_json::from_str(&trace(case, "--format json")).unwrap();
        assert_eq!(validator.check(&object), Ok(()), "{}", case.term);
        // The lines are those of the test above; here is what stands around them.
        object["searched"].take();
        for hop in object["mails"]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .flat_map(hops)
        {
            let lines = hop["lines"].as_array().unwrap().iter();
            let kinds: Vec<&str> = lines.map(|line| line["kind"].as_str().unwrap()).collect();
            hop["lines"] = kinds.join(", ").into();
        }
        let name = format!("json_{}_{at}", case.log);
        insta::assert_json_snapshot!(name, object, case.term);
    }
}

fn hops(mail: &mut Value) -> &mut Vec<Value> {
    mail["hops"].as_array_mut().unwrap()
}

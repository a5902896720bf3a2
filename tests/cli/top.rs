//! `mailtally top`: ranking, evidence, forms.

use serde_json::Value;

use crate::report_schema::Validator;
use crate::skipped::skip;
use crate::support::{Folder, mailtally, mailtally_reading};

const LOG: &str = "fixtures/logs/lab-a/mail.log.gz";
/// Where any will do.
const SMALL: &str = "fixtures/logs/lab-small/mail.log";

/// The scripted attackers of that log, as the laboratory's world file names them.
const ATTACKERS: [&str; 9] = [
    "198.51.100.59",
    "198.51.100.5",
    "203.0.113.139",
    "203.0.113.107",
    "198.51.100.161",
    "198.51.100.46",
    "198.51.100.167",
    "2001:db8:a84:d1f::43e6",
    "2001:db8:a58:a21::853d",
];

/// Those of its clients that only sent mail, all of which was accepted (counted from what the clients
/// saw, one line for each session).
const GOOD: [&str; 9] = [
    "10.1.0.162",
    "10.1.3.122",
    "10.1.3.175",
    "10.1.5.16",
    "198.51.100.34",
    "198.51.100.42",
    "2001:db8:1a:1::8236",
    "2001:db8:a54:ea0::1f13",
    "203.0.113.240",
];

fn sources(arguments: &str) -> Vec<Value> {
    let run = mailtally(&format!("top --format json {arguments}"), &[]).expect_status(0);
    run.json()["sources"].as_array().unwrap().clone()
}

fn keys(sources: &[Value]) -> Vec<&str> {
    sources
        .iter()
        .map(|source| source["key"].as_str().unwrap())
        .collect()
}

#[test]
fn attackers_stand_above_clients_that_only_sent_accepted_mail() {
    let sources = sources(LOG);
    let keys = keys(&sources);
    for attacker in ATTACKERS {
        assert!(keys.contains(&attacker), "{attacker} is missing");
    }
    for good in GOOD {
        assert!(!keys.contains(&good), "{good} only sent accepted mail");
    }
    // What has done nothing has no score, and no row.
    for source in &sources {
        assert!(
            !source["evidence"].as_array().unwrap().is_empty(),
            "{source}"
        );
    }
}

#[test]
fn the_sum_of_the_evidence_is_the_score() {
    for by in [
        "address",
        "network",
        "hostname-domain",
        "sender",
        "alias",
        "rule",
    ] {
        let run = mailtally(&format!("top --format json --by {by} {LOG}"), &[]);
        let all = run.expect_status(0).json();
        let accepted_weight = all["weights"]["accepted"].as_u64().unwrap();
        for source in all["sources"].as_array().unwrap() {
            let evidence = source["evidence"].as_array().unwrap();
            let points = |piece: &Value| {
                let [count, weight] = ["count", "weight"].map(|name| piece[name].as_u64().unwrap());
                assert_eq!(piece["points"], count * weight);
                count * weight
            };
            let sum: u64 = evidence.iter().map(points).sum();
            let off = source["accepted"].as_u64().unwrap() * accepted_weight;
            assert_eq!(source["score"], sum - off, "{source}");
            assert!(source["samples"].as_array().unwrap().len() <= 3);
        }
    }
}

#[test]
fn the_score_is_the_reports() {
    let report = mailtally(
        &format!("report --format json --sections spam-sources {LOG}"),
        &[],
    );
    let report = report.expect_status(0).json();
    let by_address = sources(LOG);
    for source in report["spam_sources"].as_array().unwrap().iter().take(20) {
        let same = by_address
            .iter()
            .find(|one| one["key"] == source["address"]);
        // Verdicts of filters are evidence here, and are not in the report's score.
        let score = same.map_or(0, |one| one["score"].as_u64().unwrap());
        assert!(score >= source["score"].as_u64().unwrap(), "{source}");
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    for by in ["address", "sender-domain", "recipient"] {
        let run = |threads: u8| {
            mailtally(
                &format!("top --format json --threads {threads} --by {by} {LOG}"),
                &[],
            )
            .stdout
        };
        assert_eq!(run(1), run(4));
    }
}

#[test]
fn conditions_choose_lines() {
    let all = sources(&format!("--where kind=sasl_auth_failed {LOG}"));
    assert!(!all.is_empty());
    for source in &all {
        let evidence = source["evidence"].as_array().unwrap();
        assert_eq!(evidence[0]["name"], "auth_failure");
        assert_eq!(evidence.len(), 1);
    }
    mailtally(&format!("top --where klient=x {LOG}"), &[]).expect_status(2);
}

#[test]
fn weights_come_from_flag_and_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("mailtally.toml");
    std::fs::write(&config, "[weights]\nauth_failure = 50\ndnsbl = 7\n").unwrap();
    let arguments = format!("top --format json --weight dnsbl=9 {LOG} --config");
    let all = mailtally(&arguments, &[&config]).expect_status(0).json();
    assert_eq!(all["weights"]["auth_failure"], 50);
    assert_eq!(all["weights"]["dnsbl"], 9);
    assert_eq!(all["sources"][0]["evidence"][0]["weight"], 50);
}

#[test]
fn a_wrong_name_is_said_with_the_nearest() {
    let run = mailtally(&format!("top --by adress {LOG}"), &[]).expect_status(2);
    assert!(run.stderr.contains("address"), "{run}");
    let run = mailtally(&format!("top --weight dnsb=4 {LOG}"), &[]).expect_status(2);
    assert_eq!(
        run.stderr,
        "mailtally: no weight is called `dnsb`; close ones: dnsbl\n"
    );
}

#[test]
fn text_and_csv_show_the_same_rows() {
    let text = mailtally(&format!("top --count 3 {LOG}"), &[]).expect_status(0);
    for word in ["--top", "--limit"] {
        let same = mailtally(&format!("top {word} 3 {LOG}"), &[]).expect_status(0);
        assert_eq!(same.stdout, text.stdout, "{word}");
    }
    assert!(
        text.stdout
            .starts_with("Sources of unwanted mail by address\n"),
        "{text}"
    );
    assert!(text.stdout.contains("54 auth_failure x 2 = 108"), "{text}");
    let csv = mailtally(&format!("top --count 3 --format csv {LOG}"), &[]).expect_status(0);
    assert!(csv.stdout.contains("198.51.100.59"), "{csv}");
}

#[test]
fn nobody_is_listed_where_nothing_happened() {
    let run = mailtally_reading("top -", crate::support::GOOD.as_bytes()).expect_status(0);
    assert_eq!(run.stdout, "Sources of unwanted mail by address: none\n");
}

#[test]
fn our_own_are_ranked_by_what_they_send() {
    let run = mailtally(&format!("top --direction out --format json {LOG}"), &[]).expect_status(0);
    let all = run.json();
    let rows = all["offenders"].as_array().unwrap();
    let numbers: Vec<u64> = rows
        .iter()
        .map(|row| row["recipients"].as_u64().unwrap())
        .collect();
    assert!(
        numbers.is_sorted_by(|a, b| a >= b) && numbers[0] > 0,
        "{numbers:?}"
    );
    let by_bounces = mailtally(
        &format!("top --direction out --sort bounces --format json {LOG}"),
        &[],
    );
    let by_bounces = by_bounces.expect_status(0).json();
    let shares = by_bounces["offenders"].as_array().unwrap().iter();
    let shares: Vec<f64> = shares
        .map(|row| row["bounced_share"].as_f64().unwrap_or(0.0))
        .collect();
    assert!(shares.is_sorted_by(|a, b| a >= b), "{shares:?}");
    mailtally(&format!("top --direction out --by helo {LOG}"), &[]).expect_status(2);
    mailtally(&format!("top --direction out --export plain {LOG}"), &[]).expect_status(2);
}

/// `fixtures/mmdb/make.py` says which networks are whose.
#[test]
fn systems_and_countries_come_from_the_file_that_is_named() {
    let line = |address: &str| {
        format!(
            "Nov 21 10:00:00 mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[{address}]: 554 5.7.1 \
             <x@example.org>: Relay access denied; from=<s@e.example> to=<x@example.org> proto=ESMTP helo=<h>\n"
        )
    };
    let log: String = [
        "198.51.100.59",
        "198.51.100.60",
        "198.51.100.60",
        "198.51.100.200",
        "203.0.113.4",
        "2001:db8:a58:1::7",
        "192.0.2.1",
    ]
    .map(line)
    .concat();
    let with = |by: &str| {
        let arguments = format!("top --format json --by {by} --mmdb fixtures/mmdb/networks.mmdb -");
        let run = mailtally_reading(&arguments, log.as_bytes()).expect_status(0);
        let rows = run.json()["sources"].as_array().unwrap().clone();
        let row = |row: &Value| format!("{} {}", row["key"].as_str().unwrap(), row["score"]);
        rows.iter().map(row).collect::<Vec<_>>()
    };
    let systems = [
        "AS64500 Example Net 3",
        "AS64501 Other \"Net\", Ltd 1",
        "AS64502 Third Net 1",
        "AS64503 Sixth Net 1",
        "unknown 1",
    ];
    assert_eq!(with("asn"), systems);
    assert_eq!(with("country"), ["XA 3", "XB 2", "XC 1", "unknown 1"]);
    let run = mailtally(&format!("top --by asn {LOG}"), &[]).expect_status(2);
    assert_eq!(
        run.stderr,
        "mailtally: --by asn needs --mmdb FILE: none comes with mailtally\n"
    );
    mailtally(&format!("top --by asn --mmdb README.md {LOG}"), &[]).expect_status(2);
}

/// The truth counts what was made to name these domains, before it was put into lines.
#[test]
fn domains_of_refused_headers_are_those_of_the_truth() {
    let folder = std::path::Path::new("fixtures/logs/header-checks");
    let Ok(truth) = std::fs::read_to_string(folder.join("truth.json")) else {
        return skip(format!("there is no {}", folder.display()));
    };
    let truth: Value = serde_json::from_str(&truth).unwrap();
    let log = folder.join("maillog-20150122");
    let arguments = "top --by header-domain --date 2014-12-01..2015-01-21 --count 5 --format json";
    let run = mailtally(arguments, &[&log]).expect_status(0).json();
    let rows = run["sources"].as_array().unwrap().iter();
    let rows: Vec<_> = rows.map(|row| (&row["key"], &row["score"])).collect();
    let expected = truth["top_header_domains"].as_array().unwrap().iter();
    let expected: Vec<_> = expected
        .map(|row| (&row["domain"], &row["count"]))
        .collect();
    assert_eq!(rows, expected);
}

/// A refusal and a failed login of light sources by thousands, between which heavy ones come again.
fn skewed() -> String {
    let mut log = String::new();
    let mut line = |process: &str, text: String| {
        log += &format!("Nov 21 10:00:00 mx1 postfix/{process}[1]: {text}\n");
    };
    let refused = |address: String| {
        format!(
            "NOQUEUE: reject: RCPT from unknown[{address}]: 554 5.7.1 <x@example.org>: Relay access denied; \
             from=<a@e.example> to=<x@example.org> proto=ESMTP helo=<h>"
        )
    };
    for at in 0..12_000_u32 {
        line(
            "smtpd",
            refused(format!("198.18.{}.{}", at / 250, at % 250)),
        );
        let heavy = at % 60;
        // The first comes each time, the last ones seldom.
        if at / 60 % (heavy / 4 + 1) == 0 {
            line("smtpd", refused(format!("203.0.113.{heavy}")));
        }
        if at % 3_000 == 7 {
            let address = format!("198.18.{}.{}", at / 250, at % 250);
            line(
                "smtpd",
                format!("warning: unknown[{address}]: SASL LOGIN authentication failed: x"),
            );
        }
    }
    line("smtpd", "4A1A22C0D9E: client=unknown[203.0.113.1]".into());
    line(
        "qmgr",
        "4A1A22C0D9E: from=<a@e.example>, size=10, nrcpt=1 (queue active)".into(),
    );
    log
}

#[test]
fn in_bounded_memory_every_score_is_within_its_bounds() {
    let folder = Folder::new();
    let log = folder.file("mail.log", skewed());
    let run = |more: &str| mailtally(&format!("top --year 2026 {more}"), &[&log]).expect_status(0);
    let exact = run("--format json").json();
    let about = run("--format json --memory 512K --threads 1");
    let again = run("--format json --memory 512K --threads 3");
    assert_eq!(about.stdout, again.stdout, "threads are of no account");
    let about = about.json();
    let exact = exact["sources"].as_array().unwrap();
    let held = about["sources"].as_array().unwrap();
    let ceiling = about["forgotten"]["points_at_most"].as_u64().unwrap();
    assert!(ceiling > 0 && held.len() < 300 && exact.len() > 12_000);
    for source in exact {
        let score = source["score"].as_u64().unwrap();
        let Some(row) = held.iter().find(|row| row["key"] == source["key"]) else {
            assert!(score <= ceiling, "{source}");
            continue;
        };
        let bounds = row["score"].as_u64().unwrap()..=row["score_at_most"].as_u64().unwrap();
        assert!(bounds.contains(&score), "{score}: {row}");
    }
    for heavy in keys(exact).iter().take(20) {
        assert!(
            keys(held).iter().take(60).any(|key| key == heavy),
            "{heavy}"
        );
    }
    // Logins and accepted mail are exact beside the rows: two points for each, three off for a mail.
    let of =
        |rows: &[Value], key: &str| rows.iter().find(|row| row["key"] == key).cloned().unwrap();
    assert!(of(held, "198.18.0.7")["score"].as_u64() >= Some(2));
    let good = of(held, "203.0.113.1");
    assert_eq!(
        (&good["accepted"], &good["score"]),
        (&1.into(), &of(exact, "203.0.113.1")["score"])
    );

    let text = run("--memory 512K --count 3").stdout;
    assert!(
        text.contains("by address, about") && text.contains("at most"),
        "{text}"
    );
    assert!(text.contains("sources were forgotten"), "{text}");
    let csv = run("--memory 512K --format csv").stdout;
    assert!(csv.contains("at most"), "{csv}");

    let list = |more: &str| run(&format!("--export plain {more}")).stdout;
    let (all, some) = (list(""), list("--memory 512K"));
    let all: Vec<&str> = all
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    let some: Vec<&str> = some
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(some.contains(&"203.0.113.0") && !some.contains(&"203.0.113.1"));
    assert!(some.iter().all(|listed| all.contains(listed)));
}

#[test]
fn with_memory_to_spare_scores_are_exact() {
    let bounded = sources(&format!("--memory 64M {LOG}"));
    let exact = sources(LOG);
    assert_eq!(keys(&bounded), keys(&exact));
    for (bounded, exact) in bounded.iter().zip(&exact) {
        assert_eq!(bounded["score"], exact["score"]);
        assert_eq!(bounded["score_at_most"], exact["score"]);
        assert_eq!(bounded["evidence"], exact["evidence"]);
    }
}

#[test]
fn memory_does_not_go_with_what_puts_addresses_together() {
    let run = mailtally(&format!("top --memory 64M --by network {LOG}"), &[]).expect_status(2);
    let said = "mailtally: --memory does not go with --by network, which puts addresses together: take --by \
                address\n";
    assert_eq!(run.stderr, said);
    mailtally(&format!("top --memory 64M --direction out {LOG}"), &[]).expect_status(2);
    mailtally(&format!("top --memory 12 {LOG}"), &[]).expect_status(2);
}

#[test]
fn the_json_keeps_to_its_schema() {
    let (of_strangers, of_own) = (Validator::new("top"), Validator::new("top --direction out"));
    for arguments in [
        "",
        "--by alias",
        "--by network",
        "--memory 128K",
        "--count 1",
    ] {
        let run = mailtally(&format!("top --format json {arguments} {SMALL}"), &[]);
        let mut ranking = run.expect_status(0).json();
        assert!(ranking["sources"][0]["key"].is_string(), "{arguments}");
        assert_eq!(of_strangers.check(&ranking), Ok(()), "{arguments}");
        ranking["sources"][0]["no_such_key"] = 1.into();
        assert!(of_strangers.check(&ranking).is_err(), "{arguments}");
    }
    let run = mailtally(&format!("top --direction out --format json {SMALL}"), &[]);
    let mut ranking = run.expect_status(0).json();
    assert!(ranking["offenders"][0]["key"].is_string());
    assert_eq!(of_own.check(&ranking), Ok(()));
    assert!(of_strangers.check(&ranking).is_err());
    ranking["offenders"][0]["mails"] = "1".into();
    assert!(of_own.check(&ranking).is_err());
}

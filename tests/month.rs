//! Are the alerts right? A labelled month of loggen is replayed, and each alert held against the
//! truth, which knows no rule.
//!
//! CI measures one month of a small site. `MAILTALLY_MONTHS=1-5 cargo nextest run --test month` measures
//! the seeds 1 to 5 of a larger one, of 20,000 lines a day, and writes the table to
//! benches/record/month-20000.md; `MAILTALLY_LINES_A_DAY` makes the site larger or smaller.
#![cfg(test)]

#[path = "month/blockers.rs"]
mod blockers;
#[path = "month/matching.rs"]
mod matching;
#[path = "month/table.rs"]
mod table;

use std::fs;
use std::ops::RangeInclusive;
use std::process::Command;

use loggen::month_truth::Label;
use loggen::{MonthOptions, MonthTruth, month};

use matching::{Alert, Verdict};

/// Which rules say what an incident is. A kind is reported if one of its rules fires on one of
/// its keys.
const SAID_BY: &[(&str, &[&str])] = &[
    ("password_guessing", GUESSING),
    ("password_spray", &["password-spray"]),
    ("password_spray_network", &["password-spray"]),
    ("distributed_guessing", &["distributed-attack-on-user"]),
    ("success_after_failures", &["success-after-failures"]),
    ("account_takeover", &["account-takeover"]),
    ("relay_probe", &["relay-probe"]),
    ("helo_offence", &["helo-rejected"]),
    ("recipient_guessing", &["recipient-dictionary-attack"]),
    ("backscatter", &["backscatter"]),
    ("dead_addresses", &["bounce-rate", "provider-bounce-rate"]),
    ("server_down", &["deferral-spike"]),
    ("provider_blocks", &["blocked-by-provider"]),
    ("tls_gone", &["tls-downgrade", "tls-policy-failure"]),
    (
        "silence",
        &["no-mail-received", "no-mail-delivered", "log-gap"],
    ),
    ("silence_in", &["no-mail-received"]),
    ("flood_of_refusals", &["reject-spike"]),
    ("flood_of_mail", &["volume-spike"]),
    ("fatal", &["fatal-error", "crash-loop"]),
    ("panic", &["fatal-error", "crash-loop"]),
    ("disk_full", &["disk-full"]),
    ("process_limit", &["process-limit"]),
    ("queue_write", &["queue-damage", "disk-full"]),
    ("map_error", &["table-problem"]),
    ("certificate", &["own-certificate"]),
    ("dns_fails", &["dns-failing", "filter-down"]),
    ("restart_loop", &["restart-loop"]),
    ("lost_lines", &["lost-lines"]),
];

const GUESSING: &[&str] = &[
    "login-brute-force",
    "login-slow-brute-force",
    "login-hourly-brute-force",
    "login-evasive-brute-force",
    "password-spray",
];

/// What an incident of another kind leads to: a thief's spam bounces like mail to dead addresses.
const LEADS_TO: &[(&str, &[&str])] =
    &[("account_takeover", &["bounce-rate", "provider-bounce-rate"])];

/// Of those that must be reported so many are, in percent.
const RECALL: usize = 98;
/// Pages in a week in which nothing is to be reported, at most.
const FALSE_PAGES: usize = 1;

/// Replays a month and judges its alerts.
fn measure(options: &MonthOptions) -> (MonthTruth, Verdict) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    let (generator, truth) = month(options);
    let mut log = fs::File::create(&path).unwrap();
    generator.write_to(&mut log).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mailtally"))
        .args(["watch", "--replay", "--format", "jsonl"])
        .arg(&path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    let alerts: Vec<Alert> = text.lines().map(Alert::read).collect();
    assert!(!alerts.is_empty());
    let verdict = matching::judge(&truth, alerts);
    (truth, verdict)
}

/// Reads `3-5`, or `3` for the first three.
fn seeds(text: &str) -> RangeInclusive<u64> {
    let (first, last) = text.split_once('-').unwrap_or(("1", text));
    first.parse().unwrap()..=last.parse().unwrap()
}

#[test]
fn alerts_are_right() {
    let asked = std::env::var("MAILTALLY_MONTHS").ok();
    let seeds = asked.as_deref().map_or(1..=1, seeds);
    let lines_a_day = match std::env::var("MAILTALLY_LINES_A_DAY") {
        Ok(text) => text.parse().unwrap(),
        Err(_) if asked.is_some() => 20_000,
        Err(_) => 3_000,
    };
    let measured: Vec<(MonthTruth, Verdict)> = seeds
        .map(|seed| {
            measure(&MonthOptions {
                seed,
                lines_a_day,
                ..MonthOptions::default()
            })
        })
        .collect();
    let text = table::write(&measured, lines_a_day);
    println!("{text}");
    if asked.is_some() {
        let path = format!("benches/record/month-{lines_a_day}.md");
        fs::write(path, &text).unwrap();
    }
    for (truth, verdict) in &measured {
        let (must, hit) = verdict.recall(truth);
        let seed = truth.seed;
        assert!(
            hit * 100 >= must * RECALL,
            "seed {seed}: {hit} of {must} reported"
        );
        let wrong = verdict.hits_of(truth, Label::MustNot);
        assert!(
            wrong.is_empty(),
            "seed {seed}: reported, and must not: {wrong:?}"
        );
        let pages = &verdict.quiet_pages;
        let allowed = FALSE_PAGES * truth.quiet_weeks.len();
        assert!(
            pages.len() <= allowed,
            "seed {seed}: pages in quiet weeks: {pages:?}"
        );
    }
}

/// The table above cannot hide an incident: each kind that a month has is in it.
#[test]
fn every_kind_has_its_rules() {
    let (_, truth) = month(&MonthOptions {
        lines_a_day: 500,
        ..MonthOptions::default()
    });
    for incident in &truth.incidents {
        assert!(
            !matching::rules_of(incident.kind).is_empty(),
            "{}",
            incident.kind
        );
    }
}

//! Is `--format pflogsumm` what pflogsumm 1.1.5 prints? Both are run and their bytes compared.
//!
//! The original leaves the order of ties to chance: [`ties`] puts them in one order on both sides,
//! and knows nothing of how we print. Without the original on this machine the tests say so and
//! hold nothing, unless MAILTALLY_REQUIRE=1 makes that a failure (Debian: `apt-get install pflogsumm`).
#![cfg(test)]

mod logs;
mod mended;
mod place;
mod run;
#[path = "../skipped/mod.rs"]
mod skipped;
mod ties;

use std::path::Path;

use run::{is_there, ours, theirs};
use ties::Report;

/// What the reports are asked for. Together the sets have each of pflogsumm's options, in its own
/// spellings, old ones, cut ones and such with one dash.
const SETS: &[&[&str]] = &[
    &[],
    &["-e", "-m", "-i"],
    &[
        "--smtpd_stats",
        "--iso_date_time",
        "--zero_fill",
        "--problems_first",
        "-q",
    ],
    &[
        "--ignore-case",
        "--uucp-mung",
        "--verp-mung=2",
        "--rej-add-from",
    ],
    &["--verbose-msg-detail", "--verp-mung", "--no-no-msg-size"],
    &["--detail", "2", "-e"],
    &["--detail", "1", "--bounce-detail", "-1", "-h", "4"],
    &[
        "-h",
        "3",
        "-u",
        "0",
        "--reject-detail",
        "5",
        "--smtp-detail",
        "1",
    ],
    &[
        "-h",
        "0",
        "-u",
        "2",
        "--smtpd-warning-detail",
        "1",
        "--smtpd-stats",
    ],
    &[
        "--bounce-detail",
        "0",
        "--deferral-detail",
        "1",
        "--smtp-detail",
        "0",
    ],
    &["--syslog_name=mx1|postfix-.*", "--smtpd-stats", "-e"],
    &["-d", "today", "--iso-date"],
    // The rest for small logs only.
    &["-d", "yesterday", "-q", "-zero"],
    &["-e"],
    &["--smtpd-stats"],
    &["--rej_add_from", "--verp_mung", "-i", "--no_no_msg_size"],
    &["--verbose_msg_detail", "--rej_add_from", "--verp_mung=2"],
    &[
        "--detail=0",
        "--reject-detail",
        "3",
        "--smtpd-warning-detail",
        "-2",
    ],
    &[
        "--no_bounce_detail",
        "--no_deferral_detail",
        "--no_reject_detail",
        "--no_smtpd_warnings",
    ],
    &["--syslog-name=postfix-out", "--zero-fill"],
    &["--syslog-name", "postfix-(in|out)", "-problems-first"],
];

/// So many of them for logs of thousands of lines.
const FEW: usize = 12;

fn few() -> &'static [&'static [&'static str]] {
    SETS.get(..FEW).expect("there are as many")
}

/// Compares the two programs on a log, with each of these sets of options.
fn compare(log: &Path, sets: &[&[&str]]) {
    let mut wrong = Vec::new();
    for set in sets {
        let (theirs, ours) = (theirs(set, log), ours(set, log));
        let difference = Report::of(&theirs).difference(&Report::of(&ours));
        if let Some(difference) = difference {
            wrong.push(format!("{} {}\n{difference}", log.display(), set.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn edge_logs_with_all_options() {
    if is_there() {
        for log in logs::edges() {
            compare(&log, SETS);
        }
    }
}

#[test]
fn logs_of_real_servers() {
    if is_there() {
        let unpacked = logs::unpacked();
        for log in unpacked.logs() {
            compare(log, few());
        }
    }
}

/// Years, sizes and defects: each log is there for an oddity.
#[test]
fn logs_of_the_defects_of_other_tools() {
    if is_there() {
        for log in logs::defects() {
            compare(
                &log,
                &[
                    &["--smtpd-stats", "-e"],
                    &["--verbose-msg-detail", "--iso-date-time"],
                ],
            );
        }
    }
}

#[test]
fn the_corpus() {
    if is_there() {
        for log in logs::corpus() {
            compare(&log, few());
        }
    }
}

#[test]
fn fresh_logs() {
    if is_there() {
        for log in logs::fresh() {
            compare(log.path(), few());
        }
    }
}

/// The sections and lines that were compared say something: an empty report equals an empty one.
#[test]
fn what_is_compared_has_rows() {
    if !is_there() {
        return;
    }
    let all: Vec<u8> = logs::edges()
        .iter()
        .flat_map(|log| theirs(&["-e", "--smtpd-stats"], log))
        .collect();
    let all = String::from_utf8_lossy(&all);
    for title in [
        "Per-Day Traffic Summary",
        "Per-Hour Traffic Summary",
        "Per-Hour Traffic Daily Average",
        "Host/Domain Summary: Message Delivery",
        "Host/Domain Summary: Messages Received",
        "Per-Day SMTPD Connection Summary",
        "Per-Hour SMTPD Connection Summary",
        "Host/Domain Summary: SMTPD Connections",
        "Senders by message count",
        "Recipients by message size",
        "Messages with no size data",
        "message deferral detail",
        "message bounce detail (by relay)",
        "message reject detail",
        "message reject warning detail",
        "message hold detail",
        "message discard detail",
        "smtp delivery failures",
        "Warnings",
        "Fatal Errors",
        "Panics",
        "Master daemon messages",
        "Message detail",
    ] {
        let underlined = all
            .lines()
            .zip(all.lines().skip(1))
            .any(|(line, next)| line.trim_end() == title && next.starts_with("---"));
        assert!(underlined, "no log has rows below `{title}`");
    }
}

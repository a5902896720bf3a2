//! `report --queue`: the mail queue beside the logs.

use crate::support::{fixture, mailtally};

const NOW: &str = "--now 2026-11-21T00:44:25Z --tz UTC";

#[test]
fn the_queue_stands_in_the_report_as_text_and_json() {
    let log = fixture("logs/lab-small/mail.log");
    let queue = fixture("queue/postqueue.json");
    let flags = format!("report {NOW} --sections totals --queue {}", queue.display());
    let text = mailtally(&flags, &[&log]).expect_status(0).stdout;
    for line in [
        "Mail queue (3 mails)",
        "      2           3  3.8 KiB  1 d 1 h  deferred",
        "  deferred  -    1     1",
        "           2  connection-refused  nothing listens at the server's port",
        "           1  over-quota          the mailbox is full",
    ] {
        assert!(text.contains(line), "{line:?} is not in {text}");
    }
    let json = mailtally(&format!("{flags} --format json"), &[&log]).expect_status(0);
    let queue = &json.json()["queue"];
    assert_eq!(
        queue["queues"][0]["oldest_secs"],
        1_795_221_865 - 1_795_130_000
    );
    assert_eq!(queue["reasons"][0]["count"], 2);
    assert_eq!(queue["senders"][0]["name"], "ann@example.net");
}

#[test]
fn a_listing_that_is_none_is_said() {
    let log = fixture("logs/lab-small/mail.log");
    let flags = format!("report --sections totals --queue {}", log.display());
    let run = mailtally(&flags, &[&log]).expect_status(0);
    assert!(
        run.stderr.contains("3000 lines are not of `postqueue -j`"),
        "{}",
        run.stderr
    );
    assert!(run.stdout.contains("Mail queue: empty"), "{}", run.stdout);
    let run = mailtally("report --queue /nonexistent/queue", &[&log]).expect_status(2);
    assert!(
        run.stderr
            .contains("cannot read the queue from /nonexistent/queue"),
        "{}",
        run.stderr
    );
}

#[test]
fn standard_input_is_either_the_queue_or_a_log() {
    let run = mailtally("report --queue -", &[]).expect_status(2);
    assert!(
        run.stderr.contains("standard input is the queue"),
        "{}",
        run.stderr
    );
}

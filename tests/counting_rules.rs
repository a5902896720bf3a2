//! The counting rules where logs are odd: each log is a few lines, each number was counted by hand.
#![cfg(test)]

use mailtally::tally::totals::Totals;
use mailtally::tally::{Tally, Windows};
use mailtally_parsers::{Event, Record};

/// Counts a log given as `tag: message` lines, a second apart.
fn totals_of(lines: &[&str]) -> Totals {
    totals_within(Windows::default(), lines)
}

fn totals_within(windows: Windows, lines: &[&str]) -> Totals {
    let mut tally = Tally::anchored(windows);
    for (second, line) in (0i64..).zip(lines) {
        let text = format!("May  1 00:00:00 mx1 {line}");
        let record = Record::parse(text.as_bytes()).unwrap();
        let event = Event::parse(&record.tag, record.message);
        assert!(event.is_ok(), "unparsed: {line}");
        tally.absorb(&record, second * 1_000_000, &event);
    }
    tally.finish()
}

/// Failed and successful logins of a service.
fn logins(totals: &Totals, service: &str) -> (u64, u64) {
    let sum = |outcome: &str| {
        let rows = totals
            .logins
            .iter()
            .filter(|row| row.service == service && row.outcome == outcome);
        rows.map(|row| row.count).sum()
    };
    (sum("failure"), sum("success"))
}

const AUTH: &str =
    "dovecot: auth: passwd-file(bob@example.com,192.0.2.66,<sid1>): Password mismatch";
const WORKER: &str = "dovecot: auth-worker(17): conn unix:auth-worker (pid=9,uid=8): auth-worker<1>: sql(bob@example.com,192.0.2.66,<sid1>): Password mismatch";
const LOGIN: &str = "dovecot: imap-login: Login: user=<bob@example.com>, method=PLAIN, rip=192.0.2.66, lip=198.51.100.1, mpid=4711, TLS, session=<sid1>";

#[test]
fn one_attempt_said_by_auth_and_its_worker_is_one_failure() {
    assert_eq!(logins(&totals_of(&[WORKER, AUTH, LOGIN]), "imap"), (1, 1));
    assert_eq!(
        logins(&totals_of(&[WORKER, AUTH, WORKER, AUTH, LOGIN]), "imap"),
        (2, 1)
    );
}

#[test]
fn a_login_line_with_attempts_counts_them_and_no_auth_line_beside() {
    let aborted = "dovecot: imap-login: Disconnected: Connection closed (auth failed, 3 attempts in 9 secs): user=<>, method=PLAIN, rip=192.0.2.66, lip=198.51.100.1, session=<sid1>";
    let totals = totals_of(&[AUTH, AUTH, aborted]);
    assert_eq!(logins(&totals, "imap"), (3, 0));
    assert_eq!(
        totals.logins[0].user.as_deref(),
        Some("bob@example.com"),
        "auth lines add the user"
    );
}

#[test]
fn auth_lines_without_a_login_line_count_themselves() {
    assert_eq!(logins(&totals_of(&[AUTH, AUTH]), "unknown"), (2, 0));
}

#[test]
fn limits_and_unused_connections_are_no_failed_logins() {
    let limit = "dovecot: imap-login: Disconnected: Maximum number of connections from user+IP exceeded (mail_max_userip_connections=3) (auth failed, 1 attempts in 0 secs): user=<bob@example.com>, method=PLAIN, rip=192.0.2.66, lip=198.51.100.1, TLS, session=<sid2>";
    let unused = "dovecot: imap-login: Disconnected: Connection closed (no auth attempts in 0 secs): user=<>, rip=192.0.2.66, lip=198.51.100.1, session=<sid3>";
    assert_eq!(logins(&totals_of(&[limit, unused]), "imap"), (0, 0));
}

#[test]
fn a_refused_plaintext_login_is_one_failure() {
    let refused = "dovecot: imap-login: Disconnected (tried to use disallowed plaintext auth): user=<>, rip=192.0.2.66, lip=198.51.100.1, session=<sid4>";
    let reason = "dovecot: imap-login: Login failed: Plaintext authentication disabled: user=<>, rip=192.0.2.66, lip=198.51.100.1, session=<sid4>";
    assert_eq!(logins(&totals_of(&[reason, refused]), "imap"), (1, 0));
}

#[test]
fn an_expired_mail_whose_recipients_are_not_in_the_log_gave_up_one() {
    let totals = totals_of(&[
        "postfix/qmgr[1]: 4F1A22C0D9E: from=<a@example.net>, status=expired, returned to sender",
        "postfix/qmgr[1]: 4F1A22C0D9E: removed",
    ]);
    assert_eq!(
        (totals.totals.expired, totals.messages.expired_recipients),
        (1, 1)
    );
    assert_eq!(totals.messages.open_at_start, 1);
}

#[test]
fn an_expired_mail_gives_up_the_recipients_that_were_not_done() {
    let totals = totals_of(&[
        "postfix/smtpd[1]: 4F1A22C0D9E: client=mail.example.net[198.51.100.7]",
        "postfix/cleanup[1]: 4F1A22C0D9E: message-id=<m1@example.net>",
        "postfix/qmgr[1]: 4F1A22C0D9E: from=<a@example.net>, size=100, nrcpt=3 (queue active)",
        "postfix/local[1]: 4F1A22C0D9E: to=<bob@example.com>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to mailbox)",
        "postfix/qmgr[1]: 4F1A22C0D9E: from=<a@example.net>, status=force-expired, returned to sender",
        "postfix/qmgr[1]: 4F1A22C0D9E: removed",
    ]);
    assert_eq!(
        (totals.totals.expired, totals.messages.expired_recipients),
        (1, 2)
    );
}

/// A mail from outside, and a copy of it over loopback, `between` lines apart by their message-ids.
fn copy_after(between: usize) -> Totals {
    let mut lines = vec![
        "postfix/smtpd[1]: 4F1A22C0D9E: client=mail.example.net[198.51.100.7]",
        "postfix/cleanup[1]: 4F1A22C0D9E: message-id=<m1@example.net>",
        "postfix/qmgr[1]: 4F1A22C0D9E: from=<a@example.net>, size=100, nrcpt=1 (queue active)",
    ];
    lines.extend(vec![
        "postfix/smtpd[9]: connect from unknown[192.0.2.9]";
        between - 3
    ]);
    lines.push("postfix/smtpd[2]: 5A2B33D1EAF: client=localhost[127.0.0.1]");
    lines.push("postfix/cleanup[2]: 5A2B33D1EAF: message-id=<m1@example.net>");
    lines.push(
        "postfix/qmgr[1]: 5A2B33D1EAF: from=<a@example.net>, size=120, nrcpt=1 (queue active)",
    );
    totals_within(
        Windows {
            late: 6,
            hop: 20,
            ..Windows::default()
        },
        &lines,
    )
}

#[test]
fn a_copy_of_an_open_mail_is_a_later_hop_within_the_window() {
    for (between, reinjected) in [(5, 1), (20, 1), (21, 0)] {
        let messages = copy_after(between).messages;
        assert_eq!(
            (messages.accepted, messages.reinjected),
            (2 - reinjected, reinjected),
            "{between}"
        );
    }
}

#[test]
fn a_discard_before_the_queue_id_makes_the_next_mail_accepted() {
    let discard = "postfix/smtpd[1]: NOQUEUE: discard: RCPT from mail.example.net[198.51.100.7]: <a@example.net>: Sender address triggers DISCARD action; from=<a@example.net> to=<bob@example.com> proto=ESMTP helo=<x>";
    let client = "postfix/smtpd[1]: 4F1A22C0D9E: client=mail.example.net[198.51.100.7]";
    let totals = totals_of(&[discard, client]);
    assert_eq!(
        (totals.messages.accepted, totals.messages.open_at_end),
        (1, 0)
    );
    assert_eq!(totals.accepted_by_client[0].address, "198.51.100.7");
    let other_process = client.replace("smtpd[1]", "smtpd[2]");
    assert_eq!(totals_of(&[discard, &other_process]).messages.accepted, 0);
}

#[test]
fn a_transaction_without_a_qmgr_line_was_not_accepted_and_is_not_open() {
    let messages = totals_of(&[
        "postfix/smtpd[1]: 4F1A22C0D9E: client=mail.example.net[198.51.100.7]",
        "postfix/cleanup[1]: 4F1A22C0D9E: message-id=<m1@example.net>",
        "postfix/cleanup[1]: 4F1A22C0D9E: reject: header Subject: cheap from mail.example.net[198.51.100.7]; from=<a@example.net> to=<bob@example.com> proto=ESMTP helo=<x>: 5.7.1 no spam id=7",
    ])
    .messages;
    assert_eq!((messages.accepted, messages.open_at_end), (0, 0));
}

#[test]
fn a_mail_silent_for_more_than_eight_days_lost_its_end() {
    let born = [
        "postfix/smtpd[1]: 4F1A22C0D9E: client=mail.example.net[198.51.100.7]",
        "postfix/qmgr[1]: 4F1A22C0D9E: from=<a@example.net>, size=100, nrcpt=1 (queue active)",
    ];
    let mut tally = Tally::anchored(Windows::default());
    let later = "postfix/smtpd[1]: connect from mail.example.net[198.51.100.7]";
    for (day, line) in [(0, born[0]), (0, born[1]), (9, later)] {
        let text = format!("May  1 00:00:00 mx1 {line}");
        let record = Record::parse(text.as_bytes()).unwrap();
        tally.absorb(
            &record,
            day * 86_400_000_000,
            &Event::parse(&record.tag, record.message),
        );
    }
    let messages = tally.finish().messages;
    assert_eq!((messages.lost_end, messages.open_at_end), (1, 0));
}

/// pflogsumm files a null sender under the client that handed the mail in: a content filter's own.
#[test]
fn null_senders_that_a_filter_hands_back_are_of_one_domain() {
    let handed_back = |id: &str, before: &str| {
        [
            format!("postfix/smtpd[1]: {id}: client=localhost[127.0.0.1], orig_client={before}"),
            format!("postfix/qmgr[2]: {id}: from=<>, size=500, nrcpt=1 (queue active)"),
        ]
    };
    let lines = [
        handed_back("4F1A22C0D9E", "mail.example.net[198.51.100.7]"),
        handed_back("4F1A22C0D9F", "mx.example.org[203.0.113.9]"),
    ]
    .concat();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let totals = totals_of(&lines);
    assert_eq!(
        (totals.totals.senders, totals.totals.sending_domains),
        (1, 1)
    );
}

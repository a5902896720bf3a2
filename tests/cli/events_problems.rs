//! `mailtally events --problems` and `--count`: what went wrong, as lines and as numbers.

use std::collections::BTreeMap;

use crate::support::{lab_log, mailtally, mailtally_reading};

/// Lines with the problem that each is; `-` for those with the words and no problem.
const LINES: [(&str, &str); 18] = [
    (
        "-",
        "postfix/qmgr[1]: 4F1A22C0D9E: from=<error@fatal.example>, size=5, nrcpt=1 (queue active)",
    ),
    (
        "-",
        "postfix/cleanup[1]: 4F1A22C0D9E: message-id=<panic.warning.reject@example.com>",
    ),
    (
        "-",
        "postfix/smtp[1]: 4F1A22C0D9E: to=<reject@example.org>, relay=error.example.org[192.0.2.25]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: no error)",
    ),
    (
        "-",
        "postfix/cleanup[1]: 4F1A22C0D9E: info: header Subject: fatal: panic: warning from local; from=<a@example.com> to=<b@example.com>",
    ),
    (
        "-",
        "postfix/smtpd[1]: < unknown[192.0.2.66]: warning: error: fatal",
    ),
    (
        "-",
        "dovecot: imap-login: Login: user=<error>, method=PLAIN, rip=192.0.2.10, lip=198.51.100.1, mpid=4711, TLS, session=<s>",
    ),
    (
        "failure",
        "postfix/smtp[1]: 4F1A22C0D9E: to=<b@example.org>, relay=none, delay=1, delays=0/0/1/0, dsn=4.4.1, status=deferred (connect to mx1.example.org[192.0.2.25]:25: Connection refused)",
    ),
    (
        "failure",
        "postfix/smtp[1]: 4F1A22C0D9E: to=<b@example.org>, relay=mx1.example.org[192.0.2.25]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx1.example.org[192.0.2.25] said: 550 5.1.1 no such user (in reply to RCPT TO command))",
    ),
    (
        "failure",
        "dovecot: auth: passwd-file(bob,192.0.2.66,<s>): unknown user",
    ),
    (
        "reject",
        "postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[192.0.2.66]: 554 5.7.1 <b@example.com>: Relay access denied; from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<x>",
    ),
    (
        "warning",
        "postfix/smtpd[1]: NOQUEUE: reject_warning: RCPT from unknown[192.0.2.66]: 554 5.7.1 <b@example.com>: Relay access denied; from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<x>",
    ),
    (
        "warning",
        "postfix/smtpd[1]: warning: hostname a.example does not resolve to address 192.0.2.66",
    ),
    (
        "warning",
        "dovecot: imap(alice)<4711><s>: Warning: Inotify instance limit for user 1000 exceeded",
    ),
    (
        "error",
        "dovecot: imap(alice)<4711><s>: Error: Mailbox INBOX: Corrupted index",
    ),
    (
        "fatal",
        "postfix/master[1]: fatal: open lock file /var/lib/postfix/master.lock: unable to set exclusive lock",
    ),
    (
        "panic",
        "postfix/smtpd[1]: panic: myfree: corrupt or unallocated memory block",
    ),
    (
        "unclassified",
        "postfix/smtpd[1]: this shape has an error in it",
    ),
    ("-", "postfix/smtpd[1]: this shape has none"),
];

/// The lines, each with its number as process id where it has one, and as second.
fn log() -> String {
    let lines = LINES.iter().enumerate();
    lines
        .map(|(at, (_, line))| format!("Nov 21 10:00:{at:02} mx1 {line}\n"))
        .collect()
}

/// The seconds of the lines that a run writes.
fn seconds(arguments: &str) -> Vec<usize> {
    let run = mailtally_reading(
        &format!("events --year 2026 {arguments} -"),
        log().as_bytes(),
    );
    let events = run.expect_status(0).json_lines();
    let second = |time: &str| time.rsplit(':').next().unwrap().parse().unwrap();
    events
        .iter()
        .map(|event| second(event["time"].as_str().unwrap()))
        .collect()
}

fn expected(classes: &[&str]) -> Vec<usize> {
    let lines = LINES.iter().enumerate();
    lines
        .filter(|(_, (class, _))| classes.contains(class))
        .map(|(at, _)| at)
        .collect()
}

#[test]
fn problems_are_told_by_what_a_line_says_not_by_its_words() {
    let all = [
        "failure",
        "reject",
        "warning",
        "error",
        "fatal",
        "panic",
        "unclassified",
    ];
    assert_eq!(seconds("--problems"), expected(&all));
    for class in all {
        assert_eq!(
            seconds(&format!("--problems={class}")),
            expected(&[class]),
            "{class}"
        );
    }
    assert_eq!(
        seconds("--problems=panic,fatal"),
        expected(&["panic", "fatal"])
    );
    assert_eq!(
        seconds("--problems=failure --where status=bounced"),
        [7],
        "other filters hold too"
    );
}

#[test]
fn a_class_that_is_none_is_refused() {
    let run = mailtally("events --problems=warnings", &[&lab_log()]).expect_status(2);
    assert!(
        run.stderr.contains("similar value exists: 'warning'"),
        "{run}"
    );
    assert!(run.stderr.contains("panic, fatal, error"), "{run}");
}

#[test]
fn counts_are_those_of_the_lines() {
    let events = mailtally("events --year 2026", &[&lab_log()]).json_lines();
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for event in &events {
        *expected
            .entry(event["kind"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    let rows = mailtally("events --count --format jsonl", &[&lab_log()]).json_lines();
    let mut last = u64::MAX;
    let mut counts = BTreeMap::new();
    for row in &rows {
        let count = row["count"].as_u64().unwrap();
        assert!(count <= last, "the most frequent kind comes first");
        last = count;
        counts.insert(row["kind"].as_str().unwrap().to_owned(), count);
    }
    assert_eq!(counts, expected);
}

#[test]
fn a_count_of_problems_tells_kinds_and_classes() {
    let run = mailtally_reading("events --year 2026 --problems --count -", log().as_bytes());
    let first: Vec<&str> = run.stdout.lines().take(2).collect();
    assert_eq!(
        first,
        [
            "          2  failure       delivery",
            "          1  failure       dovecot_auth_failure"
        ]
    );
    assert_eq!(run.expect_status(0).stdout.lines().count(), 10);
    let csv = mailtally_reading(
        "events --year 2026 --problems=reject --count --format csv -",
        log().as_bytes(),
    );
    assert_eq!(
        csv.expect_status(0).stdout,
        "kind,problem,count\r\nsmtpd_reject,reject,1\r\n"
    );
}

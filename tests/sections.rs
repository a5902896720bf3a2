//! What the sections beyond the totals count, on lines written by hand; each log is also cut in two at
//! every place, and the parts must merge to the same.
#![cfg(test)]

use mailtally::tally::totals::{DetailTotals, Totals};
use mailtally::tally::{Tally, Windows};
use mailtally_parsers::Record;

/// Reads a stamp's time of day; all logs here are of one day, the 21st.
fn wall_us(record: &Record<'_>) -> i64 {
    let stamp = &record.timestamp;
    let secs = (i64::from(stamp.day) * 24 + i64::from(stamp.hour)) * 3_600
        + i64::from(stamp.minute) * 60
        + i64::from(stamp.second);
    secs * 1_000_000
}

fn absorb(tally: &mut Tally, lines: &[&str]) {
    for line in lines {
        let line = format!("Nov 21 {line}");
        match Record::parse(line.as_bytes()) {
            Some(record) => tally.line(&record, wall_us(&record)),
            None => panic!("no envelope: {line}"),
        }
    }
}

/// Counts a log, whole and cut at every place. A line is `HH:MM:SS host tag: message`.
fn totals(log: &str) -> Totals {
    let lines: Vec<&str> = log.lines().filter(|line| !line.is_empty()).collect();
    let mut whole = Tally::anchored(Windows::default());
    absorb(&mut whole, &lines);
    let whole = whole.finish();
    assert_eq!(
        whole.coverage.lines.unparsed, 0,
        "{:?}",
        whole.coverage.unparsed_shapes
    );
    for cut in 0..=lines.len() {
        let mut left = Tally::anchored(Windows::default());
        absorb(&mut left, &lines[..cut]);
        let mut right = Tally::part(Windows::default());
        absorb(&mut right, &lines[cut..]);
        left.merge(right);
        assert!(
            left.finish() == whole,
            "a cut before line {cut} changes the totals"
        );
    }
    whole
}

fn details(log: &str) -> DetailTotals {
    totals(log).details
}

/// A value as one line of JSON, without the quotes: easy to write, easy to compare.
fn brief<T: serde::Serialize>(row: &T) -> String {
    serde_json::to_string(row).unwrap().replace('"', "")
}

fn briefs<T: serde::Serialize>(rows: &[T]) -> Vec<String> {
    rows.iter().map(brief).collect()
}

const MAILS: &str = "
10:00:00 mx1 postfix/smtpd[70]: 4F1A22C0D9A: client=mail.example.net[192.0.2.1]
10:00:00 mx1 postfix/cleanup[60]: 4F1A22C0D9A: message-id=<1@example.net>
10:00:00 mx1 postfix/qmgr[62]: 4F1A22C0D9A: from=<ann@Example.net>, size=1000, nrcpt=3 (queue active)
10:00:01 mx1 postfix/smtp[80]: connect to mx.example.org[2001:db8::9]:25: Connection timed out
10:00:02 mx1 postfix/smtp[80]: 4F1A22C0D9A: to=<bob@example.org>, relay=mx.example.org[203.0.113.9]:25, delay=2, delays=0.5/0.25/1/0.25, dsn=2.0.0, status=sent (250 2.0.0 Ok)
10:00:02 mx1 postfix/local[63]: 4F1A22C0D9A: to=<root>, relay=local, delay=4, delays=3/0/0/1, dsn=2.0.0, status=sent (delivered to mailbox)
10:00:03 mx1 postfix/smtp[81]: 4F1A22C0D9A: to=<eve@Example.COM>, relay=mx.example.com[203.0.113.7]:25, delay=30, delays=10/10/5/5, dsn=4.2.0, status=deferred (host mx.example.com[203.0.113.7] said: 450 4.2.0 <eve@Example.COM>: Recipient address rejected: Greylisted (in reply to RCPT TO command))
10:05:03 mx1 postfix/smtp[81]: 4F1A22C0D9A: to=<eve@Example.COM>, relay=none, delay=330, delays=330/0/0/0, dsn=4.4.1, status=deferred (connect to mx.example.com[203.0.113.7]:25: Connection refused)
10:09:00 mx1 postfix/qmgr[62]: 4F1A22C0D9A: from=<ann@Example.net>, status=expired, returned to sender
10:09:00 mx1 postfix/qmgr[62]: 4F1A22C0D9A: removed
10:10:00 mx1 postfix/smtp[82]: 4F1A22C0D9B: to=<bob@example.org>, relay=mx.example.org[203.0.113.9]:25, delay=6, delays=1/1/2/2, dsn=5.1.1, status=bounced (host mx.example.org[203.0.113.9] said: 550 5.1.1 <bob@example.org>: User unknown (in reply to RCPT TO command))
10:10:01 mx1 postfix/smtp[82]: 4F1A22C0D9B: to=<joe@example.org>, relay=mx.example.org[203.0.113.9]:25, delay=6, delays=1/1/2/2, dsn=2.0.0, status=sent (250 2.0.0 Ok)
10:10:02 mx1 postfix/qmgr[62]: 4F1A22C0D9B: removed
10:11:00 mx1 postfix/pickup[61]: 4F1A22C0D9C: uid=0 from=<root>
10:11:00 mx1 postfix/qmgr[62]: 4F1A22C0D9C: from=<root@mx1.example.net>, size=50, nrcpt=1 (queue active)
10:11:01 mx1 postfix/smtp[83]: 4F1A22C0D9C: host mx.example.org[203.0.113.9] refused to talk to me: 421 4.3.2 too busy
10:11:02 mx1 postfix/smtp[83]: 4F1A22C0D9C: to=<bob@example.org>, relay=mx2.example.org[203.0.113.10]:25, delay=8, delays=1/1/3/3, dsn=2.0.0, status=sent (250 2.0.0 Ok)
10:11:02 mx1 postfix/qmgr[62]: 4F1A22C0D9C: removed
";

#[test]
fn failures_by_reason_and_destination() {
    let failures = details(MAILS).failures;
    assert_eq!(
        briefs(&failures.by_reason),
        [
            "{outcome:bounced,reason:unknown-recipient,dsn:5.1.1,count:1,sample:host \
             mx.example.org[203.0.113.9] said: 550 5.1.1 <bob@example.org>: User unknown (in reply \
             to RCPT TO command)}",
            "{outcome:deferred,reason:connection-refused,dsn:4.4.1,count:1,sample:connect to \
             mx.example.com[203.0.113.7]:25: Connection refused}",
            "{outcome:deferred,reason:greylist,dsn:4.2.0,count:1,sample:host \
             mx.example.com[203.0.113.7] said: 450 4.2.0 <eve@Example.COM>: Recipient address \
             rejected: Greylisted (in reply to RCPT TO command)}",
        ]
    );
    assert_eq!(
        briefs(&failures.by_destination),
        [
            "{outcome:bounced,domain:example.org,reason:unknown-recipient,dsn:5.1.1,count:1}",
            "{outcome:deferred,domain:Example.COM,reason:connection-refused,dsn:4.4.1,count:1}",
            "{outcome:deferred,domain:Example.COM,reason:greylist,dsn:4.2.0,count:1}",
        ]
    );
    // The last deferral, not the first.
    let expired = "{domain:Example.COM,reason:connection-refused,count:1}";
    assert_eq!(briefs(&failures.expired), [expired]);
    assert_eq!(
        briefs(&failures.servers),
        [
            "{host:mx.example.org,family:ipv4,connected:true,reason:service-unavailable,count:1}",
            "{host:mx.example.org,family:ipv6,connected:false,reason:connection-timeout,count:1}",
        ]
    );
}

#[test]
fn volume_by_address_and_domain() {
    let totals = totals(MAILS);
    let volume = &totals.details.volume;
    assert_eq!(
        briefs(&volume.senders),
        [
            "{name:ann@example.net,count:1,bytes:1000}",
            "{name:root@mx1.example.net,count:1,bytes:50}",
        ]
    );
    assert_eq!(
        briefs(&volume.recipients),
        [
            "{name:bob@example.org,count:2,bytes:1050}",
            "{name:joe@example.org,count:1,bytes:0}",
            "{name:root,count:1,bytes:1000}",
        ]
    );
    assert_eq!(
        briefs(&volume.sending_domains),
        [
            "{name:example.net,count:1,bytes:1000}",
            "{name:mx1.example.net,count:1,bytes:50}",
        ]
    );
    // Averages over delivered recipients: (2 + 6 + 8) / 3 and 4; the longest counts deferred ones too.
    assert_eq!(
        briefs(&volume.recipient_domains),
        [
            "{domain:example.org,delivered:3,bytes:1050,deferrals:0,bounced:1,\
             delay_avg_us:5333333,delay_max_us:8000000}",
            "{domain:root,delivered:1,bytes:1000,deferrals:0,bounced:0,\
             delay_avg_us:4000000,delay_max_us:4000000}",
            "{domain:example.com,delivered:0,bytes:0,deferrals:2,bounced:0,\
             delay_avg_us:0,delay_max_us:330000000}",
        ]
    );
    let without_size = "{mails:1,recipients:[{recipient:joe@example.org,delivered:1}]}";
    assert_eq!(brief(&volume.without_size), without_size);
    let bytes = |rows: &[mailtally::tally::totals::VolumeRow]| -> u64 {
        rows.iter().map(|row| row.bytes).sum()
    };
    assert_eq!(bytes(&volume.senders), totals.totals.bytes_received);
    assert_eq!(bytes(&volume.recipients), totals.totals.bytes_delivered);
}

#[test]
fn delays_by_stage() {
    let delays = details(MAILS).delays;
    let rows: Vec<_> = delays
        .iter()
        .map(|row| (row.direction, row.stage, row.count, row.max_us))
        .collect();
    assert_eq!(
        rows,
        [
            ("outbound", "before_qmgr", 3, 1_000_000),
            ("outbound", "in_qmgr", 3, 1_000_000),
            ("outbound", "connection", 3, 3_000_000),
            ("outbound", "transmission", 3, 3_000_000),
            ("outbound", "total", 3, 8_000_000),
            ("local", "before_qmgr", 1, 3_000_000),
            ("local", "in_qmgr", 1, 0),
            ("local", "connection", 1, 0),
            ("local", "transmission", 1, 1_000_000),
            ("local", "total", 1, 4_000_000),
        ]
    );
    // Of 2, 6 and 8 seconds the middle one is 6, within 2 %.
    assert!(
        delays[4].p50_us.abs_diff(6_000_000) <= 120_000,
        "{:?}",
        delays[4]
    );
    assert_eq!(delays[4].p90_us, 8_000_000);
}

use mailtally_parsers::Record;

use super::*;
use crate::tally::totals::Totals;
use crate::tally::{Wanted, Windows};

/// A log in which everything goes on over several lines.
const LOG: &str = "\
Nov 21 10:00:00 mx1 postfix/postscreen[1]: CONNECT from [198.51.100.7]:1234 to [192.0.2.1]:25
Nov 21 10:00:01 mx1 postfix/smtpd[2]: connect from mail.example.net[198.51.100.7]
Nov 21 10:00:02 mx1 postfix/smtpd[2]: Anonymous TLS connection established from mail.example.net[198.51.100.7]: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
Nov 21 10:00:03 mx1 postfix/smtpd[2]: 4F1A22C0D9E: client=mail.example.net[198.51.100.7]
Nov 21 10:00:03 mx1 postfix/cleanup[3]: 4F1A22C0D9E: message-id=<1@example.net>
Nov 21 10:00:03 mx1 postfix/qmgr[4]: 4F1A22C0D9E: from=<a@example.net>, size=1000, nrcpt=2 (queue active)
Nov 21 10:00:04 mx1 postfix/smtpd[2]: NOQUEUE: reject: RCPT from mail.example.net[198.51.100.7]: 450 4.7.1 <b@example.org>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.org.html; from=<a@example.net> to=<b@example.org> proto=ESMTP helo=<mail.example.net>
Nov 21 10:00:05 mx1 postfix/smtpd[2]: disconnect from mail.example.net[198.51.100.7] ehlo=2 starttls=1 mail=1 rcpt=1/2 data=1 quit=1 commands=6/7
Nov 21 10:00:05 mx1 postfix/smtp[5]: Trusted TLS connection established to mx.example.com[203.0.113.5]:25: TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits)
Nov 21 10:00:06 mx1 postfix/smtp[5]: 4F1A22C0D9E: to=<c@example.com>, relay=mx.example.com[203.0.113.5]:25, delay=3, delays=0.1/0/1/1.9, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 9A)
Nov 21 10:00:06 mx1 postfix/smtp[5]: 4F1A22C0D9E: to=<d@example.com>, relay=mx.example.com[203.0.113.5]:25, delay=3, delays=0.1/0/1/1.9, dsn=4.2.0, status=deferred (host mx.example.com[203.0.113.5] said: 450 4.2.0 busy)
Nov 21 10:00:07 mx1 dovecot: auth: passwd-file(bob,203.0.113.9,<session1>): Password mismatch
Nov 21 10:00:08 mx1 dovecot: imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<bob>, method=PLAIN, rip=203.0.113.9, lip=192.0.2.1, session=<session1>
Nov 21 10:00:09 mx1 postfix/smtpd[2]: connect from mail.example.net[198.51.100.7]
Nov 21 10:06:03 mx1 postfix/smtpd[2]: 5F1A22C0D9E: client=mail.example.net[198.51.100.7]
Nov 21 10:06:03 mx1 postfix/smtpd[2]: disconnect from mail.example.net[198.51.100.7] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5
Nov 21 10:10:06 mx1 postfix/smtp[5]: 4F1A22C0D9E: to=<d@example.com>, relay=mx.example.com[203.0.113.5]:25, delay=603, delays=600/0/1/2, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 9B)
Nov 21 10:10:06 mx1 postfix/qmgr[4]: 4F1A22C0D9E: removed
Nov 21 12:00:00 mx1 postfix/smtpd[2]: connect from unknown[203.0.113.77]
Nov 21 12:00:00 mx1 postfix/smtpd[2]: NOQUEUE: reject: RCPT from unknown[203.0.113.77]: 554 5.7.1 <x@example.net>: Relay access denied; from=<y@example.net> to=<x@example.net> proto=ESMTP helo=<z>
Nov 21 12:00:01 mx1 postfix/smtpd[2]: disconnect from unknown[203.0.113.77] ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4
";

fn tally() -> Tally {
    Tally::anchored(Windows::default()).counting(Wanted::ALL)
}

fn count(tally: &mut Tally, lines: &[&str]) {
    for line in lines {
        let record = Record::parse(line.as_bytes()).unwrap();
        let clock: Vec<i64> = line[7..15]
            .split(':')
            .map(|part| part.parse().unwrap())
            .collect();
        let secs = clock[0] * 3_600 + clock[1] * 60 + clock[2];
        tally.line(&record, (20_000 * 86_400 + secs) * 1_000_000);
    }
}

/// Numbers that only sum up, of all rooms that something is carried over in.
fn numbers(totals: &Totals) -> Vec<(&'static str, i64)> {
    let (all, messages, states) = (&totals.totals, &totals.messages, &totals.tls.states);
    let stays = &totals.details.stays.per_hour;
    let logins = |outcome: &str| -> u64 {
        let rows = totals.logins.iter().filter(|row| row.outcome == outcome);
        rows.map(|row| row.count).sum()
    };
    [
        ("lines", totals.coverage.lines.read),
        ("gaps", totals.coverage.gaps.len() as u64),
        ("received", all.received),
        ("delivered", all.delivered),
        ("deferred", all.deferred),
        ("rejected", all.rejected),
        ("bytes_received", all.bytes_received),
        ("bytes_delivered", all.bytes_delivered),
        ("accepted", messages.accepted),
        ("delivered_recipients", messages.delivered_recipients),
        ("inbound logged", states.inbound.logged),
        ("inbound plaintext", states.inbound.plaintext),
        ("inbound not logged", states.inbound.not_logged),
        ("outbound logged", states.outbound.logged),
        ("outbound not logged", states.outbound.not_logged),
        (
            "outbound sessions",
            totals.tls.outbound.iter().map(|row| row.sessions).sum(),
        ),
        ("failed logins", logins("failure")),
        ("stays", stays.iter().map(|hour| hour.connections).sum()),
        ("stayed", stays.iter().map(|hour| hour.total_us).sum()),
        ("greylisted", totals.details.greylist.refusals),
        ("came back", totals.details.greylist.came_back),
    ]
    .map(|(name, count)| (name, i64::try_from(count).unwrap()))
    .to_vec()
}

#[test]
fn what_is_shed_and_what_goes_on_add_up_wherever_that_is() {
    let lines: Vec<&str> = LOG.lines().collect();
    let mut whole = tally();
    count(&mut whole, &lines);
    let whole = numbers(&whole.finish());
    assert!(
        whole.iter().filter(|(_, count)| *count == 0).count() <= 2,
        "{whole:?}"
    );
    for cut in 0..=lines.len() {
        let mut tally = tally();
        count(&mut tally, &lines[..cut]);
        let before = numbers(&tally.clone().finish());
        tally.shed();
        let under_way = numbers(&tally.clone().finish());
        count(&mut tally, &lines[cut..]);
        let after = numbers(&tally.finish());
        for (at, (name, expected)) in whole.iter().enumerate() {
            // What is under way was counted before.
            let sum = before[at].1 - under_way[at].1 + after[at].1;
            assert_eq!(sum, *expected, "{name} when shed behind line {cut}");
        }
    }
}

#[test]
fn names_go_with_what_is_over() {
    let lines: Vec<&str> = LOG.lines().collect();
    let mut tally = tally();
    count(&mut tally, &lines);
    let before = tally.names();
    tally.shed();
    assert!(tally.names() * 2 < before, "{} of {before}", tally.names());
    assert_eq!(tally.lines(), lines.len() as u64);
    assert_eq!(tally.clone().finish().coverage.lines.read, 0);
}

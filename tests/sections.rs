//! What the sections beyond the totals count, on lines written by hand; each log is also cut in two at
//! every place, and the parts must merge to the same.
#![cfg(test)]

mod by_hand;

use by_hand::{absorb, brief, briefs, totals, wall_us};
use mailtally::render;
use mailtally::report::{self, Meta, Options, Part, Sections};
use mailtally::tally::totals::{DetailTotals, Totals};
use mailtally::tally::{Tally, Wanted, Windows};
use mailtally_parsers::Record;

fn details(log: &str) -> DetailTotals {
    totals(log).details
}

#[test]
fn what_nobody_asked_for_is_empty() {
    for log in [MAILS, CLIENTS, SCREEN, COMPLAINTS, DOVECOT] {
        let lines: Vec<&str> = log.lines().filter(|line| !line.is_empty()).collect();
        let wanted = Wanted {
            mail: true,
            rejects: true,
            deliveries: true,
            ..Wanted::LINES
        };
        let mut tally = Tally::anchored(Windows::default()).counting(wanted);
        absorb(&mut tally, &lines);
        assert_eq!(tally.finish().details, DetailTotals::default());
    }
}

/// Lists for programs alone change nothing that people read, and no metric.
#[test]
fn lists_that_no_section_shows_are_left_out() {
    let options = &Options {
        sections: Sections::ALL,
        top: Some(3),
        ..Options::default()
    };
    let mut left_out = 0;
    for log in [MAILS, CLIENTS, SCREEN, DOVECOT, TLS, UNREACHED, FAMILIES] {
        let with = totals(log);
        let without = |relays| {
            let lines: Vec<&str> = log.lines().filter(|line| !line.is_empty()).collect();
            let wanted = Wanted {
                lists: false,
                relays,
                ..Wanted::ALL
            };
            let mut tally = Tally::anchored(Windows::default()).counting(wanted);
            absorb(&mut tally, &lines);
            tally.finish()
        };
        let read = |totals: &Totals| report::for_people(totals, &Meta::default(), options);
        assert_eq!(read(&without(false)), read(&with));
        let metrics = |totals: &Totals| report::metrics(totals, options);
        assert_eq!(metrics(&without(true)), metrics(&with));
        let short = without(false);
        let mut clients = short.accepted_by_client.iter();
        assert!(clients.all(|row| row.address.is_empty()));
        let mut refused = short.rejects.by_client.iter();
        assert!(refused.all(|row| row.address.is_none()));
        let mut servers = short.tls.outbound.iter();
        assert!(servers.all(|row| row.host.is_empty() && row.domain.is_none()));
        let lists = |totals: &Totals| {
            let deliveries = &totals.deliveries;
            deliveries.by_recipient.len()
                + deliveries.by_relay.len()
                + totals.connections.by_address.len()
        };
        left_out += lists(&with) - lists(&short);
    }
    assert!(left_out > 20, "{left_out}");
}

/// Each topic that shows delays has them, whether others are asked for or not.
#[test]
fn delays_are_read_for_each_topic_that_asks() {
    let lines: Vec<&str> = MAILS.lines().filter(|line| !line.is_empty()).collect();
    let count = |part| {
        let wanted = [part].into_iter().collect::<Sections>().wanted();
        let mut tally = Tally::anchored(Windows::default()).counting(wanted);
        absorb(&mut tally, &lines);
        tally.finish().details
    };
    let all = details(MAILS);
    let domains = count(Part::Domains).volume.recipient_domains;
    assert_eq!(domains, all.volume.recipient_domains);
    assert!(domains.iter().any(|row| row.delay_max_us > 0));
    assert_eq!(count(Part::Delays).delays, all.delays);
    let slowest = count(Part::MessageDetail).mails.slowest;
    assert_eq!(slowest, all.mails.slowest);
}

/// A disconnect without a connect before it says nothing of the session that the process had before.
#[test]
fn a_session_ends_once() {
    let log = "
10:00:00 mx1 postfix/qmgr[62]: 4F1A22C0D90: removed
10:00:00 mx1 postfix/smtpd[70]: connect from one.example.net[192.0.2.1]
10:00:00 mx1 postfix/smtpd[70]: Anonymous TLS connection established from one.example.net[192.0.2.1]: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
10:00:01 mx1 postfix/smtpd[70]: disconnect from one.example.net[192.0.2.1] ehlo=2 starttls=1 mail=1 quit=1 commands=5
10:00:02 mx1 postfix/smtpd[70]: disconnect from two.example.net[192.0.2.2] ehlo=1 mail=1 quit=1 commands=3
";
    let states = totals(log).tls.states.inbound;
    let counted = (
        states.logged,
        states.seen,
        states.plaintext,
        states.not_logged,
    );
    assert_eq!(counted, (1, 0, 1, 0));
}

/// Without the section on failures, servers are asked for by the families alone.
#[test]
fn servers_that_only_families_ask_for_are_those_of_ipv6() {
    for log in [MAILS, UNREACHED] {
        let lines: Vec<&str> = log.lines().filter(|line| !line.is_empty()).collect();
        let options = &Options {
            sections: [Part::Families].into_iter().collect(),
            ..Options::default()
        };
        let wanted = options.sections.wanted();
        assert!(wanted.servers && wanted.unreached_alone);
        let mut tally = Tally::anchored(Windows::default()).counting(wanted);
        absorb(&mut tally, &lines);
        let (short, with) = (tally.finish(), totals(log));
        let servers = &short.details.failures.servers;
        assert!(
            servers
                .iter()
                .all(|row| row.family == "ipv6" && !row.connected)
        );
        assert!(servers.len() < with.details.failures.servers.len() || log == UNREACHED);
        let read = |totals: &Totals| report::for_people(totals, &Meta::default(), options);
        assert_eq!(read(&short).sections[1..], read(&with).sections[1..]);
    }
}

const FAMILIES: &str = "
10:00:00 mx1 postfix/smtpd[70]: NOQUEUE: reject: RCPT from six.example.net[2001:db8::5]: 554 5.7.1 <bob@example.org>: Relay access denied; from=<ann@example.net> to=<bob@example.org> proto=ESMTP helo=<six.example.net>
10:00:01 mx1 postfix/smtpd[71]: NOQUEUE: reject: RCPT from four.example.net[192.0.2.4]: 554 5.7.1 <bob@example.org>: Relay access denied; from=<ann@example.net> to=<bob@example.org> proto=ESMTP helo=<four.example.net>
10:00:01 mx1 postfix/smtpd[71]: NOQUEUE: reject: RCPT from other.example.net[192.0.2.5]: 554 5.7.1 <bob@example.org>: Relay access denied; from=<ann@example.net> to=<bob@example.org> proto=ESMTP helo=<other.example.net>
10:00:02 mx1 postfix/smtp[80]: Trusted TLS connection established to mx.example.org[2001:db8::9]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
10:00:03 mx1 postfix/smtp[80]: 4F1A22C0D9A: to=<bob@example.org>, relay=mx.example.org[2001:db8::9]:25, delay=2, delays=0.5/0.25/1/0.25, dsn=2.0.0, status=sent (250 2.0.0 Ok)
10:00:04 mx1 postfix/smtp[81]: Trusted TLS connection established to mx.example.com[203.0.113.7]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
10:00:05 mx1 postfix/smtp[81]: 4F1A22C0D9A: to=<bob@example.com>, relay=mx.example.com[203.0.113.7]:25, delay=2, delays=0.5/0.25/1/0.25, dsn=2.0.0, status=sent (250 2.0.0 Ok)
";

/// A row that stands for all clients or servers stands for those of one family.
#[test]
fn rows_without_an_address_keep_their_family() {
    let lines: Vec<&str> = FAMILIES.lines().filter(|line| !line.is_empty()).collect();
    let wanted = Wanted {
        lists: false,
        ..Wanted::ALL
    };
    let mut tally = Tally::anchored(Windows::default()).counting(wanted);
    absorb(&mut tally, &lines);
    let totals = tally.finish();
    let refused = totals.rejects.by_client.iter();
    let refused: Vec<_> = refused.map(|row| (row.family, row.count)).collect();
    assert_eq!(refused, [("ipv4", 2), ("ipv6", 1)]);
    let sessions = totals.tls.outbound.iter();
    let sessions: Vec<_> = sessions.map(|row| (row.family, row.sessions)).collect();
    assert_eq!(sessions, [("ipv4", 1), ("ipv6", 1)]);
}

/// One domain that IPv4 alone reached, one that IPv6 reached by another server, one of no concern.
const UNREACHED: &str = "
10:00:00 mx1 postfix/smtp[80]: connect to mx.example.org[2001:db8::9]:25: Connection timed out
10:00:02 mx1 postfix/smtp[80]: 4F1A22C0D9A: to=<bob@example.org>, relay=mx.example.org[203.0.113.9]:25, delay=2, delays=0.5/0.25/1/0.25, dsn=2.0.0, status=sent (250 2.0.0 Ok)
10:00:03 mx1 postfix/smtp[80]: 4F1A22C0D9A: to=<joe@example.com>, relay=mx.example.org[203.0.113.9]:25, delay=2, delays=0.5/0.25/1/0.25, dsn=2.0.0, status=sent (250 2.0.0 Ok)
10:00:04 mx1 postfix/smtp[81]: 4F1A22C0D9B: to=<ann@example.com>, relay=mx.example.com[2001:db8::7]:25, delay=2, delays=0.5/0.25/1/0.25, dsn=2.0.0, status=sent (250 2.0.0 Ok)
10:00:05 mx1 postfix/smtp[82]: 4F1A22C0D9C: to=<eve@example.net>, relay=mx.example.net[203.0.113.5]:25, delay=2, delays=0.5/0.25/1/0.25, dsn=2.0.0, status=sent (250 2.0.0 Ok)
";

/// Of relays that no section lists those are kept that tell how a domain was reached.
#[test]
fn relays_of_domains_behind_an_unreached_server_are_kept() {
    let lines: Vec<&str> = UNREACHED.lines().filter(|line| !line.is_empty()).collect();
    let wanted = Wanted {
        relays: false,
        ..Wanted::ALL
    };
    let mut tally = Tally::anchored(Windows::default()).counting(wanted);
    absorb(&mut tally, &lines);
    let relays = tally.finish().deliveries.by_relay;
    let kept: Vec<&str> = relays.iter().map(|row| &*row.domain).collect();
    assert_eq!(kept, ["example.com", "example.com", "example.org"]);
}

/// What programs get is what was counted, with stamps written out.
#[test]
fn rows_reach_json() {
    let json = |log: &str| {
        let options = Options {
            sections: Sections::ALL,
            ..Options::default()
        };
        let (totals, meta) = (totals(log), Meta::default());
        serde_json::to_value(report::report(&totals, &meta, &options).figures).unwrap()
    };
    let rows = |log: &str| serde_json::to_value(details(log)).unwrap();
    for (log, key, of) in [
        (MAILS, "failures", "failures"),
        (MAILS, "delays", "delays"),
        (CLIENTS, "greylist", "greylist"),
        (DOVECOT, "mailboxes", "mailboxes"),
        (DOVECOT, "verdicts", "verdicts"),
    ] {
        assert_eq!(json(log)[key], rows(log)[of], "{key}");
    }
    let volume = &rows(MAILS)["volume"];
    for key in ["senders", "recipients", "without_size"] {
        assert_eq!(json(MAILS)[key], volume[key], "{key}");
    }
    assert_eq!(
        json(MAILS)["domains"]["recipient"],
        volume["recipient_domains"]
    );
    assert_eq!(json(MAILS)["domains"]["sending"], volume["sending_domains"]);
    let screening = &rows(SCREEN)["screening"];
    assert_eq!(json(SCREEN)["postscreen"]["actions"], screening["actions"]);
    assert_eq!(json(SCREEN)["dnsbl"]["overlaps"], screening["overlaps"]);
    assert_eq!(json(TLS)["tls"]["weak"], rows(TLS)["weak_tls"]);
    assert_eq!(json(TLS)["tls"]["levels"], rows(TLS)["tls_levels"]);
    // The 21st day of 1970's first month, as these logs are stamped.
    let trend = &json(CLIENTS)["reject_trend"][0]["per_hour"][0];
    assert_eq!(trend["hour"], "1970-01-22T10:00:00");
    assert_eq!(trend["count"], 2);
    assert_eq!(
        json(CLIENTS)["smtpd"]["per_hour"][0]["hour"],
        "1970-01-22T10:00:00"
    );
    assert_eq!(
        json(COMPLAINTS)["warnings"][0]["last"],
        "1970-01-22T10:00:02"
    );
}

/// The same log with stamps to the microsecond says the same.
#[test]
fn fractions_of_seconds_change_no_span() {
    let exact: String = CLIENTS
        .lines()
        .filter_map(|line| line.split_once(' '))
        .enumerate()
        .map(|(at, (time, rest))| {
            format!(
                "2026-11-21T{time}.{:06}+00:00 {rest}\n",
                at * 81_111 % 999_983
            )
        })
        .collect();
    let mut tally = Tally::anchored(Windows::default());
    for line in exact.lines() {
        let record = Record::parse(line.as_bytes()).unwrap();
        let micros = i64::from(record.timestamp.micros);
        tally.line(&record, wall_us(&record) + micros);
    }
    let (exact, whole) = (tally.finish().details, details(CLIENTS));
    assert_eq!(exact.stays, whole.stays);
    assert_eq!(exact.greylist, whole.greylist);
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
            "{outcome:deferred,domain:example.com,reason:connection-refused,dsn:4.4.1,count:1}",
            "{outcome:deferred,domain:example.com,reason:greylist,dsn:4.2.0,count:1}",
        ]
    );
    // The last deferral, not the first.
    let expired = "{domain:example.com,reason:connection-refused,count:1}";
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

const CLIENTS: &str = "
10:00:00 mx1 postfix/smtpd[70]: connect from mail.example.net[192.0.2.1]
10:00:05 mx1 postfix/smtpd[71]: connect from unknown[198.51.100.7]
10:00:06 mx1 postfix/smtpd[71]: NOQUEUE: reject: RCPT from unknown[198.51.100.7]: 450 4.2.0 <bob@example.org>: Recipient address rejected: Greylisted, see http://postgrey.example/; from=<a@example.com> to=<bob@example.org> proto=ESMTP helo=<x>
10:00:07 mx1 postfix/smtpd[71]: disconnect from unknown[198.51.100.7] ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4
10:00:10 mx1 postfix/smtpd[70]: disconnect from mail.example.net[192.0.2.1] ehlo=1 quit=1 commands=2
10:01:00 mx1 postfix/smtpd[72]: NOQUEUE: reject: RCPT from unknown[203.0.113.5]: 450 4.2.0 <bob@example.org>: Recipient address rejected: Greylisted, see http://postgrey.example/; from=<a@example.com> to=<bob@example.org> proto=ESMTP helo=<x>
10:01:02 mx1 postfix/smtpd[72]: disconnect from unknown[203.0.113.5] ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4
10:05:06 mx1 postfix/smtpd[71]: connect from unknown[198.51.100.9]
10:05:06 mx1 postfix/smtpd[71]: 4F1A22C0D9A: client=unknown[198.51.100.9]
10:05:08 mx1 postfix/smtpd[71]: disconnect from unknown[198.51.100.9] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5
11:00:00 mx1 postfix/smtpd[71]: NOQUEUE: reject: RCPT from unknown[198.51.100.7]: 554 5.7.1 <x@example.com>: Relay access denied; from=<a@example.com> to=<x@example.com> proto=ESMTP helo=<x>
11:00:01 mx1 postfix/smtpd[71]: 4F1A22C0D9B: client=unknown[198.51.100.9]
";

#[test]
fn clients_stay_as_long_as_both_lines_say() {
    let stays = details(CLIENTS).stays;
    // Process 72's connection began before the log.
    assert_eq!(
        briefs(&stays.by_client),
        [
            "{client:198.51.100.7,connections:1,total_us:2000000,longest_us:2000000}",
            "{client:198.51.100.9,connections:1,total_us:2000000,longest_us:2000000}",
            "{client:example.net,connections:1,total_us:10000000,longest_us:10000000}",
        ]
    );
    let hour = 21 * 24 + 10;
    let rows = [format!(
        "{{hour:{hour},connections:3,total_us:14000000,longest_us:10000000}}"
    )];
    assert_eq!(briefs(&stays.per_hour), rows);
}

#[test]
fn greylisted_networks_come_back_or_not() {
    let greylist = details(CLIENTS).greylist;
    // The second mail of the network that came back changes nothing; whose mails those were is not
    // in this log.
    assert_eq!(
        brief(&greylist),
        "{refusals:2,networks:2,came_back:1,median_wait_us:300000000,p90_wait_us:300000000,\
         by_network:[{network:198.51.100.0/24,refusals:1,wait_us:300000000},\
         {network:203.0.113.0/24,refusals:1,wait_us:null}],\
         by_triplet:{triplets:2,refusals:2,came_back:0,median_wait_us:null,p90_wait_us:null,one_in:1,\
         by_triplet:[{network:198.51.100.0/24,sender:a@example.com,recipient:bob@example.org,\
         refusals:1,wait_us:null},{network:203.0.113.0/24,sender:a@example.com,\
         recipient:bob@example.org,refusals:1,wait_us:null}]}}"
    );
}

#[test]
fn refusals_by_code_and_hour() {
    let hour = 21 * 24 + 10;
    assert_eq!(
        briefs(&details(CLIENTS).refused),
        [
            format!(
                "{{rule:greylist,class:greylist,action:reject,stage:rcpt,code_class:4,count:2,\
                 per_hour:[[{hour},2]]}}"
            ),
            format!(
                "{{rule:relay-denied,class:relay-denied,action:reject,stage:rcpt,code_class:5,\
                 count:1,per_hour:[[{},1]]}}",
                hour + 1
            ),
        ]
    );
}

const SCREEN: &str = "
10:00:00 mx1 postfix/postscreen[90]: CONNECT from [198.51.100.7]:4000 to [192.0.2.25]:25
10:00:00 mx1 postfix/dnsblog[91]: addr 198.51.100.7 listed by domain zen.example as 127.0.0.2
10:00:00 mx1 postfix/dnsblog[92]: addr 198.51.100.7 listed by domain bl.example as 127.0.0.2
10:00:01 mx1 postfix/dnsblog[91]: addr 198.51.100.8 listed by domain zen.example as 127.0.0.4
10:00:01 mx1 postfix/postscreen[90]: CONNECT from [198.51.100.8]:4000 to [192.0.2.25]:25
10:00:06 mx1 postfix/postscreen[90]: DNSBL rank 5 for [198.51.100.7]:4000
10:00:06 mx1 postfix/postscreen[90]: NOQUEUE: reject: RCPT from [198.51.100.7]:4000: 550 5.7.1 Service unavailable; client [198.51.100.7] blocked using zen.example; from=<a@example.com>, to=<b@example.org>, proto=ESMTP, helo=<x>
10:00:06 mx1 postfix/postscreen[90]: DISCONNECT [198.51.100.7]:4000
10:00:07 mx1 postfix/postscreen[90]: PASS NEW [198.51.100.8]:4000
10:00:08 mx1 postfix/smtpd[71]: 4F1A22C0D9A: client=unknown[198.51.100.8]
10:00:08 mx1 postfix/cleanup[60]: 4F1A22C0D9A: message-id=<1@example.com>
10:00:08 mx1 postfix/qmgr[62]: 4F1A22C0D9A: from=<a@example.com>, size=10, nrcpt=1 (queue active)
10:00:09 mx1 postfix/qmgr[62]: 4F1A22C0D9A: removed
10:00:10 mx1 postfix/dnsblog[91]: addr 198.51.100.9 listed by domain bl.example as 127.0.0.2
10:00:10 mx1 postfix/postscreen[90]: NOQUEUE: reject: RCPT from [198.51.100.9]:4000: 550 5.7.1 Service unavailable; client [198.51.100.9] blocked using our.name.example; from=<a@example.com>, to=<b@example.org>, proto=ESMTP, helo=<x>
10:00:11 mx1 postfix/smtpd[71]: NOQUEUE: reject: RCPT from unknown[198.51.100.10]: 554 5.7.1 Service unavailable; Client host [198.51.100.10] blocked using dul.example; from=<a@example.com> to=<b@example.org> proto=ESMTP helo=<x>
10:00:12 mx1 postfix/smtpd[71]: NOQUEUE: reject: RCPT from unknown[198.51.100.10]: 554 5.7.1 Service unavailable; Client host [198.51.100.10] blocked using dul.example; from=<a@example.com> to=<c@example.org> proto=ESMTP helo=<x>
10:00:13 mx1 postfix/smtpd[71]: NOQUEUE: reject_warning: RCPT from unknown[198.51.100.11]: 554 5.7.1 Service unavailable; Client host [198.51.100.11] blocked using trial.example; from=<a@example.com> to=<c@example.org> proto=ESMTP helo=<x>
10:01:00 mx1 postfix/postscreen[90]: CONNECT from [198.51.100.7]:4001 to [192.0.2.25]:25
";

/// The name under which postscreen refuses need not be that of a list; a warning is no refusal.
#[test]
fn postscreen_and_blocklists() {
    let screening = details(SCREEN).screening;
    assert_eq!(
        briefs(&screening.actions),
        [
            "{action:psc_connect,count:3,clients:2}",
            "{action:psc_reject_rcpt,count:2,clients:2}",
            "{action:psc_disconnect,count:1,clients:1}",
            "{action:psc_dnsbl_rank,count:1,clients:1}",
            "{action:psc_pass_new,count:1,clients:1}",
        ]
    );
    assert_eq!(briefs(&screening.ranks), ["{rank:5,count:1}"]);
    assert_eq!(
        briefs(&screening.lists),
        [
            "{list:bl.example,hits:2,clients:2,only_here:1,refusals:0,refused:2,\
             refused_only_here:1,accepted:0}",
            "{list:dul.example,hits:0,clients:1,only_here:1,refusals:2,refused:1,\
             refused_only_here:1,accepted:0}",
            "{list:zen.example,hits:2,clients:2,only_here:1,refusals:0,refused:1,\
             refused_only_here:0,accepted:1}",
        ]
    );
    let overlap = "{list:bl.example,other:zen.example,clients:1}";
    assert_eq!(briefs(&screening.overlaps), [overlap]);
}

const COMPLAINTS: &str = "
09:00:00 mx1 postfix/master[5]: daemon started -- version 3.7.11, configuration /etc/postfix
10:00:00 mx1 postfix/smtpd[70]: warning: hostname a.example does not resolve to address 192.0.2.1: Name or service not known
10:00:02 mx1 postfix/smtpd[70]: warning: hostname b.example does not resolve to address 192.0.2.2
10:00:03 mx1 postfix/smtpd[70]: fatal: open database /etc/aliases.db: No such file or directory
10:00:04 mx1 postfix/master[5]: warning: process /usr/lib/postfix/sbin/smtpd pid 70 exit status 1
10:00:05 mx1 dovecot: imap(bob)<7><abc>: Error: Mailbox INBOX: something broke
";

#[test]
fn complaints_by_severity_and_subject() {
    let rows: Vec<String> = details(COMPLAINTS)
        .warnings
        .iter()
        .map(|row| {
            let secs = |us: i64| us / 1_000_000 - (21 * 24 + 10) * 3_600;
            let (first, last) = (secs(row.first_us), secs(row.last_us));
            let (severity, program) = (row.severity, row.program);
            format!(
                "{} {severity} {program} {} {first}..{last}",
                row.count, row.about
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            "2 warning smtpd rdns_mismatch 0..2",
            "1 error dovecot other 5..5",
            "1 fatal smtpd table_open 3..3",
            "1 master master master_start -3600..-3600",
            "1 warning master process_exit 4..4",
        ]
    );
    let warnings = details(COMPLAINTS).warnings;
    assert!(
        warnings[0]
            .sample
            .starts_with("warning: hostname a.example")
    );
}

const DOVECOT: &str = "
10:00:00 mx1 dovecot: imap(ann)<7><s1>: Disconnected: Logged out in=100 out=2000 deleted=0 expunged=3 trashed=0 hdr_count=0 hdr_bytes=0 body_count=0 body_bytes=0
10:00:01 mx1 dovecot: imap(ann)<8><s2>: Disconnected: Logged out in=50 out=500 deleted=0 expunged=0 trashed=0 hdr_count=0 hdr_bytes=0 body_count=0 body_bytes=0
10:00:01 mx1 dovecot: pop3(bob)<8><s4>: Disconnected: Logged out top=1/11, retr=2/4700, del=0/9, size=99999
10:00:02 mx1 dovecot: lmtp(bob)<9><s3>: msgid=<1@example.net>: saved mail to INBOX
10:00:03 mx1 dovecot: lmtp(bob)<9><s3:2>: sieve: msgid=<2@example.net>: stored mail into mailbox 'Junk'
10:00:04 mx1 dovecot: lmtp(bob)<9><s3:3>: sieve: msgid=<3@example.net>: forwarded to <bob@elsewhere.example>
10:00:05 mx1 dovecot: lmtp(bob)<9><s3:4>: msgid=<4@example.net>: save failed to INBOX: Quota exceeded (mailbox for user is full)
10:00:06 mx1 postgrey[11]: action=greylist, reason=new, client_name=mail.example.org, client_address=192.0.2.7, sender=bob@example.org, recipient=alice@example.com
10:00:07 mx1 opendkim[12]: 4F1A22C0D9E: DKIM-Signature field added (s=2026a, d=example.com)
";

#[test]
fn mailboxes_and_verdicts() {
    let details = details(DOVECOT);
    let mailboxes = &details.mailboxes;
    assert_eq!(
        briefs(&mailboxes.sessions),
        [
            "{protocol:imap,user:ann,sessions:2,in_bytes:150,out_bytes:2500,expunged:3}",
            "{protocol:pop3,user:bob,sessions:1,in_bytes:0,out_bytes:4711,expunged:0}",
        ]
    );
    assert_eq!(
        briefs(&mailboxes.saved),
        ["{user:bob,mailbox:INBOX,count:1}"]
    );
    assert_eq!(
        briefs(&mailboxes.sieve),
        [
            "{action:redirected,user:bob,count:1}",
            "{action:stored,user:bob,count:1}"
        ]
    );
    let redirect = "{user:bob@elsewhere.example,count:1}";
    assert_eq!(briefs(&mailboxes.redirects), [redirect]);
    assert_eq!(briefs(&mailboxes.over_quota), ["{user:bob,count:1}"]);
    assert_eq!(
        briefs(&details.verdicts),
        [
            "{program:opendkim,verdict:signed,detail:null,count:1}",
            "{program:postgrey,verdict:greylist,detail:new,count:1}",
        ]
    );
}

const TLS: &str = "
10:00:00 mx1 postfix/qmgr[62]: 4F1A22C0D90: removed
10:00:00 mx1 postfix/smtpd[70]: connect from old.example.net[192.0.2.1]
10:00:00 mx1 postfix/smtpd[70]: Anonymous TLS connection established from old.example.net[192.0.2.1]: TLSv1 with cipher ECDHE-RSA-AES256-SHA (256/256 bits)
10:00:01 mx1 postfix/smtpd[70]: disconnect from old.example.net[192.0.2.1] ehlo=2 starttls=1 mail=1 quit=1 commands=5
10:00:02 mx1 postfix/smtpd[70]: connect from both.example.net[192.0.2.2]
10:00:02 mx1 postfix/smtpd[70]: Anonymous TLS connection established from both.example.net[192.0.2.2]: TLSv1.2 with cipher DES-CBC3-SHA (112/168 bits)
10:00:03 mx1 postfix/smtpd[70]: disconnect from both.example.net[192.0.2.2] ehlo=2 starttls=1 mail=1 quit=1 commands=5
10:00:04 mx1 postfix/smtpd[70]: connect from both.example.net[192.0.2.2]
10:00:04 mx1 postfix/smtpd[70]: Anonymous TLS connection established from both.example.net[192.0.2.2]: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
10:00:05 mx1 postfix/smtpd[70]: disconnect from both.example.net[192.0.2.2] ehlo=2 starttls=1 mail=1 quit=1 commands=5
10:01:00 mx1 postfix/smtp[80]: Trusted TLS connection established to mx.example.org[203.0.113.9]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
10:01:01 mx1 postfix/smtp[80]: 4F1A22C0D9A: to=<bob@example.org>, relay=mx.example.org[203.0.113.9]:25, delay=2, delays=0/0/1/1, dsn=2.0.0, status=sent (250 2.0.0 Ok)
10:01:02 mx1 postfix/smtp[81]: 4F1A22C0D9B: to=<ann@example.com>, relay=mx.example.com[203.0.113.7]:25, delay=2, delays=0/0/1/1, dsn=2.0.0, status=sent (250 2.0.0 Ok)
10:01:03 mx1 postfix/smtp[81]: 4F1A22C0D9C: to=<ann@example.com>, relay=mx.example.com[203.0.113.7]:25, delay=2, delays=0/0/1/1, tls=may:none, dsn=2.0.0, status=sent (250 2.0.0 Ok)
";

#[test]
fn weak_tls_and_plaintext() {
    let totals = totals(TLS);
    assert_eq!(
        briefs(&totals.details.weak_tls),
        [
            "{direction:inbound,peer:192.0.2.1,why:protocol,protocol:TLSv1,\
             cipher:ECDHE-RSA-AES256-SHA,sessions:1,strong_sessions:0}",
            "{direction:inbound,peer:192.0.2.2,why:cipher,protocol:TLSv1.2,\
             cipher:DES-CBC3-SHA,sessions:1,strong_sessions:1}",
        ]
    );
    let plaintext = "{domain:example.com,deliveries:2}";
    assert_eq!(briefs(&totals.details.plaintext), [plaintext]);
    assert_eq!(totals.tls.states.outbound.plaintext, 2);
    let level = "{level:may:none,domain:example.com,delivered:1,failed:0}";
    assert_eq!(briefs(&totals.details.tls_levels), [level]);

    // Without a TLS line that day the absence of one proves nothing; `tls=` does.
    let silent: String = TLS
        .lines()
        .filter(|line| !line.contains("TLS connection established to"))
        .map(|line| format!("{line}\n"))
        .collect();
    let plaintext = "{domain:example.com,deliveries:1}";
    assert_eq!(briefs(&details(&silent).plaintext), [plaintext]);
}

/// Numbers are what a log says they are: sums stop at the largest number there is.
const HUGE: &str = "
10:00:00 mx1 postfix/smtpd[70]: 4F1A22C0D9A: client=mail.example.net[192.0.2.1]
10:00:00 mx1 postfix/qmgr[62]: 4F1A22C0D9A: from=<a@example.net>, size=18446744073709551615, nrcpt=1 (queue active)
10:00:01 mx1 postfix/smtp[80]: 4F1A22C0D9A: to=<b@example.org>, relay=mx[203.0.113.9]:25, delay=18446744073709, delays=18446744073709/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 Ok)
10:00:01 mx1 postfix/smtp[80]: 4F1A22C0D9A: to=<b@example.org>, relay=mx[203.0.113.9]:25, delay=18446744073709, delays=18446744073709/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 Ok)
10:00:02 mx1 postfix/qmgr[62]: 4F1A22C0D9A: removed
10:00:03 mx1 dovecot: imap(ann)<7><s1>: Disconnected: Logged out in=18446744073709551615 out=18446744073709551615
10:00:04 mx1 dovecot: imap(ann)<8><s2>: Disconnected: Logged out in=18446744073709551615 out=18446744073709551615
";

#[test]
fn sums_stop_at_the_largest_number() {
    let totals = totals(HUGE);
    let volume = &totals.details.volume;
    assert_eq!(volume.recipients[0].bytes, u64::MAX);
    assert_eq!(totals.totals.bytes_delivered, u64::MAX);
    assert_eq!(totals.details.mailboxes.sessions[0].in_bytes, u64::MAX);
    assert_eq!(
        volume.recipient_domains[0].delay_max_us,
        18_446_744_073_709_000_000
    );
}

#[test]
fn all_of_them_as_text() {
    let log = [MAILS, CLIENTS, SCREEN, COMPLAINTS, DOVECOT, TLS].concat();
    let options = Options {
        sections: Sections::ALL,
        ..Options::default()
    };
    let (totals, meta) = (totals(&log), Meta::default());
    let mut text = Vec::new();
    let report = report::report(&totals, &meta, &options);
    render::text(&report, render::Paper::default(), &mut text).unwrap();
    insta::assert_snapshot!(String::from_utf8(text).unwrap());
}

/// Lines alone: what nobody asked for is not even counted.
#[test]
fn coverage_counts_no_mail() {
    let lines: Vec<&str> = MAILS.lines().filter(|line| !line.is_empty()).collect();
    let mut tally = Tally::anchored(Windows::default()).counting(Wanted::LINES);
    absorb(&mut tally, &lines);
    let totals = tally.finish();
    let nothing = Totals {
        hosts: totals.hosts.clone(),
        span: totals.span,
        coverage: totals.coverage.clone(),
        per_hour: totals.per_hour.clone(),
        ..Totals::default()
    };
    assert_eq!(
        totals.coverage.lines.read,
        u64::try_from(lines.len()).unwrap()
    );
    assert_eq!(totals, nothing);
    let hours = &totals.per_hour;
    assert!(hours.iter().all(|row| row.traffic == Default::default()));
}

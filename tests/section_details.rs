//! What the sections that name single mails, clients and addresses count, on lines written by hand;
//! each log is also cut in two at every place, and the parts must merge to the same.
#![cfg(test)]

mod by_hand;

use by_hand::{absorb, briefs, totals};
use mailtally::tally::totals::{DetailTotals, MailList};
use mailtally::tally::{Tally, Windows};

fn details(log: &str) -> DetailTotals {
    totals(log).details
}

const REFUSED: &str = "
10:00:06 mx1 postfix/smtpd[71]: NOQUEUE: reject: RCPT from a.example[198.51.100.7]: 554 5.7.1 <bob@example.org>: Relay access denied; from=<> to=<bob@example.org> proto=ESMTP helo=<x>
10:00:07 mx1 postfix/smtpd[71]: NOQUEUE: reject: RCPT from a.example[198.51.100.7]: 554 5.7.1 <Eve@example.org>: Relay access denied; from=<> to=<Eve@example.org> proto=ESMTP helo=<x>
10:00:08 mx1 postfix/smtpd[72]: NOQUEUE: reject: RCPT from unknown[2001:db8::7]: 554 5.7.1 <bob@example.org>: Relay access denied; from=<ann@example.net> to=<bob@example.org> proto=ESMTP helo=<[2001:db8::7]>
10:00:09 mx1 postfix/postscreen[90]: NOQUEUE: reject: RCPT from [192.0.2.9]:4000: 550 5.7.1 Service unavailable; client [192.0.2.9] blocked using zen.example; from=<spam@example.com>, to=<bob@example.org>, proto=SMTP, helo=<y>
10:00:10 mx1 postfix/postscreen[90]: NOQUEUE: reject: CONNECT from [192.0.2.9]:4001: too many connections
10:00:11 mx1 postfix/cleanup[60]: 4F1A22C0D9A: hold: header Subject: x from a.example[198.51.100.7]; from=<ann@example.net> to=<bob@example.org> proto=ESMTP helo=<x>: id=7
10:00:12 mx1 postfix/cleanup[60]: 4F1A22C0D9B: milter-reject: END-OF-MESSAGE from b.example[198.51.100.8]: 5.7.1 Spam message rejected; from=<ann@example.net> to=<bob@example.org> proto=ESMTP helo=<z>
";

/// A sender that is empty is one, a party that a line does not name is none.
#[test]
fn each_refusal_names_its_parties() {
    let behind = details(REFUSED).behind;
    let of = |party: &str| {
        let rows = behind.by_party.iter();
        let rows = rows.filter(|row| row.party == party);
        let rows =
            rows.map(|row| format!("{} {} {} {}", row.count, row.action, row.rule, row.name));
        rows.collect::<Vec<_>>()
    };
    assert_eq!(
        of("client"),
        [
            "2 reject relay-denied a.example[198.51.100.7]",
            "1 hold 7 a.example[198.51.100.7]",
            "1 reject dnsbl:zen.example [192.0.2.9]",
            "1 reject milter-reject b.example[198.51.100.8]",
            "1 reject relay-denied unknown[2001:db8::7]",
            "1 reject service-unavailable [192.0.2.9]",
        ]
    );
    assert_eq!(
        of("sender"),
        [
            "2 reject relay-denied <>",
            "1 hold 7 ann@example.net",
            "1 reject dnsbl:zen.example spam@example.com",
            "1 reject milter-reject ann@example.net",
            "1 reject relay-denied ann@example.net",
        ]
    );
    assert_eq!(
        of("recipient"),
        [
            "2 reject relay-denied bob@example.org",
            "1 hold 7 bob@example.org",
            "1 reject dnsbl:zen.example bob@example.org",
            "1 reject milter-reject bob@example.org",
            "1 reject relay-denied Eve@example.org",
        ]
    );
    assert_eq!(
        of("helo"),
        [
            "2 reject relay-denied x",
            "1 hold 7 x",
            "1 reject dnsbl:zen.example y",
            "1 reject milter-reject z",
            "1 reject relay-denied [2001:db8::7]",
        ]
    );
    let first = &briefs(&behind.by_party)[0];
    assert_eq!(
        first,
        "{rule:relay-denied,class:relay-denied,action:reject,party:client,\
         name:a.example[198.51.100.7],count:2}"
    );
    let all = [("client", 1), ("helo", 1), ("recipient", 1), ("sender", 1)];
    assert_eq!(behind.one_in, all.into());
}

const MAILS: &str = "
10:00:00 mx1 postfix/smtpd[70]: 4F1A22C0D9A: client=mail.example.net[192.0.2.1]
10:00:00 mx1 postfix/cleanup[60]: 4F1A22C0D9A: message-id=<1@example.net>
10:00:00 mx1 postfix/qmgr[62]: 4F1A22C0D9A: from=<ann@example.net>, size=1000, nrcpt=3 (queue active)
10:00:02 mx1 postfix/smtp[80]: 4F1A22C0D9A: to=<bob@example.org>, relay=mx.example.org[203.0.113.9]:25, delay=2, delays=0.5/0.25/1/0.25, dsn=2.0.0, status=sent (250 2.0.0 Ok)
10:00:03 mx1 postfix/smtp[81]: 4F1A22C0D9A: to=<eve@example.com>, relay=none, delay=3, delays=1/1/1/0, dsn=4.4.1, status=deferred (connect to mx.example.com[203.0.113.7]:25: Connection timed out)
10:00:03 mx1 postfix/smtp[81]: 4F1A22C0D9A: to=<joe@example.com>, relay=none, delay=3, delays=1/1/1/0, dsn=4.4.1, status=deferred (connect to mx.example.com[203.0.113.7]:25: Connection timed out)
10:05:03 mx1 postfix/smtp[81]: 4F1A22C0D9A: to=<eve@example.com>, relay=none, delay=303, delays=303/0/0/0, dsn=4.4.1, status=deferred (connect to mx.example.com[203.0.113.7]:25: Connection refused)
10:09:00 mx1 postfix/qmgr[62]: 4F1A22C0D9A: from=<ann@example.net>, status=expired, returned to sender
10:09:00 mx1 postfix/qmgr[62]: 4F1A22C0D9A: removed
10:10:00 mx1 postfix/smtp[82]: 4F1A22C0D9B: to=<zed@example.org>, relay=mx.example.org[203.0.113.9]:25, delay=6, delays=1/1/2/2, dsn=5.1.1, status=bounced (host mx.example.org[203.0.113.9] said: 550 5.1.1 <zed@example.org>: User unknown (in reply to RCPT TO command))
10:10:01 mx1 postfix/smtp[82]: 4F1A22C0D9B: to=<joe@example.org>, relay=mx.example.org[203.0.113.9]:25, delay=6, delays=1/1/2/2, dsn=2.0.0, status=sent (250 2.0.0 Ok)
10:10:02 mx1 postfix/qmgr[62]: 4F1A22C0D9B: removed
10:11:00 mx1 postfix/pickup[61]: 4F1A22C0D9C: uid=0 from=<root>
10:11:00 mx1 postfix/qmgr[62]: 4F1A22C0D9C: from=<root@mx1.example.net>, size=1000, nrcpt=1 (queue active)
10:11:02 mx1 postfix/smtp[83]: 4F1A22C0D9C: to=<bob@example.org>, relay=mx2.example.org[203.0.113.10]:25, delay=2, delays=1/0/1/0, dsn=4.2.0, status=deferred (host mx2.example.org[203.0.113.10] said: 450 4.2.0 Try later (in reply to RCPT TO command))
10:12:00 mx1 postfix/smtpd[70]: 4F1A22C0D9D: client=localhost[127.0.0.1], orig_queue_id=4F1A22C0D9A, orig_client=mail.example.net[192.0.2.1]
10:12:00 mx1 postfix/qmgr[62]: 4F1A22C0D9D: from=<>, size=9000, nrcpt=1 (queue active)
10:12:04 mx1 postfix/local[63]: 4F1A22C0D9D: to=<root>, relay=local, delay=4, delays=3/0/0/1, dsn=2.0.0, status=sent (delivered to mailbox)
10:12:04 mx1 postfix/qmgr[62]: 4F1A22C0D9D: removed
";

fn mails(list: &MailList) -> Vec<String> {
    let mails = list.mails.iter().map(|mail| {
        let recipients = mail.recipients.join(" ");
        let reason = mail.reason.as_deref().unwrap_or("-");
        format!("{} {} [{recipients}] {reason}", mail.queue_id, mail.state)
    });
    mails.collect()
}

#[test]
fn single_mails_are_ranked() {
    let lists = details(MAILS).mails;
    assert_eq!(
        mails(&lists.deferred),
        [
            "4F1A22C0D9A expired [eve@example.com joe@example.com] connection-refused",
            "4F1A22C0D9C queued [bob@example.org] service-unavailable",
        ]
    );
    assert_eq!(
        mails(&lists.bounced),
        ["4F1A22C0D9B bounced [zed@example.org] unknown-recipient"]
    );
    assert_eq!(
        mails(&lists.expired),
        ["4F1A22C0D9A expired [eve@example.com joe@example.com] connection-refused"]
    );
    // One size is no other's; the mail that a filter handed back is not there again.
    assert_eq!(
        mails(&lists.biggest),
        [
            "4F1A22C0D9A expired [bob@example.org eve@example.com joe@example.com] -",
            "4F1A22C0D9C queued [bob@example.org] -",
        ]
    );
    assert_eq!(
        mails(&lists.slowest),
        [
            "4F1A22C0D9B bounced [joe@example.org] -",
            "4F1A22C0D9D delivered [root] -",
            "4F1A22C0D9A expired [bob@example.org] -",
        ]
    );
    let counts = [
        &lists.deferred,
        &lists.bounced,
        &lists.expired,
        &lists.biggest,
        &lists.slowest,
    ];
    assert_eq!(counts.map(|list| list.count), [2, 1, 1, 2, 3]);
    assert_eq!(
        briefs(&lists.expired.mails),
        [
            "{host:mx1,queue_id:4F1A22C0D9A,sender:ann@example.net,recipients:[eve@example.com,\
          joe@example.com],nrcpt:3,size_bytes:1000,attempts:4,failed:2,delay_us:null,\
          reason:connection-refused,dsn:4.4.1,text:connect to mx.example.com[203.0.113.7]:25: \
          Connection refused,first_us:1850400000000,last_us:1850940000000,state:expired}"
        ]
    );
}

/// More mails than are kept: those that rank first stay, whichever part they came in.
#[test]
fn the_first_thousand_mails_are_the_same_for_any_cut() {
    let lines: Vec<String> = (0..3_000)
        .map(|at: u64| {
            let (size, minute) = (at * 7_919 % 1_500, at / 60 % 60);
            format!(
                "10:{minute:02}:{:02} mx1 postfix/qmgr[62]: {at:09X}: from=<a@example.net>, size={size}, nrcpt=1 (queue active)",
                at % 60
            )
        })
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let tally = |lines: &[&str], mut tally: Tally| {
        absorb(&mut tally, lines);
        tally
    };
    let biggest = |tally: Tally| tally.finish().details.mails.biggest;
    let whole = biggest(tally(&lines, Tally::anchored(Windows::default())));
    assert_eq!((whole.count, whole.mails.len()), (3_000, 1_000));
    // Each size comes twice.
    let sizes: Vec<_> = whole
        .mails
        .iter()
        .map(|mail| mail.size_bytes.unwrap())
        .collect();
    let expected: Vec<u64> = (0..1_000).map(|at| 1_499 - at / 2).collect();
    assert_eq!(sizes, expected);
    for cut in [1, 700, 1_500, 2_900] {
        let mut left = tally(&lines[..cut], Tally::anchored(Windows::default()));
        left.merge(tally(&lines[cut..], Tally::part(Windows::default())));
        assert!(biggest(left) == whole, "cut at {cut}");
    }
}

/// Mails that are ranked before their part is merged stay in the order of the log.
#[test]
fn equal_mails_stand_in_the_order_of_the_log() {
    const SHORT: Windows = Windows {
        late: 1,
        hop: 1,
        max_open: 1_000,
    };
    let lines: Vec<String> = (0..40)
        .flat_map(|at| {
            let lines = [
                format!("{at:09X}: client=a.example[192.0.2.1]"),
                format!("{at:09X}: from=<a@example.net>, size=10, nrcpt=1 (queue active)"),
                format!("{at:09X}: removed"),
            ];
            let daemons = ["smtpd", "qmgr", "qmgr"];
            let lines = daemons.into_iter().zip(lines);
            lines
                .map(move |(daemon, line)| format!("10:00:{at:02} mx1 postfix/{daemon}[6]: {line}"))
        })
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    for cut in 0..=lines.len() {
        let mut left = Tally::anchored(SHORT);
        absorb(&mut left, &lines[..cut]);
        let mut right = Tally::part(SHORT);
        absorb(&mut right, &lines[cut..]);
        left.merge(right);
        let mails = left.finish().details.mails.biggest.mails;
        let ids: Vec<_> = mails.iter().map(|mail| mail.queue_id.clone()).collect();
        let expected: Vec<_> = (0..40).map(|at| format!("{at:09X}")).collect();
        assert_eq!(ids, expected, "cut at {cut}");
    }
}

const GREYLISTED: &str = "
08:00:00 mx1 postfix/smtpd[70]: connect from a.example[198.51.100.7]
08:00:01 mx1 postfix/smtpd[70]: connect from a.example[198.51.100.7]
08:00:02 mx1 postfix/smtpd[70]: connect from a.example[198.51.100.7]
09:00:00 mx1 postfix/smtpd[70]: 4F1A22C0D90: client=a.example[198.51.100.7]
09:00:00 mx1 postfix/qmgr[62]: 4F1A22C0D90: from=<ann@example.net>, size=10, nrcpt=1 (queue active)
09:00:01 mx1 postfix/lmtp[80]: 4F1A22C0D90: to=<bob@example.org>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok)
09:00:01 mx1 postfix/qmgr[62]: 4F1A22C0D90: removed
10:00:00 mx1 postfix/smtpd[71]: NOQUEUE: reject: RCPT from a.example[198.51.100.7]: 450 4.2.0 <Bob@example.org>: Recipient address rejected: Greylisted; from=<Ann@example.net> to=<Bob@example.org> proto=ESMTP helo=<x>
10:01:00 mx1 postfix/smtpd[71]: NOQUEUE: reject: RCPT from b.example[198.51.100.8]: 450 4.2.0 <bob@example.org>: Recipient address rejected: Greylisted; from=<ann@example.net> to=<bob@example.org> proto=ESMTP helo=<x>
10:02:00 mx1 postfix/smtpd[71]: NOQUEUE: reject: RCPT from b.example[198.51.100.8]: 450 4.2.0 <joe@example.org>: Recipient address rejected: Greylisted; from=<> to=<joe@example.org> proto=ESMTP helo=<x>
10:02:30 mx1 postfix/smtpd[72]: 4F1A22C0D91: client=c.example[198.51.100.9]
10:02:30 mx1 postfix/qmgr[62]: 4F1A22C0D91: from=<other@example.net>, size=10, nrcpt=1 (queue active)
10:02:31 mx1 postfix/lmtp[80]: 4F1A22C0D91: to=<bob@example.org>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok)
10:02:31 mx1 postfix/qmgr[62]: 4F1A22C0D91: removed
10:05:00 mx1 postfix/smtpd[72]: 4F1A22C0D92: client=c.example[198.51.100.9]
10:05:00 mx1 postfix/qmgr[62]: 4F1A22C0D92: from=<ann@example.net>, size=10, nrcpt=2 (queue active)
10:05:01 mx1 postfix/lmtp[80]: 4F1A22C0D92: to=<eve@example.org>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok)
10:05:01 mx1 postfix/lmtp[80]: 4F1A22C0D92: to=<robert@box.example>, orig_to=<bob@example.org>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok)
10:05:01 mx1 postfix/qmgr[62]: 4F1A22C0D92: removed
10:09:00 mx1 postfix/smtpd[72]: 4F1A22C0D93: client=c.example[198.51.100.9]
10:09:00 mx1 postfix/qmgr[62]: 4F1A22C0D93: from=<ann@example.net>, size=10, nrcpt=1 (queue active)
10:09:01 mx1 postfix/lmtp[80]: 4F1A22C0D93: to=<bob@example.org>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok)
10:09:01 mx1 postfix/qmgr[62]: 4F1A22C0D93: removed
10:20:00 mx1 postfix/smtpd[71]: NOQUEUE: reject: RCPT from d.example[203.0.113.9]: 450 4.2.0 <bob@example.org>: Recipient address rejected: Greylisted; from=<ann@example.net> to=<bob@example.org> proto=ESMTP helo=<x>
";

/// Neither a mail before the refusal nor another sender's mail of the network is a return; an alias
/// is joined by the name that the client used, and the first return counts.
#[test]
fn greylisting_waits_for_the_same_triplet() {
    let greylist = details(GREYLISTED).greylist;
    let triplets = &greylist.by_triplet;
    assert_eq!(
        briefs(&triplets.by_triplet),
        [
            "{network:198.51.100.0/24,sender:ann@example.net,recipient:bob@example.org,refusals:2,\
             wait_us:300000000}",
            "{network:198.51.100.0/24,sender:,recipient:joe@example.org,refusals:1,wait_us:null}",
            "{network:203.0.113.0/24,sender:ann@example.net,recipient:bob@example.org,refusals:1,\
             wait_us:null}",
        ]
    );
    let sums = (
        triplets.triplets,
        triplets.refusals,
        triplets.came_back,
        triplets.one_in,
    );
    assert_eq!(sums, (3, 4, 1, 1));
    assert_eq!(triplets.median_wait_us, Some(300_000_000));
    // The network sent a mail of its own before that.
    assert_eq!(greylist.median_wait_us, Some(150_000_000));
}

const BROKEN: &str = "
10:00:01 mx1 postfix/smtpd[71]: lost connection after AUTH from unknown[192.0.2.9]
10:00:02 mx1 postfix/submission/smtpd[72]: lost connection after AUTH from a.example[192.0.2.9]
10:00:03 mx1 postfix/smtpd[71]: 4F1A22C0D9E: lost connection after DATA (1410 bytes) from mail.example.net[2001:db8::7]
10:00:04 mx1 postfix/smtpd[71]: timeout after END-OF-MESSAGE from mail.example.net[2001:db8::7]
10:00:05 mx1 postfix/smtpd[71]: too many errors after RCPT from unknown[192.0.2.9]
10:00:06 mx1 postfix/smtpd[71]: SSL_accept error from unknown[192.0.2.66]: -1
10:00:07 mx1 postfix/smtpd[73]: SSL_accept error from unknown[192.0.2.66]: -1
10:00:08 mx1 postfix/smtpd[73]: SSL_accept error from unknown[192.0.2.66]: lost connection
10:00:09 mx1 postfix/smtp[80]: SSL_connect error to mx.example.com[198.51.100.9]:25: -1
";

/// A client is its address: its name may come and go with its DNS.
#[test]
fn sessions_that_broke_off_and_failed_handshakes_have_their_client() {
    let broken = details(BROKEN).broken;
    assert_eq!(
        briefs(&broken.sessions),
        [
            "{how:lost connection,stage:AUTH,client:192.0.2.9,sessions:2}",
            "{how:lost connection,stage:DATA,client:2001:db8::7,sessions:1}",
            "{how:timeout,stage:END-OF-MESSAGE,client:2001:db8::7,sessions:1}",
            "{how:too many errors,stage:RCPT,client:192.0.2.9,sessions:1}",
        ]
    );
    assert_eq!(
        briefs(&broken.handshakes),
        [
            "{direction:inbound,peer:unknown[192.0.2.66],reason:-1,handshakes:2}",
            "{direction:inbound,peer:unknown[192.0.2.66],reason:lost connection,handshakes:1}",
            "{direction:outbound,peer:mx.example.com[198.51.100.9]:25,reason:-1,handshakes:1}",
        ]
    );
}

use proptest::prelude::*;

use super::*;
use crate::tally::{Tally, Windows};

const LOG: &str = "\
Nov 21 10:00:00 mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from a.evil.example[198.51.100.7]: 554 5.7.1 <x@example.org>: Relay access denied; from=<s@evil.example> to=<x@elsewhere.example> proto=ESMTP helo=<evil>
Nov 21 10:00:01 mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[198.51.100.8]: 550 5.1.1 <no@example.org>: Recipient address rejected: User unknown in local recipient table; from=<S@Evil.example> to=<no@example.org> proto=ESMTP helo=<evil>
Nov 21 10:00:02 mx1 postfix/smtpd[2]: 4F1A22C0D9E: client=good.example[192.0.2.9]
Nov 21 10:00:02 mx1 postfix/cleanup[2]: 4F1A22C0D9E: message-id=<m1@good.example>
Nov 21 10:00:03 mx1 postfix/qmgr[3]: 4F1A22C0D9E: from=<a@good.example>, size=1000, nrcpt=1 (queue active)
Nov 21 10:00:04 mx1 postfix/smtpd[2]: NOQUEUE: reject: RCPT from good.example[192.0.2.9]: 450 4.2.0 <b@example.org>: Recipient address rejected: Greylisted; from=<a@good.example> to=<b@example.org> proto=ESMTP helo=<good.example>
Nov 21 10:00:05 mx1 postfix/qmgr[3]: 4F1A22C0D9E: removed
Nov 21 10:00:06 mx1 postfix/smtpd[4]: 5F1A22C0D9E: client=c.evil.example[198.51.100.7]
Nov 21 10:00:07 mx1 rspamd[5]: <a1b2c3>; proxy; rspamd_task_write_log: id: <s1@evil.example>, qid: <5F1A22C0D9E>, ip: 198.51.100.7, from: <spam@evil.example>, (default: T (reject): [22.40/15.00] [X(1.00){}]), len: 5120, time: 80.001ms, dns req: 9, digest: <0123456789abcdef0123456789abcdef>, rcpts: <b@example.org>, mime_rcpts: <b@example.org>
Nov 21 10:00:08 mx1 postfix/cleanup[5]: 5F1A22C0D9E: milter-reject: END-OF-MESSAGE from c.evil.example[198.51.100.7]: 5.7.1 Spam message rejected; from=<spam@evil.example> to=<b@example.org> proto=ESMTP helo=<evil>
Nov 21 10:00:09 mx1 postfix/postscreen[6]: PREGREET 11 after 0.12 from [203.0.113.5]:41234: EHLO User\\r\\n
Nov 21 10:00:10 mx1 postfix/smtpd[7]: warning: unknown[203.0.113.6]: SASL LOGIN authentication failed: UGFzc3dvcmQ6
";

/// Counts lines; the second value says whether nothing precedes them.
fn counted(by: By, lines: &[&str], is_anchored: bool) -> (Scores, Tally) {
    let mut scores = Scores::new(by, is_anchored);
    let mut tally = match is_anchored {
        true => Tally::anchored(Windows::default()),
        false => Tally::part(Windows::default()),
    };
    for (at, line) in lines.iter().enumerate() {
        let record = Record::parse(line.as_bytes()).unwrap();
        let wall_us = i64::try_from(at).unwrap();
        let event = Event::parse(&record.tag, record.message);
        tally.absorb(&record, wall_us, &event);
        scores.absorb(&record, 0, line.as_bytes(), &event.unwrap());
    }
    (scores, tally)
}

fn ranked(by: By, weights: &Weights) -> Ranking {
    let lines: Vec<&str> = LOG.lines().collect();
    let (scores, tally) = counted(by, &lines, true);
    finished(scores, tally, weights)
}

fn finished(scores: Scores, tally: Tally, weights: &Weights) -> Ranking {
    let terms = Terms {
        weights,
        prefixes: Prefixes::default(),
        by: None,
        lookup: None,
    };
    rank(scores, &tally.finish(), terms)
}

fn shown(by: By) -> Vec<(String, u64)> {
    let ranking = ranked(by, &Weights::default());
    let rows = ranking.sources.into_iter();
    rows.map(|source| (source.key, source.score)).collect()
}

fn expected(rows: &[(&str, u64)]) -> Vec<(String, u64)> {
    rows.iter()
        .map(|(key, score)| ((*key).to_owned(), *score))
        .collect()
}

#[test]
fn addresses_have_the_weighted_sum_of_what_they_did() {
    // .7: two refusals, one mail taken for spam, said by two lines: 2 + 5. .8: a refusal, an unknown
    // recipient. .9 was told to come later and brought a mail: 1 - 3.
    let rows = [
        ("198.51.100.7", 7),
        ("198.51.100.8", 2),
        ("203.0.113.5", 2),
        ("203.0.113.6", 2),
    ];
    assert_eq!(shown(By::Address), expected(&rows));
}

#[test]
fn networks_fold_where_several_addresses_misbehave() {
    let rows = [("198.51.100.0/24", 9), ("203.0.113.0/24", 4)];
    assert_eq!(shown(By::Network), expected(&rows));
    let ranking = ranked(By::Network, &Weights::default());
    let members = &ranking.sources[0].addresses;
    assert_eq!(format!("{members:?}"), "[198.51.100.7, 198.51.100.8]");
}

#[test]
fn an_address_alone_stands_for_itself() {
    let lines: Vec<&str> = LOG.lines().take(1).collect();
    let (scores, tally) = counted(By::Network, &lines, true);
    let ranking = finished(scores, tally, &Weights::default());
    assert_eq!(ranking.sources[0].key, "198.51.100.7");
}

#[test]
fn other_keys_are_what_lines_say() {
    assert_eq!(shown(By::HostnameDomain)[0], ("evil.example".into(), 7));
    assert_eq!(
        shown(By::Helo),
        expected(&[("evil", 4), ("good.example", 1)])
    );
    let senders = [("spam@evil.example", 6), ("s@evil.example", 3)];
    assert_eq!(shown(By::Sender), expected(&senders));
    assert_eq!(shown(By::SenderDomain), expected(&[("evil.example", 9)]));
    let aliases = [("b@example.org", 7), ("no@example.org", 2)];
    assert_eq!(shown(By::Alias), expected(&aliases));
    let alias = &ranked(By::Alias, &Weights::default()).sources[1];
    assert_eq!(alias.row.first_sender(), Some("s@evil.example"));
}

#[test]
fn weights_are_the_users() {
    let mut weights = Weights::default();
    weights.set("spam", 100).unwrap();
    weights.set("relay-denied", 40).unwrap();
    let first = &ranked(By::Address, &weights).sources[0];
    assert_eq!(first.score, 100 + 40 + 1);
    let sum: u64 = first.pieces.iter().map(Piece::points).sum();
    assert_eq!(sum, first.score);
    assert!(weights.set("spams", 1).is_err());
}

#[test]
fn samples_are_one_of_each_kind() {
    let first = &ranked(By::Address, &Weights::default()).sources[0];
    let samples: Vec<&str> = first.row.samples().collect();
    assert_eq!(samples.len(), 2);
    assert!(samples[0].contains("Relay access denied") && samples[1].contains("rspamd"));
}

#[test]
fn names_have_an_organization() {
    for (name, expected) in [
        ("mail.a.example.com", "example.com"),
        ("mx.shop.co.uk", "shop.co.uk"),
        ("co.uk", "co.uk"),
        ("localhost", "localhost"),
    ] {
        assert_eq!(organization(name), expected);
    }
}

#[test]
fn the_first_address_or_url_of_a_header_names_the_domain() {
    let domain = |text: &str| {
        key::header_domain(text.as_bytes()).map(|key| String::from_utf8(key.into()).unwrap())
    };
    assert_eq!(
        domain("From: X <a@B.example>").as_deref(),
        Some("b.example")
    );
    let both = "List-Unsubscribe: <https://u.x.example/?a=b@c.example>";
    assert_eq!(domain(both).as_deref(), Some("u.x.example"));
    assert_eq!(domain("Subject: cheap"), None);
}

#[test]
fn addresses_of_ours_are_never_listable() {
    for address in [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "fe80::1",
        "fd00::1",
        "::1",
    ] {
        assert!(!is_listable(address.parse().unwrap()), "{address}");
    }
    assert!(
        is_listable("203.0.113.5".parse().unwrap()) && is_listable("2001:db8::1".parse().unwrap())
    );
}

#[test]
fn an_accepted_mail_counts_once_however_often_it_is_tried_and_handed_back() {
    let mut log = vec![
        "Nov 21 10:00:00 mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[198.51.100.7]: 554 5.7.1 <x@e.example>: Relay access denied; from=<a@x.example> to=<x@e.example> proto=ESMTP helo=<h>";
        8
    ];
    log.extend([
        "Nov 21 10:00:01 mx1 postfix/smtpd[1]: 4A1A22C0D9E: client=unknown[198.51.100.7]",
        "Nov 21 10:00:02 mx1 postfix/qmgr[3]: 4A1A22C0D9E: from=<a@x.example>, size=1000, nrcpt=1 (queue active)",
        "Nov 21 10:09:02 mx1 postfix/qmgr[3]: 4A1A22C0D9E: from=<a@x.example>, size=1000, nrcpt=1 (queue active)",
        "Nov 21 10:09:03 mx1 postfix/smtpd[4]: 4B1A22C0D9E: client=localhost[127.0.0.1]",
        "Nov 21 10:09:04 mx1 postfix/qmgr[3]: 4B1A22C0D9E: from=<a@x.example>, size=1100, nrcpt=1 (queue active)",
    ]);
    let (scores, tally) = counted(By::Sender, &log, true);
    let sources = finished(scores, tally, &Weights::default()).sources;
    assert_eq!((sources[0].row.accepted(), sources[0].score), (1, 8 - 3));
}

const OUT: &str = "\
Nov 21 10:00:00 mx1 postfix/submission/smtpd[1]: 4A1A22C0D9E: client=unknown[203.0.113.9], sasl_method=PLAIN, sasl_username=eve@example.org
Nov 21 10:00:00 mx1 postfix/cleanup[2]: 4A1A22C0D9E: message-id=<m1@example.org>
Nov 21 10:00:01 mx1 postfix/qmgr[3]: 4A1A22C0D9E: from=<eve@example.org>, size=1000, nrcpt=2 (queue active)
Nov 21 10:00:01 mx1 postfix/smtpd[4]: 4B1A22C0D9E: client=localhost[127.0.0.1]
Nov 21 10:00:01 mx1 postfix/cleanup[2]: 4B1A22C0D9E: message-id=<m1@example.org>
Nov 21 10:00:01 mx1 postfix/qmgr[3]: 4B1A22C0D9E: from=<eve@example.org>, size=1100, nrcpt=2 (queue active)
Nov 21 10:00:02 mx1 postfix/smtp[5]: 4A1A22C0D9E: to=<a@x.example>, relay=127.0.0.1[127.0.0.1]:10024, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 from MTA: 250 2.0.0 Ok: queued as 4B1A22C0D9E)
Nov 21 10:00:02 mx1 postfix/qmgr[3]: 4A1A22C0D9E: removed
Nov 21 10:00:03 mx1 postfix/smtp[5]: 4B1A22C0D9E: to=<a@x.example>, relay=mx.x.example[198.51.100.1]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok)
Nov 21 10:00:03 mx1 postfix/smtp[5]: 4B1A22C0D9E: to=<b@x.example>, relay=mx.x.example[198.51.100.1]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.x.example[198.51.100.1] said: 550 5.1.1 no (in reply to RCPT TO command))
Nov 21 10:00:04 mx1 postfix/pickup[6]: 4C1A22C0D9E: uid=33 from=<www>
Nov 21 10:00:04 mx1 postfix/cleanup[2]: 4C1A22C0D9E: message-id=<m2@example.org>
Nov 21 10:00:04 mx1 postfix/qmgr[3]: 4C1A22C0D9E: from=<www@mx1.example.org>, size=400, nrcpt=1 (queue active)
Nov 21 10:00:05 mx1 postfix/smtpd[7]: 4D1A22C0D9E: client=stranger.example[198.51.100.7]
Nov 21 10:00:05 mx1 postfix/qmgr[3]: 4D1A22C0D9E: from=<s@stranger.example>, size=400, nrcpt=1 (queue active)
";

fn sent(by: By, lines: &[&str], is_anchored: bool) -> Outbound {
    let mut outbound = Outbound::new(by, is_anchored);
    for line in lines {
        let record = Record::parse(line.as_bytes()).unwrap();
        let event = Event::parse(&record.tag, record.message).unwrap();
        outbound.absorb(&record, 7, &event);
    }
    outbound
}

#[test]
fn our_own_are_counted_once_through_a_filter() {
    let lines: Vec<&str> = OUT.lines().collect();
    let rows = sent(By::User, &lines, true).finish();
    let names: Vec<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["eve@example.org", "uid 33"]);
    let eve = &rows[0].1;
    assert_eq!(
        (eve.mails, eve.recipients, eve.delivered, eve.bounced),
        (1, 2, 1, 1)
    );
    assert_eq!(eve.distinct_recipients(), 2);
    let rows = sent(By::SenderDomain, &lines, true).finish();
    let names: Vec<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["example.org", "mx1.example.org"]);
}

proptest! {
    /// The law of merging for our own.
    #[test]
    fn merged_parts_of_our_own_equal_the_whole(cut in 0usize..=15, at in 0usize..4) {
        let by = [By::User, By::Address, By::Sender, By::SenderDomain][at];
        let lines: Vec<&str> = OUT.lines().collect();
        let mut parts = sent(by, &lines[..cut], true);
        parts.merge(sent(by, &lines[cut..], false));
        prop_assert_eq!(parts.finish(), sent(by, &lines, true).finish());
    }

    /// The law of merging, for every way to count and every cut into up to eight pieces.
    #[test]
    fn merged_parts_equal_the_whole(cuts in prop::collection::vec(0usize..=12, 0..7), at in 0usize..14) {
        let by = By::ALL[at];
        let lines: Vec<&str> = LOG.lines().collect();
        let mut cuts = cuts;
        cuts.extend([0, lines.len()]);
        cuts.sort_unstable();
        let mut pieces = cuts.windows(2).enumerate().map(|(n, cut)| {
            counted(by, &lines[cut[0]..cut[1]], n == 0)
        });
        let (mut scores, mut tally) = pieces.next().unwrap();
        for (later, part) in pieces {
            scores.merge(later);
            tally.merge(part);
        }
        let weights = Weights::default();
        let whole = counted(by, &lines, true);
        prop_assert_eq!(finished(scores, tally, &weights), finished(whole.0, whole.1, &weights));
    }
}

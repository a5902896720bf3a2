//! What a search joins, on lines made by hand.

use mailtally_parsers::Record;

use super::*;

/// Searches lines as a caller would, pass by pass.
fn trace(term: &str, log: &str) -> Vec<Mail> {
    let mut search = Search::new(vec![Term::recognise(term)], 20);
    loop {
        let needles = search.needles();
        for (place, line) in (0..).zip(log.lines()) {
            let lower = line.to_lowercase();
            let has =
                |needle: &Vec<u8>| lower.contains(&String::from_utf8_lossy(needle).to_lowercase());
            let Some(record) = Record::parse(line.as_bytes()).filter(|_| needles.iter().any(has))
            else {
                continue;
            };
            let mut entry = Entry::new(&record, line.as_bytes(), None);
            entry.place = place;
            if search.wants(&entry) {
                search.take(entry);
            }
        }
        if !search.end_pass() {
            return search.finish().0;
        }
    }
}

fn outcomes(mail: &Mail) -> Vec<(String, &'static str)> {
    let text = |recipient: &Recipient| {
        let address = recipient.address.clone().unwrap_or_default();
        (
            String::from_utf8(address).unwrap(),
            recipient.outcome.name(),
        )
    };
    mail.recipients.iter().map(text).collect()
}

#[test]
fn recognises_what_a_term_is() {
    for (text, name) in [
        ("4F1A22C0D9E", "queue-id"),
        ("4jWYPg2wXLz1TLf8", "queue-id"),
        ("<a@b.example>", "message-id"),
        ("a@b.example", "address"),
        ("192.0.2.7", "client"),
        ("2001:db8::1", "client"),
        ("mail.example.org", "client"),
        ("550", "reply"),
        ("5.7.1", "reply"),
        ("user unknown", "reply"),
        ("karl", "user"),
        ("deadbeef", "user"),
    ] {
        assert_eq!(Term::recognise(text).name(), name, "{text}");
    }
}

const REUSED: &str = "\
Nov 21 10:00:00 mx1 postfix/smtpd[11]: 4F1A22C0D9E: client=a.example[192.0.2.1]
Nov 21 10:00:00 mx1 postfix/cleanup[12]: 4F1A22C0D9E: message-id=<one@a.example>
Nov 21 10:00:00 mx1 postfix/qmgr[13]: 4F1A22C0D9E: from=<a@a.example>, size=500, nrcpt=1 (queue active)
Nov 21 10:00:01 mx1 postfix/local[14]: 4F1A22C0D9E: to=<b@b.example>, relay=local, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (delivered to mailbox)
Nov 21 10:00:01 mx1 postfix/qmgr[13]: 4F1A22C0D9E: removed
Nov 21 11:00:00 mx1 postfix/smtpd[11]: 4F1A22C0D9E: client=c.example[192.0.2.3]
Nov 21 11:00:00 mx1 postfix/cleanup[12]: 4F1A22C0D9E: message-id=<two@c.example>
Nov 21 11:00:00 mx1 postfix/qmgr[13]: 4F1A22C0D9E: from=<c@c.example>, size=500, nrcpt=1 (queue active)
Nov 21 11:00:01 mx1 postfix/smtp[14]: 4F1A22C0D9E: to=<d@d.example>, relay=none, delay=1, delays=1/0/0/0, dsn=4.4.1, status=deferred (connect to d.example[192.0.2.4]:25: Connection timed out)
";

#[test]
fn a_queue_id_that_is_used_again_names_two_mails() {
    let mails = trace("4F1A22C0D9E", REUSED);
    let found: Vec<_> = mails.iter().map(outcomes).collect();
    let expected = [
        vec![("b@b.example".to_owned(), "delivered")],
        vec![("d@d.example".to_owned(), "deferred")],
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_search_for_one_mail_leaves_the_other_life_of_its_queue_id_out() {
    let mails = trace("d@d.example", REUSED);
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].message_id(), Some(&b"two@c.example"[..]));
    assert_eq!(mails[0].hops[0].entries.len(), 4);
}

/// A mail through a content filter to three recipients of an alias, one of whom forwards it; one
/// bounces, and so does the bounce; written by hand.
const FILTERED: &str = "\
Nov 21 10:00:00 mx1 postfix/smtpd[11]: connect from a.example[192.0.2.1]
Nov 21 10:00:00 mx1 postfix/smtpd[11]: Trusted TLS connection established from a.example[192.0.2.1]: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
Nov 21 10:00:00 mx1 postfix/smtpd[11]: AA11A2C0D9E: client=a.example[192.0.2.1]
Nov 21 10:00:00 mx1 postfix/cleanup[12]: AA11A2C0D9E: message-id=<one@a.example>
Nov 21 10:00:00 mx1 postfix/qmgr[13]: AA11A2C0D9E: from=<a@a.example>, size=500, nrcpt=1 (queue active)
Nov 21 10:00:00 mx1 postfix/smtpd[11]: disconnect from a.example[192.0.2.1] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5
Nov 21 10:00:01 mx1 postfix/reinject/smtpd[15]: BB22B2C0D9E: client=localhost[127.0.0.1], orig_queue_id=AA11A2C0D9E, orig_client=a.example[192.0.2.1]
Nov 21 10:00:01 mx1 postfix/cleanup[12]: BB22B2C0D9E: message-id=<one@a.example>
Nov 21 10:00:01 mx1 postfix/smtp[14]: AA11A2C0D9E: to=<team@b.example>, relay=127.0.0.1[127.0.0.1]:10024, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as BB22B2C0D9E)
Nov 21 10:00:01 mx1 postfix/qmgr[13]: AA11A2C0D9E: removed
Nov 21 10:00:01 mx1 postfix/qmgr[13]: BB22B2C0D9E: from=<a@a.example>, size=700, nrcpt=3 (queue active)
Nov 21 10:00:01 mx1 dovecot: lmtp(b1@b.example)<99><abCDefGH1234AAAAwX/9vA>: sieve: msgid=<one@a.example>: stored mail into mailbox 'Team'
Nov 21 10:00:01 mx1 postfix/lmtp[16]: BB22B2C0D9E: to=<b1@b.example>, orig_to=<team@b.example>, relay=mx1[private/dovecot-lmtp], delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 <b1@b.example> abCDefGH1234AAAAwX/9vA Saved)
Nov 21 10:00:01 mx1 postfix/cleanup[12]: CC33C2C0D9E: message-id=<one@a.example>
Nov 21 10:00:01 mx1 postfix/local[17]: BB22B2C0D9E: to=<b2@b.example>, orig_to=<team@b.example>, relay=local, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (forwarded as CC33C2C0D9E)
Nov 21 10:00:01 mx1 postfix/smtp[14]: BB22B2C0D9E: to=<b3@c.example>, orig_to=<team@b.example>, relay=mx.c.example[192.0.2.9]:25, delay=1, delays=1/0/0/0, dsn=5.1.1, status=bounced (host mx.c.example[192.0.2.9] said: 550 5.1.1 no such user (in reply to RCPT TO command))
Nov 21 10:00:01 mx1 postfix/cleanup[12]: DD44D2C0D9E: message-id=<bounce@mx1>
Nov 21 10:00:01 mx1 postfix/bounce[18]: BB22B2C0D9E: sender non-delivery notification: DD44D2C0D9E
Nov 21 10:00:01 mx1 postfix/qmgr[13]: BB22B2C0D9E: removed
Nov 21 10:00:02 mx1 postfix/qmgr[13]: CC33C2C0D9E: from=<a@a.example>, size=800, nrcpt=1 (queue active)
Nov 21 10:00:02 mx1 postfix/smtp[14]: CC33C2C0D9E: to=<b2@d.example>, orig_to=<b2@b.example>, relay=mx2[192.0.2.10]:25, delay=1, delays=1/0/0/0, dsn=4.4.2, status=deferred (lost connection with mx2[192.0.2.10] while receiving the initial server greeting)
Nov 21 10:00:02 mx1 postfix/qmgr[13]: DD44D2C0D9E: from=<>, size=900, nrcpt=1 (queue active)
Nov 21 10:00:02 mx1 postfix/smtp[14]: DD44D2C0D9E: to=<a@a.example>, relay=a.example[192.0.2.1]:25, delay=1, delays=1/0/0/0, dsn=5.7.1, status=bounced (host a.example[192.0.2.1] said: 554 5.7.1 no (in reply to MAIL FROM command))
Nov 21 10:00:02 mx1 postfix/cleanup[12]: EE55E2C0D9E: message-id=<double@mx1>
Nov 21 10:00:02 mx1 postfix/bounce[18]: DD44D2C0D9E: postmaster non-delivery notification: EE55E2C0D9E
Nov 21 10:00:02 mx1 postfix/qmgr[13]: DD44D2C0D9E: removed
Nov 21 10:00:02 mx2 postfix/smtpd[21]: 4jWYPg2wXLz1TLf8: client=mx1[192.0.2.11]
Nov 21 10:00:02 mx2 postfix/cleanup[22]: 4jWYPg2wXLz1TLf8: message-id=<one@a.example>
Nov 21 10:00:09 mx1 postfix/smtp[14]: CC33C2C0D9E: to=<b2@d.example>, orig_to=<b2@b.example>, relay=mx2[192.0.2.10]:25, delay=8, delays=1/0/0/7, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4jWYPg2wXLz1TLf8)
Nov 21 10:00:09 mx1 postfix/qmgr[13]: CC33C2C0D9E: removed
Nov 21 10:00:10 mx2 postfix/virtual[23]: 4jWYPg2wXLz1TLf8: to=<b2@d.example>, relay=virtual, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (delivered to maildir)
Nov 21 10:00:10 mx2 postfix/qmgr[24]: 4jWYPg2wXLz1TLf8: removed
Nov 21 10:00:11 mx1 postfix/smtpd[11]: connect from other.example[192.0.2.77]
Nov 21 10:00:11 mx1 postfix/smtpd[11]: FF66F2C0D9E: client=other.example[192.0.2.77]
";

#[test]
fn any_id_of_a_mail_finds_the_whole_of_it() {
    for term in [
        "AA11A2C0D9E",
        "BB22B2C0D9E",
        "CC33C2C0D9E",
        "DD44D2C0D9E",
        "4jWYPg2wXLz1TLf8",
        "<one@a.example>",
        "b3@c.example",
        "no such user",
    ] {
        let mails = trace(term, FILTERED);
        assert_eq!(mails.len(), 1, "{term}");
        let ids = mails[0].hops.iter();
        let mut ids: Vec<&str> = ids
            .map(|hop| str::from_utf8(&hop.queue_id).unwrap())
            .collect();
        ids.sort_unstable();
        let expected = [
            "4jWYPg2wXLz1TLf8",
            "AA11A2C0D9E",
            "BB22B2C0D9E",
            "CC33C2C0D9E",
            "DD44D2C0D9E",
            "EE55E2C0D9E",
        ];
        assert_eq!(ids, expected, "{term}");
    }
}

#[test]
fn each_recipient_has_its_last_outcome_and_notifications_none() {
    let mails = trace("AA11A2C0D9E", FILTERED);
    let expected = [
        ("b1@b.example", "delivered"),
        ("b3@c.example", "bounced"),
        ("b2@d.example", "delivered"),
    ];
    let expected: Vec<_> = expected
        .map(|(address, outcome)| (address.to_owned(), outcome))
        .into();
    assert_eq!(outcomes(&mails[0]), expected);
    let mailboxes: Vec<_> = mails[0]
        .recipients
        .iter()
        .map(|one| one.mailbox.clone())
        .collect();
    assert_eq!(mailboxes[0].as_deref(), Some(&b"Team"[..]));
}

#[test]
fn hops_say_what_they_follow_from() {
    let mails = trace("AA11A2C0D9E", FILTERED);
    let hops = &mails[0].hops;
    let from = |id: &str| {
        let hop = hops
            .iter()
            .find(|hop| hop.queue_id == id.as_bytes())
            .unwrap();
        hop.from
            .map(|(from, how)| (String::from_utf8(hops[from].queue_id.clone()).unwrap(), how))
    };
    assert_eq!(from("AA11A2C0D9E"), None);
    for (id, of, how) in [
        ("BB22B2C0D9E", "AA11A2C0D9E", Join::QueuedAs),
        ("CC33C2C0D9E", "BB22B2C0D9E", Join::Forwarded),
        ("4jWYPg2wXLz1TLf8", "CC33C2C0D9E", Join::QueuedAs),
        ("DD44D2C0D9E", "BB22B2C0D9E", Join::Notification),
        ("EE55E2C0D9E", "DD44D2C0D9E", Join::Notification),
    ] {
        assert_eq!(from(id), Some((of.to_owned(), how)), "{id}");
    }
}

#[test]
fn the_connection_of_the_mail_is_shown_and_no_other() {
    let mails = trace("AA11A2C0D9E", FILTERED);
    let kinds: Vec<&str> = mails[0].hops[0]
        .entries
        .iter()
        .map(|entry| entry.kind)
        .collect();
    let expected = [
        "smtpd_connect",
        "tls_connection",
        "smtpd_client",
        "cleanup_message_id",
        "qmgr_active",
        "smtpd_disconnect",
        "delivery",
        "qmgr_removed",
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn a_client_is_found_by_its_mails_and_refusals_and_not_by_connections() {
    let log = "\
Nov 21 10:00:00 mx1 postfix/smtpd[11]: connect from a.example[192.0.2.1]
Nov 21 10:00:00 mx1 postfix/smtpd[11]: NOQUEUE: reject: RCPT from a.example[192.0.2.1]: 554 5.7.1 <b@b.example>: Relay access denied; from=<a@a.example> to=<b@b.example> proto=ESMTP helo=<a.example>
Nov 21 10:00:00 mx1 postfix/smtpd[11]: disconnect from a.example[192.0.2.1] ehlo=1 mail=1 rcpt=0/1 commands=2/3
Nov 21 10:05:00 mx1 postfix/anvil[12]: statistics: max connection rate 1/60s for (smtp:192.0.2.1) at Nov 21 10:00:00
Nov 21 11:00:00 mx1 postfix/smtpd[13]: connect from a.example[192.0.2.1]
Nov 21 11:00:00 mx1 postfix/smtpd[13]: disconnect from a.example[192.0.2.1] commands=0/0
";
    let mails = trace("192.0.2.1", log);
    assert_eq!(mails.len(), 1);
    assert_eq!(
        outcomes(&mails[0]),
        [("b@b.example".to_owned(), "rejected")]
    );
    assert_eq!(mails[0].hops[0].entries.len(), 3);
}

#[test]
fn a_transfer_that_broke_off_is_no_outcome() {
    let log = "\
Nov 21 10:00:00 mx1 postfix/smtpd[11]: AA11A2C0D9E: client=a.example[192.0.2.1]
Nov 21 10:00:00 mx1 postfix/qmgr[13]: AA11A2C0D9E: from=<a@a.example>, size=500, nrcpt=1 (queue active)
Nov 21 10:00:01 mx1 postfix/reinject/smtpd[15]: BB22B2C0D9E: client=localhost[127.0.0.1], orig_queue_id=AA11A2C0D9E
Nov 21 10:00:01 mx1 postfix/smtp[14]: AA11A2C0D9E: to=<b@b.example>, relay=127.0.0.1[127.0.0.1]:10024, delay=1, delays=1/0/0/0, dsn=4.4.2, status=deferred (lost connection with 127.0.0.1[127.0.0.1] while sending end of data)
";
    let mails = trace("AA11A2C0D9E", log);
    assert_eq!(mails[0].hops.len(), 2);
    assert_eq!(
        outcomes(&mails[0]),
        [("b@b.example".to_owned(), "deferred")]
    );
}

#[test]
fn a_birth_after_the_end_is_another_mail_and_so_is_a_line_long_after_it() {
    let mut log = "\
Nov 21 10:00:00 mx1 postfix/cleanup[12]: AA11A2C0D9E: message-id=<bounce@mx1>
Nov 21 10:00:00 mx1 postfix/qmgr[13]: AA11A2C0D9E: from=<>, size=500, nrcpt=1 (queue active)
Nov 21 10:00:00 mx1 postfix/qmgr[13]: AA11A2C0D9E: removed
Nov 21 10:01:00 mx1 postfix/smtpd[11]: AA11A2C0D9E: client=a.example[192.0.2.1]
Nov 21 10:01:00 mx1 postfix/qmgr[13]: AA11A2C0D9E: removed
"
    .to_owned();
    assert_eq!(trace("AA11A2C0D9E", &log).len(), 2);
    log.push_str(&"Nov 21 10:02:00 mx1 postfix/qmgr[13]: warning: x\n".repeat(300));
    log.push_str("Nov 21 10:03:00 mx1 postfix/qmgr[13]: AA11A2C0D9E: from=<c@c.example>, size=5, nrcpt=1 (queue active)\n");
    assert_eq!(trace("AA11A2C0D9E", &log).len(), 3);
}

const DROPPED: &str = "\
Nov 21 10:00:00 mx1 postfix/smtpd[11]: connect from a.example[192.0.2.1]
Nov 21 10:00:00 mx1 postfix/smtpd[11]: 4F1A22C0D9E: client=a.example[192.0.2.1]
Nov 21 10:00:00 mx1 postfix/qmgr[13]: 4F1A22C0D9E: from=<a@a.example>, size=500, nrcpt=1 (queue active)
Nov 21 10:00:01 mx1 postfix/smtpd[11]: NOQUEUE: discard: RCPT from a.example[192.0.2.1]: <drop@a.example>: Sender address dropped by policy; from=<drop@a.example> to=<b@b.example> proto=ESMTP helo=<a.example>
Nov 21 10:00:01 mx1 postfix/smtpd[11]: 5A1A22C0D9E: client=a.example[192.0.2.1]
Nov 21 10:00:02 mx1 postfix/smtpd[11]: 6B1A22C0D9E: client=a.example[192.0.2.1]
Nov 21 10:00:03 mx1 postfix/smtpd[11]: disconnect from a.example[192.0.2.1]
Nov 21 10:00:04 mx1 postfix/smtpd[11]: NOQUEUE: discard: RCPT from c.example[192.0.2.3]: <drop@c.example>: Sender address dropped by policy; from=<drop@c.example> to=<d@b.example> proto=ESMTP helo=<c.example>
";

#[test]
fn a_discard_before_the_queue_id_is_of_the_next_mail_of_its_session() {
    for (id, address, outcome) in [
        ("4F1A22C0D9E", "", "unknown"),
        ("5A1A22C0D9E", "b@b.example", "discarded"),
        ("6B1A22C0D9E", "", "unknown"),
    ] {
        let mails = trace(id, DROPPED);
        let found: Vec<_> = mails.iter().map(outcomes).collect();
        assert_eq!(found, [[(address.to_owned(), outcome)]], "{id}");
    }
}

const FAR: &str = "\
Nov 21 10:00:00 mx1 postfix/qmgr[13]: 4F1A22C0D9E: from=<a@a.example>, size=500, nrcpt=2 (queue active)
Nov 21 10:00:01 mx1 postfix/smtp[14]: 4F1A22C0D9E: to=<office@b.example>, orig_to=<fwd@a.example>, relay=mx2.example[192.0.2.4]:25, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 5A1A22C0D9E)
Nov 21 10:00:01 mx1 postfix/smtp[14]: 4F1A22C0D9E: to=<karl@b.example>, relay=mx2.example[192.0.2.4]:25, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 5A1A22C0D9E)
Nov 21 10:00:01 mx2 postfix/qmgr[13]: 5A1A22C0D9E: from=<a@a.example>, size=500, nrcpt=2 (queue active)
Nov 21 10:00:02 mx2 postfix/smtp[14]: 5A1A22C0D9E: to=<office@b.example>, relay=mx3.example[192.0.2.5]:25, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 6B1A22C0D9E)
Nov 21 10:00:02 mx2 postfix/smtp[14]: 5A1A22C0D9E: to=<karl@b.example>, relay=mx3.example[192.0.2.5]:25, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 6B1A22C0D9E)
Nov 21 10:00:02 mx3 postfix/qmgr[13]: 6B1A22C0D9E: from=<a@a.example>, size=500, nrcpt=2 (queue active)
Nov 21 10:00:03 mx3 postfix/virtual[14]: 6B1A22C0D9E: to=<office@b.example>, relay=virtual, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (delivered to maildir)
Nov 21 10:00:03 mx3 postfix/virtual[14]: 6B1A22C0D9E: to=<karl@b.example>, relay=virtual, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (delivered to maildir)
";

#[test]
fn an_alias_of_the_first_hop_is_known_on_the_last() {
    let mails = trace("4F1A22C0D9E", FAR);
    let aliases: Vec<_> = mails[0]
        .recipients
        .iter()
        .map(|recipient| recipient.orig_to.as_deref())
        .collect();
    assert_eq!(aliases, [Some(b"fwd@a.example".as_slice()), None]);
}

const DELETED: &str = "\
Nov 21 10:00:00 mx1 postfix/qmgr[13]: 4F1A22C0D9E: from=<a@a.example>, size=500, nrcpt=2 (queue active)
Nov 21 10:00:01 mx1 postfix/smtp[14]: 4F1A22C0D9E: to=<b@b.example>, relay=mx2.example[192.0.2.4]:25, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 Ok)
Nov 21 10:00:01 mx1 postfix/smtp[14]: 4F1A22C0D9E: to=<c@c.example>, relay=none, delay=1, delays=1/0/0/0, dsn=4.4.1, status=deferred (connect to c.example[192.0.2.5]:25: Connection timed out)
Nov 21 10:05:00 mx1 postfix/postsuper[20]: 4F1A22C0D9E: removed
";

#[test]
fn what_the_operator_deletes_is_deferred_no_more() {
    let mails = trace("4F1A22C0D9E", DELETED);
    let expected = [("b@b.example", "delivered"), ("c@c.example", "discarded")]
        .map(|(address, outcome)| (address.to_owned(), outcome));
    assert_eq!(outcomes(&mails[0]), expected);
}

const REQUEUED: &str = "\
Nov 21 10:00:00 mx1 postfix/qmgr[13]: 4F1A22C0D9E: from=<a@a.example>, size=500, nrcpt=1 (queue active)
Nov 21 10:00:01 mx1 postfix/smtp[14]: 4F1A22C0D9E: to=<c@c.example>, relay=none, delay=1, delays=1/0/0/0, dsn=4.4.1, status=deferred (connect to c.example[192.0.2.5]:25: Connection timed out)
Nov 21 10:05:00 mx1 postfix/postsuper[20]: 4F1A22C0D9E: requeued
Nov 21 10:05:01 mx1 postfix/pickup[21]: 5A1A22C0D9E: uid=0 from=<a@a.example> orig_id=4F1A22C0D9E
Nov 21 10:05:01 mx1 postfix/qmgr[13]: 5A1A22C0D9E: from=<a@a.example>, size=500, nrcpt=1 (queue active)
Nov 21 10:05:02 mx1 postfix/local[14]: 5A1A22C0D9E: to=<c@c.example>, relay=local, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (forwarded as 6B1A22C0D9E)
Nov 21 10:05:02 mx1 postfix/qmgr[13]: 6B1A22C0D9E: from=<a@a.example>, size=500, nrcpt=1 (queue active)
Nov 21 10:05:03 mx1 postfix/local[14]: 6B1A22C0D9E: to=<d@d.example>, relay=local, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (delivered to mailbox)
";

#[test]
fn a_requeued_mail_is_deferred_no_more_and_a_forward_names_its_address() {
    let mails = trace("4F1A22C0D9E", REQUEUED);
    assert_eq!(
        outcomes(&mails[0]),
        [("d@d.example".to_owned(), "delivered")]
    );
    let found = &mails[0].recipients[0];
    assert_eq!(found.orig_to.as_deref(), Some(b"c@c.example".as_slice()));
}

/// Dovecot's session is a connection; Postfix sends the next mail over the one that it has.
#[test]
fn mails_over_one_lmtp_connection_are_two() {
    let log = "\
Nov 21 10:00:00 mx1 postfix/qmgr[13]: 4F1A22C0D9E: from=<a@a.example>, size=500, nrcpt=2 (queue active)
Nov 21 10:00:00 mx1 dovecot: lmtp(b@b.example)<99><abCDefGH1234AAAAwX/9vA>: msgid=<one@a.example>: saved mail to INBOX
Nov 21 10:00:00 mx1 postfix/lmtp[16]: 4F1A22C0D9E: to=<b@b.example>, relay=mx1[private/dovecot-lmtp], delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 <b@b.example> abCDefGH1234AAAAwX/9vA Saved)
Nov 21 10:00:00 mx1 dovecot: lmtp(c@b.example)<99><abCDefGH1234AAAAwX/9vA:R2>: msgid=<one@a.example>: saved mail to Second
Nov 21 10:00:00 mx1 postfix/lmtp[16]: 4F1A22C0D9E: to=<c@b.example>, relay=mx1[private/dovecot-lmtp], delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 <c@b.example> abCDefGH1234AAAAwX/9vA:R2 Saved)
Nov 21 10:00:01 mx1 postfix/qmgr[13]: 5A1A22C0D9E: from=<d@d.example>, size=500, nrcpt=1 (queue active)
Nov 21 10:00:01 mx1 dovecot: lmtp(b@b.example)<99><abCDefGH1234AAAAwX/9vA:T2>: msgid=<two@d.example>: saved mail to Third
Nov 21 10:00:01 mx1 postfix/lmtp[16]: 5A1A22C0D9E: to=<b@b.example>, relay=mx1[private/dovecot-lmtp], conn_use=2, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 <b@b.example> abCDefGH1234AAAAwX/9vA:T2 Saved)
";
    let mailboxes = |id: &str| {
        let mails = trace(id, log);
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].hops.len(), 1, "{id}");
        let found = mails[0].recipients.iter();
        let found = found.map(|one| String::from_utf8(one.mailbox.clone().unwrap()).unwrap());
        found.collect::<Vec<String>>()
    };
    assert_eq!(mailboxes("4F1A22C0D9E"), ["INBOX", "Second"]);
    assert_eq!(mailboxes("5A1A22C0D9E"), ["Third"]);
}

/// amavis calls its tasks by process and number, and processes have the numbers of earlier ones.
#[test]
fn a_task_of_the_same_name_long_after_is_another_one() {
    let mail = |id: &str, lines: &str| {
        format!(
            "Nov 21 10:00:00 mx1 postfix/qmgr[13]: {id}: from=<a@a.example>, size=500, nrcpt=1 (queue active)\n\
             Nov 21 10:00:00 mx1 amavis[600]: (00600-04) Checking: {lines} [192.0.2.1] <a@a.example> -> <b@b.example>\n\
             Nov 21 10:00:00 mx1 amavis[600]: (00600-04) Passed CLEAN {{RelayedInbound}}, [192.0.2.1]:25 <a@a.example> -> \
             <b@b.example>, Queue-ID: {id}, mail_id: {lines}, Hits: -1, size: 500, 312 ms\n"
        )
    };
    let noise = "Nov 21 10:00:00 mx1 postfix/qmgr[13]: warning: x\n";
    for (between, hops) in [(100, 2), (10_100, 1)] {
        let first = mail("4F1A22C0D9E", "zrus7gOBBDqj");
        let second = mail("5A1A22C0D9E", "yyus7gOBBDqj");
        let log = [first, noise.repeat(between), second].concat();
        let mails = trace("4F1A22C0D9E", &log);
        assert_eq!(mails[0].hops.len(), hops, "{between}");
        let lines = mails[0].hops.iter().map(|hop| hop.entries.len());
        assert_eq!(lines.sum::<usize>(), 3 * hops);
    }
}

#[test]
fn ids_are_looked_for_within_eight_days_of_the_mail() {
    const DAY_US: i64 = 86_400 * 1_000_000;
    let reaches = |wall_us: Option<i64>, span: Option<(i64, i64)>| {
        let mut search = Search::new(vec![Term::recognise("4F1A22C0D9E")], 20);
        let line = REUSED.lines().nth(1).unwrap().as_bytes();
        let time = wall_us.map(|us| (us, String::new()));
        search.take(Entry::new(&Record::parse(line).unwrap(), line, time));
        // All may have what was asked for.
        assert!(search.reaches(&(900_000..900_001), span));
        assert!(search.end_pass());
        assert_eq!(search.wish(), Wish::Keys);
        search.reaches(&(900_000..900_001), span)
    };
    for (from, to, expected) in [
        (18, 30, true),
        (19, 30, false),
        (0, 2, true),
        (0, 1, false),
        (0, 30, true),
        (9, 11, true),
    ] {
        let span = Some((from * DAY_US, to * DAY_US));
        assert_eq!(reaches(Some(10 * DAY_US), span), expected, "{from} to {to}");
        assert!(
            reaches(None, span),
            "a line without a stamp may be of any day"
        );
    }
    assert!(reaches(Some(10 * DAY_US), None));
}

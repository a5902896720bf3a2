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

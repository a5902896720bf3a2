//! What the sections that name single mails, clients and addresses count, on lines written by hand;
//! each log is also cut in two at every place, and the parts must merge to the same.
#![cfg(test)]

mod by_hand;

use by_hand::{briefs, totals};
use mailtally::tally::totals::DetailTotals;

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

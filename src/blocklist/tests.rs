use super::*;
use crate::score::{self, By, Scores, Weights};
use crate::tally::totals::Totals;
use crate::tally::{Tally, Windows};
use mailtally_parsers::{Event, Record};

const REJECT: &str = "postfix/smtpd[1]: NOQUEUE: reject: RCPT from";
const TAIL: &str =
    "from=<s@evil.example> to=<x@example.org> proto=ESMTP helo=<x\"; drop $(id) 0.0.0.0/0>";

fn refused(address: &str) -> String {
    format!(
        "Nov 21 10:00:00 mx1 {REJECT} unknown[{address}]: 554 5.7.1 <x@example.org>: Relay access denied; {TAIL}"
    )
}

fn pregreet(address: &str) -> String {
    format!(
        "Nov 21 10:00:00 mx1 postfix/postscreen[6]: PREGREET 11 after 0.12 from [{address}]:41234: EHLO User\\r\\n"
    )
}

fn counted(lines: &[String]) -> (Ranking, Totals) {
    let mut scores = Scores::new(By::Address, true);
    let mut tally = Tally::anchored(Windows::default());
    for line in lines {
        let record = Record::parse(line.as_bytes()).unwrap();
        let event = Event::parse(&record.tag, record.message);
        tally.absorb(&record, 0, &event);
        scores.absorb(&record, 0, line.as_bytes(), &event.unwrap());
    }
    let totals = tally.finish();
    let terms = score::Terms {
        weights: &Weights::default(),
        prefixes: Prefixes::default(),
        by: None,
        lookup: None,
    };
    (score::rank(scores, &totals, terms), totals)
}

fn listed(lines: &[String], terms: Terms, allowed: &[&str]) -> Vec<String> {
    let (ranking, totals) = counted(lines);
    let mut protected = Protected::default();
    protected.add_good(&totals);
    for text in allowed {
        protected.add(Network::parse(text).unwrap());
    }
    let list = list(&ranking, &protected, terms);
    list.entries
        .iter()
        .map(|entry| entry.network.to_string())
        .collect()
}

const DEFAULT: Terms = Terms {
    min_score: None,
    networks: None,
};

fn bad(address: &str) -> Vec<String> {
    vec![refused(address), pregreet(address)]
}

#[test]
fn two_kinds_or_five_events_list_an_address() {
    let mut lines = bad("203.0.113.1");
    lines.extend([refused("203.0.113.2"), refused("203.0.113.2")]);
    lines.extend(vec![refused("203.0.113.3"); 5]);
    lines.extend(vec![refused("203.0.113.4"); 4]);
    assert_eq!(listed(&lines, DEFAULT, &[]), ["203.0.113.1", "203.0.113.3"]);
    let terms = Terms {
        min_score: Some(3),
        networks: None,
    };
    let expected = ["203.0.113.1", "203.0.113.3", "203.0.113.4"];
    assert_eq!(listed(&lines, terms, &[]), expected);
}

#[test]
fn one_unknown_recipient_is_one_event() {
    let line = format!(
        "Nov 21 10:00:00 mx1 {REJECT} unknown[203.0.113.1]: 550 5.1.1 <x@example.org>: Recipient address rejected: User unknown in local recipient table; {TAIL}"
    );
    assert_eq!(listed(&[line], DEFAULT, &[]), [""; 0]);
}

#[test]
fn nobody_of_ours_is_listed() {
    for address in ["127.0.0.1", "10.0.0.7", "169.254.1.1", "fe80::1", "fd00::7"] {
        assert_eq!(listed(&bad(address), DEFAULT, &[]), [""; 0], "{address}");
    }
    let allowed = ["203.0.113.0/28"];
    assert_eq!(listed(&bad("203.0.113.9"), DEFAULT, &allowed), [""; 0]);
}

#[test]
fn accepted_mail_and_logins_protect() {
    let mut lines = bad("203.0.113.1");
    lines.extend(vec![refused("203.0.113.1"); 50]);
    assert_eq!(listed(&lines, DEFAULT, &[]).len(), 1);
    let mut with_login = lines.clone();
    with_login.push("Nov 21 10:00:02 mx1 dovecot: imap-login: Login: user=<a@example.org>, method=PLAIN, rip=203.0.113.1, lip=192.0.2.10, mpid=7, TLS, session=<x1>".into());
    assert_eq!(listed(&with_login, DEFAULT, &[]), [""; 0]);
    for line in [
        "postfix/smtpd[2]: 4F1A22C0D9E: client=unknown[203.0.113.1]",
        "postfix/cleanup[2]: 4F1A22C0D9E: message-id=<m1@good.example>",
        "postfix/qmgr[3]: 4F1A22C0D9E: from=<a@good.example>, size=1000, nrcpt=1 (queue active)",
        "postfix/qmgr[3]: 4F1A22C0D9E: removed",
    ] {
        lines.push(format!("Nov 21 10:00:03 mx1 {line}"));
    }
    assert_eq!(listed(&lines, DEFAULT, &[]), [""; 0]);
}

#[test]
fn a_network_with_somebody_good_is_listed_piece_by_piece() {
    let terms = Terms {
        min_score: None,
        networks: Some(Prefixes::default()),
    };
    let mut lines = bad("203.0.113.1");
    lines.extend(bad("203.0.113.2"));
    lines.extend(bad("198.51.100.1"));
    let whole = ["198.51.100.1", "203.0.113.0/24"];
    assert_eq!(listed(&lines, terms, &[]), whole);
    let pieces = ["198.51.100.1", "203.0.113.1", "203.0.113.2"];
    assert_eq!(listed(&lines, terms, &["203.0.113.77"]), pieces);
}

#[test]
fn networks_are_read_as_people_write_them() {
    for (text, expected) in [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7/24", "192.0.2.0/24"),
        ("[2001:db8::7]/64", "2001:db8::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("[::ffff:127.0.0.0]/104", "127.0.0.0/8"),
    ] {
        assert_eq!(Network::parse(text).unwrap().to_string(), expected);
    }
    for wrong in ["192.0.2", "192.0.2.0/33", "x", "", "192.0.2.0/"] {
        assert!(Network::parse(wrong).is_err(), "{wrong}");
    }
    assert_eq!(parse_list("# a\n192.0.2.1 # b\n\nx\n").unwrap_err().0, 4);
}

#[test]
fn nothing_of_the_log_gets_into_a_list() {
    let (ranking, _) = counted(&[bad("203.0.113.1"), bad("2001:db8::1")].concat());
    let list = list(&ranking, &Protected::default(), DEFAULT);
    assert_eq!(list.entries.len(), 2);
    for form in Form::ALL {
        let mut out = Vec::new();
        write(&list, form, Some(60), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("203.0.113.1"), "{text}");
        for foreign in ["drop", "$(", "0.0.0.0", "evil", "User"] {
            assert!(!text.contains(foreign), "{foreign}: {text}");
        }
    }
}

#[test]
fn lists_are_in_the_words_of_their_readers() {
    let (ranking, _) = counted(&bad("203.0.113.1"));
    let list = list(&ranking, &Protected::default(), DEFAULT);
    let written = |form, expires| {
        let mut out = Vec::new();
        write(&list, form, expires, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let cidr = "# mailtally top --export postfix-cidr: 1 entries\n\
                # score 3: 1 postscreen, 1 reject\n203.0.113.1 REJECT\n";
    assert_eq!(written(Form::PostfixCidr, None), cidr);
    let csv = "duration,scope,value,type,reason\n\
               60s,ip,203.0.113.1,ban,\"mailtally: score 3: 1 postscreen, 1 reject\"\n";
    assert_eq!(written(Form::CrowdsecCsv, Some(60)), csv);
    assert_eq!(
        written(Form::Fail2ban, None),
        "set postfix banip 203.0.113.1\n"
    );
    assert!(
        written(Form::Ipset, Some(60)).contains("add mailtally4 203.0.113.1 timeout 60 -exist\n")
    );
    assert!(written(Form::Nftables, Some(60)).contains("blocked4 { 203.0.113.1 timeout 60s }\n"));
}

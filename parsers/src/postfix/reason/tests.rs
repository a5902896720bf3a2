use proptest::prelude::*;

use super::super::reply::{self, Origin};
use super::super::rule;
use super::table::{BLOCKLISTS, TABLE};
use super::*;

/// The class of a text that a server said at RCPT.
fn said(reply: &str) -> String {
    let reason =
        format!("host mx1.example.org[203.0.113.25] said: {reply} (in reply to RCPT TO command)");
    let reply = reply::parse(reason.as_bytes(), Origin::Server, b"bounced");
    classify(reason.as_bytes(), &reply, None).to_string()
}

#[test]
fn wordings_are_spelled_as_they_are_looked_for() {
    for row in TABLE {
        assert!(meaning(row.class).is_some(), "{} is no class", row.class);
        for words in row.words {
            let plain = words.strip_prefix('^').unwrap_or(words);
            assert_eq!(plain.to_ascii_lowercase(), plain, "{words} has capitals");
            let begins = plain.starts_with(|c: char| c.is_ascii_alphanumeric() || c == ':');
            assert!(begins, "{words} does not begin with a word");
            let blanks = plain.contains("  ") || plain.trim() != plain;
            assert!(!blanks, "{words} has odd blanks");
            let stars = plain.matches('*').count();
            assert!(stars == usize::from(plain.ends_with('*')), "{words}");
        }
    }
}

/// A wording that an earlier row takes away can never tell anything.
#[test]
fn no_wording_is_shadowed_by_an_earlier_row() {
    let mut shadowed = Vec::new();
    for row in TABLE {
        for words in row.words {
            let plain = words.strip_prefix('^').unwrap_or(words);
            let text = plain.replace(" .. ", " so and so ").replace('*', "");
            let found = words::find(text.as_bytes(), |other| {
                other.only == row.only || other.only == Only::Replies
            });
            let found = found.map(|found| found.class);
            if found != Some(row.class) {
                shadowed.push(format!("{words}: {found:?}, not {}", row.class));
            }
        }
    }
    assert!(shadowed.is_empty(), "{shadowed:#?}");
}

#[test]
fn every_code_has_a_class_of_the_vocabulary() {
    for first in 4..=5 {
        for subject in 0..=7 {
            for detail in 0..=60 {
                let dsn = format!("{first}.{subject}.{detail}");
                if let Some(class) = codes::of_dsn(dsn.as_bytes()) {
                    assert!(meaning(class).is_some(), "{dsn}: {class}");
                }
            }
        }
    }
    for code in 0..1_000 {
        for stage in [None, Some(reply::Stage::Rcpt), Some(reply::Stage::Greeting)] {
            if let Some(class) = codes::of_code(code, stage) {
                assert!(meaning(class).is_some(), "{code}: {class}");
            }
        }
    }
}

#[test]
fn the_fallbacks_are_classes_of_the_vocabulary() {
    use ReplyKind as Kind;
    let kinds = [
        Kind::ConnectFailed,
        Kind::ConnectionLost,
        Kind::ConnectionTimeout,
        Kind::LocalIoError,
        Kind::DnsError,
        Kind::NullMx,
        Kind::HostLookup,
        Kind::MailLoop,
        Kind::NoPrimary,
        Kind::TlsRequired,
        Kind::Requiretls,
        Kind::Smtputf8Required,
        Kind::SaslFailed,
        Kind::SizeLimit,
        Kind::EarlyReply,
        Kind::QueueFile,
        Kind::Generic,
    ];
    for kind in kinds {
        let class = usual_class(kind).unwrap();
        assert!(meaning(class).is_some(), "{class}");
    }
    for class in ["local-service-down", "suspended", "other", "policy"] {
        assert!(meaning(class).is_some(), "{class}");
    }
}

/// A refusal of a Postfix server has the same name in that server's log and in the log of the
/// client that was refused.
#[test]
fn both_sides_of_a_refusal_name_it_alike() {
    for (dsn, text) in [
        ("5.7.1", "<b@example.org>: Relay access denied"),
        (
            "5.7.1",
            "Service unavailable; Client host [192.0.2.66] blocked using zen.example; https://zen.example/q?ip=192.0.2.66",
        ),
        (
            "5.1.1",
            "<b@example.com>: Recipient address rejected: User unknown in virtual mailbox table",
        ),
        (
            "5.1.0",
            "<a@example.net>: Sender address rejected: User unknown in local recipient table",
        ),
        (
            "4.2.0",
            "<b@example.com>: Recipient address rejected: Greylisted, see http://postgrey.example/help/example.org.html",
        ),
        (
            "5.5.2",
            "<x>: Helo command rejected: need fully-qualified hostname",
        ),
        (
            "4.7.1",
            "<x.example>: Helo command rejected: Host not found",
        ),
        (
            "5.7.1",
            "<x.example>: Helo command rejected: you are not me",
        ),
        (
            "5.5.2",
            "<bad_host!name>: Helo command rejected: Invalid name",
        ),
        (
            "4.7.1",
            "Client host rejected: cannot find your reverse hostname, [192.0.2.66]",
        ),
        (
            "4.7.25",
            "Client host rejected: cannot find your hostname, [2001:db8::66]",
        ),
        (
            "4.1.8",
            "<a@x.example>: Sender address rejected: Domain not found",
        ),
        (
            "4.1.2",
            "<b@x.example>: Recipient address rejected: Domain not found",
        ),
        (
            "5.7.1",
            "<b@example.com>: Recipient address rejected: Message rejected due to: SPF fail",
        ),
        (
            "5.7.1",
            "<a@example.net>: Sender address rejected: not owned by user alice@example.com",
        ),
        (
            "5.7.1",
            "<a@example.net>: Sender address rejected: not logged in",
        ),
        (
            "5.7.1",
            "<a@example.net>: Sender address rejected: Access denied",
        ),
        (
            "5.7.1",
            "<a@example.net>: Sender address rejected: id=514 no thanks",
        ),
        (
            "4.2.0",
            "<b@example.com>: Recipient address rejected: mailbox is moving",
        ),
        (
            "4.7.0",
            "<unknown[192.0.2.66]>: Client host rejected: go away for a while",
        ),
        (
            "4.1.1",
            "<b@example.com>: Recipient address rejected: unverified address: host x.example[192.0.2.7] said: 452 4.2.2 user is over quota",
        ),
        (
            "4.3.5",
            "<b@example.com>: Recipient address rejected: Server configuration error",
        ),
        ("4.3.0", "<b@example.com>: Temporary lookup failure"),
        (
            "4.7.1",
            "<b@example.com>: Recipient address rejected: Service unavailable",
        ),
        ("5.3.4", "Message size exceeds fixed limit"),
        ("5.7.0", "Session encryption is required"),
        (
            "5.5.3",
            "<DATA>: Data command rejected: Multi-recipient bounce",
        ),
        (
            "5.5.0",
            "<b@example.com>: Recipient address rejected: Improper use of SMTP command pipelining",
        ),
        (
            "5.5.2",
            "<root>: Sender address rejected: need fully-qualified address",
        ),
        (
            "5.7.27",
            "<a@nomail.example>: Sender address rejected: Domain nomail.example does not accept mail (nullMX)",
        ),
    ] {
        let logged_there = rule::class(text.as_bytes(), Some(dsn.as_bytes())).to_string();
        let code = if dsn.starts_with('4') { 450 } else { 554 };
        assert_eq!(
            said(&format!("{code} {dsn} {text}")),
            logged_there,
            "{text}"
        );
        let name = logged_there.split(':').next().unwrap_or_default();
        assert!(meaning(name).is_some(), "{name} is not in the vocabulary");
    }
}

#[test]
fn words_begin_and_end_where_words_do() {
    for (text, class) in [
        ("550 antispam", "recipient-rejected"),
        ("550 mailbox fullness", "recipient-rejected"),
        ("550 the mailbox full", "over-quota"),
        ("550 mailbox  full!", "over-quota"),
        ("550-mailbox 550 full", "over-quota"),
        ("550-5.2.0 mailbox 550 5.2.0 full", "over-quota"),
        ("550 mailbox 1550 full", "recipient-rejected"),
        ("550 greylistings", "greylist"),
        ("550 so is the command died", "recipient-rejected"),
        ("550 unknown bob user", "recipient-rejected"),
        ("550 user bob is quite unknown here", "unknown-recipient"),
    ] {
        assert_eq!(said(text), class, "{text}");
    }
}

#[test]
fn a_blocklist_is_known_by_the_end_of_its_name() {
    assert_eq!(
        said("550 see http://www.spamhaus.org/x"),
        "dnsbl:www.spamhaus.org"
    );
    assert_eq!(said("550 see SPAMHAUS.ORG"), "dnsbl:SPAMHAUS.ORG");
    assert_eq!(
        said("550 see http://spamhaus.org.example.net/x"),
        "recipient-rejected"
    );
    assert_eq!(
        said("550 see http://example.net/spamhaus.org"),
        "recipient-rejected"
    );
    for list in BLOCKLISTS {
        assert_eq!(
            said(&format!("550 {list} says no")),
            format!("dnsbl:{list}")
        );
    }
}

proptest! {
    /// Whatever a server says, there is a class of the vocabulary.
    #[test]
    fn any_text_has_a_class(
        words in proptest::collection::vec(
            prop_oneof![
                "[ -~]{0,12}",
                Just("<".to_owned()), Just("\"".to_owned()), Just("@".to_owned()),
                Just("user".to_owned()), Just("unknown".to_owned()), Just("550-".to_owned()),
                Just("http://".to_owned()), Just("mailbox".to_owned()), Just("\u{e9}".to_owned()),
            ],
            0..20,
        ),
        separator in prop_oneof![Just(""), Just(" ")],
    ) {
        let name = said(&words.join(separator));
        let class = name.split(':').next().unwrap_or_default();
        prop_assert!(meaning(class).is_some(), "{}", name);
    }
}

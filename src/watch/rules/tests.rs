//! Each built-in rule on a log by hand: silent before its last line, raised by it.
use super::rule::builtin;
use super::testing::{World, connect, failed};

/// A rule, and lines of which the last raises it: the second of the day, and the text. Where there is
/// none the time goes on without a line.
struct Case {
    rule: &'static str,
    lines: Vec<(i64, String)>,
}

fn case(rule: &'static str, lines: impl IntoIterator<Item = (i64, String)>) -> Case {
    let lines = lines.into_iter().collect();
    Case { rule, lines }
}

/// One line that is enough.
fn one(rule: &'static str, text: &str) -> Case {
    case(rule, [(0, text.to_owned())])
}

fn reject(address: &str, recipient: &str, reply: &str) -> String {
    format!(
        "postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[{address}]: {reply}; \
         from=<a@b.example> to=<{recipient}> proto=ESMTP helo=<x.example>"
    )
}

const ADDRESS: &str = "203.0.113.9";

/// Lines that say that a password was right, let in or not.
fn found() -> impl Iterator<Item = String> {
    let session = format!(
        "user=<bob>, method=PLAIN, rip={ADDRESS}, lip=198.51.100.1, TLS, session=<QCK1i+ZSI8TAAAIK>"
    );
    [
        "Login",
        "Disconnected: Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
        "proxy(bob,198.51.100.20:143): Started proxying to 198.51.100.20 (0.021 secs)",
        "Login aborted: Internal login failure (pid=4711 id=1) (internal failure, 1/1 successful auths in 0 secs) (internal_failure)",
        "Login with referral",
    ]
    .map(|words| format!("dovecot: imap-login: {words}: {session}"))
    .into_iter()
    .chain([format!(
        "postfix/smtpd[7]: 4F1A22C0D9E: client=unknown[{ADDRESS}], sasl_method=PLAIN, sasl_username=bob"
    )])
}

fn logins() -> Vec<Case> {
    let spread = |times: std::ops::Range<i64>, step: i64| {
        times.map(move |n| (n * step, failed(ADDRESS, "bob")))
    };
    [
        case("login-brute-force", spread(0..6, 10)),
        case("login-hourly-brute-force", spread(0..4, 3_000)),
        case("login-slow-brute-force", spread(0..10, 9_000)),
        case(
            "login-honeypot",
            [(0, failed(ADDRESS, "Administrator@example.com"))],
        ),
        case(
            "password-spray",
            (0..5).map(|n| {
                (
                    n * 100,
                    failed(&format!("203.0.113.{n}"), &format!("user{n}")),
                )
            }),
        ),
        case(
            "distributed-attack-on-user",
            (0..5).map(|n| (n * 700, failed(&format!("203.0.{n}.9"), "bob"))),
        ),
    ]
    .into_iter()
    .chain(found().map(|line| {
        let failures = (0..5).map(|n| (n * 60, failed(ADDRESS, "bob")));
        case("success-after-failures", failures.chain([(600, line)]))
    }))
    .collect()
}

fn smtp() -> Vec<Case> {
    let unknown = "550 5.1.1 <x@example.com>: Recipient address rejected: User unknown in \
                   virtual mailbox table";
    let relay = "554 5.7.1 <x@elsewhere.example>: Relay access denied";
    let listed = "554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using \
                  zen.dnsbl.example";
    vec![
        case(
            "relay-probe",
            (0..2).map(|n| (n * 500, reject(ADDRESS, "x@elsewhere.example", relay))),
        ),
        case(
            "recipient-dictionary-attack",
            (0..10).map(|n| {
                (
                    n * 50,
                    reject(ADDRESS, &format!("user{n}@example.com"), unknown),
                )
            }),
        ),
        case(
            "helo-rejected",
            [
                (
                    0,
                    reject(
                        ADDRESS,
                        "x@example.com",
                        "504 5.5.2 <x>: Helo command rejected: need fully-qualified hostname",
                    ),
                ),
                (
                    500,
                    reject(
                        ADDRESS,
                        "x@example.com",
                        "554 5.7.1 <x>: Helo command rejected: Access denied",
                    ),
                ),
            ],
        ),
        case(
            "listed-client",
            (0..10).map(|n| (n * 350, reject(ADDRESS, "x@example.com", listed))),
        ),
        one(
            "pregreet",
            r"postfix/postscreen[7]: PREGREET 11 after 0.12 from [203.0.113.9]:41234: EHLO User\r\n",
        ),
        one(
            "no-smtp-client",
            "postfix/smtpd[7]: warning: non-SMTP command from unknown[203.0.113.9]: GET / HTTP/1.1",
        ),
    ]
}

fn system() -> Vec<Case> {
    let start = "postfix/master[7]: daemon started -- version 3.8.6, configuration /etc/postfix";
    let throttled =
        "postfix/master[7]: warning: /usr/libexec/postfix/smtpd: bad command startup -- throttling";
    let milter = "postfix/smtpd[7]: warning: connect to Milter service unix:/run/rspamd.sock: No such file or directory";
    let failed = "dovecot: lmtp(bob)<5><QCK1i+ZSI8TAAAIK>: msgid=<m1@example.org>: save failed to INBOX: Internal error occurred";
    let times = |count: i64, step: i64, text: &str| {
        let text = text.to_owned();
        (0..count).map(move |n| (n * step, text.clone()))
    };
    vec![
        one(
            "fatal-error",
            "postfix/smtpd[7]: panic: myfree: corrupt or unallocated memory block",
        ),
        one(
            "lost-lines",
            "rsyslogd: imuxsock lost 42 messages from pid 4711 due to rate-limiting",
        ),
        case("restart-loop", times(3, 200, start)),
        one(
            "disk-full",
            "postfix/smtpd[7]: warning: not enough free space in mail queue: 10 bytes < 1.5*message size limit",
        ),
        one(
            "disk-full",
            "postfix/cleanup[7]: warning: 4F1A22C0D9E: write queue file: No space left on device",
        ),
        one(
            "disk-full",
            "dovecot: lmtp(bob)<5><QCK1i+ZSI8TAAAIK>: msgid=<m1@example.org>: save failed to INBOX: write() failed: No space left on device",
        ),
        one(
            "process-limit",
            "postfix/master[7]: warning: service \"smtp\" (25) has reached its process limit \"100\": new clients may experience noticeable delays",
        ),
        one(
            "process-limit",
            "dovecot: master: Warning: service(imap-login): process_limit (100) reached, client connections are being dropped",
        ),
        case("crash-loop", times(3, 200, throttled)),
        one(
            "process-killed",
            "postfix/master[7]: warning: process /usr/libexec/postfix/smtpd pid 4711 killed by signal 11",
        ),
        one(
            "queue-damage",
            "postfix/qmgr[7]: warning: saving corrupt file \"4F1A22C0D9E\" from queue \"active\" to queue \"corrupt\"",
        ),
        one(
            "queue-damage",
            "postfix/cleanup[7]: warning: mail_queue_enter: create file incoming/15600.1234: Permission denied",
        ),
        one(
            "table-problem",
            "postfix/smtpd[7]: error: open /etc/postfix/access.cidr: No such file or directory",
        ),
        one(
            "own-certificate",
            "postfix/smtpd[7]: warning: cannot get RSA certificate from file \"/etc/postfix/cert.pem\": disabling TLS support",
        ),
        one(
            "own-certificate",
            "dovecot: imap-login: Error: Failed to initialize SSL server context: Can't load SSL certificate (ssl_cert setting): certificate has expired",
        ),
        case("filter-down", times(3, 200, milter)),
        case(
            "dns-failing",
            times(
                2,
                200,
                "postfix/smtpd[7]: warning: example.net: address or MX lookup error: Host not found, try again",
            ),
        ),
        one(
            "over-quota",
            "dovecot: lmtp(bob)<5><QCK1i+ZSI8TAAAIK>: msgid=<m1@example.org>: save failed to INBOX: Quota exceeded (mailbox for user is full)",
        ),
        one(
            "connection-limit",
            "dovecot: imap-login: Login aborted: Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10) (connection limit reached, 1/1 successful auths in 0 secs) (connection_limit): user=<alice>, rip=192.0.2.66, lip=198.51.100.1, session=<QCK1i+ZSI8TAAAIK>",
        ),
        case("mailbox-delivery-failing", times(5, 600, failed)),
    ]
}

const DAY: i64 = 86_400;

fn sent_by(second: i64, id: i64, client: &str) -> (i64, String) {
    let text = format!(
        "postfix/smtpd[7]: {id:010X}: client=unknown[{client}], sasl_method=PLAIN, sasl_username=bob"
    );
    (second, text)
}

fn active(id: i64, sender: &str, recipients: i64) -> String {
    format!(
        "postfix/qmgr[7]: {id:010X}: from=<{sender}>, size=100, nrcpt={recipients} (queue active)"
    )
}

fn delivery(id: i64, recipient: &str, rest: &str) -> String {
    format!(
        "postfix/smtp[7]: {id:010X}: to=<{recipient}>, relay=mx1.example.org[198.51.100.25]:25, \
         delay=1, delays=0/0/0/1, {rest}"
    )
}

const SENT: &str = "dsn=2.0.0, status=sent (250 2.0.0 Ok)";
const DEFERRED: &str = "dsn=4.2.0, status=deferred (host mx1.example.org[198.51.100.25] said: 450 4.2.0 later (in reply to RCPT TO command))";
const BOUNCED: &str = "dsn=5.1.1, status=bounced (host mx1.example.org[198.51.100.25] said: 550 5.1.1 no such user (in reply to RCPT TO command))";

fn login(user: &str, address: &str) -> String {
    format!(
        "dovecot: imap-login: Login: user=<{user}>, method=PLAIN, rip={address}, \
         lip=198.51.100.1, mpid=4711, TLS, session=<QCK1i+ZSI8TAAAIK>"
    )
}

fn turns() -> Vec<Case> {
    vec![
        case(
            "login-evasive-brute-force",
            (0..4).map(|n| (n * 1_500, failed(ADDRESS, "bob"))),
        ),
        case(
            "login-network-brute-force",
            (0..24).map(|n| (n * 3_000, failed(&format!("203.0.113.{}", n % 8), &format!("user{}", n % 8)))),
        ),
        case(
            "login-from-many-networks",
            (0..5).map(|n| (n * 600, login("bob", &format!("203.{n}.113.9")))),
        ),
        case(
            "new-forward",
            [(0, "alice"), (2 * DAY, "alice"), (4 * DAY, "eve")].map(|(at, to)| {
                (at, format!("dovecot: lmtp(bob)<5001><EBESExQVFhcYGRobHB0eHw>: sieve: msgid=<m3@example.org>: forwarded to <{to}@example.net>"))
            }),
        ),
    ]
}

fn accounts() -> Vec<Case> {
    let many = |first: i64, at: i64, networks: i64| {
        (0..91).map(move |n| {
            sent_by(
                at + n * 30,
                first + n,
                &format!("203.{}.113.9", n % networks),
            )
        })
    };
    let before = (0..5).map(|day| sent_by(day * DAY, day + 1, "198.51.100.9"));
    // Twelve mails in an hour of the morning and one of the evening, ten days long; then sixty.
    let habit = (0..240).map(|n| {
        let hour = n / 12;
        sent_by(hour * DAY / 2 + n % 12 * 60, n, "198.51.100.9")
    });
    let beyond = (0..60).map(|n| sent_by(10 * DAY + n * 30, 300 + n, "203.0.113.9"));
    let to_many = [
        sent_by(0, 1, "198.51.100.9"),
        (1, active(1, "bob@example.com", 101)),
        // It waits, and is taken up again: those are no further recipients.
        (2, active(1, "bob@example.com", 101)),
    ];
    let undelivered = (0..20).map(|n| {
        let rest = if n < 15 { SENT } else { DEFERRED };
        (10 + n, delivery(1, &format!("user{n}@example.org"), rest))
    });
    vec![
        case("account-takeover", many(1, 0, 5)),
        case("account-takeover", before.chain(many(10, 5 * DAY, 1))),
        case("account-takeover", habit.chain(beyond)),
        case("account-takeover", to_many.into_iter().chain(undelivered)),
    ]
}

fn outbound() -> Vec<Case> {
    let rate = || {
        (0..50).map(|n| {
            let rest = if n % 5 == 4 { BOUNCED } else { SENT };
            (n * 400, delivery(1, &format!("user{n}@example.org"), rest))
        })
    };
    let half = (0..50).map(|n| {
        let rest = if n % 2 == 1 { BOUNCED } else { SENT };
        (n * 400, delivery(1, &format!("user{n}@example.org"), rest))
    });
    let blocked = "dsn=5.7.1, status=bounced (host mx1.example.org[198.51.100.25] said: 550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3140). (in reply to MAIL FROM command))";
    let tls = |trust: &str| {
        format!(
            "postfix/smtp[7]: {trust} TLS connection established to mx1.example.org[198.51.100.25]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)"
        )
    };
    let thrice = |trust: &str| (0..3).map(|n| (n * DAY, tls(trust))).collect::<Vec<_>>();
    let required = "postfix/smtp[7]: 4F1A22C0D9E: to=<carol@example.org>, relay=none, delay=1, delays=0/0/1/0, dsn=4.7.4, status=deferred (TLS is required, but was not offered by host mx1.example.org[198.51.100.25])";
    let plain = delivery(1, "x@example.org", &format!("tls=may:none, {SENT}"));
    let notices = (0..21).flat_map(|n| {
        let at = n * 100;
        [
            (
                at,
                format!("postfix/smtpd[7]: {n:010X}: client=mx.example.net[203.0.113.7]"),
            ),
            (at, active(n, "", 1)),
            (at, delivery(n, "bob@example.com", SENT)),
        ]
    });
    let refused = (0..21).map(|n| {
        (
            n * 100,
            reject(
                "203.0.113.7",
                "bob@example.com",
                "550 5.1.1 <bob@example.com>: Recipient address rejected: User unknown",
            )
            .replace("from=<a@b.example>", "from=<>"),
        )
    });
    vec![
        case("bounce-rate", half),
        case("provider-bounce-rate", rate()),
        one(
            "blocked-by-provider",
            &delivery(1, "x@example.org", blocked),
        ),
        case(
            "tls-downgrade",
            thrice("Untrusted").into_iter().chain([(3 * DAY, plain)]),
        ),
        case(
            "tls-trust-lost",
            thrice("Verified")
                .into_iter()
                .chain([(3 * DAY, tls("Untrusted"))]),
        ),
        one("tls-policy-failure", required),
        case("backscatter", notices),
        case("backscatter", refused),
    ]
}

/// Two weeks and a day, each so many seconds a line, then what is different.
fn usual(
    step: i64,
    text: &str,
    then: impl IntoIterator<Item = (i64, String)>,
) -> Vec<(i64, String)> {
    let usual = (0..15 * DAY / step).map(|n| (n * step, text.to_owned()));
    usual.chain(then).collect()
}

fn baselines() -> Vec<Case> {
    let end = 15 * DAY;
    let nothing = |at: i64| [(at - 1, String::new()), (at, String::new())];
    let received = "postfix/smtpd[7]: 4F1A22C0D9E: client=mx.example.net[203.0.113.7]";
    let sent = delivery(1, "x@example.org", SENT);
    let put_off = delivery(1, "x@example.org", DEFERRED);
    let given_back = "postfix-out/smtpd[7]: 4F1A22C0D9F: client=mx1.example.org[192.0.2.10], \
                      orig_queue_id=4F1A22C0D9E, orig_client=mx.example.net[203.0.113.7]";
    let refused = reject(
        ADDRESS,
        "x@example.com",
        "554 5.7.1 <x@example.com>: Access denied",
    );
    let times = |count: i64, text: &str| {
        let text = text.to_owned();
        (0..count).map(move |n| (end + 400 + n, text.clone()))
    };
    let waiting = put_off.replace("delay=1,", "delay=15000,");
    let beside = || (0..25).map(|n| (end + 300 + n, sent.clone()));
    let put_off_more = usual(3_600, &put_off, beside().chain(times(20, &put_off)));
    let others = |step: i64, text: &str| {
        let text = text.to_owned();
        (1..30).map(move |n| (end - 1_800 + n * step, text.clone()))
    };
    let v6 = connect("2001:db8::9");
    // The last line of the usual is half an hour before the end.
    let gone_on = |text: &str, at: i64| {
        others(60, text)
            .chain(others(61, text))
            .chain(nothing(at))
            .collect::<Vec<_>>()
    };
    vec![
        case("log-gap", usual(1_800, received, nothing(end + 3_600))),
        case(
            "no-mail-received",
            usual(
                1_800,
                received,
                gone_on(&login("bob", ADDRESS), end + 3_600),
            ),
        ),
        // What a filter of this machine gives back does not break a silence.
        case(
            "no-mail-received",
            usual(
                1_800,
                received,
                others(60, given_back)
                    .chain(others(61, given_back))
                    .chain(nothing(end + 3_600)),
            ),
        ),
        case(
            "no-mail-delivered",
            usual(1_800, &sent, gone_on(&login("bob", ADDRESS), end + 3_600)),
        ),
        case(
            "ipv6-silence",
            usual(
                1_800,
                &v6,
                others(60, &connect(ADDRESS)).chain(nothing(end + 5_400)),
            ),
        ),
        case("reject-spike", usual(3_600, &refused, times(50, &refused))),
        case(
            "address-reject-spike",
            usual(3_600, &refused, times(30, &refused)),
        ),
        case(
            "queue-age",
            usual(3_600, &waiting, beside().chain(times(30, &waiting))),
        ),
        case("queue-age", times(30, &waiting)),
        case("volume-spike", usual(3_600, received, times(100, received))),
        case(
            "recipient-domain-spike",
            usual(3_600, &sent, times(100, &sent)),
        ),
        case(
            "deferral-spike",
            usual(3_600, &put_off, times(20, &put_off)),
        ),
        case("deferral-spike", put_off_more),
        case("deferral-spike", times(20, &put_off)),
        case(
            "unparsed-lines",
            (0..500).map(|n| {
                let text = if n % 50 == 0 {
                    "postfix/qmgr[7]: garbage that nobody knows"
                } else {
                    received
                };
                (n * 2, text.to_owned())
            }),
        ),
    ]
}

fn cases() -> Vec<Case> {
    let cases = [
        logins(),
        turns(),
        accounts(),
        smtp(),
        outbound(),
        system(),
        baselines(),
    ];
    cases.into_iter().flatten().collect()
}

#[test]
fn each_rule_is_raised_at_its_threshold_and_silent_one_below() {
    for Case { rule, lines } in cases() {
        let mut world = match rule {
            "login-network-brute-force" => {
                World::with(&format!("[[rule]]\nname = '{rule}'\nenabled = true"))
            }
            _ => World::new(),
        };
        let (last, before) = lines.split_last().unwrap();
        for (second, text) in before {
            world.line(*second, text);
        }
        let said = world.said(rule);
        assert_eq!(said, [], "{rule} before its last line");
        world.line(last.0, &last.1);
        assert_eq!(
            world.said(rule).len(),
            1,
            "{rule} at its last line: {}",
            last.1
        );
    }
}

#[test]
fn there_is_a_case_for_each_rule() {
    let cases = cases();
    for rule in builtin().unwrap().list {
        assert!(
            cases.iter().any(|case| case.rule == rule.name),
            "{}",
            rule.name
        );
    }
}

/// As many lines as raise the two rules, but of mail that waits for less than four hours, and of
/// refusals for now.
#[test]
fn young_mail_and_greylisted_addresses_are_usual() {
    let young = delivery(1, "x@example.org", DEFERRED).replace("delay=1,", "delay=14399,");
    let later = reject(
        ADDRESS,
        "x@example.com",
        "450 4.2.0 <x@example.com>: Recipient address rejected: Greylisted",
    );
    let mut world = World::new();
    for (second, text) in usual(3_600, &later, []) {
        world.line(second, &text);
    }
    for n in 0..100 {
        world.line(15 * DAY + n, &later);
        world.line(15 * DAY + n, &young);
    }
    let raised: Vec<&str> = world.alerts.iter().map(|one| one.rule.as_str()).collect();
    assert!(raised.contains(&"deferral-spike"), "{raised:?}");
    assert!(!raised.contains(&"queue-age"), "{raised:?}");
    assert!(!raised.contains(&"address-reject-spike"), "{raised:?}");
}

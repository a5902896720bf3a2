//! Each built-in rule on a log by hand: silent before its last line, raised by it.
use super::rule::builtin;
use super::testing::{World, failed};

/// A rule, and lines of which the last raises it: the second of the day, and the text.
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

fn logins() -> Vec<Case> {
    let tries = |seconds: Vec<i64>| seconds.into_iter().map(|at| (at, failed(ADDRESS, "bob")));
    let spread = |range: std::ops::Range<i64>, step: i64| tries(range.map(|n| n * step).collect());
    vec![
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
        case(
            "success-after-failures",
            (0..5).map(|n| (n * 60, failed(ADDRESS, "bob"))).chain([(
                600,
                format!(
                    "postfix/smtpd[7]: 4F1A22C0D9E: client=unknown[{ADDRESS}], \
                     sasl_method=PLAIN, sasl_username=bob"
                ),
            )]),
        ),
    ]
}

fn smtp() -> Vec<Case> {
    let unknown = "550 5.1.1 <x@example.com>: Recipient address rejected: User unknown in \
                   virtual mailbox table";
    let relay = "554 5.7.1 <x@elsewhere.example>: Relay access denied";
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
        one(
            "listed-client",
            &reject(
                ADDRESS,
                "x@example.com",
                "554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using zen.dnsbl.example",
            ),
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

fn cases() -> Vec<Case> {
    [logins(), smtp(), system()].into_iter().flatten().collect()
}

#[test]
fn each_rule_is_raised_at_its_threshold_and_silent_one_below() {
    for Case { rule, lines } in cases() {
        let mut world = World::new();
        let (last, before) = lines.split_last().unwrap();
        for (second, text) in before {
            world.line(*second, text);
        }
        assert_eq!(world.said(rule), [], "{rule} before its last line");
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
    for rule in builtin().unwrap() {
        assert!(
            cases.iter().any(|case| case.rule == rule.name),
            "{}",
            rule.name
        );
    }
}

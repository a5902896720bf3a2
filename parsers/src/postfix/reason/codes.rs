//! What a reply's codes tell where its words tell nothing.

use super::super::reply::Stage;

/// Tells the class of an enhanced status code (RFC 3463, 5248, 7372, 7505); the codes that only
/// say "other" tell none.
pub(super) fn of_dsn(dsn: &[u8]) -> Option<&'static str> {
    let detail = dsn.get(2..)?;
    DSN.iter()
        .find(|(code, _)| code.as_bytes() == detail)
        .map(|(_, class)| *class)
}

/// The enhanced status codes, the first digit left out.
const DSN: &[(&str, &str)] = &[
    ("1.1", "unknown-recipient"),
    ("1.2", "recipient-domain-not-found"),
    ("1.3", "bad-address"),
    ("1.4", "unknown-recipient"),
    ("1.6", "recipient-moved"),
    ("1.7", "bad-address"),
    ("1.8", "sender-domain-not-found"),
    ("1.10", "null-mx"),
    ("2.1", "recipient-disabled"),
    ("2.2", "over-quota"),
    ("2.3", "size"),
    ("3.1", "system-full"),
    ("3.2", "service-unavailable"),
    ("3.3", "protocol-error"),
    ("3.4", "size"),
    ("3.5", "server-error"),
    ("4.1", "connection-timeout"),
    ("4.2", "connection-lost"),
    ("4.3", "dns-failure"),
    ("4.4", "dns-not-found"),
    ("4.5", "rate-limited"),
    ("4.6", "loop"),
    ("4.7", "expired"),
    ("5.1", "protocol-error"),
    ("5.2", "protocol-error"),
    ("5.3", "too-many-recipients"),
    ("5.4", "protocol-error"),
    ("5.5", "protocol-error"),
    ("6.1", "content-rejected"),
    ("6.2", "content-rejected"),
    ("6.3", "content-rejected"),
    ("6.7", "smtputf8"),
    ("6.8", "smtputf8"),
    ("7.2", "policy"),
    ("7.4", "tls-required"),
    ("7.5", "tls-failure"),
    ("7.8", "auth-failed"),
    ("7.9", "auth-failed"),
    ("7.10", "tls-required"),
    ("7.11", "tls-required"),
    ("7.20", "dkim"),
    ("7.21", "dkim"),
    ("7.22", "dkim"),
    ("7.23", "spf"),
    ("7.24", "spf"),
    ("7.25", "no-reverse-dns"),
    ("7.26", "dmarc"),
    ("7.27", "null-mx"),
    ("7.28", "rate-limited"),
    ("7.30", "tls-required"),
];

/// Tells the class of a reply code by the stage at which it came.
pub(super) fn of_code(code: u32, stage: Option<Stage>) -> Option<&'static str> {
    Some(match (code, stage) {
        (421, _) => "service-unavailable",
        (450, Some(Stage::Rcpt)) => "mailbox-unavailable",
        (451 | 454, _) => "server-error",
        (452, _) => "system-full",
        (530, _) => "auth-required",
        (534 | 535 | 538, _) => "auth-failed",
        (500..=504 | 555, _) => "protocol-error",
        (551, _) => "recipient-moved",
        (552, Some(Stage::Rcpt)) => "over-quota",
        (552, _) => "size",
        (553, _) => "bad-address",
        (521 | 556, _) => "null-mx",
        (400..=499, _) => "service-unavailable",
        (500..=599, stage) => refused_at(stage?)?,
        _ => return None,
    })
}

/// Tells what was refused for good where nothing but the stage says so.
fn refused_at(stage: Stage) -> Option<&'static str> {
    Some(match stage {
        Stage::Connect | Stage::Greeting => "client-rejected",
        Stage::Helo => "helo-rejected",
        Stage::Mail => "sender-rejected",
        Stage::Rcpt => "recipient-rejected",
        Stage::Data | Stage::Body | Stage::EndOfData => "content-rejected",
        Stage::Starttls => "tls-failure",
        Stage::Auth => "auth-failed",
        Stage::Xforward | Stage::Rset | Stage::Quit => return None,
    })
}

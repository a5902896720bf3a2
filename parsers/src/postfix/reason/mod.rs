//! Why a delivery failed, in one word: the canonical class of a reason text.
//!
//! Many thousand wordings say some seventy things. [`classify`] names the thing, by the first of
//! these that tells:
//!
//! 1. the site's own words ([`site`]);
//! 2. for our smtp client's own texts, their kind (`connect to …: Connection refused`);
//! 3. for a Postfix server's stock texts in their place behind the refused name, the class that
//!    server's own log has for them ([`rule::class`]): both sides of a refusal
//!    count under one name;
//! 4. the words of the text, by the table in `table.rs`;
//! 5. the enhanced status code, then what was refused, then the reply code and its stage.
//!
//! The names are those of [`CLASSES`]. Nothing here decides whether a delivery failed, and no
//! class tells for how long: that is the status and the reply's first digit.
//!
//! Careful: reasons are written by strangers, and quote strangers. Words count only outside of
//! addresses, domain names, URLs and brackets, so that no recipient named `mailbox.full` fills a
//! mailbox.

mod codes;
mod names;
mod read;
mod status;
mod table;
mod words;

pub use names::{CLASSES, meaning};
pub use status::status_meaning;
pub use words::public_blocklist;

use self::table::Only;
use super::reply::{Reply, ReplyKind, without_codes};
use super::rule::{self, Class};
use super::site;
use crate::address::is_loopback;
use crate::scan::split_once;

/// Names why a delivery failed, by its reason text, the reply in it, and the line's own enhanced
/// status code.
///
/// `detail` of the class is the blocklist's domain, for `dnsbl`.
pub fn classify<'a>(reason: &[u8], reply: &Reply<'a>, dsn: Option<&[u8]>) -> Class<'a> {
    match site::reason(reason) {
        Some(name) => named(name),
        None => built_in(reply, dsn),
    }
}

fn built_in<'a>(reply: &Reply<'a>, dsn: Option<&[u8]>) -> Class<'a> {
    // A suspension repeats an earlier reason.
    let kind = match reply.kind {
        ReplyKind::Suspended => reply.earlier.unwrap_or(ReplyKind::Suspended),
        kind => kind,
    };
    if let Some(usual) = usual_class(kind) {
        return named(own_text(kind, reply, usual));
    }
    stranger(kind, reply, dsn)
}

/// Tells the class of texts that need no look at their words, where no words say otherwise; `None`
/// for texts of servers and agents.
fn usual_class(kind: ReplyKind) -> Option<&'static str> {
    Some(match kind {
        ReplyKind::ConnectFailed => "connection-failed",
        ReplyKind::ConnectionLost => "connection-lost",
        ReplyKind::ConnectionTimeout => "connection-timeout",
        ReplyKind::LocalIoError | ReplyKind::QueueFile | ReplyKind::Generic => "local-error",
        ReplyKind::DnsError | ReplyKind::NoPrimary => "dns-failure",
        ReplyKind::NullMx => "null-mx",
        ReplyKind::HostLookup => "dns-not-found",
        ReplyKind::MailLoop => "loop",
        ReplyKind::TlsRequired => "tls-failure",
        ReplyKind::Requiretls => "tls-required",
        ReplyKind::Smtputf8Required => "smtputf8",
        ReplyKind::SaslFailed => "auth-failed",
        ReplyKind::SizeLimit => "size",
        ReplyKind::EarlyReply => "protocol-error",
        _ => return None,
    })
}

/// Names the reason of one of our smtp client's own texts.
fn own_text(kind: ReplyKind, reply: &Reply<'_>, usual: &'static str) -> &'static str {
    // A filter or mailbox server of this machine: no remote host's fault.
    let is_here = |address: &[u8]| is_loopback(address) || address.starts_with(b"/");
    let is_socket = |address: &[u8]| address.starts_with(b"private/");
    let at_home = reply
        .address
        .is_some_and(|address| is_here(address) || is_socket(address));
    if kind == ReplyKind::ConnectFailed && at_home {
        return "local-service-down";
    }
    // What the server answered to STARTTLS stands in the text: the frame alone tells.
    if kind == ReplyKind::TlsRequired && reply.code.is_some() {
        return "tls-required";
    }
    words::find(reply.text, |row| row.only == Only::Kind(kind)).map_or(usual, |found| found.class)
}

/// Names the reason in the words of a server or a delivery agent.
fn stranger<'a>(kind: ReplyKind, reply: &Reply<'a>, dsn: Option<&[u8]>) -> Class<'a> {
    let said = without_codes(reply.text);
    let rule::Wording { about, text, .. } = rule::wording(said);
    let stock = rule::stock_class(about, text);
    if let Some(class) = stock.filter(|class| !about.is_empty() && !is_vague(class)) {
        return named(class);
    }
    let dsn = reply.dsn.or_else(|| qmail_code(said)).or(dsn);
    if let Some(class) = by_words(text, reply, dsn) {
        return class;
    }
    let class = stock
        .or_else(|| dsn.and_then(codes::of_dsn))
        .or_else(|| (!about.is_empty()).then(|| rule::class_of_subject(about)))
        .or_else(|| dsn.filter(|dsn| is_policy(dsn)).map(|_| "policy"))
        .or_else(|| codes::of_code(reply.code?, reply.stage))
        .unwrap_or(match kind {
            ReplyKind::ProtocolError => "protocol-error",
            ReplyKind::Suspended => "suspended",
            _ => "other",
        });
    named(class)
}

/// Names the reason by the table.
fn by_words<'a>(text: &'a [u8], reply: &Reply<'_>, dsn: Option<&[u8]>) -> Option<Class<'a>> {
    let digit = reply.class().or_else(|| match dsn?.first()? {
        b'4' => Some(4),
        b'5' => Some(5),
        _ => None,
    });
    let found = words::find(text, |row| match row.only {
        Only::Replies => true,
        Only::Temporary => digit == Some(4),
        Only::Permanent => digit == Some(5),
        Only::Dsn(wanted) => dsn.and_then(|dsn| dsn.get(2..)) == Some(wanted.as_bytes()),
        Only::Kind(_) => false,
    })?;
    if found.class != "dnsbl" {
        return Some(named(found.class));
    }
    let detail = rule::blocklist(text).or(found.blocklist);
    Some(Class {
        name: "dnsbl",
        detail,
    })
}

/// Names the class of a policy server's words about a client of ours; `None` for all that
/// [`rule::class`] does not tell by words.
pub(super) fn of_policy(text: &[u8]) -> Option<&'static str> {
    const CLASSES: [&str; 4] = ["greylist", "spf", "dmarc", "over-quota"];
    words::find(text, |row| CLASSES.contains(&row.class)).map(|found| found.class)
}

/// Stock texts that say so little that further words, where there are any, say more.
fn is_vague(class: &str) -> bool {
    matches!(
        class,
        "service-unavailable" | "access-denied" | "server-error"
    )
}

fn is_policy(dsn: &[u8]) -> bool {
    matches!(dsn.get(2..), Some(b"7.0" | b"7.1"))
}

/// Finds the code that qmail writes at the end: `sorry, no mailbox here by that name. (#5.1.1)`.
fn qmail_code(text: &[u8]) -> Option<&[u8]> {
    let (_, rest) = split_once(text, b"(#")?;
    let end = rest
        .iter()
        .position(|byte| !byte.is_ascii_digit() && *byte != b'.')?;
    let code = rest.get(..end)?;
    let is_code = matches!(code.first(), Some(b'4' | b'5')) && code.get(1) == Some(&b'.');
    is_code.then_some(code)
}

const fn named(name: &'static str) -> Class<'static> {
    Class { name, detail: None }
}

#[cfg(test)]
mod tests;

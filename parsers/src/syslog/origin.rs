//! What follows the stamp: the host and the tag with its process id, or Dovecot's own prefix.

use super::repeat::notice;
use crate::scan::{find_either, find_iter, near_number, to_number};
use crate::{Record, Timestamp};

/// The severity words that every line of Dovecot's own log file has behind its prefix.
const DOVECOT_SEVERITIES: [&[u8]; 6] = [
    b"Info: ",
    b"Warning: ",
    b"Error: ",
    b"Debug: ",
    b"Fatal: ",
    b"Panic: ",
];

/// Parses `{host} {tag}[{pid}]: {message}`, from behind the stamp and its blank.
///
/// Also: `{host} {tag}: {message}` (Dovecot has no process id), `{tag}[{pid}]: {message}` without a
/// host, `{host} mail.info {tag}…` (BusyBox), `…: [ID 197553 mail.info] {message}` (Solaris),
/// `{host} last message repeated 2 times` (taken as logged by `syslogd`), and Dovecot's own log
/// file, which has neither host nor tag: `imap-login: Info: {text}`; its message keeps the prefix;
/// `INFO    {tag}[{pid}]: {message}`, a severity in the host's place (rsyslog in containers).
/// A stamped line of any other shape has the empty tag: it is another program's.
pub(super) fn parse(timestamp: Timestamp, text: &[u8]) -> Option<Record<'_>> {
    let (host, rest) = split_word(text)?;
    if is_severity(host)
        && let Some(logged) = tagged(rest.trim_ascii_start())
    {
        return Some(logged.record(timestamp, b""));
    }
    if looks_like_a_tag(host)
        && let Some(record) = without_host(timestamp, text)
    {
        return Some(record);
    }
    if host == b"last" && notice(text).is_some() {
        return Some(Record::from_parts(timestamp, b"", b"", None, text));
    }
    if let Some(logged) = tagged(rest) {
        return Some(logged.record(timestamp, host));
    }
    Some(odd(timestamp, host, rest))
}

/// Takes a host off that no reader could take for a tag or a priority.
pub(super) fn plain_host(text: &[u8]) -> Option<(&[u8], &[u8])> {
    split_word(text).filter(|(host, _)| {
        !looks_like_a_tag(host) && !host.starts_with(b"<") && !is_severity(host)
    })
}

/// Tag, process id and message.
pub(super) struct Logged<'a> {
    pub(super) tag: &'a [u8],
    pub(super) pid: Option<u32>,
    pub(super) message: &'a [u8],
}

impl<'a> Logged<'a> {
    fn record(self, timestamp: Timestamp, host: &'a [u8]) -> Record<'a> {
        Record::from_parts(timestamp, host, self.tag, self.pid, self.message)
    }
}

/// Reads `{tag}[{pid}]: {message}` or `{tag}: {message}`.
///
/// The tag may hold colons (`postfix/127.0.0.1:10025/smtpd`), but neither a blank nor a bracket.
#[inline(always)]
pub(super) fn tagged(text: &[u8]) -> Option<Logged<'_>> {
    let (head, rest) = text.split_at_checked(find_either(text, b'[', b' ')?)?;
    let (tag, pid, rest) = match rest.strip_prefix(b"[") {
        Some(inside) => {
            let (pid, rest) = process_id(inside)?;
            (head, pid, rest.strip_prefix(b":").unwrap_or(rest))
        }
        None => (head.strip_suffix(b":")?, None, rest),
    };
    let message = rest.strip_prefix(b" ").unwrap_or(rest);
    let message = match message {
        [b'[', ..] => without_solaris_id(message),
        _ => message,
    };
    (!tag.is_empty()).then_some(Logged { tag, pid, message })
}

/// Reads a process id and the bracket that closes it; one that is no number is left out.
#[inline(always)]
fn process_id(inside: &[u8]) -> Option<(Option<u32>, &[u8])> {
    if let Some(([b']', behind @ ..], pid)) = near_number(inside) {
        return Some((u32::try_from(pid).ok(), behind));
    }
    let end = find_either(inside, b']', b' ').filter(|end| *end < 16)?;
    let (digits, rest) = inside.split_at_checked(end)?;
    let pid = to_number(digits).and_then(|pid| u32::try_from(pid).ok());
    Some((pid, rest.strip_prefix(b"]")?))
}

/// Drops Solaris's `[ID 197553 mail.info] `.
#[cold]
fn without_solaris_id(message: &[u8]) -> &[u8] {
    let Some(inside) = message.strip_prefix(b"[ID ") else {
        return message;
    };
    let after = || {
        let (number, rest) = split_word(inside)?;
        to_number(number)?;
        let (_priority, rest) = split_word(rest).filter(|(word, _)| word.ends_with(b"]"))?;
        Some(rest)
    };
    after().unwrap_or(message)
}

/// Tells whether a severity stands in the host's place, padded with blanks: `INFO    postfix/…`, a
/// template of rsyslog that is common in containers.
fn is_severity(word: &[u8]) -> bool {
    let severities: [&[u8]; 9] = [
        b"INFO", b"NOTICE", b"WARNING", b"WARN", b"ERROR", b"ERR", b"CRIT", b"DEBUG", b"ALERT",
    ];
    severities.contains(&word)
}

fn looks_like_a_tag(word: &[u8]) -> bool {
    word.ends_with(b":") || memchr::memchr(b'(', word).is_some()
}

/// Parses what follows the stamp where no host stands there.
#[cold]
fn without_host(timestamp: Timestamp, text: &[u8]) -> Option<Record<'_>> {
    let (word, _) = split_word(text)?;
    let is_syslog_tag = word.ends_with(b"]:") || word == b"dovecot:";
    if !is_syslog_tag && is_dovecot_own(text) {
        return Some(Record::from_parts(timestamp, b"", b"dovecot", None, text));
    }
    let logged = tagged(text).filter(|_| word.ends_with(b":"))?;
    Some(logged.record(timestamp, b""))
}

/// Tells whether a severity word follows one of the first colons.
///
/// Not always the first: Dovecot 2.4 logs `auth-worker(user)<1234><AbCd>: request [12]: Info: …`,
/// and a user name may hold anything.
fn is_dovecot_own(text: &[u8]) -> bool {
    let is_severity = |at: usize| {
        text.get(at + 2..)
            .is_some_and(|rest| DOVECOT_SEVERITIES.iter().any(|word| rest.starts_with(word)))
    };
    find_iter(text, b": ").take(4).any(is_severity)
}

/// Makes the best of a stamped line without a tag.
#[cold]
fn odd<'a>(timestamp: Timestamp, host: &'a [u8], rest: &'a [u8]) -> Record<'a> {
    if let Some((word, after)) = split_word(rest)
        && is_priority(word)
        && let Some(logged) = tagged(after)
    {
        return logged.record(timestamp, host);
    }
    Record::from_parts(timestamp, host, b"", None, rest)
}

/// Tells whether a word is facility and severity, as in BusyBox's `mail.info`.
fn is_priority(word: &[u8]) -> bool {
    let Some(dot) = memchr::memchr(b'.', word) else {
        return false;
    };
    let severity = word.get(dot + 1..).unwrap_or(b"");
    let known: [&[u8]; 11] = [
        b"info", b"notice", b"warn", b"warning", b"err", b"error", b"crit", b"debug", b"alert",
        b"emerg", b"panic",
    ];
    known.contains(&severity)
}

/// Splits at the first blank.
fn split_word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = memchr::memchr(b' ', text)?;
    let (word, rest) = text.split_at_checked(blank)?;
    Some((word, rest.get(1..)?))
}

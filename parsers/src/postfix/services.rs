//! Lines of the smaller services: flush(8), proxymap(8), trivial-rewrite(8), showq(8), spawn(8),
//! postlogd(8), nbdb_reindexd(8).

use super::mention::Text;
use super::{Event, Parsed};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{before_last, queue_id, small_number, split_once};

event_struct! {
    /// flush could not use one of its files.
    ///
    /// Shape: `warning: bad queue id "{queue_id}..." in fast flush logfile {path}` or `fatal: open fast
    /// flush logfile {path}: {reason}`. Source: Postfix `src/flush/flush.c`; since 2.3.
    pub struct Flush<'a> {
        /// The bad queue id, cut at 30 bytes.
        pub queue_id: Option<&'a [u8]>,
        /// The file.
        pub path: Option<&'a [u8]>,
        /// The text after the severity word.
        pub text: Text<'a>,
    }
}

event_struct! {
    /// proxymap or proxywrite was asked for a table that it must not give.
    ///
    /// Shape: `warning: request for unapproved table: "{table}"`, `warning: to approve this table for
    /// {access} access, list proxy:{table} in main.cf:{parameter}`, `warning: refusing {table}
    /// {update|delete} request on non-proxywrite service`. Source: Postfix
    /// `src/proxymap/proxymap.c`; since 2.3.
    pub struct Proxymap<'a> {
        /// The table.
        pub table: &'a [u8],
        /// The parameter that would allow it.
        pub parameter: Option<&'a [u8]>,
        /// The text after the severity word.
        pub text: Text<'a>,
    }
}

event_struct! {
    /// trivial-rewrite found settings that contradict each other, or could not look something up.
    ///
    /// Shape: `warning: {text}`, e.g. `do not list domain {domain} in BOTH {parameter} and
    /// {parameter}`, `{parameter} lookup failure`. Source: Postfix
    /// `src/trivial-rewrite/resolve.c`; since 2.3.
    pub struct TrivialRewrite<'a> {
        /// The domain.
        pub domain: Option<&'a [u8]>,
        /// The parameter.
        pub parameter: Option<&'a [u8]>,
        /// The address.
        pub address: Option<&'a [u8]>,
        /// The text after the severity word.
        pub text: Text<'a>,
    }
}

event_struct! {
    /// showq could not make sense of a queue file.
    ///
    /// Shape: `warning: {queue_id}: {text}` or `warning: readdir loop on queue {queue} id {queue_id}`.
    /// Source: Postfix `src/showq/showq.c`; since 2.3.
    pub struct Showq<'a> {
        /// The queue id.
        pub queue_id: Option<&'a [u8]>,
        /// The text after the severity word.
        pub text: Text<'a>,
    }
}

event_struct! {
    /// A command of spawn ended with an error.
    ///
    /// Shape: `warning: command {command} {exit status {status}|killed by signal {signal}}`. Source:
    /// Postfix `src/spawn/spawn.c`; since 2.3.
    pub struct Spawn<'a> {
        /// The command.
        pub command: &'a [u8],
        /// Its exit status.
        pub status: Option<u32>,
        /// The signal.
        pub signal: Option<u32>,
    }
}

event_struct! {
    /// postlogd could not take a line.
    ///
    /// Shape: `warning: failed to receive message with recv: {reason}`. Source: Postfix
    /// `src/postlogd/postlogd.c`; since 3.4.
    pub struct Postlogd<'a> {
        /// The system's error text.
        pub reason: &'a [u8],
    }
}

event_struct! {
    /// A table was built again in another format.
    ///
    /// Shape: `target file '{path}' already exists, skipping this request`, `successfully executed
    /// '{command}' as uid {uid}`, `warning: request to index {type}:{path} failed: {reason}`. Source:
    /// Postfix `src/nbdb_reindexd/nbdb_reindexd.c`; since 3.11.
    pub struct NbdbReindexd<'a> {
        /// The file.
        pub path: Option<&'a [u8]>,
        /// The table's type.
        pub r#type: Option<&'a [u8]>,
        /// The user that it ran as.
        pub uid: Option<u32>,
        /// The command.
        pub command: Option<&'a [u8]>,
        /// Why it failed.
        pub reason: Option<&'a [u8]>,
    }
}

/// Parses a message of flush.
pub(super) fn parse_flush(message: &[u8]) -> Parsed<'_> {
    flush(message).map(Event::Flush).ok_or(Reason("flush"))
}

fn flush(message: &[u8]) -> Option<Flush<'_>> {
    let text = message
        .strip_prefix(b"warning: ")
        .or_else(|| message.strip_prefix(b"fatal: "))?;
    if let Some(rest) = text.strip_prefix(b"bad queue id \"") {
        let (id, path) = split_once(rest, b"\" in fast flush logfile ")?;
        let id = id.strip_suffix(b"...").unwrap_or(id);
        return Some(Flush {
            queue_id: Some(id),
            path: Some(path),
            text: Text(text),
        });
    }
    let (_, rest) = split_once(text, b" fast flush logfile ")?;
    let path = split_once(rest, b": ").map(|(path, _)| path);
    Some(Flush {
        queue_id: None,
        path,
        text: Text(text),
    })
}

/// Parses a message of proxymap or proxywrite.
pub(super) fn parse_proxymap(message: &[u8]) -> Parsed<'_> {
    proxymap(message)
        .map(Event::Proxymap)
        .ok_or(Reason("proxymap"))
}

fn proxymap(message: &[u8]) -> Option<Proxymap<'_>> {
    let text = message.strip_prefix(b"warning: ")?;
    let found = |table, parameter| {
        Some(Proxymap {
            table,
            parameter,
            text: Text(text),
        })
    };
    if let Some(rest) = text.strip_prefix(b"request for unapproved table: \"") {
        return found(rest.strip_suffix(b"\"").unwrap_or(rest), None);
    }
    if let Some(rest) = text.strip_prefix(b"to approve this table for ") {
        let (_, rest) = split_once(rest, b", list ")?;
        let (table, parameter) = split_once(rest, b" in main.cf:")?;
        return found(
            table.strip_prefix(b"proxy:").unwrap_or(table),
            Some(parameter),
        );
    }
    let rest = text
        .strip_prefix(b"refusing ")?
        .strip_suffix(b" request on non-proxywrite service")?;
    found(before_last(rest, b" ")?.0, None)
}

/// Parses a message of trivial-rewrite.
pub(super) fn parse_trivial_rewrite(message: &[u8]) -> Parsed<'_> {
    trivial_rewrite(message)
        .map(Event::TrivialRewrite)
        .ok_or(Reason("trivial-rewrite"))
}

fn trivial_rewrite(message: &[u8]) -> Option<TrivialRewrite<'_>> {
    let text = message.strip_prefix(b"warning: ")?;
    let mut found = TrivialRewrite {
        domain: None,
        parameter: None,
        address: None,
        text: Text(text),
    };
    if let Some(rest) = text.strip_prefix(b"do not list domain ") {
        let (domain, parameters) = split_once(rest, b" in BOTH ")?;
        found.domain = Some(domain);
        found.parameter = split_once(parameters, b" and ").map(|(parameter, _)| parameter);
    } else if let Some(rest) = text.strip_prefix(b"resolve_addr: <") {
        found.address = Some(split_once(rest, b">: giving up after ")?.0);
    } else if let Some((parameter, _)) = split_once(text, b" result must contain RFC 3463 status") {
        found.parameter = Some(parameter);
    } else {
        found.parameter = Some(rewrite_parameter(text)?);
    }
    Some(found)
}

/// Reads `{parameter}: ignoring null lookup result for …` and `{parameter} lookup failure`.
fn rewrite_parameter(text: &[u8]) -> Option<&[u8]> {
    let parameter = split_once(text, b": ignoring null lookup result for ")
        .map(|(parameter, _)| parameter)
        .or_else(|| text.strip_suffix(b" lookup failure"))?;
    memchr::memchr(b' ', parameter)
        .is_none()
        .then_some(parameter)
}

/// Parses a message of showq.
pub(super) fn parse_showq(message: &[u8]) -> Parsed<'_> {
    showq(message).map(Event::Showq).ok_or(Reason("showq"))
}

fn showq(message: &[u8]) -> Option<Showq<'_>> {
    let text = message.strip_prefix(b"warning: ")?;
    if let Some(rest) = text.strip_prefix(b"readdir loop on queue ") {
        let (_, id) = before_last(rest, b" id ")?;
        return Some(Showq {
            queue_id: Some(id),
            text: Text(text),
        });
    }
    let (rest, id) = queue_id(text).ok()?;
    let starts: &[&[u8]] = &[b"malformed size record: ", b"duplicate sender address: "];
    let is_known = starts.iter().any(|words| rest.starts_with(words));
    is_known.then_some(Showq {
        queue_id: Some(id),
        text: Text(text),
    })
}

/// Parses a message of spawn.
pub(super) fn parse_spawn(message: &[u8]) -> Parsed<'_> {
    spawn(message).map(Event::Spawn).ok_or(Reason("spawn"))
}

fn spawn(message: &[u8]) -> Option<Spawn<'_>> {
    let rest = message.strip_prefix(b"warning: command ")?;
    let value = |text| small_number(text).ok().map(|(_, value)| value);
    if let Some((command, status)) = before_last(rest, b" exit status ") {
        return Some(Spawn {
            command,
            status: value(status),
            signal: None,
        });
    }
    let (command, signal) = before_last(rest, b" killed by signal ")?;
    Some(Spawn {
        command,
        status: None,
        signal: value(signal),
    })
}

/// Parses a message of postlogd.
pub(super) fn parse_postlogd(message: &[u8]) -> Parsed<'_> {
    message
        .strip_prefix(b"warning: failed to receive message with recv: ")
        .map(|reason| Event::Postlogd(Postlogd { reason }))
        .ok_or(Reason("postlogd"))
}

/// Parses a message of nbdb_reindexd.
pub(super) fn parse_nbdb_reindexd(message: &[u8]) -> Parsed<'_> {
    nbdb_reindexd(message)
        .map(Event::NbdbReindexd)
        .ok_or(Reason("nbdb_reindexd"))
}

fn nbdb_reindexd(message: &[u8]) -> Option<NbdbReindexd<'_>> {
    let nothing = NbdbReindexd {
        path: None,
        r#type: None,
        uid: None,
        command: None,
        reason: None,
    };
    if let Some(rest) = message.strip_prefix(b"target file '") {
        let (path, _) = split_once(rest, b"' already exists")?;
        return Some(NbdbReindexd {
            path: Some(path),
            ..nothing
        });
    }
    if let Some(rest) = message.strip_prefix(b"successfully executed '") {
        let (command, uid) = split_once(rest, b"' as uid ")?;
        let uid = small_number(uid).ok().map(|(_, uid)| uid);
        let table = command.rsplit(|&byte| byte == b' ').next()?;
        let (r#type, path) = split_once(table, b":")?;
        let (path, r#type) = (Some(path), Some(r#type));
        return Some(NbdbReindexd {
            path,
            r#type,
            uid,
            command: Some(command),
            ..nothing
        });
    }
    let rest = message.strip_prefix(b"warning: request to index ")?;
    let (table, reason) = split_once(rest, b" failed: ")?;
    let (r#type, path) = split_once(table, b":")?;
    Some(NbdbReindexd {
        path: Some(path),
        r#type: Some(r#type),
        reason: Some(reason),
        ..nothing
    })
}

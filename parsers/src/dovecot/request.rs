//! The prefix of auth lines that are about a request: who asked, for which user, from where.
//!
//! The user name in it is whatever a client sent, and may imitate the rest of the line. Everything
//! is read from the right; the tests in `auth` hold the cases.

use super::prefix::{Severity, severity};
use super::session::number_after;
use crate::scan::{
    before_last, byte_table, find_here, find_iter, split_number, split_once, split_once_here,
    to_number,
};
use crate::{Family, family};

/// Who asked, as the request prefix tells.
#[derive(Clone, Copy, Default)]
pub(super) struct Request<'a> {
    pub(super) process: &'a [u8],
    pub(super) db: &'a [u8],
    pub(super) user: &'a [u8],
    pub(super) ip: Option<&'a [u8]>,
    pub(super) mech: Option<&'a [u8]>,
    pub(super) session: Option<&'a [u8]>,
    pub(super) master: bool,
    pub(super) worker_pid: Option<u64>,
    pub(super) request: Option<u64>,
    pub(super) client_pid: Option<u64>,
    pub(super) client_uid: Option<u64>,
    pub(super) severity: Option<Severity>,
}

/// The texts of a refusal. What follows them may be remote text (`oauth2 failed: ...`).
pub(super) fn is_refusal(reason: &[u8]) -> bool {
    let starts: [&[u8]; 16] = [
        b"Password mismatch",
        b"unknown user",
        b"pam_authenticate() failed",
        b"pam_acct_mgmt() failed",
        b"password mismatch",
        b"invalid credentials",
        b"Login attempt with empty password",
        b"User found from deny passdb",
        b"Attempted login with password having illegal chars",
        b"Attempted master login",
        b"allow_nets check failed",
        b"Username character disallowed",
        b"Invalid username",
        b"oauth2 failed",
        b"invalid input",
        b"Empty username",
    ];
    starts.iter().any(|start| reason.starts_with(start))
}

fn is_known(reason: &[u8]) -> bool {
    let starts: [&[u8]; 4] = [
        b"Request ",
        b"Authentication failure due to policy",
        b"Policy ",
        b"Password query failed",
    ];
    is_refusal(reason) || starts.iter().any(|start| reason.starts_with(start))
}

/// Splits a line into its request prefix and the text behind it, for both forms of prefix.
pub(super) fn split(message: &[u8]) -> Option<(Request<'_>, &[u8])> {
    let (process, rest) = match message.strip_prefix(b"auth-worker") {
        Some(rest) => (&b"auth-worker"[..], rest),
        None => (&b"auth"[..], message.strip_prefix(b"auth")?),
    };
    let mut request = Request {
        process,
        ..Request::default()
    };
    if let Some(rest) = rest
        .strip_prefix(b": ")
        .or_else(|| rest.strip_prefix(b"(default): "))
    {
        return up_to_2_3(request, rest);
    }
    let inside = rest.strip_prefix(b"(")?;
    if let Some((pid, rest)) = split_number(inside)
        && let Some(rest) = rest.strip_prefix(b"): ")
    {
        request.worker_pid = Some(pid);
        return up_to_2_3(request, rest);
    }
    since_2_4(request, inside)
}

/// Reads `[Error: ][conn unix:auth-worker (...): auth-worker<12>: ]{db}({arguments}): {reason}`.
fn up_to_2_3<'a>(request: Request<'a>, rest: &'a [u8]) -> Option<(Request<'a>, &'a [u8])> {
    let mut request = request;
    let (word, rest) = severity(rest);
    request.severity = Some(word);
    let rest = match rest.strip_prefix(b"conn unix:auth-worker (") {
        Some(tail) => {
            let (conn, tail) = split_once(tail, b"): auth-worker<")?;
            request.client_pid = number_after(conn, b"pid=");
            request.client_uid = number_after(conn, b"uid=");
            let (number, tail) = split_number(tail)?;
            request.request = Some(number);
            tail.strip_prefix(b">: ")?
        }
        None => rest,
    };
    let is_db = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let length = rest.iter().take_while(|byte| is_db(byte)).count();
    let (db, rest) = rest.split_at_checked(length)?;
    request.db = db;
    // A database driver's own lines name its server in the same place.
    let is_driver = matches!(db, b"mysql" | b"pgsql" | b"sqlite" | b"cassandra");
    let inside = rest
        .strip_prefix(b"(")
        .filter(|_| !db.is_empty() && !is_driver)?;
    // The first end is the only one in nearly all lines: a user name rarely imitates it.
    let (first, behind) = split_once_here(inside, END)?;
    let (arguments, reason) = match find_here(behind, END) {
        None => (first, behind),
        Some(_) => {
            let ends = find_iter(inside, END).filter_map(|at| {
                let reason = inside.get(at + END.len()..)?;
                Some((inside.get(..at)?, None, reason))
            });
            let (arguments, _, reason) = rightmost(ends)?;
            (arguments, reason)
        }
    };
    arguments_into(&mut request, arguments);
    Some((request, reason))
}

/// Reads `{arguments})[<{pid}>][<{session}>]: [request [12]: ][Info: ]{db}: {reason}`.
fn since_2_4<'a>(request: Request<'a>, inside: &'a [u8]) -> Option<(Request<'a>, &'a [u8])> {
    let mut request = request;
    let ends = memchr::memchr_iter(b')', inside).filter_map(|at| {
        let (ids, text) = trailing_ids(inside.get(at + 1..)?)?;
        let text_of_db = severity(behind_request(text).1).1;
        let reason = split_once(text_of_db, b": ").map_or(text, |(_, reason)| reason);
        Some((inside.get(..at)?, Some((ids, text)), reason))
    });
    let (arguments, found, _) = rightmost(ends)?;
    let (ids, text) = found?;
    let (number, text) = behind_request(text);
    let (word, text) = severity(text);
    request.request = number;
    request.severity = Some(word);
    let mut ids = ids;
    if request.process == b"auth-worker"
        && let Some(pid) = ids[0].and_then(to_number)
    {
        request.worker_pid = Some(pid);
        ids = [ids[1], None];
    }
    request.session = ids[0];
    let (db, reason) = split_once(text, b": ").unwrap_or((b"", text));
    request.db = db;
    arguments_into(&mut request, arguments);
    Some((request, reason))
}

/// What ends the arguments of a request.
const END: &[u8] = b"): ";

/// Takes `request [12]: ` off.
fn behind_request(text: &[u8]) -> (Option<u64>, &[u8]) {
    let split = || {
        let (number, rest) = split_number(text.strip_prefix(b"request [")?)?;
        Some((number, rest.strip_prefix(b"]: ")?))
    };
    match split() {
        Some((number, rest)) => (Some(number), rest),
        None => (None, text),
    }
}

/// Two ids in angle brackets, and the text behind them.
type Ids<'a> = ([Option<&'a [u8]>; 2], &'a [u8]);

/// Reads `[<a>][<b>]: `.
fn trailing_ids(tail: &[u8]) -> Option<Ids<'_>> {
    let mut ids = [None, None];
    let mut tail = tail;
    for id in &mut ids {
        let Some(inside) = tail.strip_prefix(b"<") else {
            break;
        };
        let end = memchr::memchr2(b'>', b' ', inside)?;
        *id = Some(inside.get(..end)?).filter(|id| !id.is_empty());
        tail = inside.get(end..)?.strip_prefix(b">")?;
    }
    Some((ids, tail.strip_prefix(b": ")?))
}

type End<'a> = (
    &'a [u8],
    Option<([Option<&'a [u8]>; 2], &'a [u8])>,
    &'a [u8],
);

/// Chooses among the places where a request prefix may end.
///
/// The user name may imitate such an end, so the last one wins behind which a known text stands and
/// before which an address or a session. Only the complaint about a bad character in the user name
/// repeats that name behind the prefix; there the first one wins.
fn rightmost<'a>(ends: impl Iterator<Item = End<'a>>) -> Option<End<'a>> {
    let mut ends = ends;
    let first = ends.next()?;
    let Some(second) = ends.next() else {
        return Some(first);
    };
    if first.2.starts_with(b"Username character disallowed") {
        return Some(first);
    }
    let mut best = None;
    for end in [first, second].into_iter().chain(ends) {
        let mut request = Request::default();
        arguments_into(&mut request, end.0);
        let has_ids = end.1.is_some_and(|(ids, _)| ids[0].is_some());
        let is_whole = request.ip.is_some() || request.session.is_some() || request.mech.is_some();
        if (is_whole || has_ids) && is_known(end.2) {
            best = Some(end);
        }
    }
    best.or(Some(first))
}

/// Reads `{user}[,{ip}][,sasl:{mech}][,master][,<{session}>]` from the right.
fn arguments_into<'a>(request: &mut Request<'a>, arguments: &'a [u8]) {
    let mut left = arguments;
    while let Some((head, last)) = before_last(left, b",") {
        if let Some(session) = last
            .strip_prefix(b"<")
            .and_then(|text| text.strip_suffix(b">"))
        {
            request.session = Some(session).filter(|session| !session.is_empty());
        } else if let Some(mech) = last.strip_prefix(b"sasl:") {
            request.mech = Some(mech);
        } else if last == b"master" {
            request.master = true;
        } else if last.is_empty() {
            // A pasted line whose `<{session}>` is gone.
        } else if is_address(last) {
            request.ip = Some(last);
            left = head;
            break;
        } else {
            break;
        }
        left = head;
    }
    request.user = left;
}

/// Tells an address, also one that people have masked.
fn is_address(text: &[u8]) -> bool {
    let parts = text.iter().fold(1, |all, byte| {
        all & PARTS.get(usize::from(*byte)).copied().unwrap_or(0)
    });
    parts == 1 && matches!(family(text), Family::Ipv4 | Family::Ipv6)
}

/// 1 for each byte that an address may have.
static PARTS: [u8; 256] = byte_table!(is_part);

const fn is_part(byte: u8) -> u8 {
    (byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':' | b'x' | b'X' | b'*' | b'%')) as u8
}

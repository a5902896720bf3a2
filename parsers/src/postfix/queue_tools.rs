//! Lines of the commands that look at or change the queue and tables: postsuper(1), postqueue(1),
//! postmap(1), postalias(1).

use super::mention::Text;
use super::{Event, Parsed};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{is_queue_id, queue_id, small_number, split_number, split_once};

event_struct! {
    /// A change of the queue by hand: one line for each mail, and one for each kind of change.
    ///
    /// Shape: `{queue_id}: {removed|requeued|placed on hold|released from hold|expired}` (expired
    /// since 3.5), `{Deleted|Requeued|Placed on hold|Released from hold|Force-expired|Renamed to match
    /// inode number}: {count} message[s]`, and `warning: {text}` about names in the queue. Source:
    /// Postfix `src/postsuper/postsuper.c`; since 2.3.
    pub struct Postsuper<'a> {
        /// The queue id.
        pub queue_id: Option<&'a [u8]>,
        /// What was done; empty in a warning.
        pub action: &'a [u8],
        /// With how many mails.
        pub count: Option<u64>,
        /// The text of a warning.
        pub text: Option<Text<'a>>,
    }
}

event_struct! {
    /// The queue could not be listed or flushed through its service.
    ///
    /// Shape: `{warning|fatal}: {reason}`, e.g. `Mail system is down -- accessing queue directly
    /// (Connect to the Postfix showq service: {error})`, `Flush service is not configured for
    /// destination "{domain}"`. Source: Postfix
    /// `src/postqueue/postqueue.c`; since 2.3, the text in parentheses since 3.4.
    pub struct Postqueue<'a> {
        /// The text after the severity word.
        pub reason: &'a [u8],
    }
}

event_struct! {
    /// A line of a table's source that postmap or postalias did not like.
    ///
    /// Shape: `warning: {path}, line {line}: {text}` or `warning: {path}: duplicate entry: "{key}"`.
    /// Source: Postfix `src/postmap/postmap.c`, `src/postalias/postalias.c`; since 2.3.
    pub struct Postmap<'a> {
        /// The file.
        pub path: &'a [u8],
        /// The line in it.
        pub line: Option<u32>,
        /// The key.
        pub key: Option<&'a [u8]>,
        /// What is wrong.
        pub text: Text<'a>,
    }
}

/// Parses a message of postsuper.
pub(super) fn parse_postsuper(message: &[u8]) -> Parsed<'_> {
    change(message)
        .or_else(|| summary(message))
        .or_else(|| warning(message))
        .map(Event::Postsuper)
        .ok_or(Reason("postsuper"))
}

fn change(message: &[u8]) -> Option<Postsuper<'_>> {
    let (action, queue_id) = queue_id(message).ok()?;
    let known: &[&[u8]] = &[
        b"removed",
        b"requeued",
        b"placed on hold",
        b"released from hold",
        b"expired",
    ];
    known.contains(&action).then_some(Postsuper {
        queue_id: Some(queue_id),
        action,
        count: None,
        text: None,
    })
}

fn summary(message: &[u8]) -> Option<Postsuper<'_>> {
    let (action, rest) = split_once(message, b": ")?;
    let known: &[&[u8]] = &[
        b"Deleted",
        b"Requeued",
        b"Placed on hold",
        b"Released from hold",
        b"Force-expired",
        b"Renamed to match inode number",
    ];
    let (count, rest) = split_number(rest)?;
    (known.contains(&action) && rest.starts_with(b" message")).then_some(Postsuper {
        queue_id: None,
        action,
        count: Some(count),
        text: None,
    })
}

fn warning(message: &[u8]) -> Option<Postsuper<'_>> {
    let text = message.strip_prefix(b"warning: ")?;
    let (_, path) = split_once(text, b": ").unwrap_or((text, b""));
    let starts: &[&[u8]] = &[
        b"invalid mail queue id: ",
        b"bogus file name: ",
        b"name/inode mismatch: ",
        b"QUEUE FILE NAMES WERE CHANGED TO MATCH INODE NUMBERS",
    ];
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    let is_known = starts.iter().any(|words| text.starts_with(words));
    is_known.then_some(Postsuper {
        queue_id: Some(name).filter(|name| is_queue_id(name)),
        action: b"",
        count: None,
        text: Some(Text(text)),
    })
}

/// Parses a message of postqueue, also of sendmail where that lists the queue.
pub(super) fn parse_postqueue(message: &[u8]) -> Parsed<'_> {
    let text = message
        .strip_prefix(b"warning: ")
        .or_else(|| message.strip_prefix(b"fatal: "));
    let starts: &[&[u8]] = &[
        b"Mail system is down -- accessing queue directly",
        b"Queue report unavailable - mail system is down",
        b"Connect to the Postfix showq service: ",
        b"Cannot flush mail queue - mail system is down",
        b"Flush service is not configured for destination ",
    ];
    match text {
        Some(reason) if starts.iter().any(|words| reason.starts_with(words)) => {
            Ok(Event::Postqueue(Postqueue { reason }))
        }
        _ => Err(Reason("postqueue")),
    }
}

/// Parses a message of postmap or postalias.
pub(super) fn parse_postmap(message: &[u8]) -> Parsed<'_> {
    let text = message
        .strip_prefix(b"warning: ")
        .ok_or(Reason("postmap"))?;
    table_line(text)
        .map(Event::Postmap)
        .ok_or(Reason("postmap warning"))
}

/// Reads `{path}, line {line}: {text}` and `{path}: duplicate entry: "{key}"`.
pub(super) fn table_line(text: &[u8]) -> Option<Postmap<'_>> {
    if let Some((path, rest)) = split_once(text, b", line ") {
        let (rest, line) = small_number(rest).ok()?;
        let text = rest.strip_prefix(b": ")?;
        return Some(Postmap {
            path,
            line: Some(line),
            key: None,
            text: Text(text),
        });
    }
    let (path, quoted) = split_once(text, b": duplicate entry: \"")?;
    let key = quoted.strip_suffix(b"\"").unwrap_or(quoted);
    Some(Postmap {
        path,
        line: None,
        key: Some(key),
        text: Text(text),
    })
}

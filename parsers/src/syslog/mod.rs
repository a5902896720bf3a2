//! The text envelopes of a log line: who logged it, and when.
//!
//! | file | format |
//! |---|---|
//! | `rfc3164` | `May  1 12:34:56 mx1 postfix/smtpd[1234]: …`; also Postfix's own maillog_file |
//! | `rfc3339` | `2024-05-01T12:34:56.789012+02:00 mx1 postfix/smtpd[1234]: …` and its relatives |
//! | `rfc5424` | `<22>1 2024-05-01T12:34:56Z mx1 postfix/smtpd 1234 - - …`, with and without `<22>` |
//! | `epoch` | `1714559696.789012 mx1 postfix/smtpd[1234]: …` (`journalctl -o short-unix`) |
//! | `recent` | lines one after another, which repeat what the line above said |
//! | `words` | tags with their process ids, which recent lines had too |
//! | `repeat` | `message repeated 3 times: […]`, `last message repeated 3 times` |
//! | `origin` | what follows the stamp in all but RFC 5424: host and tag; Dovecot's own log file |
//!
//! The format is told per line by its first bytes, for a file can change it in the middle. This
//! runs on every line of every log: the digits are read by hand, from arrays of fixed length.
//! Years, zones and containers such as journal JSON are **not** dealt with here.

mod digits;
mod epoch;
mod origin;
mod recent;
mod repeat;
mod rfc3164;
mod rfc3339;
mod rfc5424;
mod words;

use crate::{Record, Timestamp};

pub use recent::{Author, Envelopes};
pub(crate) use repeat::{notice, tag_of, unfold};

impl Timestamp {
    /// Reads a stamp in the spelling of RFC 3339, and returns what stands behind it.
    pub fn from_rfc3339(text: &[u8]) -> Option<(Self, &[u8])> {
        rfc3339::stamp(text)
    }

    /// Reads the stamp of a line alone, without host and tag; much faster than [`Record::parse`].
    ///
    /// Returns `None` when the line has no stamp that we know. Every line that has a record has
    /// the same stamp here.
    pub fn of_line(line: &[u8]) -> Option<Self> {
        let line = after_priority(match line.first()? {
            0 => line.get(line.iter().position(|byte| *byte != 0)?..)?,
            _ => line,
        })?;
        let stamped = match line.first()? {
            b'A'..=b'Z' => rfc3164::stamp(line).or_else(|| rfc3339::weekday_stamp(line)),
            b'0'..=b'9' if line.starts_with(b"1 ") => rfc3339::stamp(line.get(2..)?),
            b'0'..=b'9' if line.get(4) == Some(&b'-') => rfc3339::stamp(line),
            b'0'..=b'9' => epoch::stamp(line),
            _ => None,
        };
        let (timestamp, rest) = stamped?;
        (rest.first() == Some(&b' ')).then_some(timestamp)
    }
}

/// Parses one line's envelope; `None` when it has none that we know.
///
/// A carriage return before the line end is dropped, and so are NULs before the stamp: a file that
/// is truncated while a daemon goes on writing at its old offset begins with a run of them.
pub(crate) fn parse(line: &[u8]) -> Option<Record<'_>> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match line.first()? {
        b'A'..=b'Z' => rfc3164::parse(line).or_else(|| rfc3339::parse_weekday(line)),
        b'0'..=b'9' => parse_digits(line),
        b'<' => parse_priority(line),
        0 => parse_after_nuls(line),
        _ => None,
    }
}

/// Parses a line that begins with a digit: a year, an epoch or RFC 5424's version.
fn parse_digits(line: &[u8]) -> Option<Record<'_>> {
    if let Some(rest) = line.strip_prefix(b"1 ") {
        return rfc5424::parse(rest);
    }
    match line.get(4)? {
        b'-' => rfc3339::parse(line),
        _ => epoch::parse(line),
    }
}

/// Parses `<PRI>` and what stands behind it: RFC 5424, RFC 3164 or RFC 3339.
fn parse_priority(line: &[u8]) -> Option<Record<'_>> {
    let rest = after_priority(line)?;
    match rest.first()? {
        b'A'..=b'Z' => rfc3164::parse(rest),
        b'0'..=b'9' => parse_digits(rest),
        _ => None,
    }
}

/// Drops `<PRI>` where it stands; `None` when what begins like it is none.
fn after_priority(line: &[u8]) -> Option<&[u8]> {
    let Some(digits) = line.strip_prefix(b"<") else {
        return Some(line);
    };
    let end = digits.iter().take(4).position(|byte| *byte == b'>')?;
    let (priority, rest) = digits.split_at_checked(end)?;
    let is_number = !priority.is_empty() && priority.iter().all(u8::is_ascii_digit);
    is_number.then_some(rest.get(1..)?)
}

/// Parses what stands behind the stamp where a container states that, and no stamp is in the line.
pub(crate) fn parse_unstamped(timestamp: Timestamp, text: &[u8]) -> Record<'_> {
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    origin::parse(timestamp, text)
        .filter(|record| !record.tag.text.is_empty())
        .unwrap_or_else(|| Record::from_parts(timestamp, b"", b"", None, text))
}

/// Drops a line end that a program sent with its message: rsyslog writes it as `#012`, `#015` a
/// carriage return and `#000` a NUL.
///
/// Such escapes inside a message stay as they were logged: rsyslog does not escape `#`, so that
/// nobody can tell them from the text `invoice #012`.
#[inline]
pub(crate) fn without_line_end(message: &[u8]) -> &[u8] {
    match message.split_last_chunk::<4>() {
        Some((text, b"#012" | b"#015" | b"#000")) => without_more_line_ends(text),
        _ => message,
    }
}

#[cold]
fn without_more_line_ends(mut message: &[u8]) -> &[u8] {
    let ends: [&[u8]; 3] = [b"#012", b"#015", b"#000"];
    while let Some(text) = ends.iter().find_map(|end| message.strip_suffix(*end)) {
        message = text;
    }
    message
}

fn parse_after_nuls(line: &[u8]) -> Option<Record<'_>> {
    let start = line.iter().position(|byte| *byte != 0)?;
    parse(line.get(start..)?)
}

#[cfg(test)]
mod tests;

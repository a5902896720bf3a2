//! RFC 5424: what rsyslog's `RSYSLOG_SyslogProtocol23Format` and many relays write.

use super::rfc3339;
use crate::Record;
use crate::scan::to_number;

/// Parses an RFC 5424 line from behind its version, `<22>1 ` or `1 `.
///
/// Shape: `{stamp} {host} {tag} {pid} {message id} {structured data} {message}`; `-` where there is
/// no value. A stock rsyslog cuts the tag at its first slash (`postfix`), and keeps the blank that
/// its input had before the message, so that two of them stand there. A BOM before the message is
/// dropped. A line whose stamp is `-` has no place in a log: `None`.
pub(super) fn parse(rest: &[u8]) -> Option<Record<'_>> {
    let (timestamp, rest) = rfc3339::stamp(rest)?;
    let (host, rest) = value(rest.strip_prefix(b" ")?)?;
    let (tag, rest) = value(rest)?;
    let (pid, rest) = value(rest)?;
    let (_message_id, rest) = value(rest)?;
    let message = after_structured_data(rest);
    let message = message.strip_prefix(b" ").unwrap_or(message);
    let message = message.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(message);
    let message = message.strip_prefix(b" ").unwrap_or(message);
    let pid = to_number(pid).and_then(|pid| u32::try_from(pid).ok());
    Some(Record::from_parts(timestamp, host, tag, pid, message))
}

/// Reads a value and the blank behind it; `-` is the empty value.
fn value(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = memchr::memchr(b' ', text)?;
    let (value, rest) = text.split_at_checked(blank)?;
    let value = if value == b"-" { b"" } else { value };
    Some((value, rest.get(1..)?))
}

/// Skips `-` or `[id name="value"]…`; what is neither is the message itself.
fn after_structured_data(text: &[u8]) -> &[u8] {
    if let Some(rest) = text.strip_prefix(b"-") {
        return rest;
    }
    let mut rest = text;
    while rest.first() == Some(&b'[') {
        match after_element(rest) {
            Some(tail) => rest = tail,
            None => return text,
        }
    }
    rest
}

/// Skips one element of structured data; in its quoted values, `\` takes the next byte's meaning.
fn after_element(text: &[u8]) -> Option<&[u8]> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b']' if !quoted => return text.get(at + 1..),
            _ => {}
        }
    }
    None
}

//! The text envelopes of a line, told apart per line.

use crate::scan::to_number;
use crate::{Record, Tag, Timestamp, Zone};

/// Parses one line's envelope.
pub(crate) fn parse(line: &[u8]) -> Option<Record<'_>> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.first() == Some(&b'<') {
        let end = line.iter().position(|b| *b == b'>')?;
        let rest = line.get(end + 1..)?;
        if let Some(rest) = rest.strip_prefix(b"1 ") {
            return rfc5424(rest);
        }
        return parse(rest);
    }
    if line.first()?.is_ascii_digit() {
        let (stamp, rest) = split(line)?;
        let timestamp = rfc3339_stamp(stamp)?;
        let (host, rest) = split(rest)?;
        return tagged(timestamp, host, rest);
    }
    let timestamp = rfc3164_stamp(line.get(..15)?)?;
    let rest = line.get(16..)?;
    let (host, after) = split(rest)?;
    if let Some(record) = tagged(timestamp, host, after).filter(|_| !host.ends_with(b":")) {
        return Some(record);
    }
    Some(Record {
        timestamp,
        host: b"",
        tag: Tag::parse(b"dovecot"),
        pid: None,
        message: rest,
    })
}

fn split(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(b' ', text)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

fn tagged<'a>(timestamp: Timestamp, host: &'a [u8], rest: &'a [u8]) -> Option<Record<'a>> {
    let end = rest.iter().position(|b| matches!(b, b'[' | b' '))?;
    let (mut tag, mut after) = rest.split_at_checked(end)?;
    let mut pid = None;
    if let Some(inner) = after.strip_prefix(b"[") {
        let close = memchr::memchr(b']', inner)?;
        pid = to_number(inner.get(..close)?).and_then(|n| u32::try_from(n).ok());
        after = inner.get(close + 1..)?.strip_prefix(b":")?;
    } else {
        tag = tag.strip_suffix(b":")?;
    }
    let message = after.strip_prefix(b" ").unwrap_or(after);
    Some(Record {
        timestamp,
        host,
        tag: Tag::parse(tag),
        pid,
        message,
    })
}

fn rfc5424(rest: &[u8]) -> Option<Record<'_>> {
    let (stamp, rest) = split(rest)?;
    let timestamp = rfc3339_stamp(stamp)?;
    let (host, rest) = split(rest)?;
    let (tag, rest) = split(rest)?;
    let (pid, rest) = split(rest)?;
    let (_, rest) = split(rest)?;
    let rest = rest.strip_prefix(b"- ")?;
    let message = rest.strip_prefix(b" ").unwrap_or(rest);
    let pid = to_number(pid).and_then(|n| u32::try_from(n).ok());
    Some(Record {
        timestamp,
        host,
        tag: Tag::parse(tag),
        pid,
        message,
    })
}

fn two(text: &[u8], at: usize) -> Option<u8> {
    u8::try_from(to_number(text.get(at..at + 2)?)?).ok()
}

fn rfc3164_stamp(text: &[u8]) -> Option<Timestamp> {
    const MONTHS: [&[u8]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    let month = MONTHS.iter().position(|name| text.starts_with(name))?;
    let day = text.get(4..6)?;
    let day = to_number(day.strip_prefix(b" ").unwrap_or(day))?;
    Some(Timestamp {
        year: None,
        month: u8::try_from(month + 1).ok()?,
        day: u8::try_from(day).ok()?,
        hour: two(text, 7)?,
        minute: two(text, 10)?,
        second: two(text, 13)?,
        micros: 0,
        zone: Zone::Unstated,
    })
}

fn rfc3339_stamp(text: &[u8]) -> Option<Timestamp> {
    let year = u16::try_from(to_number(text.get(..4)?)?).ok()?;
    let mut rest = text.get(19..)?;
    let mut micros = 0;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
        micros = crate::scan::micros(fraction.get(..digits)?);
        rest = fraction.get(digits..)?;
    }
    let zone = if rest == b"Z" {
        Zone::Utc
    } else {
        let secs = i32::from(two(rest, 1)?) * 3600 + i32::from(two(rest, 4)?) * 60;
        Zone::Offset(if rest.first() == Some(&b'-') {
            -secs
        } else {
            secs
        })
    };
    Some(Timestamp {
        year: Some(year),
        month: two(text, 5)?,
        day: two(text, 8)?,
        hour: two(text, 11)?,
        minute: two(text, 14)?,
        second: two(text, 17)?,
        micros,
        zone,
    })
}

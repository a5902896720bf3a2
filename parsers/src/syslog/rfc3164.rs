//! RFC 3164: the traditional format of `/var/log/mail.log`.

use super::digits::{Time, day, fraction, one};
use super::origin;
use crate::{Record, Timestamp};

/// Parses a line with a traditional stamp.
///
/// Shapes: `May  1 12:34:56 {host} {tag}[{pid}]: {message}` (syslogd),
/// `May 01 12:34:56 …` (Postfix's maillog_file since 3.4, `journalctl -o short`),
/// `May 01 12:34:56.789012 …` (`short-precise`), `May 1 12:34:56 …` (pasted, blanks squeezed),
/// `May  1 12:34:56 <mail.info> {host} …` (FreeBSD `syslogd -v`); what may follow the stamp is
/// told in [`origin`]. The stamp has no year and no zone.
pub(super) fn parse(line: &[u8]) -> Option<Record<'_>> {
    let (timestamp, rest) = stamp(line)?;
    let rest = rest.strip_prefix(b" ")?;
    origin::parse(timestamp, without_bsd_priority(rest))
}

/// Reads a stamp with its fraction, and returns what stands behind it.
pub(super) fn stamp(line: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (mut timestamp, rest) = whole_seconds(line)?;
    let (micros, rest) = fraction(rest);
    timestamp.micros = micros;
    Some((timestamp, rest))
}

/// Reads `May  1 12:34:56`, and returns what stands behind it.
fn whole_seconds(line: &[u8]) -> Option<(Timestamp, &[u8])> {
    let Some((text, rest)) = line.split_first_chunk::<15>() else {
        return squeezed_stamp(line);
    };
    let [m1, m2, m3, b' ', d1, d2, b' ', time @ ..] = *text else {
        return squeezed_stamp(line);
    };
    let month = month([m1, m2, m3])?;
    Some((Time::parse(time)?.on(None, month, day(d1, d2)?), rest))
}

/// Reads `May 1 12:34:56`: a day of one digit without padding.
#[cold]
fn squeezed_stamp(line: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (text, rest) = line.split_first_chunk::<14>()?;
    let [m1, m2, m3, b' ', day, b' ', time @ ..] = *text else {
        return None;
    };
    let day = one(day).filter(|day| *day > 0)?;
    Some((Time::parse(time)?.on(None, month([m1, m2, m3])?, day), rest))
}

fn month(name: [u8; 3]) -> Option<u8> {
    Some(match &name {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    })
}

/// Drops the `<mail.info> ` that FreeBSD's `syslogd -v` writes, `<2.6> ` with one `-v`.
fn without_bsd_priority(rest: &[u8]) -> &[u8] {
    let Some(inside) = rest.strip_prefix(b"<") else {
        return rest;
    };
    let end = inside
        .iter()
        .take(24)
        .position(|byte| matches!(byte, b'>' | b' '));
    end.and_then(|end| inside.get(end..))
        .and_then(|tail| tail.strip_prefix(b"> "))
        .unwrap_or(rest)
}

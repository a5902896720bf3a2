//! RFC 3339 stamps: rsyslog's default since Debian 12, syslog-ng's ISO, `journalctl -o short-iso`.

use super::digits::{Time, day, fraction, two};
use super::origin;
use crate::{Record, Timestamp, Zone};

/// Parses a line with an RFC 3339 stamp.
///
/// Shapes: `2024-05-01T12:34:56.789012+02:00 {host} {tag}[{pid}]: {message}`; the fraction has any
/// number of digits behind a point or a comma, or is missing; the zone is `Z`, `+02:00`, `+0200`
/// (`journalctl -o short-iso`), `+02` or missing; a blank may stand for the `T` (Dovecot's
/// `log_timestamp`). What may follow is told in [`origin`].
pub(super) fn parse(line: &[u8]) -> Option<Record<'_>> {
    let (timestamp, rest) = stamp(line)?;
    origin::parse(timestamp, rest.strip_prefix(b" ")?)
}

/// Parses `Wed 2024-05-01 12:34:56 CEST {host} …` (`journalctl -o short-full`).
#[cold]
pub(super) fn parse_weekday(line: &[u8]) -> Option<Record<'_>> {
    let (timestamp, rest) = weekday_stamp(line)?;
    origin::parse(timestamp, rest.strip_prefix(b" ")?)
}

/// Reads `Wed 2024-05-01 12:34:56 CEST`, and returns what stands behind it.
///
/// The abbreviation names no zone for sure (`IST` is three of them): only `UTC` is taken.
#[cold]
pub(super) fn weekday_stamp(line: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (weekday, rest) = line.split_first_chunk::<4>()?;
    let [
        b'M' | b'T' | b'W' | b'F' | b'S',
        b'a'..=b'z',
        b'a'..=b'z',
        b' ',
    ] = weekday
    else {
        return None;
    };
    let (mut timestamp, rest) = stamp(rest)?;
    let rest = rest.strip_prefix(b" ")?;
    let (zone, rest) = rest.split_at_checked(memchr::memchr(b' ', rest)?)?;
    if zone == b"UTC" {
        timestamp.zone = Zone::Utc;
    }
    Some((timestamp, rest))
}

/// Reads a stamp with its fraction and zone, and returns what stands behind it.
pub(super) fn stamp(line: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (text, rest) = line.split_first_chunk::<19>()?;
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T' | b't' | b' ',
        time @ ..,
    ] = *text
    else {
        return None;
    };
    let year = u16::from(two(y1, y2)?) * 100 + u16::from(two(y3, y4)?);
    let month = two(m1, m2).filter(|month| (1..=12).contains(month))?;
    let day = day(d1, d2).filter(|_| d1 != b' ')?;
    let mut timestamp = Time::parse(time)?.on(Some(year), month, day);
    let (micros, rest) = fraction(rest);
    timestamp.micros = micros;
    let (zone, rest) = zone(rest)?;
    timestamp.zone = zone;
    Some((timestamp, rest))
}

/// Reads `Z`, `+02:00`, `+0200`, `+02` or nothing.
fn zone(text: &[u8]) -> Option<(Zone, &[u8])> {
    let (sign, digits) = match text.split_first() {
        Some((b'Z' | b'z', rest)) => return Some((Zone::Utc, rest)),
        Some((b'+', rest)) => (1, rest),
        Some((b'-', rest)) => (-1, rest),
        _ => return Some((Zone::Unstated, text)),
    };
    let (&[h1, h2], rest) = digits.split_first_chunk::<2>()?;
    let hours = two(h1, h2).filter(|hours| *hours <= 23)?;
    let (minutes, rest) = zone_minutes(rest)?;
    let seconds = i32::from(hours) * 3600 + i32::from(minutes) * 60;
    Some((Zone::Offset(sign * seconds), rest))
}

fn zone_minutes(text: &[u8]) -> Option<(u8, &[u8])> {
    let digits = text.strip_prefix(b":").unwrap_or(text);
    match digits.split_first_chunk::<2>() {
        Some((&[m1, m2], rest)) if m1 != b' ' => {
            Some((two(m1, m2).filter(|minutes| *minutes <= 59)?, rest))
        }
        _ => Some((0, text)),
    }
}

//! Lines of anvil(8): the highest rates and counts of a period.

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::sequence::{preceded, terminated};

use super::{Event, Parsed};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{Scan, before_last, mismatch, number, split_once, word};

event_struct! {
    /// The highest rate of a period.
    ///
    /// Shape: `statistics: max {what} rate {count}/{seconds}s for ({service}:{client_address}) at
    /// {time}`. Source: Postfix `src/anvil/anvil.c`; since 2.3, `auth` since 3.1, `tlstrace` in 3.12
    /// snapshots; since 3.8 the address may be a network, `2001:db8::/84`. Units: `count` events in
    /// `seconds`; `time` is the machine's wall clock.
    pub struct Rate<'a> {
        /// `connection`, `message`, `recipient`, `newtls`, `auth` or `tlstrace`.
        pub what: &'a [u8],
        /// How many in the period.
        pub count: u64,
        /// The length of the period.
        pub seconds: u64,
        /// The service, as master.cf names it: `smtp`, `127.0.0.1:10025`, `[::1]:2525`.
        pub service: &'a [u8],
        /// The client's address or network, or `unknown`.
        pub client_address: &'a [u8],
        /// When, e.g. `May  1 12:34:56`.
        pub time: &'a [u8],
    }
}

event_struct! {
    /// The highest number of simultaneous connections of a client.
    ///
    /// Shape: `statistics: max connection count {count} for ({service}:{client_address}) at {time}`.
    /// Source: Postfix `src/anvil/anvil.c`; since 2.3.
    pub struct Count<'a> {
        /// How many at a time.
        pub count: u64,
        /// The service.
        pub service: &'a [u8],
        /// The client's address or network.
        pub client_address: &'a [u8],
        /// When.
        pub time: &'a [u8],
    }
}

event_struct! {
    /// The highest number of clients that anvil kept in memory.
    ///
    /// Shape: `statistics: max cache size {size} at {time}`. Source: Postfix `src/anvil/anvil.c`;
    /// since 2.3.
    pub struct Cache<'a> {
        /// How many clients.
        pub size: u64,
        /// When.
        pub time: &'a [u8],
    }
}

/// Parses a message of anvil.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    let Some(rest) = message.strip_prefix(b"statistics: max ") else {
        return Err(Reason("anvil"));
    };
    let found = alt((
        |input| cache(input).map(|(rest, cache)| (rest, Event::AnvilCache(cache))),
        |input| count(input).map(|(rest, count)| (rest, Event::AnvilCount(count))),
        |input| rate(input).map(|(rest, rate)| (rest, Event::AnvilRate(rate))),
    ))
    .parse(rest);
    found
        .map(|(_, event)| event)
        .map_err(|_| Reason("anvil statistics"))
}

fn cache(input: &[u8]) -> Scan<'_, Cache<'_>> {
    let (time, size) =
        preceded(tag("cache size "), terminated(number, tag(" at "))).parse(input)?;
    Ok((b"", Cache { size, time }))
}

fn count(input: &[u8]) -> Scan<'_, Count<'_>> {
    let (rest, count) = preceded(tag("connection count "), number).parse(input)?;
    let (rest, (service, client_address, time)) = place(rest)?;
    Ok((
        rest,
        Count {
            count,
            service,
            client_address,
            time,
        },
    ))
}

fn rate(input: &[u8]) -> Scan<'_, Rate<'_>> {
    let (rest, (what, _, count, _, seconds, _)) =
        (word, tag(" rate "), number, tag("/"), number, tag("s")).parse(input)?;
    let (rest, (service, client_address, time)) = place(rest)?;
    Ok((
        rest,
        Rate {
            what,
            count,
            seconds,
            service,
            client_address,
            time,
        },
    ))
}

/// Service, address and time.
type Place<'a> = (&'a [u8], &'a [u8], &'a [u8]);

/// Reads ` for ({service}:{address}) at {time}`.
fn place(input: &[u8]) -> Scan<'_, Place<'_>> {
    let (rest, _) = tag(" for (").parse(input)?;
    let Some((place, time)) = before_last(rest, b") at ") else {
        return mismatch();
    };
    let Some((service, address)) = split_service(place) else {
        return mismatch();
    };
    Ok((b"", (service, address, time)))
}

/// Splits at the first colon after which an address follows: a service may hold colons itself.
///
/// The port of `192.0.2.1:25` or `[::1]:2525` before an IPv6 address would look like a part of that
/// address, so behind a host the search begins at its port.
fn split_service(place: &[u8]) -> Option<(&[u8], &[u8])> {
    let host = match place.first() {
        Some(b'[') => memchr::memchr(b']', place)? + 1,
        _ => memchr::memchr(b':', place)?,
    };
    let has_port = place
        .get(..host)?
        .iter()
        .any(|byte| matches!(byte, b'[' | b'.'));
    let from = if has_port { host + 1 } else { 0 };
    for at in memchr::memchr_iter(b':', place.get(from..)?) {
        let (service, address) = (place.get(..from + at)?, place.get(from + at + 1..)?);
        if is_address(address) {
            return Some((service, address));
        }
    }
    split_once(place, b":")
}

/// Tells whether the text is an address or network, or the word for none.
fn is_address(text: &[u8]) -> bool {
    let (address, _) = split_once(text, b"/").unwrap_or((text, b""));
    if address == b"unknown" {
        return true;
    }
    core::str::from_utf8(address).is_ok_and(|address| address.parse::<core::net::IpAddr>().is_ok())
        || is_masked(address)
}

/// Addresses as people mask them: `2a00:1838:20:1::XXXX:XXXX`.
fn is_masked(address: &[u8]) -> bool {
    let is_mask = |byte: &u8| matches!(byte, b'x' | b'X' | b'*');
    address.iter().any(is_mask)
        && address
            .iter()
            .all(|byte| is_mask(byte) || byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_services_from_addresses() {
        for (place, service, address) in [
            ("smtp:192.0.2.66", "smtp", "192.0.2.66"),
            ("submission:2001:db8::9", "submission", "2001:db8::9"),
            ("smtpd:2001:db8:0:1::/84", "smtpd", "2001:db8:0:1::/84"),
            ("127.0.0.1:10025:127.0.0.1", "127.0.0.1:10025", "127.0.0.1"),
            ("192.0.2.14:25:2001:db8::9", "192.0.2.14:25", "2001:db8::9"),
            ("[::1]:2525:2001:db8::9", "[::1]:2525", "2001:db8::9"),
            (
                "[2001:db8::1]:25:192.0.2.1",
                "[2001:db8::1]:25",
                "192.0.2.1",
            ),
            ("smtp:unknown", "smtp", "unknown"),
            (
                "10025:2001:db8:20:1::XXXX:XXXX",
                "10025",
                "2001:db8:20:1::XXXX:XXXX",
            ),
        ] {
            let expected = Some((service.as_bytes(), address.as_bytes()));
            assert_eq!(split_service(place.as_bytes()), expected, "{place}");
        }
    }
}

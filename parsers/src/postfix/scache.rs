//! Lines of scache(8), the cache of connections, and of verify(8), the cache of probes; also the
//! cleanup line of both and postscreen's caches.

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::sequence::preceded;

use super::mention::Text;
use super::{Event, Parsed};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{Scan, before, before_last, find, number, split_once};

event_struct! {
    /// Statistics of the connection cache; each line has some of the numbers.
    ///
    /// Shape: `statistics: start interval {time}`, `statistics: {what} lookup hits={hits}
    /// miss={misses} success={success}%`, `statistics: max simultaneous domains={domains}
    /// addresses={addresses} connection={connections}`. Source: Postfix `src/scache/scache.c`; since
    /// 2.3. Units: `success` in percent; `time` is the machine's wall clock.
    pub struct Stats<'a> {
        /// `start`, `domain`, `address` or `max`.
        pub what: &'a [u8],
        /// When the period began.
        pub time: Option<&'a [u8]>,
        /// Lookups that found a connection.
        pub hits: Option<u64>,
        /// Lookups that found none.
        pub misses: Option<u64>,
        /// The share of hits.
        pub success: Option<u64>,
        /// The most domains at a time.
        pub domains: Option<u64>,
        /// The most addresses at a time.
        pub addresses: Option<u64>,
        /// The most connections at a time.
        pub connections: Option<u64>,
    }
}

event_struct! {
    /// Old entries were taken out of a cache, by postscreen or verify.
    ///
    /// Shape: `cache {table} {full|partial} cleanup: retained={retained} dropped={dropped} entries`.
    /// Source: Postfix `src/util/dict_cache.c`; since 2.7.
    pub struct CacheCleanup<'a> {
        /// The table, `type:path`.
        pub table: &'a [u8],
        /// `full` or `partial`.
        pub what: &'a [u8],
        /// Entries that stayed.
        pub retained: u64,
        /// Entries that went.
        pub dropped: u64,
    }
}

event_struct! {
    /// A notice of verify about its cache.
    ///
    /// Shape: `warning: bad address verify table entry: {text}`, `warning: bad recipient status
    /// {status} for recipient {address}`, `{table} cache cleanup will start after {n}s`. Source:
    /// Postfix `src/verify/verify.c`, `src/util/dict_cache.c`; since 2.3.
    pub struct Verify<'a> {
        /// The recipient.
        pub address: Option<&'a [u8]>,
        /// The status.
        pub status: Option<u64>,
        /// The text after the severity word.
        pub text: Text<'a>,
    }
}

const NOTHING: Stats<'static> = Stats {
    what: b"",
    time: None,
    hits: None,
    misses: None,
    success: None,
    domains: None,
    addresses: None,
    connections: None,
};

/// Parses a message of scache.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    let Some(rest) = message.strip_prefix(b"statistics: ") else {
        return Err(Reason("scache"));
    };
    if let Some(time) = rest.strip_prefix(b"start interval ") {
        let start = Stats {
            what: b"start",
            time: Some(time),
            ..NOTHING
        };
        return Ok(Event::ScacheStats(start));
    }
    match alt((lookup, maximum)).parse(rest) {
        Ok((_, stats)) => Ok(Event::ScacheStats(stats)),
        Err(_) => Err(Reason("scache statistics")),
    }
}

fn lookup(input: &[u8]) -> Scan<'_, Stats<'_>> {
    let (rest, what) = before(" lookup ")(input)?;
    let (rest, (hits, misses, success)) = (
        preceded(tag("hits="), number),
        preceded(tag(" miss="), number),
        preceded(tag(" success="), number),
    )
        .parse(rest)?;
    let (hits, misses, success) = (Some(hits), Some(misses), Some(success));
    Ok((
        rest,
        Stats {
            what,
            hits,
            misses,
            success,
            ..NOTHING
        },
    ))
}

fn maximum(input: &[u8]) -> Scan<'_, Stats<'_>> {
    let (rest, (domains, addresses, connections)) = (
        preceded(tag("max simultaneous domains="), number),
        preceded(tag(" addresses="), number),
        preceded(tag(" connection="), number),
    )
        .parse(input)?;
    let (domains, addresses, connections) = (Some(domains), Some(addresses), Some(connections));
    Ok((
        rest,
        Stats {
            what: b"max",
            domains,
            addresses,
            connections,
            ..NOTHING
        },
    ))
}

/// Parses the cleanup line of a cache, of postscreen or verify.
pub(super) fn cache_cleanup(message: &[u8]) -> Option<Event<'_>> {
    let rest = message.strip_prefix(b"cache ")?;
    let (head, counts) = split_once(rest, b" cleanup: ")?;
    let (table, what) = before_last(head, b" ")?;
    let (_, (retained, dropped)) = (
        preceded(tag::<_, _, ()>("retained="), number),
        preceded(tag(" dropped="), number),
    )
        .parse(counts)
        .ok()?;
    Some(Event::CacheCleanup(CacheCleanup {
        table,
        what,
        retained,
        dropped,
    }))
}

/// Parses a message of verify.
pub(super) fn parse_verify(message: &[u8]) -> Parsed<'_> {
    cache_cleanup(message)
        .or_else(|| verify(message).map(Event::Verify))
        .ok_or(Reason("verify"))
}

fn verify(message: &[u8]) -> Option<Verify<'_>> {
    let Some(text) = message.strip_prefix(b"warning: ") else {
        find(message, b" cache cleanup will start after ")?;
        return Some(Verify {
            address: None,
            status: None,
            text: Text(message),
        });
    };
    if let Some(rest) = text.strip_prefix(b"bad recipient status ") {
        let (rest, status) = number(rest).ok()?;
        let address = rest.strip_prefix(b" for recipient ");
        return Some(Verify {
            address,
            status: Some(status),
            text: Text(text),
        });
    }
    let is_entry = text.starts_with(b"bad address verify table entry: ");
    is_entry.then_some(Verify {
        address: None,
        status: None,
        text: Text(text),
    })
}

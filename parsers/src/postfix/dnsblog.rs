//! Lines of dnsblog(8), postscreen's DNSBL client.

use super::{Event, Parsed};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::split_once;

event_struct! {
    /// A DNSBL (or an allow-list) knows an address: one line for each of its answers.
    ///
    /// Shape: `addr {address} listed by domain {domain} as {result}`. Source: Postfix
    /// `src/dnsblog/dnsblog.c`; since 2.8.
    pub struct Listed<'a> {
        /// The client's address.
        pub address: &'a [u8],
        /// The list.
        pub domain: &'a [u8],
        /// Its answer, an address in 127.0.0.0/8.
        pub result: &'a [u8],
    }
}

event_struct! {
    /// A DNSBL could not be asked.
    ///
    /// Shape: `warning: dnsblog_query: lookup error for DNS query {query}: {reason}`. Source: Postfix
    /// `src/dnsblog/dnsblog.c`; since 2.8.
    pub struct Warning<'a> {
        /// The name that was looked up.
        pub query: &'a [u8],
        /// The name service's error.
        pub reason: &'a [u8],
    }
}

/// Parses a message of dnsblog.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    listed(message)
        .map(Event::DnsblogListed)
        .or_else(|| warning(message).map(Event::DnsblogWarning))
        .ok_or(Reason("dnsblog"))
}

fn listed(message: &[u8]) -> Option<Listed<'_>> {
    let rest = message.strip_prefix(b"addr ")?;
    let (address, rest) = split_once(rest, b" listed by domain ")?;
    let (domain, result) = split_once(rest, b" as ")?;
    Some(Listed {
        address,
        domain,
        result,
    })
}

fn warning(message: &[u8]) -> Option<Warning<'_>> {
    let rest = message.strip_prefix(b"warning: dnsblog_query: lookup error for DNS query ")?;
    let (query, reason) = split_once(rest, b": ")?;
    Some(Warning { query, reason })
}

//! Lines about DANE: TLSA records, what matched them, and whether DNSSEC works at all.

use crate::fields::event_struct;
use crate::postfix::{Event, Peer};
use crate::scan::{before_last, peer, small_number, split_once, word};

event_struct! {
    /// TLSA records that could not be looked up or used.
    ///
    /// Shape: `warning: DANE TLSA lookup problem: {reason}` (2.11), `warning: {peer}: all TLSA records
    /// unusable[, …]` (3.6), `warning: DNSSEC status lookup error for {query}: {reason}`, `warning:
    /// {query}[ -> {alias}]: {unsupported TLSA …|truncated TLSA RR …}`, up to 3.5 `warning: {reason}
    /// in RR: {query} IN TLSA …`, `warning: {query}: dane-only configured with dnssec lookups
    /// disabled`. Source: Postfix `src/tls/tls_dane.c`, `src/smtp/smtp_tls_policy.c`.
    pub struct DaneProblem<'a> {
        /// The name that was looked up.
        pub query: Option<&'a [u8]>,
        /// The server.
        pub peer: Option<Peer<'a>>,
        /// What is wrong.
        pub reason: &'a [u8],
    }
}

event_struct! {
    /// A certificate or key matched (`tls_loglevel` 2).
    ///
    /// Shape: `{peer}: {what}…` with `Matched DANE EE certificate at depth {depth}: {usage} {selector}
    /// {mtype} {fingerprint}`, `Matched DANE raw public key: …` (3.9), `Matched trust anchor at depth
    /// {depth}`, `Matched fingerprint: {fingerprint}`, `matched peername: {name}` (3.6); 2.11 to 3.5
    /// `depth={depth} matched {what} digest {fingerprint}`. Source: Postfix `src/tls/tls_dane.c`,
    /// `src/tls/tls_verify.c`.
    pub struct DaneMatch<'a> {
        /// The server.
        pub peer: Peer<'a>,
        /// What matched, e.g. `DANE EE certificate`.
        pub what: &'a [u8],
        /// Its place in the chain; 0 is the server's own certificate.
        pub depth: Option<u32>,
        /// The certificate usage of the TLSA record.
        pub usage: Option<u32>,
        /// Its selector.
        pub selector: Option<u32>,
        /// Its matching type.
        pub mtype: Option<u32>,
        /// The digest.
        pub fingerprint: Option<&'a [u8]>,
        /// The name.
        pub name: Option<&'a [u8]>,
    }
}

event_struct! {
    /// DNSSEC may not work on this machine, so DANE cannot either.
    ///
    /// Shape: `warning: DNSSEC validation may be unavailable` and `warning: reason: dnssec_probe
    /// '{query}' received {reason}`. Source: Postfix `src/dns/dns_sec.c`; since 3.6.
    pub struct DnssecProbe<'a> {
        /// The probe's query, `type:name`.
        pub query: Option<&'a [u8]>,
        /// What came back.
        pub reason: &'a [u8],
    }
}

/// Parses the lines without severity word: matches.
pub(super) fn parse(message: &[u8]) -> Option<Event<'_>> {
    let (rest, peer) = peer(message).ok()?;
    matched(peer, rest.strip_prefix(b": ")?).map(Event::DaneMatch)
}

/// Parses the text after `warning: `.
pub(super) fn warning(text: &[u8]) -> Option<Event<'_>> {
    dnssec_probe(text)
        .map(Event::DnssecProbe)
        .or_else(|| problem(text).map(Event::DaneProblem))
}

fn matched<'a>(peer: Peer<'a>, text: &'a [u8]) -> Option<DaneMatch<'a>> {
    let nothing = DaneMatch {
        peer,
        what: b"",
        depth: None,
        usage: None,
        selector: None,
        mtype: None,
        fingerprint: None,
        name: None,
    };
    if let Some(name) = text.strip_prefix(b"matched peername: ") {
        return Some(DaneMatch {
            what: b"peername",
            name: Some(name),
            ..nothing
        });
    }
    match text.strip_prefix(b"depth=") {
        Some(rest) => matched_digest(rest, nothing),
        None => Some(matched_record(text.strip_prefix(b"Matched ")?, nothing)),
    }
}

/// Reads `{what}[ at depth {depth}][: {value}]`.
fn matched_record<'a>(text: &'a [u8], nothing: DaneMatch<'a>) -> DaneMatch<'a> {
    let (what, value) =
        split_once(text, b": ").map_or((text, None), |(what, value)| (what, Some(value)));
    let (what, depth) = split_once(what, b" at depth ").map_or((what, None), |(what, depth)| {
        (what, small_number(depth).ok().map(|(_, depth)| depth))
    });
    let found = DaneMatch {
        what,
        depth,
        ..nothing
    };
    match value {
        Some(value) if what == b"fingerprint" => DaneMatch {
            fingerprint: Some(value),
            ..found
        },
        Some(value) => with_record(found, value),
        None => found,
    }
}

/// Reads `{usage} {selector} {mtype} {hex}`.
fn with_record<'a>(found: DaneMatch<'a>, record: &'a [u8]) -> DaneMatch<'a> {
    let mut words = record.splitn(4, |&byte| byte == b' ');
    let mut number = || small_number(words.next()?).ok().map(|(_, number)| number);
    let (usage, selector, mtype) = (number(), number(), number());
    DaneMatch {
        usage,
        selector,
        mtype,
        fingerprint: words.next(),
        ..found
    }
}

/// Reads `0 matched end entity certificate sha256 digest AA:BB:CC`.
fn matched_digest<'a>(text: &'a [u8], nothing: DaneMatch<'a>) -> Option<DaneMatch<'a>> {
    let (rest, depth) = small_number(text).ok()?;
    let (what, fingerprint) = before_last(rest.strip_prefix(b" matched ")?, b" digest ")?;
    Some(DaneMatch {
        what,
        depth: Some(depth),
        fingerprint: Some(fingerprint),
        ..nothing
    })
}

fn dnssec_probe(text: &[u8]) -> Option<DnssecProbe<'_>> {
    if text == b"DNSSEC validation may be unavailable" {
        return Some(DnssecProbe {
            query: None,
            reason: text,
        });
    }
    let rest = text.strip_prefix(b"reason: dnssec_probe '")?;
    let (query, reason) = split_once(rest, b"' received ")?;
    Some(DnssecProbe {
        query: Some(query),
        reason,
    })
}

fn problem(text: &[u8]) -> Option<DaneProblem<'_>> {
    if let Ok((rest, peer)) = peer(text) {
        let reason = rest.strip_prefix(b": ")?;
        return reason
            .starts_with(b"all TLSA records unusable")
            .then_some(DaneProblem {
                query: None,
                peer: Some(peer),
                reason,
            });
    }
    let (query, reason) = lookup(text)
        .or_else(|| old_record(text))
        .or_else(|| record(text))?;
    Some(DaneProblem {
        query,
        peer: None,
        reason,
    })
}

/// What was looked up, and what is wrong.
type Problem<'a> = (Option<&'a [u8]>, &'a [u8]);

/// Reads the lookups that failed.
fn lookup(text: &[u8]) -> Option<Problem<'_>> {
    if let Some(reason) = text.strip_prefix(b"DANE TLSA lookup problem: ") {
        let query = split_once(reason, b" name=").and_then(|(_, rest)| word(rest).ok());
        return Some((query.map(|(_, query)| query), reason));
    }
    let rest = text.strip_prefix(b"DNSSEC status lookup error for ")?;
    let (query, reason) = split_once(rest, b": ")?;
    Some((Some(query), reason))
}

/// Reads `{reason} in RR: {query} IN TLSA …`, up to 3.5.
fn old_record(text: &[u8]) -> Option<Problem<'_>> {
    let (reason, record) = split_once(text, b" in RR: ")?;
    let (query, _) = split_once(record, b" IN TLSA")?;
    Some((Some(query), reason))
}

/// Reads `{query}: {reason}` where the reason is about a record.
fn record(text: &[u8]) -> Option<Problem<'_>> {
    let (query, reason) = split_once(text, b": ")?;
    let starts: &[&[u8]] = &[
        b"unsupported TLSA ",
        b"truncated TLSA RR ",
        b"dane-only configured with ",
    ];
    let is_problem = starts.iter().any(|words| reason.starts_with(words));
    is_problem.then_some((Some(query), reason))
}

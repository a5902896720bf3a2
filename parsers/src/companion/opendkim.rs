//! Lines of OpenDKIM: signatures made and checked. The job id is Postfix's queue id.

use super::{Event, Parsed, job_id, started};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{before_last, queue_id, split_once, trailing_group};

event_struct! {
    /// A mail was signed; one line per signature.
    ///
    /// Shape: `{queue_id}: DKIM-Signature field added (s={selector}, d={domain})`. Source: OpenDKIM
    /// `opendkim/opendkim.c`.
    pub struct Signed<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
        /// The selector.
        pub selector: Option<&'a [u8]>,
        /// The signing domain.
        pub domain: Option<&'a [u8]>,
    }
}

event_struct! {
    /// All signatures that count are good; with `SyslogSuccess`.
    ///
    /// Shape: `{queue_id}: DKIM verification successful`.
    pub struct Verified<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
    }
}

event_struct! {
    /// The result of each signature; with `LogResults`.
    ///
    /// Shape: `{queue_id}: signature={id} domain={domain} selector={selector} result="{result}"[;
    /// signature=...]`; an empty result is good.
    pub struct SigResult<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
        /// The first characters of the signature.
        pub signature: &'a [u8],
        /// The signing domain.
        pub domain: Option<&'a [u8]>,
        /// The selector.
        pub selector: Option<&'a [u8]>,
        /// What is wrong with it; empty where nothing is.
        pub result: Option<&'a [u8]>,
        /// Further signatures, as logged.
        pub others: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A signature is broken, in OpenSSL's words.
    ///
    /// Shape: `{queue_id}: [s={selector} d={domain} [a={algorithm} ]]SSL {error}`; the algorithm
    /// since 2.11. The error may be empty.
    pub struct Ssl<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
        /// The selector.
        pub selector: Option<&'a [u8]>,
        /// The signing domain.
        pub domain: Option<&'a [u8]>,
        /// The algorithm.
        pub algorithm: Option<&'a [u8]>,
        /// OpenSSL's error.
        pub error: &'a [u8],
    }
}

event_struct! {
    /// A mail has no signature, or one that cannot be checked.
    ///
    /// Shape: `{queue_id}: {what}[ (s={selector}, d={domain})][: {error}]` with `bad signature
    /// data`, `no signature data`, `key retrieval failed`, `key revoked`, `failed to parse
    /// {header}: header field`.
    pub struct Bad<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
        /// What is wrong, as logged.
        pub what: &'a [u8],
        /// The selector.
        pub selector: Option<&'a [u8]>,
        /// The signing domain.
        pub domain: Option<&'a [u8]>,
        /// Why the key could not be had.
        pub error: Option<&'a [u8]>,
    }
}

event_struct! {
    /// Why a mail is not signed; with `LogWhy`.
    ///
    /// Shape: `{queue_id}: {host} [{address}] not internal`, `not authenticated`, `external host
    /// {host} attempted to send as {domain}`, `no signing table match for '{sender}'`, `no signing
    /// domain match for '{domain}'`, `no signing subdomain match for '{domain}'`.
    pub struct NoSign<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
        /// The client's name.
        pub host: Option<&'a [u8]>,
        /// The client's address.
        pub address: Option<&'a [u8]>,
        /// The domain that the mail is from.
        pub domain: Option<&'a [u8]>,
        /// The author's address.
        pub sender: Option<&'a [u8]>,
        /// Why.
        pub reason: &'static str,
    }
}

event_struct! {
    /// A line about no mail, or a note on one.
    ///
    /// Shape: `OpenDKIM Filter v{version} {starting|terminating ...}`, `ignoring header field
    /// '{header}'`, `too much header data`, `{key}: key data is not secure: {text}`.
    pub struct Misc<'a> {
        /// The version.
        pub version: Option<&'a [u8]>,
        /// The command line.
        pub args: Option<&'a [u8]>,
        /// The header field.
        pub header: Option<&'a [u8]>,
        /// The name of the key.
        pub key: Option<&'a [u8]>,
        /// The text.
        pub text: &'a [u8],
    }
}

/// Parses a message of opendkim.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    if let Some(event) = usual(message) {
        return Ok(event);
    }
    parse_any(message)
}

/// Parses the commonest lines of mails, behind Postfix's queue id.
#[inline(always)]
fn usual(message: &[u8]) -> Option<Event<'_>> {
    let (text, queue_id) = queue_id(message).ok()?;
    if let Some(rest) = text.strip_prefix(b"DKIM-Signature field added (") {
        // One group, as opendkim writes it, and no note behind a colon.
        let (selector, domain) = selector_and_domain(rest.strip_suffix(b")")?);
        let is_plain = memchr::memchr3(b'(', b')', b':', rest)? == rest.len() - 1;
        return is_plain.then_some(Event::OpendkimSigned(Signed {
            queue_id,
            selector,
            domain,
        }));
    }
    (text == b"DKIM verification successful")
        .then_some(Event::OpendkimVerified(Verified { queue_id }))
}

/// Parses a line of any shape.
#[inline(never)]
fn parse_any(message: &[u8]) -> Parsed<'_> {
    if let Some(misc) = misc(message) {
        return Ok(Event::OpendkimMisc(misc));
    }
    let Some((queue_id, text)) = job_id(message) else {
        return Err(Reason("opendkim"));
    };
    of_mail(queue_id, text)
        .or_else(|| no_sign(queue_id, text).map(Event::OpendkimNoSign))
        .ok_or(Reason("opendkim text"))
}

fn of_mail<'a>(queue_id: &'a [u8], text: &'a [u8]) -> Option<Event<'a>> {
    if let Some(rest) = text.strip_prefix(b"DKIM-Signature field added") {
        let (selector, domain) = trailing_group_key(rest);
        return Some(Event::OpendkimSigned(Signed {
            queue_id,
            selector,
            domain,
        }));
    }
    if text == b"DKIM verification successful" {
        return Some(Event::OpendkimVerified(Verified { queue_id }));
    }
    if let Some(rest) = text.strip_prefix(b"signature=") {
        return Some(Event::OpendkimSigResult(sig_result(queue_id, rest)));
    }
    ssl(queue_id, text)
        .map(Event::OpendkimSsl)
        .or_else(|| bad(queue_id, text).map(Event::OpendkimBad))
}

/// Reads ` (s={selector}, d={domain})` at the end.
fn trailing_group_key(text: &[u8]) -> (Option<&[u8]>, Option<&[u8]>) {
    match trailing_group(text) {
        Some((_, group)) => selector_and_domain(group),
        None => (None, None),
    }
}

fn selector_and_domain(group: &[u8]) -> (Option<&[u8]>, Option<&[u8]>) {
    let (selector, domain) = split_once(group, b", ").unwrap_or((group, b""));
    (selector.strip_prefix(b"s="), domain.strip_prefix(b"d="))
}

fn sig_result<'a>(queue_id: &'a [u8], rest: &'a [u8]) -> SigResult<'a> {
    let (first, others) = match split_once(rest, b"; signature=") {
        Some((first, _)) => (first, rest.get(first.len() + b"; ".len()..)),
        None => (rest, None),
    };
    let (head, result) = match split_once(first, b" result=\"") {
        Some((head, result)) => (head, Some(result.strip_suffix(b"\"").unwrap_or(result))),
        None => (first, None),
    };
    let (head, selector) = split_key(head, b" selector=");
    let (signature, domain) = split_key(head, b" domain=");
    SigResult {
        queue_id,
        signature,
        domain,
        selector,
        result,
        others,
    }
}

fn split_key<'a>(text: &'a [u8], key: &[u8]) -> (&'a [u8], Option<&'a [u8]>) {
    split_once(text, key).map_or((text, None), |(left, value)| (left, Some(value)))
}

fn ssl<'a>(queue_id: &'a [u8], text: &'a [u8]) -> Option<Ssl<'a>> {
    let mut ssl = Ssl {
        queue_id,
        selector: None,
        domain: None,
        algorithm: None,
        error: b"",
    };
    let mut rest = text;
    while let Some((word, tail)) = split_once(rest, b" ") {
        if let Some(selector) = word.strip_prefix(b"s=") {
            ssl.selector = Some(selector);
        } else if let Some(domain) = word.strip_prefix(b"d=") {
            ssl.domain = Some(domain);
        } else if let Some(algorithm) = word.strip_prefix(b"a=") {
            ssl.algorithm = Some(algorithm);
        } else {
            break;
        }
        rest = tail;
    }
    ssl.error = rest.strip_prefix(b"SSL")?.trim_ascii();
    Some(ssl)
}

fn bad<'a>(queue_id: &'a [u8], text: &'a [u8]) -> Option<Bad<'a>> {
    let whats: [&[u8]; 5] = [
        b"bad signature data",
        b"no signature data",
        b"key retrieval failed",
        b"key revoked",
        b"failed to parse ",
    ];
    if !whats.iter().any(|what| text.starts_with(what)) {
        return None;
    }
    let mut bad = Bad {
        queue_id,
        what: text,
        selector: None,
        domain: None,
        error: None,
    };
    if let Some((what, rest)) = split_once(text, b" (") {
        let (group, error) = split_key(rest, b"): ");
        bad.what = what;
        bad.error = error;
        (bad.selector, bad.domain) = selector_and_domain(group.strip_suffix(b")").unwrap_or(group));
    }
    Some(bad)
}

fn no_sign<'a>(queue_id: &'a [u8], text: &'a [u8]) -> Option<NoSign<'a>> {
    let mut found = NoSign {
        queue_id,
        host: None,
        address: None,
        domain: None,
        sender: None,
        reason: "not authenticated",
    };
    if text == b"not authenticated" {
        return Some(found);
    }
    if let Some((host, address)) = text
        .strip_suffix(b"] not internal")
        .and_then(|client| before_last(client, b" ["))
    {
        found.host = Some(host);
        found.address = Some(address);
        found.reason = "not internal";
    } else if let Some(rest) = text.strip_prefix(b"external host ") {
        let (host, domain) = split_once(rest, b" attempted to send as ")?;
        found.host = Some(host);
        found.domain = Some(domain);
        found.reason = "external host";
    } else if let Some(sender) = text.strip_prefix(b"no signing table match for ") {
        found.sender = Some(unquoted(sender));
        found.reason = "no signing table match";
    } else if let Some(domain) = text.strip_prefix(b"no signing subdomain match for ") {
        found.domain = Some(unquoted(domain));
        found.reason = "no signing subdomain match";
    } else {
        let domain = text.strip_prefix(b"no signing domain match for ")?;
        found.domain = Some(unquoted(domain));
        found.reason = "no signing domain match";
    }
    Some(found)
}

fn unquoted(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"'")
        .and_then(|text| text.strip_suffix(b"'"))
        .unwrap_or(text)
}

fn misc(message: &[u8]) -> Option<Misc<'_>> {
    let mut misc = Misc {
        version: None,
        args: None,
        header: None,
        key: None,
        text: message,
    };
    if let Some(rest) = message.strip_prefix(b"OpenDKIM Filter v") {
        (misc.version, misc.args) = started(rest);
    } else if let Some(header) = message.strip_prefix(b"ignoring header field ") {
        misc.header = Some(unquoted(header));
    } else if let Some((key, text)) = split_once(message, b": key data is not secure") {
        misc.key = Some(key);
        misc.text = message.get(message.len() - text.len() - b"key data is not secure".len()..)?;
    } else if message != b"too much header data" {
        return None;
    }
    Some(misc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_lines_are_read_as_all_others_are() {
        for line in [
            &b"4F1A22C0D9E: DKIM-Signature field added (s=s2026, d=example.org)"[..],
            b"4F1A22C0D9E: DKIM-Signature field added (s=s2026)",
            b"4F1A22C0D9E: DKIM verification successful",
        ] {
            assert_eq!(usual(line), parse_any(line).ok());
            assert!(usual(line).is_some());
        }
        for line in [
            &b"4F1A22C0D9E: DKIM-Signature field added"[..],
            b"4F1A22C0D9E: DKIM-Signature field added (s=a(b), d=c)",
            b"4F1A22C0D9E: DKIM-Signature field added (s=a: key data is not secure: x)",
            b"4F1A22C0D9E: DKIM verification successful?",
            b"own: key data is not secure: x",
        ] {
            assert_eq!(usual(line), None);
            assert_eq!(parse(line), parse_any(line));
        }
    }

    #[test]
    fn names_key_and_error_of_a_broken_signature() {
        let line = b"4ZxYw12345z1: s=mail d=example.org a=rsa-sha256 SSL error:04091068:rsa routines:int_rsa_verify:bad signature";
        let Ok(Event::OpendkimSsl(ssl)) = parse(line) else {
            panic!()
        };
        assert_eq!(ssl.algorithm, Some(&b"rsa-sha256"[..]));
        assert_eq!(
            ssl.error,
            b"error:04091068:rsa routines:int_rsa_verify:bad signature"
        );
        let Ok(Event::OpendkimSsl(ssl)) =
            parse(b"4F1A22C0D9E: s=mail d=example.org a=rsa-sha256 SSL ")
        else {
            panic!()
        };
        assert_eq!((ssl.selector, ssl.error), (Some(&b"mail"[..]), &b""[..]));
    }

    #[test]
    fn a_key_that_cannot_be_had_is_named() {
        let line = b"4F1A22C0D9E: key retrieval failed (s=mail, d=example.org): 'mail._domainkey.example.org' record not found";
        let Ok(Event::OpendkimBad(bad)) = parse(line) else {
            panic!()
        };
        assert_eq!(bad.what, b"key retrieval failed");
        assert_eq!(
            (bad.selector, bad.domain),
            (Some(&b"mail"[..]), Some(&b"example.org"[..]))
        );
        assert_eq!(
            bad.error,
            Some(&b"'mail._domainkey.example.org' record not found"[..])
        );
    }

    #[test]
    fn unknown_texts_are_not_passed_off_as_known() {
        assert!(parse(b"4F1A22C0D9E: something new").is_err());
        assert!(parse(b"something new").is_err());
    }
}

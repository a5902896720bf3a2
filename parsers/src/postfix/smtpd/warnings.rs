//! The lines of smtpd with the severity word `warning`, already taken off.

use nom::Parser;
use nom::bytes::complete::tag;
use nom::combinator::rest;
use nom::sequence::{preceded, terminated};

use super::super::mention::Text;
use super::super::{Client, Event, Parsed, milter};
use super::services;
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{
    Scan, before_last, client, find_from, queue_id_or_none, split_number, split_once,
    split_once_here,
};

event_struct! {
    /// A client failed to authenticate.
    ///
    /// Shape: `warning: {client}: SASL {sasl_method} authentication failed: {reason}
    /// [, sasl_username={sasl_username}]`. Up to 3.8 the reason is the server's last challenge in
    /// base64, empty for PLAIN. Source: Postfix `src/smtpd/smtpd_sasl_glue.c`; since 2.3, the user
    /// name since 3.9, 3.8.3, 3.7.8, 3.6.12 and 3.5.22.
    pub struct SaslFailed<'a> {
        /// Who tried.
        pub client: Client<'a>,
        /// The SASL mechanism, as the client named it.
        pub sasl_method: &'a [u8],
        /// Why, in the words of the SASL server; absent when empty.
        pub reason: Option<&'a [u8]>,
        /// The login that was tried, up to 100 bytes; absent for `(unavailable)`.
        pub sasl_username: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A client gave up authentication.
    ///
    /// Shape: `warning: {client}: SASL {sasl_method} authentication aborted`. Source: Postfix
    /// `src/smtpd/smtpd_sasl_glue.c`; since 2.3.
    pub struct SaslAborted<'a> {
        /// Who tried.
        pub client: Client<'a>,
        /// The SASL mechanism, as the client named it.
        pub sasl_method: &'a [u8],
    }
}

event_struct! {
    /// A client went over one of anvil's limits; one kind for each limit.
    ///
    /// Shape: `warning: {limit} limit exceeded: {count} from {client} for service {service}`; for
    /// TLS sessions also `Refusing STARTTLS request from {client} for service {service}`, without a
    /// count. Source: Postfix `src/smtpd/smtpd.c`; since 2.3, AUTH since 3.1.
    pub struct RateLimit<'a> {
        /// How many there were in anvil's time unit, or at the same time.
        pub count: Option<u64>,
        /// Whose they were.
        pub client: Client<'a>,
        /// The service's name in master.cf.
        pub service: &'a [u8],
    }
}

event_struct! {
    /// A TLS wrapper-mode session ended because TLS could not be set up.
    ///
    /// Shape: `warning: Wrapper-mode request dropped from {client} for service {service}. TLS
    /// context initialization failed. …`. Source: Postfix `src/smtpd/smtpd.c`; since 2.3.
    pub struct WrapperDropped<'a> {
        /// The client of the session.
        pub client: Client<'a>,
        /// The service's name in master.cf.
        pub service: &'a [u8],
    }
}

event_struct! {
    /// The name of a client's address does not lead back to the address.
    ///
    /// Shape: `warning: hostname {name} does not resolve to address {address}[: {reason}]`; up to
    /// 2.8 `{address}: hostname {name} verification failed: {reason}` and `{address}: address not
    /// listed for hostname {name}`. Source: Postfix `src/smtpd/smtpd_peer.c`; since 2.3.
    pub struct RdnsMismatch<'a> {
        /// The name that the address claims.
        pub name: &'a [u8],
        /// The client's address.
        pub address: &'a [u8],
        /// The resolver's error.
        pub reason: Option<&'a [u8]>,
    }
}

event_struct! {
    /// An address in a command is malformed.
    ///
    /// Shape: `warning: Illegal address syntax from {client} in {where} command: {text}`. Source:
    /// Postfix `src/smtpd/smtpd.c`; since 2.3.
    pub struct IllegalAddress<'a> {
        /// The client of the session.
        pub client: Client<'a>,
        /// The command.
        pub r#where: &'a [u8],
        /// The argument, as the client sent it.
        pub text: &'a [u8],
    }
}

event_struct! {
    /// A command of another protocol (`smtpd_forbidden_commands`) or with a `:` in it.
    ///
    /// Shape: `warning: non-SMTP command from {client}: {text}`, the text in C escapes, up to 100
    /// bytes. Source: Postfix `src/smtpd/smtpd.c`; since 2.3.
    pub struct NonSmtpCommand<'a> {
        /// The client of the session.
        pub client: Client<'a>,
        /// What the client sent.
        pub text: &'a [u8],
    }
}

event_struct! {
    /// A line of the client is too long.
    ///
    /// Shape: `warning: {client}: request longer than {limit}: {text}...`. Source: Postfix
    /// `src/smtpd/smtpd_chat.c`; since 2.3. Units: `limit` counts bytes.
    pub struct LongRequest<'a> {
        /// The client of the session.
        pub client: Client<'a>,
        /// The limit.
        pub limit: u64,
        /// The first 30 bytes.
        pub text: &'a [u8],
    }
}

event_struct! {
    /// Something is wrong with a BDAT command.
    ///
    /// Shape: `warning: {queue_id|NOQUEUE}: {text} from {client}[{…}]`. Source: Postfix
    /// `src/smtpd/smtpd.c`; since 3.4, `too much BDAT content` since 3.8.18.
    pub struct BdatError<'a> {
        /// The queue id; absent for `NOQUEUE`.
        pub queue_id: Option<&'a [u8]>,
        /// The client of the session.
        pub client: Client<'a>,
        /// What is wrong: `malformed BDAT command syntax`, `null BDAT request`, …
        pub text: &'a [u8],
        /// The command, where it is malformed.
        pub command: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A mail grew over `message_size_limit`; cleanup logs this too.
    ///
    /// Shape: `warning: {queue_id|NOQUEUE}: queue file size limit exceeded`. Source: Postfix
    /// `src/smtpd/smtpd.c`, `src/cleanup/cleanup_out.c`; since 2.3.
    pub struct QueueFileSize<'a> {
        /// The queue id; absent for `NOQUEUE`.
        pub queue_id: Option<&'a [u8]>,
    }
}

event_struct! {
    /// The queue's file system is nearly full.
    ///
    /// Shape: `warning: not enough free space in mail queue: {free_bytes} bytes < {factor}*message
    /// size limit`. Source: Postfix `src/smtpd/smtpd_check.c`; since 2.3.
    pub struct NoSpace<'a> {
        /// How much is free.
        pub free_bytes: u64,
        /// How many times the size limit must be free.
        pub factor: &'a [u8],
    }
}

event_struct! {
    /// ETRN was refused or could not be served.
    ///
    /// Shapes: `warning: {reject:|bad} ETRN {text}... from {client}`, `do not use ETRN in
    /// "sendmail -bs" mode`, `unable to talk to fast flush service`. Source: Postfix
    /// `src/smtpd/smtpd.c`; since 2.3.
    pub struct Etrn<'a> {
        /// What the client asked for, or the warning itself.
        pub text: Text<'a>,
        /// The client of the session, where the line names one.
        pub client: Option<Client<'a>>,
    }
}

event_struct! {
    /// A rare warning of smtpd.
    ///
    /// Shapes: `warning: relay_clientcerts: lookup error for fingerprint …`, `unexpected
    /// SMFIC_UNKNOWN response: …`, `unknown macro name "…" in expansion request`,
    /// `{queue_id|NOQUEUE}: ignoring invalid reject filter result: …`, `…: no @domain in address: …`.
    pub struct Misc<'a> {
        /// The queue id.
        pub queue_id: Option<&'a [u8]>,
        /// The warning.
        pub text: Text<'a>,
    }
}

/// Parses a warning of smtpd.
pub(super) fn parse(text: &[u8]) -> Parsed<'_> {
    if let Some(rest) = text.strip_prefix(b"hostname ") {
        return match rdns(rest) {
            Some(mismatch) => Ok(Event::RdnsMismatch(mismatch)),
            None => any(text),
        };
    }
    if let Ok((rest, client)) = client(text)
        && let Some(rest) = rest.strip_prefix(b": ")
        && let Some(failed) = sasl_failed(client, rest)
    {
        return Ok(Event::SaslAuthFailed(failed));
    }
    any(text)
}

/// Parses a warning of any shape.
#[inline(never)]
fn any(text: &[u8]) -> Parsed<'_> {
    of_smtpd(text)
        .or_else(|| milter::parse_warning(text))
        .ok_or(Reason("smtpd warning"))
}

fn of_smtpd(text: &[u8]) -> Option<Event<'_>> {
    if let Some(rest) = text.strip_prefix(b"hostname ") {
        return rdns(rest).map(Event::RdnsMismatch);
    }
    if let Ok((rest, client)) = terminated(client, tag(": ")).parse(text)
        && let Some(event) = of_client(client, rest)
    {
        return Some(event);
    }
    if let Ok((rest, queue_id)) = queue_id_or_none(text) {
        return of_queue_id(queue_id, rest);
    }
    parse_shared(text)
        .or_else(|| rate_limit(text))
        .or_else(|| tls_refused(text))
        .or_else(|| command(text))
        .or_else(|| services::parse(text))
        .or_else(|| old_rdns(text).map(Event::RdnsMismatch))
        .or_else(|| misc(text))
}

/// Parses a warning that other daemons log too.
pub(super) fn parse_shared(text: &[u8]) -> Option<Event<'_>> {
    if let Some(id) = text.strip_suffix(b"queue file size limit exceeded") {
        let (_, queue_id) = queue_id_or_none(id).ok()?;
        return Some(Event::QueueFileSize(QueueFileSize { queue_id }));
    }
    services::parse_shared(text)
}

/// Makes one of the six kinds of [`RateLimit`].
type Wrap<'a> = fn(RateLimit<'a>) -> Event<'a>;

fn rate_limit<'a>(text: &'a [u8]) -> Option<Event<'a>> {
    let limits: [(&[u8], Wrap<'a>); 6] = [
        (b"Connection concurrency limit", Event::RateConnCount),
        (b"Connection rate limit", Event::RateConnRate),
        (b"Message delivery request rate limit", Event::RateMail),
        (b"Recipient address rate limit", Event::RateRcpt),
        (b"AUTH command rate limit", Event::RateAuth),
        (b"New TLS session rate limit", Event::RateNewTls),
    ];
    let (limit, rest) = split_once(text, b" exceeded: ")?;
    let (_, wrap) = limits.iter().find(|(name, _)| *name == limit)?;
    let (count, rest) = split_number(rest)?;
    let (_, (client, service)) = for_service(rest.strip_prefix(b" from ")?).ok()?;
    Some(wrap(RateLimit {
        count: Some(count),
        client,
        service,
    }))
}

/// Parses a refusal of TLS, which counts nothing.
fn tls_refused(text: &[u8]) -> Option<Event<'_>> {
    if let Some(dropped) = text.strip_prefix(b"Wrapper-mode request dropped from ") {
        let (_, (client, service)) = for_service(dropped).ok()?;
        let service = split_once(service, b". ").map_or(service, |(service, _)| service);
        return Some(Event::WrapperDropped(WrapperDropped { client, service }));
    }
    let refused = text
        .strip_prefix(b"Refusing STARTTLS request from ")
        .or_else(|| text.strip_prefix(b"Refusing TLS service request from "))?;
    let (_, (client, service)) = for_service(refused).ok()?;
    Some(Event::RateNewTls(RateLimit {
        count: None,
        client,
        service,
    }))
}

fn for_service(input: &[u8]) -> Scan<'_, (Client<'_>, &[u8])> {
    (client, preceded(tag(" for service "), rest)).parse(input)
}

/// Reads `{name} does not resolve to address {address}[: {reason}]`.
#[inline(always)]
fn rdns(input: &[u8]) -> Option<RdnsMismatch<'_>> {
    let (name, rest) = split_once_here(input, b" does not resolve to address ")?;
    let (address, reason) = match split_once_here(rest, b": ") {
        Some((address, reason)) => (address, Some(reason)),
        None => (rest, None),
    };
    Some(RdnsMismatch {
        name,
        address,
        reason,
    })
}

/// Reads the two shapes of Postfix up to 2.8.
fn old_rdns(text: &[u8]) -> Option<RdnsMismatch<'_>> {
    let (address, rest) = split_once(text, b": ")?;
    if let Some(name) = rest.strip_prefix(b"address not listed for hostname ") {
        let reason = None;
        return Some(RdnsMismatch {
            name,
            address,
            reason,
        });
    }
    let (name, reason) = split_once(rest.strip_prefix(b"hostname ")?, b" verification failed: ")?;
    let reason = Some(reason);
    Some(RdnsMismatch {
        name,
        address,
        reason,
    })
}

/// Parses what follows `{client}: `.
fn of_client<'a>(client: Client<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    if let Some(rest) = rest.strip_prefix(b"request longer than ") {
        let (limit, text) = split_number(rest)?;
        let text = text.strip_prefix(b": ").unwrap_or(text);
        return Some(Event::LongRequest(LongRequest {
            client,
            limit,
            text: text.strip_suffix(b"...").unwrap_or(text),
        }));
    }
    if let Some(failed) = sasl_failed(client, rest) {
        return Some(Event::SaslAuthFailed(failed));
    }
    let (sasl_method, rest) = sasl_method(rest)?;
    (rest == b"authentication aborted").then_some(Event::SaslAuthAborted(SaslAborted {
        client,
        sasl_method,
    }))
}

/// Reads `SASL {method} `; the method is a word of the client's, without blanks.
#[inline(always)]
fn sasl_method(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = text.strip_prefix(b"SASL ")?;
    let (method, behind) = rest.split_at_checked(find_from::<b' '>(rest, 0)?)?;
    Some((method, behind.strip_prefix(b" ")?))
}

#[inline(always)]
fn sasl_failed<'a>(client: Client<'a>, rest: &'a [u8]) -> Option<SaslFailed<'a>> {
    let (sasl_method, rest) = sasl_method(rest)?;
    let rest = rest.strip_prefix(b"authentication failed:")?;
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    // The user name is the client's text and comes last: the first mark is the true one.
    let (reason, user) = match split_once_here(rest, b", sasl_username=") {
        Some((reason, user)) => (reason, Some(user)),
        None => (rest, None),
    };
    Some(SaslFailed {
        client,
        sasl_method,
        reason: Some(reason).filter(|reason| !reason.is_empty()),
        sasl_username: user.filter(|user| *user != b"(unavailable)"),
    })
}

/// Parses what follows `{queue_id}: `.
fn of_queue_id<'a>(queue_id: Option<&'a [u8]>, rest: &'a [u8]) -> Option<Event<'a>> {
    if rest == b"queue file size limit exceeded" {
        return Some(Event::QueueFileSize(QueueFileSize { queue_id }));
    }
    if rest.starts_with(b"ignoring invalid reject filter result: ") {
        return Some(Event::SmtpdMisc(Misc {
            queue_id,
            text: Text(rest),
        }));
    }
    let is_bdat = [
        &b"malformed BDAT command syntax"[..],
        b"null BDAT request",
        b"BDAT request",
        b"too much BDAT content",
    ]
    .iter()
    .any(|lead| rest.starts_with(lead));
    if !is_bdat {
        return None;
    }
    let (text, behind) = split_once(rest, b" from ")?;
    let (behind, client) = client(behind).ok()?;
    Some(Event::BdatError(BdatError {
        queue_id,
        client,
        text: if behind.starts_with(b" ") { rest } else { text },
        command: behind.strip_prefix(b": "),
    }))
}

/// Parses a warning about a command of the client.
fn command(text: &[u8]) -> Option<Event<'_>> {
    if let Some(rest) = text.strip_prefix(b"Illegal address syntax from ") {
        let (rest, client) = client(rest).ok()?;
        let (stage, text) = split_once(rest.strip_prefix(b" in ")?, b" command: ")?;
        return Some(Event::IllegalAddress(IllegalAddress {
            client,
            r#where: stage,
            text,
        }));
    }
    if let Some(rest) = text.strip_prefix(b"non-SMTP command from ") {
        let (text, client) = terminated(client, tag(": ")).parse(rest).ok()?;
        return Some(Event::NonSmtpCommand(NonSmtpCommand { client, text }));
    }
    if let Some(rest) = text.strip_prefix(b"not enough free space in mail queue: ") {
        let (free_bytes, rest) = split_number(rest)?;
        let (_, factor) = split_once(rest, b"bytes < ")?;
        let (factor, _) = split_once(factor, b"*")?;
        return Some(Event::NoSpace(NoSpace { free_bytes, factor }));
    }
    etrn(text).map(Event::Etrn)
}

fn etrn(text: &[u8]) -> Option<Etrn<'_>> {
    let fixed =
        text.starts_with(b"do not use ETRN in ") || text == b"unable to talk to fast flush service";
    if fixed {
        return Some(Etrn {
            text: Text(text),
            client: None,
        });
    }
    let domain = text
        .strip_prefix(b"reject: ETRN ")
        .or_else(|| text.strip_prefix(b"bad ETRN "))?;
    let (domain, from) = before_last(domain, b"... from ")?;
    let (_, client) = client(from).ok()?;
    Some(Etrn {
        text: Text(domain),
        client: Some(client),
    })
}

fn misc(text: &[u8]) -> Option<Event<'_>> {
    let is_misc = text.starts_with(b"relay_clientcerts: lookup error for fingerprint ")
        || text.starts_with(b"unexpected SMFIC_UNKNOWN response: ")
        || text.starts_with(b"unknown macro name \"")
        || crate::scan::find(text, b": no @domain in address: ").is_some();
    is_misc.then_some(Event::SmtpdMisc(Misc {
        queue_id: None,
        text: Text(text),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(field: Option<&[u8]>) -> Option<&str> {
        field.map(|field| core::str::from_utf8(field).unwrap())
    }

    fn sasl(line: &str) -> SaslFailed<'_> {
        match parse(line.as_bytes()) {
            Ok(Event::SaslAuthFailed(failed)) => failed,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_failed_login_keeps_reason_and_user() {
        let found = sasl(
            "unknown[192.0.2.66]:51234: SASL LOGIN authentication failed: (reason unavailable), sasl_username=bob, sasl_username=root",
        );
        assert_eq!(
            (found.sasl_method, text(found.client.port)),
            (&b"LOGIN"[..], Some("51234"))
        );
        assert_eq!(text(found.reason), Some("(reason unavailable)"));
        assert_eq!(text(found.sasl_username), Some("bob, sasl_username=root"));
    }

    #[test]
    fn a_failed_login_may_have_neither() {
        for line in [
            "unknown[192.0.2.66]: SASL PLAIN authentication failed: ",
            "unknown[192.0.2.66]: SASL PLAIN authentication failed:",
            "unknown[192.0.2.66]: SASL PLAIN authentication failed: , sasl_username=(unavailable)",
        ] {
            let found = sasl(line);
            assert_eq!((found.reason, found.sasl_username), (None, None), "{line}");
        }
        let found = sasl("unknown[2001:db8::66]: SASL LOGIN authentication failed: UGFzc3dvcmQ6");
        assert_eq!(text(found.reason), Some("UGFzc3dvcmQ6"));
    }

    #[test]
    fn limits_name_client_and_service() {
        let line = b"Connection rate limit exceeded: 31 from mail.example.net[2001:db8::7] for service [2001:db8::1]:10025";
        let Ok(Event::RateConnRate(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(
            (found.count, found.service),
            (Some(31), &b"[2001:db8::1]:10025"[..])
        );
        let line = b"Refusing STARTTLS request from unknown[192.0.2.66] for service smtps";
        let Ok(Event::RateNewTls(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(
            (found.count, found.client.address),
            (None, &b"192.0.2.66"[..])
        );
        let line = b"Wrapper-mode request dropped from unknown[192.0.2.66] for service smtps. TLS context initialization failed. For details see earlier warnings in your logs.";
        let Ok(Event::WrapperDropped(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(found.service, b"smtps");
    }

    #[test]
    fn ipv6_addresses_do_not_end_at_a_colon() {
        let line = b"hostname dyn.example.net does not resolve to address 2001:db8::66: Name or service not known";
        let Ok(Event::RdnsMismatch(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(
            (found.name, found.address),
            (&b"dyn.example.net"[..], &b"2001:db8::66"[..])
        );
        assert_eq!(text(found.reason), Some("Name or service not known"));
        let line = b"2001:db8::66: address not listed for hostname dyn.example.net";
        let Ok(Event::RdnsMismatch(found)) = parse(line) else {
            panic!()
        };
        assert_eq!((found.address, found.reason), (&b"2001:db8::66"[..], None));
    }

    #[test]
    fn what_attackers_send_stays_in_the_text() {
        let line = b"Illegal address syntax from unknown[192.0.2.66] in RCPT command: <x> in MAIL command: y";
        let Ok(Event::IllegalAddress(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(
            (found.r#where, found.text),
            (&b"RCPT"[..], &b"<x> in MAIL command: y"[..])
        );
        let line = b"non-SMTP command from unknown[192.0.2.66]: x[192.0.2.1]: SASL LOGIN authentication failed: y";
        let Ok(Event::NonSmtpCommand(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(found.client.address, b"192.0.2.66");
        let line = b"bad ETRN x... from y[192.0.2.1]... from unknown[192.0.2.66]";
        let Ok(Event::Etrn(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(found.client.unwrap().address, b"192.0.2.66");
        let line = b"unknown[192.0.2.66]: request longer than 2048: RCPT TO:<aaa...";
        let Ok(Event::LongRequest(found)) = parse(line) else {
            panic!()
        };
        assert_eq!((found.limit, found.text), (2048, &b"RCPT TO:<aaa"[..]));
    }

    #[test]
    fn warnings_of_no_kind_are_left_to_others() {
        for line in [
            "TLS library problem: error:0A0000C1:SSL routines::no shared cipher:../ssl/statem/statem_srvr.c:2220:",
            "hash:/etc/postfix/virtual is unavailable. open database /etc/postfix/virtual.db: No such file or directory",
            "problem talking to service rewrite: Success",
            "tls_text_name: mx1.example.org[203.0.113.25]:25: peer certificate has no subject CN",
            "",
        ] {
            assert!(parse(line.as_bytes()).is_err(), "{line}");
        }
    }
}

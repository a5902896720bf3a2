//! Lines of the SMTP and LMTP client, smtp(8) and lmtp(8), other than deliveries and TLS.

mod warnings;

use nom::Parser;
use nom::bytes::complete::tag;
use nom::combinator::rest;
use nom::sequence::{delimited, preceded};

use super::mention::Text;
use super::reason;
use super::reply::{self, Reply};
use super::rule::Class;
use super::{Event, Parsed, Peer, delivery, tls};
use crate::Reason;
use crate::fields::{Field, Fields, Visitor, event_struct};
use crate::scan::{
    Scan, before, before_last, number, peer, queue_id, rfind, small_number, split_once, word,
};

pub use warnings::Warning;

/// A server could not be reached; others may be tried.
///
/// Shape: `connect to {host}[{address}]:{port}: {reason}`; Postfix 2.3 and 2.4 wrote
/// `connect to {host}[{address}]: {reason} (port {port})`. No queue id stands here. Source:
/// Postfix `src/smtp/smtp_connect.c`; since 2.3. Visited with [`ConnectFailed::reason_class`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectFailed<'a> {
    /// The server; its port is absent for unix sockets.
    pub peer: Peer<'a>,
    /// The system's error text.
    pub reason: &'a [u8],
}

impl<'a> ConnectFailed<'a> {
    /// Names why there was no connection.
    pub fn reason_class(&self) -> Class<'a> {
        let reply = reply::unconnected(self.peer, self.reason);
        reason::classify(self.reason, &reply, None)
    }
}

impl Fields for ConnectFailed<'_> {
    fn visit(&self, visitor: &mut dyn Visitor) {
        self.peer.visit_as("peer", visitor);
        visitor.text("reason", self.reason);
        self.reason_class().visit_as("reason", visitor);
    }
}

/// A server did not take the mail for now, and the next one is tried.
///
/// Shape: `{queue_id}: {reason}`, where the reason is one of those of a delivery line. Source:
/// Postfix `src/smtp/smtp_trouble.c`; since 2.3. Visited with the fields of [`HostSkip::reply`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostSkip<'a> {
    /// The queue id.
    pub queue_id: &'a [u8],
    /// The text, in a stranger's words.
    pub reason: &'a [u8],
}

impl<'a> HostSkip<'a> {
    /// Tells what the reason text says.
    pub fn reply(&self) -> Reply<'a> {
        reply::parse(self.reason, reply::Origin::None, b"")
    }

    /// Names why the server did not take the mail, given its [`HostSkip::reply`].
    pub fn reason_class(&self, reply: &Reply<'a>) -> Class<'a> {
        reason::classify(self.reason, reply, None)
    }
}

impl Fields for HostSkip<'_> {
    fn visit(&self, visitor: &mut dyn Visitor) {
        visitor.text("queue_id", self.queue_id);
        visitor.text("reason", self.reason);
        let reply = self.reply();
        reply.visit(visitor);
        self.reason_class(&reply).visit_as("reason", visitor);
    }
}

event_struct! {
    /// Workarounds for a broken firewall in front of the server.
    ///
    /// Shape: `{queue_id}: enabling PIX workarounds: {workarounds} for {peer}`; 2.3 wrote
    /// `enabling PIX <CRLF>.<CRLF> workaround for {peer}`. Source: Postfix
    /// `src/smtp/smtp_proto.c`; since 2.3.
    pub struct Pix<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
        /// The names of the workarounds, parted by blanks.
        pub workarounds: &'a [u8],
        /// The server.
        pub peer: Peer<'a>,
    }
}

event_struct! {
    /// A rule of `smtp_header_checks` and the like matched.
    ///
    /// Shape: `{queue_id}: {action}: {header|body} {text}[: {optional_text}]`, without the
    /// `from …;` tail of cleanup's. The optional text is not marked off: it is what follows the
    /// last `: ` after the header's own name (for `replace` and `prepend` of a header: the last
    /// thing that looks like a header). Source: Postfix `src/smtp/smtp_proto.c`; since 2.5.
    pub struct HeaderCheck<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
        /// `warning`, `info`, `replace`, `prepend` or `strip`.
        pub action: &'a [u8],
        /// `header` or `body`.
        pub part: &'a [u8],
        /// The line that matched, the first 60 (up to 3.7) or 200 bytes.
        pub text: &'a [u8],
        /// The text of the rule.
        pub optional_text: Option<&'a [u8]>,
    }
}

event_struct! {
    /// `smtp_reply_filter` replaced a server's reply.
    ///
    /// Shape: `{peer}: replacing server reply "{old_reply}" with "{new_reply}"`. Source: Postfix
    /// `src/smtp/smtp_chat.c`; since 2.7.
    pub struct ReplyFilter<'a> {
        /// The server.
        pub peer: Peer<'a>,
        /// What the server said; may hold quotes.
        pub old_reply: &'a [u8],
        /// What the filter made of it.
        pub new_reply: &'a [u8],
    }
}

event_struct! {
    /// A server announced SMTPUTF8 without 8BITMIME, against the standard.
    ///
    /// Shape: `host {peer} offers SMTPUTF8 support, but not 8BITMIME`. Source: Postfix
    /// `src/smtp/smtp_proto.c`; since 3.0.
    pub struct No8bitmime<'a> {
        /// The server; without a port.
        pub peer: Peer<'a>,
    }
}

event_struct! {
    /// A line of the mail was too long and was broken.
    ///
    /// Shape: `{queue_id}: breaking line > {limit} bytes with <CR><LF>SPACE`. Source: Postfix
    /// `src/smtp/smtp_proto.c`; since 3.7. Units: `limit` is in bytes.
    pub struct LineBreak<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
        /// `smtp_line_length_limit`.
        pub limit: u64,
    }
}

event_struct! {
    /// The sender asked for REQUIRETLS, which was not had in full; the mail goes on nevertheless.
    ///
    /// Shape: `{queue_id}: Sender requested REQUIRETLS, but REQUIRETLS support was not offered by
    /// host {server}` or `… but my configured TLS security level '{level}' disables certificate
    /// matching. The last attempted server was {server}`. Source: Postfix
    /// `src/smtp/smtp_proto.c`; since 3.11.
    pub struct RequiretlsInfo<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
        /// The text after the queue id.
        pub text: &'a [u8],
        /// The server's name.
        pub host: &'a [u8],
        /// The server's address, where the text has it.
        pub address: Option<&'a [u8]>,
        /// The security level.
        pub level: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A server offered STARTTLS that was not used (`smtp_tls_note_starttls_offer`).
    ///
    /// Shape: `Host offered STARTTLS: [{host}]`. Source: Postfix `src/smtp/smtp_proto.c`; since 2.3.
    pub struct StarttlsOffered<'a> {
        /// The server's name.
        pub host: &'a [u8],
    }
}

event_struct! {
    /// A name's SRV records were not looked up.
    ///
    /// Shape: `skipping SRV lookup for {query}: {reason}`. Source: Postfix
    /// `src/smtp/smtp_addr.c`; since 3.8.
    pub struct SrvSkip<'a> {
        /// The name.
        pub query: &'a [u8],
        /// Why.
        pub reason: &'a [u8],
    }
}

event_struct! {
    /// Port 465 was given for a destination without the settings that it needs.
    ///
    /// Shape: `SMTPS wrappermode (TCP port 465) requires setting …`, since 3.0; `CLIENT wrappermode
    /// (port smtps/465) is unimplemented` and `instead, send to …` in 2.7 to 2.11. Source: Postfix
    /// `src/smtp/smtp_connect.c`.
    pub struct WrapperHint<'a> {
        /// The text.
        pub text: Text<'a>,
    }
}

event_struct! {
    /// A TLS setting of the client that only compatibility keeps.
    ///
    /// Shape: `using backwards-compatible default setting {name}={value}`, of
    /// `smtp_tls_security_level` and `smtp_tlsrpt_skip_reused_handshakes` (there with `using` twice).
    /// Source: Postfix `src/smtp/smtp.c`; since 3.11.
    pub struct DefaultLevel<'a> {
        /// The parameter.
        pub name: &'a [u8],
        /// Its value.
        pub value: &'a [u8],
    }
}

event_struct! {
    /// A list of a destination's servers, when debugging.
    ///
    /// Shape: `begin {what} address list`, `pref {pref} host {host}/{address}`, `end {what} address
    /// list`. Source: Postfix `src/smtp/smtp_addr.c`; verbose logging only.
    pub struct AddrList<'a> {
        /// `begin` or `end`, and of what; absent for the list's rows.
        pub what: Option<&'a [u8]>,
        /// The preference.
        pub pref: Option<u32>,
        /// The server's name.
        pub host: Option<&'a [u8]>,
        /// The server's address.
        pub address: Option<&'a [u8]>,
    }
}

event_struct! {
    /// What was reported to the destination's TLSRPT service about a handshake.
    ///
    /// Shape: `TLSRPT: status={status}, domain={domain}, receiving_mx={mx}[{address}][,
    /// failure_type={type}[, failure_reason={reason}]]`. Source: Postfix
    /// `src/tls/tlsrpt_wrapper.c`; since 3.10, also from tlsproxy.
    pub struct Tlsrpt<'a> {
        /// `success` or `failure`.
        pub status: &'a [u8],
        /// The policy domain.
        pub domain: Option<&'a [u8]>,
        /// The server's name.
        pub receiving_mx: Option<&'a [u8]>,
        /// The server's address.
        pub receiving_address: Option<&'a [u8]>,
        /// The failure, in the words of RFC 8460 with `_` for `-`.
        pub failure_type: Option<&'a [u8]>,
        /// Its details.
        pub failure_reason: Option<&'a [u8]>,
    }
}

/// Parses a message of smtp or lmtp.
///
/// Returns `Err(Reason("smtp"))`, or a more exact place, when the text has no known shape.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    match queue_id(message) {
        Ok((rest, queue_id)) if rest.starts_with(b"to=") => delivery::parse_rest(queue_id, rest),
        _ => parse_rarer(message),
    }
}

/// Parses a line that says nothing of what became of a mail.
#[inline(never)]
fn parse_rarer(message: &[u8]) -> Parsed<'_> {
    if let Some(connection) = tls::established(message) {
        return Ok(Event::TlsConnection(connection));
    }
    if message.starts_with(b"connect to ") {
        return match connect_failed(message) {
            Ok((_, failed)) => Ok(Event::SmtpConnectFailed(failed)),
            Err(_) => Err(Reason("smtp connect to")),
        };
    }
    if let Some(text) = message.strip_prefix(b"warning: ") {
        return warnings::parse(text).ok_or(Reason("smtp warning"));
    }
    if let Ok((rest, queue_id)) = queue_id(message) {
        return with_queue_id(queue_id, rest)
            .or_else(|| delivery::parse_other(message))
            .ok_or(Reason("smtp queue id"));
    }
    without_queue_id(message).ok_or(Reason("smtp"))
}

fn connect_failed(input: &[u8]) -> Scan<'_, ConnectFailed<'_>> {
    let (text, mut peer) = preceded(tag("connect to "), peer).parse(input)?;
    let (_, mut reason) = preceded(tag(": "), rest).parse(text)?;
    let old_form = reason
        .strip_suffix(b")")
        .and_then(|text| before_last(text, b" (port "));
    if let Some((text, port)) = old_form
        && peer.port.is_none()
    {
        (reason, peer.port) = (text, Some(port));
    }
    Ok((b"", ConnectFailed { peer, reason }))
}

fn with_queue_id<'a>(queue_id: &'a [u8], text: &'a [u8]) -> Option<Event<'a>> {
    if let Ok((_, pix)) = pix(queue_id, text) {
        return Some(Event::SmtpPix(pix));
    }
    if let Some((_, limit)) = line_break(text) {
        return Some(Event::SmtpLineBreak(LineBreak { queue_id, limit }));
    }
    header_check(queue_id, text)
        .map(Event::SmtpHeaderCheck)
        .or_else(|| requiretls_info(queue_id, text).map(Event::SmtpRequiretlsInfo))
        .or_else(|| {
            reply::has_frame(text).then_some(Event::SmtpHostSkip(HostSkip {
                queue_id,
                reason: text,
            }))
        })
}

fn pix<'a>(queue_id: &'a [u8], text: &'a [u8]) -> Scan<'a, Pix<'a>> {
    let (rest, _) = tag("enabling PIX ").parse(text)?;
    let (rest, workarounds) = match preceded(tag("workarounds: "), before(" for ")).parse(rest) {
        Ok(found) => found,
        Err(_) => before(" workaround for ")(rest)?,
    };
    let (rest, peer) = peer(rest)?;
    Ok((
        rest,
        Pix {
            queue_id,
            workarounds,
            peer,
        },
    ))
}

fn line_break(text: &[u8]) -> Option<(&[u8], u64)> {
    delimited(tag("breaking line > "), number, tag(" bytes with "))
        .parse(text)
        .ok()
}

fn header_check<'a>(queue_id: &'a [u8], text: &'a [u8]) -> Option<HeaderCheck<'a>> {
    let (action, rest) = split_once(text, b": ")?;
    if !matches!(
        action,
        b"warning" | b"info" | b"replace" | b"prepend" | b"strip"
    ) {
        return None;
    }
    let (part, line) = split_once(rest, b" ")?;
    let (text, optional_text) = match part {
        b"header" => split_header(line, matches!(action, b"replace" | b"prepend")),
        b"body" => match before_last(line, b": ") {
            Some((text, optional)) => (text, Some(optional)),
            None => (line, None),
        },
        _ => return None,
    };
    Some(HeaderCheck {
        queue_id,
        action,
        part,
        text,
        optional_text,
    })
}

/// Splits a header from the text of the rule.
fn split_header(line: &[u8], by_a_header: bool) -> (&[u8], Option<&[u8]>) {
    let Some((name, _)) = split_once(line, b": ") else {
        return (line, None);
    };
    let body_start = name.len() + 2;
    let mut end = line.len();
    while let Some(at) = line.get(..end).and_then(|head| rfind(head, b": ")) {
        let (Some(text), Some(optional)) = (line.get(..at), line.get(at + 2..)) else {
            break;
        };
        if at < body_start {
            break;
        }
        if !by_a_header || starts_with_header_name(optional) {
            return (text, Some(optional));
        }
        end = at;
    }
    (line, None)
}

fn starts_with_header_name(text: &[u8]) -> bool {
    let name = text
        .iter()
        .take_while(|byte| byte.is_ascii_graphic() && **byte != b':')
        .count();
    name > 0 && text.get(name) == Some(&b':')
}

fn requiretls_info<'a>(queue_id: &'a [u8], text: &'a [u8]) -> Option<RequiretlsInfo<'a>> {
    let rest = text.strip_prefix(b"Sender requested REQUIRETLS, but ")?;
    let (level, server) =
        if let Some(rest) = rest.strip_prefix(b"my configured TLS security level '") {
            let (level, rest) = split_once(rest, b"'")?;
            (
                Some(level),
                split_once(rest, b"The last attempted server was ")?.1,
            )
        } else {
            (
                None,
                rest.strip_prefix(b"REQUIRETLS support was not offered by host ")?,
            )
        };
    let (host, address) = match peer(server) {
        Ok((_, peer)) => (peer.host, Some(peer.address)),
        Err(_) => (server, None),
    };
    Some(RequiretlsInfo {
        queue_id,
        text,
        host,
        address,
        level,
    })
}

fn without_queue_id(message: &[u8]) -> Option<Event<'_>> {
    match message.first()? {
        b'h' => no_8bitmime(message),
        b'H' => starttls_offered(message),
        b'T' => tlsrpt(message),
        b's' => srv_skip(message),
        b'u' => default_level(message),
        b'b' | b'e' | b'p' => addr_list(message),
        _ => None,
    }
    .or_else(|| wrapper_hint(message))
    .or_else(|| reply_filter(message))
}

fn no_8bitmime(message: &[u8]) -> Option<Event<'_>> {
    let (rest, peer) = peer(message.strip_prefix(b"host ")?).ok()?;
    rest.starts_with(b" offers SMTPUTF8 support")
        .then_some(Event::SmtpNo8bitmime(No8bitmime { peer }))
}

fn starttls_offered(message: &[u8]) -> Option<Event<'_>> {
    let host = message.strip_prefix(b"Host offered STARTTLS: [")?;
    let host = host.strip_suffix(b"]").unwrap_or(host);
    Some(Event::SmtpStarttlsOffered(StarttlsOffered { host }))
}

fn srv_skip(message: &[u8]) -> Option<Event<'_>> {
    let rest = message.strip_prefix(b"skipping SRV lookup for ")?;
    let (query, reason) = split_once(rest, b": ")?;
    Some(Event::SmtpSrvSkip(SrvSkip { query, reason }))
}

fn default_level(message: &[u8]) -> Option<Event<'_>> {
    let rest = message.strip_prefix(b"using ")?;
    let rest = rest.strip_prefix(b"using ").unwrap_or(rest);
    let setting = rest.strip_prefix(b"backwards-compatible default setting ")?;
    let (name, value) = split_once(setting, b"=")?;
    matches!(
        name,
        b"smtp_tls_security_level" | b"smtp_tlsrpt_skip_reused_handshakes"
    )
    .then_some(Event::SmtpDefaultLevel(DefaultLevel { name, value }))
}

fn addr_list(message: &[u8]) -> Option<Event<'_>> {
    let row = preceded(tag("pref "), small_number)
        .and(preceded(tag(" host "), word))
        .parse(message);
    if let Ok((_, (pref, server))) = row {
        let (host, address) = split_once(server, b"/")?;
        return Some(Event::SmtpAddrList(AddrList {
            what: None,
            pref: Some(pref),
            host: Some(host),
            address: Some(address),
        }));
    }
    let what = message.strip_suffix(b" address list")?;
    let is_frame = what.starts_with(b"begin ") || what.starts_with(b"end ");
    is_frame.then_some(Event::SmtpAddrList(AddrList {
        what: Some(what),
        pref: None,
        host: None,
        address: None,
    }))
}

fn wrapper_hint(text: &[u8]) -> Option<Event<'_>> {
    let known: &[&[u8]] = &[
        b"SMTPS wrappermode (TCP port 465) requires setting ",
        b"CLIENT wrappermode (port smtps/465) is unimplemented",
        b"instead, send to (port submission/587) with STARTTLS",
    ];
    let is_hint = known.iter().any(|words| text.starts_with(words));
    is_hint.then_some(Event::SmtpWrapperHint(WrapperHint { text: Text(text) }))
}

fn reply_filter(message: &[u8]) -> Option<Event<'_>> {
    let (rest, peer) = peer(message).ok()?;
    let rest = rest.strip_prefix(b": replacing server reply \"")?;
    let (old_reply, new_reply) = before_last(rest, b"\" with \"")?;
    let new_reply = new_reply.strip_suffix(b"\"").unwrap_or(new_reply);
    Some(Event::SmtpReplyFilter(ReplyFilter {
        peer,
        old_reply,
        new_reply,
    }))
}

/// Parses a TLSRPT line, of smtp or of tlsproxy.
pub(super) fn tlsrpt(message: &[u8]) -> Option<Event<'_>> {
    let mut rest = message.strip_prefix(b"TLSRPT: ")?;
    let mut found = Tlsrpt {
        status: b"",
        domain: None,
        receiving_mx: None,
        receiving_address: None,
        failure_type: None,
        failure_reason: None,
    };
    while let Some((name, value)) = split_once(rest, b"=") {
        // The last field is free text.
        let (value, behind) = match name {
            b"failure_reason" => (value, &b""[..]),
            _ => split_once(value, b", ").unwrap_or((value, b"")),
        };
        match name {
            b"status" => found.status = value,
            b"domain" => found.domain = Some(value),
            b"receiving_mx" => match peer(value) {
                Ok((_, peer)) => {
                    found.receiving_mx = Some(peer.host);
                    found.receiving_address = Some(peer.address);
                }
                Err(_) => found.receiving_mx = Some(value),
            },
            b"failure_type" => found.failure_type = Some(value),
            b"failure_reason" => found.failure_reason = Some(value),
            _ => {}
        }
        rest = behind;
    }
    (!found.status.is_empty()).then_some(Event::Tlsrpt(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_failed_connections_of_all_ages() {
        let read = |message: &'static str| match parse(message.as_bytes()) {
            Ok(Event::SmtpConnectFailed(found)) => {
                (found.peer.address, found.peer.port, found.reason)
            }
            other => panic!("{message}: {other:?}"),
        };
        let timed_out = &b"Connection timed out"[..];
        let port = Some(&b"25"[..]);
        assert_eq!(
            read("connect to mx1.example.org[2001:db8::25]:25: Connection timed out"),
            (&b"2001:db8::25"[..], port, timed_out)
        );
        assert_eq!(
            read("connect to mx1.example.org[203.0.113.25]: Connection timed out (port 25)"),
            (&b"203.0.113.25"[..], port, timed_out)
        );
        assert_eq!(
            read("connect to mail.example.com[private/lmtp]: No such file or directory").1,
            None
        );
    }

    #[test]
    fn tells_a_skipped_host_from_an_unknown_text() {
        let Ok(Event::SmtpHostSkip(skip)) =
            parse(b"4F1A22C0D9E: host mx1.example.org[203.0.113.25] said: 450 4.7.1 wait (in reply to RCPT TO command)")
        else {
            panic!()
        };
        assert_eq!(skip.reply().code, Some(450));
        assert_eq!(
            parse(b"4F1A22C0D9E: something else"),
            Err(Reason("smtp queue id"))
        );
    }

    #[test]
    fn parts_a_header_from_the_text_of_its_rule() {
        let read = |message: &'static str| match parse(message.as_bytes()) {
            Ok(Event::SmtpHeaderCheck(found)) => (found.text, found.optional_text),
            other => panic!("{message}: {other:?}"),
        };
        assert_eq!(
            read("4F1A22C0D9E: replace: header X-Mailer: Foo: 1.0: X-Mailer: hidden"),
            (&b"X-Mailer: Foo: 1.0"[..], Some(&b"X-Mailer: hidden"[..]))
        );
        assert_eq!(
            read("4F1A22C0D9E: warning: header Subject: a: seen"),
            (&b"Subject: a"[..], Some(&b"seen"[..]))
        );
        assert_eq!(read("4F1A22C0D9E: strip: header X-Internal: yes").1, None);
    }

    #[test]
    fn reads_tlsrpt_lines() {
        let Some(Event::Tlsrpt(found)) = tlsrpt(
            b"TLSRPT: status=failure, domain=example.org, receiving_mx=mx1.example.org[203.0.113.25], failure_type=validation_failure, failure_reason=a, b=c",
        ) else {
            panic!()
        };
        assert_eq!(found.receiving_address, Some(&b"203.0.113.25"[..]));
        assert_eq!(found.failure_reason, Some(&b"a, b=c"[..]));
    }
}

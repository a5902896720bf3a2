//! Lines about TLS, which smtpd, smtp, lmtp and tlsproxy log alike.
//!
//! Here is what stands in a log at `tls_loglevel` 1: connections, failed handshakes and certificates
//! that were not good enough. The rest (certificates, sessions, DANE, debugging) is in the files
//! below this one.

mod dane;
mod details;

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::combinator::value;
use nom::sequence::{delimited, separated_pair};

use super::{Event, Peer};
use crate::fields::{Field, Visitor, event_struct};
use crate::scan::{Scan, find, find_from, mismatch, peer, small_number, split_once};

pub use dane::{DaneMatch, DaneProblem, DnssecProbe};
pub use details::{
    ConfigWarning, DebugLine, PeerCert, SessionReuse, SessionUntrusted, Setup, SniUnmatched, Trace,
};

/// How far the peer's certificate was trusted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Trust {
    /// The peer showed no certificate, or none was asked for.
    Anonymous,
    /// A certificate that no trusted authority signed.
    Untrusted,
    /// A certificate of a trusted authority; the name was not asked for.
    Trusted,
    /// A certificate that matched what was demanded.
    Verified,
}

impl Trust {
    /// Returns the name used in reports: `anonymous`, `untrusted`, `trusted` or `verified`.
    pub fn name(self) -> &'static str {
        match self {
            Trust::Anonymous => "anonymous",
            Trust::Untrusted => "untrusted",
            Trust::Trusted => "trusted",
            Trust::Verified => "verified",
        }
    }
}

impl Field for Trust {
    fn visit_as(&self, name: &'static str, visitor: &mut dyn Visitor) {
        visitor.text(name, self.name().as_bytes());
    }
}

/// Which end opened the connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Direction {
    /// The peer did.
    Inbound,
    /// We did.
    Outbound,
}

impl Direction {
    /// Returns the name used in reports: `inbound` or `outbound`.
    pub fn name(self) -> &'static str {
        match self {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
        }
    }
}

impl Field for Direction {
    fn visit_as(&self, name: &'static str, visitor: &mut dyn Visitor) {
        visitor.text(name, self.name().as_bytes());
    }
}

/// Whether a connection is new.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Action {
    /// A new connection.
    Established,
    /// One from the client's connection cache.
    Reused,
}

impl Field for Action {
    fn visit_as(&self, name: &'static str, visitor: &mut dyn Visitor) {
        let text: &[u8] = match self {
            Action::Established => b"established",
            Action::Reused => b"reused",
        };
        visitor.text(name, text);
    }
}

event_struct! {
    /// A TLS connection is up.
    ///
    /// Shape: `[{trust} ]TLS connection {established|reused} {from {peer}[ to {sni}]|to {peer}}:
    /// {protocol} with cipher {cipher} ({used}/{algorithm} bits)[ key-exchange …][ server-signature
    /// …][ server-digest …][ client-signature …][ client-digest …]`. The trust word is missing
    /// before 2.5, where the client also names the server without its address; the details of TLS
    /// 1.3 stand there since 3.4 (3.0.14, 3.1.10, 3.2.7, 3.3.2), group names since 3.10. Source:
    /// Postfix `src/tls/tls_misc.c`; at `tls_loglevel` 1.
    pub struct Connection<'a> {
        /// How far the peer's certificate was trusted; absent before 2.5.
        pub trust: Option<Trust>,
        /// Whether the connection is new.
        pub action: Action,
        /// Which end opened it.
        pub direction: Direction,
        /// The other end.
        pub peer: Peer<'a>,
        /// The server name that the client asked for, where it matched one of ours.
        pub sni: Option<&'a [u8]>,
        /// The protocol, e.g. `TLSv1.3`.
        pub protocol: &'a [u8],
        /// The cipher suite.
        pub cipher: &'a [u8],
        /// What stands behind the cipher: see [`Details`].
        pub details: Details<'a>,
    }
}

/// What a TLS line says behind the cipher, as logged; read when somebody wants to know.
///
/// Visited as `used_bits`, `algorithm_bits`, `key_exchange`, `server_signature`, `server_digest`,
/// `client_signature` and `client_digest`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Details<'a>(pub &'a [u8]);

impl<'a> Details<'a> {
    /// Returns the effective and the algorithm's key length; `None` where the line was cut.
    pub fn bits(&self) -> Option<(u32, u32)> {
        bits(self.0).ok().map(|(_, bits)| bits)
    }

    /// Iterates over the details by the names that Postfix gives them: `key-exchange`,
    /// `server-signature`, …, each with its curve or size where stated.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        // A cut line ends before the bits.
        let mut rest = bits(self.0).map_or(&b""[..], |(rest, _)| rest);
        core::iter::from_fn(move || {
            let (name, value) = split_once(rest.strip_prefix(b" ")?, b" ")?;
            let (detail, behind) = detail(value);
            rest = behind;
            Some((name, detail))
        })
    }

    /// Returns the detail of this name, the last one if it is said twice.
    pub fn get(&self, name: &[u8]) -> Option<&'a [u8]> {
        let named = self.iter().filter(|(found, _)| *found == name);
        named.last().map(|(_, detail)| detail)
    }
}

impl Field for Details<'_> {
    fn visit_as(&self, _name: &'static str, visitor: &mut dyn Visitor) {
        if let Some((used, algorithm)) = self.bits() {
            used.visit_as("used_bits", visitor);
            algorithm.visit_as("algorithm_bits", visitor);
        }
        let names = [
            ("key-exchange", "key_exchange"),
            ("server-signature", "server_signature"),
            ("server-digest", "server_digest"),
            ("client-signature", "client_signature"),
            ("client-digest", "client_digest"),
        ];
        for (logged, name) in names {
            self.get(logged.as_bytes()).visit_as(name, visitor);
        }
    }
}

/// A signed whole number, as logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Code<'a>(
    /// The digits, with their sign.
    pub &'a [u8],
);

impl Field for Code<'_> {
    fn visit_as(&self, name: &'static str, visitor: &mut dyn Visitor) {
        visitor.decimal(name, self.0);
    }
}

event_struct! {
    /// A TLS handshake failed.
    ///
    /// Shape: `{SSL_accept|SSL_connect} error {from|to} {peer}: {reason}`, where the reason is the
    /// library's code (`-1`, `0`), since 2.9 also the system's error text or `lost connection`;
    /// `SSL_set_fd error to {peer}` has none. Source: Postfix `src/tls/tls_server.c`,
    /// `src/tls/tls_client.c`, `src/tls/tls_bio_ops.c`; since 2.3.
    pub struct HandshakeError<'a> {
        /// The OpenSSL function.
        pub call: &'a [u8],
        /// Which end opened the connection.
        pub direction: Direction,
        /// The other end.
        pub peer: Peer<'a>,
        /// The library's code, where the reason is one.
        pub code: Option<Code<'a>>,
        /// Why, as logged.
        pub reason: Option<&'a [u8]>,
    }
}

event_struct! {
    /// An error of the TLS library, one line per error on its stack.
    ///
    /// Shape: `warning: TLS library problem: [{pid}:]error:{error}:{library}:{function}:{reason}:
    /// {file}:{line}:[{text}:]`; the pid stands there up to 2.10, the function is empty with OpenSSL
    /// 3. Source: Postfix `src/tls/tls_misc.c`; since 2.3.
    pub struct LibraryProblem<'a> {
        /// The process id.
        pub pid: Option<u32>,
        /// The error number, in hexadecimal.
        pub error: &'a [u8],
        /// The part of the library.
        pub library: &'a [u8],
        /// The function.
        pub function: Option<&'a [u8]>,
        /// What is wrong.
        pub reason: &'a [u8],
        /// The source file.
        pub file: Option<&'a [u8]>,
        /// The line in it.
        pub line: Option<u32>,
        /// Further data, e.g. `SSL alert number 46`.
        pub text: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A certificate was not good enough.
    ///
    /// Shape: `[{CA|client|server} ]certificate verification failed for {peer}: {reason}`; up to 2.4
    /// also without the blank, `Server certificate could not be verified for {host}: {reason}`,
    /// `certificate peer name verification failed for {host}: {reason}` and `Unverified:
    /// subject_CN={name}`. Source: Postfix `src/tls/tls_verify.c`, `src/tls/tls_client.c`.
    pub struct CertVerifyFailed<'a> {
        /// Whose certificate: `CA`, `client`, `server`; absent where the line does not say.
        pub role: Option<&'a [u8]>,
        /// The other end; up to 2.4 without address.
        pub peer: Option<Peer<'a>>,
        /// What is wrong with it.
        pub reason: &'a [u8],
    }
}

/// Parses a line about TLS.
pub(super) fn parse(message: &[u8]) -> Option<Event<'_>> {
    if let Some(text) = message.strip_prefix(b"warning: ") {
        return warning(text);
    }
    match message.first()? {
        b'A' | b'U' | b'T' | b'V' => connection(message).map(Event::TlsConnection),
        b'S' => handshake_error(message)
            .ok()
            .map(|(_, found)| Event::TlsHandshakeError(found)),
        _ => None,
    }
    .or_else(|| cert_verify_failed(message))
    .or_else(|| details::parse(message))
    .or_else(|| dane::parse(message))
}

/// Tells whether a line may be that of a connection that is up: of the lines about TLS the one that
/// is common.
#[inline(always)]
pub(super) fn established(message: &[u8]) -> Option<Connection<'_>> {
    // A queue id may begin with an `A`, but has no small letter behind it.
    match message.first_chunk()? {
        b"An" | b"Tr" | b"Un" | b"Ve" | b"TL" => usual_connection(message),
        _ => None,
    }
}

fn warning(text: &[u8]) -> Option<Event<'_>> {
    library_problem(text)
        .map(Event::TlsLibraryProblem)
        .or_else(|| dane::warning(text))
        .or_else(|| details::warning(text))
}

/// Reads `host[address]:port`, or up to 2.4 a bare host before the colon.
#[inline]
pub(super) fn server(input: &[u8]) -> Scan<'_, Peer<'_>> {
    match peer(input) {
        Ok(found) => Ok(found),
        Err(_) => bare_server(input),
    }
}

fn bare_server(input: &[u8]) -> Scan<'_, Peer<'_>> {
    let end = memchr::memchr2(b':', b' ', input).unwrap_or(input.len());
    match input.split_at_checked(end) {
        Some((host, rest)) if !host.is_empty() && !host.contains(&b'[') => Ok((
            rest,
            Peer {
                text: host,
                host,
                address: b"",
                port: None,
            },
        )),
        _ => mismatch(),
    }
}

/// Reads `[{trust} ]TLS connection {action} {direction} `.
#[inline(always)]
fn lead(input: &[u8]) -> Option<(Option<Trust>, Action, Direction, &[u8])> {
    let (trust, rest) = match input.first()? {
        b'A' => (Some(Trust::Anonymous), input.strip_prefix(b"Anonymous ")?),
        b'U' => (Some(Trust::Untrusted), input.strip_prefix(b"Untrusted ")?),
        b'V' => (Some(Trust::Verified), input.strip_prefix(b"Verified ")?),
        _ => match input.strip_prefix(b"Trusted ") {
            Some(rest) => (Some(Trust::Trusted), rest),
            None => (None, input),
        },
    };
    let rest = rest.strip_prefix(b"TLS connection ")?;
    let (action, rest) = match rest.strip_prefix(b"established ") {
        Some(rest) => (Action::Established, rest),
        None => (Action::Reused, rest.strip_prefix(b"reused ")?),
    };
    let (direction, rest) = match rest.strip_prefix(b"from ") {
        Some(rest) => (Direction::Inbound, rest),
        None => (Direction::Outbound, rest.strip_prefix(b"to ")?),
    };
    Some((trust, action, direction, rest))
}

/// Parses the line of a connection that is up.
pub(super) fn connection(input: &[u8]) -> Option<Connection<'_>> {
    usual_connection(input)
}

/// The same where it is asked for.
#[inline(always)]
fn usual_connection(input: &[u8]) -> Option<Connection<'_>> {
    let (trust, action, direction, rest) = lead(input)?;
    let (rest, peer) = server(rest).ok()?;
    let (rest, sni) = match rest.strip_prefix(b" to ").map(sni) {
        Some(Ok((rest, sni))) => (rest, Some(sni)),
        _ => (rest, None),
    };
    let rest = rest.strip_prefix(b": ")?;
    // A protocol's name is one word, as far as we know.
    let (protocol, behind) = rest.split_at_checked(find_from::<b' '>(rest, 0)?)?;
    let (protocol, rest) = match behind.strip_prefix(CIPHER) {
        Some(behind) => (protocol, behind),
        None => split_once(rest, CIPHER)?,
    };
    let end = find_from::<b' '>(rest, 0).unwrap_or(rest.len());
    let (cipher, details) = rest.split_at_checked(end).filter(|_| end > 0)?;
    Some(Connection {
        trust,
        action,
        direction,
        peer,
        sni,
        protocol,
        cipher,
        details: Details(details),
    })
}

const CIPHER: &[u8] = b" with cipher ";

/// Reads ` ({used}/{algorithm} bits)`.
fn bits(input: &[u8]) -> Scan<'_, (u32, u32)> {
    let numbers = separated_pair(small_number, tag("/"), small_number);
    delimited(tag(" ("), numbers, tag(" bits)")).parse(input)
}

/// Reads the name that the client asked for, up to the colon.
fn sni(input: &[u8]) -> Scan<'_, &[u8]> {
    match find(input, b": ").and_then(|at| input.split_at_checked(at)) {
        Some((name, rest)) => Ok((rest, name)),
        None => mismatch(),
    }
}

/// Splits off a word with the parenthesis behind it.
fn detail(input: &[u8]) -> (&[u8], &[u8]) {
    let word = memchr::memchr(b' ', input).unwrap_or(input.len());
    let group = input.get(word..).filter(|rest| rest.starts_with(b" ("));
    let end = group
        .and_then(|group| memchr::memchr(b')', group))
        .map_or(word, |close| word + close + 1);
    input.split_at_checked(end).unwrap_or((input, b""))
}

fn handshake_error(input: &[u8]) -> Scan<'_, HandshakeError<'_>> {
    let call = alt((tag("SSL_accept"), tag("SSL_connect"), tag("SSL_set_fd")));
    let direction = alt((
        value(Direction::Inbound, tag(" error from ")),
        value(Direction::Outbound, tag(" error to ")),
    ));
    let (rest, (call, direction, peer)) = (call, direction, server).parse(input)?;
    let reason = rest.strip_prefix(b": ").filter(|reason| !reason.is_empty());
    let code = reason.filter(|reason| is_code(reason)).map(Code);
    Ok((
        b"",
        HandshakeError {
            call,
            direction,
            peer,
            code,
            reason,
        },
    ))
}

fn is_code(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

fn library_problem(text: &[u8]) -> Option<LibraryProblem<'_>> {
    let rest = text.strip_prefix(b"TLS library problem: ")?;
    let (pid, rest) = match (small_number, tag::<_, _, ()>(":")).parse(rest) {
        Ok((rest, (pid, _))) => (Some(pid), rest),
        Err(_) => (None, rest),
    };
    let rest = rest.strip_prefix(b"error:")?;
    let mut parts = rest.splitn(4, |&byte| byte == b':');
    let (error, library, function) = (parts.next()?, parts.next()?, parts.next()?);
    let place = Place::of(parts.next()?);
    Some(LibraryProblem {
        pid,
        error,
        library,
        function: Some(function).filter(|function| !function.is_empty()),
        reason: place.reason,
        file: place.file,
        line: place.line,
        text: place.text,
    })
}

/// What follows the function: the reason and the place in the source.
struct Place<'a> {
    reason: &'a [u8],
    file: Option<&'a [u8]>,
    line: Option<u32>,
    text: Option<&'a [u8]>,
}

impl<'a> Place<'a> {
    /// The reason may hold colons; the line number is the first part that is a number.
    fn of(input: &'a [u8]) -> Self {
        let mut before_file = 0;
        for colon in memchr::memchr_iter(b':', input) {
            if let Some(place) = Self::at(input, before_file, colon) {
                return place;
            }
            before_file = colon;
        }
        let reason = input.strip_suffix(b":").unwrap_or(input);
        Place {
            reason,
            file: None,
            line: None,
            text: None,
        }
    }

    /// Reads the place if a number follows the colon at `colon`.
    fn at(input: &'a [u8], before_file: usize, colon: usize) -> Option<Self> {
        let (rest, line) = small_number(input.get(colon + 1..)?).ok()?;
        let text = rest.strip_prefix(b":")?;
        let text = text.strip_suffix(b":").unwrap_or(text);
        Some(Place {
            reason: input.get(..before_file)?,
            file: Some(input.get(before_file + 1..colon)?),
            line: Some(line),
            text: Some(text).filter(|text| !text.is_empty()),
        })
    }
}

fn cert_verify_failed(message: &[u8]) -> Option<Event<'_>> {
    let (role, rest) = match split_once(message, b" ") {
        Some((role, rest)) if matches!(role, b"CA" | b"client" | b"server") => (Some(role), rest),
        _ => (None, message),
    };
    let mut lead = alt((
        tag("certificate verification failed for "),
        tag("certificate peer name verification failed for "),
        tag("Server certificate could not be verified for "),
    ));
    let (rest, _) = lead.parse(rest).map_err(|_: nom::Err<()>| ()).ok()?;
    let (rest, peer) = server(rest).ok()?;
    let reason = rest.strip_prefix(b":")?;
    let reason = reason.strip_prefix(b" ").unwrap_or(reason);
    Some(Event::TlsCertVerifyFailed(CertVerifyFailed {
        role,
        peer: Some(peer),
        reason,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &str) -> Connection<'_> {
        match parse(message.as_bytes()) {
            Some(Event::TlsConnection(found)) => found,
            other => panic!("{message}: {other:?}"),
        }
    }

    #[test]
    fn reads_all_details_of_a_connection() {
        let found = read(
            "Trusted TLS connection established from mail.example.net[198.51.100.7] to \
             mx1.example.com: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/128 bits) \
             key-exchange ECDHE (P-256) server-signature ECDSA (prime256v1 raw public key) \
             server-digest SHA256 client-signature RSA-PSS (4096 bits) client-digest SHA384",
        );
        assert_eq!(
            (found.trust, found.action),
            (Some(Trust::Trusted), Action::Established)
        );
        assert_eq!(found.direction, Direction::Inbound);
        assert_eq!(
            (found.peer.host, found.peer.address),
            (&b"mail.example.net"[..], &b"198.51.100.7"[..])
        );
        assert_eq!(
            (found.sni, found.protocol),
            (Some(&b"mx1.example.com"[..]), &b"TLSv1.3"[..])
        );
        assert_eq!(found.cipher, b"TLS_AES_256_GCM_SHA384");
        assert_eq!(
            found
                .details
                .bits()
                .map_or((None, None), |(used, all)| (Some(used), Some(all))),
            (Some(256), Some(128))
        );
        assert_eq!(
            found.details.get(b"key-exchange"),
            Some(&b"ECDHE (P-256)"[..])
        );
        assert_eq!(
            found.details.get(b"server-signature"),
            Some(&b"ECDSA (prime256v1 raw public key)"[..])
        );
        assert_eq!(found.details.get(b"server-digest"), Some(&b"SHA256"[..]));
        assert_eq!(
            found.details.get(b"client-signature"),
            Some(&b"RSA-PSS (4096 bits)"[..])
        );
        assert_eq!(found.details.get(b"client-digest"), Some(&b"SHA384"[..]));
    }

    #[test]
    fn reads_connections_of_all_ages() {
        let old = read(
            "TLS connection established to mx1.example.org: TLSv1 with cipher DHE-RSA-AES256-SHA (256/256 bits)",
        );
        assert_eq!((old.trust, old.direction), (None, Direction::Outbound));
        assert_eq!(
            (old.peer.host, old.peer.address),
            (&b"mx1.example.org"[..], &b""[..])
        );
        let reused = read(
            "Verified TLS connection reused to mx1.example.org[2001:db8::25]:25: TLSv1.2 with cipher X (256/256 bits)",
        );
        assert_eq!(
            (reused.action, reused.peer.port),
            (Action::Reused, Some(&b"25"[..]))
        );
        let nameless = read(
            "Anonymous TLS connection established from [2001:db8::66]:41234: TLSv1.2 with cipher X (128/128 bits)",
        );
        assert_eq!(
            (nameless.peer.host, nameless.peer.address),
            (&b""[..], &b"2001:db8::66"[..])
        );
        let socket = read(
            "Untrusted TLS connection established to mail.example.com[/run/lmtp.sock]: TLSv1.2 with cipher AES128-SHA (128/128 bits)",
        );
        assert_eq!(socket.peer.address, b"/run/lmtp.sock");
        let masked = read(
            "Anonymous TLS connection established from mail[]: TLSv1.2 with cipher X (256/256 bits)",
        );
        assert_eq!(masked.peer.host, b"mail");
        let cut = read(
            "Trusted TLS connection established to mx1.example.org[203.0.113.25]:25: TLSv1.3 with cipher TLS_AES",
        );
        assert_eq!((cut.cipher, cut.details.bits()), (&b"TLS_AES"[..], None));
        let new = read(
            "TLS connection established to mx[203.0.113.25]:25: TLSv1.4 with cipher X (1/1 bits) new Y (2 bits) key-exchange Z",
        );
        assert_eq!(new.details.get(b"key-exchange"), Some(&b"Z"[..]));
    }

    #[test]
    fn reads_handshake_errors() {
        let read = |message: &'static str| match parse(message.as_bytes()) {
            Some(Event::TlsHandshakeError(found)) => found,
            other => panic!("{message}: {other:?}"),
        };
        let code = read("SSL_accept error from unknown[192.0.2.66]: -1");
        assert_eq!(
            (code.code, code.direction),
            (Some(Code(b"-1")), Direction::Inbound)
        );
        let text = read("SSL_connect error to mx1.example.org[203.0.113.25]:25: lost connection");
        assert_eq!(
            (text.code, text.reason),
            (None, Some(&b"lost connection"[..]))
        );
        assert_eq!(read("SSL_set_fd error to mx[203.0.113.25]:25").reason, None);
    }

    #[test]
    fn takes_the_library_s_errors_apart() {
        let read = |message: &'static str| match parse(message.as_bytes()) {
            Some(Event::TlsLibraryProblem(found)) => found,
            other => panic!("{message}: {other:?}"),
        };
        let new = read(
            "warning: TLS library problem: error:0A0000C1:SSL routines::no shared cipher:../ssl/statem/statem_srvr.c:2220:",
        );
        assert_eq!(
            (new.pid, new.error, new.function),
            (None, &b"0A0000C1"[..], None)
        );
        assert_eq!(
            (new.reason, new.line, new.text),
            (&b"no shared cipher"[..], Some(2220), None)
        );
        let old = read(
            "warning: TLS library problem: 4711:error:14094418:SSL routines:SSL3_READ_BYTES:tlsv1 alert: unknown ca:s3_pkt.c:1256:SSL alert number 48:",
        );
        assert_eq!(
            (old.pid, old.function),
            (Some(4711), Some(&b"SSL3_READ_BYTES"[..]))
        );
        assert_eq!(
            (old.reason, old.file),
            (&b"tlsv1 alert: unknown ca"[..], Some(&b"s3_pkt.c"[..]))
        );
        assert_eq!(old.text, Some(&b"SSL alert number 48"[..]));
        let cut = read("warning: TLS library problem: error:0A0000C1:SSL routines::no shared ci");
        assert_eq!((cut.reason, cut.file), (&b"no shared ci"[..], None));
    }

    #[test]
    fn keeps_names_with_commas_in_a_certificate() {
        let Some(Event::TlsPeerCert(cert)) = parse(
            b"mx1.example.org[203.0.113.25]:25: subject_CN=Example, Inc, issuer=Example, Inc CA, cert fingerprint=AA:BB, pkey fingerprint=DD:EE",
        ) else {
            panic!()
        };
        assert_eq!(cert.subject_cn, Some(&b"Example, Inc"[..]));
        assert_eq!(cert.issuer_cn, Some(&b"Example, Inc CA"[..]));
        assert_eq!(
            (cert.cert_fingerprint, cert.pkey_fingerprint),
            (Some(&b"AA:BB"[..]), Some(&b"DD:EE"[..]))
        );
    }
}

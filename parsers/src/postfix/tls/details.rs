//! The rarer lines about TLS: certificates, sessions, server names, configuration, debugging.

use super::Direction;
use crate::fields::event_struct;
use crate::postfix::mention::Text;
use crate::postfix::tls::{CertVerifyFailed, server};
use crate::postfix::{Client, Event, Peer};
use crate::scan::{before_last, client, contains, peer, split_number, split_once};

event_struct! {
    /// The names and fingerprints of a peer's certificate.
    ///
    /// Shape, since 3.9: `{peer}: subject_CN={name}, issuer={name}[, cert fingerprint={hex}][, pkey
    /// fingerprint={hex}]` or `{peer}: raw public key fingerprint={hex}`; since 2.9 `fingerprint=…,
    /// pkey_fingerprint=…` (clients at first without the `=`); 2.5 to 2.8 with a trust word before
    /// `subject_CN`; up to 2.4 without the peer, and the fingerprint on a line of its own. Names may
    /// hold commas. Source: Postfix `src/tls/tls_server.c`, `src/tls/tls_client.c`.
    pub struct PeerCert<'a> {
        /// The other end; absent up to 2.4.
        pub peer: Option<Peer<'a>>,
        /// `Trusted`, `Untrusted`, `Matched`, `Verified` or `Unverified`, up to 2.8.
        pub trust: Option<&'a [u8]>,
        /// The common name of the subject.
        pub subject_cn: Option<&'a [u8]>,
        /// The common name of the issuer.
        pub issuer_cn: Option<&'a [u8]>,
        /// The certificate's fingerprint.
        pub cert_fingerprint: Option<&'a [u8]>,
        /// The public key's fingerprint.
        pub pkey_fingerprint: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A cached session is used again whose certificate was not trusted.
    ///
    /// Shape: `{peer}: re-using session with untrusted {certificate|peer credential}, look for
    /// details earlier in the log`. Source: Postfix `src/tls/tls_server.c`, `src/tls/tls_client.c`;
    /// since 2.5, the second form since 3.9.
    pub struct SessionUntrusted<'a> {
        /// The other end.
        pub peer: Peer<'a>,
        /// `certificate` or `peer credential`.
        pub what: &'a [u8],
    }
}

event_struct! {
    /// A TLS handshake begins.
    ///
    /// Shape: `setting up TLS connection {from|to} {peer}`. Source: Postfix `src/tls/tls_server.c`,
    /// `src/tls/tls_client.c`; at `tls_loglevel` 1 up to 2.8, 2 since.
    pub struct Setup<'a> {
        /// Which end opened the connection.
        pub direction: Direction,
        /// The other end.
        pub peer: Peer<'a>,
    }
}

event_struct! {
    /// A cached session is used again.
    ///
    /// Shape: `{peer}: Reusing old session[ (RFC 5077 session ticket)]`. Source: Postfix
    /// `src/tls/tls_server.c`, `src/tls/tls_client.c`; at `tls_loglevel` 2.
    pub struct SessionReuse<'a> {
        /// The other end.
        pub peer: Peer<'a>,
        /// Whether the session came from a ticket.
        pub ticket: bool,
    }
}

event_struct! {
    /// The name that a client asked for is none of ours, is no name, or changed.
    ///
    /// Shape: `TLS SNI {sni} from {client} not matched, using default chain` (since 3.4), `warning:
    /// TLS SNI from {client} is invalid: {sni}`, `warning: TLS SNI changed from {client} initially
    /// {old_sni}, {sni} after hello retry` (since 3.6). Source: Postfix `src/tls/tls_misc.c`.
    pub struct SniUnmatched<'a> {
        /// The name.
        pub sni: &'a [u8],
        /// The name that was asked for first.
        pub old_sni: Option<&'a [u8]>,
        /// Who asked.
        pub client: Client<'a>,
    }
}

event_struct! {
    /// A TLS setting or a file that does not work.
    ///
    /// Shape: `warning: {text}`, or without the severity word `cannot load Certification Authority
    /// data, …: disabling TLS support`. Source: Postfix `src/tls/tls_misc.c`, `tls_certkey.c`,
    /// `tls_dh.c`, `tls_client.c`, `tls_server.c`.
    pub struct ConfigWarning<'a> {
        /// The text after the severity word.
        pub text: Text<'a>,
    }
}

event_struct! {
    /// A trace of the TLS protocol was written, or could not be.
    ///
    /// Shape: `TLS protocol trace for {address} saved to {path}`, `skipping TLS trace output - rate
    /// limit ({limit}) exceeded`, `warning: TLS trace: cannot open {path}: {reason}`. Source: Postfix
    /// `src/tls/tls_trace.c`; 3.12 snapshots.
    pub struct Trace<'a> {
        /// The client's address.
        pub address: Option<&'a [u8]>,
        /// The trace file.
        pub path: Option<&'a [u8]>,
        /// How many traces are allowed in a unit of time.
        pub limit: Option<u64>,
        /// The system's error text.
        pub reason: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A line of TLS debugging (`tls_loglevel` 2 and more).
    ///
    /// Source: Postfix `src/tls/`.
    pub struct DebugLine<'a> {
        /// The text.
        pub text: Text<'a>,
    }
}

/// Parses the rarer lines about TLS without severity word.
pub(super) fn parse(message: &[u8]) -> Option<Event<'_>> {
    setup(message)
        .or_else(|| sni_unmatched(message))
        .or_else(|| old_peer_cert(message))
        .or_else(|| trace(message))
        .or_else(|| about_peer(message))
        .or_else(|| debug(message))
}

/// Parses the text after `warning: `.
pub(super) fn warning(text: &[u8]) -> Option<Event<'_>> {
    sni_warning(text)
        .map(Event::TlsSniUnmatched)
        .or_else(|| trace_warning(text).map(Event::TlsTrace))
        .or_else(|| {
            is_config(text).then_some(Event::TlsConfigWarning(ConfigWarning { text: Text(text) }))
        })
}

fn setup(message: &[u8]) -> Option<Event<'_>> {
    let rest = message.strip_prefix(b"setting up TLS connection ")?;
    let (direction, rest) = match rest.strip_prefix(b"from ") {
        Some(rest) => (Direction::Inbound, rest),
        None => (Direction::Outbound, rest.strip_prefix(b"to ")?),
    };
    let (_, peer) = server(rest).ok()?;
    Some(Event::TlsSetup(Setup { direction, peer }))
}

fn sni_unmatched(message: &[u8]) -> Option<Event<'_>> {
    let rest = message
        .strip_prefix(b"TLS SNI ")?
        .strip_suffix(b" not matched, using default chain")?;
    let (sni, from) = before_last(rest, b" from ")?;
    let (_, client) = client(from).ok()?;
    Some(Event::TlsSniUnmatched(SniUnmatched {
        sni,
        old_sni: None,
        client,
    }))
}

fn sni_warning(text: &[u8]) -> Option<SniUnmatched<'_>> {
    if let Some(rest) = text.strip_prefix(b"TLS SNI from ") {
        let (rest, client) = client(rest).ok()?;
        let sni = rest.strip_prefix(b" is invalid: ")?;
        return Some(SniUnmatched {
            sni,
            old_sni: None,
            client,
        });
    }
    let (rest, client) = client(text.strip_prefix(b"TLS SNI changed from ")?).ok()?;
    let (old_sni, sni) = split_once(rest.strip_prefix(b" initially ")?, b", ")?;
    let sni = sni.strip_suffix(b" after hello retry").unwrap_or(sni);
    Some(SniUnmatched {
        sni,
        old_sni: Some(old_sni),
        client,
    })
}

fn trace(message: &[u8]) -> Option<Event<'_>> {
    if let Some(rest) = message.strip_prefix(b"TLS protocol trace for ") {
        let (address, path) = split_once(rest, b" saved to ")?;
        return Some(Event::TlsTrace(Trace {
            address: Some(address),
            path: Some(path),
            limit: None,
            reason: None,
        }));
    }
    let rest = message.strip_prefix(b"skipping TLS trace output - rate limit (")?;
    let (limit, _) = split_number(rest)?;
    Some(Event::TlsTrace(Trace {
        address: None,
        path: None,
        limit: Some(limit),
        reason: None,
    }))
}

fn trace_warning(text: &[u8]) -> Option<Trace<'_>> {
    let rest = text.strip_prefix(b"TLS trace: ")?;
    let (path, reason) = match rest
        .strip_prefix(b"cannot open ")
        .and_then(|rest| split_once(rest, b": "))
    {
        Some((path, reason)) => (Some(path), reason),
        None => (None, rest),
    };
    Some(Trace {
        address: None,
        path,
        limit: None,
        reason: Some(reason),
    })
}

/// Reads the lines that begin with the peer.
fn about_peer(message: &[u8]) -> Option<Event<'_>> {
    let (rest, peer) = peer(message).ok()?;
    let rest = rest.strip_prefix(b": ")?;
    if let Some(what) = rest.strip_prefix(b"re-using session with untrusted ") {
        let (what, _) = split_once(what, b",").unwrap_or((what, b""));
        return Some(Event::TlsSessionUntrusted(SessionUntrusted { peer, what }));
    }
    if let Some(rest) = rest.strip_prefix(b"Reusing old session") {
        let ticket = rest.starts_with(b" (RFC 5077 session ticket)");
        return Some(Event::TlsSessionReuse(SessionReuse { peer, ticket }));
    }
    if let Some(cert) = peer_cert(rest) {
        return Some(Event::TlsPeerCert(PeerCert {
            peer: Some(peer),
            ..cert
        }));
    }
    is_debug_of_peer(rest).then_some(Event::TlsDebug(DebugLine {
        text: Text(message),
    }))
}

/// Reads the lines of Postfix 2.3 and 2.4, which do not name the peer.
fn old_peer_cert(message: &[u8]) -> Option<Event<'_>> {
    if let Some(fingerprint) = message.strip_prefix(b"fingerprint=") {
        let cert_fingerprint = Some(fingerprint);
        return Some(Event::TlsPeerCert(PeerCert {
            cert_fingerprint,
            ..NOTHING
        }));
    }
    let is_old = message.starts_with(b"Verified: ") || message.starts_with(b"Unverified: ");
    let cert = is_old.then(|| peer_cert(message)).flatten()?;
    if cert.issuer_cn.is_some() {
        return Some(Event::TlsPeerCert(cert));
    }
    // The client of 2.3 says only whose certificate it did not accept.
    let reason = cert.subject_cn?;
    Some(Event::TlsCertVerifyFailed(CertVerifyFailed {
        role: None,
        peer: None,
        reason,
    }))
}

const NOTHING: PeerCert<'static> = PeerCert {
    peer: None,
    trust: None,
    subject_cn: None,
    issuer_cn: None,
    cert_fingerprint: None,
    pkey_fingerprint: None,
};

fn peer_cert(text: &[u8]) -> Option<PeerCert<'_>> {
    if let Some(fingerprint) = text.strip_prefix(b"raw public key fingerprint=") {
        return Some(PeerCert {
            pkey_fingerprint: Some(fingerprint),
            ..NOTHING
        });
    }
    let (trust, rest) = split_once(text, b"subject_CN=")?;
    let trust = trust.strip_suffix(b" ").unwrap_or(trust);
    let trust = trust.strip_suffix(b":").unwrap_or(trust);
    if !trust.iter().all(u8::is_ascii_alphabetic) {
        return None;
    }
    let (rest, pkey_fingerprint) = behind(rest, &[b", pkey fingerprint=", b", pkey_fingerprint="]);
    let (rest, cert_fingerprint) = behind(
        rest,
        &[b", cert fingerprint=", b", fingerprint=", b", fingerprint "],
    );
    let (subject, issuer_cn) = split_once(rest, b", issuer=")
        .or_else(|| split_once(rest, b", issuer_CN="))
        .map_or((rest, None), |(subject, issuer)| (subject, Some(issuer)));
    Some(PeerCert {
        peer: None,
        trust: Some(trust).filter(|trust| !trust.is_empty()),
        subject_cn: Some(subject),
        issuer_cn,
        cert_fingerprint,
        pkey_fingerprint,
    })
}

/// Splits off what stands behind the last of one of the marks.
fn behind<'a>(input: &'a [u8], marks: &[&[u8]]) -> (&'a [u8], Option<&'a [u8]>) {
    marks
        .iter()
        .find_map(|mark| before_last(input, mark))
        .map_or((input, None), |(rest, value)| (rest, Some(value)))
}

fn is_config(text: &[u8]) -> bool {
    let starts: &[&[u8]] = &[
        b"run-time library vs. compile-time header version mismatch: ",
        b"no entropy for TLS key generation: ",
        b"error opening chain file: ",
        b"Digest algorithm \"",
    ];
    if starts.iter().any(|words| text.starts_with(words)) {
        return true;
    }
    let is_certificate =
        text.starts_with(b"cannot get ") && text.ends_with(b": disabling TLS support");
    let is_session = peer(text).is_ok() && text.ends_with(b": aborting TLS session");
    is_certificate || is_session
}

/// Reads the lines of debugging that do not begin with the peer.
fn debug(message: &[u8]) -> Option<Event<'_>> {
    if message.starts_with(b"cannot load Certification Authority data, ") {
        return Some(Event::TlsConfigWarning(ConfigWarning {
            text: Text(message),
        }));
    }
    let starts: &[&[u8]] = &[
        b"initializing the server-side TLS engine",
        b"initializing the client-side TLS engine",
        b"SSL_accept:",
        b"SSL_connect:",
        b"SSL3 alert ",
        b"looking for session ",
        b"save session ",
        b"lookup smtpd session id=",
        b"put smtpd session id=",
        b"delete smtpd session id=",
        b"subject=",
        b"issuer=",
    ];
    let is_debug = starts.iter().any(|words| message.starts_with(words))
        || is_cache(message)
        || is_dump(message);
    is_debug.then_some(Event::TlsDebug(DebugLine {
        text: Text(message),
    }))
}

/// `open smtpd TLS cache btree:…`
fn is_cache(message: &[u8]) -> bool {
    let rest = message
        .strip_prefix(b"open ")
        .or_else(|| message.strip_prefix(b"close "));
    rest.and_then(|rest| split_once(rest, b" "))
        .is_some_and(|(_, rest)| rest.starts_with(b"TLS cache "))
}

/// `read from 55D0C0FFEE [55D0C0FFEF] (5 bytes => 5 (0x5))` and the rows below it, `0000 - 16 03`.
fn is_dump(message: &[u8]) -> bool {
    if message.starts_with(b"read from ") || message.starts_with(b"write to ") {
        return contains(message, b" bytes => ");
    }
    match message.split_at_checked(4) {
        Some((offset, rest)) => {
            offset.iter().all(u8::is_ascii_hexdigit) && rest.starts_with(b" - ")
        }
        None => false,
    }
}

fn is_debug_of_peer(rest: &[u8]) -> bool {
    let starts: &[&[u8]] = &[
        b"TLS cipher list \"",
        b"depth=",
        b"SNI hostname: ",
        b"Issuing session ticket, ",
        b"Decrypting session ticket, ",
        b"save session ",
        b"looking for session ",
    ];
    let is_match = contains(rest, b" matched ");
    !is_match && starts.iter().any(|words| rest.starts_with(words))
}

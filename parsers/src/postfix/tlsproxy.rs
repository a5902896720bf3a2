//! Lines of tlsproxy(8) and tlsmgr(8) that are not about a connection's TLS itself.

use super::mention::Text;
use super::tls::Direction;
use super::{Client, Event, Parsed, smtp, tls};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{before_last, client, nameless_client, split_once};

event_struct! {
    /// postscreen or smtp handed a connection over for encryption.
    ///
    /// Shape: `CONNECT {from|to} [{address}]:{port}`. Source: Postfix `src/tlsproxy/tlsproxy.c`; since
    /// 2.8, `to` since 3.4.
    pub struct Connect<'a> {
        /// Which end opened the connection.
        pub direction: Direction,
        /// The other end.
        pub client: Client<'a>,
    }
}

event_struct! {
    /// The end of a connection.
    ///
    /// Shape: `DISCONNECT [{address}]:{port}`. Source: Postfix `src/tlsproxy/tlsproxy.c`; since 2.8.
    pub struct Disconnect<'a> {
        /// The other end.
        pub client: Client<'a>,
    }
}

event_struct! {
    /// A TLS handshake failed.
    ///
    /// Shape: `TLS handshake failed for service={service} peer=[{address}]:{port}`. Source: Postfix
    /// `src/tlsproxy/tlsproxy.c`; since 3.4.
    pub struct HandshakeFailed<'a> {
        /// The service that handed the connection over.
        pub service: &'a [u8],
        /// The other end.
        pub client: Client<'a>,
    }
}

event_struct! {
    /// A warning of tlsproxy.
    ///
    /// Shape: `warning: {text}`, e.g. `ciphertext read/write timeout for {client}`. Source: Postfix
    /// `src/tlsproxy/tlsproxy.c`; since 2.8.
    pub struct Warning<'a> {
        /// The other end, where the text names it.
        pub client: Option<Client<'a>>,
        /// The text after the severity word.
        pub text: &'a [u8],
    }
}

event_struct! {
    /// A notice of tlsmgr about its caches or its source of entropy.
    ///
    /// Shape: `[warning: ]{text}`. Source: Postfix `src/tlsmgr/tlsmgr.c`; since 2.3.
    pub struct Tlsmgr<'a> {
        /// The text after the severity word.
        pub text: Text<'a>,
    }
}

/// Parses a message of tlsproxy.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    if let Some(text) = message.strip_prefix(b"warning: ") {
        return warning(text)
            .or_else(|| tls::parse(message))
            .ok_or(Reason("tlsproxy warning"));
    }
    session(message)
        .or_else(|| handshake_failed(message))
        .or_else(|| smtp::tlsrpt(message))
        .ok_or(Reason("tlsproxy"))
}

/// Parses a message of tlsmgr.
pub(super) fn parse_tlsmgr(message: &[u8]) -> Parsed<'_> {
    let text = message.strip_prefix(b"warning: ").unwrap_or(message);
    let starts: &[&[u8]] = &[
        b"request to update table ",
        b"redirecting the request to postfix-owned data_directory ",
        b"no entropy source specified with parameter ",
        b"cannot open entropy device ",
        b"cannot read from entropy device ",
        b"PRNG exchange file was removed ",
        b"lost connection to EGD server ",
        b"exiting to reopen external entropy source ",
    ];
    let is_known = starts.iter().any(|words| text.starts_with(words));
    is_known
        .then_some(Event::Tlsmgr(Tlsmgr { text: Text(text) }))
        .ok_or(Reason("tlsmgr"))
}

fn session(message: &[u8]) -> Option<Event<'_>> {
    if let Some(rest) = message.strip_prefix(b"DISCONNECT ") {
        let (_, client) = nameless_client(rest).ok()?;
        return Some(Event::TlsproxyDisconnect(Disconnect { client }));
    }
    let rest = message.strip_prefix(b"CONNECT ")?;
    let (direction, rest) = match rest.strip_prefix(b"from ") {
        Some(rest) => (Direction::Inbound, rest),
        None => (Direction::Outbound, rest.strip_prefix(b"to ")?),
    };
    let (_, client) = nameless_client(rest).ok()?;
    Some(Event::TlsproxyConnect(Connect { direction, client }))
}

fn handshake_failed(message: &[u8]) -> Option<Event<'_>> {
    let rest = message.strip_prefix(b"TLS handshake failed for service=")?;
    let (service, peer) = split_once(rest, b" peer=")?;
    let (_, client) = client(peer).ok()?;
    Some(Event::TlsproxyHandshakeFailed(HandshakeFailed {
        service,
        client,
    }))
}

fn warning(text: &[u8]) -> Option<Event<'_>> {
    let starts: &[&[u8]] = &[
        b"ciphertext read/write ",
        b"deadlock on ciphertext stream for ",
        b"deadlock on plaintext stream for ",
        b"request from tlsproxy client with unexpected settings",
        b"TLS server initialization failed",
        b"TLS client initialization failed",
        b"No server certs available. TLS can't be enabled",
    ];
    if !starts.iter().any(|words| text.starts_with(words)) {
        return None;
    }
    let client = before_last(text, b" for ").and_then(|(_, client)| nameless_client(client).ok());
    let client = client.map(|(_, client)| client);
    Some(Event::TlsproxyWarning(Warning { client, text }))
}

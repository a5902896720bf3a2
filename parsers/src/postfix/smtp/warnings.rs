//! Warnings of the SMTP and LMTP client.

use crate::fields::event_struct;
use crate::postfix::mention::Text;
use crate::postfix::{Event, Peer};
use crate::scan::{peer, queue_id, split_once};

event_struct! {
    /// A warning of the SMTP or LMTP client about a server, a destination or its settings.
    ///
    /// Shape: `warning: {text}`, some twenty texts, e.g. `no MX host for {domain} has a valid address
    /// record`, `host {peer} greeted me with my own hostname {name}`. Source: Postfix `src/smtp/`;
    /// since 2.3.
    pub struct Warning<'a> {
        /// The queue id, where the text begins with one.
        pub queue_id: Option<&'a [u8]>,
        /// The server that it is about.
        pub peer: Option<Peer<'a>>,
        /// The domain that it is about.
        pub domain: Option<&'a [u8]>,
        /// The text after the severity word.
        pub text: Text<'a>,
    }
}

/// Parses the text after `warning: `.
pub(super) fn parse(text: &[u8]) -> Option<Event<'_>> {
    let (queue_id, peer, domain) = about_server(text)
        .map(|(queue_id, peer)| (queue_id, Some(peer), None))
        .or_else(|| about_domain(text).map(|domain| (None, None, Some(domain))))
        .or_else(|| is_known(text).then_some((None, None, None)))?;
    Some(Event::SmtpWarning(Warning {
        queue_id,
        peer,
        domain,
        text: Text(text),
    }))
}

/// Reads the texts that name a server: the queue id before it, and the server.
fn about_server(text: &[u8]) -> Option<(Option<&[u8]>, Peer<'_>)> {
    if let Ok((rest, id)) = queue_id(text) {
        let (kind, server) = split_once(rest, b" response from ")?;
        let is_protocol = matches!(kind, b"non-ESMTP" | b"non-LMTP");
        return is_protocol.then_some((Some(id), peer(server).ok()?.1));
    }
    if let Some(rest) = text.strip_prefix(b"bad EHLO SIZE limit ") {
        let (_, server) = split_once(rest, b" from ")?;
        return Some((None, peer(server).ok()?.1));
    }
    let server = text
        .strip_prefix(b"host ")
        .or_else(|| text.strip_prefix(b"server "))
        .unwrap_or(text);
    let (said, peer) = peer(server).ok()?;
    let known: &[&[u8]] = &[
        b" greeted me with my own hostname ",
        b" replied to HELO/EHLO with my own hostname ",
        b" said: ",
        b": response longer than ",
        b": multi-line response longer than ",
        b" offered no supported AUTH mechanisms: ",
        b" violates smtp_tls_block_early_mail_reply policy",
    ];
    known
        .iter()
        .any(|words| said.starts_with(words))
        .then_some((None, peer))
}

/// Reads the texts that name a domain.
fn about_domain(text: &[u8]) -> Option<&[u8]> {
    let host = text
        .strip_prefix(b"no MX host for ")
        .or_else(|| text.strip_prefix(b"no SRV host for "));
    if let Some(host) = host {
        return host.strip_suffix(b" has a valid address record");
    }
    if let Some(rest) = text.strip_prefix(b"MX name '") {
        let (_, domain) = split_once(rest, b"' does not match STS MX pattern for '")?;
        return Some(domain.strip_suffix(b"'").unwrap_or(domain));
    }
    let policy = text
        .strip_prefix(b"TLS policy lookup error for ")
        .or_else(|| text.strip_prefix(b"TLS policy lookup for "))?;
    Some(split_once(policy, b"/")?.0)
}

/// Tells whether the text is one of those that name neither.
fn is_known(text: &[u8]) -> bool {
    let starts: &[&[u8]] = &[
        b"to prevent loss of mail, turn off command pipelining for ",
        b"smtp_connect_addr: bind ",
        b"SASL auth failure map ",
        b"TLSRPT is selected, but ",
    ];
    if starts.iter().any(|words| text.starts_with(words)) {
        return true;
    }
    let Some((parameter, said)) = split_once(text, b": ") else {
        return false;
    };
    let says: &[&[u8]] = &[
        b"policy table lookup error",
        b"attribute \"",
        b"invalid security level \"",
        b"ignoring malformed policy for ",
    ];
    memchr::memchr(b' ', parameter).is_none() && says.iter().any(|words| said.starts_with(words))
}

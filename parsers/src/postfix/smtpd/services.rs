//! What smtpd warns of in the services that it asks: proxies, DNS, policy servers, tables.

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::sequence::preceded;

use super::super::mention::Text;
use super::super::{Client, Event};
use crate::fields::event_struct;
use crate::scan::{before, before_last, client, split_once};

event_struct! {
    /// The before-queue proxy could not be reached or misbehaved.
    ///
    /// Shapes: `warning: connect to proxy {filter|service} {service}: {reason}`, `lost connection
    /// with proxy {service}`, `timeout talking to proxy {service}`, `proxy {service} rejected
    /// "{command}": "{reply}"`, `received garbage from proxy {service}: {reply}`, `{service}:
    /// response longer than {n}: {reply}...`, and a few without a service. Source: Postfix
    /// `src/smtpd/smtpd_proxy.c`; since 2.3.
    pub struct ProxyFilter<'a> {
        /// The proxy, as configured.
        pub service: Option<&'a [u8]>,
        /// What went wrong.
        pub reason: Option<&'a [u8]>,
        /// The command that the proxy refused.
        pub command: Option<&'a [u8]>,
        /// What the proxy answered.
        pub reply: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A name could not be looked up for an access rule.
    ///
    /// Shapes: `warning: Unable to look up {type} host for {name}: {reason}`, `Unable to look up
    /// {type} host {mx} for {class} {name}: {reason}`, `{query}: {RBL|TXT} lookup error: {reason}`,
    /// `{query}: MX or address lookup error: {reason}`. Source: Postfix `src/smtpd/smtpd_check.c`;
    /// since 2.3.
    pub struct DnsLookup<'a> {
        /// The type of record: `MX`, `NS`, `A`, `RBL`, `TXT`, `MX or address`.
        pub r#type: &'a [u8],
        /// The domain that an access rule asked about.
        pub name: Option<&'a [u8]>,
        /// The mail or name server of that domain.
        pub mx: Option<&'a [u8]>,
        /// What kind of name that is, e.g. `Sender address`.
        pub class: Option<&'a [u8]>,
        /// The name of the query.
        pub query: Option<&'a [u8]>,
        /// The resolver's error.
        pub reason: &'a [u8],
    }
}

event_struct! {
    /// An access table or a list of restrictions is wrong.
    ///
    /// Shape: `warning: {text}` with one of some twenty beginnings, e.g. `access table`,
    /// `restriction`, `unknown smtpd restriction:`. Source: Postfix `src/smtpd/smtpd_check.c`;
    /// since 2.3.
    pub struct AccessConfig<'a> {
        /// The warning.
        pub text: Text<'a>,
    }
}

event_struct! {
    /// A per-client table of EHLO features could not be asked.
    ///
    /// Shapes: `warning: don't know what EHLO features to announce to {client}`, `don't know if
    /// EHLO feature {feature} should be announced to {client}`, `don't know if command {command}
    /// should be allowed from {client}`. Source: Postfix `src/smtpd/smtpd.c`; since 2.9.
    pub struct EhloLookup<'a> {
        /// The EHLO keyword.
        pub feature: Option<&'a [u8]>,
        /// The command.
        pub command: Option<&'a [u8]>,
        /// The client of the session.
        pub client: Client<'a>,
    }
}

event_struct! {
    /// The verify service or a policy server gave no usable answer.
    ///
    /// Shapes: `warning: {service} service failure`, `unknown address verification status {n}`,
    /// `malformed UTF-8 in policy server {server} response: "{…}"`. Source: Postfix
    /// `src/smtpd/smtpd_check.c`; since 2.3.
    pub struct VerifyService<'a> {
        /// The warning.
        pub text: Text<'a>,
    }
}

event_struct! {
    /// The proxy protocol's header could not be read; postscreen logs this too.
    ///
    /// Shape: `warning: haproxy read: {text}`. Source: Postfix `src/smtpd/smtpd_haproxy.c`;
    /// since 2.10.
    pub struct Haproxy<'a> {
        /// What is wrong.
        pub text: Text<'a>,
    }
}

event_struct! {
    /// A policy server could not be reached.
    ///
    /// Shape: `warning: problem talking to server {endpoint}: {reason}`. Source: Postfix
    /// `src/global/attr_clnt.c`; since 2.3.
    pub struct PolicyConn<'a> {
        /// The server, as configured.
        pub endpoint: &'a [u8],
        /// The system's error.
        pub reason: &'a [u8],
    }
}

event_struct! {
    /// TLS is asked for in a way that cannot work.
    ///
    /// Shape: `warning: {text}`, e.g. `No server certs available. TLS won't be enabled`. Source:
    /// Postfix `src/smtpd/smtpd.c`, `src/tls/`; since 2.3.
    pub struct TlsPolicy<'a> {
        /// The warning.
        pub text: Text<'a>,
    }
}

event_struct! {
    /// The postmaster could not be told of a problem; smtp(8) logs this too.
    ///
    /// Shape: `warning: postmaster notify: {reason}`. Source: Postfix `src/smtpd/smtpd_chat.c`;
    /// since 2.3.
    pub struct PostmasterNotify<'a> {
        /// The system's error.
        pub reason: &'a [u8],
    }
}

/// Parses a warning about a service of smtpd, its severity word taken off.
pub(super) fn parse(text: &[u8]) -> Option<Event<'_>> {
    proxy_filter(text)
        .map(Event::ProxyFilter)
        .or_else(|| dns_lookup(text).map(Event::DnsLookup))
        .or_else(|| ehlo_lookup(text).map(Event::EhloLookup))
        .or_else(|| remark(text))
}

/// Parses a warning that other daemons log too.
pub(super) fn parse_shared(text: &[u8]) -> Option<Event<'_>> {
    if let Some(rest) = text.strip_prefix(b"problem talking to server ") {
        let (endpoint, reason) = split_once(rest, b": ")?;
        return Some(Event::PolicyConn(PolicyConn { endpoint, reason }));
    }
    if let Some(text) = text.strip_prefix(b"haproxy read: ") {
        return Some(Event::Haproxy(Haproxy { text: Text(text) }));
    }
    if let Some(reason) = text.strip_prefix(b"postmaster notify: ") {
        return Some(Event::PostmasterNotify(PostmasterNotify { reason }));
    }
    is_tls_policy(text).then_some(Event::TlsPolicy(TlsPolicy { text: Text(text) }))
}

fn is_tls_policy(text: &[u8]) -> bool {
    let starts = [
        &b"Need a server cert to request client certs"[..],
        b"Can't require client certs unless TLS is required",
        b"No server certs available. TLS won't be enabled",
        b"TLS has been selected, but TLS support is not compiled in",
        b"tlsproxy handshake failed",
    ];
    if starts.iter().any(|start| text.starts_with(start)) {
        return true;
    }
    let holds = |part: &[u8]| crate::scan::find(text, part).is_some();
    (text.starts_with(b"Both ") && holds(b" and one or more of the legacy "))
        || holds(b": unsupported TLS level \"")
        || holds(b": Fragile access policy: ")
}

const NO_PROXY: ProxyFilter<'static> = ProxyFilter {
    service: None,
    reason: None,
    command: None,
    reply: None,
};

fn proxy_filter(text: &[u8]) -> Option<ProxyFilter<'_>> {
    proxy_unreachable(text)
        .or_else(|| proxy_answer(text))
        .or_else(|| proxy_trouble(text))
}

fn proxy_unreachable(text: &[u8]) -> Option<ProxyFilter<'_>> {
    let connect = alt((
        tag::<_, _, ()>("connect to proxy filter "),
        tag("connect to proxy service "),
    ));
    if let Ok((reason, service)) = preceded(connect, before(": ")).parse(text) {
        return Some(ProxyFilter {
            service: Some(service),
            reason: Some(reason),
            ..NO_PROXY
        });
    }
    let (reason, service) = split_once(text, b" with proxy ")
        .filter(|(reason, _)| *reason == b"lost connection")
        .or_else(|| split_once(text, b" talking to proxy "))
        .filter(|(reason, _)| matches!(*reason, b"lost connection" | b"timeout"))?;
    Some(ProxyFilter {
        service: Some(service),
        reason: Some(reason),
        ..NO_PROXY
    })
}

fn proxy_answer(text: &[u8]) -> Option<ProxyFilter<'_>> {
    if let Some((reason, rest)) = split_once(text, b" from proxy ")
        && reason == b"received garbage"
    {
        let (service, reply) = split_once(rest, b": ")?;
        return Some(ProxyFilter {
            service: Some(service),
            reason: Some(reason),
            reply: Some(reply),
            command: None,
        });
    }
    let (service, rest) = split_once(text.strip_prefix(b"proxy ")?, b" rejected \"")?;
    let (command, reply) = split_once(rest, b"\": \"")?;
    Some(ProxyFilter {
        service: Some(service),
        reason: None,
        command: Some(command),
        reply: Some(reply.strip_suffix(b"\"").unwrap_or(reply)),
    })
}

/// Reads the shapes of proxy trouble that begin with something else than fixed words.
fn proxy_trouble(text: &[u8]) -> Option<ProxyFilter<'_>> {
    if text.starts_with(b"proxy speed-adjust log I/O error: ")
        || text.starts_with(b"prepending '.' to malformed line: ")
    {
        return Some(ProxyFilter {
            reason: Some(text),
            ..NO_PROXY
        });
    }
    if let Some((command, rest)) = split_once(text, b" command payload ") {
        let is_limit = rest.ends_with(b" exceeds SMTP protocol limit");
        return is_limit.then_some(ProxyFilter {
            command: Some(command),
            reason: Some(rest),
            ..NO_PROXY
        });
    }
    let (service, rest) = split_once(text, b": response longer than ")?;
    let (limit, reply) = split_once(rest, b": ")?;
    let reason = text.get(service.len() + 2..text.len() - rest.len() + limit.len());
    let reply = reply.strip_suffix(b"...").unwrap_or(reply);
    Some(ProxyFilter {
        service: Some(service),
        reason,
        reply: Some(reply),
        ..NO_PROXY
    })
}

fn dns_lookup(text: &[u8]) -> Option<DnsLookup<'_>> {
    if let Some(rest) = text.strip_prefix(b"Unable to look up ") {
        return host_lookup(rest);
    }
    let (query, rest) = split_once(text, b": ")?;
    let (kind, reason) = split_once(rest, b" lookup error: ")?;
    matches!(kind, b"RBL" | b"TXT" | b"MX or address" | b"address or MX").then_some(DnsLookup {
        r#type: kind,
        name: None,
        mx: None,
        class: None,
        query: Some(query),
        reason,
    })
}

/// Reads `{type} host [{mx} ]for [{class} ]{name}: {reason}`.
fn host_lookup(rest: &[u8]) -> Option<DnsLookup<'_>> {
    let (kind, rest) = split_once(rest, b" host ")?;
    let (object, reason) = split_once(rest, b": ")?;
    let (mx, class, name) = match object.strip_prefix(b"for ") {
        Some(name) => (None, None, name),
        None => {
            let (mx, object) = split_once(object, b" for ")?;
            let (class, name) = before_last(object, b" ")?;
            (Some(mx), Some(class), name)
        }
    };
    Some(DnsLookup {
        r#type: kind,
        name: Some(name),
        mx,
        class,
        query: None,
        reason,
    })
}

fn ehlo_lookup(text: &[u8]) -> Option<EhloLookup<'_>> {
    let rest = text.strip_prefix(b"don't know ")?;
    let (feature, command, peer) =
        if let Some(peer) = rest.strip_prefix(b"what EHLO features to announce to ") {
            (None, None, peer)
        } else if let Some(rest) = rest.strip_prefix(b"if EHLO feature ") {
            let (feature, peer) = split_once(rest, b" should be announced to ")?;
            (Some(feature), None, peer)
        } else {
            let rest = rest.strip_prefix(b"if command ")?;
            let (command, peer) = split_once(rest, b" should be allowed from ")?;
            (None, Some(command), peer)
        };
    let (_, client) = client(peer).ok()?;
    Some(EhloLookup {
        feature,
        command,
        client,
    })
}

/// How warnings about access tables and restrictions begin.
const ACCESS_CONFIG: [&[u8]; 13] = [
    b"access table ",
    b"restriction ",
    b"support for restriction ",
    b"unknown smtpd restriction: ",
    b"SMTP reply code configuration error: ",
    b"DSN detail code configuration error: ",
    b"rbl response code configuration error: ",
    b"define a restriction class",
    b"do not specify lookup tables inside SMTPD access maps",
    b"this is not allowed for security reasons",
    b"use DUNNO instead of OK if you want to make an exception",
    b"specify one of (",
    b"access map ",
];

/// Parses the warnings that are hardly more than a text.
fn remark(text: &[u8]) -> Option<Event<'_>> {
    let holds = |part: &[u8]| crate::scan::find(text, part).is_some();
    if ACCESS_CONFIG.iter().any(|lead| text.starts_with(lead))
        || holds(b": bad rbl reply template for domain ")
    {
        return Some(Event::AccessConfig(AccessConfig { text: Text(text) }));
    }
    let is_verify = text == b"verify service failure"
        || text.starts_with(b"unknown address verification status ")
        || text.starts_with(b"malformed UTF-8 in policy server ");
    is_verify.then_some(Event::VerifyService(VerifyService { text: Text(text) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(field: Option<&[u8]>) -> Option<&str> {
        field.map(|field| core::str::from_utf8(field).unwrap())
    }

    #[test]
    fn lookups_are_taken_apart() {
        let line = b"Unable to look up NS host ns1.example.net for Sender address example.net: Host not found";
        let Some(Event::DnsLookup(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(
            (found.r#type, text(found.mx)),
            (&b"NS"[..], Some("ns1.example.net"))
        );
        assert_eq!(
            (text(found.class), text(found.name)),
            (Some("Sender address"), Some("example.net"))
        );
        let line = b"66.2.0.192.dnsbl.example.org: RBL lookup error: Host not found, try again";
        let Some(Event::DnsLookup(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(text(found.query), Some("66.2.0.192.dnsbl.example.org"));
    }

    #[test]
    fn a_proxys_endpoint_may_hold_colons() {
        let line = b"connect to proxy filter [2001:db8::5]:10025: Connection timed out";
        let Some(Event::ProxyFilter(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(text(found.service), Some("[2001:db8::5]:10025"));
        assert_eq!(text(found.reason), Some("Connection timed out"));
        let line = b"127.0.0.1:10025: response longer than 2048: 250-aaaa...";
        let Some(Event::ProxyFilter(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(text(found.reason), Some("response longer than 2048"));
        assert_eq!(text(found.reply), Some("250-aaaa"));
    }
}

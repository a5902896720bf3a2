//! Lines of login processes that proxy to another server.
//!
//! Two addresses stand in them: `proxy(user,198.51.100.20:143)` is the server behind, `rip=` the
//! client.

use super::elements::Elements;
use super::login::{login_event, login_struct};
use super::prefix::Line;
use super::{Event, Parsed};
use crate::scan::{
    before_last, find_iter, seconds, split_number, split_once, to_number, trailing_group,
    without_angles,
};
use crate::{Family, Reason, Seconds, family};

login_struct! {
    /// A client logged in and is proxied; stands instead of the login line on a frontend.
    ///
    /// Shape: `proxy({user}): started proxying to {host}:{port}[/{user}][ (master {master})]` (up
    /// to 2.3.10); `proxy({user},{server}:{port}): Started proxying to {<ip>|remote host}[
    /// (<host>)][ from {ip}][ as user {user}][ (master {master})] ({secs} secs[, {n}
    /// reconnects])` (2.3.11 and later); then the elements.
    pub struct ProxyStarted<'a> {
        /// The user in the prefix.
        pub proxy_user: &'a [u8],
        /// The server's address.
        pub dest_address: Option<&'a [u8]>,
        /// The server's port.
        pub dest_port: Option<u64>,
        /// The server's name.
        pub dest_host: Option<&'a [u8]>,
        /// The user name used there.
        pub dest_user: Option<&'a [u8]>,
        /// The master user.
        pub master: Option<&'a [u8]>,
        /// Our own address towards the server.
        pub source_address: Option<&'a [u8]>,
        /// How long it took.
        pub secs: Option<Seconds>,
        /// How often the connection was tried again.
        pub reconnects: Option<u64>,
    }
}

login_struct! {
    /// Proxying failed: the server refused the login, or could not be reached.
    ///
    /// Shape: `proxy({user}[,{server}:{port}]): Login failed[ to ..][ from ..][ as user ..]:
    /// {reason}`; with a severity word `connect({ip}, {port}) failed: ...`, `Disconnected by
    /// server: ...`; then the elements.
    pub struct ProxyFailed<'a> {
        /// The user in the prefix.
        pub proxy_user: &'a [u8],
        /// The server's address.
        pub dest_address: Option<&'a [u8]>,
        /// The server's port.
        pub dest_port: Option<u64>,
        /// The user name used there.
        pub dest_user: Option<&'a [u8]>,
        /// `info` for a refused login, else the severity word.
        pub severity: &'static str,
        /// Why.
        pub reason: &'a [u8],
    }
}

login_struct! {
    /// A proxied session ended.
    ///
    /// Shape: `proxy({user}): disconnecting {rip} (Disconnected by {by}[: {reason}]({n}s idle,
    /// in={n}, out={n}[+{n}]))` (up to 2.3.10); `proxy({user},{server}:{port}): Disconnected by
    /// {by}[: {reason}] ({n}s idle, in={n}, out={n}[+{n}]...)` (2.3.11 and later); then the
    /// elements. Units: bytes as seen by the server behind.
    pub struct ProxyEnded<'a> {
        /// The user in the prefix.
        pub proxy_user: &'a [u8],
        /// The server's address.
        pub dest_address: Option<&'a [u8]>,
        /// The server's port.
        pub dest_port: Option<u64>,
        /// Who hung up: `client`, `server` or `proxy`.
        pub by: Option<&'a [u8]>,
        /// Why.
        pub reason: Option<&'a [u8]>,
        /// For how long nothing had been sent.
        pub idle_secs: Option<u64>,
        /// Bytes from the client.
        pub in_bytes: Option<u64>,
        /// Bytes to the client.
        pub out_bytes: Option<u64>,
        /// Bytes that could not be sent to the client any more.
        pub unsent_bytes: Option<u64>,
        /// In how many milliseconds the client is disconnected.
        pub disconnect_ms: Option<u64>,
    }
}

/// The server that a line names: `198.51.100.20:143`, `host[ip]:110`, `[2001:db8::20]:143`.
#[derive(Clone, Copy, Default)]
struct Server<'a> {
    address: Option<&'a [u8]>,
    host: Option<&'a [u8]>,
    port: Option<u64>,
}

impl<'a> Server<'a> {
    fn parse(text: &'a [u8]) -> Option<Self> {
        let (name, port) = before_last(text, b":")?;
        let port = Some(to_number(port)?);
        let server = match split_once(name, b"[") {
            Some((host, address)) => Server {
                address: address.strip_suffix(b"]"),
                host: Some(host).filter(|host| !host.is_empty()),
                port,
            },
            None if is_address(name) => Server {
                address: Some(name),
                host: None,
                port,
            },
            None => Server {
                address: None,
                host: Some(name),
                port,
            },
        };
        Some(server)
    }
}

fn is_address(name: &[u8]) -> bool {
    !matches!(family(name), Family::Unknown | Family::Local)
}

/// Parses `proxy(..): ..`, with the elements already taken off.
pub(super) fn parse<'a>(
    line: &Line<'a>,
    protocol: &'a [u8],
    message: &'a [u8],
    found: &Elements<'a>,
) -> Parsed<'a> {
    let Some((user, server, text)) = split_prefix(message) else {
        return Err(Reason("dovecot proxy prefix"));
    };
    if !line.is_complaint() {
        if let Some(rest) = without_initial(text, b"tarted proxying to ") {
            let started = started(protocol, found, user, server, rest);
            return Ok(Event::ProxyStarted(started));
        }
        if let Some(ended) = ended(protocol, found, user, server, text) {
            return Ok(Event::ProxyEnded(ended));
        }
        if !text.starts_with(b"Login failed") {
            return Err(Reason("dovecot proxy"));
        }
    }
    let severity = line.severity.name();
    Ok(Event::ProxyFailed(failed(
        protocol, found, user, server, severity, text,
    )))
}

/// Takes `started ...` or `Started ...` off: 2.3.11 changed the initial.
fn without_initial<'a>(text: &'a [u8], rest: &[u8]) -> Option<&'a [u8]> {
    match text.split_first()? {
        (b's' | b'S', tail) => tail.strip_prefix(rest),
        _ => None,
    }
}

/// Splits `proxy({user}[,{server}]): {text}`; a user name may hold `): ` itself.
fn split_prefix(message: &[u8]) -> Option<(&[u8], Server<'_>, &[u8])> {
    let rest = message.strip_prefix(b"proxy(")?;
    let is_start = |text: &[u8]| {
        let starts: [&[u8]; 6] = [
            b"started proxying",
            b"Started proxying",
            b"Login failed",
            b"disconnecting ",
            b"Disconnected by ",
            b"connect(",
        ];
        starts.iter().any(|start| text.starts_with(start))
    };
    let split_at = |at: usize| Some((rest.get(..at)?, rest.get(at + b"): ".len()..)?));
    let mut ends = find_iter(rest, b"): ");
    let (inside, text) = ends
        .clone()
        .filter_map(split_at)
        .find(|(_, text)| is_start(text))
        .or_else(|| split_at(ends.next()?))?;
    if let Some((user, server)) = before_last(inside, b",")
        && let Some(server) = Server::parse(server)
    {
        return Some((user, server, text));
    }
    Some((inside, Server::default(), text))
}

fn started<'a>(
    protocol: &'a [u8],
    found: &Elements<'a>,
    proxy_user: &'a [u8],
    server: Server<'a>,
    rest: &'a [u8],
) -> ProxyStarted<'a> {
    let (rest, times) = times(rest);
    let (rest, master) = master(rest);
    let (rest, as_user) = split_word(rest, b" as user ");
    let (rest, source_address) = split_word(rest, b" from ");
    let (target, host) = match trailing_group(rest) {
        Some((target, host)) => (target, Some(without_angles(host))),
        None => (rest, None),
    };
    let (target, slash_user) = split_word(target, b"/");
    let mut server = server;
    if server.port.is_none() {
        server = Server::parse(target).unwrap_or_default();
    }
    let (secs, reconnects) = times;
    let target = Some(without_angles(target)).filter(|target| is_address(target));
    login_event!(ProxyStarted, protocol, found, {
        proxy_user,
        dest_address: server.address.or(target),
        dest_port: server.port,
        dest_host: host.or(server.host),
        dest_user: as_user.or(slash_user),
        master,
        source_address,
        secs,
        reconnects,
    })
}

/// Splits at a mark, where it stands.
fn split_word<'a>(text: &'a [u8], mark: &[u8]) -> (&'a [u8], Option<&'a [u8]>) {
    match split_once(text, mark) {
        Some((left, right)) => (left, Some(right)),
        None => (text, None),
    }
}

/// Takes ` (0.021 secs[, 2 reconnects])` off the end.
fn times(text: &[u8]) -> (&[u8], (Option<Seconds>, Option<u64>)) {
    if let Some((left, group)) = trailing_group(text)
        && let Ok((rest, secs)) = seconds(group)
        && let Some(rest) = rest.strip_prefix(b" secs")
    {
        let reconnects = rest.strip_prefix(b", ").and_then(split_number);
        return (left, (Some(secs), reconnects.map(|(count, _)| count)));
    }
    (text, (None, None))
}

/// Takes ` (master {user})` off the end.
fn master(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match trailing_group(text) {
        Some((left, group)) if group.starts_with(b"master ") => {
            (left, group.strip_prefix(b"master "))
        }
        _ => (text, None),
    }
}

fn failed<'a>(
    protocol: &'a [u8],
    found: &Elements<'a>,
    proxy_user: &'a [u8],
    server: Server<'a>,
    severity: &'static str,
    text: &'a [u8],
) -> ProxyFailed<'a> {
    let mut server = server;
    let mut dest_user = None;
    let mut reason = text;
    if let Some(rest) = text.strip_prefix(b"Login failed") {
        let (place, why) = split_once(rest, b": ").unwrap_or((rest, b""));
        reason = why;
        dest_user = split_word(place, b" as user ").1;
        if let Some(target) = place.strip_prefix(b" to ") {
            let (target, user) = split_word(master(target).0, b"/");
            server = Server::parse(target).unwrap_or(server);
            dest_user = user;
        }
    }
    login_event!(ProxyFailed, protocol, found, {
        proxy_user,
        dest_address: server.address,
        dest_port: server.port,
        dest_user,
        severity,
        reason,
    })
}

fn ended<'a>(
    protocol: &'a [u8],
    found: &Elements<'a>,
    proxy_user: &'a [u8],
    server: Server<'a>,
    text: &'a [u8],
) -> Option<ProxyEnded<'a>> {
    if !text.starts_with(b"disconnecting ") && !text.starts_with(b"Disconnected by ") {
        return None;
    }
    let (text, delay) = match before_last(text, b" - disconnecting client in ") {
        Some((left, delay)) => (left, split_number(delay).map(|(ms, _)| ms)),
        None => (text, None),
    };
    let (_, rest) = split_once(text, b"Disconnected by ")?;
    let (head, stats) = split_stats(rest);
    let (by, reason) = split_word(head, b": ");
    let number_after = |mark: &[u8]| {
        let (_, rest) = split_once(stats, mark)?;
        split_number(rest)
    };
    let out = number_after(b", out=");
    let unsent = out.and_then(|(_, rest)| split_number(rest.strip_prefix(b"+")?));
    Some(login_event!(ProxyEnded, protocol, found, {
        proxy_user,
        dest_address: server.address,
        dest_port: server.port,
        by: Some(by).filter(|by| !by.is_empty()),
        reason,
        idle_secs: split_number(stats).map(|(secs, _)| secs),
        in_bytes: number_after(b" in=").map(|(bytes, _)| bytes),
        out_bytes: out.map(|(bytes, _)| bytes),
        unsent_bytes: unsent.map(|(bytes, _)| bytes),
        disconnect_ms: delay,
    }))
}

/// Splits `client: reason (3s idle, in=1, out=2)` before the group; there may be no blank.
fn split_stats(text: &[u8]) -> (&[u8], &[u8]) {
    let Some((left, _)) = before_last(text, b"s idle, in=") else {
        let text = text.strip_suffix(b")").unwrap_or(text);
        return (text, b"");
    };
    match before_last(left, b"(") {
        Some((head, _)) => {
            let stats = text.get(head.len() + 1..).unwrap_or_default();
            (head.strip_suffix(b" ").unwrap_or(head), stats)
        }
        None => (text, b""),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    const REST: &str =
        ": user=<a@example.com>, method=PLAIN, rip=192.0.2.10, lip=198.51.100.1, TLS, session=<s>";

    fn event(message: &str) -> String {
        format!("imap-login: {message}{REST}")
    }

    /// Hard case 19: only `rip=` is the client.
    #[test]
    fn server_and_client_are_told_apart() {
        for (message, address, host, port) in [
            (
                "proxy(a@example.com): started proxying to 198.51.100.20:143/b (master m)",
                Some("198.51.100.20"),
                None,
                143,
            ),
            (
                "proxy(a@example.com): started proxying to backend.example.com:143",
                None,
                Some("backend.example.com"),
                143,
            ),
            (
                "proxy(a@example.com,198.51.100.20:143): Started proxying to <198.51.100.20> (<b.example.com>) from 198.51.100.1 as user b (master m) (0.021 secs, 2 reconnects)",
                Some("198.51.100.20"),
                Some("b.example.com"),
                143,
            ),
            (
                "proxy(a@example.com,b.example.com[198.51.100.20]:110): Started proxying to remote host (0.021 secs)",
                Some("198.51.100.20"),
                Some("b.example.com"),
                110,
            ),
            (
                "proxy(a@example.com,[2001:db8::20]:143): Started proxying to remote host (0.021 secs)",
                Some("2001:db8::20"),
                None,
                143,
            ),
        ] {
            let line = event(message);
            let Ok(Event::ProxyStarted(found)) = parse(line.as_bytes()) else {
                panic!("{line}")
            };
            assert_eq!(found.dest_address, address.map(str::as_bytes), "{line}");
            assert_eq!(found.dest_host, host.map(str::as_bytes), "{line}");
            assert_eq!(found.dest_port, Some(port), "{line}");
            assert_eq!(found.rip, Some(&b"192.0.2.10"[..]), "{line}");
            assert_eq!(found.proxy_user, b"a@example.com", "{line}");
            if message.contains("master") {
                assert_eq!(
                    (found.dest_user, found.master),
                    (Some(&b"b"[..]), Some(&b"m"[..])),
                    "{line}"
                );
            }
            if message.contains("secs") {
                assert_eq!(found.secs, Some(Seconds { micros: 21_000 }), "{line}");
            }
        }
    }

    #[test]
    fn ends_of_all_versions_are_read() {
        for message in [
            "proxy(a@example.com): disconnecting 192.0.2.10 (Disconnected by server: Connection reset by peer(12s idle, in=512, out=20480+7)) - disconnecting client in 250ms",
            "proxy(a@example.com,198.51.100.20:143): Disconnected by server: Connection reset by peer (12s idle, in=512, out=20480+7, client output blocked) - disconnecting client in 250ms",
        ] {
            let line = event(message);
            let Ok(Event::ProxyEnded(found)) = parse(line.as_bytes()) else {
                panic!("{line}")
            };
            assert_eq!(found.by, Some(&b"server"[..]), "{line}");
            assert_eq!(
                found.reason,
                Some(&b"Connection reset by peer"[..]),
                "{line}"
            );
            assert_eq!(
                (found.idle_secs, found.in_bytes),
                (Some(12), Some(512)),
                "{line}"
            );
            assert_eq!(
                (found.out_bytes, found.unsent_bytes),
                (Some(20480), Some(7)),
                "{line}"
            );
            assert_eq!(found.disconnect_ms, Some(250), "{line}");
        }
    }

    #[test]
    fn failures_name_severity_and_reason() {
        let line = event(
            "Error: proxy(a@example.com,198.51.100.20:143): connect(198.51.100.20, 143) failed: Connection refused (after 0 secs)",
        );
        let Ok(Event::ProxyFailed(found)) = parse(line.as_bytes()) else {
            panic!()
        };
        assert_eq!((found.severity, found.dest_port), ("error", Some(143)));
        let line = event(
            "proxy(a@example.com): Login failed to 198.51.100.20:143/b: Authentication failed.",
        );
        let Ok(Event::ProxyFailed(found)) = parse(line.as_bytes()) else {
            panic!()
        };
        assert_eq!(
            (found.dest_user, found.reason),
            (Some(&b"b"[..]), &b"Authentication failed."[..])
        );
        assert_eq!(found.dest_address, Some(&b"198.51.100.20"[..]));
    }
}

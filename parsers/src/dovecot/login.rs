//! Lines of the login processes: imap-login, pop3-login, submission-login, managesieve-login.
//!
//! The form is `{service}-login: {message}: {elements}`; the elements say who is at the other end.
//! A service may have a name of its own (`imaps-login`). Disconnects before a login are in `abort`,
//! the proxy's lines in `proxy`.

use super::elements::{self, Elements};
use super::prefix::Line;
use super::{Event, Parsed, abort, auth, proxy};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{before_last, split_number, split_once, trailing_group};

pub use super::abort::{AbortReason, LoginAborted};
pub use super::proxy::{ProxyEnded, ProxyFailed, ProxyStarted};

/// Declares the event of a login process: the elements that all of them share, and its own fields.
macro_rules! login_struct {
    (
        $(#[doc = $about:literal])*
        pub struct $name:ident<$life:lifetime> {
            $($(#[doc = $field_about:literal])* pub $field:ident : $type:ty),* $(,)?
        }
    ) => {
        $crate::fields::event_struct! {
            $(#[doc = $about])*
            pub struct $name<$life> {
                /// The service, from the process's name: `imap`, `pop3`, `submission`,
                /// `managesieve`, or a name of the site's own.
                pub protocol: &$life [u8],
                /// The user name as sent by the client; empty where none is known.
                pub user: &$life [u8],
                /// The SASL mechanism, once an authentication was begun.
                pub method: Option<&$life [u8]>,
                /// The client's address, as logged.
                pub rip: Option<&$life [u8]>,
                /// The server's address, as logged.
                pub lip: Option<&$life [u8]>,
                /// `TLS`, `secured`, `TLS handshaking: {error}`, ..., as logged; none means
                /// cleartext.
                pub secured: Option<&$life [u8]>,
                /// The session id.
                pub session: Option<&$life [u8]>,
                /// Further elements of a customised `login_log_format_elements`, as logged.
                pub more: Option<&$life [u8]>,
                $($(#[doc = $field_about])* pub $field: $type,)*
            }
        }
    };
}
pub(super) use login_struct;

/// Builds an event declared with [`login_struct!`] from a line's elements and its own fields.
macro_rules! login_event {
    (
        $name:ident, $protocol:expr, $elements:expr,
        { $($field:ident $(: $value:expr)?),* $(,)? }
    ) => {
        $name {
            protocol: $protocol,
            user: $elements.user,
            method: $elements.method,
            rip: $elements.rip,
            lip: $elements.lip,
            secured: $elements.secured,
            session: $elements.session,
            more: $elements.more,
            $($field $(: $value)?,)*
        }
    };
}
pub(super) use login_event;

login_struct! {
    /// A client logged in.
    ///
    /// Shape: `{service}-login: Login: {elements}` (up to 2.3), `Logged in: {elements}` (2.4);
    /// 1.x `Login: {user} [{address}]`. Source: Dovecot `src/login-common/client-common.c`.
    pub struct LoginSuccess<'a> {
        /// The process id of the mail process that took the session over.
        pub mpid: Option<u64>,
    }
}

login_struct! {
    /// A client logged in and was referred to another server.
    ///
    /// Shape: `{service}-login: Login with referral: {elements}`; Dovecot 2.0 and 2.1.
    pub struct LoginReferral<'a> {}
}

login_struct! {
    /// A user with valid credentials had too many connections from one address.
    ///
    /// Shape: `[Disconnected: |Login aborted: ]Maximum number of connections from user+IP exceeded
    /// (mail_max_userip_connections={limit})[ ({extra})[ ({code})]]: {elements}`. No failed login.
    pub struct LoginConnLimit<'a> {
        /// The limit.
        pub limit: Option<u64>,
        /// The text in parentheses about the attempts, as logged.
        pub extra: Option<&'a [u8]>,
        /// Dovecot 2.4's reason code.
        pub code: Option<&'a [u8]>,
    }
}

login_struct! {
    /// Authentication succeeded, but the mail process could not be started.
    ///
    /// Shape: `[Disconnected: |Login aborted: ]Internal login failure (pid={pid} id={id})
    /// (internal failure, {n} successful auths)...: {elements}`.
    pub struct LoginInternalFailure<'a> {
        /// The process id of the login process.
        pub pid: Option<u64>,
        /// The number of the auth request.
        pub id: Option<u64>,
        /// How many authentications succeeded.
        pub successes: Option<u64>,
        /// How many authentications there were (2.4).
        pub attempts: Option<u64>,
        /// Seconds since the connection began (2.4).
        pub secs: Option<u64>,
        /// Dovecot 2.4's reason code.
        pub code: Option<&'a [u8]>,
    }
}

login_struct! {
    /// A login command was refused before the credentials were looked at.
    ///
    /// Shape: `Login failed: {reason}: {elements}`, `Authenticate {mechanism} failed: {reason}:
    /// {elements}`, `APOP failed: {reason}: {elements}`; only with `auth_verbose=yes`. Dovecot
    /// counts the attempt again in the disconnect line of the session.
    pub struct LoginPolicyRefused<'a> {
        /// Why.
        pub reason: &'a [u8],
    }
}

login_struct! {
    /// A login process could not do its work: certificates, keys, the auth process.
    ///
    /// Shape: `{Warning|Error|Fatal}: {reason}[: {elements}]`; with `verbose_ssl` up to 2.2
    /// `SSL alert: ...[{address}]`.
    pub struct LoginError<'a> {
        /// `warning`, `error` or `fatal`.
        pub severity: &'static str,
        /// What went wrong.
        pub reason: &'a [u8],
    }
}

event_struct! {
    /// A client told its name (IMAP ID), with `imap_id_log`; Dovecot up to 2.3.
    ///
    /// Shape: `{imap-login|imap(user)...}: ID sent: {fields}[: {elements}]`.
    pub struct ImapId<'a> {
        /// The user; none before the login.
        pub user: Option<&'a [u8]>,
        /// The process id of the mail process, after the login.
        pub pid: Option<u64>,
        /// The session id.
        pub session: Option<&'a [u8]>,
        /// What the client said: `name=Thunderbird, version=128.0`.
        pub fields: &'a [u8],
        /// The client's address, before the login.
        pub rip: Option<&'a [u8]>,
        /// The server's address, before the login.
        pub lip: Option<&'a [u8]>,
        /// Whether the session was encrypted, before the login.
        pub secured: Option<&'a [u8]>,
    }
}

/// Parses a line of a login process.
pub(super) fn parse<'a>(line: &Line<'a>) -> Parsed<'a> {
    let protocol = line.mail.process;
    let protocol = protocol.strip_suffix(b"-login").unwrap_or(protocol);
    // A login with all it has, and no severity word before it: no other line begins like it.
    if let Some(text) = line.text.strip_prefix(b"Login: ")
        && !line.is_complaint()
        && let Some(found) = elements::usual(text)
    {
        return Ok(Event::LoginSuccess(
            login_event!(LoginSuccess, protocol, found, { mpid: found.mpid }),
        ));
    }
    let (message, elements) = match elements::split(line.text) {
        Some((message, elements)) => (message, Some(elements)),
        None => (line.text, None),
    };
    let found = elements.unwrap_or_default();
    if message.starts_with(b"proxy(") {
        return proxy::parse(line, protocol, message, &found);
    }
    if line.is_complaint() {
        return complaint(line, protocol, message, elements.as_ref());
    }
    if let Some(event) = success(protocol, message, &found) {
        return Ok(event);
    }
    if let Some(fields) = message.strip_prefix(b"ID sent: ") {
        return Ok(Event::ImapId(id_before_login(fields, &found)));
    }
    if let Some(refused) = policy_refused(protocol, message, &found) {
        return Ok(Event::LoginPolicyRefused(refused));
    }
    abort::parse(protocol, message, &found)
        .or_else(|| limit_or_failure(protocol, message, &found))
        .ok_or(Reason("dovecot login"))
}

fn success<'a>(protocol: &'a [u8], message: &'a [u8], found: &Elements<'a>) -> Option<Event<'a>> {
    match message {
        b"Login" | b"Logged in" => Some(Event::LoginSuccess(
            login_event!(LoginSuccess, protocol, found, { mpid: found.mpid }),
        )),
        b"Login with referral" => Some(Event::LoginReferral(login_event!(
            LoginReferral,
            protocol,
            found,
            {}
        ))),
        _ => login_of_version_1(protocol, message),
    }
}

/// Reads Dovecot 1.x's `Login: alice [192.0.2.10]`, which has no elements.
fn login_of_version_1<'a>(protocol: &'a [u8], message: &'a [u8]) -> Option<Event<'a>> {
    let (user, rip) = before_last(message.strip_prefix(b"Login: ")?, b" [")?;
    let found = Elements {
        user,
        rip: Some(rip.strip_suffix(b"]")?),
        ..Elements::default()
    };
    Some(Event::LoginSuccess(
        login_event!(LoginSuccess, protocol, found, { mpid: None }),
    ))
}

fn id_before_login<'a>(fields: &'a [u8], found: &Elements<'a>) -> ImapId<'a> {
    ImapId {
        user: Some(found.user).filter(|user| !user.is_empty()),
        pid: None,
        session: found.session,
        fields,
        rip: found.rip,
        lip: found.lip,
        secured: found.secured,
    }
}

fn policy_refused<'a>(
    protocol: &'a [u8],
    message: &'a [u8],
    found: &Elements<'a>,
) -> Option<LoginPolicyRefused<'a>> {
    let mut found = *found;
    let reason = if let Some(reason) = message.strip_prefix(b"Login failed: ") {
        reason
    } else if let Some(reason) = message.strip_prefix(b"APOP failed: ") {
        reason
    } else {
        let refused = message.strip_prefix(b"Authenticate ")?;
        let (method, reason) = split_once(refused, b" failed: ")?;
        found.method = found.method.or(Some(method));
        reason
    };
    Some(login_event!(LoginPolicyRefused, protocol, found, {
        reason
    }))
}

/// Reads a connection limit or an internal failure where no `Disconnected: ` stands before it
/// (Dovecot up to 2.3.14).
fn limit_or_failure<'a>(
    protocol: &'a [u8],
    message: &'a [u8],
    found: &Elements<'a>,
) -> Option<Event<'a>> {
    if let Some(rest) = message.strip_prefix(b"Maximum number of connections") {
        return Some(Event::LoginConnLimit(conn_limit(protocol, rest, found)));
    }
    let rest = message.strip_prefix(b"Internal login failure")?;
    Some(Event::LoginInternalFailure(internal_failure(
        protocol, rest, found,
    )))
}

/// Reads ` from user+IP exceeded (mail_max_userip_connections=10)[ ({extra})[ ({code})]]`.
pub(super) fn conn_limit<'a>(
    protocol: &'a [u8],
    rest: &'a [u8],
    found: &Elements<'a>,
) -> LoginConnLimit<'a> {
    let limit =
        split_once(rest, b"mail_max_userip_connections=").and_then(|(_, rest)| split_number(rest));
    let (code, rest) = abort::split_code(limit.map_or(b"", |(_, rest)| rest));
    let extra = trailing_group(rest).map(|(_, extra)| extra);
    login_event!(LoginConnLimit, protocol, found, {
        limit: limit.map(|(limit, _)| limit),
        extra,
        code,
    })
}

/// Reads ` (pid=4711 id=1) (internal failure, 1/1 successful auths in 0 secs) (internal_failure)`.
pub(super) fn internal_failure<'a>(
    protocol: &'a [u8],
    rest: &'a [u8],
    found: &Elements<'a>,
) -> LoginInternalFailure<'a> {
    let number_after = |mark: &[u8]| {
        let (_, rest) = split_once(rest, mark)?;
        split_number(rest).map(|(number, _)| number)
    };
    let (code, left) = abort::split_code(rest);
    let counts = abort::counts(trailing_group(left).map_or(b"", |(_, extra)| extra));
    login_event!(LoginInternalFailure, protocol, found, {
        pid: number_after(b"pid="),
        id: number_after(b" id="),
        successes: counts.successes,
        attempts: counts.attempts,
        secs: counts.secs,
        code,
    })
}

/// Reads a line with a severity word.
fn complaint<'a>(
    line: &Line<'a>,
    protocol: &'a [u8],
    message: &'a [u8],
    elements: Option<&Elements<'a>>,
) -> Parsed<'a> {
    if let Some(event) = auth::connection_closed(line.severity, message) {
        return Ok(event);
    }
    let mut found = elements.copied().unwrap_or_default();
    let mut reason = message;
    if message.starts_with(b"SSL ")
        && let Some((text, address)) = before_last(message, b" [")
    {
        found.rip = address.strip_suffix(b"]");
        reason = text;
    }
    let is_tls = [
        &b"SSL"[..],
        b"TLS",
        b"Couldn't parse private ssl_key",
        b"Failed to initialize SSL",
    ]
    .iter()
    .any(|start| message.starts_with(start));
    if elements.is_none() && !is_tls {
        return Err(Reason("dovecot login error"));
    }
    let severity = line.severity.name();
    Ok(Event::LoginError(
        login_event!(LoginError, protocol, found, { severity, reason }),
    ))
}

/// Reads `ID sent: {fields}` of a mail process.
pub(super) fn id_after_login<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    Some(Event::ImapId(ImapId {
        user: line.mail.user,
        pid: line.mail.pid,
        session: line.mail.session,
        fields: line.text.strip_prefix(b"ID sent: ")?,
        rip: None,
        lip: None,
        secured: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn success(line: &str) -> LoginSuccess<'_> {
        match parse(line.as_bytes()) {
            Ok(Event::LoginSuccess(success)) => success,
            other => panic!("{line}: {other:?}"),
        }
    }

    /// Hard cases 1, 2 and 21: 2.3 and 2.4, syslog and own log file, services of any name.
    #[test]
    fn both_versions_and_both_files_give_the_same_login() {
        let elements = "user=<alice@example.com>, method=PLAIN, rip=2001:db8::25, lip=2001:db8::1, mpid=4711, TLS, session=<7jjckuZSr5wgAQ24AAAAAAAAAAAAAAAl>";
        let mut lines = Vec::new();
        for word in [
            "Login: ",
            "Logged in: ",
            "Info: Login: ",
            "Info: Logged in: ",
        ] {
            lines.push(format!("imap-login: {word}{elements}"));
        }
        let first = success(lines.first().unwrap());
        assert_eq!((first.protocol, first.mpid), (&b"imap"[..], Some(4711)));
        for line in &lines {
            assert_eq!(success(line), first, "{line}");
        }
        let line = format!("imaps-login: Login: {elements}");
        assert_eq!(success(&line).protocol, b"imaps");
    }

    #[test]
    fn version_1_has_no_elements() {
        let found = success("imap-login: Login: alice [192.0.2.10]");
        assert_eq!(
            (found.user, found.rip),
            (&b"alice"[..], Some(&b"192.0.2.10"[..]))
        );
    }

    /// Hard case 20: mapped addresses, loopback, no address at all.
    #[test]
    fn odd_addresses_are_kept_as_logged() {
        let found = success(
            "pop3-login: Login: user=<bob>, method=PLAIN, rip=::ffff:192.0.2.10, lip=0.0.0.0, mpid=1, session=<s>",
        );
        assert_eq!(found.rip, Some(&b"::ffff:192.0.2.10"[..]));
        assert_eq!((found.lip, found.secured), (Some(&b"0.0.0.0"[..]), None));
        let found =
            success("pop3-login: Login: user=<bob>, method=PLAIN, mpid=1, secured, session=<s>");
        assert_eq!((found.rip, found.secured), (None, Some(&b"secured"[..])));
        assert_eq!(
            (found.user, found.method, found.mpid),
            (&b"bob"[..], Some(&b"PLAIN"[..]), Some(1))
        );
    }

    /// Lines as people paste them, with everything in angle brackets gone.
    #[test]
    fn pasted_logins_are_read() {
        let found = success(
            "imap-login: Login: user=, method=PLAIN, rip=::ffff:, lip=::ffff:, mpid=4712, TLS, session=",
        );
        assert_eq!((found.user, found.method), (&b""[..], Some(&b"PLAIN"[..])));
        assert_eq!((found.mpid, found.secured), (Some(4712), Some(&b"TLS"[..])));
    }

    #[test]
    fn limits_and_failures_have_one_kind_in_all_versions() {
        for line in [
            "imap-login: Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10): user=<a>, rip=192.0.2.10, lip=198.51.100.1",
            "imap-login: Disconnected: Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10): user=<a>, rip=192.0.2.10, lip=198.51.100.1",
            "imap-login: Login aborted: Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10) (connection limit reached, 1/1 successful auths in 0 secs) (connection_limit): user=<a>, rip=192.0.2.10, lip=198.51.100.1",
        ] {
            let Ok(Event::LoginConnLimit(found)) = parse(line.as_bytes()) else {
                panic!("{line}")
            };
            assert_eq!((found.limit, found.user), (Some(10), &b"a"[..]), "{line}");
        }
        let line = b"imap-login: Login aborted: Internal login failure (pid=4711 id=1) (internal failure, 1/2 successful auths in 3 secs) (internal_failure): user=<a>, rip=192.0.2.10, lip=198.51.100.1";
        let Ok(Event::LoginInternalFailure(found)) = parse(line) else {
            panic!()
        };
        assert_eq!((found.pid, found.id), (Some(4711), Some(1)));
        assert_eq!(
            (found.successes, found.attempts, found.secs),
            (Some(1), Some(2), Some(3))
        );
    }

    #[test]
    fn a_client_id_cannot_imitate_elements() {
        let line = b"imap-login: ID sent: name=x: user=<evil>, rip=203.0.113.9, version=1: user=<>, rip=192.0.2.66, lip=198.51.100.1, session=<s>";
        let Ok(Event::ImapId(found)) = parse(line) else {
            panic!()
        };
        assert_eq!((found.user, found.rip), (None, Some(&b"192.0.2.66"[..])));
        assert_eq!(
            found.fields,
            b"name=x: user=<evil>, rip=203.0.113.9, version=1"
        );
    }

    #[test]
    fn refused_mechanisms_are_named() {
        let line = b"imap-login: Authenticate CRAM-MD5 failed: Unsupported authentication mechanism.: user=<>, rip=192.0.2.66, lip=198.51.100.1, session=<s>";
        let Ok(Event::LoginPolicyRefused(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(found.method, Some(&b"CRAM-MD5"[..]));
        assert_eq!(found.reason, b"Unsupported authentication mechanism.");
    }

    #[test]
    fn tls_alerts_of_2_2_name_their_client() {
        let line = b"imap-login: Warning: SSL alert: where=0x4004, ret=558: fatal certificate unknown [2001:db8::66]";
        let Ok(Event::LoginError(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(
            (found.severity, found.rip),
            ("warning", Some(&b"2001:db8::66"[..]))
        );
        assert_eq!(
            found.reason,
            b"SSL alert: where=0x4004, ret=558: fatal certificate unknown"
        );
    }
}

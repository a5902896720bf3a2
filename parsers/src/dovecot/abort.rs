//! Disconnects before a login: one kind, with the reason told apart by [`AbortReason`].

use super::Event;
use super::elements::Elements;
use super::login::{self, login_event, login_struct};
use crate::fields::{Field, Visitor};
use crate::scan::{before_last, split_number, split_once, to_number, trailing_group};

login_struct! {
    /// A connection ended before a login.
    ///
    /// Shape: `{Aborted login|Disconnected[: {why}]|Login aborted: {why}} ({extra})[ ({code})]:
    /// {elements}`. Up to 2.3.14 the word depends on who hung up; 2.3.15 always has
    /// `Disconnected: `; 2.4 has `Login aborted: ` and a code. submission-login of 2.3.0-2.3.14 has
    /// no such word. Units: `secs` since the connection began, as logged.
    pub struct LoginAborted<'a> {
        /// Who hung up or why, without the leading `Disconnected: `; that word where there is
        /// nothing else.
        pub why: &'a [u8],
        /// The text in parentheses: what had been tried so far.
        pub extra: Option<&'a [u8]>,
        /// How many authentications were tried.
        pub attempts: Option<u64>,
        /// How many of them succeeded (2.4; `internal failure` since 2.0).
        pub successes: Option<u64>,
        /// For how long, in seconds.
        pub secs: Option<u64>,
        /// Dovecot 2.4's reason code; authoritative where present.
        pub code: Option<&'a [u8]>,
        /// What kept the client from logging in, by the code, else by the text.
        pub reason: AbortReason,
    }
}

/// Declares the reasons with their names (2.4's codes) and the texts of Dovecot up to 2.3.
macro_rules! reasons {
    ($($variant:ident = $name:literal, $failed:literal, [$($text:literal),*];)*) => {
        /// What kept a client from logging in; the names are Dovecot 2.4's codes.
        #[non_exhaustive]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum AbortReason {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
            /// A text or code that this version does not know.
            Other,
        }

        impl AbortReason {
            /// Returns the name.
            pub fn name(self) -> &'static str {
                match self {
                    $(AbortReason::$variant => $name,)*
                    AbortReason::Other => "other",
                }
            }

            /// Tells whether credentials were offered and refused: a failed login.
            ///
            /// Troubles of the server and clients that gave up are none.
            pub fn is_failed_login(self) -> bool {
                match self {
                    $(AbortReason::$variant => $failed,)*
                    AbortReason::Other => false,
                }
            }

            fn from_code(code: &[u8]) -> Self {
                $(if code == $name.as_bytes() { return AbortReason::$variant; })*
                AbortReason::Other
            }

            fn from_extra(extra: &[u8]) -> Self {
                $($(if extra.starts_with($text) { return AbortReason::$variant; })*)*
                AbortReason::Other
            }
        }
    };
}

// The longer text stands before the shorter one that it starts with.
reasons! {
    NoAuthAttempts = "no_auth_attempts", false, [b"no auth attempts"];
    AuthFailed = "auth_failed", true, [b"auth failed", b"disconnected while authenticating"];
    AuthorizationFailed = "authorization_failed", true, [b"authorization failed"];
    CleartextAuthDisabled = "cleartext_auth_disabled", true,
        [b"tried to use disabled", b"tried to use disallowed"];
    InvalidMech = "invalid_mech", true, [b"tried to use unsupported"];
    AuthWaitingClient = "auth_waiting_client", false, [b"client didn't finish SASL auth"];
    FinishingLogin = "finishing_login", false, [b"disconnected while finishing login"];
    AuthAbortedByClient = "auth_aborted_by_client", false,
        [b"aborted authentication", b"auth aborted by client"];
    AuthProcessCommFail = "auth_process_comm_fail", false, [b"auth process communication"];
    TempFail = "temp_fail", false, [b"auth service reported temporary failure"];
    AuthProcessNotReady = "auth_process_not_ready", false, [b"disconnected before auth was ready"];
    TlsHandshakeNotFinished = "tls_handshake_not_finished", false,
        [b"disconnected during TLS handshake"];
    ClientSslCertMissing = "client_ssl_cert_missing", false, [b"client didn't send a cert"];
    ClientSslCertUntrusted = "client_ssl_cert_untrusted", false,
        [b"client sent an invalid cert", b"client sent an untrusted cert"];
    ClientSslNotStarted = "client_ssl_not_started", false, [b"cert required, client didn't"];
    UserDisabled = "user_disabled", true, [b"user disabled"];
    PasswordExpired = "password_expired", true, [b"password expired"];
    LoginDisabled = "login_disabled", true, [b"login disabled"];
    InvalidBase64 = "invalid_base64", true, [b"sent invalid base64"];
    AnonymousAuthDisabled = "anonymous_auth_disabled", true, [b"anonymous logins disabled"];
    InvalidCredentials = "invalid_credentials", true, [b"credentials contain control"];
    AuthNologinReferral = "auth_nologin_referral", false, [b"auth referral"];
    ProxyDestConnectFailed = "proxy_dest_connect_failed", false,
        [b"proxy dest connection failed"];
    ProxyDestInternalFailure = "proxy_dest_internal_failure", false,
        [b"proxy dest internal failure"];
    ProxyDestRemoteFailure = "proxy_dest_remote_failure", false, [b"proxy dest remote failure"];
    ProxyDestProtocolFailure = "proxy_dest_protocol_failure", false,
        [b"proxy dest protocol failure"];
    ProxyDestAuthFailed = "proxy_dest_auth_failed", true,
        [b"proxy dest auth failed", b"proxy dest authentication failure"];
    ProxyDestAuthTempFailed = "proxy_dest_auth_temp_failed", false,
        [b"proxy dest temporary authentication"];
    ProxyDestRedirected = "proxy_dest_redirected", false, [b"proxy dest redirected"];
    ProxyDestConnectionLimit = "proxy_dest_connection_limit", false,
        [b"proxy dest connection limit"];
    ConnectionLimit = "connection_limit", false, [b"connection limit reached"];
    InternalFailure = "internal_failure", false, [b"internal failure"];
    ProcessFull = "process_full", false, [b"client_limit and process_limit was hit"];
    ShuttingDown = "shutting_down", false, [b"The process is shutting down"];
}

impl AbortReason {
    /// Tells the reason of a line by its code, else by its text.
    ///
    /// A code that this version does not know is judged by its text. Lines with neither (Dovecot
    /// 1.x, plugins) say nothing about attempts and count as none, unless their own words name the
    /// reason.
    fn of(code: Option<&[u8]>, extra: Option<&[u8]>) -> Self {
        let by_code = code.map_or(AbortReason::Other, AbortReason::from_code);
        if by_code != AbortReason::Other {
            return by_code;
        }
        extra.map_or(AbortReason::NoAuthAttempts, AbortReason::from_extra)
    }
}

impl Field for AbortReason {
    fn visit_as(&self, name: &'static str, visitor: &mut dyn Visitor) {
        visitor.text(name, self.name().as_bytes());
    }
}

impl LoginAborted<'_> {
    /// Returns how many failed logins the line stands for.
    ///
    /// The line's `{n} attempts` where the reason is a refusal, less those that succeeded; one
    /// where a refusal has no count.
    pub fn failed_attempts(&self) -> u64 {
        if !self.reason.is_failed_login() {
            return 0;
        }
        match self.attempts {
            Some(attempts) => attempts.saturating_sub(self.successes.unwrap_or(0)),
            None => 1,
        }
    }
}

/// The numbers of `{text}, 2/3 successful auths in 11 secs`.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) attempts: Option<u64>,
    pub(super) successes: Option<u64>,
    pub(super) secs: Option<u64>,
}

/// Reads the numbers of the text in parentheses.
pub(super) fn counts(extra: &[u8]) -> Counts {
    let number_before = |mark: &[u8]| {
        let (left, _) = split_once(extra, mark)?;
        let (_, number) = before_last(left, b" ")?;
        Some(number)
    };
    let number_after = |mark: &[u8]| {
        let (_, right) = before_last(extra, mark)?;
        split_number(right).map(|(number, _)| number)
    };
    let mut counts = Counts {
        attempts: number_before(b" attempts").and_then(to_number),
        successes: None,
        secs: number_after(b" in ").or_else(|| number_after(b" waited ")),
    };
    if let Some(auths) = number_before(b" successful auths") {
        match split_once(auths, b"/") {
            Some((successes, all)) => {
                counts.successes = to_number(successes);
                counts.attempts = to_number(all);
            }
            None => counts.successes = to_number(auths),
        }
    }
    counts
}

/// Takes Dovecot 2.4's ` ({code})` off the end: lower case and underscores only.
pub(super) fn split_code(text: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let is_code = |code: &[u8]| {
        !code.is_empty()
            && code
                .iter()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_')
    };
    match trailing_group(text) {
        // A code follows another group; `(internal_failure)` alone would be one too.
        Some((left, code)) if is_code(code) && code.contains(&b'_') => (Some(code), left),
        _ => (None, text),
    }
}

/// Parses the message of a disconnect; also the limits and failures that 2.3.15 and later put
/// behind the same words.
pub(super) fn parse<'a>(
    protocol: &'a [u8],
    message: &'a [u8],
    found: &Elements<'a>,
) -> Option<Event<'a>> {
    let why = without_words(message)?;
    if let Some(rest) = why.strip_prefix(b"Maximum number of connections") {
        let limit = login::conn_limit(protocol, rest, found);
        return Some(Event::LoginConnLimit(limit));
    }
    if let Some(rest) = why.strip_prefix(b"Internal login failure") {
        let failure = login::internal_failure(protocol, rest, found);
        return Some(Event::LoginInternalFailure(failure));
    }
    let (code, why) = split_code(why);
    let (why, extra) = match trailing_group(why) {
        Some((why, extra)) if !is_part_of_why(extra) => (why, Some(extra)),
        _ => (why, None),
    };
    let Counts {
        attempts,
        successes,
        secs,
    } = counts(extra.unwrap_or_default());
    let reason = AbortReason::of(code, extra);
    Some(Event::LoginAborted(login_event!(
        LoginAborted, protocol, found, { why, extra, attempts, successes, secs, code, reason }
    )))
}

/// Takes off the words that say no more than that the connection ended. pop3's `Too many bad
/// commands` brings a `Disconnected: ` of its own.
fn without_words(message: &[u8]) -> Option<&[u8]> {
    if let Some(why) = message.strip_prefix(b"Login aborted: ") {
        return Some(why.strip_prefix(b"Disconnected: ").unwrap_or(why));
    }
    if let Some(why) = message.strip_prefix(b"Disconnected: ") {
        return Some(why.strip_prefix(b"Disconnected: ").unwrap_or(why));
    }
    let bare: [&[u8]; 4] = [
        b"Disconnected",
        b"Aborted login",
        b"Client has quit the connection",
        b"Remote closed connection",
    ];
    bare.iter()
        .any(|word| message.starts_with(word))
        .then_some(message)
}

/// Tells the groups that belong to the reason of a disconnect, not to what had been tried.
fn is_part_of_why(group: &[u8]) -> bool {
    group.starts_with(b"waited ") || group.starts_with(b"state=") || group.starts_with(b"size=")
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn aborted(message: &str) -> LoginAborted<'_> {
        match parse(message.as_bytes()) {
            Ok(Event::LoginAborted(aborted)) => aborted,
            other => panic!("{message}: {other:?}"),
        }
    }

    const REST: &str =
        ": user=<alice>, method=PLAIN, rip=192.0.2.66, lip=198.51.100.1, session=<s>";

    /// Hard cases 1 and 6: the words of every version, nested and doubled groups.
    #[test]
    fn all_versions_tell_the_same_refusal() {
        for (message, why) in [
            ("Aborted login (auth failed, 3 attempts)", "Aborted login"),
            (
                "Disconnected (auth failed, 3 attempts in 16 secs)",
                "Disconnected",
            ),
            (
                "Disconnected: Inactivity (auth failed, 3 attempts in 16 secs)",
                "Inactivity",
            ),
            (
                "Disconnected: Connection closed: read(size=1026) failed: Connection reset by peer (auth failed, 3 attempts in 16 secs)",
                "Connection closed: read(size=1026) failed: Connection reset by peer",
            ),
            (
                "Disconnected: Disconnected: Too many bad commands (auth failed, 3 attempts in 16 secs)",
                "Too many bad commands",
            ),
            (
                "Login aborted: Connection closed (auth failed, 3 attempts in 16 secs) (auth_failed)",
                "Connection closed",
            ),
            (
                "Login aborted: Disconnected: Too many bad commands (auth failed, 3 attempts in 16 secs) (auth_failed)",
                "Too many bad commands",
            ),
            (
                "Client has quit the connection (auth failed, 3 attempts in 16 secs)",
                "Client has quit the connection",
            ),
        ] {
            let line = format!("pop3-login: {message}{REST}");
            let found = aborted(&line);
            assert_eq!(found.why, why.as_bytes(), "{line}");
            assert_eq!(found.reason, AbortReason::AuthFailed, "{line}");
            assert_eq!(
                (found.attempts, found.failed_attempts()),
                (Some(3), 3),
                "{line}"
            );
            assert_eq!(
                (found.protocol, found.user),
                (&b"pop3"[..], &b"alice"[..]),
                "{line}"
            );
            let own_file = line.replacen("login: ", "login: Info: ", 1);
            assert_eq!(aborted(&own_file), found, "{line}");
        }
    }

    /// Hard case 7: `1 attempts`, `0 secs`.
    #[test]
    fn plural_is_constant_and_secs_may_be_0() {
        let line = format!("imap-login: Disconnected (auth failed, 1 attempts in 0 secs){REST}");
        let found = aborted(&line);
        assert_eq!((found.attempts, found.secs), (Some(1), Some(0)));
    }

    #[test]
    fn code_wins_over_text() {
        let line = format!(
            "imap-login: Login aborted: Connection closed (auth failed, 2 attempts in 1 secs) (user_disabled){REST}"
        );
        assert_eq!(aborted(&line).reason, AbortReason::UserDisabled);
        let line = format!(
            "imap-login: Login aborted: Connection closed (auth failed, 2 attempts in 1 secs) (code_of_2_9){REST}"
        );
        let found = aborted(&line);
        assert_eq!(found.code, Some(&b"code_of_2_9"[..]));
        assert_eq!(found.reason, AbortReason::AuthFailed);
    }

    #[test]
    fn successes_are_no_failures() {
        let line = format!(
            "imap-login: Login aborted: Logged out (auth failed, 2/5 successful auths in 9 secs) (auth_failed){REST}"
        );
        let found = aborted(&line);
        assert_eq!((found.successes, found.attempts), (Some(2), Some(5)));
        assert_eq!(found.failed_attempts(), 3);
    }

    #[test]
    fn only_refusals_are_failed_logins() {
        for (message, reason, failed) in [
            (
                "Disconnected (no auth attempts in 0 secs)",
                "no_auth_attempts",
                0,
            ),
            ("Aborted login", "no_auth_attempts", 0),
            (
                "Disconnected (disconnected while authenticating, waited 2 secs)",
                "auth_failed",
                1,
            ),
            (
                "Disconnected (auth service reported temporary failure)",
                "temp_fail",
                0,
            ),
            (
                "Disconnected: Inactivity during authentication (client didn't finish SASL auth, waited 60 secs)",
                "auth_waiting_client",
                0,
            ),
            (
                "Aborted login (tried to use disabled plaintext auth)",
                "cleartext_auth_disabled",
                1,
            ),
            (
                "Disconnected: Logging in timed out (state=login, duration=30s) (proxy dest auth failed)",
                "proxy_dest_auth_failed",
                1,
            ),
            (
                "Disconnected: Timeout while finishing login (waited 30 secs) (internal failure, 1 successful auths)",
                "internal_failure",
                0,
            ),
            (
                "Login aborted: Connection queue full (client_limit and process_limit was hit and this login session was killed.) (process_full)",
                "process_full",
                0,
            ),
        ] {
            let line = format!("imap-login: {message}{REST}");
            let found = aborted(&line);
            assert_eq!(found.reason.name(), reason, "{line}");
            assert_eq!(found.failed_attempts(), failed, "{line}");
        }
    }

    /// Hard case 5: a TLS error on both sides of the elements' start.
    #[test]
    fn tls_errors_are_kept_whole() {
        let error = "SSL_accept() failed: error:0A0000C1:SSL routines::no shared cipher";
        let line = format!(
            "imap-login: Login aborted: Connection closed: {error} (disconnected during TLS handshake) (tls_handshake_not_finished): user=<>, rip=192.0.2.66, lip=198.51.100.1, TLS handshaking: {error}, session=<s>"
        );
        let found = aborted(&line);
        assert_eq!(found.reason, AbortReason::TlsHandshakeNotFinished);
        assert_eq!(
            found.secured,
            Some(format!("TLS handshaking: {error}").as_bytes())
        );
        assert_eq!(found.session, Some(&b"s"[..]));
    }
}

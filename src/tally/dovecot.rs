//! Dovecot's lines: what its logins move.

use mailtally_parsers::Record;
use mailtally_parsers::dovecot::Event as Dovecot;
use mailtally_parsers::dovecot::auth;
use mailtally_parsers::dovecot::login::{AbortReason, LoginAborted};

use super::Tally;
use super::logins::{Attempts, LoginKey, LoginLine, SessionKey};
use super::own;
use super::symbols::Symbol;

/// The elements of a login line that its row shows.
pub(crate) struct Elements<'a> {
    pub(crate) protocol: &'a [u8],
    pub(crate) user: &'a [u8],
    pub(crate) method: Option<&'a [u8]>,
    pub(crate) rip: Option<&'a [u8]>,
    pub(crate) secured: Option<&'a [u8]>,
    pub(crate) session: Option<&'a [u8]>,
}

impl Elements<'_> {
    /// Tells whether the session was encrypted.
    pub(crate) fn is_tls(&self) -> bool {
        self.secured.is_some_and(|word| word.starts_with(b"TLS"))
    }
}

/// Takes the elements from any event of a login process: they share them by name.
macro_rules! elements {
    ($event:expr) => {
        Elements {
            protocol: $event.protocol,
            user: $event.user,
            method: $event.method,
            rip: $event.rip,
            secured: $event.secured,
            session: $event.session,
        }
    };
}

impl Tally {
    /// Counts what an event of Dovecot says.
    #[inline]
    pub(super) fn dovecot(
        &mut self,
        record: &Record<'_>,
        host: Symbol,
        wall_us: i64,
        event: &Dovecot<'_>,
    ) {
        if self.wanted.logins {
            self.dovecot_login(host, event);
        }
        if self.wanted.dovecot_details() {
            self.dovecot_details(record, wall_us, event);
        }
    }

    #[inline(never)]
    fn dovecot_login(&mut self, host: Symbol, event: &Dovecot<'_>) {
        if let Some((elements, attempts)) = login_line(event) {
            self.login(host, elements, attempts);
        } else if let Dovecot::AuthFailure(event) = event {
            self.auth_failure(host, event);
        }
    }

    fn login(&mut self, host: Symbol, elements: Elements<'_>, attempts: Attempts) {
        let service = service(elements.protocol);
        let key = LoginKey {
            service: service.unwrap_or("unknown"),
            custom_service: service
                .is_none()
                .then(|| self.symbols.intern(elements.protocol)),
            success: false,
            user: self.present(Some(elements.user)),
            method: self.present(elements.method),
            address: self.present(elements.rip),
            tls: Some(elements.is_tls()),
        };
        let line = LoginLine { key, attempts };
        match elements.session {
            Some(id) if !id.is_empty() => {
                self.logins.login(
                    SessionKey {
                        host,
                        id: own::hash(id),
                    },
                    line,
                    self.anchored,
                );
            }
            _ => self.logins.sessionless(line),
        }
    }

    fn auth_failure(&mut self, host: Symbol, event: &auth::Failure<'_>) {
        let Some(id) = failed_session(event) else {
            return;
        };
        let user = self.present(failed_user(event));
        let address = self.present(event.ip);
        let by_worker = event.process == b"auth-worker";
        self.logins.auth_failure(
            SessionKey {
                host,
                id: own::hash(id),
            },
            by_worker,
            user,
            address,
        );
    }

    /// Interns a text that is there and not empty.
    pub(super) fn present(&mut self, text: Option<&[u8]>) -> Option<Symbol> {
        text.filter(|text| !text.is_empty())
            .map(|text| self.symbols.intern(text))
    }
}

/// Reads the last word of a login process about a session.
pub(crate) fn login_line<'a>(event: &Dovecot<'a>) -> Option<(Elements<'a>, Attempts)> {
    Some(match event {
        Dovecot::LoginSuccess(event) => (elements!(event), Attempts::Success),
        Dovecot::LoginReferral(event) => (elements!(event), Attempts::Success),
        Dovecot::ProxyStarted(event) => (elements!(event), Attempts::Success),
        Dovecot::LoginAborted(event) => (elements!(event), attempts(event)),
        // The credentials were right: neither a connection limit nor a mail process that did not
        // start is a failed login.
        Dovecot::LoginConnLimit(event) => (elements!(event), Attempts::Unsaid),
        Dovecot::LoginInternalFailure(event) => (elements!(event), Attempts::Unsaid),
        _ => return None,
    })
}

/// Returns the session whose failed attempt an auth line is.
///
/// One without a session id is Postfix's SMTP AUTH, which logs the failure itself; one that another
/// passdb follows is not the last word.
pub(crate) fn failed_session<'a>(event: &auth::Failure<'a>) -> Option<&'a [u8]> {
    event.session.filter(|id| !id.is_empty() && event.r#final)
}

/// Returns the user that an auth line names.
pub(crate) fn failed_user<'a>(event: &auth::Failure<'a>) -> Option<&'a [u8]> {
    Some(event.user).filter(|&user| user != b"?")
}

/// The contract's name of a service; `None` for a name of the site's own.
pub(crate) fn service(protocol: &[u8]) -> Option<&'static str> {
    Some(match protocol {
        b"imap" | b"imaps" => "imap",
        b"pop3" | b"pop3s" => "pop3",
        b"managesieve" | b"sieve" => "sieve",
        b"submission" | b"submissions" => "submission",
        _ => return None,
    })
}

/// What the last line of a failed or unused connection says about the attempts in it.
fn attempts(event: &LoginAborted<'_>) -> Attempts {
    match (event.reason, event.attempts) {
        (AbortReason::NoAuthAttempts, _) => Attempts::Unsaid,
        (_, Some(count)) => Attempts::Failed(count),
        // Up to 2.3 a refused plaintext login has no count: it is one.
        (AbortReason::AuthFailed | AbortReason::CleartextAuthDisabled, None) => Attempts::Failed(1),
        _ => Attempts::Unsaid,
    }
}

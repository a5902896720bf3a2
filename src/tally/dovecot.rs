//! Dovecot's lines: what its logins move.

use mailtally_parsers::dovecot::Event as Dovecot;
use mailtally_parsers::dovecot::auth;
use mailtally_parsers::dovecot::login::{AbortReason, LoginAborted};

use super::Tally;
use super::logins::{Attempts, LoginKey, LoginLine, SessionKey};
use super::own;
use super::symbols::Symbol;

/// The elements of a login line that its row shows.
struct Elements<'a> {
    protocol: &'a [u8],
    user: &'a [u8],
    method: Option<&'a [u8]>,
    rip: Option<&'a [u8]>,
    secured: Option<&'a [u8]>,
    session: Option<&'a [u8]>,
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
    /// Counts what an event of Dovecot says about logins.
    pub(super) fn dovecot(&mut self, host: Symbol, event: &Dovecot<'_>) {
        if !self.wanted.logins {
            return;
        }
        match event {
            Dovecot::LoginSuccess(event) => self.login(host, elements!(event), Attempts::Success),
            Dovecot::LoginReferral(event) => self.login(host, elements!(event), Attempts::Success),
            Dovecot::ProxyStarted(event) => self.login(host, elements!(event), Attempts::Success),
            Dovecot::LoginAborted(event) => self.login(host, elements!(event), attempts(event)),
            // The credentials were right: neither a connection limit nor a mail process that did
            // not start is a failed login.
            Dovecot::LoginConnLimit(event) => self.login(host, elements!(event), Attempts::Unsaid),
            Dovecot::LoginInternalFailure(event) => {
                self.login(host, elements!(event), Attempts::Unsaid);
            }
            Dovecot::AuthFailure(event) => self.auth_failure(host, event),
            _ => {}
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
            tls: Some(
                elements
                    .secured
                    .is_some_and(|word| word.starts_with(b"TLS")),
            ),
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

    /// An auth line without a session id is Postfix's SMTP AUTH, which logs the failure itself; one
    /// that another passdb follows is not the last word.
    fn auth_failure(&mut self, host: Symbol, event: &auth::Failure<'_>) {
        let Some(id) = event.session.filter(|id| !id.is_empty() && event.r#final) else {
            return;
        };
        let user = self.present(Some(event.user).filter(|&user| user != b"?"));
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

/// The contract's name of a service; `None` for a name of the site's own.
fn service(protocol: &[u8]) -> Option<&'static str> {
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

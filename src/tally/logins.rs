//! Logins, successful and failed.
//!
//! Postfix logs a login with a mail and a failure as a warning: each line counts. Dovecot says one
//! attempt up to three times: an auth line, an auth-worker line, and the login process's last line
//! with the number of attempts in it. Lines of one session id are therefore one *exchange*, and
//! what counts is decided when its login line is known.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::Scopes;
use super::counts::Counts;
use super::finish;
use super::symbols::{Renumber, Renumbering, Symbol, Symbols, key};
use super::totals::LoginRow;

key! {
    /// A login attempt, in all its columns.
    pub(crate) struct LoginKey found_by(user, address) {
        service: &'static str,
        custom_service: Option<Symbol>,
        success: bool,
        user: Option<Symbol>,
        method: Option<Symbol>,
        address: Option<Symbol>,
        tls: Option<bool>,
    }
}

key! {
    /// A Dovecot session of a host, by the hash of its id.
    pub(crate) struct SessionKey { host: Symbol, id: u64 }
}

/// What a login line says about the attempts of its session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Attempts {
    /// The login succeeded.
    Success,
    /// The line counts this many failed attempts.
    Failed(u64),
    /// The line counts none: auth lines of the session, if any, count themselves.
    Unsaid,
}

/// Whose word counts first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum By {
    /// That of auth, which saw each attempt.
    Auth,
    /// That of the login line.
    Login,
}

/// What the lines of one exchange amount to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Verdict {
    pub(crate) success: bool,
    /// How many attempts failed.
    pub(crate) failures: u64,
    /// Who names the user of those that failed.
    pub(crate) names_user: By,
}

impl Attempts {
    /// Decides what counts, where auth said so many failures.
    pub(crate) fn verdict(self, said: u64) -> Verdict {
        let (success, failures, names_user) = match self {
            Attempts::Success => (true, said, By::Auth),
            Attempts::Failed(count) => (false, count, By::Login),
            Attempts::Unsaid => (false, said, By::Auth),
        };
        Verdict {
            success,
            failures,
            names_user,
        }
    }
}

/// A login line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoginLine {
    /// The columns; `success` is decided later.
    pub(crate) key: LoginKey,
    pub(crate) attempts: Attempts,
}

/// The lines of one session so far.
#[derive(Clone, Copy, Debug, Default)]
struct Exchange {
    /// Failures that auth said.
    auth: u64,
    /// Failures that its workers said: the same attempts once more.
    workers: u64,
    user: Option<Symbol>,
    address: Option<Symbol>,
    login: Option<LoginLine>,
}

/// The exchanges of one session: those with their login line, and the one that waits for it.
#[derive(Clone, Debug, Default)]
struct Exchanges {
    closed: Vec<Exchange>,
    waiting: Exchange,
}

/// Counts logins.
#[derive(Clone, Default)]
pub(crate) struct Logins {
    counts: Counts<LoginKey>,
    /// Sessions whose lines an earlier or later line may complete.
    open: HashMap<SessionKey, Exchanges, FxBuildHasher>,
}

impl Logins {
    pub(crate) fn count(&mut self, key: LoginKey, attempts: u64) {
        if attempts > 0 {
            self.counts.add(key, attempts);
        }
    }

    /// Notes a failure that auth or one of its workers reports for a session.
    pub(crate) fn auth_failure(
        &mut self,
        session: SessionKey,
        by_worker: bool,
        user: Option<Symbol>,
        address: Option<Symbol>,
    ) {
        let exchange = &mut self.open.entry(session).or_default().waiting;
        exchange.auth += u64::from(!by_worker);
        exchange.workers += u64::from(by_worker);
        exchange.user = exchange.user.or(user);
        exchange.address = exchange.address.or(address);
    }

    /// Notes the login line of a session. Nothing before an anchored part can complete it.
    pub(crate) fn login(&mut self, session: SessionKey, line: LoginLine, anchored: bool) {
        let login = Some(line);
        if anchored {
            let before = self.open.remove(&session).unwrap_or_default().waiting;
            self.settle(Exchange { login, ..before });
        } else {
            let exchanges = self.open.entry(session).or_default();
            let before = std::mem::take(&mut exchanges.waiting);
            exchanges.closed.push(Exchange { login, ..before });
        }
    }

    fn settle(&mut self, exchange: Exchange) {
        let said = exchange.auth.max(exchange.workers);
        let Some(LoginLine { key, attempts }) = exchange.login else {
            let key = LoginKey {
                service: "unknown",
                custom_service: None,
                success: false,
                user: exchange.user,
                method: None,
                address: exchange.address,
                tls: None,
            };
            return self.count(key, said);
        };
        let verdict = attempts.verdict(said);
        if verdict.success {
            let key = LoginKey {
                success: true,
                ..key
            };
            self.count(key, 1);
        }
        let user = match verdict.names_user {
            By::Auth => exchange.user.or(key.user),
            By::Login => key.user.or(exchange.user),
        };
        let success = false;
        let key = LoginKey {
            success,
            user,
            ..key
        };
        self.count(key, verdict.failures);
    }

    /// Counts a login line that names no session.
    pub(crate) fn sessionless(&mut self, line: LoginLine) {
        self.settle(Exchange {
            login: Some(line),
            ..Exchange::default()
        });
    }

    /// No login, but the sessions whose login line may come.
    pub(crate) fn going_on(self, numbers: &Renumbering) -> Logins {
        let one = |(session, exchanges): (SessionKey, Exchanges)| {
            let renumbered = |exchange: Exchange| exchange.renumber(numbers);
            let exchanges = Exchanges {
                closed: exchanges.closed.into_iter().map(renumbered).collect(),
                waiting: exchanges.waiting.renumber(numbers),
            };
            (session.renumber(numbers), exchanges)
        };
        Logins {
            open: self.open.into_iter().map(one).collect(),
            ..Logins::default()
        }
    }

    pub(crate) fn merge(&mut self, later: Logins, numbers: &Renumbering, anchored: bool) {
        self.counts.merge(later.counts, numbers);
        for (session, exchanges) in later.open {
            let session = session.renumber(numbers);
            for exchange in exchanges.closed.into_iter().chain([exchanges.waiting]) {
                self.append(session, exchange.renumber(numbers), anchored);
            }
        }
    }

    fn append(&mut self, session: SessionKey, later: Exchange, anchored: bool) {
        if later.auth + later.workers > 0 {
            let exchange = &mut self.open.entry(session).or_default().waiting;
            exchange.auth += later.auth;
            exchange.workers += later.workers;
            exchange.user = exchange.user.or(later.user);
            exchange.address = exchange.address.or(later.address);
        }
        if let Some(line) = later.login {
            self.login(session, line, anchored);
        }
    }

    /// Counts the auth lines that no login line followed.
    pub(crate) fn finish_open(&mut self) {
        for (_, exchanges) in std::mem::take(&mut self.open) {
            let all = exchanges.closed.into_iter().chain([exchanges.waiting]);
            all.for_each(|exchange| self.settle(exchange));
        }
    }

    /// Login attempts, for `lists` in order.
    pub(crate) fn rows(&self, symbols: &Symbols, scopes: &Scopes, lists: bool) -> Vec<LoginRow> {
        let text = |symbol: Option<Symbol>| symbol.map(|symbol| symbols.text(symbol));
        let row = |(key, count): (&LoginKey, u64)| LoginRow {
            service: text(key.custom_service).unwrap_or_else(|| key.service.to_owned()),
            outcome: if key.success { "success" } else { "failure" },
            user: text(key.user),
            method: text(key.method),
            address: text(key.address),
            family: key
                .address
                .map_or("unknown", |address| scopes.family(address)),
            tls: key.tls,
            count,
        };
        finish::listed(self.counts.iter().map(row), lists, |row| row.count)
    }

    /// Failed attempts by address: evidence against it.
    pub(crate) fn failures(&self) -> impl Iterator<Item = (Symbol, u64)> {
        self.counts
            .iter()
            .filter(|(key, _)| !key.success)
            .filter_map(|(key, count)| Some((key.address?, count)))
    }
}

impl Exchange {
    fn renumber(self, numbers: &Renumbering) -> Exchange {
        Exchange {
            user: self.user.renumber(numbers),
            address: self.address.renumber(numbers),
            login: self.login.map(|line| LoginLine {
                key: line.key.renumber(numbers),
                ..line
            }),
            ..self
        }
    }
}

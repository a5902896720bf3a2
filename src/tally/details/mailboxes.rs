//! What Dovecot's mail processes did: sessions and bytes, deliveries, Sieve actions, full mailboxes.

use hashbrown::HashMap;
use mailtally_parsers::dovecot::Event as Dovecot;
use mailtally_parsers::dovecot::session::{SessionCounts, SessionEnd};
use rustc_hash::FxBuildHasher;
use schemars::JsonSchema;
use serde::Serialize;

use super::super::counts::Counts;
use super::super::finish;
use super::super::symbols::{Renumber, Renumbering, Symbol, Symbols, key};

key! {
    struct User { protocol: Symbol, user: Option<Symbol> }
}

key! {
    struct Mailbox { user: Option<Symbol>, mailbox: Symbol }
}

key! {
    struct SieveAction { action: &'static str, user: Option<Symbol> }
}

/// Sessions added up.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    sessions: u64,
    in_bytes: u64,
    out_bytes: u64,
    expunged: u64,
}

impl Sums {
    fn of(event: &SessionEnd<'_>) -> Sums {
        let counts = event.counters.read();
        Sums {
            sessions: 1,
            in_bytes: counts.in_bytes.unwrap_or(0),
            out_bytes: counts.out_bytes.unwrap_or_else(|| pop3_bytes(&counts)),
            expunged: counts.expunged.unwrap_or(0),
        }
    }

    fn add(&mut self, other: Sums) {
        self.sessions += other.sessions;
        self.in_bytes = self.in_bytes.saturating_add(other.in_bytes);
        self.out_bytes = self.out_bytes.saturating_add(other.out_bytes);
        self.expunged = self.expunged.saturating_add(other.expunged);
    }
}

/// Counts what mail processes did.
#[derive(Clone, Default)]
pub(crate) struct Mailboxes {
    sessions: HashMap<User, Sums, FxBuildHasher>,
    saved: Counts<Mailbox>,
    failed: Counts<Option<Symbol>>,
    over_quota: Counts<Option<Symbol>>,
    sieve: Counts<SieveAction>,
    redirects: Counts<Symbol>,
}

impl Mailboxes {
    pub(crate) fn line(&mut self, event: &Dovecot<'_>, symbols: &mut Symbols) {
        match event {
            Dovecot::SessionEnd(event) => {
                let key = User {
                    protocol: symbols.intern(event.protocol),
                    user: event.user.map(|user| symbols.intern(user)),
                };
                self.sessions.entry(key).or_default().add(Sums::of(event));
            }
            Dovecot::DeliverySaved(event) => {
                let key = Mailbox {
                    user: event.mail.user.map(|user| symbols.intern(user)),
                    mailbox: symbols.intern(event.mailbox),
                };
                self.saved.add(key, 1);
            }
            Dovecot::DeliveryFailed(event) => {
                let user = event.mail.user.or(event.recipient);
                let user = user.map(|user| symbols.intern(user));
                self.failed.add(user, 1);
                if is_quota(event.reason) {
                    self.over_quota.add(user, 1);
                }
            }
            _ => self.sieve(event, symbols),
        }
    }

    fn sieve(&mut self, event: &Dovecot<'_>, symbols: &mut Symbols) {
        let mail = match event {
            Dovecot::SieveStored(event) => event.mail,
            Dovecot::SieveLeft(event) => event.mail,
            Dovecot::SieveStoreFailed(event) => {
                if is_quota(event.reason) {
                    let user = event.mail.user.map(|user| symbols.intern(user));
                    self.over_quota.add(user, 1);
                }
                event.mail
            }
            Dovecot::SieveRedirected(event) => {
                self.redirects.add(symbols.intern(event.recipient), 1);
                event.mail
            }
            Dovecot::SieveRedirectSkipped(event) => event.mail,
            Dovecot::SieveRedirectFailed(event) => event.mail,
            Dovecot::SieveDiscarded(event) => event.mail,
            Dovecot::SieveRejected(event) => event.mail,
            Dovecot::SieveVacationSent(event) => event.mail,
            Dovecot::SieveVacationSkipped(event) => event.mail,
            Dovecot::SieveNotify(event) => event.mail,
            Dovecot::SievePipe(event) => event.mail,
            Dovecot::SieveScriptError(event) => event.mail,
            _ => return,
        };
        let name = event.kind().name();
        let key = SieveAction {
            action: name.strip_prefix("dovecot_sieve_").unwrap_or(name),
            user: mail.user.map(|user| symbols.intern(user)),
        };
        self.sieve.add(key, 1);
    }

    pub(crate) fn merge(&mut self, later: Mailboxes, numbers: &Renumbering) {
        for (key, sums) in later.sessions {
            let ours = self.sessions.entry(key.renumber(numbers)).or_default();
            ours.add(sums);
        }
        self.saved.merge(later.saved, numbers);
        self.failed.merge(later.failed, numbers);
        self.over_quota.merge(later.over_quota, numbers);
        self.sieve.merge(later.sieve, numbers);
        self.redirects.merge(later.redirects, numbers);
    }

    pub(crate) fn finish(&self, symbols: &Symbols) -> MailboxTotals {
        let text = |symbol: Option<Symbol>| symbol.map(|symbol| symbols.text(symbol));
        let session = |(key, sums): (&User, &Sums)| MailSessionRow {
            protocol: symbols.text(key.protocol),
            user: text(key.user),
            sessions: sums.sessions,
            in_bytes: sums.in_bytes,
            out_bytes: sums.out_bytes,
            expunged: sums.expunged,
        };
        let saved = |(key, count): (&Mailbox, u64)| SavedRow {
            user: text(key.user),
            mailbox: symbols.text(key.mailbox),
            count,
        };
        let sieve = |(key, count): (&SieveAction, u64)| SieveRow {
            action: key.action,
            user: text(key.user),
            count,
        };
        let user = |(key, count): (&Option<Symbol>, u64)| UserRow {
            user: text(*key),
            count,
        };
        let redirect = |(key, count): (&Symbol, u64)| UserRow {
            user: Some(symbols.text(*key)),
            count,
        };
        MailboxTotals {
            sessions: finish::sorted(self.sessions.iter().map(session), |row| row.sessions),
            saved: finish::sorted(self.saved.iter().map(saved), |row| row.count),
            failed: finish::sorted(self.failed.iter().map(user), |row| row.count),
            over_quota: finish::sorted(self.over_quota.iter().map(user), |row| row.count),
            sieve: finish::sorted(self.sieve.iter().map(sieve), |row| row.count),
            redirects: finish::sorted(self.redirects.iter().map(redirect), |row| row.count),
        }
    }
}

/// The bytes that POP3 sent, which stand with the commands that fetched them: `top=0/0, retr=2/4711`.
fn pop3_bytes(counts: &SessionCounts<'_>) -> u64 {
    let bytes = |counts: Option<&[u8]>| -> u64 {
        let text = std::str::from_utf8(counts.unwrap_or(b"")).unwrap_or("");
        let (_, bytes) = text.split_once('/').unwrap_or(("", ""));
        bytes.parse().unwrap_or(0)
    };
    bytes(counts.top).saturating_add(bytes(counts.retr))
}

/// Tells whether a reason is a full mailbox; all of Dovecot's texts about it have the word.
fn is_quota(reason: &[u8]) -> bool {
    memchr::memmem::find(reason, b"uota").is_some()
}

/// What Dovecot's mail processes did.
#[derive(Clone, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct MailboxTotals {
    /// Sessions that ended, by protocol and user.
    pub sessions: Vec<MailSessionRow>,
    /// Mails saved, by user and mailbox.
    pub saved: Vec<SavedRow>,
    /// Deliveries that failed, by user.
    pub failed: Vec<UserRow>,
    /// Those of them, and of Sieve's stores, that found a mailbox full.
    pub over_quota: Vec<UserRow>,
    /// Sieve actions by user.
    pub sieve: Vec<SieveRow>,
    /// Where Sieve redirected mail to, by recipient.
    pub redirects: Vec<UserRow>,
}

/// Sessions of one user.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct MailSessionRow {
    /// `imap`, `pop3`, …
    pub protocol: String,
    /// The user; null where the log has none.
    pub user: Option<String>,
    /// How many sessions.
    pub sessions: u64,
    /// Bytes from the client.
    pub in_bytes: u64,
    /// Bytes to the client.
    pub out_bytes: u64,
    /// Mails deleted for good.
    pub expunged: u64,
}

/// Mails saved into one mailbox.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct SavedRow {
    /// The user; null where the log has none.
    pub user: Option<String>,
    /// The mailbox.
    pub mailbox: String,
    /// How many mails.
    pub count: u64,
}

/// A count of one user or recipient.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct UserRow {
    /// The user; null where the log has none.
    pub user: Option<String>,
    /// How many.
    pub count: u64,
}

/// Sieve actions of one user's script.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct SieveRow {
    /// `stored`, `left`, `redirected`, `discarded`, `rejected`, `vacation_sent`, …
    pub action: &'static str,
    /// The user; null where the log has none.
    pub user: Option<String>,
    /// How many.
    pub count: u64,
}

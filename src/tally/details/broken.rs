//! Sessions with smtpd that broke off, and TLS handshakes that failed, by who was at the other end.

use mailtally_parsers::postfix::{Event as Postfix, smtpd, tls};
use schemars::JsonSchema;
use serde::Serialize;

use super::super::counts::Counts;
use super::super::finish;
use super::super::symbols::{Renumbering, Symbol, Symbols, key};

key! {
    struct Break { how: &'static str, stage: Symbol, client: Symbol }
}

key! {
    struct Handshake { direction: &'static str, peer: Symbol, reason: Symbol }
}

/// Counts what broke.
#[derive(Clone, Default)]
pub(crate) struct Broken {
    sessions: Counts<Break>,
    handshakes: Counts<Handshake>,
}

impl Broken {
    pub(crate) fn line(&mut self, event: &Postfix<'_>, symbols: &mut Symbols) {
        match event {
            Postfix::SmtpdLostConnection(event) => self.session("lost connection", event, symbols),
            Postfix::SmtpdTimeout(event) => self.session("timeout", event, symbols),
            Postfix::SmtpdTooManyErrors(event) => self.session("too many errors", event, symbols),
            Postfix::TlsHandshakeError(event) => self.handshake(event, symbols),
            _ => {}
        }
    }

    fn session(
        &mut self,
        how: &'static str,
        event: &smtpd::SessionError<'_>,
        symbols: &mut Symbols,
    ) {
        let key = Break {
            how,
            stage: symbols.intern(event.r#where),
            client: symbols.intern(event.client.address),
        };
        self.sessions.add(key, 1);
    }

    fn handshake(&mut self, event: &tls::HandshakeError<'_>, symbols: &mut Symbols) {
        let key = Handshake {
            direction: match event.direction {
                tls::Direction::Inbound => "inbound",
                tls::Direction::Outbound => "outbound",
            },
            peer: symbols.intern(event.peer.text),
            reason: symbols.intern(event.reason.unwrap_or(b"unstated")),
        };
        self.handshakes.add(key, 1);
    }

    pub(crate) fn merge(&mut self, later: Broken, numbers: &Renumbering) {
        self.sessions.merge(later.sessions, numbers);
        self.handshakes.merge(later.handshakes, numbers);
    }

    pub(crate) fn finish(&self, symbols: &Symbols) -> BrokenTotals {
        let session = |(key, sessions): (&Break, u64)| BrokenSessionRow {
            how: key.how,
            stage: symbols.text(key.stage),
            client: symbols.text(key.client),
            sessions,
        };
        let handshake = |(key, handshakes): (&Handshake, u64)| BrokenHandshakeRow {
            direction: key.direction,
            peer: symbols.text(key.peer),
            reason: symbols.text(key.reason),
            handshakes,
        };
        BrokenTotals {
            sessions: finish::sorted(self.sessions.iter().map(session), |row| row.sessions),
            handshakes: finish::sorted(self.handshakes.iter().map(handshake), |row| row.handshakes),
        }
    }
}

/// What broke before its time.
#[derive(Clone, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct BrokenTotals {
    /// Sessions of clients with smtpd.
    pub sessions: Vec<BrokenSessionRow>,
    /// TLS handshakes, of both directions.
    pub handshakes: Vec<BrokenHandshakeRow>,
}

/// Sessions of one client that broke off in the same way.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct BrokenSessionRow {
    /// `lost connection`, `timeout` or `too many errors`.
    pub how: &'static str,
    /// The client's last command, as smtpd names it.
    pub stage: String,
    /// The client's address.
    pub client: String,
    /// How many sessions.
    pub sessions: u64,
}

/// TLS handshakes with one peer that failed for the same reason.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct BrokenHandshakeRow {
    /// `inbound` or `outbound`.
    pub direction: &'static str,
    /// The other end, as logged.
    pub peer: String,
    /// Why, as logged; `unstated` where the log does not say.
    pub reason: String,
    /// How many handshakes.
    pub handshakes: u64,
}

//! Sessions: what the lines of one process say about one connection.
//!
//! smtpd's lines from `connect` to `disconnect` make a session of a client; smtp's TLS line covers
//! the deliveries of that process to the same server, until it connects elsewhere. Lines without a
//! queue id are joined by (host, whole tag, pid) and nothing else. A part of a log keeps, per
//! process, the lines before its first own beginning (the *head*, which an earlier part may own)
//! and the session that is still open.

use super::lives::{LifeKey, Windows};
use super::mail::Access;
use super::origin::InstanceKey;
use super::processes::{Process, ProcessKey, Processes};
use super::symbols::{Renumber, Renumbering, Symbol};
use super::tls::{Day, Encryption, OutboundKey, TlsCounts};

/// A process that says nothing for 36 hours has ended without a word.
const LOST_US: i64 = 36 * 3_600 * 1_000_000;

/// A disconnect line: what decides the state of the session, but for its TLS line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closing {
    pub(crate) instance: InstanceKey,
    pub(crate) day: Day,
    /// A `starttls=1` counter or a wrapper service.
    pub(crate) seen_encrypted: bool,
    /// The counters say that mail was sent; `None` before Postfix 3.0, which has none.
    pub(crate) sent_mail: Option<bool>,
}

/// A session of a client with smtpd.
#[derive(Clone, Copy, Debug, Default)]
struct Session {
    tls: bool,
    mail: bool,
    /// A NOQUEUE discard or hold that no `client=` has followed yet, and its line.
    access: Option<(u64, Access)>,
    last_us: i64,
}

/// What one smtpd process said in this part.
#[derive(Clone, Debug, Default)]
struct Server {
    /// The end of a session that began before this part.
    head: Option<(Session, Closing)>,
    /// The first `client=` line, where nothing before it in this part tells whether a NOQUEUE
    /// discard or hold came before.
    first_client: Option<(LifeKey, u64)>,
    /// Whether this part said anything that settles the access question for what follows.
    access_known: bool,
    /// Whether a session began or ended in this part: what follows owes nothing to an earlier one.
    bounded: bool,
    open: Option<Session>,
}

/// The smtpd processes of a part.
#[derive(Clone, Default)]
pub(crate) struct Servers(Processes<Server>);

impl Servers {
    pub(crate) fn connect(&mut self, process: Process, us: i64) {
        let server = self.0.of(process);
        server.open = Some(Session {
            last_us: us,
            ..Session::default()
        });
        server.access_known = true;
        server.bounded = true;
    }

    pub(crate) fn tls(&mut self, process: Process, us: i64) {
        self.0.of(process).session(us).tls = true;
    }

    /// Notes a NOQUEUE discard or hold: it belongs to the next mail of this session.
    pub(crate) fn access(&mut self, process: Process, action: Access, line: u64, us: i64) {
        let server = self.0.of(process);
        server.session(us).access = Some((line, action));
        server.access_known = true;
    }

    /// Notes a `client=` line; returns the NOQUEUE discard or hold that stands just before it.
    pub(crate) fn mail(
        &mut self,
        process: Process,
        life: Option<LifeKey>,
        line: u64,
        us: i64,
        windows: Windows,
    ) -> Option<Access> {
        let server = self.0.of(process);
        if !server.access_known && line <= windows.late {
            server.first_client = life.map(|life| (life, line));
        }
        server.access_known = true;
        let session = server.session(us);
        session.mail = true;
        session
            .access
            .take()
            .filter(|(access, _)| line - access <= windows.late)
            .map(|(_, action)| action)
    }

    pub(crate) fn disconnect(
        &mut self,
        process: Process,
        closing: Closing,
        anchored: bool,
        tls: &mut TlsCounts,
    ) {
        let server = self.0.of(process);
        server.access_known = true;
        let session = server.open.take().unwrap_or_default();
        // A process serves many clients: it is forgotten when it is swept.
        server.close(session, closing, anchored, tls);
    }

    /// Takes over a later part. Returns the mails that a NOQUEUE discard or hold of this part
    /// belongs to.
    pub(crate) fn merge(
        &mut self,
        later: Servers,
        lines: u64,
        numbers: &Renumbering,
        windows: Windows,
        anchored: bool,
        tls: &mut TlsCounts,
    ) -> Vec<(LifeKey, Access)> {
        let mut accepted = Vec::new();
        for (key, server) in later.0.into_all() {
            let ours = self.0.of(key.renumber(numbers).into());
            accepted.extend(ours.append(server.shifted(lines, numbers), windows, anchored, tls));
        }
        if anchored {
            self.0.retain(|server| server.open.is_some());
        }
        accepted
    }

    /// The same processes with the numbers of another table.
    pub(crate) fn renumbered(self, numbers: &Renumbering) -> Servers {
        let one = |(key, server): (ProcessKey, Server)| {
            (key.renumber(numbers), server.shifted(0, numbers))
        };
        Servers(self.0.into_all().map(one).collect())
    }

    /// Forgets processes that ended without a word.
    pub(crate) fn sweep(&mut self, now_us: i64, anchored: bool) {
        if anchored {
            let is_live = |session: &Session| now_us.saturating_sub(session.last_us) <= LOST_US;
            self.0
                .retain(|server| server.open.as_ref().is_some_and(is_live));
        }
    }

    /// Counts what no earlier part will complete.
    pub(crate) fn finish(&mut self, tls: &mut TlsCounts) {
        for (_, server) in std::mem::take(&mut self.0).into_all() {
            if let Some((session, closing)) = server.head {
                count_closed(session, closing, tls);
            }
        }
    }
}

impl Server {
    /// The open session, or one whose beginning is not in this part.
    fn session(&mut self, us: i64) -> &mut Session {
        let session = self.open.get_or_insert_default();
        session.last_us = us;
        session
    }

    /// Ends a session: it counts, unless an earlier part may know more of it.
    fn close(&mut self, session: Session, closing: Closing, anchored: bool, tls: &mut TlsCounts) {
        if anchored || self.bounded {
            count_closed(session, closing, tls);
        } else {
            self.head = Some((session, closing));
        }
        self.bounded = true;
    }

    fn shifted(mut self, lines: u64, numbers: &Renumbering) -> Server {
        self.head = self.head.map(|(session, closing)| {
            (
                session,
                Closing {
                    instance: closing.instance.renumber(numbers),
                    ..closing
                },
            )
        });
        self.first_client = self.first_client.map(|(life, line)| {
            (
                LifeKey {
                    host: life.host.renumber(numbers),
                    ..life
                },
                line + lines,
            )
        });
        self.open = self.open.map(|session| Session {
            access: session.access.map(|(line, action)| (line + lines, action)),
            ..session
        });
        self
    }

    fn append(
        &mut self,
        later: Server,
        windows: Windows,
        anchored: bool,
        tls: &mut TlsCounts,
    ) -> Option<(LifeKey, Access)> {
        let accepted = self.join_access(&later, windows);
        if let Some((session, closing)) = later.head {
            let session = join(self.open.take().unwrap_or_default(), session);
            self.close(session, closing, anchored, tls);
        }
        self.open = match (self.open, later.open) {
            (Some(ours), Some(theirs)) if !later.bounded => Some(join(ours, theirs)),
            (ours, None) if !later.bounded => ours,
            (_, theirs) => theirs,
        };
        self.bounded |= later.bounded;
        self.access_known |= later.access_known;
        accepted
    }

    /// Tells which mail of the later part follows an access action of this one.
    fn join_access(&mut self, later: &Server, windows: Windows) -> Option<(LifeKey, Access)> {
        let (life, line) = later.first_client?;
        if !self.access_known && line <= windows.late {
            self.first_client = later.first_client;
        }
        let (access, action) = self.open.as_mut()?.access.take()?;
        (line - access <= windows.late).then_some((life, action))
    }
}

/// Joins two stretches of one session.
fn join(earlier: Session, later: Session) -> Session {
    Session {
        tls: earlier.tls || later.tls,
        mail: earlier.mail || later.mail,
        access: later
            .access
            .or(if later.mail { None } else { earlier.access }),
        last_us: later.last_us.max(earlier.last_us),
    }
}

fn count_closed(session: Session, closing: Closing, tls: &mut TlsCounts) {
    let sent_mail = closing.sent_mail.unwrap_or(session.mail);
    if session.tls {
        tls.inbound_state(Encryption::Logged, closing.instance, closing.day);
    } else if closing.seen_encrypted {
        tls.inbound_state(Encryption::Seen, closing.instance, closing.day);
    } else if sent_mail {
        tls.inbound_state(Encryption::NoLine, closing.instance, closing.day);
    }
}

/// A delivery over the network, as far as encryption goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handover {
    pub(crate) instance: InstanceKey,
    pub(crate) day: Day,
    /// The server; `None` for the one that the process is connected to (a reply without a relay).
    pub(crate) relay: Option<Symbol>,
    pub(crate) domain: Option<Symbol>,
    /// What the line says by itself; `NoLine` if nothing.
    pub(crate) stated: Encryption,
    /// Whether the delivery counts; one that does not still names the session's domain.
    pub(crate) counts: bool,
}

/// What a TLS line of our own connections stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Handshake {
    /// A new session.
    New,
    /// A new session, or tlsproxy's copy of one: the tag was cut. Only smtp serves mail over it.
    NewIfServed,
    /// A connection from the cache: no handshake of its own.
    Reused,
}

/// A TLS session that smtp opened, until it connects elsewhere.
#[derive(Clone, Copy, Debug)]
struct Outbound {
    key: OutboundKey,
    kind: Handshake,
    served: bool,
    domain: Option<Symbol>,
    last_us: i64,
}

impl Outbound {
    fn renumber(self, numbers: &Renumbering) -> Outbound {
        Outbound {
            key: self.key.renumber(numbers),
            domain: self.domain.renumber(numbers),
            ..self
        }
    }
}

/// What one smtp or lmtp process said in this part.
#[derive(Clone, Debug, Default)]
struct Connection {
    /// Deliveries before the first TLS line, all to one server: an earlier TLS line may cover them.
    head: Vec<Handover>,
    /// Whether this part saw the process connect elsewhere after the head.
    moved: bool,
    open: Option<Outbound>,
}

/// The smtp and lmtp processes of a part.
#[derive(Clone, Default)]
pub(crate) struct Connections(Processes<Connection>);

impl Connections {
    /// Notes a TLS line: a session with this server begins, or goes on if it is reused.
    pub(crate) fn tls(
        &mut self,
        process: Process,
        key: OutboundKey,
        kind: Handshake,
        us: i64,
        tls: &mut TlsCounts,
    ) {
        let connection = self.0.of(process);
        connection.leave(tls);
        connection.open = Some(Outbound {
            key,
            kind,
            served: false,
            domain: None,
            last_us: us,
        });
    }

    pub(crate) fn delivery(
        &mut self,
        process: Process,
        handover: Handover,
        anchored: bool,
        tls: &mut TlsCounts,
    ) {
        let connection = match anchored {
            true => self.0.known(process),
            false => Some(self.0.of(process)),
        };
        match connection {
            Some(connection) => connection.delivery(handover, anchored, tls),
            None => handover.count(handover.stated, tls),
        }
    }

    pub(crate) fn merge(
        &mut self,
        later: Connections,
        numbers: &Renumbering,
        anchored: bool,
        tls: &mut TlsCounts,
    ) {
        for (process, connection) in later.0.into_all() {
            let ours = self.0.of(process.renumber(numbers).into());
            for handover in connection.head {
                ours.delivery(handover.renumber(numbers), anchored, tls);
            }
            if connection.moved {
                ours.leave(tls);
                ours.open = connection.open.map(|open| open.renumber(numbers));
            }
        }
        if anchored {
            self.0.retain(|connection| connection.open.is_some());
        }
    }

    /// The same sessions with the numbers of another table; none has lines that an earlier one may
    /// cover.
    pub(crate) fn renumbered(self, numbers: &Renumbering) -> Connections {
        let one = |(process, connection): (ProcessKey, Connection)| {
            let open = connection.open.map(|open| open.renumber(numbers));
            let connection = Connection {
                open,
                moved: connection.moved,
                head: Vec::new(),
            };
            (process.renumber(numbers), connection)
        };
        Connections(self.0.into_all().map(one).collect())
    }

    /// Counts the sessions of processes that ended without a word.
    pub(crate) fn sweep(&mut self, now_us: i64, anchored: bool, tls: &mut TlsCounts) {
        if !anchored {
            return;
        }
        self.0.retain(|connection| {
            let Some(open) = connection.open else {
                return false;
            };
            let is_lost = now_us.saturating_sub(open.last_us) > LOST_US;
            if is_lost {
                connection.leave(tls);
            }
            !is_lost
        });
    }

    pub(crate) fn finish(&mut self, tls: &mut TlsCounts) {
        for (_, mut connection) in std::mem::take(&mut self.0).into_all() {
            for handover in std::mem::take(&mut connection.head) {
                handover.count(handover.stated, tls);
            }
            connection.leave(tls);
        }
    }
}

impl Connection {
    fn delivery(&mut self, handover: Handover, anchored: bool, tls: &mut TlsCounts) {
        let stays = self.stays(handover.relay);
        match &mut self.open {
            Some(open) if handover.relay.is_none_or(|relay| relay == open.key.peer) => {
                open.served = true;
                open.domain = open.domain.or(handover.domain);
                let state = if handover.stated == Encryption::Plain {
                    Encryption::Plain
                } else {
                    Encryption::Logged
                };
                handover.count(state, tls);
            }
            Some(_) => {
                self.leave(tls);
                handover.count(handover.stated, tls);
            }
            None if anchored || self.moved => {
                handover.count(handover.stated, tls);
            }
            None if stays => self.head.push(handover),
            None => {
                self.moved = true;
                handover.count(handover.stated, tls);
            }
        }
    }

    /// Tells whether the head's deliveries and this one go to one server.
    fn stays(&self, relay: Option<Symbol>) -> bool {
        let server = self.head.iter().find_map(|handover| handover.relay);
        relay.is_none() || server.is_none() || server == relay
    }

    /// Ends the session with the server that the process was connected to.
    fn leave(&mut self, tls: &mut TlsCounts) {
        self.moved = true;
        let Some(open) = self.open.take() else { return };
        let counts = match open.kind {
            Handshake::New => true,
            Handshake::NewIfServed => open.served,
            Handshake::Reused => false,
        };
        if counts {
            tls.outbound(open.key, open.domain);
        }
    }
}

impl Handover {
    fn count(&self, state: Encryption, tls: &mut TlsCounts) {
        if self.counts {
            tls.outbound_state(state, self.instance, self.day);
            if let Encryption::Plain | Encryption::NoLine = state {
                let is_stated = state == Encryption::Plain;
                tls.plain_delivery(self.instance, self.day, self.domain, is_stated);
            }
        }
    }
}

impl Renumber for Handover {
    fn renumber(self, numbers: &Renumbering) -> Self {
        Handover {
            instance: self.instance.renumber(numbers),
            relay: self.relay.renumber(numbers),
            domain: self.domain.renumber(numbers),
            ..self
        }
    }
}

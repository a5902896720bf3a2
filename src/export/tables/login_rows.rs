//! Logins, one row each, or one for several failed attempts of one session.

use hashbrown::HashMap;
use mailtally_parsers::dovecot::Event as Dovecot;
use mailtally_parsers::dovecot::auth;
use mailtally_parsers::postfix::Event as Postfix;
use mailtally_parsers::{Family, family};
use rustc_hash::FxBuildHasher;

use super::gatherer::Gatherer;
use super::joined::Where;
use super::kept::Again;
use super::rows::Stamp;
use super::schemas::TableId;
use super::schemas::logins::AT as LOGIN;
use crate::tally::{By, failed_session, failed_user, hash, login_line, service};

/// An attempt whose login line has not come for 36 hours has none.
const LOST_US: i64 = 36 * 3_600 * 1_000_000;

/// What auth and its workers said of a session before its login line.
#[derive(Debug)]
struct Waiting {
    stamp: Stamp,
    log: u64,
    host: Box<[u8]>,
    program: Box<[u8]>,
    session: Box<[u8]>,
    user: Option<Box<[u8]>>,
    address: Option<Box<[u8]>>,
    method: Option<Box<[u8]>>,
    auth: u64,
    workers: u64,
}

impl Waiting {
    /// How many attempts failed: a worker says the same ones once more.
    fn failures(&self) -> u64 {
        self.auth.max(self.workers)
    }
}

/// The sessions that wait for their login line, by the hashes of host and session id.
#[derive(Default)]
pub(super) struct Logins {
    waiting: HashMap<(u64, u64), Waiting, FxBuildHasher>,
    next_sweep_us: i64,
}

/// A row.
#[derive(Clone, Copy)]
struct Row<'a> {
    stamp: Stamp,
    log: u64,
    host: &'a [u8],
    program: &'a [u8],
    service: &'a [u8],
    user: Option<&'a [u8]>,
    method: Option<&'a [u8]>,
    result: &'static str,
    attempts: u64,
    reason: Option<&'a [u8]>,
    address: Option<&'a [u8]>,
    is_tls: Option<bool>,
    session: Option<&'a [u8]>,
}

impl Logins {
    /// Takes a login over SMTP. Postfix logs a successful one only with a mail.
    pub(super) fn postfix(
        &mut self,
        again: &Again<'_>,
        event: &Postfix<'_>,
        log: u64,
        into: &mut Gatherer,
    ) {
        let (client, method, user, reason, result) = match event {
            Postfix::SmtpdClient(event) if event.sasl_username.is_some() => (
                event.client,
                event.sasl_method,
                event.sasl_username,
                None,
                "success",
            ),
            Postfix::SaslAuthFailed(event) => (
                event.client,
                Some(event.sasl_method),
                event.sasl_username,
                event.reason,
                "failure",
            ),
            Postfix::SaslAuthAborted(event) => {
                let aborted = Some(&b"aborted"[..]);
                (
                    event.client,
                    Some(event.sasl_method),
                    None,
                    aborted,
                    "failure",
                )
            }
            _ => return,
        };
        let row = Row {
            service: b"smtp",
            user,
            method,
            result,
            attempts: 1,
            reason,
            address: Some(client.address),
            ..row(again, log)
        };
        row.put(into);
    }

    /// Takes what Dovecot says of a login.
    pub(super) fn dovecot(
        &mut self,
        again: &Again<'_>,
        event: &Dovecot<'_>,
        log: u64,
        into: &mut Gatherer,
    ) {
        if let Dovecot::AuthFailure(event) = event {
            return self.auth_failure(again, event, log);
        }
        let Some((elements, attempts)) = login_line(event) else {
            return;
        };
        let session = elements.session.filter(|id| !id.is_empty());
        let waiting = session.and_then(|id| self.waiting.remove(&(hash(again.host), hash(id))));
        let said = waiting.as_ref().map_or(0, Waiting::failures);
        let verdict = attempts.verdict(said);
        let present = |text: &&[u8]| !text.is_empty();
        let reason = match event {
            Dovecot::LoginAborted(event) => Some(event.reason.name().as_bytes()),
            _ => None,
        };
        let user = Some(elements.user).filter(present);
        let line = Row {
            service: service(elements.protocol).map_or(elements.protocol, str::as_bytes),
            user,
            method: elements.method.filter(present),
            reason,
            address: elements.rip.filter(present),
            is_tls: Some(elements.is_tls()),
            session,
            ..row(again, log)
        };
        if verdict.success {
            let row = Row {
                result: "success",
                attempts: 1,
                ..line
            };
            row.put(into);
        }
        let auth_user = waiting.as_ref().and_then(|waiting| waiting.user.as_deref());
        let failed_user = match verdict.names_user {
            By::Auth => auth_user.or(user),
            By::Login => user.or(auth_user),
        };
        if verdict.failures > 0 {
            let row = Row {
                result: "failure",
                attempts: verdict.failures,
                user: failed_user,
                ..line
            };
            row.put(into);
        } else if !verdict.success {
            line.put(into);
        }
    }

    fn auth_failure(&mut self, again: &Again<'_>, event: &auth::Failure<'_>, log: u64) {
        let Some(id) = failed_session(event) else {
            return;
        };
        let key = (hash(again.host), hash(id));
        let waiting = self.waiting.entry(key).or_insert_with(|| Waiting {
            stamp: again.stamp,
            log,
            host: again.host.into(),
            program: again.tag.text.into(),
            session: id.into(),
            user: None,
            address: None,
            method: event.mech.map(Box::from),
            auth: 0,
            workers: 0,
        });
        let by_worker = event.process == b"auth-worker";
        waiting.stamp = again.stamp;
        waiting.auth = waiting.auth.saturating_add(u64::from(!by_worker));
        waiting.workers = waiting.workers.saturating_add(u64::from(by_worker));
        let present = |text: &&[u8]| !text.is_empty();
        let user = failed_user(event).filter(present);
        waiting.user = waiting.user.take().or(user.map(Box::from));
        let address = event.ip.filter(present);
        waiting.address = waiting.address.take().or(address.map(Box::from));
    }

    /// Makes rows of attempts whose login line is lost, once in a while.
    pub(super) fn sweep(&mut self, now_us: i64, into: &mut Gatherer) {
        if now_us < self.next_sweep_us {
            return;
        }
        self.next_sweep_us = now_us.saturating_add(LOST_US);
        let is_lost = |waiting: &Waiting| now_us.saturating_sub(waiting.stamp.wall_us) > LOST_US;
        let lost = self.waiting.extract_if(|_, waiting| is_lost(waiting));
        put_all(lost.map(|(_, waiting)| waiting).collect(), into);
    }

    /// Makes rows of all attempts that no login line followed.
    pub(super) fn finish(&mut self, into: &mut Gatherer) {
        let left = self.waiting.drain().map(|(_, waiting)| waiting).collect();
        put_all(left, into);
    }
}

/// Makes rows of attempts, in an order of their own: that of a hash table is no order.
fn put_all(mut waiting: Vec<Waiting>, into: &mut Gatherer) {
    waiting.sort_by(|one, other| {
        let key = |waiting: &Waiting| (waiting.stamp.wall_us, waiting.log);
        let by_time = key(one).cmp(&key(other));
        by_time
            .then_with(|| one.host.cmp(&other.host))
            .then_with(|| one.session.cmp(&other.session))
    });
    for waiting in waiting {
        let row = Row {
            stamp: waiting.stamp,
            log: waiting.log,
            host: &waiting.host,
            program: &waiting.program,
            service: b"unknown",
            user: waiting.user.as_deref(),
            method: waiting.method.as_deref(),
            result: "failure",
            attempts: waiting.failures(),
            reason: None,
            address: waiting.address.as_deref(),
            is_tls: None,
            session: Some(&waiting.session),
        };
        row.put(into);
    }
}

/// A row of nothing but its line.
fn row<'a>(again: &Again<'a>, log: u64) -> Row<'a> {
    Row {
        stamp: again.stamp,
        log,
        host: again.host,
        program: again.tag.text,
        service: b"unknown",
        user: None,
        method: None,
        result: "none",
        attempts: 0,
        reason: None,
        address: None,
        is_tls: None,
        session: None,
    }
}

impl Row<'_> {
    fn put(&self, into: &mut Gatherer) {
        let place = Where {
            table: TableId::Logins,
            day: self.stamp.day(),
            host: self.host,
            log: self.log,
        };
        into.with(place.key(), |batch| {
            batch.int(LOGIN.time, self.stamp.time_us());
            batch.maybe_int(LOGIN.offset_s, self.stamp.offset_secs.map(i64::from));
            batch.text(LOGIN.host, self.host);
            batch.text(LOGIN.program, self.program);
            batch.text(LOGIN.service, self.service);
            batch.maybe_text(LOGIN.user, self.user);
            batch.maybe_text(LOGIN.method, self.method);
            batch.text(LOGIN.result, self.result.as_bytes());
            let attempts = i64::try_from(self.attempts).unwrap_or(i64::MAX);
            batch.int(LOGIN.attempts, attempts);
            batch.maybe_text(LOGIN.reason, self.reason);
            batch.maybe_text(LOGIN.client_address, self.address);
            let family = self.address.map_or(Family::Unknown, family);
            batch.text(LOGIN.family, family.name().as_bytes());
            if let Some(is_tls) = self.is_tls {
                batch.flag(LOGIN.is_tls, is_tls);
            }
            batch.maybe_text(LOGIN.session, self.session);
            batch.end_row();
        });
    }
}

//! The lines that make mails and logins, kept of a chunk until they are joined in the order of the
//! log.
//!
//! A worker chooses them; who joins them parses their messages once more, which is cheaper than to
//! carry owned events over.

use std::ops::Range;

use mailtally_parsers::dovecot::Event as Dovecot;
use mailtally_parsers::postfix::{Event as Postfix, tls};
use mailtally_parsers::{Event, Record, Tag};

use super::rows::Stamp;
use super::schemas::{TableId, TableSet};
use crate::tally::{apart, login_line};

/// A line that was kept.
#[derive(Clone, Debug)]
struct Kept {
    stamp: Stamp,
    /// Its number in the stretch, from 1.
    line: u64,
    pid: Option<u32>,
    repeated: u32,
    host: Range<usize>,
    tag: Range<usize>,
    message: Range<usize>,
}

/// The lines that were kept of a stretch.
#[derive(Clone, Debug, Default)]
pub struct KeptLines {
    text: Vec<u8>,
    lines: Vec<Kept>,
}

/// A kept line, as it was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Again<'a> {
    pub(super) stamp: Stamp,
    pub(super) line: u64,
    pub(super) pid: Option<u32>,
    pub(super) repeated: u32,
    pub(super) host: &'a [u8],
    pub(super) tag: Tag<'a>,
    pub(super) message: &'a [u8],
}

impl KeptLines {
    /// Keeps a line if a mail or login may be made of it.
    pub(super) fn keep(
        &mut self,
        wanted: TableSet,
        record: &Record<'_>,
        event: &Event<'_>,
        stamp: Stamp,
        line: u64,
    ) {
        if !is_needed(wanted, event) {
            return;
        }
        let last = self.lines.last();
        let (last_host, last_tag) =
            last.map_or((0..0, 0..0), |last| (last.host.clone(), last.tag.clone()));
        let kept = Kept {
            stamp,
            line,
            pid: record.pid,
            repeated: record.repeated,
            host: self.push_unless(last_host, record.host),
            tag: self.push_unless(last_tag, record.tag.text),
            message: self.push(record.message),
        };
        self.lines.push(kept);
    }

    /// Goes through the lines, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Again<'_>> {
        let text = |range: &Range<usize>| self.text.get(range.clone()).unwrap_or_default();
        self.lines.iter().map(move |kept| Again {
            stamp: kept.stamp,
            line: kept.line,
            pid: kept.pid,
            repeated: kept.repeated,
            host: text(&kept.host),
            tag: Tag::parse(text(&kept.tag)),
            message: text(&kept.message),
        })
    }

    fn push(&mut self, text: &[u8]) -> Range<usize> {
        let start = self.text.len();
        self.text.extend_from_slice(text);
        start..self.text.len()
    }

    /// Neighbouring lines mostly have their host and often their tag in common.
    fn push_unless(&mut self, last: Range<usize>, text: &[u8]) -> Range<usize> {
        if self.text.get(last.clone()) == Some(text) {
            return last;
        }
        self.push(text)
    }
}

fn is_needed(wanted: TableSet, event: &Event<'_>) -> bool {
    let (messages, logins) = (wanted.has(TableId::Messages), wanted.has(TableId::Logins));
    match event {
        Event::Postfix(event) => messages && is_of_mail(event) || logins && is_smtp_login(event),
        Event::Dovecot(event) => {
            logins && (login_line(event).is_some() || matches!(event, Dovecot::AuthFailure(_)))
        }
        _ => false,
    }
}

/// Lines of mails, and what the session before them says.
fn is_of_mail(event: &Postfix<'_>) -> bool {
    match event {
        Postfix::SmtpdConnect(_)
        | Postfix::SmtpdDisconnect(_)
        | Postfix::SmtpdHold(_)
        | Postfix::SmtpdDiscard(_)
        | Postfix::MilterAction(_)
        | Postfix::MilterHeaderCheck(_)
        | Postfix::CleanupCheck(_) => true,
        Postfix::TlsConnection(session) => session.direction == tls::Direction::Inbound,
        _ => apart::in_life(event).is_some(),
    }
}

fn is_smtp_login(event: &Postfix<'_>) -> bool {
    match event {
        Postfix::SmtpdClient(client) => client.sasl_username.is_some(),
        Postfix::SaslAuthFailed(_) | Postfix::SaslAuthAborted(_) => true,
        _ => false,
    }
}

//! Rows that take several lines: mails and logins.
//!
//! Which lines are one mail, and which are one login, is decided by the tally's own rules. Lines come
//! in the order of the log; a row is made when nothing more can come to it, so that memory holds the
//! mails under way and the logins that wait for their last line.

use mailtally_parsers::{Event, Program};

use super::gatherer::{Gatherer, PartKey};
use super::kept::{Again, KeptLines};
use super::login_rows::Logins;
use super::mail_rows::Mails;
use super::schemas::{TableId, TableSet};
use crate::tally::At;
use mailtally_parsers::dovecot::Event as Dovecot;
use mailtally_parsers::postfix::Event as Postfix;

/// Joins lines to mails and logins.
pub struct Joined {
    mails: Option<Mails>,
    logins: Option<Logins>,
    /// How many lines came so far, and the latest stamp of them.
    lines: u64,
    last_us: i64,
}

/// Where a row goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Where<'a> {
    pub(super) table: TableId,
    pub(super) day: i64,
    pub(super) host: &'a [u8],
    pub(super) log: u64,
}

impl Where<'_> {
    pub(super) fn key(self) -> PartKey {
        PartKey {
            table: self.table,
            day: self.day,
            host: self.host.to_vec(),
            log: self.log,
        }
    }
}

impl Joined {
    /// Begins before the first line of all.
    pub fn new(wanted: TableSet) -> Joined {
        Joined {
            mails: wanted.has(TableId::Messages).then(Mails::default),
            logins: wanted.has(TableId::Logins).then(Logins::default),
            lines: 0,
            last_us: i64::MIN,
        }
    }

    /// Takes the lines that were kept of the next `lines` lines, which are of one log.
    pub fn take(&mut self, kept: &KeptLines, lines: u64, log: u64, into: &mut Gatherer) {
        for again in kept.iter() {
            let at = At {
                line: self.lines.saturating_add(again.line),
                us: again.stamp.wall_us,
            };
            self.last_us = self.last_us.max(at.us);
            for _ in 0..again.repeated {
                self.line(&again, at, log, into);
            }
        }
        self.lines = self.lines.saturating_add(lines);
        let now = At {
            line: self.lines,
            us: self.last_us,
        };
        if let Some(mails) = &mut self.mails {
            mails.sweep(now, into);
        }
        if let Some(logins) = &mut self.logins {
            logins.sweep(now.us, into);
        }
    }

    fn line(&mut self, again: &Again<'_>, at: At, log: u64, into: &mut Gatherer) {
        match again.tag.program {
            Program::Dovecot => {
                if let (Some(logins), Ok(event)) = (&mut self.logins, Dovecot::parse(again.message))
                {
                    logins.dovecot(again, &event, log, into);
                }
            }
            Program::Postfix(daemon) => {
                if let Ok(event) = Postfix::parse(daemon, again.message) {
                    self.postfix(again, &event, at, log, into);
                }
            }
            _ => {
                if let Ok(Event::Postfix(event)) = Event::parse(&again.tag, again.message) {
                    self.postfix(again, &event, at, log, into);
                }
            }
        }
    }

    fn postfix(
        &mut self,
        again: &Again<'_>,
        event: &Postfix<'_>,
        at: At,
        log: u64,
        into: &mut Gatherer,
    ) {
        if let Some(mails) = &mut self.mails {
            mails.line(again, event, at, log);
        }
        if let Some(logins) = &mut self.logins {
            logins.postfix(again, event, log, into);
        }
    }

    /// Makes rows of all that is left: the log has ended.
    pub fn finish(mut self, into: &mut Gatherer) {
        if let Some(mails) = &mut self.mails {
            mails.finish(self.last_us, into);
        }
        if let Some(logins) = &mut self.logins {
            logins.finish(into);
        }
    }
}

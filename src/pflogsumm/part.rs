//! A part of the log: what its lines say by themselves, and the steps that need what was before.
//!
//! A part knows nothing of the lines before it. What a mail's lines mean depends on them (its size,
//! whether its sender was counted), so those lines become [`Step`]s, which [`Counts`] goes through
//! in log order. All else is counted here, where parts can be read side by side. Which line counts
//! as what is **not** decided here, but by the readers of lines: pflogsumm's and the mended one.
//!
//! [`Counts`]: super::counts::Counts

use super::connection::{Connections, Processes, State};
use super::delivery;
use super::detail::{Detail, Details};
use super::find::{split, split_last};
use super::line::Line;
use super::missed::Missed;
use super::options::Options;
use super::reject::refusal;
use super::shorten;
use super::stamp::is_space;
use super::table::{Id, Table};
use crate::tally::{At, Line as InLife, Verdict};

/// The columns of the tables by day and by hour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Column {
    Received,
    Delivered,
    Deferred,
    Bounced,
    Rejected,
}

/// How many columns there are.
pub(super) const COLUMNS: usize = 5;

/// What is counted in the grand totals and needs no other line.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Totals {
    pub(super) received: u64,
    pub(super) delivered: u64,
    pub(super) forwarded: u64,
    pub(super) deferrals: u64,
    pub(super) bounced: u64,
    pub(super) rejected: u64,
    pub(super) reject_warnings: u64,
    pub(super) held: u64,
    pub(super) discarded: u64,
}

/// Lines one after another whose stamps have the same day.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// The year, where the stamps state it: pflogsumm drops it.
    pub(super) year: Option<i32>,
    pub(super) lines: u64,
    pub(super) month: i8,
    pub(super) day: u8,
    pub(super) counts: [u64; COLUMNS],
    /// How many columns were touched, counted up to the last one.
    pub(super) columns: usize,
    pub(super) connections: Connections,
}

/// What was tried for a recipient.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Tried {
    pub(super) sent: u64,
    pub(super) deferred: u64,
    pub(super) longest_us: Option<i64>,
}

/// What happened to a mail; the numbers are those of this part's tables.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The line is of this mail or, by the rule of lives, of the next one of its queue id.
    Line { mail: Id, line: InLife, at: At },
    /// It was deferred.
    Deferred { mail: Id },
    /// It came from a client.
    Client { mail: Id, client: Id },
    /// It was picked up.
    Pickup { mail: Id },
    /// The queue manager told its sender and size.
    Active {
        mail: Id,
        sender: Id,
        size_bytes: u64,
    },
    /// It was delivered, after so long.
    Sent {
        mail: Id,
        recipient: Id,
        delay_us: i64,
    },
}

/// A connection that ended in this part and began before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Disconnect {
    pub(super) process: Id,
    pub(super) at: i64,
    pub(super) client: Id,
    pub(super) hour: u8,
    pub(super) run: usize,
}

/// What a part of the log says.
#[derive(Default)]
pub struct Part {
    pub(super) totals: Totals,
    pub(super) hours: [[u64; COLUMNS]; 24],
    pub(super) runs: Vec<Run>,
    pub(super) details: Details,
    /// The mails by queue id, and whether each was deferred.
    pub(super) mails: Table<bool>,
    pub(super) clients: Table<Connections>,
    pub(super) senders: Table<()>,
    pub(super) recipients: Table<Tried>,
    pub(super) steps: Vec<Step>,
    pub(super) processes: Processes,
    pub(super) hour_connections: [Connections; 24],
    pub(super) disconnects: Vec<Disconnect>,
    pub(super) missed: Missed,
    /// How many lines were read, where lives are told apart.
    pub(super) lines: u64,
}

/// Counts in a part what a reader of lines makes out.
pub(super) struct Counting<'o> {
    pub(super) options: &'o Options,
    pub(super) part: Part,
    /// The hour of the line being read.
    hour: u8,
}

impl<'o> Counting<'o> {
    pub(super) fn new(options: &'o Options) -> Self {
        Counting {
            options,
            part: Part::default(),
            hour: 0,
        }
    }

    /// Notes the day and the hour of a line that is taken.
    pub(super) fn admit(&mut self, year: Option<i32>, month: i8, day: u8, hour: u8) {
        self.hour = hour;
        if let Some(run) = self.part.runs.last_mut()
            && (run.year, run.month, run.day) == (year, month, day)
        {
            run.lines += 1;
        } else {
            self.part.runs.push(Run {
                year,
                lines: 1,
                month,
                day,
                counts: [0; COLUMNS],
                columns: 0,
                connections: Connections::default(),
            });
        }
    }

    fn tick(&mut self, column: Column) {
        let at = column as usize;
        if let Some(count) = self
            .part
            .hours
            .get_mut(usize::from(self.hour))
            .and_then(|hour| hour.get_mut(at))
        {
            *count += 1;
        }
        if let Some(run) = self.part.runs.last_mut() {
            if let Some(count) = run.counts.get_mut(at) {
                *count += 1;
            }
            run.columns = run.columns.max(at + 1);
        }
    }

    /// Lists a warning, fatal error or panic.
    pub(super) fn said(&mut self, detail: Detail, line: &Line<'_>, word: &[u8]) {
        let text = split_last(line.text, word).map_or(line.text, |(_, text)| text);
        let text = if self.options.verbose_msg_detail {
            text.to_vec()
        } else {
            shorten::cut(text, 66)
        };
        self.part.details.add(detail, [line.command, b"", &text]);
    }

    /// Lists what master says.
    pub(super) fn master(&mut self, line: &Line<'_>) {
        let text = split_last(line.text, b": ").map_or(line.text, |(_, text)| text);
        self.part.details.add(Detail::Master, [b"", b"", text]);
    }

    /// Counts what a rule or a milter did to a mail.
    pub(super) fn count_verdict(&mut self, verdict: Verdict) -> Detail {
        let totals = &mut self.part.totals;
        let (count, detail) = match verdict {
            Verdict::Reject => (&mut totals.rejected, Detail::Reject),
            Verdict::Hold => (&mut totals.held, Detail::Hold),
            Verdict::Discard => (&mut totals.discarded, Detail::Discard),
            Verdict::RejectWarning => (&mut totals.reject_warnings, Detail::RejectWarning),
        };
        *count += 1;
        self.tick(Column::Rejected);
        detail
    }

    /// Lists what a header or body check or a milter did to a whole mail.
    pub(super) fn checked(&mut self, detail: Detail, command: &[u8], part: &[u8], text: &[u8]) {
        if self.options.reject_detail.is_none() {
            return;
        }
        let text = if self.options.verbose_msg_detail {
            text.to_vec()
        } else {
            shorten::cut(without_origin(text), 64)
        };
        self.part.details.add(detail, [command, part, &text]);
    }

    /// Lists a refusal at an SMTP stage.
    pub(super) fn refused(&mut self, detail: Detail, line: &Line<'_>) {
        if self.options.reject_detail.is_none() {
            return;
        }
        let refusal = refusal(line.text, self.options);
        self.part.missed.reasons += u64::from(refusal.is_misread);
        let path = [&refusal.stage[..], &refusal.reason, &refusal.who];
        self.part.details.add(detail, path);
    }

    /// Counts a mail that came from a client; the client is as the tables of clients have it.
    pub(super) fn received(&mut self) {
        self.part.totals.received += 1;
        self.tick(Column::Received);
    }

    /// Begins a connection of a process.
    pub(super) fn connected(&mut self, process: &[u8], at: i64) {
        self.part.processes.open(process, at);
    }

    /// Counts a connection when it ends.
    pub(super) fn disconnected(&mut self, at: i64, process: &[u8], client: &[u8]) {
        let (hour, part) = (self.hour, &mut self.part);
        let client = part.clients.id(client);
        let (process, state) = part.processes.close(process);
        match state {
            State::Closed => {}
            State::Unseen => part.disconnects.push(Disconnect {
                process,
                at,
                client,
                hour,
                run: part.runs.len().saturating_sub(1),
            }),
            State::Open(since) => {
                let Some(seconds) = self.options.stay(since, at) else {
                    return;
                };
                let by_hour = part.hour_connections.get_mut(usize::from(hour));
                let by_day = part.runs.last_mut().map(|run| &mut run.connections);
                let by_client = part.clients.get_mut(client);
                for connections in [by_hour, by_day, by_client].into_iter().flatten() {
                    connections.add(seconds);
                }
            }
        }
    }

    /// Counts a recipient to whom a mail was delivered.
    pub(super) fn sent(&mut self, mail: Id, recipient: &[u8], delay_us: i64) {
        self.part.totals.delivered += 1;
        self.tick(Column::Delivered);
        let recipient = self.part.recipients.id(recipient);
        if let Some(tried) = self.part.recipients.get_mut(recipient) {
            tried.sent += 1;
            tried.longest_us = tried.longest_us.max(Some(delay_us));
        }
        self.part.steps.push(Step::Sent {
            mail,
            recipient,
            delay_us,
        });
    }

    /// Counts an attempt that was deferred; `line` gives the service and the text with the reason.
    pub(super) fn deferred(&mut self, line: &Line<'_>, recipient: &[u8], delay_us: i64) {
        self.part.totals.deferrals += 1;
        self.tick(Column::Deferred);
        if let Some(tried) = self.part.recipients.value(recipient) {
            tried.deferred += 1;
            tried.longest_us = tried.longest_us.max(Some(delay_us));
        }
        if self.options.deferral_detail.is_none() {
            return;
        }
        let reason = delivery::deferral_reason(line.text);
        let reason = if self.options.verbose_msg_detail {
            reason.to_vec()
        } else {
            shorten::deferral(reason)
        };
        let path = [line.command, b"", &reason];
        self.part.details.add(Detail::Deferral, path);
    }

    /// Counts a recipient who bounced.
    pub(super) fn bounced(&mut self, text: &[u8], relay: &[u8]) {
        self.part.totals.bounced += 1;
        self.tick(Column::Bounced);
        if self.options.bounce_detail.is_none() {
            return;
        }
        let reason = delivery::bounce_reason(text);
        let reason = if self.options.verbose_msg_detail {
            reason.to_vec()
        } else {
            shorten::bounce(reason)
        };
        let relay = if self.options.ignore_case {
            relay.to_ascii_lowercase()
        } else {
            relay.to_vec()
        };
        let path = [&relay[..], b"", &reason];
        self.part.details.add(Detail::Bounce, path);
    }

    /// Lists a server that smtp could not reach.
    pub(super) fn unreached(&mut self, host: &[u8], reason: &[u8]) {
        let reason = reason.to_ascii_lowercase();
        self.part.details.add(Detail::Smtp, [&reason, b"", host]);
    }
}

/// Drops ` from {client}; from=<…` at the end of a check's text.
fn without_origin(text: &[u8]) -> &[u8] {
    let Some((head, _)) = split(text, b"; from=<") else {
        return text;
    };
    let client = head.iter().rev().take_while(|byte| !is_space(**byte));
    let client = client.count();
    let before = head.get(..head.len() - client).unwrap_or(head);
    match before.strip_suffix(b" from ") {
        Some(before) if client > 0 => before,
        _ => head,
    }
}

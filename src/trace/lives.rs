//! The lives of a queue id: Postfix uses the ids of mails that are gone again.
//!
//! The rules are those of `tally`, but for lines of header checks and milters before the
//! `message-id=` line, which belong to the mail that is coming in.

use super::entry::Entry;

/// A line so many lines after `removed` still belongs to the mail, as in `tally`.
const LATE_LINES: u64 = 256;

/// The lines of one life: positions in the list that was split.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Life {
    pub(super) lines: Vec<usize>,
    pub(super) first: u64,
    pub(super) last: u64,
    has_client: bool,
    has_message_id: bool,
    is_queued: bool,
    pub(super) removed: Option<u64>,
}

/// Splits the lines of one host and queue id, in log order, into lives.
pub(super) fn split<'e>(entries: impl Iterator<Item = (usize, &'e Entry)>) -> Vec<Life> {
    let mut lives: Vec<Life> = Vec::new();
    for (at, entry) in entries {
        let joined = lives.last_mut().filter(|life| life.takes(entry));
        match joined {
            Some(life) => life.push(at, entry),
            None => {
                let mut life = Life {
                    first: entry.place,
                    ..Life::default()
                };
                life.push(at, entry);
                lives.push(life);
            }
        }
    }
    lives
}

pub(super) fn is_origin(kind: &str) -> bool {
    matches!(kind, "smtpd_client" | "qmqpd_client" | "pickup")
}

fn is_end(entry: &Entry) -> bool {
    match entry.kind {
        "qmgr_removed" | "cleanup_removed" => true,
        "postsuper" => entry.field("action") == Some(b"removed"),
        _ => false,
    }
}

/// Lines that only a mail has that is in the queue already.
fn is_of_queue(kind: &str) -> bool {
    matches!(
        kind,
        "qmgr_active" | "delivery" | "qmgr_expired" | "qmgr_removed"
    ) || kind.starts_with("bounce_")
}

impl Life {
    fn takes(&self, entry: &Entry) -> bool {
        let is_young = self.removed.is_none() && !self.is_queued;
        if is_origin(entry.kind) {
            return is_young && !self.has_client && entry.place - self.first <= LATE_LINES;
        }
        if entry.kind == "cleanup_message_id" {
            return is_young && !self.has_message_id;
        }
        self.removed
            .is_none_or(|end| entry.place.saturating_sub(end) <= LATE_LINES)
    }

    fn push(&mut self, at: usize, entry: &Entry) {
        self.lines.push(at);
        self.last = entry.place;
        self.has_client |= is_origin(entry.kind);
        self.has_message_id |= entry.kind == "cleanup_message_id";
        self.is_queued |= is_of_queue(entry.kind);
        if is_end(entry) {
            self.removed = Some(entry.place);
        }
    }
}

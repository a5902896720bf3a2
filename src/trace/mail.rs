//! A mail: its hops, and what became of each recipient.

use super::entry::Entry;

/// How one life follows from another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Join {
    /// It came back from a content filter, or went on to a further queue or host of ours.
    QueuedAs,
    /// An alias or a `.forward` file sent it on.
    Forwarded,
    /// It was put into the queue anew.
    Requeued,
    /// It is the notification of a bounce, a delay or a delivery.
    Notification,
    /// Another program's lines about it.
    Session,
    /// It has the same message-id, and nothing else says how they belong together.
    MessageId,
}

impl Join {
    pub(super) fn of(field: &str, entry: &Entry) -> Self {
        match field {
            "forwarded_as" => Join::Forwarded,
            "orig_id" => Join::Requeued,
            "new_queue_id" if entry.kind.starts_with("bounce") => Join::Notification,
            _ => Join::QueuedAs,
        }
    }

    /// Names it in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Join::QueuedAs => "queued_as",
            Join::Forwarded => "forwarded",
            Join::Requeued => "requeued",
            Join::Notification => "notification",
            Join::Session => "session",
            Join::MessageId => "message_id",
        }
    }

    /// Says it before the queue id of the life that this one follows from.
    pub fn words(self) -> &'static str {
        match self {
            Join::QueuedAs => "passed on by",
            Join::Forwarded => "forwarded by",
            Join::Requeued => "requeued, was",
            Join::Notification => "notification about",
            Join::Session => "about",
            Join::MessageId => "same message-id as",
        }
    }
}

/// One life of the mail, with the lines of other programs about it.
#[derive(Clone, Debug)]
pub struct Hop {
    /// The host.
    pub host: Vec<u8>,
    /// The queue id; empty for lines without one.
    pub queue_id: Vec<u8>,
    /// What it follows from: the number of another hop, and how.
    pub from: Option<(usize, Join)>,
    /// Whether `removed` was logged.
    pub is_removed: bool,
    /// All its lines, in log order.
    pub entries: Vec<Entry>,
}

impl Hop {
    /// Returns a field of the first line of these kinds that has it.
    pub fn find(&self, kinds: &[&str], field: &str) -> Option<&[u8]> {
        let mut entries = self
            .entries
            .iter()
            .filter(|entry| kinds.contains(&entry.kind));
        entries.find_map(|entry| entry.field(field))
    }

    /// Returns the envelope sender; it is empty for notifications.
    pub fn sender(&self) -> Option<&[u8]> {
        let mut active = self
            .entries
            .iter()
            .filter(|entry| entry.kind == "qmgr_active");
        let sender = active.find_map(|entry| entry.logged("sender"));
        sender.or_else(|| self.entries.iter().find_map(|entry| entry.logged("sender")))
    }
}

/// What became of a recipient.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Outcome {
    /// The last server took it.
    Delivered,
    /// It was tried, and will be tried again.
    Deferred,
    /// It came back.
    Bounced,
    /// It was given up.
    Expired,
    /// It was refused.
    Rejected,
    /// A rule or the operator took it and threw it away.
    Discarded,
    /// A rule put it on hold.
    Held,
    /// The logs do not say.
    Unknown,
}

impl Outcome {
    /// Names it, in text and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Delivered => "delivered",
            Outcome::Deferred => "deferred",
            Outcome::Bounced => "bounced",
            Outcome::Expired => "expired",
            Outcome::Rejected => "rejected",
            Outcome::Discarded => "discarded",
            Outcome::Held => "held",
            Outcome::Unknown => "unknown",
        }
    }

    pub(super) fn of_status(status: &[u8]) -> Self {
        match status {
            b"sent" | b"deliverable" => Outcome::Delivered,
            b"deferred" | b"SOFTBOUNCE" | b"undeliverable-but-not-cached" => Outcome::Deferred,
            b"bounced" | b"undeliverable" => Outcome::Bounced,
            b"expired" | b"force-expired" => Outcome::Expired,
            _ => Outcome::Unknown,
        }
    }

    /// What a line that is no delivery says about a whole mail.
    pub(super) fn of_line(entry: &Entry) -> Option<Self> {
        let action = entry.field("action").unwrap_or_default();
        match entry.kind {
            "qmgr_expired" => Some(Outcome::Expired),
            "smtpd_reject" | "psc_reject_rcpt" | "cleanup_mime_error" => Some(Outcome::Rejected),
            "smtpd_discard" => Some(Outcome::Discarded),
            "smtpd_hold" => Some(Outcome::Held),
            "postsuper" if action == b"removed" => Some(Outcome::Discarded),
            "cleanup_check" | "milter_action" => match action {
                b"reject" | b"milter-reject" => Some(Outcome::Rejected),
                b"discard" | b"milter-discard" => Some(Outcome::Discarded),
                b"hold" | b"milter-hold" | b"milter-quarantine" => Some(Outcome::Held),
                _ => None,
            },
            _ => None,
        }
    }
}

/// What became of one recipient of a hop.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// The number of the hop.
    pub hop: usize,
    /// The address; `None` where a line speaks of the whole mail.
    pub address: Option<Vec<u8>>,
    /// The address before aliases.
    pub orig_to: Option<Vec<u8>>,
    /// What became of it.
    pub outcome: Outcome,
    /// How many times it was tried.
    pub attempts: u64,
    /// The last line about it.
    pub entry: Entry,
    /// Where Dovecot put it.
    pub mailbox: Option<Vec<u8>>,
}

/// A mail, from its first line to its last.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Its hops, in the order in which they began.
    pub hops: Vec<Hop>,
    /// What became of each recipient; passing a mail on to a further hop is no outcome, and those of
    /// notifications are not here.
    pub recipients: Vec<Recipient>,
}

impl Mail {
    /// Returns where its first line stands in the log.
    pub fn first_place(&self) -> u64 {
        let firsts = self.hops.iter().filter_map(|hop| hop.entries.first());
        firsts.map(|entry| entry.place).min().unwrap_or(0)
    }

    /// Returns the message-id that the first hop logged.
    pub fn message_id(&self) -> Option<&[u8]> {
        let mut entries = self.hops.iter().flat_map(|hop| &hop.entries);
        entries.find_map(Entry::message_id)
    }

    /// Tells whether a hop is a notification, or follows from one.
    pub fn is_notification(&self, hop: usize) -> bool {
        let mut at = hop;
        for _ in 0..self.hops.len() {
            match self.hops.get(at).and_then(|hop| hop.from) {
                Some((_, Join::Notification)) => return true,
                Some((from, _)) => at = from,
                None => return false,
            }
        }
        false
    }
}

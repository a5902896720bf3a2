//! The mails of a queue id told apart, where the numbers are mended.
//!
//! pflogsumm takes all lines of a queue id for one mail's, of whichever host and however long ago.
//! Here the rule is the tally's own; this room only keeps the names.

use super::find::split;
use super::table::{Id, Table};
use crate::tally::apart::MailsApart;
use crate::tally::{At, Line};

/// A queue id of a host.
pub(super) struct QueueId {
    host: Id,
    text: Vec<u8>,
}

/// What is known of the lives of mails.
#[derive(Default)]
pub(super) struct Lives {
    /// The lines of the parts before this one.
    lines: u64,
    hosts: Table<()>,
    apart: MailsApart,
    key: Vec<u8>,
    is_used: bool,
}

/// So many bytes behind the queue id tell its mails apart.
const NUMBER_BYTES: usize = size_of::<u32>();

impl Lives {
    /// Reads the key of a part's mail: host, blank, queue id.
    pub(super) fn queue_id(&mut self, key: &[u8]) -> QueueId {
        let (host, text) = split(key, b" ").unwrap_or((b"", key));
        QueueId {
            host: self.hosts.id(host),
            text: text.to_vec(),
        }
    }

    /// Returns the key of the mail that a line belongs to.
    pub(super) fn mail(&mut self, queue_id: &QueueId, line: Line, at: At) -> &[u8] {
        self.is_used = true;
        let at = At {
            line: at.line.saturating_add(self.lines),
            ..at
        };
        let number = self.apart.line(queue_id.host, &queue_id.text, line, at);
        self.key.clear();
        self.key.extend_from_slice(&queue_id.text);
        self.key.extend_from_slice(&number.to_be_bytes());
        &self.key
    }

    /// Counts the lines of a part that was gone through.
    pub(super) fn add_lines(&mut self, lines: u64) {
        self.lines = self.lines.saturating_add(lines);
    }

    /// Returns how many lines were gone through.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// Returns the queue id of a mail's key.
    pub(super) fn shown<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        let end = if self.is_used { NUMBER_BYTES } else { 0 };
        let end = key.len().saturating_sub(end);
        key.get(..end).unwrap_or(key)
    }
}

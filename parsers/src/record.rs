//! The envelope of a line: who logged what, and when.

use crate::{Tag, Timestamp, syslog};

/// A log line with its envelope taken off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record<'a> {
    /// When the line was logged, as stated by the line.
    pub timestamp: Timestamp,
    /// The host that logged; empty where the format has none (Dovecot's own log file).
    pub host: &'a [u8],
    /// The tag: instance, service, program.
    pub tag: Tag<'a>,
    /// The process id, where the format has one.
    pub pid: Option<u32>,
    /// The text after the envelope, without line end.
    pub message: &'a [u8],
}

impl<'a> Record<'a> {
    /// Parses one line, without its line end, whatever its envelope.
    ///
    /// The format is told per line, for a file can change it when a distribution is upgraded.
    /// Returns `None` when the line has no envelope that we know: the line is foreign.
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        syslog::parse(line)
    }

    /// Makes a record of fields that a container states, such as a journal's JSON.
    ///
    /// `tag_text` is the whole tag, as in `postfix/submission/smtpd`.
    pub fn from_parts(
        timestamp: Timestamp,
        host: &'a [u8],
        tag_text: &'a [u8],
        pid: Option<u32>,
        message: &'a [u8],
    ) -> Self {
        Record {
            timestamp,
            host,
            tag: Tag::parse(tag_text),
            pid,
            message,
        }
    }
}

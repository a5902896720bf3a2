//! The envelope of a line: who logged what, and when.

use crate::{Program, Tag, Timestamp, logger, syslog};

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
    /// The text after the envelope, without line end, and without the frame that rsyslog puts around
    /// a message that came again.
    pub message: &'a [u8],
    /// How often the message was logged: more than once where a logger wrote one line for many.
    pub repeated: u32,
}

impl<'a> Record<'a> {
    /// What is there before the first line.
    pub(crate) const EMPTY: Self = Record {
        timestamp: Timestamp::EMPTY,
        host: b"",
        tag: Tag::EMPTY,
        pid: None,
        message: b"",
        repeated: 1,
    };

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
        let tag = match tag_text {
            b"" => syslog::tag_of(message),
            text => Tag::parse(text),
        };
        Record::new(timestamp, host, tag, pid, message)
    }

    /// Parses a line without a stamp, which its container states: host, tag and message, or Dovecot's
    /// own form. What has no tag has no host either.
    pub fn parse_unstamped(timestamp: Timestamp, line: &'a [u8]) -> Self {
        syslog::parse_unstamped(timestamp, line)
    }

    /// Makes a record of an envelope's fields and of what stands behind it.
    #[inline]
    pub(crate) fn new(
        timestamp: Timestamp,
        host: &'a [u8],
        tag: Tag<'a>,
        pid: Option<u32>,
        text: &'a [u8],
    ) -> Self {
        let (repeated, message) = syslog::unfold(text);
        let message = syslog::without_line_end(message);
        Record {
            timestamp,
            host,
            tag,
            pid,
            message,
            repeated,
        }
    }

    /// Makes a record of a marker of `journalctl`, such as `-- Boot 5ef3… --`; it has neither stamp
    /// nor host, so that its `timestamp` means nothing.
    pub fn marker(line: &'a [u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        logger::is_marker(line).then(|| {
            let nowhen = Timestamp::from_epoch_micros(0)?;
            Some(Record::from_parts(nowhen, b"", b"journalctl", None, line))
        })?
    }

    /// Tells how often the line above was logged again, if that is what this line says
    /// (`last message repeated 3 times`).
    pub fn repeats_line_above(&self) -> Option<u32> {
        match self.tag.program {
            Program::Logger => syslog::notice(self.message),
            _ => None,
        }
    }

    /// Returns the record of the line above anew, for a line that says that it was logged again.
    ///
    /// `None` where that cannot be: syslogd repeats what it wrote last, and names its host.
    #[must_use]
    pub fn again(self, notice: &Record<'_>, times: u32) -> Option<Self> {
        let is_same_host = notice.host.is_empty() || notice.host == self.host;
        is_same_host.then_some(Record {
            timestamp: notice.timestamp,
            repeated: times,
            ..self
        })
    }
}

//! Lines in a container: what `journalctl -o json`, Docker and Kubernetes put around them.
//!
//! ```text
//! {"__REALTIME_TIMESTAMP":"1793491200000000","SYSLOG_IDENTIFIER":"postfix/smtpd","MESSAGE":"…"}
//! {"log":"Nov 21 00:44:25 mx1 postfix/smtpd[7]: …\n","stream":"stdout","time":"2026-11-21T00:44:25.1Z"}
//! 2026-11-21T00:44:25.123456789Z stdout F Nov 21 00:44:25 mx1 postfix/smtpd[7]: …
//! ```
//!
//! Docker (16 KiB) and CRI, Kubernetes' form, cut long lines into parts, which are put together here.
//! What the program wrote may have an envelope of any form, which then says when it was logged; the
//! container's time gives it a year. Text without an envelope has the container's time. Which lines
//! stand around a part is **not** known here: they come one after the other.

use std::borrow::Cow;

use mailtally_parsers::{Record, Timestamp, Zone};

use super::calendar::{days_from_civil, is_leap};
use super::chunk::split_lines;
use super::journal::Entry;

/// Takes containers off, one line after the other.
#[derive(Debug, Default)]
pub(super) struct Unwrapped {
    entry: Entry,
    /// What was written to each of the two streams, as far as it came.
    texts: [Text; 2],
    form: Form,
}

/// What the line loaded last is.
#[derive(Clone, Copy, Default, Debug)]
enum Form {
    /// Nothing, or an entry of a journal.
    #[default]
    Journal,
    /// The text of a stream.
    Stream(usize),
}

/// A line that a program wrote.
#[derive(Debug, Default)]
struct Text {
    bytes: Vec<u8>,
    /// The container's time of its first part, as long as parts are missing or it was just loaded.
    stamp: Option<Timestamp>,
    is_whole: bool,
}

/// What a line of a container is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Loaded {
    /// With the parts before it, a line that was logged at this time.
    Line(Timestamp),
    /// A part, and more will come.
    Part(Timestamp),
}

/// A part of a line, or all of it.
struct Part<'p> {
    stream: usize,
    stamp: Timestamp,
    text: &'p [u8],
    is_last: bool,
}

impl Unwrapped {
    /// Takes the container off the next line; `None` when it is in none.
    #[inline]
    pub(super) fn load(&mut self, line: &[u8]) -> Option<Loaded> {
        match line.first()? {
            b'{' | b'0'..=b'9' => self.load_wrapped(line),
            _ => None,
        }
    }

    fn load_wrapped(&mut self, line: &[u8]) -> Option<Loaded> {
        if line.first() == Some(&b'{') {
            return self.load_object(line);
        }
        let part = cri_part(line)?;
        Some(self.add(&part))
    }

    /// Takes the container off a line alone, whatever came before it.
    pub(super) fn load_alone(&mut self, line: &[u8]) -> Option<Timestamp> {
        self.forget();
        let loaded = self.load(line)?;
        let whole = self.record().map(|record| record.timestamp);
        match loaded {
            Loaded::Line(stamp) => Some(stamp),
            Loaded::Part(stamp) => Some(whole.unwrap_or(stamp)),
        }
    }

    /// Takes the container off the first line of these, which may have its parts below it.
    pub(super) fn load_first(&mut self, lines: &[u8]) -> Option<Timestamp> {
        self.forget();
        for line in split_lines(lines) {
            if let Loaded::Line(stamp) = self.load(line)? {
                return Some(stamp);
            }
        }
        self.take_unfinished()
    }

    /// Forgets parts that wait for more.
    pub(super) fn forget(&mut self) {
        for text in &mut self.texts {
            text.stamp = None;
        }
    }

    /// Makes a line of the parts of one whose end does not come; `None` if there is none.
    pub(super) fn take_unfinished(&mut self) -> Option<Timestamp> {
        let waits = |text: &Text| text.stamp.is_some() && !text.is_whole;
        let stream = self.texts.iter().position(waits)?;
        self.form = Form::Stream(stream);
        if let Some(text) = self.texts.get_mut(stream) {
            text.is_whole = true;
        }
        self.record().map(|record| record.timestamp)
    }

    /// Returns the record of the line that was loaded last.
    pub(super) fn record(&self) -> Option<Record<'_>> {
        let text = match self.form {
            Form::Journal => return self.entry.record(),
            Form::Stream(stream) => self.texts.get(stream)?,
        };
        let written = text.stamp?;
        let Some(mut record) = Record::parse(&text.bytes) else {
            return Some(Record::parse_unstamped(written, &text.bytes));
        };
        if record.timestamp.year.is_none() {
            record.timestamp.year = year_of(&record.timestamp, &written);
        }
        Some(record)
    }

    fn load_object(&mut self, line: &[u8]) -> Option<Loaded> {
        // The entry's buffers are borrowed while the text is added to others.
        let mut entry = std::mem::take(&mut self.entry);
        let loaded = entry.read(line).then(|| self.add_entry(&mut entry));
        self.entry = entry;
        loaded?
    }

    fn add_entry(&mut self, entry: &mut Entry) -> Option<Loaded> {
        let Some(docker) = entry.docker() else {
            self.form = Form::Journal;
            return entry.stamp().map(Loaded::Line);
        };
        let (stamp, _) = Timestamp::from_rfc3339(docker.time)?;
        let text = docker.text.strip_suffix(b"\n");
        Some(self.add(&Part {
            stream: stream_of(docker.stream),
            stamp: instant(stamp),
            text: text.unwrap_or(docker.text),
            is_last: text.is_some(),
        }))
    }

    /// Adds a part to those that came before it on the same stream.
    fn add(&mut self, part: &Part<'_>) -> Loaded {
        self.form = Form::Stream(part.stream);
        if let Some(text) = self.texts.get_mut(part.stream) {
            if text.is_whole || text.stamp.is_none() {
                text.bytes.clear();
                text.stamp = Some(part.stamp);
            }
            text.bytes.extend_from_slice(part.text);
            text.is_whole = part.is_last;
        }
        if !part.is_last {
            return Loaded::Part(part.stamp);
        }
        let record = self.record().map(|record| record.timestamp);
        Loaded::Line(record.unwrap_or(part.stamp))
    }
}

/// Tells whether a line is in Kubernetes' form.
pub(super) fn is_cri(line: &[u8]) -> bool {
    cri_part(line).is_some()
}

/// What a program wrote, as far as one line of Docker's or Kubernetes' holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held<'l> {
    /// The text, without its line end.
    pub text: Cow<'l, [u8]>,
    /// The number of the stream that it was written to.
    pub stream: usize,
    /// Whether the line that was written ends here.
    pub is_last: bool,
}

/// Returns what a line of Docker's or Kubernetes' holds; `None` if it is none of them.
pub fn container_text(line: &[u8]) -> Option<Held<'_>> {
    if line.first() != Some(&b'{') {
        let part = cri_part(line)?;
        return Some(Held {
            text: Cow::Borrowed(part.text),
            stream: part.stream,
            is_last: part.is_last,
        });
    }
    let mut entry = Entry::default();
    // A journal's entries are the commoner objects, and have no such field.
    memchr::memmem::find(line, b"\"log\"")?;
    let docker = entry.read(line).then(|| entry.docker())??;
    Timestamp::from_rfc3339(docker.time)?;
    let text = docker.text.strip_suffix(b"\n");
    Some(Held {
        text: Cow::Owned(text.unwrap_or(docker.text).to_vec()),
        stream: stream_of(docker.stream),
        is_last: text.is_some(),
    })
}

/// Tells whether a line is a part of one that goes on below.
pub(super) fn is_unfinished(line: &[u8]) -> bool {
    match line.first() {
        // A journal's entries have no parts, and are the commoner objects.
        Some(b'{') if line.starts_with(b"{\"log\"") => {
            let loaded = Unwrapped::default().load(line);
            matches!(loaded, Some(Loaded::Part(_)))
        }
        Some(b'0'..=b'9') => cri_part(line).is_some_and(|part| !part.is_last),
        _ => false,
    }
}

/// Reads `{stamp} {stream} {tags} {text}`; of the tags, with a colon between them, the first one is
/// `F` for the last part of a line, or `P`.
fn cri_part(line: &[u8]) -> Option<Part<'_>> {
    // Cheap, for it is asked of every line with such a stamp.
    let stream_at = line
        .get(19..)?
        .iter()
        .take(21)
        .position(|byte| *byte == b' ')?
        + 20;
    let rest = line.get(stream_at..)?;
    let (stream, rest) = match rest.split_first_chunk::<7>()? {
        (b"stdout ", rest) => (0, rest),
        (b"stderr ", rest) => (1, rest),
        _ => return None,
    };
    let (tag, rest) = rest.split_first()?;
    let is_last = match tag {
        b'F' => true,
        b'P' => false,
        _ => return None,
    };
    let text_at =
        memchr::memchr(b' ', rest).filter(|end| *end == 0 || rest.first() == Some(&b':'))?;
    let (stamp, _) = Timestamp::from_rfc3339(line)?;
    let text = rest.get(text_at + 1..)?;
    Some(Part {
        stream,
        stamp: instant(stamp),
        text: text.strip_suffix(b"\r").unwrap_or(text),
        is_last,
    })
}

fn stream_of(name: &[u8]) -> usize {
    usize::from(name == b"stderr")
}

/// A container's time is an instant: who wrote it thought of no wall clock.
fn instant(stamp: Timestamp) -> Timestamp {
    match stamp.zone {
        Zone::Offset(0) | Zone::Unstated => Timestamp {
            zone: Zone::Utc,
            ..stamp
        },
        _ => stamp,
    }
}

/// Tells the year of a stamp without one: the last in which it is at most a day ahead of the time at
/// which its line was written, and in which its day exists.
fn year_of(stamp: &Timestamp, written: &Timestamp) -> Option<u16> {
    let written_year = written.year?;
    let latest = days_from_civil(i32::from(written_year), written.month, written.day) + 1;
    let fits = |year: &u16| {
        let year = i32::from(*year);
        let exists = (stamp.month, stamp.day) != (2, 29) || is_leap(year);
        exists && days_from_civil(year, stamp.month, stamp.day) <= latest
    };
    // Two leap years are at most eight years apart.
    let years = written_year.saturating_sub(9)..=written_year.saturating_add(1);
    years.rev().find(fits)
}

#[cfg(test)]
#[path = "container_tests.rs"]
mod tests;

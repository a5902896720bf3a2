//! Whole lines of a log, rewritten with tokens: envelope and container stay as they were written.
//!
//! Kubernetes and Docker cut long lines into parts; a name may lie across a cut. The parts are masked
//! together and cut again, where that is possible at the old places.

use std::cell::Cell;

use mailtally_parsers::{Event, Program, Record, Timestamp};

use crate::source::container_text;

use super::json::Object;
use super::mask_tag;
use super::message::{message, range_within};
use super::names::Pseudonyms;
use super::scan::Scanner;

/// What was rewritten.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// All lines.
    pub lines: u64,
    /// Lines of mail programs of unknown shape: names in them were found by their looks alone.
    pub unknown: u64,
    /// Lines of other programs, and lines that are none of a log; as unknown.
    pub foreign: u64,
}

impl Counts {
    /// Adds those of another part of the log.
    pub fn add(&mut self, other: Counts) {
        self.lines += other.lines;
        self.unknown += other.unknown;
        self.foreign += other.foreign;
    }
}

/// Rewrites lines, one after the other.
#[derive(Debug)]
pub struct Rewriter<'n> {
    names: &'n Pseudonyms,
    keeps_hosts: bool,
    counts: Counts,
    /// Lines that hold parts of one line of a container, up to its last part.
    parts: Vec<Part>,
}

/// A line that waits: a part of what a container wrote, or one between two parts.
#[derive(Debug)]
struct Part {
    line: Vec<u8>,
    has_line_end: bool,
    /// The stream of a part.
    stream: Option<usize>,
}

impl<'n> Rewriter<'n> {
    /// Begins before the first line.
    pub fn new(names: &'n Pseudonyms) -> Self {
        Rewriter {
            names,
            keeps_hosts: false,
            counts: Counts::default(),
            parts: Vec::new(),
        }
    }

    /// Leaves the host that logged a line as it is.
    #[must_use]
    pub fn with_hosts(mut self) -> Self {
        self.keeps_hosts = true;
        self
    }

    /// Appends lines with tokens; a part of a line waits for the others.
    pub fn lines(&mut self, out: &mut Vec<u8>, lines: &[u8]) {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            self.counts.lines += 1;
            let (text, end) = match line.split_last() {
                Some((b'\n', text)) => line.split_at(text.len()),
                _ => (line, &b""[..]),
            };
            self.line(out, text, end);
        }
    }

    /// Appends what waits, and returns what was rewritten.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Counts {
        self.flush(out);
        self.counts
    }

    fn line(&mut self, out: &mut Vec<u8>, line: &[u8], end: &[u8]) {
        let held = container_text(line).map(|held| (held.stream, held.is_last));
        let goes_on = |stream| self.parts.iter().any(|part| part.stream == Some(stream));
        let part = held.filter(|&(stream, is_last)| !is_last || goes_on(stream));
        if part.is_none() && self.parts.is_empty() {
            self.whole(out, line);
            return out.extend_from_slice(end);
        }
        self.parts.push(Part {
            line: line.to_vec(),
            has_line_end: !end.is_empty(),
            stream: part.map(|(stream, _)| stream),
        });
        let is_end = part.is_some_and(|(_, is_last)| is_last);
        if is_end || self.parts.len() > MOST_PARTS {
            self.flush(out);
        }
    }

    /// Writes the lines that wait: the texts of each stream are masked as one, and cut again.
    fn flush(&mut self, out: &mut Vec<u8>) {
        let parts = std::mem::take(&mut self.parts);
        let mut texts = [0, 1].map(|stream| self.masked_parts(&parts, stream));
        for (at, part) in parts.iter().enumerate() {
            let text = part.stream.and_then(|stream| texts.get_mut(stream));
            match text {
                None => self.whole(out, &part.line),
                Some(text) => {
                    let mut later = parts.iter().skip(at + 1);
                    let is_last = !later.any(|later| later.stream == part.stream);
                    let held = container_text(&part.line).map_or(0, |held| held.text.len());
                    let cut = if is_last {
                        text.len()
                    } else {
                        held.min(text.len())
                    };
                    let behind = text.split_off(cut);
                    replace_text(out, &part.line, text);
                    *text = behind;
                }
            }
            if part.has_line_end {
                out.push(b'\n');
            }
        }
    }

    /// Returns what was written to a stream in all parts, masked.
    fn masked_parts(&mut self, parts: &[Part], stream: usize) -> Vec<u8> {
        let mut text = Vec::new();
        for part in parts.iter().filter(|part| part.stream == Some(stream)) {
            if let Some(held) = container_text(&part.line) {
                text.extend_from_slice(&held.text);
            }
        }
        let mut masked = Vec::new();
        if !text.is_empty() {
            self.written(&mut masked, &text);
        }
        masked
    }

    fn whole(&mut self, out: &mut Vec<u8>, line: &[u8]) {
        if line.first() == Some(&b'{') {
            return self.object(out, line);
        }
        if let Some(held) = container_text(line) {
            let mut masked = Vec::new();
            self.written(&mut masked, &held.text);
            return replace_text(out, line, &masked);
        }
        match Record::parse(line).or_else(|| Record::marker(line)) {
            Some(record) => self.record(out, line, &record),
            None => {
                self.counts.foreign += u64::from(!line.is_empty());
                self.unknown(out, line);
            }
        }
    }

    /// Writes what a program in a container wrote: a line with an envelope, or without a stamp.
    fn written(&mut self, out: &mut Vec<u8>, text: &[u8]) {
        if Record::parse(text).is_some() {
            return self.whole(out, text);
        }
        let Some(stamp) = Timestamp::from_epoch_micros(0) else {
            return self.unknown(out, text);
        };
        self.record(out, text, &Record::parse_unstamped(stamp, text));
    }

    /// Writes a line whose record is known.
    fn record(&mut self, out: &mut Vec<u8>, line: &[u8], record: &Record<'_>) {
        let event = Event::parse(&record.tag, record.message);
        if event.is_err() {
            let is_ours = record.tag.program.is_ours() || record.tag.program == Program::Logger;
            self.counts.unknown += u64::from(is_ours);
            self.counts.foreign += u64::from(!is_ours);
        }
        let place = |part: &[u8]| range_within(line, part).filter(|place| !place.is_empty());
        let mut at = 0;
        if let Some(host) = place(record.host) {
            out.extend_from_slice(line.get(..host.start).unwrap_or_default());
            self.host(out, record.host);
            at = host.end;
        }
        if let Some(tag) = place(record.tag.text).filter(|tag| tag.start >= at) {
            out.extend_from_slice(line.get(at..tag.start).unwrap_or_default());
            mask_tag(self.names, out, record.tag.text);
            at = tag.end;
        }
        let Some(text) = place(record.message).filter(|text| text.start >= at) else {
            let rest = line.get(at..).unwrap_or_default();
            return if at > 0 {
                self.unknown(out, rest);
            } else {
                out.extend_from_slice(rest);
            };
        };
        let between = line.get(at..text.start).unwrap_or_default();
        if at > 0 {
            // RFC 5424 has room for addresses there.
            self.unknown(out, between);
        } else {
            out.extend_from_slice(between);
        }
        message(self.names, out, &record.tag, record.message, &event);
        out.extend_from_slice(line.get(text.end..).unwrap_or_default());
    }

    fn host(&self, out: &mut Vec<u8>, host: &[u8]) {
        if self.keeps_hosts {
            return out.extend_from_slice(host);
        }
        match std::str::from_utf8(host)
            .ok()
            .and_then(|host| host.parse().ok())
        {
            Some(ip) => out.extend_from_slice(self.names.ip(ip).to_string().as_bytes()),
            None => self.names.host(out, host),
        }
    }

    fn unknown(&self, out: &mut Vec<u8>, text: &[u8]) {
        let scanner = Scanner {
            names: self.names,
            known: &[],
            is_unknown: true,
            guessed: &Cell::new(false),
        };
        scanner.text(out, text);
    }

    /// Writes an object: an entry of the journal, or a line of Docker's.
    fn object(&mut self, out: &mut Vec<u8>, line: &[u8]) {
        let Some(object) = Object::parse(line) else {
            self.counts.foreign += 1;
            return self.unknown(out, line);
        };
        let tag = [&b"SYSLOG_IDENTIFIER"[..], b"_COMM"];
        let tag = tag
            .into_iter()
            .find_map(|key| object.text_of(key))
            .unwrap_or_default();
        object.write(out, |key, text| {
            let mut masked = Vec::new();
            match key {
                b"MESSAGE" => self.journal_message(&mut masked, &tag, text),
                b"log" => {
                    let bare = text.strip_suffix(b"\n").unwrap_or(text);
                    self.written(&mut masked, bare);
                    masked.extend_from_slice(text.get(bare.len()..).unwrap_or_default());
                }
                b"SYSLOG_RAW" => {
                    // The same line again, which is counted once.
                    let counts = self.counts;
                    self.whole(&mut masked, text);
                    self.counts = counts;
                }
                b"_HOSTNAME" | b"host" | b"hostname" => self.host(&mut masked, text),
                b"_MACHINE_ID" => self.names.opaque(&mut masked, text),
                _ => self.unknown(&mut masked, text),
            }
            masked
        });
    }

    fn journal_message(&mut self, out: &mut Vec<u8>, tag: &[u8], text: &[u8]) {
        let Some(stamp) = Timestamp::from_epoch_micros(0) else {
            return self.unknown(out, text);
        };
        let record = Record::from_parts(stamp, b"", tag, None, text);
        let mut masked = Vec::new();
        self.record(&mut masked, text, &record);
        out.extend_from_slice(&masked);
    }
}

/// So many parts of one line wait; more belong to no line.
const MOST_PARTS: usize = 10_000;

/// Puts another text into a container's line.
fn replace_text(out: &mut Vec<u8>, line: &[u8], text: &[u8]) {
    match Object::parse(line).filter(|_| line.first() == Some(&b'{')) {
        Some(object) => object.write(out, |key, old| match key {
            b"log" if old.ends_with(b"\n") => [text, b"\n"].concat(),
            b"log" => text.to_vec(),
            _ => old.to_vec(),
        }),
        None => {
            let old = container_text(line).map_or(0, |held| held.text.len());
            let end = usize::from(line.ends_with(b"\r"));
            let start = line.len().saturating_sub(old + end);
            out.extend_from_slice(line.get(..start).unwrap_or_default());
            out.extend_from_slice(text);
            out.extend_from_slice(line.get(line.len() - end..).unwrap_or_default());
        }
    }
}

//! The message of a line with tokens in place of names: fields by what they hold, the rest by its looks.
//!
//! A parser gives fields that borrow from the message, so where one lies in the message is known, and
//! what is put in its place there is in everything that is made of the line: other fields, samples,
//! counts. Nothing is masked in a second place that the first could disagree with.

use std::cell::Cell;
use std::ops::Range;

use mailtally_parsers::{Event, Fields, Reason, Seconds, Tag, Visitor};

use super::fields::{Holds, holds};
use super::names::Pseudonyms;
use super::path::path;
use super::scan::{Known, Scanner, local_of};

/// A field of the message.
#[derive(Clone, Copy)]
struct Span<'m> {
    start: usize,
    text: &'m [u8],
    holds: Holds,
}

impl Span<'_> {
    fn end(&self) -> usize {
        self.start.saturating_add(self.text.len())
    }
}

/// Appends a message with tokens in place of names.
pub(super) fn message(
    names: &Pseudonyms,
    out: &mut Vec<u8>,
    tag: &Tag<'_>,
    text: &[u8],
    event: &Result<Event<'_>, Reason>,
) {
    let spans = match event {
        Ok(event) => Spans::of(text, event),
        Err(_) => Vec::new(),
    };
    let known = known(&spans);
    let guessed = Cell::new(false);
    let scanner = Scanner {
        names,
        known: &known,
        is_unknown: event.is_err(),
        guessed: &guessed,
    };
    let start = out.len();
    spans_and_rest(&scanner, out, text, &spans);
    // A mailbox may be called like a word by which the line is known, `hold` or `filter`.
    if guessed.get() && !is_of_kind(out.get(start..), tag, event) {
        out.truncate(start);
        let without = Scanner {
            known: &[],
            ..scanner
        };
        spans_and_rest(&without, out, text, &spans);
    }
}

fn is_of_kind(masked: Option<&[u8]>, tag: &Tag<'_>, event: &Result<Event<'_>, Reason>) -> bool {
    let masked = Event::parse(tag, masked.unwrap_or_default());
    match (event, masked) {
        (Ok(event), Ok(masked)) => event.kind() == masked.kind(),
        (event, masked) => event.is_err() == masked.is_err(),
    }
}

fn spans_and_rest(scanner: &Scanner<'_>, out: &mut Vec<u8>, text: &[u8], spans: &[Span<'_>]) {
    let mut at = 0;
    for span in spans {
        between(
            scanner,
            out,
            text.get(at..span.start).unwrap_or_default(),
            spans,
        );
        field(scanner, out, span);
        at = span.end();
    }
    between(scanner, out, text.get(at..).unwrap_or_default(), spans);
}

/// Writes what stands between fields; an odd name of a host, such as `a; helo=<b`, may be there again.
fn between(scanner: &Scanner<'_>, out: &mut Vec<u8>, text: &[u8], spans: &[Span<'_>]) {
    let mut odd = spans
        .iter()
        .filter(|span| span.holds == Holds::Host && is_odd(span.text));
    let found = odd.find_map(|span| Some((memchr::memmem::find(text, span.text)?, span)));
    let Some((at, span)) = found else {
        return scanner.text(out, text);
    };
    let (before, behind) = text.split_at(at);
    scanner.text(out, before);
    field(scanner, out, span);
    between(
        scanner,
        out,
        behind.get(span.text.len()..).unwrap_or_default(),
        spans,
    );
}

/// Lists the names in a line's fields that may stand in its other text too.
fn known<'m>(spans: &[Span<'m>]) -> Vec<Known<'m>> {
    let mut known = Vec::new();
    for span in spans {
        match span.holds {
            Holds::Mailbox => known.extend(local_of(span.text).map(Known::Local)),
            Holds::Host if span.text.len() > 2 && is_name(span.text) => {
                known.push(Known::Host(span.text));
            }
            _ => {}
        }
    }
    known
}

fn field(scanner: &Scanner<'_>, out: &mut Vec<u8>, span: &Span<'_>) {
    let (names, text) = (scanner.names, span.text);
    match span.holds {
        Holds::Mailbox => mailboxes(scanner, out, text),
        Holds::Host if is_name(text) => names.host(out, text),
        Holds::Host if is_odd(text) => names.text(out, text),
        Holds::Host => scanner.text(out, text),
        Holds::Ip => ip(scanner, out, text),
        Holds::MessageId => message_id(scanner, out, text),
        Holds::Opaque => {
            // A session of LMTP has the numbers of its mails behind its id.
            let id = text.iter().position(|byte| *byte == b':');
            let (id, number) = text.split_at(id.filter(|_| is_session(text)).unwrap_or(text.len()));
            names.opaque(out, id);
            out.extend_from_slice(number);
        }
        Holds::Words => names.text(out, text),
        Holds::Header => header(names, out, text),
        Holds::Folder => folder(names, out, text),
        Holds::Prefix => prefix(scanner, out, text),
        Holds::Path => path(scanner, out, text),
        // The name of a function is what stands before a colon, whatever that is.
        Holds::Nothing if text.iter().any(|byte| b" @[<".contains(byte)) => scanner.text(out, text),
        Holds::Nothing => out.extend_from_slice(text),
    }
}

/// Tells whether a text is the name of a host and nothing else; an address is none.
fn is_name(text: &[u8]) -> bool {
    let is_of_name =
        |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || b".-_*".contains(byte);
    text.iter().all(is_of_name) && parsed_ip(text).is_none()
}

/// Tells whether the name that a stranger gave as his would be taken apart as more than one.
fn is_odd(text: &[u8]) -> bool {
    text.iter().any(|byte| b";<>= ".contains(byte))
}

fn parsed_ip(text: &[u8]) -> Option<std::net::IpAddr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn is_session(text: &[u8]) -> bool {
    // A fingerprint has pairs of digits between its colons.
    memchr::memchr_iter(b':', text).count() <= 3
}

fn mailboxes(scanner: &Scanner<'_>, out: &mut Vec<u8>, text: &[u8]) {
    let is_list = text
        .iter()
        .any(|byte| matches!(byte, b'<' | b'>' | b',' | b' '));
    let is_quoted = text.starts_with(b"\"");
    if !is_list || is_quoted {
        return scanner.names.mailbox(out, text);
    }
    for part in text.split_inclusive(|byte| *byte == b',') {
        let (name, comma) = match part.split_last() {
            Some((b',', name)) => part.split_at(name.len()),
            _ => (part, &b""[..]),
        };
        one_mailbox(scanner.names, out, name);
        out.extend_from_slice(comma);
    }
}

/// Writes `Anna B <anna@shop.example>` or `<anna>`.
fn one_mailbox(names: &Pseudonyms, out: &mut Vec<u8>, text: &[u8]) {
    let blanks = text.iter().take_while(|byte| **byte == b' ').count();
    let (blanks, text) = text.split_at(blanks);
    out.extend_from_slice(blanks);
    let Some(start) = memchr::memchr(b'<', text) else {
        return names.mailbox(out, text);
    };
    let (person, address) = text.split_at(start);
    let end = memchr::memchr(b'>', address).unwrap_or(address.len());
    let (address, behind) = address.split_at(end);
    if !person.is_empty() {
        names.text(out, person);
        out.push(b' ');
    }
    out.push(b'<');
    names.mailbox(out, address.strip_prefix(b"<").unwrap_or(address));
    out.extend_from_slice(behind);
}

fn ip(scanner: &Scanner<'_>, out: &mut Vec<u8>, text: &[u8]) {
    if let Some(ip) = parsed_ip(text) {
        let token = scanner.names.ip(ip);
        return out.extend_from_slice(token.to_string().as_bytes());
    }
    // An address that was masked already has no token in its network.
    let colons = memchr::memchr_iter(b':', text).count();
    if colons >= 2 && !text.contains(&b'/') {
        return scanner.names.opaque(out, text);
    }
    // Some kinds have the address of a mailbox under that name.
    let is_mailbox = text.iter().any(u8::is_ascii_alphabetic) && !text.contains(&b'/');
    if is_mailbox && !is_name(text) | !text.contains(&b'.') {
        return scanner.names.mailbox_or_host(out, text);
    }
    scanner.text(out, text);
}

/// Writes the ids in a text; what stands around them stays.
fn message_id(scanner: &Scanner<'_>, out: &mut Vec<u8>, text: &[u8]) {
    let brackets = |byte: &u8| matches!(byte, b'<' | b'>' | b' ' | b',');
    let start = text.iter().take_while(|byte| brackets(byte)).count();
    let (before, rest) = text.split_at(start);
    let end = rest.iter().rposition(|byte| !brackets(byte));
    let (id, behind) = rest.split_at(end.map_or(0, |end| end + 1));
    out.extend_from_slice(before);
    match parsed_ip(id) {
        Some(ip) => out.extend_from_slice(scanner.names.ip(ip).to_string().as_bytes()),
        None => scanner.names.mailbox(out, id),
    }
    out.extend_from_slice(behind);
}

/// Writes a header's name and a token in place of its text.
fn header(names: &Pseudonyms, out: &mut Vec<u8>, text: &[u8]) {
    let colon = memchr::memchr(b':', text).map_or(0, |colon| colon + 1);
    let (name, value) = text.split_at(colon);
    out.extend_from_slice(name);
    if value.starts_with(b" ") {
        out.push(b' ');
    }
    names.text(out, value.trim_ascii_start());
}

/// Writes a user in the parentheses behind the name of a process; in others are numbers and services.
fn prefix(scanner: &Scanner<'_>, out: &mut Vec<u8>, text: &[u8]) {
    let open = memchr::memchr(b'(', text).map_or(text.len(), |open| open + 1);
    let (process, inside) = text.split_at(open);
    let end = inside.iter().position(|byte| matches!(byte, b',' | b')'));
    let (user, behind) = inside.split_at(end.unwrap_or(0));
    let is_service = process.ends_with(b"service(") || user == b"default";
    let is_user = user.iter().any(u8::is_ascii_alphabetic) && !is_service;
    if !is_user || user.contains(&b':') {
        return scanner.text(out, text);
    }
    out.extend_from_slice(process);
    scanner.names.mailbox(out, user);
    scanner.text(out, behind);
}

/// Folders that programs make; others have the words of their owner.
const FOLDERS: &[&str] = &[
    "archive",
    "archives",
    "deleted items",
    "deleted messages",
    "drafts",
    "inbox",
    "junk",
    "junk e-mail",
    "junk mail",
    "notes",
    "outbox",
    "public",
    "sent",
    "sent items",
    "sent messages",
    "shared",
    "spam",
    "templates",
    "trash",
    "virtual",
];

fn folder(names: &Pseudonyms, out: &mut Vec<u8>, text: &[u8]) {
    let is_between = |byte: &u8| matches!(byte, b'/' | b'.');
    for part in text.split_inclusive(is_between) {
        let (name, sign) = match part.split_last() {
            Some((last, name)) if is_between(last) => part.split_at(name.len()),
            _ => (part, &b""[..]),
        };
        let is_known = FOLDERS
            .iter()
            .any(|known| known.as_bytes().eq_ignore_ascii_case(name));
        if is_known {
            out.extend_from_slice(name);
        } else {
            names.text(out, name);
        }
        out.extend_from_slice(sign);
    }
}

/// Collects the fields that hold something, as far as they lie in the message.
struct Spans<'m> {
    text: &'m [u8],
    kind: &'static str,
    found: Vec<Span<'m>>,
}

impl<'m> Spans<'m> {
    /// Lists the fields in the order of the message, none in another.
    fn of(text: &'m [u8], event: &Event<'_>) -> Vec<Span<'m>> {
        let mut spans = Spans {
            text,
            kind: event.kind().name(),
            found: Vec::new(),
        };
        event.visit(&mut spans);
        let mut found = spans.found;
        let is_whole = |span: &Span<'_>| matches!(span.holds, Holds::Header | Holds::Path);
        found.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end()), is_whole(span)));
        let mut end = 0;
        found.retain(|span| {
            let is_behind = span.start >= end;
            if is_behind {
                end = span.end();
            }
            is_behind
        });
        found
    }
}

/// Tells where a text lies within another that it was taken from.
pub(super) fn range_within(whole: &[u8], part: &[u8]) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    let end = start.checked_add(part.len())?;
    (end <= whole.len()).then_some(start..end)
}

impl Visitor for Spans<'_> {
    fn text(&mut self, name: &'static str, value: &[u8]) {
        if value.is_empty() {
            return;
        }
        let Some(range) = range_within(self.text, value) else {
            return;
        };
        let (Some(holds), Some(text)) = (holds(self.kind, name), self.text.get(range.clone()))
        else {
            return;
        };
        self.found.push(Span {
            start: range.start,
            text,
            holds,
        });
    }

    fn number(&mut self, _: &'static str, _: u64) {}

    fn decimal(&mut self, _: &'static str, _: &[u8]) {}

    fn seconds(&mut self, _: &'static str, _: Seconds) {}

    fn seconds_list(&mut self, _: &'static str, _: &[Seconds]) {}

    fn flag(&mut self, _: &'static str, _: bool) {}
}

//! Walking over the words of a text that no stranger chose.
//!
//! Stepped over are addresses, bare and in brackets; domain names, which are told apart for the
//! sake of blocklists; URLs but for their host; and paths. A run of bytes without any of `@`, `.`
//! and `/` needs no second look, and most are such.

use crate::scan::byte_table;

/// What a text is made of.
pub(super) enum Word<'a> {
    /// A word of letters and digits.
    Readable(Span),
    /// A domain name, bare or in a URL.
    Domain(&'a [u8]),
}

/// A word of letters and digits: its place, and a hash that does not know capitals.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) hash: u32,
}

impl Span {
    /// Reads the word that begins at a place; empty where none does.
    pub(super) fn of(text: &[u8], start: usize) -> Self {
        let mut hash = 0u32;
        let mut end = start;
        for &byte in text.get(start..).unwrap_or_default() {
            let letter = letter(byte);
            if letter == 0 {
                break;
            }
            hash = (hash ^ u32::from(letter)).wrapping_mul(PRIME);
            end += 1;
        }
        Span { start, end, hash }
    }

    /// Hashes the first three letters of the word; what a shorter one has not is nothing.
    pub(super) fn beginning(self, text: &[u8]) -> u32 {
        let word = text.get(self.start..self.end).unwrap_or_default();
        let letters = word.iter().take(3);
        letters.fold(0, |hash, byte| {
            (hash ^ u32::from(letter(*byte))).wrapping_mul(PRIME)
        })
    }
}

/// FNV's.
const PRIME: u32 = 0x0100_0193;

/// Walks over the words of a text.
pub(super) struct Words<'a> {
    text: &'a [u8],
    at: usize,
    /// Where the readable run ends in which `at` stands.
    run_end: usize,
}

impl<'a> Words<'a> {
    pub(super) fn new(text: &'a [u8], at: usize) -> Self {
        let run_end = at;
        Words { text, at, run_end }
    }

    /// Takes the next word of a readable run.
    fn word_of_run(&mut self) -> Option<Word<'a>> {
        while self.at < self.run_end {
            let span = Span::of(self.text, self.at);
            self.at = span.end.max(self.at + 1);
            if span.end > span.start {
                return Some(Word::Readable(span));
            }
        }
        None
    }

    /// Looks at what begins here: steps over a stranger's words, or makes a run readable.
    fn enter(&mut self, first: u8) -> Option<Word<'a>> {
        let rest = self.text.get(self.at..)?;
        // Most runs are one word, and end where it ends.
        let span = Span::of(self.text, self.at);
        let behind = self.text.get(span.end).map_or(0, |byte| class(*byte));
        if span.end > span.start && behind == 0 && self.text.get(span.end) != Some(&b':') {
            self.at = span.end;
            self.run_end = span.end;
            return Some(Word::Readable(span));
        }
        if class(first) == 0 {
            self.at += bracketed(first, rest).unwrap_or(1);
            return None;
        }
        if letter(first) == b'h'
            && let Some((host, length)) = url(rest)
        {
            self.at += length;
            return Some(Word::Domain(host));
        }
        let run = Run::of(rest);
        let step = self.at + run.bytes.len();
        if run.is_plain() {
            self.run_end = step;
            return None;
        }
        if run.is_a_strangers(rest) {
            self.at = step;
            return None;
        }
        if let Some(domain) = run.domain() {
            self.at = step;
            return Some(Word::Domain(domain));
        }
        self.run_end = step;
        None
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        loop {
            if let Some(word) = self.word_of_run() {
                return Some(word);
            }
            let first = *self.text.get(self.at)?;
            if let Some(word) = self.enter(first) {
                return Some(word);
            }
        }
    }
}

/// A letter or digit.
const ALPHANUMERIC: u8 = 1;
/// What else an address or a domain name can be made of.
const PART: u8 = 2;
/// `@`, `.` or `/`: the run needs a second look.
const MARK: u8 = 4;

/// What each byte can be in a run; 0 for what ends one.
static CLASSES: [u8; 256] = byte_table!(class_of);

/// The letters and digits without their case; 0 for all else.
static LETTERS: [u8; 256] = byte_table!(letter_of);

const fn class_of(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => ALPHANUMERIC,
        b'@' | b'.' | b'/' => MARK,
        b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'=' | b'?' | b'^' => PART,
        b'_' | b'`' | b'{' | b'|' | b'}' | b'~' => PART,
        // Addresses may be written in any script.
        0x80..=0xff => PART,
        _ => 0,
    }
}

const fn letter_of(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => byte.to_ascii_lowercase(),
        _ => 0,
    }
}

fn class(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(0)
}

fn letter(byte: u8) -> u8 {
    LETTERS.get(usize::from(byte)).copied().unwrap_or(0)
}

/// A run of bytes that an address, a domain name or a path can be made of.
struct Run<'a> {
    bytes: &'a [u8],
    /// The classes of all its bytes.
    classes: u8,
}

impl<'a> Run<'a> {
    fn of(rest: &'a [u8]) -> Self {
        let mut classes = 0;
        let mut length = 0;
        for &byte in rest {
            let class = class(byte);
            if class == 0 {
                break;
            }
            classes |= class;
            length += 1;
        }
        let bytes = rest.get(..length).unwrap_or_default();
        Run { bytes, classes }
    }

    fn is_plain(&self) -> bool {
        self.classes & MARK == 0
    }

    /// Tells an address or a path.
    fn is_a_strangers(&self, rest: &[u8]) -> bool {
        let is_address = |at: usize| {
            // `user@[IPv6:…]` goes on behind the run.
            at + 1 < self.bytes.len() || rest.get(self.bytes.len()) == Some(&b'[')
        };
        self.bytes.starts_with(b"/") || memchr::memchr(b'@', self.bytes).is_some_and(is_address)
    }

    /// Tells a domain name or an address of a host: a dot that no new sentence follows.
    fn domain(&self) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'/', self.bytes).unwrap_or(self.bytes.len());
        let name = self.bytes.get(..end)?;
        let name = name.strip_suffix(b".").unwrap_or(name);
        // Blocklists also name themselves in capitals.
        let is_upper = !name.iter().any(u8::is_ascii_lowercase);
        let goes_on = |dot: usize| {
            let behind = name.get(dot + 1);
            let is_name = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            dot > 0 && (is_upper || behind.is_some_and(is_name))
        };
        memchr::memchr_iter(b'.', name).any(goes_on).then_some(name)
    }
}

/// Returns the length of `<{address}>` or of a quoted local part: names that a stranger chose.
fn bracketed(first: u8, rest: &[u8]) -> Option<usize> {
    match first {
        b'<' => in_angles(rest),
        b'"' => {
            let end = quoted(rest)?;
            (rest.get(end) == Some(&b'@')).then_some(end)
        }
        _ => None,
    }
}

/// Returns the length of what stands in angle brackets: an address, or one word.
///
/// A server may put its own words there (`<user unknown>`); those are read.
fn in_angles(rest: &[u8]) -> Option<usize> {
    let inside = rest.get(1..)?;
    let from = quoted(inside).unwrap_or(0);
    let end = from + memchr::memchr(b'>', inside.get(from..)?)?;
    let name = inside.get(..end)?;
    let is_name = from > 0
        || memchr::memchr(b'@', name).is_some()
        || memchr::memchr2(b' ', b'\t', name).is_none();
    is_name.then_some(end + 2)
}

/// Returns the length of a quoted string, its quotes and escapes included.
fn quoted(text: &[u8]) -> Option<usize> {
    let inside = text.strip_prefix(b"\"")?;
    let mut escaped = false;
    for (at, byte) in inside.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// Reads a URL: its host, and how long it is.
fn url(rest: &[u8]) -> Option<(&[u8], usize)> {
    let lead = [&b"http://"[..], b"https://"]
        .into_iter()
        .find(|lead| starts_with_ignoring_case(rest, lead))?;
    let is_end = |byte: &u8| matches!(byte, b' ' | b'<' | b'>' | b'"' | b')' | b']' | b';' | b',');
    let length = rest.iter().position(is_end).unwrap_or(rest.len());
    let host = rest.get(lead.len()..length)?;
    let is_end = |byte: &u8| matches!(byte, b'/' | b'?' | b':' | b'#');
    let end = host.iter().position(is_end).unwrap_or(host.len());
    Some((host.get(..end)?, length))
}

fn starts_with_ignoring_case(text: &[u8], lead: &[u8]) -> bool {
    text.get(..lead.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(lead))
}

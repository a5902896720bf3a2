//! JSON Lines: one object a line, written straight into a byte buffer.
//!
//! Written by hand because it runs for each line of a log and starts from borrowed bytes that are
//! not always UTF-8. Invalid sequences become U+FFFD. Beyond ASCII only letters and digits are
//! written as they are; control, bidi and zero-width characters are thus escaped, which JSON
//! allows, and nothing from a log steers the terminal that shows it.

use std::fmt;

use mailtally_parsers::{Seconds, Visitor};

use super::heads::Heads;
use super::line::message_name;
use super::{Line, SCHEMA};

/// Appends a line as one JSON object with a line end.
///
/// Each field of the envelope is there, `null` where the line does not state it; the kind's own
/// fields are there where the line has them. Who writes many lines uses [`JsonLines`], which writes
/// the same.
pub fn write_line(out: &mut Vec<u8>, line: &Line<'_>) {
    write_with_head(out, line, |out| push_head(out, line));
}

/// Writes lines as JSON objects, and keeps the text of the heads that many of them share.
#[derive(Debug, Default)]
pub struct JsonLines {
    heads: Heads,
}

impl JsonLines {
    /// Appends a line as [`write_line`] does.
    pub fn write(&mut self, out: &mut Vec<u8>, line: &Line<'_>) {
        let (host, tag) = (line.record.host, &line.record.tag);
        write_with_head(out, line, |out| {
            let head = self.heads.get(host, tag, |head| push_head(head, line));
            out.extend_from_slice(head);
        });
    }
}

/// Appends to the object written last where its line begins.
pub fn add_position(out: &mut Vec<u8>, position: &dyn fmt::Display) {
    if out.ends_with(b"}\n") {
        out.truncate(out.len() - 2);
        push_key(out, "position");
        push_string(out, position.to_string().as_bytes());
        out.extend_from_slice(b"}\n");
    }
}

fn write_with_head(out: &mut Vec<u8>, line: &Line<'_>, push_head: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(BEGIN.as_bytes());
    push_nullable(out, line.time);
    push_head(out);
    match line.record.pid {
        Some(pid) => push_number(out, u64::from(pid)),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"kind\":\"");
    out.extend_from_slice(line.kind_name().as_bytes());
    out.push(b'"');
    line.visit_message(&mut Members { out });
    if let Some(times) = line.repeated() {
        push_key(out, "repeated");
        push_number(out, times);
    }
    out.extend_from_slice(b"}\n");
}

const BEGIN: &str = "{\"schema\":1,\"time\":";
const _: () = assert!(SCHEMA == 1, "the schema's number stands in BEGIN");

/// Writes what stands between the stamp and the process id: the same for each line of a program.
fn push_head(out: &mut Vec<u8>, line: &Line<'_>) {
    let tag = &line.record.tag;
    let fields = [
        ("host", line.host()),
        ("program", Some(tag.text)),
        ("instance", line.instance()),
        ("service", tag.service()),
        ("daemon", line.daemon()),
    ];
    for (name, value) in fields {
        push_key(out, name);
        push_nullable(out, value);
    }
    push_key(out, "pid");
}

/// Writes each field that it visits as a member of the object begun in `out`.
struct Members<'o> {
    out: &'o mut Vec<u8>,
}

impl Members<'_> {
    fn key(&mut self, name: &'static str) -> &mut Vec<u8> {
        push_key(self.out, message_name(name));
        self.out
    }
}

impl Visitor for Members<'_> {
    fn text(&mut self, name: &'static str, value: &[u8]) {
        push_string(self.key(name), value);
    }

    fn number(&mut self, name: &'static str, value: u64) {
        push_number(self.key(name), value);
    }

    fn decimal(&mut self, name: &'static str, value: &[u8]) {
        push_decimal(self.key(name), value);
    }

    fn seconds(&mut self, name: &'static str, value: Seconds) {
        push_seconds(self.key(name), value);
    }

    fn seconds_list(&mut self, name: &'static str, values: &[Seconds]) {
        let out = self.key(name);
        out.push(b'[');
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            push_seconds(out, *value);
        }
        out.push(b']');
    }

    fn flag(&mut self, name: &'static str, value: bool) {
        let word: &[u8] = if value { b"true" } else { b"false" };
        self.key(name).extend_from_slice(word);
    }
}

fn push_key(out: &mut Vec<u8>, name: &str) {
    out.reserve(name.len() + 4);
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn push_nullable(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        Some(text) => push_string(out, text),
        None => out.extend_from_slice(b"null"),
    }
}

pub(super) fn push_number(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

pub(super) fn push_seconds(out: &mut Vec<u8>, value: Seconds) {
    push_number(out, value.micros / 1_000_000);
    let fraction = value.micros % 1_000_000;
    if fraction == 0 {
        return;
    }
    // The leading 1 keeps the zeros behind the point; it is then overwritten by the point.
    let point = out.len();
    push_number(out, 1_000_000 + fraction);
    if let Some(lead) = out.get_mut(point) {
        *lead = b'.';
    }
    while out.last() == Some(&b'0') {
        out.pop();
    }
}

/// Writes a decimal as logged, in JSON's spelling; what is none after all (`nan`, `-`) as text.
fn push_decimal(out: &mut Vec<u8>, logged: &[u8]) {
    if !push_number_as_logged(out, logged) {
        push_string(out, logged);
    }
}

/// Writes a decimal as logged, in JSON's spelling: `+1.5`, `.5` and `05.` are none.
///
/// Returns whether it is a number; else nothing is written.
pub(super) fn push_number_as_logged(out: &mut Vec<u8>, logged: &[u8]) -> bool {
    let (sign, digits) = match logged.split_first() {
        Some((b'-', digits)) => (&b"-"[..], digits),
        Some((b'+', digits)) => (&b""[..], digits),
        _ => (&b""[..], logged),
    };
    let point = memchr::memchr(b'.', digits).unwrap_or(digits.len());
    let (whole, fraction) = digits.split_at_checked(point).unwrap_or((digits, b""));
    let fraction = fraction.strip_prefix(b".").unwrap_or(fraction);
    let is_number = whole.iter().chain(fraction).all(u8::is_ascii_digit);
    if !is_number || (whole.is_empty() && fraction.is_empty()) {
        return false;
    }
    let zeros = whole.iter().take_while(|digit| **digit == b'0').count();
    let significant = whole
        .get(zeros..)
        .filter(|digits| !digits.is_empty())
        .unwrap_or(b"0");
    out.extend_from_slice(sign);
    out.extend_from_slice(significant);
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction);
    }
    true
}

pub(super) fn push_string(out: &mut Vec<u8>, text: &[u8]) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    push_text(out, text, |out, character| match character {
        b"\"" => out.extend_from_slice(b"\\\""),
        b"\\" => out.extend_from_slice(b"\\\\"),
        _ => push_control(out, character),
    });
    out.push(b'"');
}

/// Writes text with all escaped that JSON or a terminal takes for more than text; `push_ascii`
/// writes each ASCII character of those.
pub(super) fn push_text(
    out: &mut Vec<u8>,
    text: &[u8],
    mut push_ascii: impl FnMut(&mut Vec<u8>, &[u8]),
) {
    // Nearly all text is.
    if is_all_plain(text) {
        out.extend_from_slice(text);
        return;
    }
    let mut rest = text;
    while let Some((plain, odd, behind)) = split_at_odd(rest) {
        out.extend_from_slice(plain);
        if odd.is_ascii() {
            push_ascii(out, odd);
        } else {
            push_lossily(out, odd);
        }
        rest = behind;
    }
    out.extend_from_slice(rest);
}

/// Tells whether a text can be copied as it is.
///
/// Whole vectors first: a loop over arrays of 16 becomes one comparison of 16 bytes. What is left
/// is read again together with bytes before it, for most texts are short.
fn is_all_plain(text: &[u8]) -> bool {
    let Some(last) = text.last_chunk::<16>() else {
        return is_short_plain(text);
    };
    let (blocks, _) = text.as_chunks::<16>();
    let mut odd = [0; 16];
    for block in blocks.iter().chain([last]) {
        for (odd, byte) in odd.iter_mut().zip(block) {
            *odd |= u8::from(!is_plain(*byte));
        }
    }
    odd == [0; 16]
}

/// The same for less than 16 bytes: two words that overlap, or bytes one by one.
fn is_short_plain(text: &[u8]) -> bool {
    if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        let odd = |word: &[u8; 8]| odd_bytes(u64::from_le_bytes(*word));
        return odd(first) | odd(last) == 0;
    }
    if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return odd_bytes(u64::from(first) | u64::from(last) << 32) == 0;
    }
    text.iter().all(|byte| is_plain(*byte))
}

/// Sets a bit if one of eight bytes is not plain. Which bit it is tells nothing: a subtraction
/// borrows from the byte above.
fn odd_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let zero_in = |word: u64| word.wrapping_sub(ONES) & !word;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    // DEL carries into the high bit; so may a byte with that bit set, which is odd itself.
    let delete = word.wrapping_add(ONES);
    let quote = zero_in(word ^ (ONES * u64::from(b'"')));
    let backslash = zero_in(word ^ (ONES * u64::from(b'\\')));
    (word | control | delete | quote | backslash) & HIGH
}

/// Splits off the text before the first bytes that cannot be copied, and those bytes.
///
/// They are one ASCII character, or a run of bytes that are not ASCII.
fn split_at_odd(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let odd_at = text.iter().position(|byte| !is_plain(*byte))?;
    let (plain, tail) = text.split_at_checked(odd_at)?;
    let run = tail.iter().take_while(|byte| !byte.is_ascii()).count();
    let (odd, behind) = tail.split_at_checked(run.max(1))?;
    Some((plain, odd, behind))
}

/// Tells whether a byte stands in a JSON string as it is.
fn is_plain(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte) & (byte != b'"') & (byte != b'\\')
}

/// Escapes a control character.
pub(super) fn push_control(out: &mut Vec<u8>, character: &[u8]) {
    match character {
        b"\t" => out.extend_from_slice(b"\\t"),
        b"\n" => out.extend_from_slice(b"\\n"),
        b"\r" => out.extend_from_slice(b"\\r"),
        _ => character
            .iter()
            .for_each(|byte| push_code_unit(out, u16::from(*byte))),
    }
}

fn push_lossily(out: &mut Vec<u8>, run: &[u8]) {
    for chunk in run.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_shown(character) {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    push_code_unit(out, *unit);
                }
            }
        }
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

/// Tells whether a character is written as it is: a letter or digit of any script.
///
/// All else beyond ASCII is escaped: among it are the characters that turn the direction of writing
/// or have no width. The Hangul fillers are letters to Unicode and blank to the eye.
fn is_shown(character: char) -> bool {
    let is_filler = matches!(character, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}');
    character.is_alphanumeric() && !is_filler
}

fn push_code_unit(out: &mut Vec<u8>, unit: u16) {
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        let digit = char::from_digit(u32::from(unit >> shift & 0xf), 16).unwrap_or('0');
        out.extend(u8::try_from(digit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn escapes_what_json_or_a_terminal_would_take_for_more_than_text() {
        for (text, expected) in [
            (&b"plain <a@example.com>"[..], r#""plain <a@example.com>""#),
            (b"say \"hi\" \\ \t", r#""say \"hi\" \\ \t""#),
            (b"\x1b[2J\x07\x7f", r#""\u001b[2J\u0007\u007f""#),
            (
                "gr\u{fc}n \u{4e2d}\u{20ac}".as_bytes(),
                "\"gr\u{fc}n \u{4e2d}\\u20ac\"",
            ),
            (
                "a\u{202e}b\u{200b}c\u{9b}d".as_bytes(),
                r#""a\u202eb\u200bc\u009bd""#,
            ),
            ("\u{e0041}".as_bytes(), r#""\udb40\udc41""#),
            (b"\xff\xfe, \xc3", "\"\u{fffd}\u{fffd}, \u{fffd}\""),
            (b"", r#""""#),
        ] {
            assert_eq!(written(|out| push_string(out, text)), expected);
        }
    }

    #[test]
    fn escaped_text_reads_back_as_itself() {
        for character in (0..0x3_0000).filter_map(char::from_u32) {
            let text = format!("a{character}b");
            let json = written(|out| push_string(out, text.as_bytes()));
            let read: String = serde_json::from_str(&json).unwrap();
            assert_eq!(read, text);
        }
    }

    #[test]
    fn each_byte_is_plain_or_not_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for length in 1..=35 {
                for at in 0..length {
                    for around in [b' ', b'~', b'x'] {
                        let mut text = vec![around; length];
                        text[at] = byte;
                        assert_eq!(is_all_plain(&text), is_plain(byte), "{text:?}");
                    }
                }
            }
        }
        assert!(is_all_plain(b""));
    }

    #[test]
    fn writes_numbers_and_durations() {
        for value in [0, 7, 10, 1_234_567, u64::MAX] {
            assert_eq!(written(|out| push_number(out, value)), value.to_string());
        }
        for (micros, expected) in [
            (0, "0"),
            (40_000, "0.04"),
            (1_500_000, "1.5"),
            (71_204_000_001, "71204.000001"),
        ] {
            assert_eq!(
                written(|out| push_seconds(out, Seconds { micros })),
                expected
            );
        }
    }

    #[test]
    fn writes_decimals_in_json_spelling() {
        for (logged, expected) in [
            ("-1.9", "-1.9"),
            ("+5", "5"),
            (".5", "0.5"),
            ("-.50", "-0.50"),
            ("007.10", "7.10"),
            ("3.", "3"),
            ("00", "0"),
            ("-", "\"-\""),
            ("nan", "\"nan\""),
            ("", "\"\""),
            ("1.2.3", "\"1.2.3\""),
        ] {
            assert_eq!(
                written(|out| push_decimal(out, logged.as_bytes())),
                expected,
                "{logged}"
            );
        }
    }
}

//! JSON Lines: one object a line, written straight into a byte buffer.
//!
//! Written by hand because it runs for each line of a log and starts from borrowed bytes that are
//! not always UTF-8. Invalid sequences become U+FFFD. Beyond ASCII only letters and digits are
//! written as they are; control, bidi and zero-width characters are thus escaped, which JSON
//! allows, and nothing from a log steers the terminal that shows it.

use mailtally_parsers::{Seconds, Visitor};

use super::{Line, SCHEMA};

/// Appends a line as one JSON object with a line end.
///
/// Each field of the envelope is there, `null` where the line does not state it; the kind's own
/// fields are there where the line has them.
pub fn write_line(out: &mut Vec<u8>, line: &Line<'_>) {
    out.extend_from_slice(b"{\"schema\":");
    push_number(out, SCHEMA);
    let tag = &line.record.tag;
    push_nullable(out, "time", line.time);
    push_nullable(out, "host", line.host());
    push_nullable(out, "program", Some(tag.text));
    push_nullable(out, "instance", line.instance());
    push_nullable(out, "service", tag.service);
    push_nullable(out, "daemon", line.daemon());
    push_key(out, "pid");
    match line.record.pid {
        Some(pid) => push_number(out, u64::from(pid)),
        None => out.extend_from_slice(b"null"),
    }
    push_nullable(out, "kind", Some(line.kind_name().as_bytes()));
    line.visit_message(&mut Members { out });
    out.extend_from_slice(b"}\n");
}

/// Writes each field that it visits as a member of the object begun in `out`.
struct Members<'o> {
    out: &'o mut Vec<u8>,
}

impl Visitor for Members<'_> {
    fn text(&mut self, name: &'static str, value: &[u8]) {
        push_key(self.out, name);
        push_string(self.out, value);
    }

    fn number(&mut self, name: &'static str, value: u64) {
        push_key(self.out, name);
        push_number(self.out, value);
    }

    fn decimal(&mut self, name: &'static str, value: &[u8]) {
        push_key(self.out, name);
        push_decimal(self.out, value);
    }

    fn seconds(&mut self, name: &'static str, value: Seconds) {
        push_key(self.out, name);
        push_seconds(self.out, value);
    }

    fn seconds_list(&mut self, name: &'static str, values: &[Seconds]) {
        push_key(self.out, name);
        let mut lead = b'[';
        for value in values {
            self.out.push(lead);
            push_seconds(self.out, *value);
            lead = b',';
        }
        self.out
            .extend_from_slice(if values.is_empty() { b"[]" } else { b"]" });
    }

    fn flag(&mut self, name: &'static str, value: bool) {
        push_key(self.out, name);
        self.out
            .extend_from_slice(if value { b"true" } else { b"false" });
    }
}

fn push_key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn push_nullable(out: &mut Vec<u8>, name: &str, value: Option<&[u8]>) {
    push_key(out, name);
    match value {
        Some(text) => push_string(out, text),
        None => out.extend_from_slice(b"null"),
    }
}

fn push_number(out: &mut Vec<u8>, value: u64) {
    let mut digits = [0; 20];
    let mut rest = value;
    let mut used = 0;
    for place in digits.iter_mut().rev() {
        // The remainder is below ten, so that it fits a byte.
        *place = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    let start = digits.len() - used;
    out.extend_from_slice(digits.get(start..).unwrap_or(b""));
}

fn push_seconds(out: &mut Vec<u8>, value: Seconds) {
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

/// Writes a decimal as logged, in JSON's spelling: `+1.5`, `.5` and `05.` are none.
///
/// What is no decimal number after all (`nan`, `-`) is written as text.
fn push_decimal(out: &mut Vec<u8>, logged: &[u8]) {
    let (sign, digits) = match logged.split_first() {
        Some((b'-', digits)) => (&b"-"[..], digits),
        Some((b'+', digits)) => (&b""[..], digits),
        _ => (&b""[..], logged),
    };
    let (whole, fraction) = match memchr::memchr(b'.', digits)
        .and_then(|at| digits.split_at_checked(at))
    {
        Some((whole, point_and_fraction)) => (whole, point_and_fraction.get(1..).unwrap_or(b"")),
        None => (digits, &b""[..]),
    };
    let is_number = whole.iter().chain(fraction).all(u8::is_ascii_digit);
    if !is_number || (whole.is_empty() && fraction.is_empty()) {
        push_string(out, logged);
        return;
    }
    let zeros = whole.iter().take_while(|digit| **digit == b'0').count();
    let significant = whole.get(zeros..).unwrap_or(b"");
    out.extend_from_slice(sign);
    out.extend_from_slice(if significant.is_empty() {
        b"0"
    } else {
        significant
    });
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction);
    }
}

fn push_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    let mut rest = text;
    while let Some((plain, odd, behind)) = split_at_odd(rest) {
        out.extend_from_slice(plain);
        if odd.is_ascii() {
            push_escaped_ascii(out, odd);
        } else {
            push_lossily(out, odd);
        }
        rest = behind;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Splits off the text before the first bytes that cannot be copied, and those bytes.
///
/// They are one ASCII character, or a run of bytes that are not ASCII.
fn split_at_odd(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    // Whole words first: without an early exit the compiler compares eight bytes at once.
    let words = text.chunks_exact(8);
    let plain_words = words.take_while(|word| word.iter().fold(true, |all, b| all & is_plain(*b)));
    let skipped = plain_words.count() * 8;
    let odd_at = text
        .get(skipped..)?
        .iter()
        .position(|byte| !is_plain(*byte))?;
    let (plain, tail) = text.split_at_checked(skipped + odd_at)?;
    let run = tail.iter().take_while(|byte| !byte.is_ascii()).count();
    let (odd, behind) = tail.split_at_checked(run.max(1))?;
    Some((plain, odd, behind))
}

/// Tells whether a byte stands in a JSON string as it is.
fn is_plain(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte) & (byte != b'"') & (byte != b'\\')
}

fn push_escaped_ascii(out: &mut Vec<u8>, character: &[u8]) {
    match character {
        b"\"" => out.extend_from_slice(b"\\\""),
        b"\\" => out.extend_from_slice(b"\\\\"),
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

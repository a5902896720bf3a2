//! The strings of a JSON object in their places, so that some can be written anew and all else stays
//! as it was written: order, blanks, numbers.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserializer, IgnoredAny, Visitor};

/// An object of one line, and where its values are.
#[derive(Debug)]
pub(super) struct Object<'l> {
    line: &'l [u8],
    /// Keys, and where the strings and bytes below each are.
    values: Vec<(Vec<u8>, Value)>,
}

#[derive(Debug)]
struct Value {
    place: Range<usize>,
    text: Vec<u8>,
    is_bytes: bool,
}

impl<'l> Object<'l> {
    /// Finds the strings of an object; `None` if it is none.
    pub(super) fn parse(line: &'l [u8]) -> Option<Self> {
        serde_json::from_slice::<IgnoredAny>(line).ok()?;
        let mut object = Object {
            line,
            values: Vec::new(),
        };
        object.find_values();
        Some(object)
    }

    /// Returns the first string below a key.
    pub(super) fn text_of(&self, key: &[u8]) -> Option<Vec<u8>> {
        let mut values = self.values.iter();
        let found = values.find(|(known, _)| known == key);
        found.map(|(_, value)| value.text.clone())
    }

    /// Appends the object with its strings as a function of key and text gives them.
    pub(super) fn write(&self, out: &mut Vec<u8>, mut masked: impl FnMut(&[u8], &[u8]) -> Vec<u8>) {
        let mut at = 0;
        for (key, value) in &self.values {
            out.extend_from_slice(self.line.get(at..value.place.start).unwrap_or_default());
            let text = masked(key, &value.text);
            let old = self.line.get(value.place.clone()).unwrap_or_default();
            if text == value.text {
                out.extend_from_slice(old);
            } else if value.is_bytes {
                let numbers: Vec<String> = text.iter().map(u8::to_string).collect();
                out.extend_from_slice(format!("[{}]", numbers.join(",")).as_bytes());
            } else {
                out.extend_from_slice(quoted(&text).as_bytes());
            }
            at = value.place.end;
        }
        out.extend_from_slice(self.line.get(at..).unwrap_or_default());
    }

    /// The text is known to be JSON: a string is what stands between two quotes, and a key if a colon
    /// follows.
    fn find_values(&mut self) {
        let (mut at, mut key) = (0, Vec::new());
        while let Some(byte) = self.line.get(at) {
            let end = match byte {
                b'"' => string_end(self.line, at),
                b'[' => bytes_end(self.line, at),
                _ => None,
            };
            let Some(end) = end else {
                at += 1;
                continue;
            };
            let token = self.line.get(at..end).unwrap_or_default();
            let behind = self.line.get(end..).unwrap_or_default().trim_ascii_start();
            let is_bytes = *byte == b'[';
            let text = if is_bytes {
                bytes(token)
            } else {
                unquoted(token)
            };
            if behind.first() == Some(&b':') && !is_bytes {
                key = text;
            } else {
                let place = at..end;
                let value = Value {
                    place,
                    text,
                    is_bytes,
                };
                self.values.push((key.clone(), value));
            }
            at = end;
        }
    }
}

fn string_end(line: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match line.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Returns the end of a list of numbers below 256: how the journal writes text that is not UTF-8.
fn bytes_end(line: &[u8], start: usize) -> Option<usize> {
    let length = memchr::memchr(b']', line.get(start..)?)?;
    let end = start + length + 1;
    let numbers = serde_json::from_slice::<Vec<u8>>(line.get(start..end)?).ok()?;
    (!numbers.is_empty()).then_some(end)
}

fn bytes(token: &[u8]) -> Vec<u8> {
    serde_json::from_slice(token).unwrap_or_default()
}

fn unquoted(token: &[u8]) -> Vec<u8> {
    let mut deserializer = serde_json::Deserializer::from_slice(token);
    deserializer
        .deserialize_bytes(BytesVisitor)
        .unwrap_or_default()
}

/// Takes a string that need not be UTF-8: the journal writes what a program sent.
struct BytesVisitor;

impl Visitor<'_> for BytesVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_str<E>(self, text: &str) -> Result<Vec<u8>, E> {
        Ok(text.as_bytes().to_vec())
    }
}

fn quoted(text: &[u8]) -> String {
    let text: Cow<'_, str> = String::from_utf8_lossy(text);
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(line: &str, masked: impl FnMut(&[u8], &[u8]) -> Vec<u8>) -> String {
        let mut out = Vec::new();
        Object::parse(line.as_bytes())
            .unwrap()
            .write(&mut out, masked);
        String::from_utf8(out).unwrap()
    }

    const LINE: &str =
        r#"{"a": "x\"\\\/y", "n":[1.5,"z"],"MESSAGE":[72,105,255], "e":[],"o":{"k":"v"}}"#;

    #[test]
    fn what_is_not_changed_stays_as_it_was_written() {
        assert_eq!(written(LINE, |_, text| text.to_vec()), LINE);
    }

    #[test]
    fn strings_and_bytes_are_written_anew_under_their_keys() {
        let line = written(LINE, |key, text| [key, b"=", text, b"\n"].concat());
        let expected = r#"{"a": "a=x\"\\/y\n", "n":[1.5,"n=z\n"],"MESSAGE":[77,69,83,83,65,71,69,61,72,105,255,10], "e":[],"o":{"k":"k=v\n"}}"#;
        assert_eq!(line, expected);
    }

    #[test]
    fn what_is_no_json_is_no_object() {
        assert!(Object::parse(b"{\"a\": \"x").is_none());
        assert!(Object::parse(b"[1").is_none());
    }

    #[test]
    fn text_that_is_not_utf_8_is_not_skipped() {
        let line = b"{\"a\": \"x\xff\\ty\"}";
        let object = Object::parse(line).unwrap();
        assert_eq!(object.text_of(b"a").unwrap(), b"x\xff\ty");
        let mut out = Vec::new();
        object.write(&mut out, |_, _| b"z".to_vec());
        assert_eq!(out, b"{\"a\": \"z\"}");
    }
}

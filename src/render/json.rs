//! The report for programs: one JSON object, each row of a list on a line of its own.
//!
//! The layout lets `grep`, `diff` and a person read what is otherwise one line of megabytes. The
//! strings are those of the log; characters that a terminal must not see are written as `\u`
//! escapes, which every JSON parser turns back.

use std::io::{self, BufWriter, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use super::sanitize::is_hidden;
use crate::report::Report;

/// Writes the figures of a report as JSON with a newline at the end.
pub fn json<F: Serialize>(report: &Report<F>, out: &mut impl Write) -> io::Result<()> {
    // The serializer writes a few bytes at a time, and stdout may flush at each line.
    let mut out = BufWriter::new(out);
    let mut serializer = Serializer::with_formatter(&mut out, RowFormatter::default());
    report.figures.serialize(&mut serializer)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Breaks lines between the keys of objects and the rows of lists, but not within a row.
#[derive(Default)]
struct RowFormatter {
    /// Objects and lists that are open.
    depth: usize,
    /// Lists among them.
    lists: usize,
    /// Whether the innermost one has a value.
    has_value: bool,
}

impl RowFormatter {
    fn open<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.has_value = false;
        out.write_all(bracket)
    }

    fn close<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth = self.depth.saturating_sub(1);
        if self.has_value && self.lists == 0 {
            self.break_line(out)?;
        }
        out.write_all(bracket)
    }

    fn separate<W: ?Sized + Write>(
        &self,
        out: &mut W,
        first: bool,
        on_own_line: bool,
    ) -> io::Result<()> {
        if !first {
            out.write_all(b",")?;
        }
        if on_own_line {
            self.break_line(out)
        } else {
            Ok(())
        }
    }

    fn break_line<W: ?Sized + Write>(&self, out: &mut W) -> io::Result<()> {
        out.write_all(b"\n")?;
        for _ in 0..self.depth {
            out.write_all(b"  ")?;
        }
        Ok(())
    }
}

impl Formatter for RowFormatter {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.lists += 1;
        self.open(out, b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.lists = self.lists.saturating_sub(1);
        self.close(out, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.separate(out, first, self.lists == 1)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.separate(out, first, self.lists == 0)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(if self.lists == 0 { b": " } else { b":" })
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // serde_json escapes the C0 controls itself; the rest of the hidden ones is left to us.
        if fragment.bytes().all(|byte| byte < 0x7f) {
            return out.write_all(fragment.as_bytes());
        }
        let mut buffer = [0; 2];
        for (start, character) in fragment.char_indices() {
            let end = start + character.len_utf8();
            if !is_hidden(character) {
                out.write_all(fragment.get(start..end).unwrap_or_default().as_bytes())?;
                continue;
            }
            for unit in character.encode_utf16(&mut buffer) {
                write!(out, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn render(figures: &impl Serialize) -> String {
        let mut out = Vec::new();
        let report = Report {
            sections: Vec::new(),
            figures,
        };
        json(&report, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_row_is_a_line() {
        let figures = json!({
            "a": {"empty": {}, "none": []},
            "rows": [{"k": 1, "list": [1, 2]}, {"k": 2, "list": []}],
        });
        let expected = r#"{
  "a": {
    "empty": {},
    "none": []
  },
  "rows": [
    {"k":1,"list":[1,2]},
    {"k":2,"list":[]}
  ]
}
"#;
        assert_eq!(render(&figures), expected);
    }

    #[test]
    fn hidden_characters_are_escaped_and_come_back() {
        let name = "\x1b[31m\u{9b}\u{7f}\u{202e}\u{e0041}jürgen\u{200b}\"\\";
        let text = render(&json!({ "user": name }));
        assert!(
            !text
                .chars()
                .any(|character| character != '\n' && is_hidden(character)),
            "{text}"
        );
        assert!(
            text.contains(r"\u001b[31m\u009b\u007f\u202e\udb40\udc41jürgen\u200b"),
            "{text}"
        );
        let back: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(back["user"], name);
    }
}

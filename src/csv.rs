//! Rows for spreadsheets and databases: RFC 4180, lines ended by CR LF.
//!
//! A text that begins with `=`, `+`, `-` or `@` is a formula to a spreadsheet, and strangers write
//! into mail logs: such a cell gets a `'` in front, which spreadsheets take for "this is text". Some
//! take the wide forms of these signs for the signs. A TAB or CR in front, the other ways into a
//! formula, has to be escaped by whoever writes the cell, as all controls have; numbers stay
//! numbers. What the cells are is **not** said here.

use csv_core::{Terminator, WriteResult, WriterBuilder};

/// Writes rows; it is one for many, for it takes a while to make.
#[derive(Debug)]
pub(crate) struct Writer(csv_core::Writer);

impl Default for Writer {
    fn default() -> Self {
        let mut builder = WriterBuilder::new();
        Writer(builder.terminator(Terminator::CRLF).build())
    }
}

impl Writer {
    /// Appends a row, its cells quoted where they have to be.
    pub(crate) fn push_row<'c>(
        &mut self,
        out: &mut Vec<u8>,
        cells: impl IntoIterator<Item = &'c [u8]>,
    ) {
        for (at, cell) in cells.into_iter().enumerate() {
            if at > 0 {
                // The end of quotes may stand before it.
                append(out, 2, |to| self.0.delimiter(to));
            }
            self.push_cell(out, cell);
        }
        // It may end quotes, and a row of one empty cell gets quotes.
        append(out, 4, |to| self.0.terminator(to));
    }

    fn push_cell(&mut self, out: &mut Vec<u8>, cell: &[u8]) {
        // At most each byte is a quote to be doubled, and two stand around the cell.
        append(out, cell.len() * 2 + 2, |to| {
            let (result, _, written) = self.0.field(cell, to);
            (result, written)
        });
    }
}

/// Appends one cell as [`Writer`] does, for who writes the delimiters himself: of a row with some
/// hundred cells most are empty.
pub(crate) fn push_cell(out: &mut Vec<u8>, cell: &[u8]) {
    let needs_quotes = |byte: &u8| matches!(byte, b',' | b'"' | b'\r' | b'\n');
    if !cell.iter().any(needs_quotes) {
        out.extend_from_slice(cell);
        return;
    }
    out.push(b'"');
    for byte in cell {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

/// Lets `write` write at the end; `most` is how much that can be.
fn append(out: &mut Vec<u8>, most: usize, write: impl FnOnce(&mut [u8]) -> (WriteResult, usize)) {
    let end = out.len();
    out.resize(end + most, 0);
    let (result, written) = write(out.get_mut(end..).unwrap_or_default());
    debug_assert_eq!(result, WriteResult::InputEmpty, "there is room for all");
    out.truncate(end + written);
}

/// Makes a cell's text, which begins at `start`, one that no spreadsheet takes for a formula.
pub(crate) fn make_inert(out: &mut Vec<u8>, start: usize) {
    if out.get(start..).is_some_and(is_formula) {
        out.insert(start, b'\'');
    }
}

fn is_formula(cell: &[u8]) -> bool {
    let wide = ["\u{ff1d}", "\u{ff0b}", "\u{ff0d}", "\u{ff20}"];
    matches!(cell.first(), Some(b'=' | b'+' | b'-' | b'@'))
        || wide.iter().any(|sign| cell.starts_with(sign.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_cell_is_written_as_in_a_row() {
        for cell in [
            "",
            "a",
            "a b",
            "a,b",
            "\"",
            "say \"hi\", twice",
            "a\nb",
            "\r",
            "'",
            "\u{e4}",
        ] {
            let mut alone = Vec::new();
            push_cell(&mut alone, cell.as_bytes());
            let expected = row(&["x", cell, "y"]);
            let alone = String::from_utf8(alone).unwrap();
            assert_eq!(format!("x,{alone},y\r\n"), expected);
        }
    }

    fn row(cells: &[&str]) -> String {
        let mut out = Vec::new();
        let cells = cells.iter().map(|cell| cell.as_bytes());
        Writer::default().push_row(&mut out, cells);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cells_are_quoted_as_rfc_4180_says() {
        let cells = [
            "plain <a@example.com>",
            "a, b",
            "say \"hi\"",
            "a\nb",
            "\\",
            "",
        ];
        let expected = "plain <a@example.com>,\"a, b\",\"say \"\"hi\"\"\",\"a\nb\",\\,\r\n";
        assert_eq!(row(&cells), expected);
        assert_eq!(row(&[""]), "\"\"\r\n", "an empty line is no row");
    }

    #[test]
    fn formulas_are_inert() {
        for (text, expected) in [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("\u{ff20}1", "'\u{ff20}1"),
            ("a=1", "a=1"),
            ("", ""),
        ] {
            let mut cell = b"before=".to_vec();
            cell.extend_from_slice(text.as_bytes());
            make_inert(&mut cell, 7);
            assert_eq!(cell.get(7..), Some(expected.as_bytes()));
        }
    }
}

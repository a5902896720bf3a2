//! Rows of a table for spreadsheets and databases.
//!
//! A cell holds what the JSON object has under the column's name; no such field and an empty text
//! both give an empty cell. Durations of a list are joined by `/`, as Postfix logs them. Control
//! characters are escaped as in JSON (`\u001b`, `\t`), so that a row is one line and nothing steers
//! a terminal. How cells are quoted, and kept from being formulas, says [`crate::csv`].

use std::ops::Range;

use mailtally_parsers::{Fields, Kind, Seconds, Visitor};
use rustc_hash::FxHashMap;

use super::jsonl::{push_control, push_number, push_number_as_logged, push_seconds, push_text};
use super::{ENVELOPE, Line, UNCLASSIFIED_FIELDS, fields_of};
use crate::csv::{self, Writer};

/// The columns where no kind was chosen: the envelope's, and the fields that most lines of a mail
/// log have or are asked for.
pub const DEFAULT_COLUMNS: [&str; 31] = [
    "time",
    "host",
    "program",
    "instance",
    "service",
    "daemon",
    "pid",
    "kind",
    "queue_id",
    "message_id",
    "client_name",
    "client_address",
    "helo",
    "sasl_username",
    "user",
    "rip",
    "session",
    "sender",
    "recipient",
    "orig_to",
    "size_bytes",
    "nrcpt",
    "relay",
    "delay",
    "delays",
    "dsn",
    "status",
    "code",
    "action",
    "reason",
    "text",
];

/// Lists the columns for some kinds: the envelope's, then each field of the kinds once. `None`
/// stands for the lines of unknown shape.
pub fn columns_of(kinds: impl IntoIterator<Item = Option<Kind>>) -> Vec<&'static str> {
    let mut columns: Vec<&str> = ENVELOPE.iter().skip(1).map(|field| field.name).collect();
    for kind in kinds {
        let fields = kind.map_or_else(|| UNCLASSIFIED_FIELDS.to_vec(), fields_of);
        for field in fields {
            if !columns.contains(&field.name) {
                columns.push(field.name);
            }
        }
    }
    columns
}

/// Writes lines as rows with fixed columns.
#[derive(Debug)]
pub struct Csv {
    /// The column of each name.
    places: FxHashMap<&'static str, usize>,
    row: Row,
    writer: Writer,
}

/// The cells of one row, in the order in which they were found.
#[derive(Debug)]
struct Row {
    text: Vec<u8>,
    /// Where each column's cell stands in `text`.
    cells: Vec<Range<usize>>,
}

impl Csv {
    /// Makes a writer of rows with these columns.
    pub fn new(columns: &[&'static str]) -> Self {
        let places = columns.iter().enumerate().map(|(at, name)| (*name, at));
        Csv {
            places: places.collect(),
            row: Row {
                text: Vec::new(),
                cells: vec![0..0; columns.len()],
            },
            writer: Writer::default(),
        }
    }

    /// Appends the row of the columns' names.
    pub fn write_header(out: &mut Vec<u8>, columns: &[&str]) {
        Writer::default().push_row(out, columns.iter().map(|name| name.as_bytes()));
    }

    /// Appends a line as one row.
    pub fn write(&mut self, out: &mut Vec<u8>, line: &Line<'_>) {
        self.row.text.clear();
        self.row.cells.fill(0..0);
        line.visit(&mut Cells {
            places: &self.places,
            row: &mut self.row,
        });
        let Row { text, cells } = &self.row;
        let cells = cells
            .iter()
            .map(|cell| text.get(cell.clone()).unwrap_or(b""));
        self.writer.push_row(out, cells);
    }
}

/// Fills the cells of the columns that there are.
struct Cells<'c> {
    places: &'c FxHashMap<&'static str, usize>,
    row: &'c mut Row,
}

impl Cells<'_> {
    fn fill(&mut self, name: &'static str, write: impl FnOnce(&mut Vec<u8>)) {
        let place = self.places.get(name);
        let Some(cell) = place.and_then(|at| self.row.cells.get_mut(*at)) else {
            return;
        };
        let start = self.row.text.len();
        write(&mut self.row.text);
        *cell = start..self.row.text.len();
    }
}

impl Visitor for Cells<'_> {
    fn text(&mut self, name: &'static str, value: &[u8]) {
        self.fill(name, |out| push_inert(out, value));
    }

    fn number(&mut self, name: &'static str, value: u64) {
        self.fill(name, |out| push_number(out, value));
    }

    fn decimal(&mut self, name: &'static str, value: &[u8]) {
        self.fill(name, |out| {
            if !push_number_as_logged(out, value) {
                push_inert(out, value);
            }
        });
    }

    fn seconds(&mut self, name: &'static str, value: Seconds) {
        self.fill(name, |out| push_seconds(out, value));
    }

    fn seconds_list(&mut self, name: &'static str, values: &[Seconds]) {
        self.fill(name, |out| {
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    out.push(b'/');
                }
                push_seconds(out, *value);
            }
        });
    }

    fn flag(&mut self, name: &'static str, value: bool) {
        let word: &[u8] = if value { b"true" } else { b"false" };
        self.fill(name, |out| out.extend_from_slice(word));
    }
}

/// Writes a text so that no spreadsheet takes it for a formula.
pub(super) fn push_inert(out: &mut Vec<u8>, text: &[u8]) {
    let start = out.len();
    push_text(out, text, |out, character| match character {
        b"\"" | b"\\" => out.extend_from_slice(character),
        _ => push_control(out, character),
    });
    csv::make_inert(out, start);
}

#[cfg(test)]
mod tests {
    use super::super::names;
    use super::*;

    /// The row of a visit.
    fn row(columns: &[&'static str], visit: impl Fn(&mut dyn Visitor)) -> String {
        let mut csv = Csv::new(columns);
        visit(&mut Cells {
            places: &csv.places,
            row: &mut csv.row,
        });
        let mut out = Vec::new();
        let Row { text, cells } = &csv.row;
        Writer::default().push_row(&mut out, cells.iter().map(|cell| &text[cell.clone()]));
        String::from_utf8(out).unwrap()
    }

    fn cell(text: &[u8]) -> String {
        let row = row(&["x", "text"], |visitor| visitor.text("text", text));
        row.strip_prefix(',')
            .unwrap()
            .trim_end_matches("\r\n")
            .to_owned()
    }

    #[test]
    fn default_columns_are_fields() {
        for column in DEFAULT_COLUMNS {
            assert!(names().contains(&column), "{column}");
        }
    }

    #[test]
    fn each_type_has_its_spelling() {
        let columns = ["a", "b", "c", "d", "e", "f", "g"];
        let written = row(&columns, |visitor| {
            visitor.number("b", 7);
            visitor.text("no_column", b"x");
            visitor.decimal("a", b"-1.90");
            visitor.seconds("c", Seconds { micros: 40_000 });
            let list = [Seconds { micros: 100_000 }, Seconds { micros: 2_000_000 }];
            visitor.seconds_list("d", &list);
            visitor.flag("e", true);
            visitor.decimal("g", b"-");
        });
        assert_eq!(written, "-1.90,7,0.04,0.1/2,true,,'-\r\n");
    }

    #[test]
    fn formulas_are_inert() {
        assert_eq!(cell(b"=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(cell(b"+1"), "'+1");
        assert_eq!(cell(b"-1"), "'-1");
        assert_eq!(cell(b"@SUM(A1)"), "'@SUM(A1)");
        assert_eq!(cell(b"=1,\"2\""), "\"'=1,\"\"2\"\"\"");
        assert_eq!(cell(b"\t=1"), "\\t=1");
        assert_eq!(cell(b"\r=1"), "\\r=1");
        assert_eq!(cell(b"\n=1"), "\\n=1");
        assert_eq!(
            cell("\u{ff1d}1".as_bytes()),
            "\\uff1d1",
            "a wide equal sign"
        );
    }

    #[test]
    fn what_is_no_text_is_escaped_or_replaced() {
        assert_eq!(cell(b"\x1b[2J\x00"), "\\u001b[2J\\u0000");
        assert_eq!(cell("a\u{202e}b".as_bytes()), "a\\u202eb");
        assert_eq!(cell(b"j\xfcrgen"), "j\u{fffd}rgen");
    }
}

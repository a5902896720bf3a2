//! Parts of a table as files: CSV and JSON Lines.
//!
//! Another format is one more [`PartWriter`]: Parquet needs a library of its own and is therefore
//! behind a cargo feature.

use std::io::{self, Write};

use chrono::{DateTime, NaiveDate, TimeDelta};

use super::batch::{Batch, Data, Values};
use super::schemas::{ColumnKind, Table};
use crate::csv;
use crate::export::csv::push_inert;
use crate::export::jsonl::push_string;

/// Writes a part: a whole file with the rows of one batch.
///
/// A new format implements this and gets a name in the command line's `--format`; partitions, names
/// of files, renaming when a part is whole and removing of old parts are the same for all.
pub trait PartWriter: Sync {
    /// Returns the ending of the files, without a point: `csv`.
    fn extension(&self) -> &'static str;

    /// Writes all rows, which are in order of their time.
    ///
    /// # Errors
    /// Those of `out`, and of the format's own library.
    fn write(&self, batch: &Batch, out: &mut dyn Write) -> io::Result<()>;
}

/// One row a line, the names of the columns first (RFC 4180); no value is an empty cell.
#[derive(Clone, Copy, Debug)]
pub struct CsvParts;

/// One JSON object a line; a field without a value is not there.
#[derive(Clone, Copy, Debug)]
pub struct JsonLinesParts;

/// So much text is written at once.
const BUFFER_BYTES: usize = 256 << 10;

impl PartWriter for CsvParts {
    fn extension(&self) -> &'static str {
        "csv"
    }

    fn write(&self, batch: &Batch, out: &mut dyn Write) -> io::Result<()> {
        let mut text = Vec::new();
        let names = batch.table().columns.iter();
        csv::Writer::default().push_row(&mut text, names.map(|column| column.name.as_bytes()));
        let columns = batch.columns().len();
        let mut cells = filled_cells(batch);
        let mut times = TimeText::default();
        for row in 0..batch.rows() {
            let mut commas = 0;
            for cell in &mut cells {
                let Some(at) = cell.next_in(row) else {
                    continue;
                };
                push_commas(&mut text, cell.column - commas);
                commas = cell.column;
                push_csv_value(&mut text, cell, at, &mut times);
            }
            push_commas(&mut text, columns.saturating_sub(1).saturating_sub(commas));
            text.extend_from_slice(b"\r\n");
            flush_if_full(&mut text, out)?;
        }
        out.write_all(&text)
    }
}

fn push_commas(text: &mut Vec<u8>, count: usize) {
    text.resize(text.len() + count, b',');
}

fn push_csv_value(out: &mut Vec<u8>, cell: &Cell<'_>, at: usize, times: &mut TimeText) {
    match cell.values.data() {
        Data::Int(values) => {
            let value = values.get(at).copied().unwrap_or(0);
            match cell.kind {
                ColumnKind::Time => times.push(out, value),
                _ => out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
            }
        }
        Data::Real(values) => push_real(out, values.get(at)),
        Data::Bool(values) => push_bool(out, values.get(at)),
        Data::Text(texts) => {
            let start = out.len();
            push_inert(out, texts.get(at).unwrap_or_default());
            quote_from(out, start);
        }
    }
}

/// Puts the cell that begins at `start` into quotes, if it needs them.
fn quote_from(out: &mut Vec<u8>, start: usize) {
    let needs_quotes = |cell: &[u8]| memchr::memchr3(b',', b'"', b'\n', cell).is_some();
    if out.get(start..).is_some_and(needs_quotes) {
        let cell = out.split_off(start);
        csv::push_cell(out, &cell);
    }
}

impl PartWriter for JsonLinesParts {
    fn extension(&self) -> &'static str {
        "jsonl"
    }

    fn write(&self, batch: &Batch, out: &mut dyn Write) -> io::Result<()> {
        let mut text = Vec::new();
        let mut cells = filled_cells(batch);
        let mut times = TimeText::default();
        for row in 0..batch.rows() {
            let mut before = b'{';
            for cell in &mut cells {
                let Some(at) = cell.next_in(row) else {
                    continue;
                };
                text.push(before);
                before = b',';
                text.extend_from_slice(cell.json_key.as_bytes());
                push_json_value(&mut text, cell, at, &mut times);
            }
            text.extend_from_slice(if before == b'{' { b"{}\n" } else { b"}\n" });
            flush_if_full(&mut text, out)?;
        }
        out.write_all(&text)
    }
}

fn push_json_value(out: &mut Vec<u8>, cell: &Cell<'_>, at: usize, times: &mut TimeText) {
    match (cell.values.data(), cell.kind) {
        (Data::Int(values), ColumnKind::Time) => {
            out.push(b'"');
            times.push(out, values.get(at).copied().unwrap_or(0));
            out.push(b'"');
        }
        (Data::Text(texts), _) => push_string(out, texts.get(at).unwrap_or_default()),
        (Data::Int(values), _) => {
            let value = values.get(at).copied().unwrap_or(0);
            out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        }
        (Data::Real(values), _) => push_real(out, values.get(at)),
        (Data::Bool(values), _) => push_bool(out, values.get(at)),
    }
}

fn push_real(out: &mut Vec<u8>, value: Option<&f64>) {
    // Writing into memory does not fail.
    let _ = write!(out, "{}", value.copied().unwrap_or(0.0));
}

fn push_bool(out: &mut Vec<u8>, value: Option<&bool>) {
    let word: &[u8] = if value == Some(&true) {
        b"true"
    } else {
        b"false"
    };
    out.extend_from_slice(word);
}

fn flush_if_full(text: &mut Vec<u8>, out: &mut dyn Write) -> io::Result<()> {
    if text.len() >= BUFFER_BYTES {
        out.write_all(text)?;
        text.clear();
    }
    Ok(())
}

/// A column with values, gone through row by row.
struct Cell<'b> {
    column: usize,
    kind: ColumnKind,
    values: &'b Values,
    /// The value that is next, and its row.
    next: usize,
    /// The name as a member's key, with its colon.
    json_key: String,
}

impl Cell<'_> {
    /// Returns the place of a row's value; rows are asked for one after the other.
    fn next_in(&mut self, row: usize) -> Option<usize> {
        let has_value = self
            .values
            .rows()
            .get(self.next)
            .is_some_and(|at| *at as usize == row);
        has_value.then(|| {
            self.next += 1;
            self.next - 1
        })
    }
}

/// The columns in which any row has a value: of some hundred most have none.
fn filled_cells(batch: &Batch) -> Vec<Cell<'_>> {
    let Table { columns, .. } = batch.table();
    let all = columns.iter().zip(batch.columns()).enumerate();
    all.filter(|(_, (_, values))| !values.is_empty())
        .map(|(at, (column, values))| Cell {
            column: at,
            kind: column.kind,
            values,
            next: 0,
            json_key: format!("\"{}\":", column.name),
        })
        .collect()
}

const DAY_US: i64 = 86_400 * 1_000_000;

/// Writes instants as RFC 3339 in UTC; neighbouring rows mostly share their day.
#[derive(Default)]
struct TimeText {
    day: Option<i64>,
    text: String,
}

impl TimeText {
    fn push(&mut self, out: &mut Vec<u8>, time_us: i64) {
        let (day, of_day) = (time_us.div_euclid(DAY_US), time_us.rem_euclid(DAY_US));
        if self.day != Some(day) {
            self.day = Some(day);
            self.text = day_name(day);
        }
        out.extend_from_slice(self.text.as_bytes());
        let (seconds, micros) = (of_day / 1_000_000, of_day % 1_000_000);
        for (sign, number) in [
            (b'T', seconds / 3600),
            (b':', seconds / 60 % 60),
            (b':', seconds % 60),
            (b'.', micros / 10_000),
        ] {
            out.push(sign);
            push_two(out, number);
        }
        push_two(out, micros / 100 % 100);
        push_two(out, micros % 100);
        out.push(b'Z');
    }
}

fn push_two(out: &mut Vec<u8>, number: i64) {
    let digit = |value: i64| b'0' + u8::try_from(value % 10).unwrap_or(0);
    out.extend_from_slice(&[digit(number / 10), digit(number)]);
}

/// Writes a day since 1970 as `YYYY-MM-DD`.
pub(super) fn day_name(day: i64) -> String {
    let date = TimeDelta::try_days(day)
        .and_then(|days| DateTime::UNIX_EPOCH.date_naive().checked_add_signed(days));
    date.unwrap_or(NaiveDate::MAX).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::schemas::TableId;
    use super::*;

    /// Two logins: one with hostile words, one with nearly nothing.
    fn batch() -> Batch {
        let table = TableId::Logins.table();
        let place = |name| table.place_of(name).unwrap();
        let mut batch = Batch::new(table);
        batch.int(0, 1_795_255_203_250_040);
        batch.int(place("offset_s"), -3600);
        batch.text(place("host"), b"mx1");
        batch.text(place("user"), b"=cmd|'x',\"\x1b[2J");
        batch.int(place("attempts"), 2);
        batch.flag(place("is_tls"), true);
        batch.end_row();
        batch.int(0, -1);
        batch.text(place("session"), b"last");
        batch.end_row();
        batch
    }

    fn written(writer: &dyn PartWriter) -> String {
        let mut out = Vec::new();
        writer.write(&batch(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn csv_has_each_column_in_each_row() {
        let text = written(&CsvParts);
        let rows: Vec<&str> = text.split_terminator("\r\n").collect();
        assert_eq!(
            rows,
            [
                "time,offset_s,host,program,service,user,method,result,attempts,reason,\
                 client_address,family,is_tls,session",
                "2026-11-21T10:00:03.250040Z,-3600,mx1,,,\"'=cmd|'x',\"\"\\u001b[2J\",,,2,,,,true,",
                "1969-12-31T23:59:59.999999Z,,,,,,,,,,,,,last",
            ]
        );
    }

    #[test]
    fn json_has_what_there_is() {
        assert_eq!(
            written(&JsonLinesParts),
            "{\"time\":\"2026-11-21T10:00:03.250040Z\",\"offset_s\":-3600,\"host\":\"mx1\",\
             \"user\":\"=cmd|'x',\\\"\\u001b[2J\",\"attempts\":2,\"is_tls\":true}\n\
             {\"time\":\"1969-12-31T23:59:59.999999Z\",\"session\":\"last\"}\n"
        );
    }
}

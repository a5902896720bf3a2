//! An answer as text.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::csv;
use crate::export::sql::{Answer, Cell};
use crate::render::escaped;

/// The widest that a column gets before its cells are cut.
const WIDEST: usize = 60;
/// Blanks between two columns.
const GAP: &str = "  ";

/// Writes an answer as columns of text; numbers stand at the right.
pub(super) fn table(answer: &Answer, out: &mut impl Write) -> io::Result<()> {
    let names = answer.names();
    let mut rows = vec![
        names
            .iter()
            .map(|name| shown(name))
            .collect::<Vec<String>>(),
    ];
    let mut is_number = vec![true; names.len()];
    for row in 0..answer.rows() {
        let cells = answer.row(row);
        for (is_number, cell) in is_number.iter_mut().zip(&cells) {
            *is_number &= matches!(cell, Cell::Null | Cell::Int(_) | Cell::Real(_));
        }
        rows.push(cells.iter().map(|cell| shown(&text(cell))).collect());
    }
    let mut widths = vec![0; names.len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in &rows {
        writeln!(out, "{}", line(row, &widths, &is_number).trim_end())?;
    }
    Ok(())
}

fn line(row: &[String], widths: &[usize], is_number: &[bool]) -> String {
    let mut line = String::new();
    for ((cell, width), is_number) in row.iter().zip(widths).zip(is_number) {
        let blanks = " ".repeat(width.saturating_sub(cell.chars().count()));
        if *is_number {
            line.extend([&blanks, cell, GAP]);
        } else {
            line.extend([cell, blanks.as_str(), GAP]);
        }
    }
    line
}

/// Returns what a terminal may be shown of a text, cut where it is very long.
fn shown(text: &str) -> String {
    let text = escaped(text);
    if text.chars().count() <= WIDEST {
        return text;
    }
    let mut cut: String = text.chars().take(WIDEST - 1).collect();
    cut.push('…');
    cut
}

fn text(cell: &Cell) -> String {
    match cell {
        Cell::Bool(value) => value.to_string(),
        Cell::Int(value) => value.to_string(),
        Cell::Real(value) => value.to_string(),
        Cell::Text(text) => text.clone(),
        _ => String::new(),
    }
}

/// Writes an answer as CSV, with the names of the columns first.
pub(super) fn csv(answer: &Answer, out: &mut impl Write) -> io::Result<()> {
    let mut writer = csv::Writer::default();
    let mut bytes = Vec::new();
    let names = answer.names();
    push_row(
        &mut writer,
        &mut bytes,
        names.iter().map(|name| inert(name)).collect(),
    );
    for row in 0..answer.rows() {
        let cells = answer.row(row);
        let cells = cells.iter().map(|cell| match cell {
            // A negative number is no formula.
            Cell::Text(text) => inert(text),
            other => text(other).into_bytes(),
        });
        push_row(&mut writer, &mut bytes, cells.collect());
        out.write_all(&bytes)?;
        bytes.clear();
    }
    out.write_all(&bytes)
}

fn push_row(writer: &mut csv::Writer, out: &mut Vec<u8>, cells: Vec<Vec<u8>>) {
    writer.push_row(out, cells.iter().map(Vec::as_slice));
}

/// Returns a text that no terminal and no spreadsheet takes for a command.
fn inert(text: &str) -> Vec<u8> {
    let mut cell = escaped(text).into_bytes();
    csv::make_inert(&mut cell, 0);
    cell
}

/// Writes an answer as an array of objects, each on a line of its own.
pub(super) fn json(answer: &Answer, out: &mut impl Write) -> io::Result<()> {
    let names = answer.names();
    out.write_all(b"[")?;
    for row in 0..answer.rows() {
        out.write_all(if row == 0 { b"\n" } else { b",\n" })?;
        // Members stand as the query names them; in JSON an escape is the character itself.
        let mut before = '{';
        for (name, cell) in names.iter().zip(answer.row(row)) {
            let (name, value) = (inert_json(&json!(name)), inert_json(&value(cell)));
            write!(out, "{before}{name}:{value}")?;
            before = ',';
        }
        out.write_all(if before == '{' { b"{}" } else { b"}" })?;
    }
    out.write_all(b"\n]\n")
}

/// Returns a value's text with all escaped that a terminal takes for more than text.
fn inert_json(value: &Value) -> String {
    let mut text = String::new();
    for character in value.to_string().chars() {
        if crate::render::is_hidden(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            text.push(character);
        }
    }
    text
}

fn value(cell: Cell) -> Value {
    match cell {
        Cell::Bool(value) => json!(value),
        Cell::Int(value) => {
            i64::try_from(value).map_or_else(|_| json!(value.to_string()), |value| json!(value))
        }
        Cell::Real(value) => json!(value),
        Cell::Text(text) => json!(text),
        _ => Value::Null,
    }
}

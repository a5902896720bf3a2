//! The answer to a query: named columns, and a cell for each of every row.

use std::io::{self, Write};

use chrono::DateTime;
use polars::prelude::{AnyValue, DataFrame, TimeUnit};
use polars_io::prelude::ParquetWriter;

/// The rows that answer a query.
#[derive(Clone, Debug)]
pub struct Answer {
    frame: DataFrame,
}

/// A cell of an answer.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Cell {
    /// No value.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// A number with a fraction.
    Real(f64),
    /// A text, a day, or a time in the spelling of RFC 3339.
    Text(String),
}

impl Answer {
    pub(super) fn new(frame: DataFrame) -> Answer {
        Answer { frame }
    }

    /// Returns the names of the columns.
    pub fn names(&self) -> Vec<String> {
        let names = self.frame.get_column_names_owned().into_iter();
        names.map(|name| name.to_string()).collect()
    }

    /// Returns how many rows there are.
    pub fn rows(&self) -> usize {
        self.frame.height()
    }

    /// Returns the cells of a row.
    pub fn row(&self, row: usize) -> Vec<Cell> {
        let columns = self.frame.columns().iter();
        let cells = columns.map(|column| column.get(row).map_or(Cell::Null, |value| cell(&value)));
        cells.collect()
    }

    /// Writes the rows as a Parquet file.
    pub fn write_parquet(&mut self, out: impl Write) -> io::Result<()> {
        let written = ParquetWriter::new(out).finish(&mut self.frame);
        written
            .map(drop)
            .map_err(|error| io::Error::other(error.to_string()))
    }
}

fn cell(value: &AnyValue<'_>) -> Cell {
    match value {
        AnyValue::Null => Cell::Null,
        AnyValue::Boolean(value) => Cell::Bool(*value),
        AnyValue::Float32(value) => Cell::Real(f64::from(*value)),
        AnyValue::Float64(value) => Cell::Real(*value),
        AnyValue::Datetime(at, unit, zone) => time(*at, *unit, zone.is_some()),
        AnyValue::DatetimeOwned(at, unit, zone) => time(*at, *unit, zone.is_some()),
        other if other.is_integer() => other.extract::<i128>().map_or(Cell::Null, Cell::Int),
        other => Cell::Text(other.str_value().into_owned()),
    }
}

fn time(at: i64, unit: TimeUnit, is_instant: bool) -> Cell {
    let micros = match unit {
        TimeUnit::Nanoseconds => at / 1_000,
        TimeUnit::Microseconds => at,
        TimeUnit::Milliseconds => at.saturating_mul(1_000),
    };
    let zone = if is_instant { "Z" } else { "" };
    DateTime::from_timestamp_micros(micros).map_or(Cell::Null, |time| {
        Cell::Text(format!("{}{zone}", time.format("%Y-%m-%dT%H:%M:%S%.6f")))
    })
}

//! The columns of a table in the types of polars.

use polars::prelude::{
    Column as Series, DataFrame, DataType, Field, PlSmallStr, PolarsResult, Schema, SchemaRef,
    TimeUnit, TimeZone,
};
use std::sync::Arc;

use crate::export::tables::{Column, ColumnKind, Data, Table, Values};

/// The column that says in which part of an exported directory a row is.
pub(super) const DATE: &str = "date";

/// Returns the columns of a table and their types, `date` last.
pub(super) fn schema(table: &Table) -> SchemaRef {
    let own = table.columns.iter();
    let own = own.map(|column| Field::new(column.name.as_ref().into(), data_type(column.kind)));
    let date = Field::new(DATE.into(), DataType::Date);
    Arc::new(Schema::from_iter(own.chain([date])))
}

/// Returns a frame without rows that has these columns of a table.
pub(super) fn empty(table: &Table, columns: &[PlSmallStr]) -> PolarsResult<DataFrame> {
    DataFrame::empty_with_schema(&schema(table)).select(columns.iter().cloned())
}

fn data_type(kind: ColumnKind) -> DataType {
    match kind {
        ColumnKind::Time => DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
        ColumnKind::Int => DataType::Int64,
        ColumnKind::Real => DataType::Float64,
        ColumnKind::Bool => DataType::Boolean,
        ColumnKind::Text => DataType::String,
    }
}

/// Returns the values of a column, one for each row.
pub(super) fn series(column: &Column, values: &Values, rows: usize) -> PolarsResult<Series> {
    let name: PlSmallStr = column.name.as_ref().into();
    let places = values.places(rows);
    let series = match values.data() {
        Data::Int(numbers) => {
            let cells = places.map(|place| numbers.get(place?).copied());
            Series::new(name, cells.collect::<Vec<Option<i64>>>())
        }
        Data::Real(numbers) => {
            let cells = places.map(|place| numbers.get(place?).copied());
            Series::new(name, cells.collect::<Vec<Option<f64>>>())
        }
        Data::Bool(flags) => {
            let cells = places.map(|place| flags.get(place?).copied());
            Series::new(name, cells.collect::<Vec<Option<bool>>>())
        }
        Data::Text(texts) => {
            let cells = places.map(|place| str::from_utf8(texts.get(place?)?).ok());
            Series::new(name, cells.collect::<Vec<Option<&str>>>())
        }
    };
    series.cast(&data_type(column.kind))
}

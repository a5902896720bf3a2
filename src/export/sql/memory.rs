//! Rows of logs in memory: the columns that a query asks for, and no others.
//!
//! Which those are is learnt by asking the query before there are rows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use polars::prelude::{Column, DataFrame, DataType, PlSmallStr, PolarsResult, polars_bail};

use super::columns::{DATE, empty, series};
use super::{Asked, Rows, SqlError};
use crate::export::tables::{Batch, Data, Part, PartKey, TableId, Values};

/// Rows in memory; empty at first.
#[derive(Debug, Default)]
pub struct Memory {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The columns asked for, by table.
    asked: BTreeMap<&'static str, BTreeSet<PlSmallStr>>,
    /// The rows of each part; their order does not depend on threads.
    frames: BTreeMap<(PartKey, u32), DataFrame>,
    is_filled: bool,
}

impl Memory {
    /// Returns the tables that were asked for so far.
    pub fn asked(&self) -> Vec<TableId> {
        let state = self.state();
        let names = state.asked.keys();
        names.filter_map(|name| TableId::named(name)).collect()
    }

    /// Says that all columns are known and rows come now.
    pub fn begin(&self) {
        self.state().is_filled = true;
    }

    /// Keeps the columns asked for of a part, in any order of the parts.
    ///
    /// # Errors
    /// When polars cannot hold them.
    pub fn keep(&self, part: &mut Part) -> Result<(), SqlError> {
        let asked = self.state().asked.get(part.key.table.table().name).cloned();
        let Some(asked) = asked else { return Ok(()) };
        part.batch.sort_by_time();
        let frame = frame(&part.batch, &asked).map_err(|error| SqlError::of(&error))?;
        let key = (part.key.clone(), part.number);
        self.state().frames.insert(key, frame);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows for Memory {
    fn read(&self, asked: &Asked) -> PolarsResult<DataFrame> {
        let mut state = self.state();
        let name = asked.table.name;
        let known = state.asked.entry(name).or_default();
        let before = known.len();
        known.extend(asked.columns.iter().cloned());
        if state.is_filled && state.asked.get(name).map(BTreeSet::len) != Some(before) {
            polars_bail!(ComputeError: "the query asks for other columns of {name} where there are rows");
        }
        let mut all = empty(asked.table, &asked.columns)?;
        for ((key, _), frame) in &state.frames {
            if key.table.table().name == name {
                all.vstack_mut(&frame.select(asked.columns.iter().cloned())?)?;
            }
        }
        Ok(all)
    }

    fn filters(&self) -> bool {
        false
    }
}

/// Returns the columns asked for of some rows.
fn frame(batch: &Batch, asked: &BTreeSet<PlSmallStr>) -> PolarsResult<DataFrame> {
    let (table, rows) = (batch.table(), batch.rows());
    let mut columns = Vec::new();
    for (column, values) in table.columns.iter().zip(batch.columns()) {
        if asked.contains(column.name.as_ref()) {
            columns.push(series(column, values, rows)?);
        }
    }
    if asked.contains(DATE) {
        columns.push(dates(batch)?);
    }
    DataFrame::new(rows, columns)
}

/// Returns the day of each row by the clock of its logger, as parts of an exported directory are cut.
fn dates(batch: &Batch) -> PolarsResult<Column> {
    let table = batch.table();
    let offsets = table
        .place_of("offset_s")
        .and_then(|at| batch.columns().get(at));
    let times = batch.columns().first();
    let rows = batch.rows();
    let cells = |values: Option<&Values>| match values.map(|values| (values, values.data())) {
        Some((values, Data::Int(numbers))) => {
            let places = values.places(rows);
            places.map(|place| numbers.get(place?).copied()).collect()
        }
        _ => vec![None; rows],
    };
    let (times, offsets) = (cells(times), cells(offsets));
    let days = times.iter().zip(&offsets).map(|(time, offset)| {
        let wall_clock = (*time)?.saturating_add(offset.unwrap_or(0).saturating_mul(1_000_000));
        i32::try_from(wall_clock.div_euclid(DAY_US)).ok()
    });
    let days: Vec<Option<i32>> = days.collect();
    Column::new(DATE.into(), days).cast(&DataType::Date)
}

const DAY_US: i64 = 86_400_000_000;

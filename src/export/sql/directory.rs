//! A directory of Parquet files, as `export` writes it: `TABLE/date=YYYY-MM-DD/host=NAME/part-….parquet`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use polars::prelude::{Column, DataFrame, IntoLazy, PlSmallStr, PolarsResult, Scalar, SerReader};
use polars_io::prelude::ParquetReader;

use super::columns::{DATE, empty, schema};
use super::{Asked, Rows, prune};
use crate::export::tables::Table;

/// An exported directory.
#[derive(Debug, Default)]
pub struct Directory {
    /// The parts of each table, in the order of their paths.
    parts: BTreeMap<&'static str, Vec<Part>>,
}

/// One file.
#[derive(Clone, Debug)]
pub(super) struct Part {
    path: PathBuf,
    /// The day that its path states, in days since 1970.
    pub(super) day: Option<i32>,
    /// The host that its path states, if it is that host's name letter by letter.
    pub(super) host: Option<String>,
}

impl Directory {
    /// Looks which parts there are; opens none.
    pub fn open(path: &Path) -> io::Result<Directory> {
        let mut directory = Directory::default();
        for table in Table::all() {
            let root = path.join(table.name);
            if root.is_dir() {
                let mut parts = Vec::new();
                find(&root, &mut parts)?;
                parts.sort_by(|one, other| one.path.cmp(&other.path));
                directory.parts.insert(table.name, parts);
            }
        }
        Ok(directory)
    }

    /// Returns how many files there are.
    pub fn files(&self) -> usize {
        self.parts.values().map(Vec::len).sum()
    }

    fn parts(&self, asked: &Asked) -> Vec<&Part> {
        let parts = self.parts.get(asked.table.name);
        let parts = parts.map(Vec::as_slice).unwrap_or_default();
        let Some(predicate) = &asked.predicate else {
            return parts.iter().collect();
        };
        let may = prune::may_meet(parts, predicate);
        let needed = parts.iter().zip(may).filter(|(_, may)| *may);
        needed.map(|(part, _)| part).collect()
    }
}

impl Rows for Directory {
    fn read(&self, asked: &Asked) -> PolarsResult<DataFrame> {
        let mut all = empty(asked.table, &asked.columns)?;
        for part in self.parts(asked) {
            let mut frame = part.read(asked)?;
            if let Some(predicate) = &asked.predicate {
                frame = frame.lazy().filter(predicate.clone()).collect()?;
            }
            all.vstack_mut(&frame.select(asked.columns.iter().cloned())?)?;
        }
        Ok(all)
    }

    fn filters(&self) -> bool {
        true
    }
}

impl Part {
    /// Reads the columns that the query needs; one that this file does not have yet is empty.
    fn read(&self, asked: &Asked) -> PolarsResult<DataFrame> {
        let mut needed = asked.columns.clone();
        if let Some(predicate) = &asked.predicate {
            let names = predicate.clone().meta().root_names().into_iter();
            needed.extend(names.filter(|name| !asked.columns.contains(name)));
        }
        let mut reader = ParquetReader::new(File::open(&self.path)?);
        let known = reader.schema()?;
        let rows = reader.num_rows()?;
        let there: Vec<String> = needed
            .iter()
            .filter(|name| known.contains(name.as_str()) && *name != DATE)
            .map(|name| name.to_string())
            .collect();
        let mut frame = match there.is_empty() {
            true => DataFrame::empty_with_height(rows),
            false => reader.with_columns(Some(there)).finish()?,
        };
        for name in &needed {
            if frame.column(name).is_err() {
                frame.with_column(self.constant(asked.table, name, rows)?)?;
            }
        }
        Ok(frame)
    }

    /// Returns a column that has the same in all rows: the day, or nothing.
    fn constant(&self, table: &Table, name: &PlSmallStr, rows: usize) -> PolarsResult<Column> {
        let schema = schema(table);
        let data_type = schema.try_get(name)?;
        let value = match self.day {
            Some(day) if name == DATE => Scalar::new_date(day),
            _ => Scalar::null(data_type.clone()),
        };
        Column::new_scalar(name.clone(), value, rows).cast(data_type)
    }
}

/// Finds the Parquet files below a folder, at most as deep as `export` puts them.
fn find(folder: &Path, parts: &mut Vec<Part>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, parts)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "parquet")
        {
            parts.push(part(path));
        }
    }
    Ok(())
}

fn part(path: PathBuf) -> Part {
    let stated = |name: &str| {
        let mut steps = path.iter().filter_map(|step| step.to_str());
        steps.find_map(|step| step.strip_prefix(name)?.strip_prefix('='))
    };
    let day = stated(DATE).and_then(|day| day.parse::<NaiveDate>().ok());
    let day = day.and_then(|day| {
        day.signed_duration_since(NaiveDate::default())
            .num_days()
            .try_into()
            .ok()
    });
    // What cannot stand in a path is written in another way, and says nothing about the name.
    let is_plain = |name: &&str| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    };
    let host = stated("host").filter(is_plain).map(str::to_owned);
    Part { day, host, path }
}

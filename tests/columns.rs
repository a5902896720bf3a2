//! The tables of a log in columns: Parquet and SQL, in builds with the feature `polars`.
#![cfg(test)]
#![cfg(feature = "polars")]

#[path = "columns/damage.rs"]
mod damage;
#[path = "columns/directory.rs"]
mod directory;
#[path = "columns/engines.rs"]
mod engines;
mod files_below;
#[path = "columns/guide.rs"]
mod guide;
mod killed;
#[path = "columns/report.rs"]
mod report;
#[path = "columns/same.rs"]
mod same;
mod skipped;
mod small_disk;
#[path = "columns/sql.rs"]
mod sql;
#[path = "columns/support.rs"]
mod support;

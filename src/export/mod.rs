//! Events out, for other programs: one line of a log becomes one object, or one row of a table;
//! [`tables`] has the columns in which whole logs are exported.
//!
//! What this does **not** do: choose lines, count them, or decide in which order they come.

mod csv;
mod fields;
mod heads;
mod jsonl;
mod line;
#[cfg(feature = "polars")]
pub mod parquet;
mod queries;
mod schema;
#[cfg(feature = "polars")]
pub mod sql;
pub mod tables;

pub use csv::{Csv, DEFAULT_COLUMNS, columns_of};
pub use fields::{ENVELOPE, POSITION, REPEATED, UNCLASSIFIED_FIELDS, fields_of, kinds, names};
pub use jsonl::{JsonLines, add_position, write_line};
pub use line::{Line, UNCLASSIFIED};
pub use queries::NamedQuery;
pub use schema::schema;

/// The version of the exported objects' layout, written into each of them.
pub const SCHEMA: u64 = 1;

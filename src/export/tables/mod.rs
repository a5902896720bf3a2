//! Tables of a log: events, messages, deliveries, rejects, logins and TLS sessions, in columns.
//!
//! A [`Table`] says which columns there are and what they mean; a [`Batch`] holds rows of one,
//! column by column. The words of a column are those of the parsers and of the report, and so are
//! the rules of what is counted: sums over the tables are the report's numbers. What this does
//! **not** do: read logs, or choose lines.

mod batch;
mod cells;
mod describe;
mod event_columns;
mod folder;
mod gatherer;
mod joined;
mod kept;
mod login_rows;
mod mail_rows;
mod part_writer;
mod rows;
mod schemas;

pub use batch::{Batch, Data, Texts, Values};
pub use describe::{markdown, schema};
pub use folder::{Days, Folder};
pub use gatherer::{Gatherer, Limits, Part, PartKey};
pub use joined::Joined;
pub use kept::KeptLines;
pub use part_writer::{CsvParts, JsonLinesParts, PartWriter};
pub use rows::{DayRows, Rows, Spare, Stamp};
pub use schemas::{Column, ColumnKind, Table, TableId, TableSet};

/// The version of the tables: it grows when a column changes its name, its type or its meaning, or
/// goes. New columns at the end of a table do not change it.
pub const TABLES_VERSION: u32 = 2;

//! SQL over the tables of a log, answered by polars.
//!
//! A [`Query`] is asked of [`Rows`]: of a [`Directory`] that was exported as Parquet, or of [`Memory`], which holds
//! the columns that the query needs of logs just read. Both have the same tables, with one column more: `date`, the
//! day of the part that a row is in. How logs are read and how an answer is printed is **not** decided here.

mod answer;
mod columns;
mod directory;
mod error;
mod memory;
mod prune;
mod query;
mod scan;

pub use answer::{Answer, Cell};
pub use directory::Directory;
pub use error::SqlError;
pub use memory::Memory;
pub use query::Query;
pub use scan::{Asked, Rows};

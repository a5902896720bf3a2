//! A query: what is asked, and how it is answered.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use polars::prelude::{LazyFrame, PolarsResult};
use polars::sql::{SQLContext, extract_table_identifiers};

use super::scan::Scan;
use super::{Answer, Rows, SqlError};
use crate::export::tables::Table;

/// A query in SQL.
#[derive(Clone, Debug)]
pub struct Query {
    text: String,
    /// The names that stand where tables do.
    tables: Vec<String>,
}

impl Query {
    /// Reads a query: it must be SQL, and ask for tables that there are.
    pub fn new(text: &str) -> Result<Query, SqlError> {
        // Names given by WITH stand among those of tables; which they are shows when the query is planned.
        let tables = guarded(|| extract_table_identifiers(text, false, true))?;
        Ok(Query {
            text: text.to_owned(),
            tables,
        })
    }

    /// Returns the tables that the query names.
    pub fn tables(&self) -> impl Iterator<Item = &'static Table> {
        let names = self.tables.iter();
        names.filter_map(|name| Table::named(name))
    }

    /// Answers the query.
    pub fn answer(&self, rows: &Arc<dyn Rows>) -> Result<Answer, SqlError> {
        guarded(|| self.plan(rows)?.collect()).map(Answer::new)
    }

    /// Says in which steps the query is answered, and reads nothing.
    pub fn explain(&self, rows: &Arc<dyn Rows>) -> Result<String, SqlError> {
        guarded(|| self.plan(rows)?.explain(true))
    }

    fn plan(&self, rows: &Arc<dyn Rows>) -> PolarsResult<LazyFrame> {
        let mut context = SQLContext::new();
        for table in Table::all() {
            context.register(table.name, Scan::lazy(table, Arc::clone(rows))?);
        }
        context.execute(&self.text)
    }
}

/// Runs what polars does; some queries that it does not know end in a panic of its own.
fn guarded<T>(work: impl FnOnce() -> PolarsResult<T>) -> Result<T, SqlError> {
    let said = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    panic::set_hook(said);
    match done {
        Ok(result) => result.map_err(|error| SqlError::of(&error)),
        Err(_) => Err(SqlError::Other(
            "this query is more than polars can answer".to_owned(),
        )),
    }
}

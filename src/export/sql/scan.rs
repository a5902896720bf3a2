//! A table as polars sees it: columns that are fetched when a query is answered.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use polars::prelude::{
    AnonymousScan, AnonymousScanArgs, DataFrame, Expr, LazyFrame, PlSmallStr, PolarsResult,
    ScanArgsAnonymous, SchemaRef,
};

use super::columns::schema;
use crate::export::tables::Table;

/// What a query asks of a table.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The table.
    pub table: &'static Table,
    /// The columns, in the order in which they are to come.
    pub columns: Vec<PlSmallStr>,
    /// What the rows have to meet; only if [`Rows::filters`] says so.
    pub predicate: Option<Expr>,
}

/// Where rows come from.
pub trait Rows: Debug + Send + Sync {
    /// Returns the columns asked for of all rows that meet the predicate.
    fn read(&self, asked: &Asked) -> PolarsResult<DataFrame>;

    /// Tells whether [`read`](Self::read) looks at predicates.
    fn filters(&self) -> bool;
}

/// One table of a source of rows.
#[derive(Debug)]
pub(super) struct Scan {
    table: &'static Table,
    rows: Arc<dyn Rows>,
}

impl Scan {
    /// Returns the table for a query to work with; nothing is read yet.
    pub(super) fn lazy(table: &'static Table, rows: Arc<dyn Rows>) -> PolarsResult<LazyFrame> {
        let scan = Arc::new(Scan { table, rows });
        let arguments = ScanArgsAnonymous {
            schema: Some(schema(table)),
            name: table.name,
            ..ScanArgsAnonymous::default()
        };
        LazyFrame::anonymous_scan(scan, arguments)
    }
}

impl AnonymousScan for Scan {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn scan(&self, asked: AnonymousScanArgs) -> PolarsResult<DataFrame> {
        let columns = match asked.with_columns {
            Some(columns) => columns.to_vec(),
            None => schema(self.table).iter_names_cloned().collect(),
        };
        let frame = self.rows.read(&Asked {
            table: self.table,
            columns,
            predicate: asked.predicate,
        })?;
        Ok(match asked.n_rows {
            Some(most) => frame.head(Some(most)),
            None => frame,
        })
    }

    fn schema(&self, _rows_to_look_at: Option<usize>) -> PolarsResult<SchemaRef> {
        Ok(schema(self.table))
    }

    fn allows_predicate_pushdown(&self) -> bool {
        self.rows.filters()
    }

    fn allows_projection_pushdown(&self) -> bool {
        true
    }
}

//! What is wrong with a query, in one line.

use polars::prelude::PolarsError;
use thiserror::Error;

/// Why a query has no answer.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum SqlError {
    /// A column that no table asked for has.
    #[error("there is no column `{0}`")]
    UnknownColumn(String),
    /// A table that there is not.
    #[error("there is no table `{0}`")]
    UnknownTable(String),
    /// All else, in the words of who reads or runs SQL.
    #[error("{0}")]
    Other(String),
}

impl SqlError {
    pub(super) fn of(error: &PolarsError) -> SqlError {
        match error {
            PolarsError::Context { error, .. } | PolarsError::ExprContext { error, .. } => {
                SqlError::of(error)
            }
            PolarsError::ColumnNotFound(text) | PolarsError::SchemaFieldNotFound(text) => {
                SqlError::UnknownColumn(first_name(text).to_owned())
            }
            PolarsError::SQLInterface(text) if text.starts_with("relation '") => {
                SqlError::UnknownTable(first_name(text).to_owned())
            }
            other => SqlError::Other(one_line(&other.to_string())),
        }
    }
}

/// Returns what stands in the first quotes of a message, else all of it.
fn first_name(message: &str) -> &str {
    let quote = |character| matches!(character, '"' | '\'' | '`');
    let name = message.split(quote).nth(1);
    name.unwrap_or(message.trim())
}

/// Returns the first line of a message, which is what is wrong; others are plans and advice on polars.
fn one_line(message: &str) -> String {
    let line = message.lines().map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or_default().to_owned()
}

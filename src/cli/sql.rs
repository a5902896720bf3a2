//! `mailtally sql`: questions in SQL to logs, or to a directory that `export` wrote.
//!
//! Only a build with the cargo feature `polars` answers; every build knows the named queries.

#[cfg(feature = "polars")]
mod answer;
#[cfg(feature = "polars")]
mod print;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use super::Outcome;
use super::input::InputArguments;
use super::kinds::near;
use super::output::print_bytes;
use crate::export::NamedQuery;

#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct SqlArguments {
    /// The query; it is the first of FILES with --name
    #[arg(value_name = "QUERY", allow_hyphen_values = true)]
    query: Option<String>,
    #[command(flatten)]
    input: InputArguments,
    /// Ask a query that comes with mailtally
    #[arg(long, value_name = "NAME", value_parser = named)]
    name: Option<NamedQuery>,
    /// List the queries that come with mailtally
    #[arg(long)]
    list: bool,
    /// Print the SQL of --name instead of asking it
    #[arg(long, requires = "name")]
    show: bool,
    /// Say in which steps the query is answered, instead of answering it
    #[arg(long)]
    explain: bool,
    /// How the answer is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    format: AnswerFormat,
    /// Write the answer to a file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
FILES are logs, or one directory that `mailtally export --format parquet` wrote. Tables: events, messages, deliveries, rejects, \
logins, tls_sessions; `mailtally export --schema` has their columns. Each table has a column `date` too: conditions on it and on \
`host` alone leave out parts of a directory.";

/// How an answer is written.
#[derive(Clone, Copy, PartialEq, Eq, Default, ValueEnum, Debug)]
enum AnswerFormat {
    /// For people: columns of text
    #[default]
    Table,
    /// For spreadsheets and databases (RFC 4180)
    Csv,
    /// For programs: an array of objects
    Json,
    /// For engines: a Parquet file (--out FILE)
    Parquet,
}

/// Finds a named query; the error names close ones.
fn named(name: &str) -> Result<NamedQuery, String> {
    NamedQuery::named(name).copied().ok_or_else(|| {
        let names: Vec<&str> = NamedQuery::all().iter().map(|query| query.name).collect();
        near(name, &names)
    })
}

pub(super) fn run(mut arguments: SqlArguments) -> Result<Outcome> {
    if arguments.list {
        print_bytes(&list())?;
        return Ok(Outcome::Done);
    }
    if let Some(flag) = arguments.unknown_flag() {
        bail!("there is no flag `{flag}`; `mailtally sql --help` has those that there are");
    }
    let Some(text) = arguments.take_text() else {
        bail!("a query is missing: `mailtally sql 'SELECT …' FILES`, or --name; --list has names");
    };
    if arguments.show {
        print_bytes(text.as_bytes())?;
        return Ok(Outcome::Done);
    }
    answer(&arguments, &text)
}

impl SqlArguments {
    /// Returns what stands for the query but is a flag gone wrong: a query may begin with `--`, as comments in SQL do.
    fn unknown_flag(&self) -> Option<&str> {
        let query = self.query.as_deref()?;
        let is_flag =
            query.starts_with('-') && query.len() > 1 && !query.contains(char::is_whitespace);
        is_flag.then_some(query)
    }

    /// Returns the query; with --name what stands in its place is a file.
    fn take_text(&mut self) -> Option<String> {
        let first = self.query.take();
        let Some(named) = self.name else {
            return first;
        };
        if let Some(file) = first {
            self.input.put_first(file.into());
        }
        Some(named.text.to_owned())
    }
}

#[cfg(feature = "polars")]
use answer::answer;

#[cfg(not(feature = "polars"))]
fn answer(_arguments: &SqlArguments, _text: &str) -> Result<Outcome> {
    bail!(
        "this build answers no SQL: `cargo install --path . --features polars --profile columns` makes one that does"
    )
}

/// Lists the named queries and what they answer.
fn list() -> Vec<u8> {
    let names = NamedQuery::all().iter().map(|query| query.name.len());
    let width = names.max().unwrap_or(0);
    let mut out = Vec::new();
    for query in NamedQuery::all() {
        // Writing to memory does not fail.
        let _ = writeln!(out, "{:<width$}  {}", query.name, query.about());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Part;

    #[test]
    fn each_section_of_a_report_has_a_query() {
        for part in Part::ALL {
            let mut queries = NamedQuery::all().iter();
            let name = part.name();
            assert!(queries.any(|query| query.section() == name), "{name}");
        }
        for query in NamedQuery::all() {
            let mut parts = Part::ALL.iter();
            let section = query.section();
            assert!(parts.any(|part| part.name() == section), "{section}");
        }
    }

    #[test]
    fn a_wrong_name_brings_close_ones() {
        let error = named("top_reject_rule").unwrap_err();
        assert!(error.contains("top_reject_rules"), "{error}");
    }
}

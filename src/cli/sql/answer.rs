//! Asks a query: of a directory that `export` wrote, or of logs.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};

use super::{AnswerFormat, SqlArguments, print};
use crate::cli::Outcome;
use crate::cli::export::read_tables;
use crate::cli::kinds::{close_to, near};
use crate::cli::output::{print_bytes, save_bytes};
use crate::export::sql::{Answer, Directory, Memory, Query, Rows, SqlError};
use crate::export::tables::{Part, Table, TableId, TableSet};

/// Answers a query, or says how it would be answered.
pub(super) fn answer(arguments: &SqlArguments, text: &str) -> Result<Outcome> {
    if arguments.format == AnswerFormat::Parquet && arguments.out.is_none() && !arguments.explain {
        bail!("--format parquet needs --out FILE");
    }
    let query = Query::new(text).map_err(|error| plain(&error, Table::all().iter()))?;
    match directory(arguments)? {
        Some(directory) => {
            let rows: Arc<dyn Rows> = Arc::new(directory);
            ask(arguments, &query, &rows)?;
            Ok(Outcome::Done)
        }
        None => ask_logs(arguments, &query),
    }
}

/// Opens the directory that is named; `None` if logs are.
fn directory(arguments: &SqlArguments) -> Result<Option<Directory>> {
    let files = arguments.input.files();
    let Some(folder) = files.iter().find(|file| file.is_dir()) else {
        return Ok(None);
    };
    if files.len() > 1 {
        bail!("{} is a directory: name it alone", folder.display());
    }
    if arguments.input.has_range() {
        bail!("ranges are for logs; of a directory, ask WHERE date >= '2026-11-01'");
    }
    let cannot_read = || format!("cannot read {}", folder.display());
    let directory = Directory::open(folder).with_context(cannot_read)?;
    if directory.files() == 0 {
        bail!(
            "no table in Parquet is in {}: `mailtally export --format parquet --out {} FILES` makes them",
            folder.display(),
            folder.display()
        );
    }
    Ok(Some(directory))
}

/// Asks a query of logs: what it needs of them, then, with that in memory, for its answer.
fn ask_logs(arguments: &SqlArguments, query: &Query) -> Result<Outcome> {
    let memory = Arc::new(Memory::default());
    let rows: Arc<dyn Rows> = memory.clone();
    if arguments.explain {
        ask(arguments, query, &rows)?;
        return Ok(Outcome::Done);
    }
    query
        .answer(&rows)
        .map_err(|error| plain(&error, query.tables()))?;
    memory.begin();
    let tables: Vec<TableId> = memory.asked();
    let keep = |part: &mut Part| memory.keep(part).map_err(io::Error::other);
    let outcome = match tables.is_empty() {
        true => Outcome::Done,
        false => read_tables(&arguments.input, TableSet::of(&tables), &keep)?,
    };
    ask(arguments, query, &rows)?;
    Ok(outcome)
}

fn ask(arguments: &SqlArguments, query: &Query, rows: &Arc<dyn Rows>) -> Result<()> {
    if arguments.explain {
        let steps = query
            .explain(rows)
            .map_err(|error| plain(&error, query.tables()))?;
        return print_bytes(format!("{}\n", steps.trim_end()).as_bytes());
    }
    let mut answer = query
        .answer(rows)
        .map_err(|error| plain(&error, query.tables()))?;
    match &arguments.out {
        Some(file) => {
            let mut bytes = Vec::new();
            write(&mut answer, arguments.format, &mut bytes)?;
            save_bytes(&bytes, file)
        }
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            let written = write(&mut answer, arguments.format, &mut out);
            let written = written.and_then(|()| out.flush());
            written.context("cannot write the answer to standard output")
        }
    }
}

fn write(answer: &mut Answer, format: AnswerFormat, out: &mut impl Write) -> io::Result<()> {
    match format {
        AnswerFormat::Table => print::table(answer, out),
        AnswerFormat::Csv => print::csv(answer, out),
        AnswerFormat::Json => print::json(answer, out),
        AnswerFormat::Parquet => answer.write_parquet(out),
    }
}

/// Says what is wrong with a query of these tables, and which name may have been meant.
fn plain(error: &SqlError, tables: impl Iterator<Item = &'static Table>) -> anyhow::Error {
    match error {
        SqlError::UnknownTable(name) => {
            let names: Vec<&str> = Table::all().iter().map(|table| table.name).collect();
            anyhow!("{error}; {}", near(name, &names))
        }
        SqlError::UnknownColumn(name) => {
            let columns = tables.flat_map(|table| &table.columns);
            let mut names: Vec<&str> = columns.map(|column| column.name.as_ref()).collect();
            names.push("date");
            names.sort_unstable();
            names.dedup();
            let close = close_to(name, names.into_iter());
            match close.is_empty() {
                true => {
                    anyhow!("{error}; `mailtally export --schema` has the columns of each table")
                }
                false => anyhow!("{error}; close ones: {}", close.join(", ")),
            }
        }
        _ => anyhow!("{error}"),
    }
}

//! `mailtally export`: the tables of a log as files, by day and host.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use mailtally_parsers::Event;

use super::Outcome;
use super::events::stamp::StampText;
use super::input::{self, InputArguments, Logs};
use super::kinds::close_to;
use super::line_conditions::{self, ConditionArguments};
use super::messages::say;
use super::output;
use super::privacy::PrivacyArguments;
use crate::export::Line;
use crate::export::tables::{
    self, CsvParts, DayRows, Days, Folder, Gatherer, Joined, JsonLinesParts, KeptLines, Limits,
    Part, PartKey, PartWriter, Rows, Spare, Stamp, Table, TableId, TableSet,
};
use crate::filter::Filter;
use crate::pipeline;
use crate::privacy::{Masking, Room};
use crate::source::{self, Chunk, TimeRange};

/// Rows take more room than their lines: chunks are smaller than a report's.
const CHUNK_BYTES: usize = 512 << 10;

/// So many batches of a table are kept for the next chunks: those that are worked on at a time, mostly of one day.
const SPARE: usize = 8;

const DAY_US: i64 = 86_400 * 1_000_000;

#[derive(Args, Debug)]
pub(super) struct ExportArguments {
    #[command(flatten)]
    input: InputArguments,
    /// The folder to write to: TABLE/date=YYYY-MM-DD/host=NAME/part-*. Logs that were exported there
    /// before have their parts replaced
    #[arg(long, value_name = "DIR", required_unless_present = "schema")]
    out: Option<PathBuf>,
    /// The format of the files
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    format: ExportFormat,
    /// Only these tables, comma between; without it all: events, messages, deliveries, rejects,
    /// logins, tls_sessions
    #[arg(long, value_name = "TABLE", value_delimiter = ',', value_parser = parse_table)]
    table: Vec<TableId>,
    #[command(flatten)]
    conditions: ConditionArguments,
    #[command(flatten)]
    privacy: PrivacyArguments,
    /// Print what the tables and their columns are, and read no log
    #[arg(
        long, value_enum, value_name = "FORMAT", num_args = 0..=1, require_equals = true,
        default_missing_value = "json"
    )]
    schema: Option<SchemaFormat>,
}

/// How tables are written.
#[derive(Clone, Copy, PartialEq, Eq, Default, ValueEnum, Debug)]
enum ExportFormat {
    /// One row a line, the names of the columns first (RFC 4180)
    #[default]
    Csv,
    /// One JSON object a line; what has no value is not there
    Jsonl,
    /// Parquet; in builds with the cargo feature polars
    Parquet,
}

/// How the schema is written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum SchemaFormat {
    /// For programs
    Json,
    /// For people, as in dashboards/sql/SCHEMA.md
    Markdown,
}

fn parse_table(name: &str) -> Result<TableId, String> {
    if let Some(table) = TableId::named(name) {
        return Ok(table);
    }
    let names = || Table::all().iter().map(|table| table.name);
    let mut close = close_to(name, names());
    if close.is_empty() {
        close = names().collect();
    }
    Err(format!(
        "there is no table `{name}`; close ones: {}",
        close.join(", ")
    ))
}

/// Finds who writes files of a format.
fn part_writer(format: ExportFormat) -> Result<Box<dyn PartWriter>> {
    match format {
        ExportFormat::Csv => Ok(Box::new(CsvParts)),
        ExportFormat::Jsonl => Ok(Box::new(JsonLinesParts)),
        #[cfg(feature = "polars")]
        ExportFormat::Parquet => Ok(Box::new(crate::export::parquet::ParquetParts)),
        #[cfg(not(feature = "polars"))]
        ExportFormat::Parquet => bail!(
            "--format parquet: this mailtally was built without it; `cargo install --path . \
             --features polars --profile columns` builds one that has it"
        ),
    }
}

pub(super) fn run(arguments: &ExportArguments) -> Result<Outcome> {
    if let Some(format) = arguments.schema {
        return write_schema(format);
    }
    let Some(out) = &arguments.out else {
        bail!("where to? name a folder with --out DIR");
    };
    let job = Job {
        tables: TableSet::of(&arguments.table),
        filter: arguments.conditions.filter()?,
        masking: arguments.privacy.masking()?,
        spare: Spare::new(SPARE),
    };
    let writer = part_writer(arguments.format)?;
    let options = source::Options {
        chunk_bytes: CHUNK_BYTES,
        ..arguments.input.options()?
    };
    let mut logs = input::open(&arguments.input, &options)?;
    let folder = Folder::open(out, job.tables, &logs.fingerprints());
    let folder = folder.with_context(|| cannot_write(out))?;
    let write = |part: &mut Part| folder.write(part, &*writer).map(Some);
    let writers = Writers::new(&write);
    let taken = export(&mut logs, &job, arguments.input.threads(), &writers);
    let done = writers.done.into_inner();
    let done = done.unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = done.error {
        return Err(anyhow!(error).context(cannot_write(out)));
    }
    let seen = taken?;
    let days = days_of(options.range.as_ref());
    let stale = folder.remove_stale(&done.written, days, writer.extension());
    stale.with_context(|| cannot_write(out))?;
    line_conditions::say_unseen(&job.filter, seen.fields);
    logs.look_at_range(seen.lines);
    say(&format!(
        "{}: {} rows in {} files",
        out.display(),
        done.rows,
        done.written.len()
    ));
    Ok(logs.outcome())
}

fn cannot_write(out: &Path) -> String {
    format!("cannot write the tables to {}", out.display())
}

/// Reads logs, and gives the parts of some tables to who keeps them; they come in any order.
#[cfg(feature = "polars")]
pub(super) fn read_tables(
    arguments: &InputArguments,
    tables: TableSet,
    keep: &(dyn Fn(&mut Part) -> io::Result<()> + Sync),
) -> Result<Outcome> {
    let job = Job {
        tables,
        filter: Filter::default(),
        masking: None,
        spare: Spare::new(SPARE),
    };
    let options = source::Options {
        chunk_bytes: CHUNK_BYTES,
        ..arguments.options()?
    };
    let mut logs = input::open(arguments, &options)?;
    let keep = |part: &mut Part| keep(part).map(|()| None);
    let writers = Writers::new(&keep);
    let taken = export(&mut logs, &job, arguments.threads(), &writers);
    if let Some(error) = writers.done().error.take() {
        return Err(anyhow!(error));
    }
    logs.look_at_range(taken?.lines);
    Ok(logs.outcome())
}

/// The whole days that a range reaches into: only their parts are replaced.
fn days_of(range: Option<&TimeRange>) -> Days {
    let Some(range) = range else {
        return Days::default();
    };
    Days {
        from: range.from_us().map(|us| us.div_euclid(DAY_US)),
        to: range
            .to_us()
            .map(|us| us.saturating_add(DAY_US - 1).div_euclid(DAY_US)),
    }
}

/// Reads all lines, and hands the parts of their rows to threads that write them.
fn export(
    logs: &mut Logs,
    job: &Job,
    threads: Option<usize>,
    writers: &Writers<'_>,
) -> Result<Seen> {
    let pool = pipeline::workers(threads)?;
    let (sender, receiver) = sync_channel(1);
    let receiver = Mutex::new(receiver);
    let mut taker = Taker::new(sender, job.tables);
    let written = &*taker.gatherer.written();
    thread::scope(|scope| {
        for _ in 0..pool.current_num_threads() {
            scope.spawn(|| writers.write_all(&receiver, written));
        }
        let chunks = std::iter::from_fn(|| {
            let chunk = logs.next()?;
            Some((logs.fingerprint_of(&chunk), chunk))
        });
        let work = |(log, chunk): (u64, Chunk)| job.rows(log, &chunk);
        let taken = pipeline::in_order(chunks, &pool, work, |worked| {
            taker.take(worked, &job.spare, writers)
        });
        // The threads end when nobody can send them more.
        let seen = taken.and_then(|()| taker.finish(writers));
        Ok(seen?)
    })
}

/// What is made of lines.
struct Job {
    tables: TableSet,
    filter: Filter,
    masking: Option<Masking>,
    spare: Spare,
}

/// What came of one chunk.
struct Worked {
    log: u64,
    days: Vec<DayRows>,
    kept: KeptLines,
    seen: Seen,
}

/// What was seen of lines, chosen or not.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// The conditions whose field some line has, as in [`crate::filter::Verdict`].
    fields: u64,
    lines: u64,
}

impl Job {
    fn rows(&self, log: u64, chunk: &Chunk) -> Worked {
        let mut rows = Rows::new(self.tables, &self.spare);
        let (mut seen, mut room) = (Seen::default(), Room::default());
        let mut stamps = StampText::default();
        let log_name = format!("{log:016x}");
        let mut lines = chunk.records();
        while let Some(line) = lines.next() {
            seen.lines += 1;
            let (Some(record), Some(time)) = (line.record(), line.time) else {
                rows.skip();
                continue;
            };
            let stamp = Stamp {
                wall_us: time.wall_us,
                offset_secs: time.offset_secs,
            };
            let event = Event::parse(&record.tag, record.message);
            let is_foreign = event.is_err() && !record.tag.program.is_ours();
            let line = Line {
                time: None,
                record,
                event,
            };
            if is_foreign || !self.lets_through(&line, || stamps.text(time), &mut seen) {
                rows.skip();
            } else if let Some(masking) = &self.masking {
                let record = &masking.record(&mut room, record);
                let event = Event::parse(&record.tag, record.message);
                let masked = Line {
                    record,
                    event,
                    ..line
                };
                rows.add(&masked, stamp, log_name.as_bytes());
            } else {
                rows.add(&line, stamp, log_name.as_bytes());
            }
        }
        let (days, kept) = rows.finish();
        Worked {
            log,
            days,
            kept,
            seen,
        }
    }

    fn lets_through<'t>(
        &self,
        line: &Line<'_>,
        time: impl FnOnce() -> &'t [u8],
        seen: &mut Seen,
    ) -> bool {
        if self.filter.is_empty() {
            return true;
        }
        let verdict = self.filter.decide(&Line {
            time: Some(time()),
            ..*line
        });
        seen.fields |= verdict.fields_seen;
        verdict.matches
    }
}

/// Puts the rows of all chunks together, in the order of the log.
struct Taker {
    gatherer: Gatherer,
    joined: Joined,
    sender: SyncSender<Part>,
    /// How many lines of each log there were.
    lines: BTreeMap<u64, i64>,
    seen: Seen,
}

impl Taker {
    fn new(sender: SyncSender<Part>, tables: TableSet) -> Self {
        Taker {
            gatherer: Gatherer::new(Limits::default()),
            joined: Joined::new(tables),
            sender,
            lines: BTreeMap::new(),
            seen: Seen::default(),
        }
    }

    fn take(&mut self, worked: Worked, spare: &Spare, writers: &Writers<'_>) -> io::Result<()> {
        let Worked {
            log,
            days,
            kept,
            seen,
        } = worked;
        let lines_before = self.lines.entry(log).or_default();
        for day_rows in days {
            let (day, host) = (day_rows.day, day_rows.host.clone());
            for (table, mut batch) in day_rows.into_batches() {
                Rows::number_from(&mut batch, *lines_before);
                let host = host.clone();
                let key = PartKey {
                    table,
                    day,
                    host,
                    log,
                };
                self.gatherer.add(key, &batch);
                spare.give_back(table, batch);
            }
        }
        self.joined.take(&kept, seen.lines, log, &mut self.gatherer);
        let lines = i64::try_from(seen.lines).unwrap_or(i64::MAX);
        *lines_before = lines_before.saturating_add(lines);
        self.seen.lines += seen.lines;
        self.seen.fields |= seen.fields;
        let ready = self.gatherer.take_ready();
        send(ready, &self.sender, writers)
    }

    /// Hands out what is left.
    fn finish(mut self, writers: &Writers<'_>) -> io::Result<Seen> {
        self.joined.finish(&mut self.gatherer);
        send(self.gatherer.finish(), &self.sender, writers)?;
        Ok(self.seen)
    }
}

fn send(parts: Vec<Part>, to: &SyncSender<Part>, writers: &Writers<'_>) -> io::Result<()> {
    for part in parts {
        if writers.done().error.is_some() || to.send(part).is_err() {
            return Err(io::Error::other("a part could not be written"));
        }
    }
    Ok(())
}

/// Threads that write parts.
struct Writers<'w> {
    write: &'w Write<'w>,
    done: Mutex<Done>,
}

/// Writes a part; returns where it is, if that is a file.
type Write<'w> = dyn Fn(&mut Part) -> io::Result<Option<PathBuf>> + Sync + 'w;

/// What was written so far.
#[derive(Default)]
struct Done {
    written: BTreeSet<PathBuf>,
    rows: usize,
    /// The first error: nothing more is written then.
    error: Option<io::Error>,
}

impl<'w> Writers<'w> {
    fn new(write: &'w Write<'w>) -> Self {
        Writers {
            write,
            done: Mutex::default(),
        }
    }

    /// Writes parts until there are no more, and leaves their room to the next ones.
    fn write_all(&self, parts: &Mutex<Receiver<Part>>, room: &Spare) {
        loop {
            let next = lock(parts).recv();
            let Ok(mut part) = next else { return };
            if self.done().error.is_some() {
                continue;
            }
            let rows = part.batch.rows();
            let written = (self.write)(&mut part);
            room.give_back(part.key.table, part.batch);
            let mut done = self.done();
            match written {
                Ok(path) => {
                    done.written.extend(path);
                    done.rows += rows;
                }
                Err(error) => {
                    done.error.get_or_insert(error);
                }
            }
        }
    }

    fn done(&self) -> MutexGuard<'_, Done> {
        lock(&self.done)
    }
}

/// Locks; a panic elsewhere is rethrown when the scope ends, and leaves nothing half done here.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write_schema(format: SchemaFormat) -> Result<Outcome> {
    match format {
        SchemaFormat::Json => output::print_schema(&tables::schema())?,
        SchemaFormat::Markdown => output::print_bytes(tables::markdown().as_bytes())?,
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_table_is_told_with_the_nearest_name() {
        assert_eq!(parse_table("rejects"), Ok(TableId::Rejects));
        let error = parse_table("reject").unwrap_err();
        assert_eq!(error, "there is no table `reject`; close ones: rejects");
        let error = parse_table("x").unwrap_err();
        assert!(error.contains("events, messages"), "{error}");
    }

    #[test]
    fn a_range_stands_for_its_days() {
        let day = 20_777;
        let range = |from, to| days_of(Some(&TimeRange::of_wall(Some(from), Some(to))));
        let whole = Days {
            from: Some(day),
            to: Some(day + 1),
        };
        assert_eq!(range(day * DAY_US, (day + 1) * DAY_US), whole);
        assert_eq!(range(day * DAY_US + 5, day * DAY_US + 9), whole);
        assert_eq!(days_of(None), Days::default());
    }
}

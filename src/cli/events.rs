//! `mailtally events`: each line of ours as one JSON object or row, in the order of the log.

mod count;
mod follow;
mod job;
pub(super) mod names;
mod problems;
pub(super) mod stamp;

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use self::count::Counts;
pub(super) use self::follow::interruption;
use self::job::{Job, Output, Part, Seen};
use self::problems::{ProblemName, ProblemSet};
use super::Outcome;
use super::following::StateArguments;
use super::input::{self, InputArguments, Logs};
use super::kinds::{self, KindName, KindSet};
use super::line_conditions::{self, ConditionArguments};
use super::privacy::PrivacyArguments;
use super::unparsed::{UnparsedArguments, UnparsedLines};
use crate::export;
use crate::pipeline;
use crate::source;

/// Smaller than a report's chunks: what is written of one, twice as much, should stay in a
/// processor's cache until it is out.
const CHUNK_BYTES: usize = 256 << 10;

#[derive(Args, Debug)]
pub(super) struct EventsArguments {
    #[command(flatten)]
    input: InputArguments,
    /// Only lines of these kinds, comma between; `unclassified` are those of unknown shape
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kinds::parse)]
    kind: Vec<KindName>,
    /// Only lines that say that something went wrong, or only these classes of them
    #[arg(
        long, value_name = "CLASS", value_delimiter = ',', num_args = 0..=1, require_equals = true,
        default_missing_value = "any", hide_possible_values = true
    )]
    problems: Vec<ProblemName>,
    #[command(flatten)]
    conditions: ConditionArguments,
    /// How lines are written; without it, one JSON object each
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<EventFormat>,
    /// The columns of --format csv, comma between; without it, the fields of the kinds chosen, or
    /// the commonest
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    columns: Vec<String>,
    #[command(flatten)]
    privacy: PrivacyArguments,
    /// Print how many lines there are of each kind, instead of the lines
    #[arg(long, conflicts_with_all = ["follow", "columns"])]
    count: bool,
    #[command(flatten)]
    unparsed: UnparsedArguments,
    /// Go on with lines as they are written, through rotations, until interrupted; the logs may be
    /// folders or quoted patterns, which gain files
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    state: StateArguments,
    /// Print a JSON Schema of the objects, and read no log
    #[arg(long)]
    schema: bool,
}

/// How lines are written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum EventFormat {
    /// One JSON object a line
    Jsonl,
    /// One row a line, for spreadsheets and databases (RFC 4180)
    Csv,
}

pub(super) fn run(arguments: &EventsArguments) -> Result<Outcome> {
    if arguments.schema {
        return write_schema().context("cannot write the schema to standard output");
    }
    let job = arguments.job()?;
    let unparsed = arguments.unparsed.open()?;
    if arguments.follow {
        return follow::run(&arguments.input, &job, unparsed, &arguments.state);
    }
    if arguments.state.is_asked_for() {
        bail!("--state is for --follow; without it each log is read to its end");
    }
    let options = source::Options {
        chunk_bytes: CHUNK_BYTES,
        ..arguments.input.options()?
    };
    let mut logs = input::open(&arguments.input, &options)?;
    let mut sink = Sink::new(unparsed);
    write(&mut logs, &job, arguments.input.threads(), &mut sink)?;
    line_conditions::say_unseen(&job.filter, sink.seen.fields);
    logs.look_at_range(sink.seen.lines);
    if arguments.count {
        let mut out = io::stdout().lock();
        let written = sink.counts.write(arguments.format, &mut out);
        written.context(CANNOT_WRITE)?;
    }
    sink.finish()?;
    Ok(logs.outcome())
}

const CANNOT_WRITE: &str = "cannot write events to standard output";

impl EventsArguments {
    fn job(&self) -> Result<Job> {
        Ok(Job {
            kinds: KindSet::new(&self.kind),
            problems: ProblemSet::new(&self.problems),
            filter: self.conditions.filter()?,
            output: self.output()?,
            keeps_unparsed: self.unparsed.is_asked_for(),
            masking: self.privacy.masking()?,
        })
    }

    fn output(&self) -> Result<Output> {
        if self.unparsed.is_standard_output() {
            return Ok(Output::Nothing);
        }
        if self.count {
            return Ok(Output::Count);
        }
        if self.format == Some(EventFormat::Csv) {
            let columns = self.columns()?;
            return Ok(Output::Csv { columns });
        }
        if !self.columns.is_empty() {
            bail!("--columns is for --format csv; objects have all their fields");
        }
        Ok(Output::JsonLines)
    }

    fn columns(&self) -> Result<Vec<&'static str>> {
        if !self.columns.is_empty() {
            let names = self.columns.iter();
            return names.map(|name| names::field("--columns", name)).collect();
        }
        if self.kind.is_empty() {
            return Ok(export::DEFAULT_COLUMNS.to_vec());
        }
        Ok(export::columns_of(self.kind.iter().map(|name| name.kind())))
    }
}

/// Where the parts of all chunks come together.
struct Sink {
    counts: Counts,
    seen: Seen,
    unparsed: Option<UnparsedLines>,
}

impl Sink {
    fn new(unparsed: Option<UnparsedLines>) -> Self {
        Sink {
            counts: Counts::default(),
            seen: Seen::default(),
            unparsed,
        }
    }

    /// Takes the part that is next in the order of the log; returns its buffer.
    fn take(&mut self, part: Part, out: &mut dyn Write) -> io::Result<Vec<u8>> {
        out.write_all(&part.bytes)?;
        self.counts.merge(part.counts);
        self.seen = self.seen.and(part.seen);
        if let Some(unparsed) = &mut self.unparsed {
            unparsed.take(&part.unparsed);
        }
        Ok(part.bytes)
    }

    /// Writes what waits in memory.
    fn flush(&mut self) {
        if let Some(unparsed) = &mut self.unparsed {
            unparsed.flush();
        }
    }

    fn finish(self) -> Result<()> {
        self.unparsed.map_or(Ok(()), UnparsedLines::finish)
    }
}

/// Writes what was asked for of all lines to standard output.
fn write(logs: &mut Logs, job: &Job, threads: Option<usize>, sink: &mut Sink) -> Result<()> {
    let pool = pipeline::workers(threads)?;
    let buffers = Buffers::default();
    let mut out = io::stdout();
    out.write_all(&job.output.header()).context(CANNOT_WRITE)?;
    let written = pipeline::in_order(
        logs,
        &pool,
        |mut chunk| job.part(&mut chunk, None, buffers.get()),
        |part| {
            let buffer = sink.take(part, &mut out)?;
            buffers.put(buffer);
            Ok(())
        },
    );
    written.and_then(|()| out.flush()).context(CANNOT_WRITE)
}

/// Buffers that were written out, to be filled again: fresh memory costs more than filling it.
#[derive(Default)]
struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    fn get(&self) -> Vec<u8> {
        let mut buffers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buffers.pop().unwrap_or_default()
    }

    fn put(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        // One enormous line must not keep its room for ever.
        if buffer.capacity() <= CHUNK_BYTES * 8 {
            let mut buffers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            buffers.push(buffer);
        }
    }
}

fn write_schema() -> Result<Outcome> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &export::schema()).map_err(io::Error::from)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(Outcome::Done)
}

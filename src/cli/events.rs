//! `mailtally events`: each line of ours as one JSON object, in the order of the log.

mod follow;
mod stamp;

use std::io::{self, Write};

use anyhow::{Context, Result};
use clap::Args;
use mailtally_parsers::Event;
use rayon::ThreadPool;
use rayon::prelude::*;

use self::stamp::StampText;
use super::Outcome;
use super::input::{self, InputArguments};
use super::kinds::{self, KindName, KindSet};
use super::messages::say;
use crate::export::{self, Line};
use crate::filter::{Condition, Filter};
use crate::pipeline;
use crate::source::{self, Chunk};

/// Smaller than a report's chunks, for the objects of a line are longer than the line.
const CHUNK_BYTES: usize = 1 << 20;

#[derive(Args, Debug)]
pub(super) struct EventsArguments {
    #[command(flatten)]
    input: InputArguments,
    /// Only lines of these kinds, comma between; `unclassified` are those of unknown shape
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kinds::parse)]
    kind: Vec<KindName>,
    /// Only lines with this value in this field; may be repeated, and all must hold
    #[arg(long = "where", value_name = "FIELD=VALUE")]
    conditions: Vec<Condition>,
    /// Go on with lines as they are written to the file, through rotations, until interrupted
    #[arg(long)]
    follow: bool,
}

pub(super) fn run(arguments: &EventsArguments) -> Result<Outcome> {
    let selection = Selection {
        kinds: KindSet::new(&arguments.kind),
        filter: Filter::new(arguments.conditions.clone())?,
    };
    if arguments.follow {
        return follow::run(&arguments.input, &selection);
    }
    let pool = pipeline::workers(arguments.input.threads())?;
    let options = source::Options {
        chunk_bytes: CHUNK_BYTES,
        ..arguments.input.options()
    };
    let mut logs = input::open(&arguments.input, &options)?;
    let fields_seen = write_in_order(&mut logs, &selection, &pool)?;
    selection.say_unseen(fields_seen);
    Ok(logs.outcome())
}

/// Which lines are written.
struct Selection {
    kinds: KindSet,
    filter: Filter,
}

/// The objects of one chunk.
#[derive(Default)]
struct Objects {
    bytes: Vec<u8>,
    /// The conditions whose field some line has, as in [`crate::filter::Verdict`].
    fields_seen: u64,
}

impl Selection {
    fn objects(&self, chunk: &Chunk) -> Objects {
        let mut objects = Objects::default();
        objects.bytes.reserve(chunk.bytes.len() * 2);
        let mut stamps = StampText::default();
        let mut lines = chunk.records();
        while let Some(line) = lines.next() {
            let Some(record) = &line.record else { continue };
            let event = Event::parse(&record.tag, record.message);
            let is_foreign = event.is_err() && !record.tag.program.is_ours();
            if is_foreign || !self.kinds.has(&event) {
                continue;
            }
            let time = line.time.map(|time| stamps.text(time));
            self.push(
                &mut objects,
                &Line {
                    time,
                    record,
                    event,
                },
            );
        }
        objects
    }

    fn push(&self, objects: &mut Objects, line: &Line<'_>) {
        if !self.filter.is_empty() {
            let verdict = self.filter.decide(line);
            objects.fields_seen |= verdict.fields_seen;
            if !verdict.matches {
                return;
            }
        }
        export::write_line(&mut objects.bytes, line);
    }

    /// Says which conditions were on a field that no line has: a mistyped name finds nothing.
    fn say_unseen(&self, fields_seen: u64) {
        for (at, condition) in self.filter.conditions().iter().enumerate() {
            if fields_seen >> at & 1 == 0 {
                say(&format!(
                    "no line that was asked for has a field `{}`",
                    condition.field()
                ));
            }
        }
    }
}

/// Writes the objects of all chunks in the order of the chunks; returns the fields seen.
///
/// While one batch is formatted by all workers the one before it is written.
fn write_in_order(
    chunks: &mut (impl Iterator<Item = Chunk> + ?Sized),
    selection: &Selection,
    pool: &ThreadPool,
) -> Result<u64> {
    let batch_chunks = pool.current_num_threads() * 2;
    let mut formatted: Vec<Objects> = Vec::new();
    let mut fields_seen = 0;
    loop {
        let batch: Vec<Chunk> = chunks.take(batch_chunks).collect();
        let is_last = batch.is_empty();
        let (written, next) = pool.join(
            || write(&formatted),
            || {
                batch
                    .into_par_iter()
                    .map(|chunk| selection.objects(&chunk))
                    .collect()
            },
        );
        written.context("cannot write events to standard output")?;
        formatted = next;
        fields_seen = formatted
            .iter()
            .fold(fields_seen, |seen, objects| seen | objects.fields_seen);
        if is_last {
            return Ok(fields_seen);
        }
    }
}

fn write(batch: &[Objects]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for objects in batch {
        out.write_all(&objects.bytes)?;
    }
    out.flush()
}

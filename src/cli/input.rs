//! What every subcommand reads: the flags that name logs, and what is said about them.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use chrono_tz::Tz;
use clap::{Args, value_parser};
use mailtally_parsers::Program;

use super::Outcome;
use super::messages::say;
use crate::pipeline;
use crate::report::Meta;
use crate::source::{self, Chunk, Chunks, Input, Notice, Places, SourceId};
use crate::tally::totals::{LineCounts, Totals};
use crate::tally::{Wanted, Windows};

#[derive(Args, Debug)]
pub(super) struct InputArguments {
    /// Logs in any order, packed with gzip or not; `-` is standard input. Without any: Postfix's
    /// maillog_file, /var/log/mail.log, /var/log/maillog or the journal
    #[arg(value_name = "FILES")]
    files: Vec<PathBuf>,
    /// Read the systemd journal, through journalctl
    #[arg(long, conflicts_with = "files")]
    journal: bool,
    /// Read the journal from this time on, as `journalctl --since` takes it
    #[arg(long, value_name = "WHEN", requires = "journal")]
    since: Option<String>,
    /// The year of the first line, for stamps without a year
    #[arg(long, value_name = "YEAR", value_parser = value_parser!(i32).range(1970..=9999))]
    year: Option<i32>,
    /// The time zone in which to show stamps that state theirs, such as Europe/Berlin or UTC
    #[arg(long, value_name = "ZONE")]
    tz: Option<Tz>,
    /// How many threads parse; by default one for each core
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

impl InputArguments {
    pub(super) fn threads(&self) -> Option<usize> {
        self.threads.map(NonZeroUsize::get)
    }

    pub(super) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    pub(super) fn options(&self) -> source::Options {
        source::Options {
            year: self.year,
            tz: self.tz,
            ..source::Options::default()
        }
    }

    fn inputs(&self) -> Result<Vec<Input>> {
        if self.journal {
            return Ok(vec![Input::journal(self.since.clone())]);
        }
        if !self.files.is_empty() {
            return Ok(self
                .files
                .iter()
                .map(|file| Input::from_arg(file.as_os_str()))
                .collect());
        }
        if is_fed() {
            return Ok(vec![Input::Stdin]);
        }
        let (input, notice) = Places::default().find_log()?;
        say(&notice.to_string());
        Ok(vec![input])
    }

    /// Names the zone of the report's stamps.
    fn timezone(&self) -> String {
        self.tz
            .map_or_else(|| "as logged".to_owned(), |tz| tz.name().to_owned())
    }
}

/// Tells whether somebody feeds standard input: a pipe or a file, not a terminal or `/dev/null`.
///
/// Timers and cron jobs have `/dev/null` there, and mean the machine's log.
fn is_fed() -> bool {
    let copy = io::stdin().as_fd().try_clone_to_owned();
    let metadata = copy.and_then(|stdin| File::from(stdin).metadata());
    metadata.is_ok_and(|metadata| !metadata.file_type().is_char_device())
}

/// Logs being read: their chunks, and what there is to say about them.
pub(super) struct Logs {
    inputs: Vec<Input>,
    chunks: Chunks,
    problems_said: usize,
    notices_said: usize,
    /// The inputs whose beginning was looked at.
    begun: BTreeSet<SourceId>,
    /// Whether a log was asked about already.
    is_doubted: bool,
}

/// Opens the logs that the arguments name; what cannot be opened is said.
pub(super) fn open(arguments: &InputArguments, options: &source::Options) -> Result<Logs> {
    let inputs = arguments.inputs()?;
    let chunks = source::read_all(inputs.clone(), options);
    let mut logs = Logs {
        inputs,
        chunks,
        problems_said: 0,
        notices_said: 0,
        begun: BTreeSet::new(),
        is_doubted: false,
    };
    logs.say_news();
    if logs.chunks.names().is_empty() && !logs.chunks.problems().is_empty() {
        bail!("nothing could be read");
    }
    Ok(logs)
}

impl Logs {
    fn say_news(&mut self) {
        let problems = self.chunks.problems();
        let notices = self.chunks.notices();
        for problem in problems.iter().skip(self.problems_said) {
            say(&problem.to_string());
        }
        for notice in notices.iter().skip(self.notices_said) {
            say(&notice.to_string());
        }
        self.problems_said = problems.len();
        self.notices_said = notices.len();
    }

    /// Asks about a log that begins like none of a mail server.
    fn look_at_beginning(&mut self, chunk: &Chunk) {
        if !self.begun.insert(chunk.source) || !is_strange(chunk) {
            return;
        }
        self.is_doubted = true;
        let name = self
            .inputs
            .get(chunk.source.0)
            .map(Input::name)
            .unwrap_or_default();
        let name = name.display();
        say(&format!(
            "{name}: is this a mail log? it begins with lines of no mail program"
        ));
    }

    /// Asks about logs of which more than half is of no mail program.
    fn look_at_all(&mut self, lines: &LineCounts) {
        if self.is_doubted || lines.foreign <= lines.read / 2 {
            return;
        }
        self.is_doubted = true;
        let names = self
            .chunks
            .names()
            .iter()
            .map(|name| name.display().to_string());
        let names = names.collect::<Vec<_>>().join(", ");
        let LineCounts { foreign, read, .. } = lines;
        say(&format!(
            "{names}: is this a mail log? {foreign} of {read} lines are of no mail program"
        ));
    }

    /// Says how reading went, when there are no more chunks.
    pub(super) fn outcome(&self) -> Outcome {
        if self.is_doubted || !self.chunks.problems().is_empty() {
            Outcome::Partial
        } else {
            Outcome::Done
        }
    }

    /// Collects what a reader of the report must know about its input.
    fn notes(&self) -> Vec<String> {
        let problems = self.chunks.problems().iter().map(ToString::to_string);
        let tells = |notice: &&Notice| !matches!(notice, Notice::Chosen(_) | Notice::Empty(_));
        let notices = self
            .chunks
            .notices()
            .iter()
            .filter(tells)
            .map(ToString::to_string);
        problems.chain(notices).collect()
    }
}

impl Iterator for Logs {
    type Item = Chunk;

    fn next(&mut self) -> Option<Chunk> {
        let chunk = self.chunks.next();
        self.say_news();
        if let Some(chunk) = &chunk {
            self.look_at_beginning(chunk);
        }
        chunk
    }
}

/// So many lines at the beginning of a log tell whether it is one of a mail server.
const BEGINNING_LINES: usize = 1_000;

/// Tells whether a log begins with lines of other programs, and not one of a mail program.
///
/// Loggers speak up in any log; a log that was just rotated may have no other line yet.
fn is_strange(chunk: &Chunk) -> bool {
    let mut lines = chunk.records();
    let mut has_foreign = false;
    for _ in 0..BEGINNING_LINES {
        let Some(line) = lines.next() else { break };
        match line.record.map(|record| record.tag.program) {
            Some(Program::Logger) => {}
            Some(program) if program.is_ours() => return false,
            _ => has_foreign = true,
        }
    }
    has_foreign
}

/// Logs that were counted.
pub(super) struct Counted {
    pub(super) totals: Totals,
    pub(super) meta: Meta,
    pub(super) outcome: Outcome,
    pub(super) timings: Timings,
}

/// Where the time went.
pub(super) struct Timings {
    open: Duration,
    pipeline: pipeline::Timings,
    finish: Duration,
}

impl fmt::Display for Timings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pipeline::Timings { read, merge, wait } = self.pipeline;
        let (open, finish) = (self.open, self.finish);
        write!(
            f,
            "first look {open:.1?}, read {read:.1?}, wait for workers {wait:.1?}, merge {merge:.1?}, \
             finish {finish:.1?}"
        )
    }
}

/// Reads and counts the logs that the arguments name.
pub(super) fn count(arguments: &InputArguments, wanted: Wanted) -> Result<Counted> {
    let started = Instant::now();
    let mut logs = open(arguments, &arguments.options())?;
    let open = started.elapsed();
    let options = pipeline::Options {
        threads: arguments.threads(),
        windows: Windows::default(),
        wanted,
    };
    let (tally, pipeline) =
        pipeline::tally(&mut logs, &options).context("cannot start the threads that parse")?;
    let started = Instant::now();
    let totals = tally.finish();
    let timings = Timings {
        open,
        pipeline,
        finish: started.elapsed(),
    };
    logs.look_at_all(&totals.coverage.lines);
    let meta = Meta {
        files: logs
            .chunks
            .names()
            .iter()
            .map(|name| name.display().to_string())
            .collect(),
        timezone: arguments.timezone(),
        notes: logs.notes(),
    };
    Ok(Counted {
        totals,
        meta,
        outcome: logs.outcome(),
        timings,
    })
}

//! What every subcommand reads: the flags that name logs, and what is said about them.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal};
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use chrono_tz::Tz;
use clap::{Args, value_parser};
use mailtally_parsers::Program;
use rayon::ThreadPoolBuildError;

use super::Outcome;
use super::configuration::ConfigurationArguments;
use super::messages::say;
use super::progress::Bar;
use super::range::{NothingWithin, RangeArguments};
use super::rotated;
use super::unparsed::{UnparsedArguments, UnparsedLines};
use super::when::Present;
use crate::pipeline;
use crate::privacy::Masking;
use crate::report::{Meta, RangeAsked};
use crate::select::{CHUNK_BYTES, Selection, Sorter};
use crate::source::{self, Chunk, Chunks, Input, LogSpan, Notice, Order, Places, SourceId};
use crate::tally::totals::{LineCounts, Totals};
use crate::tally::{Wanted, Windows};

#[derive(Args, Debug)]
pub(super) struct InputArguments {
    /// Logs in any order, packed with gzip, bzip2, xz or zstd or not; `-` is standard input. Without any: Postfix's
    /// maillog_file, /var/log/mail.log, /var/log/maillog or the journal
    #[arg(value_name = "FILES")]
    files: Vec<PathBuf>,
    /// Read the systemd journal, through journalctl
    #[arg(long, conflicts_with = "files")]
    journal: bool,
    /// Read the rotated siblings of each log too: mail.log.1, mail.log.2.gz, mail.log-20261101 and
    /// the like
    #[arg(long, conflicts_with = "journal")]
    rotated: bool,
    #[command(flatten)]
    range: RangeArguments,
    /// The year of the first line, for stamps without a year
    #[arg(long, value_name = "YEAR", value_parser = value_parser!(i32).range(1970..=9999))]
    year: Option<i32>,
    /// The time zone in which to show stamps that state theirs, such as Europe/Berlin or UTC
    #[arg(long, value_name = "ZONE")]
    tz: Option<Tz>,
    /// How many threads parse; by default one for each core
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    #[command(flatten)]
    configuration: ConfigurationArguments,
    /// Draw no progress bar; there is none anyway where standard error is no terminal
    #[arg(long)]
    no_progress: bool,
}

impl InputArguments {
    pub(super) fn threads(&self) -> Option<usize> {
        self.threads.map(NonZeroUsize::get)
    }

    /// Makes the site's configuration known to all that parses lines.
    pub(super) fn configure(&self) -> Result<()> {
        self.configuration.set()
    }

    /// The same, with patterns of rule ids that come before those of the configuration.
    pub(super) fn configure_with(&self, rule_ids: &[String]) -> Result<()> {
        self.configuration.set_with(rule_ids)
    }

    /// Puts a file before all others.
    pub(super) fn put_first(&mut self, file: PathBuf) {
        self.files.insert(0, file);
    }

    pub(super) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Tells whether a log may come from standard input.
    pub(super) fn reads_standard_input(&self) -> bool {
        let names_it = self.files.iter().any(|file| file.as_os_str() == "-");
        names_it || (self.files.is_empty() && !self.journal)
    }

    /// Tells whether rotated siblings were asked for.
    pub(super) fn has_rotated(&self) -> bool {
        self.rotated
    }

    /// Tells whether only a part of the logs was asked for.
    pub(super) fn has_range(&self) -> bool {
        self.range.is_given()
    }

    /// Says that no line is within the range asked for; `None` if there is no range.
    pub(super) fn nothing_within(
        &self,
        options: &source::Options,
        span: Option<LogSpan>,
    ) -> Option<NothingWithin> {
        let range = self.range.asked(options.range.as_ref()?);
        let present = Present {
            now: options.now,
            tz: options.tz,
        };
        Some(NothingWithin::new(&range, span, present))
    }

    pub(super) fn options(&self) -> Result<source::Options> {
        let default = source::Options::default();
        let (now, tz) = (self.range.now(default.now, self.tz)?, self.tz);
        Ok(source::Options {
            year: self.year,
            tz,
            range: self.range.range(Present { now, tz })?,
            now,
            threads: self.threads().unwrap_or(default.threads),
            ..default
        })
    }

    pub(super) fn inputs(&self) -> Result<Vec<Input>> {
        let inputs = self.named_inputs()?;
        if !self.rotated {
            return Ok(inputs);
        }
        Ok(rotated::add_siblings(inputs))
    }

    fn named_inputs(&self) -> Result<Vec<Input>> {
        if self.journal {
            return Ok(vec![Input::journal()]);
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
    chunks: Chunks,
    problems_said: usize,
    notices_said: usize,
    /// What was said: once, also where a log is read again.
    said: BTreeSet<String>,
    /// The inputs whose beginning was looked at.
    begun: BTreeSet<SourceId>,
    /// Whether a log was asked about already.
    is_doubted: bool,
    range: Option<RangeAsked>,
    present: Present,
    /// What there is to say about a range without lines.
    nothing_within: Option<NothingWithin>,
    /// Drawn as long as this is here.
    _bar: Option<Bar>,
}

/// Opens the logs that the arguments name; what cannot be opened is said.
pub(super) fn open(arguments: &InputArguments, options: &source::Options) -> Result<Logs> {
    open_inputs(arguments, arguments.inputs()?, options)
}

/// Opens logs that were looked up before, as [`open`] does.
pub(super) fn open_inputs(
    arguments: &InputArguments,
    inputs: Vec<Input>,
    options: &source::Options,
) -> Result<Logs> {
    open_having_said(BTreeSet::new(), arguments, inputs, options)
}

/// Opens logs as [`open_inputs`] does, and does not say again what was said.
fn open_having_said(
    said: BTreeSet<String>,
    arguments: &InputArguments,
    inputs: Vec<Input>,
    options: &source::Options,
) -> Result<Logs> {
    arguments.configure()?;
    let chunks = source::read_all(inputs, options);
    // Whoever wants the log in order writes as it comes.
    let is_disturbing = options.order == Order::Log && io::stdout().is_terminal();
    let bar = if arguments.no_progress || is_disturbing {
        None
    } else {
        Bar::begin(chunks.progress(), chunks.size_bytes())
    };
    let mut logs = Logs {
        chunks,
        problems_said: 0,
        notices_said: 0,
        said,
        begun: BTreeSet::new(),
        is_doubted: false,
        range: options.range.map(|range| arguments.range.asked(&range)),
        present: Present {
            now: options.now,
            tz: options.tz,
        },
        nothing_within: None,
        _bar: bar,
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
            say_once(&mut self.said, problem.to_string());
        }
        for notice in notices.iter().skip(self.notices_said) {
            say_once(&mut self.said, notice.to_string());
        }
        self.problems_said = problems.len();
        self.notices_said = notices.len();
    }

    /// Asks about a log that begins like none of a mail server.
    fn look_at_beginning(&mut self, chunk: &Chunk) {
        if chunk.size_bytes() == 0 {
            return;
        }
        if !self.begun.insert(chunk.source) || !is_strange(&chunk.beginning()) {
            return;
        }
        self.is_doubted = true;
        let Some(name) = self.chunks.name_of(chunk.source) else {
            return;
        };
        let name = name.display();
        let doubt = format!("{name}: is this a mail log? it begins with lines of no mail program");
        say_once(&mut self.said, doubt);
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

    /// Says so if a range was asked for in which there is no line.
    pub(super) fn look_at_range(&mut self, lines_within: u64) {
        let Some(range) = self.range.as_ref().filter(|_| lines_within == 0) else {
            return;
        };
        let nothing = NothingWithin::new(range, self.chunks.span(), self.present);
        say(&nothing.text);
        self.nothing_within = Some(nothing);
    }

    /// Returns what tells each log whatever its name.
    pub(super) fn fingerprints(&self) -> Vec<u64> {
        self.chunks.fingerprints().collect()
    }

    /// Returns that of the log that a chunk is of.
    pub(super) fn fingerprint_of(&self, chunk: &Chunk) -> u64 {
        self.chunks.fingerprint_of(chunk)
    }

    /// Names the logs that are read.
    pub(super) fn names(&self) -> &[PathBuf] {
        self.chunks.names()
    }

    /// Says how reading went, when there are no more chunks and all were read.
    pub(super) fn outcome(&mut self) -> Outcome {
        self.settle();
        let is_uncovered = |nothing: &NothingWithin| nothing.is_uncovered;
        if self.is_doubted
            || !self.chunks.problems().is_empty()
            || self.nothing_within.as_ref().is_some_and(is_uncovered)
        {
            Outcome::Partial
        } else {
            Outcome::Done
        }
    }

    /// Says what all lines together give reason to, when they were counted; returns what a reader of
    /// the report must know about its input, and how reading went.
    pub(super) fn close(
        &mut self,
        arguments: &InputArguments,
        lines: &LineCounts,
    ) -> (Meta, Outcome) {
        self.settle();
        self.look_at_all(lines);
        self.look_at_range(lines.read);
        (self.meta(arguments), self.outcome())
    }

    /// Returns what totals cannot know about their making.
    fn meta(&self, arguments: &InputArguments) -> Meta {
        let names = self.chunks.names().iter();
        Meta {
            files: names.map(|name| name.display().to_string()).collect(),
            timezone: arguments.timezone(),
            range: self.range.clone(),
            conditions: Vec::new(),
            notes: self.notes(),
        }
    }

    /// Says what came up when chunks were read, after they were handed out.
    fn settle(&mut self) {
        self.chunks.settle();
        self.say_news();
    }

    /// Collects what a reader of the report must know about its input.
    fn notes(&self) -> Vec<String> {
        let problems = self.chunks.problems().iter().map(ToString::to_string);
        let is_for_terminal = |notice: &Notice| {
            matches!(
                notice,
                Notice::Chosen(_)
                    | Notice::Empty(_)
                    | Notice::ReadWhole { .. }
                    | Notice::Siblings { .. }
            )
        };
        let tells = |notice: &&Notice| !is_for_terminal(notice);
        let notices = self
            .chunks
            .notices()
            .iter()
            .filter(tells)
            .map(ToString::to_string);
        let nothing = self
            .nothing_within
            .iter()
            .map(|nothing| nothing.text.clone());
        problems.chain(notices).chain(nothing).collect()
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

fn say_once(said: &mut BTreeSet<String>, text: String) {
    if !said.contains(&text) {
        say(&text);
        said.insert(text);
    }
}

/// So many lines at the beginning of a log tell whether it is one of a mail server.
const BEGINNING_LINES: usize = 1_000;

/// Tells whether a log begins with lines of other programs, and not one of a mail program.
///
/// Loggers speak up in any log; a log that was just rotated may have no other line yet.
fn is_strange(chunk: &Chunk) -> bool {
    let mut lines = chunk.all_records();
    let mut has_foreign = false;
    for _ in 0..BEGINNING_LINES {
        let Some(line) = lines.next() else { break };
        match line.record().map(|record| record.tag.program) {
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

/// Reads and counts the logs that the arguments name; lines of unknown shape are also taken apart
/// from the others where that was asked for. Lines are masked before they are counted.
pub(super) fn count(
    arguments: &InputArguments,
    unparsed: &UnparsedArguments,
    wanted: Wanted,
    masking: Option<Masking>,
) -> Result<Counted> {
    count_where(arguments, unparsed, wanted, masking, &Selection::default())
}

/// Counts as [`count`] does; lines that do not meet the conditions are `filtered`.
pub(super) fn count_where(
    arguments: &InputArguments,
    unparsed: &UnparsedArguments,
    wanted: Wanted,
    masking: Option<Masking>,
    selection: &Selection,
) -> Result<Counted> {
    let mut options = arguments.options()?;
    if selection.has_mail_conditions() {
        options.chunk_bytes = CHUNK_BYTES;
    } else if !unparsed.is_asked_for() {
        options.order = Order::Ready;
        options.may_guess = true;
    }
    let count = |chunks: &mut dyn Iterator<Item = Chunk>, options: &pipeline::Options| {
        if selection.is_empty() {
            return pipeline::tally(chunks, options);
        }
        if !selection.has_mail_conditions() {
            return pipeline::tally_where(chunks, options, selection);
        }
        let sorter = Sorter::new(chunks, selection.clone(), None, options.windows);
        let marks = sorter.marks();
        let (mut parts, timings) = pipeline::parts(sorter, options, &marks)?;
        let tally = parts.take(0).unwrap_or_else(|| parts.empty(options));
        Ok((tally, timings))
    };
    let (tally, mut read) = read(arguments, unparsed, &options, wanted, masking, count)?;
    let started = Instant::now();
    let totals = tally.finish();
    let timings = read.timings(started.elapsed());
    read.look_at(&totals.coverage.lines);
    let mut meta = read.meta();
    meta.conditions = words(selection);
    Ok(Counted {
        totals,
        meta,
        outcome: read.outcome(),
        timings,
    })
}

/// Returns conditions as they were written.
pub(super) fn words(selection: &Selection) -> Vec<String> {
    let conditions = selection.conditions().iter();
    conditions.map(ToString::to_string).collect()
}

/// Logs that were read to their end.
pub(super) struct Read<'a> {
    arguments: &'a InputArguments,
    logs: Logs,
    open: Duration,
    pipeline: pipeline::Timings,
}

/// Reads the logs that the arguments name, and counts them in the way given: once more where a
/// packed log's end is not what its beginning promised.
pub(super) fn read<'a, T>(
    arguments: &'a InputArguments,
    unparsed: &UnparsedArguments,
    source_options: &source::Options,
    wanted: Wanted,
    masking: Option<Masking>,
    count: impl Fn(
        &mut dyn Iterator<Item = Chunk>,
        &pipeline::Options,
    ) -> Result<(T, pipeline::Timings), ThreadPoolBuildError>,
) -> Result<(T, Read<'a>)> {
    let mut unparsed = unparsed.open()?;
    let started = Instant::now();
    let inputs = arguments.inputs()?;
    let mut logs = open_inputs(arguments, inputs.clone(), source_options)?;
    let mut open = started.elapsed();
    let options = pipeline::Options {
        threads: arguments.threads(),
        windows: Windows::default(),
        wanted,
        masking,
    };
    let (counted, pipeline) = loop {
        let mut chunks = logs.by_ref().map(|mut chunk| {
            if let Some(unparsed) = &mut unparsed {
                unparsed.take_from(&mut chunk, options.masking.as_ref());
            }
            chunk
        });
        let counted = count(&mut chunks, &options);
        let counted = counted.context("cannot start the threads that parse")?;
        logs.settle();
        if logs.chunks.guesses_held() {
            break counted;
        }
        let source_options = source::Options {
            may_guess: false,
            ..source_options.clone()
        };
        logs = open_having_said(logs.said, arguments, inputs.clone(), &source_options)?;
        open = started.elapsed();
    };
    unparsed.map_or(Ok(()), UnparsedLines::finish)?;
    let read = Read {
        arguments,
        logs,
        open,
        pipeline,
    };
    Ok((counted, read))
}

impl Read<'_> {
    /// Says what is odd about the lines.
    pub(super) fn look_at(&mut self, lines: &LineCounts) {
        self.logs.look_at_all(lines);
        self.logs.look_at_range(lines.read);
    }

    /// Returns what the totals cannot know about their making.
    pub(super) fn meta(&self) -> Meta {
        self.logs.meta(self.arguments)
    }

    /// Returns where the time went, with what finishing the totals took.
    pub(super) fn timings(&self, finish: Duration) -> Timings {
        Timings {
            open: self.open,
            pipeline: self.pipeline,
            finish,
        }
    }

    /// Says how reading went.
    pub(super) fn outcome(mut self) -> Outcome {
        self.logs.outcome()
    }
}

//! `mailtally watch`: raises alerts on logs as they grow, or on logs that are there.

mod follow;
mod metrics;
mod sinks;

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use mailtally_parsers::Event;

use self::metrics::{Following, Metering, MetricsArguments};
use self::sinks::{Outlets, SinkArguments};
use super::Outcome;
use super::following::StateArguments;
use super::input::{self, InputArguments};
use super::messages::say;
use crate::export;
use crate::source::{self, Chunk, Followers, Line, LinePlaces, Place, WallTime};
use crate::watch::sinks::Wanted;
use crate::watch::{self, Alert, Engine, Observed, WARM_DAYS};

/// Lines may come so much later than they were logged.
const LATE: Duration = Duration::from_secs(2);

#[derive(Args, Debug)]
pub(super) struct WatchArguments {
    #[command(flatten)]
    input: InputArguments,
    /// Read logs that are there to their end, and say what would have been said
    #[arg(long)]
    replay: bool,
    /// Rules of the site's own, or changes to built-in ones of the same name; may be repeated
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Read the rules, say what is wrong with them or list them, and read no log
    #[arg(long)]
    check_rules: bool,
    /// Begin with the lines that are there, not with those to come
    #[arg(long, conflicts_with = "replay")]
    from_start: bool,
    #[command(flatten)]
    state: StateArguments,
    /// How alerts are written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = AlertFormat::Text)]
    format: AlertFormat,
    #[command(flatten)]
    metrics: MetricsArguments,
    #[command(flatten)]
    sinks: SinkArguments,
}

/// How alerts are written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum AlertFormat {
    /// For people
    Text,
    /// One JSON object a line
    Jsonl,
}

pub(super) fn run(arguments: &WatchArguments) -> Result<Outcome> {
    let rules = arguments.rules()?;
    if arguments.check_rules {
        return list(&rules.list).context(CANNOT_WRITE);
    }
    let mut watcher = Watcher {
        engine: Engine::new(rules),
        alerts: Vec::new(),
        format: arguments.format,
        shown: arguments.sinks.shown(),
        last: None,
        checkpoint_us: None,
        metering: arguments.metrics.begin()?,
        outlets: arguments.sinks.open(arguments.replay)?,
    };
    let done = match arguments.replay {
        true => replay(arguments, &mut watcher),
        false => follow::follow(arguments, &mut watcher).map(|()| Outcome::Done),
    };
    watcher.outlets.close(arguments.state.is_asked_for());
    done
}

const CANNOT_WRITE: &str = "cannot write alerts to standard output";

impl WatchArguments {
    fn rules(&self) -> Result<watch::Rules> {
        let mut texts = Vec::new();
        for path in &self.rules {
            let text = fs::read_to_string(path)
                .with_context(|| format!("--rules: cannot read {}", path.display()))?;
            // Alone first: the message has to name the file.
            watch::read_rules(&[texts.clone(), vec![text.clone()]].concat())
                .with_context(|| path.display().to_string())?;
            texts.push(text);
        }
        watch::read_rules(&texts).context("the built-in rules")
    }
}

/// Lists the rules, one a line.
fn list(rules: &[watch::Rule]) -> io::Result<Outcome> {
    let mut out = io::stdout().lock();
    for rule in rules {
        let (class, severity) = (rule.class.name(), rule.severity.name());
        writeln!(
            out,
            "{:<28} {class:<10} {severity:<8}  {}",
            rule.name,
            rule.summary()
        )?;
    }
    Ok(Outcome::Done)
}

/// Reads logs to their end.
fn replay(arguments: &WatchArguments, watcher: &mut Watcher) -> Result<Outcome> {
    if arguments.state.is_asked_for() {
        bail!("--state is for following; --replay reads each log to its end");
    }
    let options = source::Options {
        // As the lines would have come.
        all_hosts_in_order: true,
        ..arguments.input.options()?
    };
    let mut logs = input::open(&arguments.input, &options)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut lines = 0;
    for chunk in logs.by_ref() {
        lines += watcher.take(&chunk, None);
        watcher.write(&mut out).context(CANNOT_WRITE)?;
        watcher.tend_metrics(None);
    }
    out.flush().context(CANNOT_WRITE)?;
    watcher.say_evicted();
    watcher.say_warming_up();
    watcher.end_metrics(None)?;
    logs.look_at_range(lines);
    Ok(logs.outcome())
}

/// What metrics say of watching.
fn following(
    engine: &Engine,
    last: Option<(WallTime, Instant)>,
    logs: Option<&Followers>,
) -> Following {
    let firing = engine.firing();
    Following {
        logs: logs.map_or(0, |logs| u64::try_from(logs.logs()).unwrap_or(u64::MAX)),
        unread_bytes: logs.map_or(0, Followers::unread_bytes),
        gaps: logs.map_or(0, |logs| logs.gaps_and_copies().0),
        firing: firing
            .map(|(rule, count)| (rule.name.clone(), rule.class.name(), count))
            .collect(),
        evicted: engine.evicted(),
        last_line: last.map(|(time, _)| time),
        ..Following::default()
    }
}

/// Rules, and the alerts that are not written yet.
struct Watcher {
    engine: Engine,
    alerts: Vec<Alert>,
    format: AlertFormat,
    /// Which of them standard output shows.
    shown: Wanted,
    /// The time of the last line, and when it came.
    last: Option<(WallTime, Instant)>,
    /// When the last checkpoint was on disk.
    checkpoint_us: Option<i64>,
    metering: Metering,
    outlets: Outlets,
}

impl Watcher {
    /// Takes the lines of a chunk in; returns how many there were.
    fn take(&mut self, chunk: &Chunk, places: Option<LinePlaces>) -> u64 {
        let mut lines = chunk.records();
        let mut count = 0;
        // All of a chunk were there when it was read.
        let came = Instant::now();
        loop {
            let offset = lines.offset();
            let Some(line) = lines.next() else {
                self.metering.keep_small();
                return count;
            };
            count += 1;
            let place = || places.map(|places| places.of(offset, line.raw));
            self.take_line(&line, came, place);
        }
    }

    /// Parses a line, once for metrics and rules.
    fn take_line(&mut self, line: &Line<'_>, came: Instant, place: impl Fn() -> Option<Place>) {
        let (Some(record), Some(time)) = (line.record(), line.time) else {
            self.metering.count_line(line, None);
            return;
        };
        self.last = Some((time, came));
        let event = Event::parse(&record.tag, record.message);
        self.metering.count_line(line, Some(&event));
        if event.is_err() && !record.tag.program.is_ours() {
            return;
        }
        let observed = Observed {
            line: export::Line {
                time: None,
                record,
                event,
            },
            raw: line.raw,
            time,
            place: place(),
        };
        self.engine.observe(&observed, &mut self.alerts);
    }

    /// Moves the log's time along the wall clock, where no line does.
    fn pass_time(&mut self) {
        let Some((time, came)) = self.last else {
            return;
        };
        let passed = came.elapsed().saturating_sub(LATE);
        let passed_us = i64::try_from(passed.as_micros()).unwrap_or(i64::MAX);
        let last_us = time.instant_us().unwrap_or(time.wall_us);
        self.engine
            .advance(last_us.saturating_add(passed_us), &mut self.alerts);
    }

    /// Gives metrics to whoever asks for them.
    fn tend_metrics(&mut self, logs: Option<&Followers>) {
        let (engine, last, checkpoint_us) = (&self.engine, self.last, self.checkpoint_us);
        self.metering.tend(|| Following {
            checkpoint_us,
            ..following(engine, last, logs)
        });
    }

    fn end_metrics(&mut self, logs: Option<&Followers>) -> Result<()> {
        self.metering.end(Following {
            checkpoint_us: self.checkpoint_us,
            ..following(&self.engine, self.last, logs)
        })
    }

    fn write(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.metering.count(&self.alerts);
        self.outlets.take(&self.alerts);
        for alert in self.alerts.drain(..).filter(|alert| self.shown.has(alert)) {
            let text = match self.format {
                AlertFormat::Text => alert.text(),
                AlertFormat::Jsonl => alert.json()?,
            };
            out.write_all(text.as_bytes())?;
        }
        Ok(())
    }

    /// Says which rules do not know yet what is usual.
    fn say_warming_up(&self) {
        let (days, rules) = self.engine.warming_up();
        if !rules.is_empty() {
            let rules = rules.join(", ");
            say(&format!(
                "warming up: {days} of {WARM_DAYS} days of log were seen; until then these rules say nothing: {rules}"
            ));
        }
    }

    fn say_evicted(&self) {
        let evicted = self.engine.evicted();
        if evicted > 0 {
            say(&format!(
                "{evicted} keys of rules were given up, for there were too many at one time"
            ));
        }
    }
}

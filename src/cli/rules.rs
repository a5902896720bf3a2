//! `mailtally rules`: what reject rules did, joined with the site's own maps.

mod map;

use anyhow::{Context, Result};
use clap::Args;
use mailtally_parsers::postfix::{self, ruling::Ruling};
use mailtally_parsers::{Event, Reason, Record};

use self::map::MapArguments;
use super::Outcome;
use super::events::stamp::StampText;
use super::input::{self, InputArguments};
use super::line_conditions::{self, ConditionArguments};
use super::output::{self, Printed};
use super::report::LayoutArguments;
use crate::export;
use crate::filter::Filter;
use crate::pipeline;
use crate::report::{self, Meta, MetaFigures, Options, Report};
use crate::rules::{self, Findings, Hits, Layout, Maps, RuleFigures};
use crate::source::{Chunk, WallTime};
use crate::tally::totals::Totals;
use crate::tally::{Tally, Wanted, Windows};

#[derive(Args, Debug)]
pub(super) struct RulesArguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    maps: MapArguments,
    /// Find rule ids by this regular expression before all others; its group is the id:
    /// 'ACL-(\d+)'. May be repeated
    #[arg(long, value_name = "REGEX")]
    rule_id: Vec<String>,
    #[command(flatten)]
    conditions: ConditionArguments,
    #[command(flatten)]
    layout: LayoutArguments,
    /// Print a JSON Schema of --format json, and read no log
    #[arg(long)]
    schema: bool,
}

/// Mails are counted for the senders that had some delivered, whatever `--where` says.
const WANTED: Wanted = Wanted {
    mail: true,
    delivered_senders: true,
    ..Wanted::LINES
};

pub(super) fn run(arguments: &RulesArguments) -> Result<Outcome> {
    if arguments.schema {
        output::print_schema(&rules::schema())?;
        return Ok(Outcome::Done);
    }
    let filter = arguments.conditions.filter()?;
    // The ids in maps are found as those of the log are.
    arguments.input.configure_with(&arguments.rule_id)?;
    let job = Job {
        maps: arguments.maps.read()?,
        filter,
    };
    let options = arguments.input.options()?;
    let mut logs = input::open(&arguments.input, &options)?;
    let pool = pipeline::workers(arguments.input.threads());
    let pool = pool.context("cannot start the threads that parse")?;
    let mut whole = Part::new(Tally::anchored(Windows::default()));
    pipeline::in_order(
        logs.by_ref(),
        &pool,
        |chunk| job.part(&chunk),
        |part| {
            whole.merge(part);
            Ok(())
        },
    )?;
    let totals = whole.tally.finish();
    line_conditions::say_unseen(&job.filter, whole.fields_seen);
    let (meta, outcome) = logs.close(&arguments.input, &totals.coverage.lines);
    let findings = Findings::new(&whole.hits, &job.maps, &totals.details.delivered_senders);
    write(&findings, &totals, &meta, &arguments.layout)?;
    Ok(outcome)
}

/// A message, or why it is unparsed.
type Parsed<'a> = std::result::Result<Event<'a>, Reason>;

/// What is done with each line.
struct Job {
    maps: Maps,
    filter: Filter,
}

/// A part of the log, counted.
struct Part {
    tally: Tally,
    hits: Hits,
    /// The conditions whose field some refusal has, as in [`crate::filter::Verdict`].
    fields_seen: u64,
}

impl Part {
    fn new(tally: Tally) -> Part {
        Part {
            tally: tally.counting(WANTED),
            hits: Hits::default(),
            fields_seen: 0,
        }
    }

    fn merge(&mut self, later: Part) {
        self.tally.merge(later.tally);
        self.hits.merge(later.hits);
        self.fields_seen |= later.fields_seen;
    }
}

impl Job {
    fn part(&self, chunk: &Chunk) -> Part {
        let mut part = Part::new(Tally::part(Windows::default()));
        let mut stamps = StampText::default();
        let mut lines = chunk.records();
        while let Some(line) = &lines.next() {
            match (line.record(), &line.time) {
                (Some(record), Some(time)) => {
                    let event = Event::parse(&record.tag, record.message);
                    part.tally.absorb(record, time.wall_us, &event);
                    if self.lets_through(record, event, *time, &mut stamps, &mut part) {
                        self.count(&mut part.hits, record, time.wall_us, &event);
                    }
                }
                (Some(marker), None) => part.tally.absorb_marker(marker),
                _ => part.tally.absorb_foreign(),
            }
        }
        part
    }

    /// Counts a line that says what a rule did.
    fn count(&self, hits: &mut Hits, record: &Record<'_>, wall_us: i64, event: &Parsed<'_>) {
        let Ok(Event::Postfix(event)) = event else {
            return;
        };
        if let Some(ruling) = Ruling::of(event) {
            hits.absorb(record, wall_us, &ruling, &self.maps);
        } else if let postfix::Event::PscDenylisted(event) = event {
            hits.absorb_denylisted(record, wall_us, event.client, &self.maps);
        }
    }

    fn lets_through(
        &self,
        record: &Record<'_>,
        event: Parsed<'_>,
        time: WallTime,
        stamps: &mut StampText,
        part: &mut Part,
    ) -> bool {
        if self.filter.is_empty() {
            return true;
        }
        let time = Some(stamps.text(time));
        let line = export::Line {
            time,
            record,
            event,
        };
        let verdict = self.filter.decide(&line);
        part.fields_seen |= verdict.fields_seen;
        verdict.matches
    }
}

fn write(
    findings: &Findings,
    totals: &Totals,
    meta: &Meta,
    arguments: &LayoutArguments,
) -> Result<()> {
    let layout = Layout {
        top: arguments.options().top,
        is_wide: arguments.is_csv(),
    };
    let mut sections = rules::sections(findings, layout);
    if arguments.is_csv() && arguments.is_printed() {
        // One table fits standard output; a folder takes all.
        sections.truncate(1);
    }
    sections.insert(0, report::head(totals, meta));
    let meta = MetaFigures::new(totals, meta, arguments.options());
    let lines = totals.coverage.lines;
    let figures = RuleFigures::new(findings, meta, lines, arguments.top());
    arguments.write(&Printed {
        report: &Report { sections, figures },
        totals,
        options: &Options {
            sections: [report::Part::Rejects].into_iter().collect(),
            ..arguments.options()
        },
    })
}

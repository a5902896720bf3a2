//! `mailtally report`: what happened, for people or programs.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Args, ValueEnum};
use serde::Serialize;

use super::conditions::{self, WhereArguments};
use super::fail_on::{self, FailOn};
use super::input::{self, InputArguments};
use super::kinds::near;
use super::messages::say;
use super::output::{self, Printed};
use super::paper::Colour;
use super::privacy::PrivacyArguments;
use super::queue;
use super::split::{self, Asked, SplitArguments};
use super::unparsed::UnparsedArguments;
use super::{Format, Outcome};
use crate::report::{self, Meta, Options, Part, Report, Sections};
use crate::tally::Wanted;
use crate::tally::totals::Totals;

#[derive(Args, Debug)]
pub(super) struct ReportArguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    layout: LayoutArguments,
    #[command(flatten)]
    unparsed: UnparsedArguments,
    #[command(flatten)]
    conditions: WhereArguments,
    #[command(flatten)]
    split: SplitArguments,
    #[command(flatten)]
    privacy: PrivacyArguments,
    /// Only these parts of the report; what they do not need is not even counted
    #[arg(long, value_parser = SectionParser, value_delimiter = ',', value_name = "SECTIONS")]
    sections: Vec<SectionName>,
    /// Show the mail queue too: a listing of `postqueue -j`; `-` is standard input
    #[arg(long, value_name = "FILE")]
    queue: Option<PathBuf>,
    /// Rows of the lists of one section, whatever --top says; may be repeated
    #[arg(long, value_name = "SECTION=N", value_delimiter = ',', value_parser = limit)]
    limit: Vec<(SectionName, usize)>,
    /// End with status 1 if a figure is beyond a limit: 'rejected>1000', 'unparsed>0',
    /// 'delivered<1'; may be repeated
    #[arg(long, value_name = "CONDITION")]
    fail_on: Vec<FailOn>,
    /// With --format prometheus: metrics of the names that postfix_exporter has, too
    #[arg(long)]
    compat_metrics: bool,
    /// Print a JSON Schema of --format json, and read no log
    #[arg(long)]
    schema: bool,
    /// Say on standard error where the time went
    #[arg(long)]
    timings: bool,
}

/// How a report is laid out.
#[derive(Args, Debug)]
pub(super) struct LayoutArguments {
    #[command(flatten)]
    paper: PaperArguments,
    /// Rows of each list; without it, JSON and CSV show all and the others a few of each
    #[arg(long, value_name = "N")]
    top: Option<usize>,
}

/// How a report is written, and where.
#[derive(Args, Debug)]
pub(super) struct PaperArguments {
    /// How the report is written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Write to this file instead of standard output; with --format csv, a file for each section
    /// to this folder
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Colour text
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    color: Colour,
}

/// One or several parts of the report by their name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SectionName {
    Part(Part),
    Default,
    All,
}

impl ValueEnum for SectionName {
    fn value_variants<'a>() -> &'a [Self] {
        static NAMES: LazyLock<Vec<SectionName>> = LazyLock::new(|| {
            let parts = Part::ALL.iter().copied().map(SectionName::Part);
            parts
                .chain([SectionName::Default, SectionName::All])
                .collect()
        });
        &NAMES
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, about) = match self {
            SectionName::Part(part) => (part.name(), part.about()),
            SectionName::Default => ("default", "What a report has when nothing is asked for"),
            SectionName::All => ("all", "All there are"),
        };
        Some(PossibleValue::new(name).help(about))
    }
}

impl SectionName {
    fn sections(self) -> Sections {
        match self {
            SectionName::Part(part) => [part].into_iter().collect(),
            SectionName::Default => Sections::default(),
            SectionName::All => Sections::ALL,
        }
    }
}

/// Reads a value of `--limit`.
fn limit(text: &str) -> Result<(SectionName, usize), String> {
    let Some((name, rows)) = text.split_once('=') else {
        return Err("write a section and a number of rows: rejects=50".to_owned());
    };
    let rows = rows.trim().parse();
    let rows = rows.map_err(|_| format!("`{name}` needs a number of rows: {name}=50"))?;
    Ok((section(name.trim())?, rows))
}

/// Reads the name of a section; of a wrong one it says what is near it.
fn section(name: &str) -> Result<SectionName, String> {
    SectionName::from_str(name, true).map_err(|_| {
        let sections = SectionName::value_variants().iter();
        let names: Vec<String> = sections
            .filter_map(|section| Some(section.to_possible_value()?.get_name().to_owned()))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        format!("no section is called `{name}`; {}", near(name, &names))
    })
}

/// Parses the names of sections in one line's words, and lists them for help and completions.
#[derive(Clone)]
struct SectionParser;

impl TypedValueParser for SectionParser {
    type Value = SectionName;

    fn parse_ref(
        &self,
        command: &clap::Command,
        _: Option<&Arg>,
        value: &OsStr,
    ) -> Result<SectionName, clap::Error> {
        let parsed = section(&value.to_string_lossy());
        parsed.map_err(|error| {
            let error = format!("--sections: {error}\n");
            clap::Error::raw(ErrorKind::InvalidValue, error).with_cmd(command)
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let sections = SectionName::value_variants().iter();
        Some(Box::new(sections.filter_map(ValueEnum::to_possible_value)))
    }
}

impl LayoutArguments {
    pub(super) fn options(&self) -> Options {
        // Who takes a table further wants all of it.
        let all = (self.paper.format == Format::Csv).then_some(usize::MAX);
        Options {
            top: self.top.or(all),
            ..Options::default()
        }
    }

    pub(super) fn format(&self) -> Format {
        self.paper.format
    }

    /// Rows of each list, as far as they were asked for.
    pub(super) fn top(&self) -> Option<usize> {
        self.top
    }

    /// Tells whether rows go to a spreadsheet.
    pub(super) fn is_csv(&self) -> bool {
        self.paper.is_csv()
    }

    /// Tells whether it goes to standard output.
    pub(super) fn is_printed(&self) -> bool {
        self.paper.out.is_none()
    }

    /// Writes a report to where it was asked for.
    pub(super) fn write<F: Serialize>(&self, printed: &Printed<'_, F>) -> Result<()> {
        self.paper.write(printed)
    }
}

impl PaperArguments {
    /// Tells whether programs read what is written, and so want all rows.
    pub(super) fn is_for_programs(&self) -> bool {
        matches!(self.format, Format::Json | Format::Csv)
    }

    /// Tells whether each section is a file of its own.
    pub(super) fn is_csv(&self) -> bool {
        self.format == Format::Csv
    }

    /// Writes what has no metrics to where it was asked for.
    pub(super) fn write_report<F: Serialize>(&self, report: &Report<F>) -> Result<()> {
        if self.format == Format::Prometheus {
            bail!("--format prometheus: `mailtally report` writes metrics, an address is no label");
        }
        self.write(&Printed {
            report,
            totals: &Totals::default(),
            options: &Options::default(),
        })
    }

    /// Writes what is no report to where it was asked for.
    pub(super) fn write_bytes(&self, bytes: &[u8]) -> Result<()> {
        match &self.out {
            Some(path) => output::save_bytes(bytes, path),
            None => output::print_bytes(bytes),
        }
    }

    /// Writes a report to where it was asked for.
    pub(super) fn write<F: Serialize>(&self, printed: &Printed<'_, F>) -> Result<()> {
        match &self.out {
            Some(path) => output::save(printed, self.format, path),
            None => output::print(printed, self.format, self.color),
        }
    }
}

impl ReportArguments {
    fn options(&self) -> Options {
        let mut options = self.layout.options();
        let asked = self.sections.iter().map(|name| name.sections());
        // Programs are not tired by much of it.
        let default = match self.layout.format() {
            Format::Prometheus => Sections::ALL,
            _ => options.sections,
        };
        options.sections = asked.reduce(Sections::and).unwrap_or(default);
        options.compat_metrics = self.compat_metrics;
        for (section, rows) in &self.limit {
            options.limits.set(section.sections(), *rows);
        }
        options
    }
}

pub(super) fn run(arguments: &ReportArguments) -> Result<Outcome> {
    if arguments.schema {
        output::print_schema(&report::schema())?;
        return Ok(Outcome::Done);
    }
    if arguments.compat_metrics && arguments.layout.format() != Format::Prometheus {
        bail!("--compat-metrics is for --format prometheus");
    }
    let selection = arguments.conditions.selection()?;
    let split = arguments.split.split();
    let mut options = arguments.options();
    let mut notes = Vec::new();
    if selection.has_mail_conditions() || split.is_some_and(|split| split.by.decides_mails()) {
        conditions::refuse_unseen(&arguments.fail_on)?;
        notes = conditions::leave_out(&mut options);
    }
    let format = arguments.layout.format();
    let wanted = fail_on::wanted(&arguments.fail_on, options.sections.wanted());
    let wanted = Wanted {
        lists: format == Format::Json,
        relays: matches!(format, Format::Json | Format::Prometheus),
        unreached_alone: wanted.unreached_alone && format != Format::Prometheus,
        exporter: arguments.compat_metrics,
        ..wanted
    };
    let asked = Asked {
        input: &arguments.input,
        layout: &arguments.layout,
        selection: &selection,
        options,
        wanted,
        notes,
        timings: arguments.timings,
    };
    match (split, &arguments.layout.paper.out) {
        (Some(split), Some(folder)) => split::run(&asked, split, folder),
        _ => one(arguments, asked),
    }
}

/// Counts and writes one report.
fn one(arguments: &ReportArguments, asked: Asked<'_>) -> Result<Outcome> {
    let masking = arguments.privacy.masking()?;
    let queue = match &arguments.queue {
        Some(path) => Some(queue::read(path, &arguments.input, masking.as_ref())?),
        None => None,
    };
    let unparsed = &arguments.unparsed;
    let (wanted, selection) = (asked.wanted, asked.selection);
    let mut counted = input::count_where(asked.input, unparsed, wanted, masking, selection)?;
    counted.totals.details.queue = queue;
    counted.meta.notes.extend(asked.notes);
    let lines = &counted.totals.coverage.lines;
    if lines.filtered > 0 && lines.filtered == lines.read {
        say("--where: no line meets the conditions");
    }
    if arguments.unparsed.is_standard_output() {
        return Ok(counted.outcome);
    }
    let started = Instant::now();
    write(
        &arguments.layout,
        &counted.totals,
        &counted.meta,
        &asked.options,
    )?;
    if arguments.timings {
        say(&format!(
            "{}, report {:.1?}",
            counted.timings,
            started.elapsed()
        ));
    }
    let is_met = fail_on::look(&arguments.fail_on, &counted.totals);
    let outcome = match counted.outcome {
        Outcome::Done if is_met => Outcome::Met,
        outcome => outcome,
    };
    // The program ends here: to free a million names one by one would take longer than to print them.
    std::mem::forget(counted);
    Ok(outcome)
}

/// Writes the report to where it was asked for.
fn write(layout: &LayoutArguments, totals: &Totals, meta: &Meta, options: &Options) -> Result<()> {
    if layout.format() != Format::Json {
        let report = &report::for_people(totals, meta, options);
        return layout.write(&Printed {
            report,
            totals,
            options,
        });
    }
    let report = &report::report(totals, meta, options);
    layout.write(&Printed {
        report,
        totals,
        options,
    })
}

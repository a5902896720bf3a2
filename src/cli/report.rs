//! `mailtally report`: what happened, for people or programs.

use std::io::{self, Write};
use std::time::Instant;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::input::{self, InputArguments};
use super::messages::say;
use super::unparsed::UnparsedArguments;
use super::{Format, Outcome};
use crate::render;
use crate::report::{self, Options, Part, Report};

#[derive(Args, Debug)]
pub(super) struct ReportArguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    layout: LayoutArguments,
    #[command(flatten)]
    unparsed: UnparsedArguments,
    /// Only these parts of the report; what they do not need is not even counted
    #[arg(long, value_enum, value_delimiter = ',', value_name = "SECTIONS")]
    sections: Vec<SectionName>,
    /// Say on standard error where the time went
    #[arg(long)]
    timings: bool,
}

/// How a report is laid out.
#[derive(Args, Debug)]
pub(super) struct LayoutArguments {
    /// How the report is written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Rows of each list; without it, text shows a few of each and JSON shows all
    #[arg(long, value_name = "N")]
    top: Option<usize>,
}

/// A part of the report.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum SectionName {
    /// Grand totals, by instance too
    Totals,
    /// Traffic per day and hour
    Traffic,
    /// TLS sessions
    Tls,
    /// Logins
    Logins,
    /// Refused mail
    Rejects,
    /// IPv4 beside IPv6
    Families,
    /// Sources of unwanted mail
    SpamSources,
    /// How every line was accounted for
    Coverage,
}

impl SectionName {
    fn part(self) -> Part {
        match self {
            SectionName::Totals => Part::Totals,
            SectionName::Traffic => Part::Traffic,
            SectionName::Tls => Part::Tls,
            SectionName::Logins => Part::Logins,
            SectionName::Rejects => Part::Rejects,
            SectionName::Families => Part::Families,
            SectionName::SpamSources => Part::SpamSources,
            SectionName::Coverage => Part::Coverage,
        }
    }
}

impl LayoutArguments {
    pub(super) fn options(&self) -> Options {
        Options {
            top: self.top,
            ..Options::default()
        }
    }

    /// Writes a report to standard output.
    pub(super) fn print<F: Serialize>(&self, report: &Report<F>) -> Result<()> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        let rendered = match self.format {
            Format::Text => render::text(report, &mut out),
            Format::Json => render::json(report, &mut out),
        };
        let written = rendered.and_then(|()| out.flush());
        written.context("cannot write the report to standard output")
    }
}

pub(super) fn run(arguments: &ReportArguments) -> Result<Outcome> {
    let mut options = arguments.layout.options();
    if !arguments.sections.is_empty() {
        let parts = arguments.sections.iter().map(|name| name.part());
        options.sections = parts.collect();
    }
    let wanted = options.sections.wanted();
    let counted = input::count(&arguments.input, &arguments.unparsed, wanted)?;
    if arguments.unparsed.is_standard_output() {
        return Ok(counted.outcome);
    }
    let started = Instant::now();
    let report = report::report(&counted.totals, &counted.meta, &options);
    arguments.layout.print(&report)?;
    if arguments.timings {
        say(&format!(
            "{}, report {:.1?}",
            counted.timings,
            started.elapsed()
        ));
    }
    Ok(counted.outcome)
}

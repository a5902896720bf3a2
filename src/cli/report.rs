//! `mailtally report`: what happened, for people or programs.

use std::io::{self, Write};
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;

use super::input::{self, InputArguments};
use super::messages::say;
use super::{Format, Outcome};
use crate::render;
use crate::report::{self, Options, Report};

#[derive(Args, Debug)]
pub(super) struct ReportArguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    layout: LayoutArguments,
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

impl LayoutArguments {
    pub(super) fn options(&self) -> Options {
        Options { top: self.top }
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
    let counted = input::count(&arguments.input)?;
    let started = Instant::now();
    let report = report::report(&counted.totals, &counted.meta, &arguments.layout.options());
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

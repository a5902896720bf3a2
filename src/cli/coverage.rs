//! `mailtally coverage`: how far a log was understood.

use anyhow::Result;
use clap::Args;

use super::Outcome;
use super::input::{self, InputArguments};
use super::output::{self, Printed};
use super::privacy::PrivacyArguments;
use super::report::LayoutArguments;
use super::unparsed::UnparsedArguments;
use crate::report::{self, Options, Part};
use crate::tally::Wanted;

#[derive(Args, Debug)]
pub(super) struct CoverageArguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    layout: LayoutArguments,
    #[command(flatten)]
    unparsed: UnparsedArguments,
    #[command(flatten)]
    privacy: PrivacyArguments,
    /// Print a JSON Schema of --format json, and read no log
    #[arg(long)]
    schema: bool,
}

pub(super) fn run(arguments: &CoverageArguments) -> Result<Outcome> {
    if arguments.schema {
        output::print_schema(&report::coverage_schema())?;
        return Ok(Outcome::Done);
    }
    let masking = arguments.privacy.masking()?;
    let counted = input::count(
        &arguments.input,
        &arguments.unparsed,
        Wanted::LINES,
        masking,
    )?;
    if arguments.unparsed.is_standard_output() {
        return Ok(counted.outcome);
    }
    let options = Options {
        sections: [Part::Coverage].into_iter().collect(),
        ..arguments.layout.options()
    };
    let report = report::coverage(&counted.totals, &counted.meta, &options);
    arguments.layout.write(&Printed {
        report: &report,
        totals: &counted.totals,
        options: &options,
    })?;
    Ok(counted.outcome)
}

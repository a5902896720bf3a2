//! The command line: one file for each subcommand, and what they share.
//!
//! Every flag is defined once. Reports go to standard output, all else to standard error.

mod anonymize;
mod conditions;
mod configuration;
mod coverage;
mod events;
mod export;
mod fail_on;
mod following;
mod input;
mod kinds;
mod line_conditions;
mod manual;
mod messages;
mod output;
mod paper;
mod pflogsumm;
mod privacy;
mod progress;
mod queue;
mod range;
mod report;
mod rotated;
mod rules;
mod split;
mod sql;
mod top;
mod trace;
mod unparsed;
mod watch;
mod when;

use std::env;
use std::io::{self, ErrorKind};

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use self::messages::say;

/// Reports on the logs of Postfix and Dovecot.
#[derive(Parser, Debug)]
#[command(version, args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
#[command(mut_arg("format", pflogsumm::among_formats))]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    report: report::ReportArguments,
}

const AFTER_HELP: &str = "\
`mailtally FILES` is `mailtally report FILES`. `mailtally report --format pflogsumm` is \
pflogsumm's report and takes pflogsumm's options: see its --help.

Exit status: 0 done; 1 a condition of --fail-on is met; 2 an error, or an input that could be read only in part (the report on the \
rest is still printed).";

#[derive(Subcommand, Debug)]
enum Command {
    /// Prints a report of logs: totals, traffic, TLS, logins, refusals, sources of spam
    #[command(mut_arg("format", pflogsumm::among_formats))]
    Report(report::ReportArguments),
    /// Writes each line of a mail program as one JSON object
    Events(events::EventsArguments),
    /// Writes tables of logs to a folder: events, messages, deliveries, rejects, logins, TLS sessions
    Export(Box<export::ExportArguments>),
    /// Ranks the sources of unwanted mail by one score, with the evidence; makes block lists
    Top(Box<top::TopArguments>),
    /// Accounts for every line: parsed, generic, unparsed, foreign
    Coverage(coverage::CoverageArguments),
    /// Prints what reject rules did, and which rules of the site's maps never fired
    Rules(rules::RulesArguments),
    /// Writes logs with tokens in place of addresses, users and hosts
    Anonymize(anonymize::AnonymizeArguments),
    /// Shows the whole life of a mail: hop by hop, with what became of each recipient
    Trace(trace::TraceArguments),
    /// Answers questions in SQL, over logs or over a directory that export wrote
    Sql(Box<sql::SqlArguments>),
    /// Raises alerts on attacks and failures, as logs grow or on logs that are there
    Watch(watch::WatchArguments),
    /// Prints the completions of a shell
    Completions(manual::CompletionsArguments),
    /// Prints the manual page
    Man(manual::ManArguments),
}

/// How a report is written.
#[derive(Clone, Copy, PartialEq, Eq, Default, ValueEnum, Debug)]
enum Format {
    /// For people: plain text, as wide as the terminal, else in 80 columns
    #[default]
    Text,
    /// For programs: one JSON object with stable keys
    Json,
    /// For a browser: one page by itself, with charts
    Html,
    /// For wikis and tickets
    Markdown,
    /// For Prometheus: metrics, as node_exporter's textfile collector reads them
    Prometheus,
    /// For spreadsheets: a file for each section (--out DIR), or one section to standard output
    Csv,
}

/// How a run ended that printed what it was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    /// All was read.
    Done,
    /// All was read, and a condition asked for is met.
    Met,
    /// Something could not be read, or is not what it should be; it was said on standard error.
    Partial,
}

/// The exit status where a condition that was asked for is met.
const MET: u8 = 1;

/// The exit status of an error, or of an input that was read only in part.
const FAILED: u8 = 2;

/// Runs the command that the arguments name and returns the exit status.
pub fn main() -> u8 {
    let result = match pflogsumm::asked(env::args_os()) {
        Some(asked) => pflogsumm::run(asked),
        None => run(Arguments::parse()),
    };
    match result {
        Ok(Outcome::Done) => 0,
        Ok(Outcome::Met) => MET,
        Ok(Outcome::Partial) => FAILED,
        // Whoever reads us has seen enough: `mailtally events | head`.
        Err(error) if is_broken_pipe(&error) => 0,
        Err(error) => {
            format!("{error:#}").lines().for_each(say);
            FAILED
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<Outcome> {
    match arguments.command {
        None => report::run(&arguments.report),
        Some(Command::Report(report)) => report::run(&report),
        Some(Command::Events(events)) => events::run(&events),
        Some(Command::Export(export)) => export::run(&export),
        Some(Command::Top(top)) => top::run(&top),
        Some(Command::Coverage(coverage)) => coverage::run(&coverage),
        Some(Command::Rules(rules)) => rules::run(&rules),
        Some(Command::Anonymize(anonymize)) => anonymize::run(&anonymize),
        Some(Command::Trace(trace)) => trace::run(trace),
        Some(Command::Sql(sql)) => sql::run(*sql),
        Some(Command::Watch(watch)) => watch::run(&watch),
        Some(Command::Completions(shell)) => manual::completions(&shell, Arguments::command()),
        Some(Command::Man(man)) => manual::man(&man, Arguments::command()),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}

//! `--format pflogsumm`, and the binary under the name `pflogsumm`: pflogsumm's own options.
//!
//! They are spelt as Getopt::Long of Perl takes them ([`spelling`]), so that a line of a crontab
//! needs no change but for the program's name.

mod spelling;

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Datelike, Local, NaiveDate, NaiveTime, TimeDelta, Timelike, Utc};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgAction, Args, CommandFactory, FromArgMatches, Parser, ValueEnum};

use super::input::InputArguments;
use super::messages::say;
use super::{Format, Outcome};
use crate::pflogsumm::{Day, Limit, Options, Reader, Summary, Today};
use crate::pipeline;
use crate::source::{self, Input, LogSpan, TimeRange, WallTime};

/// Prints the report of pflogsumm 1.1.5, and its numbers.
#[derive(Parser, Debug)]
#[command(
    name = "pflogsumm",
    version = concat!("1.1.5 (mailtally ", env!("CARGO_PKG_VERSION"), ")"),
    disable_help_flag = true,
    disable_version_flag = true,
    args_override_self = true,
    after_help = AFTER_HELP
)]
struct Arguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    counting: CountingArguments,
    #[command(flatten)]
    layout: LayoutArguments,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    /// Print version
    #[arg(long, action = ArgAction::Version)]
    version: Option<bool>,
}

const AFTER_HELP: &str = "\
Options may be cut short as long as it is clear which is meant, begin with one dash, and have \
underscores in place of dashes.

Exit status: 0 done; 2 an error, or an input that could be read only in part.";

/// How many rows of which list.
#[derive(Args, Debug)]
struct LimitArguments {
    /// Rows of the lists of hosts and domains; 0 leaves them out
    #[arg(short = 'h', value_name = "N", allow_negative_numbers = true)]
    hosts: Option<i64>,
    /// Rows of the lists of senders and recipients; 0 leaves them out
    #[arg(short = 'u', value_name = "N", allow_negative_numbers = true)]
    users: Option<i64>,
    /// Rows of all lists for which no other option says how many; 0 leaves them out
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    detail: Option<i64>,
    /// Rows of each list of bounces
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    bounce_detail: Option<i64>,
    /// Rows of each list of deferrals
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    deferral_detail: Option<i64>,
    /// Rows of each list of what was rejected, warned of, held and discarded
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    reject_detail: Option<i64>,
    /// Rows of each list of connections that smtp could not make
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    smtp_detail: Option<i64>,
    /// Rows of each list of warnings
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    smtpd_warning_detail: Option<i64>,
    /// The same as --bounce-detail 0
    #[arg(long)]
    no_bounce_detail: bool,
    /// The same as --deferral-detail 0
    #[arg(long)]
    no_deferral_detail: bool,
    /// The same as --reject-detail 0
    #[arg(long)]
    no_reject_detail: bool,
    /// The same as --smtpd-warning-detail 0
    #[arg(long)]
    no_smtpd_warnings: bool,
}

impl LimitArguments {
    /// Says which options had better be written otherwise.
    fn say_deprecated(&self) {
        for (is_given, option, instead) in [
            (self.no_bounce_detail, "no-bounce-detail", "bounce-detail"),
            (
                self.no_deferral_detail,
                "no-deferral-detail",
                "deferral-detail",
            ),
            (self.no_reject_detail, "no-reject-detail", "reject-detail"),
            (
                self.no_smtpd_warnings,
                "no-smtpd-warnings",
                "smtpd-warning-detail",
            ),
        ] {
            if is_given {
                say(&format!("--{option} is deprecated: use --{instead} 0"));
            }
        }
    }

    /// Returns a limit: its own, else that of all lists, else none. -1 is as good as none given, and
    /// below that all rows are shown.
    fn limit(&self, own: Option<i64>, is_off: bool) -> Limit {
        let own = if is_off { Some(0) } else { own };
        let count = own.filter(|own| *own != -1).or(self.detail);
        count
            .and_then(|count| u64::try_from(count).ok())
            .map_or(Limit::All, Limit::Top)
    }
}

/// What is counted, and under which names.
#[derive(Args, Debug)]
struct CountingArguments {
    /// Only the lines of this day
    #[arg(short = 'd', value_name = "DAY", value_parser = ["today", "yesterday"])]
    day: Option<String>,
    /// Take addresses in upper and lower case for the same, not their domains alone
    #[arg(short = 'i', long)]
    ignore_case: bool,
    /// Turn bang paths such as host.dom!user@next into next!user@host.dom
    #[arg(short = 'm', long)]
    uucp_mung: bool,
    /// Put ID in place of the number in sender addresses of mailing lists; with 2 also drop the
    /// recipient from them
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "1", allow_negative_numbers = true)]
    verp_mung: Option<i64>,
    /// Print the right numbers: those of `mailtally report`, of all syslog names and services, in
    /// pflogsumm's layout
    #[arg(long)]
    mend: bool,
    /// Take lines with this syslog name for Postfix's too; it may be a regular expression
    #[arg(long, value_name = "NAME")]
    syslog_name: Option<String>,
}

/// Which lists there are, and what they look like.
#[derive(Args, Debug)]
struct LayoutArguments {
    /// List each mail's sender and recipients
    #[arg(short = 'e')]
    extended: bool,
    /// Leave out the titles of empty lists
    #[arg(short = 'q')]
    quiet: bool,
    /// Write dates and times as 2026-11-01 and 10:00
    #[arg(long)]
    iso_date_time: bool,
    /// Run mailq at the end
    #[arg(long)]
    mailq: bool,
    /// Leave out the list of mails whose size is not in the log
    #[arg(long)]
    no_no_msg_size: bool,
    /// List problems before traffic
    #[arg(long)]
    problems_first: bool,
    /// Add the sender to rejects
    #[arg(long)]
    rej_add_from: bool,
    /// Count smtpd's connections
    #[arg(long)]
    smtpd_stats: bool,
    /// Print reasons in full
    #[arg(long)]
    verbose_msg_detail: bool,
    /// Print zeros where nothing happened
    #[arg(long)]
    zero_fill: bool,
}

/// The name under which the binary is pflogsumm.
const NAME: &str = "pflogsumm";

/// What was asked of pflogsumm.
pub(super) struct Asked {
    arguments: Vec<OsString>,
    /// Whether the binary runs under pflogsumm's name: without files it reads standard input.
    is_drop_in: bool,
}

/// Tells whether pflogsumm's report is asked for, by the program's name or by `--format`.
pub(super) fn asked(arguments: impl IntoIterator<Item = OsString>) -> Option<Asked> {
    let mut arguments = arguments.into_iter();
    let program = arguments.next()?;
    let mut arguments: Vec<OsString> = arguments.collect();
    if Path::new(&program).file_name() == Some(OsStr::new(NAME)) {
        return Some(Asked {
            arguments,
            is_drop_in: true,
        });
    }
    if arguments.first().is_some_and(|first| first == "report") {
        arguments.remove(0);
    }
    let is_asked_for = without_format(&mut arguments) && !is_for_another(&arguments);
    is_asked_for.then_some(Asked {
        arguments,
        is_drop_in: false,
    })
}

/// Tells whether the first argument is a subcommand that has no such format.
fn is_for_another(arguments: &[OsString]) -> bool {
    let command = super::Arguments::command();
    let first = arguments.first();
    command
        .get_subcommands()
        .any(|other| first.is_some_and(|first| first == other.get_name()))
}

/// Lists this format among those of a report, for help, manual page and completions.
///
/// It is no value of theirs: whoever names it is asked for pflogsumm's options.
pub(super) fn among_formats(format: Arg) -> Arg {
    let others = Format::value_variants().iter();
    let own = PossibleValue::new(NAME)
        .help("For who comes from there: pflogsumm's report, options and numbers; see its --help");
    let values = others.filter_map(Format::to_possible_value).chain([own]);
    format.value_parser(
        PossibleValuesParser::new(values).try_map(|name| Format::from_str(&name, false)),
    )
}

/// Takes `--format pflogsumm` out; tells whether it was there.
fn without_format(arguments: &mut Vec<OsString>) -> bool {
    let end = arguments.iter().position(|argument| argument == "--");
    let options = arguments
        .get(..end.unwrap_or(arguments.len()))
        .unwrap_or_default();
    let apart = options
        .windows(2)
        .position(|pair| pair == ["--format", NAME]);
    let together = options
        .iter()
        .position(|option| option == "--format=pflogsumm");
    match (apart, together) {
        (Some(at), _) => drop(arguments.drain(at..at + 2)),
        (None, Some(at)) => drop(arguments.remove(at)),
        (None, None) => return false,
    }
    true
}

/// Prints pflogsumm's report.
pub(super) fn run(asked: Asked) -> Result<Outcome> {
    let command = Arguments::command();
    let spelt = spelling::spell_out(asked.arguments, &command)?;
    let matches = command.get_matches_from([OsString::from(NAME)].into_iter().chain(spelt));
    let arguments = Arguments::from_arg_matches(&matches)?;
    arguments.limits.say_deprecated();
    let options = arguments.options(Local::now());
    let reader = Reader::new(options.clone())?;
    let mut summary = Summary::new(options);
    let outcome = read(&arguments, asked.is_drop_in, &reader, &mut summary)?;
    print(&summary).context("cannot write the report to standard output")?;
    if arguments.layout.mailq {
        print_queue()?;
    }
    if let Some(missed) = summary.missed() {
        say(&missed);
    }
    Ok(outcome)
}

impl Arguments {
    fn options(&self, now: DateTime<Local>) -> Options {
        let Arguments {
            limits,
            counting,
            layout,
            ..
        } = self;
        Options {
            today: Today {
                year: now.year(),
                month: i8::try_from(now.month0()).unwrap_or(0),
            },
            day: counting.day.as_deref().map(|day| day_of(day, now)),
            host_count: limits.limit(limits.hosts, false),
            user_count: limits.limit(limits.users, false),
            bounce_detail: limits.limit(limits.bounce_detail, limits.no_bounce_detail),
            deferral_detail: limits.limit(limits.deferral_detail, limits.no_deferral_detail),
            reject_detail: limits.limit(limits.reject_detail, limits.no_reject_detail),
            smtp_detail: limits.limit(limits.smtp_detail, false),
            smtpd_warning_detail: limits
                .limit(limits.smtpd_warning_detail, limits.no_smtpd_warnings),
            extended: layout.extended,
            ignore_case: counting.ignore_case,
            iso_date_time: layout.iso_date_time,
            uucp_mung: counting.uucp_mung,
            no_no_msg_size: layout.no_no_msg_size,
            problems_first: layout.problems_first,
            rej_add_from: layout.rej_add_from,
            quiet: layout.quiet,
            smtpd_stats: layout.smtpd_stats,
            syslog_name: counting.syslog_name.clone(),
            verbose_msg_detail: layout.verbose_msg_detail,
            verp_mung: counting.verp_mung,
            zero_fill: layout.zero_fill,
            mend: counting.mend,
        }
    }
}

/// Writes a day as the stamps do.
fn day_of(day: &str, now: DateTime<Local>) -> Day {
    let day = date_of(day, now);
    Day {
        rfc3164: day.format("%b %e").to_string(),
        rfc3339: day.format("%Y-%m-%d").to_string(),
    }
}

/// Returns the day that is meant. Yesterday is reckoned from two hours before midnight, whatever the
/// clocks were set to.
fn date_of(day: &str, now: DateTime<Local>) -> NaiveDate {
    let back = if day == "yesterday" {
        now.hour() + 2
    } else {
        0
    };
    (now - TimeDelta::hours(back.into())).date_naive()
}

/// Reads the logs: one after the other as they are named, as pflogsumm does; mended, in the order in
/// which they were logged.
fn read(
    arguments: &Arguments,
    is_drop_in: bool,
    reader: &Reader,
    summary: &mut Summary,
) -> Result<Outcome> {
    let options = source_options(arguments)?;
    let inputs = if is_drop_in && arguments.input.files().is_empty() {
        vec![Input::Stdin]
    } else {
        arguments.input.inputs()?
    };
    let runs = if arguments.counting.mend {
        arguments.input.configure()?;
        vec![inputs]
    } else {
        inputs.into_iter().map(|input| vec![input]).collect()
    };
    let pool = pipeline::workers(arguments.input.threads())
        .context("cannot start the threads that parse")?;
    let mut outcome = Outcome::Done;
    let mut span = None;
    for inputs in runs {
        let mut chunks = source::read_all(inputs, &options);
        pipeline::in_order(
            chunks.by_ref(),
            &pool,
            |chunk| reader.read(&chunk),
            |part| {
                summary.absorb(&part);
                Ok(())
            },
        )?;
        chunks.settle();
        for problem in chunks.problems() {
            say(&problem.to_string());
            outcome = Outcome::Partial;
        }
        span = over(span, chunks.span());
    }
    if summary.lines() == 0
        && arguments.input.has_range()
        && let Some(nothing) = arguments.input.nothing_within(&options, span)
    {
        say(&nothing.text);
        if nothing.is_uncovered {
            outcome = Outcome::Partial;
        }
    }
    Ok(outcome)
}

/// Says how logs are read. Mended, a day is that of the calendar: its year counts too.
fn source_options(arguments: &Arguments) -> Result<source::Options> {
    let mut options = arguments.input.options()?;
    let Some(day) = arguments.counting.day.as_deref() else {
        return Ok(options);
    };
    if arguments.input.has_range() {
        bail!("-d says which day; give either that, or --date, --since and --until");
    }
    if arguments.counting.mend {
        let day = date_of(day, Local::now())
            .and_time(NaiveTime::MIN)
            .and_utc();
        let next = day + TimeDelta::days(1);
        let us = |time: DateTime<Utc>| Some(time.timestamp_micros());
        options.range = Some(TimeRange::of_wall(us(day), us(next)));
    }
    Ok(options)
}

/// Returns what logs span together.
fn over(one: Option<LogSpan>, other: Option<LogSpan>) -> Option<LogSpan> {
    let (Some(one), Some(other)) = (one, other) else {
        return one.or(other);
    };
    let by_time = |time: &WallTime| time.wall_us;
    let lasts = [one.last, other.last].into_iter().flatten();
    let last = lasts.max_by_key(by_time);
    Some(LogSpan {
        first: [one.first, other.first]
            .into_iter()
            .min_by_key(by_time)
            .unwrap_or(one.first),
        last,
    })
}

fn print(summary: &Summary) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    summary.render(&mut out)?;
    out.flush()
}

/// Lets mailq write to standard output.
fn print_queue() -> Result<()> {
    let mut out = io::stdout().lock();
    let written = writeln!(out, "\nCurrent Mail Queue\n------------------");
    written
        .and_then(|()| out.flush())
        .context("cannot write to standard output")?;
    if let Err(error) = Command::new("mailq").status() {
        say(&format!("cannot run mailq: {error}"));
    }
    Ok(())
}

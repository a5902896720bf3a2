//! `mailtally top`: who sends what nobody wants, by one score.

mod budget;
mod count;
mod export;
mod mmdb;
mod offenders;
mod show;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use self::count::Job;
use self::export::ExportArguments;
use self::offenders::Sort;
use super::Outcome;
use super::input::{self, InputArguments};
use super::kinds::near;
use super::line_conditions::ConditionArguments;
use super::output;
use super::report::PaperArguments;
use crate::score::{self, Budget, By, Prefixes, Terms, Weights};

/// Rows for people.
const ROWS: usize = 20;

#[derive(Args, Debug)]
pub(super) struct TopArguments {
    #[command(flatten)]
    input: InputArguments,
    /// What sources are told apart by: address, network, hostname-domain, helo, sender, sender-domain,
    /// header-domain, rule, dnsbl, user, recipient, alias, asn or country; without it address, and user with
    /// --direction out
    #[arg(long, value_name = "WHAT", value_parser = by)]
    by: Option<By>,
    /// Whose mail is looked at: what comes in, or what our own send
    #[arg(long, value_enum, default_value_t, value_name = "DIRECTION")]
    direction: Direction,
    /// By what our own are ranked, with --direction out
    #[arg(long, value_enum, default_value_t, value_name = "FIGURE")]
    sort: Sort,
    /// Rows; without it, JSON and CSV have all and the others 20
    // What `report` and `trace` call it.
    #[arg(long, aliases = ["top", "limit"], value_name = "N")]
    count: Option<usize>,
    #[command(flatten)]
    conditions: ConditionArguments,
    /// Points of one piece of evidence: reject, refused_for_now, unknown_recipient, dnsbl, auth_failure,
    /// postscreen, protocol, spam, virus; of a refusal of one class: greylist; taken off for each mail
    /// accepted: accepted. May be repeated
    #[arg(long, value_name = "NAME=N", value_parser = weight)]
    weight: Vec<(String, u64)>,
    /// Bits of an IPv4 network
    #[arg(long, value_name = "BITS", default_value_t = 24, value_parser = clap::value_parser!(u8).range(8..=32))]
    prefix4: u8,
    /// Bits of an IPv6 network
    #[arg(long, value_name = "BITS", default_value_t = 64, value_parser = clap::value_parser!(u8).range(16..=128))]
    prefix6: u8,
    /// A file in MaxMind's format with the systems or countries of addresses, for --by asn and --by
    /// country; may be repeated
    #[arg(long, value_name = "FILE")]
    mmdb: Vec<PathBuf>,
    /// Keep to so much memory: 64M, 1G; the lightest sources are forgotten then, and each score is shown
    /// with what it may be at most. Clients with accepted mail and logins need more beside it
    #[arg(long, value_name = "SIZE", value_parser = budget::bytes)]
    memory: Option<u64>,
    #[command(flatten)]
    export: ExportArguments,
    #[command(flatten)]
    paper: PaperArguments,
    /// Print a JSON Schema of --format json (with --direction out, of its own), and read no log
    #[arg(long)]
    schema: bool,
}

/// Whose mail is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Default, ValueEnum, Debug)]
enum Direction {
    /// Strangers': sources of unwanted mail
    #[default]
    In,
    /// Our own: logged-in users, local users, clients of private networks
    Out,
}

/// Reads a value of `--by`.
fn by(text: &str) -> Result<By, String> {
    let found = By::ALL.into_iter().find(|by| by.name() == text);
    found.ok_or_else(|| {
        let names = By::ALL.map(By::name);
        near(text, &names)
    })
}

/// Reads a value of `--weight`; whether the name is one is looked at with the configuration's.
fn weight(text: &str) -> Result<(String, u64), String> {
    let Some((name, points)) = text.split_once('=') else {
        return Err("write a name and a number of points: dnsbl=5".to_owned());
    };
    let points = points.trim().parse();
    let points = points.map_err(|_| format!("`{name}` needs a number of points: {name}=5"))?;
    Ok((name.trim().to_owned(), points))
}

pub(super) fn run(arguments: &TopArguments) -> Result<Outcome> {
    if arguments.schema {
        output::print_schema(&match arguments.direction {
            Direction::In => show::schema(),
            Direction::Out => offenders::schema(),
        })?;
        return Ok(Outcome::Done);
    }
    let filter = arguments.conditions.filter()?;
    arguments.check()?;
    arguments.input.configure()?;
    let weights = arguments.weights()?;
    let by = arguments.by();
    let files = mmdb::Files::open(&arguments.mmdb)?;
    let lookup = |address| files.lookup(by, address);
    let job = Job {
        by,
        filter,
        is_outbound: arguments.direction == Direction::Out,
        budget: arguments.memory.map(|bytes| Budget {
            bytes,
            weights: weights.clone(),
        }),
    };
    let mut options = arguments.input.options()?;
    if job.budget.is_some() {
        options.chunk_bytes = budget::CHUNK_BYTES;
    }
    let mut logs = input::open(&arguments.input, &options)?;
    let counted = count::count(&mut logs, &job, arguments.input.threads())?;
    logs.look_at_range(counted.lines);
    if job.is_outbound {
        let mut rows = counted.outbound.finish();
        offenders::sort(&mut rows, arguments.sort);
        let report = offenders::report(&rows, by, arguments.rows());
        arguments.paper.write_report(&report)?;
        return Ok(logs.outcome());
    }
    let totals = count::finish(counted.matching, &job);
    let is_list = arguments.export.is_asked_for();
    let terms = Terms {
        weights: &weights,
        prefixes: arguments.prefixes(),
        // A list puts networks together by itself: with an eye on who is good in them.
        by: is_list.then_some(By::Address),
        lookup: Some(&lookup),
    };
    let ranking = score::rank(counted.scores, &totals, terms);
    if is_list {
        let all = counted.all.map(|tally| count::finish(tally, &job));
        let networks = (by == By::Network).then(|| arguments.prefixes());
        let bytes = arguments
            .export
            .list(&ranking, all.as_ref().unwrap_or(&totals), networks)?;
        arguments.paper.write_bytes(&bytes)?;
        return Ok(logs.outcome());
    }
    let show = match arguments.paper.is_csv() {
        true => show::table,
        false => show::report,
    };
    let report = show(&ranking, &weights, arguments.rows());
    arguments.paper.write_report(&report)?;
    Ok(logs.outcome())
}

impl TopArguments {
    fn by(&self) -> By {
        self.by.unwrap_or(match self.direction {
            Direction::In => By::Address,
            Direction::Out => By::User,
        })
    }

    /// Looks at what was asked for before anything is read.
    fn check(&self) -> Result<()> {
        let by = self.by();
        let of_own = [By::User, By::Address, By::Sender, By::SenderDomain];
        if matches!(by, By::Asn | By::Country) && self.mmdb.is_empty() {
            bail!(
                "--by {} needs --mmdb FILE: none comes with mailtally",
                by.name()
            );
        }
        if self.memory.is_some() {
            budget::check(
                by,
                self.direction == Direction::Out,
                self.export.is_asked_for(),
            )?;
        }
        if self.direction == Direction::In {
            return self.export.check(by);
        }
        if self.export.is_asked_for() {
            bail!("--export lists strangers: it does not go with --direction out");
        }
        if !of_own.contains(&by) {
            let names = of_own.map(By::name).join(", ");
            bail!(
                "--direction out: --by {} is of strangers; there are: {names}",
                by.name()
            );
        }
        Ok(())
    }

    fn rows(&self) -> usize {
        let all = self.paper.is_for_programs();
        self.count.unwrap_or(if all { usize::MAX } else { ROWS })
    }

    fn prefixes(&self) -> Prefixes {
        Prefixes {
            v4: self.prefix4,
            v6: self.prefix6,
        }
    }

    fn weights(&self) -> Result<Weights> {
        let mut weights = Weights::default();
        let of_site = super::configuration::weights();
        for (name, points) in of_site.iter().chain(&self.weight) {
            if let Err(names) = weights.set(name, *points) {
                bail!("no weight is called `{name}`; {}", near(name, &names));
            }
        }
        Ok(weights)
    }
}

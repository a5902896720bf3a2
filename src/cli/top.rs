//! `mailtally top`: who sends what nobody wants, by one score.

mod count;
mod export;
mod show;

use anyhow::{Result, bail};
use clap::Args;

use self::count::Job;
use self::export::ExportArguments;
use super::events::names;
use super::input::{self, InputArguments};
use super::kinds::close_to;
use super::output::Printed;
use super::report::PaperArguments;
use super::{Format, Outcome};
use crate::filter::{Condition, Filter};
use crate::report::Options;
use crate::score::{self, By, Prefixes, Terms, Weights};
use crate::tally::Tally;

/// Rows for people.
const ROWS: usize = 20;

#[derive(Args, Debug)]
pub(super) struct TopArguments {
    #[command(flatten)]
    input: InputArguments,
    /// What sources are told apart by: address, network, hostname-domain, helo, sender, sender-domain,
    /// header-domain, rule, dnsbl, user, recipient or alias
    #[arg(long, value_name = "WHAT", default_value = "address", value_parser = by)]
    by: By,
    /// Rows; without it, JSON and CSV have all and the others 20
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    /// Count only lines whose field meets this: FIELD=VALUE, != (or no such field), ~REGEX, !~REGEX,
    /// <NUMBER, <=, >, >=; may be repeated, and all must hold
    #[arg(long = "where", value_name = "CONDITION")]
    conditions: Vec<Condition>,
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
    #[command(flatten)]
    export: ExportArguments,
    #[command(flatten)]
    paper: PaperArguments,
}

/// Reads a value of `--by`.
fn by(text: &str) -> Result<By, String> {
    let is_ready = |by: &By| !matches!(by, By::Asn | By::Country);
    let mut all = By::ALL.into_iter().filter(is_ready);
    if let Some(by) = all.clone().find(|by| by.name() == text) {
        return Ok(by);
    }
    let close = close_to(text, all.clone().map(By::name));
    let names: Vec<&str> = all.by_ref().map(By::name).collect();
    Err(which(&close, &names))
}

/// Says which names there are, or which are close to the one that is none.
fn which(close: &[&str], all: &[&str]) -> String {
    match close {
        [] => format!("there are: {}", all.join(", ")),
        close => format!("close ones: {}", close.join(", ")),
    }
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
    names::check(&arguments.conditions)?;
    if arguments.paper.format() == Format::Prometheus {
        bail!("--format prometheus: an address is no label; `mailtally report` writes metrics");
    }
    arguments.export.check(arguments.by)?;
    arguments.input.configure()?;
    let weights = arguments.weights()?;
    let job = Job {
        by: arguments.by,
        filter: Filter::new(arguments.conditions.clone())?,
    };
    let options = arguments.input.options()?;
    let mut logs = input::open(&arguments.input, &options)?;
    let counted = count::count(&mut logs, &job, arguments.input.threads())?;
    logs.look_at_range(counted.lines);
    let totals = counted.matching.finish();
    let is_list = arguments.export.is_asked_for();
    let terms = Terms {
        weights: &weights,
        prefixes: arguments.prefixes(),
        // A list puts networks together by itself: with an eye on who is good in them.
        by: is_list.then_some(By::Address),
        lookup: None,
    };
    let ranking = score::rank(counted.scores, &totals, terms);
    if is_list {
        let all = counted.all.map(Tally::finish);
        let networks = (arguments.by == By::Network).then(|| arguments.prefixes());
        let bytes = arguments
            .export
            .list(&ranking, all.as_ref().unwrap_or(&totals), networks)?;
        arguments.paper.write_bytes(&bytes)?;
        return Ok(logs.outcome());
    }
    let all = arguments.paper.is_for_programs();
    let rows = arguments
        .count
        .unwrap_or(if all { usize::MAX } else { ROWS });
    let show = match arguments.paper.is_csv() {
        true => show::table,
        false => show::report,
    };
    let report = show(&ranking, &weights, rows);
    arguments.paper.write(&Printed {
        report: &report,
        totals: &totals,
        options: &Options::default(),
    })?;
    Ok(logs.outcome())
}

impl TopArguments {
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
                let close = close_to(name, names.iter().copied());
                bail!("no weight is called `{name}`; {}", which(&close, &names));
            }
        }
        Ok(weights)
    }
}

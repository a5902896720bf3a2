//! `--where` of a report: which lines and mails count, checked before anything is read.

use std::net::IpAddr;

use anyhow::{Result, bail};
use clap::Args;

use super::fail_on::FailOn;
use super::kinds::{self, close_to, near};
use crate::filter::Condition;
use crate::report::{Options, Part, Share};
use crate::select::{self, MAIL_FIELDS, Selection};
use crate::tally;

#[derive(Args, Debug)]
pub(super) struct WhereArguments {
    /// Count only lines and mails that meet this: FIELD=VALUE, !=, ~REGEX, !~REGEX, <NUMBER, <=, >=
    /// or >; may be repeated, and all must hold. Fields are those of `events`, and client, network,
    /// user, rule; sender, recipient, sender_domain, recipient_domain and status choose whole mails
    #[arg(long = "where", value_name = "CONDITION", conflicts_with = "unparsed")]
    conditions: Vec<Condition>,
}

impl WhereArguments {
    /// Returns the conditions, if they are such as a line or mail can meet.
    pub(super) fn selection(&self) -> Result<Selection> {
        for condition in &self.conditions {
            check(condition)?;
        }
        Ok(Selection::new(self.conditions.clone())?)
    }
}

/// What a mail's deliveries are logged as, and expiry.
const STATUSES: [&str; 9] = [
    "sent",
    "deferred",
    "bounced",
    "SOFTBOUNCE",
    "expired",
    "force-expired",
    "deliverable",
    "undeliverable",
    "undeliverable-but-not-cached",
];

/// Refuses a condition that nothing can meet, and says what is near it.
fn check(condition: &Condition) -> Result<()> {
    let field = condition.field();
    if field == "time" {
        bail!("--where: a report takes its range of time from --date, --since and --until");
    }
    let names = select::names();
    if !names.contains(&field) {
        return unknown_field(field, &names);
    }
    match condition.value() {
        Some(value) => check_value(condition, value),
        None => Ok(()),
    }
}

fn unknown_field(field: &str, names: &[&str]) -> Result<()> {
    let close = close_to(field, names.iter().copied());
    if close.is_empty() {
        bail!(
            "--where: no line or mail has a field `{field}`; `mailtally events --schema` has those \
             of lines, and mails have {}",
            MAIL_FIELDS.join(", ")
        );
    }
    bail!(
        "--where: no line or mail has a field `{field}`; close ones: {}",
        close.join(", ")
    );
}

fn check_value(condition: &Condition, value: &str) -> Result<()> {
    let wrong = match condition.field() {
        "kind" => kinds::parse(value).err(),
        "status" => wrong_status(value),
        "network" => wrong_network(value),
        "sender" | "recipient" => wrong_address(value),
        "sender_domain" | "recipient_domain" => wrong_domain(value),
        _ => None,
    };
    match wrong {
        Some(wrong) => bail!("--where {condition}: {wrong}"),
        None => Ok(()),
    }
}

fn wrong_status(value: &str) -> Option<String> {
    if STATUSES.contains(&value) {
        return None;
    }
    Some(format!(
        "mails have no such status; {}",
        near(value, &STATUSES)
    ))
}

/// Networks have one size, and the name that a report shows.
fn wrong_network(value: &str) -> Option<String> {
    let address = value.split_once('/').map_or(value, |(address, _)| address);
    let Ok(address) = address.parse::<IpAddr>() else {
        return Some("write a network as 203.0.113.0/24 or 2001:db8:0:1::/64".to_owned());
    };
    let network = tally::network(&address.to_string());
    (network != value).then(|| format!("the network of that address is {network}"))
}

fn wrong_address(value: &str) -> Option<String> {
    let bare = value.strip_prefix('<')?.strip_suffix('>')?;
    Some(format!("leave out the brackets: {bare}"))
}

fn wrong_domain(value: &str) -> Option<String> {
    let (_, domain) = value.rsplit_once('@')?;
    Some(format!("that is an address; its domain is {domain}"))
}

/// Takes sections out of a report of mails about which mails say nothing; returns what its reader
/// must know of that.
pub(super) fn leave_out(options: &mut Options) -> Vec<String> {
    let (left, out) = options.sections.of_mails();
    let names = |parts: Vec<Part>| {
        let names: Vec<&str> = parts.into_iter().map(Part::name).collect();
        names.join(", ")
    };
    let parts = Part::ALL.iter().copied();
    let is_some = |part: &Part| left.has(*part) && part.share_of_mails() == Share::Some;
    let some: Vec<Part> = parts.filter(is_some).collect();
    options.sections = left;
    let mut notes = Vec::new();
    if !out.is_empty() {
        notes.push(format!(
            "Chosen by mail: lines that name no mail are filtered out, so there is nothing to show of {}.",
            names(out)
        ));
    }
    if !some.is_empty() {
        notes.push(format!(
            "For the same reason {} count only lines of mails.",
            names(some)
        ));
    }
    notes
}

/// Figures that no line of a mail moves.
const UNSEEN: [&str; 6] = [
    "unparsed",
    "foreign",
    "lost",
    "failed_logins",
    "inbound_plaintext",
    "outbound_plaintext",
];

/// Refuses limits on figures that are always 0 when only mails are counted.
pub(super) fn refuse_unseen(limits: &[FailOn]) -> Result<()> {
    match limits.iter().find(|limit| UNSEEN.contains(&limit.figure())) {
        Some(limit) => bail!(
            "--fail-on {limit}: with conditions on mails the lines that tell are filtered out; ask \
             for it without --where"
        ),
        None => Ok(()),
    }
}

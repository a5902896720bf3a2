//! Which alert speaks of which incident.

use std::collections::BTreeMap;

use loggen::MonthTruth;
use loggen::month_truth::{Incident, Keys, Label};
use serde_json::Value;

use super::{LEADS_TO, SAID_BY};

const HOUR: u64 = 3_600_000_000;

/// An alert that was raised or updated.
#[derive(Clone, Debug)]
pub(crate) struct Alert {
    pub(crate) rule: String,
    pub(crate) is_page: bool,
    pub(crate) change: String,
    pub(crate) at_us: u64,
    within_us: u64,
    key: Vec<(String, String)>,
}

impl Alert {
    /// Reads a line of `watch --format jsonl`.
    pub(crate) fn read(line: &str) -> Self {
        let value: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| value[name].as_str().unwrap().to_owned();
        let at = chrono::DateTime::parse_from_rfc3339(&text("time")).unwrap();
        let pair = |pair: &Value| {
            let of = |index: usize| pair[index].as_str().unwrap_or_default().to_owned();
            (of(0), of(1))
        };
        Self {
            rule: text("rule"),
            is_page: text("class") == "page",
            change: text("change"),
            at_us: u64::try_from(at.timestamp_micros()).unwrap(),
            within_us: value["within_secs"].as_u64().unwrap_or(0) * 1_000_000,
            key: value["key"].as_array().unwrap().iter().map(pair).collect(),
        }
    }

    /// True if it is about one of these keys. The host's name alone says nothing of whom it is about.
    fn is_about(&self, keys: &Keys) -> bool {
        let mut names = self
            .key
            .iter()
            .filter(|(name, _)| !is_of_site(name))
            .peekable();
        if names.peek().is_none() {
            return keys
                .keys()
                .all(|name| *name == "host" || *name == "domain" || *name == "recipient");
        }
        names.any(|(_, value)| keys.values().flatten().any(|known| is_same(value, known)))
    }

    /// Alerts come while it lasts, or at the end of a window that it fell into.
    fn is_in_time(&self, begin: u64, end: u64) -> bool {
        begin <= self.at_us && self.at_us <= end + self.within_us.max(HOUR)
    }
}

fn is_of_site(name: &str) -> bool {
    matches!(
        name,
        "host" | "daemon" | "instance" | "service" | "direction" | "family"
    )
}

/// The same name, a network that holds the address, or a server or user of the domain.
fn is_same(value: &str, known: &str) -> bool {
    if value.eq_ignore_ascii_case(known) {
        return true;
    }
    if let Some((network, bits)) = value.split_once('/') {
        return holds(network, bits, known);
    }
    let host = value.split('[').next().unwrap_or_default();
    host.strip_suffix(known)
        .is_some_and(|rest| rest.ends_with(['.', '@']))
}

fn holds(network: &str, bits: &str, address: &str) -> bool {
    use std::net::IpAddr;
    let (Ok(network), Ok(address), Ok(bits)) = (
        network.parse::<IpAddr>(),
        address.parse::<IpAddr>(),
        bits.parse::<u32>(),
    ) else {
        return false;
    };
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let shift = 32 - bits;
            u64::from(network.to_bits()) >> shift == u64::from(address.to_bits()) >> shift
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let shift = 128 - bits;
            network.to_bits().checked_shr(shift) == address.to_bits().checked_shr(shift)
        }
        _ => false,
    }
}

/// The rules that say what a kind of incident is.
pub(crate) fn rules_of(kind: &str) -> &'static [&'static str] {
    let found = SAID_BY.iter().find(|(known, _)| *known == kind);
    found.map_or(&[], |(_, rules)| rules)
}

/// What alerts of a rule were about.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct OfRule {
    pub(crate) is_page: bool,
    pub(crate) raised: usize,
    pub(crate) must: usize,
    pub(crate) may: usize,
    pub(crate) must_not: usize,
    pub(crate) happening: usize,
    /// About something of an incident that is not this rule's.
    pub(crate) beside: usize,
    pub(crate) nothing: usize,
}

/// What the alerts of a month come to.
#[derive(Default)]
pub(crate) struct Verdict {
    /// For each incident, when one of its rules first fired.
    pub(crate) first: BTreeMap<String, u64>,
    pub(crate) by_rule: BTreeMap<String, OfRule>,
    /// Pages in quiet weeks: rule, time and keys.
    pub(crate) quiet_pages: Vec<String>,
    /// Pages in other weeks that are about nothing that happened.
    pub(crate) stray_pages: Vec<String>,
}

impl Verdict {
    /// How many incidents must be reported, and how many of them are.
    pub(crate) fn recall(&self, truth: &MonthTruth) -> (usize, usize) {
        let must = truth
            .incidents
            .iter()
            .filter(|one| one.label == Label::Must)
            .count();
        (must, self.hits_of(truth, Label::Must).len())
    }

    /// The incidents of a label that were reported.
    pub(crate) fn hits_of(&self, truth: &MonthTruth, label: Label) -> Vec<String> {
        let of_label = truth.incidents.iter().filter(|one| one.label == label);
        let hit = of_label.filter(|one| self.first.contains_key(&one.id));
        hit.map(|one| one.id.clone()).collect()
    }
}

/// Holds the alerts of a month against its truth.
pub(crate) fn judge(truth: &MonthTruth, alerts: Vec<Alert>) -> Verdict {
    let mut verdict = Verdict::default();
    for alert in alerts
        .into_iter()
        .filter(|alert| alert.change != "resolved")
    {
        let near: Vec<&Incident> = truth
            .incidents
            .iter()
            .filter(|one| alert.is_in_time(one.span.begin_us, one.span.end_us))
            .filter(|one| alert.is_about(&one.keys))
            .collect();
        let meant = |one: &&&Incident| rules_of(one.kind).contains(&alert.rule.as_str());
        // What must or may be reported explains an alert before what must not.
        let explained = near.iter().filter(meant).min_by_key(|one| one.label);
        let label = explained.map(|one| one.label);
        let label = label.filter(|label| *label != Label::MustNot || !is_led_to(&alert, truth));
        for one in near
            .iter()
            .filter(meant)
            .filter(|one| Some(one.label) == label)
        {
            let first = verdict.first.entry(one.id.clone()).or_insert(alert.at_us);
            *first = alert.at_us.min(*first);
        }
        if alert.change == "raised" {
            count(&mut verdict, truth, &alert, label, !near.is_empty());
        }
    }
    verdict
}

/// True if something else was going on that leads to such alerts.
fn is_led_to(alert: &Alert, truth: &MonthTruth) -> bool {
    let leads = |kind: &str| {
        let of_kind = LEADS_TO.iter().filter(|(known, _)| *known == kind);
        of_kind
            .flat_map(|(_, rules)| *rules)
            .any(|rule| *rule == alert.rule)
    };
    truth.incidents.iter().any(|one| {
        one.label != Label::MustNot
            && leads(one.kind)
            && alert.is_in_time(one.span.begin_us, one.span.end_us)
    })
}

fn count(
    verdict: &mut Verdict,
    truth: &MonthTruth,
    alert: &Alert,
    label: Option<Label>,
    is_near: bool,
) {
    let happens = truth.happenings.iter().any(|one| {
        alert.is_in_time(one.span.begin_us, one.span.end_us) && alert.is_about(&one.keys)
    });
    let rule = verdict.by_rule.entry(alert.rule.clone()).or_default();
    rule.is_page = alert.is_page;
    rule.raised += 1;
    let counter = match label {
        Some(Label::Must) => &mut rule.must,
        Some(Label::May) => &mut rule.may,
        Some(Label::MustNot) => &mut rule.must_not,
        None if is_near => &mut rule.beside,
        None if happens => &mut rule.happening,
        None => &mut rule.nothing,
    };
    *counter += 1;
    if !alert.is_page {
        return;
    }
    // Afterwards nobody comes any more: of that nothing is labelled.
    if alert.at_us >= truth.end_us {
        return;
    }
    let is_quiet = |at: u64| {
        truth
            .quiet_weeks
            .iter()
            .any(|week| week.begin_us <= at && at < week.end_us)
    };
    let said = format!("{} {:?} at {}", alert.rule, alert.key, stamp(alert.at_us));
    let is_explained = matches!(label, Some(Label::Must | Label::May));
    match (is_quiet(alert.at_us), is_explained || is_near) {
        (true, _) if !is_explained => verdict.quiet_pages.push(said),
        (false, false) => verdict.stray_pages.push(said),
        _ => {}
    }
}

fn stamp(at_us: u64) -> String {
    let at = chrono::DateTime::from_timestamp_micros(i64::try_from(at_us).unwrap()).unwrap();
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

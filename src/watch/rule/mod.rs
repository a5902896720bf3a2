//! Rules: what is counted for which key, and how much of it is too much.
//!
//! A rule has one or several signs: conditions on what happened within its window, for each key. It is
//! over when so many of them are as it needs.

mod read;
mod words;

use serde::{Deserialize, Serialize};

use super::values::{Slot, Source};
use crate::filter::Condition;

pub use read::{Rules, builtin, read_rules};

/// What is wrong with a rule.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// It is no TOML.
    #[error("{}", .0.to_string().lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(": "))]
    Toml(#[from] toml::de::Error),
    /// There is something beside rules.
    #[error("unknown key `{0}`: a file has only [[rule]] tables")]
    Key(String),
    /// A rule without a name, and with which number it is.
    #[error("rule {0} has no name")]
    Name(usize),
    /// Something in a rule.
    #[error("rule {rule:?}: {cause}")]
    Rule {
        /// The rule.
        rule: String,
        /// What is wrong, and what to write instead.
        cause: String,
    },
}

/// Whom an alert concerns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertClass {
    /// A human must act.
    Page,
    /// A machine may, and a human reads it some day.
    Background,
}

impl AlertClass {
    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            AlertClass::Page => "page",
            AlertClass::Background => "background",
        }
    }
}

/// How bad something is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Something is wrong.
    Warning,
    /// Something is broken or broken into.
    Critical,
}

impl Severity {
    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

/// A rule that was read.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name.
    pub name: String,
    pub(super) about: String,
    pub(super) next: String,
    /// Whom its alerts concern.
    pub class: AlertClass,
    /// How bad what it finds is.
    pub severity: Severity,
    /// The fields whose values are the key.
    pub(super) key: Vec<(String, Source)>,
    pub(super) within_us: i64,
    pub(super) hold_us: i64,
    pub(super) cool_down_us: i64,
    pub(super) signs: Vec<Sign>,
    /// How many signs of different groups it takes.
    pub(super) need: usize,
    /// If there are any, only their events raise the alert, and they are not counted.
    pub(super) trigger: Vec<Selector>,
    /// Events of a key after which it is not raised, and for how long; only those that were there
    /// before what is counted began.
    pub(super) usual: Vec<Selector>,
    pub(super) usual_within_us: i64,
    /// So many keys are kept.
    pub(super) most_keys: usize,
}

/// A condition on what happened within the window of a rule.
#[derive(Clone, Debug)]
pub(super) struct Sign {
    pub(super) name: String,
    /// Of the signs of one group it takes one.
    pub(super) group: String,
    pub(super) on: Vec<Selector>,
    /// How many events it takes, whatever else is asked.
    pub(super) count: u64,
    pub(super) test: Test,
}

/// What is asked beside the number of events.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// Nothing.
    Count,
    /// So many different values of a field.
    Distinct {
        field: String,
        source: Source,
        count: u64,
    },
    /// So many values of a field that were not there before.
    Novel {
        field: String,
        source: Source,
        count: u64,
        /// How long values are remembered.
        memory_us: i64,
        /// A key that is known for less is not judged.
        after_us: i64,
    },
    /// The median pause between events is at least so long.
    Pauses { at_least_us: i64 },
    /// They are so many in a hundred of others.
    Share {
        of: Vec<Selector>,
        percent: u64,
        of_count: u64,
    },
    /// They are so many times what is usual at that hour, and so many spreads above it.
    Spike { times: u64, spreads: u64 },
    /// They are so many times what the key's own hours have, but for one in some: that percentile of
    /// them, once so many are known.
    Habit {
        times: u64,
        percentile: u64,
        hours: usize,
    },
    /// There are none for so many times the longest pause that is usual at that hour.
    Silence {
        times: i64,
        at_least_us: i64,
        at_most_us: i64,
        /// Others that have to go on meanwhile.
        meanwhile: Vec<Selector>,
        meanwhile_count: u64,
    },
}

impl Test {
    /// Tells whether it compares with what was usual before.
    pub(super) fn needs_history(&self) -> bool {
        matches!(self, Test::Spike { .. } | Test::Silence { .. })
    }

    /// Returns the selectors of the events that it compares with.
    pub(super) fn others(&self) -> &[Selector] {
        match self {
            Test::Share { of, .. } => of,
            Test::Silence { meanwhile, .. } => meanwhile,
            _ => &[],
        }
    }
}

/// Which events are counted.
#[derive(Clone, Debug)]
pub(super) struct Selector {
    pub(super) kinds: Vec<String>,
    pub(super) problems: Vec<String>,
    pub(super) conditions: Vec<(Slot, Condition)>,
    /// The field that says how many events it stands for; without it, it is one.
    pub(super) weight: Option<Slot>,
}

#[cfg(test)]
mod tests;

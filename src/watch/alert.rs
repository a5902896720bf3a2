//! An alert: what was found, by which rule, and what to do next; as text and as JSON.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::engine::BETWEEN;
use super::key::{KeyState, leading};
use super::rule::{AlertClass, Rule, Severity, Test};
use super::sign::Finding;
use crate::render::escaped;
use crate::source::Place;

/// What became of an alert.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is new.
    Raised,
    /// It is twice as bad as when it was last spoken of.
    Updated,
    /// It is over.
    Resolved,
}

impl Change {
    fn name(self) -> &'static str {
        match self {
            Change::Raised => "raised",
            Change::Updated => "updated",
            Change::Resolved => "resolved",
        }
    }
}

/// A change of an alert.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Alert {
    /// The version of this object.
    pub schema: u32,
    /// A hash of rule, key and the time at which it was due: the same in all its changes.
    pub id: String,
    /// What became of it.
    pub change: Change,
    /// When that was due, in the log's time.
    pub time: String,
    /// The rule.
    pub rule: String,
    /// Whom it concerns.
    pub class: AlertClass,
    /// How bad it is.
    pub severity: Severity,
    /// Whom or what it is about: names and values.
    pub key: Vec<(String, String)>,
    /// How much there was within the window.
    pub count: u64,
    /// How much it takes.
    pub threshold: u64,
    /// How many different values there were, where the rule asks for that.
    pub distinct: Option<u64>,
    /// Whether that number is exact.
    pub distinct_is_exact: bool,
    /// Of what.
    pub distinct_field: Option<String>,
    /// How many it takes.
    pub distinct_threshold: Option<u64>,
    /// How long the window is.
    pub within_secs: i64,
    /// Each sign of the rule, and how it stands.
    #[serde(default)]
    pub signs: Vec<SignNumbers>,
    /// What happened.
    pub about: String,
    /// What to do next.
    pub next: String,
    /// The first line, cut if it is long.
    pub first_line: String,
    /// The last line, cut if it is long.
    pub last_line: String,
    /// Where the last line is: the file's fingerprint and the offset.
    pub source: Option<String>,
}

/// How a sign of a rule stands.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SignNumbers {
    /// Its name; empty where the rule has one sign.
    pub name: String,
    /// Whether it is met.
    pub is_met: bool,
    /// The numbers against their thresholds, or what is usual.
    pub numbers: String,
}

/// The hash of rule, key and due time.
pub(super) fn id(rule: &str, key: &str, due_us: i64) -> String {
    let mut hash = Sha256::new();
    for part in [rule.as_bytes(), key.as_bytes(), &due_us.to_be_bytes()] {
        hash.update(u64::try_from(part.len()).unwrap_or(0).to_be_bytes());
        hash.update(part);
    }
    let mut id = String::new();
    for byte in hash.finalize().iter().take(8) {
        // Writing into a string does not fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}

impl Alert {
    /// Writes the alert for people, over a few lines.
    pub fn text(&self) -> String {
        let key: Vec<String> = self
            .key
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let (time, change, rule) = (&self.time, self.change.name(), &self.rule);
        let (class, severity) = (self.class.name(), self.severity.name());
        let key = escaped(&key.join(" "));
        let mut text = format!("{time} {change} {rule} [{class}, {severity}] {key}\n");
        let _ = writeln!(text, "  {}", self.about);
        let _ = writeln!(text, "  found  {}", self.numbers());
        if self.change != Change::Resolved {
            // One line is shown once: on a telephone at night a line is a screen.
            if self.first_line != self.last_line {
                let _ = writeln!(text, "  first  {}", escaped(&self.first_line));
            }
            let _ = writeln!(text, "  last   {}", escaped(&self.last_line));
            let _ = writeln!(text, "  next   {}", self.next);
        }
        let _ = writeln!(text, "  id     {}", self.id);
        text
    }

    /// The numbers of the signs that are met; of all where none is any more.
    fn numbers(&self) -> String {
        let is_any_met = self.signs.iter().any(|sign| sign.is_met);
        let said = self.signs.iter().filter(|sign| sign.is_met || !is_any_met);
        let said = said.map(|sign| match sign.name.is_empty() {
            true => sign.numbers.clone(),
            false => format!("{} {}", sign.name, sign.numbers),
        });
        said.collect::<Vec<_>>().join("; ")
    }

    /// Writes the alert as one JSON object with a line end.
    ///
    /// # Errors
    /// Never: there is nothing in it that JSON cannot say.
    pub fn json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}

impl Alert {
    /// Says how a key of a rule stands.
    pub(super) fn new(
        rule: &Rule,
        key: &str,
        state: &KeyState,
        (change, id): (Change, String),
        time: String,
        findings: &[Finding],
    ) -> Self {
        let leads = findings.iter().position(|found| found.is_over).unwrap_or(0);
        let leading = leading(findings);
        let sign = rule.signs.get(leads);
        let distinct = sign.and_then(|sign| match &sign.test {
            Test::Distinct { field, count, .. } => Some((field, *count)),
            _ => None,
        });
        let names = rule.key.iter().map(|(name, _)| name.clone());
        let signs = rule.signs.iter().zip(findings);
        Alert {
            schema: 1,
            id,
            change,
            time,
            rule: rule.name.clone(),
            class: rule.class,
            severity: rule.severity,
            key: names.zip(key.split(BETWEEN).map(str::to_owned)).collect(),
            count: leading.count,
            threshold: sign.map_or(0, |sign| sign.count),
            distinct: distinct.map(|_| leading.number),
            distinct_is_exact: leading.is_exact,
            distinct_field: distinct.map(|(field, _)| field.clone()),
            distinct_threshold: distinct.map(|(_, threshold)| threshold),
            within_secs: rule.within_us / 1_000_000,
            signs: signs
                .map(|(sign, found)| SignNumbers {
                    name: sign.name.clone(),
                    is_met: found.is_over,
                    numbers: sign.says(found, rule.within_us),
                })
                .collect(),
            about: rule.about.clone(),
            next: rule.next.clone(),
            first_line: state.first_line.0.to_string(),
            last_line: state.last_line.0.to_string(),
            source: state.last_place.map(|(fingerprint, offset)| {
                let place = Place {
                    fingerprint,
                    offset,
                };
                place.to_string()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An alert of the same rule and key an hour later is another one, and so is one whose rule and key
    /// are the same letters, parted elsewhere.
    #[test]
    fn an_id_is_of_the_rule_the_key_and_the_due_time() {
        let ids = [
            id("rule", "key", 1),
            id("rule", "key", 2),
            id("rulek", "ey", 1),
            id("rule", "yek", 1),
            id("elur", "key", 1),
        ];
        let different: std::collections::BTreeSet<&String> = ids.iter().collect();
        assert_eq!(different.len(), ids.len(), "{ids:?}");
        assert_eq!(ids[0], id("rule", "key", 1));
        assert_eq!(ids[0].len(), 16);
    }
}

//! An alert: what was found, by which rule, and what to do next; as text and as JSON.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::rule::{AlertClass, Rule, Severity};
use crate::render::escaped;

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
        let _ = writeln!(text, "  {}: {}", self.numbers(), self.about);
        if self.change != Change::Resolved {
            let _ = writeln!(text, "  first  {}", escaped(&self.first_line));
            let _ = writeln!(text, "  last   {}", escaped(&self.last_line));
            let _ = writeln!(text, "  next   {}", self.next);
        }
        let _ = writeln!(text, "  id     {}", self.id);
        text
    }

    /// The numbers against their thresholds.
    fn numbers(&self) -> String {
        let within = span(self.within_secs);
        let counted = format!("{} (threshold {})", self.count, self.threshold);
        match (self.distinct, self.distinct_threshold, &self.distinct_field) {
            (Some(distinct), Some(threshold), Some(field)) => {
                let about = if self.distinct_is_exact { "" } else { "about " };
                format!(
                    "{about}{distinct} different of {field} (threshold {threshold}) in {} events within {within}",
                    self.count
                )
            }
            _ => format!("{counted} within {within}"),
        }
    }

    /// Writes the alert as one JSON object with a line end.
    ///
    /// # Errors
    /// Never: there is nothing in it that JSON cannot say.
    pub fn json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}

/// Writes a time span in its largest whole unit.
fn span(seconds: i64) -> String {
    for (unit, name) in [(86_400, "d"), (3_600, "h"), (60, "min")] {
        if seconds >= unit && seconds % unit == 0 {
            return format!("{} {name}", seconds / unit);
        }
    }
    format!("{seconds} s")
}

impl Rule {
    /// Begins an alert of this rule, all numbers 0.
    pub(super) fn alert(&self, change: Change, id: String, time: String) -> Alert {
        Alert {
            schema: 1,
            id,
            change,
            time,
            rule: self.name.clone(),
            class: self.class,
            severity: self.severity,
            key: Vec::new(),
            count: 0,
            threshold: self.count,
            distinct: None,
            distinct_is_exact: true,
            distinct_field: self.distinct.clone(),
            distinct_threshold: self.distinct.as_ref().map(|_| self.distinct_count),
            within_secs: self.within_us / 1_000_000,
            about: self.about.clone(),
            next: self.next.clone(),
            first_line: String::new(),
            last_line: String::new(),
            source: None,
        }
    }
}

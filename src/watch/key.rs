//! What is kept for a key of a rule, and what becomes of its alert.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::alert::{Change, id};
use super::rule::{Rule, Test};
use super::sign::{Finding, Moment, SignState};
use super::window::bucket_us;

/// A line, kept once for all keys that it is of.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Sample(pub(super) Arc<str>);

impl Default for Sample {
    fn default() -> Self {
        Sample(Arc::from(""))
    }
}

impl Serialize for Sample {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Sample {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(Sample(text.into()))
    }
}

/// What is kept for a key of a rule.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct KeyState {
    pub(super) signs: Vec<SignState>,
    /// When what is counted began.
    pub(super) first_us: i64,
    pub(super) first_line: Sample,
    /// When that line came.
    #[serde(default)]
    first_line_us: i64,
    pub(super) last_line: Sample,
    pub(super) last_place: Option<(u64, u64)>,
    pub(super) touched: u64,
    over_since_us: Option<i64>,
    pub(super) due_us: Option<i64>,
    quiet_until_us: Option<i64>,
    pub(super) open: Option<Open>,
    /// The first and the last event that makes the key a usual one.
    usual_us: Option<(i64, i64)>,
}

/// An alert that is not resolved yet.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Open {
    pub(super) id: String,
    /// The number that was said last.
    said: u64,
}

impl KeyState {
    pub(super) fn new(rule: &Rule) -> Self {
        KeyState {
            signs: rule.signs.iter().map(SignState::new).collect(),
            ..KeyState::default()
        }
    }

    pub(super) fn expire(&mut self, rule: &Rule, now_us: i64) {
        for (state, sign) in self.signs.iter_mut().zip(&rule.signs) {
            state.expire(sign, now_us, rule.within_us);
        }
        let is_forgotten = |(_, last_us): &(i64, i64)| *last_us < now_us - rule.usual_within_us;
        if self.usual_us.as_ref().is_some_and(is_forgotten) {
            self.usual_us = None;
        }
    }

    /// Keeps a line for alerts to show. Where something goes on all the time, the first one is of the
    /// window and not of the beginning of all; an alert keeps that with which it began.
    pub(super) fn show(&mut self, rule: &Rule, now_us: i64, line: Sample) {
        let is_idle = self.is_idle();
        if is_idle {
            self.first_us = now_us;
        }
        let is_old = now_us.saturating_sub(self.first_line_us) > rule.within_us;
        if is_idle || is_old && self.open.is_none() {
            self.first_line_us = now_us;
            self.first_line = line.clone();
        }
        self.last_line = line;
    }

    /// Tells whether nothing at all is counted.
    pub(super) fn is_idle(&self) -> bool {
        self.signs.iter().all(|sign| sign.window.count() == 0)
    }

    pub(super) fn is_needed(&self, now_us: i64) -> bool {
        self.open.is_some()
            || self.usual_us.is_some()
            || self.signs.iter().any(SignState::is_needed)
            || self
                .quiet_until_us
                .is_some_and(|until_us| until_us > now_us)
    }

    /// Notes an event that makes the key a usual one.
    pub(super) fn note_usual(&mut self, now_us: i64) {
        let (first_us, _) = self.usual_us.unwrap_or((now_us, now_us));
        self.usual_us = Some((first_us, now_us));
    }

    /// Tells whether it was a usual one before what is counted began.
    fn was_usual(&self) -> bool {
        self.usual_us
            .is_some_and(|(first_us, _)| first_us < self.first_us)
    }

    /// Says how the signs stand.
    pub(super) fn find(&mut self, rule: &Rule, moment: Moment<'_>) -> Vec<Finding> {
        let signs = self.signs.iter_mut().zip(&rule.signs);
        signs
            .map(|(state, sign)| state.find(sign, moment))
            .collect()
    }

    /// Raises, updates or resolves the alert.
    pub(super) fn change(
        &mut self,
        rule: &Rule,
        key: &str,
        now_us: i64,
        may_raise: bool,
        findings: &[Finding],
    ) -> Option<(Change, String)> {
        let is_over = groups(rule, findings, |found| found.is_over) >= rule.need;
        let number = leading(findings).number;
        let since_us = self.over_since_us.filter(|_| is_over).unwrap_or(now_us);
        self.over_since_us = is_over.then_some(since_us);
        if let Some(open) = &mut self.open {
            if is_over && number >= open.said.saturating_mul(2) {
                open.said = number;
                return Some((Change::Updated, open.id.clone()));
            }
            // Not at the threshold itself: an attack that goes on near it is one attack.
            if groups(rule, findings, |found| !found.is_calm) < rule.need {
                self.quiet_until_us = Some(now_us.saturating_add(rule.cool_down_us));
                let id = open.id.clone();
                self.open = None;
                return Some((Change::Resolved, id));
            }
            return None;
        }
        let is_quiet = self
            .quiet_until_us
            .is_some_and(|until_us| now_us < until_us);
        let has_held = now_us - since_us >= rule.hold_us;
        if !(is_over && may_raise && has_held) || is_quiet || self.was_usual() {
            return None;
        }
        let id = id(&rule.name, key, now_us);
        self.open = Some(Open {
            id: id.clone(),
            said: number,
        });
        Some((Change::Raised, id))
    }

    /// When to look again, if nothing more happens.
    pub(super) fn next_look_us(&self, rule: &Rule, now_us: i64) -> Option<i64> {
        let silent_us = self.silence_us(rule, now_us);
        if let Some(open) = &self.open {
            let bucket_us = bucket_us(rule.within_us);
            let is_silent = |sign: &super::rule::Sign| matches!(sign.test, Test::Silence { .. });
            if rule.signs.iter().any(is_silent) {
                // A silence ends with a line; without one it is twice as long some day.
                let said_us = i64::try_from(open.said).ok()?.checked_mul(1_000_000)?;
                return now_us.checked_add(said_us.max(bucket_us));
            }
            return Some((now_us.div_euclid(bucket_us) + 1) * bucket_us);
        }
        let held_us = self
            .over_since_us
            .map(|since_us| since_us.saturating_add(rule.hold_us));
        let held_us = held_us.filter(|held_us| *held_us > now_us);
        held_us.into_iter().chain(silent_us).min()
    }

    /// When a silence is due. Lines that come on move that on and on: the timer stays where it is until
    /// it is due, and is set anew then.
    fn silence_us(&self, rule: &Rule, now_us: i64) -> Option<i64> {
        let signs = || self.signs.iter().zip(&rule.signs);
        let earliest_us = signs().find_map(|(state, sign)| state.earliest_due_us(sign))?;
        if let Some(due_us) = self.due_us.filter(|due_us| *due_us <= earliest_us) {
            return Some(due_us);
        }
        if earliest_us > now_us {
            return Some(earliest_us);
        }
        let due_us = signs().find_map(|(state, sign)| state.due_us(sign))?;
        (due_us > now_us).then_some(due_us)
    }
}

/// Returns of how many different groups signs are so.
fn groups(rule: &Rule, findings: &[Finding], is_so: impl Fn(&Finding) -> bool) -> usize {
    let mut groups: Vec<&str> = Vec::new();
    for (sign, found) in rule.signs.iter().zip(findings) {
        if is_so(found) && !groups.contains(&sign.group.as_str()) {
            groups.push(&sign.group);
        }
    }
    groups.len()
}

/// The sign that an alert's own numbers are those of: the first that is met.
pub(super) fn leading(findings: &[Finding]) -> Finding {
    let met = findings.iter().find(|found| found.is_over);
    met.or(findings.first()).copied().unwrap_or_default()
}

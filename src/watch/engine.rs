//! Takes events in and says which alerts they raise.
//!
//! A rule is looked at when one of its keys is touched, or when the log's time reaches the moment at
//! which a key may have changed by itself. What is kept for a key is small, and so is the number of
//! keys: those without an alert that were touched least recently go first, and are counted.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::alert::{Alert, Change, id};
use super::distinct::Distinct;
use super::observed::{Observed, Values};
use super::rule::{Rule, Selector};
use super::window::{Window, bucket_us};
use crate::source::{Place, WallTime};

/// So many keys are kept for each rule.
const MOST_KEYS: usize = 100_000;

/// A clock that goes back by more than this was set back; by less, lines came out of order.
const SET_BACK_US: i64 = 3_600 * 1_000_000;

/// What separates the values of a key.
const BETWEEN: char = '\u{1f}';

/// Rules and what they saw.
pub struct Engine {
    rules: Vec<Rule>,
    kept: Kept,
    most_keys: usize,
}

/// All that an engine knows beside its rules, to go on another time.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
pub struct Snapshot(Kept);

#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
struct Kept {
    /// The latest time of the log, and what its clock differed from UTC.
    clock_us: Option<i64>,
    offset_secs: Option<i32>,
    /// By the name of the rule, and by key.
    rules: HashMap<String, HashMap<String, KeyState>>,
    /// When to look at which key by itself: time, rule, key.
    due: BTreeSet<(i64, String, String)>,
    touches: u64,
    evicted: u64,
}

/// What is kept for a key of a rule.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
struct KeyState {
    window: Window,
    distinct: Distinct,
    first_line: Box<str>,
    last_line: Box<str>,
    last_place: Option<(u64, u64)>,
    touched: u64,
    over_since_us: Option<i64>,
    due_us: Option<i64>,
    quiet_until_us: Option<i64>,
    open: Option<Open>,
}

/// An alert that is not resolved yet.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Open {
    id: String,
    /// The number that was said last.
    said: u64,
}

impl Engine {
    /// Begins with nothing seen.
    pub fn new(rules: Vec<Rule>) -> Self {
        Engine {
            rules,
            kept: Kept::default(),
            most_keys: MOST_KEYS,
        }
    }

    /// Goes on where another engine was; what rules saw that are no more is forgotten.
    #[must_use]
    pub fn restore(mut self, snapshot: Snapshot) -> Self {
        self.kept = snapshot.0;
        let rules = &self.rules;
        let is_known = |name: &str| rules.iter().any(|rule| rule.name == name);
        self.kept.rules.retain(|name, _| is_known(name));
        self.kept.due.retain(|(_, name, _)| is_known(name));
        self
    }

    /// Returns all that it knows.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.kept.clone())
    }

    /// Returns how many keys were given up because there were too many.
    pub fn evicted(&self) -> u64 {
        self.kept.evicted
    }

    /// Returns how many alerts each rule has open.
    pub fn firing(&self) -> impl Iterator<Item = (&Rule, u64)> {
        self.rules.iter().map(|rule| {
            let keys = self.kept.rules.get(&rule.name).into_iter().flatten();
            let open = keys.filter(|(_, state)| state.open.is_some()).count();
            (rule, u64::try_from(open).unwrap_or(u64::MAX))
        })
    }

    /// Takes the next line in; what came due before it is said first.
    pub fn observe(&mut self, observed: &Observed<'_>, alerts: &mut Vec<Alert>) {
        let now_us = us(observed.time);
        self.kept.offset_secs = observed.time.offset_secs;
        self.advance(now_us, alerts);
        let kind = observed.line.kind_name();
        let problem = observed.problem();
        let mut values = None;
        let rules = std::mem::take(&mut self.rules);
        for rule in &rules {
            let is_for = |selector: &&Selector| selector.is_for(kind, problem, observed);
            let counted = rule.on.iter().find(is_for);
            let trigger = rule.trigger.iter().find(is_for);
            if counted.is_none() && trigger.is_none() {
                continue;
            }
            let values = values.get_or_insert_with(|| observed.fields());
            let times = counted.map_or(0, |selector| selector.times(values, observed));
            if times == 0 && trigger.is_none() {
                continue;
            }
            if let Some(key) = key_of(rule, values) {
                self.touch(rule, key, times, values, observed, alerts);
            }
        }
        self.rules = rules;
    }

    /// Moves the log's time on, and says what came due.
    pub fn advance(&mut self, now_us: i64, alerts: &mut Vec<Alert>) {
        let before_us = self.kept.clock_us.unwrap_or(now_us);
        if now_us < before_us && before_us - now_us < SET_BACK_US {
            return;
        }
        self.kept.clock_us = Some(now_us);
        while let Some((due_us, ..)) = self.kept.due.first()
            && *due_us <= now_us
            && let Some((due_us, name, key)) = self.kept.due.pop_first()
        {
            let rules = std::mem::take(&mut self.rules);
            if let Some(rule) = rules.iter().find(|rule| rule.name == name) {
                self.evaluate(rule, &key, due_us, rule.trigger.is_empty(), alerts);
            }
            self.rules = rules;
        }
    }

    /// Counts an event for a key, and looks at that.
    fn touch(
        &mut self,
        rule: &Rule,
        key: String,
        times: u64,
        values: &Values,
        observed: &Observed<'_>,
        alerts: &mut Vec<Alert>,
    ) {
        let now_us = us(observed.time);
        self.kept.touches += 1;
        let touched = self.kept.touches;
        let most_keys = self.most_keys;
        let keys = self.kept.rules.entry(rule.name.clone()).or_default();
        if times == 0 && !keys.contains_key(&key) {
            return;
        }
        if keys.len() >= most_keys && !keys.contains_key(&key) {
            self.kept.evicted += evict(keys, rule, now_us);
        }
        let state = keys.entry(key.clone()).or_default();
        state.touched = touched;
        state.expire(rule, now_us);
        if state.window.count() == 0 {
            state.first_line = observed.sample();
        }
        state.last_line = observed.sample();
        state.last_place = observed
            .place
            .map(|place| (place.fingerprint, place.offset));
        if times > 0 {
            state.window.add(now_us, rule.within_us, times);
            let value = rule.distinct.as_ref().and_then(|name| values.value(name));
            if let Some(value) = value {
                state.distinct.add(value.as_bytes(), now_us);
            }
        }
        let may_raise = rule.trigger.is_empty() || times == 0;
        self.evaluate(rule, &key, now_us, may_raise, alerts);
    }

    /// Looks at a key: raises, updates or resolves its alert.
    fn evaluate(
        &mut self,
        rule: &Rule,
        key: &str,
        now_us: i64,
        may_raise: bool,
        alerts: &mut Vec<Alert>,
    ) {
        let Some(state) = self
            .kept
            .rules
            .get_mut(&rule.name)
            .and_then(|keys| keys.get_mut(key))
        else {
            return;
        };
        state.expire(rule, now_us);
        let change = state.change(rule, key, now_us, may_raise);
        let next_us = state.next_look_us(rule, now_us);
        if state.due_us != next_us {
            let entry = |due_us| (due_us, rule.name.clone(), key.to_owned());
            if let Some(due_us) = state.due_us {
                self.kept.due.remove(&entry(due_us));
            }
            if let Some(due_us) = next_us {
                self.kept.due.insert(entry(due_us));
            }
            state.due_us = next_us;
        }
        if let Some((change, id)) = change {
            let time = WallTime {
                wall_us: now_us
                    .saturating_add(i64::from(self.kept.offset_secs.unwrap_or(0)) * 1_000_000),
                offset_secs: self.kept.offset_secs,
            };
            alerts.push(state.alert(rule, key, change, id, time));
        }
    }
}

/// The time that rules go by: instants where they are known, for a wall clock jumps.
fn us(time: WallTime) -> i64 {
    time.instant_us().unwrap_or(time.wall_us)
}

/// The values of a rule's key; `None` where the line lacks one.
fn key_of(rule: &Rule, values: &Values) -> Option<String> {
    let values: Option<Vec<String>> = rule.key.iter().map(|name| values.value(name)).collect();
    let values = values?;
    let clean = values.iter().map(|value| value.replace(BETWEEN, " "));
    Some(clean.collect::<Vec<_>>().join(&BETWEEN.to_string()))
}

/// Makes room for a key: first those that are over go, then a tenth of those without an alert, the
/// least recently touched first. Returns how many of these.
fn evict(keys: &mut HashMap<String, KeyState>, rule: &Rule, now_us: i64) -> u64 {
    let before = keys.len();
    keys.retain(|_, state| {
        state.expire(rule, now_us);
        state.is_needed(now_us)
    });
    let room = before / 10;
    let wanted = room.saturating_sub(before - keys.len());
    let mut touched: Vec<u64> = keys
        .values()
        .filter(|state| state.open.is_none())
        .map(|state| state.touched)
        .collect();
    touched.sort_unstable();
    let Some(last) = touched.get(wanted.saturating_sub(1)).filter(|_| wanted > 0) else {
        return 0;
    };
    let kept = keys.len();
    keys.retain(|_, state| state.open.is_some() || state.touched > *last);
    u64::try_from(kept - keys.len()).unwrap_or(0)
}

impl Selector {
    fn is_for(&self, kind: &str, problem: Option<&str>, observed: &Observed<'_>) -> bool {
        let has_problem = problem.is_some_and(|problem| self.problems.iter().any(|p| p == problem));
        (has_problem || self.kinds.iter().any(|wanted| wanted == kind))
            && (self.filter.is_empty() || self.filter.decide(&observed.line).matches)
    }

    fn times(&self, values: &Values, observed: &Observed<'_>) -> u64 {
        let weight = self.weight.as_ref().map_or(1, |name| values.weight(name));
        weight.saturating_mul(u64::from(observed.line.record.repeated))
    }
}

impl KeyState {
    fn expire(&mut self, rule: &Rule, now_us: i64) {
        self.window.expire(now_us, rule.within_us);
        self.distinct.expire(now_us - rule.within_us);
    }

    fn is_needed(&self, now_us: i64) -> bool {
        self.open.is_some()
            || self.window.count() > 0
            || self
                .quiet_until_us
                .is_some_and(|until_us| until_us > now_us)
    }

    /// The number that the rule is about.
    fn number(&self, rule: &Rule) -> (u64, u64) {
        match rule.distinct {
            Some(_) => (self.distinct.count(), rule.distinct_count),
            None => (self.window.count(), rule.count),
        }
    }

    fn is_over(&self, rule: &Rule) -> bool {
        let (number, threshold) = self.number(rule);
        number >= threshold && self.window.count() >= rule.count
    }

    fn change(
        &mut self,
        rule: &Rule,
        key: &str,
        now_us: i64,
        may_raise: bool,
    ) -> Option<(Change, String)> {
        let is_over = self.is_over(rule);
        let (number, threshold) = self.number(rule);
        let since_us = *self
            .over_since_us
            .insert(self.over_since_us.filter(|_| is_over).unwrap_or(now_us));
        if !is_over {
            self.over_since_us = None;
        }
        if let Some(open) = &mut self.open {
            if number >= open.said.saturating_mul(2) {
                open.said = number;
                return Some((Change::Updated, open.id.clone()));
            }
            // Not at the threshold itself: an attack that goes on near it is one attack.
            if number.saturating_mul(2) < threshold || number == 0 {
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
        if !(is_over && may_raise && has_held) || is_quiet {
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
    fn next_look_us(&self, rule: &Rule, now_us: i64) -> Option<i64> {
        let bucket_us = bucket_us(rule.within_us);
        if self.open.is_some() {
            return Some((now_us.div_euclid(bucket_us) + 1) * bucket_us);
        }
        let held_us = self.over_since_us?.saturating_add(rule.hold_us);
        (held_us > now_us).then_some(held_us)
    }

    fn alert(&self, rule: &Rule, key: &str, change: Change, id: String, time: WallTime) -> Alert {
        let values = key.split(BETWEEN).map(str::to_owned);
        let place = self.last_place.map(|(fingerprint, offset)| {
            let place = Place {
                fingerprint,
                offset,
            };
            place.to_string()
        });
        Alert {
            key: rule.key.iter().cloned().zip(values).collect(),
            count: self.window.count(),
            distinct: rule.distinct.as_ref().map(|_| self.distinct.count()),
            distinct_is_exact: self.distinct.is_exact(),
            first_line: self.first_line.to_string(),
            last_line: self.last_line.to_string(),
            source: place,
            ..rule.alert(change, id, time.to_rfc3339())
        }
    }
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;

//! Takes events in and says which alerts they raise.
//!
//! A rule is looked at when one of its keys is touched, or when the log's time reaches the moment at
//! which a key may have changed by itself. What is kept for a key is small, and so is the number of
//! keys: those without an alert that were touched least recently go first, and are counted.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::alert::Alert;
use super::history::Calendar;
use super::index::{Index, Part, Use};
use super::key::{KeyState, Sample};
use super::mails::{self, Mails};
use super::observed::Observed;
use super::rule::{Rule, Rules, Selector, Test};
use super::sign::Moment;
use super::values::{Names, Values};
use crate::source::WallTime;

/// A clock that goes back by more than this was set back; by less, lines came out of order.
const SET_BACK_US: i64 = 3_600 * 1_000_000;

/// What separates the values of a key.
pub(super) const BETWEEN: char = '\u{1f}';

/// A rule's keys are not looked through for old ones before there are so many.
const FEW_KEYS: usize = 1_024;

/// So many keys are kept of all rules: some hundred megabytes.
const MOST_KEYS: usize = 100_000;

/// Rules and what they saw.
pub struct Engine {
    rules: Arc<Vec<Rule>>,
    index: Index,
    names: Names,
    slots: mails::Slots,
    values: Values,
    /// By rule, and by key.
    keys: Vec<HashMap<String, KeyState>>,
    /// At how many keys to look for old ones, by rule.
    sweep_at: Vec<usize>,
    /// So many keys are kept of all rules, and at how many to look for old ones.
    most_keys: usize,
    sweep_all_at: usize,
    /// When to look at which key by itself: time, rule, key.
    due: BTreeSet<(i64, usize, String)>,
    kept: Kept,
    /// What lines need for a moment.
    uses: Vec<Use>,
    hits: Vec<(Part, u64)>,
    key: String,
    value: String,
}

/// All that an engine knows beside its rules, to go on another time.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// By the name of the rule, and by key.
    rules: HashMap<String, HashMap<String, KeyState>>,
    due: BTreeSet<(i64, String, String)>,
    kept: Kept,
}

#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
struct Kept {
    /// The latest time of the log, and what its clock differed from UTC.
    clock_us: Option<i64>,
    offset_secs: Option<i32>,
    calendar: Calendar,
    mails: Mails,
    touches: u64,
    evicted: u64,
}

/// A line that touches keys.
struct Touch<'a> {
    observed: &'a Observed<'a>,
    now_us: i64,
    /// The line's text, once a key needs it.
    sample: Option<Sample>,
}

impl Touch<'_> {
    fn sample(&mut self) -> Sample {
        let text = || Sample(self.observed.sample());
        self.sample.get_or_insert_with(text).clone()
    }
}

impl Engine {
    /// Begins with nothing seen.
    pub fn new(rules: Rules) -> Self {
        let Rules { list, mut names } = rules;
        let slots = mails::Slots::new(&mut names);
        let values = Values::new(&mut names);
        Engine {
            index: Index::new(&list),
            slots,
            values,
            names,
            keys: list.iter().map(|_| HashMap::new()).collect(),
            sweep_at: list
                .iter()
                .map(|rule| FEW_KEYS.min(rule.most_keys))
                .collect(),
            most_keys: MOST_KEYS,
            sweep_all_at: MOST_KEYS,
            rules: Arc::new(list),
            due: BTreeSet::new(),
            kept: Kept::default(),
            uses: Vec::new(),
            hits: Vec::new(),
            key: String::new(),
            value: String::new(),
        }
    }

    /// Goes on where another engine was; what rules saw that are no more, or ask for other things, is
    /// forgotten.
    #[must_use]
    pub fn restore(mut self, mut snapshot: Snapshot) -> Self {
        self.kept = snapshot.kept;
        let rules = Arc::clone(&self.rules);
        for ((at, rule), keys) in rules.iter().enumerate().zip(&mut self.keys) {
            let mut found = snapshot.rules.remove(&rule.name).unwrap_or_default();
            found.retain(|_, state| state.signs.len() == rule.signs.len());
            let due = snapshot
                .due
                .iter()
                .filter(|(_, name, _)| *name == rule.name);
            let due = due.filter(|(_, _, key)| found.contains_key(key));
            self.due
                .extend(due.map(|(due_us, _, key)| (*due_us, at, key.clone())));
            *keys = found;
        }
        self
    }

    /// Returns all that it knows.
    pub fn snapshot(&self) -> Snapshot {
        let name = |at: usize| self.rules.get(at).map_or("", |rule| rule.name.as_str());
        let due = self.due.iter();
        Snapshot {
            rules: (0..)
                .zip(&self.keys)
                .filter(|(_, keys)| !keys.is_empty())
                .map(|(at, keys)| (name(at).to_owned(), keys.clone()))
                .collect(),
            due: due
                .map(|(due_us, at, key)| (*due_us, name(*at).to_owned(), key.clone()))
                .collect(),
            kept: self.kept.clone(),
        }
    }

    /// Returns how many keys were given up because there were too many.
    pub fn evicted(&self) -> u64 {
        self.kept.evicted.saturating_add(self.kept.mails.evicted)
    }

    /// Lists the rules that compare with what is usual and do not know yet what that is, with the
    /// number of days that were seen; none once they do.
    pub fn warming_up(&self) -> (usize, Vec<&str>) {
        let days = self.kept.calendar.days();
        if self.kept.calendar.is_warm() {
            return (days, Vec::new());
        }
        let compares = |rule: &&Rule| rule.signs.iter().all(|sign| sign.test.needs_history());
        let rules = self.rules.iter().filter(compares);
        (days, rules.map(|rule| rule.name.as_str()).collect())
    }

    /// Returns how many alerts each rule has open.
    pub fn firing(&self) -> impl Iterator<Item = (&Rule, u64)> {
        self.rules.iter().zip(&self.keys).map(|(rule, keys)| {
            let open = keys.values().filter(|state| state.open.is_some()).count();
            (rule, u64::try_from(open).unwrap_or(u64::MAX))
        })
    }

    /// Takes the next line in; what came due before it is said first.
    pub fn observe(&mut self, observed: &Observed<'_>, alerts: &mut Vec<Alert>) {
        let now_us = us(observed.time);
        self.kept.offset_secs = observed.time.offset_secs;
        self.advance(now_us, alerts);
        self.kept.calendar.see(observed.time.wall_us);
        let kind = observed.line.kind_name();
        let asked = self.index.asks_for_problems().then(|| observed.problem());
        let mut uses = std::mem::take(&mut self.uses);
        self.index.uses(kind, asked.flatten(), &mut uses);
        let is_of_mail = mails::concerns(kind);
        if is_of_mail || !uses.is_empty() {
            self.values.read(observed, &self.names);
        }
        if is_of_mail {
            self.kept.mails.join(kind, &mut self.values, &self.slots);
        }
        let mut touch = Touch {
            observed,
            now_us,
            sample: None,
        };
        let rules = Arc::clone(&self.rules);
        for of_rule in uses.chunk_by(|one, next| one.rule == next.rule) {
            self.apply(&rules, of_rule, &mut touch, alerts);
        }
        self.uses = uses;
    }

    /// Takes a line in for one rule.
    fn apply(
        &mut self,
        rules: &[Rule],
        uses: &[Use],
        touch: &mut Touch<'_>,
        alerts: &mut Vec<Alert>,
    ) {
        let Some((at, rule)) = uses
            .first()
            .and_then(|of| Some((of.rule, rules.get(of.rule)?)))
        else {
            return;
        };
        self.hits.clear();
        for of in uses {
            // The first selector that a line meets speaks for it.
            if self.hits.last().is_some_and(|(part, _)| *part == of.part) {
                continue;
            }
            if let Some(selector) = of.selector(rule).filter(|asked| asked.is_met(&self.values)) {
                let times = selector.times(&self.values, touch.observed);
                if times > 0 {
                    self.hits.push((of.part, times));
                }
            }
        }
        if !self.hits.is_empty() && self.write_key(rule).is_some() {
            self.touch(at, rule, touch, alerts);
        }
    }

    /// Writes the key of the line for a rule; `None` where the line lacks a value of it.
    fn write_key(&mut self, rule: &Rule) -> Option<()> {
        self.key.clear();
        for (at, (_, source)) in rule.key.iter().enumerate() {
            if at > 0 {
                self.key.push(BETWEEN);
            }
            let begin = self.key.len();
            self.values.write(*source, &mut self.key)?;
            if self.key.get(begin..)?.contains(BETWEEN) {
                return None;
            }
        }
        Some(())
    }

    /// Moves the log's time on, and says what came due.
    pub fn advance(&mut self, now_us: i64, alerts: &mut Vec<Alert>) {
        let before_us = self.kept.clock_us.unwrap_or(now_us);
        if now_us < before_us && before_us - now_us < SET_BACK_US {
            return;
        }
        self.kept.clock_us = Some(now_us);
        while let Some((due_us, ..)) = self.due.first()
            && *due_us <= now_us
            && let Some((due_us, at, key)) = self.due.pop_first()
        {
            let state = self.keys.get_mut(at).and_then(|keys| keys.get_mut(&key));
            if let (Some(rule), Some(state)) = (self.rules.get(at), state) {
                state.due_us = None;
                state.expire(rule, due_us);
                let moment = self.kept.moment(due_us, rule);
                let may_raise = rule.trigger.is_empty();
                let looked = Looked {
                    at,
                    rule,
                    key: &key,
                    moment,
                    may_raise,
                };
                looked.look(state, self.kept.offset_secs, &mut self.due, alerts);
            }
        }
    }

    /// Counts the hits of a line for its key, and looks at that.
    fn touch(&mut self, at: usize, rule: &Rule, touch: &mut Touch<'_>, alerts: &mut Vec<Alert>) {
        let now_us = touch.now_us;
        let counts = |(part, _): &(Part, u64)| *part != Part::Trigger;
        if !self.knows(at) {
            // A line that counts for nothing makes no place.
            if !self.hits.iter().any(counts) {
                return;
            }
            self.make_room(at, rule, now_us);
        }
        self.kept.touches += 1;
        let of_rule = self.keys.get_mut(at);
        let Some(state) = of_rule.and_then(|keys| keys.get_mut(self.key.as_str())) else {
            return;
        };
        state.touched = self.kept.touches;
        state.expire(rule, now_us);
        if self.hits.iter().any(|(part, _)| part.is_shown()) {
            state.show(rule, now_us, touch.sample());
            let place = touch.observed.place;
            state.last_place = place.map(|place| (place.fingerprint, place.offset));
        }
        let moment = self.kept.moment(now_us, rule);
        let mut is_quiet = true;
        for (part, times) in &self.hits {
            is_quiet &= state.count(rule, *part, *times, moment, &self.values, &mut self.value);
        }
        let has = |wanted: Part| self.hits.iter().any(|(part, _)| *part == wanted);
        if !is_quiet || has(Part::Trigger) {
            let may_raise = rule.trigger.is_empty() || has(Part::Trigger);
            let looked = Looked {
                at,
                rule,
                key: &self.key,
                moment,
                may_raise,
            };
            looked.look(state, self.kept.offset_secs, &mut self.due, alerts);
        }
        if has(Part::Usual) {
            state.note_usual(now_us);
        }
    }

    fn knows(&self, at: usize) -> bool {
        let of_rule = self.keys.get(at);
        of_rule.is_some_and(|keys| keys.contains_key(self.key.as_str()))
    }

    /// Makes a place for the key.
    fn make_room(&mut self, at: usize, rule: &Rule, now_us: i64) {
        let in_all: usize = self.keys.iter().map(HashMap::len).sum();
        if in_all >= self.sweep_all_at {
            self.sweep_all(now_us);
        }
        let (Some(keys), Some(sweep_at)) = (self.keys.get_mut(at), self.sweep_at.get_mut(at))
        else {
            return;
        };
        if keys.len() >= *sweep_at {
            sweep(keys, rule, now_us);
            if keys.len() >= rule.most_keys {
                self.kept.evicted += evict(keys, rule.most_keys / 10);
            }
            *sweep_at = next_sweep((keys.len() * 2).max(FEW_KEYS), keys.len(), rule.most_keys);
        }
        keys.insert(self.key.clone(), KeyState::new(rule));
    }

    /// Looks for old keys of all rules. If too many are needed, the rule that has most of them gives
    /// some up, and then the one that has most by then: what strangers can make is not made room for
    /// by what they cannot.
    fn sweep_all(&mut self, now_us: i64) {
        for (rule, keys) in self.rules.iter().zip(&mut self.keys) {
            sweep(keys, rule, now_us);
        }
        let wanted = self.most_keys - self.most_keys / 10;
        let mut left: usize = self.keys.iter().map(HashMap::len).sum();
        while left > wanted {
            let most = self.keys.iter_mut().max_by_key(|keys| keys.len());
            let evicted = most.map_or(0, |keys| evict(keys, (keys.len() / 10).max(1)));
            if evicted == 0 {
                break;
            }
            self.kept.evicted += evicted;
            left = self.keys.iter().map(HashMap::len).sum();
        }
        self.sweep_all_at = next_sweep(self.most_keys, left, self.most_keys);
    }
}

/// At how many keys to look for old ones again. Where all of `left` have alerts none can go: then not
/// before there are a good many more.
fn next_sweep(wanted: usize, left: usize, most: usize) -> usize {
    let at = wanted.min(most);
    if at > left {
        return at;
    }
    left + (most / 10).max(1)
}

impl Kept {
    fn moment(&self, now_us: i64, rule: &Rule) -> Moment<'_> {
        Moment {
            now_us,
            offset_us: i64::from(self.offset_secs.unwrap_or(0)) * 1_000_000,
            within_us: rule.within_us,
            calendar: &self.calendar,
        }
    }
}

impl KeyState {
    /// Counts events of a part. Tells whether that cannot have changed how the rule stands.
    fn count(
        &mut self,
        rule: &Rule,
        part: Part,
        times: u64,
        moment: Moment<'_>,
        values: &Values,
        value: &mut String,
    ) -> bool {
        let learns = self.open.is_none();
        let (Part::Sign(at) | Part::Others(at)) = part else {
            return true;
        };
        let (Some(counter), Some(sign)) = (self.signs.get_mut(at), rule.signs.get(at)) else {
            return true;
        };
        if part == Part::Others(at) {
            counter.add_others(moment, times);
            return counter.is_not_due(sign, moment);
        }
        value.clear();
        let source = match &sign.test {
            Test::Distinct { source, .. } | Test::Novel { source, .. } => Some(*source),
            _ => None,
        };
        let has_value = source.is_some_and(|source| values.write(source, value).is_some());
        counter.add(moment, times, has_value.then_some(value.as_str()), learns);
        false
    }
}

/// A key of a rule that is looked at.
struct Looked<'a> {
    at: usize,
    rule: &'a Rule,
    key: &'a str,
    moment: Moment<'a>,
    may_raise: bool,
}

impl Looked<'_> {
    /// Raises, updates or resolves the key's alert, and sees when to look again.
    fn look(
        &self,
        state: &mut KeyState,
        offset_secs: Option<i32>,
        due: &mut BTreeSet<(i64, usize, String)>,
        alerts: &mut Vec<Alert>,
    ) {
        let Looked {
            at,
            rule,
            key,
            moment,
            may_raise,
        } = *self;
        let now_us = moment.now_us;
        let findings = state.find(rule, moment);
        let change = state.change(rule, key, now_us, may_raise, &findings);
        let next_us = state.next_look_us(rule, now_us);
        if state.due_us != next_us {
            if let Some(due_us) = state.due_us {
                due.remove(&(due_us, at, key.to_owned()));
            }
            if let Some(due_us) = next_us {
                due.insert((due_us, at, key.to_owned()));
            }
            state.due_us = next_us;
        }
        if let Some(change) = change {
            let time = WallTime {
                wall_us: now_us.saturating_add(moment.offset_us),
                offset_secs,
            };
            let time = time.to_rfc3339();
            alerts.push(Alert::new(rule, key, state, change, time, &findings));
        }
    }
}

/// The time that rules go by: instants where they are known, for a wall clock jumps.
pub(super) fn us(time: WallTime) -> i64 {
    time.instant_us().unwrap_or(time.wall_us)
}

/// Forgets keys of which nothing is needed any more.
fn sweep(keys: &mut HashMap<String, KeyState>, rule: &Rule, now_us: i64) {
    keys.retain(|_, state| {
        state.expire(rule, now_us);
        state.is_needed(now_us)
    });
}

/// Gives keys up that have no alert, the least recently touched first. Returns how many.
fn evict(keys: &mut HashMap<String, KeyState>, wanted: usize) -> u64 {
    let mut touched: Vec<u64> = keys
        .values()
        .filter(|state| state.open.is_none())
        .map(|state| state.touched)
        .collect();
    touched.sort_unstable();
    let Some(last) = touched.get(wanted.max(1) - 1).or(touched.last()).copied() else {
        return 0;
    };
    let before = keys.len();
    keys.retain(|_, state| state.open.is_some() || state.touched > last);
    u64::try_from(before - keys.len()).unwrap_or(0)
}

impl Selector {
    /// Tells whether the line meets all conditions.
    fn is_met(&self, values: &Values) -> bool {
        let mut conditions = self.conditions.iter();
        conditions.all(|(slot, condition)| condition.holds_for(values.field(*slot)))
    }

    fn times(&self, values: &Values, observed: &Observed<'_>) -> u64 {
        let weight = self.weight.map_or(1, |slot| values.number(slot));
        weight.saturating_mul(u64::from(observed.line.record.repeated))
    }
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;

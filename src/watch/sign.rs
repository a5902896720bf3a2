//! What is kept of a sign for a key, and how it stands.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::distinct::Distinct;
use super::history::{Calendar, History};
use super::novel::Novel;
use super::rule::{Sign, Test};
use super::window::Window;

/// So many of the last times are kept.
const MOST_TIMES: usize = 32;

/// What is kept of a sign for a key.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct SignState {
    pub(super) window: Window,
    seen: Seen,
}

/// What is kept beside the number of events.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
enum Seen {
    #[default]
    Nothing,
    Distinct(Distinct),
    Novel(Novel),
    Times(VecDeque<i64>),
    Others(Window),
    History(Box<History>),
}

/// A moment, and what is known of all keys by then.
#[derive(Clone, Copy)]
pub(super) struct Moment<'c> {
    pub(super) now_us: i64,
    /// What the wall clock differs from it.
    pub(super) offset_us: i64,
    pub(super) within_us: i64,
    pub(super) calendar: &'c Calendar,
}

impl Moment<'_> {
    fn wall_us(&self) -> i64 {
        self.now_us.saturating_add(self.offset_us)
    }
}

/// How a sign stands.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub(super) struct Finding {
    /// How many events.
    pub(super) count: u64,
    /// The number that the sign is about, and what it is compared with.
    pub(super) number: u64,
    pub(super) threshold: u64,
    /// Whether it is met.
    pub(super) is_over: bool,
    /// Whether it is far from that.
    pub(super) is_calm: bool,
    /// Whether the number is exact.
    pub(super) is_exact: bool,
    /// What it is compared with: others, or what is usual.
    pub(super) beside: u64,
}

impl SignState {
    pub(super) fn new(sign: &Sign) -> Self {
        let seen = match sign.test {
            Test::Count => Seen::Nothing,
            Test::Distinct { .. } => Seen::Distinct(Distinct::default()),
            Test::Novel { .. } => Seen::Novel(Novel::default()),
            Test::Pauses { .. } => Seen::Times(VecDeque::new()),
            Test::Share { .. } => Seen::Others(Window::default()),
            Test::Spike { .. } | Test::Habit { .. } | Test::Silence { .. } => {
                Seen::History(Box::default())
            }
        };
        SignState {
            window: Window::default(),
            seen,
        }
    }

    /// Counts events, with the value that the sign asks for, if it does and there is one.
    pub(super) fn add(
        &mut self,
        moment: Moment<'_>,
        times: u64,
        value: Option<&str>,
        learns: bool,
    ) {
        let now_us = moment.now_us;
        self.window.add(now_us, moment.within_us, times);
        match (&mut self.seen, value) {
            (Seen::Distinct(distinct), Some(value)) => distinct.add(value.as_bytes(), now_us),
            (Seen::Novel(novel), Some(value)) => novel.add(value.as_bytes(), now_us),
            (Seen::Times(last), _) => {
                for _ in 0..times.min(32) {
                    last.push_back(now_us);
                }
                let extra = last.len().saturating_sub(MOST_TIMES);
                last.drain(..extra);
            }
            (Seen::History(history), _) => history.add(now_us, moment.wall_us(), times, learns),
            _ => {}
        }
    }

    /// Counts what the events are compared with.
    pub(super) fn add_others(&mut self, moment: Moment<'_>, times: u64) {
        match &mut self.seen {
            Seen::Others(others) => others.add(moment.now_us, moment.within_us, times),
            Seen::History(history) => history.meanwhile = history.meanwhile.saturating_add(times),
            _ => {}
        }
    }

    /// Tells whether a silence is too short by far, whatever else went on.
    pub(super) fn is_not_due(&self, sign: &Sign, moment: Moment<'_>) -> bool {
        let earliest_us = self.earliest_due_us(sign);
        earliest_us.is_some_and(|earliest_us| moment.now_us < earliest_us)
    }

    /// Forgets what is over.
    pub(super) fn expire(&mut self, sign: &Sign, now_us: i64, within_us: i64) {
        self.window.expire(now_us, within_us);
        let before_us = now_us - within_us;
        match (&mut self.seen, &sign.test) {
            (Seen::Distinct(distinct), _) => distinct.expire(before_us),
            (Seen::Novel(novel), Test::Novel { memory_us, .. }) => novel.expire(now_us - memory_us),
            (Seen::Times(times), _) => times.retain(|time_us| *time_us >= before_us),
            (Seen::Others(others), _) => others.expire(now_us, within_us),
            _ => {}
        }
    }

    /// Tells whether there is something that later lines are compared with.
    pub(super) fn is_needed(&self) -> bool {
        let remembers = match &self.seen {
            Seen::Novel(novel) => !novel.is_empty(),
            Seen::History(history) => !history.is_empty(),
            Seen::Others(others) => others.count() > 0,
            _ => false,
        };
        remembers || self.window.count() > 0
    }

    /// Says how the sign stands.
    pub(super) fn find(&mut self, sign: &Sign, moment: Moment<'_>) -> Finding {
        let count = self.window.count();
        let by_number = |number: u64, threshold: u64| Finding {
            count,
            number,
            threshold,
            is_over: number >= threshold && count >= sign.count,
            is_calm: number.saturating_mul(2) < threshold || number == 0,
            is_exact: true,
            beside: 0,
        };
        match (&mut self.seen, &sign.test) {
            (Seen::Distinct(distinct), Test::Distinct { count: wanted, .. }) => Finding {
                is_exact: distinct.is_exact(),
                ..by_number(distinct.count(), *wanted)
            },
            (
                Seen::Novel(novel),
                Test::Novel {
                    count: wanted,
                    after_us,
                    ..
                },
            ) => {
                let (now_us, within_us) = (moment.now_us, moment.within_us);
                by_number(novel.count(now_us - within_us, now_us - after_us), *wanted)
            }
            (Seen::Times(times), Test::Pauses { at_least_us }) => {
                let found = by_number(count, sign.count);
                let pause_us = if found.is_over {
                    median_pause_us(times)
                } else {
                    0
                };
                Finding {
                    is_over: found.is_over && pause_us >= *at_least_us,
                    beside: u64::try_from(pause_us / 1_000_000).unwrap_or(0),
                    ..found
                }
            }
            (
                Seen::Others(others),
                Test::Share {
                    percent, of_count, ..
                },
            ) => share(
                others.count(),
                *percent,
                *of_count,
                by_number(count, sign.count),
            ),
            (Seen::History(history), Test::Spike { times, spreads }) => {
                let found = by_number(count, sign.count);
                if !moment.calendar.is_warm() || !found.is_over && found.is_calm {
                    return Finding {
                        is_over: false,
                        ..found
                    };
                }
                let usual = history.usual(moment.calendar, moment.wall_us());
                let threshold = usual.limit(*times, *spreads).max(sign.count);
                Finding {
                    beside: usual.median,
                    ..by_number(count, threshold)
                }
            }
            (Seen::History(history), Test::Habit { .. }) => {
                habit(history, &sign.test, moment, by_number(count, sign.count))
            }
            (Seen::History(history), Test::Silence { .. }) => silence(history, &sign.test, moment),
            _ => by_number(count, sign.count),
        }
    }

    /// When a silence is due, or may be: not before it was so long at least.
    pub(super) fn due_us(&self, sign: &Sign) -> Option<i64> {
        match (&self.seen, &sign.test) {
            (Seen::History(history), Test::Silence { .. }) => {
                let (limit_us, _) = pause_limit_us(history, &sign.test)?;
                Some(history.last_us()?.saturating_add(limit_us))
            }
            _ => None,
        }
    }

    /// The earliest time at which a silence can be due, without looking into the past.
    pub(super) fn earliest_due_us(&self, sign: &Sign) -> Option<i64> {
        match (&self.seen, &sign.test) {
            (Seen::History(history), Test::Silence { at_least_us, .. }) => {
                Some(history.last_us()?.saturating_add(*at_least_us))
            }
            _ => None,
        }
    }
}

/// So many in a hundred of others, and there are enough of those.
fn share(of: u64, percent: u64, of_count: u64, found: Finding) -> Finding {
    let is_share = |percent: u64| {
        u128::from(found.count) * 100 >= u128::from(of) * u128::from(percent) && found.count > 0
    };
    Finding {
        is_over: found.is_over && of >= of_count && is_share(percent),
        is_calm: !is_share(percent.div_ceil(2)),
        beside: of,
        ..found
    }
}

/// So many times what its own hours have; a key of which few hours are known has no habits.
fn habit(history: &History, test: &Test, moment: Moment<'_>, found: Finding) -> Finding {
    let no = Finding {
        is_over: false,
        ..found
    };
    let Test::Habit {
        times,
        percentile,
        hours,
    } = test
    else {
        return no;
    };
    if !found.is_over && found.is_calm {
        return no;
    }
    // The window's own hours are what is judged.
    let before_us = moment.wall_us().saturating_sub(moment.within_us);
    let Some(usual) = history.percentile(*percentile, *hours, before_us) else {
        return no;
    };
    let threshold = usual.saturating_mul(*times).max(found.threshold);
    Finding {
        threshold,
        is_over: found.number >= threshold,
        is_calm: found.number.saturating_mul(2) < threshold,
        beside: usual,
        ..found
    }
}

fn silence(history: &History, test: &Test, moment: Moment<'_>) -> Finding {
    let calm = Finding {
        is_calm: true,
        is_exact: true,
        ..Finding::default()
    };
    let Test::Silence {
        at_least_us,
        meanwhile_count,
        meanwhile,
        ..
    } = test
    else {
        return calm;
    };
    let Some(silent_us) = history.last_us().map(|last_us| moment.now_us - last_us) else {
        return calm;
    };
    if silent_us < *at_least_us || !moment.calendar.is_warm() {
        return calm;
    }
    let Some((limit_us, longest_us)) = pause_limit_us(history, test) else {
        return calm;
    };
    let seconds = |us: i64| u64::try_from(us / 1_000_000).unwrap_or(0);
    let goes_on = meanwhile.is_empty() || history.meanwhile >= *meanwhile_count;
    Finding {
        count: history.meanwhile,
        number: seconds(silent_us),
        threshold: seconds(limit_us),
        is_over: silent_us >= limit_us && goes_on,
        is_calm: false,
        is_exact: true,
        beside: seconds(longest_us),
    }
}

/// How long a silence is too long: so many times the longest usual pause, at least and at most so
/// long; but never less than one and a half of what is usual. With that longest usual pause.
///
/// Until then it lasts into hours that may have longer pauses: a silence of the evening is not too
/// long because the night goes on.
fn pause_limit_us(history: &History, test: &Test) -> Option<(i64, i64)> {
    let Test::Silence {
        times,
        at_least_us,
        at_most_us,
        ..
    } = test
    else {
        return None;
    };
    let mut limit_us = *at_least_us;
    loop {
        let longest_us = history.longest_pause_us(limit_us)?;
        let at_most_us = (*at_most_us).max(longest_us.saturating_add(longest_us / 2));
        let longer_us = longest_us.saturating_mul(*times).min(at_most_us);
        if longer_us <= limit_us {
            return Some((limit_us, longest_us));
        }
        limit_us = longer_us;
    }
}

/// The median time between one and the next.
fn median_pause_us(times: &VecDeque<i64>) -> i64 {
    let mut pauses: Vec<i64> = times
        .iter()
        .zip(times.iter().skip(1))
        .map(|(one, next)| next - one)
        .collect();
    pauses.sort_unstable();
    pauses
        .get(pauses.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each forty minutes on workdays: fifty are less than one and a half of that.
    #[test]
    fn a_silence_is_never_too_long_before_half_as_much_again_as_usual() {
        const MINUTE_US: i64 = 60 * 1_000_000;
        let mut history = History::default();
        for day in 0..5 {
            // The first of January 1970 was a Thursday.
            let begin_us = ((day + 4) * 24 + 8) * 60 * MINUTE_US;
            let steps = if day == 4 { 4 } else { 10 };
            for step in 0..steps {
                let now_us = begin_us + step * 40 * MINUTE_US;
                history.add(now_us, now_us, 1, true);
            }
        }
        let test = Test::Silence {
            times: 3,
            at_least_us: MINUTE_US,
            at_most_us: 50 * MINUTE_US,
            meanwhile_count: 1,
            meanwhile: Vec::new(),
        };
        let limit = pause_limit_us(&history, &test);
        assert_eq!(limit, Some((60 * MINUTE_US, 40 * MINUTE_US)));
    }

    #[test]
    fn the_median_pause_is_the_one_in_the_middle() {
        for times in [[0, 1, 11, 111], [0, 100, 110, 111], [5, 15, 16, 116]] {
            assert_eq!(median_pause_us(&times.into()), 10, "{times:?}");
        }
        assert_eq!(median_pause_us(&[7].into()), 0);
    }
}

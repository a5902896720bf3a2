//! What was usual at an hour: how much there was, and how long the pauses were.
//!
//! Hours are those of the wall clock. They are pooled by hour of the day, workdays apart from weekends,
//! over the last four weeks. An hour without any line in the log says nothing: nobody listened.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

/// The length of an hour.
pub(super) const HOUR_US: i64 = 3_600 * 1_000_000;

/// So many hours are remembered.
const KEPT_HOURS: i64 = 28 * 24;

/// Before so many days were seen nothing is usual.
pub const WARM_DAYS: usize = 14;

/// Of so many different days there must be events around an hour, or no pause is usual then.
const PAUSE_DAYS: usize = 3;

/// Of so many days the pauses of one are not usual.
const UNUSUAL_ONE_IN: usize = 10;

/// The hours in which the log had lines.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Calendar {
    hours: BTreeSet<i64>,
    days: usize,
}

impl Calendar {
    /// Notes that there was a line.
    pub(super) fn see(&mut self, wall_us: i64) {
        let hour = wall_us.div_euclid(HOUR_US);
        if self.hours.last() == Some(&hour) || !self.hours.insert(hour) {
            return;
        }
        while self
            .hours
            .first()
            .is_some_and(|first| *first < hour - KEPT_HOURS)
        {
            self.hours.pop_first();
        }
        let today = hour.div_euclid(24);
        let days = self.hours.iter().map(|hour| hour.div_euclid(24));
        let before: BTreeSet<i64> = days.filter(|day| *day < today).collect();
        self.days = before.len();
    }

    /// Returns how many days were seen before today.
    pub(super) fn days(&self) -> usize {
        self.days
    }

    pub(super) fn is_warm(&self) -> bool {
        self.days >= WARM_DAYS
    }
}

/// What is remembered of a key.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct History {
    /// The hours that had events, the earliest first.
    hours: VecDeque<Hour>,
    /// The last event: when, and in which hour of the wall clock.
    last: Option<(i64, i64)>,
    /// What else went on since that.
    pub(super) meanwhile: u64,
    /// What is usual in an hour, once asked for.
    usual: Option<(i64, Usual)>,
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct Hour {
    hour: i64,
    count: u64,
    /// The longest pause that began in it.
    pause_us: i64,
}

/// How much is usual in an hour.
#[derive(Clone, Copy, Default, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Usual {
    pub(super) median: u64,
    /// A thousand times the spread.
    spread_milli: u64,
}

impl Usual {
    /// Returns how much is too much.
    pub(super) fn limit(self, times: u64, spreads: u64) -> u64 {
        let above = self.spread_milli.saturating_mul(spreads).div_ceil(1_000);
        let by_spread = self.median.saturating_add(above);
        by_spread.max(self.median.saturating_mul(times))
    }
}

/// Hours of the same number are alike: those of the same time of day, workdays apart from weekends.
fn slot(hour: i64) -> (i64, bool) {
    (hour.rem_euclid(24), is_weekend(hour))
}

/// The first of January 1970 was a Thursday.
fn is_weekend(hour: i64) -> bool {
    (hour.div_euclid(24) + 3).rem_euclid(7) >= 5
}

impl History {
    /// Takes events in; whether the pause before them is one to learn from says the caller.
    pub(super) fn add(&mut self, now_us: i64, wall_us: i64, count: u64, learns: bool) {
        let hour = wall_us.div_euclid(HOUR_US);
        if let Some((last_us, last_hour)) = self.last.filter(|_| learns) {
            let of_last = self.hours.iter_mut().rev().find(|of| of.hour == last_hour);
            if let Some(of_last) = of_last {
                of_last.pause_us = of_last.pause_us.max(now_us - last_us);
            }
        }
        self.last = Some((now_us, hour));
        self.meanwhile = 0;
        match self.hours.back_mut() {
            // A clock that was set back goes on in the hour that was.
            Some(last) if last.hour >= hour && last.hour - hour < 2 => {
                last.count = last.count.saturating_add(count);
            }
            _ => self.hours.push_back(Hour {
                hour,
                count,
                pause_us: 0,
            }),
        }
        while self
            .hours
            .front()
            .is_some_and(|first| first.hour < hour - KEPT_HOURS || first.hour > hour)
            || self.hours.len() > 1_000
        {
            self.hours.pop_front();
        }
    }

    /// Returns when the last event was.
    pub(super) fn last_us(&self) -> Option<i64> {
        self.last.map(|(last_us, _)| last_us)
    }

    /// Returns how much is usual around an hour: in it or in the one before, whichever is more, for a
    /// window lies across both.
    pub(super) fn usual(&mut self, calendar: &Calendar, wall_us: i64) -> Usual {
        let hour = wall_us.div_euclid(HOUR_US);
        if let Some((known, usual)) = self.usual.filter(|(known, _)| *known == hour) {
            debug_assert_eq!(known, hour);
            return usual;
        }
        let (this, before) = (
            self.usual_in(calendar, hour, hour),
            self.usual_in(calendar, hour - 1, hour),
        );
        let usual = if before.median > this.median {
            before
        } else {
            this
        };
        self.usual = Some((hour, usual));
        usual
    }

    /// Median and spread of the hours before `now` that are like one; the spread is never below
    /// that of chance (Poisson), nor below 1.
    fn usual_in(&self, calendar: &Calendar, like: i64, now: i64) -> Usual {
        let mut counts: Vec<u64> = Vec::new();
        let mut own = self.hours.iter().peekable();
        let first = now - KEPT_HOURS;
        for hour in calendar.hours.range(first..now).copied() {
            while own.next_if(|of| of.hour < hour).is_some() {}
            if slot(hour) == slot(like) {
                counts.push(
                    own.peek()
                        .filter(|of| of.hour == hour)
                        .map_or(0, |of| of.count),
                );
            }
        }
        let median = median(&mut counts);
        let mut away: Vec<u64> = counts.iter().map(|count| count.abs_diff(median)).collect();
        let by_median = self::median(&mut away).saturating_mul(14_826) / 10;
        let by_chance = median.saturating_mul(1_000_000).isqrt();
        Usual {
            median,
            spread_milli: by_median.max(by_chance).max(1_000),
        }
    }

    /// Returns the longest pause that is usual in the hours from the last event to so much later;
    /// `None` if too little is known.
    ///
    /// A day in ten is left out, those with the longest pauses: a holiday and an outage that nobody
    /// was told of are not usual.
    pub(super) fn longest_pause_us(&self, later_us: i64) -> Option<i64> {
        let (last_us, last) = self.last?;
        let into_hour_us = last_us.rem_euclid(HOUR_US);
        let span = into_hour_us.saturating_add(later_us).div_euclid(HOUR_US);
        let is_alike = |hour: i64| {
            let after = (hour - last + 1).rem_euclid(24);
            is_weekend(hour) == is_weekend(last) && after <= span.saturating_add(2)
        };
        let mut of_days: Vec<(i64, i64)> = Vec::new();
        for of in self.hours.iter().filter(|of| is_alike(of.hour)) {
            let day = of.hour.div_euclid(24);
            match of_days.last_mut().filter(|(known, _)| *known == day) {
                Some((_, pause_us)) => *pause_us = of.pause_us.max(*pause_us),
                None => of_days.push((day, of.pause_us)),
            }
        }
        if of_days.len() <= PAUSE_DAYS {
            return None;
        }
        let mut pauses_us: Vec<i64> = of_days.iter().map(|(_, pause_us)| *pause_us).collect();
        pauses_us.sort_unstable();
        let unusual = pauses_us.len() / UNUSUAL_ONE_IN;
        pauses_us.iter().rev().nth(unusual).copied()
    }

    /// Returns how many events a percentile of the hours before some time have, of those that have any;
    /// `None` if fewer than `least` are known.
    pub(super) fn percentile(&self, percentile: u64, least: usize, wall_us: i64) -> Option<u64> {
        let before = wall_us.div_euclid(HOUR_US);
        let hours = self.hours.iter().filter(|of| of.hour < before);
        let mut counts: Vec<u64> = hours.map(|of| of.count).collect();
        if counts.len() < least {
            return None;
        }
        counts.sort_unstable();
        let known = u64::try_from(counts.len()).ok()?;
        let rank = known.saturating_mul(percentile.min(100)).div_ceil(100);
        counts.get(usize::try_from(rank.max(1)).ok()? - 1).copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.hours.is_empty()
    }
}

/// The value in the middle; of two the lower one.
fn median(values: &mut [u64]) -> u64 {
    values.sort_unstable();
    let middle = values.len().saturating_sub(1) / 2;
    values.get(middle).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Monday.
    const MONDAY: i64 = 20_773 * 24;

    #[test]
    fn weekends_are_apart() {
        let of_day = |day: i64| is_weekend(MONDAY + day * 24 + 12);
        let days: Vec<bool> = (0..7).map(of_day).collect();
        assert_eq!(days, [false, false, false, false, false, true, true]);
    }

    fn known(days: i64, count: impl Fn(i64) -> u64) -> (Calendar, History) {
        let (mut calendar, mut history) = (Calendar::default(), History::default());
        for hour in MONDAY..MONDAY + days * 24 {
            calendar.see(hour * HOUR_US);
            if count(hour) > 0 {
                history.add(hour * HOUR_US, hour * HOUR_US, count(hour), true);
            }
        }
        (calendar, history)
    }

    #[test]
    fn the_usual_is_a_median_of_like_hours_and_the_spread_at_least_chance() {
        // 100 at ten on workdays, one of them 900; 7 at weekends; nothing at night.
        let (calendar, mut history) = known(21, |hour| match hour.rem_euclid(24) {
            10 if hour == MONDAY + 24 + 10 => 900,
            10 if is_weekend(hour) => 7,
            10 => 100,
            _ => 0,
        });
        let monday = MONDAY + 21 * 24;
        let usual = history.usual(&calendar, (monday + 10) * HOUR_US);
        assert_eq!(usual.median, 100);
        // Poisson: 10. So 160 by six spreads, 300 by three times.
        assert_eq!((usual.limit(1, 6), usual.limit(3, 6)), (160, 300));
        // A window of the next hour lies across both.
        let next = history.usual(&calendar, (monday + 11) * HOUR_US);
        assert_eq!(next.median, 100);
        let saturday = history.usual(&calendar, (monday + 5 * 24 + 10) * HOUR_US);
        assert_eq!(saturday.median, 7);
        let night = history.usual(&calendar, (monday + 5 * 24 + 3) * HOUR_US);
        assert_eq!((night.median, night.limit(3, 6)), (0, 6));
    }

    #[test]
    fn a_percentile_is_that_of_the_hours_that_have_any() {
        // Each tenth hour has some: 1 to 100.
        let (_, history) = known(42, |hour| match (hour - MONDAY) % 10 {
            0 => u64::try_from((hour - MONDAY) / 10 + 1).unwrap(),
            _ => 0,
        });
        let at = |hour: i64| (MONDAY + hour) * HOUR_US;
        let all = at(42 * 24);
        // Of four weeks 68 are left: 34 to 101.
        assert_eq!(history.percentile(99, 68, all), Some(101));
        assert_eq!(history.percentile(50, 68, all), Some(67));
        assert_eq!(history.percentile(99, 69, all), None);
        assert_eq!(history.percentile(100, 1, at(400)), Some(40));
        assert_eq!(history.percentile(0, 1, at(400)), Some(34));
    }

    #[test]
    fn nothing_is_usual_before_fourteen_days() {
        let (calendar, _) = known(14, |_| 1);
        assert!(!calendar.is_warm());
        let (calendar, _) = known(15, |_| 1);
        assert!(calendar.is_warm());
    }

    #[test]
    fn the_longest_pause_is_that_of_like_hours() {
        let (_, mut history) = known(15, |hour| u64::from((8..18).contains(&hour.rem_euclid(24))));
        let at = |history: &mut History, hour: i64| {
            history.add(hour * HOUR_US, hour * HOUR_US, 1, true);
            history.longest_pause_us(0).unwrap() / HOUR_US
        };
        let tuesday = MONDAY + 15 * 24;
        assert_eq!(at(&mut history, tuesday + 8), 1);
        assert_eq!(at(&mut history, tuesday + 12), 1);
        assert_eq!(at(&mut history, tuesday + 17), 15);
        assert_eq!(History::default().longest_pause_us(0), None);
    }

    #[test]
    fn a_silence_is_held_against_the_pauses_of_all_hours_that_it_lasts() {
        // By day one each hour, in the evening the last at eight, the next at six.
        let (_, mut noon) = known(12, |hour| u64::from((6..21).contains(&hour.rem_euclid(24))));
        let pause = |history: &History, hours: i64| {
            history.longest_pause_us(hours * HOUR_US).unwrap() / HOUR_US
        };
        let monday = (MONDAY + 14 * 24 + 12) * HOUR_US;
        noon.add(monday, monday, 1, true);
        assert_eq!((pause(&noon, 0), pause(&noon, 6)), (1, 1));
        assert_eq!((pause(&noon, 7), pause(&noon, 48)), (10, 10));
    }

    #[test]
    fn a_day_in_ten_has_no_usual_pauses() {
        let with_outages = |days: i64, outages: i64| {
            let (_, mut history) = known(days, |hour| {
                let is_out = hour.rem_euclid(24) > 10 && (hour - MONDAY) / 24 < outages;
                u64::from((8..18).contains(&hour.rem_euclid(24)) && !is_out)
            });
            let at = (MONDAY + 21 * 24 + 10) * HOUR_US;
            history.add(at, at, 1, true);
            history.longest_pause_us(0).unwrap() / HOUR_US
        };
        // Ten days at work and today.
        assert_eq!((with_outages(14, 1), with_outages(14, 2)), (1, 22));
        // Five, of which none may be left out.
        assert_eq!(with_outages(5, 1), 22);
    }

    #[test]
    fn only_four_weeks_are_remembered() {
        let (calendar, history) = known(60, |_| 3);
        assert!(calendar.hours.len() <= 673 && history.hours.len() <= 673);
    }
    /// Somebody comes each minute from ten to twelve but for seven minutes, on so many workdays; on
    /// the last one until now.
    fn busy(days: i64) -> History {
        let (mut history, minute_us) = (History::default(), HOUR_US / 60);
        for day in 0..days {
            let begin_us = (MONDAY + day * 24 + 10) * HOUR_US;
            let end = if day == days - 1 { 40 } else { 121 };
            for minute in (0..end).filter(|minute| !(21..27).contains(minute)) {
                let now_us = begin_us + minute * minute_us;
                history.add(now_us, now_us, 1, true);
            }
        }
        history
    }

    #[test]
    fn the_longest_pause_of_an_hour_counts_and_not_the_last() {
        let minute_us = HOUR_US / 60;
        assert_eq!(busy(5).longest_pause_us(minute_us), Some(7 * minute_us));
    }

    #[test]
    fn pauses_of_three_days_are_not_usual() {
        let minute_us = HOUR_US / 60;
        assert_eq!(busy(3).longest_pause_us(minute_us), None);
        assert!(busy(4).longest_pause_us(minute_us).is_some());
    }
}

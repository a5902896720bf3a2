//! Ranges of time: which lines are read, by their stamps.
//!
//! A range takes exactly the lines stamped within it. Its limits are times of the wall clock that a
//! report shows, or instants (`--since 2h`); a stamp that states no zone has only the former. What
//! the user may write for a range is **not** read here: that is for the command line.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::calendar::SECOND_US;
use super::wall_time::WallTime;
use super::zone::ZoneClock;

/// How far stamps may run backwards in a log that is taken for one in order: the hour that a clock
/// shows twice in autumn, and a little more.
pub(super) const DISORDER_US: i64 = 65 * 60 * SECOND_US;

/// A range of time: its beginning is part of it, its end is not, and either may be open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimeRange {
    wall: Limits,
    /// The same as instants, if that is what was asked for.
    instants: Option<Limits>,
}

/// Microseconds since 1970; the outermost numbers stand for an open side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Limits {
    from_us: i64,
    to_us: i64,
}

impl Limits {
    fn new(from_us: Option<i64>, to_us: Option<i64>) -> Self {
        Limits {
            from_us: from_us.unwrap_or(i64::MIN),
            to_us: to_us.unwrap_or(i64::MAX),
        }
    }

    /// The limits moved apart by so much on both sides; an open side stays open.
    fn widened(self, by_us: i64) -> Self {
        Limits {
            from_us: self.from_us.saturating_sub(by_us),
            to_us: self.to_us.saturating_add(by_us),
        }
    }
}

/// Where a time lies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Side {
    Before,
    Within,
    After,
}

impl TimeRange {
    /// Makes a range of times on the wall clock, in microseconds since 1970.
    pub fn of_wall(from_us: Option<i64>, to_us: Option<i64>) -> Self {
        TimeRange {
            wall: Limits::new(from_us, to_us),
            instants: None,
        }
    }

    /// Makes a range of instants; `tz` is that of `--tz`, whose wall clock decides about stamps
    /// without a zone.
    pub fn of_instants(
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
        tz: Option<Tz>,
    ) -> Self {
        let (from_us, to_us) = (from.map(micros), to.map(micros));
        let mut clock = ZoneClock::new(tz);
        let mut wall_us = |instant_us| clock.shown(instant_us).wall_us;
        TimeRange {
            wall: Limits::new(from_us.map(&mut wall_us), to_us.map(&mut wall_us)),
            instants: Some(Limits::new(from_us, to_us)),
        }
    }

    /// Returns the first moment on the wall clock; `None` if that side is open.
    pub fn from_us(&self) -> Option<i64> {
        (self.wall.from_us != i64::MIN).then_some(self.wall.from_us)
    }

    /// Returns the moment before which it ends, on the wall clock; `None` if that side is open.
    pub fn to_us(&self) -> Option<i64> {
        (self.wall.to_us != i64::MAX).then_some(self.wall.to_us)
    }

    /// Tells whether a line of this time is part of it.
    pub fn contains(&self, time: WallTime) -> bool {
        self.side_of(time, 0) == Side::Within
    }

    /// Tells whether it begins before a time; no time is later than all.
    pub(super) fn begins_before(&self, time: Option<WallTime>) -> bool {
        time.is_none_or(|time| {
            let (limits, us) = self.limits_for(time);
            limits.from_us < us
        })
    }

    /// Tells where a time lies when the range is made so much longer on both sides.
    pub(super) fn side_of(&self, time: WallTime, wider_by_us: i64) -> Side {
        let (limits, us) = self.limits_for(time);
        let Limits { from_us, to_us } = match wider_by_us {
            0 => limits,
            by_us => limits.widened(by_us),
        };
        if us < from_us {
            Side::Before
        } else if us < to_us || to_us == i64::MAX {
            Side::Within
        } else {
            Side::After
        }
    }

    /// Returns what a time is compared by, and whether that is an instant.
    pub(super) fn key(&self, time: WallTime) -> (i64, bool) {
        let (_, us) = self.limits_for(time);
        (us, self.instants.is_some() && time.offset_secs.is_some())
    }

    fn limits_for(&self, time: WallTime) -> (Limits, i64) {
        match (self.instants, time.instant_us()) {
            (Some(limits), Some(us)) => (limits, us),
            _ => (self.wall, time.wall_us),
        }
    }

    /// Returns the limits as instants, 65 minutes further out: a wall clock that is put back shows
    /// an hour twice, and one that is put forward leaves one out.
    pub(super) fn instants_around(&self, tz: Option<Tz>) -> (Option<i64>, Option<i64>) {
        let clock = ZoneClock::new(tz);
        let instants = self.instants.unwrap_or_else(|| Limits {
            from_us: clock.instant_us(self.wall.from_us),
            to_us: clock.instant_us(self.wall.to_us),
        });
        let Limits { from_us, to_us } = instants.widened(DISORDER_US);
        (self.from_us().map(|_| from_us), self.to_us().map(|_| to_us))
    }
}

fn micros(instant: DateTime<Utc>) -> i64 {
    let seconds = instant.timestamp().saturating_mul(SECOND_US);
    seconds.saturating_add(i64::from(instant.timestamp_subsec_micros()))
}

/// Lets the lines of a range through, one after the other; a line without a stamp belongs to the
/// stamp before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Gate {
    range: TimeRange,
    is_open: bool,
}

impl Gate {
    /// Stands before the first line of a log.
    pub(super) fn new(range: TimeRange) -> Self {
        Gate {
            range,
            is_open: range.from_us().is_none(),
        }
    }

    /// Decides about the next line by its time.
    pub(super) fn lets_through(&mut self, time: Option<WallTime>) -> bool {
        if let Some(time) = time {
            self.is_open = self.range.contains(time);
        }
        self.is_open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(wall_us: i64, offset_secs: Option<i32>) -> WallTime {
        WallTime {
            wall_us,
            offset_secs,
        }
    }

    #[test]
    fn begins_with_its_first_moment_and_ends_before_its_last() {
        let range = TimeRange::of_wall(Some(10), Some(20));
        for (us, within) in [(9, false), (10, true), (19, true), (20, false)] {
            assert_eq!(range.contains(at(us, None)), within, "{us}");
            assert_eq!(range.contains(at(us, Some(3600))), within, "{us}");
        }
        for us in [i64::MIN, 0, i64::MAX] {
            assert!(TimeRange::of_wall(None, None).contains(at(us, None)));
        }
        assert!(!TimeRange::of_wall(Some(10), None).contains(at(9, None)));
        assert!(!TimeRange::of_wall(None, Some(10)).contains(at(10, None)));
    }

    #[test]
    fn instants_decide_where_both_sides_are_instants() {
        let noon = DateTime::from_timestamp(1_795_262_400, 0).unwrap();
        let noon_us = 1_795_262_400 * SECOND_US;
        let hour_us = 3600 * SECOND_US;
        let range = TimeRange::of_instants(Some(noon), None, Some(chrono_tz::Europe::Berlin));
        assert_eq!(range.from_us(), Some(noon_us + hour_us));
        assert_eq!(range.to_us(), None);
        // 13:00 in Berlin, and the same moment in India, where it is 17:30.
        assert!(range.contains(at(noon_us + hour_us, Some(3600))));
        assert!(!range.contains(at(noon_us + hour_us - 1, Some(3600))));
        assert!(!range.contains(at(noon_us + 5 * hour_us, Some(19_800))));
        assert!(range.contains(at(noon_us + 6 * hour_us, Some(19_800))));
        // Without a zone the clock of Berlin decides.
        assert!(range.contains(at(noon_us + hour_us, None)));
        assert!(!range.contains(at(noon_us + hour_us - 1, None)));
    }

    #[test]
    fn tells_the_side_of_a_wider_range() {
        let range = TimeRange::of_wall(Some(100), Some(200));
        for (us, side) in [
            (89, Side::Before),
            (90, Side::Within),
            (209, Side::Within),
            (210, Side::After),
        ] {
            assert_eq!(range.side_of(at(us, None), 10), side, "{us}");
        }
        let open = TimeRange::of_wall(None, None);
        assert_eq!(open.side_of(at(i64::MIN, None), 10), Side::Within);
        assert_eq!(open.side_of(at(i64::MAX, None), 10), Side::Within);
    }

    #[test]
    fn a_line_without_a_stamp_goes_with_the_one_above() {
        let mut gate = Gate::new(TimeRange::of_wall(Some(10), Some(20)));
        let times = [None, Some(5), None, Some(10), None, Some(20), None];
        let through: Vec<bool> = times
            .iter()
            .map(|us| gate.lets_through(us.map(|us| at(us, None))))
            .collect();
        assert_eq!(through, [false, false, false, true, true, false, false]);
        let mut from_the_beginning = Gate::new(TimeRange::of_wall(None, Some(20)));
        assert!(from_the_beginning.lets_through(None));
    }

    #[test]
    fn surrounds_a_day_by_instants_whatever_its_clock_does() {
        // 2026-10-25 in Berlin: 25 hours, from 22:00 UTC to 23:00 UTC of the day itself.
        let day_us = 20_751 * 86_400 * SECOND_US;
        let hour_us = 3600 * SECOND_US;
        let range = TimeRange::of_wall(Some(day_us), Some(day_us + 24 * hour_us));
        let berlin = Some(chrono_tz::Europe::Berlin);
        assert_eq!(
            range.instants_around(berlin),
            (
                Some(day_us - 2 * hour_us - DISORDER_US),
                Some(day_us + 23 * hour_us + DISORDER_US)
            )
        );
        let open = TimeRange::of_wall(Some(day_us), None);
        assert_eq!(open.instants_around(berlin).1, None);
    }
}

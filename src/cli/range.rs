//! `--date`, `--since`, `--until`: which part of the logs is read.

use anyhow::{Result, bail};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use clap::Args;

use super::when::{self, Moment, Present};
use crate::report::{RangeAsked, stamp};
use crate::source::{LogSpan, TimeRange};

#[derive(Args, Debug)]
pub(super) struct RangeArguments {
    /// Only lines of these days: today, yesterday, 'this week', 'last week', 'this month',
    /// 'last month', a day such as 2026-11-20, a month 2026-11, a year, or A..B with both days
    /// included; A or B may be left out
    #[arg(long, value_name = "DAYS")]
    date: Option<String>,
    /// Only lines from this time on: so long ago (90s, 15m, 2h, 3d), a day (its beginning), or a
    /// day and a time such as 2026-11-20T12:00
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Only lines before this time, written as for --since
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Take this time for the present one, by which --date, --since and years are counted
    #[arg(long, value_name = "WHEN")]
    now: Option<String>,
}

impl RangeArguments {
    /// Tells whether any part of the log was asked for.
    pub(super) fn is_given(&self) -> bool {
        self.date.is_some() || self.since.is_some() || self.until.is_some()
    }

    /// Returns the present: the machine's, or what `--now` says.
    pub(super) fn now(&self, machine: DateTime<Utc>, tz: Option<Tz>) -> Result<DateTime<Utc>> {
        let present = Present { now: machine, tz };
        let now = named("--now", self.now.as_deref(), |text| {
            when::moment(text, present)
        })?;
        Ok(match now {
            Some(Moment::Instant(instant)) => instant,
            Some(Moment::Wall(wall)) => present.instant(wall),
            None => machine,
        })
    }

    /// Returns the range asked for, counted from the present.
    pub(super) fn range(&self, present: Present) -> Result<Option<TimeRange>> {
        if self.date.is_some() && (self.since.is_some() || self.until.is_some()) {
            bail!("--date says it all; give either --date, or --since and --until");
        }
        if let Some(days) = named("--date", self.date.as_deref(), |text| {
            when::days(text, present)
        })? {
            return Ok(Some(TimeRange::of_wall(
                days.from.map(midnight_us),
                days.to.map(midnight_us),
            )));
        }
        let moment = |text: &str| when::moment(text, present);
        let since = named("--since", self.since.as_deref(), moment)?;
        let until = named("--until", self.until.as_deref(), moment)?;
        if since.is_none() && until.is_none() {
            return Ok(None);
        }
        let range = range_of(since, until, present);
        if let (Some(from_us), Some(to_us)) = (range.from_us(), range.to_us())
            && to_us <= from_us
        {
            bail!("--until is not after --since: there is nothing between them");
        }
        Ok(Some(range))
    }

    /// Says for a report what was asked for.
    pub(super) fn asked(&self, range: &TimeRange) -> RangeAsked {
        let words = match (&self.date, &self.since, &self.until) {
            (Some(date), ..) => date.clone(),
            (None, Some(since), Some(until)) => format!("since {since} until {until}"),
            (None, Some(since), None) => format!("since {since}"),
            (None, None, until) => format!("until {}", until.as_deref().unwrap_or("")),
        };
        RangeAsked {
            words,
            from_us: range.from_us(),
            to_us: range.to_us(),
        }
    }
}

/// There is no line in the range asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct NothingWithin {
    /// What the range is, and what the logs span.
    pub(super) text: String,
    /// Whether the logs do not reach there, so that their silence tells nothing.
    ///
    /// Not so for a time between their first line and their last one, and for one behind the last
    /// line that is not over: there was no mail so far.
    pub(super) is_uncovered: bool,
}

impl NothingWithin {
    pub(super) fn new(wanted: &RangeAsked, span: Option<LogSpan>, present: Present) -> Self {
        let Some(LogSpan { first, last }) = span else {
            return NothingWithin {
                text: format!("nothing was logged {wanted}: no line has a time stamp"),
                is_uncovered: true,
            };
        };
        let (begin, end) = (stamp(first.wall_us), last.map(|last| stamp(last.wall_us)));
        let span = match end {
            Some(end) => format!("go from {begin} to {end}"),
            None => format!("begin at {begin}"),
        };
        let ends_by = |us: i64| wanted.to_us.is_some_and(|to_us| to_us <= us);
        let is_over = ends_by(wall_us(present.wall(present.now)));
        let is_inside = last.is_some_and(|last| wanted.from_us <= Some(last.wall_us));
        NothingWithin {
            text: format!("nothing was logged {wanted}: the logs {span}"),
            is_uncovered: ends_by(first.wall_us) || is_over && !is_inside,
        }
    }
}

/// Reads the value of a flag; the error names the flag and the value.
fn named<T>(
    flag: &str,
    text: Option<&str>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>> {
    let Some(text) = text else { return Ok(None) };
    match read(text) {
        Ok(value) => Ok(Some(value)),
        Err(error) => bail!("{flag} '{text}' {error}"),
    }
}

/// Makes a range of two moments: instants stay what they are if both sides are.
fn range_of(since: Option<Moment>, until: Option<Moment>, present: Present) -> TimeRange {
    let instant = |moment: Option<Moment>| match moment {
        None => Some(None),
        Some(Moment::Instant(instant)) => Some(Some(instant)),
        Some(Moment::Wall(_)) => None,
    };
    if let (Some(since), Some(until)) = (instant(since), instant(until)) {
        return TimeRange::of_instants(since, until, present.tz);
    }
    let wall = |moment: Moment| match moment {
        Moment::Wall(wall) => wall_us(wall),
        Moment::Instant(instant) => wall_us(present.wall(instant)),
    };
    TimeRange::of_wall(since.map(wall), until.map(wall))
}

fn midnight_us(day: NaiveDate) -> i64 {
    wall_us(day.and_time(NaiveTime::MIN))
}

fn wall_us(wall: NaiveDateTime) -> i64 {
    wall.and_utc().timestamp_micros()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(date: &str, since: &str, until: &str) -> Result<Option<TimeRange>> {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let arguments = RangeArguments {
            date: text(date),
            since: text(since),
            until: text(until),
            now: Some("2026-11-21T12:00".into()),
        };
        let tz = Some(chrono_tz::Europe::Berlin);
        let now = arguments.now(DateTime::UNIX_EPOCH, tz).unwrap();
        arguments.range(Present { now, tz })
    }

    /// 2026-11-20T00:00 on any wall clock.
    const FRIDAY_US: i64 = 1_795_132_800_000_000;
    const HOUR_US: i64 = 3_600_000_000;

    #[test]
    fn days_and_moments_are_times_of_the_wall_clock() {
        let (friday, saturday) = (Some(FRIDAY_US), Some(FRIDAY_US + 24 * HOUR_US));
        for (date, since, until, from_us, to_us) in [
            ("yesterday", "", "", friday, saturday),
            ("..2026-11-20", "", "", None, saturday),
            ("", "2026-11-20", "2026-11-21", friday, saturday),
            ("", "", "2026-11-20", None, friday),
            (
                "",
                "24h",
                "2026-11-21",
                Some(FRIDAY_US + 12 * HOUR_US),
                saturday,
            ),
        ] {
            let expected = TimeRange::of_wall(from_us, to_us);
            let found = range(date, since, until).unwrap();
            assert_eq!(found, Some(expected), "{date}{since} {until}");
        }
        assert_eq!(range("", "", "").unwrap(), None);
    }

    #[test]
    fn so_long_ago_is_an_instant() {
        let noon = DateTime::from_timestamp(1_795_258_800, 0);
        let ago = |hours| noon.map(|noon| noon - chrono::TimeDelta::hours(hours));
        let tz = Some(chrono_tz::Europe::Berlin);
        let expected = TimeRange::of_instants(ago(2), ago(1), tz);
        assert_eq!(range("", "2h", "1h").unwrap(), Some(expected));
    }

    #[test]
    fn silence_is_a_failure_only_where_the_logs_do_not_reach() {
        let at = |hours: i64| FRIDAY_US + hours * HOUR_US;
        let wall = |hours| crate::source::WallTime {
            wall_us: at(hours),
            offset_secs: None,
        };
        // The log goes from 0:00 to 6:00 on Friday; now it is Saturday noon.
        let present = Present {
            now: DateTime::from_timestamp(1_795_258_800, 0).unwrap(),
            tz: Some(chrono_tz::Europe::Berlin),
        };
        let look = |from: Option<i64>, to: Option<i64>, last: Option<i64>| {
            let wanted = RangeAsked {
                words: "these hours".into(),
                from_us: from.map(at),
                to_us: to.map(at),
            };
            let span = LogSpan {
                first: wall(0),
                last: last.map(wall),
            };
            NothingWithin::new(&wanted, Some(span), present)
        };
        for (from, to, last, is_uncovered) in [
            (Some(-24), Some(0), Some(6), true),
            (None, Some(-1), Some(6), true),
            (Some(-24), Some(1), Some(6), false),
            (Some(2), Some(3), Some(6), false),
            (Some(7), Some(8), Some(6), true),
            (Some(7), Some(36), Some(6), true),
            (Some(7), Some(37), Some(6), false),
            (Some(35), None, Some(6), false),
            (Some(7), Some(8), None, true),
        ] {
            let found = look(from, to, last);
            assert_eq!(found.is_uncovered, is_uncovered, "{from:?} {to:?} {last:?}");
        }
        assert_eq!(
            look(Some(7), Some(8), Some(6)).text,
            "nothing was logged from 2026-11-20 07:00:00 to before 2026-11-20 08:00:00 (these hours): \
             the logs go from 2026-11-20 00:00:00 to 2026-11-20 06:00:00"
        );
    }

    #[test]
    fn mistakes_name_the_flag() {
        for (date, since, until, part) in [
            (
                "yesteday",
                "",
                "",
                "--date 'yesteday' is no date; did you mean yesterday?",
            ),
            ("", "2x", "", "--since '2x' is no date; write 2h"),
            ("", "", "2026-13", "--until '2026-13' there is no month 13"),
            ("today", "2h", "", "--date says it all"),
            ("", "1h", "2h", "--until is not after --since"),
        ] {
            let error = range(date, since, until).unwrap_err().to_string();
            assert!(error.starts_with(part), "{error}");
        }
    }
}

//! Years for stamps that have none.
//!
//! A [`YearWalk`] goes through the stamps of one log in order and tells the year of each, once the
//! year of the first is known. That year comes from `--year`, or by walking back from an anchor:
//! the first line that states its year, or the latest time at which the last line can have been
//! logged (see [`Turns::first_year`]).

use chrono_tz::Tz;
use mailtally_parsers::Timestamp;
use serde::{Deserialize, Serialize};

use super::calendar::{DAY_US, SECOND_US, days_from_civil, is_leap};
use super::chunk::split_lines;
use super::container::{Unwrapped, is_cri};
use super::range::{Gate, TimeRange};
use super::wall_time::WallTime;
use super::zone::ZoneClock;

/// A stamp may be this many days before the one above it without a new year having begun: lines
/// out of order, or weekly logs put together in the wrong order.
const DISORDER_DAYS: i16 = 60;

/// Days of a year, as if each had a 29 February.
const YEAR_DAYS: i16 = 366;

/// A stamp may be this far ahead of its anchor, for clocks and zones differ.
pub(super) const ANCHOR_SLACK_US: i64 = DAY_US;

/// All that is needed to date the lines of a chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dating {
    pub(super) years: YearWalk,
    pub(super) tz: Option<Tz>,
    /// Which lines are let through; `None` for all.
    pub(super) gate: Option<Gate>,
}

impl Dating {
    /// Dates lines whose first one was logged in `year`; `tz` is that of `--tz`.
    pub fn from_year(year: i32, tz: Option<Tz>) -> Self {
        Dating {
            years: YearWalk::from_year(year),
            tz,
            gate: None,
        }
    }

    /// Dates lines that follow those that the years were walked through.
    pub(super) fn of_years(years: YearWalk, tz: Option<Tz>) -> Self {
        Dating {
            years,
            tz,
            gate: None,
        }
    }

    /// Lets only the lines of a range through.
    pub(super) fn within(self, range: Option<TimeRange>) -> Self {
        Dating {
            gate: range.map(Gate::new),
            ..self
        }
    }

    /// Dates lines of the same log whose first one was logged in `year`.
    pub(super) fn starting_in(self, year: i32) -> Self {
        Dating {
            years: YearWalk::from_year(year),
            ..self
        }
    }

    /// Goes over whole lines, to be where the next ones begin.
    pub(super) fn skip(&mut self, bytes: &[u8]) {
        self.years.skip(bytes);
        self.skip_gate(bytes);
    }

    /// Lets the gate go over lines whose years were gone over.
    pub(super) fn skip_gate(&mut self, bytes: &[u8]) {
        let mut dater = Dater::new(self);
        if let Some(gate) = &mut self.gate {
            gate.lets_through(last_time(bytes, &mut dater));
        }
    }

    /// Returns the year of the stamp before the chunk; where there is none, that of its first one.
    pub fn year(&self) -> i32 {
        self.years.year
    }
}

/// The year and the day of the stamp before: what the year of the next one depends on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct YearWalk {
    year: i32,
    day: Option<i16>,
}

impl YearWalk {
    /// Begins before a first stamp of this year.
    pub(super) fn from_year(year: i32) -> Self {
        YearWalk { year, day: None }
    }

    /// Returns the year of the stamp before.
    pub(super) fn year(&self) -> i32 {
        self.year
    }

    /// Tells a stamp's year, and goes on from there.
    ///
    /// It is the first year in which the stamp is not more than [`DISORDER_DAYS`] before the one
    /// above it: 1 January after 31 December is a new year, 31 December after it is the old one
    /// again, and November after 2 January is eight months later.
    pub(super) fn year_of(&mut self, stamp: &Timestamp) -> i32 {
        let day = day_of_leap_year(stamp);
        match (stamp.year, self.day) {
            (Some(stated), _) => self.year = i32::from(stated),
            (None, Some(before)) => self.year = self.year.saturating_add(turn(before, day)),
            (None, None) => {}
        }
        self.day = Some(day);
        self.year
    }

    /// Tells whether a line is of the day of the stamp before; `None` where it does not state a day
    /// without its year.
    pub(super) fn stands_on_day_of(&self, line: &[u8]) -> Option<bool> {
        let stamp = Timestamp::of_line(line).filter(|stamp| stamp.year.is_none())?;
        Some(self.day == Some(day_of_leap_year(&stamp)))
    }

    /// Goes over the lines of a chunk, to be where the next one begins.
    ///
    /// A stretch that ends on the day of the stamp before it holds no new year, unless a whole year's
    /// lines, to the day, fit into it: only the others are gone through.
    pub(super) fn skip(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (stretch, rest) = split_stretch(bytes);
            let is_short = stretch.len() <= PIECE_BYTES;
            if is_short || self.stands_on_day_of(last_line(stretch)) != Some(true) {
                self.skip_lines(stretch);
            }
            bytes = rest;
        }
    }

    pub(super) fn skip_lines(&mut self, bytes: &[u8]) {
        for stamp in stamps_of_text(bytes) {
            self.year_of(&stamp);
        }
    }
}

/// Goes through the stamps of the lines of text, but for those that the line above has too.
///
/// Lines in containers state their years, which do not concern others.
pub(super) fn stamps_of_text(lines: &[u8]) -> impl Iterator<Item = Timestamp> {
    // A traditional stamp with the blank behind it.
    let mut above = [0; 16];
    split_lines(lines).filter_map(move |line| {
        if line.first_chunk() == Some(&above) || line.first() == Some(&b'{') || is_cri(line) {
            return None;
        }
        let stamp = Timestamp::of_line(line)?;
        if let Some(text @ [b'A'..=b'Z', .., b' ']) = line.first_chunk::<16>() {
            above = *text;
        }
        Some(stamp)
    })
}

/// What is no longer than this is gone through, whatever its end says.
const PIECE_BYTES: usize = 8 << 10;
/// How much of a chunk is gone through, or not, at a time.
const STRETCH_BYTES: usize = 64 << 10;

/// Takes whole lines of some [`STRETCH_BYTES`] off.
fn split_stretch(bytes: &[u8]) -> (&[u8], &[u8]) {
    let behind = bytes.get(STRETCH_BYTES..).unwrap_or(b"");
    let end = memchr::memchr(b'\n', behind).map_or(bytes.len(), |end| STRETCH_BYTES + end + 1);
    bytes.split_at_checked(end).unwrap_or((bytes, b""))
}

/// The last line of whole lines.
pub(super) fn last_line(lines: &[u8]) -> &[u8] {
    let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
    let start = memchr::memrchr(b'\n', lines).map_or(0, |end| end + 1);
    lines.get(start..).unwrap_or(b"")
}

/// The time of the last line that has one; the years stand behind that line.
fn last_time(mut lines: &[u8], dater: &mut Dater) -> Option<WallTime> {
    let mut unwrapped = Unwrapped::default();
    while !lines.is_empty() {
        let line = last_line(lines);
        if let Some(time) = time_of_line(line, &mut unwrapped, dater) {
            return Some(time);
        }
        let kept = lines.strip_suffix(b"\n").unwrap_or(lines).len() - line.len();
        lines = lines.get(..kept).unwrap_or(b"");
    }
    None
}

/// Reads a line's stamp alone, out of its container if it has one.
pub(super) fn stamp_of_line(line: &[u8], unwrapped: &mut Unwrapped) -> Option<Timestamp> {
    let wrapped = unwrapped.load_alone(line);
    wrapped.or_else(|| Timestamp::of_line(line))
}

/// Dates a line by its stamp alone.
pub(super) fn time_of_line(
    line: &[u8],
    unwrapped: &mut Unwrapped,
    dater: &mut Dater,
) -> Option<WallTime> {
    if let Some(stamp) = unwrapped.load_alone(line) {
        return Some(dater.in_container(&stamp));
    }
    Timestamp::of_line(line).map(|stamp| dater.wall_time(&stamp))
}

/// Tells by how many years a stamp is away from the one above it.
fn turn(before: i16, day: i16) -> i32 {
    let ahead = day - before;
    if ahead < -DISORDER_DAYS {
        1
    } else if ahead >= YEAR_DAYS - DISORDER_DAYS {
        -1
    } else {
        0
    }
}

/// How many days later a stamp is than one above it, the year being told as in a [`YearWalk`].
fn days_ahead(before: &Timestamp, stamp: &Timestamp) -> i32 {
    let (before, day) = (day_of_leap_year(before), day_of_leap_year(stamp));
    i32::from(day) - i32::from(before) + turn(before, day) * i32::from(YEAR_DAYS)
}

/// How many days after a stamp the next 29 February is.
fn leap_day_ahead(before: &Timestamp) -> i32 {
    const LEAP_DAY: i16 = 60;
    i32::from((LEAP_DAY - day_of_leap_year(before)).rem_euclid(YEAR_DAYS))
}

/// Tells whether lines of a 29 February may stand between two lines, both without a year.
pub(super) fn may_hide_leap_day(before: &Timestamp, next: &Timestamp) -> bool {
    let is_yearless = before.year.is_none() && next.year.is_none();
    is_yearless && (1..days_ahead(before, next)).contains(&leap_day_ahead(before))
}

/// Tells whether a stamp below another one is before the next 29 February.
pub(super) fn is_before_leap_day(before: &Timestamp, stamp: &Timestamp) -> bool {
    days_ahead(before, stamp) < leap_day_ahead(before)
}

fn day_of_leap_year(stamp: &Timestamp) -> i16 {
    const BEFORE_MONTH: [i16; 12] = [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335];
    let month = usize::from(stamp.month.saturating_sub(1));
    BEFORE_MONTH.get(month).copied().unwrap_or(0) + i16::from(stamp.day)
}

/// Turns stamps into wall-clock time.
#[derive(Clone, Debug)]
pub(super) struct Dater {
    pub(super) years: YearWalk,
    clock: ZoneClock,
    /// The last stamp and its time: stamps come in runs.
    last: Option<(Timestamp, WallTime)>,
}

impl Dater {
    pub(super) fn new(dating: &Dating) -> Self {
        Dater {
            years: dating.years,
            clock: ZoneClock::new(dating.tz),
            last: None,
        }
    }

    /// Dates the stamp of the next line of text.
    pub(super) fn wall_time(&mut self, stamp: &Timestamp) -> WallTime {
        if let Some((last, time)) = self.last
            && last == *stamp
        {
            return time;
        }
        let year = self.years.year_of(stamp);
        let time = self.clock.wall_time(stated_us(year, stamp), stamp.zone);
        self.last = Some((*stamp, time));
        time
    }

    /// Dates the stamp of a line in a container, whose years do not concern the lines of text.
    pub(super) fn in_container(&mut self, stamp: &Timestamp) -> WallTime {
        let year = stamp.year.map_or(self.years.year, i32::from);
        self.clock.wall_time(stated_us(year, stamp), stamp.zone)
    }
}

/// Returns microseconds since 1970 on the clock that the stamp was read from.
fn stated_us(year: i32, stamp: &Timestamp) -> i64 {
    let days = days_from_civil(year, stamp.month, stamp.day);
    let minutes = i64::from(stamp.hour) * 60 + i64::from(stamp.minute);
    days * DAY_US + minutes * 60 * SECOND_US + us_of_minute(stamp)
}

/// Returns microseconds since the stamp's minute began.
#[inline]
pub(super) fn us_of_minute(stamp: &Timestamp) -> i64 {
    i64::from(stamp.second) * SECOND_US + i64::from(stamp.micros)
}

/// What a first look at a log's stamps tells about years: they are counted from the first line's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turns {
    walk: YearWalk,
    /// The last stamp without a year, and how many years after the first line it was logged.
    last: Option<(i32, Timestamp)>,
    /// Years after the first line's, and the year that a line stated there.
    stated: Option<(i32, i32)>,
    /// How many years after the first line a 29 February was seen.
    leap_day: Option<i32>,
}

impl Turns {
    pub(super) fn new() -> Self {
        Turns {
            walk: YearWalk::from_year(0),
            last: None,
            stated: None,
            leap_day: None,
        }
    }

    /// Takes the next line's stamp into account; tells how many years after the first it is.
    pub(super) fn see(&mut self, stamp: &Timestamp) -> i32 {
        let turns = self.walk.year_of(&Timestamp {
            year: None,
            ..*stamp
        });
        match stamp.year {
            Some(year) => {
                self.stated.get_or_insert((turns, i32::from(year)));
            }
            None => {
                self.last = Some((turns, *stamp));
                if (stamp.month, stamp.day) == (2, 29) {
                    self.leap_day = Some(turns);
                }
            }
        }
        turns
    }

    /// Tells the year of the first line.
    ///
    /// A stated year decides. Else the last line was logged in the latest year in which it is at
    /// most a day ahead of the anchor, and in which a 29 February of the log exists.
    pub(super) fn first_year(&self, anchor_us: i64) -> i32 {
        if let Some((turns, year)) = self.stated {
            return year - turns;
        }
        // A file system may state any time; years have four digits.
        let anchor_us = anchor_us.clamp(0, days_from_civil(9999, 12, 31) * DAY_US);
        let anchor_year = super::calendar::civil_from_days(anchor_us.div_euclid(DAY_US)).year;
        let Some((turns, last)) = self.last else {
            return anchor_year;
        };
        let fits = |year: &i32| {
            let leap = self
                .leap_day
                .is_none_or(|leap_turns| is_leap(year - turns + leap_turns));
            leap && stated_us(*year, &last) <= anchor_us + ANCHOR_SLACK_US
        };
        // Two leap years are at most eight years apart.
        let latest = (anchor_year - 9..=anchor_year + 1).rev().find(fits);
        latest.unwrap_or(anchor_year) - turns
    }
}

#[cfg(test)]
#[path = "dating_tests.rs"]
mod tests;

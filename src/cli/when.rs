//! The words for days and moments that `--date`, `--since` and `--until` take.
//!
//! Everything is counted from a given present, on the wall clock of `--tz` or of this machine. A
//! week begins on Monday. What a range does to lines is **not** decided here (that is `source`).

use chrono::{
    DateTime, Datelike, Days, Local, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc,
};
use chrono_tz::Tz;

use super::kinds::edit_distance;

/// The words that stand for days.
const WORDS: [&str; 8] = [
    "today",
    "yesterday",
    "this week",
    "last week",
    "this month",
    "last month",
    "this year",
    "last year",
];

/// The present, and the wall clock that days are counted on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Present {
    pub(super) now: DateTime<Utc>,
    pub(super) tz: Option<Tz>,
}

/// Whole days: the first one, and the first one behind the last; either side may be open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct DaySpan {
    pub(super) from: Option<NaiveDate>,
    pub(super) to: Option<NaiveDate>,
}

/// A point of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Moment {
    /// What a wall clock shows.
    Wall(NaiveDateTime),
    /// The same moment everywhere.
    Instant(DateTime<Utc>),
}

/// Why a text is no date.
#[derive(Clone, Debug)]
enum Wrong {
    /// What is wrong with the date that it is.
    Said(String),
    /// It is none; perhaps this was meant.
    NoDate(Option<String>),
}

/// What `--date` takes.
const DAYS: &str = "today, yesterday, 'last week', 2026-11-20, 2026-11 or 2026-11-01..2026-11-07";
/// What `--since` and `--until` take.
const MOMENTS: &str = "2h (two hours ago; also s, m, d, w), 2026-11-20 or 2026-11-20T12:00";

impl From<String> for Wrong {
    fn from(said: String) -> Self {
        Wrong::Said(said)
    }
}

impl Wrong {
    fn said(self, otherwise: &str) -> String {
        match self {
            Wrong::Said(said) => said,
            Wrong::NoDate(Some(near)) => format!("is no date; did you mean {near}?"),
            Wrong::NoDate(None) => format!("is no date; write {otherwise}"),
        }
    }
}

impl Present {
    /// Shows an instant on the wall clock.
    pub(super) fn wall(&self, instant: DateTime<Utc>) -> NaiveDateTime {
        match self.tz {
            Some(tz) => instant.with_timezone(&tz).naive_local(),
            None => instant.with_timezone(&Local).naive_local(),
        }
    }

    /// Returns an instant at which the wall clock shows a time, the first of two.
    pub(super) fn instant(&self, wall: NaiveDateTime) -> DateTime<Utc> {
        let instant = match self.tz {
            Some(tz) => tz
                .from_local_datetime(&wall)
                .earliest()
                .map(|time| time.to_utc()),
            None => Local
                .from_local_datetime(&wall)
                .earliest()
                .map(|time| time.to_utc()),
        };
        // No clock shows the hour that is left out in spring: any other one is as good.
        instant.unwrap_or_else(|| wall.and_utc())
    }

    fn today(&self) -> NaiveDate {
        self.wall(self.now).date()
    }
}

/// Reads what `--date` takes: a word, a day, a month, a year, or two of these with `..` between.
///
/// # Errors
/// One line that says what is wrong, with the nearest spelling that is right.
pub(super) fn days(text: &str, present: Present) -> Result<DaySpan, String> {
    let text = text.trim();
    let Some((from, to)) = text.split_once("..").or_else(|| text.split_once(" to ")) else {
        return one_span(text, present).map_err(|wrong| or_since(text, wrong, present));
    };
    let side = |text: &str| match text.trim() {
        "" => Ok(None),
        text => one_span(text, present)
            .map(Some)
            .map_err(|wrong| wrong.said(DAYS)),
    };
    let span = match (side(from)?, side(to)?) {
        (None, None) => {
            return Err("a range needs a day on at least one side, such as 2026-11-01..".into());
        }
        (from, to) => DaySpan {
            from: from.and_then(|span| span.from),
            to: to.and_then(|span| span.to),
        },
    };
    match (span.from, span.to) {
        (Some(first), Some(end)) if end <= first => Err(format!(
            "ends before it begins; did you mean {}..{}?",
            to.trim(),
            from.trim()
        )),
        _ => Ok(span),
    }
}

/// Says so where `--since` would take what `--date` does not.
fn or_since(text: &str, wrong: Wrong, present: Present) -> String {
    match moment(text, present) {
        Ok(_) => format!("takes whole days; did you mean --since '{text}'?"),
        Err(_) => wrong.said(DAYS),
    }
}

fn one_span(text: &str, present: Present) -> Result<DaySpan, Wrong> {
    let word = text.to_ascii_lowercase().replace(['-', '_'], " ");
    let span = match WORDS.contains(&word.as_str()) {
        true => word_span(&word, present.today()),
        false => date_span(text)?,
    };
    span.ok_or_else(|| Wrong::Said("is outside of the calendar".into()))
}

fn word_span(word: &str, today: NaiveDate) -> Option<DaySpan> {
    let (which, unit) = word.split_once(' ').unwrap_or((word, "day"));
    let from = match unit {
        "week" => {
            today.checked_sub_days(Days::new(today.weekday().num_days_from_monday().into()))?
        }
        "month" => today.with_day(1)?,
        "year" => today.with_ordinal(1)?,
        _ => today,
    };
    let span = span_of(from, unit)?;
    let is_before = matches!(which, "last" | "yesterday");
    if !is_before {
        return Some(span);
    }
    let before = match unit {
        "week" => from.checked_sub_days(Days::new(7))?,
        "month" => from.checked_sub_months(Months::new(1))?,
        "year" => from.checked_sub_months(Months::new(12))?,
        _ => from.checked_sub_days(Days::new(1))?,
    };
    span_of(before, unit)
}

/// Makes the span of a day, week, month or year by its first day.
fn span_of(from: NaiveDate, unit: &str) -> Option<DaySpan> {
    let to = match unit {
        "week" => from.checked_add_days(Days::new(7))?,
        "month" => from.checked_add_months(Months::new(1))?,
        "year" => from.checked_add_months(Months::new(12))?,
        _ => from.checked_add_days(Days::new(1))?,
    };
    Some(DaySpan {
        from: Some(from),
        to: Some(to),
    })
}

/// Reads `2026`, `2026-11` or `2026-11-20`.
fn date_span(text: &str) -> Result<Option<DaySpan>, Wrong> {
    let parts: Vec<&str> = text.split('-').collect();
    let number = |text: &str, digits: std::ops::RangeInclusive<usize>| {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        (is_number && digits.contains(&text.len())).then(|| text.parse::<u32>().ok())?
    };
    let (year, rest) = match parts.as_slice() {
        [year, rest @ ..] => (number(year, 4..=4), rest),
        [] => (None, &[][..]),
    };
    let rest: Option<Vec<u32>> = rest.iter().map(|part| number(part, 1..=2)).collect();
    let (Some(year), Some(rest)) = (year.and_then(|year| i32::try_from(year).ok()), rest) else {
        return Err(Wrong::NoDate(near_spelling(text)));
    };
    match *rest.as_slice() {
        [] => Ok(first_of(year, 1).and_then(|from| span_of(from, "year"))),
        [month] => Ok(span_of(existing_month(year, month)?, "month")),
        [month, day] => Ok(span_of(existing_day(year, month, day)?, "day")),
        _ => Err(Wrong::NoDate(near_spelling(text))),
    }
}

fn first_of(year: i32, month: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, month, 1)
}

fn existing_month(year: i32, month: u32) -> Result<NaiveDate, String> {
    let near = month.clamp(1, 12);
    first_of(year, month)
        .ok_or_else(|| format!("there is no month {month}; did you mean {year:04}-{near:02}?"))
}

fn existing_day(year: i32, month: u32, day: u32) -> Result<NaiveDate, String> {
    let first = existing_month(year, month)?;
    first.with_day(day).ok_or_else(|| {
        let last = u32::from(first.num_days_in_month());
        let near = day.clamp(1, last);
        format!(
            "there is no day {day} in {year:04}-{month:02}; did you mean {year:04}-{month:02}-{near:02}?"
        )
    })
}

/// Reads what `--since` and `--until` take: so long ago, a day (its beginning), a day and a time.
///
/// # Errors
/// One line that says what is wrong, with the nearest spelling that is right.
pub(super) fn moment(text: &str, present: Present) -> Result<Moment, String> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("now") {
        return Ok(Moment::Instant(present.now));
    }
    if let Some(ago) = long_ago(text) {
        let ago = ago?;
        let instant = present.now.checked_sub_signed(ago);
        return instant
            .map(Moment::Instant)
            .ok_or_else(|| "is outside of the calendar".into());
    }
    if let Some(instant) = text.strip_prefix('@').and_then(|epoch| epoch.parse().ok()) {
        let instant = DateTime::from_timestamp(instant, 0);
        return instant
            .map(Moment::Instant)
            .ok_or_else(|| "is outside of the calendar".into());
    }
    if let Some(time) = time_of_day(text) {
        return Ok(Moment::Wall(present.today().and_time(time)));
    }
    match text.find(['T', 't', ' ']) {
        Some(at) if text.get(at + 1..).is_some_and(begins_with_digit) => day_and_time(text, at),
        _ => {
            let span = one_span(text, present).map_err(|wrong| wrong.said(MOMENTS))?;
            let from = span.from.unwrap_or_default();
            Ok(Moment::Wall(from.and_time(NaiveTime::MIN)))
        }
    }
}

fn begins_with_digit(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

/// Reads `2026-11-20T12:00`, with seconds, a fraction and a zone if they stand there.
fn day_and_time(text: &str, at: usize) -> Result<Moment, String> {
    let (day, time) = (
        text.get(..at).unwrap_or(""),
        text.get(at + 1..).unwrap_or(""),
    );
    let Some(DaySpan {
        from: Some(day), ..
    }) = date_span(day).map_err(|wrong| wrong.said(MOMENTS))?
    else {
        return Err("is outside of the calendar".into());
    };
    let (clock, zone) = match time.find(['Z', 'z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => (time, ""),
    };
    let time = time_of_day(clock.trim_end())
        .ok_or_else(|| format!("has no time of day; write {day}T12:00 or {day}T12:00:30"))?;
    let wall = day.and_time(time);
    if zone.is_empty() {
        return Ok(Moment::Wall(wall));
    }
    let zoned = format!(
        "{}{}",
        wall.format("%Y-%m-%dT%H:%M:%S%.f"),
        zone.to_ascii_uppercase()
    );
    let zoned = zoned
        .strip_suffix('Z')
        .map_or(zoned.clone(), |utc| format!("{utc}+0000"));
    DateTime::parse_from_str(&zoned, "%Y-%m-%dT%H:%M:%S%.f%z")
        .map(|instant| Moment::Instant(instant.with_timezone(&Utc)))
        .map_err(|_| {
            format!("has no zone that we know; write {day}T{clock}+01:00 or {day}T{clock}Z")
        })
}

fn time_of_day(text: &str) -> Option<NaiveTime> {
    let is_short = text.matches(':').count() == 1;
    let format = if is_short { "%H:%M" } else { "%H:%M:%S%.f" };
    NaiveTime::parse_from_str(text, format).ok()
}

/// Reads `2h`, `1h30m`, `3 days ago`; `None` when it is something else.
fn long_ago(text: &str) -> Option<Result<chrono::TimeDelta, String>> {
    let lower = text.to_ascii_lowercase();
    let lower = lower.strip_suffix("ago").unwrap_or(&lower);
    let mut rest = lower.trim().trim_start_matches('-');
    if rest.is_empty() {
        return None;
    }
    let mut seconds: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, behind) = rest.split_at_checked(digits)?;
        let behind = behind.trim_start();
        let letters = behind.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, behind) = behind.split_at_checked(letters)?;
        let unit = unit_secs(unit).filter(|_| digits > 0)?;
        let part = number
            .parse()
            .ok()
            .and_then(|number: i64| number.checked_mul(unit));
        let Some(sum) = part.and_then(|part| seconds.checked_add(part)) else {
            return Some(Err("is longer ago than any log".into()));
        };
        seconds = sum;
        rest = behind.trim_start();
    }
    let ago = chrono::TimeDelta::try_seconds(seconds);
    Some(ago.ok_or_else(|| "is longer ago than any log".into()))
}

fn unit_secs(unit: &str) -> Option<i64> {
    Some(match unit {
        "s" | "sec" | "secs" | "second" | "seconds" => 1,
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 7 * 86_400,
        _ => return None,
    })
}

/// Finds what a date that is none may have meant.
fn near_spelling(text: &str) -> Option<String> {
    near_date(text).or_else(|| near_word(text))
}

fn near_word(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase().replace(['-', '_'], " ");
    let near = WORDS
        .iter()
        .map(|word| (edit_distance(&text, word), *word))
        .min()?;
    let (edits, word) = near;
    let quoted = if word.contains(' ') {
        format!("'{word}'")
    } else {
        word.to_owned()
    };
    (edits <= 1 + text.len() / 3).then_some(quoted)
}

/// Finds a day in other ways of writing: `20261120`, `2026/11/20`, `20.11.2026`, `11/20/2026`.
fn near_date(text: &str) -> Option<String> {
    let is_plain = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = match is_plain {
        true => vec![text.get(..4)?, text.get(4..6)?, text.get(6..)?],
        false => text.split(['/', '.', '-', '_', ' ']).collect(),
    };
    let numbers: Option<Vec<u32>> = parts.iter().map(|part| part.parse().ok()).collect();
    let &[a, b, c] = numbers?.as_slice() else {
        return None;
    };
    let candidates = match (a > 31, text.contains('/')) {
        (true, _) => [(a, b, c), (a, c, b)],
        (false, true) => [(c, a, b), (c, b, a)],
        (false, false) => [(c, b, a), (c, a, b)],
    };
    let date = candidates.into_iter().find_map(|(year, month, day)| {
        let year = i32::try_from(year)
            .ok()
            .filter(|year| (1000..=9999).contains(year))?;
        NaiveDate::from_ymd_opt(year, month, day)
    });
    date.map(|date| date.to_string())
}

#[cfg(test)]
#[path = "when_tests.rs"]
mod tests;

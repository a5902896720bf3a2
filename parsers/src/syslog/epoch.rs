//! Seconds since the epoch: `journalctl -o short-unix`, and the instants of containers.

use super::digits::fraction;
use super::origin;
use crate::scan::split_number;
use crate::{Record, Timestamp, Zone};

const SECONDS_PER_DAY: u64 = 86_400;

/// Parses `1714559696.789012 {host} {tag}[{pid}]: {message}`.
#[cold]
pub(super) fn parse(line: &[u8]) -> Option<Record<'_>> {
    let (timestamp, rest) = stamp(line)?;
    origin::parse(timestamp, rest.strip_prefix(b" ")?)
}

/// Reads seconds since the epoch with their fraction, and returns what stands behind them.
#[cold]
pub(super) fn stamp(line: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (seconds, rest) = split_number(line)?;
    // Nine digits and a fraction: a line that begins with any other number has no stamp.
    let (micros, rest) = fraction(rest.starts_with(b".").then_some(rest)?);
    let whole = seconds
        .checked_mul(1_000_000)
        .filter(|_| seconds >= 100_000_000)?;
    let timestamp = Timestamp::from_epoch_micros(whole.checked_add(u64::from(micros))?)?;
    Some((timestamp, rest))
}

impl Timestamp {
    /// Makes the stamp of an instant, given in microseconds since 1970-01-01T00:00:00Z.
    ///
    /// Returns `None` after the year 9999: such a number is no time.
    pub fn from_epoch_micros(micros: u64) -> Option<Self> {
        let seconds = micros / 1_000_000;
        let (year, month, day) = civil_date(seconds / SECONDS_PER_DAY)?;
        let of_day = seconds % SECONDS_PER_DAY;
        let narrow = |value: u64| u8::try_from(value).ok();
        Some(Timestamp {
            year: Some(year),
            month,
            day,
            hour: narrow(of_day / 3600)?,
            minute: narrow(of_day / 60 % 60)?,
            second: narrow(of_day % 60)?,
            micros: u32::try_from(micros % 1_000_000).ok()?,
            zone: Zone::Utc,
        })
    }
}

/// Turns days since 1970-01-01 into year, month and day of the Gregorian calendar.
///
/// Howard Hinnant's `civil_from_days`: years begin in March, so that the leap day is the last one.
fn civil_date(days: u64) -> Option<(u16, u8, u8)> {
    let days = days.checked_add(719_468)?;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let year = u16::try_from(year).ok().filter(|year| *year <= 9999)?;
    Some((year, u8::try_from(month).ok()?, u8::try_from(day).ok()?))
}

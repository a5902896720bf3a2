//! The civil calendar in integers: days since 1970-01-01 and back.
//!
//! Howard Hinnant's algorithms: years begin in March, so that the leap day is the last one. No
//! calendar library here, because this runs for every line.

/// Microseconds of a second.
pub(super) const SECOND_US: i64 = 1_000_000;
/// Microseconds of a day.
pub(super) const DAY_US: i64 = 86_400 * SECOND_US;

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Date {
    /// The year.
    pub year: i32,
    /// The month, 1 to 12.
    pub month: u8,
    /// The day of the month, 1 to 31.
    pub day: u8,
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// Returns the number of days from 1970-01-01 to a day.
///
/// A day that the month does not have counts on into the next month: 29 February of a common year
/// is 1 March, for a wrong year must not make a day's lines vanish.
pub(super) fn days_from_civil(year: i32, month: u8, day: u8) -> i64 {
    let month = i64::from(month);
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Turns days since 1970-01-01 into a date.
pub(super) fn civil_from_days(days: i64) -> Date {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
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
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    Date {
        year: i32::try_from(year).unwrap_or(i32::MAX),
        month: u8::try_from(month).unwrap_or(1),
        day: u8::try_from(day).unwrap_or(1),
    }
}

/// Tells whether a year has a 29 February.
pub(super) fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, NaiveDate};

    use super::*;

    #[test]
    fn agrees_with_chrono_over_four_centuries() {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        let mut date = NaiveDate::from_ymd_opt(1890, 1, 1).unwrap();
        while date.year() < 2300 {
            let days = (date - epoch).num_days();
            let (month, day) = (
                u8::try_from(date.month()).unwrap(),
                u8::try_from(date.day()).unwrap(),
            );
            assert_eq!(days_from_civil(date.year(), month, day), days, "{date}");
            assert_eq!(
                civil_from_days(days),
                Date {
                    year: date.year(),
                    month,
                    day
                }
            );
            assert_eq!(is_leap(date.year()), date.leap_year());
            date = date.succ_opt().unwrap();
        }
    }

    #[test]
    fn counts_a_missing_leap_day_as_the_first_of_march() {
        assert_eq!(days_from_civil(2026, 2, 29), days_from_civil(2026, 3, 1));
    }
}

//! The wall clock of a log: what every per-hour and per-day figure goes by.

use super::calendar::{DAY_US, Date, SECOND_US, civil_from_days};

/// Wall-clock time of a line, with the offset from UTC where it is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WallTime {
    /// Microseconds from 1970-01-01T00:00:00 to the stamp, both on the wall clock.
    pub wall_us: i64,
    /// The wall clock's offset from UTC in seconds; `None` for stamps that state no zone.
    pub offset_secs: Option<i32>,
}

impl WallTime {
    /// Returns the day.
    pub fn date(self) -> Date {
        civil_from_days(self.wall_us.div_euclid(DAY_US))
    }

    /// Returns the hour of the day, 0 to 23.
    pub fn hour(self) -> u8 {
        let hour = self.wall_us.rem_euclid(DAY_US) / (3600 * SECOND_US);
        u8::try_from(hour).unwrap_or(0)
    }

    /// Returns microseconds since 1970-01-01T00:00:00Z, where the offset is known.
    pub fn instant_us(self) -> Option<i64> {
        Some(self.wall_us - i64::from(self.offset_secs?) * SECOND_US)
    }

    /// Writes the time as RFC 3339 does; without a known offset it ends after the seconds.
    ///
    /// A fraction stands there only if it is not zero, with six digits.
    pub fn to_rfc3339(self) -> String {
        let of_day = self.wall_us.rem_euclid(DAY_US);
        let (micros, seconds) = (of_day % SECOND_US, of_day / SECOND_US);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let mut text = format!("{}T{hour:02}:{minute:02}:{second:02}", self.date());
        if micros != 0 {
            text.push_str(&format!(".{micros:06}"));
        }
        if let Some(offset) = self.offset_secs {
            let sign = if offset < 0 { '-' } else { '+' };
            let minutes = offset.unsigned_abs() / 60;
            text.push_str(&format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_the_clock_showed() {
        let day = 20_820 * DAY_US;
        let time = |wall_us, offset_secs| WallTime {
            wall_us,
            offset_secs,
        };
        for (time, text, hour) in [
            (time(day, None), "2027-01-02T00:00:00", 0),
            (
                time(day - 1, Some(3600)),
                "2027-01-01T23:59:59.999999+01:00",
                23,
            ),
            (
                time(day + 3600 * SECOND_US, Some(-19_800)),
                "2027-01-02T01:00:00-05:30",
                1,
            ),
            (time(-SECOND_US, Some(0)), "1969-12-31T23:59:59+00:00", 23),
        ] {
            assert_eq!(time.to_rfc3339(), text);
            assert_eq!(time.hour(), hour);
        }
        assert_eq!(
            time(day, Some(3600)).instant_us(),
            Some(day - 3600 * SECOND_US)
        );
        assert_eq!(time(day, None).instant_us(), None);
    }
}

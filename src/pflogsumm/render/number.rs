//! Numbers as pflogsumm prints them: in `k` and `m` from half a million on, times in `m` and `h`.

use std::fmt;

/// From this many on, thousands are shown: 512 k.
const KILO: u128 = 524_288;
/// From this many on, millions are shown: 512 m.
const MEGA: u128 = 536_870_912;

/// A number and its unit; what is behind the point is dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Scaled {
    value: u128,
    unit: char,
}

/// Scales a count.
pub(super) fn scaled(count: u64) -> Scaled {
    scaled_ratio(count.into(), 1)
}

/// Scales a mean over days, rounded half up before it is scaled.
pub(super) fn mean(sum: u64, days: u64) -> Scaled {
    let (sum, days) = (u128::from(sum), u128::from(days.max(1)));
    scaled_ratio(2 * sum + days, 2 * days)
}

fn scaled_ratio(above: u128, below: u128) -> Scaled {
    let (divisor, unit) = if above > MEGA * below {
        (1_048_576, 'm')
    } else if above > KILO * below {
        (1_024, 'k')
    } else {
        (1, ' ')
    };
    Scaled {
        value: above / (below * divisor),
        unit,
    }
}

impl fmt::Display for Scaled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:6}{}", self.value, self.unit)
    }
}

impl Scaled {
    /// Shows the number without blanks before it.
    pub(super) fn tight(&self) -> String {
        format!("{}{}", self.value, self.unit)
    }
}

/// A delay with its unit: `1.5 s`, `2.3 m`, `4.0 h`.
pub(super) fn delay(seconds: f64) -> String {
    if seconds > 3_600.0 {
        format!("{:5.1} h", seconds / 3_600.0)
    } else if seconds > 60.0 {
        format!("{:5.1} m", seconds / 60.0)
    } else {
        format!("{seconds:5.1} s")
    }
}

/// A time as hours, minutes and seconds.
pub(super) fn clock(seconds: i64) -> String {
    let (hours, minutes) = (seconds / 3_600, seconds % 3_600 / 60);
    format!("{hours:2}:{minutes:02}:{:02}", seconds % 60)
}

/// A mean rounded half up, then cut: below zero too, where it rounds the other way.
pub(super) fn rounded(sum: i64, count: u64) -> i64 {
    let count = i64::try_from(count).unwrap_or(i64::MAX).max(1);
    sum.saturating_mul(2).saturating_add(count) / count.saturating_mul(2)
}

/// A share in whole percent, what is behind the point dropped: 29 of 100 is 28 %, for 0.29 is no
/// number of the machine's, and pflogsumm multiplies last.
pub(super) fn percent(part: u64, whole: u64) -> u64 {
    if whole == 0 {
        return 0;
    }
    let share = part as f64 / whole as f64 * 100.0;
    (0..=100_u32)
        .rev()
        .find(|percent| f64::from(*percent) <= share)
        .map_or(0, u64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_begin_above_half_a_thousand_of_the_unit() {
        for (count, expected) in [
            (0, "     0 "),
            (524_288, "524288 "),
            (524_289, "   512k"),
            (536_870_912, "524288k"),
            (536_870_913, "   512m"),
            (1_099_511_627_776, "1048576m"),
        ] {
            assert_eq!(scaled(count).to_string(), expected);
        }
        assert_eq!(scaled(1_000_000).tight(), "976k");
    }

    #[test]
    fn means_are_rounded_before_they_are_scaled() {
        assert_eq!(mean(5, 2).tight(), "3 ");
        assert_eq!(mean(9, 4).tight(), "2 ");
        assert_eq!(mean(1, 9).tight(), "0 ");
        assert_eq!(mean(1_048_577, 2).tight(), "512k");
        assert_eq!(
            mean(1_048_576, 2).tight(),
            "512k",
            "524288.5 is above the limit"
        );
    }

    #[test]
    fn delays_have_one_digit_behind_the_point() {
        for (seconds, expected) in [
            (0.25, "  0.2 s"),
            (60.0, " 60.0 s"),
            (60.1, "  1.0 m"),
            (3_600.0, " 60.0 m"),
            (3_600.1, "  1.0 h"),
            (700_000.0, "194.4 h"),
        ] {
            assert_eq!(delay(seconds), expected);
        }
    }

    #[test]
    fn times_below_zero_keep_pflogsumms_looks() {
        assert_eq!(clock(31_818), " 8:50:18");
        assert_eq!(clock(-3_595), " 0:-59:-55");
        assert_eq!(rounded(-3_595, 1), -3_594);
        assert_eq!(rounded(3, 2), 2);
    }

    #[test]
    fn percents_are_cut_after_the_machines_rounding() {
        for (part, whole, expected) in [
            (29, 100, 28),
            (57, 100, 56),
            (58, 100, 57),
            (7, 100, 7),
            (1, 3, 33),
            (5, 5, 100),
            (0, 0, 0),
        ] {
            assert_eq!(percent(part, whole), expected, "{part} of {whole}");
        }
    }
}

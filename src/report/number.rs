//! Figures as people read them: `12,345`, `1.2 MiB`, `34%`, `3 h 12 m`.
//!
//! All of it is integer arithmetic, so that the same totals print the same text everywhere.

/// Returns a count with thousands separators.
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a count with the right word for it: `1 line`, `2 lines`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    let word = if number == 1 { one } else { many };
    format!("{} {word}", count(number))
}

/// Returns a size in bytes, or in KiB and more with one decimal, rounded half up.
pub fn bytes(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut unit: u128 = 1;
    let mut tenths = 0;
    let mut name = "B";
    for next in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
        unit *= 1024;
        name = next;
        tenths = (u128::from(bytes) * 10 + unit / 2) / unit;
        // 1023.95 KiB would be printed as 1024.0 KiB: that is 1.0 MiB.
        if tenths < 10_240 {
            break;
        }
    }
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

/// Returns a part of a whole in percent; only all is `100%` and only nothing is `0%`.
pub fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    let (part, whole) = (u128::from(part), u128::from(whole));
    let percent = (part * 100 + whole / 2) / whole;
    match percent {
        0 if part > 0 => "<1%".to_owned(),
        100 if part < whole => ">99%".to_owned(),
        _ => format!("{percent}%"),
    }
}

/// Returns a time in its two largest units.
pub fn duration(micros: u64) -> String {
    let secs = micros / 1_000_000;
    let (minutes, hours, days) = (secs / 60, secs / 3600, secs / 86_400);
    if micros < 1_000 {
        format!("{micros} us")
    } else if secs == 0 {
        format!("{} ms", micros / 1_000)
    } else if minutes == 0 {
        format!("{secs}.{} s", micros / 100_000 % 10)
    } else if hours == 0 {
        format!("{minutes} m {} s", secs % 60)
    } else if days == 0 {
        format!("{hours} h {} m", minutes % 60)
    } else {
        format!("{} d {} h", count(days), hours % 24)
    }
}

/// Returns the length of a list as a count.
pub(crate) fn len(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_thousands_separators() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(12_345_678), "12,345,678");
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(counted(1, "line", "lines"), "1 line");
        assert_eq!(counted(0, "line", "lines"), "0 lines");
    }

    #[test]
    fn sizes_round_half_up_and_step_to_the_next_unit() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1_023), "1023 B");
        assert_eq!(bytes(1_024), "1.0 KiB");
        assert_eq!(bytes(1_587), "1.5 KiB");
        assert_eq!(bytes(1_588), "1.6 KiB");
        assert_eq!(bytes(1_048_575), "1.0 MiB");
        assert_eq!(bytes(1_048_576 * 7 / 2), "3.5 MiB");
        assert_eq!(bytes(u64::MAX), "16.0 EiB");
    }

    #[test]
    fn shares_do_not_round_to_all_or_nothing() {
        assert_eq!(share(0, 0), "-");
        assert_eq!(share(0, 7), "0%");
        assert_eq!(share(1, 1_000), "<1%");
        assert_eq!(share(999, 1_000), ">99%");
        assert_eq!(share(7, 7), "100%");
        assert_eq!(share(1, 8), "13%");
        assert_eq!(share(u64::MAX, u64::MAX), "100%");
    }

    #[test]
    fn durations_have_two_units_at_most() {
        assert_eq!(duration(12), "12 us");
        assert_eq!(duration(2_500), "2 ms");
        assert_eq!(duration(1_950_000), "1.9 s");
        assert_eq!(duration(125_000_000), "2 m 5 s");
        assert_eq!(duration(3_600_000_000), "1 h 0 m");
        assert_eq!(duration(90_000_000_000), "1 d 1 h");
    }
}

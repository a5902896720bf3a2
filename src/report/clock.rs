//! Stamps of the log's wall clock as text, in whole seconds.
//!
//! Seconds because RFC 3164 stamps have no more: one log in two formats then gives one report.

use chrono::DateTime;

/// Returns a stamp for programs: `2026-11-21T00:44:25`, without an offset.
pub(crate) fn iso(micros: i64) -> String {
    format(micros, "%Y-%m-%dT%H:%M:%S")
}

/// Returns a stamp for people: `2026-11-21 00:44:25`.
pub(crate) fn stamp(micros: i64) -> String {
    format(micros, "%Y-%m-%d %H:%M:%S")
}

/// Returns a span for people, with the date said once if it is one day.
pub(crate) fn span(first_us: i64, last_us: i64) -> String {
    let length = super::number::duration(last_us.saturating_sub(first_us).max(0).unsigned_abs());
    let (first, last) = (stamp(first_us), stamp(last_us));
    let end = match (first.split_once(' '), last.split_once(' ')) {
        (Some((first_day, _)), Some((last_day, time))) if first_day == last_day => time,
        _ => last.as_str(),
    };
    format!("{first} to {end} ({length})")
}

fn format(micros: i64, pattern: &str) -> String {
    match DateTime::from_timestamp(micros.div_euclid(1_000_000), 0) {
        Some(time) => time.format(pattern).to_string(),
        // Outside chrono's years no calendar helps; the number itself is still true.
        None => format!("{micros} us"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // date -u -d '2026-11-21 00:44:25' +%s
    const NOVEMBER_21: i64 = 1_795_221_865_000_000;

    #[test]
    fn stamps_are_whole_seconds() {
        assert_eq!(iso(NOVEMBER_21 + 624_661), "2026-11-21T00:44:25");
        assert_eq!(stamp(-1), "1969-12-31 23:59:59");
        assert_eq!(iso(i64::MIN), "-9223372036854775808 us");
    }

    #[test]
    fn a_span_of_one_day_names_the_day_once() {
        let hours = 3_600_000_000;
        assert_eq!(
            span(NOVEMBER_21, NOVEMBER_21 + 2 * hours),
            "2026-11-21 00:44:25 to 02:44:25 (2 h 0 m)"
        );
        assert_eq!(
            span(NOVEMBER_21, NOVEMBER_21 + 25 * hours),
            "2026-11-21 00:44:25 to 2026-11-22 01:44:25 (1 d 1 h)"
        );
        // Several hosts' clocks, merged: the last stamp may be the earlier one.
        assert_eq!(
            span(NOVEMBER_21, NOVEMBER_21 - hours),
            "2026-11-21 00:44:25 to 2026-11-20 23:44:25 (0 us)"
        );
    }
}

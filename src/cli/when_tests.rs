use super::*;

/// Saturday 21 November 2026, 12:00 in Berlin.
fn present() -> Present {
    Present {
        now: DateTime::from_timestamp(1_795_258_800, 0).unwrap(),
        tz: Some(chrono_tz::Europe::Berlin),
    }
}

fn shown(span: &DaySpan) -> String {
    let day = |day: Option<NaiveDate>| day.map_or_else(String::new, |day| day.to_string());
    format!("{}..{}", day(span.from), day(span.to))
}

#[test]
fn reads_words_days_months_years_and_spans() {
    for (text, expected) in [
        ("today", "2026-11-21..2026-11-22"),
        ("Yesterday", "2026-11-20..2026-11-21"),
        ("this week", "2026-11-16..2026-11-23"),
        ("last-week", "2026-11-09..2026-11-16"),
        ("this_month", "2026-11-01..2026-12-01"),
        ("last month", "2026-10-01..2026-11-01"),
        ("this year", "2026-01-01..2027-01-01"),
        ("last year", "2025-01-01..2026-01-01"),
        ("2026-11-20", "2026-11-20..2026-11-21"),
        ("2026-1-5", "2026-01-05..2026-01-06"),
        ("2024-02-29", "2024-02-29..2024-03-01"),
        ("2026-12", "2026-12-01..2027-01-01"),
        ("2026", "2026-01-01..2027-01-01"),
        ("2026-11-01..2026-11-07", "2026-11-01..2026-11-08"),
        ("2026-11-01 to 2026-11-07", "2026-11-01..2026-11-08"),
        ("2026-10 .. yesterday", "2026-10-01..2026-11-21"),
        ("2026-11-20..2026-11-20", "2026-11-20..2026-11-21"),
        ("2026-11-01..", "2026-11-01.."),
        ("..2025", "..2026-01-01"),
    ] {
        let found = days(text, present()).map(|span| shown(&span));
        assert_eq!(found.as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn a_new_year_and_a_new_month_are_no_obstacle() {
    let at = |seconds| Present {
        now: DateTime::from_timestamp(seconds, 0).unwrap(),
        tz: Some(chrono_tz::UTC),
    };
    // 2027-01-01 is a Friday; 2024-03-31 a Sunday.
    for (seconds, text, expected) in [
        (1_798_761_600, "yesterday", "2026-12-31..2027-01-01"),
        (1_798_761_600, "last month", "2026-12-01..2027-01-01"),
        (1_798_761_600, "this week", "2026-12-28..2027-01-04"),
        (1_711_843_200, "last month", "2024-02-01..2024-03-01"),
        (1_711_843_200, "this week", "2024-03-25..2024-04-01"),
    ] {
        let found = days(text, at(seconds)).map(|span| shown(&span));
        assert_eq!(found.as_deref(), Ok(expected), "{text} at {seconds}");
    }
}

#[test]
fn the_zone_decides_what_day_it_is() {
    let at = |tz| Present {
        now: DateTime::from_timestamp(1_795_303_800, 0).unwrap(),
        tz: Some(tz),
    };
    for (tz, expected) in [
        (chrono_tz::Europe::Berlin, "2026-11-22..2026-11-23"),
        (chrono_tz::UTC, "2026-11-21..2026-11-22"),
    ] {
        let found = days("today", at(tz)).map(|span| shown(&span));
        assert_eq!(found.as_deref(), Ok(expected), "{tz}");
    }
}

fn shown_moment(moment: Moment) -> String {
    match moment {
        Moment::Wall(wall) => wall.format("%Y-%m-%dT%H:%M:%S%.f").to_string(),
        Moment::Instant(instant) => instant.format("%Y-%m-%dT%H:%M:%S%.fZ").to_string(),
    }
}

#[test]
fn reads_moments() {
    for (text, expected) in [
        ("now", "2026-11-21T11:00:00Z"),
        ("2h", "2026-11-21T09:00:00Z"),
        ("90m", "2026-11-21T09:30:00Z"),
        ("3d", "2026-11-18T11:00:00Z"),
        ("1h30m", "2026-11-21T09:30:00Z"),
        ("2 hours ago", "2026-11-21T09:00:00Z"),
        ("1 week", "2026-11-14T11:00:00Z"),
        ("2026-11-20", "2026-11-20T00:00:00"),
        ("2026-11", "2026-11-01T00:00:00"),
        ("yesterday", "2026-11-20T00:00:00"),
        ("last week", "2026-11-09T00:00:00"),
        ("2026-11-20T12:00", "2026-11-20T12:00:00"),
        ("2026-11-20 12:00", "2026-11-20T12:00:00"),
        ("2026-11-20T12:00:30.25", "2026-11-20T12:00:30.250"),
        ("2026-11-20T12:00Z", "2026-11-20T12:00:00Z"),
        ("2026-11-20T12:00:00+01:00", "2026-11-20T11:00:00Z"),
        ("2026-11-20T12:00-0530", "2026-11-20T17:30:00Z"),
        ("08:15", "2026-11-21T08:15:00"),
        ("@1795221865", "2026-11-21T00:44:25Z"),
    ] {
        let found = moment(text, present()).map(shown_moment);
        assert_eq!(found.as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn a_mistake_gives_one_line_with_the_nearest_spelling() {
    for (text, part) in [
        ("yesteday", "did you mean yesterday?"),
        ("lastweek", "did you mean 'last week'?"),
        ("this-moth", "did you mean 'this month'?"),
        ("2026/11/20", "did you mean 2026-11-20?"),
        ("20261120", "did you mean 2026-11-20?"),
        ("20.11.2026", "did you mean 2026-11-20?"),
        ("11/20/2026", "did you mean 2026-11-20?"),
        ("20-11-2026", "did you mean 2026-11-20?"),
        ("2026-13", "there is no month 13; did you mean 2026-12?"),
        ("2026-02-30", "did you mean 2026-02-28?"),
        ("2026-02-00", "did you mean 2026-02-01?"),
        (
            "2026-11-07..2026-11-01",
            "did you mean 2026-11-01..2026-11-07?",
        ),
        ("2h", "did you mean --since '2h'?"),
        (
            "2026-11-20T12:00",
            "did you mean --since '2026-11-20T12:00'?",
        ),
        ("..", "on at least one side"),
        ("", "write today"),
        ("gibberish", "write today"),
        ("é..ü", "write today"),
        ("99999-01-01", "write today"),
    ] {
        let error = days(text, present()).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
        assert!(!error.contains('\n'), "{text}: {error}");
    }
    for (text, part) in [
        ("2x", "write 2h (two hours ago; also s, m, d, w)"),
        ("2", "write 2h"),
        ("2026-11-20T", "write 2h"),
        ("2026-11-20T25:00", "write 2026-11-20T12:00"),
        ("2026-11-20T12:00+99:99", "+01:00"),
        ("2026-11-31", "did you mean 2026-11-30?"),
        ("yesterdya", "did you mean yesterday?"),
        ("99999999999999999999d", "longer ago"),
        ("9223372036854775807w", "longer ago"),
        ("100000000000d", "calendar"),
        ("-", "write 2h"),
        ("ago", "write 2h"),
        ("@99999999999999999", "calendar"),
    ] {
        let error = moment(text, present()).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,24}") {
        let _ = (days(&text, present()), moment(&text, present()));
    }

    #[test]
    fn nothing_that_looks_like_a_date_panics(text in "[0-9TZ:.+@/ a-]{0,20}") {
        let _ = (days(&text, present()), moment(&text, present()));
    }
}

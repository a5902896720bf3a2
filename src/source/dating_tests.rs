use mailtally_parsers::Zone;

use super::*;
use crate::source::wall_time::WallTime;
use crate::source::{Chunk, SourceId};

/// Dates lines whose first one was logged in `year`.
fn dated(year: i32, lines: &[&str]) -> Vec<String> {
    let bytes = lines
        .iter()
        .flat_map(|stamp| format!("{stamp} mx1 a[1]: x\n").into_bytes());
    let chunk = Chunk::new(bytes.collect(), Dating::from_year(year, None), SourceId(0));
    let mut records = chunk.records();
    let mut times = Vec::new();
    while let Some(line) = records.next() {
        times.push(
            line.time
                .map_or_else(|| "?".to_owned(), WallTime::to_rfc3339),
        );
    }
    times
}

fn turns(lines: &[&str]) -> Turns {
    let mut turns = Turns::new();
    for stamp in lines {
        turns.see(&Timestamp::of_line(format!("{stamp} mx1 a[1]: x").as_bytes()).unwrap());
    }
    turns
}

/// The first line's year, seen from an anchor such as `2027-01-02`.
fn first_year(lines: &[&str], anchor: &str) -> i32 {
    let anchor = format!("{anchor}T12:00:00 mx1 a[1]: x");
    let anchor = Timestamp::of_line(anchor.as_bytes()).unwrap();
    turns(lines).first_year(stated_us(i32::from(anchor.year.unwrap()), &anchor))
}

#[test]
fn sees_new_year_inside_a_log_also_with_lines_out_of_order() {
    let lines = [
        "Dec 31 23:59:58",
        "Dec 31 23:59:59",
        "Jan  1 00:00:00",
        "Dec 31 23:59:59",
        "Jan  1 00:00:00",
        "Jan 01 00:00:01",
    ];
    let expected = [
        "2026-12-31T23:59:58",
        "2026-12-31T23:59:59",
        "2027-01-01T00:00:00",
        "2026-12-31T23:59:59",
        "2027-01-01T00:00:00",
        "2027-01-01T00:00:01",
    ];
    assert_eq!(dated(2026, &lines), expected);
}

#[test]
fn counts_every_new_year_of_a_log_that_is_never_rotated() {
    let lines = [
        "Mar  1 00:00:00",
        "Nov  1 00:00:00",
        "Feb  1 00:00:00",
        "Sep  1 00:00:00",
        "Jan  5 00:00:00",
    ];
    let years: Vec<String> = dated(2024, &lines)
        .iter()
        .map(|time| time.chars().take(4).collect())
        .collect();
    assert_eq!(years, ["2024", "2024", "2025", "2025", "2026"]);
    assert_eq!(first_year(&lines, "2026-01-06"), 2024);
}

#[test]
fn takes_weeks_in_the_wrong_order_for_disorder() {
    let lines = ["Nov 28 00:00:00", "Nov 21 00:00:00", "Nov 14 00:00:00"];
    let expected = [
        "2026-11-28T00:00:00",
        "2026-11-21T00:00:00",
        "2026-11-14T00:00:00",
    ];
    assert_eq!(dated(2026, &lines), expected);
}

#[test]
fn goes_on_from_a_line_that_states_its_year() {
    let lines = [
        "Dec 31 23:00:00",
        "2027-01-01T00:00:00+00:00",
        "Jan  1 00:00:01",
        "Dec 31 23:59:59",
    ];
    let expected = [
        "2026-12-31T23:00:00",
        "2027-01-01T00:00:00+00:00",
        "2027-01-01T00:00:01",
        "2026-12-31T23:59:59",
    ];
    assert_eq!(dated(2026, &lines), expected);
}

#[test]
fn walks_back_from_the_anchor() {
    let over_new_year = ["Dec 31 23:59:59", "Jan  1 00:00:00"];
    for (lines, anchor, expected) in [
        (&["Nov 21 00:00:00"][..], "2026-11-21", 2026),
        (&["Nov 22 11:00:00"], "2026-11-21", 2026),
        (&["Nov 22 13:00:00"], "2026-11-21", 2025),
        (&["Dec 31 23:59:59"], "2027-01-02", 2026),
        (&["Jan  1 00:00:00"], "2026-12-31", 2027),
        (&["Jan  1 11:00:00"], "2026-12-31", 2027),
        (&["Jan  1 13:00:00"], "2026-12-31", 2026),
        (&over_new_year, "2027-01-02", 2026),
        (&over_new_year, "2026-11-21", 2025),
        (&over_new_year, "2030-06-01", 2029),
    ] {
        assert_eq!(first_year(lines, anchor), expected, "{lines:?} {anchor}");
    }
}

#[test]
fn chooses_a_year_in_which_29_february_exists() {
    assert_eq!(first_year(&["Feb 29 00:00:00"], "2027-06-01"), 2024);
    assert_eq!(first_year(&["Feb 29 00:00:00"], "2024-03-01"), 2024);
    assert_eq!(first_year(&["Feb 29 00:00:00"], "2103-03-01"), 2096);
    assert_eq!(
        first_year(
            &["Nov  1 00:00:00", "Feb 29 00:00:00", "Mar  3 00:00:00"],
            "2027-06-01"
        ),
        2023
    );
    assert_eq!(dated(2024, &["Feb 29 01:00:00"]), ["2024-02-29T01:00:00"]);
}

#[test]
fn a_stated_year_is_the_best_anchor() {
    let lines = [
        "Dec 31 00:00:00",
        "Jan  1 00:00:00",
        "2020-01-02T00:00:00Z",
        "Jan  3 00:00:00",
    ];
    assert_eq!(first_year(&lines, "2027-01-01"), 2019);
    assert_eq!(first_year(&["2020-01-02T00:00:00Z"], "2027-01-01"), 2020);
}

#[test]
fn skipping_a_chunk_leads_to_the_same_year_as_reading_it() {
    let text = "Dec 30 23:59:59 mx1 a[1]: x\nno stamp\n\n<22>Dec 31 1:00:00 mx1 a[1]: x\n\
                Dec 31 23:59:59 mx1 a[1]: x\r\nJan  1 00:00:00 mx1 a[1]: x\n{\"MESSAGE\":1}\n\
                Dec 31 23:59:59 mx1 a[1]: x\nJan  1 00:00:00 mx1 a[1]: x\nMar 31 00:00:00 word\n\
                2031-05-05T00:00:00Z mx1 a[1]: x\nMay  6 00:00:00 mx1 a[1]: x\nMay  6 00:00:00 mx1";
    for end in 0..=text.len() {
        let bytes = text.as_bytes()[..end].to_vec();
        let mut skipped = YearWalk::from_year(2026);
        skipped.skip(&bytes);
        let chunk = Chunk::new(bytes, Dating::from_year(2026, None), SourceId(0));
        let mut lines = chunk.records();
        while lines.next().is_some() {}
        assert_eq!(lines.dating().years, skipped, "{end}");
    }
}

#[test]
fn skipping_long_stretches_of_one_day_leads_to_the_same_year_as_reading_them() {
    let filler = "x".repeat(1_000);
    let days = [
        "Dec 30", "Dec 31", "Jan  1", "Dec 31", "Jan  1", "May  5", "Jan  1",
    ];
    let text: Vec<String> = days
        .iter()
        .zip([200, 1, 300, 1, 70, 140, 400])
        .flat_map(|(day, lines)| (0..lines).map(move |_| day))
        .map(|day| format!("{day} 00:00:00 mx1 a[1]: {filler}\n"))
        .collect();
    for end in [150, 201, 203, 400, 501, 503, 572, 573, 575, 700, 975] {
        let bytes = text[..end].concat();
        let (mut skipped, mut read) = (YearWalk::from_year(2026), YearWalk::from_year(2026));
        skipped.skip(bytes.as_bytes());
        read.skip_lines(bytes.as_bytes());
        assert_eq!(skipped, read, "{end} lines");
    }
}

#[test]
fn an_impossible_anchor_does_no_harm() {
    let turns = turns(&["Nov 21 00:00:00"]);
    assert_eq!(turns.first_year(i64::MIN), 1969);
    assert_eq!(turns.first_year(i64::MAX), 9999);
}

/// Stamps that are near each other, as those of neighbours in a log are, and some that are not.
fn stamp() -> impl proptest::strategy::Strategy<Value = Timestamp> {
    use proptest::prelude::*;
    let year = prop_oneof![Just(None), Just(None), Just(Some(2026)), Just(Some(2027))];
    let day = prop_oneof![Just((12, 31)), Just((1, 1)), Just((2, 29)), Just((6, 1))];
    let time = (
        prop_oneof![Just(0u8), Just(23)],
        58u8..60,
        prop_oneof![0u8..3, 58u8..=60],
    );
    let zone = prop_oneof![
        Just(Zone::Unstated),
        Just(Zone::Offset(7200)),
        Just(Zone::Utc)
    ];
    (year, day, time, 0u32..1_000_000, zone).prop_map(
        |(year, (month, day), (hour, minute, second), micros, zone)| Timestamp {
            year,
            month,
            day,
            hour,
            minute,
            second,
            micros: year.map_or(0, |_| micros),
            zone: year.map_or(Zone::Unstated, |_| zone),
        },
    )
}

/// Writes a stamp as loggers do: as RFC 3339 says if it has a year.
fn logged(stamp: &Timestamp) -> String {
    let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let Timestamp {
        month,
        day,
        hour,
        minute,
        second,
        micros,
        ..
    } = stamp;
    let time = format!("{hour:02}:{minute:02}:{second:02}");
    let zone = match stamp.zone {
        Zone::Unstated => "",
        Zone::Offset(_) => "+02:00",
        Zone::Utc => "Z",
    };
    match stamp.year {
        Some(year) => format!("{year}-{month:02}-{day:02}T{time}.{micros:06}{zone}"),
        None => format!("{} {day:>2} {time}", months[usize::from(*month) - 1]),
    }
}

proptest::proptest! {
    /// The time within a minute is counted on from the line above: as if each were read by itself.
    #[test]
    fn lines_are_dated_as_the_calendar_says(
        stamps in proptest::collection::vec(stamp(), 1..20), berlin: bool,
    ) {
        let tz = berlin.then_some(chrono_tz::Europe::Berlin);
        let lines: String = stamps
            .iter()
            .map(|stamp| format!("{} mx1 postfix/smtpd[1234]: connect from x\n", logged(stamp)))
            .collect();
        let chunk = Chunk::new(lines.into_bytes(), Dating::from_year(2026, tz), SourceId(0));
        let mut lines = chunk.records();
        let mut years = YearWalk::from_year(2026);
        for stamp in &stamps {
            let plain = stated_us(years.year_of(stamp), stamp);
            let expected = ZoneClock::new(tz).wall_time(plain, stamp.zone);
            proptest::prop_assert_eq!(lines.next().unwrap().time, Some(expected));
            proptest::prop_assert_eq!(lines.dating().years, years);
        }
    }
}

#[test]
fn only_a_day_without_its_year_tells_that_no_new_year_came() {
    let mut years = YearWalk::from_year(2026);
    years.skip_lines(b"Nov 21 00:00:00 mx1 a[1]: x\n");
    let cases = [
        ("Nov 21 23:00:00 mx1 a[1]: x", Some(true)),
        ("Nov 22 00:00:00 mx1 a[1]: x", Some(false)),
        // It may be of another year.
        ("2027-11-21T00:00:00 mx1 a[1]: x", None),
        ("{\"MESSAGE\":\"x\"}", None),
        ("no stamp", None),
    ];
    for (line, expected) in cases {
        assert_eq!(years.stands_on_day_of(line.as_bytes()), expected, "{line}");
    }
}

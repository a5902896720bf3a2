//! Lines that are damaged, and times that are hard to read, from the file to the totals.
#![cfg(test)]

use std::fs::File;
use std::io::Write;
use std::time::{Duration, SystemTime};

use mailtally::pipeline;
use mailtally::source::{Chunk, Dating, Input, Options, SourceId, TimeRange, read_all};
use mailtally::tally::totals::Totals;
use mailtally_parsers::Event;

/// 21 November 2026, when the logs here were last written to.
const WRITTEN_SECS: u64 = 1_795_219_200;

fn read(log: &[u8], options: &Options) -> Totals {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(log).unwrap();
    let written = SystemTime::UNIX_EPOCH + Duration::from_secs(WRITTEN_SECS);
    let handle = File::options().write(true).open(file.path()).unwrap();
    handle.set_modified(written).unwrap();
    let chunks = read_all(vec![Input::File(file.path().to_owned())], options);
    let (tally, _) = pipeline::tally(chunks, &pipeline::Options::default()).unwrap();
    tally.finish()
}

fn utc() -> Options {
    Options {
        tz: Some(chrono_tz::UTC),
        ..Options::default()
    }
}

fn connections(totals: &Totals) -> u64 {
    let services = totals.connections.by_service.iter();
    services.map(|row| row.count).sum()
}

/// Microseconds since 1970 at the beginning of a day.
fn day_us(year: i32, month: u32, day: u32) -> i64 {
    let day = chrono::NaiveDate::from_ymd_opt(year, month, day).unwrap();
    day.and_hms_opt(0, 0, 0)
        .unwrap()
        .and_utc()
        .timestamp_micros()
}

#[test]
fn a_line_end_that_rsyslog_escaped_is_dropped_and_other_escapes_stay() {
    let line = |text: &str| {
        let log = format!("Nov 21 00:44:25 mx1 postfix/smtpd[7]: {text}\n").into_bytes();
        let chunk = Chunk::new(log, Dating::from_year(2026, None), SourceId(0));
        let mut lines = chunk.records();
        let record = lines.next().unwrap().record().copied().unwrap();
        let event = Event::parse(&record.tag, record.message);
        let message = String::from_utf8_lossy(record.message).into_owned();
        (message, event.map(|event| event.kind()))
    };
    let connect = "connect from unknown[192.0.2.66]";
    let expected = line(connect);
    assert_eq!(expected.0, connect);
    for end in ["#012", "#000", "#015#012", "#012#012"] {
        assert_eq!(line(&format!("{connect}{end}")), expected, "{end}");
    }
    let repeated = format!("message repeated 2 times: [ {connect}#012]");
    assert_eq!(line(&repeated), expected);
    for text in [
        "warning: a#011b#012c",
        "warning: ticket #042",
        "warning: #0121",
        "warning: x#101",
        "#012 and on",
        "warning: #013",
    ] {
        assert_eq!(line(text).0, text);
    }
    assert_eq!(line("#012").0, "");
}

#[test]
fn a_last_line_may_be_cut_anywhere() {
    let whole = "\
Nov 21 00:44:25 mx1 postfix/smtpd[7]: connect from unknown[192.0.2.66]
2026-11-21T00:44:26.730092+01:00 mx1 postfix/smtpd[8]: connect from unknown[192.0.2.67]
";
    let last = [
        "Nov 21 00:44:27 mx1 postfix/smtpd[9]: connect from unknown[192.0.2.68]",
        "<22>1 2026-11-21T00:44:27Z mx1 postfix/smtpd 9 - [a@1 x=\"]\"] connect from unknown[192.0.2.68]",
        "{\"log\":\"Nov 21 00:44:27 mx1 postfix/smtpd[9]: connect from unknown[192.0.2.68]\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-21T00:44:27Z\"}",
        "2026-11-21T00:44:27Z stdout P Nov 21 00:44:27 mx1 postfix/smtpd[9]: connect from unknown[192.0.2.68]",
    ];
    for last in last {
        for end in 1..=last.len() {
            let log = format!("{whole}{}", &last[..end]);
            let totals = read(log.as_bytes(), &utc());
            let lines = totals.coverage.lines;
            assert_eq!(lines.read, 3, "{log}");
            let sum = lines.parsed + lines.generic + lines.unparsed + lines.foreign;
            assert_eq!(sum, 3, "{log}");
            // What was before it is counted in any case.
            assert!((2..=3).contains(&connections(&totals)), "{log}");
            assert_eq!(connections(&totals) == 3, lines.parsed == 3, "{log}");
        }
        let totals = read(format!("{whole}{last}").as_bytes(), &utc());
        assert_eq!(connections(&totals), 3, "{last}");
    }
}

#[test]
fn a_29_february_is_of_a_leap_year() {
    let log = "\
Feb 28 23:59:59 mx1 postfix/smtpd[7]: connect from unknown[192.0.2.66]
Feb 29 12:00:00 mx1 postfix/smtpd[7]: connect from unknown[192.0.2.66]
Mar  1 00:00:01 mx1 postfix/smtpd[7]: connect from unknown[192.0.2.66]
";
    // The file is of 2026; there were such days in 2024.
    let (first, last) = read(log.as_bytes(), &utc()).span.unwrap();
    assert_eq!(first, day_us(2024, 2, 29) - 1_000_000);
    assert_eq!(last, day_us(2024, 3, 1) + 1_000_000);
    let range = TimeRange::of_wall(Some(day_us(2024, 2, 29)), Some(day_us(2024, 3, 1)));
    let options = Options {
        range: Some(range),
        bisect_bytes: 1,
        ..utc()
    };
    let totals = read(log.as_bytes(), &options);
    assert_eq!(connections(&totals), 1);
}

/// The clock shows 02:00 to 03:00 twice, and stamps without a zone do not say which of them.
#[test]
fn the_hour_that_comes_twice_in_autumn_is_no_new_year_and_no_loss() {
    let line = |time: &str| {
        format!("Oct 25 {time} mx1 postfix/smtpd[7]: connect from unknown[192.0.2.66]\n")
    };
    let times = [
        "01:30:00", "02:30:00", "02:59:59", "02:00:00", "02:30:00", "03:00:00",
    ];
    let log: String = times.iter().map(|time| line(time)).collect();
    let hour_us = 3_600_000_000;
    let midnight = day_us(2026, 10, 25);
    for chunk_bytes in [1, 100, 1 << 20] {
        let options = Options {
            chunk_bytes,
            ..utc()
        };
        let totals = read(log.as_bytes(), &options);
        assert_eq!(connections(&totals), 6);
        let span = (midnight + hour_us + hour_us / 2, midnight + 3 * hour_us);
        assert_eq!(totals.span, Some(span));
        let coverage = &totals.coverage;
        let step_us = 3_599_000_000;
        assert_eq!((coverage.disordered, coverage.disorder_us), (1, step_us));
        assert_eq!(coverage.gaps, []);
        for bisect_bytes in [1, u64::MAX] {
            let hour =
                TimeRange::of_wall(Some(midnight + 2 * hour_us), Some(midnight + 3 * hour_us));
            let options = Options {
                range: Some(hour),
                bisect_bytes,
                ..options.clone()
            };
            assert_eq!(connections(&read(log.as_bytes(), &options)), 4);
        }
    }
}

#[test]
fn other_servers_and_missing_messages_are_named() {
    let log = "\
2026-11-21 00:44:25 1kXabc-0001-AB <= a@example.com H=mail.example.net [198.51.100.7] P=esmtp S=1234
2026-11-21 00:44:26 1kXabc-0001-AB => b <b@example.org> R=local T=maildir
Nov 21 00:44:27 mx1 sendmail[7]: 0A1BcDeF012345: from=<a@example.com>, size=1234, class=0, nrcpts=1
{\"__REALTIME_TIMESTAMP\":\"1795221868000000\",\"_HOSTNAME\":\"mx1\",\"SYSLOG_IDENTIFIER\":\"postfix/smtpd\",\"MESSAGE\":null}
";
    let coverage = read(log.as_bytes(), &utc()).coverage;
    let servers = coverage.foreign_servers.iter();
    let servers: Vec<_> = servers.map(|row| (row.server, row.count)).collect();
    assert_eq!(servers, [("Exim", 2), ("Sendmail", 1)]);
    assert_eq!((coverage.lines.foreign, coverage.lines.unparsed), (3, 1));
    let shape = coverage.unparsed_shapes.first().unwrap();
    assert_eq!(shape.reason, "the line has no message");
}

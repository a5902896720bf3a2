//! Logs in containers by the way of the command line's room: ranges, streams, merges.
#![cfg(test)]

use std::io::Write;

use loggen::{Container, Generator};
use mailtally::pipeline;
use mailtally::source::{Input, Options, Problem, TimeRange, read_all};
use mailtally::tally::totals::Totals;
use mailtally_parsers::Record;

/// 2 November 2026 in microseconds since 1970, the middle one of three days.
const DAY_US: i64 = 86_400_000_000;
const SECOND_DAY_US: i64 = 1_793_577_600_000_000;

/// Three days of a log, in a container or not.
fn log(container: Option<Container>) -> Vec<u8> {
    let mut options = loggen::Options::small(9, 1_000);
    options.days = Some(3);
    options.start = 1_793_491_200;
    options.container = container;
    let mut log = Vec::new();
    Generator::new(options).write_to(&mut log).unwrap();
    log
}

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn options() -> Options {
    Options {
        year: Some(2026),
        tz: Some(chrono_tz::UTC),
        chunk_bytes: 20_000,
        ..Options::default()
    }
}

fn read(files: &[&tempfile::NamedTempFile], options: &Options) -> Totals {
    let inputs = files.iter().map(|file| Input::File(file.path().to_owned()));
    let mut chunks = read_all(inputs.collect(), options);
    let (tally, _) = pipeline::tally(&mut chunks, &pipeline::Options::default()).unwrap();
    let problems: Vec<&Problem> = chunks.problems().iter().collect();
    assert!(problems.is_empty(), "{problems:?}");
    tally.finish()
}

/// Lines of the second day, by their stamps as they stand in the text.
fn lines_of_second_day(log: &[u8]) -> u64 {
    let lines = log.split(|byte| *byte == b'\n');
    lines.filter(|line| line.starts_with(b"Nov  2 ")).count() as u64
}

#[test]
fn a_range_takes_the_same_lines_with_and_without_a_container() {
    let expected = lines_of_second_day(&log(None));
    assert!(expected > 500, "{expected}");
    let range = TimeRange::of_wall(Some(SECOND_DAY_US), Some(SECOND_DAY_US + DAY_US));
    let mut found = Vec::new();
    for container in [None, Some(Container::Docker), Some(Container::Cri)] {
        let file = file(&log(container));
        // The range is found by bisecting, and by looking at every line.
        for bisect_bytes in [1, u64::MAX] {
            let totals = read(
                &[&file],
                &Options {
                    range: Some(range),
                    bisect_bytes,
                    ..options()
                },
            );
            assert_eq!(totals.coverage.lines.read, expected, "{container:?}");
            found.push(totals);
        }
    }
    for other in &found {
        assert_eq!(Some(other), found.first());
    }
}

/// A log split by program into two files of one host: their lines are merged.
#[test]
fn logs_in_containers_are_merged_as_others_are() {
    let whole = log(None);
    let is_dovecot =
        |line: &[u8]| Record::parse(line).is_some_and(|record| record.tag.text == b"dovecot");
    let wrapped = |wants: bool| {
        let mut out = Vec::new();
        let lines = whole.split(|byte| *byte == b'\n');
        for (at, line) in lines.enumerate() {
            if line.is_empty() || is_dovecot(line) != wants {
                continue;
            }
            let (first, last) = line.split_at(line.len() / (1 + at % 3));
            let time = "2026-11-05T00:00:00Z";
            if !last.is_empty() {
                out.extend(
                    format!("{time} stdout P ")
                        .bytes()
                        .chain(first.iter().copied()),
                );
                out.extend(
                    format!("\n{time} stdout F ")
                        .bytes()
                        .chain(last.iter().copied()),
                );
            } else {
                out.extend(
                    format!("{time} stdout F ")
                        .bytes()
                        .chain(first.iter().copied()),
                );
            }
            out.push(b'\n');
        }
        file(&out)
    };
    let plain = |wants: bool| {
        let lines = whole.split_inclusive(|byte| *byte == b'\n');
        let lines =
            lines.filter(|line| is_dovecot(line.strip_suffix(b"\n").unwrap_or(line)) == wants);
        file(&lines.collect::<Vec<_>>().concat())
    };
    let expected = read(&[&plain(true), &plain(false)], &options());
    assert!(expected.coverage.lines.read > 2_000);
    assert_eq!(
        read(&[&wrapped(true), &wrapped(false)], &options()),
        expected
    );
}

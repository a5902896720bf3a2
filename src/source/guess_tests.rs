use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::super::wall_time::WallTime;
use super::super::{Input, Options, read_all};

/// What a log rotated at 2027-01-10 is made of: days, and how many lines of a thousand bytes each has.
struct Case {
    name: &'static str,
    days: &'static [(&'static str, usize)],
    /// Whether the first 256 KiB tell the year.
    holds: bool,
}

const CASES: &[Case] = &[
    Case {
        name: "within a year",
        days: &[("Nov  1", 270), ("Nov 30", 270)],
        holds: true,
    },
    Case {
        name: "over new year",
        days: &[("Dec 20", 270), ("Dec 31", 5), ("Jan  1", 5), ("Jan  9", 3)],
        holds: true,
    },
    Case {
        name: "more than a year",
        days: &[("Jan  5", 270), ("Nov  1", 3), ("Jan  7", 3)],
        holds: false,
    },
    Case {
        name: "two years",
        days: &[
            ("Jan  5", 270),
            ("Nov  1", 3),
            ("Jan  7", 3),
            ("Aug  1", 1),
            ("Jan  8", 3),
        ],
        holds: false,
    },
    Case {
        name: "weeks in the wrong order",
        days: &[("Dec 27", 270), ("Jan  5", 3), ("Dec 20", 3)],
        holds: true,
    },
    Case {
        name: "a day that last year did not have",
        days: &[("Feb  1", 270), ("Feb 29", 1), ("Mar  3", 3)],
        holds: false,
    },
    Case {
        name: "a stated year",
        days: &[("Nov  1", 270), ("2021-11-02T", 1), ("Nov  3", 1)],
        holds: false,
    },
    Case {
        name: "a container with years of its own",
        days: &[("Nov  1", 270), ("{", 1), ("Nov  3", 1)],
        holds: true,
    },
    Case {
        name: "no stamp in the beginning",
        days: &[("no stamp", 270), ("Nov  3", 1)],
        holds: true,
    },
];

fn log(days: &[(&str, usize)]) -> String {
    let filler = "x".repeat(1_000);
    let mut log = String::new();
    for (at, (day, lines)) in days.iter().enumerate() {
        for line in 0..*lines {
            let second = line % 60;
            log.push_str(&match *day {
                "{" => format!(
                    "{{\"log\":\"postfix/smtpd[1]: {at} {line}\\n\",\"stream\":\"stdout\",\
                     \"time\":\"2020-02-29T00:00:{second:02}Z\"}}\n"
                ),
                day if day.ends_with('T') => {
                    format!("{day}00:00:{second:02}Z mx1 postfix/smtpd[1]: {at} {line}\n")
                }
                day => {
                    format!("{day} 00:00:{second:02} mx1 postfix/smtpd[1]: {at} {line} {filler}\n")
                }
            });
        }
    }
    log
}

fn pack(path: &Path, log: &str) {
    let file = std::fs::File::create(path).unwrap();
    let mut encoder = GzEncoder::new(file, Compression::none());
    encoder.write_all(log.as_bytes()).unwrap();
    encoder.finish().unwrap();
}

/// The times of all lines, and whether the years held.
fn times(paths: &[&Path], guess_years: bool) -> (Vec<String>, bool) {
    let options = Options {
        tz: Some(chrono_tz::UTC),
        guess_years,
        chunk_bytes: 100_000,
        ..Options::default()
    };
    let inputs = paths.iter().map(|path| Input::File(path.into()));
    let mut chunks = read_all(inputs.collect(), &options);
    let mut times = Vec::new();
    for chunk in &mut chunks {
        let mut lines = chunk.records();
        while let Some(line) = lines.next() {
            let time = line.time.map(WallTime::to_rfc3339);
            times.push(format!("{time:?} {:?}", line.raw.get(..60)));
        }
    }
    assert!(chunks.problems().is_empty());
    (times, chunks.years_held())
}

#[test]
fn a_packed_log_has_the_times_of_the_plain_one_or_says_that_they_are_wrong() {
    for case in CASES {
        let folder = tempfile::tempdir().unwrap();
        let log = log(case.days);
        let plain = folder.path().join("plain-20270110");
        std::fs::write(&plain, &log).unwrap();
        let packed = folder.path().join("packed-20270110");
        pack(&packed, &log);

        let (expected, held) = times(&[&plain], true);
        assert!(held, "{}: the end of a plain file is looked at", case.name);
        let (guessed, held) = times(&[&packed], true);
        assert_eq!(held, case.holds, "{}", case.name);
        assert_eq!(guessed == expected, case.holds, "{}", case.name);
        assert_eq!(times(&[&packed], false), (expected, true), "{}", case.name);
    }
}

/// Where logs stand among each other, and whether they are merged, is told by their ends.
#[test]
fn the_years_of_several_logs_are_not_guessed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let log = log(CASES[2].days);
    for (host, name) in [("mx1", "a"), ("mx2", "b")] {
        let log = log.replace("mx1", host);
        std::fs::write(path(&format!("{name}-20270110")), &log).unwrap();
        pack(&path(&format!("{name}-20270110.gz")), &log);
    }
    let plain = [path("a-20270110"), path("b-20270110")];
    let packed = [path("a-20270110.gz"), path("b-20270110.gz")];
    let [plain, packed] =
        [&plain, &packed].map(|paths| times(&[paths[0].as_path(), paths[1].as_path()], true));
    assert!(
        plain
            .0
            .first()
            .is_some_and(|line| line.contains("2026-01-05"))
    );
    assert_eq!(packed, plain);
}

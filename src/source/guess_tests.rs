use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::super::plan::Plan;
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
                    format!("{day}00:00:{second:02}Z mx1 postfix/smtpd[1]: {at} {line} {filler}\n")
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

fn options(may_guess: bool) -> Options {
    Options {
        tz: Some(chrono_tz::UTC),
        may_guess,
        chunk_bytes: 100_000,
        ..Options::default()
    }
}

fn inputs(paths: &[&Path]) -> Vec<Input> {
    paths.iter().map(|path| Input::File(path.into())).collect()
}

/// Tells whether the plan guesses about any log.
fn guesses(paths: &[&Path]) -> bool {
    let plan = Plan::make(inputs(paths), &options(true));
    let mut sources = plan.groups.iter().flatten();
    sources.any(|source| source.survey.is_guess)
}

/// The times of all lines, and whether what was guessed held.
fn times(paths: &[&Path], may_guess: bool) -> (Vec<String>, bool) {
    let mut chunks = read_all(inputs(paths), &options(may_guess));
    let mut times = Vec::new();
    for chunk in &mut chunks {
        let mut lines = chunk.records();
        while let Some(line) = lines.next() {
            let time = line.time.map(WallTime::to_rfc3339);
            times.push(format!("{time:?} {:?}", line.raw.get(..60)));
        }
    }
    assert!(chunks.problems().is_empty());
    (times, chunks.guesses_held())
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

/// What becomes of a guess about several logs.
#[derive(PartialEq, Eq)]
enum Outcome {
    /// Nothing is guessed: the beginnings show that the ends have to be looked at.
    NotMade,
    Holds,
    Fails,
}

/// One of several logs.
struct OneOf {
    host: &'static str,
    program: &'static str,
    days: &'static [(&'static str, usize)],
}

/// A log of mx1's smtpd.
const fn log_of(days: &'static [(&'static str, usize)]) -> OneOf {
    OneOf {
        host: "mx1",
        program: "smtpd",
        days,
    }
}

const SEVERAL: &[(&str, &[OneOf], Outcome)] = &[
    (
        "rotated",
        &[
            log_of(&[("Nov  1", 270), ("Nov  7", 3)]),
            log_of(&[("Nov  8", 270), ("Nov 14", 3)]),
            log_of(&[("Nov 15", 270), ("Nov 21", 3)]),
        ],
        Outcome::Holds,
    ),
    (
        "rotated within a second",
        &[
            log_of(&[("Nov  1", 270), ("Nov  8", 1)]),
            log_of(&[("Nov  8", 270), ("Nov 14", 3)]),
        ],
        Outcome::Holds,
    ),
    (
        "other programs within a second",
        &[
            log_of(&[("Nov  1", 270), ("Nov  8", 1)]),
            OneOf {
                program: "qmgr",
                ..log_of(&[("Nov  8", 270), ("Nov 14", 3)])
            },
        ],
        Outcome::NotMade,
    ),
    (
        "a second's lines alone",
        &[
            log_of(&[("Nov  1", 270), ("Nov  8", 1)]),
            log_of(&[("Nov  8", 1)]),
        ],
        Outcome::NotMade,
    ),
    (
        "two hosts at a time",
        &[
            log_of(&[("Nov  1", 270), ("Nov  7", 3)]),
            OneOf {
                host: "mx2",
                ..log_of(&[("Nov  1", 270), ("Nov  7", 3)])
            },
        ],
        Outcome::NotMade,
    ),
    (
        "one that goes on while the next one has begun",
        &[
            log_of(&[("Nov  1", 270), ("Nov  9", 3)]),
            log_of(&[("Nov  8", 270), ("Nov 14", 3)]),
        ],
        Outcome::Fails,
    ),
    (
        "lines out of order, as the ends of a plain log do not show",
        &[
            log_of(&[("Nov  1", 270), ("Nov  9", 3), ("Nov  8", 1)]),
            log_of(&[("Nov  8", 270), ("Nov 14", 3)]),
        ],
        Outcome::Holds,
    ),
    (
        "so many of them that the rest is not read",
        &[
            log_of(&[("Nov  1", 270), ("Nov  9", 300), ("Nov  8", 1)]),
            log_of(&[("Nov  8", 270), ("Nov 14", 3)]),
        ],
        Outcome::Fails,
    ),
    (
        "a small copy within the first one",
        &[
            log_of(&[("Nov  1", 270), ("Nov  9", 3)]),
            log_of(&[("Nov  9", 3)]),
        ],
        Outcome::Fails,
    ),
    (
        "over new year",
        &[
            log_of(&[("Dec 20", 270), ("Dec 31", 3)]),
            log_of(&[("Jan  1", 270), ("Jan  9", 3)]),
        ],
        Outcome::Holds,
    ),
    (
        "the first one of more than a year",
        &[
            log_of(&[("Jan  5", 270), ("Nov  1", 3), ("Jan  7", 3)]),
            log_of(&[("Jan  8", 270), ("Jan  9", 3)]),
        ],
        Outcome::Fails,
    ),
    (
        "years that are stated",
        &[
            log_of(&[("2026-11-01T", 270), ("2026-11-07T", 3)]),
            log_of(&[("2026-11-08T", 270), ("2026-11-14T", 3)]),
        ],
        Outcome::Holds,
    ),
    (
        "a zone that is stated no more",
        &[
            log_of(&[("2026-11-01T", 270), ("Nov  7", 3)]),
            log_of(&[("2026-11-08T", 270), ("2026-11-14T", 3)]),
        ],
        Outcome::Fails,
    ),
];

#[test]
fn several_packed_logs_come_as_plain_ones_do_or_say_that_they_do_not() {
    for (name, logs, outcome) in SEVERAL {
        let folder = tempfile::tempdir().unwrap();
        let path = |at: usize, suffix: &str| folder.path().join(format!("{at}-20270110{suffix}"));
        for (at, one) in logs.iter().enumerate() {
            let log = log(one.days)
                .replace("mx1", one.host)
                .replace("smtpd", one.program);
            std::fs::write(path(at, ""), &log).unwrap();
            pack(&path(at, ".gz"), &log);
        }
        // The order in which they are named does not matter.
        let named =
            |suffix| -> Vec<_> { (0..logs.len()).rev().map(|at| path(at, suffix)).collect() };
        let [plain, packed] = [named(""), named(".gz")];
        let [plain, packed] = [&plain, &packed]
            .map(|paths| -> Vec<&Path> { paths.iter().map(std::path::PathBuf::as_path).collect() });
        let (expected, _) = times(&plain, true);
        let (lines, held) = times(&packed, true);
        let found = (guesses(&packed), held);
        let wanted = (*outcome != Outcome::NotMade, *outcome != Outcome::Fails);
        assert_eq!(found, wanted, "{name}");
        assert_eq!(lines == expected, held, "{name}");
        assert!(times(&packed, false) == (expected, true), "{name}");
    }
}

/// Only the ends of plain files are looked at, beside the beginnings of packed ones.
#[test]
fn a_plain_log_may_follow_packed_ones() {
    for (last_day, lines, holds) in [
        ("Nov  7", 3, true),
        ("Nov 14", 1, true),
        ("Nov 14", 3, false),
        ("Nov 15", 1, false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let first = log(&[("Nov  1", 270), (last_day, lines)]);
        pack(&path("mail.log-20270108.gz"), &first);
        std::fs::write(path("plain-20270108"), &first).unwrap();
        std::fs::write(
            path("mail.log"),
            log(&[("Nov 14", 300), ("Nov 21", 300), ("Nov 22", 3)]),
        )
        .unwrap();
        let [packed, plain] = ["mail.log-20270108.gz", "plain-20270108"].map(path);
        let last = path("mail.log");
        let (expected, _) = times(&[&plain, &last], true);
        let (found, held) = times(&[&packed, &last], true);
        assert_eq!(held, holds, "{last_day}, {lines}");
        assert_eq!(found == expected, holds, "{last_day}, {lines}");
    }
}

/// The packed one is looked at once more, and comes back to its place.
#[test]
fn logs_that_begin_at_once_stay_in_the_order_in_which_they_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let first = log(&[("Nov  1", 270), ("Nov  7", 3)]);
    pack(&path("mx1-20270110.gz"), &first);
    std::fs::write(path("mx1-20270110"), &first).unwrap();
    std::fs::write(path("mx2-20270110"), first.replace("mx1", "mx2")).unwrap();
    let [packed, plain, other] = ["mx1-20270110.gz", "mx1-20270110", "mx2-20270110"].map(path);
    let expected = times(&[&plain, &other], true);
    assert!(times(&[&packed, &other], true) == expected);
}

//! A range found by bisecting is the same, line by line, as one filtered out of all lines.

use std::fs::{self, File};
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::Europe::Berlin;
use chrono_tz::Tz;
use proptest::prelude::*;

use super::range::TimeRange;
use super::*;

const SECOND_US: i64 = 1_000_000;

/// The instant that a line states, and its text.
type Told = (DateTime<Utc>, String);

/// How a line is written.
#[derive(Clone, Copy, Debug)]
enum Form {
    Traditional,
    Offset,
    Utc,
    Journal,
    /// No stamp: it belongs to the line above.
    Garbage,
}

/// A log to be made.
#[derive(Clone, Debug)]
struct Story {
    start: DateTime<Utc>,
    /// Seconds from line to line, at most.
    pace: u32,
    forms: Vec<Form>,
    lines: usize,
    /// From this line on the clock is so many seconds behind.
    step: (usize, i64),
    /// So many years later the file was written to by a copy.
    copied_years: u64,
    seed: u64,
}

/// Numbers that only depend on where they begin.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let count = u64::try_from(from.len()).unwrap();
        from[usize::try_from(self.below(count)).unwrap()]
    }
}

impl Story {
    /// Tells the lines: which instant each states, and its text.
    fn tell(&self) -> Vec<Told> {
        let mut dice = Dice(self.seed | 1);
        let mut now = self.start;
        let mut told = Vec::new();
        for number in 0..self.lines {
            let pace = dice.below(u64::from(self.pace) * 1000 + 1);
            now += Duration::from_millis(pace);
            let is_stepped = number >= self.step.0;
            let behind = if is_stepped { self.step.1 * 1000 } else { 0 };
            let jitter = i64::try_from(dice.below(1000)).unwrap();
            let stamp = now - chrono::TimeDelta::milliseconds(behind + jitter);
            let host = dice.pick(&["mx1", "mx2"]);
            let filler = "x".repeat(usize::try_from(dice.below(120)).unwrap());
            let form = dice.pick(&self.forms);
            told.push((stamp, line(form, stamp, host, number, &filler)));
        }
        told
    }
}

fn line(form: Form, stamp: DateTime<Utc>, host: &str, number: usize, filler: &str) -> String {
    let local = stamp.with_timezone(&Berlin);
    let rest = format!("{host} postfix/qmgr[1]: line {number} {filler}");
    match form {
        Form::Traditional => format!("{} {rest}\n", local.format("%b %e %H:%M:%S")),
        Form::Offset => format!("{} {rest}\n", local.format("%Y-%m-%dT%H:%M:%S%.6f%:z")),
        Form::Utc => format!("{} {rest}\n", stamp.format("%Y-%m-%dT%H:%M:%S%.6fZ")),
        Form::Journal => format!(
            "{{\"__REALTIME_TIMESTAMP\":\"{}\",\"_HOSTNAME\":\"{host}\",\"MESSAGE\":\"{number}\"}}\n",
            stamp.timestamp_micros()
        ),
        Form::Garbage => format!("garbage {number} {filler}\n"),
    }
}

fn story() -> impl Strategy<Value = Story> {
    let starts = [
        "2026-10-24T20:00:00Z", // the hour that is shown twice is near
        "2026-12-30T12:00:00Z",
        "2028-02-27T12:00:00Z",
        "2027-12-01T00:00:00Z",
        "2026-06-01T00:00:00Z",
    ];
    let pace = prop_oneof![Just(1u32), Just(30), Just(600), Just(21_600)];
    let form = prop_oneof![
        5 => Just(vec![Form::Traditional]),
        2 => Just(vec![Form::Offset, Form::Utc]),
        1 => Just(vec![Form::Journal]),
        2 => Just(vec![Form::Traditional, Form::Traditional, Form::Garbage]),
        2 => Just(vec![Form::Traditional, Form::Offset, Form::Garbage]),
    ];
    let start = proptest::sample::select(starts.to_vec());
    let step = (
        0usize..1500,
        prop_oneof![Just(0i64), 1i64..3800, Just(-7200)],
    );
    let copied_years = prop_oneof![3 => Just(0u64), 1 => 1u64..6];
    let shape = (form, 1usize..1000, step);
    (start, pace, shape, copied_years, any::<u64>()).prop_map(
        move |(start, pace, (forms, lines, step), copied_years, seed)| Story {
            start: start.parse().unwrap(),
            pace,
            forms,
            lines,
            // An hour that is shown twice is disorder enough.
            step: (
                step.0,
                if start == starts[0] {
                    step.1.min(240)
                } else {
                    step.1
                },
            ),
            copied_years,
            seed,
        },
    )
}

/// One side of a range: so many seconds from a line of the log, or from where its clock is set.
type Side = Option<(bool, prop::sample::Index, i64)>;

/// Both sides, and whether they are instants.
type Asked = (Side, Side, bool);

fn asked() -> impl Strategy<Value = Asked> {
    let side = || {
        let line = any::<prop::sample::Index>();
        proptest::option::weighted(0.8, (any::<bool>(), line, -4000i64..4000))
    };
    (side(), side(), any::<bool>())
}

/// A range, and its limits on the wall clock and, if that is what it is made of, as instants.
struct Wanted {
    range: TimeRange,
    wall: Range<i64>,
    instants: Option<Range<i64>>,
}

/// Makes a range by lines of the log as they were dated.
fn wanted(asked: &Asked, step: usize, all: &[Read]) -> Option<Wanted> {
    let times: Vec<i64> = all
        .iter()
        .filter_map(|(_, time)| Some(time.as_ref()?.0))
        .collect();
    let last = times.len().checked_sub(1)?;
    let at = |side: &Side| {
        side.map(|(is_step, index, seconds)| {
            let line = if is_step {
                step.min(last)
            } else {
                index.index(times.len())
            };
            times[line] + seconds * SECOND_US
        })
    };
    let (from_us, to_us) = (at(&asked.0), at(&asked.1));
    let open = |limits: (Option<i64>, Option<i64>)| {
        limits.0.unwrap_or(i64::MIN)..limits.1.unwrap_or(i64::MAX)
    };
    if !asked.2 {
        return Some(Wanted {
            range: TimeRange::of_wall(from_us, to_us),
            wall: open((from_us, to_us)),
            instants: None,
        });
    }
    let instant = |wall_us: i64| {
        let wall = DateTime::from_timestamp_micros(wall_us)
            .unwrap()
            .naive_utc();
        Berlin
            .from_local_datetime(&wall)
            .latest()
            .unwrap_or(wall.and_utc().with_timezone(&Berlin))
    };
    let shown = |instant: DateTime<Tz>| instant.naive_local().and_utc().timestamp_micros();
    let (from, to) = (from_us.map(instant), to_us.map(instant));
    let range = TimeRange::of_instants(
        from.map(|from| from.to_utc()),
        to.map(|to| to.to_utc()),
        Some(Berlin),
    );
    let micros = |instant: DateTime<Tz>| instant.timestamp_micros();
    Some(Wanted {
        range,
        wall: open((from.map(shown), to.map(shown))),
        instants: Some(open((from.map(micros), to.map(micros)))),
    })
}

/// A line that was read: its bytes, and its time with its offset.
type Read = (Vec<u8>, Option<(i64, Option<i32>)>);

fn options(range: Option<TimeRange>, bisect_bytes: u64) -> Options {
    Options {
        tz: Some(Berlin),
        range,
        bisect_bytes,
        chunk_bytes: 900,
        ..Options::default()
    }
}

fn read(paths: &[&Path], options: &Options) -> (Vec<Read>, Vec<Notice>) {
    let inputs = paths.iter().map(|path| Input::File((*path).into()));
    let mut chunks = read_all(inputs.collect(), options);
    let mut found = Vec::new();
    for chunk in &mut chunks {
        let mut lines = chunk.records();
        while let Some(line) = lines.next() {
            let time = line.time.map(|time| (time.wall_us, time.offset_secs));
            found.push((line.raw.to_vec(), time));
        }
    }
    assert!(chunks.problems().is_empty(), "{:?}", chunks.problems());
    (found, chunks.notices().to_vec())
}

/// Filters without the product's help: what has no time goes with what stands above it.
fn filter(lines: Vec<Read>, wanted: &Wanted) -> Vec<Read> {
    let mut is_in = wanted.wall.start == i64::MIN;
    let within = |us: i64, limits: &Range<i64>| {
        us >= limits.start && (us < limits.end || limits.end == i64::MAX)
    };
    let is_within = |(wall_us, offset): (i64, Option<i32>)| match (offset, &wanted.instants) {
        (Some(offset), Some(limits)) => within(wall_us - i64::from(offset) * SECOND_US, limits),
        _ => within(wall_us, &wanted.wall),
    };
    let mut lines = lines;
    lines.retain(|(_, time)| {
        is_in = time.map_or(is_in, is_within);
        is_in
    });
    lines
}

/// Writes a log that was last written to when its last line was logged, or years later.
fn write(path: &Path, lines: &[&Told], copied_years: u64) {
    let text: String = lines.iter().map(|line| line.1.as_str()).collect();
    fs::write(path, text).unwrap();
    let last = lines.last().map_or(0, |(stamp, _)| stamp.timestamp());
    let since_1970 = u64::try_from(last).unwrap() + copied_years * 365 * 86_400;
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(since_1970);
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(modified).unwrap();
}

/// Cuts a log into files that follow each other.
fn rotated<'t>(told: &'t [Told], cuts: &[usize]) -> Vec<Vec<&'t Told>> {
    // The first line of several files has nothing above it that it could belong to.
    let garbage = |lines: &[Told]| lines.iter().take_while(|line| is_garbage(line)).count();
    let mut rest = &told[if cuts.is_empty() { 0 } else { garbage(told) }..];
    let mut files = Vec::new();
    for cut in cuts {
        let cut = (*cut).min(rest.len());
        let (file, behind) = rest.split_at(cut + garbage(&rest[cut..]));
        files.push(file.iter().collect());
        rest = behind;
    }
    files.push(rest.iter().collect());
    files
}

/// Divides a log into two files of the same time, as a syslog daemon does by program.
fn divided(told: &[Told], seed: u64) -> Vec<Vec<&Told>> {
    let mut dice = Dice(seed | 1);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for line in told {
        let file = if dice.below(3) == 0 {
            &mut first
        } else {
            &mut second
        };
        file.push(line);
    }
    vec![first, second]
}

fn is_garbage(line: &Told) -> bool {
    line.1.starts_with("garbage")
}

fn check(story: &Story, asked: &Asked, files: &[Vec<&Told>]) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for (number, lines) in files.iter().enumerate() {
        let path = folder.path().join(format!("mail.{number}.log"));
        write(&path, lines, story.copied_years);
        paths.push(path);
    }
    let paths: Vec<&Path> = paths.iter().map(|path| path.as_path()).collect();
    let (all, _) = read(&paths, &options(None, u64::MAX));
    let Some(wanted) = wanted(asked, story.step.0, &all) else {
        return Ok(());
    };
    let expected = filter(all, &wanted);
    let (whole, _) = read(&paths, &options(Some(wanted.range), u64::MAX));
    same(&whole, &expected, "whole", wanted.range)?;
    let (bisected, notices) = read(&paths, &options(Some(wanted.range), 0));
    let is_read_whole = |notice: &Notice| matches!(notice, Notice::ReadWhole { .. });
    prop_assert!(!notices.iter().any(is_read_whole), "{:?}", notices);
    same(&bisected, &expected, "bisected", wanted.range)
}

/// Compares without printing a whole log.
fn same(
    found: &[Read],
    expected: &[Read],
    how: &str,
    range: TimeRange,
) -> Result<(), TestCaseError> {
    let at = found.iter().zip(expected).position(|(a, b)| a != b);
    let at = at.unwrap_or(found.len().min(expected.len()));
    let shown = |lines: &[Read]| {
        let line = lines
            .get(at)
            .map(|(raw, time)| (String::from_utf8_lossy(raw).into_owned(), *time));
        format!("{line:?} of {}", lines.len())
    };
    let is_same = found == expected;
    let (found, expected) = (shown(found), shown(expected));
    prop_assert!(
        is_same,
        "{} {:?}, line {}: found {}, expected {}",
        how,
        range,
        at,
        found,
        expected
    );
    Ok(())
}

/// Fewer cases than usual, for each writes and reads files; `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|cases| cases.parse().ok()).unwrap_or(32)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn a_bisected_log_gives_the_lines_of_a_filtered_one(story in story(), asked in asked()) {
        let told = story.tell();
        check(&story, &asked, &rotated(&told, &[]))?;
    }

    #[test]
    fn rotated_logs_give_the_lines_of_filtered_ones(
        story in story(), asked in asked(), cuts in prop::collection::vec(1usize..600, 1..3),
    ) {
        let told = story.tell();
        check(&story, &asked, &rotated(&told, &cuts))?;
    }

    #[test]
    fn merged_logs_give_the_lines_of_filtered_ones(
        mut story in story(), asked in asked(), seed in any::<u64>(),
    ) {
        // Which of two lines without a stamp goes with which other one is lost by dividing them.
        story.forms.retain(|form| !matches!(form, Form::Garbage));
        let told = story.tell();
        check(&story, &asked, &divided(&told, seed))?;
    }
}

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use chrono::DateTime;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;
use crate::source::WallTime;

/// A folder of logs.
struct Logs(tempfile::TempDir);

impl Logs {
    fn new() -> Self {
        Logs(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file that was last written at this time.
    fn write(&self, name: &str, modified: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        let seconds = DateTime::parse_from_rfc3339(&format!("{modified}T12:00:00Z"))
            .unwrap()
            .timestamp();
        let time = UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap());
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(time)
            .unwrap();
        path
    }

    fn paths(&self, names: &[&str]) -> Vec<Input> {
        names
            .iter()
            .map(|name| Input::File(self.path(name)))
            .collect()
    }
}

/// What was read: the lines with their times, the problems, the notices.
struct Found {
    lines: Vec<String>,
    problems: Vec<String>,
    notices: Vec<String>,
}

fn options() -> Options {
    Options {
        tz: Some(chrono_tz::UTC),
        ..Options::default()
    }
}

fn read(inputs: Vec<Input>, options: &Options) -> Found {
    let mut chunks = read_all(inputs, options);
    let mut lines = Vec::new();
    for chunk in &mut chunks {
        let mut records = chunk.records();
        while let Some(line) = records.next() {
            let time = line
                .time
                .map_or_else(|| "-".to_owned(), WallTime::to_rfc3339);
            let message = line.record().map_or(line.raw, |record| record.message);
            lines.push(format!("{time} {}", String::from_utf8_lossy(message)));
        }
    }
    Found {
        lines,
        problems: chunks.problems().iter().map(ToString::to_string).collect(),
        notices: chunks.notices().iter().map(ToString::to_string).collect(),
    }
}

/// Lines of traditional form, one for each stamp; the message says where it stands.
fn lines(host: &str, name: &str, stamps: &[&str]) -> Vec<u8> {
    let line =
        |(at, stamp): (usize, &&str)| format!("{stamp} {host} postfix/smtpd[7]: {name}{at}\n");
    stamps
        .iter()
        .enumerate()
        .map(line)
        .collect::<String>()
        .into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn puts_rotated_logs_in_order_and_finds_their_years() {
    let logs = Logs::new();
    logs.write(
        "mail.log",
        "2027-01-10",
        &lines("mx1", "c", &["Jan  3 00:00:00", "Jan  9 00:00:00"]),
    );
    logs.write(
        "mail.log.1",
        "2027-01-03",
        &lines("mx1", "b", &["Dec 27 00:00:00", "Jan  3 00:00:00"]),
    );
    let packed = gzip(&lines("mx1", "a", &["Dec 20 00:00:00", "Dec 27 00:00:00"]));
    logs.write("mail.log.2.gz", "2026-12-27", &packed);
    let found = read(
        logs.paths(&["mail.log", "mail.log.2.gz", "mail.log.1"]),
        &options(),
    );
    let expected = [
        "2026-12-20T00:00:00 a0",
        "2026-12-27T00:00:00 a1",
        "2026-12-27T00:00:00 b0",
        "2027-01-03T00:00:00 b1",
        "2027-01-03T00:00:00 c0",
        "2027-01-09T00:00:00 c1",
    ];
    assert_eq!(found.lines, expected);
    assert!(
        found.problems.is_empty() && found.notices.is_empty(),
        "{:?}",
        found.notices
    );
}

#[test]
fn takes_the_date_of_rotation_before_the_time_of_the_file() {
    let logs = Logs::new();
    logs.write(
        "mail.log-20251101.gz",
        "2026-12-27",
        &gzip(&lines("mx1", "a", &["Oct 31 00:00:00"])),
    );
    let found = read(logs.paths(&["mail.log-20251101.gz"]), &options());
    assert_eq!(found.lines, ["2025-10-31T00:00:00 a0"]);
}

#[test]
fn the_year_given_is_that_of_the_first_line_of_all_files() {
    let logs = Logs::new();
    logs.write(
        "a",
        "2026-11-21",
        &lines("mx1", "a", &["Dec 31 23:59:59", "Jan  1 00:00:02"]),
    );
    logs.write("b", "2026-11-21", &lines("mx1", "b", &["Jan  1 00:00:03"]));
    let options = Options {
        year: Some(2019),
        ..options()
    };
    let found = read(logs.paths(&["b", "a"]), &options);
    assert_eq!(
        found.lines,
        [
            "2019-12-31T23:59:59 a0",
            "2020-01-01T00:00:02 a1",
            "2020-01-01T00:00:03 b0"
        ]
    );
    let found = read(logs.paths(&["b"]), &options);
    assert_eq!(found.lines, ["2019-01-01T00:00:03 b0"]);
}

#[test]
fn merges_files_of_one_host_that_overlap_and_only_those() {
    let logs = Logs::new();
    let day = "2026-11-21";
    logs.write(
        "in",
        day,
        &lines(
            "mx1",
            "in",
            &[
                "Nov 21 00:00:00",
                "Nov 21 00:00:02",
                "Nov 21 00:00:01",
                "Nov 21 00:00:04",
            ],
        ),
    );
    logs.write(
        "out",
        day,
        &lines("mx1", "out", &["Nov 21 00:00:01", "Nov 21 00:00:03"]),
    );
    logs.write(
        "mx2",
        day,
        &lines("mx2", "other", &["Nov 21 00:00:01", "Nov 21 00:00:03"]),
    );
    let found = read(logs.paths(&["out", "mx2", "in"]), &options());
    let messages: Vec<&str> = found
        .lines
        .iter()
        .filter_map(|line| line.split(' ').nth(1))
        .collect();
    // The line out of order stays where its own file has it.
    assert_eq!(
        messages,
        [
            "in0", "out0", "in1", "in2", "out1", "in3", "other0", "other1"
        ]
    );
}

#[test]
fn merges_logs_with_and_without_zones_on_the_wall_clock() {
    let logs = Logs::new();
    logs.write(
        "a",
        "2026-11-21",
        &lines("mx1", "a", &["Nov 21 10:00:00", "Nov 21 10:00:03"]),
    );
    logs.write(
        "b",
        "2026-11-21",
        &lines(
            "mx1",
            "b",
            &["2026-11-21T10:00:01+01:00", "2026-11-21T10:00:02+01:00"],
        ),
    );
    let options = Options {
        tz: None,
        ..options()
    };
    let found = read(logs.paths(&["a", "b"]), &options);
    let expected = [
        "2026-11-21T10:00:00 a0",
        "2026-11-21T10:00:01+01:00 b0",
        "2026-11-21T10:00:02+01:00 b1",
        "2026-11-21T10:00:03 a1",
    ];
    assert_eq!(found.lines, expected);
}

#[test]
fn leaves_out_copies_and_says_so() {
    let logs = Logs::new();
    let day = "2026-11-21";
    let all = [
        "Nov 20 00:00:00",
        "Nov 20 01:00:00",
        "Nov 20 02:00:00",
        "Nov 20 02:00:00",
    ];
    let whole = lines("mx1", "w", &all);
    let text = String::from_utf8(whole.clone()).unwrap();
    let some: String = text
        .lines()
        .skip(1)
        .step_by(2)
        .map(|line| format!("{line}\n"))
        .collect();
    logs.write("mail.log", day, &whole);
    logs.write("mail.info.gz", day, &gzip(&whole));
    logs.write("mail.warn", day, some.as_bytes());
    let mut inputs = logs.paths(&["mail.log", "mail.info.gz", "mail.warn"]);
    inputs.push(Input::File(logs.path(".").join("mail.log")));
    let found = read(inputs, &options());
    assert_eq!(found.lines.len(), 4);
    assert!(found.problems.is_empty());
    let [same, info, warn] = &found.notices[..] else {
        panic!("{:?}", found.notices)
    };
    assert!(
        same.contains("the same file as") && same.contains("mail.log"),
        "{same}"
    );
    for (notice, name) in [(info, "mail.warn"), (warn, "mail.info.gz")] {
        assert!(
            notice.contains(name) && notice.contains("left out"),
            "{notice}"
        );
    }
}

#[test]
fn leaves_out_a_copy_of_several_rotated_files() {
    let logs = Logs::new();
    let day = "2026-11-21";
    let (old, new) = (
        lines("mx1", "o", &["Nov 19 00:00:00", "Nov 20 00:00:00"]),
        lines(
            "mx1",
            "n",
            &["Nov 20 03:00:00", "Nov 21 00:00:00", "Nov 21 00:00:01"],
        ),
    );
    logs.write("mail.log.1", day, &old);
    logs.write("mail.log", day, &new);
    let errors: Vec<u8> = [&old[old.len() / 2..], &new[..new.len() / 3]].concat();
    logs.write("mail.err", day, &errors);
    let found = read(
        logs.paths(&["mail.log", "mail.err", "mail.log.1"]),
        &options(),
    );
    assert_eq!(found.lines.len(), 5);
    let [notice] = &found.notices[..] else {
        panic!("{:?}", found.notices)
    };
    assert!(
        notice.contains("mail.log.1 and ") && notice.ends_with("mail.log"),
        "{notice}"
    );
}

#[test]
fn leaves_out_a_long_copy_over_new_year() {
    let logs = Logs::new();
    let line = |day: &str, at: u32, of: &str| {
        format!(
            "{day} {:02}:{:02}:00 mx1 a[1]: {of} {at}\n",
            at / 60,
            at % 60
        )
    };
    let day = |day: &str, of: &str| (0..1_440).map(|at| line(day, at, of)).collect::<String>();
    let old = [day("Dec 30", "o"), day("Dec 31", "p")].concat();
    let new = [day("Jan  1", "q"), day("Jan  2", "r")].concat();
    logs.write("mail.log.1", "2027-01-01", old.as_bytes());
    logs.write("mail.log", "2027-01-03", new.as_bytes());
    // The days between its ends are of both years.
    let both = [old.as_str(), new.as_str()].concat();
    let some: String = both
        .split_inclusive('\n')
        .filter(|line| !line.contains(":00:00 "))
        .collect();
    logs.write("mail.warn", "2027-01-03", some.as_bytes());
    let found = read(
        logs.paths(&["mail.log", "mail.warn", "mail.log.1"]),
        &options(),
    );
    assert_eq!(found.lines.len(), 4 * 1_440);
    assert_eq!(found.notices.len(), 1, "{:?}", found.notices);
    // With a day that no other has it is none; its other lines are there twice.
    let more = some + &day("Jan  3", "s");
    logs.write("mail.warn", "2027-01-04", more.as_bytes());
    let found = read(
        logs.paths(&["mail.log", "mail.warn", "mail.log.1"]),
        &options(),
    );
    assert_eq!(found.lines.len(), 4 * 1_440 + more.lines().count());
    assert!(found.notices.is_empty(), "{:?}", found.notices);
}

#[test]
fn keeps_a_file_that_has_one_line_of_its_own() {
    let logs = Logs::new();
    let day = "2026-11-21";
    logs.write(
        "a",
        day,
        &lines(
            "mx1",
            "x",
            &["Nov 20 00:00:00", "Nov 20 01:00:00", "Nov 20 02:00:00"],
        ),
    );
    let copied =
        b"Nov 20 01:00:00 mx1 postfix/smtpd[7]: x1\nNov 20 01:30:00 mx1 postfix/smtpd[7]: own\n";
    logs.write("b", day, copied);
    let found = read(logs.paths(&["a", "b"]), &options());
    assert_eq!(found.lines.len(), 5);
    assert!(found.notices.is_empty());
}

#[test]
fn reads_the_others_when_one_cannot_be_read() {
    let logs = Logs::new();
    let good = lines("mx1", "g", &["Nov 20 00:00:00"]);
    let day = "2026-11-21";
    logs.write("good", day, &good);
    logs.write("empty", day, b"");
    logs.write("binary", day, &[0, 1, 2, 3, 0, 255, 10, 7].repeat(100));
    logs.write("packed.lz4", day, b"\x04\x22\x4D\x18 and so on");
    fs::create_dir(logs.path("folder")).unwrap();
    let many: String = (0..2000)
        .map(|at| format!("Nov 20 00:00:01 mx2 a[1]: {at} {}\n", at * 7919))
        .collect();
    let packed = gzip(many.as_bytes());
    logs.write("cut.gz", day, &packed[..packed.len() / 2]);
    let mut damaged = packed;
    let middle = damaged.len() / 2;
    damaged[middle..middle + 8].fill(0x55);
    logs.write("damaged.gz", day, &damaged);
    let names = [
        "missing",
        "empty",
        "binary",
        "packed.lz4",
        "folder",
        "cut.gz",
        "damaged.gz",
        "good",
    ];
    let found = read(logs.paths(&names), &options());
    assert!(found.lines.contains(&"2026-11-20T00:00:00 g0".to_owned()));
    let whole_lines = found
        .lines
        .iter()
        .filter(|line| line.starts_with("2026-11-20T00:00:01"))
        .count();
    assert!(whole_lines > 10 && whole_lines < 4000, "{whole_lines}");
    for (name, said) in [
        ("missing", "there is no such file"),
        ("binary", "binary file"),
        ("packed.lz4", "lz4 -dc"),
        ("folder", "is a directory"),
        ("cut.gz", "gzip data are damaged or cut off"),
        ("damaged.gz", "gzip data are damaged or cut off"),
    ] {
        let path = format!("{}: ", logs.path(name).display());
        let problem = found
            .problems
            .iter()
            .find(|problem| problem.starts_with(&path));
        assert!(
            problem.is_some_and(|problem| problem.contains(said)),
            "{name}: {:?}",
            found.problems
        );
    }
    assert_eq!(found.problems.len(), 6, "{:?}", found.problems);
    assert_eq!(
        found.notices,
        [format!("{}: no lines", logs.path("empty").display())]
    );
}

#[test]
fn reads_lines_longer_than_a_chunk_and_cuts_those_longer_than_the_limit() {
    let logs = Logs::new();
    let long = |length: usize| format!("Nov 20 00:00:00 mx1 a[1]: {}\n", "x".repeat(length));
    let text = [long(10), long(1 << 20), long(3 << 20), long(20)].concat();
    logs.write("mail.log", "2026-11-21", text.as_bytes());
    let options = Options {
        chunk_bytes: 4096,
        line_bytes: 2 << 20,
        ..options()
    };
    let found = read(logs.paths(&["mail.log"]), &options);
    let lengths: Vec<usize> = found
        .lines
        .iter()
        .map(|line| line.len() - "2026-11-20T00:00:00 ".len())
        .collect();
    let envelope = "Nov 20 00:00:00 mx1 a[1]: ".len();
    assert_eq!(lengths, [10, 1 << 20, (2 << 20) - envelope, 20]);
    let cut = (1 << 20) + envelope;
    let [notice] = &found.notices[..] else {
        panic!("{:?}", found.notices)
    };
    assert!(
        notice.contains(&format!(
            "1 lines were longer than 2097152 bytes; {cut} bytes"
        )),
        "{notice}"
    );
}

#[test]
fn cuts_of_any_size_give_the_same_lines_and_times() {
    let logs = Logs::new();
    let stamps = [
        "Dec 31 23:59:58",
        "Dec 31 23:59:59",
        "Jan  1 00:00:00",
        "Dec 31 23:59:59",
        "Jan  1 00:00:01",
    ];
    let text = [
        &lines("mx1", "a", &stamps)[..],
        b"no stamp\n",
        b"{\"MESSAGE\":1}\n\n",
        b"Jan  2 00:00:00 mx1 a[1]: end",
    ]
    .concat();
    logs.write("mail.log", "2027-01-02", &text);
    let whole = read(logs.paths(&["mail.log"]), &options());
    assert_eq!(whole.lines[3], "2026-12-31T23:59:59 a3");
    assert_eq!(
        whole.lines[4..],
        [
            "2027-01-01T00:00:01 a4",
            "- no stamp",
            "- {\"MESSAGE\":1}",
            "- ",
            "2027-01-02T00:00:00 end"
        ]
    );
    for chunk_bytes in 1..text.len() {
        let found = read(
            logs.paths(&["mail.log"]),
            &Options {
                chunk_bytes,
                ..options()
            },
        );
        assert_eq!(found.lines, whole.lines, "{chunk_bytes}");
    }
}

/// A part is gone over in stretches, and a new year may begin in any of them: more than a year of this
/// log is in each part.
#[test]
fn new_years_are_counted_wherever_in_a_part_they_begin() {
    let (logs, filler) = (Logs::new(), "x".repeat(1 << 10));
    let first = chrono::NaiveDate::from_ymd_opt(2023, 9, 15).unwrap();
    let dates: Vec<_> = (0..1_600)
        .map(|at| first + chrono::Days::new(at * 3 / 4))
        .collect();
    let line = |date: &chrono::NaiveDate| {
        let day = date.format("%b %e");
        format!("{day} 00:00:00 mx1 a[1]: {filler}\n")
    };
    let text: String = dates.iter().map(line).collect();
    logs.write("mail.log", "2027-01-01", text.as_bytes());
    for chunk_bytes in [300 << 10, 400 << 10, 512 << 10] {
        let options = Options {
            chunk_bytes,
            ..options()
        };
        let found = read(logs.paths(&["mail.log"]), &options);
        for (line, date) in found.lines.iter().zip(&dates) {
            assert!(line.starts_with(&date.to_string()), "{chunk_bytes}, {date}");
        }
        assert_eq!(found.lines.len(), dates.len());
    }
}

#[test]
fn counts_the_years_of_a_file_too_large_to_be_gone_through() {
    let logs = Logs::new();
    let mut file = File::create(logs.path("mail.log")).unwrap();
    let filler = "x".repeat(130 << 10);
    for year in 2020..2024 {
        for month in ["Jan", "Mar", "May", "Jul", "Sep", "Nov"] {
            for day in 1..=28 {
                writeln!(file, "{month} {day:2} 00:00:00 mx1 a[1]: {year} {filler}").unwrap();
            }
        }
    }
    file.set_modified(UNIX_EPOCH + Duration::from_secs(1_704_067_200))
        .unwrap();
    let chunks = read_all(logs.paths(&["mail.log"]), &options());
    let mut years = std::collections::BTreeSet::new();
    for chunk in chunks {
        let mut records = chunk.records();
        while let Some(line) = records.next() {
            let message = line.record().unwrap().message.get(..4).unwrap();
            let date = line.time.unwrap().date();
            years.insert((String::from_utf8_lossy(message).into_owned(), date.year));
        }
    }
    let expected: Vec<(String, i32)> = (2020..2024).map(|year| (year.to_string(), year)).collect();
    assert_eq!(years.into_iter().collect::<Vec<_>>(), expected);
}

/// The path of a pipe that gives these bytes.
fn pipe(bytes: Vec<u8>) -> (std::io::PipeReader, PathBuf) {
    use std::os::fd::AsRawFd;
    let (reader, mut writer) = std::io::pipe().unwrap();
    // Whoever stops reading early breaks the pipe.
    std::thread::spawn(move || drop(writer.write_all(&bytes)));
    let path = format!("/dev/fd/{}", reader.as_raw_fd()).into();
    (reader, path)
}

#[test]
fn reads_pipes_packed_or_not_and_dates_them_by_the_time_of_reading() {
    let text = lines("mx1", "a", &["Dec 31 00:00:00", "Jan  1 00:00:00"]);
    let now = DateTime::parse_from_rfc3339("2027-03-01T00:00:00Z")
        .unwrap()
        .to_utc();
    for bytes in [text.clone(), gzip(&text)] {
        for read_ahead_bytes in [64, 1 << 20] {
            let (_keep, path) = pipe(bytes.clone());
            let options = Options {
                now,
                read_ahead_bytes,
                ..options()
            };
            let found = read(vec![Input::File(path)], &options);
            assert_eq!(
                found.lines,
                ["2026-12-31T00:00:00 a0", "2027-01-01T00:00:00 a1"]
            );
            assert!(found.problems.is_empty());
        }
    }
}

#[test]
fn merges_a_pipe_with_a_file() {
    let logs = Logs::new();
    logs.write(
        "a",
        "2026-11-21",
        &lines("mx1", "a", &["Nov 21 00:00:00", "Nov 21 00:00:02"]),
    );
    let (_keep, path) = pipe(lines("mx1", "b", &["Nov 21 00:00:01", "Nov 21 00:00:03"]));
    let now = DateTime::parse_from_rfc3339("2026-11-22T00:00:00Z")
        .unwrap()
        .to_utc();
    let mut inputs = logs.paths(&["a"]);
    inputs.insert(0, Input::File(path));
    let found = read(inputs, &Options { now, ..options() });
    let messages: Vec<&str> = found
        .lines
        .iter()
        .filter_map(|line| line.split(' ').nth(1))
        .collect();
    assert_eq!(messages, ["a0", "b0", "a1", "b1"]);
}

fn script(logs: &Logs, text: &str) -> Input {
    use std::os::unix::fs::PermissionsExt;
    let path = logs.path("journalctl");
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    Input::Journal {
        program: path.into(),
        since: Some("2026-11-20".into()),
        until: None,
    }
}

#[test]
fn reads_the_journal_through_its_program_and_says_why_that_fails() {
    let logs = Logs::new();
    let entry =
        r#"{"__REALTIME_TIMESTAMP":"1795221865624661","MESSAGE":"'"$*"'","_HOSTNAME":"mx1"}"#;
    let journal = script(&logs, &format!("echo '{entry}'"));
    let found = read(vec![journal], &options());
    let [line] = &found.lines[..] else {
        panic!("{:?}", found.lines)
    };
    assert!(
        line.starts_with("2026-11-21T00:44:25.624661+00:00 "),
        "{line}"
    );
    assert!(
        line.contains("--output=json") && line.contains("--since=2026-11-20"),
        "{line}"
    );
    assert!(found.problems.is_empty());
    let broken = script(
        &logs,
        &format!("echo '{entry}'; echo No journal files were opened >&2; exit 1"),
    );
    let found = read(vec![broken], &options());
    assert_eq!(found.lines.len(), 1);
    assert!(
        found.problems[0].contains("No journal files were opened"),
        "{:?}",
        found.problems
    );
    let missing = Input::Journal {
        program: logs.path("nothing").into(),
        since: None,
        until: None,
    };
    let found = read(vec![missing], &options());
    assert!(found.problems[0].contains("failed"), "{:?}", found.problems);
}

#[test]
fn an_unreadable_file_is_named_with_what_to_do() {
    use std::os::unix::fs::PermissionsExt;
    let logs = Logs::new();
    let path = logs.write("mail.log", "2026-11-21", b"x\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser may read everything; tests/cli/bad_input.rs runs this as another user.
    let is_readable = File::open(&path).is_ok();
    let found = read(vec![Input::File(path)], &options());
    if is_readable {
        assert!(found.problems.is_empty(), "{:?}", found.problems);
        return;
    }
    assert!(found.problems[0].contains("permission denied") && found.problems[0].contains("adm"));
}

/// The corpus beside the checkout, if there is one.
fn corpus(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/corpus/lab-a")
        .join(name);
    if path.exists() {
        return Some(path);
    }
    let required = std::env::var_os("MAILTALLY_REQUIRE").is_some();
    assert!(!required, "{} is missing", path.display());
    eprintln!("skipped: {} is missing", path.display());
    None
}

#[test]
fn the_journal_of_the_corpus_says_what_its_rfc3339_log_says() {
    let (Some(journal), Some(rfc3339)) = (corpus("journal.jsonl"), corpus("rfc3339.log")) else {
        return;
    };
    let records = |path: PathBuf| {
        let mut all = Vec::new();
        for chunk in read_all(vec![Input::File(path)], &options()) {
            let mut lines = chunk.records();
            while let Some(line) = lines.next() {
                let record = line.record().unwrap();
                let (host, tag) = (record.host.to_vec(), record.tag.text.to_vec());
                all.push((line.time, host, tag, record.pid, record.message.to_vec()));
            }
        }
        all
    };
    let (journal, rfc3339) = (records(journal), records(rfc3339));
    assert_eq!(journal.len(), 24_149);
    assert!(journal == rfc3339);
}

#[test]
fn unpacks_what_follows_the_first_member_of_a_packed_file() {
    let logs = Logs::new();
    let (a, b) = (
        lines("mx1", "a", &["Nov 20 00:00:00"]),
        lines("mx1", "b", &["Nov 20 00:00:01"]),
    );
    logs.write("mail.log.gz", "2026-11-21", &[gzip(&a), gzip(&b)].concat());
    let found = read(logs.paths(&["mail.log.gz"]), &options());
    assert_eq!(
        found.lines,
        ["2026-11-20T00:00:00 a0", "2026-11-20T00:00:01 b0"]
    );
}

/// Plain files, packed ones and two that overlap, none of which are of the same time otherwise.
fn many_logs(logs: &Logs) -> Vec<Input> {
    let mut names = Vec::new();
    for day in 1..=12 {
        let stamps: Vec<String> = (0..40)
            .map(|at| format!("Nov {day:2} 00:{at:02}:00"))
            .collect();
        let stamps: Vec<&str> = stamps.iter().map(String::as_str).collect();
        let text = lines("mx1", &format!("d{day}-"), &stamps);
        let bytes = if day % 2 == 0 { gzip(&text) } else { text };
        names.push(format!("log{day}"));
        logs.write(&format!("log{day}"), "2026-11-21", &bytes);
    }
    logs.write("empty", "2026-11-21", b"");
    let overlapping = lines("mx1", "o", &["Nov  5 00:00:30", "Nov  5 00:20:30"]);
    logs.write("overlapping", "2026-11-21", &overlapping);
    names.extend(["empty".into(), "missing".into(), "overlapping".into()]);
    names
        .iter()
        .map(|name| Input::File(logs.path(name)))
        .collect()
}

#[test]
fn chunks_come_as_they_are_ready_and_tell_where_they_belong() {
    let logs = Logs::new();
    let inputs = many_logs(&logs);
    for threads in [1, 2, 5] {
        let options = Options {
            chunk_bytes: 300,
            threads,
            ..options()
        };
        let in_order: Vec<Chunk> = read_all(inputs.clone(), &options).collect();
        let ready = Options {
            order: Order::Ready,
            ..options
        };
        let mut chunks = read_all(inputs.clone(), &ready);
        let mut as_ready: Vec<Chunk> = chunks.by_ref().collect();
        let said: Vec<String> = chunks.notices().iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [format!("{}: no lines", logs.path("empty").display())]
        );
        assert_eq!(chunks.problems().len(), 1);
        as_ready.sort_by_key(|chunk| chunk.span.start);
        assert_eq!(as_ready.len(), in_order.len());
        let mut end = Position::FIRST;
        for (chunk, expected) in as_ready.iter().zip(&in_order) {
            assert_eq!(chunk.span, expected.span);
            assert_eq!(chunk.span.start, end, "there are no gaps");
            assert_eq!(chunk.bytes(), expected.bytes());
            assert_eq!(chunk.dates, expected.dates);
            end = chunk.span.end;
        }
        let text = in_order
            .iter()
            .map(|chunk| chunk.bytes().len())
            .sum::<usize>();
        assert_eq!(chunks.progress().bytes(), chunks.size_bytes().unwrap());
        assert!(text > 12 * 40 * 30, "{text}");
    }
}

#[test]
fn a_chunk_shows_its_beginning_unread() {
    let logs = Logs::new();
    let many: Vec<u8> = lines("mx1", "a", &["Nov 20 00:00:00"]).repeat(10_000);
    for (name, bytes) in [("plain", many.clone()), ("packed", gzip(&many))] {
        logs.write(name, "2026-11-21", &bytes);
        let chunk = read_all(logs.paths(&[name]), &options()).next().unwrap();
        let beginning = chunk.beginning();
        assert!(many.starts_with(beginning.bytes()) && beginning.bytes().ends_with(b"\n"));
        assert!((200 << 10..256 << 10).contains(&beginning.bytes().len()));
        assert_eq!(chunk.size_bytes(), many.len());
        assert!(chunk.bytes() == many);
    }
    let chunk = Chunk::new(
        b"no end".to_vec(),
        Dating::from_year(2026, None),
        SourceId(0),
    );
    assert_eq!(chunk.beginning().bytes(), b"no end");
}

proptest! {
    #[test]
    fn lines_of_any_bytes_are_all_of_them(
        lines in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            "(\\{|\\[|\"MESSAGE\":|\"__REALTIME_TIMESTAMP\":\"[0-9]{0,20}\"|,|\\}|Nov 21 00:00:00 ){0,6}"
                .prop_map(String::into_bytes),
            "(Feb 29|Apr 31|Dec 31|Jan  1) 23:59:60 a b\\[1\\]: c".prop_map(String::into_bytes),
        ], 0..8),
        year in 1970..9999i32,
    ) {
        let bytes = lines.join(&b'\n');
        let chunk = Chunk::new(bytes.clone(), Dating::from_year(year, None), SourceId(0));
        let mut records = chunk.records();
        let mut raw = Vec::new();
        while let Some(line) = records.next() {
            prop_assert_eq!(line.record().is_some(), line.time.is_some());
            raw.extend_from_slice(line.raw);
            raw.push(b'\n');
        }
        if !bytes.is_empty() && !bytes.ends_with(b"\n") {
            prop_assert_eq!(raw.pop(), Some(b'\n'));
        }
        prop_assert_eq!(raw, bytes);
    }
}

use std::fs;
use std::io::Write;

use proptest::prelude::*;

use super::*;
use crate::source::chunk::split_lines;

struct Plain {
    file: tempfile::NamedTempFile,
}

impl Plain {
    fn new(bytes: &[u8]) -> Self {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        Plain { file }
    }

    fn cutter(&self, part_bytes: usize, line_bytes: usize) -> Cutter {
        let file = File::open(self.file.path()).unwrap();
        let log = PlainLog::new("mail.log".into(), file, Progress::default());
        let dating = Dating::from_year(2025, None);
        Cutter::new(Arc::new(log), 0..u64::MAX, dating, part_bytes, line_bytes)
    }
}

/// Reads all parts, with how each is dated.
fn parts(cutter: &mut Cutter) -> Vec<(Vec<u8>, Dating)> {
    let mut parts = Vec::new();
    while let Some((part, dating)) = cutter.next_part() {
        let mut bytes = Vec::new();
        cutter.log().load(&part, &mut bytes);
        parts.push((bytes, dating));
    }
    parts
}

proptest! {
    #[test]
    fn parts_are_whole_lines_and_all_of_them(
        text in "(a{0,9}\n){0,30}a{0,3}", part_bytes in 1usize..40,
    ) {
        let plain = Plain::new(text.as_bytes());
        let mut cutter = plain.cutter(part_bytes, 64);
        let found = parts(&mut cutter);
        let bytes: Vec<Vec<u8>> = found.into_iter().map(|(bytes, _)| bytes).collect();
        prop_assert_eq!(bytes.concat(), text.as_bytes());
        let last = bytes.len().saturating_sub(1);
        prop_assert!(bytes.iter().take(last).all(|part| part.ends_with(b"\n")));
        prop_assert!(bytes.iter().all(|part| !part.is_empty()));
        // No part is longer than it should be, but for one long line.
        for part in &bytes {
            prop_assert!(part.len() <= part_bytes || split_lines(part).count() == 1);
        }
        prop_assert_eq!(cutter.into_passage().read_bytes, text.len() as u64);
    }

    #[test]
    fn long_lines_are_cut_and_counted(
        lengths in prop::collection::vec(0usize..60, 0..9), part_bytes in 1usize..20,
    ) {
        const LIMIT: usize = 30;
        let lines: Vec<Vec<u8>> = lengths.iter().map(|length| vec![b'a'; *length]).collect();
        let plain = Plain::new(&lines.join(&b'\n'));
        let mut cutter = plain.cutter(part_bytes, LIMIT);
        let found: Vec<usize> = parts(&mut cutter)
            .iter()
            .flat_map(|(bytes, _)| split_lines(bytes).map(<[u8]>::len).collect::<Vec<_>>())
            .collect();
        // An empty last line is none.
        let mut expected: Vec<usize> = lengths.iter().map(|length| (*length).min(LIMIT)).collect();
        expected.pop_if(|last| *last == 0);
        prop_assert_eq!(found, expected);
        let cut = cutter.into_passage().cut;
        let long = lengths.iter().filter(|length| **length > LIMIT);
        prop_assert_eq!(cut.lines, long.clone().count() as u64);
        prop_assert_eq!(cut.bytes, long.map(|length| (length - LIMIT) as u64).sum::<u64>());
    }

    /// Reading a place here and there finds the years that going through all lines does.
    #[test]
    fn parts_are_dated_as_if_all_lines_were_read(
        stretches in prop::collection::vec((0usize..5, 0usize..9, 1usize..300), 1..9),
        part_bytes in 1usize..40,
        filler in 0usize..200,
    ) {
        let filler = "x".repeat(filler);
        let mut text = String::new();
        let mut day = 0;
        for (form, days, lines) in stretches {
            day += days * 40;
            let date = chrono::NaiveDate::from_yo_opt(2025, 1).unwrap() + chrono::Days::new(day as u64);
            for at in 0..lines {
                text += &match form {
                    0 => format!("{}T00:00:00+01:00 mx1 a[1]: {at} {filler}\n", date.format("%F")),
                    1 => format!("no stamp {filler}\n"),
                    2 => format!("{{\"__REALTIME_TIMESTAMP\":\"1795221865624661\",\"MESSAGE\":\"{filler}\"}}\n"),
                    _ => format!("{} 00:00:00 mx1 a[1]: {at} {filler}\n", date.format("%b %e")),
                };
            }
        }
        let plain = Plain::new(text.as_bytes());
        let mut dating = Dating::from_year(2025, None);
        for (bytes, found) in parts(&mut plain.cutter(part_bytes << 10, 1 << 20)) {
            prop_assert_eq!(found, dating);
            dating.years.skip_lines(&bytes);
        }
    }
}

/// One line of another day makes a new year of what follows: a short part is read whole to see it.
#[test]
fn a_short_part_hides_no_day_between_its_ends() {
    let day = |day: &str| format!("{day} 12:34:00 mx1 a[1]: x\n");
    let text = [
        day("May  1").repeat(40),
        day("Nov 21"),
        day("May  1").repeat(200),
    ]
    .concat();
    let plain = Plain::new(text.as_bytes());
    let mut dating = Dating::from_year(2025, None);
    for (bytes, found) in parts(&mut plain.cutter(3000, 1 << 20)) {
        assert_eq!(found, dating);
        dating.years.skip_lines(&bytes);
    }
    assert_eq!(dating.year(), 2026);
    let mut skipped = Dating::from_year(2025, None);
    for chunk in text.as_bytes().chunks(30 * 100) {
        skipped.years.skip(chunk);
    }
    assert_eq!(skipped.years, dating.years);
}

#[test]
fn nuls_at_the_beginning_are_no_lines() {
    for nuls in [1, 100, 5000] {
        let text = [vec![0; nuls], b"one\ntwo\n".to_vec()].concat();
        let found = parts(&mut Plain::new(&text).cutter(1000, 1000));
        let bytes: Vec<Vec<u8>> = found.into_iter().map(|(bytes, _)| bytes).collect();
        assert_eq!(bytes, [b"one\ntwo\n".to_vec()]);
    }
    assert!(parts(&mut Plain::new(&[0; 5000]).cutter(1000, 1000)).is_empty());
}

#[test]
fn long_parts_are_not_cut_though_they_are_asked_for() {
    let plain = Plain::new(&b"Nov 21 00:00:00 mx1 a: 67890123\n".repeat(80_000));
    let found = parts(&mut plain.cutter(4 << 20, 16 << 20));
    let lengths: Vec<usize> = found.iter().map(|(bytes, _)| bytes.len()).collect();
    assert_eq!(lengths, [1 << 20, 1 << 20, 80_000 * 32 - (2 << 20)]);
}

#[test]
fn a_file_may_grow_until_its_last_part_is_cut() {
    let mut plain = Plain::new(&b"0123456\n".repeat(10));
    let mut cutter = plain.cutter(20, 100);
    assert!(cutter.next_part().is_some());
    plain.file.write_all(b"more of it\n").unwrap();
    let found: Vec<Vec<u8>> = parts(&mut cutter)
        .into_iter()
        .map(|(bytes, _)| bytes)
        .collect();
    assert!(found.concat().ends_with(b"0123456\nmore of it\n"));
    plain.file.write_all(b"too late\n").unwrap();
    assert!(cutter.next_part().is_none());
}

#[test]
fn a_file_may_shrink_while_it_is_read() {
    let plain = Plain::new(&b"0123456\n".repeat(10));
    let mut cutter = plain.cutter(20, 100);
    let first = cutter.next_part().unwrap().0;
    let second = cutter.next_part().unwrap().0;
    fs::OpenOptions::new()
        .write(true)
        .open(plain.file.path())
        .unwrap()
        .set_len(20)
        .unwrap();
    let mut bytes = Vec::new();
    cutter.log().load(&first, &mut bytes);
    assert_eq!(bytes, b"0123456\n0123456\n");
    cutter.log().load(&second, &mut bytes);
    assert_eq!(bytes, b"0123");
    assert!(cutter.next_part().is_none());
    assert!(cutter.log().take_failure().is_none());
}

#[test]
fn the_first_error_of_a_file_is_kept() {
    // A folder can be opened, and not read.
    let folder = tempfile::tempdir().unwrap();
    let log = PlainLog::new(
        "log".into(),
        File::open(folder.path()).unwrap(),
        Progress::default(),
    );
    let mut bytes = vec![1, 2, 3];
    for start in [8, 4, 6] {
        log.load(&(start..start + 10), &mut bytes);
        assert!(bytes.is_empty());
    }
    assert_eq!(log.take_failure().map(|(at, _)| at), Some(4));
    assert!(log.take_failure().is_none());
}

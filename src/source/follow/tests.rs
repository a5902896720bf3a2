use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::files::{self, RealFiles};
use super::simulated::{SimulatedFile, SimulatedFiles};
use super::tail::{Batch, Tail};
use super::*;
use crate::source::{Options, SourceError};

/// One thing that happens to a log, or to who follows it.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The daemon writes so many lines, and maybe the beginning of one more.
    Write { lines: u8, partial: bool },
    /// The files are renamed; with `create` an empty one takes the log's place. The daemon keeps
    /// the old one open.
    Rotate { create: bool },
    /// The daemon opens the file by its name.
    Reopen,
    /// The log is copied and emptied, while the daemon waits.
    CopyTruncate,
    /// Rotated files are packed: they are other files from then on.
    Compress,
    /// The log is emptied under the daemon, without a copy.
    Truncate,
    /// The log is removed and made anew.
    Recreate,
    /// The follower looks.
    Poll,
    /// The follower looks while things happen, each after so many of its looks at the file system.
    Race { what: Race, delays: [u8; 8] },
    /// The follower notes where it is.
    Note,
    /// The follower is killed, and another one begins where it was noted.
    Kill,
}

/// What happens while the follower looks.
#[derive(Clone, Copy, Debug)]
enum Race {
    Write,
    CopyTruncate,
    Rotate,
    Compress,
}

fn race() -> impl Strategy<Value = Race> {
    prop_oneof![
        Just(Race::Write),
        Just(Race::CopyTruncate),
        Just(Race::Rotate),
        Just(Race::Compress),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (race(), prop::array::uniform8(0u8..8)).prop_map(|(what, delays)| Step::Race { what, delays }),
        8 => (0u8..4, any::<bool>()).prop_map(|(lines, partial)| Step::Write { lines, partial }),
        3 => any::<bool>().prop_map(|create| Step::Rotate { create }),
        4 => Just(Step::Reopen),
        2 => Just(Step::CopyTruncate),
        2 => Just(Step::Compress),
        1 => Just(Step::Truncate),
        1 => Just(Step::Recreate),
        5 => Just(Step::Poll),
        2 => Just(Step::Note),
        2 => Just(Step::Kill),
    ]
}

const SIZES: (usize, usize) = (1024, 1 << 20);

/// A log, the daemon that writes it, its follower, and the model: all text in the order written.
struct World {
    files: SimulatedFiles,
    daemon: SimulatedFile,
    tail: Tail<SimulatedFiles>,
    block_bytes: usize,
    noted: (Option<Place>, Vec<u64>),
    /// What whoever follows carries from line to line, and as it was noted with the place.
    carried: u64,
    noted_carried: u64,
    counter: u32,
    is_renamed: bool,
    /// Whether the log was rotated or copied since a look found no more to read.
    is_turned: bool,
    /// What the follower has to return.
    model: String,
    /// What it returned, in the order in which each place came first, and by place.
    followed: String,
    seen: BTreeMap<Place, String>,
}

fn log() -> PathBuf {
    PathBuf::from("/var/log/mail.log")
}

fn rotated(turn: u32, suffix: &str) -> PathBuf {
    PathBuf::from(format!("/var/log/mail.log.{turn}{suffix}"))
}

impl World {
    fn new(block_bytes: usize) -> Self {
        let files = SimulatedFiles::default();
        let sizes = (block_bytes, 1 << 20);
        World {
            daemon: files.create(&log()),
            tail: Tail::open(files.clone(), &log(), Start::Beginning, sizes).unwrap(),
            files,
            block_bytes,
            noted: (None, Vec::new()),
            carried: 0,
            noted_carried: 0,
            counter: 0,
            is_renamed: false,
            is_turned: false,
            model: String::new(),
            followed: String::new(),
            seen: BTreeMap::new(),
        }
    }

    /// Lets things happen, and then all be read.
    fn after(steps: Vec<Step>, block_bytes: usize) -> Self {
        let mut world = World::new(block_bytes);
        for step in steps {
            world.run(step);
        }
        world.run(Step::Reopen);
        world.write(1, false);
        world.poll_all();
        world
    }

    /// What is carried where nothing happened but lines.
    fn undisturbed(&self) -> u64 {
        self.model.split_inclusive('\n').fold(0, carry)
    }

    fn write(&mut self, lines: u8, partial: bool) {
        let mut text = String::new();
        for at in 0..=lines {
            self.counter += 1;
            let end = if at == lines { "" } else { "\n" };
            if at < lines || partial {
                text.push_str(&format!("{:016} a line{end}", self.counter));
            }
        }
        self.daemon.append(text.as_bytes());
        self.model.push_str(&text);
    }

    /// The end of a half line cannot come any more.
    fn end_line(&mut self) {
        if self.model.ends_with(|last| last != '\n') {
            self.model.push('\n');
        }
    }

    /// Takes what came, each line by its place: one that comes again has to be the same.
    fn take(&mut self, batch: Batch) {
        assert!(batch.lines.ends_with(b"\n"));
        let mut place = batch.start;
        for line in String::from_utf8(batch.lines)
            .unwrap()
            .split_inclusive('\n')
        {
            self.carried = carry(self.carried, line);
            let before = self.seen.insert(place, line.to_owned());
            match before {
                Some(before) => assert_eq!(before, line, "{place:?}"),
                None => self.followed.push_str(line),
            }
            place.offset += line.len() as u64;
        }
    }

    fn poll(&mut self) -> bool {
        let batch = self.tail.poll().unwrap();
        let came = batch.is_some();
        self.is_turned &= came;
        batch.into_iter().for_each(|batch| self.take(batch));
        came
    }

    fn poll_all(&mut self) {
        for _ in 0..100_000 {
            if !self.poll() {
                return;
            }
        }
        panic!("the same lines come for ever");
    }

    fn note(&mut self) {
        self.noted = (self.tail.place(), self.tail.past().to_vec());
        self.noted_carried = self.carried;
    }

    fn kill(&mut self) {
        let sizes = (self.block_bytes, 1 << 20);
        self.carried = self.noted_carried;
        let (files, noted) = (self.files.clone(), self.noted.clone());
        self.tail = Tail::resume_after(files, &log(), noted, sizes).unwrap();
    }

    /// Makes room for the newest sibling. A log that is copied and emptied, and renamed too, all
    /// before its lines are read (a quarter of a second), may be read in another order: that is not
    /// asked.
    fn shift(&mut self) {
        if self.is_turned {
            self.poll_all();
        }
        self.is_turned = true;
        for turn in (1..60).rev() {
            for suffix in ["", ".gz"] {
                self.files
                    .rename(&rotated(turn, suffix), &rotated(turn + 1, suffix));
            }
        }
    }

    fn compress(&mut self) {
        // The daemon may still write into the newest.
        for turn in 1 + u32::from(self.is_renamed)..60 {
            let plain = rotated(turn, "");
            self.files.pack(&plain, &rotated(turn, ".gz"));
        }
    }

    /// What is emptied or removed before it is read is lost to any follower, so it reads before;
    /// and notes it, for after a crash nothing can be read again. That is what a half line would need.
    fn lose(&mut self, lose: impl FnOnce(&mut World)) {
        if self.model.ends_with(|last| last != '\n') {
            self.daemon.append(b"\n");
            self.model.push('\n');
        }
        self.poll_all();
        self.note();
        lose(self);
        self.poll_all();
        self.write(1, false);
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Write { lines, partial } => self.write(lines, partial),
            Step::Rotate { create } if !self.is_renamed => {
                self.shift();
                self.files.rename(&log(), &rotated(1, ""));
                self.is_renamed = true;
                if create {
                    self.files.create(&log());
                }
            }
            Step::Reopen if self.is_renamed => {
                self.daemon = self.files.create(&log());
                self.is_renamed = false;
                self.end_line();
            }
            Step::CopyTruncate if !self.is_renamed => {
                // Of a first line that is not whole there is no telling which copy it is in.
                self.end_first_line();
                self.shift();
                self.files.copy(&log(), &rotated(1, ""));
                self.daemon.empty();
                self.end_line();
            }
            Step::Compress => self.compress(),
            Step::Truncate if !self.is_renamed => self.lose(|world| world.daemon.empty()),
            Step::Recreate if !self.is_renamed => self.lose(|world| {
                world.files.remove(&log());
                world.daemon = world.files.create(&log());
            }),
            Step::Poll => drop(self.poll()),
            Step::Race { what, delays } => self.race(what, &delays),
            Step::Note => self.note(),
            Step::Kill => self.kill(),
            _ => {}
        }
    }

    fn race(&mut self, what: Race, delays: &[u8]) {
        if self.is_turned {
            self.poll_all();
        }
        self.files.delay(delays);
        match what {
            Race::Write => {}
            Race::CopyTruncate => {
                self.write(1, false);
                self.run(Step::CopyTruncate);
            }
            Race::Rotate => {
                self.write(1, false);
                self.run(Step::Rotate { create: true });
                self.write(1, true);
                self.run(Step::Reopen);
            }
            Race::Compress => self.compress(),
        }
        self.write(3, false);
        self.poll();
        self.files.catch_up();
        self.is_turned = true;
    }

    fn end_first_line(&mut self) {
        if self.model.ends_with(|last| last != '\n') && !self.daemon.has_line() {
            self.daemon.append(b"\n");
            self.model.push('\n');
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]
    #[test]
    fn returns_every_line_and_each_at_its_place(
        steps in prop::collection::vec(step(), 0..60), block_bytes in 1usize..100,
    ) {
        let world = World::after(steps, block_bytes);
        prop_assert_eq!(&world.followed, &world.model);
        prop_assert_eq!(world.carried, world.undisturbed());
    }
}

/// Each of these lost a line, or took one twice, before looks could be disturbed in their midst.
#[test]
fn races_that_were_lost_once_are_not_any_more() {
    let race = |what, delays: &[u8]| {
        let mut all = [0; 8];
        all[..delays.len()].copy_from_slice(delays);
        Step::Race { what, delays: all }
    };
    let write = Step::Write {
        lines: 1,
        partial: false,
    };
    for steps in [
        vec![write, race(Race::CopyTruncate, &[2])],
        vec![race(Race::Rotate, &[0, 1])],
        vec![Step::Truncate, race(Race::CopyTruncate, &[0, 0, 2])],
        vec![
            Step::Recreate,
            race(Race::CopyTruncate, &[2, 2, 0, 2, 0, 0, 5, 4]),
        ],
        vec![
            write,
            race(Race::Write, &[]),
            race(Race::CopyTruncate, &[2, 0, 0, 5]),
        ],
    ] {
        let world = World::after(steps.clone(), 1);
        assert_eq!(world.followed, world.model, "{steps:?}");
        assert_eq!(world.carried, world.undisturbed(), "{steps:?}");
    }
}

/// Stands for counters, windows and alerts: it depends on each line, and on their order.
fn carry(carried: u64, line: &str) -> u64 {
    line.bytes().fold(carried, |carried, byte| {
        carried.wrapping_mul(31).wrapping_add(u64::from(byte))
    })
}

/// `SCALE=10` runs ten times as many scripts.
fn cases() -> u32 {
    let scale = std::env::var("SCALE")
        .ok()
        .and_then(|scale| scale.parse().ok());
    450 * scale.unwrap_or(1)
}

fn append(path: &Path) -> File {
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .unwrap()
}

fn lines(tail: &mut Tail<impl files::Files>) -> Vec<u8> {
    let batch = tail.poll().unwrap();
    batch.map_or(Vec::new(), |batch| batch.lines)
}

#[test]
fn holds_a_half_line_until_its_end_comes() {
    let mut world = World::new(1024);
    world.daemon.append(b"half");
    assert_eq!(lines(&mut world.tail), b"");
    world.daemon.append(b" a line\nnext");
    assert_eq!(lines(&mut world.tail), b"half a line\n");
}

#[test]
fn reads_what_comes_into_the_old_file_until_the_new_one_is_begun() {
    let mut world = World::new(1024);
    world.daemon.append(b"one\n");
    world.run(Step::Rotate { create: true });
    world.daemon.append(b"two\n");
    assert_eq!(lines(&mut world.tail), b"one\ntwo\n");
    let new = world.files.create(&log());
    world.daemon.append(b"three\n");
    new.append(b"four\n");
    assert_eq!(lines(&mut world.tail), b"three\n");
    assert_eq!(lines(&mut world.tail), b"four\n");
}

#[test]
fn sees_a_truncated_file_that_outgrew_its_old_length_and_counts_the_gap() {
    let mut world = World::new(1024);
    world.daemon.append(b"Nov 21 00:00:01 old\n");
    world.poll_all();
    world.daemon.empty();
    let new = b"Nov 22 00:00:01 new and longer than before\n";
    world.daemon.append(new);
    assert_eq!(lines(&mut world.tail), new);
    assert_eq!(world.tail.gaps(), 1);
}

/// Only the copy has what was written between the last look and the truncation.
#[test]
fn reads_the_copy_of_an_emptied_file_to_its_end() {
    let mut world = World::new(1024);
    world.write(2, false);
    world.poll_all();
    world.write(2, true);
    world.run(Step::CopyTruncate);
    world.write(1, false);
    world.poll_all();
    assert_eq!(world.followed, world.model);
    assert_eq!(world.tail.gaps(), 0);
}

/// The new log was begun, so nothing comes into the old one any more, whatever became of the new one.
#[test]
fn a_new_log_that_was_emptied_was_begun() {
    let mut world = World::new(1024);
    world.daemon.append(b"the first line\nhalf");
    world.run(Step::Rotate { create: true });
    let new = world.files.create(&log());
    new.append(b"the second line\n");
    assert_eq!(lines(&mut world.tail), b"the first line\n");
    world.files.rename(&rotated(1, ""), &rotated(2, ""));
    world.files.copy(&log(), &rotated(1, ""));
    new.empty();
    assert_eq!(lines(&mut world.tail), b"half\n");
    assert_eq!(lines(&mut world.tail), b"the second line\n");
}

/// The emptied file is among the siblings by the time at which that is seen.
#[test]
fn reads_an_emptied_file_that_was_renamed_once() {
    let mut world = World::new(1);
    world.write(1, false);
    world.poll_all();
    world.run(Step::CopyTruncate);
    world.write(0, true);
    world.is_turned = false;
    world.run(Step::Rotate { create: false });
    world.poll_all();
    world.write(1, false);
    world.run(Step::Reopen);
    world.write(1, false);
    world.poll_all();
    assert_eq!(world.followed, world.model);
}

#[test]
fn a_place_whose_file_is_gone_is_a_gap() {
    let mut world = World::new(1024);
    let place = Place {
        fingerprint: 1,
        offset: 5,
    };
    world.noted = (Some(place), Vec::new());
    world.write(2, false);
    world.kill();
    world.poll_all();
    assert_eq!(world.followed, world.model);
    assert_eq!(world.tail.gaps(), 1);
}

#[test]
fn a_line_without_end_is_cut_at_the_same_place_whatever_the_blocks_are() {
    for block_bytes in [1, 3, 100] {
        let files = SimulatedFiles::default();
        files.create(&log()).append(&[b'x'; 25]);
        let mut tail = Tail::open(files, &log(), Start::Beginning, (block_bytes, 10)).unwrap();
        let mut cut = Vec::new();
        while let Some(batch) = tail.poll().unwrap() {
            cut.push((batch.start.offset, batch.lines.len()));
        }
        assert_eq!(cut, [(0, 11), (10, 11)], "{block_bytes}");
    }
}

/// The file was rotated and packed while nobody followed.
#[test]
fn goes_on_in_a_packed_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    append(&path).write_all(b"one\ntwo\n").unwrap();
    let mut tail = Tail::open(RealFiles, &path, Start::Beginning, (4, 1024)).unwrap();
    assert_eq!(lines(&mut tail), b"one\n");
    let place = tail.place();
    assert_eq!(place.unwrap().offset, 4);
    let packed = File::create(folder.path().join("mail.log.1.gz")).unwrap();
    let mut packer = GzEncoder::new(packed, Compression::fast());
    packer.write_all(b"one\ntwo\nthree\n").unwrap();
    packer.finish().unwrap();
    fs::write(&path, b"four\n").unwrap();
    let mut again = Tail::open(RealFiles, &path, Start::At(place), SIZES).unwrap();
    let batch = again.poll().unwrap().unwrap();
    assert_eq!(batch.lines, b"two\nthree\n");
    assert_eq!(Some(batch.start), place);
    assert_eq!(lines(&mut again), b"four\n");
    assert_eq!(again.gaps(), 0);
}

#[test]
fn begins_at_the_end_if_told_to_and_at_the_beginning_of_a_file_that_comes_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    let mut late = Tail::open(RealFiles, &path, Start::End, SIZES).unwrap();
    assert_eq!(lines(&mut late), b"");
    let mut daemon = append(&path);
    daemon.write_all(b"one\n").unwrap();
    let mut at_end = Tail::open(RealFiles, &path, Start::End, SIZES).unwrap();
    assert_eq!(lines(&mut late), b"one\n");
    assert_eq!(lines(&mut at_end), b"");
    daemon.write_all(b"two\n").unwrap();
    assert_eq!(lines(&mut at_end), b"two\n");
}

/// The name is a link, and the link is switched to another file.
#[test]
fn follows_a_link_to_the_file_that_it_names_now() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    append(&at("today")).write_all(b"one\n").unwrap();
    std::os::unix::fs::symlink(at("today"), at("mail.log")).unwrap();
    let mut tail = Tail::open(RealFiles, &at("mail.log"), Start::Beginning, SIZES).unwrap();
    assert_eq!(lines(&mut tail), b"one\n");
    append(&at("tomorrow")).write_all(b"three\n").unwrap();
    append(&at("today")).write_all(b"two\n").unwrap();
    fs::remove_file(at("mail.log")).unwrap();
    std::os::unix::fs::symlink(at("tomorrow"), at("mail.log")).unwrap();
    assert_eq!(lines(&mut tail), b"two\n");
    assert_eq!(lines(&mut tail), b"three\n");
}

#[test]
fn dates_lines_over_new_year_and_over_rotation() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    let now = chrono::DateTime::parse_from_rfc3339("2026-12-31T23:00:00Z")
        .unwrap()
        .to_utc();
    let options = Options {
        now,
        tz: Some(chrono_tz::UTC),
        ..Options::default()
    };
    let mut follower = Follower::open(&path, Start::Beginning, &options).unwrap();
    let mut next = |text: &[u8]| {
        append(&path).write_all(text).unwrap();
        let chunk = follower.poll().unwrap().unwrap();
        let mut lines = chunk.records();
        lines.next().unwrap().time.unwrap().to_rfc3339()
    };
    assert_eq!(
        next(b"Dec 31 23:59:59 mx1 a[1]: x\n"),
        "2026-12-31T23:59:59"
    );
    fs::rename(&path, folder.path().join("mail.log.1")).unwrap();
    assert_eq!(
        next(b"Jan  1 00:00:00 mx1 a[1]: x\n"),
        "2027-01-01T00:00:00"
    );
    assert!(follower.poll().unwrap().is_none());
}

/// The line above came with an earlier look; the parts of one line come together.
#[test]
fn follows_repeats_and_lines_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    let mut follower = Follower::open(&path, Start::Beginning, &Options::default()).unwrap();
    let mut next = |text: &str| {
        append(&path).write_all(text.as_bytes()).unwrap();
        let chunk = follower.poll().unwrap()?;
        let mut lines = chunk.records();
        let record = *lines.next()?.record()?;
        let message = String::from_utf8_lossy(record.message).into_owned();
        let repeated = record.repeated;
        assert!(lines.next().is_none());
        Some((repeated, message))
    };
    let said = |times, text: &str| Some((times, text.to_owned()));
    let notice = "Nov 21 00:45:25 mx1 last message repeated 2 times\n";
    assert_eq!(next("Nov 21 00:44:25 mx1 dovecot: x\n"), said(1, "x"));
    assert_eq!(next(notice), said(2, "x"));
    assert_eq!(next(notice), said(2, "x"));
    let cri = |tag: &str, text: &str| format!("2026-11-21T00:44:25Z stdout {tag} {text}\n");
    assert_eq!(next(&cri("P", "Nov 21 00:44:25 mx1 dovecot: y")), None);
    assert_eq!(next(&cri("P", " and")), None);
    assert_eq!(next(&cri("F", " z")), said(1, "y and z"));
    assert_eq!(next(&cri("F", notice.trim_end())), said(2, "y and z"));
}

#[test]
fn refuses_what_cannot_be_followed() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &Path| Follower::open(path, Start::Beginning, &Options::default()).map(drop);
    assert!(matches!(
        open(folder.path()).unwrap_err().error,
        SourceError::Directory(_)
    ));
    let packed = folder.path().join("mail.log.gz");
    fs::write(&packed, b"\x1F\x8B\x08").unwrap();
    assert!(matches!(
        open(&packed).unwrap_err().error,
        SourceError::Packed { .. }
    ));
}

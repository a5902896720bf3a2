use std::fs::OpenOptions;
use std::io::Write;

use proptest::prelude::*;

use super::*;

/// One thing that happens to a log.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The daemon writes so many lines, and maybe the beginning of one more.
    Write { lines: u8, partial: bool },
    /// The file is renamed; with `create` an empty one takes its place. The daemon keeps the old
    /// one open.
    Rename { create: bool },
    /// The daemon opens the file by its name.
    Reopen,
    /// The file is emptied under the daemon.
    Truncate,
    /// The follower looks.
    Poll,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u8..4, any::<bool>()).prop_map(|(lines, partial)| Step::Write { lines, partial }),
        1 => any::<bool>().prop_map(|create| Step::Rename { create }),
        2 => Just(Step::Reopen),
        1 => Just(Step::Truncate),
        3 => Just(Step::Poll),
    ]
}

/// A log, the daemon that writes it, its follower, and the model: all text in the order written.
struct World {
    folder: tempfile::TempDir,
    daemon: File,
    tail: Tail,
    counter: u32,
    rotations: u32,
    is_renamed: bool,
    /// What the follower has to return, and what it returned.
    model: Vec<u8>,
    followed: Vec<u8>,
}

fn append(path: &Path) -> File {
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .unwrap()
}

impl World {
    fn new(block_bytes: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mail.log");
        let daemon = append(&path);
        let tail = Tail::open(&path, Start::Beginning, block_bytes, 1 << 20).unwrap();
        World {
            folder,
            daemon,
            tail,
            counter: 0,
            rotations: 0,
            is_renamed: false,
            model: Vec::new(),
            followed: Vec::new(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("mail.log")
    }

    fn write(&mut self, lines: u8, partial: bool) {
        let mut text = String::new();
        for at in 0..=lines {
            self.counter += 1;
            let end = if at == lines { "" } else { "\n" };
            if at < lines || partial {
                text.push_str(&format!("{:08} a line{end}", self.counter));
            }
        }
        self.daemon.write_all(text.as_bytes()).unwrap();
        self.model.extend_from_slice(text.as_bytes());
    }

    /// The end of a half line cannot come any more.
    fn end_line(&mut self) {
        if self.model.last().is_some_and(|byte| *byte != b'\n') {
            self.model.push(b'\n');
        }
    }

    /// What is not read when a file is emptied, or renamed twice, is lost to any follower.
    fn poll_all(&mut self) {
        loop {
            let lines = self.tail.poll().unwrap();
            assert!(lines.is_empty() || lines.ends_with(b"\n"));
            self.followed.extend_from_slice(&lines);
            if lines.is_empty() {
                return;
            }
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Write { lines, partial } => self.write(lines, partial),
            Step::Rename { create } if !self.is_renamed => {
                self.poll_all();
                self.rotations += 1;
                let old = self
                    .folder
                    .path()
                    .join(format!("mail.log.{}", self.rotations));
                fs::rename(self.path(), old).unwrap();
                self.is_renamed = true;
                if create {
                    drop(append(&self.path()));
                }
            }
            Step::Reopen if self.is_renamed => {
                self.daemon = append(&self.path());
                self.is_renamed = false;
                self.end_line();
            }
            Step::Truncate if !self.is_renamed => {
                self.poll_all();
                self.daemon.set_len(0).unwrap();
                self.end_line();
            }
            Step::Poll => {
                let lines = self.tail.poll().unwrap();
                self.followed.extend_from_slice(&lines);
            }
            Step::Rename { .. } | Step::Reopen | Step::Truncate => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn returns_every_line_once_and_in_order(
        steps in prop::collection::vec(step(), 0..40), block_bytes in 1usize..64,
    ) {
        let mut world = World::new(block_bytes);
        for step in steps {
            world.run(step);
        }
        world.run(Step::Reopen);
        world.write(1, false);
        world.poll_all();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        prop_assert_eq!(text(&world.followed), text(&world.model));
    }
}

#[test]
fn holds_a_half_line_until_its_end_comes() {
    let mut world = World::new(1024);
    world.daemon.write_all(b"half").unwrap();
    assert_eq!(world.tail.poll().unwrap(), b"");
    world.daemon.write_all(b" a line\nnext").unwrap();
    assert_eq!(world.tail.poll().unwrap(), b"half a line\n");
}

#[test]
fn reads_what_comes_into_the_old_file_until_the_new_one_is_begun() {
    let mut world = World::new(1024);
    world.daemon.write_all(b"one\n").unwrap();
    world.run(Step::Rename { create: true });
    world.daemon.write_all(b"two\n").unwrap();
    assert_eq!(world.tail.poll().unwrap(), b"two\n");
    let mut new = append(&world.path());
    world.daemon.write_all(b"three\n").unwrap();
    new.write_all(b"four\n").unwrap();
    assert_eq!(world.tail.poll().unwrap(), b"three\n");
    assert_eq!(world.tail.poll().unwrap(), b"four\n");
}

#[test]
fn sees_a_truncated_file_that_outgrew_its_old_length() {
    let mut world = World::new(1024);
    world.daemon.write_all(b"Nov 21 00:00:01 old\n").unwrap();
    world.poll_all();
    world.daemon.set_len(0).unwrap();
    world
        .daemon
        .write_all(b"Nov 22 00:00:01 new and longer than before\n")
        .unwrap();
    assert_eq!(
        world.tail.poll().unwrap(),
        b"Nov 22 00:00:01 new and longer than before\n"
    );
}

#[test]
fn begins_at_the_end_if_told_to_and_at_the_beginning_of_a_file_that_comes_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    let mut late = Tail::open(&path, Start::End, 1024, 1024).unwrap();
    assert_eq!(late.poll().unwrap(), b"");
    let mut daemon = append(&path);
    daemon.write_all(b"one\n").unwrap();
    let mut at_end = Tail::open(&path, Start::End, 1024, 1024).unwrap();
    assert_eq!(late.poll().unwrap(), b"one\n");
    assert_eq!(at_end.poll().unwrap(), b"");
    daemon.write_all(b"two\n").unwrap();
    assert_eq!(at_end.poll().unwrap(), b"two\n");
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
        let chunk = follower.next_chunk(Duration::ZERO).unwrap().unwrap();
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
    assert!(follower.next_chunk(Duration::ZERO).unwrap().is_none());
}

/// The line above came with an earlier look; the parts of one line come together.
#[test]
fn follows_repeats_and_lines_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.log");
    let mut follower = Follower::open(&path, Start::Beginning, &Options::default()).unwrap();
    let mut next = |text: &str| {
        append(&path).write_all(text.as_bytes()).unwrap();
        let chunk = follower.next_chunk(Duration::ZERO).unwrap()?;
        let mut lines = chunk.records();
        let record = lines.next()?.record?;
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

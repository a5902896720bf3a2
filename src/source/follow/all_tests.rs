use std::fs::{self, OpenOptions};
use std::io::Write;

use super::*;

/// A folder with logs, and who follows them.
struct World {
    folder: tempfile::TempDir,
    asked: Vec<Input>,
}

fn append(path: &Path, text: &str) {
    let mut options = OpenOptions::new();
    let log = options.append(true).create(true).open(path);
    log.unwrap().write_all(text.as_bytes()).unwrap();
}

impl World {
    fn new(asked: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let input = |name: &&str| Input::File(folder.path().join(name));
        let asked = asked.iter().map(input).collect();
        World { folder, asked }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        append(&self.at(name), text);
    }

    fn open(&self, state: Option<FollowState>) -> Followers {
        let start = Start::Beginning;
        let begin = Begin { start, state };
        Followers::open(&self.asked, begin, &Options::default()).unwrap()
    }

    /// What is there now: lines in no order of logs, and what is said.
    fn read(&self, followers: &mut Followers) -> (Vec<String>, Vec<String>) {
        followers.scanned -= SCAN;
        let (mut lines, mut said) = (Vec::new(), Vec::new());
        loop {
            match followers.next(Duration::ZERO) {
                Came::Lines(came) => {
                    let text = String::from_utf8(came.chunk.bytes().to_vec()).unwrap();
                    lines.extend(text.lines().map(str::to_owned));
                }
                Came::Said(notice) => {
                    let folder = format!("{}/", self.folder.path().display());
                    said.push(notice.to_string().replace(&folder, ""));
                }
                Came::Nothing | Came::End => break,
            }
        }
        lines.sort();
        (lines, said)
    }

    fn lines(&self, followers: &mut Followers) -> Vec<String> {
        self.read(followers).0
    }
}

/// As a checkpoint keeps it.
fn written_and_read(state: &FollowState) -> FollowState {
    let text = serde_json::to_string(state).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_pattern_gains_files_and_leaves_rotated_and_packed_ones_out() {
    let world = World::new(&["mail*"]);
    world.write("mail.log", "one\n");
    world.write("mail.log.1", "old\n");
    world.write("other", "x\n");
    let mut followers = world.open(None);
    assert_eq!(world.lines(&mut followers), ["one"]);
    world.write("mail.err", "two\n");
    world.write("mail.log.2.gz", "\u{1f}\u{8b}\u{8}");
    assert_eq!(world.lines(&mut followers), ["two"]);
    fs::rename(world.at("mail.log"), world.at("mail.log.1")).unwrap();
    world.write("mail.log.1", "three\n");
    assert_eq!(world.lines(&mut followers), ["three"]);
    world.write("mail.log", "four\n");
    assert_eq!(world.lines(&mut followers), ["four"]);
}

#[test]
fn goes_on_in_each_log_where_it_was() {
    let world = World::new(&["a.log", "new/*.log"]);
    fs::create_dir(world.at("new")).unwrap();
    world.write("a.log", "a1\n");
    world.write("new/b.log", "b1\n");
    let mut followers = world.open(None);
    assert_eq!(world.lines(&mut followers), ["a1", "b1"]);
    let state = written_and_read(&followers.state());
    drop(followers);
    world.write("a.log", "a2\n");
    fs::rename(world.at("a.log"), world.at("a.log.1")).unwrap();
    world.write("a.log", "a3\n");
    world.write("new/b.log", "b2\n");
    // It came while nobody followed: all of it is new.
    world.write("new/c.log", "c1\n");
    let mut again = world.open(Some(state));
    assert_eq!(world.lines(&mut again), ["a2", "a3", "b2", "c1"]);
    assert_eq!(again.gaps_and_copies(), (0, 0));
}

/// What a first run finds is not read from its beginning because of a state without it.
#[test]
fn a_log_that_is_named_for_the_first_time_begins_as_logs_begin() {
    let world = World::new(&["a.log"]);
    world.write("a.log", "a1\n");
    let mut followers = world.open(None);
    world.lines(&mut followers);
    let state = followers.state();
    let mut world = world;
    world.write("b.log", "b1\n");
    world.asked = vec![Input::File(world.at("b.log"))];
    let begin = Begin {
        start: Start::End,
        state: Some(state),
    };
    let mut again = Followers::open(&world.asked, begin, &Options::default()).unwrap();
    let (lines, said) = world.read(&mut again);
    assert!(lines.is_empty(), "{lines:?}");
    assert!(said[0].contains("a.log: was followed before"), "{said:?}");
    world.write("b.log", "b2\n");
    assert_eq!(world.lines(&mut again), ["b2"]);
}

#[test]
fn copies_and_losses_are_told_once_and_remembered() {
    let world = World::new(&["a.log"]);
    world.write("a.log", "Nov 21 00:00:01 the first line\n");
    let mut followers = world.open(None);
    world.lines(&mut followers);
    fs::copy(world.at("a.log"), world.at("a.log.1")).unwrap();
    fs::write(world.at("a.log"), "").unwrap();
    let (_, said) = world.read(&mut followers);
    assert!(said[0].contains("was copied and emptied"), "{said:?}");
    world.write("a.log", "Nov 21 00:00:02 the second line\n");
    let (lines, said) = world.read(&mut followers);
    assert_eq!((lines.len(), said.len()), (1, 0));
    fs::remove_file(world.at("a.log.1")).unwrap();
    fs::write(world.at("a.log"), "").unwrap();
    let (_, said) = world.read(&mut followers);
    assert!(said[0].contains("without a copy"), "{said:?}");
    assert_eq!(followers.gaps_and_copies(), (1, 1));
    let state = written_and_read(&followers.state());
    let mut again = world.open(Some(state));
    assert_eq!(world.read(&mut again).1, Vec::<String>::new());
    assert_eq!(again.gaps_and_copies(), (1, 1));
}

/// The stamp has no year, and the notice means a line that an earlier run saw.
#[test]
fn the_year_and_the_line_above_outlive_a_restart() {
    let world = World::new(&["a.log"]);
    let options = Options {
        year: Some(2023),
        ..Options::default()
    };
    let begin = |state| Begin {
        start: Start::Beginning,
        state,
    };
    world.write("a.log", "Dec 31 23:59:58 mx1 dovecot: x\n");
    let mut followers = Followers::open(&world.asked, begin(None), &options).unwrap();
    world.lines(&mut followers);
    let state = written_and_read(&followers.state());
    world.write(
        "a.log",
        "Jan  1 00:00:02 mx1 last message repeated 2 times\n",
    );
    let default = Options::default();
    let mut again = Followers::open(&world.asked, begin(Some(state)), &default).unwrap();
    let Came::Lines(came) = again.next(Duration::ZERO) else {
        panic!("no line");
    };
    let mut lines = came.chunk.records();
    let line = lines.next().unwrap();
    let record = line.record().unwrap();
    assert_eq!((record.message, record.repeated), (&b"x"[..], 2));
    assert_eq!(line.time.unwrap().to_rfc3339(), "2024-01-01T00:00:02");
    assert_eq!(came.places.of(0, line.raw).offset, 31);
}

#[test]
fn a_log_that_may_not_be_read_is_said_once_and_read_when_it_can_be() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new(&["a.log"]);
    world.write("a.log", "one\n");
    let mode = |mode| fs::set_permissions(world.at("a.log"), fs::Permissions::from_mode(mode));
    mode(0).unwrap();
    if fs::File::open(world.at("a.log")).is_ok() {
        // tests/follow/faults.rs has it happen to another user.
        println!("skipped: this user may read everything");
        return;
    }
    let mut followers = world.open(None);
    assert_eq!(world.read(&mut followers).1.len(), 1);
    assert_eq!(world.read(&mut followers).1.len(), 0);
    mode(0o600).unwrap();
    let (lines, said) = world.read(&mut followers);
    assert_eq!(lines, ["one"]);
    assert!(said[0].contains("can be read again"), "{said:?}");
}

/// A line of a second, which tells its log.
fn stamped(second: u32, name: &str) -> String {
    format!(
        "2026-11-21T10:00:{second:02}+01:00 mx1 postfix/smtpd[7]: connect from {name}[192.0.2.1]\n"
    )
}

/// Lines with their places.
type Placed = Vec<(String, Place)>;

/// The lines as they come, each with its place and the state behind the chunk that ends with it.
fn in_turn(followers: &mut Followers) -> (Placed, Vec<(usize, FollowState)>) {
    let (mut lines, mut states) = (Placed::new(), Vec::new());
    loop {
        match followers.next(Duration::ZERO) {
            Came::Lines(came) => {
                let mut offset = 0;
                for line in came.chunk.bytes().split_inclusive(|byte| *byte == b'\n') {
                    let place = came.places.of(offset, line);
                    lines.push((String::from_utf8(line.to_vec()).unwrap(), place));
                    offset += line.len() as u64;
                }
                states.push((lines.len(), written_and_read(&followers.state())));
            }
            Came::Said(notice) => panic!("{notice}"),
            Came::Nothing | Came::End => return (lines, states),
        }
    }
}

#[test]
fn what_several_logs_have_comes_in_order_of_time_from_wherever_it_goes_on() {
    let world = World::new(&["a.log", "b.log", "c.log"]);
    let odd = "  a line without a stamp\n";
    world.write("c.log", "");
    let mut expected = String::new();
    for (second, name) in [
        (1, "b"),
        (2, "a"),
        (2, "a"),
        (2, "b"),
        (3, "a"),
        (5, "b"),
        (6, "a"),
    ] {
        let line = stamped(second, name);
        world.write(&format!("{name}.log"), &line);
        expected += &line;
        if second == 3 {
            // It goes with the line above it, and so does a line whose clock was behind.
            let late = stamped(0, "a");
            world.write("a.log", &format!("{odd}{late}"));
            expected += &format!("{odd}{late}");
        }
    }
    let mut followers = world.open(None);
    let (lines, states) = in_turn(&mut followers);
    let came: String = lines.iter().map(|(line, _)| line.as_str()).collect();
    assert_eq!(came, expected);
    assert!(states.len() > 4, "{}", states.len());
    for (taken, state) in states {
        let (rest, _) = in_turn(&mut world.open(Some(state)));
        assert_eq!(rest, lines[taken..], "behind {taken}");
    }
    // What comes later goes on, and a log that was silent is heard.
    world.write("c.log", &stamped(7, "c"));
    world.write("a.log", &stamped(8, "a"));
    let (later, _) = in_turn(&mut followers);
    let later: String = later.iter().map(|(line, _)| line.as_str()).collect();
    assert_eq!(later, stamped(7, "c") + &stamped(8, "a"));
    assert_eq!(followers.unread_bytes(), 0);
}

#[test]
fn lines_that_wait_for_other_logs_are_not_read_yet() {
    let world = World::new(&["a.log", "b.log"]);
    let (first, second) = (stamped(1, "a"), stamped(2, "b"));
    world.write("a.log", &(first.clone() + &stamped(3, "a")));
    world.write("b.log", &second);
    let mut followers = world.open(None);
    let Came::Lines(came) = followers.next(Duration::ZERO) else {
        panic!("no line");
    };
    assert_eq!(came.chunk.bytes(), first.as_bytes());
    let waiting = first.len() + second.len();
    assert_eq!(followers.unread_bytes(), waiting as u64);
}

/// A mail begins before it is queued, whichever log is named first; and a line whose clock was behind
/// waits as the line above it would.
#[test]
fn of_equal_stamps_those_come_first_that_a_mail_begins_with() {
    let world = World::new(&["a.log", "b.log"]);
    let at = "2026-11-21T10:00:02+01:00 mx1 postfix";
    let queued =
        format!("{at}/qmgr[8]: 4A1B2C3D4E: from=<a@b.example>, size=10, nrcpt=1 (queue active)\n");
    let begun = format!("{at}/smtpd[7]: 4A1B2C3D4E: client=x.example[192.0.2.1]\n");
    let behind = "2026-11-21T10:00:00+01:00 mx1 postfix/qmgr[8]: 4A1B2C3D4F: removed\n";
    world.write("a.log", &queued);
    world.write("b.log", &(begun.clone() + behind));
    let (lines, _) = in_turn(&mut world.open(None));
    let came: String = lines.iter().map(|(line, _)| line.as_str()).collect();
    assert_eq!(came, begun + &queued + behind);
}

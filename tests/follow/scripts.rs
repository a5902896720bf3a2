//! Nothing is lost and nothing counts twice: `events --follow` and `watch` through random scripts of
//! writing, rotating, packing, emptying and `kill -9`, with real files and the real program.
//!
//! `SCALE=10` runs ten times as many scripts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::log::Log;
use crate::process::{Process, dedup_alerts, sleep, watch};

/// Random numbers: the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// A log, and both programs that follow it.
struct World {
    folder: TempDir,
    log: Log,
    events: Process,
    watch: Process,
    /// Whether the log was rotated since both were known to have read all of it.
    is_turned: bool,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::new(folder.path());
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let rules = at("rules.toml");
        std::fs::write(&rules, crate::log::MARKER_RULE).unwrap();
        let (log_name, events_state, watch_state) = (at("mail.log"), at("events"), at("watch"));
        let events = ["events", "--follow", "--state", &events_state, &log_name];
        let watch = watch(&rules, &["--state", &watch_state, &log_name]);
        World {
            events: Process::start(&events, &at("events.out")),
            watch: Process::start(&watch, &at("watch.out")),
            folder,
            log,
            is_turned: false,
        }
    }

    /// Writes a line that both answer to, and waits until they do.
    fn sync(&mut self) {
        let marker = self.log.write_marker();
        self.events.wait_for(&marker);
        self.watch.wait_for(&marker);
        self.is_turned = false;
    }

    /// A log that is copied and emptied, and renamed too, all between two looks, may be read in
    /// another order: that is not asked.
    fn before_turn(&mut self) {
        self.log.end_line();
        if self.is_turned {
            self.sync();
        }
        self.is_turned = true;
    }

    /// Both note where they are: of a file that is gone nothing can be read again after a crash.
    fn note(&mut self) {
        self.log.end_line();
        self.sync();
        for process in [&mut self.events, &mut self.watch] {
            process.stop();
            process.start_again();
        }
    }

    fn step(&mut self, random: &mut Random) {
        let choice = random.below(20);
        // Shown where the test fails.
        println!("line {}: step {choice}", self.log.lines.len());
        match choice {
            0..=7 => self.log.write(1 + random.below(40)),
            8 => self.log.write_half(),
            9..=10 => {
                self.before_turn();
                self.log.rename();
                self.log.write(random.below(4));
                if random.below(2) == 0 {
                    sleep(random.below(60));
                }
                self.log.reopen();
            }
            11..=12 => {
                self.before_turn();
                self.log.copy_and_empty();
            }
            13 => self.log.pack(),
            14 => {
                self.note();
                self.log.empty();
                self.sync();
            }
            15 => {
                self.note();
                self.log.recreate();
                self.sync();
            }
            16..=17 => {
                self.events.kill();
                self.watch.kill();
                if random.below(2) == 0 {
                    self.log.write(random.below(30));
                }
                self.events.start_again();
                self.watch.start_again();
            }
            _ => sleep(random.below(120)),
        }
    }

    /// Ends both, and holds what they said against the lines written.
    fn check(mut self, seed: u64) {
        self.log.end_line();
        self.sync();
        self.events.stop();
        self.watch.stop();
        check_events(&self.events.lines(), &self.log, seed);
        let alerts = dedup_alerts(&self.watch.lines());
        let (undisturbed, engine) = undisturbed(&self.log, self.folder.path());
        assert!(alerts == undisturbed, "seed {seed}: other alerts");
        assert!(alerts.len() > 1, "seed {seed}");
        let kept = engine_of(&self.folder.path().join("watch"));
        assert!(kept == engine, "seed {seed}: another state of the rules");
    }
}

/// De-duplicated by position, the events are the lines written.
fn check_events(lines: &[Value], log: &Log, seed: u64) {
    let mut by_position: BTreeMap<&str, &Value> = BTreeMap::new();
    let mut positions: BTreeMap<u64, &str> = BTreeMap::new();
    let mut order = Vec::new();
    for line in lines {
        let position = line["position"].as_str().unwrap();
        let number = line["pid"].as_u64().unwrap();
        match by_position.insert(position, line) {
            Some(before) => assert_eq!(before, line, "seed {seed}"),
            None => order.push(number),
        }
        let before = positions.insert(number, position);
        assert!(
            before.is_none_or(|before| before == position),
            "seed {seed}: {number}"
        );
    }
    let written: Vec<u64> = (1..=log.lines.len() as u64).collect();
    assert_eq!(order, written, "seed {seed}");
}

/// What a watch says that is never disturbed, and what it knows at the end.
fn undisturbed(log: &Log, folder: &Path) -> (Vec<Value>, Value) {
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    std::fs::write(at("whole.log"), log.lines.concat()).unwrap();
    let (rules, state, whole) = (at("rules.toml"), at("whole"), at("whole.log"));
    let arguments = watch(&rules, &["--state", &state, &whole]);
    let mut process = Process::start(&arguments, &at("whole.out"));
    process.wait_for(&log.marker());
    process.stop();
    (
        dedup_alerts(&process.lines()),
        engine_of(&folder.join("whole")),
    )
}

/// What rules know, but for the places of lines: those are of other files.
fn engine_of(state: &Path) -> Value {
    let text = std::fs::read_to_string(state).unwrap();
    let (_, body) = text.split_once('\n').unwrap();
    let mut state: Value = serde_json::from_str(body).unwrap();
    let mut engine = state["carried"]["engine"].take();
    // The time goes on while nothing comes, as long as that takes.
    engine["clock_us"].take();
    without_places(&mut engine);
    engine
}

fn without_places(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("last_place");
            members.values_mut().for_each(without_places);
        }
        Value::Array(items) => items.iter_mut().for_each(without_places),
        _ => {}
    }
}

fn run(seed: u64) {
    println!("seed {seed}");
    let mut random = Random(seed);
    let mut world = World::new();
    // What is rotated away before anybody follows is not followed.
    world.sync();
    for _ in 0..12 + random.below(12) {
        world.step(&mut random);
    }
    world.check(seed);
}

/// Beyond CI's 50 only where it is asked for.
fn seeds() -> std::ops::Range<u64> {
    let scale = std::env::var("SCALE")
        .ok()
        .and_then(|scale| scale.parse::<u64>().ok());
    0..25 * scale.unwrap_or(1)
}

// Two tests run side by side where there are two processors.
#[test]
fn nothing_is_lost_through_even_scripts() {
    seeds().for_each(|seed| run(2 * seed));
}

#[test]
fn nothing_is_lost_through_odd_scripts() {
    seeds().for_each(|seed| run(2 * seed + 1));
}

#[test]
fn a_state_that_cannot_be_used_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("mail.log"), "").unwrap();
    std::fs::write(at("bad"), "mailtally state 1 watch 00\n{}").unwrap();
    std::fs::write(at("new"), "mailtally state 9 watch 00\n{}").unwrap();
    for (state, words) in [
        (at("bad"), "is damaged"),
        (at("new"), "has format 9"),
        (at("mail.log"), "no state of mailtally"),
        (at("no/where"), "cannot write"),
    ] {
        let output = assert_cmd::Command::cargo_bin("mailtally")
            .unwrap()
            .args(["watch", "--state", &state, &at("mail.log")])
            .timeout(Duration::from_secs(20))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(words), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

/// The file that mailtally writes next to its state must not be left behind.
#[test]
fn a_stop_keeps_the_last_line_and_leaves_no_other_file() {
    let mut world = World::new();
    world.log.write(5);
    world.sync();
    world.events.stop();
    let before = world.events.lines().len();
    world.events.start_again();
    world.sync();
    world.events.stop();
    assert_eq!(world.events.lines().len(), before + 1, "a line came twice");
    world.watch.stop();
    let names = std::fs::read_dir(world.folder.path()).unwrap();
    let names: BTreeSet<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        names.iter().all(|name| !name.ends_with(".new")),
        "{names:?}"
    );
}

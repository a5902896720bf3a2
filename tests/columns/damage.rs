//! What is left of an export that was killed, or that had no room.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::files_below::files_below;
use crate::skipped::skip;
use crate::small_disk::SmallDisk;
use crate::support::{export, exporter, lines, log, mailtally};

/// How often the exporter is killed before it is done.
const KILLS: u32 = 50;

#[test]
fn a_killed_export_is_made_good_by_the_next() {
    let folder = TempDir::new().unwrap();
    let log = log(folder.path(), "mail.log", lines(31, 40_000));
    let undisturbed = folder.path().join("undisturbed");
    let start = Instant::now();
    export(&undisturbed, &[&log]);
    let mut takes = start.elapsed();
    let expected = files_below(&undisturbed);
    let disturbed = folder.path().join("disturbed");
    let mut killed = 0;
    let mut unfinished = 0;
    for run in 0..4 * KILLS {
        // Some kills come before anything is written, some while parts are.
        let killed_after = takes * (killed * 37 % KILLS) / KILLS;
        match runs_for(&mut exporter(&disturbed, &[&log]), killed_after) {
            None => killed += 1,
            // This machine is faster than it was; the moments of the next kills lie closer together.
            Some(done_after) => takes = takes.min(done_after),
        }
        for (name, bytes) in files_below(&disturbed_or_empty(&disturbed)) {
            if name
                .extension()
                .is_some_and(|ending| ending == "unfinished")
            {
                unfinished += 1;
            } else {
                let is_whole = expected.get(&name).is_some_and(|whole| *whole == bytes);
                assert!(is_whole, "{} after run {run}", name.display());
            }
        }
        if killed == KILLS {
            break;
        }
    }
    assert_eq!(killed, KILLS, "the others were done before, in {takes:?}");
    assert!(unfinished > 0, "no kill came while a part was written");
    export(&disturbed, &[&log]);
    let names = |path: &Path| files_below(path).into_keys().collect::<Vec<_>>();
    assert_eq!(names(&disturbed), names(&undisturbed));
    assert_eq!(files_below(&disturbed), expected);
}

/// Runs a program and kills it after a while; how long it ran if it was done before.
fn runs_for(command: &mut Command, at_most: Duration) -> Option<Duration> {
    let start = Instant::now();
    let mut running = command.stderr(Stdio::null()).spawn().unwrap();
    while start.elapsed() < at_most {
        if running.try_wait().unwrap().is_some() {
            break;
        }
        thread::sleep(Duration::from_millis(1));
    }
    let ran_for = start.elapsed();
    let _ = running.kill();
    running.wait().unwrap().code().map(|_| ran_for)
}

fn disturbed_or_empty(path: &Path) -> std::path::PathBuf {
    fs::create_dir_all(path).unwrap();
    path.to_owned()
}

#[test]
fn a_full_disk_leaves_no_broken_part() {
    let folder = TempDir::new().unwrap();
    let log = log(folder.path(), "mail.log", lines(32, 40_000));
    let Some(disk) = SmallDisk::mount(300) else {
        return skip("this user may not mount a small disk");
    };
    let directory = disk.path().join("tables");
    let output = exporter(&directory, &[&log]).output().unwrap();
    let left = files_below(&directory);
    let rows = mailtally(
        "sql",
        &[
            "SELECT COUNT(*) FROM deliveries",
            directory.to_str().unwrap(),
        ],
    );
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(complaint.contains("No space left on device"), "{complaint}");
    for (name, bytes) in &left {
        assert!(bytes.ends_with(b"PAR1"), "{}", name.display());
    }
    println!("{} parts were whole; {:?}", left.len(), rows.status.code());
}

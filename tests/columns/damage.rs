//! What is left of an export that was killed, or that had no room.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::files_below::files_below;
use crate::skipped::skip;
use crate::small_disk::SmallDisk;
use crate::support::{export, exporter, lines, log, mailtally};

/// How often the exporter is killed.
const KILLS: u64 = 50;

#[test]
fn a_killed_export_is_made_good_by_the_next() {
    let folder = TempDir::new().unwrap();
    let log = log(folder.path(), "mail.log", lines(31, 40_000));
    let undisturbed = folder.path().join("undisturbed");
    export(&undisturbed, &[&log]);
    let expected = files_below(&undisturbed);
    let disturbed = folder.path().join("disturbed");
    let mut killed = 0;
    for kill in 0..KILLS {
        let mut command = exporter(&disturbed, &[&log]);
        let mut running = command.stderr(Stdio::null()).spawn().unwrap();
        // Some kills come before anything is written, some while parts are.
        thread::sleep(Duration::from_millis(kill * 37 % 600));
        let _ = running.kill();
        killed += u64::from(running.wait().unwrap().code().is_none());
        for (name, bytes) in files_below(&disturbed_or_empty(&disturbed)) {
            if name
                .extension()
                .is_some_and(|extension| extension == "parquet")
            {
                let is_whole = expected.get(&name).is_some_and(|whole| *whole == bytes);
                assert!(is_whole, "{} after kill {kill}", name.display());
            }
        }
    }
    assert!(
        killed > KILLS / 4,
        "{killed} of {KILLS} were killed before they were done"
    );
    export(&disturbed, &[&log]);
    let names = |path: &Path| files_below(path).into_keys().collect::<Vec<_>>();
    assert_eq!(names(&disturbed), names(&undisturbed));
    assert_eq!(files_below(&disturbed), expected);
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

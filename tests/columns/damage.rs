//! What is left of an export that was killed, or that had no room.

use std::path::Path;
use std::time::Instant;

use tempfile::TempDir;

use crate::files_below::files_below;
use crate::killed::kill_exporters;
use crate::skipped::skip;
use crate::small_disk::SmallDisk;
use crate::support::{export, exporter, lines, log, mailtally};

#[test]
fn a_killed_export_is_made_good_by_the_next() {
    let folder = TempDir::new().unwrap();
    let log = log(folder.path(), "mail.log", lines(31, 40_000));
    let [undisturbed, disturbed] =
        ["undisturbed", "disturbed"].map(|name| folder.path().join(name));
    let start = Instant::now();
    export(&undisturbed, &[&log]);
    let takes = start.elapsed();
    let killed = |out: &Path, _| exporter(out, &[&log]);
    kill_exporters(killed, takes, &undisturbed, &disturbed);
    export(&disturbed, &[&log]);
    let names = |path: &Path| files_below(path).into_keys().collect::<Vec<_>>();
    assert_eq!(names(&disturbed), names(&undisturbed));
    assert_eq!(files_below(&disturbed), files_below(&undisturbed));
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

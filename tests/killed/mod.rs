//! Exports that are killed at many moments of their work.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::files_below::files_below;

/// How often an exporter is killed before it is done.
const KILLS: u32 = 50;

/// Kills exporters at moments all over their work, in no order: some come before anything is written,
/// some while parts are. After each, every file of `disturbed` is that of `undisturbed` or is marked as
/// unfinished.
///
/// An exporter gets its folder and the number of those that were killed before it; undisturbed it
/// `takes` so long.
pub(crate) fn kill_exporters(
    exporter: impl Fn(&Path, u32) -> Command,
    mut takes: Duration,
    undisturbed: &Path,
    disturbed: &Path,
) {
    let whole = files_below(undisturbed);
    fs::create_dir_all(disturbed).unwrap();
    let mut killed = 0;
    let mut unfinished = 0;
    for run in 0..4 * KILLS {
        let moment = takes * (killed * 37 % KILLS) / KILLS;
        match runs_for(&mut exporter(disturbed, killed), moment) {
            None => killed += 1,
            // The machine is faster than it was: the moments lie closer together from now on.
            Some(done_after) => takes = takes.min(done_after),
        }
        for (name, bytes) in files_below(disturbed) {
            if name.extension().is_some_and(|end| end == "unfinished") {
                unfinished += 1;
            } else {
                let is_whole = whole.get(&name) == Some(&bytes);
                assert!(is_whole, "{} after run {run}", name.display());
            }
        }
        if killed == KILLS {
            break;
        }
    }
    assert_eq!(killed, KILLS, "the others were done before, in {takes:?}");
    assert!(unfinished > 0, "no kill came while a part was written");
}

/// Runs a program and kills it after a while; how long it ran if it was done before.
fn runs_for(command: &mut Command, at_most: Duration) -> Option<Duration> {
    let start = Instant::now();
    let mut running = command.stderr(Stdio::null()).spawn().unwrap();
    while start.elapsed() < at_most && running.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    let ran_for = start.elapsed();
    let _ = running.kill();
    running.wait().unwrap().code().map(|_| ran_for)
}

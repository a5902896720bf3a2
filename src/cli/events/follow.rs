//! `mailtally events --follow`: goes on with a file as it grows.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::job::Job;
use super::{CANNOT_WRITE, Sink};
use crate::cli::Outcome;
use crate::cli::input::InputArguments;
use crate::cli::messages::say;
use crate::cli::unparsed::UnparsedLines;
use crate::source::{Follower, Start};

/// How long a look for new lines may take; what comes earlier is written at once. An interruption
/// is heeded after that.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long to wait before a file that could not be read is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Writes the lines of one file and all that are appended to it, until it is interrupted or whoever
/// reads them leaves.
pub(super) fn run(
    arguments: &InputArguments,
    job: &Job,
    unparsed: Option<UnparsedLines>,
) -> Result<Outcome> {
    let [file] = arguments.files() else {
        bail!(
            "--follow takes one file, and {} were named",
            arguments.files().len()
        );
    };
    if file == Path::new("-") {
        bail!("--follow takes a file; standard input is followed to its end without it");
    }
    if arguments.has_rotated() {
        bail!("--follow goes on through rotations by itself; read older files without it first");
    }
    if arguments.has_range() {
        bail!("--follow has no end; --date, --since and --until are for logs as they are now");
    }
    if !file.exists() {
        say(&format!(
            "{}: there is no such file yet; waiting for it",
            file.display()
        ));
    }
    // The problem tells its own cause: as an error with a source it would be said twice.
    arguments.configure()?;
    let mut follower = Follower::open(file, Start::Beginning, &arguments.options()?)
        .map_err(anyhow::Error::msg)?;
    let mut sink = Sink::new(unparsed);
    let is_over = interruption()?;
    write_all(&mut follower, job, &mut sink, &is_over).context(CANNOT_WRITE)?;
    sink.finish()?;
    Ok(Outcome::Done)
}

/// Returns what tells that this process shall end; a second signal ends it at once.
pub(in crate::cli) fn interruption() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag not yet set.
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&flag))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&flag)))
            .context("cannot listen to signals")?;
    }
    Ok(flag)
}

/// Writes and flushes each batch of lines as it comes, until an interruption.
fn write_all(
    follower: &mut Follower,
    job: &Job,
    sink: &mut Sink,
    is_over: &AtomicBool,
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(&job.output.header())?;
    let mut buffer = Vec::new();
    let mut last_problem = String::new();
    while !is_over.load(Ordering::Relaxed) {
        match follower.next_chunk(PATIENCE) {
            Ok(Some(mut chunk)) => {
                buffer = sink.take(job.part(&mut chunk, buffer), &mut out)?;
                buffer.clear();
                sink.flush();
                out.flush()?;
            }
            Ok(None) => {}
            Err(problem) => {
                let problem = problem.to_string();
                if problem != last_problem {
                    say(&problem);
                    last_problem = problem;
                }
                thread::sleep(RETRY);
            }
        }
    }
    Ok(())
}

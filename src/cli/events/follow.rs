//! `mailtally events --follow`: goes on with a file as it grows.

use std::convert::Infallible;
use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::Selection;
use crate::cli::Outcome;
use crate::cli::input::InputArguments;
use crate::cli::messages::say;
use crate::source::{Follower, Start};

/// How long a look for new lines may take; what comes earlier is written at once.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long to wait before a file that could not be read is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Writes the lines of one file and all that are appended to it, until whoever reads them leaves.
pub(super) fn run(arguments: &InputArguments, selection: &Selection) -> Result<Outcome> {
    let [file] = arguments.files() else {
        bail!(
            "--follow takes one file, and {} were named",
            arguments.files().len()
        );
    };
    if file == Path::new("-") {
        bail!("--follow takes a file; standard input is followed to its end without it");
    }
    if !file.exists() {
        say(&format!(
            "{}: there is no such file yet; waiting for it",
            file.display()
        ));
    }
    // The problem tells its own cause: as an error with a source it would be said twice.
    let mut follower =
        Follower::open(file, Start::Beginning, &arguments.options()).map_err(anyhow::Error::msg)?;
    match write_all(&mut follower, selection) {
        Ok(never) => match never {},
        Err(error) => Err(error).context("cannot write events to standard output"),
    }
}

/// Writes and flushes each batch of lines as it comes; ends only when writing fails.
fn write_all(follower: &mut Follower, selection: &Selection) -> io::Result<Infallible> {
    let mut out = io::stdout().lock();
    let mut last_problem = String::new();
    loop {
        match follower.next_chunk(PATIENCE) {
            Ok(Some(chunk)) => {
                out.write_all(&selection.objects(&chunk).bytes)?;
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
}

//! `mailtally events --follow`: goes on with logs as they grow.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::job::Job;
use super::{CANNOT_WRITE, Sink};
use crate::cli::Outcome;
use crate::cli::following::{self, StateArguments};
use crate::cli::input::InputArguments;
use crate::cli::messages::say;
use crate::cli::unparsed::UnparsedLines;
use crate::source::{Came, Followers, Start};
use crate::state::Checkpoint;

/// How long a look for new lines may take; what comes earlier is written at once. An interruption
/// is heeded after that.
const PATIENCE: Duration = Duration::from_millis(250);

/// Whose state it is.
const OWNER: &str = "events";

/// Writes the lines of logs and all that are appended to them, until it is interrupted or whoever
/// reads them leaves.
pub(super) fn run(
    arguments: &InputArguments,
    job: &Job,
    unparsed: Option<UnparsedLines>,
    state: &StateArguments,
) -> Result<Outcome> {
    let state = state.claim(OWNER)?;
    let before = state.read::<()>()?;
    let sources = before.map(|checkpoint| checkpoint.sources);
    let mut logs = following::open(arguments, "--follow", Start::Beginning, sources)?;
    let mut sink = Sink::new(unparsed);
    let is_over = interruption()?;
    let checkpoint = |logs: &Followers| Checkpoint {
        sources: logs.state(),
        carried: (),
    };
    let mut kept = state.keep(|| checkpoint(&logs))?;
    let mut out = io::stdout().lock();
    let header = job.output.header();
    out.write_all(&header).context(CANNOT_WRITE)?;
    let mut buffer = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        match logs.next(PATIENCE) {
            Came::Lines(mut lines) => {
                let places = Some(lines.places);
                let part = job.part(&mut lines.chunk, places, buffer);
                kept.count(part.seen.lines);
                buffer = sink.take(part, &mut out).context(CANNOT_WRITE)?;
                buffer.clear();
                sink.flush();
                out.flush().context(CANNOT_WRITE)?;
            }
            Came::Said(notice) => say(&notice.to_string()),
            Came::Nothing => {}
            Came::End => break,
        }
        kept.keep(|| checkpoint(&logs));
    }
    kept.finish(|| checkpoint(&logs))?;
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

//! Watching logs as they grow: lines, time that passes, checkpoints.

use std::io::{self, Write};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use super::{CANNOT_WRITE, WatchArguments, Watcher};
use crate::cli::events::interruption;
use crate::cli::following;
use crate::cli::messages::say;
use crate::source::{Came, Start};
use crate::state::Checkpoint;
use crate::watch::{Carried, Engine, LastLine, Rules};

/// How long to wait for lines before the time moves on and an interruption is heeded.
const PATIENCE: Duration = Duration::from_millis(100);

/// Whose state it is.
const OWNER: &str = "watch";

/// Follows logs until an interruption.
pub(super) fn follow(arguments: &WatchArguments, watcher: &mut Watcher) -> Result<()> {
    let is_over = interruption()?;
    let start = if arguments.from_start {
        Start::Beginning
    } else {
        Start::End
    };
    let state = arguments.state.claim(OWNER)?;
    let before = state.read::<Carried>()?;
    let (sources, carried) = match before {
        Some(Checkpoint { sources, carried }) => (Some(sources), Some(carried)),
        None => (None, None),
    };
    let mut logs = following::open(&arguments.input, "watch", start, sources)?;
    carried
        .into_iter()
        .for_each(|carried| watcher.restore(carried));
    let mut kept = state.keep(|| Checkpoint {
        sources: logs.state(),
        carried: watcher.carried(),
    })?;
    watcher.say_warming_up();
    let mut out = io::stdout().lock();
    while !is_over.load(Ordering::Relaxed) {
        match logs.next(PATIENCE) {
            Came::Lines(lines) => {
                kept.count(watcher.take(&lines.chunk, Some(lines.places)));
            }
            Came::Said(notice) => say(&notice.to_string()),
            Came::Nothing => watcher.pass_time(),
            Came::End => break,
        }
        if !watcher.alerts.is_empty() || watcher.outlets.has_delivered() {
            kept.count(0);
        }
        // Before the checkpoint: an alert may be said twice, but never not at all.
        watcher.write(&mut out).context(CANNOT_WRITE)?;
        out.flush().context(CANNOT_WRITE)?;
        kept.keep(|| Checkpoint {
            sources: logs.state(),
            carried: watcher.carried(),
        });
        watcher.checkpoint_us = kept.written_us();
        watcher.tend_metrics(Some(&logs));
    }
    watcher.say_evicted();
    // Before the last checkpoint: what they deliver until then does not come again.
    watcher.outlets.close(arguments.state.is_asked_for());
    kept.finish(|| Checkpoint {
        sources: logs.state(),
        carried: watcher.carried(),
    })?;
    watcher.end_metrics(Some(&logs))
}

impl Watcher {
    /// Goes on where an earlier run was.
    fn restore(&mut self, carried: Carried) {
        self.outlets.restore(carried.waiting);
        let engine = std::mem::replace(&mut self.engine, Engine::new(Rules::default()));
        self.engine = engine.restore(carried.engine);
        if let Some(meter) = carried.meter {
            self.metering.restore(meter);
        }
        self.last = carried.last.map(|last| {
            let passed_us = u64::try_from(now_us().saturating_sub(last.came_us)).unwrap_or(0);
            let now = Instant::now();
            let came = now.checked_sub(Duration::from_micros(passed_us));
            (last.time(), came.unwrap_or(now))
        });
    }

    /// Returns all that is carried over from the lines so far.
    fn carried(&mut self) -> Carried {
        let came_us = |came: Instant| {
            let passed_us = i64::try_from(came.elapsed().as_micros()).unwrap_or(i64::MAX);
            now_us().saturating_sub(passed_us)
        };
        Carried {
            engine: self.engine.snapshot(),
            meter: self.metering.snapshot(),
            last: self
                .last
                .map(|(time, came)| LastLine::new(time, came_us(came))),
            waiting: self.outlets.waiting(),
        }
    }
}

fn now_us() -> i64 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH);
    let passed = passed.unwrap_or(Duration::ZERO);
    i64::try_from(passed.as_micros()).unwrap_or(i64::MAX)
}

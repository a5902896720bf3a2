//! What `events --follow` and `watch` share: which logs are followed, and the file that says how far.

use std::path::PathBuf;
use std::time::{Instant, UNIX_EPOCH};

use anyhow::{Error, Result, bail};
use clap::Args;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::input::InputArguments;
use super::messages::say;
use crate::source::{Begin, FollowState, Followers, Options, Start};
use crate::state::{Checkpoint, Keeper, KeeperNews, StateError, StateFile};

/// Followed lines are taken in so many bytes at once: some thousand lines, as many as there are
/// between two checkpoints.
const CHUNK_BYTES: usize = 1 << 20;

#[derive(Args, Default, Debug)]
pub(super) struct StateArguments {
    /// Keep in this file how far the logs were followed and what was seen, and go on there the next
    /// time; such as /var/lib/mailtally/watch.state
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

impl StateArguments {
    pub(super) fn is_asked_for(&self) -> bool {
        self.state.is_some()
    }

    /// Claims the file for a command of this process, if one is asked for.
    pub(super) fn claim(&self, owner: &'static str) -> Result<ClaimedState> {
        let file = self.state.as_ref();
        let file = file.map(|path| StateFile::claim(path, owner)).transpose();
        Ok(ClaimedState(file.map_err(said)?))
    }
}

/// The error names its cause itself.
fn said(error: StateError) -> Error {
    Error::msg(format!("--state: {error}"))
}

/// A state's file that no other process has, if one is asked for.
pub(super) struct ClaimedState(Option<StateFile>);

impl ClaimedState {
    /// Reads what an earlier run left.
    pub(super) fn read<C: DeserializeOwned>(&self) -> Result<Option<Checkpoint<C>>> {
        match &self.0 {
            Some(file) => file.read().map_err(said),
            None => Ok(None),
        }
    }

    /// Begins to keep checkpoints.
    pub(super) fn keep<C: Serialize + Send + 'static>(
        self,
        first: impl FnOnce() -> Checkpoint<C>,
    ) -> Result<Kept<C>> {
        let keeper = self.0.map(|file| Keeper::start(file, &first())).transpose();
        let keeper = keeper.map_err(said)?;
        Ok(Kept { keeper })
    }
}

/// Checkpoints, if they are asked for.
pub(super) struct Kept<C> {
    keeper: Option<Keeper<C>>,
}

impl<C: Serialize + Send + 'static> Kept<C> {
    /// Notes that lines were taken in, or that something else changed.
    pub(super) fn count(&mut self, lines: u64) {
        if let Some(keeper) = &mut self.keeper {
            keeper.count(lines);
        }
    }

    /// Keeps a checkpoint if it is time for one, and says what became of those before.
    pub(super) fn keep(&mut self, checkpoint: impl FnOnce() -> Checkpoint<C>) {
        let Some(keeper) = &mut self.keeper else {
            return;
        };
        match keeper.news() {
            Some(KeeperNews::Failed(error)) => say(&format!(
                "--state: {error}; going on, but after a restart all since the last one comes again"
            )),
            Some(KeeperNews::Recovered) => say("--state: is written again"),
            None => {}
        }
        if keeper.is_due() {
            let began = Instant::now();
            keeper.keep(checkpoint(), began);
        }
    }

    /// Returns when the last checkpoint was on disk, in microseconds since the epoch.
    pub(super) fn written_us(&self) -> Option<i64> {
        let at = self.keeper.as_ref()?.written_at()?;
        let passed = at.duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(passed.as_micros()).ok()
    }

    /// Keeps the last checkpoint.
    pub(super) fn finish(self, checkpoint: impl FnOnce() -> Checkpoint<C>) -> Result<()> {
        let Some(keeper) = self.keeper else {
            return Ok(());
        };
        keeper.finish(checkpoint()).map_err(said)
    }
}

/// Begins to follow the logs that the arguments name.
pub(super) fn open(
    arguments: &InputArguments,
    command: &str,
    start: Start,
    state: Option<FollowState>,
) -> Result<Followers> {
    if arguments.has_rotated() {
        bail!(
            "{command} goes on through rotations by itself; --rotated is for logs as they are now"
        );
    }
    if arguments.has_range() {
        bail!("{command} has no end; --date, --since and --until are for logs as they are now");
    }
    arguments.configure()?;
    let options = Options {
        chunk_bytes: CHUNK_BYTES,
        ..arguments.options()?
    };
    let begin = Begin { start, state };
    // The problem tells its own cause: as an error with a source it would be said twice.
    Followers::open(&arguments.inputs()?, begin, &options).map_err(Error::msg)
}

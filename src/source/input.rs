//! What is read, and how.

use std::ffi::{OsStr, OsString};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::calendar::SECOND_US;
use super::range::TimeRange;

/// One thing to read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// A file, packed with gzip or not.
    File(PathBuf),
    /// Standard input, `-` on the command line.
    Stdin,
    /// The journal, through `journalctl`.
    Journal {
        /// The program to run.
        program: OsString,
        /// What `journalctl --since` takes.
        since: Option<String>,
        /// What `journalctl --until` takes.
        until: Option<String>,
    },
}

impl Input {
    /// Makes an input of a command-line argument: `-` is standard input.
    pub fn from_arg(arg: &OsStr) -> Self {
        if arg == "-" {
            Input::Stdin
        } else {
            Input::File(arg.into())
        }
    }

    /// Makes the machine's journal an input.
    pub fn journal() -> Self {
        Input::Journal {
            program: "journalctl".into(),
            since: None,
            until: None,
        }
    }

    /// Asks the journal for no more than a range, and a little around it; other inputs cannot be
    /// asked.
    pub(super) fn within(&self, options: &Options) -> Self {
        match (self, options.range) {
            (Input::Journal { program, .. }, Some(range)) => {
                let (from_us, to_us) = range.instants_around(options.tz);
                let at = |us: i64| format!("@{}", us.div_euclid(SECOND_US));
                Input::Journal {
                    program: program.clone(),
                    since: from_us.map(at),
                    until: to_us.map(at),
                }
            }
            _ => self.clone(),
        }
    }

    /// Returns the name for messages and reports.
    pub fn name(&self) -> PathBuf {
        match self {
            Input::File(path) => path.clone(),
            Input::Stdin => "-".into(),
            Input::Journal { .. } => "journal".into(),
        }
    }
}

/// In which order the chunks of several inputs come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// In that of the log.
    Log,
    /// As they are ready; their positions tell that of the log.
    Ready,
}

/// How inputs are read.
#[derive(Clone, Debug)]
pub struct Options {
    /// The year in which the first line was logged, where lines do not state it.
    pub year: Option<i32>,
    /// The zone to show times in; see the module `zone` for what becomes of which stamp.
    pub tz: Option<Tz>,
    /// Only lines of this range are read.
    pub range: Option<TimeRange>,
    /// In a plain file of at least so many bytes the range is found by bisecting.
    pub bisect_bytes: u64,
    /// The time of reading: the anchor for the years of standard input.
    pub now: DateTime<Utc>,
    /// In which order chunks may come.
    pub order: Order,
    /// What only the end of a packed log tells may be guessed from its beginning, so that it is unpacked
    /// once; whoever reads it asks [`Chunks::guesses_held`](super::Chunks::guesses_held) at the end, and
    /// reads again without guessing if they did not.
    pub may_guess: bool,
    /// Lines are put in order of time whatever hosts they are of; otherwise logs of different hosts
    /// are read one after the other, for no mail goes over from one to the other.
    pub all_hosts_in_order: bool,
    /// So many threads read ahead of those that parse, at most: packed files, streams, and logs
    /// that have to be merged.
    pub threads: usize,
    /// A chunk is as large as this, but for the rest of its last line.
    pub chunk_bytes: usize,
    /// Of a longer line only this much is kept.
    pub line_bytes: usize,
    /// So much of standard input is read ahead to find out its years, where lines do not state
    /// them; a longer one is taken to begin less than a year before `now`.
    pub read_ahead_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            year: None,
            tz: None,
            range: None,
            bisect_bytes: 256 << 10,
            now: Utc::now(),
            order: Order::Log,
            may_guess: false,
            all_hosts_in_order: false,
            threads: thread::available_parallelism().map_or(1, NonZeroUsize::get),
            chunk_bytes: 4 << 20,
            line_bytes: 16 << 20,
            read_ahead_bytes: 32 << 20,
        }
    }
}

impl Options {
    /// Returns `--year` if it is one that stamps can have.
    pub(super) fn first_year(&self) -> Option<i32> {
        self.year.map(|year| year.clamp(1970, 9999))
    }

    /// Returns the time of reading in microseconds since the epoch.
    pub(super) fn now_us(&self) -> i64 {
        self.now.timestamp().saturating_mul(SECOND_US)
    }
}

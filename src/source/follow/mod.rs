//! Follows growing logs: files through rotation by renaming, copying and packing, truncation and
//! late creation; patterns that gain files; the journal and streams; and from where an earlier run left them.
//!
//! What decides is a look at the file ([`Follower::poll`]); the watch on its folder only says when to
//! look, and a look every quarter of a second makes up for whatever it misses. Lines come whole: a
//! last line without its end is held until the end comes, or until nothing more can come. What several
//! files have at one time comes in the order of its stamps.
//!
//! What this does **not** do: keep where it is beyond the process. [`Followers::state`] says it.

mod ahead;
mod all;
mod changes;
mod dated;
mod files;
mod journal;
mod log;
mod notice;
mod open_file;
mod pattern;
mod place;
mod state;
mod stream;
mod tail;

pub use self::all::{Begin, Came, Followers, LinePlaces, Lines as FollowedLines};
pub use self::log::Follower;
pub use self::notice::FollowNotice;
pub use self::place::Place;
pub(super) use self::place::{HEAD_BYTES, fingerprint};
pub use self::state::{FollowState, LogState};

/// Where following begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// With the lines that are there.
    Beginning,
    /// With what is appended from now on.
    End,
    /// Behind a place where an earlier follower was, in whatever file that is by now; without one
    /// that follower had seen no file.
    At(Option<Place>),
}

#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tests;

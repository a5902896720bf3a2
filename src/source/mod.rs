//! Bytes in: files, packed or not, standard input, the journal, followed files.
//!
//! [`read_all`] looks at all inputs, plans the order of their lines, and yields [`Chunk`]s of whole
//! lines, each with what is needed to date them; [`Lines`] goes through one. What a line's message
//! says is **not** read here, and nothing is counted.
//!
//! ```text
//! Input ── open ── survey ──> plan (years, order, copies) ──> chunks ──> Chunk ──> Lines ──> Line
//!                                                             ├ block   one source as it is
//!                                                             └ merge   several of one host
//! ```

mod ahead;
mod block;
mod calendar;
mod chunk;
mod chunks;
mod container;
mod copies;
mod dating;
mod follow;
mod group;
mod guess;
mod input;
mod journal;
mod journalctl;
mod life;
mod lines;
mod merge;
mod open;
mod packed;
mod packed_stream;
mod packed_xz;
mod packed_zstd;
mod plain;
mod plan;
mod problem;
mod progress;
mod queue;
mod range;
mod range_part;
mod range_places;
mod range_plan;
mod range_siblings;
mod read_part;
mod rotated;
mod skip;
mod spool;
mod stamped;
mod standard;
mod survey;
mod tied;
mod wall_time;
mod zone;

pub use calendar::Date;
pub use chunk::{Chunk, Position, SourceId};
pub use chunks::{Chunks, read_all};
pub use container::{Held, container_text};
pub use dating::Dating;
pub use follow::{
    Begin, Came, FollowNotice, FollowState, FollowedLines, Follower, Followers, LinePlaces,
    LogState, Place, Start,
};
pub use input::{Input, Options, Order};
pub use lines::{Line, Lines, Step};
pub use packed::Packer;
pub use problem::{Notice, Problem, SourceError};
pub use progress::Progress;
pub use queue::{QueuedMail, QueuedRecipient, read_queue};
pub use range::TimeRange;
pub use range_plan::LogSpan;
pub use rotated::siblings;
pub use spool::Spool;
pub use standard::{NothingToRead, Places};
pub use wall_time::WallTime;

#[cfg(test)]
mod range_part_tests;
#[cfg(test)]
mod range_tests;

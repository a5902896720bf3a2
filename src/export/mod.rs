//! Events out, for other programs: one line of a log becomes one object.
//!
//! What this does **not** do: choose lines, count them, or decide in which order they come.

mod jsonl;
mod line;

pub use jsonl::write_line;
pub use line::{ENVELOPE, Line};

/// The version of the exported objects' layout, written into each of them.
pub const SCHEMA: u64 = 1;

//! Checkpoints: where following is and what is carried over from the lines before, as of one line.
//!
//! A [`Checkpoint`] is read when following begins and kept by a [`Keeper`] while it goes on. After a
//! crash only what follows the last one is done again.
//!
//! ```text
//! mailtally state 1 watch 5f1c…e0      format, whose it is, SHA-256 of all that follows
//! {"sources":{…},"carried":{…}}
//! ```
//!
//! A second process that were to keep its state in the same file is told so, and does not begin.
//!
//! What is carried is **not** known here: whoever follows says it.

mod checkpoint;
mod keeper;
mod lock;

pub use checkpoint::{Checkpoint, StateError, StateFile};
pub use keeper::{Keeper, KeeperNews};

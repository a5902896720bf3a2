//! One mail's whole life: which lines of a log belong to one mail, and what became of it.
//!
//! ```text
//! terms ──Search::wants──> entries ──lives──> joins ──> what is reached from the lines found
//!            ▲                                                   │
//!            └────── keys not searched for yet ◄─────────────────┘ (a pass over the log each)
//! ```
//!
//! Whoever reads the log asks [`Search::needles`] which bytes to look for, parses only lines that
//! have one of them, and hands over those that [`Search::wants`]. When a pass names no new key, the
//! mails are whole. This room does **not** read files, unpack or print anything.

mod assemble;
mod connections;
mod entry;
mod groups;
mod lives;
mod mail;
mod recipients;
mod search;
mod term;

pub use entry::Entry;
pub use mail::{Hop, Join, Mail, Outcome, Recipient};
pub use search::{MOST_PASSES, Search, Wish};
pub use term::Term;

#[cfg(test)]
mod tests;

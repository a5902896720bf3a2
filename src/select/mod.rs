//! Which lines count: `--where` of a report, on lines and on whole mails, and the parts of
//! `--split-by`.
//!
//! ```text
//! chunks ──Sorter (in log order)──> chunks, each with its Marks ──pipeline::parts──> a Tally per part
//! ```
//!
//! A condition on a field of a line (host, client, kind, …) decides that line at once: see
//! [`Selection::passes`]. A condition on a mail (sender, recipient, their domains, status) decides a
//! *life*: its lines wait until they are known to belong to a mail that was asked for. A line without
//! a queue id that has the field itself, as a refusal has, is decided at once, and one with neither is
//! left out.
//!
//! - A mail matches by its sender, as the queue manager has it, and if one recipient does.
//! - A line that names a recipient itself counts if that recipient matches; the others count with
//!   their mail.
//! - What the log does not say of a mail meets no condition on it, `!=` and `!~` neither.
//!
//! The lines that count keep their place: whoever counts goes over all lines, and the windows of
//! [`Windows`](crate::tally::Windows) are the same with a filter as without. So that nothing has to be
//! moved behind the line that decides, a chunk waits here as a whole until all its lines are decided;
//! chunks need not be counted in order. What waits are places, not lines: 20 bytes for each line of a
//! mail that is not decided, and 8 for each line that counts of a chunk that waits. The text of chunks
//! that wait long is read again from its file, or from one for the time being. So memory grows with
//! the mails that are open at one time, not with the log.
//!
//! This module reads no clock, and counts nothing.

mod fields;
mod held;
mod mails;
mod marks;
mod names;
mod selection;
mod sorter;

pub use fields::{MAIL_FIELDS, names};
pub use marks::{Mark, Marks};
pub use names::By;
pub use selection::Selection;
pub use sorter::{CHUNK_BYTES, Sorter, Split};

//! The lines of milters, policy services and content filters.

use crate::fields::{event_struct, events};
use crate::{Companion, Reason};

event_struct! {
    /// A line of opendkim that has no kind of its own.
    pub struct OpendkimMisc<'a> {
        /// The text.
        pub text: &'a [u8],
    }
}

events! {
    /// An event logged by a companion.
    pub enum Event<'a> {
        OpendkimMisc(OpendkimMisc<'a>) = "opendkim_misc",
    }
}

/// Parses a message of a companion.
pub(crate) fn parse(companion: Companion, _message: &[u8]) -> Result<Event<'_>, Reason> {
    match companion {
        _ => Err(Reason("companion")),
    }
}

//! The lines of Dovecot.

use crate::fields::{event_struct, events};
use crate::{Class, Reason};

event_struct! {
    /// A line with a severity word whose text has no kind of its own.
    ///
    /// Shape: `[{prefix}: ]{Warning|Error|Fatal|Panic}: {text}`.
    pub struct GenericError<'a> {
        /// The process that spoke.
        pub prefix: &'a [u8],
        /// `warning`, `error`, `fatal` or `panic`.
        pub severity: &'static str,
        /// The text after the severity word.
        pub text: &'a [u8],
    }
}

events! {
    /// An event logged by Dovecot.
    pub enum Event<'a> {
        GenericError(GenericError<'a>) = "dovecot_generic_error",
    }
}

impl Event<'_> {
    /// Tells how far the line was understood.
    pub(crate) fn class(&self) -> Class {
        match self {
            Event::GenericError(_) => Class::Generic,
        }
    }
}

/// Parses a message of Dovecot.
pub(crate) fn parse(_message: &[u8]) -> Result<Event<'_>, Reason> {
    Err(Reason("dovecot"))
}

//! Lines with a severity word whose text has no kind of its own.

use super::Event;
use crate::fields::event_struct;

event_struct! {
    /// `warning: {text}` of no kind; `class` where the text fits a class of warnings.
    ///
    /// With a class the line counts as parsed, without one as generic.
    pub struct GenericWarning<'a> {
        /// The class of the warning, e.g. `file_io`.
        pub class: Option<&'static str>,
        /// The text after the severity word.
        pub text: &'a [u8],
    }
}

event_struct! {
    /// `error: {text}` of no kind.
    pub struct GenericError<'a> {
        /// The text after the severity word.
        pub text: &'a [u8],
    }
}

event_struct! {
    /// `fatal: {text}` of no kind: the process ended.
    pub struct GenericFatal<'a> {
        /// The text after the severity word.
        pub text: &'a [u8],
    }
}

event_struct! {
    /// `panic: {function}: {text}`: a bug in the logging program.
    pub struct GenericPanic<'a> {
        /// The text after the severity word.
        pub text: &'a [u8],
    }
}

event_struct! {
    /// A line of verbose logging (`-v`, `debug_peer_list`).
    pub struct Debug<'a> {
        /// The text.
        pub text: &'a [u8],
    }
}

/// Parses a line by its severity word alone.
pub(super) fn parse(message: &[u8]) -> Option<Event<'_>> {
    if let Some(text) = message.strip_prefix(b"warning: ") {
        return Some(Event::GenericWarning(GenericWarning { class: None, text }));
    }
    if let Some(text) = message.strip_prefix(b"error: ") {
        return Some(Event::GenericError(GenericError { text }));
    }
    if let Some(text) = message.strip_prefix(b"fatal: ") {
        return Some(Event::GenericFatal(GenericFatal { text }));
    }
    message
        .strip_prefix(b"panic: ")
        .map(|text| Event::GenericPanic(GenericPanic { text }))
}

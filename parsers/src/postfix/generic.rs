//! Lines with a severity word whose text has no kind of its own, and debugging.
//!
//! Here a line ends up that neither its daemon's grammar nor [`families`](super::families) knows. A
//! warning may still fit a class by its words; then it counts as understood.

mod class;

use super::mention::Text;
use super::{Event, families, notices, tls};
use crate::fields::event_struct;
use crate::scan::split_once;

event_struct! {
    /// `warning: {text}` of no kind; `class` where the text fits a class of warnings.
    ///
    /// With a class the line counts as parsed, without one as generic.
    pub struct GenericWarning<'a> {
        /// The class of the warning, e.g. `file_io`.
        pub class: Option<&'static str>,
        /// The text after the severity word.
        pub text: Text<'a>,
    }
}

event_struct! {
    /// `error: {text}` of no kind.
    pub struct GenericError<'a> {
        /// The text after the severity word.
        pub text: Text<'a>,
    }
}

event_struct! {
    /// `fatal: {text}` of no kind: the process ended.
    pub struct GenericFatal<'a> {
        /// The text after the severity word.
        pub text: Text<'a>,
    }
}

event_struct! {
    /// `panic: {function}: {text}`: a bug in the logging program.
    pub struct GenericPanic<'a> {
        /// The function that gave up.
        pub function: Option<&'a [u8]>,
        /// The text behind it.
        pub text: Text<'a>,
    }
}

event_struct! {
    /// A line of verbose logging (`-v`, `debug_peer_list`): dialogues, lookups, internal protocols.
    ///
    /// There are some eight hundred texts; they are told by their first words.
    pub struct Debug<'a> {
        /// The text.
        pub text: Text<'a>,
    }
}

/// Parses a line that any daemon can log, by its first words and its severity.
pub(super) fn parse(message: &[u8]) -> Option<Event<'_>> {
    tls::parse(message)
        .or_else(|| notices::parse(message))
        .or_else(|| by_severity(message))
}

fn by_severity(message: &[u8]) -> Option<Event<'_>> {
    if let Some(text) = message.strip_prefix(b"warning: ") {
        let generic = || {
            Event::GenericWarning(GenericWarning {
                class: class::of(text),
                text: Text(text),
            })
        };
        return Some(families::warning(text).unwrap_or_else(generic));
    }
    if let Some(text) = message.strip_prefix(b"error: ") {
        let generic = || Event::GenericError(GenericError { text: Text(text) });
        return Some(families::error(text).unwrap_or_else(generic));
    }
    if let Some(text) = message.strip_prefix(b"fatal: ") {
        let generic = || Event::GenericFatal(GenericFatal { text: Text(text) });
        return Some(families::fatal(text).unwrap_or_else(generic));
    }
    if let Some(text) = message.strip_prefix(b"panic: ") {
        let (function, text) =
            split_once(text, b": ").map_or((None, text), |(function, text)| (Some(function), text));
        return Some(Event::GenericPanic(GenericPanic {
            function,
            text: Text(text),
        }));
    }
    families::notice(message).or_else(|| debug(message))
}

fn debug(message: &[u8]) -> Option<Event<'_>> {
    let starts: &[&[u8]] = &[
        b"< ",
        b"> ",
        b">>> ",
        b"send attr ",
        b"input attribute ",
        b"flags = ",
        b"process generation: ",
        b"event: SMFIC_",
        b"reply: SMFIR_",
        b"connection established",
    ];
    let is_debug = starts.iter().any(|words| message.starts_with(words))
        || message.ends_with(b" to all milters")
        || is_of_socket(message)
        || is_of_function(message);
    is_debug.then_some(Event::Debug(Debug {
        text: Text(message),
    }))
}

/// `private/anvil socket: wanted attribute: status`; newer ones without the word `socket`.
fn is_of_socket(message: &[u8]) -> bool {
    let is_path = message.starts_with(b"private/") || message.starts_with(b"public/");
    let marks: [&[u8]; 2] = [b" socket: ", b": wanted attribute: "];
    is_path
        && marks
            .iter()
            .any(|mark| crate::scan::contains(message, mark))
}

/// `maps_find: virtual_alias_maps: bob: not found`: a C function's name has an underscore.
fn is_of_function(message: &[u8]) -> bool {
    let Some((name, _)) = split_once(message, b": ") else {
        return false;
    };
    let is_name = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_';
    memchr::memchr(b'_', name).is_some() && name.iter().all(is_name)
}

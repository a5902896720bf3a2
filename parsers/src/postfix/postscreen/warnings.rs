//! Warnings of postscreen, and its notice about a setting that only compatibility keeps.

use super::last_client;
use crate::fields::{Seconds, event_struct};
use crate::postfix::mention::Text;
use crate::postfix::{Client, Event};
use crate::scan::{before_last, contains, nameless_client, seconds, small_number, split_once};

event_struct! {
    /// postscreen uses the old words for its lists.
    ///
    /// Shape: `using backwards-compatible default setting {name}={value} for client {client}`, of
    /// `respectful_logging`. Source: Postfix `src/postscreen/postscreen.c`; since 3.6.
    pub struct Compat<'a> {
        /// The parameter.
        pub name: &'a [u8],
        /// Its value.
        pub value: &'a [u8],
        /// The client.
        pub client: Client<'a>,
    }
}

event_struct! {
    /// A warning of postscreen about a service or a table that it needs, or a fatal setting.
    ///
    /// Shape: `{warning|fatal}: {text}`, e.g. `dnsblog reply timeout 10s for {domain}`, `{function}:
    /// {table} update average delay is {n} ms`. Source: Postfix `src/postscreen/`; since 2.8.
    pub struct Warning<'a> {
        /// The text after the severity word.
        pub text: Text<'a>,
        /// The delay that the text names.
        pub delay: Option<Seconds>,
        /// The client that the text names.
        pub client: Option<Client<'a>>,
    }
}

/// Parses warnings, fatal errors and the notice.
pub(super) fn parse(message: &[u8]) -> Option<Event<'_>> {
    let fatal = message
        .strip_prefix(b"fatal: ")
        .filter(|text| is_fatal(text));
    let warning = message
        .strip_prefix(b"warning: ")
        .filter(|text| is_warning(text));
    match fatal.or(warning) {
        Some(text) => Some(Event::PscWarning(Warning {
            text: Text(text),
            delay: delay(text),
            client: client(text),
        })),
        None => compat(message),
    }
}

fn is_fatal(text: &[u8]) -> bool {
    let is_value = text.starts_with(b"bad postscreen_") && contains(text, b" value: ");
    text.starts_with(b"bad DNSBL ") || is_value
}

fn is_warning(text: &[u8]) -> bool {
    let starts: &[&[u8]] = &[
        b"dnsblog reply timeout ",
        b"getpeername: ",
        b"cannot connect to service private/",
        b"cannot pass connection to service private/",
        b"timeout sending connection to service ",
        b"write [",
        b"timeout receiving status from tlsproxy service",
        b"problem receiving status from tlsproxy service",
    ];
    starts.iter().any(|words| text.starts_with(words))
        || contains(text, b" average delay is ")
        || contains(text, b": connect to private/dnsblog service: ")
        || contains(text, b": connect to private/tlsproxy service: ")
}

fn delay(text: &[u8]) -> Option<Seconds> {
    if let Some(rest) = text.strip_prefix(b"dnsblog reply timeout ") {
        return seconds(rest).ok().map(|(_, delay)| delay);
    }
    let (_, rest) = before_last(text, b" average delay is ")?;
    let (_, millis) = small_number(rest).ok()?;
    Some(Seconds {
        micros: u64::from(millis).saturating_mul(1_000),
    })
}

fn client(text: &[u8]) -> Option<Client<'_>> {
    let rest = text.strip_prefix(b"write ")?;
    nameless_client(rest).ok().map(|(_, client)| client)
}

fn compat(message: &[u8]) -> Option<Event<'_>> {
    let rest = message.strip_prefix(b"using backwards-compatible default setting ")?;
    let (setting, client) = before_last(rest, b" for client ")?;
    let (name, value) = split_once(setting, b"=")?;
    Some(Event::PscCompat(Compat {
        name,
        value,
        client: last_client(client)?,
    }))
}

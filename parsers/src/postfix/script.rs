//! Lines of postfix-script and the postfix(1) command: start, stop, checks of the installation.

use super::mention::{Text, first_path};
use super::{Event, Parsed};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{small_number, split_once};

event_struct! {
    /// A line of the shell script behind postfix(1).
    ///
    /// Shape: `[{warning|fatal}: ]{text}`, e.g. `starting the Postfix mail system`, `not owned by
    /// root: {path}`. Source: Postfix `conf/postfix-script`; since 2.3.
    pub struct Script<'a> {
        /// The text after the severity word.
        pub text: Text<'a>,
        /// The master's process id, of `the Postfix mail system is running`.
        pub pid: Option<u32>,
        /// The file or directory that the text names.
        pub path: Option<&'a [u8]>,
    }
}

event_struct! {
    /// Postfix says at its start that it works with the defaults of an older release.
    ///
    /// Shape: `Postfix is {running|using} with backwards-compatible default settings`, `See {url} for
    /// details`, `To disable backwards compatibility use "postconf compatibility_level={value}" and
    /// "postfix reload"`. Source: Postfix `conf/postfix-script`, `src/postfix/postfix.c`; since 3.0.
    pub struct Compat<'a> {
        /// The text.
        pub text: Text<'a>,
        /// The level that would end this.
        pub value: Option<&'a [u8]>,
    }
}

/// Parses a message of postfix-script or of the postfix command.
///
/// Postfix 3.4 and later: what postlog says on its standard error, systemd logs under `postfix`.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    let message = message
        .strip_prefix(b"postfix/postlog: ")
        .unwrap_or(message);
    let text = message
        .strip_prefix(b"warning: ")
        .or_else(|| message.strip_prefix(b"fatal: "))
        .unwrap_or(message);
    if let Some(compat) = compat(text) {
        return Ok(Event::PostfixCompat(compat));
    }
    if !is_known(text) {
        return Err(Reason("postfix-script"));
    }
    let pid = text.strip_prefix(b"the Postfix mail system is running: PID: ");
    let pid = pid
        .and_then(|pid| small_number(pid).ok())
        .map(|(_, pid)| pid);
    Ok(Event::PostfixScript(Script {
        text: Text(text),
        pid,
        path: first_path(text),
    }))
}

fn compat(text: &[u8]) -> Option<Compat<'_>> {
    let level = text
        .strip_prefix(b"To disable backwards compatibility use \"postconf compatibility_level=");
    if let Some(rest) = level {
        let value = split_once(rest, b"\"").map(|(value, _)| value);
        return Some(Compat {
            text: Text(text),
            value,
        });
    }
    let known: &[&[u8]] = &[
        b"Postfix is running with backwards-compatible default settings",
        b"Postfix is using backwards-compatible default settings",
        b"See http://www.postfix.org/COMPATIBILITY_README.html for details",
        b"See https://www.postfix.org/COMPATIBILITY_README.html for details",
    ];
    known.contains(&text).then_some(Compat {
        text: Text(text),
        value: None,
    })
}

fn is_known(text: &[u8]) -> bool {
    let starts: &[&[u8]] = &[
        b"starting the Postfix mail system",
        b"stopping the Postfix mail system",
        b"refreshing the Postfix mail system",
        b"aborting the Postfix mail system",
        b"waiting for the Postfix mail system to terminate",
        b"the Postfix mail system is ",
        b"Postfix integrity check failed!",
        b"mail system startup failed",
        b"no Postfix ",
        b"cannot execute ",
        b"unknown command: '",
        b"missing 'postlog' service in master.cf",
        b"logfile '",
        b"not owned by ",
        b"group or other writable: ",
        b"damaged message: ",
        b"symlink leaves directory: ",
        b"not set-gid or not owner+group+world executable: ",
    ];
    starts.iter().any(|words| text.starts_with(words)) || is_difference(text)
}

/// `{path} and {path} differ`
fn is_difference(text: &[u8]) -> bool {
    text.strip_suffix(b" differ")
        .and_then(|text| split_once(text, b" and "))
        .is_some_and(|(path, _)| path.starts_with(b"/"))
}

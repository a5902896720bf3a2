//! What the fuzz targets share: checks on what the parser returns, and the writer of lines for the
//! round trip.
//!
//! [`written`] makes lines out of fields by the grammar that Postfix's and Dovecot's sources state.
//! It does **not** use the parser: what it expects of a line is what it wrote.

pub mod grammar;
pub mod written;

#[path = "../../parsers/tests/inside/mod.rs"]
mod inside;

pub use inside::{Inside, assert_inside};

use mailtally_parsers::{Companion, Daemon};

/// Picks a program by the message, and gives a tag under which it logs.
pub fn other_tag(message: &[u8]) -> Vec<u8> {
    let sum = message.iter().fold(message.len(), |sum, byte| {
        sum.wrapping_add(usize::from(*byte))
    });
    let others = ["postfix", "dovecot", "rsyslogd"];
    let place = sum % (Daemon::ALL.len() + Companion::ALL.len() + others.len());
    let name = match (Daemon::ALL.get(place), place.checked_sub(Daemon::ALL.len())) {
        (Some(daemon), _) => format!("postfix/{}", daemon.name()),
        (None, Some(place)) => match Companion::ALL.get(place) {
            Some(companion) => companion.name().to_owned(),
            None => others[place - Companion::ALL.len()].to_owned(),
        },
        (None, None) => unreachable!("a place behind the daemons is not before them"),
    };
    name.into_bytes()
}

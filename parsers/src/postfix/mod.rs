//! The lines of Postfix: one file per daemon, dispatch on the daemon's name.

mod generic;
pub mod smtpd;

use crate::fields::events;
use crate::{Class, Daemon, Reason};

pub use crate::scan::{Client, Peer};
pub use generic::{Debug, GenericError, GenericFatal, GenericPanic, GenericWarning};

events! {
    /// An event logged by Postfix.
    pub enum Event<'a> {
        // smtpd
        SmtpdConnect(smtpd::Connect<'a>) = "smtpd_connect",
        // any daemon
        GenericWarning(GenericWarning<'a>) = "generic_warning",
        GenericError(GenericError<'a>) = "generic_error",
        GenericFatal(GenericFatal<'a>) = "generic_fatal",
        GenericPanic(GenericPanic<'a>) = "generic_panic",
        Debug(Debug<'a>) = "debug",
    }
}

impl Event<'_> {
    /// Tells how far the line was understood.
    pub(crate) fn class(&self) -> Class {
        match self {
            Event::GenericWarning(GenericWarning { class: None, .. })
            | Event::GenericError(_)
            | Event::GenericFatal(_)
            | Event::GenericPanic(_)
            | Event::Debug(_) => Class::Generic,
            _ => Class::Parsed,
        }
    }
}

/// What a daemon's parser returns.
pub(crate) type Parsed<'a> = Result<Event<'a>, Reason>;

/// Parses a message by the grammar of the daemon that logged it.
///
/// A text that the daemon's own grammar does not know, but that starts with a severity word, is a
/// generic event: known daemon and severity, unknown text.
pub(crate) fn parse(daemon: Daemon, message: &[u8]) -> Parsed<'_> {
    let own = match daemon {
        Daemon::Smtpd => smtpd::parse(message),
        _ => Err(Reason("postfix daemon")),
    };
    own.or_else(|reason| generic::parse(message).ok_or(reason))
}

/// Parses a message whose tag was cut to `postfix`: the text's shape tells the kind.
///
/// A text that two daemons share gets the commoner one's kind, so the commoner daemons are asked
/// first; severity words come last.
pub(crate) fn parse_any(message: &[u8]) -> Parsed<'_> {
    let daemons = [smtpd::parse];
    daemons
        .iter()
        .find_map(|parse| parse(message).ok())
        .or_else(|| generic::parse(message))
        .ok_or(Reason("postfix"))
}

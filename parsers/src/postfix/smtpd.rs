//! Lines of smtpd(8): sessions, transactions, refusals, SASL.

use nom::Parser;
use nom::bytes::complete::tag;
use nom::sequence::preceded;

use super::{Client, Event, Parsed};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{Scan, client};

event_struct! {
    /// A client connected.
    ///
    /// Shape: `connect from {client}`. Source: Postfix `src/smtpd/smtpd.c`; since 2.3.
    pub struct Connect<'a> {
        /// Who connected.
        pub client: Client<'a>,
    }
}

/// Parses a message of smtpd.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    if message.starts_with(b"connect from ") {
        return match connect(message) {
            Ok((_, connect)) => Ok(Event::SmtpdConnect(connect)),
            Err(_) => Err(Reason("smtpd connect")),
        };
    }
    Err(Reason("smtpd"))
}

fn connect(input: &[u8]) -> Scan<'_, Connect<'_>> {
    preceded(tag("connect from "), client)
        .map(|client| Connect { client })
        .parse(input)
}

//! The rarer lines of smtpd without a severity word.

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::combinator::{opt, rest};
use nom::sequence::{preceded, terminated};

use super::super::{Client, Event};
use crate::fields::event_struct;
use crate::scan::{Scan, before, before_last, client, enhanced_code, number, split_once};

event_struct! {
    /// The client sent commands before it might.
    ///
    /// Shape: `improper command pipelining after {where} from {client}[: {text}]`, where the text
    /// is up to 100 bytes of the client's input in C escapes. Source: Postfix
    /// `src/smtpd/smtpd.c`; since 2.6, the text since 2.9.
    pub struct Pipelining<'a> {
        /// The last command.
        pub r#where: &'a [u8],
        /// The client of the session.
        pub client: Client<'a>,
        /// What the client sent, in C escapes.
        pub text: Option<&'a [u8]>,
    }
}

event_struct! {
    /// The session was ended for want of a trusted client certificate.
    ///
    /// Shape: `NOQUEUE: abort: TLS from {client}: {reason}`. Source: Postfix `src/smtpd/smtpd.c`;
    /// since 2.5.
    pub struct TlsRequiredAbort<'a> {
        /// The queue id; absent for `NOQUEUE`.
        pub queue_id: Option<&'a [u8]>,
        /// The client of the session.
        pub client: Client<'a>,
        /// Why.
        pub reason: &'a [u8],
    }
}

event_struct! {
    /// EHLO keywords that are not announced or not used; smtp(8) logs this too.
    ///
    /// Shape: `discarding EHLO keywords: {keywords}`. Source: Postfix `src/smtpd/smtpd.c`,
    /// `src/smtp/smtp_proto.c`; since 2.3.
    pub struct EhloDiscard<'a> {
        /// The keywords, separated by blanks.
        pub keywords: &'a [u8],
    }
}

event_struct! {
    /// A command was rewritten by `smtpd_command_filter`.
    ///
    /// Shape: `{client}: replacing [client ]command "{old}" with "{new}"`. Source: Postfix
    /// `src/smtpd/smtpd.c`; since 2.7.
    pub struct CommandFilter<'a> {
        /// The client of the session.
        pub client: Client<'a>,
        /// What the client sent, up to 100 bytes.
        pub old_command: &'a [u8],
        /// What it became.
        pub new_command: &'a [u8],
    }
}

event_struct! {
    /// A reply was rewritten by `smtpd_reject_filter_maps`.
    ///
    /// Shape: `{queue_id|NOQUEUE}: reply filter {in|out}: {reply}`. Source: Postfix
    /// `src/smtpd/smtpd_chat.c`; since 3.11.
    pub struct ReplyFilter<'a> {
        /// The queue id; absent for `NOQUEUE`.
        pub queue_id: Option<&'a [u8]>,
        /// `in` or `out`.
        pub direction: &'a [u8],
        /// The reply with its codes.
        pub reply: &'a [u8],
    }
}

event_struct! {
    /// A lookup table changed under a daemon's feet.
    ///
    /// Shape: `table {table} has changed {-- restarting|- finishing in the background}`. Source:
    /// Postfix `src/smtpd/smtpd.c` and others; since 2.3.
    pub struct TableChanged<'a> {
        /// The table, type and name.
        pub table: &'a [u8],
        /// What the daemon does.
        pub action: &'a [u8],
    }
}

event_struct! {
    /// An address of an unknown family was skipped.
    ///
    /// Shape: `skipping address family {address_family} for host {host}`. Source: Postfix
    /// `src/smtpd/smtpd_peer.c` and others; since 2.3.
    pub struct AddressFamilySkipped<'a> {
        /// The system's number of the address family.
        pub address_family: u64,
        /// The host that has such an address.
        pub host: &'a [u8],
    }
}

event_struct! {
    /// The enhanced status code of an access rule did not fit the stage.
    ///
    /// Shape: `mapping DSN status {old_dsn} into {class} status {new_dsn}`. Source: Postfix
    /// `src/smtpd/smtpd_dsn_fix.c`; since 2.3.
    pub struct DsnMap<'a> {
        /// The code of the rule.
        pub old_dsn: &'a [u8],
        /// What is being answered, e.g. `Client host`.
        pub class: &'a [u8],
        /// The code that was sent.
        pub new_dsn: &'a [u8],
    }
}

/// Parses a notice without a queue id.
pub(super) fn parse(message: &[u8]) -> Option<Event<'_>> {
    match message.first()? {
        b'i' => pipelining(message).ok().map(|(_, event)| event),
        b'm' => dsn_map(message).ok().map(|(_, event)| event),
        _ => parse_shared(message).or_else(|| command_filter(message)),
    }
}

/// Parses a notice that other daemons log too.
pub(super) fn parse_shared(message: &[u8]) -> Option<Event<'_>> {
    let event = match message.first()? {
        b'd' => ehlo_discard(message),
        b't' => table_changed(message),
        b's' => family_skipped(message),
        _ => return None,
    };
    event.ok().map(|(_, event)| event)
}

/// Parses a notice with a queue id.
pub(super) fn parse_with_queue_id<'a>(
    queue_id: Option<&'a [u8]>,
    input: &'a [u8],
) -> Option<Event<'a>> {
    if let Some(text) = input.strip_prefix(b"abort: TLS from ") {
        let (_, (client, reason)) = (terminated(client, tag(": ")), rest).parse(text).ok()?;
        return Some(Event::SmtpdTlsRequiredAbort(TlsRequiredAbort {
            queue_id,
            client,
            reason,
        }));
    }
    let (direction, reply) = split_once(input.strip_prefix(b"reply filter ")?, b": ")?;
    matches!(direction, b"in" | b"out").then_some(Event::SmtpdReplyFilter(ReplyFilter {
        queue_id,
        direction,
        reply,
    }))
}

fn pipelining(input: &[u8]) -> Scan<'_, Event<'_>> {
    let lead = tag("improper command pipelining after ");
    let (input, stage) = preceded(lead, before(" from ")).parse(input)?;
    let (input, client) = client(input)?;
    let (input, text) = opt(preceded(tag(": "), rest)).parse(input)?;
    Ok((
        input,
        Event::SmtpdPipelining(Pipelining {
            r#where: stage,
            client,
            text,
        }),
    ))
}

fn dsn_map(input: &[u8]) -> Scan<'_, Event<'_>> {
    let (input, old_dsn) = preceded(tag("mapping DSN status "), enhanced_code).parse(input)?;
    let (input, class) = preceded(tag(" into "), before(" status ")).parse(input)?;
    let (input, new_dsn) = enhanced_code(input)?;
    Ok((
        input,
        Event::SmtpdDsnMap(DsnMap {
            old_dsn,
            class,
            new_dsn,
        }),
    ))
}

fn ehlo_discard(input: &[u8]) -> Scan<'_, Event<'_>> {
    preceded(tag("discarding EHLO keywords: "), rest)
        .map(|keywords| Event::SmtpdEhloDiscard(EhloDiscard { keywords }))
        .parse(input)
}

fn table_changed(input: &[u8]) -> Scan<'_, Event<'_>> {
    let (input, table) = preceded(tag("table "), before(" has changed ")).parse(input)?;
    let (input, action) = preceded(alt((tag("-- "), tag("- "))), rest).parse(input)?;
    Ok((
        input,
        Event::SmtpdTableChanged(TableChanged { table, action }),
    ))
}

fn family_skipped(input: &[u8]) -> Scan<'_, Event<'_>> {
    let (input, address_family) = preceded(tag("skipping address family "), number).parse(input)?;
    let (input, host) = preceded(tag(" for host "), rest).parse(input)?;
    Ok((
        input,
        Event::SmtpdAddressFamilySkipped(AddressFamilySkipped {
            address_family,
            host,
        }),
    ))
}

/// Reads `{client}: replacing command "{old}" with "{new}"`; the old one is the client's text, so
/// the last `" with "` is the true one.
fn command_filter(input: &[u8]) -> Option<Event<'_>> {
    let (input, client) = client(input).ok()?;
    // A client without a name is postscreen's.
    if client.name.is_empty() {
        return None;
    }
    let (old, new) = before_last(input.strip_prefix(b": replacing ")?, b"\" with \"")?;
    let old = old.strip_prefix(b"client ").unwrap_or(old);
    Some(Event::SmtpdCommandFilter(CommandFilter {
        client,
        old_command: old.strip_prefix(b"command \"")?,
        new_command: new.strip_suffix(b"\"").unwrap_or(new),
    }))
}

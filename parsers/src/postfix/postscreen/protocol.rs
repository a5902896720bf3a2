//! What a client did wrong in its SMTP dialogue with postscreen, and what postscreen changed in it.

use super::replaced;
use crate::fields::event_struct;
use crate::postfix::{Client, Event};
use crate::scan::{nameless_client, split_once};

event_struct! {
    /// The client ended a line with a bare newline.
    ///
    /// Shape: `BARE NEWLINE from {client}[ after {text}]`. Source: Postfix
    /// `src/postscreen/postscreen_smtpd.c`; since 2.8, the text since 2.10, with C escapes.
    pub struct BareNewline<'a> {
        /// The client.
        pub client: Client<'a>,
        /// The line.
        pub text: Option<&'a [u8]>,
    }
}

event_struct! {
    /// The client sent further commands without waiting for the reply.
    ///
    /// Shape: `COMMAND PIPELINING from {client} after {command}[: {text}]`. Source: Postfix
    /// `src/postscreen/postscreen_smtpd.c`; since 2.8, the text since 2.9, with C escapes.
    pub struct Pipelining<'a> {
        /// The client.
        pub client: Client<'a>,
        /// The command that it did not wait for.
        pub command: &'a [u8],
        /// What it sent.
        pub text: Option<&'a [u8]>,
    }
}

event_struct! {
    /// The client speaks another protocol.
    ///
    /// Shape: `NON-SMTP COMMAND from {client} after {where}: {text}`; 2.8 and 2.9 without the `after`.
    /// Source: Postfix `src/postscreen/postscreen_smtpd.c`; since 2.8.
    pub struct NonSmtp<'a> {
        /// The client.
        pub client: Client<'a>,
        /// The last command, `CONNECT` or `UNIMPLEMENTED`.
        pub r#where: Option<&'a [u8]>,
        /// What it sent.
        pub text: &'a [u8],
    }
}

event_struct! {
    /// A limit on commands was reached: time, count or length.
    ///
    /// Shape: `COMMAND {TIME|COUNT|LENGTH} LIMIT from {client}[ after {where}]`. Source: Postfix
    /// `src/postscreen/postscreen_smtpd.c`; since 2.8, `after` since 2.10.
    pub struct CommandLimit<'a> {
        /// The client.
        pub client: Client<'a>,
        /// The last command.
        pub r#where: Option<&'a [u8]>,
    }
}

event_struct! {
    /// DATA or BDAT without an accepted recipient.
    ///
    /// Shape: `{command} without valid RCPT from {client}`. Source: Postfix
    /// `src/postscreen/postscreen_smtpd.c`; since 3.5 (3.4.8).
    pub struct DataWithoutRcpt<'a> {
        /// The client.
        pub client: Client<'a>,
        /// `DATA` or `BDAT`.
        pub command: &'a [u8],
    }
}

event_struct! {
    /// EHLO keywords were not announced to a client.
    ///
    /// Shape: `[{address}]{port}: discarding EHLO keywords: {keywords}`; the colon before the port is
    /// missing in Postfix. Source: Postfix `src/postscreen/postscreen_smtpd.c`; since 2.8.
    pub struct EhloDiscard<'a> {
        /// The client.
        pub client: Client<'a>,
        /// The keywords, parted by blanks.
        pub keywords: &'a [u8],
    }
}

event_struct! {
    /// `postscreen_command_filter` replaced a client's command.
    ///
    /// Shape: `{client}: replacing command "{old_command}" with "{new_command}"`. Source: Postfix
    /// `src/postscreen/postscreen_smtpd.c`; since 2.8.
    pub struct CommandFilter<'a> {
        /// The client.
        pub client: Client<'a>,
        /// What the client sent; may hold quotes.
        pub old_command: &'a [u8],
        /// What the filter made of it.
        pub new_command: &'a [u8],
    }
}

/// Parses the lines about a client's SMTP dialogue.
pub(super) fn parse(message: &[u8]) -> Option<Event<'_>> {
    if message.starts_with(b"[") {
        return about_client(message);
    }
    let (what, rest) = split_once(message, b" from ")?;
    let (rest, client) = nameless_client(rest).ok()?;
    let after = rest.strip_prefix(b" after ");
    let limit = CommandLimit {
        client,
        r#where: after,
    };
    Some(match what {
        b"BARE NEWLINE" => Event::PscBareNewline(BareNewline {
            client,
            text: after,
        }),
        b"COMMAND PIPELINING" => pipelining(client, after?),
        b"NON-SMTP COMMAND" => Event::PscNonSmtp(non_smtp(client, rest)),
        b"COMMAND TIME LIMIT" => Event::PscCmdTimeLimit(limit),
        b"COMMAND COUNT LIMIT" => Event::PscCmdCountLimit(limit),
        b"COMMAND LENGTH LIMIT" => Event::PscCmdLengthLimit(limit),
        b"DATA without valid RCPT" | b"BDAT without valid RCPT" => {
            let (command, _) = split_once(what, b" ")?;
            Event::PscDataWithoutRcpt(DataWithoutRcpt { client, command })
        }
        _ => return None,
    })
}

fn pipelining<'a>(client: Client<'a>, after: &'a [u8]) -> Event<'a> {
    let (command, text) =
        split_once(after, b": ").map_or((after, None), |(command, text)| (command, Some(text)));
    Event::PscPipelining(Pipelining {
        client,
        command,
        text,
    })
}

fn non_smtp<'a>(client: Client<'a>, rest: &'a [u8]) -> NonSmtp<'a> {
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let after = rest
        .strip_prefix(b"after ")
        .and_then(|rest| split_once(rest, b": "));
    match after {
        Some((place, text)) if is_command(place) => NonSmtp {
            client,
            r#where: Some(place),
            text,
        },
        _ => NonSmtp {
            client,
            r#where: None,
            text: rest,
        },
    }
}

/// Up to 2.9 the client's own words stand here, and may begin with `after`.
fn is_command(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(|byte| byte.is_ascii_uppercase())
}

fn about_client(message: &[u8]) -> Option<Event<'_>> {
    let (rest, client) = nameless_client(message).ok()?;
    if let Some((old_command, new_command)) = rest
        .strip_prefix(b": replacing command ")
        .and_then(replaced)
    {
        return Some(Event::PscCommandFilter(CommandFilter {
            client,
            old_command,
            new_command,
        }));
    }
    let (port, keywords) = split_once(rest, b": discarding EHLO keywords: ")?;
    let port = Some(port).filter(|port| !port.is_empty()).or(client.port);
    let client = Client { port, ..client };
    Some(Event::PscEhloDiscard(EhloDiscard { client, keywords }))
}

//! Lines of the delivery agents local(8), virtual(8) and pipe(8), of error(8) and discard(8).

use super::mention::Text;
use super::{Event, Parsed, delivery};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{queue_id, split_once};

event_struct! {
    /// A warning of local about an alias, a file or a mailbox.
    ///
    /// Shape: `warning: [{queue_id}: ]{text}`, e.g. `alias database loop for {name}`, `required alias
    /// not found: {name}`. Source: Postfix `src/local/`, `src/global/maildir.c`; since 2.3.
    pub struct LocalWarning<'a> {
        /// The queue id, where the text begins with one.
        pub queue_id: Option<&'a [u8]>,
        /// The alias, recipient, file or mailbox that it is about.
        pub name: Option<&'a [u8]>,
        /// The text after the severity word.
        pub text: Text<'a>,
    }
}

event_struct! {
    /// A warning of virtual about a recipient's settings or mailbox.
    ///
    /// Shape: `warning: {text}`, e.g. `recipient {recipient}: not found in {map}`. Source: Postfix
    /// `src/virtual/`; since 2.3.
    pub struct VirtualWarning<'a> {
        /// The recipient that it is about.
        pub recipient: Option<&'a [u8]>,
        /// The text after the severity word.
        pub text: Text<'a>,
    }
}

event_struct! {
    /// A warning of pipe about a recipient or its own settings; settings are fatal.
    ///
    /// Shape: `{warning|fatal}: {text}`. Source: Postfix `src/pipe/pipe.c`; since 2.3.
    pub struct PipeWarning<'a> {
        /// The text after the severity word.
        pub text: Text<'a>,
    }
}

/// Parses a message of local.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    agent(message)
        .or_else(|| local_warning(message))
        .ok_or(Reason("local"))
}

/// Parses a message of virtual.
pub(super) fn parse_virtual(message: &[u8]) -> Parsed<'_> {
    agent(message)
        .or_else(|| virtual_warning(message))
        .ok_or(Reason("virtual"))
}

/// Parses a message of pipe.
pub(super) fn parse_pipe(message: &[u8]) -> Parsed<'_> {
    agent(message)
        .or_else(|| pipe_warning(message))
        .ok_or(Reason("pipe"))
}

/// Parses a message of error or discard.
pub(super) fn parse_error(message: &[u8]) -> Parsed<'_> {
    agent(message).ok_or(Reason("error or discard"))
}

fn agent(message: &[u8]) -> Option<Event<'_>> {
    delivery::parse(message)
        .ok()
        .or_else(|| delivery::parse_other(message))
}

fn local_warning(message: &[u8]) -> Option<Event<'_>> {
    let text = message.strip_prefix(b"warning: ")?;
    if let Ok((rest, queue_id)) = queue_id(text) {
        let name = rest.strip_prefix(b"address with illegal extension: ")?;
        return Some(Event::LocalWarning(LocalWarning {
            queue_id: Some(queue_id),
            name: Some(name),
            text: Text(text),
        }));
    }
    let name = local_name(text).or_else(|| about_mailbox(text).then_some(None))?;
    Some(Event::LocalWarning(LocalWarning {
        queue_id: None,
        name,
        text: Text(text),
    }))
}

/// Reads the texts that name something: what they name, if the line was not cut before it.
fn local_name(text: &[u8]) -> Option<Option<&[u8]>> {
    let ends: &[&[u8]] = &[
        b"required alias not found: ",
        b"alias database loop for ",
        b"no recipient in alias lookup result for ",
    ];
    if let Some(name) = ends.iter().find_map(|words| text.strip_prefix(*words)) {
        return Some(Some(name));
    }
    let before_reason: &[&[u8]] = &[
        b"unable to lookup :include: file ",
        b"cannot open file ",
        b"cannot find alias database owner for ",
    ];
    if let Some(rest) = before_reason
        .iter()
        .find_map(|words| text.strip_prefix(*words))
    {
        return Some(split_once(rest, b": ").map(|(name, _)| name));
    }
    let (path, what) = split_once(text.strip_prefix(b"file ")?, b" ")?;
    let whats: &[&[u8]] = &[
        b"is not a regular file",
        b"has bad owner uid ",
        b"is world writable",
    ];
    whats
        .iter()
        .any(|words| what.starts_with(words))
        .then_some(Some(path))
}

/// Tells the texts that local and virtual share.
fn about_mailbox(text: &[u8]) -> bool {
    let starts: &[&[u8]] = &[
        b"maildir access problem for UID/GID=",
        b"perhaps you need to create the maildirs in advance",
        b"specify \"strict_mailbox_ownership = no\" ",
    ];
    starts.iter().any(|words| text.starts_with(words))
}

fn virtual_warning(message: &[u8]) -> Option<Event<'_>> {
    let text = message.strip_prefix(b"warning: ")?;
    let recipient = virtual_recipient(text);
    (recipient.is_some() || about_mailbox(text)).then_some(Event::VirtualWarning(VirtualWarning {
        recipient,
        text: Text(text),
    }))
}

fn virtual_recipient(text: &[u8]) -> Option<&[u8]> {
    let (recipient, what) = split_once(text.strip_prefix(b"recipient ")?, b": ")?;
    let whats: &[&[u8]] = &[
        b"not found in ",
        b"bad uid ",
        b"bad gid ",
        b"uid ",
        b"destination ",
    ];
    whats
        .iter()
        .any(|words| what.starts_with(words))
        .then_some(recipient)
}

fn pipe_warning(message: &[u8]) -> Option<Event<'_>> {
    let is_known =
        |text: &&[u8], starts: &[&[u8]]| starts.iter().any(|words| text.starts_with(words));
    let warning = message
        .strip_prefix(b"warning: ")
        .filter(|text| is_known(text, &[b"no @ in recipient address: ", b"pipe flag `"]));
    let fatal = message.strip_prefix(b"fatal: ").filter(|text| {
        is_known(
            text,
            &[
                b"unknown username: ",
                b"unknown attribute name: ",
                b"missing argv= ",
            ],
        )
    });
    warning
        .or(fatal)
        .map(|text| Event::PipeWarning(PipeWarning { text: Text(text) }))
}

//! The steps of a mail through amavisd-new, as it logs them at level 1: received, checked,
//! quarantined, handed back to Postfix.

use super::amavis::{Client, addresses};
use crate::fields::event_struct;
use crate::scan::{before_last, split_number, split_once, to_number, without_angles};

event_struct! {
    /// Amavis handed a mail back to Postfix, or a notice of its own; log level 1.
    ///
    /// Shape: `({am_id}) [({level})]{mail_id}[({parent})] {FWD|SEND} from <{sender}> ->
    /// <{recipient}>[,<..>], [BODY={body} ][ENVID={id} ]{reply}`. The reply quotes the queue id.
    pub struct Forwarded<'a> {
        /// The id of the task.
        pub am_id: &'a [u8],
        /// `!` where it failed.
        pub level: Option<&'a [u8]>,
        /// Amavis's own id of the mail.
        pub mail_id: &'a [u8],
        /// The mail that a notice is about.
        pub parent_mail_id: Option<&'a [u8]>,
        /// `FWD` for the mail itself, `SEND` for a notice.
        pub action: &'a [u8],
        /// The envelope sender.
        pub sender: &'a [u8],
        /// The recipients, as logged.
        pub recipients: &'a [u8],
        /// The `BODY` parameter.
        pub body: Option<&'a [u8]>,
        /// The `ENVID` parameter.
        pub envid: Option<&'a [u8]>,
        /// The reply code.
        pub code: Option<u64>,
        /// The reply, as logged.
        pub reply: &'a [u8],
        /// The queue id after the filter.
        pub queued_as: Option<&'a [u8]>,
    }
}

event_struct! {
    /// Amavis took a mail from Postfix; log level 1.
    ///
    /// Shape: `({am_id}) {ESMTP|LMTP|SMTP} [[{address}]]:{port} {path}: <{sender}> ->
    /// <{recipient}>[,<..>][ SIZE={bytes}][ BODY={body}][ ..] Received: {header}`.
    pub struct Received<'a> {
        /// The id of the task.
        pub am_id: &'a [u8],
        /// The protocol.
        pub protocol: &'a [u8],
        /// The port.
        pub port: Option<u64>,
        /// The working directory.
        pub path: &'a [u8],
        /// The envelope sender.
        pub sender: &'a [u8],
        /// The recipients, as logged.
        pub recipients: &'a [u8],
        /// The announced size.
        pub size_bytes: Option<u64>,
        /// All parameters, as logged.
        pub parameters: Option<&'a [u8]>,
        /// The `Received:` header that amavis writes.
        pub header: Option<&'a [u8]>,
    }
}

event_struct! {
    /// Amavis looks at a mail; log level 1.
    ///
    /// Shape: `({am_id}) Checking: {mail_id} [{policy bank} ][[{client}] ]<{sender}> ->
    /// <{recipient}>[,<..>]`.
    pub struct Checking<'a> {
        /// The id of the task.
        pub am_id: &'a [u8],
        /// Amavis's own id of the mail.
        pub mail_id: &'a [u8],
        /// The policy banks in force.
        pub policy_bank: Option<&'a [u8]>,
        /// The client's address.
        pub client_address: Option<&'a [u8]>,
        /// The envelope sender.
        pub sender: &'a [u8],
        /// The recipients, as logged.
        pub recipients: &'a [u8],
    }
}

event_struct! {
    /// A mail was put into the quarantine; log level 1.
    ///
    /// Shape: `({am_id}) local delivery: <{sender}> -> {recipient}, mbx={path}`.
    pub struct Quarantined<'a> {
        /// The id of the task.
        pub am_id: &'a [u8],
        /// The envelope sender.
        pub sender: &'a [u8],
        /// The quarantine.
        pub recipient: &'a [u8],
        /// The file.
        pub path: &'a [u8],
    }
}

event_struct! {
    /// Which part of a mail is banned; log level 1.
    ///
    /// Shape: `({am_id}) p.path BANNED:{n} {recipient}: "{part}", matching_key="{key}"`.
    pub struct Banned<'a> {
        /// The id of the task.
        pub am_id: &'a [u8],
        /// The recipient whose rules ban it.
        pub recipient: &'a [u8],
        /// The path to the part.
        pub part: &'a [u8],
        /// The rule.
        pub matching_key: Option<&'a [u8]>,
    }
}

pub(super) fn checking<'a>(am_id: &'a [u8], rest: &'a [u8]) -> Option<Checking<'a>> {
    let (mail_id, rest) = split_once(rest, b" ")?;
    let (client, envelope) = rest.split_at_checked(memchr::memchr(b'<', rest)?)?;
    let client = Client::parse(client);
    let (sender, recipients, _) = addresses(envelope)?;
    Some(Checking {
        am_id,
        mail_id,
        policy_bank: client.policy_bank,
        client_address: client.address,
        sender,
        recipients,
    })
}

pub(super) fn quarantined<'a>(am_id: &'a [u8], rest: &'a [u8]) -> Option<Quarantined<'a>> {
    let (sender, rest) = split_once(rest, b"> -> ")?;
    let (recipient, path) = split_once(rest, b", mbx=")?;
    Some(Quarantined {
        am_id,
        sender,
        recipient: without_angles(recipient),
        path,
    })
}

pub(super) fn banned<'a>(am_id: &'a [u8], rest: &'a [u8]) -> Option<Banned<'a>> {
    let (_, rest) = split_once(rest, b" ")?;
    let (recipient, rest) = split_once(rest, b": \"")?;
    let (part, matching_key) = match before_last(rest, b"\", matching_key=\"") {
        Some((part, key)) => (part, Some(key.strip_suffix(b"\"").unwrap_or(key))),
        None => (rest.strip_suffix(b"\"").unwrap_or(rest), None),
    };
    Some(Banned {
        am_id,
        recipient: without_angles(recipient),
        part,
        matching_key,
    })
}

pub(super) fn received<'a>(am_id: &'a [u8], text: &'a [u8]) -> Option<Received<'a>> {
    let (protocol, rest) = split_once(text, b" ")?;
    if !matches!(protocol, b"ESMTP" | b"LMTP" | b"SMTP" | b"AM.PDP") {
        return None;
    }
    let (server, rest) = split_once(rest, b" ")?;
    let (path, rest) = split_once(rest, b": <")?;
    let (sender, rest) = split_once(rest, b"> -> ")?;
    let (recipients, parameters) = split_once(rest, b" ").unwrap_or((rest, b""));
    let (parameters, header) = match split_once(parameters, b"Received: ") {
        Some((parameters, header)) => (parameters.trim_ascii(), Some(header)),
        None => (parameters, None),
    };
    let size = split_once(parameters, b"SIZE=").and_then(|(_, size)| split_number(size));
    Some(Received {
        am_id,
        protocol,
        port: before_last(server, b":").and_then(|(_, port)| to_number(port)),
        path,
        sender,
        recipients,
        size_bytes: size.map(|(size, _)| size),
        parameters: Some(parameters).filter(|parameters| !parameters.is_empty()),
        header,
    })
}

pub(super) fn forwarded<'a>(
    am_id: &'a [u8],
    level: Option<&'a [u8]>,
    text: &'a [u8],
) -> Option<Forwarded<'a>> {
    let (ids, rest) = split_once(text, b" ")?;
    let (action, rest) = split_once(rest, b" from ")?;
    if !matches!(action, b"FWD" | b"SEND") {
        return None;
    }
    let (mail_id, parent) = match split_once(ids, b"(") {
        Some((id, parent)) => (id, parent.strip_suffix(b")")),
        None => (ids, None),
    };
    let (sender, recipients, reply) = addresses(rest)?;
    let mut found = Forwarded {
        am_id,
        level,
        mail_id,
        parent_mail_id: parent,
        action,
        sender,
        recipients,
        body: None,
        envid: None,
        code: None,
        reply: reply.trim_ascii(),
        queued_as: super::queued_as(reply),
    };
    found.take_parameters();
    found.code = split_number(found.reply).map(|(code, _)| code);
    Some(found)
}

impl Forwarded<'_> {
    /// Takes `BODY=..` and `ENVID=..` off the front of the reply, in either order.
    fn take_parameters(&mut self) {
        while let Some((word, rest)) = split_once(self.reply, b" ") {
            if let Some(body) = word.strip_prefix(b"BODY=") {
                self.body = Some(body);
            } else if let Some(envid) = word.strip_prefix(b"ENVID=") {
                self.envid = Some(envid);
            } else {
                return;
            }
            self.reply = rest;
        }
    }
}

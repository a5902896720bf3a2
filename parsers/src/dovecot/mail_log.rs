//! The mail_log plugin: what users and deliveries did to messages and mailboxes.

use super::Event;
use super::prefix::{Line, MailProcess};
use crate::fields::{Field, Visitor, event_struct};
use crate::scan::{find_iter, split_once, to_number, without_angles};

event_struct! {
    /// Something was done to a message.
    ///
    /// Shape: `{prefix}: {event}[ from {mailbox}]: [box={mailbox}, ][uid={uid}, ][msgid={id},
    /// ][size={bytes}, ][vsize={bytes}, ][from={sender}, ][subject={subject}, ][flags=({flags})]`;
    /// 2.4 has `Mailbox {mailbox}: {event}: ` instead of `box=`. Source: Dovecot
    /// `src/plugins/mail-log/mail-log-plugin.c`. `sender` and `subject` are header text, cut at 80
    /// bytes. A size of `error` is absent here.
    pub struct MailEvent<'a> {
        /// Who did it.
        pub mail: MailProcess<'a>,
        /// `delete`, `undelete`, `expunge`, `autoexpunge`, `save`, `copy`, `flag_change`.
        pub event: &'a [u8],
        /// Where a copy comes from.
        pub source_mailbox: Option<&'a [u8]>,
        /// What the line says about the message.
        pub message: MessageText<'a>,
    }
}

/// What a line says about a message, as logged; read when somebody wants to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MessageText<'a> {
    /// The mailbox, where it stands before the event (2.4).
    pub mailbox: Option<&'a [u8]>,
    /// The fields behind the event.
    pub fields: &'a [u8],
}

/// The fields of a message.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Message<'a> {
    /// The mailbox.
    pub mailbox: Option<&'a [u8]>,
    /// The uid of the message.
    pub uid: Option<u64>,
    /// The uids of several messages, as logged (1.x).
    pub uids: Option<&'a [u8]>,
    /// The message id, as logged; empty where the message has none.
    pub message_id: Option<&'a [u8]>,
    /// The physical size.
    pub size_bytes: Option<u64>,
    /// The size with CR LF line ends.
    pub vsize_bytes: Option<u64>,
    /// The `From:` header.
    pub sender: Option<&'a [u8]>,
    /// The `Subject:` header.
    pub subject: Option<&'a [u8]>,
    /// The new flags.
    pub flags: Option<&'a [u8]>,
}

impl Field for MessageText<'_> {
    fn visit_as(&self, _name: &'static str, visitor: &mut dyn Visitor) {
        let message = self.read();
        message.mailbox.visit_as("mailbox", visitor);
        message.uid.visit_as("uid", visitor);
        message.uids.visit_as("uids", visitor);
        message.message_id.visit_as("message_id", visitor);
        message.size_bytes.visit_as("size_bytes", visitor);
        message.vsize_bytes.visit_as("vsize_bytes", visitor);
        message.sender.visit_as("sender", visitor);
        message.subject.visit_as("subject", visitor);
        message.flags.visit_as("flags", visitor);
    }
}

event_struct! {
    /// A mailbox was created, deleted or renamed.
    ///
    /// Shape: `{prefix}: [Mailbox {mailbox}: ]Mailbox {created|deleted}[: {mailbox}]`, `Mailbox
    /// renamed: {mailbox} -> {new_mailbox}`.
    pub struct MailboxEvent<'a> {
        /// Who did it.
        pub mail: MailProcess<'a>,
        /// `created`, `deleted` or `renamed`.
        pub event: &'static str,
        /// The mailbox, by its old name.
        pub mailbox: &'a [u8],
        /// Its new name.
        pub new_mailbox: Option<&'a [u8]>,
    }
}

const EVENTS: [&[u8]; 8] = [
    b"save",
    b"expunge",
    b"delete",
    b"undelete",
    b"autoexpunge",
    b"flag_change",
    b"append",
    b"copy",
];

/// Parses a line of the plugin; `None` when it is about something else.
pub(super) fn parse<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    if let Some(rest) = line.text.strip_prefix(b"Mailbox ") {
        return mailbox_event(line.mail, rest).or_else(|| since_2_4(line.mail, rest));
    }
    message_event(line.mail, None, line.text)
}

fn mailbox_event<'a>(mail: MailProcess<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let (event, names) = if let Some(name) = rest.strip_prefix(b"created: ") {
        ("created", name)
    } else if let Some(name) = rest.strip_prefix(b"deleted: ") {
        ("deleted", name)
    } else {
        ("renamed", rest.strip_prefix(b"renamed: ")?)
    };
    let (mailbox, new_mailbox) = match split_once(names, b" -> ") {
        Some((old, new)) if event == "renamed" => (old, Some(new)),
        _ => (names, None),
    };
    Some(Event::MailboxEvent(MailboxEvent {
        mail,
        event,
        mailbox,
        new_mailbox,
    }))
}

/// Reads Dovecot 2.4's `{mailbox}: {event}: ...`; a mailbox name may hold `: ` itself.
fn since_2_4<'a>(mail: MailProcess<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    find_iter(rest, b": ").find_map(|at| {
        let (mailbox, text) = (rest.get(..at)?, rest.get(at + 2..)?);
        let event = match text {
            b"Mailbox created" => "created",
            b"Mailbox deleted" => "deleted",
            _ => {
                if let Some(renamed) = text.strip_prefix(b"Mailbox ") {
                    return mailbox_event(mail, renamed);
                }
                return message_event(mail, Some(mailbox), text);
            }
        };
        Some(Event::MailboxEvent(MailboxEvent {
            mail,
            event,
            mailbox,
            new_mailbox: None,
        }))
    })
}

fn message_event<'a>(
    mail: MailProcess<'a>,
    mailbox: Option<&'a [u8]>,
    text: &'a [u8],
) -> Option<Event<'a>> {
    // Most lines of mail processes are about something else: Sieve's begin like none of these.
    if !matches!(
        text,
        [b's', b'a', ..] | [b'e' | b'd' | b'u' | b'a' | b'f' | b'c', ..]
    ) {
        return None;
    }
    let length = text
        .iter()
        .take_while(|b| b.is_ascii_lowercase() || **b == b'_')
        .count();
    let (event, rest) = text.split_at_checked(length)?;
    if !EVENTS.contains(&event) {
        return None;
    }
    let (source_mailbox, fields) = match rest.strip_prefix(b" from ") {
        Some(source) => copy_source(source)?,
        None => (None, rest.strip_prefix(b": ")?),
    };
    Some(Event::MailEvent(MailEvent {
        mail,
        event,
        source_mailbox,
        message: MessageText { mailbox, fields },
    }))
}

/// Splits `{source}: box=..` or `{source}: uid=..`; a mailbox name may hold `: ` itself.
fn copy_source(text: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let is_fields = |rest: &[u8]| {
        let starts: [&[u8]; 4] = [b"box=", b"uid=", b"uids=", b"msgid="];
        starts.iter().any(|start| rest.starts_with(start))
    };
    find_iter(text, b": ").find_map(|at| {
        let (source, fields) = (text.get(..at)?, text.get(at + 2..)?);
        is_fields(fields).then_some((Some(source), fields))
    })
}

/// The fields, in the order in which the plugin writes them.
const KEYS: [&[u8]; 10] = [
    b"box=",
    b"dest=",
    b"uid=",
    b"uids=",
    b"msgid=",
    b"size=",
    b"vsize=",
    b"from=",
    b"subject=",
    b"flags=(",
];

impl<'a> MessageText<'a> {
    /// Reads the fields from the left, in the plugin's fixed order.
    ///
    /// A value ends only where a field of a later place begins, so that a subject with commas stays
    /// whole and cannot bring a size or sender of its own.
    pub fn read(&self) -> Message<'a> {
        let mut found = Message {
            mailbox: self.mailbox,
            ..Message::default()
        };
        let mut rest = self.fields;
        let mut place = 0;
        while let Some((key, value)) = first_key(rest, place) {
            let end = value_end(key, value);
            let (value, next) = value.split_at_checked(end).unwrap_or((value, b""));
            found.set(key, value);
            rest = next.strip_prefix(b", ").unwrap_or(next);
            place = key + 1;
        }
        found
    }
}

impl<'a> Message<'a> {
    fn set(&mut self, key: usize, value: &'a [u8]) {
        match KEYS.get(key).copied().unwrap_or_default() {
            b"box=" | b"dest=" => self.mailbox = Some(value),
            b"uid=" => self.uid = to_number(value),
            b"uids=" => self.uids = Some(value),
            b"msgid=" => self.message_id = Some(value),
            b"size=" => self.size_bytes = to_number(value),
            b"vsize=" => self.vsize_bytes = to_number(value),
            b"from=" => self.sender = Some(without_angles(value)),
            b"subject=" => self.subject = Some(value),
            _ => self.flags = Some(value.strip_suffix(b")").unwrap_or(value)),
        }
    }
}

/// Finds which field, at `place` or later, a text begins with.
fn first_key(text: &[u8], place: usize) -> Option<(usize, &[u8])> {
    KEYS.iter()
        .enumerate()
        .skip(place)
        .find_map(|(at, key)| Some((at, text.strip_prefix(*key)?)))
}

/// Where the value of field `key` ends: before the first `, ` with a later field behind it.
///
/// The message id is the sender's text too: one in brackets ends no earlier than at a `>`.
fn value_end(key: usize, value: &[u8]) -> usize {
    let is_bracketed = KEYS.get(key) == Some(&&b"msgid="[..]) && value.first() == Some(&b'<');
    find_iter(value, b", ")
        .find(|&at| {
            let (head, tail) = (value.get(..at), value.get(at + 2..));
            let closed = !is_bracketed || head.is_some_and(|head| head.ends_with(b">"));
            closed && tail.is_some_and(|tail| first_key(tail, key + 1).is_some())
        })
        .unwrap_or(value.len())
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn event_of(text: &str) -> MailEvent<'static> {
        let line = Box::leak(format!("imap(alice)<4711><QCK1>: {text}").into_boxed_str());
        match parse(line.as_bytes()) {
            Ok(Event::MailEvent(event)) => event,
            other => panic!("{line}: {other:?}"),
        }
    }

    /// Hard case 16: commas in header text, `error` as a number, an empty message id.
    #[test]
    fn header_text_cannot_bring_fields_of_its_own() {
        let found = event_of(
            "flag_change: box=INBOX, uid=7, msgid=<m1@example.org>, size=error, vsize=2400, from=Bob, size=1, B <bob@example.org>, subject=a, b, size=3, from=x, flags=(\\Seen $Forwarded)",
        );
        let found = found.message.read();
        assert_eq!((found.size_bytes, found.vsize_bytes), (None, Some(2400)));
        assert_eq!(found.sender, Some(&b"Bob, size=1, B <bob@example.org>"[..]));
        assert_eq!(found.subject, Some(&b"a, b, size=3, from=x"[..]));
        assert_eq!(found.flags, Some(&b"\\Seen $Forwarded"[..]));
        let found = event_of("save: box=Sent, uid=error, msgid=, size=2345")
            .message
            .read();
        assert_eq!(
            (found.uid, found.message_id, found.size_bytes),
            (None, Some(&b""[..]), Some(2345))
        );
        let line = "save: box=Sent, uid=1, msgid=<x, size=9, y@z>, size=2345";
        let found = event_of(line).message.read();
        assert_eq!(
            (found.message_id, found.size_bytes),
            (Some(&b"<x, size=9, y@z>"[..]), Some(2345))
        );
    }

    /// Hard case 16: 2.4 names the mailbox before the event.
    #[test]
    fn mailboxes_of_2_4_may_have_blanks_and_colons() {
        let found =
            event_of("Mailbox Lists/a: b: expunge: uid=42, msgid=<m1@example.org>, size=2345");
        assert_eq!(
            (found.event, found.message.mailbox),
            (&b"expunge"[..], Some(&b"Lists/a: b"[..]))
        );
        let found =
            event_of("Mailbox Trash: copy from INBOX: uid=7, msgid=<m1@example.org>, size=2345");
        assert_eq!(
            (found.event, found.source_mailbox),
            (&b"copy"[..], Some(&b"INBOX"[..]))
        );
        let message = found.message.read();
        assert_eq!(
            (message.mailbox, message.uid),
            (Some(&b"Trash"[..]), Some(7))
        );
        let found =
            event_of("copy from In: box: box=Trash, uid=7, msgid=<m1@example.org>, size=2345");
        assert_eq!(
            (found.source_mailbox, found.message.read().mailbox),
            (Some(&b"In: box"[..]), Some(&b"Trash"[..]))
        );
    }

    #[test]
    fn mailboxes_come_and_go_in_both_forms() {
        for (text, event, mailbox, new) in [
            ("Mailbox created: Lists/a b", "created", "Lists/a b", None),
            ("Mailbox Old: Mailbox deleted", "deleted", "Old", None),
            ("Mailbox renamed: Old -> New", "renamed", "Old", Some("New")),
            (
                "Mailbox Old: Mailbox renamed: Old -> New",
                "renamed",
                "Old",
                Some("New"),
            ),
        ] {
            let line = format!("imap(alice)<4711><QCK1>: Info: {text}");
            let Ok(Event::MailboxEvent(found)) = parse(line.as_bytes()) else {
                panic!("{line}")
            };
            assert_eq!(
                (found.event, found.mailbox),
                (event, mailbox.as_bytes()),
                "{line}"
            );
            assert_eq!(found.new_mailbox, new.map(str::as_bytes), "{line}");
        }
    }
}

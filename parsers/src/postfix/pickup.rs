//! Local submission: lines of pickup(8), sendmail(1) and postdrop(1).

use nom::Parser;
use nom::bytes::complete::tag;
use nom::sequence::preceded;

use super::{Event, Parsed, cleanup, smtpd};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{Scan, angle, number, queue_id, split_number, split_once};

event_struct! {
    /// A mail came in by sendmail(1), or was requeued.
    ///
    /// Shape: `{queue_id}: uid={uid} from=<{sender}>[ orig_id={orig_id}]`; `orig_id` is the old
    /// queue id of a requeued mail. Source: Postfix `src/pickup/pickup.c`; since 2.3.
    pub struct Pickup<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
        /// The user id of who sent it.
        pub uid: u64,
        /// The envelope sender, without brackets.
        pub sender: &'a [u8],
        /// The queue id before `postsuper -r`, or the maildrop file.
        pub orig_id: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A file in the maildrop directory is odd.
    ///
    /// Shapes: `warning: {queue_id}: message {path} has been queued for {n} days`, `… dated {n}
    /// seconds into the future`, `warning: {queue_id}: uid={uid}: {text}`, `warning: {path}: error
    /// writing {queue_id}: {text}`, `warning: uid={uid}: {text}`, `warning: open input file {path}:
    /// {text}`, `warning: remove {path}: {text}`. Source: Postfix `src/pickup/pickup.c`; since 2.3.
    pub struct Warning<'a> {
        /// The queue id.
        pub queue_id: Option<&'a [u8]>,
        /// The user id of who sent the mail.
        pub uid: Option<u64>,
        /// The file.
        pub path: Option<&'a [u8]>,
        /// What is wrong.
        pub text: &'a [u8],
    }
}

event_struct! {
    /// sendmail(1) did not accept a mail, or was called wrongly.
    ///
    /// Shapes: `fatal: {login}({uid}): {text}`, `fatal: User {login}({uid}) is not allowed to submit
    /// mail`, `fatal: usage: …`, `warning: -f option specified malformed sender: {text}`. Source:
    /// Postfix `src/sendmail/sendmail.c`; since 2.3.
    pub struct Sendmail<'a> {
        /// The login name of the caller.
        pub login: Option<&'a [u8]>,
        /// The user id of the caller.
        pub uid: Option<u64>,
        /// What went wrong.
        pub text: &'a [u8],
    }
}

event_struct! {
    /// postdrop(1) could not put a mail into the maildrop directory.
    ///
    /// Shapes: `warning: mail_queue_enter: create file {path}: {text}`, `{warning|fatal}: uid={uid}:
    /// {text}`. Source: Postfix `src/postdrop/postdrop.c`, `src/global/mail_queue.c`; since 2.3.
    pub struct Postdrop<'a> {
        /// The user id of the caller.
        pub uid: Option<u64>,
        /// The file.
        pub path: Option<&'a [u8]>,
        /// What went wrong.
        pub text: &'a [u8],
    }
}

/// Parses a message of pickup.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    if let Some(text) = message.strip_prefix(b"warning: ") {
        return warning(text).ok_or(Reason("pickup warning"));
    }
    match pickup(message) {
        Ok((_, event)) => Ok(Event::Pickup(event)),
        Err(_) => Err(Reason("pickup")),
    }
}

fn pickup(input: &[u8]) -> Scan<'_, Pickup<'_>> {
    let (input, queue_id) = queue_id(input)?;
    let (input, uid) = preceded(tag("uid="), number).parse(input)?;
    let (input, _) = tag(" from=").parse(input)?;
    let (input, sender) = sender(input)?;
    let orig_id = input.strip_prefix(b" orig_id=");
    Ok((
        b"",
        Pickup {
            queue_id,
            uid,
            sender,
            orig_id,
        },
    ))
}

/// Reads a sender in brackets; a pasted line may have lost them, and the address with them.
fn sender(input: &[u8]) -> Scan<'_, &[u8]> {
    if input.starts_with(b"<") {
        return angle(input, &[b" orig_id="]);
    }
    let end = memchr::memchr(b' ', input).unwrap_or(input.len());
    let (sender, rest) = input.split_at_checked(end).unwrap_or((input, b""));
    Ok((rest, sender))
}

/// Parses a warning of pickup, its severity word taken off.
fn warning(text: &[u8]) -> Option<Event<'_>> {
    let (rest, queue_id) = match queue_id(text) {
        Ok((rest, queue_id)) => (rest, Some(queue_id)),
        Err(_) => (text, None),
    };
    let found = queued_for(rest)
        .or_else(|| of_user(rest))
        .or_else(|| of_file(rest))
        .map(|warning| Warning {
            queue_id: queue_id.or(warning.queue_id),
            ..warning
        });
    found
        .map(Event::PickupWarning)
        .or_else(|| cleanup::clock_skew(text))
        .or_else(|| smtpd::parse_shared_warning(text))
}

/// Reads `message {path} {has been queued for|dated} …`.
fn queued_for(text: &[u8]) -> Option<Warning<'_>> {
    let (path, text) = split_once(text.strip_prefix(b"message ")?, b" ")?;
    let known = text.starts_with(b"has been queued for ") || text.starts_with(b"dated ");
    known.then_some(Warning {
        queue_id: None,
        uid: None,
        path: Some(path),
        text,
    })
}

/// Reads `uid={uid}: {text}`.
fn of_user(text: &[u8]) -> Option<Warning<'_>> {
    let (uid, text) = user(text)?;
    Some(Warning {
        queue_id: None,
        uid: Some(uid),
        path: None,
        text,
    })
}

fn of_file(text: &[u8]) -> Option<Warning<'_>> {
    let file = text
        .strip_prefix(b"open input file ")
        .or_else(|| text.strip_prefix(b"remove "));
    if let Some(file) = file {
        let (path, text) = split_once(file, b": ")?;
        return Some(Warning {
            queue_id: None,
            uid: None,
            path: Some(path),
            text,
        });
    }
    let (path, rest) = split_once(text, b": error writing ")?;
    let (text, queue_id) = queue_id(rest).ok()?;
    Some(Warning {
        queue_id: Some(queue_id),
        uid: None,
        path: Some(path),
        text,
    })
}

/// Reads `uid={uid}: ` off a text.
fn user(text: &[u8]) -> Option<(u64, &[u8])> {
    let (uid, rest) = split_number(text.strip_prefix(b"uid=")?)?;
    Some((uid, rest.strip_prefix(b": ")?))
}

/// Parses a message of sendmail(1).
pub(super) fn parse_sendmail(message: &[u8]) -> Parsed<'_> {
    sendmail(message)
        .map(Event::Sendmail)
        .ok_or(Reason("sendmail"))
}

fn sendmail(message: &[u8]) -> Option<Sendmail<'_>> {
    if let Some(text) = message.strip_prefix(b"warning: ") {
        return text
            .starts_with(b"-f option specified ")
            .then_some(Sendmail {
                login: None,
                uid: None,
                text,
            });
    }
    let text = message.strip_prefix(b"fatal: ")?;
    if text.starts_with(b"usage: ") {
        return Some(Sendmail {
            login: None,
            uid: None,
            text,
        });
    }
    let caller = text.strip_prefix(b"User ").unwrap_or(text);
    let (login, rest) = split_once(caller, b"(")?;
    let (uid, rest) = split_number(rest)?;
    let rest = rest.strip_prefix(b")")?;
    let text = rest
        .strip_prefix(b": ")
        .or_else(|| rest.strip_prefix(b" "))?;
    (!login.contains(&b' ')).then_some(Sendmail {
        login: Some(login),
        uid: Some(uid),
        text,
    })
}

/// Parses a message of postdrop(1).
pub(super) fn parse_postdrop(message: &[u8]) -> Parsed<'_> {
    postdrop(message)
        .map(Event::Postdrop)
        .ok_or(Reason("postdrop"))
}

fn postdrop(message: &[u8]) -> Option<Postdrop<'_>> {
    let text = message
        .strip_prefix(b"warning: ")
        .or_else(|| message.strip_prefix(b"fatal: "))?;
    if let Some((uid, text)) = user(text) {
        return Some(Postdrop {
            uid: Some(uid),
            path: None,
            text,
        });
    }
    let file = text.strip_prefix(b"mail_queue_enter: create file ")?;
    let (path, text) = split_once(file, b": ")?;
    Some(Postdrop {
        uid: None,
        path: Some(path),
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(field: Option<&[u8]>) -> Option<&str> {
        field.map(|field| core::str::from_utf8(field).unwrap())
    }

    #[test]
    fn reads_local_submissions() {
        for (line, uid, sender, orig_id) in [
            ("4F1A22C0D9E: uid=1000 from=<alice>", 1000, "alice", None),
            ("4F1A22C0D9E: uid=0 from=<>", 0, "", None),
            ("4F1A22C0D9E: uid=0 from=", 0, "", None),
            (
                "4Vd3Rk5fLgz1XkQB: uid=33 from=<odd> name> orig_id=4Vd3Qh2sBwz1XkP9",
                33,
                "odd> name",
                Some("4Vd3Qh2sBwz1XkP9"),
            ),
            (
                "4F1A22C0D9E: uid=0 from=<\"x> orig_id=y\"@example.com>",
                0,
                "\"x> orig_id=y\"@example.com",
                None,
            ),
        ] {
            let Event::Pickup(found) = parse(line.as_bytes()).unwrap() else {
                panic!()
            };
            assert_eq!(
                (found.uid, found.sender),
                (uid, sender.as_bytes()),
                "{line}"
            );
            assert_eq!(text(found.orig_id), orig_id, "{line}");
        }
    }

    #[test]
    fn warnings_name_file_and_user() {
        let line =
            b"warning: maildrop/4F1A22C0D9E: error writing 5A2B33D1EAF: queue file write error";
        let Event::PickupWarning(found) = parse(line).unwrap() else {
            panic!()
        };
        assert_eq!(
            (text(found.queue_id), text(found.path)),
            (Some("5A2B33D1EAF"), Some("maildrop/4F1A22C0D9E"))
        );
        let line = b"warning: 4F1A22C0D9E: uid=1000: no envelope sender";
        let Event::PickupWarning(found) = parse(line).unwrap() else {
            panic!()
        };
        assert_eq!(
            (text(found.queue_id), found.uid),
            (Some("4F1A22C0D9E"), Some(1000))
        );
    }

    #[test]
    fn sendmail_names_its_caller() {
        let Event::Sendmail(found) =
            parse_sendmail(b"fatal: www-data(33): message file too big").unwrap()
        else {
            panic!()
        };
        assert_eq!((text(found.login), found.uid), (Some("www-data"), Some(33)));
        let Event::Sendmail(found) =
            parse_sendmail(b"fatal: User bob(1001) is not allowed to submit mail").unwrap()
        else {
            panic!()
        };
        assert_eq!(
            (text(found.login), found.text),
            (Some("bob"), &b"is not allowed to submit mail"[..])
        );
        assert!(parse_sendmail(b"fatal: open /etc/postfix/main.cf (1): x").is_err());
    }

    #[test]
    fn postdrop_names_the_user_id_or_the_file() {
        let Event::Postdrop(found) = parse_postdrop(b"fatal: uid=33: malformed input").unwrap()
        else {
            panic!()
        };
        assert_eq!((found.uid, found.text), (Some(33), &b"malformed input"[..]));
        let Event::Postdrop(found) = parse_postdrop(
            b"warning: mail_queue_enter: create file maildrop/4F1A22C0D9E: Permission denied",
        )
        .unwrap() else {
            panic!()
        };
        assert_eq!(text(found.path), Some("maildrop/4F1A22C0D9E"));
    }
}

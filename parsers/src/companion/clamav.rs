//! Lines of clamav-milter and clamd. What became of a mail stands in Postfix's milter-reject line.

use super::{Event, Parsed};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{before_last, queue_id, split_once, without_angles};

event_struct! {
    /// A mail was scanned; with `LogInfected` and `LogClean`.
    ///
    /// Shape: `{Clean message|Message}[ {queue_id}] from <{sender}> to <{recipient}>[ with subject
    /// '{subject}' message-id '{id}' date '{date}'][ infected by {virus}]`; before 0.95
    /// `{queue_id}: {file}: {virus} Intercepted virus from {sender} to {recipient}`. Addresses
    /// often have two pairs of brackets.
    pub struct MilterResult<'a> {
        /// The queue id; with `Full` only.
        pub queue_id: Option<&'a [u8]>,
        /// The envelope sender.
        pub sender: &'a [u8],
        /// The recipient.
        pub recipient: &'a [u8],
        /// The subject.
        pub subject: Option<&'a [u8]>,
        /// The message id, with its angle brackets.
        pub message_id: Option<&'a [u8]>,
        /// The `Date:` header.
        pub date: Option<&'a [u8]>,
        /// The virus; none for a clean mail.
        pub virus: Option<&'a [u8]>,
        /// The file that was scanned (before 0.95).
        pub file: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A mail was not scanned.
    ///
    /// Shape: `Skipping scan for {{host} (in LocalNet)|authenticated user {user}|{address} (allowed
    /// {from|to})}`.
    pub struct MilterSkip<'a> {
        /// Why: `local net`, `authenticated` or `allowed`.
        pub what: &'static str,
        /// The client.
        pub host: Option<&'a [u8]>,
        /// The user.
        pub user: Option<&'a [u8]>,
        /// The sender or recipient.
        pub address: Option<&'a [u8]>,
    }
}

event_struct! {
    /// clamd found a virus in a file.
    ///
    /// Shape: `{path}: {virus} FOUND`.
    pub struct Found<'a> {
        /// The file.
        pub path: &'a [u8],
        /// The virus.
        pub virus: &'a [u8],
    }
}

/// Parses a message of clamav-milter.
pub(super) fn milter(message: &[u8]) -> Parsed<'_> {
    if let Some(rest) = message.strip_prefix(b"Skipping scan for ") {
        return skip(rest)
            .map(Event::ClamavMilterSkip)
            .ok_or(Reason("clamav-milter skip"));
    }
    scanned(message)
        .or_else(|| intercepted(message))
        .map(Event::ClamavMilterResult)
        .ok_or(Reason("clamav-milter"))
}

/// Parses a message of clamd.
pub(super) fn daemon(message: &[u8]) -> Parsed<'_> {
    message
        .strip_suffix(b" FOUND")
        .and_then(|text| before_last(text, b": "))
        .map(|(path, virus)| Event::ClamdFound(Found { path, virus }))
        .ok_or(Reason("clamd"))
}

fn skip(rest: &[u8]) -> Option<MilterSkip<'_>> {
    let mut skip = MilterSkip {
        what: "allowed",
        host: None,
        user: None,
        address: None,
    };
    if let Some(user) = rest.strip_prefix(b"authenticated user ") {
        skip.what = "authenticated";
        skip.user = Some(user);
    } else if let Some(host) = rest.strip_suffix(b" (in LocalNet)") {
        skip.what = "local net";
        skip.host = Some(host);
    } else {
        let (address, _) = before_last(rest, b" (allowed ")?;
        skip.address = Some(without_angles(address));
    }
    Some(skip)
}

/// Reads a scanned mail from the right: sender and subject are the sender's text.
fn scanned(message: &[u8]) -> Option<MilterResult<'_>> {
    let text = message
        .strip_prefix(b"Clean message ")
        .or_else(|| message.strip_prefix(b"Message "))?;
    let (text, virus) = last_key(text, b" infected by ");
    let (text, date) = last_key(text, b" date '");
    let (text, id) = last_key(text, b" message-id '");
    let (text, subject) = match split_once(text, b" with subject '") {
        Some((text, subject)) => (text, Some(subject)),
        None => (text, None),
    };
    let (id_of_queue, text) = match text.strip_prefix(b"from ") {
        Some(text) => (None, text),
        None => split_once(text, b" from ").map(|(id, text)| (Some(id), text))?,
    };
    let (sender, recipient) = before_last(text, b" to ")?;
    Some(MilterResult {
        queue_id: id_of_queue,
        sender: bare(sender),
        recipient: bare(recipient),
        subject: subject.map(unquoted),
        message_id: id.map(unquoted),
        date: date.map(unquoted),
        virus,
        file: None,
    })
}

fn last_key<'a>(text: &'a [u8], key: &[u8]) -> (&'a [u8], Option<&'a [u8]>) {
    before_last(text, key).map_or((text, None), |(left, value)| (left, Some(value)))
}

/// Takes the closing apostrophe off.
fn unquoted(text: &[u8]) -> &[u8] {
    text.strip_suffix(b"'").unwrap_or(text)
}

/// Takes one or two pairs of angle brackets off.
fn bare(address: &[u8]) -> &[u8] {
    let inside = address
        .strip_prefix(b"<")
        .and_then(|text| text.strip_suffix(b">"));
    without_angles(inside.unwrap_or(address))
}

/// Reads the form before 0.95.
fn intercepted(message: &[u8]) -> Option<MilterResult<'_>> {
    let (rest, id) = queue_id(message).ok()?;
    let (left, addresses) = split_once(rest, b" Intercepted virus from ")?;
    let (file, virus) = before_last(left, b": ")?;
    let (sender, recipient) = before_last(addresses, b" to ")?;
    Some(MilterResult {
        queue_id: Some(id),
        sender: bare(sender),
        recipient: bare(recipient),
        subject: None,
        message_id: None,
        date: None,
        virus: Some(virus),
        file: Some(file),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_cannot_bring_a_virus_or_an_id() {
        let line = b"Clean message 4F1A22C0D9E from <<bob@example.org>> to <<alice@example.com>> with subject 'x' message-id 'y' date 'z' infected by W' message-id '<m1@example.org>' date 'Sat, 21 Nov 2026 01:24:04 +0000' infected by Eicar-Test-Signature";
        let Ok(Event::ClamavMilterResult(found)) = milter(line) else {
            panic!()
        };
        assert_eq!(found.queue_id, Some(&b"4F1A22C0D9E"[..]));
        assert_eq!(found.sender, b"bob@example.org");
        assert_eq!(found.message_id, Some(&b"<m1@example.org>"[..]));
        assert_eq!(found.virus, Some(&b"Eicar-Test-Signature"[..]));
    }
}

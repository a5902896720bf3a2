//! What is searched for, and whether a line has it.

use super::entry::{Entry, bare};

/// One thing that a mail must have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Term {
    /// Postfix's queue id, of any hop.
    QueueId(String),
    /// The `Message-ID:`, with or without brackets.
    MessageId(String),
    /// An address, as sender, recipient or user.
    Address(String),
    /// The envelope sender.
    Sender(String),
    /// A recipient, before or after aliases.
    Recipient(String),
    /// The user that logged in (SASL).
    User(String),
    /// The client's name or address.
    Client(String),
    /// A part of a reply: the remote server's, or our own in a refusal.
    Reply(String),
}

const SENDER: &[&str] = &["sender"];
const RECIPIENT: &[&str] = &["recipient", "orig_to"];
const USER: &[&str] = &["sasl_username", "user"];
const ADDRESS: &[&str] = &["sender", "recipient", "orig_to", "sasl_username", "user"];
const CLIENT: &[&str] = &[
    "client_name",
    "client_address",
    "orig_client",
    "orig_client_name",
    "orig_client_address",
];
const REPLY: &[&str] = &["reason", "reply_text", "reply", "text"];

impl Term {
    /// Tells what a text is that may be anything, by its looks.
    pub fn recognise(text: &str) -> Self {
        let owned = text.to_owned();
        if text.starts_with('<') && text.ends_with('>') && text.contains('@') {
            return Term::MessageId(owned);
        }
        if text.parse::<std::net::IpAddr>().is_ok() {
            return Term::Client(owned);
        }
        if text.contains(' ') || is_code(text) {
            return Term::Reply(owned);
        }
        if text.contains('@') {
            return Term::Address(owned);
        }
        if is_queue_id(text) {
            return Term::QueueId(owned);
        }
        match text.contains('.') {
            true => Term::Client(owned),
            false => Term::User(owned),
        }
    }

    /// Names the kind of thing, as in the flag that asks for it.
    pub fn name(&self) -> &'static str {
        match self {
            Term::QueueId(_) => "queue-id",
            Term::MessageId(_) => "message-id",
            Term::Address(_) => "address",
            Term::Sender(_) => "sender",
            Term::Recipient(_) => "recipient",
            Term::User(_) => "user",
            Term::Client(_) => "client",
            Term::Reply(_) => "reply",
        }
    }

    /// Returns what is searched for, as it was given.
    pub fn text(&self) -> &str {
        match self {
            Term::QueueId(text)
            | Term::MessageId(text)
            | Term::Address(text)
            | Term::Sender(text)
            | Term::Recipient(text)
            | Term::User(text)
            | Term::Client(text)
            | Term::Reply(text) => text,
        }
    }

    /// Returns the bytes that a line with it has, in any case of letters if it is not exact.
    pub fn needle(&self) -> &[u8] {
        match self {
            Term::Reply(text) => text.as_bytes(),
            _ => bare(self.text().as_bytes()),
        }
    }

    /// Tells whether it is an id: those are never written in other capitals.
    pub fn is_exact(&self) -> bool {
        matches!(self, Term::QueueId(_) | Term::MessageId(_))
    }

    /// Tells whether a line has it.
    pub fn is_in(&self, entry: &Entry) -> bool {
        let wanted = self.needle();
        match self {
            Term::QueueId(_) => entry.queue_id() == Some(wanted),
            Term::MessageId(_) => entry.message_id().is_some_and(|id| id == wanted),
            Term::Address(_) => has(entry, ADDRESS, wanted) || entry.message_id() == Some(wanted),
            Term::Sender(_) => has(entry, SENDER, wanted),
            Term::Recipient(_) => has(entry, RECIPIENT, wanted),
            Term::User(_) => has(entry, USER, wanted),
            Term::Client(_) => has(entry, CLIENT, wanted),
            Term::Reply(_) => REPLY
                .iter()
                .filter_map(|name| entry.field(name))
                .any(|text| contains(text, wanted)),
        }
    }
}

/// Addresses and host names are the same in any case of letters.
fn has(entry: &Entry, names: &[&str], wanted: &[u8]) -> bool {
    let mut values = names.iter().filter_map(|name| entry.field(name));
    values.any(|value| bare(value).eq_ignore_ascii_case(wanted))
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len().max(1))
        .any(|part| part.eq_ignore_ascii_case(wanted))
}

/// Reply codes: `550`, `5.7.1`.
fn is_code(text: &str) -> bool {
    let is_number =
        |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = text.split('.').collect();
    let starts_well = text.starts_with(['2', '4', '5']);
    starts_well
        && parts.iter().all(|part| is_number(part))
        && (parts.len() == 3 || (parts.len() == 1 && text.len() == 3))
}

/// Short ids are upper-case hexadecimal; long ones have no vowels and a `z` before the inode.
fn is_queue_id(text: &str) -> bool {
    let is_hex = |b: u8| b.is_ascii_digit() || (b'A'..=b'F').contains(&b);
    let is_short = text.len() >= 6 && text.bytes().all(is_hex);
    let is_long_digit = |b: u8| b.is_ascii_alphanumeric() && !b"AEIOUaeiou".contains(&b);
    let is_long = text.len() >= 12 && text.contains('z') && text.bytes().all(is_long_digit);
    is_short || is_long
}

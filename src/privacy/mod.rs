//! Logs that leave the house: addresses cut short, or tokens in place of all that names somebody.
//!
//! A line is masked before anything is made of it: what is counted, its samples and the fields of its
//! event are then all of the masked line, and agree. The other way, masking the rows of a report,
//! would have to know each place of each format in which text of a line is shown. One table says
//! which field holds what (`fields`); what no parser took apart is searched by its looks.
//!
//! What this does **not** do: hide when something happened, how often, and how large it was, or the
//! words of sentences that are not known to be names.

mod fields;
mod ip;
mod json;
mod message;
mod names;
mod path;
mod prf;
mod rewrite;
mod scan;
mod shorten;

use std::cell::Cell;

use mailtally_parsers::{Event, Record, Tag};

pub use names::Pseudonyms;
pub use prf::{Key, KeyError};
pub use rewrite::{Counts, Rewriter};
pub use shorten::mask_addresses;

use scan::Scanner;

/// What becomes of that which names somebody.
#[derive(Clone, Debug)]
pub enum Masking {
    /// Addresses of the network lose the part that names one machine; the rest stays.
    Shortened,
    /// Addresses, users and hosts get tokens; the host that logged stays.
    Pseudonyms(Box<Pseudonyms>),
}

/// Room for the texts of a masked line, to be used again for the next one.
#[derive(Clone, Debug, Default)]
pub struct Room {
    host: Vec<u8>,
    tag: Vec<u8>,
    message: Vec<u8>,
}

impl Masking {
    /// Masks a line's record.
    pub fn record<'m>(&self, room: &'m mut Room, record: &Record<'m>) -> Record<'m> {
        room.host.clear();
        room.message.clear();
        match self {
            Masking::Shortened => {
                mask_addresses(&mut room.host, record.host);
                mask_addresses(&mut room.message, record.message);
            }
            Masking::Pseudonyms(names) => {
                room.host.extend_from_slice(record.host);
                let event = Event::parse(&record.tag, record.message);
                message::message(
                    names,
                    &mut room.message,
                    &record.tag,
                    record.message,
                    &event,
                );
            }
        }
        Record {
            host: &room.host,
            tag: self.tag(&mut room.tag, record.tag),
            message: &room.message,
            ..*record
        }
    }

    /// Masks the address after which an administrator named a service, `postfix/192.0.2.1:25/smtpd`.
    fn tag<'m>(&self, room: &'m mut Vec<u8>, tag: Tag<'m>) -> Tag<'m> {
        if !tag.text.iter().any(|byte| matches!(byte, b'.' | b':')) {
            return tag;
        }
        room.clear();
        match self {
            Masking::Shortened => mask_addresses(room, tag.text),
            Masking::Pseudonyms(names) => mask_tag(names, room, tag.text),
        }
        let masked = Tag::parse(room);
        if masked.program == tag.program {
            masked
        } else {
            tag
        }
    }

    /// Appends a line as it was read, masked.
    pub fn raw(&self, out: &mut Vec<u8>, raw: &[u8]) {
        match self {
            Masking::Shortened => mask_addresses(out, raw),
            Masking::Pseudonyms(names) => {
                let mut rewriter = Rewriter::new(names).with_hosts();
                rewriter.lines(out, raw);
                rewriter.finish(out);
            }
        }
    }

    /// Returns the address of a mailbox, masked.
    pub fn mailbox(&self, address: &str) -> String {
        let mut out = Vec::new();
        match self {
            Masking::Shortened => mask_addresses(&mut out, address.as_bytes()),
            Masking::Pseudonyms(names) => names.mailbox(&mut out, address.as_bytes()),
        }
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Returns a text, such as a server's reply about a mailbox, masked.
    pub fn text(&self, text: &str, mailbox: &str) -> String {
        let mut out = Vec::new();
        match self {
            Masking::Shortened => mask_addresses(&mut out, text.as_bytes()),
            Masking::Pseudonyms(names) => {
                let known = scan::local_of(mailbox.as_bytes()).map(scan::Known::Local);
                let scanner = Scanner {
                    names,
                    known: known.as_slice(),
                    is_unknown: false,
                    guessed: &Cell::new(false),
                };
                scanner.text(&mut out, text.as_bytes());
            }
        }
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// Appends a tag with tokens in place of what looks like a host or an address.
fn mask_tag(names: &Pseudonyms, out: &mut Vec<u8>, tag: &[u8]) {
    let scanner = Scanner {
        names,
        known: &[],
        is_unknown: false,
        guessed: &Cell::new(false),
    };
    scanner.text(out, tag);
}

//! Mails as one JSON object; `trace --schema` prints its shape. What the log does not state is null.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Number, Value};

use super::Searched;
use crate::report;
use crate::trace::{Entry, Hop, Mail, Recipient};

/// The version of the layout.
const SCHEMA: u64 = 1;

/// Mails, hop by hop, and what was searched for them.
#[derive(JsonSchema, Serialize)]
struct TraceFigures<'a> {
    /// The version of this layout.
    schema: u64,
    /// What was searched, and how far.
    searched: SearchedFigures<'a>,
    /// The mails in the order in which they began.
    mails: Vec<MailFigures<'a>>,
}

/// What was searched, and how far.
#[derive(JsonSchema, Serialize)]
struct SearchedFigures<'a> {
    /// What a mail must have; all of it.
    terms: Vec<TermFigures<'a>>,
    /// The logs that were read.
    files: &'a [String],
    /// Lines that were looked at in the first pass.
    lines: u64,
    /// The stamp of the first line.
    first: Option<&'a str>,
    /// The stamp of the last line.
    last: Option<&'a str>,
    /// How many times the logs were read.
    passes: usize,
    /// Whether ids that were found were not looked for any more: hops may be missing.
    is_cut: bool,
    /// Mails that match, or lines of refusals, and that are not here: earlier ones.
    left_out: usize,
    /// Lines that match, and were left out for there were too many: the earliest ones.
    matches_forgotten: u64,
    /// Lines that name an id of these mails, and were left out likewise: hops may be missing.
    lines_forgotten: u64,
}

/// What a mail must have.
#[derive(JsonSchema, Serialize)]
struct TermFigures<'a> {
    /// What it is: `queue-id`, `message-id`, `address`, `sender`, `recipient`, `user`, `client` or `reply`.
    kind: &'a str,
    /// The text that was looked for.
    text: &'a str,
}

/// A mail.
#[derive(JsonSchema, Serialize)]
struct MailFigures<'a> {
    /// Its `Message-ID:`, without brackets.
    message_id: Option<Cow<'a, str>>,
    /// What became of each recipient; those of notifications are left out.
    recipients: Vec<RecipientFigures<'a>>,
    /// Its lives in queues, and refusals, in the order in which they began.
    hops: Vec<HopFigures<'a>>,
}

/// What became of a recipient.
#[derive(JsonSchema, Serialize)]
struct RecipientFigures<'a> {
    /// The address; null where the line is about the whole mail.
    recipient: Option<Cow<'a, str>>,
    /// The address before aliases and rewriting.
    orig_to: Option<Cow<'a, str>>,
    /// `delivered`, `deferred`, `bounced`, `expired`, `rejected`, `discarded`, `held` or `unknown`.
    outcome: &'static str,
    /// How many times a delivery was tried.
    attempts: u64,
    /// The number of the hop in `hops`, from 0.
    hop: usize,
    /// The stamp of the last line about it.
    time: &'a str,
    /// The server or transport.
    relay: Option<Cow<'a, str>>,
    /// Seconds since the mail came in.
    delay: Option<Number>,
    /// The enhanced status code.
    dsn: Option<Cow<'a, str>>,
    /// What the server said.
    reply: Option<Cow<'a, str>>,
    /// Where Dovecot put it.
    mailbox: Option<Cow<'a, str>>,
}

/// A life of the mail in one queue.
#[derive(JsonSchema, Serialize)]
struct HopFigures<'a> {
    /// The host that logged.
    host: Option<Cow<'a, str>>,
    /// The queue id; null where the mail had none yet.
    queue_id: Option<Cow<'a, str>>,
    /// The number of the hop that this one follows from.
    from_hop: Option<usize>,
    /// How it does so: `queued_as`, `forwarded`, `requeued`, `notification`, `session` or `message_id`.
    join: Option<&'static str>,
    /// Whether `removed` was logged.
    is_removed: bool,
    /// The envelope sender; empty for notifications.
    sender: Option<Cow<'a, str>>,
    /// The size.
    size_bytes: Option<Number>,
    /// How many recipients it had.
    nrcpt: Option<Number>,
    /// The client's name.
    client: Option<Cow<'a, str>>,
    /// The client's address.
    client_address: Option<Cow<'a, str>>,
    /// The user that was logged in.
    sasl_username: Option<Cow<'a, str>>,
    /// How the user was logged in.
    sasl_method: Option<Cow<'a, str>>,
    /// Protocol, cipher and trust of the client's TLS session, if a line says so.
    tls: Option<String>,
    /// Its lines, and those of connections and other programs about it.
    lines: Vec<LineFigures<'a>>,
}

/// A line of the log.
#[derive(JsonSchema, Serialize)]
struct LineFigures<'a> {
    /// The stamp.
    time: &'a str,
    /// The whole tag.
    program: Cow<'a, str>,
    /// The process id.
    pid: Option<u32>,
    /// The kind, as `events` names it.
    kind: &'static str,
    /// The text behind the envelope.
    message: Cow<'a, str>,
    /// The fields of the kind, all as text.
    fields: BTreeMap<&'static str, Cow<'a, str>>,
}

/// Returns a JSON Schema of what [`write`] writes.
pub(super) fn schema() -> Value {
    report::schema_of::<TraceFigures<'_>>(
        "Mails, hop by hop, as `mailtally trace --format json` writes them.",
    )
}

/// Writes all mails as one object.
pub(super) fn write(mails: &[Mail], searched: &Searched, out: &mut impl Write) -> io::Result<()> {
    let object = TraceFigures {
        schema: SCHEMA,
        searched: searched_figures(searched),
        mails: mails.iter().map(mail).collect(),
    };
    let text = serde_json::to_string_pretty(&object).map_err(io::Error::from)?;
    out.write_all(escaped(&text).as_bytes())?;
    out.write_all(b"\n")
}

/// Escapes what could steer a terminal; JSON has an escape for every character.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '\n' || !crate::render::is_hidden(character) {
            safe.push(character);
            continue;
        }
        let mut units = [0; 2];
        for unit in character.encode_utf16(&mut units) {
            safe.push_str(&format!("\\u{unit:04x}"));
        }
    }
    safe
}

fn searched_figures(searched: &Searched) -> SearchedFigures<'_> {
    let terms = searched.terms.iter().map(|term| TermFigures {
        kind: term.name(),
        text: term.text(),
    });
    SearchedFigures {
        terms: terms.collect(),
        files: &searched.files,
        lines: searched.lines,
        first: searched.span.as_ref().map(|(first, _)| first.as_str()),
        last: searched.span.as_ref().map(|(_, last)| last.as_str()),
        passes: searched.passes,
        is_cut: searched.is_cut,
        left_out: searched.left_out,
        matches_forgotten: searched.matches_forgotten,
        lines_forgotten: searched.lines_forgotten,
    }
}

fn mail(mail: &Mail) -> MailFigures<'_> {
    MailFigures {
        message_id: text(mail.message_id()),
        recipients: mail.recipients.iter().map(recipient).collect(),
        hops: mail.hops.iter().map(hop).collect(),
    }
}

fn recipient(recipient: &Recipient) -> RecipientFigures<'_> {
    let entry = &recipient.entry;
    let field = |name| text(entry.field(name));
    RecipientFigures {
        recipient: text(recipient.address.as_deref()),
        orig_to: text(recipient.orig_to.as_deref()),
        outcome: recipient.outcome.name(),
        attempts: recipient.attempts,
        hop: recipient.hop,
        time: &entry.stamp,
        relay: field("relay"),
        delay: number(entry.field("delay")),
        dsn: field("dsn"),
        reply: field("reason").or(field("reply_text")).or(field("text")),
        mailbox: text(recipient.mailbox.as_deref()),
    }
}

fn hop(hop: &Hop) -> HopFigures<'_> {
    let origin = |field| text(hop.find(super::text::ORIGINS, field));
    HopFigures {
        host: text(Some(&hop.host)),
        queue_id: text(Some(&hop.queue_id)),
        from_hop: hop.from.map(|(from, _)| from),
        join: hop.from.map(|(_, how)| how.name()),
        is_removed: hop.is_removed,
        sender: hop.sender().map(String::from_utf8_lossy),
        size_bytes: number(hop.find(&["qmgr_active"], "size_bytes")),
        nrcpt: number(hop.find(&["qmgr_active"], "nrcpt")),
        client: origin("client_name"),
        client_address: origin("client_address"),
        sasl_username: origin("sasl_username"),
        sasl_method: origin("sasl_method"),
        tls: super::text::tls_of(hop),
        lines: hop.entries.iter().map(line).collect(),
    }
}

fn line(entry: &Entry) -> LineFigures<'_> {
    let fields = entry.fields();
    LineFigures {
        time: &entry.stamp,
        program: String::from_utf8_lossy(&entry.tag),
        pid: entry.pid,
        kind: entry.kind,
        message: String::from_utf8_lossy(&entry.message),
        fields: fields
            .map(|(name, value)| (name, String::from_utf8_lossy(value)))
            .collect(),
    }
}

fn text(value: Option<&[u8]>) -> Option<Cow<'_, str>> {
    let value = value.filter(|value| !value.is_empty())?;
    Some(String::from_utf8_lossy(value))
}

fn number(value: Option<&[u8]>) -> Option<Number> {
    let text = str::from_utf8(value?).ok()?;
    serde_json::from_str(text).ok()
}

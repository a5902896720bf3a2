//! Mails as one JSON object. Its shape, `schema` 1:
//!
//! `searched` {`terms` [{`kind`, `text`}], `files`, `lines`, `first`, `last`, `passes`,
//! `is_cut`, `left_out`}; `mails` [{`message_id`, `recipients` [{`recipient`, `orig_to`, `outcome`,
//! `attempts`, `hop`, `time`, `relay`, `delay`, `dsn`, `reply`, `mailbox`}], `hops` [{`host`,
//! `queue_id`, `from_hop`, `join`, `is_removed`, `sender`, `size_bytes`, `nrcpt`, `client`,
//! `client_address`, `sasl_username`, `sasl_method`, `tls`, `lines` [{`time`, `program`, `pid`,
//! `kind`, `message`, `fields`}]}]}]. What the log does not state is null.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::Searched;
use crate::trace::{Entry, Hop, Mail, Recipient};

/// The version of the layout.
const SCHEMA: u64 = 1;

/// Writes all mails as one object.
pub(super) fn write(mails: &[Mail], searched: &Searched, out: &mut impl Write) -> io::Result<()> {
    let object = json!({
        "schema": SCHEMA,
        "searched": searched_object(searched),
        "mails": mails.iter().map(mail).collect::<Vec<_>>(),
    });
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

fn searched_object(searched: &Searched) -> Value {
    let terms = searched.terms.iter();
    let terms: Vec<Value> = terms
        .map(|term| json!({"kind": term.name(), "text": term.text()}))
        .collect();
    let (first, last) = searched.span.clone().unzip();
    json!({
        "terms": terms, "files": searched.files, "lines": searched.lines, "first": first, "last": last,
        "passes": searched.passes, "is_cut": searched.is_cut, "left_out": searched.left_out,
    })
}

fn mail(mail: &Mail) -> Value {
    json!({
        "message_id": text(mail.message_id()),
        "recipients": mail.recipients.iter().map(recipient).collect::<Vec<_>>(),
        "hops": mail.hops.iter().map(hop).collect::<Vec<_>>(),
    })
}

fn recipient(recipient: &Recipient) -> Value {
    let entry = &recipient.entry;
    json!({
        "recipient": text(recipient.address.as_deref()),
        "orig_to": text(recipient.orig_to.as_deref()),
        "outcome": recipient.outcome.name(),
        "attempts": recipient.attempts,
        "hop": recipient.hop,
        "time": entry.stamp,
        "relay": text(entry.field("relay")),
        "delay": number(entry.field("delay")),
        "dsn": text(entry.field("dsn")),
        "reply": text(entry.field("reason").or(entry.field("reply_text")).or(entry.field("text"))),
        "mailbox": text(recipient.mailbox.as_deref()),
    })
}

fn hop(hop: &Hop) -> Value {
    let origin = &["smtpd_client", "smtpd_reject", "qmqpd_client"];
    json!({
        "host": text(Some(&hop.host)),
        "queue_id": text(Some(&hop.queue_id)),
        "from_hop": hop.from.map(|(from, _)| from),
        "join": hop.from.map(|(_, how)| how.name()),
        "is_removed": hop.is_removed,
        "sender": hop.sender().map(String::from_utf8_lossy),
        "size_bytes": number(hop.find(&["qmgr_active"], "size_bytes")),
        "nrcpt": number(hop.find(&["qmgr_active"], "nrcpt")),
        "client": text(hop.find(origin, "client_name")),
        "client_address": text(hop.find(origin, "client_address")),
        "sasl_username": text(hop.find(origin, "sasl_username")),
        "sasl_method": text(hop.find(origin, "sasl_method")),
        "tls": super::text::tls_of(hop),
        "lines": hop.entries.iter().map(line).collect::<Vec<_>>(),
    })
}

fn line(entry: &Entry) -> Value {
    let fields: Map<String, Value> = entry
        .fields()
        .map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into()))
        .collect();
    json!({
        "time": entry.stamp, "program": String::from_utf8_lossy(&entry.tag), "pid": entry.pid,
        "kind": entry.kind, "message": String::from_utf8_lossy(&entry.message), "fields": fields,
    })
}

fn text(value: Option<&[u8]>) -> Option<String> {
    let value = value.filter(|value| !value.is_empty())?;
    Some(String::from_utf8_lossy(value).into_owned())
}

fn number(value: Option<&[u8]>) -> Value {
    let text = value.and_then(|value| std::str::from_utf8(value).ok());
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or(Value::Null)
}

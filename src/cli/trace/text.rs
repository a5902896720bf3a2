//! Mails for people: what became of each recipient, then a timeline of each hop.

use std::io::{self, Write};

use crate::render::escaped;
use crate::trace::{Entry, Hop, Join, Mail, Outcome, Recipient};

/// Where values begin in the head of a mail.
const VALUE: usize = 11;
/// The lines that say whom a mail came from.
pub(super) const ORIGINS: &[&str] = &[
    "smtpd_client",
    "smtpd_reject",
    "psc_reject_rcpt",
    "qmqpd_client",
];
/// Where messages begin in a timeline.
const MESSAGE: usize = 36;

/// Writes all mails, in lines of at most `width` columns as far as words allow.
pub(super) fn write(mails: &[Mail], width: usize, out: &mut impl Write) -> io::Result<()> {
    for (at, mail) in mails.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        writeln!(out, "Mail {} of {}", at + 1, mails.len())?;
        write_head(mail, width, out)?;
        for number in 0..mail.hops.len() {
            write_hop(mail, number, width, out)?;
        }
    }
    Ok(())
}

fn write_head(mail: &Mail, width: usize, out: &mut impl Write) -> io::Result<()> {
    let Some(first) = mail.hops.first() else {
        return Ok(());
    };
    let mut rows: Vec<(&str, String)> = Vec::new();
    if let Some(id) = mail.message_id() {
        rows.push(("id", format!("<{}>", lossy(id))));
    }
    rows.push(("from", sender_of(first)));
    rows.extend(client_of(first).map(|client| ("client", client)));
    if let Some(size) = first.find(&["qmgr_active"], "size_bytes") {
        rows.push(("size", format!("{} bytes", lossy(size))));
    }
    for recipient in &mail.recipients {
        rows.push(("to", recipient_text(mail, recipient)));
    }
    for (name, value) in rows {
        let head = format!("  {name:<8} ");
        wrap(&head, &value, VALUE, width, out)?;
    }
    Ok(())
}

fn sender_of(hop: &Hop) -> String {
    match hop.sender() {
        Some(b"") => "<> (a notification)".to_owned(),
        Some(sender) => lossy(sender),
        None => "not in these logs".to_owned(),
    }
}

fn client_of(hop: &Hop) -> Option<String> {
    let origin = ORIGINS;
    if let Some(uid) = hop.find(&["pickup"], "uid") {
        return Some(format!("local, uid {}", lossy(uid)));
    }
    let address = hop.find(origin, "client_address")?;
    let name = hop.find(origin, "client_name").unwrap_or(b"unknown");
    let mut text = format!("{}[{}]", lossy(name), lossy(address));
    if let Some(user) = hop.find(origin, "sasl_username") {
        let method = hop
            .find(origin, "sasl_method")
            .map_or(String::new(), |method| format!(" ({})", lossy(method)));
        text.push_str(&format!(", user {}{method}", lossy(user)));
    }
    if let Some(tls) = tls_of(hop) {
        text.push_str(&format!(", {tls}"));
    }
    Some(text)
}

/// Says how the client's connection was encrypted, if a line does.
pub(super) fn tls_of(hop: &Hop) -> Option<String> {
    let mut lines = hop
        .entries
        .iter()
        .filter(|entry| entry.kind == "tls_connection");
    let line = lines.find(|entry| entry.field("direction") == Some(b"inbound"))?;
    let part = |name| line.field(name).map(lossy).unwrap_or_default();
    Some(format!(
        "{} {}, {}",
        part("protocol"),
        part("cipher"),
        part("trust")
    ))
}

fn recipient_text(mail: &Mail, recipient: &Recipient) -> String {
    let mut text = recipient
        .address
        .as_deref()
        .map_or("all recipients".to_owned(), lossy);
    if let Some(orig_to) = &recipient.orig_to {
        text.push_str(&format!(" (addressed to {})", lossy(orig_to)));
    }
    let entry = &recipient.entry;
    text.push_str(&format!(": {}", recipient.outcome.name()));
    if recipient.outcome == Outcome::Unknown {
        text.push_str(": these logs do not say what became of it");
        return text;
    }
    if recipient.attempts > 1 {
        text.push_str(&format!(" at attempt {}", recipient.attempts));
    }
    if let Some(delay) = entry.field("delay") {
        text.push_str(&format!(" after {} s", lossy(delay)));
    }
    if let Some(mailbox) = &recipient.mailbox {
        text.push_str(&format!(" to mailbox {}", lossy(mailbox)));
    }
    if mail.hops.len() > 1
        && let Some(hop) = mail.hops.get(recipient.hop)
    {
        text.push_str(&format!(" ({})", lossy(&hop.queue_id)));
    }
    if let Some(relay) = entry.field("relay") {
        text.push_str(&format!("; {}", lossy(relay)));
    }
    let reply = entry
        .field("reason")
        .or(entry.field("reply_text"))
        .or(entry.field("text"));
    if let Some(reply) = reply {
        text.push_str(&format!(": {}", lossy(reply)));
    }
    text
}

fn write_hop(mail: &Mail, number: usize, width: usize, out: &mut impl Write) -> io::Result<()> {
    let Some(hop) = mail.hops.get(number) else {
        return Ok(());
    };
    let mut title = format!("  {} {}", lossy(&hop.host), lossy(&hop.queue_id))
        .trim_end()
        .to_owned();
    if let Some((from, how)) = hop.from {
        let from = mail
            .hops
            .get(from)
            .map(|hop| lossy(&hop.queue_id))
            .unwrap_or_default();
        title.push_str(&format!(", {} {from}", how.words()));
    }
    if how_is_notification(hop) {
        title.push_str(" (its recipients are not counted above)");
    }
    writeln!(out, "\n{}", escaped(&title))?;
    let mut day = "";
    let mut before = None;
    for entry in &hop.entries {
        let (date, _) = entry.stamp.split_once('T').unwrap_or(("", ""));
        if date != day {
            writeln!(out, "    {}", escaped(date))?;
            day = date;
        }
        write_line(entry, before, width, out)?;
        before = entry.wall_us.or(before);
    }
    if !hop.is_removed && !hop.queue_id.is_empty() {
        writeln!(out, "    (no `removed` in these logs)")?;
    }
    Ok(())
}

fn how_is_notification(hop: &Hop) -> bool {
    hop.from.is_some_and(|(_, how)| how == Join::Notification)
}

/// A line of the timeline: the time of day, the time since the line above, the program.
fn write_line(
    entry: &Entry,
    before: Option<i64>,
    width: usize,
    out: &mut impl Write,
) -> io::Result<()> {
    let time = entry.stamp.split_once('T').map_or("", |(_, time)| time);
    let time: String = time.chars().take("00:00:00.000".len()).collect();
    let time = time.split(['+', '-', 'Z']).next().unwrap_or("");
    let gap = match (before, entry.wall_us) {
        (Some(before), Some(now)) if now > before => gap_text(now - before),
        _ => String::new(),
    };
    let tag = lossy(&entry.tag);
    let program = tag.rsplit('/').next().unwrap_or_default();
    let program: String = escaped(program).chars().take(10).collect();
    let head = format!("    {time:<12} {gap:>7} {program:<10} ");
    let message = lossy(&entry.message);
    let own = entry.queue_id().map(|id| format!("{}: ", lossy(id)));
    let message = own
        .and_then(|own| message.strip_prefix(&own).map(str::to_owned))
        .unwrap_or(message);
    wrap(&head, &message, MESSAGE, width, out)
}

/// The time since the line above, in the largest unit that fits.
fn gap_text(us: i64) -> String {
    let seconds = us / 1_000_000;
    match seconds {
        0 => format!("+{}ms", us / 1_000),
        1..=99 => format!("+{seconds}s"),
        100..=5_999 => format!("+{}min", seconds / 60),
        6_000..=359_999 => format!("+{}h", seconds / 3_600),
        _ => format!("+{}d", seconds / 86_400),
    }
}

/// Writes a text behind its head, broken between words; further lines are indented.
fn wrap(
    head: &str,
    text: &str,
    indent: usize,
    width: usize,
    out: &mut impl Write,
) -> io::Result<()> {
    let room = width.saturating_sub(indent).max(20);
    let mut line = head.to_owned();
    let mut used = 0;
    for word in escaped(text).split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > room {
            writeln!(out, "{}", line.trim_end())?;
            line = " ".repeat(indent);
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += length;
    }
    writeln!(out, "{}", line.trim_end())
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

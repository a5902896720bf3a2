//! A line that was found, with its fields, kept beyond its chunk.

use mailtally_parsers::{Event, Fields, Program, Record, Seconds, Visitor};

/// A line that belongs to a mail, or may do so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The number of the line in the log, from 0.
    pub place: u64,
    /// When it was logged, in microseconds on the wall clock; `None` where the line has no stamp.
    pub wall_us: Option<i64>,
    /// The same in the spelling of RFC 3339.
    pub stamp: String,
    /// The host that logged.
    pub host: Vec<u8>,
    /// The whole tag.
    pub tag: Vec<u8>,
    /// The process id.
    pub pid: Option<u32>,
    /// The kind's name.
    pub kind: &'static str,
    /// The text behind the envelope.
    pub message: Vec<u8>,
    /// The line as it was read.
    pub raw: Vec<u8>,
    /// Whether a milter, policy service or content filter logged it.
    pub is_companion: bool,
    fields: Vec<(&'static str, Vec<u8>)>,
}

impl Entry {
    /// Takes a line over; `time` is the wall clock and its text.
    pub fn new(record: &Record<'_>, raw: &[u8], time: Option<(i64, String)>) -> Self {
        let (wall_us, stamp) = time.map_or((None, String::new()), |(us, text)| (Some(us), text));
        let mut fields = Collected(Vec::new());
        let kind = match Event::parse(&record.tag, record.message) {
            Ok(event) => {
                event.visit(&mut fields);
                event.kind().name()
            }
            Err(_) => "unclassified",
        };
        Entry {
            place: 0,
            wall_us,
            stamp,
            host: record.host.to_vec(),
            tag: record.tag.text.to_vec(),
            pid: record.pid,
            kind,
            message: record.message.to_vec(),
            raw: raw.to_vec(),
            is_companion: matches!(record.tag.program, Program::Companion(_)),
            fields: fields.0,
        }
    }

    /// Returns a field's value as text, if the line has it and it is not empty.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.logged(name).filter(|value| !value.is_empty())
    }

    /// Returns a field's value, which may be empty, as the sender of a bounce is.
    pub fn logged(&self, name: &str) -> Option<&[u8]> {
        let found = self.fields.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_slice())
    }

    /// Lists all fields.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        self.fields
            .iter()
            .map(|(name, value)| (*name, value.as_slice()))
    }

    /// Returns the queue id; `NOQUEUE` is none.
    pub fn queue_id(&self) -> Option<&[u8]> {
        self.field("queue_id").filter(|id| *id != b"NOQUEUE")
    }

    /// Returns the message-id without its brackets.
    pub fn message_id(&self) -> Option<&[u8]> {
        let id = bare(self.field("message_id")?);
        (!id.is_empty()).then_some(id)
    }

    /// Returns what a content filter calls its work on one mail; it uses the names again.
    pub fn task(&self) -> Option<&[u8]> {
        match self.kind.starts_with("rspamd_") {
            true => self.field("uid"),
            false => self.field("am_id"),
        }
    }

    /// Returns Dovecot's session: of a line of its own, or of the reply that Postfix logged
    /// (`250 2.0.0 <rcpt> SESSION Saved`).
    pub fn session(&self) -> Option<&[u8]> {
        if let Some(session) = self.field("session") {
            return Some(of_transaction(session));
        }
        let text = self.field("reply_text")?.strip_suffix(b" Saved")?;
        let (_, session) = text.split_at_checked(memchr::memrchr(b' ', text)? + 1)?;
        Some(of_transaction(session))
    }
}

/// Takes off what tells the recipients of one transaction apart (`:2`, `:R2`, `:P2`). A further
/// transaction of one connection, `:T2`, is another mail.
fn of_transaction(session: &[u8]) -> &[u8] {
    let mut end = 0;
    for part in session.split(|byte| *byte == b':') {
        if end > 0 && part.first() != Some(&b'T') {
            break;
        }
        end += part.len() + usize::from(end > 0);
    }
    session.get(..end).unwrap_or(session)
}

/// Takes the angle brackets off an address or a message-id.
pub(super) fn bare(text: &[u8]) -> &[u8] {
    let text = text.strip_prefix(b"<").unwrap_or(text);
    text.strip_suffix(b">").unwrap_or(text)
}

struct Collected(Vec<(&'static str, Vec<u8>)>);

impl Visitor for Collected {
    fn text(&mut self, name: &'static str, value: &[u8]) {
        self.0.push((name, value.to_vec()));
    }

    fn number(&mut self, name: &'static str, value: u64) {
        self.0.push((name, value.to_string().into_bytes()));
    }

    fn decimal(&mut self, name: &'static str, value: &[u8]) {
        self.text(name, value);
    }

    fn seconds(&mut self, name: &'static str, value: Seconds) {
        self.0.push((name, value.to_string().into_bytes()));
    }

    fn seconds_list(&mut self, name: &'static str, values: &[Seconds]) {
        let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
        self.0.push((name, texts.join("/").into_bytes()));
    }

    fn flag(&mut self, name: &'static str, value: bool) {
        self.0.push((name, value.to_string().into_bytes()));
    }
}

//! Lines written out of fields, together with what a reader must find in them.

mod dovecot;
mod envelope;
mod postfix;

use std::collections::BTreeMap;

use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};
use mailtally_parsers::{Seconds, Visitor};

pub use envelope::Envelope;

/// A message and the fields that it was written from.
#[derive(Debug)]
pub struct Written {
    /// The tag without process id.
    pub tag: Vec<u8>,
    /// The text of the line.
    pub message: Vec<u8>,
    /// The kind that a reader must find.
    pub kind: &'static str,
    /// The values by field, as text; `None` where the line must have no such field.
    pub fields: BTreeMap<&'static str, Option<Vec<u8>>>,
}

impl<'a> Arbitrary<'a> for Written {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let shapes: &[fn(&mut Unstructured<'_>) -> Result<Written>] = &[
            postfix::delivery,
            postfix::delivery,
            postfix::reject,
            postfix::reject,
            postfix::connect,
            postfix::disconnect,
            postfix::client_line,
            postfix::session_error,
            postfix::queue_active,
            postfix::expired,
            postfix::message_id,
            postfix::pickup,
            postfix::tls,
            postfix::sasl_failed,
            postfix::postscreen_connect,
            dovecot::login,
            dovecot::session_end,
        ];
        u.choose(shapes)?(u)
    }
}

/// Writes a message piece by piece and keeps what was written as a field.
#[derive(Default)]
pub(crate) struct Writer {
    message: Vec<u8>,
    fields: BTreeMap<&'static str, Option<Vec<u8>>>,
}

impl Writer {
    /// Writes text that is no field.
    pub(crate) fn put(&mut self, text: &str) -> &mut Self {
        self.message.extend_from_slice(text.as_bytes());
        self
    }

    /// Writes a field's value.
    pub(crate) fn field(&mut self, name: &'static str, value: &[u8]) -> &mut Self {
        self.message.extend_from_slice(value);
        self.expect(name, value)
    }

    /// States a field whose value stands in the line already.
    pub(crate) fn expect(&mut self, name: &'static str, value: &[u8]) -> &mut Self {
        self.fields.insert(name, Some(value.to_vec()));
        self
    }

    /// Writes `before`, a field and `after`, or nothing: then the line has no such field.
    pub(crate) fn optional(
        &mut self,
        before: &str,
        name: &'static str,
        value: Option<&[u8]>,
        after: &str,
    ) -> &mut Self {
        match value {
            Some(value) => self.put(before).field(name, value).put(after),
            None => self.absent(name),
        }
    }

    /// States that the line has no such field.
    pub(crate) fn absent(&mut self, name: &'static str) -> &mut Self {
        self.fields.insert(name, None);
        self
    }

    pub(crate) fn into_line(self, tag: &str, kind: &'static str) -> Written {
        Written {
            tag: tag.as_bytes().to_vec(),
            message: self.message,
            kind,
            fields: self.fields,
        }
    }
}

/// Gathers the fields of an event as text, by name; the first one of a name counts.
#[derive(Debug, Default)]
pub struct Found(pub BTreeMap<&'static str, Vec<u8>>);

impl Found {
    fn add(&mut self, name: &'static str, value: Vec<u8>) {
        self.0.entry(name).or_insert(value);
    }
}

impl Visitor for Found {
    fn text(&mut self, name: &'static str, value: &[u8]) {
        self.add(name, value.to_vec());
    }
    fn number(&mut self, name: &'static str, value: u64) {
        self.add(name, value.to_string().into_bytes());
    }
    fn decimal(&mut self, name: &'static str, value: &[u8]) {
        self.add(name, value.to_vec());
    }
    fn seconds(&mut self, name: &'static str, value: Seconds) {
        self.add(name, value.to_string().into_bytes());
    }
    fn seconds_list(&mut self, name: &'static str, values: &[Seconds]) {
        let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
        self.add(name, texts.join("/").into_bytes());
    }
    fn flag(&mut self, name: &'static str, value: bool) {
        self.add(name, value.to_string().into_bytes());
    }
}

//! A line as an exported object: the envelope's fields, the kind, and the kind's own fields.

use mailtally_parsers::{Event, Fields, Program, Reason, Record, Seconds, Visitor};

/// A line of a log with its event, ready to be written out or compared with a filter.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// When the line was logged, in the spelling of RFC 3339; `None` where no calendar day fits.
    pub time: Option<&'a [u8]>,
    /// The envelope.
    pub record: &'a Record<'a>,
    /// The message, or why it is unparsed.
    pub event: Result<Event<'a>, Reason>,
}

/// The kind of a line of ours of unknown shape.
pub const UNCLASSIFIED: &str = "unclassified";

impl<'a> Line<'a> {
    /// Returns the name of the kind; lines of ours of unknown shape are `unclassified`.
    pub fn kind_name(&self) -> &'static str {
        match &self.event {
            Ok(event) => event.kind().name(),
            Err(_) => UNCLASSIFIED,
        }
    }

    /// Returns how often the line was logged, where it stands for more than itself.
    pub(super) fn repeated(&self) -> Option<u64> {
        (self.record.repeated > 1).then_some(u64::from(self.record.repeated))
    }

    /// Returns the host; Dovecot's own log file and Postfix's have none.
    pub fn host(&self) -> Option<&'a [u8]> {
        Some(self.record.host).filter(|host| !host.is_empty())
    }

    /// Returns the instance as far as one line tells it: the first element of the tag.
    ///
    /// Postfix and Dovecot have instances; other programs only where Postfix started them.
    pub fn instance(&self) -> Option<&'a [u8]> {
        let tag = &self.record.tag;
        let is_mail_server = matches!(
            tag.program,
            Program::Postfix(_) | Program::PostfixCut | Program::PostfixUnknown | Program::Dovecot
        );
        let has_path = tag.instance().len() != tag.text.len();
        (is_mail_server || has_path).then_some(tag.instance())
    }

    /// Returns the program's own name, whatever the tag before it; `None` where the tag was cut.
    pub(super) fn daemon(&self) -> Option<&'a [u8]> {
        let tag = &self.record.tag;
        match tag.program {
            Program::Postfix(daemon) => Some(daemon.name().as_bytes()),
            Program::Companion(companion) => Some(companion.name().as_bytes()),
            Program::Dovecot => Some(b"dovecot"),
            Program::PostfixCut => None,
            _ => Some(tag.name()),
        }
    }

    /// Visits the kind's own fields, under the names that the parser gives them: an object has
    /// [`message_name`] of each.
    pub(super) fn visit_message(&self, visitor: &mut dyn Visitor) {
        match &self.event {
            Ok(event) => event.visit(visitor),
            Err(reason) => {
                visitor.text("reason", reason.0.as_bytes());
                visitor.text("text", self.record.message);
            }
        }
    }
}

impl Fields for Line<'_> {
    /// Visits the envelope's fields and the kind's own, under the names of the exported object.
    fn visit(&self, visitor: &mut dyn Visitor) {
        let envelope = [
            ("time", self.time),
            ("host", self.host()),
            ("program", Some(self.record.tag.text)),
            ("instance", self.instance()),
            ("service", self.record.tag.service()),
            ("daemon", self.daemon()),
        ];
        for (name, value) in envelope {
            if let Some(value) = value {
                visitor.text(name, value);
            }
        }
        if let Some(pid) = self.record.pid {
            visitor.number("pid", u64::from(pid));
        }
        visitor.text("kind", self.kind_name().as_bytes());
        self.visit_message(&mut MessageNames(visitor));
        if let Some(times) = self.repeated() {
            visitor.number("repeated", times);
        }
    }
}

/// Passes fields on under the name that they have beside the envelope's.
struct MessageNames<'v>(&'v mut dyn Visitor);

/// Returns the name of a kind's own field beside the envelope's.
///
/// A field that is named like one of the envelope's (the remote `host` of a TLS session, the `pid`
/// in a message of Dovecot) is called `message_host`, `message_pid`: an object has each name once.
pub(super) fn message_name(name: &'static str) -> &'static str {
    match name {
        "time" => "message_time",
        "host" => "message_host",
        "program" => "message_program",
        "instance" => "message_instance",
        "service" => "message_service",
        "daemon" => "message_daemon",
        "pid" => "message_pid",
        "kind" => "message_kind",
        "schema" => "message_schema",
        _ => name,
    }
}

impl Visitor for MessageNames<'_> {
    fn text(&mut self, name: &'static str, value: &[u8]) {
        self.0.text(message_name(name), value);
    }

    fn number(&mut self, name: &'static str, value: u64) {
        self.0.number(message_name(name), value);
    }

    fn decimal(&mut self, name: &'static str, value: &[u8]) {
        self.0.decimal(message_name(name), value);
    }

    fn seconds(&mut self, name: &'static str, value: Seconds) {
        self.0.seconds(message_name(name), value);
    }

    fn seconds_list(&mut self, name: &'static str, values: &[Seconds]) {
        self.0.seconds_list(message_name(name), values);
    }

    fn flag(&mut self, name: &'static str, value: bool) {
        self.0.flag(message_name(name), value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::ENVELOPE;
    use super::*;

    #[test]
    fn keeps_each_name_of_the_envelope_free() {
        for field in ENVELOPE {
            let name = field.name;
            assert_eq!(message_name(name), format!("message_{name}"));
        }
        assert_eq!(message_name("client_address"), "client_address");
    }
}

//! What pflogsumm is known to miss in a log.

use mailtally_parsers::{Program, Tag};

use super::find::until;

/// Lines and mails that are not in pflogsumm's numbers, as far as they are known.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Missed {
    /// Lines of a Postfix under another syslog name.
    pub(super) names: u64,
    /// Lines of smtpd, postscreen, cleanup and pickup under a service's name.
    pub(super) services: u64,
    /// Deliveries with the field `tls=`.
    pub(super) tls: u64,
    /// What milters refused, held and discarded in smtpd.
    pub(super) milters: u64,
    /// Mails whose queue id an earlier one had.
    pub(super) queue_ids: u64,
}

impl Missed {
    pub(super) fn add(&mut self, more: &Missed) {
        self.names += more.names;
        self.services += more.services;
        self.tls += more.tls;
        self.milters += more.milters;
        self.queue_ids += more.queue_ids;
    }

    /// Says what is missed; `None` where nothing is known to be.
    pub(super) fn told(&self) -> Option<String> {
        let parts = [
            (self.names, "lines of other syslog names"),
            (self.services, "lines of services with names of their own"),
            (self.tls, "deliveries with tls="),
            (self.milters, "verdicts of milters in smtpd"),
            (
                self.queue_ids,
                "sizes of mails whose queue id was used before",
            ),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        (!parts.is_empty()).then(|| format!("not in pflogsumm's numbers: {}", parts.join(", ")))
    }
}

/// Tells whether a line that pflogsumm does not take is of Postfix.
pub(super) fn is_postfix(text: &[u8]) -> bool {
    let (tag, rest) = until(text, |byte| matches!(byte, b'[' | b':' | b' '));
    let is_tag = !rest.is_empty() && tag.contains(&b'/');
    is_tag && matches!(Tag::parse(tag).program, Program::Postfix(_))
}

/// Tells whether the lines of a command are not read because of the service before it.
pub(super) fn is_hidden_by_service(command: &[u8]) -> bool {
    let Some(slash) = memchr::memrchr(b'/', command) else {
        return false;
    };
    let daemon = command.get(slash + 1..).unwrap_or(b"");
    matches!(daemon, b"smtpd" | b"postscreen" | b"cleanup" | b"pickup")
}

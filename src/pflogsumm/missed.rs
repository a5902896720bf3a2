//! What pflogsumm is known to miss or misplace in a log.

use mailtally_parsers::{Program, Tag};

use super::find::until;

/// Lines, mails and days that pflogsumm counts wrong or not at all, as far as that is known.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Missed {
    /// Lines whose stamp it does not read.
    pub(super) stamps: u64,
    /// Lines of a Postfix under another syslog name.
    pub(super) names: u64,
    /// Lines of smtpd, postscreen, cleanup and pickup under a service's name.
    pub(super) services: u64,
    /// Lines that say how often another one was logged.
    pub(super) repeats: u64,
    /// Deliveries with the field `tls=`.
    pub(super) tls: u64,
    /// Deliveries that it does not read for another cause, such as a `>` in a quoted address.
    pub(super) deliveries: u64,
    /// What milters refused, held and discarded in smtpd.
    pub(super) milters: u64,
    /// Mails whose queue id an earlier one had.
    pub(super) queue_ids: u64,
    /// Sizes that came after a delivery.
    pub(super) late_sizes: u64,
    /// Deliveries of mails of 0 bytes, taken for such without a size.
    pub(super) empty: u64,
    /// Refusals with something else for their reason.
    pub(super) reasons: u64,
    /// Connections that smtp could not make.
    pub(super) connections: u64,
    /// Connections whose IPv6 address it reads wrong.
    pub(super) clients: u64,
    /// Lines of another year than it shows.
    pub(super) years: u64,
    /// Days that are counted a second time, because lines of another day stand between.
    pub(super) days_again: u64,
    /// Days that are added to one of another month or year.
    pub(super) days_as_others: u64,
}

impl Missed {
    /// Adds what was found in a later part.
    pub(super) fn add(&mut self, more: &Missed) {
        let mut more = *more;
        let counts = self.counts().into_iter().zip(more.counts());
        for ((count, ..), (more, ..)) in counts {
            *count += *more;
        }
    }

    /// Lists the counts, and what they are of: one, and several.
    fn counts(&mut self) -> [(&mut u64, &'static str, &'static str); 16] {
        [
            (
                &mut self.stamps,
                "line with a stamp of another form",
                "lines with stamps of another form",
            ),
            (
                &mut self.names,
                "line of another syslog name",
                "lines of other syslog names",
            ),
            (
                &mut self.services,
                "line of a service with a name of its own",
                "lines of services with names of their own",
            ),
            (
                &mut self.repeats,
                "line that stands for several",
                "lines that stand for several",
            ),
            (&mut self.tls, "delivery with tls=", "deliveries with tls="),
            (
                &mut self.deliveries,
                "delivery in an unknown form",
                "deliveries in an unknown form",
            ),
            (
                &mut self.milters,
                "verdict of a milter in smtpd",
                "verdicts of milters in smtpd",
            ),
            (
                &mut self.queue_ids,
                "mail whose queue id was used before",
                "mails whose queue ids were used before",
            ),
            (
                &mut self.late_sizes,
                "size that follows a delivery",
                "sizes that follow a delivery",
            ),
            (
                &mut self.empty,
                "delivery of an empty mail",
                "deliveries of empty mails",
            ),
            (
                &mut self.reasons,
                "refusal without its reason",
                "refusals without their reasons",
            ),
            (
                &mut self.connections,
                "failed connection of smtp",
                "failed connections of smtp",
            ),
            (
                &mut self.clients,
                "connection from IPv6",
                "connections from IPv6",
            ),
            (
                &mut self.years,
                "line of another year",
                "lines of another year",
            ),
            (
                &mut self.days_again,
                "day counted again",
                "days counted again",
            ),
            (
                &mut self.days_as_others,
                "day added to that of another month",
                "days added to those of another month",
            ),
        ]
    }

    /// Says what is missed or misplaced; `None` where nothing is known to be.
    pub(super) fn told(mut self) -> Option<String> {
        let counts = self.counts();
        let counts = counts.iter().filter(|(count, ..)| **count > 0);
        let parts: Vec<String> = counts
            .map(|(count, one, several)| match **count {
                1 => format!("1 {one}"),
                count => format!("{count} {several}"),
            })
            .collect();
        (!parts.is_empty()).then(|| {
            format!(
                "pflogsumm is known to miscount: {}; --mend prints the right numbers",
                parts.join(", ")
            )
        })
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

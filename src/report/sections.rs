//! Which sections a report has.

use crate::tally::Wanted;

/// A part of a report that can be asked for by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// Grand totals, by instance too.
    Totals,
    /// Traffic per day and hour.
    Traffic,
    /// TLS sessions.
    Tls,
    /// Logins.
    Logins,
    /// Refused mail.
    Rejects,
    /// Failed deliveries by reason and destination.
    Failures,
    /// Delays, stage by stage.
    Delays,
    /// Mails and bytes by sending and recipient domain.
    Domains,
    /// Mails and bytes by sender and recipient.
    Addresses,
    /// Refusals by class and rule, for now and for good, over time.
    RejectTrend,
    /// Warnings, errors and what master says.
    Warnings,
    /// How long clients stay with smtpd.
    Smtpd,
    /// postscreen and blocklists.
    Postscreen,
    /// Greylisting.
    Greylist,
    /// Dovecot's mail processes.
    Mailboxes,
    /// Verdicts of milters, policy services and filters.
    Verdicts,
    /// Where logins come from.
    LoginSources,
    /// IPv4 beside IPv6: connections, accepted mail, deliveries.
    Families,
    /// Sources of unwanted mail.
    SpamSources,
    /// How every line was accounted for.
    Coverage,
}

/// The rows of the lists of single parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits([Option<u32>; PARTS]);

/// No report has more parts.
const PARTS: usize = 64;

impl Default for Limits {
    fn default() -> Self {
        Limits([None; PARTS])
    }
}

impl Limits {
    /// Sets the rows of the lists of these parts.
    pub fn set(&mut self, sections: Sections, rows: usize) {
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        for (bit, limit) in self.0.iter_mut().enumerate() {
            if sections.has_bit(bit) {
                *limit = Some(rows);
            }
        }
    }

    /// Returns the rows of a part's lists, if they were set.
    pub(super) fn of(&self, part: Part) -> Option<usize> {
        let limit = self.0.get(part as usize).copied().flatten()?;
        usize::try_from(limit).ok()
    }
}

/// The parts that were asked for; by default those that cost little.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sections(u64);

impl Default for Sections {
    fn default() -> Self {
        Sections(Sections::ALL.0 & !Sections::ONLY_ASKED_FOR.0)
    }
}

impl FromIterator<Part> for Sections {
    fn from_iter<I: IntoIterator<Item = Part>>(parts: I) -> Self {
        Sections(parts.into_iter().fold(0, |all, part| all | bit(part)))
    }
}

const fn bit(part: Part) -> u64 {
    1 << part as u64
}

impl Sections {
    /// All parts there are.
    pub const ALL: Sections = Sections(u64::MAX);

    /// The parts that cost too much for a report that nobody asked to have them.
    const ONLY_ASKED_FOR: Sections = Sections(
        bit(Part::Delays)
            | bit(Part::Domains)
            | bit(Part::Addresses)
            | bit(Part::Smtpd)
            | bit(Part::RejectTrend)
            | bit(Part::Greylist)
            // It shows addresses at length, and no figure of its own.
            | bit(Part::LoginSources),
    );

    /// Adds the parts of both.
    #[must_use]
    pub fn and(self, others: Sections) -> Sections {
        Sections(self.0 | others.0)
    }

    /// Tells whether a part was asked for.
    pub fn has(self, part: Part) -> bool {
        self.has_bit(part as usize)
    }

    fn has_bit(self, bit: usize) -> bool {
        self.0 >> bit & 1 == 1
    }

    /// What has to be counted for them.
    pub fn wanted(self) -> Wanted {
        let volume = self.has(Part::Domains) || self.has(Part::Addresses);
        let failures = self.has(Part::Failures);
        let screening = self.has(Part::Postscreen);
        let [refused, greylist] = [Part::RejectTrend, Part::Greylist].map(|part| self.has(part));
        let [totals, traffic, families, sources] = [
            Part::Totals,
            Part::Traffic,
            Part::Families,
            Part::SpamSources,
        ]
        .map(|part| self.has(part));
        Wanted {
            // Good mail counts for a client, too.
            mail: totals || traffic || families || sources || volume || failures || screening,
            tls: self.has(Part::Tls) || families,
            logins: self.has(Part::Logins) || self.has(Part::LoginSources) || families || sources,
            // Messages tell refusals for good from refusals for now.
            rejects: self.has(Part::Rejects)
                || totals
                || families
                || sources
                || refused
                || greylist,
            clients: families || sources,
            deliveries: families,
            failures,
            // IPv6 may be what failed.
            servers: failures || families,
            volume,
            delays: self.has(Part::Delays),
            refused,
            warnings: self.has(Part::Warnings),
            stays: self.has(Part::Smtpd),
            screening,
            greylist,
            mailboxes: self.has(Part::Mailboxes),
            verdicts: self.has(Part::Verdicts),
        }
    }
}

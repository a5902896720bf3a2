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
    /// IPv4 beside IPv6: connections, accepted mail, deliveries.
    Families,
    /// Sources of unwanted mail.
    SpamSources,
    /// How every line was accounted for.
    Coverage,
}

/// The parts that were asked for; all of them by default.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sections(u16);

impl Default for Sections {
    fn default() -> Self {
        Sections(u16::MAX)
    }
}

impl FromIterator<Part> for Sections {
    fn from_iter<I: IntoIterator<Item = Part>>(parts: I) -> Self {
        Sections(
            parts
                .into_iter()
                .fold(0, |all, part| all | 1 << part as u16),
        )
    }
}

impl Sections {
    /// Tells whether a part was asked for.
    pub fn has(self, part: Part) -> bool {
        self.0 & (1 << part as u16) != 0
    }

    /// What has to be counted for them.
    pub fn wanted(self) -> Wanted {
        let [totals, traffic, families, sources] = [
            Part::Totals,
            Part::Traffic,
            Part::Families,
            Part::SpamSources,
        ]
        .map(|part| self.has(part));
        Wanted {
            // Good mail counts for a client, too.
            mail: totals || traffic || families || sources,
            tls: self.has(Part::Tls) || families,
            logins: self.has(Part::Logins) || families || sources,
            // Messages tell refusals for good from refusals for now.
            rejects: self.has(Part::Rejects) || totals || families || sources,
            clients: families || sources,
            deliveries: families,
        }
    }
}

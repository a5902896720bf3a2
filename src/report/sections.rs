//! Which sections a report has.

use crate::tally::Wanted;

/// Declares the parts with their names and what they show, in the order in which they are listed.
macro_rules! parts {
    ($($part:ident = $name:literal: $about:literal,)*) => {
        /// A part of a report that can be asked for by itself.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Part {
            $(#[doc = $about] $part,)*
        }

        impl Part {
            /// All parts.
            pub const ALL: &[Part] = &[$(Part::$part,)*];

            /// Returns the name by which the part is asked for.
            pub fn name(self) -> &'static str {
                match self {
                    $(Part::$part => $name,)*
                }
            }

            /// Says what the part shows.
            pub fn about(self) -> &'static str {
                match self {
                    $(Part::$part => $about,)*
                }
            }
        }
    };
}

parts! {
    Totals = "totals": "Grand totals, by instance too",
    Traffic = "traffic": "Traffic per day and hour",
    Tls = "tls": "TLS sessions",
    Logins = "logins": "Logins",
    Rejects = "rejects": "Refused mail",
    Failures = "failures": "Deferrals, bounces and expired mail by reason and destination",
    Delays = "delays": "How long deliveries took, stage by stage",
    MessageDetail = "message-detail": "Single mails: deferred, bounced, expired, biggest, slowest",
    Domains = "domains": "Mails and bytes by sending and recipient domain",
    Addresses = "addresses": "Mails and bytes by sender and recipient",
    RejectTrend = "reject-trend": "Refusals by class and rule, for now and for good, over time",
    RejectDetail = "reject-detail": "Who was refused by each rule: clients, HELO names, senders, recipients",
    Warnings = "warnings": "Warnings, errors, panics, and what master says",
    Smtpd = "smtpd": "How long clients stay with smtpd, and which sessions broke off",
    Postscreen = "postscreen": "What postscreen did, and what blocklists said",
    Greylist = "greylist": "Who came back after greylisting, and when",
    Mailboxes = "mailboxes": "Dovecot's sessions, bytes, deliveries, Sieve actions, full mailboxes",
    Verdicts = "verdicts": "What milters, policy services and filters decided",
    LoginSources = "login-sources": "Failed logins by address and network, users by networks",
    Families = "families": "IPv4 beside IPv6",
    SpamSources = "spam-sources": "Sources of unwanted mail",
    Coverage = "coverage": "How every line was accounted for",
}

/// How many of the lines that a part counts belong to a mail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Share {
    /// None, or so few that what is left would mislead: connections, logins, TLS sessions.
    None,
    /// Some.
    Some,
    /// All that matter.
    All,
}

impl Part {
    /// Tells how many of its lines are there when only those of mails are counted.
    pub fn share_of_mails(self) -> Share {
        match self {
            Part::Tls
            | Part::Logins
            | Part::LoginSources
            | Part::Smtpd
            | Part::Postscreen
            | Part::Mailboxes
            | Part::Warnings => Share::None,
            Part::Families | Part::SpamSources | Part::Verdicts => Share::Some,
            _ => Share::All,
        }
    }
}

/// The rows of the lists of single parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits([Option<u32>; Part::ALL.len()]);

impl Default for Limits {
    fn default() -> Self {
        Limits([None; Part::ALL.len()])
    }
}

impl Limits {
    /// Sets the rows of the lists of these parts.
    pub fn set(&mut self, sections: Sections, rows: usize) {
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        for (part, limit) in Part::ALL.iter().zip(&mut self.0) {
            if sections.has(*part) {
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
            | bit(Part::RejectDetail)
            | bit(Part::MessageDetail)
            | bit(Part::Greylist)
            // It shows addresses at length, and no figure of its own.
            | bit(Part::LoginSources),
    );

    /// Takes out the parts about which mails say nothing; returns those taken out.
    #[must_use]
    pub fn of_mails(self) -> (Sections, Vec<Part>) {
        let parts = Part::ALL.iter().copied();
        let named = |part: &Part| self.has(*part);
        let (out, left) = parts
            .filter(named)
            .partition::<Vec<Part>, _>(|part| part.share_of_mails() == Share::None);
        (left.into_iter().collect(), out)
    }

    /// Adds the parts of both.
    #[must_use]
    pub fn and(self, others: Sections) -> Sections {
        Sections(self.0 | others.0)
    }

    /// Tells whether a part was asked for.
    pub fn has(self, part: Part) -> bool {
        self.0 & bit(part) != 0
    }

    /// What has to be counted for them.
    pub fn wanted(self) -> Wanted {
        let volume = self.has(Part::Domains) || self.has(Part::Addresses);
        let failures = self.has(Part::Failures);
        let mails = self.has(Part::MessageDetail);
        let screening = self.has(Part::Postscreen);
        let [refused, behind, greylist] =
            [Part::RejectTrend, Part::RejectDetail, Part::Greylist].map(|part| self.has(part));
        let [totals, traffic, families, sources] = [
            Part::Totals,
            Part::Traffic,
            Part::Families,
            Part::SpamSources,
        ]
        .map(|part| self.has(part));
        Wanted {
            // Good mail counts for a client, too.
            mail: totals
                || traffic
                || families
                || sources
                || volume
                || failures
                || mails
                || screening
                || greylist,
            tls: self.has(Part::Tls) || families,
            logins: self.has(Part::Logins) || self.has(Part::LoginSources) || families || sources,
            // Messages tell refusals for good from refusals for now.
            rejects: self.has(Part::Rejects)
                || totals
                || families
                || sources
                || refused
                || behind
                || greylist,
            clients: families || sources,
            deliveries: families,
            failures,
            // IPv6 may be what failed.
            servers: failures || families,
            unreached_alone: !failures,
            volume,
            mails,
            delays: self.has(Part::Delays),
            refused,
            behind,
            warnings: self.has(Part::Warnings),
            stays: self.has(Part::Smtpd),
            screening,
            greylist,
            mailboxes: self.has(Part::Mailboxes),
            verdicts: self.has(Part::Verdicts),
            lists: true,
            relays: true,
            // No section shows them: `mailtally rules` does.
            delivered_senders: false,
            // It is asked for by a flag.
            exporter: false,
        }
    }
}

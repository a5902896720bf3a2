//! What counts as evidence against the source of a mail, and what each piece weighs.
//!
//! The one definition that the report's sources of spam and `mailtally top` share. A line may be
//! several pieces: a refusal by a blocklist is a refusal and a hit. Whose line it is, and how often
//! it came, is **not** looked at here.

use mailtally_parsers::companion::Event as Companion;
use mailtally_parsers::postfix::Event as Postfix;
use mailtally_parsers::postfix::rule::Rule;

/// A piece of evidence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Evidence {
    /// A refusal for something that the other side did.
    Reject,
    /// A refusal for now or for a cause of ours: greylisting, no room, a failing service.
    Later,
    /// A refusal for an unknown recipient, on top of the refusal itself.
    UnknownRecipient,
    /// A blocklist has the address; on top of the refusal that mostly goes with it.
    Dnsbl,
    /// A failed login.
    AuthFailure,
    /// A test of postscreen was failed: talking before the greeting and the like.
    Postscreen,
    /// The protocol was broken in a session with smtpd.
    Protocol,
    /// A filter took a mail for spam.
    Spam,
    /// Malware was found in a mail.
    Virus,
}

impl Evidence {
    /// All there are, in the order of columns.
    pub const ALL: [Evidence; 9] = [
        Evidence::Reject,
        Evidence::Later,
        Evidence::UnknownRecipient,
        Evidence::Dnsbl,
        Evidence::AuthFailure,
        Evidence::Postscreen,
        Evidence::Protocol,
        Evidence::Spam,
        Evidence::Virus,
    ];

    /// Returns the name for programs and for `--weight`.
    pub fn name(self) -> &'static str {
        match self {
            Evidence::Reject => "reject",
            Evidence::Later => "refused_for_now",
            Evidence::UnknownRecipient => "unknown_recipient",
            Evidence::Dnsbl => "dnsbl",
            Evidence::AuthFailure => "auth_failure",
            Evidence::Postscreen => "postscreen",
            Evidence::Protocol => "protocol",
            Evidence::Spam => "spam",
            Evidence::Virus => "virus",
        }
    }

    /// Returns its place in [`Evidence::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Returns the points of one piece, where nobody says otherwise.
    pub fn weight(self) -> u64 {
        match self {
            // The unit. Which of them a good server meets too is told by its accepted mail.
            Evidence::Reject | Evidence::Later => 1,
            // Guessing recipients is what dictionary attacks do, and typing one wrong what people
            // do: hence no more than the refusal again.
            Evidence::UnknownRecipient => 1,
            // Somebody else judged the address, by mail seen elsewhere.
            Evidence::Dnsbl => 3,
            // A remote mail server never logs in, a user seldom fails often.
            Evidence::AuthFailure => 2,
            // No mail server does it by mistake.
            Evidence::Postscreen | Evidence::Protocol => 2,
            // It came in, or would have: what the other pieces only let one expect.
            Evidence::Spam => 5,
            Evidence::Virus => 10,
        }
    }

    /// Tells whether it says something against the source; being told to come later does not.
    pub fn is_proof(self) -> bool {
        self != Evidence::Later
    }

    /// Returns what a refusal of a class is, and what it is on top of that.
    pub fn of_refusal(class: &str) -> (Evidence, Option<Evidence>) {
        match class {
            "greylist"
            | "filter-unavailable"
            | "local-error"
            | "local-service-down"
            | "mailbox-unavailable"
            | "over-quota"
            | "server-error"
            | "service-unavailable"
            | "system-full"
            | "transport-unavailable"
            | "unverified"
            | "dns-failure" => (Evidence::Later, None),
            "dnsbl" => (Evidence::Reject, Some(Evidence::Dnsbl)),
            "unknown-recipient" => (Evidence::Reject, Some(Evidence::UnknownRecipient)),
            "spam" => (Evidence::Reject, Some(Evidence::Spam)),
            "virus" => (Evidence::Reject, Some(Evidence::Virus)),
            _ => (Evidence::Reject, None),
        }
    }

    /// Returns what a line of Postfix is that refuses nothing.
    pub fn of_sign(event: &Postfix<'_>) -> Option<Evidence> {
        Some(match event {
            Postfix::PscDnsblRank(_) => Evidence::Dnsbl,
            Postfix::PscPregreet(_)
            | Postfix::PscPipelining(_)
            | Postfix::PscNonSmtp(_)
            | Postfix::PscBareNewline(_) => Evidence::Postscreen,
            Postfix::SmtpdPipelining(_)
            | Postfix::SmtpdTooManyErrors(_)
            | Postfix::NonSmtpCommand(_) => Evidence::Protocol,
            _ => return None,
        })
    }

    /// Returns what a line of Postfix is, with the class of the refusal if it is one.
    pub fn of_line(event: &Postfix<'_>) -> Option<Found> {
        let found = |first, second, class| Found {
            first,
            second,
            class,
        };
        if let Some(rule) = Rule::of(event) {
            let is_refusal = matches!(
                rule.action,
                b"reject" | b"milter-reject" | b"milter-header-reject"
            );
            let (first, second) = Evidence::of_refusal(rule.class.name);
            return is_refusal.then_some(found(first, second, Some(rule.class.name)));
        }
        match event {
            Postfix::PscRejectConnect(_) | Postfix::PscScreeningBusy(_) => {
                Some(found(Evidence::Later, None, Some("service-unavailable")))
            }
            Postfix::SmtpdLocalDataError(_) => {
                Some(found(Evidence::Later, None, Some("server-error")))
            }
            _ => Some(found(Evidence::of_sign(event)?, None, None)),
        }
    }

    /// Returns what a filter's verdict on a mail is.
    pub fn of_verdict(event: &Companion<'_>) -> Option<Evidence> {
        match event {
            Companion::RspamdResult(event) => {
                let is_spam = matches!(
                    event.action?,
                    b"reject" | b"add header" | b"rewrite subject" | b"quarantine" | b"discard"
                );
                is_spam.then_some(Evidence::Spam)
            }
            Companion::AmavisResult(event) => match event.category {
                b"SPAM" | b"SPAMMY" => Some(Evidence::Spam),
                b"INFECTED" => Some(Evidence::Virus),
                _ => None,
            },
            Companion::ClamavMilterResult(event) => event.virus.map(|_| Evidence::Virus),
            _ => None,
        }
    }
}

/// The evidence of one line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    /// What it is.
    pub first: Evidence,
    /// What it is on top of that.
    pub second: Option<Evidence>,
    /// The class of a refusal.
    pub class: Option<&'static str>,
}

/// Taken off for each mail accepted: a good server that is greylisted is refused once or twice for
/// each mail it brings in the end, and must stay at or below zero.
pub const ACCEPTED_WEIGHT: u64 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_places_agree() {
        for (at, evidence) in Evidence::ALL.into_iter().enumerate() {
            assert_eq!(evidence.index(), at);
            let same = Evidence::ALL.iter().filter(|e| e.name() == evidence.name());
            assert_eq!(same.count(), 1);
        }
    }

    #[test]
    fn being_told_to_come_later_proves_nothing() {
        assert!(!Evidence::of_refusal("greylist").0.is_proof());
        assert!(Evidence::of_refusal("relay-denied").0.is_proof());
        let listed = Evidence::of_refusal("dnsbl");
        assert_eq!(listed, (Evidence::Reject, Some(Evidence::Dnsbl)));
    }
}

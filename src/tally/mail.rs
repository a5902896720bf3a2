//! What a mail's lines say about it, and what a settled mail adds to the counters.

use mailtally_parsers::postfix::Postsuper;
use mailtally_parsers::postfix::pickup::Pickup;
use mailtally_parsers::postfix::qmgr::Active;
use mailtally_parsers::postfix::smtpd::ClientLine;

use super::deliveries::Status;
use super::lives::{Fate, Settled};
use super::origin::InstanceKey;
use super::symbols::{Renumber, Renumbering, Symbol};

/// The client of a mail, as its `client=` line names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ClientFacts {
    pub(crate) name: Symbol,
    /// The address of the connection: a content filter's where one hands the mail back.
    pub(crate) peer: Symbol,
    /// The address that the mail counts under: `orig_client` where a proxy stands before the queue.
    pub(crate) address: Symbol,
    pub(crate) is_loopback: bool,
}

/// What a rule does with a mail that it does not refuse.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    Hold,
    Discard,
}

/// What the lines of one life said so far, of constant size.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts {
    /// The prefix that the mail's lines are tagged with, and whether smtpd was not the one to say
    /// so: a submission service may log under a name of its own.
    pub(crate) instance: Option<(Symbol, bool)>,
    pub(crate) client: Option<ClientFacts>,
    pub(crate) pickup: bool,
    /// `orig_queue_id=` or `orig_id=`: the mail was in a queue before.
    pub(crate) linked: bool,
    pub(crate) sender: Option<Symbol>,
    pub(crate) size_bytes: Option<u64>,
    pub(crate) nrcpt: u64,
    /// Put on hold by a rule: accepted, although no qmgr line may follow.
    pub(crate) held: bool,
    /// Discarded by a rule: accepted, and nothing more of it is logged.
    pub(crate) discarded: bool,
    pub(crate) sent: u64,
    pub(crate) deferrals: u64,
    pub(crate) bounced: u64,
    pub(crate) expired: bool,
    /// The reason and the recipient domain of the last deferral, where somebody asks for them.
    pub(crate) last_deferral: Option<(Symbol, Symbol)>,
}

impl Facts {
    /// Notes which instance a line of this mail came from; smtpd's word counts least.
    pub(crate) fn note_instance(&mut self, prefix: Symbol, by_smtpd: bool) {
        match self.instance {
            Some((_, true)) => {}
            Some(_) if by_smtpd => {}
            _ => self.instance = Some((prefix, !by_smtpd)),
        }
    }

    /// Notes what an access map said of this mail before it had a queue id.
    pub(crate) fn note_access(&mut self, action: Access) {
        match action {
            Access::Hold => self.held = true,
            Access::Discard => self.discarded = true,
        }
    }

    /// Notes a `client=` line.
    pub(crate) fn note_client(&mut self, client: ClientFacts, event: &ClientLine<'_>) {
        self.client = self.client.or(Some(client));
        self.linked |= event.orig_queue_id.is_some();
    }

    /// Notes that pickup took the mail in.
    pub(crate) fn note_pickup(&mut self, event: &Pickup<'_>) {
        self.pickup = true;
        self.linked |= event.orig_id.is_some();
    }

    /// Notes that the queue manager has the mail; the first sender and size stay.
    pub(crate) fn note_active(&mut self, event: &Active<'_>, sender: Symbol) {
        if self.size_bytes.is_none() {
            self.size_bytes = Some(event.size_bytes);
            self.sender = Some(sender);
        }
        self.nrcpt = event.nrcpt;
    }

    /// Notes what postsuper did.
    pub(crate) fn note_postsuper(&mut self, event: &Postsuper<'_>) {
        self.held |= event.action == b"placed on hold";
    }

    /// Notes what became of a recipient in one attempt.
    pub(crate) fn note_delivery(&mut self, status: Status, forwarded: bool) {
        match status {
            Status::Sent if forwarded => {}
            Status::Sent => self.sent += 1,
            Status::Deferred => self.deferrals += 1,
            Status::Bounced => self.bounced += 1,
            Status::Other => {}
        }
    }

    /// Takes over what a later part of the log says about the same mail.
    pub(crate) fn merge(&mut self, later: Facts) {
        if let Some((prefix, certain)) = later.instance {
            self.note_instance(prefix, !certain);
        }
        self.client = self.client.or(later.client);
        self.pickup |= later.pickup;
        self.linked |= later.linked;
        if self.size_bytes.is_none() {
            self.size_bytes = later.size_bytes;
            self.sender = later.sender;
        }
        self.nrcpt = if later.nrcpt > 0 {
            later.nrcpt
        } else {
            self.nrcpt
        };
        self.held |= later.held;
        self.discarded |= later.discarded;
        self.sent += later.sent;
        self.deferrals += later.deferrals;
        self.bounced += later.bounced;
        self.expired |= later.expired;
        self.last_deferral = later.last_deferral.or(self.last_deferral);
    }

    pub(crate) fn renumber(&mut self, numbers: &Renumbering) {
        self.instance = self
            .instance
            .map(|(prefix, certain)| (prefix.renumber(numbers), certain));
        self.client = self.client.map(|client| ClientFacts {
            name: client.name.renumber(numbers),
            peer: client.peer.renumber(numbers),
            address: client.address.renumber(numbers),
            ..client
        });
        self.sender = self.sender.renumber(numbers);
        self.last_deferral = self.last_deferral.renumber(numbers);
    }

    /// The recipients given up, if the mail expired.
    pub(crate) fn expired_recipients(&self) -> u64 {
        let done = self.sent + self.bounced;
        self.nrcpt.saturating_sub(done).max(1)
    }

    pub(crate) fn is_loopback_client(&self) -> bool {
        self.client.is_some_and(|client| client.is_loopback)
    }
}

/// What a settled mail means, before it is added to the counters.
pub(crate) struct Outcome<'a> {
    pub(crate) instance: Option<InstanceKey>,
    /// Accepted in this log: its birth was seen, and it got into a queue.
    pub(crate) accepted: bool,
    pub(crate) reinjected: bool,
    pub(crate) facts: &'a Facts,
    pub(crate) fate: Fate,
    pub(crate) birth_seen: bool,
    pub(crate) handed_over: u64,
    /// Recipients given up when the mail expired.
    pub(crate) expired_recipients: u64,
}

impl<'a> Outcome<'a> {
    pub(crate) fn of<S>(settled: &Settled<'a, S>) -> Self {
        let &Settled {
            host,
            facts,
            fate,
            birth_seen,
            is_later_hop,
            handed_over,
            ..
        } = settled;
        let accepted = birth_seen && (facts.size_bytes.is_some() || facts.held || facts.discarded);
        Outcome {
            instance: facts
                .instance
                .map(|(prefix, _)| InstanceKey { host, prefix }),
            accepted: accepted && !is_later_hop,
            reinjected: accepted && is_later_hop,
            expired_recipients: if facts.expired {
                facts.expired_recipients()
            } else {
                0
            },
            facts,
            fate,
            birth_seen,
            handed_over,
        }
    }
}

impl Outcome<'_> {
    /// Whether the mail was in a queue when its last line was logged. A refused or given-up
    /// transaction has a birth and no end, but never got into one.
    pub(crate) fn was_in_queue(&self) -> bool {
        let facts = self.facts;
        let was_tried = facts.sent + facts.deferrals + facts.bounced > 0;
        !facts.discarded && (facts.size_bytes.is_some() || facts.held || was_tried)
    }
}

/// Lower-cases an address from its first `@` on and returns its length before the domain.
///
/// pflogsumm's rule: the local part keeps its case. The domain follows the *last* `@`, for a quoted
/// local part may hold one; a bare word (`root`) is its own domain.
pub(crate) fn normalize(address: &[u8], into: &mut Vec<u8>) -> usize {
    into.clear();
    into.extend_from_slice(address);
    if let Some(at) = memchr::memchr(b'@', into)
        && let Some(domain) = into.get_mut(at..)
    {
        domain.make_ascii_lowercase();
    }
    memchr::memrchr(b'@', into).map_or(0, |at| at + 1)
}

/// What a sender is listed as; one without an address as pflogsumm has it.
pub(crate) fn listed_sender(sender: &[u8]) -> &[u8] {
    match sender {
        b"" => b"from=<>",
        sender => sender,
    }
}

/// Writes the domain that a client's mail is filed under (see [`client_domain`]), as it is listed.
pub(crate) fn write_client_domain(name: &[u8], address: &[u8], into: &mut Vec<u8>) {
    let (domain, is_lower) = client_domain(name, address);
    into.clear();
    into.extend_from_slice(domain);
    if is_lower {
        into.make_ascii_lowercase();
    }
}

/// Tells whether a client has a name.
pub(crate) fn is_named(name: &[u8]) -> bool {
    !matches!(name, b"" | b"unknown")
}

/// The part of a client's name that pflogsumm files its mail under, and whether it is lower-cased.
///
/// Of three labels or more, the last two if the last has three letters; of four or more, the last
/// three if the last two have two or three and two letters; else the whole name as it is. For an
/// unknown name it is the address.
/// Source: the counting rules of pflogsumm 1.1.5 (`gimme_domain`).
fn client_domain<'a>(name: &'a [u8], address: &'a [u8]) -> (&'a [u8], bool) {
    if !is_named(name) {
        return (address, false);
    }
    let mut dots = memchr::memrchr_iter(b'.', name);
    let (Some(last), Some(second)) = (dots.next(), dots.next()) else {
        return (name, false);
    };
    let after = |dot: usize| name.get(dot + 1..).unwrap_or(name);
    let (top, next) = (name.len() - last - 1, last - second - 1);
    match dots.next() {
        _ if top == 3 => (after(second), true),
        Some(third) if top == 2 && (2..=3).contains(&next) => (after(third), true),
        _ => (name, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_clients_as_pflogsumm_does() {
        for (name, expected) in [
            ("mail.example.com", "example.com"),
            ("example.com", "example.com"),
            ("mx.mail.example.co.uk", "example.co.uk"),
            ("mail.example.de", "mail.example.de"),
            ("mail.example.info", "mail.example.info"),
            ("a.b.web.de", "b.web.de"),
            ("unknown", "192.0.2.1"),
            ("", "192.0.2.1"),
        ] {
            let (domain, _) = client_domain(name.as_bytes(), b"192.0.2.1");
            assert_eq!(String::from_utf8_lossy(domain), expected, "{name}");
        }
    }

    #[test]
    fn lower_cases_the_domain_only() {
        let mut out = Vec::new();
        let at = normalize(b"John.Doe@Example.COM", &mut out);
        assert_eq!(
            (&out[..], &out[at..]),
            (&b"John.Doe@example.com"[..], &b"example.com"[..])
        );
        assert_eq!(normalize(b"Root", &mut out), 0);
        assert_eq!(out, b"Root");
        let at = normalize(b"\"a@b\"@C.org", &mut out);
        assert_eq!(&out[at..], b"c.org");
    }
}

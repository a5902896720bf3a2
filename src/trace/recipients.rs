//! What became of each recipient of a mail.

use std::collections::HashMap;

use super::entry::Entry;
use super::mail::{Hop, Join, Mail, Outcome, Recipient};

/// Lists the recipients of all hops but notifications; passing a mail on to a further hop is no
/// outcome.
pub(super) fn of(mail: &Mail) -> Vec<Recipient> {
    let mut all: Vec<Recipient> = Vec::new();
    let mut origins = Origins {
        mail,
        of_hops: HashMap::new(),
    };
    for (number, hop) in mail.hops.iter().enumerate() {
        if mail.is_notification(number) {
            continue;
        }
        let mut own = deliveries_of(number, hop);
        let is_requeued = mail
            .hops
            .iter()
            .any(|other| other.from == Some((number, Join::Requeued)));
        own.retain(|recipient| {
            let is_open = recipient.outcome == Outcome::Deferred;
            !(is_requeued && is_open || is_passed_on(mail, number, &recipient.entry))
        });
        for recipient in own
            .iter_mut()
            .filter(|recipient| recipient.orig_to.is_none())
        {
            recipient.orig_to = origins.of(recipient);
        }
        let verdicts = hop
            .entries
            .iter()
            .filter_map(|entry| Some((Outcome::of_line(entry)?, entry)));
        settle(&mut own, number, verdicts);
        let is_followed = mail.hops.iter().any(|other| {
            other
                .from
                .is_some_and(|(from, how)| from == number && how != Join::MessageId)
        });
        // A transfer that broke off before the mail was in the queue: the hop before it still has it.
        let is_broken_off = hop.from.is_some() && hop.sender().is_none();
        if own.is_empty()
            && !is_broken_off
            && !is_followed
            && let Some(last) = hop.entries.last()
        {
            own.push(whole(number, Outcome::Unknown, last));
        }
        all.extend(own);
    }
    all
}

/// Lists the recipients that a hop tried to deliver to, each with its last attempt.
fn deliveries_of(number: usize, hop: &Hop) -> Vec<Recipient> {
    let mut own: Vec<Recipient> = Vec::new();
    let mut known = HashMap::new();
    for entry in hop.entries.iter().filter(|entry| entry.kind == "delivery") {
        let names = (entry.field("recipient"), entry.field("orig_to"));
        let at = *known.entry(names).or_insert(own.len());
        let attempts = own.get(at).map_or(0, |before| before.attempts);
        let last = Recipient {
            hop: number,
            address: names.0.map(<[u8]>::to_vec),
            orig_to: names.1.map(<[u8]>::to_vec),
            outcome: Outcome::of_status(entry.field("status").unwrap_or_default()),
            attempts: attempts + 1,
            entry: entry.clone(),
            mailbox: mailbox_of(hop, entry),
        };
        match own.get_mut(at) {
            Some(before) => *before = last,
            None => own.push(last),
        }
    }
    own
}

/// What Dovecot's lines of the delivery's session say about the place.
fn mailbox_of(hop: &Hop, delivery: &Entry) -> Option<Vec<u8>> {
    let session = delivery.session()?;
    let recipient = delivery.field("recipient");
    let mut lines = hop
        .entries
        .iter()
        .filter(|entry| entry.kind.starts_with("dovecot_") && entry.session() == Some(session));
    // One session may be for several recipients: the user's name tells them apart.
    let has_user = |entry: &&Entry| {
        entry
            .field("user")
            .is_none_or(|user| Some(user) == recipient)
    };
    let is_kept = |entry: &&Entry| {
        matches!(
            entry.kind,
            "dovecot_sieve_stored" | "dovecot_delivery_saved"
        )
    };
    let own: Vec<&Entry> = lines.by_ref().filter(is_kept).collect();
    let line = own.iter().find(|entry| has_user(entry)).or(own.first())?;
    line.field("mailbox").map(<[u8]>::to_vec)
}

fn is_passed_on(mail: &Mail, number: usize, delivery: &Entry) -> bool {
    let id = delivery
        .field("queued_as")
        .or_else(|| delivery.field("forwarded_as"));
    id.is_some_and(|id| {
        let mut others = mail.hops.iter().enumerate().filter(|(at, _)| *at != number);
        others.any(|(_, hop)| hop.queue_id == id)
    })
}

/// What recipients were before aliases, as the hop says that passed the mail on or forwarded it: the
/// next one knows the final addresses only.
struct Origins<'m> {
    mail: &'m Mail,
    of_hops: HashMap<usize, Origin<'m>>,
}

/// What the hop before a hop says of the recipients that it passed on to it.
struct Origin<'m> {
    /// Of the one that it forwarded.
    forwarded: Option<&'m Entry>,
    /// By recipient.
    orig_to: HashMap<Option<&'m [u8]>, &'m [u8]>,
}

impl<'m> Origins<'m> {
    fn of(&mut self, recipient: &Recipient) -> Option<Vec<u8>> {
        let mail = self.mail;
        let mut at = recipient.hop;
        for _ in 0..mail.hops.len() {
            let hop = mail.hops.get(at)?;
            let (from, _) = hop.from?;
            let before = mail.hops.get(from)?;
            let origin = self
                .of_hops
                .entry(at)
                .or_insert_with(|| Origin::of(hop, before));
            if let Some(entry) = origin.forwarded {
                let address = entry.field("orig_to").or(entry.field("recipient"));
                return address.map(<[u8]>::to_vec);
            }
            if let Some(orig_to) = origin.orig_to.get(&recipient.address.as_deref()) {
                return Some(orig_to.to_vec());
            }
            at = from;
        }
        None
    }
}

impl<'m> Origin<'m> {
    fn of(hop: &Hop, before: &'m Hop) -> Self {
        let id = Some(hop.queue_id.as_slice());
        let mut entries = before.entries.iter();
        let forwarded = entries.find(|entry| entry.field("forwarded_as") == id);
        let mut orig_to = HashMap::new();
        for entry in &before.entries {
            if entry.field("queued_as") == id
                && let Some(address) = entry.field("orig_to")
            {
                orig_to.entry(entry.field("recipient")).or_insert(address);
            }
        }
        Origin { forwarded, orig_to }
    }
}

/// Lets lines about the whole mail decide about recipients without a delivery.
fn settle<'e>(
    own: &mut Vec<Recipient>,
    number: usize,
    verdicts: impl Iterator<Item = (Outcome, &'e Entry)>,
) {
    for (outcome, entry) in verdicts {
        if outcome == Outcome::Expired || entry.kind == "postsuper" && outcome == Outcome::Discarded
        {
            for recipient in own
                .iter_mut()
                .filter(|known| known.outcome == Outcome::Deferred)
            {
                recipient.outcome = outcome;
            }
        }
        let is_new = match entry
            .field("recipient")
            .filter(|_| entry.kind == "smtpd_reject")
        {
            Some(address) => own
                .iter()
                .all(|known| known.address.as_deref() != Some(address)),
            None => own.is_empty(),
        };
        if is_new {
            own.push(whole(number, outcome, entry));
        }
    }
}

fn whole(hop: usize, outcome: Outcome, entry: &Entry) -> Recipient {
    Recipient {
        hop,
        address: entry.field("recipient").map(<[u8]>::to_vec),
        orig_to: None,
        outcome,
        attempts: 0,
        entry: entry.clone(),
        mailbox: None,
    }
}

//! What became of each recipient of a mail.

use super::entry::Entry;
use super::mail::{Hop, Join, Mail, Outcome, Recipient};

/// Lists the recipients of all hops but notifications; passing a mail on to a further hop is no
/// outcome.
pub(super) fn of(mail: &Mail) -> Vec<Recipient> {
    let mut all: Vec<Recipient> = Vec::new();
    for (number, hop) in mail.hops.iter().enumerate() {
        if mail.is_notification(number) {
            continue;
        }
        let mut own: Vec<Recipient> = Vec::new();
        for entry in hop.entries.iter().filter(|entry| entry.kind == "delivery") {
            add_delivery(&mut own, number, hop, entry);
        }
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
            recipient.orig_to = earlier_orig_to(mail, recipient);
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

fn add_delivery(own: &mut Vec<Recipient>, hop_number: usize, hop: &Hop, entry: &Entry) {
    let address = entry.field("recipient").map(<[u8]>::to_vec);
    let orig_to = entry.field("orig_to").map(<[u8]>::to_vec);
    let outcome = Outcome::of_status(entry.field("status").unwrap_or_default());
    let mailbox = mailbox_of(hop, entry);
    let known = own
        .iter_mut()
        .find(|known| known.address == address && known.orig_to == orig_to);
    match known {
        Some(known) => {
            known.attempts += 1;
            known.outcome = outcome;
            known.entry = entry.clone();
            known.mailbox = mailbox;
        }
        None => own.push(Recipient {
            hop: hop_number,
            address,
            orig_to,
            outcome,
            attempts: 1,
            entry: entry.clone(),
            mailbox,
        }),
    }
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

/// What a recipient was before aliases, as the hop says that passed the mail on or forwarded it:
/// the next one knows the final address only.
fn earlier_orig_to(mail: &Mail, recipient: &Recipient) -> Option<Vec<u8>> {
    let mut at = recipient.hop;
    for _ in 0..mail.hops.len() {
        let id = &mail.hops.get(at)?.queue_id;
        let (from, _) = mail.hops.get(at)?.from?;
        let deliveries = &mail.hops.get(from)?.entries;
        let forwarding = deliveries
            .iter()
            .find(|entry| entry.field("forwarded_as") == Some(id));
        if let Some(entry) = forwarding {
            let address = entry.field("orig_to").or(entry.field("recipient"));
            return address.map(<[u8]>::to_vec);
        }
        let mut passing = deliveries.iter().filter(|entry| {
            entry.field("queued_as") == Some(id)
                && entry.field("recipient") == recipient.address.as_deref()
        });
        if let Some(orig_to) = passing.find_map(|entry| entry.field("orig_to")) {
            return Some(orig_to.to_vec());
        }
        at = from;
    }
    None
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

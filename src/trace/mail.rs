//! A mail, put together: its hops, and what became of each recipient.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::Entry;
use super::search::{Group, Groups};

/// How one life follows from another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Join {
    /// It came back from a content filter, or went on to a further queue or host of ours.
    QueuedAs,
    /// An alias or a `.forward` file sent it on.
    Forwarded,
    /// It was put into the queue anew.
    Requeued,
    /// It is the notification of a bounce, a delay or a delivery.
    Notification,
    /// Another program's lines about it.
    Session,
    /// It has the same message-id, and nothing else says how they belong together.
    MessageId,
}

impl Join {
    pub(super) fn of(field: &str, entry: &Entry) -> Self {
        match field {
            "forwarded_as" => Join::Forwarded,
            "orig_id" => Join::Requeued,
            "new_queue_id" if entry.kind.starts_with("bounce") => Join::Notification,
            _ => Join::QueuedAs,
        }
    }

    /// Names it in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Join::QueuedAs => "queued_as",
            Join::Forwarded => "forwarded",
            Join::Requeued => "requeued",
            Join::Notification => "notification",
            Join::Session => "session",
            Join::MessageId => "message_id",
        }
    }

    /// Says it before the queue id of the life that this one follows from.
    pub fn words(self) -> &'static str {
        match self {
            Join::QueuedAs => "passed on by",
            Join::Forwarded => "forwarded by",
            Join::Requeued => "requeued, was",
            Join::Notification => "notification about",
            Join::Session => "about",
            Join::MessageId => "same message-id as",
        }
    }
}

/// One life of the mail, with the lines of other programs about it.
#[derive(Clone, Debug)]
pub struct Hop {
    /// The host.
    pub host: Vec<u8>,
    /// The queue id; empty for lines without one.
    pub queue_id: Vec<u8>,
    /// What it follows from: the number of another hop, and how.
    pub from: Option<(usize, Join)>,
    /// Whether `removed` was logged.
    pub is_removed: bool,
    /// All its lines, in log order.
    pub entries: Vec<Entry>,
}

impl Hop {
    /// Returns a field of the first line of these kinds that has it.
    pub fn find(&self, kinds: &[&str], field: &str) -> Option<&[u8]> {
        let mut entries = self
            .entries
            .iter()
            .filter(|entry| kinds.contains(&entry.kind));
        entries.find_map(|entry| entry.field(field))
    }

    /// Returns the envelope sender; it is empty for notifications.
    pub fn sender(&self) -> Option<&[u8]> {
        let mut active = self
            .entries
            .iter()
            .filter(|entry| entry.kind == "qmgr_active");
        let sender = active.find_map(|entry| entry.logged("sender"));
        sender.or_else(|| self.entries.iter().find_map(|entry| entry.logged("sender")))
    }
}

/// What became of a recipient.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Outcome {
    /// The last server took it.
    Delivered,
    /// It was tried, and will be tried again.
    Deferred,
    /// It came back.
    Bounced,
    /// It was given up.
    Expired,
    /// It was refused.
    Rejected,
    /// A rule or the operator took it and threw it away.
    Discarded,
    /// A rule put it on hold.
    Held,
    /// The logs do not say.
    Unknown,
}

impl Outcome {
    /// Names it, in text and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Delivered => "delivered",
            Outcome::Deferred => "deferred",
            Outcome::Bounced => "bounced",
            Outcome::Expired => "expired",
            Outcome::Rejected => "rejected",
            Outcome::Discarded => "discarded",
            Outcome::Held => "held",
            Outcome::Unknown => "unknown",
        }
    }

    fn of_status(status: &[u8]) -> Self {
        match status {
            b"sent" | b"deliverable" => Outcome::Delivered,
            b"deferred" | b"SOFTBOUNCE" | b"undeliverable-but-not-cached" => Outcome::Deferred,
            b"bounced" | b"undeliverable" => Outcome::Bounced,
            b"expired" | b"force-expired" => Outcome::Expired,
            _ => Outcome::Unknown,
        }
    }

    /// What a line that is no delivery says about a whole mail.
    fn of_line(entry: &Entry) -> Option<Self> {
        let action = entry.field("action").unwrap_or_default();
        match entry.kind {
            "qmgr_expired" => Some(Outcome::Expired),
            "smtpd_reject" | "psc_reject_rcpt" | "cleanup_mime_error" => Some(Outcome::Rejected),
            "smtpd_discard" => Some(Outcome::Discarded),
            "smtpd_hold" => Some(Outcome::Held),
            "postsuper" if action == b"removed" => Some(Outcome::Discarded),
            "cleanup_check" | "milter_action" => match action {
                b"reject" | b"milter-reject" => Some(Outcome::Rejected),
                b"discard" | b"milter-discard" => Some(Outcome::Discarded),
                b"hold" | b"milter-hold" | b"milter-quarantine" => Some(Outcome::Held),
                _ => None,
            },
            _ => None,
        }
    }
}

/// What became of one recipient of a hop.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// The number of the hop.
    pub hop: usize,
    /// The address; `None` where a line speaks of the whole mail.
    pub address: Option<Vec<u8>>,
    /// The address before aliases.
    pub orig_to: Option<Vec<u8>>,
    /// What became of it.
    pub outcome: Outcome,
    /// How many times it was tried.
    pub attempts: u64,
    /// The last line about it.
    pub entry: Entry,
    /// Where Dovecot put it.
    pub mailbox: Option<Vec<u8>>,
}

/// A mail, from its first line to its last.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Its hops, in the order in which they began.
    pub hops: Vec<Hop>,
    /// What became of each recipient; passing a mail on to a further hop is no outcome, and those of
    /// notifications are not here.
    pub recipients: Vec<Recipient>,
}

impl Mail {
    /// Returns where its first line stands in the log.
    pub fn first_place(&self) -> u64 {
        let firsts = self.hops.iter().filter_map(|hop| hop.entries.first());
        firsts.map(|entry| entry.place).min().unwrap_or(0)
    }

    /// Returns the message-id that the first hop logged.
    pub fn message_id(&self) -> Option<&[u8]> {
        let mut entries = self.hops.iter().flat_map(|hop| &hop.entries);
        entries.find_map(Entry::message_id)
    }

    /// Tells whether a hop is a notification, or follows from one.
    pub fn is_notification(&self, hop: usize) -> bool {
        let mut at = hop;
        for _ in 0..self.hops.len() {
            match self.hops.get(at).and_then(|hop| hop.from) {
                Some((_, Join::Notification)) => return true,
                Some((from, _)) => at = from,
                None => return false,
            }
        }
        false
    }
}

/// Puts a mail together of the groups that are joined.
pub(super) fn assemble(
    groups: &Groups,
    members: &BTreeSet<usize>,
    entries: &BTreeMap<u64, Entry>,
    connections: &BTreeMap<u64, Entry>,
) -> Mail {
    let mut order: Vec<usize> = members
        .iter()
        .copied()
        .filter(|at| is_hop(groups, members, *at))
        .collect();
    order.sort_by_key(|at| groups.list.get(*at).map(|group| group.first));
    let number: BTreeMap<usize, usize> = order
        .iter()
        .enumerate()
        .map(|(hop, at)| (*at, hop))
        .collect();
    let mut hops: Vec<Hop> = order
        .iter()
        .filter_map(|at| groups.list.get(*at))
        .map(|group| hop_of(group, entries))
        .collect();
    for at in members.iter().filter(|at| !number.contains_key(at)) {
        let owner = owner_of(groups, *at, &number).unwrap_or(0);
        if let (Some(hop), Some(group)) = (hops.get_mut(owner), groups.list.get(*at)) {
            hop.entries.extend(lines_of(group, entries));
        }
    }
    for (from, to, how) in strongest_first(groups) {
        let (Some(from), Some(to)) = (number.get(&from), number.get(&to)) else {
            continue;
        };
        // Never in a circle: a hop follows from one that began before it, or that names it.
        if from != to
            && !follows(&hops, *from, *to)
            && let Some(hop) = hops.get_mut(*to)
            && hop.from.is_none()
        {
            hop.from = Some((*from, how));
        }
    }
    for hop in &mut hops {
        add_connections(hop, connections);
        hop.entries.sort_by_key(|entry| entry.place);
        hop.entries.dedup_by_key(|entry| entry.place);
    }
    let mut mail = Mail {
        hops,
        recipients: Vec::new(),
    };
    mail.recipients = recipients_of(&mail);
    mail
}

/// Tells whether `hop` follows from `ancestor`.
fn follows(hops: &[Hop], hop: usize, ancestor: usize) -> bool {
    let mut at = hop;
    for _ in 0..=hops.len() {
        if at == ancestor {
            return true;
        }
        match hops.get(at).and_then(|hop| hop.from) {
            Some((from, _)) => at = from,
            None => return false,
        }
    }
    true
}

/// A life is a hop; other lines are one only where there is no life.
fn is_hop(groups: &Groups, members: &BTreeSet<usize>, at: usize) -> bool {
    let is_life = |at: usize| groups.list.get(at).is_some_and(Group::is_life);
    is_life(at) || !members.iter().any(|other| is_life(*other))
}

fn strongest_first(groups: &Groups) -> Vec<(usize, usize, Join)> {
    let mut joins = groups.joins.clone();
    joins.sort_by_key(|(from, to, how)| (*how, *from, *to));
    joins
}

fn owner_of(groups: &Groups, at: usize, number: &BTreeMap<usize, usize>) -> Option<usize> {
    strongest_first(groups)
        .into_iter()
        .find_map(|(from, to, _)| match at {
            _ if to == at => number.get(&from).copied(),
            _ if from == at => number.get(&to).copied(),
            _ => None,
        })
}

fn lines_of(group: &Group, entries: &BTreeMap<u64, Entry>) -> Vec<Entry> {
    group
        .places
        .iter()
        .filter_map(|place| entries.get(place).cloned())
        .collect()
}

fn hop_of(group: &Group, entries: &BTreeMap<u64, Entry>) -> Hop {
    Hop {
        host: group.host.clone(),
        queue_id: group.queue_id.clone(),
        from: None,
        is_removed: group.removed,
        entries: lines_of(group, entries),
    }
}

/// Adds the lines of the connections by which the mail came and went.
fn add_connections(hop: &mut Hop, connections: &BTreeMap<u64, Entry>) {
    let mut found = Vec::new();
    for entry in &hop.entries {
        match entry.kind {
            "smtpd_client" | "smtpd_reject" => found.extend(incoming(entry, connections)),
            "delivery" => found.extend(outgoing_tls(entry, connections)),
            _ => {}
        }
    }
    hop.entries.extend(found);
}

/// Tells whether a line is what an access table decided at the first recipient: the mail gets its
/// queue id after that, so the line has `NOQUEUE` instead.
pub(super) fn is_early_decision(entry: &Entry) -> bool {
    matches!(entry.kind, "smtpd_discard" | "smtpd_hold") && entry.queue_id().is_none()
}

fn is_same_process(one: &Entry, other: &Entry) -> bool {
    one.pid.is_some() && one.pid == other.pid && one.tag == other.tag && one.host == other.host
}

/// From `connect from` to `disconnect from`, what was decided about the mail before it had a queue
/// id, and what postscreen said just before.
fn incoming(anchor: &Entry, connections: &BTreeMap<u64, Entry>) -> Vec<Entry> {
    let mut found = Vec::new();
    let mut begin = anchor.place;
    let mut is_of_this_mail = anchor.kind == "smtpd_client";
    for (place, entry) in connections.range(..anchor.place).rev() {
        if is_same_process(anchor, entry) {
            // What stands before it was decided about an earlier mail of the session.
            if entry.kind == "smtpd_client" {
                is_of_this_mail = false;
                continue;
            }
            if is_early_decision(entry) && !is_of_this_mail {
                continue;
            }
            // The session before this one in the same process.
            if entry.kind == "smtpd_disconnect" {
                break;
            }
            begin = *place;
            found.push(entry.clone());
            if entry.kind == "smtpd_connect" {
                break;
            }
        }
    }
    let mut own = connections
        .range(anchor.place..)
        .map(|(_, entry)| entry)
        .filter(|entry| is_same_process(anchor, entry));
    for entry in own.by_ref() {
        if entry.kind == "smtpd_connect" {
            break;
        }
        if entry.kind == "smtpd_client" || is_early_decision(entry) {
            continue;
        }
        found.push(entry.clone());
        if entry.kind == "smtpd_disconnect" {
            break;
        }
    }
    for (_, entry) in connections.range(..begin).rev() {
        let is_client = entry.field("client_address") == anchor.field("client_address");
        if !entry.kind.starts_with("psc_") || !is_client || entry.host != anchor.host {
            continue;
        }
        found.push(entry.clone());
        if entry.kind == "psc_connect" {
            break;
        }
    }
    found
}

/// The TLS session of a delivery: the last one before it of this process with this server.
fn outgoing_tls(delivery: &Entry, connections: &BTreeMap<u64, Entry>) -> Option<Entry> {
    let address = delivery.field("relay_address")?;
    let before = connections
        .range(..delivery.place)
        .rev()
        .map(|(_, entry)| entry);
    let mut own =
        before.filter(|entry| entry.kind == "tls_connection" && is_same_process(delivery, entry));
    own.next()
        .filter(|entry| entry.field("address") == Some(address))
        .cloned()
}

fn recipients_of(mail: &Mail) -> Vec<Recipient> {
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

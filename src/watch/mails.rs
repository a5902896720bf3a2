//! What earlier lines of a mail said: who sent it, from where.
//!
//! A mail's `client=` line has its user, later ones only its queue id. What is kept of a mail is small
//! and goes when the mail does; there are so many at most.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::distinct::hash_of;
use super::values::{MAIL_CLIENT, MAIL_RECIPIENTS, MAIL_SENDER, MAIL_USER, Names, Slot, Values};

/// So many mails are kept; the oldest go first.
const MOST: usize = 100_000;

/// Which fields say it.
pub(super) struct Slots {
    host: Slot,
    queue_id: Slot,
    orig_queue_id: Slot,
    queued_as: Slot,
    relay_address: Slot,
    sasl_username: Slot,
    sender: Slot,
    nrcpt: Slot,
    user: Slot,
    client: Slot,
    null_sender: Slot,
    recipients: Slot,
}

impl Slots {
    pub(super) fn new(names: &mut Names) -> Self {
        Slots {
            host: names.slot("host"),
            queue_id: names.slot("queue_id"),
            orig_queue_id: names.slot("orig_queue_id"),
            queued_as: names.slot("queued_as"),
            relay_address: names.slot("relay_address"),
            sasl_username: names.slot("sasl_username"),
            sender: names.slot("sender"),
            nrcpt: names.slot("nrcpt"),
            user: names.slot(MAIL_USER),
            client: names.slot(MAIL_CLIENT),
            null_sender: names.slot(MAIL_SENDER),
            recipients: names.slot(MAIL_RECIPIENTS),
        }
    }
}

/// Mails that are on their way.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Mails {
    by_id: HashMap<u64, Mail>,
    /// The ids in the order in which they were taken, some of them gone.
    order: VecDeque<(u64, u64)>,
    taken: u64,
    /// Mails that were given up because there were too many.
    pub(super) evicted: u64,
}

#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
struct Mail {
    taken: u64,
    user: Option<Box<str>>,
    /// Where it came from, if that is another machine.
    client: Option<Box<str>>,
    is_null_sender: bool,
    /// Its recipients have been counted, here or before a filter.
    is_counted: bool,
}

/// The kinds that this looks at.
pub(super) fn concerns(kind: &str) -> bool {
    matches!(
        kind,
        "smtpd_client" | "qmgr_active" | "qmgr_removed" | "delivery"
    )
}

impl Mails {
    /// Takes a line of a mail in, and says what is known of the mail by then.
    pub(super) fn join(&mut self, kind: &str, values: &mut Values, slots: &Slots) {
        let Some(id) = id(values, slots, slots.queue_id) else {
            return;
        };
        match kind {
            "smtpd_client" => self.begin(id, values, slots),
            "qmgr_removed" => {
                self.by_id.remove(&id);
            }
            "qmgr_active" => self.activate(id, values, slots),
            _ => self.hand_on(id, values, slots),
        }
        if let Some(mail) = self.by_id.get(&id) {
            mail.say(values, slots);
        }
    }

    fn begin(&mut self, id: u64, values: &Values, slots: &Slots) {
        let text = |slot: Slot| {
            let value = values.field(slot).filter(|value| !value.is_empty())?;
            Some(String::from_utf8_lossy(value).into_owned().into_boxed_str())
        };
        let before = self::id(values, slots, slots.orig_queue_id);
        let before = before.and_then(|before| self.by_id.get(&before)).cloned();
        let mail = match before {
            Some(before) => Mail {
                is_counted: true,
                ..before
            },
            None => Mail {
                user: text(slots.sasl_username),
                client: values.address().map(|address| address.to_string().into()),
                ..Mail::default()
            },
        };
        if mail.user.is_some() || mail.client.is_some() {
            self.keep(id, mail);
        }
    }

    fn activate(&mut self, id: u64, values: &mut Values, slots: &Slots) {
        let Some(mail) = self.by_id.get_mut(&id) else {
            return;
        };
        mail.is_null_sender = values.field(slots.sender).is_some_and(<[u8]>::is_empty);
        if mail.user.is_none() && !mail.is_null_sender {
            // Of a mail without either nothing is ever asked.
            self.by_id.remove(&id);
            return;
        }
        if !std::mem::replace(&mut mail.is_counted, true) {
            let count = values.field(slots.nrcpt).unwrap_or_default().to_vec();
            values.set(slots.recipients, &count);
        }
    }

    /// A filter of this machine took the mail and gave it back under another id; the ids of other
    /// machines are none of ours.
    fn hand_on(&mut self, id: u64, values: &Values, slots: &Slots) {
        let relay = values.field(slots.relay_address).unwrap_or_default();
        if !(relay.starts_with(b"127.") || relay == b"::1") {
            return;
        }
        let Some(next) = self::id(values, slots, slots.queued_as) else {
            return;
        };
        let Some(mail) = self.by_id.get(&id).cloned() else {
            return;
        };
        if self
            .by_id
            .get(&next)
            .is_none_or(|known| known.user.is_none())
        {
            let mail = Mail {
                is_counted: true,
                ..mail
            };
            self.keep(next, mail);
        }
    }

    fn keep(&mut self, id: u64, mail: Mail) {
        self.taken += 1;
        let taken = self.taken;
        self.by_id.insert(id, Mail { taken, ..mail });
        self.order.push_back((taken, id));
        while self.by_id.len() > MOST || self.order.len() > 2 * MOST {
            let Some((taken, id)) = self.order.pop_front() else {
                return;
            };
            if self.by_id.get(&id).is_some_and(|mail| mail.taken == taken) {
                self.by_id.remove(&id);
                self.evicted += 1;
            }
        }
    }
}

impl Mail {
    fn say(&self, values: &mut Values, slots: &Slots) {
        if let Some(user) = &self.user {
            values.set(slots.user, user.as_bytes());
        }
        if let Some(client) = &self.client {
            values.set(slots.client, client.as_bytes());
        }
        if self.is_null_sender {
            values.set(slots.null_sender, b"null");
        }
    }
}

/// A host's queue id, as one number.
fn id(values: &Values, slots: &Slots, slot: Slot) -> Option<u64> {
    let id = values.field(slot).filter(|id| !id.is_empty())?;
    let host = values.field(slots.host).unwrap_or_default();
    Some(hash_of(&[host, id]))
}

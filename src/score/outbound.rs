//! Our own offenders: who of ours sends how much, to how many, with how many bounces.
//!
//! A mail is ours if a user logged in to send it, a local user handed it to `sendmail`, or a client of
//! a private network sent it. What a content filter hands back belongs to the mail of the same
//! message-id that went out to the filter. Mail of strangers is **not** looked at: that is what the
//! score is for.

use std::hash::Hasher;

use hashbrown::{HashMap, HashSet};
use mailtally_parsers::postfix::{Event as Postfix, delivery};
use mailtally_parsers::{Event, Record, is_loopback};
use rustc_hash::FxHasher;

use super::facts::Facts;
use super::key::{self, By};
use super::{Key, is_listable, parse_address};

/// Lives that are kept at most; of logs that have lost their `removed` lines.
const MOST: usize = 1_000_000;

/// What one of ours sent.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Sent {
    /// Mails.
    pub mails: u64,
    /// Their recipients, each as often as a mail went to it.
    pub recipients: u64,
    /// The most recipients of one mail.
    pub most_recipients: u64,
    /// Deliveries that were accepted.
    pub delivered: u64,
    /// Those that were refused for good.
    pub bounced: u64,
    /// Attempts that were put off.
    pub deferrals: u64,
    /// First and last mail.
    pub span: Option<(i64, i64)>,
    distinct: HashSet<u64>,
}

impl Sent {
    /// Returns how many different recipients there were.
    pub fn distinct_recipients(&self) -> u64 {
        u64::try_from(self.distinct.len()).unwrap_or(u64::MAX)
    }

    fn see(&mut self, wall_us: i64) {
        let (first, last) = self.span.unwrap_or((wall_us, wall_us));
        self.span = Some((first.min(wall_us), last.max(wall_us)));
    }
}

/// What a line says of a mail.
#[derive(Clone, Debug)]
enum Op {
    /// It came in, from one of ours or handed back (`None`).
    Begin { life: Key, owner: Option<Key> },
    /// Its message-id.
    MessageId { life: Key, id: u64 },
    /// It is in the queue.
    Active {
        life: Key,
        sender: Key,
        nrcpt: u64,
        wall_us: i64,
    },
    /// Something came of a recipient.
    Delivery {
        life: Key,
        recipient: u64,
        outcome: Outcome,
    },
    /// It is gone.
    End { life: Key },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    Delivered,
    Bounced,
    Deferred,
}

#[derive(Clone, Default, Debug)]
struct Life {
    owner: Option<Key>,
    id: Option<u64>,
    is_handed_back: bool,
    is_counted: bool,
}

/// Mails of ours in a part of a log, by who sent them.
///
/// As in [`Scores`](super::Scores), a part that others may precede keeps what lines say until it is
/// merged, so that the law of merging holds by construction.
#[derive(Clone, Debug)]
pub struct Outbound {
    by: By,
    is_anchored: bool,
    rows: HashMap<Key, Sent>,
    lives: HashMap<Key, Life>,
    /// The mails under way, by message-id.
    ids: HashMap<u64, Key>,
    waiting: Vec<Op>,
    facts: Facts,
}

impl Outbound {
    /// An empty part; nothing precedes the anchored one.
    pub fn new(by: By, is_anchored: bool) -> Self {
        Outbound {
            by,
            is_anchored,
            rows: HashMap::new(),
            lives: HashMap::new(),
            ids: HashMap::new(),
            waiting: Vec::new(),
            facts: Facts::default(),
        }
    }

    /// Counts a line.
    pub fn absorb(&mut self, record: &Record<'_>, wall_us: i64, event: &Event<'_>) {
        let Event::Postfix(line) = event else { return };
        let is_of_mail = matches!(
            line,
            Postfix::SmtpdClient(_)
                | Postfix::Pickup(_)
                | Postfix::CleanupMessageId(_)
                | Postfix::QmgrActive(_)
                | Postfix::Delivery(_)
                | Postfix::QmgrRemoved(_)
                | Postfix::CleanupRemoved(_)
        );
        if !is_of_mail {
            return;
        }
        self.facts.read(event);
        let Some(life) = self.facts.life(record) else {
            return;
        };
        let op = match line {
            Postfix::SmtpdClient(client) => Op::Begin {
                life,
                owner: self.owner(client.client.address, client.sasl_username),
            },
            Postfix::Pickup(pickup) => Op::Begin {
                life,
                owner: Some(match self.by {
                    By::User => format!("uid {}", pickup.uid).into_bytes().into(),
                    _ => Box::from(&b"local"[..]),
                }),
            },
            Postfix::CleanupMessageId(line) if !line.message_id.is_empty() => Op::MessageId {
                life,
                id: hash(line.message_id),
            },
            Postfix::QmgrActive(active) => Op::Active {
                life,
                sender: match self.by {
                    By::SenderDomain => key::sender_domain(active.sender),
                    _ => key::sender(active.sender),
                },
                nrcpt: active.nrcpt,
                wall_us,
            },
            Postfix::Delivery(delivery) => match outcome(delivery) {
                Some(outcome) => Op::Delivery {
                    life,
                    recipient: hash(&delivery.recipient.to_ascii_lowercase()),
                    outcome,
                },
                None => return,
            },
            Postfix::QmgrRemoved(_) | Postfix::CleanupRemoved(_) => Op::End { life },
            _ => return,
        };
        self.apply(op);
    }

    /// Names who of ours sends; nobody else does.
    fn owner(&self, address: &[u8], user: Option<&[u8]>) -> Option<Key> {
        if is_loopback(address) && user.is_none() {
            return None;
        }
        let is_ours = user.is_some() || parse_address(address).is_some_and(|one| !is_listable(one));
        if !is_ours {
            return None;
        }
        match (self.by, user) {
            (By::User, Some(user)) => Some(user.into()),
            (By::User, None) => Some([b"client ", address].concat().into()),
            _ => key::address(address),
        }
    }

    fn apply(&mut self, op: Op) {
        if self.is_anchored {
            self.step(op);
        } else {
            self.waiting.push(op);
        }
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Begin { life, owner } => {
                if self.lives.len() >= MOST {
                    self.lives.clear();
                    self.ids.clear();
                }
                let begun = Life {
                    is_handed_back: owner.is_none(),
                    owner,
                    ..Life::default()
                };
                self.lives.insert(life, begun);
            }
            Op::MessageId { life, id } => self.identify(life, id),
            Op::Active {
                life,
                sender,
                nrcpt,
                wall_us,
            } => self.active(&life, sender, nrcpt, wall_us),
            Op::Delivery {
                life,
                recipient,
                outcome,
            } => {
                let owner = self.lives.get(&life).and_then(|life| life.owner.clone());
                let Some(row) = owner.and_then(|owner| self.rows.get_mut(&owner)) else {
                    return;
                };
                row.distinct.insert(recipient);
                match outcome {
                    Outcome::Delivered => row.delivered += 1,
                    Outcome::Bounced => row.bounced += 1,
                    Outcome::Deferred => row.deferrals += 1,
                }
            }
            Op::End { life } => {
                // Its message-id stays for a copy that is under way: until the next mail of that id.
                self.lives.remove(&life);
            }
        }
    }

    fn identify(&mut self, life: Key, id: u64) {
        let Some(one) = self.lives.get_mut(&life) else {
            return;
        };
        one.id = Some(id);
        if one.is_handed_back {
            one.owner = self.ids.get(&id).cloned();
            one.is_counted = one.owner.is_some();
        } else if let Some(owner) = &one.owner
            && matches!(self.by, By::User | By::Address)
        {
            if self.ids.len() >= MOST {
                self.ids.clear();
            }
            self.ids.insert(id, owner.clone());
        }
    }

    fn active(&mut self, life: &Key, sender: Key, nrcpt: u64, wall_us: i64) {
        let Some(life) = self.lives.get_mut(life) else {
            return;
        };
        let Some(owner) = &mut life.owner else { return };
        if std::mem::replace(&mut life.is_counted, true) {
            return;
        }
        if matches!(self.by, By::Sender | By::SenderDomain) {
            *owner = sender;
            if let Some(id) = life.id {
                self.ids.insert(id, owner.clone());
            }
        }
        let row = self.rows.entry(owner.clone()).or_default();
        row.mails += 1;
        row.recipients = row.recipients.saturating_add(nrcpt);
        row.most_recipients = row.most_recipients.max(nrcpt);
        row.see(wall_us);
    }

    /// Adds the part of the log that follows this one.
    pub fn merge(&mut self, later: Outbound) {
        for op in later.waiting {
            self.apply(op);
        }
    }

    /// Returns what each of ours sent, in order of their names.
    pub fn finish(self) -> Vec<(String, Sent)> {
        let text = |key: Key| String::from_utf8_lossy(&key).into_owned();
        let mut rows: Vec<(String, Sent)> = self
            .rows
            .into_iter()
            .map(|(key, sent)| (text(key), sent))
            .collect();
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows
    }
}

/// What came of a recipient; handing a mail to a filter on this machine is not the end of it.
fn outcome(delivery: &delivery::Delivery<'_>) -> Option<Outcome> {
    match delivery.status {
        b"sent" => {
            let is_inside = delivery.relay.address.is_some_and(is_loopback);
            let is_handed_on = is_inside && delivery.reply().queued_as.is_some();
            (!is_handed_on).then_some(Outcome::Delivered)
        }
        b"bounced" => Some(Outcome::Bounced),
        b"deferred" => Some(Outcome::Deferred),
        _ => None,
    }
}

fn hash(text: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(text);
    hasher.finish()
}

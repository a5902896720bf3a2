//! Who sends what nobody wants: sources of unwanted mail by one score, with the evidence for it.
//!
//! ```text
//! lines ──absorb──> Scores ──merge──> Scores ──finish(Totals)──> Ranking { sources }
//! ```
//!
//! What counts as evidence is said in [`crate::tally::evidence`]; here it is counted by what a
//! person asks for ([`By`]): addresses, networks, senders, rules. Accepted mail of addresses and
//! failed logins come from the [`Totals`](crate::tally::totals::Totals) of the same lines, whose
//! sessions and hops are joined already. This module reads no clock and no file, and lists nobody
//! for blocking (that is `blocklist`).

mod facts;
mod key;
mod lives;
mod outbound;
mod rank;
mod row;
mod sketch;
mod weights;

use hashbrown::HashMap;
use mailtally_parsers::postfix::Event as Postfix;
use mailtally_parsers::postfix::rule::Rule;
use mailtally_parsers::{Event, Fields, Record, dovecot};

pub use key::{By, Prefixes, is_listable, organization, parse_address};
pub use outbound::{Outbound, Sent};
pub use rank::{Piece, Ranking, Source, Terms, rank};
pub use row::Row;
pub use sketch::{Budget, Forgotten};
pub use weights::Weights;

use crate::tally::evidence::{Evidence, Found};
use facts::Facts;
use lives::{Lives, Op};
use row::Sample;
use sketch::Rows;

/// A key's text as it stands in rows.
pub(crate) type Key = Box<[u8]>;

/// Evidence and accepted mail of a part of a log, by key.
#[derive(Clone, Debug)]
pub struct Scores {
    by: By,
    lines: u64,
    rows: Rows,
    /// A verified name of each address that showed one: of several the first by name.
    names: HashMap<Key, Key>,
    lives: Lives,
    facts: Facts,
}

impl Scores {
    /// An empty part; nothing precedes the anchored one.
    pub fn new(by: By, is_anchored: bool) -> Self {
        Scores {
            by,
            lines: 0,
            rows: Rows::default(),
            names: HashMap::new(),
            lives: Lives::new(is_anchored),
            facts: Facts::default(),
        }
    }

    /// An empty whole, preceded by nothing, that keeps to a budget of memory; its parts are
    /// [`new`](Scores::new).
    pub fn bounded(by: By, budget: Budget) -> Self {
        Scores {
            rows: Rows::bounded(budget),
            ..Scores::new(by, true)
        }
    }

    /// Counts a line; `raw` is the line as it was read.
    pub fn absorb(&mut self, record: &Record<'_>, wall_us: i64, raw: &[u8], event: &Event<'_>) {
        self.lines += 1;
        let seen = Seen {
            at: self.lines,
            record,
            wall_us,
            raw,
        };
        match event {
            Event::Postfix(line) => self.postfix(seen, event, line),
            Event::Companion(line) => {
                if let Some(evidence) = Evidence::of_verdict(line) {
                    self.facts.read(event);
                    self.verdict(seen, evidence);
                }
            }
            Event::Dovecot(dovecot::Event::AuthFailure(_) | dovecot::Event::LoginAborted(_)) => {
                self.failed_login(seen, event);
            }
            _ => {}
        }
    }

    fn postfix(&mut self, seen: Seen<'_>, event: &Event<'_>, line: &Postfix<'_>) {
        match line {
            Postfix::SmtpdClient(_)
            | Postfix::Pickup(_)
            | Postfix::QmgrActive(_)
            | Postfix::QmgrRemoved(_)
            | Postfix::CleanupRemoved(_) => return self.life(seen, event, line),
            Postfix::Delivery(delivery) if delivery.status == b"sent" => {
                return self.life(seen, event, line);
            }
            Postfix::SaslAuthFailed(_) | Postfix::SaslAuthAborted(_) => {
                return self.failed_login(seen, event);
            }
            Postfix::DnsblogListed(listed) if self.by == By::Dnsbl => {
                let found = Found {
                    first: Evidence::Dnsbl,
                    second: None,
                    class: None,
                };
                let key = listed.domain.to_ascii_lowercase().into_boxed_slice();
                return self.add(seen, key, found);
            }
            _ => {}
        }
        let Some(mut found) = Evidence::of_line(line) else {
            return;
        };
        self.facts.read(event);
        self.learn_name();
        // A filter's own line may have said the same of this mail, or say it yet.
        if let Some(evidence @ (Evidence::Spam | Evidence::Virus)) = found.second
            && self.facts.life(seen.record).is_some()
        {
            found.second = None;
            self.verdict(seen, evidence);
        }
        let keys = match self.by {
            By::Rule => Rule::of(line)
                .map(|rule| key::rule(&rule))
                .into_iter()
                .collect(),
            By::Dnsbl => Rule::of(line)
                .and_then(|rule| rule.class.detail)
                .map(|list| list.to_ascii_lowercase().into_boxed_slice())
                .into_iter()
                .collect(),
            By::HeaderDomain => match line {
                Postfix::CleanupCheck(check) => {
                    key::header_domain(check.text).into_iter().collect()
                }
                _ => Vec::new(),
            },
            // Who asks to relay names somebody else's recipient.
            By::Alias if found.class == Some("relay-denied") => Vec::new(),
            by => self.facts.keys(by),
        };
        for key in keys {
            self.add(seen, key, found);
        }
    }

    /// Notes a line of a mail that was or may be accepted.
    fn life(&mut self, seen: Seen<'_>, event: &Event<'_>, line: &Postfix<'_>) {
        self.facts.read(event);
        self.learn_name();
        let Some(life) = self.facts.life(seen.record) else {
            return;
        };
        let key = || self.facts.keys(self.by).into_iter().next();
        let op = match line {
            Postfix::SmtpdClient(client) => Op::Client {
                life,
                key: key(),
                is_first_hop: client.orig_client.is_some()
                    || !mailtally_parsers::is_loopback(client.client.address),
            },
            Postfix::Pickup(_) => Op::Client {
                life,
                key: key(),
                is_first_hop: true,
            },
            Postfix::QmgrActive(_) => Op::Active { life, key: key() },
            Postfix::Delivery(_) if matches!(self.by, By::Recipient | By::Alias) => {
                Op::Delivered { life, key: key() }
            }
            Postfix::Delivery(_) => return,
            _ => Op::End { life },
        };
        self.apply(op);
    }

    fn learn_name(&mut self) {
        if let Some((address, name)) = self.facts.named() {
            learn(&mut self.names, address, name);
        }
    }

    /// Attempts are counted by the totals, which join the lines of a session; the line is a sample.
    fn failed_login(&mut self, seen: Seen<'_>, event: &Event<'_>) {
        if !(self.by.is_of_address() || self.by == By::User) {
            return;
        }
        self.facts.read(event);
        for key in self.facts.keys(self.by) {
            let row = self.rows.of(key);
            row.see(seen.wall_us);
            row.sample(Evidence::AuthFailure, seen.at, || {
                Sample::new(seen.at, seen.raw)
            });
        }
    }

    fn verdict(&mut self, seen: Seen<'_>, evidence: Evidence) {
        let keys = self.facts.keys(self.by);
        let Some(life) = self.facts.life(seen.record) else {
            let found = Found {
                first: evidence,
                second: None,
                class: None,
            };
            return keys.into_iter().for_each(|key| self.add(seen, key, found));
        };
        self.apply(Op::Verdict {
            life,
            evidence,
            keys,
            wall_us: seen.wall_us,
            sample: Sample::new(seen.at, seen.raw),
        });
    }

    fn add(&mut self, seen: Seen<'_>, key: Key, found: Found) {
        let times = u64::from(seen.record.repeated.max(1));
        let row = self.rows.of(key);
        row.see(seen.wall_us);
        row.add(found.first, times);
        if let Some(second) = found.second {
            row.add(second, times);
        }
        if let Some(class) = found.class {
            row.add_class(class, times);
        }
        if self.by == By::Alias && row.first_sender.is_none() {
            row.first_sender = self.facts.sender_text();
        }
        row.sample(found.first, seen.at, || Sample::new(seen.at, seen.raw));
    }

    fn apply(&mut self, op: Op) {
        self.lives.apply(op, &mut self.rows);
    }

    /// Adds the part of the log that follows this one.
    pub fn merge(&mut self, later: Scores) {
        self.rows.merge(later.rows, self.lines);
        for (address, name) in later.names {
            learn(&mut self.names, address, name);
        }
        for mut op in later.lives.waiting() {
            op.shift(self.lines);
            self.apply(op);
        }
        self.lines += later.lines;
        self.fit();
    }

    /// Forgets what a budget has no room for, and names of whom nothing is known.
    fn fit(&mut self) {
        if self.rows.fit() || !self.rows.has_room_for(self.names.len()) {
            let rows = &self.rows;
            self.names.retain(|address, _| rows.contains(address));
        }
    }

    /// Returns what keys were counted by.
    pub fn by(&self) -> By {
        self.by
    }
}

/// A line as it stands in the log.
#[derive(Clone, Copy)]
struct Seen<'a> {
    at: u64,
    record: &'a Record<'a>,
    wall_us: i64,
    raw: &'a [u8],
}

fn learn(names: &mut HashMap<Key, Key>, address: Key, name: Key) {
    match names.entry(address) {
        hashbrown::hash_map::Entry::Occupied(mut known) => {
            if name < *known.get() {
                known.insert(name);
            }
        }
        hashbrown::hash_map::Entry::Vacant(place) => {
            place.insert(name);
        }
    }
}

/// The fields of an event, for whoever wants them by name.
pub(crate) fn visit(event: &Event<'_>, visitor: &mut dyn mailtally_parsers::Visitor) {
    event.visit(visitor);
}

#[cfg(test)]
mod tests;

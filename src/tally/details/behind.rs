//! Who stands behind refusals: the clients, senders, recipients and HELO names of each rule.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};
use mailtally_parsers::postfix::Event as Postfix;
use mailtally_parsers::{Fields, Seconds, Visitor};
use schemars::JsonSchema;
use serde::Serialize;

use super::super::symbols::{Renumbering, Symbol, Symbols, key};
use super::refused::Refusal;
use super::sampled::{Named, Sampled};

key! {
    /// What refused, and how.
    struct Decision { rule: Symbol, class: Symbol, action: &'static str }
}

/// Both ends of the transaction that a line is about, in its words; empty where it has none.
#[derive(Clone, Default)]
pub(crate) struct Parties {
    /// `name[address]`, or `[address]` where no name was looked up.
    client: Vec<u8>,
    /// Whether the line names a sender; the empty one is that of bounces.
    has_sender: bool,
    sender: Vec<u8>,
    recipient: Vec<u8>,
    helo: Vec<u8>,
}

impl Parties {
    /// Reads what a line says of them, in place of what another one said.
    pub(crate) fn read(&mut self, event: &Postfix<'_>) {
        self.client.clear();
        self.sender.clear();
        self.recipient.clear();
        self.helo.clear();
        self.has_sender = false;
        event.visit(self);
    }

    /// The sender and the recipient, if the line names both.
    pub(crate) fn envelope(&self) -> Option<(&[u8], &[u8])> {
        (self.has_sender && !self.recipient.is_empty()).then_some((&self.sender, &self.recipient))
    }
}

impl Visitor for Parties {
    fn text(&mut self, name: &'static str, value: &[u8]) {
        match name {
            "client_name" => self.client.extend_from_slice(value),
            "client_address" if !value.is_empty() => {
                self.client.push(b'[');
                self.client.extend_from_slice(value);
                self.client.push(b']');
            }
            "sender" => {
                self.has_sender = true;
                self.sender.extend_from_slice(value);
            }
            "recipient" => self.recipient.extend_from_slice(value),
            "helo" => self.helo.extend_from_slice(value),
            _ => {}
        }
    }

    fn number(&mut self, _: &'static str, _: u64) {}
    fn decimal(&mut self, _: &'static str, _: &[u8]) {}
    fn seconds(&mut self, _: &'static str, _: Seconds) {}
    fn seconds_list(&mut self, _: &'static str, _: &[Seconds]) {}
    fn flag(&mut self, _: &'static str, _: bool) {}
}

/// Counts refusals by who was refused.
#[derive(Clone, Default)]
pub(crate) struct Behind {
    clients: Sampled<Decision, u64>,
    senders: Sampled<Decision, u64>,
    recipients: Sampled<Decision, u64>,
    helos: Sampled<Decision, u64>,
}

impl Behind {
    pub(crate) fn add(&mut self, refusal: &Refusal, parties: &Parties) {
        let decision = Decision {
            rule: refusal.rule,
            class: refusal.class,
            action: refusal.action,
        };
        let sender = match &parties.sender[..] {
            b"" if parties.has_sender => b"<>",
            sender => sender,
        };
        for (counts, text) in [
            (&mut self.clients, &parties.client[..]),
            (&mut self.senders, sender),
            (&mut self.recipients, &parties.recipient),
            (&mut self.helos, &parties.helo),
        ] {
            if !text.is_empty() {
                counts.update(decision, text, |count| *count += 1);
            }
        }
    }

    pub(crate) fn merge(&mut self, later: Behind, numbers: &Renumbering) {
        let add = |ours: &mut u64, theirs: u64| *ours += theirs;
        self.clients.merge(later.clients, numbers, add);
        self.senders.merge(later.senders, numbers, add);
        self.recipients.merge(later.recipients, numbers, add);
        self.helos.merge(later.helos, numbers, add);
    }

    pub(crate) fn finish(&self, symbols: &Symbols) -> BehindTotals {
        // In the order of their names.
        let parties = [
            ("client", &self.clients),
            ("helo", &self.helos),
            ("recipient", &self.recipients),
            ("sender", &self.senders),
        ];
        let ranks = ranks(parties.iter().map(|(_, counts)| *counts), symbols);
        let mut counted: Vec<_> = parties
            .iter()
            .enumerate()
            .flat_map(|(at, (_, counts))| counts.iter().map(move |(key, &count)| (at, key, count)))
            .collect();
        // As rows are ordered, without comparing the words of decisions each time: most are seen once.
        counted.sort_unstable_by_key(|(at, key, count)| {
            (Reverse(*count), ranks.get(&key.group), *at, &key.text)
        });
        let row = |(at, key, count): (usize, &Named<Decision>, u64)| {
            let party = parties.get(at).map_or("", |(party, _)| party);
            row(party, key, count, symbols)
        };
        BehindTotals {
            by_party: counted.into_iter().map(row).collect(),
            one_in: parties
                .iter()
                .map(|&(party, counts)| (party, counts.one_in()))
                .collect(),
        }
    }
}

/// The place of each decision when they are ordered by their words.
fn ranks<'a>(
    counts: impl Iterator<Item = &'a Sampled<Decision, u64>>,
    symbols: &Symbols,
) -> HashMap<Decision, usize> {
    let decisions: HashSet<Decision> = counts
        .flat_map(|counts| counts.iter().map(|(key, _)| key.group))
        .collect();
    let mut decisions: Vec<Decision> = decisions.into_iter().collect();
    decisions.sort_unstable_by_key(|decision| {
        let words = (symbols.get(decision.rule), symbols.get(decision.class));
        (words, decision.action)
    });
    (0..).zip(decisions).map(|(at, one)| (one, at)).collect()
}

fn row(party: &'static str, key: &Named<Decision>, count: u64, symbols: &Symbols) -> BehindRow {
    BehindRow {
        rule: symbols.text(key.group.rule),
        class: symbols.text(key.group.class),
        action: key.group.action,
        party,
        name: String::from_utf8_lossy(&key.text).into_owned(),
        count,
    }
}

/// Who stands behind refusals.
#[derive(Clone, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct BehindTotals {
    /// By rule, action and party.
    pub by_party: Vec<BehindRow>,
    /// By party: one name of how many is listed; 1 when all are.
    pub one_in: BTreeMap<&'static str, u64>,
}

/// Refusals by one rule of one client, sender, recipient or HELO name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct BehindRow {
    /// The site's own rule id, else the class.
    pub rule: String,
    /// The canonical class.
    pub class: String,
    /// `reject`, `reject_warning`, `hold`, `discard`, …
    pub action: &'static str,
    /// `client`, `sender`, `recipient` or `helo`.
    pub party: &'static str,
    /// The client as `name[address]`; the envelope address (`<>` where it is empty); the HELO name
    /// in the client's own writing.
    pub name: String,
    /// How often.
    pub count: u64,
}

#[cfg(test)]
mod tests {
    use mailtally_parsers::Daemon;

    use super::super::super::finish;
    use super::*;

    fn read(daemon: Daemon, message: &[u8]) -> Parties {
        let mut parties = Parties::default();
        parties.helo.extend_from_slice(b"of another line");
        parties.read(&Postfix::parse(daemon, message).unwrap());
        parties
    }

    #[test]
    fn a_line_names_its_parties() {
        let parties = read(
            Daemon::Smtpd,
            b"NOQUEUE: reject: RCPT from a.example[192.0.2.7]: 554 5.7.1 <b@c.example>: Relay access denied; from=<> to=<b@c.example> proto=SMTP helo=<x y>",
        );
        assert_eq!(parties.client, b"a.example[192.0.2.7]");
        assert!(parties.has_sender && parties.sender.is_empty());
        assert_eq!(parties.recipient, b"b@c.example");
        assert_eq!(parties.helo, b"x y");
    }

    #[test]
    fn postscreen_knows_no_names() {
        let parties = read(
            Daemon::Postscreen,
            b"NOQUEUE: reject: CONNECT from [192.0.2.7]:4000: too many connections",
        );
        assert_eq!(parties.client, b"[192.0.2.7]");
        assert!(!parties.has_sender && parties.recipient.is_empty() && parties.helo.is_empty());
    }

    #[test]
    fn rows_of_one_count_are_in_the_order_of_their_words() {
        let mut symbols = Symbols::default();
        // Rules get their numbers in another order than that of their names.
        let rules = [b"relay", b"dnsbl", b"spf-a"].map(|rule| symbols.intern(rule));
        let mut behind = Behind::default();
        for (at, rule) in rules.into_iter().enumerate() {
            for (action, class) in [("reject", 1), ("hold", 2), ("reject", 0)] {
                let refusal = Refusal {
                    rule,
                    class: rules[(at + class) % rules.len()],
                    action,
                    stage: "rcpt",
                    code_class: None,
                };
                let mut parties = read(
                    Daemon::Smtpd,
                    b"NOQUEUE: reject: RCPT from b[192.0.2.7]: 554 5.7.1 <b@c.example>: x; from=<s@a.example> to=<b@c.example> proto=SMTP helo=<h>",
                );
                for name in [&b"x"[..], b"a", b"x"] {
                    parties.helo = name.to_vec();
                    behind.add(&refusal, &parties);
                }
            }
        }
        let rows = behind.finish(&symbols).by_party;
        assert_eq!(rows.len(), 3 * 3 * 5);
        let plain = finish::sorted(rows.iter().cloned(), |row| row.count);
        assert_eq!(rows, plain);
    }
}

//! Senders of received mail, as pflogsumm files them.
//!
//! A sender without a domain counts under the client's, or under itself when it came by pickup; what
//! a client's domain is says [`mail`](super::mail).

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::details::volume::Sent;
use super::distinct::Distinct;
use super::mail::{Facts, listed_sender, normalize, write_client_domain};
use super::origin::{InstanceKey, Resolver};
use super::symbols::{Derived, Renumber, Renumbering, Symbol, Symbols, key};

key! {
    /// A sender of received mail, normalised, and the domain it is filed under.
    struct SenderKey found_by(sender) { instance: InstanceKey, sender: Symbol, domain: Symbol }
}

/// How many mails a sender sent, and their bytes where somebody asks for them.
#[derive(Clone, Copy, Debug)]
struct Row {
    key: SenderKey,
    count: u64,
    bytes: u64,
}

/// Received mails by sender.
#[derive(Clone, Default)]
pub(crate) struct Senders {
    rows: Vec<Row>,
    places: HashMap<SenderKey, u32, FxBuildHasher>,
    /// Where senders with a domain of their own were counted last. Most mails come from a sender
    /// that the log has named before, to the same instance: then nothing has to be looked up.
    last: Vec<u32>,
    /// Senders as they are listed, and their domains.
    normal: Derived<(Symbol, Option<Symbol>)>,
    scratch: Vec<u8>,
}

/// A place that no row has.
const NONE: u32 = u32::MAX;

impl Senders {
    /// Adds a received mail.
    #[inline]
    pub(crate) fn add(
        &mut self,
        instance: InstanceKey,
        facts: &Facts,
        bytes: u64,
        symbols: &mut Symbols,
    ) {
        let sender = facts.sender.unwrap_or_else(|| symbols.intern(b""));
        let last = self.last.get(sender.number() as usize);
        let last = last.and_then(|at| self.rows.get_mut(*at as usize));
        match last.filter(|row| row.key.instance == instance) {
            Some(row) => row.add(1, bytes),
            None => self.file(instance, sender, facts, bytes, symbols),
        }
    }

    /// Finds out where a mail is filed, and adds it there.
    #[inline(never)]
    fn file(
        &mut self,
        instance: InstanceKey,
        sender: Symbol,
        facts: &Facts,
        bytes: u64,
        symbols: &mut Symbols,
    ) {
        let scratch = &mut self.scratch;
        let (normal, own_domain) = self
            .normal
            .of(sender, || normal_sender(sender, symbols, scratch));
        let domain = match (own_domain, facts.client) {
            (Some(domain), _) => domain,
            (None, None) => normal,
            (None, Some(client)) => {
                let (name, address) = (symbols.get(client.name), symbols.get(client.peer));
                write_client_domain(name, address, scratch);
                symbols.intern(scratch)
            }
        };
        let key = SenderKey {
            instance,
            sender: normal,
            domain,
        };
        let place = self.add_to(key, 1, bytes);
        if own_domain.is_some() {
            let at = sender.number() as usize;
            if self.last.len() <= at {
                self.last.resize(at + 1, NONE);
            }
            if let Some(last) = self.last.get_mut(at) {
                *last = place;
            }
        }
    }

    /// Adds mails to a row; returns its place.
    fn add_to(&mut self, key: SenderKey, count: u64, bytes: u64) -> u32 {
        let next = u32::try_from(self.rows.len()).unwrap_or(NONE);
        let place = *self.places.entry(key).or_insert(next);
        match self.rows.get_mut(place as usize) {
            Some(row) => row.add(count, bytes),
            None => self.rows.push(Row { key, count, bytes }),
        }
        place
    }

    pub(crate) fn merge(&mut self, later: &Senders, numbers: &Renumbering) {
        for row in &later.rows {
            self.add_to(row.key.renumber(numbers), row.count, row.bytes);
        }
    }

    /// Received mails and bytes by sender and the domain it is filed under.
    pub(crate) fn volume(&self) -> HashMap<(Symbol, Symbol), Sent> {
        let mut volume: HashMap<_, Sent> = HashMap::new();
        for row in &self.rows {
            let sent = volume.entry((row.key.sender, row.key.domain)).or_default();
            sent.count += row.count;
            sent.bytes = sent.bytes.saturating_add(row.bytes);
        }
        volume
    }

    /// How many distinct senders and domains there are.
    pub(crate) fn distinct(&self, instances: &Resolver<'_>) -> Distinct {
        let mut distinct = Distinct::default();
        for Row { key, .. } in &self.rows {
            let instance = (key.instance.host, instances.instance(key.instance));
            distinct.add(instance, key.sender.number(), key.domain.number());
        }
        distinct
    }
}

impl Row {
    #[inline]
    fn add(&mut self, count: u64, bytes: u64) {
        self.count = self.count.saturating_add(count);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// Returns a sender as it is listed, and its domain if it has one.
fn normal_sender(
    sender: Symbol,
    symbols: &mut Symbols,
    scratch: &mut Vec<u8>,
) -> (Symbol, Option<Symbol>) {
    let domain_at = normalize(listed_sender(symbols.get(sender)), scratch);
    let normal = symbols.intern(scratch);
    let domain = scratch.get(domain_at..).filter(|_| domain_at > 0);
    (normal, domain.map(|domain| symbols.intern(domain)))
}

#[cfg(test)]
mod tests {
    use super::super::mail::ClientFacts;
    use super::*;

    /// Sender, client and instance.
    type Mail<'a> = (&'a [u8], Option<&'a [u8]>, &'a [u8]);

    #[test]
    fn mails_are_filed_by_sender_client_and_instance_wherever_the_log_is_cut() {
        let mails: [Mail<'_>; 9] = [
            (b"Ann@Example.COM", Some(b"a.example.org"), b"postfix"),
            (b"Ann@example.com", Some(b"b.example.org"), b"postfix"),
            (b"Ann@Example.COM", None, b"postfix"),
            (b"Ann@Example.COM", None, b"postfix-out"),
            (b"Ann@Example.COM", None, b"postfix"),
            (b"", Some(b"mail.example.org"), b"postfix"),
            (b"", Some(b"mail.example.net"), b"postfix"),
            (b"root", Some(b"mail.example.org"), b"postfix"),
            (b"root", None, b"postfix"),
        ];
        let expected = [
            ("postfix", "Ann@example.com", "example.com", 4),
            ("postfix", "from=<>", "example.net", 1),
            ("postfix", "from=<>", "example.org", 1),
            ("postfix", "root", "example.org", 1),
            ("postfix", "root", "root", 1),
            ("postfix-out", "Ann@example.com", "example.com", 1),
        ];
        for cut in 0..=mails.len() {
            let (mut symbols, mut senders) = part(&mails[..cut]);
            let (later, others) = part(&mails[cut..]);
            senders.merge(&others, &symbols.merge(&later));
            let row = |row: &Row| {
                let text = |symbol| symbols.text(symbol);
                let Row { key, count, bytes } = *row;
                assert_eq!(bytes, 10 * count);
                let instance = text(key.instance.prefix);
                (instance, text(key.sender), text(key.domain), count)
            };
            let mut rows: Vec<_> = senders.rows.iter().map(row).collect();
            rows.sort();
            let expected = expected.map(|(instance, sender, domain, count)| {
                let [instance, sender, domain] = [instance, sender, domain].map(str::to_owned);
                (instance, sender, domain, count)
            });
            assert_eq!(rows, expected, "{cut}");
        }
    }

    fn part(mails: &[Mail<'_>]) -> (Symbols, Senders) {
        let (mut symbols, mut senders) = (Symbols::default(), Senders::default());
        for (sender, client, instance) in mails {
            let peer = symbols.intern(b"192.0.2.1");
            let instance = InstanceKey {
                host: symbols.intern(b"mx1"),
                prefix: symbols.intern(instance),
            };
            let facts = Facts {
                sender: Some(symbols.intern(sender)),
                client: client.map(|name| ClientFacts {
                    name: symbols.intern(name),
                    peer,
                    address: peer,
                    is_loopback: false,
                }),
                ..Facts::default()
            };
            senders.add(instance, &facts, 10, &mut symbols);
        }
        (symbols, senders)
    }
}

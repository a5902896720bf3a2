//! How many distinct addresses and domains there are, over all and by instance.

use std::num::NonZeroU32;

use hashbrown::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;

use super::mail::normalize;
use super::symbols::{Derived, Symbol, Symbols};

/// A host, and an instance of it.
type Instance = (Symbol, Symbol);

/// The number of a text: of one of the log's strings, or beyond them of one that only normalising
/// makes.
pub(crate) type Text = u32;

/// Distinct texts, over all and by instance.
#[derive(Default)]
struct Texts {
    /// The instance that each text was seen at first. Most are seen at one alone.
    first: Vec<Option<NonZeroU32>>,
    /// Those of further instances.
    further: HashSet<(NonZeroU32, Text), FxBuildHasher>,
    all: u64,
    /// How many there are of each instance, by its number.
    by_instance: Vec<u64>,
}

impl Texts {
    fn add(&mut self, instance: NonZeroU32, text: Text) {
        let at = text as usize;
        if self.first.len() <= at {
            self.first.resize(at + 1, None);
        }
        let Some(first) = self.first.get_mut(at) else {
            return;
        };
        match first {
            Some(known) if *known == instance => return,
            Some(_) if !self.further.insert((instance, text)) => return,
            Some(_) => {}
            None => {
                *first = Some(instance);
                self.all += 1;
            }
        }
        self.count(instance);
    }

    fn count(&mut self, instance: NonZeroU32) {
        let at = instance.get() as usize;
        if self.by_instance.len() <= at {
            self.by_instance.resize(at + 1, 0);
        }
        if let Some(count) = self.by_instance.get_mut(at) {
            *count += 1;
        }
    }

    fn of(&self, instance: NonZeroU32) -> u64 {
        let count = self.by_instance.get(instance.get() as usize);
        count.copied().unwrap_or(0)
    }
}

/// Distinct addresses and domains, over all and by instance.
#[derive(Default)]
pub(crate) struct Distinct {
    addresses: Texts,
    domains: Texts,
    /// The numbers of instances, from 1.
    numbers: HashMap<Instance, NonZeroU32, FxBuildHasher>,
    last: Option<(Instance, NonZeroU32)>,
}

impl Distinct {
    pub(crate) fn add(&mut self, instance: Instance, address: Text, domain: Text) {
        let number = self.number(instance);
        self.addresses.add(number, address);
        self.domains.add(number, domain);
    }

    fn number(&mut self, instance: Instance) -> NonZeroU32 {
        match self.last {
            Some((last, number)) if last == instance => number,
            _ => {
                let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
                let next = NonZeroU32::MIN.saturating_add(next);
                let number = *self.numbers.entry(instance).or_insert(next);
                self.last = Some((instance, number));
                number
            }
        }
    }

    /// How many addresses and domains over all.
    pub(crate) fn all(&self) -> (u64, u64) {
        (self.addresses.all, self.domains.all)
    }

    /// How many addresses and domains of one instance.
    pub(crate) fn of(&self, instance: Instance) -> (u64, u64) {
        match self.numbers.get(&instance) {
            Some(&number) => (self.addresses.of(number), self.domains.of(number)),
            None => (0, 0),
        }
    }
}

/// Addresses as pflogsumm tells them apart.
///
/// Nearly all are logged as they are told apart, and need no string of their own.
pub(crate) struct Normal<'a> {
    symbols: &'a Symbols,
    /// Texts that are none of the log's strings.
    others: Symbols,
    known: Derived<(Text, Text)>,
    scratch: Vec<u8>,
}

impl<'a> Normal<'a> {
    pub(crate) fn new(symbols: &'a Symbols) -> Self {
        Normal {
            symbols,
            others: Symbols::default(),
            known: Derived::default(),
            scratch: Vec::new(),
        }
    }

    /// Returns an address as it is told apart, and its domain.
    pub(crate) fn of(&mut self, address: Symbol) -> (Text, Text) {
        let (symbols, others, scratch) = (self.symbols, &mut self.others, &mut self.scratch);
        self.known.of(address, || {
            let domain_at = normalize(symbols.get(address), scratch);
            let domain = text(
                scratch.get(domain_at..).unwrap_or_default(),
                symbols,
                others,
            );
            match scratch == symbols.get(address) {
                true => (address.number(), domain),
                false => (text(scratch, symbols, others), domain),
            }
        })
    }
}

/// Returns the number of a text.
fn text(text: &[u8], symbols: &Symbols, others: &mut Symbols) -> Text {
    match symbols.find(text) {
        Some(known) => known.number(),
        None => {
            let beyond = u32::try_from(symbols.len()).unwrap_or(u32::MAX);
            beyond.saturating_add(others.intern(text).number())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_of_a_domain_make_no_other_address() {
        let mut symbols = Symbols::default();
        let [mx1, mx2] =
            [&b"mx1"[..], b"mx2"].map(|host| (symbols.intern(host), symbols.intern(b"postfix")));
        let logged: [&[u8]; 7] = [
            b"Ann@Example.COM",
            b"Ann@example.com",
            b"ann@example.com",
            b"ANN@EXAMPLE.COM",
            b"bob@EXAMPLE.org",
            b"root",
            b"Root",
        ];
        let logged = logged.map(|address| symbols.intern(address));
        let (mut distinct, mut names) = (Distinct::default(), Normal::new(&symbols));
        for (at, address) in logged.into_iter().enumerate() {
            let (address, domain) = names.of(address);
            for host in [mx1, mx1, mx2].into_iter().skip(at % 3) {
                distinct.add(host, address, domain);
            }
        }
        // Ann, ann, ANN, bob, root, Root; example.com, example.org, root, Root.
        assert_eq!(distinct.all(), (6, 4));
        assert_eq!(distinct.of(mx2), (6, 4));
        // All but the third and the sixth.
        assert_eq!(distinct.of(mx1), (4, 3));
        assert_eq!(distinct.of((mx1.0, mx1.0)), (0, 0));
    }
}

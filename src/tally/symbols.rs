//! Strings seen in a log, each kept once and named by a small number.
//!
//! Counters are keyed by numbers instead of strings: a key is then `Copy`, cheap to hash, and owned
//! only on first sight. A part of a log has its own numbers; merging renumbers the later part.

use std::hash::{BuildHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::{LazyLock, Mutex, PoisonError};

use hashbrown::{DefaultHashBuilder, HashTable};
use mailtally_parsers::near::{is_same, place};

/// The number of a string within one [`Symbols`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Symbol(u32);

impl Symbol {
    /// The symbol of a number.
    pub(super) fn numbered(number: u32) -> Symbol {
        Symbol(number)
    }

    /// Returns the number itself.
    pub(crate) fn number(self) -> u32 {
        self.0
    }
}

/// Hashes strings in the same way in all parts of a run, so that a merge need not hash them again,
/// and in another way in the next run.
static HASHER: LazyLock<DefaultHashBuilder> = LazyLock::new(DefaultHashBuilder::default);

/// There is room for so many strings, and bytes of them, at first: what is not taken costs no memory,
/// what outgrows its room is moved.
const FIRST_STRINGS: usize = 1 << 14;
const FIRST_BYTES: usize = 1 << 18;

/// How many strings seen lately are found without a hash, as a power of two: most lines repeat some.
/// There are twice as many places as there are strings, from the first number up to the second.
const RECENT_BITS: std::ops::RangeInclusive<u32> = 9..=15;

/// The strings of a part of a log.
#[derive(Clone)]
pub(crate) struct Symbols {
    bytes: Vec<u8>,
    /// Where each string begins and ends.
    bounds: Vec<(usize, usize)>,
    /// The hash of each string: neither a table that grows nor a merge hashes it again.
    hashes: Vec<u32>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// The string last seen at each place.
    recent: Box<[Seen]>,
    recent_bits: u32,
}

/// A string seen lately: from the lowest bit up how long it is, its number, and where it begins. It is
/// looked for so often that the time is that of fetching it: eight of them are in one line of a cache.
#[derive(Clone, Copy)]
struct Seen(u64);

impl Seen {
    /// No string: no text that is looked for is that long.
    const NOTHING: Seen = Seen(u64::MAX);
    const LENGTH_BITS: u32 = 8;
    const SYMBOL_BITS: u32 = 24;

    /// `None` for a string that is too long, or has too many before it.
    fn of(symbol: Symbol, (start, end): (usize, usize)) -> Option<Self> {
        let length = u8::try_from(end - start).ok();
        let length = length.filter(|length| usize::from(*length) <= RECENT_BYTES)?;
        let start = u32::try_from(start).ok()?;
        (symbol.0 >> Self::SYMBOL_BITS == 0).then_some(Seen(
            u64::from(length)
                | u64::from(symbol.0) << Self::LENGTH_BITS
                | u64::from(start) << (Self::LENGTH_BITS + Self::SYMBOL_BITS),
        ))
    }

    #[inline(always)]
    fn bounds(self) -> Range<usize> {
        let start = (self.0 >> (Self::LENGTH_BITS + Self::SYMBOL_BITS)) as usize;
        let length = self.0 & ((1 << Self::LENGTH_BITS) - 1);
        start..start + length as usize
    }

    #[inline(always)]
    fn symbol(self) -> Symbol {
        let number = self.0 >> Self::LENGTH_BITS & ((1 << Self::SYMBOL_BITS) - 1);
        Symbol(number as u32)
    }
}

/// How long the strings are that are looked for among those seen lately: longer ones come once.
const RECENT_BYTES: usize = 64;

impl Default for Symbols {
    fn default() -> Self {
        Symbols {
            bytes: Vec::new(),
            bounds: Vec::new(),
            hashes: Vec::new(),
            table: HashTable::new(),
            hasher: HASHER.clone(),
            recent: places(*RECENT_BITS.start()),
            recent_bits: *RECENT_BITS.start(),
        }
    }
}

impl Symbols {
    /// Returns the number of a string, giving it the next one on first sight.
    #[inline]
    pub(crate) fn intern(&mut self, text: &[u8]) -> Symbol {
        if text.len() <= RECENT_BYTES
            && let Some(seen) = self.recent.get(place(text, self.recent_bits))
            && let Some(known) = self.bytes.get(seen.bounds())
            && is_same(known, text)
        {
            return seen.symbol();
        }
        self.intern_at(text)
    }

    /// Takes the longer way, and remembers.
    #[inline(never)]
    fn intern_at(&mut self, text: &[u8]) -> Symbol {
        let symbol = self.find_or_add(text);
        let place = place(text, self.recent_bits);
        if let Some(&bounds) = self.bounds.get(symbol.0 as usize)
            && let Some(seen) = Seen::of(symbol, bounds)
            && let Some(place) = self.recent.get_mut(place)
        {
            *place = seen;
        }
        symbol
    }

    /// Returns the number of a string that has one.
    pub(crate) fn find(&self, text: &[u8]) -> Option<Symbol> {
        self.find_hashed(self.hash(text), text)
    }

    fn hash(&self, text: &[u8]) -> u32 {
        // Of the highest bits: 32 of them fit the shift.
        u32::try_from(self.hasher.hash_one(text) >> u32::BITS).unwrap_or(0)
    }

    fn find_hashed(&self, hash: u32, text: &[u8]) -> Option<Symbol> {
        let found = self.table.find(wide(hash), |&at| self.is(Symbol(at), text));
        found.map(|&found| Symbol(found))
    }

    fn find_or_add(&mut self, text: &[u8]) -> Symbol {
        self.find_or_add_hashed(self.hash(text), text)
    }

    fn find_or_add_hashed(&mut self, hash: u32, text: &[u8]) -> Symbol {
        if let Some(found) = self.find_hashed(hash, text) {
            return found;
        }
        let hashes = &self.hashes;
        let next = u32::try_from(self.len()).unwrap_or(u32::MAX);
        self.table.insert_unique(wide(hash), next, |&at| {
            wide(hashes.get(at as usize).copied().unwrap_or(0))
        });
        if 2 * self.len() >= self.recent.len() && self.recent_bits < *RECENT_BITS.end() {
            self.recent_bits += 1;
            self.recent = places(self.recent_bits);
        }
        if self.bounds.capacity() == 0 {
            self.bytes.reserve(FIRST_BYTES);
            self.bounds.reserve(FIRST_STRINGS);
            self.hashes.reserve(FIRST_STRINGS);
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text);
        self.bounds.push((start, self.bytes.len()));
        self.hashes.push(hash);
        Symbol(next)
    }

    /// Returns the string of a number of this table.
    #[inline]
    pub(crate) fn get(&self, symbol: Symbol) -> &[u8] {
        slice(&self.bytes, &self.bounds, symbol.0)
    }

    /// Tells whether this is the string of a number.
    #[inline(always)]
    pub(crate) fn is(&self, symbol: Symbol, text: &[u8]) -> bool {
        let Some(&(start, end)) = self.bounds.get(symbol.0 as usize) else {
            return false;
        };
        match self.bytes.get(start..end) {
            Some(known) => is_same(known, text),
            None => false,
        }
    }

    /// Returns the string for writing out: lossily UTF-8.
    pub(crate) fn text(&self, symbol: Symbol) -> String {
        let bytes = self.get(symbol);
        // The check that tells no place is several times as fast as the one that mends.
        match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => String::from_utf8_lossy(bytes).into_owned(),
        }
    }

    /// Takes over the strings of a later part and returns that part's numbers in this table.
    pub(crate) fn merge(&mut self, later: &Symbols) -> Renumbering {
        let all = (0..).zip(&later.hashes);
        let numbers = all.map(|(at, &hash)| {
            let text = slice(&later.bytes, &later.bounds, at);
            self.find_or_add_hashed(hash, text)
        });
        Renumbering::All(numbers.collect())
    }

    /// Returns how many strings there are.
    pub(crate) fn len(&self) -> usize {
        self.bounds.len()
    }
}

/// The hash as the table takes it, which looks at both ends of one.
fn wide(hash: u32) -> u64 {
    u64::from(hash) << u32::BITS | u64::from(hash)
}

/// Places where no string was seen.
fn places(bits: u32) -> Box<[Seen]> {
    vec![Seen::NOTHING; 1 << bits].into_boxed_slice()
}

#[inline]
fn slice<'a>(bytes: &'a [u8], bounds: &[(usize, usize)], at: u32) -> &'a [u8] {
    let text = bounds.get(at as usize);
    let text = text.and_then(|&(start, end)| bytes.get(start..end));
    text.unwrap_or_default()
}

/// What follows from a string alone, worked out once for each string of a part.
///
/// Nothing of it is carried over into another part: there it is worked out anew.
#[derive(Clone)]
pub(crate) struct Derived<T>(Vec<Option<T>>);

impl<T> Default for Derived<T> {
    fn default() -> Self {
        Derived(Vec::new())
    }
}

impl<T: Copy> Derived<T> {
    /// Returns what follows from a string.
    #[inline]
    pub(crate) fn of(&mut self, symbol: Symbol, derive: impl FnOnce() -> T) -> T {
        match self.0.get(symbol.0 as usize) {
            Some(Some(known)) => *known,
            _ => self.note(symbol, derive()),
        }
    }

    #[inline(never)]
    fn note(&mut self, symbol: Symbol, derived: T) -> T {
        let at = symbol.0 as usize;
        if self.0.len() <= at {
            self.0.resize(at + 1, None);
        }
        if let Some(place) = self.0.get_mut(at) {
            *place = Some(derived);
        }
        derived
    }
}

/// The numbers that the strings of one table have in another one.
pub(crate) enum Renumbering {
    /// Those of a later part in the earlier part's table.
    All(Vec<Symbol>),
    /// Those that were asked for in a new table, which has no others.
    Asked(Box<Mutex<Asked>>),
}

/// Strings that go over from one table into a new one when they are asked for.
pub(crate) struct Asked {
    from: Symbols,
    to: Symbols,
    known: Vec<Option<Symbol>>,
}

impl Renumbering {
    /// Begins a new table, of the strings that will be asked for.
    pub(crate) fn into_new(from: Symbols) -> Self {
        let known = vec![None; from.len()];
        let to = Symbols::default();
        Renumbering::Asked(Box::new(Mutex::new(Asked { from, to, known })))
    }

    /// Returns the new table.
    pub(crate) fn into_symbols(self) -> Symbols {
        match self {
            Renumbering::All(_) => Symbols::default(),
            Renumbering::Asked(asked) => {
                let asked = asked.into_inner();
                asked.unwrap_or_else(PoisonError::into_inner).to
            }
        }
    }
}

impl Asked {
    fn of(&mut self, symbol: Symbol) -> Symbol {
        let Some(known) = self.known.get_mut(symbol.0 as usize) else {
            return symbol;
        };
        *known.get_or_insert_with(|| self.to.intern(self.from.get(symbol)))
    }
}

/// A value that holds symbols and can be carried over into an earlier part.
pub(crate) trait Renumber {
    /// Returns the value with each symbol replaced by its number in the earlier part.
    #[must_use]
    fn renumber(self, numbers: &Renumbering) -> Self;
}

impl Renumber for Symbol {
    #[inline]
    fn renumber(self, numbers: &Renumbering) -> Self {
        match numbers {
            Renumbering::All(numbers) => numbers.get(self.0 as usize).copied().unwrap_or(self),
            Renumbering::Asked(asked) => {
                let asked = asked.lock();
                asked.unwrap_or_else(PoisonError::into_inner).of(self)
            }
        }
    }
}

impl<T: Renumber> Renumber for Option<T> {
    fn renumber(self, numbers: &Renumbering) -> Self {
        self.map(|value| value.renumber(numbers))
    }
}

impl<A: Renumber, B: Renumber> Renumber for (A, B) {
    fn renumber(self, numbers: &Renumbering) -> Self {
        (self.0.renumber(numbers), self.1.renumber(numbers))
    }
}

/// Values without symbols stay as they are.
macro_rules! plain {
    ($($type:ty),*) => {
        $(impl Renumber for $type {
            fn renumber(self, _: &Renumbering) -> Self {
                self
            }
        })*
    };
}
pub(crate) use plain;

plain!(u8, u16, u32, u64, i32, i64, bool, &'static str, Word);

/// One of a few words of ours in a key. Hashing and comparing whole words took a tenth of the time
/// that counting takes: the length and the first letter tell nearly all of them apart, and a word
/// mostly is the very same text.
#[derive(Clone, Copy, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Word(pub(crate) &'static str);

impl PartialEq for Word {
    #[inline]
    fn eq(&self, other: &Word) -> bool {
        std::ptr::eq(self.0, other.0) || self.0 == other.0
    }
}

impl Hash for Word {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let first = self.0.as_bytes().first().copied().unwrap_or(0);
        state.write_usize(self.0.len() << 8 | usize::from(first));
    }
}

/// Declares a counter's key: a `Copy` struct whose symbols are renumbered field by field.
///
/// `found_by` names the fields that tell nearly all keys apart: these alone are hashed, all are
/// compared.
macro_rules! key {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident found_by($($by:ident),+) {
            $($field:ident : $type:ty),* $(,)?
        }
    ) => {
        $crate::tally::symbols::key! {
            @ $(#[$meta])* #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
            $vis struct $name { $($field : $type),* }
        }

        impl core::hash::Hash for $name {
            #[inline]
            fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
                $(core::hash::Hash::hash(&self.$by, state);)+
            }
        }
    };
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($field:ident : $type:ty),* $(,)? }) => {
        $crate::tally::symbols::key! {
            @ $(#[$meta])* #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
            $vis struct $name { $($field : $type),* }
        }
    };
    (@ $(#[$meta:meta])* $vis:vis struct $name:ident { $($field:ident : $type:ty),* }) => {
        $(#[$meta])*
        $vis struct $name { $(pub(crate) $field: $type,)* }

        impl $crate::tally::symbols::Renumber for $name {
            fn renumber(self, numbers: &$crate::tally::symbols::Renumbering) -> Self {
                $name { $($field: self.$field.renumber(numbers),)* }
            }
        }
    };
}
pub(crate) use key;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_each_string_once() {
        let mut symbols = Symbols::default();
        let (a, b) = (symbols.intern(b"mx1"), symbols.intern(b""));
        assert_eq!(symbols.intern(b"mx1"), a);
        assert_ne!(a, b);
        assert_eq!((symbols.get(a), symbols.get(b)), (&b"mx1"[..], &b""[..]));
        assert_eq!((symbols.len(), symbols.intern(b"")), (2, b));
    }

    #[test]
    fn strings_of_one_length_with_the_same_ends_are_told_apart() {
        let mut symbols = Symbols::default();
        let names: [&[u8]; 2] = [b"jane.doe1@mail.example", b"jane.doe2@mail.example"];
        let bits = *RECENT_BITS.end();
        assert_eq!(place(names[0], bits), place(names[1], bits));
        for _ in 0..2 {
            let found = names.map(|name| symbols.intern(name));
            assert_eq!(found.map(|symbol| symbols.get(symbol)), names);
        }
    }

    #[test]
    fn more_strings_than_places_are_told_apart() {
        let mut symbols = Symbols::default();
        let name = |at: usize| format!("user{at}@example.com");
        let count = 3 << *RECENT_BITS.end();
        for round in 0..2 {
            for at in 0..count {
                let symbol = symbols.intern(name(at).as_bytes());
                assert_eq!(symbol.number() as usize, at, "{round}");
                assert_eq!(
                    symbols.intern(name(at / 2).as_bytes()).number() as usize,
                    at / 2
                );
            }
        }
        assert_eq!(symbols.len(), count);
        assert_eq!(symbols.recent.len(), 1 << *RECENT_BITS.end());
    }

    #[test]
    fn what_does_not_fit_is_not_remembered() {
        let last = (1 << Seen::SYMBOL_BITS) - 1;
        let far = u32::MAX as usize;
        for (number, start, length) in [(0, 0, 0), (7, 300, 64), (last, far, 63), (last, 0, 1)] {
            let bounds = (start, start + length);
            let seen = Seen::of(Symbol(number), bounds).unwrap();
            assert_eq!(seen.symbol(), Symbol(number));
            assert_eq!(seen.bounds(), bounds.0..bounds.1);
        }
        assert!(Seen::of(Symbol(last + 1), (0, 1)).is_none());
        assert!(Seen::of(Symbol(0), (far + 1, far + 2)).is_none());
        assert!(Seen::of(Symbol(0), (1, 66)).is_none());
        assert!(Seen::of(Symbol(0), (1, 300)).is_none());
        assert!(Seen::NOTHING.bounds().len() > RECENT_BYTES);
    }

    #[test]
    fn a_new_table_has_what_was_asked_for_alone() {
        let mut old = Symbols::default();
        let [_, mx2, mx3] = [&b"mx1"[..], b"mx2", b"mx3"].map(|text| old.intern(text));
        let numbers = Renumbering::into_new(old);
        let again = [mx3, mx2, mx3].map(|symbol| symbol.renumber(&numbers));
        assert_eq!(again[0], again[2]);
        let new = numbers.into_symbols();
        assert_eq!(new.len(), 2);
        assert_eq!(
            again.map(|symbol| new.get(symbol)),
            [b"mx3", b"mx2", b"mx3"]
        );
    }

    #[test]
    fn strings_that_differ_in_one_letter_are_told_apart() {
        for length in 0..80u8 {
            let text: Vec<u8> = (0..length).collect();
            let mut symbols = Symbols::default();
            let known = symbols.intern(&text);
            for at in 0..usize::from(length) {
                let mut other = text.clone();
                other[at] ^= 1;
                assert_ne!(symbols.intern(&other), known);
                assert_eq!(symbols.intern(&text), known);
            }
        }
    }

    #[test]
    fn words_are_the_same_wherever_they_stand() {
        let elsewhere: &'static str = String::from("ipv4").leak();
        assert_eq!(Word("ipv4"), Word(elsewhere));
        assert_ne!(Word("ipv4"), Word("ipv6"));
        assert_ne!(Word("mail"), Word("data"));
        let mut counts = std::collections::HashMap::new();
        for word in ["mail", elsewhere, "rcpt", "mail", "ipv4"] {
            *counts.entry(Word(word)).or_insert(0) += 1;
        }
        assert_eq!(counts.get(&Word("ipv4")), Some(&2));
        assert_eq!(counts.len(), 3);
    }

    #[test]
    fn a_merge_finds_each_of_many_strings() {
        let name = |at: u32| format!("user{at}@example.com");
        let (mut early, mut later) = (Symbols::default(), Symbols::default());
        for at in 0..3_000 {
            early.intern(name(2 * at).as_bytes());
            later.intern(name(3 * at).as_bytes());
        }
        let numbers = early.merge(&later);
        for at in 0..3_000 {
            let merged = later.intern(name(3 * at).as_bytes()).renumber(&numbers);
            assert_eq!(early.text(merged), name(3 * at));
            assert_eq!(early.find(name(3 * at).as_bytes()), Some(merged));
        }
        // Of 3,000 multiples of three up to 8,997 those that are even and below 6,000 are known.
        assert_eq!(early.len(), 3_000 + 3_000 - 1_000);
    }

    #[test]
    fn renumbers_a_later_part() {
        let (mut early, mut later) = (Symbols::default(), Symbols::default());
        let mx1 = early.intern(b"mx1");
        let mx2_later = later.intern(b"mx2");
        let mx1_later = later.intern(b"mx1");
        let numbers = early.merge(&later);
        assert_eq!(mx1_later.renumber(&numbers), mx1);
        assert_eq!(early.get(mx2_later.renumber(&numbers)), b"mx2");
    }
}

//! Where values stand that a host and a queue id name: found by key, walked, given back.
//!
//! What is kept of a mail is some 250 bytes long. In a hash table it would be moved each time the
//! table grows, and be touched whenever another one is looked for. Here it stays at its place until
//! it is given back, and the next one gets that place; what is searched are the places' numbers.
//! Lines of one mail often follow each other: the place of the last one is looked at first.
//! When a value is to be given back is **not** known here.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use super::lives::LifeKey;
use super::symbols::Symbol;

/// A value that can be used again for another key.
pub(super) trait Reuse: Default {
    /// Lets go of what it holds in memory of its own.
    fn release(&mut self);
}

#[derive(Clone)]
struct Place<V> {
    key: LifeKey,
    is_taken: bool,
    value: V,
}

/// Values by key.
#[derive(Clone)]
pub(super) struct Shelf<V> {
    places: Vec<Place<V>>,
    /// Places that were given back.
    free: Vec<u32>,
    /// The numbers of the places that are taken, by the hashes of their keys.
    numbers: HashTable<u32>,
    /// The place that was asked for last, or none.
    last: usize,
    /// Stands for a value that is not there: there is none such.
    spare: V,
}

impl<V: Default> Default for Shelf<V> {
    fn default() -> Self {
        Shelf {
            places: Vec::new(),
            free: Vec::new(),
            numbers: HashTable::new(),
            last: usize::MAX,
            spare: V::default(),
        }
    }
}

impl<V: Reuse> Shelf<V> {
    /// Returns the value of a key, and whether it is a new one: then what is in it is of no account.
    #[inline(always)]
    pub(super) fn at(&mut self, key: &LifeKey) -> (&mut V, bool) {
        let found = self.find(key);
        self.last = match found {
            Some(place) => place,
            None => self.take_place(key),
        };
        (self.last(), found.is_none())
    }

    /// Returns the value that was asked for last, if this is its key.
    #[inline]
    pub(super) fn last_of(&mut self, key: &LifeKey) -> Option<&mut V> {
        let last = self.places.get_mut(self.last)?;
        (last.key == *key).then_some(&mut last.value)
    }

    /// Returns the value that was asked for last.
    #[inline]
    pub(super) fn last(&mut self) -> &mut V {
        match self.places.get_mut(self.last) {
            Some(place) => &mut place.value,
            None => &mut self.spare,
        }
    }

    /// Returns the value of a key that has one.
    pub(super) fn get_mut(&mut self, key: &LifeKey) -> Option<&mut V> {
        let place = self.find(key)?;
        self.places.get_mut(place).map(|place| &mut place.value)
    }

    /// Returns the place of a key.
    #[inline]
    fn find(&self, key: &LifeKey) -> Option<usize> {
        let is_its = |number: &u32| {
            let place = self.places.get(*number as usize);
            place.is_some_and(|place| place.key == *key)
        };
        let number = self.numbers.find(hash(key), is_its)?;
        Some(*number as usize)
    }

    /// Takes a place for a key that has none.
    #[inline]
    fn take_place(&mut self, key: &LifeKey) -> usize {
        let free = self.free.pop();
        let number = free.unwrap_or_else(|| self.new_place(key));
        if let Some(place) = self.places.get_mut(number as usize) {
            place.key = *key;
            place.is_taken = true;
        }
        self.enter(key, number);
        number as usize
    }

    /// There are no more places than lives under way at one time.
    #[cold]
    #[inline(never)]
    fn new_place(&mut self, key: &LifeKey) -> u32 {
        if self.places.capacity() == 0 {
            self.places.reserve(FIRST_PLACES);
        }
        let number = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        self.places.push(Place {
            key: *key,
            is_taken: true,
            value: V::default(),
        });
        number
    }

    /// Enters the number of a key's place, to be found again.
    #[inline]
    fn enter(&mut self, key: &LifeKey, number: u32) {
        let places = &self.places;
        let hash_of = |number: &u32| {
            let place = places.get(*number as usize);
            place.map_or(0, |place| hash(&place.key))
        };
        self.numbers.insert_unique(hash(key), number, hash_of);
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Lists keys and values.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&LifeKey, &V)> {
        let taken = self.places.iter().filter(|place| place.is_taken);
        taken.map(|place| (&place.key, &place.value))
    }

    /// Lists keys and values, which may be changed.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&LifeKey, &mut V)> {
        let taken = self.places.iter_mut().filter(|place| place.is_taken);
        taken.map(|place| (&place.key, &mut place.value))
    }

    /// Gives back the places of values that are not to be kept.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&LifeKey, &mut V) -> bool) {
        let before = self.free.len();
        for (number, place) in (0..).zip(&mut self.places) {
            if place.is_taken && !keep(&place.key, &mut place.value) {
                place.is_taken = false;
                place.value.release();
                self.free.push(number);
            }
        }
        if self.free.len() > before {
            let places = &self.places;
            let is_taken = |number: &u32| {
                let place = places.get(*number as usize);
                place.is_some_and(|place| place.is_taken)
            };
            self.numbers.retain(|number| is_taken(number));
            self.last = usize::MAX;
        }
    }

    /// Gives all hosts other numbers, no two the same one, and keeps no place that is free.
    pub(super) fn renumber_hosts(&mut self, number: impl Fn(Symbol) -> Symbol) {
        let mut places = std::mem::take(&mut self.places);
        places.retain(|place| place.is_taken);
        *self = Shelf::default();
        for place in &mut places {
            place.key.host = number(place.key.host);
        }
        places.shrink_to_fit();
        self.places = places;
        let keys: Vec<LifeKey> = self.places.iter().map(|place| place.key).collect();
        for (key, number) in keys.iter().zip(0..) {
            self.enter(key, number);
        }
    }
}

/// There is room for so many places at first: what is not taken costs no memory, what outgrows its
/// room is moved.
const FIRST_PLACES: usize = 1_024;

#[inline]
fn hash(key: &LifeKey) -> u64 {
    FxBuildHasher.hash_one(key)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::lives::QueueId;
    use super::super::symbols::Symbols;
    use super::*;

    impl Reuse for Vec<u32> {
        fn release(&mut self) {
            self.clear();
        }
    }

    fn key(host: Symbol, id: u32) -> LifeKey {
        LifeKey {
            host,
            id: QueueId::new(format!("{id:X}").as_bytes()),
        }
    }

    fn all(shelf: &Shelf<Vec<u32>>) -> BTreeMap<u32, Vec<u32>> {
        let id = |key: &LifeKey| u32::from_str_radix(&key.id.text(), 16).unwrap();
        let all = shelf.iter().map(|(key, value)| (id(key), value.clone()));
        let all: BTreeMap<_, _> = all.collect();
        assert_eq!(all.len(), shelf.len());
        all
    }

    /// What a plain map does, over ids that come, stay for a while and go.
    #[test]
    fn holds_what_a_plain_map_holds() {
        let mut symbols = Symbols::default();
        let hosts = [symbols.intern(b"mx1"), symbols.intern(b"mx2")];
        let mut keys = BTreeMap::new();
        let (mut shelf, mut plain) = (Shelf::<Vec<u32>>::default(), BTreeMap::new());
        let mut number = 1_u32;
        for round in 0..20_u32 {
            for step in 0..400_u32 {
                number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let id = round * 150 + (number >> 16) % 500;
                let key = key(hosts[usize::from(id.is_multiple_of(3))], id);
                keys.insert(id, key);
                let (value, is_new) = shelf.at(&key);
                assert_eq!(is_new, !plain.contains_key(&id));
                if is_new {
                    assert!(value.is_empty());
                }
                value.push(step);
                plain.entry(id).or_insert_with(Vec::new).push(step);
            }
            assert_eq!(all(&shelf), plain);
            shelf.retain(|_, value| value.len().is_multiple_of(2));
            plain.retain(|_, value| value.len().is_multiple_of(2));
            assert_eq!(all(&shelf), plain);
            for (id, key) in &keys {
                assert_eq!(shelf.get_mut(key).cloned(), plain.get(id).cloned());
            }
        }
        assert!(shelf.places.len() < keys.len());
    }

    #[test]
    fn one_id_of_two_hosts_has_two_values_whatever_their_numbers() {
        let mut symbols = Symbols::default();
        let [a, b, c] = [b"a", b"b", b"c"].map(|host| symbols.intern(host));
        let mut shelf = Shelf::<Vec<u32>>::default();
        shelf.at(&key(a, 7)).0.push(1);
        shelf.at(&key(b, 7)).0.push(2);
        shelf.renumber_hosts(|host| if host == a { b } else { c });
        assert_eq!(shelf.get_mut(&key(a, 7)), None);
        assert_eq!(shelf.at(&key(b, 7)), (&mut vec![1], false));
        assert_eq!(shelf.at(&key(c, 7)), (&mut vec![2], false));
    }
}

//! Values under keys of bytes, numbered in the order in which the keys were first seen.

use std::hash::Hasher;

use hashbrown::HashTable;
use rustc_hash::FxHasher;

/// A table whose keys lie in one buffer: a key that is there already costs no allocation.
#[derive(Clone, Debug)]
pub(super) struct Table<V> {
    index: HashTable<u32>,
    bytes: Vec<u8>,
    entries: Vec<Entry<V>>,
}

#[derive(Clone, Debug)]
struct Entry<V> {
    start: usize,
    len: usize,
    hash: u64,
    value: V,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Table {
            index: HashTable::new(),
            bytes: Vec::new(),
            entries: Vec::new(),
        }
    }
}

/// The number of a key in its table.
pub(super) type Id = u32;

impl<V: Default> Table<V> {
    /// Returns the number of a key, which is a new one if the key was not there.
    pub(super) fn id(&mut self, key: &[u8]) -> Id {
        let hash = hash_of(key);
        let (bytes, entries) = (&self.bytes, &self.entries);
        let found = self.index.find(hash, |id| {
            entry(entries, *id).is_some_and(|entry| entry.hash == hash && entry.key(bytes) == key)
        });
        if let Some(id) = found {
            return *id;
        }
        let id = Id::try_from(self.entries.len()).unwrap_or(Id::MAX);
        self.entries.push(Entry {
            start: self.bytes.len(),
            len: key.len(),
            hash,
            value: V::default(),
        });
        self.bytes.extend_from_slice(key);
        let entries = &self.entries;
        self.index.insert_unique(hash, id, |id| {
            entry(entries, *id).map_or(0, |entry| entry.hash)
        });
        id
    }

    /// Returns the value under a key, a fresh one if there was none.
    pub(super) fn value(&mut self, key: &[u8]) -> Option<&mut V> {
        let id = self.id(key);
        self.get_mut(id)
    }
}

impl<V> Table<V> {
    /// Returns the value with this number.
    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut V> {
        let at = usize::try_from(id).ok()?;
        self.entries.get_mut(at).map(|entry| &mut entry.value)
    }

    /// Returns the key with this number.
    pub(super) fn key(&self, id: Id) -> &[u8] {
        entry(&self.entries, id).map_or(b"", |entry| entry.key(&self.bytes))
    }

    /// Goes through all keys in the order in which they were first seen.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &V)> {
        let rows = self.entries.iter();
        rows.map(|entry| (entry.key(&self.bytes), &entry.value))
    }
}

impl<V> Entry<V> {
    fn key<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        let end = self.start + self.len;
        bytes.get(self.start..end).unwrap_or(b"")
    }
}

fn entry<V>(entries: &[Entry<V>], id: Id) -> Option<&Entry<V>> {
    entries.get(usize::try_from(id).ok()?)
}

fn hash_of(key: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(key);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keys_as_they_come_and_keeps_their_values() {
        let mut table = Table::<u64>::default();
        for key in ["b", "a", "", "b", "ab", "a", "b"] {
            *table.value(key.as_bytes()).unwrap() += 1;
        }
        let rows: Vec<_> = table.iter().collect();
        let expected: [(&[u8], &u64); 4] = [(b"b", &3), (b"a", &2), (b"", &1), (b"ab", &1)];
        assert_eq!(rows, expected);
        assert_eq!((table.id(b"ab"), table.key(3)), (3, &b"ab"[..]));
        assert_eq!(table.key(4), b"");
    }

    #[test]
    fn holds_many_keys() {
        let mut table = Table::<bool>::default();
        for round in 0..2 {
            for number in 0..5_000_u32 {
                assert_eq!(table.id(&number.to_be_bytes()), number, "round {round}");
            }
        }
    }
}

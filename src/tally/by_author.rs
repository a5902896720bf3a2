//! What is kept of the authors that logged lately: found without a hash, and without comparing texts.

use mailtally_parsers::syslog::Author;

/// How many authors are remembered, as a power of two: more than processes that log at one time.
const BITS: u32 = 9;

/// The value of the author last seen at each place.
#[derive(Clone)]
pub(crate) struct ByAuthor<V>(Vec<Option<(Author, V)>>);

impl<V: Clone> Default for ByAuthor<V> {
    fn default() -> Self {
        ByAuthor(vec![None; 1 << BITS])
    }
}

impl<V: Copy> ByAuthor<V> {
    /// Returns what is kept of an author.
    #[inline]
    pub(crate) fn get(&self, author: Author) -> Option<V> {
        match self.0.get(author.place(BITS)) {
            Some(Some((known, value))) if *known == author => Some(*value),
            _ => None,
        }
    }

    /// Keeps a value, in the place of another author's.
    pub(crate) fn keep(&mut self, author: Author, value: V) {
        if let Some(place) = self.0.get_mut(author.place(BITS)) {
            *place = Some((author, value));
        }
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.0.fill(None);
    }
}

//! Lines by program and kind: one table, for nearly every line counts here.

use mailtally_parsers::{Kind, Program};

/// How many lines of each kind each program logged that has a name of its own.
///
/// Only lines of a known kind; all others are few, and are counted by name.
#[derive(Clone, Default)]
pub(crate) struct KindTable {
    /// A row of kinds for each program that logged.
    rows: Vec<Option<Box<[u64; Kind::COUNT]>>>,
}

impl KindTable {
    /// Counts a line of the program of a number.
    #[inline]
    pub(crate) fn count(&mut self, number: usize, kind: Kind) {
        let cell = match self.rows.get_mut(number) {
            Some(Some(row)) => row.get_mut(kind.index()),
            _ => self.new_row(number).get_mut(kind.index()),
        };
        if let Some(cell) = cell {
            *cell += 1;
        }
    }

    #[cold]
    fn new_row(&mut self, number: usize) -> &mut [u64] {
        if self.rows.is_empty() {
            self.rows.resize(Program::NUMBERED, None);
        }
        match self.rows.get_mut(number) {
            Some(row) => &mut row.get_or_insert_with(|| Box::new([0; Kind::COUNT]))[..],
            None => &mut [],
        }
    }

    /// Adds a later part's lines.
    pub(crate) fn merge(&mut self, later: KindTable) {
        for (number, theirs) in later.rows.into_iter().enumerate() {
            let Some(theirs) = theirs else { continue };
            let ours = self.new_row(number);
            for (ours, theirs) in ours.iter_mut().zip(theirs.iter()) {
                *ours += theirs;
            }
        }
    }

    /// Lists what was counted, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, Kind, u64)> {
        let rows = self.rows.iter().enumerate();
        rows.filter_map(|(number, row)| Some((Program::name_of(number), row.as_ref()?)))
            .flat_map(|(name, row)| {
                Kind::all()
                    .zip(row.iter())
                    .filter(|(_, count)| **count > 0)
                    .map(move |(kind, count)| (name, kind, *count))
            })
    }
}

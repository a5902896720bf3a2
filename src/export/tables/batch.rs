//! Rows of a table, column by column.
//!
//! Most columns of `events` have no value in most rows: a column keeps the numbers of the rows that
//! have one, and their values. How values are written is **not** decided here.

use super::schemas::{ColumnKind, Table, TableId};

/// Rows of one table.
#[derive(Clone, Debug)]
pub struct Batch {
    table: &'static Table,
    rows: u32,
    columns: Vec<Values>,
}

/// The values of one column: those of the rows that have one, in the order of the rows.
#[derive(Clone, Debug)]
pub struct Values {
    kind: ColumnKind,
    /// Nothing as long as no row has a value: of some hundred columns most never have one.
    filled: Option<Box<Filled>>,
}

#[derive(Clone, Debug)]
struct Filled {
    rows: Vec<u32>,
    data: Data,
}

/// Values of one kind.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Data {
    /// Whole numbers, and times in microseconds.
    Int(Vec<i64>),
    /// Numbers with a fraction.
    Real(Vec<f64>),
    /// Yes or no.
    Bool(Vec<bool>),
    /// Texts.
    Text(Texts),
}

/// Texts behind each other in one buffer; all of it is UTF-8.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    bytes: Vec<u8>,
    /// Where each one ends: a batch is written long before it has 4 GB.
    ends: Vec<u32>,
}

impl Texts {
    /// Returns a text by its place among those that are there.
    pub fn get(&self, at: usize) -> Option<&[u8]> {
        let start = match at.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        let end = *self.ends.get(at)?;
        self.bytes.get(start as usize..end as usize)
    }

    /// Goes through the texts that are there.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let text = self.bytes.get(start..*end as usize);
            start = *end as usize;
            text.unwrap_or_default()
        })
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns all texts, one behind the other.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Appends a text of a log: what is no UTF-8 becomes U+FFFD.
    fn push(&mut self, text: &[u8]) {
        // Nearly all texts are ASCII, which is told faster.
        if text.is_ascii() || str::from_utf8(text).is_ok() {
            self.bytes.extend_from_slice(text);
        } else {
            let text = String::from_utf8_lossy(text);
            self.bytes.extend_from_slice(text.as_bytes());
        }
        self.ends.push(end(self.bytes.len()));
    }

    fn append(&mut self, other: &Texts) {
        let before = end(self.bytes.len());
        self.bytes.extend_from_slice(&other.bytes);
        let ends = other.ends.iter().map(|end| before.saturating_add(*end));
        self.ends.extend(ends);
    }
}

fn end(bytes: usize) -> u32 {
    debug_assert!(u32::try_from(bytes).is_ok(), "parts are cut long before");
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// A column that has one value mostly has more: room for so many is made at once.
const FIRST: usize = 64;

/// What a column without a value has.
static NO_INT: Data = Data::Int(Vec::new());
static NO_REAL: Data = Data::Real(Vec::new());
static NO_BOOL: Data = Data::Bool(Vec::new());
static NO_TEXT: Data = Data::Text(Texts {
    bytes: Vec::new(),
    ends: Vec::new(),
});

impl Data {
    fn empty(kind: ColumnKind) -> &'static Data {
        match kind {
            ColumnKind::Time | ColumnKind::Int => &NO_INT,
            ColumnKind::Real => &NO_REAL,
            ColumnKind::Bool => &NO_BOOL,
            ColumnKind::Text => &NO_TEXT,
        }
    }

    fn new(kind: ColumnKind) -> Data {
        match kind {
            ColumnKind::Time | ColumnKind::Int => Data::Int(Vec::with_capacity(FIRST)),
            ColumnKind::Real => Data::Real(Vec::with_capacity(FIRST)),
            ColumnKind::Bool => Data::Bool(Vec::with_capacity(FIRST)),
            ColumnKind::Text => Data::Text(Texts {
                bytes: Vec::with_capacity(16 * FIRST),
                ends: Vec::with_capacity(FIRST),
            }),
        }
    }

    fn append(&mut self, other: &Data) {
        match (self, other) {
            (Data::Int(ours), Data::Int(theirs)) => ours.extend_from_slice(theirs),
            (Data::Real(ours), Data::Real(theirs)) => ours.extend_from_slice(theirs),
            (Data::Bool(ours), Data::Bool(theirs)) => ours.extend_from_slice(theirs),
            (Data::Text(ours), Data::Text(theirs)) => ours.append(theirs),
            _ => debug_assert!(false, "columns of one table have one kind"),
        }
    }

    fn clear(&mut self) {
        match self {
            Data::Int(values) => values.clear(),
            Data::Real(values) => values.clear(),
            Data::Bool(values) => values.clear(),
            Data::Text(texts) => {
                texts.bytes.clear();
                texts.ends.clear();
            }
        }
    }

    /// Appends the value that stands at a place of another column of this kind.
    fn push_from(&mut self, other: &Data, at: usize) {
        match (self, other) {
            (Data::Int(ours), Data::Int(theirs)) => ours.extend(theirs.get(at)),
            (Data::Real(ours), Data::Real(theirs)) => ours.extend(theirs.get(at)),
            (Data::Bool(ours), Data::Bool(theirs)) => ours.extend(theirs.get(at)),
            (Data::Text(ours), Data::Text(theirs)) => {
                ours.push(theirs.get(at).unwrap_or_default());
            }
            _ => debug_assert!(false, "columns of one table have one kind"),
        }
    }

    fn size_bytes(&self) -> usize {
        match self {
            Data::Int(values) => values.len() * 8,
            Data::Real(values) => values.len() * 8,
            Data::Bool(values) => values.len(),
            Data::Text(texts) => texts.bytes.len() + texts.ends.len() * 4,
        }
    }
}

impl Values {
    /// Begins without values.
    fn new(kind: ColumnKind) -> Values {
        Values { kind, filled: None }
    }

    fn fill(&mut self) -> &mut Filled {
        let kind = self.kind;
        self.filled.get_or_insert_with(|| {
            Box::new(Filled {
                rows: Vec::with_capacity(FIRST),
                data: Data::new(kind),
            })
        })
    }

    /// Returns the numbers of the rows that have a value, each larger than the one before.
    pub fn rows(&self) -> &[u32] {
        self.filled.as_ref().map_or(&[], |filled| &filled.rows)
    }

    /// Returns the values, one for each of [`rows`](Self::rows).
    pub fn data(&self) -> &Data {
        let data = self.filled.as_ref().map(|filled| &filled.data);
        data.unwrap_or_else(|| Data::empty(self.kind))
    }

    /// Tells whether no row has a value.
    pub fn is_empty(&self) -> bool {
        self.rows().is_empty()
    }

    /// Goes through all rows of a batch: the place of each one's value in [`data`](Self::data), or
    /// `None` where it has none.
    pub fn places(&self, rows: usize) -> impl Iterator<Item = Option<usize>> {
        let mut next = 0;
        let with_value = self.rows();
        (0..rows).map(move |row| {
            let has_value = with_value.get(next).is_some_and(|at| *at as usize == row);
            has_value.then(|| {
                next += 1;
                next - 1
            })
        })
    }
}

impl Batch {
    /// Begins without rows.
    pub fn new(table: &'static Table) -> Batch {
        let columns = table.columns.iter();
        Batch {
            table,
            rows: 0,
            columns: columns.map(|column| Values::new(column.kind)).collect(),
        }
    }

    /// Returns the table whose rows these are.
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// Returns how many rows there are.
    pub fn rows(&self) -> usize {
        self.rows as usize
    }

    /// Tells whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Returns the columns, in the order of the table's.
    pub fn columns(&self) -> &[Values] {
        &self.columns
    }

    /// Returns about how much memory the values take.
    pub fn size_bytes(&self) -> usize {
        let columns = self.columns.iter();
        columns
            .filter_map(|column| column.filled.as_ref())
            .map(|filled| filled.rows.len() * 4 + filled.data.size_bytes())
            .sum()
    }

    /// Sets a whole number or time of the row being made; the first value of a cell stays.
    pub fn int(&mut self, column: usize, value: i64) {
        if let Some(Data::Int(values)) = self.cell(column) {
            values.push(value);
        }
    }

    /// Sets a number with a fraction.
    pub fn real(&mut self, column: usize, value: f64) {
        if let Some(Data::Real(values)) = self.cell(column) {
            values.push(value);
        }
    }

    /// Sets a yes or no.
    pub fn flag(&mut self, column: usize, value: bool) {
        if let Some(Data::Bool(values)) = self.cell(column) {
            values.push(value);
        }
    }

    /// Sets a text; what is no UTF-8 becomes U+FFFD.
    pub fn text(&mut self, column: usize, value: &[u8]) {
        if let Some(Data::Text(values)) = self.cell(column) {
            values.push(value);
        }
    }

    /// Sets a text if there is one.
    pub fn maybe_text(&mut self, column: usize, value: Option<&[u8]>) {
        if let Some(value) = value {
            self.text(column, value);
        }
    }

    /// Sets a whole number if there is one.
    pub fn maybe_int(&mut self, column: usize, value: Option<i64>) {
        if let Some(value) = value {
            self.int(column, value);
        }
    }

    /// Forgets all rows, and keeps the room that they took.
    pub(super) fn clear(&mut self) {
        self.rows = 0;
        let columns = self.columns.iter_mut();
        for filled in columns.filter_map(|column| column.filled.as_mut()) {
            filled.rows.clear();
            filled.data.clear();
        }
    }

    /// Ends the row being made; cells that were not set have no value.
    pub fn end_row(&mut self) {
        self.rows = self.rows.saturating_add(1);
    }

    /// Opens a cell of the row being made; `None` if it has its value already.
    fn cell(&mut self, column: usize) -> Option<&mut Data> {
        let filled = self.columns.get_mut(column)?.fill();
        if filled.rows.last() == Some(&self.rows) {
            return None;
        }
        filled.rows.push(self.rows);
        Some(&mut filled.data)
    }

    /// Adds to all values of a column of whole numbers.
    pub fn add_to_all(&mut self, column: usize, by: i64) {
        let filled = self
            .columns
            .get_mut(column)
            .and_then(|column| column.filled.as_mut());
        if let Some(Data::Int(values)) = filled.map(|filled| &mut filled.data) {
            for value in values {
                *value = value.saturating_add(by);
            }
        }
    }

    /// Appends all rows of another batch of the same table.
    pub fn append(&mut self, other: &Batch) {
        debug_assert_eq!(self.table.name, other.table.name);
        for (ours, theirs) in self.columns.iter_mut().zip(&other.columns) {
            let Some(theirs) = theirs
                .filled
                .as_ref()
                .filter(|their| !their.rows.is_empty())
            else {
                continue;
            };
            let (before, ours) = (self.rows, ours.fill());
            ours.rows
                .extend(theirs.rows.iter().map(|row| before.saturating_add(*row)));
            ours.data.append(&theirs.data);
        }
        self.rows = self.rows.saturating_add(other.rows);
    }

    /// Puts the rows in the order of their time, the first column. Rows of one time keep theirs, but
    /// for mails: those come as they are over, and stand by their queue ids.
    pub fn sort_by_time(&mut self) {
        let Some(Data::Int(times)) = self.columns.first().map(Values::data) else {
            return;
        };
        let tie = self.tie_breaker();
        if tie.is_none() && times.is_sorted() {
            return;
        }
        let mut order: Vec<u32> = (0..self.rows).collect();
        order.sort_by_key(|row| {
            let row = *row as usize;
            (times.get(row), tie.and_then(|texts| texts.get(row)))
        });
        *self = self.in_order(&order);
    }

    /// The texts by which rows of one time are put in order, where that of the log is lost.
    fn tie_breaker(&self) -> Option<&Texts> {
        if self.table.name != TableId::Messages.table().name {
            return None;
        }
        let queue_ids = self.columns.get(self.table.place_of("queue_id")?)?;
        match queue_ids.data() {
            // Each mail has one: the places are the rows.
            Data::Text(texts) => Some(texts).filter(|_| queue_ids.rows().len() == self.rows()),
            _ => None,
        }
    }

    /// Returns the rows of these numbers, in this order; each number comes once.
    fn in_order(&self, order: &[u32]) -> Batch {
        let mut new_row = vec![0_u32; self.rows()];
        for (new, old) in (0..).zip(order) {
            if let Some(row) = new_row.get_mut(*old as usize) {
                *row = new;
            }
        }
        let columns = self.columns.iter();
        Batch {
            table: self.table,
            rows: self.rows,
            columns: columns.map(|column| column.renumbered(&new_row)).collect(),
        }
    }
}

impl Values {
    /// Returns the values for rows that get new numbers.
    fn renumbered(&self, new_row: &[u32]) -> Values {
        let mut values = Values::new(self.kind);
        let Some(filled) = &self.filled else {
            return values;
        };
        let row = |old: &u32| new_row.get(*old as usize).copied().unwrap_or(0);
        let mut order: Vec<(u32, usize)> = filled.rows.iter().map(row).zip(0..).collect();
        order.sort_unstable();
        let renumbered = values.fill();
        for (row, at) in order {
            renumbered.rows.push(row);
            renumbered.data.push_from(&filled.data, at);
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A batch of `logins` with these times, users and numbers of attempts.
    fn batch(rows: &[(i64, Option<&[u8]>, i64)]) -> Batch {
        let table = Table::named("logins").unwrap();
        let place = |name| table.place_of(name).unwrap();
        let mut batch = Batch::new(table);
        for (time, user, attempts) in rows {
            batch.int(place("time"), *time);
            batch.maybe_text(place("user"), *user);
            batch.int(place("attempts"), *attempts);
            batch.flag(place("is_tls"), *attempts > 1);
            batch.end_row();
        }
        batch
    }

    /// The users of all rows.
    fn users(batch: &Batch) -> Vec<Option<&str>> {
        let column = &batch.columns()[batch.table().place_of("user").unwrap()];
        let Data::Text(texts) = column.data() else {
            panic!("users are texts")
        };
        let places = column.places(batch.rows());
        let text = |at| str::from_utf8(texts.get(at).unwrap()).unwrap();
        places.map(|at| at.map(text)).collect()
    }

    fn ints(batch: &Batch, name: &str) -> Vec<i64> {
        let column = &batch.columns()[batch.table().place_of(name).unwrap()];
        let Data::Int(values) = column.data() else {
            panic!("{name} are numbers")
        };
        values.clone()
    }

    #[test]
    fn cells_without_a_value_stay_empty() {
        let batch = batch(&[(1, None, 1), (2, Some(b"anna"), 2), (3, Some(b""), 3)]);
        assert_eq!(batch.rows(), 3);
        assert_eq!(users(&batch), [None, Some("anna"), Some("")]);
    }

    #[test]
    fn what_is_no_utf8_is_replaced() {
        let batch = batch(&[
            (1, Some(b"j\xfcrgen"), 1),
            (2, Some("gr\u{fc}n".as_bytes()), 1),
        ]);
        assert_eq!(users(&batch), [Some("j\u{fffd}rgen"), Some("gr\u{fc}n")]);
    }

    #[test]
    fn the_first_value_of_a_cell_stays() {
        let mut batch = batch(&[]);
        let user = batch.table().place_of("user").unwrap();
        batch.text(user, b"first");
        batch.text(user, b"second");
        batch.int(user, 7);
        batch.end_row();
        assert_eq!(users(&batch), [Some("first")]);
    }

    #[test]
    fn appended_rows_follow() {
        let mut one = batch(&[(1, Some(b"a"), 1), (2, None, 2)]);
        one.append(&batch(&[]));
        one.append(&batch(&[(3, None, 3), (4, Some(b"d"), 4)]));
        assert_eq!(users(&one), [Some("a"), None, None, Some("d")]);
        assert_eq!(ints(&one, "time"), [1, 2, 3, 4]);
    }

    #[test]
    fn a_cleared_batch_has_nothing_of_before() {
        let mut cleared = batch(&[(1, Some(b"a"), 1), (2, Some(b"b"), 2)]);
        cleared.clear();
        assert!(cleared.is_empty() && cleared.columns().iter().all(Values::is_empty));
        cleared.int(0, 9);
        cleared.end_row();
        assert_eq!(users(&cleared), [None]);
        let mut all = batch(&[(1, Some(b"x"), 1)]);
        all.append(&cleared);
        assert_eq!(users(&all), [Some("x"), None]);
        assert_eq!(ints(&all, "time"), [1, 9]);
    }

    #[test]
    fn mails_of_one_time_stand_by_their_queue_ids() {
        let table = TableId::Messages.table();
        let mut batch = Batch::new(table);
        for (time, id) in [(7, "B"), (7, "A"), (3, "C")] {
            batch.int(0, time);
            batch.text(table.place_of("queue_id").unwrap(), id.as_bytes());
            batch.end_row();
        }
        batch.sort_by_time();
        let ids: Vec<&[u8]> = batch.tie_breaker().unwrap().iter().collect();
        assert_eq!(ids, [&b"C"[..], &b"A"[..], &b"B"[..]]);
    }

    #[test]
    fn sorted_rows_keep_their_cells_and_ties_their_order() {
        let mut sorted = batch(&[
            (5, Some(b"e"), 1),
            (1, None, 2),
            (5, None, 3),
            (1, Some(b"b"), 4),
        ]);
        sorted.sort_by_time();
        assert_eq!(ints(&sorted, "time"), [1, 1, 5, 5]);
        assert_eq!(ints(&sorted, "attempts"), [2, 4, 1, 3]);
        assert_eq!(users(&sorted), [None, Some("b"), Some("e"), None]);
    }
}

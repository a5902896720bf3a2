//! The parts a section is made of: notes, columns of figures, tables with typed cells.
//!
//! Cells hold values, not text: how a number or a missing value looks is for `render` to say.

/// One part of a report.
#[derive(Clone, PartialEq, Debug)]
pub struct Section {
    /// The section's name for programs and links, `snake_case`.
    pub id: &'static str,
    /// The heading.
    pub title: String,
    /// What stands under it; may be empty when the heading says it all.
    pub blocks: Vec<Block>,
}

impl Section {
    /// A section whose heading says it all.
    pub(crate) fn line(id: &'static str, title: impl Into<String>) -> Self {
        Section {
            id,
            title: title.into(),
            blocks: Vec::new(),
        }
    }
}

/// One block of a section.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Block {
    /// A sentence or two.
    Note(String),
    /// Columns of figures that belong side by side.
    Pairs(Vec<Pairs>),
    /// A table.
    Table(Table),
    /// The chief figures of the whole report; other blocks have them too.
    Highlights(Vec<Highlight>),
    /// A drawing of figures that the block after it has too.
    Chart(Chart),
}

/// One of the chief figures of a report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Highlight {
    /// The figure.
    pub figure: Cell,
    /// What it counts.
    pub label: &'static str,
    /// A figure or two beside it; may be empty.
    pub note: String,
    /// The section that says more.
    pub section: &'static str,
    /// How it is meant.
    pub tone: Tone,
}

/// A drawing for renderers that can draw.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chart {
    /// What is drawn.
    pub title: &'static str,
    /// How.
    pub form: Form,
    /// The names of the parts of each bar, or of the columns of a grid.
    pub parts: Vec<(String, Tone)>,
    /// Each bar, or row of a grid, with the size of its parts.
    pub bars: Vec<(String, Vec<u64>)>,
}

/// How a chart is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Form {
    /// Upright bars in the order of time, their parts one upon the other.
    Columns,
    /// A lying bar for each name, all on one scale.
    Bars,
    /// A lying bar for each name, each as long as the others and divided into its parts.
    Shares,
    /// A field for each row and column, the darker the more.
    Grid,
}

/// How the part of a chart is meant, which gives it its colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Tone {
    /// As it should be.
    Good,
    /// As it should be, too, but to be told from the other.
    Other,
    /// Not as it should be.
    Bad,
    /// Not known.
    Unknown,
}

/// A column of figures, each with what it counts.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Pairs {
    /// The heading; may be empty.
    pub title: &'static str,
    /// Figure and label.
    pub rows: Vec<(Cell, String)>,
}

impl Pairs {
    /// Adds a count.
    pub(crate) fn count(&mut self, count: u64, label: impl Into<String>) {
        self.rows.push((Cell::Count(count), label.into()));
    }

    /// Adds a count if there is something to count.
    pub(crate) fn count_if_any(&mut self, count: u64, label: impl Into<String>) {
        if count > 0 {
            self.count(count, label);
        }
    }
}

/// A table: every row has a cell for each column.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Table {
    /// What the rows are.
    pub caption: Option<String>,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
    /// What was left out below the last row.
    pub rest: Option<Rest>,
    /// How to read the table.
    pub note: Option<String>,
}

impl Table {
    /// A table without a caption.
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        Table {
            columns,
            ..Table::default()
        }
    }

    /// A table with a caption.
    pub(crate) fn titled(caption: impl Into<String>, columns: Vec<Column>) -> Self {
        Table {
            caption: Some(caption.into()),
            columns,
            ..Table::default()
        }
    }

    /// Takes out each column that has nothing but zeros or nothing at all.
    pub(crate) fn without_idle_columns(mut self) -> Self {
        let keep: Vec<bool> = (0..self.columns.len())
            .map(|column| !self.is_idle(column))
            .collect();
        retain(&mut self.columns, &keep);
        for row in &mut self.rows {
            retain(row, &keep);
        }
        self
    }

    fn is_idle(&self, column: usize) -> bool {
        self.rows
            .iter()
            .all(|row| matches!(row.get(column), Some(Cell::Count(0) | Cell::Empty)))
    }
}

fn retain<T>(items: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    items.retain(|_| *keep.next().unwrap_or(&true));
}

/// Rows that a table does not show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rest {
    /// How many rows.
    pub rows: u64,
    /// The sum of their counts.
    pub count: u64,
}

impl Rest {
    /// Returns what `rows` has beyond the first `shown`.
    pub(crate) fn after<K>(shown: usize, rows: &[(K, u64)]) -> Option<Self> {
        Self::of(rows.iter().skip(shown).map(|(_, count)| *count))
    }

    /// Returns the rest made of rows with these counts.
    pub(crate) fn of(counts: impl Iterator<Item = u64>) -> Option<Self> {
        let mut rest = Rest { rows: 0, count: 0 };
        for count in counts {
            rest.rows += 1;
            rest.count = rest.count.saturating_add(count);
        }
        (rest.rows > 0).then_some(rest)
    }
}

/// A column of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    /// The heading.
    pub title: &'static str,
    /// What the cells hold.
    pub kind: Kind,
}

/// What the cells of a column hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Kind {
    /// Figures, aligned right.
    Number,
    /// Text that may be cut.
    Text,
    /// Text that loses its use when cut, such as an address.
    Whole,
    /// Bars; the names of their parts.
    Bar(&'static [&'static str]),
}

impl Column {
    /// A column of figures.
    pub(crate) const fn number(title: &'static str) -> Self {
        Column {
            title,
            kind: Kind::Number,
        }
    }

    /// A column of text.
    pub(crate) const fn text(title: &'static str) -> Self {
        Column {
            title,
            kind: Kind::Text,
        }
    }

    /// A column of text that is not cut.
    pub(crate) const fn whole(title: &'static str) -> Self {
        Column {
            title,
            kind: Kind::Whole,
        }
    }

    /// A column of bars.
    pub(crate) const fn bar(parts: &'static [&'static str]) -> Self {
        Column {
            title: "",
            kind: Kind::Bar(parts),
        }
    }
}

/// One value.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Cell {
    /// A number of things.
    Count(u64),
    /// A size.
    Bytes(u64),
    /// A part of a whole.
    Share {
        /// The part.
        part: u64,
        /// The whole.
        whole: u64,
    },
    /// Text; it may come from a log line as it is.
    Text(String),
    /// A value that the log does not have.
    NotLogged,
    /// Nothing: the row above says it, or there is nothing to say.
    Empty,
    /// The parts of a bar, from its foot; all bars of a column share one scale.
    Bar(Vec<u64>),
}

impl Cell {
    /// Text.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Cell::Text(text.into())
    }

    /// Text that the log may lack.
    pub(crate) fn logged(text: Option<&str>) -> Self {
        text.map_or(Cell::NotLogged, Cell::text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_says_nothing_goes_with_its_cells() {
        let mut table = Table::new(vec![
            Column::text("who"),
            Column::number("a"),
            Column::number("b"),
            Column::text("c"),
        ]);
        table.rows = vec![
            vec![Cell::text("x"), Cell::Count(0), Cell::Count(1), Cell::Empty],
            vec![Cell::text("y"), Cell::Count(0), Cell::Count(0), Cell::Empty],
        ];
        let table = table.without_idle_columns();
        assert_eq!(table.columns, [Column::text("who"), Column::number("b")]);
        assert_eq!(table.rows[0], [Cell::text("x"), Cell::Count(1)]);
        assert_eq!(table.rows[1], [Cell::text("y"), Cell::Count(0)]);
    }

    #[test]
    fn the_rest_is_counted_and_summed() {
        let rows = [("a", 5), ("b", 3), ("c", 2)];
        assert_eq!(Rest::after(1, &rows), Some(Rest { rows: 2, count: 5 }));
        assert_eq!(Rest::after(3, &rows), None);
    }
}

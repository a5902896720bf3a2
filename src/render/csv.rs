//! The report for spreadsheets and databases: a file for each section.
//!
//! A section is one table: the column `table` names the part of it that a row belongs to (the
//! section itself where the part has no name of its own), and the other columns are those of all
//! its parts. Counts and bytes are plain numbers, a share is one from 0 to 1, and what the log does
//! not have is an empty cell. Bars are left out.
//! How cells are quoted, and kept from being formulas, says [`crate::csv`].

use std::io::{self, Write};

use super::sanitize::escaped;
use crate::csv::{self, Writer};
use crate::report::{Block, Cell, Kind, Pairs, Section, Table};

/// The column that tells the parts of a section apart.
const PART: &str = "table";
/// What a column without a title is called, by its place.
const UNNAMED: [&str; 2] = ["name", "value"];
/// The columns of figures that stand by themselves.
const FIGURE: [&str; 2] = ["name", "value"];

/// Writes the tables and figures of a section as CSV with one row of titles.
pub fn csv(section: &Section, out: &mut impl Write) -> io::Result<()> {
    let parts = parts(section);
    let mut titles = vec![PART];
    for part in &parts {
        for title in &part.titles {
            if !titles.contains(title) {
                titles.push(title);
            }
        }
    }
    let (mut writer, mut text) = (Writer::default(), Vec::new());
    writer.push_row(&mut text, titles.iter().map(|title| title.as_bytes()));
    for part in &parts {
        for row in &part.rows {
            let cell = |title: &&str| {
                let place = part.titles.iter().position(|own| own == title);
                place.and_then(|place| row.get(place)).cloned()
            };
            let cells = titles.iter().skip(1).map(cell);
            let cells = cells.map(Option::unwrap_or_default);
            let cells = [text_cell(&part.name)].into_iter().chain(cells);
            let cells: Vec<String> = cells.collect();
            writer.push_row(&mut text, cells.iter().map(|cell| cell.as_bytes()));
        }
    }
    out.write_all(&text)
}

/// Tells whether a section has rows; some are nothing but a heading.
pub fn has_rows(section: &Section) -> bool {
    parts(section).iter().any(|part| !part.rows.is_empty())
}

/// A table or column of figures, its cells as text.
struct Part {
    name: String,
    titles: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

fn parts(section: &Section) -> Vec<Part> {
    let mut parts = Vec::new();
    for block in &section.blocks {
        match block {
            Block::Note(_) | Block::Highlights(_) | Block::Chart(_) => {}
            Block::Pairs(columns) => {
                parts.extend(columns.iter().map(|pairs| figures(section, pairs)));
            }
            Block::Table(table) => parts.push(rows(section, table)),
        }
    }
    parts
}

fn figures(section: &Section, pairs: &Pairs) -> Part {
    let name = if pairs.title.is_empty() {
        section.id
    } else {
        pairs.title
    };
    let row = |(figure, label): &(Cell, String)| vec![text_cell(label), cell_text(figure)];
    Part {
        name: name.to_owned(),
        titles: FIGURE.to_vec(),
        rows: pairs.rows.iter().map(row).collect(),
    }
}

fn rows(section: &Section, table: &Table) -> Part {
    let is_bar = |place: usize| {
        let kind = table.columns.get(place).map(|column| column.kind);
        matches!(kind, Some(Kind::Bar(_)))
    };
    let titles = table.columns.iter().enumerate();
    let titles = titles.filter(|(place, _)| !is_bar(*place));
    let titles = titles.map(|(place, column)| match column.title {
        "" => UNNAMED.get(place).copied().unwrap_or("value"),
        title => title,
    });
    let mut above = String::new();
    let mut rows = Vec::new();
    for row in &table.rows {
        let cells = row.iter().enumerate();
        let cells = cells.filter(|(place, _)| !is_bar(*place));
        let mut cells: Vec<String> = cells.map(|(_, cell)| cell_text(cell)).collect();
        // In print the row above says it; here each row speaks for itself.
        if let (Some(Cell::Empty | Cell::Text(_)), Some(first)) = (row.first(), cells.first_mut())
            && table
                .columns
                .first()
                .is_some_and(|c| c.kind != Kind::Number)
        {
            if first.is_empty() {
                first.clone_from(&above);
            }
            above.clone_from(first);
        }
        rows.push(cells);
    }
    Part {
        name: table
            .caption
            .clone()
            .unwrap_or_else(|| section.id.to_owned()),
        titles: titles.collect(),
        rows,
    }
}

fn cell_text(cell: &Cell) -> String {
    match cell {
        Cell::Count(number) | Cell::Bytes(number) => number.to_string(),
        Cell::Share { whole: 0, .. } => String::new(),
        Cell::Share { part, whole } => share(*part, *whole),
        Cell::Text(text) => text_cell(text),
        Cell::NotLogged | Cell::Empty | Cell::Bar(_) => String::new(),
    }
}

/// Returns a share as a decimal with four places, rounded half up.
fn share(part: u64, whole: u64) -> String {
    let (part, whole) = (u128::from(part), u128::from(whole));
    let parts = (part * 10_000 + whole / 2) / whole;
    format!("{}.{:04}", parts / 10_000, parts % 10_000)
}

/// Returns a text that is no formula and steers nothing.
fn text_cell(text: &str) -> String {
    let mut safe = escaped(text).into_bytes();
    csv::make_inert(&mut safe, 0);
    String::from_utf8_lossy(&safe).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Column;

    fn render(blocks: Vec<Block>) -> String {
        let section = Section {
            id: "fruit",
            title: "Fruit".into(),
            blocks,
        };
        let mut out = Vec::new();
        csv(&section, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn apples(rows: Vec<Vec<Cell>>) -> Table {
        let mut table = Table::new(vec![
            Column::text("kind"),
            Column::number("count"),
            Column::bar(&["x"]),
            Column::number("share"),
        ]);
        table.rows = rows;
        table
    }

    #[test]
    fn the_parts_of_a_section_are_one_table() {
        let first = apples(vec![
            vec![
                Cell::text("a, \"b\""),
                Cell::Count(1_234),
                Cell::Bar(vec![1]),
                Cell::Share { part: 2, whole: 3 },
            ],
            vec![
                Cell::Empty,
                Cell::NotLogged,
                Cell::Bar(vec![1]),
                Cell::Share { part: 1, whole: 0 },
            ],
        ]);
        let mut second = Table::titled("Pears", vec![Column::number("size"), Column::text("kind")]);
        second.rows = vec![vec![Cell::Bytes(2_048), Cell::text("Conference")]];
        let figures = Pairs {
            title: "",
            rows: vec![(Cell::Count(0), "plums".into())],
        };
        let expected = "table,kind,count,share,size,name,value\r\n\
            fruit,\"a, \"\"b\"\"\",1234,0.6667,,,\r\n\
            fruit,\"a, \"\"b\"\"\",,,,,\r\n\
            Pears,Conference,,,2048,,\r\n\
            fruit,,,,,plums,0\r\n";
        let blocks = vec![
            Block::Table(first),
            Block::Table(second),
            Block::Pairs(vec![figures]),
        ];
        assert_eq!(render(blocks), expected);
    }

    #[test]
    fn formulas_and_controls_are_text() {
        for (cell, expected) in [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "\\x09=1"),
            ("\r=1", "\\x0d=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("a=1", "a=1"),
            ("x\x1b[2J\u{202e}", "x\\x1b[2J\\u{202e}"),
        ] {
            assert_eq!(text_cell(cell), expected);
        }
    }

    #[test]
    fn a_heading_alone_has_no_rows() {
        assert!(!has_rows(&Section::line("x", "X: none")));
    }
}

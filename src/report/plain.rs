//! A plain form of a section, for tests: what it holds, without any layout.

use super::{Block, Cell, Pairs, Section, Table};

/// Writes a section as lines: notes with `>`, tables as cells between `|`, zeros and all.
pub(crate) fn plain(section: &Section) -> String {
    let mut text = format!("{}\n", section.title);
    for block in &section.blocks {
        match block {
            Block::Note(note) => text += &format!("> {note}\n"),
            Block::Pairs(columns) => columns
                .iter()
                .for_each(|pairs| plain_pairs(pairs, &mut text)),
            Block::Table(table) => plain_table(table, &mut text),
            // Their figures stand in other blocks.
            Block::Highlights(_) | Block::Chart(_) => {}
        }
    }
    text
}

fn plain_pairs(pairs: &Pairs, text: &mut String) {
    if !pairs.title.is_empty() {
        *text += &format!("[{}]\n", pairs.title);
    }
    for (cell, label) in &pairs.rows {
        *text += &format!("{} {label}\n", plain_cell(cell));
    }
}

fn plain_table(table: &Table, text: &mut String) {
    if let Some(caption) = &table.caption {
        *text += &format!("[{caption}]\n");
    }
    let titles: Vec<String> = table
        .columns
        .iter()
        .map(|column| column.title.into())
        .collect();
    *text += &format!("{}\n", titles.join(" | "));
    for row in &table.rows {
        assert_eq!(row.len(), table.columns.len(), "a cell for each column");
        let cells: Vec<String> = row.iter().map(plain_cell).collect();
        *text += &format!("{}\n", cells.join(" | "));
    }
    if let Some(rest) = table.rest {
        *text += &format!("+ {} rows, {} in sum\n", rest.rows, rest.count);
    }
    if let Some(note) = &table.note {
        *text += &format!("({note})\n");
    }
}

fn plain_cell(cell: &Cell) -> String {
    match cell {
        Cell::Count(count) => count.to_string(),
        Cell::Bytes(bytes) => format!("{bytes}B"),
        Cell::Share { part, whole } => format!("{part}/{whole}"),
        Cell::Text(text) => text.clone(),
        Cell::NotLogged => "?".into(),
        Cell::Empty => String::new(),
        Cell::Bar(parts) => format!("{parts:?}"),
    }
}

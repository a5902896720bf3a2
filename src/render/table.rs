//! Lays out a table in the columns that there are.

use super::text::{BOLD, DIM, INDENT, PARTS, Paper, push_note};
use super::width::{fitted_width, push_fitted, push_spaces};
use crate::report::{Cell, Column, Kind, Table, number};

/// Columns between two columns of a table.
const GAP: usize = 2;
/// The least that a column of text is shrunk to.
const NARROWEST: usize = 10;
/// The least and most that a bar takes.
const BAR: (usize, usize) = (10, 24);
/// What stands for a value that the log does not have.
const NOT_LOGGED: &str = "(not logged)";
/// What the parts of a bar are made of.
const GLYPHS: [char; 3] = ['█', '░', '▒'];

/// Writes a table, its caption and what it leaves out.
pub(super) fn push_table(out: &mut String, table: &Table, paper: Paper) {
    if let Some(caption) = &table.caption {
        let start = out.len();
        push_spaces(out, INDENT);
        push_fitted(out, caption, paper.width - INDENT);
        out.push('\n');
        paper.colour(out, start, BOLD);
    }
    let cells: Vec<Vec<Shown>> = table.rows.iter().map(|row| shown_row(table, row)).collect();
    let widths = widths(table, &cells, paper.width);
    push_titles(out, table, &widths, paper);
    for row in &cells {
        push_row(out, &table.columns, &widths, row, paper);
    }
    push_rest(out, table);
    push_legend(out, &table.columns, paper);
    if let Some(note) = &table.note {
        push_note(out, note, paper);
    }
}

/// A cell as text, or a bar whose length depends on what is left of the line.
enum Shown {
    Text(String),
    NotLogged,
    Bar { parts: Vec<u64>, scale: u64 },
}

fn shown_row(table: &Table, row: &[Cell]) -> Vec<Shown> {
    let shown = |(index, cell): (usize, &Cell)| match cell {
        Cell::Bar(parts) => Shown::Bar {
            parts: parts.clone(),
            scale: longest_bar(table, index),
        },
        Cell::NotLogged => Shown::NotLogged,
        _ => Shown::Text(cell_text(cell)),
    };
    row.iter().enumerate().map(shown).collect()
}

/// Returns what stands for a cell; zero is a dash, so that what there is stands out.
pub(super) fn cell_text(cell: &Cell) -> String {
    match cell {
        Cell::Count(0) => "-".into(),
        Cell::Count(count) => number::count(*count),
        Cell::Bytes(bytes) => number::bytes(*bytes),
        Cell::Share { part, whole } => number::share(*part, *whole),
        Cell::Text(text) => text.clone(),
        Cell::NotLogged => NOT_LOGGED.into(),
        Cell::Empty | Cell::Bar(_) => String::new(),
    }
}

fn longest_bar(table: &Table, column: usize) -> u64 {
    let lengths = table.rows.iter().filter_map(|row| match row.get(column) {
        Some(Cell::Bar(parts)) => Some(
            parts
                .iter()
                .fold(0, |sum: u64, part| sum.saturating_add(*part)),
        ),
        _ => None,
    });
    lengths.max().unwrap_or(0)
}

/// Returns the width of each column: as wide as its widest cell, unless the line gets too long.
fn widths(table: &Table, cells: &[Vec<Shown>], room: usize) -> Vec<usize> {
    // Whatever its text says: the longest line must stay one that a person can read.
    let widest = room - 2 * INDENT;
    let natural = |(index, column): (usize, &Column)| {
        let texts = cells.iter().filter_map(|row| match row.get(index) {
            Some(Shown::Text(text)) => Some(fitted_width(text, widest)),
            Some(Shown::NotLogged) if column.kind != Kind::Number => Some(NOT_LOGGED.len()),
            _ => None,
        });
        texts.fold(fitted_width(column.title, widest), usize::max)
    };
    let mut widths: Vec<usize> = table.columns.iter().enumerate().map(natural).collect();
    shrink(&table.columns, &mut widths, room);
    let used = line_width(&widths);
    for (column, width) in table.columns.iter().zip(&mut widths) {
        if matches!(column.kind, Kind::Bar(_)) {
            *width = room.saturating_sub(used).clamp(BAR.0, BAR.1);
        }
    }
    widths
}

fn line_width(widths: &[usize]) -> usize {
    INDENT + widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

/// Takes columns from the widest text until the line fits, or no text can be cut further.
fn shrink(columns: &[Column], widths: &mut [usize], room: usize) {
    while line_width(widths) > room {
        let texts = columns.iter().zip(widths.iter_mut());
        let widest = texts
            .filter(|(column, width)| column.kind == Kind::Text && **width > NARROWEST)
            .max_by_key(|(_, width)| **width);
        match widest {
            Some((_, width)) => *width -= 1,
            None => return,
        }
    }
}

fn push_titles(out: &mut String, table: &Table, widths: &[usize], paper: Paper) {
    if table.columns.iter().any(|column| !column.title.is_empty()) {
        let titles = table
            .columns
            .iter()
            .map(|column| Shown::Text(column.title.to_owned()));
        let start = out.len();
        push_row(
            out,
            &table.columns,
            widths,
            &titles.collect::<Vec<_>>(),
            paper,
        );
        paper.colour(out, start, DIM);
    }
}

/// Says what the parts of the bars are.
fn push_legend(out: &mut String, columns: &[Column], paper: Paper) {
    for column in columns {
        let Kind::Bar(parts) = column.kind else {
            continue;
        };
        for ((name, glyph), colour) in parts.iter().zip(GLYPHS).zip(PARTS) {
            push_spaces(out, INDENT);
            let start = out.len();
            out.push(glyph);
            paper.colour(out, start, colour);
            out.push(' ');
            out.push_str(name);
        }
        out.push('\n');
    }
}

fn push_row(out: &mut String, columns: &[Column], widths: &[usize], row: &[Shown], paper: Paper) {
    push_spaces(out, INDENT);
    for (index, ((column, width), cell)) in columns.iter().zip(widths).zip(row).enumerate() {
        if index > 0 {
            push_spaces(out, GAP);
        }
        let start = out.len();
        let used = match cell {
            // What the log does not have is a question mark where figures stand.
            Shown::NotLogged if column.kind == Kind::Number => push_fitted(out, "?", *width),
            Shown::NotLogged => push_fitted(out, NOT_LOGGED, *width),
            Shown::Text(text) => push_fitted(out, text, *width),
            Shown::Bar { parts, scale } => push_bar(out, parts, *scale, *width, paper),
        };
        let missing = width.saturating_sub(used);
        if column.kind == Kind::Number {
            out.insert_str(start, &" ".repeat(missing));
        } else {
            push_spaces(out, missing);
        }
    }
    out.truncate(out.trim_end_matches(' ').len());
    out.push('\n');
}

/// Draws the parts of a bar one after the other; a part that is not zero is at least one glyph.
fn push_bar(out: &mut String, parts: &[u64], scale: u64, width: usize, paper: Paper) -> usize {
    let mut drawn = 0;
    for ((part, glyph), colour) in parts.iter().zip(GLYPHS).zip(PARTS) {
        let start = out.len();
        let glyphs = bar_length(*part, scale, width).min(width.saturating_sub(drawn));
        out.extend(std::iter::repeat_n(glyph, glyphs));
        paper.colour(out, start, colour);
        drawn += glyphs;
    }
    drawn
}

fn bar_length(part: u64, scale: u64, width: usize) -> usize {
    let width = u128::from(number::len(width));
    let scale = u128::from(scale.max(1));
    let glyphs = (u128::from(part) * width + scale / 2) / scale;
    usize::try_from(glyphs)
        .unwrap_or(usize::MAX)
        .max(usize::from(part > 0))
}

fn push_rest(out: &mut String, table: &Table) {
    let Some(rest) = table.rest else { return };
    push_spaces(out, INDENT);
    out.push_str(&format!("… {} more", number::count(rest.rows)));
    if rest.count > 0 {
        out.push_str(&format!(" ({} in sum)", number::count(rest.count)));
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Rest;

    fn table(columns: &[(&'static str, Kind)], rows: Vec<Vec<Cell>>) -> Table {
        let column = |&(title, kind): &(&'static str, Kind)| Column { title, kind };
        Table {
            columns: columns.iter().map(column).collect(),
            rows,
            ..Table::default()
        }
    }

    fn text(table: &Table) -> String {
        let mut out = String::new();
        push_table(&mut out, table, Paper::default());
        out
    }

    fn cell(text: &str) -> Cell {
        Cell::Text(text.into())
    }

    #[test]
    fn figures_stand_right_and_text_left() {
        let mut table = table(
            &[
                ("count", Kind::Number),
                ("share", Kind::Number),
                ("what", Kind::Text),
            ],
            vec![
                vec![
                    Cell::Count(12_345),
                    Cell::Share { part: 1, whole: 4 },
                    cell("apples"),
                ],
                vec![
                    Cell::Count(0),
                    Cell::Share { part: 0, whole: 0 },
                    Cell::NotLogged,
                ],
                vec![Cell::NotLogged, Cell::Bytes(2_048), cell("pears")],
            ],
        );
        table.caption = Some("Fruit".into());
        table.rest = Some(Rest {
            rows: 3,
            count: 4_000,
        });
        table.note = Some("Pears are not apples.".into());
        let expected = "  Fruit
   count    share  what
  12,345      25%  apples
       -        -  (not logged)
       ?  2.0 KiB  pears
  … 3 more (4,000 in sum)
  Pears are not apples.
";
        assert_eq!(text(&table), expected);
    }

    #[test]
    fn the_widest_text_gives_way() {
        let long = "y".repeat(100);
        let table = table(
            &[("a", Kind::Text), ("b", Kind::Text), ("c", Kind::Number)],
            vec![vec![cell("short"), cell(&long), Cell::Count(7)]],
        );
        let expected = format!(
            "  a      b{}c\n  short  {}…  7\n",
            " ".repeat(69),
            "y".repeat(67)
        );
        let text = text(&table);
        assert_eq!(text, expected);
        assert!(
            text.lines().all(|line| line.chars().count() == 80),
            "{text}"
        );
    }

    #[test]
    fn an_address_is_not_cut() {
        let address = "2001:db8:1234:5678:9abc:def0:1234:5678";
        let long = "x".repeat(60);
        let table = table(
            &[("address", Kind::Whole), ("host", Kind::Text)],
            vec![vec![cell(address), cell(&long)]],
        );
        let text = text(&table);
        assert!(
            text.contains(&format!("  {address}  {}…\n", "x".repeat(37))),
            "{text}"
        );
    }

    #[test]
    fn bars_share_one_scale() {
        let bar = |received, rejected| vec![cell("x"), Cell::Bar(vec![received, rejected])];
        let table = table(
            &[("h", Kind::Text), ("", Kind::Bar(&["in", "out"]))],
            vec![bar(12, 12), bar(6, 0)],
        );
        let expected = "  h
  x  ████████████░░░░░░░░░░░░
  x  ██████
  █ in  ░ out
";
        assert_eq!(text(&table), expected);
    }

    #[test]
    fn a_small_part_of_a_bar_is_seen() {
        assert_eq!(bar_length(1, 1_000_000, 20), 1);
        assert_eq!(bar_length(0, 1_000_000, 20), 0);
        assert_eq!(bar_length(u64::MAX, u64::MAX, 20), 20);
        assert_eq!(bar_length(5, 0, 20), 100);
        let mut out = String::new();
        assert_eq!(
            push_bar(&mut out, &[1_000_000, 1], 1_000_001, 10, Paper::default()),
            10
        );
    }

    #[test]
    fn a_wider_terminal_shows_more_and_colours_stand_around_lines() {
        let long = "y".repeat(100);
        let mut table = table(
            &[("a", Kind::Text), ("", Kind::Bar(&["in", "out"]))],
            vec![vec![cell(&long), Cell::Bar(vec![1, 1])]],
        );
        table.caption = Some("C".into());
        let paper = Paper {
            width: 130,
            is_coloured: true,
        };
        let mut out = String::new();
        push_table(&mut out, &table, paper);
        let expected = format!(
            "\x1b[1m  C\x1b[0m\n\x1b[2m  a\x1b[0m\n  {long}  \
             \x1b[34m{}\x1b[0m\x1b[31m{}\x1b[0m\n  \x1b[34m█\x1b[0m in  \x1b[31m░\x1b[0m out\n",
            "█".repeat(12),
            "░".repeat(12)
        );
        assert_eq!(out, expected);
    }

    #[test]
    fn hostile_cells_are_escaped_and_bounded() {
        let hostile = format!("\x1b[31m\u{202e}{}", "w".repeat(100_000));
        let table = table(&[("user", Kind::Whole)], vec![vec![cell(&hostile)]]);
        let text = text(&table);
        assert!(
            text.starts_with("  user\n  \\x1b[31m\\u{202e}www"),
            "{text}"
        );
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }
}

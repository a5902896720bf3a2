//! The report for people: plain text in 80 columns, without colours.

use std::io::{self, Write};

use super::table::push_table;
use super::width::{fitted_width, push_fitted, push_spaces};
use crate::report::{Block, Cell, Pairs, Report, Section, number};

/// The columns of a line.
pub(super) const WIDTH: usize = 80;
/// What stands under a heading is indented.
pub(super) const INDENT: usize = 2;
/// Where the second of two columns of figures begins.
const HALF: usize = 38;
/// The width of the figures in a column of figures, if they are no wider.
const FIGURE: usize = 9;

/// Writes a report as text, section by section.
pub fn text<F>(report: &Report<F>, out: &mut impl Write) -> io::Result<()> {
    let mut above: Option<&Section> = None;
    for section in &report.sections {
        let mut text = String::new();
        // Headings that say it all stand close together.
        if above.is_some_and(|above| !(above.blocks.is_empty() && section.blocks.is_empty())) {
            text.push('\n');
        }
        push_section(&mut text, section);
        out.write_all(text.as_bytes())?;
        above = Some(section);
    }
    Ok(())
}

fn push_section(out: &mut String, section: &Section) {
    push_fitted(out, &section.title, WIDTH);
    out.push('\n');
    let mut above = None;
    for block in section.blocks.iter().filter(|block| !is_drawn(block)) {
        if above.is_some_and(|above| is_apart(above, block)) {
            out.push('\n');
        }
        match block {
            Block::Note(note) => push_note(out, note),
            Block::Pairs(columns) => push_columns(out, columns),
            Block::Table(table) => push_table(out, table),
            Block::Highlights(_) | Block::Chart(_) => {}
        }
        above = Some(block);
    }
}

/// Tells whether a block only shows what another says.
pub(super) fn is_drawn(block: &Block) -> bool {
    matches!(block, Block::Highlights(_) | Block::Chart(_))
}

/// Tells whether a blank line stands between two blocks: not between two notes, nor between a
/// note and a table without a caption, which the note leads up to.
fn is_apart(above: &Block, below: &Block) -> bool {
    let leads_up = match below {
        Block::Note(_) => true,
        Block::Table(table) => table.caption.is_none(),
        Block::Pairs(_) | Block::Highlights(_) | Block::Chart(_) => false,
    };
    !(matches!(above, Block::Note(_)) && leads_up)
}

/// Writes a sentence, broken at spaces.
pub(super) fn push_note(out: &mut String, note: &str) {
    let room = WIDTH - INDENT;
    let mut used = 0;
    for word in note.split(' ').filter(|word| !word.is_empty()) {
        let width = fitted_width(word, room);
        if used > 0 && used + 1 + width > room {
            out.push('\n');
            used = 0;
        }
        if used == 0 {
            push_spaces(out, INDENT);
        } else {
            out.push(' ');
            used += 1;
        }
        used += push_fitted(out, word, room);
    }
    out.push('\n');
}

/// Writes columns of figures, two beside each other.
fn push_columns(out: &mut String, columns: &[Pairs]) {
    for pair in columns.chunks(2) {
        let lines: Vec<Vec<String>> = pair.iter().map(pairs_lines).collect();
        let height = lines.iter().map(Vec::len).max().unwrap_or(0);
        let left_width = lines.first().map_or(0, |left| widest(left));
        for row in 0..height {
            let start = out.len();
            push_spaces(out, INDENT);
            for (index, column) in lines.iter().enumerate() {
                if index > 0 {
                    let written = fitted_width(out.get(start..).unwrap_or(""), usize::MAX);
                    push_spaces(
                        out,
                        HALF.max(INDENT + left_width + 2).saturating_sub(written),
                    );
                }
                out.push_str(column.get(row).map_or("", String::as_str));
            }
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
        }
    }
}

fn widest(lines: &[String]) -> usize {
    lines
        .iter()
        .map(|line| fitted_width(line, WIDTH))
        .max()
        .unwrap_or(0)
}

fn pairs_lines(pairs: &Pairs) -> Vec<String> {
    let figures: Vec<String> = pairs
        .rows
        .iter()
        .map(|(figure, _)| figure_text(figure))
        .collect();
    let width = figures.iter().map(String::len).fold(FIGURE, usize::max);
    let mut lines = Vec::new();
    if !pairs.title.is_empty() {
        lines.push(pairs.title.to_owned());
    }
    for (figure, (_, label)) in figures.iter().zip(&pairs.rows) {
        let mut line = String::new();
        push_spaces(&mut line, width.saturating_sub(figure.len()));
        line.push_str(figure);
        push_spaces(&mut line, 2);
        push_fitted(&mut line, label, WIDTH - 2 * INDENT - width.min(WIDTH / 2));
        lines.push(line);
    }
    lines
}

/// A figure of its own shows its zero, unlike one in a table.
pub(super) fn figure_text(figure: &Cell) -> String {
    match figure {
        Cell::Count(count) => number::count(*count),
        other => super::table::cell_text(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Column, Kind, Table};

    fn render(sections: Vec<Section>) -> String {
        let mut out = Vec::new();
        text(
            &Report {
                sections,
                figures: (),
            },
            &mut out,
        )
        .unwrap();
        String::from_utf8(out).unwrap()
    }

    fn section(title: &str, blocks: Vec<Block>) -> Section {
        Section {
            id: "x",
            title: title.into(),
            blocks,
        }
    }

    fn pairs(title: &'static str, rows: &[(u64, &str)]) -> Pairs {
        let row = |&(count, label): &(u64, &str)| (Cell::Count(count), label.to_owned());
        Pairs {
            title,
            rows: rows.iter().map(row).collect(),
        }
    }

    #[test]
    fn sections_are_apart_and_notes_close_to_their_table() {
        let table = |title| {
            Block::Table(Table {
                columns: vec![Column {
                    title,
                    kind: Kind::Number,
                }],
                rows: vec![vec![Cell::Count(1)]],
                ..Table::default()
            })
        };
        let note = Block::Note("Mind this.".into());
        let sections = vec![
            section("One", vec![note, table("a"), table("b")]),
            section("Two: none", vec![]),
            section("Three: none", vec![]),
        ];
        assert_eq!(
            render(sections),
            "One\n  Mind this.\n  a\n  1\n\n  b\n  1\n\nTwo: none\nThree: none\n"
        );
    }

    #[test]
    fn figures_stand_side_by_side() {
        let left = pairs("left", &[(1_234, "apples"), (0, "pears (0%)")]);
        let right = pairs("right", &[(5, "plums")]);
        let expected = "\
Fruit
  left                                right
      1,234  apples                           5  plums
          0  pears (0%)
";
        assert_eq!(
            render(vec![section(
                "Fruit",
                vec![Block::Pairs(vec![left, right])]
            )]),
            expected
        );
    }

    #[test]
    fn a_long_left_column_moves_the_right_one() {
        let left = pairs("", &[(1, "a label that is longer than half of a line is")]);
        let right = pairs("", &[(5, "plums")]);
        let expected = "\
Fruit
          1  a label that is longer than half of a line is          5  plums
";
        assert_eq!(
            render(vec![section(
                "Fruit",
                vec![Block::Pairs(vec![left, right])]
            )]),
            expected
        );
    }

    #[test]
    fn notes_are_broken_at_spaces() {
        let note = format!("{} {} end", "a".repeat(60), "b".repeat(30));
        let expected = format!("N\n  {}\n  {} end\n", "a".repeat(60), "b".repeat(30));
        assert_eq!(
            render(vec![section("N", vec![Block::Note(note)])]),
            expected
        );
    }

    #[test]
    fn hostile_titles_and_notes_are_escaped() {
        let note = Block::Note("file \x1b[2J\nname".into());
        let text = render(vec![section("\u{202e}title\x07", vec![note])]);
        assert_eq!(text, "\\u{202e}title\\x07\n  file \\x1b[2J\\x0aname\n");
    }
}

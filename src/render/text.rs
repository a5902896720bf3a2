//! The report for people: plain text in 80 columns, or as wide and coloured as a terminal is.
//!
//! Colours only repeat what the words say. They are wrapped around whole lines and bars, behind the
//! measuring of widths, and never come from a log: whatever could steer a terminal is escaped.

use std::io::{self, Write};

use super::table::push_table;
use super::width::{fitted_width, push_fitted, push_spaces};
use crate::report::{Block, Cell, Pairs, Report, Section, number};

/// What a text is written on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Paper {
    /// The columns of a line.
    pub width: usize,
    /// Whether it shows colours.
    pub is_coloured: bool,
}

impl Default for Paper {
    fn default() -> Self {
        Paper {
            width: 80,
            is_coloured: false,
        }
    }
}

impl Paper {
    /// Colours what was written from `start` on, up to the end of its line.
    pub(super) fn colour(self, out: &mut String, start: usize, colour: &str) {
        if !self.is_coloured || out.len() == start {
            return;
        }
        let has_end = out.ends_with('\n');
        out.truncate(out.len() - usize::from(has_end));
        out.insert_str(start, colour);
        out.push_str(PLAIN);
        out.extend(has_end.then_some('\n'));
    }
}

/// The colours of a terminal, each of its own palette: a person has chosen that to be readable.
pub(super) const BOLD: &str = "\x1b[1m";
pub(super) const DIM: &str = "\x1b[2m";
pub(super) const DOUBT: &str = "\x1b[33m";
pub(super) const PARTS: [&str; 3] = ["\x1b[34m", "\x1b[31m", "\x1b[36m"];
const PLAIN: &str = "\x1b[0m";

/// What stands under a heading is indented.
pub(super) const INDENT: usize = 2;
/// Where the second of two columns of figures begins.
const HALF: usize = 38;
/// No column of figures is wider than half of this.
const FIGURES: usize = 80;
/// The width of the figures in a column of figures, if they are no wider.
const FIGURE: usize = 9;

/// Writes a report as text, section by section.
pub fn text<F>(report: &Report<F>, paper: Paper, out: &mut impl Write) -> io::Result<()> {
    let mut above: Option<&Section> = None;
    for section in &report.sections {
        let mut text = String::new();
        // Headings that say it all stand close together.
        if above.is_some_and(|above| !(above.blocks.is_empty() && section.blocks.is_empty())) {
            text.push('\n');
        }
        push_section(&mut text, section, paper, above.is_none());
        out.write_all(text.as_bytes())?;
        above = Some(section);
    }
    Ok(())
}

fn push_section(out: &mut String, section: &Section, paper: Paper, is_head: bool) {
    let start = out.len();
    push_fitted(out, &section.title, paper.width);
    out.push('\n');
    paper.colour(out, start, BOLD);
    let mut above = None;
    for block in section.blocks.iter().filter(|block| !is_drawn(block)) {
        if above.is_some_and(|above| is_apart(above, block)) {
            out.push('\n');
        }
        match block {
            Block::Note(note) if is_head => push_doubt(out, note, paper),
            Block::Note(note) => push_note(out, note, paper),
            Block::Pairs(columns) => push_columns(out, columns, paper),
            Block::Table(table) => push_table(out, table, paper),
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

/// Writes what makes a report doubtful.
fn push_doubt(out: &mut String, note: &str, paper: Paper) {
    let start = out.len();
    push_note(out, note, paper);
    paper.colour(out, start, DOUBT);
}

/// Writes a sentence, broken at spaces.
pub(super) fn push_note(out: &mut String, note: &str, paper: Paper) {
    let room = paper.width - INDENT;
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
fn push_columns(out: &mut String, columns: &[Pairs], paper: Paper) {
    for pair in columns.chunks(2) {
        let lines: Vec<Vec<String>> = pair.iter().map(|pairs| pairs_lines(pairs, paper)).collect();
        let height = lines.iter().map(Vec::len).max().unwrap_or(0);
        let left_width = lines.first().map_or(0, |left| widest(left, paper));
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

fn widest(lines: &[String], paper: Paper) -> usize {
    lines
        .iter()
        .map(|line| fitted_width(line, paper.width))
        .max()
        .unwrap_or(0)
}

fn pairs_lines(pairs: &Pairs, paper: Paper) -> Vec<String> {
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
        let room = paper.width - 2 * INDENT - width.min(FIGURES.min(paper.width) / 2);
        push_fitted(&mut line, label, room);
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
            Paper::default(),
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

//! The report as Markdown, for wikis, tickets and chats: GitHub's tables, which most others read.
//!
//! Whatever a log says is plain text there: each character that could begin markup, a link or raw
//! HTML stands behind a backslash. Bars are left out, for the numbers that they draw stand beside
//! them.

use std::io::{self, Write};

use super::table::cell_text;
use super::text::{figure_text, is_drawn};
use super::width::push_fitted;
use crate::report::{Block, Cell, Column, Kind, Pairs, Report, Section, Table, number};

/// No cell and no sentence is longer: a page is for reading, not for keeping 64 KB of a header.
const WIDEST: usize = 500;

/// Writes a report as Markdown, section by section.
pub fn markdown<F>(report: &Report<F>, out: &mut impl Write) -> io::Result<()> {
    for (index, section) in report.sections.iter().enumerate() {
        let mut text = String::new();
        text.push_str(if index == 0 { "# " } else { "\n## " });
        push_escaped(&mut text, &section.title);
        text.push('\n');
        push_blocks(&mut text, section);
        out.write_all(text.as_bytes())?;
    }
    Ok(())
}

fn push_blocks(out: &mut String, section: &Section) {
    for block in section.blocks.iter().filter(|block| !is_drawn(block)) {
        out.push('\n');
        match block {
            Block::Note(note) => push_paragraph(out, note),
            Block::Pairs(columns) => push_pairs(out, columns),
            Block::Table(table) => push_table(out, table),
            Block::Highlights(_) | Block::Chart(_) => {}
        }
    }
}

fn push_paragraph(out: &mut String, text: &str) {
    push_escaped(out, text);
    out.push('\n');
}

fn push_pairs(out: &mut String, columns: &[Pairs]) {
    for (index, pairs) in columns.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        push_titles(out, ["", pairs.title].into_iter(), [true, false]);
        for (figure, label) in &pairs.rows {
            push_row(out, [figure_text(figure).as_str(), label].into_iter());
        }
    }
}

fn push_table(out: &mut String, table: &Table) {
    if let Some(caption) = &table.caption {
        out.push_str("**");
        push_escaped(out, caption);
        out.push_str("**\n\n");
    }
    let shown = |column: &&Column| !matches!(column.kind, Kind::Bar(_));
    let columns: Vec<&Column> = table.columns.iter().filter(shown).collect();
    let titles = columns.iter().map(|column| column.title);
    let is_number = columns.iter().map(|column| column.kind == Kind::Number);
    push_titles(out, titles, is_number);
    for row in &table.rows {
        let cells = row.iter().zip(&table.columns);
        let texts: Vec<String> = cells
            .filter(|(_, column)| shown(column))
            .map(|(cell, column)| match cell {
                Cell::NotLogged if column.kind == Kind::Number => "?".into(),
                _ => cell_text(cell),
            })
            .collect();
        push_row(out, texts.iter().map(String::as_str));
    }
    push_foot(out, table);
}

fn push_foot(out: &mut String, table: &Table) {
    if let Some(rest) = table.rest {
        let (rows, count) = (number::count(rest.rows), number::count(rest.count));
        out.push_str(&format!("\n… {rows} more"));
        if rest.count > 0 {
            out.push_str(&format!(" ({count} in sum)"));
        }
        out.push('\n');
    }
    if let Some(note) = &table.note {
        out.push('\n');
        push_paragraph(out, note);
    }
}

fn push_titles<'t>(
    out: &mut String,
    titles: impl Iterator<Item = &'t str>,
    is_number: impl IntoIterator<Item = bool>,
) {
    push_row(out, titles);
    out.push('|');
    for is_number in is_number {
        out.push_str(if is_number { " ---: |" } else { " --- |" });
    }
    out.push('\n');
}

fn push_row<'t>(out: &mut String, cells: impl Iterator<Item = &'t str>) {
    out.push('|');
    for cell in cells {
        out.push(' ');
        push_escaped(out, cell);
        out.push_str(" |");
    }
    out.push('\n');
}

/// Appends text that says only itself.
fn push_escaped(out: &mut String, text: &str) {
    let mut harmless = String::new();
    push_fitted(&mut harmless, text, WIDEST);
    let mut before = ' ';
    let mut characters = harmless.chars().peekable();
    while let Some(character) = characters.next() {
        let after = characters.peek().copied().unwrap_or(' ');
        if is_markup(before, character, after) || (out.ends_with('\n') && starts_block(character)) {
            out.push('\\');
        }
        out.push(character);
        before = character;
    }
}

/// Tells whether a character could mean something. `_` within a word, as in `reject_warning`, does
/// not; `://` and `www.` become links where they are left alone.
fn is_markup(before: char, character: char, after: char) -> bool {
    match character {
        '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '$' => true,
        '_' => !(before.is_ascii_alphanumeric() && after.is_ascii_alphanumeric()),
        ':' => after == '/',
        '.' => matches!(before, 'w' | 'W'),
        // The mark of an image, a mention of somebody, a ticket's number.
        '!' => after == '[',
        '@' => !before.is_ascii_alphanumeric(),
        '#' => after.is_ascii_digit(),
        _ => false,
    }
}

/// Tells whether a character at the beginning of a line makes it a heading, a list or a rule.
fn starts_block(character: char) -> bool {
    matches!(character, '#' | '-' | '+' | '=')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Rest;

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        push_escaped(&mut out, text);
        out
    }

    fn render(blocks: Vec<Block>) -> String {
        let section = |title: &str, blocks| Section {
            id: "x",
            title: title.into(),
            blocks,
        };
        let report = Report {
            sections: vec![section("Head", vec![]), section("Fruit", blocks)],
            figures: (),
        };
        let mut out = Vec::new();
        markdown(&report, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_table_has_its_caption_alignment_and_rest() {
        let mut table = Table::titled(
            "Apples",
            vec![
                Column::number("count"),
                Column::text("what"),
                Column::bar(&["x"]),
            ],
        );
        table.rows = vec![
            vec![
                Cell::Count(1_234),
                Cell::text("Boskoop"),
                Cell::Bar(vec![1]),
            ],
            vec![Cell::NotLogged, Cell::NotLogged, Cell::Bar(vec![0])],
        ];
        table.rest = Some(Rest { rows: 2, count: 7 });
        table.note = Some("Ripe ones.".into());
        let expected = "# Head\n\n## Fruit\n\n**Apples**\n\n| count | what |\n| ---: | --- |\n\
            | 1,234 | Boskoop |\n| ? | (not logged) |\n\n… 2 more (7 in sum)\n\nRipe ones.\n";
        assert_eq!(render(vec![Block::Table(table)]), expected);
    }

    #[test]
    fn figures_become_tables() {
        let pairs = |title, count: u64| Pairs {
            title,
            rows: vec![(Cell::Count(count), "apples".into())],
        };
        let expected = "# Head\n\n## Fruit\n\n|  | left |\n| ---: | --- |\n| 0 | apples |\n\n\
            |  | right |\n| ---: | --- |\n| 5 | apples |\n";
        let block = Block::Pairs(vec![pairs("left", 0), pairs("right", 5)]);
        assert_eq!(render(vec![block]), expected);
    }

    #[test]
    fn markup_of_a_stranger_is_text() {
        assert_eq!(
            escaped("<script>alert(1)</script>"),
            "\\<script\\>alert(1)\\</script\\>"
        );
        assert_eq!(
            escaped("[x](javascript:alert(1))"),
            "\\[x\\](javascript:alert(1))"
        );
        assert_eq!(
            escaped("![x](http://a.example)"),
            "\\!\\[x\\](http\\://a.example)"
        );
        assert_eq!(escaped("www.a.example"), "www\\.a.example");
        assert_eq!(escaped("a|b`c*d"), "a\\|b\\`c\\*d");
        assert_eq!(
            escaped("reject_warning _x_ @all #12"),
            "reject_warning \\_x\\_ \\@all \\#12"
        );
        assert_eq!(escaped("a@b.example"), "a@b.example");
        assert_eq!(escaped("\x1b[2J\n# h"), "\\\\x1b\\[2J\\\\x0a# h");
        let mut line = String::from("\n");
        push_escaped(&mut line, "# no heading");
        assert_eq!(line, "\n\\# no heading");
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(escaped(&"x".repeat(65_536)).chars().count(), WIDEST);
    }
}

//! Notes, figures and tables.

use super::{chart, page, text};
use crate::render::table::cell_text;
use crate::render::text::figure_text;
use crate::report::{Block, Cell, Chart, Column, Form, Kind, Pairs, Section, Table, Tone, number};

/// The colours of the parts of a bar in a table.
const COLOURS: [Tone; 4] = [Tone::Good, Tone::Bad, Tone::Other, Tone::Unknown];

/// Text that is no longer stays on one line.
const SHORT: usize = 24;

/// Appends blocks; a chart stands beside the block that it draws.
pub(super) fn push_blocks(out: &mut String, section: &Section, blocks: &[Block]) {
    let is_drawn = blocks.iter().any(|block| matches!(block, Block::Chart(_)));
    let mut blocks = blocks.iter();
    while let Some(block) = blocks.next() {
        let Block::Chart(chart) = block else {
            push_block(out, section, block, is_drawn);
            continue;
        };
        push_beside(out, section, chart, blocks.next());
    }
}

/// Appends a chart, and the block that it draws at its side.
fn push_beside(out: &mut String, section: &Section, chart: &Chart, drawn: Option<&Block>) {
    if let Some(Block::Pairs(columns)) = drawn {
        out.push_str("<div class=\"figures\">\n");
        chart::push_chart(out, chart);
        push_columns(out, section, columns);
        out.push_str("</div>\n");
        return;
    }
    // A grid is as wide as the page.
    let wide = if chart.form == Form::Grid {
        " wide"
    } else {
        ""
    };
    out.push_str(&format!("<div class=\"beside{wide}\">\n"));
    chart::push_chart(out, chart);
    out.push_str("<div>\n");
    if let Some(drawn) = drawn {
        push_block(out, section, drawn, true);
    }
    out.push_str("</div>\n</div>\n");
}

fn push_block(out: &mut String, section: &Section, block: &Block, is_drawn: bool) {
    match block {
        Block::Note(note) => out.push_str(&format!("<p>{}</p>\n", text(note))),
        Block::Pairs(columns) => push_figures(out, section, columns),
        Block::Table(table) if page::is_facts(table) => page::push_facts(out, table),
        Block::Table(table) => push_table(out, section, table, is_drawn),
        Block::Highlights(_) => {}
        Block::Chart(chart) => chart::push_chart(out, chart),
    }
}

/// A figure of its own shows its zero.
pub(super) fn figure(figure: &Cell) -> String {
    figure_text(figure)
}

fn push_figures(out: &mut String, section: &Section, columns: &[Pairs]) {
    out.push_str("<div class=\"figures\">\n");
    push_columns(out, section, columns);
    out.push_str("</div>\n");
}

fn push_columns(out: &mut String, section: &Section, columns: &[Pairs]) {
    for pairs in columns {
        let caption = if pairs.title.is_empty() {
            format!(
                "<caption class=\"hidden\">{}</caption>",
                text(&section.title)
            )
        } else {
            format!("<caption>{}</caption>", text(pairs.title))
        };
        out.push_str(&format!("<div><table>{caption}\n<tbody>\n"));
        for (figure, label) in &pairs.rows {
            out.push_str(&format!(
                "<tr><td class=\"number\">{}</td><th scope=\"row\">{}</th></tr>\n",
                text(&figure_text(figure)),
                text(label)
            ));
        }
        out.push_str("</tbody></table></div>\n");
    }
}

/// Appends a table; its bars are left out where a chart draws the same.
fn push_table(out: &mut String, section: &Section, table: &Table, is_drawn: bool) {
    let shown: Vec<(usize, &Column)> = table
        .columns
        .iter()
        .enumerate()
        .filter(|(_, column)| !(is_drawn && matches!(column.kind, Kind::Bar(_))))
        .collect();
    let name = table.caption.as_ref().unwrap_or(&section.title);
    let name = text(name);
    let hidden = match table.caption {
        Some(_) => "",
        None => " class=\"hidden\"",
    };
    out.push_str(&format!(
        "<div class=\"scroll\" role=\"region\" aria-label=\"{name}\" tabindex=\"0\">\n\
         <table class=\"sortable\"><caption{hidden}>{name}</caption>\n"
    ));
    push_titles(out, &shown);
    out.push_str("<tbody>\n");
    let mut above = &Cell::Empty;
    for row in &table.rows {
        let first = row.first().unwrap_or(&Cell::Empty);
        above = if *first == Cell::Empty { above } else { first };
        push_row(out, table, &shown, row, above);
    }
    out.push_str("</tbody></table>\n</div>\n");
    push_foot(out, table);
}

fn push_titles(out: &mut String, columns: &[(usize, &Column)]) {
    out.push_str("<thead><tr>");
    for (_, column) in columns {
        let class = class(column.kind);
        match column.kind {
            Kind::Bar(parts) => out.push_str(&format!(
                "<td class=\"{class}\">{}</td>",
                chart::legend(parts.iter().copied().zip(COLOURS))
            )),
            _ => out.push_str(&format!(
                "<th scope=\"col\" class=\"{class}\">{}</th>",
                text(column.title)
            )),
        }
    }
    out.push_str("</tr></thead>\n");
}

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Number => "number",
        Kind::Text => "text",
        Kind::Whole => "whole",
        Kind::Bar(_) => "bar",
    }
}

/// Appends a row. An empty first text is that of the row above: a row may be sorted away from it.
fn push_row(
    out: &mut String,
    table: &Table,
    columns: &[(usize, &Column)],
    row: &[Cell],
    above: &Cell,
) {
    out.push_str("<tr>");
    for (place, column) in columns {
        let is_heading = *place == 0 && column.kind != Kind::Number;
        let cell = row.get(*place).unwrap_or(&Cell::Empty);
        let is_again = is_heading && *cell == Cell::Empty;
        let cell = if is_again { above } else { cell };
        let class = class(column.kind);
        if let Cell::Bar(parts) = cell {
            let scale = longest(table, *place);
            let bar = chart::bar(parts.iter().copied().zip(COLOURS), scale);
            out.push_str(&format!("<td class=\"{class}\">{bar}</td>"));
            continue;
        }
        let shown = match cell {
            Cell::NotLogged if column.kind == Kind::Number => "?".to_owned(),
            _ => text(&cell_text(cell)),
        };
        let short = match cell {
            Cell::Text(text) if text.len() <= SHORT => " short",
            _ => "",
        };
        let value = value(cell).map_or(String::new(), |value| format!(" data-value=\"{value}\""));
        let again = if is_again { " again" } else { "" };
        let (tag, scope) = if is_heading {
            ("th", " scope=\"row\"")
        } else {
            ("td", "")
        };
        out.push_str(&format!(
            "<{tag}{scope} class=\"{class}{short}{again}\"{value}>{shown}</{tag}>"
        ));
    }
    out.push_str("</tr>\n");
}

/// Returns what a cell is sorted by, where that is not its text.
fn value(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Count(number) | Cell::Bytes(number) => Some(number.to_string()),
        Cell::Share { whole: 0, .. } | Cell::NotLogged => Some(String::new()),
        Cell::Share { part, whole } => {
            let millionths = u128::from(*part) * 1_000_000 / u128::from(*whole);
            Some(millionths.to_string())
        }
        _ => None,
    }
}

fn longest(table: &Table, column: usize) -> u64 {
    let sums = table.rows.iter().filter_map(|row| match row.get(column) {
        Some(Cell::Bar(parts)) => Some(chart::sum(parts)),
        _ => None,
    });
    sums.max().unwrap_or(0)
}

fn push_foot(out: &mut String, table: &Table) {
    if let Some(rest) = table.rest {
        let mut more = format!("… {} more", number::count(rest.rows));
        if rest.count > 0 {
            more += &format!(" ({} in sum)", number::count(rest.count));
        }
        out.push_str(&format!("<p class=\"soft\">{more}</p>\n"));
    }
    if let Some(note) = &table.note {
        out.push_str(&format!("<p class=\"soft\">{}</p>\n", text(note)));
    }
}

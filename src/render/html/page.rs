//! The page around the sections: its policy, head, chief figures and table of contents.

use sha2::{Digest, Sha256};

use super::tables::push_blocks;
use super::{chart, push_text, text};
use crate::render::table::cell_text;
use crate::report::{Block, Highlight, Section, Table};

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// Returns the whole page: the first section is its head.
pub(super) fn page(sections: &[Section]) -> String {
    let mut out = String::with_capacity(64 << 10);
    let (head, sections) = match sections.split_first() {
        Some((head, sections)) => (Some(head), sections),
        None => (None, sections),
    };
    push_prologue(&mut out, head);
    if let Some(head) = head {
        push_head(&mut out, head);
    }
    out.push_str("<div class=\"page\">\n");
    push_contents(&mut out, sections);
    out.push_str("<main id=\"report\" tabindex=\"-1\">\n");
    for section in sections {
        push_section(&mut out, section);
    }
    out.push_str("</main>\n</div>\n");
    out.push_str(&format!(
        "<footer><p>Made by mailtally {}. This page is complete in itself and asks no other server \
         for anything; figures are in the log's own wall clock.</p></footer>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    ));
    out
}

fn push_prologue(out: &mut String, head: Option<&Section>) {
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    out.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    out.push_str(&format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n"
    ));
    out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    out.push_str("<meta name=\"color-scheme\" content=\"light dark\">\n");
    out.push_str("<meta name=\"referrer\" content=\"no-referrer\">\n");
    out.push_str("<meta name=\"robots\" content=\"noindex\">\n<title>");
    push_text(out, &title(head));
    out.push_str(&format!(
        "</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    ));
    out.push_str("<a class=\"skip\" href=\"#report\">Skip to the report</a>\n");
}

/// Returns the heading and the first two facts: whose log, and of what time.
fn title(head: Option<&Section>) -> String {
    let Some(head) = head else {
        return "Report".to_owned();
    };
    let facts = head.blocks.iter().find_map(|block| match block {
        Block::Table(table) if is_facts(table) => Some(table),
        _ => None,
    });
    let rows = facts.map_or(&[][..], |table| &table.rows);
    let facts = rows.iter().take(2).filter_map(|row| row.get(1));
    let facts = facts.map(cell_text).collect::<Vec<_>>().join(", ");
    if facts.is_empty() {
        return head.title.clone();
    }
    format!("{}: {facts}", head.title)
}

/// Returns the source expression by which a policy allows a style sheet or script.
pub(super) fn hash(content: &str) -> String {
    format!("sha256-{}", base64(&Sha256::digest(content.as_bytes())))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let byte = |place: usize| u32::from(group.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap_or(0);
            let digit = DIGITS.get(digit).copied().unwrap_or(b'=');
            text.push(if place <= group.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}

/// Tells whether a table is a list of names and what they are.
pub(super) fn is_facts(table: &Table) -> bool {
    table.columns.len() == 2 && table.columns.iter().all(|column| column.title.is_empty())
}

fn push_head(out: &mut String, head: &Section) {
    out.push_str("<header>\n<h1>");
    push_text(out, &head.title);
    out.push_str("</h1>\n");
    for block in &head.blocks {
        match block {
            Block::Table(table) if is_facts(table) => push_facts(out, table),
            Block::Note(note) => {
                out.push_str(&format!("<p class=\"doubt\">{}</p>\n", text(note)));
            }
            Block::Highlights(highlights) => push_highlights(out, highlights),
            other => push_blocks(out, head, std::slice::from_ref(other)),
        }
    }
    out.push_str("</header>\n");
}

pub(super) fn push_facts(out: &mut String, table: &Table) {
    out.push_str("<dl class=\"facts\">\n");
    for row in &table.rows {
        let mut cells = row.iter().map(cell_text);
        let (name, fact) = (
            cells.next().unwrap_or_default(),
            cells.next().unwrap_or_default(),
        );
        out.push_str(&format!(
            "<dt>{}</dt><dd>{}</dd>\n",
            text(&name),
            text(&fact)
        ));
    }
    out.push_str("</dl>\n");
}

fn push_highlights(out: &mut String, highlights: &[Highlight]) {
    out.push_str("<ul class=\"highlights\" aria-label=\"Chief figures\">\n");
    for highlight in highlights {
        out.push_str(&format!(
            "<li><a class=\"{}\" href=\"#{}\"><strong>{}</strong><span>{}</span>\
             <span class=\"soft\">{}</span></a></li>\n",
            chart::class(highlight.tone),
            highlight.section,
            text(&super::tables::figure(&highlight.figure)),
            text(highlight.label),
            text(&highlight.note),
        ));
    }
    out.push_str("</ul>\n");
}

fn push_contents(out: &mut String, sections: &[Section]) {
    out.push_str("<nav aria-labelledby=\"contents\">\n<h2 id=\"contents\">Sections</h2>\n<ul>\n");
    for section in sections.iter().filter(|section| !section.blocks.is_empty()) {
        out.push_str(&format!(
            "<li><a href=\"#{}\">{}</a></li>\n",
            section.id,
            text(&section.title)
        ));
    }
    out.push_str("</ul>\n</nav>\n");
}

fn push_section(out: &mut String, section: &Section) {
    let class = if section.blocks.is_empty() {
        " class=\"said\""
    } else {
        ""
    };
    let id = section.id;
    out.push_str(&format!(
        "<section id=\"{id}\" aria-labelledby=\"{id}-title\"{class}>\n<h2 id=\"{id}-title\">{}</h2>\n",
        text(&section.title)
    ));
    push_blocks(out, section, &section.blocks);
    out.push_str("</section>\n");
}

#[cfg(test)]
mod tests {
    use super::base64;

    /// RFC 4648, section 10.
    #[test]
    fn base64_has_its_padding() {
        for (plain, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), expected);
        }
    }
}

//! The report as one HTML page that needs nothing but itself: no file, no font, no request.
//!
//! Its own Content-Security-Policy allows the one style sheet and the one script by their hashes,
//! and nothing else; so there are no `style` attributes, and charts are SVG with lengths in
//! percent. With scripts blocked, everything but sorting works. Whatever comes from a log is text:
//! it is escaped, cut, and never part of a link.

mod chart;
mod page;
mod tables;

use std::io::{self, Write};

use crate::report::Report;

/// Writes a report as an HTML page.
pub fn html<F>(report: &Report<F>, out: &mut impl Write) -> io::Result<()> {
    out.write_all(page::page(&report.sections).as_bytes())
}

/// No text is shown at greater length: a log may have 64 KB of it in one place.
const WIDEST: usize = 300;

/// Appends text that is only text.
fn push_text(out: &mut String, text: &str) {
    let mut harmless = String::new();
    super::width::push_fitted(&mut harmless, text, WIDEST);
    for character in harmless.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
}

/// Returns text that is only text.
fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_text(&mut out, text);
    out
}

#[cfg(test)]
mod tests;

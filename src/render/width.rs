//! Text in columns: how wide a character is, and how to cut and pad.
//!
//! Widths are those of common terminals: East Asian wide characters and emoji take two columns,
//! combining marks none. The table of marks is short on purpose; a mark that it lacks makes a
//! column ragged, nothing worse. Padding is pushed character by character: `{:>w$}` panics for a
//! width above 65,535.

use super::sanitize::{is_hidden, push_escape};

/// Marks on one base character that are shown; further ones are escaped, so that a pile of marks
/// cannot grow over the lines above.
const MARKS: u32 = 2;

/// The columns that a harmless character takes.
fn width_of(character: char) -> usize {
    match character {
        ' '..='~' => 1,
        _ if is_mark(character) => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{231a}'..='\u{231b}'
        | '\u{23e9}'..='\u{23ec}'
        | '\u{2614}'..='\u{2615}'
        | '\u{26a1}'
        | '\u{2705}'
        | '\u{274c}'
        | '\u{2753}'..='\u{2757}'
        | '\u{2b50}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{a960}'..='\u{a97c}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe10}'..='\u{fe19}'
        | '\u{fe30}'..='\u{fe6b}'
        | '\u{ff01}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{16fe0}'..='\u{18cff}'
        | '\u{1b000}'..='\u{1b2ff}'
        | '\u{1f18e}'..='\u{1f320}'
        | '\u{1f32d}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f7e0}'..='\u{1f7eb}'
        | '\u{1f90c}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// Tells whether a character combines with the one before it.
fn is_mark(character: char) -> bool {
    matches!(character,
        '\u{300}'..='\u{36f}'
        | '\u{483}'..='\u{489}'
        | '\u{591}'..='\u{5bd}'
        | '\u{5bf}'
        | '\u{5c1}'..='\u{5c5}'
        | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}'
        | '\u{670}'
        | '\u{6d6}'..='\u{6dc}'
        | '\u{6df}'..='\u{6e4}'
        | '\u{e31}'
        | '\u{e34}'..='\u{e3a}'
        | '\u{e47}'..='\u{e4e}'
        | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}'
        | '\u{302a}'..='\u{302d}'
        | '\u{3099}'..='\u{309a}'
        | '\u{fe20}'..='\u{fe2f}')
}

/// Appends a text made harmless, cut with `…` if it is wider than `max`; returns its width.
pub(super) fn push_fitted(line: &mut String, text: &str, max: usize) -> usize {
    if is_plain(text) {
        return push_plain(line, text, max);
    }
    let mut width = 0;
    let mut marks = 0;
    // Where to cut: the end of the longest part that leaves a column for the ellipsis.
    let (mut cut, mut cut_width) = (line.len(), 0);
    for character in text.chars() {
        let start = line.len();
        marks = if is_mark(character) { marks + 1 } else { 0 };
        let is_shown = !is_hidden(character) && marks <= MARKS && (marks == 0 || width > 0);
        if is_shown {
            line.push(character);
            width += width_of(character);
        } else {
            push_escape(line, character);
            width += line.len() - start;
        }
        if width > max {
            line.truncate(cut);
            if max == 0 {
                return 0;
            }
            line.push('…');
            return cut_width + 1;
        }
        if width < max {
            (cut, cut_width) = (line.len(), width);
        }
    }
    width
}

/// Tells whether each character is harmless and takes one column and one byte: nearly all texts are
/// so.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Appends such a text as [`push_fitted`] does.
fn push_plain(line: &mut String, text: &str, max: usize) -> usize {
    if text.len() <= max {
        line.push_str(text);
        return text.len();
    }
    if let Some(kept) = max.checked_sub(1).and_then(|kept| text.get(..kept)) {
        line.push_str(kept);
        line.push('…');
    }
    max
}

/// Returns the width that [`push_fitted`] would use.
pub(super) fn fitted_width(text: &str, max: usize) -> usize {
    match is_plain(text) {
        true => text.len().min(max),
        false => push_fitted(&mut String::new(), text, max),
    }
}

/// Appends spaces.
pub(super) fn push_spaces(line: &mut String, count: usize) {
    line.extend(std::iter::repeat_n(' ', count));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_texts_are_cut_as_others_are() {
        for max in 0..8 {
            // The last letter of the second is none of the plain ones, and takes one column too.
            let (plain, width) = fit("ab cde", max);
            let (other, other_width) = fit("ab cdé", max);
            assert_eq!((plain.replace('e', "é"), width), (other, other_width));
            assert_eq!(fitted_width("ab cde", max), width);
        }
        assert_eq!(fit("ab cde", 4), ("ab …".into(), 4));
        assert_eq!(fit("ab cde", 6), ("ab cde".into(), 6));
        assert_eq!(fit("ab", 0), (String::new(), 0));
    }

    fn fit(text: &str, max: usize) -> (String, usize) {
        let mut line = String::new();
        let width = push_fitted(&mut line, text, max);
        (line, width)
    }

    #[test]
    fn cuts_by_columns() {
        assert_eq!(fit("example", 7), ("example".into(), 7));
        assert_eq!(fit("example", 6), ("examp…".into(), 6));
        assert_eq!(fit("example", 1), ("…".into(), 1));
        assert_eq!(fit("example", 0), (String::new(), 0));
        assert_eq!(fit("", 0), (String::new(), 0));
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(fit("田中さん", 8), ("田中さん".into(), 8));
        // Three columns are left for 中 and the ellipsis, none for half of さ.
        assert_eq!(fit("田中さん", 6), ("田中…".into(), 5));
    }

    #[test]
    fn marks_take_none_and_do_not_pile_up() {
        assert_eq!(fit("e\u{301}te", 3), ("e\u{301}te".into(), 3));
        let (text, _) = fit(&format!("a{}", "\u{301}".repeat(1_000)), 20);
        assert_eq!(text, "a\u{301}\u{301}\\u{301}\\u{301}…");
        assert_eq!(fit("\u{301}x", 20).0, "\\u{301}x");
    }

    #[test]
    fn an_escape_is_not_cut_in_two() {
        assert_eq!(fit("ab\x1b[2Jcd", 20), ("ab\\x1b[2Jcd".into(), 11));
        assert_eq!(fit("ab\x1b[2Jcd", 6), ("ab…".into(), 3));
        assert_eq!(fit("ab\x1b[2Jcd", 7), ("ab\\x1b…".into(), 7));
    }

    #[test]
    fn a_long_line_costs_no_more_than_what_is_shown() {
        let long = "x".repeat(1 << 20);
        assert_eq!(fit(&long, 5), ("xxxx…".into(), 5));
        assert_eq!(fitted_width(&long, 80), 80);
    }
}

//! Makes text from log lines harmless for terminals.
//!
//! Whoever can send a mail can write into a mail log. Escape sequences can rewrite what is on a
//! screen, bidirectional controls can turn an address around, and characters without a width can
//! make two different names look the same. All of these are shown as escapes, `\x1b` or
//! `\u{202e}`. A backslash stays as it is: it is a part of many user names (`DOMAIN\user`).

use std::fmt::Write;

/// Tells whether a character must not reach a terminal as it is: controls (C0, DEL, C1),
/// bidirectional controls, characters without a width, line and paragraph separators.
pub fn is_hidden(character: char) -> bool {
    match character {
        ' '..='~' => false,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => true,
        // Soft hyphen, grapheme joiner, Arabic letter mark, Hangul fillers, Khmer inherent
        // vowels, Mongolian variation selectors.
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' => true,
        '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' => true,
        // Zero-width space, joiners, directional marks; separators; embeddings and overrides.
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => true,
        // Word joiner, invisible operators, isolates, deprecated format characters; braille blank.
        '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' => true,
        // Variation selectors, byte order mark, half-width filler, interlinear annotation.
        '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' => true,
        // Shorthand and musical format controls; tags and further variation selectors.
        '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' => true,
        _ => false,
    }
}

/// Appends the escape of a character.
pub(super) fn push_escape(text: &mut String, character: char) {
    let code = u32::from(character);
    let written = if code < 0x100 {
        write!(text, "\\x{code:02x}")
    } else {
        write!(text, "\\u{{{code:x}}}")
    };
    debug_assert!(written.is_ok(), "writing to a String cannot fail");
}

/// Returns a text with all hidden characters escaped: for messages outside a report.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            push_escape(&mut safe, character);
        } else {
            safe.push(character);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_escaped() {
        assert_eq!(
            escaped("\x1b[2J\x1b]0;owned\x07"),
            "\\x1b[2J\\x1b]0;owned\\x07"
        );
        assert_eq!(escaped("a\r\nb\tc\0"), "a\\x0d\\x0ab\\x09c\\x00");
        assert_eq!(escaped("\u{7f}\u{9b}31m\u{85}"), "\\x7f\\x9b31m\\x85");
    }

    #[test]
    fn bidi_controls_are_escaped() {
        assert_eq!(escaped("user\u{202e}moc.live"), "user\\u{202e}moc.live");
        for character in "\u{200e}\u{200f}\u{61c}\u{202a}\u{202d}\u{2066}\u{2069}".chars() {
            assert!(is_hidden(character), "{character:?}");
        }
    }

    #[test]
    fn characters_without_width_are_escaped() {
        assert_eq!(escaped("pay\u{200b}pal"), "pay\\u{200b}pal");
        assert_eq!(
            escaped("\u{feff}x\u{2060}\u{ad}"),
            "\\u{feff}x\\u{2060}\\xad"
        );
        assert_eq!(escaped("a\u{e0041}"), "a\\u{e0041}");
    }

    #[test]
    fn line_separators_are_escaped() {
        assert_eq!(escaped("a\u{2028}b\u{2029}"), "a\\u{2028}b\\u{2029}");
    }

    #[test]
    fn names_stay_as_they_are() {
        for name in [
            "jürgen@münchen.example",
            "DOMAIN\\user",
            "田中@例え.テスト",
            "a b~",
            "…\u{fffd}",
        ] {
            assert_eq!(escaped(name), name);
        }
    }
}

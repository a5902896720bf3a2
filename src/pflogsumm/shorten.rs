//! Reasons, cut to the width of a report.

use super::find::{after_code, split, split_last};

/// Cuts a text at a width, with dots in place of what is missing.
pub(super) fn cut(text: &[u8], width: usize) -> Vec<u8> {
    if text.len() <= width {
        return text.to_vec();
    }
    let kept = text.get(..width.saturating_sub(3)).unwrap_or(text);
    [kept, b"..."].concat()
}

/// Returns why a delivery was deferred, without the code and the server it went to.
pub(super) fn deferral(reason: &[u8]) -> Vec<u8> {
    let short = remote(reason, 65);
    let bare = after_code(&short).unwrap_or(&short);
    bare.strip_prefix(b"connect to ").unwrap_or(bare).to_vec()
}

/// Returns why a delivery bounced, without the code.
pub(super) fn bounce(reason: &[u8]) -> Vec<u8> {
    let short = remote(reason, 66);
    match after_code(&short) {
        Some(bare) => bare.to_vec(),
        None => short,
    }
}

/// Drops the beginning of a text that is too wide: up to what a server said, then colon by colon.
fn remote(mut text: &[u8], width: usize) -> Vec<u8> {
    while text.len() > width {
        let said = split_last(text, b" said: ");
        match said.or_else(|| split(text, b":")) {
            Some((_, rest)) if said.is_some() => text = rest,
            Some((_, rest)) => {
                let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
                text = rest.get(blanks..).unwrap_or(b"");
            }
            None => break,
        }
    }
    cut(text, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    /// What pflogsumm printed for these reasons.
    #[test]
    fn shortens_as_pflogsumm_does() {
        let long = "x".repeat(90);
        for (reason, deferred, bounced) in [
            (
                "host a said: 450 b".to_owned(),
                "host a said: 450 b",
                "host a said: 450 b",
            ),
            (format!("{long} said: b said: c"), "c", "c"),
            (format!("{long} said:  c"), " c", " c"),
            (format!("{long}:  y"), "y", "y"),
            (format!("{long}:\ty"), "\ty", "\ty"),
            (format!("{long}:{long}:z"), "z", "z"),
            (format!("{long}: 450 connect to y"), "y", "connect to y"),
            (
                "450 450 connect to y".into(),
                "450 connect to y",
                "450 connect to y",
            ),
            ("connect to 450 x".into(), "450 x", "connect to 450 x"),
            ("450  x".into(), " x", " x"),
            ("450-x".into(), "450-x", "450-x"),
            ("450 ".into(), "", ""),
        ] {
            assert_eq!(shown(deferral(reason.as_bytes())), deferred, "{reason}");
            assert_eq!(shown(bounce(reason.as_bytes())), bounced, "{reason}");
        }
    }

    #[test]
    fn widths_are_pflogsumms() {
        let text = "a".repeat(66);
        let dots = |kept: usize| format!("{}...", "a".repeat(kept));
        assert_eq!(shown(deferral(text.as_bytes())), dots(62));
        assert_eq!(shown(bounce(text.as_bytes())), text);
        assert_eq!(shown(cut(text.as_bytes(), 66)), text);
        assert_eq!(shown(cut(text.as_bytes(), 64)), dots(61));
    }
}

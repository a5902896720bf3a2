//! Logical lines, as Postfix reads its tables: comments out, continuations joined.

/// A line of a table with all that continues it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct LogicalLine {
    /// The number of its first line in the file, from 1.
    pub(super) number: u32,
    /// Its text, without line ends and blanks around it.
    pub(super) text: Vec<u8>,
}

/// Takes a table apart; returns the lines, and the numbers of those that continue nothing.
///
/// A line that begins with a blank continues the one before it. Empty lines and those whose first
/// sign is `#` count for nothing, wherever they stand: a comment between a line and its continuation
/// does not part them.
pub(super) fn logical_lines(content: &[u8]) -> (Vec<LogicalLine>, Vec<u32>) {
    let mut lines: Vec<LogicalLine> = Vec::new();
    let mut loose = Vec::new();
    for (at, line) in content.split(|&byte| byte == b'\n').enumerate() {
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let text = line.trim_ascii();
        if text.is_empty() || text.starts_with(b"#") {
            continue;
        }
        let continues = line.first().is_some_and(u8::is_ascii_whitespace);
        match lines.last_mut() {
            Some(last) if continues => {
                last.text.extend_from_slice(line.trim_ascii_end());
            }
            None if continues => loose.push(number),
            _ => lines.push(LogicalLine {
                number,
                text: text.to_vec(),
            }),
        }
    }
    (lines, loose)
}

/// Splits a text at its first blank; both parts without blanks around them.
pub(super) fn split_blank(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(u8::is_ascii_whitespace);
    let (first, rest) = text
        .split_at_checked(end.unwrap_or(text.len()))
        .unwrap_or((text, b""));
    (first, rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_continuations_over_comments_and_counts_from_the_first_line() {
        let content =
            b"  loose\n# comment\n/a/\n\n   # between\n\tREJECT one\n  two  \n\r\n/b/ OK\r\n";
        let (lines, loose) = logical_lines(content);
        let found: Vec<(u32, &str)> = lines
            .iter()
            .map(|line| (line.number, std::str::from_utf8(&line.text).unwrap()))
            .collect();
        assert_eq!(found, [(3, "/a/\tREJECT one  two"), (9, "/b/ OK")]);
        assert_eq!(loose, [1]);
    }

    #[test]
    fn splits_at_any_blank() {
        assert_eq!(
            split_blank(b"key \t value of it"),
            (&b"key"[..], &b"value of it"[..])
        );
        assert_eq!(split_blank(b"key"), (&b"key"[..], &b""[..]));
        assert_eq!(split_blank(b""), (&b""[..], &b""[..]));
    }
}

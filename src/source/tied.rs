//! Lines that mean nothing without the line above, and so must not be parted from it.
//!
//! That is syslogd's `last message repeated 3 times`, and the second part of a line that the runtime
//! of a container cut. A log is only cut where the next line stands for itself: then each chunk can
//! be counted alone, and any cut gives the same totals.

use mailtally_parsers::near;

use super::container::is_unfinished;
use super::dating::last_line;

/// Where such words stand in a line at the latest: behind a stamp and a host, in a container.
const NOTICE_BYTES: usize = 512;

/// Beyond so many lines tied to each other a log is cut anyway.
const MOST_TIED: usize = 1000;

/// How much has to be read behind a place to know whether the log may be cut there.
pub(super) const LOOK_AHEAD_BYTES: usize = NOTICE_BYTES;

/// Finds the last place in a block where it may be cut, at `limit` or before: where a line begins
/// that stands for itself. `None` when there is no such place behind the first line.
///
/// The block begins with a whole line if `is_whole`, and nothing follows it if `is_all`.
pub(super) fn last_cut(block: &[u8], limit: usize, is_whole: bool, is_all: bool) -> Option<usize> {
    let mut end = last_line_end(block.get(..limit)?)?;
    let last = end;
    for _ in 0..MOST_TIED {
        let (above, below) = block.split_at_checked(end)?;
        let line = last_line(above);
        if line.len() + 1 >= end && !is_whole {
            return None;
        }
        if !is_tied(below, is_all) && !is_unfinished(line) {
            return Some(end);
        }
        end = last_line_end(above.strip_suffix(b"\n")?)?;
    }
    Some(last)
}

/// Where the line behind the last line end begins.
pub(super) fn last_line_end(block: &[u8]) -> Option<usize> {
    memchr::memrchr(b'\n', block).map(|end| end + 1)
}

/// Tells whether a line is tied to the one above it.
pub(super) fn are_tied(above: &[u8], line: &[u8]) -> bool {
    is_notice(line) || is_unfinished(above)
}

/// Finds the last of whole lines that is no notice about the one above, with all of its parts and
/// without its line end.
pub(super) fn last_with_parts(lines: &[u8]) -> Option<&[u8]> {
    let mut end = lines.len();
    while end > 0 {
        let line = last_line(lines.get(..end)?);
        let start = end.checked_sub(line.len() + 1)?;
        if !is_notice(line) {
            return lines.get(start_of_parts(lines, start)..start + line.len());
        }
        end = start;
    }
    None
}

/// Goes up from a line to the first of its parts.
fn start_of_parts(lines: &[u8], mut start: usize) -> usize {
    while let Some(above) = lines.get(..start).map(last_line)
        && start > 0
        && is_unfinished(above)
    {
        start = start.saturating_sub(above.len() + 1);
    }
    start
}

/// Tells whether the first line of these is tied to any that is above it; also where too little of it
/// was read to know.
pub(super) fn is_tied(lines: &[u8], is_all: bool) -> bool {
    let beginning = lines.get(..NOTICE_BYTES).unwrap_or(lines);
    match memchr::memchr(b'\n', beginning) {
        Some(end) => beginning.get(..end).is_some_and(is_notice),
        None => (!is_all && lines.len() < NOTICE_BYTES) || is_notice(beginning),
    }
}

/// Tells whether a line may say that the one above was logged again. What only looks like it costs
/// nothing but a cut elsewhere.
pub(super) fn is_notice(line: &[u8]) -> bool {
    near::find(line, b"last message repeated ").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTICE: &str = "Nov 21 00:44:25 mx1 last message repeated 2 times\n";

    #[test]
    fn a_block_is_cut_before_lines_that_stand_for_themselves() {
        for (block, cut) in [
            ("one\ntwo\nthree\n".to_owned(), Some(8)),
            ("one\ntwo\nthr".to_owned(), Some(4)),
            (format!("one\ntwo\n{NOTICE}"), Some(4)),
            (format!("one\ntwo\n{NOTICE}{NOTICE}th"), Some(4)),
            (format!("one\ntwo\n{NOTICE}three\n"), Some(8 + NOTICE.len())),
            (format!("one\ntwo\n{}", "x".repeat(600)), Some(8)),
            (format!("one\n{NOTICE}"), None),
            ("one\n".to_owned(), None),
            ("one".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(
                last_cut(block.as_bytes(), block.len(), true, false),
                cut,
                "{block}"
            );
        }
    }

    #[test]
    fn the_last_line_has_its_parts() {
        let part = "2026-11-21T00:44:25Z stdout P a\n";
        let last = "2026-11-21T00:44:25Z stdout F b\n";
        for (lines, found) in [
            ("one\ntwo\n".to_owned(), Some("two\n".to_owned())),
            (format!("one\n{NOTICE}{NOTICE}"), Some("one\n".to_owned())),
            (
                format!("{part}{part}{last}"),
                Some(format!("{part}{part}{last}")),
            ),
            (
                format!("one\n{part}{last}{NOTICE}"),
                Some(format!("{part}{last}")),
            ),
            (NOTICE.to_owned(), None),
            (String::new(), None),
        ] {
            let last = last_with_parts(lines.as_bytes());
            let found = found.as_deref().map(str::trim_end);
            assert_eq!(last, found.map(str::as_bytes), "{lines}");
        }
    }

    #[test]
    fn a_limit_is_kept_although_more_was_read() {
        assert_eq!(last_cut(b"one\ntwo\nthree\n", 8, true, false), Some(8));
        assert_eq!(last_cut(b"one\ntwo\nthree\n", 7, true, false), Some(4));
    }

    #[test]
    fn what_nothing_follows_is_known() {
        assert_eq!(last_cut(b"one\ntwo\nthr", 8, true, true), Some(8));
        assert_eq!(last_cut(b"one\ntwo\n", 8, true, true), Some(8));
    }

    #[test]
    fn endless_notices_are_cut_at_last() {
        let block = format!("one\n{}", NOTICE.repeat(2 * MOST_TIED));
        assert_eq!(
            last_cut(block.as_bytes(), block.len(), true, false),
            Some(block.len())
        );
    }
}

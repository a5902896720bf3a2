//! Repeats: what loggers write in place of a message that came again.
//!
//! rsyslog keeps the tag and the text, `message repeated 3 times: [ connect from …]`: such a line is
//! read as the line that it stands for, so many times. syslogd says `last message repeated 3 times`
//! and leaves it to the reader to know which one: that is **not** found out here, for it takes the
//! line above.

use crate::Tag;
use crate::scan::number;

/// Who says that more messages are left out by one line is not believed: rsyslog limits a program
/// to 20,000 in ten minutes, and each message is counted one by one.
const MOST: u64 = 100_000;

/// Takes rsyslog's frame off a message, and tells how often it was logged; once without a frame.
///
/// A line that was cut lacks the bracket at its end.
#[inline]
pub(crate) fn unfold(message: &[u8]) -> (u32, &[u8]) {
    match message.first() {
        Some(b'm') => framed(message).unwrap_or((1, message)),
        _ => (1, message),
    }
}

#[cold]
fn framed(message: &[u8]) -> Option<(u32, &[u8])> {
    let (rest, times) = number(message.strip_prefix(b"message repeated ")?).ok()?;
    let inside = rest.strip_prefix(b" times: [")?;
    let inside = inside.strip_prefix(b" ").unwrap_or(inside);
    let inside = inside.strip_suffix(b"]").unwrap_or(inside);
    Some((believed(times)?, inside))
}

/// Reads `last message repeated 3 times`, also between the dashes of macOS.
pub(crate) fn notice(message: &[u8]) -> Option<u32> {
    let text = message.strip_prefix(b"--- ").unwrap_or(message);
    let (rest, times) = number(text.strip_prefix(b"last message repeated ")?).ok()?;
    let rest = rest.strip_suffix(b" ---").unwrap_or(rest);
    let is_whole = rest == b" times" || rest == b" time";
    is_whole.then(|| believed(times)).flatten()
}

fn believed(times: u64) -> Option<u32> {
    u32::try_from(times)
        .ok()
        .filter(|_| (1..=MOST).contains(&times))
}

/// Returns the tag of what a logger says of itself without one; empty for all else.
#[cold]
pub(crate) fn tag_of(message: &[u8]) -> Tag<'static> {
    let is_own = message == b"-- MARK --" || notice(message).is_some();
    Tag::parse(if is_own { b"syslogd" } else { b"" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_off() {
        for (message, times, inside) in [
            (
                "message repeated 3 times: [ connect from x[192.0.2.1]]",
                3,
                "connect from x[192.0.2.1]",
            ),
            ("message repeated 2 times: [no blank]", 2, "no blank"),
            ("message repeated 2 times: [ cut off", 2, "cut off"),
            ("message repeated 100000 times: [ x]", 100_000, "x"),
            (
                "message repeated 100001 times: [ x]",
                1,
                "message repeated 100001 times: [ x]",
            ),
            (
                "message repeated 0 times: [ x]",
                1,
                "message repeated 0 times: [ x]",
            ),
            (
                "message repeated often: [ x]",
                1,
                "message repeated often: [ x]",
            ),
            ("message repeated 3 times", 1, "message repeated 3 times"),
            ("message", 1, "message"),
            ("", 1, ""),
        ] {
            assert_eq!(unfold(message.as_bytes()), (times, inside.as_bytes()));
        }
    }

    #[test]
    fn a_notice_is_told_from_other_text() {
        for (message, times) in [
            ("last message repeated 3 times", Some(3)),
            ("last message repeated 1 time", Some(1)),
            ("--- last message repeated 12 times ---", Some(12)),
            ("last message repeated 3 times ago", None),
            ("last message repeated", None),
            ("last message repeated 4294967297 times", None),
            ("the last message repeated 3 times", None),
        ] {
            assert_eq!(notice(message.as_bytes()), times, "{message}");
        }
    }
}

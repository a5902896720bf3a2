//! The text of a stamp, made anew only when the second changes.

use crate::source::WallTime;

const SECOND_US: i64 = 1_000_000;

/// Writes stamps; neighbouring lines mostly share their second.
#[derive(Default)]
pub(super) struct StampText {
    second: Option<WallTime>,
    /// Up to the seconds: `2026-11-21T10:00:03`.
    until_seconds: usize,
    /// The whole second, as RFC 3339 has it.
    whole: String,
    text: Vec<u8>,
}

impl StampText {
    /// Returns the stamp in the spelling of RFC 3339.
    pub(super) fn text(&mut self, time: WallTime) -> &[u8] {
        let micros = time.wall_us.rem_euclid(SECOND_US);
        let second = WallTime {
            wall_us: time.wall_us - micros,
            ..time
        };
        if self.second != Some(second) {
            self.whole = second.to_rfc3339();
            self.until_seconds = self.whole.find('T').map_or(0, |at| at + "T10:00:03".len());
            self.second = Some(second);
        }
        if micros == 0 {
            return self.whole.as_bytes();
        }
        let (until_seconds, offset) = self
            .whole
            .split_at_checked(self.until_seconds)
            .unwrap_or((&self.whole, ""));
        self.text.clear();
        self.text.extend_from_slice(until_seconds.as_bytes());
        self.text.push(b'.');
        let mut place = SECOND_US / 10;
        while place > 0 {
            self.text
                .push(b'0' + u8::try_from(micros / place % 10).unwrap_or(0));
            place /= 10;
        }
        self.text.extend_from_slice(offset.as_bytes());
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_the_slow_way_writes() {
        let mut stamps = StampText::default();
        for offset_secs in [None, Some(0), Some(3_600), Some(-12_600)] {
            for wall_us in [
                0,
                1,
                999_999,
                1_000_000,
                1_500_000,
                -1,
                1_795_255_203_250_000,
            ] {
                let time = WallTime {
                    wall_us,
                    offset_secs,
                };
                assert_eq!(stamps.text(time), time.to_rfc3339().as_bytes());
            }
        }
    }
}

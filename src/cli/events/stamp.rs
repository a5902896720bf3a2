//! The text of a stamp: the day and the offset are kept, the time of day is written anew.

use crate::source::WallTime;

const SECOND_US: i64 = 1_000_000;
const DAY_US: i64 = 86_400 * SECOND_US;

/// Writes stamps; neighbouring lines mostly share their day.
#[derive(Default)]
pub(in crate::cli) struct StampText {
    midnight: Option<WallTime>,
    /// `2026-11-21T10:00:03.250000+01:00`, the last stamp.
    text: Vec<u8>,
    /// How much of it is the day, up to and with the `T`.
    day_bytes: usize,
    /// What stands behind the time of day.
    offset: Vec<u8>,
}

impl StampText {
    /// Returns the stamp in the spelling of RFC 3339.
    pub(in crate::cli) fn text(&mut self, time: WallTime) -> &[u8] {
        let of_day = time.wall_us.rem_euclid(DAY_US);
        let midnight = WallTime {
            wall_us: time.wall_us - of_day,
            ..time
        };
        if self.midnight != Some(midnight) {
            self.begin(midnight);
        }
        self.text.truncate(self.day_bytes);
        let (seconds, micros) = (of_day / SECOND_US, of_day % SECOND_US);
        self.push_two(seconds / 3_600);
        self.text.push(b':');
        self.push_two(seconds / 60 % 60);
        self.text.push(b':');
        self.push_two(seconds % 60);
        if micros != 0 {
            self.text.push(b'.');
            self.push_two(micros / 10_000);
            self.push_two(micros / 100 % 100);
            self.push_two(micros % 100);
        }
        self.text.extend_from_slice(&self.offset);
        &self.text
    }

    /// Takes day and offset from the slow way of writing.
    fn begin(&mut self, midnight: WallTime) {
        let text = midnight.to_rfc3339().into_bytes();
        self.day_bytes = memchr::memchr(b'T', &text).map_or(0, |at| at + 1);
        let time_bytes = "00:00:00".len();
        self.offset = text
            .get(self.day_bytes + time_bytes..)
            .unwrap_or_default()
            .to_vec();
        self.text = text;
        self.midnight = Some(midnight);
    }

    /// Writes a number below a hundred.
    fn push_two(&mut self, number: i64) {
        let digit = |value: i64| b'0' + u8::try_from(value % 10).unwrap_or(0);
        self.text
            .extend_from_slice(&[digit(number / 10), digit(number)]);
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
                59_999_999,
                3_599_000_000,
                86_399_999_999,
                86_400_000_000,
                1_795_255_203_250_000,
                1_795_255_203_000_040,
                -62_135_596_800_000_001,
                253_402_300_800_000_000,
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

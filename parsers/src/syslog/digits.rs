//! Numbers of fixed width and times of day, read by hand from arrays.

use crate::{Timestamp, Zone};

/// Reads one digit.
pub(super) fn one(digit: u8) -> Option<u8> {
    let value = digit.wrapping_sub(b'0');
    (value <= 9).then_some(value)
}

/// Reads two digits.
pub(super) fn two(tens: u8, ones: u8) -> Option<u8> {
    Some(one(tens)? * 10 + one(ones)?)
}

/// Reads the minute and the second of `12:34:56`, but for a leap second.
#[inline(always)]
pub(super) fn in_hour(minute: [u8; 2], second: [u8; 2]) -> Option<(u8, u8)> {
    let below_60 = |[tens, ones]: [u8; 2]| two(tens, ones).filter(|value| *value < 60);
    Some((below_60(minute)?, below_60(second)?))
}

/// Reads a day of the month: zero-padded or space-padded, 1 to 31.
pub(super) fn day(tens: u8, ones: u8) -> Option<u8> {
    let tens = if tens == b' ' { b'0' } else { tens };
    two(tens, ones).filter(|day| (1..=31).contains(day))
}

/// The hour, minute and second of a stamp.
#[derive(Clone, Copy)]
pub(super) struct Time {
    pub(super) hour: u8,
    pub(super) minute: u8,
    pub(super) second: u8,
}

impl Time {
    /// Reads `12:34:56`; a second of 60 is a leap second.
    pub(super) fn parse(text: [u8; 8]) -> Option<Self> {
        let [h1, h2, c1, m1, m2, c2, s1, s2] = text;
        let time = Time {
            hour: two(h1, h2)?,
            minute: two(m1, m2)?,
            second: two(s1, s2)?,
        };
        let in_range = time.hour <= 23 && time.minute <= 59 && time.second <= 60;
        (in_range && c1 == b':' && c2 == b':').then_some(time)
    }

    /// Puts the time of day together with its date.
    pub(super) fn on(self, year: Option<u16>, month: u8, day: u8) -> Timestamp {
        let Time {
            hour,
            minute,
            second,
        } = self;
        Timestamp {
            year,
            month,
            day,
            hour,
            minute,
            second,
            micros: 0,
            zone: Zone::Unstated,
        }
    }
}

/// Reads `.789012` or `,789` where it stands: microseconds, and the rest.
///
/// Further digits are cut. A point without digits is no fraction.
pub(super) fn fraction(text: &[u8]) -> (u32, &[u8]) {
    let Some((b'.' | b',', digits)) = text.split_first() else {
        return (0, text);
    };
    let mut micros = 0;
    let mut unit = 100_000;
    let mut rest = digits;
    while let Some((first, tail)) = rest.split_first() {
        let Some(digit) = one(*first) else { break };
        micros += u32::from(digit) * unit;
        unit /= 10;
        rest = tail;
    }
    if rest.len() == digits.len() {
        (0, text)
    } else {
        (micros, rest)
    }
}

//! The stamp and the host of a line, as pflogsumm takes them off.
//!
//! Stricter and laxer than the parsers' own envelopes: `Nov  1`, `Nov 1` and `Nov 01` count, three
//! characters of any kind are a month, hours go to 99; RFC 5424 and offsets without a colon do not.

/// When a line was logged. pflogsumm drops RFC 3339's year.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp {
    /// RFC 3339's year.
    pub(super) year: Option<i32>,
    /// 0 is January, and also stands for a name that is no month; RFC 3339's `00` is -1.
    pub(super) month: i8,
    pub(super) day: u8,
    pub(super) hour: u8,
    pub(super) minute: u8,
    pub(super) second: u8,
}

const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// Returns a month's name, `Jan` for 0; there is none beyond 11, and -1 is the last one again.
pub(super) fn month_name(month: i8) -> &'static [u8] {
    let at = usize::try_from(month).unwrap_or(MONTHS.len() - 1);
    MONTHS.get(at).map_or(b"", |name| name.as_slice())
}

/// Takes stamp and host off; what is left begins with the tag.
///
/// Stamps repeat from line to line: the hour read last is remembered by its bytes.
#[derive(Default)]
pub(super) struct Stamps {
    last: [u8; HOUR_BYTES],
    stamp: Option<Stamp>,
}

/// `Nov 10 10:`
const HOUR_BYTES: usize = 10;

impl Stamps {
    /// Reads one line; `None` when pflogsumm would not take it.
    pub(super) fn take<'a>(&mut self, line: &'a [u8]) -> Option<(Stamp, &'a [u8])> {
        let (stamp, rest) = match self.recent(line) {
            Some(found) => found,
            None => self.fresh(line)?,
        };
        let host = rest.strip_prefix(b" ")?;
        let end = host.iter().position(|byte| is_space(*byte))?;
        let (host, text) = host.split_at_checked(end)?;
        let text = text.strip_prefix(b" ")?;
        (!host.is_empty() && !text.is_empty()).then_some((stamp, text))
    }

    /// Reads a line of the hour that was read last.
    fn recent<'a>(&self, line: &'a [u8]) -> Option<(Stamp, &'a [u8])> {
        let (hour, rest) = line.split_first_chunk::<HOUR_BYTES>()?;
        let stamp = self.stamp.filter(|_| *hour == self.last)?;
        let (time, rest) = rest.split_first_chunk::<5>()?;
        let &[m1, m2, b':', s1, s2] = time else {
            return None;
        };
        let (minute, second) = (two_digits(m1, m2)?, two_digits(s1, s2)?);
        let stamp = Stamp {
            minute,
            second,
            ..stamp
        };
        Some((stamp, rest))
    }

    fn fresh<'a>(&mut self, line: &'a [u8]) -> Option<(Stamp, &'a [u8])> {
        let (stamp, rest) = rfc3164(line).or_else(|| rfc3339(line))?;
        let time_at = line.len() - rest.len() - 5;
        if time_at == HOUR_BYTES
            && let Some(hour) = line.first_chunk::<HOUR_BYTES>()
        {
            (self.last, self.stamp) = (*hour, Some(stamp));
        }
        Some((stamp, rest))
    }
}

/// `Mmm`, one or two blanks, a day, ` HH:MM:SS`.
fn rfc3164(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let (name, rest) = line.split_first_chunk::<3>()?;
    let rest = rest.strip_prefix(b" ")?;
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let (day, rest) = day(rest)?;
    let (hour, minute, second, rest) = time(rest.strip_prefix(b" ")?)?;
    let month = MONTHS.iter().position(|month| *month == name);
    let month = month.and_then(|month| i8::try_from(month).ok());
    let stamp = Stamp {
        year: None,
        month: month.unwrap_or(0),
        day,
        hour,
        minute,
        second,
    };
    Some((stamp, rest))
}

/// `YYYY-MM-DDTHH:MM:SS`, a fraction or none, `Z` or an offset with a colon.
fn rfc3339(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let (date, rest) = line.split_first_chunk::<11>()?;
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T'] = date else {
        return None;
    };
    let (century, year) = (two_digits(y1, y2)?, two_digits(y3, y4)?);
    let (month, day) = (two_digits(m1, m2)?, two_digits(d1, d2)?);
    let (hour, minute, second, rest) = time(rest)?;
    let rest = after_offset(after_fraction(rest)?)?;
    let stamp = Stamp {
        year: Some(i32::from(century) * 100 + i32::from(year)),
        month: i8::try_from(month).ok()? - 1,
        day,
        hour,
        minute,
        second,
    };
    Some((stamp, rest))
}

fn after_fraction(rest: &[u8]) -> Option<&[u8]> {
    let Some(digits) = rest.strip_prefix(b".") else {
        return Some(rest);
    };
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    (end > 0).then_some(digits.get(end..)?)
}

fn after_offset(rest: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = rest.strip_prefix(b"Z") {
        return Some(rest);
    }
    let (offset, rest) = rest.split_first_chunk::<6>()?;
    let &[b'+' | b'-', h1, h2, b':', m1, m2] = offset else {
        return None;
    };
    two_digits(h1, h2).and(two_digits(m1, m2))?;
    Some(rest)
}

fn day(rest: &[u8]) -> Option<(u8, &[u8])> {
    match *rest {
        [tens, ones, ref rest @ ..] if ones.is_ascii_digit() => {
            Some((two_digits(tens, ones)?, rest))
        }
        [ones, ref rest @ ..] => Some((two_digits(b'0', ones)?, rest)),
        [] => None,
    }
}

fn time(rest: &[u8]) -> Option<(u8, u8, u8, &[u8])> {
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let &[h1, h2, b':', m1, m2, b':', s1, s2] = time else {
        return None;
    };
    let (hour, minute) = (two_digits(h1, h2)?, two_digits(m1, m2)?);
    Some((hour, minute, two_digits(s1, s2)?, rest))
}

fn two_digits(tens: u8, ones: u8) -> Option<u8> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| tens * 10 + ones)
}

/// The bytes that a regular expression's `\s` means.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(line: &str) -> Option<(i8, u8, u8, u8, u8)> {
        let mut stamps = Stamps::default();
        let (stamp, text) = stamps.take(line.as_bytes())?;
        assert_eq!(text, b"postfix/x");
        Some((
            stamp.month,
            stamp.day,
            stamp.hour,
            stamp.minute,
            stamp.second,
        ))
    }

    #[test]
    fn takes_the_stamps_that_pflogsumm_takes() {
        for (stamp, expected) in [
            ("Nov 10 10:11:12", Some((10, 10, 10, 11, 12))),
            ("Nov  1 10:11:12", Some((10, 1, 10, 11, 12))),
            ("Nov 1 10:11:12", Some((10, 1, 10, 11, 12))),
            ("Nov 01 10:11:12", Some((10, 1, 10, 11, 12))),
            ("Nov   1 10:11:12", None),
            ("nov 10 10:11:12", Some((0, 10, 10, 11, 12))),
            ("Foo 10 99:11:12", Some((0, 10, 99, 11, 12))),
            ("Nov 10 1:11:12", None),
            ("xNov 10 10:11:12", None),
            (" Nov 10 10:11:12", None),
            ("Nov 10 10:11:12.5", None),
            ("2026-11-10T10:11:12+01:00", Some((10, 10, 10, 11, 12))),
            ("2026-11-10T10:11:12.123Z", Some((10, 10, 10, 11, 12))),
            ("2026-13-99T10:11:12-01:00", Some((12, 99, 10, 11, 12))),
            ("2026-00-10T10:11:12Z", Some((-1, 10, 10, 11, 12))),
            ("2026-11-10T10:11:12+0100", None),
            ("2026-11-10T10:11:12.+01:00", None),
            ("2026-11-10T10:11:12", None),
            ("2026-11-10 10:11:12Z", None),
            ("2026-11-10T10:11:12z", None),
            ("<22>2026-11-10T10:11:12Z", None),
        ] {
            assert_eq!(taken(&format!("{stamp} mx postfix/x")), expected, "{stamp}");
        }
        assert_eq!(taken("Nov 10 10:11:12  postfix/x"), None, "no host");
        assert_eq!(taken("Nov 10 10:11:12 mx "), None, "no text");
        assert_eq!(taken("Nov 10 10:11:12 mx"), None, "nothing behind the host");
    }

    #[test]
    fn a_remembered_hour_reads_as_a_fresh_one() {
        let mut stamps = Stamps::default();
        for line in [
            "Nov 10 10:11:12 mx x",
            "Nov 10 10:59:01 mx x",
            "Nov 10 10:59:0x mx x",
            "Nov 11 10:00:00 mx x",
            "2026-11-11T10:00:00Z mx x",
            "Nov 11 10:00:07 mx x",
            "Nov 1 10:00:00 mx x",
            "Nov 11 11:00:00 mx x",
        ] {
            let line = line.as_bytes();
            assert_eq!(stamps.take(line), Stamps::default().take(line));
        }
    }
}

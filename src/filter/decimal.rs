//! Exact decimal numbers: sizes beyond 2^53 and hundredths of a second compare as they read.

/// A decimal number with up to nine places behind the point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Decimal {
    billionths: i128,
}

const PLACES: usize = 9;
const ONE: i128 = 1_000_000_000;

impl Decimal {
    /// Reads `12`, `0.04`, `-1.9`, `.5`; `None` for all else, and where there are more places.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let (sign, digits) = match text {
            [b'-', digits @ ..] => (-1, digits),
            digits => (1, digits),
        };
        let point = digits.iter().position(|byte| *byte == b'.');
        let (whole, fraction) = match point {
            Some(at) => (digits.get(..at)?, digits.get(at + 1..)?),
            None => (digits, &b""[..]),
        };
        let fraction = fraction.strip_suffix(b"0").map_or(fraction, trim_zeros);
        if (whole.is_empty() && point.is_none_or(|_| digits.len() == 1)) || fraction.len() > PLACES
        {
            return None;
        }
        let padding = PLACES.checked_sub(fraction.len())?;
        let scale = 10i128.checked_pow(u32::try_from(padding).ok()?)?;
        let billionths = number(whole)?
            .checked_mul(ONE)?
            .checked_add(number(fraction)?.checked_mul(scale)?)?;
        Some(Decimal {
            billionths: sign * billionths,
        })
    }

    pub(super) fn of_number(value: u64) -> Self {
        Decimal {
            billionths: i128::from(value) * ONE,
        }
    }

    pub(super) fn of_micros(micros: u64) -> Self {
        Decimal {
            billionths: i128::from(micros) * 1_000,
        }
    }
}

fn trim_zeros(mut digits: &[u8]) -> &[u8] {
    while let Some(rest) = digits.strip_suffix(b"0") {
        digits = rest;
    }
    digits
}

/// Reads digits; none at all are zero.
fn number(digits: &[u8]) -> Option<i128> {
    digits.iter().try_fold(0i128, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| i128::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, billionths) in [
            ("0", 0),
            ("12", 12 * ONE),
            ("012", 12 * ONE),
            ("0.04", ONE / 25),
            ("-1.90", -19 * ONE / 10),
            (".5", ONE / 2),
            ("5.", 5 * ONE),
            ("1.500000000000", 3 * ONE / 2),
            ("18446744073709551615", i128::from(u64::MAX) * ONE),
        ] {
            let read = Decimal::parse(text.as_bytes());
            assert_eq!(read, Some(Decimal { billionths }), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_number() {
        let long = "9".repeat(60);
        for text in [
            "",
            "-",
            ".",
            "-.",
            "+1",
            "1e5",
            "nan",
            "1.2.3",
            " 1",
            "1.0000000001",
            &long,
        ] {
            assert_eq!(Decimal::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn numbers_and_durations_compare_exactly() {
        let parse = |text: &str| Decimal::parse(text.as_bytes()).unwrap();
        assert_eq!(parse("18446744073709551615"), Decimal::of_number(u64::MAX));
        assert!(parse("18446744073709551614") < Decimal::of_number(u64::MAX));
        assert_eq!(parse("0.000001"), Decimal::of_micros(1));
        assert!(parse("-0.5") < Decimal::of_micros(0));
    }
}

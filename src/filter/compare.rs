//! Comparing the fields of a line with conditions, without allocation.

use mailtally_parsers::{Seconds, Visitor};

use super::{Condition, Operator, Verdict};

/// Looks at each field of one line.
pub(super) struct Matcher<'f> {
    conditions: &'f [Condition],
    fields_seen: u64,
    held: u64,
}

impl<'f> Matcher<'f> {
    pub(super) fn new(conditions: &'f [Condition]) -> Self {
        Matcher {
            conditions,
            fields_seen: 0,
            held: 0,
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        let all = self
            .conditions
            .iter()
            .enumerate()
            .fold(0, |bits, (at, _)| bits | bit(at));
        Verdict {
            matches: self.held == all,
            fields_seen: self.fields_seen,
        }
    }

    /// Asks each condition on this field whether the value that it names is the field's.
    fn compare(&mut self, name: &str, is_equal: impl Fn(&str) -> bool) {
        for (at, condition) in self.conditions.iter().enumerate() {
            if condition.field != name {
                continue;
            }
            self.fields_seen |= bit(at);
            let holds = match condition.operator {
                Operator::Equal => is_equal(&condition.value),
            };
            if holds {
                self.held |= bit(at);
            }
        }
    }
}

/// The bit of a condition; `Filter::new` holds their number below the width of the word.
fn bit(at: usize) -> u64 {
    u32::try_from(at)
        .ok()
        .and_then(|at| 1u64.checked_shl(at))
        .unwrap_or(0)
}

impl Visitor for Matcher<'_> {
    fn text(&mut self, name: &'static str, value: &[u8]) {
        self.compare(name, |wanted| wanted.as_bytes() == value);
    }

    fn number(&mut self, name: &'static str, value: u64) {
        self.compare(name, |wanted| wanted.parse() == Ok(value));
    }

    fn decimal(&mut self, name: &'static str, value: &[u8]) {
        self.compare(name, |wanted| {
            let logged = std::str::from_utf8(value)
                .ok()
                .and_then(|text| text.parse::<f64>().ok());
            wanted.as_bytes() == value || (logged.is_some() && wanted.parse().ok() == logged)
        });
    }

    fn seconds(&mut self, name: &'static str, value: Seconds) {
        self.compare(name, |wanted| micros(wanted) == Some(value.micros));
    }

    fn seconds_list(&mut self, name: &'static str, values: &[Seconds]) {
        self.compare(name, |wanted| {
            let parts = wanted.split('/').map(micros);
            parts.eq(values.iter().map(|seconds| Some(seconds.micros)))
        });
    }

    fn flag(&mut self, name: &'static str, value: bool) {
        self.compare(name, |wanted| wanted.parse() == Ok(value));
    }
}

/// Reads decimal seconds as microseconds; `None` when it is none or has more than six decimals.
fn micros(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = u32::try_from(fraction.len())
        .ok()
        .filter(|digits| *digits <= 6)?;
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let fraction: u64 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().ok()?
    };
    let scale = 10u64.checked_pow(6u32.checked_sub(digits)?)?;
    whole
        .parse::<u64>()
        .ok()?
        .checked_mul(1_000_000)?
        .checked_add(fraction.checked_mul(scale)?)
}

#[cfg(test)]
mod tests {
    use mailtally_parsers::Fields;

    use super::super::Filter;
    use super::*;

    /// A line with a field of each type.
    struct Line;

    impl Fields for Line {
        fn visit(&self, visitor: &mut dyn Visitor) {
            visitor.text("status", b"sent");
            visitor.text("helo", b"\xff.example");
            visitor.number("nrcpt", 2);
            visitor.decimal("score", b"-1.90");
            visitor.seconds("delay", Seconds { micros: 1_500_000 });
            visitor.seconds_list(
                "delays",
                &[Seconds { micros: 100_000 }, Seconds { micros: 0 }],
            );
            visitor.flag("secured", true);
        }
    }

    fn decide(conditions: &[&str]) -> Verdict {
        let parsed = conditions
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        Filter::new(parsed).unwrap().decide(&Line)
    }

    #[test]
    fn compares_each_type_by_value() {
        for text in [
            "status=sent",
            "nrcpt=2",
            "nrcpt=02",
            "score=-1.90",
            "score=-1.9",
            "delay=1.5",
            "delay=1.500",
            "delays=0.1/0",
            "secured=true",
        ] {
            assert!(decide(&[text]).matches, "{text}");
        }
        for text in [
            "status=Sent",
            "status=sen",
            "status=",
            "nrcpt=20",
            "nrcpt=two",
            "score=1.9",
            "delay=1.50000001",
            "delay=+1.5",
            "delays=0.1",
            "delays=0.1/0/0",
            "secured=yes",
            "relay=sent",
            "helo=.example",
        ] {
            assert!(!decide(&[text]).matches, "{text}");
        }
    }

    #[test]
    fn all_conditions_must_hold() {
        assert!(decide(&[]).matches);
        assert!(decide(&["status=sent", "nrcpt=2"]).matches);
        assert!(!decide(&["status=sent", "nrcpt=3"]).matches);
        assert!(!decide(&["status=sent", "status=deferred"]).matches);
    }

    #[test]
    fn says_which_fields_the_line_has() {
        let verdict = decide(&["status=deferred", "no_such_field=1", "nrcpt=2"]);
        assert_eq!(
            verdict,
            Verdict {
                matches: false,
                fields_seen: 0b101
            }
        );
    }

    #[test]
    fn holds_the_most_conditions_and_refuses_more() {
        assert!(decide(&["nrcpt=2"; 64]).matches);
        let conditions = vec!["nrcpt=2".parse().unwrap(); 65];
        assert!(Filter::new(conditions).is_err());
    }
}

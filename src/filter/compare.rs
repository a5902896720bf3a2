//! Comparing the fields of a line with conditions.

use mailtally_parsers::{Seconds, Visitor};

use super::decimal::Decimal;
use super::{Bound, Condition, Test, Verdict};

/// Looks at each field of one line.
pub(super) struct Matcher<'f> {
    conditions: &'f [Condition],
    fields_seen: u64,
    /// The conditions whose test the line met, before any negation.
    met: u64,
}

impl<'f> Matcher<'f> {
    pub(super) fn new(conditions: &'f [Condition]) -> Self {
        Matcher {
            conditions,
            fields_seen: 0,
            met: 0,
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        let holds = |(at, condition): &(usize, &Condition)| {
            (self.met & bit(*at) != 0) != condition.is_negated
        };
        let conditions = self.conditions.iter().enumerate();
        let held = conditions
            .filter(holds)
            .fold(0, |held, (at, _)| held | bit(at));
        Verdict {
            matches: held.count_ones() as usize == self.conditions.len(),
            fields_seen: self.fields_seen,
            held,
        }
    }

    /// Asks each condition on this field.
    fn field(&mut self, name: &str, value: Value<'_>) {
        for (at, condition) in self.conditions.iter().enumerate() {
            if condition.field != name {
                continue;
            }
            self.fields_seen |= bit(at);
            if condition.test.is_met_by(value) {
                self.met |= bit(at);
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

/// Tells whether the text of a field, if there is one, meets a test.
pub(super) fn is_met_by_text(test: &Test, value: Option<&[u8]>) -> bool {
    value.is_some_and(|value| test.is_met_by(Value::Text(value)))
}

/// The value of a field.
#[derive(Clone, Copy)]
enum Value<'v> {
    Text(&'v [u8]),
    Number(u64),
    Decimal(&'v [u8]),
    Seconds(Seconds),
    SecondsList(&'v [Seconds]),
    Flag(bool),
}

impl Visitor for Matcher<'_> {
    fn text(&mut self, name: &'static str, value: &[u8]) {
        self.field(name, Value::Text(value));
    }

    fn number(&mut self, name: &'static str, value: u64) {
        self.field(name, Value::Number(value));
    }

    fn decimal(&mut self, name: &'static str, value: &[u8]) {
        self.field(name, Value::Decimal(value));
    }

    fn seconds(&mut self, name: &'static str, value: Seconds) {
        self.field(name, Value::Seconds(value));
    }

    fn seconds_list(&mut self, name: &'static str, values: &[Seconds]) {
        self.field(name, Value::SecondsList(values));
    }

    fn flag(&mut self, name: &'static str, value: bool) {
        self.field(name, Value::Flag(value));
    }
}

impl Test {
    fn is_met_by(&self, value: Value<'_>) -> bool {
        match self {
            Test::Equal(wanted) => value.is(wanted),
            Test::Matches(regex) => match value {
                Value::Text(text) | Value::Decimal(text) => regex.is_match(text),
                _ => regex.is_match(value.to_text().as_bytes()),
            },
            Test::Compares(bound, limit) => value
                .as_decimal()
                .is_some_and(|number| bound.admits(number, *limit)),
        }
    }
}

impl Bound {
    fn admits(self, number: Decimal, limit: Decimal) -> bool {
        match self {
            Bound::Below => number < limit,
            Bound::AtMost => number <= limit,
            Bound::Above => number > limit,
            Bound::AtLeast => number >= limit,
        }
    }
}

impl Value<'_> {
    /// Tells whether this is the value that a person wrote.
    fn is(self, wanted: &str) -> bool {
        match self {
            Value::Text(text) => text == wanted.as_bytes(),
            Value::Decimal(text) if text == wanted.as_bytes() => true,
            Value::Flag(flag) => wanted.parse() == Ok(flag),
            Value::SecondsList(list) => {
                let wanted = wanted
                    .split('/')
                    .map(|part| Decimal::parse(part.as_bytes()));
                wanted.eq(list
                    .iter()
                    .map(|part| Some(Decimal::of_micros(part.micros))))
            }
            Value::Number(_) | Value::Decimal(_) | Value::Seconds(_) => {
                let number = self.as_decimal();
                number.is_some() && number == Decimal::parse(wanted.as_bytes())
            }
        }
    }

    /// Reads the value as a number: a text may be one too, as ports are.
    fn as_decimal(self) -> Option<Decimal> {
        match self {
            Value::Text(text) | Value::Decimal(text) => {
                Decimal::parse(text.strip_prefix(b"+").unwrap_or(text))
            }
            Value::Number(number) => Some(Decimal::of_number(number)),
            Value::Seconds(seconds) => Some(Decimal::of_micros(seconds.micros)),
            Value::SecondsList(_) | Value::Flag(_) => None,
        }
    }

    /// Writes the value as it is exported, a list as Postfix logs it.
    fn to_text(self) -> String {
        match self {
            Value::Text(text) | Value::Decimal(text) => String::from_utf8_lossy(text).into_owned(),
            Value::Number(number) => number.to_string(),
            Value::Seconds(seconds) => seconds.to_string(),
            Value::SecondsList(list) => {
                let parts: Vec<String> = list.iter().map(Seconds::to_string).collect();
                parts.join("/")
            }
            Value::Flag(flag) => flag.to_string(),
        }
    }
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
            visitor.text("client_port", b"51234");
            visitor.number("nrcpt", 2);
            visitor.number("size_bytes", u64::MAX);
            visitor.decimal("score", b"-1.90");
            visitor.decimal("spam", b"+5.0");
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

    /// Each condition with its opposite: exactly one of the two holds, whatever the line.
    fn expect(holds: bool, conditions: &[(&str, &str)]) {
        for (condition, opposite) in conditions {
            assert_eq!(decide(&[condition]).matches, holds, "{condition}");
            assert_eq!(decide(&[opposite]).matches, !holds, "{opposite}");
        }
    }

    #[test]
    fn compares_each_type_by_value() {
        let opposites = |texts: &[&str], holds| {
            for text in texts {
                expect(holds, &[(text, &text.replacen('=', "!=", 1))]);
            }
        };
        opposites(
            &[
                "status=sent",
                "nrcpt=2",
                "nrcpt=02",
                "size_bytes=18446744073709551615",
                "score=-1.90",
                "score=-1.9",
                "spam=5",
                "spam=+5.0",
                "delay=1.5",
                "delay=1.500",
                "delays=0.1/0",
                "secured=true",
            ],
            true,
        );
        opposites(
            &[
                "status=Sent",
                "status=sen",
                "status=",
                "nrcpt=20",
                "nrcpt=two",
                "nrcpt=",
                "size_bytes=18446744073709551614",
                "score=1.9",
                "delay=1.50000001",
                "delay=+1.5",
                "delays=0.1",
                "delays=0.1/0/0",
                "secured=yes",
                "relay=sent",
                "helo=.example",
            ],
            false,
        );
    }

    #[test]
    fn expressions_match_anywhere_in_what_is_exported() {
        expect(
            true,
            &[
                ("status~^sent$", "status!~^sent$"),
                ("status~en", "status!~en"),
                ("status~(?i)SENT", "status!~(?i)SENT"),
                ("status~", "status!~"),
                (r"helo~\.example$", r"helo!~\.example$"),
                (r"helo~(?-u:\xff)", r"helo!~(?-u:\xff)"),
                ("nrcpt~^2$", "nrcpt!~^2$"),
                (r"delay~^1\.5$", r"delay!~^1\.5$"),
                ("delays~^0.1/0$", "delays!~^0.1/0$"),
                ("secured~^true$", "secured!~^true$"),
            ],
        );
        expect(
            false,
            &[
                ("status~SENT", "status!~SENT"),
                (
                    "status~^(deferred|bounced)$",
                    "status!~^(deferred|bounced)$",
                ),
                ("no_such_field~", "no_such_field!~"),
            ],
        );
    }

    #[test]
    fn bounds_compare_numbers() {
        expect(
            true,
            &[
                ("nrcpt<3", "nrcpt>=3"),
                ("nrcpt<=2", "nrcpt>2"),
                (
                    "size_bytes>18446744073709551614",
                    "size_bytes<=18446744073709551614",
                ),
                ("score<0", "score>=0"),
                ("spam>=5", "spam<5"),
                ("delay>1.49", "delay<=1.49"),
                ("delay<=1.5", "delay>1.5"),
                ("client_port>1024", "client_port<=1024"),
            ],
        );
        for text in [
            "status<5",
            "status>=5",
            "delays<9",
            "secured<2",
            "no_such_field<1",
        ] {
            assert!(
                !decide(&[text]).matches,
                "{text}: no number, so neither side"
            );
        }
    }

    #[test]
    fn all_conditions_must_hold() {
        assert!(decide(&[]).matches);
        assert!(decide(&["status=sent", "nrcpt=2"]).matches);
        assert!(decide(&["delay>=1", "delay<2", "status!=bounced"]).matches);
        assert!(!decide(&["status=sent", "nrcpt=3"]).matches);
        assert!(!decide(&["status=sent", "status=deferred"]).matches);
        assert!(!decide(&["status=sent", "nrcpt!=2"]).matches);
    }

    #[test]
    fn says_which_fields_the_line_has_and_which_conditions_hold() {
        let verdict = decide(&["status=sent", "no_such_field!=1", "nrcpt!=2"]);
        assert_eq!(
            verdict,
            Verdict {
                matches: false,
                fields_seen: 0b101,
                held: 0b011,
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

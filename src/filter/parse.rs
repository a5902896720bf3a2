//! Reading a condition from the command line.

use std::str::FromStr;

use regex::bytes::Regex;

use super::decimal::Decimal;
use super::{Bound, Condition, MAX_CONDITIONS, Test};

/// Why a filter cannot be used.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FilterError {
    /// There is no operator.
    #[error(
        "`{text}` is no condition: write field=value, as in queue_id=4F1A22C0D9E; besides = there \
         are != ~ !~ < <= > >="
    )]
    NoOperator {
        /// The condition as given.
        text: String,
    },
    /// What stands before the operator is no name of a field.
    #[error("`{field}` is no name of a field: write field=value, with a name that `events` prints")]
    FieldName {
        /// The name as given.
        field: String,
    },
    /// An operator of another language.
    #[error("`{operator}` is no operator: write {field}{instead}…")]
    Operator {
        /// The name of the field.
        field: String,
        /// The operator as given.
        operator: &'static str,
        /// What is meant here.
        instead: &'static str,
    },
    /// What stands behind `~` is no regular expression.
    #[error("`{pattern}` is no regular expression: {cause}")]
    Pattern {
        /// The expression as given.
        pattern: String,
        /// What is wrong with it.
        cause: String,
    },
    /// What stands behind `<` is no number.
    #[error("`{value}` is no number; < <= > >= compare {field} with one, in seconds or as it is")]
    Number {
        /// The name of the field.
        field: String,
        /// The value as given.
        value: String,
    },
    /// There are too many conditions.
    #[error("{count} conditions are too many: at most {MAX_CONDITIONS} can be combined")]
    TooMany {
        /// How many were given.
        count: usize,
    },
}

/// How a condition compares.
#[derive(Clone, Copy)]
enum Operator {
    Equal,
    Matches,
    Compares(Bound),
}

/// The operators, and whether they are negated; longer ones first.
const OPERATORS: [(&str, Operator, bool); 8] = [
    ("!=", Operator::Equal, true),
    ("!~", Operator::Matches, true),
    ("<=", Operator::Compares(Bound::AtMost), false),
    (">=", Operator::Compares(Bound::AtLeast), false),
    ("=", Operator::Equal, false),
    ("~", Operator::Matches, false),
    ("<", Operator::Compares(Bound::Below), false),
    (">", Operator::Compares(Bound::Above), false),
];

/// Operators of other languages, and ours. A value that begins like one is asked for with `~^`.
const OTHERS: [(&str, &str); 5] = [
    ("==", "="),
    ("=~", "~"),
    ("=<", "<="),
    ("=>", ">="),
    ("<>", "!="),
];

impl FromStr for Condition {
    type Err = FilterError;

    /// Parses `field=value` and the other operators.
    fn from_str(text: &str) -> Result<Self, FilterError> {
        let no_operator = || FilterError::NoOperator {
            text: text.to_owned(),
        };
        let at = text
            .find(['=', '!', '~', '<', '>'])
            .ok_or_else(no_operator)?;
        let (field, rest) = text.split_at_checked(at).ok_or_else(no_operator)?;
        if !is_field_name(field) {
            return Err(FilterError::FieldName {
                field: field.to_owned(),
            });
        }
        refuse_others(field, rest)?;
        let known =
            |(word, operator, is_negated)| Some((operator, is_negated, rest.strip_prefix(word)?));
        let (operator, is_negated, value) = OPERATORS
            .into_iter()
            .find_map(known)
            .ok_or_else(no_operator)?;
        Ok(Condition {
            text: text.to_owned(),
            field: field.to_owned(),
            test: operator.test(field, value)?,
            is_negated,
        })
    }
}

impl Operator {
    fn test(self, field: &str, value: &str) -> Result<Test, FilterError> {
        match self {
            Operator::Equal => Ok(Test::Equal(value.to_owned())),
            Operator::Matches => pattern(value).map(Test::Matches),
            Operator::Compares(bound) => {
                let number = Decimal::parse(value.as_bytes());
                let number = number.ok_or_else(|| FilterError::Number {
                    field: field.to_owned(),
                    value: value.to_owned(),
                })?;
                Ok(Test::Compares(bound, number))
            }
        }
    }
}

/// Compiles an expression; of the library's message only the last line tells a user something.
fn pattern(text: &str) -> Result<Regex, FilterError> {
    Regex::new(text).map_err(|error| {
        let error = error.to_string();
        let cause = error.lines().last().unwrap_or("");
        FilterError::Pattern {
            pattern: text.to_owned(),
            cause: cause.trim_start_matches("error: ").to_owned(),
        }
    })
}

fn refuse_others(field: &str, rest: &str) -> Result<(), FilterError> {
    match OTHERS.iter().find(|(word, _)| rest.starts_with(word)) {
        None => Ok(()),
        Some(&(operator, instead)) => Err(FilterError::Operator {
            field: field.to_owned(),
            operator,
            instead,
        }),
    }
}

/// Tells whether a word could be the name of a field.
fn is_field_name(word: &str) -> bool {
    let is_name_byte =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !word.is_empty() && word.bytes().all(is_name_byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_blanks_and_operators_of_the_value() {
        let condition: Condition = "reason=key = value!~<".parse().unwrap();
        assert_eq!(condition.field(), "reason");
        assert_eq!(condition.to_string(), "reason=key = value!~<");
        assert!(matches!(condition.test, Test::Equal(value) if value == "key = value!~<"));
    }

    #[test]
    fn reads_each_operator() {
        let test = |text: &str| {
            let condition: Condition = text.parse().unwrap();
            assert_eq!(condition.field(), "delay");
            format!("{:?} {}", condition.test, condition.is_negated)
        };
        assert_eq!(test("delay=1"), "Equal(\"1\") false");
        assert_eq!(test("delay!=1"), "Equal(\"1\") true");
        assert_eq!(test("delay~1"), "Matches(Regex(\"1\")) false");
        assert_eq!(test("delay!~1"), "Matches(Regex(\"1\")) true");
        for (text, bound) in [
            ("delay<1", "Below"),
            ("delay<=1", "AtMost"),
            ("delay>1", "Above"),
            ("delay>=1", "AtLeast"),
        ] {
            let found = test(text);
            assert!(found.starts_with(&format!("Compares({bound}, ")), "{found}");
            assert!(found.ends_with(" false"), "{found}");
        }
    }

    #[test]
    fn refuses_what_is_no_condition() {
        let error = |text: &str| text.parse::<Condition>().unwrap_err().to_string();
        assert!(error("sender").starts_with("`sender` is no condition"));
        assert!(error("=x").starts_with("`` is no name of a field"));
        assert!(error("Status=sent").starts_with("`Status` is no name of a field"));
        assert!(error("status!sent").starts_with("`status!sent` is no condition"));
        assert_eq!(error("status==sent"), "`==` is no operator: write status=…");
        assert_eq!(error("status=~sent"), "`=~` is no operator: write status~…");
        assert_eq!(
            error("status~(sent"),
            "`(sent` is no regular expression: unclosed group"
        );
        assert!(error("delay>long").starts_with("`long` is no number"));
        assert!(error("delay>").starts_with("`` is no number"));
        let huge = format!("status~{}", "(a{1000}){1000}");
        assert!(
            error(&huge).contains("is no regular expression"),
            "{}",
            error(&huge)
        );
    }
}

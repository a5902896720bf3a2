//! Reading a condition from the command line.

use std::str::FromStr;

use super::{Condition, MAX_CONDITIONS, Operator};

/// Why a filter cannot be used.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FilterError {
    /// There is no `=`.
    #[error("`{text}` is no condition: write field=value, as in queue_id=4F1A22C0D9E")]
    NoOperator {
        /// The condition as given.
        text: String,
    },
    /// What stands before the `=` is no name of a field.
    #[error("`{field}` is no name of a field: write field=value, with a name that `events` prints")]
    FieldName {
        /// The name as given.
        field: String,
    },
    /// There are too many conditions.
    #[error("{count} conditions are too many: at most {MAX_CONDITIONS} can be combined")]
    TooMany {
        /// How many were given.
        count: usize,
    },
}

impl FromStr for Condition {
    type Err = FilterError;

    /// Parses `field=value`.
    fn from_str(text: &str) -> Result<Self, FilterError> {
        let Some((field, value)) = text.split_once('=') else {
            return Err(FilterError::NoOperator {
                text: text.to_owned(),
            });
        };
        if !is_field_name(field) {
            return Err(FilterError::FieldName {
                field: field.to_owned(),
            });
        }
        Ok(Condition {
            field: field.to_owned(),
            operator: Operator::Equal,
            value: value.to_owned(),
        })
    }
}

/// Tells whether a word could be the name of a field. `!` and `~` are kept free for operators.
fn is_field_name(word: &str) -> bool {
    let is_name_byte =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !word.is_empty() && word.bytes().all(is_name_byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_blanks_and_equal_signs_of_the_value() {
        let condition: Condition = "reason=key = value".parse().unwrap();
        assert_eq!(
            (condition.field(), condition.value.as_str()),
            ("reason", "key = value")
        );
    }

    #[test]
    fn refuses_what_is_no_condition() {
        let error = |text: &str| text.parse::<Condition>().unwrap_err().to_string();
        assert!(error("sender").starts_with("`sender` is no condition"));
        assert!(error("=x").starts_with("`` is no name of a field"));
        assert!(error("status!=sent").starts_with("`status!` is no name of a field"));
    }
}

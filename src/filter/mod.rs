//! The one language of every `--where`: conditions on the named fields of a line.
//!
//! ```text
//! condition = field "=" value
//! ```
//!
//! `field` is a name as `mailtally events` writes it; `value` is the rest, blanks and `=` included.
//! All conditions of a [`Filter`] must hold. A line that lacks the field does not match. Text is
//! compared byte by byte as logged, numbers and durations by value (`delay=1.50` matches `1.5`),
//! a list of durations as Postfix writes it (`delays=0.1/0/1/1`).
//!
//! What this does **not** do: look at several lines of one mail. A condition on `sender` finds the
//! lines that state a sender, not all lines of that sender's mails.

mod compare;
mod parse;

use mailtally_parsers::Fields;

pub use parse::FilterError;

use compare::Matcher;

/// How a condition compares.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operator {
    /// `=`: the field is there and has this value.
    Equal,
}

/// One condition on one field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Condition {
    field: String,
    operator: Operator,
    value: String,
}

impl Condition {
    /// Returns the name of the field.
    pub fn field(&self) -> &str {
        &self.field
    }
}

/// The largest number of conditions: which ones hold is kept in the bits of one word.
pub const MAX_CONDITIONS: usize = 64;

/// Conditions that must all hold.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Filter {
    conditions: Vec<Condition>,
}

/// What a filter says of one line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// Whether all conditions hold.
    pub matches: bool,
    /// The conditions whose field the line has: bit `n` stands for [`Filter::conditions`]`[n]`.
    pub fields_seen: u64,
}

impl Filter {
    /// Combines conditions.
    ///
    /// # Errors
    /// There are more than [`MAX_CONDITIONS`].
    pub fn new(conditions: Vec<Condition>) -> Result<Self, FilterError> {
        if conditions.len() > MAX_CONDITIONS {
            return Err(FilterError::TooMany {
                count: conditions.len(),
            });
        }
        Ok(Filter { conditions })
    }

    /// Tells whether every line matches, because there is no condition.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Lists the conditions.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// Decides one line by its fields.
    pub fn decide(&self, fields: &impl Fields) -> Verdict {
        let mut matcher = Matcher::new(&self.conditions);
        fields.visit(&mut matcher);
        matcher.verdict()
    }
}

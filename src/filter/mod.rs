//! The one language of every `--where`: conditions on the named fields of a line.
//!
//! ```text
//! condition = field operator value
//! operator  = "=" | "!=" | "~" | "!~" | "<" | "<=" | ">" | ">="
//! ```
//!
//! `field` is a name as `mailtally events` writes it; `value` is the rest, blanks included. All
//! conditions of a [`Filter`] must hold; `~^(a|b)$` is how one of several values is asked for.
//!
//! - `=` compares text byte by byte as logged, numbers and durations by value (`delay=1.50` matches
//!   `1.5`), a list of durations as Postfix writes it (`delays=0.1/0/1/1`).
//! - `~` looks for a regular expression (crate `regex`) anywhere in the value as it is exported.
//! - `<` and its kin compare numbers, durations in seconds, and texts that are a number (a port).
//! - A line without the field meets none of these. `!=` and `!~` are their exact opposites, so it
//!   meets those, as `null != "x"` does in jq and a line without the word does with `grep -v`.
//!
//! What this does **not** do: look at several lines of one mail. A condition on `sender` finds the
//! lines that state a sender, not all lines of that sender's mails. Nor does it know which fields
//! there are: whoever takes conditions from a person checks their names.

mod compare;
mod decimal;
mod parse;

use std::fmt;

use mailtally_parsers::Fields;
use regex::bytes::Regex;

pub use parse::FilterError;

use compare::Matcher;
use decimal::Decimal;

/// One condition on one field.
#[derive(Clone, Debug)]
pub struct Condition {
    /// As a person wrote it.
    text: String,
    field: String,
    test: Test,
    /// Whether the condition holds exactly where its test does not.
    is_negated: bool,
}

/// What the value of a field is asked.
#[derive(Clone, Debug)]
enum Test {
    /// Is it this value?
    Equal(String),
    /// Does this expression match?
    Matches(Regex),
    /// How does it compare with this number?
    Compares(Bound, Decimal),
}

/// Which side of a number is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bound {
    Below,
    AtMost,
    Above,
    AtLeast,
}

impl fmt::Display for Condition {
    /// Writes the condition as a person wrote it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Condition {
    /// Returns the name of the field.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Returns the value that the field is to be, or not to be; `None` for other operators.
    pub fn value(&self) -> Option<&str> {
        match &self.test {
            Test::Equal(value) => Some(value),
            _ => None,
        }
    }

    /// Tells whether the condition holds for a field as it is exported; `None` where the line lacks it.
    pub fn holds_for(&self, value: Option<&[u8]>) -> bool {
        compare::is_met_by_text(&self.test, value) != self.is_negated
    }

    /// Lower-cases that value, for a field whose values are shown so.
    #[must_use]
    pub fn in_lower_case(mut self) -> Self {
        if let Test::Equal(value) = &mut self.test {
            value.make_ascii_lowercase();
        }
        self
    }
}

/// The largest number of conditions: which ones hold is kept in the bits of one word.
pub const MAX_CONDITIONS: usize = 64;

/// Conditions that must all hold.
#[derive(Clone, Default, Debug)]
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
    /// The conditions that hold, by the same bits.
    pub held: u64,
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

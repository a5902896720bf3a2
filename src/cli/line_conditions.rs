//! `--where`: conditions on the fields of single lines.

use anyhow::Result;
use clap::Args;

use super::events::names;
use super::messages::say;
use crate::filter::{Condition, Filter};

#[derive(Args, Debug)]
pub(super) struct ConditionArguments {
    /// Only lines whose field meets this: FIELD=VALUE, != (or no such field), ~REGEX, !~REGEX,
    /// <NUMBER, <=, >, >=; may be repeated, and all must hold
    #[arg(long = "where", value_name = "CONDITION")]
    conditions: Vec<Condition>,
}

impl ConditionArguments {
    /// Returns the filter that was asked for.
    ///
    /// # Errors
    /// A condition is on a field that no line can have, or there are too many.
    pub(super) fn filter(&self) -> Result<Filter> {
        names::check(&self.conditions)?;
        Ok(Filter::new(self.conditions.clone())?)
    }
}

/// Says which conditions were on a field that no line has that was asked for.
pub(super) fn say_unseen(filter: &Filter, fields_seen: u64) {
    for (at, condition) in filter.conditions().iter().enumerate() {
        if fields_seen >> at & 1 == 0 {
            say(&format!(
                "no line that was asked for has a field `{}`",
                condition.field()
            ));
        }
    }
}

//! Checking the names of fields that a person wrote, before anything is read.

use anyhow::{Result, bail};

use crate::cli::kinds::close_to;
use crate::export;
use crate::filter::Condition;

/// Refuses conditions on fields that no line can have: a mistyped name would find nothing.
pub(in crate::cli) fn check(conditions: &[Condition]) -> Result<()> {
    for condition in conditions {
        field("--where", condition.field())?;
    }
    Ok(())
}

/// Returns the name of a field as the export has it.
pub(super) fn field(flag: &str, name: &str) -> Result<&'static str> {
    let names = export::names();
    if let Some(known) = names.iter().find(|known| **known == name) {
        return Ok(known);
    }
    let close = close_to(name, names.into_iter());
    if close.is_empty() {
        bail!("{flag}: no line has a field `{name}`; `mailtally events --schema` has their names");
    }
    bail!(
        "{flag}: no line has a field `{name}`; close ones: {}",
        close.join(", ")
    );
}

//! Which parts of a directory a query needs not look at.
//!
//! A part's day and host stand in its path. Conditions on these two columns alone are tried on the paths; a part
//! that does not meet one of them is not opened.

use polars::prelude::{Column, DataFrame, DataType, Expr, IntoLazy, Operator, PolarsResult};

use super::columns::DATE;
use super::directory::Part;

/// Returns for each part whether it may hold rows that meet a predicate.
pub(super) fn may_meet(parts: &[Part], predicate: &Expr) -> Vec<bool> {
    let mut may = vec![true; parts.len()];
    for condition in conditions(predicate) {
        // A condition that cannot be tried here is tried on the rows.
        let Ok(met) = tried(parts, &condition) else {
            continue;
        };
        for (may, met) in may.iter_mut().zip(met) {
            *may &= met;
        }
    }
    may
}

/// Returns the conditions that all have to hold, of those that look at a part's day and host alone.
fn conditions(predicate: &Expr) -> Vec<Expr> {
    match predicate {
        Expr::BinaryExpr {
            left,
            op: Operator::And | Operator::LogicalAnd,
            right,
        } => {
            let mut both = conditions(left);
            both.extend(conditions(right));
            both
        }
        condition => {
            let names = condition.clone().meta().root_names();
            let is_of_paths = names.iter().all(|name| name == DATE || name == "host");
            let is_any = is_of_paths && !names.is_empty();
            is_any.then(|| condition.clone()).into_iter().collect()
        }
    }
}

fn tried(parts: &[Part], condition: &Expr) -> PolarsResult<Vec<bool>> {
    let days: Vec<Option<i32>> = parts.iter().map(|part| part.day).collect();
    let hosts: Vec<Option<&str>> = parts.iter().map(|part| part.host.as_deref()).collect();
    let columns = vec![
        Column::new(DATE.into(), days).cast(&DataType::Date)?,
        Column::new("host".into(), hosts),
    ];
    let paths = DataFrame::new(parts.len(), columns)?.lazy();
    let met = paths
        .select([condition.clone().alias("is_met")])
        .collect()?;
    let met = met.column("is_met")?.bool()?;
    // Neither yes nor no: the path does not say.
    Ok(met.iter().map(|met| met.unwrap_or(true)).collect())
}

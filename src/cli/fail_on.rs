//! `--fail-on 'rejected>1000'`: a figure that is beyond a limit sets the exit status.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde_json::Value;

use super::kinds::near;
use super::messages::say;
use crate::report::number;
use crate::tally::Wanted;
use crate::tally::totals::Totals;

/// A figure of the report, and what it must not be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct FailOn {
    figure: String,
    comparison: Comparison,
    limit: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Comparison {
    Above,
    AtLeast,
    Below,
    AtMost,
    Is,
    IsNot,
}

/// Longer signs first: `>=` begins with `>`.
const SIGNS: [(&str, Comparison); 6] = [
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("!=", Comparison::IsNot),
    (">", Comparison::Above),
    ("<", Comparison::Below),
    ("=", Comparison::Is),
];

impl FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = SIGNS.iter().filter_map(|(sign, comparison)| {
            let at = text.find(sign)?;
            Some((at, *sign, *comparison))
        });
        // The first sign, and of two at one place the longer.
        let first = found.min_by_key(|(at, sign, _)| (*at, usize::MAX - sign.len()));
        let Some((at, sign, comparison)) = first else {
            return Err("write a figure, > or <, and a number: rejected>1000".to_owned());
        };
        let name = text.get(..at).unwrap_or_default().trim();
        let limit = text.get(at + sign.len()..).unwrap_or_default().trim();
        let Ok(limit) = limit.replace([',', '_'], "").parse() else {
            return Err(format!("`{limit}` is no whole number"));
        };
        let figures = figures(&Totals::default());
        let names: Vec<&str> = figures.iter().map(|(name, _)| name.as_str()).collect();
        if !names.contains(&name) {
            return Err(format!(
                "no figure is called `{name}`; {}",
                near(name, &names)
            ));
        }
        Ok(FailOn {
            figure: name.to_owned(),
            comparison,
            limit,
        })
    }
}

impl fmt::Display for FailOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = SIGNS.iter().find(|(_, own)| *own == self.comparison);
        let sign = sign.map_or("", |(sign, _)| sign);
        write!(f, "{}{sign}{}", self.figure, self.limit)
    }
}

impl FailOn {
    /// Returns the name of the figure.
    pub(super) fn figure(&self) -> &str {
        &self.figure
    }

    fn is_met(&self, figure: u64) -> bool {
        match self.comparison {
            Comparison::Above => figure > self.limit,
            Comparison::AtLeast => figure >= self.limit,
            Comparison::Below => figure < self.limit,
            Comparison::AtMost => figure <= self.limit,
            Comparison::Is => figure == self.limit,
            Comparison::IsNot => figure != self.limit,
        }
    }
}

/// Adds what has to be counted to what is counted anyway.
pub(super) fn wanted(conditions: &[FailOn], wanted: Wanted) -> Wanted {
    if conditions.is_empty() {
        return wanted;
    }
    Wanted {
        mail: true,
        tls: true,
        logins: true,
        rejects: true,
        ..wanted
    }
}

/// Says which conditions are met, and tells whether one is.
pub(super) fn look(conditions: &[FailOn], totals: &Totals) -> bool {
    let figures = figures(totals);
    let mut is_met = false;
    for condition in conditions {
        let figure = figures.iter().find(|(name, _)| *name == condition.figure);
        let Some((name, figure)) = figure else {
            continue;
        };
        if condition.is_met(*figure) {
            is_met = true;
            say(&format!(
                "{name} is {}: --fail-on {condition}",
                number::count(*figure)
            ));
        }
    }
    is_met
}

/// Lists the figures that can be compared: the keys of `totals`, `messages` and `coverage.lines` of
/// the JSON report, and a few sums of its lists.
fn figures(totals: &Totals) -> Vec<(String, u64)> {
    let mut figures = members(&totals.totals);
    figures.extend(members(&totals.messages));
    figures.extend(members(&totals.coverage.lines));
    let failed = totals.logins.iter().filter(|row| row.outcome == "failure");
    let failed = failed.fold(0, |sum: u64, row| sum.saturating_add(row.count));
    figures.push(("lost".to_owned(), totals.coverage.lost));
    figures.push(("failed_logins".to_owned(), failed));
    let states = &totals.tls.states;
    figures.push(("inbound_plaintext".to_owned(), states.inbound.plaintext));
    figures.push(("outbound_plaintext".to_owned(), states.outbound.plaintext));
    figures
}

fn members(counts: &impl Serialize) -> Vec<(String, u64)> {
    let Ok(Value::Object(members)) = serde_json::to_value(counts) else {
        return Vec::new();
    };
    let number = |(name, value): (String, Value)| Some((name, value.as_u64()?));
    members.into_iter().filter_map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_and_met() {
        for (text, figure, expected) in [
            ("rejected>1000", 1_000, false),
            ("rejected > 1,000", 1_001, true),
            ("rejected>=1000", 1_000, true),
            ("rejected<1", 0, true),
            ("rejected<1", 1, false),
            ("rejected<=1", 1, true),
            ("rejected=7", 7, true),
            ("rejected!=7", 7, false),
        ] {
            let condition: FailOn = text.parse().unwrap();
            assert_eq!(condition.is_met(figure), expected, "{text} {figure}");
        }
        let condition: FailOn = "unparsed >= 5".parse().unwrap();
        assert_eq!(condition.to_string(), "unparsed>=5");
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text: &str| text.parse::<FailOn>().unwrap_err();
        assert!(
            error("rejectd>1").contains("close ones: rejected"),
            "{}",
            error("rejectd>1")
        );
        assert!(error("rejected>many").contains("`many`"));
        assert!(error("rejected>-1").contains("`-1`"));
        assert!(error("rejected").contains("rejected>1000"));
        assert!(error("zzzzzzzzzzzz>1").contains("there are: "));
    }

    #[test]
    fn no_two_figures_have_one_name() {
        let figures = figures(&Totals::default());
        let mut names: Vec<&String> = figures.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), figures.len());
        assert!(names.len() > 30);
    }
}

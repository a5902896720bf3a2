//! Refusals in detail: rule and class, stage, for now or for good, hour by hour.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::counts::Counts;
use super::super::finish;
use super::super::symbols::{Renumbering, Symbol, Symbols, key};

key! {
    /// A refusal in the columns of its row, and the hour since 1970.
    struct Hit {
        rule: Symbol,
        class: Symbol,
        action: &'static str,
        stage: &'static str,
        code_class: Option<u8>,
        hour: i64,
    }
}

/// Counts refusals.
#[derive(Clone, Default)]
pub(crate) struct Refused(Counts<Hit>);

/// What a refusal is counted under, but for its hour.
#[derive(Clone, Copy)]
pub(crate) struct Refusal {
    pub(crate) rule: Symbol,
    pub(crate) class: Symbol,
    pub(crate) action: &'static str,
    pub(crate) stage: &'static str,
    pub(crate) code_class: Option<u8>,
}

impl Refused {
    pub(crate) fn add(&mut self, refusal: Refusal, hour: i64) {
        let Refusal {
            rule,
            class,
            action,
            stage,
            code_class,
        } = refusal;
        let hit = Hit {
            rule,
            class,
            action,
            stage,
            code_class,
            hour,
        };
        self.0.add(hit, 1);
    }

    pub(crate) fn merge(&mut self, later: Refused, numbers: &Renumbering) {
        self.0.merge(later.0, numbers);
    }

    pub(crate) fn finish(&self, symbols: &Symbols) -> Vec<RefusedRow> {
        let mut rows: BTreeMap<_, BTreeMap<i64, u64>> = BTreeMap::new();
        for (hit, count) in self.0.iter() {
            let key = (hit.rule, hit.class, hit.action, hit.stage, hit.code_class);
            *rows.entry(key).or_default().entry(hit.hour).or_insert(0) += count;
        }
        let row = |((rule, class, action, stage, code_class), hours): (
            (Symbol, Symbol, _, _, _),
            BTreeMap<i64, u64>,
        )| RefusedRow {
            rule: symbols.text(rule),
            class: symbols.text(class),
            action,
            stage,
            code_class,
            count: hours.values().sum(),
            per_hour: hours.into_iter().collect(),
        };
        finish::sorted(rows.into_iter().map(row), |row| row.count)
    }
}

/// Refusals by one rule at one stage.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct RefusedRow {
    /// The site's own rule id, else the class.
    pub rule: String,
    /// The canonical class.
    pub class: String,
    /// `reject`, `reject_warning`, `hold`, `discard`, …
    pub action: &'static str,
    /// `connect`, `helo`, `mail`, `rcpt`, …
    pub stage: &'static str,
    /// 4 for now, 5 for good.
    pub code_class: Option<u8>,
    /// How often.
    pub count: u64,
    /// The same by hour of the log's wall clock, counted from 1970; hours without a hit are left out.
    pub per_hour: Vec<(i64, u64)>,
}

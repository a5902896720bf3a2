//! How long deliveries took, stage by stage.

use schemars::JsonSchema;
use serde::Serialize;

use super::super::histogram::Histogram;
use super::Attempt;

/// The stages of `delays=`, and the whole.
const STAGES: [&str; 5] = [
    "before_qmgr",
    "in_qmgr",
    "connection",
    "transmission",
    "total",
];

/// The stages of one direction.
type Stages = [Histogram; STAGES.len()];

/// Counts the delays of delivered mail.
#[derive(Clone, Default)]
pub(crate) struct Delays {
    outbound: Stages,
    local: Stages,
}

impl Delays {
    pub(crate) fn add(&mut self, attempt: &Attempt<'_>) {
        let stages = if attempt.is_outbound {
            &mut self.outbound
        } else {
            &mut self.local
        };
        let [before, in_qmgr, connection, transmission, total] = stages;
        total.add(attempt.delay_us);
        // Postfix up to 2.2 logs the whole alone.
        if let Some(parts) = attempt.event.delays() {
            for (stage, part) in [before, in_qmgr, connection, transmission]
                .into_iter()
                .zip(parts)
            {
                stage.add(part.micros);
            }
        }
    }

    pub(crate) fn merge(&mut self, later: &Delays) {
        let ours = self.outbound.iter_mut().chain(&mut self.local);
        for (ours, theirs) in ours.zip(later.outbound.iter().chain(&later.local)) {
            ours.merge(theirs);
        }
    }

    pub(crate) fn finish(&self) -> Vec<DelayRow> {
        let mut rows = Vec::new();
        for (direction, stages) in [("outbound", &self.outbound), ("local", &self.local)] {
            for (stage, delays) in STAGES.into_iter().zip(stages) {
                if delays.count() > 0 {
                    rows.push(row(direction, stage, delays));
                }
            }
        }
        rows
    }
}

fn row(direction: &'static str, stage: &'static str, delays: &Histogram) -> DelayRow {
    DelayRow {
        direction,
        stage,
        count: delays.count(),
        p50_us: delays.percentile(50),
        p90_us: delays.percentile(90),
        p95_us: delays.percentile(95),
        p99_us: delays.percentile(99),
        max_us: delays.max_us(),
        sum_us: delays.sum_us(),
        at_most: LIMITS_US.map(|limit| (limit, delays.at_most(limit))).into(),
    }
}

/// From a millisecond to two days: the limits that postfix_exporter has, in microseconds.
pub(super) const LIMITS_US: [u64; 9] = [
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    60_000_000,
    3_600_000_000,
    86_400_000_000,
    172_800_000_000,
];

/// The delays of one stage, over all recipients delivered; percentiles are within 2 %.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct DelayRow {
    /// `outbound` (a relay with an address) or `local`.
    pub direction: &'static str,
    /// `before_qmgr`, `in_qmgr`, `connection`, `transmission`, or `total`.
    pub stage: &'static str,
    /// How many delays.
    pub count: u64,
    /// Half of them were not longer, in microseconds.
    pub p50_us: u64,
    /// Nine tenths of them were not longer.
    pub p90_us: u64,
    /// 95 % of them were not longer.
    pub p95_us: u64,
    /// 99 % of them were not longer.
    pub p99_us: u64,
    /// The longest, exactly.
    pub max_us: u64,
    /// All of them in sum, exactly; for metrics, as the next one is.
    #[serde(skip)]
    pub sum_us: u64,
    /// How many do not exceed each of some limits, which are microseconds too.
    #[serde(skip)]
    pub at_most: Vec<(u64, u64)>,
}

//! A histogram of few, given limits: what other programs' metrics are made of.

/// How many values do not exceed each of some limits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Buckets {
    /// Ascending limits, and how many values lie between the one before and this one.
    within: Vec<(u64, u64)>,
    sum: u64,
    count: u64,
}

impl Buckets {
    /// Begins without a value.
    pub(crate) fn new(limits: &[u64]) -> Self {
        Buckets {
            within: limits.iter().map(|limit| (*limit, 0)).collect(),
            sum: 0,
            count: 0,
        }
    }

    /// Counts a value.
    pub(crate) fn add(&mut self, value: u64) {
        let within = self.within.iter_mut().find(|(limit, _)| value <= *limit);
        if let Some((_, count)) = within {
            *count += 1;
        }
        self.sum = self.sum.saturating_add(value);
        self.count += 1;
    }

    /// Adds values with the same limits.
    pub(crate) fn merge(&mut self, other: &Buckets) {
        for ((_, ours), (_, theirs)) in self.within.iter_mut().zip(&other.within) {
            *ours += theirs;
        }
        self.sum = self.sum.saturating_add(other.sum);
        self.count += other.count;
    }

    /// Limits, and how many values do not exceed each.
    pub fn at_most(&self) -> Vec<(u64, u64)> {
        let mut sum = 0;
        let mut at_most = |&(limit, count): &(u64, u64)| {
            sum += count;
            (limit, sum)
        };
        self.within.iter().map(&mut at_most).collect()
    }

    /// All values in sum.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// How many values.
    pub fn count(&self) -> u64 {
        self.count
    }
}

//! A histogram of durations that merges: percentiles within a stated error.
//!
//! Buckets are exact up to 64 us, and from there on 32 to each doubling. A value is told by the
//! middle of its bucket, which is at most 1/64 (1.6 %) off.

/// Buckets to each doubling, as a power of two.
const BITS: u32 = 5;

/// How many times each duration was seen, by bucket.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    sum_us: u64,
    max_us: u64,
}

impl Histogram {
    /// Counts a duration.
    pub(crate) fn add(&mut self, us: u64) {
        let bucket = bucket(us);
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        if let Some(count) = self.buckets.get_mut(bucket) {
            *count += 1;
        }
        self.count += 1;
        self.sum_us = self.sum_us.saturating_add(us);
        self.max_us = self.max_us.max(us);
    }

    /// Adds another part's counts.
    pub(crate) fn merge(&mut self, later: &Histogram) {
        if self.buckets.len() < later.buckets.len() {
            self.buckets.resize(later.buckets.len(), 0);
        }
        for (ours, theirs) in self.buckets.iter_mut().zip(&later.buckets) {
            *ours += theirs;
        }
        self.count += later.count;
        self.sum_us = self.sum_us.saturating_add(later.sum_us);
        self.max_us = self.max_us.max(later.max_us);
    }

    /// How many durations were counted.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// All durations in sum, exactly.
    pub(crate) fn sum_us(&self) -> u64 {
        self.sum_us
    }

    /// How many durations do not exceed a limit, as the middles of their buckets tell.
    pub(crate) fn at_most(&self, limit_us: u64) -> u64 {
        let within = |(bucket, _): &(usize, &u64)| middle(*bucket) <= limit_us;
        let buckets = self.buckets.iter().enumerate();
        buckets.take_while(within).map(|(_, count)| count).sum()
    }

    /// The longest one, exactly.
    pub(crate) fn max_us(&self) -> u64 {
        self.max_us
    }

    /// The least duration that at least `percent` of all do not exceed, within 1.6 %.
    pub(crate) fn percentile(&self, percent: u64) -> u64 {
        let rank = (u128::from(self.count) * u128::from(percent)).div_ceil(100);
        let mut seen: u128 = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += u128::from(*count);
            if seen >= rank.max(1) {
                return middle(bucket).min(self.max_us);
            }
        }
        self.max_us
    }
}

/// The bucket of a duration.
fn bucket(us: u64) -> usize {
    let doublings = (u64::BITS - us.leading_zeros()).saturating_sub(BITS + 1);
    let within = us >> doublings;
    usize::try_from((u64::from(doublings) << BITS) + within).unwrap_or(0)
}

/// The middle of a bucket.
fn middle(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let doublings = (bucket >> BITS).saturating_sub(1);
    let within = bucket - (doublings << BITS);
    let width = 1_u64 << doublings.min(58);
    within.saturating_mul(width).saturating_add((width - 1) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that spread over many orders of size, always the same ones.
    fn durations(count: u64) -> Vec<u64> {
        let mut state = 7_u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state >> 11
        };
        (0..count).map(|_| next() >> (next() % 53)).collect()
    }

    fn exact(sorted: &[u64], percent: u64) -> u64 {
        let rank = (sorted.len() as u64 * percent).div_ceil(100).max(1);
        sorted[usize::try_from(rank - 1).unwrap()]
    }

    #[test]
    fn percentiles_are_within_two_percent_of_the_exact_ones() {
        for count in [1, 2, 7, 100, 5_000] {
            let mut values = durations(count);
            let mut histogram = Histogram::default();
            values.iter().for_each(|&us| histogram.add(us));
            values.sort_unstable();
            for percent in [1, 50, 90, 95, 99, 100] {
                let (found, exact) = (histogram.percentile(percent), exact(&values, percent));
                let error = found.abs_diff(exact);
                assert!(
                    u128::from(error) * 100 <= u128::from(exact) * 2,
                    "p{percent} of {count}: {found} for {exact}"
                );
            }
            assert_eq!(histogram.max_us(), values[values.len() - 1]);
        }
    }

    #[test]
    fn every_duration_falls_into_a_bucket_near_it() {
        for us in (0..64).chain([
            64,
            65,
            127,
            128,
            1 << 20,
            (1 << 40) - 1,
            u64::MAX / 2,
            u64::MAX,
        ]) {
            let found = middle(bucket(us));
            assert!(found.abs_diff(us) <= us / 64, "{us}: {found}");
        }
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let values = durations(300);
        let of = |values: &[u64]| {
            let mut histogram = Histogram::default();
            values.iter().for_each(|&us| histogram.add(us));
            histogram
        };
        for cut in [0, 1, 150, 300] {
            let mut left = of(&values[..cut]);
            left.merge(&of(&values[cut..]));
            assert_eq!(left, of(&values), "cut at {cut}");
        }
    }

    #[test]
    fn nothing_has_percentiles_of_zero() {
        assert_eq!(Histogram::default().percentile(99), 0);
    }
}

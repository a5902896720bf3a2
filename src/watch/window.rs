//! How much there was within a time, counted in buckets.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// A window has so many buckets: it is longer than asked for by a twelfth at most.
const BUCKETS: i64 = 12;

/// A count for each bucket of time that has one, the earliest first.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Window {
    buckets: VecDeque<(i64, u64)>,
}

/// How long a bucket of a window of this length is.
pub(super) fn bucket_us(within_us: i64) -> i64 {
    (within_us / BUCKETS).max(1)
}

impl Window {
    /// Counts at a time.
    pub(super) fn add(&mut self, time_us: i64, within_us: i64, count: u64) {
        let bucket = time_us.div_euclid(bucket_us(within_us));
        // Lines come nearly in order: it is the last bucket, or near it.
        let at = self.buckets.iter().rposition(|(found, _)| *found <= bucket);
        match at.and_then(|at| self.buckets.get_mut(at)) {
            Some((found, sum)) if *found == bucket => *sum = sum.saturating_add(count),
            _ => self
                .buckets
                .insert(at.map_or(0, |at| at + 1), (bucket, count)),
        }
    }

    /// Forgets what is older than the window.
    pub(super) fn expire(&mut self, now_us: i64, within_us: i64) {
        let first = (now_us - within_us).div_euclid(bucket_us(within_us));
        let is_over = |bucket: Option<&(i64, u64)>| bucket.is_some_and(|(found, _)| *found < first);
        while is_over(self.buckets.front()) {
            self.buckets.pop_front();
        }
    }

    /// Returns how much there is.
    pub(super) fn count(&self) -> u64 {
        let counts = self.buckets.iter().map(|(_, count)| *count);
        counts.fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_within_and_forgets_what_is_over() {
        let mut window = Window::default();
        for time_us in [0, 600, 120, 1190] {
            window.add(time_us, 1200, 2);
        }
        assert_eq!(window.count(), 8);
        window.expire(1200, 1200);
        assert_eq!(window.count(), 8);
        window.expire(1300, 1200);
        assert_eq!(window.count(), 6);
        // The one that came out of order is gone by its time.
        window.expire(1500, 1200);
        assert_eq!(window.count(), 4);
        window.expire(5000, 1200);
        assert_eq!(window.count(), 0);
    }
}

//! How many different values there were within a time: exact up to 64, then about.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// So many values are kept.
const KEPT: usize = 64;

/// A sample of values by their hashes, each with when it was last seen.
///
/// As long as no more than [`KEPT`] are there, all are kept. Beyond, only those whose hash begins
/// with so many zero bits as needed; each stands for twice as many with each bit.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Distinct {
    seen_us: BTreeMap<u64, i64>,
    zero_bits: u32,
}

impl Distinct {
    /// Takes a value in.
    pub(super) fn add(&mut self, value: &[u8], time_us: i64) {
        let hash = hash(value);
        if hash.leading_zeros() < self.zero_bits {
            return;
        }
        let last_us = self.seen_us.entry(hash).or_insert(time_us);
        *last_us = time_us.max(*last_us);
        while self.seen_us.len() > KEPT {
            self.zero_bits += 1;
            let zero_bits = self.zero_bits;
            self.seen_us
                .retain(|hash, _| hash.leading_zeros() >= zero_bits);
        }
    }

    /// Forgets what was last seen before a time.
    pub(super) fn expire(&mut self, before_us: i64) {
        // This is asked at each line, and mostly nothing is over.
        if self.seen_us.values().any(|last_us| *last_us < before_us) {
            self.seen_us.retain(|_, last_us| *last_us >= before_us);
        }
        if self.seen_us.is_empty() {
            self.zero_bits = 0;
        }
    }

    /// Returns how many there are; about, if [`Distinct::is_exact`] does not say otherwise.
    pub(super) fn count(&self) -> u64 {
        let kept = u64::try_from(self.seen_us.len()).unwrap_or(u64::MAX);
        kept.saturating_mul(1_u64.checked_shl(self.zero_bits).unwrap_or(u64::MAX))
    }

    pub(super) fn is_exact(&self) -> bool {
        self.zero_bits == 0
    }
}

/// FNV-1a of one value, its bits mixed well: the same on each machine.
pub(super) fn hash(value: &[u8]) -> u64 {
    hash_of(&[value])
}

/// The same of values one after the other, none of which has a zero byte.
pub(super) fn hash_of(values: &[&[u8]]) -> u64 {
    let bytes = values.iter().flat_map(|value| value.iter().chain(&[0]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_exact_to_64_and_near_beyond() {
        let mut distinct = Distinct::default();
        for value in 0..10_000_u32 {
            distinct.add(&value.to_be_bytes(), 0);
            distinct.add(&value.to_be_bytes(), 0);
            let expected = u64::from(value) + 1;
            if expected <= 64 {
                assert_eq!((distinct.count(), distinct.is_exact()), (expected, true));
            }
        }
        assert!(!distinct.is_exact());
        assert!(
            (5_000..20_000).contains(&distinct.count()),
            "{}",
            distinct.count()
        );
    }

    #[test]
    fn forgets_what_is_over_and_is_exact_again() {
        let mut distinct = Distinct::default();
        (0..100_u32).for_each(|value| distinct.add(&value.to_be_bytes(), 5));
        distinct.add(b"a", 9);
        distinct.expire(6);
        distinct.expire(10);
        distinct.add(b"b", 10);
        assert_eq!((distinct.count(), distinct.is_exact()), (1, true));
    }
}

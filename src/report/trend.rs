//! How counts went over time, as a line of small bars: `▁▃█··▂`.

use super::clock::stamp;

/// The small bars, from the least to the highest.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// How many bars there are in a line, at most.
const WIDTH: i64 = 24;

/// Lengths of time that one bar may stand for, in hours.
const STEPS: [i64; 9] = [1, 2, 3, 6, 12, 24, 48, 168, 720];

/// The stretch of time that all lines of a table share.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Axis {
    /// The hour that the first bar begins with, counted from 1970.
    first: i64,
    /// The hours that a bar stands for.
    step: i64,
    bars: usize,
}

impl Axis {
    /// The axis of these hours; `None` if a single bar would hold them all.
    pub(crate) fn of(hours: impl Iterator<Item = i64> + Clone) -> Option<Axis> {
        let (first, last) = (hours.clone().min()?, hours.max()?);
        let bars = |step: i64| last.div_euclid(step) - first.div_euclid(step) + 1;
        let longest = *STEPS.last()?;
        let step = STEPS.into_iter().find(|step| bars(*step) <= WIDTH);
        let step = step.unwrap_or(longest);
        let bars = usize::try_from(bars(step).min(WIDTH)).ok()?;
        let first = first.div_euclid(step) * step;
        (bars > 1).then_some(Axis { first, step, bars })
    }

    /// Draws hits by hour: each line has a scale of its own.
    pub(crate) fn line(&self, hits: &[(i64, u64)]) -> String {
        let mut sums = vec![0_u64; self.bars];
        for &(hour, count) in hits {
            let bar = usize::try_from((hour - self.first).div_euclid(self.step)).unwrap_or(0);
            if let Some(sum) = sums.get_mut(bar.min(self.bars - 1)) {
                *sum = sum.saturating_add(count);
            }
        }
        let highest = sums.iter().copied().max().unwrap_or(0).max(1);
        sums.into_iter().map(|sum| bar(sum, highest)).collect()
    }

    /// Says how to read the lines.
    pub(crate) fn note(&self) -> String {
        let length = match self.step {
            1 => "an hour".to_owned(),
            24 => "a day".to_owned(),
            hours if hours % 24 == 0 => format!("{} days", hours / 24),
            hours => format!("{hours} hours"),
        };
        let first = stamp(self.first.saturating_mul(3_600_000_000));
        let first = first.strip_suffix(":00").unwrap_or(&first).to_owned();
        format!(
            "Over time: each bar is {length}, the first from {first} on; each line has its own scale."
        )
    }
}

fn bar(sum: u64, highest: u64) -> char {
    if sum == 0 {
        return '·';
    }
    let eighth = u128::from(sum) * 8 / u128::from(highest);
    let at = usize::try_from(eighth).unwrap_or(8).clamp(1, 8) - 1;
    BARS.get(at).copied().unwrap_or('█')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_hours_on_a_scale_of_their_own() {
        let axis = Axis::of([100, 104].into_iter()).unwrap();
        assert_eq!(axis.line(&[(100, 8), (101, 1), (104, 4)]), "█▁··▄");
        assert_eq!(axis.line(&[(102, 1)]), "··█··");
    }

    #[test]
    fn a_longer_time_has_longer_bars() {
        for (hours, bars, length) in [
            (23, 24, "an hour"),
            (24, 13, "2 hours"),
            (24 * 23, 24, "a day"),
        ] {
            let axis = Axis::of([0, hours].into_iter()).unwrap();
            assert_eq!(axis.line(&[]).chars().count(), bars);
            assert!(axis.note().contains(length), "{}", axis.note());
        }
        // Ten years are more than the longest step can hold: the last bar takes the rest.
        let axis = Axis::of([0, 90_000].into_iter()).unwrap();
        assert!(axis.line(&[(90_000, 1)]).ends_with('█'));
    }

    #[test]
    fn one_bar_says_nothing() {
        assert_eq!(Axis::of([7, 7].into_iter()), None);
        assert_eq!(Axis::of(std::iter::empty()), None);
    }

    #[test]
    fn the_note_names_the_first_bar() {
        // date -u -d '2026-11-21 00:00' +%s is 1795219200: hour 498672.
        let axis = Axis::of([498_672, 498_673].into_iter()).unwrap();
        assert!(
            axis.note()
                .contains("an hour, the first from 2026-11-21 00:00 on"),
            "{}",
            axis.note()
        );
    }
}

//! What only the end of a packed log tells, guessed from its beginning.
//!
//! Years are told from the end of a log, and how logs follow each other from both ends; a packed one
//! has to be unpacked to get there. Most logs are shorter than a year, and rotated ones end where the
//! next one begins: then the beginning is enough. Whoever unpacks a log that was guessed about looks
//! at all of it on the way, as a survey would have, and knows at the end whether the guess held. What
//! is to be done where it did not is **not** decided here.

use super::dating::Dating;
use super::input::Options;
use super::plan::{self, Clock, Source, Span};
use super::survey::Survey;

/// What was guessed about a log, and what all its lines together say.
pub(super) struct Guess {
    dating: Dating,
    /// When the last line was logged at the latest, for all that its file tells.
    anchor_us: i64,
    clock: Clock,
    /// When the next log begins, on the plan's clock.
    ends_by_us: i64,
    states_zone: bool,
    whole: Survey,
}

impl Guess {
    /// Tells what was guessed about a source; `None` if nothing was.
    pub(super) fn of(source: &Source, clock: Clock, options: &Options) -> Option<Self> {
        source.survey.is_guess.then(|| Guess {
            dating: source.dating,
            anchor_us: plan::anchor_us(&source.origin, options),
            clock,
            ends_by_us: source.ends_by_us,
            states_zone: source.survey.states_zone(),
            whole: Survey::empty(),
        })
    }

    /// Looks at whole lines that follow those seen so far.
    pub(super) fn see(&mut self, lines: &[u8]) {
        self.whole.see(lines);
    }

    /// Tells whether the lines so far belong before the next log: where they do not, the rest need
    /// not be read.
    pub(super) fn is_in_place(&self) -> bool {
        let span = self.whole.span(&self.dating);
        span.is_none_or(|(_, last)| self.clock.key_us(last) <= self.ends_by_us)
    }

    /// Tells whether all lines say what the beginning said.
    pub(super) fn held(&self) -> bool {
        self.whole.turns.first_year(self.anchor_us) == self.dating.year()
            && self.whole.states_zone() == self.states_zone
            && self.is_in_place()
    }
}

/// Tells whether logs, as far as they were looked at, follow each other, so that all that was guessed
/// may be right; and notes with each by when it has to end. They are in the order of their first lines.
pub(super) fn may_hold(sources: &mut [Source]) -> bool {
    if sources.len() < 2 || !sources.iter().any(|source| source.survey.is_guess) {
        return true;
    }
    for at in 1..sources.len() {
        if let Some([earlier, later]) = sources.get_mut(at - 1..=at) {
            if !ends_before(earlier, later) {
                return false;
            }
            earlier.ends_by_us = later.span.map_or(i64::MAX, |span| span.first_us);
        }
    }
    true
}

/// Tells whether a log ends before another one begins, or, where its end was not looked at, may do so.
///
/// Both may have lines of one second, as rotated logs do, if neither is merged with the other for it
/// nor taken for its copy: the same programs log into both, and for longer than that.
fn ends_before(earlier: &Source, later: &Source) -> bool {
    let (Some(span), Some(later_span)) = (earlier.span, later.span) else {
        // Those without a stamp come last.
        return later.span.is_none();
    };
    let lasts = |span: Span| span.first_us < span.last_us;
    let may_meet =
        lasts(span) && lasts(later_span) && !earlier.survey.tags.is_disjoint(&later.survey.tags);
    if may_meet {
        span.last_us <= later_span.first_us
    } else {
        !earlier.survey.is_guess && span.last_us < later_span.first_us
    }
}

#[cfg(test)]
#[path = "guess_tests.rs"]
mod tests;

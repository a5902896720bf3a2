//! Makes chunks of lines as they come: what dates them, and the line above them.

use std::time::Instant;

use super::state::LogState;
use crate::source::chunk::{Chunk, SourceId};
use crate::source::dating::{Dating, YearWalk};
use crate::source::input::Options;
use crate::source::survey::Survey;
use crate::source::{plan, tied};

/// What of the lines so far those to come need.
pub(super) struct Dated {
    dating: Option<Dating>,
    /// The last line, for one that says that it was logged again.
    above: Vec<u8>,
    options: Options,
    started: Instant,
}

impl Dated {
    /// Begins before the first line; without `dating` that is logged just now at the latest.
    pub(super) fn new(dating: Option<Dating>, options: &Options) -> Self {
        Dated {
            dating,
            above: Vec::new(),
            options: options.clone(),
            started: Instant::now(),
        }
    }

    /// Goes on where an earlier one was.
    pub(super) fn resume(state: &LogState, options: &Options) -> Self {
        let dating = state.years.map(|years| Dating::of_years(years, options.tz));
        Dated {
            above: state.above.clone(),
            ..Self::new(dating, options)
        }
    }

    /// Notes what is needed to go on.
    pub(super) fn note(&self, state: &mut LogState) {
        state.years = self.dating.map(|dating| dating.years);
        state.above.clone_from(&self.above);
    }

    /// Dates the lines that come next, which will be asked for later.
    pub(super) fn look_ahead(&mut self, lines: &[u8]) -> Chunk {
        let dating = self.dating.unwrap_or_else(|| self.dating_of(lines));
        self.dating = Some(dating);
        Chunk::new(lines.to_vec(), dating, SourceId(0)).below(self.above.clone())
    }

    pub(super) fn chunk(&mut self, lines: Vec<u8>) -> Chunk {
        let dating = self.dating.unwrap_or_else(|| self.dating_of(&lines));
        let mut years: YearWalk = dating.years;
        years.skip(&lines);
        self.dating = Some(Dating { years, ..dating });
        let above = self.above.clone();
        if let Some(last) = tied::last_with_parts(&lines) {
            self.above.clear();
            self.above.extend_from_slice(last);
        }
        Chunk::new(lines, dating, SourceId(0)).below(above)
    }

    /// Dates the first lines: they were logged just now at the latest.
    fn dating_of(&self, lines: &[u8]) -> Dating {
        let waited_us = i64::try_from(self.started.elapsed().as_micros()).unwrap_or(0);
        let now_us = self.options.now_us().saturating_add(waited_us);
        let now_us = plan::wall_us(now_us, self.options.tz);
        let stated = self.options.first_year();
        let year = stated.unwrap_or_else(|| Survey::of_lines(lines).turns.first_year(now_us));
        Dating::from_year(year, self.options.tz)
    }
}

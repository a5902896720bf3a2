//! An event as rules see it: the line, its time, and where it stands.

use std::sync::Arc;

use mailtally_parsers::Problem;

use crate::export::Line;
use crate::source::{Place, WallTime};

/// Bytes of a line that an alert shows.
const SAMPLE_BYTES: usize = 300;

/// A line with its event.
pub struct Observed<'a> {
    /// The line.
    pub line: Line<'a>,
    /// The line as it was read.
    pub raw: &'a [u8],
    /// When it was logged.
    pub time: WallTime,
    /// Where it begins, if it is of a followed file.
    pub place: Option<Place>,
}

impl Observed<'_> {
    pub(super) fn problem(&self) -> Option<&'static str> {
        let problem = Problem::of(&self.line.event, self.line.record.message);
        problem.map(Problem::name)
    }

    /// Returns the line, cut if it is long.
    pub(super) fn sample(&self) -> Arc<str> {
        let raw = self.raw.get(..SAMPLE_BYTES).unwrap_or(self.raw);
        // Most lines are text: looking at whether they are is much faster than mending them.
        match std::str::from_utf8(raw) {
            Ok(text) => text.trim_end().into(),
            Err(_) => String::from_utf8_lossy(raw).trim_end().into(),
        }
    }
}

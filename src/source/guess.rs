//! The year of a packed log's first line, guessed from its beginning.
//!
//! Years are told from the end of a log, and a packed one has to be unpacked to get there. Most logs
//! are shorter than a year: then the beginning tells the same as the end. Whoever unpacks a log whose
//! year was guessed looks at all stamps on the way and knows at the end whether that held. What is to
//! be done where it did not is **not** decided here.

use super::dating::{Turns, stamps_of_text};

/// A year that was guessed, and what all lines together say.
pub(super) struct GuessedYear {
    year: i32,
    /// When the last line was logged at the latest.
    anchor_us: i64,
    turns: Turns,
}

impl GuessedYear {
    /// Begins before the first line.
    pub(super) fn new(year: i32, anchor_us: i64) -> Self {
        GuessedYear {
            year,
            anchor_us,
            turns: Turns::new(),
        }
    }

    /// Looks at whole lines that follow those seen so far.
    pub(super) fn see(&mut self, lines: &[u8]) {
        for stamp in stamps_of_text(lines) {
            self.turns.see(&stamp);
        }
    }

    /// Tells whether all lines say what the beginning said.
    pub(super) fn held(&self) -> bool {
        self.turns.first_year(self.anchor_us) == self.year
    }
}

#[cfg(test)]
#[path = "guess_tests.rs"]
mod tests;

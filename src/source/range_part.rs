//! The part of a plain file that a range is in, found by bisecting on stamps.
//!
//! A part begins at a line that is 65 minutes before the range, and ends at one that is 65 minutes
//! behind it. Every line before the one and from the other on is then outside of the range, as long
//! as stamps run backwards by no more than that. Where the lines that were looked at contradict
//! this, there is no part: the file is read whole.

use std::fs::File;
use std::io;
use std::ops::Range;

use super::dating::{Dater, Dating, YearWalk};
use super::range::{DISORDER_US, Side, TimeRange};
use super::range_places::{MOST_APART_BYTES, NARROW_BYTES, Place, find_place};
use super::wall_time::WallTime;

/// What was found out about a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Found {
    /// The range is in these bytes; an open end is that of the file. The first line is dated so.
    Part { bytes: Range<u64>, dating: Dating },
    /// No line is in the range, or near it.
    Nothing,
    /// Stamps run backwards too far before this line.
    Disorder(Place),
}

/// Finds the part of a file of so many bytes, of which some places are known.
pub(super) fn find_part(
    file: &File,
    bytes: u64,
    places: &[Place],
    dating: Dating,
    range: TimeRange,
) -> io::Result<Found> {
    let mut bisection = Bisection {
        file,
        bytes,
        range,
        dating,
        known: Vec::with_capacity(places.len() + 64),
    };
    for place in places {
        bisection.learn(*place);
    }
    let start = bisection.find_start()?;
    let end = bisection.find_end()?;
    bisection.look_around(
        start.map_or(0, |start| start.place.at),
        end.unwrap_or(bytes),
    )?;
    if let Some(place) = bisection.find_disorder() {
        return Ok(Found::Disorder(place));
    }
    let last = bisection.known.last().map(|last| last.place);
    if end == Some(0) || start.is_some_and(|start| Some(start.place) == last) {
        return Ok(Found::Nothing);
    }
    let (start, dating) = match start {
        Some(known) => (known.place.at, dating.starting_in(known.years.year())),
        None => (0, dating),
    };
    Ok(Found::Part {
        bytes: start..end.unwrap_or(u64::MAX),
        dating,
    })
}

struct Bisection<'f> {
    file: &'f File,
    bytes: u64,
    range: TimeRange,
    /// Dates the first line.
    dating: Dating,
    /// What was looked at, in the order of the file.
    known: Vec<Known>,
}

/// A line that was looked at.
#[derive(Clone, Copy, Debug)]
struct Known {
    place: Place,
    time: WallTime,
    /// The years behind its stamp.
    years: YearWalk,
}

impl Bisection<'_> {
    /// Dates a line by the nearest one known above it.
    fn learn(&mut self, place: Place) -> Known {
        let position = self
            .known
            .partition_point(|known| known.place.at < place.at);
        let above = position
            .checked_sub(1)
            .and_then(|above| self.known.get(above));
        let mut dater = Dater::new(&Dating {
            years: above.map_or(self.dating.years, |above| above.years),
            ..self.dating
        });
        let known = Known {
            place,
            time: dater.wall_time(&place.stamp),
            years: dater.years,
        };
        match self.known.get_mut(position) {
            Some(same) if same.place.at == place.at => *same = known,
            _ => self.known.insert(position, known),
        }
        known
    }

    fn side_of(&self, known: &Known) -> Side {
        self.range.side_of(known.time, DISORDER_US)
    }

    /// Finds the last line that is far enough before the range; `None` stands for the beginning.
    fn find_start(&mut self) -> io::Result<Option<Known>> {
        let is_before = |known: &Known| self.side_of(known) == Side::Before;
        let Some(position) = self.known.iter().rposition(is_before) else {
            return Ok(None);
        };
        let mut start = self.known.get(position).copied();
        let next = self.known.get(position + 1).map(|next| next.place.at);
        let mut low = start.map_or(0, |start| start.place.at);
        let mut high = next.unwrap_or(self.bytes);
        while high.saturating_sub(low) > NARROW_BYTES {
            let middle = low + (high - low) / 2;
            match self.look_at(middle, high)? {
                Some(known) if self.side_of(&known) == Side::Before => {
                    low = known.place.at;
                    start = Some(known);
                }
                _ => high = middle,
            }
        }
        Ok(start)
    }

    /// Finds the first line that is far enough behind the range; `None` stands for the end.
    fn find_end(&mut self) -> io::Result<Option<u64>> {
        let is_after = |known: &Known| self.side_of(known) == Side::After;
        let Some(position) = self.known.iter().position(is_after) else {
            return Ok(None);
        };
        let at = |position: usize| self.known.get(position).map(|known| known.place.at);
        let mut end = at(position);
        let mut low = position.checked_sub(1).and_then(at).unwrap_or(0);
        let mut high = end.unwrap_or(self.bytes);
        while high.saturating_sub(low) > NARROW_BYTES {
            let middle = low + (high - low) / 2;
            match self.look_at(middle, high)? {
                Some(known) if self.side_of(&known) == Side::After => {
                    high = middle;
                    end = Some(known.place.at);
                }
                Some(known) => low = known.place.at,
                None => high = middle,
            }
        }
        Ok(end)
    }

    /// Looks at lines before and behind the part, further and further away from it: stamps that run
    /// backwards there are what would make lines of the range lie outside of it.
    fn look_around(&mut self, start: u64, end: u64) -> io::Result<()> {
        let mut apart = NARROW_BYTES;
        while apart < MOST_APART_BYTES {
            if let Some(before) = start.checked_sub(apart) {
                self.look_at(before, start)?;
            }
            if let Some(behind) = end.checked_add(apart).filter(|at| *at < self.bytes) {
                self.look_at(behind, self.bytes)?;
            }
            apart *= 2;
        }
        Ok(())
    }

    fn look_at(&mut self, from: u64, to: u64) -> io::Result<Option<Known>> {
        let place = find_place(self.file, from, to)?;
        Ok(place.map(|place| self.learn(place)))
    }

    /// Finds a line that is too far before one that stands above it.
    ///
    /// Instants are held against instants, wall clocks against wall clocks.
    fn find_disorder(&self) -> Option<Place> {
        let mut latest_us = [i64::MIN; 2];
        for known in &self.known {
            let (us, is_instant) = self.range.key(known.time);
            let [wall_us, instant_us] = &mut latest_us;
            let latest_us = if is_instant { instant_us } else { wall_us };
            if us < latest_us.saturating_sub(DISORDER_US) {
                return Some(known.place);
            }
            *latest_us = us.max(*latest_us);
        }
        None
    }
}

//! A first look at a log: its span, its years, its hosts.
//!
//! Of a file whose lines state their years only the two ends are read. Years are found by walking
//! back from the last line, so of a log without them a place in each stretch is read too, and the
//! whole stretch where the days at its two ends differ. That misses a new year only where a whole
//! year's lines, to the day, fit into one stretch.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use mailtally_parsers::{Record, Timestamp};

use super::block::BlockReader;
use super::chunk::{Pool, split_lines};
use super::container::{Loaded, Unwrapped};
use super::dating::{Dater, Dating, Turns};
use super::open::{LogFile, Origin};
use super::problem::SourceError;
use super::progress::Progress;
use super::range_places::Place;
use super::read_part::read_at;
use super::wall_time::WallTime;

/// How much of an end is read to find its first or last stamp, and the hosts that log.
const END_BYTES: u64 = 256 << 10;
/// How far apart the places are that are read between the ends of a log, and of a part of one.
pub(super) const STRETCH_BYTES: u64 = 256 << 10;
/// How much is read at such a place; where no line begins in it, the stretch before it is read whole.
const PLACE_BYTES: u64 = 2 << 10;
/// The hosts and tags of so many first lines are all looked at, later ones now and then.
const CLOSE_LINES: u64 = 1000;
const CLOSE_STRIDE: u64 = 61;

/// What has to be known before the lines are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need {
    /// The last stamp and the hosts: there are other inputs, to be ordered or merged with.
    pub(super) end: bool,
    /// The year of the first line, if it does not state it.
    pub(super) year: bool,
    /// All that of a packed file may be guessed from its beginning.
    pub(super) may_guess: bool,
    /// A range will be looked for in a plain file of at least so many bytes.
    pub(super) range_from_bytes: Option<u64>,
}

/// What a first look found.
#[derive(Debug)]
pub(super) struct Survey {
    first: Option<Stamped>,
    last: Option<Stamped>,
    pub(super) turns: Turns,
    /// The hosts that log; the empty one stands for Dovecot's own log file.
    pub(super) hosts: BTreeSet<Vec<u8>>,
    /// The tags under which they log.
    pub(super) tags: BTreeSet<Vec<u8>>,
    looked_at: u64,
    /// How many bytes there are unpacked, if that is known.
    pub(super) unpacked_bytes: Option<u64>,
    /// Whether the last line was reached.
    pub(super) saw_end: bool,
    /// Whether more was asked for than the beginning tells, and only that was looked at.
    pub(super) is_guess: bool,
    /// Whether the beginning holds a NUL, which no text has.
    pub(super) has_nul: bool,
    /// Where stamps were seen in a file in which a range will be looked for, in order.
    pub(super) places: Vec<Place>,
    lines: u64,
    /// The traditional stamp of the line above with its blank, if that had one.
    above: [u8; 16],
    unwrapped: Unwrapped,
}

/// A stamp, and how many years after the first line it was logged.
#[derive(Clone, Copy, Debug)]
struct Stamped {
    stamp: Timestamp,
    turns: i32,
}

impl Survey {
    /// Looks at an input.
    ///
    /// Damage on the way is no error here: it shows again when the lines are read.
    pub(super) fn of(
        origin: &mut Origin,
        need: Need,
        read_ahead_bytes: usize,
    ) -> Result<Self, SourceError> {
        let mut survey = Survey::empty();
        match origin {
            Origin::File(file) if file.packer.is_some() => survey.look_at_packed(file, need)?,
            Origin::File(file) => survey.look_at_file(file, need)?,
            Origin::Stream { .. } => survey.look_at_stream(origin, need, read_ahead_bytes),
        }
        Ok(survey)
    }

    /// Begins before the first line.
    pub(super) fn empty() -> Self {
        Survey {
            first: None,
            last: None,
            turns: Turns::new(),
            hosts: BTreeSet::new(),
            tags: BTreeSet::new(),
            looked_at: 0,
            unpacked_bytes: None,
            saw_end: false,
            is_guess: false,
            has_nul: false,
            places: Vec::new(),
            lines: 0,
            above: [0; 16],
            unwrapped: Unwrapped::default(),
        }
    }

    /// Makes the survey of lines at hand.
    pub(super) fn of_lines(bytes: &[u8]) -> Self {
        let mut survey = Survey::empty();
        survey.see(bytes);
        survey
    }

    /// Tells whether there is nothing between the two ends that has to be known.
    fn needs_only_its_beginning(&self, need: Need) -> bool {
        !need.end && (!need.year || self.first.is_some_and(|first| first.stamp.year.is_some()))
    }

    fn look_at_file(&mut self, file: &LogFile, need: Need) -> Result<(), SourceError> {
        let handle = File::open(&file.path)?;
        self.unpacked_bytes = Some(file.bytes);
        let range_from_bytes = need.range_from_bytes;
        if range_from_bytes.is_some_and(|bytes| file.bytes >= bytes) {
            return Ok(self.look_at_places(&handle, file.bytes, need)?);
        }
        let head = read_at(&handle, 0, END_BYTES.min(file.bytes))?;
        let whole = file.bytes <= END_BYTES;
        self.has_nul = memchr::memchr(0, &head).is_some();
        self.see(if whole { &head } else { whole_lines(&head) });
        self.saw_end = whole;
        if whole || self.needs_only_its_beginning(need) {
            return Ok(());
        }
        let (head_end, tail_start) = (self.looked_at, file.bytes - END_BYTES);
        if tail_start <= head_end {
            let rest = read_at(&handle, head_end, file.bytes - head_end)?;
            self.see(&rest);
        } else {
            // A byte earlier: if that is a line end, the first line of the tail is whole.
            let tail = read_at(&handle, tail_start - 1, END_BYTES + 1)?;
            let tail = behind_first_line_end(&tail);
            if !self.states_years() || !Survey::of_lines(tail).states_years() {
                self.see_middle(&handle, head_end..tail_start)?;
            }
            self.see(tail);
        }
        self.saw_end = true;
        Ok(())
    }

    fn states_years(&self) -> bool {
        let has_year = |seen: Option<Stamped>| seen.is_some_and(|seen| seen.stamp.year.is_some());
        has_year(self.first) && has_year(self.last)
    }

    /// Counts the new years between the two ends.
    fn see_middle(&mut self, handle: &File, middle: Range<u64>) -> io::Result<()> {
        let Range { mut start, end } = middle;
        while start < end {
            let next = end.min(start + STRETCH_BYTES);
            let is_last = next == end;
            if !is_last && self.is_of_this_day(&read_at(handle, next, PLACE_BYTES)?) {
                start = next;
                continue;
            }
            // A byte earlier: if that is a line end, the first line is whole.
            let stretch = read_at(handle, start - 1, next + 1 - start)?;
            let kept = if is_last {
                &stretch
            } else {
                whole_lines(&stretch)
            };
            self.see(behind_first_line_end(kept));
            let is_cut = kept.len() < stretch.len() && kept.len() > 1;
            start = if is_cut {
                start - 1 + kept.len() as u64
            } else {
                next
            };
        }
        Ok(())
    }

    /// Tells whether the first stamp at a place is of the day of the last stamp seen.
    fn is_of_this_day(&self, place: &[u8]) -> bool {
        let mut lines = split_lines(whole_lines(behind_first_line_end(place)));
        let stamp = lines.find_map(Timestamp::of_line);
        let day = |stamp: Timestamp| (stamp.year, stamp.month, stamp.day);
        let last = self.last.map(|last| day(last.stamp));
        last.is_some() && stamp.map(day) == last
    }

    /// A packed file has no end to jump to: it is unpacked once for the survey if need be.
    fn look_at_packed(&mut self, file: &LogFile, need: Need) -> Result<(), SourceError> {
        let mut head = Vec::new();
        // An error here comes again when the file is read.
        let _ = file
            .open(&Progress::default())?
            .take(END_BYTES)
            .read_to_end(&mut head);
        let is_whole = u64::try_from(head.len()).unwrap_or(0) < END_BYTES;
        let mut beginning = Survey::empty();
        beginning.see(if is_whole { &head } else { whole_lines(&head) });
        let is_enough = is_whole || beginning.needs_only_its_beginning(need);
        if is_enough || need.may_guess && beginning.has_stamps() {
            *self = beginning;
            self.saw_end = is_whole;
            self.is_guess = !is_enough;
            self.has_nul = memchr::memchr(0, &head).is_some();
            self.unpacked_bytes = u64::try_from(head.len()).ok().filter(|_| is_whole);
            return Ok(());
        }
        self.unpacked_bytes = Some(self.see_all(file.open(&Progress::default())?));
        self.saw_end = true;
        Ok(())
    }

    fn look_at_stream(&mut self, origin: &mut Origin, need: Need, read_ahead_bytes: usize) {
        let end_bytes = usize::try_from(END_BYTES).unwrap_or(usize::MAX);
        for bytes in [end_bytes.min(read_ahead_bytes), read_ahead_bytes] {
            let is_whole = origin.read_ahead(bytes);
            let Origin::Stream { head, .. } = origin else {
                return;
            };
            *self = Survey::of_lines(if is_whole { head } else { whole_lines(head) });
            self.saw_end = is_whole;
            self.has_nul = memchr::memchr(0, head).is_some();
            if is_whole || self.needs_only_its_beginning(need) {
                return;
            }
        }
    }

    /// Goes through all lines of a stream; returns how many bytes there are.
    fn see_all(&mut self, reader: Box<dyn Read + Send>) -> u64 {
        let block_bytes = usize::try_from(END_BYTES).unwrap_or(1 << 20);
        let mut blocks = BlockReader::new(
            reader,
            &Arc::new(Pool::default()),
            block_bytes,
            16 * block_bytes,
        );
        while let Some(block) = blocks.next_block() {
            self.see(&block);
        }
        blocks.read_bytes
    }

    /// Goes through whole lines that follow those seen so far.
    pub(super) fn see(&mut self, bytes: &[u8]) {
        self.looked_at += u64::try_from(bytes.len()).unwrap_or(0);
        for line in split_lines(bytes) {
            self.see_line(line);
        }
    }

    /// Goes through lines, and remembers the places of the first and the last one with a stamp.
    pub(super) fn see_at(&mut self, bytes: &[u8], mut at: u64) {
        let mut seen = [None; 2];
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let stamp = self.see_line(line.strip_suffix(b"\n").unwrap_or(line));
            if let Some(stamp) = stamp {
                let place = Some(Place { at, stamp });
                seen = [seen[0].or(place), place];
            }
            at = at.saturating_add(u64::try_from(line.len()).unwrap_or(0));
        }
        for place in seen.into_iter().flatten() {
            if self.places.last().is_none_or(|last| last.at < place.at) {
                self.places.push(place);
            }
        }
    }

    /// Takes a line into account, and returns its stamp.
    fn see_line(&mut self, line: &[u8]) -> Option<Timestamp> {
        let is_looked_at_closely =
            self.lines < CLOSE_LINES || self.lines.is_multiple_of(CLOSE_STRIDE);
        self.lines += 1;
        if !is_looked_at_closely && line.first_chunk() == Some(&self.above) {
            // It says what the line above said.
            return self.last.map(|last| last.stamp);
        }
        self.above = [0; 16];
        let seen = if let Some(loaded) = self.unwrapped.load(line) {
            let Loaded::Line(stamp) = loaded else {
                return None;
            };
            if let Some(record) = self.unwrapped.record() {
                insert(&mut self.hosts, record.host);
                insert(&mut self.tags, record.tag.text);
            }
            Stamped { stamp, turns: 0 }
        } else {
            let stamp = Timestamp::of_line(line)?;
            if is_looked_at_closely && let Some(record) = Record::parse(line) {
                insert(&mut self.hosts, record.host);
                insert(&mut self.tags, record.tag.text);
            }
            if let Some(text @ [b'A'..=b'Z', .., b' ']) = line.first_chunk::<16>() {
                self.above = *text;
            }
            Stamped {
                stamp,
                turns: self.turns.see(&stamp),
            }
        };
        self.first.get_or_insert(seen);
        self.last = Some(seen);
        Some(seen.stamp)
    }

    /// Tells whether the log begins with a line that does not state its year.
    pub(super) fn lacks_year(&self) -> bool {
        self.first.is_some_and(|first| first.stamp.year.is_none())
    }

    /// Tells whether any line has a time stamp.
    pub(super) fn has_stamps(&self) -> bool {
        self.first.is_some()
    }

    /// Tells whether this is something else than a log.
    pub(super) fn is_binary(&self) -> bool {
        self.has_nul && self.first.is_none()
    }

    /// Tells whether every stamp that was looked at is an instant or has an offset.
    pub(super) fn states_zone(&self) -> bool {
        let states_zone = |seen: Option<Stamped>| {
            seen.is_some_and(|seen| seen.stamp.zone != mailtally_parsers::Zone::Unstated)
        };
        states_zone(self.first) && states_zone(self.last)
    }

    /// Returns the years in which lines may have been logged.
    pub(super) fn years(&self, dating: &Dating) -> RangeInclusive<i32> {
        let turns = self.last.map_or(0, |last| last.turns);
        let last = dating.year().saturating_add(turns);
        dating.year().min(last)..=dating.year().max(last)
    }

    /// Returns the times of the first and the last line.
    pub(super) fn span(&self, dating: &Dating) -> Option<(WallTime, WallTime)> {
        let at = |seen: Stamped| {
            let year = dating.year().saturating_add(seen.turns);
            Dater::new(&Dating::from_year(year, dating.tz)).wall_time(&seen.stamp)
        };
        Some((at(self.first?), at(self.last?)))
    }
}

fn insert(names: &mut BTreeSet<Vec<u8>>, name: &[u8]) {
    if !names.contains(name) {
        names.insert(name.to_vec());
    }
}

/// Leaves out a last line without line end: the rest of it was not read.
pub(super) fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = memchr::memrchr(b'\n', bytes).map_or(0, |end| end + 1);
    bytes.get(..end).unwrap_or(b"")
}

/// Leaves out a first line whose beginning was not read.
pub(super) fn behind_first_line_end(bytes: &[u8]) -> &[u8] {
    let start = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1);
    bytes.get(start..).unwrap_or(b"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Input;

    /// A look at a file's ends and some places finds what a look at all of it does.
    fn agrees_with_a_full_look(lines: usize, filler: usize, has_line_end: bool) {
        let stamps = ["Dec 30", "Dec 31", "Jan  1", "Feb  2", "Dec 29", "Jan  3"];
        let line = |at: usize| {
            let stamp = stamps[at * stamps.len() / lines];
            format!(
                "{stamp} 00:00:00 mx{} a[1]: {at} {}\n",
                at % 2,
                "x".repeat(filler)
            )
        };
        let mut text: String = (0..lines).map(line).collect();
        if !has_line_end {
            text.pop();
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &text).unwrap();
        let mut origin = Origin::find(&Input::File(file.path().into())).unwrap();
        let need = Need {
            end: true,
            year: true,
            may_guess: false,
            range_from_bytes: None,
        };
        let found = Survey::of(&mut origin, need, 0).unwrap();
        let expected = Survey::of_lines(text.as_bytes());
        let dating = Dating::from_year(2026, None);
        assert_eq!(
            found.span(&dating),
            expected.span(&dating),
            "{} bytes",
            text.len()
        );
        assert_eq!(found.hosts, expected.hosts);
        assert!(found.lines <= expected.lines, "no line is looked at twice");
        assert!(found.saw_end);
    }

    #[test]
    fn finds_both_ends_of_files_of_any_size() {
        for kilobytes in [1, 1000, 1020, 1030, 1500, 2040, 2060, 3100, 5000, 12000] {
            for has_line_end in [true, false] {
                agrees_with_a_full_look(kilobytes, 1000, has_line_end);
            }
        }
    }
}

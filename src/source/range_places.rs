//! A first look at a plain file of which only a range is wanted: its two ends, and a place every
//! few megabytes.
//!
//! The years of stamps without one are found by walking over what was seen, so a new year is
//! missed only where a whole year's lines, to the day, fit between two places. A 29 February that
//! lies between two of them is looked for, since it tells leap years.

use std::fs::File;
use std::io;

use mailtally_parsers::Timestamp;

use super::container::Unwrapped;
use super::dating;
use super::read_part::read_at;
use super::survey::{Need, Survey, behind_first_line_end, whole_lines};

/// How much of an end is read: enough to know the hosts and tags, where there are other inputs.
const END_BYTES: u64 = 64 << 10;
/// How much is read where there are none; less of a file that is smaller than a gigabyte.
const LEAST_END_BYTES: u64 = 4 << 10;
const FILE_BY_END: u64 = 1 << 14;
/// How far apart places are at most; a year of a log with years left out is taken to be longer.
pub(super) const MOST_APART_BYTES: u64 = 4 << 20;
/// So many places at least, unless they would touch each other.
const LEAST_PLACES: u64 = 8;
/// How much is read at a place at first: some lines.
const PLACE_BYTES: u64 = 512;
/// How much longer the next look is where no stamp was found.
const GROWTH: u64 = 4;
/// A stamp that is further away is not looked for.
const MOST_BYTES: u64 = 1 << 20;
/// What is narrower than this is read as a whole.
pub(super) const NARROW_BYTES: u64 = 4 << 10;

/// Where a line with a stamp begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// How many bytes stand before it.
    pub(super) at: u64,
    pub(super) stamp: Timestamp,
}

impl Survey {
    /// Looks at the two ends of a file and at places between.
    pub(super) fn look_at_places(&mut self, file: &File, bytes: u64, need: Need) -> io::Result<()> {
        self.saw_end = true;
        let end_bytes = match need.end {
            true => END_BYTES,
            false => (bytes / FILE_BY_END).clamp(LEAST_END_BYTES, END_BYTES),
        };
        let Some((head, tail)) = ends(file, bytes, end_bytes)? else {
            let all = read_at(file, 0, bytes)?;
            self.has_nul = memchr::memchr(0, &all).is_some();
            self.see_at(&all, 0);
            return Ok(());
        };
        self.has_nul = memchr::memchr(0, &head).is_some();
        self.see_at(&head, 0);
        let apart = (bytes / LEAST_PLACES).clamp(NARROW_BYTES, MOST_APART_BYTES);
        let mut at = u64::try_from(head.len()).unwrap_or(0);
        while at < tail.at {
            self.see_place(file, at, tail.at)?;
            at = at.saturating_add(apart);
        }
        self.look_for_leap_day(file, first_stamp(&tail), tail.at)?;
        self.see_at(&tail.bytes, tail.at);
        Ok(())
    }

    /// Looks at some lines of a place, one with a stamp among them if there is any nearby.
    fn see_place(&mut self, file: &File, at: u64, end: u64) -> io::Result<()> {
        let mut bytes = PLACE_BYTES;
        loop {
            let to_end = end.saturating_sub(at);
            let mut lines = read_lines(file, at, bytes.min(to_end))?;
            lines.bytes.truncate(whole_lines(&lines.bytes).len());
            let stamp = first_stamp(&lines);
            if stamp.is_none() && bytes < MOST_BYTES.min(to_end) {
                bytes = bytes.saturating_mul(GROWTH);
                continue;
            }
            self.look_for_leap_day(file, stamp, at)?;
            self.see_at(&lines.bytes, lines.at);
            return Ok(());
        }
    }

    /// Looks at the lines of a 29 February that lies between the last place and the next one.
    fn look_for_leap_day(
        &mut self,
        file: &File,
        next: Option<Timestamp>,
        to: u64,
    ) -> io::Result<()> {
        let (Some(before), Some(next)) = (self.places.last().copied(), next) else {
            return Ok(());
        };
        if !dating::may_hide_leap_day(&before.stamp, &next) {
            return Ok(());
        }
        let (mut low, mut high) = (before.at, to);
        while high.saturating_sub(low) > NARROW_BYTES {
            let middle = low + (high - low) / 2;
            match find_place(file, middle, high)? {
                Some(place) if dating::is_before_leap_day(&before.stamp, &place.stamp) => {
                    low = place.at;
                }
                _ => high = middle,
            }
        }
        // Not beyond the next place: lines that are seen twice look like another year.
        let from = low.saturating_add(1);
        let bytes = to.saturating_sub(from).min(2 * NARROW_BYTES);
        let mut lines = read_lines(file, from, bytes)?;
        lines.bytes.truncate(whole_lines(&lines.bytes).len());
        self.see_at(&lines.bytes, lines.at);
        Ok(())
    }
}

/// Reads both ends of a file, long enough to hold a stamp; `None` where they meet.
fn ends(file: &File, bytes: u64, end_bytes: u64) -> io::Result<Option<(Vec<u8>, Lines)>> {
    let mut end_bytes = end_bytes.min(bytes / 4).max(1);
    while end_bytes.saturating_mul(2) < bytes {
        let mut head = read_lines(file, 0, end_bytes)?;
        head.bytes.truncate(whole_lines(&head.bytes).len());
        let tail = read_lines(file, bytes - end_bytes, end_bytes)?;
        let have_stamps = first_stamp(&head).is_some() && first_stamp(&tail).is_some();
        if have_stamps || end_bytes >= MOST_BYTES {
            return Ok(Some((head.bytes, tail)));
        }
        end_bytes = end_bytes.saturating_mul(GROWTH);
    }
    Ok(None)
}

/// Lines of a file, the last one perhaps cut, and where they begin.
struct Lines {
    at: u64,
    bytes: Vec<u8>,
}

/// Reads so many bytes from a place on, without the rest of a line that began before it.
fn read_lines(file: &File, at: u64, bytes: u64) -> io::Result<Lines> {
    let Some(before) = at.checked_sub(1) else {
        let bytes = read_at(file, 0, bytes)?;
        return Ok(Lines { at: 0, bytes });
    };
    // A byte earlier: if that is a line end, the first line is whole.
    let read = read_at(file, before, bytes.saturating_add(1))?;
    let lines = behind_first_line_end(&read);
    let skipped = read.len() - lines.len();
    Ok(Lines {
        at: before.saturating_add(u64::try_from(skipped).unwrap_or(0)),
        bytes: lines.to_vec(),
    })
}

fn first_stamp(lines: &Lines) -> Option<Timestamp> {
    first_place(lines, &mut Unwrapped::default()).map(|place| place.stamp)
}

/// Finds the first line with a stamp. The stamp of a line that is cut is known if there is
/// something behind it; that of a container only when it is whole.
fn first_place(lines: &Lines, unwrapped: &mut Unwrapped) -> Option<Place> {
    let mut at = lines.at;
    for line in lines.bytes.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        if let Some(stamp) = dating::stamp_of_line(text, unwrapped) {
            return Some(Place { at, stamp });
        }
        at = at.saturating_add(u64::try_from(line.len()).unwrap_or(0));
    }
    None
}

/// Finds the first line with a stamp that begins in this part of a file; `None` also where it is
/// too far away.
pub(super) fn find_place(file: &File, from: u64, to: u64) -> io::Result<Option<Place>> {
    let mut bytes = PLACE_BYTES;
    let mut unwrapped = Unwrapped::default();
    loop {
        let lines = read_lines(file, from, bytes)?;
        match first_place(&lines, &mut unwrapped) {
            Some(place) => return Ok((place.at < to).then_some(place)),
            None if bytes >= MOST_BYTES.min(to.saturating_sub(from)) => return Ok(None),
            None => bytes = bytes.saturating_mul(GROWTH),
        }
    }
}

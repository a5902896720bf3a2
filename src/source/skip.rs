//! Goes over a part of a plain file, to be where the next part begins, without reading all of it.
//!
//! A stamp that states its year says it all. Of stamps without one a place in each stretch is read,
//! and the whole stretch where the days at its two ends differ: as `YearWalk::skip` does in memory.

use std::io;
use std::ops::Range;

use mailtally_parsers::Timestamp;

use super::container::Unwrapped;
use super::dating::{Dating, YearWalk, last_line, stated_day};
use super::plain::PlainLog;
use super::survey::{STRETCH_BYTES, behind_first_line_end, whole_lines};

/// The first stretch of a part is read whole, and one behind an end that tells no day, to know which day
/// its own end is of.
const FIRST_STRETCH_BYTES: u64 = 64 << 10;
/// How much is read at a place: a line or two, also of a journal.
const PLACE_BYTES: u64 = 4 << 10;
/// How much longer the look at the end is where no stamp was found.
const GROWTH: u64 = 8;

impl Dating {
    /// Goes over a part of whole lines.
    pub(super) fn skip_part(&mut self, log: &PlainLog, part: &Range<u64>) -> io::Result<()> {
        let mut unwrapped = Unwrapped::default();
        let Some(end) = End::of(log, part, &mut unwrapped)? else {
            return Ok(());
        };
        match end.stamp {
            Some(stamp) if stamp.year.is_some() => {
                self.years.year_of(&stamp);
            }
            _ => skip_stretches(&mut self.years, log, part, &mut unwrapped)?,
        }
        self.skip_gate(&end.lines);
        Ok(())
    }
}

/// The last lines of a part, with a time among them.
struct End {
    lines: Vec<u8>,
    /// The last stamp; `None` where the last line with a time is in a container.
    stamp: Option<Timestamp>,
}

impl End {
    /// Looks for the last line with a time; `None` when there is none.
    fn of(
        log: &PlainLog,
        part: &Range<u64>,
        unwrapped: &mut Unwrapped,
    ) -> io::Result<Option<Self>> {
        let mut bytes = PLACE_BYTES;
        loop {
            let from = part.start.max(part.end.saturating_sub(bytes));
            let mut lines = Vec::new();
            read_lines(log, from..part.end, part.start, &mut lines)?;
            if let Some(stamp) = last_stamp(&lines, unwrapped) {
                return Ok(Some(End { lines, stamp }));
            }
            if from == part.start {
                return Ok(None);
            }
            bytes = bytes.saturating_mul(GROWTH);
        }
    }
}

/// Finds the last line with a time; its stamp is `None` if it is in a container.
fn last_stamp(mut lines: &[u8], unwrapped: &mut Unwrapped) -> Option<Option<Timestamp>> {
    while !lines.is_empty() {
        let line = last_line(lines);
        if is_in_container(line, unwrapped) {
            return Some(None);
        }
        if let Some(stamp) = Timestamp::of_line(line) {
            return Some(Some(stamp));
        }
        let kept = lines.strip_suffix(b"\n").unwrap_or(lines).len() - line.len();
        lines = lines.get(..kept).unwrap_or(b"");
    }
    None
}

fn is_in_container(line: &[u8], unwrapped: &mut Unwrapped) -> bool {
    unwrapped.load_alone(line).is_some()
}

/// Goes through the stretches of a part in which a new year may begin.
fn skip_stretches(
    years: &mut YearWalk,
    log: &PlainLog,
    part: &Range<u64>,
    unwrapped: &mut Unwrapped,
) -> io::Result<()> {
    let (mut place, mut stretch) = (Vec::new(), Vec::new());
    let mut before = Vec::new();
    let mut start = part.start;
    let mut target = start;
    while start < part.end {
        let stretch_bytes = match before.is_empty() {
            true => FIRST_STRETCH_BYTES,
            false => STRETCH_BYTES,
        };
        target = part.end.min(target.saturating_add(stretch_bytes));
        let from = start.max(target.saturating_sub(PLACE_BYTES));
        read_lines(log, from..target, start, &mut place)?;
        let lines = if target == part.end {
            &place
        } else {
            whole_lines(&place)
        };
        if lines.is_empty() && target < part.end {
            // A long line: its stretch ends with a later one.
            continue;
        }
        let end = target - length_of(place.get(lines.len()..).unwrap_or(b""));
        let day = day_of(last_line(lines), unwrapped);
        if day.is_empty() || day != before {
            log.read(start..end, &mut stretch)?;
            years.skip_lines(&stretch);
        }
        before.clear();
        before.extend_from_slice(day);
        start = end;
    }
    Ok(())
}

/// The day of a line as logged; all lines in containers are of one, for they tell no years.
fn day_of<'l>(line: &'l [u8], unwrapped: &mut Unwrapped) -> &'l [u8] {
    if is_in_container(line, unwrapped) {
        return b"{";
    }
    stated_day(line)
}

/// Reads a piece of a part without the rest of a line that began before it.
fn read_lines(
    log: &PlainLog,
    piece: Range<u64>,
    part_start: u64,
    lines: &mut Vec<u8>,
) -> io::Result<()> {
    if piece.start <= part_start {
        return log.read(piece, lines);
    }
    // A byte earlier: if that is a line end, the first line is whole.
    log.read(piece.start - 1..piece.end, lines)?;
    let kept = behind_first_line_end(lines).len();
    lines.drain(..lines.len() - kept);
    Ok(())
}

fn length_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

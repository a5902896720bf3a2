//! Goes over a part of a plain file, to be where the next part begins, without reading all of it.
//!
//! A stamp that states its year says it all. Of stamps without one a place in each stretch is read, and
//! where its last line is not of the day of the stamp before it, the lines around the new day: as
//! `YearWalk::skip` does in memory.

use std::io;
use std::ops::Range;

use mailtally_parsers::Timestamp;

use super::container::Unwrapped;
use super::dating::{Dating, YearWalk, last_line};
use super::plain::PlainLog;
use super::survey::{STRETCH_BYTES, behind_first_line_end, whole_lines};

/// How much is read at a place: a line or two, also of a journal.
const PLACE_BYTES: u64 = 4 << 10;
/// What is no longer than this is read whole, whatever its end says.
const PIECE_BYTES: u64 = 2 * PLACE_BYTES;
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
            _ => skip_stretches(&mut self.years, log, part, &end.lines)?,
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

/// Goes through the stretches of a part in which a new year may begin; the lines at its end were read.
fn skip_stretches(
    years: &mut YearWalk,
    log: &PlainLog,
    part: &Range<u64>,
    last_lines: &[u8],
) -> io::Result<()> {
    let mut start = part.start;
    let mut target = start;
    while part.end - target > STRETCH_BYTES {
        target += STRETCH_BYTES;
        // Behind a long line its stretch ends with a later one.
        if let Some((end, lines)) = lines_before(log, start, target)? {
            skip_stretch(years, log, start..end, last_line(&lines))?;
            start = end;
        }
    }
    skip_stretch(years, log, start..part.end, last_line(last_lines))
}

/// Goes over whole lines, of which the last one is known: in halves where that is of another day than the
/// stamp before, down to pieces that are gone through.
fn skip_stretch(
    years: &mut YearWalk,
    log: &PlainLog,
    stretch: Range<u64>,
    last: &[u8],
) -> io::Result<()> {
    let Range { start, end } = stretch;
    let is_long = end - start > PIECE_BYTES;
    match years.stands_on_day_of(last) {
        Some(true) if is_long => return Ok(()),
        Some(false) if is_long => {
            let middle = start + (end - start) / 2;
            if let Some((middle, lines)) = lines_before(log, start, middle)? {
                skip_stretch(years, log, start..middle, last_line(&lines))?;
                return skip_stretch(years, log, middle..end, last);
            }
        }
        _ => {}
    }
    let mut lines = Vec::new();
    log.read(start..end, &mut lines)?;
    years.skip_lines(&lines);
    Ok(())
}

/// Reads some whole lines before a place and behind `start`, which begins a line; returns where they end.
fn lines_before(log: &PlainLog, start: u64, place: u64) -> io::Result<Option<(u64, Vec<u8>)>> {
    let mut lines = Vec::new();
    let from = start.max(place.saturating_sub(PLACE_BYTES));
    read_lines(log, from..place, start, &mut lines)?;
    let whole = whole_lines(&lines).len();
    let end = place - length_of(lines.get(whole..).unwrap_or(b""));
    lines.truncate(whole);
    Ok((whole > 0).then_some((end, lines)))
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

//! Files that are copies of parts of others: `mail.warn` beside `mail.log`.
//!
//! A syslog daemon writes a line into all its files in the same order. So a file is a copy if its
//! lines, all of them and in their order, stand in another file; or in several, one behind the
//! other, when those were rotated more often. Every line is compared, byte by byte; what is not
//! identical is **not** taken for a copy, such as the same log in another format.

use std::fs::File;
use std::sync::Arc;

use super::calendar::SECOND_US;
use super::chunk::{Pool, split_lines};
use super::container::Unwrapped;
use super::dating::{Dater, Dating, time_of_line};
use super::input::Options;
use super::open::Origin;
use super::plan::{Clock, Source, all_hosts, share_a_host};
use super::problem::Notice;
use super::progress::Progress;
use super::read_part::read_at;
use super::stamped::{StampedLine, StampedLines};
use super::survey::{behind_first_line_end, whole_lines};

/// A line is looked for among lines that are at most this much later.
const DISORDER_US: i64 = 60 * SECOND_US;
/// A file is looked at between so many pieces, to see whether others logged at that time.
const PIECES: u64 = 8;
/// How much is read there.
const PLACE_BYTES: u64 = 4 << 10;
/// How far off others may have begun or ended.
const NEAR_US: i64 = 3_600 * SECOND_US;

/// Leaves out sources all of whose lines stand in others; those are in order of their first lines.
pub(super) fn leave_out(
    mut sources: Vec<Source>,
    clock: Clock,
    options: &Options,
    notices: &mut Vec<Notice>,
) -> Vec<Source> {
    // The smallest ones first, so that of equal ones the one named first remains.
    let mut by_size: Vec<(u64, std::cmp::Reverse<usize>)> = sources
        .iter()
        .filter_map(|source| Some((size(source)?, std::cmp::Reverse(source.id.0))))
        .collect();
    by_size.sort_unstable();
    for (_, std::cmp::Reverse(id)) in by_size {
        let Some(position) = sources.iter().position(|source| source.id.0 == id) else {
            continue;
        };
        let mut candidate = sources.remove(position);
        match find_originals(&mut candidate, &mut sources, clock, options) {
            Some(of) => notices.push(Notice::Copy {
                path: candidate.name,
                of,
            }),
            None => sources.insert(position, candidate),
        }
    }
    sources
}

/// Returns how much text a file holds; streams cannot be read twice, and are not compared.
fn size(source: &Source) -> Option<u64> {
    source.span?;
    match &source.origin {
        Origin::File(_) => source.survey.unpacked_bytes,
        Origin::Stream { .. } => None,
    }
}

/// Finds the files in which all lines of the candidate stand, one behind the other.
fn find_originals(
    candidate: &mut Source,
    others: &mut [Source],
    clock: Clock,
    options: &Options,
) -> Option<Vec<std::path::PathBuf>> {
    let hosts = all_hosts(others);
    let mut originals: Vec<&mut Source> = others
        .iter_mut()
        .filter(|other| {
            may_hold(other, candidate) && share_a_host(&other.survey, &candidate.survey, &hosts)
        })
        .collect();
    if originals.is_empty() || reaches_beyond(candidate, &originals, clock) {
        return None;
    }
    let pool = Arc::new(Pool::default());
    let unseen = Progress::default();
    let mut lines = StampedLines::open(candidate, clock, options, &pool, &unseen).ok()?;
    let mut line = lines.next(0)?;
    let mut names = Vec::new();
    for original in &mut originals {
        let first_us = original.span.map_or(i64::MAX, |span| span.first_us);
        if first_us > line.key_us.saturating_add(DISORDER_US) {
            return None;
        }
        let Ok(mut original_lines) = StampedLines::open(original, clock, options, &pool, &unseen)
        else {
            continue;
        };
        let mut is_used = false;
        while find(&mut original_lines, lines.bytes(&line), &line) {
            if !is_used {
                names.push(original.name.clone());
            }
            is_used = true;
            match lines.next(usize::MAX) {
                Some(next) => line = next,
                // An error is no end: what is behind it was not compared.
                None => return lines.into_blocks().error.is_none().then_some(names),
            }
        }
    }
    None
}

/// Tells whether a file's span and size allow it to hold lines of the candidate.
fn may_hold(other: &Source, candidate: &Source) -> bool {
    let (Some(other_span), Some(span)) = (other.span, candidate.span) else {
        return false;
    };
    size(other).is_some()
        && other_span.first_us <= span.last_us
        && span.first_us <= other_span.last_us
}

/// Tells whether a plain file has lines of a time at which none of the others logged: nothing has to be
/// compared then. Rotated logs that meet in one second are no copies, and long.
fn reaches_beyond(candidate: &Source, others: &[&mut Source], clock: Clock) -> bool {
    let Origin::File(file) = &candidate.origin else {
        return false;
    };
    if file.packer.is_some() || file.part.is_some() {
        return false;
    }
    let Ok(handle) = File::open(&file.path) else {
        return false;
    };
    let is_covered = |us: i64| {
        let mut spans = others.iter().filter_map(|other| other.span);
        spans.any(|span| {
            let near = span.first_us.saturating_sub(NEAR_US)..=span.last_us.saturating_add(NEAR_US);
            near.contains(&us)
        })
    };
    (1..PIECES).any(|piece| {
        let at = file.bytes / PIECES * piece;
        let place = read_at(&handle, at, PLACE_BYTES).unwrap_or_default();
        let times = times_of(&place, candidate, clock);
        !times.is_empty() && !times.into_iter().any(is_covered)
    })
}

/// When the first whole line with a stamp at a place of a file may have been logged: which of its years it
/// is of is not known.
fn times_of(place: &[u8], source: &Source, clock: Clock) -> Vec<i64> {
    let mut unwrapped = Unwrapped::default();
    let mut time = |line: &[u8], year: i32| {
        let mut dater = Dater::new(&Dating::from_year(year, source.dating.tz));
        time_of_line(line, &mut unwrapped, &mut dater)
    };
    let years = source.survey.years(&source.dating);
    let mut lines = split_lines(behind_first_line_end(whole_lines(place)));
    let Some(line) = lines.find(|line| time(line, *years.start()).is_some()) else {
        return Vec::new();
    };
    let times = years.filter_map(|year| time(line, year));
    times.map(|time| clock.key_us(time)).collect()
}

/// Goes on in a file until behind a line; `false` when the file does not have it.
fn find(lines: &mut StampedLines, wanted: &[u8], at: &StampedLine) -> bool {
    while let Some(line) = lines.next(usize::MAX) {
        if lines.bytes(&line) == wanted {
            return true;
        }
        if line.key_us > at.key_us.saturating_add(DISORDER_US) {
            return false;
        }
    }
    false
}

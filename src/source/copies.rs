//! Files that are copies of parts of others: `mail.warn` beside `mail.log`.
//!
//! A syslog daemon writes a line into all its files in the same order. So a file is a copy if its
//! lines, all of them and in their order, stand in another file; or in several, one behind the
//! other, when those were rotated more often. Every line is compared, byte by byte; what is not
//! identical is **not** taken for a copy, such as the same log in another format.

use std::sync::Arc;

use super::calendar::SECOND_US;
use super::chunk::Pool;
use super::input::Options;
use super::open::Origin;
use super::plan::{Clock, Source, all_hosts, share_a_host};
use super::problem::Notice;
use super::progress::Progress;
use super::stamped::{StampedLine, StampedLines};

/// A line is looked for among lines that are at most this much later.
const DISORDER_US: i64 = 60 * SECOND_US;

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
    if originals.is_empty() {
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

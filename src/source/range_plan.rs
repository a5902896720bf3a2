//! What a range leaves of the plan: files outside of it are not read, of others only a part.

use std::fs::File;

use super::dating::{ANCHOR_SLACK_US, Dating};
use super::input::Options;
use super::open::Origin;
use super::plan::{self, Source};
use super::problem::{Notice, SourceError};
use super::range::{DISORDER_US, Side, TimeRange};
use super::range_part::{Found, find_part};
use super::survey::{Need, Survey};
use super::wall_time::WallTime;

/// From when to when all logs together go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogSpan {
    /// The time of the first line.
    pub first: WallTime,
    /// The time of the last line; `None` if a log was not looked at to its end.
    pub last: Option<WallTime>,
}

/// Puts the spans of all sources together; the one that begins last tells the end.
pub(super) fn span_of_all(sources: &[Source]) -> Option<LogSpan> {
    let spans = sources.iter().filter_map(|source| {
        let (first, last) = source.survey.span(&source.dating)?;
        let last = source.survey.saw_end.then_some(last);
        Some(LogSpan { first, last })
    });
    spans.reduce(|a, b| {
        let latest = if a.first > b.first { a } else { b };
        let end = latest.last.map(|last| a.last.max(b.last).unwrap_or(last));
        LogSpan {
            first: a.first.min(b.first),
            last: end,
        }
    })
}

/// Leaves out the sources outside of a range, and finds the part of the others that it is in.
pub(super) fn keep_only(
    range: TimeRange,
    sources: &mut Vec<Source>,
    options: &Options,
    notices: &mut Vec<Notice>,
) {
    sources.retain_mut(|source| match &source.origin {
        Origin::File(file) if file.packer.is_some() => !is_outside(source, range, options),
        Origin::File(file) if file.bytes >= options.bisect_bytes => narrow(source, range, notices),
        _ => true,
    });
}

/// Looks at the beginning of a packed file, and returns the look if it shows that all of the file
/// is outside of the range: then no more of it has to be unpacked.
pub(super) fn look_outside(
    origin: &mut Origin,
    options: &Options,
) -> Result<Option<Survey>, SourceError> {
    let is_packed = matches!(origin, Origin::File(file) if file.packer.is_some());
    let Some(range) = options.range.filter(|_| is_packed) else {
        return Ok(None);
    };
    let beginning = Need {
        end: false,
        year: false,
        may_guess: false,
        range_from_bytes: None,
    };
    let survey = Survey::of(origin, beginning, 0)?;
    // Only the whole file tells the year of a first line without one, if not that it is too old.
    let is_before = is_written_before(origin, &survey, range, options);
    let is_after = !survey.lacks_year() && is_one_sided(&survey, 1970, range, options);
    Ok((is_before || is_after).then_some(survey))
}

/// Tells whether a packed file lies wholly on one side of a range, as far as it was looked at.
fn is_outside(source: &Source, range: TimeRange, options: &Options) -> bool {
    let Source { origin, survey, .. } = source;
    is_written_before(origin, survey, range, options)
        || is_one_sided(survey, source.dating.year(), range, options)
}

/// Tells whether a file was written to for the last time before a range.
///
/// That says nothing where its stamps are later than that, or years are given by the user.
fn is_written_before(
    origin: &Origin,
    survey: &Survey,
    range: TimeRange,
    options: &Options,
) -> bool {
    let written_us = plan::anchor_us(origin, options).saturating_add(ANCHOR_SLACK_US);
    let year = survey.turns.first_year(written_us);
    let Some((first, _)) = survey.span(&Dating::from_year(year, options.tz)) else {
        return false;
    };
    let written = WallTime {
        wall_us: written_us,
        offset_secs: None,
    };
    options.year.is_none()
        && first.wall_us <= written_us
        && range.side_of(written, DISORDER_US) == Side::Before
}

/// Tells whether both ends of a log, or its beginning, are on the outer side of a range.
fn is_one_sided(survey: &Survey, year: i32, range: TimeRange, options: &Options) -> bool {
    let Some((first, last)) = survey.span(&Dating::from_year(year, options.tz)) else {
        return false;
    };
    let side = range.side_of(first, DISORDER_US);
    if survey.saw_end {
        side != Side::Within && side == range.side_of(last, DISORDER_US)
    } else {
        side == Side::After
    }
}

/// Finds the part of a plain file; `false` if there is none.
fn narrow(source: &mut Source, range: TimeRange, notices: &mut Vec<Notice>) -> bool {
    let Origin::File(file) = &mut source.origin else {
        return true;
    };
    let places = &source.survey.places;
    let found = File::open(&file.path)
        .and_then(|handle| find_part(&handle, file.bytes, places, source.dating, range));
    match found {
        Ok(Found::Nothing) => return false,
        Ok(Found::Part { bytes, dating }) => {
            file.part = Some(bytes);
            source.dating = dating;
        }
        Ok(Found::Disorder(place)) => notices.push(Notice::ReadWhole {
            path: source.name.clone(),
            at: place.at,
        }),
        // The error comes again when the file is read.
        Err(_) => {}
    }
    true
}

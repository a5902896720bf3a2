//! Rotated siblings of a log that begins within the range asked for.
//!
//! They are looked at one by one, the latest first, until one begins before the range.

use std::path::{Path, PathBuf};

use super::dating::Dating;
use super::input::{Input, Options};
use super::open::{Identity, Origin};
use super::plan::{self, Looked, Plan, Source};
use super::problem::Notice;
use super::range::TimeRange;
use super::rotated::siblings;
use super::survey::Need;
use super::wall_time::WallTime;

impl Plan {
    /// Adds the rotated siblings that a range reaches into, of each file that was named.
    ///
    /// With `--year` there are none: it is the year of the first line of what was named.
    pub(super) fn add_siblings(&mut self, options: &Options, looked: &mut Looked) {
        let Some(range) = options.range.filter(|_| options.year.is_none()) else {
            return;
        };
        let named: Vec<(PathBuf, Option<WallTime>)> = looked
            .sources
            .iter()
            .filter(|source| matches!(source.origin, Origin::File(_)))
            .map(|source| (source.name.clone(), first_time(source, options)))
            .collect();
        for (path, first) in named {
            let before = looked.sources.len();
            self.add_siblings_of(&path, first, range, options, looked);
            let added = looked.sources.get(before..).unwrap_or(&[]);
            let added: Vec<PathBuf> = added.iter().map(|source| source.name.clone()).collect();
            if !added.is_empty() {
                self.notices.push(Notice::Siblings { path, added });
            }
        }
    }

    fn add_siblings_of(
        &mut self,
        path: &Path,
        mut first: Option<WallTime>,
        range: TimeRange,
        options: &Options,
        looked: &mut Looked,
    ) {
        let need = Need {
            end: true,
            year: true,
            may_guess: false,
            range_from_bytes: Some(options.bisect_bytes),
        };
        for sibling in siblings(path).into_iter().rev() {
            if !range.begins_before(first) {
                return;
            }
            if !is_named(&sibling, looked) {
                self.look_at_one(&Input::File(sibling.clone()), need, options, looked);
            }
            let here = looked.sources.iter().find(|source| source.name == sibling);
            first = here
                .and_then(|source| first_time(source, options))
                .or(first);
        }
    }
}

/// Tells whether a file was looked at already, by whatever name.
fn is_named(path: &Path, looked: &Looked) -> bool {
    let metadata = std::fs::metadata(path);
    metadata.is_ok_and(|metadata| looked.seen.contains_key(&Identity::of(&metadata)))
}

/// The time of the first line, the year being that of its own anchor; `None` without any stamp.
fn first_time(source: &Source, options: &Options) -> Option<WallTime> {
    let anchor_us = plan::anchor_us(&source.origin, options);
    let year = source.survey.turns.first_year(anchor_us);
    let (first, _) = source.survey.span(&Dating::from_year(year, options.tz))?;
    Some(first)
}

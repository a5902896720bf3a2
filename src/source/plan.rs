//! The plan: which inputs are read, in which order, with which years, and which are merged.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::calendar::{DAY_US, days_from_civil};
use super::chunk::SourceId;
use super::copies;
use super::dating::Dating;
use super::follow::{HEAD_BYTES, fingerprint};
use super::guess;
use super::input::{Input, Options};
use super::open::{Identity, Origin};
use super::problem::{Notice, Problem, SourceError};
use super::range_plan::{self, LogSpan};
use super::survey::{Need, Survey};
use super::wall_time::WallTime;
use super::zone::ZoneClock;

/// An input that was looked at.
pub(super) struct Source {
    pub(super) id: SourceId,
    pub(super) name: PathBuf,
    pub(super) origin: Origin,
    pub(super) survey: Survey,
    /// What tells the log whatever its name: a hash of its first line.
    pub(super) fingerprint: u64,
    /// How its first line is dated.
    pub(super) dating: Dating,
    /// The times of its first and last line on the plan's clock; `None` without any stamp. Where the end
    /// is guessed about, the last line is the last one that was looked at.
    pub(super) span: Option<Span>,
    /// When its last line has to be logged at the latest, on the plan's clock, for a guess to hold.
    pub(super) ends_by_us: i64,
}

/// The times of a first and a last line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Span {
    pub(super) first_us: i64,
    pub(super) last_us: i64,
}

/// What lines of different inputs are ordered by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Clock {
    /// The instant, where every input states its zone.
    Instant,
    /// The wall clock, where one does not.
    Wall,
}

impl Clock {
    pub(super) fn key_us(self, time: WallTime) -> i64 {
        match self {
            Clock::Instant => time.instant_us().unwrap_or(time.wall_us),
            Clock::Wall => time.wall_us,
        }
    }
}

/// What is read, in log order: sources of one group are merged line by line.
pub(super) struct Plan {
    pub(super) groups: Vec<Vec<Source>>,
    pub(super) clock: Clock,
    /// From when to when all inputs go, read or not.
    pub(super) span: Option<LogSpan>,
    pub(super) problems: Vec<Problem>,
    pub(super) notices: Vec<Notice>,
}

/// What was looked at so far.
#[derive(Default)]
pub(super) struct Looked {
    /// How many inputs, readable or not.
    inputs: usize,
    /// The files, and the names that they were first given by.
    pub(super) seen: BTreeMap<Identity, PathBuf>,
    pub(super) sources: Vec<Source>,
}

impl Plan {
    pub(super) fn make(inputs: Vec<Input>, options: &Options) -> Self {
        let mut plan = Plan {
            groups: Vec::new(),
            clock: Clock::Wall,
            span: None,
            problems: Vec::new(),
            notices: Vec::new(),
        };
        let mut sources = plan.look_at_all(inputs, options);
        plan.put_in_order(&mut sources, options);
        if !guess::may_hold(&mut sources) {
            sources = plan.look_to_the_ends(sources, options);
            plan.put_in_order(&mut sources, options);
        }
        plan.span = range_plan::span_of_all(&sources);
        if let Some(range) = options.range {
            range_plan::keep_only(range, &mut sources, options, &mut plan.notices);
        }
        let sources = copies::leave_out(sources, plan.clock, options, &mut plan.notices);
        plan.groups = group(sources, options.all_hosts_in_order);
        plan
    }

    /// Dates sources, and puts them in the order of their first lines. Those without a stamp come last,
    /// in the order in which they were given.
    fn put_in_order(&mut self, sources: &mut [Source], options: &Options) {
        let is_instant =
            !sources.is_empty() && sources.iter().all(|source| source.survey.states_zone());
        self.clock = if is_instant {
            Clock::Instant
        } else {
            Clock::Wall
        };
        date(sources, options);
        for source in &mut *sources {
            source.span = source.find_span(self.clock);
        }
        let first_us = |source: &Source| source.span.map_or(i64::MAX, |span| span.first_us);
        sources.sort_by_key(|source| (first_us(source), source.id.0));
    }

    /// Looks once more at those sources whose ends were guessed about, and at all of them.
    fn look_to_the_ends(&mut self, sources: Vec<Source>, options: &Options) -> Vec<Source> {
        let need = Need {
            end: true,
            year: true,
            may_guess: false,
            range_from_bytes: None,
        };
        let (guessed, seen) = sources
            .into_iter()
            .partition(|source: &Source| source.survey.is_guess);
        let mut looked = Looked {
            sources: seen,
            ..Looked::default()
        };
        let found = guessed.into_iter().map(|source| Found {
            id: source.id,
            name: source.name,
            look: Ok(Some(Look::Origin(source.origin))),
        });
        for found in look_at_together(found.collect(), need, options) {
            self.take(found, options, &mut looked);
        }
        looked.sources
    }

    fn look_at_all(&mut self, inputs: Vec<Input>, options: &Options) -> Vec<Source> {
        let is_only_one = inputs.len() == 1;
        let need = Need {
            end: !is_only_one,
            year: !is_only_one || options.year.is_none(),
            // A range may need the end of a log; a year that is given is that of the first of them.
            may_guess: options.may_guess && options.range.is_none() && options.year.is_none(),
            range_from_bytes: options.range.map(|_| options.bisect_bytes),
        };
        let mut looked = Looked::default();
        let found: Vec<Found> = inputs
            .iter()
            .map(|input| self.find(input, options, &mut looked))
            .collect();
        for found in look_at_together(found, need, options) {
            self.take(found, options, &mut looked);
        }
        self.add_siblings(options, &mut looked);
        looked.sources
    }

    /// Looks at an input, and puts it with the others if it can be read.
    pub(super) fn look_at_one(
        &mut self,
        input: &Input,
        need: Need,
        options: &Options,
        looked: &mut Looked,
    ) {
        let mut found = self.find(input, options, looked);
        found.look(need, options);
        self.take(found, options, looked);
    }

    /// Finds out what an input is.
    fn find(&mut self, input: &Input, options: &Options, looked: &mut Looked) -> Found {
        let id = SourceId(looked.inputs);
        looked.inputs += 1;
        Found {
            id,
            name: input.name(),
            look: self
                .find_origin(input, options, &mut looked.seen)
                .map(|origin| origin.map(Look::Origin)),
        }
    }

    /// The same; `None` for a file that was found before.
    fn find_origin(
        &mut self,
        input: &Input,
        options: &Options,
        seen: &mut BTreeMap<Identity, PathBuf>,
    ) -> Result<Option<Origin>, SourceError> {
        let origin = Origin::find(&input.within(options))?;
        if let Origin::File(file) = &origin {
            if let Some(first) = seen.get(&file.identity) {
                let (path, first) = (file.path.clone(), first.clone());
                self.notices.push(Notice::SameFile { path, first });
                return Ok(None);
            }
            seen.insert(file.identity, file.path.clone());
        }
        Ok(Some(origin))
    }

    /// Puts an input with the others if it could be looked at.
    fn take(&mut self, found: Found, options: &Options, looked: &mut Looked) {
        let Found { id, name, look } = found;
        match look {
            Ok(Some(Look::Source(origin, survey, fingerprint))) => looked.sources.push(Source {
                fingerprint,
                id,
                name,
                origin,
                survey: *survey,
                dating: Dating::from_year(1970, options.tz),
                span: None,
                ends_by_us: i64::MAX,
            }),
            Ok(_) => {}
            Err(error) => self.problems.push(Problem { path: name, error }),
        }
    }
}

/// An input that was found.
struct Found {
    id: SourceId,
    name: PathBuf,
    /// `None` for a file that was found before.
    look: Result<Option<Look>, SourceError>,
}

/// How far an input was looked at.
enum Look {
    Origin(Origin),
    Source(Origin, Box<Survey>, u64),
}

impl Found {
    /// Looks at what was found.
    fn look(&mut self, need: Need, options: &Options) {
        let found = std::mem::replace(&mut self.look, Ok(None));
        self.look = match found {
            Ok(Some(Look::Origin(origin))) => look_at(origin, need, options).map(Some),
            looked => looked,
        };
    }
}

fn look_at(mut origin: Origin, need: Need, options: &Options) -> Result<Look, SourceError> {
    let fingerprint = fingerprint(&origin.beginning(HEAD_BYTES));
    let survey = match range_plan::look_outside(&mut origin, options)? {
        Some(beginning) => beginning,
        None => Survey::of(&mut origin, need, options.read_ahead_bytes)?,
    };
    if survey.is_binary() {
        return Err(SourceError::Binary);
    }
    Ok(Look::Source(origin, Box::new(survey), fingerprint))
}

/// Looks at many inputs, several at a time: packed ones have to be unpacked for it.
fn look_at_together(mut found: Vec<Found>, need: Need, options: &Options) -> Vec<Found> {
    let others = options.threads.min(found.len()).saturating_sub(1);
    look_at_each(found.iter_mut(), others, need, options);
    found
}

fn look_at_each<'f>(
    found: impl Iterator<Item = &'f mut Found> + Send,
    other_threads: usize,
    need: Need,
    options: &Options,
) {
    let found = Mutex::new(found);
    let next = || found.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some(found) = next() {
            found.look(need, options);
        }
    };
    thread::scope(|scope| {
        for _ in 0..other_threads {
            // Without a thread more of it is done here.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
}

impl Source {
    fn find_span(&self, clock: Clock) -> Option<Span> {
        let (first, last) = self.survey.span(&self.dating)?;
        let last_us = if self.survey.saw_end || self.survey.is_guess {
            clock.key_us(last)
        } else {
            i64::MAX
        };
        Some(Span {
            first_us: clock.key_us(first),
            last_us,
        })
    }

    /// Tells whether the lines of both may come from the same machine at the same time.
    ///
    /// Rotated logs meet in one second without overlapping; the same programs log into both. Logs
    /// that were split by program have none in common, and are merged in that second too.
    fn belongs_together_with(&self, later: &Source, all_hosts: &BTreeSet<Vec<u8>>) -> bool {
        let (Some(span), Some(later_span)) = (self.span, later.span) else {
            return false;
        };
        let is_split = || self.survey.tags.is_disjoint(&later.survey.tags);
        let at_once = span.overlaps(later_span) || span.touches(later_span) && is_split();
        at_once && share_a_host(&self.survey, &later.survey, all_hosts)
    }
}

impl Span {
    /// Tells whether two spans overlap; that one ends in the second in which the other begins, as
    /// rotated logs do, is no overlap.
    pub(super) fn overlaps(self, other: Span) -> bool {
        let begin_together = self.first_us == other.first_us;
        begin_together || self.first_us < other.last_us && other.first_us < self.last_us
    }

    /// Tells whether one ends in the second in which the other begins.
    fn touches(self, other: Span) -> bool {
        self.last_us == other.first_us || other.last_us == self.first_us
    }
}

/// Tells whether a host logs into both.
///
/// Dovecot's own log file names no host: it is taken for that of the only one that is there.
pub(super) fn share_a_host(a: &Survey, b: &Survey, all_hosts: &BTreeSet<Vec<u8>>) -> bool {
    let only_one = all_hosts.iter().filter(|host| !host.is_empty()).count() <= 1;
    only_one || !a.hosts.is_disjoint(&b.hosts)
}

pub(super) fn all_hosts(sources: &[Source]) -> BTreeSet<Vec<u8>> {
    sources
        .iter()
        .flat_map(|source| source.survey.hosts.iter().cloned())
        .collect()
}

/// Gives each source the year of its first line.
///
/// Without `--year` each has its own anchor. With it, the earliest line that does not state its
/// year is of that year, and the others keep their distance.
fn date(sources: &mut [Source], options: &Options) {
    for source in &mut *sources {
        let anchor = anchor_us(&source.origin, options);
        let year = source.survey.turns.first_year(anchor);
        source.dating = Dating::from_year(year, options.tz);
    }
    let Some(year) = options.first_year() else {
        return;
    };
    let mut without_year: Vec<&mut Source> = sources
        .iter_mut()
        .filter(|source| source.survey.lacks_year())
        .collect();
    let first = without_year
        .iter()
        .min_by_key(|source| source.find_span(Clock::Wall).map(|span| span.first_us));
    let Some(shift) = first.map(|first| year - first.dating.year()) else {
        return;
    };
    for source in &mut without_year {
        source.dating = Dating::from_year(source.dating.year() + shift, options.tz);
    }
}

/// Returns the wall-clock time at which the last line was logged at the latest.
pub(super) fn anchor_us(origin: &Origin, options: &Options) -> i64 {
    match origin {
        Origin::File(file) => {
            rotation_day_us(&file.path).unwrap_or_else(|| wall_us(file.modified_us, options.tz))
        }
        Origin::Stream { .. } => wall_us(options.now_us(), options.tz),
    }
}

/// Shows an instant on the wall clock of a zone, by default the machine's.
pub(super) fn wall_us(instant_us: i64, tz: Option<chrono_tz::Tz>) -> i64 {
    ZoneClock::new(tz).shown(instant_us).wall_us
}

/// Reads the date of rotation out of a name such as `mail.log-20261101.gz`: the end of that day.
fn rotation_day_us(path: &Path) -> Option<i64> {
    let name = path.file_name()?.to_str()?;
    let from = |at: usize| name.get(at + 1..).and_then(date_at_start);
    name.match_indices(['-', '.', '_'])
        .find_map(|(at, _)| from(at))
}

/// Reads `20261101` or `2026-11-01`, with no further digit behind it.
fn date_at_start(text: &str) -> Option<i64> {
    let digits: String = text.chars().filter(|c| *c != '-').take(8).collect();
    let dashed = text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
    let behind = text.get(if dashed { 10 } else { 8 }..)?;
    let plain = text.get(..8) == Some(&digits);
    if !(dashed || plain) || behind.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let date = chrono::NaiveDate::parse_from_str(&digits, "%Y%m%d").ok()?;
    let (year, month, day) = (
        chrono::Datelike::year(&date),
        u8::try_from(chrono::Datelike::month(&date)).ok()?,
        u8::try_from(chrono::Datelike::day(&date)).ok()?,
    );
    let is_plausible = (1990..=2200).contains(&year);
    is_plausible.then(|| (days_from_civil(year, month, day) + 1) * DAY_US - 1)
}

/// Puts sources together whose lines have to be merged; both levels are in order of first lines.
fn group(sources: Vec<Source>, over_hosts: bool) -> Vec<Vec<Source>> {
    let hosts = if over_hosts {
        // As if there were one.
        BTreeSet::new()
    } else {
        all_hosts(&sources)
    };
    let mut leaders: Vec<usize> = (0..sources.len()).collect();
    for (later, source) in sources.iter().enumerate() {
        for (earlier, other) in sources.iter().enumerate().take(later) {
            if other.belongs_together_with(source, &hosts) {
                join(&mut leaders, earlier, later);
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<Source>> = BTreeMap::new();
    for (leader, source) in leaders.into_iter().zip(sources) {
        groups.entry(leader).or_default().push(source);
    }
    groups.into_values().collect()
}

/// Gives the groups of two sources one leader, the earlier one.
fn join(leaders: &mut [usize], a: usize, b: usize) {
    let (Some(&a), Some(&b)) = (leaders.get(a), leaders.get(b)) else {
        return;
    };
    let leader = a.min(b);
    for other in leaders
        .iter_mut()
        .filter(|other| **other == a || **other == b)
    {
        *other = leader;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dates_of_rotation_out_of_names() {
        let date = |name: &str| {
            let day_us = rotation_day_us(Path::new(name))?;
            Some(
                WallTime {
                    wall_us: day_us,
                    offset_secs: None,
                }
                .to_rfc3339(),
            )
        };
        let november = Some("2026-11-01T23:59:59.999999".to_owned());
        for name in [
            "/var/log/mail.log-20261101",
            "mail.log-20261101.gz",
            "mail-20261101.log",
            "mail.log.20261101",
            "mail.log-2026-11-01.gz",
            "mail.log-20261101-1793491200.gz",
            "host-12345678-20261101",
        ] {
            assert_eq!(date(name), november, "{name}");
        }
        for name in [
            "mail.log",
            "mail.log.1",
            "mail.log-20261301",
            "mail-1793491200.log",
            "mail.log-",
            "x-2026é1101",
        ] {
            assert_eq!(date(name), None, "{name}");
        }
    }

    #[test]
    fn rotated_logs_that_meet_in_a_second_do_not_overlap() {
        let span = |first_us, last_us| Span { first_us, last_us };
        assert!(!span(0, 10).overlaps(span(10, 20)));
        assert!(span(0, 11).overlaps(span(10, 20)));
        assert!(span(10, 20).overlaps(span(0, 30)));
        assert!(span(5, 5).overlaps(span(5, 9)));
        assert!(!span(5, 9).overlaps(span(9, 9)));
    }
}

//! The cursor over the lines of a chunk: containers and envelopes taken off, repeats put in their
//! place, each line dated.

use mailtally_parsers::syslog::Envelopes;
use mailtally_parsers::{Program, Record, Timestamp};

use super::chunk::{Chunk, split_line, split_lines};
use super::container::{Loaded, Unwrapped};
use super::dating::{Dater, Dating, us_of_minute};
use super::wall_time::WallTime;

/// One line, its envelope and its time.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The line as it was read, without its line end; one that came in parts has line ends in it.
    pub raw: &'a [u8],
    logged: Logged<'a>,
    /// When it was logged; as long as there is a record, there is a time, but for the markers of
    /// `journalctl`.
    pub time: Option<WallTime>,
}

/// Where the record of a line is.
#[derive(Clone, Copy, Debug)]
enum Logged<'a> {
    Nothing,
    /// Records are large: those of nearly all lines stay in the cursor.
    InCursor(&'a Record<'a>),
    Here(Record<'a>),
}

impl<'a> Line<'a> {
    /// Returns the envelope and the message; `None` when the line has no envelope that we know.
    #[inline]
    pub fn record(&self) -> Option<&Record<'a>> {
        match &self.logged {
            Logged::InCursor(record) => Some(record),
            Logged::Here(record) => Some(record),
            Logged::Nothing => None,
        }
    }
}

/// A cursor over the lines of a chunk; a line lives until the next one is asked for.
#[derive(Debug)]
pub struct Lines<'c> {
    rest: &'c [u8],
    all_bytes: usize,
    dater: Dater,
    dates: Dating,
    envelopes: Envelopes<'c>,
    /// The number of the minute of the last plain line, and when that began.
    minute: Option<(u64, WallTime)>,
    unwrapped: Unwrapped,
    /// The last line that did not say that another one was repeated.
    above: &'c [u8],
    unwrapped_above: Unwrapped,
    /// Where a line begins of which only parts came so far; up to the end of the chunk.
    parts: Option<&'c [u8]>,
}

/// What a line turned out to be.
enum Seen<'c> {
    /// A line of text, with its envelope if it has one.
    Text(Option<Record<'c>>),
    /// A line in a container, logged at this time.
    InContainer(Timestamp),
    /// A part of a line in a container.
    Part,
}

/// What came of looking at a line closely.
enum Looked<'c> {
    /// Its record is the last one of the envelopes; it was not dated.
    Plain,
    /// It is outside of the range, or only a part of a line.
    Outside,
    Text(Line<'c>),
    InContainer(Found<'c>),
}

/// A line in a container that is within the range.
struct Found<'c> {
    raw: &'c [u8],
    /// How often the line above was logged again, if that is what it says.
    times: Option<u32>,
    time: WallTime,
}

/// Tells whether a line of this program can be nothing else than it seems.
fn is_plain(program: Program) -> bool {
    !matches!(program, Program::Foreign | Program::Logger)
}

impl<'c> Lines<'c> {
    /// Begins before the first line of a chunk.
    #[inline]
    pub(super) fn new(chunk: &'c Chunk, dates: Dating) -> Self {
        Lines {
            rest: chunk.bytes(),
            all_bytes: chunk.bytes().len(),
            dater: Dater::new(&dates),
            dates,
            envelopes: Envelopes::default(),
            minute: None,
            unwrapped: Unwrapped::default(),
            above: chunk.above(),
            unwrapped_above: Unwrapped::default(),
            parts: None,
        }
    }

    /// Returns how many bytes of the chunk are before the next line.
    pub fn offset(&self) -> u64 {
        let left = self.rest.len();
        u64::try_from(self.all_bytes.saturating_sub(left)).unwrap_or(u64::MAX)
    }

    /// Returns the next line; only lines within the range asked for, if there is one.
    #[expect(
        clippy::should_implement_trait,
        reason = "a line in a container borrows from the cursor's own buffer"
    )]
    pub fn next(&mut self) -> Option<Line<'_>> {
        loop {
            if let Some((raw, rest)) = self.envelopes.take_repeating(self.rest) {
                (self.rest, self.above) = (rest, raw);
            } else {
                match self.look_closer()? {
                    Looked::Plain => {}
                    Looked::Outside => continue,
                    Looked::Text(line) => return Some(line),
                    Looked::InContainer(found) => return Some(self.line_in_container(found)),
                }
            }
            let time = Some(self.time_of_record());
            if self.lets_through(time) {
                return Some(Line {
                    raw: self.above,
                    logged: Logged::InCursor(self.envelopes.record()),
                    time,
                });
            }
        }
    }

    /// Reads the next line, whatever it is; `None` where there is none.
    #[inline(never)]
    fn look_closer(&mut self) -> Option<Looked<'c>> {
        let here = self.rest;
        let Some((raw, rest)) = split_line(here) else {
            // The end of a line in a container may never have come.
            let stamp = self.unwrapped.take_unfinished()?;
            return Some(self.in_container(b"", stamp));
        };
        self.rest = rest;
        let record = match raw.first() {
            Some(b'{') => None,
            _ => self.envelopes.parse(raw),
        };
        // Nearly all lines: the others are looked at a second time.
        if record.is_some_and(|record| is_plain(record.tag.program)) {
            self.above = raw;
            return Some(Looked::Plain);
        }
        let record = record.copied();
        Some(match self.see(raw, record) {
            Seen::Text(record) => self.text(raw, record),
            Seen::InContainer(stamp) => self.in_container(raw, stamp),
            Seen::Part => {
                self.parts.get_or_insert(here);
                Looked::Outside
            }
        })
    }

    /// Dates a plain line; most are of the minute of the one above.
    #[inline]
    fn time_of_record(&mut self) -> WallTime {
        let number = self.envelopes.minute_number();
        let minute = match self.minute {
            Some((known, minute)) if known == number => minute,
            _ => self.new_minute(number),
        };
        let us = us_of_minute(&self.envelopes.record().timestamp);
        WallTime {
            wall_us: minute.wall_us + us,
            ..minute
        }
    }

    /// Dates the beginning of a plain line's minute; no zone changes its clock within one.
    #[inline(never)]
    fn new_minute(&mut self, number: u64) -> WallTime {
        let stamp = self.envelopes.record().timestamp;
        let time = self.dater.wall_time(&stamp);
        let minute = WallTime {
            wall_us: time.wall_us - us_of_minute(&stamp),
            ..time
        };
        self.minute = Some((number, minute));
        minute
    }

    /// Dates a line of text.
    #[cold]
    fn text(&mut self, raw: &'c [u8], record: Option<Record<'c>>) -> Looked<'c> {
        let stamp = record
            .map(|record| record.timestamp)
            .or_else(|| Timestamp::of_line(raw));
        let time = stamp.map(|stamp| self.dater.wall_time(&stamp));
        if !self.lets_through(time) {
            return Looked::Outside;
        }
        let time = time.filter(|_| record.is_some());
        let logged = match record.or_else(|| Record::marker(raw)) {
            Some(record) => Logged::Here(record),
            None => Logged::Nothing,
        };
        Looked::Text(Line { raw, logged, time })
    }

    #[inline]
    fn lets_through(&mut self, time: Option<WallTime>) -> bool {
        match &mut self.dates.gate {
            Some(gate) => gate.lets_through(time),
            None => true,
        }
    }

    /// Looks at a line again that has no envelope, or one of another program or a logger.
    #[cold]
    fn see(&mut self, raw: &'c [u8], record: Option<Record<'c>>) -> Seen<'c> {
        let program = record.map(|record| record.tag.program);
        // A line of Kubernetes' looks like one of another program, without a tag.
        if matches!(program, None | Some(Program::Foreign))
            && record.is_none_or(|record| record.tag.text.is_empty())
            && let Some(loaded) = self.unwrapped.load(raw)
        {
            return match loaded {
                Loaded::Line(stamp) => Seen::InContainer(stamp),
                Loaded::Part(_) => Seen::Part,
            };
        }
        if program == Some(Program::Logger)
            && let Some(again) = record.and_then(|record| self.again(&record))
        {
            return Seen::Text(Some(again));
        }
        self.above = raw;
        Seen::Text(record)
    }

    /// Returns what a line stands for that says that the one above it was logged again; where that
    /// one is of another host, it is an event of its own.
    #[cold]
    fn again(&mut self, record: &Record<'c>) -> Option<Record<'c>> {
        let times = record.repeats_line_above()?;
        let above = Record::parse(self.above);
        let again = above.and_then(|above| above.again(record, times));
        Some(again.unwrap_or(*record))
    }

    /// Returns a line with the parts of it that stand above, and whatever is between them.
    fn with_parts(&mut self, raw: &'c [u8]) -> &'c [u8] {
        let Some(parts) = self.parts.take() else {
            return raw;
        };
        let length = parts.len() - self.rest.len();
        let parts = parts.get(..length).unwrap_or(raw);
        parts.strip_suffix(b"\n").unwrap_or(parts)
    }

    /// Tells how often the line above was logged again, if a line in a container says so; else it is
    /// the line above for those that follow.
    fn repeats(&mut self, raw: &'c [u8]) -> Option<u32> {
        let record = self.unwrapped.record();
        let times = record.and_then(|record| record.repeats_line_above());
        if times.is_none() {
            self.above = raw;
        }
        times
    }

    /// Dates a line in a container.
    #[cold]
    fn in_container(&mut self, raw: &'c [u8], stamp: Timestamp) -> Looked<'c> {
        let raw = self.with_parts(raw);
        let times = self.repeats(raw);
        let time = self.dater.in_container(&stamp);
        if !self.lets_through(Some(time)) {
            return Looked::Outside;
        }
        Looked::InContainer(Found { raw, times, time })
    }

    #[cold]
    fn line_in_container(&mut self, found: Found<'c>) -> Line<'_> {
        let Found { raw, times, time } = found;
        Line {
            raw,
            logged: match self.record_in_container(times) {
                Some(record) => Logged::Here(record),
                None => Logged::Nothing,
            },
            time: Some(time),
        }
    }

    fn record_in_container(&mut self, times: Option<u32>) -> Option<Record<'_>> {
        let record = self.unwrapped.record()?;
        let Some(times) = times else {
            return Some(record);
        };
        self.unwrapped_above.forget();
        for line in split_lines(self.above) {
            self.unwrapped_above.load(line);
        }
        let above = self.unwrapped_above.record();
        let again = above.and_then(|above| above.again(&record, times));
        Some(again.unwrap_or(record))
    }

    /// Returns what dates the lines that follow those read so far.
    pub fn dating(&self) -> Dating {
        Dating {
            years: self.dater.years,
            ..self.dates
        }
    }
}

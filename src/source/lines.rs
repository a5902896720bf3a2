//! The cursor over the lines of a chunk: containers and envelopes taken off, repeats put in their
//! place, each line dated.

use mailtally_parsers::syslog::{Author, Envelopes};
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
    /// Who logged it, by numbers; `None` for lines that are not plain, and for some that are.
    pub author: Option<Author>,
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
    /// The time of the last plain line, and the number of its stamp; no stamp has the number 0.
    time: WallTime,
    moment: u64,
    /// The number of the minute of that line, and when that began.
    minute: Option<(u64, WallTime)>,
    /// The last line that is not plain.
    other: Other<'c>,
    unwrapped: Unwrapped,
    /// The last line that did not say that another one was repeated, if that was looked at closely.
    above: &'c [u8],
    /// Else that line with those below it, up to where it ends at `rest`: where it ends is worked out
    /// for whoever asks.
    glanced: &'c [u8],
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

/// What the cursor came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// A line as nearly all are, of text and with an envelope: [`Lines::plain`] has it.
    Plain,
    /// Any other line: [`Lines::other`] has it.
    Other,
    /// There are no more lines.
    End,
}

/// What came of looking at a line closely.
enum Looked {
    /// Its record is the last one of the envelopes; it was not dated.
    Plain,
    /// It is outside of the range, or only a part of a line.
    Outside,
    Other,
    End,
}

/// A line that is not plain, within the range.
#[derive(Debug)]
enum Other<'c> {
    None,
    Text(Line<'c>),
    InContainer(Found<'c>),
}

/// A line in a container.
#[derive(Clone, Copy, Debug)]
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
            time: WallTime {
                wall_us: 0,
                offset_secs: None,
            },
            moment: 0,
            minute: None,
            other: Other::None,
            unwrapped: Unwrapped::default(),
            above: chunk.above(),
            glanced: b"",
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
        match self.step() {
            Step::Plain => Some(Line {
                raw: self.line_above(),
                logged: Logged::InCursor(self.envelopes.record()),
                time: Some(self.time),
                author: self.author(),
            }),
            Step::Other => Some(self.other()),
            Step::End => None,
        }
    }

    /// Goes to the next line within the range. Who asks for each line of large logs takes its record
    /// from where it is: making a [`Line`] of it takes a tenth of the time of counting it.
    #[inline(always)]
    pub fn step(&mut self) -> Step {
        loop {
            let here = self.rest;
            if let Some(rest) = self.envelopes.take_repeating(here) {
                (self.rest, self.glanced) = (rest, here);
            } else {
                match self.look_closer() {
                    Looked::Plain => {}
                    Looked::Outside => continue,
                    Looked::Other => return Step::Other,
                    Looked::End => return Step::End,
                }
            }
            let number = self.envelopes.moment_number();
            if self.moment != number {
                self.new_moment(number);
            }
            if self.lets_through(Some(self.time)) {
                return Step::Plain;
            }
        }
    }

    /// Returns the record of the plain line that the cursor came to, and its time.
    #[inline(always)]
    pub fn plain(&self) -> (&Record<'c>, WallTime) {
        (self.envelopes.record(), self.time)
    }

    /// Returns who logged the plain line that the cursor came to, where that is remembered.
    #[inline(always)]
    pub fn author(&self) -> Option<Author> {
        self.envelopes.author()
    }

    /// Returns the line that the cursor came to, if it is not a plain one.
    #[cold]
    pub fn other(&mut self) -> Line<'_> {
        match self.other {
            Other::Text(line) => line,
            Other::InContainer(found) => self.line_in_container(found),
            Other::None => Line {
                raw: self.above,
                logged: Logged::Nothing,
                time: None,
                author: None,
            },
        }
    }

    /// Returns the last line that did not say that another one was repeated.
    fn line_above(&self) -> &'c [u8] {
        // Its line end is between it and those below it.
        let bytes = self.glanced.len().checked_sub(self.rest.len() + 1);
        let glanced = bytes.and_then(|bytes| self.glanced.get(..bytes));
        glanced.unwrap_or(self.above)
    }

    /// Reads the next line, whatever it is.
    #[inline(never)]
    fn look_closer(&mut self) -> Looked {
        (self.above, self.glanced) = (self.line_above(), b"");
        let here = self.rest;
        let Some((raw, rest)) = split_line(here) else {
            // The end of a line in a container may never have come.
            return match self.unwrapped.take_unfinished() {
                Some(stamp) => self.in_container(b"", stamp),
                None => Looked::End,
            };
        };
        self.rest = rest;
        let record = match raw.first() {
            Some(b'{') => None,
            _ => self.envelopes.parse(raw),
        };
        // Nearly all lines: the others are looked at a second time.
        if record.is_some_and(|record| is_plain(record.tag.program)) {
            self.above = raw;
            return Looked::Plain;
        }
        let record = record.copied();
        match self.see(raw, record) {
            Seen::Text(record) => self.text(raw, record),
            Seen::InContainer(stamp) => self.in_container(raw, stamp),
            Seen::Part => {
                self.parts.get_or_insert(here);
                Looked::Outside
            }
        }
    }

    /// Dates a plain line whose stamp is not that of the one above; most are of the same minute.
    #[inline(never)]
    fn new_moment(&mut self, number: u64) {
        let minute_number = self.envelopes.minute_number();
        let minute = match self.minute {
            Some((known, minute)) if known == minute_number => minute,
            _ => self.new_minute(minute_number),
        };
        let us = us_of_minute(&self.envelopes.record().timestamp);
        self.moment = number;
        self.time = WallTime {
            wall_us: minute.wall_us + us,
            ..minute
        };
    }

    /// Dates the beginning of a plain line's minute; no zone changes its clock within one.
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
    fn text(&mut self, raw: &'c [u8], record: Option<Record<'c>>) -> Looked {
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
        self.other = Other::Text(Line {
            raw,
            logged,
            time,
            author: None,
        });
        Looked::Other
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
    fn in_container(&mut self, raw: &'c [u8], stamp: Timestamp) -> Looked {
        let raw = self.with_parts(raw);
        let times = self.repeats(raw);
        let time = self.dater.in_container(&stamp);
        if !self.lets_through(Some(time)) {
            return Looked::Outside;
        }
        self.other = Other::InContainer(Found { raw, times, time });
        Looked::Other
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
            author: None,
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

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;

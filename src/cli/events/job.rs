//! What is made of each line: which ones are chosen, and how they are written.

use mailtally_parsers::{Event, Problem, Reason, Record};

use super::count::Counts;
use super::problems::ProblemSet;
use super::stamp::StampText;
use crate::cli::kinds::KindSet;
use crate::cli::unparsed::push_if_unparsed;
use crate::export::{self, Csv, JsonLines, Line};
use crate::filter::Filter;
use crate::privacy::{Masking, Room};
use crate::source::{Chunk, LinePlaces, Place};

/// What was asked for.
pub(super) struct Job {
    pub(super) kinds: KindSet,
    pub(super) problems: ProblemSet,
    pub(super) filter: Filter,
    pub(super) output: Output,
    /// Whether lines of unknown shape are to be kept as they were read.
    pub(super) keeps_unparsed: bool,
    /// What becomes of names in what is written.
    pub(super) masking: Option<Masking>,
}

/// What becomes of the lines that are chosen.
pub(super) enum Output {
    /// An object each.
    JsonLines,
    /// A row each.
    Csv {
        /// The names of the columns.
        columns: Vec<&'static str>,
    },
    /// They are counted by kind.
    Count,
    /// They are not written.
    Nothing,
}

/// What came of one chunk.
#[derive(Default)]
pub(super) struct Part {
    /// The objects or rows.
    pub(super) bytes: Vec<u8>,
    pub(super) counts: Counts,
    pub(super) unparsed: Vec<u8>,
    pub(super) seen: Seen,
}

/// What was seen of lines, chosen or not.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen {
    /// The conditions whose field some line has, as in [`crate::filter::Verdict`].
    pub(super) fields: u64,
    /// How many lines there were.
    pub(super) lines: u64,
}

impl Seen {
    pub(super) fn and(self, other: Seen) -> Seen {
        Seen {
            fields: self.fields | other.fields,
            lines: self.lines + other.lines,
        }
    }
}

/// Writes lines in the form asked for.
enum Writer {
    JsonLines(JsonLines),
    Csv(Box<Csv>),
    Count,
    Nothing,
}

impl Output {
    fn writer(&self) -> Writer {
        match self {
            Output::JsonLines => Writer::JsonLines(JsonLines::default()),
            Output::Csv { columns } => Writer::Csv(Box::new(Csv::new(columns))),
            Output::Count => Writer::Count,
            Output::Nothing => Writer::Nothing,
        }
    }

    /// Returns what stands before all lines.
    pub(super) fn header(&self) -> Vec<u8> {
        let mut header = Vec::new();
        if let Output::Csv { columns } = self {
            Csv::write_header(&mut header, columns);
        }
        header
    }
}

impl Job {
    /// Works on the lines of a chunk; `buffer` is used for what is written. Lines of followed logs
    /// have places.
    pub(super) fn part(
        &self,
        chunk: &mut Chunk,
        places: Option<LinePlaces>,
        buffer: Vec<u8>,
    ) -> Part {
        let mut part = Part {
            bytes: buffer,
            ..Part::default()
        };
        let mut writer = self.output.writer();
        let mut stamps = StampText::default();
        let mut room = Room::default();
        let mut lines = chunk.records();
        loop {
            let offset = lines.offset();
            let Some(line) = lines.next() else {
                return part;
            };
            part.seen.lines += 1;
            let Some(record) = line.record() else {
                continue;
            };
            let event = Event::parse(&record.tag, record.message);
            if self.keeps_unparsed {
                let masking = self.masking.as_ref();
                push_if_unparsed(&mut part.unparsed, masking, line.raw, record, &event);
            }
            let Some(problem) = self.choose(record, &event) else {
                continue;
            };
            let time = line.time.map(|time| stamps.text(time));
            let place = places.map(|places| places.of(offset, line.raw));
            let line = Line {
                time,
                record,
                event,
            };
            if !self.lets_through(&line, &mut part.seen) {
                continue;
            }
            if let Some(masking) = &self.masking {
                let record = masking.record(&mut room, record);
                let event = Event::parse(&record.tag, record.message);
                let record = &record;
                let line = Line {
                    time,
                    record,
                    event,
                };
                part.push(&mut writer, &line, problem, place);
            } else {
                part.push(&mut writer, &line, problem, place);
            }
        }
    }

    /// Chooses by kind and problem; returns the problem as far as it was asked for.
    fn choose(
        &self,
        record: &Record<'_>,
        event: &Result<Event<'_>, Reason>,
    ) -> Option<Option<Problem>> {
        let is_foreign = event.is_err() && !record.tag.program.is_ours();
        if is_foreign || !self.kinds.has(event) {
            return None;
        }
        if !self.problems.is_asked_for() {
            return Some(None);
        }
        let problem = Problem::of(event, record.message);
        self.problems.has(problem).then_some(problem)
    }

    fn lets_through(&self, line: &Line<'_>, seen: &mut Seen) -> bool {
        if self.filter.is_empty() {
            return true;
        }
        let verdict = self.filter.decide(line);
        seen.fields |= verdict.fields_seen;
        verdict.matches
    }
}

impl Part {
    fn push(
        &mut self,
        writer: &mut Writer,
        line: &Line<'_>,
        problem: Option<Problem>,
        place: Option<Place>,
    ) {
        match writer {
            Writer::JsonLines(writer) => {
                writer.write(&mut self.bytes, line);
                if let Some(place) = &place {
                    export::add_position(&mut self.bytes, place);
                }
            }
            Writer::Csv(writer) => writer.write(&mut self.bytes, line),
            Writer::Count => {
                let times = u64::from(line.record.repeated);
                self.counts.add(line.kind_name(), problem, times);
            }
            Writer::Nothing => {}
        }
    }
}

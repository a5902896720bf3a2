//! What is made of the lines of a chunk: one tally of all, of some, or one for each part.

use hashbrown::HashMap;
use mailtally_parsers::syslog::Author;
use mailtally_parsers::{Event, Reason, Record};
use rustc_hash::FxBuildHasher;

use super::Options;
use crate::privacy::{Masking, Room};
use crate::select::{Mark, Marks, Selection};
use crate::source::{Chunk, Line, Step};
use crate::tally::Tally;

/// A way of counting stretches of the log, so that neighbours can be merged.
pub(super) trait Counting: Sync {
    /// A stretch of the log, counted.
    type Counted: Send;

    /// Begins a stretch, which may be the first of all.
    fn begin(&self, is_first: bool) -> Self::Counted;

    /// Counts the lines of a chunk behind those counted before.
    fn chunk(&self, counted: &mut Self::Counted, chunk: &Chunk);

    /// Adds the stretch that follows.
    fn merge(&self, counted: &mut Self::Counted, later: Self::Counted);
}

impl Options {
    /// An empty tally of a stretch.
    fn tally(&self, is_first: bool) -> Tally {
        let tally = if is_first {
            Tally::anchored(self.windows)
        } else {
            Tally::part(self.windows)
        };
        tally.counting(self.wanted)
    }
}

/// All lines.
pub(super) struct Whole<'o>(pub(super) &'o Options);

impl Counting for Whole<'_> {
    type Counted = Tally;

    fn begin(&self, is_first: bool) -> Tally {
        self.0.tally(is_first)
    }

    fn chunk(&self, tally: &mut Tally, chunk: &Chunk) {
        let mut lines = chunk.records();
        let mut masks = Masks::new(self.0);
        loop {
            match lines.step() {
                Step::Plain => {
                    let author = lines.author();
                    let (record, time) = lines.plain();
                    masks.count_record(tally, author, record, time.wall_us);
                }
                Step::Other => masks.count(tally, &lines.other()),
                Step::End => break,
            }
        }
    }

    fn merge(&self, tally: &mut Tally, later: Tally) {
        tally.merge(later);
    }
}

/// What lines are masked with before they are counted, if they are.
struct Masks<'o> {
    masking: Option<&'o Masking>,
    room: Room,
}

impl<'o> Masks<'o> {
    fn new(options: &'o Options) -> Self {
        Masks {
            masking: options.masking.as_ref(),
            room: Room::default(),
        }
    }

    /// Counts a line behind those counted before.
    #[inline(never)]
    fn count(&mut self, tally: &mut Tally, line: &Line<'_>) {
        match (line.record(), &line.time) {
            (Some(record), Some(time)) => {
                self.count_record(tally, line.author, record, time.wall_us);
            }
            _ => count_line(tally, line, None),
        }
    }

    /// Counts a line with an envelope and a time.
    #[inline(always)]
    fn count_record(
        &mut self,
        tally: &mut Tally,
        author: Option<Author>,
        record: &Record<'_>,
        wall_us: i64,
    ) {
        match self.masking {
            None => tally.line_of(author, record, wall_us),
            Some(masking) => tally.line(&masking.record(&mut self.room, record), wall_us),
        }
    }
}

/// Counts a line whose message was parsed already behind those counted before; `event` is what
/// came of that where the line has an envelope.
pub fn count_line(tally: &mut Tally, line: &Line<'_>, event: Option<&Result<Event<'_>, Reason>>) {
    match (line.record(), &line.time, event) {
        (Some(record), Some(time), Some(event)) => tally.absorb(record, time.wall_us, event),
        (Some(record), Some(time), None) => tally.line_of(line.author, record, time.wall_us),
        (Some(marker), None, _) => tally.absorb_marker(marker),
        (None, ..) => tally.absorb_foreign(),
    }
}

/// The lines that meet conditions.
pub(super) struct Where<'s> {
    pub(super) options: &'s Options,
    pub(super) selection: &'s Selection,
}

impl Counting for Where<'_> {
    type Counted = Tally;

    fn begin(&self, is_first: bool) -> Tally {
        self.options.tally(is_first)
    }

    fn chunk(&self, tally: &mut Tally, chunk: &Chunk) {
        let passes_without_envelope = self.selection.passes_without_envelope();
        let mut lines = chunk.records();
        let mut masks = Masks::new(self.options);
        while let Some(line) = &lines.next() {
            let Some(record) = line.record() else {
                match passes_without_envelope {
                    true => tally.absorb_foreign(),
                    false => tally.absorb_filtered(1),
                }
                continue;
            };
            let event = Event::parse(&record.tag, record.message);
            if !self.selection.passes(record, &event) {
                tally.absorb_filtered(1);
            } else if masks.masking.is_some() {
                // Conditions look at what is logged.
                masks.count(tally, line);
            } else {
                count_line(tally, line, Some(&event));
            }
        }
    }

    fn merge(&self, tally: &mut Tally, later: Tally) {
        tally.merge(later);
    }
}

/// The lines that are marked, in the parts that the marks name.
pub(super) struct InParts<'m> {
    pub(super) options: &'m Options,
    pub(super) marks: &'m Marks,
}

/// A tally of each part of the lines. All of them know of all lines: those of other parts are
/// `filtered`.
#[derive(Default)]
pub struct PartTallies {
    tallies: HashMap<u32, Tally, FxBuildHasher>,
    /// How many lines went by; a tally may lag behind by lines that are not its own.
    lines: u64,
    is_first: bool,
}

impl Counting for InParts<'_> {
    type Counted = PartTallies;

    fn begin(&self, is_first: bool) -> PartTallies {
        PartTallies {
            is_first,
            ..PartTallies::default()
        }
    }

    fn chunk(&self, counted: &mut PartTallies, chunk: &Chunk) {
        let marks = self.marks.take(chunk);
        let mut marks = marks.as_slice();
        let mut lines = chunk.records();
        let mut masks = Masks::new(self.options);
        let mut at: u32 = 0;
        while let Some(line) = &lines.next() {
            while let Some((Mark { part, .. }, rest)) =
                marks.split_first().filter(|(mark, _)| mark.line == at)
            {
                masks.count(counted.part(*part, self.options), line);
                marks = rest;
            }
            counted.lines += 1;
            at += 1;
        }
    }

    fn merge(&self, counted: &mut PartTallies, later: PartTallies) {
        let lines = counted.lines + later.lines;
        for (part, mut tally) in later.tallies {
            tally.absorb_filtered(later.lines.saturating_sub(tally.lines()));
            counted.part(part, self.options).merge(tally);
        }
        counted.lines = lines;
    }
}

impl PartTallies {
    /// Returns the tally of a part, ready for the line that is next.
    fn part(&mut self, part: u32, options: &Options) -> &mut Tally {
        let tally = self.tallies.entry(part);
        let tally = tally.or_insert_with(|| options.tally(self.is_first));
        tally.absorb_filtered(self.lines.saturating_sub(tally.lines()));
        tally
    }

    /// Takes the tally of a part out; `None` if no line is in it.
    pub fn take(&mut self, part: u32) -> Option<Tally> {
        let mut tally = self.tallies.remove(&part)?;
        tally.absorb_filtered(self.lines.saturating_sub(tally.lines()));
        Some(tally)
    }

    /// Returns how many lines went by, those that are in no part too.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Makes the tally of lines none of which counts.
    pub fn empty(&self, options: &Options) -> Tally {
        let mut tally = options.tally(true);
        tally.absorb_filtered(self.lines);
        tally
    }
}

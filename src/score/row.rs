//! What was counted for one key.

use std::collections::BTreeMap;

use crate::tally::evidence::Evidence;

/// Samples that are kept, each of another kind of evidence.
const SAMPLES: usize = 3;
/// The bytes of a line that are kept.
const SAMPLE_BYTES: usize = 400;

/// A line that shows what happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Sample {
    /// The number of the line in its part of the log.
    at: u64,
    line: Box<str>,
}

impl Sample {
    pub(super) fn new(at: u64, raw: &[u8]) -> Self {
        let shown = raw.get(..SAMPLE_BYTES).unwrap_or(raw);
        Sample {
            at,
            line: String::from_utf8_lossy(shown).into(),
        }
    }

    /// Counts lines before its part.
    pub(super) fn shift(&mut self, lines: u64) {
        self.at += lines;
    }

    pub(super) fn at(&self) -> u64 {
        self.at
    }
}

/// Evidence against one key, and accepted mail of it.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Row {
    counts: [u64; Evidence::ALL.len()],
    /// Refusals by class.
    classes: BTreeMap<&'static str, u64>,
    /// Points that it may have lost before this row was begun.
    pub(super) missed: u64,
    /// Mails accepted.
    pub(super) accepted: u64,
    /// First and last line against it.
    span: Option<(i64, i64)>,
    /// The first sender of what was refused; of aliases only.
    pub(super) first_sender: Option<Box<str>>,
    /// In the order of the log.
    samples: Vec<(Evidence, Sample)>,
}

impl Row {
    /// An empty row of a key that may have been forgotten with so many points.
    pub(super) fn after(missed: u64) -> Self {
        Row {
            missed,
            ..Row::default()
        }
    }

    /// Returns how many pieces of evidence of one kind there are.
    pub fn count(&self, evidence: Evidence) -> u64 {
        self.counts.get(evidence.index()).copied().unwrap_or(0)
    }

    /// Returns the refusals by class.
    pub fn classes(&self) -> &BTreeMap<&'static str, u64> {
        &self.classes
    }

    /// Returns how many mails were accepted.
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Returns when its first and its last line was logged.
    pub fn span(&self) -> Option<(i64, i64)> {
        self.span
    }

    /// Returns the sender of the first mail that was refused; of aliases only.
    pub fn first_sender(&self) -> Option<&str> {
        self.first_sender.as_deref()
    }

    /// Returns lines that show what happened.
    pub fn samples(&self) -> impl Iterator<Item = &str> {
        self.samples.iter().map(|(_, sample)| &*sample.line)
    }

    pub(super) fn add(&mut self, evidence: Evidence, times: u64) {
        if let Some(count) = self.counts.get_mut(evidence.index()) {
            *count = count.saturating_add(times);
        }
    }

    pub(super) fn add_class(&mut self, class: &'static str, times: u64) {
        let count = self.classes.entry(class).or_default();
        *count = count.saturating_add(times);
    }

    pub(super) fn see(&mut self, wall_us: i64) {
        let (first, last) = self.span.unwrap_or((wall_us, wall_us));
        self.span = Some((first.min(wall_us), last.max(wall_us)));
    }

    /// Tells whether a line is kept: the first one of its kind of evidence, of the first few kinds.
    ///
    /// What a filter says of a mail may come to its row later than lines behind it.
    fn wants(&self, evidence: Evidence, at: u64) -> bool {
        let known = self.samples.iter().find(|(known, _)| *known == evidence);
        match known {
            Some((_, sample)) => at < sample.at,
            None => {
                let last = self
                    .samples
                    .last()
                    .filter(|_| self.samples.len() >= SAMPLES);
                last.is_none_or(|(_, last)| at < last.at)
            }
        }
    }

    /// Offers a line as a sample.
    pub(super) fn sample(&mut self, evidence: Evidence, at: u64, sample: impl FnOnce() -> Sample) {
        if !self.wants(evidence, at) {
            return;
        }
        self.samples.retain(|(known, _)| *known != evidence);
        self.samples.push((evidence, sample()));
        // One line may be two kinds.
        self.samples
            .sort_by_key(|(evidence, sample)| (sample.at, *evidence));
        self.samples.truncate(SAMPLES);
    }

    /// Counts lines before its part.
    pub(super) fn shift(&mut self, lines: u64) {
        self.samples
            .iter_mut()
            .for_each(|(_, sample)| sample.shift(lines));
    }

    /// Adds what follows in the log, or what another key of the same group has.
    pub(super) fn merge(&mut self, later: Row) {
        for (evidence, count) in Evidence::ALL.into_iter().zip(later.counts) {
            self.add(evidence, count);
        }
        for (class, count) in later.classes {
            self.add_class(class, count);
        }
        self.missed = self.missed.saturating_add(later.missed);
        self.accepted = self.accepted.saturating_add(later.accepted);
        if let Some((first, last)) = later.span {
            self.see(first);
            self.see(last);
        }
        self.first_sender = self.first_sender.take().or(later.first_sender);
        for (evidence, sample) in later.samples {
            self.sample(evidence, sample.at, || sample);
        }
    }
}

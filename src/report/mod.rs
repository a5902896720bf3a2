//! Turns finished totals into a report: sections for people, and the same figures for programs.
//!
//! Everything here is pure. A section is one function from rows of [`Totals`] to a [`Section`] of
//! typed blocks, and one test beside it; percentages, scores and top-N lists are made here and
//! nowhere else. What a section looks like on paper is **not** decided here (that is `render`),
//! nor is anything counted (that is `tally`).
//!
//! The machine's side, [`Figures`], borrows the totals instead of copying them into
//! `serde_json::Value`s: 100,000 rows are written in 40 ms, while making `Value`s of them takes 85 ms
//! before the first byte is out, and memory for them all at once.

mod block;
mod charts;
mod clock;
mod coverage;
mod delays;
mod detail_figures;
mod failures;
mod families;
mod figures;
mod grand_totals;
mod greylist;
mod head;
mod login_sources;
mod logins;
mod mailboxes;
mod message_detail;
mod metrics;
pub mod number;
#[cfg(test)]
mod plain;
mod queue;
mod reject_detail;
mod reject_trend;
mod rejects;
mod schema;
mod screening;
mod sections;
mod smtpd;
mod spam_sources;
mod tls;
mod traffic;
mod trend;
mod verdicts;
mod volume;
mod warnings;
mod weak_tls;

pub(crate) use self::head::head;
pub(crate) use clock::{iso, stamp};
pub(crate) use detail_figures::hour;
pub(crate) use schema::schema_of;
pub(crate) use trend::Axis;

pub use block::{
    Block, Cell, Chart, Column, Form, Highlight, Kind, Pairs, Rest, Section, Table, Tone,
};
pub use detail_figures::{
    DetailFigures, DnsblFigures, DomainFigures, FailureFigures, GreylistFigures, HourFigure,
    MailboxFigures, PostscreenFigures, QueueFigures, RefusedFigure, RejectDetailFigures,
    RejectPartiesFigure, RejectPartyFigure, SmtpdFigures, StayHourFigure, TripletFigures,
    WarningFigure, WithoutSizeFigures,
};
pub use figures::{
    ConnectionFigures, CoverageFigures, DeliveryFigures, Figures, GapFigure, MetaFigures,
    RangeFigure, RejectFigures, SCHEMA, TlsFigures,
};
pub use message_detail::{MailFigure, MailListFigure, MessageDetailFigures};
pub use metrics::{
    Bound, Distribution, Label, Metric, MetricKind, Series, Value, metrics,
    series as metric_series, whole_metrics,
};
pub use schema::{coverage_schema, schema};
pub use sections::{Limits, Part, Sections, Share};
pub use spam_sources::{SpamSource, spam_sources};

use std::fmt;

use crate::tally::totals::Totals;

/// A report: sections for people, and figures for programs.
#[derive(Clone, PartialEq, Debug)]
pub struct Report<F> {
    /// What people read, in order.
    pub sections: Vec<Section>,
    /// What programs read: serialised as one JSON object.
    pub figures: F,
}

/// What the totals cannot know about their own making.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Meta {
    /// The names of the files read, in the order given.
    pub files: Vec<String>,
    /// The time zone of the wall clock, as a reader should see it.
    pub timezone: String,
    /// The range of time that was asked for; `None` for all.
    pub range: Option<RangeAsked>,
    /// The conditions that lines and mails had to meet, in the user's words; none for all.
    pub conditions: Vec<String>,
    /// Sentences about the input that a reader must know: a file that could be read only in part,
    /// a copy that was left out.
    pub notes: Vec<String>,
}

/// A range of time as it was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RangeAsked {
    /// In the user's words: `yesterday`, `since 2h`.
    pub words: String,
    /// Its first moment, as microseconds of the wall clock; `None` from the beginning on.
    pub from_us: Option<i64>,
    /// The moment before which it ends; `None` to the end.
    pub to_us: Option<i64>,
}

/// `since 90m`, `last month`.
const LONGEST_WORDS: usize = 12;

impl fmt::Display for RangeAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from_us.map(stamp), self.to_us.map(stamp)) {
            (Some(from), Some(to)) => write!(f, "from {from} to before {to}")?,
            (Some(from), None) => write!(f, "from {from} on")?,
            (None, Some(to)) => write!(f, "before {to}")?,
            (None, None) => f.write_str("of any time")?,
        }
        // Longer words only repeat the limits, and do not fit a line beside them.
        if self.words.len() <= LONGEST_WORDS {
            write!(f, " ({})", self.words)?;
        }
        Ok(())
    }
}

/// How a report is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Rows of each list. Without it, text shows each section's default and JSON shows all rows.
    pub top: Option<usize>,
    /// Which sections there are.
    pub sections: Sections,
    /// Rows of the lists of single parts, whatever `top` says.
    pub limits: Limits,
    /// Whether metrics have the names of postfix_exporter too.
    pub compat_metrics: bool,
}

impl Options {
    /// So many rows of each list.
    pub fn with_top(rows: usize) -> Self {
        Options {
            top: Some(rows),
            ..Options::default()
        }
    }

    /// The options of one part.
    fn at(self, part: Part) -> Self {
        Options {
            top: self.limits.of(part).or(self.top),
            ..self
        }
    }

    /// The rows of a list in text.
    fn rows(self, default: usize) -> usize {
        self.top.unwrap_or(default)
    }

    /// A list as JSON shows it.
    fn cut<T>(self, rows: &[T]) -> &[T] {
        let end = self.top.unwrap_or(rows.len()).min(rows.len());
        rows.get(..end).unwrap_or(rows)
    }
}

/// Makes the report of a log.
pub fn report<'a>(totals: &'a Totals, meta: &'a Meta, options: &Options) -> Report<Figures<'a>> {
    let sources = spam_sources(&totals.evidence);
    Report {
        sections: sections(totals, meta, *options, &sources),
        figures: Figures::new(totals, meta, sources, *options),
    }
}

/// Makes what people read of a log's report alone: nobody asks for the figures.
pub fn for_people(totals: &Totals, meta: &Meta, options: &Options) -> Report<()> {
    let sources = spam_sources(&totals.evidence);
    Report {
        sections: sections(totals, meta, *options, &sources),
        figures: (),
    }
}

fn sections(
    totals: &Totals,
    meta: &Meta,
    options: Options,
    sources: &[SpamSource<'_>],
) -> Vec<Section> {
    let has = |part| options.sections.has(part);
    let at = |part| options.at(part);
    let mut sections = vec![head(totals, meta)];
    if totals.coverage.lines.read == 0 {
        return sections;
    }
    if has(Part::Totals) {
        sections.push(grand_totals::grand_totals(&totals.totals, &totals.messages));
        sections.extend(grand_totals::by_instance(&totals.totals_by_instance));
    }
    if has(Part::Traffic) {
        sections.extend(traffic::per_day(&totals.per_day, at(Part::Traffic)));
        sections.extend(traffic::per_hour(&totals.per_hour));
        let days = totals.per_day.len();
        sections.extend(traffic::weekdays(&totals.per_weekday_hour, days));
    }
    detail_sections(&mut sections, totals, options);
    if has(Part::Tls) {
        let mut section = tls::tls(&totals.tls, at(Part::Tls));
        section
            .blocks
            .extend(weak_tls::blocks(&totals.details, at(Part::Tls)));
        sections.push(section);
    }
    if has(Part::Logins) {
        sections.push(logins::logins(&totals.logins, at(Part::Logins)));
    }
    if has(Part::LoginSources) {
        sections.extend(login_sources::login_sources(
            &totals.logins,
            options.at(Part::LoginSources),
        ));
    }
    if has(Part::Rejects) {
        sections.push(rejects::rejects(&totals.rejects, at(Part::Rejects)));
    }
    client_sections(&mut sections, totals, options);
    if has(Part::Families) {
        sections.extend(families::families(totals, options.at(Part::Families)));
    }
    if has(Part::SpamSources) {
        sections.push(spam_sources::section(sources, at(Part::SpamSources)));
    }
    if has(Part::Mailboxes) {
        sections.extend(mailboxes::mailboxes(
            &totals.details.mailboxes,
            options.at(Part::Mailboxes),
        ));
    }
    if has(Part::Warnings) {
        sections.extend(warnings::warnings(
            &totals.details.warnings,
            options.at(Part::Warnings),
        ));
    }
    if has(Part::Coverage) {
        sections.push(coverage::coverage(&totals.coverage, at(Part::Coverage)));
    }
    charts::add(&mut sections, totals);
    sections
}

/// Adds the sections on how mail fared beyond its totals; those that have nothing to say are left
/// out.
fn detail_sections(sections: &mut Vec<Section>, totals: &Totals, options: Options) {
    let details = &totals.details;
    let has = |part| options.sections.has(part);
    if has(Part::Domains) {
        sections.extend(volume::domains(&details.volume, options.at(Part::Domains)));
    }
    if has(Part::Addresses) {
        sections.extend(volume::addresses(
            &details.volume,
            options.at(Part::Addresses),
        ));
    }
    if has(Part::Failures) {
        sections.extend(failures::failures(
            &details.failures,
            options.at(Part::Failures),
        ));
    }
    if has(Part::MessageDetail) {
        sections.extend(message_detail::message_detail(
            &details.mails,
            options.at(Part::MessageDetail),
        ));
    }
    if let Some(queue) = &details.queue {
        sections.push(queue::queue(queue, options));
    }
    if has(Part::Delays) {
        sections.extend(delays::delays(&details.delays));
    }
}

/// Adds the sections on what was done with clients and their mail before it got into a queue.
fn client_sections(sections: &mut Vec<Section>, totals: &Totals, options: Options) {
    let details = &totals.details;
    let has = |part| options.sections.has(part);
    if has(Part::RejectTrend) {
        sections.extend(reject_trend::reject_trend(
            &details.refused,
            options.at(Part::RejectTrend),
        ));
    }
    if has(Part::RejectDetail) {
        sections.extend(reject_detail::reject_detail(
            &totals.rejects.by_rule,
            &details.behind,
            options.at(Part::RejectDetail),
        ));
    }
    if has(Part::Greylist) {
        sections.extend(greylist::greylist(
            &details.greylist,
            options.at(Part::Greylist),
        ));
    }
    if has(Part::Postscreen) {
        sections.extend(screening::screening(
            &details.screening,
            options.at(Part::Postscreen),
        ));
    }
    if has(Part::Verdicts) {
        sections.extend(verdicts::verdicts(
            &details.verdicts,
            options.at(Part::Verdicts),
        ));
    }
    if has(Part::Smtpd) {
        sections.extend(smtpd::smtpd(details, options.at(Part::Smtpd)));
    }
}

/// Makes the report on how far a log was understood, with lines by program and kind.
pub fn coverage<'a>(
    totals: &'a Totals,
    meta: &'a Meta,
    options: &Options,
) -> Report<CoverageFigures<'a>> {
    let mut sections = vec![head(totals, meta)];
    if totals.coverage.lines.read > 0 {
        sections.push(coverage::coverage(&totals.coverage, *options));
        sections.push(coverage::kinds(&totals.coverage.kinds, *options));
    }
    Report {
        sections,
        figures: CoverageFigures::new(&totals.coverage, *options),
    }
}

/// Sorts counts as every list here is sorted: by count descending, then by key.
fn ranked<K: Ord>(counts: impl IntoIterator<Item = (K, u64)>) -> Vec<(K, u64)> {
    let mut rows: Vec<(K, u64)> = counts.into_iter().collect();
    rows.sort_unstable_by(|(a_key, a), (b_key, b)| b.cmp(a).then_with(|| a_key.cmp(b_key)));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::totals::AcceptedRow;

    #[test]
    fn an_empty_log_is_one_short_section() {
        let (totals, meta) = (Totals::default(), Meta::default());
        let report = report(&totals, &meta, &Options::default());
        assert_eq!(report.sections.len(), 1);
        assert_eq!(
            plain::plain(&report.sections[0]),
            "Mail log report\n> No lines.\n"
        );
    }

    #[test]
    fn sections_stand_in_the_order_of_reading() {
        let mut totals = Totals::default();
        totals.coverage.lines.read = 1;
        totals.coverage.lines.parsed = 1;
        let meta = Meta::default();
        let report = report(&totals, &meta, &Options::default());
        let ids: Vec<_> = report.sections.iter().map(|section| section.id).collect();
        assert_eq!(
            ids,
            [
                "head",
                "totals",
                "tls",
                "logins",
                "rejects",
                "spam_sources",
                "coverage"
            ]
        );
    }

    #[test]
    fn top_cuts_lists_and_nothing_cuts_them_otherwise() {
        let row = |address: &str, count| AcceptedRow {
            address: address.into(),
            family: "ipv4",
            client_scope: "outside",
            count,
        };
        let rows = [row("192.0.2.1", 3), row("192.0.2.2", 2)];
        assert_eq!(Options::default().cut(&rows).len(), 2);
        assert_eq!(
            Options {
                top: Some(1),
                ..Options::default()
            }
            .cut(&rows),
            &rows[..1]
        );
        assert_eq!(
            Options {
                top: Some(9),
                ..Options::default()
            }
            .cut(&rows)
            .len(),
            2
        );
        assert!(
            Options {
                top: Some(0),
                ..Options::default()
            }
            .cut(&rows)
            .is_empty()
        );
    }

    #[test]
    fn ties_are_ordered_by_key() {
        let rows = ranked([("b", 2), ("c", 7), ("a", 2)]);
        assert_eq!(rows, [("c", 7), ("a", 2), ("b", 2)]);
    }
}

//! How every line was accounted for, and what is odd about the stream of lines.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use mailtally_parsers::foreign::Server;
use mailtally_parsers::{Kind, Reason};
use rustc_hash::FxBuildHasher;

use super::counts::Counts;
use super::kinds::KindTable;
use super::symbols::{Renumber, Renumbering, Symbol, Symbols, key, plain};
use super::totals::{Coverage, GapRow, KindRow, LineCounts, ServerRow, ShapeRow};

/// What became of a line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Class {
    Parsed,
    Generic,
    Unparsed,
    Foreign,
}

plain!(Class, Option<Kind>);

key! {
    struct KindKey { program: Symbol, kind: Option<Kind>, class: Class }
}

/// Silence of one host that is worth a word.
const GAP_US: i64 = 3_600 * 1_000_000;

/// How many shapes of unparsed lines are kept; more are only counted.
const SHAPES: usize = 10_000;

/// How long the kept part of a shape is, in bytes.
const SHAPE_BYTES: usize = 400;

/// How long the kept part of a sample is, in bytes: nearly all lines are kept whole, for whoever
/// writes a parser for them has nothing else.
const SAMPLE_BYTES: usize = 2_000;

/// The stream of lines of one host.
#[derive(Clone, Copy)]
struct Span {
    first_us: i64,
    last_us: i64,
    min_us: i64,
    max_us: i64,
}

/// Unparsed lines of one shape.
#[derive(Clone)]
struct Shape {
    program: Symbol,
    reason: Reason,
    count: u64,
    sample: Box<[u8]>,
}

/// Accounts for lines.
#[derive(Clone, Default)]
pub(crate) struct Accounts {
    /// Parsed lines of programs that have a name of their own: nearly all.
    parsed: KindTable,
    kinds: Counts<KindKey>,
    filtered: u64,
    no_envelope: u64,
    lost: u64,
    expanded: u64,
    servers: BTreeMap<Server, u64>,
    shapes: HashMap<Box<[u8]>, Shape>,
    shapes_dropped: u64,
    spans: HashMap<Symbol, Span, FxBuildHasher>,
    /// The host of the last line, and its span as long as no other host logs.
    current: Option<(Symbol, Span)>,
    gaps: Vec<(Symbol, i64, i64)>,
    disordered: u64,
    disorder_us: i64,
}

impl Accounts {
    /// Counts a parsed line of the program of a number.
    #[inline]
    pub(crate) fn count_parsed(&mut self, program: usize, kind: Kind) {
        self.parsed.count(program, kind);
    }

    pub(crate) fn count(&mut self, program: Symbol, kind: Option<Kind>, class: Class) {
        self.kinds.add(
            KindKey {
                program,
                kind,
                class,
            },
            1,
        );
    }

    pub(crate) fn count_filtered(&mut self, lines: u64) {
        self.filtered += lines;
    }

    pub(crate) fn count_no_envelope(&mut self, program: Symbol) {
        self.no_envelope += 1;
        self.count(program, None, Class::Foreign);
    }

    /// Counts a foreign line of another mail server.
    pub(crate) fn count_server(&mut self, server: Server) {
        *self.servers.entry(server).or_default() += 1;
    }

    /// Counts the events that a line stands for beside its own.
    pub(crate) fn count_expanded(&mut self, events: u64) {
        self.expanded += events;
    }

    pub(crate) fn count_lost(&mut self, lines: u64) {
        self.lost += lines;
    }

    /// Files an unparsed message under its shape, with the first one's tag and text as a sample.
    pub(crate) fn unparsed(&mut self, program: Symbol, reason: Reason, tag: &[u8], message: &[u8]) {
        let shape = mask(message);
        if let Some(known) = self.shapes.get_mut(&shape[..]) {
            known.count += 1;
        } else if self.shapes.len() < SHAPES {
            let mut sample = [tag, b": ", message].concat();
            sample.truncate(SAMPLE_BYTES);
            let sample = sample.into_boxed_slice();
            self.shapes.insert(
                shape.into(),
                Shape {
                    program,
                    reason,
                    count: 1,
                    sample,
                },
            );
        } else {
            self.shapes_dropped += 1;
        }
    }

    /// Follows the stamps of a host: span, gaps, steps back.
    #[inline]
    pub(crate) fn stamp(&mut self, host: Symbol, us: i64) {
        match &mut self.current {
            // Whole seconds count: an hour less a second is no gap for sure.
            Some((current, span))
                if *current == host
                    && (0..GAP_US - 1_000_000).contains(&us.wrapping_sub(span.last_us)) =>
            {
                span.last_us = us;
                span.max_us = span.max_us.max(us);
            }
            _ => self.other_stamp(host, us),
        }
    }

    /// Follows a stamp of another host, or one that is not what follows the last one.
    #[cold]
    fn other_stamp(&mut self, host: Symbol, us: i64) {
        if self.current.is_none_or(|(current, _)| current != host) {
            self.turn_to(host, us);
        }
        self.odd_stamp(us);
    }

    /// Makes a host the current one.
    fn turn_to(&mut self, host: Symbol, us: i64) {
        if let Some((before, span)) = self.current.take() {
            self.spans.insert(before, span);
        }
        let span = self.spans.get(&host).copied().unwrap_or(Span {
            first_us: us,
            last_us: us,
            min_us: us,
            max_us: us,
        });
        self.current = Some((host, span));
    }

    /// Follows a stamp that may be before the last one of its host, or long after it.
    fn odd_stamp(&mut self, us: i64) {
        let Some((host, span)) = &mut self.current else {
            return;
        };
        // Whole seconds: all formats of one log must say the same, and RFC 3164 has no more.
        let step_secs = us.div_euclid(1_000_000) - span.last_us.div_euclid(1_000_000);
        if step_secs < 0 {
            self.disordered += 1;
            self.disorder_us = self.disorder_us.max(-step_secs * 1_000_000);
        } else if step_secs * 1_000_000 > GAP_US {
            self.gaps.push((*host, span.last_us, us));
        }
        span.last_us = us;
        span.min_us = span.min_us.min(us);
        span.max_us = span.max_us.max(us);
    }

    /// The spans of all hosts; `current` is newer than what `spans` says of its host.
    fn spans(&self) -> impl Iterator<Item = (Symbol, Span)> {
        let current = self.current.map(|(host, _)| host);
        let others = self.spans.iter().map(|(host, span)| (*host, *span));
        others
            .filter(move |(host, _)| Some(*host) != current)
            .chain(self.current)
    }

    /// Accounts without a line, that know when each host logged last.
    pub(crate) fn going_on(before: &Accounts, numbers: &Renumbering) -> Accounts {
        let span = |(host, span): (Symbol, Span)| (host.renumber(numbers), span);
        Accounts {
            spans: before.spans().map(span).collect(),
            ..Accounts::default()
        }
    }

    pub(crate) fn merge(&mut self, later: Accounts, numbers: &Renumbering) {
        let spans: Vec<(Symbol, Span)> = later.spans().collect();
        self.parsed.merge(later.parsed);
        self.kinds.merge(later.kinds, numbers);
        self.filtered += later.filtered;
        self.no_envelope += later.no_envelope;
        self.lost += later.lost;
        self.expanded += later.expanded;
        for (server, count) in later.servers {
            *self.servers.entry(server).or_default() += count;
        }
        self.disordered += later.disordered;
        self.disorder_us = self.disorder_us.max(later.disorder_us);
        for (host, span) in spans {
            self.stamp(host.renumber(numbers), span.first_us);
            if let Some((_, ours)) = &mut self.current {
                ours.last_us = span.last_us;
                ours.min_us = ours.min_us.min(span.min_us);
                ours.max_us = ours.max_us.max(span.max_us);
            }
        }
        self.gaps.extend(
            later
                .gaps
                .into_iter()
                .map(|(host, from, to)| (host.renumber(numbers), from, to)),
        );
        self.shapes_dropped += later.shapes_dropped;
        for (shape, found) in later.shapes {
            if let Some(known) = self.shapes.get_mut(&shape) {
                known.count += found.count;
            } else if self.shapes.len() < SHAPES {
                let program = found.program.renumber(numbers);
                self.shapes.insert(shape, Shape { program, ..found });
            } else {
                self.shapes_dropped += found.count;
            }
        }
    }

    /// The last stamp of all hosts.
    pub(crate) fn last_us(&self) -> Option<i64> {
        self.spans().map(|(_, span)| span.max_us).max()
    }

    /// The first and last stamp of all hosts.
    pub(crate) fn span(&self) -> Option<(i64, i64)> {
        Some((
            self.spans().map(|(_, span)| span.min_us).min()?,
            self.last_us()?,
        ))
    }

    /// The hosts that logged, sorted.
    pub(crate) fn hosts(&self, symbols: &Symbols) -> Vec<String> {
        let mut hosts: Vec<String> = self
            .spans()
            .map(|(host, _)| symbols.text(host))
            .filter(|host| !host.is_empty())
            .collect();
        hosts.sort();
        hosts
    }

    pub(crate) fn finish(&self, symbols: &Symbols) -> Coverage {
        let mut lines = LineCounts {
            filtered: self.filtered,
            read: self.filtered,
            expanded: self.expanded,
            ..LineCounts::default()
        };
        let mut kinds = Vec::new();
        for (program, kind, count) in self.parsed.iter() {
            lines.read += count;
            lines.parsed += count;
            kinds.push(KindRow {
                program: program.to_owned(),
                kind: Some(kind.name().to_owned()),
                class: "parsed",
                count,
            });
        }
        for (key, count) in self.kinds.iter() {
            lines.read += count;
            let (total, class) = match key.class {
                Class::Parsed => (&mut lines.parsed, "parsed"),
                Class::Generic => (&mut lines.generic, "generic"),
                Class::Unparsed => (&mut lines.unparsed, "unparsed"),
                Class::Foreign => (&mut lines.foreign, "foreign"),
            };
            *total += count;
            let kind = key.kind.map(|kind| kind.name().to_owned());
            kinds.push(KindRow {
                program: symbols.text(key.program),
                kind,
                class,
                count,
            });
        }
        kinds.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.cmp(b)));
        Coverage {
            lines,
            lost: self.lost,
            kinds,
            unparsed_shapes: self.shape_rows(symbols),
            unparsed_shapes_dropped: self.shapes_dropped,
            gaps: self.gap_rows(symbols),
            disordered: self.disordered,
            disorder_us: u64::try_from(self.disorder_us).unwrap_or(0),
            no_envelope: self.no_envelope,
            foreign_servers: self.server_rows(),
        }
    }

    fn server_rows(&self) -> Vec<ServerRow> {
        let row = |(server, count): (&Server, &u64)| ServerRow {
            server: server.name(),
            count: *count,
        };
        self.servers.iter().map(row).collect()
    }

    fn shape_rows(&self, symbols: &Symbols) -> Vec<ShapeRow> {
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let row = |(shape, found): (&[u8], &Shape)| ShapeRow {
            program: symbols.text(found.program),
            shape: lossy(shape),
            reason: found.reason.0.to_owned(),
            count: found.count,
            sample: lossy(&found.sample),
        };
        let mut rows: Vec<ShapeRow> = self
            .shapes
            .iter()
            .map(|(shape, found)| row((shape, found)))
            .collect();
        rows.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.cmp(b)));
        rows
    }

    fn gap_rows(&self, symbols: &Symbols) -> Vec<GapRow> {
        let row = |&(host, from_us, to_us): &(Symbol, i64, i64)| GapRow {
            host: symbols.text(host),
            from_us,
            to_us,
        };
        let mut rows: Vec<GapRow> = self.gaps.iter().map(row).collect();
        rows.sort_by(|a, b| {
            (b.to_us - b.from_us)
                .cmp(&(a.to_us - a.from_us))
                .then_with(|| a.cmp(b))
        });
        rows
    }
}

/// Masks what differs between two lines of one shape: runs of letters, digits and address
/// characters that hold a digit or an `@` become `*`.
fn mask(message: &[u8]) -> Vec<u8> {
    let is_word =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"@._-:+=/".contains(byte) || *byte >= 0x80;
    let mut shape = Vec::with_capacity(message.len().min(SHAPE_BYTES));
    for run in message.chunk_by(|a, b| is_word(a) == is_word(b)) {
        let is_value = run
            .iter()
            .any(|byte| byte.is_ascii_digit() || *byte == b'@');
        if run.first().is_some_and(is_word) && is_value {
            let keeps_colon = run.last() == Some(&b':');
            shape.extend_from_slice(if keeps_colon { b"*:" } else { b"*" });
        } else {
            shape.extend_from_slice(run);
        }
        if shape.len() >= SHAPE_BYTES {
            break;
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_ids_addresses_and_numbers() {
        let shape = |text: &str| String::from_utf8(mask(text.as_bytes())).unwrap();
        assert_eq!(
            shape("4F1A22C0D9E: odd thing <bob@example.com> took 17 s"),
            "*: odd thing <*> took * s"
        );
        assert_eq!(shape("no values here"), "no values here");
    }

    #[test]
    fn sees_gaps_and_steps_back_across_a_cut() {
        let mut symbols = Symbols::default();
        let host = symbols.intern(b"mx1");
        let hour = GAP_US;
        let stamps = [0, 10_000_000, 5_000_000, 3 * hour, 2 * hour];
        let whole = |parts: &[&[i64]]| {
            let mut all = Accounts::default();
            let mut all_symbols = Symbols::default();
            all_symbols.intern(b"mx1");
            for part in parts {
                let mut accounts = Accounts::default();
                part.iter().for_each(|&us| accounts.stamp(host, us));
                all.merge(accounts, &all_symbols.merge(&symbols));
            }
            let coverage = all.finish(&all_symbols);
            (
                coverage.disordered,
                coverage.disorder_us,
                coverage.gaps.len(),
            )
        };
        assert_eq!(whole(&[&stamps]), (2, 3_600_000_000, 1));
        for cut in 0..=stamps.len() {
            assert_eq!(
                whole(&[&stamps[..cut], &stamps[cut..]]),
                whole(&[&stamps]),
                "cut at {cut}"
            );
        }
    }

    /// The clock of one host is behind that of the other, and one of them is silent.
    #[test]
    fn hosts_between_each_other_have_clocks_and_gaps_of_their_own() {
        let mut symbols = Symbols::default();
        let hosts = [symbols.intern(b"mx1"), symbols.intern(b"mx2")];
        let mut accounts = Accounts::default();
        let half = GAP_US / 2;
        for step in 0..6 {
            accounts.stamp(hosts[0], half * step);
            if step % 5 == 0 {
                accounts.stamp(hosts[1], half * step - 10_000_000);
            }
        }
        let coverage = accounts.finish(&symbols);
        assert_eq!((coverage.disordered, coverage.disorder_us), (0, 0));
        let gaps: Vec<(&str, i64)> = coverage
            .gaps
            .iter()
            .map(|gap| (gap.host.as_str(), gap.to_us - gap.from_us))
            .collect();
        assert_eq!(gaps, [("mx2", 5 * half)]);
    }
}

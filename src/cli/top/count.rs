//! Reading logs into scores, and into the totals that scores lean on.

use anyhow::{Context, Result};
use mailtally_parsers::postfix::Event as Postfix;
use mailtally_parsers::{Event, family};

use crate::cli::events::stamp::StampText;
use crate::cli::input::Logs;
use crate::export::Line;
use crate::filter::Filter;
use crate::pipeline;
use crate::score::{Budget, By, Outbound, Scores};
use crate::source::Chunk;
use crate::tally::evidence::Evidence;
use crate::tally::totals::{EvidenceRow, Totals};
use crate::tally::{Tally, Wanted, Windows};

/// What joins of mails and logins are needed for: whose mail was accepted, who failed to log in.
const WANTED: Wanted = Wanted {
    mail: true,
    logins: true,
    clients: true,
    lists: true,
    ..Wanted::LINES
};

/// What is counted.
pub(super) struct Job {
    pub(super) by: By,
    pub(super) filter: Filter,
    /// Whether our own are counted instead of those who send to us.
    pub(super) is_outbound: bool,
    /// How much memory the rows may take; without it, as much as they need.
    pub(super) budget: Option<Budget>,
}

/// What came of a part of the log.
pub(super) struct Counted {
    pub(super) scores: Scores,
    pub(super) outbound: Outbound,
    /// The lines that meet all conditions.
    pub(super) matching: Tally,
    /// All lines, where that are others.
    pub(super) all: Option<Tally>,
    pub(super) lines: u64,
}

impl Counted {
    fn new(job: &Job, is_anchored: bool) -> Self {
        let tally = || {
            let windows = Windows::default();
            let tally = if is_anchored {
                Tally::anchored(windows)
            } else {
                Tally::part(windows)
            };
            tally.counting(WANTED)
        };
        Counted {
            scores: match job.budget.clone().filter(|_| is_anchored) {
                Some(budget) => Scores::bounded(job.by, budget),
                None => Scores::new(job.by, is_anchored),
            },
            outbound: Outbound::new(job.by, is_anchored),
            matching: tally(),
            all: (!(job.filter.is_empty() || job.is_outbound)).then(tally),
            lines: 0,
        }
    }

    fn merge(&mut self, later: Counted) {
        self.scores.merge(later.scores);
        self.outbound.merge(later.outbound);
        self.matching.merge(later.matching);
        if let (Some(all), Some(later)) = (&mut self.all, later.all) {
            all.merge(later);
        }
        self.lines += later.lines;
    }
}

/// Counts all lines, chunk by chunk in as many threads as there are, merged in the log's order.
pub(super) fn count(logs: &mut Logs, job: &Job, threads: Option<usize>) -> Result<Counted> {
    let pool = pipeline::workers(threads).context("cannot start the threads that parse")?;
    let mut whole = Counted::new(job, true);
    pipeline::in_order(
        logs,
        &pool,
        |chunk| part(&chunk, job),
        |part| {
            whole.merge(part);
            Ok(())
        },
    )?;
    Ok(whole)
}

fn part(chunk: &Chunk, job: &Job) -> Counted {
    let mut part = Counted::new(job, false);
    let mut stamps = StampText::default();
    let mut lines = chunk.records();
    while let Some(line) = lines.next() {
        part.lines += 1;
        let (Some(record), Some(time)) = (line.record(), line.time) else {
            continue;
        };
        let event = Event::parse(&record.tag, record.message);
        let is_for_totals = job.budget.is_none() || !is_evidence_alone(event.as_ref().ok());
        if let Some(all) = part.all.as_mut().filter(|_| is_for_totals) {
            all.absorb(record, time.wall_us, &event);
        }
        if !job.filter.is_empty() {
            let line = Line {
                time: Some(stamps.text(time)),
                record,
                event,
            };
            if !job.filter.decide(&line).matches {
                continue;
            }
        }
        if job.is_outbound {
            if let Ok(event) = &event {
                part.outbound.absorb(record, time.wall_us, event);
            }
            continue;
        }
        if is_for_totals {
            part.matching.absorb(record, time.wall_us, &event);
        }
        if let Ok(event) = &event {
            part.scores.absorb(record, time.wall_us, line.raw, event);
        }
    }
    part
}

/// Tells whether a line says nothing of accepted mail, hops and logins.
///
/// The totals would keep the address of each such line, of which there may be millions; what the
/// line is evidence of is in the scores.
fn is_evidence_alone(event: Option<&Event<'_>>) -> bool {
    let Some(Event::Postfix(line)) = event else {
        return false;
    };
    match line {
        Postfix::SmtpdConnect(_)
        | Postfix::SmtpdDisconnect(_)
        | Postfix::SmtpdLostConnection(_)
        | Postfix::SmtpdTimeout(_)
        | Postfix::PscConnect(_)
        | Postfix::PscPassNew(_)
        | Postfix::PscPassOld(_)
        | Postfix::PscHangup(_)
        | Postfix::PscDisconnect(_)
        | Postfix::DnsblogListed(_) => true,
        // One of a mail under way says what became of it.
        Postfix::SmtpdReject(reject) => reject.queue_id.is_none(),
        line => Evidence::of_sign(line).is_some() || is_refusal_of_postscreen(line),
    }
}

fn is_refusal_of_postscreen(line: &Postfix<'_>) -> bool {
    matches!(
        line,
        Postfix::PscRejectRcpt(_) | Postfix::PscRejectConnect(_) | Postfix::PscScreeningBusy(_)
    )
}

/// Settles the totals; with bounded memory it is the hops that say which addresses are our own, for
/// not all lines that name them were counted.
pub(super) fn finish(tally: Tally, job: &Job) -> Totals {
    if job.budget.is_none() {
        return tally.finish();
    }
    let own = tally.own_addresses();
    let mut totals = tally.finish();
    totals
        .evidence
        .extend(own.into_iter().map(|address| EvidenceRow {
            family: family(address.as_bytes()).name(),
            address,
            client_scope: "own",
            hostname: None,
            rejects: 0,
            dnsbl: 0,
            auth_failures: 0,
            unknown_recipients: 0,
            protocol_errors: 0,
            accepted: 0,
        }));
    totals
}

//! Single mails that a postmaster asks about: deferred, bounced and expired ones, the biggest and
//! the slowest.
//!
//! A mail is ranked when it is settled. Of each list the first [`KEPT`] are kept, equal ones in the
//! order of their first lines: that is a rank which no cut of the log changes.

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::lives::{Fate, QueueId, Settled};
use super::super::symbols::{Renumber, Renumbering, Symbol, Symbols};
use super::story::{Names, Story, Trouble};

/// How many mails of each list are kept.
pub(crate) const KEPT: usize = 1_000;

/// A mail of a list.
#[derive(Clone)]
struct Mail {
    host: Symbol,
    id: QueueId,
    sender: Option<Symbol>,
    size_bytes: Option<u64>,
    recipients: u64,
    names: Names,
    attempts: u64,
    /// How often it failed in the way that the list is about.
    failed: u64,
    /// Why: the class, the enhanced status code, the server's words.
    why: Option<(Symbol, Symbol, Box<[u8]>)>,
    delay_us: Option<u64>,
    first_us: i64,
    last_us: i64,
    state: &'static str,
}

impl Mail {
    fn new(settled: &Settled<'_>, story: &Story) -> Self {
        let facts = settled.facts;
        Mail {
            host: settled.host,
            id: settled.id,
            sender: facts.sender,
            size_bytes: facts.size_bytes,
            recipients: facts.nrcpt,
            names: story.names,
            attempts: facts.sent + facts.deferrals + facts.bounced,
            failed: 0,
            why: None,
            delay_us: None,
            first_us: settled.first.us,
            last_us: settled.last_us,
            state: state(settled),
        }
    }

    /// Says how often it failed so and why, in the words of the last time.
    fn because(self, failed: u64, trouble: Option<&Trouble>) -> Self {
        let Some(trouble) = trouble else {
            return Mail { failed, ..self };
        };
        Mail {
            failed,
            names: trouble.names,
            why: Some((trouble.reason, trouble.dsn, trouble.text.clone())),
            ..self
        }
    }

    fn renumber(&mut self, numbers: &Renumbering) {
        self.host = self.host.renumber(numbers);
        self.sender = self.sender.renumber(numbers);
        self.names = self.names.renumber(numbers);
        self.why = self
            .why
            .take()
            .map(|(reason, dsn, text)| (reason.renumber(numbers), dsn.renumber(numbers), text));
    }

    fn row(&self, symbols: &Symbols) -> MailRow {
        let text = |symbol: Symbol| symbols.text(symbol);
        let why = self.why.as_ref();
        MailRow {
            host: text(self.host),
            queue_id: self.id.text(),
            sender: self.sender.map(text),
            recipients: self.names.iter().map(text).collect(),
            nrcpt: self.recipients,
            size_bytes: self.size_bytes,
            attempts: self.attempts,
            failed: self.failed,
            delay_us: self.delay_us,
            reason: why.map(|(reason, ..)| text(*reason)),
            dsn: why
                .map(|(_, dsn, _)| text(*dsn))
                .filter(|dsn| !dsn.is_empty()),
            text: why.map(|(.., words)| String::from_utf8_lossy(words).into_owned()),
            first_us: self.first_us,
            last_us: self.last_us,
            state: self.state,
        }
    }
}

/// What had become of a mail when the log ended.
fn state(settled: &Settled<'_>) -> &'static str {
    let facts = settled.facts;
    match settled.fate {
        _ if facts.expired => "expired",
        Fate::Open => "queued",
        Fate::Lost | Fate::Superseded => "unknown",
        Fate::Removed if facts.bounced > 0 => "bounced",
        Fate::Removed if facts.sent > 0 => "delivered",
        Fate::Removed => "removed",
    }
}

/// What a mail is ranked by: a number, the greatest first, and the ordinal of its first line.
type Rank = (Reverse<u64>, u64);

/// The mails that rank first, and how many there were in all.
#[derive(Clone, Default)]
struct Best {
    count: u64,
    /// In no order; twice [`KEPT`] at most.
    mails: Vec<(Rank, Mail)>,
    /// What does not rank before this is none of them.
    worst: Option<Rank>,
}

impl Best {
    /// Adds a mail; it is only made if it may rank high enough.
    fn add(&mut self, value: u64, line: u64, mail: impl FnOnce() -> Mail) {
        self.count += 1;
        let rank = (Reverse(value), line);
        if self.worst.is_some_and(|worst| rank > worst) {
            return;
        }
        self.mails.push((rank, mail()));
        if self.mails.len() >= 2 * KEPT {
            self.cut();
        }
    }

    /// Forgets the mails that others rank before.
    fn cut(&mut self) {
        if self.mails.len() > KEPT {
            let by_rank = |(a, _): &(Rank, Mail), (b, _): &(Rank, Mail)| a.cmp(b);
            let (_, (worst, _), _) = self.mails.select_nth_unstable_by(KEPT - 1, by_rank);
            self.worst = Some(*worst);
            self.mails.truncate(KEPT);
        }
    }

    fn merge(&mut self, later: Best, lines: u64, numbers: &Renumbering) {
        let count = self.count + later.count;
        for ((Reverse(value), line), mut mail) in later.mails {
            self.add(value, line + lines, || {
                mail.renumber(numbers);
                mail
            });
        }
        self.count = count;
    }

    fn finish(&self, symbols: &Symbols) -> MailList {
        let mut ranked: Vec<&(Rank, Mail)> = self.mails.iter().collect();
        ranked.sort_unstable_by_key(|(rank, _)| *rank);
        let ranked = ranked.into_iter().take(KEPT);
        MailList {
            count: self.count,
            mails: ranked.map(|(_, mail)| mail.row(symbols)).collect(),
        }
    }
}

/// Ranks mails.
#[derive(Clone, Default)]
pub(crate) struct Mails {
    deferred: Best,
    bounced: Best,
    expired: Best,
    biggest: Best,
    slowest: Best,
}

impl Mails {
    /// Adds a mail of which no further line can change anything.
    pub(crate) fn settle(&mut self, settled: &Settled<'_>) {
        let none = Story::default();
        let story = settled.story.unwrap_or(&none);
        let (facts, line) = (settled.facts, settled.first.line);
        let mail = || Mail::new(settled, story);
        if facts.deferrals > 0 {
            self.deferred.add(facts.deferrals, line, || {
                mail().because(facts.deferrals, story.deferred.as_ref())
            });
        }
        if facts.bounced > 0 {
            self.bounced.add(facts.bounced, line, || {
                mail().because(facts.bounced, story.bounced.as_ref())
            });
        }
        if facts.expired {
            let given_up = facts.expired_recipients();
            self.expired.add(given_up, line, || {
                mail().because(given_up, story.deferred.as_ref())
            });
        }
        if let Some(size_bytes) = facts.size_bytes
            && !settled.is_later_hop
        {
            self.biggest.add(size_bytes, line, mail);
        }
        if let Some((delay_us, recipient)) = story.slowest {
            self.slowest.add(delay_us, line, || {
                let mut names = Names::default();
                names.add(recipient);
                Mail {
                    names,
                    delay_us: Some(delay_us),
                    ..mail()
                }
            });
        }
    }

    /// Takes over a later part's mails, whose lines follow the `lines` lines of this one.
    pub(crate) fn merge(&mut self, later: Mails, lines: u64, numbers: &Renumbering) {
        self.deferred.merge(later.deferred, lines, numbers);
        self.bounced.merge(later.bounced, lines, numbers);
        self.expired.merge(later.expired, lines, numbers);
        self.biggest.merge(later.biggest, lines, numbers);
        self.slowest.merge(later.slowest, lines, numbers);
    }

    pub(crate) fn finish(&self, symbols: &Symbols) -> MailLists {
        MailLists {
            deferred: self.deferred.finish(symbols),
            bounced: self.bounced.finish(symbols),
            expired: self.expired.finish(symbols),
            biggest: self.biggest.finish(symbols),
            slowest: self.slowest.finish(symbols),
        }
    }
}

/// Single mails.
#[derive(Clone, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct MailLists {
    /// Mails that were deferred, those of most deferrals first.
    pub deferred: MailList,
    /// Mails that bounced, those with most recipients first.
    pub bounced: MailList,
    /// Mails that were given up, those with most recipients first.
    pub expired: MailList,
    /// The biggest mails, a mail that a filter handed back once.
    pub biggest: MailList,
    /// Mails that took longest to a recipient.
    pub slowest: MailList,
}

/// The mails that rank first, and how many there are.
#[derive(Clone, PartialEq, Eq, Debug, Default, JsonSchema, Serialize)]
pub struct MailList {
    /// How many mails there are.
    pub count: u64,
    /// The first 1,000 of them at most; equal ones in the order of the log.
    pub mails: Vec<MailRow>,
}

/// One mail in one queue.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct MailRow {
    /// The host that logged it.
    pub host: String,
    /// Its queue id.
    pub queue_id: String,
    /// The envelope sender; null if the log does not have it.
    pub sender: Option<String>,
    /// The first recipients that the list is about, five at most.
    pub recipients: Vec<String>,
    /// How many recipients qmgr had before it when it last said so; 0 if it did not.
    pub nrcpt: u64,
    /// The size; null if the log does not have it.
    pub size_bytes: Option<u64>,
    /// Delivery attempts, for all recipients.
    pub attempts: u64,
    /// How often it failed as the list says: deferrals, recipients bounced or given up; else 0.
    pub failed: u64,
    /// The delay of the recipient, where the list is about delays.
    pub delay_us: Option<u64>,
    /// The canonical class of the last failure, where the list is about failures.
    pub reason: Option<String>,
    /// Its enhanced status code.
    pub dsn: Option<String>,
    /// Its text, 200 bytes at most.
    pub text: Option<String>,
    /// The stamp of the first line, as microseconds of the log's wall clock since 1970.
    pub first_us: i64,
    /// The stamp of the last line.
    pub last_us: i64,
    /// `queued`, `delivered`, `bounced`, `expired`, `removed`; `unknown` where its end was not logged.
    pub state: &'static str,
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;

    fn mail(symbols: &mut Symbols, first_us: i64) -> Mail {
        Mail {
            host: symbols.intern(b"mx1"),
            id: QueueId::new(b"4Rz"),
            sender: None,
            size_bytes: None,
            recipients: 0,
            names: Names::default(),
            attempts: 0,
            failed: 0,
            why: None,
            delay_us: None,
            first_us,
            last_us: 0,
            state: "queued",
        }
    }

    /// Adds mails of these lines, of which the first one's ordinal is 0.
    fn best_of(lines: Range<u64>, symbols: &mut Symbols) -> Best {
        let mut best = Best::default();
        for line in lines.clone() {
            let first_us = i64::try_from(line).unwrap();
            best.add(value_of(line), line - lines.start, || {
                mail(symbols, first_us)
            });
        }
        best
    }

    /// A value comes 20 times, so that lines decide at the edge.
    fn value_of(line: u64) -> u64 {
        line * 7_919 % 5_000 / 20
    }

    fn first_of(lines: u64) -> Vec<i64> {
        let ranks = (0..lines).map(|line| (Reverse(value_of(line)), line));
        let mut ranks: Vec<_> = ranks.collect();
        ranks.sort_unstable();
        let lines = ranks.iter().take(KEPT).map(|(_, line)| *line);
        lines.map(|line| i64::try_from(line).unwrap()).collect()
    }

    #[test]
    fn the_first_thousand_stay_wherever_a_log_is_cut() {
        let mut symbols = Symbols::default();
        for lines in [999, 1_000, 1_001, 1_999, 2_000, 2_001, 5_000] {
            for cut in [0, 1, 998, lines / 2, lines - 1, lines] {
                let mut best = best_of(0..cut, &mut symbols);
                let later = best_of(cut..lines, &mut symbols);
                let none = Symbols::default().merge(&Symbols::default());
                best.merge(later, cut, &none);
                let list = best.finish(&symbols);
                let kept: Vec<i64> = list.mails.iter().map(|mail| mail.first_us).collect();
                assert_eq!(
                    (list.count, kept),
                    (lines, first_of(lines)),
                    "{cut} of {lines}"
                );
            }
        }
    }
}

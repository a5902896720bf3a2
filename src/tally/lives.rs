//! The lives of mails: which lines belong to one mail, across any cut of the log.
//!
//! A queue id names one mail after another. A *life* is the stretch of lines between a birth and
//! an end of one id; this module decides which life a line joins, keeps as little of it as an
//! earlier or a later line can still need, and merges two parts of a log so that the result does
//! not depend on where it was cut. What a life *means* (senders, sizes, outcomes) is
//! [`Facts`](super::mail::Facts)' business.
//!
//! To the next editor: every rule here speaks of *lines* and of stamps found in the log, never of
//! when something was called. A rule that looks at the size of a table, or at when a sweep
//! happened to run, breaks the law of merging; tests/laws.rs will find it, after a while.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

pub(crate) use super::course::{At, Line};
use super::details::story::Story;
use super::life::MessageId;
pub(crate) use super::life::{Fate, Life, Settled, Tale};
use super::own::Marks;
pub(crate) use super::queue_id::QueueId;
use super::shelf::Shelf;
use super::symbols::{Renumber, Renumbering, Symbol};

/// How far lines reach, in lines of the log.
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    /// A line may join a life that ended, and a birth line one that began, this many lines ago.
    pub late: u64,
    /// A `queued as` or a copy with the same message-id follows a birth by at most this many lines.
    pub hop: u64,
    /// How many lives may be open at one time; beyond that the longest silent ones are closed.
    pub max_open: usize,
}

impl Default for Windows {
    fn default() -> Self {
        Windows {
            late: 256,
            hop: 10_000,
            max_open: 1_000_000,
        }
    }
}

/// What names a life: the host that logged, and the queue id. Instance and service are no part of
/// it, for one service may log under a name of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct LifeKey {
    pub(crate) host: Symbol,
    pub(crate) id: QueueId,
}

/// Where a message-id was logged, and where its life ended.
type Twin = (u64, Option<u64>);

/// The lives of one part of a log that an earlier or later line may still concern.
#[derive(Clone)]
pub(crate) struct Lives<S = Story> {
    shelf: Shelf<Life<S>>,
    /// `queued as` lines before the named id's first life in this part: the left may own it.
    named_before: HashMap<LifeKey, Vec<u64>>,
    next_sweep: u64,
}

impl<S> Default for Lives<S> {
    fn default() -> Self {
        Lives {
            shelf: Shelf::default(),
            named_before: HashMap::default(),
            next_sweep: 0,
        }
    }
}

impl<S: Tale> Lives<S> {
    /// Finds or begins the life that a line belongs to: mostly that of the line before.
    #[inline(never)]
    pub(crate) fn touch(
        &mut self,
        key: LifeKey,
        line: Line,
        at: At,
        windows: Windows,
    ) -> &mut Life<S> {
        let goes_on = match self.shelf.last_of(&key) {
            Some(life) => life.course.goes_on(line, at, windows),
            None => false,
        };
        if !goes_on {
            return self.touch_other(&key, line, at, windows);
        }
        self.shelf.last()
    }

    #[inline(never)]
    fn touch_other(&mut self, key: &LifeKey, line: Line, at: At, windows: Windows) -> &mut Life<S> {
        let (life, is_new) = self.shelf.at(key);
        if is_new {
            life.begin(line, at);
        } else if !life.course.goes_on(line, at, windows) {
            life.begin_anew(line, at);
        }
        life
    }

    /// Finds the life of an id without adding a line to it.
    pub(crate) fn current(&mut self, key: LifeKey) -> Option<&mut Life<S>> {
        self.shelf.get_mut(&key)
    }

    /// Notes that a delivery handed a recipient over to the mail of this id.
    pub(crate) fn name(&mut self, key: LifeKey, line: u64, anchored: bool, windows: Windows) {
        if let Some(life) = self.shelf.get_mut(&key) {
            life.name(line, windows);
        } else if !anchored && line <= windows.hop {
            self.named_before.entry(key).or_default().push(line);
        }
    }

    /// Whether it is time to settle what no line can concern any more.
    #[inline]
    pub(crate) fn is_due(&self, line: u64) -> bool {
        line >= self.next_sweep
    }

    /// Settles what no line can concern any more, once in a while; true if it was time.
    pub(crate) fn sweep(
        &mut self,
        now: At,
        anchored: bool,
        windows: Windows,
        settle: &mut dyn FnMut(Settled<'_, S>),
    ) -> bool {
        if !self.is_due(now.line) {
            return false;
        }
        self.decide_copies(now.line, anchored, windows);
        self.shelf
            .retain(|key, life| !settle_due(key, life, now, anchored, windows, settle));
        if anchored && self.shelf.len() > windows.max_open {
            self.close_longest_silent(windows, settle);
        }
        // Each life is looked at once in two lines on average, however many there are; and while few
        // are open, once in as many lines as it has to wait before it can be settled.
        self.next_sweep = now.line + (2 * windows.hop).max(2 * self.shelf.len() as u64);
        true
    }

    /// Closes the lives that were silent longest, down to nine tenths of what may be open. Totals
    /// are then bounds: the mails count as `lost_end`.
    fn close_longest_silent(&mut self, windows: Windows, settle: &mut dyn FnMut(Settled<'_, S>)) {
        let stamps = self.shelf.iter().map(|(_, life)| life.course.last_us);
        let mut stamps: Vec<i64> = stamps.collect();
        let surplus = stamps.len() - windows.max_open / 10 * 9;
        let surplus = surplus.min(stamps.len() - 1);
        let (_, &mut limit, _) = stamps.select_nth_unstable(surplus);
        self.shelf.retain(|key, life| {
            if life.course.last_us >= limit {
                return true;
            }
            for life in std::mem::take(life).into_chain() {
                let fate = if life.course.removed {
                    Fate::Removed
                } else {
                    Fate::Lost
                };
                let fate = life.replaced.unwrap_or(fate);
                settle(life.settled(key, fate, windows));
            }
            false
        });
    }

    /// Settles everything: the log has ended.
    pub(crate) fn finish(
        &mut self,
        last_us: i64,
        windows: Windows,
        settle: &mut dyn FnMut(Settled<'_, S>),
    ) {
        self.decide_copies(u64::MAX, true, windows);
        let mut settle_one = |key: &LifeKey, life: &Life<S>| {
            let fate = life
                .replaced
                .unwrap_or_else(|| match life.fate_before(last_us) {
                    Fate::Superseded => Fate::Open,
                    fate => fate,
                });
            settle(life.settled(key, fate, windows));
        };
        for (key, life) in self.shelf.iter_mut() {
            if life.older.is_none() {
                settle_one(key, life);
                continue;
            }
            for life in std::mem::take(life).into_chain() {
                settle_one(key, &life);
            }
        }
        self.shelf = Shelf::default();
        self.named_before.clear();
    }

    /// The same lives with the numbers of another table; an earlier part can name none of them.
    pub(crate) fn renumbered(mut self, numbers: &Renumbering) -> Self {
        for (_, life) in self.shelf.iter_mut() {
            let mut next = Some(life);
            while let Some(life) = next {
                life.carry_over(0, numbers);
                next = life.older.as_deref_mut();
            }
        }
        self.shelf.renumber_hosts(|host| host.renumber(numbers));
        Lives {
            shelf: self.shelf,
            ..Lives::default()
        }
    }

    /// Takes over a later part, whose lines follow the `lines` lines of this one.
    pub(crate) fn merge(
        &mut self,
        mut later: Self,
        lines: u64,
        numbers: &Renumbering,
        anchored: bool,
        windows: Windows,
    ) {
        for (key, named) in later.named_before {
            let key = LifeKey {
                host: key.host.renumber(numbers),
                ..key
            };
            for line in named {
                self.name(key, line + lines, anchored, windows);
            }
        }
        for (key, life) in later.shelf.iter_mut() {
            let key = LifeKey {
                host: key.host.renumber(numbers),
                ..*key
            };
            if life.older.is_none() {
                life.carry_over(lines, numbers);
                self.append(key, life, windows);
                continue;
            }
            for mut life in std::mem::take(life).into_chain() {
                life.carry_over(lines, numbers);
                self.append(key, &mut life, windows);
            }
        }
        self.next_sweep = 0;
    }

    /// Adds a later part's life: it continues the current one or stands above it.
    fn append(&mut self, key: LifeKey, life: &mut Life<S>, windows: Windows) {
        let (current, is_new) = self.shelf.at(&key);
        let (began_with, first) = (life.course.began_with, life.course.first);
        // Only a part's first life can continue an earlier one; the others were told apart by the
        // same rule when the part was read, and are again here.
        if is_new {
            std::mem::swap(current, life);
        } else if current.course.joins(began_with, first, windows) {
            current.absorb(life);
        } else {
            current.replace_with(std::mem::take(life));
        }
    }

    /// Decides which lives are copies: their message-id is that of a mail that was open, and not
    /// older than the window, when theirs was logged.
    fn decide_copies(&mut self, now: u64, anchored: bool, windows: Windows) {
        // A twin is at most a window older, so that in a part that something may precede it stands
        // in this part, and is still there, if the message-id comes after the first window.
        let due = |life: &Life<S>| {
            life.undecided_copy(windows)
                .filter(|id| now - id.line > windows.hop && (anchored || id.line > windows.hop))
        };
        let mut candidates: Vec<LifeKey> = Vec::new();
        let mut known: HashMap<(Symbol, u64), Vec<Twin>, FxBuildHasher> = HashMap::default();
        self.look_at_all(|key, life| {
            if let Some(id) = due(life) {
                candidates.push(*key);
                known.entry((key.host, id.hash)).or_default();
            }
        });
        if candidates.is_empty() {
            return;
        }
        // Few message-ids are asked for: the others need no looking up.
        let asked_for = Marks::of(known.keys().map(|(_, hash)| *hash), known.len());
        self.look_at_all(|key, life| {
            if let Some(id) = life.message_id.filter(|id| asked_for.has(id.hash))
                && let Some(twins) = known.get_mut(&(key.host, id.hash))
            {
                twins.push((id.line, life.course.end));
            }
        });
        let is_open_twin = |of: MessageId, (line, end): Twin| {
            line < of.line && of.line - line <= windows.hop && end.is_none_or(|end| end > of.line)
        };
        for key in candidates {
            let mut next = self.shelf.get_mut(&key);
            while let Some(life) = next {
                if let Some(id) = due(life) {
                    let twins = known
                        .get(&(key.host, id.hash))
                        .map_or(&[][..], Vec::as_slice);
                    life.is_copy = Some(twins.iter().any(|&twin| is_open_twin(id, twin)));
                }
                next = life.older.as_deref_mut();
            }
        }
    }

    /// Looks at all lives.
    #[inline(always)]
    fn look_at_all(&self, mut look: impl FnMut(&LifeKey, &Life<S>)) {
        for (key, newest) in self.shelf.iter() {
            look(key, newest);
            if newest.older.is_some() {
                look_at_elders(key, newest, &mut look);
            }
        }
    }
}

/// Looks at the lives that a newer one of the same id replaced; ids born twice in a while are rare.
#[cold]
fn look_at_elders<S>(key: &LifeKey, life: &Life<S>, look: &mut dyn FnMut(&LifeKey, &Life<S>)) {
    let mut next = life.older.as_deref();
    while let Some(life) = next {
        look(key, life);
        next = life.older.as_deref();
    }
}

/// Settles the lives of one id that are out of reach; true if none is left.
fn settle_due<S: Tale>(
    key: &LifeKey,
    life: &mut Life<S>,
    now: At,
    anchored: bool,
    windows: Windows,
    settle: &mut dyn FnMut(Settled<'_, S>),
) -> bool {
    if life.older.is_some() {
        settle_elders(key, life, now, anchored, windows, settle);
    }
    let ended = life.course.is_ended(now.line, windows);
    let lost = life.course.end.is_none() && life.course.is_lost(now.us);
    let is_due = (ended || lost) && life.older.is_none();
    if !is_due || !life.is_out_of_reach(true, now, anchored, windows) {
        return false;
    }
    let fate = if life.course.removed {
        Fate::Removed
    } else {
        Fate::Lost
    };
    settle(life.settled(key, fate, windows));
    true
}

/// Settles those lives of one id that a newer one replaced; ids born twice in a while are rare.
fn settle_elders<S: Tale>(
    key: &LifeKey,
    life: &mut Life<S>,
    now: At,
    anchored: bool,
    windows: Windows,
    settle: &mut dyn FnMut(Settled<'_, S>),
) {
    let elders = life
        .older
        .take()
        .map_or_else(Vec::new, |older| older.into_chain());
    let mut kept: Option<Box<Life<S>>> = None;
    for (position, mut elder) in elders.into_iter().enumerate() {
        if elder.is_out_of_reach(position == 0, now, anchored, windows) {
            let fate = elder.replaced.unwrap_or(Fate::Superseded);
            settle(elder.settled(key, fate, windows));
        } else {
            elder.older = kept.take();
            kept = Some(Box::new(elder));
        }
    }
    life.older = kept;
}

#[cfg(test)]
mod tests {
    use super::super::symbols::Symbols;
    use super::*;

    const WINDOWS: Windows = Windows {
        late: 2,
        hop: 5,
        max_open: 100,
    };

    fn at(line: u64) -> At {
        At { line, us: 0 }
    }

    #[test]
    fn a_life_has_nothing_of_the_one_that_stood_at_its_place() {
        let host = Symbols::default().intern(b"mx1");
        let key = |id: &[u8]| LifeKey {
            host,
            id: QueueId::new(id),
        };
        let (mut lives, mut handed_over) = (Lives::<Story>::default(), Vec::new());
        let mut settle = |settled: Settled<'_>| {
            handed_over.push((settled.handed_over, settled.birth_seen));
            assert_eq!(settled.fate, Fate::Removed);
        };
        for (round, id) in [b"4Zx1", b"4Zx2"].into_iter().enumerate() {
            let line = 100 * (round as u64 + 1);
            let life = lives.touch(key(id), Line::Origin, at(line), WINDOWS);
            assert!(life.message_id.is_none() && life.is_copy.is_none());
            assert!(life.unsized_recipients.is_empty() && life.story.is_none());
            assert!(life.facts.sender.is_none() && !life.facts.linked);
            life.facts.sender = Some(host);
            life.facts.linked = true;
            life.is_copy = Some(true);
            life.unsized_recipients.push(host);
            life.story = Some(Box::default());
            life.set_message_id(7, line);
            // The first one is named twice, the second one is not.
            for naming in round..2 - round {
                lives.name(key(id), line + naming as u64, true, WINDOWS);
            }
            lives.touch(key(id), Line::End, at(line + 3), WINDOWS);
            assert!(lives.sweep(at(line + 50), true, WINDOWS, &mut settle));
            assert_eq!(lives.shelf.len(), 0);
        }
        assert_eq!(handed_over, [(2, true), (0, true)]);
    }
}

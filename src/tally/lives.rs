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
use hashbrown::hash_map::Entry;
use rustc_hash::FxBuildHasher;

use super::course::Course;
pub(crate) use super::course::{At, Line};
use super::details::story::Story;
use super::mail::Facts;
use super::own::Marks;
pub(crate) use super::queue_id::QueueId;
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

/// How a life stood when it was settled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// Its end was seen.
    Removed,
    /// No end, and the log ended soon after its last line.
    Open,
    /// No end, and no line for 8 days.
    Lost,
    /// No end, and its id was born again.
    Superseded,
}

/// What somebody keeps beside the facts of a life, where he asks for single mails.
pub(crate) trait Tale {
    /// Takes over what a later part of the log tells of the same mail.
    fn merge(&mut self, later: Self);

    /// Takes on the symbols of an earlier part.
    fn renumber(&mut self, numbers: &Renumbering);
}

/// One life of a queue id, as far as this part of the log saw it.
#[derive(Clone, Debug)]
pub(crate) struct Life<S = Story> {
    course: Course,
    replaced: Option<Fate>,
    /// The lines whose `queued as` names this life, near enough to its first line.
    named: Vec<u64>,
    message_id: Option<MessageId>,
    is_copy: Option<bool>,
    older: Option<Box<Life<S>>>,
    /// Recipients delivered while the size was not known, where somebody asks for bytes.
    pub(crate) unsized_recipients: Vec<Symbol>,
    /// What lines told, where somebody asks for single mails.
    pub(crate) story: Option<Box<S>>,
    pub(crate) facts: Facts,
}

/// The message-id of a life: its hash, and the ordinal of its line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct MessageId {
    hash: u64,
    line: u64,
}

/// Where a message-id was logged, and where its life ended.
type Twin = (u64, Option<u64>);

/// What settling a life hands to the counters.
pub(crate) struct Settled<'a, S = Story> {
    pub(crate) host: Symbol,
    pub(crate) id: QueueId,
    /// The life's first line.
    pub(crate) first: At,
    /// The stamp of its last line.
    pub(crate) last_us: i64,
    pub(crate) facts: &'a Facts,
    pub(crate) fate: Fate,
    /// Whether the log shows how the mail came in.
    pub(crate) birth_seen: bool,
    /// Whether another life handed it over, or it is a copy of one that was open.
    pub(crate) is_later_hop: bool,
    /// How many deliveries of another life were hand-overs to this one.
    pub(crate) handed_over: u64,
    /// Recipients delivered while the size was not known.
    pub(crate) unsized_recipients: &'a [Symbol],
    /// What lines told, where somebody asks for single mails.
    pub(crate) story: Option<&'a S>,
}

impl<S: Tale> Life<S> {
    fn start(line: Line, at: At) -> Self {
        Life {
            course: Course::start(line, at),
            replaced: None,
            named: Vec::new(),
            message_id: None,
            is_copy: None,
            older: None,
            unsized_recipients: Vec::new(),
            story: None,
            facts: Facts::default(),
        }
    }

    /// Takes over a later part's life that belongs to this one.
    fn absorb(&mut self, later: Self) {
        self.course.absorb(&later.course);
        self.named.extend(later.named);
        self.unsized_recipients.extend(later.unsized_recipients);
        match (&mut self.story, later.story) {
            (Some(ours), Some(theirs)) => ours.merge(*theirs),
            (ours @ None, theirs) => *ours = theirs,
            (Some(_), None) => {}
        }
        self.message_id = self.message_id.or(later.message_id);
        self.facts.merge(later.facts);
    }

    fn shift(&mut self, lines: u64) {
        self.course.shift(lines);
        self.named.iter_mut().for_each(|line| *line += lines);
        self.message_id = self.message_id.map(|id| MessageId {
            line: id.line + lines,
            ..id
        });
    }

    /// The life as a part of the earlier part, whose lines and symbols it takes on.
    fn carried_over(mut self, lines: u64, numbers: &Renumbering) -> Self {
        self.shift(lines);
        self.facts.renumber(numbers);
        for recipient in &mut self.unsized_recipients {
            *recipient = recipient.renumber(numbers);
        }
        if let Some(story) = &mut self.story {
            story.renumber(numbers);
        }
        self
    }

    /// Notes the message-id that a line of this life states; the first one stays.
    pub(crate) fn set_message_id(&mut self, hash: u64, line: u64) {
        self.message_id = self.message_id.or(Some(MessageId { hash, line }));
    }

    /// Puts a newer life of the same id above this one.
    fn replace_with(&mut self, newer: Self) {
        let mut old = std::mem::replace(self, newer);
        old.replaced = Some(old.fate_before(self.course.first.us));
        // `newer` is the later part's first life or a new one: it has no elder of its own.
        self.older = Some(Box::new(old));
    }

    /// Tells how the life stands if nothing more of it comes before `us`.
    fn fate_before(&self, us: i64) -> Fate {
        if self.course.removed {
            Fate::Removed
        } else if self.course.is_lost(us) {
            Fate::Lost
        } else {
            Fate::Superseded
        }
    }

    /// How many `queued as` lines near enough to the birth name this life: recipients handed over.
    fn namings(&self, windows: Windows) -> u64 {
        let is_near = |line: &&u64| line.saturating_sub(self.course.first.line) <= windows.hop;
        self.named.iter().filter(is_near).count() as u64
    }

    /// Notes a `queued as` line that names this life.
    fn name(&mut self, line: u64, windows: Windows) {
        if line - self.course.first.line <= windows.hop {
            self.named.push(line);
        }
    }

    /// The message-id, if it must still be asked whether this is a copy of an open mail: only what
    /// a loopback client hands in without naming its origin can be.
    fn undecided_copy(&self, windows: Windows) -> Option<MessageId> {
        let is_candidate = self.is_copy.is_none()
            && self.facts.is_loopback_client()
            && !self.facts.linked
            && self.namings(windows) == 0;
        self.message_id.filter(|_| is_candidate)
    }

    /// Whether no line after `now` can concern the life: neither a late line, nor a `queued as`, nor
    /// a copy, nor (in a part that something may precede) an earlier line.
    fn is_out_of_reach(&self, is_first: bool, now: At, anchored: bool, windows: Windows) -> bool {
        let known_at = self
            .message_id
            .map_or(0, |id| id.line)
            .max(self.course.first.line);
        (anchored || is_sure(self, is_first, windows))
            && now.line - known_at > 2 * windows.hop
            && self.undecided_copy(windows).is_none()
    }

    /// The same life with the numbers of another table.
    fn renumbered(mut self, numbers: &Renumbering) -> Self {
        let older = self.older.take();
        let older = older.map(|older| Box::new(older.renumbered(numbers)));
        Life {
            older,
            ..self.carried_over(0, numbers)
        }
    }

    /// Takes the lives apart, oldest first.
    fn into_chain(mut self) -> Vec<Self> {
        let mut chain = Vec::new();
        let mut older = self.older.take();
        chain.push(self);
        while let Some(mut life) = older {
            older = life.older.take();
            chain.push(*life);
        }
        chain.reverse();
        chain
    }
}

/// The lives of one part of a log that an earlier or later line may still concern.
#[derive(Clone)]
pub(crate) struct Lives<S = Story> {
    table: HashMap<LifeKey, Life<S>, FxBuildHasher>,
    /// `queued as` lines before the named id's first life in this part: the left may own it.
    named_before: HashMap<LifeKey, Vec<u64>>,
    next_sweep: u64,
}

impl<S> Default for Lives<S> {
    fn default() -> Self {
        Lives {
            table: HashMap::default(),
            named_before: HashMap::default(),
            next_sweep: 0,
        }
    }
}

impl<S: Tale> Lives<S> {
    /// Finds or begins the life that a line belongs to.
    pub(crate) fn touch(
        &mut self,
        key: LifeKey,
        line: Line,
        at: At,
        windows: Windows,
    ) -> &mut Life<S> {
        match self.table.entry(key) {
            Entry::Vacant(vacant) => vacant.insert(Life::start(line, at)),
            Entry::Occupied(occupied) => {
                let life = occupied.into_mut();
                if life.course.joins(line, at, windows) {
                    life.course.extend(line, at);
                } else {
                    life.replace_with(Life::start(line, at));
                }
                life
            }
        }
    }

    /// Finds the life of an id without adding a line to it.
    pub(crate) fn current(&mut self, key: LifeKey) -> Option<&mut Life<S>> {
        self.table.get_mut(&key)
    }

    /// Notes that a delivery handed a recipient over to the mail of this id.
    pub(crate) fn name(&mut self, key: LifeKey, line: u64, anchored: bool, windows: Windows) {
        if let Some(life) = self.table.get_mut(&key) {
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
        self.table
            .retain(|key, life| !settle_due(key, life, now, anchored, windows, settle));
        if anchored && self.table.len() > windows.max_open {
            self.close_longest_silent(windows, settle);
        }
        // Each life is looked at once in two lines on average, however many there are; and while few
        // are open, once in as many lines as it has to wait before it can be settled.
        self.next_sweep = now.line + (2 * windows.hop).max(2 * self.table.len() as u64);
        true
    }

    /// Closes the lives that were silent longest, down to nine tenths of what may be open. Totals
    /// are then bounds: the mails count as `lost_end`.
    fn close_longest_silent(&mut self, windows: Windows, settle: &mut dyn FnMut(Settled<'_, S>)) {
        let mut stamps: Vec<i64> = self
            .table
            .values()
            .map(|life| life.course.last_us)
            .collect();
        let surplus = stamps.len() - windows.max_open / 10 * 9;
        let surplus = surplus.min(stamps.len() - 1);
        let (_, &mut limit, _) = stamps.select_nth_unstable(surplus);
        let silent = self.table.extract_if(|_, life| life.course.last_us < limit);
        for (key, life) in silent {
            for life in life.into_chain() {
                let fate = if life.course.removed {
                    Fate::Removed
                } else {
                    Fate::Lost
                };
                let fate = life.replaced.unwrap_or(fate);
                settle(life.settled(&key, fate, windows));
            }
        }
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
        for (key, life) in self.table.drain() {
            if life.older.is_none() {
                settle_one(&key, &life);
                continue;
            }
            for life in life.into_chain() {
                settle_one(&key, &life);
            }
        }
        self.named_before.clear();
    }

    /// The same lives with the numbers of another table; an earlier part can name none of them.
    pub(crate) fn renumbered(self, numbers: &Renumbering) -> Self {
        let one = |(key, life): (LifeKey, Life<S>)| {
            let host = key.host.renumber(numbers);
            (LifeKey { host, ..key }, life.renumbered(numbers))
        };
        Lives {
            table: self.table.into_iter().map(one).collect(),
            ..Lives::default()
        }
    }

    /// Takes over a later part, whose lines follow the `lines` lines of this one.
    pub(crate) fn merge(
        &mut self,
        later: Self,
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
        for (key, life) in later.table {
            let key = LifeKey {
                host: key.host.renumber(numbers),
                ..key
            };
            if life.older.is_none() {
                self.append(key, life.carried_over(lines, numbers), windows);
                continue;
            }
            for life in life.into_chain() {
                self.append(key, life.carried_over(lines, numbers), windows);
            }
        }
        self.next_sweep = 0;
    }

    /// Adds a later part's life: it continues the current one or stands above it.
    fn append(&mut self, key: LifeKey, life: Life<S>, windows: Windows) {
        match self.table.entry(key) {
            Entry::Vacant(vacant) => {
                vacant.insert(life);
            }
            Entry::Occupied(mut occupied) => {
                let current = occupied.get_mut();
                // Only a part's first life can continue an earlier one; the others were told apart
                // by the same rule when the part was read, and are again here.
                if current
                    .course
                    .joins(life.course.began_with, life.course.first, windows)
                {
                    current.absorb(life);
                } else {
                    current.replace_with(life);
                }
            }
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
        self.look_at_all(&mut |key, life| {
            if let Some(id) = due(life) {
                candidates.push(*key);
                known.entry((key.host, id.hash)).or_default();
            }
        });
        if candidates.is_empty() {
            return;
        }
        // Few message-ids are asked for: the others need no looking up.
        let asked_for = Marks::of(known.keys().map(|(_, hash)| hash));
        self.look_at_all(&mut |key, life| {
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
            let mut next = self.table.get_mut(&key);
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
    fn look_at_all(&self, look: &mut impl FnMut(&LifeKey, &Life<S>)) {
        for (key, newest) in &self.table {
            let mut next = Some(newest);
            while let Some(life) = next {
                look(key, life);
                next = life.older.as_deref();
            }
        }
    }
}

impl<S: Tale> Life<S> {
    #[inline]
    fn settled(&self, key: &LifeKey, fate: Fate, windows: Windows) -> Settled<'_, S> {
        let handed_over = self.namings(windows);
        Settled {
            host: key.host,
            id: key.id,
            first: self.course.first,
            last_us: self.course.last_us,
            fate,
            birth_seen: self.course.began_with.is_birth(),
            is_later_hop: handed_over > 0 || self.facts.linked || self.is_copy == Some(true),
            handed_over,
            unsized_recipients: &self.unsized_recipients,
            story: self.story.as_deref(),
            facts: &self.facts,
        }
    }
}

/// Tells whether a life began in this part for sure and nothing before it can concern it.
fn is_sure<S>(life: &Life<S>, is_first: bool, windows: Windows) -> bool {
    life.course.first.line > windows.hop.max(windows.late)
        && (life.course.began_with == Line::Origin || !is_first)
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

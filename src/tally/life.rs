//! One life of a queue id: its course, its facts, and what tells whether it is a later hop.
//!
//! Which line joins which life, and when one is settled, is decided in [`lives`](super::lives).

use super::course::{At, Course, Line};
use super::details::story::Story;
use super::lives::{LifeKey, Windows};
use super::mail::Facts;
use super::queue_id::QueueId;
use super::shelf::Reuse;
use super::symbols::{Renumber, Renumbering, Symbol};

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
    pub(super) course: Course,
    /// How it stood when a newer life of its id began.
    pub(super) replaced: Option<Fate>,
    /// The lines whose `queued as` names this life, near enough to its first line.
    named: Vec<u64>,
    pub(super) message_id: Option<MessageId>,
    /// Whether it is a copy of a mail that was open, once that is decided.
    pub(super) is_copy: Option<bool>,
    /// The life of its id before this one.
    pub(super) older: Option<Box<Life<S>>>,
    /// Recipients delivered while the size was not known, where somebody asks for bytes.
    pub(crate) unsized_recipients: Vec<Symbol>,
    /// What lines told, where somebody asks for single mails.
    pub(crate) story: Option<Box<S>>,
    pub(crate) facts: Facts,
}

/// The message-id of a life: its hash, and the ordinal of its line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct MessageId {
    pub(super) hash: u64,
    pub(super) line: u64,
}

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

/// How many `queued as` lines a life has room for that is used again; most are named once.
const FEW_NAMINGS: usize = 4;

/// No life yet: it has to [begin](Life::begin).
impl<S> Default for Life<S> {
    fn default() -> Self {
        Life {
            course: Course::start(Line::Other, At { line: 0, us: 0 }),
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
}

impl<S> Reuse for Life<S> {
    fn release(&mut self) {
        if self.named.capacity() > FEW_NAMINGS {
            self.named = Vec::new();
        }
        self.named.clear();
        self.older = None;
        self.unsized_recipients = Vec::new();
        self.story = None;
    }
}

impl<S: Tale> Life<S> {
    pub(super) fn start(line: Line, at: At) -> Self {
        let mut life = Life::default();
        life.begin(line, at);
        life
    }

    /// Begins with a line. What is set here is all that is left of a life that was released.
    #[inline(never)]
    pub(super) fn begin(&mut self, line: Line, at: At) {
        self.course = Course::start(line, at);
        self.replaced = None;
        self.message_id = None;
        self.is_copy = None;
        self.facts = Facts::default();
    }

    /// Takes over a later part's life that belongs to this one.
    pub(super) fn absorb(&mut self, later: &mut Self) {
        self.course.absorb(&later.course);
        self.named.append(&mut later.named);
        self.unsized_recipients
            .append(&mut later.unsized_recipients);
        match (&mut self.story, later.story.take()) {
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

    /// Makes the life a part of the earlier part, whose lines and symbols it takes on.
    pub(super) fn carry_over(&mut self, lines: u64, numbers: &Renumbering) {
        self.shift(lines);
        self.facts.renumber(numbers);
        for recipient in &mut self.unsized_recipients {
            *recipient = recipient.renumber(numbers);
        }
        if let Some(story) = &mut self.story {
            story.renumber(numbers);
        }
    }

    /// Notes the message-id that a line of this life states; the first one stays.
    pub(crate) fn set_message_id(&mut self, hash: u64, line: u64) {
        self.message_id = self.message_id.or(Some(MessageId { hash, line }));
    }

    /// Begins another life of the same id above this one.
    #[cold]
    #[inline(never)]
    pub(super) fn begin_anew(&mut self, line: Line, at: At) {
        self.replace_with(Life::start(line, at));
    }

    /// Puts a newer life of the same id above this one.
    pub(super) fn replace_with(&mut self, newer: Self) {
        let mut old = std::mem::replace(self, newer);
        old.replaced = Some(old.fate_before(self.course.first.us));
        // `newer` is the later part's first life or a new one: it has no elder of its own.
        self.older = Some(Box::new(old));
    }

    /// Tells how the life stands if nothing more of it comes before `us`.
    pub(super) fn fate_before(&self, us: i64) -> Fate {
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
    pub(super) fn name(&mut self, line: u64, windows: Windows) {
        if line - self.course.first.line <= windows.hop {
            self.named.push(line);
        }
    }

    /// The message-id, if it must still be asked whether this is a copy of an open mail: only what
    /// a loopback client hands in without naming its origin can be.
    pub(super) fn undecided_copy(&self, windows: Windows) -> Option<MessageId> {
        let is_candidate = self.facts.is_loopback_client()
            && self.is_copy.is_none()
            && !self.facts.linked
            && self.namings(windows) == 0;
        self.message_id.filter(|_| is_candidate)
    }

    /// Whether no line after `now` can concern the life: neither a late line, nor a `queued as`, nor
    /// a copy, nor (in a part that something may precede) an earlier line.
    pub(super) fn is_out_of_reach(
        &self,
        is_first: bool,
        now: At,
        anchored: bool,
        windows: Windows,
    ) -> bool {
        let known_at = self
            .message_id
            .map_or(0, |id| id.line)
            .max(self.course.first.line);
        (anchored || is_sure(self, is_first, windows))
            && now.line - known_at > 2 * windows.hop
            && self.undecided_copy(windows).is_none()
    }

    /// Takes the lives apart, oldest first.
    pub(super) fn into_chain(mut self) -> Vec<Self> {
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

    /// What settling it hands to the counters.
    #[inline]
    pub(super) fn settled(&self, key: &LifeKey, fate: Fate, windows: Windows) -> Settled<'_, S> {
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

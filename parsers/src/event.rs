//! An event: one line's message as a typed value.

use crate::describe::{self, Description, FieldInfo};
use crate::fields::{Fields, Visitor};
use crate::{Companion, Daemon, Program, Tag, companion, dovecot, logger, postfix};

/// One line's message as a typed value that borrows from the line.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event<'a> {
    /// Logged by a Postfix daemon or command.
    Postfix(postfix::Event<'a>),
    /// Logged by Dovecot.
    Dovecot(dovecot::Event<'a>),
    /// Logged by a milter, policy service or content filter.
    Companion(companion::Event<'a>),
    /// Logged by the logger itself, about lines.
    Logger(logger::Event<'a>),
}

/// Why a line of ours is unparsed: the place in the grammar that gave up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Reason(pub &'static str);

impl Reason {
    /// Returns the reason for a message that could not be parsed: of one that is not there, no
    /// grammar can say why. A journal's JSON has null for a message that is too long.
    #[must_use]
    pub fn of(self, message: &[u8]) -> Self {
        match message {
            b"" => Reason("the line has no message"),
            _ => self,
        }
    }
}

/// The result of parsing a message.
pub(crate) type Result<'a> = core::result::Result<Event<'a>, Reason>;

impl<'a> Event<'a> {
    /// Parses a message by the grammar of the program that its tag names.
    ///
    /// Returns the place in the grammar that gave up when the message has no known shape. The
    /// message of a foreign program has none, by definition.
    pub fn parse(tag: &Tag<'_>, message: &'a [u8]) -> Result<'a> {
        let parsed = match tag.program {
            Program::Postfix(daemon) => postfix::parse(daemon, message).map(Event::Postfix),
            Program::PostfixCut => postfix::parse_any(message).map(Event::Postfix),
            Program::PostfixUnknown => Err(Reason("unknown program below postfix")),
            Program::Dovecot => dovecot::parse(message).map(Event::Dovecot),
            Program::Companion(companion) => {
                companion::parse(companion, message).map(Event::Companion)
            }
            Program::Logger => logger::parse(message).map(Event::Logger),
            Program::Foreign => Err(Reason("foreign program")),
        };
        parsed.map_err(|reason| reason.of(message))
    }

    /// Returns the event's kind.
    pub fn kind(&self) -> Kind {
        match self {
            Event::Postfix(event) => event.kind(),
            Event::Dovecot(event) => event.kind(),
            Event::Companion(event) => event.kind(),
            Event::Logger(event) => Kind(LOGGER + event.index()),
        }
    }

    /// Tells how far the line was understood.
    ///
    /// A warning that fits a class of warnings is parsed, although it has no kind of its own.
    pub fn class(&self) -> Class {
        match self {
            Event::Postfix(event) => event.class(),
            Event::Dovecot(event) => event.class(),
            Event::Companion(_) | Event::Logger(_) => Class::Parsed,
        }
    }
}

impl<'a> postfix::Event<'a> {
    /// Parses a message by the grammar of the daemon that logged it.
    ///
    /// [`Event::parse`] does so for any program; this spares who asks for one the way there.
    #[inline(always)]
    pub fn parse(daemon: Daemon, message: &'a [u8]) -> core::result::Result<Self, Reason> {
        postfix::parse(daemon, message)
    }

    /// Returns the event's kind.
    pub fn kind(&self) -> Kind {
        Kind(self.index())
    }
}

impl<'a> dovecot::Event<'a> {
    /// Parses a message of Dovecot; see [`postfix::Event::parse`].
    pub fn parse(message: &'a [u8]) -> core::result::Result<Self, Reason> {
        dovecot::parse(message)
    }

    /// Returns the event's kind.
    pub fn kind(&self) -> Kind {
        Kind(DOVECOT + self.index())
    }
}

impl<'a> companion::Event<'a> {
    /// Parses a message of a companion; see [`postfix::Event::parse`].
    pub fn parse(companion: Companion, message: &'a [u8]) -> core::result::Result<Self, Reason> {
        companion::parse(companion, message)
    }

    /// Returns the event's kind.
    pub fn kind(&self) -> Kind {
        Kind(COMPANION + self.index())
    }
}

impl Fields for Event<'_> {
    fn visit(&self, visitor: &mut dyn Visitor) {
        match self {
            Event::Postfix(event) => {
                event.visit(visitor);
                if let Some(rule) = postfix::rule::Rule::of(event) {
                    rule.visit(visitor);
                }
            }
            Event::Dovecot(event) => event.visit(visitor),
            Event::Companion(event) => event.visit(visitor),
            Event::Logger(event) => event.visit(visitor),
        }
    }
}

const DOVECOT: usize = postfix::Event::KINDS.len();
const COMPANION: usize = DOVECOT + dovecot::Event::KINDS.len();
const LOGGER: usize = COMPANION + companion::Event::KINDS.len();
const ALL: usize = LOGGER + logger::Event::KINDS.len();

/// The kind of an event: a small number with a stable name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Kind(usize);

/// How far the parser understood a line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// A kind of the catalogue with all its fields.
    Parsed,
    /// A known daemon and severity word, but text of no known kind or class.
    Generic,
}

impl Kind {
    /// Returns the stable name, e.g. `smtpd_connect`.
    pub fn name(self) -> &'static str {
        let find = |names: &'static [&'static str], start: usize| {
            self.0.checked_sub(start).and_then(|i| names.get(i))
        };
        find(postfix::Event::KINDS, 0)
            .or_else(|| find(dovecot::Event::KINDS, DOVECOT))
            .or_else(|| find(companion::Event::KINDS, COMPANION))
            .or_else(|| find(logger::Event::KINDS, LOGGER))
            .copied()
            .unwrap_or("unknown")
    }

    /// Returns what the kind is, in the words of its doc comment; lines as in the source.
    pub fn about(self) -> &'static str {
        self.description()
            .map_or("", |description| description.about)
    }

    /// Calls `to` for each field that events of this kind may have, in the order of a visit.
    ///
    /// A name may come twice where two groups of fields share it; an event has it once.
    pub fn describe_fields(self, to: &mut dyn FnMut(FieldInfo)) {
        if let Some(description) = self.description() {
            (description.fields)(to);
        }
        if postfix::rule::KINDS.contains(&self.name()) {
            describe::rule(to);
        }
    }

    fn description(self) -> Option<&'static Description> {
        let find = |rows: &'static [Description], start: usize| {
            self.0.checked_sub(start).and_then(|i| rows.get(i))
        };
        find(postfix::Event::DESCRIPTIONS, 0)
            .or_else(|| find(dovecot::Event::DESCRIPTIONS, DOVECOT))
            .or_else(|| find(companion::Event::DESCRIPTIONS, COMPANION))
            .or_else(|| find(logger::Event::DESCRIPTIONS, LOGGER))
    }

    /// Returns the kind's number, below [`Kind::COUNT`]. It is not stable between versions.
    pub fn index(self) -> usize {
        self.0
    }

    /// How many kinds there are.
    pub const COUNT: usize = ALL;

    /// Finds a kind by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        (0..ALL).map(Kind).find(|kind| kind.name() == name)
    }

    /// Lists all kinds.
    pub fn all() -> impl Iterator<Item = Kind> {
        (0..ALL).map(Kind)
    }
}

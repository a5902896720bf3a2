//! What the delivery lines of one mail tell, where a section names single mails.
//!
//! Of constant size but for the servers' words and for those who were asked for by greylisting: a
//! mailing list's mail has lines by the thousand. The first lines win where several are as good,
//! so that parts of a life merge to the whole.

use super::super::lives::Tale;
use super::super::symbols::{Renumber, Renumbering, Symbol};

/// How many recipients are named.
const NAMES: usize = 5;
/// How much of a server's words is kept, in bytes.
const TEXT_BYTES: usize = 200;

/// The first few recipients of a mail, each once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Names([Option<Symbol>; NAMES]);

impl Names {
    pub(crate) fn add(&mut self, name: Symbol) {
        for place in &mut self.0 {
            match place {
                Some(known) if *known == name => return,
                Some(_) => {}
                None => {
                    *place = Some(name);
                    return;
                }
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Symbol> {
        self.0.into_iter().flatten()
    }

    fn merge(&mut self, later: Names) {
        later.iter().for_each(|name| self.add(name));
    }
}

impl Renumber for Names {
    fn renumber(self, numbers: &Renumbering) -> Self {
        Names(self.0.map(|name| name.renumber(numbers)))
    }
}

/// Attempts that failed in one way: the recipients, and the last one's reason.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    pub(crate) names: Names,
    pub(crate) reason: Symbol,
    pub(crate) dsn: Symbol,
    pub(crate) text: Box<[u8]>,
}

impl Trouble {
    pub(crate) fn new(recipient: Symbol, reason: Symbol, dsn: Symbol, text: &[u8]) -> Self {
        let mut names = Names::default();
        names.add(recipient);
        Trouble {
            names,
            reason,
            dsn,
            text: text.get(..TEXT_BYTES).unwrap_or(text).into(),
        }
    }

    /// Adds what came later.
    fn merge(&mut self, later: Trouble) {
        self.names.merge(later.names);
        let names = self.names;
        *self = Trouble { names, ..later };
    }

    fn renumber(&mut self, numbers: &Renumbering) {
        self.names = self.names.renumber(numbers);
        self.reason = self.reason.renumber(numbers);
        self.dsn = self.dsn.renumber(numbers);
    }
}

/// What the delivery lines of one mail told so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Story {
    /// The first recipients, whatever became of them.
    pub(crate) names: Names,
    pub(crate) deferred: Option<Trouble>,
    pub(crate) bounced: Option<Trouble>,
    /// The longest delay of a delivered recipient, and that.
    pub(crate) slowest: Option<(u64, Symbol)>,
    /// All recipients in the words of the client.
    pub(crate) asked_for: Vec<Symbol>,
}

impl Story {
    pub(crate) fn deferred(&mut self, trouble: Trouble) {
        add(&mut self.deferred, trouble);
    }

    pub(crate) fn bounced(&mut self, trouble: Trouble) {
        add(&mut self.bounced, trouble);
    }

    pub(crate) fn delivered(&mut self, delay_us: u64, recipient: Symbol) {
        if self.slowest.is_none_or(|(longest, _)| delay_us > longest) {
            self.slowest = Some((delay_us, recipient));
        }
    }

    /// Notes a recipient in the words of the client. Of a mail with few, those that are tried again
    /// and again are there once; of one with many a search would take longer than it spares.
    pub(crate) fn ask_for(&mut self, recipient: Symbol) {
        let is_short = self.asked_for.len() < 16;
        if !(is_short && self.asked_for.contains(&recipient)) {
            self.asked_for.push(recipient);
        }
    }
}

impl Tale for Story {
    fn merge(&mut self, later: Story) {
        self.names.merge(later.names);
        if let Some(trouble) = later.deferred {
            self.deferred(trouble);
        }
        if let Some(trouble) = later.bounced {
            self.bounced(trouble);
        }
        if let Some((delay_us, recipient)) = later.slowest {
            self.delivered(delay_us, recipient);
        }
        self.asked_for.extend(later.asked_for);
    }

    fn renumber(&mut self, numbers: &Renumbering) {
        self.names = self.names.renumber(numbers);
        for trouble in [&mut self.deferred, &mut self.bounced]
            .into_iter()
            .flatten()
        {
            trouble.renumber(numbers);
        }
        self.slowest = self
            .slowest
            .map(|(delay_us, recipient)| (delay_us, recipient.renumber(numbers)));
        for recipient in &mut self.asked_for {
            *recipient = recipient.renumber(numbers);
        }
    }
}

fn add(ours: &mut Option<Trouble>, later: Trouble) {
    match ours {
        Some(ours) => ours.merge(later),
        None => *ours = Some(later),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::symbols::Symbols;
    use super::*;

    #[test]
    fn the_first_few_recipients_are_named_once_each() {
        let mut symbols = Symbols::default();
        let all: Vec<Symbol> = (0..9_u8).map(|at| symbols.intern(&[at])).collect();
        let named = |symbols: &[Symbol]| {
            let mut names = Names::default();
            symbols.iter().for_each(|symbol| names.add(*symbol));
            names
        };
        let whole: Vec<Symbol> = named(&[&all[..3], &all[..]].concat()).iter().collect();
        assert_eq!(whole, all[..NAMES]);
        for cut in 0..all.len() {
            let mut left = named(&all[..cut]);
            left.merge(named(&all[cut..]));
            assert_eq!(left.iter().collect::<Vec<_>>(), whole);
        }
    }

    #[test]
    fn the_last_words_stay_and_the_first_of_the_slowest() {
        let mut symbols = Symbols::default();
        let [a, b] = [b"a", b"b"].map(|text| symbols.intern(text));
        let mut story = Story::default();
        story.deferred(Trouble::new(a, a, a, b"first"));
        story.deferred(Trouble::new(b, b, b, &[b'x'; 999]));
        story.delivered(7, a);
        story.delivered(7, b);
        let trouble = story.deferred.unwrap();
        assert_eq!(trouble.names.iter().collect::<Vec<_>>(), [a, b]);
        assert_eq!((trouble.reason, trouble.text.len()), (b, TEXT_BYTES));
        assert_eq!(story.slowest, Some((7, a)));
    }
}

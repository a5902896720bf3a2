//! Lives of mails that conditions decide, and the places of their lines until then.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use rustc_hash::FxBuildHasher;

use super::held::{Held, Place};
use crate::tally::course::{At, Course, Line};
use crate::tally::{QueueId, Windows};

/// Lives are looked through once in so many lines, at least.
const SWEEP_LINES: u64 = 4_096;

/// What names a life: the number of the host that logged, and the queue id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Key {
    pub(super) host: u32,
    pub(super) id: QueueId,
}

/// What has to be known of a mail before its lines count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Needs {
    /// A sender that meets conditions.
    pub(super) sender: bool,
    /// A recipient that does.
    pub(super) recipient: bool,
    /// Which parts its recipients are in: until the mail is over it may come into further ones.
    pub(super) parts: bool,
}

/// What one line says of the sender of its mail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sender {
    /// Nothing.
    Unsaid,
    /// Whether the sender that a client gave meets the conditions.
    Given(bool),
    /// Whether that of the queue file does.
    Queued(bool),
}

/// What one line says of recipients.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Recipient {
    /// Nothing.
    Unsaid,
    /// It names one that meets no condition.
    Other,
    /// It names one that does, in this part; a refused one is no recipient of the mail.
    Asked {
        /// The part of the recipient.
        part: u32,
        /// Whether the recipient is one of the mail.
        is_of_mail: bool,
    },
}

/// One line of a mail.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) place: Place,
    /// The part of the line, if its mail does not say.
    pub(super) part: u32,
    /// Whether the conditions on lines hold.
    pub(super) counts: bool,
    pub(super) sender: Sender,
    pub(super) recipient: Recipient,
}

/// A line that counts if its mail does.
#[derive(Clone, Copy, Debug)]
struct Undecided {
    place: Place,
    part: u32,
    /// Whether the line names its recipient, and so its part, itself.
    is_fixed: bool,
    /// How many of the mail's parts it is marked for.
    marked: u32,
}

/// One mail, as far as it is decided.
#[derive(Clone, Debug)]
struct Mail {
    course: Course,
    /// Whether the sender meets the conditions.
    sender: Option<bool>,
    /// Whether that which the client gave does, for mails that never get into a queue.
    given: Option<bool>,
    /// The parts in which it has a recipient that was asked for.
    parts: Vec<u32>,
    undecided: Vec<Undecided>,
}

impl Mail {
    fn new(line: Line, at: At) -> Mail {
        Mail {
            course: Course::start(line, at),
            sender: None,
            given: None,
            parts: Vec::new(),
            undecided: Vec::new(),
        }
    }

    fn line(&mut self, said: Said, needs: Needs, held: &mut Held) {
        let says_more = self.learn(said);
        let line = match said.recipient {
            // The others of the mail may be asked for, but not this line.
            Recipient::Other => None,
            Recipient::Unsaid => Some(Undecided::new(said.place, said.part, false)),
            Recipient::Asked { part, .. } => Some(Undecided::new(said.place, part, true)),
        };
        if let Some(line) = line.filter(|_| said.counts) {
            held.keep(line.place);
            self.undecided.push(line);
        }
        // A mail may have any number of lines: those before are looked at again only if need be.
        let from = match says_more {
            true => 0,
            false => self.undecided.len().saturating_sub(1),
        };
        self.decide(from, needs, held);
    }

    /// Takes over what a line says of the mail; tells whether that was not known before.
    fn learn(&mut self, said: Said) -> bool {
        let mut says_more = false;
        match said.sender {
            Sender::Unsaid => {}
            Sender::Given(met) => self.given = self.given.or(Some(met)),
            Sender::Queued(met) => {
                says_more = self.sender.is_none();
                self.sender = self.sender.or(Some(met));
            }
        }
        if let Recipient::Asked {
            part,
            is_of_mail: true,
        } = said.recipient
            && !self.parts.contains(&part)
        {
            self.parts.push(part);
            says_more = true;
        }
        says_more
    }

    /// Counts or leaves out what is known by now of the lines from one on.
    fn decide(&mut self, from: usize, needs: Needs, held: &mut Held) {
        let sender = if needs.sender {
            self.sender
        } else {
            Some(true)
        };
        match sender {
            None => {}
            Some(false) => self.let_go(held),
            Some(true) => {
                for mut line in self.undecided.split_off(from.min(self.undecided.len())) {
                    if line.waits_still(&self.parts, needs, held) {
                        self.undecided.push(line);
                    }
                }
            }
        }
    }

    /// Decides all: nothing more of the mail comes.
    fn close(mut self, needs: Needs, held: &mut Held) {
        self.sender = self.sender.or(self.given);
        self.decide(0, needs, held);
        self.let_go(held);
    }

    /// Leaves out what is not decided.
    fn let_go(&mut self, held: &mut Held) {
        for line in self.undecided.drain(..) {
            held.release(line.place);
        }
    }
}

impl Undecided {
    fn new(place: Place, part: u32, is_fixed: bool) -> Self {
        Undecided {
            place,
            part,
            is_fixed,
            marked: 0,
        }
    }

    /// Marks the line for what is known of its mail; tells whether it may be marked for more.
    fn waits_still(&mut self, parts: &[u32], needs: Needs, held: &mut Held) -> bool {
        if self.is_fixed || !(needs.recipient || needs.parts) {
            held.mark(self.place, self.part);
        } else if needs.parts {
            let marked = usize::try_from(self.marked).unwrap_or(usize::MAX);
            for &part in parts.get(marked..).unwrap_or_default() {
                held.mark(self.place, part);
                self.marked += 1;
            }
            return true;
        } else if parts.is_empty() {
            return true;
        } else {
            held.mark(self.place, self.part);
        }
        held.release(self.place);
        false
    }
}

/// The mails that are open.
#[derive(Debug)]
pub(super) struct Mails {
    table: HashMap<Key, Mail, FxBuildHasher>,
    needs: Needs,
    windows: Windows,
    next_sweep: u64,
}

impl Mails {
    pub(super) fn new(needs: Needs, windows: Windows) -> Self {
        Mails {
            table: HashMap::default(),
            needs,
            windows,
            next_sweep: SWEEP_LINES,
        }
    }

    /// Takes a line of a mail.
    pub(super) fn line(&mut self, key: Key, line: Line, at: At, said: Said, held: &mut Held) {
        let mail = match self.table.entry(key) {
            Entry::Vacant(vacant) => vacant.insert(Mail::new(line, at)),
            Entry::Occupied(occupied) => {
                let mail = occupied.into_mut();
                if mail.course.joins(line, at, self.windows) {
                    mail.course.extend(line, at);
                } else {
                    let before = std::mem::replace(mail, Mail::new(line, at));
                    before.close(self.needs, held);
                }
                mail
            }
        };
        mail.line(said, self.needs, held);
    }

    /// Decides mails that no line can belong to any more, once in a while.
    pub(super) fn sweep(&mut self, now: At, held: &mut Held) {
        if now.line < self.next_sweep {
            return;
        }
        let windows = self.windows;
        let is_over =
            |mail: &Mail| mail.course.is_ended(now.line, windows) || mail.course.is_lost(now.us);
        let over = self.table.extract_if(|_, mail| is_over(mail));
        for (_, mail) in over {
            mail.close(self.needs, held);
        }
        if self.table.len() > windows.max_open {
            self.close_longest_silent(held);
        }
        // Each mail is looked at once in two lines on average, however many there are.
        let open = u64::try_from(self.table.len()).unwrap_or(u64::MAX);
        self.next_sweep = now.line + SWEEP_LINES.max(open.saturating_mul(2));
    }

    /// Decides the mails that were silent longest, down to nine tenths of what may be open.
    fn close_longest_silent(&mut self, held: &mut Held) {
        let stamp = |mail: &Mail| mail.course.last_us();
        let mut stamps: Vec<i64> = self.table.values().map(stamp).collect();
        let surplus = stamps.len().saturating_sub(self.windows.max_open / 10 * 9);
        let surplus = surplus.min(stamps.len().saturating_sub(1));
        let (_, &mut limit, _) = stamps.select_nth_unstable(surplus);
        let silent = self.table.extract_if(|_, mail| stamp(mail) < limit);
        for (_, mail) in silent {
            mail.close(self.needs, held);
        }
    }

    /// Decides all mails: the log has ended.
    pub(super) fn finish(&mut self, held: &mut Held) {
        for (_, mail) in self.table.drain() {
            mail.close(self.needs, held);
        }
    }
}

//! The mails of one queue id told apart, for who counts by the mail and not with a [`Tally`].
//!
//! Queue ids come again, and each host has its own. Which line belongs to which mail is decided by
//! the rule of [`Course`]; here is what remembers the lives, and which kinds of lines belong to one.
//! The log is read from its beginning and in order: nothing is merged.
//!
//! [`Tally`]: super::Tally

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use mailtally_parsers::postfix::Event as Postfix;
use rustc_hash::FxBuildHasher;

use super::course::{At, Course, Line};
use super::lives::{QueueId, Windows};
use super::refusals::Verdict;

/// A mail, by its number in the order of their beginnings.
pub(crate) type MailId = u32;

/// Whose lines are one mail's.
#[derive(Default)]
pub(crate) struct MailsApart {
    windows: Windows,
    /// The last life of each queue id of a host.
    lives: HashMap<(u32, QueueId), (Course, MailId), FxBuildHasher>,
    count: MailId,
    next_sweep: u64,
}

impl MailsApart {
    /// Finds or begins the mail that a line of a host belongs to.
    pub(crate) fn line(&mut self, host: u32, queue_id: &[u8], line: Line, at: At) -> MailId {
        self.sweep(at);
        let fresh = self.count;
        let entry = self.lives.entry((host, QueueId::new(queue_id)));
        match entry {
            Entry::Occupied(mut known) if known.get().0.joins(line, at, self.windows) => {
                let (course, mail) = known.get_mut();
                course.extend(line, at);
                return *mail;
            }
            Entry::Occupied(mut known) => {
                known.insert((Course::start(line, at), fresh));
            }
            Entry::Vacant(vacant) => {
                vacant.insert((Course::start(line, at), fresh));
            }
        }
        self.count = self.count.saturating_add(1);
        fresh
    }

    /// Forgets, once in a while, lives that ended so long ago that no line can join them.
    fn sweep(&mut self, at: At) {
        if at.line < self.next_sweep {
            return;
        }
        let windows = self.windows;
        // Nothing joins an ended life that a late line would not.
        self.lives
            .retain(|_, (course, _)| course.joins(Line::Other, at, windows));
        let lives = u64::try_from(self.lives.len()).unwrap_or(u64::MAX);
        self.next_sweep = at
            .line
            .saturating_add(lives.saturating_mul(2).max(windows.hop));
    }
}

/// Tells whose life a line belongs to, and what it is there: of the kinds that a tally joins by the
/// queue id.
pub(crate) fn in_life<'a>(event: &Postfix<'a>) -> Option<(&'a [u8], Line)> {
    let queue_id = match event {
        Postfix::SmtpdClient(event) => event.queue_id,
        Postfix::Pickup(event) => Some(event.queue_id),
        Postfix::CleanupMessageId(event) => Some(event.queue_id),
        Postfix::QmgrActive(event) => Some(event.queue_id),
        Postfix::QmgrExpired(event) => Some(event.queue_id),
        Postfix::Delivery(event) => Some(event.queue_id),
        Postfix::QmgrRemoved(event) => Some(event.queue_id),
        Postfix::CleanupRemoved(event) => Some(event.queue_id),
        Postfix::Postsuper(event) => event.queue_id,
        Postfix::SmtpdHold(event) | Postfix::SmtpdDiscard(event) => event.queue_id,
        _ => of_content(event),
    };
    Some((queue_id?, Line::of(event)))
}

/// The mail that milters and content checks hold, discard, or refuse as a whole.
fn of_content<'a>(event: &Postfix<'a>) -> Option<&'a [u8]> {
    let queue_id = match event {
        Postfix::MilterAction(event) => event.queue_id,
        Postfix::MilterHeaderCheck(event) => event.queue_id,
        Postfix::CleanupCheck(event) => event.queue_id,
        _ => None,
    };
    let decides = match Verdict::said_by(event)? {
        Verdict::Hold | Verdict::Discard => true,
        Verdict::Reject => Line::of(event) == Line::End,
        Verdict::RejectWarning => false,
    };
    queue_id.filter(|_| decides)
}

//! The course of one life: which lines of a queue id belong to the same mail.
//!
//! Kept apart from what a life is counted as, for whoever decides about mails before they are counted
//! has to part them in the same way. What a line means for a mail is **not** decided here.

use mailtally_parsers::postfix::Event;

use super::lives::Windows;

/// A mail without a line for 8 days has lost its end: Postfix keeps mail for 5 by default.
const LOST_US: i64 = 8 * 86_400 * 1_000_000;

/// The kinds of lines, as far as births go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Line {
    /// smtpd's `client=` or pickup's `uid=`: a birth.
    Origin,
    /// cleanup's `message-id=`: a birth, where no `client=` or `uid=` came first.
    MessageId,
    /// A verdict of smtpd or cleanup on a mail that is still coming in: births may follow it.
    Verdict,
    /// Any other line of the mail.
    Other,
    /// `removed`: the end.
    End,
}

impl Line {
    /// Tells what a line of Postfix that names a queue id is to the life of that id.
    pub(crate) fn of(event: &Event<'_>) -> Line {
        match event {
            Event::SmtpdClient(_) | Event::Pickup(_) => Line::Origin,
            Event::CleanupMessageId(_) => Line::MessageId,
            Event::QmgrRemoved(_) | Event::CleanupRemoved(_) => Line::End,
            Event::Postsuper(event) => Line::of_postsuper(event.action),
            Event::MilterAction(event)
                if event.action == b"milter-reject" && event.r#where == b"END-OF-MESSAGE" =>
            {
                Line::End
            }
            Event::QmgrActive(_) | Event::QmgrExpired(_) | Event::Delivery(_) => Line::Other,
            _ => Line::Verdict,
        }
    }

    /// The same of what postsuper did. A requeued mail goes on under another id: pickup's `orig_id=`
    /// names this one.
    pub(super) fn of_postsuper(action: &[u8]) -> Line {
        match action {
            b"removed" | b"requeued" => Line::End,
            _ => Line::Other,
        }
    }

    pub(super) fn is_birth(self) -> bool {
        matches!(self, Line::Origin | Line::MessageId)
    }
}

/// Where a line stands: its ordinal in this part, counted from 1, and its stamp.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub(crate) line: u64,
    pub(crate) us: i64,
}

/// From where to where the lines of one life go, as far as this part of the log saw them.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    pub(super) first: At,
    pub(super) last_us: i64,
    pub(super) began_with: Line,
    has_origin: bool,
    progressed: bool,
    pub(super) end: Option<u64>,
    pub(super) removed: bool,
}

impl Course {
    /// Begins with a line.
    pub(crate) fn start(line: Line, at: At) -> Course {
        let mut course = Course {
            first: at,
            last_us: at.us,
            began_with: if line == Line::End { Line::Other } else { line },
            has_origin: false,
            progressed: false,
            end: None,
            removed: false,
        };
        course.extend(line, at);
        course
    }

    /// Goes on with a line that [joins](Course::joins) it.
    #[inline]
    pub(crate) fn extend(&mut self, line: Line, at: At) {
        self.last_us = at.us;
        self.end = None;
        match line {
            Line::Origin => self.has_origin = true,
            Line::MessageId | Line::Verdict => {}
            Line::Other => self.progressed = true,
            Line::End => {
                self.progressed = true;
                self.removed = true;
                self.end = Some(at.line);
            }
        }
    }

    /// Goes on with a line, if it joins it.
    #[inline]
    pub(super) fn goes_on(&mut self, line: Line, at: At, windows: Windows) -> bool {
        let joins = self.joins(line, at, windows);
        if joins {
            self.extend(line, at);
        }
        joins
    }

    /// Tells whether a line, or a later part's life that begins with it, belongs to this life.
    #[inline]
    pub(crate) fn joins(&self, line: Line, at: At, windows: Windows) -> bool {
        if self.is_lost(at.us) {
            return false;
        }
        let only_born = self.end.is_none() && !self.progressed;
        match line {
            Line::Origin => {
                only_born && !self.has_origin && at.line - self.first.line <= windows.late
            }
            Line::MessageId => only_born,
            Line::Verdict | Line::Other | Line::End => !self.is_ended(at.line, windows),
        }
    }

    /// Tells whether the life has ended, and so long ago that no line belongs to it any more.
    #[inline]
    pub(crate) fn is_ended(&self, line: u64, windows: Windows) -> bool {
        self.end.is_some_and(|end| line - end > windows.late)
    }

    /// Tells whether the life was silent for so long that it must have ended without a word.
    #[inline]
    pub(crate) fn is_lost(&self, now_us: i64) -> bool {
        self.last_us.saturating_add(LOST_US) < now_us
    }

    /// Returns the stamp of its last line.
    pub(crate) fn last_us(&self) -> i64 {
        self.last_us
    }

    /// Takes over the course of a later part's life that belongs to this one.
    pub(super) fn absorb(&mut self, later: &Course) {
        self.last_us = later.last_us;
        self.has_origin |= later.has_origin;
        self.progressed |= later.progressed;
        self.end = later.end;
        self.removed |= later.removed;
    }

    pub(super) fn shift(&mut self, lines: u64) {
        self.first.line += lines;
        self.end = self.end.map(|end| end + lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_lost_after_eight_days_without_a_line_not_before() {
        let course = |us| Course::start(Line::Origin, At { line: 1, us });
        for us in [0, -LOST_US, 7] {
            assert!(!course(us).is_lost(us + LOST_US));
            assert!(course(us).is_lost(us + LOST_US + 1));
        }
        assert!(course(i64::MIN).is_lost(0));
        assert!(course(i64::MIN).is_lost(i64::MAX));
        assert!(!course(i64::MAX).is_lost(i64::MAX));
        assert!(!course(i64::MAX).is_lost(i64::MIN));
    }
}

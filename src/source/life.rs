//! Where a line stands in the life of a mail, as far as its first words tell.
//!
//! That is enough to put lines of one second in order that come from several files. What became of
//! a mail is **not** told here: that is for the tally.

use std::hash::Hasher;

use mailtally_parsers::{Daemon, Program, Record, near};

/// What a line is in the life of which mail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) rank: Rank,
    /// A hash of the queue id that the message begins with, 0 if there is none.
    pub(super) queue_id: u64,
    /// A hash of another mail's queue id that the message names, 0 if there is none: that mail came
    /// in before.
    pub(super) named_id: u64,
}

/// What comes first of lines with the same stamp.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Rank {
    /// It goes with the line above it: it has no stamp.
    Continued,
    /// What others ask before they go on.
    Lookup,
    /// `client=`, `uid=`: a mail comes in.
    Birth,
    /// `message-id=`.
    Cleanup,
    /// What milters say.
    Filter,
    /// What a milter decided, and `from=`: the mail is in the active queue.
    Queued,
    /// Deliveries, and what no mail is known of.
    Delivery,
    /// The mail has waited too long.
    Expired,
    /// A bounce was sent.
    Returned,
    /// The mail is gone.
    Removed,
}

impl Rank {
    pub(super) const COUNT: usize = 10;

    pub(super) fn index(self) -> usize {
        match self {
            Rank::Continued => 0,
            Rank::Lookup => 1,
            Rank::Birth => 2,
            Rank::Cleanup => 3,
            Rank::Filter => 4,
            Rank::Queued => 5,
            Rank::Delivery => 6,
            Rank::Expired => 7,
            Rank::Returned => 8,
            Rank::Removed => 9,
        }
    }

    /// Ranks a line by its program and by what follows the queue id, the whole message if it has
    /// none.
    fn of(record: &Record<'_>, text: &[u8]) -> Self {
        match record.tag.program {
            Program::Postfix(daemon) => Rank::of_postfix(daemon, text),
            Program::Dovecot if text.starts_with(b"auth") => Rank::Lookup,
            Program::Companion(_) => Rank::Filter,
            _ => Rank::Delivery,
        }
    }

    fn of_postfix(daemon: Daemon, text: &[u8]) -> Self {
        match daemon {
            _ if text.starts_with(b": removed") => Rank::Removed,
            Daemon::Dnsblog => Rank::Lookup,
            Daemon::Smtpd | Daemon::Postscreen | Daemon::Pickup | Daemon::Qmqpd => Rank::Birth,
            Daemon::Cleanup if text.starts_with(b": milter-") => Rank::Queued,
            Daemon::Cleanup => Rank::Cleanup,
            Daemon::Qmgr if near::find(text, b", status=").is_some() => Rank::Expired,
            Daemon::Qmgr => Rank::Queued,
            Daemon::Bounce => Rank::Returned,
            _ => Rank::Delivery,
        }
    }
}

impl Place {
    /// The place of a line without a stamp.
    pub(super) const CONTINUED: Self = Place {
        rank: Rank::Continued,
        queue_id: 0,
        named_id: 0,
    };

    /// Finds a record's place.
    pub(super) fn of(record: &Record<'_>) -> Self {
        let (id, text) = split_queue_id(record.message).unwrap_or((b"", record.message));
        let rank = Rank::of(record, text);
        Place {
            rank,
            queue_id: hash(id),
            named_id: hash(named_id(rank, text)),
        }
    }
}

fn hash(id: &[u8]) -> u64 {
    if id.is_empty() {
        return 0;
    }
    let mut hasher = rustc_hash::FxHasher::default();
    hasher.write(id);
    hasher.finish().max(1)
}

/// Splits a message behind the word before its first colon, if that may be a queue id.
fn split_queue_id(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let id = first_word(message)?;
    let text = message.get(id.len()..)?;
    (text.first() == Some(&b':')).then_some((id, text))
}

/// Finds the id in `queued as ID`, `forwarded as ID` and `non-delivery notification: ID`.
///
/// Only where Postfix itself has it: at the end of a delivery, in what a proxy filter answered, in
/// a line of bounce. Each line of a merged log passes here.
fn named_id(rank: Rank, text: &[u8]) -> &[u8] {
    let tail = || text.get(text.len().saturating_sub(64)..).unwrap_or(text);
    let (place, mark) = match rank {
        Rank::Delivery => (tail(), &b"ed as "[..]),
        Rank::Birth if text.starts_with(b"proxy-accept") => (text, &b"ed as "[..]),
        Rank::Birth if text.starts_with(b": proxy-accept") => (text, &b"ed as "[..]),
        Rank::Returned => (text, &b"notification: "[..]),
        _ => return b"",
    };
    let at = near::find(place, mark).map(|at| at + mark.len());
    at.and_then(|at| first_word(place.get(at..)?))
        .unwrap_or(b"")
}

/// Returns the word at the beginning, if it may be a queue id.
fn first_word(text: &[u8]) -> Option<&[u8]> {
    let is_in_word = |byte: &&u8| byte.is_ascii_alphanumeric();
    let end = text.iter().take(32).take_while(is_in_word).count();
    let word = text.get(..end)?;
    // `warning: ` and its like are words of small letters only, which no queue id is.
    let is_word = word == b"NOQUEUE" || word.iter().all(u8::is_ascii_lowercase);
    (word.len() >= 6 && !is_word).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(line: &str) -> Place {
        let line = format!("Nov 21 00:00:00 mx1 {line}");
        Place::of(&Record::parse(line.as_bytes()).unwrap())
    }

    #[test]
    fn ranks_the_lines_of_a_life() {
        let lines = [
            "dovecot: auth: passwd-file(a,192.0.2.1): unknown user",
            "postfix/smtpd[1]: 4F1A22C0D9E: client=a[192.0.2.1]",
            "postfix/cleanup[1]: 4F1A22C0D9E: strip: header Subject: x from a; from=<b> to=<c>: removed",
            "opendkim[1]: 4F1A22C0D9E: no signature data",
            "postfix/qmgr[1]: 4F1A22C0D9E: from=<a@example.com>, size=518, nrcpt=1 (queue active)",
            "postfix/smtp[1]: 4F1A22C0D9E: to=<a@example.com>, relay=none, status=bounced (x)",
            "postfix/qmgr[1]: 4F1A22C0D9E: from=<a@example.com>, status=expired, returned to sender",
            "postfix/bounce[1]: 4F1A22C0D9E: sender non-delivery notification: 4F1A22C0D9F",
            "postfix/postsuper[1]: 4F1A22C0D9E: removed",
        ];
        let ranks: Vec<Rank> = lines.iter().map(|line| place(line).rank).collect();
        assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:?}");
        let ids = lines.iter().skip(1).map(|line| place(line).queue_id);
        assert!(ids.into_iter().all(|id| id == hash(b"4F1A22C0D9E")));
    }

    #[test]
    fn finds_the_mails_that_a_line_names() {
        for (line, named) in [
            (
                "postfix/smtp[1]: 4F1A22C0D9E: to=<a>, status=sent (250 2.0.0 Ok: queued as 4F1A22C0D9F)",
                Some("4F1A22C0D9F"),
            ),
            (
                "postfix/local[1]: 4F1A22C0D9E: to=<a>, status=sent (forwarded as 4Vd3Qh2sBwz1XkP9)",
                Some("4Vd3Qh2sBwz1XkP9"),
            ),
            (
                "postfix/bounce[1]: 4F1A22C0D9E: sender non-delivery notification: 4F1A22C0D9F",
                Some("4F1A22C0D9F"),
            ),
            (
                "postfix/smtpd[1]: proxy-accept: END-OF-MESSAGE: 250 Ok: queued as 4F1A22C0D9F; from=<a>",
                Some("4F1A22C0D9F"),
            ),
            ("postfix/smtpd[1]: warning: logged as something", None),
        ] {
            let expected = named.map_or(0, |id| hash(id.as_bytes()));
            assert_eq!(place(line).named_id, expected, "{line}");
        }
        for line in [
            "warning: x",
            "NOQUEUE: reject: x",
            "statistics: x",
            "connect from a",
        ] {
            assert_eq!(place(&format!("postfix/smtpd[1]: {line}")).queue_id, 0);
        }
    }
}

//! The commonest lines of mail processes, read from the left in one go.
//!
//! Most of what the Dovecot of a mail server logs is about a session of LMTP or about the mail of a
//! user: these lines are told by their first letters and by the first words behind their prefix. All
//! others are left to `super::parse_any`, which reads these just the same, only later.

use super::delivery;
use super::mail_log::{MailEvent, MessageText};
use super::prefix::{MailProcess, with_ids};
use super::{Event, Parsed, parse_any, sieve};
use crate::scan::{find_from, near_number};

/// Parses a message; one that is not of a usual shape is handed on.
#[inline]
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    let Some((process, inside)) = mail_process(message) else {
        return parse_any(message, None);
    };
    if let Some((pid, text)) = of_session(inside) {
        if process != b"lmtp" {
            return parse_any(message, None);
        }
        if let Some(event) = delivery::connect(pid, text) {
            return Ok(Event::LmtpConnect(event));
        }
        if let Some(event) = delivery::disconnect(pid, text) {
            return Ok(Event::LmtpDisconnect(event));
        }
    }
    let Some((mail, text)) = of_user(process, inside) else {
        return parse_any(message, None);
    };
    // No severity word begins with a small letter.
    if let Some(fields) = text.strip_prefix(b"save: ") {
        let (event, mailbox) = (text.get(..b"save".len()).unwrap_or_default(), None);
        return Ok(Event::MailEvent(MailEvent {
            mail,
            event,
            source_mailbox: None,
            message: MessageText { mailbox, fields },
        }));
    }
    if let Some(stored) = sieve::usual(mail, text) {
        return Ok(Event::SieveStored(stored));
    }
    if let Some(saved) = delivery::usual(mail, text) {
        return Ok(Event::DeliverySaved(saved));
    }
    parse_any(message, Some((mail, text)))
}

/// Splits the name of a process that works for one user after the other off the parenthesis behind
/// it, which has a user or a process id in it.
#[inline(always)]
fn mail_process(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = message
        .strip_prefix(b"lmtp(")
        .or_else(|| message.strip_prefix(b"imap("))
        .or_else(|| message.strip_prefix(b"pop3("))?;
    Some((message.get(..4)?, inside))
}

/// Reads `{pid}): `, and what follows it.
#[inline(always)]
fn of_session(inside: &[u8]) -> Option<(Option<u64>, &[u8])> {
    let (rest, pid) = near_number(inside)?;
    Some((Some(pid), rest.strip_prefix(b"): ")?))
}

/// Reads `{user})<{pid}><{session}>: `, and what follows it.
#[inline(always)]
fn of_user<'a>(process: &'a [u8], inside: &'a [u8]) -> Option<(MailProcess<'a>, &'a [u8])> {
    let (user, tail) = inside.split_at_checked(find_from::<b')'>(inside, 0)?)?;
    // Without a user the line is one of a session, whatever it says.
    if user.is_empty() {
        return None;
    }
    with_ids(process, user, tail.strip_prefix(b")<")?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]
        /// The lines that are read in one go, beside their twin.
        #[test]
        fn usual_lines_are_read_as_all_others_are(
            words in proptest::collection::vec(
                proptest::sample::select(vec![
                    "lmtp(", "imap(", "pop3(", "lda(", "4711", "12345678", "a@example.com", "): ",
                    ")<4711><Q+/x>: ", ")<4711><>: ", ")<", "><", ">: ", ")", ": ", "(b)",
                    "lmtp(4711): ", "lmtp(a)<4711><s>: ", "imap(a)<4711><s>: ", "imap(4711): ",
                    "Connect from ", "Disconnect from ", "local", "save: ", "save", "box=INBOX",
                    "sieve: ", "msgid=<m>", ": saved mail to ", "stored mail into mailbox ", "'INBOX'",
                    "'", "'it's (odd): x'", "save failed to ", "Error: ", "Info: ", "Debug: ",
                    "given password: ", "discarding vacation response", "Logged out",
                ]),
                0..9,
            ),
        ) {
            let message = words.concat();
            let message = message.as_bytes();
            prop_assert_eq!(parse(message), parse_any(message, None));
        }
    }

    #[test]
    fn a_line_without_a_user_is_of_a_session() {
        let message = b"imap()<4711><Q+/x>: save: ";
        assert_eq!(parse(message), parse_any(message, None));
        assert!(parse(message).is_err());
    }

    #[test]
    fn the_commonest_lines_are_usual() {
        for message in [
            "lmtp(5001): Connect from local",
            "lmtp(5001): Disconnect from local: Logged out (state=READY)",
            "lmtp(a@example.com)<5001><EBES:T2:R3>: save: box=INBOX, uid=7, msgid=<m>",
            "imap(a)<5001><>: sieve: msgid=<m>: stored mail into mailbox 'INBOX'",
            "lmtp(a)<5001><EBES>: msgid=<m>: saved mail to INBOX",
            "pop3(a)<5001><EBES>: Disconnected: Logged out top=0/0, retr=0/0, del=0/3, size=2048",
            "lmtp(a) (b)<5001><EBES>: save: box=INBOX",
        ] {
            let message = message.as_bytes();
            assert_eq!(parse(message), parse_any(message, None));
            assert!(parse(message).is_ok());
        }
    }
}

//! The service prefix of a line and its severity word: `imap(alice)<4711><QCK1i...>: Error: `.
//!
//! Dovecot's syslog lines have no severity word below warning; its own log file has `Info: ` there.
//! Both give the same [`Line`]. This does not read the request prefix of auth lines, whose user
//! name an attacker chooses: see `auth`.

use crate::fields::{Field, Visitor};
use crate::near::name_bytes;
use crate::scan::{
    byte_table, find_either, find_from, find_near, near_number, split_number, split_once, to_number,
};

/// The session that a line belongs to: the mail process, its user, process id and session id.
///
/// Visited as `process`, `user`, `pid` and `session`. `pid` and `session` stand in the prefix since
/// Dovecot 2.3 (LMTP had them before, elsewhere in the line).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MailProcess<'a> {
    /// The process as logged: `imap`, `pop3`, `lmtp`, `lda`, `managesieve`, `submission`, ...
    pub process: &'a [u8],
    /// The user, as logged.
    pub user: Option<&'a [u8]>,
    /// The process id of the mail process.
    pub pid: Option<u64>,
    /// The session id, with its suffixes (`:T2:R3`, `:quota`).
    pub session: Option<&'a [u8]>,
}

impl Field for MailProcess<'_> {
    fn visit_as(&self, _name: &'static str, visitor: &mut dyn Visitor) {
        visitor.text("process", self.process);
        self.user.visit_as("user", visitor);
        self.pid.visit_as("pid", visitor);
        self.session.visit_as("session", visitor);
    }
}

/// The severity word of a line; informational lines have none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Severity {
    Debug,
    Info,
    Warning,
    Error,
    Fatal,
    Panic,
}

impl Severity {
    /// Returns the name that events carry.
    pub(super) fn name(self) -> &'static str {
        match self {
            Severity::Debug => "debug",
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
            Severity::Fatal => "fatal",
            Severity::Panic => "panic",
        }
    }
}

/// Takes the severity word off a text.
#[inline]
pub(super) fn severity(text: &[u8]) -> (Severity, &[u8]) {
    match text.first() {
        Some(b'D' | b'E' | b'F' | b'I' | b'P' | b'W') => severity_word(text),
        _ => (Severity::Info, text),
    }
}

/// The same of a text that begins as one of the words does.
fn severity_word(text: &[u8]) -> (Severity, &[u8]) {
    let (word, severity): (&[u8], _) = match text.first() {
        Some(b'D') => (b"Debug: ", Severity::Debug),
        Some(b'E') => (b"Error: ", Severity::Error),
        Some(b'F') => (b"Fatal: ", Severity::Fatal),
        Some(b'P') => (b"Panic: ", Severity::Panic),
        Some(b'W') => (b"Warning: ", Severity::Warning),
        _ => (b"Info: ", Severity::Info),
    };
    match text.strip_prefix(word) {
        Some(rest) => (severity, rest),
        None => (Severity::Info, text),
    }
}

/// A message with its service prefix and severity word taken off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Line<'a> {
    /// The prefix as logged, without the colon.
    pub(super) prefix: &'a [u8],
    /// The process and what the prefix tells about its session.
    pub(super) mail: MailProcess<'a>,
    /// The severity.
    pub(super) severity: Severity,
    /// The text after both.
    pub(super) text: &'a [u8],
}

impl<'a> Line<'a> {
    /// Takes prefix and severity word off a message; `None` when it has no service prefix.
    #[inline]
    pub(super) fn parse(message: &'a [u8]) -> Option<Self> {
        match usual(message) {
            Some((mail, rest)) => Line::of(message, mail, rest),
            None => Line::parse_any(message),
        }
    }

    /// Makes a line of what its prefix says and what follows it.
    #[inline(always)]
    pub(super) fn of(message: &'a [u8], mail: MailProcess<'a>, rest: &'a [u8]) -> Option<Self> {
        let (severity, text) = severity(rest);
        let prefix = message.get(..message.len() - rest.len() - 2)?;
        Some(Line {
            prefix,
            mail,
            severity,
            text,
        })
    }

    /// The same of a prefix of any form.
    #[inline(never)]
    fn parse_any(message: &'a [u8]) -> Option<Self> {
        let (name, rest) = process_name(message)?;
        let (mail, rest) = match rest.strip_prefix(b": ") {
            Some(rest) => (process_only(name), rest),
            None => in_parentheses(name, rest.strip_prefix(b"(")?)?,
        };
        Line::of(message, mail, rest)
    }

    /// Tells whether the line has a severity word that asks for attention.
    pub(super) fn is_complaint(&self) -> bool {
        !matches!(self.severity, Severity::Info | Severity::Debug)
    }
}

/// Reads a prefix in which no user name imitates the end of it, as nearly all are; `None` for any
/// other, which [`Line::parse_any`] reads.
#[inline(always)]
fn usual(message: &[u8]) -> Option<(MailProcess<'_>, &[u8])> {
    let (process, rest) = message.split_at_checked(name_bytes(message)?)?;
    let inside = match rest {
        [b'(', inside @ ..] => inside,
        [b':', b' ', text @ ..] if !process.is_empty() => {
            return Some((process_only(process), text));
        }
        _ => return None,
    };
    let (user, tail) = inside.split_at_checked(find_from::<b')'>(inside, 0)?)?;
    match tail {
        _ if process.is_empty() => None,
        [b')', b'<', ids @ ..] => with_ids(process, user, ids),
        [b')', b':', b' ', text @ ..] => {
            let mail = match near_number(inside) {
                Some((rest, pid)) if rest.len() == tail.len() && !is_of_user(process) => {
                    MailProcess {
                        pid: Some(pid),
                        ..process_only(process)
                    }
                }
                _ => short_form(process, user),
            };
            Some((mail, text))
        }
        _ => None,
    }
}

/// Reads `{pid}><{session}>: ` behind a user, and what follows it.
#[inline(always)]
pub(super) fn with_ids<'a>(
    process: &'a [u8],
    user: &'a [u8],
    ids: &'a [u8],
) -> Option<(MailProcess<'a>, &'a [u8])> {
    let (rest, pid) = near_number(ids)?;
    let rest = rest.strip_prefix(b"><")?;
    let (session, tail) = rest.split_at_checked(find_from::<b'>'>(rest, 0)?)?;
    let mail = MailProcess {
        process,
        user: Some(user).filter(|user| !user.is_empty()),
        pid: Some(pid),
        session: Some(session).filter(|session| !session.is_empty()),
    };
    Some((mail, tail.strip_prefix(b">: ")?))
}

/// Splits the name of a process off, which a parenthesis or a colon follows.
fn process_name(message: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some(length @ 1..) = name_bytes(message)
        && let Some(split @ (_, [b'(' | b':', ..])) = message.split_at_checked(length)
    {
        return Some(split);
    }
    let (name, rest) = message.split_at_checked(find_either(message, b'(', b':')?)?;
    let is_name = name.iter().fold(1, |all, byte| {
        all & NAME_BYTES.get(usize::from(*byte)).copied().unwrap_or(0)
    });
    (!name.is_empty() && is_name == 1).then_some((name, rest))
}

/// 1 for each byte that a process's name may have.
static NAME_BYTES: [u8; 256] = byte_table!(is_name);

const fn is_name(byte: u8) -> u8 {
    (byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) as u8
}

fn process_only(process: &[u8]) -> MailProcess<'_> {
    MailProcess {
        process,
        user: None,
        pid: None,
        session: None,
    }
}

/// Reads `user)<pid><session>: `, `user): `, `pid): ` or `pid, user): session: `.
///
/// A user name may hold parentheses and blanks, so the prefix ends at the first `)` after which
/// the rest of a prefix stands. The text after it can hold anything a sender likes, hence not the
/// last one.
fn in_parentheses<'a>(process: &'a [u8], rest: &'a [u8]) -> Option<(MailProcess<'a>, &'a [u8])> {
    let mut from = 0;
    loop {
        let at = from + find_near(rest.get(from..)?, b')')?;
        from = at + 1;
        let (inside, tail) = (rest.get(..at)?, rest.get(from..)?);
        if let Some(text) = tail.strip_prefix(b": ") {
            return Some((short_form(process, inside), text));
        }
        if let Some((pid, session, text)) = pid_and_session(tail) {
            let user = Some(inside).filter(|user| !user.is_empty());
            return Some((
                MailProcess {
                    process,
                    user,
                    pid,
                    session,
                },
                text,
            ));
        }
    }
}

/// Reads what stands in parentheses where no pid follows them.
#[inline(never)]
fn short_form<'a>(process: &'a [u8], inside: &'a [u8]) -> MailProcess<'a> {
    let mut mail = process_only(process);
    if let Some(pid) = to_number(inside).filter(|_| !is_of_user(process)) {
        mail.pid = Some(pid);
        return mail;
    }
    // LMTP up to 2.2.14: `lmtp(5001, alice)`.
    if let Some((pid, user)) = split_once(inside, b", ")
        && let Some(pid) = to_number(pid)
    {
        mail.pid = Some(pid);
        mail.user = Some(user);
        return mail;
    }
    mail.user = Some(inside).filter(|user| !user.is_empty());
    mail
}

/// Tells the processes whose parentheses have a user in them, not a pid.
fn is_of_user(process: &[u8]) -> bool {
    matches!(
        process,
        b"imap" | b"pop3" | b"managesieve" | b"submission" | b"lda"
    )
}

/// The pid and the session id of a prefix, and the text behind it.
type Ids<'a> = (Option<u64>, Option<&'a [u8]>, &'a [u8]);

/// Reads `<pid><session>: `; each of them may be empty.
fn pid_and_session(tail: &[u8]) -> Option<Ids<'_>> {
    let tail = tail.strip_prefix(b"<")?;
    let (pid, tail) = match split_number(tail) {
        Some((pid, tail)) => (Some(pid), tail),
        None => (None, tail),
    };
    let tail = tail.strip_prefix(b"><")?;
    let end = find_near(tail, b'>')?;
    let session = Some(tail.get(..end)?).filter(|session| !session.is_empty());
    let text = tail.get(end + 1..)?.strip_prefix(b": ")?;
    Some((pid, session, text))
}

/// Takes `{session}: ` off the front of a delivery's text, where LMTP of Dovecot 2.0-2.2 has it.
pub(super) fn leading_session(text: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b':');
    // Other texts are told by their first words.
    if !text
        .get(..16)
        .is_some_and(|start| start.iter().all(is_base64))
    {
        return (None, text);
    }
    match split_once(text, b": ") {
        Some((session, rest)) if session.len() >= 16 && session.iter().all(is_base64) => {
            (Some(session), rest)
        }
        _ => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(message: &str) -> Line<'_> {
        Line::parse(message.as_bytes()).unwrap()
    }

    #[test]
    fn reads_prefixes_of_every_version() {
        for (message, process, user, pid, session) in [
            ("imap-login: x", "imap-login", None, None, None),
            (
                "auth-worker(4801): x",
                "auth-worker",
                None,
                Some(4801),
                None,
            ),
            ("lmtp(5001): x", "lmtp", None, Some(5001), None),
            (
                "lmtp(5001, a@example.com): x",
                "lmtp",
                Some("a@example.com"),
                Some(5001),
                None,
            ),
            (
                "imap(a@example.com): x",
                "imap",
                Some("a@example.com"),
                None,
                None,
            ),
            ("imap(12345): x", "imap", Some("12345"), None, None),
            (
                "imap(a)<4711><Q+/x>: x",
                "imap",
                Some("a"),
                Some(4711),
                Some("Q+/x"),
            ),
            ("imap(a)<4711><>: x", "imap", Some("a"), Some(4711), None),
            (
                "lmtp(a)<5001><EBES:T2:R3>: x",
                "lmtp",
                Some("a"),
                Some(5001),
                Some("EBES:T2:R3"),
            ),
            (
                "imap(a) (b), c)<1><s>: x",
                "imap",
                Some("a) (b), c"),
                Some(1),
                Some("s"),
            ),
            ("IMAP(a): x", "IMAP", Some("a"), None, None),
            (
                "imap-urlauth-worker(a): x",
                "imap-urlauth-worker",
                Some("a"),
                None,
                None,
            ),
            ("log(241): x", "log", None, Some(241), None),
        ] {
            let line = line(message);
            assert_eq!(line.mail.process, process.as_bytes(), "{message}");
            assert_eq!(line.mail.user, user.map(str::as_bytes), "{message}");
            assert_eq!(line.mail.pid, pid, "{message}");
            assert_eq!(line.mail.session, session.map(str::as_bytes), "{message}");
            assert_eq!(line.text, b"x", "{message}");
        }
    }

    /// Hard case 2: the severity word after the prefix is optional.
    #[test]
    fn own_log_file_and_syslog_agree() {
        let (own, syslog) = (
            line("lmtp(5001): Info: Connect from local"),
            line("lmtp(5001): Connect from local"),
        );
        assert_eq!(own, syslog);
    }

    /// Hard case 17: the severity word stands after the whole prefix.
    #[test]
    fn severity_stands_after_the_whole_prefix() {
        let line = line("imap(a)<1><s>: Fatal: master: service(imap): child 1 died");
        assert_eq!(line.severity, Severity::Fatal);
        assert_eq!(line.prefix, b"imap(a)<1><s>");
        assert_eq!(line.text, b"master: service(imap): child 1 died");
    }

    #[test]
    fn text_cannot_move_the_end_of_the_prefix() {
        let line = line("lmtp(a)<1><s>: save: box=INBOX, uid=1, subject=x)<2><t>: y");
        assert_eq!(line.mail.pid, Some(1));
        assert_eq!(line.mail.session, Some(&b"s"[..]));
    }

    #[test]
    fn session_text_of_old_lmtp_is_told_from_other_words() {
        let (session, rest) =
            leading_session(b"EBESExQVFhcYGRobHB0eHw: msgid=<m1@example.org>: saved");
        assert_eq!(session, Some(&b"EBESExQVFhcYGRobHB0eHw"[..]));
        assert!(rest.starts_with(b"msgid="));
        assert_eq!(leading_session(b"sieve: msgid=<a>: b").0, None);
    }

    proptest! {
        /// The prefixes that are read in one go, beside their twin.
        #[test]
        fn usual_prefixes_are_read_as_all_others_are(
            words in proptest::collection::vec(
                proptest::sample::select(vec![
                    "imap", "lmtp", "lda", "log", "imap-login", "(", ")", "<", ">", "><", ": ", ":",
                    " ", "4711", "12345678", "a@example.com", "a)(b", "Q+/x", ", ", "Error: ",
                    "Info: ", "D", "(a)<1><s>: ", "(4711): ", "(a): ", "(a)<4711><", "save: box=x",
                ]),
                0..9,
            ),
        ) {
            let message = words.concat() + "some further text";
            let message = message.as_bytes();
            if let Some((mail, rest)) = usual(message) {
                assert_eq!(Line::of(message, mail, rest), Line::parse_any(message));
            }
        }
    }

    #[test]
    fn prefixes_are_usual() {
        for message in [
            "imap-login: Login: user=<a>",
            "lmtp(5001): Connect from local",
            "lmtp(a@example.com)<5001><EBES:T2:R3>: save: box=INBOX",
            "imap(a): Disconnected",
        ] {
            assert!(usual(message.as_bytes()).is_some(), "{message}");
        }
    }
}

//! What Sieve scripts (Pigeonhole) did with mails.
//!
//! The shape is `{prefix}: [{session}: ]sieve: {deliver_log_format}[{action} action: ]{text}`. The
//! action is named since Pigeonhole 0.5.9 (Dovecot 2.3.9), and never for *keep*. The message id in
//! front is the sender's text and may imitate a result, so the last known text counts.

use super::delivery::DeliverFormat;
use super::prefix::{Line, MailProcess, leading_session};
use super::{Event, Parsed, any_of_user};
use crate::fields::{Field, Visitor, event_struct};
use crate::scan::{
    before_last, behind, byte_table, contains, rfind_here, rfind_iter, split_once, to_number,
    trailing_group, without_angles,
};

/// Declares the event of a Sieve action: the fields that all of them share, and its own.
macro_rules! sieve_struct {
    (
        $(#[doc = $about:literal])*
        pub struct $name:ident<$life:lifetime> {
            $($(#[doc = $field_about:literal])* pub $field:ident : $type:ty),* $(,)?
        }
    ) => {
        event_struct! {
            $(#[doc = $about])*
            pub struct $name<$life> {
                /// Who delivered, and for whom.
                pub mail: MailProcess<$life>,
                /// What stands before the text of the action.
                pub head: ActionHead<$life>,
                $($(#[doc = $field_about])* pub $field: $type,)*
            }
        }
    };
}

sieve_struct! {
    /// A mail was stored.
    ///
    /// Shape: `stored mail into mailbox '{mailbox}'[ ({name})]`, `... with special-use flag
    /// '{flag}'`.
    pub struct Stored<'a> {
        /// The mailbox or special-use flag.
        pub mailbox: &'a [u8],
    }
}

sieve_struct! {
    /// A mail was left where it is, or was not stored after all.
    ///
    /// Shape: `left message in mailbox '{mailbox}'`, `store into mailbox '{mailbox}'
    /// {skipped|aborted}`.
    pub struct Left<'a> {
        /// The mailbox.
        pub mailbox: &'a [u8],
        /// `left`, `skipped` or `aborted`.
        pub result: &'a [u8],
    }
}

sieve_struct! {
    /// A mail could not be stored.
    ///
    /// Shape: `failed to store into mailbox '{mailbox}': {reason}`.
    pub struct StoreFailed<'a> {
        /// The mailbox.
        pub mailbox: &'a [u8],
        /// Why.
        pub reason: &'a [u8],
    }
}

sieve_struct! {
    /// A mail was forwarded.
    ///
    /// Shape: `forwarded to <{recipient}>`.
    pub struct Redirected<'a> {
        /// Where to.
        pub recipient: &'a [u8],
    }
}

sieve_struct! {
    /// A mail was not forwarded: it had been, or it came back.
    ///
    /// Shape: `discarded duplicate forward to <{recipient}>`, `not forwarding message to
    /// <{recipient}>: {reason}`.
    pub struct RedirectSkipped<'a> {
        /// Where to.
        pub recipient: &'a [u8],
        /// `duplicate`, or the reason as logged.
        pub reason: &'a [u8],
    }
}

sieve_struct! {
    /// A mail could not be forwarded.
    ///
    /// Shape: `failed to redirect message to <{recipient}>: {reason} ({temporary|permanent}
    /// failure)`.
    pub struct RedirectFailed<'a> {
        /// Where to.
        pub recipient: &'a [u8],
        /// Why.
        pub reason: &'a [u8],
        /// `temporary` or `permanent`.
        pub class: Option<&'a [u8]>,
    }
}

sieve_struct! {
    /// A mail is to be discarded, unless a later action keeps it.
    ///
    /// Shape: `{m|M}arked message to be discarded if not explicitly delivered (discard action)`.
    pub struct Discarded<'a> {}
}

sieve_struct! {
    /// A mail was rejected, or should have been.
    ///
    /// Shape: `rejected message from <{sender}> ({reject|ereject})`, `not sending reject message to
    /// <{sender}>`, `failed to send rejection message to <{sender}>: {reason}`.
    pub struct Rejected<'a> {
        /// Whose mail.
        pub sender: Option<&'a [u8]>,
        /// `reject` or `ereject`, or the text as logged.
        pub reason: &'a [u8],
    }
}

sieve_struct! {
    /// A vacation response was sent.
    ///
    /// Shape: `sent vacation response to <{recipient}>`.
    pub struct VacationSent<'a> {
        /// Who got it.
        pub recipient: &'a [u8],
    }
}

sieve_struct! {
    /// A vacation response was not sent.
    ///
    /// Shape: `discarded duplicate vacation response to <{recipient}>`, `discarded vacation reply
    /// to ...`, `discarding vacation response ...`, `not sending vacation response to ...`.
    pub struct VacationSkipped<'a> {
        /// The address that the text names.
        pub recipient: Option<&'a [u8]>,
        /// The text, as logged.
        pub reason: &'a [u8],
    }
}

sieve_struct! {
    /// A notification or report was sent.
    ///
    /// Shape: `sent mail notification to <{recipient}>[, ...]`, `sent '{type}' report to
    /// <{recipient}>`.
    pub struct Notify<'a> {
        /// Who got it, as logged.
        pub recipient: &'a [u8],
        /// The type of a report; `notification` otherwise.
        pub r#type: &'a [u8],
    }
}

sieve_struct! {
    /// A mail was piped to a program, or could not be.
    ///
    /// Shape: ``{piped|failed to pipe} message to program {`|'}{program}'[: {reason}]``.
    pub struct Pipe<'a> {
        /// The program.
        pub program: &'a [u8],
        /// `piped` or `failed`.
        pub result: &'static str,
        /// Why it failed.
        pub reason: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A script could not be compiled, opened or run to its end.
    ///
    /// Shape: ``Failed to {compile|open} script {`|'}{script}'[ (view user logfile {`|'}{path}' for
    /// more information)]``, `Execution of script {script} {reason}`, `Aborted script execution
    /// sequence {reason}`. An error in 2.2, information since.
    pub struct ScriptError<'a> {
        /// Who delivered, and for whom.
        pub mail: MailProcess<'a>,
        /// `info`, or the severity word.
        pub severity: &'static str,
        /// What happened to which script.
        pub text: ScriptText<'a>,
    }
}

/// A text about a script that failed; read when somebody wants to know.
///
/// Visited as `script`, `path` and `reason`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScriptText<'a>(&'a [u8]);

/// What a text about a script says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScriptProblem<'a> {
    /// The script.
    pub script: Option<&'a [u8]>,
    /// The log file that says more.
    pub path: Option<&'a [u8]>,
    /// What happened: `compile`, `open`, or the text behind the script.
    pub reason: &'a [u8],
}

impl Field for ScriptText<'_> {
    fn visit_as(&self, _name: &'static str, visitor: &mut dyn Visitor) {
        let problem = self.read();
        problem.script.visit_as("script", visitor);
        problem.path.visit_as("path", visitor);
        problem.reason.visit_as("reason", visitor);
    }
}

/// What stands before the text of an action; read when somebody wants to know.
///
/// Visited as `message_id`, `uid` and `action`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ActionHead<'a>(&'a [u8]);

impl<'a> ActionHead<'a> {
    /// Returns the message id, as logged.
    pub fn message_id(self) -> Option<&'a [u8]> {
        DeliverFormat::parse(split_action(self.0).0).message_id
    }

    /// Returns the uid of the message, where IMAP ran the script.
    pub fn uid(self) -> Option<u64> {
        split_action(self.0)
            .0
            .strip_prefix(b"uid=")
            .and_then(to_number)
    }

    /// Returns the action, as logged; none for keep.
    pub fn action(self) -> Option<&'a [u8]> {
        split_action(self.0).1
    }
}

impl Field for ActionHead<'_> {
    fn visit_as(&self, _name: &'static str, visitor: &mut dyn Visitor) {
        self.message_id().visit_as("message_id", visitor);
        self.uid().visit_as("uid", visitor);
        self.action().visit_as("action", visitor);
    }
}

/// Which text a line has; the text behind it is read by [`event`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Text {
    Stored,
    Left,
    StoreInto,
    StoreFailed,
    Forwarded,
    DuplicateForward,
    NotForwarding,
    RedirectFailed,
    Discarded,
    RejectedFrom,
    RejectSkipped,
    VacationSent,
    VacationSkipped,
    MailNotification,
    Report,
    Piped,
    PipeFailed,
}

/// The texts, with what stands before their first value.
const TEXTS: [(&[u8], Text); 23] = [
    (b"stored mail into mailbox ", Text::Stored),
    (b"left message in mailbox ", Text::Left),
    (b"store into mailbox ", Text::StoreInto),
    (b"failed to store into mailbox ", Text::StoreFailed),
    (b"forwarded to ", Text::Forwarded),
    (b"discarded duplicate forward to ", Text::DuplicateForward),
    (b"not forwarding message to ", Text::NotForwarding),
    (b"failed to redirect message to ", Text::RedirectFailed),
    (b"marked message to be discarded", Text::Discarded),
    (b"Marked message to be discarded", Text::Discarded),
    (b"rejected message from ", Text::RejectedFrom),
    (b"not sending reject message", Text::RejectSkipped),
    (b"failed to send rejection message", Text::RejectSkipped),
    (b"sent vacation response to ", Text::VacationSent),
    (
        b"discarded duplicate vacation response",
        Text::VacationSkipped,
    ),
    (b"discarded vacation reply", Text::VacationSkipped),
    (b"discarding vacation response", Text::VacationSkipped),
    (b"not sending vacation response", Text::VacationSkipped),
    (b"failed to send vacation response", Text::VacationSkipped),
    (b"sent mail notification to ", Text::MailNotification),
    (b"sent '", Text::Report),
    (b"piped message to program ", Text::Piped),
    (b"failed to pipe message to program ", Text::PipeFailed),
];

/// A line of Sieve, taken apart up to the text of the action.
#[derive(Clone, Copy)]
struct Action<'a> {
    mail: MailProcess<'a>,
    head: ActionHead<'a>,
    /// The whole text of the action.
    text: &'a [u8],
    /// What stands behind the words that tell the action.
    rest: &'a [u8],
}

/// Builds an event declared with [`sieve_struct!`].
macro_rules! sieve_event {
    ($variant:ident, $name:ident, $of:expr, { $($field:ident $(: $value:expr)?),* $(,)? }) => {
        Ok(Event::$variant($name {
            mail: $of.mail,
            head: $of.head,
            $($field $(: $value)?,)*
        }))
    };
}

/// Parses a line of Sieve; `None` when it is something else.
pub(super) fn parse<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let (session, text) = leading_session(line.text);
    let text = text.strip_prefix(b"sieve: ")?;
    let mut mail = line.mail;
    mail.session = mail.session.or(session);
    if let Some((kind, action)) = split(mail, text) {
        return event(kind, &action).ok();
    }
    script_error(mail, line.severity.name(), text).map(Event::SieveScriptError)
}

/// Parses the commonest line of Sieve: a mail that was stored into a mailbox of a plain name.
#[inline(always)]
pub(super) fn usual<'a>(mail: MailProcess<'a>, text: &'a [u8]) -> Option<Stored<'a>> {
    let text = text.strip_prefix(b"sieve: ")?;
    let (head, body) = text.split_at_checked(rfind_here(text, b": ")?)?;
    let mailbox = body.strip_prefix(b": stored mail into mailbox '")?;
    Some(Stored {
        mail,
        head: ActionHead(head),
        mailbox: mailbox.strip_suffix(b"'")?,
    })
}

/// Parses what stands behind `sieve: `, where no session id stands before it.
pub(super) fn of_user<'a>(line: &Line<'a>, text: &'a [u8]) -> Parsed<'a> {
    if let Some((kind, action)) = split(line.mail, text) {
        return event(kind, &action);
    }
    match script_error(line.mail, line.severity.name(), text) {
        Some(error) => Ok(Event::SieveScriptError(error)),
        None => any_of_user(line),
    }
}

/// Finds the text of the action: the last one that is known.
fn split<'a>(mail: MailProcess<'a>, text: &'a [u8]) -> Option<(Text, Action<'a>)> {
    let (head, body, kind, rest) = rfind_iter(text, b": ")
        .filter_map(|at| Some((text.get(..at)?, text.get(at + 2..)?)))
        .find_map(|(head, body)| known(body).map(|(kind, rest)| (head, body, kind, rest)))
        .or_else(|| known(text).map(|(kind, rest)| (&b""[..], text, kind, rest)))?;
    Some((
        kind,
        Action {
            mail,
            head: ActionHead(head),
            text: body,
            rest,
        },
    ))
}

/// 1 for each letter that one of the texts begins with.
static FIRST_LETTERS: [u8; 256] = byte_table!(begins_text);

const fn begins_text(byte: u8) -> u8 {
    let mut texts: &[(&[u8], Text)] = &TEXTS;
    while let [(words, _), rest @ ..] = texts {
        if let [first, ..] = words
            && *first == byte
        {
            return 1;
        }
        texts = rest;
    }
    0
}

/// Tells which text this is, and returns what stands behind its words.
fn known(text: &[u8]) -> Option<(Text, &[u8])> {
    // Message ids and scripts' texts are told by their first letter.
    let first = text.first()?;
    if FIRST_LETTERS.get(usize::from(*first)) != Some(&1) {
        return None;
    }
    let (words, kind) = TEXTS.iter().find(|(words, _)| text.starts_with(words))?;
    let rest = text.get(words.len()..)?;
    let is_whole = *kind != Text::Report || contains(rest, REPORT);
    is_whole.then_some((*kind, rest))
}

/// What stands between the type of a report and who got it.
const REPORT: &[u8] = b"' report to ";

/// Takes `: fileinto action` off the end of what stands before the text.
fn split_action(head: &[u8]) -> (&[u8], Option<&[u8]>) {
    let Some(left) = head.strip_suffix(b" action") else {
        return (head, None);
    };
    let (left, action) = before_last(left, b": ").unwrap_or((b"", left));
    (left, Some(action))
}

#[inline(always)]
fn event<'a>(kind: Text, of: &Action<'a>) -> Parsed<'a> {
    match kind {
        Text::Stored => sieve_event!(SieveStored, Stored, of, { mailbox: mailbox(of.rest).0 }),
        Text::Left => sieve_event!(SieveLeft, Left, of, {
            mailbox: mailbox(of.rest).0,
            result: b"left",
        }),
        Text::StoreInto => {
            let (mailbox, tail) = mailbox(of.rest);
            sieve_event!(SieveLeft, Left, of, { mailbox, result: tail.trim_ascii() })
        }
        Text::StoreFailed => {
            let (mailbox, reason) = mailbox_and_error(of.rest);
            sieve_event!(SieveStoreFailed, StoreFailed, of, { mailbox, reason })
        }
        Text::Forwarded => {
            let recipient = without_angles(of.rest);
            sieve_event!(SieveRedirected, Redirected, of, { recipient })
        }
        Text::DuplicateForward => sieve_event!(SieveRedirectSkipped, RedirectSkipped, of, {
            recipient: without_angles(of.rest),
            reason: b"duplicate",
        }),
        Text::NotForwarding => {
            let (recipient, reason) = address_and_reason(of.rest);
            sieve_event!(SieveRedirectSkipped, RedirectSkipped, of, { recipient, reason })
        }
        Text::RedirectFailed => redirect_failed(of),
        Text::Discarded => sieve_event!(SieveDiscarded, Discarded, of, {}),
        Text::RejectedFrom => {
            let (sender, reason) = trailing_group(of.rest).unwrap_or((of.rest, b""));
            sieve_event!(SieveRejected, Rejected, of, {
                sender: Some(without_angles(sender)),
                reason,
            })
        }
        Text::RejectSkipped => sieve_event!(SieveRejected, Rejected, of, {
            sender: bracketed(of.text),
            reason: of.text,
        }),
        Text::VacationSent => {
            let recipient = without_angles(of.rest);
            sieve_event!(SieveVacationSent, VacationSent, of, { recipient })
        }
        Text::VacationSkipped => sieve_event!(SieveVacationSkipped, VacationSkipped, of, {
            recipient: bracketed(of.text),
            reason: of.text,
        }),
        Text::MailNotification => sieve_event!(SieveNotify, Notify, of, {
            recipient: without_angles(of.rest),
            r#type: b"notification",
        }),
        Text::Report => {
            let (kind, recipient) = split_once(of.rest, REPORT).unwrap_or((b"", of.rest));
            sieve_event!(SieveNotify, Notify, of, {
                recipient: without_angles(recipient),
                r#type: kind,
            })
        }
        Text::Piped => pipe(of, "piped"),
        Text::PipeFailed => pipe(of, "failed"),
    }
}

fn redirect_failed<'a>(of: &Action<'a>) -> Parsed<'a> {
    let (recipient, text) = address_and_reason(of.rest);
    let (reason, class) = match trailing_group(text) {
        Some((reason, group)) if group.ends_with(b" failure") => {
            (reason, group.strip_suffix(b" failure"))
        }
        _ => (text, None),
    };
    sieve_event!(SieveRedirectFailed, RedirectFailed, of, { recipient, reason, class })
}

fn pipe<'a>(of: &Action<'a>, result: &'static str) -> Parsed<'a> {
    let (program, tail) = quoted(of.rest);
    let reason = tail.strip_prefix(b": ");
    sieve_event!(SievePipe, Pipe, of, { program, result, reason })
}

/// Reads `'{name}'[ ({real name})]` or `with special-use flag '{flag}'`, and what follows.
fn mailbox(text: &[u8]) -> (&[u8], &[u8]) {
    let text = text.strip_prefix(b"with special-use flag ").unwrap_or(text);
    let Some(inside) = text.strip_prefix(b"'") else {
        return (text, b"");
    };
    if let Some(name) = inside.strip_suffix(b"'") {
        return (name, b"");
    }
    // A name may hold an apostrophe: the last one ends it, the real name in parentheses aside.
    let quoted = match trailing_group(inside) {
        Some((quoted, _)) if quoted.ends_with(b"'") => quoted,
        _ => inside,
    };
    before_last(quoted, b"'").unwrap_or((inside, b""))
}

/// Reads `'{name}'[ ({real name})]: {error}`.
fn mailbox_and_error(text: &[u8]) -> (&[u8], &[u8]) {
    let split = split_once(text, b"': ").or_else(|| split_once(text, b"): "));
    match split {
        Some((name, error)) => {
            let name = name.strip_prefix(b"with special-use flag ").unwrap_or(name);
            let name = name.strip_prefix(b"'").unwrap_or(name);
            (
                split_once(name, b"' (").map_or(name, |(name, _)| name),
                error,
            )
        }
        None => (text, b""),
    }
}

/// Reads `<{address}>: {reason}`.
fn address_and_reason(text: &[u8]) -> (&[u8], &[u8]) {
    match split_once(text, b">: ") {
        Some((address, reason)) => (address.strip_prefix(b"<").unwrap_or(address), reason),
        None => (without_angles(text), b""),
    }
}

/// Reads the first address in angle brackets; `<>` is the null sender.
fn bracketed(text: &[u8]) -> Option<&[u8]> {
    let (_, rest) = split_once(text, b"<")?;
    split_once(rest, b">").map(|(address, _)| address)
}

/// Reads a name between a backtick (up to 2.3) or apostrophe (2.4) and the apostrophe after it.
fn quoted(text: &[u8]) -> (&[u8], &[u8]) {
    let inside = text.strip_prefix(b"`").or_else(|| text.strip_prefix(b"'"));
    match inside.and_then(|inside| split_once(inside, b"'")) {
        Some((name, rest)) => (name, rest),
        None => split_once(text, b" ").unwrap_or((text, b"")),
    }
}

fn script_error<'a>(
    mail: MailProcess<'a>,
    severity: &'static str,
    text: &'a [u8],
) -> Option<ScriptError<'a>> {
    let is_known = text.starts_with(b"Execution of script ")
        || text.starts_with(b"Aborted script execution sequence")
        || behind(text, COMPILE).is_some()
        || behind(text, OPEN).is_some();
    is_known.then_some(ScriptError {
        mail,
        severity,
        text: ScriptText(text),
    })
}

const COMPILE: &[u8] = b"Failed to compile script ";
const OPEN: &[u8] = b"Failed to open script ";

impl<'a> ScriptText<'a> {
    /// Reads which script failed, and how.
    pub fn read(self) -> ScriptProblem<'a> {
        if let Some(rest) = behind(self.0, COMPILE) {
            return ScriptProblem::of_script(b"compile", rest);
        }
        if let Some(rest) = behind(self.0, OPEN) {
            return ScriptProblem::of_script(b"open", rest);
        }
        let named = self.0.strip_prefix(b"Execution of script ").map(quoted);
        ScriptProblem {
            script: named.map(|(script, _)| script),
            path: None,
            reason: named.map_or(self.0, |(_, reason)| reason.trim_ascii()),
        }
    }
}

impl<'a> ScriptProblem<'a> {
    fn of_script(reason: &'static [u8], rest: &'a [u8]) -> Self {
        let (script, rest) = quoted(rest);
        ScriptProblem {
            script: Some(script),
            path: split_once(rest, b"(view user logfile ").map(|(_, path)| quoted(path).0),
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn line_of(text: &str) -> String {
        format!("lmtp(alice@example.com)<5001><EBES>: sieve: {text}")
    }

    /// Hard case 15: the action is not always named; the mailbox may have a second name.
    #[test]
    fn stored_mails_of_all_versions_are_read() {
        for (text, action, mailbox) in [
            (
                "msgid=<m1@example.org>: stored mail into mailbox 'INBOX'",
                None,
                "INBOX",
            ),
            (
                "msgid=<m1@example.org>: fileinto action: stored mail into mailbox 'Lists/a b' (Lists/a b)",
                Some("fileinto"),
                "Lists/a b",
            ),
            (
                "msgid=<m1@example.org>: fileinto action: stored mail into mailbox with special-use flag '\\Junk'",
                Some("fileinto"),
                "\\Junk",
            ),
            (
                "msgid=<m1@example.org>: stored mail into mailbox 'it's (odd): x'",
                None,
                "it's (odd): x",
            ),
        ] {
            let line = line_of(text);
            let Ok(Event::SieveStored(found)) = parse(line.as_bytes()) else {
                panic!("{line}")
            };
            assert_eq!(
                found.head.message_id(),
                Some(&b"<m1@example.org>"[..]),
                "{line}"
            );
            assert_eq!(found.head.action(), action.map(str::as_bytes), "{line}");
            assert_eq!(found.mailbox, mailbox.as_bytes(), "{line}");
        }
        let line = b"imap(a)<1><s>: sieve: uid=42: stored mail into mailbox 'Junk'";
        let Ok(Event::SieveStored(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(
            (found.head.uid(), found.head.message_id()),
            (Some(42), None)
        );
        let line =
            b"lmtp(a): EBESExQVFhcYGRobHB0eHw: sieve: msgid=<m>: stored mail into mailbox 'INBOX'";
        let Ok(Event::SieveStored(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(found.mail.session, Some(&b"EBESExQVFhcYGRobHB0eHw"[..]));
    }

    #[test]
    fn discards_are_told_in_both_spellings() {
        for word in ["marked", "Marked"] {
            let text = format!(
                "msgid=<m>: {word} message to be discarded if not explicitly delivered (discard action)"
            );
            let line = line_of(&text);
            assert!(
                matches!(parse(line.as_bytes()), Ok(Event::SieveDiscarded(_))),
                "{line}"
            );
        }
    }

    #[test]
    fn a_message_id_cannot_bring_a_result() {
        let line = line_of(
            "msgid=<x>: discard action: Marked message to be discarded (y@example.org>: stored mail into mailbox 'INBOX'",
        );
        assert!(matches!(parse(line.as_bytes()), Ok(Event::SieveStored(_))));
    }

    #[test]
    fn remote_errors_do_not_hide_the_action() {
        let line = line_of(
            "msgid=<m>: redirect action: failed to redirect message to <alice@example.net>: 550 5.1.1 <x>: no such user (permanent failure)",
        );
        let Ok(Event::SieveRedirectFailed(found)) = parse(line.as_bytes()) else {
            panic!()
        };
        assert_eq!(found.recipient, b"alice@example.net");
        assert_eq!(found.reason, b"550 5.1.1 <x>: no such user");
        assert_eq!(found.class, Some(&b"permanent"[..]));
        let line = line_of(
            "msgid=<m>: failed to store into mailbox 'Junk': Quota exceeded (mailbox for user is full)",
        );
        let Ok(Event::SieveStoreFailed(found)) = parse(line.as_bytes()) else {
            panic!()
        };
        assert_eq!(
            (found.mailbox, found.reason),
            (
                &b"Junk"[..],
                &b"Quota exceeded (mailbox for user is full)"[..]
            )
        );
    }

    #[test]
    fn scripts_and_their_logs_are_named() {
        for text in [
            "Failed to compile script `/home/a.sieve' (view user logfile `/home/a.log' for more information)",
            "Failed to compile script '/home/a.sieve' (view user logfile '/home/a.log' for more information)",
        ] {
            let line = line_of(text);
            let Ok(Event::SieveScriptError(found)) = parse(line.as_bytes()) else {
                panic!("{line}")
            };
            assert_eq!(
                (found.severity, found.text.read().reason),
                ("info", &b"compile"[..]),
                "{line}"
            );
            assert_eq!(
                found.text.read().script,
                Some(&b"/home/a.sieve"[..]),
                "{line}"
            );
            assert_eq!(found.text.read().path, Some(&b"/home/a.log"[..]), "{line}");
        }
    }

    #[test]
    fn vacation_texts_name_their_address() {
        for (text, address) in [
            ("discarded vacation reply to <>", ""),
            (
                "discarded duplicate vacation response to <bob@example.org>",
                "bob@example.org",
            ),
            (
                "discarding vacation response to message from <bob@example.org> ('OOF' flag found in x-auto-response-suppress header)",
                "bob@example.org",
            ),
        ] {
            let line = line_of(&format!("msgid=<m>: vacation action: {text}"));
            let Ok(Event::SieveVacationSkipped(found)) = parse(line.as_bytes()) else {
                panic!("{line}")
            };
            assert_eq!(found.recipient, Some(address.as_bytes()), "{line}");
            assert_eq!(
                (found.head.action(), found.reason),
                (Some(&b"vacation"[..]), text.as_bytes()),
                "{line}"
            );
        }
    }
}

//! Warnings, errors, fatal errors and panics by what they are about, and master's own lines.
//!
//! What a line is about is told by its kind, or for warnings without a kind of their own by the
//! class of the text: names of ours, so that no stranger's text can make a key.

use mailtally_parsers::dovecot::Event as Dovecot;
use mailtally_parsers::postfix::Event as Postfix;
use mailtally_parsers::{Daemon, Event, Program, Record};
use memchr::memmem;
use schemars::JsonSchema;
use serde::Serialize;

use super::super::finish;
use super::super::noted::{Note, Noted};
use super::super::symbols::{Renumbering, key};

/// How far a severity word of Dovecot may stand from the beginning: users and session ids are long.
const PREFIX_BYTES: usize = 400;

key! {
    struct Warned { severity: &'static str, program: &'static str, about: &'static str }
}

/// Counts what asks for attention.
#[derive(Clone, Default)]
pub(crate) struct Warnings(Noted<Warned>);

impl Warnings {
    /// Counts a line of Postfix if its severity word asks for attention, or if master wrote it.
    pub(crate) fn postfix(&mut self, record: &Record<'_>, us: i64, event: &Postfix<'_>) {
        if let Some((severity, about)) = of_postfix(record, event) {
            self.add(severity, about, record, us);
        }
    }

    /// Counts a line of Dovecot if it asks for attention.
    pub(crate) fn dovecot(&mut self, record: &Record<'_>, us: i64, event: &Dovecot<'_>) {
        if let Some((severity, about)) = of_dovecot(record, event) {
            self.add(severity, about, record, us);
        }
    }

    fn add(&mut self, severity: &'static str, about: &'static str, record: &Record<'_>, us: i64) {
        let program = record
            .tag
            .program
            .number()
            .map_or("other", Program::name_of);
        let key = Warned {
            severity,
            program,
            about,
        };
        let message = record.message;
        self.0.add(key, us, || without_password(message));
    }

    pub(crate) fn merge(&mut self, later: Warnings, numbers: &Renumbering) {
        self.0.merge(later.0, numbers);
    }

    pub(crate) fn finish(&self) -> Vec<WarningRow> {
        let row = |(key, note): (&Warned, &Note)| WarningRow {
            severity: key.severity,
            program: key.program,
            about: key.about,
            count: note.count,
            first_us: note.first_us,
            last_us: note.last_us,
            sample: note.sample(),
        };
        finish::sorted(self.0.iter().map(row), |row| row.count)
    }
}

/// Tells which severity a line counts under and what it is about; `None` if it asks for no attention.
pub(crate) fn complaint(
    record: &Record<'_>,
    event: &Event<'_>,
) -> Option<(&'static str, &'static str)> {
    match event {
        Event::Postfix(event) => of_postfix(record, event),
        Event::Dovecot(event) => of_dovecot(record, event),
        _ => None,
    }
}

fn of_postfix(record: &Record<'_>, event: &Postfix<'_>) -> Option<(&'static str, &'static str)> {
    let severity = match postfix_severity(record.message) {
        Some(severity) => severity,
        None if is_masters(record.tag.program) => "master",
        None => return None,
    };
    let about = match event {
        Postfix::GenericWarning(warning) => warning.class.unwrap_or("other"),
        Postfix::GenericError(_) | Postfix::GenericFatal(_) | Postfix::GenericPanic(_) => "other",
        _ => event.kind().name(),
    };
    Some((severity, about))
}

fn of_dovecot(record: &Record<'_>, event: &Dovecot<'_>) -> Option<(&'static str, &'static str)> {
    match event {
        // These are logged all day long, and never with a severity word.
        Dovecot::LoginSuccess(_)
        | Dovecot::LoginAborted(_)
        | Dovecot::SessionEnd(_)
        | Dovecot::DeliverySaved(_)
        | Dovecot::MailEvent(_)
        | Dovecot::MailboxEvent(_)
        | Dovecot::ImapId(_)
        | Dovecot::LmtpConnect(_)
        | Dovecot::LmtpDisconnect(_)
        | Dovecot::SieveStored(_)
        | Dovecot::SieveRedirected(_)
        | Dovecot::SieveDiscarded(_)
        | Dovecot::SieveVacationSent(_)
        | Dovecot::AuthFailure(_)
        | Dovecot::Debug(_)
        | Dovecot::Continued(_) => None,
        Dovecot::MasterStart(_) | Dovecot::MasterStop(_) | Dovecot::MasterReload(_) => {
            Some(("master", event.kind().name()))
        }
        Dovecot::GenericError(event) => Some((event.severity, "other")),
        _ => Some((dovecot_severity(record.message)?, event.kind().name())),
    }
}

/// The severity word that begins a message of Postfix.
fn postfix_severity(message: &[u8]) -> Option<&'static str> {
    let words: &[(&[u8], &'static str)] = match message.first()? {
        b'w' => &[(b"warning: ", "warning")],
        b'f' => &[(b"fatal: ", "fatal")],
        b'p' => &[(b"panic: ", "panic")],
        b'e' => &[(b"error: ", "error")],
        _ => return None,
    };
    let found = words.iter().find(|(word, _)| message.starts_with(word));
    found.map(|(_, severity)| *severity)
}

/// The first severity word in a message of Dovecot; before it stands the process.
fn dovecot_severity(message: &[u8]) -> Option<&'static str> {
    const WORDS: [(&[u8], &str); 4] = [
        (b": Warning: ", "warning"),
        (b": Error: ", "error"),
        (b": Fatal: ", "fatal"),
        (b": Panic: ", "panic"),
    ];
    let head = message.get(..PREFIX_BYTES).unwrap_or(message);
    memchr::memchr_iter(b':', head).find_map(|at| {
        let rest = message.get(at..)?;
        let found = WORDS.iter().find(|(word, _)| rest.starts_with(word));
        found.map(|(_, severity)| *severity)
    })
}

/// Cuts a message off before a password, in the words of `auth_verbose_passwords`.
fn without_password(message: &[u8]) -> &[u8] {
    memmem::find(message, b"given password: ")
        .and_then(|at| message.get(..at))
        .unwrap_or(message)
}

fn is_masters(program: Program) -> bool {
    matches!(
        program,
        Program::Postfix(Daemon::Master | Daemon::PostfixScript | Daemon::PostmultiScript)
    )
}

/// Lines that ask for attention and are about one thing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct WarningRow {
    /// `panic`, `fatal`, `error`, `warning`; `master` for what master says without such a word.
    pub severity: &'static str,
    /// The program that logged.
    pub program: &'static str,
    /// The kind of the line, or the class of a warning without a kind of its own; `other`.
    pub about: &'static str,
    /// How many lines.
    pub count: u64,
    /// The earliest stamp, as microseconds of the log's wall clock since 1970.
    pub first_us: i64,
    /// The latest stamp.
    pub last_us: i64,
    /// The first such message in the log.
    pub sample: String,
}

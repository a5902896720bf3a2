//! The lines of Dovecot: one file per process, dispatch on the service prefix.
//!
//! Syslog and Dovecot's own log file give the same events. Passwords that Dovecot can be told to
//! log never get into an event: see `auth`.

mod abort;
mod elements;
mod prefix;
mod proxy;
mod request;
mod usual;

pub mod auth;
pub mod delivery;
pub mod doveadm;
pub mod login;
pub mod mail_log;
pub mod master;
pub mod notices;
pub mod session;
pub mod sieve;

use crate::fields::{event_struct, events};
use crate::postfix::mention::Text;
use crate::scan::find;
use crate::{Class, Reason};
use prefix::{Line, Severity};

pub use prefix::MailProcess;

event_struct! {
    /// A line with a severity word whose text has no kind of its own.
    ///
    /// Shape: `{prefix}: {Warning|Error|Fatal}: {text}`. `info` is said of auth lines that were cut
    /// off before a password and could not be read otherwise.
    pub struct GenericError<'a> {
        /// The prefix of the process that spoke, as logged.
        pub prefix: &'a [u8],
        /// `warning`, `error`, `fatal` or `info`.
        pub severity: &'static str,
        /// The user.
        pub user: Option<&'a [u8]>,
        /// The process id.
        pub pid: Option<u64>,
        /// The session id.
        pub session: Option<&'a [u8]>,
        /// The text after the severity word.
        pub text: &'a [u8],
    }
}

impl<'a> GenericError<'a> {
    fn of(line: &Line<'a>) -> Self {
        GenericError {
            prefix: line.prefix,
            severity: line.severity.name(),
            user: line.mail.user,
            pid: line.mail.pid,
            session: line.mail.session,
            text: without_password(line.text),
        }
    }
}

event_struct! {
    /// A line of debug logging, without the credentials that it may hold.
    ///
    /// Shape: `{prefix}: Debug: {text}`.
    pub struct Debug<'a> {
        /// The prefix of the process that spoke, as logged.
        pub prefix: &'a [u8],
        /// The text after the severity word; cut off where a password may begin.
        pub text: Text<'a>,
    }
}

event_struct! {
    /// The rest of a line that was too long for Dovecot's log process, without credentials.
    ///
    /// Shape: `<line continued> {text}`.
    pub struct Continued<'a> {
        /// The rest; cut off where a password may begin.
        pub text: Text<'a>,
    }
}

events! {
    /// An event logged by Dovecot.
    pub enum Event<'a> {
        // login processes
        LoginSuccess(login::LoginSuccess<'a>) = "dovecot_login_success",
        LoginReferral(login::LoginReferral<'a>) = "dovecot_login_referral",
        LoginAborted(login::LoginAborted<'a>) = "dovecot_login_aborted",
        LoginConnLimit(login::LoginConnLimit<'a>) = "dovecot_login_conn_limit",
        LoginInternalFailure(login::LoginInternalFailure<'a>) = "dovecot_login_internal_failure",
        LoginPolicyRefused(login::LoginPolicyRefused<'a>) = "dovecot_login_policy_refused",
        LoginError(login::LoginError<'a>) = "dovecot_login_error",
        ProxyStarted(login::ProxyStarted<'a>) = "dovecot_proxy_started",
        ProxyFailed(login::ProxyFailed<'a>) = "dovecot_proxy_failed",
        ProxyEnded(login::ProxyEnded<'a>) = "dovecot_proxy_ended",
        ImapId(login::ImapId<'a>) = "dovecot_imap_id",
        // mail processes
        SessionEnd(session::SessionEnd<'a>) = "dovecot_session_end",
        SubmissionRelay(session::SubmissionRelay<'a>) = "dovecot_submission_relay",
        MailEvent(mail_log::MailEvent<'a>) = "dovecot_mail_event",
        MailboxEvent(mail_log::MailboxEvent<'a>) = "dovecot_mailbox_event",
        // auth
        AuthFailure(auth::Failure<'a>) = "dovecot_auth_failure",
        AuthTimeout(auth::Timeout<'a>) = "dovecot_auth_timeout",
        AuthPolicy(auth::Policy<'a>) = "dovecot_auth_policy",
        AuthError(auth::AuthError<'a>) = "dovecot_auth_error",
        PamFailure(doveadm::PamFailure<'a>) = "pam_failure",
        // delivery
        LmtpConnect(delivery::LmtpConnect<'a>) = "dovecot_lmtp_connect",
        LmtpDisconnect(delivery::LmtpDisconnect<'a>) = "dovecot_lmtp_disconnect",
        LmtpProxied(delivery::LmtpProxied<'a>) = "dovecot_lmtp_proxied",
        DeliverySaved(delivery::Saved<'a>) = "dovecot_delivery_saved",
        DeliveryFailed(delivery::Failed<'a>) = "dovecot_delivery_failed",
        // sieve
        SieveStored(sieve::Stored<'a>) = "dovecot_sieve_stored",
        SieveLeft(sieve::Left<'a>) = "dovecot_sieve_left",
        SieveStoreFailed(sieve::StoreFailed<'a>) = "dovecot_sieve_store_failed",
        SieveRedirected(sieve::Redirected<'a>) = "dovecot_sieve_redirected",
        SieveRedirectSkipped(sieve::RedirectSkipped<'a>) = "dovecot_sieve_redirect_skipped",
        SieveRedirectFailed(sieve::RedirectFailed<'a>) = "dovecot_sieve_redirect_failed",
        SieveDiscarded(sieve::Discarded<'a>) = "dovecot_sieve_discarded",
        SieveRejected(sieve::Rejected<'a>) = "dovecot_sieve_rejected",
        SieveVacationSent(sieve::VacationSent<'a>) = "dovecot_sieve_vacation_sent",
        SieveVacationSkipped(sieve::VacationSkipped<'a>) = "dovecot_sieve_vacation_skipped",
        SieveNotify(sieve::Notify<'a>) = "dovecot_sieve_notify",
        SievePipe(sieve::Pipe<'a>) = "dovecot_sieve_pipe",
        SieveScriptError(sieve::ScriptError<'a>) = "dovecot_sieve_script_error",
        // master
        MasterStart(master::MasterStart<'a>) = "dovecot_master_start",
        MasterStop(master::MasterStop<'a>) = "dovecot_master_stop",
        MasterReload(master::MasterReload) = "dovecot_master_reload",
        MasterSignal(master::MasterSignal<'a>) = "dovecot_master_signal",
        ServiceLimit(master::ServiceLimit<'a>) = "dovecot_service_limit",
        ServiceThrottle(master::ServiceThrottle<'a>) = "dovecot_service_throttle",
        ChildDied(master::ChildDied<'a>) = "dovecot_child_died",
        Panic(master::Panic<'a>) = "dovecot_panic",
        TimeMoved(master::TimeMoved<'a>) = "dovecot_time_moved",
        Ulimit(master::Ulimit<'a>) = "dovecot_ulimit",
        // doveadm
        Doveadm(doveadm::Doveadm<'a>) = "dovecot_doveadm",
        DoveadmHttp(doveadm::DoveadmHttp<'a>) = "dovecot_doveadm_http",
        // processes that serve no client
        Indexed(notices::Indexed<'a>) = "dovecot_indexed",
        SslParams(notices::SslParams) = "dovecot_ssl_params",
        DatabaseConnected(notices::DatabaseConnected<'a>) = "dovecot_database_connected",
        MasterLogin(notices::MasterLogin<'a>) = "dovecot_master_login",
        // any process
        GenericError(GenericError<'a>) = "dovecot_generic_error",
        Debug(Debug<'a>) = "dovecot_debug",
        Continued(Continued<'a>) = "logger_continued",
    }
}

impl Event<'_> {
    /// Tells how far the line was understood.
    pub fn class(&self) -> Class {
        match self {
            Event::GenericError(_) | Event::Debug(_) => Class::Generic,
            _ => Class::Parsed,
        }
    }
}

/// What a process's parser returns.
pub(crate) type Parsed<'a> = Result<Event<'a>, Reason>;

/// Parses a message of Dovecot.
pub(crate) fn parse(message: &[u8]) -> Parsed<'_> {
    usual::parse(message)
}

/// Parses a message of any shape; `prefix` is what its prefix says and what stands behind it, where
/// that is known.
///
/// An unparsed line is shown as it is, so one that may hold a password never is: what stands before
/// the password becomes a generic event.
#[inline(never)]
fn parse_any<'a>(message: &'a [u8], prefix: Option<(MailProcess<'a>, &'a [u8])>) -> Parsed<'a> {
    // Events are large: one that is there is left in its place.
    let mut parsed = match prefix {
        Some((mail, text)) => behind_prefix(Line::of(message, mail, text)),
        None => parse_message(message),
    };
    if parsed.is_err()
        && let Some(event) = before_password(message)
    {
        parsed = Ok(event);
    }
    parsed
}

/// Makes a generic event of what stands before a password.
#[cold]
fn before_password(message: &[u8]) -> Option<Event<'_>> {
    let text = without_password(message);
    if text.len() == message.len() {
        return None;
    }
    let prefix = Line::parse(message).map_or(&b""[..], |line| line.prefix);
    Some(Event::GenericError(GenericError {
        prefix,
        severity: Severity::Info.name(),
        user: None,
        pid: None,
        session: None,
        text: text.get(prefix.len()..).unwrap_or_default(),
    }))
}

/// Dispatches on the prefix. Auth lines go first: their user names may imitate any other prefix.
fn parse_message(message: &[u8]) -> Parsed<'_> {
    match message.first() {
        Some(b'a') if auth::is_auth(message) => return auth::parse(message),
        Some(b'p') if message.starts_with(b"pam_") => {
            return doveadm::pam(message).ok_or(Reason("dovecot pam"));
        }
        Some(b'<') if message.starts_with(CONTINUED) => return Ok(continued(message)),
        // 1.x says so without a prefix.
        Some(b'D') if message.starts_with(master::START_OF_1X) => {
            return Ok(master::start_of_1x(message));
        }
        _ => {}
    }
    behind_prefix(Line::parse(message))
}

/// Dispatches on the severity word of a message whose prefix was read.
#[inline(always)]
fn behind_prefix(line: Option<Line<'_>>) -> Parsed<'_> {
    let Some(line) = line else {
        return Err(Reason("dovecot prefix"));
    };
    match line.severity {
        Severity::Info if !line.text.starts_with(master::KILLED) => of_process(&line),
        _ => with_severity(&line),
    }
}

/// Parses a line that has a severity word, or that any process can log.
#[inline(never)]
fn with_severity<'a>(line: &Line<'a>) -> Parsed<'a> {
    if line.severity == Severity::Debug {
        return Ok(Event::Debug(Debug {
            prefix: line.prefix,
            text: Text(auth::without_secrets(line.text)),
        }));
    }
    if let Some(event) = master::of_any_process(line) {
        return Ok(event);
    }
    let parsed = of_process(line);
    if parsed.is_err() && line.is_complaint() {
        return Ok(Event::GenericError(GenericError::of(line)));
    }
    parsed
}

const CONTINUED: &[u8] = b"<line continued> ";

fn continued(message: &[u8]) -> Event<'_> {
    let rest = message.strip_prefix(CONTINUED).unwrap_or(message);
    Event::Continued(Continued {
        text: Text(without_password(auth::without_secrets(rest))),
    })
}

/// Dispatches on the process that the prefix names.
fn of_process<'a>(line: &Line<'a>) -> Parsed<'a> {
    let process = line.mail.process;
    match process {
        b"lmtp" | b"imap" | b"pop3" | b"lda" if line.mail.user.is_some() => of_user(line),
        b"lmtp" => of_lmtp(line),
        b"master" | b"dovecot" => master::parse(line).ok_or(Reason("dovecot master")),
        b"doveadm" => doveadm::parse(line)
            .or_else(|| mail_process(line))
            .ok_or(Reason("dovecot doveadm")),
        _ if process.ends_with(b"-login") => login::parse(line),
        b"indexer-worker" => notices::indexed(line).ok_or(Reason("dovecot indexer")),
        b"ssl-params" => notices::ssl_params(line).ok_or(Reason("dovecot ssl-params")),
        _ if line.mail.user.is_some() => of_user(line),
        b"imap-hibernate" | b"imap" | b"pop3" => session::end(line),
        _ => Err(Reason("dovecot process")),
    }
}

/// Parses a line of a process that works for a user.
fn of_user<'a>(line: &Line<'a>) -> Parsed<'a> {
    if let Some(text) = line.text.strip_prefix(b"sieve: ") {
        return sieve::of_user(line, text);
    }
    any_of_user(line)
}

#[inline(never)]
fn any_of_user<'a>(line: &Line<'a>) -> Parsed<'a> {
    match mail_process(line) {
        Some(event) => Ok(event),
        None => end(line),
    }
}

/// Parses a line of LMTP's own session.
fn of_lmtp<'a>(line: &Line<'a>) -> Parsed<'a> {
    match delivery::lmtp(line).or_else(|| mail_process(line)) {
        Some(event) => Ok(event),
        None => Err(Reason("dovecot lmtp")),
    }
}

/// Parses what a mail process does, whatever its protocol; `None` for the end of its session.
///
/// The commonest lines are asked for first; each parser tells from the first words that a line is
/// not its own, but for a delivery, whose first words follow the site's own format.
fn mail_process<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let parsers = [
        sieve::parse,
        session::relay,
        login::id_after_login,
        delivery::lmtp,
        delivery::parse,
    ];
    // Events are large: each parser writes in the place of the last one, and nothing is moved.
    let mut found = mail_log::parse(line);
    for parse in parsers {
        if found.is_some() {
            break;
        }
        found = parse(line);
    }
    found
}

/// Parses the end of a session, which only the protocols' own processes have.
fn end<'a>(line: &Line<'a>) -> Parsed<'a> {
    let protocols: [&[u8]; 9] = [
        b"imap",
        b"pop3",
        b"managesieve",
        b"submission",
        b"imap-hibernate",
        b"imap-urlauth",
        b"IMAP",
        b"POP3",
        b"MANAGESIEVE",
    ];
    if line.is_complaint() || !protocols.contains(&line.mail.process) {
        return Err(Reason("dovecot mail process"));
    }
    session::end(line)
}

/// Returns the severity word of a message, where it asks for attention.
pub(crate) fn complaint(message: &[u8]) -> Option<&'static str> {
    let line = Line::parse(message)?;
    line.is_complaint().then(|| line.severity.name())
}

/// Cuts a text off before a password, in the forms of `auth_verbose_passwords`.
fn without_password(text: &[u8]) -> &[u8] {
    find(text, b"given password: ")
        .and_then(|at| text.get(..at))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of many shapes, with text that attackers choose.
    const LINES: [&str; 9] = [
        "imap-login: Disconnected: Connection closed (auth failed, 2 attempts in 11 secs): user=<a>, rip=1>, method=PLAIN, rip=192.0.2.66, lip=198.51.100.1, TLS: Connection closed, session=<s>",
        "imap-login: proxy(a,[2001:db8::20]:143): Disconnected by proxy: Kicked (3s idle, in=512, out=20480): user=<a>, rip=192.0.2.10, lip=198.51.100.1",
        "auth-worker(a,192.0.2.66)<4801><s>: request [12]: Info: pam: pam_authenticate() failed: x (Password mismatch?) (given password: y)",
        "auth-worker(4801): conn unix:auth-worker (pid=4790,uid=109): auth-worker<12>: pam(bob,192.0.2.66,<s>): unknown user",
        "lmtp(a@example.com)<5001><E:T2:R3>: save: box=INBOX, uid=7, msgid=<m>, size=9, from=B <b>, subject=x, flags=(\\Seen)",
        "lmtp(a)<5001><E>: sieve: msgid=<m>: fileinto action: failed to store into mailbox 'J' (J): Quota exceeded (x)",
        "submission(a)<4720><s>: relay: Failed to relay message: from=<>, size=2048, nrcpt=1, reply=`451 4.3.0 later'",
        "imap(a)<4711><s>: Fatal: master: service(imap): child 4711 killed with signal 11 (core) [last ip=2001:db8::66]",
        "imap(a)<4711><s>: Disconnected: Connection closed (IDLE running for 0.001 secs) in=703 out=12338 deleted=0",
    ];

    /// A truncated or damaged line is read as far as it goes, or not at all.
    #[test]
    fn damaged_lines_do_no_harm() {
        for line in LINES {
            let bytes = line.as_bytes();
            for at in 0..=bytes.len() {
                let _ = parse(&bytes[..at]);
                let _ = parse(&bytes[at..]);
                let mut damaged = bytes.to_vec();
                for byte in [b')', b'>', b':', b' ', 0xff] {
                    if let Some(place) = damaged.get_mut(at) {
                        *place = byte;
                    }
                    let _ = parse(&damaged);
                }
            }
        }
    }

    /// Hard case 28: bytes that are no UTF-8.
    #[test]
    fn bytes_need_not_be_text() {
        let line = b"imap-login: Login: user=<j\xfcrgen>, method=PLAIN, rip=192.0.2.10, lip=198.51.100.1, mpid=1, session=<s>";
        let Ok(Event::LoginSuccess(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(found.user, b"j\xfcrgen");
    }

    #[test]
    fn only_complaints_without_a_kind_are_generic() {
        let event = parse(b"imap(a)<4711><s>: Error: Mailbox INBOX: Corrupted index").unwrap();
        assert_eq!(event.class(), Class::Generic);
        let Event::GenericError(found) = event else {
            panic!()
        };
        assert_eq!(
            (found.user, found.pid, found.severity),
            (Some(&b"a"[..]), Some(4711), "error")
        );
        assert!(parse(b"imap(a)<4711><s>: something new").is_err());
        assert!(parse(b"stats: something new").is_err());
    }
}

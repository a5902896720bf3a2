//! Lines of the auth process and its workers.
//!
//! An attacker chooses the user name in them, and with `auth_verbose_passwords` also the text in
//! `(given password: ...)`. So the password is cut off first, whatever else is wrong with the line,
//! and what is left is read from the right. **No field may ever hold a password**: a new kind or
//! field here needs a test for that.

use super::prefix::{Line, Severity};
use super::request::{Request, is_refusal, split};
use super::session::number_after;
use super::{Event, GenericError, Parsed, master, notices};
use crate::Reason;
use crate::fields::event_struct;
use crate::postfix::mention::Text;
use crate::scan::{before_last, contains, find, find_iter, split_number, split_once};

event_struct! {
    /// Credentials were refused; only with `auth_verbose=yes`.
    ///
    /// Shape: `auth: {db}({user}[,{ip}][,master][,<{session}>]): {reason}`, workers
    /// `auth-worker({pid}): [conn unix:auth-worker (pid={pid},uid={uid}): auth-worker<{request}>: ]
    /// {db}(...): {reason}` (up to 2.3), `auth({user}[,{ip}][,sasl:{mech}][,master])[<{session}>]:
    /// {db}: {reason}` and `auth-worker(..)<{pid}>[<{session}>]: request [{n}]: {db}: {reason}`
    /// (2.4). A password or its hash at the end is dropped. Source: Dovecot
    /// `src/auth/auth-request.c`.
    pub struct Failure<'a> {
        /// `auth` or `auth-worker`; 2.4 logs an attempt by both.
        pub process: &'a [u8],
        /// The passdb, or the mechanism that refused.
        pub db: &'a [u8],
        /// The user name as sent by the client; `?` where there was none yet.
        pub user: &'a [u8],
        /// The client's address.
        pub ip: Option<&'a [u8]>,
        /// The mechanism, in the case of the log.
        pub mech: Option<&'a [u8]>,
        /// The login session; absent for Postfix's SMTP AUTH.
        pub session: Option<&'a [u8]>,
        /// The process id of the worker.
        pub worker_pid: Option<u64>,
        /// The number of the worker's request.
        pub request: Option<u64>,
        /// The process id of the auth process that asked the worker.
        pub client_pid: Option<u64>,
        /// The user id of the auth process that asked the worker.
        pub client_uid: Option<u64>,
        /// Whether a master user tried to log in for another.
        pub master: bool,
        /// Why, without password and without ` - trying the next passdb`.
        pub reason: &'a [u8],
        /// Whether no other passdb or userdb is asked: a line that is not final is no failed login.
        pub r#final: bool,
    }
}

event_struct! {
    /// An authentication took too long.
    ///
    /// Shape: `Request timed out waiting for client to continue authentication ({secs} secs)`, or
    /// as an error `Request {pid}.{id} timed out after {secs} secs, state={state}`, with the
    /// prefixes of [`Failure`].
    pub struct Timeout<'a> {
        /// The mechanism.
        pub mech: &'a [u8],
        /// The user name as sent by the client; `?` where there was none yet.
        pub user: &'a [u8],
        /// The client's address.
        pub ip: Option<&'a [u8]>,
        /// The login session.
        pub session: Option<&'a [u8]>,
        /// After how many seconds.
        pub secs: Option<u64>,
        /// The state of the request.
        pub state: Option<u64>,
        /// The process id of the client of the auth process.
        pub client_pid: Option<u64>,
        /// The number of the client's request.
        pub request: Option<u64>,
    }
}

event_struct! {
    /// The auth policy server decided, or could not be asked.
    ///
    /// Shape: `policy(...): Authentication failure due to policy server refusal[: {message}]`,
    /// `policy(...): Policy check action is {action}` (2.3.5 and later), `Error: policy(...):
    /// Policy server HTTP error: {message}`, with the prefixes of [`Failure`].
    pub struct Policy<'a> {
        /// The user name as sent by the client.
        pub user: &'a [u8],
        /// The client's address.
        pub ip: Option<&'a [u8]>,
        /// The login session.
        pub session: Option<&'a [u8]>,
        /// The action; `refused` for a refusal.
        pub action: Option<&'a [u8]>,
        /// What the policy server said, or what went wrong.
        pub message: Option<&'a [u8]>,
    }
}

event_struct! {
    /// The auth process could not do its work.
    ///
    /// Shape: `auth client {pid} disconnected with {n} pending requests: {reason}`, login processes
    /// `Auth connection closed with {n} pending requests (max {secs} secs, pid={pid}, {reason})`,
    /// `{db}({user}...): {reason}` with a severity word, `Weak password schemes are allowed ...`.
    pub struct AuthError<'a> {
        /// `warning`, `error` or `fatal`.
        pub severity: &'static str,
        /// The process id of the other side.
        pub client_pid: Option<u64>,
        /// How many requests were lost.
        pub pending: Option<u64>,
        /// How long the oldest of them had waited.
        pub secs: Option<u64>,
        /// What went wrong.
        pub reason: &'a [u8],
        /// The passdb or userdb.
        pub db: Option<&'a [u8]>,
        /// The user name as sent by the client.
        pub user: Option<&'a [u8]>,
        /// The client's address.
        pub ip: Option<&'a [u8]>,
        /// The login session.
        pub session: Option<&'a [u8]>,
    }
}

/// Tells whether a message is one of the auth processes.
pub(super) fn is_auth(message: &[u8]) -> bool {
    message.strip_prefix(b"auth").is_some_and(|rest| {
        let rest = rest.strip_prefix(b"-worker").unwrap_or(rest);
        rest.starts_with(b": ") || rest.starts_with(b"(")
    })
}

/// Parses a message of the auth processes.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    let mut first_cut = None;
    // A user name may hold the mark itself, so the first cut that leaves a whole line is the one.
    for at in find_iter(message, b"given password: ") {
        let lead = message.get(..at).unwrap_or_default();
        let cut = lead
            .strip_suffix(b" (")
            .or_else(|| lead.strip_suffix(b" (SHA1 of "))
            .unwrap_or(lead);
        first_cut = first_cut.or(Some(cut));
        if let Some((request, reason)) = split(cut)
            && is_refusal(reason)
        {
            let is_final = !is_followed_by_next(message);
            return Ok(Event::AuthFailure(failure(&request, reason, is_final)));
        }
    }
    match first_cut {
        Some(cut) => Ok(unreadable_with_password(cut)),
        None => without_password(message),
    }
}

/// A line with a password whose prefix cannot be read: only what stands before the password is
/// kept.
fn unreadable_with_password(cut: &[u8]) -> Event<'_> {
    if contains(cut, b": Debug: ") {
        return debug(cut);
    }
    let is_process = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'-';
    let length = cut.iter().take_while(|byte| is_process(byte)).count();
    let (prefix, text) = cut.split_at_checked(length).unwrap_or((cut, b""));
    Event::GenericError(GenericError {
        prefix,
        severity: "info",
        user: None,
        pid: None,
        session: None,
        text,
    })
}

fn without_password(message: &[u8]) -> Parsed<'_> {
    let Some((request, reason)) = split(message) else {
        return process_line(message).ok_or(Reason("dovecot auth"));
    };
    let word = request.severity.unwrap_or(Severity::Info);
    if word == Severity::Debug {
        return Ok(debug(message));
    }
    if is_refusal(reason) {
        let is_final = !is_followed_by_next(reason);
        return Ok(Event::AuthFailure(failure(
            &request,
            before_next(reason),
            is_final,
        )));
    }
    if let Some(timeout) = timeout(&request, reason) {
        return Ok(Event::AuthTimeout(timeout));
    }
    if let Some(policy) = policy(&request, reason) {
        return Ok(Event::AuthPolicy(policy));
    }
    if word == Severity::Info {
        return notices::of_request(&request, reason).ok_or(Reason("dovecot auth reason"));
    }
    Ok(Event::AuthError(AuthError {
        severity: word.name(),
        client_pid: request.client_pid,
        pending: None,
        secs: None,
        reason,
        db: Some(request.db),
        user: Some(request.user),
        ip: request.ip,
        session: request.session,
    }))
}

/// Parses a line of the auth process that is about no request.
fn process_line(message: &[u8]) -> Option<Event<'_>> {
    let line = Line::parse(message)?;
    if line.severity == Severity::Debug {
        return Some(debug(message));
    }
    if let Some(event) = master::of_any_process(&line) {
        return Some(event);
    }
    if !line.is_complaint() {
        return notices::of_auth(&line);
    }
    if let Some(event) = auth_client_gone(line.severity, line.text) {
        return Some(event);
    }
    if line.text.starts_with(b"Weak password schemes") {
        return Some(Event::AuthError(plain_error(line.severity, line.text)));
    }
    Some(Event::GenericError(GenericError::of(&line)))
}

fn plain_error(word: Severity, reason: &[u8]) -> AuthError<'_> {
    AuthError {
        severity: word.name(),
        client_pid: None,
        pending: None,
        secs: None,
        reason,
        db: None,
        user: None,
        ip: None,
        session: None,
    }
}

/// Reads `auth client {pid} disconnected with {n} pending requests: {reason}`.
fn auth_client_gone(word: Severity, text: &[u8]) -> Option<Event<'_>> {
    let (client_pid, rest) = split_number(text.strip_prefix(b"auth client ")?)?;
    let (pending, rest) = split_number(rest.strip_prefix(b" disconnected with ")?)?;
    let reason = rest.strip_prefix(b" pending requests: ")?;
    let mut error = plain_error(word, reason);
    error.client_pid = Some(client_pid);
    error.pending = Some(pending);
    Some(Event::AuthError(error))
}

/// Reads `Auth connection closed with {n} pending requests (max {secs} secs, pid={pid}, {reason})`,
/// which login processes log.
pub(super) fn connection_closed(word: Severity, text: &[u8]) -> Option<Event<'_>> {
    let rest = text.strip_prefix(b"Auth connection closed with ")?;
    let (pending, rest) = split_number(rest)?;
    let group = rest.strip_prefix(b" pending requests (")?;
    let group = group.strip_suffix(b")").unwrap_or(group);
    let reason = split_once(group, b", pid=")
        .and_then(|(_, rest)| split_once(rest, b", "))
        .map_or(group, |(_, reason)| reason);
    let mut error = plain_error(word, reason);
    error.client_pid = number_after(group, b"pid=");
    error.pending = Some(pending);
    error.secs = number_after(group, b"max ");
    Some(Event::AuthError(error))
}

/// A debug line, without the credentials that `auth_debug_passwords` puts into it.
fn debug(message: &[u8]) -> Event<'_> {
    let (prefix, text) = split_once(message, b"Debug: ").unwrap_or((b"auth", message));
    Event::Debug(super::Debug {
        prefix: prefix.strip_suffix(b": ").unwrap_or(prefix),
        text: Text(without_secrets(text)),
    })
}

/// Cuts a text off where a password, its hash or a client's SASL answer may begin.
///
/// `auth_debug_passwords=yes` writes them in many forms; what follows the first is dropped.
pub(super) fn without_secrets(text: &[u8]) -> &[u8] {
    // `{scheme}({password}) != '{hash}'`: the password may hold anything, so nothing is kept.
    if find(text, b") != '").is_some() {
        return b"";
    }
    let marks: [&[u8]; 9] = [
        b"given password",
        b"password=",
        b"pass=",
        b"resp=",
        b"token=",
        b"in: CONT",
        b"PASSV",
        b"PASSW",
        b"authenticate passdb",
    ];
    let cut = marks
        .iter()
        .filter_map(|mark| find(text, mark).map(|at| at + mark.len()))
        .min();
    cut.and_then(|at| text.get(..at)).unwrap_or(text)
}

fn failure<'a>(request: &Request<'a>, reason: &'a [u8], r#final: bool) -> Failure<'a> {
    Failure {
        process: request.process,
        db: request.db,
        user: request.user,
        ip: request.ip,
        mech: request
            .mech
            .or_else(|| Some(request.db).filter(|db| is_mechanism(db))),
        session: request.session,
        worker_pid: request.worker_pid,
        request: request.request,
        client_pid: request.client_pid,
        client_uid: request.client_uid,
        master: request.master,
        reason,
        r#final,
    }
}

/// The mechanisms that stand in the place of the passdb in lines of Dovecot up to 2.3.
fn is_mechanism(db: &[u8]) -> bool {
    let mechanisms: [&[u8]; 18] = [
        b"plain",
        b"login",
        b"cram-md5",
        b"digest-md5",
        b"apop",
        b"rpa",
        b"skey",
        b"otp",
        b"ntlm",
        b"gssapi",
        b"gss-spnego",
        b"external",
        b"anonymous",
        b"xoauth2",
        b"oauthbearer",
        b"scram-sha-1",
        b"scram-sha-256",
        b"dovecot-token",
    ];
    mechanisms.contains(&db)
}

fn is_followed_by_next(text: &[u8]) -> bool {
    before_next(text).len() != text.len()
}

/// Takes ` - trying the next passdb` off the end.
fn before_next(text: &[u8]) -> &[u8] {
    let ends: [&[u8]; 2] = [b" - trying the next passdb", b" - trying the next userdb"];
    ends.iter()
        .find_map(|end| text.strip_suffix(*end))
        .unwrap_or(text)
}

fn timeout<'a>(request: &Request<'a>, reason: &'a [u8]) -> Option<Timeout<'a>> {
    let mut timeout = Timeout {
        mech: request.mech.unwrap_or(request.db),
        user: request.user,
        ip: request.ip,
        session: request.session,
        secs: None,
        state: None,
        client_pid: None,
        request: None,
    };
    if reason.starts_with(b"Request timed out") {
        timeout.secs = before_last(reason, b" (")
            .and_then(|(_, secs)| split_number(secs))
            .map(|(secs, _)| secs);
        return Some(timeout);
    }
    let (client_pid, rest) = split_number(reason.strip_prefix(b"Request ")?)?;
    let (id, rest) = split_number(rest.strip_prefix(b".")?)?;
    let rest = rest.strip_prefix(b" timed out after ")?;
    timeout.client_pid = Some(client_pid);
    timeout.request = Some(id);
    timeout.secs = split_number(rest).map(|(secs, _)| secs);
    timeout.state = number_after(rest, b"state=");
    Some(timeout)
}

fn policy<'a>(request: &Request<'a>, reason: &'a [u8]) -> Option<Policy<'a>> {
    let mut policy = Policy {
        user: request.user,
        ip: request.ip,
        session: request.session,
        action: None,
        message: None,
    };
    if let Some(rest) = reason.strip_prefix(b"Authentication failure due to policy server refusal")
    {
        policy.action = Some(b"refused");
        policy.message = rest.strip_prefix(b": ");
    } else if let Some(action) = reason.strip_prefix(b"Policy check action is ") {
        policy.action = Some(action);
    } else {
        policy.message = Some(reason.strip_prefix(b"Policy server HTTP error: ")?);
    }
    Some(policy)
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;
    use crate::Fields;
    use crate::fields::Texts;

    fn failure(line: &str) -> Failure<'_> {
        match parse(line.as_bytes()) {
            Ok(Event::AuthFailure(failure)) => failure,
            other => panic!("{line}: {other:?}"),
        }
    }

    /// Every version's prefix, with what it tells.
    #[test]
    fn reads_prefixes_of_every_version() {
        for (line, user, ip, session, worker, request) in [
            (
                "auth(default): pam(bob,192.0.2.66): unknown user",
                "bob",
                Some("192.0.2.66"),
                None,
                None,
                None,
            ),
            (
                "auth: sql(a@example.com,192.0.2.66): unknown user",
                "a@example.com",
                Some("192.0.2.66"),
                None,
                None,
                None,
            ),
            (
                "auth: sql(a,2001:db8::66,<s1>): unknown user",
                "a",
                Some("2001:db8::66"),
                Some("s1"),
                None,
                None,
            ),
            ("auth: sql(a): unknown user", "a", None, None, None, None),
            (
                "auth: sql(a,<s1>): unknown user",
                "a",
                None,
                Some("s1"),
                None,
                None,
            ),
            (
                "auth-worker(4801): sql(a,192.0.2.66,<s1>): unknown user",
                "a",
                Some("192.0.2.66"),
                Some("s1"),
                Some(4801),
                None,
            ),
            (
                "auth-worker(4801): conn unix:auth-worker (pid=4790,uid=109): auth-worker<12>: sql(a,192.0.2.66,<s1>): unknown user",
                "a",
                Some("192.0.2.66"),
                Some("s1"),
                Some(4801),
                Some(12),
            ),
            (
                "auth-worker(4801): Info: conn unix:auth-worker (uid=109): auth-worker<12>: sql(a,192.0.2.66,<s1>): unknown user",
                "a",
                Some("192.0.2.66"),
                Some("s1"),
                Some(4801),
                Some(12),
            ),
            (
                "auth(a,192.0.2.66,sasl:plain)<s1>: sql: unknown user",
                "a",
                Some("192.0.2.66"),
                Some("s1"),
                None,
                None,
            ),
            (
                "auth(a,192.0.2.66,sasl:plain,master): Info: sql: unknown user",
                "a",
                Some("192.0.2.66"),
                None,
                None,
                None,
            ),
            (
                "auth-worker(a,192.0.2.66)<4801><s1>: request [12]: Info: sql: unknown user",
                "a",
                Some("192.0.2.66"),
                Some("s1"),
                Some(4801),
                Some(12),
            ),
            (
                "auth-worker(a,192.0.2.66)<4801>: request [12]: sql: unknown user",
                "a",
                Some("192.0.2.66"),
                None,
                Some(4801),
                Some(12),
            ),
        ] {
            let found = failure(line);
            assert_eq!(found.user, user.as_bytes(), "{line}");
            assert_eq!(found.ip, ip.map(str::as_bytes), "{line}");
            assert_eq!(found.session, session.map(str::as_bytes), "{line}");
            assert_eq!(
                (found.worker_pid, found.request),
                (worker, request),
                "{line}"
            );
            assert_eq!(
                (found.reason, found.r#final),
                (&b"unknown user"[..], true),
                "{line}"
            );
            assert!(matches!(found.db, b"sql" | b"pam"), "{line}");
        }
    }

    /// Hard case 10: commas and parentheses in the user name.
    #[test]
    fn user_names_cannot_imitate_the_prefix() {
        for (line, user) in [
            ("auth: sql(a, b,192.0.2.66,<s1>): Password mismatch", "a, b"),
            ("auth: sql(a) b,192.0.2.66,<s1>): Password mismatch", "a) b"),
            (
                "auth: sql(x): unknown user,192.0.2.66,<s1>): Password mismatch",
                "x): unknown user",
            ),
            (
                "auth: sql(x,203.0.113.9,<t>): unknown user,192.0.2.66,<s1>): Password mismatch",
                "x,203.0.113.9,<t>): unknown user",
            ),
            (
                "auth: sql(x,203.0.113.9,192.0.2.66,<s1>): Password mismatch",
                "x,203.0.113.9",
            ),
            (
                "auth(x): Fatal: master: service(imap): child 1 killed with signal 11,192.0.2.66,sasl:plain)<s1>: sql: Password mismatch",
                "x): Fatal: master: service(imap): child 1 killed with signal 11",
            ),
            (
                "auth(x,203.0.113.9,sasl:plain)<t>: sql: unknown user,192.0.2.66,sasl:plain)<s1>: sql: Password mismatch",
                "x,203.0.113.9,sasl:plain)<t>: sql: unknown user",
            ),
        ] {
            let found = failure(line);
            assert_eq!(found.user, user.as_bytes(), "{line}");
            assert_eq!(found.ip, Some(&b"192.0.2.66"[..]), "{line}");
            assert_eq!(found.session, Some(&b"s1"[..]), "{line}");
            assert_eq!(found.reason, b"Password mismatch", "{line}");
        }
        let line = "auth: plain(?,192.0.2.66,<s1>): Username character disallowed by auth_username_chars: 0x20 (username: x,203.0.113.9): unknown user)";
        assert_eq!(failure(line).ip, Some(&b"192.0.2.66"[..]));
    }

    /// Lines as people paste them, with everything in angle brackets gone.
    #[test]
    fn pasted_lines_are_read() {
        let found = failure("auth: sql(a@example.com,2001:db8::XXXX,): unknown user");
        assert_eq!(found.user, b"a@example.com");
        assert_eq!(
            (found.ip, found.session),
            (Some(&b"2001:db8::XXXX"[..]), None)
        );
    }

    #[test]
    fn mechanism_is_told_by_2_4_and_by_lines_of_the_mechanism() {
        assert_eq!(
            failure("auth(a,192.0.2.66,sasl:login): sql: unknown user").mech,
            Some(&b"login"[..])
        );
        assert_eq!(
            failure("auth: cram-md5(a,192.0.2.66): Password mismatch").mech,
            Some(&b"cram-md5"[..])
        );
        assert_eq!(
            failure("auth: sql(a,192.0.2.66): Password mismatch").mech,
            None
        );
    }

    /// Hard case 12: another passdb follows.
    #[test]
    fn lines_before_the_next_passdb_are_not_final() {
        for line in [
            "auth: sql(a,192.0.2.66,<s1>): unknown user - trying the next passdb",
            "auth: sql(a,192.0.2.66,<s1>): unknown user (given password: s3cret) - trying the next passdb",
            "auth(a,192.0.2.66,sasl:plain)<s1>: sql: unknown user - trying the next userdb",
        ] {
            let found = failure(line);
            assert_eq!(
                (found.reason, found.r#final),
                (&b"unknown user"[..], false),
                "{line}"
            );
        }
        let line =
            "auth: sql(a,192.0.2.66): unknown user (given password: x) - trying the next passdb)";
        assert!(failure(line).r#final);
    }

    /// Hard case 11: no field may hold a password, whatever the line looks like.
    #[test]
    fn passwords_never_get_into_an_event() {
        let lines = [
            "auth: sql(a,192.0.2.66,<s1>): Password mismatch (given password: s3cret)",
            "auth: sql(a,192.0.2.66,<s1>): Password mismatch (given password: a) s3cret)",
            "auth: sql(a,192.0.2.66,<s1>): Password mismatch (given password: x): unknown user s3cret)",
            "auth: sql(a,192.0.2.66,<s1>): Password mismatch (given password: s3cret) - trying the next passdb",
            "auth: sql(a,192.0.2.66,<s1>): Password mismatch (SHA1 of given password: s3cret)",
            "auth: ldap(a,192.0.2.66): Password mismatch (for LDAP bind) (SHA1 of given password: s3cret)",
            "auth: ldap(a,192.0.2.66): invalid credentials (given password: s3cret (given password: s3cret)",
            "auth: sql(a,192.0.2.66,<s1>): some new text (given password: s3cret)",
            "auth: Error: sql(a,192.0.2.66,<s1>): some new text (given password: s3cret)",
            "auth(a,192.0.2.66,sasl:plain)<s1>: sql: Password mismatch (given password: s3cret)",
            "auth(a,192.0.2.66,sasl:plain)<s1>: sql: a new text (given password: s3cret)",
            "auth-worker(a,192.0.2.66)<4801><s1>: request [12]: sql: Password mismatch (given password: s3cret): x)",
            "auth-worker(4801): conn unix:auth-worker (pid=4790,uid=109): auth-worker<12>: pam(bob,192.0.2.66,<s1>): pam_authenticate() failed: Authentication failure (Password mismatch?) (given password: s3cret)",
            "auth: sql(x (given password: y,192.0.2.66,<s1>): Password mismatch (given password: s3cret)",
            "auth: sql(unclosed (given password: s3cret",
            "auth: given password: s3cret",
            "auth given password: s3cret",
            "imap-login: Error: x (given password: s3cret)",
            "imap(a)<1><s>: some text (given password: s3cret)",
            "auth: Debug: sql(a,192.0.2.66): PLAIN(s3cret) != 's3cret'",
            "auth(a,192.0.2.66,sasl:plain)<s1>: Debug: sql: PLAIN(a): s3cret) != 's3cret'",
            "auth: Debug: client in: AUTH 1 PLAIN service=imap resp=s3cret",
            "auth: Debug: client in: CONT 1 s3cret",
            "auth-worker(4801): Debug: worker in: PASSV 1 1 s3cret",
            "auth: Debug: client passdb out: OK 1 user=a pass=s3cret",
            "auth: Debug: sql(a): query: SELECT 1 WHERE userid='a' AND password='s3cret'",
            "auth: Debug: sql(a): x (given password: s3cret)",
        ];
        for line in lines {
            let Ok(event) = parse(line.as_bytes()) else {
                // An unparsed line is shown as it is, so a line with a password must be an event.
                panic!("{line} is unparsed");
            };
            let mut texts = Texts::default();
            event.visit(&mut texts);
            for (_, text) in texts.0 {
                assert!(!text.contains("s3cret"), "{line}: {text}");
            }
        }
        let found = failure(lines[13]);
        assert_eq!(
            (found.user, found.ip),
            (&b"x (given password: y"[..], Some(&b"192.0.2.66"[..]))
        );
    }

    #[test]
    fn timeouts_policies_and_errors_have_kinds_of_their_own() {
        let line = b"auth: Error: plain(bob,192.0.2.66,<s1>): Request 4790.3 timed out after 150 secs, state=1";
        let Ok(Event::AuthTimeout(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(
            (found.secs, found.state, found.client_pid),
            (Some(150), Some(1), Some(4790))
        );
        let line = b"auth(bob,192.0.2.66,sasl:plain)<s1>: policy: Authentication failure due to policy server refusal: too many";
        let Ok(Event::AuthPolicy(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(
            (found.action, found.message),
            (Some(&b"refused"[..]), Some(&b"too many"[..]))
        );
        let line = b"imap-login: Warning: Auth connection closed with 1 pending requests (max 7 secs, pid=4790, EOF)";
        let Ok(Event::AuthError(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(
            (found.pending, found.secs, found.client_pid),
            (Some(1), Some(7), Some(4790))
        );
        assert_eq!(found.reason, b"EOF");
        let line =
            b"auth: Error: mysql(127.0.0.1): Connect failed to database (mail): Connection refused";
        assert!(matches!(parse(line), Ok(Event::GenericError(_))));
    }
}

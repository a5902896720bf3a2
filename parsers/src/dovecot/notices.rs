//! What the processes say that serve no client: the indexer, the maker of SSL parameters, the
//! connections of auth to its databases.
//!
//! They are no part of the project's catalogue of formats; each was found in a log.

use super::prefix::{Line, MailProcess};
use super::request::Request;
use super::{Debug, Event};
use crate::fields::event_struct;
use crate::postfix::mention::Text;
use crate::scan::{before_last, split_number, split_once};

event_struct! {
    /// The indexer added mails to the search index of a mailbox.
    ///
    /// Shape: `indexer-worker({user})[<{pid}><{session}>]: Indexed {messages} messages in {mailbox}
    /// [ (UIDs {uids})]`; the UIDs since 2.3.
    pub struct Indexed<'a> {
        /// The user, and the session that asked for it.
        pub mail: MailProcess<'a>,
        /// How many mails.
        pub messages: u64,
        /// The mailbox.
        pub mailbox: &'a [u8],
        /// Their range of UIDs, as logged: `1..37`.
        pub uids: Option<&'a [u8]>,
    }
}

event_struct! {
    /// The Diffie-Hellman parameters are made.
    ///
    /// Shape: `ssl-params: {Generating SSL parameters|SSL parameters regeneration completed}`; up to
    /// 2.2.
    pub struct SslParams {
        /// `generating` or `completed`.
        pub state: &'static str,
    }
}

event_struct! {
    /// auth connected to a database.
    ///
    /// Shape: `{prefix}: {driver}({host}): Connected to database {database}`.
    pub struct DatabaseConnected<'a> {
        /// The kind of database: `mysql`, `pgsql`.
        pub driver: &'a [u8],
        /// Its host, or the path of its socket.
        pub host: &'a [u8],
        /// Its name.
        pub database: &'a [u8],
    }
}

event_struct! {
    /// A master user logged in as somebody else.
    ///
    /// Shape: `auth: {db}({user},{ip},master,<{session}>): Master user logging in as {login_user}`.
    pub struct MasterLogin<'a> {
        /// The master user.
        pub user: &'a [u8],
        /// Whose mailbox it is.
        pub login_user: &'a [u8],
        /// The client's address.
        pub ip: Option<&'a [u8]>,
        /// The login session.
        pub session: Option<&'a [u8]>,
    }
}

/// Parses a line of the indexer.
pub(super) fn indexed<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let (messages, rest) = split_number(line.text.strip_prefix(b"Indexed ")?)?;
    let rest = rest.strip_prefix(b" messages in ")?;
    let (mailbox, uids) = match before_last(rest, b" (UIDs ") {
        Some((mailbox, uids)) => (mailbox, uids.strip_suffix(b")")),
        None => (rest, None),
    };
    Some(Event::Indexed(Indexed {
        mail: line.mail,
        messages,
        mailbox,
        uids,
    }))
}

/// Parses a line of the process that makes the SSL parameters.
pub(super) fn ssl_params<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let state = match line.text {
        b"Generating SSL parameters" => "generating",
        b"SSL parameters regeneration completed" => "completed",
        _ => return None,
    };
    Some(Event::SslParams(SslParams { state }))
}

/// Parses a line of auth about a request that it did not refuse.
pub(super) fn of_request<'a>(request: &Request<'a>, text: &'a [u8]) -> Option<Event<'a>> {
    let login_user = text.strip_prefix(b"Master user logging in as ")?;
    Some(Event::MasterLogin(MasterLogin {
        user: request.user,
        login_user,
        ip: request.ip,
        session: request.session,
    }))
}

/// Parses a line of auth about no request: a connection made, or debugging of Dovecot 1.x, whose
/// lines have no severity word.
pub(super) fn of_auth<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    if let Some((source, database)) = split_once(line.text, b"): Connected to database ") {
        let (driver, host) = split_once(source, b"(")?;
        return Some(Event::DatabaseConnected(DatabaseConnected {
            driver,
            host,
            database,
        }));
    }
    is_debug_of_1x(line).then_some(Event::Debug(Debug {
        prefix: line.prefix,
        text: Text(super::auth::without_secrets(line.text)),
    }))
}

/// What auth of Dovecot 1.x says with `auth_debug`: its dialogues with clients and the master, and
/// what the LDAP library says.
fn is_debug_of_1x(line: &Line<'_>) -> bool {
    let starts: &[&[u8]] = &[
        b"client in: ",
        b"client out: ",
        b"master in: ",
        b"master out: ",
        b"new auth connection: ",
        b"ldap_",
        b"read1msg: ",
        b"wait4msg ",
        b"request done: ",
        b"res_errno: ",
        b"** ld ",
        b"* host: ",
        b" ",
    ];
    let is_1x = line.prefix.ends_with(b"(default)");
    is_1x && starts.iter().any(|start| line.text.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Class;
    use crate::dovecot::parse;

    #[test]
    fn a_mailbox_may_hold_blanks() {
        let line = b"indexer-worker(alice)<1662><PLy3NgU3z2h8BgAAPDOPJQ>: Indexed 37 messages in mail/Sent Messages (UIDs 4..40)";
        let Ok(Event::Indexed(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(
            (found.messages, found.mailbox),
            (37, &b"mail/Sent Messages"[..])
        );
        assert_eq!(found.uids, Some(&b"4..40"[..]));
        assert!(parse(b"indexer-worker(alice): Indexed no messages in INBOX").is_err());
    }

    #[test]
    fn debugging_of_1x_shows_no_credentials() {
        let line =
            b"auth(default): client in: AUTH\t1\tPLAIN\tservice=imap\tresp=AGFsaWNlAHNlY3JldA==";
        let event = parse(line).unwrap();
        assert_eq!(event.class(), Class::Generic);
        let Event::Debug(found) = event else { panic!() };
        assert!(found.text.0.ends_with(b"resp="), "{found:?}");
        assert!(
            parse(b"auth: client in: AUTH\t1\tPLAIN").is_err(),
            "2.x has a severity word"
        );
    }
}

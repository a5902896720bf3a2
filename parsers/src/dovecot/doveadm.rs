//! Lines of doveadm's server, and of PAM under the name of the auth process.

use super::Event;
use super::prefix::Line;
use crate::fields::event_struct;
use crate::scan::{before_last, split_number, split_once};

event_struct! {
    /// A command was run for somebody.
    ///
    /// Shape: `doveadm({peer}): Executing command ['{command}' ]as '{user}'`; the command up to
    /// 2.3.
    pub struct Doveadm<'a> {
        /// Who asked: an address, or a user.
        pub peer: Option<&'a [u8]>,
        /// The command.
        pub command: Option<&'a [u8]>,
        /// For which user.
        pub user: &'a [u8],
    }
}

event_struct! {
    /// A request to doveadm's HTTP interface.
    ///
    /// Shape: `doveadm: {peer} - - "{request}" {status} {bytes} "{referer}" "{agent}"`.
    pub struct DoveadmHttp<'a> {
        /// The client's address.
        pub peer: &'a [u8],
        /// The request line.
        pub request: &'a [u8],
        /// The status of the answer.
        pub status: Option<u64>,
        /// The size of the answer.
        pub size_bytes: Option<u64>,
        /// The `Referer:` header.
        pub referer: Option<&'a [u8]>,
        /// The `User-Agent:` header.
        pub agent: Option<&'a [u8]>,
    }
}

event_struct! {
    /// PAM refused a login of Dovecot's; usually in auth.log.
    ///
    /// Shape: `pam_unix({service}:auth): authentication failure; logname= uid={n} euid={n}
    /// tty=dovecot ruser={user} rhost={address}[  user={user}]`, under the tag `auth` or
    /// `dovecot-auth`. The client chooses `ruser`, so the last `rhost=` counts.
    pub struct PamFailure<'a> {
        /// PAM's service: `dovecot`.
        pub service: &'a [u8],
        /// The user name as sent by the client.
        pub ruser: Option<&'a [u8]>,
        /// The client's address.
        pub rhost: Option<&'a [u8]>,
        /// The user, where the account exists.
        pub user: Option<&'a [u8]>,
    }
}

/// Parses a line of doveadm; `None` when it has no kind of its own.
pub(super) fn parse<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    if let Some(rest) = line.text.strip_prefix(b"Executing command ") {
        let (head, user) = before_last(rest, b"as '")?;
        let command = head
            .trim_ascii()
            .strip_prefix(b"'")
            .and_then(|c| c.strip_suffix(b"'"));
        return Some(Event::Doveadm(Doveadm {
            peer: line.mail.user,
            command,
            user: user.strip_suffix(b"'").unwrap_or(user),
        }));
    }
    let (peer, rest) = split_once(line.text, b" - - \"")?;
    let (request, rest) = split_once(rest, b"\" ")?;
    let (status, rest) = split_number(rest)?;
    let size = split_number(rest.strip_prefix(b" ")?);
    let rest = size.map_or(rest, |(_, rest)| rest);
    let headers = rest
        .strip_prefix(b" \"")
        .and_then(|rest| split_once(rest, b"\" \""));
    Some(Event::DoveadmHttp(DoveadmHttp {
        peer,
        request,
        status: Some(status),
        size_bytes: size.map(|(bytes, _)| bytes),
        referer: headers.map(|(referer, _)| referer),
        agent: headers.map(|(_, agent)| agent.strip_suffix(b"\"").unwrap_or(agent)),
    }))
}

/// Parses PAM's own line.
pub(super) fn pam(message: &[u8]) -> Option<Event<'_>> {
    let (module, rest) = split_once(message, b"): authentication failure; ")?;
    let (_, service) = split_once(module, b"(")?;
    let (service, _) = split_once(service, b":").unwrap_or((service, b""));
    let (left, right) = before_last(rest, b"rhost=").unwrap_or((rest, b""));
    let (rhost, user) = match split_once(right, b" ") {
        Some((rhost, tail)) => (rhost, tail.trim_ascii().strip_prefix(b"user=")),
        None => (right, None),
    };
    let ruser = split_once(left, b"ruser=").map(|(_, ruser)| ruser.trim_ascii());
    Some(Event::PamFailure(PamFailure {
        service,
        ruser,
        rhost: Some(rhost).filter(|rhost| !rhost.is_empty()),
        user,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn pam_takes_the_last_host() {
        let line = b"pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser=x rhost=192.0.2.1 rhost=2001:db8::66  user=bob";
        let Ok(Event::PamFailure(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(found.rhost, Some(&b"2001:db8::66"[..]));
        assert_eq!(
            (found.ruser, found.user),
            (Some(&b"x rhost=192.0.2.1"[..]), Some(&b"bob"[..]))
        );
    }

    #[test]
    fn requests_are_taken_apart() {
        let line = b"doveadm: 2001:db8::10 - - \"POST /doveadm/v1 HTTP/1.1\" 401 12 \"http://example.com/\" \"agent\"";
        let Ok(Event::DoveadmHttp(found)) = parse(line) else {
            panic!()
        };
        assert_eq!((found.status, found.size_bytes), (Some(401), Some(12)));
        assert_eq!(
            (found.referer, found.agent),
            (Some(&b"http://example.com/"[..]), Some(&b"agent"[..]))
        );
        let Ok(Event::Doveadm(found)) =
            parse(b"doveadm(192.0.2.10): Executing command 'mailbox list' as 'alice@example.com'")
        else {
            panic!()
        };
        assert_eq!(
            (found.command, found.user),
            (Some(&b"mailbox list"[..]), &b"alice@example.com"[..])
        );
    }
}

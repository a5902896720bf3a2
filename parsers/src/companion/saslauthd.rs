//! Lines of saslauthd, which knows no client address; usually in auth.log.

use super::{Event, Parsed};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{before_last, split_once};

event_struct! {
    /// Credentials were refused.
    ///
    /// Shape: `do_auth         : auth failure: [user={user}] [service={service}] [realm={realm}]
    /// [mech={mech}] [reason={reason}]`; some builds write blanks instead of the function.
    pub struct Failure<'a> {
        /// The user.
        pub user: &'a [u8],
        /// The service: `smtp`.
        pub service: Option<&'a [u8]>,
        /// The realm; often empty.
        pub realm: Option<&'a [u8]>,
        /// The mechanism of saslauthd: `pam`, `shadow`, ...
        pub mech: Option<&'a [u8]>,
        /// Why.
        pub reason: Option<&'a [u8]>,
    }
}

event_struct! {
    /// Credentials were accepted; with debug logging only.
    ///
    /// Shape: `... : auth success[ (cached)]: [user={user}] [service={service}] [realm={realm}][
    /// [mech={mech}]]`.
    pub struct Success<'a> {
        /// The user.
        pub user: &'a [u8],
        /// The service.
        pub service: Option<&'a [u8]>,
        /// The realm.
        pub realm: Option<&'a [u8]>,
        /// The mechanism of saslauthd.
        pub mech: Option<&'a [u8]>,
        /// Whether the answer came from the cache.
        pub cached: bool,
    }
}

event_struct! {
    /// A line of debug logging.
    ///
    /// Shape: `DEBUG: {text}`.
    pub struct Debug<'a> {
        /// The text.
        pub text: &'a [u8],
    }
}

/// Parses a message of saslauthd.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    if let Some(text) = message.strip_prefix(b"DEBUG: ") {
        return Ok(Event::SaslauthdDebug(Debug { text }));
    }
    if let Some((_, rest)) = split_once(message, b": auth failure: ") {
        return failure(rest)
            .map(Event::SaslauthdFailure)
            .ok_or(Reason("saslauthd failure"));
    }
    success(message)
        .map(Event::SaslauthdSuccess)
        .ok_or(Reason("saslauthd"))
}

/// Takes ` [{key}={value}]` off the end.
fn last_group<'a>(text: &'a [u8], key: &[u8]) -> (&'a [u8], Option<&'a [u8]>) {
    match before_last(text, key) {
        Some((left, value)) => (left, Some(value.strip_suffix(b"]").unwrap_or(value))),
        None => (text, None),
    }
}

fn user(text: &[u8]) -> Option<&[u8]> {
    let user = text.strip_prefix(b"[user=")?;
    Some(user.strip_suffix(b"]").unwrap_or(user))
}

/// Reads the groups from the right: the user name is the client's text.
fn failure(text: &[u8]) -> Option<Failure<'_>> {
    let (text, reason) = last_group(text, b" [reason=");
    let (text, mech) = last_group(text, b" [mech=");
    let (text, realm) = last_group(text, b" [realm=");
    let (text, service) = last_group(text, b" [service=");
    Some(Failure {
        user: user(text)?,
        service,
        realm,
        mech,
        reason,
    })
}

fn success(message: &[u8]) -> Option<Success<'_>> {
    let (_, rest) = split_once(message, b": auth success")?;
    let (rest, cached) = match rest.strip_prefix(b" (cached)") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let (text, mech) = last_group(rest.strip_prefix(b": ")?, b" [mech=");
    let (text, realm) = last_group(text, b" [realm=");
    let (text, service) = last_group(text, b" [service=");
    Some(Success {
        user: user(text)?,
        service,
        realm,
        mech,
        cached,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_cannot_bring_a_realm_or_reason() {
        let line = b"                : auth failure: [user=x] [service=imap] [realm=y] [mech=z] [reason=w] [service=smtp] [realm=] [mech=pam] [reason=PAM auth error]";
        let Ok(Event::SaslauthdFailure(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(
            found.user,
            b"x] [service=imap] [realm=y] [mech=z] [reason=w"
        );
        assert_eq!(
            (found.service, found.realm),
            (Some(&b"smtp"[..]), Some(&b""[..]))
        );
        assert_eq!(found.reason, Some(&b"PAM auth error"[..]));
    }
}

//! Lines of postgrey, which runs before a queue id exists.

use super::{Event, Parsed};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{before_last, queue_id, split_number, split_once, to_number};

event_struct! {
    /// What postgrey decided.
    ///
    /// Shape: `[{queue_id}: ]action={greylist|pass}, reason={reason}[, delay={secs}],
    /// [client_name={name}, ]client_address={ip}, [sender={sender}, ]recipient={recipient}`. Empty
    /// attributes are left out: no `sender=` for bounces.
    pub struct Action<'a> {
        /// The queue id, where Postfix gave one.
        pub queue_id: Option<&'a [u8]>,
        /// `greylist` or `pass`.
        pub action: &'a [u8],
        /// `new`, `early-retry`, `triplet found`, `client whitelist`, `client AWL`, ...
        pub reason: &'a [u8],
        /// How much too early a retry came, in seconds.
        pub missing_secs: Option<u64>,
        /// How long the mail was delayed, in seconds.
        pub delay_secs: Option<u64>,
        /// The client's name.
        pub client_name: Option<&'a [u8]>,
        /// The client's address.
        pub client_address: Option<&'a [u8]>,
        /// The envelope sender.
        pub sender: Option<&'a [u8]>,
        /// The recipient.
        pub recipient: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A line about no decision.
    ///
    /// Shape: `whitelisted: {name}[{ip}]`, `cleaning up old logs...`, `cleaning {database} database
    /// finished. before: {n}, after: {n}`, `{WARNING|FATAL}: {text}`, lines of Net::Server.
    pub struct Misc<'a> {
        /// The client's name.
        pub client_name: Option<&'a [u8]>,
        /// The client's address.
        pub client_address: Option<&'a [u8]>,
        /// The database: `main` or `clients`.
        pub database: Option<&'a [u8]>,
        /// Its entries before it was cleaned.
        pub before: Option<u64>,
        /// Its entries after that.
        pub after: Option<u64>,
        /// When the server started, as logged.
        pub time: Option<&'a [u8]>,
        /// The process id of the server.
        pub pid: Option<u64>,
        /// The text.
        pub text: &'a [u8],
    }
}

/// Parses a message of postgrey.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    let (text, id) = match queue_id(message) {
        Ok((rest, id)) => (rest, Some(id)),
        Err(_) => (message, None),
    };
    if let Some(rest) = text.strip_prefix(b"action=") {
        return action(id, rest)
            .map(Event::PostgreyAction)
            .ok_or(Reason("postgrey action"));
    }
    misc(message)
        .map(Event::PostgreyMisc)
        .ok_or(Reason("postgrey"))
}

/// Reads the attributes in their fixed order; the recipient from the right, for the sender is the
/// client's text.
fn action<'a>(queue_id: Option<&'a [u8]>, text: &'a [u8]) -> Option<Action<'a>> {
    let (action, rest) = split_once(text, b", reason=")?;
    let (rest, recipient) = match before_last(rest, b", recipient=") {
        Some((rest, recipient)) => (rest, Some(recipient)),
        None => (rest, None),
    };
    let (rest, sender) = key(rest, b", sender=");
    let (rest, client_address) = key(rest, b", client_address=");
    let (rest, client_name) = key(rest, b", client_name=");
    let (reason, delay) = key(rest, b", delay=");
    let (reason, missing) = key(reason, b" (");
    Some(Action {
        queue_id,
        action,
        reason,
        missing_secs: missing.and_then(split_number).map(|(secs, _)| secs),
        delay_secs: delay.and_then(to_number),
        client_name,
        client_address,
        sender,
        recipient,
    })
}

fn key<'a>(text: &'a [u8], key: &[u8]) -> (&'a [u8], Option<&'a [u8]>) {
    split_once(text, key).map_or((text, None), |(left, value)| (left, Some(value)))
}

fn misc(text: &[u8]) -> Option<Misc<'_>> {
    let mut misc = Misc {
        client_name: None,
        client_address: None,
        database: None,
        before: None,
        after: None,
        time: None,
        pid: None,
        text,
    };
    if let Some(client) = text.strip_prefix(b"whitelisted: ") {
        let (name, address) = split_once(client, b"[").unwrap_or((client, b""));
        misc.client_name = Some(name);
        misc.client_address = address.strip_suffix(b"]");
    } else if let Some((database, counts)) = text
        .strip_prefix(b"cleaning ")
        .and_then(|rest| split_once(rest, b" database finished. before: "))
    {
        let (before, after) = split_once(counts, b", after: ")?;
        misc.database = Some(database);
        misc.before = to_number(before);
        misc.after = to_number(after);
    } else if let Some((time, rest)) = split_once(text, b" postgrey (type ") {
        misc.time = Some(time);
        misc.pid = split_once(rest, b"pid(")
            .and_then(|(_, pid)| split_number(pid))
            .map(|(pid, _)| pid);
    } else if !is_known(text) {
        return None;
    }
    Some(misc)
}

fn is_known(text: &[u8]) -> bool {
    let starts: [&[u8]; 10] = [
        b"cleaning up old ",
        b"WARNING: ",
        b"warning: ",
        b"FATAL: ",
        b"fatal: ",
        b"Process Backgrounded",
        b"Binding ",
        b"Setting ",
        b"Resolved ",
        b"Server closing",
    ];
    starts.iter().any(|start| text.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_cannot_bring_another_client() {
        let line = b"action=greylist, reason=early-retry (287s missing), client_name=unknown, client_address=192.0.2.66, sender=x, client_address=203.0.113.9, recipient=y@example.org, recipient=alice@example.com";
        let Ok(Event::PostgreyAction(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(found.client_address, Some(&b"192.0.2.66"[..]));
        assert_eq!(found.recipient, Some(&b"alice@example.com"[..]));
        assert_eq!(
            (found.reason, found.missing_secs),
            (&b"early-retry"[..], Some(287))
        );
    }
}

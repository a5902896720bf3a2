//! Lines of policyd-spf-perl, tagged `postfix/policy-spf` although it is no Postfix daemon.

use super::{Event, Parsed};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{before_last, queue_id, split_once};

event_struct! {
    /// What the policy server answered to Postfix.
    ///
    /// Shape: `[{queue_id}: ]Policy action={DUNNO|PREPEND Received-SPF: {result} (..) receiver=..;
    /// identity=..; envelope-from="{sender}"; helo=..; client-ip=..|550 {text}|DEFER_IF_PERMIT
    /// {text}}`.
    pub struct SpfAction<'a> {
        /// The queue id (2.001).
        pub queue_id: Option<&'a [u8]>,
        /// The first word of the action: `DUNNO`, `PREPEND`, `550`, `DEFER_IF_PERMIT`.
        pub action: &'a [u8],
        /// The SPF result, in lower case.
        pub result: Option<&'a [u8]>,
        /// The text behind the action.
        pub text: Option<&'a [u8]>,
        /// The envelope sender.
        pub sender: Option<&'a [u8]>,
        /// The HELO name.
        pub helo: Option<&'a [u8]>,
        /// The client's address.
        pub client_address: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A line of verbose logging.
    ///
    /// Shape: `handler {handler}: is decisive.`, `SPF {result}: {HELO/EHLO[ (Null Sender)]|
    /// Envelope-from}: {text}[, IP Address: {ip}, Recipient: {recipient}]`.
    pub struct SpfDebug<'a> {
        /// The handler that decided.
        pub handler: Option<&'a [u8]>,
        /// The SPF result.
        pub result: Option<&'a [u8]>,
        /// What was checked.
        pub identity: Option<&'a [u8]>,
        /// The client's address.
        pub client_address: Option<&'a [u8]>,
        /// The recipient.
        pub recipient: Option<&'a [u8]>,
        /// The name or address that was checked.
        pub text: Option<&'a [u8]>,
    }
}

/// Parses a message of policy-spf.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    let (text, id) = match queue_id(message) {
        Ok((rest, id)) => (rest, Some(id)),
        Err(_) => (message, None),
    };
    if let Some(action) = text.strip_prefix(b"Policy action=") {
        return Ok(Event::PolicySpfAction(spf_action(id, action)));
    }
    debug(text)
        .map(Event::PolicySpfDebug)
        .ok_or(Reason("policy-spf"))
}

fn spf_action<'a>(queue_id: Option<&'a [u8]>, text: &'a [u8]) -> SpfAction<'a> {
    let (action, text) = match split_once(text, b" ") {
        Some((action, text)) => (action, Some(text)),
        None => (text, None),
    };
    let mut found = SpfAction {
        queue_id,
        action,
        result: None,
        text,
        sender: None,
        helo: None,
        client_address: None,
    };
    if let Some(header) = text.and_then(|text| text.strip_prefix(b"Received-SPF: ")) {
        found.read_header(header);
    } else if let Some((query, _)) = text.and_then(|text| before_last(text, b";r=")) {
        found.read_query(query);
    }
    found
}

impl<'a> SpfAction<'a> {
    /// Reads the header from the right: the client chooses HELO name and sender.
    fn read_header(&mut self, header: &'a [u8]) {
        self.result = split_once(header, b" ").map(|(result, _)| result);
        let Some((left, address)) = before_last(header, b"; client-ip=") else {
            return;
        };
        self.client_address = Some(address.trim_ascii());
        let Some((left, helo)) = before_last(left, b"; helo=") else {
            return;
        };
        self.helo = Some(helo);
        self.sender = before_last(left, b"; envelope-from=").map(|(_, sender)| {
            sender
                .strip_prefix(b"\"")
                .and_then(|sender| sender.strip_suffix(b"\""))
                .unwrap_or(sender)
        });
    }

    /// Reads `..?s=mfrom;id=..;ip=..`.
    fn read_query(&mut self, query: &'a [u8]) {
        let Some((left, address)) = before_last(query, b";ip=") else {
            return;
        };
        self.client_address = Some(address);
        if let Some((_, sender)) = split_once(left, b"s=mfrom;id=") {
            self.sender = Some(sender);
        } else if let Some((_, helo)) = split_once(left, b"s=helo;id=") {
            self.helo = Some(helo);
        }
    }
}

fn debug(text: &[u8]) -> Option<SpfDebug<'_>> {
    let mut debug = SpfDebug {
        handler: None,
        result: None,
        identity: None,
        client_address: None,
        recipient: None,
        text: None,
    };
    if let Some(rest) = text.strip_prefix(b"handler ") {
        let (handler, rest) = split_once(rest, b": ")?;
        debug.handler = Some(handler);
        debug.text = Some(rest);
        return Some(debug);
    }
    let (result, rest) = split_once(text.strip_prefix(b"SPF ")?, b": ")?;
    let (identity, rest) = split_once(rest, b": ")?;
    debug.result = Some(result);
    debug.identity = Some(identity);
    let rest = match before_last(rest, b", IP Address: ") {
        Some((checked, tail)) => {
            let (address, recipient) = split_once(tail, b", Recipient: ").unwrap_or((tail, b""));
            debug.client_address = Some(address);
            debug.recipient = Some(recipient);
            checked
        }
        None => rest,
    };
    debug.text = Some(rest);
    Some(debug)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_is_read_from_the_right() {
        let line = b"Policy action=PREPEND Received-SPF: pass (example.org: 192.0.2.7 is authorized to use 'bob@example.org' in 'mfrom' identity) receiver=mx1.example.com; identity=mailfrom; envelope-from=\"bob@example.org\"; helo=x; client-ip=203.0.113.9; client-ip=192.0.2.7";
        let Ok(Event::PolicySpfAction(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(
            (found.action, found.result),
            (&b"PREPEND"[..], Some(&b"pass"[..]))
        );
        assert_eq!(found.client_address, Some(&b"192.0.2.7"[..]));
        assert_eq!(found.sender, Some(&b"bob@example.org"[..]));
    }
}

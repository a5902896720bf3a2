//! Lines of policyd-weight, a policy service that scores clients before a queue id exists.
//!
//! The HELO name, the sender and the recipient are the client's words: the facts are looked for
//! from the right, but for the client's address, which stands before all that a client can say.

use super::{Decimal, Event, Parsed};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{before_last, split_once, to_number};

event_struct! {
    /// What policyd-weight found out about a client.
    ///
    /// Shape: `weighted check: {scores} <client={ip}> <helo={helo}> <from={sender}>
    /// <to={recipient}>{,|;} rate: {rate}`; `scores` are `{check}={score}` words and the names that
    /// were compared.
    pub struct Check<'a> {
        /// The scores of the checks, and the names that were compared.
        pub scores: &'a [u8],
        /// The client's address.
        pub client_address: Option<&'a [u8]>,
        /// The HELO name.
        pub helo: Option<&'a [u8]>,
        /// The envelope sender.
        pub sender: Option<&'a [u8]>,
        /// The recipient.
        pub recipient: Option<&'a [u8]>,
        /// The sum of the scores.
        pub rate: Option<Decimal<'a>>,
    }
}

event_struct! {
    /// What policyd-weight told Postfix to do.
    ///
    /// Shape: `decided action={action} {text}; delay: {secs}s`; `text` may hold the facts of
    /// [`Check`].
    pub struct Action<'a> {
        /// `DUNNO`, `PREPEND`, or the reply code of a refusal.
        pub action: &'a [u8],
        /// What stands behind the action.
        pub reason: &'a [u8],
        /// The client's address.
        pub client_address: Option<&'a [u8]>,
        /// The HELO name.
        pub helo: Option<&'a [u8]>,
        /// The envelope sender.
        pub sender: Option<&'a [u8]>,
        /// The recipient.
        pub recipient: Option<&'a [u8]>,
        /// The sum of the scores.
        pub rate: Option<Decimal<'a>>,
        /// How long the decision took.
        pub delay_secs: Option<u64>,
    }
}

/// Parses a message of policyd-weight.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    if let Some(text) = message.strip_prefix(b"weighted check:") {
        let facts = Facts::of(text);
        return Ok(Event::PolicydWeightCheck(Check {
            scores: facts.scores(),
            client_address: facts.client_address,
            helo: facts.helo,
            sender: facts.sender,
            recipient: facts.recipient,
            rate: facts.rate,
        }));
    }
    let text = message.strip_prefix(b"decided action=");
    let text = text.ok_or(Reason("policyd-weight"))?;
    let (text, delay_secs) = match before_last(text, b"; delay: ") {
        Some((text, delay)) => (text, to_number(delay.strip_suffix(b"s").unwrap_or(delay))),
        None => (text, None),
    };
    let (action, reason) = split_once(text, b" ").unwrap_or((text, b""));
    let facts = Facts::of(reason);
    Ok(Event::PolicydWeightAction(Action {
        action,
        reason,
        client_address: facts.client_address,
        helo: facts.helo,
        sender: facts.sender,
        recipient: facts.recipient,
        rate: facts.rate,
        delay_secs,
    }))
}

/// What a line says about the request.
struct Facts<'a> {
    /// The text before the first of them.
    before: &'a [u8],
    client_address: Option<&'a [u8]>,
    helo: Option<&'a [u8]>,
    sender: Option<&'a [u8]>,
    recipient: Option<&'a [u8]>,
    rate: Option<Decimal<'a>>,
}

impl<'a> Facts<'a> {
    /// The scores of the checks; a release puts a `;` behind them.
    fn scores(&self) -> &'a [u8] {
        let scores = self.before.trim_ascii();
        scores.strip_suffix(b";").unwrap_or(scores)
    }

    fn of(text: &'a [u8]) -> Self {
        let (before, rest) = split_once(text, b"<client=").unwrap_or((text, b""));
        let (rest, rate) = match before_last(rest, b" rate: ") {
            Some((rest, rate)) => (rest, Decimal::parse(rate)),
            None => (rest, None),
        };
        let (rest, recipient) = last(rest, b" <to=");
        let (rest, sender) = last(rest, b" <from=");
        let (client, helo) = last(rest, b" <helo=");
        Facts {
            before,
            client_address: Some(without_end(client)).filter(|client| !client.is_empty()),
            helo,
            sender,
            recipient,
            rate,
        }
    }
}

/// Splits ` <{name}={value}>` off the end.
fn last<'a>(text: &'a [u8], mark: &[u8]) -> (&'a [u8], Option<&'a [u8]>) {
    match before_last(text, mark) {
        Some((rest, value)) => (rest, Some(without_end(value))),
        None => (text, None),
    }
}

/// Drops the bracket that closes a value, and the sign behind the last one.
fn without_end(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii_end();
    let value = value
        .strip_suffix(b",")
        .or_else(|| value.strip_suffix(b";"))
        .unwrap_or(value);
    value.strip_suffix(b">").unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_helo_name_cannot_bring_another_client() {
        let line = b"weighted check: CL_IP_NE_HELO=4.75 <client=192.0.2.66> <helo=x> <client=203.0.113.9> <from=a@example.net> <to=bob@example.com>, rate: 11.25";
        let Ok(Event::PolicydWeightCheck(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(found.client_address, Some(&b"192.0.2.66"[..]));
        assert_eq!(found.sender, Some(&b"a@example.net"[..]));
        assert_eq!(found.recipient, Some(&b"bob@example.com"[..]));
        assert_eq!(found.rate.map(|rate| rate.text), Some(&b"11.25"[..]));
        assert_eq!(found.scores, b"CL_IP_NE_HELO=4.75");
    }

    #[test]
    fn an_action_needs_no_facts() {
        let line = b"decided action=DUNNO multirecipient-mail - already accepted by previous query; delay: 0s";
        let Ok(Event::PolicydWeightAction(found)) = parse(line) else {
            panic!()
        };
        assert_eq!((found.action, found.delay_secs), (&b"DUNNO"[..], Some(0)));
        assert_eq!((found.client_address, found.rate), (None, None));
        assert!(parse(b"child: exiting").is_err());
    }
}

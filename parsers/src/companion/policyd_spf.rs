//! Lines of policyd-spf (Python, spf-engine), which runs before a queue id exists.

use super::{Event, Parsed};
use crate::Reason;
use crate::fields::{Field, Visitor, event_struct};
use crate::scan::{before_last, enhanced_code, queue_id, split_number, split_once, without_angles};

event_struct! {
    /// What policyd-spf answered to Postfix.
    ///
    /// Shape: `[{queue_id}: |: ]{prepend|result_only|defer_if_permit[ {dsn}]|{code}[ {dsn}]|Header
    /// field not prepended:} {text}`. Source: spf-engine `spf_engine/policyd_spf.py`. Results keep
    /// their case: `Pass` in a header, `fail` in a refusal.
    pub struct SpfResult<'a> {
        /// The queue id, where Postfix gave one.
        pub queue_id: Option<&'a [u8]>,
        /// `prepend`, `result_only`, `defer_if_permit`, `reject`, `not_prepended`.
        pub action: &'a [u8],
        /// The reply code of a refusal.
        pub code: Option<u64>,
        /// The enhanced status code.
        pub dsn: Option<&'a [u8]>,
        /// The text behind the action.
        pub answer: Answer<'a>,
    }
}

/// The text behind the action, as logged; read when somebody wants to know.
///
/// Visited as `result`, `identity`, `client_address`, `helo`, `sender`, `recipient` and `text`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer<'a>(pub &'a [u8]);

impl<'a> Answer<'a> {
    /// Returns what the text states.
    pub fn facts(&self) -> Facts<'a> {
        Facts::of_text(self.0)
    }
}

impl Field for Answer<'_> {
    fn visit_as(&self, _name: &'static str, visitor: &mut dyn Visitor) {
        let facts = self.facts();
        facts.result.visit_as("result", visitor);
        facts.identity.visit_as("identity", visitor);
        facts.client_address.visit_as("client_address", visitor);
        facts.helo.visit_as("helo", visitor);
        facts.sender.visit_as("sender", visitor);
        facts.recipient.visit_as("recipient", visitor);
        visitor.text("text", self.0);
    }
}

event_struct! {
    /// A line of `debugLevel` 2 and higher.
    ///
    /// Shape: `{result}; identity=..; client-ip=..; helo=..; envelope-from=..; receiver=..`,
    /// `spfcheck: pyspf result: "{text}"`.
    pub struct SpfDebug<'a> {
        /// The SPF result.
        pub result: Option<&'a [u8]>,
        /// What was checked.
        pub identity: Option<&'a [u8]>,
        /// The client's address.
        pub client_address: Option<&'a [u8]>,
        /// The HELO name.
        pub helo: Option<&'a [u8]>,
        /// The envelope sender.
        pub sender: Option<&'a [u8]>,
        /// The recipient, or the receiving host.
        pub recipient: Option<&'a [u8]>,
        /// What pyspf said.
        pub explanation: Option<&'a [u8]>,
        /// The text.
        pub text: &'a [u8],
    }
}

/// The `key=value` part of a line.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Facts<'a> {
    /// The SPF result, as logged.
    pub result: Option<&'a [u8]>,
    /// What was checked: `mailfrom`, `helo`, or `mfrom`, `helo` in a refusal.
    pub identity: Option<&'a [u8]>,
    /// The client's address.
    pub client_address: Option<&'a [u8]>,
    /// The HELO name.
    pub helo: Option<&'a [u8]>,
    /// The envelope sender; empty for bounces.
    pub sender: Option<&'a [u8]>,
    /// The recipient, or the receiving host.
    pub recipient: Option<&'a [u8]>,
    explanation: Option<&'a [u8]>,
}

/// Parses a message of policyd-spf.
#[inline(always)]
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    match usual(message) {
        Some(result) => Ok(Event::PolicydSpfResult(result)),
        None => parse_any(message),
    }
}

/// Parses the commonest line: a header for a mail that has no queue id yet.
#[inline(always)]
fn usual(message: &[u8]) -> Option<SpfResult<'_>> {
    let text = message.strip_prefix(b": ")?;
    let header = text.strip_prefix(b"prepend ")?;
    if !header.starts_with(b"Received-SPF: ") {
        return None;
    }
    Some(SpfResult {
        queue_id: None,
        action: text.get(..b"prepend".len())?,
        code: None,
        dsn: None,
        answer: Answer(header.trim_ascii_end()),
    })
}

/// Parses a line of any shape.
#[inline(never)]
fn parse_any(message: &[u8]) -> Parsed<'_> {
    // A queue id or a colon stands before all others.
    if matches!(
        message.first(),
        Some(b'A'..=b'Z' | b'a'..=b'z' | b';' | b' ')
    ) && let Some(debug) = debug(message)
    {
        return Ok(Event::PolicydSpfDebug(debug));
    }
    let (text, id) = match queue_id(message) {
        Ok((rest, id)) => (rest, Some(id)),
        Err(_) => (message.strip_prefix(b": ").unwrap_or(message), None),
    };
    let text = text.trim_ascii_end();
    let Some((action, code, rest)) = action(text) else {
        return Err(Reason("policyd-spf"));
    };
    let (text, dsn) = match enhanced_code(rest) {
        Ok((rest, dsn)) => (rest.trim_ascii_start(), Some(dsn)),
        Err(_) => (rest, None),
    };
    Ok(Event::PolicydSpfResult(SpfResult {
        queue_id: id,
        action,
        code,
        dsn,
        answer: Answer(text),
    }))
}

/// Takes the action off: a word, or the reply code of a refusal.
fn action(text: &[u8]) -> Option<(&[u8], Option<u64>, &[u8])> {
    if let Some(rest) = text.strip_prefix(b"Header field not prepended: ") {
        return Some((b"not_prepended", None, rest));
    }
    let (word, rest) = split_once(text, b" ")?;
    match word {
        b"prepend" | b"result_only" | b"defer_if_permit" | b"defer" | b"reject" | b"dunno" => {
            Some((word, None, rest))
        }
        _ => match split_number(word) {
            Some((code @ 400..=599, b"")) => Some((b"reject", Some(code), rest)),
            _ => None,
        },
    }
}

fn debug(message: &[u8]) -> Option<SpfDebug<'_>> {
    let text = message.trim_ascii_end();
    let facts = if text.starts_with(b"spfcheck: ") {
        Facts::of_pyspf(text)
    } else {
        let is_letter = |byte: &&u8| byte.is_ascii_alphabetic();
        let result = text.iter().take_while(is_letter).count();
        let (result, rest) = text.split_at_checked(result)?;
        let rest = rest.strip_prefix(b"; identity=")?;
        let mut facts = Facts::of_keys(rest);
        facts.result = Some(result);
        facts
    };
    Some(SpfDebug {
        result: facts.result,
        identity: facts.identity,
        client_address: facts.client_address,
        helo: facts.helo,
        sender: facts.sender,
        recipient: facts.recipient,
        explanation: facts.explanation,
        text,
    })
}

impl<'a> Facts<'a> {
    fn of_text(text: &'a [u8]) -> Self {
        if let Some(rest) = text.strip_prefix(b"Received-SPF: ") {
            return Self::of_header(rest);
        }
        if let Some(rest) = text.strip_prefix(b"X-Comment: ") {
            // `SPF skipped for whitelisted relay - client-ip=..; helo=..; ..`
            return split_once(rest, b" - client-ip=").map_or(Facts::default(), |(_, keys)| {
                let mut facts = Facts::default();
                facts.read_from_address(keys);
                facts
            });
        }
        if let Some((_, rest)) = split_once(text, b" spf=") {
            return Self::of_authentication_results(rest);
        }
        Self::of_refusal(text)
    }

    /// Reads `.. result: "['Pass', '{explanation}', 'mailfrom']"`.
    fn of_pyspf(text: &'a [u8]) -> Self {
        let mut facts = Facts::default();
        let list = split_once(text, b"\"['").and_then(|(_, list)| list.strip_suffix(b"']\""));
        if let Some((result, rest)) = list.and_then(|list| split_once(list, b"', '"))
            && let Some((explanation, identity)) = before_last(rest, b"', '")
        {
            facts.result = Some(result);
            facts.explanation = Some(explanation);
            facts.identity = Some(identity);
        }
        facts
    }

    /// Reads `Pass (mailfrom) identity=mailfrom; client-ip=..; ..`.
    ///
    /// The comment may be an explanation from the sender's own DNS, and the HELO name is the
    /// client's text: a comment that is just `(mailfrom)` ends where it must, any other at the last
    /// place that looks like the end of one.
    fn of_header(rest: &'a [u8]) -> Self {
        let (result, rest) = split_once(rest, b" ").unwrap_or((rest, b""));
        let keys = match rest.strip_prefix(b"(mailfrom) identity=") {
            Some(keys) => keys,
            None => before_last(rest, b") identity=").map_or(&b""[..], |(_, keys)| keys),
        };
        let mut facts = Self::of_keys(keys);
        facts.result = Some(result);
        facts
    }

    /// Reads `mailfrom; client-ip=..; helo=..; envelope-from=..; receiver=..`.
    fn of_keys(keys: &'a [u8]) -> Self {
        let mut facts = Facts::default();
        let (identity, rest) = split_once(keys, b"; client-ip=").unwrap_or((keys, b""));
        facts.identity = Some(identity).filter(|identity| !identity.is_empty());
        facts.read_from_address(rest);
        facts
    }

    fn read_from_address(&mut self, rest: &'a [u8]) {
        let (address, rest) = split_once(rest, b"; helo=").unwrap_or((rest, b""));
        self.client_address = Some(address).filter(|address| !address.is_empty());
        let Some((helo, rest)) = split_once(rest, b"; envelope-from=") else {
            return;
        };
        let (sender, receiver) = before_last(rest, b"; receiver=").unwrap_or((rest, b""));
        self.helo = Some(helo);
        self.sender = Some(without_angles(sender));
        self.recipient = Some(receiver.trim_ascii()).filter(|receiver| !receiver.is_empty());
    }

    /// Reads `pass[ (..)] smtp.mailfrom=..` or `.. smtp.helo=..`.
    fn of_authentication_results(rest: &'a [u8]) -> Self {
        let (result, rest) = split_once(rest, b" ").unwrap_or((rest, b""));
        let value = |key: &[u8]| {
            let (_, value) = before_last(rest, key)?;
            Some(split_once(value, b" ").map_or(value, |(value, _)| value))
        };
        Facts {
            result: Some(result),
            sender: value(b"smtp.mailfrom="),
            helo: value(b"smtp.helo="),
            client_address: value(b"client-ip="),
            ..Facts::default()
        }
    }

    /// Reads `.. due to: SPF fail - ..?s=mfrom;id=..;ip=..;r=..`; the id is the client's text, so
    /// the rest is read from the right.
    fn of_refusal(text: &'a [u8]) -> Self {
        let mut facts = Facts::default();
        if let Some((_, rest)) = split_once(text, b"SPF ") {
            let length = rest
                .iter()
                .take_while(|byte| byte.is_ascii_alphabetic())
                .count();
            facts.result = rest.get(..length).filter(|word| !word.is_empty());
        }
        let Some((_, query)) = split_once(text, b"?s=") else {
            return facts;
        };
        let (query, recipient) = before_last(query, b";r=").unwrap_or((query, b""));
        let (query, address) = before_last(query, b";ip=").unwrap_or((query, b""));
        let (identity, id) = split_once(query, b";id=").unwrap_or((query, b""));
        facts.identity = Some(identity);
        facts.recipient = Some(recipient).filter(|recipient| !recipient.is_empty());
        facts.client_address = Some(address).filter(|address| !address.is_empty());
        if identity == b"helo" {
            facts.helo = Some(id);
        } else {
            facts.sender = Some(id);
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(line: &[u8]) -> SpfResult<'_> {
        match parse(line) {
            Ok(Event::PolicydSpfResult(result)) => result,
            other => panic!("{other:?}"),
        }
    }

    /// Hard case 26: a bare `: ` before the action, a trailing blank, capitalised results.
    #[test]
    fn reads_the_bare_colon_and_the_trailing_blank() {
        let found = result(b": prepend Received-SPF: Softfail (mailfrom) identity=mailfrom; client-ip=2001:db8::7; helo=mail.example.org; envelope-from=bob@example.org; receiver=alice@example.com ");
        assert_eq!((found.queue_id, found.action), (None, &b"prepend"[..]));
        assert_eq!(found.answer.facts().result, Some(&b"Softfail"[..]));
        assert_eq!(
            found.answer.facts().client_address,
            Some(&b"2001:db8::7"[..])
        );
        assert_eq!(found.answer.facts().helo, Some(&b"mail.example.org"[..]));
        assert_eq!(found.answer.facts().sender, Some(&b"bob@example.org"[..]));
        assert_eq!(
            found.answer.facts().recipient,
            Some(&b"alice@example.com"[..])
        );
    }

    #[test]
    fn usual_headers_are_read_as_all_others_are() {
        for line in [
            &b": prepend Received-SPF: Pass (mailfrom) identity=mailfrom; client-ip=192.0.2.7; \
               helo=x; envelope-from=a@b; receiver=c "[..],
            b": prepend Received-SPF:  ",
            b": prepend Received-SPF: x",
        ] {
            assert_eq!(Ok(Event::PolicydSpfResult(result(line))), parse_any(line));
            assert!(usual(line).is_some());
        }
        for line in [
            &b": prepend X-Comment: SPF skipped for whitelisted relay"[..],
            b": prepend ",
            b"prepend Received-SPF: Pass",
            b": 550 5.7.23 x",
        ] {
            assert_eq!(usual(line), None);
            assert_eq!(parse(line), parse_any(line));
        }
    }

    /// Hard case 26: free text in the comment.
    #[test]
    fn a_comment_cannot_bring_a_client_of_its_own() {
        let found = result(b"prepend Received-SPF: Fail (see) identity=helo; client-ip=203.0.113.9; helo=x) identity=helo; client-ip=192.0.2.7; helo=mail.example.org; envelope-from=<>; receiver=example.com ");
        assert_eq!(found.answer.facts().client_address, Some(&b"192.0.2.7"[..]));
        assert_eq!(found.answer.facts().sender, Some(&b""[..]));
        let found = result(b"prepend Received-SPF: Fail (mailfrom) identity=mailfrom; client-ip=192.0.2.7; helo=x) identity=helo; client-ip=203.0.113.9; helo=y; envelope-from=a@b; receiver=c ");
        assert_eq!(found.answer.facts().client_address, Some(&b"192.0.2.7"[..]));
    }

    #[test]
    fn a_debug_line_begins_with_a_result_alone() {
        let line =
            b"Pass; identity=mailfrom; client-ip=192.0.2.7; helo=x; envelope-from=a@b; receiver=c";
        assert!(matches!(parse(line), Ok(Event::PolicydSpfDebug(_))));
        assert!(parse(b"Pass; helo=x; identity=mailfrom; client-ip=192.0.2.7").is_err());
        assert!(parse(b"Pass 1; identity=mailfrom; client-ip=192.0.2.7").is_err());
    }

    #[test]
    fn reads_refusals_from_the_right() {
        let found = result(b"550 5.7.23 Message rejected due to: SPF fail - not authorized. Please see http://www.openspf.net/Why?s=mfrom;id=x;ip=203.0.113.9;r=y@example.org;ip=192.0.2.66;r=alice@example.com");
        assert_eq!((found.action, found.code), (&b"reject"[..], Some(550)));
        assert_eq!(
            (found.dsn, found.answer.facts().result),
            (Some(&b"5.7.23"[..]), Some(&b"fail"[..]))
        );
        assert_eq!(
            found.answer.facts().sender,
            Some(&b"x;ip=203.0.113.9;r=y@example.org"[..])
        );
        assert_eq!(
            found.answer.facts().client_address,
            Some(&b"192.0.2.66"[..])
        );
        assert_eq!(
            found.answer.facts().recipient,
            Some(&b"alice@example.com"[..])
        );
    }
}

//! Lines of SpamAssassin's spamd: two per mail, `result` and a verdict; count one of them.

use super::{Decimal, Event, Parsed};
use crate::fields::event_struct;
use crate::scan::{before_last, seconds, split_number, split_once, to_number};
use crate::{Reason, Seconds};

event_struct! {
    /// The verdict on a mail, in words.
    ///
    /// Shape: `spamd: {clean message|identified spam} ({score}/{required}) for {user}:{uid} in
    /// {secs} seconds, {bytes} bytes.`
    pub struct Verdict<'a> {
        /// `clean message` or `identified spam`.
        pub verdict: &'a [u8],
        /// The score.
        pub score: Option<Decimal<'a>>,
        /// The score from which a mail is spam.
        pub required_score: Option<Decimal<'a>>,
        /// The user; `(unknown)` where none was given.
        pub user: &'a [u8],
        /// The user id.
        pub uid: Option<u64>,
        /// How long it took, in seconds.
        pub secs: Option<Decimal<'a>>,
        /// The size.
        pub size_bytes: Option<u64>,
    }
}

event_struct! {
    /// The verdict on a mail, with the tests that hit.
    ///
    /// Shape: `spamd: result: {Y|.} {score} - {tests}
    /// scantime=..,size=..,user=..,uid=..,required_score=..,rhost=..,raddr=..,rport=..,mid=<..>[,
    /// rmid=<..>][,bayes=..],autolearn=..[,shortcircuit=..]`. The score is cut to whole points.
    pub struct SpamdResult<'a> {
        /// `Y` for spam, `.` for ham.
        pub verdict: &'a [u8],
        /// The score.
        pub score: Option<Decimal<'a>>,
        /// The tests that hit, joined by commas.
        pub tests: &'a [u8],
        /// How long it took, in seconds.
        pub scantime_secs: Option<Decimal<'a>>,
        /// The size.
        pub size_bytes: Option<u64>,
        /// The user.
        pub user: Option<&'a [u8]>,
        /// The user id.
        pub uid: Option<u64>,
        /// The score from which a mail is spam.
        pub required_score: Option<Decimal<'a>>,
        /// The name of spamd's client.
        pub rhost: Option<&'a [u8]>,
        /// The address of spamd's client.
        pub raddr: Option<&'a [u8]>,
        /// The port of spamd's client; a path for unix sockets.
        pub rport: Option<&'a [u8]>,
        /// The message id, with its angle brackets.
        pub message_id: Option<&'a [u8]>,
        /// The `Resent-Message-ID:` header, with its angle brackets.
        pub resent_message_id: Option<&'a [u8]>,
        /// The Bayes probability.
        pub bayes: Option<Decimal<'a>>,
        /// Whether the mail was learned.
        pub autolearn: Option<&'a [u8]>,
        /// Whether a test ended the scan early.
        pub shortcircuit: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A line about no verdict.
    ///
    /// Shape: `spamd: {processing|checking} message <{id}>[ aka <{id}>] for {user}:{uid}`, `spamd:
    /// connection from {host} [{address}]:{port} to port {n}, fd {n}`, `spamd: unauthorized
    /// connection from {host} [{address}] port {port}`, `spamd: handle_user ... user: '{user}'`,
    /// `spamd: Tell: ...`, `prefork: child states: {states}`, `Did not receive a response from the
    /// pyzor server {host}:{port} for {secs} seconds!`, `async: aborting after {secs} s, ...`, and what it says about itself.
    pub struct Misc<'a> {
        /// The message id, with its angle brackets.
        pub message_id: Option<&'a [u8]>,
        /// The `Resent-Message-ID:` header, with its angle brackets.
        pub resent_message_id: Option<&'a [u8]>,
        /// The user.
        pub user: Option<&'a [u8]>,
        /// The user id.
        pub uid: Option<u64>,
        /// The client's name, or the server that did not answer.
        pub host: Option<&'a [u8]>,
        /// The client's address.
        pub address: Option<&'a [u8]>,
        /// The client's or server's port.
        pub port: Option<u64>,
        /// Our own port.
        pub own_port: Option<u64>,
        /// How long a check over the network took or was waited for.
        pub secs: Option<Seconds>,
        /// What a server answered that could not be read.
        pub response: Option<&'a [u8]>,
        /// The text.
        pub text: &'a [u8],
    }
}

/// Parses a message of spamd.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    let text = message.strip_prefix(b"spamd: ").unwrap_or(message);
    if let Some(rest) = text.strip_prefix(b"result: ") {
        return result(rest)
            .map(Event::SpamdResult)
            .ok_or(Reason("spamd result"));
    }
    if text.starts_with(b"clean message (") || text.starts_with(b"identified spam (") {
        return verdict(text)
            .map(Event::SpamdVerdict)
            .ok_or(Reason("spamd verdict"));
    }
    misc(text).map(Event::SpamdMisc).ok_or(Reason("spamd"))
}

fn verdict(text: &[u8]) -> Option<Verdict<'_>> {
    let (verdict, rest) = split_once(text, b" (")?;
    let (scores, rest) = split_once(rest, b") for ")?;
    let (score, required) = split_once(scores, b"/")?;
    let (who, rest) = before_last(rest, b" in ")?;
    let (user, uid) = before_last(who, b":").unwrap_or((who, b""));
    let (secs, rest) = split_once(rest, b" seconds, ")?;
    Some(Verdict {
        verdict,
        score: Decimal::parse(score),
        required_score: Decimal::parse(required),
        user,
        uid: to_number(uid),
        secs: Decimal::parse(secs),
        size_bytes: split_number(rest).map(|(bytes, _)| bytes),
    })
}

fn result(text: &[u8]) -> Option<SpamdResult<'_>> {
    let (head, facts) = split_once(text, b"scantime=")?;
    let (verdict, rest) = split_once(head, b" ")?;
    let (score, tests) = split_once(rest, b" - ")?;
    // spamd writes `_` for blanks and commas of a message id, so commas do separate.
    let value = |key: &[u8]| {
        let (_, value) = split_once(facts, key)?;
        Some(split_once(value, b",").map_or(value, |(value, _)| value))
    };
    Some(SpamdResult {
        verdict,
        score: Decimal::parse(score.trim_ascii()),
        tests: tests.trim_ascii(),
        scantime_secs: split_once(facts, b",").and_then(|(secs, _)| Decimal::parse(secs)),
        size_bytes: value(b",size=").and_then(to_number),
        user: value(b",user="),
        uid: value(b",uid=").and_then(to_number),
        required_score: value(b",required_score=").and_then(Decimal::parse),
        rhost: value(b",rhost="),
        raddr: value(b",raddr="),
        rport: value(b",rport="),
        message_id: value(b",mid="),
        resent_message_id: value(b",rmid="),
        bayes: value(b",bayes=").and_then(Decimal::parse),
        autolearn: value(b",autolearn="),
        shortcircuit: value(b",shortcircuit="),
    })
}

fn misc(text: &[u8]) -> Option<Misc<'_>> {
    let mut misc = Misc {
        message_id: None,
        resent_message_id: None,
        user: None,
        uid: None,
        host: None,
        address: None,
        port: None,
        own_port: None,
        secs: None,
        response: None,
        text,
    };
    let is_known = misc.read_message(text)
        || misc.read_connection(text)
        || misc.read_user(text)
        || misc.read_network(text)
        || is_notice(text);
    is_known.then_some(misc)
}

fn is_notice(text: &[u8]) -> bool {
    let starts: [&[u8]; 11] = [
        b"server hit by ",
        b"server socket closed",
        b"prefork: ",
        b"Tell: ",
        b"server started on ",
        b"server pid: ",
        b"server successfully spawned ",
        b"server killed by ",
        b"handled cleanup of child ",
        b"setuid to ",
        b"still running as root",
    ];
    starts.iter().any(|start| text.starts_with(start))
}

impl<'a> Misc<'a> {
    fn read_message(&mut self, text: &'a [u8]) -> bool {
        let starts: [&[u8]; 2] = [b"processing message ", b"checking message "];
        let Some(rest) = starts.iter().find_map(|start| text.strip_prefix(*start)) else {
            return false;
        };
        let (ids, who) = before_last(rest, b" for ").unwrap_or((rest, b""));
        let (id, resent) = match split_once(ids, b" aka ") {
            Some((id, resent)) => (id, Some(resent)),
            None => (ids, None),
        };
        self.message_id = Some(id);
        self.resent_message_id = resent;
        self.read_who(who);
        true
    }

    /// Reads `{user}:{uid}`.
    fn read_who(&mut self, who: &'a [u8]) {
        let (user, uid) = before_last(who, b":").unwrap_or((who, b""));
        self.user = Some(user).filter(|user| !user.is_empty());
        self.uid = to_number(uid);
    }

    /// Reads what the checks over the network say: pyzor's server, lookups that took too long.
    fn read_network(&mut self, text: &'a [u8]) -> bool {
        if let Some(rest) = text.strip_prefix(b"Did not receive a response from the pyzor server ")
        {
            let (server, secs) = split_once(rest, b" for ").unwrap_or((rest, b""));
            let (host, port) = before_last(server, b":").unwrap_or((server, b""));
            self.host = Some(host);
            self.port = to_number(port);
            self.secs = seconds(secs).ok().map(|(_, secs)| secs);
            return true;
        }
        if let Some(rest) = text.strip_prefix(b"async: aborting after ") {
            self.secs = seconds(rest).ok().map(|(_, secs)| secs);
            return true;
        }
        let response = text.strip_prefix(b"pyzor: failure to parse response \"");
        self.response = response.map(|response| response.strip_suffix(b"\"").unwrap_or(response));
        response.is_some()
    }

    fn read_connection(&mut self, text: &'a [u8]) -> bool {
        let Some((_, rest)) = split_once(text, b"connection from ") else {
            return false;
        };
        let (host, rest) = split_once(rest, b" [").unwrap_or((rest, b""));
        let (address, rest) = split_once(rest, b"]").unwrap_or((rest, b""));
        self.host = Some(host);
        self.address = Some(address).filter(|address| !address.is_empty());
        let port = rest
            .strip_prefix(b":")
            .or_else(|| rest.strip_prefix(b" port "));
        self.port = port.and_then(split_number).map(|(port, _)| port);
        self.own_port = split_once(rest, b" to port ")
            .and_then(|(_, port)| split_number(port))
            .map(|(port, _)| port);
        true
    }

    fn read_user(&mut self, text: &'a [u8]) -> bool {
        if let Some((_, who)) = text
            .strip_prefix(b"Tell: ")
            .and_then(|rest| before_last(rest, b" for "))
        {
            self.read_who(who);
            return true;
        }
        if !text.starts_with(b"handle_user") {
            return false;
        }
        self.user =
            split_once(text, b"user: '").map(|(_, user)| user.strip_suffix(b"'").unwrap_or(user));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_of_tests_is_empty() {
        let line = b"spamd: result: . -1 -  scantime=0.8,size=2345,user=alice,uid=1000,required_score=5.0,rhost=mx1.example.com,raddr=2001:db8::5,rport=40010,mid=<m1@example.org>,rmid=<r1@example.org>,autolearn=ham,shortcircuit=no";
        let Ok(Event::SpamdResult(found)) = parse(line) else {
            panic!()
        };
        assert_eq!((found.tests, found.verdict), (&b""[..], &b"."[..]));
        assert_eq!(found.message_id, Some(&b"<m1@example.org>"[..]));
        assert_eq!(found.raddr, Some(&b"2001:db8::5"[..]));
        assert_eq!(found.score.map(|score| score.text), Some(&b"-1"[..]));
    }
}

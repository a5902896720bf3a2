//! Lines of postscreen(8): it looks at a client before smtpd does.
//!
//! A client is `[address]:port`, without a name. What a client said stands in these lines with C
//! escapes, where `\n` is two characters.

mod protocol;
mod warnings;

use nom::Parser;
use nom::bytes::complete::tag;
use nom::sequence::preceded;

use super::{Client, Event, Parsed, scache};
use crate::Reason;
use crate::fields::{Seconds, event_struct};
use crate::scan::{
    Scan, angle, before_last, enhanced_code, find_iter, mismatch, nameless_client, number,
    queue_id_or_none, seconds, small_number, split_once,
};

pub use protocol::{
    BareNewline, CommandFilter, CommandLimit, DataWithoutRcpt, EhloDiscard, NonSmtp, Pipelining,
};
pub use warnings::{Compat, Warning};

event_struct! {
    /// A client connected.
    ///
    /// Shape: `CONNECT from {client}[ to [{server_address}]:{server_port}]`. Source: Postfix
    /// `src/postscreen/postscreen.c`; since 2.8, the server's side since 2.9.
    pub struct Connect<'a> {
        /// Who connected.
        pub client: Client<'a>,
        /// Our address.
        pub server_address: Option<&'a [u8]>,
        /// Our port.
        pub server_port: Option<&'a [u8]>,
    }
}

event_struct! {
    /// The client passed all tests, and goes to smtpd.
    ///
    /// Shape: `PASS NEW {client}`. Source: Postfix `src/postscreen/postscreen_misc.c`; since 2.8.
    pub struct PassNew<'a> {
        /// The client.
        pub client: Client<'a>,
    }
}

event_struct! {
    /// The client passed all tests earlier, and goes to smtpd.
    ///
    /// Shape: `PASS OLD {client}`. Source: Postfix `src/postscreen/postscreen.c`; since 2.8.
    pub struct PassOld<'a> {
        /// The client.
        pub client: Client<'a>,
    }
}

event_struct! {
    /// The client is on the site's allow-list, and goes to smtpd.
    ///
    /// Shape: `ALLOWLISTED {client}`; up to 3.5, and with `respectful_logging = no`, `WHITELISTED`.
    /// Source: Postfix `src/postscreen/postscreen.c`; since 2.8.
    pub struct Allowlisted<'a> {
        /// The client.
        pub client: Client<'a>,
    }
}

event_struct! {
    /// The client is on the site's deny-list.
    ///
    /// Shape: `DENYLISTED {client}`; up to 3.5, and with `respectful_logging = no`, `BLACKLISTED`.
    /// Source: Postfix `src/postscreen/postscreen.c`; since 2.8.
    pub struct Denylisted<'a> {
        /// The client.
        pub client: Client<'a>,
    }
}

event_struct! {
    /// The client did not try the primary MX first, so no allow-listing.
    ///
    /// Shape: `ALLOWLIST VETO {client}`; up to 3.5, and with `respectful_logging = no`, `WHITELIST
    /// VETO`. Source: Postfix `src/postscreen/postscreen.c`; since 2.9.
    pub struct AllowlistVeto<'a> {
        /// The client.
        pub client: Client<'a>,
    }
}

event_struct! {
    /// The sum of the client's DNSBL scores reached the threshold.
    ///
    /// Shape: `DNSBL rank {rank} for {client}`. Source: Postfix `src/postscreen/postscreen_early.c`;
    /// since 2.8.
    pub struct DnsblRank<'a> {
        /// The sum of the weights.
        pub rank: u32,
        /// The client.
        pub client: Client<'a>,
    }
}

event_struct! {
    /// The client spoke before the greeting was complete.
    ///
    /// Shape: `PREGREET {size_bytes} after {delay} from {client}: {text}`. Source: Postfix
    /// `src/postscreen/postscreen_early.c`; since 2.8. Units: `size_bytes` is what was received,
    /// `delay` is in seconds; the text is the first 100 bytes, with C escapes.
    pub struct Pregreet<'a> {
        /// How much the client sent.
        pub size_bytes: u64,
        /// How long after the connection.
        pub delay: Seconds,
        /// The client.
        pub client: Client<'a>,
        /// What it said.
        pub text: &'a [u8],
    }
}

event_struct! {
    /// The client hung up during the tests.
    ///
    /// Shape: `HANGUP after {delay} from {client} in tests {before|after} SMTP handshake`. Source:
    /// Postfix `src/postscreen/postscreen_misc.c`; since 2.8. Units: `delay` is in seconds.
    pub struct Hangup<'a> {
        /// How long after the connection, or after the last command.
        pub delay: Seconds,
        /// The client.
        pub client: Client<'a>,
        /// `before SMTP handshake` or `after SMTP handshake`.
        pub stage: &'a [u8],
    }
}

event_struct! {
    /// A recipient was refused; postscreen takes no mail itself.
    ///
    /// Shape: `NOQUEUE: reject: RCPT from {client}: {code} {dsn} {reason}; from=<{sender}>,
    /// to=<{recipient}>, proto={proto}, helo=<{helo}>`, with commas where smtpd has blanks. The HELO
    /// name is one word in the client's own writing and may hold `>` and `,`. Source: Postfix
    /// `src/postscreen/postscreen_smtpd.c`; since 2.8.
    pub struct RejectRcpt<'a> {
        /// Always absent: postscreen has no queue.
        pub queue_id: Option<&'a [u8]>,
        /// The SMTP command, `RCPT`.
        pub r#where: &'a [u8],
        /// The client.
        pub client: Client<'a>,
        /// The reply code.
        pub code: Option<u32>,
        /// The enhanced status code.
        pub dsn: Option<&'a [u8]>,
        /// The reply's text.
        pub reason: &'a [u8],
        /// The envelope sender.
        pub sender: Option<&'a [u8]>,
        /// The envelope recipient.
        pub recipient: Option<&'a [u8]>,
        /// `SMTP` or `ESMTP`.
        pub proto: Option<&'a [u8]>,
        /// The HELO name, in the client's own writing.
        pub helo: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A connection was refused.
    ///
    /// Shape: `NOQUEUE: reject: CONNECT from {client}: {too many connections|all server ports busy}`.
    /// Source: Postfix `src/postscreen/postscreen.c`, `postscreen_send.c`; since 2.8.
    pub struct RejectConnect<'a> {
        /// Always absent: postscreen has no queue.
        pub queue_id: Option<&'a [u8]>,
        /// The client.
        pub client: Client<'a>,
        /// Why.
        pub reason: &'a [u8],
    }
}

event_struct! {
    /// A connection was refused for want of screening slots.
    ///
    /// Shape: `reject: connect from {client}: all screening ports busy`. Source: Postfix
    /// `src/postscreen/postscreen.c`; since 2.8.
    pub struct ScreeningBusy<'a> {
        /// The client.
        pub client: Client<'a>,
    }
}

event_struct! {
    /// The end of a session with a client that did not go to smtpd.
    ///
    /// Shape: `DISCONNECT {client}`. Source: Postfix `src/postscreen/postscreen_misc.c`; since 2.8.
    pub struct Disconnect<'a> {
        /// The client.
        pub client: Client<'a>,
    }
}

event_struct! {
    /// postscreen begins or ends to hurry, for the number of connections.
    ///
    /// Shape: `{entering|leaving} STRESS mode with {connections} connections`. Source: Postfix
    /// `src/postscreen/postscreen_state.c`; since 2.8.
    pub struct Stress<'a> {
        /// `entering` or `leaving`.
        pub direction: &'a [u8],
        /// How many connections.
        pub connections: u64,
    }
}

event_struct! {
    /// A client must wait longer for its next try.
    ///
    /// Shape: `PENALTY {penalty} for {client_address}`. Source: Postfix
    /// `src/postscreen/postscreen_misc.c`; 2.8 to 2.10. Units: `penalty` is in seconds.
    pub struct Penalty<'a> {
        /// How much longer.
        pub penalty: u64,
        /// The client's address.
        pub client_address: &'a [u8],
    }
}

/// Parses a message of postscreen.
///
/// Returns `Err(Reason("postscreen"))`, or a more exact place, when the text has no known shape.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    // Events are large: the commonest are written where they are to go.
    if let Some(rest) = message.strip_prefix(b"CONNECT from ")
        && let Some(connect) = connect(rest)
    {
        return Ok(Event::PscConnect(connect));
    }
    if let Some(rest) = message.strip_prefix(b"PASS OLD ")
        && let Some(client) = last_client(rest)
    {
        return Ok(Event::PscPassOld(PassOld { client }));
    }
    if let Some(rest) = message.strip_prefix(b"DISCONNECT ")
        && let Some(client) = last_client(rest)
    {
        return Ok(Event::PscDisconnect(Disconnect { client }));
    }
    parse_rarer(message)
}

/// Parses a line that fewer clients have.
#[inline(never)]
fn parse_rarer(message: &[u8]) -> Parsed<'_> {
    let found = match message.first() {
        Some(b'P') => pass(message),
        Some(b'D' | b'A' | b'B' | b'W' | b'H') => {
            verdict(message).or_else(|| protocol::parse(message))
        }
        Some(b'N') if message.starts_with(b"NOQUEUE: ") => reject(message),
        Some(b'C' | b'N' | b'[') => protocol::parse(message),
        Some(b'r') => screening_busy(message),
        Some(b'e' | b'l') => stress(message),
        Some(b'c') => scache::cache_cleanup(message),
        _ => None,
    };
    found
        .or_else(|| warnings::parse(message))
        .ok_or(Reason("postscreen"))
}

/// Reads the client that ends the line.
fn last_client(input: &[u8]) -> Option<Client<'_>> {
    nameless_client(input).ok().map(|(_, client)| client)
}

#[inline(always)]
fn connect(clients: &[u8]) -> Option<Connect<'_>> {
    let (rest, client) = nameless_client(clients).ok()?;
    let server = rest.strip_prefix(b" to ").and_then(last_client);
    Some(Connect {
        client,
        server_address: server.map(|server| server.address),
        server_port: server.and_then(|server| server.port),
    })
}

/// Reads the lines that begin with `P`.
fn pass(message: &[u8]) -> Option<Event<'_>> {
    if let Some(rest) = message.strip_prefix(b"PASS NEW ") {
        let client = last_client(rest)?;
        return Some(Event::PscPassNew(PassNew { client }));
    }
    if let Some(rest) = message.strip_prefix(b"PENALTY ") {
        let (rest, penalty) = number(rest).ok()?;
        let client_address = rest.strip_prefix(b" for ")?;
        return Some(Event::PscPenalty(Penalty {
            penalty,
            client_address,
        }));
    }
    pregreet(message)
        .ok()
        .map(|(_, pregreet)| Event::PscPregreet(pregreet))
}

fn pregreet(input: &[u8]) -> Scan<'_, Pregreet<'_>> {
    let (text, (_, size_bytes, delay, client, _)) = (
        tag("PREGREET "),
        number,
        preceded(tag(" after "), seconds),
        preceded(tag(" from "), nameless_client),
        tag(": "),
    )
        .parse(input)?;
    Ok((
        b"",
        Pregreet {
            size_bytes,
            delay,
            client,
            text,
        },
    ))
}

/// Reads the lines of one or two words and a client.
fn verdict(message: &[u8]) -> Option<Event<'_>> {
    let (rest, client) = memchr::memchr(b'[', message)
        .and_then(|at| message.split_at_checked(at))
        .and_then(|(words, client)| Some((words, last_client(client)?)))?;
    Some(match rest {
        b"ALLOWLISTED " | b"WHITELISTED " => Event::PscAllowlisted(Allowlisted { client }),
        b"DENYLISTED " | b"BLACKLISTED " => Event::PscDenylisted(Denylisted { client }),
        b"ALLOWLIST VETO " | b"WHITELIST VETO " => {
            Event::PscAllowlistVeto(AllowlistVeto { client })
        }
        _ if rest.starts_with(b"HANGUP ") => return hangup(message),
        _ => {
            let (_, rank) = preceded(tag::<_, _, ()>("DNSBL rank "), small_number)
                .parse(rest)
                .ok()?;
            Event::PscDnsblRank(DnsblRank { rank, client })
        }
    })
}

fn hangup(message: &[u8]) -> Option<Event<'_>> {
    let (rest, (delay, client)) = (
        preceded(tag::<_, _, ()>("HANGUP after "), seconds),
        preceded(tag(" from "), nameless_client),
    )
        .parse(message)
        .ok()?;
    let stage = rest.strip_prefix(b" in tests ")?;
    Some(Event::PscHangup(Hangup {
        delay,
        client,
        stage,
    }))
}

fn reject(message: &[u8]) -> Option<Event<'_>> {
    let (rest, queue_id) = queue_id_or_none(message).ok()?;
    let rest = rest.strip_prefix(b"reject: ")?;
    let (r#where, rest) = split_once(rest, b" from ")?;
    let (rest, client) = nameless_client(rest).ok()?;
    let text = rest.strip_prefix(b": ")?;
    if r#where == b"CONNECT" {
        let reason = text;
        return Some(Event::PscRejectConnect(RejectConnect {
            queue_id,
            client,
            reason,
        }));
    }
    let (text, tail) = split_tail(text);
    let (code, dsn, reason) = codes(text);
    Some(Event::PscRejectRcpt(RejectRcpt {
        queue_id,
        r#where,
        client,
        code,
        dsn,
        reason,
        sender: tail.sender,
        recipient: tail.recipient,
        proto: tail.proto,
        helo: tail.helo,
    }))
}

/// Reads `{code} {dsn} {text}`.
fn codes(text: &[u8]) -> (Option<u32>, Option<&[u8]>, &[u8]) {
    let Ok((rest, code)) = small_number(text) else {
        return (None, None, text);
    };
    let Some(rest) = rest.strip_prefix(b" ") else {
        return (None, None, text);
    };
    match enhanced_code(rest) {
        Ok((reason, dsn)) => (
            Some(code),
            Some(dsn),
            reason.strip_prefix(b" ").unwrap_or(reason),
        ),
        Err(_) => (Some(code), None, rest),
    }
}

/// What stands behind the reply's text.
#[derive(Clone, Copy, Default)]
struct Tail<'a> {
    sender: Option<&'a [u8]>,
    recipient: Option<&'a [u8]>,
    proto: Option<&'a [u8]>,
    helo: Option<&'a [u8]>,
}

/// Splits at the first `; from=` behind which the tail reads well to the end of the line.
///
/// A DNSBL's own text may hold `; `; a HELO name may look like a tail but has no blank.
fn split_tail(text: &[u8]) -> (&[u8], Tail<'_>) {
    for at in find_iter(text, b"; from=") {
        let Some((reason, rest)) = text.split_at_checked(at) else {
            break;
        };
        if let Some(Ok((_, tail))) = rest.strip_prefix(b"; ").map(tail) {
            return (reason, tail);
        }
    }
    (text, Tail::default())
}

fn tail(input: &[u8]) -> Scan<'_, Tail<'_>> {
    let (rest, _) = tag("from=").parse(input)?;
    let (rest, sender) = bracketed(rest, b", to=<")?;
    let (rest, _) = tag(", to=").parse(rest)?;
    let (rest, recipient) = bracketed(rest, b", proto=")?;
    let (rest, _) = tag(", proto=").parse(rest)?;
    let (proto, rest) = split_once(rest, b", helo=").unwrap_or((rest, b""));
    if proto.iter().any(|byte| !byte.is_ascii_uppercase()) {
        return mismatch();
    }
    let helo = rest
        .strip_prefix(b"<")
        .map(|helo| helo.strip_suffix(b">").unwrap_or(helo));
    Ok((
        b"",
        Tail {
            sender: Some(sender),
            recipient: Some(recipient),
            proto: Some(proto),
            helo,
        },
    ))
}

/// Reads `<address>`, or nothing where people paste the line without the angle brackets.
fn bracketed<'a>(input: &'a [u8], end: &'static [u8]) -> Scan<'a, &'a [u8]> {
    if input.starts_with(b"<") {
        return angle(input, &[end]);
    }
    let bare_end = end.strip_suffix(b"<").unwrap_or(end);
    match crate::scan::find(input, bare_end).and_then(|at| input.split_at_checked(at)) {
        Some((address, rest)) => Ok((rest, address)),
        None => mismatch(),
    }
}

fn screening_busy(message: &[u8]) -> Option<Event<'_>> {
    let client = last_client(message.strip_prefix(b"reject: connect from ")?)?;
    Some(Event::PscScreeningBusy(ScreeningBusy { client }))
}

fn stress(message: &[u8]) -> Option<Event<'_>> {
    let (direction, rest) = split_once(message, b" STRESS mode with ")?;
    let (_, connections) = number(rest).ok()?;
    matches!(direction, b"entering" | b"leaving").then_some(Event::PscStress(Stress {
        direction,
        connections,
    }))
}

/// Splits at the last `" with "` of `"{old}" with "{new}"`.
fn replaced(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (old, new) = before_last(text.strip_prefix(b"\"")?, b"\" with \"")?;
    Some((old, new.strip_suffix(b"\"").unwrap_or(new)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(message: &str) -> RejectRcpt<'_> {
        match parse(message.as_bytes()) {
            Ok(Event::PscRejectRcpt(found)) => found,
            other => panic!("{message}: {other:?}"),
        }
    }

    #[test]
    fn the_commonest_lines_are_told_apart() {
        let kind = |message: &'static str| parse(message.as_bytes()).unwrap().kind().name();
        for (message, expected) in [
            (
                "CONNECT from [192.0.2.66]:41234 to [198.51.100.1]:25",
                "psc_connect",
            ),
            ("PASS OLD [192.0.2.66]:41234", "psc_pass_old"),
            ("PASS NEW [2001:db8::66]:41234", "psc_pass_new"),
            ("DISCONNECT [192.0.2.66]:41234", "psc_disconnect"),
        ] {
            assert_eq!(kind(message), expected, "{message}");
        }
        let line = b"CONNECT from [2001:db8::66]:unknown to [198.51.100.1]:25";
        let Ok(Event::PscConnect(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(
            (found.client.address, found.client.port),
            (&b"2001:db8::66"[..], Some(&b"unknown"[..]))
        );
        assert_eq!(found.server_address, Some(&b"198.51.100.1"[..]));
        assert_eq!(found.server_port, Some(&b"25"[..]));
        for line in [
            "PASS OLD 192.0.2.66",
            "DISCONNECT [192.0.2.66",
            "CONNECT from x",
        ] {
            assert!(parse(line.as_bytes()).is_err(), "{line}");
        }
    }

    #[test]
    fn finds_the_tail_of_a_refusal() {
        let found = rejected(
            "NOQUEUE: reject: RCPT from [192.0.2.66]:41234: 550 5.7.1 Service unavailable; client \
             [192.0.2.66] blocked using dnsbl.example.org; https://dnsbl.example.org/q; \
             from=<\"odd, to=<x>\"@example.net>, to=<bob@example.com>, proto=ESMTP, \
             helo=<x>,from=<ceo@example.com>,to=<y>",
        );
        assert_eq!((found.queue_id, found.r#where), (None, &b"RCPT"[..]));
        assert_eq!(
            (found.client.address, found.client.port),
            (&b"192.0.2.66"[..], Some(&b"41234"[..]))
        );
        assert_eq!((found.code, found.dsn), (Some(550), Some(&b"5.7.1"[..])));
        assert!(
            found
                .reason
                .ends_with(b"dnsbl.example.org; https://dnsbl.example.org/q")
        );
        assert_eq!(found.sender, Some(&b"\"odd, to=<x>\"@example.net"[..]));
        assert_eq!(found.recipient, Some(&b"bob@example.com"[..]));
        assert_eq!(found.proto, Some(&b"ESMTP"[..]));
        assert_eq!(found.helo, Some(&b"x>,from=<ceo@example.com>,to=<y"[..]));
    }

    #[test]
    fn reads_pasted_and_cut_refusals() {
        let pasted = rejected(
            "NOQUEUE: reject: RCPT from [2001:db8:20:1::XXXX:XXXX]:1: 450 4.3.2 Service currently unavailable; from=, to=, proto=SMTP, helo=",
        );
        assert_eq!(
            (pasted.sender, pasted.recipient),
            (Some(&b""[..]), Some(&b""[..]))
        );
        let cut = rejected("NOQUEUE: reject: RCPT from [192.0.2.66]:1: 450 4.3.2 Service curr");
        assert_eq!(
            (cut.code, cut.reason, cut.sender),
            (Some(450), &b"Service curr"[..], None)
        );
    }

    #[test]
    fn keeps_what_a_client_said_as_it_is() {
        let Ok(Event::PscPregreet(pregreet)) =
            parse(b"PREGREET 20 after 0.12 from [192.0.2.66]:41234: HANGUP after 1: x\\r\\n")
        else {
            panic!()
        };
        assert_eq!((pregreet.size_bytes, pregreet.delay.micros), (20, 120_000));
        assert_eq!(pregreet.text, b"HANGUP after 1: x\\r\\n");
        let Ok(Event::PscNonSmtp(command)) =
            parse(b"NON-SMTP COMMAND from [192.0.2.66]:41234 after CONNECT: after x: y")
        else {
            panic!()
        };
        assert_eq!(
            (command.r#where, command.text),
            (Some(&b"CONNECT"[..]), &b"after x: y"[..])
        );
    }

    #[test]
    fn takes_the_port_that_stands_behind_no_colon() {
        let Ok(Event::PscEhloDiscard(discard)) =
            parse(b"[2001:db8::66]41234: discarding EHLO keywords: STARTTLS CHUNKING")
        else {
            panic!()
        };
        assert_eq!(
            (discard.client.address, discard.client.port),
            (&b"2001:db8::66"[..], Some(&b"41234"[..]))
        );
    }
}

//! The delivery line: what became of one recipient in one attempt.
//!
//! smtp, lmtp, local, virtual, pipe, error and discard write it, and qmgr and cleanup too, all by
//! the same function. What the reason text says is told by [`reply`], which is asked
//! only when somebody wants to know.
//!
//! Careful: the reason is written by the remote server. It may hold `to=<…>`, `status=sent (…)` and
//! parentheses that do not match, so fields are read from the left and the reason is all that
//! follows the first `status=`.

use super::reason;
use super::reply::{self, Reply};
use super::rule::Class;
use super::{Event, Parsed};
use crate::Reason;
use crate::fields::{Field, Fields, Seconds, Visitor, event_struct};
use crate::scan::{
    Scan, angle, find, find_near, mismatch, peer, queue_id, seconds, small_number, split_once,
};

/// What became of one recipient in one attempt to deliver.
///
/// Shape: `{queue_id}: to=<{recipient}>[, orig_to=<{orig_to}>], relay={relay}[, conn_use={n}],
/// delay={delay}[, delays={a}/{b}/{c}/{d}][, tls={feature}][, dsn={dsn}], status={status}
/// ({reason})`; unknown further fields are skipped, a line that was cut is read as far as it goes.
/// Source: Postfix `src/global/log_adhoc.c`; `delays` and `dsn` since 2.3, `tls` since 3.11; samples
/// in `fixtures/lines/*/delivery.log`. Visited with the fields of [`Delivery::reply`].
/// Units: `delay` and `delays` are seconds: before the queue manager, in the queue manager,
/// connection setup, transmission.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivery<'a> {
    /// The queue id.
    pub queue_id: &'a [u8],
    /// The recipient, after aliases and rewriting; `unknown` where cleanup has none.
    pub recipient: &'a [u8],
    /// The recipient as it came, where it differs.
    pub orig_to: Option<&'a [u8]>,
    /// Where the mail was to go.
    pub relay: Relay<'a>,
    /// Which delivery this is on its connection, from the second one on.
    pub conn_use: Option<u32>,
    /// From arrival to this line.
    pub delay: Delay<'a>,
    /// The four parts of `delay`.
    pub delays: Option<Delays<'a>>,
    /// The TLS feature, e.g. `may`, `dane:encrypt`, `may:none`.
    pub tls: Option<&'a [u8]>,
    /// The enhanced status code.
    pub dsn: Option<&'a [u8]>,
    /// `sent`, `deferred`, `bounced`, `SOFTBOUNCE`, `deliverable`, `undeliverable`,
    /// `undeliverable-but-not-cached`; empty when the line was cut before it.
    pub status: &'a [u8],
    /// The text in the parentheses, in a stranger's words.
    pub reason: &'a [u8],
    /// The closing parenthesis is missing: the line was cut.
    pub truncated: bool,
}

impl<'a> Delivery<'a> {
    /// Tells what the reason text says.
    pub fn reply(&self) -> Reply<'a> {
        reply::parse(self.reason, self.origin(), self.status)
    }

    /// Names why the delivery failed, given its [`Delivery::reply`]; `None` where it did not.
    pub fn reason_class(&self, reply: &Reply<'a>) -> Option<Class<'a>> {
        match self.status {
            b"sent" | b"deliverable" | b"" => None,
            _ => Some(reason::classify(self.reason, reply, self.dsn)),
        }
    }

    fn origin(&self) -> reply::Origin {
        if self.relay.address.is_some() {
            reply::Origin::Server
        } else if self.relay.text == b"none" {
            reply::Origin::None
        } else {
            reply::Origin::Service
        }
    }

    fn new(queue_id: &'a [u8], recipient: &'a [u8]) -> Self {
        Delivery {
            queue_id,
            recipient,
            orig_to: None,
            relay: Relay::of(b""),
            conn_use: None,
            delay: Delay(b""),
            delays: None,
            tls: None,
            dsn: None,
            status: b"",
            reason: b"",
            truncated: true,
        }
    }
}

impl Fields for Delivery<'_> {
    fn visit(&self, visitor: &mut dyn Visitor) {
        visitor.text("queue_id", self.queue_id);
        visitor.text("recipient", self.recipient);
        self.orig_to.visit_as("orig_to", visitor);
        self.relay.visit_as("relay", visitor);
        self.conn_use.visit_as("conn_use", visitor);
        self.delay.visit_as("delay", visitor);
        self.delays.visit_as("delays", visitor);
        self.tls.visit_as("tls", visitor);
        self.dsn.visit_as("dsn", visitor);
        visitor.text("status", self.status);
        visitor.text("reason", self.reason);
        self.truncated
            .then_some(true)
            .visit_as("truncated", visitor);
        let reply = self.reply();
        reply.visit(visitor);
        self.reason_class(&reply).visit_as("reason", visitor);
    }
}

/// A delay, as logged; read when somebody wants to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delay<'a>(pub &'a [u8]);

impl Delay<'_> {
    /// Returns the time from arrival to the line; 0 where the line was cut before it.
    pub fn seconds(&self) -> Seconds {
        seconds(self.0).map_or(Seconds::default(), |(_, delay)| delay)
    }
}

impl Field for Delay<'_> {
    fn visit_as(&self, name: &'static str, visitor: &mut dyn Visitor) {
        self.seconds().visit_as(name, visitor);
    }
}

/// The four parts of a delay, as logged: `{a}/{b}/{c}/{d}`; read when somebody wants to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delays<'a>(pub &'a [u8]);

impl Delays<'_> {
    /// Returns the time before the queue manager, in it, for connecting, and for transmission.
    pub fn parts(&self) -> Option<[Seconds; 4]> {
        let mut parts = [Seconds::default(); 4];
        let mut texts = self.0.split(|&byte| byte == b'/');
        for part in &mut parts {
            *part = seconds(texts.next()?).ok()?.1;
        }
        Some(parts)
    }
}

impl Field for Delays<'_> {
    fn visit_as(&self, name: &'static str, visitor: &mut dyn Visitor) {
        self.parts().visit_as(name, visitor);
    }
}

/// Where a mail was to go: `mx1.example.org[203.0.113.25]:25`, `mail.example.com[private/lmtp]`, the
/// name of a service of our own (`local`, `maildrop`), or `none`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Relay<'a> {
    /// The whole value, as logged.
    pub text: &'a [u8],
    /// The host; for `none` and service names the same as `text`.
    pub host: &'a [u8],
    /// The address, or the path of a unix socket.
    pub address: Option<&'a [u8]>,
    /// The port; absent for unix sockets and in Postfix 2.2 and older.
    pub port: Option<&'a [u8]>,
}

impl<'a> Relay<'a> {
    fn of(text: &'a [u8]) -> Self {
        match peer(text) {
            Ok((b"", peer)) => Relay {
                text,
                host: peer.host,
                address: Some(peer.address),
                port: peer.port,
            },
            _ => Relay {
                text,
                host: text,
                address: None,
                port: None,
            },
        }
    }
}

impl Field for Relay<'_> {
    fn visit_as(&self, name: &'static str, visitor: &mut dyn Visitor) {
        visitor.text(name, self.text);
        if self.address.is_some() {
            visitor.text("relay_host", self.host);
        }
        self.address.visit_as("relay_address", visitor);
        self.port.visit_as("relay_port", visitor);
    }
}

event_struct! {
    /// A recipient handed to another transport (`mailbox_transport`, `fallback_transport`).
    ///
    /// Shape: `{queue_id}: passing <{recipient}> to transport={transport}`. Source: Postfix
    /// `src/global/deliver_pass.c`; since 3.6.
    pub struct Passed<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
        /// The recipient.
        pub recipient: &'a [u8],
        /// The transport that takes over.
        pub transport: &'a [u8],
    }
}

event_struct! {
    /// A bounce, trace or delay notice could not be stored: the mail stays in the queue.
    ///
    /// Shape: `{queue_id}: status=deferred ({reason})`, the only `status=` without a recipient.
    /// Source: Postfix `src/global/bounce.c`, `src/qmgr/qmgr_active.c`; since 2.3.
    pub struct BounceServiceFailed<'a> {
        /// The queue id.
        pub queue_id: &'a [u8],
        /// What failed, e.g. `bounce failed`, `delay warning failed`.
        pub reason: &'a [u8],
    }
}

event_struct! {
    /// The service that keeps a delivery's record did not answer, or was given a wrong status.
    ///
    /// Shape: `warning: {queue_id}: {service} service failure` or
    /// `warning: {service}: ignoring dsn code "{dsn}"`. Source: Postfix `src/global/bounce.c`,
    /// `defer.c`, `trace.c`, `verify.c`; since 2.3.
    pub struct ServiceWarning<'a> {
        /// The queue id, in the first shape.
        pub queue_id: Option<&'a [u8]>,
        /// `bounce`, `defer`, `trace`, `verify`, `flush`; in the second shape the function.
        pub service: &'a [u8],
        /// The code that was ignored.
        pub dsn: Option<&'a [u8]>,
        /// The text after the severity word.
        pub text: &'a [u8],
    }
}

/// Parses a delivery line.
///
/// Returns `Err(Reason("delivery"))` when the line has no queue id or no recipient.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    match queue_id(message) {
        Ok((rest, queue_id)) => parse_rest(queue_id, rest),
        Err(_) => Err(Reason("delivery")),
    }
}

/// Parses what stands behind the queue id of a delivery line.
pub(super) fn parse_rest<'a>(queue_id: &'a [u8], rest: &'a [u8]) -> Parsed<'a> {
    let read = |rest: &'a [u8]| address(rest, &[b", orig_to=<", b", relay="]).ok();
    let Some((rest, recipient)) = rest.strip_prefix(b"to=").and_then(read) else {
        return Err(Reason("delivery"));
    };
    // Events are large: this one is filled in its place.
    let mut parsed = Ok(Event::Delivery(Delivery::new(queue_id, recipient)));
    if let Ok(Event::Delivery(delivery)) = &mut parsed {
        delivery.take_fields(rest);
    }
    parsed
}

/// Parses the other lines that any delivery agent can log about a queue id.
pub(super) fn parse_other(message: &[u8]) -> Option<Event<'_>> {
    if let Some(text) = message.strip_prefix(b"warning: ") {
        return service_warning(text).map(Event::DeliveryServiceWarning);
    }
    let (rest, queue_id) = queue_id(message).ok()?;
    if let Some(rest) = rest.strip_prefix(b"status=deferred (") {
        let reason = rest.strip_suffix(b")").unwrap_or(rest);
        return Some(Event::BounceServiceFailed(BounceServiceFailed {
            queue_id,
            reason,
        }));
    }
    let rest = rest.strip_prefix(b"passing ")?;
    let (transport, recipient) = address(rest, &[b" to transport="]).ok()?;
    let transport = transport.strip_prefix(b" to transport=")?;
    Some(Event::DeliveryPassed(Passed {
        queue_id,
        recipient,
        transport,
    }))
}

impl<'a> Delivery<'a> {
    /// Takes all fields behind the recipient.
    fn take_fields(&mut self, mut rest: &'a [u8]) {
        while let Some(field) = rest.strip_prefix(b", ") {
            match self.take(field) {
                Some(behind) => rest = behind,
                None => break,
            }
        }
    }

    /// Takes one field; returns what follows its value, `None` where no field stands.
    fn take(&mut self, field: &'a [u8]) -> Option<&'a [u8]> {
        let (name, text) = split_name(field)?;
        if name == b"status" {
            self.take_status(text);
            return Some(b"");
        }
        if name == b"orig_to"
            && let Ok((rest, address)) = address(text, &[b", relay="])
        {
            self.orig_to = Some(address);
            return Some(rest);
        }
        let (value, rest) = value(text);
        match name {
            b"relay" => self.relay = Relay::of(value),
            b"conn_use" => self.conn_use = small_number(value).ok().map(|(_, number)| number),
            b"delay" => self.delay = Delay(value),
            b"delays" => self.delays = Some(Delays(value)),
            b"tls" => self.tls = Some(value),
            b"dsn" => self.dsn = Some(value),
            _ => {}
        }
        Some(rest)
    }

    fn take_status(&mut self, input: &'a [u8]) {
        let Some((status, reason)) = split_once(input, b" (") else {
            self.status = input;
            return;
        };
        self.status = status;
        self.truncated = !reason.ends_with(b")");
        self.reason = reason.strip_suffix(b")").unwrap_or(reason);
    }
}

/// Reads an address, in angle brackets or (as people paste it) without.
fn address<'a>(input: &'a [u8], ends: &[&[u8]]) -> Scan<'a, &'a [u8]> {
    let Some(inside) = input.strip_prefix(b"<") else {
        return bare_address(input, ends);
    };
    if let Ok((rest, address)) = angle(input, ends) {
        let end = address.len() + further(rest, ends);
        return match (inside.get(..end), inside.get(end + 1..)) {
            (Some(address), Some(rest)) => Ok((rest, address)),
            _ => Ok((rest, address)),
        };
    }
    // An unknown field may follow, and a line may be cut inside the address.
    angle(input, &[b", "]).or(Ok((b"", inside)))
}

/// Tells how much longer an address is that holds what looks like its end: Postfix up to 3.4 logs
/// addresses without quotes. The value of a field has no `>`, so one that has is still the address.
fn further(rest: &[u8], ends: &[&[u8]]) -> usize {
    let mut length = 0;
    while let Some(tail) = rest.get(length..) {
        let (field, _) = value(tail.strip_prefix(b", ").unwrap_or(tail));
        if tail.starts_with(b", orig_to=") || find_near(field, b'>').is_none() {
            break;
        }
        let next = memchr::memchr_iter(b'>', tail).find(|at| {
            tail.get(at + 1..)
                .is_some_and(|tail| ends.iter().any(|end| tail.starts_with(end)))
        });
        match next {
            Some(at) => length += at + 1,
            None => break,
        }
    }
    length
}

fn bare_address<'a>(input: &'a [u8], ends: &[&[u8]]) -> Scan<'a, &'a [u8]> {
    let bare = |end: &&[u8]| {
        let end = end.strip_suffix(b"<").unwrap_or(end);
        find(input, end)
    };
    match ends
        .iter()
        .filter_map(bare)
        .min()
        .and_then(|end| input.split_at_checked(end))
    {
        Some((address, rest)) => Ok((rest, address)),
        None => mismatch(),
    }
}

/// Splits `{name}=` off.
fn split_name(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = input.split_at_checked(match input {
        // The commonest are known by their place.
        [b'd', b's', b'n', b'=', ..] => 3,
        [b'r', b'e', b'l', b'a', b'y', b'=', ..] | [b'd', b'e', b'l', b'a', b'y', b'=', ..] => 5,
        _ => find_near(input, b'=')?,
    })?;
    Some((name, value.get(1..)?))
}

/// Splits a value off: it ends before the next `, `.
fn value(input: &[u8]) -> (&[u8], &[u8]) {
    let mut from = 0;
    while let Some(found) = input.get(from..).and_then(|tail| find_near(tail, b',')) {
        let at = from + found;
        match input.split_at_checked(at) {
            Some((value, rest)) if rest.starts_with(b", ") => return (value, rest),
            _ => from = at + 1,
        }
    }
    (input, b"")
}

fn service_warning(text: &[u8]) -> Option<ServiceWarning<'_>> {
    if let Some((service, quoted)) = split_once(text, b": ignoring dsn code ") {
        let dsn = quoted
            .strip_prefix(b"\"")
            .map(|dsn| dsn.strip_suffix(b"\"").unwrap_or(dsn));
        return Some(ServiceWarning {
            queue_id: None,
            service,
            dsn,
            text,
        });
    }
    let (rest, queue_id) = queue_id(text).ok()?;
    let service = rest.strip_suffix(b" service failure")?;
    Some(ServiceWarning {
        queue_id: Some(queue_id),
        service,
        dsn: None,
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &str) -> Delivery<'_> {
        match parse(message.as_bytes()) {
            Ok(Event::Delivery(delivery)) => delivery,
            other => panic!("{message}: {other:?}"),
        }
    }

    #[test]
    fn reads_all_fields() {
        let found = read(
            "4Vd3Qh2sBwz1XkP9: to=<bob@example.org>, orig_to=<staff@example.com>, \
             relay=mx1.example.org[2001:db8::25]:25, conn_use=3, delay=12, delays=11/0.02/0/0.4, \
             tls=dane:encrypt, dsn=2.6.0, status=sent (250 2.6.0 <id1@example.com> Queued)",
        );
        assert_eq!(found.queue_id, b"4Vd3Qh2sBwz1XkP9");
        assert_eq!(found.recipient, b"bob@example.org");
        assert_eq!(found.orig_to, Some(&b"staff@example.com"[..]));
        assert_eq!(found.relay.host, b"mx1.example.org");
        assert_eq!(found.relay.address, Some(&b"2001:db8::25"[..]));
        assert_eq!(
            (found.relay.port, found.conn_use),
            (Some(&b"25"[..]), Some(3))
        );
        assert_eq!(found.delay.seconds().to_string(), "12");
        assert_eq!(
            found
                .delays
                .unwrap()
                .parts()
                .unwrap()
                .map(|part| part.micros),
            [11_000_000, 20_000, 0, 400_000]
        );
        assert_eq!(
            (found.tls, found.dsn),
            (Some(&b"dane:encrypt"[..]), Some(&b"2.6.0"[..]))
        );
        assert_eq!((found.status, found.truncated), (&b"sent"[..], false));
        assert_eq!(found.reason, b"250 2.6.0 <id1@example.com> Queued");
    }

    #[test]
    fn takes_the_reason_for_nothing_but_a_reason() {
        let found = read(
            "4F1A22C0D9E: to=<bob@example.org>, relay=mx1.example.org[203.0.113.25]:25, delay=1, \
             delays=0/0/0.5/0.5, dsn=5.7.1, status=bounced (host mx1.example.org[203.0.113.25] \
             said: 550 5.7.1 no, to=<evil@example.com>, status=sent (250 ok) (in reply to end of \
             DATA command))",
        );
        assert_eq!(
            (found.recipient, found.status),
            (&b"bob@example.org"[..], &b"bounced"[..])
        );
        assert_eq!(found.dsn, Some(&b"5.7.1"[..]));
        assert!(found.reason.ends_with(b"(in reply to end of DATA command)"));
    }

    #[test]
    fn keeps_recipients_whole_that_forge_the_rest() {
        let found = read(
            "4F1A22C0D9E: to=<x>, relay=evil@example.org>, relay=none, delay=1, status=sent (x)",
        );
        assert_eq!(found.recipient, b"x>, relay=evil@example.org");
        let found = read(
            "4F1A22C0D9E: to=<\"x>, relay=y (\"@example.org>, relay=none, delay=1, status=sent (x)",
        );
        assert_eq!(found.recipient, b"\"x>, relay=y (\"@example.org");
        assert_eq!(
            (found.relay.text, found.status),
            (&b"none"[..], &b"sent"[..])
        );
    }

    #[test]
    fn reads_old_pasted_and_cut_lines() {
        let old =
            read("4F1A22C0D9E: to=<a@b>, relay=mx[203.0.113.25], delay=3, status=sent (250 Ok)");
        assert_eq!((old.delays, old.dsn, old.relay.port), (None, None, None));
        assert_eq!(
            (old.relay.address, old.delay.seconds().micros),
            (Some(&b"203.0.113.25"[..]), 3_000_000)
        );
        let pasted = read("4F1A22C0D9E: to=, orig_to=, relay=local, delay=0.1, status=sent (x)");
        assert_eq!(
            (pasted.recipient, pasted.relay.text),
            (&b""[..], &b"local"[..])
        );
        let cut = read(
            "4F1A22C0D9E: to=<a@b>, relay=none, delay=3, dsn=4.4.1, status=deferred (connect t",
        );
        assert_eq!((cut.reason, cut.truncated), (&b"connect t"[..], true));
        let cut = read("4F1A22C0D9E: to=<a@b>, relay=none, del");
        assert_eq!((cut.relay.text, cut.status), (&b"none"[..], &b""[..]));
        assert_eq!(read("4F1A22C0D9E: to=<a@exam").recipient, b"a@exam");
    }

    #[test]
    fn skips_fields_that_it_does_not_know() {
        let found =
            read("4F1A22C0D9E: to=<a@b>, new=1, relay=none, x=(y), delay=3, z=, status=sent (x)");
        assert_eq!(
            (found.relay.text, found.delay.seconds().micros),
            (&b"none"[..], 3_000_000)
        );
        assert_eq!(found.reason, b"x");
    }

    #[test]
    fn reads_the_other_lines_of_an_agent() {
        let Some(Event::DeliveryPassed(passed)) =
            parse_other(b"4F1A22C0D9E: passing <\"odd name\"@example.com> to transport=virtual")
        else {
            panic!()
        };
        assert_eq!(
            (passed.recipient, passed.transport),
            (&b"\"odd name\"@example.com"[..], &b"virtual"[..])
        );
        let Some(Event::BounceServiceFailed(failed)) =
            parse_other(b"4F1A22C0D9E: status=deferred (bounce failed)")
        else {
            panic!()
        };
        assert_eq!(failed.reason, b"bounce failed");
        assert!(parse_other(b"4F1A22C0D9E: removed").is_none());
    }
}

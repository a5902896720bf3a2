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
    Scan, angle, find, find_from, find_near, find_of_four_from, mismatch, peer, queue_id, seconds,
    server_port, small_number, split_once,
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
    /// The fields between these and the status, as logged; the methods of their names read them.
    details: Details<'a>,
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
            _ => Some(reason::classify(self.reason, reply, self.dsn())),
        }
    }

    /// Tells which delivery this is on its connection, from the second one on.
    pub fn conn_use(&self) -> Option<u32> {
        let value = self.details.value(b"conn_use=")?;
        small_number(value).ok().map(|(_, count)| count)
    }

    /// Returns the time from arrival to this line; 0 where the line was cut before it.
    pub fn delay(&self) -> Seconds {
        let value = self
            .details
            .value(b"delay=")
            .and_then(|text| seconds(text).ok());
        value.map_or(Seconds::default(), |(_, delay)| delay)
    }

    /// Returns the parts of [`Delivery::delay`]: before the queue manager, in it, for connecting, and
    /// for transmission.
    pub fn delays(&self) -> Option<[Seconds; 4]> {
        let mut parts = [Seconds::default(); 4];
        let mut texts = self.details.value(b"delays=")?.split(|&byte| byte == b'/');
        for part in &mut parts {
            *part = seconds(texts.next()?).ok()?.1;
        }
        Some(parts)
    }

    /// Returns the TLS feature, e.g. `may`, `dane:encrypt`, `may:none`.
    pub fn tls(&self) -> Option<&'a [u8]> {
        self.details.value(b"tls=")
    }

    /// Returns the enhanced status code.
    pub fn dsn(&self) -> Option<&'a [u8]> {
        self.details.value(b"dsn=")
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
            details: Details(b""),
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
        self.conn_use().visit_as("conn_use", visitor);
        self.delay().visit_as("delay", visitor);
        self.delays().visit_as("delays", visitor);
        self.tls().visit_as("tls", visitor);
        self.dsn().visit_as("dsn", visitor);
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

/// The fields between relay and status, as logged: `, delay=1.2, delays=…, dsn=2.0.0`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Details<'a>(&'a [u8]);

impl<'a> Details<'a> {
    /// Returns the value of the field of this name, written with its `=`: the last one counts.
    fn value(self, name: &[u8]) -> Option<&'a [u8]> {
        let (mut rest, mut found) = (self.0, None);
        while let Some(field) = rest.strip_prefix(b", ") {
            let (piece, behind) = value(field);
            found = piece.strip_prefix(name).or(found);
            rest = behind;
        }
        found
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
    #[inline(always)]
    fn of(text: &'a [u8]) -> Self {
        match peer(text) {
            Ok((b"", peer)) => Relay {
                text,
                host: peer.host,
                address: Some(peer.address),
                port: peer.port,
            },
            _ => Relay::of_service(text),
        }
    }

    /// A relay that is no host: `none`, or a service of our own.
    #[inline(always)]
    fn of_service(text: &'a [u8]) -> Self {
        Relay {
            text,
            host: text,
            address: None,
            port: None,
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
    match usual(queue_id, rest) {
        Some(delivery) => Ok(Event::Delivery(delivery)),
        None => by_name(queue_id, rest),
    }
}

/// Parses a line in which all fields are known and stand where Postfix writes them, and no stranger's
/// text looks like one; `None` for any other, which [`by_name`] reads.
#[inline(always)]
fn usual<'a>(queue_id: &'a [u8], rest: &'a [u8]) -> Option<Delivery<'a>> {
    let (recipient, rest) = usual_address(rest.strip_prefix(b"to=<")?)?;
    let (orig_to, rest) = match rest.strip_prefix(b", orig_to=<") {
        Some(inside) => {
            let (orig_to, rest) = usual_address(inside)?;
            (Some(orig_to), rest)
        }
        None => (None, rest),
    };
    let (relay, behind) = usual_relay(rest.strip_prefix(b", relay=")?)?;
    let end = usual_end(behind)?;
    Some(Delivery {
        queue_id,
        recipient,
        orig_to,
        relay,
        details: end.details,
        status: end.status,
        reason: end.reason,
        truncated: false,
    })
}

/// What follows the relay.
struct End<'a> {
    details: Details<'a>,
    status: &'a [u8],
    reason: &'a [u8],
}

/// Reads what follows the relay. It stands alone, for with what stands before it there are more
/// values than registers.
#[inline(never)]
fn usual_end(behind: &[u8]) -> Option<End<'_>> {
    let (details, rest) = behind.split_at_checked(status_at(behind)?)?;
    let text = rest.get(STATUS.len()..)?;
    let (status, rest) = text.split_at_checked(find_from::<b' '>(text, 0)?)?;
    Some(End {
        details: Details(details),
        status,
        reason: rest.strip_prefix(b" (")?.strip_suffix(b")")?,
    })
}

const STATUS: &[u8] = b", status=";

/// Reads a relay and steps to the comma behind it.
#[inline(always)]
fn usual_relay(text: &[u8]) -> Option<(Relay<'_>, &[u8])> {
    // A field with a `>` in it would still be the address.
    let end = find_of_four_from::<b'[', b',', b'>', b' '>(text, 0)?;
    let (host, behind) = text.split_at_checked(end)?;
    let (relay, behind) = match behind.first()? {
        b'[' => {
            let close = find_of_four_from::<b']', b',', b'>', b' '>(text, end + 1)?;
            let (address, behind) = behind.get(1..)?.split_at_checked(close - end - 1)?;
            let (behind, port) = server_port(behind.strip_prefix(b"]")?);
            let relay = Relay {
                text: text.get(..text.len() - behind.len())?,
                host,
                address: Some(address),
                port,
            };
            (relay, behind)
        }
        _ => (Relay::of_service(host), behind),
    };
    behind.starts_with(b", ").then_some((relay, behind))
}

/// Finds where the status begins behind the relay: no stranger writes what stands between.
#[inline(always)]
fn status_at(text: &[u8]) -> Option<usize> {
    // Its `t` is the first one in the fields of nearly all deliveries.
    let from = match text.starts_with(b", delay=") {
        true => b", delay=".len(),
        false => 0,
    };
    let begins_at = |at: &usize| text.get(*at..).is_some_and(|rest| rest.starts_with(STATUS));
    let at = find_from::<b't'>(text, from)?.checked_sub(b", s".len());
    at.filter(begins_at).or_else(|| find(text, STATUS))
}

/// Reads an address without quotes, its opening bracket taken off.
#[inline(always)]
fn usual_address(inside: &[u8]) -> Option<(&[u8], &[u8])> {
    if inside.first() == Some(&b'"') {
        return None;
    }
    let (address, behind) = inside.split_at_checked(find_from::<b'>'>(inside, 0)?)?;
    Some((address, behind.get(1..)?))
}

/// Parses any delivery line, by the names of its fields.
#[inline(never)]
fn by_name<'a>(queue_id: &'a [u8], rest: &'a [u8]) -> Parsed<'a> {
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
    /// Takes the fields behind the recipient up to the relay, and what follows it.
    fn take_fields(&mut self, mut rest: &'a [u8]) {
        // Where the relay does not come first, what stands before it is kept too.
        let mut details = None;
        while let Some(field) = rest.strip_prefix(b", ") {
            if field.starts_with(b"status=") {
                break;
            }
            if let Some(text) = field.strip_prefix(b"orig_to=")
                && let Ok((behind, address)) = address(text, &[b", relay="])
            {
                self.orig_to = Some(address);
                rest = behind;
                continue;
            }
            let (piece, behind) = value(field);
            if let Some(relay) = piece.strip_prefix(b"relay=") {
                self.relay = Relay::of(relay);
                rest = behind;
                break;
            }
            details = details.or(Some(rest));
            rest = behind;
        }
        self.take_details(details.unwrap_or(rest), rest);
    }

    /// Takes the fields beside recipient and relay, and the status, which stands in `rest`.
    fn take_details(&mut self, details: &'a [u8], rest: &'a [u8]) {
        let before = details.len() - rest.len();
        let split = status_at(rest).and_then(|at| details.split_at_checked(before + at));
        let (details, status) = split.unwrap_or((details, b""));
        self.details = Details(details);
        if let Some(status) = status.strip_prefix(STATUS) {
            self.take_status(status);
        }
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
    use proptest::prelude::*;

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
            (found.relay.port, found.conn_use()),
            (Some(&b"25"[..]), Some(3))
        );
        assert_eq!(found.delay().to_string(), "12");
        assert_eq!(
            found.delays().unwrap().map(|part| part.micros),
            [11_000_000, 20_000, 0, 400_000]
        );
        assert_eq!(
            (found.tls(), found.dsn()),
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
        assert_eq!(found.dsn(), Some(&b"5.7.1"[..]));
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
        assert_eq!(
            (old.delays(), old.dsn(), old.relay.port),
            (None, None, None)
        );
        assert_eq!(
            (old.relay.address, old.delay().micros),
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
            (found.relay.text, found.delay().micros),
            (&b"none"[..], 3_000_000)
        );
        assert_eq!(found.reason, b"x");
    }

    /// A field that was damaged takes no other with it, and the last of two counts.
    #[test]
    fn damaged_fields_leave_the_others_whole() {
        for line in [
            "4F1A22C0D9E: to=<a@b>, relay=none, delay=3, delays0/0/0/3, dsn=4.4.1, status=deferred (x)",
            "4F1A22C0D9E: to=<a@b>, relay=none, delay=3, dsn=5.0.0, 1, dsn=4.4.1, status=deferred (x)",
        ] {
            let found = read(line);
            assert_eq!(
                (found.dsn(), found.reason),
                (Some(&b"4.4.1"[..]), &b"x"[..]),
                "{line}"
            );
            assert_eq!(found.delay().micros, 3_000_000, "{line}");
        }
    }

    #[test]
    fn fields_are_found_wherever_they_stand() {
        for line in [
            "4F1A22C0D9E: to=<a@b>, delay=3, dsn=2.0.0, relay=none, conn_use=2, status=sent (x)",
            "4F1A22C0D9E: to=<a@b>, conn_use=2, delay=3, dsn=2.0.0, status=sent (x)",
        ] {
            let found = read(line);
            assert_eq!(
                (found.conn_use(), found.delay().micros),
                (Some(2), 3_000_000),
                "{line}"
            );
            assert_eq!(
                (found.dsn(), found.status),
                (Some(&b"2.0.0"[..]), &b"sent"[..]),
                "{line}"
            );
        }
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

    /// Checks a line that is read by the places of its fields against its twin, which reads it by
    /// their names; tells whether it was.
    fn agrees(message: &[u8]) -> bool {
        let Ok((rest, queue_id)) = queue_id(message) else {
            return false;
        };
        let Some(found) = usual(queue_id, rest) else {
            return false;
        };
        let twin = by_name(queue_id, rest);
        assert_eq!(
            Ok(Event::Delivery(found)),
            twin,
            "{}",
            message.escape_ascii()
        );
        true
    }

    #[test]
    fn damaged_lines_are_read_as_their_twins() {
        let text = include_str!("../../../fixtures/lines/smtp/delivery.log");
        let lines = text.lines().filter_map(|line| line.split_once(": "));
        let mut usual = 0;
        for (_, line) in lines {
            let line = line.as_bytes();
            usual += u32::from(agrees(line));
            for at in 0..line.len() {
                agrees(&line[..at]);
                for byte in *b"\"<>,= (s" {
                    let mut damaged = line.to_vec();
                    damaged[at] = byte;
                    agrees(&damaged);
                    damaged.insert(at, line[at]);
                    agrees(&damaged);
                }
            }
        }
        assert!(usual > 10, "{usual}");
    }

    proptest! {
        #[test]
        fn lines_of_any_words_are_read_as_their_twins(
            words in proptest::collection::vec(
                proptest::sample::select(vec![
                    "<a@b.example>", "<a>b>", "a@b", "\"", ", ", ",", " ", ">", "=", "to=<",
                    ", orig_to=<", ", relay=", "mx[192.0.2.1]:25", "none", ", conn_use=2",
                    ", delay=1.2", ", delays=0/0/0/1", ", tls=may", ", dsn=2.0.0", ", status=",
                    " status=sent", "sent", " (", "250 ok", ")",
                ]),
                0..14,
            ),
            start in proptest::sample::select(vec![
                "", "a@b>, relay=", "a@b>, relay=x, delay=1, status=",
                "a@b>, orig_to=<c>, relay=x[y]:25, conn_use=2, delay=1, dsn=2.0.0, status=sent (",
            ]),
        ) {
            agrees(format!("4F1A22C0D9E: to=<{start}{}", words.concat()).as_bytes());
        }
    }
}

//! Lines of smtpd(8): sessions, transactions, refusals, SASL.
//!
//! Access-policy lines are read by [`super::access`], milter lines by [`super::milter`], TLS lines
//! by the parser of TLS; here is what smtpd says about a session and a transaction. The rarer
//! notices are in `notices`, the lines with the severity word `warning` in `warnings` and, about
//! proxies, DNS and policy servers, in `services`.

mod notices;
mod services;
mod warnings;

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_while1};

use super::access::{codes, split_tail, stage};
use super::{Client, Event, Parsed, access, milter, tls};
use crate::Reason;
use crate::fields::{Field, Visitor, event_struct};
use crate::scan::{
    client, find, find_from, find_here, find_iter, find_near, is_queue_id, queue_id,
    queue_id_or_none, rfind, split_number, split_once, to_number, without_angles,
};

pub use notices::{
    AddressFamilySkipped, CommandFilter, DsnMap, EhloDiscard, Pipelining, ReplyFilter,
    TableChanged, TlsRequiredAbort,
};
pub use services::{
    AccessConfig, DnsLookup, EhloLookup, Haproxy, PolicyConn, PostmasterNotify, ProxyFilter,
    TlsPolicy, VerifyService,
};
pub use warnings::{
    BdatError, Etrn, IllegalAddress, LongRequest, Misc, NoSpace, NonSmtpCommand, QueueFileSize,
    RateLimit, RdnsMismatch, SaslAborted, SaslFailed, WrapperDropped,
};

event_struct! {
    /// A client connected.
    ///
    /// Shape: `connect from {client}`. Source: Postfix `src/smtpd/smtpd.c`; since 2.3.
    pub struct Connect<'a> {
        /// Who connected.
        pub client: Client<'a>,
    }
}

event_struct! {
    /// A session ended.
    ///
    /// Shape: `disconnect from {client}[ {command}={ok}[/{total}]… commands={ok}[/{total}]]
    /// [ notes={notes}]`. Source: Postfix `src/smtpd/smtpd.c`; the counters since 3.0, `notes`
    /// since 3.9. Unknown further fields are ignored.
    pub struct Disconnect<'a> {
        /// Who disconnected.
        pub client: Client<'a>,
        /// The counters of the commands that were seen, and their sum.
        pub counters: Counters<'a>,
    }
}

/// All that follows the client in a `disconnect` line, as logged; empty before 3.0.
///
/// Read when somebody wants to know; visited as `commands`, `commands_ok`, `commands_total` and
/// `notes`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counters<'a>(pub &'a [u8]);

impl<'a> Counters<'a> {
    /// Tells whether there are counters; before 3.0 there are none.
    pub fn are_there(&self) -> bool {
        rfind(self.0, b"commands=").is_some()
    }

    /// Tells whether a command was accepted at least once.
    pub fn succeeded(&self, command: &[u8]) -> bool {
        Commands(self.0).get(command).is_some_and(|(ok, _)| ok > 0)
    }

    /// Tells of STARTTLS and MAIL whether they were accepted at least once; nothing is said of MAIL
    /// where there are no counters.
    pub fn starttls_and_mail(&self) -> (bool, Option<bool>) {
        let are_there = find_here(self.0, b" commands=").is_some() || self.are_there();
        let mail = are_there.then(|| self.accepted(b" mail="));
        (self.accepted(b" starttls="), mail)
    }

    /// Tells whether a command was accepted at least once; it is given with what stands around it.
    #[inline(always)]
    fn accepted(&self, mark: &[u8]) -> bool {
        let word = mark.trim_ascii_start();
        let command = word.strip_suffix(b"=").unwrap_or(word);
        // EHLO or HELO comes first in nearly all sessions.
        let Some(at) = find_here(self.0, mark) else {
            return self.0.starts_with(word) && self.succeeded(command);
        };
        match self.0.get(at + mark.len()..) {
            Some([digit @ b'0'..=b'9', b' ', ..]) if !self.0.starts_with(word) => *digit != b'0',
            _ => self.succeeded(command),
        }
    }

    /// Returns the counters of the single commands.
    pub fn commands(&self) -> Commands<'a> {
        let (at, _) = self.split();
        let commands = self.0.get(..at).unwrap_or_default();
        Commands(commands.strip_suffix(b" ").unwrap_or(commands))
    }

    /// Returns how many commands were accepted and how many there were.
    pub fn totals(&self) -> Option<(u64, u64)> {
        self.split().1.get(b"commands")
    }

    /// Returns what Postfix noted of the session, `bare_lf`.
    pub fn notes(&self) -> Option<&'a [u8]> {
        named_word(self.split().1.0, b" notes=")
    }

    /// Where the sum begins, and the sum with what follows it.
    fn split(&self) -> (usize, Commands<'a>) {
        let at = find(self.0, b"commands=").unwrap_or(self.0.len());
        (at, Commands(self.0.get(at..).unwrap_or_default()))
    }
}

impl Field for Counters<'_> {
    fn visit_as(&self, _name: &'static str, visitor: &mut dyn Visitor) {
        self.commands().visit_as("commands", visitor);
        let totals = self.totals();
        totals.map(|(ok, _)| ok).visit_as("commands_ok", visitor);
        totals
            .map(|(_, total)| total)
            .visit_as("commands_total", visitor);
        self.notes().visit_as("notes", visitor);
    }
}

/// The counters of a session's commands, as logged: `ehlo=1 rcpt=2/3 quit=1`.
///
/// A command that never failed is logged without the total.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Commands<'a>(pub &'a [u8]);

impl<'a> Commands<'a> {
    /// Iterates over the commands: name, how many were accepted, how many there were.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], u64, u64)> + use<'a> {
        self.words().filter_map(counter)
    }

    /// Returns a command's counters: how many were accepted, how many there were.
    pub fn get(&self, command: &[u8]) -> Option<(u64, u64)> {
        // The name is looked for in all words at once: two are asked for at the end of each session.
        let named = |at: usize| {
            let is_word = at == 0 || self.0.get(at - 1) == Some(&b' ');
            let word = self.0.get(at..).filter(|_| is_word)?;
            match word.strip_prefix(command)? {
                // Nearly all: a command that was given a few times, and never failed.
                [b'=', digit @ b'0'..=b'9', b' ', ..] => {
                    let count = u64::from(digit - b'0');
                    Some((count, count))
                }
                [b'=', ..] => {
                    let end = find_near(word, b' ').unwrap_or(word.len());
                    let (_, ok, total) = counter(word.get(..end)?)?;
                    Some((ok, total))
                }
                _ => None,
            }
        };
        find_iter(self.0, command).find_map(named)
    }

    fn words(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let end = find_from::<b' '>(rest, 0).unwrap_or(rest.len());
            let (word, tail) = rest.split_at_checked(end)?;
            rest = tail.strip_prefix(b" ").unwrap_or(tail);
            Some(word)
        })
    }
}

impl Field for Commands<'_> {
    fn visit_as(&self, name: &'static str, visitor: &mut dyn Visitor) {
        if !self.0.is_empty() {
            visitor.text(name, self.0);
        }
    }
}

event_struct! {
    /// A session ended early: kinds `smtpd_lost_connection`, `smtpd_timeout`,
    /// `smtpd_too_many_errors`.
    ///
    /// Shape: `[{queue_id|NOQUEUE}: ]{lost connection|timeout|too many errors} after {where}
    /// [({size_bytes} bytes)] from {client}`. Source: Postfix `src/smtpd/smtpd.c`; since 2.3, the
    /// size since 2.5, the queue id since 3.10.
    pub struct SessionError<'a> {
        /// The queue id; absent for `NOQUEUE` and before 3.10.
        pub queue_id: Option<&'a [u8]>,
        /// The last command.
        pub r#where: &'a [u8],
        /// How many bytes of content had arrived, after DATA and BDAT.
        pub size_bytes: Option<u64>,
        /// The client of the session.
        pub client: Client<'a>,
    }
}

event_struct! {
    /// A session ended because of a bare line feed.
    ///
    /// Shape: `bare <LF> received after {where} from {client}`. Source: Postfix
    /// `src/smtpd/smtpd.c`; only 3.5.23, 3.6.13, 3.7.9 and 3.8.4, later ones log a reject.
    pub struct BareLf<'a> {
        /// The last command.
        pub r#where: &'a [u8],
        /// The client of the session.
        pub client: Client<'a>,
    }
}

event_struct! {
    /// A mail transaction began; with a queue id, a queue file was made.
    ///
    /// Shape: `{queue_id|NOQUEUE}: client={client}[, sasl_method=…][, sasl_username=…]
    /// [, sasl_sender=…][, orig_queue_id=…][, orig_client=…]`. `NOQUEUE` stands there with a
    /// before-queue proxy. Source: Postfix `src/smtpd/smtpd.c`; since 2.3, `orig_…` (from
    /// XFORWARD) since 2.8.
    pub struct ClientLine<'a> {
        /// The queue id; absent for `NOQUEUE`.
        pub queue_id: Option<&'a [u8]>,
        /// Who sends the mail.
        pub client: Client<'a>,
        /// The SASL mechanism.
        pub sasl_method: Option<&'a [u8]>,
        /// The SASL login; it may hold blanks and commas.
        pub sasl_username: Option<&'a [u8]>,
        /// The `AUTH=` of MAIL, in xtext.
        pub sasl_sender: Option<&'a [u8]>,
        /// The queue id before the content filter.
        pub orig_queue_id: Option<&'a [u8]>,
        /// The client before the content filter or proxy.
        pub orig_client: Option<OrigClient<'a>>,
    }
}

/// The client before a content filter or proxy, as XFORWARD told it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OrigClient<'a> {
    /// The whole text, as logged.
    pub text: &'a [u8],
    /// The client's name.
    pub name: &'a [u8],
    /// The client's address, without brackets.
    pub address: &'a [u8],
    /// The client's port, as logged.
    pub port: Option<&'a [u8]>,
}

impl Field for OrigClient<'_> {
    fn visit_as(&self, name: &'static str, visitor: &mut dyn Visitor) {
        visitor.text(name, self.text);
        if !self.address.is_empty() {
            visitor.text("orig_client_address", self.address);
        }
    }
}

event_struct! {
    /// What the before-queue proxy answered; the line names neither a queue id nor a client.
    ///
    /// Shape: `{proxy-accept|proxy-reject}: {where}: [{code} [{dsn}]] {reply};{tail}
    /// [ sasl_username=<{sasl_username}>]`. Lines of a reply are joined by `??`; the reply may be
    /// empty. Source: Postfix `src/smtpd/smtpd_proxy.c`; since 2.7.
    pub struct ProxyResult<'a> {
        /// `proxy-accept` or `proxy-reject`.
        pub action: &'a [u8],
        /// The SMTP command or protocol stage.
        pub r#where: &'a [u8],
        /// The three-digit reply code.
        pub code: Option<u32>,
        /// The enhanced status code.
        pub dsn: Option<&'a [u8]>,
        /// The reply's text after the codes.
        pub reply: Option<&'a [u8]>,
        /// The queue id behind the proxy, from `queued as {queue_id}` in the reply.
        pub queued_as: Option<&'a [u8]>,
        /// The envelope sender.
        pub sender: Option<&'a [u8]>,
        /// The envelope recipient; the last one.
        pub recipient: Option<&'a [u8]>,
        /// `SMTP` or `ESMTP`.
        pub proto: Option<&'a [u8]>,
        /// The HELO name.
        pub helo: Option<&'a [u8]>,
        /// The SASL login, since 3.2.
        pub sasl_username: Option<&'a [u8]>,
    }
}

/// Parses a message of smtpd.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    if let Some(rest) = message.strip_prefix(b"connect from ") {
        return match client(rest) {
            Ok((b"", client)) => Ok(Event::SmtpdConnect(Connect { client })),
            _ => Err(Reason("smtpd connect")),
        };
    }
    if let Some(rest) = message.strip_prefix(b"disconnect from ") {
        return match disconnect(rest) {
            Some(event) => Ok(Event::SmtpdDisconnect(event)),
            None => Err(Reason("smtpd disconnect")),
        };
    }
    of_session(message)
}

/// Parses a line between the beginning and the end of a session.
#[inline(never)]
fn of_session(message: &[u8]) -> Parsed<'_> {
    match message.first_chunk() {
        Some(b"NO") if let Some(rest) = message.strip_prefix(b"NOQUEUE: ") => {
            return of_no_queue(message, rest);
        }
        Some(b"wa" | b"lo") => return parse_rarer(message),
        _ => {}
    }
    if let Some(connection) = tls::established(message) {
        return Ok(Event::TlsConnection(connection));
    }
    if let Ok((rest, queue_id)) = queue_id(message)
        && let Some(client) = rest.strip_prefix(b"client=")
    {
        return client_line(Some(queue_id), client);
    }
    parse_rarer(message)
}

/// Parses a line about a mail that has no queue id; `rest` is what stands behind the word that says
/// so.
#[inline(never)]
fn of_no_queue<'a>(message: &'a [u8], rest: &'a [u8]) -> Parsed<'a> {
    if let Some(client) = rest.strip_prefix(b"client=") {
        return client_line(None, client);
    }
    if let Some(rest) = rest.strip_prefix(b"reject: ")
        && let Some(reject) = access::usual_reject(None, rest)
        && !access::is_local_trouble(&reject)
    {
        return Ok(Event::SmtpdReject(reject));
    }
    if let Some(rest) = rest.strip_prefix(b"reject_warning: ")
        && let Some(reject) = access::usual_reject(None, rest)
    {
        return Ok(Event::SmtpdRejectWarning(reject));
    }
    parse_rarer(message)
}

/// Parses a line that is rarer than those of a mail that comes in.
#[inline(never)]
fn parse_rarer(message: &[u8]) -> Parsed<'_> {
    if let Some(text) = message.strip_prefix(b"warning: ") {
        return warnings::parse(text);
    }
    if let Some(rest) = message.strip_prefix(LOST_CONNECTION)
        && let Some(lost) = session_error(None, rest)
    {
        return Ok(Event::SmtpdLostConnection(lost));
    }
    if let Ok((rest, queue_id)) = queue_id_or_none(message) {
        return with_queue_id(queue_id, rest).ok_or(Reason("smtpd queue id"));
    }
    any_session_error(None, message)
        .or_else(|| proxy_result(message))
        .or_else(|| bare_lf(message))
        .or_else(|| notices::parse(message))
        .ok_or(Reason("smtpd"))
}

/// Parses a line of a shape that smtpd shares with other daemons: tables that changed, skipped
/// address families, EHLO keywords, connections to policy services, haproxy.
pub(super) fn parse_shared(message: &[u8]) -> Option<Event<'_>> {
    match message.strip_prefix(b"warning: ") {
        Some(text) => warnings::parse_shared(text),
        None => notices::parse_shared(message),
    }
}

/// Parses a warning of a shape that smtpd shares with other daemons, its severity word taken off.
pub(super) fn parse_shared_warning(text: &[u8]) -> Option<Event<'_>> {
    warnings::parse_shared(text)
}

fn with_queue_id<'a>(queue_id: Option<&'a [u8]>, rest: &'a [u8]) -> Option<Event<'a>> {
    if let Some(rest) = rest.strip_prefix(b"client=") {
        return client_line(queue_id, rest).ok();
    }
    access::parse_action(queue_id, rest)
        .or_else(|| any_session_error(queue_id, rest))
        .or_else(|| milter::parse_action(queue_id, rest))
        .or_else(|| notices::parse_with_queue_id(queue_id, rest))
}

#[inline(always)]
fn disconnect(input: &[u8]) -> Option<Disconnect<'_>> {
    let (rest, client) = client(input).ok()?;
    let counters = match rest {
        [b' ', rest @ ..] => Counters(rest),
        [] => Counters(rest),
        _ => return None,
    };
    Some(Disconnect { client, counters })
}

/// Reads `{name}={ok}[/{total}]`.
fn counter(word: &[u8]) -> Option<(&[u8], u64, u64)> {
    let (name, counts) = split_once(word, b"=")?;
    match split_once(counts, b"/") {
        Some((ok, total)) => Some((name, to_number(ok)?, to_number(total)?)),
        None => to_number(counts).map(|ok| (name, ok, ok)),
    }
}

/// Returns the word after a mark.
fn named_word<'a>(input: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    let (_, value) = split_once(input, mark)?;
    let end = memchr::memchr(b' ', value).unwrap_or(value.len());
    value.get(..end)
}

const LOST_CONNECTION: &[u8] = b"lost connection after ";

/// Makes one of the three kinds of [`SessionError`].
type Wrap<'a> = fn(SessionError<'a>) -> Event<'a>;

/// Reads why a session ended early, and where.
fn any_session_error<'a>(queue_id: Option<&'a [u8]>, text: &'a [u8]) -> Option<Event<'a>> {
    let ends: [(&[u8], Wrap<'a>); 3] = [
        (LOST_CONNECTION, Event::SmtpdLostConnection),
        (b"timeout after ", Event::SmtpdTimeout),
        (b"too many errors after ", Event::SmtpdTooManyErrors),
    ];
    let (lead, wrap) = ends.iter().find(|(lead, _)| text.starts_with(lead))?;
    session_error(queue_id, text.get(lead.len()..)?).map(wrap)
}

fn session_error<'a>(queue_id: Option<&'a [u8]>, rest: &'a [u8]) -> Option<SessionError<'a>> {
    let (stage, size_bytes, client) = after(rest)?;
    Some(SessionError {
        queue_id,
        r#where: stage,
        size_bytes,
        client,
    })
}

/// Reads `{where}[ ({bytes} bytes)] from {client}` up to the end.
#[inline(always)]
fn after(input: &[u8]) -> Option<(&[u8], Option<u64>, Client<'_>)> {
    let (rest, stage) = stage(input).ok()?;
    let (size_bytes, rest) = match rest.strip_prefix(b" (") {
        Some(size) => {
            let (size, rest) = split_number(size)?;
            (Some(size), rest.strip_prefix(b" bytes)")?)
        }
        None => (None, rest),
    };
    match client(rest.strip_prefix(b" from ")?) {
        Ok((b"", client)) => Some((stage, size_bytes, client)),
        _ => None,
    }
}

fn bare_lf(message: &[u8]) -> Option<Event<'_>> {
    let rest = message.strip_prefix(b"bare <LF> received after ")?;
    let (stage, _, client) = after(rest)?;
    Some(Event::SmtpdBareLf(BareLf {
        r#where: stage,
        client,
    }))
}

/// Parses what stands behind `client=`.
#[inline(never)]
fn client_line<'a>(queue_id: Option<&'a [u8]>, input: &'a [u8]) -> Parsed<'a> {
    let Ok((fields, client)) = client(input) else {
        return Err(Reason("smtpd queue id"));
    };
    // All in the order in which Postfix writes them, as nearly always.
    let (sasl_method, rest) = field(fields, b", sasl_method=", b"sasl_method");
    let (sasl_username, rest) = field(rest, b", sasl_username=", b"sasl_username");
    let (sasl_sender, rest) = field(rest, b", sasl_sender=", b"sasl_sender");
    let (orig_queue_id, rest) = field(rest, b", orig_queue_id=", b"orig_queue_id");
    let (orig_client, rest) = field(rest, b", orig_client=", b"orig_client");
    if !rest.is_empty() {
        return any_client_line(queue_id, client, fields);
    }
    Ok(Event::SmtpdClient(ClientLine {
        queue_id,
        client,
        sasl_method,
        sasl_username,
        sasl_sender,
        orig_queue_id,
        orig_client: orig_client.map(OrigClient::read),
    }))
}

/// Reads a field's value where the field is the next one.
#[inline(always)]
fn field<'a>(rest: &'a [u8], mark: &[u8], name: &[u8]) -> (Option<&'a [u8]>, &'a [u8]) {
    match rest.strip_prefix(mark) {
        Some(value) => {
            let (value, behind) = client_value(name, value);
            (Some(value), behind)
        }
        None => (None, rest),
    }
}

/// The same with the fields in any order, and with unknown ones.
#[inline(never)]
fn any_client_line<'a>(
    queue_id: Option<&'a [u8]>,
    client: Client<'a>,
    fields: &'a [u8],
) -> Parsed<'a> {
    let mut line = ClientLine {
        queue_id,
        client,
        sasl_method: None,
        sasl_username: None,
        sasl_sender: None,
        orig_queue_id: None,
        orig_client: None,
    };
    match line.take_fields(fields) {
        true => Ok(Event::SmtpdClient(line)),
        false => Err(Reason("smtpd queue id")),
    }
}

impl<'a> ClientLine<'a> {
    /// Takes the fields behind the client; tells whether nothing else stands there.
    fn take_fields(&mut self, mut rest: &'a [u8]) -> bool {
        while let Some(field) = rest.strip_prefix(b", ") {
            let split = find_from::<b'='>(field, 0).and_then(|at| field.split_at_checked(at));
            let Some((name, [b'=', value @ ..])) = split else {
                break;
            };
            let (value, behind) = client_value(name, value);
            match name {
                b"sasl_method" => self.sasl_method = Some(value),
                b"sasl_username" => self.sasl_username = Some(value),
                b"sasl_sender" => self.sasl_sender = Some(value),
                b"orig_queue_id" => self.orig_queue_id = Some(value),
                b"orig_client" => self.orig_client = Some(OrigClient::read(value)),
                _ => {}
            }
            rest = behind;
        }
        rest.is_empty()
    }
}

/// Splits a value of the `client=` line from the fields behind it.
///
/// A user name may hold `, ` and `=`: it ends only before a field that can follow it.
#[inline(always)]
fn client_value<'a>(name: &[u8], value: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    // Nearly all values end before the first comma, or with the line.
    let Some(comma) = find_from::<b','>(value, 0) else {
        return (value, b"");
    };
    if name != b"sasl_username"
        && let Some(split @ (_, [b',', b' ', ..])) = value.split_at_checked(comma)
    {
        return split;
    }
    any_client_value(name, value)
}

/// The same of a value that holds a comma, or that a comma without a blank follows.
#[inline(never)]
fn any_client_value<'a>(name: &[u8], value: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    let ends: &[&[u8]] = match name {
        b"sasl_username" => &[b", sasl_sender=", b", orig_queue_id=", b", orig_client="],
        _ => &[b", "],
    };
    let end = ends.iter().filter_map(|end| find(value, end)).min();
    value
        .split_at_checked(end.unwrap_or(value.len()))
        .unwrap_or((value, b""))
}

impl<'a> OrigClient<'a> {
    #[inline(always)]
    fn read(text: &'a [u8]) -> Self {
        let (name, address, port) = match client(text) {
            Ok((b"", client)) => (client.name, client.address, client.port),
            _ => (text, &b""[..], None),
        };
        OrigClient {
            text,
            name,
            address,
            port,
        }
    }
}

fn proxy_result(message: &[u8]) -> Option<Event<'_>> {
    let lead = alt((tag::<_, _, ()>("proxy-accept"), tag("proxy-reject")));
    let (rest, (action, _, stage, _)) = (lead, tag(": "), stage, tag(": ")).parse(message).ok()?;
    let (text, tail) = split_tail(rest, stage);
    let (code, dsn, reply) = codes(text);
    Some(Event::SmtpdProxyResult(ProxyResult {
        action,
        r#where: stage,
        code,
        dsn,
        reply: Some(reply).filter(|reply| !reply.is_empty()),
        queued_as: queued_as(reply),
        sender: tail.sender,
        recipient: tail.recipient,
        proto: tail.proto,
        helo: tail.helo,
        sasl_username: tail.sasl_username.map(without_angles),
    }))
}

/// Finds the queue id in a reply `… queued as {queue_id}`.
fn queued_as(reply: &[u8]) -> Option<&[u8]> {
    let (_, rest) = split_once(reply, b"queued as ")?;
    let mut word = take_while1::<_, _, ()>(|byte: u8| byte.is_ascii_alphanumeric());
    let (_, id) = word.parse(rest).ok()?;
    is_queue_id(id).then_some(id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(field: Option<&[u8]>) -> Option<&str> {
        field.map(|field| core::str::from_utf8(field).unwrap())
    }

    fn disconnected(line: &str) -> Disconnect<'_> {
        match parse(line.as_bytes()).unwrap() {
            Event::SmtpdDisconnect(event) => event,
            other => panic!("{other:?}"),
        }
    }

    fn client_line_of(line: &str) -> ClientLine<'_> {
        match parse(line.as_bytes()).unwrap() {
            Event::SmtpdClient(event) => event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn counts_the_commands_of_a_session() {
        let found = disconnected(
            "disconnect from mail.example.net[198.51.100.7] ehlo=2 starttls=1 rcpt=2/3 quit=1 commands=6/7 notes=bare_lf",
        );
        let commands = found.counters.commands();
        assert_eq!(commands, Commands(b"ehlo=2 starttls=1 rcpt=2/3 quit=1"));
        assert_eq!(found.counters.totals(), Some((6, 7)));
        assert_eq!(commands.get(b"starttls"), Some((1, 1)));
        assert_eq!(commands.get(b"rcpt"), Some((2, 3)));
        assert_eq!(commands.get(b"auth"), None);
        assert_eq!(commands.iter().count(), 4);
        for text in [
            "ehlo=1 mail=1 rcpt=0/1 commands=2/3",
            "ehlo=2 starttls=1 auth=0/1 mail=0/2 quit=1 commands=4/7 notes=bare_lf",
            "ehlo=1 xmail=1 starttls=0/1 mail=12 mail=0 commands=3",
            "starttls=10/11 mail=x mail=1 commands=1",
            "mail=1",
            "mail=0/1 rcpt=1 mail=1 commands=3",
            "starttls=1 mail=0/1 starttls=0/1 quit=1 commands=3",
            "commands=0/0",
            "",
        ] {
            let counters = Counters(text.as_bytes());
            let mail = counters.are_there().then(|| counters.succeeded(b"mail"));
            let both = (counters.succeeded(b"starttls"), mail);
            assert_eq!(counters.starttls_and_mail(), both, "{text}");
        }
        assert!(found.counters.are_there() && found.counters.succeeded(b"rcpt"));
        assert!(!found.counters.succeeded(b"auth"));
        assert_eq!(text(found.counters.notes()), Some("bare_lf"));
    }

    #[test]
    fn old_and_empty_sessions_have_no_counters() {
        let found = disconnected("disconnect from unknown[2001:db8::9]:51234");
        let counters = found.counters;
        assert_eq!(
            (counters.commands(), counters.totals()),
            (Commands(b""), None)
        );
        assert!(!counters.are_there());
        assert_eq!(text(found.client.port), Some("51234"));
        let found = disconnected("disconnect from unknown[unknown] commands=0/0");
        let counters = found.counters;
        assert_eq!(
            (counters.commands(), counters.totals()),
            (Commands(b""), Some((0, 0)))
        );
        assert!(counters.are_there());
    }

    #[test]
    fn odd_counters_are_stepped_over() {
        let odd = Commands(b"ehlo=x =1/2 rcpt=99999999999999999999 mail=1/2  quit=1 lone");
        assert_eq!(odd.iter().count(), 3);
        assert_eq!(
            (odd.get(b"mail"), odd.get(b"quit")),
            (Some((1, 2)), Some((1, 1)))
        );
    }

    #[test]
    fn a_session_error_may_have_a_queue_id_and_a_size() {
        let line = b"4F1A22C0D9E: lost connection after DATA (1410 bytes) from mail.example.net[2001:db8::7]";
        let Event::SmtpdLostConnection(found) = parse(line).unwrap() else {
            panic!()
        };
        assert_eq!(
            (text(found.queue_id), found.size_bytes),
            (Some("4F1A22C0D9E"), Some(1410))
        );
        assert_eq!(
            (found.r#where, found.client.address),
            (&b"DATA"[..], &b"2001:db8::7"[..])
        );
        let line = b"timeout after END-OF-MESSAGE from unknown[192.0.2.66]";
        let Event::SmtpdTimeout(found) = parse(line).unwrap() else {
            panic!()
        };
        assert_eq!((found.queue_id, found.size_bytes), (None, None));
        let line = b"NOQUEUE: too many errors after RCPT from unknown[192.0.2.66]";
        assert!(matches!(parse(line), Ok(Event::SmtpdTooManyErrors(_))));
    }

    #[test]
    fn a_user_name_may_hold_commas_and_names_of_fields() {
        let found = client_line_of(
            "4F1A22C0D9E: client=laptop.example.com[192.0.2.80], sasl_method=PLAIN, sasl_username=Alice A, x=y; Example, sasl_sender=a+2Bx",
        );
        assert_eq!(text(found.sasl_username), Some("Alice A, x=y; Example"));
        assert_eq!(text(found.sasl_sender), Some("a+2Bx"));
    }

    proptest! {
        /// The fields in their usual order, beside their twin.
        #[test]
        fn usual_client_lines_are_read_as_all_others_are(
            words in proptest::collection::vec(
                proptest::sample::select(vec![
                    ", sasl_method=", ", sasl_username=", ", sasl_sender=", ", orig_queue_id=",
                    ", orig_client=", ", x=", "PLAIN", "alice", "Alice A", ",", ", ", "=", "y",
                    "4F1A22C0D9E", "mail.example.net[2001:db8::7]", ":51234", "unknown",
                ]),
                0..9,
            ),
        ) {
            let fields = words.concat();
            let text = format!("laptop.example.com[192.0.2.80]{fields}");
            let (rest, client) = client(text.as_bytes()).unwrap();
            let plain = any_client_line(None, client, rest);
            prop_assert_eq!(client_line(None, text.as_bytes()), plain);
        }
    }

    #[test]
    fn the_client_before_a_filter_is_kept() {
        let found = client_line_of(
            "5A2B33D1EAF: client=localhost[127.0.0.1], orig_queue_id=4F1A22C0D9E, orig_client=mail.example.net[2001:db8::7]:51234",
        );
        assert_eq!(text(found.orig_queue_id), Some("4F1A22C0D9E"));
        let orig = found.orig_client.unwrap();
        assert_eq!(orig.text, b"mail.example.net[2001:db8::7]:51234");
        assert_eq!(
            (orig.name, orig.address),
            (&b"mail.example.net"[..], &b"2001:db8::7"[..])
        );
        assert_eq!(text(orig.port), Some("51234"));
    }

    #[test]
    fn pasted_lines_may_lack_the_address() {
        let found = client_line_of("4F1A22C0D9E: client=mail[]");
        assert_eq!(
            (found.client.name, found.client.address),
            (&b"mail"[..], &b""[..])
        );
        let found = client_line_of("NOQUEUE: client=unknown[2a00:1838:20:1::XXXX:XXXX]");
        assert_eq!(
            (found.queue_id, found.client.address),
            (None, &b"2a00:1838:20:1::XXXX:XXXX"[..])
        );
    }

    #[test]
    fn a_proxys_answer_names_the_next_queue_id() {
        let line = b"proxy-accept: END-OF-MESSAGE: 250 2.0.0 Ok: queued as 4Vd3Qh2sBwz1XkP9; from=<> to=<bob@example.com> proto=ESMTP helo=<x> sasl_username=<a b>";
        let Event::SmtpdProxyResult(found) = parse(line).unwrap() else {
            panic!()
        };
        assert_eq!((found.code, text(found.dsn)), (Some(250), Some("2.0.0")));
        assert_eq!(text(found.queued_as), Some("4Vd3Qh2sBwz1XkP9"));
        assert_eq!(
            (text(found.sender), text(found.sasl_username)),
            (Some(""), Some("a b"))
        );
        let line = b"proxy-reject: RCPT: 550-5.1.1 one??550 5.1.1 two; from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<x>";
        let Event::SmtpdProxyResult(found) = parse(line).unwrap() else {
            panic!()
        };
        assert_eq!(
            (found.code, text(found.reply)),
            (Some(550), Some("one??550 5.1.1 two"))
        );
        let line =
            b"proxy-reject: END-OF-MESSAGE: ; from=<> to=<b@example.com> proto=SMTP helo=<x>";
        let Event::SmtpdProxyResult(found) = parse(line).unwrap() else {
            panic!()
        };
        assert_eq!(
            (found.code, found.reply, found.queued_as),
            (None, None, None)
        );
    }

    #[test]
    fn what_attackers_send_stays_in_the_text() {
        let line = b"improper command pipelining after EHLO from unknown[192.0.2.66]: MAIL FROM:<a@example.net>\\r\\nRCPT from x[192.0.2.1]: y";
        let Event::SmtpdPipelining(found) = parse(line).unwrap() else {
            panic!()
        };
        assert_eq!(
            (found.r#where, found.client.address),
            (&b"EHLO"[..], &b"192.0.2.66"[..])
        );
        assert!(found.text.unwrap().ends_with(b"x[192.0.2.1]: y"));
        let line = br#"unknown[192.0.2.66]: replacing command "HELO x" with "y" with "HELO z""#;
        let Event::SmtpdCommandFilter(found) = parse(line).unwrap() else {
            panic!()
        };
        assert_eq!(found.old_command, br#"HELO x" with "y"#);
        assert_eq!(found.new_command, b"HELO z");
    }

    #[test]
    fn odd_lines_are_not_claimed() {
        for line in [
            "",
            "connect from ",
            "connect from [",
            "disconnect from x[192.0.2.1]y",
            "lost connection with mx1.example.org[203.0.113.25] while receiving the initial server greeting",
            "NOQUEUE: ",
            "warning: ",
            "4F1A22C0D9E: removed",
            "4F1A22C0D9E: uid=0 from=<root>",
        ] {
            assert!(parse(line.as_bytes()).is_err(), "{line}");
        }
    }

    #[test]
    fn a_command_is_a_whole_word() {
        let commands = Commands(b"xmail=2 mailx=5 mail=1/3 rset=0/2");
        assert_eq!(commands.get(b"mail"), Some((1, 3)));
        assert_eq!(commands.get(b"rset"), Some((0, 2)));
        assert_eq!(commands.get(b"set"), None);
        assert_eq!(Commands(b"mail=x mail=2").get(b"mail"), Some((2, 2)));
    }
}

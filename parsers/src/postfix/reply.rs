//! What a reason text says: who answered, at which stage, with which code.
//!
//! The texts are Postfix's own frame around a stranger's words. A frame counts only where it stands
//! at the beginning of the text, and `(in reply to …)` only at its end.

mod text;

use crate::fields::{Field, Fields, Visitor};
use crate::scan::{
    Peer, before_last, enhanced_code, find_no_alphanumeric_from, peer, rfind_here, split_once,
};

pub use text::Lines;
pub(super) use text::without_codes;

/// What a reason text says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reply<'a> {
    /// Which kind of reason it is.
    pub kind: ReplyKind,
    /// The host that the text names.
    pub host: Option<&'a [u8]>,
    /// The address of that host, or the path of its socket.
    pub address: Option<&'a [u8]>,
    /// The port, which only the text of a connection that failed has.
    pub port: Option<&'a [u8]>,
    /// For a suspension, the kind of the earlier reason that it repeats.
    pub earlier: Option<ReplyKind>,
    /// The three-digit code of the remote reply.
    pub code: Option<u32>,
    /// The enhanced status code of the remote reply.
    pub dsn: Option<&'a [u8]>,
    /// The words: the remote reply where there is one, else the system's error text.
    pub text: &'a [u8],
    /// How far the conversation had come.
    pub stage: Option<Stage>,
    /// The queue id at the next hop, where its reply tells it.
    pub queued_as: Option<&'a [u8]>,
    /// The queue id under which local(8) forwarded the mail.
    pub forwarded_as: Option<&'a [u8]>,
}

impl<'a> Reply<'a> {
    /// Returns the lines of the remote reply without their codes; the text is one line where no
    /// server answered.
    pub fn lines(&self) -> Lines<'a> {
        Lines::of(self.text)
    }

    /// Returns the class of the remote reply: 2, 4 or 5.
    pub fn class(&self) -> Option<u8> {
        match self.code? / 100 {
            2 => Some(2),
            4 => Some(4),
            5 => Some(5),
            _ => None,
        }
    }
}

impl Fields for Reply<'_> {
    fn visit(&self, visitor: &mut dyn Visitor) {
        visitor.text("reason_kind", self.kind.name().as_bytes());
        self.host.visit_as("remote_host", visitor);
        self.address.visit_as("remote_address", visitor);
        self.port.visit_as("remote_port", visitor);
        self.code.visit_as("reply_code", visitor);
        self.dsn.visit_as("reply_dsn", visitor);
        if self.code.is_some() {
            text::visit(self.text, "reply_text", visitor);
        }
        self.stage.map(Stage::name).visit_as("stage", visitor);
        self.queued_as.visit_as("queued_as", visitor);
        self.forwarded_as.visit_as("forwarded_as", visitor);
    }
}

/// The kinds of reason texts.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ReplyKind {
    /// The server took the mail.
    RemoteAccept,
    /// The server refused a command.
    RemoteReply,
    /// The server refused to talk at all, by its greeting or its answer to EHLO.
    RemoteGreetingRefused,
    /// The server's answer was neither 4xx nor 5xx where it should have been.
    ProtocolError,
    /// No connection.
    ConnectFailed,
    /// The server hung up.
    ConnectionLost,
    /// The server fell silent.
    ConnectionTimeout,
    /// Our own side failed while talking.
    LocalIoError,
    /// The name service failed or has no such name.
    DnsError,
    /// The domain says that it takes no mail.
    NullMx,
    /// `getaddrinfo` failed.
    HostLookup,
    /// The best MX host is this one.
    MailLoop,
    /// No primary MX host could be found.
    NoPrimary,
    /// TLS was demanded and not to be had.
    TlsRequired,
    /// REQUIRETLS was demanded and not to be had.
    Requiretls,
    /// SMTPUTF8 was needed and not offered.
    Smtputf8Required,
    /// We could not log in.
    SaslFailed,
    /// The mail is larger than the server takes.
    SizeLimit,
    /// The server spoke out of turn.
    EarlyReply,
    /// The queue file could not be read.
    QueueFile,
    /// Another text of the smtp client.
    Generic,
    /// Not tried: earlier attempts to the same place failed.
    Suspended,
    /// The text of another agent: local, virtual, pipe, error, discard, qmgr, cleanup.
    Agent,
    /// A server is named as relay, but the text has no known frame.
    Other,
}

impl ReplyKind {
    /// Returns the stable name, e.g. `remote_reply`.
    pub fn name(self) -> &'static str {
        match self {
            ReplyKind::RemoteAccept => "remote_accept",
            ReplyKind::RemoteReply => "remote_reply",
            ReplyKind::RemoteGreetingRefused => "remote_greeting_refused",
            ReplyKind::ProtocolError => "protocol_error",
            ReplyKind::ConnectFailed => "connect_failed",
            ReplyKind::ConnectionLost => "connection_lost",
            ReplyKind::ConnectionTimeout => "connection_timeout",
            ReplyKind::LocalIoError => "local_io_error",
            ReplyKind::DnsError => "dns_error",
            ReplyKind::NullMx => "null_mx",
            ReplyKind::HostLookup => "host_lookup",
            ReplyKind::MailLoop => "mail_loop",
            ReplyKind::NoPrimary => "no_primary",
            ReplyKind::TlsRequired => "tls_required",
            ReplyKind::Requiretls => "requiretls",
            ReplyKind::Smtputf8Required => "smtputf8_required",
            ReplyKind::SaslFailed => "sasl_failed",
            ReplyKind::SizeLimit => "size_limit",
            ReplyKind::EarlyReply => "early_reply",
            ReplyKind::QueueFile => "queue_file",
            ReplyKind::Generic => "generic",
            ReplyKind::Suspended => "suspended",
            ReplyKind::Agent => "agent",
            ReplyKind::Other => "other",
        }
    }
}

/// How far the conversation with a server had come.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stage {
    /// No connection yet.
    Connect,
    /// Waiting for the greeting; a refusal in answer to EHLO has the same text.
    Greeting,
    /// EHLO, HELO or LHLO.
    Helo,
    /// STARTTLS and the handshake.
    Starttls,
    /// AUTH.
    Auth,
    /// XFORWARD.
    Xforward,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA.
    Data,
    /// The message itself.
    Body,
    /// The dot: from here on the message may have been taken.
    EndOfData,
    /// RSET.
    Rset,
    /// QUIT.
    Quit,
}

impl Stage {
    /// Returns the stable name, e.g. `end_of_data`.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Connect => "connect",
            Stage::Greeting => "greeting",
            Stage::Helo => "helo",
            Stage::Starttls => "starttls",
            Stage::Auth => "auth",
            Stage::Xforward => "xforward",
            Stage::Mail => "mail",
            Stage::Rcpt => "rcpt",
            Stage::Data => "data",
            Stage::Body => "body",
            Stage::EndOfData => "end_of_data",
            Stage::Rset => "rset",
            Stage::Quit => "quit",
        }
    }

    /// Returns the coarser name of the report: connect, greeting, mail, rcpt or data.
    ///
    /// A refusal at the greeting and one in answer to EHLO have the same text in the log, so both
    /// are `greeting`; what belongs to no mail (STARTTLS, AUTH, RSET, QUIT) has none.
    pub fn contract_name(self) -> Option<&'static str> {
        match self {
            Stage::Connect => Some("connect"),
            Stage::Greeting | Stage::Helo => Some("greeting"),
            Stage::Mail => Some("mail"),
            Stage::Rcpt => Some("rcpt"),
            Stage::Data | Stage::Body | Stage::EndOfData => Some("data"),
            Stage::Starttls | Stage::Auth | Stage::Xforward | Stage::Rset | Stage::Quit => None,
        }
    }
}

/// Which texts can stand in a reason, told by the relay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    /// A server answered: `relay=host[address]:port`.
    Server,
    /// Nobody was reached: `relay=none`, or a line without relay.
    None,
    /// A service of our own: the text is an agent's, or a command's output.
    Service,
}

/// The frame of `error`(8) as the retry service around the reason of an earlier attempt.
const SUSPENDED: &[u8] = b"delivery temporarily suspended: ";

/// Tells what a reason text says.
pub(super) fn parse<'a>(reason: &'a [u8], origin: Origin, status: &[u8]) -> Reply<'a> {
    // A code and a blank: the words are a server's, and no frame of ours begins like this.
    if let [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b' ', ..] = reason
        && origin == Origin::Server
        && let Some(reply) = accept(reason, status)
    {
        return reply;
    }
    any(reason, origin, status)
}

/// Tells what a text says that is no plain answer of a server.
#[inline(never)]
fn any<'a>(reason: &'a [u8], origin: Origin, status: &[u8]) -> Reply<'a> {
    if origin == Origin::Service {
        return agent(reason);
    }
    if let Some(earlier) = reason.strip_prefix(SUSPENDED) {
        let inner = frame(earlier).unwrap_or_else(|| plain(ReplyKind::Suspended, earlier));
        return Reply {
            kind: ReplyKind::Suspended,
            earlier: Some(inner.kind).filter(|kind| *kind != ReplyKind::Suspended),
            ..inner
        };
    }
    if let Some(reply) = frame(reason) {
        return reply;
    }
    match origin {
        Origin::Server => accept(reason, status).unwrap_or_else(|| plain(ReplyKind::Other, reason)),
        _ => agent(reason),
    }
}

/// Tells whether a text is one of the smtp client's reasons.
pub(super) fn has_frame(text: &[u8]) -> bool {
    frame(text).is_some()
}

fn plain(kind: ReplyKind, text: &[u8]) -> Reply<'_> {
    Reply {
        kind,
        host: None,
        address: None,
        port: None,
        earlier: None,
        code: None,
        dsn: None,
        text,
        stage: None,
        queued_as: None,
        forwarded_as: None,
    }
}

fn agent(reason: &[u8]) -> Reply<'_> {
    let forwarded_as = reason.strip_prefix(b"forwarded as ");
    Reply {
        forwarded_as,
        ..plain(ReplyKind::Agent, reason)
    }
}

/// Reads the words of a server that took the mail.
#[inline(always)]
fn accept<'a>(reason: &'a [u8], status: &[u8]) -> Option<Reply<'a>> {
    let (code, dsn) = codes(reason);
    code?;
    Some(Reply {
        code,
        dsn,
        // A probe's answer is that to RCPT or to DATA (smtp_address_verify_target): the log is silent.
        stage: (status == b"sent").then_some(Stage::EndOfData),
        queued_as: queued_as(reason),
        ..plain(ReplyKind::RemoteAccept, reason)
    })
}

const QUEUED_AS: &[u8] = b"queued as ";

/// Reads the id in `250 2.0.0 Ok: queued as {id}`, also behind amavis's own words.
#[inline(always)]
fn queued_as(reply: &[u8]) -> Option<&[u8]> {
    let begin = rfind_here(reply, QUEUED_AS)? + QUEUED_AS.len();
    let end = find_no_alphanumeric_from(reply, begin).unwrap_or(reply.len());
    reply.get(begin..end).filter(|id| !id.is_empty())
}

/// Reads a remote reply: its code, its enhanced code, its words.
#[inline]
fn remote<'a>(kind: ReplyKind, text: &'a [u8], server: Option<Peer<'a>>) -> Reply<'a> {
    let (code, dsn) = codes(text);
    Reply {
        host: server.map(|server| server.host),
        address: server
            .map(|server| server.address)
            .filter(|address| !address.is_empty()),
        code,
        dsn,
        ..plain(kind, text)
    }
}

/// Reads the code and the enhanced code that a reply begins with.
#[inline(always)]
fn codes(text: &[u8]) -> (Option<u32>, Option<&[u8]>) {
    let [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] = text else {
        return (None, None);
    };
    let digit = |byte: &u8| u32::from(byte - b'0');
    let code = digit(a) * 100 + digit(b) * 10 + digit(c);
    match rest {
        [] => (Some(code), None),
        [b' ' | b'-', words @ ..] => {
            let dsn = enhanced_code(words).ok().map(|(_, dsn)| dsn);
            (Some(code), dsn)
        }
        _ => (None, None),
    }
}

/// Reads a text in a frame of the smtp client.
fn frame(text: &[u8]) -> Option<Reply<'_>> {
    match text.first()? {
        // A code: the words are a server's.
        b'0'..=b'9' => None,
        b'h' => text.strip_prefix(b"host ").and_then(host_frame),
        b'P' => text
            .strip_prefix(b"Protocol error: host ")
            .and_then(protocol_error),
        b'c' => connect_failed(text)
            .or_else(|| timeout(text))
            .or_else(|| fixed(text)),
        b'l' => lost(text).or_else(|| fixed(text)),
        b'S' => sasl(text).or_else(|| fixed(text)),
        b'T' => refused_tls(text).or_else(|| fixed(text)),
        _ => fixed(text),
    }
    .or_else(|| host_not_found(text))
}

/// Reads `{server} said: {reply} (in reply to {command} command)` and
/// `{server} refused to talk to me: {reply}`.
fn host_frame(text: &[u8]) -> Option<Reply<'_>> {
    let (rest, server) = peer(text).ok()?;
    if let Some(reply) = rest.strip_prefix(b" refused to talk to me: ") {
        let refused = remote(ReplyKind::RemoteGreetingRefused, reply, Some(server));
        return Some(Reply {
            stage: Some(Stage::Greeting),
            ..refused
        });
    }
    let said = rest.strip_prefix(b" said: ")?;
    let (reply, stage) = match before_last(said, b" (in reply to ") {
        Some((reply, command)) => (reply, command_stage(command)),
        None => (said, None),
    };
    Some(Reply {
        stage,
        ..remote(ReplyKind::RemoteReply, reply, Some(server))
    })
}

fn protocol_error(text: &[u8]) -> Option<Reply<'_>> {
    Some(Reply {
        kind: ReplyKind::ProtocolError,
        ..host_frame(text)?
    })
}

fn command_stage(command: &[u8]) -> Option<Stage> {
    match command.split(|&byte| byte == b' ').next()? {
        b"MAIL" => Some(Stage::Mail),
        b"RCPT" => Some(Stage::Rcpt),
        b"DATA" => Some(Stage::Data),
        b"end" => Some(Stage::EndOfData),
        b"XFORWARD" => Some(Stage::Xforward),
        b"EHLO" | b"HELO" | b"LHLO" => Some(Stage::Helo),
        b"RSET" => Some(Stage::Rset),
        b"QUIT" => Some(Stage::Quit),
        _ => None,
    }
}

fn connect_failed(text: &[u8]) -> Option<Reply<'_>> {
    let (rest, server) = peer(text.strip_prefix(b"connect to ")?).ok()?;
    Some(unconnected(server, rest.strip_prefix(b": ")?))
}

/// Makes the reply of a connection that failed.
pub(super) fn unconnected<'a>(server: Peer<'a>, error: &'a [u8]) -> Reply<'a> {
    Reply {
        stage: Some(Stage::Connect),
        ..local(ReplyKind::ConnectFailed, error, server)
    }
}

/// A text of our own about a server: an error, or what we were doing.
fn local<'a>(kind: ReplyKind, text: &'a [u8], server: Peer<'a>) -> Reply<'a> {
    Reply {
        host: Some(server.host),
        address: Some(server.address).filter(|address| !address.is_empty()),
        port: server.port,
        ..plain(kind, text)
    }
}

fn timeout(text: &[u8]) -> Option<Reply<'_>> {
    let (rest, server) = peer(text.strip_prefix(b"conversation with ")?).ok()?;
    let doing = rest.strip_prefix(b" timed out while ")?;
    Some(Reply {
        stage: doing_stage(doing),
        ..local(ReplyKind::ConnectionTimeout, doing, server)
    })
}

fn lost(text: &[u8]) -> Option<Reply<'_>> {
    if let Some(rest) = text.strip_prefix(b"local data error while talking to ") {
        let (_, server) = peer(rest).ok()?;
        return Some(local(ReplyKind::LocalIoError, b"", server));
    }
    let (rest, server) = peer(text.strip_prefix(b"lost connection with ")?).ok()?;
    let doing = rest.strip_prefix(b" while ")?;
    Some(Reply {
        stage: doing_stage(doing),
        ..local(ReplyKind::ConnectionLost, doing, server)
    })
}

/// Tells the stage from what the smtp client says it was doing.
fn doing_stage(doing: &[u8]) -> Option<Stage> {
    const DOING: &[(&[u8], Stage)] = &[
        (b"receiving the initial server greeting", Stage::Greeting),
        (b"performing the ", Stage::Helo),
        (b"receiving the STARTTLS response", Stage::Starttls),
        (b"sending XFORWARD", Stage::Xforward),
        (b"sending MAIL FROM", Stage::Mail),
        (b"sending RCPT TO", Stage::Rcpt),
        (b"sending DATA command", Stage::Data),
        (b"sending message body", Stage::Body),
        (b"sending end of data", Stage::EndOfData),
        (b"sending final RSET", Stage::Rset),
        (b"sending RSET probe", Stage::Rset),
        (b"sending QUIT", Stage::Quit),
    ];
    DOING
        .iter()
        .find(|(words, _)| doing.starts_with(words))
        .map(|(_, stage)| *stage)
}

/// Reads the texts about AUTH; with a cached failure the server has no address.
fn sasl(text: &[u8]) -> Option<Reply<'_>> {
    let rest = text.strip_prefix(b"SASL ")?;
    let rest = rest.strip_prefix(b"[CACHED] ").unwrap_or(rest);
    let rest = rest.strip_prefix(b"authentication failed")?;
    let (head, server) = split_once(rest, b"server ")?;
    let (rest, server) = server_name(server)?;
    let stage = Some(Stage::Auth);
    if let Some(reply) = rest.strip_prefix(b" said: ") {
        return Some(Reply {
            stage,
            ..remote(ReplyKind::SaslFailed, reply, Some(server))
        });
    }
    let text = rest.strip_prefix(b": ").unwrap_or(rest);
    matches!(head, b"; cannot authenticate to " | b": " | b"; ").then_some(Reply {
        stage,
        ..local(ReplyKind::SaslFailed, text, server)
    })
}

/// Reads `host[address]` or a bare host name.
fn server_name(text: &[u8]) -> Option<(&[u8], Peer<'_>)> {
    if let Ok((rest, server)) = peer(text) {
        return Some((rest, server));
    }
    let end = text
        .iter()
        .position(|byte| matches!(byte, b' ' | b':'))
        .unwrap_or(text.len());
    let (host, rest) = text.split_at_checked(end)?;
    Some((
        rest,
        Peer {
            text: host,
            host,
            address: b"",
            port: None,
        },
    ))
}

/// Reads `TLS is required, but host {server} refused to start TLS: {reply}`.
fn refused_tls(text: &[u8]) -> Option<Reply<'_>> {
    let (rest, server) = peer(text.strip_prefix(b"TLS is required, but host ")?).ok()?;
    let reply = rest.strip_prefix(b" refused to start TLS: ")?;
    let stage = Some(Stage::Starttls);
    Some(Reply {
        stage,
        ..remote(ReplyKind::TlsRequired, reply, Some(server))
    })
}

/// Texts that begin with fixed words; some name a server at their end.
fn fixed(text: &[u8]) -> Option<Reply<'_>> {
    let (_, kind) = FIXED.iter().find(|(words, _)| text.starts_with(words))?;
    if !has_right_end(*kind, text) {
        return None;
    }
    let stage = (*kind == ReplyKind::TlsRequired).then_some(Stage::Starttls);
    let server = before_last(text, b" ").and_then(|(_, last)| peer(last).ok());
    Some(match server {
        Some((b"", server)) => Reply {
            stage,
            ..local(*kind, text, server)
        },
        _ => Reply {
            stage,
            ..plain(*kind, text)
        },
    })
}

/// Texts whose first words are too common need the right last words too.
fn has_right_end(kind: ReplyKind, text: &[u8]) -> bool {
    match kind {
        ReplyKind::NullMx => {
            text.ends_with(b" does not accept mail (nullMX)")
                || text.ends_with(b" does not support SRV requests")
        }
        ReplyKind::MailLoop => text.ends_with(b" loops back to myself"),
        _ => true,
    }
}

/// Reads `{host}: host not found`, the only text whose beginning is not fixed.
fn host_not_found(text: &[u8]) -> Option<Reply<'_>> {
    let host = text.strip_suffix(b": host not found")?;
    let is_word = !host.is_empty() && memchr::memchr(b' ', host).is_none();
    is_word.then_some(Reply {
        host: Some(host),
        ..plain(ReplyKind::HostLookup, text)
    })
}

const FIXED: &[(&[u8], ReplyKind)] = &[
    (b"Host or domain name not found", ReplyKind::DnsError),
    (b"Name service error for ", ReplyKind::DnsError),
    (b"Error looking up name=", ReplyKind::DnsError),
    (b"Name server loop for ", ReplyKind::DnsError),
    (b"Domain ", ReplyKind::NullMx),
    (b"unable to look up host ", ReplyKind::HostLookup),
    (b"mail for ", ReplyKind::MailLoop),
    (b"unable to find primary relay for ", ReplyKind::NoPrimary),
    (b"TLS is required, but ", ReplyKind::TlsRequired),
    (b"Cannot start TLS: ", ReplyKind::TlsRequired),
    (b"Server certificate not ", ReplyKind::TlsRequired),
    (b"client TLS configuration problem", ReplyKind::TlsRequired),
    (b"TLSA lookup error for ", ReplyKind::TlsRequired),
    (b"TLSA records unusable", ReplyKind::TlsRequired),
    (b"no TLSA records found", ReplyKind::TlsRequired),
    (b"non DNSSEC destination", ReplyKind::TlsRequired),
    (
        b"Verification not possible, MX RRset is insecure",
        ReplyKind::TlsRequired,
    ),
    (b"Sender requested REQUIRETLS, but ", ReplyKind::Requiretls),
    (b"SMTPUTF8 is required, but ", ReplyKind::Smtputf8Required),
    (
        b"message requires SMTPUTF8, but ",
        ReplyKind::Smtputf8Required,
    ),
    (b"message size ", ReplyKind::SizeLimit),
    (b"unexpected server message", ReplyKind::EarlyReply),
    (b"unreadable mail queue entry", ReplyKind::QueueFile),
    (
        b"server unavailable or unable to receive mail",
        ReplyKind::Generic,
    ),
    (b"network address conversion failed: ", ReplyKind::Generic),
    (b"server configuration error", ReplyKind::Generic),
    (b"all network protocols are disabled", ReplyKind::Generic),
    (b"Temporary lookup error", ReplyKind::Generic),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Kind, code, enhanced code, stage and address of a text of a server.
    fn told(
        reason: &str,
    ) -> (
        &'static str,
        Option<u32>,
        Option<&str>,
        Option<&'static str>,
        Option<&str>,
    ) {
        let reply = parse(reason.as_bytes(), Origin::Server, b"bounced");
        (
            reply.kind.name(),
            reply.code,
            reply.dsn.map(|dsn| core::str::from_utf8(dsn).unwrap()),
            reply.stage.map(Stage::name),
            reply
                .address
                .map(|address| core::str::from_utf8(address).unwrap()),
        )
    }

    #[test]
    fn tells_frames_stages_and_codes() {
        let server = Some("203.0.113.25");
        for (reason, expected) in [
            (
                "host mx1.example.org[203.0.113.25] said: 550-5.7.1 one 550 5.7.1 two (in reply to end of DATA command)",
                (
                    "remote_reply",
                    Some(550),
                    Some("5.7.1"),
                    Some("end_of_data"),
                    server,
                ),
            ),
            (
                "host mx1.example.org[203.0.113.25] said: 450 wait (in reply to DATA command) (in reply to RCPT TO command)",
                ("remote_reply", Some(450), None, Some("rcpt"), server),
            ),
            (
                "host mx1.example.org[203.0.113.25] refused to talk to me: 421 4.7.0 try later",
                (
                    "remote_greeting_refused",
                    Some(421),
                    Some("4.7.0"),
                    Some("greeting"),
                    server,
                ),
            ),
            (
                "Protocol error: host mx1.example.org[203.0.113.25] said: 299 x (in reply to RCPT TO command)",
                ("protocol_error", Some(299), None, Some("rcpt"), server),
            ),
            (
                "connect to mx1.example.org[2001:db8::25]:25: Connection refused",
                (
                    "connect_failed",
                    None,
                    None,
                    Some("connect"),
                    Some("2001:db8::25"),
                ),
            ),
            (
                "lost connection with mx1.example.org[203.0.113.25] while sending end of data -- message may be sent more than once",
                ("connection_lost", None, None, Some("end_of_data"), server),
            ),
            (
                "conversation with mail.example.com[/run/lmtp.sock] timed out while performing the LHLO handshake",
                (
                    "connection_timeout",
                    None,
                    None,
                    Some("helo"),
                    Some("/run/lmtp.sock"),
                ),
            ),
            (
                "TLS is required, but host mx1.example.org[203.0.113.25] refused to start TLS: 454 4.7.0 no",
                (
                    "tls_required",
                    Some(454),
                    Some("4.7.0"),
                    Some("starttls"),
                    server,
                ),
            ),
            (
                "SASL [CACHED] authentication failed; server mx1.example.org said: 535 5.7.8 no",
                ("sasl_failed", Some(535), Some("5.7.8"), Some("auth"), None),
            ),
            (
                "message size 31457280 exceeds size limit 10485760 of server mx1.example.org[203.0.113.25]",
                ("size_limit", None, None, None, server),
            ),
            (
                "mail for example.org loops back to myself",
                ("mail_loop", None, None, None, None),
            ),
            (
                "mail for example.org is late",
                ("other", None, None, None, None),
            ),
            (
                "Domain example.org does not accept mail (nullMX)",
                ("null_mx", None, None, None, None),
            ),
            (
                "nx.example.org: host not found",
                ("host_lookup", None, None, None, None),
            ),
        ] {
            assert_eq!(told(reason), expected, "{reason}");
        }
    }

    /// The name may begin like any of the texts with a frame.
    #[test]
    fn a_host_that_is_not_found_may_have_any_name() {
        for first in (b'0'..=b'9').chain(b'A'..=b'Z').chain(b'a'..=b'z') {
            let host = format!("{}otmail.example", char::from(first));
            let reason = format!("{host}: host not found");
            for origin in [Origin::None, Origin::Server] {
                let reply = parse(reason.as_bytes(), origin, b"bounced");
                assert_eq!(reply.kind, ReplyKind::HostLookup, "{reason}");
                assert_eq!(reply.host, Some(host.as_bytes()), "{reason}");
            }
        }
    }

    #[test]
    fn looks_through_a_suspension() {
        let reason = b"delivery temporarily suspended: host mx1.example.org[203.0.113.25] refused to talk to me: 421 4.7.0 later";
        let reply = parse(reason, Origin::None, b"deferred");
        assert_eq!((reply.kind, reply.code), (ReplyKind::Suspended, Some(421)));
        assert_eq!(reply.stage, Some(Stage::Greeting));
    }

    #[test]
    fn finds_the_id_at_the_next_hop() {
        let id = |reason: &'static str| parse(reason.as_bytes(), Origin::Server, b"sent").queued_as;
        for behind in [
            "",
            ")",
            "; 17 recipients, all of them",
            " (kept by the filter for a while)",
        ] {
            let reason = format!("250 2.0.0 Ok: queued as 4F1A22C0D9E{behind}");
            let reply = parse(reason.as_bytes(), Origin::Server, b"sent");
            assert_eq!(reply.queued_as, Some(&b"4F1A22C0D9E"[..]), "{reason}");
        }
        assert_eq!(
            id("250 2.0.0 Ok: queued as 5A2B33D1EAF"),
            Some(&b"5A2B33D1EAF"[..])
        );
        assert_eq!(
            id(
                "250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 4Vd3Rk5fLgz1XkQB"
            ),
            Some(&b"4Vd3Rk5fLgz1XkQB"[..])
        );
        assert_eq!(
            id("250-2.0.0 scanned 250 2.0.0 Ok: queued as 5A2B33D1EAF"),
            Some(&b"5A2B33D1EAF"[..])
        );
        assert_eq!(
            id("250 2.6.0 <id1@example.com> Queued mail for delivery"),
            None
        );
        assert_eq!(id("250 2.0.0 Ok: queued as "), None);
    }

    #[test]
    fn believes_an_agent_about_nothing_but_forwarding() {
        let forwarded = parse(b"forwarded as 5A2B33D1EAF", Origin::Service, b"sent");
        assert_eq!(forwarded.forwarded_as, Some(&b"5A2B33D1EAF"[..]));
        let output =
            b"host mx1.example.org[203.0.113.25] said: 550 no (in reply to RCPT TO command)";
        let reply = parse(output, Origin::Service, b"bounced");
        assert_eq!(
            (reply.kind, reply.code, reply.stage),
            (ReplyKind::Agent, None, None)
        );
    }

    #[test]
    fn an_accepted_mail_cannot_forge_a_frame() {
        let reply = parse(
            b"250 connect to mx9[203.0.113.9]:25: no",
            Origin::Server,
            b"sent",
        );
        assert_eq!(
            (reply.kind, reply.stage),
            (ReplyKind::RemoteAccept, Some(Stage::EndOfData))
        );
        assert_eq!((reply.class(), reply.address), (Some(2), None));
    }

    #[test]
    fn names_stages_as_the_report_does() {
        assert_eq!(Stage::Helo.contract_name(), Some("greeting"));
        assert_eq!(Stage::Body.contract_name(), Some("data"));
        assert_eq!(Stage::Auth.contract_name(), None);
    }
}

//! Postfix's lines.

use libfuzzer_sys::arbitrary::{Result, Unstructured};

use super::{Writer, Written};
use crate::grammar::{self, letters, maybe, one_of};

/// The commands that smtpd counts, in its order.
const COMMANDS: [&str; 8] = [
    "ehlo", "starttls", "auth", "mail", "rcpt", "data", "unknown", "quit",
];

/// The delivery line of `src/global/log_adhoc.c`, with a field between that nobody knows yet.
pub(super) fn delivery(u: &mut Unstructured<'_>) -> Result<Written> {
    let daemon = *u.choose(&[
        "smtp", "lmtp", "local", "virtual", "pipe", "error", "discard",
    ])?;
    let mut line = Writer::default();
    line.field("queue_id", &grammar::queue_id(u)?).put(": to=<");
    line.field("recipient", &grammar::address(u)?).put(">");
    let orig_to = maybe(u, grammar::address)?;
    line.optional(", orig_to=<", "orig_to", orig_to.as_deref(), ">")
        .put(", relay=");
    relay(u, &mut line)?;
    let conn_use = maybe(u, |u| Ok(u.int_in_range(2..=u32::MAX)?.to_string()))?;
    line.optional(
        ", conn_use=",
        "conn_use",
        conn_use.as_ref().map(String::as_bytes),
        "",
    );
    line.put(", delay=")
        .field("delay", grammar::seconds(u)?.as_bytes());
    let delays = maybe(u, delays)?;
    line.optional(
        ", delays=",
        "delays",
        delays.as_ref().map(String::as_bytes),
        "",
    );
    let tls = maybe(u, |u| {
        one_of(
            u,
            &[
                "none",
                "may",
                "may:none",
                "dane:encrypt",
                "verify?/!requiretls:policy",
            ],
        )
    })?;
    line.optional(", tls=", "tls", tls.as_deref(), "");
    if u.ratio(1, 8)? {
        line.put(", novelty=")
            .put(&u.arbitrary::<u16>()?.to_string());
    }
    let (class, status) = *u.choose(&[
        (2, "sent"),
        (4, "deferred"),
        (5, "bounced"),
        (4, "SOFTBOUNCE"),
        (2, "deliverable"),
        (5, "undeliverable"),
    ])?;
    let dsn = maybe(u, |u| grammar::dsn(u, class))?;
    line.optional(", dsn=", "dsn", dsn.as_deref(), "")
        .put(", status=");
    line.field("status", status.as_bytes()).put(" (");
    line.field("reason", &grammar::text(u, 200)?)
        .put(")")
        .absent("truncated");
    Ok(line.into_line(&tag(u, daemon)?, "delivery"))
}

fn relay(u: &mut Unstructured<'_>, line: &mut Writer) -> Result<()> {
    if u.ratio(1, 3)? {
        line.field(
            "relay",
            &one_of(u, &["none", "local", "virtual", "maildrop", "dovecot"])?,
        );
        line.absent("relay_host")
            .absent("relay_address")
            .absent("relay_port");
        return Ok(());
    }
    let (host, socket) = (grammar::host(u)?, u.ratio(1, 4)?);
    let address = if socket {
        b"private/lmtp".to_vec()
    } else {
        grammar::ip(u)?
    };
    let port = (!socket).then_some(u.arbitrary::<u16>()?.to_string());
    let mut whole = [&host[..], b"[", &address, b"]"].concat();
    line.expect("relay_host", &host)
        .expect("relay_address", &address);
    match port {
        Some(port) => {
            whole.extend(format!(":{port}").bytes());
            line.expect("relay_port", port.as_bytes());
        }
        None => {
            line.absent("relay_port");
        }
    }
    line.field("relay", &whole);
    Ok(())
}

fn delays(u: &mut Unstructured<'_>) -> Result<String> {
    let parts: Result<Vec<String>> = (0..4).map(|_| grammar::seconds(u)).collect();
    Ok(parts?.join("/"))
}

/// The refusal of `log_whatsup` in `src/smtpd/smtpd_check.c`.
pub(super) fn reject(u: &mut Unstructured<'_>) -> Result<Written> {
    let mut line = Writer::default();
    queue_id_or_none(u, &mut line)?;
    let (action, kind) = *u.choose(&[
        ("reject", "smtpd_reject"),
        ("reject_warning", "smtpd_reject_warning"),
    ])?;
    line.put(action).put(": ");
    let stages = [
        "CONNECT",
        "MAIL",
        "RCPT",
        "DATA",
        "DATA content",
        "BDAT",
        "VRFY",
        "ETRN",
        "END-OF-MESSAGE",
    ];
    line.field("where", &one_of(u, &stages)?).put(" from ");
    client(u, &mut line)?;
    let code = u.int_in_range(400..=599u16)?;
    line.put(": ")
        .field("code", code.to_string().as_bytes())
        .put(" ");
    let class = if code < 500 { 4 } else { 5 };
    line.field("dsn", &grammar::dsn(u, class)?).put(" ");
    line.field("reason", &foreign_text(u)?).put(";");
    let sender = maybe(u, grammar::sender)?;
    line.optional(" from=<", "sender", sender.as_deref(), ">");
    let recipient = maybe(u, grammar::address)?;
    line.optional(" to=<", "recipient", recipient.as_deref(), ">");
    line.put(" proto=")
        .field("proto", &one_of(u, &["SMTP", "ESMTP"])?);
    let helo = maybe(u, helo)?;
    line.optional(" helo=<", "helo", helo.as_deref(), ">");
    let login = maybe(u, |u| letters(u, grammar::WORD, 1, 16))?;
    line.optional(" sasl_username=", "sasl_username", login.as_deref(), "");
    Ok(line.into_line(&tag(u, "smtpd")?, kind))
}

/// A rule's or a blocklist's text. A quoted string that is open where the tail begins could be
/// read as part of an address, so there is no `<"` in it; nor does it say that we failed ourselves.
fn foreign_text(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let text = grammar::text(u, 120)?;
    let text: Vec<u8> = text.into_iter().filter(|byte| *byte != b'"').collect();
    let is_own = text.ends_with(b" Server local data error");
    Ok(if is_own {
        b"Access denied".to_vec()
    } else {
        text
    })
}

/// A HELO name after `neuter(helo, "<>()\\\";:@", '?')` and `printable`.
fn helo(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let text = grammar::text(u, 30)?;
    Ok(text
        .into_iter()
        .map(|byte| {
            if b"<>()\\\";:@".contains(&byte) {
                b'?'
            } else {
                byte
            }
        })
        .collect())
}

/// `connect from {client}`
pub(super) fn connect(u: &mut Unstructured<'_>) -> Result<Written> {
    let mut line = Writer::default();
    line.put("connect from ");
    client(u, &mut line)?;
    Ok(line.into_line(&tag(u, "smtpd")?, "smtpd_connect"))
}

/// `disconnect from {client} {command}={ok}[/{total}]… commands={ok}[/{total}]`
pub(super) fn disconnect(u: &mut Unstructured<'_>) -> Result<Written> {
    let mut line = Writer::default();
    line.put("disconnect from ");
    client(u, &mut line)?;
    let (mut accepted, mut total, mut counters) = (0u64, 0u64, Vec::new());
    for command in COMMANDS {
        let (ok, failed) = (
            u64::from(u.arbitrary::<u16>()?),
            u64::from(u.arbitrary::<u8>()?),
        );
        if ok + failed > 0 {
            counters.push(format!("{command}={}", fraction(ok, ok + failed)));
        }
        (accepted, total) = (accepted + ok, total + ok + failed);
    }
    if counters.is_empty() {
        line.absent("commands")
            .absent("commands_ok")
            .absent("commands_total");
    } else {
        line.put(" ")
            .field("commands", counters.join(" ").as_bytes());
        line.put(" commands=").put(&fraction(accepted, total));
        line.expect("commands_ok", accepted.to_string().as_bytes());
        line.expect("commands_total", total.to_string().as_bytes());
    }
    Ok(line.into_line(&tag(u, "smtpd")?, "smtpd_disconnect"))
}

fn fraction(ok: u64, total: u64) -> String {
    if ok == total {
        ok.to_string()
    } else {
        format!("{ok}/{total}")
    }
}

/// `{queue_id}: client={client}[, sasl_method=…][, sasl_username=…][, orig_queue_id=…][, orig_client=…]`
pub(super) fn client_line(u: &mut Unstructured<'_>) -> Result<Written> {
    let mut line = Writer::default();
    queue_id_or_none(u, &mut line)?;
    line.put("client=");
    client(u, &mut line)?;
    let method = maybe(u, |u| one_of(u, &["PLAIN", "LOGIN", "XOAUTH2"]))?;
    line.optional(", sasl_method=", "sasl_method", method.as_deref(), "");
    let login = maybe(u, |u| grammar::text(u, 30))?.map(|login| {
        login
            .into_iter()
            .filter(|byte| *byte != b'=')
            .collect::<Vec<u8>>()
    });
    line.optional(", sasl_username=", "sasl_username", login.as_deref(), "");
    let id = maybe(u, grammar::queue_id)?;
    line.optional(", orig_queue_id=", "orig_queue_id", id.as_deref(), "");
    Ok(line.into_line(&tag(u, "smtpd")?, "smtpd_client"))
}

/// `[{queue_id|NOQUEUE}: ]lost connection after {where}[ ({bytes} bytes)] from {client}`
pub(super) fn session_error(u: &mut Unstructured<'_>) -> Result<Written> {
    let mut line = Writer::default();
    if u.arbitrary()? {
        queue_id_or_none(u, &mut line)?;
    } else {
        line.absent("queue_id");
    }
    let (text, kind) = *u.choose(&[
        ("lost connection", "smtpd_lost_connection"),
        ("timeout", "smtpd_timeout"),
        ("too many errors", "smtpd_too_many_errors"),
    ])?;
    line.put(text).put(" after ");
    line.field(
        "where",
        &one_of(
            u,
            &["CONNECT", "EHLO", "AUTH", "RCPT", "DATA", "END-OF-MESSAGE"],
        )?,
    );
    let size = maybe(u, |u| Ok(u.arbitrary::<u64>()?.to_string()))?;
    line.optional(
        " (",
        "size_bytes",
        size.as_ref().map(String::as_bytes),
        " bytes)",
    )
    .put(" from ");
    client(u, &mut line)?;
    Ok(line.into_line(&tag(u, "smtpd")?, kind))
}

/// `{queue_id}: from=<…>, size=…, nrcpt=… (queue active)`
pub(super) fn queue_active(u: &mut Unstructured<'_>) -> Result<Written> {
    let mut line = Writer::default();
    line.field("queue_id", &grammar::queue_id(u)?)
        .put(": from=<");
    line.field("sender", &grammar::sender(u)?).put(">, size=");
    line.field("size_bytes", u.arbitrary::<u64>()?.to_string().as_bytes())
        .put(", nrcpt=");
    line.field("nrcpt", u.arbitrary::<u32>()?.to_string().as_bytes())
        .put(" (queue ");
    line.field("queue_name", b"active").put(")");
    Ok(line.into_line(&tag(u, "qmgr")?, "qmgr_active"))
}

/// `{queue_id}: from=<…>, status={expired|force-expired}, returned to sender`
pub(super) fn expired(u: &mut Unstructured<'_>) -> Result<Written> {
    let mut line = Writer::default();
    line.field("queue_id", &grammar::queue_id(u)?)
        .put(": from=<");
    line.field("sender", &grammar::sender(u)?).put(">, status=");
    line.field("status", &one_of(u, &["expired", "force-expired"])?)
        .put(", returned to sender");
    Ok(line.into_line(&tag(u, "qmgr")?, "qmgr_expired"))
}

/// `{queue_id}: message-id=<…>`; the header is a stranger's.
pub(super) fn message_id(u: &mut Unstructured<'_>) -> Result<Written> {
    let mut line = Writer::default();
    line.field("queue_id", &grammar::queue_id(u)?)
        .put(": message-id=");
    line.field("message_id", &grammar::text(u, 80)?);
    Ok(line.into_line(&tag(u, "cleanup")?, "cleanup_message_id"))
}

/// `{queue_id}: uid=… from=<…>`
pub(super) fn pickup(u: &mut Unstructured<'_>) -> Result<Written> {
    let mut line = Writer::default();
    line.field("queue_id", &grammar::queue_id(u)?).put(": uid=");
    line.field("uid", u.arbitrary::<u32>()?.to_string().as_bytes())
        .put(" from=<");
    line.field("sender", &grammar::sender(u)?).put(">");
    Ok(line.into_line(&tag(u, "pickup")?, "pickup"))
}

/// `{Trust} TLS connection established {from|to} {peer}: {protocol} with cipher {name} ({n}/{n} bits)`
pub(super) fn tls(u: &mut Unstructured<'_>) -> Result<Written> {
    let mut line = Writer::default();
    let (text, trust) = *u.choose(&[
        ("Anonymous", "anonymous"),
        ("Untrusted", "untrusted"),
        ("Trusted", "trusted"),
        ("Verified", "verified"),
    ])?;
    let (daemon, from, direction) =
        *u.choose(&[("smtpd", "from", "inbound"), ("smtp", "to", "outbound")])?;
    line.put(text)
        .expect("trust", trust.as_bytes())
        .expect("direction", direction.as_bytes());
    line.put(" TLS connection established ").put(from).put(" ");
    line.field("host", &grammar::host(u)?)
        .put("[")
        .field("address", &grammar::ip(u)?)
        .put("]");
    if daemon == "smtp" {
        line.put(":")
            .field("port", u.arbitrary::<u16>()?.to_string().as_bytes());
    }
    line.put(": ")
        .field("protocol", &one_of(u, &["TLSv1", "TLSv1.2", "TLSv1.3"])?)
        .put(" with cipher ");
    line.field("cipher", &letters(u, b"ABCDEFGHIJ0123456789_-", 1, 30)?)
        .put(" (");
    line.field("used_bits", u.arbitrary::<u16>()?.to_string().as_bytes())
        .put("/");
    line.field(
        "algorithm_bits",
        u.arbitrary::<u16>()?.to_string().as_bytes(),
    )
    .put(" bits)");
    Ok(line.into_line(&tag(u, daemon)?, "tls_connection"))
}

/// `warning: {client}: SASL {method} authentication failed: {reason}[, sasl_username={name}]`
pub(super) fn sasl_failed(u: &mut Unstructured<'_>) -> Result<Written> {
    let mut line = Writer::default();
    line.put("warning: ");
    client(u, &mut line)?;
    line.put(": SASL ").field(
        "sasl_method",
        &one_of(u, &["PLAIN", "LOGIN", "DIGEST-MD5"])?,
    );
    line.put(" authentication failed: ");
    let reasons = [
        "authentication failure",
        "(reason unavailable)",
        "UGFzc3dvcmQ6",
        "Connection lost to authentication server",
    ];
    line.field("reason", &one_of(u, &reasons)?);
    let login = maybe(u, |u| letters(u, grammar::WORD, 1, 16))?;
    line.optional(", sasl_username=", "sasl_username", login.as_deref(), "");
    Ok(line.into_line(&tag(u, "smtpd")?, "sasl_auth_failed"))
}

/// `CONNECT from [{address}]:{port} to [{address}]:{port}`
pub(super) fn postscreen_connect(u: &mut Unstructured<'_>) -> Result<Written> {
    let mut line = Writer::default();
    line.put("CONNECT from [")
        .field("client_address", &grammar::ip(u)?)
        .put("]:");
    line.field("client_port", u.arbitrary::<u16>()?.to_string().as_bytes())
        .put(" to [");
    line.field("server_address", &grammar::ip(u)?).put("]:");
    line.field("server_port", u.arbitrary::<u16>()?.to_string().as_bytes());
    Ok(line.into_line(&tag(u, "postscreen")?, "psc_connect"))
}

fn queue_id_or_none(u: &mut Unstructured<'_>, line: &mut Writer) -> Result<()> {
    match maybe(u, grammar::queue_id)? {
        Some(id) => line.field("queue_id", &id).put(": "),
        None => line.put("NOQUEUE: ").absent("queue_id"),
    };
    Ok(())
}

/// `{name}[{address}]`, with `smtpd_client_port_logging` also the port.
fn client(u: &mut Unstructured<'_>, line: &mut Writer) -> Result<()> {
    let name = if u.ratio(1, 3)? {
        b"unknown".to_vec()
    } else {
        grammar::host(u)?
    };
    let address = if u.ratio(1, 16)? {
        b"unknown".to_vec()
    } else {
        grammar::ip(u)?
    };
    line.field("client_name", &name)
        .put("[")
        .field("client_address", &address)
        .put("]");
    let port = maybe(u, |u| Ok(u.arbitrary::<u16>()?.to_string()))?;
    line.optional(":", "client_port", port.as_ref().map(String::as_bytes), "");
    Ok(())
}

/// The tag of a daemon, of any instance and service.
fn tag(u: &mut Unstructured<'_>, daemon: &str) -> Result<String> {
    let instance = *u.choose(&["postfix", "postfix-out", "mx1"])?;
    let service = *u.choose(&["", "submissions/", "127.0.0.1:10025/", "relay/"])?;
    Ok(format!("{instance}/{service}{daemon}"))
}

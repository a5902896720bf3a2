//! Lines whose tag was cut to `postfix`: the text's shape tells the kind, and the kind the daemon.
//!
//! A stock rsyslog that writes RFC 5424 cuts `postfix/smtpd` to `postfix`. Most texts are one
//! daemon's own. Where two daemons share a text, it gets the kind of the commoner one: `DISCONNECT`
//! is postscreen's, `{queue_id}: removed` qmgr's, `connect from` smtpd's.
//!
//! Careful: the order of the daemons below decides that, and it is measured on real logs.

use super::reply::ReplyKind;
use super::{
    Event, Parsed, Peer, anvil, bounce, cleanup, delivery, dnsblog, local, master, pickup,
    postscreen, qmgr, qmqpd, queue_tools, scache, script, services, shared, smtp, smtpd, tls,
    tlsproxy,
};
use crate::scan::{contains, queue_id_or_none};
use crate::{Daemon, Reason};

/// A daemon's parser.
type Parser = for<'a> fn(&'a [u8]) -> Parsed<'a>;

/// Parses a message whose tag was cut to `postfix`.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    if let Some(event) = by_first_word(message) {
        return Ok(event);
    }
    let daemons = if let Ok((rest, _)) = queue_id_or_none(message) {
        with_queue_id(rest)
    } else if has_severity(message) {
        WITH_SEVERITY
    } else {
        PLAIN
    };
    for parse in daemons {
        if let Ok(event) = parse(message) {
            return Ok(event);
        }
    }
    shared(message).ok_or(Reason("postfix"))
}

/// Parses the texts that are both common and told by their first word.
fn by_first_word(message: &[u8]) -> Option<Event<'_>> {
    let parse: Parser = match message.first()? {
        b'c' if message.starts_with(b"connect from ") => smtpd::parse,
        b'c' if message.starts_with(b"connect to ") => smtp::parse,
        b'd' if message.starts_with(b"disconnect from ") => smtpd::parse,
        b'a' if message.starts_with(b"addr ") => dnsblog::parse,
        // Without ` to {server}` it is tlsproxy's, but for postscreen of Postfix 2.8.
        b'C' if message.starts_with(b"CONNECT ") && !names_both_ends(message) => tlsproxy::parse,
        b'A' | b'U' | b'T' | b'V' => return tls::parse(message),
        b'C' | b'D' | b'P' | b'[' => postscreen::parse,
        b's' if message.starts_with(b"statistics: max ") => anvil::parse,
        _ => return None,
    };
    parse(message).ok()
}

fn names_both_ends(message: &[u8]) -> bool {
    message.starts_with(b"CONNECT from ") && contains(message, b" to ")
}

fn has_severity(message: &[u8]) -> bool {
    let words: &[&[u8]] = &[b"warning: ", b"error: ", b"fatal: ", b"panic: "];
    words.iter().any(|word| message.starts_with(word))
}

/// The daemons that log about a mail, by the first word after its queue id.
fn with_queue_id(rest: &[u8]) -> &'static [Parser] {
    const DELIVERY: &[Parser] = &[delivery::parse];
    const QMGR: &[Parser] = &[qmgr::parse];
    const CLEANUP: &[Parser] = &[cleanup::parse];
    const SMTPD: &[Parser] = &[smtpd::parse];
    const PICKUP: &[Parser] = &[pickup::parse];
    const POSTSCREEN: &[Parser] = &[postscreen::parse, smtpd::parse];
    const OTHERS: &[Parser] = &[
        smtpd::parse,
        cleanup::parse,
        bounce::parse,
        smtp::parse,
        local::parse,
        qmgr::parse,
        queue_tools::parse_postsuper,
        qmqpd::parse,
    ];
    match rest.first() {
        Some(b't') if rest.starts_with(b"to=") => DELIVERY,
        Some(b'f') if rest.starts_with(b"from=") => QMGR,
        Some(b'm') if rest.starts_with(b"message-id=") => CLEANUP,
        Some(b'c') if rest.starts_with(b"client=") => SMTPD,
        Some(b'u') if rest.starts_with(b"uid=") => PICKUP,
        Some(b'r') if rest == b"removed" => QMGR,
        Some(b'r') if rest.starts_with(b"reject: RCPT from [") => POSTSCREEN,
        Some(b'r') if rest.starts_with(b"reject: CONNECT from [") => POSTSCREEN,
        _ => OTHERS,
    }
}

/// Daemons in the order of how common their warnings are.
///
/// smtp is asked first: a text of a server is smtp's, where smtpd's grammar takes any proxy's.
const WITH_SEVERITY: &[Parser] = &[
    smtp::parse,
    smtpd::parse,
    cleanup::parse,
    qmgr::parse,
    local::parse,
    tls_warning,
    master::parse,
    postscreen::parse,
    dnsblog::parse,
    bounce::parse,
    pickup::parse,
    postdrop,
    local::parse_virtual,
    local::parse_pipe,
    script::parse,
    services::parse_trivial_rewrite,
    services::parse_proxymap,
    tlsproxy::parse,
    tlsproxy::parse_tlsmgr,
    queue_tools::parse_postsuper,
    queue_tools::parse_postqueue,
    scache::parse_verify,
    services::parse_showq,
    services::parse_spawn,
    services::parse_flush,
    services::parse_postlogd,
    services::parse_nbdb_reindexd,
    pickup::parse_sendmail,
];

/// Daemons in the order of how common their other texts are.
const PLAIN: &[Parser] = &[
    smtpd::parse,
    smtp::parse,
    postscreen::parse,
    scache::parse,
    queue_tools::parse_postsuper,
    master::parse,
    script::parse,
    tlsproxy::parse,
    scache::parse_verify,
    tlsproxy::parse_tlsmgr,
    cleanup::parse,
    qmgr::parse,
    services::parse_nbdb_reindexd,
];

/// A queue file that could not be made is postdrop's only below `maildrop`.
fn postdrop(message: &[u8]) -> Parsed<'_> {
    let file = message.strip_prefix(b"warning: mail_queue_enter: create file ");
    match file {
        Some(file) if !file.starts_with(b"maildrop/") => Err(Reason("postdrop")),
        _ => pickup::parse_postdrop(message),
    }
}

fn tls_warning(message: &[u8]) -> Parsed<'_> {
    tls::parse(message).ok_or(Reason("tls"))
}

impl Event<'_> {
    /// Returns the daemon that logs this kind, where the kind tells it.
    ///
    /// It is for lines whose tag was cut. Kinds that several daemons log alike have none, apart from
    /// deliveries and TLS connections, where the peer tells which it is most likely.
    pub fn daemon(&self) -> Option<Daemon> {
        match self {
            Event::Delivery(delivery) => Some(delivery_agent(delivery)),
            Event::TlsConnection(connection) => {
                Some(tls_daemon(connection.direction, &connection.peer))
            }
            Event::TlsHandshakeError(error) => Some(tls_daemon(error.direction, &error.peer)),
            Event::TlsSetup(setup) => Some(tls_daemon(setup.direction, &setup.peer)),
            Event::TlsCertVerifyFailed(failed) => failed.peer.map(|peer| by_port(&peer)),
            Event::TlsPeerCert(cert) => cert.peer.map(|peer| by_port(&peer)),
            Event::MilterAction(action) if action.r#where == b"END-OF-MESSAGE" => {
                Some(Daemon::Cleanup)
            }
            Event::MilterAction(_) => Some(Daemon::Smtpd),
            Event::CacheCleanup(cleanup) => cache_owner(cleanup.table),
            _ => Event::KINDS
                .get(self.index())
                .and_then(|kind| daemon_of_kind(kind)),
        }
    }
}

/// A relay `host[address]:port` is smtp's, `host[path]` lmtp's; a service's name is mostly its own.
fn delivery_agent(delivery: &delivery::Delivery<'_>) -> Daemon {
    match delivery.relay.address {
        Some(address) if memchr::memchr(b'/', address).is_some() => return Daemon::Lmtp,
        Some(_) => return Daemon::Smtp,
        None => {}
    }
    match delivery.relay.text {
        b"none" => none_agent(delivery),
        b"local" => Daemon::Local,
        b"virtual" => Daemon::Virtual,
        b"lmtp" => Daemon::Lmtp,
        // local, virtual and pipe may run under other names, pipe always does.
        _ => Daemon::Pipe,
    }
}

/// With `relay=none` the text tells: a host that could not be reached is smtp's.
fn none_agent(delivery: &delivery::Delivery<'_>) -> Daemon {
    let reply = delivery.reply();
    let is_path = reply
        .address
        .is_some_and(|address| memchr::memchr(b'/', address).is_some());
    match (reply.kind, delivery.status) {
        (ReplyKind::Suspended, _) => Daemon::Error,
        _ if is_path => Daemon::Lmtp,
        (ReplyKind::Agent, b"sent") => Daemon::Discard,
        (ReplyKind::Agent, _) => Daemon::Error,
        _ => Daemon::Smtp,
    }
}

/// tlsproxy's clients have no name; all else that comes in is smtpd's, and what goes out smtp's.
fn tls_daemon(direction: tls::Direction, peer: &Peer<'_>) -> Daemon {
    match direction {
        tls::Direction::Inbound if peer.host.is_empty() => Daemon::Tlsproxy,
        tls::Direction::Inbound => Daemon::Smtpd,
        tls::Direction::Outbound => Daemon::Smtp,
    }
}

/// Servers are logged with their port, clients without (but for `smtpd_client_port_logging`).
fn by_port(peer: &Peer<'_>) -> Daemon {
    match peer.port {
        Some(_) => Daemon::Smtp,
        None => Daemon::Smtpd,
    }
}

/// The caches have the names of their owners, unless the site changed them.
fn cache_owner(table: &[u8]) -> Option<Daemon> {
    let names: &[(&[u8], Daemon)] = &[
        (b"postscreen", Daemon::Postscreen),
        (b"verify", Daemon::Verify),
    ];
    let owner = names.iter().find(|(name, _)| contains(table, name));
    owner.map(|(_, daemon)| *daemon)
}

/// Tells the daemon by the kind's name.
fn daemon_of_kind(kind: &str) -> Option<Daemon> {
    let by_prefix = [
        ("psc_", Daemon::Postscreen),
        ("cleanup_", Daemon::Cleanup),
        ("qmgr_", Daemon::Qmgr),
        ("qmqpd_", Daemon::Qmqpd),
        ("bounce_", Daemon::Bounce),
        ("tlsproxy_", Daemon::Tlsproxy),
        ("dnsblog_", Daemon::Dnsblog),
        ("anvil_", Daemon::Anvil),
        ("master_", Daemon::Master),
        ("process_", Daemon::Master),
        ("pickup", Daemon::Pickup),
        ("rate_", Daemon::Smtpd),
        ("sasl_auth_", Daemon::Smtpd),
        ("smtp_", Daemon::Smtp),
    ];
    // Kinds with a daemon's name in front that others log too.
    let shared = [
        "smtpd_ehlo_discard",
        "smtpd_table_changed",
        "smtpd_af_skip",
        "bounce_service_failed",
        "cleanup_map_problem",
    ];
    if shared.contains(&kind) {
        return None;
    }
    if kind.starts_with("smtpd_") {
        return Some(Daemon::Smtpd);
    }
    let found = by_prefix
        .iter()
        .find(|(prefix, _)| kind.starts_with(prefix));
    found.map(|(_, daemon)| *daemon).or_else(|| single(kind))
}

/// Kinds whose name does not begin with their daemon's.
fn single(kind: &str) -> Option<Daemon> {
    Some(match kind {
        "wrapper_dropped" | "rdns_mismatch" | "illegal_address" | "non_smtp_command"
        | "long_request" | "bdat_error" | "no_space" | "etrn" | "proxy_filter" | "dns_lookup"
        | "access_config" | "ehlo_lookup" | "verify_service" => Daemon::Smtpd,
        "scache_stats" => Daemon::Scache,
        "verify" => Daemon::Verify,
        "flush" => Daemon::Flush,
        "proxymap" => Daemon::Proxymap,
        "trivial_rewrite" => Daemon::TrivialRewrite,
        "showq" => Daemon::Showq,
        "spawn" => Daemon::Spawn,
        "local_warning" => Daemon::Local,
        "virtual_warning" => Daemon::Virtual,
        "pipe_warning" => Daemon::Pipe,
        "tlsmgr" | "egd" => Daemon::Tlsmgr,
        "postfix_script" | "postfix_compat" => Daemon::PostfixScript,
        "postsuper" => Daemon::Postsuper,
        "postqueue" => Daemon::Postqueue,
        "postmap" => Daemon::Postmap,
        "postlogd" => Daemon::Postlogd,
        "postdrop" => Daemon::Postdrop,
        "sendmail" => Daemon::Sendmail,
        "nbdb_reindexd" => Daemon::NbdbReindexd,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{Program, Tag};

    /// Kinds whose text another, commoner daemon logs too: what a cut tag makes of them.
    const SHARED: &[(&str, &str)] = &[
        ("qmqpd_connect", "smtpd_connect"),
        ("qmqpd_client", "smtpd_client"),
        ("qmqpd_disconnect", "smtpd_disconnect"),
        ("tlsproxy_disconnect", "psc_disconnect"),
        ("psc_connect", "tlsproxy_connect"),
        ("postsuper", "qmgr_removed"),
        ("virtual_warning", "local_warning"),
        ("postmap", "table_entry"),
        ("postdrop", "pickup_warning"),
        ("pickup_warning", "cleanup_misc"),
        ("qmgr_corrupt", "cleanup_too_many_hops"),
        ("generic_warning", "qmgr_corrupt"),
    ];

    fn kind(parsed: &Parsed<'_>) -> &'static str {
        parsed
            .as_ref()
            .map_or("unparsed", |event| Event::KINDS[event.index()])
    }

    fn lines(visit: &mut dyn FnMut(&str, &str)) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/lines");
        for folder in std::fs::read_dir(root).unwrap() {
            for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
                let text = std::fs::read(file.unwrap().path()).unwrap();
                for line in String::from_utf8_lossy(&text).lines() {
                    if let Some((tag, message)) =
                        line.split_once(": ").filter(|_| !line.starts_with('#'))
                    {
                        visit(tag, message);
                    }
                }
            }
        }
    }

    #[test]
    fn gives_the_kind_without_the_daemon() {
        let mut seen = 0;
        lines(&mut |tag, message| {
            let Program::Postfix(daemon) = Tag::parse(tag.as_bytes()).program else {
                return;
            };
            seen += 1;
            let message = message.as_bytes();
            let told = kind(&crate::postfix::parse(daemon, message));
            let guessed = kind(&parse(message));
            let is_same = told == guessed || SHARED.contains(&(told, guessed));
            assert!(
                is_same,
                "{told} is taken for {guessed}: {tag}: {}",
                message.escape_ascii()
            );
        });
        assert!(seen > 1_000, "only {seen} lines");
    }

    #[test]
    fn tells_the_daemon_by_the_event() {
        for (message, expected) in [
            ("connect from unknown[192.0.2.66]", Some(Daemon::Smtpd)),
            ("PASS NEW [192.0.2.66]:1", Some(Daemon::Postscreen)),
            ("4F1A22C0D9E: removed", Some(Daemon::Qmgr)),
            (
                "4F1A22C0D9E: to=<a@b>, relay=mx[203.0.113.25]:25, delay=1, status=sent (250 Ok)",
                Some(Daemon::Smtp),
            ),
            (
                "4F1A22C0D9E: to=<a@b>, relay=mx[private/lmtp], delay=1, status=sent (250 Ok)",
                Some(Daemon::Lmtp),
            ),
            (
                "4F1A22C0D9E: to=<a@b>, relay=local, delay=1, status=sent (delivered to mailbox)",
                Some(Daemon::Local),
            ),
            (
                "4F1A22C0D9E: to=<a@b>, relay=dovecot, delay=1, status=sent (delivered via dovecot service)",
                Some(Daemon::Pipe),
            ),
            (
                "4F1A22C0D9E: to=<a@b>, relay=none, delay=1, status=bounced (User unknown)",
                Some(Daemon::Error),
            ),
            (
                "4F1A22C0D9E: to=<a@b>, relay=none, delay=1, status=sent (silently)",
                Some(Daemon::Discard),
            ),
            (
                "4F1A22C0D9E: to=<a@b>, relay=none, delay=1, status=deferred (connect to mx[203.0.113.25]:25: x)",
                Some(Daemon::Smtp),
            ),
            (
                "TLS connection established from a[192.0.2.1]: TLSv1 with cipher X (1/1 bits)",
                Some(Daemon::Smtpd),
            ),
            (
                "TLS connection established from [192.0.2.1]:1: TLSv1 with cipher X (1/1 bits)",
                Some(Daemon::Tlsproxy),
            ),
            (
                "TLS connection established to a[192.0.2.1]:25: TLSv1 with cipher X (1/1 bits)",
                Some(Daemon::Smtp),
            ),
            (
                "daemon started -- version 3.7.11, configuration /etc/postfix",
                Some(Daemon::Master),
            ),
            ("warning: some text of a third-party patch", None),
        ] {
            assert_eq!(
                parse(message.as_bytes()).unwrap().daemon(),
                expected,
                "{message}"
            );
        }
    }

    #[test]
    fn knows_the_kinds_that_it_names() {
        for kind in [
            "smtpd_ehlo_discard",
            "bounce_service_failed",
            "wrapper_dropped",
            "egd",
            "postqueue",
        ] {
            assert!(Event::KINDS.contains(&kind), "{kind}");
        }
    }
}

//! The lines of the connections by which a mail came and went: they have no queue id.

use std::collections::BTreeMap;

use super::entry::Entry;
use super::mail::Hop;

/// Adds the lines of the connections by which the mail came and went.
pub(super) fn add(hop: &mut Hop, connections: &BTreeMap<u64, Entry>) {
    let mut found = Vec::new();
    for entry in &hop.entries {
        match entry.kind {
            "smtpd_client" | "smtpd_reject" | "smtpd_reject_warning" => {
                let session = incoming(entry, connections);
                found.extend(policies(hop, entry, &session, connections));
                found.extend(session);
            }
            "psc_reject_rcpt" => found.extend(screening(entry, connections)),
            "delivery" => found.extend(outgoing_tls(entry, connections)),
            _ => {}
        }
    }
    hop.entries.extend(found);
}

/// Tells whether postscreen, or what asks blocklists for it, says something of a client.
pub(super) fn is_of_screen(entry: &Entry) -> bool {
    entry.kind.starts_with("psc_") || entry.kind == "dnsblog_listed"
}

/// Tells whether a policy service speaks, which smtpd asks before there is a queue id.
pub(super) fn is_of_policy(entry: &Entry) -> bool {
    const SERVICES: [&str; 4] = [
        "postgrey_",
        "policyd_spf_",
        "policy_spf_",
        "policyd_weight_",
    ];
    SERVICES.iter().any(|name| entry.kind.starts_with(name))
}

/// Returns the client that such a line is about.
pub(super) fn client_of(entry: &Entry) -> Option<&[u8]> {
    entry.field("client_address").or(entry.field("address"))
}

/// What policy services said in a session about this mail, and not another one of the session.
fn policies(
    hop: &Hop,
    anchor: &Entry,
    session: &[Entry],
    connections: &BTreeMap<u64, Entry>,
) -> Vec<Entry> {
    let places = session.iter().map(|entry| entry.place);
    let from = places.clone().fold(anchor.place, u64::min);
    let to = places.fold(anchor.place, u64::max);
    let within = connections.range(from..=to).map(|(_, entry)| entry);
    let is_of_mail = |entry: &&Entry| {
        is_of_policy(entry)
            && entry.queue_id().is_none()
            && entry.host == anchor.host
            && client_of(entry) == client_of(anchor)
            && is_sender(hop, entry)
            && is_recipient(hop, entry)
    };
    within.filter(is_of_mail).cloned().collect()
}

fn is_sender(hop: &Hop, policy: &Entry) -> bool {
    match (policy.logged("sender"), hop.sender()) {
        (Some(asked), Some(sender)) => asked.eq_ignore_ascii_case(sender),
        _ => true,
    }
}

/// Some services name the domain of the recipient only.
fn is_recipient(hop: &Hop, policy: &Entry) -> bool {
    let Some(asked) = policy.field("recipient") else {
        return true;
    };
    let values = hop.entries.iter().flat_map(|entry| {
        let names = ["recipient", "orig_to"].into_iter();
        names.filter_map(|name| entry.field(name))
    });
    let mut values = values.peekable();
    // Of a mail that was not delivered yet the recipients are not known.
    values.peek().is_none()
        || values.any(|value| {
            let domain = memchr::memrchr(b'@', value).and_then(|at| value.get(at + 1..));
            let names = [Some(value), domain];
            let mut names = names.into_iter().flatten();
            names.any(|name| name.eq_ignore_ascii_case(asked))
        })
}

/// Tells whether a line is what an access table decided at the first recipient: the mail gets its
/// queue id after that, so the line has `NOQUEUE` instead.
pub(super) fn is_early_decision(entry: &Entry) -> bool {
    matches!(entry.kind, "smtpd_discard" | "smtpd_hold") && entry.queue_id().is_none()
}

fn is_same_process(one: &Entry, other: &Entry) -> bool {
    one.pid.is_some() && one.pid == other.pid && one.tag == other.tag && one.host == other.host
}

/// From `connect from` to `disconnect from`, what was decided about the mail before it had a queue
/// id, and what postscreen said just before.
fn incoming(anchor: &Entry, connections: &BTreeMap<u64, Entry>) -> Vec<Entry> {
    let mut found = Vec::new();
    let mut begin = anchor.place;
    let mut is_of_this_mail = anchor.kind == "smtpd_client";
    for (place, entry) in connections.range(..anchor.place).rev() {
        if is_same_process(anchor, entry) {
            // What stands before it was decided about an earlier mail of the session.
            if entry.kind == "smtpd_client" {
                is_of_this_mail = false;
                continue;
            }
            if is_early_decision(entry) && !is_of_this_mail {
                continue;
            }
            // The session before this one in the same process.
            if entry.kind == "smtpd_disconnect" {
                break;
            }
            begin = *place;
            found.push(entry.clone());
            if entry.kind == "smtpd_connect" {
                break;
            }
        }
    }
    let mut own = connections
        .range(anchor.place..)
        .map(|(_, entry)| entry)
        .filter(|entry| is_same_process(anchor, entry));
    for entry in own.by_ref() {
        if entry.kind == "smtpd_connect" {
            break;
        }
        if entry.kind == "smtpd_client" || is_early_decision(entry) {
            continue;
        }
        found.push(entry.clone());
        if entry.kind == "smtpd_disconnect" {
            break;
        }
    }
    found.extend(screened_before(anchor, begin, connections));
    found
}

/// What postscreen said of a client up to a place, from its `CONNECT from` on.
fn screened_before(anchor: &Entry, end: u64, connections: &BTreeMap<u64, Entry>) -> Vec<Entry> {
    let before = connections.range(..end).rev().map(|(_, entry)| entry);
    let mut found = Vec::new();
    for entry in before.filter(|entry| is_screened(anchor, entry)) {
        found.push(entry.clone());
        if entry.kind == "psc_connect" {
            break;
        }
    }
    found
}

/// The session in which postscreen refused a recipient.
fn screening(anchor: &Entry, connections: &BTreeMap<u64, Entry>) -> Vec<Entry> {
    let mut found = screened_before(anchor, anchor.place, connections);
    let after = connections.range(anchor.place..).map(|(_, entry)| entry);
    for entry in after.filter(|entry| is_screened(anchor, entry)) {
        if entry.kind == "psc_connect" {
            break;
        }
        found.push(entry.clone());
        if entry.kind == "psc_disconnect" {
            break;
        }
    }
    found
}

fn is_screened(anchor: &Entry, entry: &Entry) -> bool {
    is_of_screen(entry) && entry.host == anchor.host && client_of(entry) == client_of(anchor)
}

/// The TLS session of a delivery: the last one before it of this process with this server.
fn outgoing_tls(delivery: &Entry, connections: &BTreeMap<u64, Entry>) -> Option<Entry> {
    let address = delivery.field("relay_address")?;
    let before = connections
        .range(..delivery.place)
        .rev()
        .map(|(_, entry)| entry);
    let mut own =
        before.filter(|entry| entry.kind == "tls_connection" && is_same_process(delivery, entry));
    own.next()
        .filter(|entry| entry.field("address") == Some(address))
        .cloned()
}

//! Which field of an event holds what: one table for all kinds.
//!
//! A field that is not here holds words of a log, a number or a queue id, or free text in which names
//! are found by their looks. `tests/private.rs` holds the table against the names of all fields.

/// What a field holds that must not be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Holds {
    /// A mailbox's address, a user, or several of them.
    Mailbox,
    /// A host or domain, its address or both.
    Host,
    /// An address of the network.
    Ip,
    /// A message-id.
    MessageId,
    /// A session's id or a fingerprint.
    Opaque,
    /// A text that somebody wrote, such as a subject.
    Words,
    /// A header line.
    Header,
    /// A folder in a mailbox.
    Folder,
    /// What Dovecot's processes put before their messages: `imap(anna)<4711><…>`.
    Prefix,
    /// The path of a file, in which users and domains have folders.
    Path,
    /// Nothing that names anybody, though it may look like it: versions, names of programs.
    Nothing,
}

/// Says what a field of a kind holds; `None` for free text.
pub(super) fn holds(kind: &str, field: &str) -> Option<Holds> {
    if field == "text"
        && matches!(
            kind,
            "cleanup_check" | "milter_header_check" | "smtp_header_check"
        )
    {
        return Some(Holds::Header);
    }
    // A mailbox, or its domain alone.
    if field == "recipient" && kind.starts_with("policyd_spf") {
        return None;
    }
    // Elsewhere it is what stands in angle brackets: a mailbox, a client, a domain.
    if field == "name" {
        return matches!(kind, "rdns_mismatch" | "dns_lookup").then_some(Holds::Host);
    }
    Some(match field {
        "dest_user" | "login" | "login_user" | "mime_recipients" | "new_address" | "orig_to"
        | "proxy_user" | "receiving_address" | "recipient" | "recipients" | "ruser"
        | "sasl_sender" | "sasl_username" | "sender" | "trace_address" | "user" => Holds::Mailbox,
        "client_name" | "dest_host" | "domain" | "helo" | "host" | "issuer_cn" | "mx"
        | "nexthop" | "old_sni" | "query" | "realm" | "receiving_mx" | "relay_host"
        | "remote_host" | "reason_detail" | "rhost" | "server" | "sni" | "subject_cn" => {
            Holds::Host
        }
        "address"
        | "client_address"
        | "dest_address"
        | "ip"
        | "last_ip"
        | "lip"
        | "orig_client_address"
        | "raddr"
        | "relay_address"
        | "remote_address"
        | "rip"
        | "server_address"
        | "source_address" => Holds::Ip,
        "envid" | "message_id" | "resent_message_id" => Holds::MessageId,
        "cert_fingerprint" | "fingerprint" | "pkey_fingerprint" | "session" => Holds::Opaque,
        "subject" => Holds::Words,
        "prefix" => Holds::Prefix,
        "mailbox" | "new_mailbox" | "source_mailbox" => Holds::Folder,
        "database" | "map" | "new_path" | "new_table" | "old_path" | "old_table" | "path"
        | "script" | "source" | "table" => Holds::Path,
        "cipher" | "configuration" | "dsn" | "file" | "flags" | "function" | "library"
        | "new_queue_id" | "orig_id" | "orig_queue_id" | "protocol" | "queue_id" | "queued_as"
        | "revision" | "version" => Holds::Nothing,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mailtally_parsers::Kind;

    use super::*;

    fn fields_of_all_kinds() -> BTreeSet<(&'static str, &'static str)> {
        let mut all = BTreeSet::new();
        for kind in Kind::all() {
            kind.describe_fields(&mut |field| {
                all.insert((kind.name(), field.name));
            });
        }
        all
    }

    /// A name that is misspelled here, or changed there, would leave a field to its looks.
    #[test]
    fn each_name_of_the_table_is_that_of_a_field() {
        let all = fields_of_all_kinds();
        let table = include_str!("fields.rs");
        let table = table.split("Some(match field {").nth(1).unwrap();
        let table = table.split("_ => return None").next().unwrap();
        let names: Vec<&str> = table.split('"').skip(1).step_by(2).collect();
        assert!(names.len() > 70, "{names:?}");
        for name in names {
            let mut fields = all.iter();
            assert!(fields.any(|(_, field)| *field == name), "{name}");
        }
    }

    #[test]
    fn what_names_somebody_is_in_the_table() {
        let speaking = [
            "user",
            "recipient",
            "sender",
            "address",
            "helo",
            "message_id",
            "_host",
        ];
        let mut untold = Vec::new();
        for (kind, field) in fields_of_all_kinds() {
            let is_speaking = speaking.iter().any(|end| field.ends_with(end));
            // `r` of policyd-spf may be a domain alone, and is told by its looks.
            let is_told = kind.starts_with("policyd_spf") && field == "recipient";
            if is_speaking && !is_told && holds(kind, field).is_none() {
                untold.push(format!("{field} of {kind}"));
            }
        }
        assert!(untold.is_empty(), "{untold:?}");
    }
}

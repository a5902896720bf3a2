//! Notices that any daemon can log, mostly of Postfix's library: databases, name service,
//! compatibility, and the ends of a process that are the same for all.

use super::Event;
use super::mention::Text;
use crate::fields::event_struct;
use crate::scan::{before_last, client, number, small_number, split_once, word};

event_struct! {
    /// A default of an older release was used, and mattered.
    ///
    /// Shape: `[{context}: ]using backwards-compatible default setting {name}={value}[ to {effect}]`.
    /// Source: Postfix `src/global/mail_params.c`, `src/smtpd/`, `src/trivial-rewrite/`,
    /// `src/flush/`, `src/master/`; since 3.0.
    pub struct CompatUse<'a> {
        /// The file and line, from master.
        pub context: Option<&'a [u8]>,
        /// The parameter.
        pub name: &'a [u8],
        /// Its value.
        pub value: &'a [u8],
        /// What it was used for.
        pub effect: Option<Text<'a>>,
        /// The client's name.
        pub client_name: Option<&'a [u8]>,
        /// The client's address.
        pub client_address: Option<&'a [u8]>,
        /// The sender or recipient.
        pub address: Option<&'a [u8]>,
        /// The domain.
        pub domain: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A connection could not be accepted.
    ///
    /// Shape: `error: accept connection: {reason}`. Source: Postfix `src/master/`; since 2.4.
    pub struct AcceptError<'a> {
        /// The system's error text.
        pub reason: &'a [u8],
    }
}

event_struct! {
    /// A process was stuck and ended itself.
    ///
    /// Shape: `fatal: watchdog timeout`. Source: Postfix `src/util/watchdog.c`; since 2.3.
    pub struct Watchdog {}
}

event_struct! {
    /// A process ended after too many errors.
    ///
    /// Shape: `fatal: too many errors - program terminated`. Source: Postfix `src/util/msg.c`; since
    /// 2.3.
    pub struct ErrorLimit {}
}

event_struct! {
    /// An LMDB database changed its size limit, or has too many readers.
    ///
    /// Shape: `database {type}:{path}: using size limit {size} {when}` or `database {type}:{path}:
    /// pausing after MDB_READERS_FULL`. Source: Postfix `src/util/dict_lmdb.c`; since 2.11. Units:
    /// `size` is in bytes.
    pub struct LmdbResize<'a> {
        /// The database, `lmdb:path`.
        pub path: &'a [u8],
        /// The new limit.
        pub size: Option<u64>,
        /// When, e.g. `during open`, `after MDB_MAP_FULL`.
        pub when: &'a [u8],
    }
}

event_struct! {
    /// A DNS record was dropped by a filter.
    ///
    /// Shape: `ignoring DNS RR: {record}`. Source: Postfix `src/dns/dns_rr_filter.c`; since 3.0.
    pub struct DnsFilter<'a> {
        /// The record.
        pub record: Text<'a>,
    }
}

event_struct! {
    /// A Berkeley DB could not be closed.
    ///
    /// Shape: `close database {path}: {reason} (possible Berkeley DB bug)`. Source: Postfix
    /// `src/util/dict_db.c`; since 2.3.
    pub struct Bdb<'a> {
        /// The database.
        pub path: &'a [u8],
        /// The system's error text.
        pub reason: &'a [u8],
    }
}

event_struct! {
    /// NFS reported an error for something that it had done.
    ///
    /// Shape: `{function}({old_path},{new_path}): worked around spurious NFS error`. Source: Postfix
    /// `src/util/sane_link.c`, `sane_rename.c`; since 2.3.
    pub struct Nfs<'a> {
        /// `sane_link` or `sane_rename`.
        pub function: &'a [u8],
        /// The old name.
        pub old_path: &'a [u8],
        /// The new name.
        pub new_path: &'a [u8],
    }
}

event_struct! {
    /// The entropy gathering daemon did not answer.
    ///
    /// Shape: `cannot {write to|read from} EGD server {server}: {reason}` or `EGD server {server}
    /// reports zero bytes available`. Source: Postfix `src/tls/tls_prng_egd.c`; since 2.3.
    pub struct Egd<'a> {
        /// Its socket.
        pub server: &'a [u8],
        /// What went wrong.
        pub reason: &'a [u8],
    }
}

event_struct! {
    /// A TLS service of a Postfix without TLS.
    ///
    /// Shape: `TLS support is not compiled in -- exiting`. Source: Postfix `src/tlsmgr/tlsmgr.c`,
    /// `src/tlsproxy/tlsproxy.c`.
    pub struct Notls {}
}

event_struct! {
    /// The system's list of certificate authorities could not be found.
    ///
    /// Shape: `cannot set default OpenSSL certificate verification paths: disabling TLS support`.
    /// Source: Postfix `src/tls/tls_certkey.c`; since 2.8.
    pub struct TlsPaths {}
}

event_struct! {
    /// The command of `debugger_command` is run.
    ///
    /// Shape: `running: {command}`. Source: Postfix `src/global/debug_process.c`; since 2.3.
    pub struct DebugCmd<'a> {
        /// The command.
        pub command: &'a [u8],
    }
}

event_struct! {
    /// The version of the LDAP protocol that is spoken.
    ///
    /// Shape: `{function}: Actual Protocol version used is {version}.` Source: Postfix
    /// `src/global/dict_ldap.c`; since 2.3.
    pub struct Ldap<'a> {
        /// The function.
        pub function: &'a [u8],
        /// The version.
        pub version: u32,
    }
}

event_struct! {
    /// A lookup in a table of type `debug`.
    ///
    /// Shape: `{title} lookup: "{key}" = "{value}"`. Source: Postfix `src/util/dict_debug.c`; since
    /// 2.6.
    pub struct Vmap<'a> {
        /// The table.
        pub title: &'a [u8],
        /// The key.
        pub key: &'a [u8],
        /// The result.
        pub value: &'a [u8],
    }
}

event_struct! {
    /// A table of a type that is no more is read in another format.
    ///
    /// Shape: `redirecting {old_table} to {new_table}`. Source: Postfix `src/util/nbdb_redirect.c`;
    /// since 3.11.
    pub struct NbdbRedirect<'a> {
        /// The table as configured, `type:name`.
        pub old_table: &'a [u8],
        /// The table that is read.
        pub new_table: &'a [u8],
    }
}

/// Parses a notice that any daemon can log.
pub(super) fn parse(message: &[u8]) -> Option<Event<'_>> {
    match message {
        b"fatal: watchdog timeout" => return Some(Event::Watchdog(Watchdog {})),
        b"fatal: too many errors - program terminated" => {
            return Some(Event::ErrorLimit(ErrorLimit {}));
        }
        b"TLS support is not compiled in -- exiting" => return Some(Event::Notls(Notls {})),
        b"cannot set default OpenSSL certificate verification paths: disabling TLS support" => {
            return Some(Event::TlsPaths(TlsPaths {}));
        }
        _ => {}
    }
    if let Some(reason) = message.strip_prefix(b"error: accept connection: ") {
        return Some(Event::AcceptError(AcceptError { reason }));
    }
    let by_first_byte = match message.first()? {
        b'd' => lmdb_resize(message),
        b'i' => message.strip_prefix(b"ignoring DNS RR: ").map(|record| {
            Event::DnsFilter(DnsFilter {
                record: Text(record),
            })
        }),
        b'c' => bdb(message).or_else(|| egd(message)),
        b'E' => egd(message),
        b'r' => running(message).or_else(|| nbdb_redirect(message)),
        _ => None,
    };
    by_first_byte
        .or_else(|| compat_use(message))
        .or_else(|| nfs(message))
        .or_else(|| ldap(message))
        .or_else(|| vmap(message))
}

fn compat_use(message: &[u8]) -> Option<Event<'_>> {
    let (context, setting) = split_once(message, b"using backwards-compatible default setting ")?;
    let context = match context.strip_suffix(b": ") {
        None if !context.is_empty() => return None,
        context => context,
    };
    let (setting, effect) = split_once(setting, b" to ")
        .map_or((setting, None), |(setting, effect)| (setting, Some(effect)));
    // One setting stands in quotes, with blanks around its `=`.
    let setting = setting
        .strip_prefix(b"\"")
        .and_then(|inside| inside.strip_suffix(b"\""))
        .unwrap_or(setting);
    let (name, value) = split_once(setting, b" = ").or_else(|| split_once(setting, b"="))?;
    let client = effect.and_then(effect_client);
    let after = |mark| effect.and_then(|effect| quoted_after(effect, mark));
    Some(Event::CompatUse(CompatUse {
        context,
        name,
        value,
        effect: effect.map(Text),
        client_name: client.map(|client| client.name),
        client_address: client.map(|client| client.address),
        address: after(b"address \"").or_else(|| after(b"recipient \"")),
        domain: after(b"domain \""),
    }))
}

/// Reads `client "{client}"` or ` from {client}` at the end.
fn effect_client(effect: &[u8]) -> Option<super::Client<'_>> {
    let text = quoted_after(effect, b"client \"")
        .or_else(|| before_last(effect, b" from ").map(|(_, client)| client))?;
    client(text).ok().map(|(_, client)| client)
}

fn quoted_after<'a>(text: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    let (_, rest) = split_once(text, mark)?;
    split_once(rest, b"\"").map(|(value, _)| value)
}

fn lmdb_resize(message: &[u8]) -> Option<Event<'_>> {
    let rest = message.strip_prefix(b"database ")?;
    if let Some((path, rest)) = split_once(rest, b": using size limit ") {
        let (when, size) = number(rest).ok()?;
        let when = when.strip_prefix(b" ").unwrap_or(when);
        return Some(Event::LmdbResize(LmdbResize {
            path,
            size: Some(size),
            when,
        }));
    }
    let (path, when) = split_once(rest, b": pausing ")?;
    Some(Event::LmdbResize(LmdbResize {
        path,
        size: None,
        when,
    }))
}

fn bdb(message: &[u8]) -> Option<Event<'_>> {
    let rest = message.strip_prefix(b"close database ")?;
    let rest = rest.strip_suffix(b" (possible Berkeley DB bug)")?;
    let (path, reason) = split_once(rest, b": ")?;
    Some(Event::Bdb(Bdb { path, reason }))
}

fn egd(message: &[u8]) -> Option<Event<'_>> {
    if let Some(rest) = message.strip_prefix(b"EGD server ") {
        let (reason, server) = word(rest).ok()?;
        let reason = reason.strip_prefix(b" ")?;
        return Some(Event::Egd(Egd { server, reason }));
    }
    let rest = message
        .strip_prefix(b"cannot write to EGD server ")
        .or_else(|| message.strip_prefix(b"cannot read from EGD server "))?;
    let (server, reason) = split_once(rest, b": ")?;
    Some(Event::Egd(Egd { server, reason }))
}

fn running(message: &[u8]) -> Option<Event<'_>> {
    let command = message.strip_prefix(b"running: ")?;
    Some(Event::DebugCmd(DebugCmd { command }))
}

fn nbdb_redirect(message: &[u8]) -> Option<Event<'_>> {
    let rest = message.strip_prefix(b"redirecting ")?;
    let (old_table, new_table) = split_once(rest, b" to ")?;
    let is_table = memchr::memchr(b':', old_table).is_some();
    is_table.then_some(Event::NbdbRedirect(NbdbRedirect {
        old_table,
        new_table,
    }))
}

fn nfs(message: &[u8]) -> Option<Event<'_>> {
    let call = message.strip_suffix(b"): worked around spurious NFS error")?;
    let (function, paths) = split_once(call, b"(")?;
    let (old_path, new_path) = split_once(paths, b",")?;
    Some(Event::Nfs(Nfs {
        function,
        old_path,
        new_path,
    }))
}

fn ldap(message: &[u8]) -> Option<Event<'_>> {
    let (function, rest) = split_once(message, b": Actual Protocol version used is ")?;
    let (_, version) = small_number(rest).ok()?;
    Some(Event::Ldap(Ldap { function, version }))
}

fn vmap(message: &[u8]) -> Option<Event<'_>> {
    let (title, rest) = split_once(message, b" lookup: \"")?;
    let (key, value) = split_once(rest, b"\" = \"")?;
    let value = value.strip_suffix(b"\"").unwrap_or(value);
    Some(Event::Vmap(Vmap { title, key, value }))
}

//! Warnings and errors that any daemon can log: services, tables, configuration, name service, SASL.
//!
//! They come from Postfix's library, so the daemon does not matter, and their kind is told by their
//! first words. A daemon's own grammar is asked before.

use super::mention::{Text, first_path};
use super::{Event, queue_tools};
use crate::fields::event_struct;
use crate::scan::{before_last, contains, small_number, split_once, to_number, word};

event_struct! {
    /// A service of Postfix itself did not answer.
    ///
    /// Shape: `{warning|fatal}: connect #{count} to subsystem {service}: {reason}`, `warning: connect
    /// to {service}: {reason}`, `warning: problem talking to service {service}: {reason}`, `warning:
    /// disabling connection caching`. Source: Postfix `src/global/mail_connect.c`,
    /// `src/util/attr_clnt.c`, `src/global/scache_clnt.c`; since 2.3.
    pub struct ServiceConnect<'a> {
        /// The number of the attempt.
        pub count: Option<u64>,
        /// The service, e.g. `private/rewrite`.
        pub service: Option<&'a [u8]>,
        /// The system's error text.
        pub reason: &'a [u8],
    }
}

event_struct! {
    /// Two processes do not speak the same protocol, mostly after an upgrade without a restart.
    ///
    /// Shape: `warning: unexpected attribute {attribute} from {service} socket (expecting: {…})`,
    /// `warning: missing attribute {attribute} in input from {service}`, `warning: premature
    /// end-of-input on {service} socket while reading {…}`, `warning: timeout on {service} socket
    /// while reading {…}`. Source: Postfix `src/util/attr_scan*.c`; since 2.3.
    pub struct AttrProtocol<'a> {
        /// The attribute.
        pub attribute: Option<&'a [u8]>,
        /// The service.
        pub service: Option<&'a [u8]>,
        /// The text after the severity word.
        pub text: &'a [u8],
    }
}

event_struct! {
    /// A table was not built again after its source changed.
    ///
    /// Shape: `warning: database {path} is older than source file {source}`. Source: Postfix
    /// `src/util/dict_db.c` and others; since 2.3.
    pub struct TableStale<'a> {
        /// The table.
        pub path: &'a [u8],
        /// Its source.
        pub source: &'a [u8],
    }
}

event_struct! {
    /// A table could not be opened.
    ///
    /// Shape: `{error|fatal}: open [database ]{path}: {reason}`, `{error|warning}: unsupported
    /// dictionary type: {type}`, `warning: {table} is unavailable. {reason}`. Source: Postfix
    /// `src/util/dict_open.c`, `dict_surrogate.c`; an error since 2.9, fatal before.
    pub struct TableOpen<'a> {
        /// The table, `type:name`, or its type.
        pub table: Option<&'a [u8]>,
        /// The file.
        pub path: Option<&'a [u8]>,
        /// Why.
        pub reason: &'a [u8],
    }
}

event_struct! {
    /// A table could not be asked.
    ///
    /// Shape: `warning: {text}`, e.g. `{table} lookup error for "{key}"`, `connect to mysql server
    /// {host}: {reason}`, `dict_ldap_lookup: Search error {n}: {reason}`, `{regexp|pcre} map {file},
    /// line {n}: {reason}`. Source: Postfix `src/global/dict_*.c`, `src/global/maps.c`,
    /// `src/util/dict_*.c`; since 2.3.
    pub struct TableLookup<'a> {
        /// The table, server or parameter.
        pub table: Option<&'a [u8]>,
        /// The key.
        pub key: Option<&'a [u8]>,
        /// The text after the severity word.
        pub reason: Text<'a>,
    }
}

event_struct! {
    /// A line of a table's source is wrong.
    ///
    /// Shape: `warning: {path}, line {line}: {text}` or `warning: {path}: duplicate entry: "{key}"`.
    /// Source: Postfix `src/util/dict_thash.c`, `src/postmap/postmap.c`; since 2.3.
    pub struct TableEntry<'a> {
        /// The file.
        pub path: &'a [u8],
        /// The line in it.
        pub line: Option<u32>,
        /// The key.
        pub key: Option<&'a [u8]>,
        /// What is wrong.
        pub text: &'a [u8],
    }
}

event_struct! {
    /// A setting in main.cf is wrong, or stands there twice.
    ///
    /// Shape: `warning: {path}, line {line}: overriding earlier entry: {parameter}={value}` (since
    /// 2.11), `fatal: bad {type} configuration: {parameter} = {value}`, `fatal: [file {path}: ]parameter
    /// {parameter}: {text}`, `fatal: config variable {parameter}: {text}`, `fatal: in parameter
    /// {parameter}, specify {text}`, `fatal: {path}, line {line}: {text}`, `error: unauthorized
    /// configuration directory name: {path}` (up to 3.1 `untrusted`). Source: Postfix
    /// `src/global/mail_conf*.c`, `src/util/dict.c`; since 2.3.
    pub struct Config<'a> {
        /// The file or directory.
        pub path: Option<&'a [u8]>,
        /// The line in it.
        pub line: Option<u32>,
        /// The parameter.
        pub parameter: Option<&'a [u8]>,
        /// Its value.
        pub value: Option<&'a [u8]>,
        /// The text after the severity word.
        pub text: Text<'a>,
    }
}

event_struct! {
    /// Memory, disk, processes or interfaces are wanting.
    ///
    /// Shape: `fatal: mymalloc: insufficient memory for {size} bytes: {reason}`, `warning: fork:
    /// {reason}`, `warning: mail_queue_enter: create file {path}: {reason}`, `fatal: write queue file:
    /// {reason}`, `fatal: could not find any active network interfaces`. Source: Postfix
    /// `src/util/mymalloc.c`, `src/global/mail_queue.c` and others; since 2.3. Units: `size_bytes` is
    /// what was asked for.
    pub struct Resources<'a> {
        /// The file.
        pub path: Option<&'a [u8]>,
        /// How much memory.
        pub size_bytes: Option<u64>,
        /// The system's error text, or the whole text.
        pub reason: &'a [u8],
    }
}

event_struct! {
    /// The name service gave what is no name or address.
    ///
    /// Shape: `warning: {text}`, e.g. `valid_hostname: invalid character 95(decimal): {name}`, `numeric
    /// domain name in resource data of MX record for {domain}: {address}`. Source: Postfix
    /// `src/util/valid_hostname.c`, `src/dns/dns_lookup.c`; since 2.3.
    pub struct DnsData<'a> {
        /// The name.
        pub name: Option<&'a [u8]>,
        /// The address.
        pub address: Option<&'a [u8]>,
        /// The domain that was looked up.
        pub domain: Option<&'a [u8]>,
        /// The text after the severity word.
        pub text: Text<'a>,
    }
}

event_struct! {
    /// The SASL library or Dovecot's auth service is in trouble.
    ///
    /// Shape: `[{warning|fatal}: ]SASL {…}: {reason}`, e.g. `SASL: Connect to Dovecot auth socket
    /// '{path}' failed: {reason}`, `SASL authentication failure: {reason}` (Cyrus). Source: Postfix
    /// `src/xsasl/`; since 2.3.
    pub struct SaslLib<'a> {
        /// The socket or database.
        pub path: Option<&'a [u8]>,
        /// What the library says.
        pub reason: &'a [u8],
        /// The text after the severity word.
        pub text: &'a [u8],
    }
}

/// Parses the text of a warning.
pub(super) fn warning(text: &[u8]) -> Option<Event<'_>> {
    service_connect(text)
        .map(Event::ServiceConnect)
        .or_else(|| attr_protocol(text).map(Event::AttrProtocol))
        .or_else(|| table_stale(text).map(Event::TableStale))
        .or_else(|| unavailable(text).map(Event::TableOpen))
        .or_else(|| table_lookup(text).map(Event::TableLookup))
        .or_else(|| config_warning(text).map(Event::Config))
        .or_else(|| resources(text).map(Event::Resources))
        .or_else(|| dns_data(text).map(Event::DnsData))
        .or_else(|| sasl_lib(text).map(Event::SaslLib))
        .or_else(|| table_entry(text).map(Event::TableEntry))
}

/// Parses the text of an error, of which the process may recover.
pub(super) fn error(text: &[u8]) -> Option<Event<'_>> {
    table_open(text)
        .map(Event::TableOpen)
        .or_else(|| directory(text).map(Event::Config))
}

/// Parses the text of a fatal error.
pub(super) fn fatal(text: &[u8]) -> Option<Event<'_>> {
    service_connect(text)
        .map(Event::ServiceConnect)
        .or_else(|| table_open(text).map(Event::TableOpen))
        .or_else(|| config_fatal(text).map(Event::Config))
        .or_else(|| resources(text).map(Event::Resources))
        .or_else(|| sasl_lib(text).map(Event::SaslLib))
}

/// Parses a line without severity word.
pub(super) fn notice(message: &[u8]) -> Option<Event<'_>> {
    sasl_lib(message).map(Event::SaslLib)
}

fn service_connect(text: &[u8]) -> Option<ServiceConnect<'_>> {
    if text == b"disabling connection caching" {
        return Some(ServiceConnect {
            count: None,
            service: None,
            reason: text,
        });
    }
    let (count, rest) = if let Some(rest) = text.strip_prefix(b"connect #") {
        let (count, rest) = split_once(rest, b" to subsystem ")?;
        (to_number(count), rest)
    } else if let Some(rest) = text.strip_prefix(b"connect to ") {
        let is_service = rest.starts_with(b"private/") || rest.starts_with(b"public/");
        (None, is_service.then_some(rest)?)
    } else {
        (None, text.strip_prefix(b"problem talking to service ")?)
    };
    let (service, reason) = split_once(rest, b": ")?;
    Some(ServiceConnect {
        count,
        service: Some(service),
        reason,
    })
}

fn attr_protocol(text: &[u8]) -> Option<AttrProtocol<'_>> {
    let mut found = AttrProtocol {
        attribute: None,
        service: None,
        text,
    };
    if let Some(rest) = text.strip_prefix(b"unexpected attribute ") {
        let (attribute, rest) = split_once(rest, b" from ")?;
        (found.attribute, found.service) = (Some(attribute), Some(split_once(rest, b" socket")?.0));
    } else if let Some(rest) = text.strip_prefix(b"missing attribute ") {
        let (attribute, service) = split_once(rest, b" in input from ")?;
        (found.attribute, found.service) = (Some(attribute), Some(service));
    } else {
        let rest = text
            .strip_prefix(b"premature end-of-input on ")
            .or_else(|| text.strip_prefix(b"timeout on "))?;
        found.service = Some(split_once(rest, b" socket while reading ")?.0);
    }
    Some(found)
}

fn table_stale(text: &[u8]) -> Option<TableStale<'_>> {
    let rest = text.strip_prefix(b"database ")?;
    let (path, source) = split_once(rest, b" is older than source file ")?;
    Some(TableStale { path, source })
}

/// Reads the warnings: a table that could not be opened earlier is used.
fn unavailable(text: &[u8]) -> Option<TableOpen<'_>> {
    if let Some((table, reason)) = split_once(text, b" is unavailable. ") {
        let is_table = memchr::memchr(b' ', table).is_none();
        return is_table.then_some(TableOpen {
            table: Some(table),
            path: first_path(reason),
            reason,
        });
    }
    unsupported(text)
}

fn unsupported(text: &[u8]) -> Option<TableOpen<'_>> {
    let rest = text.strip_prefix(b"unsupported dictionary type: ")?;
    let table = split_once(rest, b". ").map_or(rest, |(table, _)| table);
    Some(TableOpen {
        table: Some(table),
        path: None,
        reason: text,
    })
}

fn table_open(text: &[u8]) -> Option<TableOpen<'_>> {
    if let Some(found) = unsupported(text) {
        return Some(found);
    }
    let rest = text.strip_prefix(b"open ")?;
    let (path, reason) = split_once(rest.strip_prefix(b"database ").unwrap_or(rest), b": ")?;
    path.starts_with(b"/").then_some(TableOpen {
        table: None,
        path: Some(path),
        reason,
    })
}

fn table_lookup(text: &[u8]) -> Option<TableLookup<'_>> {
    let found = |table, key| {
        Some(TableLookup {
            table,
            key,
            reason: Text(text),
        })
    };
    if let Some((table, key)) = split_once(text, b" lookup error for \"") {
        return found(Some(table), Some(key.strip_suffix(b"\"").unwrap_or(key)));
    }
    if let Some(parameter) = text.strip_suffix(b": table lookup problem") {
        return found(Some(parameter), None);
    }
    if let Some(rest) = text.strip_suffix(b" lookup error") {
        let (_, table) = split_once(rest, b": table ")?;
        return found(Some(table), None);
    }
    if let Some((table, _)) = split_once(text, b": query failed: ") {
        return found(Some(table), None);
    }
    if let Some(rest) = text.strip_prefix(b"table ") {
        let (table, _) = split_once(rest, b" query too large: ")?;
        return found(Some(table), None);
    }
    if let Some(table) = map_file(text).or_else(|| map_server(text)) {
        return found(Some(table), None);
    }
    is_lookup_failure(text).then_some(TableLookup {
        table: None,
        key: None,
        reason: Text(text),
    })
}

/// Reads the file of `{regexp|pcre} map {file}, line {n}: …`.
fn map_file(text: &[u8]) -> Option<&[u8]> {
    let rest = text
        .strip_prefix(b"regexp map ")
        .or_else(|| text.strip_prefix(b"pcre map "))?;
    split_once(rest, b", line ").map(|(path, _)| path)
}

/// Reads the server of a database that could not be reached.
fn map_server(text: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = text.strip_prefix(b"dict_ldap_connect: Unable to bind to server ") {
        return word(rest).ok().map(|(_, server)| server);
    }
    let rest = text
        .strip_prefix(b"connect to mysql server ")
        .or_else(|| text.strip_prefix(b"connect to pgsql server "))?;
    split_once(rest, b": ").map(|(server, _)| server)
}

/// Tells the texts that name no table. Of LDAP's search errors, those about the server itself are
/// negative, and Postfix ends them with a blank; others belong to a class of warnings.
fn is_lookup_failure(text: &[u8]) -> bool {
    let search = text.strip_prefix(b"dict_ldap_lookup: Search error ");
    text.starts_with(b"dict_nis_init: NIS domain name not set")
        || contains(text, b" map lookup problem")
        || search.is_some_and(|rest| rest.starts_with(b"-") || rest.ends_with(b" "))
}

fn table_entry(text: &[u8]) -> Option<TableEntry<'_>> {
    let found = queue_tools::table_line(text)?;
    let is_path = memchr::memchr(b' ', found.path).is_none();
    // Templates of bounce(8) have a class of their own.
    let is_template = found.text.0.starts_with(b"unknown template name: ");
    (is_path && !is_template).then_some(TableEntry {
        path: found.path,
        line: found.line,
        key: found.key,
        text: found.text.0,
    })
}

fn no_config(text: &[u8]) -> Config<'_> {
    Config {
        path: None,
        line: None,
        parameter: None,
        value: None,
        text: Text(text),
    }
}

fn config_warning(text: &[u8]) -> Option<Config<'_>> {
    if let Some((parameter, _)) = split_once(text, b" is true, but ") {
        let is_name = memchr::memchr(b' ', parameter).is_none();
        return is_name.then_some(Config {
            parameter: Some(parameter),
            ..no_config(text)
        });
    }
    let (place, setting) = split_once(text, b": overriding earlier entry: ")?;
    let (path, line) = split_once(place, b", line ")?;
    let (parameter, value) = split_once(setting, b"=")?;
    Some(Config {
        path: Some(path),
        line: small_number(line).ok().map(|(_, line)| line),
        parameter: Some(parameter),
        value: Some(value),
        text: Text(text),
    })
}

fn config_fatal(text: &[u8]) -> Option<Config<'_>> {
    bad_value(text)
        .or_else(|| bad_line(text))
        .or_else(|| bad_parameter(text))
}

/// Reads `bad {type} configuration: {parameter} = {value}`.
fn bad_value(text: &[u8]) -> Option<Config<'_>> {
    let (_, setting) = split_once(text.strip_prefix(b"bad ")?, b" configuration: ")?;
    let (parameter, value) = split_once(setting, b" = ")?;
    Some(Config {
        parameter: Some(parameter),
        value: Some(value),
        ..no_config(text)
    })
}

/// Reads `{path}, line {line}: …`.
fn bad_line(text: &[u8]) -> Option<Config<'_>> {
    let (path, rest) = split_once(text, b", line ")?;
    let line = small_number(rest).ok().map(|(_, line)| line);
    path.starts_with(b"/").then_some(Config {
        path: Some(path),
        line,
        ..no_config(text)
    })
}

/// Reads `[file {path}: ]{parameter|config variable} {parameter}: …` and `in parameter {parameter},
/// specify …`.
fn bad_parameter(text: &[u8]) -> Option<Config<'_>> {
    if let Some(rest) = text.strip_prefix(b"in parameter ") {
        let (parameter, _) = split_once(rest, b", specify ")?;
        return Some(Config {
            parameter: Some(parameter),
            ..no_config(text)
        });
    }
    let (path, rest) = match text.strip_prefix(b"file ") {
        Some(rest) => split_once(rest, b": ").map(|(path, rest)| (Some(path), rest))?,
        None => (None, text),
    };
    let rest = rest
        .strip_prefix(b"parameter ")
        .or_else(|| rest.strip_prefix(b"config variable "))?;
    let (parameter, problem) = split_once(rest, b": ")?;
    let value = before_last(problem, b": ")
        .or_else(|| split_once(problem, b"no local interface found for "))
        .map(|(_, value)| value);
    Some(Config {
        path,
        parameter: Some(parameter),
        value,
        ..no_config(text)
    })
}

fn directory(text: &[u8]) -> Option<Config<'_>> {
    let path = text
        .strip_prefix(b"unauthorized configuration directory name: ")
        .or_else(|| text.strip_prefix(b"untrusted configuration directory name: "))?;
    Some(Config {
        path: Some(path),
        ..no_config(text)
    })
}

fn resources(text: &[u8]) -> Option<Resources<'_>> {
    let nothing = Resources {
        path: None,
        size_bytes: None,
        reason: text,
    };
    if let Some((function, rest)) = split_once(text, b": insufficient memory for ") {
        let is_function = memchr::memchr(b' ', function).is_none();
        let (size, rest) = split_once(is_function.then_some(rest)?, b" bytes")?;
        let reason = rest.strip_prefix(b": ").unwrap_or(rest);
        return Some(Resources {
            size_bytes: to_number(size),
            reason,
            ..nothing
        });
    }
    if let Some(rest) = text.strip_prefix(b"mail_queue_enter: create file ") {
        let (path, reason) = split_once(rest, b": ")?;
        return Some(Resources {
            path: Some(path),
            reason,
            ..nothing
        });
    }
    let reason = text
        .strip_prefix(b"fork: ")
        .or_else(|| text.strip_prefix(b"write queue file: "));
    if let Some(reason) = reason {
        return Some(Resources { reason, ..nothing });
    }
    text.starts_with(b"could not find any active network interfaces")
        .then_some(nothing)
}

fn dns_data(text: &[u8]) -> Option<DnsData<'_>> {
    let domain = |domain| DnsData {
        domain: Some(domain),
        ..no_dns_data(text)
    };
    if let Some(name) = text.strip_prefix(b"dns_lookup: Name server loop for ") {
        return Some(domain(name));
    }
    if let Some(rest) = text.strip_prefix(b"DNS record count limit (") {
        let (_, name) = word(split_once(rest, b"qname=")?.1).ok()?;
        return Some(domain(name));
    }
    resource_data(text).or_else(|| invalid_name(text))
}

fn no_dns_data(text: &[u8]) -> DnsData<'_> {
    DnsData {
        name: None,
        address: None,
        domain: None,
        text: Text(text),
    }
}

/// Reads `{numeric|malformed} domain name in resource data of {type} record for {domain}: {value}`.
fn resource_data(text: &[u8]) -> Option<DnsData<'_>> {
    let (what, rest) = split_once(text, b" in resource data of ")?;
    let (domain, value) = split_once(split_once(rest, b" record for ")?.1, b": ")?;
    let is_numeric = what.starts_with(b"numeric ");
    Some(DnsData {
        name: (!is_numeric).then_some(value),
        address: is_numeric.then_some(value),
        domain: Some(domain),
        text: Text(text),
    })
}

/// Reads the complaints about names and addresses; those about literals are a class of warnings.
fn invalid_name(text: &[u8]) -> Option<DnsData<'_>> {
    let (lead, value) = before_last(text, b": ")?;
    let is_address =
        lead.starts_with(b"valid_ipv4_hostaddr: ") || lead.starts_with(b"valid_ipv6_hostaddr: ");
    let is_name = lead.starts_with(b"valid_hostname: ");
    (is_address || is_name).then_some(DnsData {
        name: is_name.then_some(value),
        address: is_address.then_some(value),
        ..no_dns_data(text)
    })
}

fn sasl_lib(text: &[u8]) -> Option<SaslLib<'_>> {
    if let Some(rest) = text.strip_prefix(b"SASL: Connect to Dovecot auth socket '") {
        let (path, rest) = split_once(rest, b"' failed: ")?;
        return Some(SaslLib {
            path: Some(path),
            reason: rest,
            text,
        });
    }
    let starts: &[&[u8]] = &[
        b"SASL authentication problem: ",
        b"SASL authentication failure: ",
        b"SASL authentication info: ",
        b"SASL authentication debug: ",
        b"SASL authentication trace: ",
        b"SASL authentication pass: ",
    ];
    if let Some(reason) = starts.iter().find_map(|words| text.strip_prefix(*words)) {
        return Some(SaslLib {
            path: first_path(reason),
            reason,
            text,
        });
    }
    let is_fatal = text.starts_with(b"no SASL authentication mechanisms")
        || text.starts_with(b"SASL per-connection initialization failed");
    is_fatal.then_some(SaslLib {
        path: None,
        reason: text,
        text,
    })
}

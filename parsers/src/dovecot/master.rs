//! Lines of the master process, and those that it logs under a dead process's prefix.

use super::Event;
use super::prefix::{Line, Severity};
use super::session::number_after;
use crate::Seconds;
use crate::fields::event_struct;
use crate::scan::{
    before_last, find, seconds, split_number, split_once, to_number, trailing_group,
};

event_struct! {
    /// Dovecot started.
    ///
    /// Shape: `master: Dovecot v{version} ({revision}) starting up[ for {protocols}| without any
    /// protocols][ ({core_dumps})]`; the list since 2.1.
    pub struct MasterStart<'a> {
        /// The version.
        pub version: &'a [u8],
        /// The revision.
        pub revision: Option<&'a [u8]>,
        /// The protocols, as logged: `imap, lmtp, sieve`.
        pub protocols: Option<&'a [u8]>,
        /// The note on core dumps.
        pub core_dumps: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A process was told to end; signal 15 is the normal shutdown.
    ///
    /// Shape: `{service}: Warning: Killed with signal {signal} (by pid={pid} uid={uid}
    /// code={code})`.
    pub struct MasterStop<'a> {
        /// The process: `master`, `anvil`, `log`, ...
        pub service: &'a [u8],
        /// The process id in its prefix.
        pub pid: Option<u64>,
        /// The signal.
        pub signal: u64,
        /// Who sent it.
        pub by_pid: Option<u64>,
        /// As which user.
        pub by_uid: Option<u64>,
        /// How it was sent.
        pub code: Option<&'a [u8]>,
    }
}

event_struct! {
    /// The configuration is read again.
    ///
    /// Shape: `master: Warning: SIGHUP received - reloading configuration`.
    pub struct MasterReload {}
}

event_struct! {
    /// The master ended processes that did not end by themselves after a reload.
    ///
    /// Shape: `master: Warning: Processes aren't dying after reload, sent SIGTERM to {count}
    /// processes.`, `master: Warning: Sent {signal} to {count} {service} processes`.
    pub struct MasterSignal<'a> {
        /// The signal.
        pub signal: &'a [u8],
        /// To how many processes.
        pub count: u64,
        /// Of which service.
        pub service: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A service is full, and clients are turned away.
    ///
    /// Shape: `master: Warning: service({service}): {limit_name} ({limit}) reached, client
    /// connections are being dropped`. Logged once per interval: a count is a lower bound.
    pub struct ServiceLimit<'a> {
        /// The service.
        pub service: &'a [u8],
        /// The setting: `process_limit`, `client_limit`, ...
        pub limit_name: &'a [u8],
        /// Its value.
        pub limit: u64,
    }
}

event_struct! {
    /// A service's process could not be started, and is not tried for a while.
    ///
    /// Shape: `master: Error: service({service}): command startup failed, throttling for {secs}
    /// secs`.
    pub struct ServiceThrottle<'a> {
        /// The service.
        pub service: &'a [u8],
        /// For how long.
        pub secs: Option<Seconds>,
    }
}

event_struct! {
    /// A process crashed or failed; logged under its own prefix.
    ///
    /// Shape: `{prefix}: Fatal: master: service({service}): child {pid} {killed with signal {n}|
    /// returned error {n}|died with status {n}}[ ({text})][ [last ip={ip}]]`.
    pub struct ChildDied<'a> {
        /// The prefix of the dead process.
        pub prefix: &'a [u8],
        /// The service.
        pub service: &'a [u8],
        /// The process id.
        pub child_pid: Option<u64>,
        /// The signal that killed it.
        pub signal: Option<u64>,
        /// Its exit status.
        pub status: Option<u64>,
        /// The text in parentheses.
        pub text: Option<&'a [u8]>,
        /// The address of its last client.
        pub last_ip: Option<&'a [u8]>,
    }
}

event_struct! {
    /// A bug in Dovecot: an assertion failed, or its backtrace.
    ///
    /// Shape: `{prefix}: Panic: file {file}: line {line} ({function}): assertion failed:
    /// ({expression})`, `{prefix}: Error: Raw backtrace: {text}`.
    pub struct Panic<'a> {
        /// The prefix of the process.
        pub prefix: &'a [u8],
        /// The source file.
        pub file: Option<&'a [u8]>,
        /// The line in it.
        pub line: Option<u64>,
        /// The function.
        pub function: Option<&'a [u8]>,
        /// The assertion.
        pub expression: Option<&'a [u8]>,
        /// The text, where it is no assertion.
        pub text: Option<&'a [u8]>,
    }
}

event_struct! {
    /// The clock jumped.
    ///
    /// Shape: `master: Warning: Time moved {forward|forwards|backwards} by {secs} seconds...`.
    pub struct TimeMoved<'a> {
        /// `forward`, `forwards` or `backwards`, as logged.
        pub direction: &'a [u8],
        /// By how much.
        pub secs: Option<Seconds>,
    }
}

event_struct! {
    /// A limit of the system or of a service is too low for the configuration.
    ///
    /// Shape: `master: Warning: fd limit (ulimit -n) is lower than required under max. load
    /// ({limit} < {needed}), because of {service}`, `service {service} { client_limit={limit} } is
    /// lower than required under max. load ({needed})`.
    pub struct Ulimit<'a> {
        /// The limit.
        pub limit: Option<u64>,
        /// What is needed.
        pub needed: Option<u64>,
        /// The service or setting that needs it.
        pub service: Option<&'a [u8]>,
    }
}

/// Parses a line of the master process; `None` when it has no kind of its own.
pub(super) fn parse<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let text = line.text;
    if let Some(rest) = text.strip_prefix(b"Dovecot v") {
        return Some(Event::MasterStart(start(rest)));
    }
    if text.starts_with(b"SIGHUP received") {
        return Some(Event::MasterReload(MasterReload {}));
    }
    if let Some(rest) = text.strip_prefix(b"service(") {
        let (service, rest) = split_once(rest, b"): ")?;
        return limit(service, rest).or_else(|| throttle(service, rest));
    }
    signal(text)
}

/// Parses `Dovecot v{version} starting up`, which Dovecot 1.x says without a prefix.
pub(super) fn start_of_1x(message: &[u8]) -> Event<'_> {
    let rest = message.strip_prefix(START_OF_1X).unwrap_or(message);
    Event::MasterStart(start(rest))
}

/// How the line of a start begins in Dovecot 1.x.
pub(super) const START_OF_1X: &[u8] = b"Dovecot v";

/// How the line of a process begins that was told to end.
pub(super) const KILLED: &[u8] = b"Killed with signal ";

fn start(rest: &[u8]) -> MasterStart<'_> {
    let (head, tail) = split_once(rest, b" starting up").unwrap_or((rest, b""));
    let (version, revision) = match trailing_group(head) {
        Some((version, revision)) => (version, Some(revision)),
        None => (head, None),
    };
    let (protocols, core_dumps) = match tail.strip_suffix(b")").and_then(|t| before_last(t, b" ("))
    {
        Some((protocols, note)) => (protocols, Some(note)),
        None => (tail, None),
    };
    MasterStart {
        version,
        revision,
        protocols: protocols.strip_prefix(b" for "),
        core_dumps,
    }
}

fn limit<'a>(service: &'a [u8], rest: &'a [u8]) -> Option<Event<'a>> {
    let (head, _) = split_once(rest, b") reached")?;
    let (limit_name, limit) = split_once(head, b" (")?;
    Some(Event::ServiceLimit(ServiceLimit {
        service,
        limit_name,
        limit: to_number(limit)?,
    }))
}

fn throttle<'a>(service: &'a [u8], rest: &'a [u8]) -> Option<Event<'a>> {
    let (_, rest) = split_once(rest, b"throttling for ")?;
    let secs = seconds(rest).ok().map(|(_, secs)| secs);
    Some(Event::ServiceThrottle(ServiceThrottle { service, secs }))
}

/// Reads `Sent SIGTERM to 3 auth processes` and the like.
fn signal(text: &[u8]) -> Option<Event<'_>> {
    let (_, rest) = split_once(text, b"ent SIG")?;
    let at = text.len() - rest.len() - b"SIG".len();
    let (signal, rest) = split_once(text.get(at..)?, b" to ")?;
    let (count, rest) = split_number(rest)?;
    let (service, _) = split_once(rest, b" processes")?;
    Some(Event::MasterSignal(MasterSignal {
        signal,
        count,
        service: service.strip_prefix(b" "),
    }))
}

/// Parses what any process can log: its own end, its crash, a clock that jumped.
pub(super) fn of_any_process<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    match line.severity {
        Severity::Debug => None,
        // Without a severity word in 1.x.
        Severity::Info => stop(line),
        Severity::Panic => Some(Event::Panic(panic(line))),
        Severity::Fatal => child_died(line),
        Severity::Warning => stop(line)
            .or_else(|| time_moved(line.text))
            .or_else(|| ulimit(line.text)),
        Severity::Error => backtrace(line).or_else(|| time_moved(line.text)),
    }
}

fn stop<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let (signal, rest) = split_number(line.text.strip_prefix(KILLED)?)?;
    let code = split_once(rest, b" code=").map(|(_, code)| code.strip_suffix(b")").unwrap_or(code));
    Some(Event::MasterStop(MasterStop {
        service: line.mail.process,
        pid: line.mail.pid,
        signal,
        by_pid: number_after(rest, b"(by pid="),
        by_uid: number_after(rest, b" uid="),
        code,
    }))
}

fn child_died<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let rest = line.text.strip_prefix(b"master: service(")?;
    let (service, rest) = split_once(rest, b"): child ")?;
    let (child_pid, rest) = split_number(rest)?;
    let (rest, last_ip) = match before_last(rest, b" [last ip=") {
        Some((rest, ip)) => (rest, ip.strip_suffix(b"]")),
        None => (rest, None),
    };
    let text = split_once(rest, b" (").map(|(_, text)| text.strip_suffix(b")").unwrap_or(text));
    Some(Event::ChildDied(ChildDied {
        prefix: line.prefix,
        service,
        child_pid: Some(child_pid),
        signal: number_after(rest, b"killed with signal "),
        status: number_after(rest, b"returned error ")
            .or_else(|| number_after(rest, b"died with status ")),
        text,
        last_ip,
    }))
}

fn panic<'a>(line: &Line<'a>) -> Panic<'a> {
    let mut panic = Panic {
        prefix: line.prefix,
        file: None,
        line: None,
        function: None,
        expression: None,
        text: Some(line.text),
    };
    let assertion = || {
        let (file, rest) = split_once(line.text.strip_prefix(b"file ")?, b": line ")?;
        let (number, rest) = split_number(rest)?;
        let (function, rest) = split_once(rest.strip_prefix(b" (")?, b"): ")?;
        Some((file, number, function, rest))
    };
    if let Some((file, number, function, rest)) = assertion() {
        panic.file = Some(file);
        panic.line = Some(number);
        panic.function = Some(function);
        if let Some(expression) = rest.strip_prefix(b"assertion failed: ") {
            panic.expression = Some(expression);
            panic.text = None;
        } else {
            panic.text = Some(rest);
        }
    }
    panic
}

fn backtrace<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let text = line.text.strip_prefix(b"Raw backtrace: ")?;
    Some(Event::Panic(Panic {
        prefix: line.prefix,
        file: None,
        line: None,
        function: None,
        expression: None,
        text: Some(text),
    }))
}

fn time_moved(text: &[u8]) -> Option<Event<'_>> {
    let (direction, rest) = split_once(text.strip_prefix(b"Time moved ")?, b" by ")?;
    let secs = seconds(rest).ok().map(|(_, secs)| secs);
    Some(Event::TimeMoved(TimeMoved { direction, secs }))
}

fn ulimit(text: &[u8]) -> Option<Event<'_>> {
    find(text, b"lower than required under max. load")?;
    if let Some(rest) = text.strip_prefix(b"fd limit ") {
        let (_, service) = split_once(rest, b"because of ").unwrap_or((rest, b""));
        return Some(Event::Ulimit(Ulimit {
            limit: number_after(rest, b"load ("),
            needed: number_after(rest, b" < "),
            service: Some(service).filter(|service| !service.is_empty()),
        }));
    }
    let (service, rest) = split_once(text.strip_prefix(b"service ")?, b" { ")?;
    Some(Event::Ulimit(Ulimit {
        limit: number_after(rest, b"client_limit="),
        needed: number_after(rest, b"load ("),
        service: Some(service),
    }))
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    /// Hard case 17: a crash is logged under the dead process's prefix.
    #[test]
    fn crashes_are_read_under_any_prefix() {
        let line = b"imap(alice@example.com)<4711><QCK1>: Fatal: master: service(imap): child 4711 killed with signal 11 (core dumps disabled) [last ip=2001:db8::66]";
        let Ok(Event::ChildDied(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(
            (found.service, found.child_pid, found.signal),
            (&b"imap"[..], Some(4711), Some(11))
        );
        assert_eq!(
            (found.text, found.last_ip),
            (
                Some(&b"core dumps disabled"[..]),
                Some(&b"2001:db8::66"[..])
            )
        );
        let line = b"auth: Fatal: master: service(auth): child 7 returned error 89 (Fatal failure)";
        let Ok(Event::ChildDied(found)) = parse(line) else {
            panic!()
        };
        assert_eq!(
            (found.status, found.text),
            (Some(89), Some(&b"Fatal failure"[..]))
        );
    }

    /// Hard case 22: signal 15 is the normal end.
    #[test]
    fn stops_and_signals_are_told_apart() {
        let Ok(Event::MasterStop(found)) =
            parse(b"log(241): Warning: Killed with signal 15 (by pid=1 uid=0 code=kill)")
        else {
            panic!()
        };
        assert_eq!(
            (found.service, found.pid, found.signal),
            (&b"log"[..], Some(241), 15)
        );
        assert_eq!((found.by_pid, found.code), (Some(1), Some(&b"kill"[..])));
        for (line, count, service) in [
            (
                "master: Warning: Sent SIGTERM to 3 auth processes",
                3,
                Some(&b"auth"[..]),
            ),
            (
                "master: Warning: Processes aren't dying after reload, sent SIGTERM to 2 processes.",
                2,
                None,
            ),
        ] {
            let Ok(Event::MasterSignal(found)) = parse(line.as_bytes()) else {
                panic!("{line}")
            };
            assert_eq!(
                (found.signal, found.count, found.service),
                (&b"SIGTERM"[..], count, service)
            );
        }
    }

    #[test]
    fn limits_are_read() {
        let Ok(Event::ServiceLimit(found)) = parse(b"master: Warning: service(auth): client_limit/service_count (1) reached, client connections are being dropped") else {
            panic!()
        };
        assert_eq!(
            (found.limit_name, found.limit),
            (&b"client_limit/service_count"[..], 1)
        );
        let Ok(Event::Ulimit(found)) = parse(b"master: Warning: fd limit (ulimit -n) is lower than required under max. load (256 < 1000), because of default_client_limit") else {
            panic!()
        };
        assert_eq!((found.limit, found.needed), (Some(256), Some(1000)));
        assert_eq!(found.service, Some(&b"default_client_limit"[..]));
        let Ok(Event::TimeMoved(found)) = parse(
            b"master: Warning: Time moved forwards by 0.130012 seconds - adjusting timeouts.",
        ) else {
            panic!()
        };
        assert_eq!(
            (found.direction, found.secs),
            (&b"forwards"[..], Some(Seconds { micros: 130_012 }))
        );
    }

    #[test]
    fn assertions_are_taken_apart() {
        let Ok(Event::Panic(found)) = parse(b"imap(a)<1><s>: Panic: file mail-index.c: line 42 (mail_index_open): assertion failed: (index->fd != -1)") else {
            panic!()
        };
        assert_eq!(
            (found.file, found.line),
            (Some(&b"mail-index.c"[..]), Some(42))
        );
        assert_eq!(found.expression, Some(&b"(index->fd != -1)"[..]));
    }
}

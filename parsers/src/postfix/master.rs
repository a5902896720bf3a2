//! Lines of master(8): its start and end, and what happens to the processes that it started.

use nom::Parser;
use nom::bytes::complete::tag;
use nom::sequence::preceded;

use super::mention::Text;
use super::{Event, Parsed};
use crate::Reason;
use crate::fields::event_struct;
use crate::scan::{Scan, before, before_last, mismatch, number, small_number, split_once};

event_struct! {
    /// Postfix started.
    ///
    /// Shape: `daemon started -- version {version}, configuration {configuration}`. Source: Postfix
    /// `src/master/master.c`; since 2.3.
    pub struct Start<'a> {
        /// The version, e.g. `3.10.2`, `3.12-20260821`.
        pub version: &'a [u8],
        /// The configuration's directory.
        pub configuration: &'a [u8],
    }
}

event_struct! {
    /// Postfix read its configuration again.
    ///
    /// Shape: `reload -- version {version}, configuration {configuration}`; up to 2.5 `reload
    /// configuration {configuration}`. Source: Postfix `src/master/master.c`.
    pub struct Reload<'a> {
        /// The version, since 2.6.
        pub version: Option<&'a [u8]>,
        /// The configuration's directory.
        pub configuration: &'a [u8],
    }
}

event_struct! {
    /// Postfix ends.
    ///
    /// Shape: `terminating on signal {signal}` or `master exit time has arrived`. Source: Postfix
    /// `src/master/master_sig.c`, `src/master/master.c`; since 2.3.
    pub struct Exit<'a> {
        /// The signal; 15 is an ordinary stop.
        pub signal: Option<u32>,
        /// The text.
        pub text: &'a [u8],
    }
}

event_struct! {
    /// A process ended with an error.
    ///
    /// Shape: `warning: process {path} pid {pid} exit status {status}`. Source: Postfix
    /// `src/master/master_spawn.c`; since 2.3.
    pub struct ProcessExit<'a> {
        /// The program.
        pub path: &'a [u8],
        /// The process.
        pub pid: u32,
        /// Its exit status.
        pub status: u32,
    }
}

event_struct! {
    /// A process was ended or stopped by a signal.
    ///
    /// Shape: `warning: process {path} pid {pid} {killed|stopped} by signal {signal}`. Source: Postfix
    /// `src/master/master_spawn.c`; since 2.3, `stopped` since 3.0.
    pub struct ProcessKilled<'a> {
        /// The program.
        pub path: &'a [u8],
        /// The process.
        pub pid: u32,
        /// The signal.
        pub signal: u32,
        /// `killed` or `stopped`.
        pub text: &'a [u8],
    }
}

event_struct! {
    /// A service is started no more for a while, because its processes fail at once.
    ///
    /// Shape: `warning: {path}: {reason} -- throttling`. Source: Postfix
    /// `src/master/master_spawn.c`; since 2.3.
    pub struct ProcessThrottled<'a> {
        /// The program; where the fork itself failed, the function.
        pub path: &'a [u8],
        /// Why.
        pub reason: &'a [u8],
    }
}

event_struct! {
    /// All processes of a service are busy; two more lines say what to do.
    ///
    /// Shape: `warning: service "{service}" ({address}) has reached its process limit "{limit}": new
    /// clients may experience noticeable delays`, then `to avoid this condition, …` and `see …`.
    /// Source: Postfix `src/master/master_avail.c`; since 2.3.
    pub struct ProcessLimit<'a> {
        /// The service, as master.cf names it.
        pub service: Option<&'a [u8]>,
        /// What it listens on.
        pub address: Option<&'a [u8]>,
        /// How many processes it may have.
        pub limit: Option<u64>,
        /// The text after the severity word.
        pub text: &'a [u8],
    }
}

event_struct! {
    /// A setting that master does not take, or cannot work with.
    ///
    /// Shape: `{warning|fatal}: {text}`, e.g. `ignoring {parameter} parameter value change`, `bind
    /// {address} port {port}: {reason}`, `{file}: line {n}: {reason}`. Source: Postfix `src/master/`;
    /// since 2.3.
    pub struct Config<'a> {
        /// The parameter.
        pub parameter: Option<&'a [u8]>,
        /// The service, address or file.
        pub service: Option<&'a [u8]>,
        /// What is wrong.
        pub reason: Option<&'a [u8]>,
        /// The text after the severity word.
        pub text: Text<'a>,
    }
}

event_struct! {
    /// Another notice of master about one of its processes.
    ///
    /// Shape: `[{warning|fatal}: ]{text}`, e.g. `service {service}: child (pid {pid}) sent partial
    /// status update ({n} bytes)`. Source: Postfix `src/master/`; since 2.3.
    pub struct Misc<'a> {
        /// The service, as `name(type)`.
        pub service: Option<&'a [u8]>,
        /// The process.
        pub pid: Option<u32>,
        /// The text after the severity word.
        pub text: Text<'a>,
    }
}

/// Parses a message of master.
pub(super) fn parse(message: &[u8]) -> Parsed<'_> {
    let found = if let Some(text) = message.strip_prefix(b"warning: ") {
        process(text)
            .or_else(|| process_limit(text))
            .or_else(|| config(text))
            .or_else(|| misc(text))
    } else if let Some(text) = message.strip_prefix(b"fatal: ") {
        fatal(text).or_else(|| misc(text))
    } else {
        lifecycle(message).or_else(|| misc(message))
    };
    found.ok_or(Reason("master"))
}

fn lifecycle(message: &[u8]) -> Option<Event<'_>> {
    if let Some(rest) = message.strip_prefix(b"daemon started -- version ") {
        let (version, configuration) = split_once(rest, b", configuration ")?;
        return Some(Event::MasterStart(Start {
            version,
            configuration,
        }));
    }
    if let Some(rest) = message.strip_prefix(b"reload ") {
        let (version, configuration) = match rest.strip_prefix(b"-- version ") {
            Some(rest) => split_once(rest, b", configuration ")
                .map(|(version, rest)| (Some(version), rest))?,
            None => (None, rest.strip_prefix(b"configuration ")?),
        };
        return Some(Event::MasterReload(Reload {
            version,
            configuration,
        }));
    }
    let signal = message.strip_prefix(b"terminating on signal ");
    let signal = signal
        .and_then(|signal| small_number(signal).ok())
        .map(|(_, signal)| signal);
    let is_exit = signal.is_some() || message == b"master exit time has arrived";
    is_exit.then_some(Event::MasterExit(Exit {
        signal,
        text: message,
    }))
}

fn process(text: &[u8]) -> Option<Event<'_>> {
    if let Some(rest) = text.strip_suffix(b" -- throttling") {
        let (path, reason) = split_once(rest, b": ")?;
        return Some(Event::ProcessThrottled(ProcessThrottled { path, reason }));
    }
    let (_, event) = process_end(text).ok()?;
    Some(event)
}

/// Reads `process {path} pid {pid} {exit status|killed by signal|stopped by signal} {n}`.
fn process_end(input: &[u8]) -> Scan<'_, Event<'_>> {
    let (rest, (path, pid)) =
        (preceded(tag("process "), before(" pid ")), small_number).parse(input)?;
    if let Ok((rest, status)) = preceded(tag::<_, _, ()>(" exit status "), small_number).parse(rest)
    {
        return Ok((rest, Event::ProcessExit(ProcessExit { path, pid, status })));
    }
    let (rest, (text, signal)) =
        (preceded(tag(" "), before(" by signal ")), small_number).parse(rest)?;
    if !matches!(text, b"killed" | b"stopped") {
        return mismatch();
    }
    Ok((
        rest,
        Event::ProcessKilled(ProcessKilled {
            path,
            pid,
            signal,
            text,
        }),
    ))
}

fn process_limit(text: &[u8]) -> Option<Event<'_>> {
    let hints: &[&[u8]] = &[
        b"to avoid this condition, increase the process count in master.cf ",
        b"see http://www.postfix.org/STRESS_README.html ",
        b"see https://www.postfix.org/STRESS_README.html ",
    ];
    if hints.iter().any(|words| text.starts_with(words)) {
        let hint = ProcessLimit {
            service: None,
            address: None,
            limit: None,
            text,
        };
        return Some(Event::ProcessLimit(hint));
    }
    let (service, rest) = split_once(text.strip_prefix(b"service \"")?, b"\" (")?;
    let (address, rest) = split_once(rest, b") has reached its process limit \"")?;
    let (_, limit) = number(rest).ok()?;
    Some(Event::ProcessLimit(ProcessLimit {
        service: Some(service),
        address: Some(address),
        limit: Some(limit),
        text,
    }))
}

fn config(text: &[u8]) -> Option<Event<'_>> {
    let (parameter, service) = if let Some(rest) = text.strip_prefix(b"ignoring ") {
        (
            rest.strip_suffix(b" parameter value change").map(Some)?,
            None,
        )
    } else if let Some(rest) = text.strip_prefix(b"to change ") {
        (
            rest.strip_suffix(b", stop and start Postfix").map(Some)?,
            None,
        )
    } else if let Some(rest) = text.strip_prefix(b"duplicate master.cf entry for service \"") {
        (None, Some(split_once(rest, b"\"")?.0))
    } else if text.starts_with(b"old value: \"") {
        (None, None)
    } else {
        return None;
    };
    Some(Event::MasterConfig(Config {
        parameter,
        service,
        reason: None,
        text: Text(text),
    }))
}

fn fatal(text: &[u8]) -> Option<Event<'_>> {
    let (service, reason) = if let Some(rest) = text.strip_prefix(b"open lock file ") {
        split_once(rest, b": ")?
    } else if let Some(rest) = text.strip_prefix(b"bind ") {
        before_last(rest, b": ")?
    } else {
        let (file, rest) = split_once(text, b": line ")?;
        (file, split_once(rest, b": ")?.1)
    };
    Some(Event::MasterConfig(Config {
        parameter: None,
        service: Some(service),
        reason: Some(reason),
        text: Text(text),
    }))
}

fn misc(text: &[u8]) -> Option<Event<'_>> {
    let (service, pid) =
        if let Some(rest) = text.strip_prefix(b"ignoring status update from child pid ") {
            (None, small_number(rest).ok().map(|(_, pid)| pid))
        } else if let Some(rest) = text.strip_prefix(b"service ") {
            let (service, rest) = split_once(rest, b": child (pid ")?;
            (Some(service), small_number(rest).ok().map(|(_, pid)| pid))
        } else if let Some(rest) = text.strip_prefix(b"master_wakeup_timer_event: service ") {
            (Some(split_once(rest, b": ")?.0), None)
        } else if text.starts_with(b"unable to set session and process group ID: ") {
            (None, None)
        } else {
            return None;
        };
    Some(Event::MasterMisc(Misc {
        service,
        pid,
        text: Text(text),
    }))
}

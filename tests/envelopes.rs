//! What stands around a message changes nothing: every line of `fixtures/lines` and every row of the
//! tables of examples is read behind each envelope, as the same tag, process id, message and event.
//!
//! The envelopes are written by hand, from what loggers write; none of it by the code under test.
#![cfg(test)]

mod examples;

use std::fs;
use std::path::Path;

use mailtally::source::{Chunk, Dating, SourceId};
use mailtally_parsers::{Event, Kind, Reason, Tag};

/// A line to be.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    tag: String,
    message: String,
}

const PID: u32 = 4711;

/// Envelopes of text: what stands before the message. `TAG` is the tag with process id and colon,
/// `BARE` the tag without, `PID` the process id.
const TEXT: &[(&str, &str)] = &[
    // RFC 3164, as syslogd, rsyslog and syslog-ng write it to files.
    ("rfc3164", "Nov 21 00:44:25 mx1 TAG "),
    ("rfc3164, padded day", "Nov  1 00:44:25 mx1 TAG "),
    ("rfc3164, single blank", "Nov 1 00:44:25 mx1 TAG "),
    ("rfc3164, 29 February", "Feb 29 23:59:60 mx1 TAG "),
    ("maillog_file of Postfix", "Nov 01 00:44:25 mx1 TAG "),
    (
        "rfc3164, address for a host",
        "Nov 21 00:44:25 2001:db8::25 TAG ",
    ),
    ("with its priority", "<22>Nov 21 00:44:25 mx1 TAG "),
    (
        "priority and RFC 3339",
        "<22>2026-11-21T00:44:25+01:00 mx1 TAG ",
    ),
    (
        "FreeBSD, syslogd -v",
        "Nov 21 00:44:25 <mail.info> mx1 TAG ",
    ),
    ("FreeBSD, numbers", "Nov 21 00:44:25 <2.6> mx1 TAG "),
    ("BusyBox", "Nov 21 00:44:25 mx1 mail.info TAG "),
    ("Solaris", "Nov 21 00:44:25 mx1 TAG [ID 197553 mail.info] "),
    ("rsyslog in containers", "Nov 21 00:44:25 INFO    TAG "),
    // RFC 3339: rsyslog since Debian 12, syslog-ng, journalctl -o short-iso.
    ("no digit", "2026-11-21T00:44:25+01:00 mx1 TAG "),
    ("1 digit", "2026-11-21T00:44:25.7+01:00 mx1 TAG "),
    ("2 digits", "2026-11-21T00:44:25.73+01:00 mx1 TAG "),
    ("3 digits", "2026-11-21T00:44:25.730Z mx1 TAG "),
    ("4 digits", "2026-11-21T00:44:25.7300+0100 mx1 TAG "),
    ("5 digits", "2026-11-21T00:44:25.73009-05:30 mx1 TAG "),
    ("6 digits", "2026-11-21T00:44:25.730092+01:00 mx1 TAG "),
    ("7 digits", "2026-11-21T00:44:25.7300921Z mx1 TAG "),
    ("8 digits", "2026-11-21T00:44:25.73009214+01:00 mx1 TAG "),
    ("9 digits", "2026-11-21T00:44:25.730092145+01:00 mx1 TAG "),
    ("comma", "2026-11-21T00:44:25,730+01:00 mx1 TAG "),
    ("short offset", "2026-11-21T00:44:25+01 mx1 TAG "),
    ("no zone", "2026-11-21T00:44:25 mx1 TAG "),
    ("Z", "2026-11-21T00:44:25Z mx1 TAG "),
    // journalctl.
    ("short-precise", "Nov 21 00:44:25.730092 mx1 TAG "),
    ("short-iso", "2026-11-21T00:44:25+0100 mx1 TAG "),
    (
        "short-iso-precise",
        "2026-11-21T00:44:25.730092+0100 mx1 TAG ",
    ),
    ("short-full", "Sat 2026-11-21 00:44:25 CET mx1 TAG "),
    ("short-full, UTC", "Sat 2026-11-21 00:44:25 UTC mx1 TAG "),
    ("short-unix", "1793493865.730092 mx1 TAG "),
];

/// Envelopes that state tag and process id each by itself: RFC 5424.
const FIELDS: &[(&str, &str)] = &[
    (
        "rfc5424",
        "<22>1 2026-11-21T00:44:25.730092+01:00 mx1 BARE PID - - ",
    ),
    ("rfc5424, Z", "<22>1 2026-11-21T00:44:25Z mx1 BARE PID - - "),
    (
        "rfc5424, message id",
        "<22>1 2026-11-21T00:44:25Z mx1 BARE PID ID47 - ",
    ),
    (
        "rfc5424, a blank more",
        "<22>1 2026-11-21T00:44:25Z mx1 BARE PID - -  ",
    ),
    (
        "rfc5424, BOM",
        "<22>1 2026-11-21T00:44:25Z mx1 BARE PID - - \u{feff}",
    ),
    (
        "rfc5424 without priority",
        "1 2026-11-21T00:44:25Z mx1 BARE PID - - ",
    ),
    (
        "rfc5424, data",
        r#"<22>1 2026-11-21T00:44:25Z mx1 BARE PID - [a@1 x="1" y="z"][b@2] "#,
    ),
    (
        "rfc5424, data with quotes and brackets",
        r#"<22>1 2026-11-21T00:44:25Z mx1 BARE PID ID [a@1 x="]\"[" y="\\"][b@2 z="- "] "#,
    ),
    (
        "rfc5424, data and BOM",
        "1 2026-11-21T00:44:25Z mx1 BARE PID - [a@1 x=\"1\"] \u{feff}",
    ),
];

impl Said {
    fn alone(&self) -> Alone<'_> {
        let (_, message) = unfolded(&self.message);
        Event::parse(&Tag::parse(self.tag.as_bytes()), message.as_bytes())
    }

    fn behind(&self, envelope: &str, pid: bool) -> String {
        let (tagged, pid) = match pid {
            true => (format!("{}[{PID}]:", self.tag), PID.to_string()),
            false => (format!("{}:", self.tag), "-".to_owned()),
        };
        let head = envelope
            .replace("TAG", &tagged)
            .replace("BARE", &self.tag)
            .replace("PID", &pid);
        format!("{head}{}", self.message)
    }
}

/// All fixtures and examples but what only an envelope makes a kind of its own.
fn said() -> Vec<Said> {
    let mut said = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/lines");
    for program in fs::read_dir(root).unwrap() {
        for file in fs::read_dir(program.unwrap().path()).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            said.extend(
                lines
                    .filter_map(|line| line.split_once(": "))
                    .map(|(tag, message)| Said {
                        tag: tag.to_owned(),
                        message: message.to_owned(),
                    }),
            );
        }
    }
    let fixtures = said.len();
    let rows = examples::catalogue().into_iter().chain(examples::own());
    said.extend(rows.filter(|row| !row.program.is_empty()).map(|row| Said {
        tag: row.program.to_owned(),
        message: row.message.to_owned(),
    }));
    said.extend(examples::subkinds().into_iter().map(|row| Said {
        tag: row.program.to_owned(),
        message: row.message.to_owned(),
    }));
    let rows = said.len() - fixtures;
    assert!(fixtures > 1_000 && rows > 2_150, "{fixtures}, {rows}");
    // A notice about the line above is no event of its own here; many rows are in two tables.
    said.retain(|line| !line.message.contains("last message repeated"));
    said.sort();
    said.dedup();
    said
}

/// The event of a message without an envelope.
type Alone<'a> = Result<Event<'a>, Reason>;

fn parsed(said: &[Said]) -> Vec<(&Said, Alone<'_>)> {
    said.iter().map(|said| (said, said.alone())).collect()
}

/// Reads a log, and holds each line against what was said.
fn hold(name: &str, log: Vec<u8>, said: &[(&Said, Alone<'_>)], pid: Option<u32>) {
    let chunk = Chunk::new(log, Dating::from_year(2028, None), SourceId(0));
    let mut lines = chunk.records();
    for (expected, alone) in said {
        let line = lines
            .next()
            .unwrap_or_else(|| panic!("{name}: too few lines"));
        let raw = String::from_utf8_lossy(line.raw);
        let record = line.record().unwrap_or_else(|| panic!("{name}: {raw}"));
        let (times, message) = unfolded(&expected.message);
        assert_eq!(record.tag.text, expected.tag.as_bytes(), "{name}: {raw}");
        assert_eq!(record.pid, pid, "{name}: {raw}");
        assert_eq!(record.repeated, times, "{name}: {raw}");
        let event = Event::parse(&record.tag, record.message);
        let found = String::from_utf8_lossy(record.message);
        // Before a message RFC 5424 may have a blank more, as a stock rsyslog writes it.
        if message.starts_with(' ') {
            assert_eq!(found.trim_start(), message.trim_start(), "{name}: {raw}");
            assert_eq!(kind(&event), kind(alone), "{name}: {raw}");
        } else {
            assert_eq!(found, message, "{name}: {raw}");
            assert_eq!(event, *alone, "{name}: {raw}");
        }
        assert!(line.time.is_some(), "{name}: {raw}");
    }
    assert!(lines.next().is_none(), "{name}: too many lines");
}

fn kind(event: &Result<Event<'_>, Reason>) -> Option<Kind> {
    event.as_ref().ok().map(Event::kind)
}

/// What rsyslog's words for a repeated message stand for.
fn unfolded(message: &str) -> (u32, &str) {
    let unframed = || {
        let (times, rest) = message
            .strip_prefix("message repeated ")?
            .split_once(" times: [ ")?;
        Some((times.parse().ok()?, rest.strip_suffix(']')?))
    };
    unframed().unwrap_or((1, message))
}

/// Each envelope with a name and a process id.
fn with_pid() -> impl Iterator<Item = (String, &'static str, bool)> {
    let text = TEXT.iter().chain(FIELDS);
    text.map(|(name, text)| ((*name).to_owned(), *text, true))
}

fn without_pid() -> impl Iterator<Item = (String, &'static str, bool)> {
    with_pid().map(|(name, text, _)| (format!("{name}, without pid"), text, false))
}

/// Reads all that was said behind each envelope, each line put into something else.
fn hold_all(
    what: &str,
    envelopes: impl Iterator<Item = (String, &'static str, bool)>,
    wrap: impl Fn(&str) -> String,
) {
    let said = said();
    let parsed = parsed(&said);
    for (name, envelope, has_pid) in envelopes {
        let lines = said
            .iter()
            .map(|said| wrap(&said.behind(envelope, has_pid)));
        let log: String = lines.map(|line| line + "\n").collect();
        let pid = has_pid.then_some(PID);
        hold(&format!("{name}{what}"), log.into_bytes(), &parsed, pid);
    }
}

#[test]
fn text_is_the_same_behind_every_envelope() {
    hold_all("", with_pid().chain(without_pid()), str::to_owned);
}

#[test]
fn carriage_returns_and_nuls_change_nothing() {
    hold_all(", CR LF", with_pid(), |line| format!("{line}\r"));
    hold_all(", NULs", with_pid(), |line| format!("\0\0\0{line}"));
}

#[test]
fn docker_changes_nothing() {
    hold_all(" in Docker", with_pid(), |line| {
        let text = serde_json::to_string(&format!("{line}\n")).unwrap();
        format!(r#"{{"log":{text},"stream":"stdout","time":"2026-11-21T00:44:25.730092145Z"}}"#)
    });
}

/// About the middle of a line, not within a character.
fn middle(line: &str) -> usize {
    let places = line.len() / 2..=line.len();
    places
        .into_iter()
        .find(|at| line.is_char_boundary(*at))
        .unwrap()
}

#[test]
fn kubernetes_changes_nothing() {
    hold_all(" in CRI", with_pid(), |line| {
        format!("2026-11-21T00:44:25.730092145Z stderr F {line}")
    });
    hold_all(" in parts in CRI", with_pid(), |line| {
        let (first, last) = line.split_at(middle(line));
        let stamp = "2026-11-21T00:44:25.730092145+00:00";
        format!("{stamp} stdout P {first}\n{stamp} stdout F {last}")
    });
}

#[test]
fn the_journal_changes_nothing() {
    let said = said();
    let parsed = parsed(&said);
    let entry = |said: &Said, message: String| {
        let tag = serde_json::to_string(&said.tag).unwrap();
        format!(
            "{{\"__REALTIME_TIMESTAMP\":\"1793493865730092\",\"_HOSTNAME\":\"mx1\",\
             \"SYSLOG_IDENTIFIER\":{tag},\"SYSLOG_PID\":\"{PID}\",\"_PID\":\"1\",\"MESSAGE\":{message}}}\n"
        )
    };
    let strings = |said: &Said| entry(said, serde_json::to_string(&said.message).unwrap());
    let bytes = |said: &Said| entry(said, format!("{:?}", said.message.as_bytes()));
    let log: String = said.iter().map(strings).collect();
    hold("journal", log.into_bytes(), &parsed, Some(PID));
    let log: String = said.iter().map(bytes).collect();
    hold("journal, bytes", log.into_bytes(), &parsed, Some(PID));
}

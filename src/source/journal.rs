//! Lines that are one JSON object each, unwrapped into reused buffers: entries of `journalctl -o
//! json`, and the log files that Docker keeps (`{"log":"…\n","stream":"stdout","time":"…"}`).
//!
//! A line is taken for a journal's when it begins with `{` and has a time stamp; the journal's
//! binary files are **not** read here, nor what is in Docker's `log`.

use std::fmt;

use mailtally_parsers::{Record, Timestamp};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The fields of one object.
#[derive(Debug, Default)]
pub(super) struct Entry {
    timestamp: Option<Timestamp>,
    realtime: Vec<u8>,
    source_realtime: Vec<u8>,
    host: Vec<u8>,
    identifier: Vec<u8>,
    program: Vec<u8>,
    syslog_pid: Vec<u8>,
    pid: Vec<u8>,
    message: Vec<u8>,
    docker_log: Vec<u8>,
    docker_stream: Vec<u8>,
    docker_time: Vec<u8>,
}

/// The fields of a line of Docker's.
#[derive(Clone, Copy)]
pub(super) struct DockerLine<'e> {
    /// What the container wrote, with its line end if that is in it.
    pub(super) text: &'e [u8],
    /// `stdout` or `stderr`.
    pub(super) stream: &'e [u8],
    /// When Docker got it, in the spelling of RFC 3339.
    pub(super) time: &'e [u8],
}

impl Entry {
    /// Reads the object of a line; `false` when it is none.
    pub(super) fn read(&mut self, line: &[u8]) -> bool {
        self.clear();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut deserializer = serde_json::Deserializer::from_slice(line);
        deserializer.deserialize_map(EntryVisitor(self)).is_ok() && deserializer.end().is_ok()
    }

    /// Returns the fields of the line if it is Docker's.
    pub(super) fn docker(&self) -> Option<DockerLine<'_>> {
        let is_docker = !self.docker_log.is_empty() && !self.docker_time.is_empty();
        is_docker.then_some(DockerLine {
            text: &self.docker_log,
            stream: &self.docker_stream,
            time: &self.docker_time,
        })
    }

    /// Tells when the entry of a journal was logged; `None` when it is none.
    ///
    /// The time is `_SOURCE_REALTIME_TIMESTAMP` (when the program logged), else
    /// `__REALTIME_TIMESTAMP` (when the journal got it); the process id is `SYSLOG_PID`, else
    /// `_PID`; the tag `SYSLOG_IDENTIFIER`, else `_COMM`. A message too large for the journal's
    /// JSON is null there, and empty here.
    pub(super) fn stamp(&mut self) -> Option<Timestamp> {
        let micros = number(&self.source_realtime).or_else(|| number(&self.realtime))?;
        self.timestamp = Timestamp::from_epoch_micros(micros);
        self.timestamp
    }

    /// Returns the record of a journal's entry whose stamp was read.
    pub(super) fn record(&self) -> Option<Record<'_>> {
        let timestamp = self.timestamp?;
        let pid = number(&self.syslog_pid).or_else(|| number(&self.pid));
        let pid = pid.and_then(|pid| u32::try_from(pid).ok());
        let tag = if self.identifier.is_empty() {
            &self.program
        } else {
            &self.identifier
        };
        let message = self.message.strip_suffix(b"\n").unwrap_or(&self.message);
        Some(Record::from_parts(timestamp, &self.host, tag, pid, message))
    }

    fn clear(&mut self) {
        self.timestamp = None;
        for field in [
            &mut self.realtime,
            &mut self.source_realtime,
            &mut self.host,
            &mut self.identifier,
            &mut self.program,
            &mut self.syslog_pid,
            &mut self.pid,
            &mut self.message,
            &mut self.docker_log,
            &mut self.docker_stream,
            &mut self.docker_time,
        ] {
            field.clear();
        }
    }

    fn buffer(&mut self, member: Member) -> &mut Vec<u8> {
        match member {
            Member::Realtime => &mut self.realtime,
            Member::SourceRealtime => &mut self.source_realtime,
            Member::Host => &mut self.host,
            Member::Identifier => &mut self.identifier,
            Member::Program => &mut self.program,
            Member::SyslogPid => &mut self.syslog_pid,
            Member::Pid => &mut self.pid,
            Member::Message => &mut self.message,
            Member::DockerLog => &mut self.docker_log,
            Member::DockerStream => &mut self.docker_stream,
            Member::DockerTime => &mut self.docker_time,
        }
    }
}

/// A member of an entry that we read.
#[derive(Clone, Copy)]
enum Member {
    Realtime,
    SourceRealtime,
    Host,
    Identifier,
    Program,
    SyslogPid,
    Pid,
    Message,
    DockerLog,
    DockerStream,
    DockerTime,
}

impl Member {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "__REALTIME_TIMESTAMP" => Member::Realtime,
            "_SOURCE_REALTIME_TIMESTAMP" => Member::SourceRealtime,
            "_HOSTNAME" => Member::Host,
            "SYSLOG_IDENTIFIER" => Member::Identifier,
            "_COMM" => Member::Program,
            "SYSLOG_PID" => Member::SyslogPid,
            "_PID" => Member::Pid,
            "MESSAGE" => Member::Message,
            "log" => Member::DockerLog,
            "stream" => Member::DockerStream,
            "time" => Member::DockerTime,
            _ => return None,
        })
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.trim().parse().ok()
}

/// Reads an object's members into their buffers.
struct EntryVisitor<'b>(&'b mut Entry);

impl<'de> Visitor<'de> for EntryVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(member) = members.next_key_seed(Name)? {
            match member {
                Some(member) => members.next_value_seed(Text(self.0.buffer(member)))?,
                None => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// Reads a member's name without keeping it; one with an escape in it is none of ours.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<Member>;

    fn deserialize<D: Deserializer<'de>>(self, name: D) -> Result<Option<Member>, D::Error> {
        name.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<Member>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Option<Member>, E> {
        Ok(Member::of(name))
    }
}

/// Reads a value as bytes: a string, an array of bytes, null; of repeated fields the first.
struct Text<'b>(&'b mut Vec<u8>);

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, an array of bytes or null")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.clear();
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.clear();
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.clear();
        let mut is_first = true;
        while items
            .next_element_seed(Element {
                text: self.0,
                is_first,
            })?
            .is_some()
        {
            is_first = false;
        }
        Ok(())
    }
}

/// Reads an element of an array: a byte of a text, or one of the texts of a repeated field.
struct Element<'b> {
    text: &'b mut Vec<u8>,
    is_first: bool,
}

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a byte, a string or an array of bytes")
    }

    fn visit_u64<E>(self, byte: u64) -> Result<(), E> {
        self.text.extend(u8::try_from(byte));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if self.is_first {
            self.text.extend_from_slice(text.as_bytes());
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<(), A::Error> {
        while let Some(byte) = bytes.next_element::<u8>()? {
            if self.is_first {
                self.text.push(byte);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(Timestamp, String)> {
        let mut entry = Entry::default();
        let stamp = entry.read(line.as_bytes()).then(|| entry.stamp())??;
        let record = entry.record()?;
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let pid = record
            .pid
            .map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        let shown = [
            text(record.host),
            text(record.tag.text),
            pid,
            text(record.message),
        ];
        Some((stamp, shown.join(" | ")))
    }

    fn stamp(micros: u64) -> Timestamp {
        Timestamp::from_epoch_micros(micros).unwrap()
    }

    #[test]
    fn reads_strings_bytes_nulls_and_repeated_fields() {
        for (members, expected) in [
            (
                r#""_HOSTNAME":"mx1","SYSLOG_IDENTIFIER":"postfix/qmgr","SYSLOG_PID":"7","_PID":"8","MESSAGE":"a \"b\" \u00e9""#,
                "mx1 | postfix/qmgr | 7 | a \"b\" é",
            ),
            (
                r#""SYSLOG_IDENTIFIER":"dovecot","_PID":"8","MESSAGE":[97,255,10]"#,
                " | dovecot | 8 | a\u{FFFD}",
            ),
            (r#""_COMM":"smtpd","MESSAGE":null"#, " | smtpd | - | "),
            (
                r#""SYSLOG_IDENTIFIER":["a","b"],"MESSAGE":[[120,121],"z"]"#,
                " | a | - | xy",
            ),
            (
                r#""_HOSTNAME":"h","X":{"y":[1,{}]},"MESSAGE":"m","_PID":5"#,
                "h |  | 5 | m",
            ),
        ] {
            let line = format!("{{\"__REALTIME_TIMESTAMP\":\"1795221865624661\",{members}}}");
            assert_eq!(
                read(&line),
                Some((stamp(1_795_221_865_624_661), expected.to_owned())),
                "{line}"
            );
        }
    }

    #[test]
    fn prefers_the_time_at_which_the_program_logged() {
        let line = r#"{"__REALTIME_TIMESTAMP":"2","_SOURCE_REALTIME_TIMESTAMP":"1","MESSAGE":""}"#;
        assert_eq!(read(line).map(|(found, _)| found), Some(stamp(1)));
    }

    #[test]
    fn refuses_what_is_no_entry() {
        for line in [
            "{",
            "{}",
            r#"{"MESSAGE":"no time"}"#,
            r#"{"__REALTIME_TIMESTAMP":"x"}"#,
            r#"{"__REALTIME_TIMESTAMP":"99999999999999999999"}"#,
            r#"{"__REALTIME_TIMESTAMP":"1"} trailing"#,
            r#"[1]"#,
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn forgets_the_entry_before() {
        let mut entry = Entry::default();
        let full = br#"{"__REALTIME_TIMESTAMP":"1","_HOSTNAME":"h","_PID":"5","MESSAGE":"m"}"#;
        assert!(entry.read(full) && entry.stamp().is_some());
        assert!(entry.read(br#"{"__REALTIME_TIMESTAMP":"1"}"#) && entry.stamp().is_some());
        let record = entry.record().unwrap();
        assert_eq!(
            (record.host, record.pid, record.message),
            (&b""[..], None, &b""[..])
        );
    }
}

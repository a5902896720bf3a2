//! A log of offences for programs that block: fail2ban, CrowdSec.
//!
//! A line is `TIME mailtally: offence rule=RULE severity=SEVERITY count=N address=ADDRESS`, or
//! `network=NETWORK` at its end. Nothing in it is text of the log: the address was read as one and
//! written anew. packaging/ has the filters that read it.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use chrono::{DateTime, Local, NaiveDateTime};

use super::Say;
use super::lane::Queue;
use crate::watch::{Alert, Change};

/// Who may read it besides its owner: the group, as with logs.
const MODE: u32 = 0o640;

/// The file to which offences are appended.
pub struct JailLog {
    path: PathBuf,
}

impl JailLog {
    /// Opens the file once, so that one that cannot be written is known at the start.
    ///
    /// # Errors
    /// Where the file cannot be opened for appending.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        let jail = Self { path };
        jail.append("")?;
        Ok(jail)
    }

    pub(super) fn run(&self, queue: &Queue<Alert>, say: &Say) {
        let mut problem = String::new();
        for alert in queue.iter() {
            if let Some(line) = offence(&alert) {
                self.note(&line, &mut problem, say);
            }
            alert.delivered();
        }
    }

    /// Appends a line; what is wrong with the file is said once.
    fn note(&self, line: &str, problem: &mut String, say: &Say) {
        match self.append(line) {
            Ok(()) => problem.clear(),
            Err(error) if error.to_string() == *problem => {}
            Err(error) => {
                *problem = error.to_string();
                let path = self.path.display();
                say(&format!("{path}: cannot write offences: {problem}"));
            }
        }
    }

    /// Opened anew each time: logrotate may have moved it away.
    fn append(&self, line: &str) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(MODE)
            .open(&self.path)?;
        file.write_all(line.as_bytes())
    }
}

/// The line of an alert that is about an address or a network.
fn offence(alert: &Alert) -> Option<String> {
    if alert.change == Change::Resolved {
        return None;
    }
    let mut sources = alert
        .key
        .iter()
        .filter_map(|(name, value)| source(name, value));
    let source = sources.next()?;
    let time = with_zone(&alert.time)?;
    let (rule, severity, count) = (word(&alert.rule), alert.severity.name(), alert.count);
    Some(format!(
        "{time} mailtally: offence rule={rule} severity={severity} count={count} {source}\n"
    ))
}

/// `address=...` or `network=...`, if that is what the value is.
fn source(name: &str, value: &str) -> Option<String> {
    match name {
        "address" => {
            let address: IpAddr = value.parse().ok()?;
            Some(format!("address={address}"))
        }
        "network" => {
            let (network, bits) = value.split_once('/')?;
            let network: IpAddr = network.parse().ok()?;
            let bits: u8 = bits.parse().ok()?;
            Some(format!("network={network}/{bits}"))
        }
        _ => None,
    }
}

/// A site names its rules as it likes; a filter wants one word.
fn word(name: &str) -> String {
    let plain = |character: char| match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' => character,
        _ => '_',
    };
    name.chars().map(plain).collect()
}

/// The time to the second, with its zone; of a stamp without one, that of this machine.
fn with_zone(time: &str) -> Option<String> {
    const SHAPE: &str = "%Y-%m-%dT%H:%M:%S%z";
    if let Ok(time) = DateTime::parse_from_rfc3339(time) {
        return Some(time.format(SHAPE).to_string());
    }
    let wall = NaiveDateTime::parse_from_str(time, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
    // In the hour that comes twice, the first of the two.
    let local = wall.and_local_timezone(Local).earliest()?;
    Some(local.format(SHAPE).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written_anew() {
        let of = |value| source("address", value);
        assert_eq!(of("203.0.113.9").as_deref(), Some("address=203.0.113.9"));
        assert_eq!(of("2001:DB8:0::1").as_deref(), Some("address=2001:db8::1"));
        for forged in [
            "",
            "203.0.113.9 address=192.0.2.1",
            "unknown",
            "1.2.3.4\n",
            "203.0.113.9/8",
        ] {
            assert_eq!(of(forged), None, "{forged:?}");
        }
        assert_eq!(
            source("network", "2001:db8::/64").as_deref(),
            Some("network=2001:db8::/64")
        );
        assert_eq!(source("network", "2001:db8::"), None);
        assert_eq!(source("user", "203.0.113.9"), None);
    }

    #[test]
    fn names_of_rules_are_one_word() {
        assert_eq!(word("login-brute-force"), "login-brute-force");
        assert_eq!(word("a b\nc=d"), "a_b_c_d");
    }

    #[test]
    fn times_have_seconds_and_a_zone() {
        let time = |text| with_zone(text).unwrap();
        assert_eq!(
            time("2026-11-21T10:00:05.123456+01:00"),
            "2026-11-21T10:00:05+0100"
        );
        assert_eq!(time("2026-11-21T10:00:05Z"), "2026-11-21T10:00:05+0000");
        assert!(time("2026-11-21T10:00:05").starts_with("2026-11-21T10:00:05"));
        assert_eq!(
            time("2026-11-21T10:00:05").len(),
            "2026-11-21T10:00:05+0000".len()
        );
        assert_eq!(with_zone("yesterday"), None);
    }
}

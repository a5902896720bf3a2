//! `mailtally events --anonymize-ip`: nothing that is written names one machine.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use serde_json::Value;

use crate::support::{lab_log, mailtally_reading};

const LOG: &str = "\
Nov 21 10:00:00 198.51.100.20 postfix/smtpd[101]: connect from 198-51-100-17.dsl.example[198.51.100.17]
Nov 21 10:00:01 mx1 postfix/smtpd[101]: NOQUEUE: reject: RCPT from unknown[2001:db8:1:2:3:4:5:6]: 554 5.7.1 Service unavailable; Client host [2001:db8:1:2:3:4:5:6] blocked using zen.example; from=<a@example.com> to=<b@example.net> proto=ESMTP helo=<[IPv6:2001:db8:1:2:3:4:5:6]>
Nov 21 10:00:02 mx1 postfix/smtpd[101]: a text of no known shape about 198.51.100.17 and \\n2001:db8:1:2:3:4:5:6
";

#[test]
fn no_field_has_the_whole_address() {
    for format in ["jsonl", "csv"] {
        let arguments = format!("events --year 2026 --anonymize-ip --format {format}");
        let run = mailtally_reading(&arguments, LOG.as_bytes()).expect_status(0);
        for secret in ["198.51.100.17", "198-51-100-17", "198.51.100.20", "3:4:5:6"] {
            assert!(!run.stdout.contains(secret), "{secret} in {run}");
        }
        for kept in ["198.51.100.0", "0-51-100-0.dsl.example", "2001:db8:1:2::"] {
            assert!(run.stdout.contains(kept), "no {kept} in {run}");
        }
    }
}

#[test]
fn conditions_look_at_the_whole_address() {
    let arguments = "events --year 2026 --anonymize-ip --where client_address=198.51.100.17";
    let objects = mailtally_reading(arguments, LOG.as_bytes()).json_lines();
    let [object] = objects.as_slice() else {
        panic!("not one object: {objects:?}");
    };
    assert_eq!(object["client_address"], "198.51.100.0");
    assert_eq!(object["host"], "198.51.100.0");
}

#[test]
fn lines_of_unknown_shape_are_masked_too() {
    let arguments = "events --year 2026 --anonymize-ip --unparsed -";
    let run = mailtally_reading(arguments, LOG.as_bytes()).expect_status(0);
    assert_eq!(
        run.stdout,
        "Nov 21 10:00:02 mx1 postfix/smtpd[101]: a text of no known shape about 198.51.100.0 and \
         \\n2001:db8:1:2::\n"
    );
}

/// The samples of every kind, behind an envelope.
fn lines_of_every_kind() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/lines");
    let mut log = String::new();
    for program in fs::read_dir(root).unwrap() {
        for file in fs::read_dir(program.unwrap().path()).unwrap() {
            let samples = fs::read(file.unwrap().path()).unwrap();
            let samples = String::from_utf8_lossy(&samples).into_owned();
            for sample in samples.lines().filter(|line| !line.starts_with('#')) {
                log.push_str(&format!("Nov 21 10:00:00 mx1 {sample}\n"));
            }
        }
    }
    log
}

/// The kind of a line, its fields and whether each has a value must not depend on the addresses.
#[test]
fn the_shape_of_every_object_stays() {
    let shape = |object: &Value| {
        let fields = object.as_object().unwrap().iter();
        let fields = fields.map(|(name, value)| (name.clone(), value.is_null()));
        (object["kind"].clone(), fields.collect::<Vec<_>>())
    };
    let lab = fs::read_to_string(lab_log()).unwrap();
    for log in [lab, lines_of_every_kind()] {
        let read = |arguments| mailtally_reading(arguments, log.as_bytes()).json_lines();
        let plain = read("events --year 2026");
        let masked = read("events --year 2026 --anonymize-ip");
        assert!(plain.len() > 1000, "only {} objects", plain.len());
        assert_eq!(plain.len(), masked.len());
        for (plain, masked) in plain.iter().zip(&masked) {
            assert_eq!(shape(plain), shape(masked), "{plain} {masked}");
            for (name, value) in masked.as_object().unwrap() {
                assert!(!names_a_machine(value), "{name} of {masked}");
            }
        }
    }
}

/// Tells whether a field is an address, and not one of those that are written.
fn names_a_machine(value: &Value) -> bool {
    let address = value.as_str().and_then(|text| text.parse::<IpAddr>().ok());
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(ip)) => !ip.is_loopback() && ip.octets()[3] != 0,
        Some(IpAddr::V6(ip)) => !ip.is_loopback() && ip.segments()[4..] != [0; 4],
        None => false,
    }
}

//! `mailtally events --schema`, held against real output by a validator that knows nothing of us.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};

use crate::support::{fixture, mailtally, mailtally_reading};

const URL: &str = "https://example.com/event.json";

/// The schema, compiled as a whole and kind by kind.
struct Validator {
    schemas: Schemas,
    whole: SchemaIndex,
    kinds: BTreeMap<String, SchemaIndex>,
}

impl Validator {
    fn new() -> Self {
        let schema = mailtally("events --schema", &[]).expect_status(0).json();
        let names: Vec<String> = schema["$defs"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
        compiler.add_resource(URL, schema).unwrap();
        let whole = compiler.compile(URL, &mut schemas).unwrap();
        let mut kinds = BTreeMap::new();
        for name in names {
            let url = format!("{URL}#/$defs/{name}");
            kinds.insert(name, compiler.compile(&url, &mut schemas).unwrap());
        }
        Validator {
            schemas,
            whole,
            kinds,
        }
    }

    /// Validates an event against the definition of its kind.
    fn check(&self, event: &Value) -> Result<(), String> {
        let kind = event["kind"].as_str().unwrap();
        let Some(definition) = self.kinds.get(kind) else {
            return Err(format!("no definition of {kind}"));
        };
        let result = self.schemas.validate(event, *definition);
        result.map_err(|error| format!("{error:#}\n{event}"))
    }

    /// Validates an event against all of it: exactly one kind must fit.
    fn check_whole(&self, event: &Value) -> bool {
        self.schemas.validate(event, self.whole).is_ok()
    }
}

/// An event for each line of `fixtures/lines`.
fn line_events() -> Vec<Value> {
    let mut log = String::new();
    for program in fs::read_dir(fixture("lines")).unwrap() {
        for file in fs::read_dir(program.unwrap().path()).unwrap() {
            let lines = fs::read_to_string(file.unwrap().path()).unwrap();
            for line in lines.lines().filter(|line| !line.starts_with('#')) {
                log.push_str(&format!("Nov 21 10:00:00 mx1 {line}\n"));
            }
        }
    }
    log.push_str("Nov 21 10:00:00 mx1 postfix/smtpd[1]: no such shape\n");
    let run = mailtally_reading("events --year 2026 -", log.as_bytes());
    run.expect_status(0).json_lines()
}

#[test]
fn every_event_of_the_fixtures_validates() {
    let validator = Validator::new();
    let mut events = line_events();
    for log in [
        "logs/lab-small/mail.log",
        "logs/lab-a/mail.log.gz",
        "logs/lab-a/dovecot-own.log.gz",
    ] {
        let run = mailtally("events --year 2026", &[&fixture(log)]);
        events.extend(run.expect_status(0).json_lines());
    }
    assert!(events.len() > 20_000, "{}", events.len());
    let wrong: BTreeSet<String> = events
        .iter()
        .filter_map(|event| validator.check(event).err())
        .collect();
    let shown: Vec<&String> = wrong.iter().take(20).collect();
    assert!(
        wrong.is_empty(),
        "{} kinds of errors: {shown:#?}",
        wrong.len()
    );
}

#[test]
fn an_event_is_of_one_kind_only() {
    let validator = Validator::new();
    let mut kinds = BTreeSet::new();
    for event in line_events() {
        if kinds.insert(event["kind"].as_str().unwrap().to_owned()) {
            assert!(validator.check_whole(&event), "{event}");
        }
    }
    assert!(kinds.len() > 300, "{}", kinds.len());
}

#[test]
fn each_field_of_the_schema_is_seen_in_some_event() {
    let validator = mailtally("events --schema", &[]).json();
    let mut unseen: BTreeSet<(String, String)> = BTreeSet::new();
    for (kind, definition) in validator["$defs"].as_object().unwrap() {
        for (name, _) in definition["properties"].as_object().unwrap() {
            unseen.insert((kind.clone(), name.clone()));
        }
    }
    let all = unseen.len();
    for event in line_events() {
        for name in event.as_object().unwrap().keys() {
            unseen.remove(&(event["kind"].as_str().unwrap().to_owned(), name.clone()));
            unseen.remove(&("envelope".to_owned(), name.clone()));
        }
    }
    // Not each optional field of each kind has a line among the fixtures; most have.
    unseen.retain(|(_, name)| !name.starts_with("value_"));
    assert!(
        unseen.len() * 5 < all,
        "{} of {all} unseen: {unseen:#?}",
        unseen.len()
    );
}

#[test]
fn a_changed_event_does_not_validate() {
    let validator = Validator::new();
    let log = "2026-11-21T10:00:03+01:00 mx1 postfix/smtp[104]: 4F1A22C0D9E: to=<bob@example.org>, \
        relay=mx1.example.org[192.0.2.25]:25, delay=2.1, delays=0.1/0/1/1, dsn=2.0.0, status=sent \
        (250 2.0.0 Ok)\n";
    let run = mailtally_reading("events -", log.as_bytes());
    let event = run.expect_status(0).json();
    validator.check(&event).unwrap();
    assert!(validator.check_whole(&event));
    for (field, value) in [
        ("schema", json!(2)),
        ("schema", json!("1")),
        ("time", json!(5)),
        ("program", Value::Null),
        ("pid", json!(-1)),
        ("pid", json!(1.5)),
        ("kind", json!("qmgr_active")),
        ("kind", json!("no_such_kind")),
        ("queue_id", Value::Null),
        ("delay", json!("2.1")),
        ("delays", json!([0.1, "0"])),
        ("delays", json!("0.1/0/1/1")),
        ("status", json!(true)),
        ("no_such_field", json!("x")),
        ("sender", json!("a@example.com")),
    ] {
        let mut changed = event.clone();
        changed[field] = value;
        assert!(!validator.check_whole(&changed), "{field}: {changed}");
    }
    for field in [
        "schema",
        "time",
        "service",
        "kind",
        "queue_id",
        "status",
        "reason_kind",
    ] {
        let mut changed = event.clone();
        changed.as_object_mut().unwrap().remove(field).unwrap();
        assert!(!validator.check_whole(&changed), "{field}: {changed}");
    }
}

/// What a reader of the schema sees of a kind, written by hand.
#[test]
fn a_kind_is_explained() {
    let schema = mailtally("events --schema", &[]).json();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    let kind = &schema["$defs"]["smtpd_lost_connection"];
    let field = |name: &str| &kind["properties"][name];
    assert_eq!(field("where")["description"], "The last command.");
    assert_eq!(field("size_bytes")["type"], "integer");
    assert_eq!(field("client_address")["type"], "string");
    assert_eq!(kind["required"], json!(["kind", "where", "client_address"]));
    let about = kind["description"].as_str().unwrap();
    assert!(
        about.starts_with("A session ended early: kinds `smtpd_lost_connection`"),
        "{about}"
    );
    let peer = &schema["$defs"]["tls_connection"]["properties"]["message_host"];
    assert_eq!(
        peer["type"], "string",
        "a name of the envelope's is renamed"
    );
}

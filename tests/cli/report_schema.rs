//! `report --schema`, held against real output by a validator that knows nothing of us.

use std::fs;
use std::path::Path;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};

use crate::support::{Folder, fixture, lab_log, mailtally};

const URL: &str = "https://example.com/report.json";

/// Tells whether output keeps to the schema that a command prints.
pub(crate) struct Validator {
    schemas: Schemas,
    whole: SchemaIndex,
}

impl Validator {
    pub(crate) fn new(subcommand: &str) -> Self {
        let schema = mailtally(&format!("{subcommand} --schema"), &[])
            .expect_status(0)
            .json();
        let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
        compiler.add_resource(URL, schema).unwrap();
        let whole = compiler.compile(URL, &mut schemas).unwrap();
        Validator { schemas, whole }
    }

    pub(crate) fn check(&self, report: &Value) -> Result<(), String> {
        let result = self.schemas.validate(report, self.whole);
        result.map_err(|error| format!("{error:#}"))
    }
}

fn report(arguments: &str, log: &Path) -> Value {
    let arguments = format!("report --year 2026 --format json {arguments}");
    let run = mailtally(&arguments, &[log]);
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}\n{run}"))
}

#[test]
fn real_reports_are_as_the_schema_says() {
    let validator = Validator::new("report");
    let folder = Folder::new();
    let logs = [
        lab_log(),
        fixture("logs/lab-a/mail.log.gz"),
        fixture("malformed/terminal.log"),
        fixture("malformed/not-a-mail-log.log"),
        folder.file("empty.log", ""),
    ];
    for log in &logs {
        for arguments in [
            "",
            "--top 1",
            "--sections tls",
            "--sections all",
            "--sections coverage",
            "--since 2026-11-21T00:46:30",
        ] {
            let checked = validator.check(&report(arguments, log));
            assert_eq!(checked, Ok(()), "{arguments} {}", log.display());
        }
    }
    // Else nothing was looked at.
    assert!(report("", &lab_log())["rejects"]["by_rule"][0]["rule"].is_string());
}

#[test]
fn coverage_has_a_schema_too() {
    let run = mailtally(
        "coverage --format json",
        &[&fixture("malformed/terminal.log")],
    );
    let (mut coverage, validator) = (run.json(), Validator::new("coverage"));
    assert_eq!(validator.check(&coverage), Ok(()));
    coverage["lines"]["eaten"] = json!(1);
    assert!(validator.check(&coverage).is_err());
}

#[test]
fn a_key_that_the_schema_does_not_know_fails() {
    let (validator, report) = (Validator::new("report"), report("", &lab_log()));
    for parent in [
        "",
        "/meta",
        "/coverage/lines",
        "/coverage/kinds/0",
        "/totals",
        "/messages",
        "/per_hour/0",
        "/tls/inbound/0",
        "/tls/states/inbound",
        "/logins/0",
        "/rejects/by_rule/0",
        "/connections/by_family",
        "/spam_sources/0",
    ] {
        let mut changed = report.clone();
        let object = changed
            .pointer_mut(parent)
            .unwrap_or_else(|| panic!("no {parent}"));
        object["no_such_key"] = json!(1);
        assert!(validator.check(&changed).is_err(), "{parent}");
    }
}

#[test]
fn a_key_that_is_missing_or_of_another_type_fails() {
    let (validator, report) = (Validator::new("report"), report("", &lab_log()));
    for (parent, key, wrong) in [
        ("", "schema", json!("1")),
        ("/totals", "received", json!(-1)),
        ("/per_hour/0", "hour", json!(0.5)),
        ("/meta", "files", json!("mail.log")),
        ("/tls/outbound/0", "domain", json!(7)),
    ] {
        let mut without = report.clone();
        let object = without.pointer_mut(parent).and_then(Value::as_object_mut);
        object.unwrap().remove(key).unwrap();
        assert!(validator.check(&without).is_err(), "no {parent}/{key}");
        let mut other = report.clone();
        other.pointer_mut(parent).unwrap()[key] = wrong;
        assert!(validator.check(&other).is_err(), "{parent}/{key}");
    }
}

/// After a change: `mailtally report --schema > dashboards/report.schema.json`.
#[test]
fn the_schema_in_the_tree_is_the_one_that_is_printed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards/report.schema.json");
    let printed = mailtally("report --schema", &[]).stdout;
    assert!(
        fs::read_to_string(path).unwrap() == printed,
        "write it anew: mailtally report --schema > dashboards/report.schema.json"
    );
}

#[test]
fn every_key_says_what_it_is() {
    let mut silent = Vec::new();
    for command in ["report", "rules", "top", "top --direction out", "trace"] {
        let schema = mailtally(&format!("{command} --schema"), &[])
            .expect_status(0)
            .json();
        let parts = schema["$defs"].as_object().unwrap().iter();
        let whole = ("whole".to_owned(), schema.clone());
        for (name, definition) in parts.chain([(&whole.0, &whole.1)]) {
            // An enumeration has values and no keys.
            let Some(properties) = definition["properties"].as_object() else {
                continue;
            };
            for (key, property) in properties {
                let about = property["description"].as_str().unwrap_or_default();
                if about.is_empty() {
                    silent.push(format!("{command}: {name}.{key}"));
                }
            }
        }
    }
    assert!(silent.is_empty(), "{silent:?}");
}

//! `mailtally report --split-by`: parts that say what conditions say, and add up to the whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use loggen::Generator;
use serde_json::Value;

use crate::support::{Folder, Run, fixture, lab_log, mailtally, mailtally_reading};

/// Splits a log into a folder of its own; returns the files by their names.
fn split(arguments: &str, log: &Path, folder: &Folder) -> BTreeMap<String, PathBuf> {
    let out = folder.path().join("parts");
    let arguments = format!("report --year 2026 {arguments} --out {}", out.display());
    let run = mailtally(&arguments, &[log]).expect_status(0);
    assert_eq!(run.stdout, "");
    files(&out)
}

fn files(folder: &Path) -> BTreeMap<String, PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
        .collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn whole(arguments: &str, log: &Path) -> Value {
    let arguments = format!("report --year 2026 {arguments}");
    mailtally(&arguments, &[log]).expect_status(0).json()
}

/// Sums a figure of all parts.
fn sum(parts: &[Value], pointer: &str) -> u64 {
    let figure = |part: &Value| part.pointer(pointer).and_then(Value::as_u64);
    parts.iter().map(|part| figure(part).unwrap_or(0)).sum()
}

/// pflogsumm's counts that a line, or a delivery, moves by itself.
const ADDING: [&str; 13] = [
    "received",
    "delivered",
    "forwarded",
    "deferrals",
    "bounced",
    "expired",
    "rejected",
    "reject_warnings",
    "held",
    "discarded",
    "canceled",
    "bytes_received",
    "bytes_delivered",
];

/// Those that add up over the recipients of a mail, which may be of several domains.
const OF_RECIPIENTS: [&str; 5] = [
    "delivered",
    "forwarded",
    "deferrals",
    "bounced",
    "bytes_delivered",
];

fn logs() -> [PathBuf; 2] {
    [lab_log(), fixture("logs/lab-a/mail.log.gz")]
}

/// A log of loggen's with what it means.
fn generated(folder: &Folder) -> (PathBuf, Value) {
    let options = loggen::Options {
        seed: 20_261_121,
        lines: Some(30_000),
        ..loggen::Options::default()
    };
    let mut log = Vec::new();
    let truth = Generator::new(options).write_to(&mut log).unwrap();
    let path = folder.file("generated.log", log);
    (path, serde_json::to_value(truth).unwrap())
}

#[test]
fn each_part_is_the_report_with_that_condition() {
    for (field, log, format, extension) in [
        ("recipient_domain", lab_log(), "json", "json"),
        ("host", lab_log(), "json", "json"),
        ("instance", lab_log(), "html", "html"),
    ] {
        let folder = Folder::new();
        let parts = split(
            &format!("--split-by {field} --format {format}"),
            &log,
            &folder,
        );
        assert!(parts.len() > 1, "{field}: {parts:?}");
        for (name, path) in &parts {
            let value = name.strip_suffix(&format!(".{extension}")).unwrap();
            // A recipient without a domain, and what has no value at all.
            let value = match value {
                "_~e3b0c44298fc" => "",
                "other" => continue,
                value => value,
            };
            let arguments = format!("report --year 2026 --format {format} --where {field}={value}");
            let run = mailtally(&arguments, &[&log]).expect_status(0);
            assert_eq!(
                fs::read_to_string(path).unwrap(),
                run.stdout,
                "{field}={value}"
            );
        }
    }
}

#[test]
fn with_conditions_each_part_is_the_report_with_both() {
    let folder = Folder::new();
    let also = "--where status=deferred --where host=mail.example.org --format json";
    for (field, value) in [
        ("recipient_domain", "bigmail.example"),
        ("instance", "postfix"),
    ] {
        let parts = split(&format!("--split-by {field} {also}"), &lab_log(), &folder);
        let arguments = format!("report --year 2026 {also} --where {field}={value}");
        let run = mailtally(&arguments, &[&lab_log()]).expect_status(0);
        let part = fs::read_to_string(&parts[&format!("{value}.json")]).unwrap();
        assert_eq!(part, run.stdout, "{field}");
        assert!(json(&parts[&format!("{value}.json")])["totals"]["deferrals"].as_u64() > Some(0));
    }
}

#[test]
fn parts_by_recipient_domain_add_up() {
    for log in logs() {
        let folder = Folder::new();
        let parts = split("--split-by recipient_domain --format json", &log, &folder);
        let parts: Vec<Value> = parts.values().map(|path| json(path)).collect();
        let whole = whole("--format json", &log);
        for figure in OF_RECIPIENTS {
            let pointer = format!("/totals/{figure}");
            let all = whole.pointer(&pointer).unwrap().as_u64().unwrap();
            assert_eq!(sum(&parts, &pointer), all, "{figure} of {}", log.display());
        }
    }
}

#[test]
fn parts_by_host_and_instance_add_up_to_the_whole() {
    for (log, field) in logs()
        .iter()
        .flat_map(|log| [(log, "host"), (log, "instance")])
    {
        let folder = Folder::new();
        let arguments = "--sections all --format json";
        let parts = split(&format!("--split-by {field} {arguments}"), log, &folder);
        let parts: Vec<Value> = parts.values().map(|path| json(path)).collect();
        let whole = whole(arguments, log);
        let same = |pointer: &str| {
            let all = whole.pointer(pointer).unwrap().as_u64().unwrap();
            assert_eq!(
                sum(&parts, pointer),
                all,
                "{pointer} by {field} of {}",
                log.display()
            );
        };
        ADDING
            .iter()
            .for_each(|figure| same(&format!("/totals/{figure}")));
        for class in ["parsed", "generic", "unparsed", "foreign"] {
            same(&format!("/coverage/lines/{class}"));
        }
        for (list, key) in [
            ("/coverage/kinds", &["program", "kind", "class"][..]),
            (
                "/logins",
                &["service", "outcome", "user", "method", "address", "tls"],
            ),
            ("/rejects/by_rule", &["rule", "class", "action"]),
            ("/deliveries/by_status", &[]),
            ("/per_hour", &["hour"]),
        ] {
            assert_eq!(
                rows(&parts, list, key),
                rows(std::slice::from_ref(&whole), list, key),
                "{list} by {field}"
            );
        }
        if field == "host" {
            // A mail that comes to another host is another one; one that comes to another instance is not.
            for figure in [
                "accepted",
                "reinjected",
                "delivered_recipients",
                "open_at_start",
                "open_at_end",
            ] {
                same(&format!("/messages/{figure}"));
            }
        }
    }
}

/// Sums the counts of a list over all parts, by its key.
fn rows(parts: &[Value], list: &str, key: &[&str]) -> BTreeMap<String, u64> {
    let mut rows: BTreeMap<String, u64> = BTreeMap::new();
    for list in parts.iter().filter_map(|part| part.pointer(list)) {
        match list {
            Value::Object(counts) => {
                for (name, count) in counts {
                    *rows.entry(name.clone()).or_default() += count.as_u64().unwrap();
                }
            }
            _ => {
                for row in list.as_array().unwrap() {
                    let name: Vec<String> = key.iter().map(|key| row[*key].to_string()).collect();
                    let count = row.get("count").or_else(|| row.get("received")).unwrap();
                    *rows.entry(name.join(" ")).or_default() += count.as_u64().unwrap();
                }
            }
        }
    }
    rows.retain(|_, count| *count > 0);
    assert!(!rows.is_empty(), "{list}");
    rows
}

#[test]
fn parts_of_a_generated_log_are_as_it_was_meant() {
    let folder = Folder::new();
    let (log, truth) = generated(&folder);
    let parts = split(
        "--split-by recipient_domain --split-max 1000 --format json",
        &log,
        &folder,
    );
    let mut meant: BTreeMap<(String, &str), u64> = BTreeMap::new();
    for row in truth["deliveries"]["by_relay"].as_array().unwrap() {
        let domain = row["domain"].as_str().unwrap().to_lowercase();
        let status = row["status"].as_str().unwrap();
        *meant.entry((domain, status)).or_default() += row["count"].as_u64().unwrap();
    }
    let domains: BTreeSet<&String> = meant.keys().map(|(domain, _)| domain).collect();
    assert!(domains.len() > 30);
    for domain in domains {
        let totals = &json(&parts[&format!("{domain}.json")])["totals"];
        let figure = |name: &str| totals[name].as_u64().unwrap();
        let meant = |status| meant.get(&(domain.clone(), status)).copied().unwrap_or(0);
        assert_eq!(
            figure("delivered") + figure("forwarded"),
            meant("sent"),
            "{domain}"
        );
        assert_eq!(figure("deferrals"), meant("deferred"), "{domain}");
        assert_eq!(figure("bounced"), meant("bounced"), "{domain}");
    }
    let parts: Vec<Value> = parts.values().map(|path| json(path)).collect();
    for figure in OF_RECIPIENTS {
        let pointer = format!("/totals/{figure}");
        assert_eq!(
            Some(sum(&parts, &pointer)),
            truth.pointer(&pointer).unwrap().as_u64(),
            "{figure}"
        );
    }
}

#[test]
fn instances_of_a_generated_log_are_as_it_was_meant() {
    let folder = Folder::new();
    let (log, truth) = generated(&folder);
    let parts = split("--split-by instance --format json", &log, &folder);
    let instances = truth["totals_by_instance"].as_array().unwrap();
    assert!(instances.len() > 1);
    for meant in instances {
        let instance = meant["instance"].as_str().unwrap();
        let found = &json(&parts[&format!("{instance}.json")])["totals"];
        for figure in ADDING {
            assert_eq!(found[figure], meant[figure], "{figure} of {instance}");
        }
    }
}

#[test]
fn the_first_values_have_reports_and_the_rest_is_together() {
    let folder = Folder::new();
    let out = folder.path().join("parts");
    let split = "report --year 2026 --split-by recipient_domain --split-max 3 --format json --out";
    let run = mailtally(&format!("{split} {}", out.display()), &[&lab_log()]).expect_status(0);
    let parts = files(&out);
    assert_eq!(parts.len(), 4, "{parts:?}");
    assert!(
        run.stderr.contains("has 4 reports by recipient_domain"),
        "{run}"
    );
    assert!(
        run.stderr
            .contains("more than 3 values of recipient_domain"),
        "{run}"
    );
    let own = parts.keys().filter(|name| *name != "other.json");
    let own: Vec<&str> = own
        .map(|name| name.strip_suffix(".json").unwrap())
        .collect();
    let expression = format!("recipient_domain!~^({})$", own.join("|"));
    let rest = whole(&format!("--format json --where {expression}"), &lab_log());
    let mut other = json(&parts["other.json"]);
    other["meta"]["where"] = rest["meta"]["where"].clone();
    assert_eq!(other, rest);
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let log = fixture("logs/lab-a/mail.log.gz");
    let all = |threads: u32| {
        let folder = Folder::new();
        let parts = split(
            &format!("--split-by recipient_domain --threads {threads}"),
            &log,
            &folder,
        );
        let read = |(name, path): (String, PathBuf)| (name, fs::read_to_string(path).unwrap());
        parts.into_iter().map(read).collect::<Vec<_>>()
    };
    let one = all(1);
    assert!(one == all(2) && one == all(7));
}

/// Whatever a line says, files are written to the folder and nowhere else.
#[test]
fn hostile_values_stay_in_the_folder() {
    let folder = Folder::new();
    let out = folder.path().join("parts");
    let mut log = String::new();
    for host in [
        "..",
        "../../evil",
        "/etc/evil",
        "other",
        "index",
        "MX1",
        "mx1",
        "a\0b",
        &"h".repeat(300),
    ] {
        log += &format!("Nov 21 10:00:00 {host} postfix/qmgr[1]: 4F1A22C0D9E: removed\n");
    }
    let arguments = format!(
        "report --year 2026 --split-by host --format json --out {} -",
        out.display()
    );
    let run: Run = mailtally_reading(&arguments, log.as_bytes());
    let run = run.expect_status(0);
    let parts = files(&out);
    assert_eq!(files(folder.path()).len(), 1, "only the folder is there");
    assert!(parts.len() >= 8, "{parts:?} {run}");
    assert!(
        parts.contains_key("mx1.json") && !parts.contains_key("index.json"),
        "{parts:?}"
    );
    for (name, path) in &parts {
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
        let lines = &json(path)["coverage"]["lines"];
        assert_eq!(lines["parsed"], 1, "{name}");
        assert_eq!(lines["filtered"], 8, "{name}");
    }
}

#[test]
fn a_file_that_was_there_is_replaced_and_csv_is_a_folder_for_each_part() {
    let folder = Folder::new();
    let out = folder.path().join("parts");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("mx1.example.net.md"), "old").unwrap();
    let parts = split("--split-by host --format markdown", &lab_log(), &folder);
    let text = fs::read_to_string(&parts["mx1.example.net.md"]).unwrap();
    assert!(text.contains("host=mx1.example.net"), "{text}");
    assert_eq!(parts.len(), 2, "nothing else is left: {parts:?}");
    let parts = split("--split-by host --format csv", &lab_log(), &folder);
    assert!(parts["mx1.example.net"].join("totals.csv").exists());
}

#[test]
fn what_does_not_go_together_is_said() {
    for (arguments, part) in [
        ("--split-by host", "--out"),
        ("--split-max 3", "--split-by"),
        ("--split-by hosts --out x", "a similar value exists: 'host'"),
        ("--split-by host --out x --split-max 0", "1..=10000"),
        (
            "--split-by host --out x --fail-on rejected>1",
            "cannot be used with",
        ),
        ("--split-by host --out x --queue y", "cannot be used with"),
    ] {
        let run = mailtally(&format!("report {arguments}"), &[&lab_log()]).expect_status(2);
        assert!(run.stderr.contains(part), "{run}");
    }
    let run = mailtally_reading(
        "report --year 2026 --split-by recipient_domain --out /dev/null/x -",
        b"",
    );
    assert!(
        run.expect_status(2)
            .stderr
            .contains("cannot make the folder /dev/null/x")
    );
}

#[test]
fn without_a_value_there_is_no_report() {
    let folder = Folder::new();
    let out = folder.path().join("parts");
    let arguments = format!(
        "report --year 2026 --split-by recipient_domain --out {} -",
        out.display()
    );
    let log = "Nov 21 10:00:00 mx1 postfix/qmgr[1]: 4F1A22C0D9E: removed\n";
    let run = mailtally_reading(&arguments, log.as_bytes()).expect_status(0);
    assert!(
        run.stderr.contains("no line says a recipient_domain"),
        "{run}"
    );
    assert!(files(&out).is_empty());
}

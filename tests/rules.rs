//! What rules did: the law of merging, and the truth of logs whose makers state it.
#![cfg(test)]

mod merging;
mod skipped;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use loggen::Generator;
use mailtally::rules::{Findings, Hits, Maps, Table};
use mailtally_parsers::postfix::ruling::Ruling;
use mailtally_parsers::{Event, Record};
use merging::merge_in_any_order;
use proptest::prelude::*;
use serde_json::Value;
use skipped::skip;

fn room(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/logs")
        .join(path)
}

fn maps() -> Maps {
    let content = fs::read(room("header-checks/header_checks")).unwrap();
    Maps::new(vec![Table::parse("header_checks", None, &content).unwrap()])
}

/// Counts some lines, the seconds of the day for a stamp.
fn hits(lines: &[String], maps: &Maps) -> Hits {
    let mut hits = Hits::default();
    for line in lines {
        let record = Record::parse(line.as_bytes()).unwrap();
        let Ok(Event::Postfix(event)) = Event::parse(&record.tag, record.message) else {
            continue;
        };
        let stamp = record.timestamp;
        let hours = i64::from(stamp.day) * 24 + i64::from(stamp.hour);
        let wall_us = (hours * 3_600 + i64::from(stamp.second)) * 1_000_000;
        if let Some(ruling) = Ruling::of(&event) {
            hits.absorb(&record, wall_us, &ruling, maps);
        }
    }
    hits
}

/// The lines of the fixture that a rule stands behind, and some of the others.
fn lines() -> Vec<String> {
    let log = fs::read_to_string(room("header-checks/maillog-20150122")).unwrap();
    let lines = log
        .lines()
        .filter(|line| line.contains(" header ") || line.contains("queue active"));
    lines.map(str::to_owned).collect()
}

fn said(hits: &Hits, maps: &Maps) -> String {
    format!("{:?}", Findings::new(hits, maps, &BTreeMap::new()))
}

/// Read once: the table has sixty patterns to be made ready.
static LOG: LazyLock<(Vec<String>, Maps)> = LazyLock::new(|| (lines(), maps()));

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_cut_and_any_bracketing_say_the_same(
        from in 0usize..400,
        cuts in prop::collection::vec(0usize..121, 0..8),
        order in prop::collection::vec(any::<usize>(), 8),
    ) {
        let (lines, maps) = &*LOG;
        let log = &lines[from..from + 120];
        let mut cuts = cuts;
        cuts.sort_unstable();
        let mut parts = Vec::new();
        let mut begin = 0;
        for cut in cuts.into_iter().chain([log.len()]) {
            parts.push(hits(&log[begin..cut], maps));
            begin = cut;
        }
        let whole = said(&hits(log, maps), maps);
        let merged = said(&merge_in_any_order(parts, &order, Hits::merge), maps);
        prop_assert!(merged == whole, "the parts say something else than the whole");
    }
}

proptest! {
    /// Whatever stands in a table: each entry is fired, has not fired, or leaves no line.
    #[test]
    fn any_text_is_a_table_that_adds_up(
        content in r"[/!#$ifend0-9a.:@{}()\\\[\]|*+^ \t\r\nRECTJWAN]{0,200}",
        kind in prop::sample::select(vec![None, Some("regexp"), Some("cidr"), Some("hash")]),
    ) {
        let table = Table::parse("header_checks", kind, content.as_bytes()).unwrap();
        let maps = Maps::new(vec![table]);
        let found = Findings::new(&hits(&LOG.0[..40], &maps), &maps, &BTreeMap::new());
        let (fired, never, silent, entries) = found.entry_counts();
        prop_assert_eq!(fired + never + silent, entries);
    }
}

#[test]
fn the_empty_part_changes_nothing() {
    let (lines, maps) = &*LOG;
    let whole = hits(lines, maps);
    let mut before = Hits::default();
    before.merge(whole.clone());
    let mut behind = whole.clone();
    behind.merge(Hits::default());
    assert!(said(&before, maps) == said(&whole, maps));
    assert!(said(&behind, maps) == said(&whole, maps));
}

/// The JSON of `mailtally rules`.
fn rules(arguments: &[&str], log: &Path) -> Value {
    let output = Command::new(assert_cmd::cargo::cargo_bin!("mailtally"))
        .args(["rules", "--format", "json", "--tz", "UTC"])
        .args(arguments)
        .arg(log)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

type Row = (String, String, String);

/// Hits by rule, class and action.
fn by_rule(rows: &Value, count: &str) -> BTreeMap<Row, u64> {
    let mut found = BTreeMap::new();
    for row in rows.as_array().unwrap() {
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        let key = (text("rule"), text("class"), text("action"));
        *found.entry(key).or_insert(0) += row[count].as_u64().unwrap();
    }
    found
}

#[test]
fn hits_are_those_that_loggen_meant() {
    for seed in [3, 4] {
        let options = loggen::Options {
            seed,
            lines: Some(12_000),
            ..loggen::Options::default()
        };
        let mut log = Vec::new();
        let truth = Generator::new(options).write_to(&mut log).unwrap();
        let truth = serde_json::to_value(truth).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), log).unwrap();
        let found = rules(&["--year", "2026"], file.path());
        let expected = by_rule(&truth["rejects"]["by_rule"], "count");
        assert!(expected.len() > 20, "{expected:?}");
        assert_eq!(by_rule(&found["rules"], "hits"), expected, "seed {seed}");
    }
}

/// The real servers' log, unpacked.
fn lab_log() -> tempfile::NamedTempFile {
    let packed = fs::File::open(room("lab-a/mail.log.gz")).unwrap();
    let mut log = Vec::new();
    flate2::read::GzDecoder::new(packed)
        .read_to_end(&mut log)
        .unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), log).unwrap();
    file
}

/// The tables that the real servers had, and what their clients saw of each rule: refusals by the right
/// side of the rule, as the corpus states them (`rejected_by_rule`).
const SEEN_BY_CLIENTS: [(&str, u32, u64); 11] = [
    ("header_checks", 1, 6),      // Plz stop sending SPAM id=105
    ("header_checks", 2, 4),      // Plz stop sending SPAM id= 120
    ("header_checks", 3, 9),      // [rule:HDR-0113] message rejected
    ("header_checks", 4, 7),      // 5.7.1 Rule #70: blocked subject
    ("header_checks", 5, 5),      // (ID:55) unwanted header; see …
    ("header_checks", 6, 8),      // REJECT without a text
    ("header_checks", 7, 3),      // id=129: no, "really"; <not> here [x]
    ("body_checks", 1, 4),        // Plz stop sending SPAM body id=48
    ("body_checks", 2, 3),        // [rule:BDY-0126] body pattern
    ("body_checks", 3, 4),        // rule_id=b84
    ("mime_header_checks", 1, 4), // attachment type not allowed, id=MIME-46
];

const TABLES: [&str; 8] = [
    "header_checks",
    "body_checks",
    "mime_header_checks",
    "sender_access",
    "rcpt_access",
    "client_access",
    "helo_access",
    "postscreen_access.cidr",
];

#[test]
fn joins_the_log_of_real_servers_with_their_tables() {
    let log = lab_log();
    let paths: Vec<String> = TABLES
        .iter()
        .map(|name| room("lab-a/maps").join(name).display().to_string())
        .collect();
    let arguments: Vec<&str> = paths.iter().flat_map(|path| ["--map", path]).collect();
    let found = rules(&arguments, log.path());
    let mut hits: BTreeMap<(String, u64), u64> = BTreeMap::new();
    for row in found["rules"].as_array().unwrap() {
        let places = row["places"].as_array().unwrap();
        assert!(places.len() < 2, "{row}");
        for place in places {
            let name = place["map"].as_str().unwrap().rsplit('/').next().unwrap();
            let key = (name.to_owned(), place["line"].as_u64().unwrap());
            *hits.entry(key).or_insert(0) += row["hits"].as_u64().unwrap();
        }
    }
    for (table, line, expected) in SEEN_BY_CLIENTS {
        let key = (table.to_owned(), u64::from(line));
        assert_eq!(hits.get(&key), Some(&expected), "{key:?}");
    }
    // Counted with grep: `: reject: RCPT .* rule=acc-100;`, `<spamtrap@example.org>: Recipient
    // address rejected: Access denied`, `DENYLISTED .198.51.100.112`.
    for (table, line, expected) in [
        ("sender_access", 2, 6),
        ("rcpt_access", 2, 5),
        ("postscreen_access.cidr", 1, 3),
    ] {
        assert_eq!(
            hits.get(&(table.to_owned(), line)),
            Some(&expected),
            "{table}:{line}"
        );
    }
    let never: Vec<(&str, u64)> = found["never_fired"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let map = entry["map"].as_str().unwrap().rsplit('/').next().unwrap();
            (map, entry["line"].as_u64().unwrap())
        })
        .collect();
    // DEFER_IF_PERMIT: another rule refused each of these mails before.
    assert_eq!(never, [("sender_access", 13)]);
    assert_eq!(found["in_no_map"], serde_json::json!([]));
}

/// Every rule's hits against what the clients of the real servers saw, where the corpus is there.
#[test]
fn hits_are_those_that_the_clients_of_the_corpus_saw() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/lab-a");
    if !corpus.is_dir() {
        return skip(format!("there is no {}", corpus.display()));
    }
    let truth: Value =
        serde_json::from_slice(&fs::read(corpus.join("truth.json")).unwrap()).unwrap();
    let seen = truth["totals"]["rejected_by_rule"].as_object().unwrap();
    for name in [
        "traditional.log",
        "rfc3339.log",
        "rfc5424.log",
        "journal.jsonl",
    ] {
        let found = rules(
            &["--rule-id", "^(message content rejected)$"],
            &corpus.join(name),
        );
        let mut by_id: BTreeMap<&str, u64> = BTreeMap::new();
        for row in found["rules"].as_array().unwrap() {
            *by_id.entry(row["rule"].as_str().unwrap()).or_insert(0) +=
                row["hits"].as_u64().unwrap();
        }
        for (text, count) in seen {
            let id = match text.as_str() {
                "REJECT" => "message content rejected",
                text if text.contains("rule_id=b84") => "b84",
                text => by_id
                    .keys()
                    .copied()
                    .filter(|id| text.contains(id))
                    .max_by_key(|id| id.len())
                    .unwrap_or_else(|| panic!("{name}: no rule for {text}")),
            };
            assert_eq!(
                by_id.get(id).copied(),
                count.as_u64(),
                "{name}: {text} is {id}"
            );
        }
    }
}

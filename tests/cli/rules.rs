//! `mailtally rules`: seven weeks with a table of 63 rules against their truth, and what people mistype.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use super::support::{Folder, Run, fixture, lab_log, mailtally, mailtally_reading};

const LOG: &str = "fixtures/logs/header-checks/maillog-20150122";
const TABLE: &str = "fixtures/logs/header-checks/header_checks";
const RANGE: &str = "--date 2014-12-01..2015-01-21";

fn truth() -> Value {
    let text = fs::read(fixture("logs/header-checks/truth.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn rules(arguments: &str) -> Run {
    mailtally(&format!("rules {arguments}"), &[])
}

fn rows(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

/// Line and id of each entry of a list.
fn entries(list: &Value) -> Vec<Value> {
    let entry = |row: &Value| json!({"line": row["line"], "id": row["id"]});
    rows(list).iter().map(entry).collect()
}

fn hits_by_id(found: &Value) -> BTreeMap<String, u64> {
    let mut hits = BTreeMap::new();
    for row in rows(&found["rules"]) {
        let id = row["rule"].as_str().unwrap().to_owned();
        *hits.entry(id).or_insert(0) += row["hits"].as_u64().unwrap();
    }
    hits
}

/// Holds all that the truth says of the rules of one span of time against what was found.
fn expect(found: &Value, truth: &Value) {
    assert_eq!(found["hits"], truth["hits"]);
    let by_id: BTreeMap<String, u64> = serde_json::from_value(truth["hits_by_id"].clone()).unwrap();
    assert_eq!(hits_by_id(found), by_id);
    let fired = rows(&truth["rules"])
        .iter()
        .filter(|rule| rule["hits"] != 0);
    let mut count = 0;
    for rule in fired {
        let is_it = |row: &&Value| row["places"] == json!([{"map": TABLE, "line": rule["line"]}]);
        let row = rows(&found["rules"]).iter().find(is_it);
        let row = row.unwrap_or_else(|| panic!("no hits of line {}", rule["line"]));
        for key in ["hits", "first", "last", "clients", "senders"] {
            assert_eq!(row[key], rule[key], "{key} of line {}", rule["line"]);
        }
        count += 1;
    }
    assert!(count > 50, "{count}");
    assert_eq!(json!(entries(&found["never_fired"])), truth["never_fired"]);
    let gone: serde_json::Map<String, Value> = rows(&found["in_no_map"])
        .iter()
        .map(|row| {
            (
                row["rule"].as_str().unwrap().to_owned(),
                row["hits"].clone(),
            )
        })
        .collect();
    assert_eq!(Value::Object(gone), truth["no_longer_in_table"]);
}

#[test]
fn names_exactly_the_rules_that_never_fired() {
    let truth = truth();
    let found = rules(&format!("--format json --map {TABLE} {RANGE} {LOG}")).expect_status(0);
    expect(&found.json(), &truth["within"]);
    let found = rules(&format!("--format json --map {TABLE} {LOG}")).expect_status(0);
    expect(&found.json(), &truth["whole"]);
}

#[test]
fn tells_what_is_wrong_with_the_table() {
    let truth = truth();
    let found = rules(&format!("--format json --map regexp:{TABLE} {RANGE} {LOG}")).json();
    let twice: serde_json::Map<String, Value> = rows(&found["ids_used_twice"])
        .iter()
        .map(|row| {
            let lines: Vec<&Value> = rows(&row["places"])
                .iter()
                .map(|place| &place["line"])
                .collect();
            (row["id"].as_str().unwrap().to_owned(), json!(lines))
        })
        .collect();
    assert_eq!(Value::Object(twice), truth["ids_used_twice"]);
    let shadowed: Vec<Value> = rows(&found["shadowed"])
        .iter()
        .map(|row| json!({"line": row["line"], "by": row["shadowed_by"]}))
        .collect();
    assert_eq!(json!(shadowed), truth["shadowed"]);
    let enforced = &truth["if_enforced"]["37"];
    let [row] = rows(&found["if_enforced"]) else {
        panic!("{}", found["if_enforced"]);
    };
    for key in ["rejects", "senders", "senders_delivered"] {
        assert_eq!(row[key], enforced[key], "{key}");
    }
}

#[test]
fn the_text_names_lines_and_reasons() {
    let run = rules(&format!("--map {TABLE} {RANGE} --top 2 {LOG}")).expect_status(0);
    for line in [
        "Rules (54 rules, 540 hits)",
        "    40     7%       31        4  reject  1     header-check",
        "Fired (52 rules)",
        "    40  header_checks:5   1     reject  /^From:.*@pillen-discount\\.example/",
        "  … 52 more (462 in sum)",
        "    38  ▄██▇▆···   2014-12-01  2014-12-31  reject  6",
        "If enforced: 15 rejects more",
        "Never fired (11 rules)",
        "  header_checks:29  22          REJECT  /^Subject:.*\\bkleinkredit\\b/",
        "  header_checks:50  44      13  REJECT  /^From:.*@lotto-gewinn\\.example/",
        "Cannot fire (1 rule)",
        "  31  header_checks:37,38",
        "Hits of rules that are in no map here (2 rules)",
        "     5  2014-12-21 19:16:08  reject  64    header-check",
    ] {
        assert!(
            run.stdout.lines().any(|found| found == line),
            "{line:?} in\n{run}"
        );
    }
    assert_eq!(run.stderr, "");
}

#[test]
fn without_maps_there_is_no_word_of_them() {
    let run = rules(LOG).expect_status(0);
    assert!(
        run.stdout.contains("With --map /etc/postfix/header_checks"),
        "{run}"
    );
    assert!(!run.stdout.contains("Never fired"), "{run}");
    let empty = mailtally_reading(
        "rules -",
        b"Nov 21 10:00:00 mx1 postfix/smtpd[1]: connect from a[192.0.2.1]\n",
    );
    assert!(empty.stdout.contains("Rules: none did anything"), "{empty}");
}

#[test]
fn any_number_of_threads_writes_the_same() {
    let log = lab_log();
    let run = |threads: u32| {
        let arguments = format!("rules --format json --map {TABLE} --threads {threads}");
        mailtally(&arguments, &[&log]).expect_status(0).stdout
    };
    let one = run(1);
    assert!(one.contains("\"hits\": 6"), "{one}");
    for threads in [2, 5] {
        assert_eq!(run(threads), one, "{threads} threads");
    }
}

#[test]
fn conditions_choose_among_the_hits() {
    let arguments = format!("--format json --where rule_id~^3 --where action=reject {LOG}");
    let found = rules(&arguments).expect_status(0).json();
    let by_id: BTreeMap<String, u64> =
        serde_json::from_value(truth()["whole"]["hits_by_id"].clone()).unwrap();
    // 37, 38 and 39 warn, hold and discard.
    let expected: BTreeMap<String, u64> = by_id
        .into_iter()
        .filter(|(id, _)| id.starts_with('3') && !["37", "38", "39"].contains(&id.as_str()))
        .collect();
    assert_eq!(hits_by_id(&found), expected);
}

#[test]
fn a_pattern_of_the_sites_own_finds_ids_in_log_and_map() {
    let folder = Folder::new();
    let line = "Nov 21 10:00:00 mx1 postfix/cleanup[7]: 4F1A22C0D9E: reject: header Subject: x from a.example[192.0.2.7]; from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<a>: 5.7.1 blocked by ACL.Red\n";
    let table = folder.file(
        "header_checks",
        "/a/ REJECT old words by ACL.Red\n/b/ REJECT ACL.Blue\n",
    );
    let arguments = format!(
        "rules --format json --year 2026 --rule-id acl\\.(\\w+) --map {} -",
        table.display()
    );
    let found = mailtally_reading(&arguments, line.as_bytes())
        .expect_status(0)
        .json();
    assert_eq!(found["rules"][0]["rule"], "Red");
    assert_eq!(found["rules"][0]["places"][0]["line"], 1);
    assert_eq!(found["never_fired"][0]["id"], "Blue");
}

#[test]
fn a_line_that_stands_for_several_counts_as_often() {
    let line = "Nov 21 10:00:00 mx1 postfix/smtpd[7]: message repeated 3 times: [ NOQUEUE: reject: RCPT from a.example[192.0.2.7]: 554 5.7.1 <b@example.com>: Relay access denied; from=<A@Example.NET> to=<b@example.com> proto=ESMTP helo=<a>]\n\
                Nov 21 10:00:01 mx1 postfix/smtpd[7]: NOQUEUE: reject: RCPT from a.example[192.0.2.7]: 554 5.7.1 <b@example.com>: Relay access denied; from=<A@example.net> to=<b@example.com> proto=ESMTP helo=<a>\n";
    let found = mailtally_reading("rules --format json --year 2026 -", line.as_bytes());
    let found = found.expect_status(0).json();
    let row = &found["rules"][0];
    assert_eq!(
        (&row["hits"], &row["per_hour"][0]["count"]),
        (&json!(4), &json!(4))
    );
    // Capitals in a domain make no other sender.
    assert_eq!((&row["clients"], &row["senders"]), (&json!(1), &json!(1)));
}

#[test]
fn a_spreadsheet_gets_the_rules_and_a_folder_all_tables() {
    let run = rules(&format!("--format csv --map {TABLE} {LOG}")).expect_status(0);
    let mut lines = run.stdout.lines();
    let columns =
        "table,hits,share,clients,senders,first,last,action,rule,class,place,pattern,sample";
    assert_eq!(lines.next(), Some(columns));
    let first = lines.next().unwrap();
    let begin = "rules,40,0.0710,31,4,2014-12-03T17:04:49,2015-01-20T16:33:04,reject,1,header-check,header_checks:5,";
    assert!(first.starts_with(begin), "{first}");
    let folder = Folder::new();
    let out = folder.path().join("csv");
    rules(&format!(
        "--format csv --map {TABLE} --out {} {LOG}",
        out.display()
    ))
    .expect_status(0);
    for name in [
        "rules",
        "maps",
        "never_fired",
        "shadowed",
        "ids_used_twice",
        "in_no_map",
    ] {
        let text = fs::read_to_string(out.join(format!("{name}.csv"))).unwrap();
        assert!(text.lines().count() > 1, "{name}: {text}");
    }
}

#[test]
fn mistakes_are_said_in_one_line() {
    let folder = Folder::new();
    let table = folder.file("header_checks", "/a/ REJECT\n");
    let binary = folder.file("access.db", b"\0\x06\x15\x61");
    let (table, binary) = (table.display(), binary.display());
    for (arguments, expected) in [
        (
            "--map /no/such/map".to_owned(),
            "cannot read the map /no/such/map: No such file".to_owned(),
        ),
        (
            format!("--map regex:{table}"),
            "--map: no table has the type `regex`; close ones: regexp".to_owned(),
        ),
        (
            format!("--map ldap:{table}"),
            "a table of type \"ldap\" has no file of rules".to_owned(),
        ),
        (
            format!("--map {binary}"),
            "this is no text: name the file that postmap made it of".to_owned(),
        ),
        (
            format!("--map {table} --map {table}"),
            "is named twice".to_owned(),
        ),
        (
            "--rule-id (".to_owned(),
            "--rule-id: \"(\" is no regular expression".to_owned(),
        ),
        (
            "--rule-id ACL".to_owned(),
            "--rule-id: \"ACL\" has no group".to_owned(),
        ),
        (
            "--where rule_idd=7".to_owned(),
            "--where: no line has a field `rule_idd`; close ones: rule_id".to_owned(),
        ),
    ] {
        let run = rules(&format!("{arguments} {LOG}")).expect_status(2);
        assert_eq!(run.stdout, "");
        assert_eq!(run.stderr.lines().count(), 1, "{run}");
        assert!(run.stderr.contains(&expected), "{expected}\n{run}");
    }
}

#[test]
fn what_is_odd_in_a_map_is_shown_and_the_rest_is_used() {
    let folder = Folder::new();
    let table = folder.file("header_checks", "  loose\n/^Subject:/\nendif\n/^X-Spam-Flag: +YES/ REJECT \"Plz stop sending SPAM id= 46 \"\n");
    let run = rules(&format!("--format json --map {} {LOG}", table.display())).expect_status(0);
    let map = &run.json()["maps"][0];
    let problems = json!([
        {"line": 1, "problem": "it begins with a blank and continues no line"},
        {"line": 2, "problem": "it has no right side"},
        {"line": 3, "problem": "endif without if"},
    ]);
    assert_eq!(map["problems"], problems);
    assert_eq!((&map["entries"], &map["fired"]), (&json!(1), &json!(1)));
}

#[test]
fn a_stranger_s_words_reach_no_terminal_and_no_formula() {
    let line = "Nov 21 10:00:00 mx1 postfix/cleanup[7]: 4F1A22C0D9E: reject: header Subject: \x1b[2J from a.example[192.0.2.7]; from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<a>: 5.7.1 =cmd|' /C calc'!A0 id=7\n";
    let text = mailtally_reading("rules --year 2026 -", line.as_bytes()).expect_status(0);
    assert!(
        text.stdout.contains("\\x1b[2J") && !text.stdout.contains('\x1b'),
        "{text}"
    );
    let csv =
        mailtally_reading("rules --year 2026 --format csv -", line.as_bytes()).expect_status(0);
    assert!(
        !csv.stdout.contains('\x1b') && !csv.stdout.contains(",=cmd"),
        "{csv}"
    );
}

#[test]
fn the_json_keeps_to_its_schema() {
    let schema = rules("--schema").expect_status(0).json();
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("rules.json", schema).unwrap();
    let index = compiler.compile("rules.json", &mut schemas).unwrap();
    let found = rules(&format!("--format json --map {TABLE} {LOG}")).json();
    schemas.validate(&found, index).unwrap();
}

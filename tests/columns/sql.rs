//! `mailtally sql` as its user sees it.

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use crate::support::{LAB, ask, mailtally, stdout_of};

/// Runs a query that has no answer; returns what is said.
fn complaint(arguments: &str, more: &[&str]) -> String {
    let output = mailtally(arguments, more);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(output.stdout, b"", "{said}");
    said
}

#[test]
fn numbers_that_were_counted_by_hand() {
    let rows = ask(
        "SELECT COUNT(*) AS n FROM events WHERE kind = 'qmgr_active'",
        LAB,
    );
    let lines = fs::read_to_string(LAB).unwrap();
    let active = lines.lines().filter(|line| line.contains("(queue active)"));
    assert_eq!(rows, [json!({ "n": active.count() })]);
    let rows = ask(
        "SELECT queue_id, size_bytes FROM events WHERE kind = 'qmgr_active' ORDER BY size_bytes DESC LIMIT 1",
        LAB,
    );
    assert_eq!(
        rows,
        [json!({ "queue_id": "1195B9A805E", "size_bytes": 24254 })]
    );
}

#[test]
fn joins_and_subqueries_work() {
    let query = "SELECT COUNT(*) AS n FROM messages AS m \
        JOIN (SELECT host, queue_id, COUNT(*) AS lines FROM deliveries GROUP BY host, queue_id) AS d \
        ON m.host = d.host AND m.queue_id = d.queue_id WHERE d.lines >= 2";
    assert!(ask(query, LAB)[0]["n"].as_i64().unwrap() > 10);
    let query = "SELECT COUNT(*) AS n FROM deliveries WHERE queue_id IN \
        (SELECT queue_id FROM messages WHERE origin = 'local')";
    assert!(ask(query, LAB)[0]["n"].as_i64().unwrap() > 0);
}

#[test]
fn replies_stand_once() {
    let query = "SELECT status = 'sent' AS sent, COUNT(*) AS n, COUNT(reply) AS replies \
        FROM deliveries GROUP BY sent ORDER BY sent";
    let rows = ask(query, LAB);
    assert!(rows[0]["n"].as_i64().unwrap() > 50, "{rows:?}");
    assert_eq!(rows[0]["n"], rows[0]["replies"], "{rows:?}");
    assert_eq!(
        (&rows[1]["sent"], &rows[1]["replies"]),
        (&json!(true), &json!(0)),
        "{rows:?}"
    );
    let query =
        "SELECT COUNT(*) AS n, COUNT(reason) AS reasons FROM events WHERE kind = 'delivery'";
    let rows = ask(query, LAB);
    assert!(rows[0]["n"].as_i64().unwrap() > 200, "{rows:?}");
    assert_eq!(rows[0]["n"], rows[0]["reasons"], "no reply is lost");
}

#[test]
fn the_id_a_mail_was_queued_under_stands_with_its_delivery() {
    let count = |query: &str| ask(query, LAB)[0]["n"].as_i64().unwrap();
    let of =
        |table: &str, and: &str| count(&format!("SELECT COUNT(queued_as) AS n FROM {table} {and}"));
    assert_eq!(of("events", "WHERE kind = 'delivery'"), 0);
    assert!(of("deliveries", "") > 20);
    let texts = "SELECT COUNT(*) AS n FROM events WHERE kind = 'policyd_spf_result' AND text LIKE 'Received-SPF%'";
    assert_eq!(count(texts), 0);
}

#[test]
fn a_wrong_name_is_one_line_with_the_nearest() {
    let said = complaint("sql", &["SELECT recipien FROM deliveries", LAB]);
    assert_eq!(
        said,
        "mailtally: there is no column `recipien`; close ones: recipient, recipient_domain\n"
    );
    let said = complaint("sql --lits", &[LAB]);
    assert_eq!(
        said,
        "mailtally: there is no flag `--lits`; `mailtally sql --help` has those that there are\n"
    );
    let said = complaint("sql", &["SELECT * FROM delivery", LAB]);
    assert!(
        said.starts_with("mailtally: there is no table `delivery`; "),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    let said = complaint("sql --name top_reject_rule", &[LAB]);
    assert!(said.contains("top_reject_rules"), "{said}");
}

#[test]
fn what_is_no_sql_is_one_line() {
    for query in [
        "SELEC 1",
        "SELECT",
        "SELECT 'x FROM events",
        "",
        "SELECT (1",
        "VACUUM events",
    ] {
        let said = complaint("sql", &[query, LAB]);
        assert_eq!(said.lines().count(), 1, "{query}: {said}");
        assert!(said.len() < 300, "{query}: {said}");
    }
}

#[test]
fn formats_say_the_same() {
    let query = "SELECT '=1+1' AS formula, 7 AS n, NULL AS nothing, -2.5 AS x, TRUE AS yes";
    let ask = |format: &str| stdout_of(mailtally(&format!("sql --format {format}"), &[query, LAB]));
    // Columns stand as they were asked for, not by their names.
    assert_eq!(
        ask("table"),
        "formula  n  nothing     x  yes\n=1+1     7           -2.5  true\n"
    );
    assert_eq!(
        ask("csv"),
        "formula,n,nothing,x,yes\r\n'=1+1,7,,-2.5,true\r\n"
    );
    assert_eq!(
        ask("json"),
        "[\n{\"formula\":\"=1+1\",\"n\":7,\"nothing\":null,\"x\":-2.5,\"yes\":true}\n]\n"
    );
}

#[test]
fn text_of_the_log_steers_no_terminal() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("mail.log");
    let line = "2026-11-21T10:00:00Z mx1 postfix/smtpd[7]: connect from \u{1b}[2J\u{202e}evil[192.0.2.1]\n";
    fs::write(&log, line).unwrap();
    let log = log.to_str().unwrap();
    for format in ["table", "csv", "json"] {
        let arguments = format!("sql --format {format}");
        let answer = stdout_of(mailtally(&arguments, &["SELECT * FROM events", log]));
        assert!(answer.contains("evil"), "{answer}");
        assert!(
            !answer.contains('\u{1b}') && !answer.contains('\u{202e}'),
            "{answer}"
        );
    }
}

#[test]
fn plans_are_explained_and_nothing_is_read() {
    let query = "SELECT recipient FROM deliveries WHERE status = 'bounced'";
    let plan = stdout_of(mailtally("sql --explain", &[query, "/there/is/no/log"]));
    // polars has no names of tables in its plans.
    assert!(
        plan.contains(r#"FILTER col("status") == "bounced""#),
        "{plan}"
    );
    assert!(plan.contains("PROJECT 2/28 COLUMNS"), "{plan}");
}

#[test]
fn a_query_may_begin_with_a_comment() {
    let query = "-- how many\nSELECT COUNT(*) AS n FROM deliveries";
    let rows = ask(query, LAB);
    assert_eq!(rows, ask("SELECT COUNT(*) AS n FROM deliveries", LAB));
    assert!(rows[0]["n"].as_i64().unwrap() > 100, "{rows:?}");
}

#[test]
fn named_queries_are_listed_and_shown() {
    let list = stdout_of(mailtally("sql --list", &[]));
    assert!(
        list.lines()
            .any(|line| line.starts_with("top_reject_rules ")),
        "{list}"
    );
    let text = stdout_of(mailtally("sql --name top_reject_rules --show", &[]));
    assert_eq!(
        text,
        fs::read_to_string("dashboards/sql/top_reject_rules.sql").unwrap()
    );
}

#[test]
fn a_directory_without_tables_is_said() {
    let folder = TempDir::new().unwrap();
    let said = complaint(
        "sql",
        &["SELECT 1 FROM events", folder.path().to_str().unwrap()],
    );
    assert!(said.contains("no table in Parquet"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

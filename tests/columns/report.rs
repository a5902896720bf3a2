//! The named queries against the report: the same numbers from another engine.

use std::collections::BTreeMap;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{LAB, export, lines, log, mailtally, named, stdout_of};

/// Counts by what they are of.
type Counts = BTreeMap<Vec<String>, i64>;

/// Adds up a column of rows by others; `null` and an empty text are the same.
fn counts<'r>(rows: impl IntoIterator<Item = &'r Value>, keys: &[&str], count: &str) -> Counts {
    let mut counts = Counts::new();
    for row in rows {
        let key = keys.iter().map(|key| match &row[*key] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        let number = row[count].as_i64();
        let number = number.unwrap_or_else(|| panic!("{count} in {row}"));
        *counts.entry(key.collect()).or_default() += number;
    }
    counts.retain(|_, count| *count != 0);
    counts
}

/// A query, and the rows of the report that say the same.
struct Same {
    query: &'static str,
    keys: &'static [&'static str],
    count: &'static str,
    /// Where the report's rows are.
    lists: &'static [&'static str],
    report_keys: &'static [&'static str],
    report_count: &'static str,
    /// Which of them.
    only: fn(&Value) -> bool,
}

const ALL: fn(&Value) -> bool = |_| true;

const SAME: &[Same] = &[
    Same {
        query: "failures_by_reason",
        keys: &["status", "reason", "enhanced_code"],
        count: "attempts",
        lists: &["/failures/by_reason"],
        report_keys: &["outcome", "reason", "dsn"],
        report_count: "count",
        only: |row| row["outcome"] == "deferred" || row["outcome"] == "bounced",
    },
    Same {
        query: "failures_by_destination",
        keys: &["status", "recipient_domain", "reason"],
        count: "attempts",
        lists: &["/failures/by_destination"],
        report_keys: &["outcome", "domain", "reason"],
        report_count: "count",
        only: |row| row["outcome"] == "deferred" || row["outcome"] == "bounced",
    },
    Same {
        query: "logins",
        keys: &["service", "result", "login", "mechanism", "address"],
        count: "logins",
        lists: &["/logins"],
        report_keys: &["service", "outcome", "user", "method", "address"],
        report_count: "count",
        only: ALL,
    },
    Same {
        query: "login_sources",
        keys: &["address"],
        count: "failures",
        lists: &["/logins"],
        report_keys: &["address"],
        report_count: "count",
        only: |row| row["outcome"] == "failure",
    },
    Same {
        query: "top_reject_rules",
        keys: &["rule", "rule_class", "action"],
        count: "refusals",
        lists: &["/rejects/by_rule"],
        report_keys: &["rule", "class", "action"],
        report_count: "count",
        only: ALL,
    },
    Same {
        query: "reject_clients",
        keys: &["address", "stage", "action"],
        count: "refusals",
        lists: &["/rejects/by_client"],
        report_keys: &["address", "stage", "action"],
        report_count: "count",
        only: ALL,
    },
    Same {
        query: "reject_trend",
        keys: &["rule"],
        count: "refusals",
        lists: &["/reject_trend"],
        report_keys: &["rule"],
        report_count: "count",
        only: ALL,
    },
    Same {
        query: "tls_sessions",
        keys: &["trust", "protocol", "cipher"],
        count: "sessions",
        lists: &["/tls/inbound", "/tls/outbound"],
        report_keys: &["trust", "protocol", "cipher"],
        report_count: "sessions",
        only: ALL,
    },
    Same {
        query: "families",
        keys: &["family", "status"],
        count: "attempts",
        lists: &["/deliveries/by_family"],
        report_keys: &["family", "status"],
        report_count: "count",
        only: ALL,
    },
    Same {
        query: "postscreen",
        keys: &["kind"],
        count: "lines",
        lists: &["/postscreen/actions"],
        report_keys: &["action"],
        report_count: "count",
        only: ALL,
    },
    Same {
        query: "postscreen",
        keys: &["kind"],
        count: "clients",
        lists: &["/postscreen/actions"],
        report_keys: &["action"],
        report_count: "clients",
        only: ALL,
    },
    Same {
        query: "blocklists",
        keys: &["list"],
        count: "hits",
        lists: &["/dnsbl/lists"],
        report_keys: &["list"],
        report_count: "hits",
        only: ALL,
    },
    Same {
        query: "mailboxes",
        keys: &["protocol", "mailbox_user"],
        count: "sessions",
        lists: &["/mailboxes/sessions"],
        report_keys: &["protocol", "user"],
        report_count: "sessions",
        only: ALL,
    },
    Same {
        query: "mailboxes",
        keys: &["protocol", "mailbox_user"],
        count: "bytes_out",
        lists: &["/mailboxes/sessions"],
        report_keys: &["protocol", "user"],
        report_count: "out_bytes",
        only: ALL,
    },
    Same {
        query: "mailboxes_saved",
        keys: &["mailbox_user", "folder"],
        count: "mails",
        lists: &["/mailboxes/saved"],
        report_keys: &["user", "mailbox"],
        report_count: "count",
        only: ALL,
    },
    Same {
        query: "coverage",
        keys: &["kind", "account"],
        count: "lines",
        lists: &["/coverage/kinds"],
        report_keys: &["kind", "class"],
        report_count: "count",
        only: ALL,
    },
    Same {
        query: "recipients",
        keys: &["recipient"],
        count: "delivered",
        lists: &["/recipients"],
        report_keys: &["name"],
        report_count: "count",
        only: ALL,
    },
    Same {
        query: "recipient_domains",
        keys: &["recipient_domain"],
        count: "delivered",
        lists: &["/domains/recipient"],
        report_keys: &["domain"],
        report_count: "delivered",
        only: ALL,
    },
    Same {
        query: "recipient_domains",
        keys: &["recipient_domain"],
        count: "bounced",
        lists: &["/domains/recipient"],
        report_keys: &["domain"],
        report_count: "bounced",
        only: ALL,
    },
    Same {
        query: "traffic_by_hour",
        keys: &["hour_of_day"],
        count: "delivered",
        lists: &["/per_hour"],
        report_keys: &["hour"],
        report_count: "delivered",
        only: ALL,
    },
    Same {
        query: "traffic_by_hour",
        keys: &["hour_of_day"],
        count: "deferrals",
        lists: &["/per_hour"],
        report_keys: &["hour"],
        report_count: "deferrals",
        only: ALL,
    },
    Same {
        query: "traffic_by_day",
        keys: &["date"],
        count: "bounced",
        lists: &["/per_day"],
        report_keys: &["date"],
        report_count: "bounced",
        only: ALL,
    },
    Same {
        query: "smtpd_connections",
        keys: &[],
        count: "connections",
        lists: &["/connections/by_service"],
        report_keys: &[],
        report_count: "count",
        only: |row| row["daemon"] == "smtpd",
    },
    Same {
        query: "verdicts",
        keys: &["program", "decision", "closer"],
        count: "decisions",
        lists: &["/verdicts"],
        report_keys: &["program", "verdict", "detail"],
        report_count: "count",
        only: ALL,
    },
    Same {
        query: "senders",
        keys: &["from_address"],
        count: "mails",
        lists: &["/senders"],
        report_keys: &["name"],
        report_count: "count",
        only: ALL,
    },
    Same {
        query: "senders",
        keys: &["from_address"],
        count: "bytes_in_all",
        lists: &["/senders"],
        report_keys: &["name"],
        report_count: "bytes",
        only: ALL,
    },
    Same {
        query: "mailboxes",
        keys: &["protocol", "mailbox_user"],
        count: "bytes_in",
        lists: &["/mailboxes/sessions"],
        report_keys: &["protocol", "user"],
        report_count: "in_bytes",
        only: ALL,
    },
    Same {
        query: "greylist",
        keys: &[],
        count: "refusals",
        lists: &["/greylist/by_network"],
        report_keys: &[],
        report_count: "refusals",
        only: ALL,
    },
    Same {
        query: "reject_detail",
        keys: &["rule"],
        count: "refusals",
        lists: &["/reject_detail/rules"],
        report_keys: &["rule"],
        report_count: "count",
        only: ALL,
    },
    Same {
        query: "sieve",
        keys: &["sieve_action", "mailbox_user"],
        count: "actions",
        lists: &["/mailboxes/sieve"],
        report_keys: &["action", "user"],
        report_count: "count",
        only: ALL,
    },
    Same {
        query: "unusable_servers",
        keys: &["server_host", "failure_class"],
        count: "attempts_failed",
        lists: &["/failures/servers"],
        report_keys: &["host", "reason"],
        report_count: "count",
        only: |row| row["connected"] == false,
    },
];

/// The report's figure for each row of the query `totals`.
const FIGURES: &[(&str, &str)] = &[
    ("accepted", "/messages/accepted"),
    ("bounced", "/totals/bounced"),
    ("deferrals", "/totals/deferrals"),
    ("delivered", "/totals/delivered"),
    ("discarded", "/totals/discarded"),
    ("expired", "/totals/expired"),
    ("forwarded", "/totals/forwarded"),
    ("held", "/totals/held"),
    ("reinjected", "/messages/reinjected"),
    ("reject_warnings", "/totals/reject_warnings"),
    ("rejected", "/totals/rejected"),
];

/// Compares all of a directory with the report on its logs; returns what differs.
fn differences(directory: &str, logs: &[&str]) -> Vec<String> {
    let report = mailtally(
        "report --sections all --format json --year 2026 --tz UTC",
        logs,
    );
    let report: Value = serde_json::from_str(&stdout_of(report)).unwrap();
    let mut wrong = Vec::new();
    let totals = counts(&named("totals", &[directory]), &["figure"], "value");
    for (figure, place) in FIGURES {
        let ours = totals
            .get(&vec![(*figure).to_owned()])
            .copied()
            .unwrap_or(0);
        let theirs = report.pointer(place).unwrap().as_i64().unwrap();
        if ours != theirs {
            wrong.push(format!("{figure}: {ours} in SQL, {theirs} in the report"));
        }
    }
    for same in SAME {
        let ours = counts(&named(same.query, &[directory]), same.keys, same.count);
        let lists = same.lists.iter().map(|list| report.pointer(list).unwrap());
        let rows = lists.flat_map(|list| list.as_array().unwrap());
        let rows = rows.filter(|row| (same.only)(row));
        let theirs = counts(rows, same.report_keys, same.report_count);
        let query = same.query;
        for (key, count) in &ours {
            let other = theirs.get(key).copied().unwrap_or(0);
            if *count != other {
                wrong.push(format!(
                    "{query} {key:?}: {count} in SQL, {other} in the report"
                ));
            }
        }
        for (key, count) in theirs.iter().filter(|(key, _)| !ours.contains_key(*key)) {
            wrong.push(format!(
                "{query} {key:?}: none in SQL, {count} in the report"
            ));
        }
        if ours.is_empty() && directory.ends_with("lab") {
            wrong.push(format!("{query}: nothing to compare"));
        }
    }
    wrong
}

#[test]
fn a_laboratorys_tables_say_what_its_report_says() {
    let folder = TempDir::new().unwrap();
    let directory = folder.path().join("lab");
    export(&directory, &[LAB]);
    let wrong = differences(directory.to_str().unwrap(), &[LAB]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_generated_logs_tables_say_what_its_report_says() {
    let folder = TempDir::new().unwrap();
    let log = log(folder.path(), "mail.log", lines(8, 40_000));
    let directory = folder.path().join("tables");
    export(&directory, &[&log]);
    let wrong = differences(directory.to_str().unwrap(), &[&log]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

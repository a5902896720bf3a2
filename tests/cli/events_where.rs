//! `mailtally events --where`: which lines a condition takes, and what a mistake in one says.

use crate::events::LOG;
use crate::support::{lab_log, mailtally, mailtally_reading};

/// The process ids of the lines that conditions take; those of Dovecot have none here.
fn kinds(conditions: &[&str]) -> Vec<String> {
    let mut arguments = "events --year 2026".to_owned();
    for condition in conditions {
        assert!(!condition.contains(' '));
        arguments.push_str(&format!(" --where {condition}"));
    }
    let run = mailtally_reading(&format!("{arguments} -"), LOG.as_bytes()).expect_status(0);
    let events = run.json_lines();
    let kinds = events.iter().map(|event| event["kind"].as_str().unwrap());
    kinds.map(str::to_owned).collect()
}

#[test]
fn operators_take_the_lines_that_they_say() {
    assert_eq!(kinds(&["delay>2", "delay<=2.1"]), ["delivery"]);
    assert_eq!(kinds(&["delay>2.1"]), Vec::<String>::new());
    assert_eq!(kinds(&["size_bytes>=518"]), ["qmgr_active"]);
    assert_eq!(kinds(&["pid<103", "pid>=102"]), ["cleanup_message_id"]);
    assert_eq!(kinds(&["relay_port<26"]), ["delivery"]);
    assert_eq!(kinds(&["kind~^smtpd_"]), ["smtpd_connect", "smtpd_client"]);
    assert_eq!(
        kinds(&["user~(?i)^ALICE@", "kind!~_success$"]),
        ["dovecot_session_end"]
    );
    assert_eq!(
        kinds(&["time>=2"]),
        Vec::<String>::new(),
        "a stamp is no number"
    );
    assert_eq!(kinds(&["time~T10:00:0[67]"]).len(), 2);
}

/// As in jq, where `null != "x"`, and as with `grep -v`.
#[test]
fn an_unequal_condition_takes_all_that_the_equal_one_leaves() {
    for (equal, unequal) in [
        ("status=sent", "status!=sent"),
        ("queue_id=4F1A22C0D9E", "queue_id!=4F1A22C0D9E"),
        ("service~subm", "service!~subm"),
        ("pid=101", "pid!=101"),
    ] {
        let (taken, left) = (kinds(&[equal]), kinds(&[unequal]));
        assert!(!taken.is_empty() && !left.is_empty(), "{equal}");
        assert_eq!(taken.len() + left.len(), kinds(&[]).len(), "{equal}");
    }
    // How to ask for lines that have the field.
    assert_eq!(kinds(&["status~", "status!=bounced"]), ["delivery"]);
}

#[test]
fn a_field_that_no_kind_has_is_refused_with_close_names() {
    for (condition, part) in [
        (
            "sendr=x",
            "--where: no line has a field `sendr`; close ones: sender",
        ),
        ("recipent!=x", "close ones: recipient"),
        ("client_ip~x", "close ones: "),
        ("schema=1", "no line has a field `schema`"),
        (
            "zzzzzzzzzzzz<1",
            "`mailtally events --schema` has their names",
        ),
    ] {
        let run = mailtally(&format!("events --where {condition}"), &[&lab_log()]);
        let run = run.expect_status(2);
        assert!(run.stderr.contains(part), "{run}");
        assert_eq!(run.stdout, "");
        assert_eq!(run.stderr.lines().count(), 1, "{run}");
    }
}

#[test]
fn a_field_that_only_other_kinds_have_is_said() {
    let run = mailtally_reading(
        "events --year 2026 --kind delivery --where sender=x -",
        LOG.as_bytes(),
    );
    let run = run.expect_status(0);
    assert!(run.stderr.contains("has a field `sender`"), "{run}");
    let run = mailtally_reading("events --year 2026 --where sender=x -", LOG.as_bytes());
    assert_eq!(run.expect_status(0).stderr, "");
}

#[test]
fn a_mistake_in_a_condition_is_told_before_anything_is_read() {
    for (condition, part) in [
        ("status", "`status` is no condition"),
        ("status==sent", "write status="),
        ("status~(", "unclosed group"),
        ("delay>long", "`long` is no number"),
    ] {
        let run = mailtally(&format!("events --where {condition}"), &[&lab_log()]);
        let run = run.expect_status(2);
        assert!(run.stderr.contains(part), "{run}");
        assert_eq!(run.stdout, "");
    }
}

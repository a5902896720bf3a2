//! `mailtally sql` in a build that answers none: the named queries, and how to get answers. What a build with the
//! feature `polars` does is in `tests/columns.rs`.

use crate::support::mailtally;

#[test]
fn named_queries_are_listed_and_shown() {
    let list = mailtally("sql --list", &[]).expect_status(0);
    let names = list.stdout.lines().map(|line| line.split(' ').next());
    assert!(names.flatten().any(|name| name == "top_reject_rules"));
    let text = mailtally("sql --name top_reject_rules --show", &[]).expect_status(0);
    let file = std::fs::read_to_string("dashboards/sql/top_reject_rules.sql").unwrap();
    assert_eq!(text.stdout, file);
}

#[test]
fn a_query_is_missing() {
    let run = mailtally("sql", &[]).expect_status(2);
    assert!(run.stderr.contains("a query is missing"), "{run}");
    assert_eq!(run.stderr.lines().count(), 1, "{run}");
}

#[cfg(not(feature = "polars"))]
#[test]
fn without_the_feature_one_line_says_how_to_get_it() {
    let run = mailtally("sql --name totals", &[&crate::support::lab_log()]).expect_status(2);
    assert_eq!(run.stdout, "");
    assert_eq!(run.stderr.lines().count(), 1, "{run}");
    assert!(run.stderr.contains("--features polars"), "{run}");
}

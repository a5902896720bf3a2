//! `mailtally coverage`: every line is accounted for.

use crate::support::{Folder, GOOD, lab_log, mailtally};

#[test]
fn each_line_is_in_one_class() {
    let folder = Folder::new();
    let log = format!(
        "{GOOD}\
         Nov 21 10:00:03 mx1 postfix/smtpd[101]: no such shape at all\n\
         Nov 21 10:00:04 mx1 postfix/smtpd[101]: warning: something that nobody has seen\n\
         Nov 21 10:00:05 mx1 cron[7]: (root) CMD (true)\n\
         Nov 21 12:30:05 mx1 rsyslogd: imuxsock lost 42 messages from pid 7 due to rate-limiting\n"
    );
    let file = folder.file("mail.log", log);
    let coverage = mailtally("coverage --format json --year 2026", &[&file])
        .expect_status(0)
        .json();
    let lines = &coverage["lines"];
    for (class, count) in [
        ("read", 7),
        ("parsed", 4),
        ("generic", 1),
        ("unparsed", 1),
        ("foreign", 1),
        ("filtered", 0),
    ] {
        assert_eq!(lines[class], count, "{class} in {lines}");
    }
    assert_eq!(coverage["lost"], 42);
    let unparsed = &coverage["unparsed_shapes"][0];
    assert_eq!(unparsed["count"], 1);
    assert!(
        unparsed["sample"]
            .as_str()
            .unwrap()
            .contains("no such shape at all"),
        "{unparsed}"
    );
    let gap = &coverage["gaps"][0];
    assert_eq!(
        gap["host"], "mx1",
        "the silence before 12:30 is longer than an hour\n{coverage}"
    );
}

#[test]
fn a_real_log_adds_up_and_leaves_nothing_unparsed() {
    let coverage = mailtally("coverage --format json", &[&lab_log()])
        .expect_status(0)
        .json();
    let line = |class: &str| coverage["lines"][class].as_u64().unwrap();
    assert_eq!(line("read"), 3_000);
    let classes = ["parsed", "generic", "unparsed", "foreign", "filtered"];
    assert_eq!(classes.map(line).iter().sum::<u64>(), 3_000);
    assert_eq!(line("unparsed"), 0, "{}", coverage["unparsed_shapes"]);
    let kinds = coverage["kinds"].as_array().unwrap();
    let by_kind: u64 = kinds.iter().map(|row| row["count"].as_u64().unwrap()).sum();
    assert_eq!(by_kind, 3_000);
}

#[test]
fn the_text_says_the_same_numbers() {
    let run = mailtally("coverage --year 2026", &[&lab_log()]).expect_status(0);
    assert!(
        run.stdout.contains("3,000") || run.stdout.contains("3000"),
        "{run}"
    );
    assert!(run.stdout.contains("smtpd_connect"), "{run}");
}

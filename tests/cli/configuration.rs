//! `--config`: the site's own words for reasons and rule ids.

use crate::support::{Folder, Run, mailtally};

const LOG: &str = "\
Nov 21 10:00:00 mx1 postfix/smtpd[101]: NOQUEUE: reject: RCPT from unknown[203.0.113.9]: 554 5.7.1 <unknown[203.0.113.9]>: Client host rejected: see ACL-17; from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<x>
Nov 21 10:00:01 mx1 postfix/smtp[102]: 4F1A22C0D9E: to=<bob@partner.example>, relay=mx.partner.example[198.51.100.7]:25, delay=1, delays=0/0/1/0, dsn=4.0.0, status=deferred (host mx.partner.example[198.51.100.7] said: 450 Das Postfach ist voll (in reply to RCPT TO command))
";

const CONFIG: &str = "\
[[reason]]
class = 'over-quota'
words = 'das postfach ist voll'
[[rule-id]]
pattern = '(acl-\\d+)'
";

fn with_config(subcommand: &str, text: &str) -> Run {
    let folder = Folder::new();
    let log = folder.file("mail.log", LOG);
    let config = folder.file("mailtally.toml", text);
    let arguments = format!("{subcommand} --year 2026 --config {}", config.display());
    mailtally(&arguments, &[&log])
}

#[test]
fn events_and_report_speak_the_sites_words() {
    let events = with_config("events", CONFIG).expect_status(0).json_lines();
    assert_eq!(events[0]["rule_id"], "ACL-17");
    let class = |config| {
        let events = with_config("events", config).expect_status(0).json_lines();
        events[1]["reason_class"].clone()
    };
    assert_eq!(class(CONFIG), "over-quota");
    assert_ne!(class(""), "over-quota");
    let rule = |config| {
        let report = with_config("report --format json", config).expect_status(0);
        report.json()["rejects"]["by_rule"][0]["rule"].clone()
    };
    assert_eq!(rule(CONFIG), "ACL-17");
    assert_ne!(rule(""), "ACL-17");
}

#[test]
fn a_mistake_in_it_ends_the_run_with_its_place() {
    let run = with_config("report", "[[reason]]\nclass = 'x'\nword = 'y'\n").expect_status(2);
    assert_eq!(run.stderr.lines().count(), 1, "{run}");
    assert!(
        run.stderr
            .contains("mailtally.toml: TOML parse error at line 3"),
        "{run}"
    );
    assert!(run.stderr.contains("unknown field `word`"), "{run}");
    let run = mailtally("report --config /nowhere/mailtally.toml -", &[]).expect_status(2);
    assert!(
        run.stderr.contains("cannot read /nowhere/mailtally.toml"),
        "{run}"
    );
}

//! `mailtally report --where`: what is left of a report, counted here from the lines' own words.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::support::{Folder, GOOD, fixture, lab_lines, lab_log, mailtally, mailtally_reading};

fn report(conditions: &[&str]) -> Value {
    let mut arguments = "report --year 2026 --format json --sections all".to_owned();
    for condition in conditions {
        arguments += &format!(" --where {condition}");
    }
    let run = mailtally(&arguments, &[&lab_log()]).expect_status(0);
    let report = run.json();
    let lines = &report["coverage"]["lines"];
    let of = |class: &str| lines[class].as_u64().unwrap();
    let classes = ["parsed", "generic", "unparsed", "foreign", "filtered"];
    assert_eq!(
        of("read"),
        classes.map(of).iter().sum::<u64>(),
        "{conditions:?}"
    );
    assert_eq!(of("read"), 3_000);
    report
}

fn between<'t>(text: &'t str, before: &str, behind: &str) -> Option<&'t str> {
    Some(text.split_once(before)?.1.split_once(behind)?.0)
}

/// A line of the laboratory's Postfixes that names a mail: its host and queue id, and the rest.
fn of_mail(line: &str) -> Option<((&str, &str), &str)> {
    let rest = line.get("Nov 21 00:46:26 ".len()..)?;
    let (host, rest) = rest.split_once(' ')?;
    let (id, rest) = rest.split_once("]: ")?.1.split_once(": ")?;
    let is_id = id.len() >= 9 && id.chars().all(|c| c.is_ascii_alphanumeric());
    is_id.then_some(((host, id), rest))
}

/// Counts deliveries by status among lines.
fn deliveries<'l>(lines: impl Iterator<Item = &'l str>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for line in lines {
        let Some(status) = between(line, " status=", " (").filter(|_| line.contains("to=<")) else {
            continue;
        };
        let status = match line.contains("status=sent (forwarded as") {
            true => "forwarded",
            false => status,
        };
        *counts.entry(status.to_owned()).or_default() += 1;
    }
    counts
}

fn same_deliveries(report: &Value, expected: &BTreeMap<String, u64>) {
    for (figure, status) in [
        ("delivered", "sent"),
        ("forwarded", "forwarded"),
        ("deferrals", "deferred"),
        ("bounced", "bounced"),
    ] {
        let expected = expected.get(status).copied().unwrap_or(0);
        assert_eq!(report["totals"][figure], expected, "{figure}");
    }
}

#[test]
fn deliveries_are_those_of_matching_recipients() {
    let lines = lab_lines();
    for domain in ["example.org", "shop.example", "partner.example"] {
        let asked = format!("@{domain}>,");
        let to = lines.iter().filter(|line| {
            let recipient = line.split_once(" to=<").map_or("", |(_, rest)| rest);
            recipient
                .split(' ')
                .next()
                .is_some_and(|word| word.ends_with(&asked))
        });
        let expected = deliveries(to.map(String::as_str));
        assert!(expected.values().sum::<u64>() > 0, "{domain}");
        let found = report(&[&format!("recipient_domain={domain}")]);
        same_deliveries(&found, &expected);
        // Capitals say nothing in domains.
        let shouted = report(&[&format!("recipient_domain={}", domain.to_uppercase())]);
        assert_eq!(shouted["totals"], found["totals"]);
    }
}

#[test]
fn a_mail_of_the_sender_counts_with_all_its_lines() {
    let lines = lab_lines();
    let of_mails: Vec<_> = lines.iter().filter_map(|line| of_mail(line)).collect();
    let queued = of_mails
        .iter()
        .filter(|(_, text)| text.contains("(queue active)"));
    let mut senders: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for (id, text) in queued {
        senders
            .entry(between(text, "from=<", ">").unwrap())
            .or_default()
            .insert(*id);
    }
    let mut checked = 0;
    for (sender, ids) in senders
        .iter()
        .filter(|(sender, ids)| ids.len() > 4 && !sender.is_empty())
    {
        let own = of_mails.iter().filter(|(id, _)| ids.contains(id));
        let texts: Vec<&str> = own.map(|(_, text)| *text).collect();
        let found = report(&[&format!("sender={sender}")]);
        let expected = deliveries(texts.iter().copied());
        same_deliveries(&found, &expected);
        let received = texts
            .iter()
            .filter(|text| text.starts_with("client=") || text.starts_with("uid="));
        assert_eq!(found["totals"]["received"], received.count(), "{sender}");
        checked += 1;
    }
    assert!(checked > 3, "only {checked} senders were looked at");
}

#[test]
fn what_equals_and_what_does_not_are_all_mails_that_say_it() {
    let figures = |conditions: &[&str]| {
        let report = report(conditions);
        [
            "received",
            "delivered",
            "deferrals",
            "bounced",
            "expired",
            "bytes_delivered",
        ]
        .map(|figure| report["totals"][figure].as_u64().unwrap())
    };
    for (equal, unequal) in [
        ("sender_domain=example.org", "sender_domain!=example.org"),
        ("sender~^[a-m]", "sender!~^[a-m]"),
    ] {
        let (left, right, all) = (
            figures(&[equal]),
            figures(&[unequal]),
            figures(&["sender~"]),
        );
        assert!(left[0] > 0 && right[0] > 0, "{equal}: {left:?} {right:?}");
        let sum: Vec<u64> = left
            .iter()
            .zip(right)
            .map(|(left, right)| left + right)
            .collect();
        assert_eq!(sum, all, "{equal}");
    }
}

#[test]
fn conditions_on_lines_decide_lines() {
    let lines = lab_lines();
    for (condition, word) in [
        ("host=mx1.example.net", " mx1.example.net "),
        ("kind=smtpd_connect", "/smtpd["),
    ] {
        let found = report(&[condition]);
        let kept = 3_000 - found["coverage"]["lines"]["filtered"].as_u64().unwrap();
        let has_word = |line: &&String| {
            let is_connect = !condition.starts_with("kind") || line.contains("]: connect from ");
            line.contains(word) && is_connect
        };
        assert_eq!(
            kept,
            lines.iter().filter(has_word).count() as u64,
            "{condition}"
        );
    }
    let both = report(&["host=mx1.example.net", "recipient_domain=example.org"]);
    let on_host =
        |line: &&String| line.contains(" mx1.example.net ") && line.contains("@example.org>,");
    same_deliveries(
        &both,
        &deliveries(lines.iter().filter(on_host).map(String::as_str)),
    );
}

/// A refusal has no queue id, but says whom it was for.
#[test]
fn a_refusal_is_decided_by_itself_and_other_lines_are_left_out() {
    let reject = |sender: &str, to: &str| {
        format!(
            "Nov 21 10:00:03 mx1 postfix/smtpd[101]: NOQUEUE: reject: RCPT from mail.example.net[198.51.100.7]: \
             554 5.7.1 <{to}>: Relay access denied; from=<{sender}> to=<{to}> proto=ESMTP helo=<x>\n"
        )
    };
    let log = [
        GOOD,
        &reject("a@example.net", "b@example.com"),
        &reject("a@example.net", "c@example.com"),
        &reject("x@example.net", "b@example.com"),
    ]
    .concat();
    let arguments = "report --year 2026 --format json --where sender=a@example.net --where recipient=b@example.com -";
    let report = mailtally_reading(arguments, log.as_bytes())
        .expect_status(0)
        .json();
    assert_eq!(report["totals"]["rejected"], 1);
    assert_eq!(report["coverage"]["lines"]["filtered"], 5);
    assert_eq!(report["meta"]["where"][1], "recipient=b@example.com");
    assert!(report.get("tls").is_none(), "nothing to say of TLS");
    let notes = report["meta"]["notes"].to_string();
    assert!(
        notes.contains("nothing to show of tls, logins, warnings"),
        "{notes}"
    );
}

/// The mail waits for its recipient over the beginning of the log that is in another file, and the
/// text of what waits is read again.
#[test]
fn packed_logs_and_standard_input_say_the_same_as_plain_files() {
    let arguments = "report --year 2026 --where recipient_domain=example.org --format text";
    let of = |run: crate::support::Run| {
        let is_input = |line: &&str| !line.starts_with("  files");
        let text = run.expect_status(0).stdout;
        text.lines()
            .filter(is_input)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let packed = fixture("logs/lab-a/mail.log.gz");
    let folder = Folder::new();
    let unpacked = std::process::Command::new("gzip")
        .arg("-dc")
        .arg(&packed)
        .output();
    let log = unpacked.unwrap().stdout;
    let plain = folder.file("mail.log", &log);
    let expected = of(mailtally(arguments, &[&plain]));
    assert_eq!(of(mailtally(arguments, &[&packed])), expected);
    assert_eq!(
        of(mailtally_reading(&format!("{arguments} -"), &log)),
        expected
    );
    for threads in [1, 2, 5] {
        let threads = format!("{arguments} --threads {threads}");
        assert_eq!(of(mailtally(&threads, &[&plain])), expected);
    }
}

#[test]
fn a_range_is_cut_first() {
    let lines = lab_lines();
    let within = |line: &&String| line.as_str() >= "Nov 21 00:46:40";
    let folder = Folder::new();
    let rest: String = lines.iter().filter(within).map(String::as_str).collect();
    let rest = folder.file("mail.log", rest);
    let arguments = "report --year 2026 --format json --where recipient_domain=example.org";
    let cut = mailtally(
        &format!("{arguments} --since 2026-11-21T00:46:40"),
        &[&lab_log()],
    );
    let (cut, rest) = (cut.json(), mailtally(arguments, &[&rest]).json());
    assert_eq!(cut["totals"], rest["totals"]);
    assert_eq!(cut["coverage"]["lines"], rest["coverage"]["lines"]);
}

#[test]
fn all_formats_name_the_conditions() {
    let folder = Folder::new();
    for format in ["text", "json", "html", "markdown"] {
        let arguments = format!("report --year 2026 --format {format} --where status=deferred");
        let run = mailtally(&arguments, &[&lab_log()]).expect_status(0);
        assert!(run.stdout.contains("status=deferred"), "{format}");
    }
    let out = folder.path().join("csv");
    let arguments = format!(
        "report --year 2026 --format csv --where status=deferred --out {}",
        out.display()
    );
    mailtally(&arguments, &[&lab_log()]).expect_status(0);
    assert!(!out.join("tls.csv").exists());
    let deferrals = fs::read_to_string(out.join("deferrals.csv")).unwrap();
    assert!(deferrals.contains("connection-lost"), "{deferrals}");
}

#[test]
fn a_mistake_is_one_line_with_what_is_near_it() {
    for (condition, part) in [
        (
            "sendr=x",
            "no line or mail has a field `sendr`; close ones: sender",
        ),
        (
            "zzzzzzzzzzzz=x",
            "mails have sender, recipient, sender_domain",
        ),
        ("status=bounce", "no such status; close ones: bounced"),
        ("status=nonsense", "there are: sent, deferred, bounced"),
        ("kind=smtpd_conect", "close ones: smtpd_connect"),
        (
            "network=203.0.113.9",
            "the network of that address is 203.0.113.0/24",
        ),
        ("network=2001:db8::1/48", "is 2001:db8::/64"),
        ("network=here", "write a network as 203.0.113.0/24"),
        (
            "sender!=<a@example.com>",
            "leave out the brackets: a@example.com",
        ),
        (
            "recipient_domain=a@example.com",
            "its domain is example.com",
        ),
        ("time~10", "--date, --since and --until"),
    ] {
        let run = mailtally(&format!("report --where {condition}"), &[&lab_log()]).expect_status(2);
        assert!(run.stderr.contains(part), "{run}");
        assert_eq!(run.stderr.lines().count(), 1, "{run}");
        assert_eq!(run.stdout, "");
    }
}

#[test]
fn nothing_left_is_said() {
    let run = mailtally(
        "report --year 2026 --where sender=nobody@nowhere.example",
        &[&lab_log()],
    );
    let run = run.expect_status(0);
    assert!(run.stderr.contains("no line meets the conditions"), "{run}");
    assert!(
        run.stdout.contains("3,000 read, 3,000 filtered out"),
        "{run}"
    );
}

/// Nothing that is filtered out can go beyond a limit: that would look as if all were well.
#[test]
fn a_limit_on_what_is_filtered_out_is_refused() {
    let run = |limit: &str, condition: &str| {
        let arguments = format!("report --year 2026 --where {condition} --fail-on {limit}");
        mailtally(&arguments, &[&lab_log()])
    };
    let refused = run("failed_logins>0", "sender~x").expect_status(2);
    assert!(
        refused
            .stderr
            .contains("failed_logins>0: with conditions on mails"),
        "{refused}"
    );
    run("failed_logins>0", "host=mail.example.org").expect_status(1);
    run("delivered>0", "recipient_domain=example.org").expect_status(1);
    run("delivered>0", "recipient_domain=nowhere.example").expect_status(0);
}

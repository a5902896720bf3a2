//! `mailtally trace`: what it prints, says and returns.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::report_schema::Validator;
use crate::support::{mailtally, mailtally_reading};

const LOG: &str = "fixtures/logs/lab-small/mail.log";

/// A queue id of the log with a `removed` line, told without mailtally.
fn removed_id(log: &str) -> &str {
    let line = log
        .lines()
        .find(|line| line.contains("postfix/qmgr[") && line.ends_with(": removed"));
    line.unwrap().rsplit(": ").nth(1).unwrap()
}

#[test]
fn shows_each_line_of_a_queue_id() {
    let log = fs::read_to_string(LOG).unwrap();
    let id = removed_id(&log);
    let run = mailtally(&format!("trace --raw --queue-id {id}"), &[Path::new(LOG)]);
    assert_eq!(run.status, Some(0), "{}", run.stderr);
    let own: Vec<&str> = log
        .lines()
        .filter(|line| line.contains(&format!(" {id}: ")))
        .collect();
    assert!(!own.is_empty());
    for line in own {
        assert!(run.stdout.lines().any(|found| found == line), "{line}");
    }
}

#[test]
fn standard_input_gives_the_same_as_the_file() {
    let log = fs::read(LOG).unwrap();
    let text = String::from_utf8(log.clone()).unwrap();
    let arguments = format!("trace --year 2026 --queue-id {}", removed_id(&text));
    let of_file = mailtally(&arguments, &[Path::new(LOG)]);
    let of_pipe = mailtally_reading(&format!("{arguments} -"), &log);
    assert_eq!(of_pipe.status, Some(0), "{}", of_pipe.stderr);
    assert_eq!(of_pipe.stdout, of_file.stdout);
    assert!(
        of_file.stdout.starts_with("Mail 1 of 1\n"),
        "{}",
        of_file.stdout
    );
}

#[test]
fn a_search_without_a_mail_says_what_was_searched() {
    let run = mailtally("trace nobody@nowhere.example", &[Path::new(LOG)]);
    assert_eq!(run.status, Some(1), "{}", run.stderr);
    assert_eq!(run.stdout, "");
    let expected = format!("no mail with address nobody@nowhere.example in {LOG}: 3000 lines, ");
    assert!(run.stderr.contains(&expected), "{}", run.stderr);
}

#[test]
fn json_has_the_recipients_and_hops() {
    let log = fs::read_to_string(LOG).unwrap();
    let id = removed_id(&log);
    let run = mailtally(
        &format!("trace --format json --queue-id {id}"),
        &[Path::new(LOG)],
    );
    let object: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(object["schema"], 1);
    let hops = object["mails"][0]["hops"].as_array().unwrap();
    assert!(
        hops.iter().any(|hop| hop["queue_id"] == id),
        "{}",
        run.stdout
    );
    assert!(
        !object["mails"][0]["recipients"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn the_limit_keeps_the_latest_and_says_how_many_are_left_out() {
    let run = mailtally("trace --client 127.0.0.1 --limit 1", &[Path::new(LOG)]);
    assert_eq!(run.status, Some(0), "{}", run.stderr);
    assert!(run.stdout.starts_with("Mail 1 of 1\n"), "{}", run.stdout);
    assert!(
        run.stderr.contains("earlier matches are not shown"),
        "{}",
        run.stderr
    );
}

#[test]
fn escape_sequences_do_not_reach_the_terminal() {
    let log = "Nov 21 10:00:00 mx1 postfix/qmgr[13]: 4F1A22C0D9E: from=<a\x1b[2J@a.example>, size=500, nrcpt=1 (queue active)\n";
    for format in ["text", "json"] {
        let arguments = format!("trace --queue-id 4F1A22C0D9E --format {format} -");
        let run = mailtally_reading(&arguments, log.as_bytes());
        assert_eq!(run.status, Some(0), "{}", run.stderr);
        assert!(!run.stdout.contains('\x1b'), "{:?}", run.stdout);
    }
}

#[test]
fn a_term_is_needed() {
    let run = mailtally_reading("trace", b"");
    assert_eq!(run.status, Some(2));
    assert!(run.stderr.contains("say which mail"), "{}", run.stderr);
}

/// Five mails of one client, a minute apart.
fn five_mails() -> String {
    let mail = |at: u8| {
        format!(
            "Nov 21 10:0{at}:00 mx1 postfix/smtpd[1]: {at}F1A22C0D9E: client=a.example[192.0.2.7]\n\
             Nov 21 10:0{at}:01 mx1 postfix/qmgr[2]: {at}F1A22C0D9E: from=<a@a.example>, size=500, nrcpt=1 (queue active)\n\
             Nov 21 10:0{at}:02 mx1 postfix/qmgr[2]: {at}F1A22C0D9E: removed\n"
        )
    };
    (1..=5).map(mail).collect()
}

#[test]
fn of_several_terms_all_must_hold_and_the_limit_counts_what_does() {
    let log = five_mails().replace("3F1A22C0D9E: from=<a@", "3F1A22C0D9E: from=<b@");
    let ids = |arguments: &str| {
        let arguments = format!("trace --year 2026 --format json {arguments} -");
        let run = mailtally_reading(&arguments, log.as_bytes());
        let object: Value = serde_json::from_str(&run.stdout).unwrap();
        let mails = object["mails"].as_array().unwrap().iter();
        let ids = mails.map(|mail| mail["hops"][0]["queue_id"].as_str().unwrap().to_owned());
        let left_out = object["searched"]["left_out"].as_u64().unwrap();
        (ids.collect::<Vec<String>>(), left_out, run.stderr)
    };
    let (found, left_out, _) = ids("--client 192.0.2.7 --limit 9");
    assert_eq!((found.len(), left_out), (5, 0));
    let (found, left_out, said) = ids("--client 192.0.2.7 --limit 2");
    assert_eq!(found, ["4F1A22C0D9E", "5F1A22C0D9E"]);
    assert_eq!(left_out, 3);
    assert!(
        said.contains("3 earlier matches are not shown: --limit shows more"),
        "{said}"
    );
    let (found, left_out, _) = ids("--client 192.0.2.7 --sender b@a.example");
    assert_eq!((found, left_out), (vec!["3F1A22C0D9E".to_owned()], 0));
    let (found, left_out, _) = ids("--client 192.0.2.7 --sender a@a.example --limit 1");
    assert_eq!((found, left_out), (vec!["5F1A22C0D9E".to_owned()], 3));
}

#[test]
fn more_lines_than_are_kept_are_said() {
    const MOST: usize = 20_000;
    let line = |at: usize| {
        format!(
            "Nov 21 10:00:00 mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from a.example[192.0.2.7]: 554 5.7.1 \
             <{at}@b.example>: Relay access denied; from=<a@a.example> to=<{at}@b.example> proto=ESMTP helo=<a>\n"
        )
    };
    // Some more than are kept, and so many that they are dropped on the way.
    for more in [7, 2 * MOST + 5] {
        let log: String = (0..MOST + more).map(line).collect();
        let arguments = "trace --year 2026 --client 192.0.2.7 --limit 1 --format json -";
        let run = mailtally_reading(arguments, log.as_bytes());
        let searched = serde_json::from_str::<Value>(&run.stdout).unwrap()["searched"].clone();
        assert_eq!(searched["matches_forgotten"], more, "{}", run.stderr);
        assert_eq!(searched["lines"], MOST + more);
        assert_eq!(searched["left_out"], MOST - 1);
        let said = format!("too many lines match, and the {more} earliest were left out");
        assert!(run.stderr.contains(&said), "{}", run.stderr);
        assert!(
            run.stdout
                .contains(&format!("\"{}@b.example\"", MOST + more - 1))
        );
    }
}

#[test]
fn more_lines_of_one_mail_than_are_kept_are_said() {
    const MOST: usize = 50_000;
    let attempt = |at: usize| {
        format!(
            "Nov 21 10:00:01 mx1 postfix/smtp[3]: 4F1A22C0D9E: to=<{at}@b.example>, relay=none, delay=1, \
             delays=0/0/1/0, dsn=4.4.1, status=deferred (connect to b.example[192.0.2.4]:25: Connection timed out)\n"
        )
    };
    let birth = "Nov 21 10:00:00 mx1 postfix/cleanup[2]: 4F1A22C0D9E: message-id=<one@a.example>\n";
    let log: String = [birth.to_owned()]
        .into_iter()
        .chain((0..MOST + 3).map(attempt))
        .collect();
    let arguments = "trace --year 2026 --message-id <one@a.example> --format json -";
    let run = mailtally_reading(arguments, log.as_bytes());
    let object: Value = serde_json::from_str(&run.stdout).unwrap();
    // The birth is one of the lines that name the queue id.
    assert_eq!(object["searched"]["lines_forgotten"], 4, "{}", run.stderr);
    assert!(
        run.stderr.contains("the 4 earliest were left out"),
        "{}",
        run.stderr
    );
    assert!(!run.stdout.contains("\"2@b.example\""));
    assert!(run.stdout.contains("\"3@b.example\""));
    assert!(run.stdout.contains(&format!("\"{}@b.example\"", MOST + 2)));
}

/// A mail that goes through so many queues, each of which names the next one only.
fn chain(hops: u8) -> String {
    let hop = |at: u8| {
        let next = at + 1;
        format!(
            "Nov 21 10:00:{at:02} mx{at} postfix/qmgr[2]: {at:02}1A22C0D9E: from=<a@a.example>, size=500, nrcpt=1 (queue active)\n\
             Nov 21 10:00:{at:02} mx{at} postfix/smtp[3]: {at:02}1A22C0D9E: to=<b@b.example>, relay=mx{next}[192.0.2.{next}]:25, \
             delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as {next:02}1A22C0D9E)\n"
        )
    };
    (1..=hops).map(hop).collect()
}

#[test]
fn a_search_ends_after_eight_passes_and_says_so() {
    for (hops, found, is_cut) in [(3, 3, false), (6, 6, false), (12, 7, true)] {
        let arguments = "trace --year 2026 --queue-id 011A22C0D9E --format json -";
        let run = mailtally_reading(arguments, chain(hops).as_bytes());
        let object: Value = serde_json::from_str(&run.stdout).unwrap();
        let passes = object["searched"]["passes"].as_u64().unwrap();
        assert_eq!(object["searched"]["is_cut"], is_cut, "{hops} hops");
        assert_eq!(object["mails"][0]["hops"].as_array().unwrap().len(), found);
        assert!(passes <= 8, "{passes}");
        let said = "the search ended after 8 passes: lines of further hops may be missing";
        assert_eq!(run.stderr.contains(said), is_cut, "{}", run.stderr);
        // Raw lines and text are cut likewise, and are no less silent about it.
        let raw = mailtally_reading(
            "trace --year 2026 --queue-id 011A22C0D9E --raw -",
            chain(hops).as_bytes(),
        );
        assert_eq!(raw.stdout.lines().count(), 2 * found);
        assert_eq!(raw.stderr.contains(said), is_cut, "{}", raw.stderr);
    }
}

#[test]
fn what_was_searched_is_said_with_all_terms_files_and_times() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["mx1.log", "mx2.log"].map(|name| folder.path().join(name));
    fs::write(&paths[0], five_mails()).unwrap();
    fs::write(&paths[1], five_mails().replace("mx1", "mx2")).unwrap();
    let run = mailtally(
        "trace --year 2026 --queue-id AAAAAAAAAAA --sender a@a.example",
        &[&paths[0], &paths[1]],
    );
    let [one, two] = paths.map(|path| path.display().to_string());
    let said = format!(
        "no mail with queue-id AAAAAAAAAAA and sender a@a.example in {one}, {two}: 30 lines, \
         2026-11-21T10:01:00"
    );
    assert_eq!(run.status, Some(1));
    assert!(run.stderr.contains(&said), "{}", run.stderr);
    assert!(
        run.stderr.contains(" to 2026-11-21T10:05:02"),
        "{}",
        run.stderr
    );
    assert_eq!(run.stdout, "");
}

#[test]
fn the_json_keeps_to_its_schema() {
    let validator = Validator::new("trace");
    for arguments in ["--client 127.0.0.1", "--recipient nobody@nowhere.example"] {
        let run = mailtally(
            &format!("trace --format json {arguments}"),
            &[Path::new(LOG)],
        );
        let mut object: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(validator.check(&object), Ok(()), "{arguments}");
        for parent in ["", "/searched", "/searched/terms/0"] {
            let mut changed = object.clone();
            changed.pointer_mut(parent).unwrap()["no_such_key"] = 1.into();
            assert!(validator.check(&changed).is_err(), "{parent}");
        }
        if let Some(delay) = object.pointer_mut("/mails/0/recipients/0/delay") {
            assert!(delay.is_number());
            *delay = "1".into();
            assert!(validator.check(&object).is_err());
        }
    }
}

//! The cursor: what it hands out plain is what it hands out else, and who logged is told by numbers.

use std::collections::HashMap;

use proptest::prelude::*;

use super::super::{SourceId, TimeRange};
use super::*;

fn chunk(text: &str, dating: Dating) -> Chunk {
    Chunk::new(text.as_bytes().to_vec(), dating, SourceId(0))
}

/// A line with all of its envelope, to be compared after the cursor went on.
fn shown(record: Option<&Record<'_>>, time: Option<WallTime>) -> String {
    format!("{record:?} {time:?}")
}

/// The lines as `next` gives them.
fn lines_of(chunk: &Chunk) -> Vec<String> {
    let mut lines = chunk.records();
    let mut all = Vec::new();
    while let Some(line) = lines.next() {
        all.push(shown(line.record(), line.time));
    }
    all
}

/// The lines as they were read.
fn raw_lines_of(chunk: &Chunk) -> Vec<String> {
    let mut lines = chunk.records();
    let mut all = Vec::new();
    while let Some(line) = lines.next() {
        all.push(String::from_utf8_lossy(line.raw).into_owned());
    }
    all
}

/// The lines as the cursor steps through them; how many of them are plain.
fn steps_of(chunk: &Chunk) -> (Vec<String>, usize) {
    let mut lines = chunk.records();
    let (mut all, mut plain) = (Vec::new(), 0);
    loop {
        match lines.step() {
            Step::Plain => {
                let (record, time) = lines.plain();
                all.push(shown(Some(record), Some(time)));
                plain += 1;
            }
            Step::Other => {
                let line = lines.other();
                all.push(shown(line.record(), line.time));
            }
            Step::End => return (all, plain),
        }
    }
}

/// The plain twin: each line read for itself, dated from the beginning of its year.
fn twins_of(text: &str, year: i32) -> Vec<String> {
    let mut dater = Dater::new(&Dating::from_year(year, None));
    let records = text.lines().map(|line| Record::parse(line.as_bytes()));
    let shown = records.map(|record| {
        let time = record.map(|record| dater.wall_time(&record.timestamp));
        shown(record.as_ref(), time)
    });
    shown.collect()
}

const CONTAINER: &str = r#"{"log":"Nov  1 00:00:02 mx1 dovecot: imap: x\n","stream":"stdout","time":"2026-11-01T00:00:02Z"}"#;

#[test]
fn what_is_plain_and_what_is_not_come_in_order() {
    let text = format!(
        "Nov  1 00:00:01 mx1 postfix/smtpd[10]: connect from mail.example.com[192.0.2.1]\n\
         Nov  1 00:00:01 mx1 postfix/smtpd[10]: disconnect from mail.example.com[192.0.2.1]\n\
         Nov  1 00:00:01 mx1 cron[11]: (root) CMD (true)\n\
         no envelope\n\
         {CONTAINER}\n\
         -- Boot 5ef3a2d0a2cf4a2f8f6e1c5d9b7a3e21 --\n\
         Nov  1 00:01:02 mx1 postfix/smtpd[10]: connect from mail.example.com[192.0.2.1]\n\
         Nov  1 00:01:02 mx1 last message repeated 2 times\n\
         Nov  1 00:01:03 mx1 postfix/smtpd[10]: lost connection after EHLO from unknown\n"
    );
    let chunk = chunk(&text, Dating::from_year(2026, None));
    let (steps, plain) = steps_of(&chunk);
    assert_eq!(steps, lines_of(&chunk));
    assert_eq!((steps.len(), plain), (9, 4));
    assert!(raw_lines_of(&chunk).iter().eq(text.lines()));
}

#[test]
fn a_range_leaves_out_the_same_lines_whichever_way_they_are_read() {
    let line = |second: u32| {
        format!("Nov  1 00:00:{second:02} mx1 postfix/smtpd[10]: connect from unknown[192.0.2.1]\n")
    };
    let text: String = (0..40).map(|at| line(at / 2)).collect();
    let all = Dating::from_year(2026, None);
    let first = lines_of(&chunk(&text, all));
    let from = 20_758 * 86_400_000_000 + 5_000_000;
    let some = all.within(Some(TimeRange::of_wall(Some(from), Some(from + 3_000_000))));
    let chunk = chunk(&text, some);
    assert_eq!(lines_of(&chunk), first[10..16]);
    assert_eq!(steps_of(&chunk).0, first[10..16]);
}

/// Lines that repeat what makes an envelope, in any order.
fn log() -> impl Strategy<Value = String> {
    let host = prop::sample::select(vec!["mx1", "mx2", "a-long-name-of-a-host.mail.example.com"]);
    let service = prop::sample::select(vec!["smtpd", "qmgr", "submission/smtpd", "dovecot", "x"]);
    let line = (0u8..3, 0u8..60, host, service, 1u32..40).prop_map(
        |(minute, second, host, service, pid)| {
            let tag = match service {
                "dovecot" => "dovecot".into(),
                _ => format!("postfix/{service}[{pid}]"),
            };
            format!("Nov  1 00:{minute:02}:{second:02} {host} {tag}: connect from unknown\n")
        },
    );
    // As processes log: several lines in a second.
    let lines = prop::collection::vec((line, 1usize..4), 1..120);
    lines.prop_map(|lines| {
        lines
            .iter()
            .map(|(line, times)| line.repeat(*times))
            .collect()
    })
}

proptest! {
    #[test]
    fn lines_are_those_of_the_plain_twin(text in log()) {
        let chunk = chunk(&text, Dating::from_year(2026, None));
        let twins = twins_of(&text, 2026);
        prop_assert_eq!(&lines_of(&chunk), &twins);
        prop_assert_eq!(&steps_of(&chunk).0, &twins);
        prop_assert!(raw_lines_of(&chunk).iter().eq(text.lines()));
    }

    #[test]
    fn an_author_is_one_host_and_one_process(text in log()) {
        let chunk = chunk(&text, Dating::from_year(2026, None));
        let mut lines = chunk.records();
        let mut authors = HashMap::new();
        while let Some(line) = lines.next() {
            let (author, record) = (line.author.unwrap(), line.record().unwrap());
            let named = (record.host.to_vec(), record.tag.text.to_vec(), record.pid);
            prop_assert_eq!(authors.entry(author).or_insert(named.clone()), &named);
        }
        // So few share no place: each is one author.
        prop_assert!(authors.len() <= 3 * 161);
    }
}

#[test]
fn who_comes_again_is_the_same_author() {
    let text = "Nov  1 00:00:01 mx1 postfix/smtpd[10]: connect from unknown[192.0.2.1]\n\
                Nov  1 00:00:01 mx2 postfix/smtpd[10]: connect from unknown[192.0.2.1]\n\
                Nov  1 00:07:01 mx1 postfix/smtpd[11]: connect from unknown[192.0.2.1]\n\
                Nov  1 00:07:01 mx1 cron[12]: (root) CMD (true)\n\
                Nov  1 00:07:02 mx2 postfix/smtpd[10]: connect from unknown[192.0.2.1]\n";
    let chunk = chunk(text, Dating::from_year(2026, None));
    let mut lines = chunk.records();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        found.push(line.author);
    }
    let [first, second, third, none, again] = found[..] else {
        panic!("{found:?}")
    };
    assert!(first.is_some() && second.is_some() && third.is_some());
    assert!(first != second && first != third && second != third);
    assert_eq!((none, again), (None, second));
}
